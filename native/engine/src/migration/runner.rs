//! Applies and rolls back migrations, each in one transaction with its ledger row.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

use super::file::{file_name, label, MigrationFile};
use super::ledger::{self, Entry};
use super::rebuild;
use super::run_script;
use super::script::Script;
use super::take_over::{self, Files};
use super::{Applied, MigrateOptions};
use crate::error::{Code, Error, Result};
use crate::journal;
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::{integrity, sqlite_error};

/// How long another process's lock is left alone between two tries.
const PAUSE: Duration = Duration::from_millis(5);
/// How many rows that break a foreign key an error names.
const ORPHANS_NAMED: usize = 20;

/// Runs what is pending, oldest first, also what is older than the newest applied one.
/// Returns what this call applied: not what another process applied meanwhile.
///
/// The connection must be outside a transaction. Its authorizer, if it has one, must let
/// transactions and pragmas pass, and its busy handler must not outlast the deadline. The
/// deadline ends waiting for another process's lock; how long SQL may run, the connection's
/// progress handler decides. When it returns, foreign keys are enforced, also if they were
/// not before.
///
/// # Errors
/// `InvalidMigration` before anything is run, if an applied file was changed or is missing.
/// Otherwise of the one migration that failed; those before it stay applied.
pub fn migrate(
    conn: &mut Connection,
    files: &[MigrationFile],
    options: &MigrateOptions,
    deadline: Instant,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<Applied>> {
    let ledger = begin(conn, deadline)?;
    check_applied(&ledger, files, options.take_over)?;
    let mut pending: Vec<&MigrationFile> = files
        .iter()
        .filter(|file| !ledger.contains_key(&file.version))
        .filter(|file| options.to.is_none_or(|to| file.version <= to))
        .collect();
    pending.sort_by_key(|file| file.version);
    let work: Vec<Work<'_>> = pending
        .into_iter()
        .take(limit(options.step))
        .map(|file| Work {
            file,
            script: &file.up,
            up: true,
        })
        .collect();
    let mut known = match options.take_over {
        true => Some(Files::new(files)?),
        false => None,
    };
    let applied = run_all(conn, &work, "migrate", &mut known, deadline, sink)?;
    if options.take_over {
        forget_replaced(conn, files, deadline)?;
    }
    renew_journal(conn, deadline)?;
    Ok(applied)
}

/// Triggers that another program has dropped or changed, and those that another version of this
/// library has written, need no migration of their own.
fn renew_journal(conn: &Connection, deadline: Instant) -> Result<()> {
    if retry_while_busy(deadline, || journal::is_as_written_now(conn))? {
        return Ok(());
    }
    let mut transaction = Transaction::begin(conn, deadline)?;
    match journal::follow(conn) {
        Ok(()) => transaction.commit(deadline),
        // The file was reported when it was opened, and no migration would help.
        Err(error) if error.code() == Code::JournalBroken => Ok(()),
        Err(error) => Err(error),
    }
}

/// What was made in development and has no file any more was replaced by a file of another name.
fn forget_replaced(conn: &Connection, files: &[MigrationFile], deadline: Instant) -> Result<()> {
    let replaced = |ledger: BTreeMap<i64, Entry>| -> Vec<i64> {
        let mut gone = ledger;
        gone.retain(|version, entry| is_replaced(*version, entry, files));
        gone.into_keys().collect()
    };
    if replaced(retry_while_busy(deadline, || ledger::read(conn))?).is_empty() {
        return Ok(());
    }
    let mut transaction = Transaction::begin(conn, deadline)?;
    for version in replaced(ledger::read(conn)?) {
        ledger::delete(conn, version)?;
    }
    transaction.commit(deadline)
}

fn is_replaced(version: i64, entry: &Entry, files: &[MigrationFile]) -> bool {
    entry.name.ends_with(take_over::DEV) && !files.iter().any(|file| file.version == version)
}

/// Runs the down parts of the newest applied migrations, newest first: of one, unless
/// `options` says otherwise. The file may have been changed since it was applied; its down
/// part is run as it is now.
///
/// # Errors
/// `InvalidMigration` before anything is run, if a file is missing or has no down part.
/// Otherwise as [`migrate`].
pub fn rollback(
    conn: &mut Connection,
    files: &[MigrationFile],
    options: &MigrateOptions,
    deadline: Instant,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<Applied>> {
    let ledger = begin(conn, deadline)?;
    let steps = match options {
        MigrateOptions {
            to: None,
            step: None,
            ..
        } => Some(1),
        MigrateOptions { step, .. } => *step,
    };
    let mut work = Vec::new();
    let mut problems = Vec::new();
    let mut no_down = false;
    let applied = ledger.iter().rev();
    for (version, entry) in applied
        .filter(|(version, _)| options.to.is_none_or(|to| **version >= to))
        .take(limit(steps))
    {
        match files.iter().find(|file| file.version == *version) {
            None => problems.push(missing(*version, entry)),
            Some(file) => match &file.down {
                None => {
                    problems.push(format!("{} has no down part", file_name(&file.path)));
                    no_down = true;
                }
                Some(script) => work.push(Work {
                    file,
                    script,
                    up: false,
                }),
            },
        }
    }
    let next = if no_down { ADD_DOWN } else { PUT_BACK };
    refuse("cannot roll back", problems, next)?;
    run_all(conn, &work, "rollback", &mut None, deadline, sink)
}

struct Work<'a> {
    file: &'a MigrationFile,
    script: &'a Script,
    up: bool,
}

fn limit(step: Option<u64>) -> usize {
    step.map_or(usize::MAX, |step| {
        usize::try_from(step).unwrap_or(usize::MAX)
    })
}

fn begin(conn: &Connection, deadline: Instant) -> Result<BTreeMap<i64, Entry>> {
    if !conn.is_autocommit() {
        return Err(Error::new(
            Code::NotAllowed,
            "migrations cannot run inside a transaction",
        ));
    }
    retry_while_busy(deadline, || {
        ledger::check_format(conn)?;
        ledger::read(conn)
    })
}

/// Applied files must be there, as they were when they were applied.
fn check_applied(
    ledger: &BTreeMap<i64, Entry>,
    files: &[MigrationFile],
    take_over: bool,
) -> Result<()> {
    let mut problems = Vec::new();
    for (version, entry) in ledger {
        if take_over && is_replaced(*version, entry, files) {
            continue;
        }
        match files.iter().find(|file| file.version == *version) {
            None => problems.push(missing(*version, entry)),
            Some(file) if file.checksum != entry.checksum => problems.push(changed(file)),
            Some(_) => {}
        }
    }
    refuse("nothing was run", problems, PUT_BACK)
}

fn missing(version: i64, entry: &Entry) -> String {
    format!(
        "{} is applied, but its file is missing",
        label(version, &entry.name)
    )
}

fn changed(file: &MigrationFile) -> String {
    format!("{} was changed after it was applied", file_name(&file.path))
}

/// What to do about files that are not as they were.
const PUT_BACK: &str = "Put the files back as they were applied, or write a new migration";

/// What to do about a file that cannot be taken back.
const ADD_DOWN: &str = "Add a line `-- down` to the file, and below it the SQL that takes it back; or write a new migration that does";

fn refuse(what: &str, problems: Vec<String>, next: &str) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let message = format!("{what}: {}. {next}", problems.join("; "));
    Err(Error::new(Code::InvalidMigration, message).with("problems", problems))
}

fn run_all(
    conn: &Connection,
    work: &[Work<'_>],
    phase: &'static str,
    known: &mut Option<Files<'_>>,
    deadline: Instant,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<Applied>> {
    let mut finished = Vec::new();
    let total = work.len() as u64;
    for (index, work_item) in work.iter().enumerate() {
        if sink.cancelled() {
            let message = format!("{phase} was cancelled after {index} of {total} migrations");
            return Err(Error::new(Code::Cancelled, message));
        }
        finished.extend(in_transaction(
            conn,
            work_item,
            known.as_mut(),
            deadline,
            sink,
        )?);
        sink.progress(Progress {
            phase,
            label: work_item.file.label(),
            done: index as u64 + 1,
            total,
            estimate: None,
        });
    }
    Ok(finished)
}

/// Runs one migration, or nothing if another process was faster.
fn in_transaction(
    conn: &Connection,
    work: &Work<'_>,
    known: Option<&mut Files<'_>>,
    deadline: Instant,
    sink: &mut dyn ProgressSink,
) -> Result<Option<Applied>> {
    // What can be found out before the writer is held is: no write waits for it.
    let large = rebuild::announce(conn, work.file, work.script, sink)?;
    let touched = match known {
        Some(_) => None,
        None => rebuild::touched(conn, work.file, work.script)?,
    };
    let mut transaction = Transaction::begin(conn, deadline)?;
    let held = Instant::now();
    ledger::check_format(conn)?;
    ledger::create(conn)?;
    match (ledger::read(conn)?.get(&work.file.version), work.up) {
        (None, true) | (Some(_), false) => {}
        (None, false) => return Ok(None),
        (Some(entry), true) if entry.checksum == work.file.checksum => return Ok(None),
        (Some(_), true) => {
            return refuse("it was not run", vec![changed(work.file)], PUT_BACK).map(|()| None)
        }
    }
    let started = Instant::now();
    let journal = journal::Before::look(conn)?;
    let taken_over = match known {
        Some(files) => take_over::run(conn, work.file, work.script, files)?,
        None => {
            rebuild::run(conn, work.file, work.script, &large, sink)?;
            Vec::new()
        }
    };
    journal::follow(conn)
        .and_then(|()| journal.map_or(Ok(()), |before| before.write_events(conn)))
        .map_err(|error| fail(error.clone(), error.message(), work))?;
    check_temporary(conn, work)?;
    let took = started.elapsed();
    check_foreign_keys(conn, work, touched.as_deref())?;
    let noted = if work.up {
        ledger::insert(conn, work.file, took)
    } else {
        ledger::delete(conn, work.file.version)
    };
    noted
        .and_then(|()| transaction.commit(deadline))
        .map_err(|error| sqlite_error::refine(conn, error))
        .map_err(|error| fail(error.clone(), error.message(), work))?;
    Ok(Some(Applied {
        version: work.file.version,
        name: work.file.name.clone(),
        micros: micros(took),
        held_micros: micros(held.elapsed()),
        taken_over,
    }))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What is temporary belongs to the connection and would hide what is not from its writes.
fn check_temporary(conn: &Connection, work: &Work<'_>) -> Result<()> {
    let sql = "SELECT type || ' ' || name FROM sqlite_temp_schema ORDER BY rowid LIMIT 1";
    let left: Option<String> = conn
        .query_row(sql, [], |row| row.get(0))
        .optional()
        .map_err(sqlite_error::map)?;
    let Some(left) = left else { return Ok(()) };
    let message = format!(
        "{} leaves the temporary {left} behind; drop it at the end of the file",
        file_name(&work.file.path)
    );
    Err(Error::new(Code::InvalidMigration, message)
        .with("version", work.file.version)
        .with("name", work.file.name.as_str())
        .with("line", work.script.line))
}

/// Of the whole database, or of the tables that the file touched and those that refer to them.
fn check_foreign_keys(
    conn: &Connection,
    work: &Work<'_>,
    touched: Option<&[String]>,
) -> Result<()> {
    let orphans = match touched {
        None => integrity::orphans(conn, ORPHANS_NAMED),
        Some(tables) => integrity::orphans_about(conn, tables, ORPHANS_NAMED),
    };
    let orphans = orphans.map_err(|error| {
        let text = error.to_string();
        fail(sqlite_error::map(error), &text, work)
    })?;
    let Some(first) = orphans.first() else {
        return Ok(());
    };
    let problems: Vec<String> = orphans.iter().map(integrity::Orphan::describe).collect();
    let text = format!("it leaves foreign keys broken ({})", problems.join("; "));
    let error = Error::new(Code::ForeignKeyViolation, text.as_str());
    Err(fail(error, &text, work)
        .with("table", first.table.as_str())
        .with("problems", problems))
}

fn fail(error: Error, text: &str, work: &Work<'_>) -> Error {
    run_script::failure(error, text, work.file, work.script.line)
}

/// A transaction with the write lock and without enforced foreign keys. Whatever happens,
/// a panic included, it is rolled back unless committed, and foreign keys are enforced again.
pub(super) struct Transaction<'a> {
    conn: &'a Connection,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(conn: &'a Connection, deadline: Instant) -> Result<Self> {
        // PRAGMA foreign_keys does nothing inside a transaction and can be interrupted;
        // this way of setting it has neither trait, so that Drop cannot fail to undo it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)
            .map_err(sqlite_error::map)?;
        let transaction = Transaction { conn };
        retry_while_busy(deadline, || {
            conn.execute_batch("BEGIN IMMEDIATE")
                .map_err(sqlite_error::map)
        })?;
        Ok(transaction)
    }

    pub(super) fn commit(&mut self, deadline: Instant) -> Result<()> {
        retry_while_busy(deadline, || {
            self.conn.execute_batch("COMMIT").map_err(sqlite_error::map)
        })
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        let _ = self
            .conn
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true);
    }
}

/// Tries again until the deadline while another process holds the lock.
fn retry_while_busy<T>(deadline: Instant, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match attempt() {
            Err(error) if error.code() == Code::Busy => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(error);
                }
                std::thread::sleep(PAUSE.min(left));
            }
            result => return result,
        }
    }
}
