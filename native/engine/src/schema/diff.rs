//! What keeps a table from being as it should be, and what would fix it.

mod indexes;
pub(super) mod prefix;

use rusqlite::Connection;

use super::ddl;
use super::difference::{Difference, DifferenceKind};
use super::spec::{ColumnSpec, ForeignKeySpec, TableSpec};
use crate::catalog::{fits, quoted, shortened, Column, Existing, ExistingForeignKey};
use crate::error::Result;
use crate::journal;
use crate::sqlite::lex::same;

/// What keeps the table from being as it should be. Run in a transaction, so that all of it is
/// of one moment.
///
/// Columns and indexes that are not asked for are no difference as long as rows can be written,
/// nor are defaults and the order of columns.
///
/// # Errors
/// `invalid_option` for a spec that has no meaning, `invalid_value` for a default that its
/// column cannot hold.
pub fn differences(conn: &Connection, spec: &TableSpec) -> Result<Vec<Difference>> {
    spec.validate()?;
    let existing = Existing::load(conn, &spec.table)?;
    if existing.is_some() && !spec.tenant_of.is_empty() {
        return Ok(Vec::new());
    }
    let all = Vec::new();
    let mut found = Differences { spec, all };
    match &existing {
        None => {
            let statement = ddl::create_table(spec)?;
            let message = format!("there is no table {}", quoted(&spec.table));
            let missing = found.difference(DifferenceKind::MissingTable, message);
            found.all.push(missing.fixed_by(Some(statement)));
        }
        Some(existing) if existing.table.is_view => {
            let message = format!("{} is a view, not a table", quoted(&spec.table));
            found
                .all
                .push(found.difference(DifferenceKind::NotATable, message));
            return Ok(found.all);
        }
        Some(existing) => {
            found.columns(existing)?;
            found.unknown_columns(existing);
            found.primary_key(existing);
            found.foreign_keys(existing);
            found.checks(existing);
        }
    }
    found.indexes(conn, existing.as_ref())?;
    if let Some(existing) = &existing {
        found.journal(conn, existing)?;
    }
    Ok(found.all)
}

struct Differences<'a> {
    spec: &'a TableSpec,
    all: Vec<Difference>,
}

impl Differences<'_> {
    fn difference(&self, kind: DifferenceKind, message: String) -> Difference {
        Difference::new(&self.spec.table, kind, message)
    }

    /// A column for a message.
    fn place(&self, column: &str) -> String {
        format!("{}.{}", shortened(&self.spec.table), shortened(column))
    }

    fn columns(&mut self, existing: &Existing) -> Result<()> {
        for column in &self.spec.columns {
            match existing.table.column(&column.name) {
                Ok((_, found)) => self.column(column, found, existing.table.strict),
                Err(_) => self.missing_column(column, existing)?,
            }
        }
        Ok(())
    }

    /// How the table is journaled. What else is missing comes first.
    fn journal(&mut self, conn: &Connection, existing: &Existing) -> Result<()> {
        let Some(journal) = &self.spec.journal else {
            return Ok(());
        };
        let all_there = journal
            .columns()
            .all(|(_, column)| existing.table.column(column).is_ok());
        let differs = match all_there {
            true => journal::differs(conn, &existing.table.name, journal)?,
            false => Some("is not journaled"),
        };
        if let Some(differs) = differs {
            let message = format!("table {} {differs}", quoted(&self.spec.table));
            let found = self.difference(DifferenceKind::WrongJournal, message);
            self.all.push(found);
        }
        Ok(())
    }

    fn missing_column(&mut self, column: &ColumnSpec, existing: &Existing) -> Result<()> {
        let statement = ddl::add_column(self.spec, column, existing)?;
        let declared = self.spec.declared(column, existing.table.strict);
        let (table, name) = (quoted(&self.spec.table), quoted(&column.name));
        let message = format!("table {table} has no column {name} ({declared})");
        let missing = self.difference(DifferenceKind::MissingColumn, message);
        let missing = missing.of_column(&column.name).expected(declared);
        self.all.push(missing.fixed_by(statement));
        Ok(())
    }

    fn column(&mut self, column: &ColumnSpec, found: &Column, strict: bool) {
        let place = self.place(&column.name);
        let wanted = self.spec.declared(column, strict);
        if !same(&found.declared, wanted) && !fits(&found.declared, strict, column.holds()) {
            let declared = shortened(&found.declared);
            let message = format!("{place} is declared {declared}, which does not hold {wanted}");
            let wrong = self.difference(DifferenceKind::WrongType, message);
            let wrong = wrong.of_column(&column.name).expected(wanted);
            self.all.push(wrong.found(found.declared.as_str()));
        }
        let nullable = self.spec.nullable(column);
        // The columns of a key are compared as a key.
        if self.spec.in_key(&column.name) || nullable != found.not_null {
            return;
        }
        let difference = if nullable {
            let message = format!("{place} is NOT NULL in the table, but may be null");
            self.difference(DifferenceKind::UnexpectedNotNull, message)
                .expected("NULL")
                .found("NOT NULL")
        } else {
            let message = format!("{place} may be null in the table, but must not");
            self.difference(DifferenceKind::MissingNotNull, message)
                .expected("NOT NULL")
                .found("NULL")
        };
        self.all.push(difference.of_column(&column.name));
    }

    fn unknown_columns(&mut self, existing: &Existing) {
        for column in &existing.table.columns {
            let required = column.not_null && column.default.is_none() && !column.generated;
            if !required
                || self.spec.column(&column.name).is_some()
                || existing.numbers_rows(&column.name)
            {
                continue;
            }
            let place = self.place(&column.name);
            let message = format!("{place} is not asked for, but every row must have it");
            let unexpected = self.difference(DifferenceKind::UnexpectedRequiredColumn, message);
            let unexpected = unexpected.of_column(&column.name);
            self.all
                .push(unexpected.found(format!("{} NOT NULL", column.declared)));
        }
    }

    fn primary_key(&mut self, existing: &Existing) {
        let names = |all: &[&str]| all.join(", ");
        let wanted: Vec<&str> = self.spec.primary_key.iter().map(String::as_str).collect();
        let keys = existing.table.key_columns();
        let found: Vec<&str> = keys.map(|column| column.name.as_str()).collect();
        let equal = wanted.len() == found.len()
            && wanted
                .iter()
                .zip(&found)
                .all(|(left, right)| same(left, right));
        if !equal {
            let table = quoted(&self.spec.table);
            let (wanted, found) = (names(&wanted), names(&found));
            let message = format!("the primary key of {table} is ({found}), not ({wanted})");
            let wrong = self.difference(DifferenceKind::WrongPrimaryKey, message);
            let wrong = wrong.of_column(&wanted).expected(wanted);
            self.all.push(wrong.found(found));
            return;
        }
        // A plain INTEGER PRIMARY KEY is numbered, too: only a number may come twice after a
        // delete.
        let Some(key) = &self.spec.autoincrement else {
            return;
        };
        if !existing.numbers_rows(key) {
            let column = existing.table.column(key).map(|(_, column)| column);
            let declared = column.map_or_else(|_| String::new(), |column| column.declared.clone());
            let message = format!(
                "{} is declared {declared}, but SQLite numbers only an INTEGER PRIMARY KEY",
                self.place(key)
            );
            let missing = self.difference(DifferenceKind::MissingAutoincrement, message);
            let missing = missing.of_column(key).found(declared);
            self.all
                .push(missing.expected("INTEGER PRIMARY KEY AUTOINCREMENT"));
        }
    }

    fn foreign_keys(&mut self, existing: &Existing) {
        for key in &self.spec.foreign_keys {
            // A foreign key of one column comes with the column, see `ddl::add_column`.
            if let [only] = key.columns.as_slice() {
                if existing.table.column(only).is_err() {
                    continue;
                }
            }
            let actions = |delete: &str, update: &str| {
                let on = key.on.join(", ");
                let references = &key.references;
                format!("REFERENCES {references} ({on}) ON DELETE {delete} ON UPDATE {update}")
            };
            let columns = key.columns.join(", ");
            let place = format!("{} ({columns})", shortened(&self.spec.table));
            let wanted = actions(key.on_delete.sql(), key.on_update.sql());
            let mut there = existing.foreign_keys.iter();
            let difference = match there.find(|found| refers(found, key)) {
                Some(found) if acts(found, key) => continue,
                Some(found) => {
                    let found = actions(&found.on_delete, &found.on_update);
                    let message = format!("the foreign key of {place} is {found}, not {wanted}");
                    self.difference(DifferenceKind::WrongForeignKey, message)
                        .found(found)
                }
                None => {
                    let message = format!("{place} has no foreign key {wanted}");
                    self.difference(DifferenceKind::MissingForeignKey, message)
                }
            };
            let difference = difference.of_column(&columns).expected(wanted);
            self.all.push(difference.of_constraint(key.name.as_deref()));
        }
    }

    fn checks(&mut self, existing: &Existing) {
        for check in &self.spec.checks {
            if existing.has_check(&check.name) {
                continue;
            }
            let (table, name) = (quoted(&self.spec.table), quoted(&check.name));
            let message = format!("table {table} has no check {name}");
            let missing = self.difference(DifferenceKind::MissingCheck, message);
            let missing = missing.of_constraint(Some(&check.name));
            self.all.push(missing.expected(check.sql.as_str()));
        }
    }
}

/// Whether a foreign key goes from the wanted columns to the wanted ones, in any order.
fn refers(found: &ExistingForeignKey, wanted: &ForeignKeySpec) -> bool {
    let pair = |from: &str, to: &str| (from.to_ascii_lowercase(), to.to_ascii_lowercase());
    let mut expected: Vec<_> = wanted
        .columns
        .iter()
        .zip(&wanted.on)
        .map(|(from, to)| pair(from, to))
        .collect();
    // Without columns it is the other table's primary key, taken for the wanted one.
    let mut there: Vec<_> = found
        .columns
        .iter()
        .zip(found.on.iter().zip(&wanted.on))
        .map(|(from, (to, wanted))| pair(from, to.as_ref().unwrap_or(wanted)))
        .collect();
    expected.sort();
    there.sort();
    same(&found.references, &wanted.references)
        && found.columns.len() == wanted.columns.len()
        && there == expected
}

fn acts(found: &ExistingForeignKey, wanted: &ForeignKeySpec) -> bool {
    same(&found.on_delete, wanted.on_delete.sql()) && same(&found.on_update, wanted.on_update.sql())
}
