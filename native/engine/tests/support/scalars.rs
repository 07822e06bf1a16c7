//! Random expressions over the columns of `data`.

use ash_rusqlite_engine::query::ir::{ArithOp, Cast, Collation, CompareOp, Function, Scalar};
use ash_rusqlite_engine::ColumnType;
use proptest::prelude::*;
use proptest::sample::select as one_of;

use super::data::{nullable, COLUMNS};
use super::naive::Kind;

type Any = BoxedStrategy<Scalar>;

pub fn type_of(kind: Kind) -> ColumnType {
    match kind {
        Kind::Integer => ColumnType::Integer,
        Kind::Real => ColumnType::Real,
        Kind::Text => ColumnType::Text,
        Kind::Decimal => ColumnType::Decimal,
    }
}

fn two(
    strategy: &Any,
    make: impl Fn(Box<Scalar>, Box<Scalar>) -> Scalar + 'static,
) -> BoxedStrategy<Scalar> {
    (strategy.clone(), strategy.clone())
        .prop_map(move |(left, right)| make(Box::new(left), Box::new(right)))
        .boxed()
}

fn three(
    first: &Any,
    others: &Any,
    make: impl Fn(Box<Scalar>, Box<Scalar>, Box<Scalar>) -> Scalar + 'static,
) -> BoxedStrategy<Scalar> {
    (first.clone(), others.clone(), others.clone())
        .prop_map(move |(a, b, c)| make(Box::new(a), Box::new(b), Box::new(c)))
        .boxed()
}

/// A column or value of a kind, or something computed of such.
pub fn of_kind(kind: Kind) -> Any {
    let names: Vec<&str> = COLUMNS
        .iter()
        .filter(|(_, k)| *k == kind)
        .map(|(name, _)| *name)
        .collect();
    let column = one_of(names).prop_map(|name| Scalar::Column {
        depth: 0,
        table: 0,
        name: name.into(),
    });
    let value = nullable(kind).prop_map(move |value| Scalar::Value {
        column_type: type_of(kind),
        value,
    });
    let leaf = prop_oneof![4 => column, 2 => value, 1 => Just(Scalar::Null)].boxed();
    leaf.prop_recursive(2, 4, 2, move |inner| {
        let inner = inner.boxed();
        let either = three(&inner, &inner, |a, b, c| Scalar::If {
            boolean: false,
            condition: a,
            then: b,
            otherwise: c,
        });
        let coalesce = prop::collection::vec(inner.clone(), 1..4)
            .prop_map(|list| Scalar::Call(Function::Coalesce, list))
            .boxed();
        let or_else = two(&inner, |left, right| Scalar::OrElse {
            boolean: false,
            left,
            right,
        });
        let and_then = two(&inner, |left, right| Scalar::AndThen {
            boolean: false,
            left,
            right,
        });
        let own = match kind {
            Kind::Integer | Kind::Real => vec![
                two(&inner, |left, right| Scalar::Arith {
                    op: ArithOp::Add,
                    left,
                    right,
                }),
                two(&inner, |left, right| Scalar::Arith {
                    op: ArithOp::Subtract,
                    left,
                    right,
                }),
                inner
                    .clone()
                    .prop_map(|s| Scalar::Negate(Box::new(s)))
                    .boxed(),
            ],
            Kind::Text => vec![
                prop::collection::vec(inner.clone(), 0..6)
                    .prop_map(Scalar::Concat)
                    .boxed(),
                (
                    one_of(vec![Function::Downcase, Function::Upcase]),
                    inner.clone(),
                )
                    .prop_map(|(function, text)| Scalar::Call(function, vec![text]))
                    .boxed(),
            ],
            Kind::Decimal => vec![],
        };
        let mut all = vec![either, coalesce, or_else, and_then];
        all.extend(own);
        proptest::strategy::Union::new(all)
    })
    .boxed()
}

fn collation(kind: Kind) -> BoxedStrategy<Collation> {
    match kind {
        Kind::Text => one_of(vec![Collation::Binary, Collation::CaseInsensitive]).boxed(),
        Kind::Decimal => Just(Collation::Decimal).boxed(),
        _ => Just(Collation::Binary).boxed(),
    }
}

fn leaf() -> Any {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let kind = one_of(vec![Kind::Integer, Kind::Real, Kind::Text, Kind::Decimal]);
    let compared = kind.prop_flat_map(|kind| {
        let op = one_of(vec![Eq, NotEq, Lt, LtEq, Gt, GtEq]);
        let compare = (op, collation(kind), of_kind(kind), of_kind(kind)).prop_map(
            |(op, collation, left, right)| Scalar::Compare {
                op,
                collation,
                left: Box::new(left),
                right: Box::new(right),
            },
        );
        let same = (any::<bool>(), collation(kind), of_kind(kind), of_kind(kind)).prop_map(
            |(negated, collation, left, right)| Scalar::Same {
                collation,
                left: Box::new(left),
                right: Box::new(right),
                negated,
            },
        );
        let value = nullable(kind).prop_map(move |value| Scalar::Value {
            column_type: type_of(kind),
            value,
        });
        let values = prop_oneof![
            prop::collection::vec(value.clone(), 0..5),
            prop::collection::vec(value, 15..20),
            prop::collection::vec(of_kind(kind), 1..4)
        ];
        let among = (collation(kind), of_kind(kind), values).prop_map(|(collation, item, list)| {
            Scalar::In {
                collation,
                item: Box::new(item),
                list,
            }
        });
        let is_null = of_kind(kind).prop_map(|scalar| Scalar::IsNull(Box::new(scalar)));
        prop_oneof![4 => compare, 2 => same, 2 => among, 1 => is_null]
    });
    let digits =
        (of_kind(Kind::Integer), of_kind(Kind::Text)).prop_map(|(number, text)| Scalar::Compare {
            op: Eq,
            collation: Collation::Binary,
            left: Box::new(Scalar::Cast(Cast::Text, Box::new(number))),
            right: Box::new(text),
        });
    let function = one_of(vec![
        Function::Contains,
        Function::StartsWith,
        Function::EndsWith,
    ]);
    let part = (function, of_kind(Kind::Text), of_kind(Kind::Text))
        .prop_map(|(function, text, part)| Scalar::Call(function, vec![text, part]));
    let constant = one_of(vec![
        Scalar::Null,
        Scalar::Boolean(true),
        Scalar::Boolean(false),
    ]);
    prop_oneof![6 => compared, 1 => digits, 1 => part, 2 => constant].boxed()
}

/// A boolean as a value, with Ash's own `and` and `or`.
pub fn boolean() -> Any {
    leaf()
        .prop_recursive(4, 16, 3, |inner| {
            let inner = inner.boxed();
            prop_oneof![
                two(&inner, Scalar::AndValue),
                two(&inner, Scalar::OrValue),
                inner
                    .clone()
                    .prop_map(|scalar| Scalar::Not(Box::new(scalar))),
                two(&inner, |left, right| Scalar::AndThen {
                    boolean: true,
                    left,
                    right
                }),
                two(&inner, |left, right| Scalar::OrElse {
                    boolean: true,
                    left,
                    right
                }),
                three(&inner, &inner, |condition, then, otherwise| Scalar::If {
                    boolean: true,
                    condition,
                    then,
                    otherwise
                }),
                two(&inner, |left, right| Scalar::Same {
                    collation: Collation::Binary,
                    left,
                    right,
                    negated: true
                }),
            ]
        })
        .boxed()
}

/// A boolean of which only its being true matters: there `and` and `or` are SQL's.
pub fn condition() -> Any {
    boolean()
        .prop_recursive(2, 12, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Scalar::And),
                prop::collection::vec(inner, 0..6).prop_map(Scalar::Or),
            ]
        })
        .boxed()
}
