//! What stored values are read with besides rows: atoms that are kept as texts, and terms that a
//! column of bytes holds.

use std::borrow::Cow;

use ash_rusqlite_engine::{Code, Error};
use rustler::{Env, Term};

use crate::atoms;
use crate::external::{Flaw, Holds};
use crate::stored_atoms;
use crate::term::decode::{Decoded, Stop};
use crate::term::encode::external::{self, Problem};
use crate::term::raw::Raw;

use super::{answer, ok, timed_answer};

/// What a normal scheduler reads in well below a millisecond.
const SCHEDULER_BYTES: usize = 16 * 1024;

#[rustler::nif]
fn limit_stored_atoms<'a>(env: Env<'a>, limit: Term<'a>) -> Term<'a> {
    answer(env, || {
        let limit = limit.decode::<u64>().map_err(|_| {
            Error::new(Code::InvalidOption, "max_stored_atoms is a number of atoms")
                .with("option", "max_stored_atoms")
        })?;
        stored_atoms::set_limit(limit);
        Ok(Raw::atom(atoms::ok()))
    })
}

/// `{made, limit}`.
#[rustler::nif]
fn stored_atoms<'a>(env: Env<'a>) -> Term<'a> {
    answer(env, || {
        let (made, limit) = stored_atoms::count();
        Ok(Raw::tuple(
            env,
            [Raw::unsigned(env, made), Raw::unsigned(env, limit)],
        ))
    })
}

#[rustler::nif]
fn stored_atom<'a>(env: Env<'a>, text: Term<'a>) -> Term<'a> {
    answer(env, || {
        let bytes = bytes(text)?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| problem(&Problem::Flaw(Flaw::Malformed)))?;
        stored_atoms::make(env, [Cow::Borrowed(text)])
            .map_err(|refused| problem(&Problem::Atom(refused)))?;
        let atom =
            atoms::make(env, text).ok_or_else(|| problem(&Problem::Flaw(Flaw::Malformed)))?;
        Ok(ok(env, Raw::atom(atom)))
    })
}

#[rustler::nif]
fn stored_term<'a>(env: Env<'a>, bytes: Term<'a>) -> Term<'a> {
    timed_answer(env, || term(env, bytes, SCHEDULER_BYTES))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn stored_term_dirty<'a>(env: Env<'a>, bytes: Term<'a>) -> Term<'a> {
    answer(env, || term(env, bytes, usize::MAX))
}

fn term<'a>(env: Env<'a>, term: Term<'a>, limit: usize) -> Decoded<Raw<'a>> {
    let bytes = bytes(term)?;
    if bytes.len() > limit {
        return Err(Stop::Big);
    }
    Ok(ok(
        env,
        external::term(env, &bytes, Holds::Names).map_err(|p| problem(&p))?,
    ))
}

fn bytes(term: Term<'_>) -> Decoded<rustler::Binary<'_>> {
    Ok(term.into_binary().map_err(|_| {
        Error::new(
            Code::InvalidStoredValue,
            "atoms and terms are read from a binary",
        )
    })?)
}

fn problem(problem: &Problem) -> Error {
    let error = Error::new(Code::InvalidStoredValue, problem.text());
    match problem.atom() {
        Some(atom) => error.with("atom", atom),
        None => error,
    }
}
