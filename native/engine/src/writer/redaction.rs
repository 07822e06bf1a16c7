//! Redaction, and what it takes that nothing of the content stays in the files.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::Value as Stored;

use super::Writer;
use crate::catalog::Table;
use crate::error::{Code, Error, Result};
use crate::journal::{self, scrub, Redacted};
use crate::query::ir::{KeyValue, Read, Select};
use crate::request::reply::Reply;
use crate::request::{Outcome, RedactRequest, RedactedRows};
use crate::service::progress::Progress;
use crate::service::RowSink;
use crate::sqlite::authorizer::Access;

use crate::sqlite::sqlite_error;
use crate::value::{encode, ColumnRef, Name, OutputColumn, Row, Value};

/// How long readers of what was before may keep the log from being cut.
const READERS: Duration = Duration::from_secs(5);

/// The keys of rows as they are stored.
#[derive(Default)]
struct Keys(Vec<Vec<Stored>>);

impl RowSink for Keys {
    fn begin(&mut self, _: &Arc<[OutputColumn]>, _: usize, _: bool) {
        self.0.clear();
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let unread = |_| Error::new(Code::Internal, "a key cannot be read");
        let values = (0..row.len()).map(|at| Stored::try_from(row.stored(at)?).map_err(unread));
        self.0.push(values.collect::<Result<_>>()?);
        Ok(())
    }
}

impl Writer {
    pub(super) fn redact(
        &mut self,
        request: &RedactRequest,
        deadline: Instant,
        reply: &mut Reply,
    ) -> Result<Outcome> {
        self.internal(deadline);
        let secure: i64 = self
            .link
            .conn
            .pragma_query_value(None, "secure_delete", |row| row.get(0))
            .map_err(sqlite_error::map)?;
        self.set_secure_delete(1)?;
        let done = self.redact_and_scrub(request, deadline, reply);
        self.roll_back();
        self.internal(Instant::now());
        let restored = self.set_secure_delete(secure);
        let (redacted, scrubbed) = done?;
        restored?;
        Ok(Outcome::Redacted { redacted, scrubbed })
    }

    fn set_secure_delete(&self, how: i64) -> Result<()> {
        let sql = format!("PRAGMA secure_delete = {how}");
        let set = self
            .link
            .conn
            .query_row(&sql, [], |row| row.get::<_, i64>(0));
        set.map(drop).map_err(sqlite_error::map)
    }

    fn redact_and_scrub(
        &mut self,
        request: &RedactRequest,
        deadline: Instant,
        reply: &mut Reply,
    ) -> Result<(Redacted, bool)> {
        let mut steps = Steps { reply, done: 0 };
        self.begin(deadline)?;
        let keys = self.keys_of(request)?;
        self.link.gate.set(Access::Internal);
        self.link.interrupt.begin_unlimited();
        let conn = &self.link.conn;
        let redacted = journal::redact(conn, &request.redaction, &keys)?;
        scrub::samples(conn, &request.redaction.table)?;
        steps.step("events");
        scrub::full_text(conn)?;
        self.commit()?;
        steps.step("full-text indexes");
        self.internal(deadline);
        if request.vacuum {
            self.step("VACUUM")?;
        }
        steps.step("free pages");
        self.link.interrupt.begin_work(Instant::now() + READERS);
        let cut = self.checkpoint_if_named("TRUNCATE")?;
        steps.step("log");
        Ok((redacted, cut.is_cut()))
    }

    /// The keys of the rows that are meant, as events hold them.
    fn keys_of(&self, request: &RedactRequest) -> Result<Vec<Stored>> {
        let catalog = self.catalog().get();
        let table = catalog.table(&request.redaction.table)?;
        let conn = &self.link.conn;
        let all = match &request.rows {
            RedactedRows::Key(values) => {
                let columns = table.key_columns();
                let stored = columns.map(|column| {
                    let value = value_of(values, table, &column.name)?;
                    let of = ColumnRef {
                        table: &table.name,
                        column: &column.name,
                    };
                    let encoded = encode(value, column.column_type, &of)?;
                    conn.query_row("SELECT ?1", [encoded], |row| row.get(0))
                        .map_err(sqlite_error::map)
                });
                vec![stored.collect::<Result<Vec<Stored>>>()?]
            }
            RedactedRows::Where(filter) => {
                let columns = table.key_columns();
                let read = Read::Select(Select {
                    table: Name::from(table.name.as_str()),
                    columns: Some(columns.map(|c| Name::from(c.name.as_str())).collect()),
                    filter: filter.clone(),
                    ..Select::default()
                });
                let mut keys = Keys::default();
                self.executor().read(&read, &mut keys, &mut |_| Ok(()))?;
                keys.0
            }
        };
        self.link.gate.set(Access::Internal);
        let keys = all
            .iter()
            .map(|key| journal::key_of_values(conn, table, key));
        keys.collect()
    }
}

/// The value that a key has for a column.
fn value_of<'k>(key: &'k KeyValue, table: &Table, column: &str) -> Result<&'k Value> {
    let width = table.primary_key.len();
    let found = match key {
        KeyValue::Single(value) => (width == 1).then_some(value),
        KeyValue::Columns(pairs) => {
            let mut pairs = pairs.iter().filter(|_| pairs.len() == width);
            let found = pairs.find(|(name, _)| name.as_str().eq_ignore_ascii_case(column));
            found.map(|(_, value)| value)
        }
    };
    found.ok_or_else(|| {
        let columns = table.key_columns().map(|column| column.name.clone());
        let columns: Vec<String> = columns.collect();
        let message = format!(
            "the primary key of {:?} is {}: give a value for each of its columns",
            table.name,
            columns.join(", ")
        );
        Error::new(Code::InvalidQuery, message)
            .with("table", &*table.name)
            .with("columns", columns)
    })
}

struct Steps<'a> {
    reply: &'a mut Reply,
    done: u64,
}

impl Steps<'_> {
    fn step(&mut self, label: &str) {
        self.done += 1;
        self.reply.progress(Progress {
            phase: "redact",
            label: label.to_owned(),
            done: self.done,
            total: 4,
            estimate: None,
        });
    }
}
