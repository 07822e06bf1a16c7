//! What Elixir holds: resources with the ids of a database, a transaction, a call, or of rows.
//!
//! A resource is plain data without anything to drop, so that a newer library can take it
//! over. Its callbacks run on whatever scheduler collects garbage or ends a process: they
//! take no lock and do no I/O, they notify the janitor.
//!
//! `rustler::ResourceArc` is not used because its types cannot be taken over.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::panic::catch_unwind;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustler::sys::{
    c_void, enif_alloc_resource, enif_demonitor_process, enif_get_resource, enif_make_resource,
    enif_monitor_process, enif_open_resource_type_x, enif_release_resource, ErlNifEnv,
    ErlNifMonitor, ErlNifPid, ErlNifResourceDown, ErlNifResourceDtor, ErlNifResourceFlags,
    ErlNifResourceType, ErlNifResourceTypeInit,
};
use rustler::{Env, LocalPid, Term};

use crate::janitor::{self, Task};
use crate::term::raw::Raw;

/// Changes with the layout of `Resource`, so that memory of another one is never read.
const MAGIC: u64 = 0x4173_6852_7173_0001;

/// The kinds of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An open database. Its end closes the database.
    Database,
    /// A transaction. Its end rolls the transaction back.
    Transaction,
    /// A call on a dirty scheduler, to notice that its caller died.
    Call,
    /// Rows that wait to be made into terms. Its end drops them.
    Rows,
}

/// The ids in a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// The database.
    pub database: u64,
    /// The transaction, call or rows; 0 in a database's own resource.
    pub item: u64,
}

#[repr(C)]
struct Resource {
    magic: u64,
    database: u64,
    item: u64,
    /// Not 0 when `monitor` is set.
    monitored: u64,
    monitor: MaybeUninit<ErlNifMonitor>,
}

static DATABASES: AtomicPtr<ErlNifResourceType> = AtomicPtr::new(ptr::null_mut());
static TRANSACTIONS: AtomicPtr<ErlNifResourceType> = AtomicPtr::new(ptr::null_mut());
static CALLS: AtomicPtr<ErlNifResourceType> = AtomicPtr::new(ptr::null_mut());
static ROWS: AtomicPtr<ErlNifResourceType> = AtomicPtr::new(ptr::null_mut());

impl Kind {
    const ALL: [Kind; 4] = [Kind::Database, Kind::Transaction, Kind::Call, Kind::Rows];

    fn slot(self) -> &'static AtomicPtr<ErlNifResourceType> {
        match self {
            Kind::Database => &DATABASES,
            Kind::Transaction => &TRANSACTIONS,
            Kind::Call => &CALLS,
            Kind::Rows => &ROWS,
        }
    }

    fn resource_type(self) -> *const ErlNifResourceType {
        self.slot().load(Ordering::Acquire)
    }

    /// The names by which a newer library finds the types of an older one.
    fn name(self) -> &'static CStr {
        match self {
            Kind::Database => c"ash_rusqlite_database",
            Kind::Transaction => c"ash_rusqlite_transaction",
            Kind::Call => c"ash_rusqlite_call",
            Kind::Rows => c"ash_rusqlite_rows",
        }
    }

    fn callbacks(self) -> ErlNifResourceTypeInit {
        let (dtor, down) = match self {
            Kind::Database => (
                database_dtor as *const ErlNifResourceDtor,
                database_down as *const ErlNifResourceDown,
            ),
            Kind::Transaction => (
                transaction_dtor as *const ErlNifResourceDtor,
                transaction_down as *const ErlNifResourceDown,
            ),
            Kind::Call => (ptr::null(), call_down as *const ErlNifResourceDown),
            Kind::Rows => (rows_dtor as *const ErlNifResourceDtor, ptr::null()),
        };
        ErlNifResourceTypeInit {
            dtor,
            stop: ptr::null(),
            down,
        }
    }
}

/// Makes the resource types, or takes those of an older library over. Only in `load` and
/// `upgrade`; false if the VM refuses.
pub fn open_types(env: *mut ErlNifEnv) -> bool {
    Kind::ALL.into_iter().all(|kind| {
        let opened = [
            ErlNifResourceFlags::ERL_NIF_RT_TAKEOVER,
            ErlNifResourceFlags::ERL_NIF_RT_CREATE,
        ]
        .into_iter()
        .map(|flags| open_type(env, kind, flags))
        .find(|opened| !opened.is_null());
        kind.slot()
            .store(opened.unwrap_or(ptr::null_mut()), Ordering::Release);
        opened.is_some()
    })
}

fn open_type(
    env: *mut ErlNifEnv,
    kind: Kind,
    flags: ErlNifResourceFlags,
) -> *mut ErlNifResourceType {
    let init = kind.callbacks();
    let mut tried = MaybeUninit::uninit();
    // SAFETY: `env` is that of `load` or `upgrade`; the name and the callbacks are static.
    unsafe {
        enif_open_resource_type_x(env, kind.name().as_ptr(), &init, flags, tried.as_mut_ptr())
    }
    .cast_mut()
}

/// A resource that this code holds a reference to.
struct Held(*mut Resource);

impl Held {
    fn new(kind: Kind, ids: Ids) -> Option<Held> {
        let resource_type = kind.resource_type();
        if resource_type.is_null() {
            return None;
        }
        // SAFETY: the type is open.
        let memory = unsafe { enif_alloc_resource(resource_type, size_of::<Resource>()) };
        let resource: *mut Resource = memory.cast();
        if resource.is_null() {
            return None;
        }
        let Ids { database, item } = ids;
        let (magic, monitored, monitor) = (MAGIC, 0, MaybeUninit::uninit());
        // SAFETY: the memory is ours alone, as large as a `Resource`, and aligned for any data.
        unsafe {
            resource.write(Resource {
                magic,
                database,
                item,
                monitored,
                monitor,
            })
        };
        Some(Held(resource))
    }

    /// Watches a process; false if it is gone.
    fn monitor(&self, env: Env<'_>, pid: &LocalPid) -> bool {
        // SAFETY: the resource is alive because it is held, and no term of it exists yet, so
        // that no other thread uses it.
        unsafe {
            let monitor = (*self.0).monitor.as_mut_ptr();
            let alive =
                enif_monitor_process(env.as_c_arg(), self.0.cast(), pid.as_c_arg(), monitor) == 0;
            (*self.0).monitored = u64::from(alive);
            alive
        }
    }

    fn term<'a>(&self, env: Env<'a>) -> Term<'a> {
        // SAFETY: the resource is alive because it is held.
        unsafe { Term::new(env, enif_make_resource(env.as_c_arg(), self.0.cast())) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: this is the reference that `enif_alloc_resource` gave.
        unsafe { enif_release_resource(self.0.cast()) };
    }
}

/// A term for a database or transaction that the calling process owns: it is watched.
/// `None` if the process is gone.
pub fn owned<'a>(env: Env<'a>, kind: Kind, ids: Ids) -> Option<Term<'a>> {
    let held = Held::new(kind, ids)?;
    held.monitor(env, &env.pid()).then(|| held.term(env))
}

/// A term for what only its holder knows: it ends with its last reference.
pub fn held<'a>(env: Env<'a>, kind: Kind, ids: Ids) -> Option<Term<'a>> {
    Some(Held::new(kind, ids)?.term(env))
}

fn find(term: Term<'_>, kind: Kind) -> Option<*mut Resource> {
    let env = term.get_env();
    let mut found = ptr::null();
    // SAFETY: `found` is written when the answer is not 0.
    let known = unsafe {
        enif_get_resource(
            env.as_c_arg(),
            term.as_c_arg(),
            kind.resource_type(),
            &mut found,
        )
    };
    if known == 0 || found.is_null() {
        return None;
    }
    let resource: *mut Resource = found.cast_mut().cast();
    // SAFETY: the term keeps the resource alive; every layout begins with its magic.
    (unsafe { (*resource).magic } == MAGIC).then_some(resource)
}

/// The ids of a term, or `None` if it is no resource of this kind.
pub fn ids(term: Term<'_>, kind: Kind) -> Option<Ids> {
    let resource = find(term, kind)?;
    // SAFETY: the term keeps the resource alive, and its ids never change.
    Some(unsafe {
        Ids {
            database: (*resource).database,
            item: (*resource).item,
        }
    })
}

/// Stops watching the owner of a transaction that is over.
pub fn unwatch(term: Term<'_>, kind: Kind) {
    if let Some(resource) = find(term, kind) {
        demonitor(term.get_env(), resource);
    }
}

fn demonitor(env: Env<'_>, resource: *mut Resource) {
    // SAFETY: the resource is alive; the monitor was set before the resource was shared, and
    // to end it twice is an error that the VM reports and nothing more.
    unsafe {
        if (*resource).monitored != 0 {
            enif_demonitor_process(
                env.as_c_arg(),
                resource.cast(),
                (*resource).monitor.as_ptr(),
            );
        }
    }
}

/// Watches the calling process while a call runs on a dirty scheduler.
pub struct Watch<'a> {
    env: Env<'a>,
    held: Held,
}

impl<'a> Watch<'a> {
    /// `None` if the process is gone.
    pub fn new(env: Env<'a>, call: u64) -> Option<Self> {
        let held = Held::new(
            Kind::Call,
            Ids {
                database: 0,
                item: call,
            },
        )?;
        held.monitor(env, &env.pid()).then_some(Watch { env, held })
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        demonitor(self.env, self.held.0);
    }
}

/// Notifies the janitor of a resource that is dying or whose process died.
///
/// # Safety
/// `object` is a resource of one of our types.
unsafe fn notify_janitor(object: *mut c_void, task: fn(Ids) -> Task) {
    let resource: *const Resource = object.cast();
    // SAFETY: the VM keeps the resource alive during its callbacks; every layout begins with
    // its magic, and one of our layout was written whole.
    let ids = unsafe {
        match (*resource).magic {
            MAGIC => Ids {
                database: (*resource).database,
                item: (*resource).item,
            },
            _ => return,
        }
    };
    // Nothing may unwind into the VM.
    let _ = catch_unwind(|| janitor::enqueue(task(ids)));
}

fn close(ids: Ids) -> Task {
    Task::Close(ids.database)
}

fn abort(ids: Ids) -> Task {
    Task::Abort {
        database: ids.database,
        transaction: ids.item,
    }
}

fn cancel(ids: Ids) -> Task {
    Task::Cancel(ids.item)
}

fn drop_rows(ids: Ids) -> Task {
    Task::DropRows(ids.item)
}

unsafe extern "C" fn database_dtor(_: *mut ErlNifEnv, object: *mut c_void) {
    // SAFETY: the VM calls this for resources of its type only.
    unsafe { notify_janitor(object, close) };
}

unsafe extern "C" fn database_down(
    _: *mut ErlNifEnv,
    object: *mut c_void,
    _: *const ErlNifPid,
    _: *const ErlNifMonitor,
) {
    // SAFETY: as above.
    unsafe { notify_janitor(object, close) };
}

unsafe extern "C" fn transaction_dtor(_: *mut ErlNifEnv, object: *mut c_void) {
    // SAFETY: as above.
    unsafe { notify_janitor(object, abort) };
}

unsafe extern "C" fn transaction_down(
    _: *mut ErlNifEnv,
    object: *mut c_void,
    _: *const ErlNifPid,
    _: *const ErlNifMonitor,
) {
    // SAFETY: as above.
    unsafe { notify_janitor(object, abort) };
}

unsafe extern "C" fn rows_dtor(_: *mut ErlNifEnv, object: *mut c_void) {
    // SAFETY: as above.
    unsafe { notify_janitor(object, drop_rows) };
}

unsafe extern "C" fn call_down(
    _: *mut ErlNifEnv,
    object: *mut c_void,
    _: *const ErlNifPid,
    _: *const ErlNifMonitor,
) {
    // SAFETY: as above.
    unsafe { notify_janitor(object, cancel) };
}

/// A pid as another library of the same VM takes it.
pub fn word_of(pid: LocalPid) -> usize {
    // SAFETY: a pid of the C interface is one term, and that is a word; the sizes are compared by
    // the compiler.
    unsafe { std::mem::transmute::<ErlNifPid, usize>(*pid.as_c_arg()) }
}

/// The pid of a word.
///
/// # Safety
/// The word is one of `word_of`, in the same VM.
pub unsafe fn of_word(word: usize) -> LocalPid {
    // SAFETY: as above; a local pid is no pointer and never dangles.
    LocalPid::from_c_arg(unsafe { std::mem::transmute::<usize, ErlNifPid>(word) })
}

/// A reference of its own, for a message that will come.
pub fn make_ref(env: Env<'_>) -> Raw<'_> {
    Raw::of(env.make_ref().into())
}
