//! The ledger of applied migrations and the format of the database, two tables of ours in it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use rusqlite::Connection;

use super::file::MigrationFile;
use crate::catalog::{format_of, has_table, FORMAT};
use crate::error::{Code, Error, Result};
use crate::sqlite::sqlite_error;

const CREATE: &str = "
CREATE TABLE IF NOT EXISTS ash_rusqlite_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at DATETIME_USEC_TEXT NOT NULL,
  duration_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS ash_rusqlite_meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
";

/// A row of the ledger.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) checksum: String,
    pub(super) applied_at: String,
}

/// Refuses a database of a newer release.
pub(super) fn check_format(conn: &Connection) -> Result<()> {
    match format_of(conn)? {
        Some(format) if format > FORMAT => Err(Error::new(
            Code::NewerFormat,
            format!("the database has format {format}, this release knows {FORMAT}; update it"),
        )),
        _ => Ok(()),
    }
}

/// The whole ledger by version; empty when there is none yet.
pub(super) fn read(conn: &Connection) -> Result<BTreeMap<i64, Entry>> {
    if !has_table(conn, "ash_rusqlite_migrations")? {
        return Ok(BTreeMap::new());
    }
    let sql = "SELECT version, name, checksum, applied_at FROM ash_rusqlite_migrations";
    let read = || -> rusqlite::Result<BTreeMap<i64, Entry>> {
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let entry = Entry {
                name: row.get(1)?,
                checksum: row.get(2)?,
                applied_at: row.get(3)?,
            };
            Ok((row.get(0)?, entry))
        })?;
        rows.collect()
    };
    read().map_err(sqlite_error::map)
}

/// Creates both tables where they are missing.
pub(super) fn create(conn: &Connection) -> Result<()> {
    conn.execute_batch(CREATE).map_err(sqlite_error::map)?;
    conn.execute(
        "INSERT OR IGNORE INTO ash_rusqlite_meta (key, value) VALUES ('format', ?1)",
        [FORMAT.to_string()],
    )
    .map_err(sqlite_error::map)?;
    Ok(())
}

/// Notes that a migration was applied.
pub(super) fn insert(conn: &Connection, file: &MigrationFile, took: Duration) -> Result<()> {
    let applied_at = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    let micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
    conn.execute(
        "INSERT INTO ash_rusqlite_migrations (version, name, checksum, applied_at, duration_us) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        (file.version, &file.name, &file.checksum, applied_at, micros),
    )
    .map_err(sqlite_error::map)?;
    Ok(())
}

/// Notes that a migration was rolled back.
pub(super) fn delete(conn: &Connection, version: i64) -> Result<()> {
    conn.execute(
        "DELETE FROM ash_rusqlite_migrations WHERE version = ?1",
        [version],
    )
    .map_err(sqlite_error::map)?;
    Ok(())
}
