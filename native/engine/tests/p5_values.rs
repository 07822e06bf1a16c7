//! Every value comes back as it was given, from a column of its type's own storage class, and
//! texts are in the order of their values.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "fixtures/columns.rs"]
mod columns;

use ash_rusqlite_engine::{Code, ColumnType, Date, DateTime, Decoded, Time, Value};
use columns::{encoded, table_of, through};
use proptest::prelude::*;
use rusqlite::types::Value as Stored;

fn date() -> impl Strategy<Value = Date> {
    (0..=9999_i32, 1..=12_u8, 1..=31_u8).prop_map(|(year, month, day)| {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let day = day.min(days);
        Date { year, month, day }
    })
}

/// A time as its column gives it back: whole seconds, or six digits.
fn time(usec: bool) -> impl Strategy<Value = Time> {
    let fraction = if usec { 0..1_000_000_u32 } else { 0..1 };
    let precision = if usec { 6 } else { 0 };
    (0..24_u8, 0..60_u8, 0..60_u8, fraction).prop_map(move |(hour, minute, second, microsecond)| {
        Time {
            hour,
            minute,
            second,
            microsecond,
            precision,
        }
    })
}

fn datetime(usec: bool) -> impl Strategy<Value = DateTime> {
    (date(), time(usec)).prop_map(|(date, time)| DateTime { date, time })
}

/// The value is stored in this class and read back as given.
fn goes_through(column_type: ColumnType, value: Value, class: &str, expected: Decoded<'_>) {
    let stored = encoded(&value, column_type).unwrap();
    through(
        &table_of(column_type),
        stored,
        column_type,
        |found, read| {
            assert_eq!(found, class, "{value:?}");
            assert_eq!(read.unwrap(), expected);
        },
    );
}

fn text_of(value: &Value, column_type: ColumnType) -> String {
    match encoded(value, column_type).unwrap() {
        Stored::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn text_round_trip(text in any::<String>()) {
        let read = Decoded::Text(text.as_bytes());
        goes_through(ColumnType::Text, Value::Bytes(text.clone().into()), "text", read);
        goes_through(ColumnType::Text, Value::Symbol(text.clone().into()), "text", read);
        goes_through(ColumnType::Any, Value::Bytes(text.clone().into()), "text", read);
    }

    #[test]
    fn blob_round_trip(bytes in any::<Vec<u8>>()) {
        goes_through(ColumnType::Blob, Value::Bytes(bytes.clone()), "blob", Decoded::Blob(&bytes));
    }

    #[test]
    fn integer_round_trip(number in any::<i64>()) {
        let read = Decoded::Integer(number);
        goes_through(ColumnType::Integer, Value::Integer(number), "integer", read);
        goes_through(ColumnType::Any, Value::Integer(number), "integer", read);
    }

    #[test]
    fn real_round_trip(number in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
        goes_through(ColumnType::Real, Value::Real(number), "real", Decoded::Real(number));
        goes_through(ColumnType::Any, Value::Real(number), "real", Decoded::Real(number));
    }

    #[test]
    fn integers_in_real_columns_are_exact_or_refused(number in any::<i64>()) {
        match encoded(&Value::Integer(number), ColumnType::Real) {
            Ok(Stored::Real(float)) => assert_eq!(float as i128, i128::from(number)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert_eq!(error.code(), Code::InvalidValue),
        }
    }

    #[test]
    fn uuid_round_trip_and_order(a in any::<u128>(), b in any::<u128>()) {
        let id = |number| uuid::Uuid::from_u128(number).to_string();
        let upper = Value::Bytes(id(a).to_uppercase().into());
        goes_through(ColumnType::Uuid, upper, "text", Decoded::Text(id(a).as_bytes()));
        let text = |number| text_of(&Value::Bytes(id(number).into()), ColumnType::Uuid);
        assert_eq!(text(a).cmp(&text(b)), a.cmp(&b));
    }

    #[test]
    fn decimal_round_trip(negative: bool, digits in "0|[1-9][0-9]{0,40}", exponent in -60..20_i64) {
        let expected = normal(negative, &digits, exponent);
        let value = Value::Decimal { negative, coefficient: digits, exponent };
        goes_through(ColumnType::Decimal, value, "text", Decoded::Decimal(&expected));
        let again = Value::Bytes(expected.clone().into());
        goes_through(ColumnType::Decimal, again, "text", Decoded::Decimal(&expected));
    }

    #[test]
    fn datetime_round_trip(at in datetime(false), usec in datetime(true)) {
        for (column_type, at) in [(ColumnType::DateTime, at), (ColumnType::DateTimeUsec, usec)] {
            goes_through(column_type, Value::DateTime(at), "text", Decoded::DateTime(at));
        }
        let naive = [(ColumnType::NaiveDateTime, at), (ColumnType::NaiveDateTimeUsec, usec)];
        for (column_type, at) in naive {
            goes_through(column_type, Value::NaiveDateTime(at), "text", Decoded::NaiveDateTime(at));
        }
    }

    #[test]
    fn date_and_time_round_trip(day in date(), at in time(false), usec in time(true)) {
        goes_through(ColumnType::Date, Value::Date(day), "text", Decoded::Date(day));
        goes_through(ColumnType::Time, Value::Time(at), "text", Decoded::Time(at));
        goes_through(ColumnType::TimeUsec, Value::Time(usec), "text", Decoded::Time(usec));
    }

    #[test]
    fn the_order_of_texts_is_the_order_of_time(
        whole in (datetime(false), datetime(false)),
        usec in (datetime(true), datetime(true)),
    ) {
        for ((a, b), zoned, naive, time) in [
            (whole, ColumnType::DateTime, ColumnType::NaiveDateTime, ColumnType::Time),
            (usec, ColumnType::DateTimeUsec, ColumnType::NaiveDateTimeUsec, ColumnType::TimeUsec),
        ] {
            let zoned_text = |at| text_of(&Value::DateTime(at), zoned);
            let naive_text = |at| text_of(&Value::NaiveDateTime(at), naive);
            let time_text = |at: DateTime| text_of(&Value::Time(at.time), time);
            let date_text = |at: DateTime| text_of(&Value::Date(at.date), ColumnType::Date);
            assert_eq!(zoned_text(a).cmp(&zoned_text(b)), a.cmp(&b));
            assert_eq!(naive_text(a).cmp(&naive_text(b)), a.cmp(&b));
            assert_eq!(time_text(a).cmp(&time_text(b)), a.time.cmp(&b.time));
            assert_eq!(date_text(a).cmp(&date_text(b)), a.date.cmp(&b.date));
        }
    }

    #[test]
    fn json_scalars_are_json(text in any::<String>(), number in any::<i64>(), real in prop::num::f64::NORMAL) {
        let json = |value: &Value| -> serde_json::Value {
            serde_json::from_str(&text_of(value, ColumnType::Json)).unwrap()
        };
        assert_eq!(json(&Value::Bytes(text.clone().into())), serde_json::json!(text));
        assert_eq!(json(&Value::Integer(number)), serde_json::json!(number));
        assert_eq!(text_of(&Value::Real(real), ColumnType::Json).parse(), Ok(real));
    }
}

/// Elixir's `Decimal.to_string(decimal, :normal)`, but `Decimal.to_string(decimal)` where that would
/// make up zeros behind the digits.
fn normal(negative: bool, digits: &str, exponent: i64) -> String {
    let sign = if negative { "-" } else { "" };
    if exponent == 0 {
        return format!("{sign}{digits}");
    }
    if exponent > 0 {
        let (first, others) = digits.split_at(1);
        let point = if others.is_empty() { "" } else { "." };
        let power = exponent as usize + others.len();
        return format!("{sign}{first}{point}{others}E+{power}");
    }
    let places = exponent.unsigned_abs() as usize;
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = padded.split_at(padded.len() - places);
    format!("{sign}{whole}.{fraction}")
}

#[test]
fn null_fits_every_column() {
    for column_type in ColumnType::ALL {
        goes_through(*column_type, Value::Null, "null", Decoded::Null);
    }
}

#[test]
fn booleans_are_0_and_1() {
    for truth in [false, true] {
        let value = Value::Boolean(truth);
        goes_through(
            ColumnType::Boolean,
            value.clone(),
            "integer",
            Decoded::Boolean(truth),
        );
        assert_eq!(
            encoded(&value, ColumnType::Boolean).unwrap(),
            Stored::Integer(i64::from(truth))
        );
    }
}

#[test]
fn json_columns_hold_text_or_terms() {
    let json = r#"{"a":[1,2.0,null]}"#;
    goes_through(
        ColumnType::Json,
        Value::Json(json.into()),
        "text",
        Decoded::Json(json),
    );
    let term = [131, 119, 2, b'o', b'k'];
    let read = Decoded::Term(&term);
    goes_through(ColumnType::Json, Value::Term(term.into()), "blob", read);
    goes_through(ColumnType::Json, Value::Symbol("ok".into()), "blob", read);
    goes_through(
        ColumnType::Json,
        Value::Boolean(true),
        "text",
        Decoded::Json("true"),
    );
    // A number is text too: TEXT affinity, and a JSON reader expects it.
    goes_through(
        ColumnType::Json,
        Value::Integer(7),
        "text",
        Decoded::Json("7"),
    );
}

#[test]
fn a_text_with_nul_is_kept_whole() {
    let text = b"a\0b\0";
    goes_through(
        ColumnType::Text,
        Value::Bytes(text.to_vec()),
        "text",
        Decoded::Text(text),
    );
}

#[test]
fn an_integer_of_any_size_fits_a_decimal_column() {
    let digits = "-92233720368547758080";
    goes_through(
        ColumnType::Decimal,
        Value::BigInteger(digits.into()),
        "text",
        Decoded::Decimal(digits),
    );
    goes_through(
        ColumnType::Decimal,
        Value::Integer(-3),
        "text",
        Decoded::Decimal("-3"),
    );
}
