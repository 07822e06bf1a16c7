//! Options of `open` and of maintenance, and times.

use std::time::{Duration, Instant};

use ash_rusqlite_engine::migration::MigrateOptions;
use ash_rusqlite_engine::{unknown_option, CallDeadline, Code, Error, INFINITY};
use rustler::{Term, TermType};
use serde_json::{Map, Value as Json};

use crate::atoms;

use super::{describe, get_tuple, name, Decode, Decoded, Stop};

/// A time in milliseconds, or `:infinity`. What is over already is no time at all.
pub fn timeout(term: Term<'_>) -> Decoded<Duration> {
    if atoms::infinity() == term {
        return Ok(INFINITY);
    }
    match term.decode::<i64>() {
        Ok(ms) => Ok(Duration::from_millis(u64::try_from(ms).unwrap_or(0)).min(INFINITY)),
        Err(_) => Err(wrong("timeout", "milliseconds, or :infinity", term)),
    }
}

/// The time of a call to the writer: `{ms since it began, ms that it was kept back, timeout}`, or
/// the timeout of one that begins. A fourth part, true, asks how long it waits in the queue; whether
/// it does comes second.
pub fn call_deadline(term: Term<'_>) -> Decoded<(CallDeadline, bool)> {
    let (elapsed, waited, time, timed) = match *get_tuple(term).unwrap_or_default() {
        [elapsed, waited, time] => (elapsed, waited, time, false),
        [elapsed, waited, time, timed] => (elapsed, waited, time, boolean("timed", timed)?),
        _ => return Ok((CallDeadline::new(timeout(term)?), false)),
    };
    let now = Instant::now();
    let ago = |term| -> Decoded<Instant> {
        let ago = timeout(term)?;
        Ok(now.checked_sub(ago).unwrap_or(now))
    };
    let (began, since) = (ago(elapsed)?, ago(waited)?);
    let deadline = CallDeadline {
        began,
        waits_since: (since < now).then_some(since),
        at: began + timeout(time)?,
    };
    Ok((deadline, timed))
}

pub(super) fn wrong(option: &str, expected: &str, term: Term<'_>) -> Stop {
    let shown = describe(term);
    let message = format!("the option {option}: takes {expected}, not {shown}");
    let error = Error::new(Code::InvalidOption, message).with("option", option);
    Stop::Failed(error.with("expected", expected).with("value", shown))
}

/// The options of `open` with the path, for the engine to validate.
pub fn open_options(path: Term<'_>, options: Term<'_>) -> Decoded<Map<String, Json>> {
    let mut map = Map::new();
    Decode::unlimited().each_pair(options, "the options", |_, option, value| {
        let json = plain(value).ok_or_else(|| wrong(&option, "another kind of value", value))?;
        map.insert(option.into(), json);
        Ok(())
    })?;
    let path = plain(path).ok_or_else(|| wrong("database", "a path", path))?;
    map.insert("database".to_owned(), path);
    Ok(map)
}

fn plain(term: Term<'_>) -> Option<Json> {
    match term.get_type() {
        TermType::Atom if super::is_nil(term) => Some(Json::Null),
        TermType::Atom => match term.decode::<bool>() {
            Ok(value) => Some(Json::Bool(value)),
            Err(_) => name(term).map(|text| Json::String(text.into())),
        },
        TermType::Integer => term.decode::<i64>().ok().map(Json::from),
        TermType::Float => term.decode::<f64>().ok().map(Json::from),
        TermType::Binary => name(term).map(|text| Json::String(text.into())),
        _ => None,
    }
}

/// The options of `migrate` and `rollback_migration`.
pub fn migrate_options(options: Term<'_>) -> Decoded<MigrateOptions> {
    let mut decoded = MigrateOptions::default();
    let read = Decode::on_scheduler().each_pair(options, "the options", |_, option, value| {
        match option.as_str() {
            "to" | "step" if super::is_nil(value) => {}
            "to" => decoded.to = Some(integer("to", "a version", value)?),
            "step" => decoded.step = Some(integer("step", "a number of migrations", value)?),
            "take_over" => decoded.take_over = boolean("take_over", value)?,
            _ => return Err(unknown_option(&option, &["to", "step", "take_over"]).into()),
        }
        Ok(())
    });
    match read {
        Ok(()) => Ok(decoded),
        Err(Stop::Big) => Err(Error::new(Code::InvalidOption, "there are too many options").into()),
        Err(failed) => Err(failed),
    }
}

pub(super) fn integer<'a, T: rustler::Decoder<'a>>(
    option: &str,
    what: &str,
    term: Term<'a>,
) -> Decoded<T> {
    term.decode().map_err(|_| wrong(option, what, term))
}

/// The name and the version of a migration's file.
pub fn file_name_of(text: Term<'_>, version: Term<'_>) -> Decoded<(String, i64)> {
    let found = name(text).filter(|_| text.is_binary()).map(String::from);
    let found = found.ok_or_else(|| wrong("name", "a text", text))?;
    Ok((found, integer("version", "a version", version)?))
}

/// The options of `check`.
pub struct CheckOptions {
    /// Leaves out what takes long.
    pub quick: bool,
    /// The largest number of findings.
    pub limit: u32,
}

impl CheckOptions {
    /// Decodes them.
    pub fn decode(options: Term<'_>) -> Decoded<CheckOptions> {
        let mut decoded = CheckOptions {
            quick: false,
            limit: 100,
        };
        Decode::unlimited().each_pair(options, "the options", |_, option, value| {
            match option.as_str() {
                "quick" => decoded.quick = boolean("quick", value)?,
                "limit" => decoded.limit = integer("limit", "a number of findings", value)?,
                _ => return Err(unknown_option(&option, &["quick", "limit"]).into()),
            }
            Ok(())
        })?;
        Ok(decoded)
    }
}

/// From how many steps on a statement is said to scan.
pub fn steps(term: Term<'_>) -> Decoded<u64> {
    integer("min_steps", "a number of rows", term)
}

/// The largest number of findings.
pub fn findings(term: Term<'_>) -> Decoded<u32> {
    integer("limit", "a number of findings", term)
}

/// Whether a backup may replace a file.
pub fn overwrite(options: Term<'_>) -> Decoded<bool> {
    let mut overwrite = false;
    Decode::unlimited().each_pair(options, "the options", |_, option, value| {
        match option.as_str() {
            "overwrite" => overwrite = boolean("overwrite", value)?,
            _ => return Err(unknown_option(&option, &["overwrite"]).into()),
        }
        Ok(())
    })?;
    Ok(overwrite)
}

pub(super) fn boolean(option: &str, term: Term<'_>) -> Decoded<bool> {
    term.decode()
        .map_err(|_| wrong(option, "true or false", term))
}

/// A path of a file or folder.
pub fn path(term: Term<'_>) -> Decoded<std::path::PathBuf> {
    let text =
        name(term).filter(|text| term.is_binary() && !text.is_empty() && !text.contains('\0'));
    text.map(|text| text.as_str().into())
        .ok_or_else(|| wrong("path", "the path of a file or folder", term))
}
