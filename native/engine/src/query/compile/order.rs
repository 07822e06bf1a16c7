//! ORDER BY: expressions, or the columns of a keyset order.

use super::builder::Builder;
use super::collation::collated;
use super::fragment;
use super::keyset::Term;
use super::types::type_of;
use crate::error::Result;
use crate::query::ir::{Collation, Nulls, OrderBy, Scalar};
use crate::value::{self, ColumnType};

/// The order of a read's rows.
pub(super) enum Order<'a, 'v> {
    /// Columns, so that a cursor can continue after any row.
    Keyset(Vec<Term<'a>>),
    /// Expressions. It has no cursors.
    Free(&'v [OrderBy]),
}

impl<'a, 'v> Order<'a, 'v> {
    /// The columns of a keyset order.
    pub(super) fn terms(&self) -> &[Term<'a>] {
        match self {
            Order::Keyset(terms) => terms,
            Order::Free(_) => &[],
        }
    }

    /// Whether it orders nothing.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Order::Keyset(terms) => terms.is_empty(),
            Order::Free(order_by) => !orders_by(order_by),
        }
    }

    /// Writes it, with commas between its items; `comma` begins with one.
    pub(super) fn items(&self, b: &mut Builder<'_, 'v>, comma: bool) -> Result<()> {
        match self {
            Order::Keyset(terms) => {
                if comma && !terms.is_empty() {
                    b.push(", ");
                }
                keyset_items(b, terms)
            }
            Order::Free(order_by) => items(b, order_by, comma),
        }
    }

    /// Writes ` ORDER BY …` unless it orders nothing.
    pub(super) fn write(&self, b: &mut Builder<'_, 'v>) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        b.push(" ORDER BY ");
        self.items(b, false)
    }
}

/// Writes ` ORDER BY …` unless it orders nothing.
pub(super) fn write<'v>(b: &mut Builder<'_, 'v>, order_by: &'v [OrderBy]) -> Result<()> {
    Order::Free(order_by).write(b)
}

fn orders_by(order_by: &[OrderBy]) -> bool {
    order_by.iter().any(|item| orders(&item.scalar))
}

/// Whether a scalar orders rows. One that is the same for every row does not, and SQLite
/// would read a plain 1 as the first column.
pub(super) fn orders(scalar: &Scalar) -> bool {
    let scalar = bare(scalar).1;
    let number = fragment::pieces(scalar).is_some_and(fragment::is_number);
    !number && !matches!(scalar, Scalar::Null | Scalar::Boolean(_))
}

/// A scalar without the collations around it, of which the outermost that says something counts.
/// Among expressions a column is ordered by its bytes.
fn bare(mut scalar: &Scalar) -> (Collation, &Scalar) {
    let mut collation = Collation::Binary;
    while let Scalar::Collate(wanted, inner) = scalar {
        if collation == Collation::Binary && *wanted != Collation::Declared {
            collation = *wanted;
        }
        scalar = inner;
    }
    (collation, scalar)
}

/// Writes the scalars of an order with commas between them; `comma` begins with one. Columns
/// of decimals are ordered by their value.
fn items<'v>(b: &mut Builder<'_, 'v>, order_by: &'v [OrderBy], mut comma: bool) -> Result<()> {
    for item in order_by.iter().filter(|item| orders(&item.scalar)) {
        if comma {
            b.push(", ");
        }
        comma = true;
        let (mut collation, scalar) = bare(&item.scalar);
        let decimals = matches!(scalar, Scalar::Column { .. })
            && type_of(b, scalar).map(ColumnType::order) == Some(value::Order::Decimal);
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

fn keyset_items(b: &mut Builder<'_, '_>, terms: &[Term<'_>]) -> Result<()> {
    let terms = terms.iter().filter(|term| !term.is_repeated());
    b.list(terms, |b, term| {
        term.write(b);
        if term.descending {
            b.push(" DESC");
        }
        // Where nulls go by default is not said: SQLite finds more indexes for it so.
        if term.nullable && term.nulls_first == term.descending {
            b.push(if term.nulls_first {
                " NULLS FIRST"
            } else {
                " NULLS LAST"
            });
        }
        Ok(())
    })
}
