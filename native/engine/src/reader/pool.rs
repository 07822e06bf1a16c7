//! The reading connections: opened when first needed, lent to one read at a time.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::Config;
use crate::connection::{self, Link};
use crate::error::{Code, Error, Result};
use crate::line::Line;
use crate::request::{Notify, WaitId};

/// A reading connection.
pub struct Reader {
    /// The connection.
    pub link: Link,
    /// Whether its value length is limited to what a slice may read.
    pub limited: bool,
}

/// What a pool gives.
pub enum Lease {
    /// A connection. Give it back with [`Pool::put_back`].
    Ready(Reader),
    /// None is open yet; opening takes time, which the caller said it does not have.
    NeedsTime,
    /// All are lent; the notification was kept.
    Waiting(WaitId),
}

#[derive(Default)]
struct State {
    idle: Vec<Reader>,
    lent: usize,
    waiting: Line,
    closed: bool,
}

/// The pool.
pub struct Pool {
    path: PathBuf,
    config: Config,
    closing: Arc<AtomicBool>,
    state: Mutex<State>,
    returned: Condvar,
}

impl Pool {
    /// An empty pool of at most `config.readers`.
    pub fn new(path: PathBuf, config: Config, closing: Arc<AtomicBool>) -> Pool {
        Pool {
            path,
            config,
            closing,
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends a connection. With `may_open` it opens another one where all are lent and the
    /// limit allows it.
    pub fn lend(&self, may_open: bool, on_free: &mut dyn FnMut() -> Notify) -> Result<Lease> {
        {
            let mut state = self.lock();
            if state.closed {
                return Err(Error::new(
                    Code::Closed,
                    "the database is closed; start its repo again",
                ));
            }
            if let Some(reader) = state.idle.pop() {
                state.lent += 1;
                return Ok(Lease::Ready(reader));
            }
            if state.lent >= self.config.readers {
                return Ok(Lease::Waiting(state.waiting.join(on_free())));
            }
            if !may_open {
                return Ok(Lease::NeedsTime);
            }
            state.lent += 1;
        }
        match connection::open_reader(&self.path, &self.config, Arc::clone(&self.closing)) {
            Ok(link) => Ok(Lease::Ready(Reader {
                link,
                limited: false,
            })),
            Err(error) => {
                self.released(self.lock());
                Err(error)
            }
        }
    }

    /// Takes a connection back and wakes one who waits.
    pub fn put_back(&self, reader: Reader) {
        let mut state = self.lock();
        if state.closed {
            // Whoever waits for the last one to come back is to find its file closed.
            drop(state);
            drop(reader);
            state = self.lock();
        } else {
            state.idle.push(reader);
        }
        self.released(state);
    }

    fn released(&self, mut state: MutexGuard<'_, State>) {
        state.lent = state.lent.saturating_sub(1);
        let next = state.waiting.first(1);
        let empty = state.lent == 0;
        drop(state);
        if empty {
            self.returned.notify_all();
        }
        next.into_iter().for_each(|notify| notify());
    }

    /// A caller stops waiting. False if it was woken already.
    pub fn give_up(&self, id: WaitId) -> bool {
        self.lock().waiting.leave(id)
    }

    /// Connections that are open, that are lent, and calls that wait for one.
    pub fn figures(&self) -> (usize, usize, usize) {
        let state = self.lock();
        (
            state.idle.len() + state.lent,
            state.lent,
            state.waiting.len(),
        )
    }

    /// Refuses new reads, closes what is idle and waits a little for what is lent.
    pub fn close(&self, patience: Duration) {
        let mut state = self.lock();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        let waiting = state.waiting.first(usize::MAX);
        drop(state);
        drop(idle);
        waiting.into_iter().for_each(|notify| notify());
        let state = self.lock();
        let waited = self
            .returned
            .wait_timeout_while(state, patience, |state| state.lent > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
