//! Texts of `sqlite_schema`.

use rusqlite::Row;

/// A text of the schema. Another program may have written names that are not UTF-8.
pub(super) fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    let stored = row.get_ref(at)?;
    Ok(stored
        .as_bytes_or_null()?
        .map_or_else(String::new, |bytes| {
            String::from_utf8_lossy(bytes).into_owned()
        }))
}
