//! Promise P6: whatever was written, the events say what every table was at each of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/journal.rs"]
mod fixture;
#[path = "support/host.rs"]
mod host;

use std::sync::Arc;

use ash_rusqlite_engine::catalog::JournalSpec;
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::journal::{Retaining, Retention};
use ash_rusqlite_engine::query::ir::{AsOf, Moment, OrderBy, Partition, Read, Scalar, Select};
use ash_rusqlite_engine::{Code, ColumnType, Database, Date, DateTime, Time, Value};
use fixture::{bits, chat, head, rebuild, run, spec, verify};
use host::{close, config, soon, Collected, Rows};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

const TABLES: [(&str, &str); 3] = [
    ("rooms", "id"),
    ("messages", "id"),
    ("members", "room_id, user_id"),
];

/// Statements on few keys, so that they meet: key changes, REPLACE, upserts, cascades, savepoints.
fn statement() -> impl Strategy<Value = String> {
    let room = || prop_oneof![Just("'r'"), Just("'s'"), Just("'t'")];
    let id = || 1..6_i64;
    let slug = || prop_oneof![Just("NULL"), Just("'x'"), Just("'y'"), Just("'z'")];
    let value = || {
        prop_oneof![
            Just("1"),
            Just("1.0"),
            Just("'1'"),
            Just("x'31'"),
            Just("NULL")
        ]
    };
    let or = || prop_oneof![Just(""), Just("OR REPLACE"), Just("OR IGNORE")];
    prop_oneof![
        2 => (or(), room(), value()).prop_map(|(or, room, title)|
            format!("INSERT {or} INTO rooms VALUES ({room}, {title})")),
        4 => (or(), id(), room(), slug(), value()).prop_map(|(or, id, room, slug, value)| format!(
            "INSERT {or} INTO messages (id, room_id, content, slug, score, extra) \
             VALUES ({id}, {room}, {value}, {slug}, {value}, {value})")),
        2 => (id(), slug(), value()).prop_map(|(id, slug, value)| format!(
            "INSERT INTO messages (id, slug) VALUES ({id}, {slug}) \
             ON CONFLICT (slug) DO UPDATE SET extra = {value}, id = id + 1")),
        2 => (or(), id(), id()).prop_map(|(or, from, to)|
            format!("UPDATE {or} messages SET id = {to} WHERE id = {from}")),
        1 => (or(), id()).prop_map(|(or, by)| format!("UPDATE {or} messages SET id = id + {by}")),
        2 => (or(), id(), slug()).prop_map(|(or, id, slug)|
            format!("UPDATE {or} messages SET slug = {slug} WHERE id = {id}")),
        3 => (value(), id()).prop_map(|(value, id)|
            format!("UPDATE messages SET extra = {value}, score = {value} WHERE id >= {id}")),
        2 => (room(), room()).prop_map(|(from, to)|
            format!("UPDATE messages SET room_id = {to} WHERE room_id = {from}")),
        1 => (or(), room(), room()).prop_map(|(or, from, to)|
            format!("UPDATE {or} rooms SET id = {to} WHERE id = {from}")),
        1 => room().prop_map(|room| format!("DELETE FROM rooms WHERE id = {room}")),
        1 => id().prop_map(|id| format!("DELETE FROM messages WHERE id = {id}")),
        2 => (or(), room(), id(), value()).prop_map(|(or, room, id, role)|
            format!("INSERT {or} INTO members VALUES ({room}, {id}, {role})")),
        2 => (or(), room(), id(), id()).prop_map(|(or, room, from, to)| format!(
            "UPDATE {or} members SET user_id = {to}, room_id = {room} WHERE user_id = {from}")),
        1 => id().prop_map(|id| format!("DELETE FROM members WHERE user_id > {id}")),
        1 => id().prop_map(|id| format!(
            "SAVEPOINT a; UPDATE messages SET extra = 'lost'; DELETE FROM members WHERE user_id = {id}; ROLLBACK TO a; RELEASE a")),
        1 => Just("DELETE FROM messages".to_owned()),
    ]
}

type State = Vec<Vec<Vec<String>>>;

fn state(conn: &Connection) -> State {
    let select =
        |(table, key): &(&str, &str)| bits(conn, &format!("SELECT * FROM {table} ORDER BY {key}"));
    TABLES.iter().map(select).collect()
}

fn sql(sql: &str) -> Read {
    Read::Sql {
        sql: sql.to_owned(),
        params: Vec::new(),
    }
}

fn read(database: &Database, read: &Read, as_of: &AsOf) -> ash_rusqlite_engine::Result<Rows> {
    let mut sink = Collected::default();
    database.read_as_of(read, as_of, soon(), Arc::default(), &mut sink)?;
    Ok(sink.rows)
}

fn at(seq: u64) -> AsOf {
    AsOf {
        moment: Moment::Seq(seq),
        source: None,
    }
}

fn opened(path: &std::path::Path) -> Database {
    host::open(config(path.to_str().unwrap(), json!({}))).unwrap()
}

/// The columns of a table as text that shows their bits.
const SHOWN: [&str; 3] = [
    "SELECT quote(id), quote(title) FROM rooms ORDER BY id",
    "SELECT quote(id), quote(room_id), quote(content), quote(slug), quote(score), quote(extra), length FROM messages ORDER BY id",
    "SELECT quote(room_id), quote(user_id), quote(role) FROM members ORDER BY room_id, user_id",
];

fn shown(conn: &Connection) -> Vec<Vec<Vec<String>>> {
    SHOWN.iter().map(|sql| bits(conn, sql)).collect()
}

fn shown_as_of(database: &Database, as_of: &AsOf) -> Vec<Vec<Vec<String>>> {
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "null".to_owned(),
        serde_json::Value::String(text) => format!("text {:x?}", text.as_bytes()),
        other => format!("integer {other}"),
    };
    let table = |text: &&str| -> Vec<Vec<String>> {
        let rows = read(database, &sql(text), as_of).unwrap();
        rows.iter()
            .map(|row| row.iter().map(cell).collect())
            .collect()
    };
    SHOWN.iter().map(table).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn replay_gives_the_tables_and_each_earlier_state(
        statements in proptest::collection::vec(statement(), 1..40),
        recursive in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (path, conn) = chat(dir.path());
        run(&conn, &format!("PRAGMA recursive_triggers = {recursive}"));
        let mut history = vec![(0, shown(&conn))];
        for statement in &statements {
            if conn.execute_batch(statement).is_err() && !conn.is_autocommit() {
                run(&conn, "ROLLBACK");
            }
            history.push((u64::try_from(head(&conn)).unwrap(), shown(&conn)));
        }
        let verified = verify(&path);
        prop_assert!(verified.is_ok(), "{:?}", verified);
        let to = dir.path().join("new.db");
        rebuild(&conn, &to);
        prop_assert_eq!(state(&Connection::open(&to).unwrap()), state(&conn));
        let database = opened(&path);
        for (seq, expected) in history {
            prop_assert_eq!(shown_as_of(&database, &at(seq)), expected, "at {}", seq);
        }
        close(database);
    }
}

#[test]
fn an_ordinary_read_of_the_past_is_one_of_the_rows_of_then() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(
        &conn,
        "INSERT INTO rooms VALUES ('r', 'Lobby');
         INSERT INTO messages (id, room_id, content) VALUES (1, 'r', 'hi'), (2, 'r', 'ho');
         UPDATE messages SET content = 'changed' WHERE id = 1; DELETE FROM messages WHERE id = 2;
         INSERT INTO messages (id, room_id, content) VALUES (3, 'r', 'new');",
    );
    let database = opened(&path);
    let messages = Read::Select(Select {
        table: "messages".into(),
        columns: Some(vec!["id".into(), "content".into()]),
        order_by: Vec::new(),
        ..Select::default()
    });
    let rows = |seq| read(&database, &messages, &at(seq)).unwrap();
    assert_eq!(rows(1), Rows::new());
    assert_eq!(rows(3), [[json!(1), json!("hi")], [json!(2), json!("ho")]]);
    assert_eq!(rows(5), [[json!(1), json!("changed")]]);
    assert_eq!(
        rows(6),
        [[json!(1), json!("changed")], [json!(3), json!("new")]]
    );
    // A key is looked up in the table, which the view leaves to be.
    let explain = Read::Explain(Box::new(sql("SELECT content FROM messages WHERE id = 1")));
    let plan = format!("{:?}", read(&database, &explain, &at(4)).unwrap());
    assert!(
        plan.contains("SEARCH t USING INTEGER PRIMARY KEY"),
        "{plan}"
    );
    assert!(read(&database, &sql("DELETE FROM messages"), &at(4)).is_err());
    assert!(read(&database, &sql("SELECT nothing FROM messages"), &at(4)).is_err());
    close(database);
}

#[test]
fn a_row_that_came_to_have_the_key_of_one_made_later_is_found_in_the_past() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    // Enough for the last events to be taken back, not all others applied.
    run(
        &conn,
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 19)
         INSERT INTO messages (id, content) SELECT n, 'hi' FROM c",
    );
    let before = u64::try_from(head(&conn)).unwrap();
    run(
        &conn,
        "INSERT INTO messages (id, content) VALUES (20, 'new');
         UPDATE OR REPLACE messages SET id = 20 WHERE id = 1;
         INSERT INTO messages (id, content) VALUES (30, 'new'); DELETE FROM messages WHERE id = 30;
         UPDATE messages SET id = 30 WHERE id = 2; UPDATE messages SET id = 40 WHERE id = 30;",
    );
    let database = opened(&path);
    let text = "SELECT id FROM messages ORDER BY id";
    let expected: Rows = (1..=19).map(|id| vec![json!(id)]).collect();
    assert_eq!(read(&database, &sql(text), &at(before)).unwrap(), expected);
    close(database);
}

#[test]
fn rows_of_each_key_are_found_in_the_past_too() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(
        &conn,
        "INSERT INTO rooms VALUES ('r', NULL), ('s', NULL);
         INSERT INTO messages (id, room_id) VALUES (1, 'r'), (2, 'r'), (3, 's'), (4, 's');
         DELETE FROM messages WHERE id IN (2, 4);",
    );
    let database = opened(&path);
    let room = |room: &str| Scalar::Value {
        column_type: ColumnType::Text,
        value: Value::Bytes(room.into()),
    };
    let last_of_each = Read::Select(Select {
        table: "messages".into(),
        columns: Some(vec!["id".into()]),
        order_by: vec![OrderBy::column("id", true, None)],
        partition: Some(Box::new(Partition {
            by: vec![Scalar::Column {
                depth: 0,
                table: 0,
                name: "room_id".into(),
            }],
            keys: Some(vec![room("r"), room("s")]),
            limit: Some(1),
            offset: None,
        })),
        ..Select::default()
    });
    let rows = |seq| {
        let mut rows = read(&database, &last_of_each, &at(seq)).unwrap();
        rows.sort_by_key(|row| row[0].to_string());
        rows
    };
    assert_eq!(rows(6), [[json!(2)], [json!(4)]]);
    assert_eq!(rows(7), [[json!(1)], [json!(4)]]);
    assert_eq!(rows(8), [[json!(1)], [json!(3)]]);
    close(database);
}

#[test]
fn a_source_is_read_by_its_own_events_at_a_position() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(
        &conn,
        "INSERT INTO rooms VALUES ('r', 'Lobby'), ('s', 'Attic');
         INSERT INTO messages (id, room_id, content) VALUES (1, 'r', 'hi'), (2, 's', 'ho'), (3, 'r', 'he');
         UPDATE messages SET content = 'changed' WHERE id = 1;",
    );
    let database = opened(&path);
    let read_room = |moment, source: &str| {
        let as_of = AsOf {
            moment,
            source: Some(source.to_owned()),
        };
        read(
            &database,
            &sql("SELECT id, content FROM messages ORDER BY id"),
            &as_of,
        )
    };
    let rows = |moment| read_room(moment, "room:r").unwrap();
    assert_eq!(rows(Moment::Position(2)), [[json!(1), json!("hi")]]);
    assert_eq!(
        rows(Moment::Position(3)),
        [[json!(1), json!("hi")], [json!(3), json!("he")]]
    );
    assert_eq!(rows(Moment::Seq(6))[0][1], json!("changed"));
    assert_eq!(rows(Moment::Position(0)), Rows::new());
    let code = |moment, source| read_room(moment, source).unwrap_err().code();
    assert_eq!(code(Moment::Position(5), "room:r"), Code::PositionAhead);
    assert_eq!(code(Moment::Position(1), "room:x"), Code::UnknownSource);
    let alone = AsOf {
        moment: Moment::Position(1),
        source: None,
    };
    let error = read(&database, &sql("SELECT 1 FROM messages"), &alone).unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    close(database);
}

#[test]
fn a_moment_is_behind_the_last_commit_until_then() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(&conn, "INSERT INTO rooms VALUES ('r', 'one'); UPDATE rooms SET title = 'two'; UPDATE rooms SET title = 'three'");
    for seq in 1..=3 {
        let sql = "UPDATE ash_rusqlite_events SET at = '2026-01-02T03:04:0' || ?1 || '.000000Z' WHERE seq = ?1";
        conn.execute(sql, [seq]).unwrap();
    }
    let database = opened(&path);
    let title = |second, microsecond| {
        let at = DateTime {
            date: Date {
                year: 2026,
                month: 1,
                day: 2,
            },
            time: Time {
                hour: 3,
                minute: 4,
                second,
                microsecond,
                precision: 6,
            },
        };
        let as_of = AsOf {
            moment: Moment::At(at),
            source: None,
        };
        read(&database, &sql("SELECT title FROM rooms"), &as_of).unwrap()
    };
    assert_eq!(title(0, 999_999), Rows::new());
    assert_eq!(title(1, 0), [[json!("one")]]);
    assert_eq!(title(2, 999_999), [[json!("two")]]);
    assert_eq!(title(59, 0), [[json!("three")]]);
    close(database);
}

#[test]
fn what_the_journal_does_not_reach_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(
        &conn,
        "CREATE TABLE logs (id INTEGER PRIMARY KEY, line TEXT); INSERT INTO logs VALUES (1, 'a');
         CREATE VIEW titles AS SELECT title FROM rooms;
         INSERT INTO rooms VALUES ('r', 'one'), ('s', 'two');",
    );
    journal::enable(&conn, "logs", &spec("log", None)).unwrap();
    run(
        &conn,
        "CREATE TABLE plain (id INTEGER PRIMARY KEY); UPDATE logs SET line = 'b'",
    );
    let database = opened(&path);
    let code = |table: &str, seq| {
        let text = format!("SELECT * FROM {table}");
        read(&database, &sql(&text), &at(seq)).unwrap_err().code()
    };
    assert_eq!(code("rooms", 4), Code::PositionAhead);
    assert_eq!(code("plain", 1), Code::NotJournaled);
    assert_eq!(code("titles", 1), Code::NotJournaled);
    // Its row has no event yet.
    assert_eq!(code("logs", 3), Code::Outdated);
    run(
        &conn,
        "UPDATE ash_rusqlite_journaled SET baselined = 3 WHERE \"table\" = 'logs'",
    );
    assert_eq!(code("logs", 2), Code::Outdated);
    assert_eq!(
        read(&database, &sql("SELECT line FROM logs"), &at(3)).unwrap(),
        [[json!("b")]]
    );
    // Others may be read at any time.
    assert_eq!(
        read(&database, &sql("SELECT id FROM rooms"), &at(1)).unwrap(),
        [[json!("r")]]
    );
    run(
        &conn,
        "DELETE FROM ash_rusqlite_events WHERE seq = 1;
         INSERT INTO ash_rusqlite_seals VALUES (1, 1, x'00', '', x'')",
    );
    assert_eq!(code("rooms", 0), Code::Outdated);
    assert_eq!(
        read(&database, &sql("SELECT id FROM rooms"), &at(1)).unwrap(),
        [[json!("r")]]
    );
    close(database);
}

#[test]
fn an_update_of_a_row_whose_baseline_has_not_come_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = fixture::open(&path);
    run(&conn, "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 'a', 'b'), (2, 'c', 'd'), (3, 'e', 'f')");
    journal::enable(&conn, "t", &spec("t", None)).unwrap();
    run(&conn, "UPDATE t SET a = 'A' WHERE id = 1; DELETE FROM t WHERE id = 2; UPDATE t SET id = 4 WHERE id = 3");
    assert_eq!(verify(&path).problems, ["t: its baseline is not complete"]);
    // As the baseline writes them, one that is there by then included.
    run(
        &conn,
        "INSERT INTO ash_rusqlite_events (type, key, data, at) SELECT id, 1, '{\"id\":1,\"a\":\"A\",\"b\":\"b\"}', '' FROM ash_rusqlite_event_types WHERE operation = 'baseline';
         INSERT INTO t VALUES (9, 1, 2);
         INSERT INTO ash_rusqlite_events (type, key, data, at) SELECT id, key, data, '' FROM
           (SELECT 4 AS key, '{\"id\":4,\"a\":\"e\",\"b\":\"f\"}' AS data UNION ALL SELECT 9, '{\"id\":9,\"a\":1,\"b\":2}'), ash_rusqlite_event_types WHERE operation = 'baseline';
         UPDATE ash_rusqlite_journaled SET baselined = 7;",
    );
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
}

#[test]
fn what_is_left_out_of_events_is_as_it_is_now_where_that_is_all_that_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = fixture::open(&path);
    run(
        &conn,
        "CREATE TABLE cards (id INTEGER PRIMARY KEY, name TEXT, api_key TEXT, seen TEXT)",
    );
    let spec = JournalSpec {
        skip: vec!["seen".into()],
        sensitive: vec!["api_key".into()],
        ..spec("card", None)
    };
    journal::enable(&conn, "cards", &spec).unwrap();
    run(
        &conn,
        "INSERT INTO cards VALUES (1, 'a', 'k', 'then'), (2, 'b', 'l', 'then');
         UPDATE cards SET seen = 'now'; UPDATE cards SET name = 'c' WHERE id = 1; UPDATE cards SET api_key = 'm' WHERE id = 2;",
    );
    let database = opened(&path);
    let rows = read(
        &database,
        &sql("SELECT name, api_key, seen FROM cards ORDER BY id"),
        &at(2),
    );
    assert_eq!(
        rows.unwrap(),
        [
            [json!("a"), json!("k"), json!("now")],
            [json!("b"), json!(null), json!("now")]
        ]
    );
    close(database);
}

#[test]
fn behind_what_retention_removed_the_past_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(
        &conn,
        "INSERT INTO rooms VALUES ('r', 'one'), ('s', 'two'); UPDATE rooms SET title = 'three' WHERE id = 'r'",
    );
    let before = conn
        .query_row(
            "UPDATE ash_rusqlite_events SET at = '2026-01-02T03:04:05.000000Z' RETURNING at",
            [],
            |row| row.get::<_, String>(0),
        )
        .unwrap()
        .replace(":05.", ":06.");
    run(
        &conn,
        "UPDATE rooms SET title = 'four' WHERE id = 'r'; DELETE FROM rooms WHERE id = 's'",
    );
    let retention = Retention {
        before,
        ..Retention::default()
    };
    let mut retaining = Retaining::new(&conn, &retention).unwrap();
    while !retaining.step(&conn, 10).unwrap() {}
    assert_eq!(retaining.done().events, 3);
    run(&conn, "UPDATE rooms SET title = 'five'");
    let database = opened(&path);
    let titles = |seq| {
        let text = "SELECT id, title FROM rooms ORDER BY id";
        read(&database, &sql(text), &at(seq))
    };
    assert_eq!(titles(2).unwrap_err().code(), Code::Outdated);
    assert_eq!(
        titles(3).unwrap(),
        [[json!("r"), json!("three")], [json!("s"), json!("two")]]
    );
    assert_eq!(
        titles(4).unwrap(),
        [[json!("r"), json!("four")], [json!("s"), json!("two")]]
    );
    assert_eq!(titles(5).unwrap(), [[json!("r"), json!("four")]]);
    close(database);
}
