//! What requests say of the journal: who writes, and which moment a read looks at.

use crate::value::DateTime;

/// Who makes a change, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteContext {
    /// Who, such as `user:<id>`.
    pub actor: Option<String>,
    /// By which action.
    pub action: Option<String>,
    /// More about it, a JSON text.
    pub metadata: Option<String>,
    /// Positions that sources must have, or else nothing is written.
    pub expect: Vec<(String, u64)>,
}

impl WriteContext {
    /// Whether it says the same of who and why.
    pub(crate) fn same(&self, other: &WriteContext) -> bool {
        self.actor == other.actor && self.action == other.action && self.metadata == other.metadata
    }
}

/// When a read looks at the tables.
#[derive(Clone, Debug, PartialEq)]
pub struct AsOf {
    /// The moment.
    pub moment: Moment,
    /// Only rows of this source, such as `room:<id>`, by its events alone.
    pub source: Option<String>,
}

/// A moment in a journal.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// Behind the event of this seq; 0 is before the first one.
    Seq(u64),
    /// Behind the event of this position of the source.
    Position(u64),
    /// Behind the last commit that was made until then.
    At(DateTime),
}
