//! The SQL of one part of a migration file, and where its lines and statements begin.

/// The SQL of one part of a file.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) sql: String,
    /// The line of the file where it begins.
    pub(super) line: usize,
}

impl Script {
    pub(super) fn line_at(&self, offset: usize) -> usize {
        let before = self
            .sql
            .as_bytes()
            .get(..offset)
            .unwrap_or(self.sql.as_bytes());
        self.line + before.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn from(&self, offset: usize) -> &str {
        self.sql.get(offset..).unwrap_or_default()
    }
}

/// Whether a text is nothing but comments and white space.
pub(super) fn is_comment(text: &str) -> bool {
    filler(text, false) == text.len()
}

/// How many bytes of white space and comments a text begins with, as SQLite's tokenizer
/// sees them; also of empty statements if `semicolons`.
pub(super) fn filler(text: &str, semicolons: bool) -> usize {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches(|c| {
            matches!(c, ' ' | '\t' | '\n' | '\x0c' | '\r' | '\u{feff}') || (semicolons && c == ';')
        });
        rest = if let Some(comment) = trimmed.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some((_, after)) = trimmed
            .strip_prefix("/*")
            .and_then(|comment| comment.split_once("*/"))
        {
            after
        } else {
            return text.len() - trimmed.len();
        };
    }
}
