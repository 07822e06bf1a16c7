//! What the writer does for the journal between requests: events of rows that were there before,
//! seals, and requested retention.
//!
//! It continues by itself after a crash, because its progress is in the file. While writes run it
//! takes a few milliseconds of every [`EVERY`] at most.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::work::Job;
use super::Writer;
use crate::error::{Code, Error, Result};
use crate::journal::{self, Baseline, BaselineChunk, Retaining, Retention};
use crate::request::Outcome;
use crate::service::progress::Progress;
use crate::sqlite::authorizer::Access;

/// While others write, so long is between two of its commits at least.
const EVERY: Duration = Duration::from_millis(10);
/// How long there must be no write before it begins.
const IDLE: Duration = Duration::from_millis(2);
/// How long there must be no write before a stretch that is not full is sealed.
const QUIET: Duration = Duration::from_secs(1);
/// After so long it looks whether another program switched the journal on.
const LOOK: Duration = Duration::from_secs(1);
/// After another process held the file, or an error.
const AGAIN: Duration = Duration::from_millis(50);
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// So long it waits for a lock of another process, while others wait for it.
const LOCK: Duration = Duration::from_millis(20);

/// Rows and time of a chunk.
const ROWS: usize = 200;
const TIME: Duration = Duration::from_millis(2);
/// Events that a chunk of retention removes.
const REMOVED: usize = 100;
/// With more unsealed events than this it seals even while writes wait.
const UNSEALED: i64 = 4_000;

/// What the writer knows of the journal.
pub(super) struct Upkeep {
    installed: bool,
    /// Whether something ran since the last time that all was done.
    due: bool,
    looked: Option<Instant>,
    not_before: Option<Instant>,
    baseline: Baseline,
    /// The requests that wait for the baselines.
    waiting: Vec<Job>,
    table: Option<TableRows>,
    retention: VecDeque<(Job, Step)>,
}

/// How many rows of a table have their baseline, for the progress that waiting requests report.
struct TableRows {
    table: String,
    done: u64,
    total: u64,
}

/// Retention that waits, or is at it.
enum Step {
    Waits(Retention),
    Runs(Box<Retaining>),
}

impl Default for Upkeep {
    fn default() -> Upkeep {
        Upkeep {
            installed: false,
            due: true,
            looked: None,
            not_before: None,
            baseline: Baseline::default(),
            waiting: Vec::new(),
            table: None,
            retention: VecDeque::new(),
        }
    }
}

impl Upkeep {
    /// Something ran, after which there may be more to do.
    pub(super) fn is_due(&mut self) {
        self.due = true;
    }

    /// The schema may be another one.
    pub(super) fn forget(&mut self) {
        self.due = true;
        self.looked = None;
        self.not_before = None;
    }

    /// Answers the waiting requests with the error that ends the work.
    pub(super) fn end(&mut self, error: &Error) {
        for job in self.waiting.drain(..) {
            job.reply.finish(Err(error.clone()));
        }
        for (job, _) in self.retention.drain(..) {
            job.reply.finish(Err(error.clone()));
        }
    }

    fn looked_within(&self, time: Duration) -> bool {
        self.looked.is_some_and(|at| at.elapsed() < time)
    }
}

/// What there is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Todo {
    Baseline,
    Retention,
    Seal,
    Nothing,
}

impl Writer {
    /// Keeps a request until all baselines are written, and answers it then.
    pub(super) fn wait_for_baselines(&mut self, job: Job) {
        self.upkeep.waiting.push(job);
        self.upkeep.forget();
    }

    /// Retention runs between requests.
    pub(super) fn retain(&mut self, job: Job, retention: Retention) {
        let retention = Step::Waits(retention);
        self.upkeep.retention.push_back((job, retention));
        self.upkeep.forget();
    }

    /// Does what there is to do, until a request comes.
    pub(super) fn keep_journal(&mut self) {
        if !self.upkeep.due || self.shared.config.read_only {
            return;
        }
        if !self.upkeep.installed && self.upkeep.looked_within(LOOK) {
            return;
        }
        let mut wait = IDLE;
        loop {
            let idle = self.shared.queue.is_idle_for(wait);
            if !idle && self.upkeep.looked_within(EVERY) {
                return;
            }
            if self.upkeep.not_before.is_some_and(|at| Instant::now() < at) {
                return;
            }
            let quiet = idle && wait >= QUIET;
            self.upkeep.looked = Some(Instant::now());
            wait = match self.keep_a_little(idle, quiet) {
                Ok(Some(wait)) => wait,
                Ok(None) => {
                    self.upkeep.due = !idle;
                    return;
                }
                Err(error) if error.code() == Code::Busy => AGAIN,
                Err(error) => return self.upkeep_failed(&error),
            };
            if !idle {
                return;
            }
        }
    }

    fn upkeep_failed(&mut self, error: &Error) {
        self.roll_back();
        self.upkeep.end(error);
        self.upkeep.not_before = Some(Instant::now() + AFTER_ERROR);
        let errors = &self.shared.counters.journal.errors;
        errors.fetch_add(1, Ordering::Relaxed);
    }

    /// One commit at most. Returns how long to wait before the next; `None` when all is done.
    fn keep_a_little(&mut self, idle: bool, quiet: bool) -> Result<Option<Duration>> {
        self.recover()?;
        self.link.gate.set(Access::Internal);
        self.link.interrupt.begin_work(Instant::now());
        self.upkeep.installed = journal::is_installed(&self.link.conn)?;
        let installed = i64::from(self.upkeep.installed);
        let counters = &self.shared.counters.journal;
        counters.installed.store(installed, Ordering::Relaxed);
        if !self.upkeep.installed {
            self.upkeep.end(&journal::not_journaled());
            return Ok(None);
        }
        let unsealed = self.unsealed()?;
        match self.todo(unsealed, idle, quiet)? {
            Todo::Nothing if unsealed > 0 && idle => Ok(Some(QUIET)),
            Todo::Nothing => Ok(None),
            todo => {
                self.begin(Instant::now() + LOCK)?;
                let holder = match todo {
                    Todo::Baseline => "the journal's baseline",
                    Todo::Retention => "the journal's retention",
                    Todo::Seal | Todo::Nothing => "the journal's seals",
                };
                self.shared.counters.hold(Some(holder.to_owned()));
                self.link.gate.set(Access::Internal);
                let done = self.run_upkeep(todo);
                self.roll_back();
                self.shared.counters.hold(None);
                done?;
                self.after_commit();
                Ok(Some(if quiet { QUIET } else { Duration::ZERO }))
            }
        }
    }

    fn unsealed(&self) -> Result<i64> {
        let conn = &self.link.conn;
        let (head, sealed) = (journal::head(conn)?, journal::sealed(conn)?);
        let counters = &self.shared.counters.journal;
        counters.head.store(head, Ordering::Relaxed);
        counters.sealed.store(sealed, Ordering::Relaxed);
        Ok(head - sealed)
    }

    fn todo(&mut self, unsealed: i64, idle: bool, quiet: bool) -> Result<Todo> {
        let pending = journal::pending_baselines(&self.link.conn)?;
        let counters = &self.shared.counters.journal;
        counters.pending.store(pending, Ordering::Relaxed);
        if pending == 0 {
            self.upkeep.table = None;
            for job in self.upkeep.waiting.drain(..) {
                job.reply.finish(Ok(Outcome::Done));
            }
        }
        let stretch = i64::try_from(journal::STRETCH).unwrap_or(i64::MAX);
        let full = unsealed >= stretch && idle;
        Ok(match () {
            () if unsealed > UNSEALED => Todo::Seal,
            () if pending > 0 => Todo::Baseline,
            () if !self.upkeep.retention.is_empty() => Todo::Retention,
            () if full || (quiet && unsealed > 0) => Todo::Seal,
            () => Todo::Nothing,
        })
    }

    fn run_upkeep(&mut self, todo: Todo) -> Result<()> {
        self.link.interrupt.begin_unlimited();
        match todo {
            Todo::Baseline => {
                let chunk = self.upkeep.baseline.step(&self.link.conn, ROWS, TIME)?;
                self.commit()?;
                self.note_baseline(chunk);
                Ok(())
            }
            Todo::Retention => self.retain_a_little(),
            Todo::Seal | Todo::Nothing => {
                journal::seal(&self.link.conn)?;
                self.commit()
            }
        }
    }

    fn note_baseline(&mut self, chunk: Option<BaselineChunk>) {
        let Some(chunk) = chunk else { return };
        let events = i64::try_from(chunk.events).unwrap_or(0);
        let counters = &self.shared.counters.journal;
        counters
            .baseline_events
            .fetch_add(events, Ordering::Relaxed);
        if self.upkeep.waiting.is_empty() {
            return;
        }
        let known = self.upkeep.table.take();
        let rows = known.filter(|known| known.table == chunk.table);
        self.link.gate.set(Access::Internal);
        let mut rows = rows.unwrap_or_else(|| TableRows {
            // Without it waiting callers do not know how long it takes.
            total: journal::rows_of(&self.link.conn, &chunk.table).unwrap_or(0),
            table: chunk.table.clone(),
            done: 0,
        });
        rows.done += chunk.rows;
        rows.total = rows.total.max(rows.done);
        let (done, total) = match chunk.complete {
            true => (rows.total, rows.total),
            false => (rows.done, rows.total),
        };
        for job in &mut self.upkeep.waiting {
            job.reply.progress(Progress {
                phase: "baseline",
                label: chunk.table.clone(),
                done,
                total,
                estimate: None,
            });
        }
        self.upkeep.table = (!chunk.complete).then_some(rows);
    }

    fn retain_a_little(&mut self) -> Result<()> {
        let Some((mut job, step)) = self.upkeep.retention.pop_front() else {
            return Ok(());
        };
        match self.retained(step) {
            Ok((retaining, true)) => {
                job.reply.finish(Ok(Outcome::Retained(retaining.done())));
            }
            Ok((retaining, false)) => {
                let (done, total) = retaining.progress();
                job.reply.progress(Progress {
                    phase: "retain",
                    label: "events".to_owned(),
                    done,
                    total,
                    estimate: None,
                });
                let next = (job, Step::Runs(retaining));
                self.upkeep.retention.push_front(next);
            }
            // It is its caller's alone.
            Err(error) => job.reply.finish(Err(error)),
        }
        Ok(())
    }

    fn retained(&mut self, step: Step) -> Result<(Box<Retaining>, bool)> {
        let conn = &self.link.conn;
        let mut retaining = match step {
            Step::Waits(retention) => Box::new(Retaining::new(conn, &retention)?),
            Step::Runs(retaining) => retaining,
        };
        let done = retaining.step(conn, REMOVED)?;
        self.commit()?;
        Ok((retaining, done))
    }
}
