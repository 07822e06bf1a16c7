//! The rows of one table while events are applied to it, or taken back.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Statement};

use super::value::{array, object, Encoded, Unreadable};
use super::versions::{layouts, placeholder, Layout, Version};
use crate::catalog::{Column, Table};
use crate::error::Result;
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A row is there now.
    Insert,
    /// A row was there before.
    Baseline,
    /// Columns of it are others now.
    Update,
    /// It is gone.
    Delete,
    /// Nothing that a replay does: it is done to the events before.
    Nothing,
}

impl Operation {
    /// By its name in the file.
    pub(crate) fn of(name: &str) -> Operation {
        match name {
            "insert" => Operation::Insert,
            "baseline" => Operation::Baseline,
            "update" => Operation::Update,
            "delete" => Operation::Delete,
            _ => Operation::Nothing,
        }
    }
}

/// What a row gets in place of a sensitive value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digests {
    /// NULL, where that may be.
    Null,
    /// A value, so that it is seen that there was one.
    Placeholder,
}

/// Why an event was not applied.
pub(crate) enum Failed {
    /// Its JSON cannot be read.
    Unreadable(Unreadable),
    /// SQLite refused.
    Sqlite(rusqlite::Error),
}

impl From<Unreadable> for Failed {
    fn from(why: Unreadable) -> Failed {
        Failed::Unreadable(why)
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Failed {
        Failed::Sqlite(error)
    }
}

type Applied = std::result::Result<usize, Failed>;

/// The columns of a row that are set, by their places.
type Values<'a> = Vec<(usize, Encoded<'a>)>;

/// The event's key and the columns that it changed.
pub(crate) struct Change<'a> {
    /// The seq.
    pub(crate) seq: i64,
    /// What it did.
    pub(crate) operation: Operation,
    /// The row's key behind it.
    pub(crate) key: ValueRef<'a>,
    /// The data.
    pub(crate) data: &'a [u8],
    /// What was there before an update.
    pub(crate) old: &'a [u8],
}

/// A table that events are applied to.
pub(crate) struct Rows<'c> {
    conn: &'c Connection,
    /// The table as it is.
    pub(crate) table: Arc<Table>,
    /// Where the rows are, in SQL.
    into: String,
    columns: Vec<String>,
    not_null: Vec<bool>,
    placeholders: Vec<Encoded<'static>>,
    /// The places of the key's columns, in its order.
    key: Vec<usize>,
    layouts: Vec<Layout>,
    digests: Digests,
    inserts: HashMap<Vec<usize>, Statement<'c>>,
    updates: HashMap<Vec<usize>, Statement<'c>>,
    delete: Statement<'c>,
}

impl<'c> Rows<'c> {
    /// `into` is where the rows are, in SQL; the table is already there.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn new(
        conn: &'c Connection,
        table: &Arc<Table>,
        versions: &[Version],
        into: String,
        digests: Digests,
    ) -> Result<Rows<'c>> {
        let stored = || table.columns.iter().filter(|column| !column.generated);
        let columns: Vec<&Column> = stored().collect();
        let place = |key: &Column| columns.iter().position(|column| column.name == key.name);
        let key: Vec<usize> = table.key_columns().filter_map(place).collect();
        let names: Vec<String> = stored().map(|column| quoted_name(&column.name)).collect();
        let sql = format!("DELETE FROM {into} WHERE {}", condition(&names, &key, 1));
        Ok(Rows {
            conn,
            delete: conn.prepare(&sql).map_err(sqlite_error::map)?,
            table: Arc::clone(table),
            into,
            not_null: stored().map(|column| column.not_null).collect(),
            placeholders: stored().map(placeholder).collect(),
            layouts: layouts(table, &columns, versions),
            columns: names,
            key,
            digests,
            inserts: HashMap::new(),
            updates: HashMap::new(),
        })
    }

    /// The layout that held at a seq; none before the first one.
    fn layout(&self, seq: i64) -> Option<usize> {
        match self.layouts.as_slice() {
            [only] => (only.since <= seq).then_some(0),
            many => many
                .partition_point(|layout| layout.since <= seq)
                .checked_sub(1),
        }
    }

    /// Does what an event did. Returns how many rows that were.
    pub(crate) fn apply(&mut self, change: &Change<'_>) -> Applied {
        let Some(layout) = self.layout(change.seq) else {
            return Ok(0);
        };
        match change.operation {
            Operation::Insert | Operation::Baseline => self.insert(layout, change.key, change.data),
            Operation::Update => {
                let set = self.values(layout, change.data)?;
                let mut key = self.key_values(change.key)?;
                if set.iter().any(|(place, _)| self.key.contains(place)) {
                    for (place, value) in self.values(layout, change.old)? {
                        let part = self.key.iter().position(|part| *part == place);
                        if let Some(part) = part.and_then(|part| key.get_mut(part)) {
                            *part = value;
                        }
                    }
                }
                self.update(&set, &key)
            }
            Operation::Delete => self.delete(change.key),
            Operation::Nothing => Ok(0),
        }
    }

    /// Takes back what an event did.
    pub(crate) fn take_back(&mut self, change: &Change<'_>) -> Applied {
        let Some(layout) = self.layout(change.seq) else {
            return Ok(0);
        };
        match change.operation {
            Operation::Insert => self.delete(change.key),
            Operation::Update => {
                let set = self.values(layout, change.old)?;
                let key = self.key_values(change.key)?;
                self.update(&set, &key)
            }
            Operation::Delete => self.insert(layout, change.key, change.data),
            Operation::Baseline | Operation::Nothing => Ok(0),
        }
    }

    /// The keys of the rows that an event is about: the one behind it, and the one before where
    /// that is another.
    pub(crate) fn keys<'a>(
        &self,
        change: &Change<'a>,
    ) -> std::result::Result<Vec<Vec<Encoded<'a>>>, Failed> {
        if matches!(change.operation, Operation::Baseline | Operation::Nothing) {
            return Ok(Vec::new());
        }
        let key = self.key_values(change.key)?;
        let Some(layout) = self.layout(change.seq) else {
            return Ok(Vec::new());
        };
        if change.operation != Operation::Update {
            return Ok(vec![key]);
        }
        let mut before = key.clone();
        for (place, value) in self.values(layout, change.old)? {
            let part = self.key.iter().position(|part| *part == place);
            if let Some(part) = part.and_then(|part| before.get_mut(part)) {
                *part = value;
            }
        }
        Ok(vec![key, before])
    }

    /// The columns of an event's JSON, by their places in the table of today.
    fn values<'a>(
        &self,
        layout: usize,
        json: &'a [u8],
    ) -> std::result::Result<Values<'a>, Unreadable> {
        let mut values = Vec::with_capacity(self.columns.len());
        let names = self.layouts.get(layout).map(|layout| &layout.names);
        let names = names.map_or([].as_slice(), Vec::as_slice);
        // Events have the columns in the order of the table.
        let mut next = 0;
        object(json, |column: Cow<'a, [u8]>, value| {
            let is = |(name, _): &(Vec<u8>, Option<usize>)| name.as_slice() == column.as_ref();
            let found = names.iter().skip(next).position(is).map(|at| at + next);
            let found = found.or_else(|| names.iter().position(is));
            let Some(at) = found else {
                return Err(Unreadable("it has a column that the table did not have"));
            };
            next = at + 1;
            if let Some((_, Some(place))) = names.get(at) {
                values.push((*place, self.known(*place, value)));
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// A value, or what is in its place.
    fn known<'a>(&self, place: usize, value: Encoded<'a>) -> Encoded<'a> {
        let is_unknown = matches!(value, Encoded::Digest | Encoded::Redacted);
        if !is_unknown {
            return value;
        }
        let seen = value == Encoded::Digest && self.digests == Digests::Placeholder;
        let needed = seen || self.not_null.get(place).copied().unwrap_or(false);
        let placeholder = self.placeholders.get(place).filter(|_| needed);
        placeholder.cloned().unwrap_or(Encoded::Null)
    }

    fn key_values<'a>(
        &self,
        key: ValueRef<'a>,
    ) -> std::result::Result<Vec<Encoded<'a>>, Unreadable> {
        match (self.key.len(), key) {
            (1, _) => Ok(vec![Encoded::stored(key)]),
            (many, ValueRef::Text(json)) => {
                let values = array(json)?;
                match values.len() == many {
                    true => Ok(values),
                    false => Err(Unreadable("its key has another number of columns")),
                }
            }
            _ => Err(Unreadable("its key is not that of several columns")),
        }
    }

    fn insert(&mut self, layout: usize, key: ValueRef<'_>, data: &[u8]) -> Applied {
        let mut values = self.values(layout, data)?;
        let later = self.layouts.get(layout).map(|layout| &layout.later);
        values.extend(later.into_iter().flatten().cloned());
        match self.insert_values(&values) {
            // The row is there: with a baseline that comes behind its first event, or where
            // REPLACE of a program without our triggers put another one in its place.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                if self.delete(key)? == 0 {
                    return Err(error.into());
                }
                Ok(self.insert_values(&values)?)
            }
            result => Ok(result?),
        }
    }

    fn insert_values(&mut self, values: &[(usize, Encoded<'_>)]) -> rusqlite::Result<usize> {
        let places: Vec<usize> = values.iter().map(|(place, _)| *place).collect();
        if !self.inserts.contains_key(&places) {
            let names: Vec<&str> = self.names(&places).collect();
            let marks = vec!["?"; names.len()].join(", ");
            let sql = format!(
                "INSERT INTO {} ({}) VALUES ({marks})",
                self.into,
                names.join(", ")
            );
            let stmt = self.conn.prepare(&sql)?;
            self.inserts.insert(places.clone(), stmt);
        }
        match self.inserts.get_mut(&places) {
            Some(stmt) => run(stmt, values.iter().map(|(_, value)| value)),
            None => Ok(0),
        }
    }

    fn update(&mut self, set: &[(usize, Encoded<'_>)], key: &[Encoded<'_>]) -> Applied {
        if set.is_empty() {
            return Ok(0);
        }
        let places: Vec<usize> = set.iter().map(|(place, _)| *place).collect();
        if !self.updates.contains_key(&places) {
            let mut sql = format!("UPDATE {} SET ", self.into);
            for (at, name) in self.names(&places).enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let _ = write!(sql, "{comma}{name} = ?{}", at + 1);
            }
            let condition = condition(&self.columns, &self.key, places.len() + 1);
            let _ = write!(sql, " WHERE {condition}");
            let stmt = self.conn.prepare(&sql)?;
            self.updates.insert(places.clone(), stmt);
        }
        let values = set.iter().map(|(_, value)| value);
        match self.updates.get_mut(&places) {
            Some(stmt) => Ok(run(stmt, values.chain(key))?),
            None => Ok(0),
        }
    }

    fn delete(&mut self, key: ValueRef<'_>) -> Applied {
        let key = self.key_values(key)?;
        Ok(run(&mut self.delete, key.iter())?)
    }

    fn names<'s>(&'s self, places: &'s [usize]) -> impl Iterator<Item = &'s str> {
        let name = |place: &usize| self.columns.get(*place).map(String::as_str);
        places.iter().filter_map(name)
    }
}

/// Whether a row has the key that is bound from a place on.
fn condition(columns: &[String], key: &[usize], first: usize) -> String {
    let is = if key.len() == 1 { "=" } else { "IS" };
    let parts: Vec<String> = key
        .iter()
        .filter_map(|place| columns.get(*place))
        .enumerate()
        .map(|(at, name)| format!("{name} {is} ?{}", first + at))
        .collect();
    parts.join(" AND ")
}

fn run<'v, 'e: 'v>(
    stmt: &mut Statement<'_>,
    values: impl Iterator<Item = &'v Encoded<'e>>,
) -> rusqlite::Result<usize> {
    for (at, value) in values.enumerate() {
        stmt.raw_bind_parameter(at + 1, value)?;
    }
    stmt.raw_execute()
}
