//! What a schema is to be, and how the migration that leads to it is written.

use std::path::PathBuf;

use ash_rusqlite_engine::migration::generate::{
    CustomStatement, GenerateOptions, NotRenamed, Wanted,
};
use ash_rusqlite_engine::unknown_option;
use rustler::Term;

use crate::atoms;

use super::options::{boolean, integer, path, wrong};
use super::{get_tuple, is_nil, name, Decode, Decoded};

const WANTED: &[&str] = &["tables", "statements", "schema", "ignored", "tenants"];
const STATEMENT: &[&str] = &["name", "up", "down"];
const OPTIONS: &[&str] = &[
    "name",
    "version",
    "drop",
    "rename_tables",
    "rename_columns",
    "not_renamed",
    "fill",
    "skip",
];

/// A path, or none for nil.
pub fn optional_path(term: Term<'_>) -> Decoded<Option<PathBuf>> {
    if is_nil(term) {
        return Ok(None);
    }
    path(term).map(Some)
}

/// The schema that is asked for.
pub fn wanted(term: Term<'_>) -> Decoded<Wanted> {
    let mut wanted = Wanted::default();
    Decode::unlimited().each_pair(term, "the wanted schema", |decode, option, value| {
        match option.as_str() {
            "tables" => wanted.tables = decode.items(value, "tables", Decode::table)?,
            "statements" => {
                wanted.statements = decode.items(value, "statements", Decode::custom_statement)?;
            }
            "schema" if is_nil(value) => {}
            "schema" => wanted.schema = Some(decode.sql_text(value, "schema")?),
            "ignored" => wanted.ignored = texts(decode, value, "ignored")?,
            "tenants" => wanted.tenants = texts(decode, value, "tenants")?,
            _ => return Err(unknown_option(&option, WANTED).into()),
        }
        Ok(())
    })?;
    Ok(wanted)
}

impl Decode {
    fn custom_statement(&mut self, term: Term<'_>) -> Decoded<CustomStatement> {
        let mut statement = CustomStatement::default();
        self.each_pair(term, "a statement", |decode, option, value| {
            match option.as_str() {
                "name" => statement.name = decode.name(value, "a statement")?.into(),
                "up" => statement.up = decode.sql_text(value, "up")?,
                "down" if is_nil(value) => {}
                "down" => statement.down = decode.sql_text(value, "down")?,
                _ => return Err(unknown_option(&option, STATEMENT).into()),
            }
            Ok(())
        })?;
        Ok(statement)
    }
}

/// How to write a migration.
pub fn generate_options(term: Term<'_>) -> Decoded<GenerateOptions> {
    let mut options = GenerateOptions::default();
    Decode::unlimited().each_pair(term, "the options", |decode, option, value| {
        match option.as_str() {
            "name" => options.name = decode.name(value, "a name")?.into(),
            "version" => options.version = integer("version", "an integer", value)?,
            "drop" => options.drop = boolean("drop", value)?,
            "rename_tables" => {
                options.rename_tables = tuples::<2, _>(decode, value, "rename_tables")?;
            }
            "rename_columns" => {
                options.rename_columns = tuples::<3, _>(decode, value, "rename_columns")?;
            }
            "fill" => options.fill = tuples::<3, _>(decode, value, "fill")?,
            "not_renamed" => {
                options.not_renamed = decode.items(value, "not_renamed", Decode::not_renamed)?;
            }
            "skip" => options.skip = texts(decode, value, "skip")?,
            _ => return Err(unknown_option(&option, OPTIONS).into()),
        }
        Ok(())
    })?;
    Ok(options)
}

impl Decode {
    fn not_renamed(&mut self, term: Term<'_>) -> Decoded<NotRenamed> {
        let parts = get_tuple(term).unwrap_or_default();
        let text = |at: usize| parts.get(at).copied().and_then(name).map(String::from);
        let kind = parts.first().copied().and_then(atoms::text);
        let lower = |text: String| text.to_ascii_lowercase();
        match (kind.as_deref(), text(1), text(2), parts.len()) {
            (Some("table"), Some(table), None, 2) => Ok(NotRenamed::Table(lower(table))),
            (Some("column"), Some(table), Some(column), 3) => {
                Ok(NotRenamed::Column(lower(table), lower(column)))
            }
            _ => Err(wrong(
                "not_renamed",
                "{:table, name} or {:column, table, name}",
                term,
            )),
        }
    }
}

/// Tuples of texts.
fn tuples<const N: usize, T: From<[String; N]>>(
    decode: &mut Decode,
    term: Term<'_>,
    option: &'static str,
) -> Decoded<Vec<T>> {
    decode.items(term, option, |_, item| {
        let parts = get_tuple(item).unwrap_or_default();
        let texts: Vec<String> = parts
            .into_iter()
            .filter_map(name)
            .map(String::from)
            .collect();
        let texts = <[String; N]>::try_from(texts);
        texts
            .map(T::from)
            .map_err(|_| wrong(option, "tuples of strings", item))
    })
}

fn texts(decode: &mut Decode, term: Term<'_>, option: &'static str) -> Decoded<Vec<String>> {
    decode.items(term, option, |decode, item| {
        decode.name(item, "a name").map(String::from)
    })
}
