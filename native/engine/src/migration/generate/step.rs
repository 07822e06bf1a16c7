//! One file: the way up, the way back, and the proof of both.

use std::collections::BTreeSet;

use super::model::Schema;
use super::replay::without_rows;
use super::transition::{CustomStatements, Part, Renames, Rules, Transition};
use super::CustomStatement;
use crate::connection::{self, Link};
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::same;
use crate::sqlite::sqlite_error;

/// A file's two ways.
pub(super) struct Written {
    pub(super) up: Part,
    pub(super) down: Part,
    /// The schema behind it.
    pub(super) after: Link,
    /// The facts of it that generated files made.
    pub(super) generated: BTreeSet<String>,
}

impl Written {
    pub(super) fn is_needed(&self) -> bool {
        !self.up.lines.is_empty()
    }
}

/// What a file is written by.
pub(super) struct Step {
    pub(super) rules: Rules,
    pub(super) renames: Renames,
    pub(super) statements: CustomStatements,
}

impl Step {
    /// The file that leads from the schema of `state` to the target.
    pub(super) fn run(&self, state: &Link, target: &Schema) -> Result<Written> {
        let before = Schema::read(&state.conn)?;
        let after = without_rows(&state.conn)?;
        let transition = Transition::new(&after, target, &self.rules);
        let (up, generated) = transition.run(&self.renames, &self.statements)?;
        let mut written = Written {
            up,
            down: Part::default(),
            after,
            generated,
        };
        if written.is_needed() {
            written.down = self.down(&written.after, &before)?;
        }
        nothing_left(&written.after, target, &self.rules, "up")?;
        Ok(written)
    }

    /// The way back: the same, from what is there then to what was before.
    fn down(&self, after: &Link, before: &Schema) -> Result<Part> {
        let back = without_rows(&after.conn)?;
        let rules = Rules {
            exact: true,
            drop: true,
            of_statements: self.made_by_statements(before)?,
            ..Rules::default()
        };
        let (renames, statements) = (self.renames.inverted(), self.statements.inverted());
        let (part, _) = Transition::new(&back, before, &rules).run(&renames, &statements)?;
        nothing_left(&back, before, &rules, "down")?;
        Ok(part)
    }

    /// What the statements make that are taken back on the way up, so that it is made by them again.
    fn made_by_statements(&self, before: &Schema) -> Result<BTreeSet<String>> {
        let mut made = BTreeSet::new();
        if self.statements.taken_back.is_empty() {
            return Ok(made);
        }
        let link = connection::scratch()?;
        for table in &before.tables {
            link.conn
                .execute_batch(&table.sql)
                .map_err(sqlite_error::map)?;
        }
        let facts = Schema::read(&link.conn)?.facts();
        for statement in &self.statements.taken_back {
            // What cannot be made beside the tables alone is made by the statement all the same.
            let _ = link.conn.execute_batch(&statement.up);
        }
        let then = Schema::read(&link.conn)?.facts();
        made.extend(then.difference(&facts).cloned());
        Ok(made)
    }
}

/// Proves that a way leaves nothing to do.
fn nothing_left(link: &Link, target: &Schema, rules: &Rules, way: &str) -> Result<()> {
    let (rest, _) = Transition::new(link, target, rules)
        .run(&Renames::default(), &CustomStatements::default())?;
    if rest.lines.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the {way} part that was generated would leave something to do; please report it: {}",
        rest.lines.join(" ")
    );
    Err(Error::new(Code::Internal, message))
}

impl Renames {
    fn inverted(&self) -> Renames {
        let old = |table: &str| {
            let renamed = self.tables.iter().find(|(_, to)| same(to, table));
            renamed.map_or(table.to_owned(), |(from, _)| from.clone())
        };
        let swap = |(from, to): &(String, String)| (to.clone(), from.clone());
        // Columns are renamed behind the tables, whose old names they have by then.
        let columns = self.columns.iter().rev();
        Renames {
            tables: self.tables.iter().rev().map(swap).collect(),
            columns: columns
                .map(|(table, from, to)| (old(table), to.clone(), from.clone()))
                .collect(),
        }
    }
}

impl CustomStatements {
    fn inverted(&self) -> CustomStatements {
        // A statement that was run is taken back by its `down`.
        let back = |all: &[CustomStatement]| all.iter().rev().cloned().collect::<Vec<_>>();
        CustomStatements {
            taken_back: back(&self.run),
            run: back(&self.taken_back),
        }
    }
}
