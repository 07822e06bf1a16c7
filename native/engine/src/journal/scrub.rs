//! What keeps content after it was redacted: full-text indexes, statistics of the planner.

use rusqlite::Connection;

use crate::error::Result;
use crate::sqlite::lex::name;
use crate::sqlite::sqlite_error;

/// Removes a table's samples of ANALYZE, in the transaction of the caller.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn samples(conn: &Connection, table: &str) -> Result<()> {
    let kept = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat4')";
    let kept: bool = conn
        .query_row(kept, [], |row| row.get(0))
        .map_err(sqlite_error::map)?;
    if kept {
        conn.execute(
            "DELETE FROM sqlite_stat4 WHERE tbl = ?1 COLLATE NOCASE",
            [table],
        )
        .map_err(sqlite_error::map)?;
    }
    Ok(())
}

/// Merges every full-text index, whose parts keep what was deleted until then.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn full_text(conn: &Connection) -> Result<()> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' \
               AND sql LIKE 'CREATE VIRTUAL TABLE%' \
               AND (sql LIKE '% USING fts3%' OR sql LIKE '% USING fts4%' OR sql LIKE '% USING fts5%')";
    let mut stmt = conn.prepare(sql).map_err(sqlite_error::map)?;
    let names = stmt.query_map([], |row| row.get::<_, String>(0));
    let names: Vec<String> = names
        .and_then(Iterator::collect)
        .map_err(sqlite_error::map)?;
    for table in names {
        let table = name(&table);
        let sql = format!("INSERT INTO {table} ({table}) VALUES ('optimize')");
        conn.execute(&sql, []).map_err(sqlite_error::map)?;
    }
    Ok(())
}
