//! From one instance of the library to the next.
//!
//! The private data of every instance points to a `Shared`. When Elixir's module is loaded
//! again with the same library, both instances have the same one and nothing is to be done.
//! With another library, the old one is drained (its databases closed, their threads ended,
//! because two copies of SQLite on one file drop each other's locks) and the new one opens
//! the same databases under the same ids.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::slice;

use ash_rusqlite_engine::Config;
use rustler::sys::c_int;

use crate::registry;

/// Changes when `Shared`, `Visit`, the options that are handed over, or a resource's layout
/// change.
pub const LAYOUT: u64 = 1;

/// The answer of callbacks that went well.
pub const DONE: c_int = 0;
/// Any other answer makes the VM refuse the library.
pub const REFUSED: c_int = 1;

/// Called for each database with its id and its options as JSON text.
type Visit = unsafe extern "C" fn(context: *mut c_void, id: u64, options: *const u8, length: usize);

/// What one library shows another. The layout is first, so that any other can look at it.
#[repr(C)]
pub struct Shared {
    layout: u64,
    drain: unsafe extern "C" fn(visit: Visit, context: *mut c_void) -> c_int,
}

static SHARED: Shared = Shared {
    layout: LAYOUT,
    drain,
};

/// What the VM keeps for us as private data. It is never written through.
pub fn private_data() -> *mut c_void {
    (&raw const SHARED).cast_mut().cast()
}

/// Takes over from the instance with this private data.
///
/// # Safety
/// `old` is the private data of a library of this project that is still loaded.
pub unsafe fn take_over(old: *mut c_void) -> c_int {
    if old == private_data() {
        return DONE;
    }
    if old.is_null() {
        return REFUSED;
    }
    let shared: *const Shared = old.cast();
    let mut drained: Vec<(u64, String)> = Vec::new();
    // SAFETY: every layout begins with its number; behind this layout's number is its `drain`,
    // which calls `collect` with the context that it was given, and returns before the next line.
    let answer = unsafe {
        if (*shared).layout != LAYOUT {
            return REFUSED;
        }
        ((*shared).drain)(collect, (&raw mut drained).cast())
    };
    if answer == DONE {
        drained
            .iter()
            .for_each(|(id, options)| reopen(*id, options));
    }
    answer
}

unsafe extern "C" fn collect(context: *mut c_void, id: u64, options: *const u8, length: usize) {
    // SAFETY: `take_over` passed the context and waits; the text is valid during the call.
    let (drained, options) = unsafe {
        (
            &mut *context.cast::<Vec<(u64, String)>>(),
            slice::from_raw_parts(options, length),
        )
    };
    drained.push((id, String::from_utf8_lossy(options).into_owned()));
}

/// Closes everything and tells what was open. Refuses, with everything as it was, when a
/// database is in memory, because its content would be lost.
unsafe extern "C" fn drain(visit: Visit, context: *mut c_void) -> c_int {
    let drained = catch_unwind(|| (!registry::holds_memory()).then(registry::close_all));
    let Ok(Some(drained)) = drained else {
        return REFUSED;
    };
    for (id, config) in drained {
        let options = serde_json::Value::Object(config.to_options()).to_string();
        // SAFETY: the text lives until the end of the call.
        unsafe { visit(context, id, options.as_ptr(), options.len()) };
    }
    DONE
}

/// Whoever uses a database that cannot be opened again hears that it is closed.
fn reopen(id: u64, options: &str) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let options = serde_json::from_str(options).ok()?;
        let config = Config::from_options(options).ok()?;
        registry::open(id, config, Box::new(drop)).ok()
    }));
}
