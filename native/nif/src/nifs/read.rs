//! Reads. They run where they are called: on a normal scheduler for a slice of time, and
//! what needs longer is called again on a dirty one.

use std::time::Instant;

use ash_rusqlite_engine::{Database, Notify, Pace, ReadOutcome};
use rustler::{Env, Term};

use crate::atoms;
use crate::reply;
use crate::term::decode::{timeout, Decode, Decoded, Query};
use crate::term::encode::rows::CallerRows;
use crate::term::raw::Raw;

use super::{answer, database, timed_answer, wait_id, watched};

#[rustler::nif]
fn read<'a>(env: Env<'a>, db: Term<'a>, query: Term<'a>, _timeout: Term<'a>) -> Term<'a> {
    timed_answer(env, || {
        let database = database(db)?;
        let query = Decode::on_scheduler().read(query)?;
        run(env, &database, &query, Pace::Slice)
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn read_dirty<'a>(env: Env<'a>, db: Term<'a>, read: Term<'a>, timeout: Term<'a>) -> Term<'a> {
    answer(env, || read_in_full(env, db, read, timeout))
}

fn read_in_full<'a>(
    env: Env<'a>,
    db: Term<'a>,
    read: Term<'a>,
    time: Term<'a>,
) -> Decoded<Raw<'a>> {
    let deadline = Instant::now() + timeout(time)?;
    let database = database(db)?;
    let query = Decode::unlimited().read(read)?;
    watched(env, |cancelled| {
        let pace = Pace::Full {
            deadline,
            cancelled,
        };
        run(env, &database, &query, pace)
    })
}

fn run<'a>(env: Env<'a>, database: &Database, query: &Query, pace: Pace) -> Decoded<Raw<'a>> {
    let mut rows = CallerRows::new(env, query.shape, database.config().decimal);
    let mut waiting = None;
    let mut on_reader_free = || -> Notify {
        let (reference, notify) = reply::notify_ready(env);
        waiting = Some(reference);
        notify
    };
    let outcome = database.read(&query.read, pace, &mut rows, &mut on_reader_free)?;
    match (outcome, waiting) {
        (ReadOutcome::Done, _) => Ok(rows.finish()?),
        (ReadOutcome::NoReader(id), Some(reference)) => {
            let id = Raw::unsigned(env, id.0);
            Ok(Raw::tuple(env, [Raw::atom(atoms::wait()), reference, id]))
        }
        (ReadOutcome::NeedsTime | ReadOutcome::NoReader(_), _) => Ok(Raw::atom(atoms::dirty())),
    }
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
