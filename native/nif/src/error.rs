//! The engine's errors as terms: `{:error, {code, message, details, retryable}}`.

use ash_rusqlite_engine::{Detail, Error};
use rustler::Env;

use crate::atoms;
use crate::term::raw::Raw;

/// The whole error answer.
pub fn answer<'a>(env: Env<'a>, error: &Error) -> Raw<'a> {
    Raw::tuple(env, [Raw::atom(atoms::error()), reason(env, error)])
}

/// `{code, message, details, retryable}`.
pub fn reason<'a>(env: Env<'a>, error: &Error) -> Raw<'a> {
    let code = name(env, error.code().as_str());
    let message = Raw::binary(env, error.message().as_bytes());
    let retryable = Raw::boolean(error.retryable());
    Raw::tuple(env, [code, message, details(env, error), retryable])
}

fn details<'a>(env: Env<'a>, error: &Error) -> Raw<'a> {
    let (keys, values): (Vec<_>, Vec<_>) = error
        .details()
        .iter()
        .map(|(key, detail)| (name(env, key), detail_value(env, detail)))
        .unzip();
    Raw::map(env, &keys, &values)
        .or_else(|| Raw::map_of_first(env, &keys, &values))
        .unwrap_or_else(Raw::nil)
}

fn detail_value<'a>(env: Env<'a>, detail: &Detail) -> Raw<'a> {
    match detail {
        Detail::Text(text) => Raw::binary(env, text.as_bytes()),
        Detail::Integer(value) => Raw::integer(env, *value),
        Detail::Boolean(value) => Raw::boolean(*value),
        Detail::List(texts) => {
            let texts: Vec<_> = texts
                .iter()
                .map(|text| Raw::binary(env, text.as_bytes()))
                .collect();
            Raw::list(env, &texts).unwrap_or_else(Raw::nil)
        }
    }
}

/// Codes and the keys of details are few and fixed.
fn name<'a>(env: Env<'a>, text: &str) -> Raw<'a> {
    atoms::make(env, text).map_or_else(Raw::nil, Raw::atom)
}
