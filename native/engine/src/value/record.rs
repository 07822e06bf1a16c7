//! Rows as events of the journal hold them: JSON objects of encoded values, read by the types that
//! the columns of their tables have today.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::types::ValueRef;
use serde_json::value::RawValue;
use serde_json::Value as Json;

use super::decode::decode;
use super::decoded::{Decoded, Holds, OutputColumn, Record, RecordTable, Records};
use crate::error::{Code, Error, Result};

impl Records {
    /// For a column of events that have the name of their table at `table_at`.
    pub(crate) fn new(
        tables: &Arc<HashMap<String, RecordTable>>,
        table_at: usize,
        holds: Holds,
    ) -> Arc<Records> {
        let tables = Arc::clone(tables);
        Arc::new(Records {
            tables,
            table_at,
            holds,
        })
    }

    /// Where an event has the name of its table.
    pub(crate) fn table_at(&self) -> usize {
        self.table_at
    }

    /// What an event of a table holds.
    pub(crate) fn decode<'a>(
        &'a self,
        stored: ValueRef<'a>,
        table: ValueRef<'_>,
    ) -> Result<Decoded<'a>> {
        let table = match table {
            ValueRef::Text(name) => std::str::from_utf8(name).ok(),
            _ => None,
        };
        let table = table.and_then(|name| self.tables.get(name));
        let columns: &[OutputColumn] = match (table, self.holds) {
            (None, _) => &[],
            (Some(table), Holds::Row) => &table.columns,
            (Some(table), Holds::Key) => &table.key,
        };
        match (stored, self.holds, columns) {
            (_, Holds::Key, [column]) => Ok(typed(stored, column)),
            (ValueRef::Text(text), Holds::Row, _) | (ValueRef::Text(text), Holds::Key, [_, ..]) => {
                let text = std::str::from_utf8(text).map_err(|_| unreadable("it is no UTF-8"))?;
                Ok(Decoded::Record(Record {
                    text,
                    columns,
                    holds: self.holds,
                }))
            }
            _ => Ok(plain(stored)),
        }
    }
}

/// One value of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'v> {
    /// What the column held: by its type of today, or as it was stored where it is gone or cannot
    /// be read as that.
    Value(Decoded<'v>),
    /// The journal does not have it, only that there was one.
    Sensitive,
    /// It was removed.
    Redacted,
}

impl<'a> Record<'a> {
    /// As it is stored.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// What it is.
    pub fn holds(&self) -> Holds {
        self.holds
    }

    /// Calls `visit` for each value, with the name of its column, and the column if the table has
    /// it today. Those of a key come in the key's order, those of a row in the order of the names.
    ///
    /// # Errors
    /// `invalid_stored_value` for what is no record; those of `visit`.
    pub fn each(
        &self,
        mut visit: impl FnMut(&str, Option<&OutputColumn>, Field<'_>) -> Result<()>,
    ) -> Result<()> {
        match self.holds {
            Holds::Row => {
                let fields: BTreeMap<String, &RawValue> = parse(self.text)?;
                fields.iter().try_for_each(|(name, raw)| {
                    let column = self.columns.iter().find(|column| column.name == *name);
                    with_field(raw.get(), column, |field| visit(name, column, field))
                })
            }
            Holds::Key => {
                let fields: Vec<&RawValue> = parse(self.text)?;
                fields.iter().enumerate().try_for_each(|(at, raw)| {
                    let column = self.columns.get(at);
                    let name = column.map_or("", |column| &column.name);
                    with_field(raw.get(), column, |field| visit(name, column, field))
                })
            }
        }
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))
}

/// Calls `visit` with a value of a JSON text.
fn with_field(
    json: &str,
    column: Option<&OutputColumn>,
    visit: impl FnOnce(Field<'_>) -> Result<()>,
) -> Result<()> {
    let of = |stored| {
        Field::Value(match column {
            Some(column) => typed(stored, column),
            None => plain(stored),
        })
    };
    match json.as_bytes().first() {
        Some(b'n') => visit(Field::Value(Decoded::Null)),
        Some(b'"') => match json.trim_matches('"') {
            text if !text.contains('\\') => visit(of(ValueRef::Text(text.as_bytes()))),
            _ => {
                let text: String = parse(json)?;
                visit(of(ValueRef::Text(text.as_bytes())))
            }
        },
        Some(b'{') => match parse::<BTreeMap<String, Json>>(json)?.pop_first() {
            Some((kind, Json::String(hex))) if kind == "blob" => {
                let bytes = bytes_of(&hex).ok_or_else(|| unreadable("a blob is no hexadecimal"))?;
                visit(of(ValueRef::Blob(&bytes)))
            }
            Some((kind, _)) if kind == "digest" => visit(Field::Sensitive),
            Some((kind, _)) if kind == "redacted" => visit(Field::Redacted),
            _ => Err(unreadable("an object is no value")),
        },
        _ => match (json.parse::<i64>(), json.parse::<f64>()) {
            (Ok(number), _) => visit(of(ValueRef::Integer(number))),
            (_, Ok(number)) if number.is_finite() => visit(of(ValueRef::Real(number))),
            // There is no such number elsewhere.
            (_, Ok(_)) => visit(Field::Value(Decoded::Text(json.as_bytes()))),
            _ => Err(unreadable("a value is of no known kind")),
        },
    }
}

/// A value by the type of its column, or as it is stored.
fn typed<'a>(stored: ValueRef<'a>, column: &OutputColumn) -> Decoded<'a> {
    decode(stored, column).unwrap_or_else(|_| plain(stored))
}

fn plain(stored: ValueRef<'_>) -> Decoded<'_> {
    match stored {
        ValueRef::Null => Decoded::Null,
        ValueRef::Integer(number) => Decoded::Integer(number),
        ValueRef::Real(number) => Decoded::Real(number),
        ValueRef::Text(text) => Decoded::Text(text),
        ValueRef::Blob(bytes) => Decoded::Blob(bytes),
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    hex.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

#[cold]
fn unreadable(problem: &str) -> Error {
    let message = format!("an event of the journal cannot be read: {problem}");
    Error::new(Code::InvalidStoredValue, message).with("table", "ash_rusqlite_events")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::ColumnType;

    fn tables() -> Arc<HashMap<String, RecordTable>> {
        let column = |name, column_type| OutputColumn::new(name, "t", column_type);
        let columns: Arc<[OutputColumn]> = Arc::new([
            column("id", ColumnType::Integer),
            column("at", ColumnType::Date),
            column("data", ColumnType::Blob),
        ]);
        let key = columns.iter().take(2).cloned().collect();
        Arc::new([("t".to_owned(), RecordTable { columns, key })].into())
    }

    fn shown(holds: Holds, text: &str) -> Vec<String> {
        let (tables, name) = (tables(), ValueRef::Text(b"t"));
        let records = Records::new(&tables, 0, holds);
        let decoded = records.decode(ValueRef::Text(text.as_bytes()), name);
        let Ok(Decoded::Record(record)) = decoded else {
            return vec![format!("{decoded:?}")];
        };
        let mut all = Vec::new();
        let visited = record.each(|name, column, field| {
            let known = if column.is_some() { "" } else { "?" };
            all.push(format!("{name}{known} {field:?}"));
            Ok(())
        });
        all.extend(visited.err().map(|error| error.code().as_str().to_owned()));
        all
    }

    #[test]
    fn values_are_read_by_the_types_of_their_columns_or_as_they_are_stored() {
        let text = r#"{"id":-7,"at":"2026-01-02","data":{"blob":"00fF"},"gone":1.5,"n":null}"#;
        let date = "Date { year: 2026, month: 1, day: 2 }";
        assert_eq!(
            shown(Holds::Row, text),
            [
                format!("at Value(Date({date}))"),
                "data Value(Blob([0, 255]))".to_owned(),
                "gone? Value(Real(1.5))".to_owned(),
                "id Value(Integer(-7))".to_owned(),
                "n? Value(Null)".to_owned(),
            ]
        );
        let text = r#"{"at":"not a date","id":"\u00e4\"","x":9.0e+999}"#;
        assert_eq!(
            shown(Holds::Row, text),
            [
                format!("at Value(Text({:?}))", b"not a date"),
                format!("id Value(Text({:?}))", "ä\"".as_bytes()),
                format!("x? Value(Text({:?}))", b"9.0e+999"),
            ]
        );
    }

    #[test]
    fn what_is_not_there_any_more_is_said() {
        let text = r#"{"at":{"redacted":true},"id":{"digest":"AB"}}"#;
        assert_eq!(shown(Holds::Row, text), ["at Redacted", "id Sensitive"]);
    }

    #[test]
    fn keys_of_several_columns_come_in_their_order() {
        let date = "Date { year: 2026, month: 1, day: 2 }";
        assert_eq!(
            shown(Holds::Key, r#"[3,"2026-01-02"]"#),
            [
                "id Value(Integer(3))".to_owned(),
                format!("at Value(Date({date}))")
            ]
        );
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        for text in [
            "",
            "[1]",
            r#"{"a":[1]}"#,
            r#"{"a":{"blob":"0"}}"#,
            r#"{"a":{}}"#,
        ] {
            assert_eq!(shown(Holds::Row, text), ["invalid_stored_value"], "{text}");
        }
    }
}
