//! Rows that are updated or inserted.

use super::Executor;
use crate::error::{Code, Error, Result};
use crate::query::compile::{self, CompiledWrite, InsertPlans};
use crate::query::ir::UpdateOrInsert;
use crate::service::RowSink;
use crate::sqlite::sqlite_error;

impl Executor<'_> {
    /// Updates or inserts each row. Returns how many were written.
    pub(super) fn update_or_insert(
        &self,
        write: &UpdateOrInsert,
        plans: &InsertPlans,
        sink: &mut dyn RowSink,
    ) -> Result<u64> {
        let catalog = self.catalog.get();
        plans.keep_for(&catalog);
        let mut written = 0;
        for (place, row) in write.each.iter().enumerate() {
            let compiled = compile::compile_update_or_insert(write, row, &catalog, plans)?;
            let begins = place == 0;
            let (found, holds) = match &compiled.question {
                Some(question) => self.ask(question)?,
                None => (1, true),
            };
            if found == 1 && !holds {
                if let Some(keep) = &compiled.keep {
                    self.run(keep, begins, sink)?;
                }
                continue;
            }
            let mut updated = found;
            if found == 1 {
                updated = self.run(&compiled.update, begins, sink)?;
            }
            if updated > 1 {
                return Err(several(updated));
            }
            if updated == 0 {
                self.run(&compiled.insert, begins, sink)?;
            }
            written += 1;
        }
        Ok(written)
    }

    /// How many rows have the keys, and whether the condition holds of them.
    fn ask(&self, question: &CompiledWrite<'_>) -> Result<(u64, bool)> {
        let mut stmt = self.prepare(&question.sql)?;
        question
            .runs
            .each(&mut |params| compile::bind(&mut stmt, params))?;
        let mut rows = stmt.raw_query();
        let answer = match rows.next().map_err(sqlite_error::map)? {
            Some(row) => {
                let found: i64 = row.get(0).map_err(sqlite_error::map)?;
                let holds = row.get(1).map_err(sqlite_error::map)?;
                (u64::try_from(found).unwrap_or_default(), holds)
            }
            None => (0, false),
        };
        drop(rows);
        self.note_scan(&stmt, &question.sql, &Ok(1));
        self.note_reprepare(&stmt);
        Ok(answer)
    }
}

/// The error of an update that was to be of one row.
fn several(rows: u64) -> Error {
    let message = format!("{rows} rows have the keys of the one to be updated; name more keys");
    Error::new(Code::InvalidQuery, message)
}
