//! Transactions, and their steps in the queue: the first one waits as other work does, the rest in
//! the lane of the transaction that holds the writer.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use crate::error::{Code, Error, Result};
use crate::request::{RequestId, Responder, TransactionId};
use crate::service::deadline::CallDeadline;

use super::super::transaction::Transaction;
use super::super::work::{code_replaced, Job, NextStep, Step, Work};
use super::{closed, Queue, State};

impl Queue {
    /// The first step of a transaction came to nothing: its next one, if any, is the first now.
    pub fn first_step_failed(&self, transaction: &Arc<Transaction>) {
        begin_with_next(&mut self.lock(), transaction);
    }

    /// Opens a transaction that has done nothing yet.
    pub fn open_transaction(
        &self,
        make: impl FnOnce(TransactionId) -> Transaction,
    ) -> Result<TransactionId> {
        let mut state = self.lock();
        if state.closing {
            return Err(closed());
        }
        state.next_id += 1;
        let id = TransactionId(state.next_id);
        state.transactions.insert(id, Arc::new(make(id)));
        Ok(id)
    }

    /// An open transaction.
    pub fn transaction(&self, id: TransactionId) -> Result<Arc<Transaction>> {
        let state = self.lock();
        match state.transactions.get(&id) {
            Some(transaction) => Ok(Arc::clone(transaction)),
            None if id.0 <= state.first_id => Err(code_replaced()),
            None if state.closing => Err(state.closed_transaction()),
            None => Err(Error::new(
                Code::TransactionClosed,
                "the transaction is over; begin a new one",
            )),
        }
    }

    /// Forgets a transaction.
    pub fn forget(&self, id: TransactionId) {
        self.lock().transactions.remove(&id);
    }

    /// Queues a step: behind the others if it is the first, else in the transaction's lane.
    pub fn push_step(
        &self,
        transaction: &Arc<Transaction>,
        step: Step,
        deadline: CallDeadline,
        reply: Box<dyn Responder>,
    ) -> Result<RequestId> {
        let mut state = self.lock();
        if state.closing {
            return Err(state.closed_transaction());
        }
        let first = transaction.enter()?;
        let job = state.job(deadline, reply);
        let id = job.id;
        if first {
            state
                .others
                .push_back((job, Work::Transaction(Arc::clone(transaction), step)));
        } else {
            state.lane.push_back((transaction.id, job, step));
        }
        self.wake(state);
        Ok(id)
    }

    /// Marks a transaction as abandoned and wakes the writer.
    pub fn abort(&self, id: TransactionId) {
        let mut state = self.lock();
        if let Some(transaction) = state.transactions.remove(&id) {
            transaction.abandon();
            state.idle = true;
            self.wake(state);
        }
    }

    /// Waits for the next step of the transaction that holds the writer.
    pub fn next_step(&self, transaction: &Transaction, deadline: Instant) -> NextStep {
        let mut state = self.lock();
        loop {
            if transaction.is_abandoned() {
                return NextStep::Aborted;
            }
            let now = Instant::now();
            if now >= deadline {
                return NextStep::Overstayed;
            }
            if let Some((job, step)) = take_step(&mut state, transaction.id) {
                return NextStep::Step(job, step);
            }
            if state.closing {
                return NextStep::Closing;
            }
            state.idle = true;
            let wait = self.wake.wait_timeout(state, deadline - now);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
            state.idle = false;
        }
    }

    /// Takes the steps that are left of a transaction that is over.
    pub fn clear_lane(&self, id: TransactionId) -> Vec<Job> {
        let mut state = self.lock();
        std::iter::from_fn(|| take_step(&mut state, id).map(|(job, _)| job)).collect()
    }
}

fn take_step(state: &mut State, id: TransactionId) -> Option<(Job, Step)> {
    let place = state.lane.iter().position(|(owner, ..)| *owner == id)?;
    state.lane.remove(place).map(|(_, job, step)| (job, step))
}

pub(super) fn begin_with_next(state: &mut State, transaction: &Arc<Transaction>) {
    match take_step(state, transaction.id) {
        Some((job, step)) => {
            let work = Work::Transaction(Arc::clone(transaction), step);
            state.others.push_back((job, work));
        }
        None => transaction.withdraw_first(),
    }
}
