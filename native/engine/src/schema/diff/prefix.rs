//! Which columns indexes begin with: what a search by these columns can use.

use crate::catalog::{Existing, ExistingIndex};
use crate::schema::spec::{IndexSpec, TableSpec};
use crate::sqlite::lex::same;
use crate::sqlite::tokens::{bare, parenthesis, tokens};

/// Whether an index over `columns` serves searches by the wanted ones: it begins with the first of
/// them, or with all of them in another order.
pub(in crate::schema) fn serves(columns: &[&str], wanted: &[String]) -> bool {
    let Some(first) = wanted.first() else {
        return true;
    };
    if columns.first().is_some_and(|column| same(column, first)) {
        return true;
    }
    let head = columns.get(..wanted.len()).unwrap_or_default();
    let among = |column: &String| head.iter().any(|other| same(other, column));
    !head.is_empty() && wanted.iter().all(among)
}

/// The columns of the indexes of a spec that searches by any value can use, the primary key's
/// included. Of those that are wanted for their prefix alone only the ones before `wanted` count.
pub(super) fn of_spec<'a>(
    spec: &'a TableSpec,
    wanted: &'a IndexSpec,
) -> impl Iterator<Item = Vec<&'a str>> {
    let before = spec
        .indexes
        .iter()
        .take_while(|index| !std::ptr::eq(*index, wanted));
    let prefixes = before.filter(|index| index.prefix);
    let others = spec.indexes.iter().filter(|index| !index.prefix);
    let whole = others.filter(|index| !index.nulls_equal && serves_values(index));
    let key = spec.primary_key.iter().map(String::as_str).collect();
    prefixes
        .chain(whole)
        .map(|index| named(index))
        .chain(std::iter::once(key))
}

/// The columns up to the first that is an expression or ignores case.
fn named(index: &IndexSpec) -> Vec<&str> {
    let other =
        |column: &&String| index.ignore_case.contains(column) || index.expressions.contains(column);
    let named = index.columns.iter().take_while(|column| !other(column));
    named.map(String::as_str).collect()
}

/// The columns of the indexes of a table that searches by any value can use, the primary key's
/// included.
pub(in crate::schema) fn of_table(existing: &Existing) -> impl Iterator<Item = Vec<&str>> {
    let keys = existing.table.key_columns();
    let key = keys.map(|column| column.name.as_str()).collect();
    let whole = existing.indexes.iter().filter(|index| holds_values(index));
    whole.map(binary).chain(std::iter::once(key))
}

/// Whether a search by any value of the first column finds it in the index.
fn serves_values(index: &IndexSpec) -> bool {
    let filter = index.filter.as_deref().map(tokens).unwrap_or_default();
    leaves_out_nulls_at_most(&filter, index.columns.first().map(String::as_str))
}

fn holds_values(index: &ExistingIndex) -> bool {
    let all = tokens(index.sql.as_deref().unwrap_or_default());
    let filter = parenthesis(&all).1.get(1..).unwrap_or_default();
    leaves_out_nulls_at_most(filter, index.columns.first().and_then(Option::as_deref))
}

/// No value but null is left out by `WHERE c IS NOT NULL`, and SQLite knows that.
fn leaves_out_nulls_at_most(filter: &[String], first: Option<&str>) -> bool {
    match bare(filter) {
        [] => true,
        [column, is, not, null] => {
            first.is_some_and(|first| same(first, column))
                && [is, not, null].map(String::as_str) == ["is", "not", "null"]
        }
        _ => false,
    }
}

/// The columns up to the first that is an expression or is not compared byte by byte.
fn binary(index: &ExistingIndex) -> Vec<&str> {
    let keys = index.columns.iter().zip(&index.collations);
    keys.map_while(|(column, collation)| column.as_deref().filter(|_| same(collation, "BINARY")))
        .collect()
}
