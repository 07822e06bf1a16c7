//! What a host asks about tables: whether they are as it wants them, and to make them so.

use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::Connection;

use crate::database::Database;
use crate::error::{Code, Error, Result};
use crate::reader::pool::Lease;
use crate::reader::{self, pool::Reader};
use crate::request::{Responder, Submitted};
use crate::schema::{self, Difference, TableSpec};
use crate::service::deadline::CallDeadline;
use crate::service::wait_queue::{Notify, WaitId};
use crate::sqlite::authorizer::Access;
use crate::sqlite::sqlite_error;
use crate::writer::work::Work;

/// What came of looking at a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Looked {
    /// What keeps it from being as it should be.
    Done(Vec<Difference>),
    /// All readers are lent; the notification is called when one comes back.
    NoReader(WaitId),
}

/// What came of asking for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// Nothing is missing; the responder is not called.
    Complete,
    /// It was handed to the writer, as far as its queue had room.
    Submitted(Submitted),
}

impl Database {
    /// What keeps a table from being as it should be. Takes as long as a few reads of the
    /// schema, maybe also the opening of a reader.
    ///
    /// # Errors
    /// Those of [`schema::differences`], `timeout`, `cancelled`, `closed`.
    pub fn differences(
        &self,
        spec: &TableSpec,
        deadline: Instant,
        cancelled: Arc<AtomicBool>,
        on_reader_free: &mut dyn FnMut() -> Notify,
    ) -> Result<Looked> {
        self.check_open()?;
        loop {
            let mut reader = match self.pool().lend(true, on_reader_free)? {
                Lease::Ready(reader) => reader,
                Lease::NeedsTime => return Err(Error::new(Code::Internal, "no reader was opened")),
                Lease::Waiting(id) => return Ok(Looked::NoReader(id)),
            };
            let generation = reader.generation();
            let result = look(&mut reader, spec, deadline, Arc::clone(&cancelled));
            self.pool().put_back(reader);
            match result {
                // It was stopped because its files were replaced: in the new ones, then.
                Err(error)
                    if error.code() == Code::Closed && self.pool().is_outdated(generation) => {}
                result => return result.map(Looked::Done),
            }
        }
    }

    /// Says what the columns of a table hold. It counts for those whose declared types do not
    /// name, as in tables of other programs, and that can hold it; until the database closes.
    ///
    /// # Errors
    /// `invalid_option` for a specification that is none.
    pub fn read_as(&self, spec: &TableSpec) -> Result<()> {
        spec.validate_columns()?;
        self.check_open()?;
        self.catalog().read_as(&spec.table, spec.types_by_column());
        Ok(())
    }

    /// Makes a table, or adds the columns and indexes that it lacks. Drops and changes
    /// nothing. When nothing is missing, nothing is written and the call does not wait for the writer.
    ///
    /// # Errors
    /// Those of [`schema::ensure`] that show before the writer is asked, `closed`; others go to
    /// the responder.
    pub fn ensure_table(
        &self,
        spec: TableSpec,
        deadline: impl Into<CallDeadline>,
        reply: Box<dyn Responder>,
        on_room: &mut dyn FnMut() -> Notify,
    ) -> Result<Ensured> {
        spec.validate()?;
        let deadline = deadline.into();
        if self.is_complete(&spec, deadline.at)? {
            return Ok(Ensured::Complete);
        }
        let work = Work::Ensure(Box::new(spec));
        let submitted = self.queue().push(work, deadline, reply, Some(on_room))?;
        Ok(Ensured::Submitted(submitted))
    }

    /// Whether nothing is missing, as far as a free reader can find out. A table that is
    /// not in the catalog is likely a new one: no reader is opened for it.
    fn is_complete(&self, spec: &TableSpec, deadline: Instant) -> Result<bool> {
        if self.tables().table(&spec.table).is_err() {
            return Ok(false);
        }
        let in_vain = &mut || -> Notify { Box::new(|| {}) };
        match self.differences(spec, deadline, Arc::default(), in_vain)? {
            Looked::Done(found) => schema::is_complete(spec, &found),
            Looked::NoReader(id) => {
                self.pool().give_up(id);
                Ok(false)
            }
        }
    }
}

fn look(
    reader: &mut Reader,
    spec: &TableSpec,
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
) -> Result<Vec<Difference>> {
    reader::limit_length(reader, false)?;
    let link = &reader.link;
    link.interrupt.begin(deadline, Some(cancelled));
    link.gate.set(Access::Internal);
    let found = in_snapshot(&link.conn, |conn| schema::differences(conn, spec));
    link.gate.set(Access::Query);
    found.map_err(|error| sqlite_error::refine(&link.conn, link.interrupt.explain(error)))
}

/// Runs several reads that see the same moment.
fn in_snapshot<T>(conn: &Connection, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let snapshot = conn.unchecked_transaction().map_err(sqlite_error::map)?;
    let result = read(&snapshot);
    snapshot.rollback().map_err(sqlite_error::map)?;
    result
}
