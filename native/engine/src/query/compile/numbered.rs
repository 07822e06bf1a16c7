//! Rows that are chosen by their number among those of the same keys.

use super::builder::{count, rowid_name, Builder};
use super::collation::collated;
use super::compiled::{invalid, Param};
use super::lists::{array, values_of};
use super::order::{orders, Order};
use super::where_clause::filter;
use super::{compared, order};
use crate::error::Result;
use crate::query::ir::{Collation, DistinctOn, Partition, Scalar, Select};

/// Writes the condition that a row is one of its partition's, with ` WHERE ` before it.
pub(super) fn partition<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    partition: &'v Partition,
    order: &Order<'_, 'v>,
) -> Result<()> {
    b.push(" WHERE ");
    if let Some((key, keys, rowid)) = looked_up(b, select, partition)? {
        return look_up(b, select, order, (key, keys, rowid), partition);
    }
    begin(b, &partition.by)?;
    order.write(b)?;
    end(b);
    let filtered = match select.distinct_on.as_deref() {
        Some(on) => distinct_on(b, select, on)?,
        None => filter(b, select)?,
    };
    if let (Some(keys), [key]) = (&partition.keys, partition.by.as_slice()) {
        b.push(if filtered { " AND " } else { " WHERE " });
        compared::among(b, Collation::Binary, key, keys)?;
    }
    b.push(") WHERE ");
    range(b, partition)?;
    b.push(")");
    Ok(())
}

/// The key, its values and the rowid, where rows can be looked up value by value.
type LookUp<'v> = (&'v Scalar, Vec<Param<'v>>, &'static str);

fn looked_up<'v>(
    b: &Builder<'_, 'v>,
    select: &'v Select,
    partition: &'v Partition,
) -> Result<Option<LookUp<'v>>> {
    let Some(keys) = &partition.keys else {
        return Ok(None);
    };
    let [key] = partition.by.as_slice() else {
        return Err(invalid(
            "a partition of which the keys are given is by one scalar",
        ));
    };
    let Some(values) = values_of(keys, Collation::Binary)? else {
        return Err(invalid("the keys of a partition are values"));
    };
    match rowid_name(b.table) {
        Some(rowid) if select.distinct_on.is_none() => Ok(Some((key, values, rowid))),
        _ => Ok(None),
    }
}

/// For each value the rows of that key, as far as they are wanted.
fn look_up<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    order: &Order<'_, 'v>,
    (key, values, rowid): LookUp<'v>,
    partition: &Partition,
) -> Result<()> {
    b.push(rowid);
    b.push(" IN (SELECT \"ash_rusqlite_row\".");
    b.push(rowid);
    b.push(" FROM rarray(");
    b.param(array(values))?;
    b.push(") AS \"ash_rusqlite_key\" CROSS JOIN ");
    b.table_name();
    b.push(" AS \"ash_rusqlite_row\" ON \"ash_rusqlite_row\".");
    b.push(rowid);
    b.push(" IN (SELECT ");
    b.push(rowid);
    b.push(" FROM ");
    b.table_name();
    let filtered = filter(b, select)?;
    b.push(if filtered { " AND " } else { " WHERE " });
    collated(b, Collation::Binary, key)?;
    b.push(" = \"ash_rusqlite_key\".\"value\"");
    order.write(b)?;
    b.limit(partition.limit, Some(partition.offset.unwrap_or(0)))?;
    b.push("))");
    Ok(())
}

/// Writes the condition that a row is the first of its keys, with ` WHERE ` before it; there always is one.
pub(super) fn distinct_on<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    on: &'v DistinctOn,
) -> Result<bool> {
    let DistinctOn { keys, order_by } = on;
    b.push(" WHERE ");
    begin(b, keys)?;
    order::write(b, order_by)?;
    end(b);
    filter(b, select)?;
    b.push(") WHERE \"ash_rusqlite_row\" = 1)");
    Ok(true)
}

/// Writes the condition up to the order of the rows of the same keys.
fn begin<'v>(b: &mut Builder<'_, 'v>, keys: &'v [Scalar]) -> Result<()> {
    let table = b.table;
    let rowid = rowid_name(table);
    let columns: Vec<&str> = table.key_columns().map(|c| c.name.as_str()).collect();
    if rowid.is_none() && columns.is_empty() {
        return Err(invalid(format!(
            "{} has no key that distinguishes its rows",
            table.name
        ))
        .with("table", table.name.as_str()));
    }
    let names = |b: &mut Builder<'_, 'v>| {
        b.list(&columns, |b, name| {
            b.name(name);
            Ok(())
        })
    };
    match rowid {
        Some(rowid) => {
            b.push(rowid);
            b.push(" IN (SELECT \"ash_rusqlite_key\" FROM (SELECT ");
            b.push(rowid);
            b.push(" AS \"ash_rusqlite_key\"");
        }
        None => {
            b.push("(");
            names(b)?;
            b.push(") IN (SELECT ");
            names(b)?;
            b.push(" FROM (SELECT ");
            names(b)?;
        }
    }
    b.push(", row_number() OVER (");
    let keys = || keys.iter().filter(|key| orders(key));
    if keys().next().is_some() {
        b.push("PARTITION BY ");
        b.list(keys(), by_bytes)?;
    }
    Ok(())
}

fn end(b: &mut Builder<'_, '_>) {
    b.push(") AS \"ash_rusqlite_row\" FROM ");
    b.table_name();
}

fn range(b: &mut Builder<'_, '_>, partition: &Partition) -> Result<()> {
    let skipped = partition.offset.unwrap_or(0);
    b.push("\"ash_rusqlite_row\" > ");
    b.stored(count(skipped))?;
    if let Some(limit) = partition.limit {
        b.push(" AND \"ash_rusqlite_row\" <= ");
        b.stored(count(skipped.saturating_add(limit)))?;
    }
    Ok(())
}

/// A key, compared by its bytes whatever it is.
fn by_bytes<'v>(b: &mut Builder<'_, 'v>, key: &'v Scalar) -> Result<()> {
    collated(b, Collation::Binary, key)
}

/// Writes the keys of the partitions, which the rows are ordered by first; returns whether
/// there was any.
pub(super) fn keys<'v>(b: &mut Builder<'_, 'v>, partition: &'v Partition) -> Result<bool> {
    let keys = || partition.by.iter().filter(|key| orders(key));
    b.list(keys(), by_bytes)?;
    Ok(keys().next().is_some())
}
