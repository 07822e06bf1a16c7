//! What was answered, and when the writer ran it. The order in which it did is the serial order that the
//! model must agree with. Answers come later, those of commits after the sync that covers them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ash_rusqlite_engine::service::progress::Progress;
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
    /// When it was queued, when it was run, and when it was answered, by the clock of the log.
    pub queued: usize,
    pub ran: usize,
    pub answered: usize,
}

/// A read on a reader's connection.
#[derive(Debug)]
pub struct Look {
    pub table: Table,
    pub rows: Vec<Row>,
    /// When it began and when it was over, by the clock of the log.
    pub from: usize,
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
            ran: None,
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
    ran: Option<usize>,
    sink: Collected,
    to: Sender<()>,
}

impl Responder for Answer {
    fn sink(&mut self) -> &mut dyn RowSink {
        &mut self.sink
    }

    fn progress(&mut self, _: Progress) {}

    fn is_timed(&self) -> bool {
        true
    }

    // Again when it runs again: then it is as if it had not run before.
    fn begun(&mut self, _: Duration) {
        self.ran = Some(self.log.now());
    }

    fn finish(self: Box<Self>, result: Result<Outcome>) {
        let answered = self.log.now();
        self.log.entries.lock().unwrap().push(Entry {
            tx: self.tx,
            what: self.what,
            result,
            rows: self.sink.rows,
            queued: self.queued,
            ran: self.ran.unwrap_or(answered),
            answered,
        });
        // Who went in the middle does not wait.
        let _ = self.to.send(());
    }
}
