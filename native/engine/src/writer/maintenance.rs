//! Work that needs the writing connection for itself: migrations, restore, vacuum, checkpoints.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::backup;
use crate::error::{Code, Error, Result};
use crate::journal;
use crate::migration::{self, Applied, MigrateOptions, MigrationFile};
use crate::request::reply::Reply;
use crate::request::{CheckpointMode, Maintenance, Outcome};
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::authorizer::Access;
use crate::sqlite::sqlite_error;

use super::work::Job;
use super::Writer;

/// What a checkpoint did.
pub(super) struct Checkpointed {
    busy: bool,
    wal_pages: i64,
    checkpointed_pages: i64,
}

impl Checkpointed {
    /// Whether all of the log is in the file, be there readers that keep it from being cut.
    pub(super) fn moved_all(&self) -> bool {
        self.wal_pages == self.checkpointed_pages
    }

    /// Whether all of the log is in the file, and the log is empty.
    pub(super) fn is_cut(&self) -> bool {
        !self.busy && self.moved_all()
    }
}

/// Hands progress on to the caller.
pub struct ProgressTo<'a>(pub &'a mut Reply);

impl ProgressSink for ProgressTo<'_> {
    fn progress(&mut self, progress: Progress) {
        self.0.progress(progress);
    }
}

type Runner = fn(
    &mut Connection,
    &[MigrationFile],
    &MigrateOptions,
    Instant,
    &mut dyn ProgressSink,
) -> Result<Vec<Applied>>;

impl Writer {
    pub(super) fn maintain(&mut self, mut job: Job, work: Maintenance) {
        if job.deadline <= Instant::now() {
            let error = self.shared.waited_too_long(&job);
            self.shared.queue.maintained();
            return self.reply(job, Err(error));
        }
        let work = match work {
            Maintenance::JournalBaseline => {
                self.shared.queue.maintained();
                return self.wait_for_baselines(job);
            }
            Maintenance::Retain(retention) => {
                self.shared.queue.maintained();
                return self.retain(job, retention);
            }
            other => other,
        };
        self.shared.counters.hold(Some(work.name().to_owned()));
        let result = self
            .recover()
            .and_then(|()| self.settle(job.deadline))
            .and_then(|()| self.run_maintenance(work, &mut job))
            .and_then(|done| self.check_files().map(|()| done));
        self.shared.counters.hold(None);
        self.shared.queue.maintained();
        self.link.gate.set(Access::Write);
        self.upkeep.forget();
        self.reply(job, result);
        self.after_commit();
    }

    fn run_maintenance(&mut self, work: Maintenance, job: &mut Job) -> Result<Outcome> {
        let deadline = job.deadline;
        match work {
            Maintenance::Migrate { directory, options } => {
                self.run_migrations(migration::migrate, &directory, &options, job)
            }
            Maintenance::Rollback { directory, options } => {
                self.run_migrations(migration::rollback, &directory, &options, job)
            }
            Maintenance::Baseline {
                directory,
                name,
                version,
            } => {
                self.internal(deadline);
                let conn = &self.link.conn;
                migration::baseline(conn, &directory, &name, version, deadline)
                    .map(Outcome::Baseline)
            }
            Maintenance::Restore { path } => self.restore(&path, job),
            Maintenance::Vacuum => {
                self.internal(deadline);
                self.step("VACUUM").map(|()| Outcome::Done)
            }
            Maintenance::Redact(request) => self.redact(&request, deadline, &mut job.reply),
            Maintenance::Checkpoint(mode) => {
                self.internal(deadline);
                self.checkpoint_if_named(mode.name())
                    .map(|done| Outcome::Checkpoint {
                        busy: done.busy,
                        wal_pages: done.wal_pages,
                        checkpointed_pages: done.checkpointed_pages,
                    })
            }
            Maintenance::Migrations { .. }
            | Maintenance::CheckMigrations { .. }
            | Maintenance::Backup { .. }
            | Maintenance::Advise { .. }
            | Maintenance::OtherForms { .. }
            | Maintenance::Check { .. }
            | Maintenance::VerifyJournal { .. }
            | Maintenance::RebuildJournal { .. }
            | Maintenance::JournalBaseline
            | Maintenance::Retain(_)
            | Maintenance::VerifyChain => {
                Err(Error::new(Code::Internal, "this work is done elsewhere"))
            }
        }
    }

    pub(super) fn internal(&mut self, deadline: Instant) {
        self.link.gate.set(Access::Internal);
        self.link.interrupt.begin_work(deadline);
    }

    fn run_migrations(
        &mut self,
        run: Runner,
        directory: &Path,
        options: &MigrateOptions,
        job: &mut Job,
    ) -> Result<Outcome> {
        let files = migration::read_directory(directory)?;
        self.link.gate.set(Access::Migration);
        self.link.interrupt.begin_work(job.deadline);
        let mut sink = ProgressTo(&mut job.reply);
        let result = run(
            &mut self.link.conn,
            &files,
            options,
            job.deadline,
            &mut sink,
        );
        self.link.gate.set(Access::Internal);
        self.read_catalog_again();
        result.map(Outcome::Applied)
    }

    fn read_catalog_again(&self) {
        // The work is done. If the tables are not readable now, the next request that needs them
        // reads them, and gets the error if they still are not.
        let _ = self.shared.catalog().reload(&self.link.conn);
    }

    fn restore(&mut self, path: &Path, job: &mut Job) -> Result<Outcome> {
        self.internal(job.deadline);
        let mut sink = ProgressTo(&mut job.reply);
        let result = backup::restore(&mut self.link.conn, path, job.deadline, &mut sink);
        // What follows a place in the journal may be other events now.
        let result = result.and_then(|summary| {
            journal::renew_epoch(&self.link.conn)?;
            Ok(summary)
        });
        self.read_catalog_again();
        self.shared.look_at_journal(&self.link);
        self.shared.journal.committed(None);
        result.map(Outcome::Backup)
    }

    /// A checkpoint. Of a log that could not be synced nothing is moved: should the power go meanwhile,
    /// the file would be half of what it was and half of what cannot be completed.
    pub(super) fn checkpoint(&mut self, mode: &str) -> Result<Checkpointed> {
        self.shared.durability.settle();
        if let Some(error) = self.shared.durability.failure() {
            return Err(error);
        }
        self.link.gate.set(Access::Internal);
        let started = Instant::now();
        let done = self
            .link
            .conn
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                Ok(Checkpointed {
                    busy: row.get::<_, i64>(0)? != 0,
                    wal_pages: row.get(1)?,
                    checkpointed_pages: row.get(2)?,
                })
            })
            .map_err(sqlite_error::map)?;
        self.shared.counters.checkpoint_time.note(started.elapsed());
        if mode == "TRUNCATE" && done.is_cut() {
            self.note_cut();
        }
        Ok(done)
    }
}

impl CheckpointMode {
    fn name(self) -> &'static str {
        match self {
            CheckpointMode::Passive => "PASSIVE",
            CheckpointMode::Full => "FULL",
            CheckpointMode::Restart => "RESTART",
            CheckpointMode::Truncate => "TRUNCATE",
        }
    }
}
