//! Columns as they are declared: compared with values that are stored as the column stores them,
//! with each other, and by the primary key.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::builder::{encode, encode_rowid, rowid_name, Builder};
use super::compiled::{invalid, Param};
use super::{lists, times};
use crate::catalog::{Column, Table};
use crate::error::{Error, Result};
use crate::query::functions::MAX_PATTERN;
use crate::query::ir::{Collation, CompareOp, Function, KeyValue, Scalar};
use crate::query::vocabulary::Comparison;
use crate::value::{ColumnType, Order, TimeFamily, Value};

/// A column of one of the queries around the place that is written.
#[derive(Clone, Copy)]
struct Operand<'t, 's> {
    depth: usize,
    index: usize,
    name: &'s str,
    table: &'t Table,
    column: &'t Column,
}

impl<'t, 's> Operand<'t, 's> {
    fn of(b: &Builder<'t, '_>, scalar: &'s Scalar) -> Result<Self> {
        let Scalar::Column { depth, table, name } = scalar else {
            return Err(invalid("only a column is compared as it is declared"));
        };
        let (owner, column) = b.scopes.owned_column(*depth, *table, name)?;
        Ok(Operand {
            depth: *depth,
            index: *table,
            name,
            table: owner,
            column,
        })
    }

    /// A column of the innermost query's own table.
    fn own(table: &'t Table, column: &'t Column) -> Operand<'t, 't> {
        Operand {
            depth: 0,
            index: 0,
            name: &column.name,
            table,
            column,
        }
    }

    /// Writes the column.
    fn write(&self, b: &mut Builder<'_, '_>) -> Result<()> {
        b.column(self.depth, self.index, self.name)
    }

    /// Writes the column where it is compared. Returns the family of times of several forms.
    fn write_compared(&self, b: &mut Builder<'_, '_>) -> Result<Option<TimeFamily>> {
        self.write(b)?;
        Ok(b.collate_declared(self.table, self.column))
    }
}

/// A condition of a column as it is declared.
pub(super) enum Declared<'v> {
    /// A comparison, and how it is written with null, where that has a meaning.
    Compare(Comparison, Option<&'static str>, &'v Scalar, &'v Scalar),
    /// Whether a column is among values.
    Among(&'v Scalar, &'v [Scalar]),
    /// Whether a column is like a pattern.
    Like(&'v Scalar, &'v Value),
    /// Whether the row is that of a primary key.
    PrimaryKey(&'v KeyValue),
}

impl<'v> Declared<'v> {
    /// A scalar, where it is such a condition.
    pub(super) fn of(scalar: &'v Scalar) -> Option<Self> {
        Some(match scalar {
            Scalar::Compare {
                op,
                collation: Collation::Declared,
                left,
                right,
            } => Declared::Compare(op.comparison(), op.with_null(), left, right),
            Scalar::Same {
                collation: Collation::Declared,
                left,
                right,
                negated,
            } => {
                let (operator, with_null) = match negated {
                    true => (Comparison::IS_NOT, " IS NOT NULL"),
                    false => (Comparison::IS, " IS NULL"),
                };
                Declared::Compare(operator, Some(with_null), left, right)
            }
            Scalar::In {
                collation: Collation::Declared,
                item,
                list,
            } => Declared::Among(item, list),
            Scalar::Call(Function::Like, arguments) => match arguments.as_slice() {
                [column, Scalar::Untyped(pattern)] => Declared::Like(column, pattern),
                _ => return None,
            },
            Scalar::PrimaryKey(key) => Declared::PrimaryKey(key),
            _ => return None,
        })
    }

    /// Writes it, so that it can be an operand of AND and OR.
    pub(super) fn write(self, b: &mut Builder<'_, 'v>) -> Result<()> {
        match self {
            Declared::Compare(operator, with_null, left, right) => {
                compare(b, operator, with_null, left, right)
            }
            Declared::Among(item, list) => among(b, item, list),
            Declared::Like(column, pattern) => like(b, column, pattern),
            Declared::PrimaryKey(key) => primary_key(b, key),
        }
    }
}

/// Writes a comparison. `with_null` is how one with null is written, where it has a meaning.
fn compare<'v>(
    b: &mut Builder<'_, 'v>,
    operator: Comparison,
    with_null: Option<&'static str>,
    left: &'v Scalar,
    right: &'v Scalar,
) -> Result<()> {
    let left = Operand::of(b, left).map_err(|error| in_a_list(error, left))?;
    match right {
        Scalar::Untyped(Value::Null) => {
            let Some(with_null) = with_null else {
                let name = left.column.name.as_str();
                let message = format!(
                    "nothing is less or greater than null; compare {name} with a value, or use is_nil"
                );
                return Err(invalid(message).with("column", name));
            };
            left.write(b)?;
            b.push(with_null);
            Ok(())
        }
        Scalar::Untyped(value) => {
            let stored = encode(value, left.table, left.column)?;
            with_value(b, left, operator, stored)
        }
        _ => with_column(b, left, operator, Operand::of(b, right)?),
    }
}

fn with_value<'v>(
    b: &mut Builder<'_, 'v>,
    left: Operand<'_, '_>,
    operator: Comparison,
    stored: ToSqlOutput<'v>,
) -> Result<()> {
    let family = left.write_compared(b)?;
    b.push(operator.sql);
    let Some(family) = family else {
        return b.stored(stored);
    };
    b.stored(stored.clone())?;
    let column = &mut |b: &mut Builder<'_, 'v>| left.write(b);
    times::column_bounds(b, column, family, operator, &stored)
}

/// Between the pairs of a keyword list the primary key and expressions look like columns.
fn in_a_list(error: Error, column: &Scalar) -> Error {
    let name = match column {
        Scalar::Column { name, .. } if matches!(name.as_str(), "key" | "expr") => name,
        _ => return error,
    };
    let message = format!(
        "{}. In a list {{:{name}, value}} is a column's; give it alone, or within {{:and, […]}}",
        error.message()
    );
    error.with_message(message)
}

fn with_column(
    b: &mut Builder<'_, '_>,
    left: Operand<'_, '_>,
    operator: Comparison,
    right: Operand<'_, '_>,
) -> Result<()> {
    let (one, other) = (left.column, right.column);
    if !comparable(one.column_type, other.column_type) {
        let message = format!(
            "{} ({}) and {} ({}) are stored in different forms and cannot be compared",
            one.name,
            one.column_type.name(),
            other.name,
            other.column_type.name()
        );
        return Err(invalid(message).with("columns", vec![one.name.clone(), other.name.clone()]));
    }
    let unlike = one.column_type != other.column_type;
    match one.column_type.time_family().filter(|_| unlike) {
        Some(family) => {
            left.write(b)?;
            b.collate_times(family);
        }
        None => decimal_side(b, left, other)?,
    }
    b.push(operator.sql);
    decimal_side(b, right, one)
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
fn decimal_side(b: &mut Builder<'_, '_>, side: Operand<'_, '_>, other: &Column) -> Result<()> {
    let integer = side.column.column_type == ColumnType::Integer;
    if integer && other.column_type == ColumnType::Decimal {
        b.push("CAST(");
        side.write(b)?;
        b.push(" AS TEXT) COLLATE ash_rusqlite_decimal");
        return Ok(());
    }
    side.write_compared(b).map(|_| ())
}

/// Writes whether a column is among values.
fn among<'v>(b: &mut Builder<'_, 'v>, item: &'v Scalar, values: &'v [Scalar]) -> Result<()> {
    let item = Operand::of(b, item)?;
    let mut list = Vec::with_capacity(values.len().next_power_of_two());
    for value in values {
        match value {
            Scalar::Untyped(Value::Null) => {}
            Scalar::Untyped(value) => list.push(encode(value, item.table, item.column)?),
            _ => {
                return Err(invalid(
                    "a column as it is declared is among untyped values alone",
                ))
            }
        }
    }
    if list.is_empty() {
        b.push("0");
        return Ok(());
    }
    let family = item.write_compared(b)?;
    b.push(" IN ");
    let bounds = family.map(|family| (family, list.clone()));
    lists::values(b, list.into_iter().map(Param::Value).collect())?;
    match bounds {
        Some((family, stored)) => {
            let column = &mut |b: &mut Builder<'_, 'v>| item.write(b);
            times::column_among(b, column, family, &stored)
        }
        None => Ok(()),
    }
}

/// Writes whether a column is like a pattern, by SQLite's own operator.
fn like<'v>(b: &mut Builder<'_, 'v>, column: &'v Scalar, pattern: &'v Value) -> Result<()> {
    let left = Operand::of(b, column)?;
    let Value::Bytes(pattern) = pattern else {
        return Err(invalid("a like pattern is a text"));
    };
    if pattern.len() > MAX_PATTERN || pattern.contains(&0) {
        return Err(invalid(format!(
            "a like pattern has at most {MAX_PATTERN} bytes and no NUL character"
        ))
        .with("column", left.column.name.as_str()));
    }
    left.write(b)?;
    b.push(" LIKE ");
    b.stored(ToSqlOutput::Borrowed(ValueRef::Text(pattern)))?;
    b.push(" ESCAPE '\\'");
    Ok(())
}

/// Writes whether the row is that of a primary key. It is compared as SQLite's own key is, so that
/// its index is used: a decimal by its text.
fn primary_key<'v>(b: &mut Builder<'_, 'v>, key: &'v KeyValue) -> Result<()> {
    let table = b.scopes.table(0, 0)?;
    match (table.primary_key.len(), key) {
        (0, KeyValue::Single(value)) => rowid(b, table, value),
        (0, KeyValue::Columns(pairs)) => match pairs.as_slice() {
            [(name, value)] if rowid_name(table).is_some_and(|r| name.eq_ignore_ascii_case(r)) => {
                rowid(b, table, value)
            }
            _ => Err(key_error(table)),
        },
        (1, KeyValue::Single(value)) => match table.key_columns().next() {
            Some(column) => key_column(b, Operand::own(table, column), value),
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
                key_column(b, Operand::own(table, column), value)?;
            }
            Ok(())
        }
    }
}

fn key_column<'v>(b: &mut Builder<'_, 'v>, key: Operand<'_, '_>, value: &'v Value) -> Result<()> {
    if *value == Value::Null {
        return Err(key_error(key.table));
    }
    let stored = encode(value, key.table, key.column)?;
    if key.column.column_type.order() == Order::Decimal {
        key.write(b)?;
        b.push(" = ");
        return b.stored(stored);
    }
    with_value(b, key, CompareOp::Eq.comparison(), stored)
}

fn rowid<'v>(b: &mut Builder<'_, 'v>, table: &Table, value: &'v Value) -> Result<()> {
    match (rowid_name(table), value) {
        (Some(rowid), Value::Integer(_)) => {
            b.qualify_rowid()?;
            b.push(rowid);
            b.push(" = ");
            b.stored(encode_rowid(value, table)?)
        }
        _ => Err(key_error(table)),
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
