//! Joins the writes of a commit: a layer over SQLite's own access to files
//! (<https://sqlite.org/vfs.html>) for the write-ahead log of the writing connection.
//!
//! SQLite writes a log page by page, each in two calls of 24 and 4,096 bytes, at odd places of the
//! file's own pages. For a commit of many pages that costs several times more than the sync. Here
//! they are collected and written in one call before anything can depend on them: before the log is
//! synced, read, measured or truncated.
//!
//! Nothing is collected but while COMMIT runs ([`around`]). Pages that leave the cache earlier go
//! out at once: should their transaction be rolled back, another process may write the same
//! place of the log, and what still waited here would come over it.
//!
//! A commit becomes visible to other connections, and to a recovery, only after SQLite has asked for
//! its sync, so this is for `synchronous` FULL and EXTRA alone. What cannot be written fails the sync
//! at the latest, and with it the commit, which SQLite then rolls back.
//!
//! The sync itself may come later ([`Syncs::Later`]): then COMMIT returns what it has written, and
//! the caller syncs the log before the commit is acknowledged. Syncs that SQLite asks for elsewhere,
//! those of checkpoints and of a new log's header, are never deferred.

use std::ffi::{c_char, c_int, c_void, CStr};
use std::mem::size_of;
use std::ptr::null_mut;
use std::sync::{Arc, OnceLock};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};
use rusqlite::Connection;

use crate::error::Result;
use crate::sqlite::sqlite_error;
use crate::sqlite::vfs::log_file::LogFile;
use crate::sqlite::vfs::write_behind::WriteBehind;

/// The name by which a connection is opened through this layer.
const NAME: &CStr = c"ash_rusqlite_joined_writes";

/// The largest number of bytes in one write. SQLite's layer for Unix takes no more than 17 bits
/// of a length, because no write of its own is longer than the largest page.
const LARGEST: usize = 127 * 1024;

/// The largest commit whose sync may come later, in bytes: they are kept until then, in case it fails.
const MOST_KEPT: usize = 4 * 1024 * 1024;

/// When the log is synced that a COMMIT has written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    /// Before COMMIT returns.
    Now,
    /// By the caller, with what COMMIT returns.
    Later,
}

/// What a COMMIT has written to the log and not synced. The log is valid up to its end once it, and
/// all before it, is synced.
pub struct Unsynced {
    /// The log.
    pub log: Arc<LogFile>,
    /// Places and the bytes that begin there. At the first one a page begins.
    pub pieces: Vec<(sqlite3_int64, Vec<u8>)>,
}

/// What waits to be written while a commit runs: bytes that follow each other.
#[derive(Default)]
struct Waiting {
    /// Whether a commit runs; else nothing waits.
    commits: bool,
    /// Whether its sync may be left to the caller.
    later: bool,
    /// What the commit has written.
    written: Vec<(sqlite3_int64, Vec<u8>)>,
    /// Whether something else was written since the last sync.
    scattered: bool,
    /// Whether what was written is left to the caller to be synced.
    left: bool,
    /// The log once more, for syncs beside the writer.
    log: Option<Arc<LogFile>>,
    bytes: Vec<u8>,
    /// The place of the first byte.
    offset: sqlite3_int64,
    /// What was lost of this commit: it must not succeed.
    failed: Option<c_int>,
    behind: WriteBehind,
}

impl Waiting {
    /// What waited was written: it is kept until its sync, if that may come later.
    fn keep(&mut self) {
        let kept: usize = self.written.iter().map(|(_, bytes)| bytes.len()).sum();
        // The header of a restarted log must be on disk before all that follows it.
        let restarts = self.offset == 0;
        if !self.later || restarts || kept + self.bytes.len() > MOST_KEPT {
            self.scattered = true;
            self.bytes.clear();
        } else {
            let bytes = std::mem::take(&mut self.bytes);
            self.written.push((self.offset, bytes));
        }
    }

    /// Whether the sync that SQLite asks for may come later.
    fn may_be_left(&self) -> bool {
        let is_whole = !self.scattered && self.failed.is_none() && self.log.is_some();
        self.later && is_whole && !self.written.is_empty()
    }
}

/// A log. SQLite gives the memory; the file of the layer below follows in it.
#[repr(C)]
struct Log {
    base: sqlite3_file,
    waiting: *mut Waiting,
}

/// Runs a COMMIT, whose pages are written joined if the connection's log is of this layer. Returns
/// what is left to be synced; `None` where nothing is.
pub fn around<T>(
    conn: &Connection,
    syncs: Syncs,
    commit: impl FnOnce() -> Result<T>,
) -> Result<(T, Option<Unsynced>)> {
    let window = Window(conn);
    window.set(true, syncs);
    let result = commit();
    // SQLite has synced all that it wrote. If it did not, others may see the commit already.
    let rest = match (&result, log_of(conn)) {
        // SAFETY: the log is open, and this thread uses the connection.
        (Ok(_), Some(log)) => unsafe { flush(log.cast()) },
        _ => ffi::SQLITE_OK,
    };
    let unsynced = window.unsynced();
    drop(window);
    match rest {
        ffi::SQLITE_OK => result.map(|done| (done, unsynced)),
        code => Err(sqlite_error::of_code(code)),
    }
}

/// A commit that runs. What a failed one left is dropped at its end: it is rolled back.
struct Window<'a>(&'a Connection);

impl Window<'_> {
    fn set(&self, commits: bool, syncs: Syncs) {
        if let Some(log) = log_of(self.0) {
            // SAFETY: `open` made the box, `close` frees it, and one connection is on one
            // thread at a time.
            let (waiting, device) =
                unsafe { (&mut *(*log).waiting, device_characteristics(log.cast())) };
            // Else SQLite fills the rest of a sector after the sync.
            waiting.commits = commits && device & ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE != 0;
            waiting.later = waiting.commits && syncs == Syncs::Later;
            waiting.written.clear();
            waiting.left = false;
            waiting.bytes.clear();
            waiting.failed = None;
        }
    }

    fn unsynced(&self) -> Option<Unsynced> {
        // SAFETY: as in `set`.
        let waiting = log_of(self.0).map(|log| unsafe { &mut *(*log).waiting })?;
        let pieces = std::mem::take(&mut waiting.written);
        let log = Arc::clone(waiting.log.as_ref()?);
        waiting.left.then_some(Unsynced { log, pieces })
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        self.set(false, Syncs::Now);
    }
}

/// The open log of a connection, if it is of this layer.
fn log_of(conn: &Connection) -> Option<*mut Log> {
    let mut file: *mut sqlite3_file = null_mut();
    // SAFETY: the handle is open, this thread uses it, and the pointer outlives the call.
    let code = unsafe {
        ffi::sqlite3_file_control(
            conn.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_JOURNAL_POINTER,
            (&raw mut file).cast(),
        )
    };
    if code != ffi::SQLITE_OK || file.is_null() {
        return None;
    }
    // SAFETY: SQLite gave a file, which is open if it has methods.
    let ours = unsafe { std::ptr::eq((*file).pMethods, &METHODS) };
    ours.then_some(file.cast())
}

/// The name of the layer, which is registered when it is first asked for; `None` when SQLite
/// has no files at all.
pub fn name() -> Option<&'static CStr> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    REGISTERED.get_or_init(register).then_some(NAME)
}

fn register() -> bool {
    // SAFETY: SQLite initializes itself; what is found lives as long as the library.
    let below = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
    if below.is_null() {
        return false;
    }
    // SAFETY: it was found, and nobody changes one that is registered.
    let mut layer = unsafe { *below };
    let Ok(more) = c_int::try_from(size_of::<Log>()) else {
        return false;
    };
    layer.szOsFile += more;
    layer.pNext = null_mut();
    layer.zName = NAME.as_ptr();
    layer.pAppData = below.cast();
    layer.xOpen = Some(open);
    // SAFETY: the registered structure is never freed.
    unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 0) == ffi::SQLITE_OK }
}

/// Opens a file: a log as ours, anything else just as the layer below does.
unsafe extern "C" fn open(
    layer: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls with the structure that was registered, whose data is the layer below.
    let below: *mut sqlite3_vfs = unsafe { (*layer).pAppData.cast() };
    // SAFETY: as above; a layer that was found can open files.
    let Some(open_below) = (unsafe { (*below).xOpen }) else {
        // SAFETY: `file` is memory for a file, which is not open without methods.
        unsafe { (*file).pMethods = std::ptr::null() };
        return ffi::SQLITE_CANTOPEN;
    };
    if flags & ffi::SQLITE_OPEN_WAL == 0 {
        // SAFETY: the arguments are SQLite's own; the memory is larger than the layer below needs.
        return unsafe { open_below(below, name, file, flags, out_flags) };
    }
    // SAFETY: `szOsFile` bytes are there for both files, ours first.
    let inner = unsafe { inner_of(file) };
    // SAFETY: as above.
    let code = unsafe { open_below(below, name, inner, flags, out_flags) };
    let log: *mut Log = file.cast();
    if code == ffi::SQLITE_OK {
        // SAFETY: `file` is memory for a `Log`. The box is freed by `close`. A name ends with NUL.
        unsafe {
            let (behind, log_file) = match name.is_null() {
                true => (WriteBehind::default(), None),
                false => {
                    let name = CStr::from_ptr(name);
                    (WriteBehind::of(name), LogFile::open(below, name))
                }
            };
            let waiting = Waiting {
                behind,
                log: log_file.map(Arc::new),
                ..Waiting::default()
            };
            (*log).waiting = Box::into_raw(Box::new(waiting));
            (*log).base.pMethods = &METHODS;
        }
    } else {
        // SAFETY: a file that failed to open is closed if it has methods, and ours then has none.
        unsafe {
            (*log).base.pMethods = std::ptr::null();
            if let Some(close) = (*inner)
                .pMethods
                .as_ref()
                .and_then(|methods| methods.xClose)
            {
                close(inner);
            }
        }
    }
    code
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// The file of the layer below, behind ours in the same memory.
unsafe fn inner_of(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: the memory of `szOsFile` bytes holds both; a `Log` keeps the alignment of pointers.
    unsafe { file.cast::<Log>().add(1).cast() }
}

/// Calls a method of the layer below.
macro_rules! below {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: the file is open, so its inner one is, too, and has its methods; the arguments
        // are SQLite's own.
        unsafe {
            let inner = inner_of($file);
            match (*(*inner).pMethods).$method {
                Some(method) => method(inner $(, $argument)*),
                None => ffi::SQLITE_IOERR,
            }
        }
    }};
}

/// Calls a method of the layer below after what waits was written; an error of that comes first.
macro_rules! after_flush {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls the methods of a file that is open.
        let flushed = unsafe { flush($file) };
        if flushed != ffi::SQLITE_OK {
            return flushed;
        }
        below!($file, $method $(, $argument)*)
    }};
}

/// Writes what waits. When that fails it is gone, and nothing more of its commit is written.
unsafe fn flush(file: *mut sqlite3_file) -> c_int {
    // SAFETY: `open` made the box, `close` frees it, and one connection is on one thread at a time.
    let waiting = unsafe { &mut *(*file.cast::<Log>()).waiting };
    if let Some(code) = waiting.failed {
        return code;
    }
    if waiting.bytes.is_empty() {
        return ffi::SQLITE_OK;
    }
    let code = match c_int::try_from(waiting.bytes.len()) {
        Ok(count) => below!(
            file,
            xWrite,
            waiting.bytes.as_ptr().cast(),
            count,
            waiting.offset
        ),
        Err(_) => ffi::SQLITE_IOERR_WRITE,
    };
    waiting.keep();
    if code != ffi::SQLITE_OK {
        waiting.failed = Some(code);
    }
    code
}

/// Writes what waits, and starts its write-back to the disk, because more follows.
unsafe fn flush_and_begin(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as in `flush`; a borrow ends before `flush` borrows again.
    unsafe {
        let waiting = (*file.cast::<Log>()).waiting;
        let (offset, length) = ((*waiting).offset, (*waiting).bytes.len());
        let code = flush(file);
        if code == ffi::SQLITE_OK {
            (*waiting).behind.begin(offset, length);
        }
        code
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    data: *const c_void,
    count: c_int,
    offset: sqlite3_int64,
) -> c_int {
    let Ok(length) = usize::try_from(count) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: as in `flush`; the borrow ends before `flush` borrows again.
    let joins = unsafe {
        let waiting = &*(*file.cast::<Log>()).waiting;
        let end = sqlite3_int64::try_from(waiting.bytes.len()).map(|n| waiting.offset + n);
        let follows = waiting.bytes.is_empty() || end == Ok(offset);
        follows && waiting.failed.is_none() && waiting.bytes.len() + length <= LARGEST
    };
    if !joins {
        // SAFETY: the file is open.
        let flushed = unsafe { flush_and_begin(file) };
        if flushed != ffi::SQLITE_OK {
            return flushed;
        }
    }
    // SAFETY: as in `flush`.
    let waiting = unsafe { &mut *(*file.cast::<Log>()).waiting };
    if !waiting.commits || length > LARGEST || waiting.bytes.try_reserve(length).is_err() {
        waiting.scattered = true;
        return after_flush!(file, xWrite, data, count, offset);
    }
    if waiting.bytes.is_empty() {
        waiting.offset = offset;
    }
    // SAFETY: SQLite gives `count` readable bytes.
    let data = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) };
    waiting.bytes.extend_from_slice(data);
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open, and this is the last call for it: the box is freed once.
    drop(unsafe { Box::from_raw((*file.cast::<Log>()).waiting) });
    below!(file, xClose)
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    data: *mut c_void,
    count: c_int,
    offset: sqlite3_int64,
) -> c_int {
    // SAFETY: as in `flush`.
    let failed = unsafe { (*(*file.cast::<Log>()).waiting).failed.is_some() };
    if failed {
        // The rollback reads what was there before.
        return below!(file, xRead, data, count, offset);
    }
    after_flush!(file, xRead, data, count, offset)
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    after_flush!(file, xTruncate, size)
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let flushed = unsafe { flush(file) };
    if flushed != ffi::SQLITE_OK {
        return flushed;
    }
    // SAFETY: as in `flush`; the borrow ends before anything borrows again.
    let waiting = unsafe { &mut *(*file.cast::<Log>()).waiting };
    if waiting.may_be_left() {
        waiting.left = true;
        return ffi::SQLITE_OK;
    }
    let code = below!(file, xSync, flags);
    if code == ffi::SQLITE_OK {
        // SAFETY: as above.
        let waiting = unsafe { &mut *(*file.cast::<Log>()).waiting };
        waiting.scattered = false;
        waiting.written.clear();
    }
    code
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    after_flush!(file, xFileSize, size)
}

unsafe extern "C" fn file_control(
    file: *mut sqlite3_file,
    what: c_int,
    with: *mut c_void,
) -> c_int {
    after_flush!(file, xFileControl, what, with)
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    below!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    below!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, held: *mut c_int) -> c_int {
    below!(file, xCheckReservedLock, held)
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    below!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    below!(file, xDeviceCharacteristics)
}
