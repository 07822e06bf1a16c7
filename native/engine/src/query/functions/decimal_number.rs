//! Sums of decimals, and their forms.

use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::BigDecimal;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};

use super::argument::{kind, refused};
use crate::query::decimal;

/// The most digits that a number may have to be summed: one bad exponent must not fill the memory.
const SUM_DIGITS: u64 = 100_000;

pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    conn.create_aggregate_function(c"ash_rusqlite_decimal_sum", 1, flags, DecimalSum)?;
    conn.create_aggregate_function(c"ash_rusqlite_decimal_sum", 2, flags, ContextSum)
}

struct DecimalSum;

impl Aggregate<Option<BigDecimal>, Option<String>> for DecimalSum {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<BigDecimal>> {
        Ok(None)
    }

    fn step(&self, ctx: &mut Context<'_>, sum: &mut Option<BigDecimal>) -> Result<()> {
        let term = match ctx.get_raw(0) {
            ValueRef::Null => return Ok(()),
            ValueRef::Integer(integer) => BigDecimal::from(integer),
            ValueRef::Text(text) => parse(text).ok_or_else(|| not_decimal(text))?,
            ValueRef::Real(real) => {
                let text = real.to_string();
                parse(text.as_bytes()).ok_or_else(|| not_decimal(text.as_bytes()))?
            }
            ValueRef::Blob(blob) => return Err(not_decimal(blob)),
        };
        match sum {
            Some(sum) => *sum += term,
            None => *sum = Some(term),
        }
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        sum: Option<Option<BigDecimal>>,
    ) -> Result<Option<String>> {
        Ok(sum.flatten().map(|sum| sum.to_plain_string()))
    }
}

fn parse(text: &[u8]) -> Option<BigDecimal> {
    let text = std::str::from_utf8(text).ok()?;
    if decimal::parse(text)?.plain_digits() > SUM_DIGITS {
        return None;
    }
    BigDecimal::from_str(text).ok()
}

fn not_decimal(text: &[u8]) -> rusqlite::Error {
    let short: String = String::from_utf8_lossy(text).chars().take(40).collect();
    refused(format!("a stored value is no decimal number: {short}"))
}

/// The sum that Elixir's Decimal gives, whose coefficient has at most this many digits. Where the
/// terms need more, it would round, and their order would matter: that is an error.
struct ContextSum;

/// A sum of coefficients at one exponent, which is never more than that of the 0 it begins with.
struct Scaled {
    sum: BigInt,
    /// What no sum of some of the terms exceeds.
    most: BigInt,
    exponent: i64,
}

impl Aggregate<Option<Scaled>, Option<String>> for ContextSum {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Scaled>> {
        Ok(None)
    }

    fn step(&self, ctx: &mut Context<'_>, sum: &mut Option<Scaled>) -> Result<()> {
        let (term, exponent) = match ctx.get_raw(0) {
            ValueRef::Null => return Ok(()),
            ValueRef::Integer(integer) => (BigInt::from(integer), 0),
            ValueRef::Text(text) => coefficient(text).ok_or_else(|| not_decimal(text))?,
            other => {
                return Err(refused(format!("cannot sum {} as a decimal", kind(other))));
            }
        };
        let digits: i64 = ctx.get(1)?;
        let sum = sum.get_or_insert_with(|| Scaled {
            sum: BigInt::from(0),
            most: BigInt::from(0),
            exponent: 0,
        });
        sum.add(term, exponent, digits)
            .ok_or_else(|| refused(format!("a sum of decimals needs more than {digits} digits")))
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Option<Scaled>>) -> Result<Option<String>> {
        Ok(sum.flatten().map(|sum| sum.text()))
    }
}

impl Scaled {
    /// `None` when this many digits do not hold it.
    fn add(&mut self, term: BigInt, exponent: i64, digits: i64) -> Option<()> {
        let least = self.exponent.min(exponent);
        let here = scale(self.exponent - least, digits)?;
        self.sum *= &here;
        self.most *= &here;
        self.exponent = least;
        let term = term * scale(exponent - least, digits)?;
        self.most += BigInt::from(term.magnitude().clone());
        self.sum += term;
        (self.most < scale(digits, digits)?).then_some(())
    }

    fn text(&self) -> String {
        let places = usize::try_from(-self.exponent).unwrap_or_default();
        let mut digits = self.sum.magnitude().to_string();
        if digits.len() <= places {
            digits.insert_str(0, &"0".repeat(places + 1 - digits.len()));
        }
        if places > 0 {
            digits.insert(digits.len() - places, '.');
        }
        let negative = self.sum < BigInt::from(0);
        format!("{}{digits}", if negative { "-" } else { "" })
    }
}

/// A power of ten, if its zeros are not more than the digits of a sum.
fn scale(zeros: i64, digits: i64) -> Option<BigInt> {
    let zeros = u32::try_from(zeros).ok()?;
    (i64::from(zeros) <= digits).then(|| BigInt::from(10).pow(zeros))
}

fn coefficient(text: &[u8]) -> Option<(BigInt, i64)> {
    decimal::parse(std::str::from_utf8(text).ok()?)?.coefficient()
}

/// `ash_rusqlite_decimal_form(x)`.
pub(in crate::query) fn form(ctx: &Context<'_>) -> Result<Stored> {
    let text = match ctx.get_raw(0) {
        ValueRef::Null => return Ok(Stored::Null),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(blob) => return Err(not_decimal(blob)),
    };
    match decimal::parse(&text) {
        Some(parts) => Ok(Stored::Blob(parts.form())),
        None => Err(not_decimal(text.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fail, open, text, value};
    use super::*;
    use crate::error::Code;
    use crate::sqlite::sqlite_error;

    #[test]
    fn sums_of_decimals_are_exact() {
        let conn = open();
        conn.execute_batch(
            "CREATE TABLE t (x DECIMAL_TEXT);
             INSERT INTO t VALUES ('0.1'), ('0.20'), (NULL), ('-1e2'), ('99999999999999999999.7');",
        )
        .unwrap();
        let sum = "SELECT ash_rusqlite_decimal_sum(x) FROM t";
        assert_eq!(text(&conn, sum).as_deref(), Some("99999999999999999900.00"));
        assert_eq!(
            text(&conn, "SELECT ash_rusqlite_decimal_sum(x) FROM t WHERE 0"),
            None
        );
        conn.execute_batch("INSERT INTO t VALUES ('ten')").unwrap();
        let error = conn.query_row(sum, [], |_| Ok(())).unwrap_err();
        let error = sqlite_error::map(error);
        assert_eq!(error.code(), Code::InvalidValue);
        assert!(error.message().contains("ten"), "{error}");
        conn.execute_batch("UPDATE t SET x = '1e999999999'")
            .unwrap();
        assert!(conn.query_row(sum, [], |_| Ok(())).is_err());
    }

    #[test]
    fn sums_of_a_context_keep_the_places_of_their_terms() {
        let conn = open();
        let sum = |terms: &str| {
            let sql = format!("SELECT ash_rusqlite_decimal_sum(column1, 28) FROM (VALUES {terms})");
            text(&conn, &sql)
        };
        for (terms, wanted) in [
            ("('1.10'), ('2.5')", "3.60"),
            ("('1'), ('0.00')", "1.00"),
            ("('-1.5'), ('1.5')", "0.0"),
            ("('1E+2'), (NULL)", "100"),
            ("('-0.05')", "-0.05"),
            ("(7), ('0.5')", "7.5"),
            (
                "('9999999999999999999999999999')",
                "9999999999999999999999999999",
            ),
        ] {
            assert_eq!(sum(terms).as_deref(), Some(wanted), "{terms}");
        }
        assert_eq!(sum("(NULL)"), None);
    }

    #[test]
    fn what_a_context_would_round_is_refused() {
        let conn = open();
        for terms in [
            "('9999999999999999999999999999'), ('1')",
            "('9999999999999999999999999999'), ('-9999999999999999999999999999')",
            "('1e27'), ('0.01')",
            "('1e40')",
            "('1e-40')",
            "(1.5)",
            "('ten')",
        ] {
            let sql = format!("ash_rusqlite_decimal_sum(column1, 28) FROM (VALUES {terms})");
            fail(&conn, &sql);
        }
    }

    #[test]
    fn the_form_of_what_is_no_decimal_is_refused() {
        let conn = open();
        assert_eq!(
            value(&conn, "ash_rusqlite_decimal_form(NULL)"),
            Stored::Null
        );
        assert_eq!(
            value(
                &conn,
                "ash_rusqlite_decimal_form(10) > ash_rusqlite_decimal_form('1e1')"
            ),
            Stored::Integer(1)
        );
        fail(&conn, "ash_rusqlite_decimal_form('ten')");
        fail(&conn, "ash_rusqlite_decimal_form(x'00')");
    }
}
