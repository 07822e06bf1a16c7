//! A large table that is rebuilt: its rows and the time are reported before the writer is held, the
//! copy is what one statement would make, and foreign keys are checked where they can break.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/migrations.rs"]
mod migrations;

use ash_rusqlite_engine::migration::{migrate, read_directory, Applied};
use ash_rusqlite_engine::service::progress::{Progress, ProgressSink};
use ash_rusqlite_engine::{Code, Result};
use migrations::{failed, open, soon, Store, ALL};
use rusqlite::Connection;

/// Receives progress, and looks from another connection whether the writer is held.
struct Seen {
    other: Connection,
    all: Vec<(Progress, bool)>,
}

impl ProgressSink for Seen {
    fn progress(&mut self, progress: Progress) {
        let free = self
            .other
            .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
            .is_ok();
        self.all.push((progress, free));
    }
}

fn store(sql: &str, up: &str) -> Store {
    let store = Store::new(0);
    store.conn.execute_batch(sql).unwrap();
    store.write("1_anew.sql", &format!("-- up\n{up}"));
    store
}

fn run(store: &mut Store) -> (Result<Vec<Applied>>, Vec<(Progress, bool)>) {
    let other = open(&store.dir.path().join("test.db"));
    let mut seen = Seen {
        other,
        all: Vec::new(),
    };
    let files = read_directory(store.dir.path()).unwrap();
    let result = migrate(&mut store.conn, &files, &ALL, soon(), &mut seen);
    (result, seen.all)
}

fn rebuilds(all: &[(Progress, bool)]) -> Vec<&(Progress, bool)> {
    all.iter()
        .filter(|(progress, _)| progress.phase == "rebuild")
        .collect()
}

/// A table with gaps in its rowids.
fn rows(columns: &str, count: i64) -> String {
    format!(
        "CREATE TABLE rooms ({columns}); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
         WHERE i < {count}) INSERT INTO rooms SELECT i * i - 70000, 'title ' || i FROM n;"
    )
}

const ANEW: &str =
    "CREATE TABLE new_rooms (id INTEGER PRIMARY KEY, title TEXT NOT NULL CHECK (title <> ''));
INSERT INTO new_rooms (id, title) SELECT id, upper(ifnull(title, 'none')) FROM rooms;
DROP TABLE rooms;
ALTER TABLE new_rooms RENAME TO rooms;
CREATE INDEX rooms_title ON rooms (title);
";

#[test]
fn rows_and_time_are_reported_before_the_writer_is_held_and_progress_during_the_copy() {
    let mut store = store(&rows("id INTEGER PRIMARY KEY, title TEXT", 12_000), ANEW);
    let (result, all) = run(&mut store);
    assert_eq!(result.unwrap().len(), 1);
    let reported = rebuilds(&all);
    let (first, free) = reported[0];
    assert_eq!(
        (first.label.as_str(), first.done, first.total),
        ("rooms", 0, 12_000)
    );
    assert!(*free && first.estimate.is_some_and(|time| !time.is_zero()));
    assert!(reported.len() > 10, "{}", reported.len());
    assert!(reported[1..]
        .iter()
        .all(|(progress, free)| !free && progress.estimate.is_none()));
    let done: Vec<u64> = reported.iter().map(|(progress, _)| progress.done).collect();
    assert!(done.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!(done.iter().filter(|done| **done == 12_000).count(), 1);
    assert_eq!(
        store.number("SELECT count(*) FROM rooms WHERE title GLOB 'TITLE *'"),
        12_000
    );
    assert_eq!(
        store.number("SELECT min(id) + max(id) FROM rooms"),
        1 - 140_000 + 12_000 * 12_000
    );
    assert_eq!(store.number("SELECT count(*) FROM sqlite_temp_schema"), 0);
}

#[test]
fn the_rebuild_of_a_small_table_reports_no_progress() {
    let mut store = store(&rows("id INTEGER PRIMARY KEY, title TEXT", 9_999), ANEW);
    let (result, all) = run(&mut store);
    assert_eq!(result.unwrap().len(), 1);
    assert_eq!(rebuilds(&all).len(), 0);
}

#[test]
fn what_looks_at_more_than_one_row_is_copied_in_one_statement() {
    let base = rows("id INTEGER PRIMARY KEY, title TEXT", 10_000);
    for (values, expected) in [
        ("SELECT max(id), title FROM rooms", 1),
        (
            "SELECT DISTINCT id - id, title FROM rooms WHERE id = 9999 * 9999 - 70000",
            1,
        ),
        (
            "SELECT row_number() OVER (ORDER BY id), title FROM rooms",
            10_000,
        ),
        (
            "SELECT id, (SELECT title FROM rooms LIMIT 1) FROM rooms",
            10_000,
        ),
        ("SELECT id, title FROM rooms ORDER BY title LIMIT 7", 7),
    ] {
        let up = format!(
            "CREATE TABLE new_rooms (id INTEGER PRIMARY KEY, title TEXT);
             INSERT INTO new_rooms (id, title) {values};
             DROP TABLE rooms; ALTER TABLE new_rooms RENAME TO rooms;"
        );
        let mut store = store(&base, &up);
        let (result, all) = run(&mut store);
        result.unwrap();
        assert_eq!(
            store.number("SELECT count(*) FROM rooms"),
            expected,
            "{values}"
        );
        assert_eq!(rebuilds(&all).len(), 2, "{values}");
    }
}

#[test]
fn tables_without_a_rowid_and_those_whose_columns_hide_it_are_copied_whole() {
    for (id, columns, options) in [
        (
            "id",
            "id INTEGER PRIMARY KEY, title TEXT",
            ") WITHOUT ROWID;",
        ),
        ("rowid", "rowid INTEGER, title TEXT", ");"),
    ] {
        let base = rows(columns, 10_000).replacen(");", options, 1);
        let mut store = store(&base, &ANEW.replace("SELECT id", &format!("SELECT {id}")));
        run(&mut store).0.unwrap();
        assert_eq!(store.number("SELECT count(*) FROM rooms"), 10_000);
    }
}

#[test]
fn a_row_that_the_new_table_refuses_leaves_everything_as_it_was() {
    let base = rows("id INTEGER PRIMARY KEY, title TEXT", 12_000);
    let mut store = store(
        &format!("{base} UPDATE rooms SET title = '' WHERE id > 143000000"),
        ANEW,
    );
    let (result, _) = run(&mut store);
    let error = failed(result, Code::MigrationFailed);
    assert!(
        error.message().contains("line 3") && error.message().contains("CHECK"),
        "{error}"
    );
    assert_eq!(store.number("SELECT count(*) FROM rooms"), 12_000);
    assert_eq!(
        store.number("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'new%'"),
        0
    );
}

#[test]
fn a_rebuild_that_breaks_a_key_of_its_own_or_of_another_table_is_refused() {
    let base = "CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT, parent INTEGER REFERENCES rooms (id));
        CREATE TABLE messages (id INTEGER PRIMARY KEY, room INTEGER REFERENCES ROOMS (id));
        INSERT INTO rooms VALUES (1, 'a', NULL), (2, 'b', 1); INSERT INTO messages VALUES (1, 2);";
    let up = |condition: &str| {
        format!(
            "CREATE TABLE new_rooms (id INTEGER PRIMARY KEY, title TEXT, parent INTEGER REFERENCES rooms (id));
             INSERT INTO new_rooms SELECT * FROM rooms {condition}; DROP TABLE rooms;
             ALTER TABLE new_rooms RENAME TO rooms;"
        )
    };
    for (condition, part) in [
        ("WHERE id <> 2", "messages row 1: no such row in ROOMS"),
        ("WHERE id <> 1", "rooms row 2: no such row in rooms"),
    ] {
        let mut store = store(base, &up(condition));
        let error = failed(run(&mut store).0, Code::MigrationFailed);
        assert!(error.message().contains(part), "{error}");
    }
    let mut store = store(base, &up(""));
    run(&mut store).0.unwrap();
}

#[test]
fn an_index_that_a_key_needs_is_missed() {
    let base = "CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT);
        CREATE UNIQUE INDEX rooms_title ON rooms (title);
        CREATE TABLE messages (room TEXT REFERENCES rooms (title));";
    let mut store = store(base, "DROP INDEX rooms_title;");
    failed(run(&mut store).0, Code::MigrationFailed);
}

#[test]
fn rows_that_a_file_writes_by_hand_are_checked_in_the_whole_database() {
    let base = "CREATE TABLE rooms (id INTEGER PRIMARY KEY); CREATE TABLE log (id INTEGER);
        CREATE TABLE messages (room INTEGER REFERENCES rooms (id));
        CREATE TRIGGER t AFTER INSERT ON log BEGIN INSERT INTO messages VALUES (new.id); END;";
    let mut store = store(base, "INSERT INTO log VALUES (7);");
    failed(run(&mut store).0, Code::MigrationFailed);
}

#[test]
fn a_large_table_that_each_tenant_has_is_rebuilt_for_all_of_them() {
    let base = rows("id INTEGER PRIMARY KEY, title TEXT", 10_000);
    let other = base.replace(" rooms", " \"rooms@acme\"");
    let mut store = store(&format!("{base} {other}"), "");
    store.write("1_anew.sql", &format!("-- tenants: rooms\n-- up\n{ANEW}"));
    run(&mut store).0.unwrap();
    for table in ["rooms", "rooms@acme"] {
        let sql = format!("SELECT count(*) FROM \"{table}\" WHERE title GLOB 'TITLE *'");
        assert_eq!(store.number(&sql), 10_000, "{table}");
    }
}

#[test]
fn a_key_that_a_file_breaks_in_a_tenants_table_alone_is_missed() {
    let mut store = store(
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT);
         CREATE TABLE \"rooms@acme\" (id INTEGER PRIMARY KEY, title TEXT);
         CREATE TABLE messages (room INTEGER REFERENCES \"rooms@acme\" (id));
         INSERT INTO \"rooms@acme\" VALUES (1, 'a'); INSERT INTO messages VALUES (1);",
        "",
    );
    let anew = ANEW.replace("FROM rooms;", "FROM rooms WHERE id <> 1;");
    store.write("1_anew.sql", &format!("-- tenants: rooms\n-- up\n{anew}"));
    failed(run(&mut store).0, Code::MigrationFailed);
}
