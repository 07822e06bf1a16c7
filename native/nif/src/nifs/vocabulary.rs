//! The words that calls are made of, for the test that compares them with Elixir's.

use ash_rusqlite_engine::query::ir::{
    Aggregate, AggregateKind, Arguments, ArithOp, Cast, CompareOp, Function,
};
use ash_rusqlite_engine::ColumnType;
use rustler::{Encoder, Env, Term};

use crate::term::decode::{COLLATIONS, DIRECTIONS, OTHER_OPERATORS, READS, WRITES};
use crate::term::raw::Raw;

use super::{answer, ok};

/// A word, and what there is to say of it: a number of parts, or a text.
type Word<'a> = (&'static str, Term<'a>);

#[rustler::nif]
fn vocabulary<'a>(env: Env<'a>) -> Term<'a> {
    answer(env, || Ok(ok(env, Raw::of(tables(env).encode(env)))))
}

fn tables(env: Env<'_>) -> Vec<(&'static str, Vec<Word<'_>>)> {
    let text = |word: &'static str, text: &'static str| (word, text.encode(env));
    let parts = |word: &'static str, parts: usize| (word, parts.encode(env));
    let alone = |word: &'static str| (word, crate::atoms::nil().encode(env));
    let function = |function: &Function| match function.arguments() {
        Arguments::Exactly(count) => parts(function.word(), count),
        Arguments::Any => alone(function.word()),
    };
    let all = |words: Vec<&'static str>| words.into_iter().map(alone).collect();
    vec![
        (
            "comparisons",
            all(CompareOp::ALL.iter().map(|op| op.word()).collect()),
        ),
        ("conditions", all(OTHER_OPERATORS.to_vec())),
        ("functions", Function::ALL.iter().map(function).collect()),
        (
            "arithmetic",
            all(ArithOp::ALL.iter().map(|op| op.word()).collect()),
        ),
        (
            "casts",
            all(Cast::ALL.iter().map(|cast| cast.word()).collect()),
        ),
        (
            "aggregates",
            all(Aggregate::ALL.iter().map(|kind| kind.word()).collect()),
        ),
        (
            "aggregates_within",
            all(AggregateKind::ALL.iter().map(|kind| kind.word()).collect()),
        ),
        (
            "collations",
            all(COLLATIONS.iter().map(|(name, _)| *name).collect()),
        ),
        (
            "directions",
            all(DIRECTIONS.iter().map(|(name, ..)| *name).collect()),
        ),
        (
            "types",
            ColumnType::ALL
                .iter()
                .map(|of| text(of.word(), of.declared()))
                .collect(),
        ),
        (
            "reads",
            READS
                .iter()
                .map(|(kind, count)| parts(kind, *count))
                .collect(),
        ),
        (
            "writes",
            WRITES
                .iter()
                .map(|(kind, count)| parts(kind, *count))
                .collect(),
        ),
    ]
}
