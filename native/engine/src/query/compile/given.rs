//! A row that was inserted, from the values that it was inserted with: SQLite need not look for
//! what is known.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::Param;
use crate::schema::{Affinity, Column, Table};
use crate::value::OutputColumn;

/// Where the values of a row come from.
#[derive(Debug)]
pub struct GivenRow {
    origins: Vec<Origin>,
}

#[derive(Debug)]
enum Origin {
    /// It was left out and has no default.
    Null,
    /// The placeholder at this place.
    Param { at: usize, into: Into },
}

/// What SQLite does with a value on its way into a column.
#[derive(Debug)]
struct Into {
    affinity: Affinity,
    /// Whether a null stays one. Instead of it, a key may get a number of its own, and a column
    /// with NOT NULL ON CONFLICT REPLACE its default.
    nullable: bool,
}

impl GivenRow {
    /// For the columns that come back of rows that name columns at these places of the table;
    /// none if one of them gets its value from SQLite.
    pub(super) fn new(table: &Table, named: &[usize], output: &[OutputColumn]) -> Option<GivenRow> {
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
                    into: Into {
                        affinity: Affinity::of(&column.declared),
                        nullable: !is_key && !column.not_null,
                    },
                }),
                None => stays_null(column, is_key).then_some(Origin::Null),
            }
        };
        let origins = output.iter().map(origin).collect::<Option<_>>()?;
        Some(GivenRow { origins })
    }

    /// The values as SQLite stores them; none if it may store one of them otherwise.
    pub fn stored<'p>(&self, params: &'p [Param<'_>]) -> Option<Vec<ValueRef<'p>>> {
        let value = |origin: &Origin| match origin {
            Origin::Null => Some(ValueRef::Null),
            Origin::Param { at, into } => match params.get(*at)? {
                Param::Value(ToSqlOutput::Borrowed(value)) => into.keeps(*value),
                Param::Value(ToSqlOutput::Owned(value)) => into.keeps(value.into()),
                _ => None,
            },
        };
        self.origins.iter().map(value).collect()
    }
}

fn stays_null(column: &Column, is_key: bool) -> bool {
    column.default.is_none() && !column.generated && !column.not_null && !is_key
}

impl Into {
    /// The value, if it is stored as it is
    /// (<https://sqlite.org/datatype3.html#type_affinity>).
    fn keeps<'p>(&self, value: ValueRef<'p>) -> Option<ValueRef<'p>> {
        let kept = match value {
            ValueRef::Null => self.nullable,
            ValueRef::Blob(_) => true,
            ValueRef::Text(_) => matches!(self.affinity, Affinity::Text | Affinity::Nothing),
            ValueRef::Integer(_) => !matches!(self.affinity, Affinity::Text | Affinity::Real),
            // Zero loses its sign.
            ValueRef::Real(number) => {
                number != 0.0 && matches!(self.affinity, Affinity::Real | Affinity::Nothing)
            }
        };
        kept.then_some(value)
    }
}
