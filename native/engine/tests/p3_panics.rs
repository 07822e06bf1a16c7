//! P3: a panic of the host, or a fault of ours, ends the request that it came from. Nobody
//! waits for ever, nothing of it stays, and the threads that others need go on.

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
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::Duration;

use ash_rusqlite_engine::query::ir::{Conflict, Insert, Returning, Write};
use ash_rusqlite_engine::service::progress::Progress;
use ash_rusqlite_engine::value::Row;
use ash_rusqlite_engine::{
    Code, Database, Maintenance, Outcome, OutputColumn, Pace, Responder, Result, RowSink,
    TransactionOp, Value,
};
use serde_json::json;
use support::host::*;

/// Panics when it is asked for its sink, gets a row, receives progress, or gets its answer.
struct Panics {
    at: At,
    to: Sender<Result<Outcome>>,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Sink,
    Row,
    Progress,
    Answer,
}

impl RowSink for Panics {
    fn begin(&mut self, _: &Arc<[OutputColumn]>, _: usize, _: bool) {}

    fn row(&mut self, _: &Row<'_>) -> Result<()> {
        assert!(self.at != At::Row, "a panic that a test wants");
        Ok(())
    }
}

impl Responder for Panics {
    fn sink(&mut self) -> &mut dyn RowSink {
        assert!(self.at != At::Sink, "a panic that a test wants");
        self
    }

    fn progress(&mut self, _: Progress) {
        assert!(self.at != At::Progress, "a panic that a test wants");
    }

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        assert!(self.at != At::Answer, "a panic that a test wants");
        self.to.send(result).unwrap();
    }
}

fn panics(at: At) -> (Box<dyn Responder>, Receiver<Result<Outcome>>) {
    let (to, from) = channel();
    (Box::new(Panics { at, to }), from)
}

fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("panics.db");
    let tables = "CREATE TABLE t (id INTEGER PRIMARY KEY);";
    let database = with_tables(
        config(path.to_str().unwrap(), json!({"readers": 1})),
        tables,
    );
    (folder, database)
}

fn row(id: i64) -> Write {
    Write::Insert(Insert {
        table: "t".into(),
        rows: vec![vec![("id".into(), Value::Integer(id))]],
        conflict: Conflict::Raise,
        returning: Returning::All,
    })
}

fn is_internal(from: &Receiver<Result<Outcome>>) {
    let result = from
        .recv_timeout(Duration::from_secs(20))
        .expect("an answer");
    assert_eq!(error(result).code(), Code::Internal);
}

#[test]
fn a_panic_in_a_batch_takes_only_its_own_request() {
    let (_folder, database) = database();
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
    let before = submit(&database, row(1), soon()).1;
    let (rows, row_answer) = panics(At::Row);
    let (answer, _) = panics(At::Answer);
    for (id, reply) in [(2, rows), (3, answer)] {
        database
            .submit(row(id), soon(), reply, &mut || unreachable!())
            .unwrap();
    }
    let after = submit(&database, row(4), soon()).1;
    finish(&database, tx, true).unwrap();
    answered(&before).unwrap();
    is_internal(&row_answer);
    answered(&after).unwrap();
    assert_eq!(
        count(&database, "t"),
        3,
        "the one whose answer was lost is there"
    );
    // Alone, too.
    let (reply, from) = panics(At::Row);
    database
        .submit(row(5), soon(), reply, &mut || unreachable!())
        .unwrap();
    is_internal(&from);
    write(&database, row(5)).expect("the writer goes on");
    close(database);
}

#[test]
fn a_panic_outside_of_a_statement_ends_the_batch_or_the_transaction() {
    let (_folder, database) = database();
    let (reply, from) = panics(At::Sink);
    database
        .submit(row(1), soon(), reply, &mut || unreachable!())
        .unwrap();
    is_internal(&from);
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Write(row(2))).unwrap();
    let (reply, from) = panics(At::Sink);
    database
        .transaction_submit(tx, TransactionOp::Write(row(3)), soon(), reply)
        .unwrap();
    let behind = submit(&database, row(4), soon()).1;
    is_internal(&from);
    answered(&behind).unwrap();
    assert_eq!(error(finish(&database, tx, true)).code(), Code::Internal);
    assert_eq!(count(&database, "t"), 1, "the transaction was rolled back");
    close(database);
}

#[test]
fn a_panic_in_a_transaction_leaves_it_as_a_failed_statement_does() {
    let (_folder, database) = database();
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Write(row(1))).unwrap();
    for op in [
        TransactionOp::Write(row(2)),
        TransactionOp::Read(sql("SELECT 1")),
    ] {
        let (reply, from) = panics(At::Row);
        database.transaction_submit(tx, op, soon(), reply).unwrap();
        is_internal(&from);
    }
    step(&database, tx, TransactionOp::Write(row(3))).unwrap();
    finish(&database, tx, true).unwrap();
    assert_eq!(count(&database, "t"), 2);
    close(database);
}

#[test]
fn a_panic_at_the_news_of_long_work_does_not_disturb_it() {
    let (folder, database) = database();
    let path = folder.path().join("copy.db");
    let backup = Maintenance::Backup {
        path: path.clone(),
        overwrite: false,
    };
    write(&database, row(1)).unwrap();
    for work in [backup, Maintenance::Restore { path }] {
        let (reply, from) = panics(At::Progress);
        database.maintain(work, soon(), reply).unwrap();
        let result = from
            .recv_timeout(Duration::from_secs(20))
            .expect("an answer");
        assert!(matches!(result, Ok(Outcome::Backup(_))), "{result:?}");
    }
    write(&database, row(2)).expect("the writer goes on");
    assert_eq!(count(&database, "t"), 2);
    close(database);
}

#[test]
fn a_panic_in_a_read_gives_the_reader_back() {
    let (_folder, database) = database();
    for _ in 0..3 {
        let (to, _from) = channel();
        let mut sink = Panics { at: At::Row, to };
        let pace = Pace::Full {
            deadline: soon(),
            cancelled: Arc::new(AtomicBool::new(false)),
        };
        let read = database.read(&sql("SELECT 1"), pace, &mut sink, &mut || Box::new(|| ()));
        assert_eq!(error(read).code(), Code::Internal);
    }
    assert_eq!(count(&database, "t"), 0, "the only reader is free");
    close(database);
}

#[test]
fn every_closer_is_notified_after_the_file_is_released() {
    let (folder, database) = database();
    let log = folder.path().join("panics.db-wal");
    let early = Arc::new(AtomicBool::new(false));
    let (to, from) = channel();
    // Closers that come while the database is being closed wait, too.
    for _ in 0..200 {
        let (to, early, log) = (to.clone(), Arc::clone(&early), log.clone());
        database.close(Some(Box::new(move || {
            early.fetch_or(log.exists(), Ordering::Relaxed);
            to.send(()).unwrap();
        })));
        std::thread::sleep(Duration::from_micros(50));
    }
    for _ in 0..200 {
        from.recv_timeout(Duration::from_secs(20)).expect("the end");
    }
    database.join();
    assert!(!early.load(Ordering::Relaxed));
}
