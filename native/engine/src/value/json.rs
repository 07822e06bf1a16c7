//! JSON columns: JSON text for what JSON gives back exactly, else a BLOB in the External Term
//! Format (<https://www.erlang.org/doc/apps/erts/erl_ext_dist.html>). Maps and lists come
//! encoded; scalars are encoded here.

use bigdecimal::num_bigint::{BigInt, Sign};
use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use super::refusal::{borrowed, owned, Encoded, Refusal};
use super::types::Value;

/// The byte that every External Term Format blob begins with.
pub(super) const TERM_VERSION: u8 = 131;
const SMALL_ATOM_UTF8: u8 = 119;
const BINARY: u8 = 109;
const SMALL_BIG: u8 = 110;

pub(super) fn encode(value: &Value) -> Encoded<'_> {
    match value {
        Value::Json(text) => borrowed(text),
        Value::Term(bytes) => Ok(ToSqlOutput::Borrowed(ValueRef::Blob(bytes))),
        Value::Boolean(truth) => owned(truth.to_string()),
        Value::Integer(number) => owned(number.to_string()),
        Value::Real(number) if number.is_finite() => json_text(number),
        Value::Real(_) => Err(Refusal::because("it is not a finite number")),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json_text(text),
            Err(_) => binary(bytes),
        },
        Value::Symbol(name) => atom(name),
        Value::BigInteger(digits) => big_integer(digits),
        _ => Err(Refusal::OtherKind),
    }
}

fn json_text<'v, T: serde::Serialize + ?Sized>(value: &T) -> Encoded<'v> {
    match serde_json::to_string(value) {
        Ok(text) => owned(text),
        Err(error) => Err(Refusal::Because(error.to_string())),
    }
}

fn term<'v>(tag: u8, head: &[u8], body: &[u8]) -> Encoded<'v> {
    let bytes = [&[TERM_VERSION, tag], head, body].concat();
    Ok(ToSqlOutput::Owned(Stored::Blob(bytes)))
}

fn binary<'v>(bytes: &[u8]) -> Encoded<'v> {
    match u32::try_from(bytes.len()) {
        Ok(length) => term(BINARY, &length.to_be_bytes(), bytes),
        Err(_) => Err(Refusal::because("it is longer than SQLite can store")),
    }
}

fn atom<'v>(name: &str) -> Encoded<'v> {
    match u8::try_from(name.len()) {
        Ok(length) => term(SMALL_ATOM_UTF8, &[length], name.as_bytes()),
        Err(_) => Err(Refusal::because(
            "its name is longer than 255 bytes; give a string",
        )),
    }
}

fn big_integer<'v>(digits: &str) -> Encoded<'v> {
    // 255 bytes hold 615 digits. The length is looked at first: parsing takes its square.
    let parsed = (digits.len() <= 616)
        .then(|| digits.parse::<BigInt>().ok())
        .flatten();
    let Some((sign, bytes)) = parsed.map(|number| number.to_bytes_le()) else {
        return Err(Refusal::because(
            "it has more than 614 digits; keep it in a DECIMAL_TEXT column",
        ));
    };
    match u8::try_from(bytes.len()) {
        Ok(length) => term(SMALL_BIG, &[length, u8::from(sign == Sign::Minus)], &bytes),
        Err(_) => Err(Refusal::because(
            "it is too long; keep it in a DECIMAL_TEXT column",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_without_a_json_form_become_terms() {
        // As `:erlang.term_to_binary/1` of OTP 25 and later writes them.
        let blob = |value: Value| match encode(&value) {
            Ok(ToSqlOutput::Owned(Stored::Blob(bytes))) => bytes,
            _ => Vec::new(),
        };
        assert_eq!(blob(Value::Symbol("ok".into())), [131, 119, 2, b'o', b'k']);
        assert_eq!(blob(Value::Bytes(vec![255])), [131, 109, 0, 0, 0, 1, 255]);
        assert_eq!(
            blob(Value::BigInteger("-18446744073709551616".into())),
            [131, 110, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        );
        assert!(blob(Value::BigInteger("9".repeat(700))).is_empty());
        assert!(blob(Value::Symbol("ä".repeat(200).into())).is_empty());
    }
}
