//! Tables that are made, or get what they lack, while others write.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::catalog::shared_catalog::SharedCatalog;
use crate::error::Result;
use crate::request::Outcome;
use crate::schema::{self, TableSpec};
use crate::service::stats::Counters;
use crate::sqlite::authorizer::Access;

use super::work::Job;
use super::Writer;

impl Writer {
    /// The tables as this connection sees them.
    pub(super) fn catalog(&self) -> &SharedCatalog {
        let changed = self.formless.as_ref().or(self.draft.as_ref());
        changed.unwrap_or(self.shared.catalog())
    }

    /// Adds what is missing of a table, in a transaction of its own.
    pub(super) fn ensure_alone(&mut self, job: Job, spec: &TableSpec) {
        if job.deadline <= Instant::now() {
            let error = self.shared.waited_too_long(&job);
            return self.reply(job, Err(error));
        }
        let holder = format!("the table {}", spec.table);
        self.shared.counters.hold(Some(holder));
        let result = self
            .begin(job.deadline)
            .and_then(|()| self.ensure_and_commit(spec));
        self.roll_back();
        self.shared.counters.hold(None);
        let Counters {
            writes,
            write_errors,
            ..
        } = &self.shared.counters;
        let counter = if result.is_ok() { writes } else { write_errors };
        counter.fetch_add(1, Ordering::Relaxed);
        self.reply(job, result);
        self.after_commit();
    }

    fn ensure_and_commit(&mut self, spec: &TableSpec) -> Result<Outcome> {
        let statements = self.ensure(spec)?;
        if !statements.is_empty() {
            self.commit()?;
            self.upkeep.forget();
            self.shared.counters.note_batch(1);
        }
        Ok(Outcome::Statements(statements))
    }

    /// Adds what is missing of a table in the transaction that holds the writer. What it adds
    /// comes and goes with that transaction.
    pub(super) fn ensure_in_savepoint(&mut self, spec: &TableSpec) -> Result<Outcome> {
        self.step("SAVEPOINT w")?;
        let result = self.ensure(spec);
        let undone = match &result {
            Err(_) if self.link.conn.is_autocommit() => return result.map(Outcome::Statements),
            Err(_) => self.roll_back_to("w"),
            Ok(_) => Ok(()),
        };
        if let Err(error) = undone.and_then(|()| self.step("RELEASE w")) {
            self.roll_back();
            return Err(result.err().unwrap_or(error));
        }
        result.map(Outcome::Statements)
    }

    fn ensure(&mut self, spec: &TableSpec) -> Result<Vec<String>> {
        self.link.gate.set(Access::Migration);
        let result = schema::ensure(&self.link.conn, spec);
        self.link.gate.set(Access::Write);
        let statements = result.map_err(|error| self.link.interrupt.explain(error))?;
        if statements.is_empty() {
            // Another process made it: the next request need not come to the writer.
            if self.catalog().get().table(&spec.table).is_err() {
                self.catalog().mark_stale();
            }
        } else {
            let draft = self.shared.catalog().draft(&self.link.conn)?;
            if self.formless.is_some() {
                self.formless = Some(draft.without_forms());
            }
            self.draft = Some(draft);
        }
        Ok(statements)
    }

    /// What the transaction that holds the writer would find different.
    pub(super) fn differences(&self, spec: &TableSpec) -> Result<Outcome> {
        self.link.gate.set(Access::Internal);
        let result = schema::differences(&self.link.conn, spec);
        self.link.gate.set(Access::Write);
        result
            .map(Outcome::Differences)
            .map_err(|error| self.link.interrupt.explain(error))
    }

    /// A statement of a caller's own is about to write. From now on nothing is known of the forms of
    /// times until the transaction ends, and after it every connection finds a commit that is not
    /// known to be our own.
    pub(super) fn forget_forms(&mut self) {
        if self.formless.is_none() {
            self.formless = Some(self.catalog().without_forms());
        }
    }

    /// After a commit all see what only this connection saw.
    pub(super) fn publish_draft(&mut self) {
        if self.draft.take().is_some() {
            let shared = self.shared.catalog();
            if shared.reload(&self.link.conn).is_err() {
                shared.mark_stale();
            }
        }
    }

    /// After a rollback to a savepoint tables may be gone.
    pub(super) fn reload_draft(&mut self) {
        for draft in self.draft.iter().chain(&self.formless) {
            if draft.reload(&self.link.conn).is_err() {
                draft.mark_stale();
            }
        }
    }
}
