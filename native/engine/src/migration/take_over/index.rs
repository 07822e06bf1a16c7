//! Indexes that are there under the file's name or another.

use rusqlite::Connection;

use super::{object, Object, Run};
use crate::error::Result;
use crate::migration::statement::{Kind, ScriptStatement};
use crate::sqlite::lex::{quoted_name, same};
use crate::sqlite::sqlite_error;
use crate::sqlite::tokens::{bare, parenthesis, tokens};

/// What an index does, whatever its name: whether it is unique, its table, columns and condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    unique: bool,
    table: String,
    keys: Vec<String>,
    condition: Vec<String>,
}

impl Shape {
    fn of(index: &Object) -> Shape {
        let all = tokens(&index.sql);
        let (keys, behind) = parenthesis(&all);
        // The word WHERE.
        let condition = bare(behind.get(1..).unwrap_or_default());
        Shape {
            unique: all.get(1).is_some_and(|token| token == "unique"),
            table: index.table.to_ascii_lowercase(),
            keys: keys.to_vec(),
            condition: condition.to_vec(),
        }
    }

    /// Whether the index looks at a column.
    fn names(&self, column: &str) -> bool {
        let column = column.to_ascii_lowercase();
        self.keys
            .iter()
            .chain(&self.condition)
            .any(|token| *token == column)
    }
}

/// The index that a statement drops, by what it does.
pub(super) fn dropped(conn: &Connection, kind: &Kind) -> Result<Option<Shape>> {
    let Kind::DropIndex { name } = kind else {
        return Ok(None);
    };
    Ok(object(conn, name)?.map(|index| Shape::of(&index)))
}

/// The indexes of a table that statements made.
fn of_table(conn: &Connection, table: &str) -> Result<Vec<Object>> {
    let read = || -> rusqlite::Result<_> {
        let mut statement = conn.prepare(
            "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
             WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?1 COLLATE NOCASE \
             ORDER BY rowid",
        )?;
        let rows = statement.query_map([table], |row| {
            Ok(Object {
                kind: row.get(0)?,
                name: row.get(1)?,
                table: row.get(2)?,
                sql: row.get(3)?,
            })
        })?;
        rows.collect()
    };
    read().map_err(sqlite_error::map)
}

fn equal(conn: &Connection, shape: &Shape) -> Result<Option<Object>> {
    let there = of_table(conn, &shape.table)?;
    Ok(there.into_iter().find(|index| Shape::of(index) == *shape))
}

/// The indexes of a table that look at a column.
pub(super) fn naming(conn: &Connection, table: &str, column: &str) -> Result<Vec<Object>> {
    let mut all = of_table(conn, table)?;
    all.retain(|index| Shape::of(index).names(column));
    Ok(all)
}

impl Run<'_, '_> {
    /// An index has no rows of its own: another one of the name gives way.
    pub(super) fn create_index(&mut self, name: &str, statement: &ScriptStatement) -> Result<()> {
        let Some(wanted) = object(&self.wanted.scratch.conn, name)? else {
            return self.execute(statement);
        };
        let shape = Shape::of(&wanted);
        if let Some(found) = equal(self.conn, &shape)? {
            let other = if same(&found.name, name) {
                String::new()
            } else {
                format!(": it is there as {}", found.name)
            };
            self.take_over(format!("index {name}{other}"));
            return Ok(());
        }
        let named = object(self.conn, name)?;
        let Some(found) = named.filter(|found| {
            found.kind == "index" && same(&found.table, &wanted.table) && !found.sql.is_empty()
        }) else {
            return self.execute(statement);
        };
        self.instead(
            &format!("DROP INDEX {}", quoted_name(&found.name)),
            statement,
        )?;
        self.execute(statement)?;
        self.take_over(format!("index {name}: made anew, since it was another one"));
        Ok(())
    }

    /// What was taken over may have another name.
    pub(super) fn drop_index(
        &mut self,
        name: &str,
        dropped: Option<Shape>,
        statement: &ScriptStatement,
    ) -> Result<()> {
        let (None, Some(shape)) = (object(self.conn, name)?, dropped) else {
            return self.execute(statement);
        };
        if let Some(found) = equal(self.conn, &shape)? {
            self.instead(
                &format!("DROP INDEX {}", quoted_name(&found.name)),
                statement,
            )?;
            self.take_over(format!("index {name}: dropped as {}", found.name));
        }
        Ok(())
    }

    /// Makes indexes again where none does the same.
    pub(super) fn create_again(
        &self,
        indexes: &[Object],
        statement: &ScriptStatement,
    ) -> Result<()> {
        for index in indexes {
            if equal(self.conn, &Shape::of(index))?.is_none() {
                self.instead(&index.sql, statement)?;
            }
        }
        Ok(())
    }
}
