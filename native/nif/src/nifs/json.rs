//! JSON as columns of the type `JSON_TEXT` decode it.

use ash_rusqlite_engine::{Code, Error};
use rustler::{Env, Term};

use crate::term::decode::{Decoded, Stop};
use crate::term::encode::json;
use crate::term::raw::Raw;

use super::{answer, ok, timed_answer};

/// What a normal scheduler decodes in well below a millisecond.
const SCHEDULER_BYTES: usize = 16 * 1024;

#[rustler::nif]
fn json_decode<'a>(env: Env<'a>, text: Term<'a>) -> Term<'a> {
    timed_answer(env, || decode(env, text, SCHEDULER_BYTES))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn json_decode_dirty<'a>(env: Env<'a>, text: Term<'a>) -> Term<'a> {
    answer(env, || decode(env, text, usize::MAX))
}

fn decode<'a>(env: Env<'a>, text: Term<'a>, limit: usize) -> Decoded<Raw<'a>> {
    let bytes = text
        .into_binary()
        .map_err(|_| Error::new(Code::InvalidValue, "JSON is decoded from a binary"))?;
    if bytes.len() > limit {
        return Err(Stop::Big);
    }
    Ok(ok(env, json::of_bytes(env, bytes.as_slice())?))
}
