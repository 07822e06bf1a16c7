//! The types of expressions, where they are known beforehand.

use super::builder::Builder;
use crate::query::ir::{AggregateKind, Collation, Scalar};
use crate::query::vocabulary::Returns;
use crate::value::ColumnType;

/// Whether texts of a scalar may compare by another collation than BINARY: columns are declared
/// with one, and most expressions take it over from their parts. A fragment keeps its own.
pub(super) fn may_have_collation(b: &Builder<'_, '_>, scalar: &Scalar) -> bool {
    let plain = matches!(
        scalar,
        Scalar::Null
            | Scalar::Boolean(_)
            | Scalar::Value { .. }
            | Scalar::Untyped(_)
            | Scalar::Fragment(_)
    );
    !plain && !is_number(b, scalar)
}

/// Whether it is known to be a number.
pub(super) fn is_number(b: &Builder<'_, '_>, scalar: &Scalar) -> bool {
    type_of(b, scalar).is_some_and(ColumnType::is_number)
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
        | Scalar::Untyped(_)
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
        | Scalar::PrimaryKey(_)
        | Scalar::Compare { .. }
        | Scalar::Same { .. }
        | Scalar::In { .. }
        | Scalar::IsNull(_)
        | Scalar::And(_)
        | Scalar::Or(_)
        | Scalar::Not(_)
        | Scalar::AndValue(..)
        | Scalar::OrValue(..)
        | Scalar::Exists(_) => Some(ColumnType::Boolean),
        Scalar::AndThen { boolean, right, .. } => {
            // A boolean that is false stays what it is.
            type_of(b, right).filter(|right| !boolean || *right == ColumnType::Boolean)
        }
        Scalar::OrElse { left, right, .. } => common(b, left, right),
        Scalar::If {
            then, otherwise, ..
        } => common(b, then, otherwise),
        Scalar::Cast(cast, _) => Some(cast.column_type()),
        Scalar::Concat(_) => Some(ColumnType::Text),
        Scalar::Collate(_, scalar) => type_of(b, scalar),
        Scalar::Call(function, arguments) => match function.returns() {
            Returns::Type(column_type) => Some(column_type),
            Returns::First => type_of(b, arguments.first()?),
            Returns::Same => {
                let (first, rest) = arguments.split_first()?;
                let first = type_of(b, first)?;
                let same = |scalar| type_of(b, scalar) == Some(first);
                rest.iter().all(same).then_some(first)
            }
        },
    }
}

fn common(b: &Builder<'_, '_>, left: &Scalar, right: &Scalar) -> Option<ColumnType> {
    match (left, right) {
        (Scalar::Null, scalar) | (scalar, Scalar::Null) => type_of(b, scalar),
        _ => type_of(b, left).filter(|known| type_of(b, right) == Some(*known)),
    }
}
