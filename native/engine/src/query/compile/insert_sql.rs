//! The SQL of inserts and upserts, without their values.

use std::rc::Rc;
use std::sync::Arc;

use super::builder::{rowid_name, Builder};
use super::compiled::invalid;
use super::returned_row::{Found, ReadBack, ReturnedRow};
use super::returning::{
    check_column, check_writable, names, output, reads_back, select_written, twice, write_returning,
};
use super::select::columns;
use crate::catalog::{Catalog, Column, Table};
use crate::error::Result;
use crate::query::ir::{Conflict, ConflictSet, Insert, Returning};
use crate::value::{Name, OutputColumn};

/// An insert without its values.
#[derive(Clone, Debug)]
pub(super) struct InsertStatement {
    /// The SQL.
    pub(super) sql: Rc<str>,
    /// The columns that come back.
    pub(super) output: Arc<[OutputColumn]>,
    /// How a row comes back when the insert does not return it.
    pub(super) read_back: Option<ReadBack<'static>>,
}

/// What is known of an insert without its rows.
pub(super) fn known<'t>(
    insert: &Insert,
    table: &'t Table,
) -> Result<(Resolved<'t>, Arc<[OutputColumn]>)> {
    check_writable(table)?;
    let conflict = Resolved::new(&insert.conflict, table)?;
    Ok((conflict, output(table, &insert.returning)?))
}

/// The places of the named columns in the table.
pub(super) fn places(names: &[Name], table: &Table) -> Result<Vec<usize>> {
    let mut places: Vec<usize> = Vec::with_capacity(names.len());
    for name in names {
        let (place, column) = table.column(name)?;
        check_column(table, column)?;
        if places.contains(&place) {
            return Err(twice(table, column));
        }
        places.push(place);
    }
    Ok(places)
}

/// The insert of rows that name the columns at these places.
pub(super) fn statement(
    insert: &Insert,
    places: &[usize],
    table: &Table,
    catalog: &Catalog,
) -> Result<InsertStatement> {
    let (conflict, output) = known(insert, table)?;
    let read_back = read_back(insert, table, catalog)?.map(|sql| ReadBack {
        sql: sql.into(),
        by: Found::LastRowid,
        from_values: ReturnedRow::new(table, places, &output).map(Rc::new),
    });
    let returning = match read_back {
        Some(_) => &Returning::Nothing,
        None => &insert.returning,
    };
    let given: Vec<&Column> = places
        .iter()
        .filter_map(|at| table.columns.get(*at))
        .collect();
    let sql = insert_sql(Builder::new(table, catalog), &given, &conflict, returning)?;
    Ok(InsertStatement {
        sql: sql.into(),
        output,
        read_back,
    })
}

/// The statement that reads the row of the last rowid, where that is the row that was inserted: an
/// upsert may have updated another.
fn read_back(insert: &Insert, table: &Table, catalog: &Catalog) -> Result<Option<String>> {
    let inserts = matches!(insert.conflict, Conflict::Raise | Conflict::Nothing { .. });
    match rowid_name(table) {
        Some(rowid) if inserts && reads_back(table, &insert.returning) => {
            let mut b = Builder::new(table, catalog);
            select_written(&mut b, &insert.returning)?;
            b.push(rowid);
            b.push(" = ?");
            Ok(Some(b.sql))
        }
        _ => Ok(None),
    }
}

fn insert_sql(
    mut b: Builder<'_, '_>,
    given: &[&Column],
    conflict: &Resolved<'_>,
    returning: &Returning,
) -> Result<String> {
    let table = b.table;
    b.push("INSERT INTO ");
    b.table_name();
    if given.is_empty() {
        // DEFAULT VALUES takes no ON CONFLICT; a null rowid is a default one.
        match (conflict, rowid_name(table)) {
            (Resolved::Raise, _) => b.push(" DEFAULT VALUES"),
            (_, Some(rowid)) => {
                b.push(" (");
                b.push(rowid);
                b.push(") VALUES (NULL)");
            }
            (_, None) => {
                let message = format!(
                    "give a row of {} at least one value, so that it is known what conflicts",
                    table.name
                );
                return Err(invalid(message).with("table", table.name.as_str()));
            }
        }
    } else {
        b.push(" (");
        names(&mut b, given)?;
        b.push(") VALUES (");
        b.list(given, |b, _| {
            b.push("?");
            Ok(())
        })?;
        b.push(")");
    }
    conflict.write(&mut b, given)?;
    write_returning(&mut b, returning)?;
    Ok(b.sql)
}

/// A conflict clause with its names looked up.
pub(super) enum Resolved<'a> {
    Raise,
    Nothing {
        target: Vec<&'a Column>,
    },
    Update {
        target: Vec<&'a Column>,
        set: Overwrite<'a>,
    },
}

/// The columns that an upsert overwrites.
pub(super) enum Overwrite<'a> {
    /// Those of the new row except these.
    Except(Vec<&'a Column>),
    /// These.
    Columns(Vec<&'a Column>),
}

impl<'a> Resolved<'a> {
    fn new(conflict: &Conflict, table: &'a Table) -> Result<Self> {
        let all = |names: &[Name]| -> Result<Vec<&'a Column>> {
            if names.is_empty() {
                return Ok(Vec::new());
            }
            columns(table, names)
        };
        Ok(match conflict {
            Conflict::Raise => Resolved::Raise,
            Conflict::Nothing { target } => Resolved::Nothing {
                target: all(target)?,
            },
            Conflict::Update { target, set } => {
                let target: Vec<&Column> = if target.is_empty() {
                    table.key_columns().collect()
                } else {
                    all(target)?
                };
                if target.is_empty() {
                    let message = format!(
                        "{} has no primary key; name the conflict target's columns",
                        table.name
                    );
                    return Err(invalid(message).with("table", table.name.as_str()));
                }
                let set = match set {
                    ConflictSet::All => Overwrite::Except(Vec::new()),
                    ConflictSet::AllExcept(names) => Overwrite::Except(all(names)?),
                    ConflictSet::Columns(names) => {
                        let columns = all(names)?;
                        columns
                            .iter()
                            .try_for_each(|column| check_column(table, column))?;
                        Overwrite::Columns(columns)
                    }
                };
                Resolved::Update { target, set }
            }
        })
    }

    fn write(&self, b: &mut Builder<'_, '_>, given: &[&Column]) -> Result<()> {
        match self {
            Resolved::Raise => Ok(()),
            Resolved::Nothing { target } => {
                write_target(b, target)?;
                b.push(" DO NOTHING");
                Ok(())
            }
            Resolved::Update { target, set } => {
                write_target(b, target)?;
                b.push(" DO UPDATE SET ");
                let set: Vec<&Column> = match set {
                    Overwrite::Columns(columns) => columns.clone(),
                    Overwrite::Except(except) => {
                        let kept = |c: &&Column| !among(target, c) && !among(except, c);
                        given.iter().copied().filter(kept).collect()
                    }
                };
                if set.is_empty() {
                    // With nothing to change the row is still one that was written: it counts
                    // and comes back.
                    return b.list(target.iter().take(1), |b, column| {
                        b.name(&column.name);
                        b.push(" = ");
                        b.name(&column.name);
                        Ok(())
                    });
                }
                b.list(set, |b, column| {
                    b.name(&column.name);
                    b.push(" = excluded.");
                    b.name(&column.name);
                    Ok(())
                })
            }
        }
    }
}

fn among(columns: &[&Column], column: &Column) -> bool {
    columns.iter().any(|other| other.name == column.name)
}

fn write_target(b: &mut Builder<'_, '_>, target: &[&Column]) -> Result<()> {
    b.push(" ON CONFLICT");
    if target.is_empty() {
        return Ok(());
    }
    b.push(" (");
    names(b, target)?;
    b.push(")");
    Ok(())
}
