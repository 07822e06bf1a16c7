//! P2: no "database is busy" from inside. Writers queue, one deadline covers queueing,
//! locking and running, and the error of a call that gives up names the holder of the writer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::time::{Duration, Instant};

use ash_rusqlite_engine::query::ir::{Returning, Write};
use ash_rusqlite_engine::{
    CallDeadline, Code, Database, Detail, Stat, Submitted, TransactionOp, Value,
};
use serde_json::json;
use support::host::*;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE);";

fn database(more: serde_json::Value) -> (tempfile::TempDir, ash_rusqlite_engine::Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p2.db");
    let database = with_tables(config(path.to_str().unwrap(), more), TABLE);
    (folder, database)
}

#[test]
fn many_writers_at_once_are_all_answered_and_none_is_busy() {
    let (_folder, database) = database(json!({}));
    let threads: Vec<_> = (0..16_i64)
        .map(|writer| {
            let database = database.clone();
            std::thread::spawn(move || {
                for n in 0..50_i64 {
                    let row = [("id", Value::Integer(writer * 1_000 + n))];
                    write(&database, insert("t", &row)).unwrap();
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    assert_eq!(count(&database, "t"), 800);
    close(database);
}

#[test]
fn a_request_of_a_batch_whose_row_cannot_be_read_back_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p2.db");
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME_TEXT DEFAULT 'never');";
    let database = with_tables(config(path.to_str().unwrap(), json!({})), table);
    // A transaction holds the writer, so that what follows becomes one batch.
    let tx = begin(&database);
    let first = insert("t", &[("id", Value::Integer(0)), ("at", Value::Null)]);
    step(&database, tx, TransactionOp::Write(first)).unwrap();
    let waiting: Vec<_> = (1..=12_i64)
        .map(|n| {
            let mut row = vec![("id", Value::Integer(n))];
            if n % 4 != 0 {
                row.push(("at", Value::Null));
            }
            let Write::Insert(mut write) = insert("t", &row) else {
                panic!("an insert is an insert");
            };
            write.returning = Returning::All;
            submit(&database, Write::Insert(write), soon()).1
        })
        .collect();
    finish(&database, tx, true).unwrap();
    for (n, from) in (1..).zip(waiting) {
        match answered(&from) {
            Ok(_) => assert!(n % 4 != 0, "row {n} cannot be read back"),
            Err(error) => {
                assert!(n % 4 == 0, "row {n}: {error:?}");
                assert_eq!(error.code(), Code::InvalidStoredValue);
            }
        }
    }
    assert_eq!(count(&database, "t"), 1 + 9);
    close(database);
}

#[test]
fn a_failing_request_of_a_batch_fails_alone() {
    let (_folder, database) = database(json!({}));
    // A transaction holds the writer, so that what follows becomes one batch.
    let tx = begin(&database);
    step(
        &database,
        tx,
        TransactionOp::Write(insert("t", &[("id", Value::Integer(0))])),
    )
    .unwrap();
    let waiting: Vec<_> = (1..=20_i64)
        .map(|n| {
            let name = if n % 5 == 0 {
                "same".to_owned()
            } else {
                format!("name {n}")
            };
            let name = text(&name);
            submit(
                &database,
                insert("t", &[("id", Value::Integer(n)), ("a", name)]),
                soon(),
            )
            .1
        })
        .collect();
    finish(&database, tx, true).unwrap();
    let results: Vec<_> = waiting
        .into_iter()
        .map(|from| from.recv().unwrap().result)
        .collect();
    let failed = results.iter().filter(|result| result.is_err()).count();
    assert_eq!(failed, 3, "of four with the same name one is first");
    for result in results.into_iter().filter(Result::is_err) {
        let error = error(result);
        assert_eq!(error.code(), Code::UniqueViolation);
        assert_eq!(error.detail("table"), Some(&Detail::Text("t".into())));
        assert_eq!(
            error.detail("columns"),
            Some(&Detail::List(vec!["a".into()]))
        );
    }
    assert_eq!(count(&database, "t"), 18);
    close(database);
}

#[test]
fn a_timeout_names_the_holder_of_the_writer_and_the_write_never_runs() {
    let (_folder, database) = database(json!({}));
    let tx = begin(&database);
    step(
        &database,
        tx,
        TransactionOp::Write(insert("t", &[("id", Value::Integer(0))])),
    )
    .unwrap();
    let (submitted, from) = submit(
        &database,
        insert("t", &[("id", Value::Integer(1))]),
        after(30),
    );
    let Submitted::Queued(id) = submitted else {
        panic!("the queue has room")
    };
    std::thread::sleep(Duration::from_millis(40));
    let error = database.withdraw(id).expect("it still waits");
    assert_eq!(error.code(), Code::Timeout);
    assert_eq!(
        error.detail("holder"),
        Some(&Detail::Text("a transaction of a test".into()))
    );
    assert!(matches!(error.detail("held_ms"), Some(Detail::Integer(ms)) if *ms >= 30));
    finish(&database, tx, true).unwrap();
    assert!(
        from.recv().is_err(),
        "a withdrawn request is never answered"
    );
    assert_eq!(count(&database, "t"), 1);
    close(database);
}

/// Waits until nobody holds the writer: its last holder lets go after the answers.
fn until_it_is_free(database: &Database) {
    while !database.stats().contains(&("holder", Stat::Null)) {
        std::thread::yield_now();
    }
}

#[test]
fn a_timeout_names_no_holder_when_nobody_held_the_writer() {
    let (_folder, database) = database(json!({}));
    let row = |id| insert("t", &[("id", Value::Integer(id))]);
    write(&database, row(1)).unwrap();
    until_it_is_free(&database);
    let (_, from) = submit(&database, row(2), Instant::now());
    let late = error(answered(&from));
    assert_eq!(late.code(), Code::Timeout);
    assert_eq!(
        (late.detail("holder"), late.detail("held_ms")),
        (None, None)
    );
    assert!(late.message().contains("nobody held"), "{late}");
    // Before it was made to wait is too early, afterwards counts, also if it waited for room.
    let before = Instant::now();
    write(&database, row(3)).unwrap();
    until_it_is_free(&database);
    for (since, named) in [(Some(before), true), (None, false)] {
        until_it_is_free(&database);
        let waits_since = Some(since.unwrap_or_else(Instant::now));
        let deadline = CallDeadline {
            began: before.checked_sub(Duration::from_millis(300)).unwrap(),
            waits_since,
            at: Instant::now(),
        };
        let (responder, from) = reply();
        let submitted = database.submit(row(4), deadline, responder, &mut || Box::new(|| ()));
        assert!(matches!(submitted, Ok(Submitted::Queued(_))));
        let late = error(answered(&from));
        assert_eq!(late.detail("holder").is_some(), named, "{late}");
        let waited = late.detail("waited_ms");
        assert!(matches!(waited, Some(Detail::Integer(ms)) if *ms >= 300));
    }
    assert_eq!(count(&database, "t"), 2);
    close(database);
}

#[test]
fn a_call_whose_deadline_passed_before_it_began_gets_a_timeout() {
    let deadline = CallDeadline::new(Duration::ZERO);
    let late = deadline.check().unwrap_err();
    assert_eq!(late.code(), Code::Timeout);
    assert_eq!(late.detail("holder"), None);
    assert!(CallDeadline::new(Duration::from_secs(60)).check().is_ok());
}

#[test]
fn a_full_queue_pushes_back_and_wakes_the_waiting_callers() {
    let (_folder, database) = database(json!({"queue_limit": 2}));
    let tx = begin(&database);
    step(
        &database,
        tx,
        TransactionOp::Write(insert("t", &[("id", Value::Integer(0))])),
    )
    .unwrap();
    let first: Vec<_> = (1..=2_i64)
        .map(|n| submit(&database, insert("t", &[("id", Value::Integer(n))]), soon()).1)
        .collect();
    let (to, woken) = std::sync::mpsc::channel();
    let (responder, _unanswered) = reply();
    let submitted = database
        .submit(
            insert("t", &[("id", Value::Integer(3))]),
            soon(),
            responder,
            &mut || {
                let to = to.clone();
                Box::new(move || to.send(()).unwrap())
            },
        )
        .unwrap();
    let Submitted::Full(id) = submitted else {
        panic!("the queue is full");
    };
    finish(&database, tx, true).unwrap();
    woken
        .recv_timeout(Duration::from_secs(5))
        .expect("there is room again");
    let late = database.queue_full_error(id, Duration::from_millis(5));
    assert_eq!(late, None, "it was woken: it has to look");
    first
        .into_iter()
        .for_each(|from| drop(from.recv().unwrap().result.unwrap()));
    assert_eq!(
        count(&database, "t"),
        3,
        "what was pushed back was never written"
    );
    close(database);
}

#[test]
fn a_lock_of_another_process_is_waited_for_within_the_deadline() {
    let (folder, database) = database(json!({}));
    let other = rusqlite::Connection::open(folder.path().join("p2.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (_, from) = submit(
        &database,
        insert("t", &[("id", Value::Integer(1))]),
        after(100),
    );
    let refused = error(from.recv().unwrap().result);
    assert_eq!(refused.code(), Code::Busy);
    let (_, from) = submit(
        &database,
        insert("t", &[("id", Value::Integer(2))]),
        after(5_000),
    );
    std::thread::sleep(Duration::from_millis(50));
    other.execute_batch("COMMIT").unwrap();
    from.recv().unwrap().result.unwrap();
    assert_eq!(count(&database, "t"), 1);
    close(database);
}
