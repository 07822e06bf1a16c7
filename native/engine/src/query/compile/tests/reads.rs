use super::*;

#[test]
fn all_columns_are_those_of_the_catalog() {
    let (_, catalog) = open();
    let read = Read::Select(Select {
        table: "notes".into(),
        ..Select::default()
    });
    let compiled = compile_read(&read, &catalog).unwrap();
    assert_eq!(compiled.sql, "SELECT \"body\" FROM \"notes\"");
    let cached = catalog.table("notes").unwrap().output_columns();
    assert!(Arc::ptr_eq(&compiled.columns, cached));
}

#[test]
fn cursors_are_one_comparison_where_it_says_it_all() {
    let after = |order_by: Vec<OrderBy>, values: Vec<Value>| {
        let after = Some(Cursor::Values(values));
        let sql = sql(&Read::Select(Select {
            order_by,
            after,
            ..select("users")
        }));
        sql.strip_prefix("SELECT \"name\" FROM \"users\" WHERE ")
            .unwrap()
            .to_owned()
    };
    let row = || vec![text("a"), Value::Integer(1)];
    assert_eq!(
        after(vec![by("name", false)], row()),
        "(\"name\", \"id\") > (?, ?) ORDER BY \"name\", \"id\""
    );
    assert_eq!(
        after(vec![by("name", true)], row()),
        "(\"name\", \"id\") < (?, ?) ORDER BY \"name\" DESC, \"id\" DESC"
    );
    assert_eq!(
        after(vec![by("name", true), by("id", false)], row()),
        "\"name\" <= ? AND (\"name\" < ? OR (\"name\" = ? AND \"id\" > ?)) \
         ORDER BY \"name\" DESC, \"id\""
    );
    assert_eq!(
        after(vec![by("email", true)], row()),
        "((\"email\" < ? OR \"email\" IS NULL) OR (\"email\" = ? AND \"id\" < ?)) \
         ORDER BY \"email\" DESC, \"id\" DESC"
    );
    assert_eq!(
        after(
            vec![by("email", true)],
            vec![Value::Null, Value::Integer(1)]
        ),
        "\"email\" IS NULL AND (0 OR (\"email\" IS NULL AND \"id\" < ?)) \
         ORDER BY \"email\" DESC, \"id\" DESC"
    );
}

#[test]
fn a_cursor_that_does_not_fit_names_the_columns() {
    let refuse = |after| {
        let order_by = vec![by("name", false)];
        refused(&Read::Select(Select {
            order_by,
            after: Some(after),
            ..select("users")
        }))
    };
    let error = refuse(Cursor::Row(vec![("name".into(), text("a"))]));
    assert_eq!(error.detail("column"), Some(&Detail::Text("id".into())));
    assert_eq!(
        columns(&refuse(Cursor::Values(vec![text("a")]))),
        ["name", "id"]
    );
    let view = Select {
        page: true,
        ..select("adults")
    };
    assert_eq!(
        refused(&Read::Select(view.clone())).code(),
        Code::InvalidQuery
    );
    sql(&Read::Select(Select {
        distinct: true,
        ..view
    }));
    let unselected = Select {
        distinct: true,
        page: true,
        order_by: vec![by("age", false)],
        ..select("users")
    };
    assert_eq!(
        refused(&Read::Select(unselected)).code(),
        Code::InvalidQuery
    );
}

#[test]
fn a_page_hides_its_cursor_behind_the_columns() {
    let (_, catalog) = open();
    let page = |table: &str, columns: &[&str]| Select {
        table: table.into(),
        columns: Some(columns.iter().map(|name| (*name).into()).collect()),
        page: true,
        ..Select::default()
    };
    let read = Read::Select(Select {
        order_by: vec![by("name", true)],
        ..page("users", &["age"])
    });
    let compiled = compile_read(&read, &catalog).unwrap();
    let names: Vec<&str> = compiled
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        (names.as_slice(), compiled.hidden),
        (&["age", "name", "id"][..], 2)
    );
    let read = Read::Select(page("notes", &["body"]));
    let compiled = compile_read(&read, &catalog).unwrap();
    assert_eq!(compiled.columns[1].name, "rowid");
    let before = Some(Cursor::Values(vec![Value::Integer(3)]));
    let read = Read::Select(Select {
        before,
        limit: Some(2),
        ..page("notes", &["body"])
    });
    let compiled = compile_read(&read, &catalog).unwrap();
    assert!(compiled.reversed);
    assert!(compiled
        .sql
        .ends_with("WHERE \"rowid\" < ? ORDER BY \"rowid\" DESC LIMIT ?"));
}

#[test]
fn aggregates_are_for_columns_that_have_them() {
    let aggregate = |function, column: &str| {
        let select = Select {
            table: "users".into(),
            ..Select::default()
        };
        Read::Aggregate {
            function,
            column: Some(column.into()),
            select,
        }
    };
    assert_eq!(
        sql(&aggregate(Aggregate::Sum, "price")),
        "SELECT ash_rusqlite_decimal_sum(\"price\") FROM \"users\""
    );
    for (function, column) in [
        (Aggregate::Avg, "price"),
        (Aggregate::Avg, "name"),
        (Aggregate::Sum, "name"),
    ] {
        assert_eq!(
            refused(&aggregate(function, column)).code(),
            Code::InvalidQuery
        );
    }
    let select = Select {
        table: "users".into(),
        ..Select::default()
    };
    let sum = Read::Aggregate {
        function: Aggregate::Sum,
        column: None,
        select,
    };
    assert_eq!(refused(&sum).code(), Code::InvalidQuery);
    let (_, catalog) = open();
    let read = aggregate(Aggregate::Max, "price");
    let compiled = compile_read(&read, &catalog).unwrap();
    assert_eq!(compiled.columns[0].column_type, ColumnType::Decimal);
}

#[test]
fn raw_sql_is_read_whole_or_not_at_all() {
    let (_, catalog) = open();
    let read = Read::Sql {
        sql: "SELECT 1\0; SELECT 2".to_owned(),
        params: vec![],
    };
    let error = compile_read(&read, &catalog).unwrap_err();
    assert_eq!(error.code(), Code::SqlSyntax);
}

#[test]
fn raw_sql_is_bound_and_typed_by_its_columns() {
    let (conn, catalog) = open();
    let sql = "SELECT price, upper(?) AS up FROM users".to_owned();
    let read = Read::Sql {
        sql,
        params: vec![text("a")],
    };
    let compiled = compile_read(&read, &catalog).unwrap();
    let mut stmt = conn.prepare(&compiled.sql).unwrap();
    bind(&mut stmt, &compiled.params).unwrap();
    assert_eq!(bind(&mut stmt, &[]).unwrap_err().code(), Code::InvalidQuery);
    let columns = columns_of(&stmt);
    assert_eq!(columns[0].column_type, ColumnType::Decimal);
    assert_eq!(
        (columns[1].name.as_str(), columns[1].column_type),
        ("up", ColumnType::Any)
    );
}
