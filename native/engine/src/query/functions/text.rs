//! Functions of texts, as Elixir's String has them.

use std::cmp::Ordering;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};
use serde::de::IgnoredAny;
use unicode_segmentation::UnicodeSegmentation;

use super::{kind, like, refused};

pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    conn.create_collation(c"ash_rusqlite_ci", compare_lower)?;
    conn.create_scalar_function(c"ash_rusqlite_text", 1, flags, |ctx| {
        of_one(ctx, |text| Ok(Stored::Text(text.to_owned())))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_string_length", 1, flags, |ctx| {
        of_one(ctx, |text| Ok(count(text.graphemes(true).count())))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_downcase", 1, flags, |ctx| {
        of_one(ctx, |text| Ok(Stored::Text(lower(text).collect())))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_upcase", 1, flags, |ctx| {
        of_one(ctx, |text| {
            Ok(Stored::Text(
                text.chars().flat_map(char::to_uppercase).collect(),
            ))
        })
    })?;
    conn.create_scalar_function(c"ash_rusqlite_trim", 1, flags, |ctx| {
        of_one(ctx, |text| Ok(Stored::Text(text.trim().to_owned())))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_contains", 2, flags, |ctx| {
        of_two(ctx, |text, part| Ok(text.contains(part)))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_starts_with", 2, flags, |ctx| {
        of_two(ctx, |text, part| Ok(text.starts_with(part)))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_ends_with", 2, flags, |ctx| {
        of_two(ctx, |text, part| Ok(text.ends_with(part)))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_like", 2, flags, |ctx| {
        of_two(ctx, like::ascii)
    })?;
    conn.create_scalar_function(c"ash_rusqlite_ilike", 2, flags, |ctx| {
        of_two(ctx, like::unicode)
    })?;
    conn.create_scalar_function(c"ash_rusqlite_like_exact", 2, flags, |ctx| {
        of_two(ctx, |text, pattern| like::exact(text, pattern, None))
    })?;
    conn.create_scalar_function(c"ash_rusqlite_like_ascii", 2, flags, |ctx| {
        of_two(ctx, like::plain_ascii)
    })?;
    // SQLite calls a function of this name for its operator REGEXP, which it leaves to programs. It
    // is the LIKE of fragments that tell case apart: see `compile::fragment`.
    conn.create_scalar_function(c"regexp", 2, flags, |ctx| exact_like(ctx, None))?;
    conn.create_scalar_function(c"regexp", 3, flags, |ctx| {
        let escape = as_text(ctx, 2)?;
        let mut characters = escape.iter().flat_map(|escape| escape.chars());
        match (characters.next(), characters.next()) {
            (None, _) if escape.is_none() => Ok(None),
            (Some(escape), None) => exact_like(ctx, Some(escape)),
            _ => Err(refused(
                "what stands behind ESCAPE is one character".to_owned(),
            )),
        }
    })?;
    conn.create_scalar_function(c"ash_rusqlite_length", 1, flags, |ctx| {
        of_one(ctx, json_length)
    })?;
    conn.create_scalar_function(c"ash_rusqlite_to_text", 1, flags, |ctx| {
        match ctx.get_raw(0) {
            ValueRef::Integer(number) => Ok(Stored::Text(number.to_string())),
            _ => of_one(ctx, |text| Ok(Stored::Text(text.to_owned()))),
        }
    })
}

/// Each character in lower case by itself: no sigma is a final one, as in Elixir's default.
pub(crate) fn lower(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// By the bytes of the texts in lower case.
fn compare_lower(left: &str, right: &str) -> Ordering {
    // UTF-8 has the order of its characters.
    lower(left).cmp(lower(right))
}

fn count(length: usize) -> Stored {
    Stored::Integer(i64::try_from(length).unwrap_or(i64::MAX))
}

/// An argument; `None` is null.
fn text<'a>(ctx: &'a Context<'_>, at: usize) -> Result<Option<&'a str>> {
    match ctx.get_raw(at) {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(refused("a stored text is not UTF-8".to_owned())),
        },
        other => Err(refused(format!("{} is no text", kind(other)))),
    }
}

/// `pattern, text` as SQLite gives the operands of an operator, numbers as their digits. A blob is
/// like nothing.
fn exact_like(ctx: &Context<'_>, escape: Option<char>) -> Result<Option<bool>> {
    if (0..2).any(|at| matches!(ctx.get_raw(at), ValueRef::Blob(_))) {
        return Ok(Some(false));
    }
    match (as_text(ctx, 1)?, as_text(ctx, 0)?) {
        (Some(text), Some(pattern)) => like::exact(&text, &pattern, escape).map(Some),
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

fn of_one(ctx: &Context<'_>, function: impl Fn(&str) -> Result<Stored>) -> Result<Stored> {
    text(ctx, 0)?.map_or(Ok(Stored::Null), function)
}

fn of_two(
    ctx: &Context<'_>,
    function: impl Fn(&str, &str) -> Result<bool>,
) -> Result<Option<bool>> {
    let (left, right) = (text(ctx, 0)?, text(ctx, 1)?);
    left.zip(right)
        .map(|(left, right)| function(left, right))
        .transpose()
}

fn json_length(text: &str) -> Result<Stored> {
    match serde_json::from_str::<Vec<IgnoredAny>>(text) {
        Ok(list) => Ok(count(list.len())),
        Err(_) => Err(refused(
            "only a list that is stored as JSON has a length here".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fail, open, value};
    use super::*;

    fn texts(cases: &[(&str, &str)]) {
        let conn = open();
        for (sql, wanted) in cases {
            let wanted = Stored::Text((*wanted).to_owned());
            assert_eq!(
                value(&conn, &format!("ash_rusqlite_{sql}")),
                wanted,
                "{sql}"
            );
        }
    }

    fn numbers(cases: &[(&str, i64)]) {
        let conn = open();
        for (sql, wanted) in cases {
            let found = value(&conn, &format!("ash_rusqlite_{sql}"));
            assert_eq!(found, Stored::Integer(*wanted), "{sql}");
        }
    }

    #[test]
    fn case_is_mapped_character_by_character() {
        texts(&[
            ("downcase('ÄBC ΣΑΣ')", "äbc σασ"),
            ("downcase('İ')", "i\u{307}"),
            ("upcase('straße ŉ')", "STRASSE ʼN"),
            ("trim('\u{a0}\u{2003} a b \t\n\u{3000}')", "a b"),
            ("to_text(-12)", "-12"),
            ("to_text('12')", "12"),
        ]);
        numbers(&[
            ("string_length('e\u{301}🇩🇪👨‍👩‍👧')", 3),
            ("string_length('')", 0),
            ("string_length('a\r\nb')", 3),
            ("length('[]')", 0),
            ("length('[1, [2, 3], {\"a\": []}]')", 3),
        ]);
    }

    #[test]
    fn parts_are_found_by_bytes() {
        numbers(&[
            ("contains('abc', 'bc')", 1),
            ("contains('abc', 'BC')", 0),
            ("contains('abc', '')", 1),
            ("contains('', '')", 1),
            ("starts_with('abc', 'ab')", 1),
            ("starts_with('abc', 'b')", 0),
            ("ends_with('abc', 'bc')", 1),
            ("ends_with('abc', 'b')", 0),
        ]);
    }

    #[test]
    fn null_gives_null_and_no_text_an_error() {
        let conn = open();
        for sql in ["downcase(NULL)", "contains('a', NULL)", "length(NULL)"] {
            assert_eq!(value(&conn, &format!("ash_rusqlite_{sql}")), Stored::Null);
        }
        for sql in [
            "downcase(1)",
            "text(1.5)",
            "contains('1', 1)",
            "string_length(x'00')",
            "length('{}')",
            "length('[1')",
            "length(x'836a')",
            "to_text(1.5)",
        ] {
            fail(&conn, &format!("ash_rusqlite_{sql}"));
        }
    }

    #[test]
    fn the_collation_knows_every_letter() {
        let conn = open();
        for (sql, wanted) in [
            ("('ÄBC' COLLATE ash_rusqlite_ci = 'äbc')", 1),
            ("('straße' COLLATE ash_rusqlite_ci = 'STRASSE')", 0),
            ("('B' COLLATE ash_rusqlite_ci > 'a')", 1),
            ("('Σ' COLLATE ash_rusqlite_ci = 'σ')", 1),
        ] {
            assert_eq!(value(&conn, sql), Stored::Integer(wanted), "{sql}");
        }
    }
}
