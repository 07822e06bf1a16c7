//! Makes a table follow its spec: what is missing is added, nothing is dropped or changed.

use rusqlite::Connection;

use super::diff::differences;
use super::difference::{Difference, DifferenceKind};
use super::spec::TableSpec;
use crate::error::{Code, Error, Result};
use crate::sqlite_error;

/// The statements that would add what is missing.
///
/// # Errors
/// `schema_mismatch` when something is missing that cannot be added.
pub fn additions(differences: &[Difference]) -> Result<Vec<String>> {
    let added = |difference: &&Difference| {
        difference.kind.is_addition() || difference.kind == DifferenceKind::NotATable
    };
    differences
        .iter()
        .filter(added)
        .map(|difference| {
            difference
                .statement
                .clone()
                .ok_or_else(|| cannot_add(difference))
        })
        .collect()
}

/// Adds what is missing of a table, inside the transaction that the caller has begun. Returns
/// the statements that ran.
///
/// # Errors
/// Those of [`differences`] and [`additions`], and of the statements, which are named.
pub fn ensure(conn: &Connection, spec: &TableSpec) -> Result<Vec<String>> {
    let statements = additions(&differences(conn, spec)?)?;
    for statement in &statements {
        conn.execute(statement, [])
            .map_err(|error| failed(statement, sqlite_error::map(error)))?;
    }
    Ok(statements)
}

fn cannot_add(difference: &Difference) -> Error {
    let message = format!(
        "{}, and SQLite cannot add it; make the table anew in a migration, as \
         https://sqlite.org/lang_altertable.html#otheralter tells, or, where its rows do not \
         matter, drop it",
        difference.message
    );
    let error = Error::new(Code::SchemaMismatch, message).with("table", difference.table.as_str());
    match &difference.column {
        Some(column) => error.with("column", column.as_str()),
        None => error,
    }
}

fn failed(statement: &str, error: Error) -> Error {
    let message = format!("{statement}: {}", error.message());
    if error.detail("sql").is_some() {
        return error.with_message(message);
    }
    error.with_message(message).with("sql", statement)
}
