//! P1 beside another SQLite library in the same process, which opens and closes our file: POSIX
//! drops the locks of a process with whatever descriptor of the file it closes. Neither loses what
//! it acknowledged, nor does one ever write while the other does.

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

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ash_rusqlite_engine::{Database, Maintenance, Outcome, Value};
use serde_json::json;
use support::child;
use support::host::*;
use support::other_library::{Library, BUSY};

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT NOT NULL);";

/// Descriptors and locks belong to the process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(|error| error.into_inner())
}

fn database(options: serde_json::Value) -> (tempfile::TempDir, PathBuf, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    (folder, path, database)
}

fn add(database: &Database, id: i64) -> ash_rusqlite_engine::Result<Rows> {
    write(
        database,
        insert("t", &[("id", Value::Integer(id)), ("body", text("ours"))]),
    )
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|data| data.ino())
}

/// Descriptors of this process that lead to a database or a file beside it.
fn descriptors(path: &Path) -> usize {
    let name = path.to_str().unwrap();
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with(name))
        .count()
}

/// The process that holds a classic lock on a place of a file: 0 for none, -1 for a lock of an open
/// file. The descriptor stays open, because to close it would drop the locks of this process.
fn holder(path: &Path, place: i64) -> i32 {
    use std::os::fd::IntoRawFd;
    let file = std::fs::File::options().read(true).write(true).open(path);
    // SAFETY: all zeros are a lock.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as i16;
    lock.l_start = place;
    lock.l_len = 1;
    // SAFETY: the descriptor is open, and the lock outlives the call.
    let code = unsafe { libc::fcntl(file.unwrap().into_raw_fd(), libc::F_OFD_GETLK, &mut lock) };
    assert_eq!(code, 0);
    if lock.l_type == libc::F_UNLCK as i16 {
        0
    } else {
        lock.l_pid
    }
}

#[test]
fn the_log_keeps_its_name_when_another_library_closes_the_file() {
    let _alone = alone();
    let Some(library) = Library::load() else {
        return;
    };
    let (_folder, path, database) = database(json!({}));
    add(&database, 1).unwrap();
    let log = inode(&beside(&path, "-wal"));
    for round in 0..3 {
        let other = library.open(&path);
        let count = other.run("SELECT count(*) FROM t").unwrap();
        assert_eq!(count, [[(round + 1).to_string()]]);
        drop(other);
        assert_eq!(inode(&beside(&path, "-wal")), log, "the log is deleted");
        add(&database, 2 + round).unwrap();
        assert_eq!(count_of(&database), round + 2);
    }
    close(database);
    assert_eq!(
        inode(&beside(&path, "-wal")),
        None,
        "the last close removes the log"
    );
}

fn count_of(database: &Database) -> i64 {
    count(database, "t")
}

#[test]
fn one_waits_while_the_other_writes() {
    let _alone = alone();
    let Some(library) = Library::load() else {
        return;
    };
    let (_folder, path, database) = database(json!({}));
    let other = library.open(&path);
    // Another one that comes and goes would take the locks of both with it.
    let passing = || drop(library.open(&path).run("SELECT count(*) FROM t").unwrap());
    let tx = begin(&database);
    let ours = insert("t", &[("id", Value::Integer(1)), ("body", text("ours"))]);
    step(
        &database,
        tx,
        ash_rusqlite_engine::TransactionOp::Write(ours),
    )
    .unwrap();
    passing();
    assert_eq!(other.run("BEGIN IMMEDIATE"), Err(BUSY));
    finish(&database, tx, true).unwrap();

    other
        .run("BEGIN IMMEDIATE; INSERT INTO t VALUES (2, 'theirs')")
        .unwrap();
    let late = insert("t", &[("id", Value::Integer(3)), ("body", text("ours"))]);
    let (_, from) = submit(&database, late, after(100));
    let error = answered(&from).unwrap_err();
    assert_eq!(error.code(), ash_rusqlite_engine::Code::Busy);
    other.run("COMMIT").unwrap();
    add(&database, 4).unwrap();
    drop(other);
    assert_eq!(
        read(&database, sql("SELECT id FROM t ORDER BY id")).unwrap(),
        [[json!(1)], [json!(2)], [json!(4)]]
    );
    close(database);
}

#[test]
fn whatever_we_close_the_other_library_keeps_its_locks() {
    let _alone = alone();
    let Some(library) = Library::load() else {
        return;
    };
    let (_folder, path, database) = database(json!({}));
    close(database);
    let other = library.open(&path);
    other
        .run("BEGIN IMMEDIATE; INSERT INTO t VALUES (1, 'theirs')")
        .unwrap();
    let process = i32::try_from(std::process::id()).unwrap();
    let held = || {
        (
            holder(&beside(&path, "-shm"), 120),
            holder(&path, 0x4000_0000 + 2),
        )
    };
    assert_eq!(
        held(),
        (process, process),
        "the test looks at the wrong place"
    );
    for _ in 0..3 {
        let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
        assert_eq!(count_of(&database), 0);
        let check = Maintenance::Check {
            quick: false,
            limit: 10,
        };
        maintain(&database, check).result.unwrap();
        close(database);
        assert_eq!(held(), (process, process));
    }
    other.run("COMMIT").unwrap();
    assert_eq!(other.run("SELECT body FROM t").unwrap(), [["theirs"]]);
}

#[test]
fn descriptors_that_cannot_be_closed_are_used_again_and_closed_later() {
    let _alone = alone();
    let Some(library) = Library::load() else {
        return;
    };
    let (_folder, path, database) = database(json!({}));
    close(database);
    assert_eq!(descriptors(&path), 0, "nobody is there: all are closed");
    let other = library.open(&path);
    other.run("SELECT count(*) FROM t").unwrap();
    let theirs = descriptors(&path);
    let round = || {
        let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
        assert_eq!(count_of(&database), 0);
        for _ in 0..3 {
            let check = Maintenance::Check {
                quick: true,
                limit: 10,
            };
            assert_eq!(
                maintain(&database, check).result.unwrap(),
                Outcome::Check(vec![])
            );
        }
        close(database);
        descriptors(&path)
    };
    let first = round();
    assert!(
        first > theirs,
        "they are kept while the other library is there"
    );
    for _ in 0..10 {
        assert!(round() <= first + 1, "and used again");
    }
    drop(other);
    round();
    assert_eq!(descriptors(&path), 0, "nobody is there any more");
}

#[test]
#[ignore = "the child of the test below, which kills it"]
fn a_process_in_which_two_libraries_write_until_it_is_killed() {
    let Some(path) = child::path() else { return };
    let library = Library::load().unwrap();
    let round: i64 = std::env::var("ASH_RUSQLITE_TEST_ROUND")
        .unwrap()
        .parse()
        .unwrap();
    let database = open(config(&path, json!({"wal_autocheckpoint": 30}))).unwrap();
    let base = round * 1_000_000;
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let database = &database;
            scope.spawn(move || {
                for id in (base + writer..).step_by(3) {
                    add(database, id).unwrap();
                    child::say(&format!("written {id}"));
                }
            });
        }
        for writer in 0..2 {
            let path = Path::new(&path);
            scope.spawn(move || {
                for id in (base + 500_000 + writer..).step_by(2) {
                    // A new connection each time, as of a pool that comes and goes.
                    let other = library.open(path).waiting(20_000);
                    let insert =
                        format!("PRAGMA synchronous=FULL; INSERT INTO t VALUES ({id}, 'theirs')");
                    other.run(&insert).unwrap();
                    child::say(&format!("written {id}"));
                }
            });
        }
        // And we come and go, too.
        let path = &path;
        scope.spawn(move || loop {
            let second = open(config(path, json!({}))).unwrap();
            count_of(&second);
            close(second);
        });
    });
}

fn written_before_kill(path: &Path, round: i64, enough: usize) -> Vec<i64> {
    let test = "a_process_in_which_two_libraries_write_until_it_is_killed";
    let mut running = child::command(test, path, &[])
        .env("ASH_RUSQLITE_TEST_ROUND", round.to_string())
        .spawn()
        .unwrap();
    let mut written = Vec::new();
    for line in BufReader::new(running.stdout.take().unwrap()).lines() {
        // The last line may be cut off: then it was not acknowledged.
        let Ok(line) = line else { break };
        if let Some(id) = line.strip_prefix("written ") {
            written.push(id.parse().unwrap());
            if written.len() == enough {
                running.kill().unwrap();
            }
        }
    }
    assert!(!running.wait().unwrap().success(), "it was killed");
    assert!(written.len() >= enough, "only {} answers", written.len());
    written
}

#[test]
fn what_either_library_acknowledged_survives_kill_minus_nine() {
    let _alone = alone();
    if Library::load().is_none() {
        return;
    }
    let rounds = std::env::var("ASH_RUSQLITE_TEST_ROUNDS").map_or(4, |n| n.parse().unwrap());
    let (_folder, path, database) = database(json!({}));
    close(database);
    let mut written = BTreeSet::new();
    for round in 0..rounds {
        let enough = 150 + usize::try_from(round % 5 * 41).unwrap();
        written.extend(written_before_kill(&path, round, enough));
        let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
        let check = Maintenance::Check {
            quick: false,
            limit: 10,
        };
        assert_eq!(
            maintain(&database, check).result.unwrap(),
            Outcome::Check(vec![])
        );
        let rows = read(&database, sql("SELECT id FROM t")).unwrap();
        let stored: BTreeSet<i64> = rows.iter().map(|row| row[0].as_i64().unwrap()).collect();
        let lost: Vec<_> = written.difference(&stored).collect();
        assert_eq!(lost, Vec::<&i64>::new(), "round {round}");
        close(database);
    }
    let by = |theirs: bool| {
        written
            .iter()
            .filter(|id| (*id % 1_000_000 >= 500_000) == theirs)
            .count()
    };
    assert!(by(true) > 0 && by(false) > 0, "both wrote");
}
