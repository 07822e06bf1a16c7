//! Tables in the order of their foreign keys.

use std::collections::BTreeSet;

/// Tables behind those that they refer to. In a circle the order stays as it is. Names are in lower
/// case.
pub(super) fn parents_first<T>(
    mut waiting: Vec<T>,
    name: impl Fn(&T) -> String,
    parents: impl Fn(&T) -> Vec<String>,
) -> Vec<T> {
    let mut ordered = Vec::with_capacity(waiting.len());
    let mut names: BTreeSet<String> = waiting.iter().map(&name).collect();
    while !waiting.is_empty() {
        let is_ready = |table: &T| {
            let own = name(table);
            let mut parents = parents(table).into_iter();
            parents.all(|parent| parent == own || !names.contains(&parent))
        };
        let at = waiting.iter().position(is_ready).unwrap_or(0);
        let table = waiting.remove(at);
        names.remove(&name(&table));
        ordered.push(table);
    }
    ordered
}
