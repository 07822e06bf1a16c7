//! Comparisons of scalars, and the types that decide how they compare.

use std::rc::Rc;

use rusqlite::types::{ToSqlOutput, Value as Stored};

use super::builder::Builder;
use super::filter::{owned, MAX_PLACEHOLDERS};
use super::scalar::{collated, write};
use super::{fragment, ignore_case, invalid, times, Param};
use crate::error::{Error, Result};
use crate::query::ir::{AggregateKind, Cast, Collation, Function, Scalar};
use crate::value::{self, ColumnType, Value};

/// Writes a comparison.
pub(super) fn compare<'v>(
    b: &mut Builder<'_, 'v>,
    operator: &'static str,
    collation: Collation,
    left: &'v Scalar,
    right: &'v Scalar,
) -> Result<()> {
    match times::family(b, collation, [left, right]) {
        Some(family) => times::compare(b, operator, family, left, right),
        None => plain(b, operator, collation, left, right),
    }
}

/// Writes a comparison of what has one form.
pub(super) fn plain<'v>(
    b: &mut Builder<'_, 'v>,
    operator: &'static str,
    collation: Collation,
    left: &'v Scalar,
    right: &'v Scalar,
) -> Result<()> {
    let own_rules = |scalar| fragment::pieces(scalar).is_some();
    b.push("(");
    // The collation of the left operand is that of the comparison.
    if collation == Collation::Binary
        && (is_number(b, left) || is_number(b, right) || own_rules(left) || own_rules(right))
    {
        write(b, left)?;
    } else if collation == Collation::Binary && may_have_collation(b, right) {
        write(b, left)?;
        b.push(" COLLATE BINARY");
    } else {
        collated(b, collation, left)?;
    }
    b.push(operator);
    match collation {
        Collation::Decimal => decimal(b, right)?,
        _ => write(b, right)?,
    }
    if collation == Collation::CaseInsensitive && [" = ", " IS "].contains(&operator) {
        match left {
            Scalar::Value { .. } => ignore_case::implied(b, right, &[left])?,
            _ => ignore_case::implied(b, left, &[right])?,
        }
    }
    b.push(")");
    Ok(())
}

/// Writes whether two scalars are the same, null and null included.
pub(super) fn same<'v>(
    b: &mut Builder<'_, 'v>,
    collation: Collation,
    left: &'v Scalar,
    right: &'v Scalar,
    negated: bool,
) -> Result<()> {
    let operator = if negated { " IS NOT " } else { " IS " };
    compare(b, operator, collation, left, right)
}

/// Writes whether a scalar is one of a list.
pub(super) fn among<'v>(
    b: &mut Builder<'_, 'v>,
    collation: Collation,
    item: &'v Scalar,
    list: &'v [Scalar],
) -> Result<()> {
    if let Some(family) = times::family(b, collation, [item, item]) {
        if times::among(b, family, item, list)? {
            return Ok(());
        }
    }
    if let Some(values) = values_of(list, collation)? {
        if values.is_empty() {
            // SQLite's `NULL IN ()` is 0.
            b.push("CASE WHEN ");
            write(b, item)?;
            b.push(" IS NOT NULL THEN 0 END");
            return Ok(());
        }
        b.push("(");
        collated(b, collation, item)?;
        b.push(" IN ");
        self::values(b, values)?;
        if collation == Collation::CaseInsensitive {
            let texts = list.iter().filter(|scalar| !is_null(scalar));
            ignore_case::implied(b, item, &texts.collect::<Vec<_>>())?;
        }
        b.push(")");
        return Ok(());
    }
    // A null that turns up in the list must not make "none of them" unknown.
    b.push("CASE WHEN ");
    write(b, item)?;
    b.push(" IS NOT NULL THEN ifnull(");
    collated(b, collation, item)?;
    b.push(" IN (");
    b.list(list, |b, scalar| match collation {
        Collation::Decimal => decimal(b, scalar),
        _ => write(b, scalar),
    })?;
    b.push("), 0) END");
    Ok(())
}

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

fn is_null(scalar: &Scalar) -> bool {
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

/// A scalar where it is compared as a decimal: integers by their digits.
pub(super) fn decimal<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    match type_of(b, scalar) {
        Some(ColumnType::Decimal | ColumnType::Text) => write(b, scalar),
        Some(ColumnType::Real) => Err(no_decimal("a float")),
        Some(ColumnType::Boolean) => Err(no_decimal("a boolean")),
        _ if matches!(scalar, Scalar::Null) => write(b, scalar),
        _ => {
            b.push("ash_rusqlite_to_text(");
            write(b, scalar)?;
            b.push(")");
            Ok(())
        }
    }
}

fn no_decimal(what: &str) -> Error {
    invalid(format!("{what} has no place in a comparison of decimals"))
}

/// Whether texts of a scalar may compare by another collation than BINARY: columns are declared
/// with one, and most expressions take it over from their parts. A fragment keeps its own.
pub(super) fn may_have_collation(b: &Builder<'_, '_>, scalar: &Scalar) -> bool {
    let plain = matches!(
        scalar,
        Scalar::Null | Scalar::Boolean(_) | Scalar::Value { .. } | Scalar::Fragment(_)
    );
    !plain && !is_number(b, scalar)
}

fn is_number(b: &Builder<'_, '_>, scalar: &Scalar) -> bool {
    use ColumnType::{Boolean, Integer, Real};
    matches!(type_of(b, scalar), Some(Boolean | Integer | Real))
}

/// The type of a scalar where it is known beforehand.
pub(super) fn type_of(b: &Builder<'_, '_>, scalar: &Scalar) -> Option<ColumnType> {
    match scalar {
        Scalar::Value { column_type, .. } => Some(*column_type),
        Scalar::Column { depth, table, name } => {
            let column = b.scopes.column(*depth, *table, name).ok()?;
            Some(column.column_type)
        }
        Scalar::Null
        | Scalar::Arith { .. }
        | Scalar::Negate(_)
        | Scalar::Subquery(..)
        | Scalar::Fragment(_) => None,
        Scalar::Aggregate(aggregated) => match aggregated.kind {
            AggregateKind::Count => Some(ColumnType::Integer),
            AggregateKind::Exists => Some(ColumnType::Boolean),
            AggregateKind::Avg => Some(ColumnType::Real),
            AggregateKind::Sum if aggregated.collation == Collation::Decimal => {
                Some(ColumnType::Decimal)
            }
            _ => None,
        },
        Scalar::Boolean(_)
        | Scalar::Compare { .. }
        | Scalar::Same { .. }
        | Scalar::In { .. }
        | Scalar::IsNull(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::AndValue(..)
        | Scalar::OrValue(..)
        | Scalar::Exists(_)
        | Scalar::Cast(Cast::Boolean, _) => Some(ColumnType::Boolean),
        Scalar::AndThen { boolean, right, .. } => {
            // A boolean that is false stays what it is.
            type_of(b, right).filter(|right| !boolean || *right == ColumnType::Boolean)
        }
        Scalar::OrElse { left, right, .. } => common(b, left, right),
        Scalar::If {
            then, otherwise, ..
        } => common(b, then, otherwise),
        Scalar::Cast(Cast::Real, _) => Some(ColumnType::Real),
        Scalar::Cast(Cast::Text, _) | Scalar::Concat(_) => Some(ColumnType::Text),
        Scalar::Collate(_, scalar) => type_of(b, scalar),
        Scalar::Call(function, arguments) => match function {
            Function::StringLength | Function::Length => Some(ColumnType::Integer),
            Function::Downcase | Function::Upcase | Function::Trim => Some(ColumnType::Text),
            Function::DecimalForm => Some(ColumnType::Blob),
            Function::Required => type_of(b, arguments.first()?),
            Function::Coalesce => match arguments.as_slice() {
                [first, rest @ ..] => {
                    let first = type_of(b, first)?;
                    let same = |scalar| type_of(b, scalar) == Some(first);
                    rest.iter().all(same).then_some(first)
                }
                [] => None,
            },
            _ => Some(ColumnType::Boolean),
        },
    }
}

fn common(b: &Builder<'_, '_>, left: &Scalar, right: &Scalar) -> Option<ColumnType> {
    match (left, right) {
        (Scalar::Null, scalar) | (scalar, Scalar::Null) => type_of(b, scalar),
        _ => type_of(b, left).filter(|known| type_of(b, right) == Some(*known)),
    }
}
