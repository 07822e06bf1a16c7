//! How tables were journaled at each time, and where the columns of then are in today's tables.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::value::{object, Encoded};
use crate::catalog::{Column, JournalSpec, Table};
use crate::error::Result;
use crate::sqlite::lex::same;
use crate::sqlite::sqlite_error;

/// How a table was journaled from one seq to another.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// What the table was called.
    pub(crate) table: String,
    /// How.
    pub(crate) spec: JournalSpec,
    /// The columns that the table had.
    pub(crate) columns: Vec<String>,
    /// The first seq that it holds for.
    pub(crate) since: i64,
    /// The last one; none while it holds.
    pub(crate) until: Option<i64>,
    /// Whether nothing before it counts, because the table was not journaled then.
    begins: bool,
    /// The columns that have another name than before: the new one and the old one.
    renamed: BTreeMap<String, String>,
    /// What the columns that are new had in the rows that were there.
    defaults: Vec<(String, Encoded<'static>)>,
    /// The seq at which all rows had an event.
    pub(crate) baselined: Option<i64>,
}

/// The versions of the tables that are journaled now, since they are.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn open_versions(
    conn: &Connection,
    schema: &str,
) -> Result<BTreeMap<String, Vec<Version>>> {
    let mut all: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for (version, old_name) in load(conn, schema).map_err(sqlite_error::map)? {
        let before = old_name.and_then(|name| all.remove(&name));
        let versions = all.entry(version.table.clone()).or_default();
        if version.begins || before.is_some() {
            *versions = before.unwrap_or_default();
        }
        versions.push(version);
    }
    all.retain(|_, versions| versions.last().is_some_and(|last| last.until.is_none()));
    Ok(all)
}

/// All versions, each with the name that the table had before where it has another one since.
fn load(conn: &Connection, schema: &str) -> rusqlite::Result<Vec<(Version, Option<String>)>> {
    let sql = format!(
        "SELECT \"table\", config, columns, since, until, renamed, defaults, baselined \
         FROM {schema}.ash_rusqlite_journaled ORDER BY id"
    );
    let mut stmt = conn.prepare(&sql)?;
    let rows = stmt.query_map([], |row| {
        let [config, columns]: [String; 2] = [row.get(1)?, row.get(2)?];
        let [renamed, defaults]: [Option<String>; 2] = [row.get(5)?, row.get(6)?];
        let mut new = Vec::new();
        // What cannot be read is as if it was not there: verify finds the rows that differ.
        let _ = object(defaults.unwrap_or_default().as_bytes(), |column, value| {
            let column = String::from_utf8_lossy(&column).into_owned();
            new.push((column, value.into_owned()));
            Ok(())
        });
        let begins = renamed.is_none();
        let mut renamed: BTreeMap<String, String> = renamed
            .and_then(|json| serde_json::from_str(&json).ok())
            .unwrap_or_default();
        let old_name = renamed.remove("*");
        Ok((
            Version {
                table: row.get(0)?,
                spec: serde_json::from_str(&config).unwrap_or_default(),
                columns: serde_json::from_str(&columns).unwrap_or_default(),
                since: row.get(3)?,
                until: row.get(4)?,
                begins,
                renamed,
                defaults: new,
                baselined: row.get(7)?,
            },
            old_name,
        ))
    })?;
    rows.collect()
}

/// Where the columns of a version are in a table's columns of today.
pub(crate) struct Layout {
    /// The first seq that it holds for.
    pub(crate) since: i64,
    /// Each column as events name it, with its place today; none if it is gone.
    pub(crate) names: Vec<(Vec<u8>, Option<usize>)>,
    /// What a row of that time has in columns that came later.
    pub(crate) later: Vec<(usize, Encoded<'static>)>,
}

/// The layouts of a table's versions.
pub(crate) fn layouts(table: &Table, columns: &[&Column], versions: &[Version]) -> Vec<Layout> {
    (0..versions.len())
        .filter_map(|at| layout(table, columns, versions.get(at..)?))
        .collect()
}

/// The layout of the first of these versions, which the others follow.
fn layout(table: &Table, columns: &[&Column], versions: &[Version]) -> Option<Layout> {
    let (first, others) = versions.split_first()?;
    let mut names: Vec<Option<String>> = first.columns.iter().cloned().map(Some).collect();
    let mut later: BTreeMap<String, Encoded<'static>> = BTreeMap::new();
    for version in others {
        let step = |name: &String| version.name_of(name);
        for name in &mut names {
            *name = name.as_ref().and_then(step);
        }
        later = later
            .into_iter()
            .filter_map(|(name, value)| Some((step(&name)?, value)))
            .collect();
        later.extend(version.defaults.iter().cloned());
    }
    let place = |name: &String| columns.iter().position(|column| same(&column.name, name));
    let names: Vec<(Vec<u8>, Option<usize>)> = first
        .columns
        .iter()
        .zip(&names)
        .map(|(old, today)| (old.as_bytes().to_vec(), today.as_ref().and_then(place)))
        .collect();
    let known = |at: usize| names.iter().any(|(_, place)| *place == Some(at));
    let mut later: Vec<(usize, Encoded<'static>)> = later
        .into_iter()
        .filter_map(|(name, value)| Some((place(&name)?, value)))
        .filter(|(at, _)| !known(*at))
        .collect();
    for (at, column) in columns.iter().enumerate() {
        let given = known(at) || later.iter().any(|(place, _)| *place == at);
        if !given && column.not_null && column.default.is_none() && !table.is_view {
            later.push((at, placeholder(column)));
        }
    }
    Some(Layout {
        since: first.since,
        names,
        later,
    })
}

impl Version {
    /// What a column of the version before is called in this one; none if it is gone.
    fn name_of(&self, before: &str) -> Option<String> {
        let renamed = self.renamed.iter().find(|(_, old)| same(old, before));
        if let Some((new, _)) = renamed {
            return Some(new.clone());
        }
        let new = self.columns.iter().find(|column| same(column, before))?;
        let is_another = self.renamed.keys().any(|name| same(name, new))
            || self.defaults.iter().any(|(name, _)| same(name, new));
        (!is_another).then(|| new.clone())
    }
}

/// What a column holds whose value is not known and may not be NULL.
pub(crate) fn placeholder(column: &Column) -> Encoded<'static> {
    use crate::value::Affinity;
    match Affinity::of(&column.declared) {
        Affinity::Text => Encoded::Text(Vec::new().into()),
        Affinity::Nothing => Encoded::Blob(Vec::new()),
        Affinity::Integer | Affinity::Numeric => Encoded::Integer(0),
        Affinity::Real => Encoded::Real(0.0),
    }
}
