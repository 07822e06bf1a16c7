//! What was answered, in the order in which the writer answered. That order is the serial
//! order that the model must agree with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};

use ash_rusqlite_engine::progress::Progress;
use ash_rusqlite_engine::{Outcome, Responder, Result, RowSink, TransactionId};

use super::script::Step;
use super::state::{Row, Table};
use crate::support::host::{Collected, Rows};

#[derive(Clone, Debug)]
pub enum What {
    Step(Step),
    Finish { commit: bool },
}

#[derive(Debug)]
pub struct Entry {
    /// The transaction that it belongs to, unless it is one of its own.
    pub tx: Option<TransactionId>,
    pub what: What,
    pub result: Result<Outcome>,
    pub rows: Rows,
    /// When it was queued, by the clock of the log.
    pub queued: usize,
}

/// A read on a reader's connection.
#[derive(Debug)]
pub struct Look {
    pub table: Table,
    pub rows: Vec<Row>,
    /// How much was answered when it began.
    pub from: usize,
    /// When it was over, by the clock of the log.
    pub over: usize,
}

#[derive(Default)]
pub struct Log {
    pub entries: Mutex<Vec<Entry>>,
    pub looks: Mutex<Vec<Look>>,
    pub dead: Mutex<Vec<TransactionId>>,
    clock: AtomicUsize,
}

impl Log {
    pub fn now(&self) -> usize {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    pub fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }

    pub fn responder(
        self: &Arc<Self>,
        tx: Option<TransactionId>,
        what: What,
    ) -> (Box<dyn Responder>, Receiver<()>) {
        let (to, from) = channel();
        let answer = Answer {
            log: Arc::clone(self),
            tx,
            what,
            queued: self.now(),
            sink: Collected::default(),
            to,
        };
        (Box::new(answer), from)
    }
}

struct Answer {
    log: Arc<Log>,
    tx: Option<TransactionId>,
    what: What,
    queued: usize,
    sink: Collected,
    to: Sender<()>,
}

impl Responder for Answer {
    fn sink(&mut self) -> &mut dyn RowSink {
        &mut self.sink
    }

    fn progress(&mut self, _: Progress) {}

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        self.log.entries.lock().unwrap().push(Entry {
            tx: self.tx,
            what: self.what,
            result,
            rows: self.sink.rows,
            queued: self.queued,
        });
        // Who went in the middle does not wait.
        let _ = self.to.send(());
    }
}
