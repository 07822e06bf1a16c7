//! An order by columns, made total by the primary key, so that a cursor can continue after any row.

use rusqlite::types::ToSqlOutput;

use super::builder::{self, encode_rowid, rowid_name, Builder};
use super::compiled::invalid;
use super::times;
use crate::catalog::{Column, Form, Table};
use crate::error::Result;
use crate::query::ir::{CompareOp, Nulls, OrderBy};
use crate::value::{Order, Value};

/// Where a term comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is given.
    Given,
    /// It was added.
    Added,
    /// It was added behind one that says the same, as long as the texts of its times are known to
    /// have one form. It is a value of a cursor, whose values are the same whatever is known, but
    /// no more than that.
    Repeated,
}

/// One column of an order.
#[derive(Clone, Copy)]
pub(super) struct Term<'a> {
    /// The column's name, or the rowid's.
    pub(super) name: &'a str,
    /// `None` for the rowid.
    pub(super) column: Option<&'a Column>,
    /// Compared by a collation under which different texts may be equal: of decimals, or of
    /// times of several forms.
    pub(super) loose: bool,
    place: Place,
    pub(super) descending: bool,
    pub(super) nullable: bool,
    pub(super) nulls_first: bool,
}

impl<'a> Term<'a> {
    fn of(column: &'a Column, descending: bool, key: bool) -> Self {
        Term {
            name: &column.name,
            column: Some(column),
            loose: column.column_type.order() == Order::Decimal
                || (column.column_type.time_family().is_some() && column.form != Form::One),
            place: Place::Given,
            descending,
            nullable: !column.not_null && !key,
            nulls_first: !descending,
        }
    }

    fn rowid(name: &'static str, descending: bool) -> Self {
        Term {
            name,
            column: None,
            loose: false,
            place: Place::Given,
            descending,
            nullable: false,
            nulls_first: !descending,
        }
    }

    /// Whether it says no more than one before it.
    pub(super) fn is_repeated(&self) -> bool {
        self.place == Place::Repeated
    }

    /// The term of the opposite order.
    pub(super) fn reversed(mut self) -> Self {
        self.descending = !self.descending;
        self.nulls_first = !self.nulls_first;
        self
    }

    /// The column where it is compared.
    pub(super) fn write(&self, b: &mut Builder<'_, '_>) {
        match self.column {
            Some(column) if self.loose || column.form == Form::One => {
                b.compared(column);
            }
            _ => b.name(self.name),
        }
    }

    /// Writes what follows for the texts of times of several forms from a comparison of the term
    /// with a value, with ` AND ` behind it.
    pub(super) fn write_bounds<'v>(
        &self,
        b: &mut Builder<'_, 'v>,
        value: &ToSqlOutput<'v>,
    ) -> Result<()> {
        let Some((column, family)) = self
            .column
            .filter(|_| self.loose)
            .and_then(|column| Some((column, column.column_type.time_family()?)))
        else {
            return Ok(());
        };
        let operator = match self.descending {
            true => CompareOp::LtEq,
            false => CompareOp::GtEq,
        };
        b.push("1");
        let name = &mut |b: &mut Builder<'_, 'v>| {
            b.name(&column.name);
            Ok(())
        };
        times::column_bounds(b, name, family, operator.comparison(), value)?;
        b.push(" AND ");
        Ok(())
    }

    /// The name alone, for the columns of a result.
    pub(super) fn write_name(&self, b: &mut Builder<'_, '_>) {
        b.name(self.name);
    }

    /// A cursor's value as the column stores it.
    pub(super) fn encode<'v>(&self, value: &'v Value, table: &Table) -> Result<ToSqlOutput<'v>> {
        match self.column {
            Some(column) => builder::encode(value, table, column),
            None => encode_rowid(value, table),
        }
    }
}

/// Whether all of an order is columns as they are declared.
pub(super) fn is_of_columns(order_by: &[OrderBy]) -> bool {
    order_by.iter().all(|item| item.declared_column().is_some())
}

/// The terms of an order of columns. A column's second mention changes nothing and is left out.
pub(super) fn given<'a>(table: &'a Table, order_by: &[OrderBy]) -> Result<Vec<Term<'a>>> {
    let mut terms: Vec<Term<'a>> = Vec::with_capacity(order_by.len());
    for order in order_by {
        let Some(name) = order.declared_column() else {
            return Err(invalid("only an order by columns has cursors"));
        };
        let (index, column) = table.column(name)?;
        if terms.iter().any(|term| term.name == column.name) {
            continue;
        }
        let mut term = Term::of(column, order.descending, table.primary_key.contains(&index));
        if let Some(nulls) = order.nulls {
            term.nulls_first = nulls == Nulls::First;
        }
        terms.push(term);
    }
    Ok(terms)
}

/// Adds what distinguishes any two rows: the `distinct` columns, or else the primary key,
/// or else the rowid, in the direction of the last term so that one index serves them all.
/// Without any of these the order stays as it is; returns whether it is total.
pub(super) fn make_total<'a>(
    terms: &mut Vec<Term<'a>>,
    table: &'a Table,
    distinct: Option<&[&'a Column]>,
) -> bool {
    let descending = terms.last().is_some_and(|term| term.descending);
    if let Some(columns) = distinct {
        for column in columns {
            add(terms, Term::of(column, descending, false));
        }
        return true;
    }
    if !table.primary_key.is_empty() {
        for column in table.key_columns() {
            add(terms, Term::of(column, descending, true));
        }
        return true;
    }
    match rowid_name(table) {
        Some(rowid) => {
            add(terms, Term::rowid(rowid, descending));
            true
        }
        None => false,
    }
}

/// Equal decimals or times may be different texts, so their texts distinguish them.
fn add<'a>(terms: &mut Vec<Term<'a>>, term: Term<'a>) {
    let mut same = terms.iter().filter(|known| known.name == term.name);
    if same.clone().any(|known| known.place != Place::Given) {
        return;
    }
    let is_time = |column: &Column| column.column_type.time_family().is_some();
    let place = match same.any(|known| !known.loose) {
        false => Place::Added,
        true if term.column.is_some_and(is_time) => Place::Repeated,
        true => return,
    };
    terms.push(Term {
        loose: false,
        place,
        ..term
    });
}

/// Refuses an order by columns that the distinct rows do not have.
pub(super) fn check_distinct(terms: &[Term<'_>], columns: &[&Column]) -> Result<()> {
    match terms
        .iter()
        .find(|term| !columns.iter().any(|column| column.name == term.name))
    {
        None => Ok(()),
        Some(term) => Err(invalid(format!(
            "distinct rows have no single {0} to be ordered by; select {0} too",
            term.name
        ))
        .with("column", term.name)),
    }
}
