//! Reading: a pool of connections, one call per query, in two paces.
//!
//! `database` calls it; it knows `execute`, `request`, `connection` and what is below, and nothing of
//! the writer. Connections and the calls that wait for one are in `pool`. How a statement runs:
//! `execute`. What ends it: `sqlite::interrupt`. When its rows may be seen: `service::durability`.

pub mod pool;

use std::sync::atomic::Ordering;
use std::time::Instant;

use rusqlite::limits::Limit;

use crate::catalog::shared_catalog::SharedCatalog;
use crate::error::{Code, Error, Result};
use crate::execute::Executor;
use crate::query::ir::Read;
use crate::request::{Pace, ReadOutcome};
use crate::service::durability::{Durability, Seen};
use crate::service::stats::Counters;
use crate::service::RowSink;
use crate::sqlite::interrupt::{Stop, SLICE_BYTES};
use crate::sqlite::sqlite_error;

use pool::Reader;

/// SQLite's default limit of a value's length.
const FULL_LENGTH: i32 = 1_000_000_000;

/// Rows of a slice between two looks at the clock,
const LOOK_ROWS: u32 = 8;
/// unless they are so large.
const LOOK_BYTES: usize = 32 * 1024;

/// What a read needs besides its connection.
pub struct Environment<'a> {
    /// The tables.
    pub catalog: &'a SharedCatalog,
    /// The counters.
    pub counters: &'a Counters,
    /// Which commits are synced; `None` unless reads are durable.
    pub durability: Option<&'a Durability>,
}

/// Runs a read at its pace.
pub fn read(
    reader: &mut Reader,
    environment: &Environment<'_>,
    read: &Read,
    pace: &Pace,
    sink: &mut dyn RowSink,
) -> Result<ReadOutcome> {
    let seen = Seen::new(environment.durability);
    let outcome = match pace {
        Pace::Slice => read_slice(reader, environment, &seen, read, sink),
        Pace::Full {
            deadline,
            cancelled,
        } => {
            environment
                .counters
                .long_reads
                .fetch_add(1, Ordering::Relaxed);
            limit_length(reader, false)?;
            reader
                .link
                .interrupt
                .begin(*deadline, Some(cancelled.clone()));
            read_whole(reader, environment, &seen, read, sink)
        }
    };
    if matches!(outcome, Ok(ReadOutcome::Done)) {
        environment.counters.reads.fetch_add(1, Ordering::Relaxed);
        if let Some(last) = seen.unsynced() {
            return Ok(ReadOutcome::Unsynced(last));
        }
    }
    outcome
}

/// Reads on a thread that must not be blocked: a read that takes long is given up and started again
/// elsewhere.
fn read_slice(
    reader: &mut Reader,
    environment: &Environment<'_>,
    seen: &Seen<'_>,
    read: &Read,
    sink: &mut dyn RowSink,
) -> Result<ReadOutcome> {
    if environment.catalog.is_stale() {
        return Ok(ReadOutcome::NeedsTime);
    }
    limit_length(reader, true)?;
    reader
        .link
        .interrupt
        .begin_slice(Instant::now() + crate::INFINITY);
    let (mut bytes, mut rows) = (0_usize, 0_u32);
    let interrupt = reader.link.interrupt.clone();
    let result = executor(reader, environment, seen).read(read, sink, &mut |row_bytes| {
        bytes = bytes.saturating_add(row_bytes);
        rows = rows.wrapping_add(1);
        // The clock costs as much as a value of a row.
        let look = bytes > LOOK_BYTES || rows.is_multiple_of(LOOK_ROWS);
        if bytes > SLICE_BYTES || (look && interrupt.slice_is_over()) {
            interrupt.set_stop(Stop::Slice);
            return Err(Error::new(Code::Timeout, "the slice is over"));
        }
        Ok(())
    });
    match result {
        Ok(()) if environment.catalog.is_stale() => Ok(ReadOutcome::NeedsTime),
        Ok(()) => Ok(ReadOutcome::Done),
        Err(_) if interrupt.stop() == Stop::Slice => Ok(ReadOutcome::NeedsTime),
        Err(error) => match error.code() {
            // A value longer than a slice may read; a lock; a table that may be a new one.
            Code::TooBig
            | Code::Busy
            | Code::UnknownTable
            | Code::UnknownColumn
            | Code::NotJournaled => Ok(ReadOutcome::NeedsTime),
            _ => Err(error),
        },
    }
}

fn read_whole(
    reader: &mut Reader,
    environment: &Environment<'_>,
    seen: &Seen<'_>,
    read: &Read,
    sink: &mut dyn RowSink,
) -> Result<ReadOutcome> {
    if environment.catalog.is_stale() {
        environment.catalog.reload(&reader.link.conn)?;
    }
    let mut result = executor(reader, environment, seen).read(read, sink, &mut |_| Ok(()));
    let again = match &result {
        Ok(()) => environment.catalog.is_stale(),
        Err(error) => environment.catalog.explains(error, &reader.link.conn),
    };
    if again {
        environment.catalog.reload(&reader.link.conn)?;
        result = executor(reader, environment, seen).read(read, sink, &mut |_| Ok(()));
    }
    result.map(|()| ReadOutcome::Done).map_err(|error| {
        sqlite_error::refine(&reader.link.conn, reader.link.interrupt.explain(error))
    })
}

fn executor<'a>(
    reader: &'a Reader,
    environment: &Environment<'a>,
    seen: &'a Seen<'a>,
) -> Executor<'a> {
    Executor {
        conn: &reader.link.conn,
        catalog: environment.catalog,
        statements: &environment.counters.reader_statements,
        looks: Some(&reader.link.interrupt),
        // In a slice.
        runs_again: reader.limited,
        seen: Some(seen),
    }
}

/// In a slice SQLite itself refuses values that would take long to read.
pub(crate) fn limit_length(reader: &mut Reader, slice: bool) -> Result<()> {
    if reader.limited == slice {
        return Ok(());
    }
    let limit = if slice {
        i32::try_from(SLICE_BYTES).unwrap_or(FULL_LENGTH)
    } else {
        FULL_LENGTH
    };
    reader
        .link
        .conn
        .set_limit(Limit::SQLITE_LIMIT_LENGTH, limit)
        .map_err(sqlite_error::map)?;
    reader.limited = slice;
    Ok(())
}
