//! From what SQLite stores to a value, by the column's type. Nothing is copied.

use rusqlite::types::ValueRef;

use super::column_type::ColumnType;
use super::decoded::{Decoded, OutputColumn};
use super::refusal::shortened;
use super::{decimal, json, list, parse};
use crate::error::{Code, Error, Result};

/// A stored value as its column's type. SQLite lets a column hold anything: numbers, texts and
/// blobs where the type has no form of its own for them pass as what they are.
///
/// # Errors
/// `invalid_stored_value`, with table, column, what was expected and the value, shortened.
#[inline]
pub fn decode<'a>(stored: ValueRef<'a>, column: &OutputColumn) -> Result<Decoded<'a>> {
    if !column.list {
        return decode_one(stored, column);
    }
    match stored {
        ValueRef::Null => Ok(Decoded::Null),
        ValueRef::Blob(bytes) => Ok(Decoded::List(bytes)),
        _ => Err(unreadable(stored, column)),
    }
}

/// Calls `each` for every value of a [`Decoded::List`].
///
/// # Errors
/// `invalid_stored_value` as [`decode`], and what `each` returns.
pub fn decode_list<'a>(
    list: &'a [u8],
    column: &OutputColumn,
    mut each: impl FnMut(Decoded<'a>) -> Result<()>,
) -> Result<()> {
    for item in list::items(list) {
        let Some(stored) = item else {
            return Err(unreadable(ValueRef::Blob(list), column));
        };
        each(decode_one(stored, column)?)?;
    }
    Ok(())
}

#[inline]
fn decode_one<'a>(stored: ValueRef<'a>, column: &OutputColumn) -> Result<Decoded<'a>> {
    let decoded = match stored {
        ValueRef::Null => Some(Decoded::Null),
        ValueRef::Text(text) => of_text(text, column.column_type),
        ValueRef::Integer(number) => of_integer(number, column.column_type),
        ValueRef::Real(number) => of_real(number, column.column_type),
        ValueRef::Blob(bytes) => of_blob(bytes, column.column_type),
    };
    match decoded {
        Some(decoded) => Ok(decoded),
        None => Err(unreadable(stored, column)),
    }
}

fn of_text(text: &[u8], column_type: ColumnType) -> Option<Decoded<'_>> {
    match column_type {
        ColumnType::Text
        | ColumnType::Uuid
        | ColumnType::Integer
        | ColumnType::Real
        | ColumnType::Blob
        | ColumnType::Any => Some(Decoded::Text(text)),
        ColumnType::Json => std::str::from_utf8(text).ok().map(Decoded::Json),
        ColumnType::Decimal => decimal::number(text).map(Decoded::Decimal),
        ColumnType::DateTime | ColumnType::DateTimeUsec => {
            parse::datetime(text).map(Decoded::DateTime)
        }
        ColumnType::NaiveDateTime | ColumnType::NaiveDateTimeUsec => {
            parse::naive_datetime(text).map(Decoded::NaiveDateTime)
        }
        ColumnType::Date => parse::date(text).map(Decoded::Date),
        ColumnType::Time | ColumnType::TimeUsec => parse::time(text).map(Decoded::Time),
        ColumnType::Boolean => match text {
            b"0" | b"FALSE" => Some(Decoded::Boolean(false)),
            b"1" | b"TRUE" => Some(Decoded::Boolean(true)),
            _ => None,
        },
    }
}

fn of_integer(number: i64, column_type: ColumnType) -> Option<Decoded<'static>> {
    match column_type {
        ColumnType::Boolean => match number {
            0 => Some(Decoded::Boolean(false)),
            1 => Some(Decoded::Boolean(true)),
            _ => None,
        },
        ColumnType::Real => Some(Decoded::Real(number as f64)),
        other => (!is_temporal(other)).then_some(Decoded::Integer(number)),
    }
}

fn of_real(number: f64, column_type: ColumnType) -> Option<Decoded<'static>> {
    let fits = column_type != ColumnType::Boolean && !is_temporal(column_type);
    fits.then_some(Decoded::Real(number))
}

fn of_blob(bytes: &[u8], column_type: ColumnType) -> Option<Decoded<'_>> {
    match column_type {
        ColumnType::Json if bytes.first() == Some(&json::TERM_VERSION) => {
            Some(Decoded::Term(bytes))
        }
        ColumnType::Boolean | ColumnType::Decimal => None,
        other => (!is_temporal(other)).then_some(Decoded::Blob(bytes)),
    }
}

/// Days and times are texts alone.
fn is_temporal(column_type: ColumnType) -> bool {
    column_type.time_form().is_some()
}

/// A stored value as a message shows it.
pub(super) fn shown(stored: ValueRef<'_>) -> String {
    let shown = match stored {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => {
            format!(
                "{:?}",
                String::from_utf8_lossy(text.get(..400).unwrap_or(text))
            )
        }
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    };
    shortened(&shown)
}

#[cold]
fn unreadable(stored: ValueRef<'_>, column: &OutputColumn) -> Error {
    let shown = shown(stored);
    let expected = column.column_type.name();
    let place = match column.table.as_str() {
        "" => column.name.clone(),
        table => format!("{table}.{}", column.name),
    };
    let message =
        format!("{place} holds {shown}, which cannot be read as {expected}; correct the row");
    Error::new(Code::InvalidStoredValue, message)
        .with("table", column.table.as_str())
        .with("column", column.name.as_str())
        .with("expected", expected)
        .with("value", shown)
}
