//! What retention has removed: of which tables and sources, and up to which event. The events that are
//! left say that something is gone, but not of what.

use rusqlite::Connection;

use crate::error::Result;
use crate::sqlite::sqlite_error;

/// Events that were removed at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Removal {
    /// Of this table alone.
    pub(super) table: Option<String>,
    /// Of this source alone.
    pub(super) source: Option<String>,
    /// The seq of the last of them.
    pub(super) until: i64,
}

impl Removal {
    /// Whether events of a table with one of these names may be among them.
    pub(super) fn is_of(&self, tables: &[String]) -> bool {
        self.table
            .as_ref()
            .is_none_or(|table| tables.contains(table))
    }
}

/// Notes that events up to a seq were removed, of these tables and of this source, if only of them.
///
/// # Errors
/// Those of SQLite.
pub(super) fn note(
    conn: &Connection,
    tables: &[String],
    source: Option<i64>,
    until: i64,
) -> Result<()> {
    let all = [String::new()];
    let tables = if tables.is_empty() { &all } else { tables };
    for table in tables {
        conn.prepare_cached(
            "INSERT INTO ash_rusqlite_removed (\"table\", source, until) VALUES (?1, ?2, ?3) \
             ON CONFLICT (\"table\", source) DO UPDATE SET until = max(until, excluded.until)",
        )
        .and_then(|mut stmt| stmt.execute((table, source.unwrap_or(0), until)))
        .map_err(sqlite_error::map)?;
    }
    Ok(())
}

/// What was removed behind a seq.
///
/// # Errors
/// Those of SQLite.
pub(super) fn behind(conn: &Connection, after: i64) -> Result<Vec<Removal>> {
    let sql = "SELECT r.\"table\", s.name, r.until FROM ash_rusqlite_removed AS r \
               LEFT JOIN ash_rusqlite_subjects AS s ON s.id = r.source WHERE r.until > ?1";
    let mut stmt = conn.prepare_cached(sql).map_err(sqlite_error::map)?;
    let rows = stmt.query_map([after], |row| {
        let table: String = row.get(0)?;
        Ok(Removal {
            table: Some(table).filter(|table| !table.is_empty()),
            source: row.get(1)?,
            until: row.get(2)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(sqlite_error::map)
}
