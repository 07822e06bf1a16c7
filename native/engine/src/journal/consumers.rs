//! How far the durable consumers are: a row each, which is written in the commit of what they did.

use chrono::{SecondsFormat, Utc};
use rusqlite::{Connection, OptionalExtension};

use super::layout::{identity, not_journaled};
use super::read::check_journal;
use crate::error::{Code, Error, Result};
use crate::query::ir::{ConsumerWrite, Progress};
use crate::sqlite::sqlite_error;

/// What is run for it, besides checks.
pub(crate) const SAVE_CONSUMER: &str =
    "INSERT INTO ash_rusqlite_consumers (name, seq, epoch, at) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, epoch = excluded.epoch, at = excluded.at";

/// Writes how far a consumer is. Returns how many rows were written.
///
/// # Errors
/// `other_journal`, `position_conflict` where it is not where it was thought to be,
/// `not_journaled`; those of SQLite.
pub(crate) fn save(conn: &Connection, write: &ConsumerWrite) -> Result<u64> {
    let Some(Progress { seq, journal, from }) = &write.to else {
        return run(
            conn,
            "DELETE FROM ash_rusqlite_consumers WHERE name = ?1",
            [&write.name],
        );
    };
    check_journal(conn, journal)?;
    if let Some(expected) = *from {
        check_place(conn, &write.name, expected)?;
    }
    let seq = i64::try_from(*seq)
        .map_err(|_| Error::new(Code::InvalidQuery, "a seq is at most 9223372036854775807"))?;
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    let epoch = identity(conn)?.epoch;
    run(conn, SAVE_CONSUMER, (&write.name, seq, epoch, now))
}

fn check_place(conn: &Connection, name: &str, expected: u64) -> Result<()> {
    let place: Option<i64> = conn
        .prepare_cached("SELECT seq FROM ash_rusqlite_consumers WHERE name = ?1")
        .and_then(|mut stmt| stmt.query_row([name], |row| row.get(0)).optional())
        .map_err(sqlite_error::map)?;
    let place = u64::try_from(place.unwrap_or(0)).unwrap_or(0);
    if place == expected {
        return Ok(());
    }
    let message = format!(
        "the consumer {name} is at the seq {place}, not at {expected}: it runs twice, or was reset"
    );
    Err(Error::new(Code::PositionConflict, message)
        .with("name", name)
        .with("seq", i64::try_from(place).unwrap_or(i64::MAX)))
}

fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<u64> {
    let result = conn
        .prepare_cached(sql)
        .and_then(|mut stmt| stmt.execute(params));
    match result {
        Ok(changes) => Ok(u64::try_from(changes).unwrap_or(u64::MAX)),
        Err(error) => match super::is_installed(conn) {
            Ok(false) => Err(not_journaled()),
            _ => Err(sqlite_error::map(error)),
        },
    }
}
