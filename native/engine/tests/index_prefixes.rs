//! Indexes that are wanted for what they begin with: made where none begins so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/specs.rs"]
mod specs;

use ash_rusqlite_engine::schema::{differences, ensure, DifferenceKind, IndexSpec, TableSpec};
use ash_rusqlite_engine::ColumnType;
use rusqlite::Connection;
use specs::{column, connection, index, kinds, table};

fn prefix(name: &str, columns: &[&str]) -> IndexSpec {
    IndexSpec {
        prefix: true,
        ..index(name, columns)
    }
}

fn messages(columns: &[&str]) -> TableSpec {
    let mut spec = table("messages", "id");
    for name in ["id", "room", "org", "at"] {
        spec.columns.push(column(name, ColumnType::Text));
    }
    spec.indexes = vec![prefix("messages_room_index", columns)];
    spec
}

fn made(sql: &str) -> Connection {
    let table =
        "CREATE TABLE messages (id TEXT NOT NULL PRIMARY KEY, room TEXT, org TEXT, at TEXT);";
    connection(&format!("{table} {sql}"))
}

#[test]
fn it_is_made_with_a_new_table_and_for_one_that_has_rows() {
    let conn = connection("");
    let spec = messages(&["room"]);
    ensure(&conn, &spec).unwrap();
    assert_eq!(kinds(&conn, &spec), []);

    let conn = made("INSERT INTO messages VALUES ('1', 'a', 'o', '2026')");
    let found = differences(&conn, &spec).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, DifferenceKind::MissingIndex);
    assert_eq!(
        found[0].message,
        "table \"messages\" has no index \"messages_room_index\": none of \"messages\" begins with \"room\""
    );
    let statement = "CREATE INDEX \"messages_room_index\" ON \"messages\" (\"room\")";
    assert_eq!(ensure(&conn, &spec).unwrap(), [statement]);
    assert_eq!(ensure(&conn, &spec).unwrap(), [""; 0]);
}

#[test]
fn an_index_that_begins_so_serves_whatever_program_made_it() {
    let serving = [
        "CREATE INDEX i ON messages (room)",
        "CREATE INDEX i ON messages (room DESC, at)",
        "CREATE UNIQUE INDEX i ON messages (\"Room\", at)",
        "CREATE INDEX i ON messages (room) WHERE (\"room\" IS NOT NULL)",
    ];
    for sql in serving {
        assert_eq!(kinds(&made(sql), &messages(&["room"])), [], "{sql}");
    }
    let others = [
        "CREATE INDEX i ON messages (at, room)",
        "CREATE INDEX i ON messages (room COLLATE NOCASE)",
        "CREATE INDEX i ON messages (lower(room))",
        "CREATE INDEX i ON messages (room) WHERE at IS NOT NULL",
    ];
    for sql in others {
        assert_eq!(kinds(&made(sql), &messages(&["room"])).len(), 1, "{sql}");
    }
}

#[test]
fn the_primary_key_serves() {
    let mut spec = messages(&["id"]);
    let conn = connection("");
    assert_eq!(ensure(&conn, &spec).unwrap().len(), 1);

    spec.primary_key = vec!["room".into(), "at".into()];
    spec.indexes = vec![prefix("by_room", &["room"]), prefix("by_at", &["at"])];
    let statements = ensure(&connection(""), &spec).unwrap();
    assert_eq!(statements.len(), 2);
    assert!(statements[1].contains("by_at"));
}

#[test]
fn another_index_of_the_same_description_serves_if_it_holds_every_row() {
    let others = |other: IndexSpec| {
        let mut spec = messages(&["room"]);
        spec.indexes.push(other);
        ensure(&connection(""), &spec).unwrap().len() - 1
    };
    assert_eq!(others(index("other", &["room", "at"])), 1);
    assert_eq!(others(prefix("other", &["room"])), 1);
    assert_eq!(others(index("other", &["at", "room"])), 2);
    let partial = IndexSpec {
        filter: Some("at IS NOT NULL".into()),
        ..index("other", &["room"])
    };
    assert_eq!(others(partial), 2);
    let not_null = IndexSpec {
        filter: Some("room is not null".into()),
        ..index("other", &["room"])
    };
    assert_eq!(others(not_null), 1);
    let ignoring = IndexSpec {
        ignore_case: vec!["room".into()],
        ..index("other", &["room"])
    };
    assert_eq!(others(ignoring), 2);
    let nulls_equal = IndexSpec {
        unique: true,
        nulls_equal: true,
        ..index("other", &["room"])
    };
    assert_eq!(others(nulls_equal), 2);
}

#[test]
fn of_several_columns_the_first_alone_or_all_in_any_order_serve() {
    let spec = messages(&["room", "org"]);
    for sql in [
        "CREATE INDEX i ON messages (room)",
        "CREATE INDEX i ON messages (org, room, at)",
    ] {
        assert_eq!(kinds(&made(sql), &spec), [], "{sql}");
    }
    for sql in [
        "CREATE INDEX i ON messages (org)",
        "CREATE INDEX i ON messages (org, at, room)",
    ] {
        assert_eq!(kinds(&made(sql), &spec).len(), 1, "{sql}");
    }
}

#[test]
fn a_name_that_is_taken_gets_the_table_behind_it() {
    let conn = made("CREATE INDEX messages_room_index ON messages (room) WHERE at IS NOT NULL");
    assert_eq!(
        ensure(&conn, &messages(&["room"])).unwrap(),
        ["CREATE INDEX \"messages_room_index@messages\" ON \"messages\" (\"room\")"]
    );
    assert_eq!(ensure(&conn, &messages(&["room"])).unwrap(), [""; 0]);
}
