//! What a connection may do at the moment a statement is compiled
//! (<https://sqlite.org/c3ref/set_authorizer.html>).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::Connection;

use crate::error::Result;
use crate::sqlite::sqlite_error;

/// Who wrote the SQL that is being compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Access {
    /// A user, to read: SELECT, EXPLAIN and the pragmas that only report.
    Query = 0,
    /// The query compiler: rows of tables, no schema changes. Not those of the library's own tables.
    Write = 1,
    /// A migration file: anything but other files and extensions.
    Migration = 2,
    /// The engine itself.
    Internal = 3,
}

/// The switch that a connection's authorizer looks at.
#[derive(Clone, Debug)]
pub struct Gate(Arc<AtomicU8>);

impl Gate {
    /// Installs the authorizer, open for the engine itself.
    pub fn install(conn: &mut Connection) -> Result<Gate> {
        let gate = Gate(Arc::new(AtomicU8::new(Access::Internal as u8)));
        let state = Arc::clone(&gate.0);
        conn.authorizer(Some(move |context: AuthContext<'_>| {
            authorize(state.load(Ordering::Relaxed), &context)
        }))
        .map_err(sqlite_error::map)?;
        Ok(gate)
    }

    /// Also notes the tables that what is compiled from now on writes to, makes or drops.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn record(
        &self,
        conn: &mut Connection,
        tables: Arc<Mutex<BTreeSet<String>>>,
    ) -> Result<()> {
        let state = Arc::clone(&self.0);
        conn.authorizer(Some(move |context: AuthContext<'_>| {
            if let Some(table) = changed(&context.action) {
                let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
                tables.insert(table.to_owned());
            }
            authorize(state.load(Ordering::Relaxed), &context)
        }))
        .map_err(sqlite_error::map)
    }

    /// Sets the author of the SQL that is prepared from now on, and so what it may do.
    pub fn set(&self, access: Access) {
        self.0.store(access as u8, Ordering::Relaxed);
    }
}

/// Pragmas that report something and change nothing, with or without an argument.
const REPORTING: &[&str] = &[
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "integrity_check",
    "quick_check",
    "database_list",
    "collation_list",
    "function_list",
    "module_list",
    "pragma_list",
    "compile_options",
];

/// Pragmas that report when they have no argument and change something when they have one.
const REPORTING_ALONE: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "cache_size",
    "data_version",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "journal_mode",
    "journal_size_limit",
    "mmap_size",
    "page_count",
    "page_size",
    "query_only",
    "schema_version",
    "synchronous",
    "temp_store",
    "user_version",
    "wal_autocheckpoint",
];

/// Pragmas that change the database or the transaction, so that a migration may set them.
/// Other pragmas would stay in force on the writer's connection.
const MIGRATING: &[&str] = &[
    "application_id",
    "defer_foreign_keys",
    "foreign_keys",
    "incremental_vacuum",
    "optimize",
    "user_version",
];

/// SQLite gives a pragma's name as it was written.
fn among(pragmas: &[&str], name: &str) -> bool {
    pragmas.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn authorize(access: u8, context: &AuthContext<'_>) -> Authorization {
    let action = context.action;
    let allowed = if access == Access::Internal as u8 {
        true
    } else if access == Access::Migration as u8 {
        in_migration(action)
    } else if access == Access::Write as u8 {
        // What a trigger of the journal writes, the trigger itself is the accessor of.
        reads(action) || (writes_rows(action) && (context.accessor.is_some() || !is_own(action)))
    } else {
        reads(action) || prepares_rtree(action)
    };
    if allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

/// The table that an action changes, or its schema.
fn changed<'a>(action: &AuthAction<'a>) -> Option<&'a str> {
    match action {
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::DropIndex { table_name, .. } => Some(table_name),
        _ => None,
    }
}

fn in_migration(action: AuthAction<'_>) -> bool {
    match action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => false,
        AuthAction::Function { function_name } => function_name != "load_extension",
        AuthAction::Pragma { pragma_name, .. } => among(MIGRATING, pragma_name) || reads(action),
        _ => true,
    }
}

/// Whether a table is one of this library's own, such as those of the journal.
pub fn is_own_table(table: &str) -> bool {
    let prefix = table.get(..OWN.len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(OWN))
        && !table.eq_ignore_ascii_case(LEDGER)
}

/// Tasks of the development replace files of migrations by one, and the ledger's rows with them.
const LEDGER: &str = "ash_rusqlite_migrations";

/// What the names of the library's own tables begin with.
const OWN: &str = "ash_rusqlite_";

fn is_own(action: AuthAction<'_>) -> bool {
    changed(&action).is_some_and(is_own_table)
}

fn writes_rows(action: AuthAction<'_>) -> bool {
    matches!(
        action,
        AuthAction::Insert { .. }
            | AuthAction::Update { .. }
            | AuthAction::Delete { .. }
            | AuthAction::Transaction { .. }
            | AuthAction::Savepoint { .. }
    )
}

/// An rtree compiles what it may ever write of its parts when it is first read
/// (<https://sqlite.org/rtree.html>). What a user gives to read is not run if it writes, whatever
/// table it names.
fn prepares_rtree(action: AuthAction<'_>) -> bool {
    match action {
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => ["_node", "_rowid", "_parent"]
            .iter()
            .any(|part| table_name.ends_with(part)),
        _ => false,
    }
}

fn reads(action: AuthAction<'_>) -> bool {
    match action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => function_name != "load_extension",
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => {
            among(REPORTING, pragma_name)
                || (pragma_value.is_none() && among(REPORTING_ALONE, pragma_name))
        }
        _ => false,
    }
}
