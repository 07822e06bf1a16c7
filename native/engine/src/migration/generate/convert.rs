//! What becomes of the stored values of a column whose type changes.
//!
//! Only SQLite's own functions are used, so that any program can run the file. A value that is no
//! value of the old type is left as it is: it was unreadable before, and is not lost.

use crate::sqlite::lex::name;
use crate::value::ColumnType;

/// How the values of a column become those of another type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conversion {
    /// The expression of the new value.
    pub(super) sql: String,
    /// What the new type cannot hold, if anything.
    pub(super) loses: Option<&'static str>,
}

/// The conversion of the values of a column that was declared as `from` and will be as `to`.
pub(super) fn conversion(column: &str, from: &str, to: &str) -> Conversion {
    use ColumnType::{Blob, Boolean, Date, Decimal, Integer, Json, Real, Text, Uuid};
    let c = &name(column);
    let (old, new) = (
        ColumnType::from_declared(from),
        ColumnType::from_declared(to),
    );
    let kept = || exact(c.clone());
    if let (Some(from), Some(to)) = (form(old), form(new)) {
        return of_times(c, from, to);
    }
    match (old, new) {
        (Real, Integer) => Conversion {
            sql: format!("CASE WHEN typeof({c}) = 'real' AND abs({c}) < 9.2e18 THEN CAST(round({c}) AS INTEGER) ELSE {c} END"),
            loses: Some("fractions"),
        },
        (Decimal, Integer) => Conversion {
            // A float holds no more than 15 digits, an integer no more than 18 of any value.
            sql: format!(
                "CASE WHEN typeof({c}) <> 'text' OR CAST(CAST({c} AS INTEGER) AS TEXT) = {c} THEN {c} \
                 WHEN abs({c}) < 9e15 THEN CAST(round({c}) AS INTEGER) ELSE {c} END"
            ),
            loses: Some("fractions"),
        },
        (Decimal, Real) => Conversion {
            sql: format!("CASE typeof({c}) WHEN 'text' THEN CAST({c} AS REAL) ELSE {c} END"),
            loses: Some("digits that a float does not hold"),
        },
        (Integer, Boolean) => Conversion {
            sql: format!("CASE typeof({c}) WHEN 'integer' THEN {c} <> 0 ELSE {c} END"),
            loses: Some("numbers other than 0 and 1"),
        },
        (Boolean, Text | Json) => exact(either(c, ("1", "'true'"), ("0", "'false'"))),
        (Text | Json, Boolean) => exact(either(c, ("'true'", "1"), ("'false'", "0"))),
        // What is an object or a list already is what it says.
        (Text, Json) => exact(format!(
            "CASE WHEN typeof({c}) <> 'text' THEN {c} \
             WHEN json_valid({c}) AND json_type({c}) IN ('object', 'array') THEN {c} \
             ELSE json_quote({c}) END"
        )),
        (from, Json) if from == Uuid || form(from).is_some() => exact(format!(
            "CASE typeof({c}) WHEN 'text' THEN json_quote({c}) ELSE {c} END"
        )),
        (Json, to) if to == Text || to == Uuid || form(to).is_some() => Conversion {
            sql: format!(
                "CASE WHEN json_valid({c}) AND json_type({c}) = 'text' THEN json_extract({c}, '$') ELSE {c} END"
            ),
            loses: (to == Text).then_some("the difference between a text and a number, boolean or null"),
        },
        (Integer | Real, Json) => exact(format!("CAST({c} AS TEXT)")),
        (Text, Integer | Real) => Conversion {
            sql: c.clone(),
            loses: Some("the way in which a number was written, such as 007"),
        },
        (Text | Uuid | Json | Decimal, Blob) => exact(format!("CAST({c} AS BLOB)")),
        (Blob, Text | Uuid | Json | Decimal) => exact(format!("CAST({c} AS TEXT)")),
        (Integer, to) if seconds(to).is_some() => {
            let format = seconds(to).unwrap_or_default();
            exact(format!(
                "CASE typeof({c}) WHEN 'integer' THEN strftime('{format}', {c}, 'unixepoch') ELSE {c} END"
            ))
        }
        (from, Integer) if seconds(from).is_some() && from != Date => Conversion {
            sql: format!("CASE typeof({c}) WHEN 'text' THEN ifnull(unixepoch({c}), {c}) ELSE {c} END"),
            loses: Some("fractions of seconds"),
        },
        _ => kept(),
    }
}

fn exact(sql: String) -> Conversion {
    Conversion { sql, loses: None }
}

fn either(c: &str, one: (&str, &str), other: (&str, &str)) -> String {
    format!(
        "CASE {c} WHEN {} THEN {} WHEN {} THEN {} ELSE {c} END",
        one.0, one.1, other.0, other.1
    )
}

/// The format of seconds since 1970 in a column of times.
fn seconds(column_type: ColumnType) -> Option<String> {
    let form = form(column_type).filter(|form| form.date)?;
    let parts = [
        (true, "%Y-%m-%d"),
        (form.time, "T%H:%M:%S"),
        (form.micros, ".000000"),
        (form.zone, "Z"),
    ];
    let written = parts.iter().filter(|(has, _)| *has);
    Some(written.map(|(_, part)| *part).collect())
}

/// The parts of a text of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimeForm {
    date: bool,
    time: bool,
    micros: bool,
    zone: bool,
}

fn form(column_type: ColumnType) -> Option<TimeForm> {
    let form = column_type.time_form()?;
    Some(TimeForm {
        date: form.starts_with("0000-"),
        time: form.contains(':'),
        micros: form.contains('.'),
        zone: form.ends_with('Z'),
    })
}

/// From one text of times to another. Texts in another form than the column's own stay.
fn of_times(c: &str, from: TimeForm, to: TimeForm) -> Conversion {
    if from == to {
        return exact(c.to_owned());
    }
    // A time of day is no day and the other way round: what is there stays.
    if (to.date && !from.date) || (!to.date && !to.time) || (!to.date && from.date && !from.time) {
        return exact(c.to_owned());
    }
    let own = length(from);
    let day = if to.date {
        format!("substr({c}, 1, 10)")
    } else {
        String::new()
    };
    let clock = match (from.time, to.time) {
        (_, false) => String::new(),
        (false, true) if to.micros => "'00:00:00.000000'".to_owned(),
        (false, true) => "'00:00:00'".to_owned(),
        (true, true) => {
            let at = if from.date { 12 } else { 1 };
            match (from.micros, to.micros) {
                (true, true) => format!("substr({c}, {at}, 15)"),
                (false, true) => format!("substr({c}, {at}, 8) || '.000000'"),
                (_, false) => format!("substr({c}, {at}, 8)"),
            }
        }
    };
    let mut parts: Vec<&str> = Vec::new();
    if to.date {
        parts.push(&day);
    }
    if to.date && to.time {
        parts.push("'T'");
    }
    if to.time {
        parts.push(&clock);
    }
    if to.zone {
        parts.push("'Z'");
    }
    let value = parts.join(" || ");
    let loses = if from.time && !to.time {
        Some("the time of day")
    } else if from.date && !to.date {
        Some("the day")
    } else if from.micros && !to.micros {
        Some("fractions of seconds")
    } else {
        None
    };
    Conversion {
        sql: format!("CASE WHEN length({c}) = {own} THEN {value} ELSE {c} END"),
        loses,
    }
}

/// How long a text in this form is.
fn length(form: TimeForm) -> usize {
    let day = if form.date { 10 } else { 0 };
    let clock = match (form.time, form.micros) {
        (false, _) => 0,
        (true, false) => 8,
        (true, true) => 15,
    };
    day + clock + usize::from(form.date && form.time) + usize::from(form.zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::types::Value;
    use rusqlite::Connection;

    /// What becomes of a value on its way through columns of these types.
    fn through(value: &str, types: &[&str]) -> Value {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(&format!(
            "CREATE TABLE t0 (c {}); INSERT INTO t0 VALUES ({value})",
            types[0]
        ))
        .unwrap();
        for (at, pair) in types.windows(2).enumerate() {
            let sql = conversion("c", pair[0], pair[1]).sql;
            let to = at + 1;
            conn.execute_batch(&format!(
                "CREATE TABLE t{to} (c {}); INSERT INTO t{to} SELECT {sql} FROM t{at}",
                pair[1]
            ))
            .unwrap();
        }
        let last = types.len() - 1;
        conn.query_row(&format!("SELECT c FROM t{last}"), [], |row| row.get(0))
            .unwrap()
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn values_are_converted_and_come_back() {
        let there_and_back = [
            ("12", "INTEGER", "TEXT", text("12")),
            ("12", "INTEGER", "DECIMAL_TEXT", text("12")),
            ("1", "BOOLEAN_INT", "TEXT", text("true")),
            ("0", "BOOLEAN_INT", "JSON_TEXT", text("false")),
            ("'a \"b\"'", "TEXT", "JSON_TEXT", text("\"a \\\"b\\\"\"")),
            ("'{\"a\": [1]}'", "TEXT", "JSON_TEXT", text("{\"a\": [1]}")),
            (
                "'9007199254740993'",
                "TEXT",
                "DECIMAL_TEXT",
                text("9007199254740993"),
            ),
            ("7", "INTEGER", "JSON_TEXT", text("7")),
            (
                "'2026-01-02'",
                "DATE_TEXT",
                "JSON_TEXT",
                text("\"2026-01-02\""),
            ),
            (
                "'2026-01-02T03:04:05Z'",
                "DATETIME_TEXT",
                "JSON_TEXT",
                text("\"2026-01-02T03:04:05Z\""),
            ),
            ("'ab'", "TEXT", "BLOB", Value::Blob(b"ab".to_vec())),
            (
                "1700000000",
                "INTEGER",
                "DATETIME_TEXT",
                text("2023-11-14T22:13:20Z"),
            ),
            (
                "'2026-01-02T03:04:05Z'",
                "DATETIME_TEXT",
                "DATETIME_USEC_TEXT",
                text("2026-01-02T03:04:05.000000Z"),
            ),
            (
                "'2026-01-02'",
                "DATE_TEXT",
                "NAIVE_DATETIME_USEC_TEXT",
                text("2026-01-02T00:00:00.000000"),
            ),
            (
                "'03:04:05'",
                "TIME_TEXT",
                "TIME_USEC_TEXT",
                text("03:04:05.000000"),
            ),
        ];
        for (value, from, to, wanted) in there_and_back {
            assert_eq!(through(value, &[from, to]), wanted, "{from} to {to}");
            assert!(conversion("c", from, to).loses.is_none());
            assert_eq!(
                through(value, &[from, to, from]),
                through(value, &[from]),
                "{from}"
            );
        }
    }

    #[test]
    fn what_is_lost_is_said() {
        for (value, from, to, wanted) in [
            ("1.6", "REAL", "INTEGER", Value::Integer(2)),
            ("'1.6'", "DECIMAL_TEXT", "INTEGER", Value::Integer(2)),
            (
                "'9007199254740993'",
                "DECIMAL_TEXT",
                "INTEGER",
                Value::Integer(9_007_199_254_740_993),
            ),
            ("1e300", "REAL", "INTEGER", Value::Real(1e300)),
            ("'{\"a\":1}'", "JSON_TEXT", "TEXT", text("{\"a\":1}")),
            ("5", "INTEGER", "BOOLEAN_INT", Value::Integer(1)),
            ("'007'", "TEXT", "INTEGER", Value::Integer(7)),
            (
                "'2026-01-02T03:04:05.123456Z'",
                "DATETIME_USEC_TEXT",
                "NAIVE_DATETIME_TEXT",
                text("2026-01-02T03:04:05"),
            ),
            (
                "'2026-01-02T03:04:05Z'",
                "DATETIME_TEXT",
                "DATE_TEXT",
                text("2026-01-02"),
            ),
            (
                "'2026-01-02T03:04:05Z'",
                "DATETIME_TEXT",
                "TIME_TEXT",
                text("03:04:05"),
            ),
        ] {
            assert_eq!(through(value, &[from, to]), wanted, "{from} to {to}");
            assert!(conversion("c", from, to).loses.is_some(), "{from} to {to}");
        }
    }

    #[test]
    fn what_cannot_be_converted_stays() {
        for (value, from, to) in [
            ("'abc'", "TEXT", "INTEGER"),
            ("'maybe'", "TEXT", "BOOLEAN_INT"),
            ("'yesterday'", "DATETIME_TEXT", "DATETIME_USEC_TEXT"),
            ("'{\"a\":1}'", "JSON_TEXT", "TEXT"),
            ("NULL", "INTEGER", "DATETIME_TEXT"),
            ("NULL", "BOOLEAN_INT", "TEXT"),
            ("'03:04:05'", "TIME_TEXT", "DATETIME_TEXT"),
        ] {
            assert_eq!(
                through(value, &[from, to]),
                through(value, &[from]),
                "{from} to {to}"
            );
        }
    }
}
