//! The schema that is asked for, in a database in memory.

use std::collections::BTreeSet;

use super::model::Schema;
use super::replay::bare;
use super::{CustomStatement, Wanted};
use crate::connection::{self, Link};
use crate::error::{Code, Error, Result};
use crate::schema::{ensure, TableSpec};
use crate::sqlite::authorizer::Access;
use crate::sqlite::sqlite_error;

/// What is asked for.
pub(super) struct Target {
    pub(super) schema: Schema,
    /// The facts that the custom statements make.
    pub(super) of_statements: BTreeSet<String>,
    /// The names of indexes for which another one will do.
    pub(super) prefixes: BTreeSet<String>,
    pub(super) statements: Vec<CustomStatement>,
}

/// Makes it.
pub(super) fn target(wanted: &Wanted) -> Result<Target> {
    let link = connection::scratch()?;
    if let Some(sql) = &wanted.schema {
        run(&link, sql, "the wanted schema")?;
    }
    let mut prefixes = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for table in &wanted.tables {
        if !seen.insert(table.table.to_ascii_lowercase()) {
            let message = format!("the table {} is described twice", table.table);
            return Err(Error::new(Code::InvalidOption, message).with("option", "tables"));
        }
        let spec = TableSpec {
            best_effort: false,
            ..table.clone()
        };
        ensure(&link.conn, &spec)?;
        let any = spec.indexes.iter().filter(|index| index.prefix);
        prefixes.extend(any.map(|index| index.name.to_ascii_lowercase()));
    }
    let before = Schema::read(&link.conn)?.facts();
    let mut statements = Vec::new();
    for statement in &wanted.statements {
        let what = format!("the custom statement {}", statement.name);
        run(&link, &statement.up, &what)?;
        statements.push(checked(statement)?);
    }
    let schema = Schema::read(&link.conn)?;
    let facts = schema.facts();
    Ok(Target {
        of_statements: facts.difference(&before).cloned().collect(),
        schema,
        prefixes,
        statements,
    })
}

fn checked(statement: &CustomStatement) -> Result<CustomStatement> {
    let name = statement.name.trim();
    if name.is_empty() || name.contains('\n') {
        let message = format!("a custom statement has the name {:?}", statement.name);
        return Err(Error::new(Code::InvalidOption, message).with("option", "statements"));
    }
    Ok(CustomStatement {
        name: name.to_owned(),
        up: bare(&statement.up).to_owned(),
        down: bare(&statement.down).to_owned(),
    })
}

fn run(link: &Link, sql: &str, what: &str) -> Result<()> {
    link.gate.set(Access::Migration);
    let result = link.conn.execute_batch(sql);
    link.gate.set(Access::Internal);
    result.map_err(|error| {
        let error = sqlite_error::map(error);
        let message = format!("{what} fails: {}", error.message());
        Error::new(Code::InvalidOption, message).with("option", "schema")
    })
}
