//! Generated migrations, as terms.

use ash_rusqlite_engine::migration::generate::{Generated, GeneratedFile, Question};
use ash_rusqlite_engine::Result;
use rustler::Env;

use crate::atoms;
use crate::term::raw::Raw;

use super::outcome::{list_of, map, text};

/// The map of what was generated.
pub fn generated<'a>(env: Env<'a>, generated: &Generated) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::files(), list_of(env, &generated.files, file)?),
            (
                atoms::questions(),
                list_of(env, &generated.questions, question)?,
            ),
            (atoms::notes(), list_of(env, &generated.notes, text)?),
        ],
    )
}

fn file<'a>(env: Env<'a>, file: &GeneratedFile) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::name(), text(env, &file.name)?),
            (atoms::version(), Raw::integer(env, file.version)),
            (atoms::text_(), text(env, &file.text)?),
        ],
    )
}

fn question<'a>(env: Env<'a>, question: &Question) -> Result<Raw<'a>> {
    let (kind, table) = match &question.table {
        None => (atoms::table(), Raw::nil()),
        Some(table) => (atoms::column(), text(env, table)?),
    };
    map(
        env,
        [
            (atoms::kind(), Raw::atom(kind)),
            (atoms::table(), table),
            (atoms::to(), text(env, &question.to)?),
            (atoms::from(), list_of(env, &question.from, text)?),
        ],
    )
}
