//! The rows that were there before their table was journaled: an event of each, so that replay
//! begins with them. They are written in chunks, so that others can write between these.
//!
//! A table is walked in the order of its primary key. How far that is stands in the file, in the
//! same commit as the events. Rows that have an event with all of their columns already, because
//! they were inserted since, are left out. A row that gets another key while this runs may be
//! passed by; such rows are found by their events at the end.

use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{params_from_iter, Connection, OptionalExtension};

use super::keys;
use super::layout;
use super::triggers::Journal;
use crate::catalog::{load_table, JournalSpec, Table};
use crate::error::Result;
use crate::sqlite::lex::{name, string};
use crate::sqlite::sqlite_error;

/// What a chunk did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineChunk {
    /// The table.
    pub table: String,
    /// The rows that were looked at.
    pub rows: u64,
    /// The events that were written.
    pub events: u64,
    /// Whether it was the table's last.
    pub complete: bool,
}

/// Writes baselines, one chunk after the other. It only remembers statements: where it was is in
/// the file.
#[derive(Default)]
pub struct Baseline {
    statements: Option<Statements>,
}

/// A table whose baseline is not complete.
struct Pending {
    id: i64,
    table: String,
    config: String,
    since: i64,
    last: Value,
}

/// The statements for one table.
pub(super) struct Statements {
    /// Of which row of the journaled tables, and of which schema.
    of: (i64, i64),
    table: std::sync::Arc<Table>,
    event_type: i64,
    first: String,
    next: String,
    known: String,
    exists: String,
    position: Option<String>,
    event: String,
    moved: String,
}

/// Whether some table's baseline is not complete.
///
/// # Errors
/// Those of SQLite.
pub fn is_pending(conn: &Connection) -> Result<bool> {
    Ok(pending(conn)?.is_some())
}

/// How many tables have no complete baseline.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn pending_baselines(conn: &Connection) -> Result<i64> {
    let sql =
        "SELECT count(*) FROM ash_rusqlite_journaled WHERE until IS NULL AND baselined IS NULL";
    conn.prepare_cached(sql)
        .and_then(|mut stmt| stmt.query_row([], |row| row.get(0)))
        .map_err(sqlite_error::map)
}

/// The rows of a table.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn rows_of(conn: &Connection, table: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {}", name(table));
    let rows: i64 = conn
        .query_row(&sql, [], |row| row.get(0))
        .map_err(sqlite_error::map)?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

fn pending(conn: &Connection) -> Result<Option<Pending>> {
    let sql = "SELECT id, \"table\", config, since, baseline_key FROM ash_rusqlite_journaled \
               WHERE until IS NULL AND baselined IS NULL ORDER BY id LIMIT 1";
    conn.prepare_cached(sql)
        .and_then(|mut stmt| {
            stmt.query_row([], |row| {
                Ok(Pending {
                    id: row.get(0)?,
                    table: row.get(1)?,
                    config: row.get(2)?,
                    since: row.get(3)?,
                    last: row.get(4)?,
                })
            })
            .optional()
        })
        .map_err(sqlite_error::map)
}

impl Baseline {
    /// Writes the next chunk, in the transaction of the caller: at most this many rows, and no
    /// more once the time is over. `None` where every table has its baseline.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn step(
        &mut self,
        conn: &Connection,
        rows: usize,
        time: Duration,
    ) -> Result<Option<BaselineChunk>> {
        let until = Instant::now() + time;
        let Some(pending) = pending(conn)? else {
            return Ok(None);
        };
        let schema: i64 = conn
            .pragma_query_value(None, "schema_version", |row| row.get(0))
            .map_err(sqlite_error::map)?;
        let of = (pending.id, schema);
        if self.statements.as_ref().is_none_or(|known| known.of != of) {
            self.statements = Statements::new(conn, &pending, schema)?;
        }
        let Some(statements) = &self.statements else {
            // The table was dropped, and not by a migration.
            run(
                conn,
                "UPDATE ash_rusqlite_journaled SET until = \
                 (SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events) WHERE id = ?1",
                [pending.id],
            )?;
            return Ok(Some(BaselineChunk {
                table: pending.table,
                rows: 0,
                events: 0,
                complete: true,
            }));
        };
        statements.chunk(conn, &pending, rows, until).map(Some)
    }
}

impl Statements {
    /// Of a table that is there; for events of single rows.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(super) fn of(conn: &Connection, table: &str, config: &str) -> Result<Option<Statements>> {
        let pending = Pending {
            id: 0,
            table: table.to_owned(),
            config: config.to_owned(),
            since: i64::MAX,
            last: Value::Null,
        };
        Statements::new(conn, &pending, 0)
    }

    /// Writes an event of a row, if there is a row with this key and no event after `since` has
    /// all of its columns. Returns whether it did.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(super) fn write_existing(
        &self,
        conn: &Connection,
        since: i64,
        key: &Value,
        unit: i64,
    ) -> Result<bool> {
        let values = keys::values(conn, &self.table, key)?;
        let exists = conn
            .prepare_cached(&self.exists)
            .and_then(|mut stmt| {
                stmt.query_row(params_from_iter(&values), |row| row.get::<_, bool>(0))
            })
            .map_err(sqlite_error::map)?;
        Ok(exists && self.write(conn, since, key, &values, unit)?)
    }

    fn new(conn: &Connection, pending: &Pending, schema: i64) -> Result<Option<Statements>> {
        let spec: Option<JournalSpec> = serde_json::from_str(&pending.config).ok();
        let (Some(table), Some(spec)) = (load_table(conn, &pending.table)?, spec) else {
            return Ok(None);
        };
        let journal = Journal::new(conn, &table, &spec)?;
        let event_type = layout::type_id(conn, &spec, &table.name, "baseline")?;
        let from = name(&table.name);
        let (columns, is_row) = (keys::columns(&table, "t"), keys::is_row(&table));
        let width = columns.len();
        let selected = columns.join(", ");
        let not_null: Vec<String> = columns.iter().map(|c| format!("{c} IS NOT NULL")).collect();
        let rows = |condition: &str| {
            format!(
                "SELECT {}, {selected} FROM {from} AS t WHERE {}{condition} \
                 ORDER BY {selected} LIMIT ?{}",
                journal.key("t"),
                not_null.join(" AND "),
                width + 1
            )
        };
        let places: Vec<String> = (1..=width).map(|at| format!("?{at}")).collect();
        let source = journal.subject(spec.source.as_ref(), "t");
        let position = source.as_ref().map(|source| {
            format!(
                "INSERT INTO ash_rusqlite_subjects (name, position) \
                 SELECT {source}, 1 FROM {from} AS t WHERE {is_row} AND {source} IS NOT NULL \
                 ON CONFLICT (name) DO UPDATE SET position = position + 1"
            )
        });
        let event = format!(
            "INSERT INTO ash_rusqlite_events (type, source, position, key, data, tx, at, salt) \
             SELECT ?{}, s.id, s.position, {}, {}, ?{}, {}, randomblob(16) FROM {from} AS t \
             LEFT JOIN ash_rusqlite_subjects AS s ON s.name = {} WHERE {is_row}",
            width + 1,
            journal.key("t"),
            journal.row("t"),
            width + 2,
            layout::NOW,
            source.as_deref().unwrap_or("NULL"),
        );
        let names: Vec<String> = table.key_columns().map(|key| string(&key.name)).collect();
        let changes_key = format!(
            "EXISTS (SELECT 1 FROM json_each(e.old) AS o WHERE o.key IN ({}))",
            names.join(", ")
        );
        Ok(Some(Statements {
            of: (pending.id, schema),
            event_type,
            first: rows(""),
            next: rows(&format!(" AND ({selected}) > ({})", places.join(", "))),
            known: format!(
                "SELECT coalesce((SELECT t.operation IN ('insert', 'baseline') \
                 FROM ash_rusqlite_events AS e INDEXED BY ash_rusqlite_events_key \
                 CROSS JOIN ash_rusqlite_event_types AS t ON t.id = e.type \
                 WHERE e.key = ?1 AND e.seq >= ?2 AND t.\"table\" = {} \
                 AND (t.operation IN ('insert', 'baseline', 'delete') \
                 OR (t.operation = 'update' AND {changes_key})) \
                 ORDER BY e.seq DESC LIMIT 1), 0)",
                string(&table.name)
            ),
            exists: format!("SELECT EXISTS (SELECT 1 FROM {from} AS t WHERE {is_row})"),
            position,
            event,
            moved: format!(
                "SELECT DISTINCT e.key FROM ash_rusqlite_events AS e WHERE e.seq >= ?1 \
                 AND e.type IN (SELECT id FROM ash_rusqlite_event_types \
                 WHERE \"table\" = {} AND operation = 'update') AND {changes_key}",
                string(&table.name)
            ),
            table,
        }))
    }

    fn chunk(
        &self,
        conn: &Connection,
        pending: &Pending,
        limit: usize,
        until: Instant,
    ) -> Result<BaselineChunk> {
        let mut chunk = BaselineChunk {
            table: pending.table.clone(),
            rows: 0,
            events: 0,
            complete: false,
        };
        let unit = layout::head(conn)? + 1;
        let keys = self.keys(conn, &pending.last, limit)?;
        let mut last = None;
        let ended = keys.len() < limit;
        let mut left = keys.len();
        for (key, values) in keys {
            chunk.events += u64::from(self.write(conn, pending.since, &key, &values, unit)?);
            chunk.rows += 1;
            left -= 1;
            last = Some(key);
            if Instant::now() >= until {
                break;
            }
        }
        if ended && left == 0 {
            chunk.events += self.write_moved(conn, pending, unit)?;
            chunk.complete = true;
            run(
                conn,
                "UPDATE ash_rusqlite_journaled SET baseline_key = NULL, baselined = \
                 (SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events) WHERE id = ?1",
                [pending.id],
            )?;
        } else if let Some(last) = last {
            run(
                conn,
                "UPDATE ash_rusqlite_journaled SET baseline_key = ?1 WHERE id = ?2",
                (last, pending.id),
            )?;
        }
        Ok(chunk)
    }

    /// The keys that come next, each as events hold it and as its columns' values.
    fn keys(
        &self,
        conn: &Connection,
        last: &Value,
        limit: usize,
    ) -> Result<Vec<(Value, Vec<Value>)>> {
        let width = self.table.primary_key.len();
        let (sql, mut params) = match last {
            Value::Null => (&self.first, vec![Value::Null; width]),
            last => (&self.next, keys::values(conn, &self.table, last)?),
        };
        params.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        let mut stmt = conn.prepare_cached(sql).map_err(sqlite_error::map)?;
        let rows = stmt.query_map(params_from_iter(params), |row| {
            let values: rusqlite::Result<Vec<Value>> = (1..=width).map(|at| row.get(at)).collect();
            Ok((row.get(0)?, values?))
        });
        rows.and_then(Iterator::collect).map_err(sqlite_error::map)
    }

    /// Writes the event of a row, unless it has one: of what its key stood for last, the first event
    /// since then has all of its columns. Returns whether it did.
    fn write(
        &self,
        conn: &Connection,
        since: i64,
        key: &Value,
        values: &[Value],
        unit: i64,
    ) -> Result<bool> {
        let known = conn
            .prepare_cached(&self.known)
            .and_then(|mut stmt| stmt.query_row((key, since), |row| row.get::<_, bool>(0)))
            .map_err(sqlite_error::map)?;
        if known {
            return Ok(false);
        }
        if let Some(position) = &self.position {
            run(conn, position, params_from_iter(values))?;
        }
        let more = [Value::Integer(self.event_type), Value::Integer(unit)];
        run(
            conn,
            &self.event,
            params_from_iter(values.iter().chain(&more)),
        )?;
        Ok(true)
    }

    /// Writes the events of rows that got another key meanwhile, and have none.
    fn write_moved(&self, conn: &Connection, pending: &Pending, unit: i64) -> Result<u64> {
        let since: i64 = conn
            .query_row(
                "SELECT min(since) FROM ash_rusqlite_journaled \
                 WHERE \"table\" = ?1 AND baselined IS NULL",
                [&pending.table],
                |row| row.get(0),
            )
            .map_err(sqlite_error::map)?;
        let mut stmt = conn
            .prepare_cached(&self.moved)
            .map_err(sqlite_error::map)?;
        let keys = stmt.query_map([since], |row| row.get(0));
        let keys: Vec<Value> = keys
            .and_then(Iterator::collect)
            .map_err(sqlite_error::map)?;
        let mut written = 0;
        for key in keys {
            written += u64::from(self.write_existing(conn, pending.since, &key, unit)?);
        }
        Ok(written)
    }
}

fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    conn.prepare_cached(sql)
        .and_then(|mut stmt| stmt.execute(params))
        .map(drop)
        .map_err(sqlite_error::map)
}
