//! A row of a result, read in place.

use std::cell::Cell;

use rusqlite::types::ValueRef;

use super::decode::decode;
use super::types::{Decoded, OutputColumn};
use crate::error::{Code, Error, Result};

/// A row of a result, borrowed from SQLite's buffers until the statement steps on.
pub struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    columns: &'a [OutputColumn],
    decoded: Cell<usize>,
}

impl<'a> Row<'a> {
    /// The row that a statement stands on, and its columns.
    pub fn new(row: &'a rusqlite::Row<'a>, columns: &'a [OutputColumn]) -> Row<'a> {
        Row {
            row,
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

    /// The value of the column at this place.
    ///
    /// # Errors
    /// `invalid_stored_value` as [`decode`]; `internal` if there is no such column.
    #[inline]
    pub fn decode(&self, at: usize) -> Result<Decoded<'a>> {
        match (self.columns.get(at), self.row.get_ref(at)) {
            (Some(column), Ok(stored)) => {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = stored {
                    self.decoded.set(self.decoded.get() + bytes.len());
                }
                decode(stored, column)
            }
            _ => Err(Error::new(
                Code::Internal,
                format!("the row has no column {at}"),
            )),
        }
    }

    /// The bytes of the texts and blobs that were decoded.
    pub fn decoded_bytes(&self) -> usize {
        self.decoded.get()
    }

    /// The bytes of its texts and blobs.
    pub fn bytes(&self) -> usize {
        let length = |at| match self.row.get_ref(at) {
            Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => bytes.len(),
            _ => 0,
        };
        (0..self.columns.len()).map(length).sum()
    }
}
