//! P1: acknowledged means durable. A process that writes from several threads is killed in
//! the middle, again and again, also while it moves the log into the file; whatever it said
//! it had written is there and whole. Nothing is answered before the commit that covers it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod child;
    pub mod host;
}

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::mpsc::{channel, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ash_rusqlite_engine::query::ir::{Conflict, Insert, Returning, Write};
use ash_rusqlite_engine::service::progress::Progress;
use ash_rusqlite_engine::{
    Database, Maintenance, Name, Outcome, Responder, Result, RowSink, TransactionOp, Value,
};
use serde_json::json;
use support::{child, host::*};

const TABLES: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, part INTEGER NOT NULL, body TEXT NOT NULL);
     CREATE INDEX t_kind ON t (kind, part);";
const WRITERS: i64 = 4;

/// Rows of one request or transaction: all of them or none may be there.
const PARTS: i64 = 3;

fn options() -> serde_json::Value {
    json!({"wal_autocheckpoint": 30, "journal_size_limit": 0})
}

fn body(id: i64) -> String {
    let length = usize::try_from(id * 37 % 3_000).unwrap();
    format!("{id}:{}", "x".repeat(length))
}

fn row(id: i64, kind: &str, part: i64) -> Vec<(Name, Value)> {
    [
        ("id", Value::Integer(id)),
        ("kind", text(kind)),
        ("part", Value::Integer(part)),
        ("body", text(&body(id))),
    ]
    .map(|(name, value)| (name.into(), value))
    .to_vec()
}

fn rows(ids: impl Iterator<Item = i64>, kind: &str) -> Write {
    Write::Insert(Insert {
        table: "t".into(),
        rows: ids.zip(0..).map(|(id, part)| row(id, kind, part)).collect(),
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    })
}

/// The next `PARTS` ids that belong to one acknowledgement.
fn write_on(database: &Database, first: i64) -> Result<()> {
    let ids = first..first + PARTS;
    if first / PARTS % 3 != 0 {
        return write(database, rows(ids, "request")).map(drop);
    }
    let tx = begin(database);
    for (id, part) in ids.zip(0..) {
        let kind = row(id, "transaction", part);
        let insert = Insert {
            table: "t".into(),
            rows: vec![kind],
            conflict: Conflict::Raise,
            returning: Returning::Nothing,
        };
        step(database, tx, TransactionOp::Write(Write::Insert(insert)))?;
    }
    finish(database, tx, true)
}

#[test]
#[ignore = "the child of the test below, which kills it"]
fn a_process_that_writes_until_it_is_killed() {
    let Some(path) = child::path() else { return };
    let database = open(config(&path, options())).unwrap();
    let threads: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let database = database.clone();
            std::thread::spawn(move || {
                let base = writer * 100_000_000;
                let last = sql(&format!(
                    "SELECT coalesce(max(id), {base}) FROM t WHERE id BETWEEN {base} AND {base} + 99999999"
                ));
                let last = read(&database, last).unwrap()[0][0].as_i64().unwrap();
                for n in last / PARTS + 1.. {
                    write_on(&database, n * PARTS).unwrap();
                    child::say(&format!("written {}", n * PARTS));
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// Starts the child, kills it after that many acknowledgements, and gives all that it made.
fn acknowledged_before_kill(path: &Path, enough: usize) -> Vec<i64> {
    let mut running = child::command("a_process_that_writes_until_it_is_killed", path, &[])
        .spawn()
        .unwrap();
    let lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        // The last line may be cut off: then it was not acknowledged.
        let Ok(line) = line else { break };
        if let Some(id) = line.strip_prefix("written ") {
            acknowledged.push(id.parse().unwrap());
            if acknowledged.len() == enough {
                running.kill().unwrap();
            }
        }
    }
    assert!(!running.wait().unwrap().success(), "it was killed");
    assert!(
        acknowledged.len() >= enough,
        "only {} answers",
        acknowledged.len()
    );
    acknowledged
}

#[test]
fn what_was_acknowledged_survives_kill_minus_nine_and_is_whole() {
    let rounds = std::env::var("ASH_RUSQLITE_TEST_ROUNDS").map_or(4, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p1.db");
    close(with_tables(
        config(path.to_str().unwrap(), options()),
        TABLES,
    ));
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        acknowledged.extend(acknowledged_before_kill(&path, 60 + 53 * (round % 5)));
        let database = open(config(path.to_str().unwrap(), options())).unwrap();
        let check = Maintenance::Check {
            quick: false,
            limit: 10,
        };
        assert_eq!(
            maintain(&database, check).result.unwrap(),
            Outcome::Check(vec![])
        );
        let stored = read(&database, sql("SELECT id, body FROM t")).unwrap();
        let stored: BTreeMap<i64, String> = stored
            .iter()
            .map(|row| {
                (
                    row[0].as_i64().unwrap(),
                    row[1].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        for first in &acknowledged {
            for id in *first..first + PARTS {
                assert_eq!(
                    stored.get(&id),
                    Some(&body(id)),
                    "round {round}, acknowledged {first}"
                );
            }
        }
        // Also what was not acknowledged in time is there as a whole or not at all.
        let half = "SELECT id / 3, count(*) FROM t GROUP BY 1 HAVING count(*) <> 3";
        assert_eq!(read(&database, sql(half)).unwrap(), Rows::new());
        close(database);
    }
}

/// Looks, at the moment of its answer, through a connection of its own.
struct Witness {
    id: i64,
    other: Arc<Mutex<rusqlite::Connection>>,
    sink: Collected,
    seen: Sender<(i64, bool)>,
}

impl Responder for Witness {
    fn sink(&mut self) -> &mut dyn RowSink {
        &mut self.sink
    }

    fn progress(&mut self, _: Progress) {}

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        result.unwrap();
        let other = self.other.lock().unwrap();
        let there = other.query_row("SELECT count(*) FROM t WHERE id = ?1", [self.id], |row| {
            row.get::<_, bool>(0)
        });
        self.seen.send((self.id, there.unwrap())).unwrap();
    }
}

fn database() -> (tempfile::TempDir, std::path::PathBuf, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p1.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    (folder, path, database)
}

#[test]
fn at_the_moment_of_an_answer_every_other_connection_sees_the_write() {
    let (_folder, path, database) = database();
    let other = Arc::new(Mutex::new(rusqlite::Connection::open(path).unwrap()));
    let (to, seen) = channel();
    // Behind a transaction the writes become one batch, after it they come alone.
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
    for id in 0..40 {
        if id == 30 {
            finish(&database, tx, true).unwrap();
        }
        let (other, seen) = (Arc::clone(&other), to.clone());
        let witness = Witness {
            id,
            other,
            sink: Collected::default(),
            seen,
        };
        let write = rows(id..=id, "witness");
        database
            .submit(write, soon(), Box::new(witness), &mut || unreachable!())
            .unwrap();
    }
    for expected in 0..40 {
        let answer = seen.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(answer, (expected, true), "in order, and visible");
    }
    close(database);
}

#[test]
fn every_commit_is_synced_unless_the_options_say_otherwise() {
    for (options, level) in [(json!({}), 2), (json!({"synchronous": "normal"}), 1)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p1.db");
        let database = open(config(path.to_str().unwrap(), options)).unwrap();
        let tx = begin(&database);
        // The connection that writes is the one that runs transactions.
        let ask = TransactionOp::Read(sql("PRAGMA synchronous"));
        assert_eq!(step(&database, tx, ask).unwrap(), [[json!(level)]]);
        finish(&database, tx, true).unwrap();
        close(database);
    }
}

#[test]
fn closing_finishes_what_is_queued_and_rolls_an_open_transaction_back() {
    let (_folder, path, database) = database();
    let tx = begin(&database);
    step(
        &database,
        tx,
        TransactionOp::Write(rows(1_000..1_001, "open")),
    )
    .unwrap();
    let waiting: Vec<_> = (0..50)
        .map(|id| submit(&database, rows(id..=id, "queued"), soon()).1)
        .collect();
    close(database);
    for from in &waiting {
        answered(from).unwrap();
    }
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    assert_eq!(
        count(&database, "t"),
        50,
        "the queued ones, not the transaction's"
    );
    close(database);
}

#[test]
fn a_database_that_is_dropped_finishes_what_is_queued_and_lets_go_of_its_file() {
    let (_folder, path, database) = database();
    let log = path.with_extension("db-wal");
    let waiting: Vec<_> = (0..50)
        .map(|id| submit(&database, rows(id..=id, "queued"), soon()).1)
        .collect();
    drop(database);
    for from in &waiting {
        answered(from).unwrap();
    }
    let started = Instant::now();
    while log.exists() {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "the connection was never closed"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    assert_eq!(count(&database, "t"), 50);
    close(database);
}
