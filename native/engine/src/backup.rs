//! Backups of a database that is in use, and their restoration
//! (<https://sqlite.org/backup.html>).
//!
//! A backup is one snapshot: a read transaction is held from its first page to its last, so
//! that writers, in this process or another, neither wait nor make it start again. While it
//! runs the write-ahead log grows, because no checkpoint can reset it. The copy is a single
//! file in rollback-journal mode, which opens from read-only media too; it gets its name
//! only when it is whole and synced.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OpenFlags};

pub use crate::sqlite::header::{check_header, Header};
pub use crate::sqlite::integrity::integrity_check;

use crate::catalog::{format_of, FORMAT};
use crate::error::{io_error, Code, Error, Result};
use crate::query::functions;
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::side_files::beside;
use crate::sqlite::vfs::file_locks;
use crate::sqlite::{integrity, side_files, sqlite_error};

/// Pages copied between two looks at the sink: 2 MiB of the usual 4 KiB pages.
const PAGES_PER_STEP: i32 = 512;
/// How long a backup waits for other processes, which cannot keep it waiting.
const LOCK_TIMEOUT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(5);

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSummary {
    /// Pages of the database.
    pub pages: u64,
    /// Bytes of the database.
    pub bytes: u64,
}

/// Copies the database of `source` into a new file, mode 0600. `source` must be outside a
/// transaction and free for the whole time; its authorizer must let transactions pass.
///
/// # Errors
/// `InvalidBackup` if the destination exists and `overwrite` is false, is the source, has a
/// journal beside it, or is a journal's name of a file that is there. After any error nothing is
/// left behind and an earlier file of that name is as it was.
pub fn backup(
    source: &Connection,
    destination: &Path,
    overwrite: bool,
    sink: &mut dyn ProgressSink,
) -> Result<BackupSummary> {
    file_locks::install();
    // An absolute path never begins with "file:", which SQLite would read as a URI.
    let destination = std::path::absolute(destination)
        .map_err(|error| io_error::map(&error, "write the backup", destination))?;
    check_destination(source, &destination, overwrite)?;
    let partial = Partial::create(&destination)?;
    let snapshot = source.unchecked_transaction().map_err(sqlite_error::map)?;
    // BEGIN alone takes no lock: the first read does.
    pragma::<i64>(source, "page_count")?;
    let mut copy = partial.open()?;
    // No other program sees the file, and it is synced as a whole before it gets its name.
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        .map_err(sqlite_error::map)?;
    let lock_deadline = Instant::now() + LOCK_TIMEOUT;
    copy_pages(
        (source, &mut copy),
        "backup",
        &destination,
        lock_deadline,
        sink,
    )?;
    drop(copy);
    drop(snapshot);
    let summary = partial.leave_wal_mode()?;
    check_destination(source, &destination, overwrite)?;
    partial.publish(&destination)?;
    Ok(summary)
}

/// Replaces the database of `conn` by the one in the file `source`, in one transaction:
/// other connections see the old rows, then the new ones. The file is checked first. The
/// deadline ends waiting for another process's lock, not the copying.
///
/// # Errors
/// `InvalidBackup` if the file is damaged, empty, the database itself, or has another page
/// size or text encoding; `NotADatabase`, `NewerFormat`. After any error the database is as
/// it was.
pub fn restore(
    conn: &mut Connection,
    source: &Path,
    deadline: Instant,
    sink: &mut dyn ProgressSink,
) -> Result<BackupSummary> {
    if !conn.is_autocommit() {
        return Err(Error::new(
            Code::NotAllowed,
            "a restore cannot run inside a transaction",
        ));
    }
    // Before it is opened: closing it would drop the locks that this process has on it.
    if let Some(owner) = side_files::owner(source) {
        let why = format!("is a file of the database {}", owner.display());
        return Err(unfit(source, &why));
    }
    let header = check_header(source)?;
    if header.empty {
        return Err(unfit(source, "is empty"));
    }
    if is_database_of(conn, source) {
        return Err(unfit(source, "is the database itself"));
    }
    let path = std::path::absolute(source)
        .map_err(|error| io_error::map(&error, "read the backup", source))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let backup = Connection::open_with_flags(path, flags).map_err(sqlite_error::map)?;
    // An index in the order of one of our collations cannot be checked without it.
    functions::register(&backup)?;
    // Held until the copy is made, so that what was checked is what is copied.
    let _snapshot = backup.unchecked_transaction().map_err(sqlite_error::map)?;
    check_source(&backup, conn, source)?;
    let summary = size_of(&backup)?;
    copy_pages((&backup, conn), "restore", source, deadline, sink)?;
    Ok(summary)
}

fn copy_pages(
    (from, to): (&Connection, &mut Connection),
    phase: &'static str,
    label: &Path,
    deadline: Instant,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    let copied = steps((from, to), phase, label, deadline, sink);
    copied.map_err(|error| sqlite_error::refine(to, error))
}

fn steps(
    (from, to): (&Connection, &mut Connection),
    phase: &'static str,
    label: &Path,
    deadline: Instant,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    let copy = Backup::new(from, to).map_err(sqlite_error::map)?;
    loop {
        // Dropping the unfinished copy rolls the destination back.
        if sink.cancelled() {
            return Err(Error::new(
                Code::Cancelled,
                format!("the {phase} was cancelled"),
            ));
        }
        let step = copy.step(PAGES_PER_STEP).map_err(sqlite_error::map)?;
        if matches!(step, StepResult::More | StepResult::Done) {
            let pages = copy.progress();
            let total = u64::try_from(pages.pagecount).unwrap_or(0);
            let left = u64::try_from(pages.remaining).unwrap_or(0);
            let (label, done) = (label.display().to_string(), total.saturating_sub(left));
            sink.progress(Progress {
                phase,
                label,
                done,
                total,
                estimate: None,
            });
        }
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ if Instant::now() >= deadline => {
                let message = format!("the {phase} waited too long for another process's lock");
                return Err(Error::new(Code::Busy, message));
            }
            _ => std::thread::sleep(PAUSE),
        }
    }
}

/// Refuses a name that a new database cannot get.
pub(crate) fn check_destination(
    source: &Connection,
    destination: &Path,
    overwrite: bool,
) -> Result<()> {
    let refusal = |why: &str| {
        let path = destination.display().to_string();
        Error::new(Code::InvalidBackup, format!("{path} {why}")).with("path", path)
    };
    let refused = |why: &str| Err(refusal(why));
    if is_database_of(source, destination) {
        return refused("is the database itself");
    }
    if let Some(owner) = side_files::owner(destination) {
        return refused(&format!(
            "is a file of the database {}; take another name",
            owner.display()
        ));
    }
    if destination.is_dir() {
        return refused("is a folder; name a file in it");
    }
    if !overwrite && fs::symlink_metadata(destination).is_ok() {
        let exists = refusal("exists; pass overwrite: true to replace it");
        return Err(exists.with("option", "overwrite"));
    }
    // SQLite would take the journal of the old file for the new one's.
    for suffix in ["-wal", "-journal"] {
        if beside(destination, suffix)
            .metadata()
            .is_ok_and(|journal| journal.len() > 0)
        {
            return refused(&format!(
                "has a {suffix} file beside it: it is open, or was not closed cleanly"
            ));
        }
    }
    Ok(())
}

fn check_source(backup: &Connection, conn: &Connection, path: &Path) -> Result<()> {
    if let Some(format) = format_of(backup).map_err(|error| damaged(error, path))? {
        if format > FORMAT {
            let message = format!(
                "{} has format {format}, this release knows {FORMAT}; update it",
                path.display()
            );
            return Err(
                Error::new(Code::NewerFormat, message).with("path", path.display().to_string())
            );
        }
    }
    for (pragma_name, what) in [("page_size", "pages of"), ("encoding", "the text encoding")] {
        let theirs = text(backup, pragma_name)?;
        let ours = text(conn, pragma_name)?;
        if theirs != ours {
            return Err(unfit(
                path,
                &format!("has {what} {theirs}, the database has {ours}"),
            ));
        }
    }
    // Rows that break a foreign key do not make a backup unfit: it is what was saved.
    let problems = integrity::page_problems(backup, true, 10)?;
    if problems.is_empty() {
        return Ok(());
    }
    Err(unfit(path, &format!("is damaged: {}", problems.join("; "))).with("problems", problems))
}

fn damaged(error: Error, path: &Path) -> Error {
    match error.code() {
        Code::Corrupt => unfit(path, &format!("is damaged: {}", error.message())),
        _ => error,
    }
}

fn unfit(path: &Path, why: &str) -> Error {
    let path = path.display().to_string();
    let message = format!("{path} cannot be restored: it {why}");
    Error::new(Code::InvalidBackup, message).with("path", path)
}

/// Whether a path leads to the connection's file, through whatever links.
fn is_database_of(conn: &Connection, path: &Path) -> bool {
    let Some(own) = conn.path().filter(|own| !own.is_empty()) else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let (Ok(a), Ok(b)) = (fs::metadata(own), fs::metadata(path)) {
            return a.dev() == b.dev() && a.ino() == b.ino();
        }
    }
    matches!((fs::canonicalize(own), fs::canonicalize(path)), (Ok(a), Ok(b)) if a == b)
}

fn pragma<T: FromSql>(conn: &Connection, name: &str) -> Result<T> {
    conn.pragma_query_value(None, name, |row| row.get(0))
        .map_err(sqlite_error::map)
}

fn text(conn: &Connection, name: &str) -> Result<String> {
    match pragma::<rusqlite::types::Value>(conn, name)? {
        rusqlite::types::Value::Integer(number) => Ok(number.to_string()),
        rusqlite::types::Value::Text(text) => Ok(text),
        _ => Ok(String::new()),
    }
}

fn size_of(conn: &Connection) -> Result<BackupSummary> {
    let pages = u64::try_from(pragma::<i64>(conn, "page_count")?).unwrap_or(0);
    let page_size = u64::try_from(pragma::<i64>(conn, "page_size")?).unwrap_or(0);
    Ok(BackupSummary {
        pages,
        bytes: pages * page_size,
    })
}

/// A copy that has not got its name yet. Dropped, it goes, and its journals with it.
pub(crate) struct Partial {
    path: PathBuf,
}

impl Partial {
    /// Makes it beside its destination, readable to its owner alone.
    pub(crate) fn create(destination: &Path) -> Result<Partial> {
        let path = beside(destination, &format!(".partial-{}", uuid::Uuid::new_v4()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .open(&path)
            .map_err(|error| io_error::map(&error, "create", &path))?;
        Ok(Partial { path })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let copy = Connection::open_with_flags(&self.path, flags).map_err(sqlite_error::map)?;
        // Without other users the log's index stays in memory: no -shm file.
        copy.execute_batch("PRAGMA locking_mode = EXCLUSIVE")
            .map_err(sqlite_error::map)?;
        Ok(copy)
    }

    /// The copied header says write-ahead log, as the source's; also shows that it opens.
    fn leave_wal_mode(&self) -> Result<BackupSummary> {
        let copy = self.open()?;
        let mode: String = copy
            .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))
            .map_err(sqlite_error::map)?;
        copy.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
            row.get::<_, i64>(0)
        })
        .map_err(sqlite_error::map)?;
        if mode != "delete" {
            return Err(Error::new(
                Code::Internal,
                format!("the copy stayed in mode {mode}"),
            ));
        }
        let summary = size_of(&copy)?;
        copy.close()
            .map_err(|(_, error)| sqlite_error::map(error))?;
        Ok(summary)
    }

    /// Syncs the file, gives it its name and syncs the folder.
    pub(crate) fn publish(self, destination: &Path) -> Result<()> {
        let failed = |error: std::io::Error| io_error::map(&error, "write the backup", destination);
        File::open(&self.path)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        fs::rename(&self.path, destination).map_err(failed)?;
        match destination.parent() {
            Some(folder) => File::open(folder)
                .and_then(|dir| dir.sync_all())
                .map_err(failed),
            None => Ok(()),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `publish` there is nothing of this name any more.
        let _ = fs::remove_file(&self.path);
        for suffix in side_files::SUFFIXES {
            let _ = fs::remove_file(beside(&self.path, suffix));
        }
    }
}
