//! Equality with a value, for unique indexes in which nulls are equal. Such an index has two keys for
//! each column that may be null, `ifnull(c, 0)` and `c IS NULL`, which SQLite finds only where a
//! condition names them. They follow from `c = ?`; where they stand beside it in the condition of a
//! read nothing else changes. Within a NOT they would make false of null, so they are not there.

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use super::builder::Builder;
use super::compiled::Param;
use super::{ignore_case, lists};
use crate::catalog::Column;
use crate::error::Result;
use crate::query::ir::{Collation, CompareOp, Scalar};
use crate::value::{self, Affinity, ColumnType, Value};

/// Writes, each with ` AND ` before it, what the equalities of a condition imply for such indexes.
pub(super) fn implied<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    match scalar {
        Scalar::And(scalars) => scalars.iter().try_for_each(|scalar| implied(b, scalar)),
        Scalar::Compare {
            op: CompareOp::Eq,
            collation,
            left,
            right,
        } => match (&**left, &**right) {
            (column @ Scalar::Column { .. }, value) | (value, column @ Scalar::Column { .. }) => {
                equal(b, *collation, column, value)
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn equal<'v>(
    b: &mut Builder<'_, 'v>,
    collation: Collation,
    column: &'v Scalar,
    value: &'v Scalar,
) -> Result<()> {
    let Some(values) = keys(b, collation, column, value)? else {
        return Ok(());
    };
    b.push(" AND ifnull(");
    b.scalar(column)?;
    b.push(match collation {
        Collation::CaseInsensitive => ", 0) COLLATE NOCASE",
        _ => ", 0)",
    });
    match values.as_slice() {
        [one] => {
            b.push(" = ");
            b.param(one.clone())?;
        }
        _ => {
            b.push(" IN ");
            lists::values(b, values)?;
        }
    }
    b.push(" AND (");
    b.scalar(column)?;
    b.push(" IS NULL) = 0");
    Ok(())
}

/// The values one of which `ifnull(c, 0)` is where the column is equal to the value; `None` where
/// there is no such index, or where equality is not that of the values as they are stored.
fn keys<'v>(
    b: &Builder<'_, 'v>,
    collation: Collation,
    column: &Scalar,
    value: &'v Scalar,
) -> Result<Option<Vec<Param<'v>>>> {
    let Scalar::Column { depth, table, name } = column else {
        return Ok(None);
    };
    let Ok((_, column)) = b.scopes.owned_column(*depth, *table, name) else {
        return Ok(None);
    };
    if !column.nulls_equal {
        return Ok(None);
    }
    let stored = match value {
        Scalar::Boolean(truth) => ToSqlOutput::Owned(Stored::Integer(i64::from(*truth))),
        Scalar::Value { column_type, value } if *value != Value::Null => {
            value::encode_as(value, *column_type)?
        }
        _ => return Ok(None),
    };
    if collation == Collation::CaseInsensitive {
        let variants = ignore_case::text_of(value).and_then(ignore_case::variants);
        let text = |text| Param::Value(ToSqlOutput::Owned(Stored::Text(text)));
        let texts = variants.map(|texts| texts.into_iter().map(text).collect());
        return Ok(texts.filter(|_| Affinity::of(&column.declared) == Affinity::Text));
    }
    let same = collation == Collation::Binary && is_kept(column, &stored);
    Ok(same.then(|| vec![Param::Value(stored)]))
}

/// Whether a comparison with the column leaves the value as it is, which one with `ifnull` does.
fn is_kept(column: &Column, stored: &ToSqlOutput<'_>) -> bool {
    use ColumnType::{Boolean, Integer, Text, Uuid};
    let affinity = Affinity::of(&column.declared);
    let numbers = matches!(affinity, Affinity::Integer | Affinity::Numeric);
    let text = matches!(
        stored,
        ToSqlOutput::Borrowed(ValueRef::Text(_)) | ToSqlOutput::Owned(Stored::Text(_))
    );
    let integer = matches!(
        stored,
        ToSqlOutput::Borrowed(ValueRef::Integer(_)) | ToSqlOutput::Owned(Stored::Integer(_))
    );
    match column.column_type {
        Text | Uuid => text && affinity == Affinity::Text,
        Integer | Boolean => integer && numbers,
        _ => false,
    }
}
