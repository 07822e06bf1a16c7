//! The open databases and gathered rows by id, and what lives as long as the library.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use ash_rusqlite_engine::{Code, Config, Database, Error, Notify, Result};

use crate::janitor::{self, Job};
use crate::term::encode::rows::Gathered;

static DATABASES: RwLock<BTreeMap<u64, Database>> = RwLock::new(BTreeMap::new());
static CALLS: Mutex<BTreeMap<u64, Arc<AtomicBool>>> = Mutex::new(BTreeMap::new());
static ROWS: Mutex<BTreeMap<u64, Gathered>> = Mutex::new(BTreeMap::new());
static INSTANCES: Mutex<usize> = Mutex::new(0);

/// An id that was never given before, not by an earlier instance of the library either, so
/// that a stale handle never means another database.
pub fn fresh_id() -> u64 {
    static FIRST: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let first = *FIRST.get_or_init(|| {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(0)
    });
    first + NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The database of an id.
pub fn get(id: u64) -> Result<Database> {
    let databases = DATABASES.read().unwrap_or_else(PoisonError::into_inner);
    databases.get(&id).cloned().ok_or_else(stale)
}

/// The error for a handle whose database is gone.
pub fn stale() -> Error {
    Error::new(Code::Closed, "the database is closed; start its repo again")
}

/// Opens a database under an id. `opened` hears whether it could be opened.
pub fn open(id: u64, config: Config, opened: Box<dyn FnOnce(Result<()>) + Send>) -> Result<()> {
    let database = Database::open(config, opened)?;
    DATABASES
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, database);
    Ok(())
}

/// Closes a database after the writes that are queued; only enqueues. It is forgotten when
/// its threads have ended.
pub fn close(id: u64, closed: Option<Notify>) -> Result<()> {
    get(id)?.close(Some(Box::new(move || {
        janitor::tell(Job::Forget(id));
        if let Some(closed) = closed {
            closed();
        }
    })));
    Ok(())
}

/// Waits for the threads of a database that has closed, and forgets it.
pub fn forget(id: u64) {
    let database = DATABASES
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&id);
    if let Some(database) = database {
        database.join();
    }
}

/// Closes every database, waits for their threads, and gives what they were opened with.
pub fn close_all() -> Vec<(u64, Config)> {
    let all = {
        let mut databases = DATABASES.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *databases)
    };
    all.values().for_each(|database| database.close(None));
    all.into_iter()
        .map(|(id, database)| {
            database.join();
            (id, database.config().clone())
        })
        .collect()
}

/// Whether a database would lose its content by being closed.
pub fn holds_memory() -> bool {
    let databases = DATABASES.read().unwrap_or_else(PoisonError::into_inner);
    databases
        .values()
        .any(|database| database.config().database.is_none())
}

/// A flag that becomes true when the janitor hears that the caller of `call` died.
pub fn watch_call(call: u64) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    CALLS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(call, Arc::clone(&flag));
    flag
}

/// The call is over.
pub fn unwatch_call(call: u64) {
    CALLS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&call);
}

/// The caller is gone.
pub fn cancel(call: u64) {
    if let Some(flag) = CALLS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&call)
    {
        flag.store(true, Ordering::Relaxed);
    }
}

/// Keeps rows until they are taken. Returns their id.
pub fn keep_rows(rows: Gathered) -> u64 {
    let id = fresh_id();
    ROWS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, rows);
    id
}

/// The rows of an id, once.
pub fn take_rows(id: u64) -> Option<Gathered> {
    ROWS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(&id)
}

/// One more instance of the Elixir module uses the library. False if it cannot work.
pub fn enter() -> bool {
    let mut instances = INSTANCES.lock().unwrap_or_else(PoisonError::into_inner);
    let started = janitor::start();
    *instances += usize::from(started);
    started
}

/// One instance less. With the last one everything is closed and every thread ended, because
/// the library may be unmapped next.
pub fn leave() {
    let mut instances = INSTANCES.lock().unwrap_or_else(PoisonError::into_inner);
    *instances = instances.saturating_sub(1);
    if *instances == 0 {
        close_all();
        janitor::stop();
        ROWS.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
