//! Writes SQL text. The only ways in are literals of this crate ([`Builder::push`]), names
//! ([`Builder::name`], quoted), values ([`Builder::value`], bound) and the texts of fragments
//! ([`Builder::fragment`], checked).

use rusqlite::types::{ToSqlOutput, Value as Stored};

use super::compiled::{invalid, Forms, Param};
use super::fragment::Checked;
use super::scope::Scopes;
use crate::catalog::{Catalog, Column, Form, Table};
use crate::error::Result;
use crate::value::{self, ColumnRef, ColumnType, Order, TimeFamily, Value};

/// SQLite's limit of placeholders in one statement (SQLITE_MAX_VARIABLE_NUMBER).
const MAX_PARAMS: usize = 32_766;

/// A statement over one table (`'t`) with values of the query (`'v`), as far as it is written.
pub(super) struct Builder<'t, 'v> {
    pub(super) table: &'t Table,
    pub(super) sql: String,
    pub(super) params: Vec<Param<'v>>,
    /// The queries around the place that is written, and what they count.
    pub(super) scopes: Scopes<'t>,
    /// What it assumes about the texts of times.
    pub(super) forms: Forms,
}

impl<'t, 'v> Builder<'t, 'v> {
    pub(super) fn new(table: &'t Table, catalog: &'t Catalog) -> Self {
        let sql = String::with_capacity(96 + 24 * table.columns.len());
        Builder {
            table,
            sql,
            params: Vec::new(),
            scopes: Scopes::new(table, catalog),
            forms: Forms::default(),
        }
    }

    /// SQL that is written in this crate: the lifetime keeps every other text out.
    pub(super) fn push(&mut self, literal: &'static str) {
        self.sql.push_str(literal);
    }

    /// The beginning of a call of a function of ours.
    pub(super) fn call(&mut self, name: &'static str) {
        self.push("ash_rusqlite_");
        self.push(name);
        self.push("(");
    }

    /// A text of a fragment that was checked.
    pub(super) fn fragment(&mut self, _: &Checked, text: &str) {
        self.sql.push_str(text);
    }

    /// A name of the catalog, quoted.
    pub(super) fn name(&mut self, name: &str) {
        self.sql.push('"');
        if name.contains('"') {
            self.sql.push_str(&name.replace('"', "\"\""));
        } else {
            self.sql.push_str(name);
        }
        self.sql.push('"');
    }

    /// The name of the table.
    pub(super) fn table_name(&mut self) {
        self.name(&self.table.name);
    }

    /// The items with commas between them.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            write(self, item)?;
        }
        Ok(())
    }

    /// A column of the statement's table where it is compared as it is declared.
    pub(super) fn compared(&mut self, column: &Column) {
        self.name(&column.name);
        self.collate_declared(self.table, column);
    }

    /// The collation of a column as it is declared: a decimal by its value, a time by what it is,
    /// none for others, which have their own. Returns the family of times of several forms.
    pub(super) fn collate_declared(
        &mut self,
        table: &Table,
        column: &Column,
    ) -> Option<TimeFamily> {
        if column.column_type.order() == Order::Decimal {
            self.push(" COLLATE ash_rusqlite_decimal");
        }
        let family = self.several_forms(table, column);
        if let Some(family) = family {
            self.collate_times(family);
        }
        family
    }

    /// A placeholder for a value, encoded by its column's type.
    pub(super) fn value(&mut self, value: &'v Value, column: &Column) -> Result<()> {
        self.stored(encode(value, self.table, column)?)
    }

    /// A placeholder for an encoded value.
    pub(super) fn stored(&mut self, stored: ToSqlOutput<'v>) -> Result<()> {
        self.param(Param::Value(stored))
    }

    /// A placeholder.
    pub(super) fn param(&mut self, param: Param<'v>) -> Result<()> {
        if self.params.len() == MAX_PARAMS {
            return Err(invalid(format!(
                "a query holds at most {MAX_PARAMS} values; give long lists to `in`, or split it"
            )));
        }
        self.sql.push('?');
        self.params.push(param);
        Ok(())
    }

    /// ` LIMIT … OFFSET …`.
    pub(super) fn limit(&mut self, limit: Option<u64>, offset: Option<u64>) -> Result<()> {
        if limit.is_none() && offset.is_none() {
            return Ok(());
        }
        self.push(" LIMIT ");
        match limit {
            Some(limit) => self.stored(count(limit))?,
            None => self.push("-1"),
        }
        if let Some(offset) = offset {
            self.push(" OFFSET ");
            self.stored(count(offset))?;
        }
        Ok(())
    }

    /// The family by whose collation a column compares: `None` where its bytes do.
    pub(super) fn several_forms(&mut self, table: &Table, column: &Column) -> Option<TimeFamily> {
        let family = column.column_type.time_family()?;
        match column.form {
            Form::One => {
                self.forms.relied = true;
                None
            }
            Form::Several => {
                self.forms.relied = true;
                Some(family)
            }
            Form::Unknown => {
                let place = (table.name.clone(), column.name.clone());
                if !self.forms.unknown.contains(&place) {
                    self.forms.unknown.push(place);
                }
                Some(family)
            }
        }
    }

    /// The collation of times.
    pub(super) fn collate_times(&mut self, family: TimeFamily) {
        self.push(match family {
            TimeFamily::Instant => " COLLATE ash_rusqlite_instant",
            TimeFamily::Naive => " COLLATE ash_rusqlite_naive",
            TimeFamily::Clock => " COLLATE ash_rusqlite_clock",
        });
    }
}

/// A value as a column of a table stores it.
pub(super) fn encode<'v>(
    value: &'v Value,
    table: &Table,
    column: &Column,
) -> Result<ToSqlOutput<'v>> {
    let place = ColumnRef {
        table: &table.name,
        column: &column.name,
    };
    value::encode(value, column.column_type, &place)
}

/// The name that reaches the rowid, where the table has one and no column hides it.
pub(super) fn rowid_name(table: &Table) -> Option<&'static str> {
    if table.without_rowid || table.is_view {
        return None;
    }
    let hidden = |alias: &str| {
        table
            .columns
            .iter()
            .any(|c| c.name.eq_ignore_ascii_case(alias))
    };
    ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|alias| !hidden(alias))
}

/// An integer for the rowid.
pub(super) fn encode_rowid<'v>(value: &'v Value, table: &Table) -> Result<ToSqlOutput<'v>> {
    let place = ColumnRef {
        table: &table.name,
        column: "rowid",
    };
    value::encode(value, ColumnType::Integer, &place)
}

/// A count of rows as SQLite takes it.
pub(super) fn count(number: u64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Stored::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}
