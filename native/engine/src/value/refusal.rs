//! What comes of encoding a value: what is stored, or the error of a value that its column does not take.

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use super::column_type::ColumnType;
use super::time::{format_date, format_datetime, format_time};
use super::types::Value;
use crate::error::{Code, Error};

/// Where a value is going, for messages.
#[derive(Clone, Copy, Debug)]
pub struct ColumnRef<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
}

/// What a value becomes, or why it is refused.
pub(super) type Encoded<'v> = std::result::Result<ToSqlOutput<'v>, Refusal>;

pub(super) fn owned<'v>(text: String) -> Encoded<'v> {
    Ok(ToSqlOutput::Owned(Stored::Text(text)))
}

pub(super) fn borrowed(text: &str) -> Encoded<'_> {
    Ok(ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())))
}

/// Why a value is refused.
pub(super) enum Refusal {
    /// It is of another kind than the column's.
    OtherKind,
    /// It is of the right kind, but for this.
    Because(String),
}

impl Refusal {
    pub(super) fn because(why: impl Into<String>) -> Refusal {
        Refusal::Because(why.into())
    }
}

/// The error, which shows at most 80 characters of the value.
pub(super) fn refuse(
    value: &Value,
    column_type: ColumnType,
    column: Option<&ColumnRef<'_>>,
    why: Refusal,
) -> Error {
    let (kind, shown) = (kind(value), shortened(&show(value)));
    let place = match column {
        Some(ColumnRef { table, column }) => format!("{table}.{column}"),
        None => "a placeholder".to_owned(),
    };
    let expected = column_type.name();
    let why = match why {
        Refusal::Because(why) => why,
        Refusal::OtherKind => advice(value, column_type),
    };
    let message = format!("{place} ({expected}) does not take the {kind} {shown}: {why}");
    let error = Error::new(Code::InvalidValue, message);
    let error = match column {
        Some(ColumnRef { table, column }) => error.with("table", *table).with("column", *column),
        None => error,
    };
    error.with("expected", expected).with("value", shown)
}

fn advice(value: &Value, column_type: ColumnType) -> String {
    let declared = match value {
        Value::Decimal { .. } => "DECIMAL_TEXT",
        Value::DateTime(_) => "DATETIME_USEC_TEXT",
        Value::NaiveDateTime(_) => "NAIVE_DATETIME_USEC_TEXT",
        Value::Date(_) => "DATE_TEXT",
        Value::Time(_) => "TIME_USEC_TEXT",
        Value::Json(_) | Value::Term(_) => "JSON_TEXT",
        Value::Symbol(_) => "TEXT",
        _ => "",
    };
    match (column_type, declared) {
        (ColumnType::Any, "") => "no column holds such a value".to_owned(),
        (ColumnType::Any, declared) => format!("declare the column {declared}"),
        (ColumnType::Json, "") => "give a map or a list".to_owned(),
        (ColumnType::Json, _) => "give its text, or a map that holds it".to_owned(),
        (wanted, _) => format!("give {}", wanted.example()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) | Value::BigInteger(_) => "integer",
        Value::Real(_) => "float",
        Value::Bytes(bytes) if std::str::from_utf8(bytes).is_ok() => "string",
        Value::Bytes(_) => "binary",
        Value::Symbol(_) => "atom",
        Value::Decimal { .. } => "decimal",
        Value::DateTime(_) => "datetime",
        Value::NaiveDateTime(_) => "naive datetime",
        Value::Date(_) => "date",
        Value::Time(_) => "time",
        Value::Json(_) => "map or list",
        Value::Term(_) => "term",
        Value::Unsupported(kind) => kind,
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::BigInteger(digits) => start(digits).to_owned(),
        Value::Symbol(name) => start(name).to_owned(),
        Value::Json(text) => start(text).to_owned(),
        Value::Bytes(bytes) => {
            let start = bytes.get(..LOOKED_AT).unwrap_or(bytes);
            format!("{:?}", String::from_utf8_lossy(start))
        }
        Value::Decimal {
            negative,
            coefficient,
            exponent,
        } => {
            let sign = if *negative { "-" } else { "" };
            format!("{sign}{}E{exponent}", shortened(start(coefficient)))
        }
        Value::DateTime(at) => format_datetime(at, true, true),
        Value::NaiveDateTime(at) => format_datetime(at, true, false),
        Value::Date(date) => format_date(date),
        Value::Time(time) => format_time(time, true),
        Value::Term(bytes) => format!("of {} bytes", bytes.len()),
        Value::Unsupported(_) => "given".to_owned(),
    }
}

/// Enough bytes for 80 characters. A value may be as long as a gigabyte.
const LOOKED_AT: usize = 400;

fn start(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// At most 80 characters of a value.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        None => text.to_owned(),
        Some(_) => text.chars().take(79).chain(['…']).collect(),
    }
}
