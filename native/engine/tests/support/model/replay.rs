//! Replays what was answered on the model, and compares every answer.

use ash_rusqlite_engine::{Code, Outcome, TransactionId};
use serde_json::Value as Json;

use super::log::{Entry, Log, Look, What};
use super::script::Step;
use super::state::{Row, State, Write, Written};
use crate::support::host::Rows;

/// A transaction that holds the writer.
struct Open {
    id: TransactionId,
    state: State,
    savepoints: Vec<State>,
}

struct Replay<'a> {
    committed: State,
    open: Option<Open>,
    dead: &'a [TransactionId],
}

pub fn rows_of(rows: &Rows) -> Vec<Row> {
    let cell = |json: &Json| match json {
        Json::Null => None,
        other => Some(other.as_i64().expect("an integer")),
    };
    rows.iter()
        .map(|row| row.iter().map(cell).collect())
        .collect()
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

fn compare_write(write: &Write, expected: Written, entry: &Entry) {
    match (expected, &entry.result) {
        (Ok(rows), Ok(Outcome::Written { changes })) => {
            assert_eq!(*changes, rows.len() as u64, "changes of {write:?}");
            if write.returning {
                assert_eq!(
                    sorted(rows),
                    sorted(rows_of(&entry.rows)),
                    "rows of {write:?}"
                );
            }
        }
        (Err(codes), Err(error)) => {
            assert!(
                codes.contains(&error.code()),
                "{codes:?}, not {error}: {write:?}"
            );
        }
        (expected, result) => panic!("{expected:?}, not {result:?}: {write:?}"),
    }
}

impl Replay<'_> {
    /// Another's answer shows that the transaction which held the writer is over.
    fn let_go(&mut self) {
        if let Some(open) = self.open.take() {
            assert!(
                self.dead.contains(&open.id),
                "{:?} lost the writer",
                open.id
            );
        }
    }

    fn step(&mut self, entry: &Entry) {
        let Some(id) = entry.tx else {
            self.let_go();
            let What::Step(Step::Write(write)) = &entry.what else {
                panic!("only a write stands alone: {entry:?}")
            };
            let expected = self.committed.write_alone(write);
            return compare_write(write, expected, entry);
        };
        if matches!(&entry.result, Err(error) if error.code() == Code::Cancelled) {
            assert!(
                self.dead.contains(&id),
                "cancelled without a death: {entry:?}"
            );
            self.open = self.open.take().filter(|open| open.id != id);
            return;
        }
        if self.open.as_ref().is_none_or(|open| open.id != id) {
            self.let_go();
            self.open = Some(Open {
                id,
                state: self.committed.clone(),
                savepoints: Vec::new(),
            });
        }
        let Some(open) = &mut self.open else { return };
        match &entry.what {
            What::Step(step) => open.step(step, entry),
            What::Finish { commit } => {
                let kept = *commit && !open.state.has_broken_links();
                match &entry.result {
                    Ok(_) => assert!(kept || !commit, "{entry:?}"),
                    Err(error) => {
                        assert!(*commit && !kept, "{entry:?}");
                        assert_eq!(error.code(), Code::ForeignKeyViolation);
                    }
                }
                if let Some(open) = self.open.take().filter(|_| kept) {
                    self.committed = open.state;
                }
            }
        }
    }
}

impl Open {
    fn step(&mut self, step: &Step, entry: &Entry) {
        let nested = match step {
            Step::Write(write) => {
                let expected = self.state.write(write);
                return compare_write(write, expected, entry);
            }
            Step::Read(table) => {
                assert_eq!(entry.result, Ok(Outcome::Rows));
                let seen = sorted(rows_of(&entry.rows));
                return assert_eq!(seen, self.state.rows(*table), "{entry:?}");
            }
            Step::Savepoint => {
                self.savepoints.push(self.state.clone());
                true
            }
            Step::Release => self.savepoints.pop().is_some(),
            Step::RollBackTo => self
                .savepoints
                .pop()
                .map(|state| self.state = state)
                .is_some(),
        };
        match &entry.result {
            Ok(outcome) => assert!(nested && *outcome == Outcome::Done, "{entry:?}"),
            Err(error) => assert!(!nested && error.code() == Code::InvalidQuery, "{entry:?}"),
        }
    }
}

/// Replays a phase from `committed`, and gives what the database must hold then.
pub fn replay(log: &Log, committed: State) -> State {
    let mut entries = log.entries.lock().unwrap();
    entries.sort_by_key(|entry| entry.ran);
    let dead = log.dead.lock().unwrap();
    let mut replay = Replay {
        committed,
        open: None,
        dead: &dead,
    };
    let mut states = vec![replay.committed.clone()];
    for entry in entries.iter() {
        replay.step(entry);
        states.push(replay.committed.clone());
    }
    replay.let_go();
    for look in log.looks.lock().unwrap().iter() {
        was_committed(look, &entries, &states);
    }
    replay.committed
}

/// A reader sees what was committed at one moment: after all that was answered before it
/// began, and with nothing that was asked for after it was over.
fn was_committed(look: &Look, entries: &[Entry], states: &[State]) {
    let first = entries
        .iter()
        .rposition(|entry| entry.answered < look.from)
        .map_or(0, |last| last + 1);
    let later = entries
        .iter()
        .skip(first)
        .take_while(|entry| entry.queued < look.over);
    let possible = states.iter().skip(first).take(1 + later.count());
    let possible: Vec<Vec<Row>> = possible.map(|state| state.rows(look.table)).collect();
    assert!(
        possible.contains(&look.rows),
        "{look:?} is none of {possible:?}"
    );
}
