//! Backups under load, and destinations that are refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/database.rs"]
mod database;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use ash_rusqlite_engine::backup::{backup, check_header, integrity_check};
use ash_rusqlite_engine::service::progress::{Progress, ProgressSink};
use ash_rusqlite_engine::Code;
use database::{database, names, numbers, reader, refused, Steps};
use rusqlite::Connection;

#[test]
fn a_backup_is_one_file_that_any_sqlite_opens() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = database(&dir, "a.db");
    let to = dir.path().join("backups of é").join("b.db");
    fs::create_dir(to.parent().unwrap()).unwrap();
    let mut steps = Steps::default();
    let summary = backup(&reader(&path), &to, false, &mut steps).unwrap();
    assert_eq!(summary.bytes, fs::metadata(&to).unwrap().len());
    assert_eq!(summary.pages * 4096, summary.bytes);
    assert_eq!(
        fs::metadata(&to).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(check_header(&to).unwrap().read_version, 1);
    let copy = reader(&to);
    assert_eq!(integrity_check(&copy, false, 10).unwrap(), [""; 0]);
    assert_eq!(numbers(&copy), numbers(&conn));
    assert!(steps.seen.len() > 1);
    let last = steps.seen.last().unwrap();
    assert_eq!(
        (last.phase, last.done, last.total),
        ("backup", summary.pages, summary.pages)
    );
}

#[test]
fn writers_neither_wait_for_a_backup_nor_disturb_it() {
    struct Write(Connection, i64);
    impl ProgressSink for Write {
        fn progress(&mut self, progress: Progress) {
            self.1 += 1;
            assert!(progress.done <= progress.total);
            self.0
                .execute("UPDATE t SET n = ?1 WHERE id IN (1, 1000000)", [self.1])
                .unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (path, writer) = database(&dir, "a.db");
    let to = dir.path().join("b.db");
    let mut write = Write(writer, 0);
    let source = reader(&path);
    let summary = backup(&source, &to, false, &mut write).unwrap();
    // One write per step, and yet each page was copied once.
    assert_eq!(write.1, i64::try_from(summary.pages.div_ceil(512)).unwrap());
    assert_eq!(numbers(&reader(&to)), (0, 0));
    assert!(source.is_autocommit());
}

#[test]
fn every_backup_during_concurrent_writes_is_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let (path, writer) = database(&dir, "a.db");
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let writes = std::thread::spawn(move || {
        let mut n = 0;
        while !flag.load(Ordering::Relaxed) {
            n += 1;
            writer
                .execute("UPDATE t SET n = ?1 WHERE id IN (1, 1000000)", [n])
                .unwrap();
        }
    });
    let to = dir.path().join("b.db");
    for _ in 0..10 {
        backup(&reader(&path), &to, true, &mut ()).unwrap();
        let (low, high) = numbers(&reader(&to));
        assert_eq!(low, high);
    }
    stop.store(true, Ordering::Relaxed);
    writes.join().unwrap();
}

#[test]
fn destinations_that_must_not_be_written_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _conn) = database(&dir, "a.db");
    let source = reader(&path);
    let to = dir.path().join("b.db");
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    fs::write(&to, "precious").unwrap();
    let try_to = |to: &Path, overwrite| backup(&source, to, overwrite, &mut ());
    refused(
        try_to(&path, true),
        Code::InvalidBackup,
        "is the database itself",
    );
    refused(
        try_to(&link, true),
        Code::InvalidBackup,
        "is the database itself",
    );
    refused(try_to(&to, false), Code::InvalidBackup, "overwrite: true");
    refused(try_to(dir.path(), true), Code::InvalidBackup, "is a folder");
    refused(
        try_to(&dir.path().join("no/b.db"), true),
        Code::CannotOpen,
        "no/b.db",
    );
    let (used, _other) = database(&dir, "used.db");
    refused(
        try_to(&used, true),
        Code::InvalidBackup,
        "-wal file beside it",
    );
    assert_eq!(fs::read(&to).unwrap(), b"precious");
    try_to(&to, true).unwrap();
    assert_eq!(numbers(&reader(&to)), (0, 0));
}

#[test]
fn a_backup_never_takes_the_name_of_a_database_s_own_files() {
    let dir = tempfile::tempdir().unwrap();
    let (path, writer) = database(&dir, "a.db");
    let (other, _other) = database(&dir, "other.db");
    let elsewhere = tempfile::tempdir().unwrap();
    let linked = elsewhere.path().join("link");
    std::os::unix::fs::symlink(dir.path(), &linked).unwrap();
    let source = reader(&path);
    let unused = dir.path().join("unused.db");
    fs::write(&unused, "").unwrap();
    let rows = numbers(&reader(&path));
    for database in [path.clone(), other, unused, linked.join("a.db")] {
        for suffix in ["-wal", "-shm", "-journal"] {
            let mut to = database.clone().into_os_string();
            to.push(suffix);
            let before = names(&dir);
            for overwrite in [false, true] {
                refused(
                    backup(&source, Path::new(&to), overwrite, &mut ()),
                    Code::InvalidBackup,
                    "is a file of the database",
                );
            }
            assert_eq!(names(&dir), before);
        }
    }
    drop((source, writer));
    assert_eq!(numbers(&reader(&path)), rows);
    // Such a name is as good as another where no database has it.
    let conn = reader(&path);
    backup(&conn, &dir.path().join("none.db-wal"), false, &mut ()).unwrap();
}

#[test]
fn a_cancelled_backup_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _conn) = database(&dir, "a.db");
    let source = reader(&path);
    let before = names(&dir);
    let mut sink = Steps {
        stop_after: Some(1),
        ..Steps::default()
    };
    let to = dir.path().join("b.db");
    refused(
        backup(&source, &to, false, &mut sink),
        Code::Cancelled,
        "cancelled",
    );
    assert_eq!(names(&dir), before);
    assert!(source.is_autocommit());
}

const FOLDER: &str = "BACKUP_TEST_FOLDER";

/// The child of the next test, run with a limit on the size of files; alone it does nothing.
#[test]
fn child_process_backs_up() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let source = reader(&folder.join("a.db"));
    refused(
        backup(&source, &folder.join("b.db"), true, &mut ()),
        Code::DiskFull,
        "",
    );
}

#[test]
fn a_full_disk_is_named_and_an_older_backup_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (_path, _conn) = database(&dir, "a.db");
    fs::write(dir.path().join("b.db"), "older").unwrap();
    let before = names(&dir);
    // XFSZ ignored, a write past the limit fails as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 512; exec \"$0\" --exact child_process_backs_up";
    let status = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, dir.path())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(names(&dir), before);
    assert_eq!(fs::read(dir.path().join("b.db")).unwrap(), b"older");
}
