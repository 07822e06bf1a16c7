//! From one copy of this library to the next, when native code is replaced in a running program.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::{json, Map, Value as Json};

use super::Database;
use crate::catalog::ReadTypes;
use crate::config::Config;
use crate::database::memory::MemoryFolder;
use crate::error::{Code, Error, Result};
use crate::value::ColumnType;

/// What a database is opened again with.
#[derive(Clone, Debug, PartialEq)]
pub struct Handover {
    config: Config,
    memory: Option<PathBuf>,
    read_types: ReadTypes,
}

impl Handover {
    /// As it is passed to another copy of the library.
    ///
    /// ```
    /// use ash_rusqlite_engine::Handover;
    /// let text = r#"{"memory": null, "options": {"database": "a.db"}, "read_types": {}}"#;
    /// let handover = Handover::from_json(&serde_json::from_str(text).unwrap()).unwrap();
    /// assert_eq!(Handover::from_json(&handover.to_json()).unwrap(), handover);
    /// ```
    pub fn to_json(&self) -> Json {
        let types: Map<String, Json> = self
            .read_types
            .iter()
            .map(|(table, columns)| {
                let columns: Map<String, Json> = columns
                    .iter()
                    .map(|(column, column_type)| (column.clone(), column_type.declared().into()))
                    .collect();
                (table.clone(), columns.into())
            })
            .collect();
        json!({
            "options": self.config.to_options(),
            "memory": self.memory,
            "read_types": types,
        })
    }

    /// What another copy of the library has passed.
    ///
    /// # Errors
    /// `invalid_option`, `internal`.
    pub fn from_json(json: &Json) -> Result<Handover> {
        let options = json.get("options").and_then(Json::as_object);
        let config = Config::from_options(options.cloned().ok_or_else(unreadable)?)?;
        let memory = json.get("memory").and_then(Json::as_str).map(PathBuf::from);
        let mut read_types = ReadTypes::default();
        let tables = json.get("read_types").and_then(Json::as_object);
        for (table, columns) in tables.ok_or_else(unreadable)? {
            let columns = columns.as_object().ok_or_else(unreadable)?;
            let types = columns.iter().map(|(column, declared)| {
                let declared = declared.as_str().unwrap_or_default();
                (column.clone(), ColumnType::from_declared(declared))
            });
            read_types.insert(table.clone(), types.collect());
        }
        Ok(Handover {
            config,
            memory,
            read_types,
        })
    }
}

fn unreadable() -> Error {
    Error::new(
        Code::Internal,
        "what the native code before this one handed over cannot be read",
    )
}

/// A commit that takes longer is not waited for where nothing else may wait.
const LONG: Duration = Duration::from_millis(100);

/// The error of work beside the writer that was stopped.
pub(super) fn stopped() -> Error {
    Error::new(
        Code::CodeReplaced,
        "the native code was replaced by a newer build while this ran; run it again",
    )
}

impl Database {
    /// The work on the database as a whole, such as a migration or a vacuum, that has the writer or
    /// waits for it. [`Database::replace`] would finish it first, be it minutes.
    pub fn maintenance(&self) -> Option<&'static str> {
        self.0.shared.queue.maintenance()
    }

    /// Whether the writer is at writes that take long: [`Database::replace`] would finish them first.
    pub fn writes_long(&self) -> bool {
        self.0.shared.queue.commits_for(LONG)
    }

    /// Closes as [`Database::close`] does, for another copy of the library to open it again: a
    /// database in memory keeps its files, and transactions end with `code_replaced`. Only enqueues.
    pub fn replace(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        self.0.pool.stop();
        self.0.shared.queue.replace();
    }

    /// What the other copy opens it with, and the folder of a database in memory, which stays
    /// locked as long as that lives. After [`Database::replace`] and [`Database::join`].
    pub fn hand_over(&self) -> (Handover, Option<MemoryFolder>) {
        let mut folder = self
            .0
            .memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let handover = Handover {
            config: self.config().clone(),
            memory: folder.as_mut().map(MemoryFolder::hand_over),
            read_types: self.read_types(),
        };
        (handover, folder)
    }

    /// Opens what another copy of the library has handed over. `opened` is called with the result.
    ///
    /// # Errors
    /// `cannot_open` when the folder of a database in memory is gone, `internal` when the
    /// operating system refuses a thread.
    pub fn take_over(
        handover: Handover,
        opened: Box<dyn FnOnce(Result<()>) + Send>,
    ) -> Result<Database> {
        let config = handover.config;
        // A file that is gone is not to be replaced by an empty one.
        if let Some(path) = config.database.as_ref().filter(|path| !path.exists()) {
            return Err(
                Error::new(Code::CannotOpen, "the file of the database is gone")
                    .with("path", path.display().to_string()),
            );
        }
        let memory = handover.memory.map(MemoryFolder::take_over).transpose()?;
        Database::start(config, memory, handover.read_types, opened)
    }
}
