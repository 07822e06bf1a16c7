//! Keeps commits from looking at every page of the cache.
//!
//! Where SQLite splits a page of a tree it may swap the numbers of two pages. One of them has the
//! number of the page of the file's locks meanwhile, which lies 1 GB behind the beginning and
//! is never used. SQLite's cache (`pcache1` in `sqlite3.c`) remembers it as the largest number
//! that it has had, and then the commit, which cuts the cache to the size of the file, looks for
//! pages behind it everywhere: with a few rows for each commit, a tenth of the writer's time.
//!
//! So the cache is given another number that no page has: 0. All else is left to SQLite's own
//! (<https://sqlite.org/c3ref/pcache_methods2.html>).

use std::collections::HashMap;
use std::ffi::{c_int, c_uint};
use std::mem::MaybeUninit;
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::ffi::{self, sqlite3_pcache, sqlite3_pcache_methods2, sqlite3_pcache_page};

/// Where the page of the locks lies (<https://sqlite.org/fileformat2.html#the_lock_byte_page>).
const PENDING_BYTE: c_uint = 0x4000_0000;

/// The methods of SQLite's own cache that ours stand before.
#[derive(Clone, Copy)]
struct Below {
    create: unsafe extern "C" fn(c_int, c_int, c_int) -> *mut sqlite3_pcache,
    rekey: unsafe extern "C" fn(*mut sqlite3_pcache, *mut sqlite3_pcache_page, c_uint, c_uint),
    destroy: unsafe extern "C" fn(*mut sqlite3_pcache),
}

static BELOW: OnceLock<Below> = OnceLock::new();

/// The number of the page of the locks, by cache: it depends on the size of the pages.
static LOCK_PAGES: LazyLock<Mutex<HashMap<usize, c_uint>>> = LazyLock::new(Mutex::default);

/// Stands before SQLite's own cache from now on. Returns whether it does: not where SQLite
/// is in use already.
///
/// Call it before anything else of SQLite in this process, while nothing else of it runs: SQLite
/// takes settings of the whole process from one thread alone.
pub fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let mut methods = MaybeUninit::<sqlite3_pcache_methods2>::zeroed();
        // SAFETY: SQLite writes the structure that this setting is read into.
        let code =
            unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETPCACHE2, methods.as_mut_ptr()) };
        if code != ffi::SQLITE_OK {
            return false;
        }
        // SAFETY: it was zeroed, which is a valid one without methods, and then written.
        let mut methods = unsafe { methods.assume_init() };
        let (Some(make), Some(renumber), Some(free)) =
            (methods.xCreate, methods.xRekey, methods.xDestroy)
        else {
            return false;
        };
        BELOW.get_or_init(|| Below {
            create: make,
            rekey: renumber,
            destroy: free,
        });
        methods.xCreate = Some(create);
        methods.xRekey = Some(rekey);
        methods.xDestroy = Some(destroy);
        // SAFETY: SQLite copies the structure; its functions live as long as the library.
        unsafe {
            ffi::sqlite3_config(ffi::SQLITE_CONFIG_PCACHE2, &raw const methods) == ffi::SQLITE_OK
        }
    })
}

fn lock_pages() -> MutexGuard<'static, HashMap<usize, c_uint>> {
    LOCK_PAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of the page of the locks.
fn lock_page(page_size: c_int) -> Option<c_uint> {
    let size = c_uint::try_from(page_size).ok()?;
    Some(PENDING_BYTE.checked_div(size)? + 1)
}

/// The number that a cache knows a page by.
fn number(lock_page: Option<c_uint>, page: c_uint) -> c_uint {
    match lock_page == Some(page) {
        true => 0,
        false => page,
    }
}

unsafe extern "C" fn create(
    page_size: c_int,
    extra: c_int,
    purgeable: c_int,
) -> *mut sqlite3_pcache {
    let Some(below) = BELOW.get() else {
        return std::ptr::null_mut();
    };
    // SAFETY: the arguments are SQLite's own.
    let cache = unsafe { (below.create)(page_size, extra, purgeable) };
    if let Some(page) = lock_page(page_size).filter(|_| !cache.is_null()) {
        lock_pages().insert(cache.addr(), page);
    }
    cache
}

unsafe extern "C" fn rekey(
    cache: *mut sqlite3_pcache,
    page: *mut sqlite3_pcache_page,
    old: c_uint,
    new: c_uint,
) {
    let lock_page = lock_pages().get(&cache.addr()).copied();
    if let Some(below) = BELOW.get() {
        // SAFETY: the arguments are SQLite's own, but for the number of a page that is in use,
        // by which nobody looks for it.
        unsafe { (below.rekey)(cache, page, number(lock_page, old), number(lock_page, new)) };
    }
}

unsafe extern "C" fn destroy(cache: *mut sqlite3_pcache) {
    lock_pages().remove(&cache.addr());
    if let Some(below) = BELOW.get() {
        // SAFETY: the cache is one that `create` gave, and this is the last call for it.
        unsafe { (below.destroy)(cache) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_locks_is_the_one_that_sqlite_leaves_out() {
        // https://sqlite.org/fileformat2.html#the_lock_byte_page
        assert_eq!(lock_page(4096), Some(262_145));
        assert_eq!(lock_page(65_536), Some(16_385));
        assert_eq!(lock_page(0), None);
    }

    #[test]
    fn no_other_page_loses_its_number() {
        assert_eq!(number(lock_page(4096), 262_145), 0);
        assert_eq!(number(lock_page(8192), 262_145), 262_145);
        assert_eq!(number(None, 262_145), 262_145);
    }
}
