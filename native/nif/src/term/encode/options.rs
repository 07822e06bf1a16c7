//! Options and statistics as terms.

use ash_rusqlite_engine::{Code, Error, Result, Stat};
use rustler::Env;
use serde_json::{Map, Value as Json};

use crate::atoms;
use crate::term::raw::Raw;

/// Options whose texts are atoms in Elixir.
const SYMBOLS: &[&str] = &["synchronous", "temp_store"];

/// Resolved options as a keyword list.
pub fn keyword<'a>(env: Env<'a>, options: &Map<String, Json>) -> Result<Raw<'a>> {
    let pairs: Vec<_> = options
        .iter()
        .map(|(name, value)| {
            Ok(Raw::tuple(
                env,
                [atom(env, name)?, option(env, name, value)?],
            ))
        })
        .collect::<Result<_>>()?;
    Raw::list(env, &pairs).ok_or_else(unmade)
}

fn option<'a>(env: Env<'a>, name: &str, value: &Json) -> Result<Raw<'a>> {
    match value {
        Json::Null => Ok(Raw::nil()),
        Json::Bool(value) => Ok(Raw::boolean(*value)),
        Json::Number(value) => value
            .as_i64()
            .map(|n| Raw::integer(env, n))
            .ok_or_else(unmade),
        Json::String(text) if text == "infinity" => Ok(Raw::atom(atoms::infinity())),
        Json::String(text) if SYMBOLS.contains(&name) => atom(env, text),
        Json::String(text) => Ok(Raw::binary(env, text.as_bytes())),
        Json::Array(_) | Json::Object(_) => Err(unmade()),
    }
}

/// Statistics as a map.
pub fn stats<'a>(env: Env<'a>, stats: &[(&'static str, Stat)]) -> Result<Raw<'a>> {
    let keys: Vec<_> = stats
        .iter()
        .map(|(name, _)| atom(env, name))
        .collect::<Result<_>>()?;
    let values: Vec<_> = stats
        .iter()
        .map(|(_, stat)| figure(env, stat))
        .collect::<Result<_>>()?;
    Raw::map(env, &keys, &values).ok_or_else(unmade)
}

fn figure<'a>(env: Env<'a>, stat: &Stat) -> Result<Raw<'a>> {
    match stat {
        Stat::Null => Ok(Raw::nil()),
        Stat::Integer(value) => Ok(Raw::integer(env, *value)),
        Stat::Text(text) => Ok(Raw::binary(env, text.as_bytes())),
        Stat::List(values) => {
            let terms: Vec<_> = values
                .iter()
                .map(|value| Raw::integer(env, *value))
                .collect();
            Raw::list(env, &terms).ok_or_else(unmade)
        }
        // Figures are nested two deep at most.
        Stat::Map(figures) => stats(env, figures),
    }
}

fn atom<'a>(env: Env<'a>, name: &str) -> Result<Raw<'a>> {
    atoms::make(env, name).map(Raw::atom).ok_or_else(unmade)
}

fn unmade() -> Error {
    Error::new(
        Code::Internal,
        "a term cannot be made of the options or the statistics",
    )
}
