//! What compiling gives: a read, the values of its placeholders, and what it assumes.

use std::rc::Rc;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value as Stored};

use crate::error::{Code, Error};
use crate::value::OutputColumn;

/// A read, ready to be prepared, bound and stepped.
#[derive(Debug)]
pub struct Compiled<'a> {
    /// The statement.
    pub sql: String,
    /// The values of its placeholders.
    pub params: Vec<Param<'a>>,
    /// The columns of its rows: the wanted ones, then the hidden ones. Empty for raw SQL,
    /// whose columns only the prepared statement knows ([`columns_of`](super::columns_of)).
    pub columns: Arc<[OutputColumn]>,
    /// How many trailing columns make the next page's cursor (`Cursor::Values`).
    pub hidden: usize,
    /// The rows come last first; the host turns them round.
    pub reversed: bool,
    /// What it assumes about the texts of times.
    pub forms: Forms,
}

/// The value of a placeholder. Texts and blobs are borrowed from the query.
#[derive(Clone, Debug, PartialEq)]
pub enum Param<'a> {
    /// One value.
    Value(ToSqlOutput<'a>),
    /// A list, bound through `rarray`.
    Array(Rc<Vec<Stored>>),
}

/// What a statement assumes about the texts of times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// Whether it relies on what a look has found.
    pub relied: bool,
    /// Columns, by table and name, that nobody has looked at. It is right whatever they hold, and
    /// quicker where they have one form.
    pub unknown: Vec<(String, String)>,
}

/// An `invalid_query` error.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidQuery, message)
}
