//! Sets who makes a change, and why, before each write, and clears it before the commit.

use super::Writer;
use crate::error::Result;
use crate::journal::{check_positions, not_journaled};
use crate::query::ir::{Write, WriteContext};
use crate::sqlite::authorizer::Access;

/// The unit of a write: events of one unit have the same number, so that readers of the journal can
/// take them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// The request alone, though it may share its commit with others.
    Request,
    /// The transaction that the write is a statement of.
    Transaction,
}

impl Writer {
    /// A write is about to run.
    pub(super) fn enter(&mut self, write: &Write, unit: Unit) -> Result<()> {
        let (write, context) = write.parts();
        let catalog = self.catalog().get();
        let expects = context.is_some_and(|context| !context.expect.is_empty());
        if expects && !catalog.has_journal() {
            return Err(not_journaled());
        }
        if !expects && !catalog.may_make_events(write.table()) {
            return Ok(());
        }
        self.link.gate.set(Access::Internal);
        let result = self.set_request_row(context, expects, unit);
        self.link.gate.set(Access::Write);
        result.map_err(|error| self.link.interrupt.explain(error))
    }

    fn set_request_row(
        &mut self,
        context: Option<&WriteContext>,
        expects: bool,
        unit: Unit,
    ) -> Result<()> {
        let unknown = WriteContext::default();
        let context = context.unwrap_or(&unknown);
        let conn = &self.link.conn;
        if expects {
            check_positions(conn, &context.expect)?;
        }
        match unit {
            Unit::Request => self.request_row.begin_unit(conn, context),
            Unit::Transaction => self.request_row.continue_unit(conn, context),
        }
    }

    /// A commit is about to begin.
    pub(super) fn leave(&mut self) -> Result<()> {
        if !self.request_row.is_set() {
            return Ok(());
        }
        self.link.gate.set(Access::Internal);
        let result = self.request_row.clear(&self.link.conn);
        self.link.gate.set(Access::Write);
        result
    }

    /// Undoes what was done since a savepoint, which stays open.
    pub(super) fn roll_back_to(&mut self, savepoint: &str) -> Result<()> {
        self.request_row.rolled_back_to();
        self.step(&format!("ROLLBACK TO {savepoint}"))
    }
}
