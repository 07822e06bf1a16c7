//! Which indexes are missing, as terms.

use ash_rusqlite_engine::advice::{Advice, StatementAdvice};
use ash_rusqlite_engine::schema::{IndexAdvice, UnindexedKey};
use ash_rusqlite_engine::Result;
use rustler::Env;

use crate::atoms;
use crate::term::raw::Raw;

use super::outcome::{list_of, map, text};

/// The map of an advice.
pub fn advice<'a>(env: Env<'a>, advice: &Advice) -> Result<Raw<'a>> {
    let keys = list_of(env, &advice.foreign_keys, foreign_key)?;
    let statements = list_of(env, &advice.statements, statement)?;
    map(
        env,
        [
            (atoms::foreign_keys(), keys),
            (atoms::statements(), statements),
        ],
    )
}

fn foreign_key<'a>(env: Env<'a>, key: &UnindexedKey) -> Result<Raw<'a>> {
    map(
        env,
        [
            (atoms::table(), text(env, &key.index.table)?),
            (atoms::columns(), list_of(env, &key.columns, text)?),
            (atoms::references(), text(env, &key.references)?),
            (atoms::index(), index(env, &key.index)?),
        ],
    )
}

fn statement<'a>(env: Env<'a>, advice: &StatementAdvice) -> Result<Raw<'a>> {
    let scanned = &advice.scanned;
    let count = |count| Raw::unsigned(env, count);
    map(
        env,
        [
            (atoms::sql(), text(env, &scanned.sql)?),
            (atoms::runs(), count(scanned.runs)),
            (atoms::rows(), count(scanned.rows)),
            (atoms::full_scan_steps(), count(scanned.full_scan_steps)),
            (atoms::sorts(), count(scanned.sorts)),
            (
                atoms::automatic_index_rows(),
                count(scanned.automatic_index_rows),
            ),
            (atoms::indexes(), list_of(env, &advice.indexes, index)?),
        ],
    )
}

fn index<'a>(env: Env<'a>, advice: &IndexAdvice) -> Result<Raw<'a>> {
    let columns: Vec<String> = advice
        .columns
        .iter()
        .map(|(column, descending)| {
            let order = if *descending { " DESC" } else { "" };
            format!("{column}{order}")
        })
        .collect();
    map(
        env,
        [
            (atoms::name(), text(env, &advice.name)?),
            (atoms::table(), text(env, &advice.table)?),
            (atoms::columns(), list_of(env, &columns, text)?),
            (atoms::statement(), text(env, &advice.statement)?),
        ],
    )
}
