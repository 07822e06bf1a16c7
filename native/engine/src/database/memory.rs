//! `:memory:` databases. SQLite's own give every connection a store of its own, or one lock
//! for all; ours behave exactly like files because they are files: in a folder of their own on
//! the machine's memory file system, removed when the database closes, or, after a crash, by
//! the next process that opens one.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::error::{Code, Error, Result};

const PREFIX: &str = "ash_rusqlite-memory-";
const LOCK: &str = "lock";
const NEW_LOCK: &str = "lock.new";

/// The folder of one `:memory:` database. It goes when this is dropped.
#[derive(Debug)]
pub struct MemoryFolder {
    path: PathBuf,
    /// Locked while the database lives, so that others see it is not a left-over. The lock is
    /// shared: when native code is replaced, the new one has it before the old one lets go.
    _lock: File,
    handed_over: bool,
}

impl MemoryFolder {
    /// Makes a folder that only this user can read. The first one of a process removes what
    /// crashed processes left: to look at every folder each time would take longer the more
    /// databases are open.
    pub fn create() -> Result<MemoryFolder> {
        static LEFTOVERS: Once = Once::new();
        let root = root();
        LEFTOVERS.call_once(|| remove_leftovers(&root));
        let path = root.join(format!("{PREFIX}{}", uuid::Uuid::new_v4()));
        let made = DirBuilder::new().mode(0o700).create(&path).and_then(|()| {
            // It gets its name when it is locked, or another process could take the folder for
            // an abandoned one in between.
            let lock = File::create(path.join(NEW_LOCK))?;
            lock.lock_shared()?;
            fs::rename(path.join(NEW_LOCK), path.join(LOCK))?;
            Ok(lock)
        });
        match made {
            Ok(lock) => Ok(MemoryFolder {
                path,
                _lock: lock,
                handed_over: false,
            }),
            Err(error) => Err(Error::new(
                Code::CannotOpen,
                format!(
                    "no folder for a :memory: database can be made in {} ({error})",
                    root.display()
                ),
            )
            .with("path", root.display().to_string())),
        }
    }

    /// Takes over the folder of a database that another copy of this library has closed.
    pub fn take_over(path: PathBuf) -> Result<MemoryFolder> {
        let lock = File::open(path.join(LOCK)).and_then(|lock| {
            lock.lock_shared()?;
            Ok(lock)
        });
        match lock {
            Ok(lock) => Ok(MemoryFolder {
                path,
                _lock: lock,
                handed_over: false,
            }),
            Err(error) => Err(Error::new(
                Code::CannotOpen,
                format!("the folder of a :memory: database is gone ({error})"),
            )
            .with("path", path.display().to_string())),
        }
    }

    /// Leaves the removal of the folder to another owner. It stays locked as long as this lives.
    pub fn hand_over(&mut self) -> PathBuf {
        self.handed_over = true;
        self.path.clone()
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.path.join("memory.db")
    }
}

impl Drop for MemoryFolder {
    fn drop(&mut self) {
        if self.handed_over {
            return;
        }
        // What cannot be removed now is removed by the next process.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn root() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() && !is_read_only(memory) {
        memory.to_path_buf()
    } else {
        std::env::temp_dir()
    }
}

fn is_read_only(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |data| data.permissions().readonly())
}

fn remove_leftovers(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            remove_if_abandoned(&entry.path());
        }
    }
}

fn remove_if_abandoned(folder: &Path) {
    // A folder without a lock file may be one that is just being made: leave it alone.
    let Ok(lock) = File::open(folder.join(LOCK)) else {
        return;
    };
    match lock.try_lock() {
        Ok(()) => drop(fs::remove_dir_all(folder)),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_database_and_leftovers_go_with_the_next_process() {
        let folder = MemoryFolder::create().unwrap();
        let path = folder.path.clone();
        let left = root().join(format!("{PREFIX}{}", uuid::Uuid::new_v4()));
        fs::create_dir(&left).unwrap();
        File::create(left.join(LOCK)).unwrap();
        let new = root().join(format!("{PREFIX}{}", uuid::Uuid::new_v4()));
        fs::create_dir(&new).unwrap();
        File::create(new.join(NEW_LOCK)).unwrap();
        remove_leftovers(&root());
        assert!(path.is_dir(), "a living one is left alone");
        assert!(new.is_dir(), "one that is being made is left alone");
        assert!(!left.exists(), "an abandoned one is removed");
        fs::remove_dir_all(&new).unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_is_taken_over_stays_locked_and_goes_with_its_new_owner() {
        let mut old = MemoryFolder::create().unwrap();
        let path = old.hand_over();
        let new = MemoryFolder::take_over(path.clone()).unwrap();
        drop(old);
        remove_if_abandoned(&path);
        assert!(path.is_dir());
        drop(new);
        assert!(!path.exists());
    }
}
