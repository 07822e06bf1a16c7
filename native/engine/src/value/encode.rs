//! From a host's value to what SQLite stores, by the column's type. Nothing is converted
//! that would not be read back as it was given.

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use super::column_type::ColumnType;
use super::decimal;
use super::json;
use super::refusal::{borrowed, owned, refuse, ColumnRef, Encoded, Refusal};
use super::time::{check_date, check_time, format_date, format_datetime, format_time};
use super::types::{DateTime, Time, Value};
use crate::error::Result;

/// What a value becomes in a column of the given type. Texts and blobs are borrowed.
///
/// # Errors
/// `invalid_value` with table, column, what was expected and the value, shortened.
pub fn encode<'v>(
    value: &'v Value,
    column_type: ColumnType,
    column: &ColumnRef<'_>,
) -> Result<ToSqlOutput<'v>> {
    typed(value, column_type).map_err(|why| refuse(value, column_type, Some(column), why))
}

/// What a value becomes where a type is given, but no column.
///
/// # Errors
/// `invalid_value`.
pub fn encode_as(value: &Value, column_type: ColumnType) -> Result<ToSqlOutput<'_>> {
    typed(value, column_type).map_err(|why| refuse(value, column_type, None, why))
}

/// What a value becomes as a parameter of raw SQL, where no column says its type.
///
/// # Errors
/// `invalid_value`.
pub fn encode_untyped(value: &Value) -> Result<ToSqlOutput<'_>> {
    let column_type = match value {
        Value::Symbol(_) => ColumnType::Text,
        Value::Decimal { .. } => ColumnType::Decimal,
        Value::DateTime(at) if whole_seconds(&at.time) => ColumnType::DateTime,
        Value::DateTime(_) => ColumnType::DateTimeUsec,
        Value::NaiveDateTime(at) if whole_seconds(&at.time) => ColumnType::NaiveDateTime,
        Value::NaiveDateTime(_) => ColumnType::NaiveDateTimeUsec,
        Value::Date(_) => ColumnType::Date,
        Value::Time(time) if whole_seconds(time) => ColumnType::Time,
        Value::Time(_) => ColumnType::TimeUsec,
        Value::Json(_) => ColumnType::Json,
        _ => ColumnType::Any,
    };
    typed(value, column_type).map_err(|why| refuse(value, column_type, None, why))
}

fn whole_seconds(time: &Time) -> bool {
    time.precision == 0 && time.microsecond == 0
}

fn typed(value: &Value, column_type: ColumnType) -> Encoded<'_> {
    if matches!(value, Value::Null) {
        return Ok(ToSqlOutput::Owned(Stored::Null));
    }
    match column_type {
        ColumnType::Text => text(value),
        ColumnType::Uuid => uuid(value),
        ColumnType::Integer => integer(value),
        ColumnType::Real => real(value),
        ColumnType::Decimal => decimal::encode(value),
        ColumnType::Boolean => boolean(value),
        ColumnType::DateTime => datetime(value, Seconds::Whole),
        ColumnType::DateTimeUsec => datetime(value, Seconds::Micro),
        ColumnType::NaiveDateTime => naive_datetime(value, Seconds::Whole),
        ColumnType::NaiveDateTimeUsec => naive_datetime(value, Seconds::Micro),
        ColumnType::Date => date(value),
        ColumnType::Time => time(value, Seconds::Whole),
        ColumnType::TimeUsec => time(value, Seconds::Micro),
        ColumnType::Json => json::encode(value),
        ColumnType::Blob => blob(value),
        ColumnType::Any => any(value),
    }
}

/// What a column keeps of a second. One form per column, so that the order of its texts is the
/// order of time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seconds {
    Whole,
    Micro,
}

fn text(value: &Value) -> Encoded<'_> {
    match value {
        Value::Bytes(bytes) => borrowed(utf8(bytes)?),
        Value::Symbol(name) => borrowed(name),
        _ => Err(Refusal::OtherKind),
    }
}

fn utf8(bytes: &[u8]) -> std::result::Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|error| {
        Refusal::Because(format!(
            "it is not UTF-8 from byte {} on; keep bytes in a BLOB column",
            error.valid_up_to()
        ))
    })
}

fn uuid(value: &Value) -> Encoded<'_> {
    let Value::Bytes(bytes) = value else {
        return Err(Refusal::OtherKind);
    };
    // Other forms of the same id would be other texts, and no two of them equal.
    let parsed = match bytes.len() {
        36 => uuid::Uuid::try_parse_ascii(bytes).ok(),
        _ => None,
    };
    match parsed {
        Some(parsed) => owned(parsed.hyphenated().to_string()),
        None => Err(Refusal::because(
            "give the 36 characters of a UUID, such as 01234567-89ab-cdef-0123-456789abcdef",
        )),
    }
}

fn integer(value: &Value) -> Encoded<'_> {
    match value {
        Value::Integer(number) => Ok(ToSqlOutput::Owned(Stored::Integer(*number))),
        Value::BigInteger(_) => Err(Refusal::because(
            "it is outside 64 bits; keep such numbers in a DECIMAL_TEXT column",
        )),
        _ => Err(Refusal::OtherKind),
    }
}

fn real(value: &Value) -> Encoded<'_> {
    match value {
        Value::Real(number) if number.is_finite() => Ok(ToSqlOutput::Owned(Stored::Real(*number))),
        Value::Real(_) => Err(Refusal::because("it is not a finite number")),
        Value::Integer(number) => match exact_float(*number) {
            Some(float) => Ok(ToSqlOutput::Owned(Stored::Real(float))),
            None => Err(Refusal::because("no float is exactly this integer")),
        },
        Value::BigInteger(_) => Err(Refusal::because("it is outside 64 bits; give a float")),
        _ => Err(Refusal::OtherKind),
    }
}

fn exact_float(number: i64) -> Option<f64> {
    let float = number as f64;
    (float as i128 == i128::from(number)).then_some(float)
}

fn boolean(value: &Value) -> Encoded<'_> {
    match value {
        Value::Boolean(truth) => Ok(ToSqlOutput::Owned(Stored::Integer(i64::from(*truth)))),
        _ => Err(Refusal::OtherKind),
    }
}

fn datetime(value: &Value, seconds: Seconds) -> Encoded<'_> {
    match value {
        Value::DateTime(at) => date_and_time(at, seconds, true),
        Value::NaiveDateTime(_) => Err(Refusal::because("it has no time zone; give an instant")),
        _ => Err(Refusal::OtherKind),
    }
}

fn naive_datetime(value: &Value, seconds: Seconds) -> Encoded<'_> {
    match value {
        Value::NaiveDateTime(at) => date_and_time(at, seconds, false),
        Value::DateTime(_) => Err(Refusal::because(
            "it has a time zone, which this column would lose",
        )),
        _ => Err(Refusal::OtherKind),
    }
}

fn date_and_time<'v>(at: &DateTime, seconds: Seconds, utc: bool) -> Encoded<'v> {
    check_date(&at.date).map_err(Refusal::because)?;
    check_seconds(&at.time, seconds)?;
    owned(format_datetime(at, seconds == Seconds::Micro, utc))
}

fn check_seconds(time: &Time, seconds: Seconds) -> std::result::Result<(), Refusal> {
    check_time(time).map_err(Refusal::because)?;
    if seconds == Seconds::Whole && time.microsecond != 0 {
        return Err(Refusal::because(
            "this column keeps whole seconds; truncate it to seconds",
        ));
    }
    Ok(())
}

fn date(value: &Value) -> Encoded<'_> {
    match value {
        Value::Date(date) => {
            check_date(date).map_err(Refusal::because)?;
            owned(format_date(date))
        }
        _ => Err(Refusal::OtherKind),
    }
}

fn time(value: &Value, seconds: Seconds) -> Encoded<'_> {
    match value {
        Value::Time(time) => {
            check_seconds(time, seconds)?;
            owned(format_time(time, seconds == Seconds::Micro))
        }
        _ => Err(Refusal::OtherKind),
    }
}

fn blob(value: &Value) -> Encoded<'_> {
    match value {
        Value::Bytes(bytes) => Ok(ToSqlOutput::Borrowed(ValueRef::Blob(bytes))),
        _ => Err(Refusal::OtherKind),
    }
}

fn any(value: &Value) -> Encoded<'_> {
    match value {
        Value::Boolean(_) => boolean(value),
        Value::Integer(_) | Value::BigInteger(_) => integer(value),
        Value::Real(_) => real(value),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => borrowed(text),
            Err(_) => blob(value),
        },
        _ => Err(Refusal::OtherKind),
    }
}
