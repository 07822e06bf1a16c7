//! The chain over the events: what was changed, removed or inserted is found, and where.

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

use std::time::{Duration, Instant};

use ash_rusqlite_engine::journal::{self, ChainFault, ChainProblem, ChainReport};
use ash_rusqlite_engine::{Code, Maintenance, Outcome};
use rusqlite::Connection;
use serde_json::json;
use support::host::*;
use support::journal::*;

fn verified(conn: &Connection) -> ChainReport {
    journal::verify_chain(conn, &mut ()).unwrap()
}

/// 2,500 events, all sealed: in stretches of 1,000, 1,000 and 500.
fn sealed() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    messages(&conn, 0);
    enable(&conn, "messages", &message_spec());
    run(
        &conn,
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2500)
         INSERT INTO messages (id, room_id, user_id, content) SELECT n, 'r' || (n % 3), 'u', 'text' FROM c",
    );
    while journal::seal(&conn).unwrap() > 0 {}
    conn
}

#[test]
fn an_untouched_chain_agrees() {
    let conn = sealed();
    let report = verified(&conn);
    assert_eq!(report.problems, []);
    assert_eq!(
        (
            report.head,
            report.sealed,
            report.seals,
            report.events,
            report.removed
        ),
        (2_500, 2_500, 3, 2_500, 0)
    );
    assert_eq!(report.hash.len(), 64);
    run(&conn, "DELETE FROM messages WHERE id = '7'");
    let report = verified(&conn);
    assert_eq!((report.head, report.sealed), (2_501, 2_500));
    assert_eq!(report.problems, []);
}

#[test]
fn any_change_of_a_sealed_event_is_found_in_its_stretch() {
    for change in [
        "data = replace(data, 'text', 'lies')",
        "data = NULL",
        "old = '{}'",
        "actor = NULL",
        "source = NULL, position = NULL",
        "position = 100000",
        "key = '9'",
        "key = 1500",
        "type = type + 1",
        "tx = 3",
        "at = '2020-01-01T00:00:00.000000Z'",
        "action = 'x'",
        "metadata = '{}'",
        "salt = randomblob(16)",
        "digest = randomblob(32)",
    ] {
        let conn = sealed();
        run(
            &conn,
            &format!("UPDATE ash_rusqlite_events SET {change} WHERE seq = 1500"),
        );
        let problems = verified(&conn).problems;
        let [problem] = problems.as_slice() else {
            panic!("{change}: {problems:?}");
        };
        assert_eq!(problem.fault, ChainFault::Changed, "{change}");
        assert!(
            problem.first <= 1_500 && problem.last >= 1_500,
            "{change}: {problem:?}"
        );
        assert!(
            problem.first >= 1_001 && problem.last <= 2_000,
            "{change}: {problem:?}"
        );
    }
}

#[test]
fn a_name_that_was_changed_for_all_events_is_found_in_every_stretch() {
    for change in [
        "UPDATE ash_rusqlite_subjects SET name = 'user:x' WHERE name = 'user:u'",
        "UPDATE ash_rusqlite_event_types SET name = 'x' WHERE operation = 'insert'",
        "DELETE FROM ash_rusqlite_event_types WHERE operation = 'insert'",
    ] {
        let conn = sealed();
        run(&conn, change);
        let (fault, first, last) = (ChainFault::Changed, 1, 2_500);
        let expected = [ChainProblem { fault, first, last }];
        assert_eq!(verified(&conn).problems, expected, "{change}");
    }
}

#[test]
fn missing_events_are_named() {
    for (from, to) in [
        (1, 1),
        (1_234, 1_234),
        (990, 1_010),
        (2_400, 2_500),
        (1, 2_500),
    ] {
        let conn = sealed();
        run(
            &conn,
            &format!("DELETE FROM ash_rusqlite_events WHERE seq BETWEEN {from} AND {to}"),
        );
        let expected = [ChainProblem {
            fault: ChainFault::Missing,
            first: from,
            last: to,
        }];
        assert_eq!(verified(&conn).problems, expected);
    }
}

#[test]
fn an_event_that_was_removed_before_it_was_sealed_is_named() {
    let conn = sealed();
    run(
        &conn,
        "INSERT INTO messages (id) VALUES ('a'), ('b'), ('c')",
    );
    run(&conn, "DELETE FROM ash_rusqlite_events WHERE seq = 2502");
    let expected = [ChainProblem {
        fault: ChainFault::Missing,
        first: 2_502,
        last: 2_502,
    }];
    assert_eq!(verified(&conn).problems, expected);
    journal::seal(&conn).unwrap();
    assert_eq!(verified(&conn).problems, expected);
}

#[test]
fn inserted_events_are_named() {
    let conn = sealed();
    run(
        &conn,
        "INSERT INTO ash_rusqlite_events (seq, type, key, data, at) \
         SELECT -3, type, key, data, at FROM ash_rusqlite_events WHERE seq = 5",
    );
    let expected = [ChainProblem {
        fault: ChainFault::Inserted,
        first: -3,
        last: -3,
    }];
    assert_eq!(verified(&conn).problems, expected);
}

#[test]
fn a_seal_that_was_changed_or_removed_is_found() {
    let conn = sealed();
    run(
        &conn,
        "UPDATE ash_rusqlite_seals SET hash = randomblob(32) WHERE first = 1001",
    );
    let problems = verified(&conn).problems;
    assert_eq!(
        (problems[0].fault, problems[0].first),
        (ChainFault::Changed, 1_001)
    );
    let conn = sealed();
    run(&conn, "DELETE FROM ash_rusqlite_seals WHERE first = 1001");
    let problems = verified(&conn).problems;
    assert_eq!(
        (problems[0].fault, problems[0].first, problems[0].last),
        (ChainFault::Missing, 1_001, 2_000)
    );
}

#[test]
fn the_writer_seals_after_the_commit_when_no_write_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.db");
    let conn = Connection::open(&path).unwrap();
    run(&conn, "PRAGMA journal_mode = WAL");
    messages(&conn, 0);
    enable(&conn, "messages", &message_spec());
    let options = json!({"synchronous": "off"});
    let database = open(config(path.to_str().unwrap(), options)).unwrap();
    for n in 0..30 {
        write(
            &database,
            insert("messages", &[("id", text(&n.to_string()))]),
        )
        .unwrap();
    }
    let until = Instant::now() + Duration::from_secs(60);
    while journal::sealed(&conn).unwrap() < 30 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let answer = maintain(&database, Maintenance::VerifyChain);
    let Ok(Outcome::Chain(report)) = answer.result else {
        panic!("{:?}", answer.result);
    };
    assert_eq!(
        (report.sealed, report.events, report.problems.len()),
        (30, 30, 0)
    );
    assert_eq!(answer.progress.last().unwrap().done, 30);
    close(database);
}

#[test]
fn a_database_without_a_journal_has_no_chain() {
    let conn = Connection::open_in_memory().unwrap();
    let error = journal::verify_chain(&conn, &mut ()).unwrap_err();
    assert_eq!(error.code(), Code::NotJournaled);
}
