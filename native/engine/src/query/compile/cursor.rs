//! Keyset paging: the condition that a row comes after a cursor in an order.

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use super::builder::Builder;
use super::compiled::invalid;
use super::keyset::Term;
use crate::catalog::Table;
use crate::error::{Error, Result};
use crate::query::ir::Cursor;
use crate::value::{Name, Value};

/// Writes the condition that a row comes after `cursor` in the order of `terms`. For
/// "before" the terms are those of the opposite order.
pub(super) fn condition<'v>(
    b: &mut Builder<'_, 'v>,
    terms: &[Term<'_>],
    cursor: &'v Cursor,
) -> Result<()> {
    let values = values(b.table, terms, cursor)?;
    let (terms, values): (Vec<Term<'_>>, Vec<ToSqlOutput<'v>>) = terms
        .iter()
        .zip(values)
        .filter(|(term, _)| !term.is_repeated())
        .unzip();
    let terms = terms.as_slice();
    if one_comparison(terms, &values) {
        if let (Some(first), Some(value)) = (terms.first(), values.first()) {
            first.write_bounds(b, value)?;
        }
        return row_value(b, terms, values);
    }
    let pairs: Vec<Pair<'_, '_>> = terms.iter().zip(&values).collect();
    expanded(b, &pairs)
}

type Pair<'p, 'v> = (&'p Term<'p>, &'p ToSqlOutput<'v>);

fn values<'v>(
    table: &Table,
    terms: &[Term<'_>],
    cursor: &'v Cursor,
) -> Result<Vec<ToSqlOutput<'v>>> {
    match cursor {
        Cursor::Values(values) if values.len() != terms.len() => Err(misfit(
            terms,
            format!(
                "the cursor has {} values, the order has {} columns",
                values.len(),
                terms.len()
            ),
        )),
        Cursor::Values(values) => {
            let pairs = terms.iter().zip(values);
            pairs
                .map(|(term, value)| term.encode(value, table))
                .collect()
        }
        Cursor::Row(row) => terms
            .iter()
            .map(|term| encode_named(table, terms, term, row))
            .collect(),
    }
}

fn encode_named<'v>(
    table: &Table,
    terms: &[Term<'_>],
    term: &Term<'_>,
    row: &'v [(Name, Value)],
) -> Result<ToSqlOutput<'v>> {
    match row
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(term.name))
    {
        Some((_, value)) => term.encode(value, table),
        None => {
            let message = format!("the cursor lacks the column {}", term.name);
            Err(misfit(terms, message).with("column", term.name))
        }
    }
}

fn misfit(terms: &[Term<'_>], what: String) -> Error {
    let names: Vec<String> = terms.iter().map(|term| term.name.to_owned()).collect();
    invalid(format!("{what}; it needs {}", names.join(", "))).with("columns", names)
}

/// Whether `(a, b) > (?, ?)` says it all: one direction, and no nulls to come after a value.
/// This is the form that SQLite looks up in an index.
fn one_comparison(terms: &[Term<'_>], values: &[ToSqlOutput<'_>]) -> bool {
    let descending = terms.first().is_some_and(|term| term.descending);
    terms
        .iter()
        .all(|term| term.descending == descending && (!term.nullable || term.nulls_first))
        && !values.iter().any(is_null)
}

fn row_value<'v>(
    b: &mut Builder<'_, 'v>,
    terms: &[Term<'_>],
    values: Vec<ToSqlOutput<'v>>,
) -> Result<()> {
    let descending = terms.first().is_some_and(|term| term.descending);
    let several = terms.len() > 1;
    b.push(if several { "(" } else { "" });
    b.list(terms, |b, term| {
        term.write(b);
        Ok(())
    })?;
    b.push(match (several, descending) {
        (true, false) => ") > (",
        (true, true) => ") < (",
        (false, false) => " > ",
        (false, true) => " < ",
    });
    b.list(values, |b, value| b.stored(value))?;
    b.push(if several { ")" } else { "" });
    Ok(())
}

/// `a >= x AND (a > x OR (a = x AND (…)))`: the first part is what an index can look up.
fn expanded<'v>(b: &mut Builder<'_, 'v>, pairs: &[Pair<'_, 'v>]) -> Result<()> {
    let Some((first, rest)) = pairs.split_first() else {
        b.push("0");
        return Ok(());
    };
    if !rest.is_empty() {
        bound(b, first)?;
    }
    later(b, first, rest)
}

fn later<'v>(b: &mut Builder<'_, 'v>, first: &Pair<'_, 'v>, rest: &[Pair<'_, 'v>]) -> Result<()> {
    let Some((next, others)) = rest.split_first() else {
        return after(b, first);
    };
    b.push("(");
    after(b, first)?;
    b.push(" OR (");
    equal(b, first)?;
    b.push(" AND ");
    later(b, next, others)?;
    b.push("))");
    Ok(())
}

/// What holds of the first column for all rows from the cursor on, if one comparison says it.
fn bound<'v>(b: &mut Builder<'_, 'v>, (term, value): &Pair<'_, 'v>) -> Result<()> {
    match (is_null(value), term.nulls_first) {
        (true, true) => return Ok(()),
        (true, false) => {
            term.write_name(b);
            b.push(" IS NULL");
        }
        (false, false) if term.nullable => return Ok(()),
        _ => {
            term.write_bounds(b, value)?;
            term.write(b);
            b.push(if term.descending { " <= " } else { " >= " });
            b.stored((*value).clone())?;
        }
    }
    b.push(" AND ");
    Ok(())
}

fn after<'v>(b: &mut Builder<'_, 'v>, (term, value): &Pair<'_, 'v>) -> Result<()> {
    if is_null(value) {
        if term.nulls_first {
            term.write_name(b);
            b.push(" IS NOT NULL");
        } else {
            b.push("0");
        }
        return Ok(());
    }
    let nulls_after = term.nullable && !term.nulls_first;
    b.push(if nulls_after { "(" } else { "" });
    term.write(b);
    b.push(if term.descending { " < " } else { " > " });
    b.stored((*value).clone())?;
    if nulls_after {
        b.push(" OR ");
        term.write_name(b);
        b.push(" IS NULL)");
    }
    Ok(())
}

fn equal<'v>(b: &mut Builder<'_, 'v>, (term, value): &Pair<'_, 'v>) -> Result<()> {
    if is_null(value) {
        term.write_name(b);
        b.push(" IS NULL");
        return Ok(());
    }
    term.write(b);
    b.push(" = ");
    b.stored((*value).clone())
}

fn is_null(value: &ToSqlOutput<'_>) -> bool {
    matches!(
        value,
        ToSqlOutput::Owned(Stored::Null) | ToSqlOutput::Borrowed(ValueRef::Null)
    )
}
