//! What goes around the journal by hand: refused where a caller of ours does it, and reported when
//! the file is opened where another program did.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/journal.rs"]
mod fixture;
#[path = "support/host.rs"]
mod host;

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use ash_rusqlite_engine::migration::MigrateOptions;
use ash_rusqlite_engine::query::ir::{ConsumerWrite, Progress, SqlWrite, Write};
use ash_rusqlite_engine::{
    journal, Code, Database, Detail, Error, Maintenance, TransactionOp, Value,
};
use fixture::{bits, chat, run, spec, verify};
use host::*;
use serde_json::json;

fn opened(path: &Path) -> Database {
    open(config(path.to_str().unwrap(), json!({}))).unwrap()
}

fn statement(sql: &str) -> Write {
    Write::Sql(SqlWrite {
        sql: sql.into(),
        params: Vec::new(),
    })
}

fn texts(conn: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut stmt = conn.prepare(sql).unwrap();
    let rows = stmt.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// What is reported of a file that is opened, if anything is.
fn reported(path: &Path) -> Option<Error> {
    let database = opened(path);
    let (to, from) = channel();
    database.report_to(Box::new(move |error| to.send(error.clone()).unwrap()));
    close(database);
    from.recv_timeout(Duration::from_secs(20)).ok()
}

#[test]
fn no_statement_of_a_caller_writes_to_the_journals_own_tables() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(&conn, "INSERT INTO rooms VALUES ('r', 'Lobby')");
    let database = opened(&path);
    let id = || [("id", Value::Integer(1))];
    let writes = [
        statement("UPDATE ash_rusqlite_events SET data = '{}'"),
        statement("DELETE FROM \"main\".\"ASH_RUSQLITE_EVENTS\""),
        statement("INSERT INTO ash_rusqlite_consumers VALUES ('me', 1, '', '')"),
        statement("WITH a AS (SELECT 1) UPDATE ash_rusqlite_request SET action = 'x'"),
        statement("REPLACE INTO ash_rusqlite_seals VALUES (1, 1, '', '', NULL)"),
        insert("ash_rusqlite_events", &id()),
        update("ash_rusqlite_subjects", None, &id()),
        delete("ash_rusqlite_journaled", None),
        delete("Ash_Rusqlite_Meta", None),
    ];
    let refused = |error: Error, write: &Write| {
        assert_eq!(error.code(), Code::NotAllowed, "{error} {write:?}");
        assert!(error.message().contains("table of this library"), "{error}");
        assert!(matches!(error.detail("table"), Some(Detail::Text(_))));
    };
    for write in &writes {
        refused(error(host::write(&database, write.clone())), write);
        let tx = begin(&database);
        let op = TransactionOp::Write(write.clone());
        refused(error(step(&database, tx, op)), write);
        finish(&database, tx, true).unwrap();
    }
    // What the library writes there itself goes on, before and after.
    let identity = journal::identity(&conn).unwrap();
    let save = Write::Consumer(ConsumerWrite {
        name: "copy".into(),
        to: Some(Progress {
            seq: 1,
            journal: identity.to_string(),
            from: None,
        }),
    });
    host::write(&database, save).unwrap();
    host::write(&database, statement("DELETE FROM rooms")).unwrap();
    refused(error(host::write(&database, writes[0].clone())), &writes[0]);
    assert_eq!(
        bits(&conn, "SELECT seq FROM ash_rusqlite_consumers").len(),
        1
    );
    close(database);
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    assert_eq!(verified.events, 2);
}

#[test]
fn dropped_or_changed_triggers_are_reported_when_the_file_is_opened() {
    for (sql, problem) in [
        (
            "DROP TRIGGER messages_journal_update",
            "messages: the trigger messages_journal_update is missing",
        ),
        (
            "DROP TRIGGER rooms_journal_insert; DROP TRIGGER rooms_journal_update;
             DROP TRIGGER rooms_journal_delete; DROP TRIGGER rooms_journal_replace_insert;
             DROP TRIGGER rooms_journal_replace_update",
            "rooms: the trigger rooms_journal_insert is missing",
        ),
        (
            "DROP TRIGGER rooms_journal_delete;
             CREATE TRIGGER rooms_journal_delete AFTER DELETE ON rooms BEGIN SELECT 1; END",
            "rooms: the trigger rooms_journal_delete is not as it would be written now",
        ),
        ("DROP TABLE members", "members: the table is not there"),
        (
            "ALTER TABLE members ADD COLUMN more",
            "members: has other columns than its journal knows",
        ),
        (
            "DELETE FROM ash_rusqlite_journaled WHERE \"table\" = 'rooms'",
            "rooms: has triggers of a journal that does not know it",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (path, conn) = chat(dir.path());
        assert_eq!(reported(&path), None, "nothing is wrong yet");
        run(&conn, sql);
        let error = reported(&path).expect(sql);
        assert_eq!(error.code(), Code::JournalBroken);
        let Some(Detail::List(problems)) = error.detail("problems") else {
            panic!("{error:?}")
        };
        assert_eq!(problems[0], problem, "{sql}");
        assert!(verify(&path).problems.contains(&problem.to_owned()));
    }
}

#[test]
fn a_migration_creates_dropped_triggers_again() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(&conn, "DROP TRIGGER messages_journal_insert");
    run(&conn, "INSERT INTO messages (id) VALUES (1)");
    let folder = dir.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("20260101000000_any.sql"),
        "-- up\nCREATE TABLE any (id INTEGER PRIMARY KEY);\n",
    )
    .unwrap();
    let database = opened(&path);
    let work = Maintenance::Migrate {
        directory: folder,
        options: MigrateOptions::default(),
    };
    maintain(&database, work).result.unwrap();
    close(database);
    run(&conn, "INSERT INTO messages (id) VALUES (2)");
    assert_eq!(reported(&path), None);
    // What had no event meanwhile is found.
    let verified = verify(&path);
    assert_eq!(verified.differences.len(), 1, "{verified:?}");
    assert_eq!(verified.differences[0].key, "1");
}

#[test]
fn a_journal_that_is_switched_on_twice_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(&conn, "INSERT INTO members VALUES ('r', 1, NULL)");
    let known = || bits(&conn, "SELECT * FROM ash_rusqlite_journaled");
    let before = known();
    let members = spec("chat.member", Some(("room", "room_id")));
    journal::enable(&conn, "members", &members).unwrap();
    assert_eq!(known(), before);
    run(&conn, "UPDATE members SET role = 'owner'");
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    assert_eq!(verified.events, 2);
}

#[test]
fn transactions_that_change_nothing_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    run(&conn, "INSERT INTO rooms VALUES ('r', 'Lobby')");
    let database = opened(&path);
    for writes in [
        &[][..],
        &["UPDATE rooms SET title = title"],
        &["DELETE FROM rooms WHERE id = 'x'"],
    ] {
        for commit in [true, false] {
            let tx = begin(&database);
            for sql in writes {
                step(&database, tx, TransactionOp::Write(statement(sql))).unwrap();
            }
            step(&database, tx, TransactionOp::Savepoint).unwrap();
            step(&database, tx, TransactionOp::ReleaseSavepoint).unwrap();
            finish(&database, tx, commit).unwrap();
        }
    }
    close(database);
    let verified = verify(&path);
    assert!(verified.is_ok(), "{verified:?}");
    assert_eq!(verified.events, 1);
}

#[test]
fn migrating_renews_what_another_version_of_the_library_has_written() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    let schema =
        "SELECT type || ' ' || name || ' ' || sql FROM sqlite_schema WHERE sql <> '' ORDER BY name";
    let now = texts(&conn, schema);
    // As it might have been: other words in triggers, and a table less.
    for (trigger, of) in [
        ("messages_journal_update", "messages"),
        ("ash_rusqlite_replaced_row", "ash_rusqlite_replaced"),
    ] {
        let sql = format!("SELECT sql FROM sqlite_schema WHERE name = '{trigger}'");
        let other = texts(&conn, &sql)[0].replace("\nEND", "\n  SELECT 1;\nEND");
        assert!(other.contains(of) && other.contains("SELECT 1"));
        run(&conn, &format!("DROP TRIGGER {trigger}; {other}"));
    }
    run(&conn, "DROP TABLE ash_rusqlite_removed");
    assert_ne!(texts(&conn, schema), now);
    let folder = dir.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let database = opened(&path);
    let migrate = || {
        let work = Maintenance::Migrate {
            directory: folder.clone(),
            options: MigrateOptions::default(),
        };
        maintain(&database, work).result.unwrap();
    };
    migrate();
    assert_eq!(texts(&conn, schema), now);
    run(&conn, "DROP TABLE ash_rusqlite_removed");
    migrate();
    assert_eq!(texts(&conn, schema), now);
    run(&conn, "DROP TRIGGER ash_rusqlite_replaced_row");
    migrate();
    assert_eq!(texts(&conn, schema), now);
    assert_eq!(reported(&path), None);
    close(database);
}

#[test]
fn a_journal_that_no_longer_fits_its_table_does_not_keep_an_application_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let (path, conn) = chat(dir.path());
    for what in [
        "insert",
        "update",
        "delete",
        "replace_insert",
        "replace_update",
    ] {
        run(&conn, &format!("DROP TRIGGER members_journal_{what}"));
    }
    // The column of its source.
    run(
        &conn,
        "DROP TABLE members; CREATE TABLE members (id INTEGER PRIMARY KEY)",
    );
    let folder = dir.path().join("migrations");
    std::fs::create_dir(&folder).unwrap();
    let database = opened(&path);
    let work = Maintenance::Migrate {
        directory: folder,
        options: MigrateOptions::default(),
    };
    maintain(&database, work).result.unwrap();
    close(database);
    assert_eq!(reported(&path).unwrap().code(), Code::JournalBroken);
}
