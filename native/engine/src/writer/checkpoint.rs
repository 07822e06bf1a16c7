//! When the writer checkpoints the write-ahead log, and truncates it
//! (<https://sqlite.org/wal.html#avoiding_excessively_large_wal_files>).

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::connection::Link;
use crate::sqlite::side_files::beside;

use super::Writer;

/// How long there must be no write before a checkpoint starts, so that no write waits for it.
const IDLE: Duration = Duration::from_millis(2);
/// How long there must be no write before the log is truncated. A commit that makes the log file longer
/// takes up to half as long again, since the file system writes the new length with it.
const QUIET: Duration = Duration::from_secs(5);
/// How long there must be no write before the writer checks once more whether its files still have
/// their names: they may have been replaced after the last write.
const LOOK: Duration = Duration::from_secs(1);
/// Truncating a log that readers still use is retried after twice the time, up to this, and then not
/// before the next write.
const LONGEST_QUIET: Duration = Duration::from_secs(80);
/// How long a checkpoint waits for readers when the log first has twice its limit; longer as it
/// grows.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Bytes of a page's header in the log.
const FRAME_HEADER: u64 = 24;

/// The sizes of the log at which something is done, in pages.
pub(super) struct LogSizes {
    /// Whether the writer checkpoints it; otherwise SQLite does, or it is read-only.
    managed: bool,
    page_size: u64,
    /// The size at which it is checkpointed when no write waits, and the growth until the next time.
    step: i64,
    /// The size at which it is checkpointed while writes never pause. This is larger than `step`: a
    /// page that many commits wrote is then copied once.
    limit: i64,
    /// The size at which the next checkpoint starts if no write waits.
    idle_at: i64,
    /// The size at which it starts in any case.
    late_at: i64,
    /// The size at which a checkpoint waits for readers. Reads that always overlap keep the log from
    /// being restarted, even when all of it is checkpointed.
    restart_at: i64,
    /// The size after the last commit: a smaller one means that the log was restarted.
    last: i64,
    /// How long there must be no write before it is truncated; `None` when there is nothing to
    /// truncate.
    cut_after: Option<Duration>,
}

impl LogSizes {
    pub(super) fn new(config: &Config, page_size: u64) -> LogSizes {
        let bytes = config.log_size_limit.unwrap_or(u64::MAX);
        let pages = bytes / (page_size + FRAME_HEADER);
        let limit = i64::try_from(pages).unwrap_or(i64::MAX).clamp(1, 1 << 40);
        let step = i64::from(config.wal_autocheckpoint).min(limit);
        LogSizes {
            managed: config.log_size_limit.is_some() && !config.read_only,
            page_size,
            step,
            limit,
            idle_at: step,
            late_at: limit,
            restart_at: limit.saturating_mul(2),
            last: 0,
            cut_after: None,
        }
    }

    /// Takes the size in bytes that the log has when the file is opened, and returns its pages.
    pub(super) fn found(&mut self, bytes: u64) -> i64 {
        let pages = bytes.div_ceil(self.page_size + FRAME_HEADER);
        if bytes > self.kept() && self.managed {
            self.cut_after = Some(QUIET);
        }
        i64::try_from(pages).unwrap_or(i64::MAX)
    }
}

impl LogSizes {
    /// Bytes of a log that is not worth truncating: what it has with a write now and then.
    fn kept(&self) -> u64 {
        let pages = u64::try_from(self.step).unwrap_or(0).saturating_add(1);
        pages.saturating_mul(self.page_size + FRAME_HEADER)
    }
}

/// The size in bytes of a connection's log file; 0 when there is none.
pub(super) fn bytes_of_log(link: &Link) -> u64 {
    let path = link.conn.path().unwrap_or_default();
    std::fs::metadata(beside(Path::new(path), "-wal")).map_or(0, |data| data.len())
}

impl Writer {
    /// Checkpoints the log when it is too large. Called after the answers are sent.
    pub(super) fn checkpoint_if_late(&mut self) {
        if !self.log.managed {
            return;
        }
        let pages = self.shared.counters.wal_pages.load(Ordering::Relaxed);
        if pages < self.log.last {
            self.log = LogSizes::new(&self.shared.config, self.log.page_size);
        }
        self.log.last = pages;
        self.log.cut_after = (pages > 0).then_some(QUIET);
        if pages >= self.log.restart_at {
            self.wait_for_readers(pages);
        } else if pages >= self.log.late_at {
            self.move_log(pages);
        }
    }

    /// Checkpoints the log when it is large enough and no write waits.
    pub(super) fn checkpoint_if_idle(&mut self) {
        let pages = self.shared.counters.wal_pages.load(Ordering::Relaxed);
        let large = self.log.managed && pages >= self.log.idle_at;
        if large && self.shared.queue.is_idle_for(IDLE) {
            self.move_log(pages);
        }
    }

    /// Truncates the log when there was no write for a while. Afterwards nothing wakes the thread
    /// until the next write.
    pub(super) fn cut_log_when_quiet(&mut self) {
        if self.log.cut_after.is_none() || !self.shared.queue.is_idle_for(LOOK) {
            return;
        }
        self.look_at_files();
        while let Some(quiet) = self.log.cut_after {
            if !self.shared.queue.is_idle_for(quiet) {
                return;
            }
            if bytes_of_log(&self.link) <= self.log.kept() {
                self.log.cut_after = None;
                return;
            }
            self.log.cut_after = match self.cut_log() {
                true => None,
                false => Some(quiet * 2).filter(|next| *next <= LONGEST_QUIET),
            };
        }
    }

    /// Checkpoints all of the log and truncates it, unless that would wait for readers.
    fn cut_log(&mut self) -> bool {
        self.link.interrupt.begin_work(Instant::now());
        self.checkpoint_if_named("TRUNCATE")
            .is_ok_and(|done| done.is_cut())
    }

    /// The log is empty.
    pub(super) fn note_cut(&mut self) {
        self.shared.counters.wal_pages.store(0, Ordering::Relaxed);
        self.log = LogSizes::new(&self.shared.config, self.log.page_size);
    }

    fn move_log(&mut self, pages: i64) {
        self.link.interrupt.begin_unlimited();
        // Pages that it could not copy, or whose space cannot be used again yet, are left to the next
        // checkpoint.
        let _ = self.checkpoint_if_named("PASSIVE");
        self.next_at(pages);
    }

    fn next_at(&mut self, pages: i64) {
        self.log.idle_at = pages.saturating_add(self.log.step);
        self.log.late_at = pages.saturating_add(self.log.limit);
    }

    /// Checkpoints all of the log and waits for the readers that still use it, so that the next write
    /// restarts it. New readers use the database file alone meanwhile.
    fn wait_for_readers(&mut self, pages: i64) {
        let size = pages / self.log.limit.saturating_mul(2);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let most = LONGEST_WAIT.min(self.shared.config.busy_timeout / 4);
        let wait = FIRST_WAIT.saturating_mul(size).min(most);
        let counters = &self.shared.counters;
        counters.hold(Some("a checkpoint that waits for readers".into()));
        self.link.interrupt.begin_work(Instant::now() + wait);
        let _ = self.checkpoint_if_named("RESTART");
        self.shared.counters.hold(None);
        self.next_at(pages);
        // If the log still grows, the next attempt is at twice the size.
        self.log.restart_at = pages.saturating_mul(2);
    }
}
