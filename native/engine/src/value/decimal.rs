//! Exact decimal numbers as text. There is an exponent only where digits would be made up.

use super::refusal::{borrowed, owned, Encoded, Refusal};
use super::types::Value;

/// The most digits that a number may have. `1E+1000000000` would fill the memory.
const MAX_DIGITS: u64 = 10_000;

pub(super) fn encode(value: &Value) -> Encoded<'_> {
    match value {
        Value::Integer(number) => owned(number.to_string()),
        // Where a host has no decimals it reads the exact text, and may write it back.
        Value::Bytes(text) => given(text),
        Value::BigInteger(digits) => given(digits.as_bytes()),
        Value::Decimal {
            negative,
            coefficient,
            exponent,
        } => owned(format(*negative, coefficient, *exponent)?),
        _ => Err(Refusal::OtherKind),
    }
}

fn given(text: &[u8]) -> Encoded<'_> {
    match parse(text) {
        Some((text, size)) if size <= MAX_DIGITS => borrowed(text),
        Some(_) => Err(too_long()),
        None => Err(Refusal::OtherKind),
    }
}

/// The text, if it is a decimal number that may be stored: digits, before them perhaps a minus,
/// behind them perhaps a point and more digits, and perhaps an exponent.
pub(super) fn number(text: &[u8]) -> Option<&str> {
    let (text, size) = parse(text)?;
    // Digits that are there are no danger. Those that an exponent stands for may be.
    (size <= MAX_DIGITS.max(text.len() as u64)).then_some(text)
}

/// The text, and how many digits it has when it is written out.
fn parse(text: &[u8]) -> Option<(&str, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (digits, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, power(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    // There is a 0 before a point at least.
    let before = length(whole).saturating_add(exponent).max(1);
    let behind = length(fraction.unwrap_or_default())
        .saturating_sub(exponent)
        .max(0);
    let size = before.unsigned_abs().saturating_add(behind.unsigned_abs());
    (all_digits(whole) && fraction.is_none_or(all_digits)).then_some((text, size))
}

fn length(digits: &str) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

fn power(exponent: &str) -> Option<i64> {
    let (negative, digits) = match exponent.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    // They are digits, so what cannot be parsed is too large.
    let power = all_digits(digits).then(|| digits.parse().unwrap_or(i64::MAX))?;
    Some(if negative { -power } else { power })
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn too_long() -> Refusal {
    Refusal::Because(format!(
        "written out it has more than {MAX_DIGITS} digits; round it"
    ))
}

/// Every digit of the coefficient is kept, and no other is added behind them: 110E-2 is `1.10`,
/// and 12E3 is `1.2E+4`, as `Decimal.to_string/1` has it. So what is read is what was written.
fn format(negative: bool, coefficient: &str, exponent: i64) -> Result<String, Refusal> {
    if !all_digits(coefficient) {
        return Err(Refusal::because("it is not a finite number"));
    }
    let digits = coefficient.len();
    let size = exponent.unsigned_abs().saturating_add(digits as u64);
    let Some(places) = usize::try_from(exponent.unsigned_abs())
        .ok()
        .filter(|_| size <= MAX_DIGITS)
    else {
        return Err(too_long());
    };
    let sign = if negative { "-" } else { "" };
    Ok(match exponent {
        0 => format!("{sign}{coefficient}"),
        1.. => {
            let (first, others) = coefficient.split_at(1);
            let point = if others.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{others}E+{}", places + others.len())
        }
        _ => match digits.checked_sub(places).filter(|whole| *whole > 0) {
            Some(whole) => {
                let (whole, fraction) = coefficient.split_at(whole);
                format!("{sign}{whole}.{fraction}")
            }
            None => format!("{sign}0.{}{coefficient}", "0".repeat(places - digits)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        let text = |negative, coefficient, exponent| format(negative, coefficient, exponent).ok();
        for (negative, coefficient, exponent, expected) in [
            (false, "110", -2, "1.10"),
            (true, "5", -3, "-0.005"),
            (false, "12", -2, "0.12"),
            (false, "7", 2, "7E+2"),
            (true, "12", 3, "-1.2E+4"),
            (false, "10", 1, "1.0E+2"),
            (true, "0", 0, "-0"),
            (false, "0", 3, "0E+3"),
            (false, "0", -2, "0.00"),
        ] {
            assert_eq!(
                text(negative, coefficient, exponent).as_deref(),
                Some(expected)
            );
        }
        for (coefficient, exponent) in [
            ("1", i64::MAX),
            ("1", i64::MIN),
            ("1", 10_000),
            ("0", 10_000),
            ("", 0),
            ("NaN", 0),
            ("-1", 0),
        ] {
            assert_eq!(
                text(false, coefficient, exponent),
                None,
                "{coefficient}E{exponent}"
            );
        }
    }

    #[test]
    fn numbers_are_distinguished_from_other_texts() {
        for text in [
            "0", "-12.30", "007", "1e3", "1E+3", "-1.20E-7", "0E+3", "1e9999",
        ] {
            assert_eq!(number(text.as_bytes()), Some(text));
            assert!(given(text.as_bytes()).is_ok(), "{text}");
        }
        for text in [
            "", "-", "1.", ".5", "1.2.3", "1e", "e3", "1e+", "1e3.5", "1e3e3", "1e--3", "+1", " 1",
            "1 ", "NaN", "--1", "\u{661}",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
            assert!(given(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for (digits, exponent) in [
            (5_000, 5_000),
            (1, 9_999),
            (9_999, 1),
            (1, -9_999),
            (9, -9_991),
        ] {
            let text = format(true, &"7".repeat(digits), exponent).ok().unwrap();
            assert_eq!(number(text.as_bytes()), Some(text.as_str()));
            assert!(given(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_exponent_that_would_fill_the_memory_is_neither_written_nor_read() {
        for text in ["1e10000", "1e-10000", "1E+99999999999999999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
            assert!(given(text.as_bytes()).is_err(), "{text}");
        }
        let long = "7".repeat(20_000);
        assert_eq!(number(long.as_bytes()), Some(long.as_str()));
    }
}
