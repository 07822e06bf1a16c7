//! Callers that wait for new events: each is notified once, after the next commit that may have
//! written some.
//!
//! The writer checks one flag. A caller that was notified reads how far the journal is, and waits
//! again: however many commits there were meanwhile, it is one notification.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::service::wait_queue::Notify;

/// The callers that wait for new events of a database.
#[derive(Default)]
pub(crate) struct JournalWatch {
    awaited: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Notify>,
    /// The newest event that the writer has notified of.
    head: Option<i64>,
    closed: bool,
}

impl JournalWatch {
    /// Calls `notify` once, after the next commit with events, or at the end of the database. The
    /// caller reads how far the journal is afterwards, so that nothing is missed.
    pub(crate) fn wait(&self, notify: Notify) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            drop(state);
            return notify();
        }
        state.waiting.push(notify);
        self.awaited.store(true, Ordering::SeqCst);
    }

    /// Whether a caller waits.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::SeqCst)
    }

    /// After a commit. `head` is the newest event in it, if the writer has looked.
    pub(crate) fn committed(&self, head: Option<i64>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if head.is_some() && head == state.head {
            return;
        }
        state.head = head;
        self.awaited.store(false, Ordering::SeqCst);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|notify| notify());
    }

    /// No commits will come.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        drop(state);
        self.committed(None);
    }
}
