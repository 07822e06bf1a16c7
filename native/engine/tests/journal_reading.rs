//! Promise P6: events are read by what they are about, from any place on, forward and back. What
//! is read costs the same however long the journal is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use ash_rusqlite_engine::catalog::{Catalog, JournalSpec, Subject};
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::query::compile::bind;
use ash_rusqlite_engine::query::ir::{
    ConsumerWrite, EventQuery, JournalRead, KeyValue, Progress, Read, Write,
};
use ash_rusqlite_engine::{
    Code, Database, Date, DateTime, Detail, Error, Maintenance, Time, TransactionOp, Value,
};
use rusqlite::{Connection, StatementStatus};
use serde_json::{json, Value as Json};
use support::host::{
    begin, close, config, finish, insert, maintain, open, read, step, text, write,
};

const TABLES: &str = "
    CREATE TABLE messages (id TEXT PRIMARY KEY NOT NULL, room_id TEXT, user_id TEXT, content TEXT);
    CREATE TABLE seats (room_id TEXT NOT NULL, number INTEGER NOT NULL, taken BOOLEAN_INT,
      PRIMARY KEY (room_id, number)) WITHOUT ROWID;
    CREATE TABLE plain (id INTEGER PRIMARY KEY);";

fn subject(kind: &str, column: &str) -> Option<Subject> {
    Some(Subject(kind.into(), column.into()))
}

/// Two journaled tables and one that is not.
fn install(conn: &Connection) {
    conn.execute_batch(TABLES).unwrap();
    let message = JournalSpec {
        event_type: "chat.message".into(),
        source: subject("room", "room_id"),
        actor: subject("user", "user_id"),
        ..JournalSpec::default()
    };
    let seat = JournalSpec {
        event_type: "chat.seat".into(),
        source: subject("room", "room_id"),
        ..JournalSpec::default()
    };
    journal::enable(conn, "messages", &message).unwrap();
    journal::enable(conn, "seats", &seat).unwrap();
}

/// `rooms` rooms of which each gets a message in turn, by one of seven users.
fn fill(conn: &Connection, from: usize, to: usize, rooms: usize) {
    let begin = conn.unchecked_transaction().unwrap();
    let sql = "INSERT INTO messages VALUES (?1, ?2, ?3, 'text')";
    let mut stmt = conn.prepare(sql).unwrap();
    for at in from..to {
        let (room, user) = (format!("r{}", at % rooms), format!("u{}", at % 7));
        stmt.execute((format!("m{at}"), room, user)).unwrap();
    }
    begin.commit().unwrap();
}

fn journaled(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.pragma_update(None, "journal_mode", "wal").unwrap();
    install(&conn);
    conn
}

struct Store {
    database: Database,
    /// Another program.
    other: Connection,
    _folder: tempfile::TempDir,
}

fn store(messages: usize) -> Store {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let other = journaled(&path);
    fill(&other, 0, messages, 3);
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    Store {
        database,
        other,
        _folder: folder,
    }
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn all() -> EventQuery {
    EventQuery {
        limit: 100,
        ..EventQuery::default()
    }
}

fn events(store: &Store, query: EventQuery) -> Result<Vec<Vec<Json>>, Error> {
    read(&store.database, Read::Events(Box::new(query)))
}

fn seqs(store: &Store, query: EventQuery) -> Vec<i64> {
    let rows = events(store, query).unwrap();
    rows.iter().map(|row| row[0].as_i64().unwrap()).collect()
}

fn refused(store: &Store, query: EventQuery) -> Error {
    events(store, query).unwrap_err()
}

#[test]
fn an_event_has_all_that_is_known_of_it() {
    let store = store(1);
    let sql = "UPDATE messages SET content = NULL WHERE id = 'm0'";
    store.other.execute_batch(sql).unwrap();
    let rows = events(&store, all()).unwrap();
    let identity = journal::identity(&store.other).unwrap().to_string();
    let data = r#"{"id":"m0","room_id":"r0","user_id":"u0","content":"text"}"#;
    let (first, second) = (&rows[0], &rows[1]);
    assert_eq!(
        first[..11],
        [
            json!(1),
            json!("chat.message.created"),
            json!("room:r0"),
            json!(1),
            json!("user:u0"),
            json!("messages"),
            json!("insert"),
            json!("m0"),
            json!(data),
            Json::Null,
            json!(1)
        ]
    );
    assert_eq!(first[14], json!(identity));
    let changed = [json!(r#"{"content":null}"#), json!(r#"{"content":"text"}"#)];
    assert_eq!(second[8..10], changed);
    close(store.database);
}

#[test]
fn each_condition_gives_its_events_forward_and_back() {
    let store = store(12);
    let sql =
        "INSERT INTO seats VALUES ('r1', 1, 0), ('r1', 2, 0); DELETE FROM seats WHERE number = 1;
               UPDATE messages SET content = 'new' WHERE id = 'm4'";
    store.other.execute_batch(sql).unwrap();
    let by = |query: EventQuery| {
        let forward = seqs(&store, query.clone());
        let mut back = seqs(
            &store,
            EventQuery {
                descending: true,
                ..query
            },
        );
        back.reverse();
        assert_eq!(forward, back);
        forward
    };
    assert_eq!(by(all()), (1..=16).collect::<Vec<_>>());
    let room = EventQuery {
        sources: names(&["room:r1"]),
        ..all()
    };
    assert_eq!(by(room.clone()), [2, 5, 8, 11, 13, 14, 15, 16]);
    let behind = EventQuery {
        after_position: Some(2),
        before_position: Some(6),
        ..room.clone()
    };
    assert_eq!(by(behind), [8, 11, 13]);
    let behind = EventQuery {
        after: Some(8),
        before: Some(15),
        ..room.clone()
    };
    assert_eq!(by(behind), [11, 13, 14]);
    let deleted = EventQuery {
        types: names(&["chat.seat.deleted", "chat.message.updated"]),
        ..all()
    };
    assert_eq!(by(deleted.clone()), [15, 16]);
    let both = EventQuery {
        sources: names(&["room:r1"]),
        ..deleted
    };
    assert_eq!(by(both), [15, 16]);
    let user = EventQuery {
        actors: names(&["user:u1"]),
        ..all()
    };
    assert_eq!(by(user), [2, 9]);
    let several = EventQuery {
        sources: names(&["room:r0", "room:r2", "room:nowhere"]),
        after: Some(5),
        ..all()
    };
    assert_eq!(by(several), [6, 7, 9, 10, 12]);
    let table = EventQuery {
        tables: vec!["seats".into()],
        ..all()
    };
    assert_eq!(by(table.clone()), [13, 14, 15]);
    let actors = EventQuery {
        actors: names(&["user:u3", "user:u4"]),
        tables: vec!["messages".into()],
        ..all()
    };
    assert_eq!(by(actors), [4, 5, 11, 12, 16]);
    let row = EventQuery {
        tables: vec!["messages".into()],
        key: Some(KeyValue::Single(text("m4"))),
        ..all()
    };
    assert_eq!(by(row), [5, 16]);
    let seat = vec![
        ("number".into(), Value::Integer(1)),
        ("room_id".into(), text("r1")),
    ];
    let row = EventQuery {
        key: Some(KeyValue::Columns(seat)),
        ..table
    };
    assert_eq!(by(row), [13, 15]);
    close(store.database);
}

#[test]
fn pages_are_as_long_as_the_limit_and_meet() {
    let store = store(50);
    for (page, found) in [
        (
            EventQuery {
                types: names(&["chat.message.created", "chat.seat.created"]),
                ..all()
            },
            50,
        ),
        (
            EventQuery {
                sources: names(&["room:r0", "room:r1"]),
                ..all()
            },
            34,
        ),
        (
            EventQuery {
                actors: names(&["user:u2"]),
                ..all()
            },
            7,
        ),
        (
            EventQuery {
                tables: vec!["messages".into()],
                ..all()
            },
            50,
        ),
    ] {
        let whole = seqs(&store, page.clone());
        assert_eq!(whole.len(), found);
        let (mut forward, mut after) = (Vec::new(), Some(0));
        let (mut back, mut before) = (Vec::new(), Some(1_000));
        while let Some(from) = after {
            let next = seqs(
                &store,
                EventQuery {
                    after: Some(from),
                    limit: 4,
                    ..page.clone()
                },
            );
            assert!(next.len() <= 4);
            after = next.last().map(|seq| *seq as u64);
            forward.extend(next);
        }
        while let Some(from) = before {
            let next = seqs(
                &store,
                EventQuery {
                    before: Some(from),
                    descending: true,
                    limit: 4,
                    ..page.clone()
                },
            );
            before = next.last().map(|seq| *seq as u64);
            back.extend(next);
        }
        back.reverse();
        assert_eq!((forward, back), (whole.clone(), whole));
    }
    close(store.database);
}

fn moment(year: i32, month: u8, day: u8) -> Value {
    let date = Date { year, month, day };
    let time = Time {
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
        precision: 0,
    };
    Value::DateTime(DateTime { date, time })
}

#[test]
fn a_moment_is_a_place_in_the_journal() {
    let store = store(6);
    let sql =
        "UPDATE ash_rusqlite_events SET at = '2026-01-0' || ((seq + 1) / 2) || 'T00:00:00.000000Z'";
    store.other.execute_batch(sql).unwrap();
    let moment = |day| Some(moment(2026, 1, day));
    let query = |since, until| EventQuery {
        since,
        until,
        ..all()
    };
    assert_eq!(seqs(&store, query(moment(2), None)), [3, 4, 5, 6]);
    assert_eq!(seqs(&store, query(None, moment(2))), [1, 2]);
    assert_eq!(seqs(&store, query(moment(2), moment(3))), [3, 4]);
    assert_eq!(seqs(&store, query(moment(4), None)), [0_i64; 0]);
    assert_eq!(seqs(&store, query(None, moment(1))), [0_i64; 0]);
    let room = EventQuery {
        sources: names(&["room:r0"]),
        ..query(moment(2), None)
    };
    assert_eq!(seqs(&store, room), [4]);
    close(store.database);
}

/// What SQLite says of how it finds the events of a query.
fn plan(conn: &Connection, query: &EventQuery) -> String {
    let catalog = Catalog::load(conn).unwrap();
    let read = Read::Explain(Box::new(Read::Events(Box::new(query.clone()))));
    let compiled = journal::compile_read(&read, &catalog).unwrap();
    let mut stmt = conn.prepare(&compiled.sql).unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    let mut rows = stmt.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get::<_, String>(3).unwrap());
    }
    lines.join("\n")
}

/// How many steps of its machine SQLite takes for a query.
fn steps(conn: &Connection, query: &EventQuery) -> i32 {
    let catalog = Catalog::load(conn).unwrap();
    let read = Read::Events(Box::new(query.clone()));
    let compiled = journal::compile_read(&read, &catalog).unwrap();
    let mut stmt = conn.prepare(&compiled.sql).unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    let mut rows = stmt.raw_query();
    let mut found = 0;
    while rows.next().unwrap().is_some() {
        found += 1;
    }
    drop(rows);
    assert!(found > 0, "{query:?}");
    stmt.get_status(StatementStatus::VmStep)
}

/// Each kind of query, and how SQLite finds its events.
fn kinds(newest: u64) -> Vec<(EventQuery, &'static str)> {
    let page = || EventQuery {
        limit: 20,
        ..EventQuery::default()
    };
    vec![
        (page(), "SEARCH e USING INTEGER PRIMARY KEY (rowid>?)"),
        (
            EventQuery {
                after: Some(newest - 40),
                ..page()
            },
            "SEARCH e USING INTEGER PRIMARY KEY (rowid>?)",
        ),
        (
            EventQuery {
                since: Some(moment(2000, 1, 1)),
                until: Some(moment(2100, 1, 1)),
                ..page()
            },
            "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
        ),
        (
            EventQuery {
                sources: names(&["room:r1"]),
                after_position: Some(3),
                ..page()
            },
            "SEARCH e USING INDEX ash_rusqlite_events_source (source=? AND position>?)",
        ),
        (
            EventQuery {
                sources: names(&["room:r1"]),
                after: Some(newest / 2),
                ..page()
            },
            "SEARCH e USING INDEX ash_rusqlite_events_source (source=? AND position>?)",
        ),
        (
            EventQuery {
                sources: names(&["room:r1"]),
                since: Some(moment(2000, 1, 1)),
                before: Some(newest / 2),
                ..page()
            },
            "SEARCH e USING INDEX ash_rusqlite_events_source (source=? AND position>? AND position<?)",
        ),
        (
            EventQuery {
                sources: names(&["room:r1", "room:r2"]),
                after: Some(newest / 2),
                ..page()
            },
            "SEARCH e USING COVERING INDEX ash_rusqlite_events_source (source=? AND position>? AND position<?)",
        ),
        (
            EventQuery {
                types: names(&["chat.message.created"]),
                ..page()
            },
            "SEARCH e USING COVERING INDEX ash_rusqlite_events_type (type=? AND rowid>? AND rowid<?)",
        ),
        (
            EventQuery {
                tables: vec!["messages".into()],
                ..page()
            },
            "SEARCH e USING COVERING INDEX ash_rusqlite_events_type (type=? AND rowid>? AND rowid<?)",
        ),
        (
            EventQuery {
                actors: names(&["user:u1"]),
                ..page()
            },
            "SEARCH e USING INDEX ash_rusqlite_events_actor (actor=? AND rowid>?)",
        ),
        (
            EventQuery {
                actors: names(&["user:u1", "user:u2"]),
                ..page()
            },
            "SEARCH e USING COVERING INDEX ash_rusqlite_events_actor (actor=? AND rowid>? AND rowid<?)",
        ),
        (
            EventQuery {
                tables: vec!["messages".into()],
                key: Some(KeyValue::Single(text("m5"))),
                ..page()
            },
            "SEARCH e USING INDEX ash_rusqlite_events_key (key=? AND rowid>?)",
        ),
    ]
}

#[test]
fn every_kind_of_query_is_an_index_search() {
    let conn = Connection::open_in_memory().unwrap();
    install(&conn);
    fill(&conn, 0, 200, 10);
    for analyzed in [false, true] {
        if analyzed {
            conn.execute_batch("ANALYZE").unwrap();
        }
        for (query, expected) in kinds(200) {
            for descending in [false, true] {
                let query = EventQuery {
                    descending,
                    ..query.clone()
                };
                let plan = plan(&conn, &query);
                // Back, the index is bounded by what is after its end in the other direction.
                let expected = match descending {
                    true => expected.split(" (").next().unwrap(),
                    false => expected,
                };
                assert!(plan.contains(expected), "{query:?}\n{plan}");
                for scanned in [
                    "SCAN e",
                    "SCAN n",
                    "SCAN ash_rusqlite_events",
                    "SCAN s\n",
                    "SCAN t",
                ] {
                    assert!(!plan.contains(scanned), "{query:?}\n{plan}");
                }
                let several = plan.contains("SCAN p");
                assert_eq!(plan.contains("TEMP B-TREE"), several, "{query:?}\n{plan}");
            }
        }
    }
}

#[test]
fn a_page_costs_the_same_however_long_the_journal_is() {
    let conn = Connection::open_in_memory().unwrap();
    install(&conn);
    fill(&conn, 0, 1_000, 10);
    let costs = |newest: u64| -> Vec<i32> {
        let kinds = kinds(newest).into_iter();
        kinds
            .flat_map(|(query, _)| [false, true].map(|descending| (query.clone(), descending)))
            .map(|(query, descending)| {
                steps(
                    &conn,
                    &EventQuery {
                        descending,
                        ..query
                    },
                )
            })
            .collect()
    };
    let short = costs(1_000);
    fill(&conn, 1_000, 20_000, 10);
    let long = costs(20_000);
    for (at, (short, long)) in short.iter().zip(&long).enumerate() {
        assert!(*long <= short + short / 2, "{at}: {short} and {long} steps");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let store = store(9);
    let source = |source: &str| EventQuery {
        sources: names(&[source]),
        ..all()
    };
    let unknown = refused(&store, source("room:nowhere"));
    assert_eq!(unknown.code(), Code::UnknownSource);
    assert_eq!(unknown.detail("source"), Some(&"room:nowhere".into()));
    // An actor is no source.
    assert_eq!(
        refused(&store, source("user:u1")).code(),
        Code::UnknownSource
    );
    let ahead = refused(
        &store,
        EventQuery {
            after_position: Some(4),
            ..source("room:r0")
        },
    );
    assert_eq!(ahead.code(), Code::PositionAhead);
    assert_eq!(ahead.detail("position"), Some(&Detail::Integer(3)));
    let after = |after| EventQuery {
        after: Some(after),
        ..all()
    };
    assert_eq!(seqs(&store, after(9)), [0_i64; 0]);
    assert_eq!(refused(&store, after(10)).code(), Code::PositionAhead);
    store
        .other
        .execute_batch("DELETE FROM ash_rusqlite_events WHERE seq <= 4")
        .unwrap();
    let outdated = refused(&store, after(3));
    assert_eq!(outdated.code(), Code::Outdated);
    assert_eq!(outdated.detail("oldest"), Some(&Detail::Integer(5)));
    assert_eq!(seqs(&store, after(4)), [5, 6, 7, 8, 9]);
    assert_eq!(seqs(&store, all()), [5, 6, 7, 8, 9]);
    let outdated = refused(
        &store,
        EventQuery {
            after_position: Some(1),
            ..source("room:r0")
        },
    );
    assert_eq!(outdated.detail("oldest"), Some(&Detail::Integer(3)));
    close(store.database);
}

#[test]
fn a_cursor_counts_for_its_own_journal_alone() {
    let store = store(2);
    let identity = journal::identity(&store.other).unwrap();
    let of = |journal: String| EventQuery {
        journal: Some(journal),
        ..all()
    };
    assert_eq!(seqs(&store, of(identity.to_string())), [1, 2]);
    let restored = refused(&store, of(format!("{}.before", identity.id)));
    assert_eq!(restored.code(), Code::OtherJournal);
    assert!(restored.message().contains("restored"));
    let other = refused(&store, of("x.y".into()));
    assert_eq!(other.code(), Code::OtherJournal);
    assert!(other.message().contains("another database"));
    close(store.database);
}

#[test]
fn after_a_restore_earlier_cursors_are_those_of_another_journal() {
    let store = store(2);
    let before = journal::identity(&store.other).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.db");
    let backup = Maintenance::Backup {
        path: path.clone(),
        overwrite: false,
    };
    maintain(&store.database, backup).result.unwrap();
    let (to, from) = channel();
    store
        .database
        .watch_journal(Box::new(move || to.send(()).unwrap()));
    maintain(&store.database, Maintenance::Restore { path })
        .result
        .unwrap();
    from.recv_timeout(Duration::from_secs(60)).unwrap();
    let of = |journal: &journal::Identity| EventQuery {
        journal: Some(journal.to_string()),
        ..all()
    };
    assert_eq!(refused(&store, of(&before)).code(), Code::OtherJournal);
    let now = journal::identity(&store.other).unwrap();
    assert_eq!((&now.id, now.epoch == before.epoch), (&before.id, false));
    assert_eq!(seqs(&store, of(&now)), [1, 2]);
    close(store.database);
}

#[test]
fn without_a_journal_nothing_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    let reads = [
        Read::Events(Box::new(all())),
        Read::Journal(JournalRead::Head),
        Read::Journal(JournalRead::Consumers),
    ];
    for what in reads.clone() {
        assert_eq!(
            read(&database, what).unwrap_err().code(),
            Code::NotJournaled
        );
    }
    // Another program switches it on.
    journaled(&path);
    for what in reads {
        read(&database, what).unwrap();
    }
    close(database);
}

#[test]
fn questions_without_a_meaning_are_refused() {
    let store = store(1);
    let positions = EventQuery {
        sources: names(&["room:r0", "room:r1"]),
        after_position: Some(1),
        ..all()
    };
    let key = EventQuery {
        key: Some(KeyValue::Single(text("m1"))),
        ..all()
    };
    let part = EventQuery {
        tables: vec!["seats".into()],
        key: Some(KeyValue::Single(text("r1"))),
        ..all()
    };
    for query in [positions, key, part] {
        assert_eq!(refused(&store, query).code(), Code::InvalidQuery);
    }
    close(store.database);
}

#[test]
fn a_waiting_caller_is_notified_once_after_the_next_commit_with_events() {
    let store = store(1);
    let (to, from) = channel();
    let wait = || {
        let to = to.clone();
        store
            .database
            .watch_journal(Box::new(move || to.send(()).unwrap()));
    };
    let message = |id: &str| insert("messages", &[("id", text(id)), ("room_id", text("r0"))]);
    wait();
    write(&store.database, message("a")).unwrap();
    from.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(
        read(&store.database, Read::Journal(JournalRead::Head)).unwrap()[0][0],
        json!(2)
    );
    // Nobody waits now.
    write(&store.database, message("b")).unwrap();
    wait();
    write(&store.database, message("c")).unwrap();
    from.recv_timeout(Duration::from_secs(60)).unwrap();
    // No events, and none that stay.
    wait();
    write(&store.database, insert("plain", &[])).unwrap();
    let tx = begin(&store.database);
    step(&store.database, tx, TransactionOp::Write(message("d"))).unwrap();
    finish(&store.database, tx, false).unwrap();
    assert!(from.try_recv().is_err());
    let database = store.database.clone();
    close(database);
    // The end is a notification, too.
    from.recv_timeout(Duration::from_secs(60)).unwrap();
    wait();
    from.recv_timeout(Duration::from_secs(60)).unwrap();
}

#[test]
fn a_consumer_is_where_its_last_commit_left_it() {
    let store = store(5);
    let journal = journal::identity(&store.other).unwrap().to_string();
    let save = |from, seq, journal: &str| {
        Write::Consumer(ConsumerWrite {
            name: "mailer".into(),
            to: Some(Progress {
                seq,
                journal: journal.to_owned(),
                from,
            }),
        })
    };
    let places = || -> Vec<Json> {
        let rows = read(&store.database, Read::Journal(JournalRead::Consumers)).unwrap();
        rows.into_iter().map(|row| row[1].clone()).collect()
    };
    write(&store.database, save(Some(0), 2, &journal)).unwrap();
    write(&store.database, save(Some(2), 4, &journal)).unwrap();
    assert_eq!(places(), [json!(4)]);
    let twice = write(&store.database, save(Some(2), 3, &journal)).unwrap_err();
    assert_eq!(twice.code(), Code::PositionConflict);
    assert_eq!(twice.detail("seq"), Some(&Detail::Integer(4)));
    let other = write(&store.database, save(Some(4), 5, "x.y")).unwrap_err();
    assert_eq!(other.code(), Code::OtherJournal);
    let tx = begin(&store.database);
    let op = TransactionOp::Write(save(Some(4), 5, &journal));
    step(&store.database, tx, op).unwrap();
    finish(&store.database, tx, false).unwrap();
    assert_eq!(places(), [json!(4)]);
    write(&store.database, save(None, 1, &journal)).unwrap();
    assert_eq!(places(), [json!(1)]);
    let forget = Write::Consumer(ConsumerWrite {
        name: "mailer".into(),
        to: None,
    });
    write(&store.database, forget).unwrap();
    assert_eq!(places(), [Json::Null; 0]);
    close(store.database);
}
