//! A row of a result, read in place.

use std::cell::Cell;

use rusqlite::types::ValueRef;

use super::decode::{decode, shown};
use super::decoded::{Decoded, OutputColumn};
use crate::error::{Code, Error, Result};

/// Where a row's values are.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// In SQLite's buffers, until the statement steps on.
    Statement(&'a rusqlite::Row<'a>),
    /// In rows that were gathered.
    Gathered(&'a [ValueRef<'a>]),
}

/// A row of a result, borrowed from where its values are.
pub struct Row<'a> {
    source: Source<'a>,
    columns: &'a [OutputColumn],
    decoded: Cell<usize>,
}

impl<'a> Row<'a> {
    /// The row that a statement stands on, and its columns.
    pub fn new(row: &'a rusqlite::Row<'a>, columns: &'a [OutputColumn]) -> Row<'a> {
        Row::of(Source::Statement(row), columns)
    }

    /// A row that was gathered.
    pub(crate) fn gathered(values: &'a [ValueRef<'a>], columns: &'a [OutputColumn]) -> Row<'a> {
        Row::of(Source::Gathered(values), columns)
    }

    fn of(source: Source<'a>, columns: &'a [OutputColumn]) -> Row<'a> {
        Row {
            source,
            columns,
            decoded: Cell::new(0),
        }
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether it has no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The columns.
    pub fn columns(&self) -> &'a [OutputColumn] {
        self.columns
    }

    /// The value of the column at this place, as it is stored.
    ///
    /// # Errors
    /// `internal` if there is no such column.
    #[inline]
    pub(crate) fn stored(&self, at: usize) -> Result<ValueRef<'a>> {
        let stored = match self.source {
            Source::Statement(row) => row.get_ref(at).ok(),
            Source::Gathered(values) => values.get(at).copied(),
        };
        stored.ok_or_else(|| no_column(at))
    }

    /// The value of the column at this place.
    ///
    /// # Errors
    /// `invalid_stored_value` as [`decode`]; `internal` if there is no such column.
    #[inline]
    pub fn decode(&self, at: usize) -> Result<Decoded<'a>> {
        let column = self.columns.get(at).ok_or_else(|| no_column(at))?;
        let stored = self.stored(at)?;
        if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = stored {
            self.decoded.set(self.decoded.get() + bytes.len());
        }
        match &column.records {
            Some(records) => records.decode(stored, self.stored(records.table_at())?),
            None => decode(stored, column),
        }
    }

    /// A value as a message shows it, shortened.
    pub fn shown(&self, at: usize) -> Option<String> {
        self.stored(at).ok().map(shown)
    }

    /// The bytes of the texts and blobs that were decoded.
    pub fn decoded_bytes(&self) -> usize {
        self.decoded.get()
    }

    /// The bytes of its texts and blobs.
    pub fn bytes(&self) -> usize {
        let length = |at| match self.stored(at) {
            Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => bytes.len(),
            _ => 0,
        };
        (0..self.columns.len()).map(length).sum()
    }
}

#[cold]
fn no_column(at: usize) -> Error {
    Error::new(Code::Internal, format!("the row has no column {at}"))
}
