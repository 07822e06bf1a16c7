//! What verifying a journal and rebuilding from it gave, as terms.

use ash_rusqlite_engine::journal::{Rebuilt, RowDifference, Verified};
use ash_rusqlite_engine::Result;
use rustler::Env;

use crate::atoms;
use crate::term::raw::Raw;

use super::outcome::{list_of, map, text};

/// The map of a verification.
pub fn verified<'a>(env: Env<'a>, found: &Verified) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::events(), Raw::unsigned(env, found.events)),
            (atoms::rows(), Raw::unsigned(env, found.rows)),
            (atoms::tables(), list_of(env, &found.tables, text)?),
            (
                atoms::differences(),
                list_of(env, &found.differences, difference)?,
            ),
            (atoms::problems(), list_of(env, &found.problems, text)?),
        ],
    )
}

fn difference<'a>(env: Env<'a>, difference: &RowDifference) -> Result<Raw<'a>> {
    let optional = |text: &Option<String>| {
        let binary = |text: &str| Raw::binary(env, text.as_bytes());
        text.as_deref().map_or_else(Raw::nil, binary)
    };
    map(
        env,
        [
            (atoms::table(), text(env, &difference.table)?),
            (atoms::key(), text(env, &difference.key)?),
            (atoms::column(), optional(&difference.column)),
            (atoms::event(), optional(&difference.event)),
            (atoms::row(), optional(&difference.row)),
        ],
    )
}

/// The map of a rebuilt database.
pub fn rebuilt<'a>(env: Env<'a>, made: &Rebuilt) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::events(), Raw::unsigned(env, made.events)),
            (atoms::rows(), Raw::unsigned(env, made.rows)),
            (atoms::tables(), list_of(env, &made.tables, text)?),
            (atoms::empty(), list_of(env, &made.empty, text)?),
            (atoms::problems(), list_of(env, &made.problems, text)?),
            (atoms::bytes(), Raw::unsigned(env, made.bytes)),
        ],
    )
}
