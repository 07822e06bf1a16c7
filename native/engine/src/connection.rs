//! Opens connections with the settings that every promise rests on.

use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::catalog;
use crate::config::{Config, Synchronous, TempStore};
use crate::error::{Code, Error, Result};
use crate::query::functions;
use crate::sqlite::authorizer::{Access, Gate};
use crate::sqlite::interrupt::InterruptHandler;
use crate::sqlite::vfs::{file_locks, joined_writes};
use crate::sqlite::{header, side_files, sqlite_error};

/// `ARqs`: marks the files that we create (<https://sqlite.org/pragma.html#pragma_application_id>).
pub const APPLICATION_ID: i32 = 0x4152_7173;

/// A connection with its handlers.
pub struct Link {
    /// SQLite's connection.
    pub conn: Connection,
    /// Its deadline and cancellation.
    pub interrupt: Arc<InterruptHandler>,
    /// What it may do.
    pub gate: Gate,
}

/// Opens the connection that writes, creating the file if the options allow it.
pub fn open_writer(path: &Path, config: &Config, closing: Arc<AtomicBool>) -> Result<Link> {
    let created = prepare_file(path, config)?;
    let flags = if config.read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let link = open(path, flags, config, closing).map_err(|error| at(error, path))?;
    link.interrupt
        .begin(std::time::Instant::now() + config.busy_timeout, None);
    set_up_writer(&link, config, created)
        .map_err(|error| at(link.interrupt.explain(error), path))?;
    check_format(&link.conn).map_err(|error| at(error, path))?;
    Ok(link)
}

/// Opens a connection that reads.
pub fn open_reader(path: &Path, config: &Config, closing: Arc<AtomicBool>) -> Result<Link> {
    let link = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, config, closing)
        .map_err(|error| at(error, path))?;
    link.gate.set(Access::Query);
    Ok(link)
}

/// A connection to nothing, in the place of one that is closed.
pub fn unconnected() -> Result<Link> {
    let mut conn = Connection::open_in_memory().map_err(sqlite_error::map)?;
    let interrupt = InterruptHandler::new(Arc::default());
    interrupt.install(&mut conn)?;
    let gate = Gate::install(&mut conn)?;
    Ok(Link {
        conn,
        interrupt,
        gate,
    })
}

/// A connection to a database of its own in memory, in which migrations are tried.
pub fn scratch() -> Result<Link> {
    let link = unconnected()?;
    link.interrupt.begin_unlimited();
    set_up(&link.conn, &Config::default())?;
    functions::register(&link.conn)?;
    // As while a migration runs.
    link.conn
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)
        .map_err(sqlite_error::map)?;
    Ok(link)
}

fn open(path: &Path, mode: OpenFlags, config: &Config, closing: Arc<AtomicBool>) -> Result<Link> {
    file_locks::install();
    let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut conn = match joined_writes(mode, config) {
        Some(layer) => Connection::open_with_flags_and_vfs(path, flags, layer),
        None => Connection::open_with_flags(path, flags),
    }
    .map_err(sqlite_error::map)?;
    let interrupt = InterruptHandler::new(closing);
    interrupt.install(&mut conn)?;
    interrupt.begin(std::time::Instant::now() + config.busy_timeout, None);
    let gate = Gate::install(&mut conn)?;
    conn.set_prepared_statement_cache_capacity(config.statement_cache_size);
    set_up(&conn, config).map_err(|error| interrupt.explain(error))?;
    functions::register(&conn)?;
    Ok(Link {
        conn,
        interrupt,
        gate,
    })
}

/// A commit that is synced may be written in one piece before; another is visible at once.
fn joined_writes(mode: OpenFlags, config: &Config) -> Option<&'static CStr> {
    let synced = matches!(config.synchronous, Synchronous::Full | Synchronous::Extra);
    let writes = mode.contains(OpenFlags::SQLITE_OPEN_READ_WRITE);
    (synced && writes).then(joined_writes::name).flatten()
}

fn set_up(conn: &Connection, config: &Config) -> Result<()> {
    let switches = [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        // A plan never depends on bound values, so a cached statement is not compiled again.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        // What is in memory is gone when it is closed: its log need not be copied first. Another
        // program that moves the log wants to see all of it.
        (
            DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            config.database.is_none() || config.log_size_limit.is_none(),
        ),
    ];
    for (switch, on) in switches {
        conn.set_db_config(switch, on).map_err(sqlite_error::map)?;
    }
    let temp_store = match config.temp_store {
        TempStore::Default => 0,
        TempStore::File => 1,
        TempStore::Memory => 2,
    };
    let pragmas = format!(
        "PRAGMA foreign_keys=ON; PRAGMA cache_size={}; PRAGMA mmap_size={}; PRAGMA temp_store={temp_store};",
        config.cache_size, config.mmap_size
    );
    conn.execute_batch(&pragmas).map_err(sqlite_error::map)
}

fn set_up_writer(link: &Link, config: &Config, created: bool) -> Result<()> {
    let conn = &link.conn;
    let run = |sql: String| conn.execute_batch(&sql).map_err(sqlite_error::map);
    if config.read_only {
        return run("SELECT count(*) FROM sqlite_schema;".into());
    }
    // SQLite opens a file without the right to write all the same, and every write would fail.
    if conn.is_readonly("main").map_err(sqlite_error::map)? {
        return Err(Error::new(
            Code::ReadOnly,
            "the file may not be written; give read_only: true, or the right to write",
        ));
    }
    if created {
        run(format!("PRAGMA application_id={APPLICATION_ID};"))?;
    }
    let mode: String = conn
        .query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))
        .map_err(sqlite_error::map)?;
    if mode != "wal" {
        return Err(Error::new(
            Code::CannotOpen,
            format!("the file system of the database cannot hold a write-ahead log (journal_mode is {mode})"),
        ));
    }
    let synchronous = match config.synchronous {
        Synchronous::Off => "OFF",
        Synchronous::Normal => "NORMAL",
        Synchronous::Full => "FULL",
        Synchronous::Extra => "EXTRA",
    };
    // Checkpoints are started by the writer after it has answered, not by a commit.
    run(format!(
        "PRAGMA synchronous={synchronous}; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit={}; SELECT count(*) FROM sqlite_schema;",
        config.journal_size_limit
    ))
}

fn check_format(conn: &Connection) -> Result<()> {
    match catalog::format_of(conn)? {
        Some(format) if format > catalog::FORMAT => Err(Error::new(
            Code::NewerFormat,
            format!(
                "the database has format {format}, this release reads up to {}; use a newer release of the library",
                catalog::FORMAT
            ),
        )
        .with("version", format)),
        _ => Ok(()),
    }
}

/// Makes sure that the path can be a database of ours. Returns whether the file is new.
fn prepare_file(path: &Path, config: &Config) -> Result<bool> {
    check_name(path)?;
    match std::fs::metadata(path) {
        Ok(data) if data.is_dir() => Err(cannot_open(
            path,
            "it is a directory; give the path of a file",
        )),
        Ok(data) if !data.is_file() => Err(cannot_open(path, "it is no regular file")),
        Ok(data) => {
            header::check_header(path)?;
            Ok(data.len() == 0 && !config.read_only)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if config.read_only || !config.create {
                let error = cannot_open(path, "there is no such file; leave create: on to make it");
                return Err(error.with("option", "create"));
            }
            create_file(path)?;
            Ok(true)
        }
        Err(error) => Err(os_error(path, &error)),
    }
}

/// Refuses the files beside a database, without a look into them: to close one would drop the
/// locks that this process has on it.
fn check_name(path: &Path) -> Result<()> {
    match side_files::owner(path) {
        None => Ok(()),
        Some(owner) => {
            let owner = owner.display();
            let why = format!("it is a file of the database {owner}; take another name");
            Err(cannot_open(path, &why))
        }
    }
}

/// Creates an empty file that only its owner can read, and syncs its folder's entry.
fn create_file(path: &Path) -> Result<()> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(file) => {
            let synced = file
                .sync_all()
                .and_then(|()| File::open(folder_of(path))?.sync_all());
            file_locks::close_file(file);
            synced.map_err(|error| os_error(path, &error))
        }
        // Another process was quicker.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(os_error(path, &error)),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn cannot_open(path: &Path, why: &str) -> Error {
    Error::new(
        Code::CannotOpen,
        format!("{} cannot be opened: {why}", path.display()),
    )
    .with("path", path.display().to_string())
}

fn os_error(path: &Path, error: &std::io::Error) -> Error {
    let wrapped = match error.kind() {
        std::io::ErrorKind::NotFound => {
            cannot_open(path, "its folder is not there; create it first")
        }
        std::io::ErrorKind::PermissionDenied => cannot_open(
            path,
            "permission denied; check the rights of the file and its folder",
        ),
        std::io::ErrorKind::StorageFull => {
            Error::new(Code::DiskFull, "the disk is full").with("path", path.display().to_string())
        }
        _ => cannot_open(path, &error.to_string()),
    };
    match error.raw_os_error() {
        Some(code) => wrapped.with("os_error", i64::from(code)),
        None => wrapped,
    }
}

fn at(error: Error, path: &Path) -> Error {
    if error.detail("path").is_some() {
        return error;
    }
    error.with("path", path.display().to_string())
}
