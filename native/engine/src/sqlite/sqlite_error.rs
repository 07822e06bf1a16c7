//! From SQLite's result codes (<https://sqlite.org/rescode.html>) to our own errors.

use rusqlite::{ffi, Connection};

use crate::error::{Code, Error};

/// What begins the message of each error of ours, which SQLite passes on as it is.
pub(crate) const REFUSED: &str = "ash_rusqlite: ";

/// What follows it where a value is null that must not be, with the name of its column behind.
pub(crate) const IS_NULL: &str = "null: ";

/// Maps an error of rusqlite to ours. Constraint violations get their table and columns
/// from SQLite's message; `writer::constraint` adds what the message leaves out.
pub fn map(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            failure_to_error(failure, message.as_deref())
        }
        rusqlite::Error::SqlInputError {
            error,
            msg,
            sql,
            offset,
        } => {
            let mapped = failure_to_error(error, Some(&msg));
            match mapped.code() {
                Code::SqlSyntax => {
                    let mapped = mapped.with("sql", shorten(&sql));
                    match usize::try_from(offset) {
                        Ok(offset) => mapped.with("offset", offset),
                        Err(_) => mapped,
                    }
                }
                _ => mapped,
            }
        }
        rusqlite::Error::InvalidParameterCount(given, wanted) => Error::new(
            Code::InvalidQuery,
            format!("the statement has {wanted} placeholders but {given} values were given"),
        ),
        rusqlite::Error::MultipleStatement => {
            Error::new(Code::NotAllowed, "give one SQL statement at a time")
        }
        rusqlite::Error::NulError(_) => {
            Error::new(Code::SqlSyntax, "SQL text must not contain a NUL character")
        }
        rusqlite::Error::InvalidColumnType(_, name, _) => Error::new(
            Code::InvalidStoredValue,
            format!("column {name} holds another type"),
        )
        .with("column", name),
        other => Error::new(Code::Internal, other.to_string()),
    }
}

/// The error of a result code of SQLite's.
pub fn of_code(code: std::ffi::c_int) -> Error {
    map(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
}

fn failure_to_error(failure: ffi::Error, message: Option<&str>) -> Error {
    let text = message.unwrap_or("no message");
    let primary = failure.extended_code & 0xff;
    let error = match primary {
        ffi::SQLITE_CONSTRAINT => return constraint(failure.extended_code, text),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Error::new(
            Code::Busy,
            "another process held the database's lock until the deadline; retry, or raise busy_timeout",
        ),
        ffi::SQLITE_INTERRUPT => Error::new(Code::Timeout, "the statement was interrupted"),
        ffi::SQLITE_FULL => Error::new(
            Code::DiskFull,
            "the disk, the quota or max_page_count is full; free space and retry, nothing of this write was kept",
        ),
        ffi::SQLITE_IOERR => io(failure.extended_code, text),
        ffi::SQLITE_CORRUPT => Error::new(
            Code::Corrupt,
            format!("the database file is damaged ({text}); restore a backup or try sqlite3's .recover"),
        ),
        ffi::SQLITE_NOTADB => Error::new(
            Code::NotADatabase,
            "the file is no SQLite database, or it is encrypted",
        ),
        ffi::SQLITE_CANTOPEN => Error::new(
            Code::CannotOpen,
            format!("the database file cannot be opened ({text}); check the path, its folder and the rights"),
        ),
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM => Error::new(
            Code::ReadOnly,
            format!("the database cannot be written ({text}); check read_only and the rights of the file and its folder"),
        ),
        ffi::SQLITE_TOOBIG => Error::new(
            Code::TooBig,
            "a value, a row or a statement is larger than SQLite's limit of 1,000,000,000 bytes",
        ),
        ffi::SQLITE_NOMEM => Error::new(Code::OutOfMemory, "memory ran out"),
        ffi::SQLITE_AUTH => Error::new(Code::NotAllowed, not_allowed(text)),
        ffi::SQLITE_MISMATCH => {
            Error::new(Code::InvalidValue, format!("a value has the wrong type ({text})"))
        }
        ffi::SQLITE_SCHEMA => {
            Error::new(Code::Busy, "the schema was being changed by another process; retry")
        }
        // The second of a virtual table's parts, which only the table itself writes.
        ffi::SQLITE_ERROR
            if text.starts_with("not authorized") || text.ends_with("may not be modified") =>
        {
            Error::new(Code::NotAllowed, not_allowed(text))
        }
        ffi::SQLITE_ERROR if text.contains("no such table") => {
            Error::new(Code::UnknownTable, text.to_owned())
        }
        ffi::SQLITE_ERROR if text.contains("no such column") || text.contains("no column named") => {
            Error::new(Code::UnknownColumn, text.to_owned())
        }
        ffi::SQLITE_ERROR if text.starts_with(REFUSED) => refused(text.trim_start_matches(REFUSED)),
        ffi::SQLITE_ERROR if text.starts_with("ON CONFLICT clause does not match") => Error::new(
            Code::InvalidQuery,
            "no primary key and no unique constraint has exactly the columns of the conflict target; name those of one, or leave it out",
        ),
        ffi::SQLITE_ERROR if text == "integer overflow" => Error::new(
            Code::InvalidValue,
            "an integer went outside 64 bits; use a REAL or DECIMAL_TEXT column for such sums",
        ),
        ffi::SQLITE_ERROR if text == "malformed JSON" => Error::new(
            Code::InvalidValue,
            "a text is no JSON, but the statement, or an index, a check or a generated column of the table, reads it as JSON",
        ),
        ffi::SQLITE_ERROR => Error::new(Code::SqlSyntax, text.to_owned()),
        _ => Error::new(Code::Internal, format!("SQLite said: {text}")),
    };
    error.with("sqlite_code", i64::from(failure.extended_code))
}

/// What a function of ours has said.
fn refused(text: &str) -> Error {
    match text.strip_prefix(IS_NULL) {
        Some(column) => Error::new(Code::NotNullViolation, format!("{column} must not be null"))
            .with("columns", vec![column.to_owned()])
            .with("constraint", "NOT NULL"),
        None => Error::new(Code::InvalidValue, text),
    }
}

/// What SQLite says of a foreign key that does not hold.
const FOREIGN_KEY: &str = "FOREIGN KEY constraint failed";

/// What a COMMIT says of a deferred foreign key that does not hold.
pub fn deferred_foreign_key() -> Error {
    constraint(ffi::SQLITE_CONSTRAINT_FOREIGNKEY, FOREIGN_KEY)
}

fn io(extended: i32, text: &str) -> Error {
    Error::new(
        Code::IoError,
        format!(
            "the operating system failed to read or write the database ({text}, code {extended})"
        ),
    )
}

/// An I/O error that came from a full disk, a quota or a file size limit becomes `disk_full`.
pub fn refine(conn: &Connection, error: Error) -> Error {
    if error.code() != Code::IoError {
        return error;
    }
    // SAFETY: the handle lives as long as `conn`, and this only reads a number from it.
    let errno = unsafe { ffi::sqlite3_system_errno(conn.handle()) };
    let os = std::io::Error::from_raw_os_error(errno);
    match os.kind() {
        std::io::ErrorKind::StorageFull
        | std::io::ErrorKind::FileTooLarge
        | std::io::ErrorKind::QuotaExceeded => Error::new(
            Code::DiskFull,
            format!(
                "{os}; free space or raise the limit and retry, nothing of this write was kept"
            ),
        )
        .with("os_error", i64::from(errno)),
        _ => error.with("os_error", i64::from(errno)),
    }
}

fn not_allowed(text: &str) -> String {
    format!(
        "this statement is not allowed here ({text}); see the Repo guide for what `query` may run"
    )
}

fn constraint(extended: i32, text: &str) -> Error {
    if extended == ffi::SQLITE_CONSTRAINT_DATATYPE {
        return of_wrong_type(extended, text);
    }
    let what = text.split_once("failed: ").map_or("", |(_, rest)| rest);
    let code = match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => Code::UniqueViolation,
        ffi::SQLITE_CONSTRAINT_NOTNULL => Code::NotNullViolation,
        ffi::SQLITE_CONSTRAINT_CHECK => Code::CheckViolation,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Code::ForeignKeyViolation,
        // RESTRICT is a trigger that SQLite makes by itself, and raises by the same words.
        ffi::SQLITE_CONSTRAINT_TRIGGER if text == FOREIGN_KEY => Code::ForeignKeyViolation,
        _ => Code::ConstraintViolation,
    };
    let error = Error::new(code, constraint_message(code, what, text));
    match code {
        Code::UniqueViolation | Code::NotNullViolation => with_columns(error, what, extended),
        Code::CheckViolation => error.with("constraint", what),
        _ => error,
    }
    .with("sqlite_code", i64::from(extended))
}

/// `cannot store BLOB value in TEXT column users.bio`, of a STRICT table.
fn of_wrong_type(extended: i32, text: &str) -> Error {
    let message = format!("{text}: the table is STRICT");
    let error = Error::new(Code::InvalidValue, message).with("sqlite_code", i64::from(extended));
    match text
        .split_once(" column ")
        .and_then(|(_, place)| place.rsplit_once('.'))
    {
        Some((table, column)) => error.with("table", table).with("column", column),
        None => error,
    }
}

fn constraint_message(code: Code, what: &str, text: &str) -> String {
    match code {
        Code::UniqueViolation => format!("there is already a row with the same {what}"),
        Code::NotNullViolation => format!("{what} must not be null"),
        Code::CheckViolation => format!("the value is refused by the check {what}"),
        Code::ForeignKeyViolation => {
            "a row that is referred to is not there, or one that is referred to would go".to_owned()
        }
        _ => text.to_owned(),
    }
}

/// `what` is `users.email, users.name`, or `index 'name'` for an index on an expression.
fn with_columns(error: Error, what: &str, extended: i32) -> Error {
    if let Some(index) = what.strip_prefix("index '") {
        return error.with("constraint", index.trim_end_matches('\''));
    }
    let mut table = "";
    let mut columns = Vec::new();
    // Tables of modules and of tenants have dots in their names, columns hardly ever.
    for part in what.split(", ") {
        if let Some((t, column)) = part.rsplit_once('.') {
            table = t;
            columns.push(column.to_owned());
        }
    }
    let error = error.with("table", table).with("columns", columns);
    match extended {
        ffi::SQLITE_CONSTRAINT_NOTNULL => error.with("constraint", "NOT NULL"),
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            error.with("constraint", "PRIMARY KEY")
        }
        _ => error,
    }
}

fn shorten(sql: &str) -> String {
    let mut short: String = sql.chars().take(200).collect();
    if short.len() < sql.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Detail;

    fn fail(conn: &Connection, sql: &str) -> Error {
        map(conn.execute_batch(sql).unwrap_err())
    }

    #[test]
    fn constraint_violations_name_table_and_columns() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT, c INT CONSTRAINT positive CHECK (c > 0), UNIQUE (a, b));
             INSERT INTO t VALUES (1, 'x', 'y', 1);",
        )
        .unwrap();
        let unique = fail(&conn, "INSERT INTO t VALUES (2, 'x', 'y', 1)");
        assert_eq!(unique.code(), Code::UniqueViolation);
        assert_eq!(unique.detail("table"), Some(&Detail::Text("t".into())));
        assert_eq!(
            unique.detail("columns"),
            Some(&Detail::List(vec!["a".into(), "b".into()]))
        );
        let primary = fail(&conn, "INSERT INTO t VALUES (1, 'z', 'y', 1)");
        assert_eq!(
            primary.detail("constraint"),
            Some(&Detail::Text("PRIMARY KEY".into()))
        );
        let null = fail(&conn, "INSERT INTO t VALUES (2, NULL, 'y', 1)");
        assert_eq!(null.code(), Code::NotNullViolation);
        let check = fail(&conn, "INSERT INTO t VALUES (2, 'q', 'y', 0)");
        assert_eq!(
            check.detail("constraint"),
            Some(&Detail::Text("positive".into()))
        );
    }

    #[test]
    fn a_table_s_name_may_have_dots() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE 'MyApp.Users@acme.org' (id INT PRIMARY KEY, a NOT NULL, UNIQUE (a, id));
             INSERT INTO 'MyApp.Users@acme.org' VALUES (1, 'x');",
        )
        .unwrap();
        for (values, column) in [("(1, 'y')", "id"), ("(2, NULL)", "a")] {
            let error = fail(
                &conn,
                &format!("INSERT INTO 'MyApp.Users@acme.org' VALUES {values}"),
            );
            assert_eq!(
                error.detail("table"),
                Some(&Detail::Text("MyApp.Users@acme.org".into()))
            );
            assert_eq!(
                error.detail("columns"),
                Some(&Detail::List(vec![column.into()]))
            );
        }
    }

    #[test]
    fn what_a_strict_column_refuses_is_a_value_of_that_column() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE 'a.b' (id INTEGER PRIMARY KEY, bio TEXT) STRICT")
            .unwrap();
        let error = fail(&conn, "INSERT INTO 'a.b' VALUES (1, x'00')");
        assert_eq!(error.code(), Code::InvalidValue);
        assert_eq!(error.detail("table"), Some(&Detail::Text("a.b".into())));
        assert_eq!(error.detail("column"), Some(&Detail::Text("bio".into())));
    }

    #[test]
    fn unknown_names_and_syntax_have_their_codes() {
        let conn = Connection::open_in_memory().unwrap();
        let error = map(conn
            .prepare("SELECT * FROM nowhere")
            .map(|_| ())
            .unwrap_err());
        assert_eq!(error.code(), Code::UnknownTable);
        let upsert = "INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING";
        conn.execute_batch("CREATE TABLE t (a)").unwrap();
        let error = map(conn.prepare(upsert).map(|_| ()).unwrap_err());
        assert_eq!(error.code(), Code::InvalidQuery);
        assert!(error.message().contains("conflict target"), "{error}");
        let error = map(conn.prepare("SELEC 1").map(|_| ()).unwrap_err());
        assert_eq!(error.code(), Code::SqlSyntax);
        assert_eq!(error.detail("offset"), Some(&Detail::Integer(0)));
    }
}
