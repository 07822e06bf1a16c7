//! Reading: from an [`EventQuery`] to SQL over the numbered tables. Whatever it asks for, an index
//! leads to the first event, and the order of the index is the order wanted.

mod bounds;
mod check;
mod columns;

use std::ops::Deref;
use std::sync::Arc;

use rusqlite::types::ToSqlOutput;

use super::layout::not_journaled;
use super::triggers::encoded;
use crate::catalog::{Catalog, Table};
use crate::error::{Code, Error, Result};
use crate::query::compile::{self, explained, Compiled, Forms, Param};
use crate::query::ir::{EventQuery, JournalRead, KeyValue, Read};
use crate::value::{self, ColumnRef, ColumnType, OutputColumn, Value};

pub(crate) use check::{check, check_journal};

/// The largest number of sources, types, actors or tables in one query.
const MOST: usize = 10_000;

const COLUMNS: &str = "e.seq, t.name AS type, s.name AS source, e.position, a.name AS actor, \
    t.\"table\", t.operation, e.key, e.data, e.old, coalesce(e.tx, e.seq) AS \"transaction\", \
    e.at, e.action, e.metadata, \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_id') || '.' || \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_epoch') AS journal";
const HEADERS: &str = "e.seq, t.name AS type, s.name AS source, a.name AS actor, t.\"table\"";
const TEXTS: &str = " CROSS JOIN ash_rusqlite_event_types AS t ON t.id = e.type \
    LEFT JOIN ash_rusqlite_subjects AS s ON s.id = e.source \
    LEFT JOIN ash_rusqlite_subjects AS a ON a.id = e.actor";

const HEAD: &str = "SELECT coalesce((SELECT max(seq) FROM ash_rusqlite_events), 0) AS seq, \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_id') || '.' || \
    (SELECT value FROM ash_rusqlite_meta WHERE key = 'journal_epoch') AS journal";
const POSITION: &str =
    "SELECT coalesce((SELECT position FROM ash_rusqlite_subjects WHERE name = ?1), 0)";
const CONSUMERS: &str = "SELECT name, seq, epoch, at FROM ash_rusqlite_consumers ORDER BY name";

/// Compiles any read: of events here, of tables by the query language.
///
/// # Errors
/// Those of [`compile::compile_read`], and `not_journaled`.
pub fn compile_read<'a>(read: &'a Read, catalog: &Catalog) -> Result<Compiled<'a>> {
    match read {
        Read::Events(query) => events(query, catalog),
        Read::Journal(read) => state(read, catalog),
        Read::Explain(read) => Ok(explained(compile_read(read, catalog)?)),
        _ => compile::compile_read(read, catalog),
    }
}

/// Compiles what the journal says of itself.
///
/// # Errors
/// `not_journaled`.
fn state<'a>(read: &'a JournalRead, catalog: &Catalog) -> Result<Compiled<'a>> {
    check_journaled(catalog)?;
    let number = |name| OutputColumn::new(name, "", ColumnType::Integer);
    let text = |name| OutputColumn::new(name, "", ColumnType::Text);
    let (sql, params, columns): (_, _, Vec<_>) = match read {
        JournalRead::Head => (HEAD, Vec::new(), vec![number("seq"), text("journal")]),
        JournalRead::Position(source) => {
            let source = Param::Value(ToSqlOutput::from(source.as_str()));
            (POSITION, vec![source], vec![number("position")])
        }
        JournalRead::Consumers => {
            let at = OutputColumn::new("at", "", ColumnType::DateTimeUsec);
            let columns = vec![text("name"), number("seq"), text("epoch"), at];
            (CONSUMERS, Vec::new(), columns)
        }
    };
    Ok(compiled(sql.to_owned(), params, columns.into()))
}

fn compiled<'a>(sql: String, params: Vec<Param<'a>>, columns: Arc<[OutputColumn]>) -> Compiled<'a> {
    Compiled {
        sql,
        params,
        columns,
        hidden: 0,
        reversed: false,
        forms: Forms::default(),
    }
}

fn check_journaled(catalog: &Catalog) -> Result<()> {
    match catalog.table("ash_rusqlite_events") {
        Ok(_) => Ok(()),
        Err(_) => Err(not_journaled()),
    }
}

/// Compiles a query of events.
///
/// # Errors
/// `not_journaled`, `invalid_query` for what does not go together, those of keys and moments.
fn events<'a>(query: &'a EventQuery, catalog: &Catalog) -> Result<Compiled<'a>> {
    check_journaled(catalog)?;
    check_shape(query)?;
    let mut writer = Writer {
        query,
        params: Vec::new(),
    };
    let picked = match &query.key {
        Some(key) => writer.of_row(key, catalog)?,
        None => writer.picked()?,
    };
    let given = match query.headers {
        true => HEADERS,
        false => COLUMNS,
    };
    let direction = if query.descending { " DESC" } else { "" };
    let limit = writer.number(query.limit)?;
    let sql = match picked {
        Picked::Rows { from, order } => format!(
            "SELECT {given} FROM {from}{TEXTS_HERE} ORDER BY {order}{direction} LIMIT {limit}",
            from = from.0,
            TEXTS_HERE = format_args!("{TEXTS} WHERE {}", from.1),
        ),
        Picked::Seqs(seqs) => format!(
            "SELECT {given} FROM ({seqs} ORDER BY 1{direction} LIMIT {limit}) AS p \
             CROSS JOIN ash_rusqlite_events AS e ON e.seq = p.seq{TEXTS} \
             ORDER BY e.seq{direction}"
        ),
    };
    let columns = match query.headers {
        true => columns::of_headers(),
        false => Arc::clone(catalog.event_columns(columns::of_events)),
    };
    Ok(compiled(sql, writer.params, columns))
}

fn check_shape(query: &EventQuery) -> Result<()> {
    let positions = query.after_position.is_some() || query.before_position.is_some();
    let refused = if positions && query.sources.len() != 1 {
        "positions are those of one source: give one source"
    } else if query.key.is_some() && query.tables.len() != 1 {
        "a key is that of a row of one table: give one table"
    } else if [&query.sources, &query.types, &query.actors]
        .iter()
        .any(|all| all.len() > MOST)
        || query.tables.len() > MOST
    {
        "a query of events takes at most 10,000 names of a kind"
    } else {
        return Ok(());
    };
    Err(Error::new(Code::InvalidQuery, refused))
}

/// Where the events are found.
enum Picked {
    /// What stands behind FROM and WHERE, and the order.
    Rows {
        from: (&'static str, String),
        order: &'static str,
    },
    /// A query of their seqs.
    Seqs(String),
}

/// What events are looked up by, and the index for it.
struct Lookup {
    index: &'static str,
    column: &'static str,
    /// The order within one of its values.
    order: &'static str,
}

const BY_SOURCE: Lookup = Lookup {
    index: "ash_rusqlite_events_source",
    column: "source",
    order: "position",
};
const BY_ACTOR: Lookup = Lookup {
    index: "ash_rusqlite_events_actor",
    column: "actor",
    order: "seq",
};
const BY_TYPE: Lookup = Lookup {
    index: "ash_rusqlite_events_type",
    column: "type",
    order: "seq",
};

struct Writer<'a> {
    query: &'a EventQuery,
    params: Vec<Param<'a>>,
}

impl<'a> Writer<'a> {
    /// A placeholder for a value, which may stand in several places.
    fn value(&mut self, value: impl Into<ToSqlOutput<'a>>) -> String {
        self.params.push(Param::Value(value.into()));
        format!("?{}", self.params.len())
    }

    fn number(&mut self, number: u64) -> Result<String> {
        let number = i64::try_from(number).map_err(|_| {
            Error::new(
                Code::InvalidQuery,
                "a seq, a position or a limit is too large",
            )
        })?;
        Ok(self.value(number))
    }

    fn moment(&mut self, value: &'a Value, name: &'static str) -> Result<String> {
        let place = ColumnRef {
            table: "ash_rusqlite_events",
            column: name,
        };
        let value = value::encode(value, ColumnType::DateTimeUsec, &place)?;
        Ok(self.value(value))
    }

    fn names<T: Deref<Target = str>>(&mut self, names: &'a [T]) -> String {
        let names: Vec<String> = names.iter().map(|name| self.value(&**name)).collect();
        names.join(", ")
    }

    /// Events that no other index leads to than that of the seq, or that of one value.
    fn picked(&mut self) -> Result<Picked> {
        let query = self.query;
        let (lookup, names): (_, &'a [String]) = match (&query.sources[..], &query.actors[..]) {
            ([], []) if query.types.is_empty() && query.tables.is_empty() => {
                let condition = self.bounds("e", None)?.sql("e");
                return Ok(Picked::Rows {
                    from: ("ash_rusqlite_events AS e NOT INDEXED", condition),
                    order: "e.seq",
                });
            }
            ([], []) => return self.of_types(),
            ([], actors) => (BY_ACTOR, actors),
            (sources, _) => (BY_SOURCE, sources),
        };
        let [_] = names else {
            let given = self.names(names);
            let condition = format!("d.name IN ({given})");
            return self.of_several(&lookup, "ash_rusqlite_subjects AS d", &condition);
        };
        let name = self.names(names);
        let id = format!("(SELECT id FROM ash_rusqlite_subjects WHERE name = {name})");
        let Lookup { column, .. } = lookup;
        let bounds = self.bounds("e", Some(&lookup))?.sql("e");
        let condition = format!("e.{column} = {id} AND {bounds}");
        let (from, order) = match column {
            "source" => (
                "ash_rusqlite_events AS e INDEXED BY ash_rusqlite_events_source",
                "e.position",
            ),
            _ => (
                "ash_rusqlite_events AS e INDEXED BY ash_rusqlite_events_actor",
                "e.seq",
            ),
        };
        Ok(Picked::Rows {
            from: (from, condition),
            order,
        })
    }

    fn of_types(&mut self) -> Result<Picked> {
        let condition = self.types_are("d")?;
        self.of_several(&BY_TYPE, "ash_rusqlite_event_types AS d", &condition)
    }

    /// Conditions on a row of the types.
    fn types_are(&mut self, row: &str) -> Result<String> {
        let query = self.query;
        let mut all = Vec::new();
        if !query.types.is_empty() {
            all.push(format!("{row}.name IN ({})", self.names(&query.types)));
        }
        if !query.tables.is_empty() {
            all.push(format!(
                "{row}.\"table\" IN ({})",
                self.names(&query.tables)
            ));
        }
        Ok(all.join(" AND "))
    }

    /// Of each of several numbers, those of a table's rows, no more than the wanted events are looked
    /// at.
    fn of_several(
        &mut self,
        lookup: &Lookup,
        numbers: &'static str,
        condition: &str,
    ) -> Result<Picked> {
        let Lookup {
            index,
            column,
            order,
        } = lookup;
        let (inner, mut outer) = (
            self.bounds("n", Some(lookup))?.sql("n"),
            self.bounds("e", Some(lookup))?,
        );
        let last = self.number(self.query.limit.saturating_sub(1))?;
        let direction = if self.query.descending { " DESC" } else { "" };
        let nth = format!(
            "(SELECT n.{order} FROM ash_rusqlite_events AS n \
             INDEXED BY {index} WHERE n.{column} = d.id AND {inner} \
             ORDER BY n.{order}{direction} LIMIT 1 OFFSET {last})"
        );
        match self.query.descending {
            true => outer.raise(format!("coalesce({nth} - 1, 0)")),
            false => outer.lower(format!("coalesce({nth}, {LAST})")),
        }
        let outer = outer.sql("e");
        Ok(Picked::Seqs(format!(
            "SELECT e.seq AS seq FROM {numbers} CROSS JOIN ash_rusqlite_events AS e \
             INDEXED BY {index} WHERE {condition} AND e.{column} = d.id AND {outer}"
        )))
    }

    /// The events of a row.
    fn of_row(&mut self, key: &'a KeyValue, catalog: &Catalog) -> Result<Picked> {
        let table = self.query.tables.first().map_or("", |name| name);
        let table = catalog.table(table)?;
        let key = self.key(key, table)?;
        let bounds = self.bounds("e", None)?.sql("e");
        let condition = format!("e.key = {key} AND {bounds}");
        Ok(Picked::Rows {
            from: (
                "ash_rusqlite_events AS e INDEXED BY ash_rusqlite_events_key",
                condition,
            ),
            order: "e.seq",
        })
    }

    /// A primary key as events have it.
    fn key(&mut self, key: &'a KeyValue, table: &Table) -> Result<String> {
        let columns: Vec<_> = table.key_columns().collect();
        let given: Vec<Option<&'a Value>> = match key {
            KeyValue::Single(value) => vec![Some(value)],
            KeyValue::Columns(values) => columns
                .iter()
                .map(|column| {
                    let mut found = values.iter().filter(|(name, _)| **name == *column.name);
                    found.next().map(|(_, value)| value)
                })
                .collect(),
        };
        let mut parts = Vec::new();
        for (column, value) in columns.iter().zip(&given) {
            let Some(value) = value else { break };
            let place = ColumnRef {
                table: &table.name,
                column: &column.name,
            };
            let value = value::encode(value, column.column_type, &place)?;
            parts.push((self.value(value), column.declared.as_str()));
        }
        match parts.as_slice() {
            [] => {}
            _ if parts.len() != columns.len() => {}
            [(place, _)] => return Ok(place.clone()),
            _ => {
                let parts: Vec<String> = parts
                    .iter()
                    .map(|(place, declared)| encoded(place, declared))
                    .collect();
                return Ok(format!("'[' || {} || ']'", parts.join(" || ',' || ")));
            }
        }
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let message = format!(
            "a key of {} has the columns {}: give each of them",
            table.name,
            names.join(", ")
        );
        Err(Error::new(Code::InvalidQuery, message).with("table", table.name.as_str()))
    }
}

/// Behind every event.
const LAST: &str = "9223372036854775807";
