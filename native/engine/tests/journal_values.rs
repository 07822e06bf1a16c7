//! Promise P6: what is in an event is what was in the row, to the bit.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/journal.rs"]
mod fixture;

use ash_rusqlite_engine::journal;
use fixture::{bits, open, rebuild, run, spec, verify};
use proptest::prelude::*;
use rusqlite::types::Value;

const COLUMNS: [&str; 7] = ["i", "t", "r", "n", "b", "x", "d"];

fn real() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("SQLite makes NULL of it", |number| !number.is_nan()),
        (-1e18..1e18_f64),
        (-1000_i64..1000).prop_map(|number| number as f64 / 7.0),
        Just(0.0),
        Just(-0.0),
        Just(0.1),
        Just(f64::from_bits(1)),
        Just(f64::MIN_POSITIVE),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(9_007_199_254_740_993.0),
        Just(0.300_000_000_000_000_04),
    ]
}

/// A value and whether its bytes are a text, which need not be UTF-8.
fn value() -> impl Strategy<Value = (Value, bool)> {
    let plain = |value: Value| (value, false);
    prop_oneof![
        Just(plain(Value::Null)),
        any::<i64>().prop_map(move |number| plain(Value::Integer(number))),
        real().prop_map(move |number| plain(Value::Real(number))),
        ".*".prop_map(move |text| plain(Value::Text(text))),
        "[0-9]{1,20}(\\.[0-9]{1,20})?(e[-+]?[0-9]{1,3})?"
            .prop_map(move |text| plain(Value::Text(text))),
        proptest::collection::vec(any::<char>(), 0..20)
            .prop_map(move |text| plain(Value::Text(text.into_iter().collect()))),
        Just(plain(Value::Text("a\0b\u{1}\"\\/\u{7f}\u{2028}".into()))),
        proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(move |bytes| plain(Value::Blob(bytes))),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| (Value::Blob(bytes), true)),
    ]
}

fn row() -> impl Strategy<Value = Vec<(Value, bool)>> {
    proptest::collection::vec(value(), COLUMNS.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_value_comes_back_as_it_was(
        rows in proptest::collection::vec(row(), 1..12),
        others in proptest::collection::vec(row(), 1..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let conn = open(&path);
        run(
            &conn,
            "CREATE TABLE loose (id INTEGER PRIMARY KEY, i INTEGER, t TEXT, r REAL, n NUMERIC, b BLOB, x, d DECIMAL_TEXT);
             CREATE TABLE strict (id INTEGER PRIMARY KEY, i INT, t TEXT, r REAL, n ANY, b BLOB, x ANY, d INTEGER) STRICT;
             CREATE TABLE keyed (id PRIMARY KEY NOT NULL, i, UNIQUE (id, i));",
        );
        for table in ["loose", "strict", "keyed"] {
            journal::enable(&conn, table, &spec("t", None)).unwrap();
        }
        for (id, row) in rows.iter().enumerate() {
            for table in ["loose", "strict"] {
                // A STRICT table refuses some.
                for (column, (value, is_text)) in COLUMNS.iter().zip(row) {
                    let place = if *is_text { "CAST(?2 AS TEXT)" } else { "?2" };
                    let sql = format!(
                        "INSERT INTO {table} (id, {column}) VALUES (?1, {place}) \
                         ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}"
                    );
                    let _ = conn.execute(&sql, (id as i64, value));
                }
            }
            let _ = conn.execute("INSERT INTO keyed VALUES (?1, ?2)", (&row[5].0, &row[0].0));
        }
        for (id, row) in others.iter().enumerate() {
            for (column, (value, is_text)) in COLUMNS.iter().zip(row) {
                let place = if *is_text { "CAST(?2 AS TEXT)" } else { "?2" };
                for table in ["loose", "strict"] {
                    let sql = format!("UPDATE {table} SET {column} = {place} WHERE id = ?1");
                    let _ = conn.execute(&sql, (id as i64, value));
                }
            }
            let _ = conn.execute("UPDATE OR IGNORE keyed SET id = ?1 WHERE rowid = ?2", (&row[5].0, id as i64));
        }
        let to = dir.path().join("b.db");
        rebuild(&conn, &to);
        let copy = open(&to);
        for table in ["loose", "strict", "keyed"] {
            let sql = format!("SELECT * FROM {table} ORDER BY id");
            prop_assert_eq!(bits(&conn, &sql), bits(&copy, &sql));
        }
        let verified = verify(&path);
        prop_assert!(verified.is_ok(), "{:?}", verified);
    }
}
