//! How long a call may take.

use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};

/// How long a call may take: one deadline for all that it does and waits for.
#[derive(Clone, Copy, Debug)]
pub struct CallDeadline {
    /// When the call began.
    pub began: Instant,
    /// Since when it waits for the writer, if it was kept back before.
    pub waits_since: Option<Instant>,
    /// When its caller gives up.
    pub at: Instant,
}

impl CallDeadline {
    /// Of a call that begins now.
    pub fn new(timeout: Duration) -> CallDeadline {
        CallDeadline::from(Instant::now() + timeout)
    }

    /// Whether the time is over before the writer was asked.
    ///
    /// # Errors
    /// `timeout`.
    pub fn check(&self) -> Result<()> {
        if Instant::now() < self.at {
            return Ok(());
        }
        let waited = self.began.elapsed().as_millis();
        let message = format!(
            "the call's time was over after {waited} ms, before the writer could be given its values. Nothing was written; write less at once, or raise timeout:"
        );
        let waited = i64::try_from(waited).unwrap_or(i64::MAX);
        Err(Error::new(Code::Timeout, message).with("waited_ms", waited))
    }
}

impl From<Instant> for CallDeadline {
    fn from(deadline: Instant) -> CallDeadline {
        CallDeadline {
            began: Instant::now(),
            waits_since: None,
            at: deadline,
        }
    }
}
