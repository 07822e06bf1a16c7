//! Rows that a migration rewrote without the triggers: a table that is rebuilt is filled by an
//! `INSERT … SELECT` into a table that is not journaled yet. Each row that differs afterwards gets an
//! event, so that replay gives the table of today.
//!
//! The rows as they were are read by a second connection, which sees the file as it was before the
//! transaction began.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, Statement};

use super::baseline::Statements;
use super::layout;
use super::sync::{default_value, Journaled};
use super::triggers::Journal;
use crate::catalog::{load_table, Column, EventOn, JournalSpec, Table};
use crate::config::Config;
use crate::connection;
use crate::error::Result;
use crate::sqlite::lex::{name, same};
use crate::sqlite::sqlite_error;

/// The journaled tables before a migration.
pub(crate) struct Before {
    tables: Vec<(Journaled, i64)>,
    /// The newest version that the journal knows.
    version: i64,
    head: i64,
}

/// A table as it was, in today's terms.
struct Renamed {
    table: String,
    /// Each of today's columns that was there, and its name then.
    columns: Vec<(String, String)>,
}

impl Before {
    /// Looks at a database that has a file. `None` where nothing is journaled.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn look(conn: &Connection) -> Result<Option<Before>> {
        let has_file = conn.path().is_some_and(|path| !path.is_empty());
        if !has_file || !layout::is_installed(conn)? {
            return Ok(None);
        }
        let mut tables = Vec::new();
        for journaled in Journaled::all(conn)? {
            let root = root_page(conn, &journaled.table)?;
            tables.push((journaled, root));
        }
        let version = conn
            .query_row(
                "SELECT coalesce(max(id), 0) FROM ash_rusqlite_journaled",
                [],
                |row| row.get(0),
            )
            .map_err(sqlite_error::map)?;
        Ok(Some(Before {
            tables,
            version,
            head: layout::head(conn)?,
        }))
    }

    /// Writes the events of the rows that are others now, in the transaction of the migration.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn write_events(&self, conn: &Connection) -> Result<()> {
        let now = Journaled::all(conn)?;
        let mut old = None;
        for (before, root) in &self.tables {
            let renamed = self.renamed(conn, &before.table)?;
            let still = now.iter().find(|now| same(&now.table, &renamed.table));
            let Some(still) = still else {
                continue;
            };
            // Where the journal was switched off and on, rows may have changed in between.
            let is_kept = root_page(conn, &still.table)? == *root;
            if is_kept && still.spec == before.spec {
                continue;
            }
            if old.is_none() {
                let path = conn.path().unwrap_or_default();
                let config = Config::default();
                old = Some(connection::open_reader(
                    Path::new(path),
                    &config,
                    Arc::default(),
                )?);
            }
            if let Some(old) = &old {
                old.interrupt.begin_unlimited();
                self.compare(conn, &old.conn, before, still, &renamed)?;
            }
        }
        Ok(())
    }

    /// What a table and its columns are called now.
    fn renamed(&self, conn: &Connection, table: &str) -> Result<Renamed> {
        let columns = load_table(conn, table)?;
        let mut renamed = Renamed {
            table: table.to_owned(),
            columns: Vec::new(),
        };
        let sql = "SELECT \"table\", renamed FROM ash_rusqlite_journaled WHERE id > ?1 ORDER BY id";
        let mut stmt = conn.prepare(sql).map_err(sqlite_error::map)?;
        let rows = stmt.query_map([self.version], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
        });
        let versions: Vec<(String, Option<String>)> = rows
            .and_then(Iterator::collect)
            .map_err(sqlite_error::map)?;
        let mut names: Vec<(String, String)> = Vec::new();
        for (of, json) in versions {
            let map: std::collections::BTreeMap<String, String> = json
                .and_then(|json| serde_json::from_str(&json).ok())
                .unwrap_or_default();
            if map.get("*").is_some_and(|from| same(from, &renamed.table)) {
                renamed.table = of;
            } else if same(&of, &renamed.table) {
                for (to, from) in map {
                    match names.iter_mut().find(|(name, _)| *name == from) {
                        Some((name, _)) => *name = to,
                        None => names.push((to, from)),
                    }
                }
            }
        }
        let now = match same(&renamed.table, table) {
            true => columns,
            false => load_table(conn, &renamed.table)?,
        };
        for column in now.iter().flat_map(|table| &table.columns) {
            let known = names.iter().find(|(name, _)| same(name, &column.name));
            let was = known.map_or(&column.name, |(_, old)| old);
            renamed.columns.push((column.name.clone(), was.clone()));
        }
        Ok(renamed)
    }

    fn compare(
        &self,
        conn: &Connection,
        old: &Connection,
        before: &Journaled,
        now: &Journaled,
        renamed: &Renamed,
    ) -> Result<()> {
        let (Some(was), Some(is)) = (
            load_table(old, &before.table)?,
            load_table(conn, &now.table)?,
        ) else {
            return Ok(());
        };
        let pair = Pair::new(conn, &was, &is, now, renamed)?;
        let found = pair.found(conn, old, &before.spec)?;
        let config = serde_json::to_string(&now.spec).unwrap_or_default();
        let unit = layout::head(conn)? + 1;
        for gone in found.gone {
            gone.write(conn, now)?;
        }
        let Some(statements) = Statements::of(conn, &now.table, &config)? else {
            return Ok(());
        };
        for key in found.others {
            statements.write_existing(conn, self.head + 1, &key, unit)?;
        }
        Ok(())
    }
}

fn root_page(conn: &Connection, table: &str) -> Result<i64> {
    conn.prepare_cached(
        "SELECT rootpage FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
    )
    .and_then(|mut stmt| stmt.query_row([table], |row| row.get(0)))
    .map_err(sqlite_error::map)
}

/// What was found of a table.
#[derive(Default)]
struct Found {
    /// The keys of rows that are new or others.
    others: Vec<Value>,
    gone: Vec<Gone>,
}

/// A row that is not there any more.
struct Gone {
    key: Value,
    source: Option<String>,
    data: String,
}

impl Gone {
    /// Its event is written as that of a row that a REPLACE removed.
    fn write(self, conn: &Connection, now: &Journaled) -> Result<()> {
        let event_type = format!("{}.{}", now.spec.event_type, EventOn::Delete.suffix());
        conn.prepare_cached(
            "INSERT INTO ash_rusqlite_replaced (\"table\", key, type, source, data) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .and_then(|mut stmt| {
            stmt.execute((&now.table, &self.key, event_type, self.source, self.data))
        })
        .and_then(|_| conn.execute("DELETE FROM ash_rusqlite_replaced", []))
        .map(drop)
        .map_err(sqlite_error::map)
    }
}

/// A table as it was and as it is.
struct Pair<'a> {
    was: &'a Table,
    is: &'a Table,
    now: &'a Journaled,
    /// Today's columns that are compared, and what they were called; none for a new one.
    columns: Vec<(&'a Column, Option<&'a str>)>,
    /// What rows have in the columns that are new.
    defaults: Vec<Value>,
    key: Vec<(&'a str, &'a str)>,
}

impl<'a> Pair<'a> {
    fn new(
        conn: &Connection,
        was: &'a Table,
        is: &'a Table,
        now: &'a Journaled,
        renamed: &'a Renamed,
    ) -> Result<Pair<'a>> {
        let old_name = |column: &Column| -> Option<&'a str> {
            let (_, old) = renamed
                .columns
                .iter()
                .find(|(name, _)| same(name, &column.name))?;
            was.column(old).is_ok().then_some(old.as_str())
        };
        let skipped = |column: &Column| now.spec.skip.iter().any(|name| same(name, &column.name));
        let columns: Vec<(&Column, Option<&str>)> = is
            .columns
            .iter()
            .filter(|column| !column.generated && !skipped(column))
            .map(|column| (column, old_name(column)))
            .collect();
        let mut defaults = Vec::new();
        for (column, _) in columns.iter().filter(|(_, old)| old.is_none()) {
            defaults.push(default_value(conn, column)?);
        }
        let key = is
            .key_columns()
            .filter_map(|column| Some((column.name.as_str(), old_name(column)?)))
            .collect();
        Ok(Pair {
            was,
            is,
            now,
            columns,
            defaults,
            key,
        })
    }

    /// The rows as they were: key values, compared values, and what an event of their end holds.
    fn old_rows(&self, old: &Connection, spec: &JournalSpec) -> Result<String> {
        let journal = Journal::new(old, self.was, spec)?;
        let source = journal.subject(spec.source.as_ref(), "t");
        let mut parts: Vec<String> = self.key.iter().map(|(_, old)| of_row(old)).collect();
        let known = self.columns.iter().filter_map(|(_, old)| *old);
        parts.extend(known.map(of_row));
        parts.push(journal.key("t"));
        parts.push(source.unwrap_or_else(|| "NULL".to_owned()));
        parts.push(journal.row("t"));
        let order = self.key.iter().map(|(_, old)| *old);
        Ok(select(&self.was.name, &parts, order))
    }

    fn new_rows(&self, conn: &Connection) -> Result<String> {
        let journal = Journal::new(conn, self.is, &self.now.spec)?;
        let mut parts: Vec<String> = self.key.iter().map(|(new, _)| of_row(new)).collect();
        let was_there = |old: &Option<&str>| old.is_some();
        let known = self.columns.iter().filter(|(_, old)| was_there(old));
        let new = self.columns.iter().filter(|(_, old)| !was_there(old));
        parts.extend(known.chain(new).map(|(column, _)| of_row(&column.name)));
        parts.push(journal.key("t"));
        let order = self.key.iter().map(|(new, _)| *new);
        Ok(select(&self.is.name, &parts, order))
    }

    fn found(&self, conn: &Connection, old: &Connection, spec: &JournalSpec) -> Result<Found> {
        let (was, is) = (self.old_rows(old, spec)?, self.new_rows(conn)?);
        let run = || -> rusqlite::Result<Found> {
            let (mut was, mut is) = (old.prepare(&was)?, conn.prepare(&is)?);
            self.merge(&mut was, &mut is)
        };
        run().map_err(sqlite_error::map)
    }

    /// Goes through both in the order of their keys.
    fn merge(&self, was: &mut Statement<'_>, is: &mut Statement<'_>) -> rusqlite::Result<Found> {
        let width = self.key.len();
        let compared = self.columns.len();
        let known = compared - self.defaults.len();
        let mut found = Found::default();
        let (mut was, mut is) = (was.query([])?, is.query([])?);
        let mut before = read(&mut was, width + known + 3)?;
        let mut after = read(&mut is, width + compared + 1)?;
        loop {
            let order = match (&before, &after) {
                (None, None) => return Ok(found),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(before), Some(after)) => by_key(before, after, width),
            };
            match (order, &mut before, &mut after) {
                (Ordering::Less, Some(row), _) => {
                    found.gone.extend(gone(row));
                    before = read(&mut was, width + known + 3)?;
                }
                (Ordering::Equal, Some(old), Some(new)) => {
                    let old = old.iter().skip(width).take(known).chain(&self.defaults);
                    let values = new.iter().skip(width).take(compared);
                    if !old.eq(values) {
                        found.others.extend(new.pop());
                    }
                    before = read(&mut was, width + known + 3)?;
                    after = read(&mut is, width + compared + 1)?;
                }
                (_, _, Some(row)) => {
                    found.others.extend(row.pop());
                    after = read(&mut is, width + compared + 1)?;
                }
                (_, _, None) => return Ok(found),
            }
        }
    }
}

fn of_row(column: &str) -> String {
    format!("t.{}", name(column))
}

fn select<'n>(table: &str, parts: &[String], order: impl Iterator<Item = &'n str>) -> String {
    let order: Vec<String> = order
        .map(|column| format!("{} COLLATE BINARY", of_row(column)))
        .collect();
    format!(
        "SELECT {} FROM {} AS t ORDER BY {}",
        parts.join(", "),
        name(table),
        order.join(", ")
    )
}

fn read(rows: &mut rusqlite::Rows<'_>, width: usize) -> rusqlite::Result<Option<Vec<Value>>> {
    let values = |row: &Row<'_>| (0..width).map(|at| row.get(at)).collect();
    rows.next()?.map(values).transpose()
}

fn gone(row: &mut Vec<Value>) -> Option<Gone> {
    let (data, source, key) = (row.pop()?, row.pop()?, row.pop()?);
    let Value::Text(data) = data else { return None };
    let source = match source {
        Value::Text(source) => Some(source),
        _ => None,
    };
    Some(Gone { key, source, data })
}

/// In SQLite's own order (<https://sqlite.org/datatype3.html#sort_order>).
fn by_key(before: &[Value], after: &[Value], width: usize) -> Ordering {
    let pairs = before.iter().zip(after).take(width);
    let orders = pairs.map(|(before, after)| compare(before, after));
    orders.fold(Ordering::Equal, Ordering::then)
}

fn compare(left: &Value, right: &Value) -> Ordering {
    let class = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    };
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Blob(left), Value::Blob(right)) => left.cmp(right),
        (Value::Real(_) | Value::Integer(_), Value::Real(_) | Value::Integer(_)) => {
            number(left).total_cmp(&number(right))
        }
        _ => class(left).cmp(&class(right)),
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Integer(number) => *number as f64,
        Value::Real(number) => *number,
        _ => 0.0,
    }
}
