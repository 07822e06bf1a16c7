//! The catalog has what SQLite knows of its tables, and names the nearest known name for
//! one that is not there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use ash_rusqlite_engine::catalog::{Catalog, Table};
use ash_rusqlite_engine::{Code, ColumnType, Detail};
use rusqlite::Connection;

const TABLES: &str = "
    CREATE TABLE rooms (
      id UUID_TEXT PRIMARY KEY NOT NULL,
      title TEXT NOT NULL DEFAULT 'New Room',
      hidden BOOLEAN_INT DEFAULT (0),
      shout TEXT GENERATED ALWAYS AS (upper(title)) VIRTUAL,
      created_at DATETIME_USEC_TEXT
    );
    CREATE TABLE members (
      user_id UUID_TEXT, room_id UUID_TEXT, \"odd \"\"name\" INTEGER,
      PRIMARY KEY (room_id, user_id)
    ) WITHOUT ROWID;
";

fn catalog_of(sql: &str) -> Catalog {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch(sql).unwrap();
    Catalog::load(&conn).unwrap()
}

fn names(table: &Table) -> Vec<&str> {
    let columns = table.columns.iter();
    columns.map(|column| column.name.as_str()).collect()
}

#[test]
fn tables_are_described_as_they_were_declared() {
    let catalog = catalog_of(TABLES);
    let rooms = catalog.table("rooms").unwrap();
    assert_eq!(
        names(rooms),
        ["id", "title", "hidden", "shout", "created_at"]
    );
    let types: Vec<ColumnType> = rooms.columns.iter().map(|c| c.column_type).collect();
    assert_eq!(
        types,
        [
            ColumnType::Uuid,
            ColumnType::Text,
            ColumnType::Boolean,
            ColumnType::Text,
            ColumnType::DateTimeUsec
        ]
    );
    assert_eq!(rooms.primary_key, [0]);
    assert!(!rooms.without_rowid && !rooms.is_view && !rooms.strict);
    let [id, title, hidden, shout, created_at] = &rooms.columns[..] else {
        panic!()
    };
    assert!(id.not_null && title.not_null && !hidden.not_null);
    assert_eq!(title.default.as_deref(), Some("'New Room'"));
    assert_eq!(hidden.default.as_deref(), Some("0"));
    assert!(shout.generated && !title.generated);
    assert_eq!(created_at.declared, "DATETIME_USEC_TEXT");

    let members = catalog.table("members").unwrap();
    assert!(members.without_rowid);
    assert_eq!(members.primary_key, [1, 0]);
    let key: Vec<&str> = members.key_columns().map(|c| c.name.as_str()).collect();
    assert_eq!(key, ["room_id", "user_id"]);
    assert_eq!(members.columns[2].name, "odd \"name");
}

#[test]
fn output_columns_share_the_columns_tags() {
    let catalog = catalog_of("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)");
    let notes = catalog.table("notes").unwrap();
    let output = notes.output_columns();
    assert_eq!(output.len(), 2);
    assert_eq!(
        (output[1].name.as_str(), output[1].table.as_str()),
        ("body", "notes")
    );
    output[1].tag.set(7).unwrap();
    assert_eq!(notes.columns[1].tag.get(), Some(&7));
    assert!(Arc::ptr_eq(
        &notes.columns[1].output("x").tag,
        &output[1].tag
    ));
}

#[test]
fn names_are_found_in_any_case_and_exactly_first() {
    let catalog = catalog_of("CREATE TABLE Notes (Id INTEGER, body TEXT)");
    let notes = catalog.table("nOTES").unwrap();
    assert_eq!(notes.name, "Notes");
    assert_eq!(notes.column("BODY").unwrap().0, 1);
    assert_eq!(notes.column("id").unwrap().1.name, "Id");
    assert!(notes.primary_key.is_empty());
}

#[test]
fn an_unknown_name_gets_the_nearest() {
    let catalog = catalog_of("CREATE TABLE messages (content TEXT); CREATE TABLE rooms (id)");
    let error = catalog.table("mesages").unwrap_err();
    assert_eq!(error.code(), Code::UnknownTable);
    assert_eq!(
        error.message(),
        "there is no table \"mesages\"; did you mean \"messages\"?"
    );
    assert_eq!(
        error.detail("nearest"),
        Some(&Detail::Text("messages".into()))
    );

    let error = catalog
        .table("messages")
        .unwrap()
        .column("contnt")
        .unwrap_err();
    assert_eq!(error.code(), Code::UnknownColumn);
    assert_eq!(
        error.message(),
        "table \"messages\" has no column \"contnt\"; did you mean \"content\"?"
    );
    assert_eq!(
        error.detail("table"),
        Some(&Detail::Text("messages".into()))
    );

    let error = catalog.table(&"z\n".repeat(100_000)).unwrap_err();
    assert!(error.message().len() < 300, "{error}");
    assert_eq!(error.detail("nearest"), None);
}

#[test]
fn views_are_there_with_the_types_of_their_columns() {
    let catalog = catalog_of(&format!(
        "{TABLES}; CREATE VIEW open_rooms AS SELECT id, created_at, 1 + 1 AS two FROM rooms"
    ));
    let view = catalog.table("open_rooms").unwrap();
    assert!(view.is_view && view.primary_key.is_empty());
    assert_eq!(names(view), ["id", "created_at", "two"]);
    assert_eq!(view.columns[0].column_type, ColumnType::Uuid);
    assert_eq!(view.columns[1].column_type, ColumnType::DateTimeUsec);
    assert_eq!(view.columns[2].column_type, ColumnType::Any);
}

#[test]
fn a_broken_view_does_not_hide_the_tables() {
    let catalog = catalog_of(
        "CREATE TABLE gone (id); CREATE TABLE kept (id); CREATE VIEW broken AS SELECT id FROM gone;
         CREATE VIEW whole AS SELECT id FROM kept; DROP TABLE gone",
    );
    assert!(catalog.table("kept").is_ok() && catalog.table("whole").is_ok());
    assert_eq!(
        catalog.table("broken").unwrap_err().code(),
        Code::UnknownTable
    );
    assert_eq!(catalog.tables().count(), 2);
}

#[test]
fn sqlite_s_own_tables_are_left_out() {
    let catalog = catalog_of(
        "CREATE TABLE sqliteXfine (id INTEGER PRIMARY KEY AUTOINCREMENT);
         CREATE TEMP TABLE passing (id);
         CREATE TABLE exact (id INTEGER) STRICT",
    );
    assert!(catalog.table("sqlite_sequence").is_err());
    assert!(catalog.table("sqlite_schema").is_err());
    assert!(catalog.table("passing").is_err());
    assert!(catalog.table("sqliteXfine").is_ok());
    assert!(catalog.table("exact").unwrap().strict);
}

#[test]
fn the_schema_version_changes_with_the_schema() {
    let conn = Connection::open_in_memory().unwrap();
    let before = Catalog::load(&conn).unwrap();
    assert_eq!(before.tables().count(), 0);
    conn.execute_batch("CREATE TABLE t (id)").unwrap();
    let after = Catalog::load(&conn).unwrap();
    assert_ne!(before.schema_version(), after.schema_version());
    assert!(after.table("t").is_ok());
}
