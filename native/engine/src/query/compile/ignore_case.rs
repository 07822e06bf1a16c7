//! Equality without regard to case, for indexes that know ASCII alone. Texts are equal when they are
//! in lower case, by all of Unicode; an index that every SQLite can read is NOCASE, which folds
//! ASCII. So the texts that are equal to one are listed as far as NOCASE distinguishes them.

use std::collections::HashMap;
use std::sync::OnceLock;

use rusqlite::types::{ToSqlOutput, Value as Stored};

use super::builder::Builder;
use super::compiled::Param;
use super::lists;
use crate::error::Result;
use crate::query::functions::lower;
use crate::query::ir::Scalar;
use crate::value::Value;

/// The most texts that are listed for one.
const MOST: usize = 16;

/// Writes, with ` AND ` before it, what follows for NOCASE where a column is equal to one of the
/// values without regard to case: nothing, unless all are texts of few variants.
pub(super) fn implied<'v>(
    b: &mut Builder<'_, 'v>,
    column: &'v Scalar,
    values: &[&Scalar],
) -> Result<()> {
    if !matches!(column, Scalar::Column { .. }) {
        return Ok(());
    }
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        match text_of(value).map(variants) {
            Some(Some(variants)) => all.extend(variants),
            _ => return Ok(()),
        }
    }
    let mut texts = all
        .into_iter()
        .map(|text| Param::Value(ToSqlOutput::Owned(Stored::Text(text))));
    b.push(" AND ");
    b.scalar(column)?;
    if let (1, Some(text)) = (texts.len(), texts.clone().next()) {
        b.push(" COLLATE NOCASE = ");
        return b.param(text);
    }
    b.push(" COLLATE NOCASE IN ");
    lists::values(b, texts.by_ref().collect())
}

pub(super) fn text_of(scalar: &Scalar) -> Option<&str> {
    match scalar {
        Scalar::Value {
            value: Value::Bytes(bytes),
            ..
        } => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// The texts such that whatever is equal to `text` without regard to case is equal to one of them
/// by NOCASE. `None` where they are too many.
pub(super) fn variants(text: &str) -> Option<Vec<String>> {
    let mut variants = vec![String::with_capacity(text.len())];
    let mut rest = lower(text).peekable();
    while let Some(first) = rest.next() {
        // The one character that becomes two in lower case.
        if first == 'i' && rest.peek() == Some(&'\u{307}') {
            rest.next();
            variants = extended(&variants, &["i\u{307}".to_owned(), 'İ'.to_string()])?;
            continue;
        }
        let mut ways = vec![first.to_string()];
        ways.extend(others(first).iter().map(char::to_string));
        variants = extended(&variants, &ways)?;
    }
    Some(variants)
}

fn extended(variants: &[String], ways: &[String]) -> Option<Vec<String>> {
    let count = variants.len() * ways.len();
    let longer = |variant: &String| {
        let variant = variant.clone();
        ways.iter().map(move |way| format!("{variant}{way}"))
    };
    (count <= MOST).then(|| variants.iter().flat_map(longer).collect())
}

/// The other characters that are this one in lower case, but for the capitals of ASCII.
fn others(lower_case: char) -> &'static [char] {
    static OTHERS: OnceLock<HashMap<char, Vec<char>>> = OnceLock::new();
    let others = OTHERS.get_or_init(|| {
        let mut others: HashMap<char, Vec<char>> = HashMap::new();
        for c in '\u{80}'..=char::MAX {
            let mut low = c.to_lowercase();
            if let (Some(low), None) = (low.next(), low.next()) {
                if low != c {
                    others.entry(low).or_default().push(c);
                }
            }
        }
        others
    });
    others.get(&lower_case).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_found(stored: &str, wanted: &str) -> bool {
        variants(wanted).is_none_or(|all| all.iter().any(|one| one.eq_ignore_ascii_case(stored)))
    }

    #[test]
    fn a_text_of_ascii_is_its_own_only_variant_but_for_the_kelvin_sign() {
        assert_eq!(variants("Bob@X.org").unwrap(), ["bob@x.org"]);
        assert_eq!(variants("Kim").unwrap(), ["kim", "\u{212a}im"]);
        assert_eq!(variants("").unwrap(), [""]);
        assert_eq!(variants("äöüßéø"), None);
    }

    #[test]
    fn no_character_is_equal_to_one_that_is_not_among_its_variants() {
        for c in (char::MIN..=char::MAX).filter(|c| c.to_lowercase().ne([*c])) {
            let stored = format!("a{c}z");
            let lowered: String = lower(&stored).collect();
            for wanted in [&lowered, &stored] {
                assert!(is_found(&stored, wanted), "{stored}");
                assert!(is_found(&lowered, wanted), "{stored}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_equal_is_among_the_variants(a in "[aAkKäÄσΣςİiI\u{307}\u{212a}ß]{0,5}", b in "[aAkKäÄσΣςİiI\u{307}\u{212a}ß]{0,5}") {
            if lower(&a).eq(lower(&b)) {
                prop_assert!(is_found(&a, &b));
            }
            prop_assert!(is_found(&a, &a.to_uppercase()) || !lower(&a).eq(lower(&a.to_uppercase())));
        }
    }
}
