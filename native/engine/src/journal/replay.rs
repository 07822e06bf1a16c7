//! Events applied in their order to tables that are empty, or taken back from the last one on.

use std::collections::{BTreeMap, HashMap};

use rusqlite::types::ValueRef;
use rusqlite::Connection;

use super::rows::{Change, Digests, Failed, Operation, Rows};
use super::value::Encoded;
use super::versions::Version;
use crate::catalog::load_table;
use crate::error::{Code, Error, Result};
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;

/// Events between two reports of progress.
const STEP: u64 = 4096;

/// Which events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Range {
    /// Only those of a source, by its number.
    pub(crate) source: Option<i64>,
    /// Only up to this position of the source.
    pub(crate) position: Option<i64>,
    /// Only up to this seq.
    pub(crate) until: Option<i64>,
    /// Only those behind this seq, from the last one on.
    pub(crate) back_to: Option<i64>,
}

/// What sees the events as they come.
pub(crate) trait Watch {
    /// One that will be applied, if it is of a table that is replayed.
    fn event(&mut self, seq: i64, source: Option<i64>, position: Option<i64>) -> Result<()>;

    /// One that cannot be applied.
    fn broken(&mut self, error: Error) -> Result<()> {
        Err(error)
    }

    /// A number of them is done.
    fn step(&mut self, _done: u64) -> Result<()> {
        Ok(())
    }
}

/// Reports progress, and stops where it is asked to.
pub(crate) struct Steps<'s> {
    /// Receives the reports.
    pub(crate) sink: &'s mut dyn ProgressSink,
    /// The work.
    pub(crate) phase: &'static str,
    /// Events in all.
    pub(crate) total: u64,
}

impl Steps<'_> {
    /// A number of events is done.
    ///
    /// # Errors
    /// `cancelled`.
    pub(crate) fn report(&mut self, label: &str, done: u64, total: u64) -> Result<()> {
        if self.sink.cancelled() {
            let message = format!("the {} was cancelled", self.phase);
            return Err(Error::new(Code::Cancelled, message));
        }
        self.sink.progress(Progress {
            phase: self.phase,
            label: label.to_owned(),
            done,
            total: total.max(done),
            estimate: None,
        });
        Ok(())
    }
}

impl Watch for Steps<'_> {
    fn event(&mut self, _: i64, _: Option<i64>, _: Option<i64>) -> Result<()> {
        Ok(())
    }

    fn step(&mut self, done: u64) -> Result<()> {
        self.report("events", done, self.total)
    }
}

impl Watch for () {
    fn event(&mut self, _: i64, _: Option<i64>, _: Option<i64>) -> Result<()> {
        Ok(())
    }
}

/// What an event did with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// It made the row that has it.
    Made,
    /// It changed or deleted the row that had it.
    Changed,
    /// It gave it to a row that had another one.
    Moved,
}

/// Called with a table, what an event did, and with which key.
type EachKey<'e> = dyn FnMut(&str, Touch, &[Encoded<'_>]) -> Result<()> + 'e;

/// The tables that events are applied to.
pub(crate) struct Replay<'c> {
    conn: &'c Connection,
    /// The schema in which the journal is.
    from: &'static str,
    tables: Vec<Rows<'c>>,
    types: HashMap<i64, Type>,
}

/// What events of a type are.
struct Type {
    operation: Operation,
    /// The table, by its place, of the events from one seq to another: another one may have had its
    /// name before.
    tables: Vec<(usize, i64, i64)>,
}

impl Type {
    fn table(&self, seq: i64) -> Option<usize> {
        let holds = |(_, since, until): &&(usize, i64, i64)| *since <= seq && seq <= *until;
        self.tables.iter().find(holds).map(|(place, _, _)| *place)
    }
}

impl<'c> Replay<'c> {
    /// Of these tables, which are in `into` by the names that `named` gives.
    ///
    /// # Errors
    /// Those of SQLite.
    pub(crate) fn new(
        conn: &'c Connection,
        from: &'static str,
        versions: &BTreeMap<String, Vec<Version>>,
        named: impl Fn(&str) -> String,
        digests: Digests,
    ) -> Result<Replay<'c>> {
        let mut tables = Vec::new();
        let mut names: HashMap<&str, Vec<(usize, i64, i64)>> = HashMap::new();
        for (name, versions) in versions {
            let Some(table) = load_table(conn, name)? else {
                continue;
            };
            for version in versions {
                let until = version.until.unwrap_or(i64::MAX);
                let stretch = (tables.len(), version.since, until);
                names.entry(&version.table).or_default().push(stretch);
            }
            tables.push(Rows::new(conn, &table, versions, named(name), digests)?);
        }
        Ok(Replay {
            conn,
            from,
            types: types(conn, from, &names).map_err(sqlite_error::map)?,
            tables,
        })
    }

    /// Applies events, or takes them back. Returns how many there were.
    ///
    /// # Errors
    /// Those of SQLite; `journal_broken` for an event that cannot be applied, unless `watch` goes
    /// on.
    pub(crate) fn run(&mut self, range: Range, watch: &mut dyn Watch) -> Result<u64> {
        let back = range.back_to.is_some();
        let mut done = 0;
        let (sql, params) = self.statement(range, back);
        let mut stmt = self.conn.prepare(&sql).map_err(sqlite_error::map)?;
        let params = rusqlite::params_from_iter(params);
        let mut events = stmt.query(params).map_err(sqlite_error::map)?;
        while let Some(event) = events.next().map_err(sqlite_error::map)? {
            let (change, kind) = change(event).map_err(sqlite_error::map)?;
            let source = event.get(5).map_err(sqlite_error::map)?;
            let position = event.get(6).map_err(sqlite_error::map)?;
            watch.event(change.seq, source, position)?;
            let of_type = self.types.get(&kind);
            let place = of_type.and_then(|of_type| of_type.table(change.seq));
            if let (Some(of_type), Some(place)) = (of_type, place) {
                let change = Change {
                    operation: of_type.operation,
                    ..change
                };
                if let Some(rows) = self.tables.get_mut(place) {
                    let applied = match back {
                        true => rows.take_back(&change),
                        false => rows.apply(&change),
                    };
                    if let Err(failed) = applied {
                        watch.broken(broken(&change, &rows.table.name, failed)?)?;
                    }
                }
            }
            done += 1;
            if done % STEP == 0 {
                watch.step(done)?;
            }
        }
        watch.step(done)?;
        Ok(done)
    }

    /// Calls `each` with the table's name, what the event did, and the row's key: for each event in
    /// their order, and for one that changed the key with both keys.
    ///
    /// # Errors
    /// Those of SQLite and of `each`, `journal_broken`.
    pub(crate) fn each_key(&self, range: Range, each: &mut EachKey<'_>) -> Result<()> {
        let (sql, params) = self.statement(range, false);
        let mut stmt = self.conn.prepare(&sql).map_err(sqlite_error::map)?;
        let params = rusqlite::params_from_iter(params);
        let mut events = stmt.query(params).map_err(sqlite_error::map)?;
        while let Some(event) = events.next().map_err(sqlite_error::map)? {
            let (change, kind) = change(event).map_err(sqlite_error::map)?;
            let Some(of_type) = self.types.get(&kind) else {
                continue;
            };
            let place = of_type.table(change.seq);
            let Some(rows) = place.and_then(|place| self.tables.get(place)) else {
                continue;
            };
            let change = Change {
                operation: of_type.operation,
                ..change
            };
            match rows.keys(&change) {
                Ok(keys) => {
                    let moved = matches!(&*keys, [key, before] if key != before);
                    for (place, key) in keys.iter().enumerate() {
                        let touch = match change.operation {
                            Operation::Insert => Touch::Made,
                            _ if moved && place == 0 => Touch::Moved,
                            _ => Touch::Changed,
                        };
                        each(&rows.table.name, touch, key)?;
                    }
                }
                Err(failed) => return Err(broken(&change, &rows.table.name, failed)?),
            }
        }
        Ok(())
    }

    fn statement(&self, range: Range, back: bool) -> (String, Vec<i64>) {
        let mut conditions: Vec<&str> = Vec::new();
        let mut params = Vec::new();
        for (condition, value) in [
            ("source = ?", range.source),
            ("position <= ?", range.position),
            ("seq <= ?", range.until),
            ("seq > ?", range.back_to),
        ] {
            if let Some(value) = value {
                conditions.push(condition);
                params.push(value);
            }
        }
        // A few tables of many: SQLite does not read what the others' events hold.
        let types: Vec<String> = self.types.keys().map(i64::to_string).collect();
        let of_types = format!("+type IN ({})", types.join(", "));
        if range.back_to.is_some() || range.source.is_some() {
            conditions.push(&of_types);
        }
        let condition = match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let order = match (back, range.source) {
            (true, _) => "seq DESC",
            (false, Some(_)) => "position",
            (false, None) => "seq",
        };
        let sql = format!(
            "SELECT seq, type, key, data, old, source, position FROM {}.ash_rusqlite_events{condition} \
             ORDER BY {order}",
            self.from
        );
        (sql, params)
    }
}

fn change<'r>(event: &'r rusqlite::Row<'_>) -> rusqlite::Result<(Change<'r>, i64)> {
    let json = |at: usize| -> rusqlite::Result<&'r [u8]> {
        Ok(match event.get_ref(at)? {
            ValueRef::Text(text) | ValueRef::Blob(text) => text,
            _ => &[],
        })
    };
    let change = Change {
        seq: event.get(0)?,
        operation: Operation::Nothing,
        key: event.get_ref(2)?,
        data: json(3)?,
        old: json(4)?,
    };
    Ok((change, event.get(1)?))
}

/// The error of an event that cannot be applied; what is no fault of the event is an error itself.
fn broken(change: &Change<'_>, table: &str, failed: Failed) -> Result<Error> {
    let why = match failed {
        Failed::Unreadable(why) => why.0.to_owned(),
        Failed::Sqlite(error) => {
            let is_its_own = matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::ConstraintViolation | rusqlite::ErrorCode::TypeMismatch)
            );
            let text = error.to_string();
            let mapped = sqlite_error::map(error);
            if !is_its_own {
                return Err(mapped);
            }
            text
        }
    };
    let seq = change.seq;
    let message = format!(
        "the event {seq} of {} cannot be replayed: {why}",
        quoted_name(table)
    );
    Ok(Error::new(Code::JournalBroken, message)
        .with("table", table)
        .with("seq", seq))
}

fn types(
    conn: &Connection,
    from: &str,
    names: &HashMap<&str, Vec<(usize, i64, i64)>>,
) -> rusqlite::Result<HashMap<i64, Type>> {
    let sql = format!("SELECT id, \"table\", operation FROM {from}.ash_rusqlite_event_types");
    let mut stmt = conn.prepare(&sql)?;
    let rows = stmt.query_map([], |row| {
        let (table, operation): (String, String) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, table, Operation::of(&operation)))
    })?;
    let mut types = HashMap::new();
    for row in rows {
        let (id, table, operation) = row?;
        if let Some(tables) = names.get(table.as_str()) {
            let tables = tables.clone();
            types.insert(id, Type { operation, tables });
        }
    }
    Ok(types)
}

/// Makes an empty table in another schema as one of `from` is, under a name.
///
/// # Errors
/// Those of SQLite.
pub(crate) fn create_like(
    conn: &Connection,
    (from, table): (&str, &str),
    (into, name): (&str, &str),
) -> Result<()> {
    use crate::sqlite::lex::lex;
    let sql: String = conn
        .query_row(
            &format!("SELECT sql FROM {from}.sqlite_schema WHERE type = 'table' AND name = ?1"),
            [table],
            |row| row.get(0),
        )
        .map_err(sqlite_error::map)?;
    // SQLite keeps the text from the name on, behind CREATE TABLE.
    let rest = lex(&sql).get(2).and_then(|token| sql.get(token.end..));
    let name = quoted_name(name);
    let sql = format!("CREATE TABLE {into}.{name}{}", rest.unwrap_or_default());
    conn.execute_batch(&sql).map_err(sqlite_error::map)
}
