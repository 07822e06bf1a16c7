//! Order of decimal numbers in their text form, without building them: numbers of any
//! length and exponent compare exactly and allocate nothing.

use std::cmp::Ordering;

/// The exponents beyond this are all the same to the order. No digits in memory get there.
const EXPONENT_LIMIT: i64 = i64::MAX / 4;

/// A decimal number taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    negative: bool,
    /// The digits before the point, without leading zeros.
    integer: &'a [u8],
    /// The digits behind the point.
    fraction: &'a [u8],
    /// The power of ten.
    exponent: i64,
}

/// Takes `[+-]digits[.digits][e[+-]digits]` apart; `None` for any other text.
pub fn parse(text: &str) -> Option<Parts<'_>> {
    let bytes = text.as_bytes();
    let (negative, bytes) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let (integer, rest) = digits(bytes);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        _ => (&[][..], rest),
    };
    if integer.is_empty() && fraction.is_empty() {
        return None;
    }
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', rest @ ..] => exponent(rest)?,
        _ => return None,
    };
    Some(Parts {
        negative,
        integer: without_leading_zeros(integer),
        fraction,
        exponent,
    })
}

/// The order of two texts: decimals by their value, then all other texts by their bytes.
pub fn compare(left: &str, right: &str) -> Ordering {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.as_bytes().cmp(right.as_bytes()),
    }
}

impl Parts<'_> {
    /// The digits that the number has when it is written without an exponent, at most.
    pub fn plain_digits(&self) -> u64 {
        let shift = self.exponent.unsigned_abs();
        let digits = self.integer.len().saturating_add(self.fraction.len());
        shift.saturating_add(digits as u64)
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self.sign(), other.sign()) {
            (-1, -1) => other.compare_magnitude(self),
            (1, 1) => self.compare_magnitude(other),
            (left, right) => left.cmp(&right),
        }
    }

    fn sign(&self) -> i8 {
        if self.integer.is_empty() && self.fraction.iter().all(|digit| *digit == b'0') {
            0
        } else if self.negative {
            -1
        } else {
            1
        }
    }

    /// Neither is zero.
    fn compare_magnitude(&self, other: &Self) -> Ordering {
        self.leading_place()
            .cmp(&other.leading_place())
            .then_with(|| {
                let (mut left, mut right) = (self.significant(), other.significant());
                loop {
                    match (left.next(), right.next()) {
                        (None, None) => return Ordering::Equal,
                        (None, Some(digit)) if *digit != b'0' => return Ordering::Less,
                        (Some(digit), None) if *digit != b'0' => return Ordering::Greater,
                        (Some(l), Some(r)) if l != r => return l.cmp(r),
                        _ => {}
                    }
                }
            })
    }

    /// The power of ten of the first digit that is not zero, plus one.
    fn leading_place(&self) -> i64 {
        let place = if self.integer.is_empty() {
            -length(self.fraction.len() - without_leading_zeros(self.fraction).len())
        } else {
            length(self.integer.len())
        };
        place.saturating_add(self.exponent)
    }

    fn significant(&self) -> impl Iterator<Item = &u8> {
        let fraction = if self.integer.is_empty() {
            without_leading_zeros(self.fraction)
        } else {
            self.fraction
        };
        self.integer.iter().chain(fraction)
    }
}

fn length(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(EXPONENT_LIMIT)
}

fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    bytes.split_at(end)
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let start = digits
        .iter()
        .position(|digit| *digit != b'0')
        .unwrap_or(digits.len());
    digits.split_at(start).1
}

fn exponent(bytes: &[u8]) -> Option<i64> {
    let (negative, bytes) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    let (digits, rest) = digits(bytes);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let magnitude = digits.iter().fold(0_i64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
            .min(EXPONENT_LIMIT)
    });
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigdecimal::BigDecimal;
    use proptest::prelude::*;
    use std::str::FromStr;

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        for (left, right) in [
            ("1", "1.000"),
            ("0", "-0.00"),
            ("1e3", "1000"),
            ("1.5E-2", "0.015"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+7", "7"),
            ("0e99", "0"),
            ("100", "1E+2"),
            ("0012", "12"),
        ] {
            assert_eq!(compare(left, right), Ordering::Equal, "{left} {right}");
        }
    }

    #[test]
    fn texts_that_are_no_numbers_come_last_by_their_bytes() {
        let mut texts = vec![
            "b", "", "NaN", "1e", "-", ".", "1.2.3", "2", "-3", "1_0", "1e400000",
        ];
        texts.sort_by(|a, b| compare(a, b));
        let wanted = [
            "-3", "2", "1e400000", "", "-", ".", "1.2.3", "1_0", "1e", "NaN", "b",
        ];
        assert_eq!(texts, wanted);
    }

    #[test]
    fn exponents_without_end_cost_nothing() {
        let huge = format!("1e{}", "9".repeat(100_000));
        assert_eq!(compare(&huge, "1e999999999999"), Ordering::Greater);
        assert_eq!(compare(&format!("-{huge}"), "0"), Ordering::Less);
    }

    fn decimal() -> impl Strategy<Value = String> {
        "[+-]?(0{0,2}[0-9]{1,6}(\\.[0-9]{0,6})?|\\.[0-9]{1,4})([eE][+-]?[0-9]{1,2})?"
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_bigdecimal(left in decimal(), right in decimal()) {
            let number = |text: &str| BigDecimal::from_str(text).unwrap();
            let wanted = number(&left).cmp(&number(&right));
            prop_assert_eq!(compare(&left, &right), wanted);
            prop_assert_eq!(compare(&right, &left), wanted.reverse());
        }
    }
}
