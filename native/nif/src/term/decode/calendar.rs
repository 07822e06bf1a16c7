//! Elixir's calendar and decimal structs to values.

use ash_rusqlite_engine::{Date, DateTime, Time, Value};
use chrono::{Datelike, NaiveDate, TimeDelta, Timelike};
use rustler::{Atom, BigInt, Term, TermType};

use crate::atoms;
use crate::term::raw::MAX_DIGITS;

/// The value of a struct with a meaning of its own, or `None` for any other map.
pub fn structure(map: Term<'_>) -> Option<Value> {
    let module = map.map_get(atoms::__struct__()).ok()?;
    let (name, value) = if atoms::date_time() == module {
        ("DateTime", date_time(map))
    } else if atoms::naive_date_time() == module {
        ("NaiveDateTime", naive(map).map(Value::NaiveDateTime))
    } else if atoms::date() == module {
        ("Date", date(map).map(Value::Date))
    } else if atoms::time() == module {
        ("Time", time(map).map(Value::Time))
    } else if atoms::decimal() == module {
        return Some(decimal(map));
    } else {
        return None;
    };
    Some(value.unwrap_or(Value::Unsupported(unfit(name, map))))
}

/// Why a calendar struct cannot be stored.
fn unfit(name: &str, map: Term<'_>) -> &'static str {
    match (name, is_iso(map)) {
        ("DateTime", false) => "DateTime of a calendar other than Calendar.ISO",
        ("DateTime", true) => "malformed DateTime",
        ("NaiveDateTime", false) => "NaiveDateTime of a calendar other than Calendar.ISO",
        ("NaiveDateTime", true) => "malformed NaiveDateTime",
        ("Date", false) => "Date of a calendar other than Calendar.ISO",
        ("Date", true) => "malformed Date",
        (_, false) => "Time of a calendar other than Calendar.ISO",
        (_, true) => "malformed Time",
    }
}

fn is_iso(map: Term<'_>) -> bool {
    map.map_get(atoms::calendar())
        .is_ok_and(|calendar| atoms::calendar_iso() == calendar)
}

fn field<'a, T: rustler::Decoder<'a>>(map: Term<'a>, key: Atom) -> Option<T> {
    map.map_get(key).ok()?.decode().ok()
}

fn date(map: Term<'_>) -> Option<Date> {
    if !is_iso(map) {
        return None;
    }
    let date = Date {
        year: field(map, atoms::year())?,
        month: field(map, atoms::month())?,
        day: field(map, atoms::day())?,
    };
    NaiveDate::from_ymd_opt(date.year, date.month.into(), date.day.into()).map(|_| date)
}

fn time(map: Term<'_>) -> Option<Time> {
    if !is_iso(map) {
        return None;
    }
    let (microsecond, precision) = field(map, atoms::microsecond())?;
    let time = Time {
        hour: field(map, atoms::hour())?,
        minute: field(map, atoms::minute())?,
        second: field(map, atoms::second())?,
        microsecond,
        precision,
    };
    let valid = time.hour < 24
        && time.minute < 60
        && time.second < 60
        && microsecond < 1_000_000
        && precision <= 6;
    valid.then_some(time)
}

fn naive(map: Term<'_>) -> Option<DateTime> {
    Some(DateTime {
        date: date(map)?,
        time: time(map)?,
    })
}

fn date_time(map: Term<'_>) -> Option<Value> {
    let local = naive(map)?;
    let utc_offset: i64 = field(map, atoms::utc_offset())?;
    let std_offset: i64 = field(map, atoms::std_offset())?;
    let offset = utc_offset.checked_add(std_offset)?;
    shift(local, offset).map(Value::DateTime)
}

/// A local time to UTC.
fn shift(local: DateTime, offset: i64) -> Option<DateTime> {
    if offset == 0 {
        return Some(local);
    }
    let DateTime { date, time } = local;
    let utc = NaiveDate::from_ymd_opt(date.year, date.month.into(), date.day.into())?
        .and_hms_opt(time.hour.into(), time.minute.into(), time.second.into())?
        .checked_sub_signed(TimeDelta::try_seconds(offset)?)?;
    Some(DateTime {
        date: Date {
            year: utc.year(),
            month: u8::try_from(utc.month()).ok()?,
            day: u8::try_from(utc.day()).ok()?,
        },
        time: Time {
            hour: u8::try_from(utc.hour()).ok()?,
            minute: u8::try_from(utc.minute()).ok()?,
            second: u8::try_from(utc.second()).ok()?,
            ..time
        },
    })
}

fn decimal(map: Term<'_>) -> Value {
    let Ok(coef) = map.map_get(atoms::coef()) else {
        return Value::Unsupported("malformed Decimal");
    };
    if coef.get_type() == TermType::Atom {
        return Value::Unsupported(if atoms::inf() == coef {
            "infinity"
        } else {
            "NaN"
        });
    }
    finite(map, coef).unwrap_or(Value::Unsupported("malformed Decimal"))
}

fn finite(map: Term<'_>, coef: Term<'_>) -> Option<Value> {
    let negative = field::<i64>(map, atoms::sign())? < 0;
    let exponent = field(map, atoms::exp())?;
    let coefficient = match coef.decode::<u64>() {
        Ok(small) => small.to_string(),
        Err(_) => big_integer(coef)?,
    };
    (!coefficient.starts_with('-')).then_some(Value::Decimal {
        negative,
        coefficient,
        exponent,
    })
}

/// The digits of an integer; `None` if it has more than can be counted quickly.
pub fn big_integer(term: Term<'_>) -> Option<String> {
    // A digit is about 3.32 bits.
    const MAX_BITS: u64 = MAX_DIGITS as u64 * 332 / 100;
    let integer: BigInt = term.decode().ok()?;
    (integer.bits() <= MAX_BITS).then(|| integer.to_string())
}
