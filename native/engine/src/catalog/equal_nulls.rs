//! The columns that a unique index has as `ifnull(c, 0)`, so that nulls in it are equal.

use std::collections::HashSet;

use rusqlite::Connection;

use super::schema_text::text;
use crate::sqlite::tokens::tokens;

/// Pairs of table and column, in lower case.
pub(super) type EqualNulls = HashSet<(String, String)>;

/// Reads them.
pub(super) fn load(conn: &Connection) -> rusqlite::Result<EqualNulls> {
    let mut stmt = conn.prepare(
        "SELECT tbl_name, sql FROM main.sqlite_schema \
         WHERE type = 'index' AND sql LIKE '%ifnull%'",
    )?;
    let mut rows = stmt.query([])?;
    let mut found = EqualNulls::new();
    while let Some(row) = rows.next()? {
        let table = text(row, 0)?.to_ascii_lowercase();
        let columns = columns(&text(row, 1)?);
        found.extend(columns.into_iter().map(|column| (table.clone(), column)));
    }
    Ok(found)
}

fn columns(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    let column = |window: &[String]| match window {
        [ifnull, open, column, comma, zero, close]
            if [ifnull, open, comma, zero, close] == ["ifnull", "(", ",", "0", ")"] =>
        {
            Some(column.clone())
        }
        _ => None,
    };
    tokens.windows(6).filter_map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_whose_nulls_an_index_takes_for_equal_are_found() {
        for (sql, wanted) in [
            (
                "CREATE UNIQUE INDEX i ON t (\"a\", ifnull(\"B c\", 0) COLLATE NOCASE, \"B c\" IS NULL)",
                vec!["b c"],
            ),
            ("create unique index i on t(IFNULL(a,0), a is null, ifnull(b , 0))", vec!["a", "b"]),
            ("CREATE INDEX i ON t (ifnull(a, 1), ifnull(lower(a), 0), a)", vec![]),
        ] {
            assert_eq!(columns(sql), wanted, "{sql}");
        }
    }
}
