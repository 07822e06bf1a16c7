//! What the compiled SQL needs from its connection beyond SQLite itself.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{ffi, vtab, Connection};

use super::decimal;
use crate::error::Result;
use crate::sqlite_error;

/// The most digits that a number may have to be summed: one bad exponent must not fill the memory.
const SUM_DIGITS: u64 = 100_000;

/// Registers the functions, the collation and the table function of compiled queries:
///
/// - collation `ash_rusqlite_decimal`: decimals in text by their value,
/// - `ash_rusqlite_decimal_sum(x)`: their exact sum,
/// - `ash_rusqlite_add(x, y)`: `x + y` that fails where SQLite's `+` would turn an integer
///   into an inexact float,
/// - `rarray(?)`: a list of values as one parameter.
pub fn register(conn: &Connection) -> Result<()> {
    register_all(conn).map_err(sqlite_error::map)
}

fn register_all(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_collation(c"ash_rusqlite_decimal", decimal::compare)?;
    conn.create_aggregate_function(c"ash_rusqlite_decimal_sum", 1, flags, DecimalSum)?;
    conn.create_scalar_function(c"ash_rusqlite_add", 2, flags, add)?;
    vtab::array::load_module(conn)
}

struct DecimalSum;

impl Aggregate<Option<BigDecimal>, Option<String>> for DecimalSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<BigDecimal>> {
        Ok(None)
    }

    fn step(&self, ctx: &mut Context<'_>, sum: &mut Option<BigDecimal>) -> rusqlite::Result<()> {
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
    ) -> rusqlite::Result<Option<String>> {
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
    failure(format!(
        "cannot sum a stored value that is not a decimal number: {short}"
    ))
}

fn add(ctx: &Context<'_>) -> rusqlite::Result<Stored> {
    match (ctx.get_raw(0), ctx.get_raw(1)) {
        (ValueRef::Integer(left), ValueRef::Integer(right)) => left
            .checked_add(right)
            .map(Stored::Integer)
            .ok_or_else(|| failure("integer overflow".to_owned())),
        (ValueRef::Null, _) | (_, ValueRef::Null) => Ok(Stored::Null),
        (left, right) => match (number(left), number(right)) {
            (Some(left), Some(right)) if (left + right).is_finite() => {
                Ok(Stored::Real(left + right))
            }
            (Some(_), Some(_)) => Err(failure("the sum is too large for a float".to_owned())),
            _ => Err(failure(
                "cannot add to a stored value that is not a number".to_owned(),
            )),
        },
    }
}

fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Integer(integer) => Some(integer as f64),
        ValueRef::Real(real) => Some(real),
        _ => None,
    }
}

fn failure(message: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn open() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        register(&conn).unwrap();
        conn
    }

    fn text(conn: &Connection, sql: &str) -> Option<String> {
        conn.query_row(sql, [], |row| row.get(0)).unwrap()
    }

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
        assert!(conn
            .query_row(sum, [], |_| Ok(()))
            .unwrap_err()
            .to_string()
            .contains("ten"));
        conn.execute_batch("UPDATE t SET x = '1e999999999'")
            .unwrap();
        assert!(conn.query_row(sum, [], |_| Ok(())).is_err());
    }

    #[test]
    fn adding_never_turns_an_integer_into_a_float() {
        let conn = open();
        let fail =
            |sql: &str| sqlite_error::map(conn.query_row(sql, [], |_| Ok(())).unwrap_err()).code();
        assert_eq!(
            fail("SELECT ash_rusqlite_add(9223372036854775807, 1)"),
            Code::InvalidValue
        );
        let sum: f64 = conn
            .query_row("SELECT ash_rusqlite_add(1.5, 2)", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sum, 3.5);
        assert_eq!(text(&conn, "SELECT ash_rusqlite_add(NULL, 2)"), None);
        conn.query_row("SELECT ash_rusqlite_add(1e308, 1e308)", [], |_| Ok(()))
            .unwrap_err();
    }

    #[test]
    fn the_collation_orders_by_value() {
        let conn = open();
        let list = "SELECT group_concat(x, ' ') FROM (SELECT column1 AS x FROM
                    (VALUES ('10'), ('9.5'), ('-2'), ('1e1'))
                    ORDER BY x COLLATE ash_rusqlite_decimal)";
        assert_eq!(text(&conn, list).as_deref(), Some("-2 9.5 10 1e1"));
    }
}
