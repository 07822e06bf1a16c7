//! Whether a database is sound: its pages, its indexes and its foreign keys.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::error::{Code, Result};
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;

/// A row that refers to one that is not there.
pub(crate) struct Orphan {
    /// The table of the row.
    pub(crate) table: String,
    /// The row's id; `None` in a table WITHOUT ROWID.
    rowid: Option<i64>,
    /// The table that it refers to.
    parent: String,
}

impl Orphan {
    /// One line for a person.
    pub(crate) fn describe(&self) -> String {
        let Orphan { table, parent, .. } = self;
        match self.rowid {
            Some(rowid) => format!("{table} row {rowid}: no such row in {parent}"),
            None => format!("{table}: a row refers to a row that is not in {parent}"),
        }
    }
}

/// The first `limit` rows that break a foreign key.
pub(crate) fn orphans(conn: &Connection, limit: usize) -> rusqlite::Result<Vec<Orphan>> {
    first_orphans(conn, "PRAGMA foreign_key_check", limit)
}

fn first_orphans(conn: &Connection, sql: &str, limit: usize) -> rusqlite::Result<Vec<Orphan>> {
    let mut statement = conn.prepare(sql)?;
    let found = statement.query_map([], |row| {
        Ok(Orphan {
            table: row.get(0)?,
            rowid: row.get(1)?,
            parent: row.get(2)?,
        })
    })?;
    found.take(limit).collect()
}

/// The first `limit` rows that break a foreign key of one of these tables, or one that refers to
/// them. Names may be of tables that are not there.
pub(crate) fn orphans_about(
    conn: &Connection,
    tables: &[String],
    limit: usize,
) -> rusqlite::Result<Vec<Orphan>> {
    let mut statement = conn.prepare(
        "SELECT s.name FROM main.sqlite_schema AS s JOIN pragma_foreign_key_list(s.name, 'main') AS f \
         WHERE s.type = 'table' AND (s.name = ?1 COLLATE NOCASE OR f.\"table\" = ?1 COLLATE NOCASE) \
         GROUP BY s.name",
    )?;
    let mut children: BTreeSet<String> = BTreeSet::new();
    for table in tables {
        let names = statement.query_map([table], |row| row.get(0))?;
        children.extend(names.collect::<rusqlite::Result<Vec<String>>>()?);
    }
    let mut found = Vec::new();
    for child in children {
        let sql = format!("PRAGMA foreign_key_check({})", quoted_name(&child));
        found.extend(first_orphans(
            conn,
            &sql,
            limit.saturating_sub(found.len()),
        )?);
    }
    Ok(found)
}

/// What is wrong with the database, at most `limit` lines; empty when it is sound. `quick`
/// leaves out whether indexes agree with their tables
/// (<https://sqlite.org/pragma.html#pragma_integrity_check>).
pub fn integrity_check(conn: &Connection, quick: bool, limit: u32) -> Result<Vec<String>> {
    let limit = limit.max(1);
    let mut problems = page_problems(conn, quick, limit)?;
    let room = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_sub(problems.len());
    if room == 0 {
        return Ok(problems);
    }
    match orphans(conn, room) {
        Ok(orphans) => problems.extend(orphans.iter().map(Orphan::describe)),
        Err(error) => {
            let text = error.to_string();
            let error = sqlite_error::map(error);
            match error.code() {
                Code::Corrupt if problems.is_empty() => problems.push(error.message().to_owned()),
                Code::Corrupt => {}
                // "foreign key mismatch": a key that no parent row can ever satisfy.
                Code::SqlSyntax => problems.push(text),
                _ => return Err(error),
            }
        }
    }
    Ok(problems)
}

/// What is wrong with the pages and, unless `quick`, the indexes.
pub(crate) fn page_problems(conn: &Connection, quick: bool, limit: u32) -> Result<Vec<String>> {
    let pragma = if quick {
        "quick_check"
    } else {
        "integrity_check"
    };
    let check = || -> rusqlite::Result<Vec<String>> {
        let mut statement = conn.prepare(&format!("PRAGMA {pragma}({limit})"))?;
        let lines = statement.query_map([], |row| row.get(0))?;
        lines.collect()
    };
    match check().map_err(sqlite_error::map) {
        Ok(rows) => Ok(findings(&rows, limit)),
        // Too damaged to be walked: that is the finding.
        Err(error) if error.code() == Code::Corrupt => Ok(vec![error.message().to_owned()]),
        Err(error) => Err(error),
    }
}

/// SQLite gives all that it finds of a kind as one text, below a line with the schema's name.
fn findings(rows: &[String], limit: u32) -> Vec<String> {
    let lines = rows.iter().flat_map(|row| row.lines());
    lines
        .filter(|line| *line != "ok" && !line.starts_with("*** in database"))
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_and_they_are_as_many_as_asked_for() {
        let rows = [
            "*** in database main ***\nTree 2 page 4: a\nTree 2 page 5: b".to_owned(),
            "row 1 missing from index i".to_owned(),
        ];
        let all = [
            "Tree 2 page 4: a",
            "Tree 2 page 5: b",
            "row 1 missing from index i",
        ];
        assert_eq!(findings(&rows, 100), all);
        assert_eq!(findings(&rows, 2), all.get(..2).unwrap_or_default());
        assert_eq!(findings(&["ok".to_owned()], 5), [""; 0]);
    }
}
