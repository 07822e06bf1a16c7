//! A second handle on a write-ahead log, with which another thread than the writer's syncs it.

use std::ffi::{c_int, CStr, CString};
use std::sync::{Mutex, PoisonError};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_vfs};

/// Bytes of a word of the memory that a file is opened in.
const WORD: usize = size_of::<u64>();

/// A log that is open once more. It is closed when this is dropped.
pub struct LogFile(Mutex<Open>);

struct Open {
    /// Holds SQLite's structure of a file; as long as the VFS wants it, aligned as it wants.
    memory: Box<[u64]>,
    /// The VFS may keep the pointer until the file is closed.
    _name: CString,
}

impl Open {
    fn file(&mut self) -> *mut sqlite3_file {
        self.memory.as_mut_ptr().cast()
    }
}

// SAFETY: the structure is used by one thread at a time, as the lock around it sees to, and belongs
// to no connection. A VFS does not bind files to threads.
unsafe impl Send for Open {}

impl LogFile {
    /// Opens a log that is there; `None` where that is not possible.
    ///
    /// # Safety
    /// The VFS is registered for as long as the process lives.
    pub unsafe fn open(vfs: *mut sqlite3_vfs, name: &CStr) -> Option<LogFile> {
        let name = name.to_owned();
        // SAFETY: as the caller says.
        let (open, size) = unsafe { ((*vfs).xOpen?, usize::try_from((*vfs).szOsFile).ok()?) };
        let memory = vec![0_u64; size.div_ceil(WORD)].into_boxed_slice();
        let mut opened = Open {
            memory,
            _name: name,
        };
        let flags = ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_WAL;
        let mut out_flags = 0;
        let file = opened.file();
        // SAFETY: the memory is as long as the VFS asks for, zeroed, and outlives the file, as the
        // name does, which ends with NUL.
        let code = unsafe { open(vfs, opened._name.as_ptr(), file, flags, &mut out_flags) };
        let opened = LogFile(Mutex::new(opened));
        // A descriptor that is open for reading alone could not write the log again.
        (code == ffi::SQLITE_OK && out_flags & ffi::SQLITE_OPEN_READONLY == 0).then_some(opened)
    }

    /// Syncs everything that was written to the log, by any program.
    ///
    /// # Errors
    /// SQLite's code.
    pub fn sync(&self) -> Result<(), c_int> {
        self.with(|file| {
            // SAFETY: `with` gives a file that is open.
            unsafe {
                let sync = (*(*file).pMethods).xSync?;
                Some(sync(file, ffi::SQLITE_SYNC_NORMAL))
            }
        })
    }

    /// Writes bytes to a place of the log.
    ///
    /// # Errors
    /// SQLite's code.
    pub fn write(&self, offset: sqlite3_int64, bytes: &[u8]) -> Result<(), c_int> {
        self.with(|file| {
            let count = c_int::try_from(bytes.len()).ok()?;
            // SAFETY: `with` gives a file that is open; the bytes are as many as is said.
            unsafe {
                let write = (*(*file).pMethods).xWrite?;
                Some(write(file, bytes.as_ptr().cast(), count, offset))
            }
        })
    }

    /// Reads as many bytes as there is room for, from a place of the log on.
    ///
    /// # Errors
    /// SQLite's code, also where the log is shorter.
    pub fn read(&self, offset: sqlite3_int64, into: &mut [u8]) -> Result<(), c_int> {
        self.with(|file| {
            let count = c_int::try_from(into.len()).ok()?;
            // SAFETY: `with` gives a file that is open; there is as much room as is said.
            unsafe {
                let read = (*(*file).pMethods).xRead?;
                Some(read(file, into.as_mut_ptr().cast(), count, offset))
            }
        })
    }

    fn with(&self, call: impl FnOnce(*mut sqlite3_file) -> Option<c_int>) -> Result<(), c_int> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = open.file();
        // SAFETY: the memory is that of a file; without methods it is not open.
        let is_open = unsafe { !(*file).pMethods.is_null() };
        match is_open.then(|| call(file)).flatten() {
            Some(ffi::SQLITE_OK) => Ok(()),
            Some(code) => Err(code),
            None => Err(ffi::SQLITE_IOERR),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let file = self.file();
        // SAFETY: the memory is that of a file, which is closed once if it was opened.
        unsafe {
            if let Some(close) = (*file).pMethods.as_ref().and_then(|all| all.xClose) {
                close(file);
            }
        }
    }
}
