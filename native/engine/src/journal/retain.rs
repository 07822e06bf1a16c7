//! Retention: old events go, in chunks, so that others can write between these.
//!
//! What stays is as good as before: a row that is there keeps an event with all of its columns, of
//! which a new one is written where the only one goes; positions are never given twice; the newest
//! event stays, so that no seq is given twice either; the chain keeps the leaves of events that
//! went. Only events that are sealed go.

use std::collections::{BTreeMap, HashMap};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::baseline::Statements;
use super::layout;
use super::names;
use super::redact::{moves, Moved};
use super::removed;
use super::seal::{self, Hash};
use crate::catalog::load_table;
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;

/// The largest number of events that one chunk looks at.
const LOOKED_AT: i64 = 2_000;

/// Which events go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Those before this time, in the form of `at`: `2026-01-02T03:04:05.000006Z`.
    pub before: String,
    /// Those of this table.
    pub table: Option<String>,
    /// Those of this source, such as `room:1`.
    pub source: Option<String>,
}

/// What retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// The events that went.
    pub events: u64,
    /// The baselines that were written for rows that are there.
    pub baselines: u64,
}

/// Retention that runs, from chunk to chunk.
pub struct Retaining {
    source: Option<i64>,
    /// The names that the table has had.
    tables: Vec<String>,
    /// The same as JSON, if only events of a table go.
    named: Option<String>,
    /// The last event that may go.
    until: i64,
    /// The last event that was looked at.
    at: i64,
    done: Retained,
    rows: HashMap<String, Option<Rows>>,
}

/// How to write events of a table's rows.
struct Rows {
    statements: Statements,
    /// Looked up when a row is found to have moved.
    moves: Option<Vec<Moved>>,
}

/// An event that may go.
struct Old {
    seq: i64,
    key: Value,
    table: String,
    operation: String,
}

impl Retaining {
    /// Begins with what is in the file now.
    ///
    /// # Errors
    /// `not_journaled`, `unknown_source`, `invalid_option` for a time of another form.
    pub fn new(conn: &Connection, retention: &Retention) -> Result<Retaining> {
        if !layout::is_installed(conn)? {
            return Err(layout::not_journaled());
        }
        let before = chrono::DateTime::parse_from_rfc3339(&retention.before).map_err(|_| {
            let message = "retention takes the time before which events go, in UTC";
            Error::new(Code::InvalidOption, message).with("option", "older_than")
        })?;
        let before = before
            .to_utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let first = |sql: &str, value: &str| -> Result<Option<i64>> {
            conn.query_row(sql, [value], |row| row.get(0))
                .optional()
                .map_err(sqlite_error::map)
        };
        let (mut tables, mut named) = (Vec::new(), None);
        if let Some(table) = &retention.table {
            tables = names::of_table(conn, table)?;
            named = serde_json::to_string(&tables).ok();
            let sql = "SELECT id FROM ash_rusqlite_event_types WHERE \"table\" = ?1";
            if first(sql, table)?.is_none() {
                let message = format!("{} is not journaled and never was", quoted_name(table));
                return Err(Error::new(Code::NotJournaled, message).with("table", &**table));
            }
        }
        let source = match &retention.source {
            None => None,
            Some(name) => {
                let sql = "SELECT id FROM ash_rusqlite_subjects WHERE name = ?1";
                let unknown = || {
                    let message = format!("no event has the source {}", quoted_name(name));
                    Error::new(Code::UnknownSource, message).with("source", &**name)
                };
                Some(first(sql, name)?.ok_or_else(unknown)?)
            }
        };
        let sql = "SELECT seq FROM ash_rusqlite_events WHERE at < ?1 \
                   ORDER BY at DESC, seq DESC LIMIT 1";
        let old = first(sql, &before)?.unwrap_or(0);
        Ok(Retaining {
            source,
            tables,
            named,
            until: old.min(layout::head(conn)? - 1),
            at: 0,
            done: Retained::default(),
            rows: HashMap::new(),
        })
    }

    /// What was done until now.
    pub fn done(&self) -> Retained {
        self.done
    }

    /// How far it is: events that were looked at, and those in all.
    pub fn progress(&self) -> (u64, u64) {
        let count = |seq: i64| u64::try_from(seq).unwrap_or(0);
        (count(self.at), count(self.until))
    }

    /// Removes the next events, at most this many, in the transaction of the caller. Returns
    /// whether that were all.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn step(&mut self, conn: &Connection, limit: usize) -> Result<bool> {
        if self.at >= self.until {
            return Ok(true);
        }
        if seal::sealed(conn)? < self.until {
            seal::seal(conn)?;
            return Ok(false);
        }
        let window = self.until.min(self.at.saturating_add(LOOKED_AT));
        let old = self.old(conn, window, limit)?;
        self.at = match old.last() {
            Some(last) if old.len() >= limit => last.seq,
            _ => window,
        };
        let mut gone = BTreeMap::new();
        for event in &old {
            if event.operation == "redact" && is_needed(conn, event.seq)? {
                continue;
            }
            if matches!(&*event.operation, "insert" | "update" | "baseline") {
                self.keep_row(conn, event)?;
            }
            gone.insert(event.seq, seal::leaf_of(conn, event.seq)?);
            run(
                conn,
                "DELETE FROM ash_rusqlite_events WHERE seq = ?1",
                [event.seq],
            )?;
            self.done.events += 1;
        }
        if let Some((last, _)) = gone.last_key_value() {
            removed::note(conn, &self.tables, self.source, *last)?;
        }
        keep_leaves(conn, gone)?;
        Ok(self.at >= self.until)
    }

    fn old(&self, conn: &Connection, window: i64, limit: usize) -> Result<Vec<Old>> {
        let mut stmt = conn
            .prepare_cached(
                "SELECT e.seq, e.key, t.\"table\", t.operation FROM ash_rusqlite_events AS e \
                 JOIN ash_rusqlite_event_types AS t ON t.id = e.type \
                 WHERE e.seq > ?1 AND e.seq <= ?2 AND (?3 IS NULL OR t.\"table\" IN (SELECT value FROM json_each(?3))) \
                 AND (?4 IS NULL OR e.source = ?4) ORDER BY e.seq LIMIT ?5",
            )
            .map_err(sqlite_error::map)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = (self.at, window, &self.named, self.source, limit);
        let rows = stmt.query_map(params, |row| {
            Ok(Old {
                seq: row.get(0)?,
                key: row.get(1)?,
                table: row.get(2)?,
                operation: row.get(3)?,
            })
        });
        rows.and_then(Iterator::collect).map_err(sqlite_error::map)
    }

    /// Writes an event with all columns of an event's row, if that is there and no later event has
    /// them.
    fn keep_row(&mut self, conn: &Connection, event: &Old) -> Result<()> {
        if !self.rows.contains_key(&event.table) {
            let rows = Rows::of(conn, &event.table)?;
            self.rows.insert(event.table.clone(), rows);
        }
        let Some(Some(rows)) = self.rows.get_mut(&event.table) else {
            return Ok(());
        };
        let unit = layout::head(conn)? + 1;
        let (since, statements) = (event.seq + 1, &rows.statements);
        let written = statements.write_existing(conn, since, &event.key, unit)?;
        self.done.baselines += u64::from(written);
        // Another row may have the key by now: that of the event is where its key changes lead.
        for key in rows.later_keys(conn, event)? {
            let written = rows.statements.write_existing(conn, since, &key, unit)?;
            self.done.baselines += u64::from(written);
        }
        Ok(())
    }
}

impl Rows {
    /// Those of a table that is journaled now.
    fn of(conn: &Connection, table: &str) -> Result<Option<Rows>> {
        let Some(table) = names::of_today(conn, table)? else {
            return Ok(None);
        };
        let sql = "SELECT config FROM ash_rusqlite_journaled \
                   WHERE \"table\" = ?1 AND until IS NULL";
        let config: Option<String> = conn
            .query_row(sql, [&table], |row| row.get(0))
            .optional()
            .map_err(sqlite_error::map)?;
        let statements = match config {
            Some(config) => Statements::of(conn, &table, &config)?,
            None => None,
        };
        Ok(statements.map(|statements| Rows {
            statements,
            moves: None,
        }))
    }

    /// The keys that the row of an event had after it.
    fn later_keys(&mut self, conn: &Connection, event: &Old) -> Result<Vec<Value>> {
        if self.moves.is_none() {
            let name = names::of_today(conn, &event.table)?;
            let table = load_table(conn, name.as_deref().unwrap_or(&event.table))?;
            self.moves = table.map(|table| moves(conn, &table)).transpose()?;
        }
        let (mut key, mut keys) = (&event.key, Vec::new());
        for moved in self.moves.iter().flatten() {
            if moved.seq > event.seq && moved.from == *key {
                key = &moved.to;
                keys.push(key.clone());
            }
        }
        Ok(keys)
    }
}

/// Whether a redaction's event says of events that are there what they must be.
fn is_needed(conn: &Connection, seq: i64) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM ash_rusqlite_events AS r, \
               json_each(r.data, '$.events') AS j \
               JOIN ash_rusqlite_events AS e ON e.seq = CAST(j.key AS INTEGER) WHERE r.seq = ?1)";
    conn.prepare_cached(sql)
        .and_then(|mut stmt| stmt.query_row([seq], |row| row.get(0)))
        .map_err(sqlite_error::map)
}

/// Notes the leaves of events that are gone in their seals. A stretch of which nothing is left
/// needs none.
fn keep_leaves(conn: &Connection, mut gone: BTreeMap<i64, Hash>) -> Result<()> {
    while let Some(first) = gone.keys().next().copied() {
        let sql = "SELECT first, last, removed FROM ash_rusqlite_seals \
                   WHERE last >= ?1 ORDER BY last LIMIT 1";
        let seal: Option<(i64, i64, Option<Vec<u8>>)> = conn
            .prepare_cached(sql)
            .and_then(|mut stmt| {
                stmt.query_row([first], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            })
            .map_err(sqlite_error::map)?;
        let Some((begin, last, before)) = seal.filter(|(begin, _, _)| *begin <= first) else {
            let message = format!(
                "the seal of event {first} is gone: verify the chain, and restore a backup"
            );
            return Err(Error::new(Code::JournalBroken, message).with("seq", first));
        };
        let rest = gone.split_off(&(last + 1));
        let mut removed = seal::removed(&before.unwrap_or_default());
        removed.append(&mut gone);
        gone = rest;
        let all = i64::try_from(removed.len()).is_ok_and(|count| count == last - begin + 1);
        if all {
            removed.clear();
        }
        run(
            conn,
            "UPDATE ash_rusqlite_seals SET removed = ?1 WHERE last = ?2",
            (seal::removed_bytes(&removed), last),
        )?;
    }
    Ok(())
}

fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    conn.prepare_cached(sql)
        .and_then(|mut stmt| stmt.execute(params))
        .map(drop)
        .map_err(sqlite_error::map)
}
