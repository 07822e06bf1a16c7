//! Which FOREIGN KEY refused a write: SQLite only says that some did.

use rusqlite::params_from_iter;

use crate::catalog::Catalog;
use crate::error::Result;
use crate::execute::Executor;
use crate::query::compile;
use crate::query::ir::{
    Assignment, CompareOp, Conflict, ConflictSet, Insert, Read, RowChange, Scalar, Select, Write,
};
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;
use crate::value::{encode, ColumnRef, Name, Value};
use crate::writer::constraint::Found;

struct ForeignKey {
    child: String,
    parent: String,
    from: Vec<String>,
    to: Vec<String>,
    on_update: String,
    on_delete: String,
}

impl ForeignKey {
    fn found(&self, side: &'static str, message: String) -> Found {
        Found {
            table: Some(self.child.clone()),
            columns: self.from.clone(),
            constraint: Some(format!(
                "FOREIGN KEY ({}) REFERENCES {} ({})",
                self.from.join(", "),
                self.parent,
                self.to.join(", ")
            )),
            message: Some(message),
            side: Some(side),
        }
    }
}

/// The key that a written row breaks, or by which others refer to a row that would go.
pub(super) fn find(executor: &Executor<'_>, write: &Write) -> Result<Found> {
    let keys = foreign_keys(executor)?;
    let table = write.table().unwrap_or_default();
    let own = |key: &&ForeignKey| key.child.eq_ignore_ascii_case(table);
    for key in keys.iter().filter(own) {
        for row in written_rows(write) {
            if let Some(value) = missing_parent(executor, key, &row)? {
                let message = format!(
                    "{} ({}) refers to a row of {} that is not there: {value}",
                    key.child,
                    key.from.join(", "),
                    key.parent
                );
                return Ok(key.found("referring", message));
            }
        }
    }
    let catalog = executor.catalog.get();
    let Some((filter, lost)) = lost(write, &catalog)? else {
        return Ok(Found::default());
    };
    let select = Select {
        table: table.to_owned().into(),
        filter,
        ..Select::default()
    };
    let mut kept = Kept {
        executor,
        keys: &keys,
        catalog: &catalog,
        select,
        path: Vec::new(),
    };
    let found = kept.by(table, &lost)?.map(|key| {
        let message = format!(
            "rows of {} ({}) still refer to what would go from {}",
            key.child,
            key.from.join(", "),
            key.parent
        );
        key.found("referenced", message)
    });
    Ok(found.unwrap_or_default())
}

/// Every foreign key of the database.
fn foreign_keys(executor: &Executor<'_>) -> Result<Vec<ForeignKey>> {
    let mut stmt = executor
        .conn
        .prepare(
            "SELECT t.name, f.id, f.\"table\", f.\"from\", f.\"to\", f.on_update, f.on_delete FROM pragma_table_list AS t JOIN pragma_foreign_key_list(t.name) AS f WHERE t.schema = 'main' ORDER BY t.name, f.id, f.seq",
        )
        .map_err(sqlite_error::map)?;
    let mut rows = stmt.query([]).map_err(sqlite_error::map)?;
    let catalog = executor.catalog.get();
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next().map_err(sqlite_error::map)? {
        let get = |at: usize| row.get::<_, Option<String>>(at).map_err(sqlite_error::map);
        let (child, parent) = (get(0)?.unwrap_or_default(), get(2)?.unwrap_or_default());
        let id: i64 = row.get(1).map_err(sqlite_error::map)?;
        let same = keys
            .last()
            .is_some_and(|(last, key)| *last == id && key.child == child);
        if !same {
            let key = ForeignKey {
                child,
                parent,
                from: Vec::new(),
                to: Vec::new(),
                on_update: get(5)?.unwrap_or_default(),
                on_delete: get(6)?.unwrap_or_default(),
            };
            keys.push((id, key));
        }
        if let Some((_, key)) = keys.last_mut() {
            let to = match get(4)? {
                Some(to) => to,
                None => primary_key_column(&catalog, &key.parent, key.to.len()),
            };
            key.from.push(get(3)?.unwrap_or_default());
            key.to.push(to);
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

fn primary_key_column(catalog: &Catalog, table: &str, at: usize) -> String {
    let table = catalog.table(table).ok();
    let column = table.and_then(|table| table.columns.get(*table.primary_key.get(at)?));
    column.map_or_else(|| "rowid".to_owned(), |column| column.name.clone())
}

/// The columns and values that a write sets, row by row.
fn written_rows(write: &Write) -> Vec<Vec<(&Name, &Value)>> {
    let values = |change| match change {
        RowChange::Insert { row } => row.iter().map(|(name, value)| (name, value)).collect(),
        RowChange::Update { set, .. } => set.iter().filter_map(given).collect(),
        RowChange::Delete { .. } => Vec::new(),
    };
    write.changes().into_iter().map(values).collect()
}

fn given(assignment: &Assignment) -> Option<(&Name, &Value)> {
    match assignment {
        Assignment::Set(name, value) => Some((name, value)),
        Assignment::Increment(..) | Assignment::Compute(..) => None,
    }
}

/// The key's value when the row names it and the parent has no such row.
fn missing_parent(
    executor: &Executor<'_>,
    key: &ForeignKey,
    row: &[(&Name, &Value)],
) -> Result<Option<String>> {
    let catalog = executor.catalog.get();
    let parent = catalog.table(&key.parent)?;
    let (mut values, mut shown) = (Vec::new(), Vec::new());
    for (from, to) in key.from.iter().zip(&key.to) {
        let Some((_, value)) = row.iter().find(|(name, _)| name.eq_ignore_ascii_case(from)) else {
            return Ok(None);
        };
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        let (_, column) = parent.column(to)?;
        let at = ColumnRef {
            table: &parent.name,
            column: to,
        };
        values.push(encode(value, column.column_type, &at)?);
        shown.push(match value {
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes).chars().take(60).collect(),
            other => format!("{other:?}").chars().take(60).collect::<String>(),
        });
    }
    let conditions: Vec<String> = key
        .to
        .iter()
        .enumerate()
        .map(|(n, to)| format!("{} = ?{}", quoted_name(to), n + 1))
        .collect();
    let sql = format!(
        "SELECT 1 FROM {} WHERE {}",
        quoted_name(&key.parent),
        conditions.join(" AND ")
    );
    let mut stmt = executor.conn.prepare(&sql).map_err(sqlite_error::map)?;
    let there = stmt
        .exists(params_from_iter(values))
        .map_err(sqlite_error::map)?;
    Ok((!there).then(|| shown.join(", ")))
}

/// What others may refer to, and a write takes away.
enum Lost {
    /// Whole rows.
    Rows,
    /// What these columns held.
    Values(Vec<Name>),
}

/// Which rows a write deletes or changes, and what of them it takes away.
fn lost(write: &Write, catalog: &Catalog) -> Result<Option<(Option<Scalar>, Lost)>> {
    if let Write::Insert(insert) = write {
        return overwritten(insert, catalog);
    }
    let (mut filters, mut columns, mut deletes) = (Vec::new(), Vec::new(), false);
    for change in write.changes() {
        match change {
            RowChange::Insert { .. } => {}
            RowChange::Update { filter, set } => {
                filters.push(filter.cloned());
                columns.extend(set.iter().map(assigned).cloned());
            }
            RowChange::Delete { filter } => {
                filters.push(filter.cloned());
                deletes = true;
            }
        }
    }
    let lost = match deletes {
        true => Lost::Rows,
        false => Lost::Values(columns),
    };
    Ok(match <[_; 1]>::try_from(filters) {
        Ok([filter]) => Some((filter, lost)),
        Err(filters) if filters.is_empty() => None,
        // One without a condition is of every row.
        Err(filters) => Some((
            filters.into_iter().collect::<Option<_>>().map(Scalar::Or),
            lost,
        )),
    })
}

fn assigned(assignment: &Assignment) -> &Name {
    match assignment {
        Assignment::Set(name, _)
        | Assignment::Increment(name, _)
        | Assignment::Compute(name, _) => name,
    }
}

/// What an upsert overwrites: the rows that have the new ones' values in the target's columns.
fn overwritten(insert: &Insert, catalog: &Catalog) -> Result<Option<(Option<Scalar>, Lost)>> {
    let Conflict::Update { target, set } = &insert.conflict else {
        return Ok(None);
    };
    let table = catalog.table(&insert.table)?;
    let target: Vec<Name> = match target.is_empty() {
        true => table.key_columns().map(|c| c.name.clone().into()).collect(),
        false => target.clone(),
    };
    let named = |names: &[Name], name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let given = || insert.rows.iter().flatten().map(|(name, _)| name);
    let columns: Vec<Name> = match set {
        ConflictSet::Columns(columns) => columns.clone(),
        ConflictSet::All => given().filter(|n| !named(&target, n)).cloned().collect(),
        ConflictSet::AllExcept(except) => given()
            .filter(|n| !named(&target, n) && !named(except, n))
            .cloned()
            .collect(),
    };
    let same = insert.rows.iter().map(|row| {
        let equal = row
            .iter()
            .filter(|(name, _)| named(&target, name))
            .map(|(name, value)| Scalar::compare(name.clone(), CompareOp::Eq, value.clone()));
        Scalar::And(equal.collect())
    });
    let filter = Scalar::Or(same.collect());
    Ok(Some((Some(filter), Lost::Values(columns))))
}

/// Looks for rows that keep others from going, also from where a CASCADE would take those along.
struct Kept<'a> {
    executor: &'a Executor<'a>,
    keys: &'a [ForeignKey],
    catalog: &'a Catalog,
    /// The rows that the write names.
    select: Select,
    /// The keys by which others go with them.
    path: Vec<&'a ForeignKey>,
}

impl<'a> Kept<'a> {
    /// The key by which rows refer to what is lost of a table.
    fn by(&mut self, table: &str, lost: &Lost) -> Result<Option<&'a ForeignKey>> {
        let keys = self.keys;
        let mut referring: Vec<(&ForeignKey, &str)> = keys
            .iter()
            .filter(|key| key.parent.eq_ignore_ascii_case(table))
            .filter_map(|key| match lost {
                Lost::Rows => Some((key, key.on_delete.as_str())),
                Lost::Values(columns) => key
                    .to
                    .iter()
                    .any(|to| columns.iter().any(|column| column.eq_ignore_ascii_case(to)))
                    .then_some((key, key.on_update.as_str())),
            })
            .collect();
        // The rows of a tree may go together, so another table's come first.
        referring.sort_by_key(|(key, _)| key.child == key.parent);
        for (key, action) in &referring {
            let keeps = matches!(*action, "NO ACTION" | "RESTRICT");
            if keeps && self.has_children(key)? {
                return Ok(Some(key));
            }
        }
        for (key, action) in referring {
            if action == "CASCADE" && !self.path.iter().any(|known| std::ptr::eq(*known, key)) {
                let lost = match lost {
                    Lost::Rows => Lost::Rows,
                    Lost::Values(_) => {
                        Lost::Values(key.from.iter().cloned().map(Name::from).collect())
                    }
                };
                self.path.push(key);
                let found = self.by(&key.child, &lost)?;
                self.path.pop();
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }

    fn has_children(&mut self, key: &ForeignKey) -> Result<bool> {
        let first = self.path.first().map_or(&key.to, |first| &first.to);
        self.select.columns = Some(first.iter().cloned().map(Name::from).collect());
        let read = Read::Select(self.select.clone());
        let compiled = compile::compile_read(&read, self.catalog)?;
        let mut lost = compiled.sql;
        let next = self.path.iter().skip(1).map(|key| &key.to);
        for (through, to) in self.path.iter().zip(next.chain([&key.to])) {
            lost = format!("SELECT {} FROM {}", names(to), among(through, &lost));
        }
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", among(key, &lost));
        let mut stmt = self
            .executor
            .conn
            .prepare(&sql)
            .map_err(sqlite_error::map)?;
        compile::bind(&mut stmt, &compiled.params)?;
        let mut rows = stmt.raw_query();
        let row = rows.next().map_err(sqlite_error::map)?;
        row.map_or(Ok(false), |row| row.get(0).map_err(sqlite_error::map))
    }
}

/// The rows that refer by a key to others.
fn among(key: &ForeignKey, others: &str) -> String {
    format!(
        "{} WHERE ({}) IN ({others})",
        quoted_name(&key.child),
        names(&key.from)
    )
}

fn names(columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|name| quoted_name(name)).collect();
    quoted.join(", ")
}
