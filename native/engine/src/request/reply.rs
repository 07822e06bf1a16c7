//! Answers that are given once, whatever happens: a panic, which is a fault of ours or of the
//! host, ends the request that it came from and not the thread that others wait for.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use crate::error::{Code, Error, Result};
use crate::request::{Outcome, Responder};
use crate::service::progress::Progress;
use crate::service::RowSink;
use crate::value::{OutputColumn, Row};

/// The error of a request that ended in a panic. What it had done was rolled back.
pub fn fault() -> Error {
    Error::new(
        Code::Internal,
        "a fault of this library ended the request, and nothing of it was kept; please report it",
    )
}

/// Runs what a host has a part in. A panic becomes an error.
pub fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(fault()))
}

/// A responder that receives the error `internal` when it is dropped without an answer.
pub struct Reply {
    responder: Option<Box<dyn Responder>>,
    nowhere: Nowhere,
}

impl Reply {
    /// From now on the responder will be answered.
    pub fn new(responder: Box<dyn Responder>) -> Reply {
        Reply {
            responder: Some(responder),
            nowhere: Nowhere,
        }
    }

    /// Where rows go.
    pub fn sink(&mut self) -> &mut dyn RowSink {
        match &mut self.responder {
            Some(responder) => responder.sink(),
            None => &mut self.nowhere,
        }
    }

    /// How far long work is.
    pub fn progress(&mut self, progress: Progress) {
        if let Some(responder) = &mut self.responder {
            // A host that fails to receive it does not keep the work from being done.
            let _ = catch_unwind(AssertUnwindSafe(|| responder.progress(progress)));
        }
    }

    /// The request that waits since then is run now.
    pub fn begun(&mut self, waits_since: Instant) {
        if let Some(responder) = self.responder.as_mut().filter(|to| to.is_timed()) {
            responder.begun(waits_since.elapsed());
        }
    }

    /// The answer.
    pub fn finish(mut self, result: Result<Outcome>) {
        self.answer(result);
    }

    /// The caller receives the result in another way.
    pub fn forget(mut self) {
        self.responder = None;
    }

    fn answer(&mut self, result: Result<Outcome>) {
        if let Some(responder) = self.responder.take() {
            // A host that panics here has lost its own answer, not those of others.
            let _ = catch_unwind(AssertUnwindSafe(|| responder.finish(result)));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.answer(Err(fault()));
    }
}

/// The responder of answers that no caller waits for.
pub struct Nowhere;

impl Responder for Nowhere {
    fn sink(&mut self) -> &mut dyn RowSink {
        self
    }

    fn progress(&mut self, _: Progress) {}

    fn finish(self: Box<Self>, _: Result<Outcome>) {}
}

impl RowSink for Nowhere {
    fn begin(&mut self, _: &Arc<[OutputColumn]>, _: usize, _: bool) {}

    fn row(&mut self, _: &Row<'_>) -> Result<()> {
        Ok(())
    }
}
