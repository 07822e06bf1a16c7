//! The words of an SQL text, to compare statements that differ in blanks, quotes and case.

use crate::sqlite::lex::lex;

/// The tokens of a text as they are for comparisons.
pub(crate) fn tokens(sql: &str) -> Vec<String> {
    lex(sql).into_iter().map(|token| token.text).collect()
}

/// The tokens between the first parenthesis and the one that closes it, and those behind.
pub(crate) fn parenthesis(tokens: &[String]) -> (&[String], &[String]) {
    let Some(open) = tokens.iter().position(|token| token == "(") else {
        return (&[], tokens);
    };
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return (
                tokens.get(open + 1..at).unwrap_or_default(),
                tokens.get(at + 1..).unwrap_or_default(),
            );
        }
    }
    (&[], &[])
}

/// The same tokens without parentheses around the whole.
pub(crate) fn bare(mut tokens: &[String]) -> &[String] {
    while tokens.first().is_some_and(|token| token == "(") {
        let (inner, behind) = parenthesis(tokens);
        if inner.is_empty() || !behind.is_empty() {
            break;
        }
        tokens = inner;
    }
    tokens
}

/// Whether the words of `wanted` stand together in the tokens.
pub(crate) fn hold(tokens: &[String], wanted: &[&str]) -> bool {
    tokens
        .windows(wanted.len())
        .any(|window| window.iter().zip(wanted).all(|(token, word)| token == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_blanks_comments_and_case_do_not_count_but_strings_do() {
        let left = tokens("CREATE INDEX \"Rooms\" ON [a b] (`X`) -- why\n WHERE t = 'It''s A'");
        let right = tokens("create /* this */ index rooms on \"a b\"(x)where(t='It''s A')");
        assert_eq!(left.len() + 2, right.len());
        let (left_keys, left_rest) = parenthesis(&left);
        let (right_keys, right_rest) = parenthesis(&right);
        assert_eq!(left_keys, right_keys);
        assert_eq!(left_rest.split_first().unwrap().0, "where");
        assert_eq!(
            bare(right_rest.get(1..).unwrap()),
            left_rest.get(1..).unwrap()
        );
        assert_ne!(tokens("'A'"), tokens("'a'"));
    }

    #[test]
    fn only_parentheses_around_the_whole_are_left_out() {
        let kept = tokens("(a) or (b)");
        assert_eq!(bare(&kept), &kept[..]);
        assert_eq!(bare(&tokens("((a))")), &tokens("a")[..]);
        assert_eq!(bare(&tokens("((a")), &tokens("((a")[..]);
    }

    #[test]
    fn words_are_found_together_only() {
        let found = tokens("CONSTRAINT \"Positive\" CHECK (n > 0)");
        assert!(hold(&found, &["constraint", "positive", "check"]));
        assert!(!hold(&found, &["constraint", "check"]));
    }
}
