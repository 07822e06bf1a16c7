//! P7: what runs when native code is replaced.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use std::sync::mpsc::{channel, Receiver, Sender};

use ash_rusqlite_engine::service::progress::Progress;
use ash_rusqlite_engine::{
    Code, Database, Maintenance, Outcome, Responder, Result, RowSink, TransactionOp,
};
use serde_json::json;
use support::host::*;

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, filler TEXT);
    INSERT INTO t (filler) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    SELECT hex(zeroblob(200)) FROM n;";

fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handed_over.db");
    let database = with_tables(config(path.to_str().unwrap(), json!({})), TABLES);
    (folder, database)
}

/// Does something when progress is reported.
struct Then<F> {
    act: F,
    sink: Collected,
    to: Sender<Result<Outcome>>,
}

impl<F: FnMut() + Send> Responder for Then<F> {
    fn sink(&mut self) -> &mut dyn RowSink {
        &mut self.sink
    }

    fn progress(&mut self, _: Progress) {
        (self.act)();
    }

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        self.to.send(result).unwrap();
    }
}

fn at_progress(
    database: &Database,
    work: Maintenance,
    act: impl FnMut() + Send + 'static,
) -> Receiver<Result<Outcome>> {
    let (to, from) = channel();
    let sink = Collected::default();
    let reply = Box::new(Then { act, sink, to });
    database.maintain(work, soon(), reply).unwrap();
    from
}

#[test]
fn work_that_needs_the_writer_is_named_while_it_waits_and_while_it_runs() {
    let (folder, database) = database();
    assert_eq!(database.maintenance(), None);

    let holder = begin(&database);
    step(&database, holder, TransactionOp::Read(sql("SELECT 1"))).unwrap();
    let vacuum = at_progress(&database, Maintenance::Vacuum, || ());
    assert_eq!(database.maintenance(), Some("a vacuum"));
    finish(&database, holder, true).unwrap();
    vacuum.recv().unwrap().unwrap();
    assert_eq!(database.maintenance(), None);

    let path = folder.path().join("copy.db");
    let backup = Maintenance::Backup {
        path: path.clone(),
        overwrite: false,
    };
    maintain(&database, backup).result.unwrap();
    let (named, names) = channel();
    let asked = database.clone();
    let restored = at_progress(&database, Maintenance::Restore { path }, move || {
        named.send(asked.maintenance()).unwrap();
    });
    restored.recv().unwrap().unwrap();
    assert_eq!(names.recv().unwrap(), Some("a restore"));
    assert_eq!(database.maintenance(), None);
    close(database);
}

#[test]
fn work_beside_the_writer_that_is_stopped_may_be_run_again() {
    let (folder, database) = database();
    let replaced = database.clone();
    let backup = Maintenance::Backup {
        path: folder.path().join("copy.db"),
        overwrite: false,
    };
    let stopped = at_progress(&database, backup, move || replaced.replace());
    let error = error(stopped.recv().unwrap());
    assert_eq!(
        (error.code(), error.retryable()),
        (Code::CodeReplaced, true)
    );
    database.join();
}
