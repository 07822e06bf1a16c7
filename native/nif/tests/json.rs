//! The JSON reader against serde_json's. It is compiled into this test by itself: the rest
//! of the crate needs the symbols of a running Erlang VM.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "../src/json.rs"]
mod reader;

use reader::{read, Build, Invalid, Memory, MAX_DEPTH};
use serde_json::{json, Map, Value};

/// Builds serde_json's values, behind indexes so that they are `Copy`.
struct Values<'a>(&'a mut Vec<Value>);

impl Values<'_> {
    fn keep(&mut self, value: Value) -> usize {
        self.0.push(value);
        self.0.len() - 1
    }
}

impl Build for Values<'_> {
    type Term = usize;

    fn null(&mut self) -> usize {
        self.keep(Value::Null)
    }
    fn boolean(&mut self, value: bool) -> usize {
        self.keep(value.into())
    }
    fn integer(&mut self, digits: &str) -> Option<usize> {
        let value = digits
            .parse::<i64>()
            .map_or_else(|_| json!({ "big": digits }), Value::from);
        Some(self.keep(value))
    }
    fn float(&mut self, value: f64) -> Option<usize> {
        Some(self.keep(value.into()))
    }
    fn string(&mut self, text: &str) -> usize {
        self.keep(text.into())
    }
    fn list(&mut self, items: &[usize]) -> Option<usize> {
        let items = items.iter().map(|item| self.0[*item].clone()).collect();
        Some(self.keep(Value::Array(items)))
    }
    fn map(&mut self, keys: &[usize], values: &[usize]) -> Option<usize> {
        let mut map = Map::new();
        for (key, value) in keys.iter().zip(values) {
            let key = self.0[*key].as_str().unwrap().to_owned();
            map.entry(key).or_insert_with(|| self.0[*value].clone());
        }
        Some(self.keep(Value::Object(map)))
    }
}

fn parse(text: &str) -> Result<Value, Invalid> {
    let mut values = Vec::new();
    read(text, Values(&mut values), &mut Memory::default()).map(|index| values[index].clone())
}

#[test]
fn reads_what_serde_json_reads() {
    for text in [
        "null",
        "true",
        "false",
        " 1 ",
        "0",
        "-12",
        "1.5",
        "-0.0",
        "1e3",
        "1E-3",
        "2.5e+10",
        "\"\"",
        "\"a\"",
        r#""\"\\\/\b\f\n\r\t""#,
        r#""\u00e9\ud83d\ude00\u0000""#,
        "\"é😀\"",
        "[]",
        "[ ]",
        "[1, 2,3]",
        "{}",
        "{ }",
        r#"{"a":1,"b":[{"c":null}]}"#,
        "\t\r\n[true ,false]\n",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        assert_eq!(
            parse(text),
            Ok(serde_json::from_str(text).unwrap()),
            "{text}"
        );
    }
}

#[test]
fn refuses_what_serde_json_refuses() {
    for text in [
        "",
        " ",
        "nul",
        "tru",
        "True",
        "nan",
        "+1",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "- 1",
        "0x1",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\n\"",
        "\"\\",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{\"a\" 1}",
        "1 2",
        "[]]",
        "1e999",
        "'a'",
        "\u{a0}1",
    ] {
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn says_where_a_text_stops_to_be_json() {
    assert_eq!(parse("[1, 2, x]").unwrap_err().offset, 7);
    assert_eq!(parse("{\"a\": tru}").unwrap_err().offset, 6);
    assert_eq!(parse("\"abc").unwrap_err().offset, 4);
}

#[test]
fn long_integers_stay_integers() {
    assert_eq!(
        parse("9223372036854775808"),
        Ok(json!({"big": "9223372036854775808"}))
    );
    assert_eq!(
        parse("1000000000000000000000"),
        Ok(json!({"big": "1000000000000000000000"}))
    );
}

#[test]
fn of_equal_keys_the_first_counts() {
    assert_eq!(parse(r#"{"a":1,"b":2,"a":3}"#), Ok(json!({"a": 1, "b": 2})));
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(
        parse(&nested(MAX_DEPTH + 1)).unwrap_err().problem,
        "nested too deeply"
    );
}

#[test]
fn every_truncation_and_mutation_agrees_with_serde_json() {
    let text = r#"{"a":[1,-2.5e3,"x\n\u00e9",null,true],"b":{"c":{},"d":[]}}"#;
    let bytes = text.as_bytes();
    for at in 0..bytes.len() {
        for byte in b"\"\\{}[]:,0-9.eE u\x00z".iter().copied() {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            agree(&changed);
        }
        agree(&bytes[..at]);
    }
}

fn agree(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match (parse(text), serde_json::from_str::<Value>(text)) {
        (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{text}: {ours:?}, serde_json {theirs:?}"),
    }
}

#[test]
fn minus_zero_is_an_integer_unless_it_has_a_fraction() {
    assert_eq!(parse("-0"), Ok(json!(0)));
    assert_eq!(
        parse("-0.0").map(|value| value.as_f64().map(f64::is_sign_negative)),
        Ok(Some(true))
    );
}

#[test]
fn what_a_broken_text_left_is_not_in_the_next_one() {
    let mut memory = Memory::default();
    let mut values = Vec::new();
    for broken in [
        r#"{"a": [1, {"b": 2, "c": "#,
        r#"["\n x"#,
        r#"{"a": {"b": nul"#,
    ] {
        assert!(read(broken, Values(&mut values), &mut memory).is_err());
        let text = r#"{"x": [1, {"y": {}, "z": "\t"}], "w": {"v": 3}}"#;
        let index = read(text, Values(&mut values), &mut memory).unwrap();
        assert_eq!(values[index], serde_json::from_str::<Value>(text).unwrap());
    }
}
