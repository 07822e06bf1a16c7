//! Foreign keys that nothing looks their rows up by, and what would.

use rusqlite::Connection;

use super::diff::prefix;
use crate::catalog::{owner_of_name, Catalog, Existing};
use crate::error::Result;
use crate::sqlite::lex::quoted_name;

/// A foreign key whose columns no index begins with. When a row of the other table is deleted, or
/// its key changes, SQLite looks at every row for those that refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnindexedKey {
    /// The columns.
    pub columns: Vec<String>,
    /// The table that they refer to.
    pub references: String,
    /// What is missing.
    pub index: IndexAdvice,
}

/// An index that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexAdvice {
    /// A name that is free.
    pub name: String,
    /// The table.
    pub table: String,
    /// The columns, each with whether its greatest value comes first.
    pub columns: Vec<(String, bool)>,
    /// The statement that makes it.
    pub statement: String,
}

/// All of them, by table.
///
/// # Errors
/// Those of reading the schema.
pub fn unindexed_keys(conn: &Connection) -> Result<Vec<UnindexedKey>> {
    let catalog = Catalog::load(conn)?;
    let mut tables: Vec<&str> = catalog
        .tables()
        .filter(|table| !table.is_view && !table.is_virtual)
        .map(|table| table.name.as_str())
        .collect();
    tables.sort_unstable();
    let mut found: Vec<UnindexedKey> = Vec::new();
    for name in tables {
        let Some(existing) = Existing::load(conn, name)? else {
            continue;
        };
        for key in &existing.foreign_keys {
            let served = |key: &[String]| {
                prefix::of_table(&existing).any(|columns| prefix::serves(&columns, key))
            };
            let named = |other: &UnindexedKey| {
                other.index.table == name && other.columns.first() == key.columns.first()
            };
            if served(&key.columns) || found.iter().any(named) {
                continue;
            }
            let columns: Vec<&str> = key.columns.iter().map(String::as_str).collect();
            let index_name = free_index_name(conn, name, &columns);
            let keys: Vec<_> = key.columns.iter().map(|c| (c.clone(), false)).collect();
            found.push(UnindexedKey {
                columns: key.columns.clone(),
                references: key.references.clone(),
                index: IndexAdvice {
                    statement: index_statement(&index_name, name, &keys),
                    name: index_name,
                    table: name.to_owned(),
                    columns: keys,
                },
            });
        }
    }
    Ok(found)
}

/// `CREATE INDEX` over columns, each with whether its greatest value comes first.
pub(crate) fn index_statement(name: &str, table: &str, keys: &[(String, bool)]) -> String {
    let keys: Vec<String> = keys
        .iter()
        .map(|(column, descending)| {
            let order = if *descending { " DESC" } else { "" };
            format!("{}{order}", quoted_name(column))
        })
        .collect();
    format!(
        "CREATE INDEX {} ON {} ({})",
        quoted_name(name),
        quoted_name(table),
        keys.join(", ")
    )
}

/// The name that an index of these columns has, with a number behind where that is taken.
pub(crate) fn free_index_name(conn: &Connection, table: &str, columns: &[&str]) -> String {
    let plain = format!("{table}_{}_index", columns.join("_"));
    let taken = |name: &str| matches!(owner_of_name(conn, name), Ok(Some(_)));
    if !taken(&plain) {
        return plain;
    }
    let mut names = (2..).map(|number: u64| format!("{plain}_{number}"));
    names.find(|name| !taken(name)).unwrap_or(plain)
}
