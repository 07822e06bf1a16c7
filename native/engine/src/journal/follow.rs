//! Triggers follow their tables: what changes a journaled table changes them in the same transaction.

use rusqlite::{Connection, OptionalExtension};

use super::layout::{install, is_installed};
use super::sync::{lost, switched_off, sync, Journaled, SyncPoint};
use super::triggers::{trigger_names, triggers, Trigger};
use crate::catalog::{is_journal_trigger, JournalSpec};
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::{lex, name, name_of, quoted_name, same, Token};
use crate::sqlite::sqlite_error;

/// Switches the journal of a table on, or to another specification, in the transaction of the
/// caller. Rows that are there have no events yet.
///
/// # Errors
/// `invalid_option` for a specification that does not fit the table, `unknown_column`.
pub fn enable(conn: &Connection, table: &str, spec: &JournalSpec) -> Result<()> {
    install(conn)?;
    renew(conn, table, spec)?;
    sync(conn, SyncPoint::End)
}

/// What is not as it should be of the triggers of a table; none: all is.
///
/// # Errors
/// Those of [`triggers`].
pub(crate) fn differs(
    conn: &Connection,
    table: &str,
    spec: &JournalSpec,
) -> Result<Option<&'static str>> {
    let existing = existing(conn, table)?;
    if existing.is_empty() {
        return Ok(Some("is not journaled"));
    }
    let wanted = triggers(conn, table, spec)?;
    Ok((!equal(&existing, &wanted)).then_some("is journaled in another way"))
}

/// The specification by which a table is journaled, if it is.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn spec_of(conn: &Connection, table: &str) -> Result<Option<JournalSpec>> {
    let existing = existing(conn, table)?;
    Ok(existing.iter().find_map(|(_, sql)| is_journal_trigger(sql)))
}

/// Creates the triggers of a table again where they differ from the wanted ones. Returns the
/// statements.
///
/// # Errors
/// Those of [`triggers`], and of SQLite.
pub(crate) fn renew(conn: &Connection, table: &str, spec: &JournalSpec) -> Result<Vec<String>> {
    let (existing, wanted) = (existing(conn, table)?, triggers(conn, table, spec)?);
    if equal(&existing, &wanted) {
        return Ok(Vec::new());
    }
    let mut done = drops(&existing);
    done.extend(wanted.into_iter().map(|(_, sql)| sql));
    for sql in &done {
        conn.execute_batch(sql).map_err(sqlite_error::map)?;
    }
    Ok(done)
}

/// Brings all triggers, and what the journal says of its tables, to what the tables are. To be
/// called at the end of what may have changed them. A table that was rebuilt without its triggers
/// gets them again.
///
/// # Errors
/// `journal_broken` where a journal names a column that is gone.
pub(crate) fn follow(conn: &Connection) -> Result<()> {
    let all = Journaled::all(conn)?;
    if all.is_empty() && !is_installed(conn)? {
        return Ok(());
    }
    install(conn)?;
    forget_found(conn)?;
    for Journaled { table, spec } in all.iter().chain(&lost(conn, &all)?) {
        renew(conn, table, spec).map_err(|error| broken(table, &error))?;
    }
    sync(conn, SyncPoint::End)
}

/// Forgets the rows that a statement has found before and left alone, as `INSERT OR IGNORE` does: they
/// were not replaced, so they have no event.
///
/// # Errors
/// Those of SQLite.
pub(super) fn forget_found(conn: &Connection) -> Result<()> {
    conn.execute_batch(
        "UPDATE ash_rusqlite_replaced SET known = 1; DELETE FROM ash_rusqlite_replaced",
    )
    .map_err(sqlite_error::map)
}

fn broken(table: &str, error: &Error) -> Error {
    let message = format!(
        "the journal of {} no longer fits it: {}. Change its journal in the same migration",
        quoted_name(table),
        error.message()
    );
    Error::new(Code::JournalBroken, message).with("table", table)
}

/// A column, or with no names a table, that was renamed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Renamed {
    /// The table, by its new name.
    pub(crate) table: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Whether it is the table.
    pub(crate) is_table: bool,
}

/// Runs a statement of a migration. What SQLite refuses because a trigger of a journal names it is
/// done without the triggers, which come back at once.
///
/// # Errors
/// Those of the statement.
pub(crate) fn around<E: From<Error>>(
    conn: &Connection,
    sql: &str,
    run: impl FnOnce() -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    if is_journal_trigger(sql).is_some() {
        install(conn)?;
        run()?;
        return Ok(sync(conn, SyncPoint::Statement(None))?);
    }
    let Some(change) = Change::of(sql) else {
        return run();
    };
    if let How::DropTrigger = change.how {
        let table = journaled_by(conn, &change.table)?;
        run()?;
        return match table {
            Some(table) if is_installed(conn)? => Ok(switched_off(conn, &table)?),
            _ => Ok(()),
        };
    }
    let Some(mut spec) = spec_of(conn, &change.table)? else {
        return run();
    };
    for drop in drops(&existing(conn, &change.table)?) {
        conn.execute_batch(&drop).map_err(sqlite_error::map)?;
    }
    run()?;
    let mut renamed = Renamed {
        table: change.table.clone(),
        ..Renamed::default()
    };
    match change.how {
        How::Table(to) => {
            renamed.from = std::mem::replace(&mut renamed.table, to.clone());
            renamed.to = to;
            renamed.is_table = true;
        }
        How::Column(from, to) => {
            spec.rename(&from, &to);
            (renamed.from, renamed.to) = (from, to);
        }
        How::Other | How::DropTrigger => {}
    }
    let renewed = renew(conn, &renamed.table, &spec);
    renewed.map_err(|error| broken(&renamed.table, &error))?;
    let renamed = Some(&renamed).filter(|renamed| !renamed.to.is_empty());
    Ok(sync(conn, SyncPoint::Statement(renamed))?)
}

/// The table whose journal a trigger is of.
fn journaled_by(conn: &Connection, trigger: &str) -> Result<Option<String>> {
    let found: Option<(String, String)> = conn
        .prepare_cached(
            "SELECT tbl_name, sql FROM main.sqlite_schema \
             WHERE type = 'trigger' AND name = ?1 COLLATE NOCASE",
        )
        .and_then(|mut stmt| {
            stmt.query_row([trigger], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(sqlite_error::map)?;
    let of_journal = found.filter(|(_, sql)| is_journal_trigger(sql).is_some());
    Ok(of_journal.map(|(table, _)| table))
}

/// An ALTER TABLE, or a DROP TRIGGER.
struct Change {
    /// The table, or the trigger.
    table: String,
    how: How,
}

enum How {
    Other,
    DropTrigger,
    Table(String),
    Column(String, String),
}

impl Change {
    fn of(sql: &str) -> Option<Change> {
        let tokens = lex(sql);
        let text = |token: Option<&Token>| token.map(|token| name_of(sql, token));
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(word));
        if is(0, "drop") && is(1, "trigger") {
            let at = if is(2, "if") { 4 } else { 2 };
            let at = if is(at + 1, ".") { at + 2 } else { at };
            return Some(Change {
                table: text(tokens.get(at))?,
                how: How::DropTrigger,
            });
        }
        if !(is(0, "alter") && is(1, "table")) {
            return None;
        }
        // The name of the schema may stand before that of the table.
        let at = if is(3, ".") { 4 } else { 2 };
        let table = text(tokens.get(at))?;
        let how = if is(at + 1, "rename") && is(at + 2, "to") {
            How::Table(text(tokens.get(at + 3))?)
        } else if is(at + 1, "rename") {
            let from = at + 2 + usize::from(is(at + 2, "column"));
            How::Column(text(tokens.get(from))?, text(tokens.get(from + 2))?)
        } else {
            How::Other
        };
        Some(Change { table, how })
    }
}

impl JournalSpec {
    /// The same with another name of a column. Conditions of events are left: SQLite finds out.
    fn rename(&mut self, from: &str, to: &str) {
        let subjects = self.source.iter_mut().chain(&mut self.actor);
        let columns = subjects.map(|subject| &mut subject.1);
        for column in columns.chain(&mut self.skip).chain(&mut self.sensitive) {
            if same(column, from) {
                to.clone_into(column);
            }
        }
        for event in &mut self.events {
            if let Some(condition) = &mut event.condition {
                *condition = renamed_in(condition, from, to);
            }
        }
    }
}

/// A condition over `NEW.` and `OLD.` with another name of a column.
fn renamed_in(condition: &str, from: &str, to: &str) -> String {
    let tokens = lex(condition);
    let (mut text, mut at) = (String::new(), 0);
    for (place, token) in tokens.iter().enumerate() {
        let behind_point = place
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .is_some_and(|before| before.is("."));
        if behind_point && same(&token.text, from) {
            text.push_str(condition.get(at..token.start).unwrap_or_default());
            text.push_str(&name(to));
            at = token.end;
        }
    }
    text.push_str(condition.get(at..).unwrap_or_default());
    text
}

/// The triggers of a table's journal.
fn existing(conn: &Connection, table: &str) -> Result<Vec<Trigger>> {
    let sql = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger' \
               AND tbl_name = ?1 COLLATE NOCASE ORDER BY rowid";
    let mut stmt = conn.prepare_cached(sql).map_err(sqlite_error::map)?;
    let rows = stmt.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)));
    let mut all: Vec<Trigger> = rows
        .and_then(Iterator::collect)
        .map_err(sqlite_error::map)?;
    all.retain(|(_, sql)| is_journal_trigger(sql).is_some());
    Ok(all)
}

fn drops(triggers: &[Trigger]) -> Vec<String> {
    let drop = |(trigger, _): &Trigger| format!("DROP TRIGGER {}", name(trigger));
    triggers.iter().map(drop).collect()
}

/// Whether the triggers are the same, whatever their order.
fn equal(existing: &[Trigger], wanted: &[Trigger]) -> bool {
    existing.len() == wanted.len()
        && wanted.iter().all(|(name, sql)| {
            existing
                .iter()
                .any(|(other, other_sql)| same(name, other) && equal_texts(sql, other_sql))
        })
}

/// Whether two triggers of journals do the same, however they are written.
pub(super) fn equal_texts(sql: &str, other: &str) -> bool {
    let words = |sql: &str| -> Vec<String> { lex(sql).into_iter().map(|t| t.text).collect() };
    is_journal_trigger(sql) == is_journal_trigger(other)
        && (sql == other || words(sql) == words(other))
}

/// The trigger of another table's journal that does the same as one of the given name.
pub(crate) fn name_for(trigger: &str, table: &str, other: &str) -> Option<String> {
    let place = trigger_names(table)
        .iter()
        .position(|name| same(name, trigger))?;
    trigger_names(other).into_iter().nth(place)
}
