//! Exact decimal numbers as text, without exponent notation.

use super::encode::{borrowed, owned, Encoded};
use super::refusal::Refusal;
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
    match plain(text) {
        Some(text) if text.len() as u64 <= MAX_DIGITS => borrowed(text),
        Some(_) => Err(too_long()),
        None => Err(Refusal::OtherKind),
    }
}

/// The text, if it is a plain decimal number: digits, before them perhaps a minus, behind them
/// perhaps a point and more digits.
pub(super) fn plain(text: &[u8]) -> Option<&str> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let mut parts = unsigned.split(|byte| *byte == b'.');
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let valid = parts.next().is_some_and(is_number)
        && parts.next().is_none_or(is_number)
        && parts.next().is_none();
    valid.then(|| std::str::from_utf8(text).ok()).flatten()
}

fn too_long() -> Refusal {
    Refusal::Because(format!(
        "written out it has more than {MAX_DIGITS} digits; round it"
    ))
}

/// Every digit of the coefficient is kept: 110E-2 is `1.10`.
fn format(negative: bool, coefficient: &str, exponent: i64) -> Result<String, Refusal> {
    if coefficient.is_empty() || !coefficient.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::because("it is not a finite number"));
    }
    let zero = coefficient.bytes().all(|byte| byte == b'0');
    let exponent = if zero { exponent.min(0) } else { exponent };
    let digits = coefficient.len();
    let size = exponent.unsigned_abs().saturating_add(digits as u64);
    let Some(places) = usize::try_from(exponent.unsigned_abs())
        .ok()
        .filter(|_| size <= MAX_DIGITS)
    else {
        return Err(too_long());
    };
    let sign = if negative { "-" } else { "" };
    if exponent >= 0 {
        return Ok(format!("{sign}{coefficient}{}", "0".repeat(places)));
    }
    match digits.checked_sub(places).filter(|whole| *whole > 0) {
        Some(whole) => {
            let (whole, fraction) = coefficient.split_at(whole);
            Ok(format!("{sign}{whole}.{fraction}"))
        }
        None => Ok(format!(
            "{sign}0.{}{coefficient}",
            "0".repeat(places - digits)
        )),
    }
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
            (false, "7", 2, "700"),
            (true, "0", 0, "-0"),
            (false, "0", 9_999_999, "0"),
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
    fn plain_numbers_are_told_from_others() {
        for number in ["0", "-12.30", "007"] {
            assert_eq!(plain(number.as_bytes()), Some(number));
        }
        for other in [
            "", "-", "1.", ".5", "1.2.3", "1e3", "+1", " 1", "1 ", "NaN", "--1", "\u{661}",
        ] {
            assert_eq!(plain(other.as_bytes()), None, "{other}");
        }
    }
}
