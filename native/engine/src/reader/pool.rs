//! The reading connections: opened when first needed, lent to one read at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::connection::{self, Link};
use crate::error::{Code, Error, Result};
use crate::service::wait_queue::{Notify, WaitId, WaitQueue};

/// A reading connection.
pub struct Reader {
    /// The connection.
    pub link: Link,
    /// Whether its value length is limited to what a slice may read.
    pub limited: bool,
    /// Whose connections it belongs to.
    generation: u64,
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
    waiting: WaitQueue,
    closed: bool,
    /// No connection is lent, for a moment.
    suspended: bool,
    /// Why no connection is lent, until that is over.
    refused: Option<Error>,
    generation: u64,
    /// Stops what runs on the connections of this generation. Each of them has one, and so has
    /// work beside the writer.
    stop: Arc<AtomicBool>,
    /// Those of generations that are not all closed.
    earlier: Vec<Arc<AtomicBool>>,
}

impl State {
    /// Whether a connection can be lent, now or soon.
    fn check(&self) -> Result<()> {
        if self.closed {
            return Err(Error::new(
                Code::Closed,
                "the database is closed; start its repo again",
            ));
        }
        match &self.refused {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

/// The pool.
pub struct Pool {
    path: PathBuf,
    config: Config,
    state: Mutex<State>,
    returned: Condvar,
}

impl Reader {
    /// Whose connections it belongs to, for [`Pool::is_outdated`].
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl Pool {
    /// An empty pool of at most `config.readers`.
    pub fn new(path: PathBuf, config: Config) -> Pool {
        Pool {
            path,
            config,
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
        let (stop, generation) = {
            let mut state = self.lock();
            state.check()?;
            if state.suspended {
                return Ok(Lease::Waiting(state.waiting.join(on_free())));
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
            (Arc::clone(&state.stop), state.generation)
        };
        match connection::open_reader(&self.path, &self.config, stop) {
            Ok(link) => Ok(Lease::Ready(Reader {
                link,
                limited: false,
                generation,
            })),
            Err(error) => {
                self.released(self.lock());
                Err(error)
            }
        }
    }

    /// Takes a connection back and wakes one waiting caller.
    pub fn put_back(&self, reader: Reader) {
        let mut state = self.lock();
        if state.closed || reader.generation != state.generation {
            // Closed before it counts as returned: a caller that waits for the last connection
            // finds the file closed then.
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

    /// What stops those that are open now, for a connection beside them. Waits while none may be
    /// opened.
    ///
    /// # Errors
    /// `closed`, or why no connection is lent.
    pub fn stop_flag(&self) -> Result<Arc<AtomicBool>> {
        let state = self
            .returned
            .wait_while(self.lock(), |state| state.suspended && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.check()?;
        Ok(Arc::clone(&state.stop))
    }

    /// Stops what runs, for good.
    pub fn stop(&self) {
        self.lock().stop.store(true, Ordering::Relaxed);
    }

    /// Whether a reader's connection is to be closed, because its files were replaced.
    pub fn is_outdated(&self, generation: u64) -> bool {
        let state = self.lock();
        !state.closed && state.generation != generation
    }

    /// Stops what runs, closes all connections and lends none until [`Pool::resume`]. Returns
    /// whether all were closed in time.
    pub fn suspend(&self, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut state = self.lock();
        let stopped = state.stop.load(Ordering::Relaxed);
        let stop = std::mem::replace(&mut state.stop, Arc::new(AtomicBool::new(stopped)));
        stop.store(true, Ordering::Relaxed);
        state.earlier.push(stop);
        state.suspended = true;
        state.generation += 1;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        drop(idle);
        loop {
            let mut state = self.lock();
            state.earlier.retain(|stop| Arc::strong_count(stop) > 1);
            if state.earlier.is_empty() {
                return true;
            }
            drop(state);
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lends again, or refuses everybody with an error.
    pub fn resume(&self, refused: Option<Error>) {
        let mut state = self.lock();
        state.suspended = false;
        state.refused = refused;
        let waiting = state.waiting.first(usize::MAX);
        drop(state);
        self.returned.notify_all();
        waiting.into_iter().for_each(|notify| notify());
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
    pub fn close(&self, timeout: Duration) {
        let mut state = self.lock();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        let waiting = state.waiting.first(usize::MAX);
        drop(state);
        self.returned.notify_all();
        drop(idle);
        waiting.into_iter().for_each(|notify| notify());
        let state = self.lock();
        let waited = self
            .returned
            .wait_timeout_while(state, timeout, |state| state.lent > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
