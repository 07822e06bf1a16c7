//! What is asked of the journal.

use super::KeyValue;
use crate::value::{Name, Value};

/// Events of the journal, in the order of their seq.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventQuery {
    /// Only if the journal is this one, as [`crate::journal::Identity`] is written: a cursor's.
    pub journal: Option<String>,
    /// Only with one of these sources.
    pub sources: Vec<String>,
    /// Only behind this position of the only source.
    pub after_position: Option<u64>,
    /// Only before this position of the only source.
    pub before_position: Option<u64>,
    /// Only of one of these types.
    pub types: Vec<String>,
    /// Only by one of these actors.
    pub actors: Vec<String>,
    /// Only of one of these tables.
    pub tables: Vec<Name>,
    /// Only of the row with this primary key of the only table.
    pub key: Option<KeyValue>,
    /// Only from this moment on.
    pub since: Option<Value>,
    /// Only before this moment.
    pub until: Option<Value>,
    /// Only behind this seq.
    pub after: Option<u64>,
    /// Only before this seq.
    pub before: Option<u64>,
    /// The newest first.
    pub descending: bool,
    /// The largest number.
    pub limit: u64,
    /// Only what says what they are about: seq, type, source, actor and table.
    pub headers: bool,
}

/// What the journal says of itself.
#[derive(Clone, Debug, PartialEq)]
pub enum JournalRead {
    /// The seq of the newest event, 0 without one, and which journal it is.
    Head,
    /// The last position of a source, 0 of one without events.
    Position(String),
    /// The durable consumers.
    Consumers,
}

/// What is written for a durable consumer.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerWrite {
    /// Its name.
    pub name: String,
    /// How far it is now; `None` forgets it.
    pub to: Option<Progress>,
}

/// How far a durable consumer is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The last event that it has handled.
    pub seq: u64,
    /// The journal that it has read.
    pub journal: String,
    /// Where it was before, so that two of one name do not both go on. 0 for one that is new;
    /// `None` sets it whatever it was.
    pub from: Option<u64>,
}
