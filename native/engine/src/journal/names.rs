//! The names that tables and columns had before they were renamed: events keep them.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use crate::error::Result;
use crate::sqlite::lex::string;
use crate::sqlite::sqlite_error;

/// In what was renamed, the key of the table's own name.
const TABLE: &str = "*";

/// What was renamed, the newest first: the table by its new name, and the new and the old name.
fn renamed(conn: &Connection) -> Result<Vec<(String, String, String)>> {
    let sql = "SELECT j.\"table\", r.key, r.value FROM ash_rusqlite_journaled AS j, \
               json_each(j.renamed) AS r ORDER BY j.id DESC";
    let mut stmt = conn.prepare_cached(sql).map_err(sqlite_error::map)?;
    let rows = stmt.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).map_err(sqlite_error::map)
}

/// The names that a table has had, the newest first.
///
/// # Errors
/// Those of SQLite.
pub(super) fn of_table(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let mut names = vec![table.to_owned()];
    for (new, what, old) in renamed(conn)? {
        if what == TABLE && names.last() == Some(&new) && !names.contains(&old) {
            names.push(old);
        }
    }
    Ok(names)
}

/// Names as a list in SQL.
pub(super) fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| string(name)).collect();
    names.join(", ")
}

/// Names of columns of a table, and those that they had before.
///
/// # Errors
/// Those of SQLite.
pub(super) fn of_columns(
    conn: &Connection,
    tables: &[String],
    columns: impl Iterator<Item = String>,
) -> Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = columns.collect();
    for (table, new, old) in renamed(conn)? {
        if tables.contains(&table) && names.contains(&new) {
            names.insert(old);
        }
    }
    Ok(names)
}

/// The name that a table of events has now: that of a table which is journaled, if there is one.
///
/// # Errors
/// Those of SQLite.
pub(super) fn of_today(conn: &Connection, table: &str) -> Result<Option<String>> {
    let sql = "SELECT \"table\" FROM ash_rusqlite_journaled \
               WHERE \"table\" = ?1 AND until IS NULL";
    let known: Option<String> = conn
        .prepare_cached(sql)
        .and_then(|mut stmt| stmt.query_row([table], |row| row.get(0)).optional())
        .map_err(sqlite_error::map)?;
    if known.is_some() {
        return Ok(known);
    }
    let mut name = table.to_owned();
    for (new, what, old) in renamed(conn)?.into_iter().rev() {
        if what == TABLE && old == name {
            name = new;
        }
    }
    Ok((name != table).then_some(name))
}
