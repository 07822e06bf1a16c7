//! What other generators of migrations are known to get wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod fixtures {
    pub mod generated;
    pub mod specs;
}

use ash_rusqlite_engine::migration::generate::{GenerateOptions, NotRenamed};
use ash_rusqlite_engine::ColumnType;
use fixtures::generated::{dropping, named, part, renaming, sql, tables, Folder};
use fixtures::specs::{column, required, table};

#[test]
fn the_way_back_of_a_renamed_and_changed_column_gives_it_its_old_name_and_values() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, n TEXT)"),
        &named("a"),
    );
    folder.run("INSERT INTO rooms VALUES (1, '12'), (2, NULL)");
    let before = folder.schema();
    let wanted = sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, size INTEGER DEFAULT 3)");
    folder.one(&wanted, &renaming("rooms", "n", "size"));
    assert_eq!(
        folder.rows("SELECT size, typeof(size) FROM rooms"),
        ["12|integer", "null|null"]
    );
    folder.rollback(1).unwrap();
    assert_eq!(
        folder.rows("SELECT n, typeof(n) FROM rooms"),
        ["12|text", "null|null"]
    );
    assert_eq!(normal(&folder.schema()), normal(&before));
}

#[test]
fn an_index_of_a_renamed_column_goes_along_with_it() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT);
              CREATE INDEX rooms_name ON rooms (name);"),
        &named("a"),
    );
    let wanted = sql(
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT, topic TEXT);
                      CREATE INDEX rooms_name ON rooms (title);
                      CREATE INDEX rooms_title_topic ON rooms (title, topic);",
    );
    let options = GenerateOptions {
        not_renamed: vec![NotRenamed::Column("rooms".into(), "topic".into())],
        ..renaming("rooms", "name", "title")
    };
    let text = folder.one(&wanted, &options);
    let up = part(&text, "up");
    let at = |words: &str| {
        up.find(words)
            .unwrap_or_else(|| panic!("no {words} in {up}"))
    };
    assert!(at("RENAME COLUMN name TO title") < at("CREATE INDEX rooms_title_topic"));
    assert!(!up.contains("rooms_name"), "{up}");
    folder.rollback(1).unwrap();
    assert_eq!(
        folder.rows("SELECT name FROM pragma_index_info('rooms_name')"),
        ["name"]
    );
}

#[test]
fn a_renamed_table_keeps_its_rows_and_what_refers_to_it() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT);
              CREATE TABLE messages (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES rooms (id));
              CREATE INDEX rooms_title ON rooms (title);"),
        &named("a"),
    );
    folder.run("INSERT INTO rooms VALUES (1, 'a'); INSERT INTO messages VALUES (1, 1)");
    let wanted = sql("CREATE TABLE channels (id INTEGER PRIMARY KEY, title TEXT);
         CREATE TABLE messages (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES channels (id));
         CREATE INDEX rooms_title ON channels (title);");
    let asked = folder.generate(&wanted, &named("b")).unwrap();
    assert_eq!((asked.files.len(), asked.questions.len()), (0, 1));
    assert_eq!(asked.questions[0].from, ["rooms"]);
    let options = GenerateOptions {
        rename_tables: vec![("rooms".into(), "channels".into())],
        ..named("b")
    };
    let text = folder.one(&wanted, &options);
    assert_eq!(part(&text, "up"), "ALTER TABLE rooms RENAME TO channels;");
    assert_eq!(
        folder.rows("SELECT title FROM channels JOIN messages"),
        ["a"]
    );
    folder.rollback(1).unwrap();
    assert_eq!(folder.rows("SELECT title FROM rooms JOIN messages"), ["a"]);
}

#[test]
fn an_index_about_which_nothing_changed_is_left_as_it_is() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT);
              CREATE UNIQUE INDEX rooms_title ON rooms (title) WHERE title <> '';"),
        &named("a"),
    );
    // The same in other words.
    let wanted = sql(
        "create table \"rooms\" (\"id\" integer primary key, title text, topic TEXT);
                      create unique index [rooms_title] on rooms(\"title\") where (title <> '');",
    );
    let text = folder.one(&wanted, &named("b"));
    assert_eq!(
        part(&text, "up"),
        "ALTER TABLE rooms ADD COLUMN topic TEXT;"
    );
    assert_eq!(
        part(&text, "down").lines().last(),
        Some("ALTER TABLE rooms DROP COLUMN topic;")
    );
}

#[test]
fn tables_that_go_go_before_those_that_they_refer_to() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE keepers (id INTEGER PRIMARY KEY);
              CREATE TABLE a (id INTEGER PRIMARY KEY);
              CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id));
              CREATE TABLE c (id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES b (id));"),
        &named("a"),
    );
    let wanted = sql("CREATE TABLE keepers (id INTEGER PRIMARY KEY)");
    assert_eq!(
        folder.step(&wanted, &named("b")).len(),
        0,
        "nothing goes unasked"
    );
    let text = folder.one(&wanted, &dropping("b"));
    let up = part(&text, "up");
    assert_eq!(up, "DROP TABLE c;\nDROP TABLE b;\nDROP TABLE a;");
    assert!(text.contains("-- Note: the rows of a are lost."), "{text}");
    let down = part(&text, "down");
    let at = |words: &str| down.find(words).unwrap();
    assert!(
        at("CREATE TABLE a") < at("CREATE TABLE b") && at("CREATE TABLE b") < at("CREATE TABLE c")
    );
    folder.rollback(1).unwrap();
    assert_eq!(folder.schema().len(), 4);
}

#[test]
fn a_default_is_evaluated_for_each_row() {
    let mut folder = Folder::new();
    folder.step(&sql("CREATE TABLE t (id INTEGER PRIMARY KEY)"), &named("a"));
    folder.run("INSERT INTO t VALUES (1), (2), (3)");
    let wanted = sql("CREATE TABLE t (id INTEGER PRIMARY KEY, token TEXT NOT NULL DEFAULT (hex(randomblob(16))))");
    folder.one(&wanted, &named("b"));
    folder.run("INSERT INTO t (id) VALUES (4), (5)");
    assert_eq!(folder.rows("SELECT count(DISTINCT token) FROM t"), ["5"]);
}

/// Without blanks and quotes, and columns in the order of their names.
fn normal(schema: &[String]) -> Vec<String> {
    let plain = |text: &String| text.replace(['"', ' ', '\n'], "").to_lowercase();
    schema.iter().map(plain).collect()
}

#[test]
fn a_trigger_by_hand_on_a_view_by_hand_comes_back_with_it() {
    let mut folder = Folder::new();
    let rooms = |size| {
        let mut rooms = table("rooms", "id");
        rooms.columns = vec![required("id", ColumnType::Integer), column("size", size)];
        tables(&[rooms])
    };
    folder.step(&rooms(ColumnType::Text), &named("a"));
    folder.write(
        "2_by_hand.sql",
        "-- up\nCREATE VIEW sizes AS SELECT size FROM rooms;
         CREATE TRIGGER added INSTEAD OF INSERT ON sizes
           BEGIN INSERT INTO rooms (size) VALUES (new.size); END;\n-- down\n",
    );
    folder.migrate();
    folder.one(&rooms(ColumnType::Integer), &named("c"));
    folder.run("INSERT INTO sizes VALUES (7)");
    assert_eq!(folder.rows("SELECT size FROM rooms"), ["7"]);
    folder.rollback(1).unwrap();
    folder.run("INSERT INTO sizes VALUES ('8')");
    assert_eq!(folder.rows("SELECT count(*) FROM rooms"), ["2"]);
}
