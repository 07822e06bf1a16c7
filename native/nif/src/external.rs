//! The External Term Format, as far as it says what a term holds. Nothing is made of it.

use std::borrow::Cow;

// https://www.erlang.org/doc/apps/erts/erl_ext_dist.html
const VERSION: u8 = 131;

/// Why bytes are no term that may be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It holds something that does not outlive the system it was made in.
    Fleeting(&'static str),
    /// It is cut off, or never was a term, or is compressed, which we never write.
    Malformed,
}

/// What a term may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// What means the same in another system.
    Lasting,
    /// Pids, ports and references, too. They are names, and may refer to nothing that lives.
    Names,
}

/// What was not looked at yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], Flaw> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Flaw::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of one, two or four bytes.
    fn number(&mut self, bytes: usize) -> Result<usize, Flaw> {
        let number = self.take(bytes)?;
        Ok(number
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// An atom in UTF-8 or, of old, in Latin-1.
    fn atom(&mut self, tag: u8) -> Result<Cow<'b, str>, Flaw> {
        let length = self.number(if matches!(tag, 119 | 115) { 1 } else { 2 })?;
        let text = self.take(length)?;
        match tag {
            119 | 118 => std::str::from_utf8(text)
                .map(Cow::Borrowed)
                .map_err(|_| Flaw::Malformed),
            115 | 100 => Ok(text.iter().copied().map(char::from).collect()),
            _ => Err(Flaw::Malformed),
        }
    }

    /// The atom of the node in a pid, a port or a reference, and the numbers beside it.
    fn name(&mut self, tag: u8) -> Result<Cow<'b, str>, Flaw> {
        let words = match tag {
            114 | 90 => self.number(2)?,
            _ => 0,
        };
        let [of_atom] = self.take(1)? else {
            return Err(Flaw::Malformed);
        };
        let node = self.atom(*of_atom)?;
        let numbers = match tag {
            103 => 9,
            88 | 120 => 12,
            102 | 101 => 5,
            89 => 8,
            114 => 1 + 4 * words,
            _ => 4 + 4 * words,
        };
        self.take(numbers).map(|_| node)
    }

    /// As many bytes as a number before them says, and some more.
    fn skip(&mut self, bytes_of_number: usize, more: usize) -> Result<(), Flaw> {
        let count = self.number(bytes_of_number)?;
        self.take(count.saturating_add(more)).map(|_| ())
    }
}

fn kind(tag: u8) -> &'static str {
    match tag {
        103 | 88 => "pid",
        102 | 89 | 120 => "port",
        _ => "reference",
    }
}

/// Goes through the bytes of a term without recursion: each value says how many follow that are a
/// part of it.
pub fn scan<'b>(
    bytes: &'b [u8],
    holds: Holds,
    mut each_atom: impl FnMut(Cow<'b, str>),
) -> Result<(), Flaw> {
    let mut rest = Rest(bytes);
    if rest.number(1)? != usize::from(VERSION) {
        return Err(Flaw::Malformed);
    }
    let mut wanted = 1_usize;
    while wanted > 0 {
        let [tag] = rest.take(1)? else {
            return Err(Flaw::Malformed);
        };
        let parts = match tag {
            // Small and other integers, floats, nil.
            97 => rest.take(1).map(|_| 0)?,
            98 => rest.take(4).map(|_| 0)?,
            99 => rest.take(31).map(|_| 0)?,
            70 => rest.take(8).map(|_| 0)?,
            106 => 0,
            // Strings, binaries, bit strings, integers of any size.
            107 => rest.skip(2, 0).map(|()| 0)?,
            109 => rest.skip(4, 0).map(|()| 0)?,
            77 => rest.skip(4, 1).map(|()| 0)?,
            110 => rest.skip(1, 1).map(|()| 0)?,
            111 => rest.skip(4, 1).map(|()| 0)?,
            // Tuples, lists with what is behind their last cell, maps.
            104 => rest.number(1)?,
            105 => rest.number(4)?,
            108 => rest.number(4)?.saturating_add(1),
            116 => rest.number(4)?.saturating_mul(2),
            119 | 118 | 115 | 100 => {
                each_atom(rest.atom(*tag)?);
                0
            }
            112 | 113 | 117 => return Err(Flaw::Fleeting("function")),
            103 | 88 | 102 | 89 | 120 | 101 | 114 | 90 => {
                if holds == Holds::Lasting {
                    return Err(Flaw::Fleeting(kind(*tag)));
                }
                each_atom(rest.name(*tag)?);
                0
            }
            _ => return Err(Flaw::Malformed),
        };
        wanted = (wanted - 1).saturating_add(parts);
    }
    match rest.0 {
        [] => Ok(()),
        _ => Err(Flaw::Malformed),
    }
}
