//! What has to be done with a table for it to become another one.

use super::effective::mentions;
use super::model::{Check, Column, ForeignKey, Schema, Table};
use crate::catalog::fits;
use crate::sqlite::lex::{lex, same};
use crate::value::ColumnType;

/// How a table is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// Every part counts.
    Exact,
    /// The table was made by hand for a resource: types need only fit, and defaults, collations and
    /// options are its own.
    Fits,
}

/// What has to be done with a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Why it must be rebuilt; empty where it need not be.
    pub(super) rebuild: Vec<String>,
    pub(super) add: Vec<Column>,
    pub(super) drop: Vec<Column>,
    pub(super) tighten: Vec<Column>,
    pub(super) loosen: Vec<Column>,
    pub(super) add_checks: Vec<Check>,
    /// Named constraints that go.
    pub(super) drop_constraints: Vec<String>,
}

impl Changes {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.rebuild.is_empty()
            && self.add.is_empty()
            && self.drop.is_empty()
            && self.tighten.is_empty()
            && self.loosen.is_empty()
            && self.add_checks.is_empty()
            && self.drop_constraints.is_empty()
    }
}

/// Compares a table with what it is to be. `schemas` are those in which they are.
pub(super) fn compare(
    now: &Table,
    wanted: &Table,
    strictness: &dyn Fn(&Column) -> Strictness,
    of_table: Strictness,
    schemas: (&Schema, &Schema),
) -> Changes {
    let mut changes = Changes::default();
    keys(now, wanted, of_table, &mut changes);
    for column in &wanted.columns {
        match now.column(&column.name) {
            Some(found) => {
                let strict = strictness(found);
                changed(now, found, wanted, column, strict, &mut changes);
            }
            None => added(wanted, column, &mut changes),
        }
    }
    for column in &now.columns {
        if wanted.column(&column.name).is_none() {
            dropped(now, column, &mut changes);
        }
    }
    foreign_keys(now, wanted, schemas, &mut changes);
    checks(now, wanted, &mut changes);
    changes
}

fn keys(now: &Table, wanted: &Table, strictness: Strictness, changes: &mut Changes) {
    let exact = strictness == Strictness::Exact;
    let names = |table: &Table| {
        let key = table.primary_key.as_ref();
        key.map_or_else(String::new, |key| {
            key.columns.join(", ").to_ascii_lowercase()
        })
    };
    let text = |table: &Table| {
        let key = table.primary_key.as_ref();
        key.map_or_else(String::new, |key| key.text.clone())
    };
    let other_key = if exact {
        text(now) != text(wanted)
    } else {
        names(now) != names(wanted)
    };
    if other_key {
        changes.rebuild.push("another primary key".to_owned());
    }
    let mut option = |word: &str, is: bool, asked: bool, counts: bool| {
        if is != asked && counts {
            let without = if is { "without " } else { "" };
            changes.rebuild.push(format!("{without}{word}"));
        }
    };
    let (counted, strict) = (wanted.autoincrement, wanted.strict);
    option(
        "AUTOINCREMENT",
        now.autoincrement,
        counted,
        exact || counted,
    );
    option("STRICT", now.strict, strict, exact || strict);
    option(
        "WITHOUT ROWID",
        now.without_rowid,
        wanted.without_rowid,
        exact,
    );
    let all = |table: &Table| {
        let mut texts: Vec<String> = table.uniques.iter().map(|key| key.text.clone()).collect();
        texts.sort();
        texts
    };
    if all(now) != all(wanted) {
        changes.rebuild.push("another unique constraint".to_owned());
    }
}

fn changed(
    table: &Table,
    now: &Column,
    of: &Table,
    wanted: &Column,
    strictness: Strictness,
    changes: &mut Changes,
) {
    let exact = strictness == Strictness::Exact;
    let column = &wanted.name;
    let type_fits = !exact
        && fits(
            &now.declared,
            table.strict,
            ColumnType::from_declared(&wanted.declared),
        );
    if !now.declared_as(wanted) && !type_fits {
        let declared = |column: &Column| match column.declared.as_str() {
            "" => "no type".to_owned(),
            declared => declared.to_owned(),
        };
        let (from, to) = (declared(now), declared(wanted));
        changes
            .rebuild
            .push(format!("{column} from {from} to {to}"));
    }
    if exact && !now.same_default(wanted) {
        changes.rebuild.push(format!("the default of {column}"));
    }
    if exact && !now.same_collation(wanted) {
        changes.rebuild.push(format!("the collation of {column}"));
    }
    if now.generated != wanted.generated {
        changes.rebuild.push(format!("how {column} is computed"));
    }
    if exact && now.conflict != wanted.conflict && now.not_null && wanted.not_null {
        changes.rebuild.push(format!("ON CONFLICT of {column}"));
    }
    // The columns of a key that was made by hand are compared as a key.
    if table.is_rowid(now) || (!exact && of.in_key(column)) {
        return;
    }
    if wanted.not_null && !now.not_null {
        if wanted.conflict.is_empty() {
            changes.tighten.push(wanted.clone());
        } else {
            changes.rebuild.push(format!("NOT NULL of {column}"));
        }
    }
    if now.not_null && !wanted.not_null {
        changes.loosen.push(wanted.clone());
    }
}

/// A column that is not there yet. See <https://sqlite.org/lang_altertable.html#altertabaddcol>.
fn added(table: &Table, column: &Column, changes: &mut Changes) {
    let unique = table
        .uniques
        .iter()
        .any(|key| key.columns.iter().any(|name| same(name, &column.name)));
    let stored = column
        .generated
        .as_ref()
        .is_some_and(|text| text.ends_with(" stored"));
    let default = column.default.as_deref();
    let computed = default.is_some_and(|text| {
        let upper = text.trim_start_matches('(').trim().to_ascii_uppercase();
        upper.starts_with("CURRENT_") || (text.starts_with('(') && !is_literal(text))
    });
    let required = column.not_null && column.generated.is_none();
    let without_value = default.is_none_or(|text| text.eq_ignore_ascii_case("null"));
    let why = if table.in_key(&column.name) {
        Some("in the primary key")
    } else if unique {
        Some("with a unique constraint")
    } else if stored {
        Some("stored")
    } else if computed {
        Some("with a computed default")
    } else if required && without_value {
        Some("NOT NULL")
    } else {
        None
    };
    match why {
        Some(why) => changes
            .rebuild
            .push(format!("the new column {}, {why}", column.name)),
        None => changes.add.push(column.clone()),
    }
}

fn is_literal(text: &str) -> bool {
    let tokens = lex(text);
    let inner: Vec<_> = tokens
        .iter()
        .filter(|token| !token.is("(") && !token.is(")"))
        .collect();
    matches!(inner.as_slice(), [one] if one.text.starts_with('\'')
        || one.text.starts_with(|c: char| c.is_ascii_digit()))
}

/// A column that goes. See <https://sqlite.org/lang_altertable.html#altertabdropcol>.
fn dropped(table: &Table, column: &Column, changes: &mut Changes) {
    let name = &column.name;
    let named = |all: &[String]| all.iter().any(|other| same(other, name));
    let lower = name.to_ascii_lowercase();
    let needed = table.in_key(name)
        || table.uniques.iter().any(|key| named(&key.columns))
        || table.foreign_keys.iter().any(|key| named(&key.columns))
        || table.checks.iter().any(|check| mentions(check, name))
        || table.columns.iter().any(|other| {
            let generated = other.generated.as_deref().unwrap_or_default();
            lex(generated).iter().any(|token| token.text == lower)
        });
    if needed {
        changes.rebuild.push(format!("without {name}"));
    } else {
        changes.drop.push(column.clone());
    }
}

fn foreign_keys(now: &Table, wanted: &Table, schemas: (&Schema, &Schema), changes: &mut Changes) {
    for key in &wanted.foreign_keys {
        if now
            .foreign_keys
            .iter()
            .any(|found| same_key(found, key, schemas))
        {
            continue;
        }
        // It comes with its column.
        let with_column = matches!(key.columns.as_slice(), [only]
            if changes.add.iter().any(|column| same(&column.name, only)));
        if !with_column {
            let columns = key.columns.join(", ");
            changes
                .rebuild
                .push(format!("the foreign key of {columns} to {}", key.table));
        }
    }
    for key in &now.foreign_keys {
        if wanted
            .foreign_keys
            .iter()
            .any(|other| same_key(key, other, schemas))
        {
            continue;
        }
        if key
            .columns
            .iter()
            .all(|column| wanted.column(column).is_none())
        {
            continue;
        }
        match &key.name {
            Some(name) if alone(now, name) => changes.drop_constraints.push(name.clone()),
            _ => changes.rebuild.push(format!(
                "without the foreign key of {}",
                key.columns.join(", ")
            )),
        }
    }
}

/// Whether two foreign keys, of what is and of what is wanted, are the same.
pub(super) fn same_key(now: &ForeignKey, wanted: &ForeignKey, schemas: (&Schema, &Schema)) -> bool {
    let pairs = |key: &ForeignKey, schema: &Schema| {
        let on = if key.on.is_empty() {
            schema.key_of(&key.table)
        } else {
            key.on.clone()
        };
        let lower = |text: &String| text.to_ascii_lowercase();
        let mut pairs: Vec<(String, Option<String>)> = key
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (lower(column), on.get(at).map(lower)))
            .collect();
        pairs.sort();
        pairs
    };
    same(&now.table, &wanted.table)
        && pairs(now, schemas.0) == pairs(wanted, schemas.1)
        && now.on_delete == wanted.on_delete
        && now.on_update == wanted.on_update
        && now.deferred == wanted.deferred
}

fn checks(now: &Table, wanted: &Table, changes: &mut Changes) {
    let same_check = |left: &Check, right: &Check| {
        left.compared == right.compared && (left.name == right.name || right.name.is_none())
    };
    for check in &wanted.checks {
        if now.checks.iter().any(|found| same_check(found, check)) {
            continue;
        }
        // It comes with its column.
        let new = check
            .column
            .as_ref()
            .is_some_and(|column| now.column(column).is_none());
        if !new {
            changes.add_checks.push(check.clone());
        }
    }
    for check in &now.checks {
        if wanted.checks.iter().any(|other| same_check(check, other)) {
            continue;
        }
        let goes_along = now
            .columns
            .iter()
            .any(|column| wanted.column(&column.name).is_none() && mentions(check, &column.name));
        match &check.name {
            Some(name) if alone(now, name) => changes.drop_constraints.push(name.clone()),
            _ if goes_along => {}
            _ => changes
                .rebuild
                .push(format!("without the check {}", check.text)),
        }
    }
}

/// Whether only one constraint of a table has a name.
fn alone(table: &Table, name: &str) -> bool {
    let checks = table.checks.iter().map(|check| &check.name);
    let keys = table.foreign_keys.iter().map(|key| &key.name);
    checks
        .chain(keys)
        .flatten()
        .filter(|other| same(other, name))
        .count()
        == 1
}
