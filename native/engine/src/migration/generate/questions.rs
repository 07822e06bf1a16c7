//! What may have been renamed: a table or column that is asked for and not there, beside one that is
//! there and not asked for. Only a person knows.

use std::collections::BTreeSet;

use super::model::{Schema, Table};
use super::transition::Renames;
use super::{GenerateOptions, NotRenamed, Question};
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::same;

/// The questions that the options do not answer.
pub(super) fn questions(
    now: &Schema,
    target: &Schema,
    options: &GenerateOptions,
    ignored: &BTreeSet<String>,
    left: &BTreeSet<String>,
) -> Vec<Question> {
    let mut all = Vec::new();
    let renamed_from = |name: &str| {
        options
            .rename_tables
            .iter()
            .any(|(from, _)| same(from, name))
    };
    let renamed_to = |name: &str| options.rename_tables.iter().any(|(_, to)| same(to, name));
    let skipped = |name: &str| {
        let lower = name.to_ascii_lowercase();
        ignored.contains(&lower) || left.contains(&lower)
    };
    let gone: Vec<&Table> = now
        .tables
        .iter()
        .filter(|table| target.table(&table.name).is_none())
        .filter(|table| !renamed_from(&table.name) && !skipped(&table.name))
        .collect();
    for table in &target.tables {
        let answered = options
            .not_renamed
            .contains(&NotRenamed::Table(table.name.to_ascii_lowercase()));
        if now.table(&table.name).is_some() || renamed_to(&table.name) || answered {
            continue;
        }
        let mut similar: Vec<(usize, &Table)> = gone
            .iter()
            .map(|other| (shared(other, table), *other))
            .filter(|(shared, other)| 2 * shared >= other.columns.len().max(table.columns.len()))
            .collect();
        similar.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        if !similar.is_empty() {
            all.push(Question {
                table: None,
                to: table.name.clone(),
                from: similar
                    .iter()
                    .map(|(_, other)| other.name.clone())
                    .collect(),
            });
        }
    }
    for table in &target.tables {
        let old = options
            .rename_tables
            .iter()
            .find(|(_, to)| same(to, &table.name));
        let old = old.map_or(table.name.as_str(), |(from, _)| from.as_str());
        if let Some(now) = now.table(old) {
            columns(now, table, options, left, &mut all);
        }
    }
    all
}

fn shared(left: &Table, right: &Table) -> usize {
    let columns = left.columns.iter();
    columns
        .filter(|column| right.column(&column.name).is_some())
        .count()
}

fn columns(
    now: &Table,
    table: &Table,
    options: &GenerateOptions,
    left: &BTreeSet<String>,
    all: &mut Vec<Question>,
) {
    let renamed = |name: &str, new: bool| {
        options
            .rename_columns
            .iter()
            .any(|(of, from, to)| same(of, &table.name) && same(if new { to } else { from }, name))
    };
    let gone: Vec<_> = now
        .columns
        .iter()
        .filter(|column| table.column(&column.name).is_none() && !renamed(&column.name, false))
        .filter(|column| {
            let place = format!("{}.{}", now.name, column.name);
            !left.contains(&place.to_ascii_lowercase())
        })
        .collect();
    if gone.is_empty() {
        return;
    }
    for column in &table.columns {
        let answer = NotRenamed::Column(
            table.name.to_ascii_lowercase(),
            column.name.to_ascii_lowercase(),
        );
        let answered = options.not_renamed.contains(&answer);
        if now.column(&column.name).is_some() || renamed(&column.name, true) || answered {
            continue;
        }
        let mut from = gone.clone();
        from.sort_by_key(|other| !other.declared_as(column));
        all.push(Question {
            table: Some(table.name.clone()),
            to: column.name.clone(),
            from: from.iter().map(|other| other.name.clone()).collect(),
        });
    }
}

/// The renames that were given, where they can be done.
///
/// # Errors
/// `invalid_option` for what is not there, or is there already.
pub(super) fn renames(now: &Schema, target: &Schema, options: &GenerateOptions) -> Result<Renames> {
    for (from, to) in &options.rename_tables {
        if now.table(from).is_none() {
            return Err(wrong(
                "rename_tables",
                format!("there is no table {from} to be renamed"),
            ));
        }
        if now.table(to).is_some() && !same(from, to) {
            return Err(wrong(
                "rename_tables",
                format!("there is a table {to} already"),
            ));
        }
        if target.table(from).is_some() && !same(from, to) {
            return Err(wrong(
                "rename_tables",
                format!("the table {from} is still asked for, so it cannot become {to}"),
            ));
        }
        if target.table(to).is_none() {
            return Err(wrong(
                "rename_tables",
                format!("nobody asks for a table {to}"),
            ));
        }
    }
    for (table, from, to) in &options.rename_columns {
        let old = options
            .rename_tables
            .iter()
            .find(|(_, new)| same(new, table));
        let old = old.map_or(table.as_str(), |(from, _)| from.as_str());
        let found = now.table(old);
        let column = found.and_then(|found| found.column(from));
        let there = found.and_then(|found| found.column(to));
        let asked = target.table(table).and_then(|table| table.column(to));
        let still = target.table(table).and_then(|table| table.column(from));
        let why = if still.is_some() && !same(from, to) {
            format!("{table}.{from} is still asked for, so it cannot become {to}")
        } else if column.is_none() {
            format!("there is no column {table}.{from} to be renamed")
        } else if there.is_some() && !same(from, to) {
            format!("there is a column {table}.{to} already")
        } else if asked.is_none() {
            format!("nobody asks for a column {table}.{to}")
        } else {
            continue;
        };
        return Err(wrong("rename_columns", why));
    }
    Ok(Renames {
        tables: options.rename_tables.clone(),
        columns: options.rename_columns.clone(),
    })
}

fn wrong(option: &'static str, message: String) -> Error {
    Error::new(Code::InvalidOption, message).with("option", option)
}
