//! What lies in the file is what any other tool expects and what other tools leave there is
//! read: fixed forms of dates and times, parameters of raw SQL, the forms of `ecto_sqlite3`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/columns.rs"]
mod columns;

use ash_rusqlite_engine::value::{encode_untyped, Row};
use ash_rusqlite_engine::{
    Code, ColumnType, Date, DateTime, Decoded, OutputColumn, Result, Time, Value,
};
use columns::{encoded, owned, table_of, through};
use rusqlite::types::Value as Stored;

const DAY: Date = Date {
    year: 2026,
    month: 1,
    day: 2,
};

fn time(microsecond: u32, precision: u8) -> Time {
    Time {
        hour: 3,
        minute: 4,
        second: 5,
        microsecond,
        precision,
    }
}

#[test]
fn texts_on_disk_are_of_one_width() {
    let (date, time) = (Date { year: 7, ..DAY }, time(0, 3));
    let at = DateTime { date, time };
    for (value, column_type, text) in [
        (
            Value::DateTime(at),
            ColumnType::DateTime,
            "0007-01-02T03:04:05Z",
        ),
        (
            Value::DateTime(at),
            ColumnType::DateTimeUsec,
            "0007-01-02T03:04:05.000000Z",
        ),
        (
            Value::NaiveDateTime(at),
            ColumnType::NaiveDateTime,
            "0007-01-02T03:04:05",
        ),
        (
            Value::NaiveDateTime(at),
            ColumnType::NaiveDateTimeUsec,
            "0007-01-02T03:04:05.000000",
        ),
        (Value::Date(date), ColumnType::Date, "0007-01-02"),
        (Value::Time(time), ColumnType::Time, "03:04:05"),
        (Value::Time(time), ColumnType::TimeUsec, "03:04:05.000000"),
    ] {
        let stored = encoded(&value, column_type).unwrap();
        assert_eq!(stored, Stored::Text(text.into()));
    }
}

#[test]
fn parameters_of_raw_sql_are_encoded_by_their_own_kind() {
    let (whole, milli) = (time(0, 0), time(0, 3));
    let decimal = Value::Decimal {
        negative: false,
        coefficient: "110".into(),
        exponent: -2,
    };
    let text = |text: &str| Stored::Text(text.into());
    let at = |time| DateTime { date: DAY, time };
    for (value, expected) in [
        (Value::Null, Stored::Null),
        (Value::Boolean(true), Stored::Integer(1)),
        (Value::Bytes(b"a".to_vec()), text("a")),
        (Value::Bytes(vec![255]), Stored::Blob(vec![255])),
        (Value::Symbol("user".into()), text("user")),
        (decimal, text("1.10")),
        (Value::DateTime(at(whole)), text("2026-01-02T03:04:05Z")),
        (
            Value::DateTime(at(milli)),
            text("2026-01-02T03:04:05.000000Z"),
        ),
        (Value::NaiveDateTime(at(whole)), text("2026-01-02T03:04:05")),
        (Value::Date(DAY), text("2026-01-02")),
        (Value::Time(milli), text("03:04:05.000000")),
        (Value::Json("[]".into()), text("[]")),
    ] {
        let stored = owned(encode_untyped(&value).unwrap());
        assert_eq!(stored, expected, "{value:?}");
    }
    for value in [Value::Real(f64::NAN), Value::Unsupported("pid")] {
        let error = encode_untyped(&value).unwrap_err();
        assert_eq!(error.code(), Code::InvalidValue);
        assert_eq!(error.detail("table"), None);
    }
}

/// What `ecto_sqlite3` and SQLite's own functions leave in a file.
#[test]
fn forms_of_other_programs_are_read() {
    let at = |microsecond, precision| DateTime {
        date: DAY,
        time: time(microsecond, precision),
    };
    let text = |text: &str| Stored::Text(text.into());
    for (stored, column_type, expected) in [
        (
            text("2026-01-02T03:04:05"),
            ColumnType::DateTime,
            Decoded::DateTime(at(0, 0)),
        ),
        (
            text("2026-01-02 03:04:05"),
            ColumnType::DateTime,
            Decoded::DateTime(at(0, 0)),
        ),
        (
            text("2026-01-02T05:04:05.120+02:00"),
            ColumnType::DateTimeUsec,
            Decoded::DateTime(at(120_000, 3)),
        ),
        (
            text("2026-01-02T03:04:05Z"),
            ColumnType::NaiveDateTime,
            Decoded::NaiveDateTime(at(0, 0)),
        ),
        (
            text("03:04:05.5"),
            ColumnType::Time,
            Decoded::Time(time(500_000, 1)),
        ),
        (text("TRUE"), ColumnType::Any, Decoded::Text(b"TRUE")),
        (Stored::Integer(3), ColumnType::Real, Decoded::Real(3.0)),
        (Stored::Real(1.5), ColumnType::Integer, Decoded::Real(1.5)),
        (text("abc"), ColumnType::Integer, Decoded::Text(b"abc")),
        (text("abc"), ColumnType::Blob, Decoded::Text(b"abc")),
        (Stored::Blob(vec![1]), ColumnType::Text, Decoded::Blob(&[1])),
        (Stored::Blob(vec![1]), ColumnType::Json, Decoded::Blob(&[1])),
        (Stored::Integer(7), ColumnType::Any, Decoded::Integer(7)),
    ] {
        let shown = format!("{stored:?} as {column_type:?}");
        through(&table_of(column_type), stored, column_type, |_, read| {
            assert_eq!(read.unwrap(), expected, "{shown}");
        });
    }
    // In a column without affinity, as a result of SQL has none either.
    let untyped = table_of(ColumnType::Any);
    for (stored, truth) in [
        (text("0"), false),
        (text("1"), true),
        (text("FALSE"), false),
        (text("TRUE"), true),
    ] {
        through(&untyped, stored, ColumnType::Boolean, |_, read| {
            assert_eq!(read.unwrap(), Decoded::Boolean(truth));
        });
    }
    through(&untyped, 5, ColumnType::Decimal, |_, read| {
        assert_eq!(read.unwrap(), Decoded::Integer(5));
    });
}

#[test]
fn a_row_gives_its_values_and_their_size() {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    let mut stmt = conn.prepare("SELECT 'four', x'0102', 7, NULL").unwrap();
    let columns: Vec<OutputColumn> = ["a", "b", "c", "d"]
        .map(|name| OutputColumn::new(name, "", ColumnType::Any))
        .into();
    let mut rows = stmt.query([]).unwrap();
    let row = Row::new(rows.next().unwrap().unwrap(), &columns);
    assert_eq!(
        (row.len(), row.is_empty(), row.columns().len()),
        (4, false, 4)
    );
    assert_eq!(row.bytes(), 6);
    let values: Result<Vec<_>> = (0..row.len()).map(|at| row.decode(at)).collect();
    let expected = [
        Decoded::Text(b"four"),
        Decoded::Blob(&[1, 2]),
        Decoded::Integer(7),
        Decoded::Null,
    ];
    assert_eq!(values.unwrap(), expected);
    assert_eq!(row.decode(4).unwrap_err().code(), Code::Internal);
}
