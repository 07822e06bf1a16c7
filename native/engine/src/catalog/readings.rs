//! What hosts say the columns of other programs' tables hold.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::catalog::fit;
use crate::catalog::table::{Column, Table};
use crate::value::ColumnType;

/// Types of columns, by table and column, both in lower case.
pub type ReadTypes = HashMap<String, HashMap<String, ColumnType>>;

/// The types of columns whose declared types do not name one of ours, by table and column.
#[derive(Debug, Default)]
pub struct Readings(Mutex<ReadTypes>);

impl From<ReadTypes> for Readings {
    fn from(types: ReadTypes) -> Readings {
        Readings(Mutex::new(types))
    }
}

impl Readings {
    /// What hosts have said until now.
    pub fn types(&self) -> ReadTypes {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, ReadTypes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the columns of the table are read as these types, by their names in lower case.
    pub fn set(&self, table: &str, types: HashMap<String, ColumnType>) {
        self.lock().insert(table.to_ascii_lowercase(), types);
    }

    /// The table as it is to be read, if that is not what its declared types say.
    pub(super) fn apply(&self, table: &Table) -> Option<Table> {
        let readings = self.lock();
        let types = readings.get(&table.name.to_ascii_lowercase())?;
        let columns: Vec<Column> = table
            .columns
            .iter()
            .map(|column| Column {
                column_type: reading(column, table.strict, types),
                ..column.clone()
            })
            .collect();
        let changed = columns
            .iter()
            .zip(&table.columns)
            .any(|(new, old)| new.column_type != old.column_type);
        changed.then(|| table.with_columns(columns))
    }
}

/// Our own declared types say what is in a column; others are believed as far as they can hold
/// the type.
fn reading(column: &Column, strict: bool, types: &HashMap<String, ColumnType>) -> ColumnType {
    let declared = ColumnType::from_declared(&column.declared);
    match types.get(&column.name.to_ascii_lowercase()) {
        Some(wanted) if declared.is_plain() && fit::fits(&column.declared, strict, *wanted) => {
            *wanted
        }
        _ => declared,
    }
}
