//! A replay of a journal as simple as can be, and tables to journal.

#![allow(dead_code)]

use std::collections::BTreeMap;

use ash_rusqlite_engine::catalog::{JournalSpec, Subject};
use ash_rusqlite_engine::journal;
use rusqlite::types::Value;
use rusqlite::Connection;
use serde_json::{json, Map, Value as Json};

pub fn run(conn: &Connection, sql: &str) {
    conn.execute_batch(sql)
        .unwrap_or_else(|e| panic!("{e}: {sql}"));
}

pub fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0))
        .unwrap_or_else(|e| panic!("{e}: {sql}"))
}

pub fn texts(conn: &Connection, sql: &str) -> Vec<String> {
    let mut stmt = conn.prepare(sql).unwrap();
    let rows = stmt.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Messages of rooms, with this many rows.
pub fn messages(conn: &Connection, rows: usize) {
    run(
        conn,
        &format!(
            "CREATE TABLE messages (id TEXT PRIMARY KEY NOT NULL, room_id TEXT, user_id TEXT,
               content TEXT, image BLOB, score REAL, n INTEGER);
             WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT {rows})
             INSERT INTO messages SELECT printf('m%06d', n), 'r' || (n % 3), 'u' || (n % 5),
               'text ' || n, randomblob(3), n / 7.0, n FROM c WHERE {rows} > 0;"
        ),
    );
}

pub fn message_spec() -> JournalSpec {
    JournalSpec {
        event_type: "chat.message".into(),
        source: Some(Subject("room".into(), "room_id".into())),
        actor: Some(Subject("user".into(), "user_id".into())),
        ..JournalSpec::default()
    }
}

pub fn enable(conn: &Connection, table: &str, spec: &JournalSpec) {
    run(conn, "BEGIN IMMEDIATE");
    journal::enable(conn, table, spec).unwrap();
    run(conn, "COMMIT");
}

fn encoded(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            json!({ "blob": digits })
        }
    }
}

/// Rows by their keys as texts.
pub type Rows = BTreeMap<String, Json>;

fn key_of(row: &Map<String, Json>, key: &[&str]) -> String {
    let values: Vec<&Json> = key.iter().map(|column| &row[*column]).collect();
    json!(values).to_string()
}

/// The rows of a table.
pub fn table(conn: &Connection, name: &str, key: &[&str]) -> Rows {
    let mut stmt = conn.prepare(&format!("SELECT * FROM {name}")).unwrap();
    let columns: Vec<String> = stmt.column_names().map(str::to_owned).collect();
    let rows = stmt.query_map([], |row| {
        let values = columns.iter().enumerate();
        Ok(values
            .map(|(at, column)| (column.clone(), encoded(row.get(at).unwrap())))
            .collect::<Map<_, _>>())
    });
    let rows = rows.unwrap().map(Result::unwrap);
    rows.map(|row| (key_of(&row, key), Json::Object(row)))
        .collect()
}

/// The rows that a table's events give. Redacted values are null.
pub fn replayed(conn: &Connection, table: &str, key: &[&str]) -> Rows {
    let sql = "SELECT operation, key, data, old FROM ash_rusqlite_journal \
               WHERE \"table\" = ?1 AND operation <> 'redact' ORDER BY seq";
    let mut stmt = conn.prepare(sql).unwrap();
    let events = stmt.query_map([table], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, Value>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, Option<String>>(3)?,
        ))
    });
    let mut rows = Rows::new();
    for event in events.unwrap() {
        let (operation, stored, data, old) = event.unwrap();
        let data = object(&data);
        match operation.as_str() {
            "insert" | "baseline" => {
                rows.insert(key_of(&data, key), Json::Object(data));
            }
            "delete" => {
                rows.remove(&key_of(&data, key));
            }
            _ => {
                let now: Vec<Json> = match (key.len(), stored) {
                    (1, value) => vec![encoded(value)],
                    (_, Value::Text(text)) => serde_json::from_str(&text).unwrap(),
                    (_, other) => panic!("{other:?}"),
                };
                let old = object(&old.unwrap());
                let before = key.iter().zip(&now);
                let before: Vec<&Json> = before.map(|(c, v)| old.get(*c).unwrap_or(v)).collect();
                if let Some(Json::Object(mut row)) = rows.remove(&json!(before).to_string()) {
                    row.extend(data);
                    rows.insert(json!(now).to_string(), Json::Object(row));
                }
            }
        }
    }
    rows
}

fn object(text: &str) -> Map<String, Json> {
    let mut object: Map<String, Json> = serde_json::from_str(text).unwrap();
    for value in object.values_mut() {
        if *value == json!({ "redacted": true }) {
            *value = Json::Null;
        }
    }
    object
}
