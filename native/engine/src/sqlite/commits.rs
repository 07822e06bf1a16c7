//! Commits of other programs. SQLite counts the commits of a database in the header of its
//! write-ahead log's index, which every process on it shares
//! (<https://sqlite.org/walformat.html#the_wal_index_header>). The writer notes where its own
//! commits took the counter to; where a reader finds another value, another connection has committed.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use rusqlite::{ffi, Connection};

/// The size of one piece of the index.
const REGION: i32 = 32 * 1024;

/// Where the counter is in the first piece, in words of 32 bits.
const COUNTER: usize = 2;

/// Nothing was noted yet.
const NONE: u64 = u64::MAX;

/// How far the commits are known to be our own, or to have been taken into account.
#[derive(Debug)]
pub struct OwnCommits {
    known: AtomicU64,
    committing: AtomicBool,
}

/// How far the commits had come at a moment.
#[derive(Debug)]
pub struct Seen {
    known: u64,
    now: u64,
}

impl Default for OwnCommits {
    fn default() -> Self {
        OwnCommits {
            known: AtomicU64::new(NONE),
            committing: AtomicBool::new(false),
        }
    }
}

impl OwnCommits {
    /// Whether every commit that `conn` can see is known. Costs a look at shared memory.
    pub fn are_all(&self, conn: &Connection) -> bool {
        let Some(now) = counter(conn) else {
            return false;
        };
        // The writer's own commit is seen before it is noted. Meanwhile no other one can commit.
        (0..2).any(|_| {
            let known = self.known.load(Ordering::Acquire);
            let next = known.wrapping_add(1) & u64::from(u32::MAX);
            let own = self.committing.load(Ordering::Acquire) && known != NONE && now == next;
            now == known || own
        })
    }

    /// How far the commits have come that `conn` can see, for [`OwnCommits::catch_up`].
    pub fn seen_by(&self, conn: &Connection) -> Seen {
        let known = self.known.load(Ordering::Acquire);
        let now = counter(conn).unwrap_or(NONE);
        Seen { known, now }
    }

    /// Takes what was seen for known.
    pub fn catch_up(&self, seen: &Seen) {
        // Should the writer have gone on meanwhile, its own note is the newer one.
        let _ =
            self.known
                .compare_exchange(seen.known, seen.now, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Runs the writer's COMMIT. Returns whether another connection may have committed around it.
    pub fn around<T, E>(
        &self,
        conn: &Connection,
        commit: impl FnOnce() -> Result<T, E>,
    ) -> (Result<T, E>, bool) {
        let before = counter(conn);
        self.committing.store(true, Ordering::Release);
        let result = commit();
        let after = counter(conn);
        let own = match (before, after) {
            (Some(before), Some(after)) => {
                let next = before.wrapping_add(1) & u64::from(u32::MAX);
                // A commit that changed nothing is not counted.
                let noted = if after == before { before } else { next };
                self.known.store(noted, Ordering::Release);
                true
            }
            _ => false,
        };
        self.committing.store(false, Ordering::Release);
        (result, !own)
    }
}

/// The counter, if the connection has its log open.
fn counter(conn: &Connection) -> Option<u64> {
    let main = open_file(conn, ffi::SQLITE_FCNTL_FILE_POINTER)?;
    // It has methods once the log, or a journal, is open; a journal there is none.
    open_file(conn, ffi::SQLITE_FCNTL_JOURNAL_POINTER)?;
    // SAFETY: `open_file` gives files that SQLite has open, whose methods are those of its VFS.
    // The connection is used by this thread alone, so that nothing closes them meanwhile.
    let methods = unsafe { (*main).pMethods.as_ref() }?;
    if methods.iVersion < 2 {
        return None;
    }
    let map = methods.xShmMap?;
    let mut region: *mut c_void = ptr::null_mut();
    // SAFETY: the log is open, so its index is mapped; with 0 for the last but one argument
    // nothing is made, and `region` stays null where there is none.
    let code = unsafe { map(main, 0, REGION, 0, &mut region) };
    if code != ffi::SQLITE_OK || region.is_null() {
        return None;
    }
    // SAFETY: the piece has 32 KiB and is aligned to a page, the word is within. Other processes
    // change it, so it is read as one that is shared.
    let word = unsafe { AtomicU32::from_ptr(region.cast::<u32>().add(COUNTER)) };
    Some(u64::from(word.load(Ordering::Acquire)))
}

/// A file of the connection, if it is open.
fn open_file(conn: &Connection, which: i32) -> Option<*mut ffi::sqlite3_file> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    let place: *mut *mut ffi::sqlite3_file = &mut file;
    // SAFETY: the handle is that of an open connection, which this thread alone uses; both
    // operations write a pointer to a file to the place that they are given.
    let code =
        unsafe { ffi::sqlite3_file_control(conn.handle(), c"main".as_ptr(), which, place.cast()) };
    if code != ffi::SQLITE_OK || file.is_null() {
        return None;
    }
    // SAFETY: SQLite gave a file of its own; its methods are null while it is closed.
    let open = unsafe { !(*file).pMethods.is_null() };
    open.then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path) -> Connection {
        let conn = Connection::open(path).unwrap();
        conn.pragma_update(None, "journal_mode", "wal").unwrap();
        conn.execute_batch("CREATE TABLE IF NOT EXISTS t (x)")
            .unwrap();
        conn
    }

    #[test]
    fn commits_of_other_connections_are_distinguished_from_our_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (own, other, reader) = (open(&path), open(&path), open(&path));
        let commits = OwnCommits::default();
        assert!(!commits.are_all(&reader));
        commits.catch_up(&commits.seen_by(&reader));
        assert!(commits.are_all(&reader));
        for _ in 0..3 {
            let insert = || own.execute_batch("INSERT INTO t VALUES (1)");
            let (done, others) = commits.around(&own, insert);
            done.unwrap();
            assert!(!others && commits.are_all(&reader));
        }
        other.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        assert!(!commits.are_all(&reader));
        commits.catch_up(&commits.seen_by(&own));
        assert!(commits.are_all(&reader));
        // What changed nothing is not counted, by SQLite nor here.
        let (done, _) = commits.around(&own, || own.execute_batch("DELETE FROM t WHERE x = 9"));
        done.unwrap();
        assert!(commits.are_all(&reader));
        other.execute_batch("DELETE FROM t").unwrap();
        assert!(!commits.are_all(&reader));
    }

    #[test]
    fn a_database_without_a_log_never_has_only_our_own_commits() {
        let conn = Connection::open_in_memory().unwrap();
        let commits = OwnCommits::default();
        commits.catch_up(&commits.seen_by(&conn));
        assert!(!commits.are_all(&conn));
    }
}
