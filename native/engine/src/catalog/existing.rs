//! A table as it is: what the catalog keeps of it, and its indexes, foreign keys and text.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use crate::catalog::introspect::load_table;
use crate::catalog::Table;
use crate::error::Result;
use crate::sqlite::lex::{closing, lex, quoted_name, same};
use crate::sqlite::sqlite_error;
use crate::sqlite::tokens::{hold, parenthesis, tokens};

/// A table as it is.
pub(crate) struct Existing {
    pub(crate) table: Arc<Table>,
    /// The tokens of the statement that made it.
    pub(crate) tokens: Vec<String>,
    pub(crate) indexes: Vec<ExistingIndex>,
    pub(crate) foreign_keys: Vec<ExistingForeignKey>,
    /// Whether it has no row.
    pub(crate) empty: bool,
}

/// An index as it is.
#[derive(Default)]
pub(crate) struct ExistingIndex {
    pub(crate) name: String,
    pub(crate) unique: bool,
    /// The columns; `None` for an expression.
    pub(crate) columns: Vec<Option<String>>,
    /// The collation of each of them.
    pub(crate) collations: Vec<String>,
    /// The statement that made it; none for the index of a constraint.
    pub(crate) sql: Option<String>,
}

impl ExistingIndex {
    /// Whether a column of it differs by case.
    pub(crate) fn distinguishes_case(&self, column: &str) -> bool {
        self.columns
            .iter()
            .zip(&self.collations)
            .filter(|(name, _)| name.as_deref().is_some_and(|name| same(name, column)))
            .any(|(_, collation)| {
                ["BINARY", "RTRIM"]
                    .iter()
                    .any(|builtin| same(builtin, collation))
            })
    }
}

/// A foreign key as it is.
#[derive(Default)]
pub(crate) struct ExistingForeignKey {
    pub(crate) columns: Vec<String>,
    pub(crate) references: String,
    /// `None` for the primary key of the other table.
    pub(crate) on: Vec<Option<String>>,
    pub(crate) on_update: String,
    pub(crate) on_delete: String,
}

impl Existing {
    /// Reads a table or view; `None` when there is none of this name.
    pub(crate) fn load(conn: &Connection, name: &str) -> Result<Option<Existing>> {
        // This statement comes first: it makes SQLite reload a schema that another process has
        // changed.
        let sql: Option<Option<String>> = conn
            .prepare_cached(
                "SELECT sql FROM main.sqlite_schema \
                 WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            )
            .and_then(|mut stmt| stmt.query_row([name], |row| row.get(0)).optional())
            .map_err(sqlite_error::map)?;
        let (Some(sql), Some(table)) = (sql, load_table(conn, name)?) else {
            return Ok(None);
        };
        if table.is_view {
            return Ok(Some(Existing {
                table,
                tokens: Vec::new(),
                indexes: Vec::new(),
                foreign_keys: Vec::new(),
                empty: true,
            }));
        }
        Ok(Some(Existing {
            tokens: tokens(&sql.unwrap_or_default()),
            indexes: indexes(conn, &table.name).map_err(sqlite_error::map)?,
            foreign_keys: foreign_keys(conn, &table.name).map_err(sqlite_error::map)?,
            empty: is_empty(conn, &table.name).map_err(sqlite_error::map)?,
            table,
        }))
    }

    /// Whether it has a check of this name.
    pub(crate) fn has_check(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        hold(&self.tokens, &["constraint", name.as_str(), "check"])
    }

    /// Whether SQLite gives a row that leaves the key out a number.
    pub(crate) fn numbers_rows(&self, key: &str) -> bool {
        let mut columns = self.table.key_columns();
        let alone = columns
            .next()
            .filter(|column| column.name.eq_ignore_ascii_case(key));
        let is_rowid = alone.is_some_and(|column| column.declared.eq_ignore_ascii_case("INTEGER"));
        is_rowid && columns.next().is_none() && !self.table.without_rowid
    }
}

/// The table on which there is an index of this name, or the table or view itself.
pub(crate) fn owner_of_name(conn: &Connection, name: &str) -> Result<Option<String>> {
    conn.prepare_cached("SELECT tbl_name FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE")
        .and_then(|mut stmt| stmt.query_row([name], |row| row.get(0)).optional())
        .map_err(sqlite_error::map)
}

/// The table of an index and the columns that it looks at, also inside of expressions.
pub(crate) fn columns_of_index(conn: &Connection, index: &str) -> Result<(String, Vec<String>)> {
    let (name, sql): (String, String) = conn
        .query_row(
            "SELECT tbl_name, sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?1",
            [index],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(sqlite_error::map)?;
    let all = tokens(&sql);
    let (keys, _) = parenthesis(&all);
    let mut columns: Vec<(usize, String)> = load_table(conn, &name)?
        .iter()
        .flat_map(|table| &table.columns)
        .filter_map(|column| {
            let token = column.name.to_ascii_lowercase();
            let place = keys.iter().position(|key| *key == token)?;
            Some((place, column.name.clone()))
        })
        .collect();
    columns.sort_unstable();
    let names = columns.into_iter().map(|(_, name)| name).collect();
    Ok((name, names))
}

/// The unique keys of a table but its primary one: of each the expressions, in SQL.
pub(crate) fn unique_keys(conn: &Connection, table: &str) -> Result<Vec<Vec<String>>> {
    let keys = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(String, Option<String>)> {
        Ok((row.get(0)?, row.get(1)?))
    };
    let found: Vec<(String, Option<String>)> = conn
        .prepare_cached(
            "SELECT l.name, s.sql FROM pragma_index_list(?1, 'main') AS l \
             LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name \
             WHERE l.\"unique\" AND l.origin <> 'pk' ORDER BY l.seq DESC",
        )
        .and_then(|mut stmt| stmt.query_map([table], keys)?.collect())
        .map_err(sqlite_error::map)?;
    found
        .into_iter()
        .map(|(index, sql)| match sql {
            Some(sql) => Ok(index_expressions(&sql)),
            None => columns_of_key(conn, &index).map_err(sqlite_error::map),
        })
        .collect()
}

/// The columns of the index of a constraint.
fn columns_of_key(conn: &Connection, index: &str) -> rusqlite::Result<Vec<String>> {
    let mut stmt = conn.prepare_cached(
        "SELECT name, coll FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno",
    )?;
    let columns = stmt.query_map([index], |row| {
        let (column, collation): (String, String) = (row.get(0)?, row.get(1)?);
        let column = crate::sqlite::lex::name(&column);
        Ok(match collation.as_str() {
            "BINARY" => column,
            _ => format!("{column} COLLATE {collation}"),
        })
    })?;
    columns.collect()
}

/// The expressions of an index, from its statement.
fn index_expressions(sql: &str) -> Vec<String> {
    let tokens = lex(sql);
    let Some(open) = tokens.iter().position(|token| token.is("(")) else {
        return Vec::new();
    };
    let close = closing(&tokens, open).saturating_sub(1);
    let (mut parts, mut begin, mut depth) = (Vec::new(), open + 1, 0_usize);
    for (at, token) in tokens.iter().enumerate().take(close + 1).skip(open + 1) {
        if at == close || (depth == 0 && token.is(",")) {
            let part = tokens.get(begin..at).unwrap_or_default();
            let part = match part.split_last() {
                Some((last, rest)) if last.is("asc") || last.is("desc") => rest,
                _ => part,
            };
            let range = part.first().zip(part.last());
            let text = range.and_then(|(first, last)| sql.get(first.start..last.end));
            parts.extend(text.map(str::to_owned));
            begin = at + 1;
        } else if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
        }
    }
    parts
}

fn is_empty(conn: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", quoted_name(table));
    conn.query_row(&sql, [], |row| row.get(0))
}

fn indexes(conn: &Connection, table: &str) -> rusqlite::Result<Vec<ExistingIndex>> {
    let mut stmt = conn.prepare_cached(
        "SELECT l.name, l.\"unique\", s.sql, x.name, x.coll \
         FROM pragma_index_list(?1, 'main') AS l \
         JOIN pragma_index_xinfo(l.name, 'main') AS x ON x.key \
         LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name \
         ORDER BY l.seq, x.seqno",
    )?;
    let mut rows = stmt.query([table])?;
    let mut indexes: Vec<ExistingIndex> = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, column): (String, Option<String>) = (row.get(0)?, row.get(3)?);
        let collation: String = row.get(4)?;
        match indexes.last_mut() {
            Some(last) if last.name == name => {
                last.columns.push(column);
                last.collations.push(collation);
            }
            _ => indexes.push(ExistingIndex {
                name,
                unique: row.get(1)?,
                sql: row.get(2)?,
                columns: vec![column],
                collations: vec![collation],
            }),
        }
    }
    Ok(indexes)
}

fn foreign_keys(conn: &Connection, table: &str) -> rusqlite::Result<Vec<ExistingForeignKey>> {
    let mut stmt = conn.prepare_cached(
        "SELECT id, \"from\", \"table\", \"to\", on_update, on_delete \
         FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
    )?;
    let mut rows = stmt.query([table])?;
    let mut keys: Vec<(i64, ExistingForeignKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let key = ExistingForeignKey {
                references: row.get(2)?,
                on_update: row.get(4)?,
                on_delete: row.get(5)?,
                ..ExistingForeignKey::default()
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get(1)?);
            key.on.push(row.get(3)?);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}
