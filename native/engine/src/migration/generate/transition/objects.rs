//! Views, triggers and virtual tables: those in the way go, and come again behind all else.

use std::collections::BTreeSet;

use super::super::model::{Kind, Object, Schema};
use super::{Change, Transition, UNLESS_DROP};
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::{name, same};
use crate::sqlite::sqlite_error;

impl Transition<'_> {
    /// Drops the views and triggers that name what is rebuilt or dropped. Returns those that have to
    /// be created again.
    pub(super) fn drop_what_names(
        &mut self,
        now: &Schema,
        tables: &[Change],
    ) -> Result<Vec<Object>> {
        let mut words: BTreeSet<String> = BTreeSet::new();
        let mut rebuilt: BTreeSet<String> = BTreeSet::new();
        for change in tables {
            match change {
                Change::Drop(table) => {
                    words.insert(table.name.to_ascii_lowercase());
                }
                Change::Alter(alter) => {
                    let (table, changes) = (&alter.now, &alter.changes);
                    if !changes.rebuild.is_empty() {
                        rebuilt.insert(table.name.to_ascii_lowercase());
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
                    && object.journal.is_none()
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
            let goes_along = object.kind == Kind::Trigger
                && rebuilt.contains(&object.table.to_ascii_lowercase());
            if goes_along {
                continue;
            }
            self.drop_object(object)?;
        }
        Ok(dropped)
    }

    pub(super) fn drop_object(&mut self, object: &Object) -> Result<()> {
        // The trigger of a view goes with it.
        if self.schema()?.object(&object.name).is_none() {
            return Ok(());
        }
        let kind = match object.kind {
            Kind::View => "VIEW",
            Kind::Trigger => "TRIGGER",
            Kind::VirtualTable => "TABLE",
        };
        self.execute(&format!("DROP {kind} {}", name(&object.name)))
    }

    pub(super) fn drop_objects(&mut self, now: &Schema) -> Result<()> {
        // What resources ask for has none of them but by custom statements.
        if self.rules.of_resources && !self.rules.exact {
            return Ok(());
        }
        let there = self.schema()?;
        let plain = now.objects.iter().filter(|object| object.journal.is_none());
        for object in plain.rev() {
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
                    "the virtual table {place} is another one or no longer asked for; it stays {UNLESS_DROP}"
                ));
                self.part.left.push(place);
                continue;
            }
            self.drop_object(found)?;
        }
        Ok(())
    }

    /// Makes again what was dropped, and what is new.
    pub(super) fn create_objects(&mut self, mut again: Vec<Object>) -> Result<()> {
        let (exact, target) = (self.rules.exact || !self.rules.of_resources, self.target);
        let there = self.schema()?;
        let mut all: Vec<Object> = if exact {
            let missing = target.objects.iter();
            let missing = missing.filter(|object| {
                there.object(&object.name).is_none()
                    && object.journal.is_none()
                    && there.table(&object.name).is_none()
                    && !self.of_statement(&object.name)
            });
            missing.cloned().collect()
        } else {
            Vec::new()
        };
        // A view comes before its triggers.
        again.sort_by_key(|object| object.kind == Kind::Trigger);
        for object in again {
            let is_new = !all.iter().any(|other| same(&other.name, &object.name));
            let wanted = !exact || self.of_statement(&object.name);
            let table_is_there = object.kind != Kind::Trigger
                || there.table(&object.table).is_some()
                || there.object(&object.table).is_some()
                || all.iter().any(|other| same(&other.name, &object.table));
            if wanted && table_is_there && is_new {
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
            if there.object(&object.name).is_none() {
                self.execute(&object.sql)?;
            }
        }
        Ok(())
    }

    /// Switches the journals off that are no longer asked for, or that differ. A journal that only
    /// follows its table changes with it.
    pub(super) fn drop_journals(&mut self, now: &Schema) -> Result<()> {
        let there = self.schema()?;
        for object in &now.objects {
            let gone = there.object(&object.name).is_none();
            let asked = self.target.table(&object.table).is_some() || self.rules.exact;
            if object.journal.is_none() || gone || !asked || self.rules.ignores(&object.table) {
                continue;
            }
            let wanted = self.target.object(&object.name);
            if wanted.is_none_or(|wanted| wanted.journal != object.journal) {
                self.drop_object(object)?;
            }
        }
        Ok(())
    }

    /// Switches the journals on that are asked for.
    pub(super) fn create_journals(&mut self) -> Result<()> {
        let there = self.schema()?;
        let target = self.target;
        let mut first = true;
        for object in &target.objects {
            let is_there = there.object(&object.name).is_some();
            if object.journal.is_none() || is_there || self.rules.ignores(&object.table) {
                continue;
            }
            if std::mem::take(&mut first) {
                self.blank();
            }
            self.execute(&object.sql)?;
        }
        Ok(())
    }

    /// What was written by hand must still work.
    pub(super) fn check_objects(&self) -> Result<()> {
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
