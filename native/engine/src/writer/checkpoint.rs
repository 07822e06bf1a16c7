//! When the write-ahead log is moved into the file
//! (<https://sqlite.org/wal.html#avoiding_excessively_large_wal_files>).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::config::Config;

use super::Writer;

/// How much larger than `wal_autocheckpoint` the log may grow while writers wait.
const WHILE_WAITING: i64 = 4;
/// How much larger it may grow before readers are waited for. Reads that always overlap keep
/// the log from being begun anew, however often all of it is moved into the file.
const WHILE_READING: i64 = 8;
/// How long readers are waited for when the log first has that size; longer as it grows.
const PATIENCE: Duration = Duration::from_millis(100);
const MOST_PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the log, in pages.
pub(super) struct Log {
    step: i64,
    /// The size at which the next checkpoint starts.
    checkpoint_at: i64,
    /// The size at which readers are waited for.
    restart_at: i64,
}

impl Log {
    pub(super) fn new(config: &Config) -> Log {
        let step = i64::from(config.wal_autocheckpoint);
        Log {
            step,
            checkpoint_at: step,
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
        let late = self.log.checkpoint_at + (WHILE_WAITING - 1) * step;
        let due = pages >= self.log.checkpoint_at;
        if due && (pages >= late || self.shared.queue.len() == 0) {
            self.link.control.begin_unlimited();
            // What it could not move, or not yet make room of, is tried again later.
            let _ = self.checkpoint("PASSIVE");
            self.log.checkpoint_at = pages + step;
        }
    }

    /// Moves all of the log and waits for the readers that still look at it, so that the next
    /// write begins it anew. New readers look at the file alone meanwhile.
    fn wait_for_readers(&mut self, pages: i64) {
        let size = u32::try_from(pages / (self.log.step * WHILE_READING)).unwrap_or(u32::MAX);
        let most = MOST_PATIENCE.min(self.shared.config.busy_timeout / 4);
        let patience = PATIENCE.saturating_mul(size).min(most);
        let counters = &self.shared.counters;
        counters.hold(Some("a checkpoint that waits for readers".into()));
        self.link.control.begin_work(Instant::now() + patience);
        let _ = self.checkpoint("RESTART");
        self.shared.counters.hold(None);
        self.log.checkpoint_at = pages + self.log.step;
        // In vain, if pages go on to grow: then at twice the size.
        self.log.restart_at = pages.saturating_mul(2);
    }
}
