//! Retention: old events go, and what stays is as good as before.

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

use ash_rusqlite_engine::catalog::JournalSpec;
use ash_rusqlite_engine::journal::{self, Redaction, Retained, Retaining, Retention};
use ash_rusqlite_engine::{migration, Code, Maintenance, Outcome};
use proptest::prelude::*;
use rusqlite::types::Value;
use rusqlite::Connection;
use serde_json::json;
use support::host::*;
use support::journal::*;

fn journaled() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    messages(&conn, 0);
    enable(&conn, "messages", &message_spec());
    conn
}

/// All events until now are of a year ago.
fn age(conn: &Connection) {
    run(
        conn,
        "UPDATE ash_rusqlite_events SET at = '2020-01-01T00:00:00.000000Z'",
    );
}

fn before() -> Retention {
    Retention {
        before: "2021-01-01T00:00:00Z".into(),
        ..Retention::default()
    }
}

fn retain(conn: &Connection, retention: Retention, limit: usize) -> Retained {
    let mut work = Retaining::new(conn, &retention).unwrap();
    loop {
        run(conn, "BEGIN IMMEDIATE");
        let done = work.step(conn, limit).unwrap();
        run(conn, "COMMIT");
        if done {
            return work.done();
        }
    }
}

fn holds(conn: &Connection) {
    while journal::seal(conn).unwrap() > 0 {}
    let report = journal::verify_chain(conn, &mut ()).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(
        replayed(conn, "messages", &["id"]),
        table(conn, "messages", &["id"])
    );
}

fn rows(conn: &Connection, from: u32, to: u32) {
    for n in from..to {
        run(
            conn,
            &format!(
                "INSERT INTO messages (id, room_id, content) VALUES ('m{n}', 'r{}', 'x')",
                n % 2
            ),
        );
    }
}

#[test]
fn old_events_go_and_rows_that_are_there_keep_one_with_all_of_their_columns() {
    let conn = journaled();
    rows(&conn, 0, 20);
    run(&conn, "DELETE FROM messages WHERE id IN ('m1', 'm2')");
    run(&conn, "UPDATE messages SET content = 'y' WHERE id = 'm3'");
    run(&conn, "UPDATE messages SET id = 'moved' WHERE id = 'm4'");
    age(&conn);
    rows(&conn, 20, 25);
    run(&conn, "UPDATE messages SET content = 'new' WHERE id = 'm5'");
    let head = number(&conn, "SELECT max(seq) FROM ash_rusqlite_events");
    let done = retain(&conn, before(), 3);
    assert_eq!((done.events, done.baselines), (24, 18));
    let oldest = number(&conn, "SELECT min(seq) FROM ash_rusqlite_events");
    assert_eq!(oldest, 25);
    let newest = number(&conn, "SELECT max(seq) FROM ash_rusqlite_events");
    assert_eq!(newest, head + 18);
    holds(&conn);
    // A position is never given twice.
    let positions =
        "SELECT count(*) FROM ash_rusqlite_subjects AS s WHERE name LIKE 'room:%' AND position <> \
                     (SELECT max(position) FROM ash_rusqlite_events AS e WHERE e.source = s.id)";
    assert_eq!(number(&conn, positions), 0);
}

#[test]
fn a_row_whose_key_changed_after_the_events_that_go_keeps_its_columns() {
    let conn = journaled();
    rows(&conn, 0, 3);
    age(&conn);
    run(&conn, "UPDATE messages SET id = 'moved' WHERE id = 'm0'");
    run(&conn, "UPDATE messages SET id = 'again' WHERE id = 'moved'");
    let done = retain(&conn, before(), 10);
    assert_eq!((done.events, done.baselines), (3, 3));
    holds(&conn);
}

#[test]
fn a_row_whose_key_another_row_has_by_now_keeps_its_columns() {
    let conn = journaled();
    rows(&conn, 0, 1);
    age(&conn);
    rows(&conn, 1, 2);
    run(&conn, "UPDATE messages SET id = 'moved' WHERE id = 'm0'");
    run(&conn, "UPDATE messages SET id = 'm0' WHERE id = 'm1'");
    let done = retain(&conn, before(), 10);
    assert_eq!((done.events, done.baselines), (1, 2));
    holds(&conn);
}

#[test]
fn the_newest_event_stays_so_that_no_seq_is_given_twice() {
    let conn = journaled();
    rows(&conn, 0, 3);
    run(&conn, "DELETE FROM messages");
    age(&conn);
    let done = retain(&conn, before(), 10);
    assert_eq!((done.events, done.baselines), (5, 0));
    rows(&conn, 0, 1);
    let seqs = texts(
        &conn,
        "SELECT seq || '' FROM ash_rusqlite_events ORDER BY seq",
    );
    assert_eq!(seqs, ["6", "7"]);
}

#[test]
fn only_the_events_of_a_table_or_a_source_go() {
    let conn = journaled();
    run(
        &conn,
        "CREATE TABLE rooms (id TEXT PRIMARY KEY NOT NULL, title TEXT)",
    );
    let spec = JournalSpec {
        event_type: "chat.room".into(),
        ..JournalSpec::default()
    };
    enable(&conn, "rooms", &spec);
    rows(&conn, 0, 10);
    run(
        &conn,
        "INSERT INTO rooms VALUES ('r0', 'Lobby'), ('r1', 'Attic')",
    );
    age(&conn);
    rows(&conn, 10, 11);
    let source = Retention {
        source: Some("room:r1".into()),
        ..before()
    };
    let done = retain(&conn, source, 2);
    assert_eq!((done.events, done.baselines), (5, 5));
    holds(&conn);
    let table = Retention {
        table: Some("rooms".into()),
        ..before()
    };
    let done = retain(&conn, table, 2);
    assert_eq!((done.events, done.baselines), (2, 2));
    holds(&conn);
    let again = retain(&conn, before(), 2);
    assert_eq!((again.events, again.baselines), (5, 5));
    holds(&conn);
    assert_eq!(retain(&conn, before(), 2), Retained::default());
}

#[test]
fn a_stretch_of_which_nothing_is_left_keeps_its_hash_alone_and_one_that_has_some_their_leaves() {
    let conn = journaled();
    rows(&conn, 0, 2_200);
    run(
        &conn,
        "UPDATE ash_rusqlite_events SET at = '2020-01-01T00:00:00.000000Z' WHERE seq <= 1500",
    );
    run(&conn, "DELETE FROM messages");
    holds(&conn);
    retain(&conn, before(), 400);
    let sizes = texts(&conn, "SELECT coalesce(length(removed), 'none') || '' FROM ash_rusqlite_seals WHERE last <= 3000 ORDER BY last");
    assert_eq!(sizes, ["0", "20000", "none"]);
    let report = journal::verify_chain(&conn, &mut ()).unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.removed, 1_500);
    // What comes back is found.
    run(
        &conn,
        "INSERT INTO ash_rusqlite_events (seq, type, key, data, at) \
         SELECT s.value, e.type, e.key, e.data, e.at FROM ash_rusqlite_events AS e, json_each('[5, 1200]') AS s \
         WHERE seq = 1600",
    );
    let problems = journal::verify_chain(&conn, &mut ()).unwrap().problems;
    let found: Vec<(&str, i64)> = problems
        .iter()
        .map(|p| (p.fault.as_str(), p.first))
        .collect();
    assert_eq!(found, [("inserted", 5), ("inserted", 1_200)]);
}

#[test]
fn a_redaction_stays_as_long_as_the_events_that_it_is_about() {
    let conn = journaled();
    rows(&conn, 0, 4);
    run(
        &conn,
        "UPDATE messages SET room_id = 'r1', content = 'z' WHERE id = 'm0'",
    );
    let redaction = Redaction {
        table: "messages".into(),
        ..Redaction::default()
    };
    journal::redact(&conn, &redaction, &[Value::Text("m0".into())]).unwrap();
    age(&conn);
    rows(&conn, 4, 5);
    // Its event has the source r1, and one that it names r0.
    let source = Retention {
        source: Some("room:r1".into()),
        ..before()
    };
    retain(&conn, source, 10);
    holds(&conn);
    assert_eq!(
        number(
            &conn,
            "SELECT count(*) FROM ash_rusqlite_journal WHERE operation = 'redact'"
        ),
        1
    );
    retain(&conn, before(), 10);
    holds(&conn);
    assert_eq!(
        number(
            &conn,
            "SELECT count(*) FROM ash_rusqlite_journal WHERE operation = 'redact'"
        ),
        0
    );
}

#[test]
fn events_from_before_a_table_was_renamed_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut conn = journaled();
    rows(&conn, 0, 4);
    run(&conn, "UPDATE messages SET id = 'moved' WHERE id = 'm0'");
    age(&conn);
    let sql = "-- up\nALTER TABLE messages RENAME TO posts;\n";
    std::fs::write(folder.path().join("20260102000000_a.sql"), sql).unwrap();
    let files = migration::read_directory(folder.path()).unwrap();
    let options = migration::MigrateOptions::default();
    migration::migrate(&mut conn, &files, &options, soon(), &mut ()).unwrap();
    run(&conn, "INSERT INTO posts (id) VALUES ('new')");
    let redaction = Redaction {
        table: "posts".into(),
        ..Redaction::default()
    };
    let done = journal::redact(&conn, &redaction, &[Value::Text("moved".into())]).unwrap();
    assert_eq!((done.rows, done.events), (1, 2));
    let table = Retention {
        table: Some("posts".into()),
        ..before()
    };
    let done = retain(&conn, table, 10);
    assert_eq!((done.events, done.baselines), (5, 4));
    while journal::seal(&conn).unwrap() > 0 {}
    let report = journal::verify_chain(&conn, &mut ()).unwrap();
    assert_eq!(report.problems, []);
    let left = "SELECT count(*) FROM ash_rusqlite_journal WHERE operation = 'baseline' AND \"table\" = 'posts'";
    assert_eq!(number(&conn, left), 4);
}

#[test]
fn what_retention_cannot_know_is_a_typed_error() {
    let plain = Connection::open_in_memory().unwrap();
    let code = |conn: &Connection, retention: Retention| {
        Retaining::new(conn, &retention).err().unwrap().code()
    };
    assert_eq!(code(&plain, before()), Code::NotJournaled);
    let conn = journaled();
    let of = |table: Option<&str>, source: Option<&str>| Retention {
        table: table.map(Into::into),
        source: source.map(Into::into),
        ..before()
    };
    assert_eq!(code(&conn, of(Some("rooms"), None)), Code::NotJournaled);
    assert_eq!(code(&conn, of(None, Some("room:x"))), Code::UnknownSource);
    let wrong = Retention {
        before: "yesterday".into(),
        ..Retention::default()
    };
    assert_eq!(code(&conn, wrong), Code::InvalidOption);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn whatever_was_written_replay_gives_the_rows_after_it(
        ops in proptest::collection::vec((0..5_u8, 0..8_u32, 0..8_u32), 1..40),
        aged in 0..40_i64,
        limit in 1..9_usize,
    ) {
        let conn = journaled();
        for (op, n, m) in ops {
            match op {
                0 => run(&conn, &format!("INSERT OR IGNORE INTO messages (id, room_id, n) VALUES ('m{n}', 'r{}', {m})", n % 2)),
                1 => run(&conn, &format!("UPDATE messages SET n = {m}, room_id = 'r{}' WHERE id = 'm{n}'", m % 3)),
                2 => run(&conn, &format!("DELETE FROM messages WHERE id = 'm{n}'")),
                3 => run(&conn, &format!("UPDATE OR IGNORE messages SET id = 'm{m}' WHERE id = 'm{n}'")),
                _ => run(&conn, &format!("REPLACE INTO messages (id, n) VALUES ('m{n}', {m})")),
            }
        }
        run(&conn, &format!(
            "UPDATE ash_rusqlite_events SET at = '2020-01-01T00:00:00.000000Z' WHERE seq <= {aged}"));
        retain(&conn, before(), limit);
        holds(&conn);
        retain(&conn, Retention { before: "2999-01-01T00:00:00Z".into(), ..Retention::default() }, limit);
        holds(&conn);
    }
}

#[test]
fn the_writer_removes_them_between_requests() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let conn = Connection::open(&path).unwrap();
    run(&conn, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    messages(&conn, 0);
    enable(&conn, "messages", &message_spec());
    run(&conn, "BEGIN");
    rows(&conn, 0, 3_000);
    run(&conn, "COMMIT");
    age(&conn);
    let options = json!({"synchronous": "off"});
    let database = open(config(path.to_str().unwrap(), options)).unwrap();
    write(&database, insert("messages", &[("id", text("new"))])).unwrap();
    let answer = std::thread::scope(|scope| {
        let writes = scope.spawn(|| {
            for n in 0..200 {
                let row = [("id", text(&format!("w{n}")))];
                write(&database, insert("messages", &row)).unwrap();
            }
        });
        let answer = maintain(&database, Maintenance::Retain(before()));
        writes.join().unwrap();
        answer
    });
    let expected = Retained {
        events: 3_000,
        baselines: 3_000,
    };
    assert_eq!(answer.result, Ok(Outcome::Retained(expected)));
    assert!(answer.progress.len() > 10);
    let answer = maintain(&database, Maintenance::Retain(Retention::default()));
    assert_eq!(answer.result.unwrap_err().code(), Code::InvalidOption);
    close(database);
    holds(&conn);
}
