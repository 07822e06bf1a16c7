//! Random queries within expressions, and rows that are chosen by their number, give what
//! `support/naive` says of the rows they are about.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(dead_code)]

mod support {
    pub mod data;
    pub mod naive;
    pub mod run;
    pub mod scalars;
}

use std::cmp::Ordering;

use ash_rusqlite_engine::query::ir::{
    AggregateKind, Aggregated, Collation, CompareOp, DistinctOn, OrderBy, Partition, Scalar, Select,
};
use ash_rusqlite_engine::ColumnType;
use proptest::prelude::*;
use support::data::{data, nullable, open};
use support::naive::scalar::is_true;
use support::naive::{compare, Cell, Kind, Table};
use support::run::{run, select};
use support::scalars::{condition, of_kind};

/// A query of the same table whose rows have for `n` what the row around has for `m`.
fn correlated(condition: Scalar, descending: bool, distinct: bool, cut: Cut) -> Select {
    let column = |depth, name: &str| Scalar::Column {
        depth,
        table: 0,
        name: name.into(),
    };
    let same = Scalar::Compare {
        op: CompareOp::Eq,
        collation: Collation::Binary,
        left: Box::new(column(0, "n")),
        right: Box::new(column(1, "m")),
    };
    let order_by = match distinct {
        true => vec![],
        false => vec![OrderBy {
            scalar: column(0, "id"),
            descending,
            nulls: None,
        }],
    };
    Select {
        table: "x".into(),
        filter: Some(Scalar::And(vec![same, condition])),
        order_by,
        limit: cut.0,
        offset: cut.1,
        distinct,
        ..Select::default()
    }
}

type Cut = (Option<u64>, Option<u64>);

fn cut() -> impl Strategy<Value = Cut> {
    let limit = prop::option::of(0..3_u64);
    (limit, prop::option::of(0..2_u64))
}

/// What `correlated` gives for a row: its scalars in order, nulls included.
fn scalars_of(
    table: &Table,
    row: &[Cell],
    condition: &Scalar,
    scalar: &Scalar,
    descending: bool,
) -> Vec<Cell> {
    let id = |row: &[Cell]| match row[table.place("id")] {
        Cell::Integer(id) => id,
        _ => panic!("an id that is no integer"),
    };
    let m = &row[table.place("m")];
    let mut rows: Vec<&Vec<Cell>> = table
        .rows
        .iter()
        .filter(|inner| compare(&inner[table.place("n")], m) == Some(Ordering::Equal))
        .filter(|inner| is_true(&table.scalar(condition, inner)))
        .collect();
    rows.sort_by_key(|row| id(row));
    if descending {
        rows.reverse();
    }
    rows.into_iter()
        .map(|row| table.scalar(scalar, row))
        .collect()
}

fn integers(cells: &[Cell]) -> Vec<i64> {
    let integer = |cell: &Cell| match cell {
        Cell::Integer(number) => Some(*number),
        Cell::Null => None,
        other => panic!("{other:?} is no integer"),
    };
    cells.iter().filter_map(integer).collect()
}

fn naive_aggregate(kind: AggregateKind, distinct: bool, cells: &[Cell]) -> Cell {
    let mut numbers = integers(cells);
    let first = numbers.first().copied();
    numbers.sort_unstable();
    if distinct {
        numbers.dedup();
    }
    let some = |number: Option<i64>| number.map_or(Cell::Null, Cell::Integer);
    match kind {
        AggregateKind::Count => Cell::Integer(numbers.len() as i64),
        AggregateKind::Sum if numbers.is_empty() => Cell::Null,
        AggregateKind::Sum => Cell::Integer(numbers.iter().sum()),
        AggregateKind::Avg if numbers.is_empty() => Cell::Null,
        AggregateKind::Avg => Cell::Real(numbers.iter().sum::<i64>() as f64 / numbers.len() as f64),
        AggregateKind::Min => some(numbers.first().copied()),
        AggregateKind::Max => some(numbers.last().copied()),
        AggregateKind::First => some(first),
        AggregateKind::Exists => Cell::Integer(i64::from(!cells.is_empty())),
        AggregateKind::List => panic!("a list is no cell"),
    }
}

const KINDS: [AggregateKind; 7] = [
    AggregateKind::Count,
    AggregateKind::Sum,
    AggregateKind::Avg,
    AggregateKind::Min,
    AggregateKind::Max,
    AggregateKind::First,
    AggregateKind::Exists,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_aggregate_is_over_the_rows_of_its_query(
        data in data(),
        condition in condition(),
        scalar in of_kind(Kind::Integer),
        descending: bool,
        distinct: bool,
        cut in cut(),
    ) {
        let (conn, catalog, table) = open(&data);
        for kind in KINDS {
            let select_rows = correlated(condition.clone(), descending, false, cut);
            let aggregated = Scalar::Aggregate(Box::new(Aggregated {
                kind,
                scalar: Some(scalar.clone()),
                distinct,
                collation: Collation::Binary,
                include_nil: false,
                precision: None,
                select: select_rows,
            }));
            let found = run(&conn, &catalog, select(aggregated, ColumnType::Any));
            for ((found, _), row) in found.iter().zip(&table.rows) {
                let all = scalars_of(&table, row, &condition, &scalar, descending);
                let skipped = all.iter().skip(cut.1.unwrap_or(0) as usize);
                let all: Vec<Cell> = skipped
                    .take(cut.0.map_or(usize::MAX, |limit| limit as usize))
                    .cloned()
                    .collect();
                prop_assert_eq!(found, &naive_aggregate(kind, distinct, &all), "{:?}", kind);
            }
        }
    }

    #[test]
    fn a_subquery_is_its_first_row(
        data in data(),
        condition in condition(),
        scalar in of_kind(Kind::Integer),
        descending: bool,
        offset in prop::option::of(0..2_u64),
    ) {
        let (conn, catalog, table) = open(&data);
        let rows = correlated(condition.clone(), descending, false, (None, offset));
        let exists = Scalar::Exists(Box::new(rows.clone()));
        let first = Scalar::Subquery(Box::new(rows), Box::new(scalar.clone()));
        let found = run(&conn, &catalog, select(first, ColumnType::Any));
        let there = run(&conn, &catalog, select(exists, ColumnType::Boolean));
        for (((found, _), (there, _)), row) in found.iter().zip(&there).zip(&table.rows) {
            let all = scalars_of(&table, row, &condition, &scalar, descending);
            let wanted = all.get(offset.unwrap_or(0) as usize);
            prop_assert_eq!(found, wanted.unwrap_or(&Cell::Null));
            prop_assert_eq!(there, &Cell::Integer(i64::from(wanted.is_some())));
        }
    }

    #[test]
    fn rows_are_numbered_among_those_of_the_same_keys(
        data in data(),
        condition in condition(),
        keys in (of_kind(Kind::Integer), of_kind(Kind::Decimal)),
        descending: bool,
        cut in cut(),
    ) {
        let (conn, catalog, table) = open(&data);
        let key = |row: &[Cell]| [table.scalar(&keys.0, row), table.scalar(&keys.1, row)];
        let mut rows: Vec<&Vec<Cell>> = table
            .rows
            .iter()
            .filter(|row| is_true(&table.scalar(&condition, row)))
            .collect();
        if descending {
            rows.reverse();
        }
        let mut parts: Vec<([Cell; 2], Vec<i64>)> = Vec::new();
        for row in rows {
            let Cell::Integer(id) = row[table.place("id")] else {
                panic!("an id that is no integer");
            };
            let key = key(row);
            match parts.iter_mut().find(|(known, _)| *known == key) {
                Some((_, ids)) => ids.push(id),
                None => parts.push((key, vec![id])),
            }
        }
        let id = Scalar::Column { depth: 0, table: 0, name: "id".into() };
        let order = vec![OrderBy { scalar: id, descending, nulls: None }];
        let keys = vec![keys.0.clone(), keys.1.clone(), Scalar::Boolean(true)];
        let select = Select {
            filter: Some(condition),
            order_by: vec![],
            ..select(Scalar::Null, ColumnType::Any)
        };
        let ids = |select| -> Vec<i64> {
            run(&conn, &catalog, select).into_iter().map(|(_, id)| id).collect()
        };

        let mut found = ids(Select {
            distinct_on: Some(Box::new(DistinctOn { keys: keys.clone(), order_by: order.clone() })),
            ..select.clone()
        });
        found.sort_unstable();
        let mut firsts: Vec<i64> = parts.iter().map(|(_, ids)| ids[0]).collect();
        firsts.sort_unstable();
        prop_assert_eq!(found, firsts);

        let by_columns = OrderBy::column("id", descending, None);
        for order_by in [order, vec![by_columns]] {
            let found = ids(Select {
                order_by,
                partition: Some(Box::new(Partition {
                    by: keys.clone(),
                    keys: None,
                    limit: cut.0,
                    offset: cut.1,
                })),
                ..select.clone()
            });
            let limit = cut.0.map_or(usize::MAX, |limit| limit as usize);
            let skip = cut.1.unwrap_or(0) as usize;
            let mut wanted = parts.clone();
            for (_, ids) in &mut wanted {
                *ids = ids.iter().copied().skip(skip).take(limit).collect();
            }
            wanted.retain(|(_, ids)| !ids.is_empty());
            // Partition after partition, each in the order; which comes first does not matter.
            let mut rest = found.as_slice();
            while let Some(first) = rest.first() {
                let part = wanted.iter().position(|(_, ids)| ids[0] == *first);
                prop_assert!(part.is_some(), "{:?} of {:?}", found, parts);
                let (_, ids) = wanted.swap_remove(part.unwrap());
                prop_assert_eq!(rest.get(..ids.len()), Some(ids.as_slice()));
                rest = &rest[ids.len()..];
            }
            prop_assert!(wanted.is_empty(), "{:?} lacks {:?}", found, wanted);
        }
    }

    #[test]
    fn rows_are_looked_up_key_by_key(
        data in data(),
        condition in condition(),
        key in of_kind(Kind::Text),
        keys in prop::collection::vec(prop_oneof![
            Just(Scalar::Null),
            nullable(Kind::Text).prop_map(|value| Scalar::Value {
                column_type: ColumnType::Text,
                value,
            }),
        ], 0..6),
        descending: bool,
        distinct: bool,
        cut in cut(),
    ) {
        let (conn, catalog, table) = open(&data);
        let id = Scalar::Column { depth: 0, table: 0, name: "id".into() };
        let wanted_keys: Vec<Cell> = keys.iter().map(|key| table.scalar(key, &[])).collect();
        let mut wanted: Vec<i64> = Vec::new();
        let mut seen: Vec<(Cell, u64)> = Vec::new();
        let mut rows: Vec<&Vec<Cell>> = table.rows.iter().collect();
        if descending {
            rows.reverse();
        }
        for row in rows {
            let value = table.scalar(&key, row);
            let among = value != Cell::Null && wanted_keys.contains(&value);
            if !among || !is_true(&table.scalar(&condition, row)) {
                continue;
            }
            let place = seen.iter().position(|(known, _)| *known == value);
            let place = place.unwrap_or_else(|| {
                seen.push((value, 0));
                seen.len() - 1
            });
            let number = seen[place].1;
            seen[place].1 += 1;
            let skip = cut.1.unwrap_or(0);
            if number >= skip && number - skip < cut.0.unwrap_or(u64::MAX) {
                match row[table.place("id")] {
                    Cell::Integer(id) => wanted.push(id),
                    _ => panic!("an id that is no integer"),
                }
            }
        }
        // What is distinct by its id is every row, but numbers them as another query does.
        let distinct_on = distinct.then(|| Box::new(DistinctOn {
            keys: vec![id.clone()],
            order_by: vec![],
        }));
        let select = Select {
            filter: Some(condition),
            order_by: vec![OrderBy { scalar: id, descending, nulls: None }],
            distinct_on,
            partition: Some(Box::new(Partition {
                by: vec![key],
                keys: Some(keys),
                limit: cut.0,
                offset: cut.1,
            })),
            ..select(Scalar::Null, ColumnType::Any)
        };
        let rows = run(&conn, &catalog, select);
        let mut found: Vec<i64> = rows.into_iter().map(|(_, id)| id).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn distinct_scalars_are_taken_once(
        data in data(),
        condition in condition(),
        scalar in of_kind(Kind::Integer),
        limit in prop::option::of(0..3_u64),
    ) {
        let (conn, catalog, table) = open(&data);
        let aggregated = Scalar::Aggregate(Box::new(Aggregated {
            kind: AggregateKind::Count,
            scalar: Some(scalar.clone()),
            distinct: false,
            collation: Collation::Binary,
            include_nil: false,
            precision: None,
            select: Select {
                // Nulls come last, where a limit does not make their place matter.
                order_by: vec![OrderBy {
                    scalar: scalar.clone(),
                    descending: true,
                    nulls: None,
                }],
                ..correlated(condition.clone(), false, true, (limit, None))
            },
        }));
        let found = run(&conn, &catalog, select(aggregated, ColumnType::Integer));
        for ((found, _), row) in found.iter().zip(&table.rows) {
            let mut all = integers(&scalars_of(&table, row, &condition, &scalar, false));
            all.sort_unstable();
            all.dedup();
            let count = (all.len() as u64).min(limit.unwrap_or(u64::MAX));
            prop_assert_eq!(found, &Cell::Integer(count as i64));
        }
    }
}
