//! What the writer is asked, and what it finds when it looks for work.

use std::sync::Arc;
use std::time::Instant;

use crate::error::{Code, Error};
use crate::query::ir::Write;
use crate::request::reply::Reply;
use crate::request::{Maintenance, RequestId, TransactionOp};
use crate::schema::TableSpec;

use super::transaction::Transaction;

/// What the writer is asked to do, besides writes that share commits.
pub enum Work {
    /// A table that gets what it lacks.
    Ensure(Box<TableSpec>),
    /// A step of an interactive transaction.
    Transaction(Arc<Transaction>, Step),
    /// Work that needs the writer for itself.
    Maintain(Maintenance),
    /// Whether the files still have their names.
    LookAtFiles,
    /// What is not synced although it was committed.
    Sync,
}

impl Work {
    /// What it does to the database as a whole, which may take long.
    pub fn maintenance(&self) -> Option<&'static str> {
        match self {
            Work::Maintain(work) => Some(work.name()),
            _ => None,
        }
    }
}

/// A step of an interactive transaction.
pub enum Step {
    /// A statement or a savepoint.
    Op(Box<TransactionOp>),
    /// The end.
    Finish {
        /// Commit, or roll back.
        commit: bool,
    },
}

/// A request that waits.
pub struct Job {
    /// Its id, by which it can be withdrawn.
    pub id: RequestId,
    /// When its caller gives up.
    pub deadline: Instant,
    /// When its call began.
    pub began: Instant,
    /// Since when it waits, here or for room.
    pub waits_since: Instant,
    /// Receives the result.
    pub reply: Reply,
}

/// What the writer finds when it looks for work.
pub enum Next {
    /// Writes for one commit.
    Batch(Vec<(Job, Write)>),
    /// Other work; of a transaction, its first step.
    Other(Job, Work),
    /// Nothing more will come.
    Closed,
}

/// What the writer finds while a transaction holds it.
pub enum NextStep {
    /// Its next step.
    Step(Job, Step),
    /// Its owner died or let go of it.
    Aborted,
    /// It has overstayed.
    Overstayed,
    /// The database is being closed.
    Closing,
}

/// When a deferred foreign key must hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deferred {
    /// At the end of the write, which is all of its caller's transaction: the requests that
    /// share its commit must not make it good, nor may it break theirs.
    Now,
    /// At the end of the transaction that it is a part of.
    AtCommit,
}

/// The error of a transaction that was open when the native code was replaced.
pub fn code_replaced() -> Error {
    Error::new(
        Code::CodeReplaced,
        "the native code was replaced by a newer build while the transaction was open, which was rolled back: run it again",
    )
}
