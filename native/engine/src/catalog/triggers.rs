//! What the triggers of a database do, as far as their texts show.

use std::collections::HashSet;

use rusqlite::Connection;

use super::schema_text::text;
use crate::catalog::is_journal_trigger;
use crate::sqlite::tokens::tokens;

/// The tables of triggers, in lower case: a trigger names its table as it was written there.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    /// Those at whose writes something happens.
    pub(super) on: HashSet<String>,
    /// Those that a trigger may write to.
    pub(super) into: HashSet<String>,
    /// Those that are journaled. The triggers of journals leave all rows as they are.
    pub(super) journaled: HashSet<String>,
}

impl Triggers {
    /// Reads them.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Triggers> {
        let mut triggers = Triggers::default();
        let mut stmt =
            conn.prepare("SELECT tbl_name, sql FROM sqlite_schema WHERE type = 'trigger'")?;
        let mut rows = stmt.query([])?;
        while let Some(row) = rows.next()? {
            let (table, sql) = (text(row, 0)?.to_ascii_lowercase(), text(row, 1)?);
            if is_journal_trigger(&sql).is_some() {
                triggers.journaled.insert(table);
            } else {
                triggers.on.insert(table);
                triggers.into.extend(written(&sql));
            }
        }
        Ok(triggers)
    }
}

/// The tables behind the words INTO and UPDATE. What they are in the head of a trigger (`AFTER
/// UPDATE OF a ON t`) names no table by chance only.
fn written(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    let names = |(at, word): (usize, &String)| {
        let word = word.to_ascii_lowercase();
        let mut behind = tokens.get(at + 1..).unwrap_or_default();
        if word == "update" && is(behind.first(), "or") {
            behind = behind.get(2..).unwrap_or_default();
        }
        (word == "into" || word == "update")
            .then(|| behind.first().map(|name| name.to_ascii_lowercase()))
            .flatten()
    };
    tokens.iter().enumerate().filter_map(names).collect()
}

fn is(token: Option<&String>, word: &str) -> bool {
    token.is_some_and(|token| token.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_a_trigger_writes_to_are_found() {
        for (sql, wanted) in [
            ("CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO log VALUES (1); END", "log"),
            ("CREATE TRIGGER a AFTER UPDATE OF x ON t BEGIN UPDATE OR IGNORE \"Log\" SET x = 1; END", "log"),
            ("CREATE TRIGGER a DELETE ON t BEGIN REPLACE INTO log VALUES (1); END", "log"),
        ] {
            assert!(written(sql).contains(&wanted.to_owned()), "{sql}");
            assert!(!written(sql).contains(&"t".to_owned()), "{sql}");
        }
    }
}
