//! From one instance of the library to the next.
//!
//! The private data of every instance points to a `LibraryEntry`. When Elixir's module is loaded
//! again with the same library, both instances have the same one and nothing is to be done.
//! With another library, the old one is drained (its databases closed, their threads ended,
//! because two copies of SQLite on one file drop each other's locks) and the new one opens
//! the same databases under the same ids.

use std::ffi::c_void;
use std::panic::catch_unwind;
use std::slice;

use rustler::sys::c_int;

use crate::registry::{self, Busy};

/// Changes when `LibraryEntry`, `Visit`, what is handed over, or a resource's layout change.
pub const LAYOUT: u64 = 3;

/// Before the layout's number, so that it is found in a library's file: `AshRLAY\0`.
const LAYOUT_MARK: u64 = 0x4173_6852_4c41_5900;

/// The answer of callbacks that went well.
pub const DONE: c_int = 0;
/// Any other answer makes the VM refuse the library.
pub const REFUSED: c_int = 1;
/// The library has another layout than the one that is loaded. `AshRusqlite.Native` knows it.
pub const OTHER_LAYOUT: c_int = 2;
/// A migration or the like runs, which must not be waited for here. As above.
const BUSY: c_int = 3;
/// A write takes long. As above.
const WRITING: c_int = 4;

/// Called once with what is handed over, as JSON text. Returns when that was taken over.
type Visit = unsafe extern "C" fn(text: *const u8, length: usize);

/// What one library shows another. The layout is first, so that any other can look at it.
#[repr(C)]
pub struct LibraryEntry {
    layout: u64,
    drain: unsafe extern "C" fn(visit: Visit) -> c_int,
}

static ENTRY: LibraryEntry = LibraryEntry {
    layout: LAYOUT_MARK + LAYOUT,
    drain,
};

/// What the VM keeps for us as private data. It is never written through.
pub fn private_data() -> *mut c_void {
    (&raw const ENTRY).cast_mut().cast()
}

/// Whether this library can take over from the instance with this private data.
///
/// # Safety
/// `old` is the private data of a library of this project that is still loaded.
pub unsafe fn check(old: *mut c_void) -> c_int {
    if old.is_null() {
        return REFUSED;
    }
    // SAFETY: every layout begins with its number.
    match unsafe { (*old.cast::<LibraryEntry>()).layout } == ENTRY.layout {
        true => DONE,
        false => OTHER_LAYOUT,
    }
}

/// Takes over from the instance with this private data.
///
/// # Safety
/// As `check`, which has said `DONE`.
pub unsafe fn take_over(old: *mut c_void) -> c_int {
    if old == private_data() {
        return DONE;
    }
    let entry: *const LibraryEntry = old.cast();
    // SAFETY: behind the number of this layout is its `drain`, which calls `receive` as it may.
    unsafe { ((*entry).drain)(receive) }
}

unsafe extern "C" fn receive(text: *const u8, length: usize) {
    // SAFETY: `drain` passes a text that is valid during the call.
    let text = unsafe { slice::from_raw_parts(text, length) };
    // The old library has closed its databases: what is not open now stays closed.
    let _ = catch_unwind(|| registry::take_over(&String::from_utf8_lossy(text)));
}

/// Closes everything and says what was open. With another answer than `DONE` nothing has changed.
unsafe extern "C" fn drain(visit: Visit) -> c_int {
    match catch_unwind(registry::hand_over) {
        Ok(Err(Busy::Maintenance)) => BUSY,
        Ok(Err(Busy::Writing)) => WRITING,
        Ok(Ok((text, folders))) => {
            // SAFETY: the text lives until the end of the call.
            unsafe { visit(text.as_ptr(), text.len()) };
            // They stay locked until the other library has locked them, too.
            drop(folders);
            DONE
        }
        Err(_) => REFUSED,
    }
}
