//! Elixir's calendar structs. Their keys are given in term order, in which maps are built
//! the fastest.

use ash_rusqlite_engine::{Date, DateTime, Time};
use rustler::{Atom, Env};

use crate::atoms;
use crate::term::raw::Raw;

/// What every `DateTime` of a result shares.
pub struct Utc<'a> {
    keys: [Raw<'a>; 13],
    zone: Raw<'a>,
    abbreviation: Raw<'a>,
    zero: Raw<'a>,
}

impl<'a> Utc<'a> {
    /// The keys, `"Etc/UTC"`, `"UTC"` and its offset.
    pub fn new(env: Env<'a>) -> Self {
        let keys = [
            atoms::__struct__(),
            atoms::calendar(),
            atoms::day(),
            atoms::hour(),
            atoms::microsecond(),
            atoms::minute(),
            atoms::month(),
            atoms::second(),
            atoms::std_offset(),
            atoms::time_zone(),
            atoms::utc_offset(),
            atoms::year(),
            atoms::zone_abbr(),
        ];
        Utc {
            keys: keys.map(Raw::atom),
            zone: Raw::binary(env, b"Etc/UTC"),
            abbreviation: Raw::binary(env, b"UTC"),
            zero: small(env, 0),
        }
    }
}

fn structure<'a, const N: usize>(
    env: Env<'a>,
    keys: [Atom; N],
    values: [Raw<'a>; N],
) -> Option<Raw<'a>> {
    Raw::map(env, &keys.map(Raw::atom), &values)
}

fn small<'a>(env: Env<'a>, value: impl Into<i64>) -> Raw<'a> {
    Raw::integer(env, value.into())
}

fn microsecond<'a>(env: Env<'a>, time: &Time) -> Raw<'a> {
    Raw::tuple(
        env,
        [small(env, time.microsecond), small(env, time.precision)],
    )
}

/// `%DateTime{}` in UTC.
pub fn date_time<'a>(env: Env<'a>, value: &DateTime, utc: &Utc<'a>) -> Option<Raw<'a>> {
    let DateTime { date, time } = value;
    let values = [
        Raw::atom(atoms::date_time()),
        Raw::atom(atoms::calendar_iso()),
        small(env, date.day),
        small(env, time.hour),
        microsecond(env, time),
        small(env, time.minute),
        small(env, date.month),
        small(env, time.second),
        utc.zero,
        utc.zone,
        utc.zero,
        small(env, date.year),
        utc.abbreviation,
    ];
    Raw::map(env, &utc.keys, &values)
}

/// `%NaiveDateTime{}`.
pub fn naive_date_time<'a>(env: Env<'a>, value: &DateTime) -> Option<Raw<'a>> {
    let DateTime { date, time } = value;
    let keys = [
        atoms::__struct__(),
        atoms::calendar(),
        atoms::day(),
        atoms::hour(),
        atoms::microsecond(),
        atoms::minute(),
        atoms::month(),
        atoms::second(),
        atoms::year(),
    ];
    let values = [
        Raw::atom(atoms::naive_date_time()),
        Raw::atom(atoms::calendar_iso()),
        small(env, date.day),
        small(env, time.hour),
        microsecond(env, time),
        small(env, time.minute),
        small(env, date.month),
        small(env, time.second),
        small(env, date.year),
    ];
    structure(env, keys, values)
}

/// `%Date{}`.
pub fn date<'a>(env: Env<'a>, value: &Date) -> Option<Raw<'a>> {
    let keys = [
        atoms::__struct__(),
        atoms::calendar(),
        atoms::day(),
        atoms::month(),
        atoms::year(),
    ];
    let values = [
        Raw::atom(atoms::date()),
        Raw::atom(atoms::calendar_iso()),
        small(env, value.day),
        small(env, value.month),
        small(env, value.year),
    ];
    structure(env, keys, values)
}

/// `%Time{}`.
pub fn time<'a>(env: Env<'a>, value: &Time) -> Option<Raw<'a>> {
    let keys = [
        atoms::__struct__(),
        atoms::calendar(),
        atoms::hour(),
        atoms::microsecond(),
        atoms::minute(),
        atoms::second(),
    ];
    let values = [
        Raw::atom(atoms::time()),
        Raw::atom(atoms::calendar_iso()),
        small(env, value.hour),
        microsecond(env, value),
        small(env, value.minute),
        small(env, value.second),
    ];
    structure(env, keys, values)
}
