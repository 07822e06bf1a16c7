//! The rebuild of a table, as SQLite's documentation describes it
//! (<https://sqlite.org/lang_altertable.html#otheralter>): the new table is created, the rows are
//! copied, the old table is dropped, and the new one is renamed. The runner of migrations does not
//! enforce foreign keys meanwhile, and checks them at the end.

use super::compare::Changes;
use super::convert::conversion;
use super::model::{Column, Index, Kind, Schema, Table};
use super::transition::Transition;
use crate::error::Result;
use crate::migration::rebuild::ROWIDS;
use crate::sqlite::lex::{lex, name, readable, same, string};
use crate::value::ColumnType;

/// Rebuilds a table. Its triggers are for the caller to create again.
pub(super) fn rebuild(
    transition: &mut Transition<'_>,
    now: &Table,
    wanted: &Table,
    changes: &Changes,
) -> Result<()> {
    let schema = transition.schema()?;
    let mut new = format!("new_{}", now.name);
    while schema.table(&new).is_some() || schema.object(&new).is_some() {
        new.insert_str(0, "new_");
    }
    let indexes: Vec<Index> = schema
        .indexes
        .iter()
        .filter(|index| same(&index.table, &now.name))
        .cloned()
        .collect();
    for column in &now.columns {
        if wanted.column(&column.name).is_none() {
            transition.lost_column(now, column);
        }
    }
    transition.comment(&format!(
        "{} is made anew: {}.",
        now.name,
        changes.rebuild.join(", ")
    ));
    transition.execute(&create_as(wanted, &new))?;
    let rowid = rowid(&schema, now, wanted);
    copy(transition, now, wanted, &new, rowid)?;
    if now.autoincrement && wanted.autoincrement {
        transition.comment("The next number is that of the old table.");
        let (from, to) = (string(&now.name), string(&new));
        transition.execute(&format!("DELETE FROM sqlite_sequence WHERE name = {to}"))?;
        transition.execute(&format!(
            "INSERT INTO sqlite_sequence (name, seq) SELECT {to}, seq FROM sqlite_sequence WHERE name = {from}"
        ))?;
    }
    transition.execute(&format!("DROP TABLE {}", name(&now.name)))?;
    transition.execute(&format!(
        "ALTER TABLE {} RENAME TO {}",
        name(&new),
        name(&now.name)
    ))?;
    for index in indexes {
        transition.execute(&readable(&index.sql))?;
    }
    Ok(())
}

/// The statement of a table under another name.
fn create_as(table: &Table, new: &str) -> String {
    let sql = &table.sql;
    let tokens = lex(sql);
    let open = tokens.iter().position(|token| token.is("("));
    let own = open
        .and_then(|open| open.checked_sub(1))
        .and_then(|at| tokens.get(at));
    let Some(own) = own else { return sql.clone() };
    let rest = sql.get(own.end..).unwrap_or_default();
    readable(&format!("CREATE TABLE {}{rest}", name(new)))
}

/// The name by which rowids are copied, where something may refer to rows by them, such as a search
/// table and its triggers.
fn rowid(schema: &Schema, now: &Table, wanted: &Table) -> Option<&'static str> {
    let referred = schema.objects.iter().any(|object| {
        let named = |word: &String| ROWIDS.iter().any(|rowid| same(rowid, word));
        object.kind == Kind::VirtualTable || object.words.iter().any(named)
    });
    let own = wanted.columns.iter().any(|column| wanted.is_rowid(column));
    if !referred || own || now.without_rowid || wanted.without_rowid {
        return None;
    }
    let free = |name: &&&str| now.column(name).is_none() && wanted.column(name).is_none();
    ROWIDS.iter().find(free).copied()
}

fn copy(
    transition: &mut Transition<'_>,
    now: &Table,
    wanted: &Table,
    new: &str,
    rowid: Option<&str>,
) -> Result<()> {
    let mut columns: Vec<String> = rowid.map(str::to_owned).into_iter().collect();
    let mut values = columns.clone();
    let mut comments = Vec::new();
    for column in &wanted.columns {
        if column.generated.is_some() {
            continue;
        }
        let value = match now.column(&column.name) {
            Some(old) => Some(value_of(
                transition,
                now,
                old,
                wanted,
                column,
                &mut comments,
            )),
            None => match transition.fill(&now.name, &column.name) {
                None if wanted.requires(column) => {
                    Some(new_value(transition, now, column, &mut comments))
                }
                filled => filled,
            },
        };
        if let Some(value) = value {
            columns.push(name(&column.name));
            values.push(value);
        }
    }
    for text in comments {
        transition.comment(&text);
    }
    if columns.is_empty() {
        return Ok(());
    }
    transition.execute(&format!(
        "INSERT INTO {} ({})\nSELECT {}\nFROM {}",
        name(new),
        columns.join(", "),
        values.join(", "),
        name(&now.name)
    ))
}

fn value_of(
    transition: &mut Transition<'_>,
    table: &Table,
    old: &Column,
    wanted: &Table,
    column: &Column,
    comments: &mut Vec<String>,
) -> String {
    let place = format!("{}.{}", table.name, column.name);
    let conversion = conversion(&old.name, &old.declared, &column.declared);
    if let Some(loses) = conversion.loses {
        transition.note(format!(
            "{place} from {} to {} loses {loses}",
            old.declared, column.declared
        ));
    }
    if may_stay(old, column) {
        transition.note(format!(
            "values of {place} that are no {} stay as they are, and cannot be read until they are corrected",
            column.declared
        ));
    }
    let required = (column.not_null || (wanted.strict && wanted.in_key(&column.name)))
        && !wanted.is_rowid(column);
    if !required || old.not_null {
        return conversion.sql;
    }
    let value = transition
        .fill(&table.name, &column.name)
        .or(column.default.clone());
    match value {
        Some(value) => format!("ifnull({}, {value})", conversion.sql),
        None => {
            comments.push(format!(
                "This fails where {place} is null: give such rows a value, as by ifnull({}, ...).",
                name(&old.name)
            ));
            conversion.sql
        }
    }
}

/// Whether there may be values that are none of the new type.
fn may_stay(old: &Column, new: &Column) -> bool {
    use ColumnType::{Any, Blob, Json, Text, Uuid};
    let from = ColumnType::from_declared(&old.declared);
    match ColumnType::from_declared(&new.declared) {
        Text | Blob | Any | Json => false,
        Uuid => from != Uuid,
        _ => from == Text,
    }
}

/// The value of a new column that must have one.
fn new_value(
    transition: &mut Transition<'_>,
    table: &Table,
    column: &Column,
    comments: &mut Vec<String>,
) -> String {
    let place = format!("{}.{}", table.name, column.name);
    transition.note(format!(
        "rows of {} have no value for the new column {}, which must have one: give it by \
         --fill {place}=SQL, or write it into the file in place of NULL",
        table.name, column.name
    ));
    comments.push(format!(
        "This fails where {} has rows: write their value of {} in place of NULL.",
        table.name, column.name
    ));
    "NULL".to_owned()
}
