//! SQL that a program brings along, between its scalars. It is checked to be a part of one
//! expression: what is around it means the same whatever stands in it.

use super::aggregates::bare_aggregate;
use super::builder::Builder;
use super::{invalid, scalar};
use crate::error::{Error, Result};
use crate::query::ir::{Piece, Scalar};
use crate::sqlite::lex::{is_word, quoted};

/// How many bytes of SQL one fragment has at most.
const MAX_LENGTH: usize = 20_000;

/// Writes a fragment, in parentheses.
pub(super) fn write<'v>(b: &mut Builder<'_, 'v>, pieces: &'v [Piece]) -> Result<()> {
    let checked = check(pieces)?;
    let around = std::mem::replace(&mut b.scopes.qualified, true);
    let exact = pieces.contains(&Piece::CaseSensitiveLike);
    b.push("(");
    for piece in pieces {
        match piece {
            Piece::Sql(text) if exact => b.fragment(&checked, &with_exact_like(text)),
            Piece::Sql(text) => b.fragment(&checked, text),
            Piece::CaseSensitiveLike => {}
            Piece::Scalar(part) => {
                // Blanks, so that nothing grows together with the text around it: `?` and a 1
                // would be `?1`.
                b.push(" ");
                scalar::write(b, part)?;
                b.push(" ");
            }
        }
    }
    b.push(")");
    b.scopes.qualified = around;
    Ok(())
}

/// The text with another operator for each LIKE. To register a function of our own for LIKE would
/// also change what the CHECKs and the partial indexes of the file mean; REGEXP has no meaning in
/// SQLite but that of such a function.
fn with_exact_like(sql: &str) -> String {
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

fn check(pieces: &[Piece]) -> Result<Checked> {
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
