//! The write-ahead log stays small while reads overlap without end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ash_rusqlite_engine::Value;
use serde_json::json;
use support::host::*;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);
    WITH RECURSIVE c(n) AS (SELECT 1000000 UNION ALL SELECT n + 1 FROM c LIMIT 3000)
      INSERT INTO t SELECT n, 'x' FROM c;";
const WRITES: i64 = 1_500;

#[test]
fn overlapping_reads_do_not_let_the_log_grow_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growth.db");
    let options = json!({"readers": 4, "wal_autocheckpoint": 20, "synchronous": "off"});
    let database = with_tables(config(path.to_str().unwrap(), options), TABLES);
    let log = folder.path().join("growth.db-wal");
    let stop = AtomicBool::new(false);
    let largest = std::thread::scope(|scope| {
        for reader in 0..3 {
            let (database, stop) = (database.clone(), &stop);
            scope.spawn(move || {
                // They begin and end at different moments.
                std::thread::sleep(Duration::from_millis(3 * reader));
                while !stop.load(Ordering::Relaxed) {
                    read(&database, sql("SELECT sum(id) FROM t WHERE id >= 1000000")).unwrap();
                }
            });
        }
        let mut largest = 0;
        for id in 0..WRITES {
            let row = [
                ("id", Value::Integer(id)),
                ("body", text(&"y".repeat(3_000))),
            ];
            write(&database, insert("t", &row)).unwrap();
            // The log of the migration, which is larger, is gone by then.
            if id > WRITES / 10 {
                largest = largest.max(std::fs::metadata(&log).unwrap().len());
            }
        }
        stop.store(true, Ordering::Relaxed);
        largest
    });
    // Each write logs six pages or so. A loaded machine makes reads long, and the log larger.
    let written = u64::try_from(WRITES).unwrap() * 6 * 4_096;
    assert!(largest < written / 2, "{largest} of {written} bytes");
    close(database);
}
