//! What every write shares: which columns it may write, and how the rows that it wrote are returned.

use std::sync::Arc;

use super::builder::Builder;
use super::compiled::invalid;
use super::select::columns;
use crate::catalog::{Column, Table};
use crate::error::{Error, Result};
use crate::query::ir::Returning;
use crate::value::OutputColumn;

/// Whether a row that is wanted may be read after it was written: what a trigger does then is not
/// what the statement itself wrote.
pub(super) fn reads_back(table: &Table, returning: &Returning) -> bool {
    !matches!(returning, Returning::Nothing) && !table.has_triggers
}

/// Writes a select of the columns that come back, up to its condition.
pub(super) fn select_written(b: &mut Builder<'_, '_>, returning: &Returning) -> Result<()> {
    b.push("SELECT ");
    written_columns(b, returning)?;
    b.push(" FROM ");
    b.table_name();
    b.push(" WHERE ");
    Ok(())
}

/// Writes ` RETURNING …`.
pub(super) fn write_returning(b: &mut Builder<'_, '_>, returning: &Returning) -> Result<()> {
    if matches!(returning, Returning::Nothing) {
        return Ok(());
    }
    b.push(" RETURNING ");
    written_columns(b, returning)
}

/// Writes the columns that come back.
pub(super) fn written_columns(b: &mut Builder<'_, '_>, returning: &Returning) -> Result<()> {
    let table = b.table;
    match returning {
        Returning::Nothing => Ok(()),
        Returning::All => b.list(&table.columns, |b, column| {
            b.name(&column.name);
            Ok(())
        }),
        Returning::Columns(wanted) => names(b, &columns(table, wanted)?),
    }
}

/// The columns that come back.
pub(super) fn output(table: &Table, returning: &Returning) -> Result<Arc<[OutputColumn]>> {
    Ok(match returning {
        Returning::Nothing => Arc::new([]),
        Returning::All => Arc::clone(table.output_columns()),
        Returning::Columns(names) => columns(table, names)?
            .into_iter()
            .map(|column| column.output(&table.name))
            .collect(),
    })
}

/// The columns' names with commas between them.
pub(super) fn names(b: &mut Builder<'_, '_>, columns: &[&Column]) -> Result<()> {
    b.list(columns, |b, column| {
        b.name(&column.name);
        Ok(())
    })
}

/// A column that can be written.
pub(super) fn writable<'a>(table: &'a Table, name: &str) -> Result<&'a Column> {
    let (_, column) = table.column(name)?;
    check_column(table, column)?;
    Ok(column)
}

/// Refuses a column that cannot be written.
pub(super) fn check_column(table: &Table, column: &Column) -> Result<()> {
    if !column.generated {
        return Ok(());
    }
    Err(invalid(format!(
        "{} is computed from other columns and cannot be written",
        column.name
    ))
    .with("table", table.name.as_str())
    .with("column", column.name.as_str()))
}

/// Refuses a table that cannot be written.
pub(super) fn check_writable(table: &Table) -> Result<()> {
    if !table.is_view {
        return Ok(());
    }
    Err(
        invalid(format!("{} is a view, which can only be read", table.name))
            .with("table", table.name.as_str()),
    )
}

/// The error of a column that is written twice.
pub(super) fn twice(table: &Table, column: &Column) -> Error {
    invalid(format!("{} is given twice", column.name))
        .with("table", table.name.as_str())
        .with("column", column.name.as_str())
}
