//! Statements of a caller's own that write rows.

use std::sync::Arc;

use super::{count, give_own, is_empty, own_table, Executor};
use crate::error::{Code, Error, Result};
use crate::query::compile;
use crate::query::ir::SqlWrite;
use crate::service::RowSink;
use crate::sqlite::lex::{lex, name_of};
use crate::sqlite::{authorizer, not_a_read};
use crate::value::OutputColumn;

/// The table of the library's own that a statement names, if it does.
fn own_of(sql: &str) -> Option<String> {
    let mut names = lex(sql).into_iter().map(|token| name_of(sql, &token));
    names.find(|name| authorizer::is_own_table(name))
}

impl Executor<'_> {
    /// Runs one. Returns how many rows it wrote; what it returns goes to the sink.
    ///
    /// # Errors
    /// `not_allowed` for a statement that reads, changes the schema, ends the transaction or
    /// reaches another file; else SQLite's own.
    pub(super) fn execute_sql(&self, write: &SqlWrite, sink: &mut dyn RowSink) -> Result<u64> {
        // Before SQLite sees it: what is a part of a transaction needs no permission to be compiled.
        if let Some(error) = not_a_read::not_a_write(&write.sql) {
            return Err(error);
        }
        let params = compile::raw(&write.sql, &write.params)?;
        let mut stmt = self.prepare(&write.sql).map_err(|error| {
            let denied = error.code() == Code::NotAllowed && error.detail("sqlite_code").is_some();
            let own = own_of(&write.sql).filter(|_| denied);
            own.map_or(error, |table| own_table(&table))
        })?;
        if is_empty(&stmt) {
            let message = "the SQL holds no statement; give an INSERT, UPDATE or DELETE";
            return Err(Error::new(Code::InvalidQuery, message));
        }
        if stmt.readonly() {
            let message =
                "execute is for SQL that writes, and this statement only reads: use query";
            return Err(Error::new(Code::NotAllowed, message));
        }
        compile::bind(&mut stmt, &params)?;
        let written = match stmt.column_count() {
            0 => {
                let none: Arc<[OutputColumn]> = Arc::new([]);
                sink.begin(&none, 0, false);
                count(&mut stmt)
            }
            _ => give_own(&mut stmt, sink, None, &mut |_| Ok(())),
        };
        self.note_scan(&stmt, &write.sql, &written);
        self.note_reprepare(&stmt);
        written
    }
}
