//! Group commit: many requests, each undone alone when it fails, one COMMIT, then the answers.

use std::sync::atomic::Ordering;
use std::time::Instant;

use rusqlite::ffi;

use crate::error::{Code, Error, Result};
use crate::query::ir::Write;
use crate::request::reply::guarded;
use crate::request::Outcome;
use crate::service::RowSink;
use crate::sqlite::authorizer::Access;
use crate::sqlite::sqlite_error;
use crate::sqlite::vfs::joined_writes;
use crate::sqlite::vfs::joined_writes::Syncs;
use crate::writer::constraint;

use super::answers::{Answer, Commit};
use super::journal::Unit;
use super::work::{Deferred, Job};
use super::{db_status, Writer};

/// The largest number of commits that wait for their sync: what they have written is kept in memory.
const MOST_UNSYNCED: u64 = 1_000;

/// How the statements of a request that wrote are undone, so that it can run again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undo {
    /// They are all of their transaction.
    Transaction(Instant),
    /// They are in the savepoint `w`.
    Savepoint,
    /// They are not undone alone.
    Never,
}

impl Undo {
    /// What the write is a part of.
    fn unit(self) -> Unit {
        match self {
            Undo::Transaction(_) | Undo::Never => Unit::Request,
            Undo::Savepoint => Unit::Transaction,
        }
    }
}

fn written(changes: u64) -> Outcome {
    Outcome::Written { changes }
}

fn count(requests: usize) -> u64 {
    u64::try_from(requests).unwrap_or(u64::MAX)
}

impl Writer {
    /// Commits a batch and answers each of its requests, only after the commit.
    pub(super) fn run_batch(&mut self, batch: Vec<(Job, Write)>) {
        self.shared
            .counters
            .hold(Some(format!("a commit of {} writes", batch.len())));
        let batch = self.drop_expired(batch);
        let (size, started) = (batch.len(), Instant::now());
        if let Err((batch, error)) = self.begin_for(batch) {
            for (job, _) in batch {
                self.reply(job, Err(error.clone()));
            }
        }
        self.last_batch = (size, started.elapsed());
        self.shared.counters.hold(None);
        self.after_commit();
    }

    /// Answers the requests whose deadline passed while they waited, and keeps the rest.
    fn drop_expired(&mut self, batch: Vec<(Job, Write)>) -> Vec<(Job, Write)> {
        let now = Instant::now();
        if batch.iter().all(|(job, _)| job.deadline > now) {
            return batch;
        }
        let (live, expired): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|(job, _)| job.deadline > now);
        for (job, _) in expired {
            let error = self.shared.waited_too_long(&job);
            self.reply(job, Err(error));
        }
        live
    }

    /// Begins a transaction for the batch and runs it; while another process holds the lock,
    /// those whose deadline passes are answered and the others wait on.
    fn begin_for(
        &mut self,
        mut batch: Vec<(Job, Write)>,
    ) -> Result<(), (Vec<(Job, Write)>, Error)> {
        loop {
            let Some(earliest) = batch.iter().map(|(job, _)| job.deadline).min() else {
                return Ok(());
            };
            match self.begin(earliest) {
                Ok(()) => {
                    self.run_begun(batch);
                    return Ok(());
                }
                Err(error) if error.code() == Code::Busy => {
                    let now = Instant::now();
                    let (live, expired): (Vec<_>, Vec<_>) =
                        batch.into_iter().partition(|(job, _)| job.deadline > now);
                    for (job, _) in expired {
                        self.reply(job, Err(error.clone()));
                    }
                    batch = live;
                }
                Err(error) => return Err((batch, error)),
            }
        }
    }

    fn run_begun(&mut self, batch: Vec<(Job, Write)>) {
        self.link.gate.set(Access::Write);
        if batch.len() == 1 {
            batch
                .into_iter()
                .for_each(|(job, write)| self.run_alone(job, &write));
            return;
        }
        // The writes are kept until the commit, in case the whole transaction is lost to
        // another's error and each must run again alone.
        let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
        let mut writes: Vec<Write> = Vec::with_capacity(batch.len());
        let mut rest = batch.into_iter();
        let mut lost = false;
        for (mut job, write) in rest.by_ref() {
            let result = self.run_in_batch(&write, &mut job);
            lost = self.link.conn.is_autocommit();
            answers.push((job, result));
            writes.push(write);
            if lost {
                break;
            }
        }
        if !lost {
            match self.commit_batch() {
                Ok(commit) => return self.answer(answers, writes, commit),
                // A program with the same log may still have the commit: running it again is not
                // safe.
                Err(error) if error.code() == Code::FileReplaced => {
                    for (_, result) in &mut answers {
                        if result.is_ok() {
                            *result = Err(error.clone());
                        }
                    }
                    return self.answer(answers, writes, None);
                }
                Err(_) => {}
            }
        }
        self.roll_back();
        self.shared.counters.reruns.fetch_add(1, Ordering::Relaxed);
        let again = answers.into_iter().map(|(job, _)| job).zip(writes);
        for (job, write) in again.chain(rest) {
            self.run_again(job, write);
        }
    }

    fn run_again(&mut self, job: Job, write: Write) {
        let counters = &self.shared.counters;
        counters.hold(Some("a commit of 1 writes".into()));
        match self.begin(job.deadline) {
            Ok(()) => self.run_alone(job, &write),
            Err(error) => self.reply(job, Err(error)),
        }
    }

    /// Runs the only request of a transaction that has begun: no savepoint is needed.
    fn run_alone(&mut self, mut job: Job, write: &Write) {
        let deadline = job.deadline;
        job.reply.begun(job.waits_since);
        self.link.interrupt.begin(deadline, None);
        let mut commit = None;
        let result = self
            .enter(write, Unit::Request)
            .and_then(|()| self.write_once(write, job.reply.sink(), Undo::Transaction(deadline)))
            .and_then(|changes| {
                // A deferred foreign key is only looked at here.
                commit = self.commit_batch().map_err(|error| {
                    self.roll_back();
                    self.link.interrupt.begin(deadline, None);
                    self.explain(error, write)
                })?;
                Ok(written(changes))
            });
        if result.is_err() {
            self.roll_back();
        }
        self.answer(vec![(job, result)], Vec::new(), commit);
    }

    /// Runs one request of a batch. What is more than one statement needs a savepoint.
    fn run_in_batch(&mut self, write: &Write, job: &mut Job) -> Result<Outcome> {
        job.reply.begun(job.waits_since);
        self.link.interrupt.begin(job.deadline, None);
        if !write.is_single() {
            return self.atomically(write, job, Deferred::Now);
        }
        self.enter(write, Unit::Request)?;
        let before = self.link.conn.total_changes();
        let result = self.write_once(write, job.reply.sink(), Undo::Never);
        // It did write, but its rows could not be handed over, a trigger said FAIL, or a deferred
        // foreign key is broken: then the batch is lost, and each of its requests runs again alone.
        let lost = match &result {
            Ok(_) => self.breaks_deferred_keys(),
            Err(_) => self.link.conn.total_changes() != before,
        };
        if lost {
            self.roll_back();
        }
        result.map(written)
    }

    /// Runs a write in a savepoint. Where that cannot be undone the whole transaction is.
    pub(super) fn atomically(
        &mut self,
        write: &Write,
        job: &mut Job,
        deferred: Deferred,
    ) -> Result<Outcome> {
        self.step("SAVEPOINT w")?;
        let unit = match deferred {
            Deferred::Now => Unit::Request,
            Deferred::AtCommit => Unit::Transaction,
        };
        let result = self
            .enter(write, unit)
            .and_then(|()| self.write_once(write, job.reply.sink(), Undo::Savepoint));
        if result.is_err() && self.link.conn.is_autocommit() {
            return result.map(written);
        }
        let broken = result.is_ok() && deferred == Deferred::Now && self.breaks_deferred_keys();
        let undone = match broken || result.is_err() {
            true => self.roll_back_to("w"),
            false => Ok(()),
        };
        if let Err(error) = undone.and_then(|()| self.step("RELEASE w")) {
            self.roll_back();
            return Err(result.err().unwrap_or(error));
        }
        if broken {
            return Err(self.explain(sqlite_error::deferred_foreign_key(), write));
        }
        result.map(written)
    }

    /// Whether COMMIT would be refused for a foreign key.
    fn breaks_deferred_keys(&self) -> bool {
        db_status(&self.link, ffi::SQLITE_DBSTATUS_DEFERRED_FKS).is_some_and(|broken| broken != 0)
    }

    /// Runs a write, and once more with what is known then if another process changed the schema.
    /// What it wrote before is undone first.
    fn write_once(&mut self, write: &Write, sink: &mut dyn RowSink, undo: Undo) -> Result<u64> {
        if self.catalog().is_stale() {
            self.catalog().reload(&self.link.conn)?;
        }
        if let Write::Sql(_) = write.parts().0 {
            self.forget_forms();
        }
        let before = self.link.conn.total_changes();
        let mut result = self.write_rows(write, sink);
        if let Err(error) = &result {
            // Once SQLite has rolled the transaction back, running again would commit at once.
            let begun = !self.link.conn.is_autocommit();
            if begun && self.catalog().explains(error, &self.link.conn) {
                self.catalog().mark_stale();
                if self.link.conn.total_changes() == before || self.undo(undo)? {
                    self.catalog().reload(&self.link.conn)?;
                    self.enter(write, undo.unit())?;
                    result = self.write_rows(write, sink);
                }
            }
        }
        result.map_err(|error| {
            let error = sqlite_error::refine(&self.link.conn, self.link.interrupt.explain(error));
            self.explain(error, write)
        })
    }

    /// How far a consumer is the library writes itself.
    fn write_rows(&self, write: &Write, sink: &mut dyn RowSink) -> Result<u64> {
        let own = matches!(write.parts().0, Write::Consumer(_));
        if own {
            self.link.gate.set(Access::Internal);
        }
        let result = guarded(|| self.executor().write(write, &self.plans, sink));
        if own {
            self.link.gate.set(Access::Write);
        }
        result
    }

    /// Undoes what a request wrote. Returns whether it did.
    fn undo(&mut self, undo: Undo) -> Result<bool> {
        match undo {
            Undo::Transaction(deadline) => {
                self.roll_back();
                self.begin(deadline).map(|()| true)
            }
            Undo::Savepoint => self.roll_back_to("w").map(|()| true),
            Undo::Never => Ok(false),
        }
    }

    /// What the database knows about a constraint that was violated.
    fn explain(&self, error: Error, write: &Write) -> Error {
        self.link.gate.set(Access::Internal);
        let error = constraint::explain(self.executor(), error, write.parts().0);
        self.link.gate.set(Access::Write);
        error
    }

    /// Answers after a commit of these writes, which are dropped then.
    fn answer(&mut self, answers: Vec<Answer>, writes: Vec<Write>, commit: Option<Commit>) {
        // A caller that has its answer does not hold the writer any more.
        self.shared.counters.hold(None);
        let written = answers.iter().filter(|(_, result)| result.is_ok()).count();
        let (written, failed) = (count(written), count(answers.len() - written));
        let counters = &self.shared.counters;
        if written > 0 {
            counters.note_batch(written);
        }
        counters.writes.fetch_add(written, Ordering::Relaxed);
        counters.write_errors.fetch_add(failed, Ordering::Relaxed);
        self.answers.give(answers, writes, commit);
    }

    /// `BEGIN IMMEDIATE`, waiting for other processes until the deadline.
    pub(super) fn begin(&mut self, deadline: Instant) -> Result<()> {
        self.recover()?;
        self.link.gate.set(Access::Write);
        self.link.interrupt.begin(deadline, None);
        self.step("BEGIN IMMEDIATE")?;
        // No other program commits from here on.
        if let Err(error) = self.repeat_failed_sync() {
            self.roll_back();
            return Err(error);
        }
        let (catalog, conn) = (self.shared.catalog(), &self.link.conn);
        if !catalog.forms_hold(conn, None)? && catalog.is_changed(conn)? {
            // They may have switched a journal on, which no statement of ours would notice.
            catalog.reload(conn)?;
        }
        Ok(())
    }

    /// `COMMIT`, durable when this returns. It is not interrupted: a commit that has begun is waited
    /// for.
    pub(super) fn commit(&mut self) -> Result<()> {
        self.shared.durability.settle();
        self.commit_with(Syncs::Now).map(drop)
    }

    /// `COMMIT` of a batch, as part of which its answers must be given. Writes that come meanwhile make
    /// the next one larger, which costs less than two.
    pub(super) fn commit_batch(&mut self) -> Result<Option<Commit>> {
        let behind = !self.shared.durability.all_synced();
        self.commit_with(if behind { Syncs::Later } else { Syncs::Now })
    }

    /// `COMMIT` of a transaction, as part of which its answer must be given: its sync is deferred, and
    /// shared with others, if a caller waits for the writer meanwhile.
    pub(super) fn commit_transaction(&mut self) -> Result<Option<Commit>> {
        let durability = &self.shared.durability;
        let alone = self.shared.queue.is_empty() && durability.all_synced();
        // What is in memory has nothing to wait for.
        let now = alone || self.files.is_none();
        self.commit_with(if now { Syncs::Now } else { Syncs::Later })
    }

    fn commit_with(&mut self, syncs: Syncs) -> Result<Option<Commit>> {
        self.link.interrupt.begin_unlimited();
        self.leave()?;
        if self.shared.durability.unsynced() > MOST_UNSYNCED {
            self.shared.durability.settle();
        }
        // A sync may have failed since the transaction began.
        self.repeat_failed_sync()?;
        let head = self.head_for_watchers();
        let started = Instant::now();
        let number = (syncs == Syncs::Later).then(|| self.shared.durability.begin());
        let conn = &self.link.conn;
        let mut unsynced = None;
        let mut commit = || {
            let done = joined_writes::around(conn, syncs, || self.step("COMMIT"));
            done.map(|((), left)| unsynced = left)
        };
        let result = match &self.formless {
            None => self.shared.catalog().around_commit(conn, commit),
            Some(_) => commit(),
        };
        self.shared.counters.commit_time.note(started.elapsed());
        let result = result.and_then(|()| self.check_files());
        let mut commit = number.map(|number| Commit {
            number,
            unsynced,
            files: self.files.clone(),
        });
        if let (true, Some(commit)) = (self.lost.is_some(), &mut commit) {
            // The log has no name: what is in it is in the file by now, or not acknowledged.
            commit.unsynced = None;
        }
        if result.is_ok() {
            self.publish_draft();
            // Also callers that began to wait meanwhile.
            if self.shared.journal.is_awaited() {
                self.shared.journal.committed(head);
            }
        }
        if self.formless.take().is_some() {
            // It only spares the next reader the trouble.
            let _ = self.shared.catalog().forms_hold(&self.link.conn, None);
        }
        match result {
            Ok(()) => Ok(commit),
            Err(error) => {
                // Reads that have seen it wait for it.
                self.answers.give(Vec::new(), Vec::new(), commit);
                Err(error)
            }
        }
    }

    /// The newest event of the journal, if a caller waits for one.
    fn head_for_watchers(&self) -> Option<i64> {
        if !self.shared.journal.is_awaited() {
            return None;
        }
        self.link
            .conn
            .prepare_cached("SELECT max(seq) FROM ash_rusqlite_events")
            .and_then(|mut stmt| stmt.query_row([], |row| row.get(0)))
            .ok()
            .flatten()
    }

    /// `ROLLBACK`, if there is anything to roll back.
    pub(super) fn roll_back(&mut self) {
        self.draft = None;
        self.formless = None;
        self.request_row.rolled_back();
        // Whatever ran before: a ROLLBACK that is not allowed would leave the writer stuck.
        self.link.gate.set(Access::Write);
        self.link.interrupt.begin_unlimited();
        if !self.link.conn.is_autocommit() {
            // SQLite refuses a rollback only when there is no transaction left.
            let _ = self.step("ROLLBACK");
        }
    }

    /// Runs a statement of our own, to its end.
    pub(super) fn step(&self, sql: &str) -> Result<()> {
        let mut stmt = self
            .link
            .conn
            .prepare_cached(sql)
            .map_err(sqlite_error::map)?;
        let done = self.link.interrupt.shield(|| stmt.execute([]));
        done.map(drop).map_err(|error| self.error(error))
    }

    /// An error of SQLite with what this connection knows about it.
    pub(super) fn error(&self, error: rusqlite::Error) -> Error {
        let error = self.link.interrupt.explain(sqlite_error::map(error));
        sqlite_error::refine(&self.link.conn, error)
    }
}
