//! Applying and rolling back migrations: the ledger, the order, foreign keys, and that
//! nothing is ever half applied.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/migrations.rs"]
mod migrations;

use ash_rusqlite_engine::catalog::{format_of, FORMAT};
use ash_rusqlite_engine::migration::{read_directory, MigrateOptions, MigrationState};
use ash_rusqlite_engine::{Code, Detail};
use migrations::{failed, step, to, versions, Store, ALL};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

#[test]
fn pending_files_run_in_order_also_older_ones() {
    let mut store = Store::new(0);
    store.table(10);
    store.table(2);
    assert_eq!(versions(&store.migrate(&ALL).unwrap()), [2, 10]);
    store.table(5);
    assert_eq!(versions(&store.migrate(&ALL).unwrap()), [5]);
    assert_eq!(store.migrate(&ALL).unwrap(), []);
    assert_eq!(store.tables(), ["t10", "t2", "t5"]);
}

#[test]
fn the_ledger_records_what_was_applied_and_when() {
    let mut store = Store::new(1);
    let applied = store.migrate(&ALL).unwrap();
    let (name, checksum, at, micros): (String, String, String, i64) = store
        .conn
        .query_row(
            "SELECT name, checksum, applied_at, duration_us FROM ash_rusqlite_migrations",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap();
    assert_eq!(name, "t1");
    assert_eq!(
        checksum,
        read_directory(store.dir.path()).unwrap()[0].checksum
    );
    assert_eq!(at.len(), "2026-01-02T03:04:05.000006Z".len());
    assert_eq!(u64::try_from(micros).unwrap(), applied[0].micros);
    assert_eq!(format_of(&store.conn).unwrap(), Some(FORMAT));
}

#[test]
fn nothing_is_written_when_there_is_nothing_to_do() {
    let mut store = Store::new(0);
    assert_eq!(store.migrate(&ALL).unwrap(), []);
    assert_eq!(store.rollback(&ALL).unwrap(), []);
    assert_eq!(format_of(&store.conn).unwrap(), None);
}

#[test]
fn to_and_step_limit_what_is_applied() {
    let mut store = Store::new(5);
    assert_eq!(versions(&store.migrate(&to(2)).unwrap()), [1, 2]);
    assert_eq!(versions(&store.migrate(&step(1)).unwrap()), [3]);
    let both = MigrateOptions {
        to: Some(5),
        step: Some(1),
        take_over: false,
    };
    assert_eq!(versions(&store.migrate(&both).unwrap()), [4]);
}

#[test]
fn rollback_undoes_one_or_some_or_down_to_a_version_included() {
    let mut store = Store::new(6);
    store.migrate(&ALL).unwrap();
    assert_eq!(versions(&store.rollback(&ALL).unwrap()), [6]);
    assert_eq!(versions(&store.rollback(&step(2)).unwrap()), [5, 4]);
    assert_eq!(versions(&store.rollback(&to(2)).unwrap()), [3, 2]);
    assert_eq!(store.tables(), ["t1"]);
    assert_eq!(versions(&store.migrate(&ALL).unwrap()), [2, 3, 4, 5, 6]);
    assert_eq!(
        versions(&store.rollback(&step(99)).unwrap()),
        [6, 5, 4, 3, 2, 1]
    );
    assert_eq!(
        store.number("SELECT count(*) FROM ash_rusqlite_migrations"),
        0
    );
}

#[test]
fn rollback_needs_the_files_and_their_down_parts_before_it_begins() {
    let mut store = Store::new(3);
    store.write("2_t2.sql", "-- up\nCREATE TABLE t2 (a);\n");
    store.migrate(&ALL).unwrap();
    let error = failed(store.rollback(&to(1)), Code::InvalidMigration);
    assert!(
        error.message().contains("2_t2.sql has no down part"),
        "{error}"
    );
    store.remove("3_t3.sql");
    let error = failed(store.rollback(&ALL), Code::InvalidMigration);
    assert!(error.message().contains("3_t3"), "{error}");
    assert_eq!(store.tables(), ["t1", "t2", "t3"]);
}

#[test]
fn changed_and_missing_files_are_all_named_and_nothing_runs() {
    let mut store = Store::new(3);
    store.migrate(&ALL).unwrap();
    store.table(4);
    store.write("1_t1.sql", "-- up\n-- down\nDROP TABLE t1;\n");
    store.remove("3_t3.sql");
    let error = failed(store.migrate(&ALL), Code::InvalidMigration);
    assert!(error.message().contains("1_t1.sql was changed"), "{error}");
    assert!(
        error
            .message()
            .contains("3_t3 is applied, but its file is missing"),
        "{error}"
    );
    assert_eq!(store.tables(), ["t1", "t2", "t3"]);
    use MigrationState::{Applied, Changed, Missing, Pending};
    assert_eq!(
        store.states(),
        [(1, Changed), (2, Applied), (3, Missing), (4, Pending)]
    );
}

#[test]
fn a_changed_file_can_be_rolled_back_and_applied_again() {
    let mut store = Store::new(1);
    store.migrate(&ALL).unwrap();
    store.write(
        "1_t1.sql",
        "-- up\nCREATE TABLE t9 (a);\n-- down\nDROP TABLE t1;\n",
    );
    store.rollback(&ALL).unwrap();
    store.migrate(&ALL).unwrap();
    assert_eq!(store.tables(), ["t9"]);
}

#[test]
fn status_needs_no_ledger() {
    let store = Store::new(2);
    assert_eq!(
        store.states(),
        [(1, MigrationState::Pending), (2, MigrationState::Pending)]
    );
}

#[test]
fn a_failed_migration_is_rolled_back_whole_and_those_before_it_stay() {
    let mut store = Store::new(1);
    store.write(
        "2_bad.sql",
        "-- up\nCREATE TABLE t2 (a);\nINSERT INTO nowhere VALUES (1);\n",
    );
    store.table(3);
    let error = failed(store.migrate(&ALL), Code::MigrationFailed);
    assert!(
        error.message().contains("2_bad failed at line 3"),
        "{error}"
    );
    assert!(
        error.message().contains("no such table: nowhere"),
        "{error}"
    );
    assert_eq!(store.tables(), ["t1"]);
    assert!(store.conn.is_autocommit());
    assert_eq!(store.number("PRAGMA foreign_keys"), 1);
    store.remove("2_bad.sql");
    assert_eq!(versions(&store.migrate(&ALL).unwrap()), [3]);
}

#[test]
fn a_statement_that_rolls_back_by_itself_keeps_nothing() {
    let mut store = Store::new(0);
    store.write(
        "1_a.sql",
        "-- up\nCREATE TABLE t1 (a UNIQUE);\nINSERT INTO t1 VALUES (1);\n\
         INSERT OR ROLLBACK INTO t1 VALUES (1);\n",
    );
    failed(store.migrate(&ALL), Code::MigrationFailed);
    assert_eq!(store.tables(), [""; 0]);
}

#[test]
fn a_table_that_others_refer_to_can_be_rebuilt() {
    let mut store = Store::new(0);
    store.write(
        "1_a.sql",
        "-- up\nCREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT);
         CREATE TABLE messages (room_id INTEGER REFERENCES rooms (id) ON DELETE CASCADE);
         INSERT INTO rooms VALUES (1, 'one'); INSERT INTO messages VALUES (1);\n",
    );
    store.write(
        "2_b.sql",
        "-- up\nCREATE TABLE new_rooms (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
         INSERT INTO new_rooms SELECT id, title FROM rooms;
         DROP TABLE rooms;
         ALTER TABLE new_rooms RENAME TO rooms;\n",
    );
    store.migrate(&ALL).unwrap();
    assert_eq!(store.number("SELECT count(*) FROM messages"), 1);
    let error = store
        .conn
        .execute("INSERT INTO messages VALUES (2)", [])
        .unwrap_err();
    assert!(error.to_string().contains("FOREIGN KEY"), "{error}");
}

#[test]
fn the_examples_of_the_guide_run() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guides/migrations.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut store = Store::new(0);
    let blocks = guide
        .split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    for (index, sql) in blocks.enumerate() {
        store.write(&format!("{}_example.sql", index + 1), sql);
        store.migrate(&ALL).unwrap();
        store
            .conn
            .execute(
                "INSERT INTO rooms (id, created_at) VALUES (?1, '')",
                [index.to_string()],
            )
            .unwrap();
    }
    let titles = "SELECT count(*) FROM rooms WHERE title = 'New Room' OR title = 'Untitled'";
    assert_eq!(store.number(titles), 3);
}

#[test]
fn a_migration_cannot_turn_foreign_keys_on_for_itself() {
    let mut store = Store::new(0);
    store.write(
        "1_a.sql",
        "-- up\nPRAGMA foreign_keys = ON;
         CREATE TABLE rooms (id INTEGER PRIMARY KEY);
         CREATE TABLE messages (room_id INTEGER REFERENCES rooms (id));
         INSERT INTO messages VALUES (1); INSERT INTO rooms VALUES (1);\n",
    );
    store.migrate(&ALL).unwrap();
    assert_eq!(store.number("PRAGMA foreign_keys"), 1);
}

#[test]
fn broken_foreign_keys_are_found_before_the_commit() {
    let mut store = Store::new(0);
    store.write(
        "1_a.sql",
        "-- up\nCREATE TABLE rooms (id INTEGER PRIMARY KEY);
         CREATE TABLE messages (room_id INTEGER REFERENCES rooms (id));
         INSERT INTO messages VALUES (7);\n",
    );
    let error = failed(store.migrate(&ALL), Code::MigrationFailed);
    assert_eq!(
        error.detail("table"),
        Some(&Detail::Text("messages".into()))
    );
    assert!(
        error
            .message()
            .contains("messages row 1: no such row in rooms"),
        "{error}"
    );
    assert_eq!(store.number("SELECT count(*) FROM sqlite_schema"), 0);
    assert_eq!(store.number("PRAGMA foreign_keys"), 1);
}

#[test]
fn what_the_authorizer_refuses_is_an_invalid_migration() {
    let mut store = Store::new(0);
    store.write(
        "1_a.sql",
        "-- up\nSELECT 1;\nSELECT\n  load_extension('x');\n",
    );
    let refuse = |context: AuthContext<'_>| match context.action {
        AuthAction::Function {
            function_name: "load_extension",
        } => Authorization::Deny,
        _ => Authorization::Allow,
    };
    store.conn.authorizer(Some(refuse)).unwrap();
    let error = failed(store.migrate(&ALL), Code::InvalidMigration);
    assert!(error.message().contains("1_a.sql, line 3"), "{error}");
}

#[test]
fn a_database_of_a_newer_release_is_refused() {
    let mut store = Store::new(1);
    store.migrate(&ALL).unwrap();
    store
        .conn
        .execute("UPDATE ash_rusqlite_meta SET value = '2'", [])
        .unwrap();
    failed(store.migrate(&ALL), Code::NewerFormat);
    failed(store.rollback(&ALL), Code::NewerFormat);
    store
        .conn
        .execute("UPDATE ash_rusqlite_meta SET value = 'x'", [])
        .unwrap();
    assert_eq!(
        format_of(&store.conn).unwrap_err().code(),
        Code::InvalidMigration
    );
}
