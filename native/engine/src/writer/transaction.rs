//! Interactive transactions: one owner holds the writer from its first statement to its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};
use crate::query::ir::{Read, Write};
use crate::request::reply::guarded;
use crate::request::{Outcome, TransactionId, TransactionOp};
use crate::sqlite::authorizer::Access;

use super::work::{code_replaced, Deferred, Job, NextStep, Step};
use super::Writer;

/// Where a transaction stands, as its owner's calls see it.
#[derive(Clone, Debug, Default)]
enum Phase {
    /// Nothing was asked of it yet.
    #[default]
    Idle,
    /// Its first step is queued or it holds the writer.
    Entered,
    /// It is over, and why.
    Over(Error),
}

/// A transaction of one owner.
#[derive(Debug)]
pub struct Transaction {
    /// Its id.
    pub id: TransactionId,
    /// Who it belongs to, for messages.
    pub owner: String,
    /// How long it may hold the writer.
    pub timeout: Duration,
    abandoned: Arc<AtomicBool>,
    phase: Mutex<Phase>,
}

fn over() -> Error {
    Error::new(
        Code::TransactionClosed,
        "the transaction is over; begin a new one",
    )
}

impl Transaction {
    /// A transaction that has done nothing.
    pub fn new(id: TransactionId, owner: String, timeout: Duration) -> Transaction {
        let (abandoned, phase) = (Arc::default(), Mutex::default());
        Transaction {
            id,
            owner,
            timeout,
            abandoned,
            phase,
        }
    }

    fn set(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    fn phase(&self) -> Phase {
        self.phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes a step. Returns whether it is the first.
    pub fn enter(&self) -> Result<bool> {
        match self.phase() {
            Phase::Idle => {
                self.set(Phase::Entered);
                Ok(true)
            }
            Phase::Entered => Ok(false),
            Phase::Over(error) => Err(error),
        }
    }

    /// The first step was taken back before it ran.
    pub fn withdraw_first(&self) {
        self.set(Phase::Idle);
    }

    /// Whether anything was asked of it.
    pub fn is_idle(&self) -> bool {
        matches!(self.phase(), Phase::Idle)
    }

    /// Why it is over, if it is.
    pub fn end(&self) -> Option<Error> {
        match self.phase() {
            Phase::Over(error) => Some(error),
            _ => None,
        }
    }

    /// Its owner died or let go of it.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Whether its owner died or let go of it.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }
}

/// How a transaction that holds the writer continues after a step.
enum After {
    Continue,
    /// Its owner ended it.
    Finished,
    /// Something else ended it.
    End(Error),
}

impl Writer {
    /// Runs a transaction from its first step to its end.
    pub(super) fn run_transaction(&mut self, transaction: &Arc<Transaction>, job: Job, step: Step) {
        self.shared
            .counters
            .hold(Some(format!("a transaction of {}", transaction.owner)));
        if let Err(error) = self.begin(job.deadline) {
            // Nothing was begun: the owner may try again.
            self.shared.queue.first_step_failed(transaction);
            self.reply(job, Err(error));
        } else {
            self.drive(transaction, job, step);
        }
        self.shared.counters.hold(None);
        self.after_commit();
    }

    fn drive(&mut self, transaction: &Arc<Transaction>, job: Job, step: Step) {
        let limit = Instant::now() + transaction.timeout;
        let mut savepoints = 0;
        let mut next = NextStep::Step(job, step);
        let (end, known) = loop {
            match self.advance(transaction, next, limit, &mut savepoints) {
                After::Continue => {}
                After::Finished => break (over(), false),
                After::End(error) => break (error, true),
            }
            next = self.shared.queue.next_step(transaction, limit);
        };
        self.end_transaction(transaction, &end, known);
    }

    /// Rolls back what is left of a transaction and notifies its owner; one that was ended by
    /// something else stays `known`, so that its owner gets the reason at its next call.
    pub(super) fn end_transaction(&mut self, transaction: &Transaction, end: &Error, known: bool) {
        self.roll_back();
        transaction.set(Phase::Over(end.clone()));
        for job in self.shared.queue.clear_lane(transaction.id) {
            self.reply(job, Err(end.clone()));
        }
        if !known || transaction.is_abandoned() {
            self.shared.queue.forget(transaction.id);
        }
    }

    fn advance(
        &mut self,
        transaction: &Arc<Transaction>,
        next: NextStep,
        limit: Instant,
        savepoints: &mut u32,
    ) -> After {
        match next {
            NextStep::Step(job, Step::Finish { commit }) => self.finish(job, commit),
            NextStep::Step(job, Step::Op(op)) => {
                let deadline = job.deadline.min(limit);
                self.link
                    .interrupt
                    .begin(deadline, Some(Arc::clone(&transaction.abandoned)));
                self.op(job, *op, limit, savepoints)
            }
            NextStep::Aborted => {
                self.count_rollback();
                After::End(Error::new(
                    Code::Cancelled,
                    "the transaction's owner is gone",
                ))
            }
            NextStep::Overstayed => {
                self.count_rollback();
                After::End(overstayed(transaction.timeout))
            }
            NextStep::Closing => {
                self.count_rollback();
                After::End(match self.shared.queue.is_replaced() {
                    true => code_replaced(),
                    false => Error::new(
                        Code::Closed,
                        "the database was closed; the transaction was rolled back",
                    ),
                })
            }
        }
    }

    fn op(
        &mut self,
        mut job: Job,
        op: TransactionOp,
        limit: Instant,
        savepoints: &mut u32,
    ) -> After {
        job.reply.begun(job.waits_since);
        let result = match op {
            TransactionOp::Write(write) => self.write_in_savepoint(&write, &mut job),
            TransactionOp::Read(read) => self.read_here(&read, &mut job),
            TransactionOp::EnsureTable(spec) => self.ensure_in_savepoint(&spec),
            TransactionOp::Differences(spec) => self.differences(&spec),
            TransactionOp::Savepoint => self.savepoint(savepoints),
            TransactionOp::ReleaseSavepoint => self.end_savepoint(savepoints, "RELEASE u"),
            TransactionOp::RollbackToSavepoint => self.end_savepoint(savepoints, "ROLLBACK TO u"),
        };
        let overstayed = Instant::now() >= limit;
        let result = match result {
            Err(error) if overstayed && error.code() == Code::Timeout => Err(overstayed_now()),
            other => other,
        };
        let lost = self.link.conn.is_autocommit();
        match (lost || overstayed && result.is_err(), result) {
            // What it has seen of others' commits is synced when it ends: only then anything
            // that came of it counts.
            (false, result) => {
                job.reply.finish(result);
                After::Continue
            }
            (true, result) => {
                self.count_rollback();
                let error = result.err().unwrap_or_else(over);
                self.reply(job, Err(error.clone()));
                After::End(lost_to(&error))
            }
        }
    }

    fn write_in_savepoint(&mut self, write: &Write, job: &mut Job) -> Result<Outcome> {
        self.link.gate.set(Access::Write);
        self.atomically(write, job, Deferred::AtCommit)
    }

    fn read_here(&mut self, read: &Read, job: &mut Job) -> Result<Outcome> {
        self.link.gate.set(Access::Query);
        let mut result = self.read_once(read, job);
        if let Err(error) = &result {
            if self.catalog().explains(error, &self.link.conn) {
                let reloaded = self.catalog().reload(&self.link.conn);
                result = reloaded.and_then(|()| self.read_once(read, job));
            }
        }
        self.link.gate.set(Access::Write);
        result
            .map(|()| Outcome::Rows)
            .map_err(|error| self.link.interrupt.explain(error))
    }

    fn read_once(&self, read: &Read, job: &mut Job) -> Result<()> {
        let sink = job.reply.sink();
        guarded(|| self.executor().read(read, sink, &mut |_| Ok(())))
    }

    fn savepoint(&mut self, savepoints: &mut u32) -> Result<Outcome> {
        self.step(&format!("SAVEPOINT u{savepoints}"))?;
        *savepoints += 1;
        Ok(Outcome::Done)
    }

    fn end_savepoint(&mut self, savepoints: &mut u32, how: &str) -> Result<Outcome> {
        let Some(top) = savepoints.checked_sub(1) else {
            return Err(Error::new(
                Code::InvalidQuery,
                "there is no savepoint to end",
            ));
        };
        self.step(&format!("{how}{top}"))?;
        if how.starts_with("ROLLBACK") {
            self.request_row.rolled_back_to();
            self.step(&format!("RELEASE u{top}"))?;
            self.reload_draft();
        }
        *savepoints = top;
        Ok(Outcome::Done)
    }

    fn finish(&mut self, mut job: Job, commit: bool) -> After {
        job.reply.begun(job.waits_since);
        if !commit {
            self.roll_back();
            self.count_rollback();
            self.answers.give_to_reader(job, Ok(Outcome::Done));
            return After::Finished;
        }
        match self.commit_transaction() {
            Ok(commit) => {
                self.shared.counters.note_batch(1);
                self.shared
                    .counters
                    .transactions
                    .fetch_add(1, Ordering::Relaxed);
                let answer = (job, Ok(Outcome::Done));
                self.answers.give(vec![answer], Vec::new(), commit);
            }
            Err(error) => {
                self.roll_back();
                self.count_rollback();
                self.reply(job, Err(error));
            }
        }
        After::Finished
    }

    fn count_rollback(&self) {
        self.shared
            .counters
            .rollbacks
            .fetch_add(1, Ordering::Relaxed);
    }
}

fn overstayed(timeout: Duration) -> Error {
    let ms = timeout.as_millis();
    overstayed_now().with("deadline_ms", i64::try_from(ms).unwrap_or(i64::MAX))
}

fn overstayed_now() -> Error {
    Error::new(
        Code::TransactionTimeout,
        "the transaction held the writer until its deadline and was rolled back; do less in it, or raise timeout:",
    )
}

/// The error of later calls of a transaction that SQLite rolled back because of `error`.
fn lost_to(error: &Error) -> Error {
    match error.code() {
        Code::TransactionTimeout | Code::Closed | Code::CodeReplaced | Code::Cancelled => {
            error.clone()
        }
        _ => Error::new(
            Code::TransactionClosed,
            format!(
                "the transaction was rolled back after an error: {}",
                error.message()
            ),
        ),
    }
}
