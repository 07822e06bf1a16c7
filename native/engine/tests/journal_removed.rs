//! A follower of the journal gets all events, or an error: what retention has removed of a table or a
//! source is an error for the followers of that table or source, and for no other.

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

use std::sync::Arc;

use ash_rusqlite_engine::catalog::{JournalSpec, Subject};
use ash_rusqlite_engine::journal::{Retained, Retention};
use ash_rusqlite_engine::query::ir::{AsOf, EventQuery, Moment, Read};
use ash_rusqlite_engine::{Code, Database, Detail, Error, Maintenance, Outcome};
use rusqlite::Connection;
use serde_json::json;
use support::host::{close, config, maintain, open, read, soon, sql, Collected};
use support::journal::{enable, message_spec, messages, run};

struct Store {
    database: Database,
    other: Connection,
    _folder: tempfile::TempDir,
}

impl Drop for Store {
    fn drop(&mut self) {
        close(self.database.clone());
    }
}

fn room_spec() -> JournalSpec {
    JournalSpec {
        event_type: "chat.room".into(),
        source: Some(Subject("room".into(), "id".into())),
        ..JournalSpec::default()
    }
}

/// Events 1 and 2 are rooms, 3 to 8 messages of these in turn, 9 a room, and 10 a message of r0.
fn store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let other = Connection::open(&path).unwrap();
    run(&other, "PRAGMA journal_mode = wal");
    messages(&other, 0);
    run(
        &other,
        "CREATE TABLE rooms (id TEXT PRIMARY KEY NOT NULL, title TEXT)",
    );
    enable(&other, "messages", &message_spec());
    enable(&other, "rooms", &room_spec());
    run(&other, "INSERT INTO rooms (id) VALUES ('r0'), ('r1')");
    for n in 0..6 {
        let room = n % 2;
        run(
            &other,
            &format!("INSERT INTO messages (id, room_id) VALUES ('m{n}', 'r{room}')"),
        );
    }
    run(
        &other,
        "UPDATE ash_rusqlite_events SET at = '2020-01-01T00:00:00.000000Z';
         INSERT INTO rooms (id) VALUES ('r2');
         INSERT INTO messages (id, room_id) VALUES ('m6', 'r0')",
    );
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    Store {
        database,
        other,
        _folder: folder,
    }
}

/// Removes what is old of a table or of a source.
fn retain(store: &Store, table: Option<&str>, source: Option<&str>) -> Retained {
    let retention = Retention {
        before: "2021-01-01T00:00:00Z".into(),
        table: table.map(Into::into),
        source: source.map(Into::into),
    };
    match maintain(&store.database, Maintenance::Retain(retention)).result {
        Ok(Outcome::Retained(done)) => done,
        other => panic!("{other:?}"),
    }
}

fn events(store: &Store, query: EventQuery) -> Result<Vec<i64>, Error> {
    let rows = read(&store.database, Read::Events(Box::new(query)))?;
    Ok(rows.iter().map(|row| row[0].as_i64().unwrap()).collect())
}

fn after(seq: u64) -> EventQuery {
    EventQuery {
        after: Some(seq),
        limit: 100,
        ..EventQuery::default()
    }
}

fn of_source(source: &str) -> EventQuery {
    EventQuery {
        sources: vec![source.into()],
        ..after(0)
    }
}

fn position(source: &str, position: u64) -> EventQuery {
    EventQuery {
        sources: vec![source.into()],
        after_position: Some(position),
        limit: 100,
        ..EventQuery::default()
    }
}

fn oldest(result: Result<Vec<i64>, Error>) -> i64 {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::Outdated);
    match error.detail("oldest") {
        Some(Detail::Integer(oldest)) => *oldest,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_removed_of_a_source_is_an_error_for_its_followers() {
    let store = store();
    let done = retain(&store, None, Some("room:r1"));
    // The room and three messages, which are there.
    assert_eq!((done.events, done.baselines), (4, 4));
    assert_eq!(oldest(events(&store, of_source("room:r1"))), 9);
    assert_eq!(oldest(events(&store, after(0))), 9);
    assert_eq!(oldest(events(&store, after(7))), 9);
    assert_eq!(
        oldest(events(
            &store,
            EventQuery {
                types: vec!["chat.message.created".into()],
                ..after(3)
            }
        )),
        9
    );
    assert_eq!(
        events(&store, of_source("room:r0")),
        Ok(vec![1, 3, 5, 7, 10])
    );
    assert_eq!(events(&store, after(8)), Ok((9..=14).collect()));
    let both = EventQuery {
        sources: vec!["room:r0".into(), "room:r1".into()],
        ..after(3)
    };
    assert_eq!(oldest(events(&store, both)), 9);
}

#[test]
fn what_was_removed_of_a_table_is_an_error_for_reads_of_its_events() {
    let store = store();
    let done = retain(&store, Some("messages"), None);
    assert_eq!((done.events, done.baselines), (6, 6));
    let of = |tables: &[&str], types: &[&str]| EventQuery {
        tables: tables.iter().map(|name| (*name).into()).collect(),
        types: types.iter().map(|name| (*name).into()).collect(),
        ..after(0)
    };
    assert_eq!(events(&store, of(&["rooms"], &[])), Ok(vec![1, 2, 9]));
    assert_eq!(
        events(&store, of(&[], &["chat.room.created"])),
        Ok(vec![1, 2, 9])
    );
    assert_eq!(oldest(events(&store, of(&["messages"], &[]))), 9);
    assert_eq!(
        oldest(events(&store, of(&[], &["chat.message.created"]))),
        9
    );
    // The first event of the room is there, what came next is not.
    assert_eq!(oldest(events(&store, of_source("room:r0"))), 9);
}

#[test]
fn holes_in_the_positions_of_a_source_are_noticed() {
    let store = store();
    retain(&store, Some("messages"), None);
    // Positions 2 to 4 of r0 are gone; 5 is the message that is new, 6 to 8 are baselines.
    for at in 0..4 {
        assert_eq!(oldest(events(&store, position("room:r0", at))), 5, "{at}");
    }
    let (last, of_room) = (
        events(&store, position("room:r0", 4)).unwrap(),
        events(
            &store,
            EventQuery {
                after: None,
                ..of_source("room:r0")
            },
        )
        .unwrap(),
    );
    assert_eq!(last, of_room[1..]);
    let rooms = EventQuery {
        tables: vec!["rooms".into()],
        ..position("room:r0", 1)
    };
    assert_eq!(
        oldest(events(
            &store,
            EventQuery {
                tables: vec!["messages".into()],
                ..rooms.clone()
            }
        )),
        5
    );
    assert_eq!(events(&store, rooms), Ok(vec![]));
}

#[test]
fn what_follows_events_that_were_removed_one_after_the_other_is_still_there() {
    let store = store();
    // All that r1 has.
    run(
        &store.other,
        "DELETE FROM messages WHERE room_id = 'r1'; DELETE FROM rooms WHERE id = 'r1';
         UPDATE ash_rusqlite_events SET at = '2020-01-01T00:00:00.000000Z';
         INSERT INTO rooms (id) VALUES ('r3')",
    );
    let done = retain(&store, None, Some("room:r1"));
    assert_eq!((done.events, done.baselines), (8, 0));
    // Eight positions, none of which is there.
    assert_eq!(events(&store, position("room:r1", 8)), Ok(vec![]));
    assert_eq!(oldest(events(&store, position("room:r1", 7))), 9);
    assert_eq!(oldest(events(&store, position("room:r1", 0))), 9);
    let ahead = events(&store, position("room:r1", 9)).unwrap_err();
    assert_eq!(ahead.code(), Code::PositionAhead);
}

#[test]
fn the_past_is_not_made_of_events_of_which_some_are_gone() {
    let rows = |store: &Store, table: &str, as_of: AsOf| -> Result<usize, Error> {
        let mut sink = Collected::default();
        let read = sql(&format!("SELECT id FROM {table} ORDER BY id"));
        let database = &store.database;
        database.read_as_of(&read, &as_of, soon(), Arc::default(), &mut sink)?;
        Ok(sink.rows.len())
    };
    let at = |seq: u64| AsOf {
        moment: Moment::Seq(seq),
        source: None,
    };
    let of_room = |position: u64| AsOf {
        moment: Moment::Position(position),
        source: Some("room:r0".into()),
    };
    let code = |result: Result<usize, Error>| result.unwrap_err().code();
    let store = store();
    assert_eq!(rows(&store, "messages", of_room(5)), Ok(4));
    assert_eq!(rows(&store, "messages", of_room(3)), Ok(2));
    assert_eq!(rows(&store, "messages", at(6)), Ok(4));
    retain(&store, Some("messages"), None);
    for position in [1, 3, 5, 8] {
        assert_eq!(
            code(rows(&store, "messages", of_room(position))),
            Code::Outdated
        );
        assert_eq!(rows(&store, "rooms", of_room(position)), Ok(1));
    }
    for seq in 0..8 {
        assert_eq!(
            code(rows(&store, "messages", at(seq))),
            Code::Outdated,
            "{seq}"
        );
    }
    for (seq, messages) in [(8, 6), (9, 6), (10, 7), (16, 7)] {
        assert_eq!(rows(&store, "messages", at(seq)), Ok(messages), "{seq}");
    }
    // Of the rooms nothing is gone.
    for (seq, rooms) in [(0, 0), (1, 1), (5, 2), (9, 3), (16, 3)] {
        assert_eq!(rows(&store, "rooms", at(seq)), Ok(rooms), "{seq}");
    }
}
