//! What the files of a folder make: their schema, and which of it this generator wrote.
//!
//! A generated file says in its first line what the rest of it was when it was written. While that
//! is so, what it makes is known to be what tables were asked for at that time, and goes when
//! nobody asks for it any longer. What was written or changed by hand stays.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::model::Schema;
use super::CustomStatement;
use crate::connection::{self, Link};
use crate::error::Result;
use crate::journal;
use crate::migration::{file, run_script, MigrationFile};
use crate::sqlite::authorizer::Access;
use crate::sqlite::sqlite_error;

/// What the first line of a generated file begins with.
pub(super) const HEADER: &str = "-- Written by AshRusqlite ";

/// The beginning of a line about something that stays though it is not asked for.
pub(super) const LEFT: &str = "-- left: ";

/// What the lines around a custom statement begin with.
pub(super) const STATEMENT: &str = "-- statement ";
pub(super) const STATEMENT_END: &str = "-- end of statement ";

/// The database that the files make.
pub(super) struct Replayed {
    /// It, in memory.
    pub(super) link: Link,
    /// Its facts that generated files made.
    pub(super) generated: BTreeSet<String>,
    /// What earlier files left, as `table` or `table.column` in lower case.
    pub(super) left: BTreeSet<String>,
    /// The custom statements that are applied.
    pub(super) statements: BTreeMap<String, CustomStatement>,
    /// The tables, in lower case, that files call those that each tenant has.
    pub(super) tenants: BTreeSet<String>,
    /// The newest version.
    pub(super) newest: i64,
}

/// A database in memory with the same schema and no rows.
pub(super) fn without_rows(conn: &Connection) -> Result<Link> {
    let copy = connection::scratch()?;
    let sql = "SELECT sql FROM sqlite_schema AS s WHERE sql IS NOT NULL \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND NOT EXISTS ( \
               SELECT 1 FROM pragma_table_list AS l \
               WHERE l.name = s.tbl_name AND l.type = 'shadow') \
               ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 \
               ELSE 3 END, rowid";
    let mut statement = conn.prepare(sql).map_err(sqlite_error::map)?;
    let mut rows = statement.query([]).map_err(sqlite_error::map)?;
    while let Some(row) = rows.next().map_err(sqlite_error::map)? {
        let sql: String = row.get(0).map_err(sqlite_error::map)?;
        copy.conn.execute_batch(&sql).map_err(sqlite_error::map)?;
    }
    Ok(copy)
}

/// Runs the files in a database in memory.
pub(super) fn replay(files: &[MigrationFile]) -> Result<Replayed> {
    let link = connection::scratch()?;
    let mut replayed = Replayed {
        link,
        generated: BTreeSet::new(),
        left: BTreeSet::new(),
        statements: BTreeMap::new(),
        tenants: BTreeSet::new(),
        newest: 0,
    };
    let mut before = BTreeSet::new();
    for file in files {
        let conn = &replayed.link.conn;
        conn.execute_batch("BEGIN").map_err(sqlite_error::map)?;
        replayed.link.gate.set(Access::Migration);
        run_script::run(conn, file, &file.up)?;
        journal::follow(conn)?;
        replayed.link.gate.set(Access::Internal);
        conn.execute_batch("COMMIT").map_err(sqlite_error::map)?;
        replayed.newest = replayed.newest.max(file.version);
        let tenants = file.tenants.iter();
        replayed
            .tenants
            .extend(tenants.map(|table| table.to_ascii_lowercase()));
        replayed.read_comments(file);
        let facts = Schema::read(&replayed.link.conn)?.facts();
        if is_generated(&file.text) {
            replayed
                .generated
                .extend(facts.difference(&before).cloned());
        }
        replayed.generated.retain(|fact| facts.contains(fact));
        before = facts;
    }
    Ok(replayed)
}

impl Replayed {
    fn read_comments(&mut self, file: &MigrationFile) {
        for line in file::head(&file.text) {
            if let Some(name) = line.strip_prefix(LEFT) {
                self.left.insert(name.trim().to_ascii_lowercase());
            }
        }
        let ups = statements(&file.up.sql);
        let downs = file.down.as_ref().map(|script| statements(&script.sql));
        let downs = downs.unwrap_or_default();
        // In the up part of a later file, the down of a statement takes it back.
        for (name, sql) in ups {
            let taken_back = self
                .statements
                .get(&name)
                .is_some_and(|known| known.down == sql);
            if taken_back {
                self.statements.remove(&name);
                continue;
            }
            // Behind it may be the statement that this one replaced.
            let down = downs.iter().find(|(other, _)| *other == name);
            let down = down.map_or_else(String::new, |(_, sql)| sql.clone());
            let statement = CustomStatement {
                name: name.clone(),
                up: sql,
                down,
            };
            self.statements.insert(name, statement);
        }
    }
}

/// The custom statements between their lines, by name.
fn statements(sql: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in sql.lines() {
        if line.starts_with(STATEMENT_END) {
            found.extend(open.take().map(|(name, lines)| (name, text(&lines))));
        } else if let Some(name) = line.strip_prefix(STATEMENT) {
            open = Some((name.trim().to_owned(), Vec::new()));
        } else if let Some((_, lines)) = &mut open {
            lines.push(line);
        }
    }
    found
}

fn text(lines: &[&str]) -> String {
    bare(&lines.join("\n")).to_owned()
}

/// A statement without what may stand around it.
pub(super) fn bare(sql: &str) -> &str {
    sql.trim_matches(|c: char| c.is_whitespace() || c == ';')
}

/// Whether the text of a file is as the generator wrote it.
fn is_generated(text: &str) -> bool {
    let written = text.split_once('\n');
    written.is_some_and(|(first, rest)| first.strip_prefix(HEADER) == Some(digest(rest).as_str()))
}

/// The first line of a generated file, for the rest of it.
pub(super) fn header(rest: &str) -> String {
    format!("{HEADER}{}", digest(rest))
}

fn digest(text: &str) -> String {
    file::hex(&Sha256::digest(text.as_bytes()))
}
