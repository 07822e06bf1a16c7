//! How a table is journaled, as an application says it. It is kept in the file as JSON, in the
//! triggers of the table.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::sqlite::lex::quoted_name;

/// How a table is journaled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSpec {
    /// What the types of its events begin with, such as `chat.message`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What its events are about: `room:<room_id>`. Within it they have positions.
    #[serde(default)]
    pub source: Option<Subject>,
    /// Who made the change, where the writer does not know: `user:<user_id>`.
    #[serde(default)]
    pub actor: Option<Subject>,
    /// Columns whose changes are no events.
    #[serde(default)]
    pub skip: Vec<String>,
    /// Columns of which an event says that they changed, and a digest instead of the value.
    #[serde(default)]
    pub sensitive: Vec<String>,
    /// Changes that mean more than that a row was created, updated or deleted. The first one whose
    /// condition holds counts.
    #[serde(default)]
    pub events: Vec<JournalEvent>,
}

/// A kind of things and the column that says which one: `("room", "room_id")`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject(pub String, pub String);

/// A change that has a type of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEvent {
    /// The whole type, such as `chat.room.hidden`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Of which changes.
    pub on: EventOn,
    /// The condition in the developer's SQL, over `NEW.` and `OLD.`; none: always.
    #[serde(rename = "where", default)]
    pub condition: Option<String>,
}

/// The change of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventOn {
    /// It was created.
    Insert,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
}

/// What the comment with the specification begins with.
pub(crate) const JOURNAL_TRIGGER: &str = "/* journal ";

/// The specification in a trigger's text; none where it is no trigger of a journal.
pub(crate) fn is_journal_trigger(sql: &str) -> Option<JournalSpec> {
    let (_, rest) = sql.split_once(JOURNAL_TRIGGER)?;
    let (json, _) = rest.split_once(" */")?;
    serde_json::from_str(json).ok()
}

impl EventOn {
    /// As the file names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            EventOn::Insert => "insert",
            EventOn::Update => "update",
            EventOn::Delete => "delete",
        }
    }

    /// What the type of such an event ends with, unless it has one of its own.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            EventOn::Insert => "created",
            EventOn::Update => "updated",
            EventOn::Delete => "deleted",
        }
    }
}

impl JournalSpec {
    /// The types of the events of a change: the first is that of all changes without one of
    /// their own.
    pub(crate) fn types(&self, on: EventOn) -> Vec<String> {
        let own = self.events.iter().filter(|event| event.on == on);
        let mut types = vec![format!("{}.{}", self.event_type, on.suffix())];
        for event in own {
            if !types.contains(&event.event_type) {
                types.push(event.event_type.clone());
            }
        }
        types
    }

    /// Every column that it names, with the option in which it does.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let source = self.source.iter().map(|subject| ("source", &subject.1));
        let actor = self.actor.iter().map(|subject| ("actor", &subject.1));
        let skip = self.skip.iter().map(|column| ("skip", column));
        let sensitive = self.sensitive.iter().map(|column| ("sensitive", column));
        source.chain(actor).chain(skip).chain(sensitive)
    }

    /// Checks what can be checked without the table.
    ///
    /// # Errors
    /// `invalid_option`.
    pub(crate) fn validate(&self, table: &str) -> Result<()> {
        let subjects = self.source.iter().chain(&self.actor).map(|kind| &kind.0);
        let types = self.events.iter().map(|event| &event.event_type);
        for name in std::iter::once(&self.event_type)
            .chain(types)
            .chain(subjects)
        {
            if !is_name(name) {
                let message = format!(
                    "the journal of {} has the name {}; take words of a-z, 0-9 and _, with dots \
                     between them",
                    quoted_name(table),
                    quoted_name(name)
                );
                return Err(Error::new(Code::InvalidOption, message)
                    .with("option", "journal")
                    .with("table", table));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
    };
    name.len() <= 200 && name.split('.').all(word)
}
