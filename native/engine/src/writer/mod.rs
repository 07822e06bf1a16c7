//! The writer: one thread and one connection per database, fed by a bounded queue.
//!
//! Each round it takes what is queued and commits it as one (`commit`), drives one
//! interactive transaction to its end (`transaction`), makes a table (`tables`), or does work
//! that needs the file for itself (`maintenance`). It answers only after the commit that covers
//! the answer (`answers`).
//!
//! `database` alone asks it, through `queue`; it knows `execute`, `request` and what is below, and
//! nothing of the readers.

mod answers;
mod checkpoint;
mod commit;
mod constraint;
mod journal;
mod maintenance;
pub mod queue;
mod redaction;
pub mod reopen;
mod tables;
pub mod transaction;
pub mod upkeep;
pub mod work;

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::ffi;

use crate::catalog::shared_catalog::SharedCatalog;
use crate::catalog::ReadTypes;
use crate::config::Config;
use crate::connection::{self, Link};
use crate::error::{Code, Error, Result};
use crate::execute::Executor;
use crate::journal::{broken, JournalWatch, RequestRow};
use crate::query::compile::InsertPlans;
use crate::query::ir::Write;
use crate::request::reply::fault;
use crate::request::Outcome;
use crate::service::durability::Durability;
use crate::service::stats::Counters;
use crate::sqlite::opened_files::{FileUse, FileWatch, OpenedFiles};
use crate::sqlite::sqlite_error;

use answers::Answers;
use checkpoint::LogSizes;
use queue::{closed, Queue};
use reopen::{Lost, Others};
use upkeep::Upkeep;
use work::{Job, Next, Work};

/// What the writer shares with its callers.
pub struct Shared {
    /// The options.
    pub config: Config,
    /// The queue.
    pub queue: Queue,
    /// The counters.
    pub counters: Counters,
    /// The files, for reads.
    pub watch: FileWatch,
    /// The callers that wait for events of the journal.
    pub journal: JournalWatch,
    /// Which commits are synced.
    pub durability: Arc<Durability>,
    reports: Mutex<Reports>,
    catalog: OnceLock<SharedCatalog>,
    unopened: SharedCatalog,
}

/// Is called with errors that belong to no request.
pub type Report = Box<dyn Fn(&Error) + Send + Sync>;

/// The function that is called, and the errors from before it was set.
#[derive(Default)]
struct Reports {
    to: Option<Arc<Report>>,
    early: Vec<Error>,
}

impl Shared {
    /// For a database that is about to be opened.
    pub fn new(config: Config, read_types: ReadTypes) -> Shared {
        let queue = Queue::new(config.queue_limit);
        Shared {
            config,
            queue,
            counters: Counters::default(),
            watch: FileWatch::default(),
            journal: JournalWatch::default(),
            durability: Arc::default(),
            reports: Mutex::default(),
            catalog: OnceLock::new(),
            unopened: SharedCatalog::reading(read_types),
        }
    }

    /// The tables; none before the database is open.
    pub fn catalog(&self) -> &SharedCatalog {
        self.catalog.get().unwrap_or(&self.unopened)
    }

    /// Whether the database was opened.
    pub fn is_open(&self) -> bool {
        self.catalog.get().is_some()
    }

    /// Sets the function that is called with errors that belong to no request, earlier ones included.
    /// The first one stays.
    pub fn report_to(&self, report: Report) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.to.is_some() {
            return;
        }
        let report = Arc::new(report);
        reports.to = Some(Arc::clone(&report));
        let early = std::mem::take(&mut reports.early);
        drop(reports);
        early.iter().for_each(|error| report(error));
    }

    /// Reports an error that belongs to no request.
    pub fn report(&self, error: &Error) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        match reports.to.clone() {
            Some(report) => {
                drop(reports);
                report(error);
            }
            None => reports.early.push(error.clone()),
        }
    }

    /// Reports that changes of journaled tables may have no events. Whether they have is not worth an
    /// error of its own: a write gets those of SQLite.
    fn look_at_journal(&self, link: &Link) {
        if let Ok(Some(error)) = broken(&link.conn) {
            self.report(&error);
        }
    }

    /// The log that a connection has found.
    fn log_of(&self, link: &Link) -> Result<LogSizes> {
        let page_size = link
            .conn
            .pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))
            .map_err(sqlite_error::map)?;
        let mut log = LogSizes::new(&self.config, u64::from(page_size));
        let pages = log.found(checkpoint::bytes_of_log(link));
        self.counters.wal_pages.store(pages, Ordering::Relaxed);
        Ok(log)
    }

    /// Counts the pages of a connection's log.
    fn watch_log(self: &Arc<Self>, link: &mut Link) -> Result<()> {
        let watched = Arc::clone(self);
        link.conn
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
                watched
                    .counters
                    .wal_pages
                    .store(i64::from(pages), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(sqlite_error::map)
    }

    /// The error of a request that the writer took after its deadline.
    pub fn waited_too_long(&self, job: &Job) -> Error {
        let holder = self.counters.last_holder_since(job.waits_since);
        self.waiting_error(job.began.elapsed(), holder)
    }

    /// The error of a call that began a while ago and gives up waiting.
    pub fn gave_up(&self, began: Duration, waits_since: Instant) -> Error {
        self.waiting_error(began, self.counters.holder_since(waits_since))
    }

    /// Only who kept the call waiting is named: its time may have gone into its own values.
    fn waiting_error(&self, waited: Duration, holder: Option<(String, Duration)>) -> Error {
        let waiting = self.queue.len();
        let (ms, rest) = (
            waited.as_millis(),
            format!("{waiting} more wait. Nothing was written; retry, or raise timeout:"),
        );
        let message = match &holder {
            Some((who, held)) => format!(
                "waited {ms} ms for the writer, held for {} ms by {who}; {rest}",
                held.as_millis()
            ),
            None => format!(
                "the call's time was over after {ms} ms, although nobody held the writer; {rest}"
            ),
        };
        let error = Error::new(Code::Timeout, message).with("waited_ms", millis(waited));
        let error = match holder {
            Some((who, held)) => error.with("holder", who).with("held_ms", millis(held)),
            None => error,
        };
        error.with("waiting", waiting)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The writing thread's own state.
pub struct Writer {
    shared: Arc<Shared>,
    link: Link,
    /// Whether `link` leads to the database.
    connected: bool,
    /// The files; none in memory.
    files: Option<Arc<OpenedFiles>>,
    /// Says so to other databases of this program on the same files.
    file_use: Option<FileUse>,
    /// Why they must be opened again.
    lost: Option<Lost>,
    others: Others,
    /// The tables as the open transaction has changed them.
    draft: Option<SharedCatalog>,
    /// The same, once a statement of a caller's own has written: its times may have any form.
    formless: Option<SharedCatalog>,
    log: LogSizes,
    plans: InsertPlans,
    /// Who makes the changes of the open transaction, as the row of the file holds it.
    request_row: RequestRow,
    upkeep: Upkeep,
    answers: Answers,
    /// Room for the next batch.
    taken: VecDeque<(Job, Write)>,
    /// How many writes the last commit had, and how long it took.
    last_batch: (usize, Duration),
}

/// The writer stays awake for so long at most for a caller that writes alone: to be woken takes
/// longer.
const AWAKE: Duration = Duration::from_micros(100);

/// Opens the database and works until it is closed. Runs on the writer's thread.
/// `opened` receives the result once; `others` are closed before the connection is.
pub fn run(
    shared: Arc<Shared>,
    path: PathBuf,
    opened: Box<dyn FnOnce(Result<()>) + Send>,
    others: Others,
) {
    match Writer::open(Arc::clone(&shared), path, others) {
        Ok(writer) => {
            opened(Ok(()));
            writer.work()
        }
        Err(error) => {
            shared.queue.close(None);
            opened(Err(error.clone()));
            refuse_all(&shared, &error);
        }
    }
}

/// Answers what was asked of a database that could not be opened.
fn refuse_all(shared: &Shared, error: &Error) {
    loop {
        let jobs = match shared.queue.next(usize::MAX, &mut VecDeque::new()) {
            Next::Batch(batch) => batch.into_iter().map(|(job, _)| job).collect(),
            Next::Other(job, _) => vec![job],
            Next::Closed => return,
        };
        for job in jobs {
            job.reply.finish(Err(error.clone()));
        }
    }
}

impl Writer {
    fn open(shared: Arc<Shared>, path: PathBuf, others: Others) -> Result<Writer> {
        // Queued writes are finished when the database closes, so nothing stops this one.
        let mut link = connection::open_writer(&path, &shared.config, Arc::default())?;
        let catalog = shared.unopened.draft(&link.conn)?;
        let _ = shared.catalog.set(catalog);
        shared.look_at_journal(&link);
        shared.watch_log(&mut link)?;
        let files = match shared.config.database.is_some() && !shared.config.read_only {
            true => OpenedFiles::of(&link.conn).map(Arc::new),
            false => None,
        };
        let file_use = files.as_ref().map(|files| files.begin_use());
        shared.watch.set(files.clone());
        let log = shared.log_of(&link)?;
        let answers = Answers::new(Arc::clone(&shared.durability));
        Ok(Writer {
            shared,
            link,
            connected: true,
            files,
            file_use,
            lost: None,
            others,
            draft: None,
            formless: None,
            log,
            plans: InsertPlans::default(),
            request_row: RequestRow::default(),
            upkeep: Upkeep::default(),
            answers,
            taken: VecDeque::new(),
            last_batch: (0, Duration::ZERO),
        })
    }

    fn work(mut self) {
        loop {
            self.stay_awake();
            let tidied = catch_unwind(AssertUnwindSafe(|| {
                self.checkpoint_if_idle();
                self.keep_journal();
                self.cut_log_when_quiet();
            }));
            if tidied.is_err() {
                self.after_panic();
            }
            let max_batch = self.shared.config.max_batch;
            let next = self.shared.queue.next(max_batch, &mut self.taken);
            self.upkeep.is_due();
            let transaction = match &next {
                Next::Closed => {
                    self.upkeep.end(&closed());
                    return self.end();
                }
                Next::Other(_, Work::Transaction(transaction, _)) => Some(Arc::clone(transaction)),
                Next::Batch(_) | Next::Other(..) => None,
            };
            // Requests that a panic takes with it are answered as they are dropped.
            if catch_unwind(AssertUnwindSafe(|| self.run(next))).is_err() {
                self.after_panic();
                if let Some(transaction) = transaction {
                    self.end_transaction(&transaction, &fault(), true);
                }
            }
        }
    }

    /// Rolls back, and releases the writer.
    fn after_panic(&mut self) {
        self.shared.counters.hold(None);
        self.roll_back();
        if self.lost.is_some() {
            // Readers may have been refused meanwhile; the next call tries again.
            self.found(Some(fault()));
        }
    }

    fn run(&mut self, next: Next) {
        match next {
            Next::Batch(batch) => self.run_batch(batch),
            Next::Other(job, Work::Ensure(spec)) => self.ensure_alone(job, &spec),
            Next::Other(job, Work::Transaction(transaction, step)) => {
                if job.deadline <= Instant::now() {
                    self.shared.queue.first_step_failed(&transaction);
                    let error = self.shared.waited_too_long(&job);
                    self.reply(job, Err(error));
                } else if transaction.is_abandoned() {
                    let error = Error::new(Code::Cancelled, "the caller is gone");
                    for job in self.shared.queue.clear_lane(transaction.id) {
                        self.reply(job, Err(error.clone()));
                    }
                    self.reply(job, Err(error));
                } else {
                    self.run_transaction(&transaction, job, step);
                }
            }
            Next::Other(job, Work::Maintain(work)) => self.maintain(job, work),
            Next::Other(job, Work::LookAtFiles) => {
                self.look_at_files();
                self.reply(job, Ok(Outcome::Done));
            }
            Next::Other(job, Work::Sync) => {
                let synced = self.settle(job.deadline);
                self.shared.durability.retried();
                self.reply(job, synced.map(|()| Outcome::Done));
            }
            Next::Closed => {}
        }
    }

    /// A caller that has written alone may do so again at once, so the thread waits a little. Where
    /// many write, some come back while the commit of the others runs.
    fn stay_awake(&mut self) {
        if let (1, took) = std::mem::take(&mut self.last_batch) {
            self.shared.queue.stay_awake((took / 4).min(AWAKE));
        }
    }

    fn executor(&self) -> Executor<'_> {
        Executor {
            conn: &self.link.conn,
            catalog: self.catalog(),
            statements: &self.shared.counters.writer_statements,
            looks: None,
            runs_again: false,
            seen: None,
        }
    }

    fn reply(&self, job: Job, result: Result<Outcome>) {
        self.answers.give_one(job, result);
    }

    /// Waits until all commits are synced. A failed sync is repeated.
    fn settle(&mut self, deadline: Instant) -> Result<()> {
        self.shared.durability.settle();
        if !self.shared.durability.is_failing() {
            return Ok(());
        }
        // This repeats the sync.
        self.begin(deadline)?;
        self.roll_back();
        Ok(())
    }

    /// Repeats a sync that failed, in a transaction.
    fn repeat_failed_sync(&mut self) -> Result<()> {
        if !self.shared.durability.is_failing() {
            return Ok(());
        }
        self.answers.wait_until_out();
        self.shared.durability.repeat_failed_sync()
    }

    /// What is done after the answers are given: statistics, and a checkpoint when it is overdue.
    fn after_commit(&mut self) {
        if let Some(figures) = page_cache(&self.link) {
            for (slot, figure) in self.shared.counters.page_cache.iter().zip(figures) {
                slot.store(figure, Ordering::Relaxed);
            }
        }
        if self.lost.is_some() {
            // The next write gets the error, if this fails.
            let _ = self.recover();
        }
        self.checkpoint_if_late();
    }
}

/// Hits, misses and bytes of the connection's page cache.
fn page_cache(link: &Link) -> Option<[i64; 3]> {
    let mut figures = [0; 3];
    let wanted = [
        ffi::SQLITE_DBSTATUS_CACHE_HIT,
        ffi::SQLITE_DBSTATUS_CACHE_MISS,
        ffi::SQLITE_DBSTATUS_CACHE_USED,
    ];
    for (slot, what) in figures.iter_mut().zip(wanted) {
        *slot = i64::from(db_status(link, what)?);
    }
    Some(figures)
}

/// One figure of a connection (<https://sqlite.org/c3ref/c_dbstatus_options.html>).
fn db_status(link: &Link, what: i32) -> Option<i32> {
    let (mut current, mut highest) = (0, 0);
    // SAFETY: the handle lives as long as `link`, is used by this thread alone, and both
    // numbers outlive the call.
    let code =
        unsafe { ffi::sqlite3_db_status(link.conn.handle(), what, &mut current, &mut highest, 0) };
    (code == ffi::SQLITE_OK).then_some(current)
}
