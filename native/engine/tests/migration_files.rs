//! What a folder of migration files may hold, and how its mistakes are named.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::Path;

use ash_rusqlite_engine::migration::{migrate, read_directory, MigrateOptions, MigrationFile};
use ash_rusqlite_engine::{Code, Detail, Error};
use rusqlite::Connection;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn read(files: &[(&str, &str)]) -> Vec<MigrationFile> {
    read_directory(folder(files).path()).unwrap()
}

fn problem(name: &str, text: impl AsRef<[u8]>) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(name), text).unwrap();
    invalid(read_directory(dir.path()))
}

fn invalid<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::InvalidMigration, "{error}");
    error.message().to_owned()
}

fn run(text: &str) -> (Connection, Result<(), Error>) {
    let mut conn = Connection::open_in_memory().unwrap();
    let files = read(&[("1_a.sql", text)]);
    let deadline = Instant::now() + Duration::from_secs(5);
    let result = migrate(
        &mut conn,
        &files,
        &MigrateOptions::default(),
        deadline,
        &mut (),
    );
    (conn, result.map(drop))
}

#[test]
fn files_are_read_by_version_and_other_files_are_left_out() {
    let dir = folder(&[
        ("20260102030405_second.sql", "-- up\nSELECT 2;\n"),
        ("7_first_of-all.sql", "-- up\nSELECT 1;\n"),
        ("999999999999999999_last.SQL", "-- up\n"),
        ("README.md", "not a migration"),
        (".#8_editor.sql", "an editor's lock file"),
    ]);
    fs::create_dir(dir.path().join("folder.sql")).unwrap();
    let files = read_directory(dir.path()).unwrap();
    let found: Vec<(i64, &str)> = files.iter().map(|f| (f.version, f.name.as_str())).collect();
    assert_eq!(
        found,
        [
            (7, "first_of-all"),
            (20_260_102_030_405, "second"),
            (999_999_999_999_999_999, "last")
        ]
    );
}

#[test]
fn a_file_with_another_name_is_named() {
    for name in [
        "users.sql",
        "_a.sql",
        "1_.sql",
        "1.sql",
        "1a_b.sql",
        "1234567890123456789_a.sql",
    ] {
        let message = problem(name, "-- up\n");
        assert!(
            message.contains(name) && message.contains("<timestamp>_<name>.sql"),
            "{message}"
        );
    }
}

#[test]
fn two_files_of_one_version_are_both_named() {
    let message = invalid(read_directory(
        folder(&[("1_a.sql", "-- up\n"), ("01_b.sql", "-- up\n")]).path(),
    ));
    assert!(
        message.contains("01_b.sql and 1_a.sql have the same version"),
        "{message}"
    );
}

#[test]
fn all_problems_of_a_folder_are_reported_at_once() {
    let dir = folder(&[("x.sql", ""), ("1_a.sql", ""), ("2_b.sql", "-- up\n")]);
    let error = read_directory(dir.path()).unwrap_err();
    let Some(Detail::List(problems)) = error.detail("problems") else {
        panic!("{error}")
    };
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_missing_folder_is_named() {
    let message = invalid(read_directory(Path::new("/nowhere/migrations")));
    assert!(message.contains("/nowhere/migrations"), "{message}");
}

#[test]
fn a_file_without_its_markers_in_order_is_named() {
    for (text, why) in [
        ("CREATE TABLE t (a);\n", "no line \"-- up\""),
        ("", "no line \"-- up\""),
        (
            "-- down\nSELECT 1;\n-- up\n",
            "\"-- down\" above \"-- up\" (line 1)",
        ),
        ("-- up\n\n-- UP\n", "a second line \"-- up\" (line 3)"),
        (
            "-- up\n-- down\n-- down\n",
            "a second line \"-- down\" (line 3)",
        ),
        ("SELECT 1;\n-- up\n", "SQL above"),
        ("/* open\n-- up\n", "SQL above"),
        ("-- up\nSELECT 1;\0DROP TABLE t;\n", "NUL"),
    ] {
        let message = problem("1_a.sql", text);
        assert!(
            message.contains("1_a.sql") && message.contains(why),
            "{text:?}: {message}"
        );
    }
    let message = problem("1_a.sql", b"-- up\nSELECT '\xff';\n");
    assert!(
        message.contains("1_a.sql is not UTF-8 (byte 14)"),
        "{message}"
    );
}

#[test]
fn markers_are_found_in_any_case_and_comments_may_stand_above() {
    let text =
        "\u{feff}-- why\n\n/* more\n   lines */\n  --  Up  \r\nCREATE TABLE t (a);\n--DOWN\n";
    run(text).1.unwrap();
}

#[test]
fn line_ends_do_not_change_a_checksum_but_anything_else_does() {
    let unix = read(&[("1_a.sql", "-- up\nSELECT 1;\n")]);
    let windows = read(&[("1_a.sql", "-- up\r\nSELECT 1;\r\n")]);
    let other = read(&[("1_a.sql", "-- up\nSELECT 1; \n")]);
    assert_eq!(unix[0].checksum, windows[0].checksum);
    assert_ne!(unix[0].checksum, other[0].checksum);
    // What sha256sum prints for the file.
    let sum = "3aabd682c34948978ef6623df8d186769f035fef7a8f711a4f0ebbde1aedd673";
    assert_eq!(unix[0].checksum, sum);
}

#[test]
fn statements_of_every_kind_run_and_rows_are_ignored() {
    let (conn, result) = run("-- up
         ;;CREATE TABLE t (a INTEGER, b TEXT); -- a ; in a comment
         /* and ; here */ INSERT INTO t VALUES (1, 'one; two'), (2, '-- no comment');
         SELECT * FROM t; PRAGMA user_version = 7; PRAGMA table_info(t);
         CREATE TRIGGER g AFTER INSERT ON t BEGIN
           UPDATE t SET b = 'x'; DELETE FROM t WHERE a = 9;
         END;
         EXPLAIN COMMIT;
         INSERT INTO t VALUES (9, '') RETURNING a");
    result.unwrap();
    let rows: i64 = conn
        .query_row("SELECT count(*) FROM t WHERE b = 'x'", [], |r| r.get(0))
        .unwrap();
    let user: i64 = conn
        .query_row("PRAGMA user_version", [], |r| r.get(0))
        .unwrap();
    assert_eq!((rows, user), (2, 7));
}

#[test]
fn transaction_control_is_refused_and_nothing_is_kept() {
    for sql in [
        "BEGIN",
        "COMMIT",
        "end transaction",
        "ROLLBACK",
        "SAVEPOINT s",
        "RELEASE s",
        "ROLLBACK TO s",
        "ATTACH ':memory:' AS other",
        "DETACH other",
        "VACUUM",
        ";; COMMIT",
        "/* x */ -- y\n COMMIT",
        "\u{feff}COMMIT",
        "\x0cCOMMIT",
    ] {
        let (conn, result) = run(&format!("-- up\nCREATE TABLE t (a);\n{sql};\n"));
        let message = invalid(result);
        let word =
            sql.trim_start_matches(['/', '*', ' ', 'x', '-', 'y', '\n', ';', '\u{feff}', '\x0c']);
        assert!(
            message.contains("1_a.sql, line") && message.contains(word),
            "{message}"
        );
        assert!(conn.is_autocommit());
        assert!(conn.prepare("SELECT * FROM t").is_err(), "{sql}");
    }
}

#[test]
fn a_placeholder_is_refused() {
    let message = invalid(run("-- up\nSELECT 1;\nSELECT ?1;\n").1);
    assert!(
        message.contains("line 3") && message.contains("placeholder"),
        "{message}"
    );
}

#[test]
fn the_line_of_an_error_is_the_line_in_the_file() {
    for (text, line) in [
        (
            "-- why\n\n-- up\nCREATE TABLE t (a);\n\n-- x\nSELEC 1;\n",
            7,
        ),
        (
            "-- up\nCREATE TABLE t (\n  a INTEGER,\n  b TEXT b TEXT oops,,\n);\n",
            4,
        ),
        (
            "-- up\nSELECT 'ä', 'ö';\nSELECT nowhere\n  FROM (SELECT 1);\n",
            3,
        ),
        (
            "-- up\nCREATE TABLE t (a UNIQUE);\nINSERT INTO t\n  VALUES (1),\n  (1);\n",
            3,
        ),
        ("-- up\r\nSELECT 1;\r\nSELECT (;\r\n", 3),
        ("-- up\nSELECT 1;\n\nCREATE TABLE t (a", 4),
    ] {
        let (conn, result) = run(text);
        let error = result.unwrap_err();
        assert_eq!(error.code(), Code::MigrationFailed, "{error}");
        assert_eq!(
            error.detail("line"),
            Some(&Detail::Integer(line)),
            "{text:?}: {error}"
        );
        assert_eq!(error.detail("version"), Some(&Detail::Integer(1)));
        assert_eq!(error.detail("name"), Some(&Detail::Text("a".into())));
        let tables = "SELECT count(*) FROM sqlite_schema";
        assert_eq!(
            conn.query_row(tables, [], |r| r.get::<_, i64>(0)).unwrap(),
            0
        );
    }
}
