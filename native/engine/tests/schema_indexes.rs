//! Which index is the wanted one, whatever its name and whatever program made it, and what a new one
//! refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/specs.rs"]
mod specs;

use ash_rusqlite_engine::query::ir::{Function, Scalar};
use ash_rusqlite_engine::schema::{differences, ensure, DifferenceKind, IndexSpec};
use ash_rusqlite_engine::{Code, ColumnType};
use specs::{column, connection, index, kinds, required, rooms, table};

#[test]
fn a_table_of_ectos_adapter_fits() {
    let conn = connection(
        "CREATE TABLE \"Rooms\" (\"id\" TEXT NOT NULL PRIMARY KEY, \"title\" TEXT NOT NULL, \"rank\" BIGINT,
           \"price\" DECIMAL, \"at\" TEXT_DATETIME, \"tags\" ARRAY, \"on\" BOOLEAN, \"data\" JSON);
         CREATE UNIQUE INDEX `rooms_title_index` on `Rooms` (title) where ((\"rank\"  IS NOT NULL));",
    );
    let mut spec = rooms();
    spec.columns.extend([
        column("price", ColumnType::Decimal),
        column("at", ColumnType::DateTimeUsec),
        column("tags", ColumnType::Json),
        column("on", ColumnType::Boolean),
        column("data", ColumnType::Json),
    ]);
    spec.indexes[0].unique = true;
    spec.indexes[0].filter = Some("rank is not null".into());
    assert_eq!(kinds(&conn, &spec), []);
    spec.indexes[0].filter = Some("rank is null".into());
    assert_eq!(
        kinds(&conn, &spec),
        [("wrong_index", "rooms_title_index".to_owned())]
    );
}

#[test]
fn an_index_of_another_name_or_of_a_constraint_serves_as_well() {
    let conn = connection(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a, b));
         CREATE INDEX other ON t (b)",
    );
    let mut spec = table("t", "id");
    spec.columns = vec![
        column("id", ColumnType::Integer),
        column("a", ColumnType::Text),
        column("b", ColumnType::Text),
    ];
    let unique = |name: &str, columns: &[&str]| IndexSpec {
        unique: true,
        ..index(name, columns)
    };
    spec.indexes = vec![unique("t_ab", &["a", "b"]), index("t_b", &["b"])];
    assert_eq!(kinds(&conn, &spec), []);
    spec.indexes = vec![unique("t_ba", &["b", "a"]), index("t_b", &["a"])];
    assert_eq!(
        kinds(&conn, &spec),
        [
            ("missing_index", "t_ba".to_owned()),
            ("missing_index", "t_b".to_owned())
        ]
    );
}

#[test]
fn an_index_whose_name_is_that_of_another_table_gets_one_of_its_own() {
    let conn = connection(
        "CREATE TABLE u (id INTEGER, a TEXT); CREATE UNIQUE INDEX taken ON u (a);
         CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)",
    );
    let mut spec = table("t", "id");
    spec.columns = vec![
        column("id", ColumnType::Integer),
        column("a", ColumnType::Text),
    ];
    spec.indexes = vec![IndexSpec {
        unique: true,
        ..index("taken", &["a"])
    }];
    assert_eq!(
        kinds(&conn, &spec),
        [("missing_index", "taken@t".to_owned())]
    );
    ensure(&conn, &spec).unwrap();
    assert_eq!(kinds(&conn, &spec), []);
    conn.execute("INSERT INTO t (a) VALUES ('x')", []).unwrap();
    conn.execute("INSERT INTO t (a) VALUES ('x')", [])
        .unwrap_err();
    // Another index of that name is not what is wanted, and nothing is dropped for it.
    spec.indexes[0].unique = false;
    assert_eq!(kinds(&conn, &spec), [("wrong_index", "taken".to_owned())]);
}

#[test]
fn nulls_are_equal_in_a_unique_index_that_wants_it_and_nothing_else_is() {
    let conn = connection("");
    let mut spec = table("t", "id");
    spec.columns = vec![
        column("id", ColumnType::Integer),
        required("org", ColumnType::Text),
        column("name", ColumnType::Any),
    ];
    spec.indexes = vec![IndexSpec {
        unique: true,
        nulls_equal: true,
        ..index("t_org_name", &["org", "name"])
    }];
    ensure(&conn, &spec).unwrap();
    assert_eq!(kinds(&conn, &spec), []);
    let insert = |value: &str| {
        let sql = format!("INSERT INTO t (org, name) VALUES ('a', {value})");
        conn.execute(&sql, [])
    };
    for value in ["NULL", "0", "''", "'0'", "X''", "X'30'", "1", "0.5"] {
        insert(value).unwrap();
        let error = insert(value).unwrap_err().to_string();
        assert!(error.contains("UNIQUE constraint failed"), "{error}");
    }
    spec.indexes[0].nulls_equal = false;
    assert_eq!(
        kinds(&conn, &spec),
        [("wrong_index", "t_org_name".to_owned())]
    );
}

#[test]
fn case_makes_no_difference_in_the_columns_that_ignore_it() {
    let conn = connection("");
    let mut spec = table("t", "id");
    spec.columns = vec![
        column("id", ColumnType::Integer),
        column("org", ColumnType::Text),
        column("mail", ColumnType::Text),
    ];
    spec.indexes = vec![IndexSpec {
        unique: true,
        ignore_case: vec!["mail".into()],
        ..index("t_org_mail", &["org", "mail"])
    }];
    ensure(&conn, &spec).unwrap();
    assert_eq!(kinds(&conn, &spec), []);
    let insert = |org: &str, mail: &str| {
        conn.execute("INSERT INTO t (org, mail) VALUES (?1, ?2)", [org, mail])
    };
    insert("a", "Ann").unwrap();
    insert("A", "Ann").unwrap();
    let error = insert("a", "ANN").unwrap_err().to_string();
    assert!(error.ends_with("t.org, t.mail"), "{error}");
    spec.indexes[0].ignore_case = vec![];
    assert_eq!(kinds(&conn, &spec), []);
    spec.indexes[0].ignore_case = vec!["nowhere".into()];
    assert_eq!(
        ensure(&conn, &spec).unwrap_err().code(),
        Code::InvalidOption
    );
}

#[test]
fn a_case_sensitive_index_gets_one_beside_it_that_ignores_case() {
    for (sql, made) in [
        ("CREATE UNIQUE INDEX t_mail ON t (mail)", "t_mail_nocase"),
        ("CREATE UNIQUE INDEX other ON t (mail)", "t_mail"),
    ] {
        let conn = connection("CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT)");
        conn.execute(sql, []).unwrap();
        let mut spec = table("t", "id");
        spec.columns = vec![
            column("id", ColumnType::Integer),
            column("mail", ColumnType::Text),
        ];
        spec.indexes = vec![IndexSpec {
            unique: true,
            ignore_case: vec!["mail".into()],
            ..index("t_mail", &["mail"])
        }];
        let insert = |mail: &str| conn.execute("INSERT INTO t (mail) VALUES (?1)", [mail]);
        for mail in ["Ann", "ANN"] {
            insert(mail).unwrap();
        }
        conn.execute("INSERT INTO t (mail) VALUES (NULL), (NULL)", [])
            .unwrap();

        // Rows that would keep it from being made are reported, and stay.
        let found = differences(&conn, &spec).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind, DifferenceKind::WrongIndex);
        assert!(found[0].message.contains("nothing but case"));
        let statement = found[0].statement.clone().unwrap();
        assert_eq!(ensure(&conn, &spec).unwrap(), Vec::<String>::new());

        conn.execute("DELETE FROM t WHERE mail = 'ANN'", [])
            .unwrap();
        assert_eq!(kinds(&conn, &spec), [("missing_index", made.to_owned())]);
        assert_eq!(ensure(&conn, &spec).unwrap(), [statement]);
        assert_eq!(kinds(&conn, &spec), []);
        insert("aNN").unwrap_err();
    }
}

#[test]
fn an_index_ignores_case_by_the_collation_of_its_column_too() {
    let conn = connection(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT COLLATE NOCASE);
         CREATE UNIQUE INDEX t_mail ON t (mail)",
    );
    let mut spec = table("t", "id");
    spec.columns = vec![
        column("id", ColumnType::Integer),
        column("mail", ColumnType::Text),
    ];
    spec.indexes = vec![IndexSpec {
        unique: true,
        ignore_case: vec!["mail".into()],
        ..index("t_mail", &["mail"])
    }];
    assert_eq!(kinds(&conn, &spec), []);
}

#[test]
fn an_index_over_equal_rows_is_refused_with_its_statement() {
    let conn = connection(
        "CREATE TABLE rooms (id UUID_TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL, rank INTEGER);
         INSERT INTO rooms VALUES ('a', 'same', 1), ('b', 'same', 1)",
    );
    let mut spec = rooms();
    spec.indexes[0].unique = true;
    let error = ensure(&conn, &spec).unwrap_err();
    assert_eq!(error.code(), Code::UniqueViolation);
    assert!(
        error.message().starts_with("CREATE UNIQUE INDEX"),
        "{error}"
    );
}

#[test]
fn rows_that_keep_an_index_from_being_made_are_named_and_the_rest_is_added_where_that_is_wanted() {
    let conn = connection(
        "CREATE TABLE rooms (id UUID_TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL);
         INSERT INTO rooms VALUES ('a', 'same'), ('b', 'other'), ('c', 'same')",
    );
    let mut spec = rooms();
    spec.indexes[0].unique = true;
    let found = differences(&conn, &spec).unwrap();
    let blocked = found
        .iter()
        .find(|found| found.kind == DifferenceKind::BlockedIndex)
        .unwrap();
    assert_eq!(
        blocked.message,
        "table \"rooms\" has no index \"rooms_title_index\", because 2 rows are equal to others in \
         it, those with the keys a, c; change or delete them"
    );

    spec.best_effort = true;
    let added = ensure(&conn, &spec).unwrap();
    assert_eq!(added, ["ALTER TABLE \"rooms\" ADD COLUMN \"rank\" INTEGER"]);
    assert_eq!(ensure(&conn, &spec).unwrap(), Vec::<String>::new());
    conn.execute("UPDATE rooms SET title = 'new' WHERE id = 'c'", [])
        .unwrap();
    assert_eq!(ensure(&conn, &spec).unwrap().len(), 1);
    assert_eq!(differences(&conn, &spec).unwrap(), []);
}

#[test]
fn the_sql_of_an_index_that_is_wrong_keeps_nothing_else_from_being_added_where_that_is_wanted() {
    let conn = connection("CREATE TABLE rooms (id UUID_TEXT NOT NULL PRIMARY KEY)");
    let mut spec = rooms();
    spec.best_effort = true;
    spec.indexes[0].filter = Some("there is no such thing".into());
    assert_eq!(ensure(&conn, &spec).unwrap().len(), 2);
    let kinds = kinds(&conn, &spec);
    assert!(kinds.contains(&("missing_index", "rooms_title_index".to_owned())));
}

#[test]
fn the_condition_of_an_index_may_be_an_expression_beside_sql() {
    let conn = connection(
        "CREATE TABLE rooms (id UUID_TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL, rank INTEGER)",
    );
    let column = |name: &str| {
        Box::new(Scalar::Column {
            depth: 0,
            table: 0,
            name: name.into(),
        })
    };
    let mut spec = rooms();
    spec.indexes[0].unique = true;
    spec.indexes[0].condition = Some(Scalar::IsNull(column("rank")));
    spec.indexes[0].filter = Some("id > 'a' OR id < 'A'".into());
    let statement = "CREATE UNIQUE INDEX \"rooms_title_index\" ON \"rooms\" (\"title\") WHERE \
                     ((id > 'a' OR id < 'A') AND (\"rank\" IS NULL))";
    assert_eq!(ensure(&conn, &spec).unwrap(), [statement]);
    assert_eq!(differences(&conn, &spec).unwrap(), []);

    let downcase = Scalar::Call(Function::Downcase, vec![*column("title")]);
    spec.indexes[0].name = "rooms_other".into();
    spec.indexes[0].condition = Some(Scalar::IsNull(Box::new(downcase)));
    let found = differences(&conn, &spec).unwrap();
    assert_eq!(found[0].kind, DifferenceKind::MissingIndex);
    assert!(found[0].message.contains("none can be made"), "{found:?}");
    assert_eq!(
        ensure(&conn, &spec).unwrap_err().code(),
        Code::SchemaMismatch
    );
    spec.best_effort = true;
    assert_eq!(ensure(&conn, &spec).unwrap(), Vec::<String>::new());
}
