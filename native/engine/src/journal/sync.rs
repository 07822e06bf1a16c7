//! What the file says of its journaled tables follows the triggers, in the transaction that changed
//! them.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::Connection;

use super::follow::Renamed;
use super::layout;
use super::triggers::encoded;
use crate::catalog::{is_journal_trigger, load_table, Column, EventOn, JournalSpec};
use crate::error::Result;
use crate::sqlite::lex::same;
use crate::sqlite::sqlite_error;
use crate::value::Affinity;

/// A journaled table as its trigger says it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Journaled {
    pub(crate) table: String,
    pub(crate) spec: JournalSpec,
}

impl Journaled {
    /// All of a database.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn all(conn: &Connection) -> Result<Vec<Journaled>> {
        let mut stmt = conn
            .prepare_cached(
                "SELECT tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' \
                 AND name LIKE '%\\_journal\\_insert' ESCAPE '\\' ORDER BY tbl_name",
            )
            .map_err(sqlite_error::map)?;
        let rows = stmt
            .query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })
            .map_err(sqlite_error::map)?;
        let mut all = Vec::new();
        for row in rows {
            let (table, sql) = row.map_err(sqlite_error::map)?;
            all.extend(is_journal_trigger(&sql).map(|spec| Journaled { table, spec }));
        }
        Ok(all)
    }
}

/// The tables whose triggers are gone although their journal was not switched off: they were
/// rebuilt. `all` are those with triggers.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn lost(conn: &Connection, all: &[Journaled]) -> Result<Vec<Journaled>> {
    let mut lost = Vec::new();
    for known in known(conn)?.into_values() {
        let there = all.iter().any(|other| same(&other.table, &known.table));
        if !there && !known.switched_off && load_table(conn, &known.table)?.is_some() {
            lost.extend(
                serde_json::from_str(&known.config)
                    .ok()
                    .map(|spec| Journaled {
                        table: known.table,
                        spec,
                    }),
            );
        }
    }
    Ok(lost)
}

/// What the file says of a table.
struct Known {
    id: i64,
    table: String,
    config: String,
    columns: String,
    switched_off: bool,
}

/// When the journal's own rows are brought to what the triggers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncPoint<'r> {
    /// After a statement, which may have renamed something. Triggers that are gone may come back.
    Statement(Option<&'r Renamed>),
    /// At the end of what changes the schema.
    End,
}

/// The `until` of a table whose journal a statement has switched off, before the end says whether
/// that is so.
const SWITCHED_OFF: i64 = -1;

/// A statement has dropped a trigger of the table's journal.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn switched_off(conn: &Connection, table: &str) -> Result<()> {
    run(
        conn,
        "UPDATE ash_rusqlite_journaled SET until = ?1 \
         WHERE \"table\" = ?2 COLLATE NOCASE AND until IS NULL",
        (SWITCHED_OFF, table),
    )
}

/// Brings the journal's own rows to what the triggers are.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn sync(conn: &Connection, moment: SyncPoint<'_>) -> Result<()> {
    let renamed = match moment {
        SyncPoint::Statement(renamed) => renamed,
        SyncPoint::End => None,
    };
    let wanted = Journaled::all(conn)?;
    if wanted.is_empty() && !layout::is_installed(conn)? {
        return Ok(());
    }
    layout::install(conn)?;
    let mut known = known(conn)?;
    if let Some(old) = renamed.filter(|renamed| renamed.is_table) {
        if let Some(found) = known.remove(&old.from) {
            known.insert(old.to.clone(), found);
        }
    }
    for table in &wanted {
        add_types(conn, table)?;
        let now = columns(conn, &table.table)?;
        let config = serde_json::to_string(&table.spec).unwrap_or_default();
        match known.remove(&table.table) {
            Some(known)
                if known.table == table.table && known.config == config && known.columns == now =>
            {
                run(
                    conn,
                    "UPDATE ash_rusqlite_journaled SET until = NULL WHERE id = ?1 AND until = ?2",
                    (known.id, SWITCHED_OFF),
                )?;
            }
            Some(known) => changed(conn, &known, &table.table, (&config, &now), renamed)?,
            None => begun(conn, &table.table, &config, &now)?,
        }
    }
    let gone = known.into_values();
    for gone in gone.filter(|_| moment == SyncPoint::End) {
        run(
            conn,
            "UPDATE ash_rusqlite_journaled SET until = \
             (SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events) WHERE id = ?1",
            [gone.id],
        )?;
    }
    Ok(())
}

fn known(conn: &Connection) -> Result<BTreeMap<String, Known>> {
    let sql = "SELECT \"table\", id, config, columns, until FROM ash_rusqlite_journaled \
               WHERE until IS NULL OR until = ?1 ORDER BY id";
    let mut stmt = conn.prepare(sql).map_err(sqlite_error::map)?;
    let rows = stmt.query_map([SWITCHED_OFF], |row| {
        let known = Known {
            id: row.get(1)?,
            table: row.get(0)?,
            config: row.get(2)?,
            columns: row.get(3)?,
            switched_off: row.get::<_, Option<i64>>(4)?.is_some(),
        };
        Ok((row.get(0)?, known))
    });
    rows.and_then(Iterator::collect).map_err(sqlite_error::map)
}

/// The columns that hold what is written to them, as JSON.
fn columns(conn: &Connection, table: &str) -> Result<String> {
    let found = load_table(conn, table)?;
    let columns = found.iter().flat_map(|table| &table.columns);
    let names: Vec<&str> = columns
        .filter(|column| !column.generated)
        .map(|column| column.name.as_str())
        .collect();
    Ok(serde_json::to_string(&names).unwrap_or_default())
}

fn add_types(conn: &Connection, table: &Journaled) -> Result<()> {
    let mut types: Vec<(String, &str)> = Vec::new();
    for on in [EventOn::Insert, EventOn::Update, EventOn::Delete] {
        let own = table.spec.types(on).into_iter();
        types.extend(own.map(|name| (name, on.name())));
    }
    for (suffix, operation) in [("baseline", "baseline"), ("redacted", "redact")] {
        types.push((format!("{}.{suffix}", table.spec.event_type), operation));
    }
    for (name, operation) in types {
        run(
            conn,
            "INSERT INTO ash_rusqlite_event_types (name, \"table\", operation) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO NOTHING",
            (name, &table.table, operation),
        )?;
    }
    Ok(())
}

/// A table without rows needs no baseline.
fn begun(conn: &Connection, table: &str, config: &str, columns: &str) -> Result<()> {
    let sql = format!(
        "INSERT INTO ash_rusqlite_journaled (\"table\", config, columns, since, baselined) \
         SELECT ?1, ?2, ?3, head + 1, CASE WHEN NOT EXISTS (SELECT 1 FROM {}) THEN head END \
         FROM (SELECT coalesce(max(seq), 0) AS head FROM ash_rusqlite_events)",
        crate::sqlite::lex::quoted_name(table)
    );
    run(conn, &sql, (table, config, columns))
}

/// The table has other columns now, or is journaled in another way.
fn changed(
    conn: &Connection,
    known: &Known,
    table: &str,
    (config, columns): (&str, &str),
    renamed: Option<&Renamed>,
) -> Result<()> {
    let (names, defaults) = versions(conn, known, table, renamed)?;
    run(
        conn,
        "INSERT INTO ash_rusqlite_journaled \
         (\"table\", config, columns, since, renamed, defaults, baseline_key, baselined) \
         SELECT ?1, ?2, ?3, (SELECT coalesce(max(seq), 0) + 1 FROM ash_rusqlite_events), ?4, ?5, \
         baseline_key, baselined FROM ash_rusqlite_journaled WHERE id = ?6",
        (table, config, columns, names, defaults, known.id),
    )?;
    run(
        conn,
        "UPDATE ash_rusqlite_journaled SET until = \
         (SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events) WHERE id = ?1",
        [known.id],
    )
}

/// The old names of columns by their new ones, `*` for the table, and what rows that were there have
/// in columns that are new. The names are an object, be it empty: only the version with which a table
/// begins to be journaled has none.
fn versions(
    conn: &Connection,
    known: &Known,
    table: &str,
    renamed: Option<&Renamed>,
) -> Result<(Option<String>, Option<String>)> {
    let before: Vec<String> = serde_json::from_str(&known.columns).unwrap_or_default();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    if let Some(renamed) = renamed.filter(|renamed| same(&renamed.table, table)) {
        let new = if renamed.is_table {
            "*"
        } else {
            renamed.to.as_str()
        };
        names.insert(new.to_owned(), renamed.from.clone());
    }
    let mut defaults: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    for column in load_table(conn, table)?
        .iter()
        .flat_map(|table| &table.columns)
    {
        let old = names.get(&column.name).unwrap_or(&column.name);
        if !column.generated && !before.iter().any(|name| same(name, old)) {
            defaults.insert(column.name.clone(), default(conn, column)?);
        }
    }
    let defaults = match defaults.is_empty() {
        true => None,
        false => serde_json::to_string(&defaults).ok(),
    };
    Ok((serde_json::to_string(&names).ok(), defaults))
}

/// What a column gives a row that leaves it out, in SQL and with the affinity of the column.
fn default_sql(column: &Column) -> String {
    let default = column.default.as_deref().unwrap_or("NULL");
    format!("(SELECT CAST(({default}) AS {}))", cast(&column.declared))
}

/// What a column gives a row that leaves it out.
///
/// # Errors
/// Those of SQLite.
pub(super) fn default_value(conn: &Connection, column: &Column) -> Result<Value> {
    let sql = format!("SELECT {}", default_sql(column));
    conn.query_row(&sql, [], |row| row.get(0))
        .map_err(sqlite_error::map)
}

/// The same, encoded.
fn default(conn: &Connection, column: &Column) -> Result<serde_json::Value> {
    let value = default_sql(column);
    let sql = format!("SELECT {}", encoded(&value, &column.declared));
    let json: String = conn
        .query_row(&sql, [], |row| row.get(0))
        .map_err(sqlite_error::map)?;
    Ok(serde_json::from_str(&json).unwrap_or_default())
}

/// What leaves a constant as a column would store it.
fn cast(declared: &str) -> &'static str {
    match Affinity::of(declared) {
        Affinity::Text => "TEXT",
        Affinity::Real => "REAL",
        Affinity::Integer | Affinity::Numeric => "NUMERIC",
        Affinity::Nothing => "BLOB",
    }
}

fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    conn.execute(sql, params)
        .map(drop)
        .map_err(sqlite_error::map)
}
