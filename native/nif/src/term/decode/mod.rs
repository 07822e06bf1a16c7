//! Terms to the engine's data. What a term must look like is said by the errors.

mod calendar;
mod condition;
mod events;
mod generate;
mod journal;
mod kinds;
mod options;
mod read;
mod scalar;
mod select;
mod structured;
mod subselect;
mod table;
mod value;
mod write;

pub use condition::OTHER_OPERATORS;
pub use generate::{generate_options, optional_path, wanted};
pub use journal::{redaction, retention};
pub use options::{
    call_deadline, file_name_of, findings, migrate_options, open_options, overwrite, path, steps,
    timeout, CheckOptions,
};
pub use read::{Query, READS};
pub use scalar::COLLATIONS;
pub use select::DIRECTIONS;
pub use write::WRITES;

use ash_rusqlite_engine::{CallDeadline, Code, Error, Name};
use rustler::{NifResult, Term, TermType};

use crate::atoms;
use crate::term::raw;

/// Why decoding stopped.
pub enum Stop {
    /// The term is too big to be decoded on a normal scheduler.
    Big,
    /// The term has no meaning.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// What decoding gives.
pub type Decoded<T> = Result<T, Stop>;

/// Conditions may be nested so deep. Each level takes about 1 KB of stack, of which dirty
/// schedulers have 320 KB.
const MAX_DEPTH: usize = 100;
/// Values that take about 50 microseconds to decode.
const SCHEDULER_VALUES: usize = 500;
/// Bytes that take about 10 microseconds to copy.
const SCHEDULER_BYTES: usize = 64 * 1024;

/// The number of values that are decoded between two looks at the deadline.
const VALUES_BETWEEN_LOOKS: usize = 1024;

/// No tuple with a meaning has more elements.
const MAX_ARITY: usize = 16;

/// Decodes the terms of one call, within a budget.
pub struct Decode {
    values: usize,
    bytes: usize,
    depth: usize,
    deadline: Option<CallDeadline>,
}

impl Decode {
    /// As much as a normal scheduler may be held for.
    pub fn on_scheduler() -> Self {
        Decode {
            values: SCHEDULER_VALUES,
            bytes: SCHEDULER_BYTES,
            depth: 0,
            deadline: None,
        }
    }

    /// As much as there is; for dirty schedulers.
    pub fn unlimited() -> Self {
        Decode {
            values: usize::MAX,
            bytes: usize::MAX,
            depth: 0,
            deadline: None,
        }
    }

    /// The same, for a call that gives up at its deadline.
    pub fn within(self, deadline: CallDeadline) -> Self {
        Decode {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Notes one value with its bytes.
    fn spend(&mut self, bytes: usize) -> Decoded<()> {
        self.values = self.values.checked_sub(1).ok_or(Stop::Big)?;
        if self.values.is_multiple_of(VALUES_BETWEEN_LOOKS) {
            self.deadline.map_or(Ok(()), |deadline| deadline.check())?;
        }
        self.weigh(bytes)
    }

    /// Notes bytes of a value that was noted.
    fn weigh(&mut self, bytes: usize) -> Decoded<()> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Stop::Big)?;
        Ok(())
    }

    /// Stops when more values follow than may still be decoded, before they are looked at.
    fn reserve(&self, values: usize) -> Decoded<()> {
        match values > self.values {
            true => Err(Stop::Big),
            false => Ok(()),
        }
    }

    /// Goes one level deeper.
    fn enter(&mut self) -> Decoded<()> {
        if self.depth >= MAX_DEPTH {
            return Err(invalid(format!(
                "conditions and expressions nest at most {MAX_DEPTH} deep"
            )));
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes one level back. After an error nothing more is decoded.
    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// A table's or column's name.
    fn name(&mut self, term: Term<'_>, what: &'static str) -> Decoded<Name> {
        self.spend(0)?;
        name(term).ok_or_else(|| {
            invalid(format!(
                "{what} is an atom or a string, not {}",
                describe(term)
            ))
        })
    }

    /// The text of a string, of any length.
    fn text(&mut self, term: Term<'_>) -> Decoded<Option<String>> {
        let Ok(binary) = term.into_binary() else {
            return Ok(None);
        };
        self.spend(binary.len())?;
        Ok(std::str::from_utf8(binary.as_slice())
            .ok()
            .map(str::to_owned))
    }

    /// A list of column names; one alone counts as a list.
    fn names(&mut self, term: Term<'_>) -> Decoded<Vec<Name>> {
        let mut names: Vec<Name> = Vec::new();
        if !term.is_list() {
            return self.name(term, "a column").map(|name| vec![name]);
        }
        self.each(term, "a list of columns", |decode, item| {
            let name = decode.name(item, "a column")?;
            if !names.contains(&name) {
                names.push(name);
            }
            Ok(())
        })?;
        Ok(names)
    }

    /// Calls `visit` for each item of a proper list.
    fn each<'a>(
        &mut self,
        list: Term<'a>,
        what: &'static str,
        mut visit: impl FnMut(&mut Self, Term<'a>) -> Decoded<()>,
    ) -> Decoded<()> {
        let mut rest = list;
        while let Ok((item, tail)) = rest.list_get_cell() {
            visit(self, item)?;
            rest = tail;
        }
        match rest.is_empty_list() {
            true => Ok(()),
            false => Err(invalid(format!(
                "{what} must be a list, not {}",
                describe(list)
            ))),
        }
    }

    /// Calls `visit` for each pair of a keyword list or a map.
    fn each_pair<'a>(
        &mut self,
        term: Term<'a>,
        what: &'static str,
        mut visit: impl FnMut(&mut Self, Name, Term<'a>) -> Decoded<()>,
    ) -> Decoded<()> {
        if let Some(pairs) = rustler::MapIterator::new(term) {
            for (key, value) in pairs {
                let name = self.name(key, "a key")?;
                visit(self, name, value)?;
            }
            return Ok(());
        }
        if !term.is_list() {
            let shown = describe(term);
            return Err(invalid(format!(
                "{what} must be a map or a keyword list, not {shown}"
            )));
        }
        self.each(term, what, |decode, item| {
            match get_tuple(item).as_deref() {
                Ok([key, value]) => {
                    let name = decode.name(*key, "a key")?;
                    visit(decode, name, *value)
                }
                _ => {
                    let shown = describe(item);
                    Err(invalid(format!(
                        "{what} must hold pairs of a name and a value, not {shown}"
                    )))
                }
            }
        })
    }
}

/// The items of a list; `rustler::ListIterator` would panic at the end of an improper one.
struct Items<'a>(Term<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Term<'a>;

    fn next(&mut self) -> Option<Term<'a>> {
        let (item, rest) = self.0.list_get_cell().ok()?;
        self.0 = rest;
        Some(item)
    }
}

impl Items<'_> {
    /// Checks that the term was a list, up to its end.
    fn ended(self, list: Term<'_>, what: &'static str) -> Decoded<()> {
        match self.0.is_empty_list() {
            true => Ok(()),
            false => Err(invalid(format!(
                "{what} must be a list, not {}",
                describe(list)
            ))),
        }
    }
}

/// The elements of a tuple. A long one is no tuple here: its elements would be copied first.
fn get_tuple(term: Term<'_>) -> NifResult<Vec<Term<'_>>> {
    match raw::arity(term) {
        Some(arity) if arity <= MAX_ARITY => rustler::types::tuple::get_tuple(term),
        _ => Err(rustler::Error::BadArg),
    }
}

/// An `invalid_query` error.
fn invalid(message: impl Into<String>) -> Stop {
    Stop::Failed(Error::new(Code::InvalidQuery, message))
}

/// The text of an atom (except nil, true and false) or of a string that is not too long to be
/// copied on a scheduler.
fn name(term: Term<'_>) -> Option<Name> {
    match term.get_type() {
        TermType::Atom if is_constant(term) => None,
        TermType::Atom => atoms::text(term),
        TermType::Binary => {
            let binary = term.into_binary().ok()?;
            if binary.len() > SCHEDULER_BYTES {
                return None;
            }
            std::str::from_utf8(binary.as_slice()).ok().map(Name::from)
        }
        _ => None,
    }
}

fn is_constant(term: Term<'_>) -> bool {
    atoms::nil() == term || atoms::true_() == term || atoms::false_() == term
}

fn is_nil(term: Term<'_>) -> bool {
    atoms::nil() == term
}

/// Whether a list looks like a keyword list: its first item is a pair with a name.
fn is_keyword(term: Term<'_>) -> bool {
    term.list_get_cell()
        .ok()
        .and_then(|(head, _)| get_tuple(head).ok())
        .is_some_and(|pair| matches!(pair.as_slice(), [key, _] if name(*key).is_some()))
}

/// What a term is, for messages; short whatever its size.
fn describe(term: Term<'_>) -> String {
    const SHOWN: usize = 40;
    match term.get_type() {
        TermType::Atom => match atoms::text(term) {
            Some(text) if is_constant(term) => text.into(),
            Some(text) => format!(":{text}"),
            None => "an atom".to_owned(),
        },
        TermType::Integer if term.decode::<i64>().is_ok() => format!("{term:?}"),
        TermType::Float => format!("{term:?}"),
        TermType::Binary => match name(term) {
            Some(text) if text.len() <= SHOWN => format!("{text:?}"),
            _ => "a long string or bytes".to_owned(),
        },
        TermType::List if term.is_empty_list() => "[]".to_owned(),
        TermType::List if term.list_length().is_err() => "an improper list".to_owned(),
        kind => kind_of(kind).to_owned(),
    }
}

fn kind_of(kind: TermType) -> &'static str {
    match kind {
        TermType::Integer => "a big integer",
        TermType::List => "a list",
        TermType::Map => "a map",
        TermType::Tuple => "a tuple",
        TermType::Fun => "a function",
        TermType::Pid => "a pid",
        TermType::Port => "a port",
        TermType::Ref => "a reference",
        _ => "another term",
    }
}
