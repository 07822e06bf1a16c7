//! Restores onto a database in use, files that are refused, and what a check finds.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/database.rs"]
mod database;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ash_rusqlite_engine::backup::{backup, check_header, integrity_check, restore};
use ash_rusqlite_engine::Code;
use database::{database, names, numbers, open, reader, refused, Steps};
use rusqlite::Connection;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[test]
fn an_in_memory_database_can_be_saved_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("b.db");
    let mut memory = Connection::open_in_memory().unwrap();
    memory
        .execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1);")
        .unwrap();
    backup(&memory, &to, false, &mut ()).unwrap();
    memory.execute_batch("DELETE FROM t").unwrap();
    restore(&mut memory, &to, soon(), &mut ()).unwrap();
    assert_eq!(
        memory
            .query_row("SELECT a FROM t", [], |r| r.get::<_, i64>(0))
            .unwrap(),
        1
    );
}

#[test]
fn a_restore_waits_for_another_program_s_lock_until_its_deadline() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut conn) = database(&dir, "a.db");
    let to = dir.path().join("b.db");
    backup(&conn, &to, false, &mut ()).unwrap();
    conn.busy_timeout(Duration::ZERO).unwrap();
    let other = open(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let deadline = started + Duration::from_millis(100);
    refused(
        restore(&mut conn, &to, deadline, &mut ()),
        Code::Busy,
        "lock",
    );
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(100) && waited < Duration::from_secs(10));
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        other.execute_batch("COMMIT").unwrap();
    });
    restore(&mut conn, &to, soon(), &mut ()).unwrap();
    release.join().unwrap();
}

#[test]
fn a_restore_replaces_the_rows_under_open_readers() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut conn) = database(&dir, "a.db");
    let other = reader(&path);
    let to = dir.path().join("b.db");
    backup(&other, &to, false, &mut ()).unwrap();
    conn.execute_batch(
        "UPDATE t SET n = 7; DELETE FROM t WHERE n IS NULL; CREATE TABLE later (a);",
    )
    .unwrap();
    let snapshot = reader(&path);
    snapshot.execute_batch("BEGIN").unwrap();
    assert_eq!(numbers(&snapshot), (7, 7));
    assert_eq!(numbers(&other), (7, 7));
    let mut steps = Steps::default();
    let summary = restore(&mut conn, &to, soon(), &mut steps).unwrap();
    assert_eq!(steps.seen.last().unwrap().done, summary.pages);
    assert_eq!((numbers(&conn), numbers(&other)), ((0, 0), (0, 0)));
    assert_eq!(numbers(&snapshot), (7, 7));
    assert!(conn.prepare("SELECT * FROM later").is_err());
    assert_eq!(
        conn.query_row("PRAGMA journal_mode", [], |r| r.get::<_, String>(0))
            .unwrap(),
        "wal"
    );
    assert_eq!(integrity_check(&conn, false, 10).unwrap(), [""; 0]);
    conn.execute("UPDATE t SET n = 8", []).unwrap();
    assert_eq!(numbers(&other), (8, 8));
    assert_eq!(names(&dir), ["a.db", "a.db-shm", "a.db-wal", "b.db"]);
}

#[test]
fn a_copied_file_in_wal_mode_can_be_restored() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut conn) = database(&dir, "a.db");
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let copy = dir.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    conn.execute("UPDATE t SET n = 7", []).unwrap();
    assert_eq!(check_header(&copy).unwrap().read_version, 2);
    restore(&mut conn, &copy, soon(), &mut ()).unwrap();
    assert_eq!(numbers(&conn), (0, 0));
}

#[test]
fn a_restore_that_fails_or_is_cancelled_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut conn) = database(&dir, "a.db");
    let to = dir.path().join("b.db");
    backup(&reader(&path), &to, false, &mut ()).unwrap();
    conn.execute_batch("UPDATE t SET n = 7").unwrap();
    let mut sink = Steps {
        stop_after: Some(1),
        ..Steps::default()
    };
    refused(
        restore(&mut conn, &to, soon(), &mut sink),
        Code::Cancelled,
        "cancelled",
    );
    assert_eq!(numbers(&conn), (7, 7));
    conn.execute_batch("UPDATE t SET n = 8").unwrap();
    assert_eq!(numbers(&reader(&path)), (8, 8));
}

#[test]
fn files_that_are_not_fit_to_restore_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut conn) = database(&dir, "a.db");
    let good = dir.path().join("good.db");
    backup(&reader(&path), &good, false, &mut ()).unwrap();
    let good = fs::read(good).unwrap();
    let bad = dir.path().join("bad.db");
    let mut case = |bytes: &[u8], code, text: &str| {
        fs::write(&bad, bytes).unwrap();
        refused(restore(&mut conn, &bad, soon(), &mut ()), code, text);
    };
    let patched = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    case(b"", Code::InvalidBackup, "empty");
    case(&[0x5a; 4096], Code::NotADatabase, "encrypted");
    case(b"SQLite format 3\0", Code::Corrupt, "cut off");
    case(&patched(19, 3), Code::NewerFormat, "newer SQLite");
    case(&patched(47, 5), Code::NewerFormat, "newer SQLite");
    case(&patched(17, 3), Code::Corrupt, "page size");
    case(&good[..good.len() / 2], Code::InvalidBackup, "damaged");
    let mut scribbled = good.clone();
    scribbled[8192..9000].fill(0xff);
    case(&scribbled, Code::InvalidBackup, "damaged");
    refused(
        restore(&mut conn, &path, soon(), &mut ()),
        Code::InvalidBackup,
        "database itself",
    );
    refused(
        restore(&mut conn, Path::new("/no/file"), soon(), &mut ()),
        Code::CannotOpen,
        "/no/file",
    );
    for (setup, code, text) in [
        (
            "PRAGMA page_size = 8192",
            Code::InvalidBackup,
            "8192, the database has 4096",
        ),
        (
            "PRAGMA encoding = 'UTF-16le'",
            Code::InvalidBackup,
            "UTF-16le",
        ),
        (
            "CREATE TABLE ash_rusqlite_meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
             INSERT INTO ash_rusqlite_meta VALUES ('format', '2')",
            Code::NewerFormat,
            "format 2",
        ),
    ] {
        fs::remove_file(&bad).unwrap();
        let other = Connection::open(&bad).unwrap();
        other
            .execute_batch(&format!("{setup}; CREATE TABLE t (a);"))
            .unwrap();
        refused(restore(&mut conn, &bad, soon(), &mut ()), code, text);
    }
    assert_eq!(numbers(&conn), (0, 0));
}

#[test]
fn a_check_finds_broken_references_and_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = database(&dir, "a.db");
    conn.execute_batch(
        "PRAGMA foreign_keys = OFF;
         CREATE TABLE rooms (id TEXT PRIMARY KEY);
         CREATE TABLE messages (id INTEGER PRIMARY KEY, room_id TEXT REFERENCES rooms);
         CREATE TABLE pins (id TEXT PRIMARY KEY, room_id TEXT REFERENCES rooms) WITHOUT ROWID;
         INSERT INTO messages VALUES (12, 'x'), (13, NULL); INSERT INTO pins VALUES ('p', 'x');",
    )
    .unwrap();
    let all = integrity_check(&conn, true, 10).unwrap();
    assert!(
        all.contains(&"messages row 12: no such row in rooms".to_owned()),
        "{all:?}"
    );
    assert!(
        all.contains(&"pins: a row refers to a row that is not in rooms".to_owned()),
        "{all:?}"
    );
    assert_eq!(all.len(), 2);
    assert_eq!(integrity_check(&conn, true, 1).unwrap().len(), 1);
    drop(conn);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20_480..24_000].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert!(!integrity_check(&reader(&path), false, 10)
        .unwrap()
        .is_empty());
}

#[test]
fn the_header_shows_what_kind_of_file_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    fs::write(&path, "").unwrap();
    assert!(check_header(&path).unwrap().empty);
    refused(check_header(dir.path()), Code::CannotOpen, "is a folder");
    fs::remove_file(&path).unwrap();
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(
        "PRAGMA page_size = 65536; PRAGMA application_id = 0x41527173; CREATE TABLE t (a);",
    )
    .unwrap();
    let header = check_header(&path).unwrap();
    assert_eq!(
        (header.page_size, header.application_id),
        (65_536, 0x4152_7173)
    );
}
