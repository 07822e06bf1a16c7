//! A table follows its spec: what is missing is added, nothing is dropped or changed, and what
//! does not fit is reported with the statement that would fix it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/specs.rs"]
mod specs;

use ash_rusqlite_engine::schema::{differences, ensure, Deferrable, ForeignKeyAction, TableSpec};
use ash_rusqlite_engine::{Code, ColumnType, Detail, Value};
use specs::{check, column, connection, foreign_key, index, kinds, required, rooms, table};

#[test]
fn a_missing_table_is_made_as_it_is_asked_for_and_then_fits() {
    let conn = connection("CREATE TABLE users (id UUID_TEXT NOT NULL PRIMARY KEY)");
    let mut spec = rooms();
    spec.columns.push(column("owner_id", ColumnType::Uuid));
    spec.foreign_keys = vec![foreign_key(
        "rooms_owner_id_fkey",
        "owner_id",
        "users",
        "id",
    )];
    spec.foreign_keys[0].on_delete = ForeignKeyAction::Cascade;
    spec.foreign_keys[0].deferrable = Deferrable::Initially;
    spec.checks = vec![check("rank_is_positive", "rank > 0")];
    let missing = [
        ("missing_table", ""),
        ("missing_index", "rooms_title_index"),
    ];
    assert_eq!(kinds(&conn, &spec), missing.map(|(k, of)| (k, of.into())));

    let statements = ensure(&conn, &spec).unwrap();
    assert_eq!(
        statements,
        [
            "CREATE TABLE \"rooms\" (\n  \
               \"id\" UUID_TEXT NOT NULL PRIMARY KEY,\n  \
               \"title\" TEXT NOT NULL DEFAULT 'it''s new',\n  \
               \"rank\" INTEGER,\n  \
               \"owner_id\" UUID_TEXT,\n  \
               CONSTRAINT \"rooms_owner_id_fkey\" FOREIGN KEY (\"owner_id\") \
               REFERENCES \"users\" (\"id\") ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,\n  \
               CONSTRAINT \"rank_is_positive\" CHECK (rank > 0)\n)",
            "CREATE INDEX \"rooms_title_index\" ON \"rooms\" (\"title\")",
        ]
    );
    assert_eq!(kinds(&conn, &spec), []);
    assert_eq!(ensure(&conn, &spec).unwrap(), Vec::<String>::new());

    conn.execute_batch(
        "INSERT INTO users VALUES ('u'); INSERT INTO rooms (id, owner_id) VALUES ('r', 'u')",
    )
    .unwrap();
    let title: String = conn
        .query_row("SELECT title FROM rooms", [], |row| row.get(0))
        .unwrap();
    assert_eq!(title, "it's new");
    assert!(conn.execute("UPDATE rooms SET rank = 0", []).is_err());
    conn.execute("DELETE FROM users", []).unwrap();
    let left: i64 = conn
        .query_row("SELECT count(*) FROM rooms", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn keys_of_several_columns_and_numbered_keys_are_made() {
    let conn = connection("");
    let mut seats = table("seats", "room_id");
    seats.primary_key.push("number".into());
    seats.columns = vec![
        column("room_id", ColumnType::Uuid),
        column("number", ColumnType::Integer),
    ];
    ensure(&conn, &seats).unwrap();
    let null = conn.execute("INSERT INTO seats (room_id) VALUES ('a')", []);
    assert!(null.is_err(), "a key's column is never null");
    assert_eq!(kinds(&conn, &seats), []);

    let mut events = table("events", "id");
    events.autoincrement = Some("id".into());
    events.columns = vec![
        column("id", ColumnType::Integer),
        column("n", ColumnType::Integer),
    ];
    ensure(&conn, &events).unwrap();
    assert_eq!(kinds(&conn, &events), []);
    conn.execute_batch(
        "INSERT INTO events (n) VALUES (1); DELETE FROM events; INSERT INTO events (n) VALUES (2)",
    )
    .unwrap();
    let id: i64 = conn
        .query_row("SELECT id FROM events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(id, 2, "a number is never given twice");
}

#[test]
fn defaults_of_every_kind_come_back_as_they_were_given() {
    let defaults = [
        ("smallest", ColumnType::Integer, Value::Integer(i64::MIN)),
        ("real", ColumnType::Real, Value::Real(1e300)),
        ("whole", ColumnType::Real, Value::Real(-2.0)),
        ("flag", ColumnType::Boolean, Value::Boolean(true)),
        ("bytes", ColumnType::Blob, Value::Bytes(vec![0, 255])),
        (
            "json",
            ColumnType::Json,
            Value::Json("{\"a\":\"'\"}".into()),
        ),
        ("state", ColumnType::Text, Value::Symbol("open".into())),
    ];
    let conn = connection("");
    let mut spec = table("t", "id");
    spec.columns = vec![column("id", ColumnType::Integer)];
    spec.columns.extend(defaults.map(|(name, kind, default)| {
        let mut column = required(name, kind);
        column.default = default;
        column
    }));
    ensure(&conn, &spec).unwrap();
    let row = "SELECT quote(smallest) || typeof(smallest) || real || typeof(whole) || flag \
               || hex(bytes) || json || state FROM t";
    conn.execute("INSERT INTO t DEFAULT VALUES", []).unwrap();
    let found: String = conn.query_row(row, [], |row| row.get(0)).unwrap();
    assert_eq!(
        found,
        "-9223372036854775808integer1.0e+300real100FF{\"a\":\"'\"}open"
    );
    spec.columns[1].default = Value::Bytes(b"no number".to_vec());
    spec.table = "u".into();
    assert_eq!(ensure(&conn, &spec).unwrap_err().code(), Code::InvalidValue);
}

#[test]
fn a_missing_column_is_added_without_the_not_null_that_rows_would_violate() {
    let made = "CREATE TABLE rooms (id UUID_TEXT NOT NULL PRIMARY KEY);
                CREATE INDEX rooms_title_index ON rooms (id)";
    let mut spec = rooms();
    spec.indexes.clear();
    spec.columns[2] = required("rank", ColumnType::Integer);

    let empty = connection(made);
    assert_eq!(
        ensure(&empty, &spec).unwrap(),
        [
            "ALTER TABLE \"rooms\" ADD COLUMN \"title\" TEXT NOT NULL DEFAULT 'it''s new'",
            "ALTER TABLE \"rooms\" ADD COLUMN \"rank\" INTEGER NOT NULL",
        ]
    );
    assert_eq!(kinds(&empty, &spec), []);

    let full = connection(&format!("{made}; INSERT INTO rooms VALUES ('a')"));
    assert_eq!(
        ensure(&full, &spec).unwrap(),
        [
            "ALTER TABLE \"rooms\" ADD COLUMN \"title\" TEXT NOT NULL DEFAULT 'it''s new'",
            "ALTER TABLE \"rooms\" ADD COLUMN \"rank\" INTEGER",
        ]
    );
    assert_eq!(
        kinds(&full, &spec),
        [("missing_not_null", "rank".to_owned())]
    );
    assert_eq!(ensure(&full, &spec).unwrap(), Vec::<String>::new());
}

#[test]
fn a_missing_column_brings_its_foreign_key_where_its_rows_allow_it() {
    let mut spec = table("rooms", "id");
    spec.columns = vec![
        column("id", ColumnType::Uuid),
        column("owner_id", ColumnType::Uuid),
    ];
    spec.foreign_keys = vec![foreign_key("f", "owner_id", "users", "id")];
    let made = "CREATE TABLE users (id UUID_TEXT PRIMARY KEY);
                CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY); INSERT INTO rooms VALUES ('a')";
    let conn = connection(made);
    ensure(&conn, &spec).unwrap();
    assert_eq!(kinds(&conn, &spec), []);
    assert!(conn.execute("UPDATE rooms SET owner_id = 'x'", []).is_err());

    let conn = connection(made);
    let some_id = "8c5c3a7e-1111-4222-8333-444455556666";
    spec.columns[1].default = Value::Bytes(some_id.into());
    ensure(&conn, &spec).unwrap();
    assert_eq!(
        kinds(&conn, &spec),
        [("missing_foreign_key", "owner_id".to_owned())]
    );
}

#[test]
fn what_cannot_be_added_is_an_error_that_changes_nothing() {
    let conn = connection("CREATE TABLE rooms (title TEXT); CREATE VIEW halls AS SELECT 1 AS id");
    let error = ensure(&conn, &rooms()).unwrap_err();
    assert_eq!(error.code(), Code::SchemaMismatch);
    assert_eq!(error.detail("column"), Some(&Detail::Text("id".into())));
    let columns: i64 = conn
        .query_row("SELECT count(*) FROM pragma_table_info('rooms')", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(columns, 1);

    let halls = TableSpec {
        table: "halls".into(),
        ..rooms()
    };
    assert_eq!(kinds(&conn, &halls), [("not_a_table", String::new())]);
    let error = ensure(&conn, &halls).unwrap_err();
    assert_eq!(error.code(), Code::SchemaMismatch);
}

#[test]
fn every_difference_is_reported() {
    let conn = connection(
        "CREATE TABLE users (id TEXT PRIMARY KEY);
         CREATE TABLE rooms (
           title TEXT PRIMARY KEY, id UUID_TEXT, rank TEXT NOT NULL, extra TEXT NOT NULL,
           harmless TEXT NOT NULL DEFAULT 'x', owner_id TEXT REFERENCES users (id)
         );
         CREATE INDEX rooms_title_index ON rooms (rank);",
    );
    let mut spec = rooms();
    spec.columns.push(required("owner_id", ColumnType::Uuid));
    spec.columns.push(column("boss_id", ColumnType::Uuid));
    spec.foreign_keys = vec![
        foreign_key("owner", "owner_id", "users", "id"),
        foreign_key("rank", "rank", "users", "id"),
    ];
    spec.foreign_keys[0].on_delete = ForeignKeyAction::SetNull;
    spec.checks = vec![check("c", "rank > 0")];
    let found = kinds(&conn, &spec);
    let expected = [
        ("missing_not_null", "title"),
        ("wrong_type", "rank"),
        ("unexpected_not_null", "rank"),
        ("missing_not_null", "owner_id"),
        ("missing_column", "boss_id"),
        ("unexpected_required_column", "extra"),
        ("wrong_primary_key", "id"),
        ("wrong_foreign_key", "owner_id"),
        ("missing_foreign_key", "rank"),
        ("missing_check", "c"),
        ("wrong_index", "rooms_title_index"),
    ];
    assert_eq!(found, expected.map(|(kind, of)| (kind, of.to_owned())));
    let all = differences(&conn, &spec).unwrap();
    let fixes: Vec<_> = all.iter().filter_map(|d| d.statement.as_deref()).collect();
    assert_eq!(
        fixes,
        ["ALTER TABLE \"rooms\" ADD COLUMN \"boss_id\" UUID_TEXT"]
    );
    assert!(all.iter().all(|difference| !difference.message.is_empty()));
}

#[test]
fn no_name_and_no_default_becomes_sql() {
    let conn = connection("CREATE TABLE victim (a)");
    let evil = "x\"); DROP TABLE victim; --";
    let mut spec = table(evil, evil);
    spec.columns = vec![
        required(evil, ColumnType::Text),
        column("b'\"`[;", ColumnType::Text),
    ];
    spec.columns[1].default = Value::Bytes(b"'); DROP TABLE victim; --".to_vec());
    spec.indexes = vec![index("i\"; DROP TABLE victim; --", &[evil, "b'\"`[;"])];
    ensure(&conn, &spec).unwrap();
    assert_eq!(kinds(&conn, &spec), []);
    spec.columns.push(column("c\"c", ColumnType::Blob));
    assert_eq!(ensure(&conn, &spec).unwrap().len(), 1);
    let there: i64 = conn
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'victim'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(there, 1);
    // The developer's own SQL is one expression of one statement.
    spec.indexes[0].name = "j".into();
    spec.indexes[0].filter = Some("1); DROP TABLE victim; --".into());
    assert_eq!(ensure(&conn, &spec).unwrap_err().code(), Code::NotAllowed);
}

#[test]
fn a_spec_without_a_meaning_is_refused_with_the_nearest_name() {
    let conn = connection("");
    let refused = |change: fn(&mut TableSpec), option: &str| {
        let mut spec = rooms();
        change(&mut spec);
        let error = differences(&conn, &spec).unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption, "{option}");
        assert_eq!(
            error.detail("option"),
            Some(&Detail::Text(option.into())),
            "{error}"
        );
        error
    };
    refused(|spec| spec.table.clear(), "table");
    refused(|spec| spec.table = "sqlite_x".into(), "table");
    refused(|spec| spec.table = "Ash_Rusqlite_meta".into(), "table");
    refused(|spec| spec.columns.clear(), "columns");
    refused(|spec| spec.columns[0].name = "a\0b".into(), "columns");
    refused(|spec| spec.columns[0].name = "TITLE".into(), "columns");
    refused(|spec| spec.primary_key = vec!["idd".into()], "primary_key");
    refused(
        |spec| spec.autoincrement = Some("id".into()),
        "autoincrement",
    );
    refused(|spec| spec.strict = true, "strict");
    refused(|spec| spec.indexes[0].columns.clear(), "indexes");
    refused(|spec| spec.indexes[0].filter = Some(" ".into()), "where");
    refused(|spec| spec.checks = vec![check("c", "")], "checks");
    refused(
        |spec| {
            spec.foreign_keys = vec![foreign_key("f", "id", "users", "id")];
            spec.foreign_keys[0].on.push("b".into());
        },
        "foreign_keys",
    );
    let error = refused(
        |spec| spec.indexes[0].columns = vec!["titel".into()],
        "indexes",
    );
    assert_eq!(error.detail("nearest"), Some(&Detail::Text("title".into())));
}
