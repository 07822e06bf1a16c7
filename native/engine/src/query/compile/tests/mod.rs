//! What the compiler writes, and what it refuses.

mod conditions;
mod fragments;
mod reads;
mod scalars;
mod writes;

use rusqlite::Connection;

use super::*;
use crate::error::Detail;
use crate::query::functions;
use crate::query::ir::{
    Aggregate, Assignment, Change, Collation, CompareOp, Conflict, ConflictSet, Cursor, Delete,
    Insert, KeyValue, OrderBy, Returning, Scalar, Select, Update, UpdateEach,
};
use crate::value::Value;

const SCHEMA: &str = r#"
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE,
        age INTEGER, score REAL, price DECIMAL_TEXT, loud TEXT AS (upper(name)));
    CREATE TABLE seats (hall TEXT, seat INTEGER, taken BOOLEAN_INT, PRIMARY KEY (hall, seat))
        WITHOUT ROWID;
    CREATE TABLE notes (body TEXT);
    CREATE TABLE "odd "" name" ("a "" b" TEXT, "rowid" INTEGER, "x;y" TEXT);
    CREATE VIEW adults AS SELECT * FROM users WHERE age >= 18;
"#;

fn open() -> (Connection, Catalog) {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    conn.execute_batch(SCHEMA).unwrap();
    let catalog = Catalog::load(&conn).unwrap();
    (conn, catalog)
}

fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

fn select(table: &str) -> Select {
    Select {
        table: table.into(),
        columns: Some(vec!["name".into()]),
        ..Select::default()
    }
}

fn by(column: &str, descending: bool) -> OrderBy {
    OrderBy::column(column, descending, None)
}

fn compare(column: &str, op: CompareOp, value: Value) -> Scalar {
    Scalar::compare(column, op, value)
}

/// The SQL of a read, which SQLite must accept.
fn sql(read: &Read) -> String {
    let (conn, catalog) = open();
    let compiled = compile_read(read, &catalog).unwrap();
    let mut stmt = conn.prepare(&compiled.sql).unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    assert_eq!(stmt.column_count(), compiled.columns.len());
    compiled.sql
}

fn where_sql(filter: Scalar) -> String {
    let sql = sql(&Read::Select(Select {
        filter: Some(filter),
        ..select("users")
    }));
    sql.strip_prefix("SELECT \"name\" FROM \"users\" WHERE ")
        .unwrap()
        .to_owned()
}

fn refused(read: &Read) -> Error {
    let (_, catalog) = open();
    compile_read(read, &catalog).unwrap_err()
}

fn refused_filter(table: &str, filter: Scalar) -> Error {
    let table = table.into();
    let error = refused(&Read::Exists(Select {
        table,
        filter: Some(filter),
        ..Select::default()
    }));
    assert_eq!(error.code(), Code::InvalidQuery);
    error
}

/// Runs a write and gives the number of rows that came back, or were changed.
fn write(conn: &Connection, catalog: &Catalog, write: &Write) -> (Vec<String>, usize) {
    let (mut sqls, mut count) = (Vec::new(), 0);
    for compiled in compile_write(write, catalog, &InsertPlans::default()).unwrap() {
        let mut stmt = conn.prepare(&compiled.sql).unwrap();
        let read_back = compiled.read_back.as_ref();
        match read_back {
            None => assert_eq!(stmt.column_count(), compiled.columns.len()),
            Some(back) => {
                let back = conn.prepare(&back.sql).unwrap();
                assert_eq!(back.column_count(), compiled.columns.len());
                assert_eq!(stmt.column_count(), 0);
            }
        }
        let run = &mut |params: &[Param<'_>]| {
            bind(&mut stmt, params)?;
            if compiled.columns.is_empty() || read_back.is_some() {
                count += stmt.raw_execute().unwrap();
                return Ok(());
            }
            let mut rows = stmt.raw_query();
            while rows.next().unwrap().is_some() {
                count += 1;
            }
            Ok(())
        };
        compiled.runs.each(run).unwrap();
        sqls.push(compiled.sql.to_string());
    }
    (sqls, count)
}

fn insert(table: &str, rows: &[&[(&str, Value)]]) -> Insert {
    let row = |row: &&[(&str, Value)]| {
        row.iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect()
    };
    Insert {
        table: table.into(),
        rows: rows.iter().map(row).collect(),
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    }
}

fn refused_write(write: &Write) -> Error {
    let (_, catalog) = open();
    let error = compile_write(write, &catalog, &InsertPlans::default()).unwrap_err();
    assert_eq!(error.code(), Code::InvalidQuery);
    error
}

fn columns(error: &Error) -> Vec<String> {
    match error.detail("columns") {
        Some(Detail::List(columns)) => columns.clone(),
        other => panic!("no columns: {other:?}"),
    }
}
