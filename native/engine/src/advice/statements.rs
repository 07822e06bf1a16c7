//! Indexes that a statement would use: columns are tried one after the other, and kept as long as
//! the plan becomes better. So they come as the planner likes them: what is compared by equality,
//! then what is ordered or bounded.

use super::copy::SchemaCopy;
use super::plan::{self, Cost};
use crate::catalog::Catalog;
use crate::schema;
use crate::schema::IndexAdvice;
use crate::sqlite::lex::quoted_name;
use crate::value::ColumnType;

/// The most columns of an index.
const COLUMNS: usize = 4;
/// The most indexes for a statement.
const INDEXES: usize = 3;
/// What an index is called while it is tried. No table of ours can have one of this name.
const TRIAL: &str = "ash_rusqlite_trial";

/// A column of an index, and whether its greatest value comes first.
type Key = (String, bool);

/// The indexes, in the order of what they spare; empty where none is used. `None` for a statement
/// that would not scan any more, or cannot be prepared.
pub(super) fn indexes_for(copy: &SchemaCopy, sql: &str) -> Option<Vec<IndexAdvice>> {
    let plan = copy.plan(sql).ok()?;
    if !Cost::of(sql, &plan, TRIAL).has_scans() {
        return None;
    }
    let mut found = Vec::new();
    while found.len() < INDEXES {
        match next_index(copy, sql) {
            Ok(Some(index)) => found.push(index),
            _ => break,
        }
    }
    while let Some(unused) = unused(copy, sql, &found) {
        drop_index(copy, &found.remove(unused));
    }
    for index in &found {
        drop_index(copy, index);
    }
    Some(found)
}

/// An index that the plan does not use any more since there is a later one.
fn unused(copy: &SchemaCopy, sql: &str, found: &[IndexAdvice]) -> Option<usize> {
    let plan = copy.plan(sql).ok()?;
    found
        .iter()
        .position(|index| !plan::uses(&plan, &index.name))
}

fn drop_index(copy: &SchemaCopy, index: &IndexAdvice) {
    let name = quoted_name(&index.name);
    // It is there; a failure would show in the next statement's plan.
    let _ = copy.run(&format!("DROP INDEX {name}"));
}

/// The next one, which is in the copy then.
fn next_index(copy: &SchemaCopy, sql: &str) -> rusqlite::Result<Option<IndexAdvice>> {
    let base = Cost::of(sql, &copy.plan(sql)?, TRIAL);
    let columns = candidates(copy, sql)?;
    let mut best: Option<(Cost, String, Vec<Key>)> = None;
    for (table, column) in &columns {
        let keys = vec![(column.clone(), false)];
        let Some(cost) = tried(copy, sql, table, &keys)? else {
            continue;
        };
        if best
            .as_ref()
            .is_none_or(|(least, ..)| cost.is_better(*least))
        {
            best = Some((cost, table.clone(), keys));
        }
    }
    let Some((mut cost, table, mut keys)) = best else {
        return Ok(None);
    };
    while keys.len() < COLUMNS {
        match longer(copy, sql, &table, &keys, &columns, cost)? {
            Some((better, more)) => (cost, keys) = (better, more),
            None => break,
        }
    }
    if !cost.spares(base) {
        return Ok(None);
    }
    let index = index(copy, &table, keys);
    copy.run(&index.statement)?;
    if plan::uses(&copy.plan(sql)?, &index.name) {
        return Ok(Some(index));
    }
    copy.run(&format!("DROP INDEX {}", quoted_name(&index.name)))?;
    Ok(None)
}

/// The same index with one column more, where one makes the plan better.
fn longer(
    copy: &SchemaCopy,
    sql: &str,
    table: &str,
    keys: &[Key],
    columns: &[(String, String)],
    cost: Cost,
) -> rusqlite::Result<Option<(Cost, Vec<Key>)>> {
    let mut best: Option<(Cost, Vec<Key>)> = None;
    for (_, column) in columns.iter().filter(|(other, _)| other == table) {
        if keys.iter().any(|(key, _)| key == column) {
            continue;
        }
        for descending in [false, true] {
            let more = [keys, &[(column.clone(), descending)]].concat();
            let Some(better) = tried(copy, sql, table, &more)? else {
                continue;
            };
            let least = best.as_ref().map_or(cost, |(least, _)| *least);
            if better.is_better(least) {
                best = Some((better, more));
            }
        }
    }
    Ok(best)
}

/// How good the plan is with an index; `None` where it is not used.
fn tried(
    copy: &SchemaCopy,
    sql: &str,
    table: &str,
    keys: &[Key],
) -> rusqlite::Result<Option<Cost>> {
    if copy
        .run(&schema::index_statement(TRIAL, table, keys))
        .is_err()
    {
        return Ok(None);
    }
    let plan = copy.plan(sql);
    copy.run(&format!("DROP INDEX {TRIAL}"))?;
    let plan = plan?;
    Ok(plan::uses(&plan, TRIAL).then(|| Cost::of(sql, &plan, TRIAL)))
}

/// The columns that a statement names, those that are likely to have many values first: of plans
/// that are as good the first one stays.
fn candidates(copy: &SchemaCopy, sql: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let named = copy.columns_of(sql)?;
    let Ok(catalog) = Catalog::load(&copy.conn) else {
        return Ok(Vec::new());
    };
    let mut ranked: Vec<(u8, (String, String))> = Vec::new();
    for (table, column) in named {
        let Ok(found) = catalog.table(&table) else {
            continue;
        };
        let Ok((_, described)) = found.column(&column) else {
            continue;
        };
        if found.is_view || found.is_virtual {
            continue;
        }
        let rank = match described.column_type {
            ColumnType::Uuid => 0,
            _ if column.to_ascii_lowercase().ends_with("_id") => 0,
            ColumnType::Boolean => 2,
            _ => 1,
        };
        ranked.push((rank, (table, column)));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, named)| named).collect())
}

fn index(copy: &SchemaCopy, table: &str, keys: Vec<Key>) -> IndexAdvice {
    let columns: Vec<&str> = keys.iter().map(|(column, _)| column.as_str()).collect();
    let name = schema::free_index_name(&copy.conn, table, &columns);
    IndexAdvice {
        statement: schema::index_statement(&name, table, &keys),
        name,
        table: table.to_owned(),
        columns: keys,
    }
}
