//! The file of a database and its log, as they were when they were opened: whether they still are
//! what their paths name. A write into a file without a name is gone when the process ends.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::{Code, Error};
use crate::sqlite::side_files::beside;
use crate::sqlite::vfs::file_locks;

/// Readers look this often at most: to look takes a third of the time of a short read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What another program deleted, moved or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The database's file.
    Database,
    /// Its log.
    Log,
}

/// A file and what it was.
#[derive(Debug)]
struct Opened {
    path: PathBuf,
    /// Device and inode.
    identity: Option<(u64, u64)>,
}

impl Opened {
    fn now(path: PathBuf) -> Opened {
        let identity = identity(&path);
        Opened { path, identity }
    }

    fn moved(&self) -> bool {
        self.identity != identity(&self.path)
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let data = std::fs::metadata(path).ok()?;
    Some((data.dev(), data.ino()))
}

fn is_gone(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The files of a database that is open.
#[derive(Debug)]
pub struct OpenedFiles {
    database: Opened,
    log: Opened,
    /// The index of the log: who shares it shares the log.
    index: Opened,
}

/// Who else has the files that we have lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// None that matters.
    None,
    /// Databases of this program alone.
    Ours,
    /// Another program.
    Foreign,
}

/// Device and inode of a database, its log and its index.
type Identities = [Option<(u64, u64)>; 3];

/// The files that writers of this program use, once for each of them.
static USED: Mutex<Vec<Identities>> = Mutex::new(Vec::new());

/// As long as it lives, the files count as used.
#[derive(Debug)]
pub struct FileUse(Identities);

impl Drop for FileUse {
    fn drop(&mut self) {
        let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = used.iter().position(|used| *used == self.0) {
            used.swap_remove(place);
        }
    }
}

impl OpenedFiles {
    /// Those of a connection that has just opened them.
    pub fn of(conn: &Connection) -> Option<OpenedFiles> {
        // SQLite has followed the links: the log is beside what they lead to.
        let path = PathBuf::from(conn.path().filter(|path| !path.is_empty())?);
        let log = Opened::now(beside(&path, "-wal"));
        let index = Opened::now(beside(&path, "-shm"));
        let database = Opened::now(path);
        Some(OpenedFiles {
            database,
            log,
            index,
        })
    }

    /// Notes that a writer uses them.
    pub fn begin_use(&self) -> FileUse {
        let files = [&self.database, &self.log, &self.index].map(|file| file.identity);
        let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
        used.push(files);
        FileUse(files)
    }

    /// Who else has them and would be in the way of opening them again: they would share the index
    /// of a log that they do not have, or move a log without a name into the file. `ours` is how
    /// often the calling writer is counted among their users.
    pub fn others(&self, ours: usize) -> Others {
        let Some(index) = self.index.identity else {
            return Others::None;
        };
        if self.database.moved() && self.index.moved() {
            return Others::None;
        }
        if file_locks::others_lock(index) {
            return Others::Foreign;
        }
        let named = [&self.database, &self.log].map(|file| identity(&file.path));
        let used = USED.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has the files of these names has opened them again.
        let in_the_way = used
            .iter()
            .filter(|[database, log, of]| *of == Some(index) && [*database, *log] != named);
        match in_the_way.count() > ours {
            true => Others::Ours,
            false => Others::None,
        }
    }

    /// What is not what it was. Two calls of the system, 1 to 2 µs.
    pub fn moved(&self) -> Option<Moved> {
        if self.database.moved() {
            Some(Moved::Database)
        } else {
            self.log.moved().then_some(Moved::Log)
        }
    }

    /// The database's path.
    pub fn path(&self) -> &Path {
        &self.database.path
    }

    /// Whether there is no file of the database's name.
    pub fn database_is_gone(&self) -> bool {
        is_gone(&self.database.path)
    }

    /// Whether there is no log of this name, nor has the database moved.
    pub fn only_the_log_is_gone(&self) -> bool {
        is_gone(&self.log.path) && !self.database.moved()
    }

    /// Whether the log, but not the database, is what it was.
    pub fn only_the_database_moved(&self) -> bool {
        self.database.moved() && !self.log.moved()
    }

    /// What happened, in the words of `rest` behind it.
    fn error_with(&self, moved: Moved, rest: &str) -> Error {
        let (what, path) = match moved {
            Moved::Database => ("file", &self.database.path),
            Moved::Log => ("log", &self.log.path),
        };
        let path = path.display();
        let message = format!(
            "another program deleted, moved or replaced the {what} of the open database ({path}). {rest}"
        );
        Error::new(Code::FileReplaced, message).with("path", path.to_string())
    }

    /// The error of a request that has done nothing yet.
    pub fn error(&self, moved: Moved) -> Error {
        self.error_with(moved, "Nothing of this was done; the files are opened again, so try again. Let no program touch the file, its -wal or its -shm but through SQLite")
    }

    /// The error of a write that was running.
    pub fn error_of_a_write(&self, moved: Moved) -> Error {
        self.error_with(moved, "What was being written is not acknowledged: it may be lost, or be there after all. The files are opened again; look whether it is there before you write it again. Let no program touch the file, its -wal or its -shm but through SQLite")
            .with("maybe_written", true)
    }

    /// The error of a request while other users keep the files from being opened again.
    pub fn error_in_use(&self, moved: Moved) -> Error {
        self.error_with(moved, "Others still have it open as it was, so it cannot be opened again without damage: close them, or restart them. It is opened again once they are gone")
    }

    /// What is reported when the files are open again.
    pub fn report(&self, moved: Moved, nothing_is_lost: bool) -> Error {
        self.error_with(moved, match nothing_is_lost {
            true => "All of the log was moved into the file and nothing is lost; the files are open again. Let no program touch them but through SQLite",
            false => "The files that the paths name now are open instead; what was acknowledged before is in them only as far as they hold it. Let no program touch them but through SQLite",
        })
    }
}

/// Checks the files now and then, for reads.
#[derive(Debug)]
pub struct FileWatch {
    files: RwLock<Option<Arc<OpenedFiles>>>,
    since: Instant,
    /// The time of the last check, in milliseconds.
    looked: AtomicU64,
    /// The writer was asked to look and has not done so.
    asked: AtomicBool,
    /// The writer could not open the files again.
    lost: AtomicBool,
}

impl Default for FileWatch {
    fn default() -> FileWatch {
        FileWatch {
            files: RwLock::default(),
            since: Instant::now(),
            looked: AtomicU64::new(0),
            asked: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        }
    }
}

impl FileWatch {
    /// Sets what is looked at.
    pub fn set(&self, files: Option<Arc<OpenedFiles>>) {
        *self.files.write().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// Whether the writer is to check: if something moved, and it was not asked yet.
    pub fn asks_the_writer(&self) -> bool {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.looked.load(Ordering::Relaxed);
        let every = u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(last) < every {
            return false;
        }
        let mine = self
            .looked
            .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_err() {
            return false;
        }
        let moved = || {
            let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
            files.as_ref().is_some_and(|files| files.moved().is_some())
        };
        (self.lost.load(Ordering::Relaxed) || moved()) && !self.asked.swap(true, Ordering::Relaxed)
    }

    /// Whether the files are lost, for the writer to say.
    pub fn set_lost(&self, lost: bool) {
        self.lost.store(lost, Ordering::Relaxed);
    }

    /// The writer looks.
    pub fn answered(&self) {
        self.asked.store(false, Ordering::Relaxed);
    }
}
