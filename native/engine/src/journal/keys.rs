//! The keys of rows as events hold them: the value itself, or the JSON of several.

use rusqlite::types::Value;
use rusqlite::{params_from_iter, Connection};

use super::triggers::encoded;
use crate::catalog::Table;
use crate::error::Result;
use crate::sqlite::lex::name;
use crate::sqlite::sqlite_error;

/// The values of the key columns that a key stands for.
///
/// # Errors
/// Those of SQLite.
pub(super) fn values(conn: &Connection, table: &Table, key: &Value) -> Result<Vec<Value>> {
    if table.primary_key.len() == 1 {
        return Ok(vec![key.clone()]);
    }
    let sql = "SELECT CASE type WHEN 'object' THEN unhex(value ->> '$.blob') ELSE value END \
               FROM json_each(?1) ORDER BY id";
    let mut stmt = conn.prepare_cached(sql).map_err(sqlite_error::map)?;
    let rows = stmt.query_map([key], |row| row.get(0));
    rows.and_then(Iterator::collect).map_err(sqlite_error::map)
}

/// The key columns of a row, in SQL.
pub(super) fn columns(table: &Table, row: &str) -> Vec<String> {
    let columns = table.key_columns();
    columns
        .map(|column| format!("{row}.{}", name(&column.name)))
        .collect()
}

/// That a row `t` has the key whose values are the first parameters.
pub(super) fn is_row(table: &Table) -> String {
    let parts = columns(table, "t").into_iter().zip(1..);
    let parts: Vec<String> = parts
        .map(|(column, at)| format!("{column} = ?{at}"))
        .collect();
    parts.join(" AND ")
}

/// The key whose columns have these values, as events hold it.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn of_values(conn: &Connection, table: &Table, values: &[Value]) -> Result<Value> {
    let columns = table.key_columns().zip(1..);
    let parts: Vec<String> = match table.primary_key.len() {
        1 => vec!["?1".to_owned()],
        _ => columns
            .map(|(column, at)| encoded(&format!("?{at}"), &column.declared))
            .collect(),
    };
    let sql = match parts.as_slice() {
        [one] => format!("SELECT {one}"),
        _ => format!("SELECT '[' || {} || ']'", parts.join(" || ',' || ")),
    };
    conn.prepare_cached(&sql)
        .and_then(|mut stmt| stmt.query_row(params_from_iter(values), |row| row.get(0)))
        .map_err(sqlite_error::map)
}
