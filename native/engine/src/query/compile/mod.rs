//! SQL out of the query language. Names come from the catalog and are quoted, values are
//! bound: nothing that a caller passes becomes SQL text (`builder` sees to it), but for the
//! fragments of a program, which `fragment` checks.

mod aggregate;
mod aggregates;
mod builder;
mod compared;
mod cursor;
mod either;
mod filter;
mod fragment;
mod given;
mod ignore_case;
mod insert;
mod nulls_equal;
mod numbered;
mod order;
mod plan;
mod scalar;
mod scope;
mod select;
mod subselect;
#[cfg(test)]
mod tests;
mod times;
mod write;

pub use either::{compile_either, CompiledEither};
pub use given::GivenRow;
pub use plan::{InsertedRows, Plans};
pub use times::Forms;

use std::rc::Rc;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value as Stored};
use rusqlite::Statement;

use super::ir::{Read, Write};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Result};
use crate::sqlite::sqlite_error;
use crate::sqlite::tokens::tokens;
use crate::value::{self, ColumnType, OutputColumn, Value};

/// What SQLite is asked for its plan with.
pub(crate) const EXPLAIN: &str = "EXPLAIN QUERY PLAN ";

/// A read, ready to be prepared, bound and stepped.
#[derive(Debug)]
pub struct Compiled<'a> {
    /// The statement.
    pub sql: String,
    /// The values of its placeholders.
    pub params: Vec<Param<'a>>,
    /// The columns of its rows: the wanted ones, then the hidden ones. Empty for raw SQL,
    /// whose columns only the prepared statement knows ([`columns_of`]).
    pub columns: Arc<[OutputColumn]>,
    /// How many trailing columns make the next page's cursor (`Cursor::Values`).
    pub hidden: usize,
    /// The rows come last first; the host turns them round.
    pub reversed: bool,
    /// What it assumes about the texts of times.
    pub forms: Forms,
}

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

/// A statement that reads the row that was just written. SQLite keeps what RETURNING gives in a
/// table of its own until the write is done, and copies each page that the write changes, in case
/// it must be undone alone: for a single row to read it is the cheaper way.
#[derive(Clone, Debug)]
pub struct ReadBack<'a> {
    /// The statement.
    pub sql: Rc<str>,
    /// How it finds the row.
    pub by: Found<'a>,
    /// What tells the row without a look at it, where its values were all given.
    pub given: Option<Rc<GivenRow>>,
}

/// What a row is found by.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// The rowid of the last row that was inserted is its only placeholder.
    LastRowid,
    /// The values of its placeholders.
    Params(Vec<Param<'a>>),
}

/// The value of a placeholder. Texts and blobs are borrowed from the query.
#[derive(Clone, Debug, PartialEq)]
pub enum Param<'a> {
    /// One value.
    Value(ToSqlOutput<'a>),
    /// A list, bound through `rarray`.
    Array(Rc<Vec<Stored>>),
}

/// Compiles a read.
pub fn compile_read<'a>(read: &'a Read, catalog: &Catalog) -> Result<Compiled<'a>> {
    match read {
        Read::Select(select) => select::rows(select, catalog),
        Read::Aggregate {
            function,
            column,
            select,
        } => aggregate::aggregate(*function, column.as_deref(), select, catalog),
        Read::Exists(select) => select::exists(select, catalog),
        Read::Sql { sql, params } => Ok(Compiled {
            sql: sql.clone(),
            params: raw(sql, params)?,
            columns: Arc::new([]),
            hidden: 0,
            reversed: false,
            forms: Forms::default(),
        }),
        Read::Compute(computed) => select::values(computed, catalog),
        Read::AsOf(..) => Err(invalid(
            "a read of the past is one by itself: not within another one, nor in a transaction",
        )),
        Read::Events(_) | Read::Journal(_) => Err(invalid("events are read by the journal alone")),
        Read::Explain(read) => Ok(explained(compile_read(read, catalog)?)),
    }
}

/// How SQLite would run a read, instead of its rows.
pub(crate) fn explained(compiled: Compiled<'_>) -> Compiled<'_> {
    Compiled {
        sql: format!("{EXPLAIN}{}", compiled.sql),
        columns: plan_columns(),
        hidden: 0,
        reversed: false,
        ..compiled
    }
}

/// The values of the placeholders of a caller's own SQL.
///
/// # Errors
/// `sql_syntax` for text that SQLite would read otherwise than it stands there, and those of values.
pub fn raw<'a>(sql: &str, params: &'a [Value]) -> Result<Vec<Param<'a>>> {
    // SQLite reads up to it and would leave the rest out without a word.
    if sql.contains('\0') {
        return Err(Error::new(
            Code::SqlSyntax,
            "SQL text must not contain a NUL character",
        ));
    }
    // The function of this operator is one of ours, for the LIKE of fragments.
    let regexp = || tokens(sql).iter().any(|token| token == "regexp");
    if sql.to_ascii_lowercase().contains("regexp") && regexp() {
        return Err(Error::new(
            Code::SqlSyntax,
            "SQLite has no function for REGEXP; use LIKE or GLOB",
        ));
    }
    params
        .iter()
        .map(|param| value::encode_untyped(param).map(Param::Value))
        .collect()
}

/// The columns of EXPLAIN QUERY PLAN.
fn plan_columns() -> Arc<[OutputColumn]> {
    let number = |name| OutputColumn::new(name, "", ColumnType::Integer);
    Arc::new([
        number("id"),
        number("parent"),
        number("notused"),
        OutputColumn::new("detail", "", ColumnType::Text),
    ])
}

/// Compiles a write. An insert gives one statement for each run of rows with the same
/// columns, in the order of the rows; an insert of no rows gives none. `plans` are those of this
/// catalog.
pub fn compile_write<'a>(
    write: &'a Write,
    catalog: &Catalog,
    plans: &Plans,
) -> Result<Vec<CompiledWrite<'a>>> {
    match write {
        Write::Insert(insert) => insert::insert(insert, catalog, plans),
        Write::Update(update) => Ok(vec![write::update(update, catalog)?]),
        Write::Delete(delete) => Ok(vec![write::delete(delete, catalog)?]),
        // The executor takes one after the other, since what comes next depends on the rows.
        Write::UpdateOrInsert(_) => Err(invalid("what may insert instead is compiled by itself")),
        Write::Sql(_) | Write::Consumer(_) => {
            Err(invalid("a statement of the caller's own is not compiled"))
        }
        Write::InContext(_, write) => compile_write(write, catalog, plans),
        Write::UpdateEach(each) => write::update_each(each, catalog),
    }
}

/// Binds the values of every placeholder.
pub fn bind(stmt: &mut Statement<'_>, params: &[Param<'_>]) -> Result<()> {
    let wanted = stmt.parameter_count();
    if wanted != params.len() {
        let given = params.len();
        let message =
            format!("the statement has {wanted} placeholders but {given} values were given");
        return Err(Error::new(Code::InvalidQuery, message));
    }
    for (index, param) in params.iter().enumerate() {
        match param {
            Param::Value(value) => stmt.raw_bind_parameter(index + 1, value),
            Param::Array(list) => stmt.raw_bind_parameter(index + 1, Rc::clone(list)),
        }
        .map_err(sqlite_error::map)?;
    }
    Ok(())
}

/// The columns of raw SQL, typed by the declared type of the table column that each one is.
pub fn columns_of(stmt: &Statement<'_>) -> Arc<[OutputColumn]> {
    stmt.columns()
        .map(|column| {
            let declared = column.decl_type();
            let column_type = declared.map_or(ColumnType::Any, ColumnType::from_declared);
            OutputColumn::new(column.name(), "", column_type)
        })
        .collect()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidQuery, message)
}
