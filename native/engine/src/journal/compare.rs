//! A table compared with the temporary one of the same name that events were replayed into.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::value::shown;
use crate::catalog::{Column, JournalSpec, Table};
use crate::error::Result;
use crate::sqlite::lex::{quoted_name, same};
use crate::sqlite::sqlite_error;

/// A row that is not as the events say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowDifference {
    /// The table.
    pub table: String,
    /// The row's key: a value as events have it, or a list of them.
    pub key: String,
    /// The column; none where the whole row is there in one of them only.
    pub column: Option<String>,
    /// What the events say: a value as events have it; none where they know no such row.
    pub event: Option<String>,
    /// What the row has; none where there is no such row.
    pub row: Option<String>,
}

/// A column that is compared.
struct Compared<'a> {
    column: &'a Column,
    /// Only whether it is NULL.
    sensitive: bool,
}

impl Compared<'_> {
    fn differs(&self) -> String {
        let name = quoted_name(&self.column.name);
        match self.sensitive {
            true => format!("(r.{name} IS NULL) <> (e.{name} IS NULL)"),
            false => format!(
                "r.{name} IS NOT e.{name} COLLATE BINARY OR typeof(r.{name}) <> typeof(e.{name})"
            ),
        }
    }
}

/// Compares the rows. Returns how many there are, and the first that differ.
///
/// # Errors
/// Those of SQLite.
pub(super) fn compare(
    conn: &Connection,
    table: &Table,
    spec: &JournalSpec,
    limit: usize,
) -> Result<(u64, Vec<RowDifference>)> {
    let listed =
        |list: &[String], column: &Column| list.iter().any(|name| same(name, &column.name));
    let columns: Vec<Compared<'_>> = table
        .columns
        .iter()
        .filter(|column| !column.generated && !listed(&spec.skip, column))
        .map(|column| Compared {
            column,
            sensitive: listed(&spec.sensitive, column),
        })
        .collect();
    let name = quoted_name(&table.name);
    let (real, replayed) = (format!("main.{name}"), format!("temp.{name}"));
    let (rows, known) = (count(conn, &real)?, count(conn, &replayed)?);
    let pair = Pair {
        conn,
        table,
        columns: &columns,
        key: table.key_columns().collect(),
    };
    let mut found = pair.differing(&real, &replayed, limit)?;
    if rows != known || !found.is_empty() {
        let room = limit.saturating_sub(found.len());
        found.extend(pair.gone(&real, &replayed, room)?);
    }
    Ok((rows, found))
}

struct Pair<'a> {
    conn: &'a Connection,
    table: &'a Table,
    columns: &'a [Compared<'a>],
    key: Vec<&'a Column>,
}

impl Pair<'_> {
    fn on(&self) -> String {
        let is = if self.key.len() == 1 { "=" } else { "IS" };
        let part = |column: &&Column| {
            let name = quoted_name(&column.name);
            format!("e.{name} {is} r.{name}")
        };
        let parts: Vec<String> = self.key.iter().map(part).collect();
        parts.join(" AND ")
    }

    fn key_of(&self, row: &str) -> Vec<String> {
        let name = |column: &&Column| format!("{row}.{}", quoted_name(&column.name));
        self.key.iter().map(name).collect()
    }

    /// Rows of the table that the events do not know, or know otherwise.
    fn differing(&self, real: &str, replayed: &str, limit: usize) -> Result<Vec<RowDifference>> {
        let unknown: Vec<String> = self.key_of("e");
        let unknown = format!("({}) IS NULL", coalesce(&unknown));
        let mut select = self.key_of("r");
        select.push(unknown.clone());
        let mut conditions = vec![unknown];
        for compared in self.columns {
            let name = quoted_name(&compared.column.name);
            select.extend([compared.differs(), format!("e.{name}"), format!("r.{name}")]);
            conditions.push(compared.differs());
        }
        let sql = format!(
            "SELECT {} FROM {real} AS r LEFT JOIN {replayed} AS e ON {} WHERE {} LIMIT {limit}",
            select.join(", "),
            self.on(),
            conditions.join(" OR ")
        );
        let mut found = Vec::new();
        self.each(&sql, &mut |row| {
            let key = self.key(row)?;
            let mut at = self.key.len();
            if row.get(at)? {
                found.push(self.difference(key, None, None, Some("a row".to_owned())));
                return Ok(());
            }
            for compared in self.columns {
                let differs: bool = row.get(at + 1)?;
                if differs {
                    let (event, value) = match compared.sensitive {
                        false => (shown(row.get_ref(at + 2)?), shown(row.get_ref(at + 3)?)),
                        true => {
                            let null = row.get_ref(at + 3)? == rusqlite::types::ValueRef::Null;
                            let words = |null: bool| if null { "null" } else { "a value" };
                            (words(!null).to_owned(), words(null).to_owned())
                        }
                    };
                    let name = Some(compared.column.name.clone());
                    found.push(self.difference(key.clone(), name, Some(event), Some(value)));
                }
                at += 3;
            }
            Ok(())
        })?;
        found.truncate(limit);
        Ok(found)
    }

    /// Rows of the events that the table has not.
    fn gone(&self, real: &str, replayed: &str, limit: usize) -> Result<Vec<RowDifference>> {
        let sql = format!(
            "SELECT {} FROM {replayed} AS e WHERE NOT EXISTS (SELECT 1 FROM {real} AS r WHERE {}) \
             LIMIT {limit}",
            self.key_of("e").join(", "),
            self.on()
        );
        let mut found = Vec::new();
        self.each(&sql, &mut |row| {
            let key = self.key(row)?;
            found.push(self.difference(key, None, Some("a row".to_owned()), None));
            Ok(())
        })?;
        Ok(found)
    }

    fn each(
        &self,
        sql: &str,
        each: &mut dyn FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let mut run = || -> rusqlite::Result<()> {
            let mut stmt = self.conn.prepare(sql)?;
            let mut rows = stmt.query([])?;
            while let Some(row) = rows.next()? {
                each(row)?;
            }
            Ok(())
        };
        run().map_err(sqlite_error::map)
    }

    fn key(&self, row: &Row<'_>) -> rusqlite::Result<String> {
        let parts: Vec<String> = (0..self.key.len())
            .map(|at| row.get_ref(at).map(shown))
            .collect::<rusqlite::Result<_>>()?;
        Ok(match parts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(",")),
        })
    }

    fn difference(
        &self,
        key: String,
        column: Option<String>,
        event: Option<String>,
        row: Option<String>,
    ) -> RowDifference {
        RowDifference {
            table: self.table.name.clone(),
            key,
            column,
            event,
            row,
        }
    }
}

/// The first of the values that is not NULL.
fn coalesce(values: &[String]) -> String {
    match values {
        [one] => one.clone(),
        many => format!("coalesce({})", many.join(", ")),
    }
}

/// The number of rows of a table.
pub(super) fn count(conn: &Connection, table: &str) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {table}");
    conn.query_row(&sql, [], |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(number) => u64::try_from(number).unwrap_or(0),
            _ => 0,
        })
    })
    .map_err(sqlite_error::map)
}
