//! The journal: every row change of a journaled table as an event, in the same commit.
//!
//! Triggers in the file write the events (`triggers`), so that every program that writes is
//! captured. They use functions of SQLite's own alone. The tables of the journal are made with the
//! first journaled table (`layout`) and told which tables are journaled after each change of the
//! schema (`sync`). Who wrote, and why, is set by the writer for each request (`context`).

mod context;
mod digest;
mod layout;
mod spec;
mod sync;
mod triggers;

use rusqlite::Connection;

use crate::error::Result;
use crate::schema::lex::name;
use crate::sqlite_error;

pub use context::WriteContext;
pub(crate) use context::{check_positions, Context};
pub use layout::{identity, is_installed, Identity};
pub use spec::{EventOn, JournalEvent, JournalSpec, Subject};
pub(crate) use sync::sync;
pub(crate) use triggers::{is_journal_trigger, triggers};

/// Switches the journal of a table on, or to another specification, in the transaction of the
/// caller. Rows that are there have no events yet.
///
/// # Errors
/// `invalid_option` for a specification that does not fit the table, `unknown_column`.
pub fn enable(conn: &Connection, table: &str, spec: &JournalSpec) -> Result<()> {
    let triggers = triggers(conn, table, spec)?;
    for (trigger, sql) in triggers {
        let drop = format!("DROP TRIGGER IF EXISTS {}", name(&trigger));
        conn.execute_batch(&drop).map_err(sqlite_error::map)?;
        conn.execute_batch(&sql).map_err(sqlite_error::map)?;
    }
    sync(conn, &[])
}
