//! What is said to be missing would be used: each index is tried before it is named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[allow(dead_code)]
mod support {
    pub mod data;
    pub mod naive;
    pub mod queries;
}

use std::sync::atomic::AtomicBool;

use ash_rusqlite_engine::advice::advise;
use ash_rusqlite_engine::query::compile::compile_read;
use ash_rusqlite_engine::query::functions;
use ash_rusqlite_engine::query::ir::Read;
use ash_rusqlite_engine::schema::{unindexed_keys, IndexAdvice};
use ash_rusqlite_engine::ScannedStatement;
use proptest::prelude::*;
use rusqlite::Connection;
use support::data::{data, open, Data};
use support::queries::{query, Query};

const TABLES: &str = "
    CREATE TABLE rooms (id UUID_TEXT NOT NULL PRIMARY KEY, title TEXT);
    CREATE TABLE messages (
      id UUID_TEXT NOT NULL PRIMARY KEY,
      room_id UUID_TEXT REFERENCES rooms (id),
      user_id UUID_TEXT,
      hidden BOOLEAN_INT,
      text TEXT,
      created_at DATETIME_USEC_TEXT NOT NULL);
    CREATE TABLE members (
      room_id UUID_TEXT, user_id UUID_TEXT, role TEXT, PRIMARY KEY (room_id, user_id));";

fn tables(more: &str) -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    conn.execute_batch(TABLES).unwrap();
    conn.execute_batch(more).unwrap();
    conn
}

fn scanned(sql: &str) -> ScannedStatement {
    ScannedStatement {
        sql: sql.into(),
        runs: 1,
        full_scan_steps: 1_000,
        ..ScannedStatement::default()
    }
}

fn indexes(conn: &Connection, sql: &str) -> Vec<IndexAdvice> {
    let advice = advise(conn, vec![scanned(sql)], 100, &AtomicBool::new(false)).unwrap();
    let statement = advice.statements.into_iter().next();
    statement.map(|found| found.indexes).unwrap_or_default()
}

/// The statements that would make them.
fn advised(conn: &Connection, sql: &str) -> Vec<String> {
    let indexes = indexes(conn, sql).into_iter();
    indexes.map(|index| index.statement).collect()
}

fn plan(conn: &Connection, sql: &str) -> String {
    let mut stmt = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = stmt.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get::<_, String>(3).unwrap());
    }
    lines.join("; ")
}

#[test]
fn equal_columns_come_before_the_order_and_the_key() {
    let sql = "SELECT * FROM messages WHERE room_id = ? AND hidden = ? \
               ORDER BY created_at DESC, id DESC LIMIT 50";
    assert_eq!(
        advised(&tables(""), sql),
        [
            "CREATE INDEX \"messages_room_id_hidden_created_at_id_index\" ON \"messages\" \
          (\"room_id\", \"hidden\", \"created_at\", \"id\")"
        ]
    );
}

#[test]
fn an_order_in_two_directions_is_one_of_the_index() {
    let sql = "SELECT id FROM messages WHERE room_id = ? ORDER BY created_at DESC, id LIMIT 50";
    let conn = tables("");
    let found = indexes(&conn, sql);
    let key = |name: &str, descending| (name.to_owned(), descending);
    let one = [
        key("room_id", false),
        key("created_at", true),
        key("id", false),
    ];
    let other = [
        key("room_id", false),
        key("created_at", false),
        key("id", true),
    ];
    assert_eq!(found.len(), 1);
    assert!(
        [&one[..], &other[..]].contains(&&found[0].columns[..]),
        "{found:?}"
    );
}

#[test]
fn a_range_alone_is_served() {
    let sql = "DELETE FROM messages WHERE created_at < ? RETURNING id";
    assert_eq!(
        advised(&tables(""), sql),
        ["CREATE INDEX \"messages_created_at_index\" ON \"messages\" (\"created_at\")"]
    );
}

#[test]
fn a_table_inside_of_a_condition_is_served() {
    let sql = "SELECT * FROM rooms WHERE id = ? AND EXISTS \
               (SELECT 1 FROM members AS m WHERE m.room_id = rooms.id AND m.role = ?)";
    assert_eq!(advised(&tables(""), sql), [""; 0], "{sql}");
    let sql = "SELECT title FROM rooms WHERE id = ? AND EXISTS \
               (SELECT 1 FROM messages AS m WHERE m.user_id = rooms.id)";
    assert_eq!(
        advised(&tables(""), sql),
        ["CREATE INDEX \"messages_user_id_index\" ON \"messages\" (\"user_id\")"]
    );
}

#[test]
fn nothing_is_said_where_no_index_helps_or_one_is_there() {
    for sql in [
        "SELECT * FROM messages",
        "SELECT count(*) FROM messages",
        "SELECT * FROM messages WHERE text LIKE '%a%'",
        "SELECT * FROM messages WHERE lower(text) = ?",
        "SELECT * FROM messages WHERE id = ?",
        "SELECT * FROM messages WHERE text = ? COLLATE NOCASE",
        "SELECT * FROM a_table_that_was_dropped WHERE a = ?",
    ] {
        assert_eq!(advised(&tables(""), sql), [""; 0], "{sql}");
    }
    let index = "CREATE INDEX of_room ON messages (room_id)";
    let sql = "SELECT * FROM messages WHERE room_id = ?";
    assert_eq!(advised(&tables(index), sql), [""; 0]);
}

#[test]
fn statistics_of_the_file_count() {
    let sql = "SELECT * FROM messages WHERE text = ? AND user_id = ?";
    let index = "CREATE INDEX of_text ON messages (text);";
    assert_eq!(advised(&tables(index), sql), [""; 0]);
    // Every row has the same text: the index leads to all of them, as SQLite knows from ANALYZE.
    let statistics = format!(
        "{index} PRAGMA foreign_keys = OFF;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000)
        INSERT INTO messages SELECT i, 'r', 'u' || i, 0, 't', i FROM n;
        ANALYZE;"
    );
    assert_eq!(
        advised(&tables(&statistics), sql),
        ["CREATE INDEX \"messages_user_id_text_index\" ON \"messages\" (\"user_id\", \"text\")"]
    );
}

#[test]
fn a_statement_that_would_not_scan_any_more_is_left_out() {
    let statements = |conn: &Connection, sql: &str| {
        let advice = advise(conn, vec![scanned(sql)], 100, &AtomicBool::new(false)).unwrap();
        advice.statements.len()
    };
    let sql = "SELECT * FROM messages WHERE room_id = ?";
    assert_eq!(statements(&tables(""), sql), 1);
    let index = "CREATE INDEX of_room ON messages (room_id)";
    assert_eq!(statements(&tables(index), sql), 0);
    assert_eq!(statements(&tables("DROP TABLE messages"), sql), 0);
    let no_index = "SELECT * FROM messages WHERE lower(text) = ?";
    assert_eq!(statements(&tables(""), no_index), 1);
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let conn = tables("CREATE INDEX messages_user_id_index ON messages (text)");
    let sql = "SELECT * FROM messages WHERE user_id = ?";
    assert_eq!(indexes(&conn, sql)[0].name, "messages_user_id_index_2");
}

#[test]
fn few_steps_and_rows_that_were_wanted_are_no_scan() {
    let conn = tables("");
    let sql = "SELECT * FROM messages WHERE user_id = ?";
    let statements = |scanned| {
        let advice = advise(&conn, vec![scanned], 100, &AtomicBool::new(false)).unwrap();
        advice.statements.len()
    };
    assert_eq!(statements(scanned(sql)), 1);
    let many_runs = ScannedStatement {
        runs: 11,
        ..scanned(sql)
    };
    assert_eq!(statements(many_runs), 0);
    let all_wanted = ScannedStatement {
        rows: 1_001,
        ..scanned(sql)
    };
    assert_eq!(statements(all_wanted), 0);
}

#[test]
fn a_foreign_key_is_named_until_an_index_begins_with_it() {
    let conn = tables(
        "CREATE TABLE reads (
           message_id UUID_TEXT REFERENCES messages, user_id UUID_TEXT REFERENCES rooms,
           PRIMARY KEY (user_id, message_id));
         CREATE TABLE folders (id INTEGER PRIMARY KEY REFERENCES rooms);
         CREATE TABLE pairs (a INTEGER, b INTEGER, FOREIGN KEY (a, b) REFERENCES p (x, y));",
    );
    let found = unindexed_keys(&conn).unwrap();
    let named: Vec<_> = found
        .iter()
        .map(|key| (key.index.statement.as_str(), key.references.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            (
                "CREATE INDEX \"messages_room_id_index\" ON \"messages\" (\"room_id\")",
                "rooms"
            ),
            (
                "CREATE INDEX \"pairs_a_b_index\" ON \"pairs\" (\"a\", \"b\")",
                "p"
            ),
            (
                "CREATE INDEX \"reads_message_id_index\" ON \"reads\" (\"message_id\")",
                "messages"
            ),
        ]
    );
    for key in &found {
        conn.execute_batch(&key.index.statement).unwrap();
    }
    assert_eq!(unindexed_keys(&conn).unwrap(), []);
}

#[test]
fn an_index_that_a_later_one_takes_the_place_of_is_not_named() {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE x (id INTEGER PRIMARY KEY, t TEXT, d TEXT)")
        .unwrap();
    let sql = "SELECT * FROM x WHERE d IS NULL AND t IS NOT NULL \
               AND ((t < ? OR t IS NULL) OR (t = ? AND rowid < ?)) ORDER BY t DESC, rowid DESC";
    let found = indexes(&conn, sql);
    for index in &found {
        conn.execute_batch(&index.statement).unwrap();
    }
    let after = plan(&conn, sql);
    assert!(!found.is_empty());
    for index in &found {
        assert!(
            after.contains(&format!(" INDEX {}", index.name)),
            "{} of {found:?}: {after}",
            index.name
        );
    }
}

proptest! {
    #[test]
    fn every_index_that_is_named_is_used_by_the_plan(data in data(), query in query()) {
        named_indexes_are_used(&data, &query)?;
    }
}

fn named_indexes_are_used(data: &Data, query: &Query) -> Result<(), TestCaseError> {
    let (conn, catalog, table) = open(data);
    let read = Read::Select(query.select(&table));
    let sql = compile_read(&read, &catalog).unwrap().sql;
    let before = plan(&conn, &sql);
    let found = indexes(&conn, &sql);
    for index in &found {
        conn.execute_batch(&index.statement).unwrap();
    }
    let after = plan(&conn, &sql);
    for index in &found {
        prop_assert!(
            after.contains(&format!(" INDEX {}", index.name)),
            "{sql}: {before} became {after} with {}",
            index.statement
        );
    }
    Ok(())
}

#[test]
fn nothing_but_its_own_statement_is_run_of_a_schema_that_another_program_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (path, attached) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE TABLE u (y); PRAGMA writable_schema = 1;
         UPDATE sqlite_schema SET sql = sql || '; ATTACH ''{}'' AS b; CREATE TABLE b.c (d)'
         WHERE name = 'u'",
        attached.display()
    ))
    .unwrap();
    // Connections that open the file from here on get the error that it is damaged, but this one has
    // read its tables.
    functions::register(&conn).unwrap();
    assert_eq!(
        advised(&conn, "SELECT id FROM t WHERE x = 1"),
        ["CREATE INDEX \"t_x_index\" ON \"t\" (\"x\")"]
    );
    assert!(!attached.exists());
}
