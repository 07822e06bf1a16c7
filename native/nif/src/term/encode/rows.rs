//! Rows straight from SQLite's buffers into terms.

use std::sync::Arc;

use ash_rusqlite_engine::value::Row;
use ash_rusqlite_engine::{Code, Detail, Error, GatheredRows, OutputColumn, Result, RowSink};
use rustler::Env;

use crate::atoms;
use crate::error;
use crate::handle;
use crate::term::raw::Raw;

use super::recent::SharedAmong;
use super::size::HeapSize;
use super::value::Values;

/// Rows from which on more of them share their texts.
const MANY: usize = 1_000;

/// What a caller gets of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing: the work gives no rows.
    Nothing,
    /// A list of maps.
    Rows,
    /// A list of maps, in which a value that cannot be read is `{reference, error}`: no stored value
    /// holds a reference.
    Marked,
    /// The first row, or nil.
    First,
    /// The first value of the first row, or nil.
    Scalar,
    /// `{rows, next_cursor}`, where fewer rows than the limit are the last.
    Page(u64),
    /// The same, with marks as of `Marked`.
    MarkedPage(u64),
    /// `{columns, rows}` with rows as lists.
    Table,
}

/// Builds the rows of one result in one environment.
pub struct Rows<'a> {
    shape: Shape,
    values: Values<'a>,
    columns: Option<Arc<[OutputColumn]>>,
    hidden: usize,
    reversed: bool,
    /// The keys of a row's map, and the place in the row of each one's value.
    keys: Vec<Raw<'a>>,
    places: Vec<usize>,
    rows: Vec<Raw<'a>>,
    cursor: Option<Raw<'a>>,
    scratch: Vec<Raw<'a>>,
}

impl<'a> Rows<'a> {
    /// No rows yet.
    pub fn new(shape: Shape, decimal: bool) -> Self {
        Rows {
            shape,
            values: Values::new(decimal),
            columns: None,
            hidden: 0,
            reversed: false,
            keys: Vec::new(),
            places: Vec::new(),
            rows: Vec::new(),
            cursor: None,
            scratch: Vec::new(),
        }
    }

    /// Begins a result; what came before is dropped.
    pub fn begin(&mut self, columns: &Arc<[OutputColumn]>, hidden: usize, reversed: bool) {
        self.columns = Some(Arc::clone(columns));
        self.hidden = hidden;
        self.reversed = reversed;
        self.keys.clear();
        self.places.clear();
        self.rows.clear();
        self.cursor = None;
    }

    /// Adds a row.
    pub fn row(&mut self, env: Env<'a>, row: &Row<'_>) -> Result<()> {
        // The row's own: a clone would count on memory that all schedulers write to.
        let columns = row.columns();
        let wanted = columns.len().saturating_sub(self.hidden);
        match self.rows.len() {
            1 => self.values.share(SharedAmong::Few),
            MANY => self.values.share(SharedAmong::Many),
            _ => {}
        }
        let term = match self.shape {
            Shape::Nothing => return Ok(()),
            Shape::First | Shape::Scalar if !self.rows.is_empty() => return Ok(()),
            Shape::Scalar => self.list_of(env, row, columns, 0..wanted.min(1))?.1,
            Shape::Table => self.list_of(env, row, columns, 0..wanted)?.0,
            Shape::Rows | Shape::Marked | Shape::First | Shape::Page(_) | Shape::MarkedPage(_) => {
                self.map_of(env, row, columns, wanted)?
            }
        };
        self.rows.push(term);
        if matches!(self.shape, Shape::Page(limit) | Shape::MarkedPage(limit)
            if self.rows.len() as u64 == limit)
        {
            self.cursor = Some(self.list_of(env, row, columns, wanted..columns.len())?.0);
        }
        Ok(())
    }

    /// A list of some of a row's values, and the first of them.
    fn list_of(
        &mut self,
        env: Env<'a>,
        row: &Row<'_>,
        columns: &[OutputColumn],
        places: std::ops::Range<usize>,
    ) -> Result<(Raw<'a>, Raw<'a>)> {
        self.scratch.clear();
        for (place, column) in columns
            .iter()
            .enumerate()
            .take(places.end)
            .skip(places.start)
        {
            let term = self.value(env, row, place, column);
            self.scratch
                .push(term.map_err(|error| with_key(error, row))?);
        }
        let first = self.scratch.first().copied().unwrap_or_else(Raw::nil);
        let list = Raw::list(env, &self.scratch).ok_or_else(too_many)?;
        Ok((list, first))
    }

    /// The term of one value of a row.
    #[inline]
    fn value(
        &mut self,
        env: Env<'a>,
        row: &Row<'_>,
        place: usize,
        column: &OutputColumn,
    ) -> Result<Raw<'a>> {
        self.values.term(env, &row.decode(place)?, column)
    }

    /// The error with the key of its row, or what marks the value's place.
    #[cold]
    fn unreadable(&self, env: Env<'a>, error: Error, row: &Row<'_>) -> Result<Raw<'a>> {
        let error = with_key(error, row);
        match (self.shape, error.code()) {
            (Shape::Marked | Shape::MarkedPage(_), Code::InvalidStoredValue) => Ok(Raw::tuple(
                env,
                [handle::make_ref(env), error::reason(env, &error)],
            )),
            _ => Err(error),
        }
    }

    fn map_of(
        &mut self,
        env: Env<'a>,
        row: &Row<'_>,
        columns: &[OutputColumn],
        wanted: usize,
    ) -> Result<Raw<'a>> {
        if self.keys.is_empty() {
            self.find_keys(env, columns.get(..wanted).unwrap_or_default())?;
        }
        self.scratch.clear();
        for at in 0..self.places.len() {
            let place = self.places.get(at).copied().unwrap_or_default();
            if let Some(column) = columns.get(place) {
                let term = match self.value(env, row, place, column) {
                    Ok(term) => term,
                    Err(error) => self.unreadable(env, error, row)?,
                };
                self.scratch.push(term);
            }
        }
        Raw::map(env, &self.keys, &self.scratch).ok_or_else(|| {
            Error::new(
                Code::InvalidQuery,
                "two columns of the result have the same name",
            )
        })
    }

    /// Keys in the order of their names are in term order, in which maps are built the fastest.
    fn find_keys(&mut self, env: Env<'a>, columns: &[OutputColumn]) -> Result<()> {
        self.places = (0..columns.len()).collect();
        self.keys.reserve_exact(columns.len());
        self.scratch.reserve_exact(columns.len());
        self.places
            .sort_unstable_by_key(|place| columns.get(*place).map(|column| &column.name));
        for place in &self.places {
            if let Some(column) = columns.get(*place) {
                self.keys.push(key(env, column)?);
            }
        }
        Ok(())
    }

    /// The rows as a list, or nil when there was no result.
    pub fn list(&mut self, env: Env<'a>) -> Result<Raw<'a>> {
        if self.reversed {
            self.rows.reverse();
        }
        Raw::list(env, &self.rows).ok_or_else(too_many)
    }

    /// The result in its shape.
    pub fn finish(&mut self, env: Env<'a>) -> Result<Raw<'a>> {
        match self.shape {
            Shape::Nothing => Ok(Raw::nil()),
            Shape::Rows | Shape::Marked => self.list(env),
            Shape::First | Shape::Scalar => Ok(self.rows.first().copied().unwrap_or_else(Raw::nil)),
            Shape::Page(_) | Shape::MarkedPage(_) => {
                let cursor = self.cursor.unwrap_or_else(Raw::nil);
                Ok(Raw::tuple(env, [self.list(env)?, cursor]))
            }
            Shape::Table => {
                let columns = self.columns.as_deref().unwrap_or_default();
                let names: Vec<_> = columns
                    .iter()
                    .map(|column| Raw::binary(env, column.name.as_bytes()))
                    .collect();
                let names = Raw::list(env, &names).ok_or_else(too_many)?;
                Ok(Raw::tuple(env, [names, self.list(env)?]))
            }
        }
    }

    /// `{count, rows}`, with nil for rows that were not asked for, and `{columns, rows}` for a table.
    pub fn finish_write(&mut self, env: Env<'a>, count: u64) -> Result<Raw<'a>> {
        let rows = match self.shape {
            Shape::Rows | Shape::Marked => self.list(env)?,
            Shape::Table => self.finish(env)?,
            _ => Raw::nil(),
        };
        Ok(Raw::tuple(env, [Raw::unsigned(env, count), rows]))
    }
}

/// The error with the key of the row that it was found in, as far as the row has it.
fn with_key(error: Error, row: &Row<'_>) -> Error {
    let (Code::InvalidStoredValue, Some(Detail::Text(table))) =
        (error.code(), error.detail("table"))
    else {
        return error;
    };
    let mut key: Vec<String> = Vec::new();
    for (place, column) in row.columns().iter().enumerate() {
        let shown = row.shown(place).unwrap_or_default();
        let part = format!("{}: {shown}", column.name);
        // Pages have it twice: once for the caller, and once for where the next page begins.
        if column.in_key && column.table == *table && !key.contains(&part) {
            key.push(part);
        }
    }
    if key.is_empty() || error.detail("key").is_some() {
        return error;
    }
    let key = key.join(", ");
    let message = format!("{} (the row with {key})", error.message());
    error.with_message(message).with("key", key)
}

fn too_many() -> Error {
    Error::new(Code::TooBig, "the result is too long for a list")
}

/// The key of a column in the map of a row.
pub(super) fn key<'a>(env: Env<'_>, column: &OutputColumn) -> Result<Raw<'a>> {
    if let Some(tag) = column.tag.get() {
        return Ok(Raw::of_tag(*tag));
    }
    let atom = atoms::make(env, &column.name).ok_or_else(|| {
        Error::new(
            Code::InvalidQuery,
            "a column's name is longer than the 255 characters of an atom; read it with query",
        )
        .with("column", column.name.as_str())
    })?;
    Ok(Raw::of_tag(*column.tag.get_or_init(|| Raw::tag_of(atom))))
}

/// Rows that SQLite gave and that are not terms yet, with what they are to become.
pub struct Gathered {
    /// The rows, and the room that their terms take.
    pub rows: GatheredRows<HeapSize>,
    shape: Shape,
    decimal: bool,
}

impl Gathered {
    /// No rows yet.
    pub fn new(shape: Shape, decimal: bool) -> Self {
        Gathered {
            rows: GatheredRows::new(HeapSize::default()),
            shape,
            decimal,
        }
    }

    /// `{:ok, result}` in the environment of the calling process. `each` is called after every
    /// row and may end it.
    pub fn finish<'a>(self, env: Env<'a>, each: &mut dyn FnMut() -> Result<()>) -> Result<Raw<'a>> {
        let mut caller = CallerRows::new(env, self.shape, self.decimal);
        self.rows.hand_over(&mut caller, each)?;
        caller.finish()
    }
}

/// Rows in the environment of the calling process.
pub struct CallerRows<'a> {
    env: Env<'a>,
    rows: Rows<'a>,
}

impl<'a> CallerRows<'a> {
    /// No rows yet.
    pub fn new(env: Env<'a>, shape: Shape, decimal: bool) -> Self {
        CallerRows {
            env,
            rows: Rows::new(shape, decimal),
        }
    }

    /// `{:ok, result}`.
    pub fn finish(mut self) -> Result<Raw<'a>> {
        let result = self.rows.finish(self.env)?;
        Ok(Raw::tuple(self.env, [Raw::atom(atoms::ok()), result]))
    }
}

impl RowSink for CallerRows<'_> {
    fn begin(&mut self, columns: &Arc<[OutputColumn]>, hidden: usize, reversed: bool) {
        self.rows.begin(columns, hidden, reversed);
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        self.rows.row(self.env, row)
    }
}
