//! Callers that wait, in order, for room in the queue or for a reader.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

/// Called once when something that was waited for has come.
pub type Notify = Box<dyn FnOnce() + Send>;

/// A call that waits for room in the queue or for a reader, by which it can stop waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaitId(pub u64);

/// Where the ids of a database begin: above all that were given before, by another copy of this
/// library either. So a call that outlives the replacement of native code cannot name another request.
pub(crate) fn first_id() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
}

/// The callers. Each is woken once, or leaves.
pub struct WaitQueue {
    last: u64,
    waiting: VecDeque<(WaitId, Notify)>,
}

impl Default for WaitQueue {
    fn default() -> WaitQueue {
        WaitQueue {
            last: first_id(),
            waiting: VecDeque::new(),
        }
    }
}

impl WaitQueue {
    /// Puts a caller at the end.
    pub fn join(&mut self, notify: Notify) -> WaitId {
        self.last += 1;
        let id = WaitId(self.last);
        self.waiting.push_back((id, notify));
        id
    }

    /// Takes a caller out that was not woken yet. False if it was: what it waited for is
    /// kept for it, so it must look.
    pub fn leave(&mut self, id: WaitId) -> bool {
        let place = self.waiting.iter().position(|(waiting, _)| *waiting == id);
        place.and_then(|place| self.waiting.remove(place)).is_some()
    }

    /// Takes out the first ones, to be woken when no lock is held any more.
    pub fn first(&mut self, count: usize) -> Vec<Notify> {
        let count = count.min(self.waiting.len());
        self.waiting
            .drain(..count)
            .map(|(_, notify)| notify)
            .collect()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }
}
