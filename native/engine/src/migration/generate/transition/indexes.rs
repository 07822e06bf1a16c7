//! The indexes.

use super::super::model::{named_fact, Index, Schema, Table};
use super::Transition;
use crate::error::Result;
use crate::sqlite::lex::{lex, name, readable, same};

impl Transition<'_> {
    pub(super) fn drop_indexes(&mut self, now: &Schema) -> Result<()> {
        for index in &now.indexes {
            let Some(table) = self.target.table(&index.table) else {
                continue;
            };
            if self.rules.ignores(&index.table) {
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

    pub(super) fn gone_columns(&self, now: &Schema, wanted: &Table) -> Vec<String> {
        if !self.rules.drop && !self.rules.exact {
            return Vec::new();
        }
        let columns = now.table(&wanted.name).map(|table| table.columns.iter());
        let gone = columns
            .into_iter()
            .flatten()
            .filter(|column| wanted.column(&column.name).is_none())
            .filter(|column| !self.is_by_hand(&wanted.name, &column.name));
        gone.map(|column| column.name.to_ascii_lowercase())
            .collect()
    }

    /// Whether an index stays as it is.
    pub(super) fn serves(&self, index: &Index, now: &Schema) -> bool {
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
    pub(super) fn replaces_prefix(&self, wanted: &Index, found: &Index) -> bool {
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

    pub(super) fn create_index(&mut self, index: &Index) -> Result<()> {
        self.execute(&readable(&index.sql))
    }

    pub(super) fn create_indexes(&mut self) -> Result<()> {
        let now = self.schema()?;
        let missing = self.target.indexes.iter().filter(|index| {
            !self.of_statement(&index.name)
                && now.table(&index.table).is_some()
                && !self.rules.ignores(&index.table)
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
    pub(super) fn has_equal(&self, now: &Schema, wanted: &Index) -> bool {
        if self.rules.exact || !self.rules.of_resources {
            return false;
        }
        now.indexes
            .iter()
            .any(|found| found.compared == wanted.compared || self.replaces_prefix(wanted, found))
    }
}

fn names_any(index: &Index, columns: &[String]) -> bool {
    let tokens = lex(&index.sql);
    let on = tokens.iter().position(|token| token.is("on")).unwrap_or(0);
    tokens
        .iter()
        .skip(on + 2)
        .any(|token| columns.contains(&token.text))
}
