//! The statements that lead from one schema to another, each of which is run in memory before the
//! next one is thought of: what SQLite makes of names, indexes and triggers need not be guessed.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{compare, Changes, Strictness};
use super::effective::{check_sql, effective, label, references_sql, Keep};
use super::lex::{name, readable};
use super::model::{
    column_fact, named_fact, same, table_fact, Column, Index, Kind, Object, Schema, Table,
};
use super::order;
use super::rebuild;
use super::replay::{bare, Statement, STATEMENT, STATEMENT_END};
use crate::access::Access;
use crate::connection::Link;
use crate::error::{Code, Error, Result};
use crate::sqlite_error;

/// What decides what goes and what stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// Whether all that is not in the target goes: the way back.
    pub(super) exact: bool,
    /// Whether columns and tables go that nobody asks for.
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
pub(super) struct Statements {
    pub(super) taken_back: Vec<Statement>,
    pub(super) run: Vec<Statement>,
}

/// A part of a file and what is to be said of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) lines: Vec<String>,
    /// What a reader should know, for the head of the file and for the terminal.
    pub(super) notes: Vec<String>,
    /// What stays though nobody asks for it, as `table` or `table.column`.
    pub(super) left: Vec<String>,
}

/// A plan while it is made.
pub(super) struct Plan<'a> {
    pub(super) link: &'a Link,
    pub(super) target: &'a Schema,
    pub(super) rules: &'a Rules,
    pub(super) part: Part,
    generated: BTreeSet<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(link: &'a Link, target: &'a Schema, rules: &'a Rules) -> Plan<'a> {
        Plan {
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
        statements: &Statements,
    ) -> Result<(Part, BTreeSet<String>)> {
        for statement in &statements.taken_back {
            self.custom(&statement.name, &statement.down)?;
        }
        self.rename(renames)?;
        let now = self.schema()?;
        let tables = self.tables(&now);
        let again = self.drop_what_names(&now, &tables)?;
        self.drop_objects(&now)?;
        self.drop_indexes(&now)?;
        self.create_tables(&now)?;
        for change in tables.iter() {
            self.change(change)?;
        }
        self.drop_tables(&tables)?;
        self.create_indexes()?;
        self.create_objects(again)?;
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
        let result = self.link.conn.execute_batch(sql);
        self.link.gate.set(Access::Internal);
        result.map_err(|error| {
            let error = sqlite_error::map(error);
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
            if self
                .rules
                .ignored
                .contains(&table.name.to_ascii_lowercase())
            {
                continue;
            }
            match self.target.table(&table.name) {
                Some(wanted) => all.push(self.table_change(now, table, wanted)),
                None if self.goes(table) => all.push(Change::Drop(table.clone())),
                None => self.stays(table),
            }
        }
        all
    }

    fn goes(&self, table: &Table) -> bool {
        let ours = self.generated.contains(&table_fact(&table.name));
        let made = self.rules.of_statements.contains(&table_fact(&table.name));
        self.rules.exact || (self.rules.drop && !made && (ours || !self.rules.of_resources))
    }

    fn stays(&mut self, table: &Table) {
        let ours = self.generated.contains(&table_fact(&table.name));
        let asks = ours || !self.rules.of_resources;
        if asks && !self.rules.of_statements.contains(&table_fact(&table.name)) {
            self.part.left.push(table.name.to_ascii_lowercase());
            self.note(format!(
                "nobody asks for the table {} any longer; it stays unless --drop is given",
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
            self.note(format!(
                "nobody asks for the column {place} any longer; it stays{may} unless --drop is given"
            ));
        }
        Change::Alter(table.clone(), wanted, changes)
    }

    /// Drops the views and triggers that name what is made anew or goes. Returns those that have to
    /// be made again.
    fn drop_what_names(&mut self, now: &Schema, tables: &[Change]) -> Result<Vec<Object>> {
        let mut words: BTreeSet<String> = BTreeSet::new();
        let mut anew: BTreeSet<String> = BTreeSet::new();
        for change in tables {
            match change {
                Change::Drop(table) => {
                    words.insert(table.name.to_ascii_lowercase());
                }
                Change::Alter(table, _, changes) => {
                    if !changes.rebuild.is_empty() {
                        anew.insert(table.name.to_ascii_lowercase());
                    }
                    if !changes.rebuild.is_empty() || !changes.drop.is_empty() {
                        words.insert(table.name.to_ascii_lowercase());
                    }
                }
            }
        }
        let mut dropped: Vec<Object> = Vec::new();
        loop {
            let is_new = |object: &&Object| {
                object.kind != Kind::VirtualTable
                    && !dropped.iter().any(|other| same(&other.name, &object.name))
                    && object.words.iter().any(|word| words.contains(word))
            };
            let more: Vec<Object> = now.objects.iter().filter(is_new).cloned().collect();
            if more.is_empty() {
                break;
            }
            words.extend(more.iter().map(|object| object.name.to_ascii_lowercase()));
            dropped.extend(more);
        }
        // Those that name others go first.
        dropped.sort_by_key(|object| object.kind == Kind::View);
        for object in dropped.iter().rev() {
            // With its table a trigger goes by itself.
            let goes_along =
                object.kind == Kind::Trigger && anew.contains(&object.table.to_ascii_lowercase());
            if goes_along {
                continue;
            }
            self.drop_object(object)?;
        }
        Ok(dropped)
    }

    fn drop_object(&mut self, object: &Object) -> Result<()> {
        let kind = match object.kind {
            Kind::View => "VIEW",
            Kind::Trigger => "TRIGGER",
            Kind::VirtualTable => "TABLE",
        };
        self.execute(&format!("DROP {kind} {}", name(&object.name)))
    }

    fn drop_objects(&mut self, now: &Schema) -> Result<()> {
        // What resources ask for has none of them but by custom statements.
        if self.rules.of_resources && !self.rules.exact {
            return Ok(());
        }
        let there = self.schema()?;
        for object in now.objects.iter().rev() {
            let Some(found) = there.object(&object.name) else {
                continue;
            };
            let wanted = self.target.object(&object.name);
            if wanted.is_some_and(|wanted| wanted.words == found.words && wanted.kind == found.kind)
            {
                continue;
            }
            if found.kind == Kind::VirtualTable && !self.rules.drop && !self.rules.exact {
                let place = found.name.to_ascii_lowercase();
                self.note(format!(
                    "the virtual table {place} is another one or no longer asked for; it stays unless --drop is given"
                ));
                self.part.left.push(place);
                continue;
            }
            self.drop_object(found)?;
        }
        Ok(())
    }

    fn drop_indexes(&mut self, now: &Schema) -> Result<()> {
        for index in &now.indexes {
            let Some(table) = self.target.table(&index.table) else {
                continue;
            };
            if self
                .rules
                .ignored
                .contains(&index.table.to_ascii_lowercase())
            {
                continue;
            }
            let gone = self.gone_columns(now, table);
            if self.serves(index, now) && !names_any(index, &gone) {
                continue;
            }
            self.execute(&format!("DROP INDEX {}", name(&index.name)))?;
        }
        Ok(())
    }

    fn gone_columns(&self, now: &Schema, wanted: &Table) -> Vec<String> {
        if !self.rules.drop && !self.rules.exact {
            return Vec::new();
        }
        let columns = now.table(&wanted.name).map(|table| table.columns.iter());
        let gone = columns
            .into_iter()
            .flatten()
            .filter(|column| wanted.column(&column.name).is_none());
        gone.map(|column| column.name.to_ascii_lowercase())
            .collect()
    }

    /// Whether an index stays as it is.
    fn serves(&self, index: &Index, now: &Schema) -> bool {
        let named = self.target.index(&index.name);
        if let Some(wanted) = named {
            // An index of the same name that is another one is in the way.
            return wanted.compared == index.compared || self.replaces_prefix(wanted, index);
        }
        if self.rules.exact || !self.rules.of_resources {
            return false;
        }
        let by_hand = !self.generated.contains(&named_fact(&index.name));
        let same_as_wanted =
            self.target.indexes.iter().any(|wanted| {
                wanted.compared == index.compared && now.index(&wanted.name).is_none()
            });
        by_hand || same_as_wanted || self.rules.of_statements.contains(&named_fact(&index.name))
    }

    /// Whether any index that begins so will do.
    fn replaces_prefix(&self, wanted: &Index, found: &Index) -> bool {
        self.rules.of_resources
            && !self.rules.exact
            && self
                .rules
                .prefixes
                .contains(&wanted.name.to_ascii_lowercase())
            && !found.partial
            && !self.generated.contains(&named_fact(&found.name))
            && same(&wanted.table, &found.table)
            && wanted.first.is_some()
            && wanted.first == found.first
    }

    fn create_tables(&mut self, now: &Schema) -> Result<()> {
        for table in order::parents_first(self.target) {
            let made = self.rules.of_statements.contains(&table_fact(&table.name));
            if now.table(&table.name).is_some()
                || made
                || self
                    .rules
                    .ignored
                    .contains(&table.name.to_ascii_lowercase())
            {
                continue;
            }
            self.blank();
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

    fn create_index(&mut self, index: &Index) -> Result<()> {
        self.execute(&readable(&index.sql))
    }

    fn change(&mut self, change: &Change) -> Result<()> {
        let Change::Alter(now, wanted, changes) = change else {
            return Ok(());
        };
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

    fn alter(&mut self, now: &Table, wanted: &Table, changes: &Changes) -> Result<()> {
        let table = name(&now.name);
        for constraint in &changes.drop_constraints {
            self.execute(&format!(
                "ALTER TABLE {table} DROP CONSTRAINT {}",
                name(constraint)
            ))?;
        }
        for column in &changes.loosen {
            let column = name(&column.name);
            self.execute(&format!(
                "ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"
            ))?;
        }
        for column in &changes.add {
            let mut text = readable(&column.text);
            for key in &wanted.foreign_keys {
                let own = matches!(key.columns.as_slice(), [only] if same(only, &column.name));
                if own && !key.inline {
                    let constraint = label(key.name.as_deref());
                    text.push_str(&format!(" {constraint}{}", references_sql(key)));
                }
            }
            self.execute(&format!("ALTER TABLE {table} ADD COLUMN {text}"))?;
        }
        for column in &changes.tighten {
            self.tighten(now, column)?;
        }
        for check in &changes.add_checks {
            let check = check_sql(check);
            self.execute(&format!("ALTER TABLE {table} ADD {check}"))?;
        }
        for column in &changes.drop {
            self.lost_column(now, column);
            let column = name(&column.name);
            self.execute(&format!("ALTER TABLE {table} DROP COLUMN {column}"))?;
        }
        Ok(())
    }

    fn tighten(&mut self, table: &Table, column: &Column) -> Result<()> {
        let quoted = name(&column.name);
        let value = self
            .fill(&table.name, &column.name)
            .or(column.default.clone());
        match value {
            Some(value) => self.execute(&format!(
                "UPDATE {} SET {quoted} = {value} WHERE {quoted} IS NULL",
                name(&table.name)
            ))?,
            None => self.comment(&format!(
                "This fails where {}.{} is null: give such rows a value before it.",
                table.name, column.name
            )),
        }
        self.execute(&format!(
            "ALTER TABLE {} ALTER COLUMN {quoted} SET NOT NULL",
            name(&table.name)
        ))
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
            Change::Alter(..) => None,
        });
        let gone: BTreeSet<String> = gone.collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.blank();
        let now = self.schema()?;
        for table in order::children_first(&now) {
            if gone.contains(&table.name.to_ascii_lowercase()) {
                self.note(format!("the rows of {} are lost", table.name));
                self.execute(&format!("DROP TABLE {}", name(&table.name)))?;
            }
        }
        Ok(())
    }

    fn create_indexes(&mut self) -> Result<()> {
        let now = self.schema()?;
        let missing = self.target.indexes.iter().filter(|index| {
            !self.of_statement(&index.name)
                && now.table(&index.table).is_some()
                && !self
                    .rules
                    .ignored
                    .contains(&index.table.to_ascii_lowercase())
                && now.index(&index.name).is_none()
                && !self.has_equal(&now, index)
        });
        let missing: Vec<Index> = missing.cloned().collect();
        if !missing.is_empty() {
            self.blank();
        }
        for index in missing {
            self.create_index(&index)?;
        }
        Ok(())
    }

    /// Whether an index of another name does the same.
    fn has_equal(&self, now: &Schema, wanted: &Index) -> bool {
        if self.rules.exact || !self.rules.of_resources {
            return false;
        }
        now.indexes
            .iter()
            .any(|found| found.compared == wanted.compared || self.replaces_prefix(wanted, found))
    }

    /// Makes again what was dropped, and what is new.
    fn create_objects(&mut self, again: Vec<Object>) -> Result<()> {
        let (exact, target) = (self.rules.exact || !self.rules.of_resources, self.target);
        let mut all: Vec<Object> = if exact {
            let there = self.schema()?;
            let missing = target.objects.iter();
            let missing = missing.filter(|object| {
                there.object(&object.name).is_none()
                    && there.table(&object.name).is_none()
                    && !self.of_statement(&object.name)
            });
            missing.cloned().collect()
        } else {
            Vec::new()
        };
        for object in again {
            let wanted = !exact || self.of_statement(&object.name);
            let table_is_there = object.kind != Kind::Trigger
                || self.schema()?.table(&object.table).is_some()
                || self.schema()?.object(&object.table).is_some();
            if wanted && table_is_there && !all.iter().any(|other| same(&other.name, &object.name))
            {
                all.push(object);
            }
        }
        all.sort_by_key(|object| match object.kind {
            Kind::VirtualTable => 0,
            Kind::View => 1,
            Kind::Trigger => 2,
        });
        if !all.is_empty() {
            self.blank();
        }
        for object in all {
            if self.schema()?.object(&object.name).is_none() {
                self.execute(&object.sql)?;
            }
        }
        Ok(())
    }

    /// What was written by hand must go on to work.
    fn check_objects(&self) -> Result<()> {
        let now = self.schema()?;
        for object in &now.objects {
            if object.kind == Kind::View {
                let sql = format!("SELECT * FROM {} LIMIT 0", name(&object.name));
                self.link.conn.prepare(&sql).map_err(|error| {
                    let error = sqlite_error::map(error);
                    broken(object, error.message())
                })?;
            }
        }
        // To rename a table SQLite reads all triggers.
        let sql = "SAVEPOINT ash_rusqlite_try; CREATE TABLE ash_rusqlite_try (a); \
                   ALTER TABLE ash_rusqlite_try RENAME TO ash_rusqlite_tried";
        let tried = self.link.conn.execute_batch(sql);
        self.link
            .conn
            .execute_batch("ROLLBACK TO ash_rusqlite_try; RELEASE ash_rusqlite_try")
            .map_err(sqlite_error::map)?;
        tried.map_err(|error| {
            let error = sqlite_error::map(error);
            let message = format!(
                "the migration would leave a trigger or view behind that no longer works: {}. \
                 Write a migration that changes it first",
                error.message()
            );
            Error::new(Code::MigrationFailed, message)
        })
    }
}

fn broken(object: &Object, why: &str) -> Error {
    let message = format!(
        "the migration would leave {} behind, which no longer works: {why}. Write a migration that \
         changes it first",
        object.name
    );
    Error::new(Code::MigrationFailed, message)
}

fn names_any(index: &Index, columns: &[String]) -> bool {
    let tokens = super::lex::lex(&index.sql);
    let on = tokens.iter().position(|token| token.is("on")).unwrap_or(0);
    tokens
        .iter()
        .skip(on + 2)
        .any(|token| columns.contains(&token.text))
}

/// What has to be done with a table.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The table as it is, and as it is to be.
    Alter(Table, Table, Changes),
    /// It goes.
    Drop(Table),
}
