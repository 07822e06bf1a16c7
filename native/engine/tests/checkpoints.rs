//! The log is moved into the file beside the writer, stays bounded while writes go on without a
//! pause, and leaves the way free for checkpoints that a caller asks for.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ash_rusqlite_engine::{CheckpointMode, Database, Maintenance, Outcome, Stat, Value};
use serde_json::json;
use support::host::*;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);";
/// Bytes of a page in the log.
const FRAME: u64 = 4096 + 24;

fn database(autocheckpoint: i64) -> (tempfile::TempDir, PathBuf, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let options = json!({"wal_autocheckpoint": autocheckpoint});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLE);
    (folder, path, database)
}

fn log_of(path: &Path) -> u64 {
    let log = format!("{}-wal", path.display());
    std::fs::metadata(log).map_or(0, |data| data.len() / FRAME)
}

fn fill(database: &Database, from: i64, to: i64) {
    for n in from..to {
        let row = [("id", Value::Integer(n)), ("a", text(&"x".repeat(1_000)))];
        write(database, insert("t", &row)).unwrap();
    }
}

fn checkpoints(database: &Database) -> i64 {
    let stats = database.stats();
    let Some((_, Stat::Map(figures))) = stats.into_iter().find(|(name, _)| *name == "checkpoint")
    else {
        panic!("there are no figures of checkpoints");
    };
    match figures.into_iter().find(|(name, _)| *name == "count") {
        Some((_, Stat::Integer(count))) => count,
        other => panic!("no count: {other:?}"),
    }
}

#[test]
fn the_log_is_moved_without_another_write() {
    let (_folder, path, database) = database(10);
    let before = std::fs::metadata(&path).unwrap().len();
    fill(&database, 0, 30);
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::metadata(&path).unwrap().len() == before {
        assert!(Instant::now() < deadline, "no page came into the file");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(checkpoints(&database) > 0);
    close(database);
}

#[test]
fn the_log_stays_bounded_while_writes_go_on() {
    let (_folder, path, database) = database(20);
    let writers: Vec<_> = (0..4_i64)
        .map(|writer| {
            let database = database.clone();
            std::thread::spawn(move || fill(&database, writer * 1_000, writer * 1_000 + 400))
        })
        .collect();
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    assert_eq!(count(&database, "t"), 1_600);
    // Writes wait at four times the size; a batch that began before may be a few pages more.
    let pages = log_of(&path);
    assert!(pages < 4 * 20 + 40, "the log has {pages} pages");
    close(database);
}

#[test]
fn a_checkpoint_that_is_asked_for_is_never_refused_by_one_that_runs_beside() {
    let (_folder, path, database) = database(1);
    for round in 0..40_i64 {
        fill(&database, round * 10, round * 10 + 3);
        let work = Maintenance::Checkpoint(CheckpointMode::Truncate);
        let outcome = maintain(&database, work).result.unwrap();
        assert!(
            matches!(outcome, Outcome::Checkpoint { busy: false, .. }),
            "{outcome:?}"
        );
        assert_eq!(log_of(&path), 0);
    }
    close(database);
}

#[test]
fn closing_leaves_no_log_behind() {
    let (_folder, path, database) = database(5);
    fill(&database, 0, 200);
    close(database);
    assert!(!PathBuf::from(format!("{}-wal", path.display())).exists());
}
