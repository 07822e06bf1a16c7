//! P1 when another program deletes, moves or replaces the open file or its log: nothing is
//! acknowledged that is in a file without a name, nobody goes on reading one, and the database opens
//! its files again.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod child;
    pub mod host;
    pub mod other_library;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ash_rusqlite_engine::{
    CheckpointMode, Code, Database, Detail, Error, Maintenance, Outcome, Result, Stat, Submitted,
    TransactionOp, Value,
};
use serde_json::json;
use support::child;
use support::host::*;
use support::other_library::Library;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT NOT NULL);";

type Reports = Arc<Mutex<Vec<Error>>>;

fn database() -> (tempfile::TempDir, PathBuf, Database, Reports) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("files.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    let reports = Reports::default();
    let to = Arc::clone(&reports);
    database.report_to(Box::new(move |error| {
        to.lock().unwrap().push(error.clone());
    }));
    (folder, path, database, reports)
}

fn add(database: &Database, id: i64) -> Result<()> {
    let row = [("id", Value::Integer(id)), ("body", text("x"))];
    write(database, insert("t", &row)).map(drop)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// What a program that opens the file finds, and finds whole.
fn stored(path: &Path) -> Vec<i64> {
    let conn = rusqlite::Connection::open(path).unwrap();
    let problems: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(problems, "ok");
    let mut statement = conn.prepare("SELECT id FROM t ORDER BY id").unwrap();
    let ids = statement.query_map([], |row| row.get(0)).unwrap();
    ids.map(|id| id.unwrap()).collect()
}

fn reopened(database: &Database) -> Stat {
    let stats = database.stats();
    let found = stats.into_iter().find(|(name, _)| *name == "reopened");
    found.unwrap().1
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < until, "it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_log_that_was_deleted_is_saved_into_the_file_and_nothing_is_lost() {
    for suffixes in [vec!["-wal"], vec!["-wal", "-shm"]] {
        let (_folder, path, database, reports) = database();
        (1..=5).for_each(|id| add(&database, id).unwrap());
        for suffix in &suffixes {
            fs::remove_file(beside(&path, suffix)).unwrap();
        }
        add(&database, 6).unwrap();
        assert_eq!(count(&database, "t"), 6, "{suffixes:?}");
        assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6], "{suffixes:?}");
        add(&database, 7).unwrap();
        assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6, 7], "{suffixes:?}");
        assert_eq!(reopened(&database), Stat::Integer(1));
        let reports = reports.lock().unwrap().clone();
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert!(reports[0].message().contains("nothing is lost"));
        close(database);
        assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6, 7], "{suffixes:?}");
    }
}

#[test]
fn a_log_that_was_deleted_under_a_transaction_is_saved_too_while_others_wait() {
    let (_folder, path, database, _) = database();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    let tx = begin(&database);
    let row = |id| {
        let row = [("id", Value::Integer(id)), ("body", text("x"))];
        insert("t", &row)
    };
    step(&database, tx, TransactionOp::Write(row(6))).unwrap();
    // Whose sync is put off, because somebody waits.
    let (to, next) = reply();
    let submitted = database.submit(row(7), soon(), to, &mut || Box::new(|| {}));
    assert!(matches!(submitted, Ok(Submitted::Queued(_))));
    fs::remove_file(beside(&path, "-wal")).unwrap();
    let (to, end) = reply();
    database.finish(tx, true, to).unwrap();
    let long = Duration::from_secs(20);
    end.recv_timeout(long).unwrap().result.unwrap();
    next.recv_timeout(long).unwrap().result.unwrap();
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6, 7]);
    close(database);
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_log_that_was_deleted_is_saved_at_the_close_at_the_latest() {
    let (_folder, path, database, _) = database();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    fs::remove_file(beside(&path, "-wal")).unwrap();
    close(database);
    assert_eq!(stored(&path), [1, 2, 3, 4, 5]);
}

#[test]
fn a_write_into_a_log_that_was_replaced_is_not_acknowledged() {
    let (_folder, path, database, reports) = database();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    let all = Maintenance::Checkpoint(CheckpointMode::Truncate);
    maintain(&database, all).result.unwrap();
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(beside(&path, suffix)).unwrap();
    }
    fs::write(beside(&path, "-wal"), "").unwrap();
    let error = error(add(&database, 6));
    assert_eq!(error.code(), Code::FileReplaced);
    // A program with the same log may still have it.
    assert!(!error.retryable());
    assert_eq!(error.detail("maybe_written"), Some(&Detail::Boolean(true)));
    assert!(error.message().contains("-wal"), "{error}");
    add(&database, 7).unwrap();
    assert_eq!(count(&database, "t"), 6);
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 7]);
    assert_eq!(reports.lock().unwrap().len(), 1);
    close(database);
}

#[test]
fn a_log_without_a_name_is_not_moved_over_what_another_program_wrote() {
    let Some(library) = Library::load() else {
        return;
    };
    let (_folder, path, database, reports) = database();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    let all = Maintenance::Checkpoint(CheckpointMode::Truncate);
    maintain(&database, all).result.unwrap();
    add(&database, 6).unwrap();
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(beside(&path, suffix)).unwrap();
    }
    // As another process would: with a log and an index of its own.
    let other = library.open(&path);
    other
        .run("INSERT INTO t VALUES (50, 'theirs'); PRAGMA wal_checkpoint(PASSIVE)")
        .unwrap();
    // Nobody reads or writes here: the idle writer notices it by itself.
    wait_until(|| reopened(&database) == Stat::Integer(1));
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 50]);
    assert!(!reports.lock().unwrap()[0]
        .message()
        .contains("nothing is lost"));
    close(database);
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 50]);
}

#[test]
fn each_of_many_writes_of_a_commit_without_a_log_gets_the_error() {
    let (_folder, path, database, _) = database();
    let tx = begin(&database);
    step(
        &database,
        tx,
        ash_rusqlite_engine::TransactionOp::Read(sql("SELECT 1")),
    )
    .unwrap();
    // They wait behind the transaction and become one batch.
    let waiting: Vec<_> = (1..=20)
        .map(|id| {
            let row = [("id", Value::Integer(id)), ("body", text("x"))];
            submit(&database, insert("t", &row), soon()).1
        })
        .collect();
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(beside(&path, suffix)).unwrap();
    }
    fs::write(beside(&path, "-wal"), "").unwrap();
    finish(&database, tx, false).unwrap();
    let codes: Vec<_> = waiting
        .iter()
        .map(|from| answered(from).map_err(|error| error.code()))
        .collect();
    // The tables were in the log that is gone, too.
    assert!(
        codes.iter().all(|code| *code == Err(Code::FileReplaced)),
        "{codes:?}"
    );
    close(database);
}

#[test]
fn a_file_that_was_replaced_is_neither_read_nor_written_any_more() {
    let (folder, path, database, _) = database();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    assert_eq!(count(&database, "t"), 5);
    let other = folder.path().join("other.db");
    let conn = rusqlite::Connection::open(&other).unwrap();
    conn.execute_batch(&format!("{TABLES} INSERT INTO t VALUES (100, 'theirs');"))
        .unwrap();
    drop(conn);
    fs::rename(&other, &path).unwrap();
    let ids = sql("SELECT id FROM t ORDER BY id");
    // Readers look now and then.
    wait_until(|| read(&database, ids.clone()).is_ok_and(|rows| rows == [[json!(100)]]));
    add(&database, 101).unwrap();
    assert_eq!(read(&database, ids).unwrap(), [[json!(100)], [json!(101)]]);
    assert_eq!(stored(&path), [100, 101], "no page of the old log");
    let check = Maintenance::Check {
        quick: false,
        limit: 10,
    };
    assert_eq!(
        maintain(&database, check).result.unwrap(),
        Outcome::Check(vec![])
    );
    close(database);
    assert_eq!(stored(&path), [100, 101]);
}

#[test]
fn while_the_file_is_away_nothing_is_acknowledged_and_it_may_come_back() {
    let (folder, path, database, _) = database();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    let away = folder.path().join("away.db");
    fs::rename(&path, &away).unwrap();
    for id in 6..8 {
        let error = error(add(&database, id));
        assert_eq!(error.code(), Code::FileReplaced, "{error}");
        // The first one was written before it was noticed.
        assert_eq!(error.retryable(), id > 6, "{error}");
    }
    let what = sql("SELECT count(*) FROM t");
    assert_eq!(
        error(read(&database, what.clone())).code(),
        Code::FileReplaced
    );
    assert!(!path.exists(), "no empty file is made in its place");
    fs::rename(&away, &path).unwrap();
    // A read notices it, too.
    wait_until(|| read(&database, what.clone()).is_ok());
    add(&database, 8).unwrap();
    close(database);
    let stored = stored(&path);
    for id in [1, 2, 3, 4, 5, 8] {
        assert!(stored.contains(&id), "{stored:?}");
    }
}

#[test]
#[ignore = "a child of another test"]
fn child_that_writes_and_waits() {
    let Some(path) = child::path() else { return };
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.query_row("SELECT count(*) FROM t", [], |_| Ok(()))
        .unwrap();
    child::say("open");
    let mut lines = std::io::stdin().lines();
    lines.next().unwrap().unwrap();
    conn.execute("INSERT INTO t VALUES (50, 'theirs')", [])
        .unwrap();
    child::say("written");
    lines.next().unwrap().unwrap();
}

#[test]
fn while_another_process_shares_a_log_without_a_name_no_other_log_is_started() {
    use std::io::{BufRead, BufReader, Write};
    let (_folder, path, database, _) = database();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    let mut child = child::command("child_that_writes_and_waits", &path, &[])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = |word: &str| {
        while !lines.next().unwrap().unwrap().ends_with(word) {}
    };
    let mut input = child.stdin.take().unwrap();
    until("open");
    fs::remove_file(beside(&path, "-wal")).unwrap();
    // All of the log is moved into the file, so it is acknowledged.
    add(&database, 6).unwrap();
    let refused = error(add(&database, 7));
    assert_eq!(refused.code(), Code::FileReplaced);
    assert!(refused.retryable());
    assert!(refused.message().contains("close them"), "{refused}");
    let refused = error(read(&database, sql("SELECT 1")));
    assert!(refused.message().contains("close them"), "{refused}");
    let check = Maintenance::Check {
        quick: false,
        limit: 10,
    };
    let refused = error(maintain(&database, check).result);
    assert!(refused.message().contains("close them"), "{refused}");
    assert!(!beside(&path, "-wal").exists());
    input.write_all(b"\n").unwrap();
    until("written");
    input.write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    wait_until(|| add(&database, 8).is_ok());
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6, 8, 50]);
    close(database);
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6, 8, 50]);
}

#[test]
fn of_two_databases_on_a_file_whose_log_was_deleted_neither_harms_the_other() {
    let (_folder, path, database, _) = database();
    let other = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    (1..=5).for_each(|id| add(&database, id).unwrap());
    assert_eq!(count(&other, "t"), 5);
    fs::remove_file(beside(&path, "-wal")).unwrap();
    add(&database, 6).unwrap();
    let refused = error(add(&database, 7));
    assert_eq!(refused.code(), Code::FileReplaced);
    assert!(refused.message().contains("close them"), "{refused}");
    assert!(!beside(&path, "-wal").exists());
    // It has the old log as the last one.
    add(&other, 8).unwrap();
    add(&other, 9).unwrap();
    wait_until(|| add(&database, 10).is_ok());
    assert_eq!(count(&other, "t"), 9);
    assert_eq!(count(&database, "t"), 9);
    close(other);
    close(database);
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6, 8, 9, 10]);
}

#[test]
fn a_panic_in_the_notification_does_not_stop_the_idle_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("files.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    database.report_to(Box::new(|_| panic!("a report that fails")));
    (1..=5).for_each(|id| add(&database, id).unwrap());
    fs::remove_file(beside(&path, "-wal")).unwrap();
    wait_until(|| reopened(&database) == Stat::Integer(1));
    add(&database, 6).unwrap();
    assert_eq!(count(&database, "t"), 6);
    close(database);
    assert_eq!(stored(&path), [1, 2, 3, 4, 5, 6]);
}
