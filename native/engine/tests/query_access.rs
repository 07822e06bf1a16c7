//! What compiled queries need of their connection is allowed on a guarded one too: lists as
//! arrays, decimals by their value, sums that do not overflow in silence.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use ash_rusqlite_engine::query::ir::{
    Aggregate, Assignment, CompareOp, Read, Returning, Scalar, Select, Update, Write,
};
use ash_rusqlite_engine::{Code, TransactionOp, Value};
use serde_json::json;
use support::host;

fn decimal(coefficient: &str, exponent: i64) -> Value {
    Value::Decimal {
        negative: false,
        coefficient: coefficient.into(),
        exponent,
    }
}

fn grow(by: i64) -> Write {
    Write::Update(Update {
        table: "goods".into(),
        filter: None,
        set: vec![Assignment::Increment("stock".into(), Value::Integer(by))],
        returning: Returning::Nothing,
    })
}

#[test]
fn guarded_connections_run_every_kind_of_query() {
    let database = host::with_tables(
        host::config(":memory:", json!({})),
        "CREATE TABLE goods (id INTEGER PRIMARY KEY, price DECIMAL_TEXT, stock INTEGER);",
    );
    for (id, price) in [(1, decimal("1000", -2)), (2, decimal("95", -1))] {
        let row = [
            ("id", Value::Integer(id)),
            ("price", price),
            ("stock", Value::Integer(id)),
        ];
        host::write(&database, host::insert("goods", &row)).unwrap();
    }
    let among = Scalar::among("id", (0..40).map(Value::Integer).collect());
    let cheap = host::compare("price", CompareOp::Lt, decimal("10", 0)).unwrap();
    let select = Select {
        table: "goods".into(),
        filter: Some(Scalar::And(vec![among.clone(), cheap])),
        ..Select::default()
    };
    let rows = host::read(&database, Read::Select(select.clone())).unwrap();
    assert_eq!(rows.len(), 1);
    let column = Some("price".into());
    let select = Select {
        filter: None,
        ..select
    };
    let sum = Read::Aggregate {
        function: Aggregate::Sum,
        column,
        select,
    };
    let sum = host::read(&database, sum).unwrap();
    assert_eq!(sum, [[json!("19.50")]]);
    host::write(&database, grow(5)).unwrap();
    let error = host::write(&database, grow(i64::MAX)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidValue);
    host::write(&database, host::delete("goods", Some(among))).unwrap();
    assert_eq!(host::count(&database, "goods"), 0);
    host::close(database);
}

#[test]
fn full_text_and_rtree_tables_are_read_and_their_parts_are_not_written_by_queries() {
    let database = host::with_tables(
        host::config(":memory:", json!({"readers": 1})),
        "CREATE VIRTUAL TABLE words USING fts5(body);
         CREATE VIRTUAL TABLE places USING rtree(id, low, high);
         CREATE TABLE family_node (id INTEGER PRIMARY KEY);",
    );
    let words = host::insert("words", &[("body", host::text("the quick brown fox"))]);
    let place = host::insert(
        "places",
        &[
            ("id", Value::Integer(7)),
            ("low", Value::Real(0.5)),
            ("high", Value::Real(2.0)),
        ],
    );
    host::write(&database, words).unwrap();
    host::write(&database, place).unwrap();
    let found = host::sql("SELECT body FROM words WHERE words MATCH 'quick'");
    assert_eq!(
        host::read(&database, found).unwrap(),
        [[json!("the quick brown fox")]]
    );
    let near = || host::sql("SELECT id FROM places WHERE low < 1");
    assert_eq!(host::read(&database, near()).unwrap(), [[json!(7)]]);
    for sql in [
        "DELETE FROM places_node",
        "INSERT INTO places_rowid VALUES (1, 1) RETURNING 1",
        "UPDATE places_parent SET parentnode = 1 RETURNING 1",
        "DELETE FROM places RETURNING 1",
        // No part of an rtree, but named like one.
        "INSERT INTO family_node VALUES (1) RETURNING id",
    ] {
        let error = host::read(&database, host::sql(sql)).unwrap_err();
        assert_eq!(error.code(), Code::NotAllowed, "{sql}");
        // The writer's connection could write, if it were let.
        let transaction = host::begin(&database);
        let error = host::step(&database, transaction, TransactionOp::Read(host::sql(sql)));
        assert_eq!(error.unwrap_err().code(), Code::NotAllowed, "{sql}");
        host::finish(&database, transaction, true).unwrap();
    }
    assert_eq!(host::read(&database, near()).unwrap(), [[json!(7)]]);
    assert_eq!(host::count(&database, "family_node"), 0);
}
