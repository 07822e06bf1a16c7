//! Random writes, transactions, deaths and reads of several threads, with the database closed
//! and opened in between, do what a plain in-memory model says. `PROPTEST_CASES` runs more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
    pub mod model {
        pub mod log;
        pub mod replay;
        pub mod script;
        pub mod state;
    }
}

use std::sync::mpsc::{channel, Receiver};
use std::sync::Arc;
use std::time::Duration;

use ash_rusqlite_engine::query::ir::{OrderBy, Read, Select};
use ash_rusqlite_engine::{
    Config, Database, Finished, Maintenance, Outcome, Submitted, TransactionId, TransactionOp,
};
use proptest::prelude::*;
use serde_json::json;
use support::host::{self, close, config, maintain, open, soon, with_tables};
use support::model::log::{Log, Look, What};
use support::model::replay::{replay, rows_of};
use support::model::script::{case, request, Act, Case, End, Step};
use support::model::state::{State, Table, Write, TABLES};

fn by_id(table: Table) -> Read {
    Read::Select(Select {
        table: table.name().into(),
        order_by: vec![OrderBy::column("id", false, None)],
        ..Select::default()
    })
}

fn answered(from: &Receiver<()>) {
    from.recv_timeout(Duration::from_secs(60))
        .expect("an answer");
}

/// One thread's place at the database.
struct Writer {
    database: Database,
    log: Arc<Log>,
}

impl Writer {
    fn run(&self, acts: &[Act]) {
        for act in acts {
            match act {
                Act::Writes(writes) => {
                    let waiting: Vec<_> = writes.iter().map(|write| self.queue(write)).collect();
                    waiting.iter().for_each(answered);
                }
                Act::Transaction(steps, end) => self.transaction(steps, *end),
                Act::Read(table) => self.look(*table),
            }
        }
    }

    fn queue(&self, write: &Write) -> Receiver<()> {
        loop {
            let what = What::Step(Step::Write(write.clone()));
            let (reply, answer) = self.log.responder(None, what);
            let (to, room) = channel();
            let submitted = self
                .database
                .submit(request(write), soon(), reply, &mut || {
                    let to = to.clone();
                    Box::new(move || to.send(()).unwrap())
                });
            match submitted.unwrap() {
                Submitted::Queued(_) => return answer,
                Submitted::Full(_) => answered(&room),
            }
        }
    }

    fn transaction(&self, steps: &[Step], end: End) {
        let tx = self
            .database
            .begin(Duration::from_secs(60), "a writer".into())
            .unwrap();
        let waited = match end {
            End::DeathInFlight => steps.len().saturating_sub(1),
            _ => steps.len(),
        };
        let (before, in_flight) = steps.split_at(waited);
        before
            .iter()
            .for_each(|step| answered(&self.step(tx, step)));
        match end {
            End::Commit | End::RollBack => self.finish(tx, end == End::Commit),
            End::Death | End::DeathInFlight => {
                let _unheard: Vec<_> = in_flight.iter().map(|step| self.step(tx, step)).collect();
                self.log.dead.lock().unwrap().push(tx);
                self.database.abort(tx);
            }
        }
        let late = host::step(&self.database, tx, TransactionOp::Savepoint);
        assert!(late.is_err(), "{tx:?} is over");
    }

    fn step(&self, tx: TransactionId, step: &Step) -> Receiver<()> {
        let (reply, answer) = self.log.responder(Some(tx), What::Step(step.clone()));
        let op = match step {
            Step::Write(write) => TransactionOp::Write(request(write)),
            Step::Read(table) => TransactionOp::Read(by_id(*table)),
            Step::Savepoint => TransactionOp::Savepoint,
            Step::Release => TransactionOp::ReleaseSavepoint,
            Step::RollBackTo => TransactionOp::RollbackToSavepoint,
        };
        self.database
            .transaction_submit(tx, op, soon(), reply)
            .unwrap();
        answer
    }

    fn finish(&self, tx: TransactionId, commit: bool) {
        let (reply, answer) = self.log.responder(Some(tx), What::Finish { commit });
        match self.database.finish(tx, commit, reply).unwrap() {
            Finished::Idle => {}
            Finished::Queued(_) => answered(&answer),
        }
    }

    fn look(&self, table: Table) {
        let from = self.log.now();
        let rows = host::read(&self.database, by_id(table)).unwrap();
        let look = Look {
            table,
            rows: rows_of(&rows),
            from,
            over: self.log.now(),
        };
        self.log.looks.lock().unwrap().push(look);
    }
}

fn options(case: &Case, path: &str) -> Config {
    let more = json!({
        "synchronous": "off",
        "max_batch": case.max_batch,
        "queue_limit": case.queue_limit,
        "readers": case.readers,
        "wal_autocheckpoint": case.wal_autocheckpoint,
        "statement_cache_size": case.statement_cache_size,
    });
    config(path, more)
}

fn holds(database: &Database, state: &State) {
    for table in Table::ALL {
        let stored = host::read(database, by_id(table)).unwrap();
        assert_eq!(rows_of(&stored), state.rows(table), "{table:?}");
    }
    let check = Maintenance::Check {
        quick: false,
        limit: 10,
    };
    assert_eq!(
        maintain(database, check).result.unwrap(),
        Outcome::Check(vec![])
    );
}

fn run(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.db");
    let path = path.to_str().unwrap();
    close(with_tables(options(case, path), TABLES));
    let mut state = State::default();
    for phase in &case.phases {
        let database = open(options(case, path)).unwrap();
        holds(&database, &state);
        let log = Arc::new(Log::default());
        std::thread::scope(|scope| {
            for acts in phase {
                let writer = Writer {
                    database: database.clone(),
                    log: Arc::clone(&log),
                };
                scope.spawn(move || writer.run(acts));
            }
        });
        // What a dead owner left in flight is answered before the database is closed.
        close(database);
        state = replay(&log, state);
    }
    let database = open(options(case, path)).unwrap();
    holds(&database, &state);
    close(database);
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(150, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn several_writers_do_what_one_map_does(case in case()) {
        run(&case);
    }
}
