//! A new database made of events alone: the schema and the journal of another one, and the rows
//! that the events say.
//!
//! The new file is not synced before it is whole, and has its name only then.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use uuid::Uuid;

use super::compare::count;
use super::layout;
use super::replay::{Range, Replay, Steps, Watch as _};
use super::rows::Digests;
use super::versions::open_versions;
use crate::backup::{check_destination, Partial};
use crate::error::{io_error, Code, Error, Result};
use crate::query::functions;
use crate::service::progress::ProgressSink;
use crate::sqlite::interrupt::InterruptHandler;
use crate::sqlite::lex::{lex, quoted_name};
use crate::sqlite::sqlite_error;
use crate::sqlite::vfs::file_locks;

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many events were replayed.
    pub events: u64,
    /// How many rows the tables have.
    pub rows: u64,
    /// The tables that were filled.
    pub tables: Vec<String>,
    /// The tables that are not journaled, and so are empty.
    pub empty: Vec<String>,
    /// What could not be made, a sentence each.
    pub problems: Vec<String>,
    /// The bytes of the file.
    pub bytes: u64,
}

/// Makes a database of the events of the one that `source` is a connection to.
///
/// # Errors
/// `not_journaled`; `invalid_backup` if the destination exists and `overwrite` is false, is the
/// source, or a file of a database; `journal_broken` for an event that cannot be replayed. After
/// any error nothing is left behind and an earlier file of that name is as it was.
pub fn rebuild(
    source: &Connection,
    destination: &Path,
    overwrite: bool,
    closing: Arc<AtomicBool>,
    sink: &mut dyn ProgressSink,
) -> Result<Rebuilt> {
    file_locks::install();
    if !layout::is_installed(source)? {
        return Err(layout::not_journaled());
    }
    let destination = std::path::absolute(destination)
        .map_err(|error| io_error::map(&error, "write the new database", destination))?;
    check_destination(source, &destination, overwrite)?;
    let partial = Partial::create(&destination)?;
    let (conn, interrupt) = open(source, partial.path(), closing)?;
    let made = fill(&conn, sink).map_err(|error| interrupt.explain(error))?;
    conn.close()
        .map_err(|(_, error)| sqlite_error::map(error))?;
    let bytes = std::fs::metadata(partial.path()).map_or(0, |file| file.len());
    check_destination(source, &destination, overwrite)?;
    partial.publish(&destination)?;
    Ok(Rebuilt { bytes, ..made })
}

/// The new file, with the source attached to read.
fn open(
    source: &Connection,
    path: &Path,
    closing: Arc<AtomicBool>,
) -> Result<(Connection, Arc<InterruptHandler>)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE
        | OpenFlags::SQLITE_OPEN_URI;
    let mut conn = Connection::open_with_flags(path, flags).map_err(sqlite_error::map)?;
    let interrupt = InterruptHandler::new(closing);
    interrupt.install(&mut conn)?;
    interrupt.begin_unlimited();
    functions::register(&conn)?;
    for (switch, on) in [
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    ] {
        conn.set_db_config(switch, on).map_err(sqlite_error::map)?;
    }
    let mut settings = String::new();
    for pragma in ["page_size", "auto_vacuum", "application_id", "user_version"] {
        let value: i64 = source
            .pragma_query_value(None, pragma, |row| row.get(0))
            .map_err(sqlite_error::map)?;
        let _ = write!(settings, "PRAGMA {pragma} = {value};");
    }
    let encoding: String = source
        .pragma_query_value(None, "encoding", |row| row.get(0))
        .map_err(sqlite_error::map)?;
    let _ = write!(
        settings,
        "PRAGMA encoding = '{encoding}'; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; \
         PRAGMA ignore_check_constraints = ON; PRAGMA cache_size = -131072;"
    );
    conn.execute_batch(&settings).map_err(sqlite_error::map)?;
    let own = source.path().unwrap_or_default();
    conn.execute("ATTACH ?1 AS source", [uri(own)])
        .map_err(sqlite_error::map)?;
    Ok((conn, interrupt))
}

/// A path as SQLite opens it to read only.
fn uri(path: &str) -> String {
    let mut uri = String::from("file:");
    for byte in path.bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri + "?mode=ro"
}

fn fill(conn: &Connection, sink: &mut dyn ProgressSink) -> Result<Rebuilt> {
    let transaction = conn.unchecked_transaction().map_err(sqlite_error::map)?;
    let schema = Schema::load(conn).map_err(sqlite_error::map)?;
    let versions = open_versions(conn, "source")?;
    let mut made = Rebuilt::default();
    schema.create(conn, "table")?;
    for table in &schema.tables {
        if table.starts_with("ash_rusqlite_") {
            let name = quoted_name(table);
            run(
                conn,
                &format!("INSERT INTO main.{name} SELECT * FROM source.{name}"),
            )?;
        } else if versions.contains_key(table) {
            made.tables.push(table.clone());
        } else {
            made.empty.push(table.clone());
        }
    }
    for (table, versions) in &versions {
        if versions.last().is_some_and(|last| last.baselined.is_none()) {
            made.problems.push(format!(
                "{table}: its baseline is not complete, rows are missing"
            ));
        }
    }
    let mut steps = Steps {
        sink,
        phase: "rebuild",
        total: count(conn, "source.ash_rusqlite_events")?,
    };
    let named = |table: &str| format!("main.{}", quoted_name(table));
    let mut replay = Replay::new(conn, "source", &versions, named, Digests::Null)?;
    made.events = replay.run(Range::default(), &mut steps)?;
    drop(replay);
    for table in &made.tables {
        made.rows += count(conn, &named(table))?;
    }
    for (at, kind) in ["index", "virtual", "view", "trigger"].iter().enumerate() {
        let done = u64::try_from(at).unwrap_or(0);
        steps.report("indexes, views and triggers", done, 4)?;
        made.problems.extend(schema.create(conn, kind)?);
    }
    for table in &schema.virtual_tables {
        if !fill_index(conn, table)? {
            made.empty.push(table.clone());
        }
    }
    finish(conn, &schema)?;
    transaction.commit().map_err(sqlite_error::map)?;
    run(conn, "DETACH source")?;
    steps.step(made.events)?;
    Ok(made)
}

/// Fills a full-text index over another table from that. Returns whether it is one.
fn fill_index(conn: &Connection, table: &str) -> Result<bool> {
    let sql: String = conn
        .query_row(
            "SELECT sql FROM main.sqlite_schema WHERE name = ?1",
            [table],
            |row| row.get(0),
        )
        .map_err(sqlite_error::map)?;
    let tokens = lex(&sql);
    let is_over_another = tokens.iter().any(|token| token.is("fts5"))
        && tokens.windows(3).any(|three| match three {
            [option, equals, of] => {
                option.is("content") && equals.is("=") && !matches!(of.text.as_str(), "" | "''")
            }
            _ => false,
        });
    if is_over_another {
        let name = quoted_name(table);
        run(
            conn,
            &format!("INSERT INTO main.{name} ({name}) VALUES ('rebuild')"),
        )?;
    }
    Ok(is_over_another)
}

/// Numbers that were given stay given, and what follows is another history.
fn finish(conn: &Connection, schema: &Schema) -> Result<()> {
    if schema.numbers {
        run(
            conn,
            "DELETE FROM main.sqlite_sequence; \
             INSERT INTO main.sqlite_sequence SELECT * FROM source.sqlite_sequence",
        )?;
    }
    conn.execute(
        "UPDATE main.ash_rusqlite_meta SET value = ?1 WHERE key = 'journal_epoch'",
        [Uuid::new_v4().to_string()],
    )
    .map(drop)
    .map_err(sqlite_error::map)
}

fn run(conn: &Connection, sql: &str) -> Result<()> {
    conn.execute_batch(sql).map_err(sqlite_error::map)
}

/// The statements that made the source.
struct Schema {
    /// Kind and statement, in their order.
    statements: Vec<(String, String)>,
    tables: Vec<String>,
    virtual_tables: Vec<String>,
    /// Whether a table never gives a number twice.
    numbers: bool,
}

impl Schema {
    fn load(conn: &Connection) -> rusqlite::Result<Schema> {
        let mut stmt = conn.prepare(
            "SELECT s.type, s.name, s.sql, l.type FROM source.sqlite_schema AS s \
             LEFT JOIN pragma_table_list AS l ON l.schema = 'source' AND l.name = s.name \
             WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.rowid",
        )?;
        let mut rows = stmt.query([])?;
        let mut schema = Schema {
            statements: Vec::new(),
            tables: Vec::new(),
            virtual_tables: Vec::new(),
            numbers: false,
        };
        while let Some(row) = rows.next()? {
            let [kind, name, sql]: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
            let of_table: Option<String> = row.get(3)?;
            let kind = match (kind.as_str(), of_table.as_deref()) {
                // What a virtual table keeps its own in, which it makes itself.
                ("table", Some("shadow")) => continue,
                ("table", Some("virtual")) => {
                    schema.virtual_tables.push(name);
                    "virtual".to_owned()
                }
                ("table", _) => {
                    schema.tables.push(name);
                    kind
                }
                _ => kind,
            };
            schema.statements.push((kind, sql));
        }
        schema.numbers = conn
            .query_row(
                "SELECT 1 FROM source.sqlite_schema WHERE name = 'sqlite_sequence'",
                [],
                |_| Ok(()),
            )
            .optional()?
            .is_some();
        Ok(schema)
    }

    /// Makes all of a kind. Returns what could not be made because of the rows.
    fn create(&self, conn: &Connection, kind: &str) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for (_, sql) in self.statements.iter().filter(|(of, _)| of == kind) {
            match run(conn, sql) {
                Err(error) if kind == "index" && is_of_rows(&error) => {
                    problems.push(format!("{sql}: {}", error.message()));
                }
                result => result?,
            }
        }
        Ok(problems)
    }
}

/// Whether rows that hold placeholders are the reason.
fn is_of_rows(error: &Error) -> bool {
    matches!(error.code(), Code::UniqueViolation)
}
