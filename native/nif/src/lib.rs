//! The NIF of `AshRusqlite.Native`: decodes terms, calls the engine, encodes terms.
//!
//! The entry is built by hand because `rustler::init!` fills in neither `upgrade` nor
//! `unload`, without which the module could not be loaded again in a running system.

mod atoms;
mod decimal;
mod error;
mod external;
mod handle;
mod handover;
mod janitor;
mod json;
mod nifs;
mod registry;
mod reply;
mod stored_atoms;
mod term;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::OnceLock;

use ash_rusqlite_engine::sqlite::page_cache;
use rustler::codegen_runtime::{internal_write_symbols, inventory, ErlNifEntry};
use rustler::sys::{c_int, c_void, ErlNifEnv, ErlNifTerm};
use rustler::Nif;

use handover::{DONE, REFUSED};

struct Entry(ErlNifEntry);

// SAFETY: it is written once and only read from then on; its pointers are to static data.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

static ENTRY: OnceLock<Entry> = OnceLock::new();

/// Called by the VM for each load of the library.
#[no_mangle]
pub extern "C" fn nif_init() -> *const ErlNifEntry {
    // SAFETY: the VM holds its code lock, so that nothing of this library runs meanwhile.
    unsafe { internal_write_symbols() };
    &raw const ENTRY.get_or_init(|| Entry(entry())).0
}

fn entry() -> ErlNifEntry {
    let functions: Vec<_> = inventory::iter::<Nif>().map(Nif::get_def).collect();
    // The VM may look at the functions as long as the library is mapped.
    let mut entry = ErlNifEntry::new(c"Elixir.AshRusqlite.Native", functions.leak(), load);
    entry.upgrade = Some(upgrade);
    entry.unload = Some(unload);
    entry
}

/// Nothing may unwind into the VM.
fn guarded(callback: impl FnOnce() -> c_int) -> c_int {
    catch_unwind(AssertUnwindSafe(callback)).unwrap_or(REFUSED)
}

fn enter(env: *mut ErlNifEnv, private_data: *mut *mut c_void) -> c_int {
    // Without it the writer is slower, and nothing else.
    page_cache::install();
    if !handle::open_types(env) || !registry::enter() {
        return REFUSED;
    }
    // SAFETY: the VM gives a place for the private data.
    unsafe { *private_data = handover::private_data() };
    DONE
}

unsafe extern "C" fn load(
    env: *mut ErlNifEnv,
    private_data: *mut *mut c_void,
    _info: ErlNifTerm,
) -> c_int {
    guarded(|| enter(env, private_data))
}

unsafe extern "C" fn upgrade(
    env: *mut ErlNifEnv,
    private_data: *mut *mut c_void,
    old_private_data: *mut *mut c_void,
    _info: ErlNifTerm,
) -> c_int {
    guarded(|| {
        // SAFETY: the VM gives the private data of the instance that is loaded, and its
        // library stays mapped until its `unload` was called.
        let old = unsafe { *old_private_data };
        // SAFETY: as above.
        match unsafe { handover::check(old) } {
            DONE => {}
            refused => return refused,
        }
        // What may be refused comes first: nothing of the old one has changed then.
        match enter(env, private_data) {
            DONE => {}
            refused => return refused,
        }
        // SAFETY: as above.
        let answer = unsafe { handover::take_over(old) };
        if answer != DONE {
            registry::leave();
        }
        answer
    })
}

unsafe extern "C" fn unload(_env: *mut ErlNifEnv, _private_data: *mut c_void) {
    guarded(|| {
        registry::leave();
        DONE
    });
}
