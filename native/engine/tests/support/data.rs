//! Random tables, in SQLite and in the naive model.

use ash_rusqlite_engine::catalog::Catalog;
use ash_rusqlite_engine::query::compile::{bind, compile_write, InsertPlans, Param};
use ash_rusqlite_engine::query::functions;
use ash_rusqlite_engine::query::ir::{Conflict, Insert, Returning, Write};
use ash_rusqlite_engine::Value;
use proptest::prelude::*;
use proptest::sample::select as one_of;
use rusqlite::Connection;

use super::naive::{cell, Cell, Column, Kind, Table};

pub const COLUMNS: [(&str, Kind); 8] = [
    ("id", Kind::Integer),
    ("p", Kind::Decimal),
    ("n", Kind::Integer),
    ("m", Kind::Integer),
    ("r", Kind::Real),
    ("t", Kind::Text),
    ("s", Kind::Text),
    ("d", Kind::Decimal),
];
const NOT_NULL: [&str; 4] = ["id", "p", "m", "s"];
const KEYS: [&str; 4] = [
    "PRIMARY KEY (id))",
    "PRIMARY KEY (s, m)) WITHOUT ROWID",
    "",
    "PRIMARY KEY (p))",
];
const INDEXES: [&str; 6] = ["n", "t, n", "s, m, id", "d", "r DESC, m", "m, n DESC"];

/// Rows, which of `KEYS` they have, and which of `INDEXES`, one bit each.
#[derive(Clone, Debug)]
pub struct Data {
    key: usize,
    indexes: usize,
    rows: Vec<Vec<Value>>,
}

fn number(text: &str) -> Value {
    let negative = text.starts_with('-');
    let (text, power) = text.split_once('E').unwrap_or((text, "0"));
    let digits = text.trim_start_matches('-').replace('.', "");
    let digits = digits.trim_start_matches('0');
    let fraction = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    Value::Decimal {
        negative,
        coefficient: if digits.is_empty() { "0" } else { digits }.to_owned(),
        exponent: power.parse::<i64>().unwrap() - fraction as i64,
    }
}

pub fn value(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Integer => prop_oneof![9 => -3..4_i64, 1 => Just(-(1 << 40)), 1 => Just(1 << 40)]
            .prop_map(Value::Integer)
            .boxed(),
        Kind::Real => (-6..6_i32)
            .prop_map(|n| Value::Real(f64::from(n) * 0.25))
            .boxed(),
        Kind::Text => {
            let special = one_of(vec![
                "",
                "a%b",
                "a_b",
                "\\",
                "'; DROP TABLE x; --",
                "日本",
                "😀",
            ]);
            prop_oneof![special.prop_map(str::to_owned), "[aAbä%_\\\\\"']{0,3}"]
                .prop_map(|text| Value::Bytes(text.into_bytes()))
                .boxed()
        }
        Kind::Decimal => one_of(vec![
            "1",
            "1.0",
            "1.10",
            "1.1",
            "-2.5",
            "-10",
            "0",
            "0.00",
            "10",
            "1E+1",
            "1.0E+1",
            "-1E+1",
            "2.5E+3",
            "9.99",
            "0.001",
            "100000000000000000000000000.1",
            "-100000000000000000000000000.2",
        ])
        .prop_map(number)
        .boxed(),
    }
}

pub fn nullable(kind: Kind) -> BoxedStrategy<Value> {
    prop_oneof![1 => Just(Value::Null), 4 => value(kind)].boxed()
}

pub fn data() -> impl Strategy<Value = Data> {
    let row: Vec<BoxedStrategy<Value>> = COLUMNS
        .iter()
        .map(|(name, kind)| {
            if NOT_NULL.contains(name) {
                value(*kind)
            } else {
                nullable(*kind)
            }
        })
        .collect();
    (
        0..KEYS.len(),
        0..64_usize,
        prop::collection::vec(row, 0..24),
    )
        .prop_map(|(key, indexes, mut rows)| {
            for (index, row) in rows.iter_mut().enumerate() {
                row[0] = Value::Integer(index as i64);
            }
            let unique = |places: &'static [usize], rows: &mut Vec<Vec<Value>>| {
                let mut seen: Vec<Vec<Value>> = Vec::new();
                rows.retain(|row| {
                    let key: Vec<Value> = places.iter().map(|place| row[*place].clone()).collect();
                    let new = !seen.contains(&key);
                    seen.push(key);
                    new
                });
            };
            match key {
                1 => unique(&[6, 3], &mut rows),
                3 => unique(&[1], &mut rows),
                _ => {}
            }
            Data { key, indexes, rows }
        })
}

pub fn open(data: &Data) -> (Connection, Catalog, Table) {
    let conn = Connection::open_in_memory().unwrap();
    functions::register(&conn).unwrap();
    let key = match KEYS[data.key] {
        "" => ")".to_owned(),
        key => format!(", {key}"),
    };
    conn.execute_batch(&format!(
        "CREATE TABLE x (id INTEGER NOT NULL, p DECIMAL_TEXT NOT NULL, n INTEGER,
         m INTEGER NOT NULL, r REAL, t TEXT, s TEXT NOT NULL, d DECIMAL_TEXT{key}"
    ))
    .unwrap();
    for (bit, columns) in INDEXES
        .iter()
        .enumerate()
        .filter(|(bit, _)| data.indexes >> bit & 1 == 1)
    {
        conn.execute_batch(&format!("CREATE INDEX i{bit} ON x ({columns})"))
            .unwrap();
    }
    let catalog = Catalog::load(&conn).unwrap();
    let named = |row: &Vec<Value>| {
        COLUMNS
            .iter()
            .zip(row)
            .map(|((name, _), value)| ((*name).into(), value.clone()))
            .collect()
    };
    let insert = Write::Insert(Insert {
        table: "x".into(),
        rows: data.rows.iter().map(named).collect(),
        conflict: Conflict::Raise,
        returning: Returning::Nothing,
    });
    for compiled in compile_write(&insert, &catalog, &InsertPlans::default()).unwrap() {
        let mut stmt = conn.prepare(&compiled.sql).unwrap();
        let run = &mut |params: &[Param<'_>]| {
            bind(&mut stmt, params)?;
            assert_eq!(stmt.raw_execute().unwrap(), 1);
            Ok(())
        };
        compiled.runs.each(run).unwrap();
    }
    (conn, catalog, model(data))
}

fn model(data: &Data) -> Table {
    let mut columns: Vec<Column> = COLUMNS
        .iter()
        .map(|(name, kind)| Column { name, kind: *kind })
        .collect();
    let cells = |row: &Vec<Value>| -> Vec<Cell> {
        row.iter()
            .zip(COLUMNS)
            .map(|(value, (_, kind))| cell(value, kind))
            .collect()
    };
    let mut rows: Vec<Vec<Cell>> = data.rows.iter().map(cells).collect();
    if data.key == 2 {
        columns.push(Column {
            name: "rowid",
            kind: Kind::Integer,
        });
        for (index, row) in rows.iter_mut().enumerate() {
            row.push(Cell::Integer(index as i64 + 1));
        }
    }
    let key = match data.key {
        0 => vec!["id"],
        1 => vec!["s", "m"],
        2 => vec!["rowid"],
        _ => vec!["p"],
    };
    Table {
        columns,
        visible: COLUMNS.len(),
        key,
        rows,
    }
}

/// A cell as a host gives it.
pub fn host_value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => Value::Integer(*number),
        Cell::Real(number) => Value::Real(*number),
        Cell::Text(text) => Value::Bytes(text.clone().into_bytes()),
        Cell::Decimal(text) => number(text),
    }
}
