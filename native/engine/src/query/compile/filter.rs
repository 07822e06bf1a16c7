//! Conditions.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::builder::{encode, encode_rowid, rowid_name, Builder};
use super::compiled::{invalid, Param};
use super::{lists, nulls_equal, times};
use crate::catalog::{Column, Table};
use crate::error::{Error, Result};
use crate::query::ir::{CompareOp, Expr, KeyValue, Select};
use crate::query::vocabulary::Comparison;
use crate::value::{ColumnType, Value};

/// How deep conditions may nest. SQLite's own limit on the depth of an expression is 1,000.
const MAX_DEPTH: usize = 100;

/// SQLite's limit of the length of a LIKE pattern (SQLITE_MAX_LIKE_PATTERN_LENGTH).
const MAX_PATTERN: usize = 50_000;

/// Writes a condition that can stand between ANDs.
pub(super) fn condition<'v>(b: &mut Builder<'_, 'v>, expr: &'v Expr) -> Result<()> {
    match expr {
        Expr::And(exprs) if !exprs.is_empty() => join(b, exprs, " AND ", 1),
        _ => write(b, expr, 1),
    }
}

/// Writes the condition of a select, with ` WHERE ` before it; returns whether there is one.
pub(super) fn where_select<'v>(b: &mut Builder<'_, 'v>, select: &'v Select) -> Result<bool> {
    let Some(expr) = &select.filter else {
        return Ok(false);
    };
    b.push(" WHERE ");
    condition(b, expr)?;
    nulls_equal::implied(b, expr)?;
    Ok(true)
}

fn write<'v>(b: &mut Builder<'_, 'v>, expr: &'v Expr, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(invalid(format!("conditions nest at most {MAX_DEPTH} deep")));
    }
    match expr {
        Expr::And(exprs) => group(b, exprs, " AND ", "1", depth),
        Expr::Or(exprs) => group(b, exprs, " OR ", "0", depth),
        Expr::Not(expr) => {
            b.push("NOT (");
            write(b, expr, depth + 1)?;
            b.push(")");
            Ok(())
        }
        Expr::Compare { column, op, value } => compare(b, column, *op, value),
        Expr::CompareColumns { left, op, right } => compare_columns(b, left, *op, right),
        Expr::In {
            column,
            values,
            negated,
        } => among(b, column, values, *negated),
        Expr::IsNull { column, negated } => {
            let (_, column) = b.table.column(column)?;
            b.name(&column.name);
            b.push(if *negated { " IS NOT NULL" } else { " IS NULL" });
            Ok(())
        }
        Expr::Like {
            column,
            pattern,
            negated,
        } => like(b, column, pattern, *negated),
        Expr::PrimaryKey(key) => primary_key(b, key),
        Expr::Scalar(scalar) => b.scalar(scalar),
    }
}

fn group<'v>(
    b: &mut Builder<'_, 'v>,
    exprs: &'v [Expr],
    operator: &'static str,
    empty: &'static str,
    depth: usize,
) -> Result<()> {
    match exprs {
        [] => {
            b.push(empty);
            Ok(())
        }
        [expr] => write(b, expr, depth + 1),
        _ => {
            b.push("(");
            join(b, exprs, operator, depth)?;
            b.push(")");
            Ok(())
        }
    }
}

/// Long lists become a balanced tree, so that they stay within SQLite's depth limit.
fn join<'v>(
    b: &mut Builder<'_, 'v>,
    exprs: &'v [Expr],
    operator: &'static str,
    depth: usize,
) -> Result<()> {
    if exprs.len() > 4 {
        let (left, right) = exprs.split_at(exprs.len() / 2);
        b.push("(");
        join(b, left, operator, depth)?;
        b.push(")");
        b.push(operator);
        b.push("(");
        join(b, right, operator, depth)?;
        b.push(")");
        return Ok(());
    }
    for (index, expr) in exprs.iter().enumerate() {
        if index > 0 {
            b.push(operator);
        }
        write(b, expr, depth + 1)?;
    }
    Ok(())
}

fn compare<'v>(
    b: &mut Builder<'_, 'v>,
    column: &str,
    op: CompareOp,
    value: &'v Value,
) -> Result<()> {
    let (_, column) = b.table.column(column).map_err(|error| match column {
        "key" | "expr" => in_a_list(error, column),
        _ => error,
    })?;
    if *value != Value::Null {
        let stored = encode(value, b.table, column)?;
        if column.column_type.time_family().is_none() {
            b.compared(column);
            b.push(op.comparison().sql);
            return b.stored(stored);
        }
        return compare_time(b, column, op.comparison(), stored);
    }
    b.name(&column.name);
    let Some(with_null) = op.with_null() else {
        let message = format!(
            "nothing is less or greater than null; compare {} with a value, or use is_nil",
            column.name
        );
        return Err(invalid(message).with("column", column.name.as_str()));
    };
    b.push(with_null);
    Ok(())
}

fn compare_time<'v>(
    b: &mut Builder<'_, 'v>,
    column: &Column,
    operator: Comparison,
    stored: ToSqlOutput<'v>,
) -> Result<()> {
    let Some(family) = b.several_forms(b.table, column) else {
        b.name(&column.name);
        b.push(operator.sql);
        return b.stored(stored);
    };
    b.push("(");
    b.name(&column.name);
    b.collate_times(family);
    b.push(operator.sql);
    b.stored(stored.clone())?;
    times::column_bounds(b, &column.name, family, operator, &stored)?;
    b.push(")");
    Ok(())
}

/// Between the pairs of a keyword list the primary key and expressions look like columns.
fn in_a_list(error: Error, name: &str) -> Error {
    let message = format!(
        "{}. In a list {{:{name}, value}} is a column's; give it alone, or within {{:and, […]}}",
        error.message()
    );
    error.with_message(message)
}

fn compare_columns(b: &mut Builder<'_, '_>, left: &str, op: CompareOp, right: &str) -> Result<()> {
    let (_, left) = b.table.column(left)?;
    let (_, right) = b.table.column(right)?;
    if !comparable(left.column_type, right.column_type) {
        let message = format!(
            "{} ({}) and {} ({}) are stored in different forms and cannot be compared",
            left.name,
            left.column_type.name(),
            right.name,
            right.column_type.name()
        );
        return Err(invalid(message).with("columns", vec![left.name.clone(), right.name.clone()]));
    }
    if let (Some(family), false) = (
        left.column_type.time_family(),
        left.column_type == right.column_type,
    ) {
        b.name(&left.name);
        b.collate_times(family);
    } else {
        decimal_side(b, left, right);
    }
    b.push(op.comparison().sql);
    decimal_side(b, right, left);
    Ok(())
}

/// Whether two columns' stored forms have one order.
fn comparable(left: ColumnType, right: ColumnType) -> bool {
    use ColumnType::{Any, Decimal, Integer, Real, Text, Uuid};
    match (left, right) {
        (Decimal, Integer) | (Integer, Decimal) | (Integer, Real) | (Real, Integer) => true,
        (Text, Uuid) | (Uuid, Text) => true,
        (Decimal, Any) | (Any, Decimal) => false,
        (Any, _) | (_, Any) => true,
        _ => {
            let family = left.time_family();
            left == right || (family.is_some() && family == right.time_family())
        }
    }
}

/// One side of a comparison of columns: beside a decimal, an integer is compared by its digits.
fn decimal_side(b: &mut Builder<'_, '_>, column: &Column, other: &Column) {
    let integer = column.column_type == ColumnType::Integer;
    if integer && other.column_type == ColumnType::Decimal {
        b.push("CAST(");
        b.name(&column.name);
        b.push(" AS TEXT) COLLATE ash_rusqlite_decimal");
    } else {
        b.compared(column);
    }
}

fn among<'v>(
    b: &mut Builder<'_, 'v>,
    column: &str,
    values: &'v [Value],
    negated: bool,
) -> Result<()> {
    let (_, column) = b.table.column(column)?;
    let mut list = Vec::with_capacity(values.len().next_power_of_two());
    for value in values {
        if *value != Value::Null {
            list.push(encode(value, b.table, column)?);
        }
    }
    if list.is_empty() {
        b.push(if negated { "1" } else { "0" });
        return Ok(());
    }
    let family = b.several_forms(b.table, column);
    let bounds = family.filter(|_| !negated);
    b.push(if bounds.is_some() { "(" } else { "" });
    b.compared(column);
    b.push(if negated { " NOT IN " } else { " IN " });
    let stored = bounds.map(|_| list.clone());
    lists::values(b, list.into_iter().map(Param::Value).collect())?;
    if let (Some(family), Some(stored)) = (bounds, stored) {
        times::column_among(b, column, family, &stored)?;
        b.push(")");
    }
    Ok(())
}

fn like<'v>(b: &mut Builder<'_, 'v>, column: &str, pattern: &'v str, negated: bool) -> Result<()> {
    let (_, column) = b.table.column(column)?;
    if pattern.len() > MAX_PATTERN || pattern.contains('\0') {
        return Err(invalid(format!(
            "a like pattern has at most {MAX_PATTERN} bytes and no NUL character"
        ))
        .with("column", column.name.as_str()));
    }
    b.name(&column.name);
    b.push(if negated { " NOT LIKE " } else { " LIKE " });
    b.stored(ToSqlOutput::Borrowed(ValueRef::Text(pattern.as_bytes())))?;
    b.push(" ESCAPE '\\'");
    Ok(())
}

/// The key is compared as SQLite's own key is, so that its index is used: a decimal by its text.
fn primary_key<'v>(b: &mut Builder<'_, 'v>, key: &'v KeyValue) -> Result<()> {
    let table = b.table;
    match (table.primary_key.len(), key) {
        (0, KeyValue::Single(value)) => rowid(b, value),
        (0, KeyValue::Columns(pairs)) => match pairs.as_slice() {
            [(name, value)] if rowid_name(table).is_some_and(|r| name.eq_ignore_ascii_case(r)) => {
                rowid(b, value)
            }
            _ => Err(key_error(table)),
        },
        (1, KeyValue::Single(value)) => match table.key_columns().next() {
            Some(column) => key_column(b, column, value),
            None => Err(key_error(table)),
        },
        (_, KeyValue::Single(_)) => Err(key_error(table)),
        (len, KeyValue::Columns(pairs)) => {
            if pairs.len() != len {
                return Err(key_error(table));
            }
            for (index, column) in table.key_columns().enumerate() {
                let pair = pairs
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
                let (_, value) = pair.ok_or_else(|| key_error(table))?;
                if index > 0 {
                    b.push(" AND ");
                }
                key_column(b, column, value)?;
            }
            Ok(())
        }
    }
}

fn key_column<'v>(b: &mut Builder<'_, 'v>, column: &Column, value: &'v Value) -> Result<()> {
    if *value == Value::Null {
        return Err(key_error(b.table));
    }
    if column.column_type.time_family().is_some() {
        return compare_time(
            b,
            column,
            CompareOp::Eq.comparison(),
            encode(value, b.table, column)?,
        );
    }
    b.name(&column.name);
    b.push(" = ");
    b.value(value, column)
}

fn rowid<'v>(b: &mut Builder<'_, 'v>, value: &'v Value) -> Result<()> {
    match (rowid_name(b.table), value) {
        (Some(rowid), Value::Integer(_)) => {
            b.push(rowid);
            b.push(" = ");
            b.stored(encode_rowid(value, b.table)?)
        }
        _ => Err(key_error(b.table)),
    }
}

fn key_error(table: &Table) -> Error {
    let mut columns: Vec<String> = table
        .key_columns()
        .map(|column| column.name.clone())
        .collect();
    if columns.is_empty() {
        columns.extend(rowid_name(table).map(str::to_owned));
    }
    let message = match columns.as_slice() {
        [] => format!("{} has no primary key; use a condition instead", table.name),
        [column] => format!(
            "the key of {} is one value, that of {column}, not null",
            table.name
        ),
        columns => format!(
            "the key of {} is a value for each of {}, none of them null",
            table.name,
            columns.join(", ")
        ),
    };
    invalid(message)
        .with("table", table.name.as_str())
        .with("columns", columns)
}
