//! The columns of events as they are read.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::catalog::Catalog;
use crate::value::{ColumnType, Holds, OutputColumn, RecordTable, Records};

/// The columns of an event, in the order of `COLUMNS`.
pub(super) fn of_events(catalog: &Catalog) -> Arc<[OutputColumn]> {
    use ColumnType::{DateTimeUsec, Integer, Json, Text};
    const TABLE_AT: usize = 5;
    let tables: HashMap<String, RecordTable> = catalog
        .tables()
        .map(|table| {
            let key = table.key_columns().map(|column| column.output(&table.name));
            let record = RecordTable {
                columns: Arc::clone(table.output_columns()),
                key: key.collect(),
            };
            (table.name.clone(), record)
        })
        .collect();
    let tables = Arc::new(tables);
    [
        ("seq", Integer, None),
        ("type", Text, None),
        ("source", Text, None),
        ("position", Integer, None),
        ("actor", Text, None),
        ("table", Text, None),
        ("operation", Text, None),
        ("key", ColumnType::Any, Some(Holds::Key)),
        ("data", Json, Some(Holds::Row)),
        ("old", Json, Some(Holds::Row)),
        ("transaction", Integer, None),
        ("at", DateTimeUsec, None),
        ("action", Text, None),
        ("metadata", Json, None),
        ("journal", Text, None),
    ]
    .into_iter()
    .map(|(name, column_type, holds)| OutputColumn {
        records: holds.map(|holds| Records::new(&tables, TABLE_AT, holds)),
        ..OutputColumn::new(name, "", column_type)
    })
    .collect()
}

/// The columns of what events are about, in the order of `HEADERS`.
pub(super) fn of_headers() -> Arc<[OutputColumn]> {
    static COLUMNS: OnceLock<Arc<[OutputColumn]>> = OnceLock::new();
    let made = COLUMNS.get_or_init(|| {
        let text = |name| OutputColumn::new(name, "", ColumnType::Text);
        Arc::new([
            OutputColumn::new("seq", "", ColumnType::Integer),
            text("type"),
            text("source"),
            text("actor"),
            text("table"),
        ])
    });
    Arc::clone(made)
}
