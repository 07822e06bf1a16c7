//! What the compiled SQL needs from its connection beyond SQLite itself.

mod argument;
pub(super) mod decimal_number;
pub(super) mod like;
mod list;
pub(super) mod number;
pub(super) mod store;
pub(super) mod text;
mod time;

pub(super) use like::MAX_PATTERN;
pub(crate) use text::lower;

use rusqlite::functions::FunctionFlags;
use rusqlite::{vtab, Connection};

use super::{decimal, vocabulary};
use crate::error::Result;
use crate::sqlite::sqlite_error;

/// Registers the functions, the collations and the table function of compiled queries:
///
/// - collation `ash_rusqlite_decimal`: decimals in text by their value,
/// - collations `ash_rusqlite_instant`, `ash_rusqlite_naive`, `ash_rusqlite_clock`: texts of times
///   by what they are, whatever their form; `ash_rusqlite_own_form(x, type)`: whether it is ours,
/// - collation `ash_rusqlite_ci`: texts by their characters in lower case,
/// - `ash_rusqlite_decimal_sum(x)`: the exact sum of decimals, and with a second argument as
///   Elixir's Decimal sums them, where its digits hold it,
/// - the functions of the vocabulary's tables, such as `ash_rusqlite_downcase(x)`, and those of its
///   arithmetic, such as `ash_rusqlite_add(x, y)`: `x + y` that fails where SQLite's `+` would turn
///   an integer into an inexact float,
/// - `ash_rusqlite_list(x)`: every value in one blob,
/// - `ash_rusqlite_store(x, type, table, column)`: a value in the form of its column,
/// - `rarray(?)`: a list of values as one parameter.
pub fn register(conn: &Connection) -> Result<()> {
    register_all(conn).map_err(sqlite_error::map)
}

fn register_all(conn: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    conn.create_collation(c"ash_rusqlite_decimal", decimal::compare)?;
    time::register(conn, flags)?;
    decimal_number::register(conn, flags)?;
    number::register(conn, flags)?;
    text::register(conn, flags)?;
    like::register(conn, flags)?;
    list::register(conn, flags)?;
    conn.create_scalar_function(c"ash_rusqlite_store", 4, flags, store::store)?;
    for function in vocabulary::registered() {
        let name = format!("ash_rusqlite_{}", function.name);
        conn.create_scalar_function(name.as_str(), function.arguments, flags, function.run)?;
    }
    vtab::array::load_module(conn)
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

    pub(super) fn text(conn: &Connection, sql: &str) -> Option<String> {
        conn.query_row(sql, [], |row| row.get(0)).unwrap()
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
