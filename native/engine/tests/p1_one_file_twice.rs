//! P1: a file that is opened twice in one process keeps its lock. Closing any descriptor of a
//! file drops all locks that a process has on it
//! (<https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>).
//! Another program would then take the database for one that nobody has open and delete its
//! log when it closes, and what is acknowledged after that would be lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(target_os = "linux")]

mod support {
    pub mod host;
}

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ash_rusqlite_engine::{Code, Maintenance, Value};
use serde_json::json;
use support::host::*;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY);";

/// Whether somebody has a lock on a file, by <https://man7.org/linux/man-pages/man5/proc_locks.5.html>.
/// No other program knows these files; locks of open files name no process there. The list is read in
/// several pieces, and a lock in it is skipped when another program releases one meanwhile: it is read
/// again before a lock is said to be missing.
fn is_locked(path: &Path) -> bool {
    let inode = std::fs::metadata(path).unwrap().ino();
    (0..20).any(|_| {
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| {
            line.split_whitespace()
                .any(|word| word.ends_with(&format!(":{inode}")))
        })
    })
}

#[test]
fn a_second_opening_of_a_file_leaves_the_first_one_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.db");
    let options = || config(path.to_str().unwrap(), json!({}));
    let first = with_tables(options(), TABLES);
    assert!(is_locked(&path));
    let second = open(options()).unwrap();
    assert!(is_locked(&path), "both have it open");
    for (id, database) in [(1, &first), (2, &second)] {
        write(database, insert("t", &[("id", Value::Integer(id))])).unwrap();
    }
    close(second);
    assert!(is_locked(&path), "the first still has it open");
    assert_eq!(count(&first, "t"), 2);
    close(first);
    assert!(!is_locked(&path));
}

#[test]
fn a_restore_from_a_database_in_use_and_a_backup_of_it_leave_it_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to, copy] = ["from.db", "to.db", "copy.db"].map(|name| folder.path().join(name));
    let source = with_tables(config(from.to_str().unwrap(), json!({})), TABLES);
    let database = open(config(to.to_str().unwrap(), json!({}))).unwrap();
    let restore = |path: &Path| Maintenance::Restore { path: path.into() };
    maintain(&database, restore(&from)).result.unwrap();
    assert!(is_locked(&from));
    let backup = Maintenance::Backup {
        path: copy,
        overwrite: false,
    };
    maintain(&source, backup).result.unwrap();
    assert!(is_locked(&from));
    // Even the refusal to restore a database from itself must not cost the lock.
    assert!(maintain(&source, restore(&from)).result.is_err());
    assert!(is_locked(&from));
    close(database);
    close(source);
}

#[test]
fn the_files_beside_a_database_are_not_opened_as_databases() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    let log_is_locked = || is_locked(&folder.path().join("one.db-shm"));
    write(&database, insert("t", &[("id", Value::Integer(1))])).unwrap();
    assert!(log_is_locked());
    for suffix in ["-wal", "-shm", "-journal"] {
        let side = format!("{}{suffix}", path.display());
        for options in [json!({}), json!({"read_only": true})] {
            let refused = open(config(&side, options)).map(drop).unwrap_err();
            assert_eq!(refused.code(), Code::CannotOpen, "{suffix}: {refused}");
        }
        let path = side.into();
        let restored = maintain(&database, Maintenance::Restore { path });
        assert_eq!(error(restored.result).code(), Code::InvalidBackup);
        assert!(log_is_locked(), "{suffix}");
    }
    assert!(!folder.path().join("one.db-journal").exists());
    close(database);
    let again = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    assert_eq!(count(&again, "t"), 1);
    close(again);
}
