//! A caller's own SQL writes rows in the writer, and nothing else: it neither changes the schema
//! nor ends a transaction that others share, and what is known of times does not outlive it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use ash_rusqlite_engine::query::ir::{Delete, OrderBy, Read, Returning, Select, SqlWrite, Write};
use ash_rusqlite_engine::{Code, Database, Outcome, Submitted, TransactionOp, Value};
use serde_json::json;
use support::host::*;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME_TEXT);
    CREATE INDEX t_at ON t (at);
    INSERT INTO t VALUES (1, '2026-01-02T03:04:05Z'), (3, '2026-01-02T03:04:07Z');
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
    CREATE TABLE children (id INTEGER PRIMARY KEY,
      parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);";

/// Before those of the other rows as text, between them as a time.
const BETWEEN: &str = "INSERT INTO t VALUES (2, '2026-01-02 03:04:06')";

fn open_memory() -> Database {
    with_tables(config(":memory:", json!({})), TABLES)
}

fn execute(sql: &str, params: &[Value]) -> Write {
    Write::Sql(SqlWrite {
        sql: sql.into(),
        params: params.to_vec(),
    })
}

fn by_time() -> Read {
    Read::Select(Select {
        table: "t".into(),
        columns: Some(vec!["id".into()]),
        order_by: vec![OrderBy::column("at", false, None)],
        ..Select::default()
    })
}

fn ids(rows: &[Vec<serde_json::Value>]) -> Vec<i64> {
    rows.iter().map(|row| row[0].as_i64().unwrap()).collect()
}

/// Whether the rows go through a sorter.
fn sorts(database: &Database) -> bool {
    let plan = read(database, Read::Explain(Box::new(by_time()))).unwrap();
    plan.iter()
        .any(|row| row[3].as_str().unwrap().contains("TEMP B-TREE"))
}

#[test]
fn rows_are_written_with_bound_values_and_come_back_if_they_are_asked_for() {
    let database = open_memory();
    let returning =
        "INSERT INTO parents (id, name) SELECT ?, ? UNION ALL SELECT 2, 'b' RETURNING name";
    let rows = write(
        &database,
        execute(returning, &[Value::Integer(1), text("a")]),
    )
    .unwrap();
    assert_eq!(rows, [[json!("a")], [json!("b")]]);
    let (_, from) = submit(
        &database,
        execute("UPDATE parents SET name = name || '!'", &[]),
        soon(),
    );
    assert_eq!(answered(&from).unwrap(), Outcome::Written { changes: 2 });
    let rows = read(&database, sql("SELECT name FROM parents ORDER BY id")).unwrap();
    assert_eq!(rows, [[json!("a!")], [json!("b!")]]);
}

#[test]
fn what_does_not_write_rows_is_refused_and_changes_nothing() {
    let database = open_memory();
    for (sql, code, says) in [
        ("SELECT 1", Code::NotAllowed, "use query"),
        (
            "WITH a AS (SELECT 1) SELECT * FROM a",
            Code::NotAllowed,
            "use query",
        ),
        ("EXPLAIN DELETE FROM t", Code::NotAllowed, "use query"),
        ("CREATE TABLE u (id)", Code::NotAllowed, "write a migration"),
        (
            "/* now */ drop table t",
            Code::NotAllowed,
            "write a migration",
        ),
        ("ALTER TABLE t ADD b", Code::NotAllowed, "write a migration"),
        (
            "CREATE TEMP TABLE u (id)",
            Code::NotAllowed,
            "write a migration",
        ),
        ("ANALYZE", Code::NotAllowed, "write a migration"),
        ("VACUUM", Code::NotAllowed, "use vacuum"),
        ("ATTACH 'x.db' AS x", Code::NotAllowed, "another repo"),
        ("DETACH x", Code::NotAllowed, "another repo"),
        ("BEGIN", Code::NotAllowed, "use transaction"),
        ("COMMIT", Code::NotAllowed, "use transaction"),
        ("-- it is over\nEND", Code::NotAllowed, "use transaction"),
        ("ROLLBACK TO w", Code::NotAllowed, "use transaction"),
        ("SAVEPOINT w", Code::NotAllowed, "use transaction"),
        ("RELEASE w", Code::NotAllowed, "use transaction"),
        (
            "PRAGMA user_version = 3",
            Code::NotAllowed,
            "a migration may set",
        ),
        (
            "DELETE FROM t; DELETE FROM parents",
            Code::NotAllowed,
            "one SQL statement",
        ),
        (
            "DELETE FROM t; COMMIT",
            Code::NotAllowed,
            "one SQL statement",
        ),
        ("", Code::InvalidQuery, "no statement"),
        ("-- DELETE FROM t", Code::InvalidQuery, "no statement"),
        (
            "DELETE FROM t WHERE load_extension('x')",
            Code::NotAllowed,
            "load_extension",
        ),
        (
            "DELETE FROM t WHERE id = ?",
            Code::InvalidQuery,
            "1 placeholders but 0",
        ),
        ("DELETE FROM nowhere", Code::UnknownTable, "nowhere"),
        ("DELETE FROM t\0 WHERE id = 0", Code::SqlSyntax, "NUL"),
        ("DELETE FORM t", Code::SqlSyntax, "FORM"),
    ] {
        let tx = begin(&database);
        let inside = TransactionOp::Write(execute(sql, &[]));
        let refused = [
            error(write(&database, execute(sql, &[]))),
            error(step(&database, tx, inside)),
        ];
        for refused in refused {
            assert_eq!(refused.code(), code, "{sql}: {}", refused.message());
            assert!(
                refused.message().contains(says),
                "{sql}: {}",
                refused.message()
            );
        }
        finish(&database, tx, true).unwrap();
    }
    assert_eq!(count(&database, "t"), 2);
    // A CASE ends with END, which ends nothing else.
    let cased = "UPDATE t SET at = CASE WHEN id = 1 THEN at ELSE NULL END";
    write(&database, execute(cased, &[])).unwrap();
}

#[test]
fn a_statement_that_fails_leaves_nothing_and_takes_nothing_of_those_that_share_its_commit() {
    let database = open_memory();
    let wrong = [
        // Each keeps, or takes away, more than itself where nobody prevents it.
        "INSERT OR FAIL INTO parents VALUES (10, 'x'), (11, 'x')",
        "INSERT OR ROLLBACK INTO parents VALUES (10, 'x'), (11, 'x')",
        "INSERT INTO parents VALUES (10, 'x'), (11, 'x')",
    ];
    for failing in wrong {
        // While the writer is held, the writes wait for one commit.
        let tx = begin(&database);
        step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
        let row = |id, name: &str| {
            insert(
                "parents",
                &[("id", Value::Integer(id)), ("name", text(name))],
            )
        };
        let waiting = [row(1, "a"), execute(failing, &[]), row(2, "b")]
            .map(|write| submit(&database, write, soon()));
        assert!(matches!(waiting[0].0, Submitted::Queued(_)));
        finish(&database, tx, true).unwrap();
        let results = waiting.map(|(_, from)| answered(&from));
        assert!(
            results[0].is_ok() && results[2].is_ok(),
            "{failing}: {results:?}"
        );
        assert_eq!(
            results[1].as_ref().unwrap_err().code(),
            Code::UniqueViolation
        );
        let rows = read(&database, sql("SELECT id FROM parents ORDER BY id")).unwrap();
        assert_eq!(ids(&rows), [1, 2], "{failing}");
        let all = Write::Delete(Delete {
            table: "parents".into(),
            filter: None,
            returning: Returning::Nothing,
        });
        write(&database, all).unwrap();
    }
}

#[test]
fn a_deferred_foreign_key_must_hold_at_the_end_of_the_statement() {
    let database = open_memory();
    let orphan = execute("INSERT INTO children VALUES (1, 7)", &[]);
    let refused = error(write(&database, orphan.clone()));
    assert_eq!(refused.code(), Code::ForeignKeyViolation);
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Write(orphan)).unwrap();
    let parent = execute("INSERT INTO parents VALUES (7, 'x')", &[]);
    step(&database, tx, TransactionOp::Write(parent)).unwrap();
    finish(&database, tx, true).unwrap();
    assert_eq!(count(&database, "children"), 1);
}

#[test]
fn times_that_it_wrote_in_another_form_are_in_their_place_at_once() {
    let database = open_memory();
    assert_eq!(ids(&read(&database, by_time()).unwrap()), [1, 3]);
    assert!(!sorts(&database), "all have one form");
    write(&database, execute(BETWEEN, &[])).unwrap();
    assert_eq!(ids(&read(&database, by_time()).unwrap()), [1, 2, 3]);
    assert!(sorts(&database));
}

#[test]
fn a_transaction_finds_such_times_in_their_place_before_its_commit_and_others_after_it() {
    let database = open_memory();
    assert!(!sorts(&database), "all have one form");
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Read(by_time())).unwrap();
    step(&database, tx, TransactionOp::Write(execute(BETWEEN, &[]))).unwrap();
    // Another one looks meanwhile, and finds one form still.
    assert_eq!(ids(&read(&database, by_time()).unwrap()), [1, 3]);
    let rows = step(&database, tx, TransactionOp::Read(by_time())).unwrap();
    assert_eq!(ids(&rows), [1, 2, 3]);
    // What is compiled later in the same transaction compares them as times, too.
    let date = ash_rusqlite_engine::Date {
        year: 2026,
        month: 1,
        day: 2,
    };
    let time = ash_rusqlite_engine::Time {
        hour: 3,
        minute: 4,
        second: 6,
        microsecond: 0,
        precision: 0,
    };
    let at = Value::DateTime(ash_rusqlite_engine::DateTime { date, time });
    let filter = equal("at", at);
    let found = TransactionOp::Write(update("t", filter, &[("at", Value::Null)]));
    step(&database, tx, found).unwrap();
    step(
        &database,
        tx,
        TransactionOp::Write(execute("DELETE FROM t WHERE at IS NULL", &[])),
    )
    .unwrap();
    step(&database, tx, TransactionOp::Write(execute(BETWEEN, &[]))).unwrap();
    finish(&database, tx, true).unwrap();
    assert_eq!(ids(&read(&database, by_time()).unwrap()), [1, 2, 3]);
}

#[test]
fn the_index_is_still_used_after_a_transaction_rolled_its_rows_back() {
    let database = open_memory();
    assert!(!sorts(&database));
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Write(execute(BETWEEN, &[]))).unwrap();
    finish(&database, tx, false).unwrap();
    assert_eq!(ids(&read(&database, by_time()).unwrap()), [1, 3]);
    assert!(!sorts(&database));
}
