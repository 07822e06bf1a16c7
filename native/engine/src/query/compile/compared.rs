//! Comparisons of expressions.

use super::builder::Builder;
use super::collation::{collated, decimal, family};
use super::lists::{self, is_null, values_of};
use super::types::{is_number, may_have_collation};
use super::{fragment, ignore_case, times};
use crate::error::Result;
use crate::query::ir::{Collation, Scalar};
use crate::query::vocabulary::{Accepts, Comparison};

/// Writes a comparison.
pub(super) fn compare<'v>(
    b: &mut Builder<'_, 'v>,
    operator: Comparison,
    collation: Collation,
    left: &'v Scalar,
    right: &'v Scalar,
) -> Result<()> {
    if let Some(family) = family(b, collation, [left, right]) {
        if times::compare(b, operator, family, left, right)? {
            return Ok(());
        }
    }
    plain(b, operator, collation, left, right)
}

/// Writes a comparison of what has one form.
fn plain<'v>(
    b: &mut Builder<'_, 'v>,
    operator: Comparison,
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
        b.scalar(left)?;
    } else if collation == Collation::Binary && may_have_collation(b, right) {
        b.scalar(left)?;
        b.push(" COLLATE BINARY");
    } else {
        collated(b, collation, left)?;
    }
    b.push(operator.sql);
    match collation {
        Collation::Decimal => decimal(b, right)?,
        _ => b.scalar(right)?,
    }
    if collation == Collation::CaseInsensitive && operator.accepts == Accepts::Equal {
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
    let operator = match negated {
        true => Comparison::IS_NOT,
        false => Comparison::IS,
    };
    compare(b, operator, collation, left, right)
}

/// Writes whether a scalar is one of a list.
pub(super) fn among<'v>(
    b: &mut Builder<'_, 'v>,
    collation: Collation,
    item: &'v Scalar,
    list: &'v [Scalar],
) -> Result<()> {
    if let Some(family) = family(b, collation, [item, item]) {
        if times::among(b, family, item, list)? {
            return Ok(());
        }
    }
    if let Some(values) = values_of(list, collation)? {
        if values.is_empty() {
            // SQLite's `NULL IN ()` is 0.
            b.push("CASE WHEN ");
            b.scalar(item)?;
            b.push(" IS NOT NULL THEN 0 END");
            return Ok(());
        }
        b.push("(");
        collated(b, collation, item)?;
        b.push(" IN ");
        lists::values(b, values)?;
        if collation == Collation::CaseInsensitive {
            let texts = list.iter().filter(|scalar| !is_null(scalar));
            ignore_case::implied(b, item, &texts.collect::<Vec<_>>())?;
        }
        b.push(")");
        return Ok(());
    }
    // A null that turns up in the list must not make "none of them" unknown.
    b.push("CASE WHEN ");
    b.scalar(item)?;
    b.push(" IS NOT NULL THEN ifnull(");
    b.check_repeated()?;
    collated(b, collation, item)?;
    b.push(" IN (");
    b.list(list, |b, scalar| match collation {
        Collation::Decimal => decimal(b, scalar),
        _ => b.scalar(scalar),
    })?;
    b.push("), 0) END");
    Ok(())
}
