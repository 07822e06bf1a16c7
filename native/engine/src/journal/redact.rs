//! Redaction: the content of a row goes, from the row and from all of its events, and what stays
//! says that it did.
//!
//! In an event each value becomes `{"redacted":true}`. Its digest in the chain stays, its salt is
//! replaced by another one, so that nothing can be guessed from the digest. An event of the
//! operation `redact` says of which columns, who did it and why, and has a digest of what is left
//! of each event, which the chain covers with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rusqlite::types::{Value, ValueRef};
use rusqlite::{params_from_iter, Connection, OptionalExtension};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{json, Value as Json};

use super::context::RequestRow;
use super::follow::forget_found;
use super::keys;
use super::layout;
use super::names;
use super::seal::{digest, hex};
use super::triggers::encoded;
use crate::catalog::{load_table, Column, JournalSpec, Table};
use crate::error::{Code, Error, Result};
use crate::query::ir::WriteContext;
use crate::sqlite::lex::{name, quoted_name, same, string};
use crate::sqlite::sqlite_error;

/// What takes the place of a value.
const REDACTED: &str = "{\"redacted\":true}";

/// What is redacted, by whom and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redaction {
    /// The table.
    pub table: String,
    /// The columns; none: all but those of the key and those that events name their source and
    /// actor by.
    pub columns: Option<Vec<String>>,
    /// Whether the row is deleted, and not only emptied.
    pub delete: bool,
    /// Who, such as `user:<id>`.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What a redaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// The rows that were emptied or deleted.
    pub rows: u64,
    /// The events that had content.
    pub events: u64,
    /// The values in them.
    pub values: u64,
    /// The bytes of these values.
    pub bytes: u64,
}

/// Redacts the rows of these keys, as events hold them, in the transaction of the caller. Keys
/// that rows had before, or have now, count too. What is redacted already counts as nothing, and
/// where all is, nothing is written.
///
/// # Errors
/// `not_journaled`, `unknown_column`, `invalid_option` for a column of the key, `not_found` where
/// neither a row nor an event has such a key; what constraints of the table refuse.
pub fn redact(conn: &Connection, redaction: &Redaction, keys: &[Value]) -> Result<Redacted> {
    let work = Work::new(conn, redaction)?;
    let mut request = RequestRow::default();
    request.begin_unit(
        conn,
        &WriteContext {
            actor: redaction.actor.clone(),
            action: Some("redact".to_owned()),
            ..WriteContext::default()
        },
    )?;
    let mut done = Redacted::default();
    for key in keys {
        work.key(key, &mut done)?;
    }
    forget_found(conn)?;
    request.clear(conn)?;
    Ok(done)
}

/// The events of a row under one of its keys.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    key: Value,
    after: i64,
    until: i64,
}

/// An update that gave a row another key.
pub(super) struct Moved {
    pub(super) seq: i64,
    pub(super) from: Value,
    pub(super) to: Value,
}

struct Work<'a> {
    conn: &'a Connection,
    redaction: &'a Redaction,
    table: std::sync::Arc<Table>,
    /// The names that the table has had, as a list in SQL.
    tables: String,
    event_type: i64,
    /// The columns that are redacted, or, where all are, those that are not; by all of the names
    /// that they have had.
    named: BTreeSet<String>,
    columns: Vec<Column>,
    /// What the columns that may not be null are emptied to, as events have it.
    emptied: BTreeMap<String, String>,
    moves: Vec<Moved>,
}

impl<'a> Work<'a> {
    fn new(conn: &'a Connection, redaction: &'a Redaction) -> Result<Work<'a>> {
        if !layout::is_installed(conn)? {
            return Err(layout::not_journaled());
        }
        let sql = "SELECT \"table\", config FROM ash_rusqlite_journaled \
                   WHERE \"table\" = ?1 COLLATE NOCASE ORDER BY id DESC LIMIT 1";
        let found: Option<(String, String)> = conn
            .query_row(sql, [&redaction.table], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(sqlite_error::map)?;
        let table = load_table(conn, &redaction.table)?;
        let (Some((_, config)), Some(table)) = (found, table) else {
            let message = format!(
                "{} is not journaled: a redaction is for what is in events, too",
                quoted_name(&redaction.table)
            );
            return Err(Error::new(Code::NotJournaled, message).with("table", &*redaction.table));
        };
        let spec: JournalSpec = serde_json::from_str(&config).unwrap_or_default();
        let columns = columns(&table, &spec, redaction)?;
        let kept = |column: &&Column| !columns.iter().any(|redacted| redacted.name == column.name);
        let named: Vec<String> = match redaction.columns {
            Some(_) => columns.iter().map(|c| c.name.clone()).collect(),
            None => {
                let kept = table.columns.iter().filter(kept);
                kept.map(|c| c.name.clone()).collect()
            }
        };
        let tables = names::of_table(conn, &table.name)?;
        let named = names::of_columns(conn, &tables, named.into_iter())?;
        Ok(Work {
            event_type: layout::type_id(conn, &spec, &table.name, "redact")?,
            moves: moves(conn, &table)?,
            conn,
            redaction,
            tables: names::list(&tables),
            named,
            emptied: emptied(conn, &columns)?,
            columns,
            table,
        })
    }

    fn key(&self, key: &Value, done: &mut Redacted) -> Result<()> {
        let (mut rows, mut known) = (0, false);
        let spans = self.spans(key)?;
        for span in spans.iter().filter(|span| span.until == i64::MAX) {
            let (count, exists) = self.row(&span.key)?;
            rows += count;
            known |= exists;
        }
        // What this wrote of the row is among its events.
        let mut left = BTreeMap::new();
        for span in &spans {
            known |= self.events(span, &mut left, done)?;
        }
        if !known {
            let message = format!(
                "neither a row of {} nor an event of it has this key",
                quoted_name(&self.table.name)
            );
            return Err(Error::new(Code::NotFound, message).with("table", &*self.table.name));
        }
        done.rows += rows;
        if rows > 0 || !left.is_empty() {
            self.tombstone(key, &left)?;
        }
        Ok(())
    }

    /// The key and those that its row had before. Where its row has left it, and no other took it,
    /// also those that the row has had since.
    fn spans(&self, key: &Value) -> Result<Vec<Span>> {
        let span = |key: &Value, after, until| Span {
            key: key.clone(),
            after,
            until,
        };
        let left = self.moves.iter().rfind(|moved| moved.from == *key);
        let is_there = match left {
            None => true,
            Some(left) => self.exists(key)? || self.has_events(key, left.seq)?,
        };
        let mut spans = Vec::new();
        match left.filter(|_| !is_there) {
            None => spans.push(span(key, left.map_or(0, |moved| moved.seq), i64::MAX)),
            Some(left) => {
                spans.push(span(key, 0, left.seq));
                let mut at = left;
                while let Some(next) = self
                    .moves
                    .iter()
                    .find(|m| m.seq > at.seq && m.from == at.to)
                {
                    spans.push(span(&at.to, at.seq - 1, next.seq));
                    at = next;
                }
                spans.push(span(&at.to, at.seq - 1, i64::MAX));
            }
        }
        let mut look: VecDeque<Span> = spans.iter().take(1).cloned().collect();
        while let Some(of) = look.pop_front() {
            let before = self.moves.iter().filter(|moved| {
                moved.to == of.key && moved.seq > of.after && moved.seq <= of.until
            });
            for moved in before {
                let former = span(&moved.from, 0, moved.seq);
                if !spans.contains(&former) {
                    spans.push(former.clone());
                    look.push_back(former);
                }
            }
        }
        Ok(spans)
    }

    /// Whether a row had the key after an event.
    fn has_events(&self, key: &Value, after: i64) -> Result<bool> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM ash_rusqlite_events AS e \
             INDEXED BY ash_rusqlite_events_key \
             CROSS JOIN ash_rusqlite_event_types AS t ON t.id = e.type \
             WHERE e.key = ?1 AND e.seq > ?2 AND t.\"table\" IN ({}) AND t.operation <> 'redact')",
            self.tables
        );
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut stmt| stmt.query_row((key, after), |row| row.get(0)))
            .map_err(sqlite_error::map)
    }

    fn exists(&self, key: &Value) -> Result<bool> {
        let values = keys::values(self.conn, &self.table, key)?;
        let (table, is_row) = (name(&self.table.name), keys::is_row(&self.table));
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} AS t WHERE {is_row})");
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut stmt| stmt.query_row(params_from_iter(&values), |row| row.get(0)))
            .map_err(sqlite_error::map)
    }

    /// Empties or deletes the row of a key. Returns how many rows had content, and whether there is
    /// one.
    fn row(&self, key: &Value) -> Result<(u64, bool)> {
        if !self.exists(key)? {
            return Ok((0, false));
        }
        let values = keys::values(self.conn, &self.table, key)?;
        let (table, is_row) = (name(&self.table.name), keys::is_row(&self.table));
        if self.redaction.delete {
            let sql = format!("DELETE FROM {table} AS t WHERE {is_row}");
            return Ok((run(self.conn, &sql, params_from_iter(&values))?, true));
        }
        if self.columns.is_empty() {
            return Ok((0, true));
        }
        let set: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} = {}", name(&column.name), blank(column)))
            .collect();
        let has_content: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("t.{} IS NOT {}", name(&column.name), blank(column)))
            .collect();
        let sql = format!(
            "UPDATE {table} AS t SET {} WHERE {is_row} AND ({})",
            set.join(", "),
            has_content.join(" OR ")
        );
        Ok((run(self.conn, &sql, params_from_iter(&values))?, true))
    }

    /// Redacts events. What it left of each is added to `left`. Returns whether there were any.
    fn events(
        &self,
        span: &Span,
        left: &mut BTreeMap<i64, String>,
        done: &mut Redacted,
    ) -> Result<bool> {
        let mut stmt = self
            .conn
            .prepare_cached(&format!(
                "SELECT seq, salt, data, old, digest FROM ash_rusqlite_events AS e \
                 INDEXED BY ash_rusqlite_events_key \
                 CROSS JOIN ash_rusqlite_event_types AS t ON t.id = e.type \
                 WHERE key = ?1 AND seq > ?2 AND seq <= ?3 AND t.\"table\" IN ({}) \
                 AND operation <> 'redact'",
                self.tables
            ))
            .map_err(sqlite_error::map)?;
        let mut rows = stmt
            .query((&span.key, span.after, span.until))
            .map_err(sqlite_error::map)?;
        let mut found = false;
        let mut changes = Vec::new();
        while let Some(row) = rows.next().map_err(sqlite_error::map)? {
            found = true;
            let get = |at: usize| row.get_ref(at).map_err(sqlite_error::map);
            let seq: i64 = row.get(0).map_err(sqlite_error::map)?;
            let mut count = (0, 0);
            let data = self.edited(seq, get(2)?, &mut count)?;
            let old = self.edited(seq, get(3)?, &mut count)?;
            if data.is_none() && old.is_none() {
                continue;
            }
            done.values += count.0;
            done.bytes += count.1;
            let original = match get(4)? {
                ValueRef::Null => digest(get(1)?, get(2)?, get(3)?).to_vec(),
                stored => stored.as_bytes().unwrap_or_default().to_vec(),
            };
            let stored = |edited: Option<String>, value: ValueRef<'_>| match edited {
                Some(text) => Value::Text(text),
                None => value.try_into().unwrap_or(Value::Null),
            };
            changes.push((seq, original, stored(data, get(2)?), stored(old, get(3)?)));
        }
        for (seq, original, data, old) in changes {
            let salt: Vec<u8> = self
                .conn
                .prepare_cached(
                    "UPDATE ash_rusqlite_events SET data = ?1, old = ?2, digest = ?3, \
                     salt = randomblob(16) WHERE seq = ?4 RETURNING salt",
                )
                .and_then(|mut stmt| stmt.query_row((&data, &old, original, seq), |row| row.get(0)))
                .map_err(sqlite_error::map)?;
            let hash = digest(ValueRef::Blob(&salt), (&data).into(), (&old).into());
            left.insert(seq, hex(&hash));
            done.events += 1;
        }
        Ok(found)
    }

    /// The JSON of an event without the values that are redacted; `None` where it has none.
    fn edited(
        &self,
        seq: i64,
        json: ValueRef<'_>,
        (values, bytes): &mut (u64, u64),
    ) -> Result<Option<String>> {
        let ValueRef::Text(json) = json else {
            return Ok(None);
        };
        let broken = |_| {
            let message = format!("the data of event {seq} is no JSON");
            Error::new(Code::JournalBroken, message).with("seq", seq)
        };
        let Pairs(pairs) = serde_json::from_slice(json).map_err(broken)?;
        let mut parts = Vec::with_capacity(pairs.len());
        let mut changed = false;
        for (key, value) in &pairs {
            let value = value.get();
            let named = self.named.iter().any(|name| same(name, key));
            let is_content = named == self.redaction.columns.is_some()
                && !["null", REDACTED].contains(&value)
                && self.emptied.get(key).is_none_or(|empty| empty != value);
            let value = match is_content {
                true => {
                    changed = true;
                    *values += 1;
                    *bytes += u64::try_from(value.len()).unwrap_or(0);
                    REDACTED
                }
                false => value,
            };
            parts.push(format!("{}:{value}", Json::from(key.as_str())));
        }
        Ok(changed.then(|| format!("{{{}}}", parts.join(","))))
    }

    /// The event that says what was redacted.
    fn tombstone(&self, key: &Value, left: &BTreeMap<i64, String>) -> Result<()> {
        let columns: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        let data = json!({
            "columns": columns,
            "reason": self.redaction.reason,
            "deleted": self.redaction.delete,
            "events": left,
        });
        let source: Option<i64> = self
            .conn
            .prepare_cached(&format!(
                "SELECT source FROM ash_rusqlite_events INDEXED BY ash_rusqlite_events_key \
                 WHERE key = ?1 AND type IN \
                 (SELECT id FROM ash_rusqlite_event_types WHERE \"table\" IN ({})) \
                 ORDER BY seq DESC LIMIT 1",
                self.tables
            ))
            .and_then(|mut stmt| stmt.query_row([key], |row| row.get(0)).optional())
            .map(Option::flatten)
            .map_err(sqlite_error::map)?;
        run(
            self.conn,
            "UPDATE ash_rusqlite_subjects SET position = position + 1 WHERE id = ?1",
            [source],
        )?;
        run(
            self.conn,
            "INSERT INTO ash_rusqlite_events \
             (type, source, position, actor, key, data, tx, at, action, salt) \
             SELECT ?1, s.id, s.position, r.actor, ?2, ?3, r.tx, r.at, r.action, randomblob(16) \
             FROM ash_rusqlite_request AS r LEFT JOIN ash_rusqlite_subjects AS s ON s.id = ?4 \
             WHERE r.id = 1",
            (self.event_type, key, data.to_string(), source),
        )?;
        Ok(())
    }
}

/// The columns of a table that are redacted.
fn columns(table: &Table, spec: &JournalSpec, redaction: &Redaction) -> Result<Vec<Column>> {
    let subjects = [&spec.source, &spec.actor];
    let is_subject = |column: &Column| {
        let mut subjects = subjects.iter().filter_map(|subject| subject.as_ref());
        subjects.any(|subject| same(&subject.1, &column.name))
    };
    let Some(given) = &redaction.columns else {
        let all = table.columns.iter();
        let content = all.filter(|c| !c.in_key && !c.generated && !is_subject(c));
        return Ok(content.cloned().collect());
    };
    let mut columns = Vec::new();
    for column in given {
        let (_, found) = table.column(column)?;
        if found.in_key || found.generated {
            let why = match found.in_key {
                true => "is of the primary key, by which the events are found",
                false => "is computed by SQLite: name the columns that it is computed of",
            };
            let message = format!("the column {} {why}", quoted_name(&found.name));
            return Err(Error::new(Code::InvalidOption, message)
                .with("option", "columns")
                .with("table", &*table.name)
                .with("column", &*found.name));
        }
        columns.push(found.clone());
    }
    Ok(columns)
}

/// The updates that gave a row another key.
pub(super) fn moves(conn: &Connection, table: &Table) -> Result<Vec<Moved>> {
    let columns: Vec<&Column> = table.key_columns().collect();
    let names: Vec<String> = columns.iter().map(|c| string(&c.name)).collect();
    // The value that a column had: what the event says, or else what it has in the new key.
    let had = |at: usize, now: &str| {
        let of = names.get(at).map_or("''", String::as_str);
        format!(
            "coalesce((SELECT CASE type WHEN 'object' THEN unhex(value ->> '$.blob') \
             ELSE value END FROM json_each(e.old) AS o WHERE o.key = {of}), {now})"
        )
    };
    let from = match columns.len() {
        1 => had(0, "NULL"),
        // As the JSON of the new key, with what the event says of the old one in its places.
        _ => {
            let parts = (0..columns.len()).map(|at| {
                let of = names.get(at).map_or("''", String::as_str);
                format!("coalesce(e.old -> ('$.' || json_quote({of})), e.key -> '$[{at}]')")
            });
            format!(
                "'[' || {} || ']'",
                parts.collect::<Vec<_>>().join(" || ',' || ")
            )
        }
    };
    let sql = format!(
        "SELECT e.seq, {from}, e.key FROM ash_rusqlite_events AS e WHERE e.type IN \
         (SELECT id FROM ash_rusqlite_event_types WHERE \"table\" IN ({}) AND operation = 'update') \
         AND EXISTS (SELECT 1 FROM json_each(e.old) AS o WHERE o.key IN ({})) ORDER BY e.seq",
        names::list(&names::of_table(conn, &table.name)?),
        names.join(", ")
    );
    let mut stmt = conn.prepare(&sql).map_err(sqlite_error::map)?;
    let rows = stmt.query_map([], |row| {
        Ok(Moved {
            seq: row.get(0)?,
            from: row.get(1)?,
            to: row.get(2)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(sqlite_error::map)
}

/// What columns that may not be null are emptied to, as events have it.
fn emptied(conn: &Connection, columns: &[Column]) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for column in columns.iter().filter(|column| column.not_null) {
        let sql = format!("SELECT {}", encoded(blank(column), &column.declared));
        let text: String = conn
            .query_row(&sql, [], |row| row.get(0))
            .map_err(sqlite_error::map)?;
        all.insert(column.name.clone(), text);
    }
    Ok(all)
}

/// What an emptied column holds, in SQL: null, or where it may not be null a value of its type
/// that says nothing.
fn blank(column: &Column) -> &'static str {
    if !column.not_null {
        return "NULL";
    }
    column.column_type.blank()
}

/// A JSON object as its names and values, these as they are written.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> std::result::Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<u64> {
    conn.prepare_cached(sql)
        .and_then(|mut stmt| stmt.execute(params))
        .map(|rows| u64::try_from(rows).unwrap_or(u64::MAX))
        .map_err(sqlite_error::map)
}
