//! Who makes a change, and why: set in the file's one row for the request that runs, inside of the
//! transaction, and cleared before the commit, so that no other program writes in its name.

use chrono::{SecondsFormat, Utc};
use rusqlite::Connection;

use crate::error::{Code, Error, Result};
use crate::sqlite_error;

/// Who makes a change, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteContext {
    /// Who, such as `user:<id>`.
    pub actor: Option<String>,
    /// By which action.
    pub action: Option<String>,
    /// More about it, a JSON text.
    pub metadata: Option<String>,
    /// Positions that sources must have, or else nothing is written.
    pub expect: Vec<(String, u64)>,
}

impl WriteContext {
    /// Whether it says who or why.
    fn tells(&self) -> bool {
        self.actor.is_some() || self.action.is_some() || self.metadata.is_some()
    }
}

/// What of it stands in the file now, as the writing connection knows.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// Whether the row may hold anything.
    set: bool,
}

impl Context {
    /// A unit of a commit begins: a request, or an interactive transaction.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn begin_unit(&mut self, conn: &Connection, context: &WriteContext) -> Result<()> {
        self.set = true;
        if let Some(actor) = &context.actor {
            run(
                conn,
                "INSERT INTO ash_rusqlite_subjects (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
                [actor],
            )?;
        }
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        run(
            conn,
            "UPDATE ash_rusqlite_request SET \
             actor = (SELECT id FROM ash_rusqlite_subjects WHERE name = ?1), \
             action = ?2, metadata = ?3, \
             at = max(?4, coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), '')), \
             tx = coalesce((SELECT max(seq) FROM ash_rusqlite_events), 0) + 1 WHERE id = 1",
            (&context.actor, &context.action, &context.metadata, now),
        )
    }

    /// A statement of a unit that has begun is made by somebody, or by somebody else than the
    /// ones before.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn change(&mut self, conn: &Connection, context: &WriteContext) -> Result<()> {
        if let Some(actor) = &context.actor {
            run(
                conn,
                "INSERT INTO ash_rusqlite_subjects (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
                [actor],
            )?;
        }
        run(
            conn,
            "UPDATE ash_rusqlite_request SET \
             actor = (SELECT id FROM ash_rusqlite_subjects WHERE name = ?1), \
             action = ?2, metadata = ?3 WHERE id = 1",
            (&context.actor, &context.action, &context.metadata),
        )
    }

    /// Before the commit nothing of it stays.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn clear(&mut self, conn: &Connection) -> Result<()> {
        if !self.set {
            return Ok(());
        }
        run(
            conn,
            "UPDATE ash_rusqlite_request SET actor = NULL, action = NULL, metadata = NULL, \
             at = NULL, tx = NULL WHERE id = 1",
            [],
        )?;
        self.set = false;
        Ok(())
    }

    /// The transaction was rolled back, and the row with it.
    pub(crate) fn rolled_back(&mut self) {
        self.set = false;
    }

    /// Whether the row may hold anything.
    pub(crate) fn is_set(&self) -> bool {
        self.set
    }
}

/// Refuses a write whose sources are not where it expects them.
///
/// # Errors
/// `position_conflict`, with the source and its position; those of SQLite.
pub(crate) fn check_positions(conn: &Connection, expect: &[(String, u64)]) -> Result<()> {
    for (source, expected) in expect {
        let position: i64 = conn
            .prepare_cached(
                "SELECT coalesce((SELECT position FROM ash_rusqlite_subjects WHERE name = ?1), 0)",
            )
            .and_then(|mut stmt| stmt.query_row([source], |row| row.get(0)))
            .map_err(sqlite_error::map)?;
        if u64::try_from(position).unwrap_or(0) != *expected {
            let message = format!(
                "{source} is at position {position}, not at {expected} as the write expected: \
                 nothing was written. Read what was missed and decide anew"
            );
            return Err(Error::new(Code::PositionConflict, message)
                .with("source", source.as_str())
                .with("position", position)
                .with("expected", expected.to_string()));
        }
    }
    Ok(())
}

fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    conn.prepare_cached(sql)
        .and_then(|mut stmt| stmt.execute(params))
        .map(drop)
        .map_err(sqlite_error::map)
}
