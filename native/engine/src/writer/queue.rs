//! The bounded queue in front of the writer, and the lane of the transaction that holds it.

mod steps;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};
use crate::query::ir::Write;
use crate::request::reply::Reply;
use crate::request::{RequestId, Responder, Submitted, TransactionId};
use crate::service::deadline::CallDeadline;
use crate::service::wait_queue::{first_id, Notify, WaitId, WaitQueue};

use super::transaction::Transaction;
use super::work::{code_replaced, Job, Next, Step, Work};

struct State {
    /// Writes, which share commits.
    writes: VecDeque<(Job, Write)>,
    /// Everything else.
    others: VecDeque<(Job, Work)>,
    /// Steps of transactions behind their first one, mostly of the one that holds the writer.
    lane: VecDeque<(TransactionId, Job, Step)>,
    /// Callers that found the queue full.
    wait_queue: WaitQueue,
    transactions: HashMap<TransactionId, Arc<Transaction>>,
    first_id: u64,
    next_id: u64,
    closing: bool,
    /// The native code is being replaced: another copy of the library opens the database next.
    replaced: bool,
    closed: bool,
    closers: Vec<Notify>,
    idle: bool,
    /// The work on the database as a whole that the writer does.
    maintaining: Option<&'static str>,
    /// Since when the writer is at the commit of writes.
    committing: Option<Instant>,
}

/// The queue.
pub struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// How many jobs wait, to look at without the lock.
    waiting: AtomicUsize,
    limit: usize,
}

impl Default for State {
    fn default() -> State {
        let first_id = first_id();
        State {
            writes: VecDeque::new(),
            others: VecDeque::new(),
            lane: VecDeque::new(),
            wait_queue: WaitQueue::default(),
            transactions: HashMap::new(),
            first_id,
            next_id: first_id,
            closing: false,
            replaced: false,
            closed: false,
            closers: Vec::new(),
            idle: false,
            maintaining: None,
            committing: None,
        }
    }
}

impl State {
    fn maintenance(&self) -> Option<&'static str> {
        let waiting = self.others.iter().find_map(|(_, work)| work.maintenance());
        self.maintaining.or(waiting)
    }

    /// Why a transaction cannot continue in a database that closes.
    fn closed_transaction(&self) -> Error {
        match self.replaced {
            true => code_replaced(),
            false => closed(),
        }
    }

    fn waiting(&self) -> usize {
        self.writes.len() + self.others.len()
    }

    fn job(&mut self, deadline: CallDeadline, reply: Box<dyn Responder>) -> Job {
        self.next_id += 1;
        Job {
            id: RequestId(self.next_id),
            deadline: deadline.at,
            began: deadline.began,
            waits_since: deadline.waits_since.unwrap_or_else(Instant::now),
            reply: Reply::new(reply),
        }
    }

    fn begins_with_a_write(&self) -> bool {
        let write = self.writes.front().map(|(job, _)| job.id.0);
        let other = self.others.front().map(|(job, _)| job.id.0);
        write.is_some_and(|write| other.is_none_or(|other| write < other))
    }

    fn take_writes(&mut self, max_batch: usize, taken: &mut VecDeque<(Job, Write)>) {
        if self.writes.len() <= max_batch {
            std::mem::swap(&mut self.writes, taken);
        } else {
            taken.extend(self.writes.drain(..max_batch));
        }
    }

    fn withdraw(&mut self, id: RequestId) -> Option<Job> {
        if let Some(place) = self.writes.iter().position(|(job, _)| job.id == id) {
            return self.writes.remove(place).map(|(job, _)| job);
        }
        let place = self.others.iter().position(|(job, _)| job.id == id)?;
        let (job, work) = self.others.remove(place)?;
        if let Work::Transaction(transaction, _) = &work {
            steps::begin_with_next(self, transaction);
        }
        Some(job)
    }
}

/// The error of a request to a closed database.
pub fn closed() -> Error {
    Error::new(Code::Closed, "the database is closed; start its repo again")
}

impl Queue {
    /// An empty queue for at most `limit` waiting requests.
    pub fn new(limit: usize) -> Queue {
        Queue {
            state: Mutex::default(),
            wake: Condvar::new(),
            waiting: AtomicUsize::new(0),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        let idle = state.idle;
        self.waiting.store(state.waiting(), Ordering::Relaxed);
        drop(state);
        if idle {
            self.wake.notify_one();
        }
    }

    /// Queues a write; keeps the notification when the queue is full.
    pub fn push_write(
        &self,
        write: Write,
        deadline: CallDeadline,
        reply: Box<dyn Responder>,
        on_room: &mut dyn FnMut() -> Notify,
    ) -> Result<Submitted> {
        self.admit(deadline, reply, Some(on_room), |state, job| {
            state.writes.push_back((job, write));
        })
    }

    /// Queues other work; with a notification there may be no room for it.
    pub fn push(
        &self,
        work: Work,
        deadline: CallDeadline,
        reply: Box<dyn Responder>,
        on_room: Option<&mut dyn FnMut() -> Notify>,
    ) -> Result<Submitted> {
        self.admit(deadline, reply, on_room, |state, job| {
            state.others.push_back((job, work));
        })
    }

    fn admit(
        &self,
        deadline: CallDeadline,
        reply: Box<dyn Responder>,
        on_room: Option<&mut dyn FnMut() -> Notify>,
        put: impl FnOnce(&mut State, Job),
    ) -> Result<Submitted> {
        let mut state = self.lock();
        if state.closing {
            return Err(closed());
        }
        if let Some(on_room) = on_room {
            if state.waiting() >= self.limit {
                return Ok(Submitted::Full(state.wait_queue.join(on_room())));
            }
        }
        let job = state.job(deadline, reply);
        let id = job.id;
        put(&mut state, job);
        self.wake(state);
        Ok(Submitted::Queued(id))
    }

    /// Takes a request back. It never runs then.
    pub fn withdraw(&self, id: RequestId) -> Option<Job> {
        let mut state = self.lock();
        let job = state.withdraw(id)?;
        let room = self.limit.saturating_sub(state.waiting());
        let waiters = state.wait_queue.first(room);
        drop(state);
        waiters.into_iter().for_each(|notify| notify());
        Some(job)
    }

    /// Whether nothing waits for the writer, at a glance.
    pub fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        let state = self.lock();
        state.waiting() + state.wait_queue.len()
    }

    /// Refuses new work; what is queued is finished. The notification is called at the end.
    pub fn close(&self, closed: Option<Notify>) {
        let mut state = self.lock();
        state.closing = true;
        if state.closed {
            drop(state);
            if let Some(closed) = closed {
                closed();
            }
            return;
        }
        state.closers.extend(closed);
        state.idle = true;
        self.wake(state);
    }

    /// The work on the database as a whole that runs or waits.
    pub fn maintenance(&self) -> Option<&'static str> {
        self.lock().maintenance()
    }

    /// Whether the writer is at one commit for longer than this.
    pub fn commits_for(&self, longer: Duration) -> bool {
        let since = self.lock().committing;
        since.is_some_and(|since| since.elapsed() > longer)
    }

    /// The work on the database as a whole that ran is done.
    pub fn maintained(&self) {
        self.lock().maintaining = None;
    }

    /// As `close`, because another copy of the library opens the database next.
    pub fn replace(&self) {
        self.lock().replaced = true;
        self.close(None);
    }

    /// Whether another copy of the library opens the database next.
    pub fn is_replaced(&self) -> bool {
        self.lock().replaced
    }

    /// All is over. Returns the notifications to call.
    pub fn closed(&self) -> Vec<Notify> {
        let mut state = self.lock();
        state.closed = true;
        std::mem::take(&mut state.closers)
    }

    /// A caller stops waiting for room. False if it was woken already.
    pub fn give_up(&self, id: WaitId) -> bool {
        self.lock().wait_queue.leave(id)
    }

    /// Stays awake until a job waits.
    pub fn stay_awake(&self, time: Duration) {
        let until = Instant::now() + time;
        while self.waiting.load(Ordering::Relaxed) == 0 && Instant::now() < until {
            std::thread::yield_now();
        }
    }

    /// Waits for work, but not for longer than this. Returns whether none came.
    pub fn is_idle_for(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.lock();
        while state.waiting() == 0 && !state.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state.idle = true;
            let wait = self.wake.wait_timeout(state, left);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
            state.idle = false;
        }
        false
    }

    /// Waits for work: what has waited the longest, and if that is a write all others with it, up
    /// to the limit. They change places with the room in `taken`, whose memory callers have touched
    /// before, and leave it when no caller has to wait for that any more.
    pub fn next(&self, max_batch: usize, taken: &mut VecDeque<(Job, Write)>) -> Next {
        let mut state = self.lock();
        state.maintaining = None;
        state.committing = None;
        loop {
            let other = match state.begins_with_a_write() {
                true => None,
                false => state.others.pop_front(),
            };
            if other.is_none() {
                state.take_writes(max_batch, taken);
            }
            if other.is_some() || !taken.is_empty() {
                state.maintaining = other.as_ref().and_then(|(_, work)| work.maintenance());
                state.committing = other.is_none().then(Instant::now);
                self.waiting.store(state.waiting(), Ordering::Relaxed);
                let room = self.limit.saturating_sub(state.waiting());
                let waiters = state.wait_queue.first(room);
                drop(state);
                waiters.into_iter().for_each(|notify| notify());
                return match other {
                    Some((job, work)) => Next::Other(job, work),
                    None => Next::Batch(taken.drain(..).collect()),
                };
            }
            if state.closing {
                state.transactions.clear();
                let waiters = state.wait_queue.first(usize::MAX);
                drop(state);
                waiters.into_iter().for_each(|notify| notify());
                return Next::Closed;
            }
            state.idle = true;
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
        }
    }
}
