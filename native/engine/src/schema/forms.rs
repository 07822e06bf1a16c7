//! What is known of the forms of times in columns. One look at the rows tells it; what this
//! program writes later has the form of the column, so it stays true until another one commits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::introspect::Catalog;
use super::table::{Column, Form, Table};
use crate::error::Result;
use crate::sqlite_error;
use crate::value::ColumnType;

/// Looks take at most one part in so many of the time, however often others commit.
const SHARE: u32 = 20;

/// What looks have found, by table and column.
#[derive(Debug, Default)]
pub struct KnownForms(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often everything was forgotten.
    generation: u64,
    found: HashMap<(String, String), Found>,
}

#[derive(Debug)]
struct Found {
    column_type: ColumnType,
    form: Form,
    generation: u64,
    at: Instant,
    took: Duration,
}

impl KnownForms {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another program has written, or what columns hold may have changed otherwise. Returns
    /// whether something was known.
    pub fn forget(&self) -> bool {
        let mut state = self.lock();
        let now = state.generation;
        let known = state.found.values().any(|found| found.generation == now);
        state.generation += 1;
        known
    }

    /// The table with what is known of its columns, if that is not what it says.
    pub(super) fn apply(&self, table: &Table) -> Option<Table> {
        let state = self.lock();
        let form = |column: &Column| {
            let found = state.found.get(&key(table, column));
            found.map_or(Form::Unknown, |found| {
                let holds = found.generation == state.generation;
                let same = found.column_type == column.column_type;
                if holds && same {
                    found.form
                } else {
                    Form::Unknown
                }
            })
        };
        let changed = |column: &Column| {
            column.column_type.time_family().is_some() && form(column) != column.form
        };
        if !table.columns.iter().any(changed) {
            return None;
        }
        let columns = table.columns.iter();
        let columns = columns.map(|column| Column {
            form: form(column),
            ..column.clone()
        });
        Some(table.with_columns(columns.collect()))
    }

    /// Whether it is time to look at a column.
    fn is_due(&self, table: &Table, column: &Column) -> bool {
        let state = self.lock();
        state.found.get(&key(table, column)).is_none_or(|found| {
            found.column_type != column.column_type
                || found.generation != state.generation && found.at.elapsed() >= found.took * SHARE
        })
    }

    /// Looks at every column of times.
    ///
    /// # Errors
    /// As those of [`KnownForms::look`].
    pub fn look_at_all(&self, conn: &Connection, catalog: &Catalog) -> Result<()> {
        for table in catalog.tables() {
            for column in &table.columns {
                if column.column_type.time_family().is_some() {
                    self.look(conn, table, &column.name)?;
                }
            }
        }
        Ok(())
    }

    /// Looks at every row of a column, unless that would take too much of the time. Returns
    /// whether it looked.
    ///
    /// # Errors
    /// Those of SQLite, such as its interruption at a deadline. Nothing is noted then.
    pub fn look(&self, conn: &Connection, table: &Table, name: &str) -> Result<bool> {
        let (_, column) = table.column(name)?;
        if !self.is_due(table, column) {
            return Ok(false);
        }
        let (generation, at) = (self.lock().generation, Instant::now());
        let form =
            if may_be_written_otherwise(conn, table, column) || has_others(conn, table, column)? {
                Form::Several
            } else {
                Form::One
            };
        let found = Found {
            column_type: column.column_type,
            form,
            generation,
            at: Instant::now(),
            took: at.elapsed(),
        };
        self.lock().found.insert(key(table, column), found);
        Ok(true)
    }
}

fn key(table: &Table, column: &Column) -> (String, String) {
    (
        table.name.to_ascii_lowercase(),
        column.name.to_ascii_lowercase(),
    )
}

/// Whether what is in the column comes from elsewhere than our own writes: it is computed, or a
/// trigger or a default writes it in another form. A default gives each row the same form.
fn may_be_written_otherwise(conn: &Connection, table: &Table, column: &Column) -> bool {
    table.is_view
        || table.is_virtual
        || table.filled_by_triggers
        || column.generated
        || !column.default.as_deref().is_none_or(|default| {
            let declared = column.column_type.declared();
            // A line of its own, should it end in a comment.
            let sql = format!("SELECT ash_rusqlite_own_form((\n{default}\n), '{declared}')");
            conn.query_row(&sql, [], |row| row.get(0)).unwrap_or(false)
        })
}

fn has_others(conn: &Connection, table: &Table, column: &Column) -> Result<bool> {
    let sql = format!(
        "SELECT EXISTS(SELECT 1 FROM {} WHERE NOT ash_rusqlite_own_form({}, '{}'))",
        quoted(&table.name),
        quoted(&column.name),
        column.column_type.declared()
    );
    conn.query_row(&sql, [], |row| row.get(0))
        .map_err(sqlite_error::map)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
