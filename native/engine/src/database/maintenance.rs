//! Work on a database as a whole, in the writer or beside it.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::{handover, Database};
use crate::database::side_work;
use crate::error::{Code, Error, Result};
use crate::request::reply::Reply;
use crate::request::{Maintenance, RequestId, Responder, Submitted};
use crate::service::deadline::CallDeadline;
use crate::writer::work::Work;

fn files_replaced() -> Error {
    Error::new(
        Code::FileReplaced,
        "another program replaced the files of the database while this ran; run it again",
    )
}

impl Database {
    /// Queues work on the database as a whole.
    ///
    /// # Errors
    /// `closed`, `internal` when the operating system refuses a thread.
    pub fn maintain(
        &self,
        work: Maintenance,
        deadline: impl Into<CallDeadline>,
        reply: Box<dyn Responder>,
    ) -> Result<RequestId> {
        if matches!(
            work,
            Maintenance::Migrations { .. }
                | Maintenance::CheckMigrations { .. }
                | Maintenance::Backup { .. }
                | Maintenance::Check { .. }
                | Maintenance::VerifyJournal { .. }
                | Maintenance::RebuildJournal { .. }
                | Maintenance::Advise { .. }
                | Maintenance::OtherForms { .. }
                | Maintenance::VerifyChain
        ) {
            return self.maintain_aside(work, reply).map(|()| RequestId(0));
        }
        let pushed =
            self.0
                .shared
                .queue
                .push(Work::Maintain(work), deadline.into(), reply, None)?;
        match pushed {
            Submitted::Queued(id) => Ok(id),
            // Maintenance has its place whatever waits.
            Submitted::Full(_) => Err(Error::new(Code::Internal, "the queue took no maintenance")),
        }
    }

    /// Reads the whole database beside the writer, on a thread and a connection of its own.
    fn maintain_aside(&self, work: Maintenance, reply: Box<dyn Responder>) -> Result<()> {
        if self.0.closing.load(Ordering::Relaxed) || !self.0.shared.is_open() {
            return Err(Error::new(
                Code::Closed,
                "the database is closed; start its repo again",
            ));
        }
        let (path, pool) = (self.0.path.clone(), Arc::clone(&self.0.pool));
        let config = self.0.shared.config.clone();
        let closing = Arc::clone(&self.0.closing);
        let shared = Arc::clone(&self.0.shared);
        self.spawn("ash_rusqlite_side", move || {
            let mut reply = Reply::new(reply);
            let result = pool
                .stop_flag()
                .and_then(|stop| side_work::run(work, &path, &config, stop, &mut reply));
            reply.finish(result.map_err(|error| {
                let stopped = matches!(error.code(), Code::Closed | Code::Cancelled);
                match stopped {
                    true if shared.queue.is_replaced() => handover::stopped(),
                    true if !closing.load(Ordering::Relaxed) => files_replaced(),
                    _ => error,
                }
            }));
        })
    }
}
