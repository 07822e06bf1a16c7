//! Tables that each tenant has: a file changes those of all, and a new tenant gets them as they are.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod fixtures {
    pub mod generated;
    pub mod specs;
}

use ash_rusqlite_engine::migration::generate::{GenerateOptions, Wanted};
use ash_rusqlite_engine::schema::{differences, ensure, TableSpec};
use ash_rusqlite_engine::{Code, ColumnType};
use fixtures::generated::{dropping, named, sql, Folder};
use fixtures::specs::{column, required, table};

fn of_tenants(schema: &str) -> Wanted {
    Wanted {
        tenants: vec!["rooms".into(), "messages".into()],
        ..sql(schema)
    }
}

fn of_tenant(name: &str, tenant: &str) -> TableSpec {
    let mut spec = table(&format!("{name}@{tenant}"), "id");
    spec.columns = vec![
        required("id", ColumnType::Integer),
        column("later", ColumnType::Text),
    ];
    spec.tenant_of = vec![name.into(), "rooms".into()];
    spec
}

const FIRST: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY);
    CREATE TABLE rooms (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);
    CREATE UNIQUE INDEX rooms_title ON rooms (title);
    CREATE TABLE messages (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES rooms (id),
      user_id INTEGER REFERENCES users (id));";

#[test]
fn a_new_tenant_gets_a_table_as_migrations_made_the_one_without_a_tenant() {
    let mut folder = Folder::new();
    let text = folder.one(&of_tenants(FIRST), &named("a"));
    assert!(text.contains("-- tenants: rooms, messages\n"), "{text}");
    for name in ["rooms", "messages"] {
        let spec = of_tenant(name, "a b");
        assert!(!ensure(&folder.conn, &spec).unwrap().is_empty());
        // What the application has gained since is for a migration.
        assert_eq!(differences(&folder.conn, &spec).unwrap(), []);
        assert_eq!(ensure(&folder.conn, &spec).unwrap(), Vec::<String>::new());
    }
    folder.run("INSERT INTO \"rooms@a b\" VALUES (1, 'x'); INSERT INTO \"messages@a b\" VALUES (1, 1, NULL)");
    let twice = folder
        .conn
        .execute_batch("INSERT INTO \"rooms@a b\" VALUES (2, 'x')");
    assert!(twice.is_err(), "it has the index, too");
    let nothing = folder
        .conn
        .execute_batch("INSERT INTO \"messages@a b\" VALUES (2, 7, NULL)");
    assert!(
        nothing.is_err(),
        "and the foreign key to the tenant's own rooms"
    );
    let error = ensure(&folder.conn, &of_tenant("others", "a")).unwrap_err();
    assert_eq!(error.code(), Code::UnknownTable);
}

#[test]
fn a_file_changes_the_tables_of_all_tenants_and_takes_it_back() {
    let mut folder = Folder::new();
    folder.step(&of_tenants(FIRST), &named("a"));
    for tenant in ["acme", "^other"] {
        ensure(&folder.conn, &of_tenant("rooms", tenant)).unwrap();
        folder.run(&format!(
            "INSERT INTO \"rooms@{tenant}\" VALUES (9, '12'); DELETE FROM \"rooms@{tenant}\"; \
             INSERT INTO \"rooms@{tenant}\" VALUES (1, '12')"
        ));
    }
    let second = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE rooms (id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER);
        CREATE INDEX rooms_size ON rooms (size);
        CREATE TABLE messages (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES rooms (id),
          user_id INTEGER REFERENCES users (id), content TEXT NOT NULL DEFAULT '');";
    let options = GenerateOptions {
        rename_columns: vec![("rooms".into(), "title".into(), "size".into())],
        ..named("b")
    };
    folder.one(&of_tenants(second), &options);
    for tenant in ["acme", "^other"] {
        let rows = folder.rows(&format!("SELECT id, typeof(size) FROM \"rooms@{tenant}\""));
        assert_eq!(rows, ["1|integer"]);
        folder.run(&format!("INSERT INTO \"rooms@{tenant}\" (size) VALUES (5)"));
        assert_eq!(
            folder.rows(&format!("SELECT max(id) FROM \"rooms@{tenant}\"")),
            ["10"]
        );
        // It had no messages yet, and got them with the file.
        folder.run(&format!(
            "INSERT INTO \"messages@{tenant}\" (id, room_id) VALUES (1, 10)"
        ));
        let indexes = folder.rows(&format!(
            "SELECT name FROM pragma_index_list('rooms@{tenant}')"
        ));
        assert_eq!(indexes, [format!("rooms_size@{tenant}")]);
    }
    folder.rollback(1).unwrap();
    let rows = folder.rows("SELECT typeof(title) FROM \"rooms@acme\" ORDER BY id");
    assert_eq!(rows, ["text", "text"]);
    folder.migrate();
}

#[test]
fn a_column_that_is_named_as_a_table_of_tenants_is_refused() {
    let folder = Folder::new();
    let wanted = of_tenants("CREATE TABLE rooms (id INTEGER PRIMARY KEY, messages INT)");
    let error = folder.generate(&wanted, &named("a")).unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    assert!(error.message().contains("rooms.messages"), "{error}");
}

#[test]
fn a_renamed_table_of_tenants_keeps_the_rows_of_each_and_a_dropped_one_goes_from_all() {
    let mut folder = Folder::new();
    let one = |table: &str| Wanted {
        tenants: vec![table.into()],
        ..sql(&format!(
            "CREATE TABLE users (name TEXT);
             CREATE TABLE {table} (id INTEGER PRIMARY KEY, title TEXT);
             CREATE UNIQUE INDEX by_title ON {table} (title);"
        ))
    };
    folder.step(&one("docs"), &named("a"));
    let mut spec = of_tenant("docs", "acme");
    spec.tenant_of = vec!["docs".into(), "docs".into()];
    ensure(&folder.conn, &spec).unwrap();
    folder.run("INSERT INTO \"docs@acme\" VALUES (1, 'x')");
    let options = GenerateOptions {
        rename_tables: vec![("docs".into(), "papers".into())],
        ..named("b")
    };
    let text = folder.one(&one("papers"), &options);
    assert!(text.contains("-- tenants: papers, docs\n"), "{text}");
    let tables = "SELECT name FROM sqlite_schema WHERE name LIKE '%@%' AND type = 'table'";
    assert_eq!(folder.rows(tables), ["papers@acme"]);
    folder.rollback(1).unwrap();
    assert_eq!(folder.rows("SELECT title FROM \"docs@acme\""), ["x"]);
    folder.migrate();
    assert_eq!(folder.rows("SELECT title FROM \"papers@acme\""), ["x"]);
    let gone = sql("CREATE TABLE users (name TEXT)");
    folder.one(&gone, &dropping("d"));
    assert_eq!(folder.rows(tables), Vec::<String>::new());
}

#[test]
fn the_index_of_a_tenant_is_dropped_whatever_its_name_is_and_whether_it_is_there() {
    let mut folder = Folder::new();
    folder.step(&of_tenants(FIRST), &named("a"));
    for (tenant, index) in [
        (
            "a",
            "CREATE UNIQUE INDEX \"rooms@a_title\" ON \"rooms@a\" (title)",
        ),
        ("b", ""),
    ] {
        folder.run(&format!(
            "CREATE TABLE \"rooms@{tenant}\" (id INTEGER PRIMARY KEY, title TEXT); {index}"
        ));
    }
    let second = FIRST.replace("CREATE UNIQUE INDEX rooms_title ON rooms (title);", "");
    folder.one(&of_tenants(&second), &named("b"));
    let indexes = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE '%title%'";
    assert_eq!(folder.rows(indexes), ["0"]);
    folder.rollback(1).unwrap();
    assert_eq!(folder.rows(indexes), ["3"]);
}
