use super::*;

#[test]
fn conditions_have_the_shapes_that_indexes_know() {
    let nil = |op| compare("age", op, Value::Null);
    assert_eq!(where_sql(nil(CompareOp::Eq)), "\"age\" IS NULL");
    assert_eq!(where_sql(nil(CompareOp::NotEq)), "\"age\" IS NOT NULL");
    refused_filter("users", nil(CompareOp::Lt));
    let one = || compare("age", CompareOp::Gt, Value::Integer(1));
    assert_eq!(where_sql(Scalar::And(vec![])), "1");
    assert_eq!(where_sql(Scalar::Or(vec![])), "0");
    assert_eq!(
        where_sql(Scalar::And(vec![one(), one()])),
        "\"age\" > ? AND \"age\" > ?"
    );
    assert_eq!(
        where_sql(Scalar::Not(Box::new(Scalar::Or(vec![one(), one()])))),
        "(NOT (\"age\" > ? OR \"age\" > ?))"
    );
    let price = Value::Decimal {
        negative: false,
        coefficient: "11".into(),
        exponent: -1,
    };
    assert_eq!(
        where_sql(compare("price", CompareOp::Lt, price)),
        "\"price\" COLLATE ash_rusqlite_decimal < ?"
    );
    let like = Scalar::like("name", "a\\%%".into()).negated();
    assert_eq!(where_sql(like), "(NOT (\"name\" LIKE ? ESCAPE '\\'))");
}

#[test]
fn lists_have_few_shapes() {
    let list =
        |values: Vec<Value>, negated| where_sql(Scalar::among("age", values).negated_if(negated));
    let numbers = |count| (0..count).map(Value::Integer).collect::<Vec<_>>();
    assert_eq!(list(vec![], false), "0");
    assert_eq!(list(vec![Value::Null], true), "(NOT (0))");
    assert_eq!(list(numbers(1), false), "\"age\" IN (?)");
    assert_eq!(list(numbers(3), true), "(NOT (\"age\" IN (?, ?, ?, ?)))");
    assert_eq!(list(numbers(16), false).matches('?').count(), 16);
    assert_eq!(list(numbers(17), false), "\"age\" IN rarray(?)");
}

#[test]
fn conditions_may_be_long_and_deep_but_not_endless() {
    let one = || compare("age", CompareOp::Gt, Value::Integer(1));
    where_sql(Scalar::Or((0..5_000).map(|_| one()).collect()));
    let nest = |depth| {
        (0..depth).fold(one(), |expr, level| match level % 3 {
            0 => Scalar::Not(Box::new(expr)),
            1 => Scalar::And(vec![expr, one(), one()]),
            _ => Scalar::Or(vec![one(), expr]),
        })
    };
    where_sql(nest(99));
    refused_filter("users", nest(100));
    refused_filter("users", nest(5_000));
    refused_filter("users", Scalar::Or((0..32_767).map(|_| one()).collect()));
}

#[test]
fn a_condition_is_as_long_as_its_values_make_it() {
    let price = || {
        let value = Value::Decimal {
            negative: false,
            coefficient: "11".into(),
            exponent: -1,
        };
        compare("price", CompareOp::Lt, value)
    };
    let pair = || Scalar::And(vec![price(), price()]);
    let sql = where_sql(Scalar::Or((0..15_000).map(|_| pair()).collect()));
    assert!(sql.len() > 1_000_000, "{}", sql.len());
}

#[test]
fn operands_that_are_written_twice_do_not_double_without_end() {
    let twice = |item| Scalar::In {
        collation: Collation::Binary,
        item: Box::new(item),
        list: vec![Scalar::column("id")],
    };
    let nested = |depth| (0..depth).fold(Scalar::column("age"), |item, _| twice(item));
    where_sql(nested(8));
    let error = refused_filter("users", nested(60));
    assert!(error.message().contains("nest it less"), "{error}");
}

#[test]
fn columns_of_unlike_forms_are_not_compared() {
    let columns = |left: &str, right: &str| Scalar::compare_columns(left, CompareOp::Lt, right);
    assert_eq!(where_sql(columns("age", "score")), "\"age\" < \"score\"");
    assert_eq!(
        where_sql(columns("age", "price")),
        "CAST(\"age\" AS TEXT) COLLATE ash_rusqlite_decimal < \"price\" COLLATE ash_rusqlite_decimal"
    );
    refused_filter("users", columns("name", "age"));
    refused_filter("users", columns("price", "score"));
}

#[test]
fn keys_are_single_composite_or_the_rowid() {
    let key = |table: &str, key| {
        let filter = Some(Scalar::PrimaryKey(key));
        sql(&Read::Exists(Select {
            table: table.into(),
            filter,
            ..Select::default()
        }))
    };
    let single = |value| KeyValue::Single(value);
    let pair = |name: &str, value| (name.into(), value);
    assert!(key("users", single(Value::Integer(1))).contains("WHERE \"id\" = ?"));
    assert!(key("notes", single(Value::Integer(1))).contains("WHERE rowid = ?"));
    assert!(key("odd \" name", single(Value::Integer(1))).contains("WHERE _rowid_ = ?"));
    let both = vec![pair("seat", Value::Integer(1)), pair("hall", text("a"))];
    let sql = key("seats", KeyValue::Columns(both.clone()));
    assert!(sql.contains("WHERE \"hall\" = ? AND \"seat\" = ?"), "{sql}");

    let refuse = |table: &str, key| columns(&refused_filter(table, Scalar::PrimaryKey(key)));
    assert_eq!(refuse("seats", single(text("a"))), ["hall", "seat"]);
    assert_eq!(
        refuse("seats", KeyValue::Columns(both[..1].to_vec())),
        ["hall", "seat"]
    );
    assert_eq!(refuse("users", KeyValue::Columns(both)), ["id"]);
    assert_eq!(refuse("users", single(Value::Null)), ["id"]);
    assert_eq!(refuse("notes", single(text("a"))), ["rowid"]);
    assert!(refuse("adults", single(Value::Integer(1))).is_empty());
}

#[test]
fn nothing_that_a_caller_passes_becomes_sql() {
    let (conn, catalog) = open();
    let attack = "x\"; DROP TABLE users; --";
    for read in [
        Read::Select(select(attack)),
        Read::Select(Select {
            columns: Some(vec![attack.into()]),
            ..select("users")
        }),
        Read::Select(Select {
            order_by: vec![by(attack, false)],
            ..select("users")
        }),
        Read::Exists(Select {
            filter: Some(Scalar::is_null(attack, false)),
            ..select("users")
        }),
    ] {
        let code = compile_read(&read, &catalog).unwrap_err().code();
        assert!(matches!(code, Code::UnknownTable | Code::UnknownColumn));
    }
    let row: &[(&str, Value)] = &[("a \" b", text(attack)), ("x;y", text("' OR 1=1 --"))];
    let mut odd = insert("odd \" name", &[row]);
    odd.returning = Returning::All;
    assert_eq!(write(&conn, &catalog, &Write::Insert(odd)).1, 1);
    let filter = Scalar::And(vec![
        compare("a \" b", CompareOp::Eq, text(attack)),
        Scalar::like("x;y", "' OR %".into()),
    ]);
    let read = Read::Select(Select {
        table: "odd \" name".into(),
        filter: Some(filter),
        order_by: vec![by("x;y", true)],
        page: true,
        ..Select::default()
    });
    let compiled = compile_read(&read, &catalog).unwrap();
    assert!(
        !compiled.sql.contains("DROP") && !compiled.sql.contains("1=1"),
        "{}",
        compiled.sql
    );
    let mut stmt = conn.prepare(&compiled.sql).unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    assert!(stmt.raw_query().next().unwrap().is_some());
    assert_eq!(compiled.columns.last().unwrap().name, "_rowid_");
}
