//! Rows that are chosen by their number among those of the same keys.

use super::builder::{rowid_name, Builder};
use super::order::{self, Term};
use super::select::count;
use super::{compared, filter, invalid, nulls_equal, scalar, Param};
use crate::error::Result;
use crate::query::ir::{Collation, DistinctOn, Partition, Scalar, Select};

/// Writes the condition of a select's rows, with ` WHERE ` before it. Returns whether there is
/// one. `terms` is the order of its rows where that is not one of scalars.
///
/// The rows are found by their key, so that nothing but keys goes through the sorter, and the
/// statement around speaks of the table as any other does.
pub(super) fn condition<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    terms: &[Term<'_>],
) -> Result<bool> {
    match &select.partition {
        None => distinct_on(b, select),
        Some(partition) => {
            b.push(" WHERE ");
            if let Some((key, keys, rowid)) = looked_up(b, select, partition)? {
                look_up(b, select, terms, (key, keys, rowid), partition)?;
                return Ok(true);
            }
            begin(b, &partition.by)?;
            rows_in_order(b, select, terms)?;
            end(b);
            let filtered = distinct_on(b, select)?;
            if let (Some(keys), [key]) = (&partition.keys, partition.by.as_slice()) {
                b.push(if filtered { " AND " } else { " WHERE " });
                compared::among(b, Collation::Binary, key, keys)?;
            }
            b.push(") WHERE ");
            range(b, partition)?;
            b.push(")");
            Ok(true)
        }
    }
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
    let Some(values) = compared::values_of(keys, Collation::Binary)? else {
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
    terms: &[Term<'_>],
    (key, values, rowid): LookUp<'v>,
    partition: &Partition,
) -> Result<()> {
    b.push(rowid);
    b.push(" IN (SELECT \"ash_rusqlite_row\".");
    b.push(rowid);
    b.push(" FROM rarray(");
    b.param(compared::array(values))?;
    b.push(") AS \"ash_rusqlite_key\" CROSS JOIN ");
    b.table_name();
    b.push(" AS \"ash_rusqlite_row\" ON \"ash_rusqlite_row\".");
    b.push(rowid);
    b.push(" IN (SELECT ");
    b.push(rowid);
    b.push(" FROM ");
    b.table_name();
    let filtered = filtered(b, select)?;
    b.push(if filtered { " AND " } else { " WHERE " });
    scalar::collated(b, Collation::Binary, key)?;
    b.push(" = \"ash_rusqlite_key\".\"value\"");
    rows_in_order(b, select, terms)?;
    b.push(" LIMIT ");
    match partition.limit {
        Some(limit) => b.stored(count(limit))?,
        None => b.push("-1"),
    }
    b.push(" OFFSET ");
    b.stored(count(partition.offset.unwrap_or(0)))?;
    b.push("))");
    Ok(())
}

/// Writes the order of the rows of a partition.
fn rows_in_order<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    terms: &[Term<'_>],
) -> Result<()> {
    if select
        .scalar_order
        .iter()
        .any(|item| scalar::orders(&item.scalar))
    {
        order_by(b, |b| scalar::order(b, &select.scalar_order, false))
    } else if !terms.is_empty() {
        order_by(b, |b| order::items(b, terms))
    } else {
        Ok(())
    }
}

fn distinct_on<'v>(b: &mut Builder<'_, 'v>, select: &'v Select) -> Result<bool> {
    let Some(DistinctOn { keys, order }) = select.distinct_on.as_deref() else {
        return filtered(b, select);
    };
    b.push(" WHERE ");
    begin(b, keys)?;
    if order.iter().any(|item| scalar::orders(&item.scalar)) {
        order_by(b, |b| scalar::order(b, order, false))?;
    }
    end(b);
    filtered(b, select)?;
    b.push(") WHERE \"ash_rusqlite_row\" = 1)");
    Ok(true)
}

fn filtered<'v>(b: &mut Builder<'_, 'v>, select: &'v Select) -> Result<bool> {
    let Some(expr) = &select.filter else {
        return Ok(false);
    };
    b.push(" WHERE ");
    filter::condition(b, expr)?;
    nulls_equal::implied(b, expr)?;
    Ok(true)
}

/// Writes the condition up to the order of the rows of the same keys.
fn begin<'v>(b: &mut Builder<'_, 'v>, keys: &'v [Scalar]) -> Result<()> {
    let table = b.table;
    let rowid = rowid_name(table);
    let columns: Vec<&str> = table.key_columns().map(|c| c.name.as_str()).collect();
    if rowid.is_none() && columns.is_empty() {
        return Err(invalid(format!(
            "{} has no key by which rows could be told apart",
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
    let keys = || keys.iter().filter(|key| scalar::orders(key));
    if keys().next().is_some() {
        b.push("PARTITION BY ");
        b.list(keys(), by_bytes)?;
    }
    Ok(())
}

fn order_by<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    items: impl FnOnce(&mut Builder<'t, 'v>) -> Result<()>,
) -> Result<()> {
    b.push(" ORDER BY ");
    items(b)
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
    scalar::collated(b, Collation::Binary, key)
}

/// Writes the keys of the partitions, which the rows are ordered by first; returns whether
/// there was any.
pub(super) fn keys<'v>(b: &mut Builder<'_, 'v>, partition: &'v Partition) -> Result<bool> {
    let keys = || partition.by.iter().filter(|key| scalar::orders(key));
    b.list(keys(), by_bytes)?;
    Ok(keys().next().is_some())
}
