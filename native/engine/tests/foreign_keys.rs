//! A foreign key that refuses a write is named: its table, its columns and itself, whatever the
//! key does when the row that it refers to goes or changes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use ash_rusqlite_engine::query::ir::{Conflict, ConflictSet, Insert, Returning, Write};
use ash_rusqlite_engine::{Code, Database, Detail, Error, TransactionOp, Value};
use serde_json::json;

use support::host::*;

const TABLES: &str = "
    CREATE TABLE owners (id TEXT NOT NULL PRIMARY KEY, title TEXT UNIQUE, n INTEGER);
    CREATE TABLE strict_ones (id INTEGER PRIMARY KEY, owner_id TEXT
        REFERENCES owners (id) ON DELETE RESTRICT ON UPDATE RESTRICT);
    CREATE TABLE usual_ones (id INTEGER PRIMARY KEY, owner_id TEXT REFERENCES owners);
    CREATE TABLE loose_ones (id INTEGER PRIMARY KEY, owner_id TEXT
        REFERENCES owners (id) ON DELETE SET NULL ON UPDATE CASCADE);
    CREATE TABLE folders (id INTEGER PRIMARY KEY, parent_id INTEGER
        REFERENCES folders (id) ON DELETE RESTRICT);
    CREATE TABLE wholes (id INTEGER PRIMARY KEY);
    CREATE TABLE parts (id INTEGER PRIMARY KEY, whole_id INTEGER
        REFERENCES wholes (id) ON DELETE CASCADE);
    CREATE TABLE labels (id INTEGER PRIMARY KEY, part_id INTEGER
        REFERENCES parts (id) ON DELETE RESTRICT);
    CREATE TABLE watched (id INTEGER PRIMARY KEY);
    CREATE TRIGGER watch BEFORE INSERT ON watched WHEN NEW.id = 5
    BEGIN SELECT RAISE(ABORT, 'five is bad'); END;";

fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    for (owner, table) in [
        ("a", "strict_ones"),
        ("b", "usual_ones"),
        ("c", "loose_ones"),
    ] {
        let row = insert("owners", &[("id", text(owner)), ("title", text(owner))]);
        write(&database, row).unwrap();
        let child = insert(table, &[("id", number(1)), ("owner_id", text(owner))]);
        write(&database, child).unwrap();
    }
    for (table, row) in [
        ("folders", vec![("id", 1)]),
        ("folders", vec![("id", 2), ("parent_id", 1)]),
        ("wholes", vec![("id", 1)]),
        ("parts", vec![("id", 1), ("whole_id", 1)]),
        ("labels", vec![("id", 1), ("part_id", 1)]),
    ] {
        let row: Vec<_> = row.into_iter().map(|(k, v)| (k, number(v))).collect();
        write(&database, insert(table, &row)).unwrap();
    }
    (folder, database)
}

fn number(number: i64) -> Value {
    Value::Integer(number)
}

fn names(error: &Error, table: &str, column: &str, constraint: &str, side: &str) {
    assert_eq!(error.code(), Code::ForeignKeyViolation, "{error}");
    for (key, wanted) in [
        ("table", Detail::Text(table.into())),
        ("columns", Detail::List(vec![column.into()])),
        ("constraint", Detail::Text(constraint.into())),
        ("side", Detail::Text(side.into())),
    ] {
        assert_eq!(error.detail(key), Some(&wanted), "{key} of {error:?}");
    }
}

const TO_OWNERS: &str = "FOREIGN KEY (owner_id) REFERENCES owners (id)";

#[test]
fn a_row_that_others_refer_to_names_their_key_when_it_cannot_go_or_change() {
    let (_folder, database) = database();
    for (owner, table) in [("a", "strict_ones"), ("b", "usual_ones")] {
        for refused in [
            delete("owners", equal("id", text(owner))),
            delete("owners", equal("title", text(owner))),
            update("owners", equal("id", text(owner)), &[("id", text("z"))]),
        ] {
            let error = error(write(&database, refused.clone()));
            names(&error, table, "owner_id", TO_OWNERS, "referenced");
            assert!(error.message().contains(table), "{error}");
            let tx = begin(&database);
            let inside = support::host::error(step(&database, tx, TransactionOp::Write(refused)));
            names(&inside, table, "owner_id", TO_OWNERS, "referenced");
            finish(&database, tx, false).unwrap();
        }
    }
    write(&database, delete("owners", equal("id", text("c")))).expect("its key lets it go");
    close(database);
}

#[test]
fn a_row_that_refers_to_none_names_its_own_key() {
    let (_folder, database) = database();
    for table in ["strict_ones", "usual_ones", "loose_ones"] {
        let child = insert(table, &[("id", number(2)), ("owner_id", text("none"))]);
        let change = update(table, equal("id", number(1)), &[("owner_id", text("none"))]);
        for refused in [child, change] {
            let error = error(write(&database, refused));
            names(&error, table, "owner_id", TO_OWNERS, "referring");
        }
    }
    close(database);
}

#[test]
fn an_error_of_a_table_that_refers_to_itself_says_which_side_was_refused() {
    let (_folder, database) = database();
    let key = "FOREIGN KEY (parent_id) REFERENCES folders (id)";
    let parent = error(write(&database, delete("folders", equal("id", number(1)))));
    names(&parent, "folders", "parent_id", key, "referenced");
    let orphan = insert("folders", &[("id", number(3)), ("parent_id", number(9))]);
    let orphan = error(write(&database, orphan));
    names(&orphan, "folders", "parent_id", key, "referring");
    close(database);
}

#[test]
fn a_key_that_keeps_what_another_one_would_take_along_is_named() {
    let (_folder, database) = database();
    let error = error(write(&database, delete("wholes", equal("id", number(1)))));
    let key = "FOREIGN KEY (part_id) REFERENCES parts (id)";
    names(&error, "labels", "part_id", key, "referenced");
    assert_eq!(count(&database, "wholes"), 1);
    close(database);
}

#[test]
fn an_upsert_that_changes_a_referred_key_names_the_referring_rows() {
    let (_folder, database) = database();
    for (set, title) in [
        (ConflictSet::All, "a"),
        (ConflictSet::Columns(vec!["id".into()]), "b"),
    ] {
        let row = vec![("id".into(), text("999")), ("title".into(), text(title))];
        let upsert = Write::Insert(Insert {
            table: "owners".into(),
            rows: vec![row],
            conflict: Conflict::Update {
                target: vec!["title".into()],
                set,
            },
            returning: Returning::Nothing,
        });
        let error = error(write(&database, upsert));
        let table = ["strict_ones", "usual_ones"][usize::from(title == "b")];
        names(&error, table, "owner_id", TO_OWNERS, "referenced");
    }
    close(database);
}

#[test]
fn what_a_trigger_raises_stays_its_own_message() {
    let (_folder, database) = database();
    let error = error(write(&database, insert("watched", &[("id", number(5))])));
    assert_eq!(error.code(), Code::ConstraintViolation);
    assert!(error.message().contains("five is bad"), "{error}");
    close(database);
}
