//! SQL out of the query language. Names come from the catalog and are quoted, values are
//! bound: nothing that a caller passes becomes SQL text (`builder` sees to it), but for the
//! fragments of a program, which `fragment` checks.
//!
//! `compiled` is what all need, `builder` writes the SQL. A read begins in `select` or `aggregate`, a
//! write in `insert`, `write` or `update_or_insert`, a query within an expression in `subselect`.
//! Their WHERE is in `where_clause`, ORDER BY in `order`, and expressions are in `scalar`: every
//! other file writes them by [`builder::Builder::scalar`] and [`builder::Builder::condition`].
//! What compares is in `compared`, but for columns as they are declared, which are in `declared`.

mod aggregate;
mod builder;
mod collation;
mod compared;
mod compiled;
mod compiled_write;
mod cursor;
mod declared;
mod fragment;
mod ignore_case;
mod insert;
mod insert_plan;
mod insert_sql;
mod keyset;
mod lists;
mod nulls_equal;
mod numbered;
mod order;
mod returned_row;
mod returning;
mod scalar;
mod scope;
mod select;
mod subselect;
#[cfg(test)]
mod tests;
mod times;
mod types;
mod update_or_insert;
mod where_clause;
mod write;

pub use compiled::{Compiled, Forms, Param};
pub use compiled_write::{CompiledWrite, Runs};
pub use insert_plan::{InsertPlans, InsertedRows};
pub use returned_row::{Found, ReadBack, ReturnedRow};
pub use update_or_insert::{compile_update_or_insert, CompiledUpdateOrInsert};

use std::rc::Rc;
use std::sync::Arc;

use rusqlite::Statement;

use compiled::invalid;

use super::ir::{Read, Write};
use crate::catalog::Catalog;
use crate::error::{Code, Error, Result};
use crate::sqlite::sqlite_error;
use crate::sqlite::tokens::tokens;
use crate::value::{self, ColumnType, OutputColumn, Value};

/// What SQLite is asked for its plan with.
pub(crate) const EXPLAIN: &str = "EXPLAIN QUERY PLAN ";

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
    plans: &InsertPlans,
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
