//! Functions of texts, as Elixir's String has them.

use std::cmp::Ordering;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Result};
use serde::de::IgnoredAny;
use unicode_segmentation::UnicodeSegmentation;

use super::argument::{of_one, of_two, refused};

pub(super) fn register(conn: &Connection, flags: FunctionFlags) -> Result<()> {
    conn.create_collation(c"ash_rusqlite_ci", compare_lower)?;
    conn.create_scalar_function(c"ash_rusqlite_text", 1, flags, |ctx| {
        of_one(ctx, |text| Ok(Stored::Text(text.to_owned())))
    })
}

pub(in crate::query) fn string_length(ctx: &Context<'_>) -> Result<Stored> {
    of_one(ctx, |text| Ok(count(text.graphemes(true).count())))
}

pub(in crate::query) fn downcase(ctx: &Context<'_>) -> Result<Stored> {
    of_one(ctx, |text| Ok(Stored::Text(lower(text).collect())))
}

pub(in crate::query) fn upcase(ctx: &Context<'_>) -> Result<Stored> {
    of_one(ctx, |text| {
        let upper = text.chars().flat_map(char::to_uppercase);
        Ok(Stored::Text(upper.collect()))
    })
}

pub(in crate::query) fn trim(ctx: &Context<'_>) -> Result<Stored> {
    of_one(ctx, |text| Ok(Stored::Text(text.trim().to_owned())))
}

pub(in crate::query) fn contains(ctx: &Context<'_>) -> Result<Stored> {
    of_two(ctx, |text, part| Ok(text.contains(part)))
}

pub(in crate::query) fn starts_with(ctx: &Context<'_>) -> Result<Stored> {
    of_two(ctx, |text, part| Ok(text.starts_with(part)))
}

pub(in crate::query) fn ends_with(ctx: &Context<'_>) -> Result<Stored> {
    of_two(ctx, |text, part| Ok(text.ends_with(part)))
}

/// The length of a list that is stored as JSON.
pub(in crate::query) fn json_length(ctx: &Context<'_>) -> Result<Stored> {
    of_one(ctx, |text| {
        match serde_json::from_str::<Vec<IgnoredAny>>(text) {
            Ok(list) => Ok(count(list.len())),
            Err(_) => Err(refused(
                "only a list that is stored as JSON has a length here".to_owned(),
            )),
        }
    })
}

/// An integer as its digits.
pub(in crate::query) fn to_text(ctx: &Context<'_>) -> Result<Stored> {
    match ctx.get_raw(0) {
        ValueRef::Integer(number) => Ok(Stored::Text(number.to_string())),
        _ => of_one(ctx, |text| Ok(Stored::Text(text.to_owned()))),
    }
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
