//! What compiling a write gives: a statement, and the values that it is run with.

use std::rc::Rc;
use std::sync::Arc;

use super::compiled::Param;
use super::insert_plan::InsertedRows;
use super::returned_row::ReadBack;
use crate::error::Result;
use crate::value::OutputColumn;

/// A write: one statement, run once for each list of values.
#[derive(Debug)]
pub struct CompiledWrite<'a> {
    /// The statement.
    pub sql: Rc<str>,
    /// The values of its placeholders for each run of it.
    pub runs: Runs<'a>,
    /// The columns that come back; none means the count alone.
    pub columns: Arc<[OutputColumn]>,
    /// How the row comes back when the statement itself does not return it.
    pub read_back: Option<ReadBack<'a>>,
}

/// What a statement is run with.
#[derive(Debug)]
pub enum Runs<'a> {
    /// These values, once for each list.
    Params(Vec<Vec<Param<'a>>>),
    /// The rows of an insert.
    Rows(InsertedRows<'a>),
}

impl<'a> Runs<'a> {
    /// Calls `run` with the values of each run.
    ///
    /// # Errors
    /// Those of values that their columns do not take, and what `run` returns.
    pub fn each(&self, run: &mut dyn FnMut(&[Param<'a>]) -> Result<()>) -> Result<()> {
        match self {
            Runs::Params(all) => all.iter().try_for_each(|params| run(params)),
            Runs::Rows(rows) => rows.each(run),
        }
    }
}
