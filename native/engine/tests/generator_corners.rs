//! Parts of schemas that are seldom changed, each there and back.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod fixtures {
    pub mod generated;
}

use ash_rusqlite_engine::migration::generate::{GenerateOptions, NotRenamed};
use fixtures::generated::{dropping, named, part, renaming, sql, Folder};

/// Goes from one schema to the other, back and there again. The text of the last file is returned.
fn there_and_back(
    from: &str,
    rows: &str,
    to: &str,
    options: &GenerateOptions,
    query: &str,
) -> String {
    let mut folder = Folder::new();
    folder.step(&sql(from), &named("from"));
    folder.run(rows);
    let before = folder.rows(query);
    let texts = folder.step(&sql(to), options);
    assert!(!texts.is_empty(), "{to}");
    assert_eq!(folder.rows(query), before, "{}", texts.concat());
    let plain = |folder: &Folder| -> Vec<String> {
        folder
            .schema()
            .iter()
            .map(|sql| sql.replace('"', ""))
            .collect()
    };
    let after = plain(&folder);
    folder.rollback(texts.len() as u64).unwrap();
    assert_eq!(folder.rows(query), before, "{}", texts.concat());
    folder.migrate();
    assert_eq!(plain(&folder), after);
    assert_eq!(folder.rows(query), before, "{}", texts.concat());
    texts.last().unwrap().clone()
}

#[test]
fn every_part_of_a_table_can_change() {
    let pairs = [
        // Keys.
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)", "CREATE TABLE t (a INTEGER, b TEXT, PRIMARY KEY (a, b))"),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)", "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT)"),
        ("CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT)", "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT) WITHOUT ROWID"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT) STRICT"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT PRIMARY KEY DESC, b TEXT)"),
        // Constraints.
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT UNIQUE, b TEXT)"),
        ("CREATE TABLE t (a TEXT, b TEXT, UNIQUE (a, b))", "CREATE TABLE t (a TEXT, b TEXT, UNIQUE (b, a))"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT COLLATE NOCASE)"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT CHECK (length(b) < 9))"),
        ("CREATE TABLE t (a TEXT, b TEXT, CHECK (b <> ''))", "CREATE TABLE t (a TEXT, b TEXT, CHECK (b <> 'x'))"),
        ("CREATE TABLE t (a TEXT, b TEXT, CONSTRAINT c CHECK (b <> ''))", "CREATE TABLE t (a TEXT, b TEXT, CONSTRAINT c CHECK (b <> 'x'))"),
        ("CREATE TABLE t (a TEXT, b TEXT NOT NULL)", "CREATE TABLE t (a TEXT, b TEXT NOT NULL ON CONFLICT IGNORE)"),
        // Columns.
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT, c TEXT AS (a || b))"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT, c TEXT GENERATED ALWAYS AS (a || b) STORED)"),
        ("CREATE TABLE t (a TEXT, b TEXT, c AS (a || '1'))", "CREATE TABLE t (a TEXT, b TEXT, c AS (a || '2'))"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT, c TEXT DEFAULT CURRENT_TIMESTAMP)"),
        ("CREATE TABLE t (a TEXT, b TEXT DEFAULT 'x')", "CREATE TABLE t (a TEXT, b TEXT DEFAULT 'y')"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT, \"select\" INT DEFAULT -1, [x y] REAL DEFAULT 1e3)"),
        // Foreign keys: to itself, in a circle, of several columns.
        ("CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT)", "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT, p TEXT REFERENCES t ON DELETE SET NULL)"),
        ("CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT, p TEXT)", "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT, p TEXT REFERENCES t DEFERRABLE INITIALLY DEFERRED)"),
        ("CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT)", "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT, u TEXT REFERENCES u (c)); CREATE TABLE u (c TEXT PRIMARY KEY, a TEXT REFERENCES t (a))"),
        ("CREATE TABLE t (a TEXT, b TEXT, UNIQUE (a, b))", "CREATE TABLE t (a TEXT, b TEXT, UNIQUE (a, b)); CREATE TABLE u (c TEXT, d TEXT, FOREIGN KEY (c, d) REFERENCES t (a, b) ON UPDATE CASCADE)"),
        // Indexes.
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i ON t (lower(a), b COLLATE NOCASE DESC) WHERE b > 'a' AND a IS NOT NULL"),
        ("CREATE TABLE t (a TEXT, b TEXT); CREATE INDEX i ON t (a)", "CREATE TABLE t (a TEXT, b INTEGER); CREATE UNIQUE INDEX i ON t (a)"),
        // Other objects.
        ("CREATE TABLE t (a TEXT, b TEXT); CREATE VIEW v AS SELECT a FROM t", "CREATE TABLE t (a TEXT, b INTEGER); CREATE VIEW v AS SELECT a, b FROM t"),
        ("CREATE TABLE t (a TEXT, b TEXT); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a FROM v", "CREATE TABLE t (a TEXT, b INTEGER); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT a || 'x' AS a FROM v"),
        ("CREATE TABLE t (a TEXT, b TEXT)", "CREATE TABLE t (a TEXT, b TEXT); CREATE VIRTUAL TABLE f USING rtree (id, x, y)"),
        ("CREATE TABLE t (a TEXT, b TEXT); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE TABLE t (a TEXT, b TEXT); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 2; END"),
        ("CREATE TABLE t (a TEXT, b TEXT); CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (new.a); END",
         "CREATE TABLE t (a TEXT, b INTEGER); CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN INSERT INTO t (a) VALUES (new.a); END"),
    ];
    let rows = "INSERT INTO t (a, b) VALUES ('1', '2'), ('3', '4.5')";
    for (from, to) in pairs {
        for (from, to) in [(from, to), (to, from)] {
            there_and_back(
                from,
                rows,
                to,
                &dropping("to"),
                "SELECT cast(a AS TEXT), cast(b AS TEXT) FROM t ORDER BY 1",
            );
        }
    }
}

#[test]
fn names_that_need_quotes_and_names_in_other_case_are_the_same_names() {
    let from =
        "CREATE TABLE \"Order Items\" (\"id\" INTEGER PRIMARY KEY, \"group\" TEXT, \"It's\" INT)";
    let to =
        "CREATE TABLE \"order items\" (ID INTEGER PRIMARY KEY, \"GROUP\" INTEGER, \"it's\" INT)";
    let text = there_and_back(
        from,
        "INSERT INTO \"Order Items\" VALUES (1, '5', 7)",
        to,
        &named("to"),
        "SELECT id, cast(\"group\" AS TEXT), \"It's\" FROM \"Order Items\"",
    );
    assert!(text.contains("\"new_Order Items\""), "{text}");
}

#[test]
fn columns_may_change_places_and_names_at_once() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)"),
        &named("a"),
    );
    folder.run("INSERT INTO t VALUES (1, 'a', 'b')");
    let to = "CREATE TABLE s (b2 TEXT, a2 TEXT, id INTEGER PRIMARY KEY)";
    let options = GenerateOptions {
        rename_tables: vec![("t".into(), "s".into())],
        rename_columns: vec![
            ("s".into(), "a".into(), "a2".into()),
            ("s".into(), "b".into(), "b2".into()),
        ],
        ..named("b")
    };
    let text = folder.one(&sql(to), &options);
    assert_eq!(folder.rows("SELECT id, a2, b2 FROM s"), ["1|a|b"]);
    assert!(
        part(&text, "down").contains("ALTER TABLE t RENAME COLUMN b2 TO b;"),
        "{text}"
    );
    folder.rollback(1).unwrap();
    assert_eq!(folder.rows("SELECT id, a, b FROM t"), ["1|a|b"]);
}

#[test]
fn a_trigger_by_hand_follows_a_rename_and_survives_a_rebuild_of_its_table() {
    let mut folder = Folder::new();
    let log = "CREATE TABLE log (what TEXT);";
    let trigger = |column: &str| {
        format!("CREATE TRIGGER noted AFTER UPDATE OF {column} ON t BEGIN INSERT INTO log VALUES (old.{column}); END;")
    };
    folder.step(
        &sql(&format!(
            "{log} CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n TEXT); {}",
            trigger("a")
        )),
        &named("a"),
    );
    folder.run("INSERT INTO t VALUES (1, 'x', '5')");
    let to = format!(
        "{log} CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT, n INTEGER); {}",
        trigger("b")
    );
    folder.one(&sql(&to), &renaming("t", "a", "b"));
    folder.run("UPDATE t SET b = 'y'");
    assert_eq!(folder.rows("SELECT what FROM log"), ["x"]);
    folder.rollback(1).unwrap();
    folder.run("UPDATE t SET a = 'z'");
    assert_eq!(folder.rows("SELECT what FROM log"), ["x", "y"]);
}

#[test]
fn a_search_table_and_its_triggers_are_left_alone_while_its_source_is_rebuilt() {
    let mut folder = Folder::new();
    let search = "CREATE VIRTUAL TABLE search USING fts5 (title);
        CREATE TRIGGER found AFTER INSERT ON t BEGIN INSERT INTO search VALUES (new.title); END;";
    folder.step(
        &sql(&format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, title TEXT, n TEXT); {search}"
        )),
        &named("a"),
    );
    folder.run("INSERT INTO t VALUES (1, 'hello', '1')");
    let to = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, title TEXT, n INTEGER); {search}");
    folder.one(&sql(&to), &named("b"));
    assert_eq!(folder.rows("SELECT count(*) FROM search"), ["1"]);
    folder.run("INSERT INTO t VALUES (2, 'world', 1)");
    assert_eq!(
        folder.rows("SELECT count(*) FROM search WHERE search MATCH 'world'"),
        ["1"]
    );
}

#[test]
fn two_new_columns_and_one_that_goes_are_two_questions() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)"),
        &named("a"),
    );
    let to = sql("CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT, c INT)");
    let asked = folder.generate(&to, &named("b")).unwrap();
    assert_eq!(asked.questions.len(), 2);
    let options = GenerateOptions {
        not_renamed: vec![NotRenamed::Column("t".into(), "c".into())],
        ..renaming("t", "a", "b")
    };
    let text = folder.one(&to, &options);
    assert!(text.contains("RENAME COLUMN a TO b;"), "{text}");
}

#[test]
fn files_with_windows_line_ends_and_old_rows_are_read() {
    let mut folder = Folder::new();
    let text = folder.one(
        &sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)"),
        &named("a"),
    );
    folder.write("1_a.sql", &text.replace('\n', "\r\n"));
    folder.write(
        "2_seeds.sql",
        "-- up\nINSERT INTO t VALUES (1, NULL);\n-- down\nDELETE FROM t;\n",
    );
    folder.migrate();
    // Rows of the files themselves are in nobody's way while a file is written.
    let to = sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL)");
    let generated = folder.generate(&to, &named("c")).unwrap();
    assert_eq!(generated.files[0].version, 3);
}

#[test]
fn a_search_table_over_another_one_finds_the_same_rows_after_that_is_rebuilt() {
    let mut folder = Folder::new();
    let search =
        "CREATE VIRTUAL TABLE search USING fts5 (title, content='t', content_rowid='rowid');
        CREATE TRIGGER found AFTER INSERT ON t BEGIN
          INSERT INTO search (rowid, title) VALUES (new.rowid, new.title); END;";
    folder.step(
        &sql(&format!(
            "CREATE TABLE t (id TEXT PRIMARY KEY, title TEXT, n TEXT); {search}"
        )),
        &named("a"),
    );
    folder.run(
        "INSERT INTO t VALUES ('a', 'one', '1'), ('b', 'two', '2'); DELETE FROM t WHERE id = 'a'",
    );
    let to = format!("CREATE TABLE t (id TEXT PRIMARY KEY, title TEXT, n INTEGER); {search}");
    folder.one(&sql(&to), &named("b"));
    let found = "SELECT id FROM t WHERE rowid IN (SELECT rowid FROM search ('two'))";
    assert_eq!(folder.rows(found), ["b"]);
    folder.rollback(1).unwrap();
    assert_eq!(folder.rows(found), ["b"]);
}

#[test]
fn a_value_for_a_new_column_is_given_whether_it_must_have_one_or_not() {
    let from = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n TEXT)";
    for to in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n TEXT, b TEXT, c TEXT NOT NULL DEFAULT '-')",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, n INTEGER, b TEXT, c TEXT NOT NULL DEFAULT '-')",
    ] {
        let mut folder = Folder::new();
        folder.step(&sql(from), &named("a"));
        folder.run("INSERT INTO t VALUES (1, 'x', '1')");
        let fill = |column: &str| ("t".to_owned(), column.to_owned(), "upper(a)".to_owned());
        let options = GenerateOptions {
            fill: vec![fill("b"), fill("c")],
            ..named("b")
        };
        folder.one(&sql(to), &options);
        assert_eq!(folder.rows("SELECT b, c FROM t"), ["X|X"]);
        let nowhere = GenerateOptions {
            fill: vec![fill("d")],
            ..named("c")
        };
        let error = folder.generate(&sql(to), &nowhere).unwrap_err();
        assert!(error.message().contains("t.d"), "{}", error.message());
    }
}

#[test]
fn what_is_still_asked_for_cannot_be_renamed() {
    let mut folder = Folder::new();
    folder.step(&sql("CREATE TABLE t (a TEXT, b TEXT)"), &named("a"));
    let to = sql("CREATE TABLE t (a TEXT, b TEXT, c TEXT); CREATE TABLE u (a TEXT)");
    let error = folder.generate(&to, &renaming("t", "a", "c")).unwrap_err();
    assert!(
        error.message().contains("t.a is still asked for"),
        "{}",
        error.message()
    );
    let options = GenerateOptions {
        rename_tables: vec![("t".into(), "u".into())],
        ..named("b")
    };
    let error = folder.generate(&to, &options).unwrap_err();
    assert!(
        error.message().contains("t is still asked for"),
        "{}",
        error.message()
    );
}

#[test]
fn a_file_says_that_texts_which_are_no_value_of_the_new_type_stay() {
    for (from, to) in [
        ("TEXT", "INTEGER"),
        ("TEXT", "DATE_TEXT"),
        ("INTEGER", "UUID_TEXT"),
    ] {
        let mut folder = Folder::new();
        folder.step(&sql(&format!("CREATE TABLE t (a {from})")), &named("a"));
        folder.run("INSERT INTO t VALUES ('many')");
        let text = folder.one(&sql(&format!("CREATE TABLE t (a {to})")), &named("b"));
        let note = format!("-- Note: values of t.a that are no {to} stay as they are");
        assert!(text.contains(&note), "{text}");
        assert_eq!(folder.rows("SELECT a FROM t"), ["many"]);
    }
}

#[test]
fn the_reason_for_a_rebuild_says_what_the_table_gains_and_what_it_loses() {
    let mut folder = Folder::new();
    folder.step(
        &sql("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT) STRICT"),
        &named("a"),
    );
    let text = folder.one(&sql("CREATE TABLE t (a INTEGER PRIMARY KEY)"), &named("b"));
    assert!(part(&text, "up").contains("anew: without AUTOINCREMENT, without STRICT."));
    assert!(part(&text, "down").contains("anew: AUTOINCREMENT, STRICT."));
}

#[test]
fn a_map_that_becomes_a_text_is_a_map_again_on_the_way_back() {
    let mut folder = Folder::new();
    folder.step(&sql("CREATE TABLE t (a JSON_TEXT)"), &named("a"));
    folder.run("INSERT INTO t VALUES ('{\"a\":1}'), ('\"b\"'), ('[1,2]')");
    let before = folder.rows("SELECT a FROM t");
    folder.one(&sql("CREATE TABLE t (a TEXT)"), &named("b"));
    assert_eq!(folder.rows("SELECT a FROM t"), ["{\"a\":1}", "b", "[1,2]"]);
    folder.rollback(1).unwrap();
    assert_eq!(folder.rows("SELECT a FROM t"), before);
}
