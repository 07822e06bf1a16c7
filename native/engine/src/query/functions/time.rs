//! Texts of times that have several forms.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

use crate::value::time_texts::has_own_form;
use crate::value::{ColumnType, TimeFamily};

pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    conn.create_collation(c"ash_rusqlite_instant", |a, b| {
        TimeFamily::Instant.compare(a, b)
    })?;
    conn.create_collation(c"ash_rusqlite_naive", |a, b| {
        TimeFamily::Naive.compare(a, b)
    })?;
    conn.create_collation(c"ash_rusqlite_clock", |a, b| {
        TimeFamily::Clock.compare(a, b)
    })?;
    // What is no text is no time either: it has no other form.
    conn.create_scalar_function(c"ash_rusqlite_own_form", 2, flags, |ctx| {
        let column_type = match ctx.get_raw(1) {
            ValueRef::Text(name) => std::str::from_utf8(name).map(ColumnType::from_declared),
            _ => Ok(ColumnType::Any),
        };
        Ok(match (ctx.get_raw(0), column_type) {
            (ValueRef::Text(text), Ok(column_type)) => has_own_form(text, column_type),
            _ => true,
        })
    })
}
