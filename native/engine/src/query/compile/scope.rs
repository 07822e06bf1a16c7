//! Which tables a place in a statement can refer to.

use super::builder::Builder;
use super::compiled::invalid;
use crate::catalog::{Catalog, Column, Table};
use crate::error::Result;
use crate::query::ir::Select;

/// How deep expressions may nest. SQLite's own limit on the depth of an expression is 1,000,
/// and one level of ours is at most five of SQLite's.
const MAX_DEPTH: usize = 100;

/// How long the SQL may be where an operand is written a second time. SQLite's limit is
/// 1,000,000,000 bytes, which forms that do so would reach when they are nested.
const MAX_SQL: usize = 1_000_000;

/// How many tables a query joins. SQLite's own limit is 64, which takes long to plan.
const MAX_JOINS: usize = 16;

/// How deep queries may nest. Compiling each takes SQLite some KB of the stack.
const MAX_QUERIES: usize = 8;

/// The queries around the place that is being written.
pub(super) struct Scopes<'t> {
    catalog: &'t Catalog,
    /// The outermost first.
    queries: Vec<Query<'t>>,
    depth: usize,
    /// How many queries there are within, for names of their own.
    named: usize,
    /// Whether one of them reads the outermost query's table.
    pub(super) reads_outermost: bool,
    /// Whether columns are written with their table's name, as in a fragment, which may have a
    /// query of its own around them.
    pub(super) qualified: bool,
}

struct Query<'t> {
    tables: Vec<&'t Table>,
    /// How many of them expressions may refer to.
    shown: usize,
    /// Its number among all queries; 0 is the outermost one, whose tables keep their names.
    number: usize,
}

impl<'t> Scopes<'t> {
    pub(super) fn new(table: &'t Table, catalog: &'t Catalog) -> Self {
        let outermost = Query {
            tables: vec![table],
            shown: usize::MAX,
            number: 0,
        };
        Scopes {
            catalog,
            queries: vec![outermost],
            depth: 0,
            named: 0,
            reads_outermost: false,
            qualified: false,
        }
    }

    /// A table, with its query.
    fn find_table(&self, depth: usize, table: usize) -> Result<(&Query<'t>, &'t Table)> {
        let place = self.queries.len().checked_sub(depth.saturating_add(1));
        let Some(query) = place.and_then(|place| self.queries.get(place)) else {
            return Err(invalid(format!(
                "a column is {depth} queries further out, but there are only {}",
                self.queries.len().saturating_sub(1)
            )));
        };
        let tables = query.tables.iter().take(query.shown);
        let Some(table) = tables.clone().nth(table) else {
            return Err(invalid(format!(
                "a column is of the table at {table}, but there are only {} at its place",
                tables.len()
            )));
        };
        Ok((query, table))
    }

    /// A column, with its query and table.
    fn find(
        &self,
        depth: usize,
        table: usize,
        name: &str,
    ) -> Result<(&Query<'t>, &'t Table, &'t Column)> {
        let (query, table) = self.find_table(depth, table)?;
        let (_, column) = table.column(name)?;
        Ok((query, table, column))
    }

    /// A table.
    pub(super) fn table(&self, depth: usize, table: usize) -> Result<&'t Table> {
        self.find_table(depth, table).map(|(_, table)| table)
    }

    /// A column.
    pub(super) fn column(&self, depth: usize, table: usize, name: &str) -> Result<&'t Column> {
        self.find(depth, table, name).map(|(_, _, column)| column)
    }

    /// A column with its table.
    pub(super) fn owned_column(
        &self,
        depth: usize,
        table: usize,
        name: &str,
    ) -> Result<(&'t Table, &'t Column)> {
        let (_, table, column) = self.find(depth, table, name)?;
        Ok((table, column))
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
        self.scopes.depth += 1;
        Ok(())
    }

    /// Allows an operand to be written a second time.
    pub(super) fn check_repeated(&self) -> Result<()> {
        if self.sql.len() > MAX_SQL {
            return Err(invalid(format!(
                "the SQL of an expression is longer than {MAX_SQL} bytes; nest it less"
            )));
        }
        Ok(())
    }

    /// Comes one level back.
    pub(super) fn leave(&mut self) {
        self.scopes.depth -= 1;
    }

    /// Goes into a query within the one that is written.
    pub(super) fn enter_query(&mut self, select: &Select) -> Result<()> {
        let Select {
            columns: None,
            distinct_on: None,
            partition: None,
            after: None,
            before: None,
            page: false,
            ..
        } = select
        else {
            return Err(invalid(
                "a query within an expression has no columns, partitions or cursors of its own",
            ));
        };
        if !select.computed.is_empty() {
            return Err(invalid("a query within an expression computes one scalar"));
        }
        if self.scopes.queries.len() > MAX_QUERIES {
            return Err(invalid(format!(
                "queries nest at most {MAX_QUERIES} deep in expressions"
            )));
        }
        if select.joins.len() > MAX_JOINS {
            return Err(invalid(format!("a query joins at most {MAX_JOINS} tables")));
        }
        let joined = select.joins.iter().map(|(name, _)| name);
        let mut tables = Vec::with_capacity(1 + select.joins.len());
        for name in std::iter::once(&select.table).chain(joined) {
            let table: &'t Table = self.scopes.catalog.table(name)?;
            self.scopes.reads_outermost |= table.name == self.table.name;
            tables.push(table);
        }
        self.scopes.named += 1;
        self.scopes.queries.push(Query {
            tables,
            shown: usize::MAX,
            number: self.scopes.named,
        });
        Ok(())
    }

    /// Comes back from a query within.
    pub(super) fn leave_query(&mut self) {
        self.scopes.queries.pop();
    }

    /// Lets expressions refer to this many of the innermost query's tables.
    pub(super) fn show_tables(&mut self, shown: usize) {
        if let Some(query) = self.scopes.queries.last_mut() {
            query.shown = shown;
        }
    }

    /// A table of the innermost query, with the name that it has there.
    pub(super) fn query_table(&mut self, index: usize) {
        let Some(query) = self.scopes.queries.last() else {
            return;
        };
        let (number, table) = (query.number, query.tables.get(index).copied());
        if let Some(table) = table {
            self.name(&table.name);
            self.push(" AS ");
            self.alias(number, index);
        }
    }

    /// Names of ours, so that a table can be read twice.
    fn alias(&mut self, number: usize, index: usize) {
        self.name(&format!("ash_rusqlite_{number}_{index}"));
    }

    /// A column of one of the queries around this place.
    pub(super) fn column(&mut self, depth: usize, table: usize, name: &str) -> Result<()> {
        let (query, owner, column) = self.scopes.find(depth, table, name)?;
        self.qualify(query.number, depth, table, owner);
        self.name(&column.name);
        Ok(())
    }

    /// What stands before the rowid of the innermost query's own table.
    pub(super) fn qualify_rowid(&mut self) -> Result<()> {
        let (query, owner) = self.scopes.find_table(0, 0)?;
        self.qualify(query.number, 0, 0, owner);
        Ok(())
    }

    fn qualify(&mut self, number: usize, depth: usize, table: usize, owner: &Table) {
        match (number, depth) {
            (0, 0) if !self.scopes.qualified => {}
            (0, _) => {
                self.name(&owner.name);
                self.push(".");
            }
            _ => {
                self.alias(number, table);
                self.push(".");
            }
        }
    }
}
