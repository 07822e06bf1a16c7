//! Runs compiled statements on a connection and hands their rows to a sink.
//!
//! The writer and the readers call it; it knows `journal`, `query`, `catalog` and what is below. A
//! caller's own SQL is in `sql`, updates that may become inserts in `update_or_insert`. What a
//! statement is compiled to: `query::compile`. How a violated constraint is explained:
//! `writer::constraint`.

mod sql;
mod update_or_insert;

use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, Rows, StatementStatus};

use crate::catalog::shared_catalog::SharedCatalog;
use crate::error::{Code, Error, Result};
use crate::journal;
use crate::query::compile::{self, Compiled, CompiledWrite, Found, InsertPlans};
use crate::query::ir::{Read, Write};
use crate::service::durability::Seen;
use crate::service::stats::StatementCounts;
use crate::service::RowSink;
use crate::sqlite::interrupt::InterruptHandler;
use crate::sqlite::scans::Scans;
use crate::sqlite::{authorizer, not_a_read, sqlite_error};
use crate::value::{OutputColumn, Row};

/// The error of a write to a table of the library's own.
fn own_table(table: &str) -> Error {
    let message = format!(
        "{table} is a table of this library, which no statement of a caller writes to: it would not \
         agree with the rest. Reads may look at it, and migrations may change it"
    );
    Error::new(Code::NotAllowed, message).with("table", table)
}

/// What statements run on.
pub struct Executor<'a> {
    /// The connection.
    pub conn: &'a Connection,
    /// The tables.
    pub catalog: &'a SharedCatalog,
    /// Counts prepared statements.
    pub statements: &'a StatementCounts,
    /// What bounds a read's look at the rows before it runs. The writer does not wait for one.
    pub looks: Option<&'a InterruptHandler>,
    /// Whether a read that is given up is run again, so that it counts once.
    pub runs_again: bool,
    /// Notes which commits a read may have seen.
    pub seen: Option<&'a Seen<'a>>,
}

impl Executor<'_> {
    /// Runs a read. `each` is called after every row, with the bytes of its texts and blobs that the sink took.
    pub fn read(
        &self,
        read: &Read,
        sink: &mut dyn RowSink,
        each: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let Compiled {
            sql,
            params,
            columns,
            hidden,
            reversed,
            forms: _,
        } = self.compile(read)?;
        let raw = matches!(read, Read::Sql { .. });
        let mut stmt = self.prepare(&sql).map_err(|error| {
            // Not that of two statements, which SQLite has not been asked about.
            let denied = error.code() == Code::NotAllowed && error.detail("sqlite_code").is_some();
            let refused = if raw && denied {
                not_a_read::refused(&sql)
            } else {
                None
            };
            refused.unwrap_or(error)
        })?;
        if let Read::Explain(_) = read {
            self.show_sql(&sql, &columns, sink)?;
        }
        if raw && is_empty(&stmt) {
            return Err(Error::new(
                Code::InvalidQuery,
                "the SQL holds no statement; give a SELECT",
            ));
        }
        // BEGIN, COMMIT and savepoints count as read-only, but have no columns.
        if raw && (!stmt.readonly() || stmt.column_count() == 0) {
            let message = "this statement gives no rows or writes; query only reads, use insert, update, delete, transaction or a migration";
            return Err(
                not_a_read::refused(&sql).unwrap_or_else(|| Error::new(Code::NotAllowed, message))
            );
        }
        compile::bind(&mut stmt, &params)?;
        let given = if raw {
            give_own(&mut stmt, sink, self.seen, each)
        } else {
            if !matches!(read, Read::Explain(_)) {
                sink.begin(&columns, hidden, reversed);
            }
            give(&mut stmt, &columns, sink, self.seen, each)
        };
        self.note_scan(&stmt, &sql, &given);
        let given = given?;
        self.note_reprepare(&stmt);
        match read {
            Read::Events(query) => journal::read::check(self.conn, query, given),
            _ => Ok(()),
        }
    }

    /// Compiles a read by what is known of the forms of times in its columns.
    fn compile<'r>(&self, read: &'r Read) -> Result<Compiled<'r>> {
        let catalog = self.catalog.get();
        let mut compiled = journal::compile_read(read, &catalog)?;
        // Others may have found out meanwhile that it does not hold any more.
        if compiled.forms.relied
            && (!self.catalog.forms_hold(self.conn, self.looks)?
                || !Arc::ptr_eq(&catalog, &self.catalog.get()))
        {
            compiled = journal::compile_read(read, &self.catalog.get())?;
        }
        let unknown = &compiled.forms.unknown;
        if let Some(interrupt) = self.looks.filter(|_| !unknown.is_empty()) {
            if self.catalog.look(self.conn, unknown, interrupt)? {
                compiled = journal::compile_read(read, &self.catalog.get())?;
            }
        }
        Ok(compiled)
    }

    /// Begins a plan with a row that holds the SQL.
    fn show_sql(
        &self,
        sql: &str,
        columns: &Arc<[OutputColumn]>,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        let mut stmt = self.prepare("SELECT 0, 0, 0, ?")?;
        stmt.raw_bind_parameter(1, sql.trim_start_matches(compile::EXPLAIN))
            .map_err(sqlite_error::map)?;
        sink.begin(columns, 0, false);
        let mut rows = stmt.raw_query();
        if let Some(row) = rows.next().map_err(sqlite_error::map)? {
            sink.row(&Row::new(row, columns))?;
        }
        Ok(())
    }

    /// Runs a write. Returns the number of rows that it wrote. `plans` are those that the
    /// connection keeps.
    pub fn write(&self, write: &Write, plans: &InsertPlans, sink: &mut dyn RowSink) -> Result<u64> {
        let (write, _) = write.parts();
        let own = write
            .table()
            .filter(|table| authorizer::is_own_table(table));
        if let (Some(table), false) = (own, matches!(write, Write::Consumer(_))) {
            return Err(own_table(table));
        }
        if let Write::UpdateOrInsert(write) = write {
            return self.update_or_insert(write, plans, sink);
        }
        if let Write::Sql(write) = write {
            return self.execute_sql(write, sink);
        }
        if let Write::Consumer(write) = write {
            return journal::save(self.conn, write);
        }
        let catalog = self.catalog.get();
        plans.keep_for(&catalog);
        let statements = compile::compile_write(write, &catalog, plans)?;
        let mut done = 0;
        let result = statements
            .iter()
            .enumerate()
            .try_fold(0, |changes, (place, statement)| {
                Ok(changes + self.run_counting(statement, place == 0, &mut done, sink)?)
            });
        match write {
            Write::Insert(insert) if insert.rows.len() > 1 => {
                result.map_err(|error: Error| error.with("row", done))
            }
            _ => result,
        }
    }

    /// Runs a statement for each of its rows; the first one of a write begins its result.
    fn run(
        &self,
        statement: &CompiledWrite<'_>,
        begins: bool,
        sink: &mut dyn RowSink,
    ) -> Result<u64> {
        self.run_counting(statement, begins, &mut 0, sink)
    }

    /// The same; `done` counts the runs that succeeded.
    fn run_counting(
        &self,
        statement: &CompiledWrite<'_>,
        begins: bool,
        done: &mut i64,
        sink: &mut dyn RowSink,
    ) -> Result<u64> {
        let CompiledWrite {
            sql,
            runs,
            columns,
            read_back,
        } = statement;
        let mut stmt = self.prepare(sql)?;
        if begins {
            sink.begin(columns, 0, false);
        }
        let mut reader = None;
        let mut changes = 0;
        let ran = runs.each(&mut |params| {
            compile::bind(&mut stmt, params)?;
            changes += match read_back {
                None if columns.is_empty() => count(&mut stmt)?,
                None => hand_over(&mut stmt, columns, sink)?,
                Some(back) => {
                    let written = count(&mut stmt)?;
                    let known = written == 1 && !self.note_reprepare(&stmt);
                    let given = back.from_values.as_ref().filter(|_| known);
                    match given.and_then(|given| given.stored(params)) {
                        Some(values) => sink.row(&Row::gathered(&values, columns))?,
                        None if written == 0 => {}
                        None => {
                            let stmt = match &mut reader {
                                Some(stmt) => stmt,
                                none => none.insert(self.prepare(&back.sql)?),
                            };
                            self.read_back(stmt, &back.by, written, columns, sink)?;
                        }
                    }
                    written
                }
            };
            *done += 1;
            Ok(())
        });
        let ran = ran.map(|()| changes);
        self.note_scan(&stmt, sql, &ran);
        let changes = ran?;
        self.note_reprepare(&stmt);
        Ok(changes)
    }

    /// Reads the rows that were just written.
    fn read_back(
        &self,
        stmt: &mut CachedStatement<'_>,
        by: &Found<'_>,
        written: u64,
        columns: &Arc<[OutputColumn]>,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        match by {
            Found::LastRowid => stmt
                .raw_bind_parameter(1, self.conn.last_insert_rowid())
                .map_err(sqlite_error::map)?,
            Found::Params(params) => compile::bind(stmt, params)?,
        }
        if hand_over(stmt, columns, sink)? == written {
            return Ok(());
        }
        // Another process has made a trigger meanwhile. With it known, the row is not read back.
        self.catalog.mark_stale();
        Err(Error::new(
            Code::InvalidStoredValue,
            "the row was gone after it was written; retry",
        ))
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        let stmt = self.conn.prepare_cached(sql).map_err(sqlite_error::map)?;
        // Nothing is known of an empty statement, and rusqlite panics when asked.
        if !is_empty(&stmt) {
            self.statements
                .note(stmt.get_status(StatementStatus::Run) > 0);
        }
        Ok(stmt)
    }

    /// Notes whether a statement that gave or wrote `rows` rows scanned.
    fn note_scan(&self, stmt: &CachedStatement<'_>, sql: &str, rows: &Result<u64>) {
        let rows = rows.as_ref().ok().copied();
        if rows.is_some() || !self.runs_again {
            self.statements.scans.note(stmt, sql, rows);
        } else {
            Scans::forget(stmt);
        }
    }

    /// Returns whether the schema changed since the statement was prepared.
    fn note_reprepare(&self, stmt: &CachedStatement<'_>) -> bool {
        let changed = stmt.reset_status(StatementStatus::RePrepare) > 0;
        if changed {
            self.catalog.mark_stale();
        }
        changed
    }
}

/// Runs a read and gives its rows to the sink. Returns how many they were.
fn give(
    stmt: &mut CachedStatement<'_>,
    columns: &Arc<[OutputColumn]>,
    sink: &mut dyn RowSink,
    seen: Option<&Seen<'_>>,
    each: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<u64> {
    let mut rows = stmt.raw_query();
    let mut count = 0;
    let mut next = first(&mut rows, seen)?;
    while let Some(row) = next {
        let row = Row::new(row, columns);
        sink.row(&row)?;
        each(row.decoded_bytes())?;
        count += 1;
        next = rows.next().map_err(sqlite_error::map)?;
    }
    Ok(count)
}

/// The first row. What the statement sees is settled then.
fn first<'r>(
    rows: &'r mut Rows<'_>,
    seen: Option<&Seen<'_>>,
) -> Result<Option<&'r rusqlite::Row<'r>>> {
    let row = rows.next();
    if let Some(seen) = seen {
        seen.note();
    }
    row.map_err(sqlite_error::map)
}

/// The same for a caller's own SQL. Its columns are those of the statement after its first step: that
/// prepares a cached statement again where the schema has changed.
fn give_own(
    stmt: &mut CachedStatement<'_>,
    sink: &mut dyn RowSink,
    seen: Option<&Seen<'_>>,
    each: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<u64> {
    let mut rows = stmt.raw_query();
    let mut count = 0;
    let mut columns: Option<Arc<[OutputColumn]>> = None;
    let mut next = first(&mut rows, seen)?;
    while let Some(row) = next {
        let columns = match &columns {
            Some(known) => known,
            None => {
                let known = compile::columns_of(row.as_ref());
                sink.begin(&known, 0, false);
                columns.insert(known)
            }
        };
        let row = Row::new(row, columns);
        sink.row(&row)?;
        each(row.decoded_bytes())?;
        count += 1;
        next = rows.next().map_err(sqlite_error::map)?;
    }
    drop(rows);
    if columns.is_none() {
        sink.begin(&compile::columns_of(stmt), 0, false);
    }
    Ok(count)
}

/// Runs a write that gives no rows. Returns how many it wrote.
fn count(stmt: &mut CachedStatement<'_>) -> Result<u64> {
    let changes = stmt.raw_execute().map_err(sqlite_error::map)?;
    Ok(u64::try_from(changes).unwrap_or(u64::MAX))
}

/// Runs a statement and hands its rows over. Returns how many they were.
fn hand_over(
    stmt: &mut CachedStatement<'_>,
    columns: &Arc<[OutputColumn]>,
    sink: &mut dyn RowSink,
) -> Result<u64> {
    let mut rows = stmt.raw_query();
    let mut count = 0;
    while let Some(row) = rows.next().map_err(sqlite_error::map)? {
        sink.row(&Row::new(row, columns))?;
        count += 1;
    }
    Ok(count)
}

/// Whether SQL was only blanks and comments: it neither has columns nor writes, as BEGIN,
/// but SQLite keeps no text of it.
fn is_empty(stmt: &CachedStatement<'_>) -> bool {
    stmt.column_count() == 0 && stmt.readonly() && stmt.expanded_sql().is_none()
}
