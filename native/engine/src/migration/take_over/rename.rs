//! What a file gives another name, where what has that name is there already beside the old:
//! a table that follows its resource got a new column, or a resource a new table.

use rusqlite::config::DbConfig;

use super::index::naming;
use super::table::{line, misfits};
use super::{has_column, Run};
use crate::catalog::{fits, load_table, Table};
use crate::error::Result;
use crate::migration::statement::ScriptStatement;
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;

impl Run<'_, '_> {
    /// Values of the new column win, and those of the old fill its nulls. The column that goes is
    /// the one that only followed: the old one has the constraints of the files.
    pub(super) fn rename_column(
        &mut self,
        (table, from, to): (&str, &str, &str),
        statement: &ScriptStatement,
    ) -> Result<()> {
        let Some(found) = load_table(self.conn, table)? else {
            return self.execute(statement);
        };
        let (Ok((_, new)), Ok((_, old))) = (found.column(to), found.column(from)) else {
            if has_column(&found, to) {
                self.take_over(format!("column {table}.{to}"));
                return Ok(());
            }
            return self.execute(statement);
        };
        let held = new.declared.eq_ignore_ascii_case(&old.declared)
            || fits(&old.declared, found.strict, new.column_type);
        if !held || new.in_key {
            let problem = format!(
                "{table} has both {from} ({}) and {to} ({}), whose values cannot be one column",
                old.declared, new.declared
            );
            return Err(self.mismatch(table, vec![problem], statement));
        }
        let indexes = naming(self.conn, table, to)?;
        for index in &indexes {
            self.instead(
                &format!("DROP INDEX {}", quoted_name(&index.name)),
                statement,
            )?;
        }
        let (name, source, target) = (
            quoted_name(table),
            quoted_name(&new.name),
            quoted_name(&old.name),
        );
        let moved = self.without_triggers(|| {
            let sql = format!("UPDATE {name} SET {target} = {source} WHERE {source} IS NOT NULL");
            self.instead(&sql, statement)
        })?;
        self.instead(
            &format!("ALTER TABLE {name} DROP COLUMN {source}"),
            statement,
        )?;
        self.execute(statement)?;
        self.create_again(&indexes, statement)?;
        self.take_over(format!(
            "column {table}.{to}: it was there beside {from}; {moved} values of it are kept, the others are those of {from}"
        ));
        Ok(())
    }

    /// Where one of both tables has no rows it goes; else the rows of the new one join the old.
    pub(super) fn rename_table(
        &mut self,
        from: &str,
        to: &str,
        statement: &ScriptStatement,
    ) -> Result<()> {
        let (Some(old), Some(new)) = (load_table(self.conn, from)?, load_table(self.conn, to)?)
        else {
            return self.execute(statement);
        };
        if new.is_view || new.is_virtual || old.is_virtual {
            return self.execute(statement);
        }
        let scratch = &self.wanted.scratch.conn;
        let copied = if self.is_empty(&new.name)? {
            0
        } else {
            self.add_columns_of(&new, &old, statement)?;
            self.move_rows(&new, &old, statement)?
        };
        self.instead(&format!("DROP TABLE {}", quoted_name(&new.name)), statement)?;
        self.execute(statement)?;
        let renamed = load_table(self.conn, to)?.unwrap_or(new);
        if let Some(wanted) = load_table(scratch, to)? {
            let problems = misfits(&renamed, &wanted);
            if !problems.is_empty() {
                return Err(self.mismatch(to, problems, statement));
            }
        }
        let notes = match copied {
            0 => vec![format!("it was there beside {from}, without rows")],
            rows => vec![format!(
                "it was there beside {from}; its {rows} rows are with those of {from}"
            )],
        };
        self.take_over(line(&format!("table {to}"), &notes));
        Ok(())
    }

    fn is_empty(&self, table: &str) -> Result<bool> {
        let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", quoted_name(table));
        self.conn
            .query_row(&sql, [], |row| row.get(0))
            .map_err(sqlite_error::map)
    }

    fn add_columns_of(&self, new: &Table, old: &Table, statement: &ScriptStatement) -> Result<()> {
        for column in new.columns.iter().filter(|column| !column.generated) {
            if !has_column(old, &column.name) {
                let (table, name) = (quoted_name(&old.name), quoted_name(&column.name));
                let sql = format!("ALTER TABLE {table} ADD COLUMN {name} {}", column.declared);
                self.instead(&sql, statement)?;
            }
        }
        Ok(())
    }

    fn move_rows(&self, new: &Table, old: &Table, statement: &ScriptStatement) -> Result<usize> {
        let columns = new.columns.iter().filter(|column| !column.generated);
        let names: Vec<String> = columns.map(|column| quoted_name(&column.name)).collect();
        let names = names.join(", ");
        let (source, target) = (quoted_name(&new.name), quoted_name(&old.name));
        let sql = format!("INSERT INTO {target} ({names}) SELECT {names} FROM {source}");
        self.without_triggers(|| {
            self.conn.execute(&sql, []).map_err(|error| {
                let why = sqlite_error::refine(self.conn, sqlite_error::map(error));
                let problem = format!(
                    "both {} and {} have rows, and they do not go together ({})",
                    old.name,
                    new.name,
                    why.message()
                );
                self.mismatch(&new.name, vec![problem], statement)
            })
        })
    }

    /// Moving a value is not a change of the application, so it has no events.
    fn without_triggers<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let set = |on| {
            self.conn
                .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, on)
                .map_err(sqlite_error::map)
        };
        set(false)?;
        let result = run();
        set(true)?;
        result
    }
}
