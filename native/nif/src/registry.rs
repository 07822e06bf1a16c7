//! The open databases and gathered rows by id, and what lives as long as the library.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use ash_rusqlite_engine::{Code, Config, Database, Error, Handover, MemoryFolder, Notify, Result};
use rustler::{LocalPid, OwnedEnv};
use serde_json::{json, Value as Json};

use crate::handle;
use crate::janitor::{self, Task};
use crate::reply;
use crate::stored_atoms;
use crate::term::encode::rows::Gathered;

/// An open database, and the process that owns it.
struct Open {
    database: Database,
    owner: LocalPid,
}

static DATABASES: RwLock<BTreeMap<u64, Open>> = RwLock::new(BTreeMap::new());
/// Another library has taken over, or is about to. Changes under the lock of `DATABASES`.
static REPLACED: AtomicBool = AtomicBool::new(false);
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
    let open = databases.get(&id).map(|open| open.database.clone());
    open.ok_or_else(stale)
}

/// The database of a transaction.
pub fn of_transaction(id: u64) -> Result<Database> {
    get(id).map_err(|error| match REPLACED.load(Ordering::Relaxed) {
        true => replaced("this transaction was rolled back: run it again"),
        false => error,
    })
}

fn replaced(what: &str) -> Error {
    let message = format!("the native code was replaced by a newer build meanwhile; {what}");
    Error::new(Code::CodeReplaced, message)
}

/// The error for a handle whose database is gone.
pub fn stale() -> Error {
    Error::new(Code::Closed, "the database is closed; start its repo again")
}

/// Opens a database of a process under an id. `opened` is called with whether it could be opened.
///
/// # Errors
/// Those of `Database::open`; `code_replaced` when another library is taking over, which is the one
/// to ask then.
pub fn open(id: u64, config: Config, owner: LocalPid, opened: reply::OnOpened) -> Result<()> {
    insert(id, Database::open(config, opened)?, owner)
}

fn insert(id: u64, database: Database, owner: LocalPid) -> Result<()> {
    database.report_to(reply::on_report(owner));
    let mut databases = DATABASES.write().unwrap_or_else(PoisonError::into_inner);
    if REPLACED.load(Ordering::Relaxed) {
        drop(databases);
        database.close(None);
        database.join();
        return Err(replaced("open the database again"));
    }
    databases.insert(id, Open { database, owner });
    Ok(())
}

/// Closes a database after the writes that are queued; only enqueues. It is forgotten when
/// its threads have ended.
pub fn close(id: u64, closed: Option<Notify>) -> Result<()> {
    get(id)?.close(Some(Box::new(move || {
        janitor::enqueue(Task::Forget(id));
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
    if let Some(open) = database {
        open.database.join();
    }
}

/// Closes every database and waits for their threads.
fn close_all() {
    let all = std::mem::take(&mut *DATABASES.write().unwrap_or_else(PoisonError::into_inner));
    all.values().for_each(|open| open.database.close(None));
    all.values().for_each(|open| open.database.join());
}

/// What a library does not let go of its databases for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// A migration, a vacuum or the like, which may take minutes.
    Maintenance,
    /// A write, which ends at its deadline.
    Writing,
}

/// What would keep another library from taking over now.
pub fn busy() -> Option<Busy> {
    busy_of(&DATABASES.read().unwrap_or_else(PoisonError::into_inner))
}

fn busy_of(databases: &BTreeMap<u64, Open>) -> Option<Busy> {
    let mut all = databases.values();
    if all.any(|open| open.database.maintenance().is_some()) {
        return Some(Busy::Maintenance);
    }
    let mut all = databases.values();
    all.any(|open| open.database.writes_long())
        .then_some(Busy::Writing)
}

/// Closes every database for another library, and waits for their threads. Returns what that
/// library needs to continue, as JSON text, and the locked folders of databases in memory. From now on
/// none can be opened here. An error, and nothing has changed, when something runs that takes long: a
/// scheduler waits here, and the VM loads no other code meanwhile.
pub fn hand_over() -> Result<(String, Vec<MemoryFolder>), Busy> {
    let all = {
        let mut databases = DATABASES.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(busy) = busy_of(&databases) {
            return Err(busy);
        }
        REPLACED.store(true, Ordering::Relaxed);
        std::mem::take(&mut *databases)
    };
    all.values().for_each(|open| open.database.replace());
    let mut folders = Vec::new();
    let databases: Vec<Json> = all
        .into_iter()
        .map(|(id, Open { database, owner })| {
            database.join();
            let (handover, folder) = database.hand_over();
            folders.extend(folder);
            json!({"id": id, "owner": handle::word_of(owner), "database": handover.to_json()})
        })
        .collect();
    let (made, limit) = stored_atoms::count();
    let text = json!({"databases": databases, "stored_atoms": [made, limit]}).to_string();
    Ok((text, folders))
}

/// Opens what another library has handed over. Users of a database that cannot be opened again get
/// the error that it is closed.
pub fn take_over(text: &str) {
    let Ok(all) = serde_json::from_str::<Json>(text) else {
        return;
    };
    let atoms = |place| all.pointer(place).and_then(Json::as_u64);
    if let (Some(made), Some(limit)) = (atoms("/stored_atoms/0"), atoms("/stored_atoms/1")) {
        stored_atoms::take_over(made, limit);
    }
    let databases = all.get("databases").and_then(Json::as_array);
    let opened = databases.into_iter().flatten().filter_map(reopen).count();
    if opened > 0 {
        janitor::enqueue(Task::CloseOrphans);
    }
}

fn reopen(json: &Json) -> Option<()> {
    let id = json.get("id")?.as_u64()?;
    let owner = usize::try_from(json.get("owner")?.as_u64()?).ok()?;
    // SAFETY: another library of this VM wrote it by `word_of`.
    let owner = unsafe { handle::of_word(owner) };
    let handover = Handover::from_json(json.get("database")?).ok()?;
    let database = Database::take_over(handover, Box::new(drop)).ok()?;
    insert(id, database, owner).ok()
}

/// Closes the databases of processes that are gone. The monitor of one that dies while a library
/// takes over may still notify the old one.
pub fn close_orphans() {
    let env = OwnedEnv::new();
    let orphans: Vec<u64> = {
        let databases = DATABASES.read().unwrap_or_else(PoisonError::into_inner);
        let dead = |open: &Open| env.run(|env| !open.owner.is_alive(env));
        databases
            .iter()
            .filter_map(|(id, open)| dead(open).then_some(*id))
            .collect()
    };
    for id in orphans {
        let _ = close(id, None);
    }
}

/// A flag that becomes true when the janitor is notified that the caller of `call` died.
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
