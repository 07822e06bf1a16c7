//! Queries within expressions.

use super::scalar::{Collation, Scalar, ScalarOrder};
use crate::query::vocabulary::AggregateKind;
use crate::value::Name;

/// A query within an expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subselect {
    /// The table's name.
    pub table: Name,
    /// Tables that are joined to it (inner joins), each with its condition, which may refer to
    /// the tables before.
    pub joins: Vec<(Name, Scalar)>,
    /// The condition.
    pub filter: Option<Scalar>,
    /// The order.
    pub order: Vec<ScalarOrder>,
    /// The largest number of rows.
    pub limit: Option<u64>,
    /// The number of rows that are skipped first.
    pub offset: Option<u64>,
    /// Equal scalars are taken once, before the limit.
    pub distinct: bool,
}

/// One value over the rows of a query within an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregated {
    /// The function.
    pub kind: AggregateKind,
    /// What it is computed over, for each row; `None` counts rows.
    pub scalar: Option<Scalar>,
    /// Equal scalars count once.
    pub distinct: bool,
    /// How the scalars compare. `Decimal` sums decimals.
    pub collation: Collation,
    /// A null counts as a first value.
    pub include_nil: bool,
    /// A sum of decimals is as Elixir's Decimal sums them, and an error where these digits do not
    /// hold it. `None` is the exact sum.
    pub precision: Option<u32>,
    /// The rows.
    pub select: Subselect,
}
