//! Which rows of its table a select is of.

use super::builder::Builder;
use super::order::Order;
use super::{nulls_equal, numbered};
use crate::error::Result;
use crate::query::ir::Select;

/// Writes the condition of a select's rows, with ` WHERE ` before it. Returns whether there is
/// one. `order` is that of its rows.
///
/// Rows of a partition, or distinct ones, are found by their key, so that nothing but keys goes
/// through the sorter, and the statement around refers to the table as any other does.
pub(super) fn write<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    order: &Order<'_, 'v>,
) -> Result<bool> {
    match (&select.partition, &select.distinct_on) {
        (Some(partition), _) => {
            numbered::partition(b, select, partition, order)?;
            Ok(true)
        }
        (None, Some(on)) => numbered::distinct_on(b, select, on),
        (None, None) => filter(b, select),
    }
}

/// Writes the condition of a select, with ` WHERE ` before it; returns whether there is one.
pub(super) fn filter<'v>(b: &mut Builder<'_, 'v>, select: &'v Select) -> Result<bool> {
    let Some(filter) = &select.filter else {
        return Ok(false);
    };
    b.push(" WHERE ");
    b.condition(filter)?;
    nulls_equal::implied(b, filter)?;
    Ok(true)
}
