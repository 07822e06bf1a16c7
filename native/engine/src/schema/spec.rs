//! A table as an application wants it, checked before any SQL is made of it.

use std::collections::{HashMap, HashSet};

use super::condition;
use crate::catalog::{quoted, shortened, with_nearest, EventOn, JournalSpec};
use crate::error::{Code, Error, Result};
use crate::query::ir::Scalar;
use crate::sqlite::lex::{readable, same};
use crate::value::{ColumnType, Value};

/// A table as it should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableSpec {
    /// The name.
    pub table: String,
    /// The columns, in the order of a new table.
    pub columns: Vec<ColumnSpec>,
    /// The columns of the primary key. Empty: no key but the rowid.
    pub primary_key: Vec<String>,
    /// The column whose integers SQLite gives and never gives twice. It is the primary key.
    pub autoincrement: Option<String>,
    /// The indexes.
    pub indexes: Vec<IndexSpec>,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKeySpec>,
    /// The checks.
    pub checks: Vec<CheckSpec>,
    /// Whether it is a STRICT table.
    pub strict: bool,
    /// How it is journaled, if it is.
    pub journal: Option<JournalSpec>,
    /// For a table of a tenant, `rooms@acme`, that is made as `rooms` is and left alone once it is there:
    /// `rooms` and those of the tables that it refers to which each tenant has.
    pub tenant_of: Vec<String>,
    /// Whether [`super::ensure`] adds what it can and leaves out the rest, instead of adding nothing:
    /// indexes that rows or their own SQL keep from being made, and what SQLite cannot add.
    pub best_effort: bool,
}

impl TableSpec {
    /// The types of its columns, by their names in lower case.
    pub(crate) fn types_by_column(&self) -> HashMap<String, ColumnType> {
        let typed = |column: &ColumnSpec| (column.name.to_ascii_lowercase(), column.column_type);
        self.columns.iter().map(typed).collect()
    }
}

/// A column as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSpec {
    /// The name.
    pub name: String,
    /// The type of its values. [`ColumnType::Any`] is declared without a type.
    pub column_type: ColumnType,
    /// Whether it may be null. A column of the primary key never is.
    pub null: bool,
    /// What a row that leaves it out gets.
    pub default: Value,
    /// The same as an expression in the developer's SQL, which counts where both are given.
    pub default_sql: Option<String>,
    /// How it is declared, where that is not how its type is.
    pub declared: Option<String>,
}

/// An index as it should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IndexSpec {
    /// The name.
    pub name: String,
    /// The columns.
    pub columns: Vec<String>,
    /// Whether two rows may not be the same in it.
    pub unique: bool,
    /// The condition of the rows that are in it, in the developer's SQL.
    pub filter: Option<String>,
    /// The same as an expression, of which both must hold where both are given.
    pub condition: Option<Scalar>,
    /// Whether two nulls of a unique index are the same.
    pub nulls_equal: bool,
    /// The columns in which the case of ASCII makes no difference.
    pub ignore_case: Vec<String>,
    /// Those of the columns that are none, but expressions in the developer's SQL.
    pub expressions: Vec<String>,
    /// Whether any index that begins with the columns, or with the first of them, will do.
    pub prefix: bool,
}

/// A foreign key as it should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignKeySpec {
    /// The name, for the file's readers: SQLite never reports it.
    pub name: Option<String>,
    /// The columns.
    pub columns: Vec<String>,
    /// The table that they refer to.
    pub references: String,
    /// Its columns.
    pub on: Vec<String>,
    /// What becomes of the row when the other one is deleted.
    pub on_delete: ForeignKeyAction,
    /// What becomes of the row when the other one's key changes.
    pub on_update: ForeignKeyAction,
    /// When it is looked at.
    pub deferrable: Deferrable,
}

/// What a foreign key does (<https://sqlite.org/foreignkeys.html#fk_actions>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignKeyAction {
    /// NO ACTION: the statement fails if it leaves a reference to nothing.
    #[default]
    Nothing,
    /// RESTRICT: as nothing, but at once, deferred or not.
    Restrict,
    /// CASCADE: the row goes, or follows.
    Cascade,
    /// SET NULL.
    SetNull,
}

/// When a foreign key is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deferrable {
    /// After each statement.
    #[default]
    No,
    /// After each statement, unless the transaction says otherwise.
    Yes,
    /// At the commit.
    Initially,
}

/// A check as it should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckSpec {
    /// The name, by which a violation is reported.
    pub name: String,
    /// The condition, in the developer's SQL.
    pub sql: String,
}

/// The column type of a declared type's name, in any case.
///
/// # Errors
/// `invalid_option`, naming the nearest type.
///
/// ```
/// use ash_rusqlite_engine::{schema::column_type, ColumnType};
/// assert_eq!(column_type("uuid_text"), Ok(ColumnType::Uuid));
/// assert!(column_type("UUID_TXT").unwrap_err().message().contains("did you mean \"UUID_TEXT\"?"));
/// ```
pub fn column_type(name: &str) -> Result<ColumnType> {
    let upper = name.to_ascii_uppercase();
    let known = ColumnType::ALL
        .iter()
        .filter(|column_type| **column_type != ColumnType::Any);
    if let Some(found) = known.clone().find(|known| known.declared() == upper) {
        return Ok(*found);
    }
    let names: Vec<&str> = known.map(|known| known.declared()).collect();
    let message = format!("there is no column type {}", quoted(name));
    let error = Error::new(Code::InvalidOption, message);
    let error = with_nearest(error, &upper, names.iter().copied());
    let message = format!("{}; the types are {}", error.message(), names.join(", "));
    Err(error.with_message(message).with("option", "type"))
}

impl TableSpec {
    /// The column of this name. As in SQL the case of ASCII letters does not matter.
    pub(super) fn column(&self, name: &str) -> Option<&ColumnSpec> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    /// Whether a column is one of the primary key.
    pub(super) fn in_key(&self, name: &str) -> bool {
        self.primary_key.iter().any(|key| same(key, name))
    }

    /// Whether a column may be null in the end.
    pub(super) fn nullable(&self, column: &ColumnSpec) -> bool {
        column.null && !self.in_key(&column.name)
    }

    /// Checks that the parts fit together.
    ///
    /// # Errors
    /// `invalid_option`, with what is wrong.
    pub fn validate(&self) -> Result<()> {
        self.validate_columns()?;
        self.check_names("indexes", self.indexes.iter().map(|index| &index.name))?;
        let constraints = self.checks.iter().map(|check| &check.name);
        let keys = self.foreign_keys.iter().filter_map(|key| key.name.as_ref());
        self.check_names("checks", constraints.chain(keys))?;
        self.known_columns("primary_key", &self.primary_key)?;
        self.check_names("primary_key", self.primary_key.iter())?;
        for index in &self.indexes {
            let columns: Vec<String> = index.named_columns().cloned().collect();
            self.known_columns("indexes", &columns)?;
            self.check_names("indexes", columns.iter())?;
            for expression in &index.expressions {
                self.check_sql("expressions", Some(expression))?;
            }
            self.known_columns("ignore_case", &index.ignore_case)?;
            self.not_empty("indexes", &index.name, &index.columns)?;
            self.check_sql("where", index.filter.as_deref())?;
        }
        for check in &self.checks {
            self.check_sql("checks", Some(&check.sql))?;
        }
        for column in &self.columns {
            self.check_sql("default_sql", column.default_sql.as_deref())?;
        }
        for key in &self.foreign_keys {
            self.check_foreign_key(key)?;
        }
        self.check_autoincrement()?;
        self.check_declared()
    }

    /// Checks the name and the columns alone: what a table holds is known without the rest.
    ///
    /// # Errors
    /// `invalid_option`, with what is wrong.
    pub fn validate_columns(&self) -> Result<()> {
        self.check_name("table", &self.table)?;
        if self.columns.is_empty() {
            let message = format!("table {} needs a column", quoted(&self.table));
            return Err(self.wrong("columns", message));
        }
        self.check_names("columns", self.columns.iter().map(|column| &column.name))
    }

    fn check_foreign_key(&self, key: &ForeignKeySpec) -> Result<()> {
        self.known_columns("foreign_keys", &key.columns)?;
        self.not_empty("foreign_keys", &key.references, &key.columns)?;
        self.check_name("references", &key.references)?;
        self.check_names("on", key.on.iter())?;
        if key.columns.len() == key.on.len() {
            return Ok(());
        }
        let message = format!(
            "a foreign key of {} has {} columns but refers to {}",
            quoted(&self.table),
            key.columns.len(),
            key.on.len()
        );
        Err(self.wrong("foreign_keys", message))
    }

    fn check_autoincrement(&self) -> Result<()> {
        let Some(name) = &self.autoincrement else {
            return Ok(());
        };
        self.known_columns("autoincrement", std::slice::from_ref(name))?;
        let integer = self
            .column(name)
            .is_some_and(|column| same(self.declared(column, self.strict), "INTEGER"));
        if integer && self.primary_key.len() == 1 && self.in_key(name) {
            return Ok(());
        }
        let message = format!(
            "autoincrement: takes the INTEGER column that is the primary key alone, which {} of {} is not",
            quoted(name),
            quoted(&self.table)
        );
        Err(self.wrong("autoincrement", message))
    }

    fn check_names<'a>(
        &self,
        option: &'static str,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<()> {
        let mut seen = HashSet::new();
        for name in names {
            self.check_name(option, name)?;
            if !seen.insert(name.to_ascii_lowercase()) {
                let message = format!(
                    "{} is there twice in the {option} of {}",
                    quoted(name),
                    quoted(&self.table)
                );
                return Err(self.wrong(option, message));
            }
        }
        Ok(())
    }

    fn check_name(&self, option: &'static str, name: &str) -> Result<()> {
        let lower = name.to_ascii_lowercase();
        let reserved = ["sqlite_", "ash_rusqlite_"]
            .into_iter()
            .find(|prefix| lower.starts_with(prefix));
        let why = match reserved {
            _ if name.is_empty() => "is empty".to_owned(),
            _ if name.contains('\0') => "holds a NUL character".to_owned(),
            Some(prefix) => format!("begins with {prefix}, as only tables of others do"),
            None => return Ok(()),
        };
        let message = format!("the name {} ({option}:) {why}", quoted(name));
        Err(self.wrong(option, message))
    }

    fn check_sql(&self, option: &'static str, sql: Option<&str>) -> Result<()> {
        match sql {
            Some(sql) if sql.trim().is_empty() || sql.contains('\0') => {
                let message = format!(
                    "the SQL of {option}: of {} is empty or holds a NUL character",
                    quoted(&self.table)
                );
                Err(self.wrong(option, message))
            }
            _ => Ok(()),
        }
    }

    fn not_empty(&self, option: &'static str, what: &str, columns: &[String]) -> Result<()> {
        if columns.is_empty() {
            let message = format!("{} ({option}:) names no column", quoted(what));
            return Err(self.wrong(option, message));
        }
        Ok(())
    }

    fn known_columns(&self, option: &'static str, names: &[String]) -> Result<()> {
        let known = || self.columns.iter().map(|column| column.name.as_str());
        match names.iter().find(|name| self.column(name).is_none()) {
            None => Ok(()),
            Some(name) => {
                let message = format!(
                    "{} ({option}:) is no column of {}",
                    quoted(name),
                    quoted(&self.table)
                );
                Err(with_nearest(self.wrong(option, message), name, known()))
            }
        }
    }

    pub(super) fn wrong(&self, option: &'static str, message: String) -> Error {
        Error::new(Code::InvalidOption, message)
            .with("option", option)
            .with("table", shortened(&self.table))
    }
}

impl TableSpec {
    /// The SQL of the condition of a journal's event, from an expression: a column of it is the row's
    /// after the change, and one of the next query further out the row's before it.
    ///
    /// # Errors
    /// `invalid_option` for what no trigger of any SQLite can compute.
    pub fn event_condition(&self, scalar: &Scalar, on: EventOn) -> Result<String> {
        let written = condition::trigger_sql(self, scalar, on);
        written.map(|sql| readable(&sql)).map_err(|why| {
            let message = format!(
                "an event of the journal of {} has a condition that {why}",
                quoted(&self.table)
            );
            self.wrong("journal", message)
        })
    }
}

impl IndexSpec {
    /// The SQL of the rows that are in it, `None` for all; or why there is no SQL for them.
    pub(super) fn filter_sql(
        &self,
        spec: &TableSpec,
    ) -> std::result::Result<Option<String>, String> {
        let condition = self.condition.as_ref();
        let condition = condition
            .map(|scalar| condition::sql(spec, scalar))
            .transpose()?;
        Ok(match (&self.filter, condition) {
            (Some(filter), Some(condition)) => Some(format!("({}) AND {condition}", filter.trim())),
            (Some(filter), None) => Some(filter.trim().to_owned()),
            (None, condition) => condition,
        })
    }

    /// Its columns without the expressions.
    fn named_columns(&self) -> impl Iterator<Item = &String> {
        let expressions = &self.expressions;
        self.columns
            .iter()
            .filter(|column| !expressions.contains(column))
    }
}
