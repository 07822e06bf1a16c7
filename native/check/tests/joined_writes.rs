//! The pages of a commit are written joined. The disk sees each such write as the one that it
//! is: it is torn at sectors, and whatever keeps it from being done fails its commit.

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

use ash_rusqlite_check::{Disk, Event, Fault, Kept};
use ash_rusqlite_engine::{Code, Database, Maintenance, Outcome, Value};
use serde_json::json;
use support::host::*;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);";
const SECTOR: usize = 512;

fn open_at(path: &Path) -> Database {
    let options = json!({"synchronous": "full", "wal_autocheckpoint": 1_000_000, "readers": 1});
    open(config(path.to_str().unwrap(), options)).unwrap()
}

/// A database on a disk of its own, with row 0 in its log.
fn database() -> (tempfile::TempDir, PathBuf, Disk, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("joined.db");
    close(with_tables(
        config(path.to_str().unwrap(), json!({"synchronous": "off"})),
        TABLE,
    ));
    let disk = Disk::watch(&path).unwrap();
    let database = open_at(&path);
    insert_row(&database, 0, 10).unwrap();
    (folder, path, disk, database)
}

fn insert_row(database: &Database, id: i64, length: usize) -> ash_rusqlite_engine::Result<()> {
    let row = [("id", Value::Integer(id)), ("a", text(&"a".repeat(length)))];
    write(database, insert("t", &row)).map(drop)
}

fn ids(database: &Database) -> Rows {
    let check = Maintenance::Check {
        quick: false,
        limit: 10,
    };
    assert_eq!(
        maintain(database, check).result.unwrap(),
        Outcome::Check(vec![])
    );
    read(database, sql("SELECT id FROM t ORDER BY id")).unwrap()
}

/// What is found of the database and of its log.
fn found(disk: &Disk, kept: Kept, seed: u64) -> (Vec<u8>, Rows) {
    let folder = tempfile::tempdir().unwrap();
    let path = disk.after_power_loss(folder.path(), kept, seed).unwrap();
    let log = std::fs::read(format!("{}-wal", path.display())).unwrap();
    let database = open_at(&path);
    let ids = ids(&database);
    close(database);
    (log, ids)
}

#[test]
fn a_commit_of_many_pages_is_few_writes_and_a_sync() {
    let (_folder, _path, disk, database) = database();
    let events_of = |id, length| {
        let before = disk.events();
        insert_row(&database, id, length).unwrap();
        disk.events() - before
    };
    assert_eq!(events_of(1, 10), 2);
    assert_eq!(events_of(2, 80_000), 2);
    // At most 127 KiB at once.
    assert_eq!(events_of(3, 400_000), 5);
    close(database);
}

#[test]
fn a_joined_write_is_torn_at_sectors() {
    let (_folder, _path, disk, database) = database();
    let (before, _) = found(&disk, Kept::All, 0);
    disk.cut_power_after(0);
    insert_row(&database, 1, 80_000).unwrap_err();
    let (whole, all) = found(&disk, Kept::All, 0);
    assert_eq!(all, [[json!(0)], [json!(1)]]);
    assert!(whole.len() > before.len() + 80_000);
    for seed in 0..20 {
        let (torn, ids) = found(&disk, Kept::Some, seed);
        assert_eq!(ids, [[json!(0)]], "seed {seed}");
        assert_eq!(torn[..before.len()], before);
        let (mut kept, mut missing) = (0, 0);
        let mut from = before.len();
        while from < whole.len() {
            let to = (from + SECTOR - from % SECTOR).min(whole.len());
            let there = torn.get(from..to);
            // The last ones may be missing in the length, too.
            if there == whole.get(from..to) {
                kept += 1;
            } else {
                assert!(there.is_none_or(|there| there.iter().all(|byte| *byte == 0)));
                missing += 1;
            }
            from = to;
        }
        assert!(kept > 40 && missing > 40, "{kept} kept, {missing} missing");
    }
    close(database);
}

#[test]
fn whatever_keeps_a_joined_write_from_being_done_fails_its_commit_and_nothing_else() {
    // Four writes and a sync.
    for event in 0..5 {
        for (full, code) in [(true, Code::DiskFull), (false, Code::IoError)] {
            let (_folder, _path, disk, database) = database();
            disk.fail(Fault {
                event: None,
                after: event,
                times: 1,
                full,
            });
            let error = insert_row(&database, 1, 400_000).unwrap_err();
            let expected = if event == 4 { Code::IoError } else { code };
            assert_eq!(error.code(), expected, "event {event}: {error}");
            assert_eq!(disk.heal(), 1);
            assert_eq!(ids(&database), [[json!(0)]]);
            insert_row(&database, 2, 50_000).unwrap();
            assert_eq!(ids(&database), [[json!(0)], [json!(2)]]);
            disk.cut_power();
            let (_, ids_found) = found(&disk, Kept::Nothing, 0);
            assert_eq!(ids_found, [[json!(0)], [json!(2)]], "event {event}");
            close(database);
        }
    }
}

#[test]
fn a_fault_that_lasts_fails_every_commit_until_it_ends() {
    let (_folder, _path, disk, database) = database();
    disk.fail(Fault {
        event: Some(Event::Write),
        after: 0,
        times: u64::MAX,
        full: true,
    });
    for id in 1..10 {
        let error = insert_row(&database, id, 300_000).unwrap_err();
        assert_eq!(error.code(), Code::DiskFull);
    }
    disk.heal();
    insert_row(&database, 10, 300_000).unwrap();
    assert_eq!(ids(&database), [[json!(0)], [json!(10)]]);
    close(database);
}
