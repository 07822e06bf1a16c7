//! P1: the next commits are written while the log is synced, one sync is enough for all that wait, and
//! nobody learns of a commit before the sync that covers it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    #[path = "../../../engine/tests/support/host.rs"]
    pub mod host;
}

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{atomic::AtomicBool, Arc};
use std::time::Duration;

use ash_rusqlite_check::{Disk, Event, Fault, Kept};
use ash_rusqlite_engine::query::ir::Read;
use ash_rusqlite_engine::{
    Code, Database, Detail, Error, Maintenance, Outcome, Pace, ReadOutcome, Submitted,
    TransactionId, TransactionOp, Value,
};
use rusqlite::Connection;
use serde_json::json;
use support::host::*;

const LONG: Duration = Duration::from_secs(20);

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);";

struct Store {
    disk: Disk,
    database: Database,
    /// Another connection, which waits for nothing.
    other: Connection,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn store_with(more: serde_json::Value) -> Store {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("syncs.db");
    let off = config(path.to_str().unwrap(), json!({"synchronous": "off"}));
    close(with_tables(off, TABLE));
    let disk = Disk::watch(&path).unwrap();
    let database = open(config(path.to_str().unwrap(), more)).unwrap();
    write(&database, row(0)).unwrap();
    Store {
        disk,
        database,
        other: Connection::open(&path).unwrap(),
        path,
        _folder: folder,
    }
}

fn store() -> Store {
    store_with(json!({"wal_autocheckpoint": 1_000_000}))
}

fn row(id: i64) -> ash_rusqlite_engine::query::ir::Write {
    insert("t", &[("id", Value::Integer(id)), ("a", text("text"))])
}

fn submitted(database: &Database, id: i64) -> Receiver<Answer> {
    let (reply, answer) = reply();
    let submitted = database.submit(row(id), soon(), reply, &mut || Box::new(|| {}));
    assert!(matches!(submitted, Ok(Submitted::Queued(_))));
    answer
}

fn commit(database: &Database, tx: TransactionId) -> Receiver<Answer> {
    let (reply, answer) = reply();
    database.finish(tx, true, reply).unwrap();
    answer
}

fn ids(conn: &Connection) -> Vec<i64> {
    let mut stmt = conn.prepare("SELECT id FROM t ORDER BY id").unwrap();
    let rows = stmt.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Waits until another connection sees these rows.
fn wait_for(conn: &Connection, wanted: &[i64]) {
    let until = soon();
    while ids(conn) != wanted {
        assert!(std::time::Instant::now() < until, "{:?}", ids(conn));
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_open(answer: &Receiver<Answer>) -> bool {
    matches!(answer.try_recv(), Err(TryRecvError::Empty))
}

fn done(answer: &Receiver<Answer>) -> Result<Outcome, Error> {
    answer.recv_timeout(LONG).unwrap().result
}

/// A transaction whose commit is written while its sync is held, and two writes behind it that are.
fn three_that_wait(store: &Store) -> [Receiver<Answer>; 3] {
    let tx = begin(&store.database);
    step(&store.database, tx, TransactionOp::Write(row(1))).unwrap();
    let second = submitted(&store.database, 2);
    store.disk.hold_syncs();
    let first = commit(&store.database, tx);
    assert!(store.disk.wait_for_sync(LONG), "no sync came");
    wait_for(&store.other, &[0, 1, 2]);
    let third = submitted(&store.database, 3);
    wait_for(&store.other, &[0, 1, 2, 3]);
    [first, second, third]
}

fn count_of(path: &Path) -> Vec<i64> {
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    let found = read(&database, sql("SELECT id FROM t ORDER BY id")).unwrap();
    close(database);
    found.iter().map(|row| row[0].as_i64().unwrap()).collect()
}

#[test]
fn the_next_commits_are_written_while_the_log_is_synced_and_answered_after_the_sync_that_covers_them(
) {
    let store = store();
    let answers = three_that_wait(&store);
    std::thread::sleep(Duration::from_millis(20));
    assert!(answers.iter().all(is_open), "nothing is on the medium yet");
    store.disk.release_syncs();
    for answer in &answers {
        done(answer).unwrap();
    }
    close(store.database);
}

#[test]
fn one_sync_is_enough_for_all_that_wait() {
    let store = store();
    let tx = begin(&store.database);
    step(&store.database, tx, TransactionOp::Write(row(1))).unwrap();
    let mut answers = vec![submitted(&store.database, 2)];
    store.disk.hold_syncs();
    answers.push(commit(&store.database, tx));
    assert!(store.disk.wait_for_sync(LONG), "no sync came");
    // Each is a commit of its own.
    let mut wanted = vec![0, 1, 2];
    wait_for(&store.other, &wanted);
    for id in 3..23 {
        answers.push(submitted(&store.database, id));
        wanted.push(id);
        wait_for(&store.other, &wanted);
    }
    let before = store.disk.events();
    store.disk.release_syncs();
    for answer in &answers {
        done(answer).unwrap();
    }
    let syncs = store.disk.events() - before;
    assert!(syncs <= 2, "{syncs} syncs of 22 commits");
    close(store.database);
}

#[test]
fn a_read_that_saw_a_commit_is_answered_after_the_sync_that_covers_it() {
    let store = store();
    let all = all_rows();
    // A connection that reads is there then.
    read(&store.database, all.clone()).unwrap();
    let answers = three_that_wait(&store);
    let mut sink = Collected::default();
    let mut nobody = || -> ash_rusqlite_engine::Notify { Box::new(|| {}) };
    let outcome = store
        .database
        .read(&all, Pace::Slice, &mut sink, &mut nobody)
        .unwrap();
    let ReadOutcome::Unsynced(commit) = outcome else {
        panic!("{outcome:?}")
    };
    // Of what it has read nothing is reported before this is called.
    let (synced, is_synced) = std::sync::mpsc::channel();
    let waits = store
        .database
        .on_synced(commit, || Box::new(move || synced.send(()).unwrap()));
    assert!(waits.unwrap().is_some());
    // What takes its time waits where it is, for as long as it may.
    let pace = Pace::Full {
        deadline: after(50),
        cancelled: Arc::new(AtomicBool::new(false)),
    };
    let late = store.database.read(&all, pace, &mut sink, &mut nobody);
    assert_eq!(late.unwrap_err().code(), Code::Timeout);
    // A transaction goes on, and ends no sooner than what it has read is on the medium.
    let tx = begin(&store.database);
    let read_in_it = step(&store.database, tx, TransactionOp::Read(all.clone()));
    assert_eq!(read_in_it.unwrap().len(), 4);
    let (to, end) = reply();
    store.database.finish(tx, false, to).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert!(is_synced.try_recv().is_err() && is_open(&end));
    store.disk.release_syncs();
    is_synced.recv_timeout(LONG).unwrap();
    done(&end).unwrap();
    answers
        .iter()
        .for_each(|answer| drop(done(answer).unwrap()));
    assert!(store
        .database
        .on_synced(commit, || Box::new(|| {}))
        .unwrap()
        .is_none());
    assert_eq!(read(&store.database, all).unwrap().len(), 4);
    close(store.database);
}

#[test]
fn without_durable_reads_a_read_does_not_wait() {
    let store = store_with(json!({"wal_autocheckpoint": 1_000_000, "durable_reads": false}));
    let answers = three_that_wait(&store);
    assert_eq!(read(&store.database, all_rows()).unwrap().len(), 4);
    store.disk.release_syncs();
    answers
        .iter()
        .for_each(|answer| drop(done(answer).unwrap()));
    close(store.database);
}

fn all_rows() -> Read {
    sql("SELECT id FROM t ORDER BY id")
}

fn sync_fails(times: u64) -> Fault {
    Fault {
        event: Some(Event::Sync),
        after: 0,
        times,
        full: false,
    }
}

#[test]
fn a_failed_sync_is_reported_to_all_waiting_callers_and_repeated_by_the_next_write() {
    for kept in [Kept::Nothing, Kept::Some, Kept::All] {
        let store = store();
        let answers = three_that_wait(&store);
        store.disk.fail(sync_fails(1));
        store.disk.release_syncs();
        for answer in &answers {
            let error = done(answer).unwrap_err();
            assert_eq!(error.code(), Code::IoError);
            assert!(!error.retryable(), "it may be there");
            assert_eq!(error.detail("maybe_written"), Some(&Detail::Boolean(true)));
        }
        // No later sync says anything of what was written before one that failed.
        write(&store.database, row(4)).unwrap();
        assert_eq!(read(&store.database, all_rows()).unwrap().len(), 5);
        store.disk.cut_power();
        close(store.database);
        let found = tempfile::tempdir().unwrap();
        let path = store.disk.after_power_loss(found.path(), kept, 7).unwrap();
        assert_eq!(count_of(&path), [0, 1, 2, 3, 4], "{kept:?}");
    }
}

#[test]
fn as_long_as_syncs_fail_nothing_is_written_read_or_moved_and_then_all_is_well() {
    let store = store();
    let answers = three_that_wait(&store);
    store.disk.fail(sync_fails(u64::MAX));
    store.disk.release_syncs();
    answers
        .iter()
        .for_each(|answer| drop(done(answer).unwrap_err()));
    for _ in 0..3 {
        let error = write(&store.database, row(9)).unwrap_err();
        assert_eq!(error.code(), Code::IoError);
    }
    let error = read(&store.database, all_rows()).unwrap_err();
    assert_eq!(error.code(), Code::IoError);
    let work = Maintenance::Checkpoint(ash_rusqlite_engine::CheckpointMode::Passive);
    assert_eq!(
        maintain(&store.database, work).result.unwrap_err().code(),
        Code::IoError
    );
    assert_eq!(ids(&store.other), [0, 1, 2, 3]);
    store.disk.heal();
    // A read makes the writer repeat the sync, at most once a second.
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(read(&store.database, all_rows()).unwrap().len(), 4);
    write(&store.database, row(9)).unwrap();
    close(store.database);
    assert_eq!(count_of(&store.path), [0, 1, 2, 3, 9]);
}

#[test]
fn a_transaction_that_has_read_what_could_not_be_synced_ends_with_an_error() {
    for commit in [false, true] {
        let store = store();
        let answers = three_that_wait(&store);
        let tx = begin(&store.database);
        let read_in_it = step(&store.database, tx, TransactionOp::Read(all_rows()));
        assert_eq!(read_in_it.unwrap().len(), 4);
        store.disk.fail(sync_fails(u64::MAX));
        store.disk.release_syncs();
        answers
            .iter()
            .for_each(|answer| drop(done(answer).unwrap_err()));
        let (to, end) = reply();
        store.database.finish(tx, commit, to).unwrap();
        let error = done(&end).unwrap_err();
        assert_eq!(error.code(), Code::IoError, "{error}");
        store.disk.heal();
        close(store.database);
        assert_eq!(count_of(&store.path), [0, 1, 2, 3]);
    }
}

#[test]
fn what_could_not_be_synced_is_not_moved_into_the_file_when_the_database_closes() {
    let store = store();
    let file = std::fs::read(&store.path).unwrap();
    let answers = three_that_wait(&store);
    store.disk.fail(sync_fails(u64::MAX));
    store.disk.release_syncs();
    answers
        .iter()
        .for_each(|answer| drop(done(answer).unwrap_err()));
    drop(store.other);
    close(store.database);
    assert_eq!(std::fs::read(&store.path).unwrap(), file);
    store.disk.heal();
    assert_eq!(count_of(&store.path), [0, 1, 2, 3]);
}

#[test]
fn a_failed_sync_is_not_repeated_in_a_log_that_another_program_has_restarted() {
    let store = store();
    let answers = three_that_wait(&store);
    store.disk.fail(sync_fails(1));
    store.disk.release_syncs();
    answers
        .iter()
        .for_each(|answer| drop(done(answer).unwrap_err()));
    store
        .other
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (5, 'other')")
        .unwrap();
    write(&store.database, row(6)).unwrap();
    close(store.database);
    drop(store.other);
    assert_eq!(count_of(&store.path), [0, 1, 2, 3, 5, 6]);
}
