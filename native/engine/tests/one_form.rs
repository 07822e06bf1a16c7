//! The statement that brings the times of a column into its one form changes no instant, and leaves
//! and counts what that form cannot hold.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use ash_rusqlite_engine::catalog::{Catalog, Form, KnownForms};
use ash_rusqlite_engine::query::functions;
use ash_rusqlite_engine::schema::one_form::{other_forms, OtherForms};
use ash_rusqlite_engine::value::{decode, Decoded};
use ash_rusqlite_engine::{ColumnType, Date, DateTime, OutputColumn, Time};
use proptest::prelude::*;
use rusqlite::types::ValueRef;
use rusqlite::Connection;

const TYPES: [ColumnType; 6] = [
    ColumnType::DateTime,
    ColumnType::DateTimeUsec,
    ColumnType::NaiveDateTime,
    ColumnType::NaiveDateTimeUsec,
    ColumnType::Time,
    ColumnType::TimeUsec,
];

/// A table with the texts, the functions of the engine registered only for looks.
fn table(column_type: ColumnType, texts: &[String]) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    conn.execute_batch(&format!(
        "CREATE TABLE \"a \"\"table\" (id INTEGER PRIMARY KEY, \"when\" {} COLLATE NOCASE)",
        column_type.declared()
    ))
    .unwrap();
    for text in texts {
        conn.execute("INSERT INTO \"a \"\"table\" (\"when\") VALUES (?)", [text])
            .unwrap();
    }
    conn
}

fn texts(conn: &Connection) -> Vec<String> {
    let mut stmt = conn
        .prepare("SELECT \"when\" FROM \"a \"\"table\" ORDER BY id")
        .unwrap();
    let texts = stmt.query_map([], |row| row.get(0)).unwrap();
    texts.map(Result::unwrap).collect()
}

fn look(conn: &Connection) -> Option<OtherForms> {
    let found = other_forms(conn, &Catalog::load(conn).unwrap()).unwrap();
    assert!(found.len() < 2);
    found.into_iter().next()
}

/// What is read of a text, without how many digits its fraction has.
fn read(text: &str, column_type: ColumnType) -> Option<(Option<Date>, Time)> {
    let column = OutputColumn::new("when", "t", column_type);
    let (date, mut time) = match decode(ValueRef::Text(text.as_bytes()), &column).ok()? {
        Decoded::DateTime(DateTime { date, time })
        | Decoded::NaiveDateTime(DateTime { date, time }) => (Some(date), time),
        Decoded::Time(time) => (None, time),
        other => panic!("{other:?}"),
    };
    time.precision = 0;
    Some((date, time))
}

/// Runs the statement where none of the engine's functions are. Returns the texts after it.
fn run(column_type: ColumnType, before: &[String], statement: &str) -> Vec<String> {
    let plain = Connection::open_in_memory().unwrap();
    plain
        .execute_batch(&format!(
            "CREATE TABLE \"a \"\"table\" (id INTEGER PRIMARY KEY, \"when\" {} COLLATE NOCASE)",
            column_type.declared()
        ))
        .unwrap();
    for text in before {
        plain
            .execute("INSERT INTO \"a \"\"table\" (\"when\") VALUES (?)", [text])
            .unwrap();
    }
    plain.execute_batch(statement).unwrap();
    texts(&plain)
}

thread_local! {
    static FUNCTIONS: Connection = {
        let conn = Connection::open_in_memory().unwrap();
        functions::register(&conn).unwrap();
        conn
    };
}

fn own(text: &str, column_type: ColumnType) -> bool {
    let sql = "SELECT ash_rusqlite_own_form(?, ?)";
    let declared = column_type.declared();
    FUNCTIONS.with(|conn| {
        conn.query_row(sql, [text, declared], |row| row.get(0))
            .unwrap()
    })
}

/// Texts that are nearly times, and often are.
fn text() -> impl Strategy<Value = String> {
    let days = prop::sample::select(vec![
        "2026-01-02",
        "2026-03-01",
        "2024-02-29",
        "2026-02-29",
        "2026-02-30",
        "1900-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-01-00",
        "0000-01-01",
        "9999-12-31",
        "1969-12-31",
    ]);
    let clocks = prop::sample::select(vec![
        "00:00:00", "03:04:05", "23:59:59", "12:30:00", "24:00:00", "23:59:60", "29:00:00", "03:04",
    ]);
    let fractions = prop::sample::select(vec![
        "", "", ".0", ".000", ",5", ".123", ".1234", ".123456", ".1234560", ".1234567", ".", ".x",
        ".000000", ".999999", ".9999999", ".12a",
    ]);
    let ends = prop::sample::select(vec![
        "", "", "Z", "Z", "+00:00", "-00:00", "+02:00", "-0330", "+05", "-00", "+23:59", "-23:59",
        "+24:00", "+02:60", "z", " ", "ZZ", "é", "\0", "\0Z", " UTC",
    ]);
    let starts = prop::sample::select(vec![0, 0, 0, 1, 2]);
    let separators = prop::sample::select(vec!["T", " ", "T", " ", "t"]);
    (days, separators, clocks, fractions, ends, starts).prop_map(
        |(day, separator, clock, fraction, end, start)| match start {
            0 => format!("{day}{separator}{clock}{fraction}{end}"),
            1 => format!("{clock}{fraction}{end}"),
            _ => format!("T{clock}{fraction}{end}"),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn each_text_gets_the_own_form_of_its_instant_or_is_left_and_counted(
        column_type in prop::sample::select(TYPES.to_vec()),
        before in prop::collection::vec(text(), 0..24),
    ) {
        let others = before.iter().filter(|text| !own(text, column_type)).count();
        let Some(found) = look(&table(column_type, &before)) else {
            prop_assert_eq!(others, 0);
            return Ok(());
        };
        prop_assert_eq!(found.rows, u64::try_from(others).unwrap());
        prop_assert!(before.contains(&found.example));
        let after = run(column_type, &before, found.statement.as_deref().unwrap_or(""));
        let mut left = 0;
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(read(before, column_type), read(after, column_type), "{:?}", before);
            if own(after, column_type) {
                prop_assert!(before == after || read(after, column_type).is_some(), "{:?}", before);
            } else {
                prop_assert_eq!(before, after);
                left += 1;
            }
        }
        prop_assert_eq!(found.left, left);
    }
}

/// What becomes of a text in a column of the type.
fn changed(column_type: ColumnType, text: &str) -> String {
    let before = [text.to_owned()];
    let found = look(&table(column_type, &before)).unwrap();
    let statement = found.statement.unwrap_or_default();
    assert_eq!(found.left == 1, statement.is_empty(), "{text}");
    run(column_type, &before, &statement).remove(0)
}

#[test]
fn every_form_that_keeps_what_it_says_is_changed() {
    use ColumnType::{DateTime, DateTimeUsec, NaiveDateTime, NaiveDateTimeUsec, TimeUsec};
    for (column_type, text, expected) in [
        (DateTime, "2026-01-02 03:04:05", "2026-01-02T03:04:05Z"),
        (DateTime, "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"),
        (DateTime, "2026-01-01 23:04:05-0400", "2026-01-02T03:04:05Z"),
        (DateTime, "2024-02-28T23:30:00-01", "2024-02-29T00:30:00Z"),
        (
            DateTimeUsec,
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.000000Z",
        ),
        (
            DateTimeUsec,
            "2026-01-02 03:04:05.12345",
            "2026-01-02T03:04:05.123450Z",
        ),
        (
            DateTimeUsec,
            "2026-01-02 03:04:05,999999+23:59",
            "2026-01-01T03:05:05.999999Z",
        ),
        (
            DateTimeUsec,
            "2026-01-02 03:04:05.1234560Z",
            "2026-01-02T03:04:05.123456Z",
        ),
        (NaiveDateTime, "2026-01-02 03:04:05", "2026-01-02T03:04:05"),
        (
            NaiveDateTimeUsec,
            "2026-01-02T03:04:05.5Z",
            "2026-01-02T03:04:05.500000",
        ),
        (TimeUsec, "T03:04:05.001", "03:04:05.001000"),
        (ColumnType::Time, "03:04:05.0", "03:04:05"),
    ] {
        assert_eq!(changed(column_type, text), expected, "{text}");
    }
}

#[test]
fn what_the_own_form_would_lose_is_left() {
    use ColumnType::{DateTime, DateTimeUsec, NaiveDateTime, TimeUsec};
    for (column_type, text) in [
        (DateTime, "2026-01-02 03:04:05.5"),
        (DateTimeUsec, "2026-01-02T03:04:05.1234567Z"),
        (NaiveDateTime, "2026-01-02T03:04:05+02:00"),
        (TimeUsec, "03:04:05-01:00"),
        (DateTime, "0000-01-01T00:00:00+01:00"),
        (DateTime, "9999-12-31T23:59:59-00:01"),
        (DateTime, "2026-02-30 03:04:05"),
        (DateTime, "soon"),
        (DateTime, "2026-01-02 03:04:05\0+"),
    ] {
        assert_eq!(changed(column_type, text), text);
    }
}

#[test]
fn after_the_statement_a_look_finds_one_form() {
    let before = [
        "2026-01-02 03:04:05",
        "2026-01-02T05:04:05.000+02:00",
        "2026-01-02T03:04:05Z",
    ];
    let conn = table(ColumnType::DateTime, &before.map(str::to_owned));
    let form = |conn: &Connection| {
        let (catalog, forms) = (Catalog::load(conn).unwrap(), KnownForms::default());
        forms.look_at_all(conn, &catalog).unwrap();
        let catalog = catalog.with_forms(&forms);
        catalog
            .table("a \"table")
            .unwrap()
            .column("when")
            .unwrap()
            .1
            .form
    };
    assert_eq!(form(&conn), Form::Several);
    let found = look(&conn).unwrap();
    assert_eq!((found.rows, found.left), (2, 0));
    assert_eq!(
        (found.table.as_str(), found.column.as_str()),
        ("a \"table", "when")
    );
    conn.execute_batch(&found.statement.unwrap()).unwrap();
    assert_eq!(form(&conn), Form::One);
    assert_eq!(look(&conn), None);
}

#[test]
fn what_is_computed_and_what_is_no_text_is_not_named() {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    conn.execute_batch(
        "CREATE TABLE t (at DATETIME_TEXT, made DATETIME_TEXT AS (at || '') STORED);
         INSERT INTO t (at) VALUES (NULL), (x'3031'), ('2026-01-02T03:04:05Z');
         CREATE VIEW v AS SELECT datetime(at) AS at FROM t",
    )
    .unwrap();
    assert_eq!(look(&conn), None);
}
