//! Who makes a change, and why: written to the one row of `ash_rusqlite_request` for the request that
//! runs, inside of its transaction, and cleared before the commit, so that changes of other programs
//! are not taken for its own.

use chrono::{SecondsFormat, Utc};
use rusqlite::{Connection, OptionalExtension};

use crate::error::{Code, Error, Result};
use crate::query::ir::WriteContext;
use crate::sqlite::sqlite_error;

/// What the row holds, as far as the writing connection knows.
#[derive(Debug, Default)]
pub(crate) struct RequestRow {
    /// Whether the row may hold anything.
    set: bool,
    /// The unit that is open: the seq of its first event.
    unit: Option<i64>,
    /// Who and why, as the row says it; none where that is not known.
    said: Option<WriteContext>,
}

impl RequestRow {
    /// A request begins, a unit of its own.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn begin_unit(&mut self, conn: &Connection, context: &WriteContext) -> Result<()> {
        self.set = true;
        self.said = None;
        self.unit = Some(say(conn, context, None)?);
        Ok(())
    }

    /// A statement of a transaction, which is a unit as a whole.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn continue_unit(
        &mut self,
        conn: &Connection,
        context: &WriteContext,
    ) -> Result<()> {
        if self.said.as_ref().is_some_and(|said| said.same(context)) {
            return Ok(());
        }
        self.set = true;
        self.unit = Some(say(conn, context, self.unit)?);
        self.said = Some(context.clone());
        Ok(())
    }

    /// Before the commit nothing of it stays.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn clear(&mut self, conn: &Connection) -> Result<()> {
        conn.prepare_cached(
            "UPDATE ash_rusqlite_request SET actor = NULL, action = NULL, metadata = NULL, \
             at = NULL, tx = NULL WHERE id = 1",
        )
        .and_then(|mut stmt| stmt.execute([]))
        .map_err(sqlite_error::map)?;
        *self = RequestRow::default();
        Ok(())
    }

    /// The transaction was rolled back, and the row with it.
    pub(crate) fn rolled_back(&mut self) {
        *self = RequestRow::default();
    }

    /// The transaction was rolled back to a savepoint: what the row says is not known.
    pub(crate) fn rolled_back_to(&mut self) {
        self.said = None;
    }

    /// Whether the row may hold anything.
    pub(crate) fn is_set(&self) -> bool {
        self.set
    }
}

/// Writes who and why into the row. Returns the seq of the first event of the unit, which is the
/// next one unless it is given.
fn say(conn: &Connection, context: &WriteContext, unit: Option<i64>) -> Result<i64> {
    let run = || -> rusqlite::Result<(usize, i64)> {
        let actor = match &context.actor {
            Some(actor) => Some(subject(conn, actor)?),
            None => None,
        };
        let (head, last_at) = conn
            .prepare_cached("SELECT seq, at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .unwrap_or((0, String::new()));
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let (at, unit) = (now.max(last_at), unit.unwrap_or(head + 1));
        // Not with RETURNING, for which SQLite opens a table in memory.
        let changed = conn
            .prepare_cached(
                "UPDATE ash_rusqlite_request \
                 SET actor = ?1, action = ?2, metadata = ?3, at = ?4, tx = ?5 WHERE id = 1",
            )?
            .execute((actor, &context.action, &context.metadata, at, unit))?;
        Ok((changed, unit))
    };
    match run().map_err(sqlite_error::map)? {
        (0, _) => Err(Error::new(
            Code::JournalBroken,
            "the row of ash_rusqlite_request is gone: run the migrations, which make it again",
        )),
        (_, unit) => Ok(unit),
    }
}

/// The number of an actor, who may be new.
fn subject(conn: &Connection, name: &str) -> rusqlite::Result<i64> {
    let known = conn
        .prepare_cached("SELECT id FROM ash_rusqlite_subjects WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    conn.prepare_cached("INSERT INTO ash_rusqlite_subjects (name) VALUES (?1)")?
        .execute([name])?;
    Ok(conn.last_insert_rowid())
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
                .with("expected", i64::try_from(*expected).unwrap_or(i64::MAX)));
        }
    }
    Ok(())
}
