//! A database: its writer, its readers, and the functions that a host calls.
//!
//! Hosts call it, and it uses every module below it. Writes go to `writer`, reads to `reader`; work that
//! reads the whole file beside them is in `side_work`. Replacing the code of a running program:
//! `handover`.

mod as_of;
mod figures;
mod handover;
mod maintenance;
mod memory;
mod side_work;
mod statement_text;
mod tables;
mod transactions;

pub use handover::Handover;
pub use memory::MemoryFolder;
pub use tables::{Ensured, Looked};

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::catalog::shared_catalog::SharedCatalog;
use crate::catalog::{Catalog, ReadTypes};
use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::query::ir::{Read, Write};
use crate::reader::pool::{Lease, Pool};
use crate::reader::{self, Environment};
use crate::request::reply::{guarded, Nowhere};
use crate::request::{Pace, ReadOutcome, RequestId, Responder, Submitted};
use crate::service::deadline::CallDeadline;
use crate::service::durability::Durability;
use crate::service::wait_queue::{Notify, WaitId};
use crate::service::{durability, start_thread, RowSink};
use crate::sqlite::scans::ScannedStatement;
use crate::writer::queue::Queue;
use crate::writer::reopen::Others;
use crate::writer::work::Work;
use crate::writer::{self, Report, Shared};

/// How long the connections of readers may take to be closed.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

struct Inner {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    closing: Arc<AtomicBool>,
    path: PathBuf,
    /// Of a database in memory.
    memory: Arc<Mutex<Option<MemoryFolder>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.pool.stop();
        self.shared.queue.close(None);
    }
}

/// A database. Clones are the same one; it closes when the last of them is dropped.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

impl Database {
    /// Starts the writer's thread, which opens the database; `opened` receives the result.
    ///
    /// # Errors
    /// `cannot_open` when there is no place for a `:memory:` database, `internal` when the
    /// operating system refuses a thread.
    pub fn open(config: Config, opened: Box<dyn FnOnce(Result<()>) + Send>) -> Result<Database> {
        let memory = match config.database {
            None => Some(MemoryFolder::create()?),
            Some(_) => None,
        };
        Database::start(config, memory, ReadTypes::default(), opened)
    }

    fn start(
        config: Config,
        memory: Option<MemoryFolder>,
        read_types: ReadTypes,
        opened: Box<dyn FnOnce(Result<()>) + Send>,
    ) -> Result<Database> {
        let path = match (&config.database, &memory) {
            (Some(path), _) => path.clone(),
            (None, Some(folder)) => folder.database(),
            (None, None) => PathBuf::new(),
        };
        let closing = Arc::new(AtomicBool::new(false));
        let pool = Arc::new(Pool::new(path.clone(), config.clone()));
        let shared = Arc::new(Shared::new(config, read_types));
        let (memory, threads) = (Arc::new(Mutex::new(memory)), Mutex::default());
        let database = Database(Arc::new(Inner {
            shared,
            pool,
            closing,
            path,
            memory,
            threads,
        }));
        database.start_writer(opened)?;
        Ok(database)
    }

    fn start_writer(&self, opened: Box<dyn FnOnce(Result<()>) + Send>) -> Result<()> {
        let (shared, path) = (Arc::clone(&self.0.shared), self.0.path.clone());
        let (pool, memory) = (Arc::clone(&self.0.pool), Arc::clone(&self.0.memory));
        self.spawn("ash_rusqlite_writer", move || {
            let [suspended, resumed] = [Arc::clone(&pool), Arc::clone(&pool)];
            let others = Others {
                close: Box::new(move || pool.close(CLOSE_WAIT)),
                suspend: Box::new(move || suspended.suspend(CLOSE_WAIT)),
                resume: Box::new(move |refused| resumed.resume(refused)),
            };
            writer::run(Arc::clone(&shared), path, opened, others);
            shared.journal.close();
            if !shared.queue.is_replaced() {
                memory.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
            let closers = shared.queue.closed();
            closers.into_iter().for_each(|notify| notify());
        })
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let refused = |why: &str| {
            let message = format!("the system refused a thread: {why}");
            Error::new(Code::Internal, message)
        };
        let builder = thread::Builder::new().name(name.into());
        let handle = start_thread::aside(move || builder.spawn(work))
            .ok_or_else(|| refused("there are too many"))?
            .map_err(|error| refused(&error.to_string()))?;
        let mut threads = self
            .0
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(handle);
        Ok(())
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.pool
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.shared.queue
    }

    pub(crate) fn catalog(&self) -> &SharedCatalog {
        self.0.shared.catalog()
    }

    pub(crate) fn tables(&self) -> Arc<Catalog> {
        self.0.shared.catalog().get()
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.0.shared.is_open() {
            return Ok(());
        }
        Err(Error::new(Code::Closed, "the database is not open yet"))
    }

    /// The options as they hold.
    pub fn config(&self) -> &Config {
        &self.0.shared.config
    }

    /// Closes: queued writes are finished, a transaction that is open is rolled back, reads
    /// are stopped. `closed` is called at the end. May be called again. Only enqueues.
    pub fn close(&self, closed: Option<Notify>) {
        self.0.closing.store(true, Ordering::Relaxed);
        self.0.pool.stop();
        self.0.shared.queue.close(closed);
    }

    /// Waits until every thread of a database that was closed has ended.
    pub fn join(&self) {
        let threads = {
            let mut slot = self
                .0
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *slot)
        };
        for handle in threads {
            // A thread that panicked has ended, too.
            let _ = handle.join();
        }
    }

    /// Runs a read. When no reader is free, the notification that `on_reader_free` makes is
    /// kept and `NoReader` returned.
    ///
    /// # Errors
    /// Those of the query, `timeout` at its deadline, `cancelled`, `closed`.
    pub fn read(
        &self,
        read: &Read,
        pace: Pace,
        sink: &mut dyn RowSink,
        on_reader_free: &mut dyn FnMut() -> Notify,
    ) -> Result<ReadOutcome> {
        self.check_open()?;
        if self.0.shared.watch.asks_the_writer() {
            self.ask_the_writer(Work::LookAtFiles)?;
        }
        if self.0.shared.durability.asks_the_writer() {
            self.ask_the_writer(Work::Sync)?;
        }
        if let Read::AsOf(as_of, read) = read {
            let Pace::Full {
                deadline,
                cancelled,
            } = pace
            else {
                return Ok(ReadOutcome::NeedsTime);
            };
            self.read_as_of(read, as_of, deadline, cancelled, sink)?;
            return Ok(ReadOutcome::Done);
        }
        let may_open = matches!(pace, Pace::Full { .. });
        loop {
            let mut reader = match self.0.pool.lend(may_open, on_reader_free)? {
                Lease::Ready(reader) => reader,
                Lease::NeedsTime => return Ok(ReadOutcome::NeedsTime),
                Lease::Waiting(id) => return Ok(ReadOutcome::NoReader(id)),
            };
            let environment = Environment {
                catalog: self.0.shared.catalog(),
                counters: &self.0.shared.counters,
                durability: self.durable_reads(),
            };
            let generation = reader.generation();
            let outcome = guarded(|| reader::read(&mut reader, &environment, read, &pace, sink));
            self.0.pool.put_back(reader);
            match outcome {
                // It was stopped because its files were replaced: in the new ones, then.
                Err(error)
                    if error.code() == Code::Closed && self.0.pool.is_outdated(generation) =>
                {
                    if !may_open {
                        return Ok(ReadOutcome::NeedsTime);
                    }
                }
                Ok(ReadOutcome::Unsynced(last)) => match &pace {
                    Pace::Slice => return Ok(ReadOutcome::Unsynced(last)),
                    Pace::Full {
                        deadline,
                        cancelled,
                    } => {
                        self.0.shared.durability.wait(last, *deadline, cancelled)?;
                        return Ok(ReadOutcome::Done);
                    }
                },
                outcome => return outcome,
            }
        }
    }

    /// Which commits are synced, if reads are durable.
    pub(crate) fn durable_reads(&self) -> Option<&Durability> {
        let shared = &self.0.shared;
        shared.config.durable_reads.then_some(&*shared.durability)
    }

    fn ask_the_writer(&self, work: Work) -> Result<()> {
        let soon = Instant::now() + self.0.shared.config.busy_timeout;
        let queue = &self.0.shared.queue;
        queue.push(work, soon.into(), Box::new(Nowhere), None)?;
        Ok(())
    }

    /// Calls `notify` once a commit is synced ([`ReadOutcome::Unsynced`]), or will not be. `None` if it
    /// is synced already; then `notify` is not called.
    ///
    /// # Errors
    /// `io_error` where the log could not be synced.
    pub fn on_synced(
        &self,
        commit: u64,
        notify: impl FnOnce() -> Notify,
    ) -> Result<Option<WaitId>> {
        self.0.shared.durability.on_synced(commit, notify)
    }

    /// Ends a wait for a commit: the error of a call that gives up. `None` if it was notified already.
    pub fn unsynced_error(&self, id: WaitId) -> Option<Error> {
        let gives_up = self.0.shared.durability.give_up(id);
        gives_up.then(durability::too_late)
    }

    /// Calls `notify` once, after the next commit that may have written events of the journal, or
    /// when the database is closed. What is read after this call is never older than what it will
    /// notify of.
    pub fn watch_journal(&self, notify: Notify) {
        self.0.shared.journal.wait(notify);
    }

    /// Sets the function that is called with errors that belong to no request: that the files were
    /// opened again because another program had replaced them (`file_replaced`), and that the
    /// triggers of a journal are gone or changed in the file that was opened (`journal_broken`).
    pub fn report_to(&self, report: Report) {
        self.0.shared.report_to(report);
    }

    /// Ends a wait for a reader: the error of a call that gives up after `timeout`. `None` if
    /// it was woken already.
    pub fn reader_timeout_error(&self, id: WaitId, timeout: Duration) -> Option<Error> {
        if !self.0.pool.give_up(id) {
            return None;
        }
        let (open, lent, waiting) = self.0.pool.figures();
        let error = Error::new(
            Code::Timeout,
            format!(
                "waited {} ms for a reader; {lent} of {open} are busy and {waiting} calls wait. Raise readers: or timeout:, or make the reads shorter",
                timeout.as_millis()
            ),
        )
        .with("waited_ms", i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX))
        .with("waiting", waiting);
        Some(error)
    }

    /// Queues a write.
    ///
    /// # Errors
    /// `closed`; the write's own errors go to the responder.
    pub fn submit(
        &self,
        work: Write,
        deadline: impl Into<CallDeadline>,
        reply: Box<dyn Responder>,
        on_room: &mut dyn FnMut() -> Notify,
    ) -> Result<Submitted> {
        let queue = &self.0.shared.queue;
        queue.push_write(work, deadline.into(), reply, on_room)
    }

    /// Takes a request back. With an error it will never run; with `None` it runs or is answered.
    pub fn withdraw(&self, id: RequestId) -> Option<Error> {
        let job = self.0.shared.queue.withdraw(id)?;
        job.reply.forget();
        let error = self.0.shared.gave_up(job.began.elapsed(), job.waits_since);
        Some(error)
    }

    /// Ends a wait for room in the queue: the error of a call that gives up after `timeout`.
    /// `None` if it was woken already.
    pub fn queue_full_error(&self, id: WaitId, timeout: Duration) -> Option<Error> {
        if !self.0.shared.queue.give_up(id) {
            return None;
        }
        // It began to wait before it was queued, so no holder since then is left out.
        let began = Instant::now().checked_sub(timeout);
        let since = began.unwrap_or_else(Instant::now);
        let error = self.0.shared.gave_up(timeout, since);
        let limit = self.0.shared.config.queue_limit;
        let full = Error::new(
            Code::QueueFull,
            format!(
                "the write queue stayed full ({limit} requests): {}",
                error.message()
            ),
        )
        .with("queue_limit", limit);
        let full = error
            .details()
            .iter()
            .fold(full, |full, (key, value)| full.with_detail(key, value));
        Some(full)
    }

    /// What hosts have said of columns whose declared types do not name one of ours, until now.
    pub fn read_types(&self) -> ReadTypes {
        self.catalog().read_types()
    }

    /// The statements that scanned since the database was opened, those with the most steps
    /// first.
    pub fn scanned(&self) -> Vec<ScannedStatement> {
        self.0.shared.counters.scanned()
    }
}
