//! Answers beside the writer: a thread syncs the log and gives the answers of the commits that are
//! synced then, while the writer runs the next. However many commits wait, one sync is enough: what
//! the log holds up to its end is valid if all before it is.
//!
//! Answers are sent in the order of their commits, by this thread or by the writer's.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, SendError, Sender};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::error::Result;
use crate::query::ir::Write;
use crate::request::Outcome;
use crate::service::durability::{not_synced, Durability};
use crate::sqlite::opened_files::OpenedFiles;
use crate::sqlite::sqlite_error;
use crate::sqlite::vfs::joined_writes::Unsynced;

use super::work::Job;

/// A request and what came of it.
pub type Answer = (Job, Result<Outcome>);

/// A commit that other connections can see, and that must be synced before it is acknowledged.
pub struct Commit {
    /// Its number.
    pub number: u64,
    /// What it has written; nothing where it is synced, or was no commit after all.
    pub unsynced: Option<Unsynced>,
    /// The files, which must have their names when it is synced.
    pub files: Option<Arc<OpenedFiles>>,
}

/// The answers of a commit, and its writes, whose memory takes a while to be given back.
#[derive(Default)]
struct Given {
    answers: Vec<Answer>,
    writes: Vec<Write>,
    commit: Option<Commit>,
    /// Whether it is a read that may have seen what was not synced then.
    has_read: bool,
}

/// Fewer are given sooner than the thread wakes.
const WORTH_WAKING: usize = 4;

/// Between two looks whether all answers are out.
const PAUSE: Duration = Duration::from_micros(200);

/// Gives answers. Those that it has are out when it is dropped.
pub struct Answers {
    durability: Arc<Durability>,
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
    /// Nothing is to be given yet.
    pub fn new(durability: Arc<Durability>) -> Answers {
        Answers {
            durability,
            thread: None,
        }
    }

    /// Gives the answers of a commit once it is synced, and drops its writes.
    pub fn give(&mut self, answers: Vec<Answer>, writes: Vec<Write>, commit: Option<Commit>) {
        let worth = answers.len() >= WORTH_WAKING || commit.is_some();
        if let Some(commit) = &commit {
            self.durability.handed_over(commit.number);
        }
        if worth && self.thread.is_none() {
            self.thread = Thread::start(&self.durability);
        }
        let given = Given {
            answers,
            writes,
            commit,
            has_read: false,
        };
        match &self.thread {
            Some(thread) if worth || thread.is_behind() => thread.give(given, &self.durability),
            // Also where the system refuses a thread.
            _ => finish(vec![given], &self.durability),
        }
    }

    /// Gives one answer.
    pub fn give_one(&self, job: Job, result: Result<Outcome>) {
        self.give_in_turn(job, result, false);
    }

    /// Gives the answer of a read: not before all commits that it can have seen are synced.
    pub fn give_to_reader(&self, job: Job, result: Result<Outcome>) {
        self.give_in_turn(job, result, true);
    }

    /// Waits until all that was given is out.
    pub fn wait_until_out(&self) {
        while self.thread.as_ref().is_some_and(Thread::is_behind) {
            std::thread::sleep(PAUSE);
        }
    }

    fn give_in_turn(&self, job: Job, result: Result<Outcome>, has_read: bool) {
        match &self.thread {
            Some(thread) if thread.is_behind() => {
                let given = Given {
                    answers: vec![(job, result)],
                    has_read,
                    ..Given::default()
                };
                thread.give(given, &self.durability);
            }
            // What was seen of a commit whose sync has failed must not be reported.
            _ if has_read => job.reply.finish(match self.durability.failure() {
                Some(error) => result.and(Err(error)),
                None => result,
            }),
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
    fn start(durability: &Arc<Durability>) -> Option<Thread> {
        let (given, taken) = channel();
        let behind = Arc::new(AtomicUsize::new(0));
        let (done, durability) = (Arc::clone(&behind), Arc::clone(durability));
        let work = move || {
            while let Some(given) = all_of(&taken) {
                let count = given.len();
                finish(given, &durability);
                done.fetch_sub(count, Ordering::Release);
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

    fn give(&self, given: Given, durability: &Durability) {
        self.behind.fetch_add(1, Ordering::Relaxed);
        if let Err(SendError(given)) = self.given.send(given) {
            finish(vec![given], durability);
        }
    }
}

/// What waits to be given; `None` when nothing more will come.
fn all_of(taken: &Receiver<Given>) -> Option<Vec<Given>> {
    let mut all = vec![taken.recv().ok()?];
    all.extend(taken.try_iter());
    Some(all)
}

/// Syncs the commits of all of these at once, and gives their answers.
fn finish(all: Vec<Given>, durability: &Durability) {
    let mut all = all;
    let synced = sync(&mut all, durability);
    for Given {
        answers,
        writes,
        commit,
        has_read,
    } in all
    {
        let lost = match &synced {
            Err(error) if commit.is_some() || has_read => Some(error),
            _ => None,
        };
        for (job, result) in answers {
            job.reply.finish(match lost {
                Some(error) => result.and_then(|_| Err(error.clone())),
                None => result,
            });
        }
        drop(writes);
    }
}

fn sync(all: &mut [Given], durability: &Durability) -> Result<()> {
    let commits = all.iter_mut().filter_map(|given| given.commit.as_mut());
    let (mut unsynced, mut last, mut files) = (Vec::new(), None, None);
    for commit in commits {
        unsynced.extend(commit.unsynced.take());
        last = Some(commit.number);
        files = commit.files.take().or(files);
    }
    let Some(last) = last else {
        return match durability.failure() {
            Some(error) => Err(error),
            None => Ok(()),
        };
    };
    // The writer makes a failure good only while nothing is given here.
    let result = match (durability.failure(), unsynced.last()) {
        (Some(error), _) => Err(error),
        (None, Some(newest)) => newest
            .log
            .sync()
            .map_err(|code| not_synced(sqlite_error::of_code(code))),
        (None, None) => Ok(()),
    };
    match result {
        Ok(()) => {
            durability.synced(last);
            let files = files.filter(|_| !unsynced.is_empty());
            match files.and_then(|files| Some((files.moved()?, files))) {
                Some((moved, files)) => Err(files.error_of_a_write(moved)),
                None => Ok(()),
            }
        }
        Err(error) => {
            durability.failed(&error, last, unsynced);
            Err(error)
        }
    }
}
