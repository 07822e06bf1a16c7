//! A value that its column does not take, or a stored one that its type cannot be read from,
//! is a typed error that says what to do, and never shows more than a little of the value.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/columns.rs"]
mod columns;

use ash_rusqlite_engine::{Code, ColumnType, Date, DateTime, Detail, Error, Time, Value};
use columns::{encoded, table_of, through};
use rusqlite::types::Value as Stored;

const DAY: Date = Date {
    year: 2026,
    month: 1,
    day: 2,
};
const NOON: Time = Time {
    hour: 12,
    minute: 0,
    second: 0,
    microsecond: 0,
    precision: 0,
};

fn bytes(text: &str) -> Value {
    Value::Bytes(text.into())
}

fn at(date: Date, time: Time) -> DateTime {
    DateTime { date, time }
}

fn decimal(coefficient: &str, exponent: i64) -> Value {
    Value::Decimal {
        negative: false,
        coefficient: coefficient.into(),
        exponent,
    }
}

fn every_kind() -> Vec<Value> {
    vec![
        Value::Boolean(true),
        Value::Integer(7),
        Value::BigInteger("92233720368547758080".into()),
        Value::Real(1.5),
        bytes("some text"),
        Value::Bytes(vec![255, 0]),
        Value::Symbol("user".into()),
        decimal("110", -2),
        Value::DateTime(at(DAY, NOON)),
        Value::NaiveDateTime(at(DAY, NOON)),
        Value::Date(DAY),
        Value::Time(NOON),
        Value::Json("{}".into()),
        Value::Term(vec![131, 106]),
        Value::Unsupported("pid"),
    ]
}

/// The places in `every_kind` that a type takes.
fn taken(column_type: ColumnType) -> &'static [usize] {
    match column_type {
        ColumnType::Text => &[4, 6],
        ColumnType::Uuid => &[],
        ColumnType::Integer => &[1],
        ColumnType::Real => &[1, 3],
        ColumnType::Decimal => &[1, 2, 7],
        ColumnType::Boolean => &[0],
        ColumnType::DateTime | ColumnType::DateTimeUsec => &[8],
        ColumnType::NaiveDateTime | ColumnType::NaiveDateTimeUsec => &[9],
        ColumnType::Date => &[10],
        ColumnType::Time | ColumnType::TimeUsec => &[11],
        ColumnType::Json => &[0, 1, 2, 3, 4, 5, 6, 12, 13],
        ColumnType::Blob => &[4, 5],
        ColumnType::Any => &[0, 1, 3, 4, 5],
    }
}

fn complete(error: &Error, code: Code, column_type: ColumnType) {
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.detail("table"), Some(&Detail::Text("t".into())));
    assert_eq!(error.detail("column"), Some(&Detail::Text("v".into())));
    let expected = Detail::Text(column_type.name().into());
    assert_eq!(error.detail("expected"), Some(&expected));
    match error.detail("value") {
        Some(Detail::Text(value)) => assert!(value.chars().count() <= 80, "{value}"),
        other => panic!("{other:?}"),
    }
    let message = error.message();
    assert!(message.starts_with("t.v "), "{message}");
    assert!(message.chars().count() < 260, "{message}");
}

#[test]
fn each_type_takes_its_own_kinds_and_no_other() {
    for column_type in ColumnType::ALL.iter().copied() {
        for (place, value) in every_kind().iter().enumerate() {
            match encoded(value, column_type) {
                Ok(_) => assert!(
                    taken(column_type).contains(&place),
                    "{column_type:?} takes {value:?}"
                ),
                Err(error) => {
                    assert!(!taken(column_type).contains(&place), "{error}");
                    complete(&error, Code::InvalidValue, column_type);
                }
            }
        }
    }
}

#[test]
fn values_outside_their_type_s_range_are_refused() {
    let year = |year| Date { year, ..DAY };
    let micro = Time {
        microsecond: 1,
        precision: 6,
        ..NOON
    };
    let no_day = Date {
        month: 2,
        day: 30,
        ..DAY
    };
    let no_month = Date { month: 13, ..DAY };
    let late = Time { hour: 24, ..NOON };
    let leap_second = Time { second: 60, ..NOON };
    for (column_type, value, reason) in [
        (
            ColumnType::Text,
            Value::Bytes(b"ab\xffcd".to_vec()),
            "from byte 2",
        ),
        (ColumnType::Uuid, bytes("not-a-uuid"), "36 characters"),
        (
            ColumnType::Uuid,
            bytes("0123456789abcdef0123456789abcdef"),
            "36 characters",
        ),
        (
            ColumnType::Uuid,
            bytes("{01234567-89ab-cdef-0123-456789abcdef}"),
            "36 characters",
        ),
        (
            ColumnType::Uuid,
            bytes("urn:uuid:01234567-89ab-cdef-0123-456789abcdef"),
            "36 characters",
        ),
        (
            ColumnType::Uuid,
            bytes("01234567-89ab-cdef-0123-456789abcdeg"),
            "36 characters",
        ),
        (
            ColumnType::Uuid,
            bytes("0123456789-ab-cdef-0123-456789abcdef"),
            "36 characters",
        ),
        (ColumnType::Uuid, Value::Bytes(vec![1; 16]), "36 characters"),
        (
            ColumnType::Integer,
            Value::BigInteger("9".repeat(20)),
            "outside 64 bits",
        ),
        (ColumnType::Real, Value::Real(f64::NAN), "finite"),
        (ColumnType::Real, Value::Real(f64::INFINITY), "finite"),
        (ColumnType::Any, Value::Real(f64::NEG_INFINITY), "finite"),
        (ColumnType::Json, Value::Real(f64::NAN), "finite"),
        (
            ColumnType::Real,
            Value::Integer((1 << 53) + 1),
            "exactly this integer",
        ),
        (
            ColumnType::Decimal,
            decimal("1", 1_000_000_000),
            "10000 digits",
        ),
        (ColumnType::Decimal, decimal("1", i64::MIN), "10000 digits"),
        (
            ColumnType::Decimal,
            Value::BigInteger("9".repeat(10_001)),
            "10000 digits",
        ),
        (ColumnType::Decimal, decimal("NaN", 0), "finite"),
        (ColumnType::Decimal, bytes("1e"), "digits"),
        (ColumnType::Decimal, bytes("1e10000"), "10000 digits"),
        (
            ColumnType::DateTime,
            Value::DateTime(at(DAY, micro)),
            "truncate",
        ),
        (
            ColumnType::NaiveDateTime,
            Value::NaiveDateTime(at(DAY, micro)),
            "truncate",
        ),
        (ColumnType::Time, Value::Time(micro), "truncate"),
        (
            ColumnType::DateTime,
            Value::NaiveDateTime(at(DAY, NOON)),
            "no time zone",
        ),
        (
            ColumnType::NaiveDateTime,
            Value::DateTime(at(DAY, NOON)),
            "would lose",
        ),
        (
            ColumnType::DateTime,
            Value::DateTime(at(year(10_000), NOON)),
            "0 to 9999",
        ),
        (ColumnType::Date, Value::Date(year(-1)), "0 to 9999"),
        (ColumnType::Date, Value::Date(no_day), "no such day"),
        (ColumnType::Date, Value::Date(no_month), "no such day"),
        (ColumnType::Time, Value::Time(late), "no such time"),
        (
            ColumnType::TimeUsec,
            Value::Time(leap_second),
            "no such time",
        ),
        (
            ColumnType::Json,
            Value::Symbol("ä".repeat(200).into()),
            "255 bytes",
        ),
        (
            ColumnType::Json,
            Value::BigInteger("9".repeat(5_000)),
            "DECIMAL_TEXT",
        ),
        (
            ColumnType::Any,
            Value::DateTime(at(DAY, NOON)),
            "declare the column DATETIME_USEC_TEXT",
        ),
    ] {
        let error = encoded(&value, column_type).unwrap_err();
        complete(&error, Code::InvalidValue, column_type);
        assert!(error.message().contains(reason), "{error}");
    }
}

#[test]
fn long_values_are_shown_shortened() {
    let long = "ä".repeat(100_000);
    for value in [
        bytes(&long),
        Value::Bytes(vec![255; 100_000]),
        Value::Symbol(long.clone().into()),
        Value::Json(long.clone()),
        Value::BigInteger("9".repeat(100_000)),
        decimal(&"9".repeat(100_000), i64::MIN),
    ] {
        let error = encoded(&value, ColumnType::Boolean).unwrap_err();
        complete(&error, Code::InvalidValue, ColumnType::Boolean);
    }
    through(
        &table_of(ColumnType::Any),
        long,
        ColumnType::DateTime,
        |_, read| {
            complete(
                &read.unwrap_err(),
                Code::InvalidStoredValue,
                ColumnType::DateTime,
            );
        },
    );
}

#[test]
fn stored_values_that_do_not_fit_their_type_are_named() {
    let text = |text: &str| Stored::Text(text.into());
    let untyped = table_of(ColumnType::Any);
    for (stored, column_type) in [
        (text("2026-02-30T00:00:00Z"), ColumnType::DateTime),
        (text("soon"), ColumnType::DateTimeUsec),
        (Stored::Integer(1_767_322_800), ColumnType::DateTime),
        (Stored::Real(2_460_000.5), ColumnType::NaiveDateTime),
        (Stored::Blob(vec![1]), ColumnType::Date),
        (text("2026-01-02T03:04:05"), ColumnType::Date),
        (text("24:00:00"), ColumnType::Time),
        (text("12:00:60"), ColumnType::TimeUsec),
        (text("yes"), ColumnType::Boolean),
        (Stored::Integer(2), ColumnType::Boolean),
        (Stored::Real(1.0), ColumnType::Boolean),
        (Stored::Blob(vec![1]), ColumnType::Boolean),
        (text("1e10000"), ColumnType::Decimal),
        (text(""), ColumnType::Decimal),
        (Stored::Blob(vec![49]), ColumnType::Decimal),
    ] {
        through(
            &untyped,
            stored.clone(),
            column_type,
            |_, read| match read {
                Err(error) => complete(&error, Code::InvalidStoredValue, column_type),
                Ok(read) => panic!("{stored:?} was read as {read:?}"),
            },
        );
    }
}

/// SQLite keeps whatever bytes another program calls text.
#[test]
fn text_that_is_not_utf_8_is_passed_on_or_named() {
    let conn = table_of(ColumnType::Any);
    let cast = |column_type| {
        let mut stmt = conn.prepare("SELECT CAST(x'ff' AS TEXT)").unwrap();
        let mut rows = stmt.query([]).unwrap();
        let row = rows.next().unwrap().unwrap();
        let column = ash_rusqlite_engine::OutputColumn::new("v", "t", column_type);
        let read = ash_rusqlite_engine::value::decode(row.get_ref(0).unwrap(), &column);
        read.map(|value| format!("{value:?}"))
    };
    assert_eq!(cast(ColumnType::Text).unwrap(), "Text([255])");
    for column_type in [ColumnType::Json, ColumnType::Decimal, ColumnType::DateTime] {
        complete(
            &cast(column_type).unwrap_err(),
            Code::InvalidStoredValue,
            column_type,
        );
    }
}
