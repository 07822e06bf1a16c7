//! JSON straight into terms.

use ash_rusqlite_engine::{Code, Error, Result};
use rustler::Env;

use crate::json::{self, Build, Invalid, Memory};
use crate::term::raw::Raw;

use super::recent::Recent;

struct Terms<'a, 'r> {
    env: Env<'a>,
    recent: Option<&'r mut Recent<'a>>,
}

impl<'a> Build for Terms<'a, '_> {
    type Term = Raw<'a>;

    fn null(&mut self) -> Raw<'a> {
        Raw::nil()
    }

    fn boolean(&mut self, value: bool) -> Raw<'a> {
        Raw::boolean(value)
    }

    fn integer(&mut self, digits: &str) -> Option<Raw<'a>> {
        Raw::digits(self.env, digits)
    }

    fn float(&mut self, value: f64) -> Option<Raw<'a>> {
        Raw::float(self.env, value)
    }

    fn string(&mut self, text: &str) -> Raw<'a> {
        let env = self.env;
        let make = || Raw::binary(env, text.as_bytes());
        match &mut self.recent {
            Some(recent) => recent.term(text.as_bytes(), make),
            None => make(),
        }
    }

    fn list(&mut self, items: &[Raw<'a>]) -> Option<Raw<'a>> {
        Raw::list(self.env, items)
    }

    fn map(&mut self, keys: &[Raw<'a>], values: &[Raw<'a>]) -> Option<Raw<'a>> {
        Raw::map(self.env, keys, values).or_else(|| Raw::map_of_first(self.env, keys, values))
    }
}

/// The term of a JSON text, with the strings that it shares with other terms.
pub fn term<'a>(
    env: Env<'a>,
    text: &str,
    recent: Option<&mut Recent<'a>>,
    memory: &mut Memory<Raw<'a>>,
) -> Result<Raw<'a>, Invalid> {
    json::read(text, Terms { env, recent }, memory)
}

/// The term of bytes that may be JSON.
pub fn of_bytes<'a>(env: Env<'a>, bytes: &[u8]) -> Result<Raw<'a>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        invalid(Invalid {
            offset: error.valid_up_to(),
            problem: "the text is not UTF-8",
        })
    })?;
    term(env, text, None, &mut Memory::default()).map_err(invalid)
}

fn invalid(Invalid { offset, problem }: Invalid) -> Error {
    Error::new(
        Code::InvalidValue,
        format!("this is not JSON: at byte {offset}, {problem}"),
    )
    .with("offset", offset)
}
