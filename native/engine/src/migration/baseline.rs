//! The tables of a database that no migration of ours made, as its version one.
//!
//! The file that is written makes the same schema in an empty database, which is tried before
//! anything is kept. Nothing of the database itself changes but its ledger.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file::{self, MigrationFile};
use super::order::parents_first;
use super::runner::Transaction;
use super::{ledger, read_directory, run_script};
use crate::connection;
use crate::error::{io_error, Code, Error, Result};
use crate::sqlite::authorizer::Access;
use crate::sqlite::lex::quoted_name;
use crate::sqlite::{integrity, sqlite_error};

/// What is in the schema: nothing of SQLite's, of ours, of Ecto's ledger, or of the parts of a
/// virtual table, which come with it.
const OBJECTS: &str = "SELECT s.type, s.name, s.sql FROM main.sqlite_schema AS s \
     WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     AND s.tbl_name NOT LIKE 'ash\\_rusqlite\\_%' ESCAPE '\\' AND s.tbl_name <> 'schema_migrations' \
     AND NOT EXISTS (SELECT 1 FROM pragma_table_list AS l WHERE l.schema = 'main' \
     AND l.name = s.tbl_name AND l.type = 'shadow') \
     ORDER BY CASE s.type WHEN 'table' THEN 0 WHEN 'index' THEN 1 WHEN 'view' THEN 2 ELSE 3 END, \
     s.rowid";

/// A baseline that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The tables that it makes.
    pub tables: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    kind: String,
    name: String,
    sql: String,
}

/// Writes `<version>_<name>.sql` with the schema of a database as it is, and notes it in the ledger
/// as applied. The folder is made where it is missing.
///
/// # Errors
/// `InvalidOption` for a name that no file can have. `InvalidMigration` when the ledger has entries
/// or the folder has migrations, when there is no table, or when the schema cannot be made again
/// from its own text, all before anything is written; `IoError` when the file cannot be written.
pub fn baseline(
    conn: &Connection,
    directory: &Path,
    name: &str,
    version: i64,
    deadline: Instant,
) -> Result<Baseline> {
    check_name(name)?;
    check_folder(directory)?;
    let mut transaction = Transaction::begin(conn, deadline)?;
    ledger::check_format(conn)?;
    check_ledger(conn)?;
    let objects = in_order(conn, objects(conn)?)?;
    let tables: Vec<String> = objects
        .iter()
        .filter(|object| object.kind == "table")
        .map(|object| object.name.clone())
        .collect();
    if tables.is_empty() {
        return Err(refused("the database has no tables", Vec::new()));
    }
    let path = directory.join(format!("{version}_{name}.sql"));
    let written = Written::create(&path, &text(&objects))?;
    let file = file::read_file(&path).map_err(|problem| refused(&problem, Vec::new()))?;
    try_out(&file, &objects)?;
    ledger::create(conn)?;
    ledger::insert(conn, &file, Duration::ZERO)?;
    transaction.commit(deadline)?;
    written.keep();
    Ok(Baseline {
        version,
        name: name.to_owned(),
        path,
        tables,
    })
}

fn refused(what: &str, problems: Vec<String>) -> Error {
    let message = match problems.as_slice() {
        [] => format!("no baseline was written: {what}"),
        problems => format!("no baseline was written: {what}: {}", problems.join("; ")),
    };
    Error::new(Code::InvalidMigration, message).with("problems", problems)
}

fn check_name(name: &str) -> Result<()> {
    let fit = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.len() <= 200 && name.chars().all(fit) {
        return Ok(());
    }
    let message = "a migration's name has letters, digits, _ and - only, such as create_tables";
    Err(Error::new(Code::InvalidOption, message)
        .with("option", "name")
        .with("value", name))
}

fn check_folder(directory: &Path) -> Result<()> {
    let failed = |error| io_error::map(&error, "make the folder", directory);
    fs::create_dir_all(directory).map_err(failed)?;
    let files = read_directory(directory)?;
    if files.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{} has migrations already, and a baseline is the first. Run them with take_over: true, which leaves out what is there",
        directory.display()
    );
    let names = files.iter().map(MigrationFile::label).collect();
    Err(refused(&what, names).with("path", directory.display().to_string()))
}

fn check_ledger(conn: &Connection) -> Result<()> {
    let ledger = ledger::read(conn)?;
    if ledger.is_empty() {
        return Ok(());
    }
    let names = ledger
        .iter()
        .map(|(version, entry)| file::label(*version, &entry.name))
        .collect();
    Err(refused("the ledger of the database has entries", names))
}

fn objects(conn: &Connection) -> Result<Vec<Object>> {
    let read = || -> rusqlite::Result<_> {
        let mut statement = conn.prepare(OBJECTS)?;
        let rows = statement.query_map([], |row| {
            Ok(Object {
                kind: row.get(0)?,
                name: row.get(1)?,
                sql: row.get(2)?,
            })
        })?;
        rows.collect()
    };
    read().map_err(sqlite_error::map)
}

/// The same with each table behind those that it refers to, as far as there is no circle.
fn in_order(conn: &Connection, objects: Vec<Object>) -> Result<Vec<Object>> {
    let (tables, others): (Vec<_>, Vec<_>) = objects
        .into_iter()
        .partition(|object| object.kind == "table");
    let tables = tables.into_iter().map(|table| {
        let parents = parents(conn, &table.name)?;
        Ok((table, parents))
    });
    let sorted = parents_first(
        tables.collect::<Result<Vec<_>>>()?,
        |(table, _)| table.name.to_ascii_lowercase(),
        |(_, parents)| parents.clone(),
    );
    let tables = sorted.into_iter().map(|(table, _)| table);
    Ok(tables.chain(others).collect())
}

fn parents(conn: &Connection, table: &str) -> Result<Vec<String>> {
    let read = || -> rusqlite::Result<_> {
        let sql = "SELECT lower(\"table\") FROM pragma_foreign_key_list(?1, 'main')";
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([table], |row| row.get(0))?;
        rows.collect()
    };
    read().map_err(sqlite_error::map)
}

fn text(objects: &[Object]) -> String {
    let mut text =
        String::from("-- The tables as they were when this database came to AshRusqlite.\n-- up\n");
    for object in objects {
        text.push_str(object.sql.trim());
        // A comment at the end would take the semicolon with it.
        text.push_str(if object.sql.contains("--") {
            "\n;\n\n"
        } else {
            ";\n\n"
        });
    }
    text.push_str("-- down\n-- Every table goes with its rows.\n");
    let drop = |kind: &'static str| {
        let of_kind = objects
            .iter()
            .rev()
            .filter(move |object| object.kind == kind);
        let keyword = kind.to_ascii_uppercase();
        of_kind.map(move |object| format!("DROP {keyword} {};\n", quoted_name(&object.name)))
    };
    text.extend(drop("view"));
    text.extend(drop("table"));
    text
}

/// Whether the file makes the same schema in an empty database.
fn try_out(file: &MigrationFile, objects: &[Object]) -> Result<()> {
    let link = connection::scratch()?;
    link.conn
        .execute_batch("BEGIN")
        .map_err(sqlite_error::map)?;
    link.gate.set(Access::Migration);
    run_script::run(&link.conn, file, &file.up)?;
    link.gate.set(Access::Internal);
    // As the runner looks at them before it commits.
    integrity::orphans(&link.conn, 1).map_err(|error| refused(&error.to_string(), Vec::new()))?;
    let plain = |mut object: Object| {
        object.sql = object.sql.replace("\r\n", "\n");
        object
    };
    let made: BTreeSet<Object> = self::objects(&link.conn)?.into_iter().map(plain).collect();
    let wanted: BTreeSet<Object> = objects.iter().cloned().map(plain).collect();
    let differing: Vec<String> = made
        .symmetric_difference(&wanted)
        .map(|object| format!("{} {}", object.kind, object.name))
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    let what = "its own text does not make the same schema again";
    Err(refused(what, differing))
}

/// A file that goes unless it is kept.
struct Written {
    path: PathBuf,
    kept: bool,
}

impl Written {
    fn create(path: &Path, text: &str) -> Result<Written> {
        let failed = |error| io_error::map(&error, "write the migration", path);
        let mut file = fs::File::create_new(path).map_err(failed)?;
        let written = Written {
            path: path.to_owned(),
            kept: false,
        };
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        Ok(written)
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}
