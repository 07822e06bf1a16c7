//! Interactive transactions of a host.

use std::time::{Duration, Instant};

use super::Database;
use crate::error::Result;
use crate::request::{Finished, RequestId, Responder, TransactionId, TransactionOp};
use crate::service::deadline::CallDeadline;
use crate::writer::transaction::Transaction;
use crate::writer::work::Step;

impl Database {
    /// Opens an interactive transaction of `owner`. Nothing reaches SQLite yet.
    ///
    /// # Errors
    /// `closed`.
    pub fn begin(&self, timeout: Duration, owner: String) -> Result<TransactionId> {
        self.0
            .shared
            .queue
            .open_transaction(|id| Transaction::new(id, owner, timeout))
    }

    /// Queues a step of a transaction.
    ///
    /// # Errors
    /// `transaction_closed`, or why the transaction is over; `closed`.
    pub fn transaction_submit(
        &self,
        transaction: TransactionId,
        op: TransactionOp,
        deadline: impl Into<CallDeadline>,
        reply: Box<dyn Responder>,
    ) -> Result<RequestId> {
        let transaction = self.0.shared.queue.transaction(transaction)?;
        self.0
            .shared
            .queue
            .push_step(&transaction, Step::Op(Box::new(op)), deadline.into(), reply)
    }

    /// Ends a transaction.
    ///
    /// # Errors
    /// `transaction_closed`, or why the transaction is over; `closed`.
    pub fn finish(
        &self,
        id: TransactionId,
        commit: bool,
        reply: Box<dyn Responder>,
    ) -> Result<Finished> {
        let queue = &self.0.shared.queue;
        let transaction = queue.transaction(id)?;
        if transaction.is_idle() {
            queue.forget(id);
            return Ok(Finished::Idle);
        }
        if let Some(error) = transaction.end() {
            queue.forget(id);
            return Err(error);
        }
        let deadline = Instant::now() + crate::INFINITY;
        queue
            .push_step(
                &transaction,
                Step::Finish { commit },
                deadline.into(),
                reply,
            )
            .map(Finished::Queued)
    }

    /// Gives a transaction up: it is rolled back within moments. Only enqueues.
    pub fn abort(&self, transaction: TransactionId) {
        self.0.shared.queue.abort(transaction);
    }
}
