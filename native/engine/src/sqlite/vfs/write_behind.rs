//! Starts the write-back of the first pages of a long commit while SQLite still writes the rest
//! (`sync_file_range(2)`, on Linux alone). It promises nothing: the sync that follows waits for
//! all pages, and reports those that failed.

use std::ffi::CStr;
#[cfg(target_os = "linux")]
use std::{ffi::OsStr, fs::File, os::fd::AsRawFd, os::unix::ffi::OsStrExt};

/// A file whose write-back can be started.
#[derive(Default)]
pub struct WriteBehind {
    /// Opened once more: SQLite keeps its own descriptor to itself.
    #[cfg(target_os = "linux")]
    file: Option<File>,
}

#[cfg(target_os = "linux")]
impl WriteBehind {
    /// The file with this name. Where it cannot be opened, no write-back is started.
    pub fn of(path: &CStr) -> WriteBehind {
        let path = OsStr::from_bytes(path.to_bytes());
        WriteBehind {
            file: File::open(path).ok(),
        }
    }

    /// Begins with bytes that were written. Returns whether the system does.
    pub fn begin(&self, offset: i64, length: usize) -> bool {
        match (&self.file, i64::try_from(length)) {
            // For the system none are all.
            (Some(file), Ok(length)) if length > 0 => {
                let begin = libc::SYNC_FILE_RANGE_WRITE;
                // SAFETY: the descriptor is open, and no memory is given.
                unsafe { libc::sync_file_range(file.as_raw_fd(), offset, length, begin) == 0 }
            }
            _ => false,
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl WriteBehind {
    /// Nothing will be begun.
    pub fn of(_: &CStr) -> WriteBehind {
        WriteBehind::default()
    }

    /// Does nothing.
    pub fn begin(&self, _: i64, _: usize) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn the_system_begins_with_what_was_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 1 << 20]).unwrap();
        let behind = WriteBehind::of(&CString::new(file.path().as_os_str().as_bytes()).unwrap());
        assert!(behind.begin(4_096, 127 * 1024));
        assert!(!behind.begin(4_096, 0));
        assert!(!behind.begin(-1, 127 * 1024));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_left_alone() {
        assert!(!WriteBehind::of(c"/nowhere/at all").begin(0, 4_096));
    }
}
