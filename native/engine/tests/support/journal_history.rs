//! What tables held when an event was the newest, seen by a reader of the tables alone.

use std::collections::BTreeMap;

use rusqlite::Connection;

/// A row: what is in its columns, as SQL writes it.
pub type Row = BTreeMap<String, String>;
/// The rows of all tables.
pub type Tables = BTreeMap<&'static str, Vec<Row>>;

/// What the tables held when a seq was the newest.
pub struct Note {
    pub seq: u64,
    pub tables: Tables,
}

pub fn names_of(conn: &Connection, table: &str) -> Vec<String> {
    let mut stmt = conn
        .prepare("SELECT name FROM pragma_table_info(?1)")
        .unwrap();
    let names = stmt.query_map([table], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

/// A SELECT of a table's rows, each as one JSON.
pub fn select(conn: &Connection, table: &str) -> String {
    let pairs: Vec<String> = names_of(conn, table)
        .iter()
        .map(|name| format!("'{name}', quote({name})"))
        .collect();
    format!("SELECT json_object({}) FROM {table}", pairs.join(", "))
}

pub const NAMES: [&str; 3] = ["rooms", "messages", "members"];

pub fn sorted(rows: impl Iterator<Item = String>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect();
    rows.sort();
    rows
}

pub fn tables(conn: &Connection) -> Tables {
    let read = |table| {
        let mut stmt = conn.prepare(&select(conn, table)).unwrap();
        let rows = stmt.query_map([], |row| row.get::<_, String>(0)).unwrap();
        (table, sorted(rows.map(Result::unwrap)))
    };
    NAMES.into_iter().map(read).collect()
}

pub fn note(conn: &Connection) -> Note {
    conn.execute_batch("BEGIN").unwrap();
    let head = "SELECT coalesce(max(seq), 0) FROM ash_rusqlite_events";
    let head: i64 = conn.query_row(head, [], |row| row.get(0)).unwrap();
    let seq = u64::try_from(head).unwrap();
    let tables = tables(conn);
    conn.execute_batch("COMMIT").unwrap();
    Note { seq, tables }
}

/// A row with the columns of today.
pub fn as_today(row: &Row, columns: &[String]) -> Row {
    let value = |column: &String| {
        let old = column.replacen('y', "x", 1);
        let found = row.get(column).or_else(|| row.get(&old));
        // A column that came later: its default.
        let default = || column.trim_start_matches(['x', 'y']).to_owned();
        (column.clone(), found.cloned().unwrap_or_else(default))
    };
    columns.iter().map(value).collect()
}

/// The events of a row, for a message.
pub fn events_of(conn: &Connection, row: &Row) -> Vec<String> {
    let key = row.get("id").cloned().unwrap_or_default();
    let sql = format!(
        "SELECT seq || ' ' || type || ' ' || key || ' ' || coalesce(old, '') || ' ' || data \
         FROM ash_rusqlite_journal WHERE key = {key} OR old ->> 'id' = {key} ORDER BY seq"
    );
    match key.is_empty() {
        true => Vec::new(),
        false => {
            let mut stmt = conn.prepare(&sql).unwrap();
            let rows = stmt.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        }
    }
}
