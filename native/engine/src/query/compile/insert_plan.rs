//! What an insert is compiled to but for its values, kept for the next one like it. An
//! application has few kinds of inserts and runs each of them again and again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::builder::encode;
use super::compiled::Param;
use super::insert_sql::{self, InsertStatement};
use crate::catalog::{Catalog, Column, Table};
use crate::error::{Code, Error, Result};
use crate::query::ir::{Conflict, Insert, Returning};
use crate::value::{Name, Value};

/// The number that is kept, the latest first.
const KEPT: usize = 16;

/// An insert of rows that name the same columns in the same order.
#[derive(Debug)]
pub(super) struct InsertPlan {
    /// The table as the insert named it.
    named: Name,
    table: Arc<Table>,
    names: Vec<Name>,
    conflict: Conflict,
    returning: Returning,
    /// The places of the named columns among the table's.
    places: Vec<usize>,
    /// All but the values.
    pub(super) statement: InsertStatement,
}

impl InsertPlan {
    /// The plan for rows like this one.
    pub(super) fn new(
        insert: &Insert,
        row: &[(Name, Value)],
        table: &Arc<Table>,
        catalog: &Catalog,
    ) -> Result<InsertPlan> {
        let names: Vec<Name> = row.iter().map(|(name, _)| name.clone()).collect();
        let places = insert_sql::places(&names, table)?;
        let statement = insert_sql::statement(insert, &places, table, catalog)?;
        Ok(InsertPlan {
            named: insert.table.clone(),
            table: Arc::clone(table),
            names,
            conflict: insert.conflict.clone(),
            returning: insert.returning.clone(),
            places,
            statement,
        })
    }

    /// The columns that the rows name, in the rows' order.
    fn columns(&self) -> impl Iterator<Item = &Column> {
        let places = self.places.iter();
        places.filter_map(|place| self.table.columns.get(*place))
    }

    /// Whether it is of rows like this one.
    fn is_of(&self, row: &[(Name, Value)]) -> bool {
        row.len() == self.names.len() && row.iter().zip(&self.names).all(|((a, _), b)| a == b)
    }

    /// Whether a row names the same columns, in whatever order.
    pub(super) fn takes(&self, row: &[(Name, Value)]) -> bool {
        let named = |column: &Column| value_of(row, column).is_some();
        self.is_of(row) || (row.len() == self.names.len() && self.columns().all(named))
    }

    /// Adds the values of a row that it takes.
    pub(super) fn encode<'v>(
        &self,
        row: &'v [(Name, Value)],
        params: &mut Vec<Param<'v>>,
    ) -> Result<()> {
        let alike = self.is_of(row);
        for (at, column) in self.columns().enumerate() {
            let given = match alike {
                true => row.get(at).map(|(_, value)| value),
                false => value_of(row, column),
            };
            let value =
                given.ok_or_else(|| Error::new(Code::Internal, "a row of other columns"))?;
            params.push(Param::Value(encode(value, &self.table, column)?));
        }
        Ok(())
    }

    fn serves(&self, insert: &Insert, row: &[(Name, Value)]) -> bool {
        self.named == insert.table
            && self.is_of(row)
            && self.conflict == insert.conflict
            && self.returning == insert.returning
    }
}

fn value_of<'v>(row: &'v [(Name, Value)], column: &Column) -> Option<&'v Value> {
    let named = |(name, _): &&(Name, Value)| name.eq_ignore_ascii_case(&column.name);
    row.iter().find(named).map(|(_, value)| value)
}

/// Rows of one plan.
#[derive(Debug)]
pub struct InsertedRows<'v> {
    pub(super) plan: Rc<InsertPlan>,
    pub(super) rows: &'v [Vec<(Name, Value)>],
}

impl<'v> InsertedRows<'v> {
    /// Calls `run` with the values of each row. One is encoded when its turn comes: what many
    /// rows need is neither kept nor done for nothing when the deadline ends them.
    pub(super) fn each(&self, run: &mut dyn FnMut(&[Param<'v>]) -> Result<()>) -> Result<()> {
        let mut params = Vec::with_capacity(self.plan.names.len());
        for row in self.rows {
            params.clear();
            self.plan.encode(row, &mut params)?;
            run(&params)?;
        }
        Ok(())
    }
}

/// The plans that a connection keeps.
#[derive(Default)]
pub struct InsertPlans {
    catalog: RefCell<Option<Arc<Catalog>>>,
    kept: RefCell<VecDeque<Rc<InsertPlan>>>,
}

impl InsertPlans {
    /// Forgets those that were made for other tables than these.
    pub fn keep_for(&self, catalog: &Arc<Catalog>) {
        let mut of = self.catalog.borrow_mut();
        if !of.as_ref().is_some_and(|of| Arc::ptr_eq(of, catalog)) {
            self.kept.borrow_mut().clear();
            *of = Some(Arc::clone(catalog));
        }
    }

    /// The plan for rows like this one, made if there is none.
    pub(super) fn insert(
        &self,
        insert: &Insert,
        row: &[(Name, Value)],
        table: &Arc<Table>,
        catalog: &Catalog,
    ) -> Result<Rc<InsertPlan>> {
        let mut kept = self.kept.borrow_mut();
        let plan = match kept.iter().position(|plan| plan.serves(insert, row)) {
            Some(place) => kept.remove(place),
            None => None,
        };
        let plan = match plan {
            Some(plan) => plan,
            None => Rc::new(InsertPlan::new(insert, row, table, catalog)?),
        };
        kept.truncate(KEPT - 1);
        kept.push_front(Rc::clone(&plan));
        Ok(plan)
    }
}
