//! Threads that write rows of which each says what it must be, and the look at what is left.

// No test uses all of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ash_rusqlite_engine::catalog::{JournalSpec, Subject};
use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::query::ir::{Conflict, ConflictSet, Insert, Returning, Write};
use ash_rusqlite_engine::{
    Database, Detail, Error, Maintenance, Outcome, Result, TransactionOp, Value,
};
use rusqlite::Connection;
use serde_json::{json, Value as Json};

use super::host::*;

/// A unit of a thread is `PARTS` rows of `t`; a transaction's is also the thread's row of
/// `heads`, which names its latest unit.
pub const TABLES: &str = "
    CREATE TABLE t (
      id INTEGER PRIMARY KEY,
      body TEXT NOT NULL
    );
    CREATE INDEX t_body ON t (body);
    CREATE TABLE heads (thread INTEGER PRIMARY KEY, unit INTEGER NOT NULL);";

pub const THREADS: i64 = 3;
const PARTS: i64 = 3;
const UNITS: i64 = 1_000_000;

/// Small logs, so that checkpoints and new logs come often.
pub fn options(synchronous: &str) -> Json {
    json!({
        "synchronous": synchronous,
        "wal_autocheckpoint": 12,
        "journal_size_limit": 0,
        "readers": 1,
        "cache_size": 20,
    })
}

pub fn path_in(folder: &Path) -> PathBuf {
    folder.join("check.db")
}

pub fn open_at(path: &Path, synchronous: &str) -> Result<Database> {
    open(config(path.to_str().unwrap(), options(synchronous)))
}

/// A database with its tables, closed.
pub fn prepare(folder: &Path) -> PathBuf {
    let path = path_in(folder);
    close(with_tables(
        config(path.to_str().unwrap(), options("off")),
        TABLES,
    ));
    path
}

/// The same, with a journal of both tables: a unit of `t` is a source.
pub fn prepare_journaled(folder: &Path) -> PathBuf {
    let path = prepare(folder);
    let conn = Connection::open(&path).unwrap();
    for (table, source) in [("t", None), ("heads", Some("thread"))] {
        let spec = JournalSpec {
            event_type: format!("check.{table}"),
            source: source.map(|column: &str| Subject("thread".into(), column.into())),
            ..JournalSpec::default()
        };
        journal::enable(&conn, table, &spec).unwrap();
    }
    path
}

/// Replaying the events gives the rows, where there is a journal. Returns how many events there are.
pub fn agrees_with_its_journal(path: &Path) -> u64 {
    let conn = Connection::open(path).unwrap();
    if !journal::is_installed(&conn).unwrap() {
        return 0;
    }
    let verified = journal::verify(&conn, 5, &mut ()).unwrap();
    assert!(verified.is_ok(), "{verified:?}");
    verified.events
}

/// Units that were written, by thread, and whether they were transactions.
#[derive(Default)]
pub struct Ledger {
    acknowledged: BTreeMap<i64, bool>,
    refused: BTreeMap<i64, Error>,
}

/// Whether an error leaves open what became of the write.
pub fn is_unsure(error: &Error) -> bool {
    error.detail("maybe_written") == Some(&Detail::Boolean(true))
}

fn is_transaction(unit: i64) -> bool {
    unit % 2 == 1
}

fn body(id: i64) -> String {
    let length = usize::try_from(id * 131 % 6_000).unwrap();
    format!("{id}:{}", "x".repeat(length))
}

fn rows(unit: i64, parts: std::ops::Range<i64>) -> Write {
    let row = |part: i64| {
        let id = unit * PARTS + part;
        vec![
            ("id".into(), Value::Integer(id)),
            ("body".into(), text(&body(id))),
        ]
    };
    Write::Insert(Insert {
        table: "t".into(),
        rows: parts.map(row).collect(),
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    })
}

fn head(unit: i64) -> Write {
    let row = vec![
        ("thread".into(), Value::Integer(unit / UNITS)),
        ("unit".into(), Value::Integer(unit)),
    ];
    Write::Insert(Insert {
        table: "heads".into(),
        rows: vec![row],
        conflict: Conflict::Update {
            target: vec![],
            set: ConflictSet::All,
        },
        returning: Returning::Nothing,
    })
}

fn write_unit(database: &Database, unit: i64) -> Result<()> {
    if !is_transaction(unit) {
        return write(database, rows(unit, 0..PARTS)).map(drop);
    }
    let tx = begin(database);
    let mut steps = vec![head(unit)];
    steps.extend((0..PARTS).map(|part| rows(unit, part..part + 1)));
    for write in steps {
        if let Err(error) = step(database, tx, TransactionOp::Write(write)) {
            // What SQLite has rolled back already is over.
            let _ = finish(database, tx, false);
            return Err(error);
        }
    }
    finish(database, tx, true)
}

impl Ledger {
    /// Several threads write `units` units each, or until one fails if `stops`.
    pub fn run(&mut self, database: &Database, units: i64, stops: bool) {
        let ledger = Mutex::new(std::mem::take(self));
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let ledger = &ledger;
                scope.spawn(move || {
                    for _ in 0..units {
                        let unit = ledger.lock().unwrap().next(thread);
                        let result = write_unit(database, unit);
                        let failed = result.is_err();
                        ledger.lock().unwrap().note(unit, result);
                        if failed && stops {
                            return;
                        }
                    }
                });
            }
        });
        *self = ledger.into_inner().unwrap();
    }

    fn next(&self, thread: i64) -> i64 {
        let own = thread * UNITS..(thread + 1) * UNITS;
        let last = |units: Option<&i64>| units.map_or(thread * UNITS, |unit| unit + 1);
        last(
            self.acknowledged
                .range(own.clone())
                .next_back()
                .map(|(unit, _)| unit),
        )
        .max(last(
            self.refused.range(own).next_back().map(|(unit, _)| unit),
        ))
    }

    fn note(&mut self, unit: i64, result: Result<()>) {
        match result {
            Ok(()) => drop(self.acknowledged.insert(unit, is_transaction(unit))),
            Err(error) => drop(self.refused.insert(unit, error)),
        }
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    pub fn refused(&self) -> impl Iterator<Item = &Error> {
        self.refused.values()
    }

    /// The units that were acknowledged and are not there.
    pub fn lost(&self, database: &Database) -> Vec<i64> {
        let found = units(database);
        let missing = self
            .acknowledged
            .keys()
            .filter(|unit| !found.contains_key(unit));
        missing.copied().collect()
    }

    /// The units that were refused and are there, but those whose error says that they may be.
    pub fn kept_though_refused(&self, database: &Database) -> Vec<i64> {
        let found = units(database);
        self.refused
            .iter()
            .filter(|(unit, error)| found.contains_key(unit) && !is_unsure(error))
            .map(|(unit, _)| *unit)
            .collect()
    }
}

/// Every unit that is there, each as a whole: with the rows that it must have.
fn units(database: &Database) -> BTreeMap<i64, i64> {
    let mut found = BTreeMap::new();
    for row in read(database, sql("SELECT id, body FROM t ORDER BY id")).unwrap() {
        let id = row[0].as_i64().unwrap();
        assert_eq!(row[1], json!(body(id)), "row {id} is as it was written");
        *found.entry(id / PARTS).or_insert(0) += 1;
    }
    for (unit, parts) in &found {
        assert_eq!(*parts, PARTS, "unit {unit} is there as a whole");
    }
    found
}

/// Nothing is damaged, and no transaction is there by half.
pub fn is_sound(database: &Database) {
    let check = Maintenance::Check {
        quick: false,
        limit: 10,
    };
    assert_eq!(
        maintain(database, check).result.unwrap(),
        Outcome::Check(vec![])
    );
    let found = units(database);
    for thread in 0..THREADS {
        let own = thread * UNITS..(thread + 1) * UNITS;
        let latest = found
            .range(own)
            .map(|(unit, _)| *unit)
            .rfind(|unit| is_transaction(*unit));
        let query = format!("SELECT unit FROM heads WHERE thread = {thread}");
        let head = read(database, sql(&query)).unwrap();
        let head = head.first().map(|row| row[0].as_i64().unwrap());
        assert_eq!(head, latest, "the head of thread {thread}");
    }
}
