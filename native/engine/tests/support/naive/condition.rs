//! Conditions, row by row.

use std::cmp::Ordering;

use ash_rusqlite_engine::query::ir::{CompareOp, Expr, KeyValue};
use ash_rusqlite_engine::Value;

use super::scalar::is_true;
use super::{compare, Cell, Table};

impl Table {
    /// Whether a condition is true of a row; `None` where that is unknown.
    pub fn holds(&self, expr: &Expr, row: &[Cell]) -> Option<bool> {
        match expr {
            Expr::And(exprs) => exprs
                .iter()
                .map(|e| self.holds(e, row))
                .fold(Some(true), and),
            Expr::Or(exprs) => {
                let none = exprs
                    .iter()
                    .map(|e| not(self.holds(e, row)))
                    .fold(Some(true), and);
                not(none)
            }
            Expr::Not(expr) => not(self.holds(expr, row)),
            Expr::Compare { column, op, value } => {
                let (left, right) = (&row[self.place(column)], self.cell_of(column, value));
                match (op, right) {
                    (CompareOp::Eq, Cell::Null) => Some(*left == Cell::Null),
                    (CompareOp::NotEq, Cell::Null) => Some(*left != Cell::Null),
                    (op, right) => compare(left, &right).map(|order| fits(*op, order)),
                }
            }
            Expr::CompareColumns { left, op, right } => {
                let (left, right) = (&row[self.place(left)], &row[self.place(right)]);
                compare(left, right).map(|order| fits(*op, order))
            }
            Expr::In {
                column,
                values,
                negated,
            } => {
                let left = &row[self.place(column)];
                let values: Vec<Cell> = values
                    .iter()
                    .map(|value| self.cell_of(column, value))
                    .filter(|value| *value != Cell::Null)
                    .collect();
                if values.is_empty() {
                    return Some(*negated);
                }
                let found = values
                    .iter()
                    .map(|v| compare(left, v).map(|o| o == Ordering::Equal));
                let found = not(found.map(not).fold(Some(true), and));
                if *negated {
                    not(found)
                } else {
                    found
                }
            }
            Expr::IsNull { column, negated } => {
                Some((row[self.place(column)] == Cell::Null) != *negated)
            }
            Expr::Like {
                column,
                pattern,
                negated,
            } => match &row[self.place(column)] {
                Cell::Text(text) => {
                    let text: Vec<char> = text.chars().collect();
                    let pattern: Vec<char> = pattern.chars().collect();
                    Some(like(&text, &pattern) != *negated)
                }
                Cell::Null => None,
                other => panic!("like on {other:?}"),
            },
            Expr::Scalar(scalar) => match self.scalar(scalar, row) {
                Cell::Null => None,
                value => Some(is_true(&value)),
            },
            Expr::PrimaryKey(key) => {
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
        }
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
