//! Tables in the order of their foreign keys.

use std::collections::BTreeSet;

use super::model::{Schema, Table};

/// Tables behind those that they refer to. In a circle the order is that in which they were made.
pub(super) fn parents_first(schema: &Schema) -> Vec<Table> {
    let parents = schema.parents();
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut ordered = Vec::new();
    let mut waiting: Vec<&Table> = schema.tables.iter().collect();
    while !waiting.is_empty() {
        let names: BTreeSet<String> = waiting
            .iter()
            .map(|table| table.name.to_ascii_lowercase())
            .collect();
        let is_ready = |table: &Table| {
            let own = table.name.to_ascii_lowercase();
            let parents = parents.get(&own).into_iter().flatten();
            let mut open = parents.filter(|parent| **parent != own && names.contains(*parent));
            open.all(|parent| done.contains(parent))
        };
        let at = waiting
            .iter()
            .position(|table| is_ready(table))
            .unwrap_or(0);
        let table = waiting.remove(at);
        done.insert(table.name.to_ascii_lowercase());
        ordered.push(table.clone());
    }
    ordered
}

/// Tables before those that they refer to.
pub(super) fn children_first(schema: &Schema) -> Vec<Table> {
    let mut ordered = parents_first(schema);
    ordered.reverse();
    ordered
}
