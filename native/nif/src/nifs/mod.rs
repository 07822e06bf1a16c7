//! The native functions. Each decodes its terms, calls the engine and encodes what came.

mod database;
mod generate;
mod journal;
mod json;
mod maintenance;
mod read;
mod stored;
mod tables;
mod transaction;
mod vocabulary;
mod write;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::Instant;

use ash_rusqlite_engine::{Code, Database, Error, RequestId, WaitId};
use rustler::schedule::consume_timeslice;
use rustler::{Env, Term};

use crate::atoms;
use crate::error;
use crate::handle::{self, Ids, Kind, Watch};
use crate::registry;
use crate::term::decode::{Decoded, Stop};
use crate::term::raw::Raw;

/// Time on a normal scheduler that counts as a whole timeslice. The millisecond that
/// Erlang's documentation recommends would let 64 readers keep others waiting for 100 ms.
const TIMESLICE_US: u128 = 25;

/// Runs a call and makes its answer a term: errors are answers, and so is a panic.
fn answer<'a>(env: Env<'a>, call: impl FnOnce() -> Decoded<Raw<'a>>) -> Term<'a> {
    let answer = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(answer)) => answer,
        Ok(Err(Stop::Big)) => Raw::atom(atoms::dirty()),
        Ok(Err(Stop::Failed(error))) => error::answer(env, &error),
        Err(_) => error::answer(env, &panicked()),
    };
    answer.term(env)
}

fn panicked() -> Error {
    Error::new(
        Code::Internal,
        "a native function panicked; please report it with the log",
    )
}

/// As `answer`, and reports to the scheduler how long the call took.
fn timed_answer<'a>(env: Env<'a>, call: impl FnOnce() -> Decoded<Raw<'a>>) -> Term<'a> {
    let started = Instant::now();
    let answer = answer(env, call);
    let percent = started.elapsed().as_micros() * 100 / TIMESLICE_US;
    consume_timeslice(env, i32::try_from(percent.clamp(1, 100)).unwrap_or(100));
    answer
}

/// Runs what may take long on a dirty scheduler, with a flag that says when its caller died.
fn watched<T>(env: Env<'_>, call: impl FnOnce(Arc<AtomicBool>) -> Decoded<T>) -> Decoded<T> {
    let id = registry::fresh_id();
    let cancelled = registry::watch_call(id);
    let answer = match Watch::new(env, id) {
        Some(_watch) => call(cancelled),
        None => Err(Error::new(Code::Cancelled, "the caller is gone").into()),
    };
    registry::unwatch_call(id);
    answer
}

/// The database of a handle.
fn database(handle: Term<'_>) -> Decoded<Database> {
    let ids = handle::ids(handle, Kind::Database).ok_or_else(registry::stale)?;
    Ok(registry::get(ids.database)?)
}

/// The database and the ids of a transaction's handle.
fn transaction(handle: Term<'_>) -> Decoded<(Database, Ids)> {
    let ids = handle::ids(handle, Kind::Transaction).ok_or_else(registry::stale)?;
    Ok((registry::of_transaction(ids.database)?, ids))
}

/// The id of a call that waits.
fn wait_id(term: Term<'_>) -> Decoded<WaitId> {
    let id = term.decode().map(WaitId);
    Ok(id.map_err(|_| {
        Error::new(
            Code::InvalidQuery,
            "the id of a call that waits is a number",
        )
    })?)
}

/// `{:ok, term}`.
fn ok<'a>(env: Env<'a>, term: Raw<'a>) -> Raw<'a> {
    Raw::tuple(env, [Raw::atom(atoms::ok()), term])
}

/// `{:queued, id}`.
fn queued<'a>(env: Env<'a>, id: RequestId) -> Raw<'a> {
    Raw::tuple(env, [Raw::atom(atoms::queued()), Raw::unsigned(env, id.0)])
}
