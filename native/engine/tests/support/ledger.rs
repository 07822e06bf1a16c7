//! A database of two tables, and what a transaction does with it.

#![allow(dead_code)]

use ash_rusqlite_engine::query::ir::Read;
use ash_rusqlite_engine::{Code, Database, TransactionId, TransactionOp, Value};
use serde_json::json;

use super::host::*;

pub const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE);
    CREATE TABLE child (id INTEGER PRIMARY KEY,
      parent INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);";

/// The tables, and what else `more` makes.
pub fn database(more: &str) -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("transactions.db");
    let tables = format!("{TABLES}\n{more}");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), &tables);
    (folder, database)
}

pub fn row(id: i64) -> TransactionOp {
    TransactionOp::Write(insert("t", &[("id", Value::Integer(id))]))
}

pub fn ids() -> Read {
    sql("SELECT coalesce(group_concat(id), '') FROM (SELECT id FROM t ORDER BY id)")
}

/// The ids that everybody sees.
pub fn outside(database: &Database) -> String {
    read(database, ids()).unwrap()[0][0]
        .as_str()
        .unwrap()
        .to_owned()
}

pub fn inside(database: &Database, tx: TransactionId) -> String {
    let rows = step(database, tx, TransactionOp::Read(ids())).unwrap();
    rows[0][0].as_str().unwrap().to_owned()
}

/// The code of the error of a step.
pub fn refused(database: &Database, tx: TransactionId, op: TransactionOp) -> Code {
    error(step(database, tx, op)).code()
}
