//! By which collation an expression compares.

use super::builder::Builder;
use super::compiled::invalid;
use super::fragment;
use super::types::{may_have_collation, type_of};
use crate::error::{Error, Result};
use crate::query::ir::{Collation, Scalar};
use crate::value::{ColumnType, TimeFamily};

impl Builder<'_, '_> {
    /// A scalar's column, with its type and whether it is known to have one form.
    pub(super) fn time_column(
        &mut self,
        scalar: &Scalar,
    ) -> Option<(ColumnType, Option<TimeFamily>)> {
        let Scalar::Column { depth, table, name } = scalar else {
            return None;
        };
        let (owner, column) = self.scopes.owned_column(*depth, *table, name).ok()?;
        column.column_type.time_family()?;
        Some((column.column_type, self.several_forms(owner, column)))
    }
}

/// The collation of a scalar of times: none where its texts are known to have one form.
pub(super) fn settle(b: &mut Builder<'_, '_>, collation: Collation, scalar: &Scalar) -> Collation {
    let family = match collation {
        Collation::Time(family) => Some(family),
        Collation::Binary => type_of(b, scalar).and_then(ColumnType::time_family),
        Collation::Decimal | Collation::CaseInsensitive | Collation::Declared => None,
    };
    match (family, b.time_column(scalar)) {
        (None, _) => collation,
        (Some(_), Some((_, None))) => Collation::Binary,
        (Some(family), _) => Collation::Time(family),
    }
}

/// The family by which two scalars compare. A fragment compares by SQLite's own rules.
pub(super) fn family(
    b: &Builder<'_, '_>,
    collation: Collation,
    scalars: [&Scalar; 2],
) -> Option<TimeFamily> {
    if scalars.iter().any(|s| fragment::pieces(s).is_some()) {
        return None;
    }
    match collation {
        Collation::Time(family) => Some(family),
        Collation::Binary => scalars
            .iter()
            .find_map(|scalar| type_of(b, scalar)?.time_family()),
        Collation::Decimal | Collation::CaseInsensitive | Collation::Declared => None,
    }
}

/// A scalar with an explicit collation, unless it is known to need none.
pub(super) fn collated<'v>(
    b: &mut Builder<'_, 'v>,
    collation: Collation,
    scalar: &'v Scalar,
) -> Result<()> {
    match settle(b, collation, scalar) {
        Collation::Time(family) => {
            b.scalar(scalar)?;
            b.collate_times(family);
        }
        Collation::Decimal => {
            decimal(b, scalar)?;
            b.push(" COLLATE ash_rusqlite_decimal");
        }
        Collation::CaseInsensitive => {
            b.scalar(scalar)?;
            b.push(" COLLATE ash_rusqlite_ci");
        }
        Collation::Declared => {
            b.scalar(scalar)?;
            if let Scalar::Column { depth, table, name } = scalar {
                let (owner, column) = b.scopes.owned_column(*depth, *table, name)?;
                b.collate_declared(owner, column);
            }
        }
        Collation::Binary => {
            b.scalar(scalar)?;
            if may_have_collation(b, scalar) {
                b.push(" COLLATE BINARY");
            }
        }
    }
    Ok(())
}

/// A scalar where it is compared as a decimal: integers by their digits.
pub(super) fn decimal<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    match type_of(b, scalar) {
        Some(ColumnType::Decimal | ColumnType::Text) => b.scalar(scalar),
        Some(ColumnType::Real) => Err(no_decimal("a float")),
        Some(ColumnType::Boolean) => Err(no_decimal("a boolean")),
        _ if matches!(scalar, Scalar::Null) => b.scalar(scalar),
        _ => {
            b.push("ash_rusqlite_to_text(");
            b.scalar(scalar)?;
            b.push(")");
            Ok(())
        }
    }
}

fn no_decimal(what: &str) -> Error {
    invalid(format!("{what} has no place in a comparison of decimals"))
}
