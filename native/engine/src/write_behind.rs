//! Has the medium begin with the first pages of a long commit while SQLite still writes the rest
//! (`sync_file_range(2)`, on Linux alone). It promises nothing: the sync that follows waits for
//! all of them, and tells of those that failed.

use std::ffi::CStr;
#[cfg(target_os = "linux")]
use std::{ffi::OsStr, fs::File, os::fd::AsRawFd, os::unix::ffi::OsStrExt};

/// So many bytes are worth a call of the system's.
const WORTH: i64 = 254 * 1024;

/// A file, and what was written of it that nobody has begun with.
#[derive(Default)]
pub struct WriteBehind {
    /// Opened once more: SQLite keeps its own descriptor to itself.
    #[cfg(target_os = "linux")]
    file: Option<File>,
    from: i64,
    to: i64,
}

impl WriteBehind {
    /// Of the file with this name. Where it cannot be opened, nothing will be begun.
    pub fn of(path: &CStr) -> WriteBehind {
        WriteBehind {
            #[cfg(target_os = "linux")]
            file: File::open(OsStr::from_bytes(path.to_bytes())).ok(),
            ..WriteBehind::default()
        }
    }

    /// What was written before needs no more: a commit begins.
    pub fn forget(&mut self) {
        (self.from, self.to) = (0, 0);
    }

    /// Hears of bytes that were written. Returns whether the medium was told to begin.
    pub fn wrote(&mut self, offset: i64, length: i64) -> bool {
        if offset != self.to {
            self.from = offset;
        }
        self.to = offset + length;
        let worth = self.to - self.from >= WORTH;
        let begun = worth && self.begin();
        if worth {
            self.from = self.to;
        }
        begun
    }

    #[cfg(target_os = "linux")]
    fn begin(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let (length, begin) = (self.to - self.from, libc::SYNC_FILE_RANGE_WRITE);
        // SAFETY: the descriptor is open, and no memory is given.
        unsafe { libc::sync_file_range(file.as_raw_fd(), self.from, length, begin) == 0 }
    }

    #[cfg(not(target_os = "linux"))]
    fn begin(&self) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::ffi::CString;

    const STEP: i64 = 127 * 1024;

    fn of_a_file() -> (tempfile::NamedTempFile, WriteBehind) {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 20).unwrap();
        let path = CString::new(file.path().as_os_str().as_bytes()).unwrap();
        (file, WriteBehind::of(&path))
    }

    #[test]
    fn the_system_begins_when_enough_follows_each_other() {
        let (_file, mut behind) = of_a_file();
        let begun: Vec<bool> = (0..5).map(|n| behind.wrote(n * STEP, STEP)).collect();
        assert_eq!(begun, [false, true, false, true, false]);
    }

    #[test]
    fn what_does_not_follow_or_is_of_another_commit_does_not_count() {
        let (_file, mut behind) = of_a_file();
        assert!(!behind.wrote(0, STEP));
        assert!(!behind.wrote(3 * STEP, STEP));
        behind.forget();
        assert!(!behind.wrote(4 * STEP, STEP));
        assert!(behind.wrote(5 * STEP, STEP));
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_left_alone() {
        let mut behind = WriteBehind::of(c"/nowhere/at all");
        assert!(!behind.wrote(0, 10 * STEP));
    }
}
