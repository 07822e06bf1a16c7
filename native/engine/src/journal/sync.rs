//! What the file says of its journaled tables follows the triggers, in the transaction that changed
//! them.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::layout;
use super::spec::{EventOn, JournalSpec};
use super::triggers::is_journal_trigger;
use crate::error::Result;
use crate::schema::load_table;
use crate::sqlite_error;

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

/// What the file says of a table.
struct Known {
    id: i64,
    config: String,
    columns: String,
}

/// Brings the journal's own rows to what the triggers are. `renamed` are columns that were renamed
/// since the last time: the table, the old name and the new one.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn sync(conn: &Connection, renamed: &[(String, String, String)]) -> Result<()> {
    let wanted = Journaled::all(conn)?;
    if wanted.is_empty() && !layout::is_installed(conn)? {
        return Ok(());
    }
    layout::install(conn)?;
    let mut known = known(conn)?;
    for table in &wanted {
        add_types(conn, table)?;
        let now = columns(conn, &table.table)?;
        let config = serde_json::to_string(&table.spec).unwrap_or_default();
        match known.remove(&table.table) {
            Some(known) if known.config == config && known.columns == now => {}
            Some(known) => changed(conn, &known, &table.table, (&config, &now), renamed)?,
            None => begun(conn, &table.table, &config, &now)?,
        }
    }
    for gone in known.into_values() {
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
    let sql = "SELECT \"table\", id, config, columns FROM ash_rusqlite_journaled \
               WHERE until IS NULL ORDER BY id";
    let mut stmt = conn.prepare(sql).map_err(sqlite_error::map)?;
    let rows = stmt.query_map([], |row| {
        let known = Known {
            id: row.get(1)?,
            config: row.get(2)?,
            columns: row.get(3)?,
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
         SELECT ?1, ?2, ?3, head + 1, \
         CASE WHEN NOT EXISTS (SELECT 1 FROM {}) THEN head END \
         FROM (SELECT coalesce(max(seq), 0) AS head FROM ash_rusqlite_events)",
        crate::schema::quoted_name(table)
    );
    run(conn, &sql, (table, config, columns))
}

/// The table has other columns now, or is journaled in another way.
fn changed(
    conn: &Connection,
    known: &Known,
    table: &str,
    (config, columns): (&str, &str),
    renamed: &[(String, String, String)],
) -> Result<()> {
    let of_table = renamed.iter().filter(|(of, _, _)| of == table);
    let renamed: BTreeMap<&str, &str> = of_table
        .map(|(_, old, new)| (new.as_str(), old.as_str()))
        .collect();
    let renamed = match renamed.is_empty() {
        true => None,
        false => serde_json::to_string(&renamed).ok(),
    };
    run(
        conn,
        "INSERT INTO ash_rusqlite_journaled \
         (\"table\", config, columns, since, renamed, baseline_key, baselined) \
         SELECT ?1, ?2, ?3, (SELECT coalesce(max(seq), 0) + 1 FROM ash_rusqlite_events), ?4, \
         baseline_key, baselined FROM ash_rusqlite_journaled WHERE id = ?5",
        (table, config, columns, renamed, known.id),
    )?;
    run(
        conn,
        "UPDATE ash_rusqlite_journaled SET until = \
         (SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events) WHERE id = ?1",
        [known.id],
    )
}

fn run(conn: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    conn.execute(sql, params)
        .map(drop)
        .map_err(sqlite_error::map)
}
