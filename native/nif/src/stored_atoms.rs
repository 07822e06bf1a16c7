//! Atoms that stored values made, in a VM that has not met them yet. They are never freed, so
//! that their number is bounded, whatever a file holds.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustler::Env;

use crate::atoms;

/// Until a repo has said otherwise.
const DEFAULT_LIMIT: u64 = 100_000;

struct Made {
    count: u64,
    limit: u64,
}

static MADE: Mutex<Made> = Mutex::new(Made {
    count: 0,
    limit: DEFAULT_LIMIT,
});

/// Why the atoms of a value were not made. None of them was.
pub enum Refused {
    /// It is no atom.
    Invalid(String),
    /// This one would be beyond the limit.
    Beyond {
        /// The text of the first atom that is missing.
        atom: String,
        /// How many atoms may be made.
        limit: u64,
    },
}

/// Held while atoms are made, so that one that several calls need at a time counts once.
fn made() -> MutexGuard<'static, Made> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets how many atoms stored values may make as long as the library is loaded.
pub fn set_limit(limit: u64) {
    made().limit = limit;
}

/// Continues where the library before this one ended.
pub fn take_over(count: u64, limit: u64) {
    *made() = Made { count, limit };
}

/// How many atoms stored values have made, and may make.
pub fn count() -> (u64, u64) {
    let made = made();
    (made.count, made.limit)
}

/// Makes those of the atoms that are not there: all of them, or none.
pub fn make<'t>(
    env: Env<'_>,
    texts: impl IntoIterator<Item = Cow<'t, str>>,
) -> Result<(), Refused> {
    let mut made = made();
    let left = made.limit.saturating_sub(made.count);
    let mut missing = BTreeSet::new();
    let mut first = None;
    for text in texts {
        if missing.contains(&text) || atoms::exists(env, &text) {
            continue;
        }
        if !atoms::fits(&text) {
            return Err(Refused::Invalid(text.into_owned()));
        }
        let first = first.get_or_insert_with(|| text.clone().into_owned());
        missing.insert(text);
        if missing.len() as u64 > left {
            return Err(Refused::Beyond {
                atom: first.clone(),
                limit: made.limit,
            });
        }
    }
    for text in missing {
        // Counted first: what is not made is not beyond the limit either.
        made.count += 1;
        if atoms::make(env, &text).is_none() {
            return Err(Refused::Invalid(text.into_owned()));
        }
    }
    Ok(())
}
