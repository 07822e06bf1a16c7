//! Updates and deletes.

use rusqlite::types::{ToSqlOutput, Value as Stored};

use super::builder::{rowid_name, Builder};
use super::compiled::invalid;
use super::compiled_write::{CompiledWrite, Runs};
use super::returned_row::{Found, ReadBack};
use super::returning::{
    check_writable, output, reads_back, select_written, twice, writable, write_returning,
};
use super::types::type_of;
use crate::catalog::{Catalog, Column, Table};
use crate::error::Result;
use crate::query::ir::{Assignment, Delete, Returning, Scalar, Update, UpdateEach};
use crate::value::{ColumnType, Value};

/// An update of the rows of a condition.
pub(super) fn update<'v>(update: &'v Update, catalog: &Catalog) -> Result<CompiledWrite<'v>> {
    let table = catalog.table(&update.table)?;
    let filter = update.filter.as_ref();
    update_of(table, catalog, filter, &update.set, &update.returning)
}

/// Many updates: one statement for each run of those that differ in nothing but values.
pub(super) fn update_each<'v>(
    each: &'v UpdateEach,
    catalog: &Catalog,
) -> Result<Vec<CompiledWrite<'v>>> {
    let table = catalog.table(&each.table)?;
    let mut compiled: Vec<CompiledWrite<'v>> = Vec::new();
    for change in &each.changes {
        let filter = Some(&change.filter);
        let next = update_of(table, catalog, filter, &change.set, &each.returning)?;
        match (compiled.last_mut(), next.runs) {
            (
                Some(CompiledWrite {
                    sql,
                    runs: Runs::Params(all),
                    read_back: None,
                    ..
                }),
                Runs::Params(more),
            ) if *sql == next.sql => all.extend(more),
            (_, runs) => compiled.push(CompiledWrite { runs, ..next }),
        }
    }
    Ok(compiled)
}

/// An update of a table that was looked up.
pub(super) fn update_of<'v>(
    table: &Table,
    catalog: &Catalog,
    filter: Option<&'v Scalar>,
    set: &'v [Assignment],
    returning: &Returning,
) -> Result<CompiledWrite<'v>> {
    check_writable(table)?;
    if set.is_empty() {
        return Err(invalid("an update needs at least one column to set")
            .with("table", table.name.as_str()));
    }
    let mut b = Builder::new(table, catalog);
    b.push("UPDATE ");
    b.table_name();
    b.push(" SET ");
    let mut assigned: Vec<&Column> = Vec::with_capacity(set.len());
    b.list(set, |b, assignment| assign(b, assignment, &mut assigned))?;
    match filter {
        Some(filter @ Scalar::PrimaryKey(_)) if reads_back(table, returning) => {
            let moved = table
                .key_columns()
                .any(|key| assigned.iter().any(|c| c.name == key.name));
            if table.primary_key.is_empty() || moved {
                return finish_update(b, Some(filter), returning);
            }
            let columns = output(table, returning)?;
            let compiled = finish_update(b, Some(filter), &Returning::Nothing)?;
            let mut b = Builder::new(table, catalog);
            select_written(&mut b, returning)?;
            b.condition(filter)?;
            Ok(CompiledWrite {
                columns,
                read_back: Some(ReadBack {
                    sql: b.sql.into(),
                    by: Found::Params(b.params),
                    from_values: None,
                }),
                ..compiled
            })
        }
        filter => finish_update(b, filter, returning),
    }
}

/// SQLite may change rows while it still looks for others. Where their condition has a query of its
/// own, which may read the same table, all of them are found first.
fn finish_update<'v>(
    mut b: Builder<'_, 'v>,
    filter: Option<&'v Scalar>,
    returning: &Returning,
) -> Result<CompiledWrite<'v>> {
    let Some(filter) = filter else {
        return finish(b, None, returning);
    };
    b.push(" WHERE ");
    let at = b.sql.len();
    b.condition(filter)?;
    let written = b.sql.split_off(at);
    if written.contains("SELECT") {
        rows_of(&mut b);
        b.sql.push_str(&written);
        b.push(")");
    } else {
        b.sql.push_str(&written);
    }
    finish(b, None, returning)
}

/// Begins a condition that the row is one of a query's, up to that query's condition.
fn rows_of(b: &mut Builder<'_, '_>) {
    let table = b.table;
    let row = |b: &mut Builder<'_, '_>| match rowid_name(table) {
        Some(rowid) => b.push(rowid),
        None => {
            for (index, key) in table.key_columns().enumerate() {
                if index > 0 {
                    b.push(", ");
                }
                b.name(&key.name);
            }
        }
    };
    b.push("(");
    row(b);
    b.push(") IN (SELECT ");
    row(b);
    b.push(" FROM ");
    b.table_name();
    b.push(" WHERE ");
}

fn assign<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    assignment: &'v Assignment,
    assigned: &mut Vec<&'t Column>,
) -> Result<()> {
    let table = b.table;
    let (Assignment::Set(name, _) | Assignment::Increment(name, _) | Assignment::Compute(name, _)) =
        assignment;
    let column = writable(table, name)?;
    if assigned.iter().any(|known| known.name == column.name) {
        return Err(twice(table, column));
    }
    assigned.push(column);
    b.name(&column.name);
    b.push(" = ");
    match assignment {
        Assignment::Set(_, value) => b.value(value, column),
        Assignment::Increment(_, value) => increment(b, column, value),
        Assignment::Compute(_, scalar) => {
            b.scopes.reads_outermost = false;
            compute(b, column, scalar)?;
            if !b.scopes.reads_outermost {
                return Ok(());
            }
            let message = format!(
                "{} is computed from a query of {}, which would see rows that are already \
                 changed; read them first, in the same transaction",
                column.name, table.name
            );
            Err(invalid(message).with("column", column.name.as_str()))
        }
    }
}

fn increment<'v>(b: &mut Builder<'_, 'v>, column: &Column, value: &'v Value) -> Result<()> {
    let number = matches!(column.column_type, ColumnType::Integer | ColumnType::Real);
    if !number || *value == Value::Null {
        let message = format!(
            "only INTEGER and REAL columns grow by a number; {} is {}",
            column.name,
            column.column_type.name()
        );
        return Err(invalid(message).with("column", column.name.as_str()));
    }
    b.call("add");
    b.name(&column.name);
    b.push(", ");
    b.value(value, column)?;
    b.push(")");
    Ok(())
}

/// What is not known to be of the column's type is checked and brought into its form. So are times
/// of another column, where another program may have written them in forms of its own.
fn compute<'v>(b: &mut Builder<'_, 'v>, column: &Column, scalar: &'v Scalar) -> Result<()> {
    let column_type = column.column_type;
    let known = type_of(b, scalar);
    let has_its_form = match scalar {
        _ if column_type.time_family().is_none() => true,
        Scalar::Value { .. } => true,
        // What is there already is not changed: it may be a key.
        Scalar::Column { depth, name, .. } => {
            *depth == 0 && name.eq_ignore_ascii_case(&column.name)
        }
        _ => false,
    };
    if matches!(scalar, Scalar::Null)
        || (known == Some(column_type) && has_its_form)
        || column_type == ColumnType::Any
    {
        return b.scalar(scalar);
    }
    if let (ColumnType::Json, Some(known)) = (column_type, known) {
        let message = format!(
            "{} is stored as JSON and does not take what is computed as {}",
            column.name,
            known.name()
        );
        return Err(invalid(message).with("column", column.name.as_str()));
    }
    let table = b.table;
    b.call("store");
    b.scalar(scalar)?;
    b.push(", '");
    b.push(column_type.declared());
    b.push("', ");
    for (place, name) in [", ", ")"].into_iter().zip([&table.name, &column.name]) {
        b.stored(ToSqlOutput::Owned(Stored::Text(name.clone())))?;
        b.push(place);
    }
    Ok(())
}

/// A delete of the rows of a condition.
pub(super) fn delete<'v>(delete: &'v Delete, catalog: &Catalog) -> Result<CompiledWrite<'v>> {
    let table = catalog.table(&delete.table)?;
    check_writable(table)?;
    let mut b = Builder::new(table, catalog);
    b.push("DELETE FROM ");
    b.table_name();
    finish(b, delete.filter.as_ref(), &delete.returning)
}

fn finish<'v>(
    mut b: Builder<'_, 'v>,
    filter: Option<&'v Scalar>,
    returning: &Returning,
) -> Result<CompiledWrite<'v>> {
    if let Some(filter) = filter {
        b.push(" WHERE ");
        b.condition(filter)?;
    }
    write_returning(&mut b, returning)?;
    let columns = output(b.table, returning)?;
    Ok(CompiledWrite {
        sql: b.sql.into(),
        runs: Runs::Params(vec![b.params]),
        columns,
        read_back: None,
    })
}
