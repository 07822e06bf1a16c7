//! Random queries over the columns of `data`.

use ash_rusqlite_engine::query::ir::{CompareOp, Cursor, Nulls, OrderBy, Scalar, Select};
use ash_rusqlite_engine::Value;
use proptest::prelude::*;
use proptest::sample::select as one_of;

use super::data::{host_value, nullable, value, COLUMNS};
use super::naive::Table;

fn op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    one_of(vec![Eq, NotEq, Lt, LtEq, Gt, GtEq])
}

fn filter() -> impl Strategy<Value = Scalar> {
    let column = || one_of(COLUMNS.to_vec());
    let compare = (column(), op()).prop_flat_map(|((name, kind), op)| {
        let equality = matches!(op, CompareOp::Eq | CompareOp::NotEq);
        let value = if equality {
            nullable(kind)
        } else {
            value(kind)
        };
        value.prop_map(move |value| Scalar::compare(name, op, value))
    });
    let columns = (
        one_of(vec![
            ("n", "m"),
            ("n", "r"),
            ("s", "t"),
            ("d", "p"),
            ("n", "d"),
            ("p", "m"),
        ]),
        op(),
    )
        .prop_map(|((l, r), op)| Scalar::compare_columns(l, op, r));
    let among = (column(), any::<bool>()).prop_flat_map(|((name, kind), negated)| {
        let few = prop::collection::vec(nullable(kind), 0..5);
        let many = prop::collection::vec(nullable(kind), 15..24);
        prop_oneof![few, many]
            .prop_map(move |values| Scalar::among(name, values).negated_if(negated))
    });
    let is_null =
        (column(), any::<bool>()).prop_map(|((name, _), negated)| Scalar::is_null(name, negated));
    let like = (one_of(vec!["t", "s"]), "[aAbä%_\\\\]{0,4}", any::<bool>())
        .prop_map(|(name, pattern, negated)| Scalar::like(name, pattern).negated_if(negated));
    let leaf = prop_oneof![4 => compare, 1 => columns, 2 => among, 1 => is_null, 2 => like];
    leaf.prop_recursive(3, 12, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Scalar::And),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Scalar::Or),
            inner.prop_map(|expr| Scalar::Not(Box::new(expr))),
        ]
    })
}

/// Where a cursor comes from: a row, or values of nobody's.
#[derive(Clone, Debug)]
pub enum Place {
    Row(usize),
    Values(Vec<Value>),
}

fn place() -> impl Strategy<Value = Option<Place>> {
    let values: Vec<BoxedStrategy<Value>> = COLUMNS.iter().map(|(_, k)| nullable(*k)).collect();
    let place = prop_oneof![
        (0..24_usize).prop_map(Place::Row),
        values.prop_map(Place::Values)
    ];
    prop_oneof![2 => Just(None), 1 => place.prop_map(Some)]
}

fn orders() -> impl Strategy<Value = Vec<OrderBy>> {
    let nulls = one_of(vec![None, Some(Nulls::First), Some(Nulls::Last)]);
    let order = (one_of(COLUMNS.to_vec()), any::<bool>(), nulls)
        .prop_map(|((name, _), descending, nulls)| OrderBy::column(name, descending, nulls));
    prop::collection::vec(order, 0..4)
}

#[derive(Clone, Debug)]
pub struct Query {
    pub select: Select,
    pub after: Option<Place>,
    pub before: Option<Place>,
}

pub fn query() -> impl Strategy<Value = Query> {
    let columns = prop::option::of(prop::sample::subsequence(COLUMNS.to_vec(), 1..=4));
    let cut = (prop::option::of(0..12_u64), prop::option::of(0..4_u64));
    (
        columns,
        prop::option::of(filter()),
        orders(),
        cut,
        any::<[bool; 3]>(),
        place(),
        place(),
    )
        .prop_map(
            |(columns, filter, order_by, (limit, offset), flags, after, before)| {
                let columns = columns.map(|c| c.iter().map(|(name, _)| (*name).into()).collect());
                let [distinct, page, _] = flags;
                let mut select = Select {
                    table: "x".into(),
                    columns,
                    filter,
                    order_by,
                    distinct,
                    page,
                    limit,
                    offset,
                    ..Select::default()
                };
                if let (true, Some(columns)) = (distinct, &select.columns) {
                    select
                        .order_by
                        .retain(|order| columns.contains(order.declared_column().unwrap()));
                }
                if select.order_by.is_empty() && !page && after.is_none() && before.is_none() {
                    (select.limit, select.offset) = (None, None);
                }
                Query {
                    select,
                    after,
                    before,
                }
            },
        )
}

impl Query {
    pub fn select(&self, table: &Table) -> Select {
        let mut select = self.select.clone();
        let columns = table.cursor_columns(&select);
        let cursor = |place: &Place, as_row: bool| {
            let row: Vec<Value> = match place {
                Place::Row(_) if table.rows.is_empty() => return None,
                Place::Row(index) => {
                    let row = &table.rows[index % table.rows.len()];
                    columns
                        .iter()
                        .map(|(name, _)| host_value(&row[table.place(name)]))
                        .collect()
                }
                Place::Values(values) => columns
                    .iter()
                    .map(|(name, _)| {
                        values
                            .get(table.place(name))
                            .cloned()
                            .unwrap_or(Value::Integer(3))
                    })
                    .collect(),
            };
            Some(match as_row {
                true => Cursor::Row(columns.iter().map(|c| c.0.into()).zip(row).collect()),
                false => Cursor::Values(row),
            })
        };
        select.after = self.after.as_ref().and_then(|place| cursor(place, true));
        select.before = self.before.as_ref().and_then(|place| cursor(place, false));
        if select.order_by.is_empty()
            && !select.page
            && select.after.is_none()
            && select.before.is_none()
        {
            (select.limit, select.offset) = (None, None);
        }
        select
    }
}
