//! Maps, lists and tuples: JSON text where that gives back exactly the same, else the
//! external term format.

use ash_rusqlite_engine::Value;
use rustler::types::tuple::get_tuple;
use rustler::{MapIterator, Term, TermType};

use crate::atoms;
use crate::term::raw;

use super::{invalid, Decode, Decoded};

/// JSON deeper than that is left to the external term format; its reader stops at 128.
const JSON_DEPTH: usize = 120;
/// The bytes of most maps.
const SHORT_JSON: usize = 128;
/// Maps up to this size are iterated in the order of their keys.
const ORDERED_KEYS: usize = 32;

impl Decode {
    /// The value of a map, list or tuple without a meaning of its own.
    pub(super) fn structured(&mut self, term: Term<'_>) -> Decoded<Value> {
        let mut json = Vec::with_capacity(SHORT_JSON);
        if self.json(term, 0, &mut json)? {
            let text = String::from_utf8(json);
            return text
                .map(Value::Json)
                .map_err(|_| invalid("JSON that is not UTF-8"));
        }
        if let Some(kind) = self.fleeting(term)? {
            return Ok(Value::Unsupported(kind));
        }
        let external = term.to_binary();
        self.weigh(external.len())?;
        Ok(Value::Term(external.as_slice().to_vec()))
    }

    /// Writes a term as JSON; false as soon as JSON would not give it back.
    fn json(&mut self, term: Term<'_>, depth: usize, out: &mut Vec<u8>) -> Decoded<bool> {
        match term.get_type() {
            TermType::Atom => Ok(constant(term, out)),
            TermType::Integer => {
                self.spend(8)?;
                Ok(term.decode::<i64>().is_ok_and(|value| write(out, &value)))
            }
            TermType::Float => {
                self.spend(8)?;
                Ok(term.decode::<f64>().is_ok_and(|value| write(out, &value)))
            }
            TermType::Binary => self.json_string(term, out),
            TermType::List | TermType::Map if depth >= JSON_DEPTH => Ok(false),
            TermType::List => self.json_array(term, depth, out),
            TermType::Map => self.json_object(term, depth, out),
            _ => Ok(false),
        }
    }

    fn json_string(&mut self, term: Term<'_>, out: &mut Vec<u8>) -> Decoded<bool> {
        let Ok(binary) = term.into_binary() else {
            return Ok(false);
        };
        self.spend(binary.len())?;
        Ok(std::str::from_utf8(binary.as_slice()).is_ok_and(|text| write(out, text)))
    }

    fn json_array(&mut self, list: Term<'_>, depth: usize, out: &mut Vec<u8>) -> Decoded<bool> {
        out.push(b'[');
        let mut rest = list;
        let mut first = true;
        while let Ok((item, tail)) = rest.list_get_cell() {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            if !self.json(item, depth + 1, out)? {
                return Ok(false);
            }
            rest = tail;
        }
        out.push(b']');
        Ok(rest.is_empty_list())
    }

    fn json_object(&mut self, map: Term<'_>, depth: usize, out: &mut Vec<u8>) -> Decoded<bool> {
        self.reserve(map.map_size().unwrap_or(0))?;
        let mut pairs: Vec<(Term<'_>, Term<'_>)> =
            MapIterator::new(map).into_iter().flatten().collect();
        if pairs.len() > ORDERED_KEYS {
            // Larger maps are iterated by hash; equal maps shall have equal texts.
            pairs.sort_by_key(|(key, _)| *key);
        }
        out.push(b'{');
        let mut first = true;
        for (key, value) in pairs {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            if key.get_type() != TermType::Binary || !self.json_string(key, out)? {
                return Ok(false);
            }
            out.push(b':');
            if !self.json(value, depth + 1, out)? {
                return Ok(false);
            }
        }
        out.push(b'}');
        Ok(true)
    }

    /// The kind of anything in a term that does not outlive the system. Without recursion:
    /// what Erlang can hold may be nested without limit.
    fn fleeting(&mut self, term: Term<'_>) -> Decoded<Option<&'static str>> {
        let mut rest = vec![term];
        while let Some(term) = rest.pop() {
            self.spend(0)?;
            match term.get_type() {
                TermType::Fun => return Ok(Some("function")),
                TermType::Pid => return Ok(Some("pid")),
                TermType::Port => return Ok(Some("port")),
                TermType::Ref => return Ok(Some("reference")),
                // Its bytes are copied into the external format.
                TermType::Binary => {
                    let binary = term.into_binary();
                    self.weigh(binary.map_or(0, |binary| binary.len()))?;
                }
                // A list of one more item; the end of an improper list is seen, too.
                TermType::List => {
                    if let Ok((item, tail)) = term.list_get_cell() {
                        rest.extend([tail, item]);
                    }
                }
                TermType::Tuple => {
                    self.reserve(raw::arity(term).unwrap_or(0))?;
                    rest.extend(get_tuple(term).unwrap_or_default());
                }
                TermType::Map => {
                    self.reserve(term.map_size().unwrap_or(0))?;
                    let pairs = MapIterator::new(term).into_iter().flatten();
                    rest.extend(pairs.flat_map(|(key, value)| [key, value]));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

fn constant(term: Term<'_>, out: &mut Vec<u8>) -> bool {
    let text: &[u8] = if atoms::nil() == term {
        b"null"
    } else if atoms::true_() == term {
        b"true"
    } else if atoms::false_() == term {
        b"false"
    } else {
        return false;
    };
    out.extend_from_slice(text);
    true
}

/// Floats keep their point (`1.0`), so that they come back as floats.
fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> bool {
    serde_json::to_writer(out, value).is_ok()
}
