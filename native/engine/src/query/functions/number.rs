//! Arithmetic that never turns an integer into an inexact float, and has an error where
//! SQLite's own has NULL or infinity.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};

use super::argument::{kind, refused};

pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    conn.create_scalar_function(c"ash_rusqlite_negate", 1, flags, negate)?;
    conn.create_scalar_function(c"ash_rusqlite_number", 1, flags, |ctx| {
        Ok(number(ctx, 0)?.map_or(Stored::Null, Number::stored))
    })
}

pub(in crate::query) fn add(ctx: &Context<'_>) -> Result<Stored> {
    operate(ctx, i64::checked_add, |left, right| left + right)
}

pub(in crate::query) fn subtract(ctx: &Context<'_>) -> Result<Stored> {
    operate(ctx, i64::checked_sub, |left, right| left - right)
}

pub(in crate::query) fn multiply(ctx: &Context<'_>) -> Result<Stored> {
    operate(ctx, i64::checked_mul, |left, right| left * right)
}

/// An integer as a float.
pub(in crate::query) fn to_real(ctx: &Context<'_>) -> Result<Stored> {
    Ok(number(ctx, 0)?.map_or(Stored::Null, |number| Stored::Real(number.float())))
}

#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Real(f64),
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Number::Integer(integer) => integer as f64,
            Number::Real(real) => real,
        }
    }

    fn stored(self) -> Stored {
        match self {
            Number::Integer(integer) => Stored::Integer(integer),
            Number::Real(real) => Stored::Real(real),
        }
    }
}

/// An argument; `None` is null.
fn number(ctx: &Context<'_>, at: usize) -> Result<Option<Number>> {
    match ctx.get_raw(at) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(integer) => Ok(Some(Number::Integer(integer))),
        ValueRef::Real(real) => Ok(Some(Number::Real(real))),
        other => Err(refused(format!(
            "{} is no number to reckon with",
            kind(other)
        ))),
    }
}

fn numbers(ctx: &Context<'_>) -> Result<Option<(Number, Number)>> {
    let (left, right) = (number(ctx, 0)?, number(ctx, 1)?);
    Ok(left.zip(right))
}

fn operate(
    ctx: &Context<'_>,
    integers: fn(i64, i64) -> Option<i64>,
    reals: fn(f64, f64) -> f64,
) -> Result<Stored> {
    match numbers(ctx)? {
        None => Ok(Stored::Null),
        Some((Number::Integer(left), Number::Integer(right))) => integers(left, right)
            .map(Stored::Integer)
            .ok_or_else(overflow),
        Some((left, right)) => finite(reals(left.float(), right.float())),
    }
}

fn overflow() -> rusqlite::Error {
    refused(
        "an integer went outside 64 bits; use a REAL or DECIMAL_TEXT column for such numbers"
            .to_owned(),
    )
}

fn finite(result: f64) -> Result<Stored> {
    if result.is_finite() {
        Ok(Stored::Real(result))
    } else {
        Err(refused("the result is too large for a float".to_owned()))
    }
}

fn by_zero() -> rusqlite::Error {
    refused("division by zero".to_owned())
}

pub(in crate::query) fn divide(ctx: &Context<'_>) -> Result<Stored> {
    match numbers(ctx)? {
        None => Ok(Stored::Null),
        Some((_, right)) if right.float() == 0.0 => Err(by_zero()),
        Some((left, right)) => finite(left.float() / right.float()),
    }
}

pub(in crate::query) fn remainder(ctx: &Context<'_>) -> Result<Stored> {
    match numbers(ctx)? {
        None => Ok(Stored::Null),
        Some((Number::Integer(_), Number::Integer(0))) => Err(by_zero()),
        Some((Number::Integer(left), Number::Integer(right))) => {
            Ok(Stored::Integer(left.wrapping_rem(right)))
        }
        Some(_) => Err(refused("only integers have a remainder".to_owned())),
    }
}

fn negate(ctx: &Context<'_>) -> Result<Stored> {
    match number(ctx, 0)? {
        None => Ok(Stored::Null),
        Some(Number::Integer(integer)) => integer
            .checked_neg()
            .map(Stored::Integer)
            .ok_or_else(overflow),
        Some(Number::Real(real)) => Ok(Stored::Real(-real)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fail, open, value};
    use super::*;

    #[test]
    fn arithmetic_never_turns_an_integer_into_a_float() {
        let conn = open();
        for (sql, wanted) in [
            ("add(2, 3)", Stored::Integer(5)),
            ("add(1.5, 2)", Stored::Real(3.5)),
            ("add(NULL, 2)", Stored::Null),
            ("subtract(2, 3)", Stored::Integer(-1)),
            ("multiply(3, 4)", Stored::Integer(12)),
            ("multiply(3, 0.5)", Stored::Real(1.5)),
            ("divide(7, 2)", Stored::Real(3.5)),
            ("divide(4, 2)", Stored::Real(2.0)),
            ("divide(NULL, 0)", Stored::Null),
            ("remainder(-7, 2)", Stored::Integer(-1)),
            ("remainder(7, -2)", Stored::Integer(1)),
            (
                "remainder(-9223372036854775807 - 1, -1)",
                Stored::Integer(0),
            ),
            ("negate(2)", Stored::Integer(-2)),
            ("negate(2.5)", Stored::Real(-2.5)),
            ("negate(NULL)", Stored::Null),
            ("to_real(3)", Stored::Real(3.0)),
            ("number(3)", Stored::Integer(3)),
        ] {
            assert_eq!(
                value(&conn, &format!("ash_rusqlite_{sql}")),
                wanted,
                "{sql}"
            );
        }
    }

    #[test]
    fn what_has_no_result_is_an_error() {
        let conn = open();
        for (sql, part) in [
            ("add(9223372036854775807, 1)", "64 bits"),
            ("subtract(-9223372036854775807, 2)", "64 bits"),
            ("multiply(9223372036854775807, 2)", "64 bits"),
            ("negate(-9223372036854775807 - 1)", "64 bits"),
            ("add(1e308, 1e308)", "too large"),
            ("divide(1e308, 0.1)", "too large"),
            ("divide(1, 0)", "division by zero"),
            ("divide(1, 0.0)", "division by zero"),
            ("remainder(1, 0)", "division by zero"),
            ("remainder(1.5, 1)", "only integers"),
            ("add('1', 1)", "no number"),
            ("to_real('1')", "no number"),
            ("number(x'00')", "no number"),
        ] {
            let message = fail(&conn, &format!("ash_rusqlite_{sql}"));
            assert!(message.contains(part), "{sql}: {message}");
        }
    }
}
