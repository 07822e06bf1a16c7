//! Lists of values, as the right side of an IN.

use std::rc::Rc;

use rusqlite::types::{ToSqlOutput, Value as Stored};

use super::builder::Builder;
use super::compiled::Param;
use crate::error::Result;
use crate::query::ir::{Collation, Scalar};
use crate::value::{self, Value};

/// Lists up to this length are written out; longer ones are bound as one array.
const MAX_PLACEHOLDERS: usize = 16;

/// Writes the list of an IN.
pub(super) fn values<'v>(b: &mut Builder<'_, 'v>, mut values: Vec<Param<'v>>) -> Result<()> {
    if values.len() > MAX_PLACEHOLDERS {
        b.push("rarray(");
        b.param(array(values))?;
    } else {
        // Few shapes of lists make few statements to keep prepared.
        if let Some(last) = values.last().cloned() {
            values.resize(values.len().next_power_of_two(), last);
        }
        b.push("(");
        b.list(values, |b, value| b.param(value))?;
    }
    b.push(")");
    Ok(())
}

pub(super) fn is_null(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Null => true,
        Scalar::Value { value, .. } => *value == Value::Null,
        _ => false,
    }
}

/// Values as one parameter.
pub(super) fn array(values: Vec<Param<'_>>) -> Param<'static> {
    let list = values.into_iter().filter_map(|value| match value {
        Param::Value(value) => owned(value),
        Param::Array(_) => None,
    });
    Param::Array(Rc::new(list.collect()))
}

/// The values of a list without its nulls, or `None` when something else is in it.
pub(super) fn values_of(list: &[Scalar], collation: Collation) -> Result<Option<Vec<Param<'_>>>> {
    let mut values = Vec::with_capacity(list.len().next_power_of_two());
    for scalar in list {
        let stored = match scalar {
            Scalar::Null => continue,
            Scalar::Value { value, .. } if *value == Value::Null => continue,
            Scalar::Boolean(truth) => ToSqlOutput::Owned(Stored::Integer(i64::from(*truth))),
            Scalar::Value { column_type, value } => value::encode_as(value, *column_type)?,
            _ => return Ok(None),
        };
        let stored = match (collation, stored) {
            (Collation::Decimal, ToSqlOutput::Owned(Stored::Integer(number))) => {
                ToSqlOutput::Owned(Stored::Text(number.to_string()))
            }
            (_, stored) => stored,
        };
        values.push(Param::Value(stored));
    }
    Ok(Some(values))
}

/// `rarray` owns its values.
fn owned(value: ToSqlOutput<'_>) -> Option<Stored> {
    match value {
        ToSqlOutput::Owned(stored) => Some(stored),
        ToSqlOutput::Borrowed(stored) => Stored::try_from(stored).ok(),
        _ => None,
    }
}
