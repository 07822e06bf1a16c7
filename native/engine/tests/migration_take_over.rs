//! A database that has already what its first migrations make, as where tables follow their
//! resources: what fits is taken over, no row is lost, and what does not fit is a typed error.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/migrations.rs"]
mod migrations;

use ash_rusqlite_engine::migration::{Applied, MigrateOptions, MigrationState};
use ash_rusqlite_engine::{Code, Detail, Result};
use migrations::{failed, versions, Store};

const TAKE_OVER: MigrateOptions = MigrateOptions {
    to: None,
    step: None,
    take_over: true,
};

/// A database that holds this already, and migrations 1, 2, ….
fn store(there: &str, ups: &[&str]) -> Store {
    let store = Store::new(0);
    store.conn.execute_batch(there).unwrap();
    for (place, up) in ups.iter().enumerate() {
        store.write(&format!("{}_a.sql", place + 1), &format!("-- up\n{up}\n"));
    }
    store
}

fn taken_over(store: &mut Store) -> Vec<String> {
    let applied: Vec<Applied> = store.migrate(&TAKE_OVER).unwrap();
    applied
        .into_iter()
        .flat_map(|applied| applied.taken_over)
        .collect()
}

fn texts(store: &Store, sql: &str) -> Vec<String> {
    let mut statement = store.conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(|row| row.unwrap()).collect()
}

fn columns(store: &Store, table: &str) -> Vec<String> {
    texts(
        store,
        &format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
    )
}

fn mismatch(result: Result<Vec<Applied>>, part: &str) {
    let error = failed(result, Code::SchemaMismatch);
    let Some(Detail::List(problems)) = error.detail("problems") else {
        panic!("{error}")
    };
    assert!(
        problems.iter().any(|problem| problem.contains(part)),
        "{problems:?}"
    );
}

const FOLLOWED: &str = "
    CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT, topic TEXT, at DATETIME_USEC_TEXT);
    CREATE UNIQUE INDEX rooms_unique_title ON rooms (title);
    INSERT INTO rooms VALUES ('a', 'General', 'all', NULL), ('b', 'Other', NULL, NULL);";

#[test]
fn what_follows_is_taken_over_without_a_rebuild_and_what_is_looser_is_reported() {
    let mut store = store(
        FOLLOWED,
        &[
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL,
               owner_id UUID_TEXT REFERENCES users (id), at DATETIME_TEXT, CHECK (title <> ''));
             CREATE UNIQUE INDEX \"rooms_title\" ON \"rooms\" (\"title\");
             CREATE TABLE users (id UUID_TEXT PRIMARY KEY NOT NULL);",
            "ALTER TABLE rooms ADD COLUMN topic TEXT NOT NULL DEFAULT 'none';",
        ],
    );
    let before = store.number("SELECT rootpage FROM sqlite_schema WHERE name = 'rooms'");
    assert_eq!(
        taken_over(&mut store),
        [
            "table rooms: owner_id is added; title may be null; without CHECK",
            "index rooms_title: it is there as rooms_unique_title",
            "column rooms.topic: topic may be null",
        ]
    );
    assert_eq!(
        store.number("SELECT rootpage FROM sqlite_schema WHERE name = 'rooms'"),
        before
    );
    assert_eq!(
        columns(&store, "rooms"),
        ["id", "title", "topic", "at", "owner_id"]
    );
    assert_eq!(columns(&store, "users"), ["id"]);
    assert_eq!(
        texts(&store, "SELECT topic FROM rooms WHERE topic IS NOT NULL"),
        ["all"]
    );
    assert_eq!(taken_over(&mut store), [""; 0]);
}

#[test]
fn without_take_over_what_is_there_is_an_error() {
    let mut store = store(
        FOLLOWED,
        &["CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL);"],
    );
    failed(store.migrate(&migrations::ALL), Code::MigrationFailed);
    assert_eq!(store.states(), [(1, MigrationState::Pending)]);
}

#[test]
fn what_does_not_fit_is_a_mismatch_that_names_every_problem_and_changes_nothing() {
    for (up, part) in [
        (
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title INTEGER)",
            "rooms.title is declared TEXT",
        ),
        (
            "CREATE TABLE rooms (id UUID_TEXT NOT NULL, title TEXT, PRIMARY KEY (id, title))",
            "primary key",
        ),
        (
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, n INTEGER AS (1) STORED)",
            "no column n",
        ),
        (
            "ALTER TABLE rooms ADD COLUMN at INTEGER",
            "rooms.at is declared",
        ),
    ] {
        let base = "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL);";
        let base = if up.starts_with("ALTER") { base } else { "" };
        let mut store = store(FOLLOWED, &[&format!("{base}CREATE TABLE other (a); {up};")]);
        mismatch(store.migrate(&TAKE_OVER), part);
        assert_eq!(columns(&store, "other"), [""; 0]);
        assert_eq!(store.states(), [(1, MigrationState::Pending)]);
    }
    let mut store = store(
        "CREATE VIEW rooms AS SELECT 1 AS id",
        &["CREATE TABLE rooms (id);"],
    );
    mismatch(store.migrate(&TAKE_OVER), "is a view");
}

#[test]
fn a_missing_column_comes_with_its_constraints_where_the_rows_let_it() {
    let mut store = store(
        FOLLOWED,
        &["CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 1 CHECK (n > 0),
             must TEXT NOT NULL, born TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);"],
    );
    assert_eq!(
        taken_over(&mut store),
        ["table rooms: n is added; must is added without its constraints, which the rows would break; \
          born is added without its constraints, which the rows would break; must may be null; \
          born may be null"]
    );
    assert_eq!(store.number("SELECT sum(n) FROM rooms"), 2);
    assert!(store
        .conn
        .execute("INSERT INTO rooms (id, n) VALUES ('c', 0)", [])
        .is_err());
}

#[test]
fn an_index_a_view_or_a_trigger_that_differs_from_the_one_of_its_name_is_created_again() {
    let mut store = store(
        &format!("{FOLLOWED} CREATE VIEW titles AS SELECT title FROM rooms; CREATE VIEW same AS SELECT 1;
          CREATE TRIGGER t AFTER INSERT ON rooms BEGIN SELECT 1; END;"),
        &["CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT, topic TEXT);
           CREATE UNIQUE INDEX rooms_unique_title ON rooms (title, topic) WHERE topic IS NOT NULL;
           CREATE VIEW titles AS SELECT title, topic FROM rooms;
           CREATE VIEW \"same\" AS select 1;
           CREATE TRIGGER t AFTER INSERT ON rooms BEGIN SELECT 2; END;"],
    );
    assert_eq!(
        taken_over(&mut store),
        [
            "table rooms",
            "index rooms_unique_title: made anew, since it was another one",
            "view titles: made anew, since it was another one",
            "view same",
            "trigger t: made anew, since it was another one",
        ]
    );
    assert_eq!(columns(&store, "titles"), ["title", "topic"]);
}

#[test]
fn an_index_that_is_there_under_another_name_is_dropped_by_the_file_that_drops_it() {
    let mut store = store(
        FOLLOWED,
        &[
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT);
             CREATE UNIQUE INDEX i ON rooms (title);",
            "DROP INDEX i;",
        ],
    );
    taken_over(&mut store);
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    assert_eq!(store.number(sql), 0);
}

#[test]
fn a_renamed_column_that_is_there_beside_the_old_one_keeps_the_values_of_both() {
    let mut store = store(
        "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT, name TEXT);
         CREATE INDEX rooms_name ON rooms (name);
         CREATE TRIGGER t AFTER UPDATE ON rooms BEGIN SELECT RAISE(ABORT, 'touched'); END;
         INSERT INTO rooms VALUES ('a', 'old', NULL), ('b', 'old', 'new'), ('c', NULL, 'new');",
        &[
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT);
             CREATE INDEX rooms_title ON rooms (title);",
            "ALTER TABLE rooms RENAME COLUMN title TO name;",
        ],
    );
    let report = taken_over(&mut store);
    assert_eq!(
        report[1],
        "column rooms.name: it was there beside title; 2 values of it are kept, the others are those of title"
    );
    assert_eq!(columns(&store, "rooms"), ["id", "name"]);
    assert_eq!(
        texts(&store, "SELECT name FROM rooms ORDER BY id"),
        ["old", "new", "new"]
    );
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    assert_eq!(texts(&store, sql), ["rooms_title"]);
}

#[test]
fn a_table_made_after_the_rename_of_its_column_is_taken_over() {
    let mut store = store(
        "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, name TEXT);
         INSERT INTO rooms VALUES ('a', 'new');",
        &[
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);",
            "ALTER TABLE rooms RENAME COLUMN title TO name;",
        ],
    );
    taken_over(&mut store);
    assert_eq!(columns(&store, "rooms"), ["id", "name"]);
    assert_eq!(texts(&store, "SELECT name FROM rooms"), ["new"]);
}

#[test]
fn a_renamed_table_keeps_the_rows_of_both() {
    let files = [
        "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);
         CREATE INDEX rooms_title ON rooms (title);",
        "ALTER TABLE rooms RENAME TO halls;",
    ];
    let old = "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL);
               INSERT INTO rooms VALUES ('a', 'old');
               CREATE TABLE halls (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT, topic TEXT);";
    let mut empty = store(old, &files);
    taken_over(&mut empty);
    assert_eq!(texts(&empty, "SELECT title FROM halls"), ["old"]);

    let both = format!("{old} INSERT INTO halls VALUES ('b', 'new', 'x');");
    let mut both_have = store(&both, &files);
    taken_over(&mut both_have);
    assert_eq!(
        texts(&both_have, "SELECT title FROM halls ORDER BY id"),
        ["old", "new"]
    );
    assert_eq!(
        texts(
            &both_have,
            "SELECT topic FROM halls WHERE topic IS NOT NULL"
        ),
        ["x"]
    );
    assert_eq!(columns(&both_have, "rooms"), [""; 0]);

    let clash = format!("{old} INSERT INTO halls VALUES ('a', 'new', 'x');");
    let mut clash = store(&clash, &files);
    mismatch(clash.migrate(&TAKE_OVER), "both rooms and halls have rows");
    assert_eq!(texts(&clash, "SELECT title FROM halls"), ["new"]);
}

const ANEW: &str = "CREATE TABLE new_rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL DEFAULT 'none');
    INSERT INTO new_rooms (id, title) SELECT id, title FROM rooms;
    DROP TABLE rooms;
    ALTER TABLE new_rooms RENAME TO rooms;";

#[test]
fn a_later_file_rebuilds_a_taken_over_table_and_keeps_what_no_file_knows_yet() {
    let mut store = store(
        &format!("{FOLLOWED} INSERT INTO rooms (id, topic) VALUES ('c', 'x');"),
        &[
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT);",
            ANEW,
        ],
    );
    let report = taken_over(&mut store);
    assert_eq!(
        report,
        ["table rooms", "table rooms: topic, at kept their values"]
    );
    assert_eq!(columns(&store, "rooms"), ["id", "title", "topic", "at"]);
    assert_eq!(
        texts(
            &store,
            "SELECT title || ifnull(topic, '-') FROM rooms ORDER BY id"
        ),
        ["Generalall", "Other-", "nonex"]
    );
    assert_eq!(
        store.number("SELECT count(*) FROM pragma_table_info('rooms') WHERE \"notnull\""),
        2
    );
}

#[test]
fn a_file_that_rebuilds_a_table_with_a_column_that_followed_keeps_its_values() {
    let anew = "CREATE TABLE new_rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT, topic TEXT NOT NULL);
        INSERT INTO new_rooms (id, title, topic) SELECT id, upper(title), 'filled' FROM rooms;
        DROP TABLE rooms;
        ALTER TABLE new_rooms RENAME TO rooms;";
    let mut store = store(
        FOLLOWED,
        &[
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT);",
            anew,
        ],
    );
    taken_over(&mut store);
    assert_eq!(
        texts(
            &store,
            "SELECT title || ' ' || topic FROM rooms ORDER BY id"
        ),
        ["GENERAL all", "OTHER filled"]
    );
}

#[test]
fn a_copy_that_would_lose_a_column_is_refused() {
    let anew = ANEW.replace("(id, title) SELECT id, title", "SELECT id, title");
    let mut store = store(
        FOLLOWED,
        &[
            "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT);",
            &anew,
        ],
    );
    mismatch(store.migrate(&TAKE_OVER), "the copy would lose");
    assert_eq!(
        texts(&store, "SELECT topic FROM rooms WHERE topic IS NOT NULL"),
        ["all"]
    );
}

#[test]
fn a_file_replaces_those_of_development_that_are_gone() {
    let mut store = store(
        "",
        &["CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL);"],
    );
    store.write(
        "2_b_dev.sql",
        "-- up\nALTER TABLE rooms ADD COLUMN topic TEXT;\n",
    );
    store.write("3_c_dev.sql", "-- up\nCREATE INDEX i ON rooms (topic);\n");
    assert_eq!(versions(&store.migrate(&TAKE_OVER).unwrap()), [1, 2, 3]);
    store
        .conn
        .execute_batch("INSERT INTO rooms VALUES ('a', 'kept')")
        .unwrap();
    store.remove("2_b_dev.sql");
    store.remove("3_c_dev.sql");
    store.write(
        "4_d.sql",
        "-- up\nALTER TABLE rooms ADD COLUMN topic TEXT;\nCREATE INDEX i ON rooms (topic);\n",
    );
    failed(store.migrate(&migrations::ALL), Code::InvalidMigration);
    assert_eq!(taken_over(&mut store), ["column rooms.topic", "index i"]);
    assert_eq!(texts(&store, "SELECT topic FROM rooms"), ["kept"]);
    assert_eq!(
        store.states(),
        [(1, MigrationState::Applied), (4, MigrationState::Applied)]
    );
    assert_eq!(store.migrate(&migrations::ALL).unwrap(), []);

    store.remove("4_d.sql");
    failed(store.migrate(&TAKE_OVER), Code::InvalidMigration);
}

#[test]
fn the_transaction_and_other_files_are_out_of_reach_as_ever() {
    for up in [
        "COMMIT;",
        "ATTACH 'x' AS y;",
        "CREATE TABLE a (b); ROLLBACK;",
    ] {
        let mut store = store(FOLLOWED, &[up]);
        failed(store.migrate(&TAKE_OVER), Code::InvalidMigration);
        assert_eq!(columns(&store, "a"), [""; 0]);
    }
    let mut store = store(
        FOLLOWED,
        &["CREATE TABLE a (b);\n\nCREATE TABLE rooms (x y z,);"],
    );
    let error = failed(store.migrate(&TAKE_OVER), Code::MigrationFailed);
    assert_eq!(error.detail("line"), Some(&Detail::Integer(4)));
}

#[test]
fn the_tables_of_tenants_are_taken_over_and_changed_as_those_without_a_tenant() {
    let table = |name: &str| {
        format!(
            "CREATE TABLE \"{name}\" (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT, name TEXT, topic TEXT);
             INSERT INTO \"{name}\" VALUES ('a', 'old', NULL, 'x'), ('b', 'old', 'new', NULL);"
        )
    };
    let mut store = store(&(table("rooms") + &table("rooms@acme")), &[]);
    let files = [
        "CREATE TABLE rooms (id UUID_TEXT PRIMARY KEY NOT NULL, title TEXT);",
        "ALTER TABLE rooms RENAME COLUMN title TO name;",
        &ANEW.replace("title", "name"),
    ];
    for (place, up) in files.iter().enumerate() {
        let text = format!("-- tenants: rooms\n-- up\n{up}\n");
        store.write(&format!("{}_a.sql", place + 1), &text);
    }
    assert!(taken_over(&mut store).contains(&"table rooms@acme".to_owned()));
    for table in ["rooms", "rooms@acme"] {
        assert_eq!(columns(&store, table), ["id", "name", "topic"], "{table}");
        let sql = format!("SELECT name || ifnull(topic, '') FROM \"{table}\" ORDER BY id");
        assert_eq!(texts(&store, &sql), ["oldx", "new"], "{table}");
        let sql = format!("SELECT count(*) FROM pragma_table_info('{table}') WHERE \"notnull\"");
        assert_eq!(store.number(&sql), 2, "{table}");
    }
}

#[test]
fn what_is_renamed_for_all_tenants_keeps_the_rows_of_each() {
    let table = |name: &str, column: &str| {
        format!("CREATE TABLE \"{name}\" (id UUID_TEXT PRIMARY KEY NOT NULL, {column} TEXT);")
    };
    let there = format!(
        "{} {} {} {} {} INSERT INTO \"rooms@a\" VALUES ('a', 'old'), ('b', 'old');
         INSERT INTO \"rooms@b\" VALUES ('b', 'old'); INSERT INTO \"halls@b\" VALUES ('c', 'new');",
        table("rooms", "title"),
        table("rooms@a", "title"),
        table("rooms@b", "title"),
        table("halls", "name"),
        table("halls@b", "name"),
    );
    let mut store = store(&there, &[&table("rooms", "title")]);
    store.write(
        "2_a.sql",
        "-- tenants: halls, rooms\n-- up\nALTER TABLE rooms RENAME TO halls;
         ALTER TABLE halls RENAME COLUMN title TO name;\n",
    );
    taken_over(&mut store);
    for (tenant, rows) in [("a", &["old", "old"][..]), ("b", &["old", "new"])] {
        let sql = format!("SELECT name FROM \"halls@{tenant}\" ORDER BY id");
        assert_eq!(texts(&store, &sql), rows);
        assert_eq!(columns(&store, &format!("halls@{tenant}")), ["id", "name"]);
    }
    let sql = "SELECT name FROM sqlite_schema WHERE name LIKE 'rooms%'";
    assert_eq!(texts(&store, sql), [""; 0]);
}
