//! How interactive transactions end other than by their owner's word: by their deadline, by an
//! error that SQLite answers with a rollback, by an abort, by the closing of the database. The
//! owner gets the reason, the writer is free at once, and nobody else's transaction is touched.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
    pub mod ledger;
}

use std::time::{Duration, Instant};

use ash_rusqlite_engine::{Code, Finished, TransactionOp, Value};
use serde_json::json;
use support::host::*;
use support::ledger::*;

/// Enough rows for a write that takes long.
const MANY: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1001 UNION ALL SELECT n + 1 FROM c WHERE n < 60000)
      INSERT INTO child (id) SELECT n FROM c;";
const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c";

#[test]
fn a_transaction_past_its_timeout_is_rolled_back_and_its_owner_gets_the_reason() {
    let (_folder, database) = database(MANY);
    let tx = database
        .begin(Duration::from_millis(60), "a sleeper".into())
        .unwrap();
    step(&database, tx, row(1)).unwrap();
    let started = Instant::now();
    write(&database, insert("t", &[("id", Value::Integer(2))])).expect("the writer is free again");
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(outside(&database), "2");
    assert_eq!(refused(&database, tx, row(3)), Code::TransactionTimeout);
    assert_eq!(
        error(finish(&database, tx, true)).code(),
        Code::TransactionTimeout
    );
    assert_eq!(
        refused(&database, tx, row(3)),
        Code::TransactionClosed,
        "it was notified"
    );

    let tx = database
        .begin(Duration::from_millis(60), "a worker".into())
        .unwrap();
    step(&database, tx, row(4)).unwrap();
    let started = Instant::now();
    let long = refused(&database, tx, TransactionOp::Read(sql(ENDLESS)));
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
    assert!(
        matches!(long, Code::Timeout | Code::TransactionTimeout),
        "{long:?}"
    );
    assert_eq!(
        error(finish(&database, tx, true)).code(),
        Code::TransactionTimeout
    );
    assert_eq!(outside(&database), "2");
    close(database);
}

#[test]
fn a_write_past_its_own_deadline_ends_the_transaction_and_the_owner_gets_the_reason() {
    let (_folder, database) = database(MANY);
    let tx = begin(&database);
    step(&database, tx, row(1)).unwrap();
    let everything = update("child", None, &[("parent", Value::Integer(1))]);
    let (responder, from) = reply();
    let op = TransactionOp::Write(everything);
    database
        .transaction_submit(tx, op, after(5), responder)
        .unwrap();
    assert_eq!(error(answered(&from)).code(), Code::Timeout);
    let next = error(step(&database, tx, row(2)));
    assert_eq!(next.code(), Code::TransactionClosed);
    assert!(
        next.message().contains("deadline"),
        "it says what ended it: {next}"
    );
    assert_eq!(
        error(finish(&database, tx, true)).code(),
        Code::TransactionClosed
    );
    assert_eq!(
        outside(&database),
        "",
        "SQLite gave the whole transaction up"
    );
    close(database);
}

#[test]
fn an_abort_rolls_back_within_milliseconds_whatever_runs() {
    let (_folder, database) = database(MANY);
    for busy in [false, true] {
        let tx = begin(&database);
        step(&database, tx, row(1)).unwrap();
        let (responder, running) = reply();
        if busy {
            let op = TransactionOp::Read(sql(ENDLESS));
            database
                .transaction_submit(tx, op, soon(), responder)
                .unwrap();
        }
        let (_, behind) = submit(&database, insert("t", &[("a", text("next"))]), soon());
        std::thread::sleep(Duration::from_millis(10));
        let started = Instant::now();
        database.abort(tx);
        answered(&behind).unwrap();
        assert!(
            started.elapsed() < Duration::from_millis(200),
            "{:?}",
            started.elapsed()
        );
        if busy {
            assert_eq!(error(answered(&running)).code(), Code::Cancelled);
        }
        assert_eq!(refused(&database, tx, row(2)), Code::TransactionClosed);
        write(&database, delete("t", equal("a", text("next")))).unwrap();
        assert_eq!(outside(&database), "");
    }
    // One that still waits for the writer never begins.
    let holder = begin(&database);
    step(&database, holder, row(1)).unwrap();
    let waits = begin(&database);
    let (responder, from) = reply();
    database
        .transaction_submit(waits, row(2), soon(), responder)
        .unwrap();
    database.abort(waits);
    finish(&database, holder, true).unwrap();
    assert_eq!(error(answered(&from)).code(), Code::Cancelled);
    assert_eq!(outside(&database), "1");
    close(database);
}

#[test]
fn steps_of_one_that_still_waits_never_touch_the_one_that_holds_the_writer() {
    let (_folder, database) = database(MANY);
    let holder = begin(&database);
    step(&database, holder, row(1)).unwrap();
    let waits = begin(&database);
    let submit = |op| {
        let (responder, from) = reply();
        (
            database
                .transaction_submit(waits, op, soon(), responder)
                .unwrap(),
            from,
        )
    };
    let (first, withdrawn) = submit(row(2));
    let (_, second) = submit(row(3));
    let (responder, end) = reply();
    assert!(matches!(
        database.finish(waits, false, responder).unwrap(),
        Finished::Queued(_)
    ));
    step(&database, holder, row(4)).expect("it is not over");
    assert_eq!(inside(&database, holder), "1,4");
    assert_eq!(
        database.withdraw(first).map(|error| error.code()),
        Some(Code::Timeout)
    );
    finish(&database, holder, true).unwrap();
    answered(&second).unwrap();
    answered(&end).unwrap();
    assert!(withdrawn.recv().is_err(), "never answered");
    assert_eq!(outside(&database), "1,4", "the other one was rolled back");
    close(database);
}

#[test]
fn closing_rolls_back_and_the_owner_gets_an_error() {
    let (folder, database) = database(MANY);
    let tx = begin(&database);
    step(&database, tx, row(1)).unwrap();
    close(database.clone());
    let code = refused(&database, tx, row(2));
    assert!(matches!(code, Code::Closed), "{code:?}");
    assert_eq!(
        error(database.begin(Duration::from_secs(1), "late".into())).code(),
        Code::Closed
    );
    let path = folder.path().join("transactions.db");
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    assert_eq!(outside(&database), "");
    close(database);
}
