//! Which rows of its table a select is of.

use super::builder::Builder;
use super::order::Term;
use super::{filter, numbered};
use crate::error::Result;
use crate::query::ir::Select;

/// Writes the condition of a select's rows, with ` WHERE ` before it. Returns whether there is
/// one. `terms` is the order of its rows where that is not one of scalars.
///
/// Rows of a partition, or distinct ones, are found by their key, so that nothing but keys goes
/// through the sorter, and the statement around refers to the table as any other does.
pub(super) fn write<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    terms: &[Term<'_>],
) -> Result<bool> {
    match (&select.partition, &select.distinct_on) {
        (Some(partition), _) => {
            numbered::partition(b, select, partition, terms)?;
            Ok(true)
        }
        (None, Some(on)) => numbered::distinct_on(b, select, on),
        (None, None) => filter::where_select(b, select),
    }
}
