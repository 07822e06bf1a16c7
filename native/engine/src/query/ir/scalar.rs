//! Expressions: what a query computes from the columns of a row.

use super::{Aggregated, KeyValue, Select};
use crate::query::vocabulary::{ArithOp, Cast, CompareOp, Function};
use crate::value::{ColumnType, Name, OutputColumn, TimeFamily, Value};

/// An expression. Booleans are 0, 1 or null.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Null.
    Null,
    /// 1 or 0.
    Boolean(bool),
    /// A value, stored as a column of the type stores it.
    Value {
        /// The type.
        column_type: ColumnType,
        /// The value.
        value: Value,
    },
    /// A value, stored as the column that it is compared with stores it.
    Untyped(Value),
    /// A column.
    Column {
        /// How many queries further out: 0 is the innermost.
        depth: usize,
        /// Which of that query's tables: 0 is its own, 1 the first that it joins.
        table: usize,
        /// The column's name.
        name: Name,
    },
    /// The row of this primary key of the query's own table: one value, or each key column with
    /// its value.
    PrimaryKey(KeyValue),
    /// A comparison; null beside a null. Of a [`Collation::Declared`] the left side is a column,
    /// the right one another column or an untyped value, and `Eq` and `NotEq` with null mean
    /// `IsNull` and its opposite.
    Compare {
        /// The operator.
        op: CompareOp,
        /// How texts compare.
        collation: Collation,
        /// The left side.
        left: Box<Scalar>,
        /// The right side.
        right: Box<Scalar>,
    },
    /// Whether two scalars are equal, null and null included.
    Same {
        /// How texts compare.
        collation: Collation,
        /// The left side.
        left: Box<Scalar>,
        /// The right side.
        right: Box<Scalar>,
        /// Whether they are not.
        negated: bool,
    },
    /// Whether a scalar equals one of a list; null for a null, whatever the list. Of a
    /// [`Collation::Declared`] it is a column, the list is of untyped values, and nothing is in
    /// an empty one, null neither.
    In {
        /// How texts compare.
        collation: Collation,
        /// The scalar.
        item: Box<Scalar>,
        /// The list; a null in it equals nothing.
        list: Vec<Scalar>,
    },
    /// Whether a scalar is null.
    IsNull(Box<Scalar>),
    /// SQL's AND. Empty is true.
    And(Vec<Scalar>),
    /// SQL's OR. Empty is false.
    Or(Vec<Scalar>),
    /// The right side if the left one is true, else the left one: null and false is null.
    AndValue(Box<Scalar>, Box<Scalar>),
    /// True if the left side is true, else the right one: null or false is false.
    OrValue(Box<Scalar>, Box<Scalar>),
    /// Not; null of null.
    Not(Box<Scalar>),
    /// The left side if it is null or false, else the right one.
    AndThen {
        /// Whether the left side is a boolean; of anything else only null is not true.
        boolean: bool,
        /// The left side.
        left: Box<Scalar>,
        /// The right side.
        right: Box<Scalar>,
    },
    /// The left side unless it is null or false, else the right one.
    OrElse {
        /// Whether the left side is a boolean; of anything else only null is not true.
        boolean: bool,
        /// The left side.
        left: Box<Scalar>,
        /// The right side.
        right: Box<Scalar>,
    },
    /// One of two.
    If {
        /// Whether the condition is a boolean; of anything else only null is not true.
        boolean: bool,
        /// The condition.
        condition: Box<Scalar>,
        /// What it is where the condition is true.
        then: Box<Scalar>,
        /// What it is elsewhere.
        otherwise: Box<Scalar>,
    },
    /// Arithmetic on integers and floats. What has no exact integer or finite float for a
    /// result is an error.
    Arith {
        /// The operator.
        op: ArithOp,
        /// The left side.
        left: Box<Scalar>,
        /// The right side.
        right: Box<Scalar>,
    },
    /// The negative of a number.
    Negate(Box<Scalar>),
    /// A scalar in another form.
    Cast(Cast, Box<Scalar>),
    /// Texts, one after another.
    Concat(Vec<Scalar>),
    /// A function.
    Call(Function, Vec<Scalar>),
    /// SQL that a program brings along. It compares and orders by SQLite's own rules.
    Fragment(Vec<Piece>),
    /// A scalar with the collation that it is ordered by.
    Collate(Collation, Box<Scalar>),
    /// Whether a query has a row.
    Exists(Box<Select>),
    /// The scalar of a query's first row, or null.
    Subquery(Box<Select>, Box<Scalar>),
    /// One value over the rows of a query.
    Aggregate(Box<Aggregated>),
}

/// Conditions of columns as they are declared.
impl Scalar {
    /// A column of the query's own table.
    pub fn column(name: impl Into<Name>) -> Scalar {
        Scalar::Column {
            depth: 0,
            table: 0,
            name: name.into(),
        }
    }

    /// A column compared with a value, which is stored as the column stores it.
    pub fn compare(column: impl Into<Name>, op: CompareOp, value: Value) -> Scalar {
        Scalar::declared(op, Scalar::column(column), Scalar::Untyped(value))
    }

    /// A column compared with another one.
    pub fn compare_columns(left: impl Into<Name>, op: CompareOp, right: impl Into<Name>) -> Scalar {
        Scalar::declared(op, Scalar::column(left), Scalar::column(right))
    }

    fn declared(op: CompareOp, left: Scalar, right: Scalar) -> Scalar {
        Scalar::Compare {
            op,
            collation: Collation::Declared,
            left: Box::new(left),
            right: Box::new(right),
        }
    }

    /// Whether a column's value is among these. A null among them is ignored.
    pub fn among(column: impl Into<Name>, values: Vec<Value>) -> Scalar {
        Scalar::In {
            collation: Collation::Declared,
            item: Box::new(Scalar::column(column)),
            list: values.into_iter().map(Scalar::Untyped).collect(),
        }
    }

    /// Whether a column is like a pattern: `%` any text, `_` one character, `\` escapes;
    /// ASCII letters match in either case, as SQLite's LIKE.
    pub fn like(column: impl Into<Name>, pattern: String) -> Scalar {
        let pattern = Scalar::Untyped(Value::Bytes(pattern.into_bytes()));
        Scalar::Call(Function::Like, vec![Scalar::column(column), pattern])
    }

    /// Whether a column is null, or is not.
    pub fn is_null(column: impl Into<Name>, negated: bool) -> Scalar {
        let op = match negated {
            true => CompareOp::NotEq,
            false => CompareOp::Eq,
        };
        Scalar::compare(column, op, Value::Null)
    }

    /// Its opposite.
    pub fn negated(self) -> Scalar {
        Scalar::Not(Box::new(self))
    }

    /// Its opposite where that is wanted.
    pub fn negated_if(self, negated: bool) -> Scalar {
        match negated {
            true => self.negated(),
            false => self,
        }
    }
}

/// A piece of a [`Scalar::Fragment`].
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// SQL text: words, operators, parentheses and closed quotes, and nothing that could end the
    /// expression that it is a part of.
    Sql(String),
    /// A scalar, as a whole.
    Scalar(Scalar),
    /// Nothing of its own: LIKE in the texts of the fragment is case-sensitive.
    CaseSensitiveLike,
}

/// How texts compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collation {
    /// By their bytes.
    #[default]
    Binary,
    /// As the decimal numbers that they are.
    Decimal,
    /// Without regard to case.
    CaseInsensitive,
    /// As the times that they are.
    Time(TimeFamily),
    /// As the column is declared: texts by the column's own collation, decimals and times by
    /// what they are. For a column compared with an untyped value or with a column, and for an
    /// order by a column.
    Declared,
}

/// A column of the result that is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Computed {
    /// The name that it has in a row.
    pub name: Name,
    /// How it is computed.
    pub scalar: Scalar,
    /// How its value is read.
    pub column_type: ColumnType,
    /// Whether it is a list of such values ([`AggregateKind::List`](super::AggregateKind)).
    pub list: bool,
}

impl Computed {
    /// The column as one of a result's.
    pub fn output(&self) -> OutputColumn {
        OutputColumn {
            list: self.list,
            ..OutputColumn::new(&*self.name, "", self.column_type)
        }
    }
}

/// One scalar of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderBy {
    /// The scalar. How texts are ordered is said by a [`Scalar::Collate`] around it.
    pub scalar: Scalar,
    /// Greatest first.
    pub descending: bool,
    /// Where nulls go; `None` is SQLite's way: first when ascending, last when descending.
    pub nulls: Option<Nulls>,
}

impl OrderBy {
    /// An order by a column as it is declared.
    pub fn column(name: impl Into<Name>, descending: bool, nulls: Option<Nulls>) -> OrderBy {
        let column = Box::new(Scalar::column(name));
        OrderBy {
            scalar: Scalar::Collate(Collation::Declared, column),
            descending,
            nulls,
        }
    }

    /// The column, where it is an order by one as it is declared.
    pub fn declared_column(&self) -> Option<&Name> {
        match &self.scalar {
            Scalar::Collate(Collation::Declared, column) => match &**column {
                Scalar::Column {
                    depth: 0,
                    table: 0,
                    name,
                } => Some(name),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Where nulls go in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Before every value.
    First,
    /// After every value.
    Last,
}
