//! While this program alone writes, times are found by their index's own order; what another
//! program commits is seen at once, and compares as times.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use ash_rusqlite_engine::query::ir::{
    Assignment, Cursor, Function, OrderBy, Read, Returning, Scalar, Select, Update, Write,
};
use ash_rusqlite_engine::{Database, Date, DateTime, Time, Value};
use rusqlite::Connection;
use serde_json::json;
use support::host::*;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME_TEXT);
    CREATE INDEX t_at ON t (at);
    CREATE TABLE stamped (id INTEGER PRIMARY KEY, at DATETIME_TEXT DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE formed (id INTEGER PRIMARY KEY,
      at DATETIME_TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')));
    CREATE INDEX formed_at ON formed (at);
    CREATE INDEX stamped_at ON stamped (at);
    CREATE TABLE filled (id INTEGER PRIMARY KEY, at DATETIME_TEXT);
    CREATE INDEX filled_at ON filled (at);
    CREATE TRIGGER fills AFTER INSERT ON stamped
      BEGIN INSERT INTO filled VALUES (new.id, new.at); END;";

fn open_with(options: serde_json::Value) -> (tempfile::TempDir, Connection, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("times.db");
    let database = with_tables(config(path.to_str().unwrap(), options), TABLE);
    let other = Connection::open(&path).unwrap();
    (folder, other, database)
}

fn at(second: u8) -> Value {
    let date = Date {
        year: 2026,
        month: 1,
        day: 2,
    };
    let time = Time {
        hour: 3,
        minute: 4,
        second,
        microsecond: 0,
        precision: 0,
    };
    Value::DateTime(DateTime { date, time })
}

fn row(id: i64, second: u8) -> [(&'static str, Value); 2] {
    [("id", Value::Integer(id)), ("at", at(second))]
}

fn by_time(table: &str) -> Read {
    Read::Select(Select {
        table: table.into(),
        columns: Some(vec!["id".into()]),
        order_by: vec![OrderBy::column("at", false, None)],
        limit: Some(10),
        ..Select::default()
    })
}

fn ids(database: &Database) -> Vec<i64> {
    let rows = read(database, by_time("t")).unwrap();
    rows.iter().map(|row| row[0].as_i64().unwrap()).collect()
}

/// Whether the rows go through a sorter.
fn sorts(database: &Database, table: &str) -> bool {
    let plan = read(database, Read::Explain(Box::new(by_time(table)))).unwrap();
    plan.iter()
        .any(|row| row[3].as_str().unwrap().contains("TEMP B-TREE"))
}

#[test]
fn own_writes_keep_the_index_and_those_of_others_are_sorted_at_once() {
    let (_folder, other, database) = open_with(json!({}));
    write(&database, insert("t", &row(1, 5))).unwrap();
    for n in 2..20 {
        write(
            &database,
            insert("t", &row(n, u8::try_from(n).unwrap() + 5)),
        )
        .unwrap();
        assert!(!sorts(&database, "t"), "after our own write {n}");
    }
    write(&database, delete("t", None)).unwrap();
    write(&database, insert("t", &row(1, 5))).unwrap();
    write(&database, insert("t", &row(2, 7))).unwrap();
    // By its bytes it would be the first: a space is less than a T.
    let late = "INSERT INTO t VALUES (3, '2026-01-02 03:04:06')";
    other.execute_batch(late).unwrap();
    assert_eq!(ids(&database), [1, 3, 2]);
    assert!(sorts(&database, "t"));
    // Between our own commits, too.
    for n in 4..8 {
        write(&database, insert("t", &row(n, 10))).unwrap();
        let text = "INSERT INTO t VALUES (?, '2026-01-02 03:04:09')";
        other.execute(text, [n + 10]).unwrap();
        write(&database, insert("t", &row(n + 20, 11))).unwrap();
        let found = ids(&database);
        let place = |id| found.iter().position(|found| *found == id);
        if let (Some(others), Some(own)) = (place(n + 10), place(n)) {
            assert!(others < own, "{found:?}");
        }
        assert!(place(n + 10).is_some(), "{found:?}");
        other.execute("DELETE FROM t WHERE id > 3", []).unwrap();
    }
}

#[test]
fn once_all_have_one_form_again_the_index_serves() {
    let (_folder, other, database) = open_with(json!({}));
    write(&database, insert("t", &row(1, 5))).unwrap();
    let text = "INSERT INTO t VALUES (2, '2026-01-02 03:04:06')";
    other.execute_batch(text).unwrap();
    assert!(sorts(&database, "t"));
    let corrected = "UPDATE t SET at = '2026-01-02T03:04:06Z' WHERE id = 2";
    other.execute_batch(corrected).unwrap();
    // Looks take a small part of the time, so the next one may have to wait a little.
    let soon = soon();
    while sorts(&database, "t") {
        assert!(std::time::Instant::now() < soon, "nobody looked again");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(ids(&database), [1, 2]);
}

#[test]
fn what_a_default_or_a_trigger_writes_is_not_taken_for_our_own_form() {
    let (_folder, _other, database) = open_with(json!({}));
    for table in ["stamped", "filled"] {
        assert!(sorts(&database, table), "{table}");
    }
    for table in ["formed", "t"] {
        assert!(!sorts(&database, table), "{table}");
    }
}

#[test]
fn a_database_that_does_not_sync_distinguishes_commits_of_others_too() {
    let (_folder, other, database) = open_with(json!({"synchronous": "off"}));
    write(&database, insert("t", &row(1, 5))).unwrap();
    assert!(!sorts(&database, "t"));
    write(&database, delete("t", None)).unwrap();
    assert!(!sorts(&database, "t"));
    let text = "INSERT INTO t VALUES (2, '2026-01-02 03:04:06')";
    other.execute_batch(text).unwrap();
    assert!(sorts(&database, "t"));
}

#[test]
fn a_time_that_is_copied_from_another_column_gets_the_form_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("times.db");
    let tables = "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME_TEXT, ends DATETIME_TEXT);
        CREATE INDEX t_at ON t (at);
        INSERT INTO t VALUES (1, '2026-01-02T03:04:05Z', NULL), (2, NULL, '2026-01-02 03:04:06'),
          (3, NULL, '2026-01-02 03:04:07'), (4, NULL, '2026-01-02 05:04:08+02:00')";
    let database = with_tables(config(path.to_str().unwrap(), json!({})), tables);
    let column = |name: &str| Scalar::Column {
        depth: 0,
        table: 0,
        name: name.into(),
    };
    assert!(!sorts(&database, "t"));
    let copies = [
        column("ends"),
        Scalar::Call(Function::Coalesce, vec![column("at"), column("ends")]),
        Scalar::If {
            boolean: true,
            condition: Box::new(Scalar::Boolean(true)),
            then: Box::new(column("ends")),
            otherwise: Box::new(column("at")),
        },
    ];
    for (id, scalar) in [2, 3, 4].map(Value::Integer).into_iter().zip(copies) {
        let update = Update {
            table: "t".into(),
            filter: equal("id", id),
            set: vec![Assignment::Compute("at".into(), scalar)],
            returning: Returning::Nothing,
        };
        write(&database, Write::Update(update)).unwrap();
    }
    // The order of the index is that of the times still.
    assert!(!sorts(&database, "t"));
    assert_eq!(ids(&database), [1, 2, 3, 4]);
    // What has a form of its own and is not changed stays as it is.
    let same = Update {
        table: "t".into(),
        filter: None,
        set: vec![Assignment::Compute("ends".into(), column("ends"))],
        returning: Returning::Nothing,
    };
    write(&database, Write::Update(same)).unwrap();
    let stored = read(&database, sql("SELECT ends || '' FROM t WHERE id = 2")).unwrap();
    assert_eq!(stored, [[json!("2026-01-02 03:04:06")]]);
}

#[test]
fn a_page_continues_where_the_last_one_ended_whatever_others_write_between_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("times.db");
    let table = "CREATE TABLE t (at DATETIME_TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID";
    let database = with_tables(config(path.to_str().unwrap(), json!({})), table);
    for second in 1..=6 {
        write(&database, insert("t", &[("at", at(second))])).unwrap();
    }
    let page = |after: Option<Cursor>, distinct: bool| {
        Read::Select(Select {
            table: "t".into(),
            columns: Some(vec!["at".into()]),
            order_by: vec![OrderBy::column("at", false, None)],
            limit: Some(2),
            page: true,
            distinct,
            after,
            ..Select::default()
        })
    };
    let other = Connection::open(&path).unwrap();
    for distinct in [false, true] {
        // The look waits for its part of the time.
        let soon = soon();
        let plan = Read::Explain(Box::new(page(None, distinct)));
        while format!("{:?}", read(&database, plan.clone()).unwrap()).contains("COLLATE") {
            assert!(std::time::Instant::now() < soon, "nobody looked again");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let first = read(&database, page(None, distinct)).unwrap();
        // The row, and the values of its cursor.
        assert_eq!(first[1].len(), 3);
        let cursor = |second: u8| Some(Cursor::Values(vec![at(second); first[1].len() - 1]));
        let foreign = "INSERT INTO t VALUES ('2026-01-02 03:04:09')";
        other.execute_batch(foreign).unwrap();
        let next = read(&database, page(cursor(2), distinct)).unwrap();
        assert_eq!(next.len(), 2);
        assert!(next[0][0].to_string().contains("second: 3"), "{next:?}");
        assert_eq!(next[1].len(), 3);
        other
            .execute_batch("DELETE FROM t WHERE at LIKE '% %'")
            .unwrap();
        let last = read(&database, page(cursor(4), distinct)).unwrap();
        assert!(last[0][0].to_string().contains("second: 5"), "{last:?}");
    }
}
