//! Short texts that were just made into terms. A result repeats them: the id of a room, a role,
//! the keys of a JSON object. Terms never change, so rows can share them, and what is shared
//! need not be built, nor copied by the next garbage collection.

use crate::term::raw::Raw;

/// Longer texts repeat less often, and their binaries are shared by reference anyway.
const LONGEST: usize = 40;

/// What is to share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedAmong {
    /// Up to a thousand rows or so.
    Few,
    /// More: the ids that they repeat may be hundreds.
    Many,
}

impl SharedAmong {
    /// Two to the power of this are the slots.
    fn bits(self) -> u32 {
        match self {
            SharedAmong::Few => 6,
            SharedAmong::Many => 10,
        }
    }
}

#[derive(Clone, Copy)]
struct Slot<'a> {
    /// 0 when nothing is in it yet.
    length: usize,
    bytes: [u8; LONGEST],
    term: Raw<'a>,
}

/// The texts, each in the only slot where it may be: a newer one takes its place.
pub struct Recent<'a> {
    slots: Box<[Slot<'a>]>,
    bits: u32,
}

impl<'a> Recent<'a> {
    /// None yet.
    pub fn new(rows: SharedAmong) -> Self {
        let empty = Slot {
            length: 0,
            bytes: [0; LONGEST],
            term: Raw::nil(),
        };
        let bits = rows.bits();
        Recent {
            slots: vec![empty; 1 << bits].into_boxed_slice(),
            bits,
        }
    }

    /// The term of a text: the one that is known, or a new one. All terms of one `Recent` must be
    /// of one environment, and all of one kind, such as binaries.
    pub fn term(&mut self, text: &[u8], make: impl FnOnce() -> Raw<'a>) -> Raw<'a> {
        let Some(slot) = self.slots.get_mut(place(text, self.bits)) else {
            return make();
        };
        let length = text.len();
        if slot.length == length && slot.bytes.get(..length) == Some(text) {
            if length > 0 {
                return slot.term;
            }
            return make();
        }
        let term = make();
        if let Some(bytes) = slot.bytes.get_mut(..length) {
            bytes.copy_from_slice(text);
            slot.length = length;
            slot.term = term;
        }
        term
    }
}

/// A slot by the length and by both ends, which is enough to distinguish most texts.
fn place(text: &[u8], bits: u32) -> usize {
    let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (0, text.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))),
    };
    let mixed =
        (first ^ last.rotate_left(29) ^ text.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - bits)) as usize
}
