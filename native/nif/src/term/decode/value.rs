//! Terms to values.

use ash_rusqlite_engine::{Name, Value};
use rustler::{Term, TermType};

use crate::atoms;

use super::{calendar, is_nil, Decode, Decoded};

/// No table has more columns (SQLITE_MAX_COLUMN).
const MOST_COLUMNS: usize = 2000;

impl Decode {
    /// The value of a term. What no column holds is `Value::Unsupported`, so that the error
    /// can name the column.
    pub(super) fn value(&mut self, term: Term<'_>) -> Decoded<Value> {
        self.spend(0)?;
        match term.get_type() {
            TermType::Atom => Ok(atom(term)),
            TermType::Integer => Ok(integer(term)),
            TermType::Float => Ok(term
                .decode()
                .map_or(Value::Unsupported("float"), Value::Real)),
            TermType::Binary => self.bytes(term),
            TermType::Map => match calendar::structure(term) {
                Some(value) => Ok(value),
                None => self.structured(term),
            },
            TermType::List | TermType::Tuple => self.structured(term),
            TermType::Fun => Ok(Value::Unsupported("function")),
            TermType::Pid => Ok(Value::Unsupported("pid")),
            TermType::Port => Ok(Value::Unsupported("port")),
            TermType::Ref => Ok(Value::Unsupported("reference")),
            TermType::Unknown => Ok(Value::Unsupported("term")),
        }
    }

    fn bytes(&mut self, term: Term<'_>) -> Decoded<Value> {
        let Ok(binary) = term.into_binary() else {
            return Ok(Value::Unsupported("bitstring"));
        };
        self.weigh(binary.len())?;
        Ok(Value::Bytes(binary.as_slice().to_vec()))
    }

    /// The values of a list.
    pub(super) fn values(&mut self, term: Term<'_>, what: &'static str) -> Decoded<Vec<Value>> {
        let mut values = Vec::new();
        self.each(term, what, |decode, item| {
            values.push(decode.value(item)?);
            Ok(())
        })?;
        Ok(values)
    }

    /// The names and values of a keyword list or a map, such as a row.
    pub(super) fn fields(
        &mut self,
        term: Term<'_>,
        what: &'static str,
    ) -> Decoded<Vec<(Name, Value)>> {
        let mut fields = Vec::with_capacity(term.map_size().unwrap_or(0).min(MOST_COLUMNS));
        self.each_pair(term, what, |decode, name, value| {
            fields.push((name, decode.value(value)?));
            Ok(())
        })?;
        Ok(fields)
    }
}

fn atom(term: Term<'_>) -> Value {
    if is_nil(term) {
        Value::Null
    } else if atoms::true_() == term {
        Value::Boolean(true)
    } else if atoms::false_() == term {
        Value::Boolean(false)
    } else {
        atoms::text(term).map_or(Value::Unsupported("atom"), Value::Symbol)
    }
}

fn integer(term: Term<'_>) -> Value {
    match term.decode::<i64>() {
        Ok(value) => Value::Integer(value),
        Err(_) => calendar::big_integer(term).map_or(
            Value::Unsupported("integer of more than 10,000 digits"),
            Value::BigInteger,
        ),
    }
}
