//! Which statements looked at more rows than an index would have led to, as SQLite itself counts
//! (<https://sqlite.org/c3ref/c_stmtstatus_counter.html>).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Statement, StatementStatus};

/// How many statements are kept at most: those with the most steps.
pub const STATEMENTS: usize = 100;

/// Longer statements are not kept.
const LONGEST: usize = 64 * 1024;

/// A statement, by its text with placeholders, and what its runs came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScannedStatement {
    /// The SQL.
    pub sql: String,
    /// Runs that came to their end. Those without a step or a sort are not counted.
    pub runs: u64,
    /// Rows that were given, or written.
    pub rows: u64,
    /// Rows that were looked at one after the other, for want of an index.
    pub full_scan_steps: u64,
    /// Results that were sorted.
    pub sorts: u64,
    /// Rows put into indexes that SQLite made for one run of the statement.
    pub automatic_index_rows: u64,
}

impl ScannedStatement {
    fn add(&mut self, run: &ScannedStatement) {
        self.runs += run.runs;
        self.rows += run.rows;
        self.full_scan_steps += run.full_scan_steps;
        self.sorts += run.sorts;
        self.automatic_index_rows += run.automatic_index_rows;
    }

    /// Rows that an index would have spared it.
    pub fn steps(&self) -> u64 {
        self.full_scan_steps + self.automatic_index_rows
    }
}

/// The statements of a kind of connection that scanned.
#[derive(Debug, Default)]
pub struct Scans(Mutex<HashMap<String, ScannedStatement>>);

impl Scans {
    /// Notes what the last run of a statement came to, if it scanned. `rows` is `None` for a run
    /// that was given up.
    pub fn note(&self, stmt: &Statement<'_>, sql: &str, rows: Option<u64>) {
        let [steps, sorts, automatic] = take(stmt);
        if steps == 0 && sorts == 0 && automatic == 0 {
            return;
        }
        let run = ScannedStatement {
            sql: String::new(),
            runs: u64::from(rows.is_some()),
            rows: rows.unwrap_or(0),
            full_scan_steps: steps,
            sorts,
            automatic_index_rows: automatic,
        };
        self.add(sql, &run);
    }

    /// Lets the next run of a statement count from the beginning.
    pub fn forget(stmt: &Statement<'_>) {
        take(stmt);
    }

    fn add(&self, sql: &str, run: &ScannedStatement) {
        let mut all = self.lock();
        if let Some(known) = all.get_mut(sql) {
            return known.add(run);
        }
        if sql.len() > LONGEST {
            return;
        }
        if all.len() >= STATEMENTS {
            let least = all.values().min_by_key(|known| known.steps());
            if let Some(least) = least.map(|least| least.sql.clone()) {
                all.remove(&least);
            }
        }
        let sql = sql.to_owned();
        let scanned = ScannedStatement {
            sql: sql.clone(),
            ..run.clone()
        };
        all.insert(sql, scanned);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, ScannedStatement>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of several kinds of connections, those with the most steps first.
    pub fn of<'a>(kinds: impl IntoIterator<Item = &'a Scans>) -> Vec<ScannedStatement> {
        let mut merged: HashMap<String, ScannedStatement> = HashMap::new();
        for kind in kinds {
            for (sql, scanned) in kind.lock().iter() {
                merged
                    .entry(sql.clone())
                    .and_modify(|known| known.add(scanned))
                    .or_insert_with(|| scanned.clone());
            }
        }
        let mut all: Vec<_> = merged.into_values().collect();
        all.sort_by(|a, b| b.steps().cmp(&a.steps()).then_with(|| a.sql.cmp(&b.sql)));
        all
    }
}

/// SQLite's counts of rows that were looked at, of sorts and of rows put into an index of one run.
fn take(stmt: &Statement<'_>) -> [u64; 3] {
    [
        StatementStatus::FullscanStep,
        StatementStatus::Sort,
        StatementStatus::AutoIndex,
    ]
    .map(|status| u64::try_from(stmt.reset_status(status)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(steps: u64) -> ScannedStatement {
        ScannedStatement {
            runs: 1,
            full_scan_steps: steps,
            ..ScannedStatement::default()
        }
    }

    #[test]
    fn no_more_statements_are_kept_than_the_bound_and_those_with_most_steps_stay() {
        let scans = Scans::default();
        for number in 0..10 * STATEMENTS as u64 {
            scans.add("heavy", &run(1_000));
            scans.add(&format!("light {number}"), &run(1));
        }
        let all = Scans::of([&scans]);
        assert_eq!(all.len(), STATEMENTS);
        assert_eq!(all[0].sql, "heavy");
        assert_eq!(all[0].runs, 10 * STATEMENTS as u64);
    }

    #[test]
    fn a_statement_of_both_kinds_of_connections_is_one() {
        let (one, two) = (Scans::default(), Scans::default());
        one.add("a", &run(3));
        two.add("a", &run(4));
        two.add("b", &run(5));
        let all = Scans::of([&one, &two]);
        let steps: Vec<_> = all
            .iter()
            .map(|scanned| (scanned.sql.as_str(), scanned.runs, scanned.steps()))
            .collect();
        assert_eq!(steps, [("a", 2, 7), ("b", 1, 5)]);
    }

    #[test]
    fn a_text_beyond_the_bound_is_not_kept() {
        let scans = Scans::default();
        scans.add(&"x".repeat(LONGEST + 1), &run(1));
        assert_eq!(Scans::of([&scans]), []);
    }
}
