//! An order by expressions.

use super::builder::Builder;
use super::collation::collated;
use super::fragment;
use super::types::type_of;
use crate::error::Result;
use crate::query::ir::{Collation, Nulls, Scalar, ScalarOrder};
use crate::value::{ColumnType, Order};

/// Whether a scalar distinguishes rows. One that is the same for every row does not, and SQLite
/// would take a plain 1 for the first column.
pub(super) fn orders(scalar: &Scalar) -> bool {
    let scalar = bare(scalar).1;
    let number = fragment::pieces(scalar).is_some_and(fragment::is_number);
    !number && !matches!(scalar, Scalar::Null | Scalar::Boolean(_))
}

/// A scalar without the collations around it, of which the outermost that says something counts.
fn bare(mut scalar: &Scalar) -> (Collation, &Scalar) {
    let mut collation = Collation::Binary;
    while let Scalar::Collate(wanted, inner) = scalar {
        if collation == Collation::Binary {
            collation = *wanted;
        }
        scalar = inner;
    }
    (collation, scalar)
}

/// Writes the scalars of an order with commas between them; `comma` begins with one. Columns
/// of decimals are ordered by their value.
pub(super) fn order<'v>(
    b: &mut Builder<'_, 'v>,
    order: &'v [ScalarOrder],
    mut comma: bool,
) -> Result<()> {
    for item in order.iter().filter(|item| orders(&item.scalar)) {
        if comma {
            b.push(", ");
        }
        comma = true;
        let (mut collation, scalar) = bare(&item.scalar);
        let decimals = matches!(scalar, Scalar::Column { .. })
            && type_of(b, scalar).map(ColumnType::order) == Some(Order::Decimal);
        if decimals && collation == Collation::Binary {
            collation = Collation::Decimal;
        }
        collated(b, collation, scalar)?;
        if item.descending {
            b.push(" DESC");
        }
        // Where nulls go by default is not said, nor where none can be: SQLite finds more indexes
        // for it so.
        match (item.nulls, item.descending) {
            _ if never_null(b, scalar) => {}
            (Some(Nulls::First), true) => b.push(" NULLS FIRST"),
            (Some(Nulls::Last), false) => b.push(" NULLS LAST"),
            _ => {}
        }
    }
    Ok(())
}

/// Whether it is a column that the table keeps from being null. A table that was joined may lack
/// the row.
fn never_null(b: &Builder<'_, '_>, scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Column {
            depth: 0,
            table: 0,
            name,
        } => {
            let column = b.scopes.column(0, 0, name);
            column.is_ok_and(|column| column.not_null)
        }
        _ => false,
    }
}
