//! Pending migrations run on a copy first: the database stays as it is, byte for byte, and what
//! would break is named.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/migrations.rs"]
mod migrations;

use std::fs;
use std::path::Path;

use ash_rusqlite_engine::migration::{check, read_directory, MigrationCheck, MigrationState};
use ash_rusqlite_engine::service::progress::{Progress, ProgressSink};
use ash_rusqlite_engine::{Code, Config, Result};
use migrations::{open, Store, ALL};

#[derive(Default)]
struct Seen(Vec<Progress>);

impl ProgressSink for Seen {
    fn progress(&mut self, progress: Progress) {
        self.0.push(progress);
    }
}

fn run(store: &Store, statements: &[&str]) -> (Result<MigrationCheck>, Seen) {
    let mut seen = Seen::default();
    let files = read_directory(store.dir.path()).unwrap();
    let copy = store.dir.path().join("copy.db");
    let _ = fs::remove_file(&copy);
    let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
    let to = (copy.as_path(), &Config::default());
    let result = check(&store.conn, &files, &ALL, to, &statements, &mut seen);
    (result, seen)
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn the_database_stays_as_it_is_byte_for_byte_while_another_writes_to_it() {
    let store = Store::new(2);
    store
        .conn
        .execute_batch("CREATE TABLE a (x); INSERT INTO a VALUES (1);")
        .unwrap();
    let path = store.dir.path().join("test.db");
    let log = store.dir.path().join("test.db-wal");
    let writer = open(&path);
    writer
        .execute_batch("BEGIN IMMEDIATE; INSERT INTO a VALUES (2);")
        .unwrap();
    let before = (bytes(&path), bytes(&log));
    let (result, seen) = run(&store, &[]);
    let found = result.unwrap();
    assert_eq!((bytes(&path), bytes(&log)), before);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(store.number("SELECT count(*) FROM a"), 2);
    assert_eq!(
        store.states(),
        [(1, MigrationState::Pending), (2, MigrationState::Pending)]
    );

    let tables: Vec<_> = found
        .migrations
        .iter()
        .map(|one| one.tables.clone())
        .collect();
    assert_eq!(tables, [["t1"], ["t2"]]);
    assert!(found
        .migrations
        .iter()
        .all(|one| one.applied.held_micros >= one.applied.micros));
    assert_eq!((found.problems.len(), found.broken.len()), (0, 0));
    let phases: Vec<_> = seen.0.iter().map(|progress| progress.phase).collect();
    assert!(
        phases.contains(&"backup") && phases.contains(&"migrate") && phases.ends_with(&["check"])
    );
}

#[test]
fn what_a_migration_writes_is_named_also_by_its_triggers() {
    let store = Store::new(0);
    store
        .conn
        .execute_batch(
            "CREATE TABLE a (x); CREATE TABLE log (x); CREATE TABLE idle (x);
             CREATE TRIGGER t AFTER UPDATE ON a BEGIN INSERT INTO log VALUES (new.x); END;",
        )
        .unwrap();
    store.write("1_a.sql", "-- up\nUPDATE a SET x = 1;\n");
    store.write("2_b.sql", "-- up\nCREATE INDEX i ON idle (x);\n");
    let found = run(&store, &[]).0.unwrap();
    let tables: Vec<_> = found
        .migrations
        .iter()
        .map(|one| one.tables.join(" "))
        .collect();
    assert_eq!(tables, ["a log", "idle"]);
}

#[test]
fn views_triggers_and_statements_that_would_break_are_named() {
    let store = Store::new(0);
    store
        .conn
        .execute_batch(
            "CREATE TABLE a (x, y); CREATE TABLE b (x); CREATE TABLE log (x);
             CREATE VIEW v AS SELECT x FROM b; CREATE VIEW fine AS SELECT x FROM a;
             CREATE VIEW broken_before AS SELECT gone FROM a;
             CREATE TRIGGER t AFTER UPDATE OF y ON a BEGIN INSERT INTO log VALUES (new.y); END;",
        )
        .unwrap();
    store.write("1_a.sql", "-- up\nDROP TABLE log;\nDROP TABLE b;\n");
    let statements = [
        "SELECT x FROM b WHERE x = ?1",
        "SELECT x FROM a",
        "UPDATE a SET y = ?1",
        "SELECT no_such_function(x) FROM a",
    ];
    let found = run(&store, &statements).0.unwrap();
    let broken: Vec<_> = found
        .broken
        .iter()
        .map(|one| format!("{} {}: {}", one.kind, one.name, one.message))
        .collect();
    assert_eq!(
        broken,
        [
            "statement SELECT x FROM b WHERE x = ?1: no such table: b",
            "statement UPDATE a SET y = ?1: no such table: main.log",
            "trigger t: no such table: main.log",
            "view v: no such table: main.b",
        ]
    );
}

#[test]
fn a_migration_that_fails_on_the_copy_is_the_error() {
    let store = Store::new(1);
    store.write("2_b.sql", "-- up\nnonsense;\n");
    let error = run(&store, &[]).0.unwrap_err();
    assert_eq!(error.code(), Code::MigrationFailed);
    assert_eq!(
        store.states(),
        [(1, MigrationState::Pending), (2, MigrationState::Pending)]
    );
}
