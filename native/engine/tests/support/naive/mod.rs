//! What a query means, said without SQL: rows in a vector, conditions with three-valued
//! logic, and every order spelled out as one comparison of whole rows.

mod condition;
pub mod scalar;

use std::cmp::Ordering;
use std::str::FromStr;

use ash_rusqlite_engine::query::ir::{Aggregate, Cursor, Nulls, OrderBy, Select};
use ash_rusqlite_engine::Value;
use bigdecimal::BigDecimal;

/// A value of a row.
#[derive(Clone, Debug)]
pub enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Decimal(String),
}

/// How a column's values compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Integer,
    Real,
    Text,
    Decimal,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub struct Table {
    /// The columns; for a rowid table the rowid follows the `visible` ones.
    pub columns: Vec<Column>,
    pub visible: usize,
    pub key: Vec<&'static str>,
    pub rows: Vec<Vec<Cell>>,
}

impl PartialEq for Cell {
    /// Equal as stored: `1.0` and `1.00` are two texts.
    fn eq(&self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Null, Cell::Null) => true,
            (Cell::Decimal(left), Cell::Decimal(right)) => left == right,
            _ => compare(self, other) == Some(Ordering::Equal),
        }
    }
}

fn decimal(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

/// The order of two values, unknown beside a null.
pub fn compare(left: &Cell, right: &Cell) -> Option<Ordering> {
    use Cell::{Decimal, Integer, Null, Real, Text};
    Some(match (left, right) {
        (Null, _) | (_, Null) => return None,
        (Integer(l), Integer(r)) => l.cmp(r),
        (Integer(l), Real(r)) => (*l as f64).total_cmp(r),
        (Real(l), Integer(r)) => l.total_cmp(&(*r as f64)),
        (Real(l), Real(r)) => l.total_cmp(r),
        (Text(l), Text(r)) => l.as_bytes().cmp(r.as_bytes()),
        (Decimal(l), Decimal(r)) => decimal(l).cmp(&decimal(r)),
        (Decimal(l), Integer(r)) => decimal(l).cmp(&BigDecimal::from(*r)),
        (Integer(l), Decimal(r)) => BigDecimal::from(*l).cmp(&decimal(r)),
        _ => panic!("{left:?} and {right:?} do not compare"),
    })
}

/// A host's value in a column of a kind.
pub fn cell(value: &Value, kind: Kind) -> Cell {
    match (value, kind) {
        (Value::Null, _) => Cell::Null,
        (Value::Integer(number), Kind::Integer) => Cell::Integer(*number),
        (Value::Integer(number), Kind::Real) => Cell::Real(*number as f64),
        (Value::Integer(number), Kind::Decimal) => Cell::Decimal(number.to_string()),
        (Value::Boolean(flag), Kind::Integer) => Cell::Integer(i64::from(*flag)),
        (Value::Real(number), Kind::Real) => Cell::Real(*number),
        (Value::Bytes(bytes), Kind::Text) => Cell::Text(String::from_utf8(bytes.clone()).unwrap()),
        (
            Value::Decimal {
                negative,
                coefficient,
                exponent,
            },
            Kind::Decimal,
        ) => {
            let number = BigDecimal::new(coefficient.parse().unwrap(), -exponent);
            let text = match exponent {
                ..=0 => number.to_plain_string(),
                _ => with_exponent(coefficient, *exponent),
            };
            let sign = if *negative { "-" } else { "" };
            Cell::Decimal(format!("{sign}{text}"))
        }
        _ => panic!("{value:?} is no {kind:?}"),
    }
}

fn with_exponent(digits: &str, exponent: i64) -> String {
    let (first, others) = digits.split_at(1);
    let point = if others.is_empty() { "" } else { "." };
    let power = exponent + others.len() as i64;
    format!("{first}{point}{others}E+{power}")
}

/// One comparison of an order: place, descending, nulls first, decimals by their text.
#[derive(Clone, Copy)]
struct Term {
    place: usize,
    descending: bool,
    nulls_first: bool,
    exact: bool,
}

impl Term {
    fn compare(&self, left: &Cell, right: &Cell) -> Ordering {
        let nulls = if self.nulls_first {
            Ordering::Less
        } else {
            Ordering::Greater
        };
        match (left, right) {
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) => nulls,
            (_, Cell::Null) => nulls.reverse(),
            _ => {
                let order = match (left, right) {
                    (Cell::Decimal(l), Cell::Decimal(r)) if self.exact => l.cmp(r),
                    _ => compare(left, right).unwrap(),
                };
                if self.descending {
                    order.reverse()
                } else {
                    order
                }
            }
        }
    }
}

impl Table {
    pub fn place(&self, name: &str) -> usize {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .unwrap()
    }

    fn cell_of(&self, name: &str, value: &Value) -> Cell {
        cell(value, self.columns[self.place(name)].kind)
    }

    fn given_terms(&self, order_by: &[OrderBy]) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        for order in order_by {
            let place = self.place(order.declared_column().unwrap());
            if terms.iter().all(|term| term.place != place) {
                let descending = order.descending;
                let nulls_first = order
                    .nulls
                    .map_or(!descending, |nulls| nulls == Nulls::First);
                terms.push(Term {
                    place,
                    descending,
                    nulls_first,
                    exact: false,
                });
            }
        }
        terms
    }

    /// The order with the key of its rows behind.
    fn total_terms(&self, select: &Select) -> Vec<Term> {
        let mut terms = self.given_terms(&select.order_by);
        let descending = terms.last().is_some_and(|term| term.descending);
        let key: Vec<usize> = if select.distinct {
            self.wanted(select)
        } else {
            self.key.iter().map(|name| self.place(name)).collect()
        };
        for place in key {
            let decimal = self.columns[place].kind == Kind::Decimal;
            if terms.iter().all(|term| term.place != place) || decimal {
                terms.push(Term {
                    place,
                    descending,
                    nulls_first: !descending,
                    exact: decimal,
                });
            }
        }
        terms
    }

    fn wanted(&self, select: &Select) -> Vec<usize> {
        match &select.columns {
            Some(names) => names.iter().map(|name| self.place(name)).collect(),
            None => (0..self.visible).collect(),
        }
    }

    /// The full rows of a select, in its order. Ties of an order that is not total come in
    /// any order; `sorted` says whether given rows keep it.
    pub fn rows_of(&self, select: &Select) -> Vec<Vec<Cell>> {
        let keep = |row: &&Vec<Cell>| match &select.filter {
            Some(expr) => self.holds(expr, row) == Some(true),
            None => true,
        };
        let terms = self.total_terms(select);
        let mut rows: Vec<Vec<Cell>> = self.rows.iter().filter(keep).cloned().collect();
        rows.sort_by(|left, right| order(&terms, left, right));
        if select.distinct {
            let wanted = self.wanted(select);
            rows.dedup_by(|a, b| wanted.iter().all(|place| a[*place] == b[*place]));
        }
        if let Some(after) = &select.after {
            let after = self.place_of(&terms, after);
            rows.retain(|row| order(&terms, row, &after) == Ordering::Greater);
        }
        if let Some(before) = &select.before {
            let before = self.place_of(&terms, before);
            rows.retain(|row| order(&terms, row, &before) == Ordering::Less);
        }
        let backwards = select.before.is_some() && select.after.is_none();
        if backwards {
            rows.reverse();
        }
        let offset = select.offset.unwrap_or(0) as usize;
        let limit = select.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut rows: Vec<Vec<Cell>> = rows.into_iter().skip(offset).take(limit).collect();
        if backwards {
            rows.reverse();
        }
        rows
    }

    /// The wanted columns of full rows.
    pub fn project(&self, select: &Select, rows: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
        let wanted = self.wanted(select);
        rows.iter()
            .map(|row| wanted.iter().map(|place| row[*place].clone()).collect())
            .collect()
    }

    /// Whether projected rows are in the order as it was given, as far as they show it.
    pub fn keeps_order(&self, select: &Select, rows: &[Vec<Cell>]) -> bool {
        let wanted = self.wanted(select);
        let shown = |mut term: Term| {
            term.place = wanted.iter().position(|place| *place == term.place)?;
            Some(term)
        };
        let terms: Vec<Term> = self
            .given_terms(&select.order_by)
            .into_iter()
            .map_while(shown)
            .collect();
        rows.windows(2)
            .all(|pair| order(&terms, &pair[0], &pair[1]) != Ordering::Greater)
    }

    /// The names of the columns that a cursor needs.
    pub fn cursor_columns(&self, select: &Select) -> Vec<(&'static str, Kind)> {
        let terms = self.total_terms(select);
        terms
            .iter()
            .map(|t| (self.columns[t.place].name, self.columns[t.place].kind))
            .collect()
    }

    fn place_of(&self, terms: &[Term], cursor: &Cursor) -> Vec<Cell> {
        let mut row = vec![Cell::Null; self.columns.len()];
        for (index, term) in terms.iter().enumerate() {
            let column = &self.columns[term.place];
            let value = match cursor {
                Cursor::Values(values) => &values[index],
                Cursor::Row(row) => &row.iter().find(|(name, _)| name == column.name).unwrap().1,
            };
            row[term.place] = cell(value, column.kind);
        }
        row
    }

    pub fn aggregate(&self, function: Aggregate, column: Option<&str>, select: &Select) -> Cell {
        let rows = self.rows_of(select);
        let Some(column) = column else {
            return Cell::Integer(rows.len() as i64);
        };
        let place = self.place(column);
        let cells: Vec<Cell> = rows
            .into_iter()
            .map(|row| row[place].clone())
            .filter(|c| *c != Cell::Null)
            .collect();
        let least = |l: &Cell, r: &Cell| compare(l, r).unwrap();
        match function {
            Aggregate::Count => Cell::Integer(cells.len() as i64),
            Aggregate::Min => cells.into_iter().min_by(least).unwrap_or(Cell::Null),
            Aggregate::Max => cells.into_iter().max_by(least).unwrap_or(Cell::Null),
            Aggregate::Sum => cells.into_iter().reduce(sum).unwrap_or(Cell::Null),
            Aggregate::Avg => {
                let count = cells.len() as f64;
                match cells.into_iter().reduce(sum) {
                    Some(Cell::Integer(sum)) => Cell::Real(sum as f64 / count),
                    Some(Cell::Real(sum)) => Cell::Real(sum / count),
                    _ => Cell::Null,
                }
            }
        }
    }
}

fn order(terms: &[Term], left: &[Cell], right: &[Cell]) -> Ordering {
    let orders = terms
        .iter()
        .map(|term| term.compare(&left[term.place], &right[term.place]));
    orders.fold(Ordering::Equal, Ordering::then)
}

fn sum(left: Cell, right: Cell) -> Cell {
    match (left, right) {
        (Cell::Integer(l), Cell::Integer(r)) => Cell::Integer(l + r),
        (Cell::Real(l), Cell::Real(r)) => Cell::Real(l + r),
        (Cell::Decimal(l), Cell::Decimal(r)) => {
            Cell::Decimal((decimal(&l) + decimal(&r)).to_plain_string())
        }
        other => panic!("no sum of {other:?}"),
    }
}
