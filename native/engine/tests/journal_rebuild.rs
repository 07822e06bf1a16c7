//! Promise P6: the events alone make the database again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/journal.rs"]
mod fixture;
#[path = "support/host.rs"]
mod host;

use std::fs;
use std::sync::Arc;

use ash_rusqlite_engine::catalog::JournalSpec;
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::migration::MigrateOptions;
use ash_rusqlite_engine::{Code, Maintenance};
use fixture::{bits, chat, head, open, rebuild, run, spec, verify};

#[test]
fn the_new_database_has_the_rows_the_schema_and_a_journal_that_continues() {
    let dir = tempfile::tempdir().unwrap();
    let (_path, conn) = chat(dir.path());
    run(
        &conn,
        "PRAGMA user_version = 7;
         CREATE TABLE logs (id INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT);
         INSERT INTO logs (line) VALUES ('a'), ('b'); DELETE FROM logs;
         CREATE VIEW titles AS SELECT title FROM rooms;
         CREATE VIRTUAL TABLE words USING fts5 (content);
         CREATE VIRTUAL TABLE found USING fts5 (content, content = 'messages', content_rowid = 'id');
         CREATE TRIGGER shout AFTER INSERT ON rooms BEGIN INSERT INTO logs (line) VALUES (NEW.title); END;
         INSERT INTO rooms VALUES ('r', 'Lobby'), ('s', 'Attic');
         INSERT INTO messages (id, room_id, content, slug, score, extra) VALUES
           (1, 'r', 'hi', 'a', 0.1, x'00'), (2, 'r', 'ho', NULL, 1e300, 5), (3, 's', NULL, 'c', NULL, 'x');
         INSERT INTO members VALUES ('r', 1, 'owner'), ('r', 2, NULL);
         UPDATE messages SET id = id + 10, slug = 'z' || id WHERE room_id = 'r';
         REPLACE INTO messages (id, room_id, slug) VALUES (50, 's', 'c');
         UPDATE members SET user_id = 3 WHERE user_id = 1;
         UPDATE rooms SET id = 'q' WHERE id = 's';",
    );
    let to = dir.path().join("new.db");
    let made = rebuild(&conn, &to);
    assert_eq!(made.tables, ["rooms", "messages", "members"]);
    assert_eq!(made.empty, ["logs", "words"]);
    assert_eq!(made.problems, [""; 0]);
    assert_eq!(made.events, u64::try_from(head(&conn)).unwrap());
    assert_eq!(
        (made.rows, made.bytes),
        (7, fs::metadata(&to).unwrap().len())
    );
    let copy = open(&to);
    for sql in [
        "SELECT * FROM rooms ORDER BY id",
        "SELECT * FROM messages ORDER BY id",
        "SELECT * FROM members ORDER BY room_id, user_id",
        "SELECT * FROM ash_rusqlite_events ORDER BY seq",
        "SELECT * FROM ash_rusqlite_subjects ORDER BY id",
        "SELECT * FROM ash_rusqlite_journaled ORDER BY id",
        "SELECT * FROM ash_rusqlite_journal ORDER BY seq",
        "SELECT type, name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name",
        "SELECT * FROM titles ORDER BY 1",
        "PRAGMA user_version",
        "SELECT max(seq) FROM sqlite_sequence",
    ] {
        assert_eq!(bits(&conn, sql), bits(&copy, sql), "{sql}");
    }
    assert_eq!(bits(&copy, "PRAGMA integrity_check"), [["text [6f, 6b]"]]);
    assert_eq!(
        bits(&copy, "PRAGMA foreign_key_check"),
        Vec::<Vec<String>>::new()
    );
    let search = "SELECT rowid FROM found WHERE found MATCH 'ho'";
    assert_eq!(bits(&copy, search), [["integer 12"]]);
    let (old, new) = (
        journal::identity(&conn).unwrap(),
        journal::identity(&copy).unwrap(),
    );
    assert_eq!(old.id, new.id);
    assert_ne!(old.epoch, new.epoch);
    run(&copy, "UPDATE rooms SET title = 'Hall' WHERE id = 'r'");
    assert_eq!(head(&copy), head(&conn) + 1);
    drop(copy);
    let verified = verify(&to);
    assert!(verified.is_ok(), "{verified:?}");
}

#[test]
fn a_file_that_is_there_stays_unless_it_may_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    let to = dir.path().join("new.db");
    fs::write(&to, "mine").unwrap();
    let refused = |to, overwrite| {
        journal::rebuild(&conn, to, overwrite, Arc::default(), &mut ())
            .unwrap_err()
            .code()
    };
    assert_eq!(refused(&to, false), Code::InvalidBackup);
    assert_eq!(refused(&path, true), Code::InvalidBackup);
    assert_eq!(fs::read(&to).unwrap(), b"mine");
    journal::rebuild(&conn, &to, true, Arc::default(), &mut ()).unwrap();
    run(
        &conn,
        "INSERT INTO rooms VALUES ('r', 'Lobby'); UPDATE ash_rusqlite_events SET data = '{'",
    );
    assert_eq!(refused(&to, true), Code::JournalBroken);
    assert!(verify(&to).is_ok());
    let names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|f| f.unwrap().file_name())
        .collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().contains("partial")),
        "{names:?}"
    );
}

#[test]
fn what_the_events_do_not_hold_is_null_or_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = open(&path);
    run(
        &conn,
        "CREATE TABLE cards (id INTEGER PRIMARY KEY, a TEXT, b TEXT NOT NULL, c INTEGER NOT NULL, d BLOB NOT NULL, e REAL NOT NULL, seen TEXT) STRICT",
    );
    let spec = JournalSpec {
        skip: vec!["seen".into()],
        sensitive: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(),
        ..spec("card", None)
    };
    journal::enable(&conn, "cards", &spec).unwrap();
    run(
        &conn,
        "INSERT INTO cards VALUES (1, 'a', 'b', 3, x'04', 5.5, 'first'); UPDATE cards SET seen = 'last'",
    );
    let to = dir.path().join("new.db");
    rebuild(&conn, &to);
    let row = "SELECT * FROM cards";
    let empty = [
        "integer 1",
        "null",
        "text []",
        "integer 0",
        "blob []",
        "real 0",
        "text [66, 69, 72, 73, 74]",
    ];
    assert_eq!(bits(&open(&to), row), [empty]);
    let redacted = r#"{"id":1,"a":{"redacted":true},"b":{"redacted":true},"c":{"redacted":true},"d":{"redacted":true},"e":{"redacted":true},"seen":"first"}"#;
    conn.execute("UPDATE ash_rusqlite_events SET data = ?1", [redacted])
        .unwrap();
    let to = dir.path().join("redacted.db");
    rebuild(&conn, &to);
    assert_eq!(bits(&open(&to), row), [empty]);
}

#[test]
fn events_of_older_columns_make_rows_of_todays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = open(&path);
    run(
        &conn,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, gone TEXT)",
    );
    journal::enable(&conn, "t", &spec("t", None)).unwrap();
    run(
        &conn,
        "INSERT INTO t VALUES (1, 'one', 'x'), (2, 'two', 'y')",
    );
    for name in [
        "insert",
        "update",
        "delete",
        "replace_insert",
        "replace_update",
    ] {
        run(&conn, &format!("DROP TRIGGER t_journal_{name}"));
    }
    run(
        &conn,
        "ALTER TABLE t RENAME COLUMN name TO title; ALTER TABLE t DROP COLUMN gone;
         ALTER TABLE t ADD COLUMN kind TEXT NOT NULL DEFAULT 'plain'; ALTER TABLE t ADD COLUMN rank INTEGER;
         UPDATE t SET rank = 3;",
    );
    journal::enable(&conn, "t", &spec("t", None)).unwrap();
    // As a migration writes it.
    run(
        &conn,
        r#"UPDATE ash_rusqlite_journaled SET renamed = '{"title":"name"}', defaults = '{"rank":3}' WHERE until IS NULL"#,
    );
    run(
        &conn,
        "UPDATE t SET title = 'uno' WHERE id = 1; INSERT INTO t VALUES (3, 'three', 'big', NULL)",
    );
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    let to = dir.path().join("new.db");
    rebuild(&conn, &to);
    let sql = "SELECT * FROM t ORDER BY id";
    assert_eq!(bits(&open(&to), sql), bits(&conn, sql));
}

#[test]
fn the_journal_of_a_table_that_is_journaled_again_starts_from_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let conn = open(&path);
    run(&conn, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE u (id INTEGER PRIMARY KEY)");
    journal::enable(&conn, "t", &spec("t", None)).unwrap();
    run(&conn, "INSERT INTO t VALUES (1, 'one'), (2, 'two')");
    for name in [
        "insert",
        "update",
        "delete",
        "replace_insert",
        "replace_update",
    ] {
        run(&conn, &format!("DROP TRIGGER t_journal_{name}"));
    }
    journal::enable(&conn, "u", &spec("u", None)).unwrap();
    run(&conn, "DELETE FROM t; INSERT INTO u VALUES (1)");
    journal::enable(&conn, "t", &spec("t", None)).unwrap();
    run(&conn, "INSERT INTO t VALUES (2, 'zwei')");
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
}

#[test]
fn a_table_that_was_renamed_keeps_its_events() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    drop(open(&path));
    let database = host::open(host::config(path.to_str().unwrap(), serde_json::json!({}))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let migrate = |version: u32, sql: &str| {
        let file = folder.path().join(format!("{version}_a.sql"));
        fs::write(file, format!("-- up\n{sql}\n")).unwrap();
        let work = Maintenance::Migrate {
            directory: folder.path().to_path_buf(),
            options: MigrateOptions::default(),
        };
        host::maintain(&database, work).result.unwrap();
    };
    let conn = open(&path);
    migrate(
        1,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, gone TEXT);",
    );
    journal::enable(&conn, "t", &spec("t", None)).unwrap();
    run(
        &conn,
        "INSERT INTO t VALUES (1, 'one', 'x'), (2, 'two', 'y')",
    );
    migrate(
        2,
        "ALTER TABLE t RENAME COLUMN name TO title; ALTER TABLE t DROP COLUMN gone;
         ALTER TABLE t RENAME TO things; ALTER TABLE things ADD COLUMN kind TEXT NOT NULL DEFAULT 'plain';
         CREATE TABLE t (id INTEGER PRIMARY KEY, other TEXT);",
    );
    journal::enable(&conn, "t", &spec("t", None)).unwrap();
    run(&conn, "INSERT INTO t VALUES (1, 'new'); UPDATE things SET title = 'zwei' WHERE id = 2; DELETE FROM things WHERE id = 1");
    host::close(database);
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    assert_eq!(verified.tables, ["t", "things"]);
    let to = dir.path().join("new.db");
    rebuild(&conn, &to);
    for sql in ["SELECT * FROM t", "SELECT * FROM things"] {
        assert_eq!(bits(&open(&to), sql), bits(&conn, sql));
    }
    assert_eq!(bits(&conn, "SELECT count(*) FROM things"), [["integer 1"]]);
}
