//! Finds out what SQLite's message about a violated constraint leaves out: the table and
//! columns of a CHECK, the name of a UNIQUE index, which FOREIGN KEY it was. Only runs after
//! a violation, on the connection that had it.

use rusqlite::{params_from_iter, Connection};

use crate::error::{Code, Detail, Error, Result};
use crate::execute::Executor;
use crate::query::compile;
use crate::query::ir::{Assignment, Expr, Insert, Read, Select, Write};
use crate::schema::{self, Table};
use crate::sqlite_error;
use crate::value::{encode, ColumnRef, Value};

/// The same error with table, columns and constraint, as far as they can be found.
pub fn explain(executor: Executor<'_>, error: Error, write: &Write) -> Error {
    let table = table_of(write);
    let found = match error.code() {
        Code::CheckViolation => check(&executor, &error, table),
        Code::UniqueViolation => unique(executor.conn, &error),
        Code::ForeignKeyViolation => foreign_key(&executor, write),
        _ => return error,
    };
    // What cannot be found is left out: the violation itself is what the caller must hear.
    let found = found.unwrap_or_default();
    let error = match found.constraint {
        Some(name) if error.detail("constraint").is_none() => error.with("constraint", name),
        _ => error,
    };
    let error = match found.message {
        Some(message) => error.with_message(message),
        None => error,
    };
    let named = found.table.unwrap_or_else(|| table.to_owned());
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
}

fn table_of(write: &Write) -> &str {
    match write {
        Write::Insert(insert) => &insert.table,
        Write::Update(update) => &update.table,
        Write::Delete(delete) => &delete.table,
        Write::UpdateOrInsert(write) => &write.table,
        Write::UpdateEach(each) => &each.table,
    }
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
    let (table, columns) = schema::columns_of_index(conn, &text(error, "constraint"))?;
    Ok(Found {
        table: Some(table),
        columns,
        ..Found::default()
    })
}

struct ForeignKey {
    child: String,
    parent: String,
    from: Vec<String>,
    to: Vec<String>,
    keeps_parent: bool,
}

impl ForeignKey {
    fn found(&self, message: String) -> Found {
        Found {
            table: Some(self.child.clone()),
            columns: self.from.clone(),
            constraint: Some(format!(
                "FOREIGN KEY ({}) REFERENCES {} ({})",
                self.from.join(", "),
                self.parent,
                self.to.join(", ")
            )),
            message: Some(message),
        }
    }
}

/// SQLite only says that some foreign key failed; this looks for the one.
fn foreign_key(executor: &Executor<'_>, write: &Write) -> Result<Found> {
    let table = table_of(write);
    let deletes = matches!(write, Write::Delete(_));
    let keys = foreign_keys(executor, table, deletes)?;
    for key in keys
        .iter()
        .filter(|key| key.child.eq_ignore_ascii_case(table))
    {
        for row in written_rows(write) {
            if let Some(value) = missing_parent(executor, key, &row)? {
                let message = format!(
                    "{} ({}) refers to a row of {} that is not there: {value}",
                    key.child,
                    key.from.join(", "),
                    key.parent
                );
                return Ok(key.found(message));
            }
        }
    }
    for key in keys
        .iter()
        .filter(|key| key.keeps_parent && key.parent.eq_ignore_ascii_case(table))
    {
        if has_children(executor, key, write)? {
            let message = format!(
                "rows of {} ({}) still refer to what would go from {}",
                key.child,
                key.from.join(", "),
                key.parent
            );
            return Ok(key.found(message));
        }
    }
    Ok(Found::default())
}

/// The foreign keys that a table has or that refer to it.
fn foreign_keys(executor: &Executor<'_>, table: &str, deletes: bool) -> Result<Vec<ForeignKey>> {
    let mut stmt = executor
        .conn
        .prepare(
            "SELECT t.name, f.id, f.\"table\", f.\"from\", f.\"to\", CASE WHEN ?2 THEN f.on_delete ELSE f.on_update END FROM pragma_table_list AS t JOIN pragma_foreign_key_list(t.name) AS f WHERE t.schema = 'main' AND (t.name = ?1 COLLATE NOCASE OR f.\"table\" = ?1 COLLATE NOCASE) ORDER BY t.name, f.id, f.seq",
        )
        .map_err(sqlite_error::map)?;
    let mut rows = stmt.query((table, deletes)).map_err(sqlite_error::map)?;
    let mut keys: Vec<((String, i64), ForeignKey)> = Vec::new();
    while let Some(row) = rows.next().map_err(sqlite_error::map)? {
        let get = |at: usize| row.get::<_, Option<String>>(at).map_err(sqlite_error::map);
        let child = get(0)?.unwrap_or_default();
        let id: i64 = row.get(1).map_err(sqlite_error::map)?;
        let parent = get(2)?.unwrap_or_default();
        let (from, to, action) = (
            get(3)?.unwrap_or_default(),
            get(4)?,
            get(5)?.unwrap_or_default(),
        );
        let same = keys
            .last()
            .is_some_and(|((name, last), _)| *name == child && *last == id);
        if !same {
            let keeps_parent = matches!(action.as_str(), "NO ACTION" | "RESTRICT");
            let key = ForeignKey {
                child: child.clone(),
                parent: parent.clone(),
                from: Vec::new(),
                to: Vec::new(),
                keeps_parent,
            };
            keys.push(((child, id), key));
        }
        if let Some((_, key)) = keys.last_mut() {
            let catalog = executor.catalog.get();
            let to = match to {
                Some(to) => to,
                None => primary_key_column(catalog.table(&parent)?, key.to.len()),
            };
            key.from.push(from);
            key.to.push(to);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

fn primary_key_column(table: &Table, at: usize) -> String {
    let column = table
        .primary_key
        .get(at)
        .and_then(|index| table.columns.get(*index));
    column.map_or_else(|| "rowid".to_owned(), |column| column.name.clone())
}

/// The columns and values that a write sets, row by row.
fn written_rows(write: &Write) -> Vec<Vec<(&String, &Value)>> {
    match write {
        Write::Insert(insert) => inserted_rows(insert),
        Write::Update(update) => vec![updated_values(&update.set)],
        Write::Delete(_) => Vec::new(),
        // Which of the two it was is not known any more.
        Write::UpdateOrInsert(write) => {
            let each = write.each.iter();
            each.flat_map(|either| {
                let row = either.row.iter().map(|(name, value)| (name, value));
                [updated_values(&either.set), row.collect()]
            })
            .collect()
        }
        Write::UpdateEach(each) => {
            let changes = each.changes.iter();
            changes.map(|change| updated_values(&change.set)).collect()
        }
    }
}

fn inserted_rows(insert: &Insert) -> Vec<Vec<(&String, &Value)>> {
    insert
        .rows
        .iter()
        .map(|row| row.iter().map(|(name, value)| (name, value)).collect())
        .collect()
}

fn updated_values(set: &[Assignment]) -> Vec<(&String, &Value)> {
    set.iter()
        .filter_map(|assignment| match assignment {
            Assignment::Set(name, value) => Some((name, value)),
            Assignment::Increment(..) | Assignment::Compute(..) => None,
        })
        .collect()
}

/// The key's value when the row names it and the parent has no such row.
fn missing_parent(
    executor: &Executor<'_>,
    key: &ForeignKey,
    row: &[(&String, &Value)],
) -> Result<Option<String>> {
    let catalog = executor.catalog.get();
    let parent = catalog.table(&key.parent)?;
    let (mut values, mut shown) = (Vec::new(), Vec::new());
    for (from, to) in key.from.iter().zip(&key.to) {
        let Some((_, value)) = row.iter().find(|(name, _)| name.eq_ignore_ascii_case(from)) else {
            return Ok(None);
        };
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        let (_, column) = parent.column(to)?;
        let at = ColumnRef {
            table: &parent.name,
            column: to,
        };
        values.push(encode(value, column.column_type, &at)?);
        shown.push(match value {
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes).chars().take(60).collect(),
            other => format!("{other:?}").chars().take(60).collect::<String>(),
        });
    }
    let conditions: Vec<String> = key
        .to
        .iter()
        .enumerate()
        .map(|(n, to)| format!("{} = ?{}", quoted(to), n + 1))
        .collect();
    let sql = format!(
        "SELECT 1 FROM {} WHERE {}",
        quoted(&key.parent),
        conditions.join(" AND ")
    );
    let mut stmt = executor.conn.prepare(&sql).map_err(sqlite_error::map)?;
    let there = stmt
        .exists(params_from_iter(values))
        .map_err(sqlite_error::map)?;
    Ok((!there).then(|| shown.join(", ")))
}

/// Whether rows refer to those that the write deletes or changes.
fn has_children(executor: &Executor<'_>, key: &ForeignKey, write: &Write) -> Result<bool> {
    let filter = match write {
        Write::Insert(_) => return Ok(false),
        Write::Update(update) => update.filter.clone(),
        Write::Delete(delete) => delete.filter.clone(),
        Write::UpdateOrInsert(write) => {
            let keys = write.each.iter().map(|either| either.keys.clone());
            Some(Expr::Or(keys.collect()))
        }
        Write::UpdateEach(each) => {
            let filters = each.changes.iter().map(|change| change.filter.clone());
            Some(Expr::Or(filters.collect()))
        }
    };
    let select = Select {
        table: key.parent.clone(),
        columns: Some(key.to.clone()),
        filter,
        ..Select::default()
    };
    let read = Read::Select(select);
    let compiled = compile::compile_read(&read, &executor.catalog.get())?;
    let from: Vec<String> = key.from.iter().map(|name| quoted(name)).collect();
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {} WHERE ({}) IN ({}))",
        quoted(&key.child),
        from.join(", "),
        compiled.sql
    );
    let mut stmt = executor.conn.prepare(&sql).map_err(sqlite_error::map)?;
    compile::bind(&mut stmt, &compiled.params)?;
    let mut rows = stmt.raw_query();
    let row = rows.next().map_err(sqlite_error::map)?;
    row.map_or(Ok(false), |row| row.get(0).map_err(sqlite_error::map))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
