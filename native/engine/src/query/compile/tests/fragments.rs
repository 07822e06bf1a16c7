//! Fragments: what they are written as, and that none leaves its place.

use proptest::prelude::*;

use super::*;
use crate::query::ir::{Collation, Computed, OrderBy, Piece, Scalar};

fn sql_piece(text: &str) -> Piece {
    Piece::Sql(text.into())
}

fn column(name: &str) -> Scalar {
    Scalar::Column {
        depth: 0,
        table: 0,
        name: name.into(),
    }
}

fn literal(value: Value, column_type: ColumnType) -> Scalar {
    Scalar::Value { column_type, value }
}

fn fragment(pieces: Vec<Piece>) -> Scalar {
    Scalar::Fragment(pieces)
}

fn lower() -> Scalar {
    let name = Piece::Scalar(column("name"));
    fragment(vec![sql_piece("lower("), name, sql_piece(")")])
}

fn equal(left: Scalar, right: Scalar) -> Scalar {
    Scalar::Compare {
        op: CompareOp::Eq,
        collation: Collation::Binary,
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn scalar_sql(scalar: Scalar) -> String {
    where_sql(scalar)
}

#[test]
fn like_is_another_operator_where_it_tells_case_apart() {
    let exact = |text: &str| {
        let pieces = vec![
            Piece::CaseSensitiveLike,
            Piece::Scalar(column("name")),
            sql_piece(text),
        ];
        scalar_sql(fragment(pieces))
    };
    let name = "( \"users\".\"name\" ";
    for (text, wanted) in [
        (" LIKE 'a%'", " REGEXP 'a%')"),
        (" not like 'LIKE'", " not REGEXP 'LIKE')"),
        (" LIKE 'a!%' ESCAPE '!'", " REGEXP 'a!%' ESCAPE '!')"),
        (" = 'a' || 'like'", " = 'a' || 'like')"),
        (" IN (SELECT 1 AS [like])", " IN (SELECT 1 AS [like]))"),
    ] {
        assert_eq!(exact(text), format!("{name}{wanted}"));
    }
}

#[test]
fn columns_and_values_stand_between_the_texts_apart_from_them() {
    assert_eq!(scalar_sql(lower()), "(lower( \"users\".\"name\" ))");
    let value = literal(Value::Integer(1), ColumnType::Integer);
    let parts = vec![
        sql_piece("coalesce("),
        Piece::Scalar(value),
        sql_piece(", 5) BETWEEN 1 AND 9"),
    ];
    assert_eq!(
        scalar_sql(fragment(parts)),
        "(coalesce( ? , 5) BETWEEN 1 AND 9)"
    );
}

#[test]
fn a_column_is_of_its_table_within_a_query_of_the_fragment() {
    let (conn, catalog) = open();
    conn.execute_batch("INSERT INTO users (id, name, age) VALUES (1, 'a', 3), (2, 'b', 5)")
        .unwrap();
    let younger = vec![
        sql_piece("(SELECT count(*) FROM users u WHERE u.age < "),
        Piece::Scalar(column("age")),
        sql_piece(") = 1"),
    ];
    let read = Read::Select(Select {
        filter: Some(fragment(younger)),
        ..select("users")
    });
    let compiled = compile_read(&read, &catalog).unwrap();
    let name: String = conn.query_row(&compiled.sql, [], |row| row.get(0)).unwrap();
    assert_eq!(name, "b");
}

#[test]
fn a_fragment_compares_and_orders_by_its_own_collation() {
    let name = literal(text("ann"), ColumnType::Text);
    let nocase = || {
        let name = Piece::Scalar(column("name"));
        fragment(vec![name, sql_piece("COLLATE NOCASE")])
    };
    assert_eq!(
        scalar_sql(equal(nocase(), name.clone())),
        "(( \"users\".\"name\" COLLATE NOCASE) = ?)"
    );
    assert_eq!(
        scalar_sql(equal(column("email"), nocase())),
        "(\"email\" = ( \"users\".\"name\" COLLATE NOCASE))"
    );
    let ordered = |scalar| {
        sql(&Read::Select(Select {
            order_by: vec![OrderBy {
                scalar,
                descending: false,
                nulls: None,
            }],
            ..select("users")
        }))
    };
    assert!(ordered(nocase()).ends_with(" ORDER BY ( \"users\".\"name\" COLLATE NOCASE)"));
    // SQLite would take it for the first column.
    for number in ["1", "(1)", " -(0x1) ", "+1"] {
        let sql = ordered(fragment(vec![sql_piece(number)]));
        assert!(!sql.contains("ORDER BY"), "{sql}");
    }
}

#[test]
fn what_could_end_the_expression_is_refused_with_its_text_and_what_to_do() {
    for (text, why) in [
        ("1) OR (1", "did not open"),
        ("lower(", "open"),
        ("1; DROP TABLE users", ";"),
        ("1 -- more", "comment"),
        ("1 /* more", "comment"),
        ("1 /* more */", "comment"),
        ("?", "parameter"),
        ("?1", "parameter"),
        (":name", "parameter"),
        ("@name", "parameter"),
        ("$name", "parameter"),
        ("\u{feff}$name", "parameter"),
        ("age = \u{feff}@name", "parameter"),
        ("name::text", "parameter"),
        ("#1", "parameter"),
        ("'open", "not closed"),
        ("\"open", "not closed"),
        ("`open", "not closed"),
        ("[open", "not closed"),
        ("'it''s", "not closed"),
        ("1\0", "NUL"),
        ("'\0'", "NUL"),
    ] {
        let filter = fragment(vec![sql_piece(text)]);
        let error = refused_filter("users", filter);
        assert!(error.message().contains(why), "{text:?}: {error}");
        assert!(error.detail("fragment").is_some(), "{text:?}");
    }
    let long = fragment(vec![sql_piece(&"1+".repeat(20_000)), sql_piece("1")]);
    let error = refused_filter("users", long);
    assert!(error.message().contains("longer"), "{error}");
}

#[test]
fn a_value_stands_outside_of_quotes() {
    let name = || Piece::Scalar(column("name"));
    let quoted = vec![sql_piece("'"), name(), sql_piece("'")];
    refused_filter("users", fragment(quoted));
    let value = Piece::Scalar(literal(Value::Integer(1), ColumnType::Integer));
    let (conn, catalog) = open();
    let numbered = Read::Exists(Select {
        filter: Some(fragment(vec![value, sql_piece("1")])),
        ..select("users")
    });
    let compiled = compile_read(&numbered, &catalog).unwrap();
    assert!(conn.prepare(&compiled.sql).is_err(), "{}", compiled.sql);
    let apart = vec![sql_piece("-"), name(), sql_piece("-1")];
    scalar_sql(fragment(apart));
}

#[test]
fn an_aggregate_that_would_make_one_row_of_all_is_refused() {
    for pieces in [
        vec![sql_piece("count(*)")],
        vec![
            sql_piece("max("),
            Piece::Scalar(column("age")),
            sql_piece(")"),
        ],
    ] {
        refused_filter("users", fragment(pieces));
    }
    let greater = vec![
        sql_piece("max("),
        Piece::Scalar(column("age")),
        sql_piece(", 3)"),
    ];
    scalar_sql(fragment(greater));
}

#[test]
fn what_only_looks_dangerous_is_taken() {
    for text in [
        "'--'",
        "';'",
        "'?'",
        "'it''s (' || \"name\"",
        "json_extract('{\"a\":1}', '$.a')",
        "'{\"a\":1}' ->> '$.a'",
        "[name] || `name`",
        "(SELECT count(*) FROM seats WHERE hall = 'a')",
        "age - -1",
        "x'00ff'",
        "CASE WHEN age > 3 THEN 'ü' ELSE NULL END",
    ] {
        scalar_sql(fragment(vec![sql_piece(text)]));
    }
}

/// Texts of what SQL is made of, and of anything.
fn any_text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        8 => prop::sample::select(vec![
            "'", "\"", "`", "[", "]", "(", ")", ";", "--", "/*", "*/", "?", "?1", ":a", "@a", "$a",
            "#", "\0", "\n", "\\", "-", "/", "*", " ", "x'", "x'00'", "''", "'a'", "\"name\"",
            "name", "1", "0x1", "1e", ".5", "||", "->>", "<<", "=", ",", "OR", "AND", "NOT",
            "SELECT", "FROM users", "UNION", "WHERE", "ORDER BY", "LIMIT 1", "RETURNING", "ü", "a$b",
            "lower(", "COLLATE NOCASE", "IS NULL", "CASE", "END", "AS", "\u{a0}", "\u{feff}",
        ])
        .prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    // What nearly leaves its place, and short texts, which SQLite takes more often.
    prop_oneof![
        prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat()),
        prop::sample::select(vec![
            "1",
            "1)OR(1",
            "1) OR 1 OR (1",
            "1)--\n",
            "1)/*",
            "*/+(1",
            "1/*",
            "*/",
            "1 OR ",
            "+",
            "x",
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        3 => any_text().prop_map(Piece::Sql),
        1 => Just(Piece::Scalar(column("name"))),
        1 => any::<i64>().prop_map(|n| {
            Piece::Scalar(literal(Value::Integer(n), ColumnType::Integer))
        }),
    ];
    prop::collection::vec(piece, 0..4)
}

/// A statement with a fragment in the middle, and one behind which nothing changes.
fn around(scalar: Scalar) -> Read {
    let marked = equal(
        column("id"),
        literal(Value::Integer(7), ColumnType::Integer),
    );
    Read::Select(Select {
        computed: vec![Computed {
            name: "computed".into(),
            scalar: scalar.clone(),
            column_type: ColumnType::Any,
            list: false,
        }],
        filter: Some(Scalar::And(vec![scalar, marked])),
        ..select("users")
    })
}

/// The text without the fragment: what is around it, and how many of its values there are.
fn bound(pieces: &[Piece]) -> usize {
    pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Scalar(Scalar::Value { .. })))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// A statement is refused, or what is around the fragment stays as it was: SQLite reads to
    /// the end of one statement with as many parameters as there are values, and the columns and
    /// the conditions behind the fragment still count.
    #[test]
    fn no_text_leaves_its_place(pieces in any_pieces()) {
        let (conn, catalog) = open();
        conn.execute_batch("INSERT INTO users (id, name) VALUES (6, 'a'), (7, 'b')").unwrap();
        let read = around(fragment(pieces.clone()));
        let Ok(compiled) = compile_read(&read, &catalog) else {
            return Ok(());
        };
        let plain = around(Scalar::Null);
        let plain = compile_read(&plain, &catalog).unwrap().sql;
        let (head, tail) = plain.split_once("NULL").unwrap();
        let (middle, tail) = tail.split_once("NULL").unwrap();
        prop_assert!(compiled.sql.starts_with(head), "{}", compiled.sql);
        prop_assert!(compiled.sql.ends_with(tail), "{}", compiled.sql);
        prop_assert!(compiled.sql.contains(middle), "{}", compiled.sql);
        prop_assert_eq!(compiled.params.len(), 2 * bound(&pieces) + 1);
        // What SQLite does not take is its syntax error. Nothing may be left behind the statement.
        let Ok(mut stmt) = conn.prepare(&compiled.sql) else {
            return Ok(());
        };
        prop_assert_eq!(stmt.parameter_count(), compiled.params.len());
        prop_assert_eq!(stmt.column_count(), 2);
        prop_assert!(stmt.readonly());
        bind(&mut stmt, &compiled.params).unwrap();
        let mut rows = stmt.raw_query();
        while let Ok(Some(row)) = rows.next() {
            prop_assert_eq!(row.get::<_, Option<String>>(0).unwrap(), Some("b".to_owned()));
        }
    }
}
