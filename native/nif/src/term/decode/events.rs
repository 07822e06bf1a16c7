//! What is asked of the journal, and what its consumers write.

use ash_rusqlite_engine::query::ir::{
    ConsumerWrite, EventQuery, JournalRead, Progress, Read, Write,
};
use rustler::Term;

use crate::atoms;
use crate::term::encode::rows::Shape;

use super::options::wrong;
use super::select::{count, option_error};
use super::{describe, invalid, is_nil, Decode, Decoded, Query};

/// What the journal says of itself.
fn journal(read: JournalRead, shape: Shape) -> Query {
    Query {
        read: Read::Journal(read),
        shape,
    }
}

impl Decode {
    /// A query of events, from a keyword list.
    pub(super) fn events(&mut self, options: Term<'_>) -> Decoded<Query> {
        let mut query = EventQuery::default();
        self.each_pair(options, "the options of events", |decode, name, value| {
            match &*name {
                "journal" => query.journal = Some(decode.label(value, "a journal")?),
                "source" => query.sources = decode.labels(value, "source")?,
                "type" => query.types = decode.labels(value, "type")?,
                "actor" => query.actors = decode.labels(value, "actor")?,
                "table" => query.tables = decode.names(value)?,
                "key" => query.key = Some(decode.key(value)?),
                "since" => query.since = Some(decode.value(value)?),
                "until" => query.until = Some(decode.value(value)?),
                "after" => query.after = Some(count("after", value)?),
                "before" => query.before = Some(count("before", value)?),
                "after_position" => query.after_position = Some(count("after", value)?),
                "before_position" => query.before_position = Some(count("before", value)?),
                "descending" => query.descending = truth("descending", value)?,
                "headers" => query.headers = truth("headers", value)?,
                "limit" => query.limit = count("limit", value)?,
                other => {
                    return Err(option_error(other, format!("events has no option {other}")));
                }
            }
            Ok(())
        })?;
        Ok(Query {
            read: Read::Events(Box::new(query)),
            shape: Shape::Rows,
        })
    }

    /// The seq of the newest event, and which journal it is.
    pub(super) fn head(&mut self) -> Decoded<Query> {
        Ok(journal(JournalRead::Head, Shape::First))
    }

    /// The durable consumers.
    pub(super) fn consumers(&mut self) -> Decoded<Query> {
        Ok(journal(JournalRead::Consumers, Shape::Rows))
    }

    /// The last position of a source.
    pub(super) fn position(&mut self, source: Term<'_>) -> Decoded<Query> {
        let source = self.label(source, "a source")?;
        Ok(journal(JournalRead::Position(source), Shape::Scalar))
    }

    /// How far a consumer is.
    pub(super) fn consumer(
        &mut self,
        name: Term<'_>,
        seq: Term<'_>,
        journal: Term<'_>,
        from: Term<'_>,
    ) -> Decoded<Write> {
        let progress = Progress {
            seq: count("seq", seq)?,
            journal: self.label(journal, "a journal")?,
            from: match is_nil(from) {
                true => None,
                false => Some(count("from", from)?),
            },
        };
        let name = self.label(name, "the name of a consumer")?;
        Ok(Write::Consumer(ConsumerWrite {
            name,
            to: Some(progress),
        }))
    }

    /// A consumer that is forgotten.
    pub(super) fn forget_consumer(&mut self, name: Term<'_>) -> Decoded<Write> {
        let name = self.label(name, "the name of a consumer")?;
        Ok(Write::Consumer(ConsumerWrite { name, to: None }))
    }

    fn label(&mut self, term: Term<'_>, what: &'static str) -> Decoded<String> {
        let text = self.text(term)?;
        text.ok_or_else(|| invalid(format!("{what} is a string, not {}", describe(term))))
    }

    /// A string, or a list of such.
    fn labels(&mut self, term: Term<'_>, option: &'static str) -> Decoded<Vec<String>> {
        let mut all = Vec::new();
        if !term.is_list() {
            return Ok(vec![self.label(term, option)?]);
        }
        self.each(term, option, |decode, item| {
            let label = decode.label(item, option)?;
            if !all.contains(&label) {
                all.push(label);
            }
            Ok(())
        })?;
        Ok(all)
    }
}

fn truth(option: &str, term: Term<'_>) -> Decoded<bool> {
    if atoms::true_() == term {
        Ok(true)
    } else if atoms::false_() == term {
        Ok(false)
    } else {
        Err(wrong(option, "true or false", term))
    }
}
