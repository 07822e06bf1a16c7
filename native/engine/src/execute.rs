//! Runs compiled statements on a connection and hands their rows to a sink.

mod either;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use rusqlite::{CachedStatement, Connection, StatementStatus};

use crate::commits::OwnCommits;
use crate::control::{Control, Stop};
use crate::error::{Code, Error, Result};
use crate::not_a_read;
use crate::query::compile::{self, Compiled, CompiledWrite, Found, Plans};
use crate::query::ir::{Read, Write};
use crate::scans::Scans;
use crate::schema::{Catalog, KnownForms, ReadTypes, Readings, TableSpec};
use crate::sqlite_error;
use crate::stats::StatementCounts;
use crate::value::{OutputColumn, Row};

/// Where the rows of a read or of a write's `returning` go.
pub trait RowSink {
    /// The columns of the rows that follow. The last `hidden` ones make the next page's
    /// cursor; `reversed` rows come last first. Called again when a read or write is run
    /// again: what came before is void.
    fn begin(&mut self, columns: &Arc<[OutputColumn]>, hidden: usize, reversed: bool);

    /// One row, borrowed from SQLite's buffers.
    fn row(&mut self, row: &Row<'_>) -> Result<()>;
}

/// The tables of a database, shared by its connections and read again when they change.
#[derive(Debug, Default)]
pub struct SharedCatalog {
    catalog: RwLock<Arc<Catalog>>,
    stale: AtomicBool,
    /// Held while the tables are read, so that what was read later is what stays.
    reading: Mutex<()>,
    readings: Arc<Readings>,
    forms: Arc<KnownForms>,
    commits: Arc<OwnCommits>,
}

impl SharedCatalog {
    /// Reads the tables.
    pub fn load(conn: &Connection) -> Result<SharedCatalog> {
        SharedCatalog::default().load_beside(conn)
    }

    /// Reads the tables, with a memory of the forms of times.
    #[cfg(test)]
    pub(crate) fn load_with(conn: &Connection, forms: KnownForms) -> Result<SharedCatalog> {
        let forms = Arc::new(forms);
        let empty = SharedCatalog {
            forms,
            ..SharedCatalog::default()
        };
        empty.load_beside(conn)
    }

    /// The tables as a connection sees them, read in the same way as these.
    pub fn draft(&self, conn: &Connection) -> Result<SharedCatalog> {
        self.load_beside(conn)
    }

    fn load_beside(&self, conn: &Connection) -> Result<SharedCatalog> {
        let catalog = self.with_readings_and_forms(Catalog::load(conn)?);
        Ok(SharedCatalog {
            catalog: RwLock::new(Arc::new(catalog)),
            readings: Arc::clone(&self.readings),
            forms: Arc::clone(&self.forms),
            commits: Arc::clone(&self.commits),
            ..SharedCatalog::default()
        })
    }

    /// The tables with what hosts say of them, and what looks have found.
    fn with_readings_and_forms(&self, catalog: Catalog) -> Catalog {
        catalog.read_as(&self.readings).with_forms(&self.forms)
    }

    /// From now on the columns of a table are read as a host says, where their declared types
    /// do not tell.
    pub fn read_as(&self, spec: &TableSpec) {
        let _turn = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.readings.set(spec);
        self.put(self.with_readings_and_forms(Catalog::clone(&self.get())));
    }

    /// What hosts have said of columns until now.
    pub fn read_types(&self) -> ReadTypes {
        self.readings.types()
    }

    fn put(&self, catalog: Catalog) {
        let catalog = Arc::new(catalog);
        match self.catalog.write() {
            Ok(mut slot) => *slot = catalog,
            Err(poisoned) => *poisoned.into_inner() = catalog,
        }
    }

    /// The tables as last read.
    pub fn get(&self) -> Arc<Catalog> {
        match self.catalog.read() {
            Ok(catalog) => Arc::clone(&catalog),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    /// Reads them again.
    ///
    /// # Errors
    /// Those of reading them. They are known to be stale then.
    pub fn reload(&self, conn: &Connection) -> Result<()> {
        let _turn = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        // First: the schema may change while it is read.
        self.stale.store(false, Ordering::Relaxed);
        let catalog = Catalog::load(conn).inspect_err(|_| self.mark_stale())?;
        // Whatever changed the tables may have written to them.
        self.forms.forget();
        self.put(self.with_readings_and_forms(catalog));
        Ok(())
    }

    /// Whether what looks have found still holds for what a connection sees; if not, it is
    /// forgotten.
    ///
    /// # Errors
    /// That the slice of `control` is over, where it would have to wait.
    pub fn forms_hold(&self, conn: &Connection, control: Option<&Control>) -> Result<bool> {
        let hold = self.commits.are_all(conn);
        if !hold {
            self.forget_forms(conn, control)?;
        }
        Ok(hold)
    }

    fn forget_forms(&self, conn: &Connection, control: Option<&Control>) -> Result<()> {
        let _turn = self.turn(control)?;
        // First: what is committed from here on is not known.
        let seen = self.commits.seen_by(conn);
        if self.forms.forget() {
            self.put(self.with_readings_and_forms(Catalog::clone(&self.get())));
        }
        // Last: until then nobody takes what was found before for true.
        self.commits.catch_up(&seen);
        Ok(())
    }

    /// The turn to change the tables. Whoever has no time to wait for it goes on elsewhere.
    fn turn(&self, control: Option<&Control>) -> Result<MutexGuard<'_, ()>> {
        let Some(control) = control.filter(|control| control.is_slice()) else {
            return Ok(self.reading.lock().unwrap_or_else(PoisonError::into_inner));
        };
        match self.reading.try_lock() {
            Ok(turn) => Ok(turn),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                control.set_stop(Stop::Slice);
                Err(Error::new(Code::Timeout, "the slice is over"))
            }
        }
    }

    /// Runs the writer's COMMIT, after which what looks have found holds as before.
    ///
    /// # Errors
    /// What the commit returns.
    pub fn around_commit<T>(
        &self,
        conn: &Connection,
        commit: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let (result, unknown) = self.commits.around(conn, commit);
        if unknown {
            // Nothing is to be said of it: the writer waits for its turn.
            let _ = self.forget_forms(conn, None);
        }
        result
    }

    /// Looks at the forms of times in columns. Returns whether more is known now.
    ///
    /// # Errors
    /// Those of reading the rows.
    fn look(
        &self,
        conn: &Connection,
        columns: &[(String, String)],
        control: &Control,
    ) -> Result<bool> {
        self.forms_hold(conn, Some(control))?;
        let catalog = self.get();
        let mut looked = false;
        for (table, column) in columns {
            let table = catalog.table(table)?;
            looked |= self.forms.look(conn, table, column, Some(control))?;
        }
        if looked {
            let _turn = self.turn(Some(control))?;
            self.put(self.with_readings_and_forms(Catalog::clone(&self.get())));
        }
        Ok(looked)
    }

    /// Notes that a statement saw another schema than the one it was compiled for.
    pub fn mark_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Whether the schema is known to have changed.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// Whether `error` may come from a schema that changed since it was read.
    pub fn explains(&self, error: &Error, conn: &Connection) -> bool {
        let may = matches!(
            error.code(),
            Code::UnknownTable
                | Code::UnknownColumn
                | Code::InvalidValue
                | Code::InvalidStoredValue
                | Code::InvalidQuery
        );
        let changed =
            || schema_version(conn).is_ok_and(|version| version != self.get().schema_version());
        may && (self.is_stale() || changed())
    }
}

fn schema_version(conn: &Connection) -> Result<i64> {
    conn.query_row("PRAGMA schema_version", [], |row| row.get(0))
        .map_err(sqlite_error::map)
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
    pub looks: Option<&'a Control>,
    /// Whether a read that is given up is run again, so that it counts once.
    pub runs_again: bool,
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
        let columns = if raw {
            compile::columns_of(&stmt)
        } else {
            columns
        };
        if !matches!(read, Read::Explain(_)) {
            sink.begin(&columns, hidden, reversed);
        }
        let given = give(&mut stmt, &columns, sink, each);
        self.note_scan(&stmt, &sql, &given);
        given?;
        self.note_reprepare(&stmt);
        Ok(())
    }

    /// Compiles a read by what is known of the forms of times in its columns.
    fn compile<'r>(&self, read: &'r Read) -> Result<Compiled<'r>> {
        let catalog = self.catalog.get();
        let mut compiled = compile::compile_read(read, &catalog)?;
        // Others may have found out meanwhile that it does not hold any more.
        if compiled.forms.relied
            && (!self.catalog.forms_hold(self.conn, self.looks)?
                || !Arc::ptr_eq(&catalog, &self.catalog.get()))
        {
            compiled = compile::compile_read(read, &self.catalog.get())?;
        }
        let unknown = &compiled.forms.unknown;
        if let Some(control) = self.looks.filter(|_| !unknown.is_empty()) {
            if self.catalog.look(self.conn, unknown, control)? {
                compiled = compile::compile_read(read, &self.catalog.get())?;
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
    pub fn write(&self, write: &Write, plans: &Plans, sink: &mut dyn RowSink) -> Result<u64> {
        if let Write::UpdateOrInsert(write) = write {
            return self.update_or_insert(write, plans, sink);
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
                    let given = back.given.as_ref().filter(|_| known);
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

    /// Notes whether a statement scanned, which gave or wrote so many rows.
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
    each: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<u64> {
    let mut rows = stmt.raw_query();
    let mut count = 0;
    while let Some(row) = rows.next().map_err(sqlite_error::map)? {
        let row = Row::new(row, columns);
        sink.row(&row)?;
        each(row.decoded_bytes())?;
        count += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_that_could_not_be_read_again_stays_stale() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE a (id INTEGER PRIMARY KEY)")
            .unwrap();
        let catalog = SharedCatalog::load(&conn).unwrap();
        conn.execute_batch("ALTER TABLE a ADD COLUMN b").unwrap();
        catalog.mark_stale();
        conn.progress_handler(1, Some(|| true)).unwrap();
        assert_eq!(catalog.reload(&conn).unwrap_err().code(), Code::Timeout);
        assert!(catalog.is_stale());
        conn.progress_handler(0, None::<fn() -> bool>).unwrap();
        catalog.reload(&conn).unwrap();
        assert!(!catalog.is_stale());
        assert_eq!(catalog.get().table("a").unwrap().columns.len(), 2);
    }

    #[test]
    fn a_slice_does_not_wait_for_who_changes_the_tables() {
        let conn = Connection::open_in_memory().unwrap();
        let catalog = SharedCatalog::load(&conn).unwrap();
        let control = Control::new(Arc::default());
        let turn = catalog.reading.lock().unwrap();
        control.begin_slice(std::time::Instant::now());
        let held = catalog.forms_hold(&conn, Some(&control)).unwrap_err();
        assert_eq!((held.code(), control.stop()), (Code::Timeout, Stop::Slice));
        drop(turn);
        control.begin_slice(std::time::Instant::now());
        assert!(!catalog.forms_hold(&conn, Some(&control)).unwrap());
        assert_eq!(control.stop(), Stop::None);
    }
}
