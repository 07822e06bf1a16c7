//! What redaction, retention and the chain of the journal report.

use ash_rusqlite_engine::journal::{ChainProblem, ChainReport, Redacted, Retained};
use ash_rusqlite_engine::Result;
use rustler::Env;

use crate::atoms;
use crate::term::raw::Raw;

use super::outcome::{list_of, map, text, unmade};

pub(super) fn redacted<'a>(env: Env<'a>, done: &Redacted, scrubbed: bool) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::rows(), Raw::unsigned(env, done.rows)),
            (atoms::events(), Raw::unsigned(env, done.events)),
            (atoms::values(), Raw::unsigned(env, done.values)),
            (atoms::bytes(), Raw::unsigned(env, done.bytes)),
            (atoms::scrubbed(), Raw::boolean(scrubbed)),
        ],
    )
}

pub(super) fn retained<'a>(env: Env<'a>, done: &Retained) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::events(), Raw::unsigned(env, done.events)),
            (atoms::baselines(), Raw::unsigned(env, done.baselines)),
        ],
    )
}

pub(super) fn chain<'a>(env: Env<'a>, report: &ChainReport) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::head(), Raw::integer(env, report.head)),
            (atoms::sealed(), Raw::integer(env, report.sealed)),
            (atoms::hash(), text(env, &report.hash)?),
            (atoms::seals(), Raw::unsigned(env, report.seals)),
            (atoms::events(), Raw::unsigned(env, report.events)),
            (atoms::removed(), Raw::unsigned(env, report.removed)),
            (atoms::problems(), list_of(env, &report.problems, problem)?),
        ],
    )
}

fn problem<'a>(env: Env<'a>, problem: &ChainProblem) -> Result<Raw<'a>> {
    let fault = atoms::make(env, problem.fault.as_str()).ok_or_else(unmade)?;
    map(
        env,
        [
            (atoms::fault(), Raw::atom(fault)),
            (atoms::first(), Raw::integer(env, problem.first)),
            (atoms::last(), Raw::integer(env, problem.last)),
        ],
    )
}
