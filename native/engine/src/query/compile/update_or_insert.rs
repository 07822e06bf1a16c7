//! Updates that insert where they find nothing.

use std::sync::Arc;

use super::builder::{rowid_name, Builder};
use super::compiled_write::{CompiledWrite, Runs};
use super::insert;
use super::insert_plan::InsertPlans;
use super::returned_row::{Found, ReadBack};
use super::returning::{output, written_columns};
use super::write::update_of;
use crate::catalog::{Catalog, Table};
use crate::error::Result;
use crate::query::ir::{Returning, Scalar, UpdateOrInsert, UpdateOrInsertRow, OUTCOME};
use crate::value::{ColumnType, OutputColumn};

/// The statements for a row that is updated or inserted. Each of the last three gives the row and
/// what became of it.
#[derive(Debug)]
pub struct CompiledUpdateOrInsert<'a> {
    /// Counts the rows of the keys and returns whether a condition holds of them, where there is one.
    pub question: Option<CompiledWrite<'a>>,
    /// Reads the row that is left as it is.
    pub keep: Option<CompiledWrite<'a>>,
    /// Updates the row.
    pub update: CompiledWrite<'a>,
    /// Inserts it.
    pub insert: CompiledWrite<'a>,
}

/// What becomes of a row.
#[derive(Clone, Copy)]
enum Outcome {
    Inserted,
    Updated,
    Kept,
}

/// Compiles one row of those that are updated or inserted. `plans` are those of this catalog.
pub fn compile_update_or_insert<'a>(
    write: &'a UpdateOrInsert,
    wanted: &'a UpdateOrInsertRow,
    catalog: &Catalog,
    plans: &InsertPlans,
) -> Result<CompiledUpdateOrInsert<'a>> {
    let table = catalog.table(&write.table)?;
    let UpdateOrInsertRow {
        keys,
        only_if,
        set,
        row,
    } = wanted;
    let returned = Returned {
        table,
        catalog,
        returning: &write.returning,
        columns: columns(table, &write.returning)?,
    };
    let update = update_of(table, catalog, Some(keys), set, &Returning::Nothing)?;
    let insert = insert::row(table, catalog, row, plans)?;
    let (question, keep) = match only_if {
        Some(condition) => (
            Some(question(table, catalog, keys, condition)?),
            Some(returned.kept(keys)?),
        ),
        None => (None, None),
    };
    Ok(CompiledUpdateOrInsert {
        question,
        keep,
        update: returned.returned(update, Outcome::Updated)?,
        insert: returned.inserted(insert)?,
    })
}

fn columns(table: &Table, returning: &Returning) -> Result<Arc<[OutputColumn]>> {
    let outcome = OutputColumn::new(OUTCOME, "", ColumnType::Integer);
    let wanted = output(table, returning)?;
    Ok(wanted.iter().cloned().chain([outcome]).collect())
}

fn question<'a>(
    table: &Table,
    catalog: &Catalog,
    keys: &'a Scalar,
    condition: &'a Scalar,
) -> Result<CompiledWrite<'a>> {
    let mut b = Builder::new(table, catalog);
    b.push("SELECT count(*), ifnull(max(CASE WHEN ");
    b.condition(condition)?;
    b.push(" THEN 1 ELSE 0 END), 0) FROM ");
    b.table_name();
    b.push(" WHERE ");
    b.condition(keys)?;
    let number = |name| OutputColumn::new(name, "", ColumnType::Integer);
    Ok(CompiledWrite {
        sql: b.sql.into(),
        runs: Runs::Params(vec![b.params]),
        columns: Arc::new([number("rows"), number("holds")]),
        read_back: None,
    })
}

/// How a row comes back.
struct Returned<'t> {
    table: &'t Table,
    catalog: &'t Catalog,
    returning: &'t Returning,
    columns: Arc<[OutputColumn]>,
}

impl<'t> Returned<'t> {
    fn kept<'a>(&self, keys: &'a Scalar) -> Result<CompiledWrite<'a>> {
        let mut b = self.select(Outcome::Kept)?;
        b.condition(keys)?;
        Ok(CompiledWrite {
            sql: b.sql.into(),
            runs: Runs::Params(vec![b.params]),
            columns: Arc::clone(&self.columns),
            read_back: None,
        })
    }

    fn returned<'a>(
        &self,
        mut write: CompiledWrite<'a>,
        outcome: Outcome,
    ) -> Result<CompiledWrite<'a>> {
        let mut b = Builder::new(self.table, self.catalog);
        b.push(" RETURNING ");
        self.row(&mut b, outcome)?;
        write.sql = format!("{}{}", write.sql, b.sql).into();
        write.columns = Arc::clone(&self.columns);
        Ok(write)
    }

    fn inserted<'a>(&self, mut write: CompiledWrite<'a>) -> Result<CompiledWrite<'a>> {
        match rowid_name(self.table) {
            Some(rowid) if !self.table.has_triggers => {
                let mut b = self.select(Outcome::Inserted)?;
                b.push(rowid);
                b.push(" = ?");
                write.columns = Arc::clone(&self.columns);
                write.read_back = Some(ReadBack {
                    sql: b.sql.into(),
                    by: Found::LastRowid,
                    from_values: None,
                });
                Ok(write)
            }
            _ => self.returned(write, Outcome::Inserted),
        }
    }

    fn select<'a>(&self, outcome: Outcome) -> Result<Builder<'t, 'a>> {
        let mut b = Builder::new(self.table, self.catalog);
        b.push("SELECT ");
        self.row(&mut b, outcome)?;
        b.push(" FROM ");
        b.table_name();
        b.push(" WHERE ");
        Ok(b)
    }

    fn row(&self, b: &mut Builder<'_, '_>, outcome: Outcome) -> Result<()> {
        if !matches!(self.returning, Returning::Nothing) {
            written_columns(b, self.returning)?;
            b.push(", ");
        }
        b.push(match outcome {
            Outcome::Inserted => "0",
            Outcome::Updated => "1",
            Outcome::Kept => "2",
        });
        Ok(())
    }
}
