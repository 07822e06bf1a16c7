//! Reads of tables as they were.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::Database;
use crate::catalog::shared_catalog::SharedCatalog;
use crate::connection::{self, Link};
use crate::error::Result;
use crate::execute::Executor;
use crate::journal;
use crate::journal::as_of;
use crate::query::ir::{AsOf, Read};
use crate::request::reply::guarded;
use crate::service::stats::StatementCounts;
use crate::service::RowSink;
use crate::sqlite::authorizer::{Access, Gate};
use crate::sqlite::sqlite_error;

impl Database {
    /// Runs a read of the tables as they were, on a connection of its own.
    ///
    /// # Errors
    /// Those of the query; `not_journaled` for a table of which nothing is known,
    /// `position_ahead`, `outdated`, `unknown_source`; `timeout`, `cancelled`, `closed`.
    pub fn read_as_of(
        &self,
        read: &Read,
        as_of: &AsOf,
        deadline: Instant,
        cancelled: Arc<AtomicBool>,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        self.check_open()?;
        let stop = self.0.pool.stop_flag()?;
        let mut link = connection::open_reader(&self.0.path, self.config(), stop)?;
        link.gate.set(Access::Internal);
        link.interrupt.begin(deadline, Some(Arc::clone(&cancelled)));
        let interrupt = Arc::clone(&link.interrupt);
        let result = guarded(|| self.read_past(&mut link, read, as_of, sink));
        result.map_err(|error| sqlite_error::refine(&link.conn, interrupt.explain(error)))?;
        match self.durable_reads() {
            Some(durability) => durability.wait(durability.seen(), deadline, &cancelled),
            None => Ok(()),
        }
    }

    fn read_past(
        &self,
        link: &mut Link,
        read: &Read,
        as_of: &AsOf,
        sink: &mut dyn RowSink,
    ) -> Result<()> {
        as_of::begin(&link.conn)?;
        // Old rows may have times in other forms, and what is in the place of a table has no rowid.
        let catalog = self.catalog().draft(&link.conn)?.as_views();
        let tables = tables_of(link, read, &catalog)?;
        as_of::show(&link.conn, &tables, as_of)?;
        link.gate.set(Access::Query);
        let executor = Executor {
            conn: &link.conn,
            catalog: &catalog,
            statements: &StatementCounts::default(),
            looks: None,
            runs_again: false,
            seen: None,
        };
        executor.read(read, sink, &mut |_| Ok(()))
    }
}

/// The tables and views that a read looks at.
fn tables_of(link: &mut Link, read: &Read, catalog: &SharedCatalog) -> Result<Vec<String>> {
    let catalog = catalog.get();
    let compiled = journal::compile_read(read, &catalog)?;
    let seen: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let noted = Arc::clone(&seen);
    link.conn
        .authorizer(Some(move |context: AuthContext<'_>| {
            if let AuthAction::Read { table_name, .. } = context.action {
                let mut seen = noted.lock().unwrap_or_else(PoisonError::into_inner);
                seen.insert(table_name.to_owned());
            }
            Authorization::Allow
        }))
        .map_err(sqlite_error::map)?;
    // What is wrong with it is found where it is run.
    drop(link.conn.prepare(&compiled.sql));
    link.gate = Gate::install(&mut link.conn)?;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let is_table = |name: &&String| {
        catalog.table(name).is_ok() && !name.to_ascii_lowercase().starts_with("ash_rusqlite_")
    };
    Ok(seen.iter().filter(is_table).cloned().collect())
}
