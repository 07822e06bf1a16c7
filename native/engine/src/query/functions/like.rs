//! LIKE without recursion: `%` any text, `_` one character, and where it is asked for a character
//! that escapes.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};

use super::argument::{of_two, refused, text};
use super::text::lower;

/// SQLite's limit of the length of a pattern (SQLITE_MAX_LIKE_PATTERN_LENGTH).
pub(in crate::query) const MAX_PATTERN: usize = 50_000;

pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    // SQLite calls a function of this name for its operator REGEXP, which it leaves to programs. It
    // is the LIKE of case-sensitive fragments: see `compile::fragment`.
    conn.create_scalar_function(c"regexp", 2, flags, |ctx| exact_operands(ctx, None))?;
    conn.create_scalar_function(c"regexp", 3, flags, |ctx| {
        let escape = as_text(ctx, 2)?;
        let mut characters = escape.iter().flat_map(|escape| escape.chars());
        match (characters.next(), characters.next()) {
            (None, _) if escape.is_none() => Ok(None),
            (Some(escape), None) => exact_operands(ctx, Some(escape)),
            _ => Err(refused(
                "what stands behind ESCAPE is one character".to_owned(),
            )),
        }
    })
}

pub(in crate::query) fn like(ctx: &Context<'_>) -> Result<Stored> {
    of_two(ctx, ascii)
}

pub(in crate::query) fn ilike(ctx: &Context<'_>) -> Result<Stored> {
    of_two(ctx, unicode)
}

pub(in crate::query) fn like_exact(ctx: &Context<'_>) -> Result<Stored> {
    of_two(ctx, |text, pattern| exact(text, pattern, None))
}

pub(in crate::query) fn like_ascii(ctx: &Context<'_>) -> Result<Stored> {
    of_two(ctx, plain_ascii)
}

/// `pattern, text` as SQLite gives the operands of an operator, numbers as their digits. A blob is
/// like nothing.
fn exact_operands(ctx: &Context<'_>, escape: Option<char>) -> Result<Option<bool>> {
    if (0..2).any(|at| matches!(ctx.get_raw(at), ValueRef::Blob(_))) {
        return Ok(Some(false));
    }
    match (as_text(ctx, 1)?, as_text(ctx, 0)?) {
        (Some(text), Some(pattern)) => exact(&text, &pattern, escape).map(Some),
        _ => Ok(None),
    }
}

fn as_text(ctx: &Context<'_>, at: usize) -> Result<Option<String>> {
    Ok(match ctx.get_raw(at) {
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(format!("{number:?}")),
        _ => text(ctx, at)?.map(str::to_owned),
    })
}

/// Whether a text is like a pattern; ASCII letters match in either case, as SQLite's LIKE.
fn ascii(text: &str, pattern: &str) -> Result<bool> {
    folded(text, pattern, Some('\\'), |c| c.to_ascii_lowercase())
}

/// Whether a text is like a pattern, of which nothing escapes; ASCII letters match in either case.
fn plain_ascii(text: &str, pattern: &str) -> Result<bool> {
    folded(text, pattern, None, |c| c.to_ascii_lowercase())
}

/// Whether a text is like a pattern, of which `escape` escapes; letters match in their own case.
fn exact(text: &str, pattern: &str, escape: Option<char>) -> Result<bool> {
    folded(text, pattern, escape, |c| c)
}

fn folded(
    text: &str,
    pattern: &str,
    escape: Option<char>,
    fold: impl Fn(char) -> char,
) -> Result<bool> {
    let pattern = parse(pattern, escape, |c| std::iter::once(fold(c)))?;
    let text: Vec<char> = text.chars().map(&fold).collect();
    Ok(is_like(&text, pattern.as_deref()))
}

/// Whether a text is like a pattern; every letter matches in either case.
fn unicode(text: &str, pattern: &str) -> Result<bool> {
    let pattern = parse(pattern, Some('\\'), char::to_lowercase)?;
    let text: Vec<char> = lower(text).collect();
    Ok(is_like(&text, pattern.as_deref()))
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Any,
    One,
    Exactly(char),
}

/// `None` matches nothing: the pattern ends in an escape.
fn parse<I: Iterator<Item = char>>(
    pattern: &str,
    escape: Option<char>,
    fold: impl Fn(char) -> I,
) -> Result<Option<Vec<Part>>> {
    if pattern.len() > MAX_PATTERN {
        return Err(refused(format!(
            "a like pattern has at most {MAX_PATTERN} bytes"
        )));
    }
    let mut parts = Vec::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => match chars.next() {
                Some(c) => parts.extend(fold(c).map(Part::Exactly)),
                None => return Ok(None),
            },
            '%' if parts.last() == Some(&Part::Any) => {}
            '%' => parts.push(Part::Any),
            '_' => parts.push(Part::One),
            c => parts.extend(fold(c).map(Part::Exactly)),
        }
    }
    Ok(Some(parts))
}

/// Only the last `%` is ever gone back to: what an earlier one could take over, it can, too.
fn is_like(text: &[char], pattern: Option<&[Part]>) -> bool {
    let Some(pattern) = pattern else {
        return false;
    };
    let (mut at, mut part) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let matched = match (pattern.get(part), text.get(at)) {
            (None, None) => return true,
            (Some(Part::Any), _) => {
                back = Some((part + 1, at));
                part += 1;
                continue;
            }
            (Some(Part::One), Some(_)) => true,
            (Some(Part::Exactly(wanted)), Some(given)) => wanted == given,
            _ => false,
        };
        if matched {
            at += 1;
            part += 1;
            continue;
        }
        match back {
            Some((after, from)) if from < text.len() => {
                back = Some((after, from + 1));
                (part, at) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fail, open};
    use super::*;
    use proptest::prelude::*;

    fn sqlite(conn: &Connection, text: &str, pattern: &str) -> bool {
        let sql = "SELECT ?1 LIKE ?2 ESCAPE '\\'";
        conn.query_row(sql, [text, pattern], |row| row.get(0))
            .unwrap()
    }

    proptest! {
        #[test]
        fn like_is_that_of_sqlite(text in "[aAbä%_\\\\]{0,8}", pattern in "[aAbä%_\\\\]{0,8}") {
            let conn = Connection::open_in_memory().unwrap();
            prop_assert_eq!(ascii(&text, &pattern).unwrap(), sqlite(&conn, &text, &pattern));
        }

        #[test]
        fn exact_like_is_that_of_sqlite_with_its_pragma(
            text in "[aAbä%_\\\\!]{0,8}",
            pattern in "[aAbä%_\\\\!]{0,8}",
        ) {
            let conn = Connection::open_in_memory().unwrap();
            conn.execute_batch("PRAGMA case_sensitive_like = ON").unwrap();
            let like = |sql: &str| -> bool {
                conn.query_row(sql, [&text, &pattern], |row| row.get(0)).unwrap()
            };
            prop_assert_eq!(exact(&text, &pattern, None).unwrap(), like("SELECT ?1 LIKE ?2"));
            let escaped = exact(&text, &pattern, Some('!')).unwrap();
            prop_assert_eq!(escaped, like("SELECT ?1 LIKE ?2 ESCAPE '!'"));
            let lower = plain_ascii(&text, &pattern).unwrap();
            prop_assert_eq!(lower, like("SELECT lower(?1) LIKE lower(?2)"));
        }

        #[test]
        fn ilike_is_like_of_lower_case(text in "[aAbBäÄ%]{0,6}", pattern in "[aAbBäÄ%_]{0,6}") {
            let wanted = ascii(&text.to_lowercase(), &pattern.to_lowercase()).unwrap();
            prop_assert_eq!(unicode(&text, &pattern).unwrap(), wanted);
        }
    }

    #[test]
    fn a_long_pattern_is_refused() {
        let pattern = "a".repeat(MAX_PATTERN + 1);
        let message = fail(&open(), &format!("ash_rusqlite_ilike('a', '{pattern}')"));
        assert!(message.contains("50000"), "{message}");
    }

    #[test]
    fn many_wildcards_take_no_time() {
        let text = "a".repeat(5_000);
        assert!(!ascii(&text, &format!("{}b", "%a".repeat(2_000))).unwrap());
        assert!(!unicode(&text, &format!("{}b", "%a".repeat(2_000))).unwrap());
    }
}
