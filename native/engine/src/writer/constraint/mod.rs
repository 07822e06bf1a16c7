//! Finds out what SQLite's message about a violated constraint leaves out: the table and
//! columns of a CHECK, the name of a UNIQUE index, which FOREIGN KEY it was. Only runs after
//! a violation, on the connection that had it.

mod foreign_key;

use rusqlite::Connection;

use crate::catalog;
use crate::error::{Code, Detail, Error, Result};
use crate::execute::Executor;
use crate::query::ir::Write;
use crate::sqlite::sqlite_error;

/// The same error with table, columns and constraint, as far as they can be found.
pub fn explain(executor: Executor<'_>, error: Error, write: &Write) -> Error {
    let table = write.table().unwrap_or_default();
    let found = match error.code() {
        Code::ForeignKeyViolation | Code::CheckViolation if matches!(write, Write::Sql(_)) => {
            return error;
        }
        Code::CheckViolation => check(&executor, &error, table),
        Code::UniqueViolation => unique(executor.conn, &error),
        Code::ForeignKeyViolation => foreign_key::find(&executor, write),
        _ => return error,
    };
    // What cannot be found is left out: the violation itself must be reported.
    let found = found.unwrap_or_default();
    let error = match found.constraint {
        Some(name) if error.detail("constraint").is_none() => error.with("constraint", name),
        _ => error,
    };
    let error = match found.message {
        Some(message) => error.with_message(message),
        None => error,
    };
    let error = match found.side {
        Some(side) => error.with("side", side),
        None => error,
    };
    let named = found.table.unwrap_or_else(|| table.to_owned());
    if named.is_empty() {
        return error;
    }
    error
        .with_detail("table", &Detail::Text(named))
        .with_detail("columns", &Detail::List(found.columns))
}

#[derive(Default)]
struct Found {
    table: Option<String>,
    columns: Vec<String>,
    constraint: Option<String>,
    message: Option<String>,
    /// Of a foreign key: whether the row that was written refers, or others refer to it.
    side: Option<&'static str>,
}

fn text(error: &Error, key: &str) -> String {
    match error.detail(key) {
        Some(Detail::Text(text)) => text.clone(),
        _ => String::new(),
    }
}

/// SQLite names the constraint, or gives its expression when it has no name.
fn check(executor: &Executor<'_>, error: &Error, table: &str) -> Result<Found> {
    let name = text(error, "constraint");
    let sql: String = executor
        .conn
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            [table],
            |row| row.get(0),
        )
        .map_err(sqlite_error::map)?;
    let expression = named_check(&sql, &name).unwrap_or(&name);
    let catalog = executor.catalog.get();
    let columns = catalog.table(table)?.columns.iter();
    let columns = columns
        .filter(|column| words(expression).any(|word| word.eq_ignore_ascii_case(&column.name)))
        .map(|column| column.name.clone())
        .collect::<Vec<_>>();
    let message = format!(
        "{table} ({}) is refused by the check {name}",
        columns.join(", ")
    );
    Ok(Found {
        columns,
        message: Some(message),
        ..Found::default()
    })
}

/// The words of an expression that are not inside a string.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    let outside = expression.split('\'').step_by(2);
    outside.flat_map(|part| {
        part.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty())
    })
}

/// The expression of `CONSTRAINT name CHECK (…)` in a CREATE TABLE statement.
fn named_check<'a>(sql: &'a str, name: &str) -> Option<&'a str> {
    let lower = sql.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let start = from + lower.get(from..)?.find("constraint")? + "constraint".len();
        let rest = sql.get(start..)?.trim_start();
        let rest = rest.trim_start_matches(['"', '`', '[']);
        if let Some(after) = rest.strip_prefix(name) {
            let after = after.trim_start_matches(['"', '`', ']']).trim_start();
            if after
                .get(..5)
                .is_some_and(|word| word.eq_ignore_ascii_case("check"))
            {
                return balanced(after.get(5..)?.trim_start());
            }
        }
        from = start;
    }
}

/// The text between the first parenthesis and the one that closes it.
fn balanced(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return text.get(1..at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The index behind a UNIQUE violation, by its columns or its columns by the index.
fn unique(conn: &Connection, error: &Error) -> Result<Found> {
    if error.detail("table").is_some() {
        let Some(Detail::List(columns)) = error.detail("columns") else {
            return Ok(Found::default());
        };
        let (table, wanted) = (text(error, "table"), columns.join(","));
        let mut stmt = conn
            .prepare(
                "SELECT l.name, l.origin, (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno)) FROM pragma_index_list(?1) AS l WHERE l.\"unique\"",
            )
            .map_err(sqlite_error::map)?;
        let mut rows = stmt.query([&table]).map_err(sqlite_error::map)?;
        while let Some(row) = rows.next().map_err(sqlite_error::map)? {
            let listed: Option<String> = row.get(2).map_err(sqlite_error::map)?;
            if listed.as_deref() == Some(wanted.as_str()) {
                let (name, origin): (String, String) = (
                    row.get(0).map_err(sqlite_error::map)?,
                    row.get(1).map_err(sqlite_error::map)?,
                );
                let constraint = match origin.as_str() {
                    "pk" => "PRIMARY KEY".to_owned(),
                    "u" => "UNIQUE".to_owned(),
                    _ => name,
                };
                return Ok(Found {
                    constraint: Some(constraint),
                    ..Found::default()
                });
            }
        }
        return Ok(Found::default());
    }
    // An index over expressions: SQLite names it alone.
    let (table, columns) = catalog::columns_of_index(conn, &text(error, "constraint"))?;
    Ok(Found {
        table: Some(table),
        columns,
        ..Found::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_check_is_found_in_the_table_s_sql() {
        let sql = "CREATE TABLE t (a INT CONSTRAINT \"small\" CHECK (a < (5)), b TEXT, CONSTRAINT both CHECK (a > 0 AND b <> ')'))";
        assert_eq!(named_check(sql, "small"), Some("a < (5)"));
        assert_eq!(named_check(sql, "both"), Some("a > 0 AND b <> ')'"));
        assert_eq!(named_check(sql, "none"), None);
        assert_eq!(
            words("a > 0 AND b <> 'c d'").collect::<Vec<_>>(),
            ["a", "0", "AND", "b"]
        );
    }
}
