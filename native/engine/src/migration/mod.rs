//! Migrations: plain SQL files, each run in one transaction together with its row in a ledger.
//! The writer runs them (`runner`), hosts generate them (`generate`); what tables should be is in
//! `schema`, what they are in `catalog`.
//!
//! The ledger is the table `ash_rusqlite_migrations` of the database itself, so what was
//! applied and what the ledger says can never disagree. Several operating system processes
//! may migrate one file at the same time: each looks at the ledger again once it holds
//! SQLite's write lock.
//!
//! Foreign keys are not enforced while a file runs (a table rebuild drops the table that
//! others refer to); they are checked before the commit instead: for the whole
//! database, or, where a file only makes and changes tables, for these and those that refer to them.

mod baseline;
mod check;
mod file;
pub mod generate;
mod ledger;
mod order;
mod rebuild;
mod run_script;
mod runner;
mod script;
mod statement;
mod take_over;

use rusqlite::Connection;

use crate::error::Result;

pub use baseline::{baseline, Baseline};
pub use check::{check, Broken, CheckedMigration, MigrationCheck};
pub use file::{read_directory, MigrationFile};
pub use runner::{migrate, rollback};

/// Which migrations to run. Both limits may be given; the narrower one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrateOptions {
    /// The last version to apply, or the last one to roll back, itself included.
    pub to: Option<i64>,
    /// At most this many. A rollback without any limit is of one migration.
    pub step: Option<u64>,
    /// Whether what a pending file makes may be there already, as where tables follow their
    /// resources. What is there and fits is taken over: its statement is left out.
    pub take_over: bool,
}

/// A migration that was applied or rolled back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// How long its SQL ran, in microseconds.
    pub micros: u64,
    /// How long it held the writer, its commit included, in microseconds.
    pub held_micros: u64,
    /// What was there already, a line for each thing, with what is looser than the file says.
    pub taken_over: Vec<String>,
}

/// How a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// In the folder only: `migrate` will run it.
    Pending,
    /// In the folder and in the ledger.
    Applied,
    /// Applied, but the file is another one by now.
    Changed,
    /// In the ledger, but no longer in the folder.
    Missing,
}

/// One migration of the folder or of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: MigrationState,
    /// When it was applied: UTC, ISO 8601.
    pub applied_at: Option<String>,
}

/// Every migration of the folder and of the ledger, by version.
pub fn status(conn: &Connection, files: &[MigrationFile]) -> Result<Vec<MigrationStatus>> {
    let ledger = ledger::read(conn)?;
    let mut all: Vec<MigrationStatus> = files
        .iter()
        .map(|file| {
            let entry = ledger.get(&file.version);
            MigrationStatus {
                version: file.version,
                name: file.name.clone(),
                state: match entry {
                    None => MigrationState::Pending,
                    Some(entry) if entry.checksum == file.checksum => MigrationState::Applied,
                    Some(_) => MigrationState::Changed,
                },
                applied_at: entry.map(|entry| entry.applied_at.clone()),
            }
        })
        .collect();
    for (version, entry) in ledger {
        if !files.iter().any(|file| file.version == version) {
            all.push(MigrationStatus {
                version,
                name: entry.name,
                state: MigrationState::Missing,
                applied_at: Some(entry.applied_at),
            });
        }
    }
    all.sort_by_key(|migration| migration.version);
    Ok(all)
}
