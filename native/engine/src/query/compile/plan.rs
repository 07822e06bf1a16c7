//! What an insert is compiled to but for its values, kept for the next one like it. An
//! application has few kinds of inserts and runs each of them again and again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::insert::{self, Planned};
use super::ReadBack;
use crate::error::Result;
use crate::query::ir::{Conflict, Insert, Returning};
use crate::schema::{Catalog, Column, Table};
use crate::value::{Name, OutputColumn, Value};

/// So many are kept, the latest first.
const KEPT: usize = 16;

/// An insert of rows that name the same columns in the same order.
pub(super) struct InsertPlan {
    table: Name,
    names: Vec<Name>,
    conflict: Conflict,
    returning: Returning,
    /// The places of the named columns among the table's.
    places: Vec<usize>,
    /// The statement.
    pub(super) sql: Rc<str>,
    /// The columns that come back.
    pub(super) output: Arc<[OutputColumn]>,
    /// How a row comes back when the statement does not return it.
    pub(super) read_back: Option<ReadBack<'static>>,
}

impl InsertPlan {
    /// The plan for rows like this one.
    pub(super) fn new(
        insert: &Insert,
        row: &[(Name, Value)],
        table: &Table,
        catalog: &Catalog,
    ) -> Result<InsertPlan> {
        let names: Vec<Name> = row.iter().map(|(name, _)| name.clone()).collect();
        let places = insert::places(&names, table)?;
        let Planned {
            sql,
            output,
            read_back,
        } = insert::plan(insert, &places, table, catalog)?;
        Ok(InsertPlan {
            table: insert.table.clone(),
            names,
            conflict: insert.conflict.clone(),
            returning: insert.returning.clone(),
            places,
            sql,
            output,
            read_back,
        })
    }

    /// The columns that the rows name, in the rows' order.
    pub(super) fn columns<'t>(&'t self, table: &'t Table) -> impl Iterator<Item = &'t Column> {
        let places = self.places.iter();
        places.filter_map(|place| table.columns.get(*place))
    }

    /// Whether it is of rows like this one.
    pub(super) fn is_of(&self, row: &[(Name, Value)]) -> bool {
        row.len() == self.names.len() && row.iter().zip(&self.names).all(|((a, _), b)| a == b)
    }

    fn serves(&self, insert: &Insert, row: &[(Name, Value)]) -> bool {
        self.table == insert.table
            && self.is_of(row)
            && self.conflict == insert.conflict
            && self.returning == insert.returning
    }
}

/// The plans that a connection keeps.
#[derive(Default)]
pub struct Plans {
    catalog: RefCell<Option<Arc<Catalog>>>,
    kept: RefCell<VecDeque<Rc<InsertPlan>>>,
}

impl Plans {
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
        table: &Table,
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
