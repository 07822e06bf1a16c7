//! A thread that does what must not be done where it is noticed: in destructors and monitors
//! (closing, rolling back) and on schedulers (sending to another process without its
//! environment, waiting for a thread's end).

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError, Sender};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use ash_rusqlite_engine::service::start_thread;
use ash_rusqlite_engine::TransactionId;

use crate::registry;
use crate::reply::Message;

/// After this time, and again after twice as long each time, it is looked at whose owners died while a
/// library took over: a busy VM needs long for what follows.
const TAKEN_OVER: Duration = Duration::from_secs(1);
/// The last such pause.
const LAST_LOOK: Duration = Duration::from_secs(64);

/// What the janitor does.
pub enum Task {
    /// A database's owner or last handle is gone.
    Close(u64),
    /// A transaction's owner or handle is gone.
    Abort {
        /// The database.
        database: u64,
        /// The transaction.
        transaction: u64,
    },
    /// The caller of a read is gone.
    Cancel(u64),
    /// No process holds these rows any more.
    DropRows(u64),
    /// A database has closed: wait for its threads and forget it.
    Forget(u64),
    /// Some time after a library took over, close the databases of processes that are gone.
    CloseOrphans,
    /// A message that a scheduler thread had to send.
    Send(Message),
    /// End.
    Stop,
}

/// The channel lives as long as the library; tasks wait while no janitor runs.
struct Janitor {
    tasks: Sender<Task>,
    received: Mutex<Receiver<Task>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

static JANITOR: LazyLock<Janitor> = LazyLock::new(|| {
    let (tasks, received) = channel();
    Janitor {
        tasks,
        received: Mutex::new(received),
        thread: Mutex::new(None),
    }
});

/// Gives the janitor a task. Only enqueues.
pub fn enqueue(task: Task) {
    // The receiver lives as long as the sender.
    let _ = JANITOR.tasks.send(task);
}

/// Starts the janitor if it does not run. False if the system refuses a thread.
pub fn start() -> bool {
    let mut thread = JANITOR
        .thread
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if thread.is_none() {
        let builder = Builder::new().name("ash_rusqlite_janitor".into());
        *thread = start_thread::aside(|| builder.spawn(work).ok()).flatten();
    }
    thread.is_some()
}

/// Ends the janitor after the tasks that it has, and waits for it.
pub fn stop() {
    enqueue(Task::Stop);
    let thread = JANITOR
        .thread
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(thread) = thread {
        // One that panicked has ended, too.
        let _ = thread.join();
    }
}

fn work() {
    let tasks = JANITOR
        .received
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    // When the next look is, and how long after the one before.
    let mut next_look: Option<(Instant, Duration)> = None;
    loop {
        let received = match next_look {
            Some((at, _)) => tasks.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => tasks.recv().map_err(RecvTimeoutError::from),
        };
        let task = match received {
            Ok(Task::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Task::CloseOrphans) => {
                next_look = Some((Instant::now() + TAKEN_OVER, TAKEN_OVER));
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {
                next_look = next_look
                    .map(|(_, pause)| pause * 2)
                    .filter(|pause| *pause <= LAST_LOOK)
                    .map(|pause| (Instant::now() + pause, pause));
                Task::CloseOrphans
            }
            Ok(task) => task,
        };
        // One bad task must not end the janitor.
        let _ = catch_unwind(AssertUnwindSafe(|| run(task)));
    }
}

fn run(task: Task) {
    match task {
        Task::Close(id) => {
            // It may be closed already, or closing.
            let _ = registry::close(id, None);
        }
        Task::Abort {
            database,
            transaction,
        } => {
            if let Ok(database) = registry::get(database) {
                database.abort(TransactionId(transaction));
            }
        }
        Task::Cancel(call) => registry::cancel(call),
        Task::DropRows(rows) => drop(registry::take_rows(rows)),
        Task::Forget(id) => registry::forget(id),
        Task::CloseOrphans => registry::close_orphans(),
        Task::Send(message) => message.deliver(),
        Task::Stop => {}
    }
}
