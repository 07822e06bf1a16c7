//! Reads. They run where they are called: on a normal scheduler for a slice of time, and
//! what needs longer is called again on a dirty one.

use std::sync::atomic::Ordering;
use std::time::Instant;

use ash_rusqlite_engine::{Code, Database, Error, Notify, Pace, ReadOutcome, RowSink, WaitId};
use rustler::{Env, Term};

use crate::atoms;
use crate::handle::{self, Ids, Kind};
use crate::registry;
use crate::reply;
use crate::term::decode::{timeout, Decode, Decoded, Query};
use crate::term::encode::rows::{CallerRows, Gathered};
use crate::term::raw::Raw;

use super::{answer, database, ok, timed_answer, wait_id, watched};

/// Words of terms that are made at once, since their garbage collection costs less than a call.
const SMALL: usize = 32 * 1024;

/// Rows between two looks at the clock.
const LOOK: u32 = 256;

#[rustler::nif]
fn read<'a>(env: Env<'a>, db: Term<'a>, query: Term<'a>, _timeout: Term<'a>) -> Term<'a> {
    timed_answer(env, || {
        let database = database(db)?;
        let query = Decode::on_scheduler().read(query)?;
        let mut rows = CallerRows::new(env, query.shape, database.config().decimal);
        match run(env, &database, &query, Pace::Slice, &mut rows)? {
            Ran::Done => Ok(rows.finish()?),
            Ran::Unsynced(commit) => {
                let (unsynced, commit) = (Raw::atom(atoms::unsynced()), Raw::unsigned(env, commit));
                Ok(Raw::tuple(env, [unsynced, commit, rows.finish()?]))
            }
            Ran::First(what) => Ok(what),
        }
    })
}

/// Whether a commit is synced, `:ok`, or is waited for.
#[rustler::nif]
fn on_synced<'a>(env: Env<'a>, db: Term<'a>, commit: Term<'a>) -> Term<'a> {
    answer(env, || {
        let (database, commit) = (database(db)?, wait_id(commit)?);
        let mut reference = None;
        let waits = database.on_synced(commit.0, || {
            let (ready, notify) = reply::notify_ready(env);
            reference = Some(ready);
            notify
        })?;
        Ok(match waits.zip(reference) {
            Some((id, reference)) => waiting(env, reference, id),
            None => Raw::atom(atoms::ok()),
        })
    })
}

#[rustler::nif]
fn not_synced<'a>(env: Env<'a>, db: Term<'a>, id: Term<'a>) -> Term<'a> {
    answer(env, || {
        let (database, id) = (database(db)?, wait_id(id)?);
        match database.unsynced_error(id) {
            Some(error) => Err(error.into()),
            None => Ok(Raw::atom(atoms::ready())),
        }
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn read_dirty<'a>(env: Env<'a>, db: Term<'a>, read: Term<'a>, timeout: Term<'a>) -> Term<'a> {
    answer(env, || read_in_full(env, db, read, timeout))
}

/// Small results are made into terms at once. Others wait until the caller has made room.
fn read_in_full<'a>(
    env: Env<'a>,
    db: Term<'a>,
    read: Term<'a>,
    time: Term<'a>,
) -> Decoded<Raw<'a>> {
    let deadline = Instant::now() + timeout(time)?;
    let database = database(db)?;
    let query = Decode::unlimited().read(read)?;
    let mut gathered = Gathered::new(query.shape, database.config().decimal);
    let later = watched(env, |cancelled| {
        let pace = Pace::Full {
            deadline,
            cancelled,
        };
        run(env, &database, &query, pace, &mut gathered.rows)
    })?;
    match later {
        Ran::First(what) => Ok(what),
        _ if gathered.rows.measure().words <= SMALL => Ok(gathered.finish(env, &mut || Ok(()))?),
        _ => keep(env, gathered),
    }
}

/// `{:gathered, rows, words, beside}`.
fn keep<'a>(env: Env<'a>, gathered: Gathered) -> Decoded<Raw<'a>> {
    let size = *gathered.rows.measure();
    let ids = Ids {
        database: 0,
        item: registry::keep_rows(gathered),
    };
    let Some(rows) = handle::held(env, Kind::Rows, ids) else {
        registry::take_rows(ids.item);
        return Err(Error::new(Code::Internal, "the VM refused a resource").into());
    };
    let number = |number| Raw::unsigned(env, number as u64);
    let gathered = Raw::atom(atoms::gathered());
    let (words, beside) = (number(size.words), number(size.beside));
    Ok(Raw::tuple(env, [gathered, Raw::of(rows), words, beside]))
}

/// Makes terms of gathered rows. Rows of a library that was replaced are read again.
#[rustler::nif(schedule = "DirtyCpu")]
fn take_rows<'a>(env: Env<'a>, rows: Term<'a>, time: Term<'a>) -> Term<'a> {
    answer(env, || {
        let deadline = Instant::now() + timeout(time)?;
        let ids = handle::ids(rows, Kind::Rows).ok_or_else(no_rows)?;
        let Some(gathered) = registry::take_rows(ids.item) else {
            return Ok(Raw::atom(atoms::dirty()));
        };
        watched(env, |cancelled| {
            let mut made = 0_u32;
            let mut in_time = || {
                made = made.wrapping_add(1);
                let look = made.is_multiple_of(LOOK);
                if look && (cancelled.load(Ordering::Relaxed) || Instant::now() > deadline) {
                    return Err(too_late());
                }
                Ok(())
            };
            Ok(gathered.finish(env, &mut in_time)?)
        })
    })
}

fn no_rows() -> Error {
    Error::new(Code::InvalidQuery, "these are no gathered rows")
}

fn too_late() -> Error {
    let message = "the rows were read, but not all made into terms, at the deadline; give a limit, or raise timeout:";
    Error::new(Code::Timeout, message)
}

/// The SQL of a read or write. It may be large, and a log has time.
#[rustler::nif(schedule = "DirtyCpu")]
fn statement_text<'a>(env: Env<'a>, db: Term<'a>, statement: Term<'a>) -> Term<'a> {
    answer(env, || {
        let database = database(db)?;
        let text = match Decode::unlimited().read(statement) {
            Ok(query) => database.read_text(&query.read)?,
            Err(_) => {
                let (write, _) = Decode::unlimited().shaped_write(statement)?;
                database.write_text(&write)?
            }
        };
        Ok(ok(env, Raw::binary(env, text.as_bytes())))
    })
}

/// How a read went.
enum Ran<'a> {
    /// The sink has all rows.
    Done,
    /// It has them, but must not return them before this commit is synced.
    Unsynced(u64),
    /// This has to be done first.
    First(Raw<'a>),
}

/// `{:wait, reference, id}`.
fn waiting<'a>(env: Env<'a>, reference: Raw<'a>, id: WaitId) -> Raw<'a> {
    let id = Raw::unsigned(env, id.0);
    Raw::tuple(env, [Raw::atom(atoms::wait()), reference, id])
}

/// Runs a read into a sink.
fn run<'a>(
    env: Env<'a>,
    database: &Database,
    query: &Query,
    pace: Pace,
    sink: &mut dyn RowSink,
) -> Decoded<Ran<'a>> {
    let mut waits = None;
    let mut on_reader_free = || -> Notify {
        let (reference, notify) = reply::notify_ready(env);
        waits = Some(reference);
        notify
    };
    let outcome = database.read(&query.read, pace, sink, &mut on_reader_free)?;
    Ok(match (outcome, waits) {
        (ReadOutcome::Done, _) => Ran::Done,
        (ReadOutcome::Unsynced(commit), _) => Ran::Unsynced(commit),
        (ReadOutcome::NoReader(id), Some(reference)) => Ran::First(waiting(env, reference, id)),
        (ReadOutcome::NeedsTime | ReadOutcome::NoReader(_), _) => {
            Ran::First(Raw::atom(atoms::dirty()))
        }
    })
}

#[rustler::nif]
fn no_reader<'a>(env: Env<'a>, db: Term<'a>, id: Term<'a>, time: Term<'a>) -> Term<'a> {
    answer(env, || {
        let (database, id) = (database(db)?, wait_id(id)?);
        match database.reader_timeout_error(id, timeout(time)?) {
            Some(error) => Err(error.into()),
            None => Ok(Raw::atom(atoms::ready())),
        }
    })
}
