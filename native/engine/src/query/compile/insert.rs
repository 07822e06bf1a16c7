//! Inserts and upserts.

use std::rc::Rc;
use std::sync::Arc;

use super::compiled_write::{CompiledWrite, Runs};
use super::insert_plan::{InsertPlans, InsertedRows};
use super::insert_sql::{self, InsertStatement};
use crate::catalog::{Catalog, Table};
use crate::error::Result;
use crate::query::ir::{Conflict, Insert, Returning};
use crate::value::{Name, Value};

/// An insert: one statement for each run of rows with the same columns.
pub(super) fn insert<'v>(
    insert: &'v Insert,
    catalog: &Catalog,
    plans: &InsertPlans,
) -> Result<Vec<CompiledWrite<'v>>> {
    let table = catalog.table(&insert.table)?;
    if insert.rows.is_empty() {
        insert_sql::known(insert, table)?;
    }
    let mut compiled = Vec::new();
    let mut rows = insert.rows.as_slice();
    while let Some((first, others)) = rows.split_first() {
        let plan = plans.insert(insert, first, table, catalog)?;
        let alike = others.iter().take_while(|row| plan.takes(row)).count();
        let (run, rest) = rows.split_at(1 + alike);
        let InsertStatement {
            sql,
            output,
            read_back,
        } = plan.statement.clone();
        compiled.push(CompiledWrite {
            sql,
            runs: Runs::Rows(InsertedRows { plan, rows: run }),
            columns: output,
            read_back,
        });
        rows = rest;
    }
    Ok(compiled)
}

/// An insert of one row that does not come back. Its values are looked at even if it never runs.
pub(super) fn row<'v>(
    table: &Arc<Table>,
    catalog: &Catalog,
    row: &'v [(Name, Value)],
    plans: &InsertPlans,
) -> Result<CompiledWrite<'v>> {
    let insert = Insert {
        table: table.name.as_str().into(),
        rows: Vec::new(),
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    };
    let plan = plans.insert(&insert, row, table, catalog)?;
    let mut params = Vec::with_capacity(row.len());
    plan.encode(row, &mut params)?;
    Ok(CompiledWrite {
        sql: Rc::clone(&plan.statement.sql),
        runs: Runs::Params(vec![params]),
        columns: Arc::new([]),
        read_back: None,
    })
}
