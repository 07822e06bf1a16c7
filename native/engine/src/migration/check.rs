//! The pending files on a copy of a database: how long they take, what they write, and what no
//! longer works behind them. The database itself is only read.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::Connection;

use super::{migrate, Applied, MigrateOptions, MigrationFile};
use crate::config::Config;
use crate::error::Result;
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::authorizer::Access;
use crate::sqlite::lex::{lex, quoted_name, Token};
use crate::sqlite::{integrity, sqlite_error};
use crate::{backup, connection};

/// At most this many lines of damage.
const FINDINGS: u32 = 100;

/// What came of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationCheck {
    /// The pending migrations, as they ran on the copy.
    pub migrations: Vec<CheckedMigration>,
    /// What is wrong with the copy behind them: its pages, indexes and foreign keys.
    pub problems: Vec<String>,
    /// What could be prepared before them and cannot be behind them.
    pub broken: Vec<Broken>,
}

/// A migration that ran on the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedMigration {
    /// What came of it.
    pub applied: Applied,
    /// The tables that it wrote to, made, changed or dropped, also by triggers.
    pub tables: Vec<String>,
}

/// A view, a trigger or a statement that no longer works.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Broken {
    /// `"view"`, `"trigger"` or `"statement"`.
    pub kind: &'static str,
    /// Its name, or the statement's SQL.
    pub name: String,
    /// What SQLite says.
    pub message: String,
}

/// Copies the database of `source` into the file `copy`, which must not be there, and runs the
/// pending files on that. The copy is left for the caller to look at and to remove. `statements` are
/// those that programs run.
///
/// # Errors
/// Those of a backup, and of the migration that fails on the copy.
pub fn check(
    source: &Connection,
    files: &[MigrationFile],
    options: &MigrateOptions,
    (copy, config): (&Path, &Config),
    statements: &[String],
    sink: &mut dyn ProgressSink,
) -> Result<MigrationCheck> {
    backup::backup(source, copy, false, sink)?;
    let config = Config {
        read_only: false,
        ..config.clone()
    };
    let mut link = connection::open_writer(copy, &config, Arc::default())?;
    link.interrupt.begin_unlimited();
    let (before, broken_before) = works(&link.conn, statements)?;
    let written = Arc::new(Mutex::new(BTreeSet::new()));
    link.gate.record(&mut link.conn, Arc::clone(&written))?;
    link.gate.set(Access::Migration);
    let mut tables = Tables {
        sink,
        written,
        of_each: Vec::new(),
    };
    let deadline = Instant::now() + config.busy_timeout;
    let applied = migrate(&mut link.conn, files, options, deadline, &mut tables);
    link.gate.set(Access::Internal);
    let Tables { sink, of_each, .. } = tables;
    let migrations = applied?
        .into_iter()
        .zip(of_each.into_iter().chain(std::iter::repeat_with(Vec::new)))
        .map(|(applied, tables)| CheckedMigration { applied, tables })
        .collect();
    let step = |done| Progress {
        phase: "check",
        label: copy.display().to_string(),
        done,
        total: 2,
        estimate: None,
    };
    let problems = integrity::integrity_check(&link.conn, false, FINDINGS)?;
    sink.progress(step(1));
    let mut broken = fails(&link.conn, (&before, &broken_before))?;
    broken.sort();
    sink.progress(step(2));
    Ok(MigrationCheck {
        migrations,
        problems,
        broken,
    })
}

/// Notes which tables each migration has written to, when it is done.
struct Tables<'a> {
    sink: &'a mut dyn ProgressSink,
    written: Arc<Mutex<BTreeSet<String>>>,
    of_each: Vec<Vec<String>>,
}

impl ProgressSink for Tables<'_> {
    fn progress(&mut self, progress: Progress) {
        if progress.phase == "migrate" {
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            let tables = std::mem::take(&mut *written);
            let own = |table: &String| {
                !table.starts_with("sqlite_") && !table.starts_with("ash_rusqlite_")
            };
            self.of_each.push(tables.into_iter().filter(own).collect());
        }
        self.sink.progress(progress);
    }

    fn cancelled(&self) -> bool {
        self.sink.cancelled()
    }
}

/// Something that can be prepared.
struct Use {
    kind: &'static str,
    name: String,
    sql: String,
}

/// The views, triggers and statements that SQLite can compile, and those that it cannot.
fn works(conn: &Connection, statements: &[String]) -> Result<(Vec<Use>, Vec<Use>)> {
    let mut uses = of_schema(conn)?;
    uses.extend(statements.iter().map(|sql| Use {
        kind: "statement",
        name: sql.clone(),
        sql: sql.clone(),
    }));
    let works = |one: &Use| conn.prepare(&one.sql).is_ok();
    Ok(uses.into_iter().partition(works))
}

/// Those that do not work any longer. A view or a trigger that is gone is no use of anything.
fn fails(conn: &Connection, (before, broken_before): (&[Use], &[Use])) -> Result<Vec<Broken>> {
    let now = of_schema(conn)?;
    // What was broken before is no news; what a file made and does not work is.
    let in_schema = now.iter().filter(|one| {
        let same = |other: &&Use| other.kind == one.kind && other.name == one.name;
        broken_before.iter().all(|other| !same(&other))
    });
    let statements = before.iter().filter(|one| one.kind == "statement");
    Ok(in_schema
        .chain(statements)
        .filter_map(|one| {
            let error = conn.prepare(&one.sql).err()?;
            Some(Broken {
                kind: one.kind,
                name: one.name.clone(),
                message: match error {
                    rusqlite::Error::SqlInputError { msg, .. } => msg,
                    other => other.to_string(),
                },
            })
        })
        .collect())
}

/// Every view and trigger, with a statement that makes SQLite compile it.
fn of_schema(conn: &Connection) -> Result<Vec<Use>> {
    let read = || -> rusqlite::Result<Vec<(String, String, String, String)>> {
        let sql = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
                   WHERE type IN ('view', 'trigger') ORDER BY rowid";
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.collect()
    };
    let all = read().map_err(sqlite_error::map)?;
    Ok(all
        .into_iter()
        .map(|(kind, name, table, sql)| match kind.as_str() {
            "view" => Use {
                kind: "view",
                sql: format!("SELECT * FROM {}", quoted_name(&name)),
                name,
            },
            _ => Use {
                kind: "trigger",
                name,
                sql: fires(conn, &table, &sql),
            },
        })
        .collect())
}

/// A statement at which a trigger fires.
fn fires(conn: &Connection, table: &str, trigger: &str) -> String {
    let tokens = lex(trigger);
    let event = tokens.iter().find(|token| {
        ["delete", "insert", "update"]
            .iter()
            .any(|word| token.is(word))
    });
    let table_name = quoted_name(table);
    match event.map(|token| token.text.as_str()) {
        Some("delete") => format!("DELETE FROM {table_name}"),
        Some("insert") => format!("INSERT INTO {table_name} DEFAULT VALUES"),
        _ => {
            let of = tokens.windows(3).find_map(|window| match window {
                [update, of, column] if update.is("update") && of.is("of") => Some(column),
                _ => None,
            });
            let column = of.map(|column: &Token| column.text.clone());
            let column = column
                .or_else(|| first_column(conn, table))
                .unwrap_or_default();
            let column = quoted_name(&column);
            format!("UPDATE {table_name} SET {column} = {column}")
        }
    }
}

fn first_column(conn: &Connection, table: &str) -> Option<String> {
    let sql = "SELECT name FROM pragma_table_info(?1) LIMIT 1";
    conn.query_row(sql, [table], |row| row.get(0)).ok()
}
