//! Aggregates within expressions.

use super::scalar::{Collation, Scalar};
use super::Select;
use crate::query::vocabulary::AggregateKind;

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
    pub select: Select,
}
