//! Whether the journal still has, and already has, what was asked of it.

use rusqlite::{Connection, OptionalExtension};

use crate::error::{Code, Error, Result};
use crate::journal::layout::identity;
use crate::journal::removed;
use crate::query::ir::EventQuery;
use crate::sqlite::sqlite_error;

/// Which journal it is, and the oldest event that is there.
const OLDEST: &str = "SELECT \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_id') || '.' || \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_epoch'), \
    (SELECT min(seq) FROM ash_rusqlite_events)";

/// The event at a position of a source, or the next one that is there.
const NEXT: &str = "SELECT seq, position FROM ash_rusqlite_events \
    INDEXED BY ash_rusqlite_events_source \
    WHERE source = (SELECT id FROM ash_rusqlite_subjects WHERE name = ?1) AND position >= ?2 \
    ORDER BY position LIMIT 1";

/// The first event of a source behind a seq.
const FIRST: &str = "SELECT min(position) FROM ash_rusqlite_events \
    INDEXED BY ash_rusqlite_events_source \
    WHERE source = (SELECT id FROM ash_rusqlite_subjects WHERE name = ?1) AND seq > ?2";

/// The last position of a source.
const LAST: &str = "SELECT position FROM ash_rusqlite_subjects WHERE name = ?1 AND position > 0";

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
        let (journal, oldest): (Option<String>, Option<i64>) = conn
            .prepare_cached(OLDEST)
            .and_then(|mut stmt| stmt.query_row([], |row| Ok((row.get(0)?, row.get(1)?))))
            .map_err(sqlite_error::map)?;
        if let Some(wanted) = &query.journal {
            check_same(&journal.unwrap_or_default(), wanted)?;
        }
        if query.after.is_some() {
            check_kept(conn, query, signed(after), oldest.unwrap_or(0))?;
        }
        if let Some(source) = source.filter(|_| query.after_position.is_some()) {
            check_position_kept(conn, query, source, signed(after_position))?;
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
    match one(conn, LAST, Some(source))? {
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

/// Whether all that follows a seq, and that is asked for, is still there.
fn check_kept(conn: &Connection, query: &EventQuery, after: i64, oldest: i64) -> Result<()> {
    if oldest > after.saturating_add(1) {
        let removals = removed::behind(conn, 0)?;
        let last = removals.iter().map(|removal| removal.until).max();
        // These may have been of any table or source.
        if oldest > last.unwrap_or(0).saturating_add(1) {
            return Err(outdated("seq", after, oldest));
        }
    }
    match last_removed(conn, query, after)? {
        Some(last) => Err(outdated("seq", after, last.saturating_add(1))),
        None => Ok(()),
    }
}

/// Whether all that follows a position of a source, and that is asked for, is still there.
fn check_position_kept(
    conn: &Connection,
    query: &EventQuery,
    source: &str,
    after: i64,
) -> Result<()> {
    let next: Option<(i64, i64)> = conn
        .prepare_cached(NEXT)
        .and_then(|mut stmt| {
            stmt.query_row((source, after.max(1)), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(sqlite_error::map)?;
    let seq = match next {
        Some((seq, position)) if position == after => seq,
        Some((seq, position)) if position == after.saturating_add(1) => seq.saturating_sub(1),
        Some((_, position)) => return Err(outdated("position", after, position)),
        None => match one(conn, LAST, Some(source))?.map(signed) {
            Some(last) if last > after => {
                return Err(outdated("position", after, last.saturating_add(1)))
            }
            _ => return Ok(()),
        },
    };
    let Some(last) = last_removed(conn, query, seq)? else {
        return Ok(());
    };
    let first: Option<i64> = conn
        .query_row(FIRST, (source, last), |row| row.get(0))
        .map_err(sqlite_error::map)?;
    let end = signed(one(conn, LAST, Some(source))?.unwrap_or(0));
    let oldest = first.unwrap_or(end.saturating_add(1));
    Err(outdated("position", after, oldest))
}

/// The last event behind a seq that was removed and that may have been asked for.
fn last_removed(conn: &Connection, query: &EventQuery, after: i64) -> Result<Option<i64>> {
    let mut last = None;
    for removal in removed::behind(conn, after)? {
        let of_source = |source: &String| query.sources.contains(source);
        let no_source = |source: &String| !query.sources.is_empty() && !of_source(source);
        if removal.source.as_ref().is_some_and(no_source) {
            continue;
        }
        if let Some(table) = &removal.table {
            let tables = &query.tables;
            let of_table = tables.is_empty() || tables.iter().any(|name| **name == **table);
            if !(of_table && has_types(conn, query, table)?) {
                continue;
            }
        }
        last = last.max(Some(removal.until));
    }
    Ok(last)
}

/// Whether events of a table may have the types that are asked for.
fn has_types(conn: &Connection, query: &EventQuery, table: &str) -> Result<bool> {
    if query.types.is_empty() {
        return Ok(true);
    }
    let sql = "SELECT name FROM ash_rusqlite_event_types WHERE \"table\" = ?1";
    let mut stmt = conn.prepare_cached(sql).map_err(sqlite_error::map)?;
    let mut names = stmt.query([table]).map_err(sqlite_error::map)?;
    while let Some(row) = names.next().map_err(sqlite_error::map)? {
        let name: String = row.get(0).map_err(sqlite_error::map)?;
        if query.types.contains(&name) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn outdated(what: &str, after: i64, oldest: i64) -> Error {
    let message = format!(
        "events behind the {what} {after} were removed; all that are asked for are \
         there from the {what} {oldest} on"
    );
    Error::new(Code::Outdated, message).with("oldest", oldest)
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
