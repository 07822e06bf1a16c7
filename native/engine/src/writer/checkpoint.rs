//! When the write-ahead log is moved into the file
//! (<https://sqlite.org/wal.html#avoiding_excessively_large_wal_files>).

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::access::Access;
use crate::config::{Config, Synchronous};
use crate::error::Result;
use crate::sqlite_error;

use super::checkpointer::Checkpointer;
use super::{Shared, Writer};

/// How much larger than `wal_autocheckpoint` the log may grow before writers wait for a
/// checkpoint: it begins anew only when all of it is in the file, which one that runs beside
/// them never reaches while they go on.
const WHILE_WRITING: i64 = 4;
/// How much larger it may grow before readers are waited for. Reads that always overlap keep
/// the log from being begun anew, however often all of it is moved into the file.
const WHILE_READING: i64 = 8;
/// How long readers are waited for when the log first has that size; longer as it grows.
const PATIENCE: Duration = Duration::from_millis(100);
const MOST_PATIENCE: Duration = Duration::from_secs(5);

/// What a checkpoint did.
pub(super) struct Checkpointed {
    /// Whether readers or writers kept it from finishing.
    pub(super) busy: bool,
    /// Pages in the log.
    pub(super) wal_pages: i64,
    /// Pages of them that are in the file now.
    pub(super) checkpointed_pages: i64,
}

/// Runs a checkpoint on a connection that may do so.
pub(super) fn run(conn: &Connection, shared: &Shared, mode: &str) -> Result<Checkpointed> {
    let started = Instant::now();
    let done = conn
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
            Ok(Checkpointed {
                busy: row.get::<_, i64>(0)? != 0,
                wal_pages: row.get(1)?,
                checkpointed_pages: row.get(2)?,
            })
        })
        .map_err(sqlite_error::map)?;
    shared.counters.checkpoint_time.note(started.elapsed());
    Ok(done)
}

/// What is known of the log, in pages.
pub(super) struct Log {
    step: i64,
    /// The size at which the next checkpoint starts.
    checkpoint_at: i64,
    /// The size at which writers wait for it.
    hold_at: i64,
    /// The size at which readers are waited for.
    restart_at: i64,
}

impl Log {
    pub(super) fn new(config: &Config) -> Log {
        let step = i64::from(config.wal_autocheckpoint);
        Log {
            step,
            checkpoint_at: step,
            hold_at: step * WHILE_WRITING,
            restart_at: step * WHILE_READING,
        }
    }
}

impl Writer {
    /// Moves the log into the file when it is time, which is after the answers are out.
    pub(super) fn checkpoint_if_due(&mut self) {
        let pages = self.shared.counters.wal_pages.load(Ordering::Relaxed);
        let Log { step, .. } = self.log;
        if pages < step {
            self.log = Log::new(&self.shared.config);
            return;
        }
        if pages >= self.log.restart_at {
            self.wait_for_readers(pages);
            return;
        }
        if pages >= self.log.hold_at || self.checkpoints_at_once(pages) {
            self.settle_checkpoints();
            self.link.control.begin_unlimited();
            // What it could not move, or not yet make room of, is tried again later.
            let _ = self.checkpoint("PASSIVE");
            self.log.checkpoint_at = pages + step;
            self.log.hold_at = pages + step * WHILE_WRITING;
        } else if pages >= self.log.checkpoint_at && self.syncs() {
            self.log.checkpoint_at = pages + step;
            self.checkpoint_beside();
        }
    }

    /// Whether a checkpoint waits for the medium.
    fn syncs(&self) -> bool {
        self.shared.config.synchronous != Synchronous::Off
    }

    /// A checkpoint that waits for nothing is not worth a thread; it runs when nobody waits for
    /// the writer.
    fn checkpoints_at_once(&self, pages: i64) -> bool {
        !self.syncs() && pages >= self.log.checkpoint_at && self.shared.queue.len() == 0
    }

    /// Without a thread for it the log grows until writers wait.
    fn checkpoint_beside(&mut self) {
        if self.checkpointer.is_none() {
            let started = Checkpointer::start(Arc::clone(&self.shared), self.path.clone());
            self.checkpointer = started.ok();
        }
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.ask();
        }
    }

    /// Waits until no checkpoint runs beside. One that was wanted is due again later.
    pub(super) fn settle_checkpoints(&mut self) {
        if self.checkpointer.as_ref().is_some_and(Checkpointer::settle) {
            self.log.checkpoint_at = self.log.step;
        }
    }

    /// Runs a checkpoint on the writer's connection.
    pub(super) fn checkpoint(&mut self, mode: &str) -> Result<Checkpointed> {
        self.link.gate.set(Access::Internal);
        run(&self.link.conn, &self.shared, mode)
    }

    /// Moves all of the log and waits for the readers that still look at it, so that the next
    /// write begins it anew. New readers look at the file alone meanwhile.
    fn wait_for_readers(&mut self, pages: i64) {
        self.settle_checkpoints();
        let size = u32::try_from(pages / (self.log.step * WHILE_READING)).unwrap_or(u32::MAX);
        let most = MOST_PATIENCE.min(self.shared.config.busy_timeout / 4);
        let patience = PATIENCE.saturating_mul(size).min(most);
        let counters = &self.shared.counters;
        counters.hold(Some("a checkpoint that waits for readers".into()));
        self.link.control.begin_work(Instant::now() + patience);
        let _ = self.checkpoint("RESTART");
        self.shared.counters.hold(None);
        self.log.checkpoint_at = pages + self.log.step;
        self.log.hold_at = pages + self.log.step * WHILE_WRITING;
        // In vain, if pages go on to grow: then at twice the size.
        self.log.restart_at = pages.saturating_mul(2);
    }
}
