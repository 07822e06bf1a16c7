//! Checkpoints beside the writer: a thread with a connection of its own moves the log into the
//! file while the writer goes on committing. It waits for the medium twice, and no write has
//! to wait with it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::config::Config;
use crate::connection::{self, Link};
use crate::error::{Code, Error, Result};
use crate::reply::guarded;

use super::{checkpoint, Shared};

#[derive(Default)]
struct State {
    wanted: bool,
    running: bool,
    over: bool,
}

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// The thread. It ends when this is dropped, after the checkpoint that runs.
pub(super) struct Checkpointer {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts it for the database of a writer.
    pub(super) fn start(shared: Arc<Shared>, path: PathBuf) -> Result<Checkpointer> {
        let signal = Arc::new(Signal::default());
        let asked = Arc::clone(&signal);
        let thread = thread::Builder::new()
            .name("ash_rusqlite_checkpoint".into())
            .spawn(move || work(&shared, path, &asked))
            .map_err(|error| {
                Error::new(
                    Code::Internal,
                    format!("the system refused a thread: {error}"),
                )
            })?;
        Ok(Checkpointer {
            signal,
            thread: Some(thread),
        })
    }

    /// Asks for a checkpoint. While one runs, another one follows it.
    pub(super) fn ask(&self) {
        self.signal.set(|state| state.wanted = true);
    }

    /// Waits until none runs and none is wanted: SQLite allows one at a time, and refuses a
    /// second one without waiting. Returns whether one was wanted.
    pub(super) fn settle(&self) -> bool {
        let mut state = self.signal.lock();
        let wanted = std::mem::take(&mut state.wanted);
        while state.running {
            state = self.signal.wait(state);
        }
        wanted
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.signal.set(|state| state.over = true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, path: PathBuf, signal: &Signal) {
    let config = Config {
        create: false,
        ..shared.config.clone()
    };
    let mut link = None;
    loop {
        let mut state = signal.lock();
        while !state.wanted && !state.over {
            state = signal.wait(state);
        }
        if state.over {
            return;
        }
        state.wanted = false;
        state.running = true;
        drop(state);
        // What fails here is tried again when the log has grown, at last by the writer.
        let _ = guarded(|| run(shared, &path, &config, &mut link));
        signal.set(|state| state.running = false);
    }
}

fn run(shared: &Shared, path: &Path, config: &Config, link: &mut Option<Link>) -> Result<()> {
    let link = match link {
        Some(link) => link,
        None => {
            // It is the writer's thread that ends this one, between two checkpoints.
            let never = Arc::new(AtomicBool::new(false));
            link.insert(connection::open_writer(path, config, never)?)
        }
    };
    link.control.begin_unlimited();
    checkpoint::run(&link.conn, shared, "PASSIVE").map(drop)
}
