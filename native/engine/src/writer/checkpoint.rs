//! When the write-ahead log is moved into the file
//! (<https://sqlite.org/wal.html#avoiding_excessively_large_wal_files>).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::config::Config;

use super::Writer;

/// How long nobody writes before the log is moved: meanwhile nobody waits for it.
const IDLE: Duration = Duration::from_millis(2);
/// How much larger than `wal_autocheckpoint` the log may grow while there is always somebody who
/// writes. A page that many wrote is moved once: at four times the size, moving them took a third of
/// the writer's time.
const WHILE_WRITING: i64 = 24;
/// How much larger it may grow before readers are waited for. Reads that always overlap keep
/// the log from being begun anew, however often all of it is moved into the file.
const WHILE_READING: i64 = 48;
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
    /// The size after the last commit: a smaller one is that of a log that was begun anew.
    last: i64,
}

impl Log {
    pub(super) fn new(config: &Config) -> Log {
        let step = i64::from(config.wal_autocheckpoint);
        Log {
            step,
            checkpoint_at: step,
            restart_at: step * WHILE_READING,
            last: 0,
        }
    }
}

impl Writer {
    /// Moves the log into the file when it has become too large, after the answers are given.
    pub(super) fn checkpoint_if_late(&mut self) {
        let pages = self.shared.counters.wal_pages.load(Ordering::Relaxed);
        if pages < self.log.last {
            self.log = Log::new(&self.shared.config);
        }
        self.log.last = pages;
        let Log {
            step,
            checkpoint_at,
            restart_at,
            ..
        } = self.log;
        if pages >= restart_at {
            self.wait_for_readers(pages);
        } else if pages >= checkpoint_at + (WHILE_WRITING - 1) * step {
            self.move_log(pages);
        }
    }

    /// Moves the log into the file when it is large enough and nobody writes.
    pub(super) fn checkpoint_if_idle(&mut self) {
        let pages = self.shared.counters.wal_pages.load(Ordering::Relaxed);
        if pages >= self.log.checkpoint_at && self.shared.queue.is_idle_for(IDLE) {
            self.move_log(pages);
        }
    }

    fn move_log(&mut self, pages: i64) {
        self.link.control.begin_unlimited();
        // What it could not move, or not yet make room of, is tried again later.
        let _ = self.checkpoint("PASSIVE");
        self.log.checkpoint_at = pages + self.log.step;
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
