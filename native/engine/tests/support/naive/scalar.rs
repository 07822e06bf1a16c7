//! Expressions, as Ash evaluates them on a row: from left to right, with its own `and` and `or`.

use std::cmp::Ordering;

use ash_rusqlite_engine::query::ir::{ArithOp, Cast, Collation, Function, Scalar};
use ash_rusqlite_engine::{ColumnType, Value};

use super::condition::fits;
use super::{cell, compare, Cell, Kind, Table};

fn boolean(value: bool) -> Cell {
    Cell::Integer(i64::from(value))
}

pub fn is_true(cell: &Cell) -> bool {
    !matches!(cell, Cell::Null | Cell::Integer(0))
}

fn is_null(cell: &Cell) -> bool {
    *cell == Cell::Null
}

impl Table {
    pub fn scalar(&self, scalar: &Scalar, row: &[Cell]) -> Cell {
        let of = |scalar: &Scalar| self.scalar(scalar, row);
        match scalar {
            Scalar::Null => Cell::Null,
            Scalar::Boolean(value) => boolean(*value),
            Scalar::Value { column_type, value } => literal(*column_type, value),
            Scalar::Column { name, .. } => row[self.place(name)].clone(),
            Scalar::Compare {
                op,
                collation,
                left,
                right,
            } => match order(*collation, &of(left), &of(right)) {
                None => Cell::Null,
                Some(order) => boolean(fits(*op, order)),
            },
            Scalar::Same {
                collation,
                left,
                right,
                negated,
            } => {
                let (left, right) = (of(left), of(right));
                let same = match order(*collation, &left, &right) {
                    None => is_null(&left) && is_null(&right),
                    Some(order) => order == Ordering::Equal,
                };
                boolean(same != *negated)
            }
            Scalar::In {
                collation,
                item,
                list,
            } => {
                let item = of(item);
                let equal = |other| order(*collation, &item, &of(other)) == Some(Ordering::Equal);
                match item {
                    Cell::Null => Cell::Null,
                    _ => boolean(list.iter().any(equal)),
                }
            }
            Scalar::IsNull(scalar) => boolean(is_null(&of(scalar))),
            Scalar::And(scalars) => scalars
                .iter()
                .fold(boolean(true), |left, right| and(left, || of(right))),
            Scalar::Or(scalars) => scalars
                .iter()
                .fold(boolean(false), |left, right| or(left, || of(right))),
            Scalar::AndValue(left, right) => and(of(left), || of(right)),
            Scalar::OrValue(left, right) => or(of(left), || of(right)),
            Scalar::Not(scalar) => match of(scalar) {
                Cell::Null => Cell::Null,
                value => boolean(!is_true(&value)),
            },
            Scalar::AndThen {
                boolean,
                left,
                right,
            } => match of(left) {
                left if truthy(&left, *boolean) => of(right),
                left => left,
            },
            Scalar::OrElse {
                boolean,
                left,
                right,
            } => match of(left) {
                left if truthy(&left, *boolean) => left,
                _ => of(right),
            },
            Scalar::If {
                boolean,
                condition,
                then,
                otherwise,
            } => match truthy(&of(condition), *boolean) {
                true => of(then),
                false => of(otherwise),
            },
            Scalar::Arith { op, left, right } => reckon(*op, of(left), of(right)),
            Scalar::Negate(scalar) => reckon(ArithOp::Subtract, Cell::Integer(0), of(scalar)),
            Scalar::Cast(Cast::Text, scalar) => match of(scalar) {
                Cell::Integer(number) => Cell::Text(number.to_string()),
                other => other,
            },
            Scalar::Cast(Cast::Real, scalar) => match of(scalar) {
                Cell::Integer(number) => Cell::Real(number as f64),
                other => other,
            },
            Scalar::Cast(Cast::Boolean, scalar) | Scalar::Collate(_, scalar) => of(scalar),
            Scalar::Concat(texts) => {
                let texts: Option<Vec<String>> =
                    texts.iter().map(|text| string(of(text))).collect();
                texts.map_or(Cell::Null, |texts| Cell::Text(texts.concat()))
            }
            Scalar::Call(Function::Coalesce, list) => {
                let mut list = list.iter().map(of);
                list.find(|value| !is_null(value)).unwrap_or(Cell::Null)
            }
            Scalar::Call(function, arguments) => {
                let arguments: Option<Vec<String>> =
                    arguments.iter().map(|text| string(of(text))).collect();
                arguments.map_or(Cell::Null, |arguments| call(*function, &arguments))
            }
            Scalar::Untyped(_)
            | Scalar::PrimaryKey(_)
            | Scalar::Exists(_)
            | Scalar::Subquery(..)
            | Scalar::Aggregate(_)
            | Scalar::Fragment(_) => {
                panic!("{scalar:?} is spelled out by its test")
            }
        }
    }
}

fn literal(column_type: ColumnType, value: &Value) -> Cell {
    let kind = match column_type {
        ColumnType::Integer => Kind::Integer,
        ColumnType::Real => Kind::Real,
        ColumnType::Text => Kind::Text,
        ColumnType::Decimal => Kind::Decimal,
        other => panic!("{other:?} is for other tests"),
    };
    cell(value, kind)
}

fn order(collation: Collation, left: &Cell, right: &Cell) -> Option<Ordering> {
    match (collation, left, right) {
        (Collation::CaseInsensitive, Cell::Text(left), Cell::Text(right)) => {
            Some(left.to_lowercase().cmp(&right.to_lowercase()))
        }
        (Collation::Binary, Cell::Decimal(left), Cell::Decimal(right)) => Some(left.cmp(right)),
        _ => compare(left, right),
    }
}

fn and(left: Cell, right: impl FnOnce() -> Cell) -> Cell {
    if is_true(&left) {
        right()
    } else {
        left
    }
}

fn or(left: Cell, right: impl FnOnce() -> Cell) -> Cell {
    if is_true(&left) {
        left
    } else {
        right()
    }
}

fn truthy(cell: &Cell, boolean: bool) -> bool {
    match boolean {
        true => is_true(cell),
        false => !is_null(cell),
    }
}

fn reckon(op: ArithOp, left: Cell, right: Cell) -> Cell {
    use Cell::{Integer, Null, Real};
    match (op, left, right) {
        (_, Null, _) | (_, _, Null) => Null,
        (ArithOp::Add, Integer(l), Integer(r)) => Integer(l + r),
        (ArithOp::Subtract, Integer(l), Integer(r)) => Integer(l - r),
        (ArithOp::Add, l, r) => Real(float(&l) + float(&r)),
        (ArithOp::Subtract, l, r) => Real(float(&l) - float(&r)),
        other => panic!("{other:?} is for other tests"),
    }
}

fn float(cell: &Cell) -> f64 {
    match cell {
        Cell::Integer(number) => *number as f64,
        Cell::Real(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}

fn string(cell: Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Text(text) => Some(text),
        other => panic!("{other:?} is no text"),
    }
}

fn call(function: Function, arguments: &[String]) -> Cell {
    match (function, arguments) {
        (Function::Downcase, [text]) => Cell::Text(text.to_lowercase()),
        (Function::Upcase, [text]) => Cell::Text(text.to_uppercase()),
        (Function::StringLength, [text]) => Cell::Integer(text.chars().count() as i64),
        (Function::Contains, [text, part]) => boolean(text.contains(part.as_str())),
        (Function::StartsWith, [text, part]) => boolean(text.starts_with(part.as_str())),
        (Function::EndsWith, [text, part]) => boolean(text.ends_with(part.as_str())),
        other => panic!("{other:?} is for other tests"),
    }
}
