//! The layer over SQLite's own VFS. Files of a watched database carry a note of their disk;
//! behind it, in the same memory that SQLite gives to an open file, lies the real file.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void, CStr, OsStr};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::Medium;

/// The suffixes of the files of a database whose content is recorded.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

type Watched = HashMap<PathBuf, (PathBuf, Arc<Medium>)>;

/// The files that are watched, each with the database that it belongs to.
fn watched() -> MutexGuard<'static, Watched> {
    static WATCHED: OnceLock<Mutex<Watched>> = OnceLock::new();
    WATCHED
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn watch(database: &Path, medium: &Arc<Medium>) {
    let mut watched = watched();
    for suffix in SUFFIXES {
        let mut name = database.as_os_str().to_owned();
        name.push(suffix);
        let of = (database.to_owned(), Arc::clone(medium));
        watched.insert(PathBuf::from(name), of);
    }
}

pub(crate) fn forget(database: &Path) {
    watched().retain(|_, (owner, _)| owner != database);
}

/// A file that is open.
#[repr(C)]
struct Open {
    base: sqlite3_file,
    /// From `Box::into_raw`, until the file is closed.
    note: *mut Note,
}

/// What is recorded where.
struct Note {
    path: PathBuf,
    medium: Option<Arc<Medium>>,
}

/// SQLite's own VFS. It lives as long as the process.
struct Own(*mut sqlite3_vfs);

// SAFETY: SQLite itself uses a registered VFS from every thread; nothing writes to it.
unsafe impl Send for Own {}
// SAFETY: as above.
unsafe impl Sync for Own {}

static OWN: OnceLock<Own> = OnceLock::new();

/// Makes the layer the default VFS of the process, once.
pub(crate) fn register() -> Result<(), Box<dyn std::error::Error>> {
    static DONE: OnceLock<c_int> = OnceLock::new();
    let code = *DONE.get_or_init(|| {
        // SAFETY: null asks for the default VFS. What comes back is SQLite's own, never freed.
        let own = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        if own.is_null() {
            return ffi::SQLITE_ERROR;
        }
        // SAFETY: it is not null, and a plain structure that may be copied.
        let mut layer = unsafe { *own };
        let _ = OWN.set(Own(own));
        let mine = c_int::try_from(size_of::<Open>()).unwrap_or(c_int::MAX);
        layer.szOsFile = layer.szOsFile.saturating_add(mine);
        layer.pNext = ptr::null_mut();
        layer.zName = c"ash_rusqlite_check".as_ptr();
        layer.xOpen = Some(open);
        layer.xDelete = Some(delete);
        // SAFETY: the layer is leaked, so it outlives every use. The methods that it does not
        // replace are those of the VFS that it is a copy of.
        unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(layer)), 1) }
    });
    match code {
        ffi::SQLITE_OK => Ok(()),
        code => Err(format!("SQLite took no VFS (code {code})").into()),
    }
}

fn own() -> *mut sqlite3_vfs {
    OWN.get().map_or(ptr::null_mut(), |own| own.0)
}

/// The path that SQLite gives; `None` for a temporary file.
///
/// # Safety
/// `name` is null or ends with a NUL.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: it is not null and ends with a NUL.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

/// The real file behind ours.
///
/// # Safety
/// `file` is memory that SQLite allocated for a file of this VFS.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: `szOsFile` asked for our part and the real one's. Our part's size is a multiple
    // of a pointer's alignment, which is what the real one needs.
    unsafe { file.cast::<u8>().add(size_of::<Open>()).cast() }
}

/// The note of a file that is open.
///
/// # Safety
/// `file` was opened by [`open`] and not closed since.
unsafe fn note<'a>(file: *mut sqlite3_file) -> &'a Note {
    // SAFETY: `open` set the note before it let SQLite call any method.
    unsafe { &*(*file.cast::<Open>()).note }
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let own = own();
    // SAFETY: SQLite's own VFS opens its file in its part of the memory, by the name and with
    // the flags that SQLite gave; its `xOpen` is never null.
    let code = unsafe {
        (*file).pMethods = ptr::null();
        match (*own).xOpen {
            Some(open) => open(own, name, real(file), flags, out_flags),
            None => ffi::SQLITE_CANTOPEN,
        }
    };
    if code != ffi::SQLITE_OK {
        return code;
    }
    // SAFETY: a name that SQLite gives is null or ends with a NUL.
    let path = unsafe { path_of(name) }.unwrap_or_default();
    let medium = watched().get(&path).map(|(_, medium)| Arc::clone(medium));
    if let Some(medium) = &medium {
        medium.opened(&path);
    }
    let note = Box::into_raw(Box::new(Note { path, medium }));
    // SAFETY: the memory is ours and large enough for `Open`. Without methods SQLite would not
    // close the file, so they come last.
    unsafe {
        ptr::addr_of_mut!((*file.cast::<Open>()).note).write(note);
        (*file).pMethods = &METHODS;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: a name that SQLite gives ends with a NUL.
    let path = unsafe { path_of(name) }.unwrap_or_default();
    let medium = watched().get(&path).map(|(_, medium)| Arc::clone(medium));
    if medium.is_some_and(|medium| !medium.delete(&path)) {
        return ffi::SQLITE_IOERR_DELETE;
    }
    let own = own();
    // SAFETY: passed on as it came.
    unsafe {
        match (*own).xDelete {
            Some(delete) => delete(own, name, sync),
            None => ffi::SQLITE_IOERR_DELETE,
        }
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open, so the note is the one of `open`; SQLite calls nothing after.
    let (code, note) = unsafe {
        let code = pass_close(file);
        (code, Box::from_raw((*file.cast::<Open>()).note))
    };
    drop(note);
    code
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    count: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let note = unsafe { note(file) };
    let (Some(medium), Ok(length), Ok(place)) =
        (&note.medium, usize::try_from(count), usize::try_from(at))
    else {
        // SAFETY: passed on as it came.
        return unsafe { pass_write(file, bytes, count, at) };
    };
    // SAFETY: SQLite gives that many bytes.
    let data = unsafe { slice::from_raw_parts(bytes.cast::<u8>(), length) };
    medium.write(&note.path, place, data, |done| {
        match c_int::try_from(done) {
            Ok(0) | Err(_) => ffi::SQLITE_OK,
            // SAFETY: `done` is at most the count that SQLite gave.
            Ok(done) => unsafe { pass_write(file, bytes, done, at) },
        }
    })
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let note = unsafe { note(file) };
    // SAFETY: passed on as it came.
    let run = || unsafe { pass_truncate(file, size) };
    match (&note.medium, usize::try_from(size)) {
        (Some(medium), Ok(size)) => medium.truncate(&note.path, size, run),
        _ => run(),
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let note = unsafe { note(file) };
    match &note.medium {
        Some(medium) => medium.sync(&note.path),
        // SAFETY: passed on as it came.
        None => unsafe { pass_sync(file, flags) },
    }
}

/// Methods that are passed on to the real file.
macro_rules! pass_on {
    ($($name:ident = $method:ident($($arg:ident: $ty:ty),*);)*) => {
        $(unsafe extern "C" fn $name(file: *mut sqlite3_file, $($arg: $ty),*) -> c_int {
            // SAFETY: the file is open, so the real one behind it is, and has its methods.
            unsafe {
                let real = real(file);
                match (*(*real).pMethods).$method {
                    Some(method) => method(real, $($arg),*),
                    None => ffi::SQLITE_IOERR,
                }
            }
        })*
    };
}

pass_on! {
    pass_close = xClose();
    pass_write = xWrite(bytes: *const c_void, count: c_int, at: sqlite3_int64);
    pass_truncate = xTruncate(size: sqlite3_int64);
    pass_sync = xSync(flags: c_int);
    read = xRead(bytes: *mut c_void, count: c_int, at: sqlite3_int64);
    file_size = xFileSize(size: *mut sqlite3_int64);
    lock = xLock(level: c_int);
    unlock = xUnlock(level: c_int);
    check_reserved_lock = xCheckReservedLock(out: *mut c_int);
    file_control = xFileControl(op: c_int, arg: *mut c_void);
    sector_size = xSectorSize();
    device_characteristics = xDeviceCharacteristics();
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void);
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int);
    shm_unmap = xShmUnmap(delete: c_int);
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: the file is open, so the real one behind it is, and has its methods.
    unsafe {
        let real = real(file);
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

/// Version 2: without memory-mapped files, whose writes could not be seen.
static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
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
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
