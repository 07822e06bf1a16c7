//! Who makes a change, and why, while the writer is at it.

use super::Writer;
use crate::error::Result;
use crate::journal::{check_positions, not_journaled};
use crate::query::ir::{Write, WriteContext};
use crate::sqlite::authorizer::Access;

/// What a write is a part of, which readers of the journal may want to take whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// It is alone, though it may share its commit with others.
    Request,
    /// It is one of a transaction's.
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
        let result = self.say_who(context, expects, unit);
        self.link.gate.set(Access::Write);
        result.map_err(|error| self.link.interrupt.explain(error))
    }

    fn say_who(&mut self, context: Option<&WriteContext>, expects: bool, unit: Unit) -> Result<()> {
        let nobody = WriteContext::default();
        let context = context.unwrap_or(&nobody);
        let conn = &self.link.conn;
        if expects {
            check_positions(conn, &context.expect)?;
        }
        match unit {
            Unit::Request => self.context.begin_unit(conn, context),
            Unit::Transaction => self.context.go_on(conn, context),
        }
    }

    /// A commit is about to begin.
    pub(super) fn leave(&mut self) -> Result<()> {
        if !self.context.is_set() {
            return Ok(());
        }
        self.link.gate.set(Access::Internal);
        let result = self.context.clear(&self.link.conn);
        self.link.gate.set(Access::Write);
        result
    }

    /// Undoes what was done since a savepoint, which stays open.
    pub(super) fn roll_back_to(&mut self, savepoint: &str) -> Result<()> {
        self.context.rolled_back_to();
        self.step(&format!("ROLLBACK TO {savepoint}"))
    }
}
