//! Interactive transactions: they begin with their first statement, see their own writes, are
//! seen by nobody before they commit, and keep what a savepoint or a failed write leaves.

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

use std::time::Duration;

use ash_rusqlite_engine::{Code, Detail, Finished, TransactionOp, Value};
use serde_json::json;
use support::host::*;
use support::ledger::*;

#[test]
fn an_opened_transaction_holds_nothing_until_its_first_statement() {
    let (_folder, database) = database("");
    let tx = begin(&database);
    write(&database, insert("t", &[("id", Value::Integer(1))])).expect("the writer is free");
    assert_eq!(
        inside(&database, tx),
        "1",
        "it begins now and sees what was written before"
    );
    let (_, behind) = submit(&database, insert("t", &[("id", Value::Integer(2))]), soon());
    assert!(
        behind.recv_timeout(Duration::from_millis(30)).is_err(),
        "a read holds the writer"
    );
    finish(&database, tx, true).unwrap();
    answered(&behind).unwrap();
    let idle = begin(&database);
    let finished = database.finish(idle, true, reply().0).unwrap();
    assert_eq!(
        finished,
        Finished::Idle,
        "nothing was begun, so nothing is to do"
    );
    assert_eq!(refused(&database, idle, row(3)), Code::TransactionClosed);
    close(database);
}

#[test]
fn its_own_writes_are_seen_inside_at_once_and_outside_after_the_commit() {
    let (_folder, database) = database("");
    for (commit, then) in [(false, ""), (true, "5")] {
        let tx = begin(&database);
        step(&database, tx, row(5)).unwrap();
        assert_eq!(inside(&database, tx), "5");
        assert_eq!(outside(&database), "");
        finish(&database, tx, commit).unwrap();
        assert_eq!(outside(&database), then);
        assert_eq!(refused(&database, tx, row(6)), Code::TransactionClosed);
        assert_eq!(
            error(finish(&database, tx, true)).code(),
            Code::TransactionClosed
        );
    }
    close(database);
}

#[test]
fn savepoints_nest_and_undo_only_what_came_after_them() {
    use TransactionOp::{ReleaseSavepoint, RollbackToSavepoint, Savepoint};
    let (_folder, database) = database("");
    let tx = begin(&database);
    let step = |op| step(&database, tx, op).map(drop);
    step(row(1)).unwrap();
    step(Savepoint).unwrap();
    step(row(2)).unwrap();
    step(Savepoint).unwrap();
    step(row(3)).unwrap();
    step(RollbackToSavepoint).unwrap();
    assert_eq!(inside(&database, tx), "1,2");
    step(Savepoint).unwrap();
    step(row(4)).unwrap();
    step(ReleaseSavepoint).unwrap();
    assert_eq!(inside(&database, tx), "1,2,4");
    step(RollbackToSavepoint).unwrap();
    assert_eq!(
        inside(&database, tx),
        "1",
        "a released one goes with the one around it"
    );
    assert_eq!(
        error(step(ReleaseSavepoint)).code(),
        Code::InvalidQuery,
        "none is left"
    );
    step(row(5)).unwrap();
    finish(&database, tx, true).unwrap();
    assert_eq!(outside(&database), "1,5");
    close(database);
}

#[test]
fn a_write_that_fails_leaves_the_transaction_as_it_was_before_it() {
    let (_folder, database) = database("");
    let tx = begin(&database);
    let named = |id: i64| insert("t", &[("id", Value::Integer(id)), ("a", text("same"))]);
    step(&database, tx, TransactionOp::Write(named(1))).unwrap();
    let failed = error(step(&database, tx, TransactionOp::Write(named(2))));
    assert_eq!(failed.code(), Code::UniqueViolation);
    assert_eq!(
        failed.detail("columns"),
        Some(&Detail::List(vec!["a".into()]))
    );
    let many = [(3, "other"), (4, "same")]
        .map(|(id, a)| vec![("id".into(), Value::Integer(id)), ("a".into(), text(a))]);
    let mut both = named(0);
    if let ash_rusqlite_engine::query::ir::Write::Insert(insert) = &mut both {
        insert.rows = many.to_vec();
    }
    assert_eq!(
        refused(&database, tx, TransactionOp::Write(both)),
        Code::UniqueViolation
    );
    assert_eq!(
        inside(&database, tx),
        "1",
        "no half of the write that failed"
    );
    assert_eq!(
        refused(&database, tx, TransactionOp::Read(sql("SELECT x"))),
        Code::UnknownColumn
    );
    step(&database, tx, row(5)).unwrap();
    finish(&database, tx, true).unwrap();
    assert_eq!(outside(&database), "1,5");
    close(database);
}

#[test]
fn raw_sql_cannot_end_the_transaction_it_runs_in() {
    let (_folder, database) = database("");
    // The engine's own BEGIN, COMMIT and savepoints are prepared and cached by now.
    let warm = begin(&database);
    step(&database, warm, row(1)).unwrap();
    step(&database, warm, TransactionOp::Savepoint).unwrap();
    finish(&database, warm, true).unwrap();
    let aborted = begin(&database);
    step(&database, aborted, row(2)).unwrap();
    finish(&database, aborted, false).unwrap();
    let tx = begin(&database);
    step(&database, tx, row(2)).unwrap();
    for text in [
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT u0",
        "RELEASE w",
        "ROLLBACK TO w",
        "VACUUM",
    ] {
        let code = refused(&database, tx, TransactionOp::Read(sql(text)));
        assert_eq!(code, Code::NotAllowed, "{text}");
        assert_eq!(outside(&database), "1", "{text} did not commit");
        assert_eq!(inside(&database, tx), "1,2", "{text} did not roll back");
    }
    finish(&database, tx, false).unwrap();
    assert_eq!(outside(&database), "1");
    close(database);
}

#[test]
fn a_deferred_foreign_key_fails_the_commit_and_nothing_stays() {
    let (_folder, database) = database("");
    let orphan = insert(
        "child",
        &[("id", Value::Integer(1)), ("parent", Value::Integer(77))],
    );
    let tx = begin(&database);
    step(&database, tx, row(1)).unwrap();
    step(&database, tx, TransactionOp::Write(orphan.clone())).expect("it may still be fixed");
    assert_eq!(
        error(finish(&database, tx, true)).code(),
        Code::ForeignKeyViolation
    );
    assert_eq!(outside(&database), "");
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Write(orphan.clone())).unwrap();
    step(&database, tx, row(77)).unwrap();
    finish(&database, tx, true).expect("fixed");
    // In a batch only the one that cannot be fixed fails, and it is named.
    write(&database, delete("child", equal("id", Value::Integer(1)))).unwrap();
    let holder = begin(&database);
    step(&database, holder, TransactionOp::Read(ids())).unwrap();
    let missing = insert(
        "child",
        &[("id", Value::Integer(2)), ("parent", Value::Integer(78))],
    );
    let batch = [orphan, missing, insert("t", &[("id", Value::Integer(5))])]
        .map(|write| submit(&database, write, soon()).1);
    finish(&database, holder, true).unwrap();
    let [good, bad, other] = batch.map(|from| answered(&from));
    good.unwrap();
    other.unwrap();
    let bad = error(bad);
    assert_eq!(bad.code(), Code::ForeignKeyViolation);
    assert_eq!(
        bad.detail("columns"),
        Some(&Detail::List(vec!["parent".into()]))
    );
    assert_eq!(outside(&database), "5,77");
    close(database);
}

#[test]
fn transactions_and_batched_writers_take_turns_and_lose_no_update() {
    let (_folder, database) = database("");
    write(
        &database,
        insert("t", &[("id", Value::Integer(1)), ("a", text("0"))]),
    )
    .unwrap();
    let adders: Vec<_> = (0..4)
        .map(|_| {
            let database = database.clone();
            std::thread::spawn(move || {
                for _ in 0..25 {
                    let tx = begin(&database);
                    let now = TransactionOp::Read(sql("SELECT a FROM t WHERE id = 1"));
                    let now = step(&database, tx, now).unwrap();
                    let next: i64 = now[0][0].as_str().unwrap().parse::<i64>().unwrap() + 1;
                    let set = [("a", text(&next.to_string()))];
                    let set = update("t", equal("id", Value::Integer(1)), &set);
                    step(&database, tx, TransactionOp::Write(set)).unwrap();
                    finish(&database, tx, true).unwrap();
                }
            })
        })
        .collect();
    for id in 100..200 {
        write(&database, insert("t", &[("id", Value::Integer(id))])).unwrap();
    }
    adders.into_iter().for_each(|thread| thread.join().unwrap());
    let total = read(&database, sql("SELECT a FROM t WHERE id = 1")).unwrap();
    assert_eq!(total, [[json!("100")]]);
    assert_eq!(count(&database, "t"), 101);
    close(database);
}

#[test]
fn a_deferred_foreign_key_must_hold_at_the_end_of_each_write_of_a_batch() {
    let (_folder, database) = database("");
    let child = |id, parent| {
        let parent = ("parent", Value::Integer(parent));
        insert("child", &[("id", Value::Integer(id)), parent])
    };
    let parent = |id| insert("t", &[("id", Value::Integer(id))]);
    write(&database, parent(1)).unwrap();
    write(&database, child(1, 1)).unwrap();
    let holder = begin(&database);
    step(&database, holder, TransactionOp::Read(ids())).unwrap();
    // Each would be fixed by the one behind it, were they one transaction.
    let batch = [
        child(2, 2),
        parent(2),
        delete("t", equal("id", Value::Integer(1))),
        delete("child", equal("id", Value::Integer(1))),
    ]
    .map(|write| submit(&database, write, soon()).1);
    finish(&database, holder, true).unwrap();
    let [early, late, orphaning, last] = batch.map(|from| answered(&from));
    late.unwrap();
    last.unwrap();
    for refused in [early, orphaning].map(error) {
        assert_eq!(refused.code(), Code::ForeignKeyViolation);
        let columns = Some(Detail::List(vec!["parent".into()]));
        assert_eq!(refused.detail("columns"), columns.as_ref());
    }
    assert_eq!(outside(&database), "1,2");
    assert_eq!(count(&database, "child"), 0);
    close(database);
}
