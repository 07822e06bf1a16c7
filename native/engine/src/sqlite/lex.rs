//! The tokens of an SQL text with their places in it. SQLite has read the text already, so nothing
//! here refuses one.

/// A name in SQL.
pub(crate) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether two names are the same to SQLite.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// A token. Blanks and comments are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The first byte.
    pub(crate) start: usize,
    /// The byte behind the last one.
    pub(crate) end: usize,
    /// What it is for comparisons: words and names in lower case and without quotes, strings as
    /// they are.
    pub(crate) text: String,
    /// Whether it is a name in quotes, and so never a keyword.
    pub(crate) quoted: bool,
}

impl Token {
    /// Whether it is this keyword or character, given in lower case.
    pub(crate) fn is(&self, word: &str) -> bool {
        !self.quoted && self.text == word
    }
}

/// The tokens of a text.
pub(crate) fn lex(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(rest) = sql.get(start..).filter(|rest| !rest.is_empty()) {
        let (length, token) = next(rest);
        if let Some((text, quoted)) = token {
            let end = start + length;
            tokens.push(Token {
                start,
                end,
                text,
                quoted,
            });
        }
        start += length.max(1);
    }
    tokens
}

/// The length of what a text begins with, and what it is if it is a token.
fn next(rest: &str) -> (usize, Option<(String, bool)>) {
    let Some(first) = rest.chars().next() else {
        return (0, None);
    };
    match first {
        _ if first.is_whitespace() || first == '\u{feff}' => (first.len_utf8(), None),
        '-' if rest.starts_with("--") => (rest.find('\n').unwrap_or(rest.len()), None),
        '/' if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), None),
        '\'' => {
            let length = quoted(rest, '\'').unwrap_or(rest.len());
            let text = rest.get(..length).unwrap_or_default().to_owned();
            (length, Some((text, false)))
        }
        '"' | '`' | '[' => {
            let close = if first == '[' { ']' } else { first };
            let length = quoted(rest, close).unwrap_or(rest.len());
            let name = unquoted(rest.get(..length).unwrap_or_default());
            (length, Some((name.to_ascii_lowercase(), true)))
        }
        _ if is_word(first) => {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let word = rest.get(..length).unwrap_or_default();
            (length, Some((word.to_ascii_lowercase(), false)))
        }
        _ => (first.len_utf8(), Some((first.to_string(), false))),
    }
}

/// SQLite's own idea of a word: every character beyond ASCII belongs to one.
pub(crate) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length of a quoted text that `text` begins with, or `None` where it does not end. A doubled
/// quote is one of its characters.
pub(crate) fn quoted(text: &str, close: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != close {
            continue;
        }
        match characters.peek() {
            Some((_, next)) if *next == close && close != ']' => {
                characters.next();
            }
            _ => return Some(at + close.len_utf8()),
        }
    }
    None
}

/// The name that a token is, as it was written.
pub(crate) fn name_of(sql: &str, token: &Token) -> String {
    unquoted(sql.get(token.start..token.end).unwrap_or_default())
}

fn unquoted(text: &str) -> String {
    let mut characters = text.chars();
    let close = match characters.next() {
        Some('[') => ']',
        Some(quote @ ('"' | '`' | '\'')) => quote,
        _ => return text.to_owned(),
    };
    let inner = text
        .get(1..text.len().saturating_sub(1))
        .unwrap_or_default();
    inner.replace(&format!("{close}{close}"), &close.to_string())
}

/// A name in SQL, in quotes only where it needs them.
pub(crate) fn name(name: &str) -> String {
    let plain = name
        .bytes()
        .enumerate()
        .all(|(at, b)| b == b'_' || b.is_ascii_alphabetic() || (at > 0 && b.is_ascii_digit()));
    if plain && !name.is_empty() && !is_keyword(name) {
        name.to_owned()
    } else {
        quoted_name(name)
    }
}

/// A string in SQL.
pub(crate) fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether SQLite knows the word as a keyword (<https://sqlite.org/lang_keywords.html>).
fn is_keyword(word: &str) -> bool {
    let Ok(length) = i32::try_from(word.len()) else {
        return false;
    };
    // SAFETY: SQLite reads `length` bytes from the pointer, which are there.
    unsafe { rusqlite::ffi::sqlite3_keyword_check(word.as_ptr().cast(), length) != 0 }
}

/// The text with its names in quotes only where they need them.
pub(crate) fn readable(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut at = 0;
    for token in lex(sql).iter().filter(|token| token.quoted) {
        text.push_str(sql.get(at..token.start).unwrap_or_default());
        text.push_str(&name(&name_of(sql, token)));
        at = token.end;
    }
    text.push_str(sql.get(at..).unwrap_or_default());
    text
}

/// The place behind the parenthesis that closes the one at `open`, or the end.
pub(crate) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is("(") {
            depth += 1;
        } else if token.is(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        let given =
            "CREATE TABLE \"rooms\" (\"order\" TEXT, [a b] INT, `x` DEFAULT '\"y\"', \"1a\")";
        let wanted = "CREATE TABLE rooms (\"order\" TEXT, \"a b\" INT, x DEFAULT '\"y\"', \"1a\")";
        assert_eq!(readable(given), wanted);
    }

    #[test]
    fn tokens_know_their_places() {
        let sql = "a -- b\n 'c''d' /* e */ \"F\"\"g\"";
        let tokens = lex(sql);
        let found: Vec<&str> = tokens.iter().map(|t| &sql[t.start..t.end]).collect();
        assert_eq!(found, ["a", "'c''d'", "\"F\"\"g\""]);
        assert_eq!(name_of(sql, &tokens[2]), "F\"g");
    }
}
