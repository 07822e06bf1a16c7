//! A write gives back the rows as its statement wrote them, however they are read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/host.rs"]
mod host;

use ash_rusqlite_engine::query::ir::{Conflict, KeyValue, Returning, Scalar, Write};
use ash_rusqlite_engine::{Database, Date, DateTime, Time, Value};
use host::{close, config, insert, text, update, with_tables, write};
use rusqlite::Connection;
use serde_json::{json, Value as Json};
use tempfile::TempDir;

const TABLES: &str = "
    CREATE TABLE rooms (id TEXT PRIMARY KEY, title TEXT DEFAULT 'new', size INTEGER,
      twice INTEGER GENERATED ALWAYS AS (size * 2));
    CREATE TABLE seats (room TEXT, number INTEGER, taken INTEGER DEFAULT 0, PRIMARY KEY (room, number))
      WITHOUT ROWID;
    CREATE TABLE logs (line TEXT UNIQUE ON CONFLICT IGNORE, rowid TEXT);
    CREATE TABLE hidden (rowid TEXT, _rowid_ TEXT, oid TEXT);
    CREATE TABLE watched (id TEXT PRIMARY KEY, n INTEGER);
    CREATE TABLE counted (n INTEGER);
    CREATE TRIGGER bump AFTER INSERT ON WATCHED BEGIN
      UPDATE watched SET n = n + 1 WHERE id = NEW.id; INSERT INTO counted VALUES (7); END;
    CREATE TRIGGER drop_it AFTER UPDATE OF n ON watched WHEN NEW.n = 13 BEGIN
      DELETE FROM watched WHERE id = NEW.id; END;";

struct Chat {
    database: Database,
    folder: TempDir,
}

fn chat() -> Chat {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    Chat { database, folder }
}

impl Chat {
    fn run(&self, what: Write) -> Json {
        json!(write(&self.database, what).unwrap())
    }

    fn elsewhere(&self, sql: &str) {
        let conn = Connection::open(self.folder.path().join("chat.db")).unwrap();
        conn.execute_batch(sql).unwrap();
    }
}

fn returning(mut what: Write, wanted: &[&str]) -> Write {
    let wanted = match wanted {
        [] => Returning::All,
        names => Returning::Columns(names.iter().map(|name| (*name).into()).collect()),
    };
    match &mut what {
        Write::Insert(insert) => insert.returning = wanted,
        Write::Update(update) => update.returning = wanted,
        other => panic!("{other:?} is neither"),
    }
    what
}

fn key(id: &str) -> Option<Scalar> {
    Some(Scalar::PrimaryKey(KeyValue::Single(text(id))))
}

#[test]
fn an_insert_gives_defaults_and_computed_columns() {
    let chat = chat();
    let room = [("id", text("a")), ("size", Value::Integer(4))];
    let all = chat.run(returning(insert("rooms", &room), &[]));
    assert_eq!(all, json!([["a", "new", 4, 8]]));
    let room = [("id", text("b"))];
    let some = chat.run(returning(insert("rooms", &room), &["twice", "title"]));
    assert_eq!(some, json!([[null, "new"]]));
    close(chat.database);
}

#[test]
fn many_rows_come_back_in_the_order_they_were_given() {
    let chat = chat();
    let Write::Insert(mut many) = insert("rooms", &[("id", text("z"))]) else {
        panic!("an insert")
    };
    many.rows.push(vec![
        ("id".into(), text("a")),
        ("title".into(), text("other columns")),
    ]);
    many.rows.push(vec![("id".into(), text("m"))]);
    let rows = chat.run(returning(Write::Insert(many), &["id"]));
    assert_eq!(rows, json!([["z"], ["a"], ["m"]]));
    close(chat.database);
}

#[test]
fn tables_whose_rowid_cannot_be_named_give_their_rows_too() {
    let chat = chat();
    let seat = [("room", text("a")), ("number", Value::Integer(1))];
    let rows = chat.run(returning(insert("seats", &seat), &[]));
    assert_eq!(rows, json!([["a", 1, 0]]));
    let line = [("line", text("one")), ("rowid", text("not one"))];
    let rows = chat.run(returning(insert("logs", &line), &[]));
    assert_eq!(rows, json!([["one", "not one"]]));
    let row = [("oid", text("x"))];
    let rows = chat.run(returning(insert("hidden", &row), &[]));
    assert_eq!(rows, json!([[null, null, "x"]]));
    close(chat.database);
}

#[test]
fn a_row_that_was_left_out_does_not_come_back() {
    let chat = chat();
    let line = [("line", text("one"))];
    assert_eq!(
        chat.run(returning(insert("logs", &line), &["line"])),
        json!([["one"]])
    );
    assert_eq!(
        chat.run(returning(insert("logs", &line), &["line"])),
        json!([])
    );
    let room = [("id", text("a"))];
    chat.run(insert("rooms", &room));
    let Write::Insert(mut again) = insert("rooms", &[("id", text("a")), ("title", text("other"))])
    else {
        panic!("an insert")
    };
    again.conflict = Conflict::Nothing { target: vec![] };
    assert_eq!(
        chat.run(returning(Write::Insert(again.clone()), &[])),
        json!([])
    );
    // Where an upsert updates, the last row that was inserted is another.
    let other = [("id", text("b"))];
    chat.run(insert("rooms", &other));
    again.conflict = Conflict::Update {
        target: vec![],
        set: ash_rusqlite_engine::query::ir::ConflictSet::All,
    };
    assert_eq!(
        chat.run(returning(Write::Insert(again), &["id", "title"])),
        json!([["a", "other"]])
    );
    close(chat.database);
}

#[test]
fn an_update_by_key_gives_the_row_as_it_is_now() {
    let chat = chat();
    chat.run(insert("rooms", &[("id", text("a"))]));
    let grown = update("rooms", key("a"), &[("size", Value::Integer(5))]);
    assert_eq!(
        chat.run(returning(grown, &[])),
        json!([["a", "new", 5, 10]])
    );
    let moved = update("rooms", key("a"), &[("id", text("c"))]);
    assert_eq!(chat.run(returning(moved, &["id"])), json!([["c"]]));
    let gone = update("rooms", key("a"), &[("size", Value::Integer(6))]);
    assert_eq!(chat.run(returning(gone, &[])), json!([]));
    close(chat.database);
}

#[test]
fn what_triggers_do_afterwards_is_not_part_of_the_row() {
    let chat = chat();
    let row = [("id", text("a")), ("n", Value::Integer(1))];
    let rows = chat.run(returning(insert("watched", &row), &[]));
    assert_eq!(rows, json!([["a", 1]]));
    let thirteen = update("watched", key("a"), &[("n", Value::Integer(13))]);
    assert_eq!(chat.run(returning(thirteen, &[])), json!([["a", 13]]));
    assert_eq!(host::count(&chat.database, "watched"), 0);
    close(chat.database);
}

#[test]
fn a_trigger_that_another_process_has_just_made_is_noticed() {
    let chat = chat();
    chat.run(returning(insert("rooms", &[("id", text("a"))]), &[]));
    chat.elsewhere(
        "CREATE TRIGGER gone AFTER INSERT ON rooms BEGIN DELETE FROM rooms WHERE id = NEW.id; END",
    );
    let rows = chat.run(returning(insert("rooms", &[("id", text("b"))]), &["id"]));
    assert_eq!(rows, json!([["b"]]));
    assert_eq!(host::count(&chat.database, "rooms"), 1);
    close(chat.database);
}

const DECLARED: &[&str] = &[
    "TEXT",
    "VARCHAR(9)",
    "UUID_TEXT",
    "INTEGER",
    "BIGINT",
    "REAL",
    "DOUBLE PRECISION",
    "DECIMAL_TEXT",
    "DECIMAL(10, 2)",
    "NUMERIC",
    "BOOLEAN_INT",
    "BOOLEAN",
    "DATETIME_TEXT",
    "DATETIME_USEC_TEXT",
    "DATETIME",
    "NAIVE_DATETIME_TEXT",
    "DATE_TEXT",
    "TIME_USEC_TEXT",
    "JSON_TEXT",
    "BLOB",
    "",
];

fn values() -> Vec<Value> {
    let date = Date {
        year: 2026,
        month: 2,
        day: 3,
    };
    let time = Time {
        hour: 4,
        minute: 5,
        second: 6,
        microsecond: 70,
        precision: 6,
    };
    let mut values: Vec<Value> = [
        "",
        "a",
        "007",
        "1.10",
        "1e3",
        " 1",
        "0",
        "true",
        "\0",
        "x\0y",
        "ä€🦀",
        "0B57D1A4-9C1A-4F7B-8E5D-2A6C3F1E9D80",
        "2026-02-03",
        "{}",
        "[1.0]",
    ]
    .into_iter()
    .map(text)
    .collect();
    values.extend([0, 1, -1, 7, i64::MAX, i64::MIN, 1 << 53].map(Value::Integer));
    values.extend([0.0, -0.0, 1.0, -2.5, 1e300, 9.007_199_254_740_993e15, 1e18].map(Value::Real));
    values.extend([
        Value::Null,
        Value::Boolean(true),
        Value::Boolean(false),
        Value::Bytes(vec![0, 255, 7]),
        Value::Symbol("user".into()),
        Value::Decimal {
            negative: true,
            coefficient: "1230".into(),
            exponent: -3,
        },
        Value::Decimal {
            negative: false,
            coefficient: "5".into(),
            exponent: 2,
        },
        Value::DateTime(DateTime { date, time }),
        Value::NaiveDateTime(DateTime { date, time }),
        Value::Date(date),
        Value::Time(time),
        Value::Json("{\"a\":1.0}".into()),
        Value::Term(vec![131, 97, 1]),
    ]);
    values
}

/// What comes back is known from what was given, where SQLite stores it as it is. It must be what
/// a read gives.
#[test]
fn an_inserted_row_comes_back_as_it_is_read() {
    let chat = chat();
    let tables = DECLARED.iter().enumerate().map(|(n, declared)| {
        format!(
            "CREATE TABLE t{n} (v {declared}, w {declared} DEFAULT 1, x {declared} NOT NULL ON CONFLICT REPLACE DEFAULT 1);
             CREATE TABLE d{n} (v {declared}, w {declared} DEFAULT 1, x {declared});
             CREATE TABLE k{n} (v {declared} PRIMARY KEY, w {declared});"
        )
    });
    chat.elsewhere(&tables.collect::<String>());
    let mut stored = 0;
    for (n, declared) in DECLARED.iter().enumerate() {
        for value in values() {
            let rows: [(String, Vec<(&str, Value)>); 6] = [
                (format!("t{n}"), vec![("v", value.clone())]),
                (
                    format!("t{n}"),
                    vec![("w", value.clone()), ("v", value.clone())],
                ),
                (
                    format!("t{n}"),
                    vec![("x", value.clone()), ("w", value.clone())],
                ),
                (format!("d{n}"), vec![("v", value.clone())]),
                (
                    format!("d{n}"),
                    vec![("x", value.clone()), ("w", value.clone())],
                ),
                (format!("k{n}"), vec![("v", value.clone())]),
            ];
            for (table, row) in rows {
                let Ok(given) = write(&chat.database, returning(insert(&table, &row), &[])) else {
                    continue;
                };
                let last = format!("SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1");
                let read = host::read(&chat.database, host::sql(&last)).unwrap();
                assert_eq!(
                    json!(given).to_string(),
                    json!(read).to_string(),
                    "{value:?} into {table} {declared}"
                );
                stored += 1;
            }
            let wipe = host::delete(&format!("k{n}"), None);
            write(&chat.database, wipe).unwrap();
        }
    }
    assert!(stored > 1000, "{stored}");
    close(chat.database);
}

#[test]
fn a_key_that_was_left_to_sqlite_comes_back() {
    let chat = chat();
    chat.elsewhere("CREATE TABLE numbered (id INTEGER PRIMARY KEY, line TEXT)");
    let line = [("line", text("one"))];
    let rows = chat.run(returning(insert("numbered", &line), &[]));
    assert_eq!(rows, json!([[1, "one"]]));
    let line = [("line", text("two")), ("id", Value::Null)];
    let rows = chat.run(returning(insert("numbered", &line), &[]));
    assert_eq!(rows, json!([[2, "two"]]));
    close(chat.database);
}

#[test]
fn a_table_that_another_process_has_just_rebuilt_is_noticed() {
    let chat = chat();
    chat.elsewhere("CREATE TABLE made (id TEXT, n TEXT)");
    let row = [("id", text("a")), ("n", text("1"))];
    for _ in 0..2 {
        let rows = chat.run(returning(insert("made", &row), &[]));
        assert_eq!(rows, json!([["a", "1"]]));
    }
    chat.elsewhere("DROP TABLE made; CREATE TABLE made (id TEXT, n NUMERIC)");
    for _ in 0..2 {
        let rows = chat.run(returning(insert("made", &row), &[]));
        assert_eq!(rows, json!([["a", 1]]));
    }
    close(chat.database);
}

#[test]
fn a_virtual_table_gives_what_it_made_of_the_values() {
    let chat = chat();
    chat.elsewhere("CREATE VIRTUAL TABLE places USING rtree(id, low, high)");
    let place = [
        ("id", Value::Integer(1)),
        ("low", Value::Real(0.1)),
        ("high", Value::Real(0.2)),
    ];
    let rows = chat.run(returning(insert("places", &place), &["low", "high"]));
    let conn = Connection::open(chat.folder.path().join("chat.db")).unwrap();
    let read: (f64, f64) = conn
        .query_row("SELECT low, high FROM places", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(rows, json!([[read.0, read.1]]));
    assert_ne!(rows, json!([[0.1, 0.2]]), "an rtree rounds them");
    close(chat.database);
}
