//! Runs a select of a computed column.

use ash_rusqlite_engine::catalog::Catalog;
use ash_rusqlite_engine::query::compile::{bind, compile_read};
use ash_rusqlite_engine::query::ir::{Computed, OrderBy, Read, Scalar, Select};
use ash_rusqlite_engine::ColumnType;
use rusqlite::types::ValueRef;
use rusqlite::Connection;

use super::naive::Cell;

/// The computed values of a select, each with the row's id.
pub fn run(conn: &Connection, catalog: &Catalog, select: Select) -> Vec<(Cell, i64)> {
    let read = Read::Select(select);
    let compiled = compile_read(&read, catalog).unwrap_or_else(|error| panic!("{error}: {read:?}"));
    let mut stmt = conn
        .prepare(&compiled.sql)
        .unwrap_or_else(|error| panic!("{error}: {}", compiled.sql));
    bind(&mut stmt, &compiled.params).unwrap();
    let decimal = compiled.columns[1].column_type == ColumnType::Decimal;
    let mut rows = stmt.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows
        .next()
        .unwrap_or_else(|error| panic!("{error}: {}", compiled.sql))
    {
        let cell = match row.get_ref(1).unwrap() {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(number) => Cell::Integer(number),
            ValueRef::Real(number) => Cell::Real(number),
            ValueRef::Text(text) => {
                let text = String::from_utf8(text.to_vec()).unwrap();
                match decimal {
                    true => Cell::Decimal(text),
                    false => Cell::Text(text),
                }
            }
            ValueRef::Blob(_) => panic!("a blob"),
        };
        found.push((cell, row.get(0).unwrap()));
    }
    found
}

/// The computed column of every row, in the order of the ids.
pub fn select(computed: Scalar, column_type: ColumnType) -> Select {
    Select {
        table: "x".into(),
        columns: Some(vec!["id".into()]),
        computed: vec![Computed {
            name: "computed".into(),
            scalar: computed,
            column_type,
            list: false,
        }],
        order_by: vec![OrderBy::column("id", false, None)],
        ..Select::default()
    }
}
