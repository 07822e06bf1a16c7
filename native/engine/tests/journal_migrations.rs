//! Triggers of a journal follow their table through migrations, and the file says what it was.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/generated.rs"]
mod generated;

use ash_rusqlite_engine::catalog::{EventOn, JournalEvent, JournalSpec, Subject};
use ash_rusqlite_engine::schema::{ColumnSpec, IndexSpec, TableSpec};
use ash_rusqlite_engine::{ColumnType, Value};
use generated::{dropping, named, renaming, tables, Folder};

fn column(name: &str, column_type: ColumnType) -> ColumnSpec {
    ColumnSpec {
        name: name.into(),
        column_type,
        null: true,
        default: Value::Null,
        default_sql: None,
        declared: None,
    }
}

fn journal() -> JournalSpec {
    JournalSpec {
        event_type: "chat.message".into(),
        source: Some(Subject("room".into(), "room_id".into())),
        ..JournalSpec::default()
    }
}

fn messages(columns: &[&str], journal: Option<JournalSpec>) -> TableSpec {
    let mut all = vec![column("id", ColumnType::Uuid)];
    all.extend(columns.iter().map(|name| column(name, ColumnType::Text)));
    TableSpec {
        table: "messages".into(),
        columns: all,
        primary_key: vec!["id".into()],
        journal,
        ..TableSpec::default()
    }
}

const EVENTS: &str =
    "SELECT seq || ' ' || type || ' ' || data FROM ash_rusqlite_journal ORDER BY seq";
const VERSIONS: &str = "SELECT \"table\" || ' ' || columns || ' ' || since || '-' || ifnull(until, '') \
     || ' ' || ifnull(renamed, '') || ' ' || ifnull(defaults, '') || ' ' || ifnull(baselined, 'no') \
     FROM ash_rusqlite_journaled ORDER BY id";

fn triggers(folder: &Folder) -> usize {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'messages%'";
    folder.rows(sql).len()
}

#[test]
fn a_migration_switches_the_journal_on_and_off() {
    let mut folder = Folder::new();
    folder.step(&tables(&[messages(&["room_id"], None)]), &named("a"));
    folder.run("INSERT INTO messages VALUES ('1', 'r')");
    let on = folder.one(
        &tables(&[messages(&["room_id"], Some(journal()))]),
        &named("b"),
    );
    assert_eq!(on.matches("CREATE TRIGGER").count(), 5, "{on}");
    assert_eq!(on.matches("DROP TRIGGER").count(), 5, "{on}");
    assert_eq!(
        folder.rows(VERSIONS),
        [r#"messages ["id","room_id"] 1-   no"#],
        "the row that is there needs a baseline"
    );
    folder.run("INSERT INTO messages VALUES ('2', 'r')");
    let off = folder.one(&tables(&[messages(&["room_id"], None)]), &named("c"));
    assert!(off.contains("DROP TRIGGER"), "{off}");
    folder.run("INSERT INTO messages VALUES ('3', 'r')");
    assert_eq!(triggers(&folder), 0);
    assert_eq!(
        folder.rows(EVENTS),
        [r#"1 chat.message.created {"id":"2","room_id":"r"}"#]
    );
    assert_eq!(
        folder.rows(VERSIONS),
        [r#"messages ["id","room_id"] 1-1   no"#]
    );
    folder.rollback(1).unwrap();
    assert_eq!(triggers(&folder), 5);
}

#[test]
fn columns_that_come_go_and_change_their_names_change_the_triggers_too() {
    let mut folder = Folder::new();
    folder.step(
        &tables(&[messages(&["room_id"], Some(journal()))]),
        &named("a"),
    );
    folder.run("INSERT INTO messages VALUES ('1', 'r')");
    let text = folder.one(
        &tables(&[messages(&["room_id", "content"], Some(journal()))]),
        &named("b"),
    );
    assert!(
        !text.contains("TRIGGER"),
        "the table's change is enough: {text}"
    );
    folder.run("INSERT INTO messages VALUES ('2', 'r', 'hi')");
    let text = folder.one(
        &tables(&[messages(&["room_id", "body"], Some(journal()))]),
        &renaming("messages", "content", "body"),
    );
    assert!(!text.contains("TRIGGER"), "{text}");
    folder.run("UPDATE messages SET body = 'ho' WHERE id = '2'");
    let gone = folder.step(
        &tables(&[messages(&["room_id"], Some(journal()))]),
        &dropping("d"),
    );
    assert!(gone.concat().contains("DROP COLUMN"), "{gone:?}");
    folder.run("DELETE FROM messages WHERE id = '2'");
    assert_eq!(
        folder.rows(EVENTS),
        [
            r#"1 chat.message.created {"id":"1","room_id":"r"}"#,
            r#"2 chat.message.created {"id":"2","room_id":"r","content":"hi"}"#,
            r#"3 chat.message.updated {"body":"ho"}"#,
            r#"4 chat.message.deleted {"id":"2","room_id":"r"}"#,
        ]
    );
    assert_eq!(
        folder.rows(VERSIONS),
        [
            r#"messages ["id","room_id"] 1-1   0"#,
            r#"messages ["id","room_id","content"] 2-2 {} {"content":null} 0"#,
            r#"messages ["id","room_id","body"] 3-3 {"body":"content"}  0"#,
            r#"messages ["id","room_id"] 4- {}  0"#,
        ]
    );
}

#[test]
fn what_is_written_by_hand_is_followed() {
    let mut folder = Folder::new();
    folder.step(
        &tables(&[messages(&["room_id", "content"], Some(journal()))]),
        &named("a"),
    );
    folder.run("INSERT INTO messages VALUES ('1', 'r', 'hi')");
    folder.write(
        "20_by_hand.sql",
        "-- up\nALTER TABLE messages RENAME COLUMN room_id TO channel;\n\
         ALTER TABLE messages ADD COLUMN n INTEGER DEFAULT 7;\n\
         ALTER TABLE messages DROP COLUMN content;\n\
         ALTER TABLE messages RENAME TO posts;\n",
    );
    folder.migrate();
    folder.run("INSERT INTO posts VALUES ('2', 'q', 8)");
    assert_eq!(
        folder.rows("SELECT source || ' ' || data FROM ash_rusqlite_journal ORDER BY seq"),
        [
            r#"room:r {"id":"1","room_id":"r","content":"hi"}"#,
            r#"room:q {"id":"2","channel":"q","n":8}"#,
        ]
    );
    assert_eq!(
        folder.rows(VERSIONS),
        [
            r#"messages ["id","room_id","content"] 1-1   0"#,
            r#"messages ["id","channel","content"] 2-1 {"channel":"room_id"}  0"#,
            r#"messages ["id","channel","content","n"] 2-1 {} {"n":7} 0"#,
            r#"messages ["id","channel","n"] 2-1 {}  0"#,
            r#"posts ["id","channel","n"] 2- {"*":"messages"}  0"#,
        ]
    );
    folder.write(
        "30_anew.sql",
        "-- up\nCREATE TABLE new_posts (id TEXT PRIMARY KEY NOT NULL, channel TEXT, n INTEGER NOT NULL);\n\
         INSERT INTO new_posts SELECT id, channel, n FROM posts;\n\
         DROP TABLE posts;\nALTER TABLE new_posts RENAME TO posts;\n",
    );
    folder.migrate();
    folder.run("DELETE FROM posts WHERE id = '2'");
    assert_eq!(
        folder.rows("SELECT type FROM ash_rusqlite_journal ORDER BY seq DESC LIMIT 1"),
        ["chat.message.deleted"],
        "a table that is rebuilt stays journaled"
    );
    folder.write(
        "40_source.sql",
        "-- up\nALTER TABLE posts DROP COLUMN channel;\n",
    );
    let error = folder.try_migrate().unwrap_err();
    assert!(
        error
            .message()
            .contains("journal of \"posts\" no longer fits"),
        "{error}"
    );
}

#[test]
fn a_column_with_another_type_keeps_its_journal() {
    let mut folder = Folder::new();
    let mut spec = messages(&["room_id", "n"], Some(journal()));
    folder.step(&tables(&[spec.clone()]), &named("a"));
    folder.run("INSERT INTO messages VALUES ('1', 'r', '5')");
    spec.columns[2].column_type = ColumnType::Integer;
    spec.indexes = vec![IndexSpec {
        name: "messages_n".into(),
        columns: vec!["n".into()],
        unique: true,
        ..IndexSpec::default()
    }];
    folder.step(&tables(&[spec]), &named("b"));
    folder.run("REPLACE INTO messages VALUES ('2', 'r', 5)");
    assert_eq!(
        folder
            .rows("SELECT type || ' ' || key FROM ash_rusqlite_journal WHERE seq > 1 ORDER BY seq"),
        ["chat.message.deleted 1", "chat.message.created 2"],
        "the triggers know of the new unique index"
    );
}

#[test]
fn another_journal_is_another_set_of_triggers() {
    let mut folder = Folder::new();
    folder.step(
        &tables(&[messages(&["room_id"], Some(journal()))]),
        &named("a"),
    );
    folder.run("INSERT INTO messages VALUES ('1', 'r')");
    let mut other = journal();
    other.events.push(JournalEvent {
        event_type: "chat.message.moved".into(),
        on: EventOn::Update,
        condition: Some("NEW.room_id IS NOT OLD.room_id".into()),
    });
    let text = folder.one(&tables(&[messages(&["room_id"], Some(other))]), &named("b"));
    assert!(text.contains("chat.message.moved"), "{text}");
    folder.run("UPDATE messages SET room_id = 'q'");
    assert_eq!(
        folder.rows("SELECT type FROM ash_rusqlite_journal WHERE seq = 2"),
        ["chat.message.moved"]
    );
    let versions = folder.rows("SELECT since || '-' || ifnull(until, '') || ifnull(baselined, '') FROM ash_rusqlite_journaled ORDER BY id");
    assert_eq!(versions, ["1-10", "2-0"], "its rows need no baseline");
}

#[test]
fn rows_that_a_migration_rewrites_have_events_with_their_new_values() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = Folder::new();
    folder.conn = rusqlite::Connection::open(dir.path().join("a.db")).unwrap();
    folder
        .conn
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    folder.step(
        &tables(&[messages(&["room_id", "n"], Some(journal()))]),
        &named("a"),
    );
    folder.run("INSERT INTO messages VALUES ('1', 'r', '5'), ('2', 'r', 'x'), ('3', 'q', 'same')");
    // It notes the row that it might have replaced, and leaves it alone.
    folder.run("INSERT OR IGNORE INTO messages VALUES ('3', 'q', 'other')");
    folder.write(
        "20_anew.sql",
        "-- up\nCREATE TABLE new_messages (id UUID_TEXT PRIMARY KEY NOT NULL, room_id TEXT, \
         title TEXT NOT NULL DEFAULT 'none', n TEXT);\n\
         INSERT INTO new_messages SELECT id, room_id, iif(id = '1', 'one', 'none'), n FROM messages \
         WHERE id <> '2';\nINSERT INTO new_messages VALUES ('4', 'r', 'none', 'new');\n\
         DROP TABLE messages;\nALTER TABLE new_messages RENAME TO messages;\n",
    );
    folder.migrate();
    assert_eq!(
        folder.rows(
            "SELECT type || ' ' || source || ' ' || data FROM ash_rusqlite_journal WHERE seq > 3 ORDER BY seq"
        ),
        [
            r#"chat.message.deleted room:r {"id":"2","room_id":"r","n":"x"}"#,
            r#"chat.message.baseline room:r {"id":"1","room_id":"r","title":"one","n":"5"}"#,
            r#"chat.message.baseline room:r {"id":"4","room_id":"r","title":"none","n":"new"}"#,
        ],
        "that of 3 is as its events say: with the default of the new column"
    );
    let verified = ash_rusqlite_engine::journal::verify(&folder.conn, 9, &mut ()).unwrap();
    assert!(verified.is_ok(), "{verified:?}");
}

#[test]
fn rows_that_change_while_the_journal_is_off_are_not_taken_for_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = Folder::new();
    folder.conn = rusqlite::Connection::open(dir.path().join("a.db")).unwrap();
    folder.run("PRAGMA journal_mode = WAL");
    let (on, off) = (
        tables(&[messages(&["room_id"], Some(journal()))]),
        tables(&[messages(&["room_id"], None)]),
    );
    folder.step(&on, &named("a"));
    folder.run("INSERT INTO messages VALUES ('1', 'r'), ('2', 'r')");
    folder.step(&off, &named("b"));
    folder.run(
        "UPDATE messages SET room_id = 'q' WHERE id = '1'; DELETE FROM messages WHERE id = '2'",
    );
    folder.step(&on, &named("c"));
    let versions = "SELECT since || '-' || ifnull(until, '') || ' ' || ifnull(baselined, 'no') \
                    FROM ash_rusqlite_journaled ORDER BY id";
    assert_eq!(
        folder.rows(versions),
        ["1-2 0", "3- no"],
        "its rows need a baseline"
    );
    let mut baseline = ash_rusqlite_engine::journal::Baseline::default();
    let time = std::time::Duration::from_secs(5);
    while baseline.step(&folder.conn, 100, time).unwrap().is_some() {}
    let path = dir.path().join("a.db");
    let agrees = || {
        let conn = rusqlite::Connection::open(&path).unwrap();
        let verified = ash_rusqlite_engine::journal::verify(&conn, 9, &mut ()).unwrap();
        assert!(verified.is_ok(), "{verified:?}");
    };
    agrees();
    // In one file, for another journal: what it changes in between has events, too.
    let trigger = |what: &str| format!("DROP TRIGGER messages_journal_{what};\n");
    let triggers = folder.rows(
        "SELECT sql || ';' FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'messages%' ORDER BY name",
    );
    let whats = [
        "insert",
        "update",
        "delete",
        "replace_insert",
        "replace_update",
    ];
    let other: Vec<String> = triggers
        .iter()
        .map(|sql| sql.replace(r#""actor":null"#, r#""actor":["user","id"]"#))
        .collect();
    folder.write(
        "50_off_and_on.sql",
        &format!(
            "-- up\n{}UPDATE messages SET room_id = 'z';\n{}\n",
            whats.map(trigger).concat(),
            other.concat()
        ),
    );
    assert_ne!(other, triggers);
    folder.migrate();
    assert_eq!(
        folder.rows(versions),
        ["1-2 0", "3-3 3", "4- 3"],
        "it goes on"
    );
    agrees();
}
