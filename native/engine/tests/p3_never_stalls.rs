//! P3: nothing holds a thread that must not be held. A slice of a read gives up within about
//! a millisecond whatever it meets; deadlines, cancellation and closing end what is long; who
//! waits for a reader or for room is notified.

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
use std::sync::mpsc::{channel, Receiver, RecvError};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ash_rusqlite_engine::query::ir::{Aggregate, CompareOp, OrderBy, Read, Select};
use ash_rusqlite_engine::{
    Code, Database, Detail, Error, Pace, ReadOutcome, Submitted, TransactionOp, Value, WaitId,
};
use serde_json::json;
use support::host::*;

const TABLES: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, a TEXT, big BLOB, z INTEGER);
    CREATE TABLE small (id INTEGER PRIMARY KEY, a TEXT);";
const ROWS: i64 = 60_000;
const ENDLESS: &str =
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c";

fn database(more: serde_json::Value) -> (tempfile::TempDir, Database) {
    // A folder in memory where there is one: the rows are many, and no file is tested here.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap());
    let path = folder.path().join("p3.db");
    let database = with_tables(config(path.to_str().unwrap(), more), TABLES);
    (folder, database)
}

fn other(folder: &tempfile::TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.path().join("p3.db")).unwrap()
}

fn fill(folder: &tempfile::TempDir) {
    let rows = format!(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS})
         INSERT INTO t (id, n, a) SELECT n, n, 'row ' || n FROM c"
    );
    other(folder).execute_batch(&rows).unwrap();
}

/// The outcome of a slice, and how long the median of many took.
fn timed(database: &Database, what: &Read) -> (ReadOutcome, Duration) {
    let mut outcome = None;
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            let started = Instant::now();
            let this = read_slice(database, what).unwrap();
            let took = started.elapsed();
            assert_eq!(
                *outcome.get_or_insert(this),
                this,
                "always the same outcome"
            );
            took
        })
        .collect();
    times.sort();
    (outcome.unwrap(), times[times.len() / 2])
}

fn gives_up_at_once(database: &Database, name: &str, what: &Read) {
    let (outcome, took) = timed(database, what);
    assert_eq!(outcome, ReadOutcome::NeedsTime, "{name}");
    // 0.4 ms by itself; the rest is for slow machines and builds without optimisation.
    assert!(took < Duration::from_millis(3), "{name} took {took:?}");
}

#[test]
fn a_slice_gives_up_whatever_is_heavy() {
    let (folder, database) = database(json!({}));
    fill(&folder);
    read(&database, sql("SELECT 1")).unwrap();
    let unindexed = Select {
        table: "t".into(),
        filter: compare("a", CompareOp::Eq, text("nobody")),
        ..Select::default()
    };
    let everything = Select {
        table: "t".into(),
        ..Select::default()
    };
    let sorted = Select {
        order_by: vec![OrderBy::column("a", true, None)],
        limit: Some(1),
        ..everything.clone()
    };
    let sum = Read::Aggregate {
        function: Aggregate::Sum,
        column: Some("n".into()),
        select: everything.clone(),
    };
    for (name, what) in [
        ("a query without an end", sql(ENDLESS)),
        (
            "a join of all with all",
            sql("SELECT count(*) FROM t AS x, t AS y WHERE x.a < y.a"),
        ),
        ("a search without an index", Read::Select(unindexed)),
        ("every row of a big table", Read::Select(everything)),
        ("a sort without an index", Read::Select(sorted)),
        ("a sum over a big table", sum),
        (
            "a value that is made, not stored",
            sql("SELECT zeroblob(100000000)"),
        ),
    ] {
        gives_up_at_once(&database, name, &what);
    }
    let light = Select {
        filter: equal("id", Value::Integer(7)),
        ..select("t")
    };
    let (outcome, _) = timed(&database, &Read::Select(light));
    assert_eq!(outcome, ReadOutcome::Done, "what is light is done");
    close(database);
}

fn select(table: &str) -> Select {
    Select {
        table: table.into(),
        ..Select::default()
    }
}

#[test]
fn a_slice_gives_up_a_single_huge_value() {
    let (_folder, database) = database(json!({}));
    let huge = vec![7_u8; 100_000_000];
    write(
        &database,
        insert(
            "t",
            &[
                ("id", Value::Integer(1)),
                ("n", Value::Integer(1)),
                ("big", Value::Bytes(huge)),
            ],
        ),
    )
    .unwrap();
    let what = Read::Select(select("t"));
    read(&database, sql("SELECT 1")).unwrap();
    gives_up_at_once(&database, "100 MB", &what);
    let mut sink = Length(0);
    let pace = Pace::Full {
        deadline: soon(),
        cancelled: Arc::default(),
    };
    let outcome = database
        .read(&what, pace, &mut sink, &mut || Box::new(|| ()))
        .unwrap();
    assert_eq!(
        (outcome, sink.0),
        (ReadOutcome::Done, 100_000_000),
        "with time it is read"
    );
    gives_up_at_once(
        &database,
        "100 MB again, on a reader that was used in full",
        &what,
    );
    close(database);
}

struct Length(usize);

impl ash_rusqlite_engine::RowSink for Length {
    fn begin(&mut self, _: &Arc<[ash_rusqlite_engine::OutputColumn]>, _: usize, _: bool) {}

    fn row(
        &mut self,
        row: &ash_rusqlite_engine::value::Row<'_>,
    ) -> ash_rusqlite_engine::Result<()> {
        self.0 += row.bytes();
        Ok(())
    }
}

#[test]
fn a_slice_neither_opens_a_connection_nor_waits_for_a_lock() {
    let (folder, database) = database(json!({}));
    let what = sql("SELECT count(*) FROM small");
    let started = Instant::now();
    assert_eq!(
        read_slice(&database, &what).unwrap(),
        ReadOutcome::NeedsTime,
        "none is open"
    );
    assert!(started.elapsed() < Duration::from_millis(3));
    read(&database, what.clone()).unwrap();
    assert_eq!(read_slice(&database, &what).unwrap(), ReadOutcome::Done);
    let writer = other(&folder);
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        read_slice(&database, &what).unwrap(),
        ReadOutcome::Done,
        "readers pass writers"
    );
    writer.execute_batch("COMMIT").unwrap();
    close(database);
    drop(writer);
}

#[test]
fn a_slice_gives_up_a_file_that_another_process_locks_and_a_full_read_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p3.db");
    // Without a write-ahead log, as other programs' files may be, a lock shuts readers out.
    let keeper = rusqlite::Connection::open(&path).unwrap();
    keeper
        .execute_batch("CREATE TABLE small (id INTEGER)")
        .unwrap();
    let options = json!({"read_only": true});
    let database = open(config(path.to_str().unwrap(), options)).unwrap();
    let what = sql("SELECT count(*) FROM small");
    read(&database, what.clone()).unwrap();
    keeper.execute_batch("BEGIN EXCLUSIVE").unwrap();
    gives_up_at_once(&database, "a locked file", &what);
    let started = Instant::now();
    let refused = read_until(&database, &what, after(60), &Arc::default());
    assert_eq!(error(refused).code(), Code::Busy);
    assert!(started.elapsed() >= Duration::from_millis(60));
    let waiting = thread::spawn(move || read_until(&database, &what, soon(), &Arc::default()));
    thread::sleep(Duration::from_millis(20));
    keeper.execute_batch("COMMIT").unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), ReadOutcome::Done);
}

fn long_read(database: &Database, deadline: Instant) -> (Arc<AtomicBool>, JoinHandle<Error>) {
    let (database, cancelled) = (database.clone(), Arc::<AtomicBool>::default());
    let flag = Arc::clone(&cancelled);
    let running =
        thread::spawn(move || error(read_until(&database, &sql(ENDLESS), deadline, &flag)));
    (cancelled, running)
}

fn wait_for_busy_readers(database: &Database, wanted: i64) {
    let started = Instant::now();
    while !database
        .stats()
        .contains(&("readers_busy", ash_rusqlite_engine::Stat::Integer(wanted)))
    {
        assert!(started.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_long_read_ends_at_its_deadline_by_its_flag_or_when_the_database_closes() {
    let (_folder, database) = database(json!({}));
    let started = Instant::now();
    let (_, running) = long_read(&database, after(80));
    assert_eq!(running.join().unwrap().code(), Code::Timeout);
    let took = started.elapsed();
    assert!(
        took >= Duration::from_millis(80) && took < Duration::from_millis(600),
        "{took:?}"
    );

    let (cancelled, running) = long_read(&database, soon());
    wait_for_busy_readers(&database, 1);
    cancelled.store(true, Ordering::Relaxed);
    let started = Instant::now();
    assert_eq!(running.join().unwrap().code(), Code::Cancelled);
    assert!(started.elapsed() < Duration::from_millis(300));

    let (_, running) = long_read(&database, soon());
    wait_for_busy_readers(&database, 1);
    let started = Instant::now();
    close(database);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(running.join().unwrap().code(), Code::Closed);
}

#[test]
fn a_long_write_ends_at_its_deadline_and_harms_no_other_of_its_batch() {
    let (folder, database) = database(json!({}));
    fill(&folder);
    let slow = update("t", None, &[("a", text("overwritten"))]);
    for alone in [true, false] {
        let tx = begin(&database);
        step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
        let id = |n: i64| [("id", Value::Integer(n + i64::from(alone)))];
        let before = (!alone).then(|| submit(&database, insert("small", &id(10)), soon()).1);
        // The deadline begins to run with the submission, so let it be met inside the update.
        let (_, slow) = submit(&database, slow.clone(), after(15));
        let behind = (!alone).then(|| submit(&database, insert("small", &id(20)), soon()).1);
        let started = Instant::now();
        finish(&database, tx, true).unwrap();
        assert_eq!(error(answered(&slow)).code(), Code::Timeout);
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "{:?}",
            started.elapsed()
        );
        for other in [before, behind].into_iter().flatten() {
            answered(&other).unwrap();
        }
    }
    assert_eq!(count(&database, "small"), 2);
    let touched = sql("SELECT count(*) FROM t WHERE a = 'overwritten'");
    assert_eq!(
        read(&database, touched).unwrap(),
        [[json!(0)]],
        "it was rolled back whole"
    );
    close(database);
}

/// Asks for a reader although none is free; is notified when one is.
fn wait_for_reader(database: &Database) -> (WaitId, Receiver<()>) {
    let (to, woken) = channel();
    let outcome = database
        .read(
            &sql("SELECT 1"),
            Pace::Slice,
            &mut Collected::default(),
            &mut || {
                let to = to.clone();
                Box::new(move || to.send(()).unwrap_or(()))
            },
        )
        .unwrap();
    match outcome {
        ReadOutcome::NoReader(id) => (id, woken),
        other => panic!("there is a reader: {other:?}"),
    }
}

#[test]
fn a_caller_that_finds_no_reader_is_woken_once_and_not_after_it_gave_up() {
    let (_folder, database) = database(json!({"readers": 1}));
    let (cancelled, running) = long_read(&database, soon());
    wait_for_busy_readers(&database, 1);
    let (first_id, first) = wait_for_reader(&database);
    let (second_id, second) = wait_for_reader(&database);
    assert!(
        second.recv_timeout(Duration::from_millis(20)).is_err(),
        "it is still lent"
    );
    let waited = Duration::from_millis(20);
    let gave_up = database.reader_timeout_error(first_id, waited).unwrap();
    assert_eq!(gave_up.code(), Code::Timeout);
    assert_eq!(gave_up.detail("waited_ms"), Some(&Detail::Integer(20)));
    assert_eq!(gave_up.detail("waiting"), Some(&Detail::Integer(1)));
    assert!(gave_up.message().contains("1 of 1 are busy"), "{gave_up}");
    cancelled.store(true, Ordering::Relaxed);
    running.join().unwrap();
    second
        .recv_timeout(Duration::from_secs(5))
        .expect("the reader is free");
    assert_eq!(
        first.recv(),
        Err(RecvError),
        "the one that gave up is never woken"
    );
    let late = database.reader_timeout_error(second_id, waited);
    assert_eq!(late, None, "it was woken: it has to look");
    assert_eq!(
        read_slice(&database, &sql("SELECT 1")).unwrap(),
        ReadOutcome::Done
    );
    close(database);
}

#[test]
fn a_caller_that_finds_the_queue_full_is_woken_once_and_not_after_it_gave_up() {
    let (_folder, database) = database(json!({"queue_limit": 1}));
    let tx = begin(&database);
    step(&database, tx, TransactionOp::Read(sql("SELECT 1"))).unwrap();
    let row = |n: i64| insert("small", &[("id", Value::Integer(n))]);
    let (queued, _unanswered) = submit(&database, row(1), soon());
    let wait = || {
        let (to, woken) = channel();
        let submitted = database
            .submit(row(2), soon(), reply().0, &mut || {
                let to = to.clone();
                Box::new(move || to.send(()).unwrap_or(()))
            })
            .unwrap();
        match submitted {
            Submitted::Full(id) => (id, woken),
            Submitted::Queued(_) => panic!("the queue has room"),
        }
    };
    let ((first_id, first), (_, second), (_, third)) = (wait(), wait(), wait());
    let waited = Duration::from_millis(5);
    let gave_up = database.queue_full_error(first_id, waited).unwrap();
    assert_eq!(gave_up.code(), Code::QueueFull);
    assert_eq!(gave_up.detail("queue_limit"), Some(&Detail::Integer(1)));
    assert_eq!(gave_up.detail("waiting"), Some(&Detail::Integer(3)));
    let Submitted::Queued(id) = queued else {
        panic!("the queue had room");
    };
    database.withdraw(id).expect("it has not begun");
    second
        .recv_timeout(Duration::from_secs(5))
        .expect("one withdrew: there is room");
    assert_eq!(
        first.recv(),
        Err(RecvError),
        "the one that gave up is never woken"
    );
    assert!(
        third.recv_timeout(Duration::from_millis(20)).is_err(),
        "there is room for one"
    );
    finish(&database, tx, true).unwrap();
    close(database);
    third
        .recv_timeout(Duration::from_secs(5))
        .expect("the database closed");
}
