//! The aggregate that keeps every value.

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Result};

use super::argument::refused;
use crate::value::list;

pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    let nulls = |nulls| List { nulls };
    conn.create_aggregate_function(c"ash_rusqlite_list", 1, flags, nulls(false))?;
    conn.create_aggregate_function(c"ash_rusqlite_list_with_nulls", 1, flags, nulls(true))
}

struct List {
    /// Whether nulls count.
    nulls: bool,
}

impl Aggregate<Vec<u8>, Vec<u8>> for List {
    fn init(&self, _: &mut Context<'_>) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn step(&self, ctx: &mut Context<'_>, values: &mut Vec<u8>) -> Result<()> {
        let value = ctx.get_raw(0);
        if !self.nulls && value == rusqlite::types::ValueRef::Null {
            return Ok(());
        }
        list::push(values, value)
            .ok_or_else(|| refused("a value is too long for a list".to_owned()))
    }

    fn finalize(&self, _: &mut Context<'_>, values: Option<Vec<u8>>) -> Result<Vec<u8>> {
        Ok(values.unwrap_or_default())
    }
}
