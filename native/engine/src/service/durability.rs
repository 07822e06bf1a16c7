//! Which commits are synced. A commit can be seen as soon as SQLite has written it; its sync may come
//! later, and no call is answered with it before that.

use std::cell::Cell;
use std::ops::Not;
use std::sync::atomic::{fence, AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};
use crate::service::wait_queue::{first_id, Notify, WaitId};
use crate::sqlite::sqlite_error;
use crate::sqlite::vfs::joined_writes::Unsynced;

/// How often a call that waits looks whether its caller is still there.
const LOOK: Duration = Duration::from_millis(20);
/// How often, at most, waiting reads make the writer repeat a failed sync.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Counts the commits whose sync is put off.
#[derive(Default)]
pub struct Durability {
    /// The last one that a read may see.
    seen: AtomicU64,
    /// The last one whose sync has begun, or is done.
    handed_over: AtomicU64,
    /// The last one that is synced, as are all before it.
    synced: AtomicU64,
    /// Whether a sync has failed and was not repeated successfully.
    failing: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    failure: Option<Failure>,
    waiting: Vec<Waiting>,
    last_wait: u64,
    /// When the writer was asked last to make a failed sync good, and whether it has yet to try.
    asked: Option<Instant>,
    retrying: bool,
}

impl State {
    /// Why there is nothing to wait for.
    fn failed(&self) -> Option<&Error> {
        let failure = self.failure.as_ref().filter(|_| !self.retrying);
        failure.map(|failure| &failure.error)
    }
}

impl Default for State {
    fn default() -> State {
        State {
            failure: None,
            waiting: Vec::new(),
            last_wait: first_id(),
            asked: None,
            retrying: false,
        }
    }
}

/// A call that waits for a commit.
struct Waiting {
    id: WaitId,
    number: u64,
    notify: Notify,
}

/// A sync that failed.
struct Failure {
    error: Error,
    /// What it was about, of several commits.
    unsynced: Vec<Unsynced>,
    /// The last of them.
    last: u64,
}

impl Durability {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit begins whose sync is put off. Returns its number.
    pub fn begin(&self) -> u64 {
        let number = self.seen.load(Ordering::Relaxed) + 1;
        self.seen.store(number, Ordering::SeqCst);
        number
    }

    /// A commit was passed to the thread that syncs it.
    pub fn handed_over(&self, number: u64) {
        self.handed_over.store(number, Ordering::Release);
    }

    /// The last commit that a read which began before this call may have seen.
    pub fn seen(&self) -> u64 {
        // What was read of the index of the log comes before.
        fence(Ordering::SeqCst);
        self.seen.load(Ordering::SeqCst)
    }

    /// Whether a commit is synced.
    pub fn is_synced(&self, number: u64) -> bool {
        self.synced.load(Ordering::Acquire) >= number
    }

    /// How many commits are not.
    pub fn unsynced(&self) -> u64 {
        let seen = self.seen.load(Ordering::Relaxed);
        seen.saturating_sub(self.synced.load(Ordering::Acquire))
    }

    /// Whether all commits are.
    pub fn all_synced(&self) -> bool {
        self.is_synced(self.seen.load(Ordering::Relaxed))
    }

    /// Whether a sync has failed and was not repeated successfully.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// The error of a sync that has failed and was not repeated successfully.
    pub fn failure(&self) -> Option<Error> {
        let state = self.lock();
        state.failure.as_ref().map(|failure| failure.error.clone())
    }

    /// All commits up to this one are synced.
    pub fn synced(&self, number: u64) {
        let mut state = self.lock();
        self.synced.fetch_max(number, Ordering::AcqRel);
        let (ready, waiting) = std::mem::take(&mut state.waiting)
            .into_iter()
            .partition(|call| call.number <= number);
        state.waiting = waiting;
        drop(state);
        self.notify(ready);
    }

    /// The sync of commits up to this one has failed.
    pub fn failed(&self, error: &Error, number: u64, unsynced: Vec<Unsynced>) {
        let mut state = self.lock();
        match &mut state.failure {
            Some(failure) => {
                failure.unsynced.extend(unsynced);
                failure.last = number;
            }
            None => {
                state.failure = Some(Failure {
                    error: error.clone(),
                    unsynced,
                    last: number,
                });
            }
        }
        self.failing.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.notify(waiting);
    }

    fn notify(&self, ready: Vec<Waiting>) {
        self.changed.notify_all();
        ready.into_iter().for_each(|call| (call.notify)());
    }

    /// Writes once more what a failed sync was about, and syncs that. No other program may write
    /// meanwhile: the caller has begun a transaction. As on Linux, a sync that succeeds after a failed one
    /// says nothing of what was written before it
    /// (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
    ///
    /// # Errors
    /// `io_error`; then nothing is better than before.
    pub fn repeat_failed_sync(&self) -> Result<()> {
        let Some(failure) = self.lock().failure.take() else {
            return Ok(());
        };
        match write_again(&failure.unsynced) {
            Ok(()) => {
                self.failing.store(false, Ordering::Release);
                self.synced(failure.last);
                Ok(())
            }
            Err(code) => {
                let error = not_synced(sqlite_error::of_code(code));
                self.lock().failure = Some(failure);
                self.retried();
                Err(error)
            }
        }
    }

    /// Calls `notify` once a commit is synced, or will not be. `None` if it is already; then `notify` is
    /// not called.
    ///
    /// # Errors
    /// `io_error` where its sync has failed.
    pub fn on_synced(
        &self,
        number: u64,
        notify: impl FnOnce() -> Notify,
    ) -> Result<Option<WaitId>> {
        let mut state = self.lock();
        if self.is_synced(number) {
            return Ok(None);
        }
        if let Some(error) = state.failed() {
            return Err(unsure(error));
        }
        state.last_wait += 1;
        let id = WaitId(state.last_wait);
        state.waiting.push(Waiting {
            id,
            number,
            notify: notify(),
        });
        Ok(Some(id))
    }

    /// A call stops waiting. False if it was notified already.
    pub fn give_up(&self, id: WaitId) -> bool {
        let mut state = self.lock();
        let place = state.waiting.iter().position(|call| call.id == id);
        place
            .map(|place| state.waiting.swap_remove(place))
            .is_some()
    }

    /// Waits until a commit is synced.
    ///
    /// # Errors
    /// `io_error` where its sync has failed, `timeout`, `cancelled`.
    pub fn wait(&self, number: u64, deadline: Instant, cancelled: &AtomicBool) -> Result<()> {
        let mut state = self.lock();
        while !self.is_synced(number) {
            if let Some(error) = state.failed() {
                return Err(unsure(error));
            }
            if cancelled.load(Ordering::Relaxed) {
                return Err(Error::new(Code::Cancelled, "the caller is gone"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(too_late());
            }
            let wait = self.changed.wait_timeout(state, left.min(LOOK));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Waits until no commit that was given to be synced is left that is neither synced nor has
    /// failed to get there. One that the writer has yet to give is not waited for.
    pub fn settle(&self) {
        let number = self.handed_over.load(Ordering::Acquire);
        let mut state = self.lock();
        while !self.is_synced(number) && state.failure.is_none() {
            let wait = self.changed.wait(state);
            state = wait.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the writer is to be asked to repeat a failed sync, because a read waits for it.
    pub fn asks_the_writer(&self) -> bool {
        if !self.is_failing() {
            return false;
        }
        let mut state = self.lock();
        let asks = state.asked.is_none_or(|at| at.elapsed() > ASK_EVERY);
        if asks {
            state.asked = Some(Instant::now());
            state.retrying = true;
        }
        asks
    }

    /// The writer has repeated a failed sync: waiting calls check again.
    pub fn retried(&self) {
        let mut state = self.lock();
        state.retrying = false;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.notify(waiting);
    }
}

/// The last commit that a read may have seen: of those that may not be synced yet.
pub struct Seen<'a> {
    durability: Option<&'a Durability>,
    last: Cell<u64>,
}

impl<'a> Seen<'a> {
    /// Nothing was read yet. Without a durability nothing is noted.
    pub fn new(durability: Option<&'a Durability>) -> Seen<'a> {
        Seen {
            durability,
            last: Cell::new(0),
        }
    }

    /// A statement has begun to read: later commits it does not see.
    pub fn note(&self) {
        if let Some(durability) = self.durability {
            self.last.set(durability.seen());
        }
    }

    /// The last commit; `None` if it is synced, and all before it.
    pub fn unsynced(&self) -> Option<u64> {
        let last = self.last.get();
        self.durability?.is_synced(last).not().then_some(last)
    }
}

/// Bytes of the log's header up to the end of its salts, and where these begin; and where they are in
/// the header of each page in the log (<https://sqlite.org/fileformat2.html#walformat>).
const HEADER: usize = 24;
const SALTS: usize = 16;
const PAGE_SALTS: std::ops::Range<usize> = 8..16;

fn write_again(unsynced: &[Unsynced]) -> std::result::Result<(), std::ffi::c_int> {
    for Unsynced { log, pieces } in unsynced {
        let mut header = [0; HEADER];
        log.read(0, &mut header)?;
        let first = pieces.first().map(|(_, bytes)| bytes);
        if header.get(SALTS..) != first.and_then(|bytes| bytes.get(PAGE_SALTS)) {
            // Another program has checkpointed it, and restarted the log.
            continue;
        }
        for (offset, bytes) in pieces {
            log.write(*offset, bytes)?;
        }
    }
    unsynced.iter().try_for_each(|piece| piece.log.sync())
}

/// The error of a call that gives up waiting for the sync.
pub fn too_late() -> Error {
    let message =
        "what was read was not on the medium at the deadline: the disk is slow; raise timeout:";
    Error::new(Code::Timeout, message)
}

/// The error of a sync that failed.
pub fn not_synced(error: Error) -> Error {
    let message = format!(
        "the log could not be forced to the medium, so that what was written may be lost, or may be \
         there after all: look, and write it again if it is not. {}",
        error.message()
    );
    error.with_message(message).with("maybe_written", true)
}

/// The same for a read.
fn unsure(error: &Error) -> Error {
    let message =
        "the newest commit could not be forced to the medium, so that what it wrote may be \
         lost: it is tried again with the next write; read again";
    let code = error.code();
    Error::new(code, message)
}
