//! The arguments of a function, and the errors of those that do not fit.

use rusqlite::functions::Context;
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{ffi, Result};

use crate::sqlite::sqlite_error::REFUSED;

/// What a stored value is, for messages.
pub(super) fn kind(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "null",
        ValueRef::Integer(_) => "an integer",
        ValueRef::Real(_) => "a float",
        ValueRef::Text(_) => "a text",
        ValueRef::Blob(_) => "a blob",
    }
}

/// The error of a function that a value does not fit.
pub(super) fn refused(message: String) -> rusqlite::Error {
    // SQLite takes no text with a NUL for a message.
    let message = format!("{REFUSED}{message}").replace('\0', "\\0");
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(message))
}

/// A text; `None` is null.
pub(super) fn text<'a>(ctx: &'a Context<'_>, at: usize) -> Result<Option<&'a str>> {
    match ctx.get_raw(at) {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(refused("a stored text is not UTF-8".to_owned())),
        },
        other => Err(refused(format!("{} is no text", kind(other)))),
    }
}

/// What a function of one text returns; null for null.
pub(super) fn of_one(
    ctx: &Context<'_>,
    function: impl Fn(&str) -> Result<Stored>,
) -> Result<Stored> {
    text(ctx, 0)?.map_or(Ok(Stored::Null), function)
}

/// Whether something is so of two texts; null beside a null.
pub(super) fn of_two(
    ctx: &Context<'_>,
    function: impl Fn(&str, &str) -> Result<bool>,
) -> Result<Stored> {
    match text(ctx, 0)?.zip(text(ctx, 1)?) {
        Some((left, right)) => Ok(Stored::from(function(left, right)?)),
        None => Ok(Stored::Null),
    }
}
