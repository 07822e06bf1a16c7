//! A database in memory with the tables of another one, in which indexes can be tried without a
//! row being read or written.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::Value as Stored;
use rusqlite::{Connection, OptionalExtension};

use crate::error::Result;
use crate::query::{compile::EXPLAIN, functions};
use crate::sqlite::sqlite_error;

/// Tables and columns in the order in which statements named them.
type Named = Arc<Mutex<Vec<(String, String)>>>;

/// The copy.
pub(super) struct SchemaCopy {
    pub(super) conn: Connection,
    named: Named,
}

// Virtual tables come first, since they make tables of their own. Triggers are left out: what they
// do is compiled into each write of their table.
const SCHEMA: &str = "SELECT sql FROM main.sqlite_schema \
     WHERE type IN ('table', 'index', 'view') AND sql IS NOT NULL \
     AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     ORDER BY type <> 'table', sql NOT LIKE 'CREATE VIRTUAL%', type <> 'index', rowid";

impl SchemaCopy {
    /// Copies the tables, views and indexes, and what ANALYZE noted of their rows.
    pub(super) fn of(source: &Connection) -> Result<SchemaCopy> {
        let mut conn = Connection::open_in_memory().map_err(sqlite_error::map)?;
        functions::register(&conn)?;
        // What the schema of a file says is another program's word.
        conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)
            .map_err(sqlite_error::map)?;
        copy_schema(source, &conn).map_err(sqlite_error::map)?;
        copy_statistics(source, &conn).map_err(sqlite_error::map)?;
        let named = Named::default();
        listen(&mut conn, &named).map_err(sqlite_error::map)?;
        Ok(SchemaCopy { conn, named })
    }

    /// The columns that a statement names, each with its table.
    pub(super) fn columns_of(&self, sql: &str) -> rusqlite::Result<Vec<(String, String)>> {
        let lock = || self.named.lock().unwrap_or_else(PoisonError::into_inner);
        lock().clear();
        self.conn.prepare(sql)?;
        let mut columns: Vec<(String, String)> = Vec::new();
        for named in lock().drain(..) {
            if !columns.contains(&named) {
                columns.push(named);
            }
        }
        Ok(columns)
    }

    /// The lines of a statement's plan.
    pub(super) fn plan(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        let mut stmt = self.conn.prepare(&format!("{EXPLAIN}{sql}"))?;
        let mut rows = stmt.raw_query();
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            lines.push(row.get(3)?);
        }
        Ok(lines)
    }

    /// Runs a statement that makes or drops an index.
    pub(super) fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.conn.execute_batch(sql)
    }
}

/// What cannot be made here, such as a table of a module that is not there, is left out: its
/// statements have no plan then.
fn copy_schema(source: &Connection, copy: &Connection) -> rusqlite::Result<()> {
    let mut stmt = source.prepare(SCHEMA)?;
    let mut rows = stmt.query([])?;
    while let Some(row) = rows.next()? {
        let sql: String = row.get(0)?;
        // Not one that has another statement behind it.
        let _ = copy.execute(&sql, []);
    }
    Ok(())
}

fn copy_statistics(source: &Connection, copy: &Connection) -> rusqlite::Result<()> {
    let there = source
        .query_row(
            "SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat1'",
            [],
            |_| Ok(()),
        )
        .optional()?;
    if there.is_none() {
        return Ok(());
    }
    copy.execute_batch("ANALYZE")?;
    let mut insert = copy.prepare("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)")?;
    let mut stmt = source.prepare("SELECT tbl, idx, stat FROM main.sqlite_stat1")?;
    let mut rows = stmt.query([])?;
    while let Some(row) = rows.next()? {
        let stored = |at| row.get::<_, Stored>(at);
        insert.execute([stored(0)?, stored(1)?, stored(2)?])?;
    }
    // Reads them.
    copy.execute_batch("ANALYZE sqlite_schema")
}

/// SQLite reports to the authorizer each column that a statement names.
fn listen(conn: &mut Connection, named: &Named) -> rusqlite::Result<()> {
    let named = Arc::clone(named);
    conn.authorizer(Some(move |context: AuthContext<'_>| {
        if let AuthAction::Read {
            table_name,
            column_name,
        } = context.action
        {
            let mut named = named.lock().unwrap_or_else(PoisonError::into_inner);
            named.push((table_name.to_owned(), column_name.to_owned()));
        }
        Authorization::Allow
    }))
}
