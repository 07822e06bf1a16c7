//! Decimal texts. Compiled into this test by itself, see `json.rs` beside it.

#[path = "../src/decimal.rs"]
mod decimal;

use decimal::Parts;

fn split(text: &str) -> Option<(bool, String, i64)> {
    Parts::of(text).map(|parts| (parts.negative, parts.digits, parts.exponent))
}

#[test]
fn decimals_keep_their_digits() {
    assert_eq!(split("-12.30"), Some((true, "1230".into(), -2)));
    assert_eq!(split("0.00"), Some((false, "000".into(), -2)));
    assert_eq!(split("-0"), Some((true, "0".into(), 0)));
    assert_eq!(split("1E+3"), Some((false, "1".into(), 3)));
    assert_eq!(split("+1.5e-3"), Some((false, "15".into(), -4)));
}

#[test]
fn what_is_no_number_has_no_parts() {
    for text in [
        "",
        "-",
        ".",
        "1e",
        "NaN",
        "Infinity",
        "1.2.3",
        "1 ",
        "--1",
        "1e99999999999999999999",
    ] {
        assert_eq!(split(text), None, "{text}");
    }
}
