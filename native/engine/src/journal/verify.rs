//! Whether the events and the tables agree: in one snapshot the events are replayed into temporary
//! tables, which are compared with the real ones.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};

use super::compare::{self, count, RowDifference};
use super::replay::{create_like, Range, Replay, Steps, Watch};
use super::rows::Digests;
use super::seal::{self, ChainFault};
use super::versions::{open_versions, Version};
use super::{intact, layout};
use crate::catalog::load_table;
use crate::error::{Error, Result};
use crate::service::progress::ProgressSink;
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;

/// What verifying found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many events were replayed.
    pub events: u64,
    /// How many rows were compared.
    pub rows: u64,
    /// The tables that were compared.
    pub tables: Vec<String>,
    /// The first rows that are not as the events say.
    pub differences: Vec<RowDifference>,
    /// What else is wrong, a sentence each.
    pub problems: Vec<String>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.differences.is_empty() && self.problems.is_empty()
    }
}

/// Verifies the journal of a database. `conn` must be outside a transaction and free for the whole
/// time, and is of no use for anything else afterwards. At most `limit` differences and as many
/// problems are reported.
///
/// # Errors
/// `not_journaled`, `cancelled`, those of SQLite.
pub fn verify(conn: &Connection, limit: usize, sink: &mut dyn ProgressSink) -> Result<Verified> {
    if !layout::is_installed(conn)? {
        return Err(layout::not_journaled());
    }
    beside(conn)?;
    let snapshot = conn.unchecked_transaction().map_err(sqlite_error::map)?;
    let versions = open_versions(conn, "main")?;
    let mut found = Verified {
        tables: versions.keys().cloned().collect(),
        ..Verified::default()
    };
    let mut problems = Problems::new(limit);
    intact::check_tables(conn, &versions, &mut problems)?;
    check_baselines(&versions, &mut problems);
    check_request(conn, &mut problems)?;
    for table in versions.keys() {
        if load_table(conn, table)?.is_some() {
            create_like(conn, ("main", table), ("temp", table))?;
        }
    }
    let named = |table: &str| format!("temp.{}", quoted_name(table));
    let mut replay = Replay::new(conn, "main", &versions, named, Digests::Placeholder)?;
    let removed = removed(conn).map_err(sqlite_error::map)?;
    let mut steps = Steps {
        sink,
        phase: "verify",
        total: count(conn, "main.ash_rusqlite_events")?,
    };
    let mut events = Events {
        steps: &mut steps,
        problems: &mut problems,
        removed: &removed,
        last: 0,
        positions: HashMap::new(),
    };
    found.events = replay.run(Range::default(), &mut events)?;
    let positions = events.positions;
    check_positions(conn, &positions, !removed.is_empty(), &mut problems)?;
    check_chain(conn, &mut steps, &mut problems)?;
    for (table, versions) in &versions {
        let Some((spec, known)) = versions.last().zip(load_table(conn, table)?) else {
            continue;
        };
        let room = limit.saturating_sub(found.differences.len());
        let (rows, differences) = compare::compare(conn, &known, &spec.spec, room)?;
        found.rows += rows;
        found.differences.extend(differences);
        steps.report(table, found.rows, found.rows)?;
    }
    found.problems = problems.into_all();
    drop(snapshot);
    Ok(found)
}

/// Sets a connection up for a replay into temporary tables.
///
/// # Errors
/// Those of SQLite.
pub(super) fn beside(conn: &Connection) -> Result<()> {
    conn.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; \
         PRAGMA temp.journal_mode = OFF; PRAGMA temp.cache_size = -65536;",
    )
    .map_err(sqlite_error::map)
}

/// What is wrong, a sentence each.
pub(super) struct Problems {
    limit: usize,
    all: Vec<String>,
}

impl Problems {
    /// None yet; `limit` is the largest number.
    pub(super) fn new(limit: usize) -> Problems {
        let all = Vec::new();
        Problems { limit, all }
    }

    /// All that were noted.
    pub(super) fn into_all(self) -> Vec<String> {
        self.all
    }

    /// Notes one more.
    pub(super) fn note(&mut self, problem: String) {
        if self.all.len() < self.limit {
            self.all.push(problem);
        }
    }
}

/// The stretches of events that were removed on purpose, in their order.
pub(super) type Removed = Vec<(i64, i64)>;

/// Reads them of the seals.
///
/// # Errors
/// Those of SQLite.
pub(super) fn removed(conn: &Connection) -> rusqlite::Result<Removed> {
    let sql = "SELECT first, last, removed FROM main.ash_rusqlite_seals \
               WHERE removed IS NOT NULL ORDER BY last";
    let mut stmt = conn.prepare(sql)?;
    let mut rows = stmt.query([])?;
    let mut all = Removed::new();
    while let Some(row) = rows.next()? {
        let (first, last, leaves): (i64, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if leaves.is_empty() {
            all.push((first, last));
        }
        all.extend(seal::removed(&leaves).into_keys().map(|seq| (seq, seq)));
    }
    Ok(all)
}

/// Looks at the numbers of the events as they come.
struct Events<'s, 'p> {
    steps: &'s mut Steps<'p>,
    problems: &'s mut Problems,
    removed: &'s Removed,
    last: i64,
    positions: HashMap<i64, i64>,
}

impl Watch for Events<'_, '_> {
    fn event(&mut self, seq: i64, source: Option<i64>, position: Option<i64>) -> Result<()> {
        let expected = self.last + 1;
        self.last = seq;
        if seq != expected {
            self.missing(expected, seq - 1);
        }
        match (source, position) {
            (None, None) => {}
            (Some(source), Some(position)) => {
                let last = self.positions.insert(source, position);
                let next = last.map_or(1, |last| last + 1);
                let is_next = match self.removed.is_empty() {
                    true => position == next,
                    false => position >= next,
                };
                if !is_next {
                    self.problems.note(format!(
                        "the event {seq} has position {position} of its source, where {next} follows"
                    ));
                }
            }
            _ => self
                .problems
                .note(format!("the event {seq} has a source or a position alone")),
        }
        Ok(())
    }

    fn broken(&mut self, error: Error) -> Result<()> {
        self.problems.note(error.message().to_owned());
        Ok(())
    }

    fn step(&mut self, done: u64) -> Result<()> {
        self.steps.step(done)
    }
}

impl Events<'_, '_> {
    fn missing(&mut self, first: i64, last: i64) {
        let mut next = first;
        for (from, to) in self.removed {
            if *from <= next && next <= *to {
                next = to + 1;
            }
        }
        if next <= last {
            self.problems.note(about(next, last, "missing"));
        }
    }
}

fn about(first: i64, last: i64, what: &str) -> String {
    match first == last {
        true => format!("the event {first} is {what}"),
        false => format!("the events {first} to {last} are {what}"),
    }
}

/// That the events are those that were sealed.
fn check_chain(conn: &Connection, steps: &mut Steps<'_>, problems: &mut Problems) -> Result<()> {
    for found in seal::verify_chain(conn, steps.sink)?.problems {
        let what = match found.fault {
            ChainFault::Missing => "missing",
            ChainFault::Changed => "not as when sealed",
            ChainFault::Inserted => "not of the chain",
        };
        let problem = about(found.first, found.last, what);
        if !problems.all.contains(&problem) {
            problems.note(problem);
        }
    }
    Ok(())
}

/// That the last positions are those that the sources have.
fn check_positions(
    conn: &Connection,
    positions: &HashMap<i64, i64>,
    removed: bool,
    problems: &mut Problems,
) -> Result<()> {
    let sql = "SELECT id, name, position FROM main.ash_rusqlite_subjects ORDER BY id";
    let mut stmt = conn.prepare(sql).map_err(sqlite_error::map)?;
    let mut rows = stmt.query([]).map_err(sqlite_error::map)?;
    let mut known = 0;
    while let Some(row) = rows.next().map_err(sqlite_error::map)? {
        let read = || -> rusqlite::Result<(i64, String, i64)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        };
        let (id, name, position) = read().map_err(sqlite_error::map)?;
        let found = positions.get(&id).copied();
        known += usize::from(found.is_some());
        let last = found.unwrap_or(0);
        if last != position && !(removed && last < position) {
            problems.note(format!(
                "the source {name} is at position {position}, its last event at {last}"
            ));
        }
    }
    if known < positions.len() {
        problems.note("events have a source that is not there".to_owned());
    }
    Ok(())
}

/// That no request is written down as running.
fn check_request(conn: &Connection, problems: &mut Problems) -> Result<()> {
    let sql = "SELECT actor IS NULL AND action IS NULL AND metadata IS NULL AND at IS NULL \
               AND tx IS NULL FROM main.ash_rusqlite_request WHERE id = 1";
    let clear: Option<bool> = conn
        .query_row(sql, [], |row| row.get(0))
        .optional()
        .map_err(sqlite_error::map)?;
    match clear {
        Some(true) => {}
        Some(false) => problems.note("ash_rusqlite_request was not cleared".to_owned()),
        None => problems.note("ash_rusqlite_request has no row".to_owned()),
    }
    Ok(())
}

/// That the rows that were there before have their events.
fn check_baselines(versions: &BTreeMap<String, Vec<Version>>, problems: &mut Problems) {
    for (table, versions) in versions {
        if versions.last().is_some_and(|last| last.baselined.is_none()) {
            problems.note(format!("{table}: its baseline is not complete"));
        }
    }
}
