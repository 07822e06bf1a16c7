//! Another SQLite library in this process: the system's own, loaded beside the bundled one.

#![allow(dead_code)]

use std::ffi::{c_char, c_int, c_void, CStr, CString};
use std::path::Path;
use std::ptr::{null, null_mut};

type Open = unsafe extern "C" fn(*const c_char, *mut *mut c_void, c_int, *const c_char) -> c_int;
type Row = unsafe extern "C" fn(*mut c_void, c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;
type Exec = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    Option<Row>,
    *mut c_void,
    *mut *mut c_char,
) -> c_int;
type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
type BusyTimeout = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;

pub const BUSY: c_int = 5;

/// The functions of the library.
#[derive(Clone, Copy)]
pub struct Library {
    open: Open,
    exec: Exec,
    close: Close,
    busy_timeout: BusyTimeout,
}

/// A connection of the library.
pub struct Other {
    library: Library,
    handle: *mut c_void,
}

// SAFETY: SQLite lets a connection go from thread to thread; one uses it at a time.
unsafe impl Send for Other {}

impl Library {
    /// The system's library; `None`, and a word about it, where there is none.
    pub fn load() -> Option<Library> {
        // SAFETY: the name ends with NUL; the library has no initializer but libc's.
        let handle = unsafe {
            libc::dlopen(
                c"libsqlite3.so.0".as_ptr(),
                libc::RTLD_NOW | libc::RTLD_LOCAL | libc::RTLD_DEEPBIND,
            )
        };
        if handle.is_null() {
            assert!(
                std::env::var_os("ASH_RUSQLITE_REQUIRE_LIBSQLITE3").is_none(),
                "libsqlite3.so.0 is missing"
            );
            eprintln!("SKIPPED: there is no libsqlite3.so.0; install Debian's libsqlite3-0");
            return None;
        }
        let symbol = |name: &CStr| {
            // SAFETY: the library is loaded and is never unloaded; the name ends with NUL.
            let found = unsafe { libc::dlsym(handle, name.as_ptr()) };
            assert!(!found.is_null(), "{name:?}");
            found
        };
        // SAFETY: these functions have these types (<https://sqlite.org/c3ref/intro.html>).
        unsafe {
            Some(Library {
                open: std::mem::transmute::<*mut c_void, Open>(symbol(c"sqlite3_open_v2")),
                exec: std::mem::transmute::<*mut c_void, Exec>(symbol(c"sqlite3_exec")),
                close: std::mem::transmute::<*mut c_void, Close>(symbol(c"sqlite3_close")),
                busy_timeout: std::mem::transmute::<*mut c_void, BusyTimeout>(symbol(
                    c"sqlite3_busy_timeout",
                )),
            })
        }
    }

    /// Opens a file that is there.
    pub fn open(self, path: &Path) -> Other {
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let mut handle = null_mut();
        // 2 is SQLITE_OPEN_READWRITE.
        // SAFETY: the name ends with NUL, and the pointer outlives the call.
        let code = unsafe { (self.open)(name.as_ptr(), &mut handle, 2, null()) };
        assert_eq!(code, 0, "{path:?}");
        Other {
            library: self,
            handle,
        }
    }
}

unsafe extern "C" fn row(
    rows: *mut c_void,
    count: c_int,
    values: *mut *mut c_char,
    _: *mut *mut c_char,
) -> c_int {
    let count = usize::try_from(count).unwrap();
    // SAFETY: `run` gives a vector, SQLite that many texts or nulls.
    let (rows, values) = unsafe {
        (
            &mut *rows.cast::<Vec<Vec<String>>>(),
            std::slice::from_raw_parts(values, count),
        )
    };
    let text = |value: &*mut c_char| match value.is_null() {
        true => "NULL".into(),
        // SAFETY: a text of SQLite's ends with NUL.
        false => unsafe { CStr::from_ptr(*value) }
            .to_string_lossy()
            .into_owned(),
    };
    rows.push(values.iter().map(text).collect());
    0
}

impl Other {
    /// Lets it wait for locks for a number of milliseconds.
    pub fn waiting(self, ms: c_int) -> Other {
        // SAFETY: the connection is open.
        assert_eq!(0, unsafe { (self.library.busy_timeout)(self.handle, ms) });
        self
    }

    /// Runs statements. Returns rows, or SQLite's code.
    pub fn run(&self, sql: &str) -> Result<Vec<Vec<String>>, c_int> {
        let sql = CString::new(sql).unwrap();
        let mut rows: Vec<Vec<String>> = Vec::new();
        // SAFETY: the connection is open, the text ends with NUL, and the rows outlive the call.
        let code = unsafe {
            let rows = (&raw mut rows).cast();
            (self.library.exec)(self.handle, sql.as_ptr(), Some(row), rows, null_mut())
        };
        if code == 0 {
            Ok(rows)
        } else {
            Err(code)
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // SAFETY: the connection is open, and this is its last use.
        unsafe { (self.library.close)(self.handle) };
    }
}
