//! Which tables a place in a statement can speak of.

use super::builder::Builder;
use super::invalid;
use crate::error::Result;
use crate::schema::{Catalog, Column, Table};

/// How deep expressions may nest. SQLite's own limit on the depth of an expression is 1,000,
/// and one level of ours is at most five of SQLite's.
const MAX_DEPTH: usize = 100;

/// How long the SQL of expressions may be. SQLite's limit is 1,000,000,000 bytes, but some of
/// our forms write an operand twice, and nested they would reach it.
const MAX_SQL: usize = 1_000_000;

/// The queries around the place that is being written.
pub(super) struct Scopes<'t> {
    catalog: &'t Catalog,
    /// The outermost first.
    queries: Vec<Query<'t>>,
    depth: usize,
}

struct Query<'t> {
    tables: Vec<&'t Table>,
}

impl<'t> Scopes<'t> {
    pub(super) fn new(table: &'t Table, catalog: &'t Catalog) -> Self {
        let outermost = Query {
            tables: vec![table],
        };
        Scopes {
            catalog,
            queries: vec![outermost],
            depth: 0,
        }
    }

    /// A column, and the place of its query.
    pub(super) fn column(
        &self,
        depth: usize,
        table: usize,
        name: &str,
    ) -> Result<(usize, &'t Table, &'t Column)> {
        let place = self.queries.len().checked_sub(depth.saturating_add(1));
        let query = place.and_then(|place| Some((place, self.queries.get(place)?)));
        let Some((place, query)) = query else {
            return Err(invalid(format!(
                "a column is {depth} queries further out, but there are only {}",
                self.queries.len().saturating_sub(1)
            )));
        };
        let Some(table) = query.tables.get(table) else {
            return Err(invalid(format!(
                "a column is of the table at {table}, but there are only {} at its place",
                query.tables.len()
            )));
        };
        let (_, column) = table.column(name)?;
        Ok((place, table, column))
    }
}

impl<'t> Builder<'t, '_> {
    /// Goes one level deeper into an expression.
    pub(super) fn enter(&mut self) -> Result<()> {
        if self.scopes.depth >= MAX_DEPTH {
            return Err(invalid(format!(
                "expressions nest at most {MAX_DEPTH} deep"
            )));
        }
        if self.sql.len() > MAX_SQL {
            return Err(invalid(format!(
                "the SQL of an expression is longer than {MAX_SQL} bytes; nest it less"
            )));
        }
        self.scopes.depth += 1;
        Ok(())
    }

    /// Comes one level back.
    pub(super) fn leave(&mut self) {
        self.scopes.depth -= 1;
    }

    /// A column of one of the queries around this place.
    pub(super) fn column(&mut self, depth: usize, table: usize, name: &str) -> Result<()> {
        let (_, owner, column) = self.scopes.column(depth, table, name)?;
        if depth > 0 {
            self.name(&owner.name);
            self.push(".");
        }
        self.name(&column.name);
        Ok(())
    }
}
