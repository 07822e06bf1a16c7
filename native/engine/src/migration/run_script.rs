//! Runs one part of a migration file, statement by statement, as SQLite's own parser finds them. Its
//! errors name the line of the file.

use std::ops::Range;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection};

use super::file::{file_name, MigrationFile};
use super::script::{filler, Script};
use crate::error::{Code, Error, Result};
use crate::journal;
use crate::schema::tenants::Tenants;
use crate::sqlite::lex::{lex, name_of};
use crate::sqlite::sqlite_error;

/// Statements that end or nest the transaction that the file runs in, reach another
/// file, or cannot run in a transaction. What a statement is, its first word decides;
/// so these are refused before SQLite sees them, while nothing is committed yet.
const REFUSED: &[&str] = &[
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "ATTACH",
    "DETACH",
    "VACUUM",
];

/// Runs every statement, those about tables of tenants for each of these as well; rows are
/// ignored. The caller holds the transaction.
pub(super) fn run(conn: &Connection, file: &MigrationFile, script: &Script) -> Result<()> {
    let tenants = Tenants::find(conn, &file.tenants)?;
    tenants.complete(conn)?;
    run_each(conn, file, script, 0..script.sql.len(), &tenants)
}

/// Runs the statements between two places of a script.
pub(super) fn run_part(
    conn: &Connection,
    file: &MigrationFile,
    script: &Script,
    part: Range<usize>,
) -> Result<()> {
    run_each(conn, file, script, part, &Tenants::default())
}

fn run_each(
    conn: &Connection,
    file: &MigrationFile,
    script: &Script,
    part: Range<usize>,
    tenants: &Tenants,
) -> Result<()> {
    let end = part.end;
    let from = |offset: usize| script.sql.get(offset..end).unwrap_or_default();
    let mut batch = Batch::new(conn, from(part.start));
    let mut consumed = part.start;
    loop {
        let at = consumed + filler(from(consumed), true);
        let rest = from(at);
        let word: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        if REFUSED
            .iter()
            .any(|refused| word.eq_ignore_ascii_case(refused))
        {
            let why = "is not allowed in a migration, which is one transaction of one database";
            return Err(invalid(file, script, at, why));
        }
        let failed = |error| explain(conn, error, file, script, at..end);
        let Some(mut statement) = batch.next().map_err(failed)? else {
            return Ok(());
        };
        if statement.parameter_count() > 0 {
            return Err(invalid(
                file,
                script,
                at,
                "has a placeholder, which gets no value here",
            ));
        }
        // Without placeholders the expanded text is the text that SQLite consumed.
        let text = statement.expanded_sql();
        consumed += text.as_ref().map_or(rest.len(), |sql| sql.len());
        // Afterwards the table of an index that it drops would not be known.
        let of_tenants = tenants.statements(conn, text.as_deref().unwrap_or_default())?;
        journal::around(conn, text.as_deref().unwrap_or_default(), || {
            let mut rows = statement.raw_query();
            while rows.next().map_err(failed)?.is_some() {}
            Ok::<(), Error>(())
        })?;
        drop(statement);
        for (_, sql) in of_tenants {
            journal::around(conn, &sql, || conn.execute_batch(&sql).map_err(failed))?;
        }
        if conn.is_autocommit() {
            return Err(invalid(
                file,
                script,
                at,
                "ended the migration's transaction",
            ));
        }
    }
}

fn invalid(file: &MigrationFile, script: &Script, at: usize, why: &str) -> Error {
    let (name, line) = (file_name(&file.path), script.line_at(at));
    let sql = snippet(script.from(at));
    Error::new(
        Code::InvalidMigration,
        format!("{name}, line {line}: {sql:?} {why}"),
    )
    .with("version", file.version)
    .with("name", file.name.as_str())
    .with("line", line)
    .with("sql", sql)
}

fn snippet(sql: &str) -> String {
    let statement = sql.split([';', '\n']).next().unwrap_or_default().trim();
    let mut short: String = statement.chars().take(80).collect();
    if short.len() < statement.len() {
        short.push('…');
    }
    short
}

/// An error of a statement at the beginning of a part of the script, with the line it names if it names one.
fn explain(
    conn: &Connection,
    error: rusqlite::Error,
    file: &MigrationFile,
    script: &Script,
    Range { start, end }: Range<usize>,
) -> Error {
    let (at, text) = match &error {
        rusqlite::Error::SqlInputError {
            msg, sql, offset, ..
        } => {
            let token = usize::try_from(*offset).unwrap_or(0);
            (end.saturating_sub(sql.len()) + token, msg.clone())
        }
        rusqlite::Error::SqliteFailure(_, Some(msg)) => (start, msg.clone()),
        other => (start, other.to_string()),
    };
    let text = match text.as_str() {
        "constraint failed" => broken_by_rows(script.sql.get(start..end).unwrap_or_default()),
        _ => text,
    };
    let mapped = sqlite_error::refine(conn, sqlite_error::map(error));
    // A refused function is an SQLITE_ERROR; only its text shows which.
    if mapped.code() == Code::NotAllowed || text.starts_with("not authorized") {
        let why = format!("is not allowed in a migration ({text})");
        return invalid(file, script, start, &why);
    }
    failure(mapped, &text, file, script.line_at(at))
}

/// What rows keep ALTER TABLE from, which SQLite says without names.
fn broken_by_rows(statement: &str) -> String {
    let tokens = lex(statement);
    let name = |at: usize| {
        tokens
            .get(at)
            .map_or_else(String::new, |t| name_of(statement, t))
    };
    let word = |word: &str| tokens.iter().position(|token| token.is(word));
    match (word("alter"), word("set"), word("check")) {
        (Some(0), Some(set), _) => format!(
            "{}.{} is null in some rows; give them a value before it",
            name(2),
            name(set.saturating_sub(1))
        ),
        (Some(0), None, Some(_)) => {
            format!("some rows of {} do not satisfy the check", name(2))
        }
        _ => "constraint failed".to_owned(),
    }
}

/// A failed migration. What the SQL is not to blame for keeps its own code.
pub(super) fn failure(mapped: Error, text: &str, file: &MigrationFile, line: usize) -> Error {
    let label = file.label();
    let error = match mapped.code() {
        Code::Timeout
        | Code::Busy
        | Code::Cancelled
        | Code::Corrupt
        | Code::DiskFull
        | Code::IoError
        | Code::ReadOnly
        | Code::OutOfMemory => Error::new(
            mapped.code(),
            format!(
                "migration {label} was rolled back at line {line}: {}",
                mapped.message()
            ),
        ),
        _ => Error::new(
            Code::MigrationFailed,
            format!("migration {label} failed at line {line} and was rolled back: {text}"),
        ),
    };
    let error = error
        .with("version", file.version)
        .with("name", file.name.as_str())
        .with("line", line);
    match mapped.detail("sqlite_code") {
        Some(code) => error.with("sqlite_code", code.clone()),
        None => error,
    }
}
