//! What is redacted, and what retention removes.

use ash_rusqlite_engine::journal::{Redaction, Retention};
use ash_rusqlite_engine::{unknown_option, RedactRequest, RedactedRows};
use rustler::Term;

use super::options::{boolean, wrong};
use super::{get_tuple, invalid, is_nil, name, Decode, Decoded};

const REDACT: &[&str] = &["columns", "delete", "actor", "reason", "vacuum"];
const RETAIN: &[&str] = &["before", "table", "source"];

fn text(option: &'static str, term: Term<'_>) -> Decoded<Option<String>> {
    if is_nil(term) {
        return Ok(None);
    }
    let text = name(term).map(|text| text.as_str().to_owned());
    text.map(Some).ok_or_else(|| wrong(option, "a text", term))
}

/// A redaction: the table, `{:key, key}` or `{:where, condition}`, and the options.
pub fn redaction(table: Term<'_>, rows: Term<'_>, options: Term<'_>) -> Decoded<RedactRequest> {
    let mut decode = Decode::unlimited();
    let table = decode.name(table, "a table")?;
    let parts = get_tuple(rows).unwrap_or_default();
    let rows = match parts.as_slice() {
        [tag, key] if name(*tag).as_deref() == Some("key") => RedactedRows::Key(decode.key(*key)?),
        [tag, condition] if name(*tag).as_deref() == Some("where") => {
            RedactedRows::Where(decode.optional_condition(*condition)?)
        }
        _ => return Err(invalid("the rows are {:key, key} or {:where, condition}")),
    };
    let mut request = RedactRequest {
        redaction: Redaction {
            table: table.as_str().to_owned(),
            ..Redaction::default()
        },
        rows,
        vacuum: true,
    };
    let redaction = &mut request.redaction;
    let vacuum = &mut request.vacuum;
    decode.each_pair(options, "the options", |decode, option, value| {
        match option.as_str() {
            "columns" if is_nil(value) => {}
            "columns" => {
                let names = decode.names(value)?.into_iter();
                redaction.columns = Some(names.map(|name| name.as_str().to_owned()).collect());
            }
            "delete" => redaction.delete = boolean("delete", value)?,
            "actor" => redaction.actor = text("actor", value)?,
            "reason" => redaction.reason = text("reason", value)?,
            "vacuum" => *vacuum = boolean("vacuum", value)?,
            _ => return Err(unknown_option(&option, REDACT).into()),
        }
        Ok(())
    })?;
    Ok(request)
}

/// Which events go.
pub fn retention(options: Term<'_>) -> Decoded<Retention> {
    let mut retention = Retention::default();
    Decode::unlimited().each_pair(options, "the options", |_, option, value| {
        match option.as_str() {
            "before" => retention.before = text("before", value)?.unwrap_or_default(),
            "table" => retention.table = text("table", value)?,
            "source" => retention.source = text("source", value)?,
            _ => return Err(unknown_option(&option, RETAIN).into()),
        }
        Ok(())
    })?;
    Ok(retention)
}
