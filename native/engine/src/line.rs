//! Callers that wait, in order, for room in the queue or for a reader.

use std::collections::VecDeque;

use crate::request::{first_id, Notify, WaitId};

/// The callers. Each is woken once, or leaves.
pub struct Line {
    last: u64,
    waiting: VecDeque<(WaitId, Notify)>,
}

impl Default for Line {
    fn default() -> Line {
        Line {
            last: first_id(),
            waiting: VecDeque::new(),
        }
    }
}

impl Line {
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
