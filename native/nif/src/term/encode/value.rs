//! One stored value as a term.

use ash_rusqlite_engine::value::{decode_list, Field, Holds as RecordHolds, Record};
use ash_rusqlite_engine::{Code, ColumnType, DateTime, Decoded, Error, OutputColumn, Result};
use rustler::Env;

use crate::atoms;
use crate::decimal::Parts;
use crate::external::Holds;
use crate::json::{Invalid, Memory};
use crate::term::raw::Raw;

use super::calendar::{self, Utc};
use super::external;
use super::json;
use super::recent::{Recent, SharedAmong};
use super::rows::key;

/// Makes terms of values, all in one environment.
#[derive(Default)]
pub struct Values<'a> {
    /// Decimals become `%Decimal{}`, else their text.
    pub decimal: bool,
    utc: Option<Utc<'a>>,
    /// The last instant and its term: a row that was never changed has it twice.
    instant: Option<(DateTime, Raw<'a>)>,
    recent: Option<Recent<'a>>,
    memory: Memory<Raw<'a>>,
}

impl<'a> Values<'a> {
    /// With the form that decimals take.
    pub fn new(decimal: bool) -> Self {
        Values {
            decimal,
            ..Values::default()
        }
    }

    /// From now on short texts that come again share their terms.
    pub fn share(&mut self, rows: SharedAmong) {
        self.recent = Some(Recent::new(rows));
    }

    /// The term of a value. A fault names the value's column.
    pub fn term(
        &mut self,
        env: Env<'a>,
        value: &Decoded<'_>,
        column: &OutputColumn,
    ) -> Result<Raw<'a>> {
        if let Decoded::List(bytes) = value {
            return self.list(env, bytes, column);
        }
        match value {
            Decoded::Record(record) => self.record(env, record),
            Decoded::Term(bytes) => external::term(env, bytes, Holds::Lasting).map_err(|problem| {
                let error = unreadable(column, &problem.text());
                match problem.atom() {
                    Some(atom) => error.with("atom", atom),
                    None => error,
                }
            }),
            _ => self
                .plain(env, value)
                .map_err(|problem| unreadable(column, &problem)),
        }
    }

    fn list(&mut self, env: Env<'a>, list: &[u8], column: &OutputColumn) -> Result<Raw<'a>> {
        let mut terms = Vec::new();
        decode_list(list, column, |value| {
            terms.push(self.term(env, &value, column)?);
            Ok(())
        })?;
        Raw::list(env, &terms)
            .ok_or_else(|| Error::new(Code::TooBig, "a value is too long for a list"))
    }

    /// A map of a row's values, or a list of a key's. The names of columns that the table has today
    /// are atoms, as in its rows, others are strings.
    fn record(&mut self, env: Env<'a>, record: &Record<'_>) -> Result<Raw<'a>> {
        let (mut keys, mut terms) = (Vec::new(), Vec::new());
        record.each(|name, column, field| {
            keys.push(match column {
                Some(column) => key(env, column)?,
                None => Raw::binary(env, name.as_bytes()),
            });
            terms.push(match field {
                Field::Value(value) => self.recorded(env, &value, column)?,
                Field::Sensitive => Raw::atom(atoms::sensitive()),
                Field::Redacted => Raw::atom(atoms::redacted()),
            });
            Ok(())
        })?;
        let made = match record.holds() {
            RecordHolds::Row => Raw::map(env, &keys, &terms),
            RecordHolds::Key => Raw::list(env, &terms),
        };
        made.ok_or_else(|| Error::new(Code::TooBig, "an event has too many values"))
    }

    /// What cannot be read as its column's type is given as it is stored: it may be from a time
    /// when the column had another one.
    fn recorded(
        &mut self,
        env: Env<'a>,
        value: &Decoded<'_>,
        column: Option<&OutputColumn>,
    ) -> Result<Raw<'a>> {
        let unnamed = OutputColumn::new("", "", ColumnType::Any);
        let made = self.term(env, value, column.unwrap_or(&unnamed));
        made.or_else(|error| match value {
            Decoded::Json(text) => Ok(Raw::binary(env, text.as_bytes())),
            Decoded::Term(bytes) => Ok(Raw::binary(env, bytes)),
            _ => Err(error),
        })
    }

    /// The term of a value.
    fn plain(&mut self, env: Env<'a>, value: &Decoded<'_>) -> Result<Raw<'a>, String> {
        let term = match value {
            Decoded::Null => Raw::nil(),
            Decoded::Boolean(value) => Raw::boolean(*value),
            Decoded::Integer(value) => Raw::integer(env, *value),
            Decoded::Real(value) => return float(env, *value),
            Decoded::Text(bytes) => match &mut self.recent {
                Some(recent) => recent.term(bytes, || Raw::binary(env, bytes)),
                None => Raw::binary(env, bytes),
            },
            Decoded::Blob(bytes) => Raw::binary(env, bytes),
            Decoded::Decimal(text) if self.decimal => return decimal(env, text),
            Decoded::Decimal(text) => Raw::binary(env, text.as_bytes()),
            Decoded::DateTime(value) => return made(self.instant(env, value)),
            Decoded::NaiveDateTime(value) => return made(calendar::naive_date_time(env, value)),
            Decoded::Date(value) => return made(calendar::date(env, value)),
            Decoded::Time(value) => return made(calendar::time(env, value)),
            Decoded::Json(text) => {
                return json::term(env, text, self.recent.as_mut(), &mut self.memory)
                    .map_err(not_json)
            }
            Decoded::Term(_) | Decoded::List(_) | Decoded::Record(_) => {
                return Err("it is a list within a list".to_owned())
            }
        };
        Ok(term)
    }

    fn instant(&mut self, env: Env<'a>, value: &DateTime) -> Option<Raw<'a>> {
        match &self.instant {
            Some((last, term)) if last == value => Some(*term),
            _ => {
                let utc = self.utc.get_or_insert_with(|| Utc::new(env));
                let term = calendar::date_time(env, value, utc)?;
                self.instant = Some((*value, term));
                Some(term)
            }
        }
    }
}

fn made(term: Option<Raw<'_>>) -> Result<Raw<'_>, String> {
    term.ok_or_else(|| "its term cannot be made".to_owned())
}

fn not_json(Invalid { offset, problem }: Invalid) -> String {
    format!("it is not JSON, at byte {offset}: {problem}")
}

fn float<'a>(env: Env<'a>, value: f64) -> Result<Raw<'a>, String> {
    Raw::float(env, value).ok_or_else(|| format!("Elixir has no float for {value}"))
}

#[cold]
fn unreadable(column: &OutputColumn, problem: &str) -> Error {
    let OutputColumn {
        name,
        table,
        column_type,
        ..
    } = column;
    let place = if table.is_empty() {
        name.clone()
    } else {
        format!("{table}.{name}")
    };
    Error::new(
        Code::InvalidStoredValue,
        format!("a value of {place} cannot be read: {problem}"),
    )
    .with("table", table.as_str())
    .with("column", name.as_str())
    .with("expected", column_type.name())
}

/// `%Decimal{}` of a text such as `-12.30` or `1E+3`.
fn decimal<'a>(env: Env<'a>, text: &str) -> Result<Raw<'a>, String> {
    Parts::of(text)
        .and_then(|parts| structure(env, &parts))
        .ok_or_else(|| "it is no decimal".to_owned())
}

fn structure<'a>(env: Env<'a>, parts: &Parts) -> Option<Raw<'a>> {
    let keys = [
        atoms::__struct__(),
        atoms::coef(),
        atoms::exp(),
        atoms::sign(),
    ];
    let values = [
        Raw::atom(atoms::decimal()),
        Raw::digits(env, &parts.digits)?,
        Raw::integer(env, parts.exponent),
        Raw::integer(env, if parts.negative { -1 } else { 1 }),
    ];
    Raw::map(env, &keys.map(Raw::atom), &values)
}
