//! Columns that are declared as somebody else declares them, as in a STRICT table, and indexes over
//! expressions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/specs.rs"]
mod specs;

use ash_rusqlite_engine::schema::{differences, ensure, ColumnSpec, IndexSpec};
use ash_rusqlite_engine::{ColumnType, Detail, Value};
use specs::{column, connection, index, kinds, rooms, table};

#[test]
fn a_column_may_be_declared_as_other_programs_declare_it_where_it_holds_its_type() {
    let conn = connection("");
    let declared = |name: &str, column_type, declared: &str| ColumnSpec {
        declared: Some(declared.into()),
        ..column(name, column_type)
    };
    let mut spec = table("t", "id");
    spec.columns = vec![
        declared("id", ColumnType::Uuid, "TEXT"),
        declared("price", ColumnType::Decimal, "DECIMAL(10,2)"),
        declared("n", ColumnType::Integer, "VARCHAR(30)"),
    ];
    spec.columns[1].default = Value::Integer(2);
    spec.columns[2].default = Value::Bytes(b"a".to_vec());
    let made = ensure(&conn, &spec).unwrap();
    assert_eq!(
        made,
        ["CREATE TABLE \"t\" (\n  \"id\" TEXT NOT NULL PRIMARY KEY,\n  \"price\" DECIMAL(10,2) DEFAULT '2',\n  \"n\" VARCHAR(30) DEFAULT 'a'\n)"]
    );
    assert_eq!(kinds(&conn, &spec), []);
    for wrong in ["TEXT NOT NULL", "TEXT) --", "DECIMAL_TXT"] {
        spec.columns[0].declared = Some(wrong.into());
        let error = differences(&conn, &spec).unwrap_err();
        assert_eq!(
            error.detail("option"),
            Some(&Detail::Text("declared".into()))
        );
    }
}

#[test]
fn in_a_strict_table_types_become_those_that_it_knows() {
    let conn = connection("");
    let mut spec = table("t", "id");
    spec.strict = true;
    spec.columns = [
        ("id", ColumnType::Uuid),
        ("at", ColumnType::DateTimeUsec),
        ("done", ColumnType::Boolean),
        ("bio", ColumnType::Json),
        ("data", ColumnType::Blob),
    ]
    .map(|(name, column_type)| ColumnSpec {
        declared: Some(column_type.declared().into()),
        ..column(name, column_type)
    })
    .into();
    let made = ensure(&conn, &spec).unwrap();
    assert_eq!(
        made,
        ["CREATE TABLE \"t\" (\n  \"id\" TEXT NOT NULL PRIMARY KEY,\n  \"at\" TEXT,\n  \"done\" INTEGER,\n  \"bio\" ANY,\n  \"data\" BLOB\n) STRICT"]
    );
    assert_eq!(kinds(&conn, &spec), []);
    // Also where it is the table that is strict and not the spec.
    spec.strict = false;
    spec.columns.push(column("price", ColumnType::Decimal));
    let added = ensure(&conn, &spec).unwrap();
    assert_eq!(added, ["ALTER TABLE \"t\" ADD COLUMN \"price\" TEXT"]);
    assert_eq!(kinds(&conn, &spec), []);
}

#[test]
fn an_index_may_be_over_expressions() {
    let conn = connection("");
    let mut spec = rooms();
    spec.indexes = vec![IndexSpec {
        columns: vec!["lower(title)".into(), "rank".into()],
        expressions: vec!["lower(title)".into()],
        unique: true,
        ..index("rooms_lower", &[])
    }];
    let made = ensure(&conn, &spec).unwrap();
    assert_eq!(
        made[1],
        "CREATE UNIQUE INDEX \"rooms_lower\" ON \"rooms\" (lower(title), \"rank\")"
    );
    assert_eq!(kinds(&conn, &spec), []);
    spec.indexes[0].columns[0] = "upper(title)".into();
    spec.indexes[0].expressions = vec!["upper(title)".into()];
    assert_eq!(
        kinds(&conn, &spec),
        [("wrong_index", "rooms_lower".to_owned())]
    );
}
