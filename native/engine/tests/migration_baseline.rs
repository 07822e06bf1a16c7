//! The tables that another program made become the first migration, and nothing of them changes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/migrations.rs"]
mod migrations;

use std::fs;

use ash_rusqlite_engine::migration::{baseline, Baseline, MigrationState};
use ash_rusqlite_engine::{Code, Error, Result};
use migrations::{open, soon, step, Store, ALL};
use rusqlite::Connection;

/// As AshSqlite and a person made it.
const THERE: &str = "
    CREATE TABLE \"messages\" (\"id\" TEXT NOT NULL PRIMARY KEY, \"room_id\" TEXT NULL CONSTRAINT \"messages_room_id_fkey\" REFERENCES \"rooms\"(\"id\") ON DELETE CASCADE, body TEXT, CHECK (body <> '; -- x'));
    CREATE UNIQUE INDEX \"messages_one\" ON \"messages\" (\"room_id\", lower(body)) WHERE body IS NOT NULL;
    CREATE TABLE rooms (id TEXT PRIMARY KEY, -- the key
      n INTEGER UNIQUE, parent_id TEXT REFERENCES rooms (id));
    CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT DEFAULT (datetime('now'))) STRICT;
    CREATE TABLE a (x PRIMARY KEY REFERENCES b (y)); CREATE TABLE b (y PRIMARY KEY REFERENCES a (x)) WITHOUT ROWID;
    CREATE VIEW aa_second AS SELECT * FROM zz_first; CREATE VIEW zz_first AS SELECT id FROM rooms;
    CREATE TRIGGER t INSTEAD OF INSERT ON zz_first BEGIN INSERT INTO rooms (id) VALUES (new.id); SELECT CASE WHEN 1 THEN 2 END; END;
    CREATE VIRTUAL TABLE words USING fts5(body);
    CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, inserted_at TEXT);
    CREATE INDEX schema_migrations_at ON schema_migrations (inserted_at);
    INSERT INTO schema_migrations VALUES (1, 'x');
    INSERT INTO rooms VALUES ('a', 1, NULL); INSERT INTO messages VALUES ('m', 'a', 'hello');
    INSERT INTO words VALUES ('hello'); INSERT INTO numbered DEFAULT VALUES; ANALYZE;";

fn schema(conn: &Connection) -> Vec<(String, String, Option<String>)> {
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'ash_rusqlite_%' \
               AND name NOT LIKE 'sqlite_stat%' AND tbl_name <> 'schema_migrations' ORDER BY 1, 2";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    rows.map(|row| row.unwrap()).collect()
}

fn write(store: &Store, name: &str) -> Result<Baseline> {
    baseline(&store.conn, store.dir.path(), name, 7, soon())
}

fn there(sql: &str) -> Store {
    let store = Store::new(0);
    store.conn.execute_batch(sql).unwrap();
    store
}

fn refused(result: Result<Baseline>, part: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::InvalidMigration, "{error}");
    assert!(error.message().contains(part), "{error}");
    error
}

#[test]
fn a_fresh_database_that_the_baseline_makes_has_the_same_schema() {
    let mut store = there(THERE);
    let (before, changes) = (schema(&store.conn), store.number("SELECT total_changes()"));
    let written = write(&store, "first").unwrap();
    assert_eq!(written.path, store.dir.path().join("7_first.sql"));
    let place = |name: &str| written.tables.iter().position(|table| table == name);
    assert!(place("rooms") < place("messages") && place("rooms").is_some());
    assert_eq!(written.tables.len(), 6, "{:?}", written.tables);
    assert_eq!(schema(&store.conn), before);
    // The row of the ledger, and the format.
    assert_eq!(store.number("SELECT total_changes()"), changes + 2);
    assert_eq!(store.states(), [(7, MigrationState::Applied)]);
    assert_eq!(store.migrate(&ALL).unwrap(), []);

    let fresh = open(&store.dir.path().join("fresh.db"));
    store.conn = fresh;
    store.migrate(&ALL).unwrap();
    assert_eq!(schema(&store.conn), before);
    store.rollback(&step(1)).unwrap();
    let left = schema(&store.conn);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0].1, "sqlite_sequence");
}

#[test]
fn a_ledger_with_entries_and_a_folder_with_files_are_refused() {
    let mut store = Store::new(1);
    refused(write(&store, "first"), "has migrations already");
    store.migrate(&ALL).unwrap();
    store.remove("1_t1.sql");
    let error = refused(
        write(&store, "first"),
        "the ledger of the database has entries: 1_t1",
    );
    assert!(error.detail("problems").is_some());
    assert_eq!(
        fs::read_dir(store.dir.path())
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .path()
                    .extension()
                    .is_some_and(|ext| ext == "sql")
            })
            .count(),
        0
    );
}

#[test]
fn a_database_without_tables_and_names_of_no_file_are_refused() {
    let store = there("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY)");
    refused(write(&store, "first"), "has no tables");
    for name in ["", "a/b", "..", "a b"] {
        assert_eq!(
            write(&store, name).unwrap_err().code(),
            Code::InvalidOption,
            "{name}"
        );
    }
}

#[test]
fn a_foreign_key_that_no_row_can_meet_is_refused_since_the_file_would_not_run() {
    let store = there("CREATE TABLE a (x REFERENCES b (y)); CREATE TABLE b (y);");
    refused(write(&store, "first"), "foreign key mismatch");
    assert!(!store.dir.path().join("7_first.sql").exists());
}

#[test]
fn a_schema_that_its_own_text_does_not_make_is_refused_and_leaves_nothing() {
    let store = there("CREATE TABLE a (x -- up\n-- down\n, y)");
    let error = write(&store, "first").unwrap_err();
    assert!(
        error.message().contains("down") || error.message().contains("up"),
        "{error}"
    );
    assert_eq!(error.code(), Code::InvalidMigration);
    assert!(!store.dir.path().join("7_first.sql").exists());
    assert_eq!(
        store.number("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'ash_rusqlite%'"),
        0
    );
}
