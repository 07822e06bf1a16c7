//! Writes. They only enqueue; the writer's thread answers by message.

use ash_rusqlite_engine::{Notify, RequestId, Submitted};
use rustler::{Env, Term};

use crate::atoms;
use crate::reply::{self, MessageReply};
use crate::term::decode::{call_deadline, timeout, Decode, Decoded};
use crate::term::raw::Raw;

use super::{answer, database, queued, timed_answer, wait_id};

#[rustler::nif]
fn write<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    work: Term<'a>,
    timeout: Term<'a>,
) -> Term<'a> {
    timed_answer(env, || {
        submit(env, Decode::on_scheduler(), db, tag, work, timeout)
    })
}

// Decoding a big write takes too long for a normal scheduler.
#[rustler::nif(schedule = "DirtyCpu")]
fn write_dirty<'a>(
    env: Env<'a>,
    db: Term<'a>,
    tag: Term<'a>,
    work: Term<'a>,
    timeout: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        submit(env, Decode::unlimited(), db, tag, work, timeout)
    })
}

fn submit<'a>(
    env: Env<'a>,
    decode: Decode,
    db: Term<'a>,
    tag: Term<'a>,
    work: Term<'a>,
    time: Term<'a>,
) -> Decoded<Raw<'a>> {
    let (deadline, timed) = call_deadline(time)?;
    let mut decode = decode.within(deadline);
    let database = database(db)?;
    let (write, shape) = decode.shaped_write(work)?;
    deadline.check()?;
    let reply = MessageReply::new(env, tag, shape, database.config().decimal)?;
    let reply = Box::new(reply.timed(timed));
    let mut waiting = Raw::nil();
    let mut on_room = || -> Notify {
        let (reference, notify) = reply::notify_ready(env);
        waiting = reference;
        notify
    };
    match database.submit(write, deadline, reply, &mut on_room)? {
        Submitted::Queued(id) => Ok(queued(env, id)),
        Submitted::Full(id) => {
            let id = Raw::unsigned(env, id.0);
            Ok(Raw::tuple(env, [Raw::atom(atoms::full()), waiting, id]))
        }
    }
}

#[rustler::nif]
fn withdraw<'a>(env: Env<'a>, db: Term<'a>, id: Term<'a>) -> Term<'a> {
    answer(env, || {
        let database = database(db)?;
        let withdrawn = id
            .decode()
            .ok()
            .and_then(|id| database.withdraw(RequestId(id)));
        match withdrawn {
            Some(error) => Err(error.into()),
            None => Ok(Raw::atom(atoms::running())),
        }
    })
}

#[rustler::nif]
fn queue_full<'a>(env: Env<'a>, db: Term<'a>, id: Term<'a>, time: Term<'a>) -> Term<'a> {
    answer(env, || {
        let (database, id) = (database(db)?, wait_id(id)?);
        match database.queue_full_error(id, timeout(time)?) {
            Some(error) => Err(error.into()),
            None => Ok(Raw::atom(atoms::ready())),
        }
    })
}
