//! Interactive transactions.

use ash_rusqlite_engine::{Code, Error, Finished, TransactionId};
use rustler::{Env, Term};

use crate::atoms;
use crate::handle::{self, Ids, Kind};
use crate::registry;
use crate::reply::MessageReply;
use crate::term::decode::{call_deadline, timeout, Decode, Decoded};
use crate::term::encode::rows::Shape;
use crate::term::raw::Raw;

use super::{answer, ok, queued, timed_answer, transaction};

#[rustler::nif]
fn tx_open<'a>(env: Env<'a>, db: Term<'a>, timeout: Term<'a>) -> Term<'a> {
    answer(env, || begin(env, db, timeout))
}

fn begin<'a>(env: Env<'a>, db: Term<'a>, time: Term<'a>) -> Decoded<Raw<'a>> {
    let timeout = timeout(time)?;
    let ids = handle::ids(db, Kind::Database).ok_or_else(registry::stale)?;
    let database = registry::get(ids.database)?;
    let owner = rustler::Encoder::encode(&env.pid(), env);
    let transaction = database.begin(timeout, format!("#PID{owner:?}"))?;
    match handle::owned(
        env,
        Kind::Transaction,
        Ids {
            item: transaction.0,
            ..ids
        },
    ) {
        Some(handle) => Ok(ok(env, Raw::of(handle))),
        None => {
            database.abort(transaction);
            Err(Error::new(Code::Cancelled, "the caller is gone").into())
        }
    }
}

#[rustler::nif]
fn tx_exec<'a>(
    env: Env<'a>,
    tx: Term<'a>,
    tag: Term<'a>,
    operation: Term<'a>,
    timeout: Term<'a>,
) -> Term<'a> {
    timed_answer(env, || {
        submit(env, Decode::on_scheduler(), tx, tag, operation, timeout)
    })
}

// Decoding a big write takes too long for a normal scheduler.
#[rustler::nif(schedule = "DirtyCpu")]
fn tx_exec_dirty<'a>(
    env: Env<'a>,
    tx: Term<'a>,
    tag: Term<'a>,
    operation: Term<'a>,
    timeout: Term<'a>,
) -> Term<'a> {
    answer(env, || {
        submit(env, Decode::unlimited(), tx, tag, operation, timeout)
    })
}

fn submit<'a>(
    env: Env<'a>,
    decode: Decode,
    tx: Term<'a>,
    tag: Term<'a>,
    operation: Term<'a>,
    time: Term<'a>,
) -> Decoded<Raw<'a>> {
    let (deadline, timed) = call_deadline(time)?;
    let mut decode = decode.within(deadline);
    let (database, ids) = transaction(tx)?;
    let step = decode.step(operation)?;
    deadline.check()?;
    let reply = MessageReply::new(env, tag, step.shape, database.config().decimal)?;
    let reply = Box::new(reply.timed(timed));
    let transaction = TransactionId(ids.item);
    let id = database.transaction_submit(transaction, step.operation, deadline, reply)?;
    Ok(queued(env, id))
}

#[rustler::nif]
fn tx_finish<'a>(env: Env<'a>, tx: Term<'a>, tag: Term<'a>, how: Term<'a>) -> Term<'a> {
    answer(env, || {
        let (database, ids) = transaction(tx)?;
        let commit = atoms::commit() == how;
        let reply = Box::new(MessageReply::new(env, tag, Shape::Nothing, false)?);
        let finished = database.finish(TransactionId(ids.item), commit, reply)?;
        handle::unwatch(tx, Kind::Transaction);
        match finished {
            Finished::Idle => Ok(Raw::atom(atoms::idle())),
            Finished::Queued(id) => Ok(queued(env, id)),
        }
    })
}
