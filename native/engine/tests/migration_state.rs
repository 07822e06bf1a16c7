//! A migration changes the database, not the connection that runs it: that one goes on as the
//! writer, and whatever a file left set or made there would hold until the next opening.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support {
    pub mod host;
}

use ash_rusqlite_engine::migration::MigrateOptions;
use ash_rusqlite_engine::{Code, Database, Maintenance, Outcome, Result, Value};
use serde_json::json;
use support::host::*;

fn database() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let database = open(config(path.to_str().unwrap(), json!({}))).unwrap();
    (folder, database)
}

fn migrate(database: &Database, sql: &str) -> Result<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("-- up\nCREATE TABLE t (id INTEGER PRIMARY KEY);\n{sql};\n");
    std::fs::write(folder.path().join("1_state.sql"), text).unwrap();
    let work = Maintenance::Migrate {
        directory: folder.path().to_owned(),
        options: MigrateOptions::default(),
    };
    maintain(database, work).result
}

#[test]
fn what_would_outlive_a_migration_on_the_writer_s_connection_is_refused() {
    let (_folder, database) = database();
    for sql in [
        "PRAGMA query_only = ON",
        "PRAGMA wal_autocheckpoint = 0",
        "PRAGMA busy_timeout = 5",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA ignore_check_constraints = ON",
        "PRAGMA Recursive_Triggers = ON",
        "PRAGMA case_sensitive_like = ON",
        "PRAGMA trusted_schema = ON",
        "PRAGMA hard_heap_limit = 1000000",
        "CREATE TEMP TABLE scratch (id INTEGER)",
        "CREATE TEMP VIEW t AS SELECT 1 AS id",
        "CREATE TEMP TRIGGER lost BEFORE INSERT ON t BEGIN SELECT raise(IGNORE); END",
    ] {
        let refused = error(migrate(&database, sql));
        assert_eq!(refused.code(), Code::InvalidMigration, "{sql}: {refused}");
        assert!(refused.detail("line").is_some(), "{refused}");
        let code = error(read(&database, sql_count())).code();
        assert_eq!(code, Code::UnknownTable, "{sql} left something");
    }
    let allowed = "PRAGMA foreign_keys = OFF; PRAGMA defer_foreign_keys = ON;
        PRAGMA USER_VERSION = 7; PRAGMA table_info(t); PRAGMA optimize;
        CREATE TEMP TABLE scratch AS SELECT 1 AS id;
        INSERT INTO t SELECT id FROM scratch;
        DROP TABLE scratch";
    migrate(&database, allowed).unwrap();
    write(&database, insert("t", &[("id", Value::Integer(2))])).unwrap();
    assert_eq!(count(&database, "t"), 2);
    let version = read(&database, sql("PRAGMA User_Version")).unwrap();
    assert_eq!(version, [[json!(7)]]);
    close(database);
}

fn sql_count() -> ash_rusqlite_engine::query::ir::Read {
    sql("SELECT count(*) FROM t")
}
