//! What SQLite can change of a table without a rebuild
//! (<https://sqlite.org/lang_altertable.html>).

use super::super::compare::Changes;
use super::super::effective::{check_sql, label, references_sql};
use super::super::model::{Column, Table};
use super::Transition;
use crate::error::Result;
use crate::sqlite::lex::{name, readable, same};

impl Transition<'_> {
    pub(super) fn alter(&mut self, now: &Table, wanted: &Table, changes: &Changes) -> Result<()> {
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
            if let Some(value) = self.fill(&now.name, &column.name) {
                let column = name(&column.name);
                self.execute(&format!("UPDATE {table} SET {column} = {value}"))?;
            }
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

    pub(super) fn tighten(&mut self, table: &Table, column: &Column) -> Result<()> {
        let quoted = name(&column.name);
        let value = self
            .fill(&table.name, &column.name)
            .or(column.default.clone());
        match value {
            Some(value) => self.execute(&format!(
                "UPDATE {} SET {quoted} = {value} WHERE {quoted} IS NULL",
                name(&table.name)
            ))?,
            None => {
                let place = format!("{}.{}", table.name, column.name);
                self.note(format!(
                    "this fails where {place} is null: give such rows a value by --fill {place}=SQL"
                ));
                self.comment(&format!(
                    "This fails where {place} is null: give such rows a value before it."
                ));
            }
        }
        self.execute(&format!(
            "ALTER TABLE {} ALTER COLUMN {quoted} SET NOT NULL",
            name(&table.name)
        ))
    }
}
