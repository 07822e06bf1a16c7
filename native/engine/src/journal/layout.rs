//! The journal's tables in the file. Their names begin as those of all tables of this library.

use std::fmt;

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::triggers;
use crate::catalog::JournalSpec;
use crate::error::{Code, Error, Result};
use crate::sqlite::sqlite_error;

const CREATE: &str = "
CREATE TABLE IF NOT EXISTS ash_rusqlite_meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ash_rusqlite_event_types (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  \"table\" TEXT NOT NULL,
  operation TEXT NOT NULL,
  UNIQUE (name, \"table\", operation)
);
CREATE TABLE IF NOT EXISTS ash_rusqlite_subjects (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  position INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS ash_rusqlite_request (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  actor INTEGER,
  action TEXT,
  metadata JSON_TEXT,
  at DATETIME_USEC_TEXT,
  tx INTEGER,
  secret BLOB NOT NULL
);
INSERT OR IGNORE INTO ash_rusqlite_request (id, secret) VALUES (1, randomblob(32));
CREATE TABLE IF NOT EXISTS ash_rusqlite_events (
  seq INTEGER PRIMARY KEY,
  type INTEGER NOT NULL,
  source INTEGER,
  position INTEGER,
  actor INTEGER,
  key NOT NULL,
  data JSON_TEXT,
  old JSON_TEXT,
  tx INTEGER,
  at DATETIME_USEC_TEXT NOT NULL,
  action TEXT,
  metadata JSON_TEXT,
  salt BLOB,
  digest BLOB
);
CREATE UNIQUE INDEX IF NOT EXISTS ash_rusqlite_events_source
  ON ash_rusqlite_events (source, position) WHERE source IS NOT NULL;
CREATE INDEX IF NOT EXISTS ash_rusqlite_events_key ON ash_rusqlite_events (key);
CREATE INDEX IF NOT EXISTS ash_rusqlite_events_type ON ash_rusqlite_events (type);
CREATE INDEX IF NOT EXISTS ash_rusqlite_events_actor
  ON ash_rusqlite_events (actor) WHERE actor IS NOT NULL;
CREATE INDEX IF NOT EXISTS ash_rusqlite_events_at ON ash_rusqlite_events (at);
CREATE TABLE IF NOT EXISTS ash_rusqlite_journaled (
  id INTEGER PRIMARY KEY,
  \"table\" TEXT NOT NULL,
  config JSON_TEXT NOT NULL,
  columns JSON_TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  renamed JSON_TEXT,
  defaults JSON_TEXT,
  baseline_key,
  baselined INTEGER
);
CREATE TABLE IF NOT EXISTS ash_rusqlite_replaced (
  \"table\" TEXT NOT NULL,
  key NOT NULL,
  type TEXT NOT NULL,
  source TEXT,
  actor TEXT,
  data JSON_TEXT,
  known INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS ash_rusqlite_seals (
  last INTEGER PRIMARY KEY,
  first INTEGER NOT NULL,
  hash BLOB NOT NULL,
  at DATETIME_USEC_TEXT NOT NULL,
  removed BLOB
);
CREATE TABLE IF NOT EXISTS ash_rusqlite_removed (
  \"table\" TEXT NOT NULL,
  source INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (\"table\", source)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ash_rusqlite_consumers (
  name TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  epoch TEXT NOT NULL,
  at DATETIME_USEC_TEXT NOT NULL
) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS ash_rusqlite_journal AS
SELECT e.seq, t.name AS type, s.name AS source, e.position, a.name AS actor,
  t.\"table\" AS \"table\", t.operation, e.key, e.data, e.old,
  coalesce(e.tx, e.seq) AS \"transaction\", e.at, e.action, e.metadata
FROM ash_rusqlite_events AS e
JOIN ash_rusqlite_event_types AS t ON t.id = e.type
LEFT JOIN ash_rusqlite_subjects AS s ON s.id = e.source
LEFT JOIN ash_rusqlite_subjects AS a ON a.id = e.actor;
";

const REPLACED_ROW: &str = "ash_rusqlite_replaced_row";

/// Rows that a REPLACE removed, for which SQLite fires no trigger of their table: one event each.
const REPLACED: &str = "\
CREATE TRIGGER ash_rusqlite_replaced_row AFTER DELETE ON ash_rusqlite_replaced
WHEN NOT OLD.known
BEGIN
  INSERT INTO ash_rusqlite_subjects (name, position) SELECT OLD.source, 1 WHERE OLD.source IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET position = position + 1;
  INSERT INTO ash_rusqlite_subjects (name) SELECT OLD.actor WHERE OLD.actor IS NOT NULL
    ON CONFLICT (name) DO NOTHING;
  INSERT INTO ash_rusqlite_events
    (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)
  {event};
END";

/// Which journal a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The database's own, for as long as it lives.
    pub id: String,
    /// Another one after each restore, because what follows a position may be other events then.
    pub epoch: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.epoch)
    }
}

/// Whether a database has a journal.
///
/// # Errors
/// Those of SQLite.
pub fn is_installed(conn: &Connection) -> Result<bool> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema \
         WHERE type = 'table' AND name = 'ash_rusqlite_events')",
    )
    .and_then(|mut stmt| stmt.query_row([], |row| row.get(0)))
    .map_err(sqlite_error::map)
}

/// Makes what a journal needs, as far as it is not there, in the transaction of the caller.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn install(conn: &Connection) -> Result<()> {
    conn.execute_batch(CREATE).map_err(sqlite_error::map)?;
    let replaced = replaced();
    if sql_of(conn, REPLACED_ROW)?.is_none_or(|sql| sql != replaced) {
        let renew = format!("DROP TRIGGER IF EXISTS {REPLACED_ROW}; {replaced}");
        conn.execute_batch(&renew).map_err(sqlite_error::map)?;
    }
    for key in ["journal_id", "journal_epoch"] {
        conn.execute(
            "INSERT OR IGNORE INTO ash_rusqlite_meta (key, value) VALUES (?1, ?2)",
            (key, Uuid::new_v4().to_string()),
        )
        .map_err(sqlite_error::map)?;
    }
    Ok(())
}

/// Whether [`install`] has nothing to make.
///
/// # Errors
/// Those of SQLite.
pub(super) fn is_whole(conn: &Connection) -> Result<bool> {
    let made = CREATE.split(" IF NOT EXISTS ").skip(1);
    for name in made.filter_map(|rest| rest.split_whitespace().next()) {
        if sql_of(conn, name)?.is_none() {
            return Ok(false);
        }
    }
    Ok(sql_of(conn, REPLACED_ROW)?.is_some_and(|sql| sql == replaced()))
}

fn replaced() -> String {
    let event = triggers::event(
        "(SELECT id FROM ash_rusqlite_event_types WHERE name = OLD.type \
         AND \"table\" = OLD.\"table\" AND operation = 'delete')",
        Some("OLD.source"),
        Some("OLD.actor"),
        ["OLD.key", "OLD.data", "NULL"],
    );
    REPLACED.replace("{event}", &event)
}

/// The statement that made something of the schema.
fn sql_of(conn: &Connection, name: &str) -> Result<Option<String>> {
    conn.prepare_cached("SELECT sql FROM main.sqlite_schema WHERE name = ?1")
        .and_then(|mut stmt| stmt.query_row([name], |row| row.get(0)).optional())
        .map_err(sqlite_error::map)
}

/// Which journal it is.
///
/// # Errors
/// `not_journaled` where there is none.
pub fn identity(conn: &Connection) -> Result<Identity> {
    let value = |key: &str| -> Result<Option<String>> {
        conn.prepare_cached("SELECT value FROM ash_rusqlite_meta WHERE key = ?1")
            .and_then(|mut stmt| stmt.query_row([key], |row| row.get(0)).optional())
            .map_err(sqlite_error::map)
    };
    let found = match is_installed(conn)? {
        true => value("journal_id")?.zip(value("journal_epoch")?),
        false => None,
    };
    let (id, epoch) = found.ok_or_else(not_journaled)?;
    Ok(Identity { id, epoch })
}

/// The time of an event that is written now, in SQL: never before that of another.
pub(super) const NOW: &str = "max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', \
    coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))";

/// The seq of the newest event; 0 where there is none.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn head(conn: &Connection) -> Result<i64> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events")
        .and_then(|mut stmt| stmt.query_row([], |row| row.get(0)))
        .map_err(sqlite_error::map)
}

/// The number of the type that a table's events of an operation have, of the operations that only
/// this library makes: `baseline` and `redact`.
///
/// # Errors
/// Those of SQLite.
pub(super) fn type_id(
    conn: &Connection,
    spec: &JournalSpec,
    table: &str,
    operation: &str,
) -> Result<i64> {
    let suffix = match operation {
        "redact" => "redacted",
        other => other,
    };
    conn.prepare_cached(
        "INSERT INTO ash_rusqlite_event_types (name, \"table\", operation) VALUES (?1, ?2, ?3) \
         ON CONFLICT (name, \"table\", operation) DO UPDATE SET name = name RETURNING id",
    )
    .and_then(|mut stmt| {
        let name = format!("{}.{suffix}", spec.event_type);
        stmt.query_row((name, table, operation), |row| row.get(0))
    })
    .map_err(sqlite_error::map)
}

/// From now on cursors that were made before are those of another journal.
///
/// # Errors
/// Those of SQLite. The restore is done then, and may be made once more.
pub(crate) fn renew_epoch(conn: &Connection) -> Result<()> {
    if !is_installed(conn)? {
        return Ok(());
    }
    conn.execute(
        "UPDATE ash_rusqlite_meta SET value = ?1 WHERE key = 'journal_epoch'",
        [Uuid::new_v4().to_string()],
    )
    .map(drop)
    .map_err(sqlite_error::map)
}

/// The error of a database without a journal.
pub(crate) fn not_journaled() -> Error {
    Error::new(
        Code::NotJournaled,
        "the database has no journal: no table of it is journaled. Switch it on for a table by a \
         migration, in Ash by `sqlite do journal do … end end`",
    )
}
