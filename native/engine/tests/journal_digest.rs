//! Digests of sensitive values: what SQL computes is SHA-256.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use ash_rusqlite_engine::catalog::JournalSpec;
use ash_rusqlite_engine::journal;
use proptest::prelude::*;
use rusqlite::types::Value;
use rusqlite::Connection;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

fn keys() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE keys (id INTEGER PRIMARY KEY, secret, note TEXT)")
        .unwrap();
    let spec = JournalSpec {
        event_type: "chat.key".into(),
        sensitive: vec!["secret".into()],
        ..JournalSpec::default()
    };
    journal::enable(&conn, "keys", &spec).unwrap();
    conn
}

/// The column in the last event's data, or in what it had before.
fn last(conn: &Connection, place: &str) -> Json {
    let sql = format!("SELECT {place} FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1");
    let text: String = conn.query_row(&sql, [], |row| row.get(0)).unwrap();
    serde_json::from_str::<Json>(&text).unwrap()["secret"].clone()
}

fn write(conn: &Connection, value: &Value) -> Json {
    conn.execute("INSERT INTO keys (secret) VALUES (?1)", [value])
        .unwrap();
    last(conn, "data")
}

fn expected(conn: &Connection, value: &Value) -> Json {
    let secret: Vec<u8> = conn
        .query_row("SELECT secret FROM ash_rusqlite_request", [], |row| {
            row.get(0)
        })
        .unwrap();
    let (class, bytes) = match value {
        Value::Null => return Json::Null,
        Value::Integer(number) => ("integer", number.to_string().into_bytes()),
        Value::Real(number) => {
            let quoted: String = conn
                .query_row("SELECT quote(?1)", [number], |row| row.get(0))
                .unwrap();
            ("real", quoted.into_bytes())
        }
        Value::Text(text) => ("text", text.clone().into_bytes()),
        Value::Blob(bytes) => ("blob", bytes.clone()),
    };
    let mut hash = Sha256::new();
    hash.update(secret);
    hash.update(class);
    hash.update(bytes);
    let digits: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    serde_json::json!({ "digest": digits })
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Blob),
        "[a-zä€😀\\x00\n\"]{0,120}".prop_map(Value::Text),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>()
            .prop_filter("SQLite stores it as null", |real| !real.is_nan())
            .prop_map(Value::Real),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_digest_of_any_value_is_its_sha256(values in proptest::collection::vec(values(), 1..5)) {
        let conn = keys();
        for value in &values {
            prop_assert_eq!(write(&conn, value), expected(&conn, value));
        }
    }
}

#[test]
fn the_digest_of_every_length_up_to_two_blocks_is_its_sha256() {
    let conn = keys();
    for length in (0..140).chain([1_024]) {
        let value = Value::Blob(vec![0xa5; length]);
        assert_eq!(write(&conn, &value), expected(&conn, &value), "{length}");
    }
}

#[test]
fn null_stays_null_and_a_long_value_has_a_random_token() {
    let conn = keys();
    assert_eq!(write(&conn, &Value::Null), Json::Null);
    let long = Value::Text("x".repeat(1_025));
    let (one, two) = (write(&conn, &long), write(&conn, &long));
    assert_ne!(one, two);
    assert_eq!(one["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn an_event_says_that_a_value_came_back_and_nothing_of_it() {
    let conn = keys();
    let first = write(&conn, &Value::Text("sesame".into()));
    let update = |value: &str| {
        conn.execute("UPDATE keys SET secret = ?1", [value])
            .unwrap();
    };
    update("other");
    assert_eq!(last(&conn, "old"), first);
    assert_ne!(last(&conn, "data"), first);
    update("sesame");
    assert_eq!(last(&conn, "data"), first);
    // Of another journal it is another one.
    let other = keys();
    assert_ne!(write(&other, &Value::Text("sesame".into())), first);
    let found: i64 = conn
        .query_row(
            "SELECT count(*) FROM ash_rusqlite_events WHERE data || coalesce(old, '') LIKE '%sesame%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(found, 0);
}
