//! Which indexes are missing: those that foreign keys are looked up by, and those that statements
//! which scanned would use.
//!
//! `database` calls it as side work; it knows `schema`, `query` and `catalog`. It tries indexes in a
//! copy of the schema (`copy`), by the plans that SQLite makes there (`plan`, `statements`). Which
//! statements scanned is counted in `sqlite::scans`.

mod copy;
mod plan;
mod statements;

use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::error::{Code, Error, Result};
use crate::schema::{self, IndexAdvice, UnindexedKey};
use crate::sqlite::scans::ScannedStatement;

/// What is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Foreign keys whose columns no index begins with.
    pub foreign_keys: Vec<UnindexedKey>,
    /// Statements that scanned, and would again.
    pub statements: Vec<StatementAdvice>,
}

/// A statement that scanned, and what would serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementAdvice {
    /// What its runs came to.
    pub scanned: ScannedStatement,
    /// Indexes that its plan uses once they are there. Empty where none was found.
    pub indexes: Vec<IndexAdvice>,
}

/// Looks for what is missing. Only statements with at least `min_steps` steps a run count, as far
/// as these are more than the rows that they gave. `stop` ends it between two statements.
///
/// # Errors
/// Those of reading the schema, `closed` when it was stopped.
pub fn advise(
    conn: &Connection,
    scanned: Vec<ScannedStatement>,
    min_steps: u64,
    stop: &AtomicBool,
) -> Result<Advice> {
    let foreign_keys = schema::unindexed_keys(conn)?;
    let copy = copy::SchemaCopy::of(conn)?;
    let mut statements = Vec::new();
    for scanned in scanned {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::new(Code::Closed, "the database is being closed"));
        }
        let runs = scanned.runs.max(1);
        if scanned.steps() / runs < min_steps || scanned.steps() <= scanned.rows {
            continue;
        }
        if let Some(indexes) = statements::indexes_for(&copy, &scanned.sql) {
            statements.push(StatementAdvice { scanned, indexes });
        }
    }
    Ok(Advice {
        foreign_keys,
        statements,
    })
}
