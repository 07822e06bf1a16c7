//! From the operating system's errors to our own.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Code, Error};

/// Maps an error of the file system. `action` completes "cannot … PATH".
pub(crate) fn map(error: &io::Error, action: &str, path: &Path) -> Error {
    let code = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Code::DiskFull
        }
        ErrorKind::ReadOnlyFilesystem => Code::ReadOnly,
        ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::IsADirectory
        | ErrorKind::NotADirectory
        | ErrorKind::InvalidFilename
        | ErrorKind::AlreadyExists => Code::CannotOpen,
        _ => Code::IoError,
    };
    let path = path.display().to_string();
    let mapped = Error::new(code, format!("cannot {action} {path}: {error}")).with("path", path);
    match error.raw_os_error() {
        Some(number) => mapped.with("os_error", i64::from(number)),
        None => mapped,
    }
}
