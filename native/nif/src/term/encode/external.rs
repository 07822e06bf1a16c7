//! Terms in the external format, as values are stored that JSON would not give back.
//!
//! What the VM reads in its safe mode may still be a function, a pid, a port or a reference, and
//! must not name an atom that does not exist in the VM yet. So the bytes are checked first: the
//! former are refused, and missing atoms are made within a limit.

use rustler::Env;

use crate::external::{scan, Flaw, Holds};
use crate::stored_atoms::{self, Refused};
use crate::term::raw::Raw;

/// Why a term cannot be read.
pub enum Problem {
    /// It is none, or holds what cannot be read.
    Flaw(Flaw),
    /// Atoms of it are missing, and cannot be made.
    Atom(Refused),
}

impl From<Flaw> for Problem {
    fn from(flaw: Flaw) -> Self {
        Problem::Flaw(flaw)
    }
}

impl Problem {
    /// The problem in words, which say what to do.
    pub fn text(&self) -> String {
        match self {
            Problem::Flaw(Flaw::Fleeting(kind)) => {
                format!("it holds a {kind}, which no stored value can be")
            }
            Problem::Flaw(Flaw::Malformed) => {
                "it is no term in the External Term Format, not compressed".to_owned()
            }
            Problem::Atom(Refused::Invalid(text)) => {
                format!("it holds the atom {text:?}, which is too long for one")
            }
            Problem::Atom(Refused::Beyond { atom, limit }) => format!(
                "it holds the atom {atom:?}, which this VM has not met yet, and stored values may \
                 make {limit} atoms: load the code that names it first, or raise \
                 `config :ash_rusqlite, max_stored_atoms: {limit}`"
            ),
        }
    }

    /// The atom that is missing.
    pub fn atom(&self) -> Option<&str> {
        match self {
            Problem::Atom(Refused::Beyond { atom, .. } | Refused::Invalid(atom)) => Some(atom),
            _ => None,
        }
    }
}

/// The term of its bytes.
pub fn term<'a>(env: Env<'a>, bytes: &[u8], holds: Holds) -> Result<Raw<'a>, Problem> {
    scan(bytes, holds, |_| ())?;
    if let Some(term) = safe(env, bytes) {
        return Ok(term);
    }
    let mut atoms = Vec::new();
    scan(bytes, holds, |atom| atoms.push(atom))?;
    stored_atoms::make(env, atoms).map_err(Problem::Atom)?;
    safe(env, bytes).ok_or(Problem::Flaw(Flaw::Malformed))
}

fn safe<'a>(env: Env<'a>, bytes: &[u8]) -> Option<Raw<'a>> {
    match env.binary_to_term(bytes) {
        Some((term, length)) if length == bytes.len() => Some(Raw::of(term)),
        _ => None,
    }
}
