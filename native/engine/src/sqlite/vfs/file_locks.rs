//! File locks that another SQLite library in the same process can neither take away nor overlook.
//!
//! SQLite locks files with `fcntl(F_SETLK)`. Such locks belong to the process: they are dropped when
//! it closes any descriptor of the file, and they do not conflict with those of another SQLite library
//! in it. Open-file-description locks (`F_OFD_SETLK`, `fcntl(2)`) belong to the open file,
//! and conflict with the classic ones of the same process. So the system calls `open`, `close` and
//! `fcntl` of this library's copy of SQLite are replaced (`xSetSystemCall`,
//! <https://sqlite.org/c3ref/vfs.html>).
//!
//! * SQLite takes the locks of a database file with one connection's descriptor and releases
//!   them with another's: all of a file go through one descriptor.
//! * A descriptor that this library closes would drop the classic locks of the other one: it is
//!   kept open as long as there may be such locks, and is used for the next open
//!   (`file_locks/descriptors.rs`).
//!
//! On 64-bit Linux alone. Elsewhere, and on file systems without such locks, SQLite's own are used.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod descriptors;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod calls {
    use std::ffi::{c_char, c_int, CStr};
    use std::fs::File;
    use std::mem::transmute;
    use std::os::fd::IntoRawFd;
    use std::path::Path;
    use std::sync::Once;

    use rusqlite::ffi::{self, sqlite3_vfs};

    use super::descriptors;
    use super::descriptors::Way;

    type SystemCall = unsafe extern "C" fn();

    /// Replaces the system calls of SQLite, once. Call it before the first file is opened.
    pub fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: SQLite initializes itself; the name ends with NUL.
            let vfs = unsafe { ffi::sqlite3_vfs_find(c"unix".as_ptr()) };
            // SAFETY: what is found lives as long as the library.
            let Some(set) = (unsafe { vfs.as_ref() }).and_then(|vfs| vfs.xSetSystemCall) else {
                return;
            };
            // SAFETY: SQLite calls each by the name with the arguments that the function takes.
            unsafe {
                let open = transmute::<
                    unsafe extern "C" fn(*const c_char, c_int, c_int) -> c_int,
                    SystemCall,
                >(open);
                let close = transmute::<unsafe extern "C" fn(c_int) -> c_int, SystemCall>(close);
                let fcntl = transmute::<
                    unsafe extern "C" fn(c_int, c_int, *mut libc::flock) -> c_int,
                    SystemCall,
                >(fcntl);
                replace(vfs, set, c"open", open);
                replace(vfs, set, c"close", close);
                replace(vfs, set, c"fcntl", fcntl);
            }
        });
    }

    type Set =
        unsafe extern "C" fn(*mut sqlite3_vfs, *const c_char, ffi::sqlite3_syscall_ptr) -> c_int;

    unsafe fn replace(vfs: *mut sqlite3_vfs, set: Set, name: &CStr, call: SystemCall) {
        // SAFETY: the layer is SQLite's own, the name one of its system calls.
        unsafe { set(vfs, name.as_ptr(), Some(call)) };
    }

    /// Closes a file of a database without dropping locks on it.
    pub fn close_file(file: File) {
        let descriptor = file.into_raw_fd();
        descriptors::opened(descriptor);
        descriptors::close(descriptor);
    }

    /// While it lives, no process that has not opened the database yet can open it.
    pub struct NewcomersWait(c_int);

    /// Keeps other processes from opening a database for a moment; `None` where that is not possible.
    pub fn keep_newcomers_out(database: &Path) -> Option<NewcomersWait> {
        let holder = descriptors::holder_of(database)?;
        descriptors::lock_first(holder, libc::F_WRLCK).then_some(NewcomersWait(holder))
    }

    /// Whether anything but this library in this process has a lock on a file that it has open, given
    /// by device and inode.
    pub fn others_lock(file: (u64, u64)) -> bool {
        descriptors::others_lock(file)
    }

    impl Drop for NewcomersWait {
        fn drop(&mut self) {
            descriptors::lock_first(self.0, libc::F_UNLCK);
        }
    }

    unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int {
        // SAFETY: SQLite gives a path that ends with NUL.
        if let Some(kept) = descriptors::reuse(unsafe { CStr::from_ptr(path) }, flags) {
            return kept;
        }
        // SAFETY: passed on as it came.
        let descriptor = unsafe { libc::open(path, flags, mode) };
        if descriptor >= 0 {
            descriptors::opened(descriptor);
        }
        descriptor
    }

    unsafe extern "C" fn close(descriptor: c_int) -> c_int {
        descriptors::close(descriptor)
    }

    /// C declares it with any number of arguments; on 64-bit Linux a call passes the first three
    /// alike. SQLite gives a lock to the commands that are looked at here.
    unsafe extern "C" fn fcntl(
        descriptor: c_int,
        command: c_int,
        argument: *mut libc::flock,
    ) -> c_int {
        let of_the_file = match command {
            libc::F_SETLK => libc::F_OFD_SETLK,
            libc::F_SETLKW => libc::F_OFD_SETLKW,
            libc::F_GETLK => libc::F_OFD_GETLK,
            // SAFETY: passed on as it came.
            _ => return unsafe { libc::fcntl(descriptor, command, argument) },
        };
        // SAFETY: SQLite gives a lock that nobody else uses.
        let Some(lock) = (unsafe { argument.as_mut() }) else {
            return -1;
        };
        match descriptors::way(descriptor, lock.l_start) {
            // SAFETY: passed on as it came.
            Way::Classic => unsafe { libc::fcntl(descriptor, command, argument) },
            Way::Through(holder) => {
                let writes = i32::from(lock.l_type) == libc::F_WRLCK;
                if writes && command != libc::F_GETLK && holder != descriptor {
                    // As the system would: SQLite relies on it for what is read-only.
                    // SAFETY: the descriptor is open.
                    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
                    if flags & libc::O_ACCMODE == libc::O_RDONLY {
                        descriptors::set_errno(libc::EBADF);
                        return -1;
                    }
                }
                lock.l_pid = 0;
                // SAFETY: the holder is open as long as the descriptor is.
                unsafe { libc::fcntl(holder, of_the_file, argument) }
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod calls {
    /// Nothing is replaced here.
    pub fn install() {}

    /// Closes a file.
    pub fn close_file(file: std::fs::File) {
        drop(file);
    }

    /// Nobody has one here.
    pub struct NewcomersWait(());

    /// Cannot be had here.
    pub fn keep_newcomers_out(_: &std::path::Path) -> Option<NewcomersWait> {
        None
    }

    /// Cannot be known here.
    pub fn others_lock(_: (u64, u64)) -> bool {
        false
    }
}

pub use calls::{close_file, install, keep_newcomers_out, others_lock};
