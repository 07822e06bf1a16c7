//! Terms in one machine word, for building many of them.
//!
//! `rustler::Term` carries its environment and its map and list builders collect the words
//! out of it again; a row of ten columns would allocate four times.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use rustler::sys::{
    enif_get_tuple, enif_make_double, enif_make_int64, enif_make_list_from_array,
    enif_make_map_from_arrays, enif_make_map_put, enif_make_new_map, enif_make_tuple_from_array,
    enif_make_uint64, ErlNifTerm,
};
use rustler::{Atom, BigInt, Encoder, Env, NewBinary, Term};

/// The largest number of digits of an integer: to read or write one takes time by their square.
pub const MAX_DIGITS: usize = 10_000;

/// A term of the environment `'a`. As with `rustler::Term`, the lifetime is invariant, so
/// that a term is only ever put together with terms of its own environment.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Raw<'a> {
    word: ErlNifTerm,
    env: PhantomData<*mut &'a u8>,
}

// SAFETY: it is only a word; what the word points to is reached through an `Env`, which
// stays on its thread, or moves together with the terms (`OwnedEnv`).
unsafe impl Send for Raw<'_> {}
// SAFETY: as above; it has no interior mutability.
unsafe impl Sync for Raw<'_> {}

/// How many elements a tuple has; `None` if it is none.
pub fn arity(term: Term<'_>) -> Option<usize> {
    let (mut arity, mut elements) = (0, std::ptr::null());
    let env = term.get_env().as_c_arg();
    // SAFETY: the term is of its environment; both places are written when the answer is not 0.
    let tuple = unsafe { enif_get_tuple(env, term.as_c_arg(), &mut arity, &mut elements) };
    (tuple != 0).then(|| usize::try_from(arity).unwrap_or(0))
}

fn count(length: usize) -> Option<u32> {
    u32::try_from(length).ok()
}

impl<'a> Raw<'a> {
    const fn new(word: ErlNifTerm) -> Self {
        Raw {
            word,
            env: PhantomData,
        }
    }

    /// The word of a term.
    pub fn of(term: Term<'a>) -> Self {
        Raw::new(term.as_c_arg())
    }

    /// The term again. `env` is the one it was made in.
    pub fn term(self, env: Env<'a>) -> Term<'a> {
        // SAFETY: the lifetime says that the word was made in `env`.
        unsafe { Term::new(env, self.word) }
    }

    /// An atom. It belongs to every environment.
    pub fn atom(atom: Atom) -> Self {
        Raw::new(atom.as_c_arg())
    }

    /// `nil`.
    pub fn nil() -> Self {
        Raw::atom(crate::atoms::nil())
    }

    /// `true` or `false`.
    pub fn boolean(value: bool) -> Self {
        Raw::atom(if value {
            crate::atoms::true_()
        } else {
            crate::atoms::false_()
        })
    }

    /// An integer.
    pub fn integer(env: Env<'a>, value: i64) -> Self {
        // SAFETY: `env` is valid.
        Raw::new(unsafe { enif_make_int64(env.as_c_arg(), value) })
    }

    /// An integer that is not negative.
    pub fn unsigned(env: Env<'a>, value: u64) -> Self {
        // SAFETY: `env` is valid.
        Raw::new(unsafe { enif_make_uint64(env.as_c_arg(), value) })
    }

    /// An integer from its decimal digits; `None` if they are none, or too many.
    pub fn digits(env: Env<'a>, digits: &str) -> Option<Self> {
        match digits.parse::<i64>() {
            Ok(value) => Some(Raw::integer(env, value)),
            Err(_) if digits.len() > MAX_DIGITS => None,
            Err(_) => BigInt::parse_bytes(digits.as_bytes(), 10).map(|n| Raw::of(n.encode(env))),
        }
    }

    /// A float; `None` for what Erlang has no float for (infinities and NaN).
    pub fn float(env: Env<'a>, value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        // SAFETY: `env` is valid and the value finite.
        Some(Raw::new(unsafe { enif_make_double(env.as_c_arg(), value) }))
    }

    /// A binary with a copy of the bytes.
    pub fn binary(env: Env<'a>, bytes: &[u8]) -> Self {
        Raw::of(NewBinary::from_slice(env, bytes).into())
    }

    /// A list; `None` beyond 2³² items.
    pub fn list(env: Env<'a>, items: &[Raw<'a>]) -> Option<Self> {
        let count = count(items.len())?;
        // SAFETY: `Raw` is a transparent word, all words are of `env`, the count is right.
        let word =
            unsafe { enif_make_list_from_array(env.as_c_arg(), items.as_ptr().cast(), count) };
        Some(Raw::new(word))
    }

    /// A tuple.
    pub fn tuple<const N: usize>(env: Env<'a>, items: [Raw<'a>; N]) -> Self {
        // No tuple of this crate has more than a handful of elements.
        let count = N as u32;
        // SAFETY: `Raw` is a transparent word, all words are of `env`, the count is right.
        Raw::new(unsafe {
            enif_make_tuple_from_array(env.as_c_arg(), items.as_ptr().cast(), count)
        })
    }

    /// A map; `None` if a key is there twice or the slices differ in length. Keys in term
    /// order are the fastest.
    pub fn map(env: Env<'a>, keys: &[Raw<'a>], values: &[Raw<'a>]) -> Option<Self> {
        if keys.len() != values.len() {
            return None;
        }
        let mut map = MaybeUninit::uninit();
        let (keys, values, count) = (keys.as_ptr().cast(), values.as_ptr().cast(), keys.len());
        // SAFETY: `Raw` is a transparent word, all words are of `env`, both arrays are of
        // `count`; `map` is written when the answer is not 0.
        unsafe {
            match enif_make_map_from_arrays(env.as_c_arg(), keys, values, count, map.as_mut_ptr()) {
                0 => None,
                _ => Some(Raw::new(map.assume_init())),
            }
        }
    }

    /// A map in which the first of equal keys counts.
    pub fn map_of_first(env: Env<'a>, keys: &[Raw<'a>], values: &[Raw<'a>]) -> Option<Self> {
        // SAFETY: `env` is valid.
        let empty = Raw::new(unsafe { enif_make_new_map(env.as_c_arg()) });
        let pairs = keys.iter().zip(values).rev();
        pairs
            .into_iter()
            .try_fold(empty, |map, (key, value)| map.put(env, *key, *value))
    }

    fn put(self, env: Env<'a>, key: Raw<'a>, value: Raw<'a>) -> Option<Self> {
        let mut map = MaybeUninit::uninit();
        let (old, key, value) = (self.word, key.word, value.word);
        // SAFETY: all words are of `env`; `map` is written when the answer is not 0.
        unsafe {
            match enif_make_map_put(env.as_c_arg(), old, key, value, map.as_mut_ptr()) {
                0 => None,
                _ => Some(Raw::new(map.assume_init())),
            }
        }
    }

    /// An atom as a number that the engine keeps for us, see `OutputColumn::tag`.
    ///
    /// Atoms are not collected and their words mean the same in every environment, so that
    /// the number may outlive the call that made it.
    pub fn tag_of(atom: Atom) -> usize {
        // SAFETY: `ErlNifTerm` is a transparent `usize`.
        unsafe { std::mem::transmute::<ErlNifTerm, usize>(atom.as_c_arg()) }
    }

    /// The atom of a number that `tag_of` gave.
    pub fn of_tag(tag: usize) -> Self {
        // SAFETY: `ErlNifTerm` is a transparent `usize`.
        Raw::new(unsafe { std::mem::transmute::<usize, ErlNifTerm>(tag) })
    }
}
