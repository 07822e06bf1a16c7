//! Whether the triggers are what they should be: after another program dropped or changed them,
//! changes would have no events.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::follow::equal_texts;
use super::layout;
use super::sync::Journaled;
use super::triggers::{trigger_names, triggers};
use super::verify::Problems;
use super::versions::{open_versions, Version};
use crate::catalog::load_table;
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::same;
use crate::sqlite::sqlite_error;

/// The largest number of problems that are named.
const LIMIT: usize = 10;

/// Why changes of journaled tables may have no events, if so. It looks at the schema alone, so that
/// it costs as little for a long journal as for a short one.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn broken(conn: &Connection) -> Result<Option<Error>> {
    if !layout::is_installed(conn)? {
        return Ok(None);
    }
    let problems = problems(conn)?;
    if problems.is_empty() {
        return Ok(None);
    }
    let message = format!(
        "changes of journaled tables may have no events ({}). Migrating makes the triggers anew, \
         also where no migration is pending; verify the journal to find the rows that have changed meanwhile",
        problems.join("; ")
    );
    Ok(Some(
        Error::new(Code::JournalBroken, message).with("problems", problems),
    ))
}

/// Whether [`super::follow`] has anything to make: after another program has dropped or changed
/// something, and after an update of this library that writes other triggers.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn is_as_written_now(conn: &Connection) -> Result<bool> {
    Ok(!layout::is_installed(conn)? || (layout::is_whole(conn)? && problems(conn)?.is_empty()))
}

fn problems(conn: &Connection) -> Result<Vec<String>> {
    let mut problems = Problems::new(LIMIT);
    check_tables(conn, &open_versions(conn, "main")?, &mut problems)?;
    Ok(problems.into_all())
}

/// That each journaled table has its triggers, and that the journal knows it as it is.
///
/// # Errors
/// Those of SQLite.
pub(super) fn check_tables(
    conn: &Connection,
    versions: &BTreeMap<String, Vec<Version>>,
    problems: &mut Problems,
) -> Result<()> {
    let journaled = Journaled::all(conn)?;
    for table in &journaled {
        if !versions.keys().any(|known| same(known, &table.table)) {
            problems.note(format!(
                "{}: has triggers of a journal that does not know it",
                table.table
            ));
        }
    }
    for (table, versions) in versions {
        let Some(version) = versions.last() else {
            continue;
        };
        let Some(known) = load_table(conn, table)? else {
            problems.note(format!("{table}: the table is not there"));
            continue;
        };
        let columns = known.columns.iter().filter(|column| !column.generated);
        let is_as_known = columns.map(|column| &column.name).eq(&version.columns);
        if !is_as_known {
            problems.note(format!("{table}: has other columns than its journal knows"));
        }
        check_triggers(conn, table, version, problems)?;
    }
    Ok(())
}

fn check_triggers(
    conn: &Connection,
    table: &str,
    version: &Version,
    problems: &mut Problems,
) -> Result<()> {
    let wanted = match triggers(conn, table, &version.spec) {
        Ok(wanted) => wanted,
        Err(error) if matches!(error.code(), Code::InvalidOption | Code::UnknownColumn) => {
            problems.note(format!("{table}: {}", error.message()));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for name in trigger_names(table) {
        let found: Option<String> = conn
            .query_row(
                "SELECT sql FROM main.sqlite_schema WHERE type = 'trigger' AND name = ?1 \
                 AND tbl_name = ?2 COLLATE NOCASE",
                [&name, table],
                |row| row.get(0),
            )
            .optional()
            .map_err(sqlite_error::map)?;
        let wanted = wanted.iter().find(|(wanted, _)| *wanted == name);
        match (found, wanted) {
            (None, Some(_)) => problems.note(format!("{table}: the trigger {name} is missing")),
            (Some(_), None) => problems.note(format!("{table}: the trigger {name} is too many")),
            (Some(found), Some((_, wanted))) if !equal_texts(&found, wanted) => problems.note(
                format!("{table}: the trigger {name} is not as it would be written now"),
            ),
            _ => {}
        }
    }
    Ok(())
}
