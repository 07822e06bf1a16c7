//! Names of tables, columns and symbols.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A name. A host that keeps the names it meets need not copy them for each request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Name(Cow<'static, str>);

impl Name {
    /// A name that is kept for good, so that no copy of it costs anything.
    pub const fn kept(name: &'static str) -> Name {
        Name(Cow::Borrowed(name))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Name {
    fn from(name: String) -> Name {
        Name(Cow::Owned(name))
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Name {
        Name(Cow::Owned(name.to_owned()))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0.into_owned()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}
