//! The statements that make a table, a column or an index. Names are quoted and defaults are
//! literals of this crate; the conditions of indexes and checks are the developer's SQL.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::condition::literal;
use super::spec::{ColumnSpec, Deferrable, ForeignKeyAction, ForeignKeySpec, IndexSpec, TableSpec};
use crate::catalog::Existing;
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::{quoted_name, same};
use crate::value::{encode, ColumnRef};

fn names(all: &[String]) -> String {
    let quoted: Vec<String> = all.iter().map(|one| quoted_name(one)).collect();
    quoted.join(", ")
}

/// `CREATE TABLE`, without the indexes.
pub(super) fn create_table(spec: &TableSpec) -> Result<String> {
    let mut parts = Vec::new();
    for column in &spec.columns {
        parts.push(column_of_new_table(spec, column)?);
    }
    if spec.primary_key.len() > 1 {
        parts.push(format!("PRIMARY KEY ({})", names(&spec.primary_key)));
    }
    for key in &spec.foreign_keys {
        let columns = names(&key.columns);
        parts.push(format!(
            "{}FOREIGN KEY ({columns}) {}",
            constraint(key.name.as_deref()),
            references(key)
        ));
    }
    for check in &spec.checks {
        let label = constraint(Some(&check.name));
        parts.push(format!("{label}CHECK ({})", check.sql.trim()));
    }
    let strict = if spec.strict { " STRICT" } else { "" };
    let (table, parts) = (quoted_name(&spec.table), parts.join(",\n  "));
    Ok(format!("CREATE TABLE {table} (\n  {parts}\n){strict}"))
}

fn column_of_new_table(spec: &TableSpec, column: &ColumnSpec) -> Result<String> {
    let mut sql = typed(spec, column, spec.strict);
    let alone = spec.primary_key.len() == 1 && spec.in_key(&column.name);
    let counted = spec.autoincrement.as_ref();
    // An INTEGER PRIMARY KEY is the rowid, which is never null, and a row may leave it out.
    if alone && same(spec.declared(column, spec.strict), "INTEGER") {
        sql.push_str(" PRIMARY KEY");
        if counted.is_some_and(|counted| same(counted, &column.name)) {
            sql.push_str(" AUTOINCREMENT");
        }
        return Ok(sql);
    }
    if !spec.nullable(column) {
        sql.push_str(" NOT NULL");
    }
    if alone {
        sql.push_str(" PRIMARY KEY");
    }
    sql.push_str(&default(spec, column)?);
    Ok(sql)
}

/// `ALTER TABLE ADD COLUMN`, as far as SQLite can do it: to a table with rows a column comes
/// without the NOT NULL that its rows would violate and without the foreign key that its
/// default may violate. `None` for a column of the primary key, which cannot be added.
pub(super) fn add_column(
    spec: &TableSpec,
    column: &ColumnSpec,
    existing: &Existing,
) -> Result<Option<String>> {
    if spec.in_key(&column.name) {
        return Ok(None);
    }
    let default = default(spec, column)?;
    let empty = existing.empty;
    let mut sql = format!("ALTER TABLE {} ADD COLUMN ", quoted_name(&spec.table));
    sql.push_str(&typed(spec, column, existing.table.strict));
    if !spec.nullable(column) && (empty || !default.is_empty()) {
        sql.push_str(" NOT NULL");
    }
    sql.push_str(&default);
    let own_key = spec
        .foreign_keys
        .iter()
        .find(|key| matches!(key.columns.as_slice(), [only] if same(only, &column.name)));
    if let Some(key) = own_key.filter(|_| empty || default.is_empty()) {
        sql.push(' ');
        sql.push_str(&constraint(key.name.as_deref()));
        sql.push_str(&references(key));
    }
    Ok(Some(sql))
}

/// `CREATE INDEX`, of the rows that a filter holds for.
pub(super) fn create_index(spec: &TableSpec, index: &IndexSpec, filter: Option<&str>) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let filter = filter.map_or_else(String::new, |sql| format!(" WHERE ({sql})"));
    format!(
        "CREATE {unique}INDEX {} ON {} ({}){filter}",
        quoted_name(&index.name),
        quoted_name(&spec.table),
        index_keys(spec, index)
    )
}

/// A query for the keys of rows that are the same to a unique index as another, with how many
/// there are in all first.
pub(super) fn rows_equal(spec: &TableSpec, index: &IndexSpec, filter: Option<&str>) -> String {
    let given = index.columns.iter().filter_map(|column| {
        let nulls_differ = spec.column(column).is_some() && !equal_nulls(spec, index, column);
        nulls_differ.then(|| format!("{} IS NOT NULL", quoted_name(column)))
    });
    let filter = filter.iter().map(|sql| format!("({sql})"));
    let conditions: Vec<String> = filter.chain(given).collect();
    let filter = match conditions.as_slice() {
        [] => String::new(),
        conditions => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let key = match spec.primary_key.as_slice() {
        [] => "rowid".to_owned(),
        key => names(key),
    };
    format!(
        "SELECT count(*) OVER (), * FROM (SELECT {key}, count(*) OVER (PARTITION BY {}) \
         AS ash_rusqlite_equal FROM {}{filter}) WHERE ash_rusqlite_equal > 1 LIMIT 5",
        index_keys(spec, index),
        quoted_name(&spec.table),
    )
}

/// What is between the parentheses of an index.
///
/// To SQLite two nulls differ in a unique index. Where they must not, a column that may be null
/// becomes two keys that never are: the value, 0 for null, and whether it is null. No two
/// different values give the same two keys.
///
/// A collation of ours would keep other programs from writing the table, so it is SQLite's own
/// that ignores case, though of ASCII alone.
pub(super) fn index_keys(spec: &TableSpec, index: &IndexSpec) -> String {
    let keys = index.columns.iter().map(|column| {
        if index.expressions.contains(column) {
            return column.trim().to_owned();
        }
        let quoted = quoted_name(column);
        let ignores = index.ignore_case.iter().any(|other| same(other, column));
        let case = if ignores { " COLLATE NOCASE" } else { "" };
        if equal_nulls(spec, index, column) {
            format!("ifnull({quoted}, 0){case}, {quoted} IS NULL")
        } else {
            format!("{quoted}{case}")
        }
    });
    keys.collect::<Vec<_>>().join(", ")
}

/// Whether nulls of this column have to be made equal in an index.
pub(super) fn equal_nulls(spec: &TableSpec, index: &IndexSpec, column: &str) -> bool {
    let nullable = |column: &ColumnSpec| spec.nullable(column);
    index.unique && index.nulls_equal && spec.column(column).is_some_and(nullable)
}

fn typed(spec: &TableSpec, column: &ColumnSpec, strict: bool) -> String {
    let declared = spec.declared(column, strict);
    let space = if declared.is_empty() { "" } else { " " };
    format!("{}{space}{declared}", quoted_name(&column.name))
}

fn constraint(label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| {
        format!("CONSTRAINT {} ", quoted_name(label))
    })
}

fn references(key: &ForeignKeySpec) -> String {
    let mut sql = format!(
        "REFERENCES {} ({})",
        quoted_name(&key.references),
        names(&key.on)
    );
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        if action != ForeignKeyAction::Nothing {
            sql.push_str(&format!(" ON {event} {}", action.sql()));
        }
    }
    sql.push_str(match key.deferrable {
        Deferrable::No => "",
        Deferrable::Yes => " DEFERRABLE INITIALLY IMMEDIATE",
        Deferrable::Initially => " DEFERRABLE INITIALLY DEFERRED",
    });
    sql
}

impl ForeignKeyAction {
    /// As in SQL, and as `PRAGMA foreign_key_list` reports it.
    pub(super) fn sql(self) -> &'static str {
        match self {
            ForeignKeyAction::Nothing => "NO ACTION",
            ForeignKeyAction::Restrict => "RESTRICT",
            ForeignKeyAction::Cascade => "CASCADE",
            ForeignKeyAction::SetNull => "SET NULL",
        }
    }
}

fn default(spec: &TableSpec, column: &ColumnSpec) -> Result<String> {
    if let Some(sql) = &column.default_sql {
        return Ok(format!(" DEFAULT ({})", sql.trim()));
    }
    let place = ColumnRef {
        table: &spec.table,
        column: &column.name,
    };
    let encoded = encode(&column.default, column.holds(), &place)?;
    let stored = match &encoded {
        ToSqlOutput::Borrowed(value) => *value,
        ToSqlOutput::Owned(value) => ValueRef::from(value),
        _ => return Err(no_literal(&place)),
    };
    if stored == ValueRef::Null {
        return Ok(String::new());
    }
    let literal = literal(stored).ok_or_else(|| no_literal(&place))?;
    Ok(format!(" DEFAULT {literal}"))
}

fn no_literal(place: &ColumnRef<'_>) -> Error {
    let ColumnRef { table, column } = place;
    let message = format!("the default of {table}.{column} cannot be written in SQL");
    Error::new(Code::InvalidValue, message)
        .with("table", *table)
        .with("column", *column)
}
