//! Migrations that wait, are stopped, or run in several processes at once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/migrations.rs"]
mod migrations;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ash_rusqlite_engine::migration::{self, read_directory, MigrationState};
use ash_rusqlite_engine::service::progress::{Progress, ProgressSink};
use ash_rusqlite_engine::{Code, Detail};
use migrations::{failed, open, soon, versions, Store, ALL};

#[test]
fn a_stopped_migration_keeps_the_reason() {
    let mut store = Store::new(0);
    store.write(
        "1_a.sql",
        "-- up\nCREATE TABLE t1 AS\n  WITH RECURSIVE n(i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;\n",
    );
    let late = Instant::now() + Duration::from_millis(50);
    store
        .conn
        .progress_handler(250, Some(move || Instant::now() > late))
        .unwrap();
    let error = failed(store.migrate(&ALL), Code::Timeout);
    assert_eq!(error.detail("line"), Some(&Detail::Integer(2)));
    assert!(store.conn.is_autocommit());
    assert_eq!(store.number("PRAGMA foreign_keys"), 1);
    assert_eq!(store.tables(), [""; 0]);
}

struct Stop {
    after: usize,
    seen: Vec<Progress>,
}

impl ProgressSink for Stop {
    fn progress(&mut self, progress: Progress) {
        self.seen.push(progress);
    }
    fn cancelled(&self) -> bool {
        self.seen.len() >= self.after
    }
}

#[test]
fn progress_is_reported_and_cancelling_stops_between_files() {
    let mut store = Store::new(3);
    let files = read_directory(store.dir.path()).unwrap();
    let mut sink = Stop {
        after: 2,
        seen: Vec::new(),
    };
    let result = migration::migrate(&mut store.conn, &files, &ALL, soon(), &mut sink);
    failed(result, Code::Cancelled);
    assert_eq!(store.tables(), ["t1", "t2"]);
    let second = Progress {
        estimate: None,
        phase: "migrate",
        label: "2_t2".into(),
        done: 2,
        total: 3,
    };
    assert_eq!(sink.seen[1], second);
}

#[test]
fn another_process_s_lock_is_waited_for_until_the_deadline() {
    let mut store = Store::new(1);
    let other = open(&store.dir.path().join("test.db"));
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let files = read_directory(store.dir.path()).unwrap();
    let deadline = Instant::now() + Duration::from_millis(100);
    let started = Instant::now();
    let result = migration::migrate(&mut store.conn, &files, &ALL, deadline, &mut ());
    failed(result, Code::Busy);
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert_eq!(store.number("PRAGMA foreign_keys"), 1);
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.execute_batch("COMMIT").unwrap();
    });
    assert_eq!(versions(&store.migrate(&ALL).unwrap()), [1]);
    release.join().unwrap();
}

const FOLDER: &str = "MIGRATIONS_TEST_FOLDER";

/// The child of the next test; alone it does nothing.
#[test]
fn child_process_migrates() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut conn = open(&folder.join("test.db"));
    let files = read_directory(folder).unwrap();
    let applied = migration::migrate(&mut conn, &files, &ALL, soon(), &mut ()).unwrap();
    println!("applied={}", applied.len());
}

#[test]
fn several_processes_migrate_at_once() {
    let store = Store::new(30);
    let children: Vec<_> = (0..3)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child_process_migrates", "--nocapture"])
                .env(FOLDER, store.dir.path())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut applied = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let count = text
            .split("applied=")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        applied += count.parse::<usize>().unwrap();
    }
    assert_eq!(applied, 30);
    assert_eq!(store.tables().len(), 30);
    assert!(store
        .states()
        .iter()
        .all(|(_, state)| *state == MigrationState::Applied));
}
