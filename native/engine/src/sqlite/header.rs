//! The first 100 bytes of a database file (<https://sqlite.org/fileformat.html#the_database_header>),
//! read before SQLite sees the file, so that a refusal can say why.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::path::Path;
use std::ptr;

use rusqlite::{ffi, Connection, OpenFlags};

use crate::error::{io_error, Code, Error, Result};
use crate::sqlite::sqlite_error;
use crate::sqlite::vfs::file_locks;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Newest "file format read version" that we read: 2 is the write-ahead log.
const READ_VERSION: u8 = 2;
/// Newest "schema format number" that SQLite knows.
const SCHEMA_FORMAT: u32 = 4;

/// What the header of a database file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The file has no byte yet: a database that nothing was written to.
    pub empty: bool,
    /// Bytes of a page.
    pub page_size: u32,
    /// 1: rollback journal, 2: write-ahead log. Above 2 the file may only be read.
    pub write_version: u8,
    /// 1: rollback journal, 2: write-ahead log.
    pub read_version: u8,
    /// Whose file it is (<https://sqlite.org/pragma.html#pragma_application_id>).
    pub application_id: u32,
}

/// Reads the header of a file that is there. An empty file is in order.
///
/// # Errors
/// `NotADatabase` for another kind of file or an encrypted one, `NewerFormat` for one that
/// only a newer SQLite can read, `Corrupt` for one cut off or with an impossible page size.
pub fn check_header(path: &Path) -> Result<Header> {
    let failed = |error: std::io::Error| io_error::map(&error, "open", path);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(refuse(
            Code::CannotOpen,
            path,
            "is a folder; name a file in it",
        ));
    }
    // Opening a pipe would wait for a process that writes into it.
    if !metadata.is_file() {
        return Err(refuse(Code::CannotOpen, path, "is no regular file"));
    }
    // An absolute path never begins with "file:", which SQLite would read as a URI.
    let absolute = std::path::absolute(path).map_err(failed)?;
    file_locks::install();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = match Connection::open_with_flags(absolute, flags) {
        Ok(conn) => conn,
        // SQLite keeps the system's reason to itself.
        Err(error) => {
            return Err(match File::open(path) {
                Ok(file) => {
                    file_locks::close_file(file);
                    sqlite_error::map(error)
                }
                Err(reason) => failed(reason),
            })
        }
    };
    let bytes = first_bytes(&conn, metadata.len()).map_err(sqlite_error::of_code)?;
    parse(&bytes, path)
}

/// The first 100 bytes of a connection's file, or all of a shorter one, by its size for the
/// system: SQLite takes a file of one byte for an empty one. SQLite reads them: a
/// descriptor of ours would, when it is closed, take with it the locks of every connection
/// that the process has to the file.
fn first_bytes(conn: &Connection, size: u64) -> std::result::Result<Vec<u8>, c_int> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    let out: *mut *mut ffi::sqlite3_file = &mut file;
    // SAFETY: the handle lives as long as `conn`, "main" ends with a NUL, and this operation
    // writes one pointer to what it is given
    // (<https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlfilepointer>).
    let code = unsafe {
        ffi::sqlite3_file_control(
            conn.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            out.cast::<c_void>(),
        )
    };
    if code != ffi::SQLITE_OK {
        return Err(code);
    }
    // SAFETY: SQLite gave the file of an open connection, or none.
    let methods = unsafe { file.as_ref().and_then(|file| file.pMethods.as_ref()) };
    let Some(read) = methods.and_then(|own| own.xRead) else {
        return Err(ffi::SQLITE_CANTOPEN);
    };
    let mut bytes = vec![0; usize::try_from(size.min(100)).unwrap_or(0)];
    let length = c_int::try_from(bytes.len()).unwrap_or(0);
    // SAFETY: the file is open as long as `conn`, and the buffer has that many bytes.
    let code = unsafe { read(file, bytes.as_mut_ptr().cast::<c_void>(), length, 0) };
    if code != ffi::SQLITE_OK {
        return Err(code);
    }
    Ok(bytes)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Header> {
    if bytes.is_empty() {
        return Ok(Header {
            empty: true,
            ..Header::default()
        });
    }
    if !bytes.starts_with(MAGIC) {
        return Err(refuse(
            Code::NotADatabase,
            path,
            "is no SQLite database, or it is encrypted; encrypted files cannot be opened",
        ));
    }
    let Ok(header) = <&[u8; 100]>::try_from(bytes) else {
        return Err(refuse(Code::Corrupt, path, "is cut off inside its header"));
    };
    let (page, schema_format) = (u16::from_be_bytes([header[16], header[17]]), at(header, 44));
    let page_size = if page == 1 { 65_536 } else { u32::from(page) };
    let found = Header {
        empty: false,
        page_size,
        write_version: header[18],
        read_version: header[19],
        application_id: at(header, 68),
    };
    if found.read_version > READ_VERSION || schema_format > SCHEMA_FORMAT {
        return Err(refuse(
            Code::NewerFormat,
            path,
            "was written by a newer SQLite than this library has; update the library",
        ));
    }
    if !page_size.is_power_of_two() || page_size < 512 {
        return Err(refuse(
            Code::Corrupt,
            path,
            "has an impossible page size in its header; restore a backup",
        ));
    }
    Ok(found)
}

fn at(header: &[u8; 100], offset: usize) -> u32 {
    header
        .get(offset..offset + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

fn refuse(code: Code, path: &Path, why: &str) -> Error {
    let path = path.display().to_string();
    Error::new(code, format!("{path} {why}")).with("path", path)
}
