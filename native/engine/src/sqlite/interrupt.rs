//! Deadlines and cancellation of what runs on one connection.
//!
//! SQLite calls the progress handler every few hundred steps of its virtual machine and the
//! busy handler while another process holds a lock; both look here.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::{Code, Error, Result};
use crate::sqlite::sqlite_error;

/// Steps of SQLite's virtual machine between two looks at the clock.
const STEPS: i32 = 250;
/// Looks that a slice lasts: about 2,000 steps.
const SLICE_TICKS: u32 = 8;
/// Time that a slice lasts, if its steps are slow ones.
pub const SLICE: Duration = Duration::from_micros(400);
/// Bytes that a slice may read; a longer value alone would take too long to copy.
pub const SLICE_BYTES: usize = 256 * 1024;

/// Why a statement was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stop {
    /// It was not.
    None = 0,
    /// Its slice is used up; it may be started again without one.
    Slice = 1,
    /// Its deadline passed.
    Deadline = 2,
    /// Its caller died or withdrew.
    Cancelled = 3,
    /// The database is being closed.
    Closing = 4,
}

/// Shared between a connection's handlers and the code that runs statements on it.
#[derive(Debug, Default)]
pub struct InterruptHandler {
    deadline: AtomicU64,
    /// When a wait for another process's lock ends.
    lock_deadline: AtomicU64,
    started: AtomicU64,
    ticks: AtomicU32,
    slice: AtomicBool,
    /// A statement of the engine's own runs.
    shielded: AtomicBool,
    stopped: AtomicU8,
    cancelled: Mutex<Option<Arc<AtomicBool>>>,
    closing: Arc<AtomicBool>,
}

fn nanos(at: Instant) -> u64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(Instant::now);
    u64::try_from(at.saturating_duration_since(origin).as_nanos()).unwrap_or(u64::MAX)
}

impl InterruptHandler {
    /// A handler whose statements also stop when `closing` becomes true.
    pub fn new(closing: Arc<AtomicBool>) -> Arc<InterruptHandler> {
        nanos(Instant::now());
        let never = || AtomicU64::new(u64::MAX);
        let (deadline, lock_deadline) = (never(), never());
        Arc::new(InterruptHandler {
            deadline,
            lock_deadline,
            closing,
            ..InterruptHandler::default()
        })
    }

    /// Installs the progress and busy handlers.
    pub fn install(self: &Arc<Self>, conn: &mut Connection) -> Result<()> {
        let progress = Arc::clone(self);
        conn.progress_handler(STEPS, Some(move || progress.tick()))
            .map_err(sqlite_error::map)?;
        let busy = Arc::clone(self);
        let mut handler = BusyHandler(busy);
        conn.busy_handler(Some(move |attempts| handler.wait(attempts)))
            .map_err(sqlite_error::map)
    }

    /// Begins a slice on a thread that must not be held.
    pub fn begin_slice(&self, deadline: Instant) {
        self.begin(deadline, None);
        self.slice.store(true, Ordering::Relaxed);
    }

    /// Begins something that may run until its deadline.
    pub fn begin(&self, deadline: Instant, cancelled: Option<Arc<AtomicBool>>) {
        self.slice.store(false, Ordering::Relaxed);
        self.ticks.store(0, Ordering::Relaxed);
        self.stopped.store(Stop::None as u8, Ordering::Relaxed);
        self.started.store(nanos(Instant::now()), Ordering::Relaxed);
        self.deadline.store(nanos(deadline), Ordering::Relaxed);
        self.lock_deadline.store(nanos(deadline), Ordering::Relaxed);
        if let Ok(mut slot) = self.cancelled.lock() {
            *slot = cancelled;
        }
    }

    /// Begins something that has no deadline.
    pub fn begin_unlimited(&self) {
        self.begin(Instant::now() + crate::config::INFINITY, None);
    }

    /// Begins something that waits for locks until a deadline, and then runs to its end.
    pub fn begin_work(&self, lock_deadline: Instant) {
        self.begin_unlimited();
        self.lock_deadline
            .store(nanos(lock_deadline), Ordering::Relaxed);
    }

    /// Runs a statement of the engine's own, which only a lock may hold up: a BEGIN or a
    /// ROLLBACK TO that was interrupted would leave a transaction or half a write behind.
    pub fn shield<T>(&self, run: impl FnOnce() -> T) -> T {
        self.shielded.store(true, Ordering::Relaxed);
        let result = run();
        self.shielded.store(false, Ordering::Relaxed);
        result
    }

    /// Runs a part of the work for at most half of the time that is left, and for at most
    /// `longest`: what comes after it is to meet the deadline, too. Returns `None` if that time was
    /// over first. A slice, a caller who withdraws and the closing end the part as they end the
    /// whole.
    ///
    /// # Errors
    /// Those of the part.
    pub fn part<T>(&self, longest: Duration, run: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        let deadline = self.deadline.load(Ordering::Relaxed);
        let now = nanos(Instant::now());
        let longest = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        let time = longest.min(deadline.saturating_sub(now) / 2);
        self.deadline
            .store(now.saturating_add(time), Ordering::Relaxed);
        let result = run();
        self.deadline.store(deadline, Ordering::Relaxed);
        if result.is_err() && self.stop() == Stop::Deadline {
            self.set_stop(Stop::None);
            return Ok(None);
        }
        result.map(Some)
    }

    /// Why the last statement was stopped.
    pub fn stop(&self) -> Stop {
        match self.stopped.load(Ordering::Relaxed) {
            1 => Stop::Slice,
            2 => Stop::Deadline,
            3 => Stop::Cancelled,
            4 => Stop::Closing,
            _ => Stop::None,
        }
    }

    /// Notes why the running statement stops.
    pub fn set_stop(&self, stop: Stop) {
        self.stopped.store(stop as u8, Ordering::Relaxed);
    }

    /// Whether what runs is on a thread that must not be held.
    pub fn is_slice(&self) -> bool {
        self.slice.load(Ordering::Relaxed)
    }

    /// Whether the slice has lasted long enough.
    pub fn slice_is_over(&self) -> bool {
        let elapsed = nanos(Instant::now()).saturating_sub(self.started.load(Ordering::Relaxed));
        u128::from(elapsed) > SLICE.as_nanos()
    }

    /// Looks whether what runs must stop; SQLite's progress handler.
    fn tick(&self) -> bool {
        if self.shielded.load(Ordering::Relaxed) {
            return false;
        }
        if self.slice.load(Ordering::Relaxed) {
            let ticks = self.ticks.fetch_add(1, Ordering::Relaxed);
            if ticks >= SLICE_TICKS || self.slice_is_over() {
                self.set_stop(Stop::Slice);
                return true;
            }
            return false;
        }
        self.must_stop()
    }

    /// Whether the deadline, the caller or the closing ends what runs.
    pub fn must_stop(&self) -> bool {
        let stop = if self.closing.load(Ordering::Relaxed) {
            Stop::Closing
        } else if nanos(Instant::now()) > self.deadline.load(Ordering::Relaxed) {
            Stop::Deadline
        } else if self.is_cancelled() {
            Stop::Cancelled
        } else {
            return false;
        };
        self.set_stop(stop);
        true
    }

    fn is_cancelled(&self) -> bool {
        match self.cancelled.try_lock() {
            Ok(slot) => slot
                .as_ref()
                .is_some_and(|flag| flag.load(Ordering::Relaxed)),
            Err(_) => false,
        }
    }

    /// Turns SQLite's "interrupted" into the reason that is known here.
    pub fn explain(&self, error: Error) -> Error {
        if error.code() != Code::Timeout {
            return error;
        }
        match self.stop() {
            Stop::Closing => Error::new(Code::Closed, "the database was closed meanwhile"),
            Stop::Cancelled => Error::new(Code::Cancelled, "the caller is gone or gave up"),
            Stop::Deadline => Error::new(
                Code::Timeout,
                "the statement ran until its deadline; add an index or a limit, or raise timeout:",
            ),
            Stop::Slice | Stop::None => error,
        }
    }
}

struct BusyHandler(Arc<InterruptHandler>);

impl BusyHandler {
    fn wait(&mut self, attempts: i32) -> bool {
        if self.0.slice.load(Ordering::Relaxed) {
            self.0.set_stop(Stop::Slice);
            return false;
        }
        let over = nanos(Instant::now()) > self.0.lock_deadline.load(Ordering::Relaxed);
        if over || self.0.must_stop() {
            return false;
        }
        let micros = match attempts {
            0..=4 => 100,
            5..=19 => 1_000,
            _ => 4_000,
        };
        std::thread::sleep(Duration::from_micros(micros));
        true
    }
}
