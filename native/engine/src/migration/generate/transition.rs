//! The transition from one schema to another: the statements that lead there. Each is run in memory
//! before the next one is chosen, so what SQLite makes of names, indexes and triggers is not guessed.

mod alter;
mod indexes;
mod objects;

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{compare, Changes, Strictness};
use super::effective::{effective, Keep};
use super::model::{column_fact, named_fact, table_fact, Column, Schema, Table};
use super::rebuild;
use super::replay::{bare, STATEMENT, STATEMENT_END};
use super::CustomStatement;
use crate::connection::Link;
use crate::error::{Code, Error, Result};
use crate::journal;
use crate::sqlite::authorizer::Access;
use crate::sqlite::lex::{name, readable, same};
use crate::sqlite::sqlite_error;

/// What a note ends with about what goes where `drop` is given.
pub(super) const UNLESS_DROP: &str = "unless --drop is given";

/// What decides what goes and what stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// Whether all that is not in the target goes: the way back.
    pub(super) exact: bool,
    /// Whether columns and tables that are not asked for are dropped.
    pub(super) drop: bool,
    /// Whether the target is what resources ask for, so that what was written by hand stays.
    pub(super) of_resources: bool,
    /// The facts that generated files made.
    pub(super) generated: BTreeSet<String>,
    /// Tables that are left alone.
    pub(super) ignored: BTreeSet<String>,
    /// Indexes for which another one will do that begins with the same column.
    pub(super) prefixes: BTreeSet<String>,
    /// What the custom statements make.
    pub(super) of_statements: BTreeSet<String>,
    /// The values for rows that are there, by table and column in lower case.
    pub(super) fill: BTreeMap<(String, String), String>,
}

impl Rules {
    fn ignores(&self, table: &str) -> bool {
        self.ignored.contains(&table.to_ascii_lowercase())
    }

    /// Whether a custom statement makes the table.
    fn makes_table(&self, table: &str) -> bool {
        self.of_statements.contains(&table_fact(table))
    }
}

/// The renames of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Renames {
    /// Of tables: from, to.
    pub(super) tables: Vec<(String, String)>,
    /// Of columns: the table's new name, from, to.
    pub(super) columns: Vec<(String, String, String)>,
}

/// The custom statements before and after.
#[derive(Clone, Debug, Default)]
pub(super) struct CustomStatements {
    pub(super) taken_back: Vec<CustomStatement>,
    pub(super) run: Vec<CustomStatement>,
}

/// A part of a file and what is to be said of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) lines: Vec<String>,
    /// What a reader should know, for the head of the file and for the terminal.
    pub(super) notes: Vec<String>,
    /// What stays though it is not asked for, as `table` or `table.column`.
    pub(super) left: Vec<String>,
}

/// A transition: runs the statements on a database in memory, and collects them as a part of a file.
pub(super) struct Transition<'a> {
    pub(super) link: &'a Link,
    pub(super) target: &'a Schema,
    pub(super) rules: &'a Rules,
    pub(super) part: Part,
    generated: BTreeSet<String>,
}

impl<'a> Transition<'a> {
    pub(super) fn new(link: &'a Link, target: &'a Schema, rules: &'a Rules) -> Transition<'a> {
        Transition {
            link,
            target,
            rules,
            part: Part::default(),
            generated: rules.generated.clone(),
        }
    }

    /// Leads the database to the target. The generated facts of it are returned as they are then.
    pub(super) fn run(
        mut self,
        renames: &Renames,
        statements: &CustomStatements,
    ) -> Result<(Part, BTreeSet<String>)> {
        for statement in &statements.taken_back {
            self.custom(&statement.name, &statement.down)?;
        }
        self.rename(renames)?;
        let now = self.schema()?;
        let tables = self.tables(&now);
        let again = self.drop_what_names(&now, &tables)?;
        self.drop_objects(&now)?;
        self.drop_journals(&now)?;
        self.drop_indexes(&now)?;
        self.create_tables(&now)?;
        for change in tables.iter() {
            self.change(change)?;
        }
        self.drop_tables(&tables)?;
        self.create_indexes()?;
        self.create_objects(again)?;
        self.create_journals()?;
        for statement in &statements.run {
            self.custom(&statement.name, &statement.up)?;
        }
        self.check_objects()?;
        Ok((self.part, self.generated))
    }

    pub(super) fn schema(&self) -> Result<Schema> {
        self.link.gate.set(Access::Internal);
        Schema::read(&self.link.conn)
    }

    /// Runs a statement and writes it down.
    pub(super) fn execute(&mut self, sql: &str) -> Result<()> {
        self.run_sql(sql)?;
        self.part.lines.push(format!("{sql};"));
        Ok(())
    }

    pub(super) fn comment(&mut self, text: &str) {
        self.part.lines.push(format!("-- {text}"));
    }

    pub(super) fn note(&mut self, text: String) {
        self.part.notes.push(text);
    }

    fn blank(&mut self) {
        if self.part.lines.last().is_some_and(|line| !line.is_empty()) {
            self.part.lines.push(String::new());
        }
    }

    fn run_sql(&self, sql: &str) -> Result<()> {
        self.link.gate.set(Access::Migration);
        let conn = &self.link.conn;
        let result = journal::around(conn, sql, || {
            conn.execute_batch(sql).map_err(sqlite_error::map)
        });
        self.link.gate.set(Access::Internal);
        result.map_err(|error| {
            let message = format!(
                "the migration cannot be written, because {} fails: {}",
                sql.lines().next().unwrap_or_default(),
                error.message()
            );
            Error::new(Code::MigrationFailed, message).with("sql", sql)
        })
    }

    fn custom(&mut self, name: &str, sql: &str) -> Result<()> {
        let sql = bare(sql);
        if sql.is_empty() {
            return Ok(());
        }
        self.blank();
        self.part.lines.push(format!("{STATEMENT}{name}"));
        self.execute(sql)?;
        self.part.lines.push(format!("{STATEMENT_END}{name}"));
        Ok(())
    }

    fn rename(&mut self, renames: &Renames) -> Result<()> {
        for (from, to) in &renames.tables {
            let before = self.schema()?;
            let ours = self.generated.contains(&table_fact(from));
            self.execute(&format!(
                "ALTER TABLE {} RENAME TO {}",
                name(from),
                name(to)
            ))?;
            self.follow(&before, ours)?;
        }
        for (table, from, to) in &renames.columns {
            let before = self.schema()?;
            let ours = self.generated.contains(&column_fact(table, from));
            self.execute(&format!(
                "ALTER TABLE {} RENAME COLUMN {} TO {}",
                name(table),
                name(from),
                name(to)
            ))?;
            self.follow(&before, ours)?;
        }
        Ok(())
    }

    /// What was generated before is so under its new name.
    fn follow(&mut self, before: &Schema, ours: bool) -> Result<()> {
        let (before, now) = (before.facts(), self.schema()?.facts());
        if ours {
            self.generated.extend(now.difference(&before).cloned());
        }
        self.generated.retain(|fact| now.contains(fact));
        Ok(())
    }

    /// What has to be done with each table that is there.
    fn tables(&mut self, now: &Schema) -> Vec<Change> {
        let mut all = Vec::new();
        for table in &now.tables {
            if self.rules.ignores(&table.name) {
                continue;
            }
            match self.target.table(&table.name) {
                Some(wanted) => all.push(self.table_change(now, table, wanted)),
                None if self.goes(table) => all.push(Change::Drop(Box::new(table.clone()))),
                None => self.stays(table),
            }
        }
        all
    }

    fn goes(&self, table: &Table) -> bool {
        let ours = self.generated.contains(&table_fact(&table.name));
        let made = self.rules.makes_table(&table.name);
        self.rules.exact || (self.rules.drop && !made && (ours || !self.rules.of_resources))
    }

    fn stays(&mut self, table: &Table) {
        let ours = self.generated.contains(&table_fact(&table.name));
        let asks = ours || !self.rules.of_resources;
        if asks && !self.rules.makes_table(&table.name) {
            self.part.left.push(table.name.to_ascii_lowercase());
            self.note(format!(
                "nobody asks for the table {} any longer; it stays {UNLESS_DROP}",
                table.name
            ));
        }
    }

    fn table_change(&mut self, now: &Schema, table: &Table, wanted: &Table) -> Change {
        let keep = Keep {
            nothing: self.rules.exact,
            columns: !self.rules.drop,
            constraints: self.rules.of_resources,
            generated: &self.generated,
        };
        let (wanted, kept) = effective(table, wanted, keep);
        let exact = self.rules.exact || !self.rules.of_resources;
        let by_hand = |fact: String| !exact && !self.generated.contains(&fact);
        let strictness = |column: &Column| {
            if by_hand(column_fact(&table.name, &column.name)) {
                Strictness::Fits
            } else {
                Strictness::Exact
            }
        };
        let of_table = if by_hand(table_fact(&table.name)) {
            Strictness::Fits
        } else {
            Strictness::Exact
        };
        let changes = compare(table, &wanted, &strictness, of_table, (now, self.target));
        for column in kept {
            let place = format!("{}.{}", table.name, column.name);
            self.part.left.push(place.to_ascii_lowercase());
            let loosened = table.requires(&column);
            let may = if loosened { ", but may be null" } else { "" };
            if self.is_by_hand(&table.name, &column.name) {
                if loosened {
                    self.note(format!(
                        "nobody asks for the column {place}, which was written by hand; it stays{may}"
                    ));
                }
                continue;
            }
            self.note(format!(
                "nobody asks for the column {place} any longer; it stays{may} {UNLESS_DROP}"
            ));
        }
        Change::Alter(Box::new(Alter {
            now: table.clone(),
            wanted,
            changes,
        }))
    }

    /// Whether a column is none that generated files made, so that it stays in any case.
    fn is_by_hand(&self, table: &str, column: &str) -> bool {
        let generated = self.generated.contains(&column_fact(table, column));
        self.rules.of_resources && !self.rules.exact && !generated
    }

    fn create_tables(&mut self, now: &Schema) -> Result<()> {
        let target = self.target;
        for table in target.parents_first() {
            let made = self.rules.makes_table(&table.name);
            if now.table(&table.name).is_some() || made || self.rules.ignores(&table.name) {
                continue;
            }
            self.blank();
            if self.rules.exact {
                self.note(format!("{} comes back without rows", table.name));
            }
            self.execute(&readable(&table.sql))?;
            for index in &self.target.indexes {
                if same(&index.table, &table.name) && !self.of_statement(&index.name) {
                    self.create_index(index)?;
                }
            }
        }
        Ok(())
    }

    fn of_statement(&self, object: &str) -> bool {
        self.rules.of_statements.contains(&named_fact(object))
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        let Change::Alter(alter) = change else {
            return Ok(());
        };
        let Alter {
            now,
            wanted,
            changes,
        } = alter.as_ref();
        if changes.is_empty() {
            return Ok(());
        }
        self.blank();
        if changes.rebuild.is_empty() {
            self.alter(now, wanted, changes)
        } else {
            rebuild::rebuild(self, now, wanted, changes)
        }
    }

    /// The value that rows get that have none.
    pub(super) fn fill(&self, table: &str, column: &str) -> Option<String> {
        let key = (table.to_ascii_lowercase(), column.to_ascii_lowercase());
        self.rules
            .fill
            .get(&key)
            .map(|sql| format!("({})", bare(sql)))
    }

    pub(super) fn lost_column(&mut self, table: &Table, column: &Column) {
        let place = format!("{}.{}", table.name, column.name);
        self.note(format!("the values of {place} are lost"));
    }

    fn drop_tables(&mut self, tables: &[Change]) -> Result<()> {
        let gone = tables.iter().filter_map(|change| match change {
            Change::Drop(table) => Some(table.name.to_ascii_lowercase()),
            Change::Alter(_) => None,
        });
        let gone: BTreeSet<String> = gone.collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.blank();
        let now = self.schema()?;
        for table in now.parents_first().into_iter().rev() {
            if gone.contains(&table.name.to_ascii_lowercase()) {
                self.note(format!("the rows of {} are lost", table.name));
                self.execute(&format!("DROP TABLE {}", name(&table.name)))?;
            }
        }
        Ok(())
    }
}

/// What has to be done with a table.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It becomes another one.
    Alter(Box<Alter>),
    /// It goes.
    Drop(Box<Table>),
}

/// A table that becomes another one.
#[derive(Clone, Debug)]
pub(super) struct Alter {
    now: Table,
    wanted: Table,
    changes: Changes,
}
