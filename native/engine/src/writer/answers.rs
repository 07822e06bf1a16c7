//! Answers beside the writer: a thread gives those of a commit while the writer is at the next.
//! They go out in the order in which they came about, whoever gives them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, SendError, Sender};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::error::Result;
use crate::query::ir::Write;
use crate::request::Outcome;

use super::work::Job;

/// A request and what came of it.
pub type Answer = (Job, Result<Outcome>);

/// The answers of a commit, and its writes, whose memory takes a while to be given back.
type Given = (Vec<Answer>, Vec<Write>);

/// Fewer are given sooner than the thread wakes.
const WORTH_WAKING: usize = 4;

/// Gives answers. Those that it has are out when it is dropped.
#[derive(Default)]
pub struct Answers {
    /// Started when it is first worth it.
    thread: Option<Thread>,
}

struct Thread {
    given: Sender<Given>,
    /// How many times it was given answers that are not all out.
    behind: Arc<AtomicUsize>,
    handle: JoinHandle<()>,
}

impl Answers {
    /// Gives the answers of a commit, and drops its writes.
    pub fn give(&mut self, answers: Vec<Answer>, writes: Vec<Write>) {
        let worth = answers.len() >= WORTH_WAKING;
        if worth && self.thread.is_none() {
            self.thread = Thread::start();
        }
        match &self.thread {
            Some(thread) if worth || thread.is_behind() => thread.give((answers, writes)),
            // Also where the system refuses a thread.
            _ => finish((answers, writes)),
        }
    }

    /// Gives one answer.
    pub fn give_one(&self, job: Job, result: Result<Outcome>) {
        match &self.thread {
            Some(thread) if thread.is_behind() => thread.give((vec![(job, result)], Vec::new())),
            _ => job.reply.finish(result),
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        if let Some(Thread { given, handle, .. }) = self.thread.take() {
            drop(given);
            // A thread that panicked has ended, too.
            let _ = handle.join();
        }
    }
}

impl Thread {
    fn start() -> Option<Thread> {
        let (given, taken) = channel();
        let behind = Arc::new(AtomicUsize::new(0));
        let done = Arc::clone(&behind);
        let work = move || {
            for given in taken {
                finish(given);
                done.fetch_sub(1, Ordering::Release);
            }
        };
        let name = "ash_rusqlite_answers".into();
        Some(Thread {
            handle: Builder::new().name(name).spawn(work).ok()?,
            given,
            behind,
        })
    }

    fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire) > 0
    }

    fn give(&self, given: Given) {
        self.behind.fetch_add(1, Ordering::Relaxed);
        if let Err(SendError(given)) = self.given.send(given) {
            finish(given);
        }
    }
}

fn finish((answers, _): Given) {
    for (job, result) in answers {
        job.reply.finish(result);
    }
}
