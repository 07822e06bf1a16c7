//! What is known of the forms of times in columns. One look at the rows finds it; what this
//! program writes later has the form of the column, so it stays true until another one commits.
//!
//! A read looks before it runs, and may have little time: a look gets a part of it. Where it does not
//! finish, the read runs as if nothing was known of the forms: its answer is right, but slower.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::catalog::introspect::Catalog;
use crate::catalog::table::{Column, Form, Table};
use crate::error::Result;
use crate::sqlite::interrupt::InterruptHandler;
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;
use crate::value::ColumnType;

/// Looks take at most this fraction of the time, one part in 20, however often others commit.
const SHARE: u32 = 20;
/// The time that one read spends on a look, enough for some million rows. A look that did not
/// finish gets twice as much the next time; otherwise the times of a larger table would never be
/// known.
const LONGEST: Duration = Duration::from_secs(1);

/// What looks have found, by table and column.
#[derive(Debug)]
pub struct KnownForms {
    state: Mutex<State>,
    longest: Duration,
}

impl Default for KnownForms {
    fn default() -> KnownForms {
        KnownForms {
            state: Mutex::default(),
            longest: LONGEST,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// How often everything was forgotten.
    generation: u64,
    found: HashMap<(String, String), Found>,
}

#[derive(Debug)]
struct Found {
    column_type: ColumnType,
    /// Unknown if the look did not come to its end.
    form: Form,
    generation: u64,
    at: Instant,
    took: Duration,
}

impl KnownForms {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another program has written, or what columns hold may have changed otherwise. Returns
    /// whether something was known.
    pub fn forget(&self) -> bool {
        let mut state = self.lock();
        let now = state.generation;
        let known = state.found.values().any(|found| found.generation == now);
        state.generation += 1;
        known
    }

    /// The table with what is known of its columns, if that is not what it says.
    pub(super) fn apply(&self, table: &Table) -> Option<Table> {
        let state = self.lock();
        let form = |column: &Column| {
            if is_ours(table) {
                return Form::One;
            }
            let found = state.found.get(&key(table, column));
            found.map_or(Form::Unknown, |found| {
                let holds = found.generation == state.generation;
                let same = found.column_type == column.column_type;
                if holds && same {
                    found.form
                } else {
                    Form::Unknown
                }
            })
        };
        let changed = |column: &Column| {
            column.column_type.time_family().is_some() && form(column) != column.form
        };
        if !table.columns.iter().any(changed) {
            return None;
        }
        let columns = table.columns.iter();
        let columns = columns.map(|column| Column {
            form: form(column),
            ..column.clone()
        });
        Some(table.with_columns(columns.collect()))
    }

    /// Whether it is time to look at a column.
    fn is_due(&self, table: &Table, column: &Column) -> bool {
        if is_ours(table) {
            return false;
        }
        let state = self.lock();
        state.found.get(&key(table, column)).is_none_or(|found| {
            let known = found.generation == state.generation && found.form != Form::Unknown;
            found.column_type != column.column_type
                || !known && found.at.elapsed() >= found.took.saturating_mul(SHARE)
        })
    }

    /// How long the next look at a column may take.
    fn longest(&self, table: &Table, column: &Column) -> Duration {
        let state = self.lock();
        let last = state.found.get(&key(table, column));
        let unfinished = last.filter(|found| found.form == Form::Unknown);
        unfinished.map_or(self.longest, |found| {
            self.longest.max(found.took.saturating_mul(2))
        })
    }

    /// Looks at every column of times.
    ///
    /// # Errors
    /// As those of [`KnownForms::look`].
    pub fn look_at_all(&self, conn: &Connection, catalog: &Catalog) -> Result<()> {
        for table in catalog.tables() {
            for column in &table.columns {
                if column.column_type.time_family().is_some() {
                    self.look(conn, table, &column.name, None)?;
                }
            }
        }
        Ok(())
    }

    /// Looks at every row of a column, unless that would take too much of the time: of all of it,
    /// and of what the read has that `interrupt` bounds. Returns whether more is known now.
    ///
    /// # Errors
    /// Those of SQLite, such as its interruption by the caller. Nothing is noted then.
    pub fn look(
        &self,
        conn: &Connection,
        table: &Table,
        name: &str,
        interrupt: Option<&InterruptHandler>,
    ) -> Result<bool> {
        let (_, column) = table.column(name)?;
        if !self.is_due(table, column) {
            return Ok(false);
        }
        let (generation, at) = (self.lock().generation, Instant::now());
        let form = match interrupt {
            Some(interrupt) => {
                interrupt.part(self.longest(table, column), || form(conn, table, column))?
            }
            None => Some(form(conn, table, column)?),
        };
        let found = Found {
            column_type: column.column_type,
            form: form.unwrap_or(Form::Unknown),
            generation,
            at: Instant::now(),
            took: at.elapsed(),
        };
        self.lock().found.insert(key(table, column), found);
        Ok(form.is_some())
    }
}

/// Whether it is one of this library's own tables or views, such as the journal: what writes their
/// times, triggers included, writes them in one form.
fn is_ours(table: &Table) -> bool {
    table.name.starts_with("ash_rusqlite_")
}

fn form(conn: &Connection, table: &Table, column: &Column) -> Result<Form> {
    let several = may_be_written_otherwise(conn, table, column) || has_others(conn, table, column)?;
    Ok(if several { Form::Several } else { Form::One })
}

fn key(table: &Table, column: &Column) -> (String, String) {
    (
        table.name.to_ascii_lowercase(),
        column.name.to_ascii_lowercase(),
    )
}

/// Whether what is in the column comes from elsewhere than our own writes: it is computed, or a
/// trigger or a default writes it in another form. A default gives each row the same form.
fn may_be_written_otherwise(conn: &Connection, table: &Table, column: &Column) -> bool {
    table.is_view
        || table.is_virtual
        || table.filled_by_triggers
        || column.generated
        || !column.default.as_deref().is_none_or(|default| {
            let declared = column.column_type.declared();
            // A line of its own, should it end in a comment.
            let sql = format!("SELECT ash_rusqlite_own_form((\n{default}\n), '{declared}')");
            conn.query_row(&sql, [], |row| row.get(0)).unwrap_or(false)
        })
}

fn has_others(conn: &Connection, table: &Table, column: &Column) -> Result<bool> {
    let sql = format!(
        "SELECT EXISTS(SELECT 1 FROM {} WHERE NOT ash_rusqlite_own_form({}, '{}'))",
        quoted_name(&table.name),
        quoted_name(&column.name),
        column.column_type.declared()
    );
    conn.query_row(&sql, [], |row| row.get(0))
        .map_err(sqlite_error::map)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::Arc;

    use super::*;
    use crate::catalog::shared_catalog::SharedCatalog;
    use crate::error::Code;
    use crate::execute::Executor;
    use crate::query::functions;
    use crate::query::ir::{OrderBy, Read, Select};
    use crate::service::stats::StatementCounts;
    use crate::service::RowSink;
    use crate::sqlite::interrupt::Stop;
    use crate::value::{OutputColumn, Row};

    const ROWS: u64 = 300_000;
    const MINUTE: Duration = Duration::from_secs(60);

    /// A table of times in one form, and what bounds what runs on its connection.
    fn table() -> (Connection, Arc<InterruptHandler>) {
        let mut conn = Connection::open_in_memory().unwrap();
        functions::register(&conn).unwrap();
        conn.execute_batch(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME_TEXT);
             WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})
             INSERT INTO t SELECT i, strftime('%Y-%m-%dT%H:%M:%SZ', i, 'unixepoch') FROM n"
        ))
        .unwrap();
        let interrupt = InterruptHandler::new(Arc::default());
        interrupt.install(&mut conn).unwrap();
        (conn, interrupt)
    }

    /// Without time for a look, or with enough of it.
    fn forms(longest: Duration) -> KnownForms {
        KnownForms {
            longest,
            ..KnownForms::default()
        }
    }

    fn found(forms: &KnownForms) -> Option<Form> {
        let state = forms.lock();
        state.found.values().next().map(|found| found.form)
    }

    #[derive(Default)]
    struct Count(u64);

    impl RowSink for Count {
        fn begin(&mut self, _: &Arc<[OutputColumn]>, _: usize, _: bool) {
            self.0 = 0;
        }

        fn row(&mut self, _: &Row<'_>) -> Result<()> {
            self.0 += 1;
            Ok(())
        }
    }

    #[test]
    fn a_read_whose_look_has_too_little_time_gives_its_rows() {
        let (conn, interrupt) = table();
        let catalog = SharedCatalog::load_with(&conn, forms(Duration::ZERO)).unwrap();
        let read = Read::Select(Select {
            table: "t".into(),
            order_by: vec![OrderBy::column("at", true, None)],
            limit: Some(3),
            ..Select::default()
        });
        interrupt.begin(Instant::now() + MINUTE, None);
        let mut rows = Count::default();
        let executor = Executor {
            conn: &conn,
            catalog: &catalog,
            statements: &StatementCounts::default(),
            looks: Some(&interrupt),
            runs_again: false,
            seen: None,
        };
        executor.read(&read, &mut rows, &mut |_| Ok(())).unwrap();
        assert_eq!(rows.0, 3);
        let table = catalog.get();
        let (_, column) = table.table("t").unwrap().column("at").unwrap();
        assert_eq!(column.form, Form::Unknown);
    }

    #[test]
    fn a_look_without_time_is_noted_and_one_with_time_finds_the_form() {
        let (conn, interrupt) = table();
        let catalog = Catalog::load(&conn).unwrap();
        let table = catalog.table("t").unwrap();
        interrupt.begin(Instant::now() + MINUTE, None);
        let hasty = forms(Duration::ZERO);
        assert!(!hasty.look(&conn, table, "at", Some(&interrupt)).unwrap());
        assert_eq!(found(&hasty), Some(Form::Unknown));
        assert_eq!(interrupt.stop(), Stop::None);
        // Half of no time is none either.
        interrupt.begin(Instant::now(), None);
        let late = forms(MINUTE);
        assert!(!late.look(&conn, table, "at", Some(&interrupt)).unwrap());
        assert_eq!(found(&late), Some(Form::Unknown));
        interrupt.begin(Instant::now() + 10 * MINUTE, None);
        let timely = forms(MINUTE);
        assert!(timely.look(&conn, table, "at", Some(&interrupt)).unwrap());
        assert_eq!(found(&timely), Some(Form::One));
    }

    #[test]
    fn the_next_look_waits_for_its_share_of_time_and_has_more_of_it() {
        let (conn, _) = table();
        let catalog = Catalog::load(&conn).unwrap();
        let table = catalog.table("t").unwrap();
        let (_, column) = table.column("at").unwrap();
        let forms = KnownForms::default();
        let note = |form, took| {
            let found = Found {
                column_type: column.column_type,
                form,
                generation: 0,
                at: Instant::now(),
                took,
            };
            forms.lock().found.insert(key(table, column), found);
        };
        assert!(forms.is_due(table, column));
        note(Form::Unknown, MINUTE);
        assert!(!forms.is_due(table, column));
        assert_eq!(forms.longest(table, column), 2 * MINUTE);
        note(Form::Unknown, Duration::ZERO);
        assert!(forms.is_due(table, column));
        assert_eq!(forms.longest(table, column), LONGEST);
        note(Form::One, Duration::ZERO);
        assert!(!forms.is_due(table, column));
        forms.forget();
        assert!(forms.is_due(table, column));
        assert_eq!(forms.longest(table, column), LONGEST);
    }

    #[test]
    fn the_end_of_a_slice_and_a_withdrawal_still_end_a_look() {
        let (conn, interrupt) = table();
        let catalog = Catalog::load(&conn).unwrap();
        let table = catalog.table("t").unwrap();
        let forms = forms(MINUTE);
        let stopped = |stop| {
            let error = forms
                .look(&conn, table, "at", Some(&interrupt))
                .unwrap_err();
            assert_eq!((error.code(), interrupt.stop()), (Code::Timeout, stop));
            assert_eq!(found(&forms), None);
        };
        interrupt.begin_slice(Instant::now() + crate::INFINITY);
        stopped(Stop::Slice);
        let withdrawn = Arc::new(AtomicBool::new(true));
        interrupt.begin(Instant::now() + 10 * MINUTE, Some(withdrawn));
        stopped(Stop::Cancelled);
    }
}
