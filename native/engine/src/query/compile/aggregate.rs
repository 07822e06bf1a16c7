//! One value computed over rows.

use super::builder::Builder;
use super::compiled::{invalid, Compiled};
use super::select::{one_value, ResolvedSelect, Wanted};
use crate::catalog::{Catalog, Column, Table};
use crate::error::Result;
use crate::query::ir::{Aggregate, Select};
use crate::value::ColumnType;

/// One value over the rows of a select.
pub(super) fn aggregate<'v>(
    function: Aggregate,
    column: Option<&str>,
    select: &'v Select,
    catalog: &Catalog,
) -> Result<Compiled<'v>> {
    let table = catalog.table(&select.table)?;
    if select.columns.is_some() || !select.computed.is_empty() {
        return Err(invalid(
            "an aggregate is over whole rows; give it a column, not `select`",
        ));
    }
    let column = match column {
        Some(name) => Some(table.column(name)?.1),
        None => None,
    };
    let (name, column_type) = aggregate_type(function, column, table)?;
    let cut = select.distinct || select.limit.is_some() || select.offset.is_some();
    let wanted = if cut {
        Wanted::Cut(column)
    } else {
        Wanted::All
    };
    let mut resolved = ResolvedSelect::new(select, table, wanted)?;
    resolved.ordered = select.limit.is_some() || select.offset.is_some();
    let mut b = Builder::new(table, catalog);
    b.push("SELECT ");
    call(&mut b, function, column);
    if cut {
        b.push(if select.distinct {
            " FROM (SELECT DISTINCT "
        } else {
            " FROM (SELECT "
        });
        resolved.columns(&mut b)?;
        resolved.from(&mut b)?;
        b.push(")");
    } else {
        resolved.from(&mut b)?;
    }
    Ok(one_value(b, name, column_type))
}

/// The function's name, and its value's type over the column.
fn aggregate_type(
    function: Aggregate,
    column: Option<&Column>,
    table: &Table,
) -> Result<(&'static str, ColumnType)> {
    use ColumnType::{Any, Decimal, Integer, Real};
    let name = function.word();
    if function == Aggregate::Count {
        return Ok((name, Integer));
    }
    let Some(column) = column else {
        return Err(invalid(format!("{name} needs a column")).with("table", table.name.as_str()));
    };
    let column_type = match (function, column.column_type) {
        (Aggregate::Avg, Decimal) => {
            let message = format!(
                "the mean of {} may not end in decimals; divide its sum by its count",
                column.name
            );
            return Err(invalid(message).with("column", column.name.as_str()));
        }
        (Aggregate::Avg, Integer | Real) => Real,
        (Aggregate::Avg, Any) | (Aggregate::Sum, Integer | Real | Decimal | Any) => {
            column.column_type
        }
        (Aggregate::Avg | Aggregate::Sum, other) => {
            let message = format!(
                "{name} is for numbers, but {} is {}",
                column.name,
                other.name()
            );
            return Err(invalid(message).with("column", column.name.as_str()));
        }
        (_, column_type) => column_type,
    };
    Ok((name, column_type))
}

fn call(b: &mut Builder<'_, '_>, function: Aggregate, column: Option<&Column>) {
    let decimal = column.is_some_and(|column| column.column_type == ColumnType::Decimal);
    match function {
        Aggregate::Sum if decimal => b.call("decimal_sum"),
        _ => {
            b.push(function.word());
            b.push("(");
        }
    }
    match (function, column) {
        (_, None) => b.push("*"),
        (Aggregate::Min | Aggregate::Max, Some(column)) => {
            b.compared(column);
        }
        (_, Some(column)) => b.name(&column.name),
    }
    b.push(")");
}
