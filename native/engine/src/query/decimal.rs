//! Order of decimal numbers in their text form, without building them: numbers of any
//! length and exponent compare exactly and allocate nothing.

use std::cmp::Ordering;

use bigdecimal::num_bigint::BigInt;

/// The exponents beyond this are all the same to the order. No digits in memory get there.
const EXPONENT_LIMIT: i64 = i64::MAX / 4;

/// The exponents beyond this are of nobody's numbers, and would fill the memory with zeros.
const SCALE_LIMIT: u64 = 100_000;

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

    /// The number as Elixir's Decimal takes it: its coefficient, with the sign, and the power of
    /// ten of its last digit. `None` where that power is beyond what anybody writes.
    pub fn coefficient(&self) -> Option<(BigInt, i64)> {
        let digits: Vec<u8> = self.integer.iter().chain(self.fraction).copied().collect();
        let magnitude = match digits.is_empty() {
            true => BigInt::from(0),
            false => BigInt::parse_bytes(&digits, 10)?,
        };
        let exponent = self.exponent.checked_sub(length(self.fraction.len()))?;
        let coefficient = if self.negative { -magnitude } else { magnitude };
        (exponent.unsigned_abs() < SCALE_LIMIT).then_some((coefficient, exponent))
    }

    /// Bytes that order numbers of one value as Elixir orders the terms that they are: by the
    /// digits of the coefficient, then the exponent, then the sign.
    pub fn form(&self) -> Vec<u8> {
        let digits = self.integer.iter().chain(self.fraction);
        let digits: Vec<u8> = digits
            .skip_while(|digit| **digit == b'0')
            .copied()
            .collect();
        let exponent = self.exponent.saturating_sub(length(self.fraction.len()));
        let mut form = length(digits.len()).to_be_bytes().to_vec();
        form.extend(digits);
        // With the sign bit turned, the bytes are in the order of the numbers.
        form.extend((exponent ^ i64::MIN).to_be_bytes());
        form.push(u8::from(!self.negative));
        form
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

    #[test]
    fn the_form_tells_numbers_of_one_value_apart_in_the_order_of_elixirs_terms() {
        let mut texts = vec!["1.00", "1", "1.0", "1e0", "0.01e2", "10e-1"];
        texts.sort_by_key(|text| parse(text).unwrap().form());
        assert_eq!(texts, ["1", "1e0", "0.01e2", "1.0", "10e-1", "1.00"]);
        let mut zeros = vec!["0", "-0", "0.00", "-0.0", "0e3"];
        zeros.sort_by_key(|text| parse(text).unwrap().form());
        assert_eq!(zeros, ["0.00", "-0.0", "-0", "0", "0e3"]);
    }

    #[test]
    fn the_coefficient_is_that_of_elixirs_decimal() {
        let of = |text: &str| {
            let (coefficient, exponent) = parse(text).unwrap().coefficient().unwrap();
            (coefficient.to_string(), exponent)
        };
        assert_eq!(of("-1.10"), ("-110".into(), -2));
        assert_eq!(of("00.50"), ("50".into(), -2));
        assert_eq!(of("1E+2"), ("1".into(), 2));
        assert_eq!(of("0.00"), ("0".into(), -2));
        assert!(parse("1e400000").unwrap().coefficient().is_none());
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
