//! A table that is rebuilt while it has columns that no file knows yet: they are copied with their
//! values, and so are nulls in columns that have a default by the files.

use rusqlite::Connection;

use super::{has_column, Run};
use crate::catalog::{load_table, Column, Table};
use crate::error::Result;
use crate::migration::statement::{Copy, Rebuild, ScriptStatement};
use crate::sqlite::lex::{quoted_name, same};

/// What a table has beyond the files when it is to be rebuilt.
pub(super) struct Carried {
    new: String,
    table: String,
    columns: Vec<Column>,
    /// The columns that may be null, in lower case.
    nullable: Vec<String>,
}

impl Carried {
    /// Whether this is the new table.
    pub(super) fn is_for(&self, table: &str) -> bool {
        same(&self.new, table)
    }

    pub(super) fn of(
        conn: &Connection,
        scratch: &Connection,
        rebuild: &Rebuild,
    ) -> Result<Carried> {
        let found = load_table(conn, &rebuild.table)?;
        let known = load_table(scratch, &rebuild.table)?;
        let unknown = |table: &Table| -> Vec<Column> {
            let columns = table.columns.iter().filter(|column| !column.generated);
            let new = columns.filter(|column| {
                known
                    .as_deref()
                    .is_some_and(|known| !has_column(known, &column.name))
            });
            new.cloned().collect()
        };
        let nullable = |table: &Table| {
            let columns = table.columns.iter().filter(|column| !column.not_null);
            columns
                .map(|column| column.name.to_ascii_lowercase())
                .collect()
        };
        Ok(Carried {
            new: rebuild.new.clone(),
            table: rebuild.table.clone(),
            columns: found.as_deref().map_or_else(Vec::new, unknown),
            nullable: found.as_deref().map_or_else(Vec::new, nullable),
        })
    }
}

impl Run<'_, '_> {
    /// Copies the rows into the new table.
    pub(super) fn copy(&mut self, carried: &Carried, statement: &ScriptStatement) -> Result<()> {
        let Some(new) = load_table(self.conn, &carried.new)? else {
            return self.execute(statement);
        };
        let Some(mut copy) = Copy::read(&self.script.sql, statement) else {
            return match carried.columns.as_slice() {
                [] => self.execute(statement),
                columns => Err(self.unreadable(carried, columns, statement)),
            };
        };
        let mut changed = false;
        for column in &carried.columns {
            let name = quoted_name(&column.name);
            if !has_column(&new, &column.name) {
                let (table, declared) = (quoted_name(&carried.new), &column.declared);
                let default = column.default.as_ref();
                let default =
                    default.map_or_else(String::new, |value| format!(" DEFAULT ({value})"));
                let sql = format!("ALTER TABLE {table} ADD COLUMN {name} {declared}{default}");
                self.instead(&sql, statement)?;
            }
            let lower = column.name.to_ascii_lowercase();
            match copy.columns.iter().position(|known| *known == lower) {
                Some(place) => {
                    if let Some(value) = copy.values.get_mut(place) {
                        *value = format!("ifnull({name}, {value})");
                    }
                }
                None => {
                    copy.columns.push(lower);
                    copy.values.push(name);
                }
            }
            changed = true;
        }
        for (column, value) in copy.columns.iter().zip(copy.values.iter_mut()) {
            let Ok((_, wanted)) = new.column(column) else {
                continue;
            };
            let default = wanted.default.as_ref().filter(|_| wanted.not_null);
            if let Some(default) = default.filter(|_| carried.nullable.contains(column)) {
                *value = format!("ifnull({value}, {default})");
                changed = true;
            }
        }
        if !changed {
            return self.execute(statement);
        }
        self.instead(&copy.sql(), statement)?;
        if !carried.columns.is_empty() {
            let names: Vec<&str> = carried.columns.iter().map(|c| c.name.as_str()).collect();
            let names = names.join(", ");
            self.take_over(format!(
                "table {}: {names} kept their values",
                carried.table
            ));
        }
        Ok(())
    }

    fn unreadable(
        &self,
        carried: &Carried,
        columns: &[Column],
        statement: &ScriptStatement,
    ) -> crate::error::Error {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let problem = format!(
            "{} has {}, which the copy would lose; write it as INSERT INTO {} (columns) SELECT values FROM {}",
            carried.table,
            names.join(", "),
            carried.new,
            carried.table
        );
        self.mismatch(&carried.table, vec![problem], statement)
    }
}
