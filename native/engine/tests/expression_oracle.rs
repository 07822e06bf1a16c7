//! Random expressions over random rows give what `support/naive` says they mean: as Ash
//! evaluates them, nulls included, in a column of the result as well as in a condition.

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

use ash_rusqlite_engine::query::ir::{OrderBy, Scalar, Select};
use ash_rusqlite_engine::ColumnType;
use proptest::prelude::*;
use support::data::{data, open, Data};
use support::naive::{Cell, Kind};
use support::run::{run, select};
use support::scalars::{boolean, condition, of_kind, type_of};

fn column_agrees(
    data: &Data,
    scalar: &Scalar,
    column_type: ColumnType,
) -> Result<(), TestCaseError> {
    let (conn, catalog, table) = open(data);
    let found = run(&conn, &catalog, select(scalar.clone(), column_type));
    let wanted: Vec<(Cell, i64)> = table
        .rows
        .iter()
        .map(|row| match row[table.place("id")] {
            Cell::Integer(id) => (table.scalar(scalar, row), id),
            _ => panic!("an id that is no integer"),
        })
        .collect();
    prop_assert_eq!(found, wanted);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_boolean_is_what_it_means(data in data(), scalar in boolean()) {
        column_agrees(&data, &scalar, ColumnType::Boolean)?;
    }

    #[test]
    fn a_condition_holds_where_it_means(data in data(), scalar in condition()) {
        let (conn, catalog, table) = open(&data);
        let filter = scalar;
        let wanted: Vec<i64> = table
            .rows
            .iter()
            .filter(|row| table.holds(&filter, row) == Some(true))
            .map(|row| match row[table.place("id")] {
                Cell::Integer(id) => id,
                _ => panic!("an id that is no integer"),
            })
            .collect();
        let select = Select {
            filter: Some(filter),
            ..select(Scalar::Null, ColumnType::Any)
        };
        let found: Vec<i64> = run(&conn, &catalog, select).into_iter().map(|(_, id)| id).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn a_number_is_what_it_means(data in data(), scalar in of_kind(Kind::Integer)) {
        column_agrees(&data, &scalar, type_of(Kind::Integer))?;
    }

    #[test]
    fn a_text_is_what_it_means(data in data(), scalar in of_kind(Kind::Text)) {
        column_agrees(&data, &scalar, type_of(Kind::Text))?;
    }

    #[test]
    fn a_decimal_is_what_it_means(data in data(), scalar in of_kind(Kind::Decimal)) {
        column_agrees(&data, &scalar, type_of(Kind::Decimal))?;
    }

    #[test]
    fn an_order_is_that_of_the_values(data in data(), scalar in of_kind(Kind::Text), descending: bool) {
        let (conn, catalog, table) = open(&data);
        let column = Scalar::Column { depth: 0, table: 0, name: "id".into() };
        let order = |scalar, descending| OrderBy { scalar, descending, nulls: None };
        let select = Select {
            order_by: vec![order(scalar.clone(), descending), order(column, false)],
            ..select(scalar.clone(), ColumnType::Text)
        };
        let found = run(&conn, &catalog, select);
        prop_assert_eq!(found.len(), table.rows.len());
        let key = |cell: &Cell| match cell {
            Cell::Null => None,
            Cell::Text(text) => Some(text.clone()),
            other => panic!("{other:?} is no text"),
        };
        for pair in found.windows(2) {
            let ordered = key(&pair[0].0).cmp(&key(&pair[1].0));
            let ordered = if descending { ordered.reverse() } else { ordered };
            prop_assert!(ordered.then(pair[0].1.cmp(&pair[1].1)).is_lt(), "{:?}", pair);
        }
    }
}
