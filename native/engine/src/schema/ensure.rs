//! Makes a table follow its spec: what is missing is added, nothing is dropped or changed.

use rusqlite::Connection;

use super::diff::differences;
use super::difference::{Difference, DifferenceKind};
use super::spec::TableSpec;
use super::tenants::{table_and_tenant, Tenants};
use crate::catalog::quoted;
use crate::error::{Code, Error, Result};
use crate::journal;
use crate::sqlite::sqlite_error;

/// The statements that would add what is missing.
///
/// # Errors
/// `schema_mismatch` when something is missing that cannot be added, unless the spec asks for what
/// is possible.
pub fn additions(spec: &TableSpec, differences: &[Difference]) -> Result<Vec<String>> {
    let added = wanted(spec, differences);
    let statements = added.map(|difference| {
        let statement = difference.statement.clone();
        statement.ok_or_else(|| cannot_add(difference))
    });
    statements.collect()
}

fn wanted<'a>(
    spec: &'a TableSpec,
    differences: &'a [Difference],
) -> impl Iterator<Item = &'a Difference> {
    differences.iter().filter(|difference| {
        let possible =
            difference.statement.is_some() && difference.kind != DifferenceKind::BlockedIndex;
        let addition =
            difference.kind.is_addition() || difference.kind == DifferenceKind::NotATable;
        addition && (possible || !spec.best_effort)
    })
}

/// Adds what is missing of a table, inside the transaction that the caller has begun. Returns
/// the statements that ran.
///
/// # Errors
/// Those of [`differences`] and [`additions`], and of the statements, which are named.
pub fn ensure(conn: &Connection, spec: &TableSpec) -> Result<Vec<String>> {
    let differences = differences(conn, spec)?;
    if let Some(table) = spec.tenant_of.first().filter(|_| !differences.is_empty()) {
        return of_tenant(conn, spec, table);
    }
    let statements = additions(spec, &differences)?;
    let mut done = Vec::with_capacity(statements.len());
    for (statement, difference) in statements.into_iter().zip(wanted(spec, &differences)) {
        match conn.execute(&statement, []).map_err(sqlite_error::map) {
            Ok(_) => done.push(statement),
            Err(error) if spec.best_effort && only_index(difference, &error) => {}
            Err(error) => return Err(failed(&statement, error)),
        }
    }
    done.extend(journal(conn, spec)?);
    Ok(done)
}

/// The triggers of a journal follow the table, also where the spec does not know of them.
fn journal(conn: &Connection, spec: &TableSpec) -> Result<Vec<String>> {
    let wanted = match &spec.journal {
        Some(journal) => Some(journal.clone()),
        None => journal::spec_of(conn, &spec.table)?,
    };
    let Some(wanted) = wanted else {
        return Ok(Vec::new());
    };
    journal::install(conn)?;
    let done = journal::renew(conn, &spec.table, &wanted)?;
    if !done.is_empty() {
        journal::follow(conn)?;
    }
    Ok(done)
}

/// Whether [`ensure`] would do something to a table with these differences.
///
/// # Errors
/// Those of [`additions`].
pub fn is_complete(spec: &TableSpec, differences: &[Difference]) -> Result<bool> {
    let journal = |found: &Difference| found.kind == DifferenceKind::WrongJournal;
    Ok(additions(spec, differences)?.is_empty() && !differences.iter().any(journal))
}

/// Makes a table of a tenant as migrations made the table without a tenant.
fn of_tenant(conn: &Connection, spec: &TableSpec, table: &str) -> Result<Vec<String>> {
    let tenant = table_and_tenant(&spec.table).map_or("", |(_, tenant)| tenant);
    let done = Tenants::copy_table(conn, &spec.tenant_of, table, tenant)?;
    if !done.is_empty() {
        return Ok(done);
    }
    let message = format!(
        "there is no table {}, as which {} would be made: run the migrations",
        quoted(table),
        quoted(&spec.table)
    );
    Err(Error::new(Code::UnknownTable, message).with("table", spec.table.as_str()))
}

/// Whether an index alone cannot be made, because of itself or of the rows, and all else can be.
fn only_index(difference: &Difference, error: &Error) -> bool {
    difference.kind == DifferenceKind::MissingIndex
        && matches!(
            error.code(),
            Code::UniqueViolation
                | Code::SqlSyntax
                | Code::UnknownColumn
                | Code::UnknownTable
                | Code::NotAllowed
        )
}

fn cannot_add(difference: &Difference) -> Error {
    let message = format!(
        "{}, and SQLite cannot add it; make the table anew in a migration, as \
         https://sqlite.org/lang_altertable.html#otheralter says, or, where its rows do not \
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
