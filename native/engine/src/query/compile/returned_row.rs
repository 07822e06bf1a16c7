//! How the row of a write is returned where the statement itself does not return it: read once more, or
//! put together from the values that it was inserted with, which SQLite need not look for.

use std::rc::Rc;

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::compiled::Param;
use crate::catalog::{Column, Table};
use crate::value::{Affinity, OutputColumn};

/// A statement that reads the row that was just written. SQLite keeps what RETURNING gives in a
/// table of its own until the write is done, and copies each page that the write changes, in case
/// it must be undone alone: for a single row to read it is the cheaper way.
#[derive(Clone, Debug)]
pub struct ReadBack<'a> {
    /// The statement.
    pub sql: Rc<str>,
    /// How it finds the row.
    pub by: Found<'a>,
    /// The row without a look at it, where its values were all given.
    pub from_values: Option<Rc<ReturnedRow>>,
}

/// What a row is found by.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// The rowid of the last row that was inserted is its only placeholder.
    LastRowid,
    /// The values of its placeholders.
    Params(Vec<Param<'a>>),
}

/// Where the values of a row come from.
#[derive(Debug)]
pub struct ReturnedRow {
    origins: Vec<Origin>,
}

#[derive(Debug)]
enum Origin {
    /// It was left out and has no default.
    Null,
    /// The placeholder at this place.
    Param {
        at: usize,
        affinity: Affinity,
        /// Whether a null stays one. Instead of it, a key may get a number of its own, and a
        /// column with NOT NULL ON CONFLICT REPLACE its default.
        nullable: bool,
    },
}

impl ReturnedRow {
    /// For the columns that come back of rows that name columns at these places of the table;
    /// none if one of them gets its value from SQLite.
    pub(super) fn new(
        table: &Table,
        named: &[usize],
        output: &[OutputColumn],
    ) -> Option<ReturnedRow> {
        if table.is_virtual {
            return None;
        }
        let origin = |wanted: &OutputColumn| {
            let mut columns = table.columns.iter().enumerate();
            let (place, column) = columns.find(|(_, column)| column.name == wanted.name)?;
            let is_key = table.primary_key.contains(&place);
            match named.iter().position(|named| *named == place) {
                Some(at) => Some(Origin::Param {
                    at,
                    affinity: Affinity::of(&column.declared),
                    nullable: !is_key && !column.not_null,
                }),
                None => stays_null(column, is_key).then_some(Origin::Null),
            }
        };
        let origins = output.iter().map(origin).collect::<Option<_>>()?;
        Some(ReturnedRow { origins })
    }

    /// The values as SQLite stores them; none if it may store one of them otherwise.
    pub fn stored<'p>(&self, params: &'p [Param<'_>]) -> Option<Vec<ValueRef<'p>>> {
        self.origins
            .iter()
            .map(|origin| origin.stored(params))
            .collect()
    }
}

fn stays_null(column: &Column, is_key: bool) -> bool {
    column.default.is_none() && !column.generated && !column.not_null && !is_key
}

impl Origin {
    /// The value, if it is stored as it was given
    /// (<https://sqlite.org/datatype3.html#type_affinity>).
    fn stored<'p>(&self, params: &'p [Param<'_>]) -> Option<ValueRef<'p>> {
        let Origin::Param {
            at,
            affinity,
            nullable,
        } = self
        else {
            return Some(ValueRef::Null);
        };
        let value = match params.get(*at)? {
            Param::Value(ToSqlOutput::Borrowed(value)) => *value,
            Param::Value(ToSqlOutput::Owned(value)) => value.into(),
            _ => return None,
        };
        let kept = match value {
            ValueRef::Null => *nullable,
            ValueRef::Blob(_) => true,
            ValueRef::Text(_) => matches!(affinity, Affinity::Text | Affinity::Nothing),
            ValueRef::Integer(_) => !matches!(affinity, Affinity::Text | Affinity::Real),
            // Zero loses its sign.
            ValueRef::Real(number) => {
                number != 0.0 && matches!(affinity, Affinity::Real | Affinity::Nothing)
            }
        };
        kept.then_some(value)
    }
}
