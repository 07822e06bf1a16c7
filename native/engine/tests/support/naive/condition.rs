//! Conditions, row by row.

use std::cmp::Ordering;

use ash_rusqlite_engine::query::ir::{Collation, CompareOp, Function, KeyValue, Scalar};
use ash_rusqlite_engine::Value;

use super::scalar::is_true;
use super::{compare, Cell, Table};

impl Table {
    /// Whether a condition is true of a row; `None` where that is unknown.
    pub fn holds(&self, scalar: &Scalar, row: &[Cell]) -> Option<bool> {
        match scalar {
            Scalar::And(scalars) => scalars
                .iter()
                .map(|e| self.holds(e, row))
                .fold(Some(true), and),
            Scalar::Or(scalars) => {
                let none = scalars
                    .iter()
                    .map(|e| not(self.holds(e, row)))
                    .fold(Some(true), and);
                not(none)
            }
            Scalar::Not(scalar) => not(self.holds(scalar, row)),
            Scalar::Compare {
                op,
                collation: Collation::Declared,
                left,
                right,
            } => {
                let (left, right) = (&row[self.place(name(left))], self.operand(left, right, row));
                match (op, right) {
                    (CompareOp::Eq, None) => Some(*left == Cell::Null),
                    (CompareOp::NotEq, None) => Some(*left != Cell::Null),
                    (op, right) => compare(left, &right?).map(|order| fits(*op, order)),
                }
            }
            Scalar::In {
                collation: Collation::Declared,
                item,
                list,
            } => {
                let left = &row[self.place(name(item))];
                let values: Vec<Cell> = list
                    .iter()
                    .filter_map(|value| self.operand(item, value, row))
                    .collect();
                if values.is_empty() {
                    return Some(false);
                }
                let found = values
                    .iter()
                    .map(|v| compare(left, v).map(|o| o == Ordering::Equal));
                not(found.map(not).fold(Some(true), and))
            }
            Scalar::Call(Function::Like, arguments) => match arguments.as_slice() {
                [column, Scalar::Untyped(Value::Bytes(pattern))] => {
                    self.is_like(name(column), pattern, row)
                }
                other => panic!("{other:?} is for other tests"),
            },
            Scalar::PrimaryKey(key) => {
                let pairs: Vec<(&str, &Value)> = match key {
                    KeyValue::Single(value) => vec![(self.key[0], value)],
                    KeyValue::Columns(pairs) => pairs
                        .iter()
                        .map(|(name, value)| (name.as_str(), value))
                        .collect(),
                };
                let same = |(name, value): &(&str, &Value)| {
                    row[self.place(name)] == self.cell_of(name, value)
                };
                Some(pairs.iter().all(same))
            }
            scalar => match self.scalar(scalar, row) {
                Cell::Null => None,
                value => Some(is_true(&value)),
            },
        }
    }

    /// What a column is compared with: nothing for a null that is given.
    fn operand(&self, column: &Scalar, operand: &Scalar, row: &[Cell]) -> Option<Cell> {
        match operand {
            Scalar::Untyped(Value::Null) => None,
            Scalar::Untyped(value) => Some(self.cell_of(name(column), value)),
            other => Some(row[self.place(name(other))].clone()),
        }
    }

    fn is_like(&self, column: &str, pattern: &[u8], row: &[Cell]) -> Option<bool> {
        match &row[self.place(column)] {
            Cell::Text(text) => {
                let text: Vec<char> = text.chars().collect();
                let pattern: Vec<char> = std::str::from_utf8(pattern).unwrap().chars().collect();
                Some(like(&text, &pattern))
            }
            Cell::Null => None,
            other => panic!("like on {other:?}"),
        }
    }
}

fn name(scalar: &Scalar) -> &str {
    match scalar {
        Scalar::Column { name, .. } => name,
        other => panic!("{other:?} is no column"),
    }
}

fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub fn fits(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Eq => order == Ordering::Equal,
        CompareOp::NotEq => order != Ordering::Equal,
        CompareOp::Lt => order == Ordering::Less,
        CompareOp::LtEq => order != Ordering::Greater,
        CompareOp::Gt => order == Ordering::Greater,
        CompareOp::GtEq => order != Ordering::Less,
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        ['\\'] => false,
        ['\\', wanted, rest @ ..] | [wanted, rest @ ..] => {
            text.first()
                .is_some_and(|given| given.eq_ignore_ascii_case(wanted))
                && like(&text[1..], rest)
        }
    }
}
