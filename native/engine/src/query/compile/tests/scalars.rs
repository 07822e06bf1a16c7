use super::*;
use crate::query::ir::{
    AggregateKind, Aggregated, ArithOp, Collation, Computed, DistinctOn, Function, Nulls, OrderBy,
    Partition, Scalar, Select,
};

fn column(name: &str) -> Scalar {
    Scalar::Column {
        depth: 0,
        table: 0,
        name: name.into(),
    }
}

fn outer(name: &str) -> Scalar {
    Scalar::Column {
        depth: 1,
        table: 0,
        name: name.into(),
    }
}

fn literal(column_type: ColumnType, value: Value) -> Scalar {
    Scalar::Value { column_type, value }
}

fn one() -> Scalar {
    literal(ColumnType::Integer, Value::Integer(1))
}

fn same(collation: Collation, left: Scalar, right: Scalar) -> Scalar {
    Scalar::Compare {
        op: CompareOp::Eq,
        collation,
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn among(collation: Collation, item: Scalar, list: Vec<Scalar>) -> Scalar {
    Scalar::In {
        collation,
        item: Box::new(item),
        list,
    }
}

fn scalar_sql(scalar: Scalar) -> String {
    where_sql(scalar)
}

fn refused_scalar(scalar: Scalar) {
    refused_filter("users", scalar);
}

fn by_scalar(scalar: Scalar, descending: bool, nulls: Option<Nulls>) -> OrderBy {
    OrderBy {
        scalar,
        descending,
        nulls,
    }
}

#[test]
fn comparisons_say_how_texts_compare() {
    use Collation::{Binary, CaseInsensitive, Decimal};
    let name = || literal(ColumnType::Text, text("a"));
    for (scalar, wanted) in [
        (same(Binary, column("age"), one()), "(\"age\" = ?)"),
        (
            same(Binary, column("name"), name()),
            "(\"name\" COLLATE BINARY = ?)",
        ),
        (
            same(Binary, name(), column("name")),
            "(? COLLATE BINARY = \"name\")",
        ),
        (
            same(CaseInsensitive, column("name"), name()),
            "(\"name\" COLLATE ash_rusqlite_ci = ? AND \"name\" COLLATE NOCASE = ?)",
        ),
        (
            same(Decimal, column("price"), column("age")),
            "(\"price\" COLLATE ash_rusqlite_decimal = ash_rusqlite_to_text(\"age\"))",
        ),
        (
            among(Binary, column("age"), vec![]),
            "CASE WHEN \"age\" IS NOT NULL THEN 0 END",
        ),
        (
            among(
                Binary,
                column("age"),
                vec![one(), Scalar::Null, one(), one()],
            ),
            "(\"age\" IN (?, ?, ?, ?))",
        ),
        (
            among(Binary, column("age"), (0..20).map(|_| one()).collect()),
            "(\"age\" IN rarray(?))",
        ),
        (
            among(Binary, column("age"), vec![one(), column("id")]),
            "CASE WHEN \"age\" IS NOT NULL THEN ifnull(\"age\" IN (?, \"id\"), 0) END",
        ),
    ] {
        assert_eq!(scalar_sql(scalar), wanted);
    }
    refused_scalar(same(Decimal, column("price"), column("score")));
    refused_scalar(same(Decimal, column("price"), Scalar::Boolean(true)));
}

#[test]
fn logic_writes_each_operand_once() {
    let (a, b) = (|| Box::new(column("age")), || Box::new(column("id")));
    for (scalar, wanted) in [
        (
            Scalar::And(vec![column("age"), column("id")]),
            "\"age\" AND \"id\"",
        ),
        (Scalar::Or(vec![]), "0"),
        (
            Scalar::AndValue(a(), b()),
            "CASE \"age\" WHEN 1 THEN \"id\" WHEN 0 THEN 0 END",
        ),
        (
            Scalar::OrValue(a(), b()),
            "CASE WHEN \"age\" THEN 1 ELSE \"id\" END",
        ),
        (
            Scalar::OrElse {
                boolean: false,
                left: a(),
                right: b(),
            },
            "coalesce(\"age\", \"id\")",
        ),
        (
            Scalar::AndThen {
                boolean: false,
                left: a(),
                right: b(),
            },
            "CASE WHEN \"age\" IS NOT NULL THEN \"id\" END",
        ),
        (
            Scalar::Arith {
                op: ArithOp::Divide,
                left: a(),
                right: b(),
            },
            "ash_rusqlite_divide(\"age\", \"id\")",
        ),
        (
            Scalar::Concat(vec![column("name"), column("age")]),
            "(\"name\" || ash_rusqlite_text(\"age\"))",
        ),
        (
            Scalar::Call(Function::Coalesce, vec![column("age")]),
            "\"age\"",
        ),
    ] {
        assert_eq!(scalar_sql(scalar), wanted);
    }
    refused_scalar(Scalar::Call(Function::Contains, vec![column("name")]));
    let many = vec![column("age"); 101];
    refused_scalar(Scalar::Call(Function::Coalesce, many));
}

#[test]
fn a_query_within_has_names_of_its_own() {
    let of_user = || same(Collation::Binary, column("age"), outer("id"));
    let select = || Select {
        table: "users".into(),
        filter: Some(of_user()),
        ..Select::default()
    };
    assert_eq!(
        scalar_sql(Scalar::Exists(Box::new(select()))),
        "EXISTS(SELECT 1 FROM \"users\" AS \"ash_rusqlite_1_0\" \
         WHERE (\"ash_rusqlite_1_0\".\"age\" = \"users\".\"id\"))"
    );
    let joined = Select {
        table: "seats".into(),
        joins: vec![("users".into(), Scalar::Boolean(true))],
        order_by: vec![by_scalar(column("seat"), true, None)],
        ..Select::default()
    };
    let first = Scalar::Subquery(Box::new(joined), Box::new(column("hall")));
    assert_eq!(
        scalar_sql(first),
        "(SELECT \"ash_rusqlite_1_0\".\"hall\" FROM \"seats\" AS \"ash_rusqlite_1_0\" \
         JOIN \"users\" AS \"ash_rusqlite_1_1\" ON 1 \
         ORDER BY \"ash_rusqlite_1_0\".\"seat\" DESC LIMIT 1)"
    );
    let aggregated = |select| {
        Scalar::Aggregate(Box::new(Aggregated {
            kind: AggregateKind::Sum,
            scalar: Some(column("age")),
            distinct: false,
            collation: Collation::Binary,
            include_nil: false,
            precision: None,
            select,
        }))
    };
    assert_eq!(
        scalar_sql(aggregated(select())),
        "(SELECT sum(\"ash_rusqlite_1_0\".\"age\") FROM \"users\" AS \"ash_rusqlite_1_0\" \
         WHERE (\"ash_rusqlite_1_0\".\"age\" = \"users\".\"id\"))"
    );
    let limited = Select {
        limit: Some(3),
        ..select()
    };
    assert_eq!(
        scalar_sql(aggregated(limited)),
        "(SELECT sum(ash_rusqlite_number(\"ash_rusqlite_value\")) FROM \
         (SELECT \"ash_rusqlite_1_0\".\"age\" AS \"ash_rusqlite_value\" \
         FROM \"users\" AS \"ash_rusqlite_1_0\" \
         WHERE (\"ash_rusqlite_1_0\".\"age\" = \"users\".\"id\") LIMIT ?))"
    );
    refused_scalar(outer("id"));
}

#[test]
fn a_column_as_it_is_declared_is_compared_in_any_query() {
    let exists = |filter| {
        scalar_sql(Scalar::Exists(Box::new(Select {
            table: "notes".into(),
            filter: Some(filter),
            ..Select::default()
        })))
    };
    let beginning = "EXISTS(SELECT 1 FROM \"notes\" AS \"ash_rusqlite_1_0\" WHERE ";
    let body = "\"ash_rusqlite_1_0\".\"body\"";
    for (filter, wanted) in [
        (
            compare("body", CompareOp::Eq, text("a")),
            format!("{body} = ?)"),
        ),
        (
            Scalar::is_null("body", true),
            format!("{body} IS NOT NULL)"),
        ),
        (
            Scalar::like("body", "a%".into()),
            format!("{body} LIKE ? ESCAPE '\\')"),
        ),
        (
            Scalar::among("body", vec![text("a"), Value::Null]),
            format!("{body} IN (?))"),
        ),
        (
            Scalar::PrimaryKey(KeyValue::Single(Value::Integer(1))),
            "\"ash_rusqlite_1_0\".rowid = ?)".to_owned(),
        ),
        (
            Scalar::IsNull(Box::new(Scalar::like("body", "a%".into()))),
            format!("(({body} LIKE ? ESCAPE '\\') IS NULL))"),
        ),
    ] {
        assert_eq!(exists(filter), format!("{beginning}{wanted}"));
    }
    let declared = |right| Scalar::Same {
        collation: Collation::Declared,
        left: Box::new(column("age")),
        right: Box::new(right),
        negated: true,
    };
    assert_eq!(
        scalar_sql(declared(Scalar::Untyped(Value::Null))),
        "\"age\" IS NOT NULL"
    );
    assert_eq!(
        scalar_sql(declared(column("score"))),
        "\"age\" IS NOT \"score\""
    );
    refused_scalar(Scalar::Untyped(Value::Integer(1)));
    refused_scalar(declared(Scalar::Null));
    refused_scalar(Scalar::In {
        collation: Collation::Declared,
        item: Box::new(column("age")),
        list: vec![Scalar::Null],
    });
}

#[test]
fn a_query_within_has_no_columns_or_cursors_and_a_read_no_joins() {
    let exists = |select| Scalar::Exists(Box::new(select));
    let notes = || Select {
        table: "notes".into(),
        ..Select::default()
    };
    for select in [
        Select {
            columns: Some(vec!["body".into()]),
            ..notes()
        },
        Select {
            after: Some(Cursor::Values(vec![])),
            ..notes()
        },
        Select {
            page: true,
            ..notes()
        },
    ] {
        refused_scalar(exists(select));
    }
    let joined = Read::Select(Select {
        joins: vec![("notes".into(), Scalar::Boolean(true))],
        ..select("users")
    });
    assert_eq!(refused(&joined).code(), Code::InvalidQuery);
}

#[test]
fn an_order_of_scalars_is_as_it_was_given() {
    let order = |order_by: Vec<OrderBy>| {
        let sql = sql(&Read::Select(Select {
            order_by,
            limit: Some(1),
            ..select("users")
        }));
        let sql = sql.strip_prefix("SELECT \"name\" FROM \"users\"").unwrap();
        sql.strip_suffix(" LIMIT ?").unwrap().to_owned()
    };
    let ci = Scalar::Collate(Collation::CaseInsensitive, Box::new(column("email")));
    assert_eq!(
        order(vec![
            by_scalar(ci, false, Some(Nulls::Last)),
            by_scalar(Scalar::Boolean(true), false, None),
            by_scalar(column("price"), true, Some(Nulls::First)),
            by_scalar(column("name"), false, Some(Nulls::Last)),
            by_scalar(column("id"), false, Some(Nulls::First)),
        ]),
        // The name is never null.
        " ORDER BY \"email\" COLLATE ash_rusqlite_ci NULLS LAST, \
         \"price\" COLLATE ash_rusqlite_decimal DESC NULLS FIRST, \
         \"name\" COLLATE BINARY, \"id\""
    );
    assert_eq!(order(vec![by_scalar(Scalar::Null, true, None)]), "");
}

#[test]
fn rows_are_numbered_by_their_keys_alone() {
    let numbered = |table: &str, select: Select| {
        sql(&Read::Select(Select {
            table: table.into(),
            columns: Some(vec![if table == "users" { "name" } else { "hall" }.into()]),
            ..select
        }))
    };
    let distinct = Select {
        filter: Some(compare("age", CompareOp::Gt, Value::Integer(1))),
        distinct_on: Some(Box::new(DistinctOn {
            keys: vec![column("name")],
            order_by: vec![by_scalar(column("id"), true, None)],
        })),
        ..Select::default()
    };
    assert_eq!(
        numbered("users", distinct),
        "SELECT \"name\" FROM \"users\" WHERE rowid IN (SELECT \"ash_rusqlite_key\" FROM \
         (SELECT rowid AS \"ash_rusqlite_key\", row_number() OVER (PARTITION BY \
         \"name\" COLLATE BINARY ORDER BY \"id\" DESC) AS \"ash_rusqlite_row\" \
         FROM \"users\" WHERE \"age\" > ?) WHERE \"ash_rusqlite_row\" = 1)"
    );
    let partition = Select {
        order_by: vec![by("seat", true)],
        partition: Some(Box::new(Partition {
            by: vec![column("taken")],
            keys: None,
            limit: Some(2),
            offset: Some(1),
        })),
        ..Select::default()
    };
    assert_eq!(
        numbered("seats", partition),
        "SELECT \"hall\" FROM \"seats\" WHERE (\"hall\", \"seat\") IN (SELECT \"hall\", \"seat\" \
         FROM (SELECT \"hall\", \"seat\", row_number() OVER (PARTITION BY \"taken\" \
         ORDER BY \"seat\" DESC, \"hall\" DESC) AS \"ash_rusqlite_row\" FROM \"seats\") \
         WHERE \"ash_rusqlite_row\" > ? AND \"ash_rusqlite_row\" <= ?) \
         ORDER BY \"taken\", \"seat\" DESC, \"hall\" DESC"
    );
}

#[test]
fn partitions_and_orders_by_constants_alone_order_nothing() {
    let read = Read::Select(Select {
        order_by: vec![by_scalar(Scalar::Boolean(true), true, None)],
        partition: Some(Box::new(Partition {
            by: vec![Scalar::Null],
            keys: None,
            limit: Some(2),
            offset: None,
        })),
        ..select("users")
    });
    assert!(!sql(&read).contains("ORDER BY"));
}

#[test]
fn computed_values_are_stored_in_the_form_of_their_column() {
    let (conn, catalog) = open();
    let update = |column: &str, scalar: Scalar| {
        let update = Write::Update(Update {
            table: "users".into(),
            filter: None,
            set: vec![Assignment::Compute(column.into(), scalar)],
            returning: Returning::Nothing,
        });
        write(&conn, &catalog, &update).0.remove(0)
    };
    assert_eq!(
        update("age", column("id")),
        "UPDATE \"users\" SET \"age\" = \"id\""
    );
    assert_eq!(
        update("score", column("id")),
        "UPDATE \"users\" SET \"score\" = ash_rusqlite_store(\"id\", 'REAL', ?, ?)"
    );
    let all = Scalar::Exists(Box::new(Select {
        table: "USERS".into(),
        ..Select::default()
    }));
    refused_write(&Write::Update(Update {
        table: "users".into(),
        filter: None,
        set: vec![Assignment::Compute("age".into(), all)],
        returning: Returning::Nothing,
    }));
}

#[test]
fn a_plan_and_computed_values_are_reads_like_others() {
    let computed = |scalar| Computed {
        name: "x".into(),
        scalar,
        column_type: ColumnType::Integer,
        list: false,
    };
    let read = Read::Explain(Box::new(Read::Select(select("users"))));
    assert_eq!(
        sql(&read),
        "EXPLAIN QUERY PLAN SELECT \"name\" FROM \"users\""
    );
    assert_eq!(sql(&Read::Compute(vec![computed(one())])), "SELECT ?");
    assert_eq!(
        refused(&Read::Compute(vec![computed(column("id"))])).code(),
        Code::InvalidQuery
    );
    let read = Read::Select(Select {
        columns: Some(vec![]),
        computed: vec![computed(one())],
        ..select("users")
    });
    assert_eq!(sql(&read), "SELECT ? FROM \"users\"");
}
