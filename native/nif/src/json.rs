//! JSON text straight into whatever a [`Build`] makes of it.
//!
//! Not serde_json's reader, because a stored value must come back exactly: integers of any
//! size stay integers, of equal keys the first counts, and nothing is built twice.

/// Arrays and objects may be nested so deep.
pub const MAX_DEPTH: usize = 128;

/// What is made of JSON. `None` from any of these means that it cannot be made.
pub trait Build {
    /// What it makes.
    type Term: Copy;
    /// `null`.
    fn null(&mut self) -> Self::Term;
    /// `true` or `false`.
    fn boolean(&mut self, value: bool) -> Self::Term;
    /// An integer of any size, as its digits.
    fn integer(&mut self, digits: &str) -> Option<Self::Term>;
    /// Any other number; it is finite.
    fn float(&mut self, value: f64) -> Option<Self::Term>;
    /// A string.
    fn string(&mut self, text: &str) -> Self::Term;
    /// An array.
    fn list(&mut self, items: &[Self::Term]) -> Option<Self::Term>;
    /// An object: as many keys as values, of equal keys the first counts.
    fn map(&mut self, keys: &[Self::Term], values: &[Self::Term]) -> Option<Self::Term>;
}

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The byte where it stops to be.
    pub offset: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// Memory that texts read one after the other share.
pub struct Memory<T> {
    /// Keys of the objects that are open; those of the innermost come last.
    keys: Vec<T>,
    /// Items of the arrays and values of the objects that are open, as `keys`.
    terms: Vec<T>,
    unescaped: String,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Memory {
            keys: Vec::new(),
            terms: Vec::new(),
            unescaped: String::new(),
        }
    }
}

/// Reads one JSON value that fills the whole text.
pub fn read<B: Build>(
    text: &str,
    build: B,
    memory: &mut Memory<B::Term>,
) -> Result<B::Term, Invalid> {
    // A text that was no JSON may have left something.
    memory.keys.clear();
    memory.terms.clear();
    let mut reader = Reader {
        text,
        at: 0,
        build,
        memory,
    };
    let term = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(term),
        Some(_) => Err(reader.invalid("more text behind the value")),
    }
}

struct Reader<'t, 'm, B: Build> {
    text: &'t str,
    at: usize,
    build: B,
    memory: &'m mut Memory<B::Term>,
}

impl<B: Build> Reader<'_, '_, B> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn invalid(&self, problem: &'static str) -> Invalid {
        Invalid {
            offset: self.at,
            problem,
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn value(&mut self, depth: usize) -> Result<B::Term, Invalid> {
        self.space();
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{' | b'[') if depth >= MAX_DEPTH => Err(self.invalid("nested too deeply")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'n') => self.word("null").map(|()| self.build.null()),
            Some(b't') => self.word("true").map(|()| self.build.boolean(true)),
            Some(b'f') => self.word("false").map(|()| self.build.boolean(false)),
            Some(_) => Err(self.invalid("no JSON value")),
            None => Err(self.invalid("the text ends too early")),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Invalid> {
        match self.text.as_bytes().get(self.at..) {
            Some(rest) if rest.starts_with(word.as_bytes()) => {
                self.at += word.len();
                Ok(())
            }
            _ => Err(self.invalid("no JSON value")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<B::Term, Invalid> {
        let base = self.memory.terms.len();
        self.at += 1;
        self.space();
        if !self.take(b']') {
            loop {
                let item = self.value(depth + 1)?;
                self.memory.terms.push(item);
                self.space();
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.invalid("a comma or ] is missing"));
                }
            }
        }
        let items = self.memory.terms.get(base..).unwrap_or_default();
        let list = self.build.list(items);
        self.memory.terms.truncate(base);
        list.ok_or(Invalid {
            offset: self.at,
            problem: "too long",
        })
    }

    fn object(&mut self, depth: usize) -> Result<B::Term, Invalid> {
        let (keys, values) = (self.memory.keys.len(), self.memory.terms.len());
        self.at += 1;
        self.space();
        if !self.take(b'}') {
            loop {
                self.pair(depth)?;
                self.space();
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.invalid("a comma or } is missing"));
                }
            }
        }
        self.close_object(keys, values)
    }

    fn pair(&mut self, depth: usize) -> Result<(), Invalid> {
        self.space();
        if self.peek() != Some(b'"') {
            return Err(self.invalid("a key in quotes is missing"));
        }
        let key = self.string()?;
        self.memory.keys.push(key);
        self.space();
        if !self.take(b':') {
            return Err(self.invalid("a colon is missing"));
        }
        let value = self.value(depth + 1)?;
        self.memory.terms.push(value);
        Ok(())
    }

    fn close_object(&mut self, keys: usize, values: usize) -> Result<B::Term, Invalid> {
        let Memory {
            keys: open,
            terms,
            unescaped: _,
        } = &mut *self.memory;
        let map = self.build.map(
            open.get(keys..).unwrap_or_default(),
            terms.get(values..).unwrap_or_default(),
        );
        open.truncate(keys);
        terms.truncate(values);
        map.ok_or(Invalid {
            offset: self.at,
            problem: "too long",
        })
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.invalid("a digit is missing")),
            _ => Ok(()),
        }
    }

    fn number(&mut self) -> Result<B::Term, Invalid> {
        let start = self.at;
        self.take(b'-');
        if self.take(b'0') {
            if let Some(b'0'..=b'9') = self.peek() {
                return Err(self.invalid("a number begins with 0"));
            }
        } else {
            self.digits()?;
        }
        let integer = !self.fraction()?;
        let text = self.text.get(start..self.at).unwrap_or_default();
        let number = if integer {
            self.build.integer(text)
        } else {
            text.parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .and_then(|v| self.build.float(v))
        };
        number.ok_or(Invalid {
            offset: start,
            problem: "the number is out of range",
        })
    }

    fn fraction(&mut self) -> Result<bool, Invalid> {
        let point = self.take(b'.');
        if point {
            self.digits()?;
        }
        let exponent = self.take(b'e') || self.take(b'E');
        if exponent {
            let _signed = self.take(b'-') || self.take(b'+');
            self.digits()?;
        }
        Ok(point || exponent)
    }

    fn string(&mut self) -> Result<B::Term, Invalid> {
        self.at += 1;
        let start = self.at;
        if self.plain()? {
            let text = self.text.get(start..self.at - 1).unwrap_or_default();
            return Ok(self.build.string(text));
        }
        self.memory.unescaped.clear();
        self.memory
            .unescaped
            .push_str(self.text.get(start..self.at - 1).unwrap_or_default());
        loop {
            self.escape()?;
            let start = self.at;
            let end = self.plain()?;
            self.memory
                .unescaped
                .push_str(self.text.get(start..self.at - 1).unwrap_or_default());
            if end {
                return Ok(self.build.string(&self.memory.unescaped));
            }
        }
    }

    /// Goes behind the next quote or backslash; true if it is a quote.
    fn plain(&mut self) -> Result<bool, Invalid> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        match rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
        {
            Some(length) => {
                self.at += length;
                let quote = self.take(b'"');
                if quote || self.take(b'\\') {
                    Ok(quote)
                } else {
                    Err(self.invalid("a control character in a string"))
                }
            }
            None => {
                self.at = self.text.len();
                Err(self.invalid("the text ends in a string"))
            }
        }
    }

    fn escape(&mut self) -> Result<(), Invalid> {
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.invalid("an unknown escape")),
        };
        self.at += 1;
        self.memory.unescaped.push(character);
        Ok(())
    }

    fn unicode(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        let lone = Invalid {
            offset: start,
            problem: "half of a surrogate pair",
        };
        let unit = self.code_unit()?;
        let character = match unit {
            0xd800..=0xdbff => {
                if !self.take(b'\\') || self.peek() != Some(b'u') {
                    return Err(lone);
                }
                let units = [unit, self.code_unit()?];
                char::decode_utf16(units).next().and_then(Result::ok)
            }
            unit => char::from_u32(u32::from(unit)),
        };
        self.memory.unescaped.push(character.ok_or(lone)?);
        Ok(())
    }

    /// The four digits behind a `u`.
    fn code_unit(&mut self) -> Result<u16, Invalid> {
        let digits = self.text.get(self.at + 1..self.at + 5).unwrap_or_default();
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(self.invalid("four hexadecimal digits are missing"));
        }
        self.at += 5;
        u16::from_str_radix(digits, 16).map_err(|_| self.invalid("no character"))
    }
}
