//! The parts of a decimal number's text.

/// `(-1)^negative * digits * 10^exponent`.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts {
    /// Whether it is below zero, or minus zero.
    pub negative: bool,
    /// The digits of the coefficient.
    pub digits: String,
    /// The power of ten.
    pub exponent: i64,
}

impl Parts {
    /// Of a text such as `-12.30` or `1E+3`; `None` if it is no finite number.
    pub fn of(text: &str) -> Option<Parts> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        valid.then_some(Parts {
            negative,
            digits,
            exponent,
        })
    }
}
