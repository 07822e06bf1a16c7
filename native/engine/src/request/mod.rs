//! The requests to a database, and its answers.
//!
//! `database`, the writer and the readers share these types, and hosts make them; they use the types of
//! the modules that do the work: `query`, `journal`, `schema`, `migration`, `backup`, `advice`. `reply`
//! makes sure that each request is answered exactly once. Deadlines and queues: `service`.

pub(crate) mod reply;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::advice::Advice;
use crate::backup::BackupSummary;
use crate::catalog::ReadTypes;
use crate::error::Result;
use crate::journal::{ChainReport, Rebuilt, Redacted, Redaction, Retained, Retention, Verified};
use crate::migration::{Applied, Baseline, MigrateOptions, MigrationCheck, MigrationStatus};
use crate::query::ir::{KeyValue, Read, Scalar, Write};
use crate::schema::one_form::OtherForms;
use crate::schema::{Difference, TableSpec};
use crate::service::progress::Progress;
use crate::service::wait_queue::WaitId;
use crate::service::RowSink;
use crate::sqlite::scans::ScannedStatement;

/// A queued request, by which it can be withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

/// An interactive transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub u64);

/// How long a read may hold the thread it runs on.
pub enum Pace {
    /// A few hundred microseconds: whatever takes longer is given up (`NeedsTime`).
    Slice,
    /// Until the deadline, or until `cancelled` becomes true.
    Full {
        /// When it ends at the latest.
        deadline: Instant,
        /// Set when the caller is gone.
        cancelled: Arc<AtomicBool>,
    },
}

/// How a read went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The sink has all rows.
    Done,
    /// The sink has all rows, which must not be passed on before this commit is synced.
    Unsynced(u64),
    /// It must be run again with `Pace::Full`; what the sink has is void.
    NeedsTime,
    /// All readers are lent; the notification is called when one comes back.
    NoReader(WaitId),
}

/// How a submission went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The responder receives the result.
    Queued(RequestId),
    /// The queue is full; the notification is called when there is room.
    Full(WaitId),
}

/// How the end of a transaction went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// Nothing was ever asked of it, so there is nothing to do.
    Idle,
    /// The responder receives the result.
    Queued(RequestId),
}

/// A step of an interactive transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionOp {
    /// A write, in a savepoint of its own.
    Write(Write),
    /// A read that sees the transaction's own writes.
    Read(Read),
    /// Adds what is missing of a table.
    EnsureTable(Box<TableSpec>),
    /// Reports what keeps a table from being as it should be.
    Differences(Box<TableSpec>),
    /// Opens a savepoint.
    Savepoint,
    /// Keeps what was done since the innermost savepoint.
    ReleaseSavepoint,
    /// Undoes what was done since the innermost savepoint, and ends it.
    RollbackToSavepoint,
}

/// How thorough a checkpoint is (<https://sqlite.org/c3ref/wal_checkpoint_v2.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointMode {
    /// As much as can be done without waiting.
    Passive,
    /// Waits for writers.
    Full,
    /// As full, and the next write starts the log from its beginning.
    Restart,
    /// As restart, and the log is truncated to zero bytes.
    Truncate,
}

/// Work on the database as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum Maintenance {
    /// Applies pending migrations.
    Migrate {
        /// The folder of the files.
        directory: PathBuf,
        /// How far.
        options: MigrateOptions,
    },
    /// Takes migrations back.
    Rollback {
        /// The folder of the files.
        directory: PathBuf,
        /// How far.
        options: MigrateOptions,
    },
    /// Writes the tables as they are as the first migration.
    Baseline {
        /// The folder of the file.
        directory: PathBuf,
        /// Its name.
        name: String,
        /// Its version.
        version: i64,
    },
    /// Runs the pending migrations on a copy.
    CheckMigrations {
        /// The folder of the files.
        directory: PathBuf,
        /// How far.
        options: MigrateOptions,
        /// The copy, which is not there yet and stays.
        copy: PathBuf,
        /// The statements that scanned, which are those that are known.
        statements: Vec<String>,
    },
    /// Reports which migrations are applied.
    Migrations {
        /// The folder of the files.
        directory: PathBuf,
    },
    /// Copies the database to a file while it is in use.
    Backup {
        /// The new file.
        path: PathBuf,
        /// Whether a file that is there is replaced.
        overwrite: bool,
    },
    /// Replaces the content by a backup's.
    Restore {
        /// The backup.
        path: PathBuf,
    },
    /// Looks for damage.
    Check {
        /// Leaves out what takes long.
        quick: bool,
        /// The largest number of findings.
        limit: u32,
    },
    /// Compares the events of the journal with the tables.
    VerifyJournal {
        /// The largest number of differences, and of other findings.
        limit: u32,
    },
    /// Makes a new database of the events of the journal.
    RebuildJournal {
        /// The new file.
        path: PathBuf,
        /// Whether a file that is there is replaced.
        overwrite: bool,
    },
    /// Looks for indexes that are missing.
    Advise {
        /// Statements with fewer steps a run are left out.
        min_steps: u64,
        /// The statements that scanned.
        statements: Vec<ScannedStatement>,
    },
    /// Looks for times in other forms than their columns'.
    OtherForms {
        /// What hosts say of columns whose declared types do not name one of ours.
        types: ReadTypes,
    },
    /// Moves the write-ahead log into the file.
    Checkpoint(CheckpointMode),
    /// Rebuilds the file without its free pages.
    Vacuum,
    /// Waits until the rows that were there before their tables were journaled have their events.
    JournalBaseline,
    /// Removes old events, between other requests.
    Retain(Retention),
    /// Removes content from rows, events and files.
    Redact(Box<RedactRequest>),
    /// Recomputes the chain of the events.
    VerifyChain,
}

/// What is redacted, and how the files are cleaned then.
#[derive(Clone, Debug, PartialEq)]
pub struct RedactRequest {
    /// The table, the columns, who and why.
    pub redaction: Redaction,
    /// Which rows.
    pub rows: RedactedRows,
    /// Whether the file is rebuilt without its free pages.
    pub vacuum: bool,
}

/// The rows that are redacted.
#[derive(Clone, Debug, PartialEq)]
pub enum RedactedRows {
    /// That of a key, which may be deleted already.
    Key(KeyValue),
    /// Those of a condition.
    Where(Option<Scalar>),
}

impl Maintenance {
    /// What it is called in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Maintenance::Migrate { .. } => "a migration",
            Maintenance::Rollback { .. } => "the rollback of a migration",
            Maintenance::Baseline { .. } => "a baseline",
            Maintenance::CheckMigrations { .. } => "a check of migrations",
            Maintenance::Migrations { .. } => "a look at the migrations",
            Maintenance::Backup { .. } => "a backup",
            Maintenance::Restore { .. } => "a restore",
            Maintenance::Check { .. } => "a check",
            Maintenance::VerifyJournal { .. } => "a verification of the journal",
            Maintenance::RebuildJournal { .. } => "a rebuild from the journal",
            Maintenance::Advise { .. } => "advice on indexes",
            Maintenance::OtherForms { .. } => "a look at the forms of times",
            Maintenance::Checkpoint(_) => "a checkpoint",
            Maintenance::Vacuum => "a vacuum",
            Maintenance::JournalBaseline => "the journal's baseline",
            Maintenance::Retain(_) => "the journal's retention",
            Maintenance::Redact(_) => "a redaction",
            Maintenance::VerifyChain => "a check of the journal's chain",
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A write; its rows, if any were asked for, are in the sink.
    Written {
        /// The rows that it wrote.
        changes: u64,
    },
    /// A read inside a transaction; its rows are in the sink.
    Rows,
    /// The statements that added what was missing of a table.
    Statements(Vec<String>),
    /// What keeps a table from being as it should be.
    Differences(Vec<Difference>),
    /// Done, with nothing to report.
    Done,
    /// Migrations that were applied or taken back.
    Applied(Vec<Applied>),
    /// A first migration that was written.
    Baseline(Baseline),
    /// What pending migrations did to a copy.
    MigrationCheck(MigrationCheck),
    /// Every migration that is known.
    Migrations(Vec<MigrationStatus>),
    /// A backup or a restore.
    Backup(BackupSummary),
    /// What a check found; empty when all is sound.
    Check(Vec<String>),
    /// What verifying the journal found.
    Verified(Verified),
    /// What was made of the events.
    Rebuilt(Rebuilt),
    /// Which indexes are missing.
    Advice(Advice),
    /// Columns of times with texts in other forms than their own.
    OtherForms(Vec<OtherForms>),
    /// What a redaction removed, and whether nothing of it is left in the files.
    Redacted {
        /// What it removed.
        redacted: Redacted,
        /// Whether the log was cut, too. Readers may have kept it from that.
        scrubbed: bool,
    },
    /// What retention removed.
    Retained(Retained),
    /// What came of verifying the chain of the events.
    Chain(ChainReport),
    /// A checkpoint.
    Checkpoint {
        /// Whether readers or writers kept it from finishing.
        busy: bool,
        /// Pages in the log.
        wal_pages: i64,
        /// Pages of them that are in the file now.
        checkpointed_pages: i64,
    },
}

/// Receives a request's result.
pub trait Responder: Send {
    /// Where rows go.
    fn sink(&mut self) -> &mut dyn RowSink;
    /// How far long work is.
    fn progress(&mut self, progress: Progress);
    /// Whether it wants reports of `begun`.
    fn is_timed(&self) -> bool {
        false
    }
    /// The request is run now, after so much time in the queue. Called again when it runs again.
    fn begun(&mut self, _waited: Duration) {}
    /// The result. For a write it is durable when this is called with `Ok`.
    fn finish(self: Box<Self>, result: Result<Outcome>);
}
