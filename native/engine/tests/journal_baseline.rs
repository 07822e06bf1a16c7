//! Promise P6: rows that were there before their table was journaled have events, too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
    pub mod journal;
}

use std::path::Path;
use std::time::Duration;

use ash_rusqlite_engine::catalog::JournalSpec;
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::journal::Baseline;
use ash_rusqlite_engine::{Code, Maintenance, Outcome, Stat, Value};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;
use support::host::*;
use support::journal::*;

/// Chunks of this number of rows until all is done, each in a transaction of its own. Returns how many
/// events there were.
fn finish(conn: &Connection, rows: usize) -> u64 {
    let mut events = 0;
    while let Some(chunk) = step(conn, rows) {
        events += chunk;
    }
    events
}

/// One chunk by somebody who remembers nothing, as after a crash.
fn step(conn: &Connection, rows: usize) -> Option<u64> {
    run(conn, "BEGIN IMMEDIATE");
    let chunk = Baseline::default()
        .step(conn, rows, Duration::from_secs(10))
        .unwrap();
    run(conn, "COMMIT");
    chunk.map(|chunk| chunk.events)
}

fn positions_are_gapless(conn: &Connection) {
    let sql =
        "SELECT count(*) FROM (SELECT count(*) AS n, max(e.position) AS last, s.position AS at \
               FROM ash_rusqlite_events AS e JOIN ash_rusqlite_subjects AS s ON s.id = e.source \
               GROUP BY e.source) WHERE n <> last OR last <> at";
    assert_eq!(number(conn, sql), 0);
    let sql = "SELECT count(*) - max(seq) FROM ash_rusqlite_events";
    assert_eq!(number(conn, sql), 0);
}

#[test]
fn every_row_that_was_there_has_one_event_with_all_of_its_columns() {
    let conn = Connection::open_in_memory().unwrap();
    messages(&conn, 50);
    enable(&conn, "messages", &message_spec());
    assert!(journal::is_pending(&conn).unwrap());
    assert_eq!(finish(&conn, 7), 50);
    assert!(!journal::is_pending(&conn).unwrap());
    assert_eq!(
        replayed(&conn, "messages", &["id"]),
        table(&conn, "messages", &["id"])
    );
    positions_are_gapless(&conn);
    let odd = "SELECT count(*) FROM ash_rusqlite_journal WHERE type <> 'chat.message.baseline' \
               OR operation <> 'baseline' OR actor IS NOT NULL OR source IS NULL OR old IS NOT NULL";
    assert_eq!(number(&conn, odd), 0);
    let done = "SELECT baselined FROM ash_rusqlite_journaled WHERE baseline_key IS NULL";
    assert_eq!(number(&conn, done), 50);
}

#[test]
fn a_table_without_rows_needs_none() {
    let conn = Connection::open_in_memory().unwrap();
    messages(&conn, 0);
    enable(&conn, "messages", &message_spec());
    assert!(!journal::is_pending(&conn).unwrap());
}

#[test]
fn rows_with_keys_of_any_kind_have_events() {
    let conn = Connection::open_in_memory().unwrap();
    run(
        &conn,
        "CREATE TABLE pairs (a, b, body TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE TABLE numbers (id INTEGER PRIMARY KEY, body TEXT);
         CREATE TABLE folded (id TEXT PRIMARY KEY NOT NULL COLLATE NOCASE, body TEXT);",
    );
    for a in ["1", "-2.5", "'x\"y'", "x'00ff'", "''", "9e999"] {
        for b in ["1", "x''", "'Z'", "0.1"] {
            run(&conn, &format!("INSERT INTO pairs VALUES ({a}, {b}, 'p')"));
        }
    }
    run(
        &conn,
        "INSERT INTO numbers VALUES (-9223372036854775807, 'a'), (0, 'b'), (5, 'c');
         INSERT INTO folded VALUES ('b', 1), ('A', 2), ('C', 3), ('ä', 4);",
    );
    let tables: [(&str, &[&str]); 3] = [
        ("pairs", &["a", "b"]),
        ("numbers", &["id"]),
        ("folded", &["id"]),
    ];
    for (name, _) in tables {
        let spec = JournalSpec {
            event_type: format!("test.{name}"),
            ..JournalSpec::default()
        };
        enable(&conn, name, &spec);
    }
    assert_eq!(finish(&conn, 2), 24 + 3 + 4);
    for (name, key) in &tables[1..] {
        assert_eq!(
            replayed(&conn, name, key),
            table(&conn, name, key),
            "{name}"
        );
    }
    let same = "SELECT count(DISTINCT key) FROM ash_rusqlite_journal WHERE \"table\" = 'pairs'";
    assert_eq!(number(&conn, same), 24);
}

#[test]
fn a_chunk_that_was_not_committed_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.db");
    let conn = Connection::open(&path).unwrap();
    messages(&conn, 20);
    enable(&conn, "messages", &message_spec());
    step(&conn, 5);
    run(&conn, "BEGIN IMMEDIATE");
    Baseline::default()
        .step(&conn, 5, Duration::from_secs(10))
        .unwrap();
    drop(conn);
    let conn = Connection::open(&path).unwrap();
    assert_eq!(finish(&conn, 6), 15);
    assert_eq!(
        replayed(&conn, "messages", &["id"]),
        table(&conn, "messages", &["id"])
    );
    positions_are_gapless(&conn);
}

#[test]
fn a_chunk_ends_when_its_time_is_over() {
    let conn = Connection::open_in_memory().unwrap();
    messages(&conn, 20);
    enable(&conn, "messages", &message_spec());
    let chunk = Baseline::default()
        .step(&conn, 100, Duration::ZERO)
        .unwrap();
    assert_eq!(chunk.unwrap().rows, 1);
    finish(&conn, 100);
    assert_eq!(
        replayed(&conn, "messages", &["id"]),
        table(&conn, "messages", &["id"])
    );
}

#[derive(Clone, Debug)]
enum Op {
    Insert(usize),
    Update(usize),
    Delete(usize),
    Move(usize, usize),
    Replace(usize),
    Step(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let n = 0..30_usize;
    prop_oneof![
        n.clone().prop_map(Op::Insert),
        n.clone().prop_map(Op::Update),
        n.clone().prop_map(Op::Delete),
        (n.clone(), n.clone()).prop_map(|(a, b)| Op::Move(a, b)),
        n.prop_map(Op::Replace),
        (1..6_usize).prop_map(Op::Step),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_written_while_it_runs_replay_gives_the_rows(
        ops in proptest::collection::vec(op(), 0..40)
    ) {
        let conn = Connection::open_in_memory().unwrap();
        messages(&conn, 15);
        enable(&conn, "messages", &message_spec());
        for op in ops {
            let id = |n: usize| format!("m{n:06}");
            match op {
                Op::Insert(n) => run(&conn, &format!(
                    "INSERT OR IGNORE INTO messages (id, room_id, content) VALUES ('{}', 'r1', 'new')", id(n))),
                Op::Update(n) => run(&conn, &format!(
                    "UPDATE messages SET content = content || '!', n = n + 1 WHERE id = '{}'", id(n))),
                Op::Delete(n) => run(&conn, &format!("DELETE FROM messages WHERE id = '{}'", id(n))),
                Op::Move(from, to) => run(&conn, &format!(
                    "UPDATE OR IGNORE messages SET id = '{}' WHERE id = '{}'", id(to), id(from))),
                Op::Replace(n) => run(&conn, &format!(
                    "REPLACE INTO messages (id, room_id, content) VALUES ('{}', 'r2', 'again')", id(n))),
                Op::Step(rows) => { step(&conn, rows); }
            }
        }
        finish(&conn, 4);
        prop_assert_eq!(
            replayed(&conn, "messages", &["id"]),
            table(&conn, "messages", &["id"])
        );
        positions_are_gapless(&conn);
    }
}

fn file(folder: &Path, rows: usize) -> String {
    let path = folder.join("chat.db");
    let conn = Connection::open(&path).unwrap();
    run(&conn, "PRAGMA journal_mode = WAL");
    messages(&conn, rows);
    enable(&conn, "messages", &message_spec());
    path.to_str().unwrap().to_owned()
}

fn figure(database: &ash_rusqlite_engine::Database, name: &str) -> i64 {
    let stats = database.stats();
    let journal = stats.iter().find(|(name, _)| *name == "journal");
    match &journal.unwrap().1 {
        Stat::Map(figures) => match figures.iter().find(|(known, _)| *known == name) {
            Some((_, Stat::Integer(figure))) => *figure,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_writer_writes_them_while_others_write_and_reports_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), 5_000);
    let database = open(config(&path, json!({"synchronous": "off"}))).unwrap();
    let answer = std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            for n in 0..300 {
                let row = [("id", text(&format!("new{n}"))), ("content", text("x"))];
                write(&database, insert("messages", &row)).unwrap();
                let sql = ash_rusqlite_engine::query::ir::SqlWrite {
                    sql: "UPDATE messages SET n = n + 1 WHERE id = ?".into(),
                    params: vec![Value::Bytes(format!("m{:06}", 17 * n).into_bytes())],
                };
                let sql = ash_rusqlite_engine::query::ir::Write::Sql(sql);
                write(&database, sql).unwrap();
            }
        });
        let answer = maintain(&database, Maintenance::JournalBaseline);
        writes.join().unwrap();
        answer
    });
    assert_eq!(answer.result, Ok(Outcome::Done));
    let last = answer.progress.last().unwrap();
    assert_eq!((last.phase, &*last.label), ("baseline", "messages"));
    assert!(last.done == last.total && last.total >= 5_000, "{last:?}");
    assert_eq!(figure(&database, "baselines_pending"), 0);
    assert_eq!(figure(&database, "baseline_events"), 5_000);
    close(database);
    let conn = Connection::open(path).unwrap();
    assert_eq!(
        replayed(&conn, "messages", &["id"]),
        table(&conn, "messages", &["id"])
    );
    positions_are_gapless(&conn);
}

#[test]
fn the_writer_starts_by_itself_and_continues_where_it_was_closed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), 20_000);
    let look = Connection::open(&path).unwrap();
    let written = || number(&look, "SELECT count(*) FROM ash_rusqlite_events");
    let options = json!({"synchronous": "off"});
    let database = open(config(&path, options.clone())).unwrap();
    while written() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    close(database);
    let database = open(config(&path, options)).unwrap();
    while written() < 20_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    maintain(&database, Maintenance::JournalBaseline)
        .result
        .unwrap();
    close(database);
    assert_eq!(written(), 20_000);
    assert_eq!(
        replayed(&look, "messages", &["id"]),
        table(&look, "messages", &["id"])
    );
}

#[test]
fn waiting_for_the_baseline_of_a_database_without_a_journal_is_an_error() {
    let database = open(config(":memory:", json!({}))).unwrap();
    let answer = maintain(&database, Maintenance::JournalBaseline);
    assert_eq!(answer.result.unwrap_err().code(), Code::NotJournaled);
    close(database);
}
