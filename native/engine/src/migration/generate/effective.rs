//! The table that a table is to become: what is asked for, and what stays though it is not.

use std::collections::BTreeSet;

use super::model::{
    check_fact, column_fact, key_fact, unique_fact, Check, Column, ForeignKey, Table,
};
use super::parse;
use crate::sqlite::lex::{lex, name, same};

/// What stays of a table beside what is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep<'a> {
    /// Whether all goes that is not asked for.
    pub(super) nothing: bool,
    /// Whether columns stay that are not asked for.
    pub(super) columns: bool,
    /// Whether columns and constraints stay that were written by hand.
    pub(super) constraints: bool,
    /// What generated files made.
    pub(super) generated: &'a BTreeSet<String>,
}

/// The table that `now` is to become for `wanted` to be fulfilled. Also the columns that stay.
pub(super) fn effective(now: &Table, wanted: &Table, keep: Keep<'_>) -> (Table, Vec<Column>) {
    if keep.nothing {
        return (wanted.clone(), Vec::new());
    }
    let stays = |column: &&Column| {
        let by_hand = !keep
            .generated
            .contains(&column_fact(&now.name, &column.name));
        let may = keep.columns || (keep.constraints && by_hand);
        may && wanted.column(&column.name).is_none()
    };
    let columns: Vec<Column> = now.columns.iter().filter(stays).cloned().collect();
    let definitions: Vec<String> = columns
        .iter()
        .map(|column| definition(now, column))
        .collect();
    let constraints = if keep.constraints || !columns.is_empty() {
        constraints(now, wanted, &columns, keep)
    } else {
        Vec::new()
    };
    let sql = with(wanted, &definitions, &constraints);
    (parse::table(&wanted.name, &sql), columns)
}

/// A column that stays. A row need not give it a value any longer.
fn definition(table: &Table, column: &Column) -> String {
    let loosened = table.requires(column);
    let inline_key = table.in_key(&column.name)
        || table
            .uniques
            .iter()
            .any(|key| matches!(key.columns.as_slice(), [only] if same(only, &column.name)));
    if !inline_key {
        return if loosened {
            column.nullable_text()
        } else {
            column.text.clone()
        };
    }
    // Its own constraints are the table's, or are no more.
    let mut text = name(&column.name);
    if !column.declared.is_empty() {
        text.push_str(&format!(" {}", column.declared));
    }
    if let Some(collation) = &column.collation {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    if let Some(default) = &column.default {
        text.push_str(&format!(" DEFAULT {default}"));
    }
    text
}

/// The constraints that stay, as constraints of the table.
fn constraints(now: &Table, wanted: &Table, kept: &[Column], keep: Keep<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let by_hand = |fact: String| keep.constraints && !keep.generated.contains(&fact);
    let is_kept = |column: &str| kept.iter().any(|kept| same(&kept.name, column));
    let is_there = |column: &String| wanted.column(column).is_some() || is_kept(column);
    for check in &now.checks {
        let asked = wanted.checks.iter().any(|other| {
            other.compared == check.compared || (check.name.is_some() && other.name == check.name)
        });
        let written = check.column.as_deref().is_some_and(is_kept);
        let of_kept = kept.iter().any(|column| mentions(check, &column.name));
        let gone = now
            .columns
            .iter()
            .any(|column| !is_there(&column.name) && mentions(check, &column.name));
        let stays = by_hand(check_fact(&now.name, check)) || of_kept;
        if !asked && !written && stays && !gone {
            all.push(check_sql(check));
        }
    }
    for key in &now.foreign_keys {
        let asked = wanted
            .foreign_keys
            .iter()
            .any(|other| same_columns(other, key));
        let written = key.inline && key.columns.iter().all(|column| is_kept(column));
        let of_kept = key.columns.iter().any(|column| is_kept(column));
        let stays = by_hand(key_fact(&now.name, key)) || of_kept;
        if !asked && !written && stays && key.columns.iter().all(is_there) {
            all.push(foreign_key_sql(key));
        }
    }
    for key in &now.uniques {
        let asked = wanted.uniques.iter().any(|other| other.text == key.text);
        let stays = by_hand(unique_fact(&now.name, key)) && key.columns.iter().all(is_there);
        if !asked && stays {
            let columns: Vec<String> = key.columns.iter().map(|column| name(column)).collect();
            all.push(format!("UNIQUE ({})", columns.join(", ")));
        }
    }
    all
}

fn same_columns(left: &ForeignKey, right: &ForeignKey) -> bool {
    left.columns.len() == right.columns.len()
        && left
            .columns
            .iter()
            .zip(&right.columns)
            .all(|(left, right)| same(left, right))
}

/// Whether a check names a column.
pub(super) fn mentions(check: &Check, column: &str) -> bool {
    let lower = column.to_ascii_lowercase();
    lex(&check.text).iter().any(|token| token.text == lower)
}

/// A check in SQL.
pub(super) fn check_sql(check: &Check) -> String {
    format!("{}CHECK ({})", label(check.name.as_deref()), check.text)
}

/// A foreign key in SQL, as a constraint of its table.
pub(super) fn foreign_key_sql(key: &ForeignKey) -> String {
    let columns: Vec<String> = key.columns.iter().map(|column| name(column)).collect();
    format!(
        "{}FOREIGN KEY ({}) {}",
        label(key.name.as_deref()),
        columns.join(", "),
        references_sql(key)
    )
}

/// What a foreign key refers to, as a constraint of its column.
pub(super) fn references_sql(key: &ForeignKey) -> String {
    let mut sql = format!("REFERENCES {}", name(&key.table));
    if !key.on.is_empty() {
        let on: Vec<String> = key.on.iter().map(|column| name(column)).collect();
        sql.push_str(&format!(" ({})", on.join(", ")));
    }
    for (event, action) in [("DELETE", &key.on_delete), ("UPDATE", &key.on_update)] {
        if action != "no action" {
            sql.push_str(&format!(" ON {event} {}", action.to_ascii_uppercase()));
        }
    }
    if key.deferred {
        sql.push_str(" DEFERRABLE INITIALLY DEFERRED");
    }
    sql
}

pub(super) fn label(constraint: Option<&str>) -> String {
    constraint.map_or_else(String::new, |text| format!("CONSTRAINT {} ", name(text)))
}

/// The statement of a table with more columns and constraints.
fn with(table: &Table, columns: &[String], constraints: &[String]) -> String {
    if columns.is_empty() && constraints.is_empty() {
        return table.sql.clone();
    }
    let sql = &table.sql;
    let part = |range: Option<&str>| range.unwrap_or_default().to_owned();
    let mut text = part(sql.get(..table.columns_end));
    for column in columns {
        text.push_str(&format!(",\n  {column}"));
    }
    text.push_str(part(sql.get(table.columns_end..table.body_end)).trim_end());
    for constraint in constraints {
        text.push_str(&format!(",\n  {constraint}"));
    }
    text.push('\n');
    text.push_str(&part(sql.get(table.body_end..)));
    text
}
