//! How long work reports how far it is, and is cancelled.

use std::time::Duration;

/// How far a migration, a rollback, a backup or a restore is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The work: `"migrate"`, `"rollback"`, `"rebuild"`, `"backup"`, `"restore"`, `"check"`,
    /// `"baseline"`, `"retain"`, `"redact"` or `"verify"`.
    pub phase: &'static str,
    /// What was just finished: a migration's version and name, the table that is rebuilt, or the
    /// path that is copied.
    pub label: String,
    /// Migrations, rows or pages done.
    pub done: u64,
    /// Migrations, rows or pages in all.
    pub total: u64,
    /// How long all of it will take, where that was tried.
    pub estimate: Option<Duration>,
}

/// Receives progress. `cancelled` is called between migrations and
/// between groups of pages.
pub trait ProgressSink {
    /// One more step is done.
    fn progress(&mut self, progress: Progress);

    /// Whether the work should stop. What it has not committed is undone.
    fn cancelled(&self) -> bool {
        false
    }
}

/// A sink for callers that do not care.
impl ProgressSink for () {
    fn progress(&mut self, _: Progress) {}
}
