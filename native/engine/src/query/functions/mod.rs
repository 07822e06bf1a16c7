//! What the compiled SQL needs from its connection beyond SQLite itself.

mod like;
mod list;
mod number;
mod store;
mod text;

use std::str::FromStr;

use bigdecimal::BigDecimal;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{ffi, vtab, Connection};

use super::decimal;
use crate::error::Result;
use crate::sqlite_error;

/// The most digits that a number may have to be summed: one bad exponent must not fill the memory.
const SUM_DIGITS: u64 = 100_000;

/// What begins the message of each error of ours, which SQLite passes on as it is.
pub(crate) const REFUSED: &str = "ash_rusqlite: ";

/// Registers the functions, the collations and the table function of compiled queries:
///
/// - collation `ash_rusqlite_decimal`: decimals in text by their value,
/// - collation `ash_rusqlite_ci`: texts by their characters in lower case,
/// - `ash_rusqlite_decimal_sum(x)`: the exact sum of decimals,
/// - arithmetic, such as `ash_rusqlite_add(x, y)`: `x + y` that fails where SQLite's `+` would
///   turn an integer into an inexact float,
/// - functions of texts, such as `ash_rusqlite_downcase(x)`,
/// - `ash_rusqlite_list(x)`: every value in one blob,
/// - `ash_rusqlite_store(x, type, table, column)`: a value in the form of its column,
/// - `rarray(?)`: a list of values as one parameter.
pub fn register(conn: &Connection) -> Result<()> {
    register_all(conn).map_err(sqlite_error::map)
}

fn register_all(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_collation(c"ash_rusqlite_decimal", decimal::compare)?;
    conn.create_aggregate_function(c"ash_rusqlite_decimal_sum", 1, flags, DecimalSum)?;
    number::register(conn, flags)?;
    text::register(conn, flags)?;
    list::register(conn, flags)?;
    conn.create_scalar_function(c"ash_rusqlite_store", 4, flags, store::store)?;
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
    refused(format!(
        "cannot sum a stored value that is not a decimal number: {short}"
    ))
}

/// What a stored value is, for messages.
fn kind(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "null",
        ValueRef::Integer(_) => "an integer",
        ValueRef::Real(_) => "a float",
        ValueRef::Text(_) => "a text",
        ValueRef::Blob(_) => "a blob",
    }
}

/// The error of a function that a value does not fit.
fn refused(message: String) -> rusqlite::Error {
    let message = format!("{REFUSED}{message}");
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use rusqlite::types::Value as Stored;

    pub(super) fn value(conn: &Connection, sql: &str) -> Stored {
        conn.query_row(&format!("SELECT {sql}"), [], |row| row.get(0))
            .unwrap()
    }

    /// The message of the error of an expression, which must be of ours.
    pub(super) fn fail(conn: &Connection, sql: &str) -> String {
        let failed = conn.query_row(&format!("SELECT {sql}"), [], |_| Ok(()));
        let error = sqlite_error::map(failed.unwrap_err());
        assert_eq!(error.code(), Code::InvalidValue, "{sql}: {error}");
        error.message().to_owned()
    }

    pub(super) fn open() -> Connection {
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
        let error = conn.query_row(sum, [], |_| Ok(())).unwrap_err();
        let error = sqlite_error::map(error);
        assert_eq!(error.code(), Code::InvalidValue);
        assert!(error.message().contains("ten"), "{error}");
        conn.execute_batch("UPDATE t SET x = '1e999999999'")
            .unwrap();
        assert!(conn.query_row(sum, [], |_| Ok(())).is_err());
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
