//! SQL that a program brings along, between its scalars. It is checked to be a part of one
//! expression: what is around it means the same whatever stands in it.

use super::compiled::invalid;
use crate::error::{Error, Result};
use crate::query::ir::{Piece, Scalar};
use crate::sqlite::lex::{is_word, quoted};
use crate::sqlite::tokens::{parenthesis, tokens};

/// How many bytes of SQL one fragment has at most.
const MAX_LENGTH: usize = 20_000;

/// The text with another operator for each LIKE. To register a function of our own for LIKE would
/// also change what the CHECKs and the partial indexes of the file mean; REGEXP has no meaning in
/// SQLite but that of such a function.
pub(super) fn with_exact_like(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 8);
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = length_of_token(rest, first);
        let token = rest.get(..length).unwrap_or_default();
        let like = token.eq_ignore_ascii_case("like");
        text.push_str(if like { "REGEXP" } else { token });
        rest = rest.get(length..).unwrap_or_default();
    }
    text
}

/// The length of the word, the quoted text or the character that a text begins with.
fn length_of_token(text: &str, first: char) -> usize {
    match first {
        '\'' | '"' | '`' => quoted(text, first).unwrap_or(text.len()),
        '[' => quoted(text, ']').unwrap_or(text.len()),
        // A blank, as it is for SQLite where a word could begin.
        '\u{feff}' => first.len_utf8(),
        _ if is_word(first) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        _ => first.len_utf8(),
    }
}

/// Whether SQLite would take it in an order for the number of a column.
pub(super) fn is_number(pieces: &[Piece]) -> bool {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Sql(sql) => text.push_str(sql),
            Piece::Scalar(_) => return false,
            Piece::CaseSensitiveLike => {}
        }
    }
    let around = |c: char| c.is_ascii_whitespace() || "()+-".contains(c);
    let number = text.trim_matches(around);
    number.starts_with(|c: char| c.is_ascii_digit())
        && number
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Says that the texts of a fragment were checked.
pub(super) struct Checked(());

/// Checks the texts of a fragment.
pub(super) fn check(pieces: &[Piece]) -> Result<Checked> {
    let texts = || {
        pieces.iter().filter_map(|piece| match piece {
            Piece::Sql(text) => Some(text.as_str()),
            Piece::Scalar(_) | Piece::CaseSensitiveLike => None,
        })
    };
    let refuse = |why: &str| refused(why, texts());
    if texts().map(str::len).sum::<usize>() > MAX_LENGTH {
        return Err(refuse(&format!(
            "is longer than {MAX_LENGTH} bytes; make it a view or several fragments"
        )));
    }
    let mut depth = 0_usize;
    for text in texts() {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '\0' => return Err(refuse("holds a NUL character; take it out")),
                '\'' | '"' | '`' | '[' => {
                    let close = if first == '[' { ']' } else { first };
                    let Some(length) = quoted(rest, close) else {
                        return Err(refuse(&format!(
                            "has a {first} that is not closed before a value or its end; values \
                             stand outside of quotes"
                        )));
                    };
                    if rest.get(..length).is_some_and(|text| text.contains('\0')) {
                        return Err(refuse("holds a NUL character; take it out"));
                    }
                    length
                }
                '(' => {
                    depth += 1;
                    1
                }
                ')' => {
                    let Some(less) = depth.checked_sub(1) else {
                        return Err(refuse("closes a parenthesis that it did not open"));
                    };
                    depth = less;
                    1
                }
                ';' => return Err(refuse("holds a ; but is a part of one expression")),
                '-' if rest.starts_with("--") => {
                    return Err(refuse("holds a comment; write -(-x) for two signs"))
                }
                '/' if rest.starts_with("/*") => {
                    return Err(refuse("holds a comment; take it out"))
                }
                '?' | ':' | '@' | '$' | '#' => {
                    return Err(refuse(&format!(
                        "holds a {first}, which begins a parameter; give the value as a piece \
                         of its own"
                    )))
                }
                // A $ within a word is a part of it.
                _ if is_word(first) => {
                    let length = length_of_token(rest, first);
                    if rest
                        .get(..length)
                        .is_some_and(|word| word.eq_ignore_ascii_case("regexp"))
                    {
                        return Err(refuse("holds REGEXP, which SQLite has no function for"));
                    }
                    length
                }
                _ => first.len_utf8(),
            };
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    if depth > 0 {
        return Err(refuse("leaves a parenthesis open"));
    }
    let whole: Vec<&str> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Sql(text) => text.as_str(),
            Piece::Scalar(_) => " ? ",
            Piece::CaseSensitiveLike => "",
        })
        .collect();
    match bare_aggregate(&whole.concat()) {
        None => Ok(Checked(())),
        Some(name) => Err(refuse(&format!(
            "holds the aggregate {name}(), which would make one row of all; write \
             (SELECT {name}(…) FROM …)"
        ))),
    }
}

fn refused<'t>(why: &str, texts: impl Iterator<Item = &'t str>) -> Error {
    let text: Vec<&str> = texts.collect();
    let shown: String = text.join("?").chars().take(200).collect();
    invalid(format!("the SQL of a fragment {why}: {shown}")).with("fragment", shown)
}

/// The pieces of a scalar that is a fragment.
pub(super) fn pieces(scalar: &Scalar) -> Option<&[Piece]> {
    match scalar {
        Scalar::Fragment(pieces) => Some(pieces),
        _ => None,
    }
}

/// Aggregate functions, SQLite's and ours: one that stands bare in a fragment would make a single row
/// of all that a query gives. Of `min` and `max` only those of one argument.
const AGGREGATES: &[&str] = &[
    "ash_rusqlite_decimal_sum",
    "ash_rusqlite_list",
    "ash_rusqlite_list_with_nulls",
    "avg",
    "count",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "jsonb_group_array",
    "jsonb_group_object",
    "max",
    "median",
    "min",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "string_agg",
    "sum",
    "total",
];

/// The first aggregate function that is in no query of its own and over no window. Parentheses and
/// quotes close in the text.
fn bare_aggregate(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    // Whether a query stands around, for each parenthesis that is open.
    let mut open: Vec<bool> = Vec::new();
    let mut before = "";
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" => {
                let within = open.last().copied().unwrap_or(false);
                let rest = tokens.get(at..).unwrap_or_default();
                if !within && AGGREGATES.contains(&before) && is_aggregate(before, rest) {
                    return Some(before.to_owned());
                }
                let begins = tokens.get(at + 1).map_or("", String::as_str);
                open.push(within || ["select", "values", "with"].contains(&begins));
            }
            ")" => {
                open.pop();
            }
            _ => {}
        }
        before = token;
    }
    None
}

/// Whether a call is one over rows; `call` begins with its parenthesis.
fn is_aggregate(name: &str, call: &[String]) -> bool {
    let (arguments, behind) = parenthesis(call);
    if ["min", "max"].contains(&name) && has_comma(arguments) {
        return false;
    }
    let behind = match behind.split_first() {
        Some((word, filter)) if word == "filter" => parenthesis(filter).1,
        _ => behind,
    };
    behind.first().is_none_or(|word| word != "over")
}

fn has_comma(tokens: &[String]) -> bool {
    let mut depth = 0_usize;
    for token in tokens {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_make_one_row_of_all_is_found() {
        for (sql, name) in [
            ("count(*)", "count"),
            ("COUNT ( DISTINCT x )", "count"),
            ("\"count\"(x)", "count"),
            ("max( ? )", "max"),
            ("max((1, 2))", "max"),
            ("1 + (coalesce(sum(x), 0))", "sum"),
            ("count(*) FILTER (WHERE x > 1)", "count"),
            ("(SELECT 1) + total(x)", "total"),
        ] {
            assert_eq!(bare_aggregate(sql).as_deref(), Some(name), "{sql}");
        }
    }

    #[test]
    fn what_leaves_each_row_alone_is_not() {
        for sql in [
            "max(x, 1)",
            "min(coalesce(x, 1), y)",
            "(SELECT count(*) FROM t)",
            "EXISTS (SELECT 1 FROM t GROUP BY x HAVING (count(*) > 1))",
            "(WITH a AS (SELECT 1) SELECT max(a) FROM a)",
            "count(*) OVER ()",
            "sum(x) FILTER (WHERE x > 1) OVER (PARTITION BY y)",
            "'count(*)'",
            "count + 1",
            "recount(x)",
            "row_number() OVER (ORDER BY x)",
        ] {
            assert_eq!(bare_aggregate(sql), None, "{sql}");
        }
    }

    #[test]
    fn every_aggregate_that_sqlite_knows_is_among_them() {
        const NEED_A_WINDOW: &[&str] = &[
            "cume_dist",
            "dense_rank",
            "first_value",
            "lag",
            "last_value",
            "lead",
            "nth_value",
            "ntile",
            "percent_rank",
            "rank",
            "row_number",
        ];
        let conn = rusqlite::Connection::open_in_memory().unwrap();
        crate::query::functions::register(&conn).unwrap();
        let known: Vec<String> = conn
            .prepare("SELECT DISTINCT name FROM pragma_function_list WHERE type IN ('a', 'w')")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(known.len() > NEED_A_WINDOW.len());
        for name in known {
            let name = name.as_str();
            assert!(
                AGGREGATES.contains(&name) || NEED_A_WINDOW.contains(&name),
                "{name}"
            );
        }
    }
}
