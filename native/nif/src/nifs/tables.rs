//! Tables that follow what an application wants.

use std::time::Instant;

use ash_rusqlite_engine::{Ensured, Looked, Notify, Submitted};
use rustler::{Env, Term};

use crate::atoms;
use crate::reply::{self, MessageReply};
use crate::term::decode::{call_deadline, timeout, Decode, Decoded};
use crate::term::encode::outcome;
use crate::term::encode::rows::Shape;
use crate::term::raw::Raw;

use super::{answer, database, ok, queued, watched};

// Looks at the table first, maybe opening a reader.
#[rustler::nif(schedule = "DirtyIo")]
fn ensure_table<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    table: Term<'a>,
    timeout: Term<'a>,
) -> Term<'a> {
    answer(env, || ensure(env, db, tag, table, timeout))
}

fn ensure<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    table: Term<'a>,
    time: Term<'a>,
) -> Decoded<Raw<'a>> {
    let (deadline, _) = call_deadline(time)?;
    let database = database(db)?;
    let spec = Decode::unlimited().table(table)?;
    let reply = Box::new(MessageReply::new(env, tag, Shape::Nothing, false)?);
    let mut waiting = Raw::nil();
    let mut on_room = || -> Notify {
        let (reference, notify) = reply::notify_ready(env);
        waiting = reference;
        notify
    };
    match database.ensure_table(spec, deadline, reply, &mut on_room)? {
        Ensured::Complete => Ok(ok(env, outcome::none(env)?)),
        Ensured::Submitted(Submitted::Queued(id)) => Ok(queued(env, id)),
        Ensured::Submitted(Submitted::Full(id)) => {
            let id = Raw::unsigned(env, id.0);
            Ok(Raw::tuple(env, [Raw::atom(atoms::full()), waiting, id]))
        }
    }
}

// Copies the tables that are known.
#[rustler::nif(schedule = "DirtyCpu")]
fn read_table_as<'a>(env: Env<'a>, db: Term<'a>, table: Term<'a>) -> Term<'a> {
    answer(env, || {
        let database = database(db)?;
        database.read_as(&Decode::unlimited().table(table)?)?;
        Ok(Raw::atom(atoms::ok()))
    })
}

#[rustler::nif(schedule = "DirtyIo")]
fn table_differences<'a>(
    env: Env<'a>,
    db: Term<'a>,
    table: Term<'a>,
    timeout: Term<'a>,
) -> Term<'a> {
    answer(env, || differences(env, db, table, timeout))
}

fn differences<'a>(
    env: Env<'a>,
    db: Term<'a>,
    table: Term<'a>,
    time: Term<'a>,
) -> Decoded<Raw<'a>> {
    let deadline = Instant::now() + timeout(time)?;
    let database = database(db)?;
    let spec = Decode::unlimited().table(table)?;
    let mut waiting = Raw::nil();
    let mut on_reader_free = || -> Notify {
        let (reference, notify) = reply::notify_ready(env);
        waiting = reference;
        notify
    };
    let looked = watched(env, |cancelled| {
        Ok(database.differences(&spec, deadline, cancelled, &mut on_reader_free)?)
    })?;
    match looked {
        Looked::Done(all) => Ok(ok(env, outcome::differences(env, &all)?)),
        Looked::NoReader(id) => {
            let id = Raw::unsigned(env, id.0);
            Ok(Raw::tuple(env, [Raw::atom(atoms::wait()), waiting, id]))
        }
    }
}
