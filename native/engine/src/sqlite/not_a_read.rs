//! The error for a statement that is not to read, given where only reads are run.

use crate::error::{Code, Error};

/// What a statement that begins with one of these words does, and what to use instead.
const STATEMENTS: &[(&[&str], &str)] = &[
    (&["INSERT"], "writes: use insert, insert_all or execute"),
    (&["REPLACE"], "writes: use upsert or execute"),
    (&["UPDATE"], "writes: use update, update_all or execute"),
    (&["DELETE"], "writes: use delete, delete_all or execute"),
    (
        &["CREATE", "ALTER", "DROP", "REINDEX", "ANALYZE"],
        "changes the schema or what belongs to it: write a migration",
    ),
    (&["VACUUM"], "rewrites the file: use vacuum"),
    (
        &["ATTACH", "DETACH"],
        "is for another file: a repo has one, so start another repo for that",
    ),
    (
        &["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"],
        "is a part of a transaction: use transaction, savepoint or rollback",
    ),
    (
        &["PRAGMA"],
        "does more than report: what holds for a connection is an option of the repo, and a migration may set what is kept in the file",
    ),
];

/// The words that rows are written with.
const WRITES: &[&str] = &["INSERT", "REPLACE", "UPDATE", "DELETE"];

/// The error for a statement that is not to write rows, by its first word, given where only such
/// are run. None where that does not say.
pub fn not_a_write(sql: &str) -> Option<Error> {
    let (words, _) = words(sql);
    let first = words.first()?;
    if WRITES.contains(&first.as_str()) {
        return None;
    }
    if first == "EXPLAIN" {
        let message = "execute is for SQL that writes, and this EXPLAIN only reports: use query";
        return Some(Error::new(Code::NotAllowed, message));
    }
    let (_, does) = STATEMENTS
        .iter()
        .find(|(names, _)| names.contains(&first.as_str()))?;
    let message = format!("execute only writes rows, and this {first} {does}");
    Some(Error::new(Code::NotAllowed, message))
}

/// Says what the statement does and what does that here. None where its words do not show it.
pub fn refused(sql: &str) -> Option<Error> {
    let (words, another) = words(sql);
    let explained = ["EXPLAIN", "QUERY", "PLAN"];
    let first = words
        .iter()
        .find(|word| !explained.contains(&word.as_str()))?;
    if first == "SELECT" || first == "VALUES" {
        return another.then(|| Error::new(Code::NotAllowed, "give one SQL statement at a time"));
    }
    let (word, does) = words.iter().find_map(|word| {
        STATEMENTS
            .iter()
            .find(|(names, _)| names.contains(&word.as_str()))
            .map(|(_, does)| (word, *does))
    })?;
    let message = format!("query only reads, and this {word} {does}");
    Some(Error::new(Code::NotAllowed, message))
}

/// The words of the first statement in capitals, without what stands in quotes and comments, and
/// whether another statement follows.
fn words(sql: &str) -> (Vec<String>, bool) {
    let mut found = Vec::new();
    let mut ended = false;
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' | '"' | '`' => closing(rest, first),
            '[' => closing(rest, ']'),
            ';' => {
                ended = true;
                1
            }
            _ if first.is_alphabetic() || first == '_' => {
                if ended {
                    return (found, true);
                }
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
                found.push(rest.get(..end).unwrap_or_default().to_ascii_uppercase());
                end
            }
            _ => first.len_utf8(),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    (found, false)
}

/// The length of what stands in quotes; a quote that is doubled begins the next.
fn closing(text: &str, quote: char) -> usize {
    text.char_indices()
        .skip(1)
        .find(|(_, c)| *c == quote)
        .map_or(text.len(), |(at, c)| at + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_is_named_with_what_does_that_here() {
        for (sql, expected) in [
            (
                "UPDATE rooms SET hidden = 1",
                "this UPDATE writes: use update, update_all or execute",
            ),
            (
                "  -- all\n/* of them */ delete FROM rooms",
                "this DELETE writes: use delete",
            ),
            (
                "WITH a AS (SELECT 'INSERT') UPDATE rooms SET b = 1",
                "this UPDATE writes",
            ),
            (
                "WITH \"delete\" AS (SELECT 1) INSERT INTO a SELECT 1",
                "this INSERT writes",
            ),
            ("REPLACE INTO rooms VALUES (1)", "use upsert"),
            ("ALTER TABLE rooms ADD a", "write a migration"),
            ("attach 'x' as y", "start another repo"),
            ("COMMIT", "use transaction"),
            ("PRAGMA journal_mode = DELETE", "an option of the repo"),
            ("EXPLAIN UPDATE rooms SET a = 1", "this UPDATE writes"),
            ("VACUUM INTO 'x'", "use vacuum"),
            ("SELECT 1; DELETE FROM rooms", "one SQL statement at a time"),
        ] {
            let error = refused(sql).unwrap();
            assert!(
                error.message().contains(expected),
                "{sql}: {}",
                error.message()
            );
        }
    }

    #[test]
    fn a_statement_that_reads_is_not_said_to_write() {
        for sql in [
            "SELECT load_extension('UPDATE')",
            "SELECT replace(a, 'b', 'c') FROM d",
            "EXPLAIN QUERY PLAN SELECT replace(a, 'b', 'c')",
            "SELECT ';' -- ; DELETE",
            "",
            "'unclosed",
        ] {
            assert!(refused(sql).is_none(), "{sql}");
        }
    }
}
