//! Values in the JSON of events: what they are there, and the same bytes back.
//!
//! The triggers write a text as a string, an INTEGER as digits, a REAL with a point or an exponent,
//! NULL as null and the rest as an object of one key: `{"blob":"HEX"}`, `{"digest":"HEX"}` for a
//! sensitive value, `{"redacted":true}` for one that was removed. Texts are bytes here: SQLite keeps
//! some that are no UTF-8. Only the sign of a zero is not there, which SQL has no function to see.

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::ToSql;

/// A value of an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Encoded<'a> {
    /// NULL.
    Null,
    /// An INTEGER.
    Integer(i64),
    /// A REAL.
    Real(f64),
    /// A TEXT.
    Text(Cow<'a, [u8]>),
    /// A BLOB.
    Blob(Vec<u8>),
    /// Of a sensitive value only that there was one.
    Digest,
    /// The value was removed.
    Redacted,
}

/// Why the JSON of an event cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) &'static str);

type Read<T> = std::result::Result<T, Unreadable>;

impl<'a> Encoded<'a> {
    /// The value of an event's key, which is stored as it is.
    pub(crate) fn stored(value: ValueRef<'a>) -> Encoded<'a> {
        match value {
            ValueRef::Null => Encoded::Null,
            ValueRef::Integer(number) => Encoded::Integer(number),
            ValueRef::Real(number) => Encoded::Real(number),
            ValueRef::Text(text) => Encoded::Text(Cow::Borrowed(text)),
            ValueRef::Blob(bytes) => Encoded::Blob(bytes.to_vec()),
        }
    }

    /// The same without what it borrows.
    pub(crate) fn into_owned(self) -> Encoded<'static> {
        match self {
            Encoded::Null => Encoded::Null,
            Encoded::Integer(number) => Encoded::Integer(number),
            Encoded::Real(number) => Encoded::Real(number),
            Encoded::Text(text) => Encoded::Text(Cow::Owned(text.into_owned())),
            Encoded::Blob(bytes) => Encoded::Blob(bytes),
            Encoded::Digest => Encoded::Digest,
            Encoded::Redacted => Encoded::Redacted,
        }
    }

    /// What SQLite stores for it; NULL for what is not known.
    pub(crate) fn value(&self) -> ValueRef<'_> {
        match self {
            Encoded::Null | Encoded::Digest | Encoded::Redacted => ValueRef::Null,
            Encoded::Integer(number) => ValueRef::Integer(*number),
            Encoded::Real(number) => ValueRef::Real(*number),
            Encoded::Text(text) => ValueRef::Text(text),
            Encoded::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }
}

impl ToSql for Encoded<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.value()))
    }
}

/// A value as an event has it, for reports.
pub(crate) fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) if number.is_infinite() && number > 0.0 => "9.0e+999".to_owned(),
        ValueRef::Real(number) if number.is_infinite() => "-9.0e+999".to_owned(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => {
            serde_json::Value::from(String::from_utf8_lossy(text).as_ref()).to_string()
        }
        ValueRef::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("{{\"blob\":\"{digits}\"}}")
        }
    }
}

/// Reads the columns of an event's data and their values.
///
/// # Errors
/// That it is no object of encoded values.
pub(crate) fn object<'a>(
    json: &'a [u8],
    mut each: impl FnMut(Cow<'a, [u8]>, Encoded<'a>) -> Read<()>,
) -> Read<()> {
    let mut reader = Reader { json, at: 0 };
    reader.expect(b'{')?;
    if !reader.accept(b'}') {
        loop {
            reader.expect(b'"')?;
            let column = reader.string()?;
            reader.expect(b':')?;
            each(column, reader.value()?)?;
            if !reader.accept(b',') {
                break;
            }
        }
        reader.expect(b'}')?;
    }
    reader.end()
}

/// Reads the values of a key of several columns.
///
/// # Errors
/// That it is no array of encoded values.
pub(crate) fn array(json: &[u8]) -> Read<Vec<Encoded<'_>>> {
    let mut reader = Reader { json, at: 0 };
    reader.expect(b'[')?;
    let mut values = vec![reader.value()?];
    while reader.accept(b',') {
        values.push(reader.value()?);
    }
    reader.expect(b']')?;
    reader.end()?;
    Ok(values)
}

struct Reader<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.json.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.json.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        match self.accept(byte) {
            true => Ok(()),
            false => Err(Unreadable("it is no JSON of a row")),
        }
    }

    fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Unreadable("something follows its JSON")),
        }
    }

    fn value(&mut self) -> Read<Encoded<'a>> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Encoded::Text)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => {
                self.at += 1;
                self.beyond_json()
            }
            Some(b'n') if self.rest().starts_with(b"null") => {
                self.at += 4;
                Ok(Encoded::Null)
            }
            _ => Err(Unreadable("a value in its JSON is none that events have")),
        }
    }

    fn number(&mut self) -> Read<Encoded<'a>> {
        let rest = self.rest();
        let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().position(|byte| !digit(byte));
        let digits = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        self.at += digits.len();
        let text = std::str::from_utf8(digits).unwrap_or_default();
        let real = digits.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
        let number = match real {
            true => text.parse().map(Encoded::Real).ok(),
            false => text.parse().map(Encoded::Integer).ok(),
        };
        number.ok_or(Unreadable("a number in its JSON cannot be read"))
    }

    /// What JSON has no value for: an object of one key.
    fn beyond_json(&mut self) -> Read<Encoded<'a>> {
        self.expect(b'"')?;
        let kind = self.string()?;
        self.expect(b':')?;
        let value = match kind.as_ref() {
            b"blob" => {
                self.expect(b'"')?;
                Encoded::Blob(unhex(&self.string()?)?)
            }
            b"digest" => {
                self.expect(b'"')?;
                self.string()?;
                Encoded::Digest
            }
            b"redacted" => {
                self.peek();
                match self.rest().starts_with(b"true") {
                    true => self.at += 4,
                    false => return Err(Unreadable("redacted is true or nothing")),
                }
                Encoded::Redacted
            }
            _ => return Err(Unreadable("an object in its JSON is none that events have")),
        };
        self.expect(b'}')?;
        Ok(value)
    }

    /// The rest of a string whose first quote was read.
    fn string(&mut self) -> Read<Cow<'a, [u8]>> {
        let rest = self.rest();
        let special = |byte: &u8| matches!(byte, b'"' | b'\\');
        let open = Unreadable("a string in its JSON does not end");
        let length = rest.iter().position(special).ok_or(open)?;
        let plain = rest.get(..length).unwrap_or_default();
        self.at += length;
        if rest.get(length) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_vec();
        loop {
            let rest = self.rest();
            let length = rest.iter().position(special).ok_or(open)?;
            text.extend_from_slice(rest.get(..length).unwrap_or_default());
            self.at += length + 1;
            if rest.get(length) == Some(&b'"') {
                return Ok(Cow::Owned(text));
            }
            self.escaped(&mut text)?;
        }
    }

    fn escaped(&mut self, text: &mut Vec<u8>) -> Read<()> {
        let kind = self.json.get(self.at).copied();
        self.at += 1;
        text.push(match kind {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let unit = self.unit()?;
                return self.code_point(unit, text);
            }
            _ => return Err(Unreadable("a string in its JSON has a wrong escape")),
        });
        Ok(())
    }

    /// The four digits behind `\u`.
    fn unit(&mut self) -> Read<u32> {
        let digits = self.json.get(self.at..self.at + 4);
        self.at += 4;
        digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or(Unreadable("a string in its JSON has a wrong escape"))
    }

    fn code_point(&mut self, unit: u32, text: &mut Vec<u8>) -> Read<()> {
        let mut point = unit;
        if (0xD800..0xDC00).contains(&unit) && self.rest().starts_with(b"\\u") {
            self.at += 2;
            let low = self.unit()?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(Unreadable("a string in its JSON has half of a character"));
            }
            point = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        }
        let character = char::from_u32(point);
        let character = character.ok_or(Unreadable("a string in its JSON has half of a character"));
        text.extend_from_slice(character?.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }
}

fn unhex(digits: &[u8]) -> Read<Vec<u8>> {
    let wrong = Unreadable("a BLOB in its JSON has a wrong digit");
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(wrong),
    };
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Ok(digit(high)? << 4 | digit(low)?),
        _ => Err(wrong),
    };
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(json: &str) -> Read<Encoded<'_>> {
        let mut reader = Reader {
            json: json.as_bytes(),
            at: 0,
        };
        let value = reader.value()?;
        reader.end()?;
        Ok(value)
    }

    #[test]
    fn a_value_is_read_as_what_it_was_stored_as() {
        let text = |text: &str| Encoded::Text(Cow::Owned(text.as_bytes().to_vec()));
        assert_eq!(read("null"), Ok(Encoded::Null));
        assert_eq!(read("1"), Ok(Encoded::Integer(1)));
        assert_eq!(read("1.0"), Ok(Encoded::Real(1.0)));
        assert_eq!(read("-9223372036854775808"), Ok(Encoded::Integer(i64::MIN)));
        assert_eq!(read("9.0e+999"), Ok(Encoded::Real(f64::INFINITY)));
        assert_eq!(read("-9.0e+999"), Ok(Encoded::Real(f64::NEG_INFINITY)));
        assert_eq!(read(r#""""#), Ok(text("")));
        assert_eq!(
            read(r#""a\"\\\/\n\u0000\u00fc\ud83d\ude00""#),
            Ok(text("a\"\\/\n\0ü😀"))
        );
        assert_eq!(read(r#"{"blob":"00fF"}"#), Ok(Encoded::Blob(vec![0, 255])));
        assert_eq!(read(r#"{"blob":""}"#), Ok(Encoded::Blob(vec![])));
        assert_eq!(read(r#"{"digest":"AB"}"#), Ok(Encoded::Digest));
        assert_eq!(read(r#"{"redacted":true}"#), Ok(Encoded::Redacted));
    }

    #[test]
    fn what_no_event_has_is_refused() {
        for json in [
            "",
            "true",
            "[1]",
            "{}",
            "1 2",
            "1.2.3",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "nul",
            "\"\\ud800\"",
            "9223372036854775808",
            r#"{"blob":"0"}"#,
            r#"{"blob":"0g"}"#,
            r#"{"blob":"00","digest":""}"#,
            r#"{"redacted":false}"#,
            r#"{"other":1}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
        for json in ["", "{", "[]", r#"{"a":1"#, r#"{"a":1,}"#, r#"{"a"}"#, "{}x"] {
            assert!(object(json.as_bytes(), |_, _| Ok(())).is_err(), "{json}");
        }
        for json in ["[]", "[1", "[1,]", "{}"] {
            assert!(array(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn the_columns_come_in_their_order() {
        let mut seen = Vec::new();
        let json = "{\"a\":1, \"b\\\"c\" : null ,\n\"d\":[]}";
        let result = object(json.as_bytes(), |column, value| {
            seen.push((String::from_utf8_lossy(&column).into_owned(), value));
            Ok(())
        });
        assert!(result.is_err());
        assert_eq!(
            seen,
            [
                ("a".to_owned(), Encoded::Integer(1)),
                ("b\"c".to_owned(), Encoded::Null)
            ]
        );
    }
}
