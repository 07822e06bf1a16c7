//! Random queries over random rows give what `support/naive` says they mean, with
//! whatever indexes there are, and keyset paging gives every row once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support {
    pub mod data;
    pub mod naive;
    pub mod queries;
}

use std::cmp::Ordering;

use ash_rusqlite_engine::catalog::Catalog;
use ash_rusqlite_engine::query::compile::{bind, compile_read};
use ash_rusqlite_engine::query::ir::{Aggregate, Cursor, KeyValue, Read, Scalar, Select};
use ash_rusqlite_engine::{ColumnType, Name, Value};
use proptest::prelude::*;
use rusqlite::types::ValueRef;
use rusqlite::Connection;
use support::data::{data, host_value, open, value, Data};
use support::naive::{compare, Cell, Kind};
use support::queries::{query, Query};

fn run(conn: &Connection, catalog: &Catalog, read: &Read) -> (Vec<Vec<Cell>>, usize) {
    let compiled = compile_read(read, catalog).unwrap_or_else(|error| panic!("{error}: {read:?}"));
    let mut stmt = conn
        .prepare(&compiled.sql)
        .unwrap_or_else(|e| panic!("{e}: {}", compiled.sql));
    bind(&mut stmt, &compiled.params).unwrap();
    assert_eq!(stmt.column_count(), compiled.columns.len());
    let mut rows = stmt.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cells = compiled.columns.iter().enumerate().map(|(index, column)| {
            match (row.get_ref(index).unwrap(), column.column_type) {
                (ValueRef::Null, _) => Cell::Null,
                (ValueRef::Integer(number), _) => Cell::Integer(number),
                (ValueRef::Real(number), _) => Cell::Real(number),
                (ValueRef::Text(text), ty) => {
                    let text = String::from_utf8(text.to_vec()).unwrap();
                    if ty == ColumnType::Decimal {
                        Cell::Decimal(text)
                    } else {
                        Cell::Text(text)
                    }
                }
                (ValueRef::Blob(_), _) => panic!("a blob"),
            }
        });
        found.push(cells.collect());
    }
    if compiled.reversed {
        found.reverse();
    }
    (found, compiled.hidden)
}

fn by_text(mut rows: Vec<Vec<Cell>>) -> Vec<Vec<Cell>> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

proptest! {
    #[test]
    fn a_query_gives_what_it_means(data in data(), query in queries()) {
        queries_agree(&data, query)?;
    }

    #[test]
    fn an_aggregate_gives_what_it_means(data in data(), query in queries()) {
        aggregates_agree(&data, query)?;
    }

    #[test]
    fn a_key_finds_its_row(data in data(), other in value(Kind::Integer)) {
        keys_agree(&data, other)?;
    }

    #[test]
    fn paging_either_way_gives_each_row_once(data in data(), query in query(), size in 1..5_u64) {
        for forwards in [true, false] {
            pages_agree(&data, &query, size, forwards)?;
        }
    }
}

fn queries() -> impl Strategy<Value = Vec<Query>> {
    prop::collection::vec(query(), 1..6)
}

fn without_hidden(rows: Vec<Vec<Cell>>, hidden: usize) -> Vec<Vec<Cell>> {
    rows.into_iter()
        .map(|row| row[..row.len() - hidden].to_vec())
        .collect()
}

fn queries_agree(data: &Data, queries: Vec<Query>) -> Result<(), TestCaseError> {
    let (conn, catalog, table) = open(data);
    for query in queries {
        let select = query.select(&table);
        let wanted = table.project(&select, &table.rows_of(&select));
        let read = Read::Select(select.clone());
        let sql = compile_read(&read, &catalog).unwrap().sql;
        let (found, hidden) = run(&conn, &catalog, &read);
        let found = without_hidden(found, hidden);
        let cursor = select.after.is_some() || select.before.is_some();
        if select.page || cursor || select.limit.is_some() || select.offset.is_some() {
            prop_assert_eq!(&found, &wanted, "{}", sql);
        } else {
            prop_assert!(table.keeps_order(&select, &found), "{}", sql);
            prop_assert_eq!(by_text(found), by_text(wanted.clone()), "{}", sql);
        }
        let exists = run(&conn, &catalog, &Read::Exists(select)).0;
        let wanted = Cell::Integer(i64::from(!wanted.is_empty()));
        prop_assert_eq!(exists, vec![vec![wanted]]);
    }
    Ok(())
}

fn aggregates_agree(data: &Data, queries: Vec<Query>) -> Result<(), TestCaseError> {
    let (conn, catalog, table) = open(data);
    for mut query in queries {
        query.select.columns = None;
        let select = query.select(&table);
        for (function, column) in aggregates() {
            let wanted = table.aggregate(function, column, &select);
            let (column, select) = (column.map(Into::into), select.clone());
            let read = Read::Aggregate {
                function,
                column,
                select,
            };
            let found = run(&conn, &catalog, &read).0.remove(0).remove(0);
            let same = match (&found, &wanted) {
                (Cell::Real(found), Cell::Real(wanted)) => (found - wanted).abs() < 1e-9,
                (Cell::Null, Cell::Null) => true,
                _ => compare(&found, &wanted) == Some(Ordering::Equal),
            };
            prop_assert!(same, "{read:?}: {found:?}, not {wanted:?}");
        }
    }
    Ok(())
}

fn aggregates() -> Vec<(Aggregate, Option<&'static str>)> {
    use Aggregate::{Avg, Count, Max, Min, Sum};
    let mut all = vec![(Count, None), (Avg, Some("n")), (Avg, Some("r"))];
    all.extend(["n", "r", "d"].map(|column| (Sum, Some(column))));
    for function in [Count, Min, Max] {
        all.extend(["n", "r", "t", "s", "d", "p"].map(|column| (function, Some(column))));
    }
    all
}

fn keys_agree(data: &Data, other: Value) -> Result<(), TestCaseError> {
    let (conn, catalog, table) = open(data);
    let key_of = |row: &Vec<Cell>| -> Vec<(Name, Value)> {
        let pair = |name: &&str| ((*name).into(), host_value(&row[table.place(name)]));
        table.key.iter().map(pair).collect()
    };
    let mut keys: Vec<Vec<(Name, Value)>> = table.rows.iter().map(key_of).collect();
    if table.key.len() == 1 {
        keys.push(vec![(table.key[0].into(), other)]);
    }
    for key in keys {
        let key = match key.as_slice() {
            [(_, value)] => KeyValue::Single(value.clone()),
            _ => KeyValue::Columns(key),
        };
        let filter = Some(Scalar::PrimaryKey(key));
        let select = Select {
            table: "x".into(),
            filter,
            ..Select::default()
        };
        let wanted = table.project(&select, &table.rows_of(&select));
        prop_assert_eq!(run(&conn, &catalog, &Read::Select(select)).0, wanted);
    }
    Ok(())
}

fn pages_agree(data: &Data, query: &Query, size: u64, forwards: bool) -> Result<(), TestCaseError> {
    let (conn, catalog, table) = open(data);
    let select = Select {
        page: true,
        limit: None,
        offset: None,
        ..query.select.clone()
    };
    let wanted = table.project(&select, &table.rows_of(&select));
    let cursor = |row: &[Cell], hidden: usize| {
        Some(Cursor::Values(
            row[row.len() - hidden..].iter().map(host_value).collect(),
        ))
    };
    let mut page = Select {
        limit: Some(size),
        ..select.clone()
    };
    let mut found: Vec<Vec<Cell>> = Vec::new();
    if !forwards {
        let (rows, hidden) = run(&conn, &catalog, &Read::Select(select));
        let Some(last) = rows.last() else {
            return Ok(());
        };
        page.before = cursor(last, hidden);
        found.extend(without_hidden(vec![last.clone()], hidden));
    }
    loop {
        let (rows, hidden) = run(&conn, &catalog, &Read::Select(page.clone()));
        prop_assert!(rows.len() as u64 <= size);
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            break;
        };
        if forwards {
            page.after = cursor(last, hidden);
            found.extend(without_hidden(rows, hidden));
        } else {
            page.before = cursor(first, hidden);
            found.splice(0..0, without_hidden(rows, hidden));
        }
        prop_assert!(found.len() <= wanted.len());
    }
    prop_assert_eq!(&found, &wanted);
    Ok(())
}
