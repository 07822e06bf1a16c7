//! What is computed, in the form in which a column stores its values.

use rusqlite::functions::Context;
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};
use rusqlite::Result;
use serde::de::IgnoredAny;

use super::argument::refused;
use crate::error::Error;
use crate::sqlite::sqlite_error::IS_NULL;
use crate::value::{decode, encode, ColumnRef, ColumnType, Decoded, OutputColumn, Value};

/// `ash_rusqlite_store(x, declared type, table, column)`.
pub(super) fn store(ctx: &Context<'_>) -> Result<Stored> {
    let column_type = ColumnType::from_declared(&ctx.get::<String>(1)?);
    let (table, name): (String, String) = (ctx.get(2)?, ctx.get(3)?);
    let column = OutputColumn::new(name, table, column_type);
    convert(ctx.get_raw(0), &column)
}

/// `ash_rusqlite_required(x, column)`.
pub(in crate::query) fn required(ctx: &Context<'_>) -> Result<Stored> {
    match ctx.get_raw(0) {
        ValueRef::Null => Err(refused(format!("{IS_NULL}{}", ctx.get::<String>(1)?))),
        value => Stored::try_from(value).map_err(|error| refused(error.to_string())),
    }
}

fn convert(stored: ValueRef<'_>, column: &OutputColumn) -> Result<Stored> {
    let refuse = |error: Error| refused(error.message().to_owned());
    let value = match (stored, column.column_type) {
        // Reading takes any integer for a float; here it must be exactly one.
        (ValueRef::Integer(number), ColumnType::Real) => Value::Integer(number),
        _ => host_value(decode(stored, column).map_err(refuse)?),
    };
    let place = ColumnRef {
        table: &column.table,
        column: &column.name,
    };
    if let Value::Json(text) = &value {
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Err(refused(format!(
                "{}.{} takes JSON, which this is not",
                column.table, column.name
            )));
        }
    }
    match encode(&value, column.column_type, &place).map_err(refuse)? {
        ToSqlOutput::Owned(stored) => Ok(stored),
        ToSqlOutput::Borrowed(stored) => {
            Stored::try_from(stored).map_err(|error| refused(error.to_string()))
        }
        _ => Err(refused("the value has no stored form".to_owned())),
    }
}

fn host_value(decoded: Decoded<'_>) -> Value {
    match decoded {
        Decoded::Null => Value::Null,
        Decoded::Boolean(truth) => Value::Boolean(truth),
        Decoded::Integer(number) => Value::Integer(number),
        Decoded::Real(number) => Value::Real(number),
        Decoded::Text(bytes) | Decoded::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        Decoded::Decimal(text) => Value::Bytes(text.as_bytes().to_vec()),
        Decoded::DateTime(at) => Value::DateTime(at),
        Decoded::NaiveDateTime(at) => Value::NaiveDateTime(at),
        Decoded::Date(date) => Value::Date(date),
        Decoded::Time(time) => Value::Time(time),
        Decoded::Json(text) => Value::Json(text.to_owned()),
        Decoded::Term(bytes) | Decoded::List(bytes) => Value::Term(bytes.to_vec()),
        Decoded::Record(record) => Value::Json(record.text().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fail, open, value};
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_column_gets_its_own_form() {
        let conn = open();
        let text = |text: &str| Stored::Text(text.to_owned());
        for (given, declared, wanted) in [
            ("1", "INTEGER", Stored::Integer(1)),
            ("1", "REAL", Stored::Real(1.0)),
            ("1", "DECIMAL_TEXT", text("1")),
            ("'1.10'", "DECIMAL_TEXT", text("1.10")),
            ("1", "BOOLEAN_INT", Stored::Integer(1)),
            ("NULL", "BOOLEAN_INT", Stored::Null),
            ("'a'", "TEXT", text("a")),
            (
                "'2026-01-02T03:04:05Z'",
                "DATETIME_USEC_TEXT",
                text("2026-01-02T03:04:05.000000Z"),
            ),
            ("'[1]'", "JSON_TEXT", text("[1]")),
        ] {
            let sql = format!("ash_rusqlite_store({given}, '{declared}', 't', 'c')");
            assert_eq!(value(&conn, &sql), wanted, "{sql}");
        }
    }

    #[test]
    fn what_is_required_is_never_null() {
        let conn = open();
        assert_eq!(
            value(&conn, "ash_rusqlite_required(0, 'n')"),
            Stored::Integer(0)
        );
        let sql = "SELECT ash_rusqlite_required(NULL, 'n')";
        let failed = conn.query_row(sql, [], |_| Ok(())).unwrap_err();
        let error = crate::sqlite::sqlite_error::map(failed);
        assert_eq!(error.code(), Code::NotNullViolation);
        assert_eq!(error.message(), "n must not be null");
    }

    #[test]
    fn what_a_column_cannot_hold_is_refused() {
        let conn = open();
        for (given, declared) in [
            ("1.5", "INTEGER"),
            ("'1'", "INTEGER"),
            ("9007199254740993", "REAL"),
            ("2", "BOOLEAN_INT"),
            ("1", "TEXT"),
            ("'soon'", "DATE_TEXT"),
            ("'2026-01-02T03:04:05.5Z'", "DATETIME_TEXT"),
            ("1.5", "DECIMAL_TEXT"),
            ("'[1'", "JSON_TEXT"),
        ] {
            let message = fail(
                &conn,
                &format!("ash_rusqlite_store({given}, '{declared}', 't', 'c')"),
            );
            assert!(message.contains("t.c"), "{given} {declared}: {message}");
        }
    }
}
