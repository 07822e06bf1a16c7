//! Migrations that write themselves: what they change, what they leave, and what they ask.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod fixtures {
    pub mod generated;
    pub mod specs;
}

use ash_rusqlite_engine::migration::generate::{
    CustomStatement, GenerateOptions, NotRenamed, Wanted,
};
use ash_rusqlite_engine::schema::ColumnSpec;
use ash_rusqlite_engine::{Code, ColumnType};
use fixtures::generated::{dropping, named, part, renaming, sql, tables, Folder};
use fixtures::specs::{check, column, foreign_key, index, required, table};

const ROOMS: &str = "CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT)";

#[test]
fn a_new_folder_gets_tables_that_a_person_can_read_parents_first() {
    let mut folder = Folder::new();
    let mut messages = table("messages", "id");
    messages.columns = vec![
        required("id", ColumnType::Uuid),
        required("room_id", ColumnType::Uuid),
        column("order", ColumnType::Integer),
    ];
    messages.foreign_keys = vec![foreign_key(
        "messages_room_id_fkey",
        "room_id",
        "rooms",
        "id",
    )];
    messages.checks = vec![check("positive", "\"order\" > 0")];
    messages.indexes = vec![index("messages_room_id_index", &["room_id"])];
    let mut rooms = table("rooms", "id");
    rooms.columns = vec![required("id", ColumnType::Uuid)];
    let text = folder.one(&tables(&[messages, rooms]), &named("create_chat"));
    let up = "CREATE TABLE rooms (\n  id UUID_TEXT NOT NULL PRIMARY KEY\n);\n\n\
              CREATE TABLE messages (\n  id UUID_TEXT NOT NULL PRIMARY KEY,\n  \
              room_id UUID_TEXT NOT NULL,\n  \"order\" INTEGER,\n  \
              CONSTRAINT messages_room_id_fkey FOREIGN KEY (room_id) REFERENCES rooms (id),\n  \
              CONSTRAINT positive CHECK (\"order\" > 0)\n);\n\
              CREATE INDEX messages_room_id_index ON messages (room_id);";
    assert_eq!(part(&text, "up"), up);
    let down = part(&text, "down");
    assert!(
        down.ends_with("DROP TABLE messages;\nDROP TABLE rooms;"),
        "{down}"
    );
    folder.rollback(1).unwrap();
    assert_eq!(folder.schema().len(), 0);
    folder.migrate();
    assert_eq!(folder.schema().len(), 3);
}

#[test]
fn what_sqlite_can_alter_is_not_rebuilt() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE p (id INTEGER PRIMARY KEY);
              CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT NOT NULL, c INT,
                CONSTRAINT small CHECK (c < 10), CONSTRAINT p FOREIGN KEY (c) REFERENCES p (id));"),
        &named("a"),
    );
    folder.run("INSERT INTO t VALUES (1, NULL, 'b', NULL)");
    let wanted = sql("CREATE TABLE p (id INTEGER PRIMARY KEY);
        CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, c INT,
          d TEXT NOT NULL DEFAULT 'x', p_id INTEGER,
          CONSTRAINT larger CHECK (c < 100), FOREIGN KEY (p_id) REFERENCES p (id) ON DELETE CASCADE);");
    let options = GenerateOptions {
        fill: vec![("t".into(), "a".into(), "'none'".into())],
        ..named("b")
    };
    let text = folder.one(&wanted, &options);
    assert!(!part(&text, "up").contains("CREATE TABLE"), "{text}");
    assert_eq!(folder.rows("SELECT a, d FROM t"), ["none|x"]);
    folder.run("INSERT INTO p VALUES (1); UPDATE t SET p_id = 1; DELETE FROM p");
    assert_eq!(folder.rows("SELECT * FROM t"), Vec::<String>::new());
    folder.rollback(1).unwrap();
    folder.migrate();
}

#[test]
fn a_rebuilt_table_keeps_rows_indexes_triggers_views_numbers_and_references() {
    let mut folder = Folder::new();
    let others = "CREATE TABLE log (what TEXT);
        CREATE TABLE messages (id INTEGER PRIMARY KEY, room_id INTEGER REFERENCES rooms (id));
        CREATE INDEX rooms_title ON rooms (title);
        CREATE VIEW titles AS SELECT title FROM rooms;
        CREATE VIEW upper_titles AS SELECT upper(title) AS title FROM titles;
        CREATE TRIGGER noted AFTER UPDATE ON rooms BEGIN INSERT INTO log VALUES (new.title); END;
        CREATE TRIGGER marked AFTER INSERT ON messages
          BEGIN UPDATE rooms SET title = title || '!' WHERE id = new.room_id; END;";
    let schema = |size: &str| {
        sql(&format!(
            "CREATE TABLE rooms (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, size {size}); {others}"
        ))
    };
    folder.step(&schema("TEXT"), &named("a"));
    folder.run(
        "INSERT INTO rooms (id, title, size) VALUES (1, 'a', '5'), (9, 'b', NULL);
                DELETE FROM rooms WHERE id = 9; INSERT INTO messages VALUES (1, 1)",
    );
    let before = folder.schema().len();
    let text = folder.one(&schema("INTEGER"), &named("b"));
    assert!(
        text.contains("-- rooms is made anew: size from TEXT to INTEGER."),
        "{text}"
    );
    assert_eq!(folder.schema().len(), before);
    assert_eq!(
        folder.rows("SELECT id, title, typeof(size) FROM rooms"),
        ["1|a!|integer"]
    );
    assert_eq!(
        folder.rows("SELECT what FROM log"),
        ["a!"],
        "no trigger ran meanwhile"
    );
    folder.run("INSERT INTO rooms (title) VALUES ('c'); INSERT INTO messages VALUES (2, 1)");
    assert_eq!(folder.rows("SELECT max(id) FROM rooms"), ["10"]);
    assert_eq!(folder.rows("SELECT title FROM upper_titles"), ["A!!", "C"]);
    assert_eq!(folder.rows("SELECT count(*) FROM log"), ["2"]);
    assert_eq!(
        folder.rows("PRAGMA foreign_key_check"),
        Vec::<String>::new()
    );
    folder.rollback(1).unwrap();
    assert_eq!(folder.schema().len(), before);
    assert_eq!(
        folder.rows("SELECT typeof(size) FROM rooms"),
        ["text", "null"]
    );
}

#[test]
fn a_new_column_may_have_been_another_one_and_a_person_is_asked() {
    let mut folder = Folder::new();
    folder.step(&sql(ROOMS), &named("a"));
    folder.run("INSERT INTO rooms VALUES (1, 'a')");
    let wanted = sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT)");
    let asked = folder.generate(&wanted, &named("b")).unwrap();
    assert_eq!(asked.files, []);
    let question = &asked.questions[0];
    assert_eq!(question.table.as_deref(), Some("rooms"));
    assert_eq!(
        (question.to.as_str(), &question.from[..]),
        ("name", &["title".to_owned()][..])
    );
    let no = GenerateOptions {
        not_renamed: vec![NotRenamed::Column("rooms".into(), "name".into())],
        ..named("b")
    };
    let text = folder.one(&wanted, &no);
    assert_eq!(part(&text, "up"), "ALTER TABLE rooms ADD COLUMN name TEXT;");
    assert!(text.contains("-- left: rooms.title\n"), "{text}");
    assert_eq!(folder.rows("SELECT title FROM rooms"), ["a"]);
    // The answer is remembered in the file.
    let more = sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT, topic TEXT)");
    let again = folder.generate(&more, &named("c")).unwrap();
    assert_eq!((again.questions.len(), again.files.len()), (0, 1));
}

#[test]
fn a_rename_that_cannot_be_is_an_error() {
    let mut folder = Folder::new();
    folder.step(&sql(ROOMS), &named("a"));
    for (from, to, words) in [
        ("titel", "name", "no column rooms.titel"),
        ("title", "id", "a column rooms.id already"),
        ("title", "other", "nobody asks for a column rooms.other"),
    ] {
        let wanted = sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT)");
        let error = folder
            .generate(&wanted, &renaming("rooms", from, to))
            .unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption);
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn what_goes_is_a_file_of_its_own_for_a_later_release() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT NOT NULL, n INT)"),
        &named("a"),
    );
    folder.run("INSERT INTO rooms VALUES (1, 'a', 2)");
    let wanted = sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, n INT, topic TEXT)");
    let options = GenerateOptions {
        not_renamed: vec![NotRenamed::Column("rooms".into(), "topic".into())],
        ..dropping("b")
    };
    let files = folder.generate(&wanted, &options).unwrap().files;
    let [first, second] = files.as_slice() else {
        panic!("{files:#?}")
    };
    assert_eq!(
        (first.name.as_str(), second.name.as_str()),
        ("2_b.sql", "3_b_remove.sql")
    );
    // Those that still write the title and those that no longer do get along in between.
    assert_eq!(
        part(&first.text, "up"),
        "ALTER TABLE rooms ALTER COLUMN title DROP NOT NULL;\nALTER TABLE rooms ADD COLUMN topic TEXT;"
    );
    assert_eq!(
        part(&second.text, "up"),
        "ALTER TABLE rooms DROP COLUMN title;"
    );
    assert!(second
        .text
        .contains("-- Note: the values of rooms.title are lost."));
    folder.step(&wanted, &options);
    assert_eq!(folder.rows("SELECT * FROM rooms"), ["1|2|null"]);
}

#[test]
fn a_required_column_needs_a_value_for_the_rows_that_are_there() {
    let mut folder = Folder::new();
    folder.step(&sql(ROOMS), &named("a"));
    let wanted =
        sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT, topic TEXT NOT NULL)");
    let found = folder.generate(&wanted, &named("b")).unwrap();
    assert!(
        found.notes[0].contains("--fill rooms.topic=SQL"),
        "{:?}",
        found.notes
    );
    assert!(found.files[0]
        .text
        .contains("write their value of topic in place of NULL"));
    folder.run("INSERT INTO rooms VALUES (1, 'a')");
    let misspelt = GenerateOptions {
        fill: vec![("rooms".into(), "tpoic".into(), "1".into())],
        ..named("b")
    };
    let error = folder.generate(&wanted, &misspelt).unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    let fill = GenerateOptions {
        fill: vec![("rooms".into(), "topic".into(), "upper(title)".into())],
        ..named("b")
    };
    folder.one(&wanted, &fill);
    assert_eq!(folder.rows("SELECT topic FROM rooms"), ["A"]);
}

#[test]
fn a_column_that_must_no_longer_be_null_says_that_it_fails_over_nulls() {
    let mut folder = Folder::new();
    folder.step(&sql(ROOMS), &named("a"));
    folder.run("INSERT INTO rooms VALUES (1, NULL)");
    let wanted = sql("CREATE TABLE rooms (id INTEGER PRIMARY KEY, title TEXT NOT NULL)");
    let found = folder.generate(&wanted, &named("b")).unwrap();
    assert!(
        found.notes[0].contains("--fill rooms.title=SQL"),
        "{found:?}"
    );
    folder.write(&found.files[0].name, &found.files[0].text);
    let error = folder.try_migrate().unwrap_err();
    let words = "rooms.title is null in some rows; give them a value before it";
    assert!(error.message().ends_with(words), "{error}");
    std::fs::remove_file(folder.dir.path().join(&found.files[0].name)).unwrap();
    let fill = GenerateOptions {
        fill: vec![("rooms".into(), "title".into(), "'none'".into())],
        ..named("b")
    };
    folder.one(&wanted, &fill);
    assert_eq!(folder.rows("SELECT title FROM rooms"), ["none"]);
}

#[test]
fn what_was_written_by_hand_stays_and_what_was_generated_follows() {
    let mut folder = Folder::new();
    let rooms = |indexes: &[&str], checks: &[&str]| {
        let mut rooms = table("rooms", "id");
        rooms.columns = vec![
            required("id", ColumnType::Integer),
            column("title", ColumnType::Text),
        ];
        rooms.indexes = indexes.iter().map(|name| index(name, &["title"])).collect();
        rooms.checks = checks
            .iter()
            .map(|name| check(name, "title <> ''"))
            .collect();
        tables(&[rooms])
    };
    folder.step(&rooms(&["by_title"], &["filled"]), &named("a"));
    folder.write(
        "2_by_hand.sql",
        "-- up\nCREATE TABLE other (a); CREATE INDEX by_hand ON rooms (title, id);
         ALTER TABLE rooms ADD CONSTRAINT short CHECK (length(title) < 9);\n-- down\n",
    );
    folder.migrate();
    let text = folder.one(&rooms(&[], &[]), &dropping("c"));
    assert_eq!(
        part(&text, "up"),
        "DROP INDEX by_title;\n\nALTER TABLE rooms DROP CONSTRAINT filled;"
    );
    let names = folder.rows("SELECT name FROM sqlite_schema WHERE name IN ('other', 'by_hand')");
    assert_eq!(names.len(), 2);
}

#[test]
fn what_was_changed_in_a_generated_file_counts_as_written_by_hand() {
    let mut folder = Folder::new();
    let mut rooms = table("rooms", "id");
    rooms.columns = vec![
        required("id", ColumnType::Integer),
        column("title", ColumnType::Text),
    ];
    let wanted = tables(&[rooms]);
    let file = folder
        .generate(&wanted, &named("a"))
        .unwrap()
        .files
        .remove(0);
    let edited = file.text.replace(
        "\n-- down",
        "CREATE INDEX mine ON rooms (title);\n\n-- down",
    );
    folder.write(&file.name, &edited);
    folder.migrate();
    assert_eq!(folder.step(&wanted, &dropping("b")), Vec::<String>::new());
}

#[test]
fn a_table_that_was_made_by_hand_needs_only_fit() {
    let mut folder = Folder::new();
    folder.write(
        "1_by_hand.sql",
        "-- up\nCREATE TABLE rooms (id TEXT PRIMARY KEY, title VARCHAR(20) DEFAULT 'x', at TEXT);\n-- down\n",
    );
    folder.migrate();
    let mut rooms = table("rooms", "id");
    rooms.columns = vec![
        required("id", ColumnType::Uuid),
        column("title", ColumnType::Text),
        column("at", ColumnType::DateTimeUsec),
    ];
    assert_eq!(
        folder.step(&tables(&[rooms.clone()]), &named("b")),
        Vec::<String>::new()
    );
    rooms.columns.push(column("n", ColumnType::Integer));
    let text = folder.one(&tables(&[rooms]), &named("b"));
    assert_eq!(part(&text, "up"), "ALTER TABLE rooms ADD COLUMN n INTEGER;");
}

#[test]
fn a_custom_statement_runs_once_and_is_taken_back_by_its_own_words() {
    let mut folder = Folder::new();
    let wanted = |up: &str| {
        let mut rooms = table("rooms", "id");
        rooms.columns = vec![
            required("id", ColumnType::Integer),
            column("title", ColumnType::Text),
        ];
        Wanted {
            statements: vec![CustomStatement {
                name: "titles".into(),
                up: up.into(),
                down: "DROP VIEW titles".into(),
            }],
            ..tables(&[rooms])
        }
    };
    folder.step(
        &wanted("CREATE VIEW titles AS SELECT title FROM rooms;"),
        &named("a"),
    );
    assert_eq!(
        folder
            .step(
                &wanted("CREATE VIEW titles AS SELECT title FROM rooms"),
                &named("b")
            )
            .len(),
        0
    );
    let other = wanted("CREATE VIEW titles AS SELECT id, title FROM rooms");
    let text = folder.one(&other, &named("b"));
    let up = part(&text, "up");
    assert!(
        up.starts_with("-- statement titles\nDROP VIEW titles;\n-- end of statement titles"),
        "{up}"
    );
    assert!(folder.schema()[1].contains("id, title"));
    folder.rollback(1).unwrap();
    assert!(!folder.schema()[1].contains("id, title"));
    folder.migrate();
    let none = Wanted {
        statements: Vec::new(),
        ..wanted("")
    };
    folder.one(&none, &named("c"));
    assert_eq!(folder.schema().len(), 1);
    folder.rollback(1).unwrap();
    assert_eq!(folder.schema().len(), 2);
}

#[test]
fn tables_that_are_left_alone_are_not_looked_at() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (x)"),
        &named("a"),
    );
    let wanted = Wanted {
        ignored: vec!["B".into()],
        ..sql("CREATE TABLE a (id INTEGER PRIMARY KEY)")
    };
    assert_eq!(folder.step(&wanted, &dropping("b")), Vec::<String>::new());
    assert_eq!(folder.schema().len(), 2);
}

#[test]
fn a_view_by_hand_that_would_no_longer_work_is_an_error() {
    let mut folder = Folder::new();
    let mut rooms = table("rooms", "id");
    rooms.columns = vec![
        required("id", ColumnType::Integer),
        column("title", ColumnType::Text),
    ];
    folder.step(&tables(&[rooms.clone()]), &named("a"));
    folder.write(
        "2_v.sql",
        "-- up\nCREATE VIEW v AS SELECT title FROM rooms;\n-- down\n",
    );
    rooms.columns.pop();
    let error = folder
        .generate(&tables(&[rooms]), &dropping("b"))
        .unwrap_err();
    assert_eq!(error.code(), Code::MigrationFailed);
    assert!(
        error.message().contains("v behind, which no longer works"),
        "{error}"
    );
}

#[test]
fn a_column_by_hand_stays_with_its_index_even_where_others_are_dropped() {
    let mut folder = Folder::new();
    let room = |columns: Vec<ColumnSpec>| {
        let mut spec = table("rooms", "id");
        spec.columns = columns;
        tables(&[spec])
    };
    let id = || column("id", ColumnType::Integer);
    let n = |column_type| column("n", column_type);
    folder.step(
        &room(vec![
            id(),
            n(ColumnType::Text),
            column("gone", ColumnType::Text),
        ]),
        &named("a"),
    );
    folder.write(
        "2_hand.sql",
        "-- up\nALTER TABLE rooms ADD COLUMN extra TEXT; CREATE INDEX hand ON rooms (extra);\n",
    );
    folder.migrate();
    folder.run("INSERT INTO rooms VALUES (1, '1', 'x', 'kept')");
    folder.step(&room(vec![id(), n(ColumnType::Text)]), &dropping("b"));
    assert_eq!(folder.rows("SELECT * FROM rooms"), ["1|1|kept"]);
    // Rebuilt, too.
    folder.step(&room(vec![id(), n(ColumnType::Integer)]), &dropping("c"));
    assert_eq!(folder.rows("SELECT n, extra FROM rooms"), ["1|kept"]);
    assert_eq!(
        folder.rows("SELECT name FROM pragma_index_list('rooms')"),
        ["hand"]
    );
    let again = folder.generate(&room(vec![id(), n(ColumnType::Integer)]), &named("d"));
    assert_eq!(again.unwrap().notes, Vec::<String>::new());
}
