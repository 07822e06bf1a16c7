//! The cache that keeps commits short holds the same pages as SQLite's own, whatever their size.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/host.rs"]
mod host;

use ash_rusqlite_engine::query::ir::{KeyValue, Scalar, Write};
use ash_rusqlite_engine::sqlite::page_cache;
use host::{close, config, insert, text, with_tables, write};
use rusqlite::Connection;
use serde_json::json;

const ROWS: i64 = 3_000;

/// Ids in no order, so that pages are split everywhere, and their numbers are swapped.
fn id(n: i64) -> String {
    format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64))
}

fn row(n: i64) -> Write {
    let length = usize::try_from(n * 37 % 300).unwrap();
    insert(
        "t",
        &[("id", text(&id(n))), ("body", text(&"b".repeat(length)))],
    )
}

fn gone(n: i64) -> Write {
    let key = KeyValue::Single(text(&id(n)));
    host::delete("t", Some(Scalar::PrimaryKey(key)))
}

#[test]
fn trees_stay_sound_while_their_pages_are_split_and_joined() {
    // Before anything else of SQLite: this file holds one test.
    assert!(page_cache::install());
    assert!(page_cache::install(), "again it says the same");
    for page_size in [512, 1024, 4096, 8192, 65_536] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(&format!("PRAGMA page_size={page_size}; VACUUM;"))
            .unwrap();
        drop(conn);
        // A small cache, so that pages leave it, too.
        let config = config(
            path.to_str().unwrap(),
            json!({"cache_size": 50, "synchronous": "off"}),
        );
        let tables = "CREATE TABLE t (id TEXT PRIMARY KEY, body TEXT); CREATE INDEX b ON t (body);";
        let database = with_tables(config, tables);
        for n in 0..ROWS {
            write(&database, row(n)).unwrap();
            if n % 3 == 2 {
                write(&database, gone(n / 2)).unwrap();
            }
        }
        let count = host::count(&database, "t");
        close(database);
        let conn = Connection::open(&path).unwrap();
        let real: i64 = conn
            .query_row("PRAGMA page_size", [], |row| row.get(0))
            .unwrap();
        assert_eq!(real, page_size);
        let check: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok", "pages of {page_size} bytes");
        let rows: i64 = conn
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!((rows, count), (ROWS - ROWS / 3, ROWS - ROWS / 3));
    }
}
