//! What a database counts while it works.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::sqlite::scans::{ScannedStatement, Scans};

/// A figure of the statistics.
#[derive(Clone, Debug, PartialEq)]
pub enum Stat {
    /// Nothing.
    Null,
    /// A count, bytes, microseconds: as its name says.
    Integer(i64),
    /// A text.
    Text(String),
    /// Counts, such as a histogram's.
    List(Vec<i64>),
    /// More figures.
    Map(Vec<(&'static str, Stat)>),
}

/// Upper bounds of the classes of batch sizes.
pub const BATCH_CLASSES: [u64; 8] = [1, 2, 4, 8, 16, 64, 256, u64::MAX];

/// Durations of one kind.
#[derive(Debug, Default)]
pub struct Timing {
    count: AtomicU64,
    total_us: AtomicU64,
    max_us: AtomicU64,
    last_us: AtomicU64,
}

impl Timing {
    /// Notes one.
    pub fn note(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(us, Ordering::Relaxed);
        self.max_us.fetch_max(us, Ordering::Relaxed);
        self.last_us.store(us, Ordering::Relaxed);
    }

    /// The figures.
    pub fn stat(&self) -> Stat {
        let count = self.count.load(Ordering::Relaxed);
        let total = self.total_us.load(Ordering::Relaxed);
        Stat::Map(vec![
            ("count", int(count)),
            ("mean_us", int(total.checked_div(count).unwrap_or(0))),
            ("max_us", int(self.max_us.load(Ordering::Relaxed))),
            ("last_us", int(self.last_us.load(Ordering::Relaxed))),
        ])
    }
}

/// Cached statements of a kind of connection.
#[derive(Debug, Default)]
pub struct StatementCounts {
    hits: AtomicU64,
    misses: AtomicU64,
    /// Those that scanned.
    pub scans: Scans,
}

impl StatementCounts {
    /// Notes a use of a statement that was or was not prepared already.
    pub fn note(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures.
    pub fn stat(&self) -> Stat {
        Stat::Map(vec![
            ("hits", int(self.hits.load(Ordering::Relaxed))),
            ("misses", int(self.misses.load(Ordering::Relaxed))),
        ])
    }
}

/// The holder of the writer, and since when.
#[derive(Clone, Debug)]
pub struct Holder {
    /// e.g. `a transaction of #PID<0.120.0>`.
    pub who: String,
    /// Since when.
    pub since: Instant,
}

/// Who held the writer.
#[derive(Clone, Debug)]
struct LastHolder {
    who: String,
    held: Duration,
    until: Instant,
}

/// The counters of one database.
#[derive(Debug, Default)]
pub struct Counters {
    /// Commits of the writer.
    pub commits: AtomicU64,
    /// Writes that were answered with success.
    pub writes: AtomicU64,
    /// Writes that were answered with an error.
    pub write_errors: AtomicU64,
    /// Reads that ran to their end.
    pub reads: AtomicU64,
    /// Reads that were longer than a slice.
    pub long_reads: AtomicU64,
    /// Interactive transactions that committed.
    pub transactions: AtomicU64,
    /// Interactive transactions that were rolled back.
    pub rollbacks: AtomicU64,
    /// Batches that had to be run again one by one.
    pub reruns: AtomicU64,
    /// How many times the files were opened again because another program replaced them.
    pub reopened: AtomicU64,
    /// Writes per commit, by class.
    pub batches: [AtomicU64; BATCH_CLASSES.len()],
    /// The largest batch.
    pub largest_batch: AtomicU64,
    /// COMMIT: writing the log and syncing it.
    pub commit_time: Timing,
    /// Checkpoints.
    pub checkpoint_time: Timing,
    /// Pages in the write-ahead log after the last commit.
    pub wal_pages: AtomicI64,
    /// The writer's statements.
    pub writer_statements: StatementCounts,
    /// The readers' statements.
    pub reader_statements: StatementCounts,
    /// The writer's page cache: hits, misses, bytes used.
    pub page_cache: [AtomicI64; 3],
    /// What is known of the journal.
    pub journal: JournalCounters,
    holder: Mutex<Option<Holder>>,
    last: Mutex<Option<LastHolder>>,
}

impl Counters {
    /// Notes a commit of `writes` writes.
    pub fn note_batch(&self, size: u64) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.largest_batch.fetch_max(size, Ordering::Relaxed);
        let class = BATCH_CLASSES.iter().position(|bound| size <= *bound);
        if let Some(counter) = class.and_then(|class| self.batches.get(class)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sets the holder of the writer.
    pub fn hold(&self, who: Option<String>) {
        let Ok(mut holder) = self.holder.lock() else {
            return;
        };
        let next = who.map(|who| Holder {
            who,
            since: Instant::now(),
        });
        if let Some(before) = std::mem::replace(&mut *holder, next) {
            if let Ok(mut last) = self.last.lock() {
                *last = Some(LastHolder {
                    who: before.who,
                    held: before.since.elapsed(),
                    until: Instant::now(),
                });
            }
        }
    }

    /// The holder of the writer and for how long, or the last one, if it held it after `time`.
    pub fn holder_since(&self, time: Instant) -> Option<(String, Duration)> {
        match self.holder() {
            Some(holder) => Some((holder.who, holder.since.elapsed())),
            None => self.last_holder_since(time),
        }
    }

    /// Who held the writer before its present holder, if that was since a time.
    pub fn last_holder_since(&self, time: Instant) -> Option<(String, Duration)> {
        let last = self.last.lock().ok()?.clone()?;
        (last.until >= time).then_some((last.who, last.held))
    }

    /// The holder of the writer.
    pub fn holder(&self) -> Option<Holder> {
        self.holder.lock().ok().and_then(|holder| holder.clone())
    }

    /// The statements that scanned, those with the most steps first.
    pub fn scanned(&self) -> Vec<ScannedStatement> {
        Scans::of([&self.writer_statements.scans, &self.reader_statements.scans])
    }

    /// The figures that need nothing else.
    pub fn stats(&self) -> Vec<(&'static str, Stat)> {
        let get = |counter: &AtomicU64| int(counter.load(Ordering::Relaxed));
        let batches = self
            .batches
            .iter()
            .map(|n| to_i64(n.load(Ordering::Relaxed)))
            .collect();
        let bounds = BATCH_CLASSES.iter().map(|n| to_i64(*n)).collect();
        let [hits, misses, used] = &self.page_cache;
        vec![
            ("writes", get(&self.writes)),
            ("write_errors", get(&self.write_errors)),
            ("commits", get(&self.commits)),
            ("transactions", get(&self.transactions)),
            ("rollbacks", get(&self.rollbacks)),
            ("reruns", get(&self.reruns)),
            ("reopened", get(&self.reopened)),
            ("reads", get(&self.reads)),
            ("long_reads", get(&self.long_reads)),
            ("largest_batch", get(&self.largest_batch)),
            (
                "batch_sizes",
                Stat::Map(vec![
                    ("up_to", Stat::List(bounds)),
                    ("commits", Stat::List(batches)),
                ]),
            ),
            ("commit", self.commit_time.stat()),
            ("checkpoint", self.checkpoint_time.stat()),
            (
                "wal_pages",
                Stat::Integer(self.wal_pages.load(Ordering::Relaxed)),
            ),
            ("journal", self.journal.stat()),
            ("writer_statements", self.writer_statements.stat()),
            ("reader_statements", self.reader_statements.stat()),
            (
                "page_cache",
                Stat::Map(vec![
                    ("hits", Stat::Integer(hits.load(Ordering::Relaxed))),
                    ("misses", Stat::Integer(misses.load(Ordering::Relaxed))),
                    ("used_bytes", Stat::Integer(used.load(Ordering::Relaxed))),
                ]),
            ),
        ]
    }
}

fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A count as a figure.
pub fn int(n: u64) -> Stat {
    Stat::Integer(to_i64(n))
}

/// What the statistics say of the journal.
#[derive(Debug, Default)]
pub struct JournalCounters {
    pub(crate) installed: AtomicI64,
    pub(crate) pending: AtomicI64,
    pub(crate) baseline_events: AtomicI64,
    pub(crate) head: AtomicI64,
    pub(crate) sealed: AtomicI64,
    pub(crate) errors: AtomicI64,
}

impl JournalCounters {
    /// The figures; null without a journal.
    pub fn stat(&self) -> Stat {
        let get = |figure: &AtomicI64| Stat::Integer(figure.load(Ordering::Relaxed));
        if self.installed.load(Ordering::Relaxed) == 0 {
            return Stat::Null;
        }
        Stat::Map(vec![
            ("head", get(&self.head)),
            ("sealed", get(&self.sealed)),
            ("baselines_pending", get(&self.pending)),
            ("baseline_events", get(&self.baseline_events)),
            ("upkeep_errors", get(&self.errors)),
        ])
    }
}
