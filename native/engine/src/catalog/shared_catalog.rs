//! The catalog of a database that its connections share: the tables, what hosts say of their
//! columns, and what looks at the rows have found (`forms.rs`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use rusqlite::Connection;

use crate::catalog::{Catalog, KnownForms, ReadTypes, Readings};
use crate::error::{Code, Error, Result};
use crate::sqlite::commits::OwnCommits;
use crate::sqlite::interrupt::{InterruptHandler, Stop};
use crate::sqlite::sqlite_error;
use crate::value::ColumnType;

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
    #[cfg(test)]
    pub fn load(conn: &Connection) -> Result<SharedCatalog> {
        SharedCatalog::default().load_beside(conn)
    }

    /// No tables yet, and what hosts have said of their columns.
    pub fn reading(types: ReadTypes) -> SharedCatalog {
        SharedCatalog {
            readings: Arc::new(Readings::from(types)),
            ..SharedCatalog::default()
        }
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

    /// The same tables, of whose times nothing is known.
    pub fn without_forms(&self) -> SharedCatalog {
        let forms = Arc::new(KnownForms::default());
        let catalog = Catalog::clone(&self.get()).with_forms(&forms);
        SharedCatalog {
            catalog: RwLock::new(Arc::new(catalog)),
            stale: AtomicBool::new(self.is_stale()),
            readings: Arc::clone(&self.readings),
            forms,
            commits: Arc::clone(&self.commits),
            ..SharedCatalog::default()
        }
    }

    /// The same tables, of whose times nothing is known, and none of them with a rowid.
    pub fn as_views(&self) -> SharedCatalog {
        let catalog = SharedCatalog::without_forms(self);
        catalog.put(Catalog::clone(&catalog.get()).without_rowids());
        catalog
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
    /// name none of ours.
    pub fn read_as(&self, table: &str, types: HashMap<String, ColumnType>) {
        let _turn = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.readings.set(table, types);
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
    /// That the slice of `interrupt` is over, where it would have to wait.
    pub fn forms_hold(
        &self,
        conn: &Connection,
        interrupt: Option<&InterruptHandler>,
    ) -> Result<bool> {
        let hold = self.commits.are_all(conn);
        if !hold {
            self.forget_forms(conn, interrupt)?;
        }
        Ok(hold)
    }

    fn forget_forms(&self, conn: &Connection, interrupt: Option<&InterruptHandler>) -> Result<()> {
        let _turn = self.turn(interrupt)?;
        // First: what is committed from here on is not known.
        let seen = self.commits.seen_by(conn);
        if self.forms.forget() {
            self.put(self.with_readings_and_forms(Catalog::clone(&self.get())));
        }
        // Last: until then what was found before does not count as true.
        self.commits.catch_up(&seen);
        Ok(())
    }

    /// The lock for changing the tables. A slice ends instead of waiting for it, and its read is
    /// started again without one.
    fn turn(&self, interrupt: Option<&InterruptHandler>) -> Result<MutexGuard<'_, ()>> {
        let Some(interrupt) = interrupt.filter(|interrupt| interrupt.is_slice()) else {
            return Ok(self.reading.lock().unwrap_or_else(PoisonError::into_inner));
        };
        match self.reading.try_lock() {
            Ok(turn) => Ok(turn),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                interrupt.set_stop(Stop::Slice);
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
    pub(crate) fn look(
        &self,
        conn: &Connection,
        columns: &[(String, String)],
        interrupt: &InterruptHandler,
    ) -> Result<bool> {
        self.forms_hold(conn, Some(interrupt))?;
        let catalog = self.get();
        let mut looked = false;
        for (table, column) in columns {
            let table = catalog.table(table)?;
            looked |= self.forms.look(conn, table, column, Some(interrupt))?;
        }
        if looked {
            let _turn = self.turn(Some(interrupt))?;
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

    /// Whether the schema is another one by now.
    ///
    /// # Errors
    /// Those of reading its version.
    pub fn is_changed(&self, conn: &Connection) -> Result<bool> {
        Ok(schema_version(conn)? != self.get().schema_version())
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
                | Code::NotJournaled
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

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
    fn a_slice_does_not_wait_for_the_lock_of_the_tables() {
        let conn = Connection::open_in_memory().unwrap();
        let catalog = SharedCatalog::load(&conn).unwrap();
        let interrupt = InterruptHandler::new(Arc::default());
        let turn = catalog.reading.lock().unwrap();
        interrupt.begin_slice(std::time::Instant::now());
        let held = catalog.forms_hold(&conn, Some(&interrupt)).unwrap_err();
        assert_eq!(
            (held.code(), interrupt.stop()),
            (Code::Timeout, Stop::Slice)
        );
        drop(turn);
        interrupt.begin_slice(std::time::Instant::now());
        assert!(!catalog.forms_hold(&conn, Some(&interrupt)).unwrap());
        assert_eq!(interrupt.stop(), Stop::None);
    }
}
