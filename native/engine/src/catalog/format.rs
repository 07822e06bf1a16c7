//! The format of a database, as the library's own tables in it have noted.

use rusqlite::{Connection, OptionalExtension};

use crate::error::{Code, Error, Result};
use crate::sqlite::sqlite_error;

/// The format that this release writes: its own tables and the way values are stored.
pub const FORMAT: i64 = 1;

/// The format that a database says it has; `None` when no migration was ever run on it.
/// What says more than [`FORMAT`] was written by a newer release and must not be opened.
pub fn format_of(conn: &Connection) -> Result<Option<i64>> {
    if !has_table(conn, "ash_rusqlite_meta")? {
        return Ok(None);
    }
    let sql = "SELECT value FROM ash_rusqlite_meta WHERE key = 'format'";
    let value: Option<String> = conn
        .query_row(sql, [], |row| row.get(0))
        .optional()
        .map_err(sqlite_error::map)?;
    let Some(value) = value else { return Ok(None) };
    value.parse().map(Some).map_err(|_| {
        let message = format!("ash_rusqlite_meta says format {value:?}, which is no number");
        Error::new(Code::InvalidMigration, message)
            .with("table", "ash_rusqlite_meta")
            .with("value", value)
    })
}

/// Whether there is a table of this name.
pub(crate) fn has_table(conn: &Connection, name: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    conn.query_row(sql, [name], |row| row.get(0))
        .map_err(sqlite_error::map)
}
