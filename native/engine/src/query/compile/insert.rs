//! Inserts and upserts.

use std::sync::Arc;

use super::builder::{encode, rowid_name, Builder};
use super::select::columns;
use super::write::{
    check_column, check_writable, names, output, reads_back, select_written, twice, writable,
    write_returning,
};
use super::{invalid, CompiledWrite, Found, Param, ReadBack};
use crate::error::Result;
use crate::query::ir::{Conflict, ConflictSet, Insert, Returning};
use crate::schema::{Catalog, Column, Table};
use crate::value::Value;

/// An insert: one statement for each run of rows with the same columns.
pub(super) fn insert<'v>(insert: &'v Insert, catalog: &Catalog) -> Result<Vec<CompiledWrite<'v>>> {
    let table = catalog.table(&insert.table)?;
    check_writable(table)?;
    let conflict = Resolved::new(&insert.conflict, table)?;
    let output = output(table, &insert.returning)?;
    let back = read_back(insert, table, catalog)?;
    let returning = match back {
        Some(_) => &Returning::Nothing,
        None => &insert.returning,
    };
    let mut compiled = Vec::new();
    let mut rows = insert.rows.as_slice();
    while let Some(first) = rows.first() {
        let (run, rest) = run(first, rows, table)?;
        let sql = insert_sql(
            Builder::new(table, catalog),
            &run.columns,
            &conflict,
            returning,
        )?;
        compiled.push(CompiledWrite {
            sql,
            rows: run.rows,
            columns: Arc::clone(&output),
            read_back: back.clone().map(|sql| ReadBack {
                sql,
                by: Found::LastRowid,
            }),
        });
        rows = rest;
    }
    Ok(compiled)
}

/// An insert of one row that does not come back.
pub(super) fn row<'v>(
    table: &Table,
    catalog: &Catalog,
    row: &'v Vec<(String, Value)>,
) -> Result<CompiledWrite<'v>> {
    check_writable(table)?;
    let (run, _) = run(row, std::slice::from_ref(row), table)?;
    let b = Builder::new(table, catalog);
    Ok(CompiledWrite {
        sql: insert_sql(b, &run.columns, &Resolved::Raise, &Returning::Nothing)?,
        rows: run.rows,
        columns: Arc::new([]),
        read_back: None,
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

/// A row as the host gives it.
type Given = [(String, Value)];
type Rows<'v> = &'v [Vec<(String, Value)>];

/// Rows with the same columns, one after the other.
struct Run<'t, 'v> {
    columns: Vec<&'t Column>,
    rows: Vec<Vec<Param<'v>>>,
}

/// The rows that begin with `first` and have its columns, and the rest of the rows.
fn run<'t, 'v>(
    first: &'v Given,
    rows: Rows<'v>,
    table: &'t Table,
) -> Result<(Run<'t, 'v>, Rows<'v>)> {
    let mut columns: Vec<&Column> = Vec::with_capacity(first.len());
    for (name, _) in first {
        let column = writable(table, name)?;
        if columns.iter().any(|known| known.name == column.name) {
            return Err(twice(table, column));
        }
        columns.push(column);
    }
    let mut encoded = Vec::new();
    for row in rows {
        match params(first, row, &columns, table)? {
            Some(params) => encoded.push(params),
            None => break,
        }
    }
    let rest = rows.get(encoded.len()..).unwrap_or_default();
    Ok((
        Run {
            columns,
            rows: encoded,
        },
        rest,
    ))
}

/// The values of a row in the order of the run's columns; `None` if it has other columns.
/// Rows that name the columns in the order of the first one are found out first.
fn params<'v>(
    first: &Given,
    row: &'v Given,
    columns: &[&Column],
    table: &Table,
) -> Result<Option<Vec<Param<'v>>>> {
    if row.len() != first.len() {
        return Ok(None);
    }
    let alike = row
        .iter()
        .zip(first)
        .all(|((name, _), (known, _))| name == known);
    let mut params = Vec::with_capacity(row.len());
    for (at, column) in columns.iter().enumerate() {
        let given = if alike {
            row.get(at)
        } else {
            row.iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(&column.name))
        };
        match given {
            Some((_, value)) => params.push(Param::Value(encode(value, table, column)?)),
            None => return Ok(None),
        }
    }
    Ok(Some(params))
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
                    "give a row of {} at least one value to tell what conflicts",
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
enum Resolved<'a> {
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
enum Overwrite<'a> {
    /// Those of the new row except these.
    Except(Vec<&'a Column>),
    /// These.
    Columns(Vec<&'a Column>),
}

impl<'a> Resolved<'a> {
    fn new(conflict: &Conflict, table: &'a Table) -> Result<Self> {
        let all = |names: &[String]| -> Result<Vec<&'a Column>> {
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
