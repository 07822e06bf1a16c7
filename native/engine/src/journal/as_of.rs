//! Tables as they were: on a connection of its own temporary tables and views take the places of
//! the real ones, so that any read that names them sees what was there at a seq, a moment or a
//! position of a source.
//!
//! What is cheaper is done: the events after it are taken back, on the rows that they touched alone,
//! or those before it are applied to empty tables.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Statement};

use super::layout;
use super::names;
use super::removed;
use super::replay::{create_like, Range, Replay, Touch};
use super::rows::Digests;
use super::verify::beside;
use super::versions::{open_versions, Version};
use crate::catalog::{load_table, Column, Table};
use crate::error::{Code, Error, Result};
use crate::query::ir::{AsOf, Moment};
use crate::sqlite::lex::{quoted_name, same};
use crate::sqlite::sqlite_error;
use crate::value::format_datetime;

/// How many events are applied in the time in which one is taken back.
const TAKEN_BACK: i64 = 2;

type Versions = BTreeMap<String, Vec<Version>>;

/// Puts tables as they were in the places of these. `conn` must be in a read transaction that has
/// begun with [`begin`].
///
/// # Errors
/// `not_journaled`, `position_ahead`, `outdated`, `unknown_source`, `invalid_option` for a position
/// without a source; those of SQLite.
pub(crate) fn show(conn: &Connection, tables: &[String], as_of: &AsOf) -> Result<()> {
    if !layout::is_installed(conn)? {
        return Err(layout::not_journaled());
    }
    let mut all = open_versions(conn, "main")?;
    let mut versions = Versions::new();
    for table in tables {
        let known = all.keys().find(|known| same(known, table)).cloned();
        match known.and_then(|known| all.remove_entry(&known)) {
            Some((known, of_table)) => {
                versions.insert(known, of_table);
            }
            None if versions.keys().any(|known| same(known, table)) => {}
            None => return Err(not_journaled(table)),
        }
    }
    let head = number(
        conn,
        "SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events",
        [],
    )?;
    let first = number(
        conn,
        "SELECT coalesce(min(seq), 1) FROM ash_rusqlite_events",
        [],
    )?;
    let (range, seq) = range(conn, as_of, head)?;
    if let Some(source) = &as_of.source {
        check_source(conn, &versions, source)?;
    }
    for (table, versions) in &versions {
        check_baseline(table, versions, seq)?;
    }
    if range.source.is_some() {
        return apply(conn, &versions, range);
    }
    let removals = removed::behind(conn, 0)?;
    let names = names(conn, &versions)?;
    let all = removals.iter().map(|removal| removal.until).max();
    let of_tables = removals.iter().filter(|removal| removal.is_of(&names));
    // Events that are missing at the beginning and were not removed by retention may be of any table.
    let unknown = if first - 1 > all.unwrap_or(0) {
        first - 1
    } else {
        0
    };
    let removed = of_tables
        .map(|removal| removal.until)
        .fold(unknown, i64::max);
    let whole = removed == 0;
    let exact =
        |version: &Version| version.spec.skip.is_empty() && version.spec.sensitive.is_empty();
    let exact = versions.values().flatten().all(exact);
    if whole && exact && seq < (head - seq).saturating_mul(TAKEN_BACK) {
        return apply(conn, &versions, range);
    }
    if removed > seq {
        let message = format!("events behind the event {seq} were removed from the journal");
        return Err(Error::new(Code::Outdated, message)
            .with("seq", seq)
            .with("oldest", removed));
    }
    take_back(conn, &versions, seq)
}

/// Begins the snapshot that a read of the past is made in.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn begin(conn: &Connection) -> Result<()> {
    beside(conn)?;
    // BEGIN alone takes no snapshot: the first read does.
    conn.execute_batch("BEGIN; SELECT count(*) FROM main.sqlite_schema;")
        .map_err(sqlite_error::map)
}

fn not_journaled(table: &str) -> Error {
    let message = format!(
        "{} is not journaled, so nothing is known of what it was",
        quoted_name(table)
    );
    Error::new(Code::NotJournaled, message).with("table", table)
}

fn number(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<i64> {
    conn.query_row(sql, params, |row| row.get(0))
        .map_err(sqlite_error::map)
}

fn ahead(what: &str, wanted: u64, last: i64) -> Error {
    let message = format!("the journal has no {what} {wanted} yet, its last is {last}");
    Error::new(Code::PositionAhead, message)
        .with(
            if what == "position" {
                "position"
            } else {
                "seq"
            },
            last,
        )
        .with("expected", wanted.to_string())
}

/// The events that are applied, and the seq of the last of them.
fn range(conn: &Connection, as_of: &AsOf, head: i64) -> Result<(Range, i64)> {
    let until = |seq: i64| Range {
        until: Some(seq),
        ..Range::default()
    };
    let (mut range, seq) = match &as_of.moment {
        Moment::Seq(wanted) => {
            let seq = i64::try_from(*wanted).unwrap_or(i64::MAX);
            if seq > head {
                return Err(ahead("event", *wanted, head));
            }
            (until(seq), seq)
        }
        Moment::At(at) => {
            let sql = "SELECT seq FROM ash_rusqlite_events WHERE at <= ?1 \
                       ORDER BY at DESC, seq DESC LIMIT 1";
            let seq: Option<i64> = conn
                .query_row(sql, [format_datetime(at, true, true)], |row| row.get(0))
                .optional()
                .map_err(sqlite_error::map)?;
            (until(seq.unwrap_or(0)), seq.unwrap_or(0))
        }
        Moment::Position(_) => (Range::default(), 0),
    };
    let Some(source) = &as_of.source else {
        if matches!(as_of.moment, Moment::Position(_)) {
            let message = "a position is one of a source: give source:, too";
            return Err(Error::new(Code::InvalidOption, message).with("option", "as_of"));
        }
        return Ok((range, seq));
    };
    let found: Option<(i64, i64)> = conn
        .query_row(
            "SELECT id, position FROM ash_rusqlite_subjects WHERE name = ?1 AND position > 0",
            [source],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(sqlite_error::map)?;
    let Some((id, last)) = found else {
        let message = format!(
            "the journal has no event of the source {}",
            quoted_name(source)
        );
        return Err(Error::new(Code::UnknownSource, message).with("source", source.as_str()));
    };
    range.source = Some(id);
    let Moment::Position(wanted) = as_of.moment else {
        return Ok((range, seq));
    };
    let position = i64::try_from(wanted).unwrap_or(i64::MAX);
    if position > last {
        return Err(ahead("position", wanted, last));
    }
    range.position = Some(position);
    let seq = number(
        conn,
        "SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events WHERE source = ?1 AND position = ?2",
        [id, position],
    )?;
    Ok((range, seq))
}

/// The names that the events of tables may have.
fn names(conn: &Connection, versions: &Versions) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for table in versions.keys() {
        names.extend(names::of_table(conn, table)?);
    }
    Ok(names)
}

/// Rows of a source are made of all of its events.
fn check_source(conn: &Connection, versions: &Versions, source: &str) -> Result<()> {
    let mut removals = removed::behind(conn, 0)?;
    removals.retain(|removal| removal.source.as_deref().is_none_or(|name| name == source));
    let first = number(
        conn,
        "SELECT coalesce(min(position), 1) FROM ash_rusqlite_events \
         WHERE source = (SELECT id FROM ash_rusqlite_subjects WHERE name = ?1)",
        [source],
    )?;
    let names = names(conn, versions)?;
    let gone = match removals.is_empty() {
        true => first > 1,
        false => removals.iter().any(|removal| removal.is_of(&names)),
    };
    if !gone {
        return Ok(());
    }
    let message = format!(
        "events of {source} were removed, so its rows cannot be made of them: read the rows as of \
         a seq or a time, without source:"
    );
    Err(Error::new(Code::Outdated, message).with("source", source))
}

/// All rows have events only from then on.
fn check_baseline(table: &str, versions: &[Version], seq: i64) -> Result<()> {
    let baselined = versions.last().and_then(|last| last.baselined);
    if baselined.is_some_and(|baselined| baselined <= seq) {
        return Ok(());
    }
    let message = match baselined {
        Some(first) => format!("the journal of {table} is complete from the event {first} on"),
        None => format!("the baseline of {table} is not complete"),
    };
    let error = Error::new(Code::Outdated, message).with("table", table);
    Err(match baselined {
        Some(first) => error.with("oldest", first),
        None => error,
    })
}

/// Applies the events of a range to empty tables of the same names.
fn apply(conn: &Connection, versions: &Versions, range: Range) -> Result<()> {
    for table in versions.keys() {
        create_like(conn, ("main", table), ("temp", table))?;
    }
    let named = |table: &str| format!("temp.{}", quoted_name(table));
    let mut replay = Replay::new(conn, "main", versions, named, Digests::Null)?;
    replay.run(range, &mut ()).map(drop)
}

/// A table of which rows are made as they were.
struct Undone {
    table: std::sync::Arc<Table>,
    /// Where the keys of its rows are that events touched.
    touched: String,
    /// Where these rows are as they were.
    rows: String,
}

impl Undone {
    fn key(&self) -> impl Iterator<Item = &Column> {
        self.table.key_columns()
    }

    fn columns(&self) -> String {
        let names = self.table.columns.iter().map(|c| quoted_name(&c.name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// Whether a key that was touched is that of the row `t`.
    fn on(&self, collation: &str) -> String {
        let is = if self.key().count() == 1 { "=" } else { "IS" };
        let part = |(at, column): (usize, &Column)| {
            format!("t.{} {is} k.k{at}{collation}", quoted_name(&column.name))
        };
        let parts: Vec<String> = self.key().enumerate().map(part).collect();
        parts.join(" AND ")
    }

    /// The keys, and of each whether its row was made by the first event: then it is not taken from
    /// the table, unless a row that had another key came to have it.
    fn create_touched(&self, conn: &Connection) -> Result<()> {
        let part = |(at, column): (usize, &Column)| format!("k{at} {}", column.declared);
        let columns: Vec<String> = self.key().enumerate().map(part).collect();
        let names: Vec<String> = (0..columns.len()).map(|at| format!("k{at}")).collect();
        let sql = format!(
            "CREATE TABLE temp.{} (made INTEGER, {}, PRIMARY KEY ({}))",
            self.touched,
            columns.join(", "),
            names.join(", ")
        );
        conn.execute_batch(&sql).map_err(sqlite_error::map)
    }

    /// Copies the touched rows as they are, but those that were made later.
    fn copy(&self, conn: &Connection) -> Result<()> {
        let stored = self.table.columns.iter().filter(|column| !column.generated);
        let names: Vec<String> = stored.map(|column| quoted_name(&column.name)).collect();
        let of_row: Vec<String> = names.iter().map(|name| format!("t.{name}")).collect();
        let sql = format!(
            "INSERT OR IGNORE INTO temp.{} ({}) SELECT {} FROM temp.{} AS k CROSS JOIN main.{} AS t \
             ON {} WHERE k.made IS NOT TRUE",
            self.rows,
            names.join(", "),
            of_row.join(", "),
            self.touched,
            quoted_name(&self.table.name),
            self.on("")
        );
        conn.execute_batch(&sql).map_err(sqlite_error::map)
    }

    /// Puts a view in the place of the table.
    fn create_view(&self, conn: &Connection) -> Result<()> {
        let (name, columns) = (quoted_name(&self.table.name), self.columns());
        let sql = format!(
            "CREATE TEMP VIEW {name} AS SELECT {columns} FROM main.{name} AS t \
             WHERE NOT EXISTS (SELECT 1 FROM temp.{} AS k WHERE {}) \
             UNION ALL SELECT {columns} FROM temp.{}",
            self.touched,
            self.on(" COLLATE BINARY"),
            self.rows
        );
        conn.execute_batch(&sql).map_err(sqlite_error::map)
    }
}

/// Takes the events behind a seq back.
fn take_back(conn: &Connection, versions: &Versions, seq: i64) -> Result<()> {
    let mut undone: BTreeMap<&str, Undone> = BTreeMap::new();
    for (at, name) in versions.keys().enumerate() {
        let Some(table) = load_table(conn, name)? else {
            continue;
        };
        let one = Undone {
            table,
            touched: format!("ash_rusqlite_touched_{at}"),
            rows: format!("ash_rusqlite_as_of_{at}"),
        };
        create_like(conn, ("main", name), ("temp", &one.rows))?;
        one.create_touched(conn)?;
        undone.insert(name, one);
    }
    let rows = |table: &str| undone.get(table).map(|one| format!("temp.{}", one.rows));
    let named = |table: &str| rows(table).unwrap_or_default();
    let mut replay = Replay::new(conn, "main", versions, named, Digests::Null)?;
    let range = Range {
        back_to: Some(seq),
        ..Range::default()
    };
    let mut inserts: BTreeMap<&str, Statement<'_>> = BTreeMap::new();
    for (name, one) in &undone {
        let marks = vec!["?"; one.key().count() + 1].join(", ");
        let sql = format!(
            "INSERT INTO temp.{} VALUES ({marks}) \
             ON CONFLICT DO UPDATE SET made = NULL WHERE excluded.made IS NULL",
            one.touched
        );
        inserts.insert(name, conn.prepare(&sql).map_err(sqlite_error::map)?);
    }
    let mut touched = false;
    replay.each_key(range, &mut |table, touch, key| {
        touched = true;
        let Some(insert) = inserts.get_mut(table) else {
            return Ok(());
        };
        let mut run = || -> rusqlite::Result<()> {
            let made = match touch {
                Touch::Made => Some(true),
                Touch::Changed => Some(false),
                Touch::Moved => None,
            };
            insert.raw_bind_parameter(1, made)?;
            for (at, value) in key.iter().enumerate() {
                insert.raw_bind_parameter(at + 2, value)?;
            }
            insert.raw_execute().map(drop)
        };
        run().map_err(sqlite_error::map)
    })?;
    drop(inserts);
    if !touched {
        return Ok(());
    }
    for one in undone.values() {
        one.copy(conn)?;
    }
    replay.run(range, &mut ())?;
    for one in undone.values() {
        one.create_view(conn)?;
    }
    Ok(())
}
