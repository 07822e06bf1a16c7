//! Answers go out beside the writer (`src/writer/answers.rs`): a host that is slow to take them
//! does not keep the next commit from its work, they keep their order, and none is left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::sync::mpsc::{channel, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ash_rusqlite_engine::query::ir::Write;
use ash_rusqlite_engine::service::progress::Progress;
use ash_rusqlite_engine::{
    Database, Outcome, Responder, Result, RowSink, Stat, Submitted, TransactionOp, Value,
};
use serde_json::json;
use support::host::*;

/// Notes its number when it is answered; with a gate, it waits there before.
struct Noted {
    number: usize,
    sink: Collected,
    received: Arc<Mutex<Vec<usize>>>,
    gate: Option<(Sender<()>, Receiver<()>)>,
}

impl Responder for Noted {
    fn sink(&mut self) -> &mut dyn RowSink {
        &mut self.sink
    }

    fn progress(&mut self, _: Progress) {}

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        result.unwrap();
        if let Some((arrived, open)) = &self.gate {
            arrived.send(()).unwrap();
            open.recv().unwrap();
        }
        self.received.lock().unwrap().push(self.number);
    }
}

/// A database whose first answer of eight waits at the gate, in the midst of its commit's.
struct AtTheGate {
    _folder: tempfile::TempDir,
    database: Database,
    received: Arc<Mutex<Vec<usize>>>,
    gate: Sender<()>,
}

const TOGETHER: usize = 8;

fn row(id: i64) -> Write {
    insert("t", &[("id", Value::Integer(id))])
}

fn at_the_gate() -> AtTheGate {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.db");
    let database = with_tables(
        config(path.to_str().unwrap(), json!({})),
        "CREATE TABLE t (id INTEGER PRIMARY KEY);",
    );
    let (gate, open) = channel();
    let (arrived, arrival) = channel();
    let mut first = Some((arrived, open));
    let received = Arc::default();
    // While a transaction holds the writer, what is asked gathers for one commit.
    let transaction = begin(&database);
    step(&database, transaction, TransactionOp::Write(row(-1))).unwrap();
    for number in 0..TOGETHER {
        ask(&database, number, &received, first.take());
    }
    finish(&database, transaction, true).unwrap();
    arrival.recv().unwrap();
    AtTheGate {
        _folder: folder,
        database,
        received,
        gate,
    }
}

fn ask(
    database: &Database,
    number: usize,
    received: &Arc<Mutex<Vec<usize>>>,
    gate: Option<(Sender<()>, Receiver<()>)>,
) {
    let reply = Noted {
        number,
        sink: Collected::default(),
        received: Arc::clone(received),
        gate,
    };
    let write = row(i64::try_from(number).unwrap());
    let asked = database.submit(write, soon(), Box::new(reply), &mut || Box::new(|| ()));
    assert!(matches!(asked, Ok(Submitted::Queued(_))));
}

#[test]
fn the_next_commit_does_not_wait_for_a_slow_host_and_its_answer_comes_after() {
    let AtTheGate {
        _folder,
        database,
        received,
        gate,
    } = at_the_gate();
    ask(&database, TOGETHER, &received, None);
    let until = soon();
    while count(&database, "t") < 2 + TOGETHER as i64 {
        assert!(Instant::now() < until, "the next commit waits");
    }
    assert!(received.lock().unwrap().is_empty());
    gate.send(()).unwrap();
    close(database);
    let all: Vec<usize> = (0..=TOGETHER).collect();
    assert_eq!(*received.lock().unwrap(), all);
}

#[test]
fn a_database_is_closed_when_its_last_answer_is_out() {
    let AtTheGate {
        _folder,
        database,
        received,
        gate,
    } = at_the_gate();
    let (to, closed) = channel();
    let seen = Arc::clone(&received);
    database.close(Some(Box::new(move || {
        to.send(seen.lock().unwrap().len()).unwrap();
    })));
    assert_eq!(
        closed.recv_timeout(Duration::from_millis(100)),
        Err(RecvTimeoutError::Timeout)
    );
    gate.send(()).unwrap();
    assert_eq!(closed.recv(), Ok(TOGETHER));
    database.join();
}

/// Notes the holder of the writer at the moment of its answer.
struct Looking {
    database: Database,
    sink: Collected,
    found: Sender<Stat>,
}

impl Responder for Looking {
    fn sink(&mut self) -> &mut dyn RowSink {
        &mut self.sink
    }

    fn progress(&mut self, _: Progress) {}

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        result.unwrap();
        let mut stats = self.database.stats().into_iter();
        let (_, holder) = stats.find(|(name, _)| *name == "holder").unwrap();
        self.found.send(holder).unwrap();
    }
}

#[test]
fn a_caller_that_has_its_answer_does_not_hold_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holder.db");
    let database = with_tables(
        config(path.to_str().unwrap(), json!({})),
        "CREATE TABLE t (id INTEGER PRIMARY KEY);",
    );
    let (found, holders) = channel();
    for (round, together) in [1, 2].into_iter().enumerate() {
        // While a transaction holds the writer, what is asked gathers for one commit.
        let transaction = begin(&database);
        let id = i64::try_from(round).unwrap() * 10;
        step(&database, transaction, TransactionOp::Write(row(id))).unwrap();
        for number in 1..=together {
            let reply = Looking {
                database: database.clone(),
                sink: Collected::default(),
                found: found.clone(),
            };
            let asked = database.submit(row(id + number), soon(), Box::new(reply), &mut || {
                Box::new(|| ())
            });
            assert!(matches!(asked, Ok(Submitted::Queued(_))));
        }
        finish(&database, transaction, true).unwrap();
        for _ in 0..together {
            assert_eq!(holders.recv().unwrap(), Stat::Null);
        }
    }
    close(database);
}
