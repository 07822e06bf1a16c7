//! The statistics of a database.

use std::path::PathBuf;

use crate::service::stats::{int, Stat};

use super::Database;

impl Database {
    /// What the database counts, by name.
    pub fn stats(&self) -> Vec<(&'static str, Stat)> {
        let shared = &self.0.shared;
        let mut stats = shared.counters.stats();
        let (open, lent, waiting) = self.0.pool.figures();
        let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |data| data.len());
        let mut log = self.0.path.clone().into_os_string();
        log.push("-wal");
        stats.push(("queue_depth", int(shared.queue.len() as u64)));
        stats.push(("readers_open", int(open as u64)));
        stats.push(("readers_busy", int(lent as u64)));
        stats.push(("readers_waiting", int(waiting as u64)));
        stats.push(("database_bytes", int(size(self.0.path.clone()))));
        stats.push(("wal_bytes", int(size(log.into()))));
        stats.push((
            "holder",
            match shared.counters.holder() {
                None => Stat::Null,
                Some(holder) => Stat::Map(vec![
                    ("who", Stat::Text(holder.who)),
                    (
                        "held_us",
                        int(u64::try_from(holder.since.elapsed().as_micros()).unwrap_or(0)),
                    ),
                ]),
            },
        ));
        stats
    }
}
