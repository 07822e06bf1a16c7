//! Whether the journal still has, and already has, what was asked of it.

use rusqlite::{Connection, OptionalExtension};

use crate::error::{Code, Error, Result};
use crate::journal::layout::identity;
use crate::query::ir::EventQuery;
use crate::sqlite_error;

/// Which journal it is, and the oldest event that is there, of all and of a source.
const OLDEST: &str = "SELECT \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_id') || '.' || \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_epoch'), \
    (SELECT min(seq) FROM ash_rusqlite_events), \
    (SELECT position FROM ash_rusqlite_events INDEXED BY ash_rusqlite_events_source \
     WHERE source = (SELECT id FROM ash_rusqlite_subjects WHERE name = ?1) \
     ORDER BY position LIMIT 1)";

/// Whether what was read, a number of events, is all that there is to read. Looked at
/// afterwards: what is there now was there then, and what was removed meanwhile is noticed.
///
/// # Errors
/// `other_journal`, `outdated`, `unknown_source`, `position_ahead`; those of SQLite.
pub(crate) fn check(conn: &Connection, query: &EventQuery, given: u64) -> Result<()> {
    let (after, after_position) = (query.after.unwrap_or(0), query.after_position.unwrap_or(0));
    let source = match query.sources.as_slice() {
        [source] => Some(source.as_str()),
        _ => None,
    };
    if query.journal.is_some() || query.after.is_some() || query.after_position.is_some() {
        let (journal, seq, position): (Option<String>, Option<i64>, Option<i64>) = conn
            .prepare_cached(OLDEST)
            .and_then(|mut stmt| {
                stmt.query_row([source], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            })
            .map_err(sqlite_error::map)?;
        if let Some(wanted) = &query.journal {
            check_same(&journal.unwrap_or_default(), wanted)?;
        }
        if query.after.is_some() {
            check_kept(after, seq, "seq")?;
        }
        if query.after_position.is_some() {
            check_kept(after_position, position, "position")?;
        }
    }
    if given > 0 {
        return Ok(());
    }
    if query.after.is_some() {
        let head = one(conn, "SELECT max(seq) FROM ash_rusqlite_events", None)?.unwrap_or(0);
        if after > head {
            let message = format!("the newest event has the seq {head}, which is before {after}");
            return Err(Error::new(Code::PositionAhead, message).with("seq", signed(head)));
        }
    }
    let Some(source) = source else {
        return Ok(());
    };
    let last = "SELECT position FROM ash_rusqlite_subjects WHERE name = ?1 AND position > 0";
    match one(conn, last, Some(source))? {
        None => {
            let message = format!("no event has the source {source}");
            Err(Error::new(Code::UnknownSource, message).with("source", source))
        }
        Some(last) if after_position > last => {
            let message =
                format!("{source} is at position {last}, which is before {after_position}");
            Err(Error::new(Code::PositionAhead, message)
                .with("source", source)
                .with("position", signed(last)))
        }
        Some(_) => Ok(()),
    }
}

/// Whether the journal is the one that a cursor is of.
///
/// # Errors
/// `other_journal`, `not_journaled`; those of SQLite.
pub(crate) fn check_journal(conn: &Connection, journal: &str) -> Result<()> {
    check_same(&identity(conn)?.to_string(), journal)
}

fn check_same(now: &str, wanted: &str) -> Result<()> {
    if now == wanted {
        return Ok(());
    }
    let id = |journal: &str| journal.split_once('.').map(|(id, _)| id.to_owned());
    let message = match id(now) == id(wanted) {
        true => {
            "the database was restored since the cursor was made, and what follows it may be \
             other events now: begin anew"
        }
        false => "the cursor is one of another database",
    };
    Err(Error::new(Code::OtherJournal, message))
}

/// Whether what follows a place is still there.
fn check_kept(after: u64, oldest: Option<i64>, what: &str) -> Result<()> {
    let oldest = oldest.unwrap_or(0);
    if u64::try_from(oldest).unwrap_or(0) <= after.saturating_add(1) {
        return Ok(());
    }
    let message = format!(
        "events behind the {what} {after} were removed; the oldest one that is kept has {oldest}"
    );
    Err(Error::new(Code::Outdated, message).with("oldest", oldest))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// One number, of a name if there is one.
fn one(conn: &Connection, sql: &str, name: Option<&str>) -> Result<Option<u64>> {
    let number: Option<Option<i64>> = conn
        .prepare_cached(sql)
        .and_then(|mut stmt| {
            match name {
                Some(name) => stmt.query_row([name], |row| row.get(0)),
                None => stmt.query_row([], |row| row.get(0)),
            }
            .optional()
        })
        .map_err(sqlite_error::map)?;
    Ok(number
        .flatten()
        .and_then(|number| u64::try_from(number).ok()))
}
