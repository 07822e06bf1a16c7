//! Whether a table that is there can be taken for the one that a file makes.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{has_column, object, Run};
use crate::catalog::{fits, load_table, Column, Table};
use crate::error::Result;
use crate::migration::generate::column_definition;
use crate::migration::statement::ScriptStatement;
use crate::sqlite::lex::{quoted_name, same};
use crate::sqlite::sqlite_error;
use crate::sqlite::tokens::tokens;

impl Run<'_, '_> {
    pub(super) fn create_table(&mut self, name: &str, statement: &ScriptStatement) -> Result<()> {
        let scratch = &self.wanted.scratch.conn;
        let (found, wanted) = (load_table(self.conn, name)?, load_table(scratch, name)?);
        let (Some(found), Some(wanted)) = (found, wanted) else {
            return self.execute(statement);
        };
        if found.is_view {
            let problem = format!("{name} is a view, not a table");
            return Err(self.mismatch(name, vec![problem], statement));
        }
        let mut notes = self.add_missing(&found, &wanted, statement)?;
        let found = load_table(self.conn, name)?.unwrap_or(found);
        let problems = misfits(&found, &wanted);
        if !problems.is_empty() {
            return Err(self.mismatch(name, problems, statement));
        }
        notes.extend(looser(self.conn, &found, scratch, &wanted)?);
        self.take_over(line(&format!("table {name}"), &notes));
        Ok(())
    }

    pub(super) fn add_column(
        &mut self,
        table: &str,
        column: &str,
        statement: &ScriptStatement,
    ) -> Result<()> {
        let scratch = &self.wanted.scratch.conn;
        let (found, wanted) = (load_table(self.conn, table)?, load_table(scratch, table)?);
        let (Some(found), Some(wanted)) = (found, wanted) else {
            return self.execute(statement);
        };
        let (Ok((_, there)), Ok((_, asked))) = (found.column(column), wanted.column(column)) else {
            return self.execute(statement);
        };
        if let Some(problem) = misfit(&found, there, asked) {
            return Err(self.mismatch(table, vec![problem], statement));
        }
        let mut notes = Vec::new();
        notes.extend(nullable(there, asked));
        let keys = missing_keys(self.conn, &found, scratch, &wanted)?;
        notes.extend(
            keys.into_iter()
                .filter(|(on, _)| same(on, column))
                .map(|(_, note)| note),
        );
        self.take_over(line(&format!("column {table}.{column}"), &notes));
        Ok(())
    }

    /// Adds the columns that only the file has, as far as SQLite can: as they are written there,
    /// else without what rows that are there would break.
    fn add_missing(
        &mut self,
        found: &Table,
        wanted: &Table,
        statement: &ScriptStatement,
    ) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        let sql = statement.text(&self.script.sql);
        let missing = wanted
            .columns
            .iter()
            .filter(|column| !has_column(found, &column.name));
        for column in missing {
            if column.in_key {
                continue;
            }
            let (table, name) = (quoted_name(&found.name), quoted_name(&column.name));
            let typed = format!("{name} {}", column.declared);
            let mut ways = vec![(column_definition(sql, &column.name), true)];
            if !column.generated {
                let default = column.default.as_ref();
                ways.push((
                    default.map(|value| format!("{typed} DEFAULT ({value})")),
                    false,
                ));
                ways.push((Some(typed), false));
            }
            let add = |(sql, whole): (Option<String>, bool)| {
                let sql = format!("ALTER TABLE {table} ADD COLUMN {}", sql?);
                self.conn.execute(&sql, []).is_ok().then_some(whole)
            };
            match ways.into_iter().find_map(add) {
                Some(true) => notes.push(format!("{} is added", column.name)),
                Some(false) => notes.push(format!(
                    "{} is added without its constraints, which the rows would break",
                    column.name
                )),
                None => {}
            }
        }
        Ok(notes)
    }
}

pub(super) fn line(what: &str, notes: &[String]) -> String {
    match notes {
        [] => what.to_owned(),
        notes => format!("{what}: {}", notes.join("; ")),
    }
}

/// What keeps a table from being taken for the wanted one.
pub(super) fn misfits(found: &Table, wanted: &Table) -> Vec<String> {
    let mut problems = Vec::new();
    for column in &wanted.columns {
        match found.column(&column.name) {
            Ok((_, there)) => problems.extend(misfit(found, there, column)),
            Err(_) => problems.push(format!(
                "{} has no column {}, and it cannot be added",
                found.name, column.name
            )),
        }
    }
    let key = |table: &Table| {
        let names = table
            .key_columns()
            .map(|column| column.name.to_ascii_lowercase());
        names.collect::<Vec<_>>().join(", ")
    };
    let (is, should) = (key(found), key(wanted));
    if is != should {
        problems.push(format!(
            "the primary key of {} is ({is}), not ({should})",
            found.name
        ));
    }
    problems
}

fn misfit(table: &Table, found: &Column, wanted: &Column) -> Option<String> {
    let fit = same(&found.declared, &wanted.declared)
        || fits(&found.declared, table.strict, wanted.column_type);
    (!fit).then(|| {
        let declared = |column: &Column| match column.declared.as_str() {
            "" => "without a type".to_owned(),
            declared => declared.to_owned(),
        };
        format!(
            "{}.{} is declared {}, which does not hold {}",
            table.name,
            found.name,
            declared(found),
            declared(wanted)
        )
    })
}

fn nullable(found: &Column, wanted: &Column) -> Option<String> {
    match (found.not_null, wanted.not_null) {
        (false, true) if !wanted.in_key => Some(format!("{} may be null", found.name)),
        (true, false) => Some(format!("{} must not be null", found.name)),
        _ => None,
    }
}

/// What the table lets pass that the wanted one would refuse.
fn looser(
    conn: &Connection,
    found: &Table,
    scratch: &Connection,
    wanted: &Table,
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for column in &wanted.columns {
        if let Ok((_, there)) = found.column(&column.name) {
            notes.extend(nullable(there, column));
        }
    }
    let keys = missing_keys(conn, found, scratch, wanted)?;
    notes.extend(keys.into_iter().map(|(_, note)| note));
    for columns in uniques(scratch, &wanted.name)?.difference(&uniques(conn, &found.name)?) {
        notes.push(format!("rows of equal {columns} are not refused"));
    }
    let words = |conn, word: &str| -> Result<usize> {
        let sql = object(conn, &wanted.name)?.map_or_else(String::new, |object| object.sql);
        Ok(tokens(&sql).iter().filter(|token| *token == word).count())
    };
    for (word, note) in [("check", "CHECK"), ("autoincrement", "AUTOINCREMENT")] {
        if words(conn, word)? < words(scratch, word)? {
            notes.push(format!("without {note}"));
        }
    }
    if wanted.strict && !found.strict {
        notes.push("without STRICT".to_owned());
    }
    Ok(notes)
}

/// The foreign keys that only the wanted table has: their columns, and a note.
fn missing_keys(
    conn: &Connection,
    found: &Table,
    scratch: &Connection,
    wanted: &Table,
) -> Result<Vec<(String, String)>> {
    let there: BTreeSet<_> = keys(conn, &found.name)?.into_iter().collect();
    let missing = keys(scratch, &wanted.name)?.into_iter();
    Ok(missing
        .filter(|key| !there.contains(key))
        .map(|(columns, table, _)| {
            let note = format!("no foreign key of {columns} to {table}");
            (columns, note)
        })
        .collect())
}

/// The foreign keys of a table: columns, table, what they refer to and what they do.
fn keys(conn: &Connection, table: &str) -> Result<Vec<(String, String, String)>> {
    let read = || -> rusqlite::Result<_> {
        let mut statement = conn.prepare(
            "SELECT lower(group_concat(\"from\", ', ')), lower(\"table\"), \
             lower(group_concat(ifnull(\"to\", ''), ', ')) || on_update || on_delete \
             FROM pragma_foreign_key_list(?1, 'main') GROUP BY id ORDER BY id",
        )?;
        let rows =
            statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    };
    read().map_err(sqlite_error::map)
}

/// The columns of every unique index of a table, without those of conditions.
fn uniques(conn: &Connection, table: &str) -> Result<BTreeSet<String>> {
    let read = || -> rusqlite::Result<_> {
        let mut statement = conn.prepare(
            "SELECT (SELECT lower(group_concat(ifnull(x.name, '()'), ', ')) \
             FROM pragma_index_info(l.name, 'main') AS x) \
             FROM pragma_index_list(?1, 'main') AS l WHERE l.\"unique\" AND NOT l.partial \
             AND l.origin <> 'pk'",
        )?;
        let rows = statement.query_map([table], |row| row.get(0))?;
        rows.collect()
    };
    read().map_err(sqlite_error::map)
}
