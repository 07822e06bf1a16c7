//! A host without a VM: it collects rows as plain values and waits on channels.

#![allow(dead_code)]

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ash_rusqlite_engine::query::ir::{
    Aggregate, CompareOp, Conflict, Delete, Insert, Read, Returning, Scalar, Select, Update, Write,
};
use ash_rusqlite_engine::service::progress::Progress;
use ash_rusqlite_engine::value::Row;
use ash_rusqlite_engine::{
    Config, Database, Decoded, Error, Finished, Maintenance, Outcome, OutputColumn, Pace,
    ReadOutcome, RequestId, Responder, Result, RowSink, Submitted, TransactionId, TransactionOp,
    Value,
};
use serde_json::{json, Map, Value as Json};

/// A row as JSON values, enough for assertions.
pub type Rows = Vec<Vec<Json>>;

#[derive(Default)]
pub struct Collected {
    pub rows: Rows,
}

impl RowSink for Collected {
    fn begin(&mut self, _: &Arc<[OutputColumn]>, _: usize, _: bool) {
        self.rows.clear();
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let values: Result<Vec<Json>> = (0..row.len())
            .map(|at| row.decode(at).map(|value| to_json(&value)))
            .collect();
        self.rows.push(values?);
        Ok(())
    }
}

fn to_json(value: &Decoded<'_>) -> Json {
    match value {
        Decoded::Null => Json::Null,
        Decoded::Boolean(truth) => json!(truth),
        Decoded::Integer(number) => json!(number),
        Decoded::Real(number) => json!(number),
        Decoded::Text(text) => json!(String::from_utf8_lossy(text)),
        Decoded::Blob(bytes) | Decoded::Term(bytes) | Decoded::List(bytes) => json!(bytes),
        Decoded::Decimal(text) | Decoded::Json(text) => json!(text),
        Decoded::Record(record) => json!(record.text()),
        other => json!(format!("{other:?}")),
    }
}

pub struct Answer {
    pub result: Result<Outcome>,
    pub rows: Rows,
    pub progress: Vec<Progress>,
}

struct Reply {
    sink: Collected,
    progress: Vec<Progress>,
    to: Sender<Answer>,
}

impl Responder for Reply {
    fn sink(&mut self) -> &mut dyn RowSink {
        &mut self.sink
    }

    fn progress(&mut self, progress: Progress) {
        self.progress.push(progress);
    }

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        let _ = self.to.send(Answer {
            result,
            rows: self.sink.rows,
            progress: self.progress,
        });
    }
}

pub fn reply() -> (Box<dyn Responder>, Receiver<Answer>) {
    let (to, from) = channel();
    (
        Box::new(Reply {
            sink: Collected::default(),
            progress: Vec::new(),
            to,
        }),
        from,
    )
}

/// The options of a database at `path` plus others.
pub fn config(path: &str, more: Json) -> Config {
    let mut options = Map::new();
    options.insert("database".into(), json!(path));
    if let Json::Object(more) = more {
        options.extend(more);
    }
    Config::from_options(options).unwrap()
}

pub fn open(config: Config) -> Result<Database> {
    let (to, from) = channel();
    let database = Database::open(config, Box::new(move |result| to.send(result).unwrap()))?;
    from.recv().unwrap()?;
    Ok(database)
}

/// A database with the given tables, made through a migration.
pub fn with_tables(config: Config, sql: &str) -> Database {
    let database = open(config).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("20260101000000_tables.sql"),
        format!("-- up\n{sql}\n"),
    )
    .unwrap();
    let work = Maintenance::Migrate {
        directory: folder.path().to_path_buf(),
        options: ash_rusqlite_engine::migration::MigrateOptions::default(),
    };
    maintain(&database, work).result.unwrap();
    database
}

pub fn close(database: Database) {
    let (to, from) = channel();
    database.close(Some(Box::new(move || to.send(()).unwrap())));
    from.recv().unwrap();
    database.join();
}

pub fn soon() -> Instant {
    after(10_000)
}

pub fn after(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

pub fn maintain(database: &Database, work: Maintenance) -> Answer {
    let (responder, from) = reply();
    database.maintain(work, soon(), responder).unwrap();
    from.recv().unwrap()
}

pub fn submit(
    database: &Database,
    write: Write,
    deadline: Instant,
) -> (Submitted, Receiver<Answer>) {
    let (responder, from) = reply();
    let submitted = database
        .submit(write, deadline, responder, &mut || Box::new(|| ()))
        .unwrap();
    (submitted, from)
}

pub fn write(database: &Database, write: Write) -> Result<Rows> {
    let (_, from) = submit(database, write, soon());
    let answer = from.recv().unwrap();
    answer.result.map(|_| answer.rows)
}

pub fn read(database: &Database, what: Read) -> Result<Rows> {
    let mut sink = Collected::default();
    loop {
        let (to, from) = channel();
        let pace = Pace::Full {
            deadline: soon(),
            cancelled: Arc::new(AtomicBool::new(false)),
        };
        let outcome = database.read(&what, pace, &mut sink, &mut || {
            let to = to.clone();
            Box::new(move || to.send(()).unwrap())
        })?;
        match outcome {
            ReadOutcome::Done => return Ok(sink.rows),
            ReadOutcome::NoReader(_) => from.recv().unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

pub fn step(database: &Database, tx: TransactionId, op: TransactionOp) -> Result<Rows> {
    let (responder, from) = reply();
    let _: RequestId = database.transaction_submit(tx, op, soon(), responder)?;
    let answer = from.recv().unwrap();
    answer.result.map(|_| answer.rows)
}

pub fn finish(database: &Database, tx: TransactionId, commit: bool) -> Result<()> {
    let (responder, from) = reply();
    match database.finish(tx, commit, responder)? {
        Finished::Idle => Ok(()),
        Finished::Queued(_) => from.recv().unwrap().result.map(|_| ()),
    }
}

pub fn begin(database: &Database) -> TransactionId {
    database
        .begin(Duration::from_secs(10), "a test".into())
        .unwrap()
}

pub fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

/// An insert of one row.
pub fn insert(table: &str, row: &[(&str, Value)]) -> Write {
    let row = row
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()))
        .collect();
    Write::Insert(Insert {
        table: table.into(),
        rows: vec![row],
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    })
}

pub fn update(table: &str, filter: Option<Scalar>, set: &[(&str, Value)]) -> Write {
    use ash_rusqlite_engine::query::ir::Assignment;
    let set = set
        .iter()
        .map(|(name, value)| Assignment::Set((*name).into(), value.clone()))
        .collect();
    Write::Update(Update {
        table: table.into(),
        filter,
        set,
        returning: Returning::Nothing,
    })
}

pub fn count(database: &Database, table: &str) -> i64 {
    let select = Select {
        table: table.into(),
        ..Select::default()
    };
    let what = Read::Aggregate {
        function: Aggregate::Count,
        column: None,
        select,
    };
    read(database, what).unwrap()[0][0].as_i64().unwrap()
}

pub fn sql(text: &str) -> Read {
    Read::Sql {
        sql: text.into(),
        params: Vec::new(),
    }
}

pub fn error<T: std::fmt::Debug>(result: Result<T>) -> Error {
    result.expect_err("an error was expected")
}

/// A read as a host's scheduler would run it: it must not take long.
pub fn read_slice(database: &Database, what: &Read) -> Result<ReadOutcome> {
    database.read(what, Pace::Slice, &mut Collected::default(), &mut || {
        Box::new(|| ())
    })
}

/// A read with a deadline and a flag that ends it; the notification goes to nobody.
pub fn read_until(
    database: &Database,
    what: &Read,
    deadline: Instant,
    cancelled: &Arc<AtomicBool>,
) -> Result<ReadOutcome> {
    let cancelled = Arc::clone(cancelled);
    let pace = Pace::Full {
        deadline,
        cancelled,
    };
    database.read(what, pace, &mut Collected::default(), &mut || {
        Box::new(|| ())
    })
}

pub fn delete(table: &str, filter: Option<Scalar>) -> Write {
    Write::Delete(Delete {
        table: table.into(),
        filter,
        returning: Returning::Nothing,
    })
}

pub fn compare(column: &str, op: CompareOp, value: Value) -> Option<Scalar> {
    Some(Scalar::compare(column, op, value))
}

pub fn equal(column: &str, value: Value) -> Option<Scalar> {
    compare(column, CompareOp::Eq, value)
}

/// The answer of a request whose deadline is far.
pub fn answered(from: &Receiver<Answer>) -> Result<Outcome> {
    from.recv_timeout(Duration::from_secs(20))
        .expect("an answer")
        .result
}
