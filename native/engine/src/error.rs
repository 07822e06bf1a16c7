//! The one error type of the engine: a stable code, a message that says what to do,
//! and details that a program can match on.

pub(crate) mod io_error;
mod nearest;

use std::fmt;

pub use nearest::nearest;

/// The result of every fallible function of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $retryable:literal;)*) => {
        /// What went wrong, as a program matches on it. The text of a code never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable text of the code, e.g. `"unique_violation"`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// Whether the same call may succeed later without any change by the caller.
            pub fn retryable(self) -> bool {
                match self { $(Code::$name => $retryable,)* }
            }
        }
    };
}

codes! {
    /// An unknown option, or an option with a value it cannot take.
    InvalidOption = "invalid_option", false;
    /// A query that has no meaning: a malformed condition, a cursor that does not fit, …
    InvalidQuery = "invalid_query", false;
    /// A value that its column type cannot hold, or one outside the type's range.
    InvalidValue = "invalid_value", false;
    /// A stored value that its declared column type cannot be read as.
    InvalidStoredValue = "invalid_stored_value", false;
    /// The table is not in the database.
    UnknownTable = "unknown_table", false;
    /// The column is not in the table.
    UnknownColumn = "unknown_column", false;
    /// The table is not as it is asked for, and cannot be made so by adding to it.
    SchemaMismatch = "schema_mismatch", false;
    /// A NOT NULL column would have been null.
    NotNullViolation = "not_null_violation", false;
    /// A UNIQUE or PRIMARY KEY constraint would have been violated.
    UniqueViolation = "unique_violation", false;
    /// A CHECK constraint would have been violated.
    CheckViolation = "check_violation", false;
    /// A FOREIGN KEY constraint would have been violated.
    ForeignKeyViolation = "foreign_key_violation", false;
    /// A trigger raised, or another constraint was violated.
    ConstraintViolation = "constraint_violation", false;
    /// The row to update or delete is not there.
    NotFound = "not_found", false;
    /// The deadline passed while the call waited or ran. Nothing of it was kept.
    Timeout = "timeout", true;
    /// The write queue stayed full until the deadline.
    QueueFull = "queue_full", true;
    /// Another operating system process held the file's lock until the deadline.
    Busy = "busy", true;
    /// The caller died, or the call was cancelled.
    Cancelled = "cancelled", true;
    /// The transaction overstayed its deadline and was rolled back.
    TransactionTimeout = "transaction_timeout", true;
    /// The transaction is over: committed, rolled back or lost to an earlier error.
    TransactionClosed = "transaction_closed", false;
    /// The database is closed, or its handle is of another time.
    Closed = "closed", false;
    /// The path cannot be opened: a directory, no such folder, no rights, …
    CannotOpen = "cannot_open", false;
    /// The file is no SQLite database, or an encrypted one.
    NotADatabase = "not_a_database", false;
    /// The file was written by a newer SQLite or a newer release of this library.
    NewerFormat = "newer_format", false;
    /// The file is damaged.
    Corrupt = "corrupt", false;
    /// Another program deleted or replaced the open file or its log. What was being written is
    /// not acknowledged; the file is opened again.
    FileReplaced = "file_replaced", true;
    /// The native code was replaced by a newer build meanwhile, and what was open in the older one,
    /// such as a transaction, was rolled back.
    CodeReplaced = "code_replaced", true;
    /// The disk or the quota is full. What was acknowledged is safe.
    DiskFull = "disk_full", true;
    /// The operating system failed to read or write.
    IoError = "io_error", true;
    /// The database or its file is read-only.
    ReadOnly = "read_only", false;
    /// A value or a row is larger than SQLite's limit (1,000,000,000 bytes).
    TooBig = "too_big", false;
    /// The statement is not allowed here, e.g. ATTACH, or a write in `query`.
    NotAllowed = "not_allowed", false;
    /// SQL that SQLite cannot parse.
    SqlSyntax = "sql_syntax", false;
    /// A migration file or the ledger is not as it must be.
    InvalidMigration = "invalid_migration", false;
    /// A migration's SQL failed. It was rolled back whole.
    MigrationFailed = "migration_failed", false;
    /// The destination of a backup exists, or its source is not fit to restore.
    InvalidBackup = "invalid_backup", false;
    /// The database, or the table, has no journal.
    NotJournaled = "not_journaled", false;
    /// A source is not at the position that a write expected. Nothing of it was written.
    PositionConflict = "position_conflict", false;
    /// No event has this source.
    UnknownSource = "unknown_source", false;
    /// A position or a seq that the journal has not reached yet.
    PositionAhead = "position_ahead", false;
    /// The events that are asked for were removed by retention.
    Outdated = "outdated", false;
    /// A cursor of another database, or of the time before a restore.
    OtherJournal = "other_journal", false;
    /// The journal does not agree with its tables, or with itself.
    JournalBroken = "journal_broken", false;
    /// Memory ran out.
    OutOfMemory = "out_of_memory", true;
    /// A fault of this library. Please report it.
    Internal = "internal", false;
}

/// A detail of an error: a scalar, or a list of texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// A text, such as a table's name.
    Text(String),
    /// A number, such as a count or a duration in milliseconds.
    Integer(i64),
    /// A list of texts, such as the columns of a constraint.
    List(Vec<String>),
    /// Whether something is so.
    Boolean(bool),
}

impl From<&str> for Detail {
    fn from(value: &str) -> Self {
        Detail::Text(value.to_owned())
    }
}
impl From<String> for Detail {
    fn from(value: String) -> Self {
        Detail::Text(value)
    }
}
impl From<i64> for Detail {
    fn from(value: i64) -> Self {
        Detail::Integer(value)
    }
}
impl From<bool> for Detail {
    fn from(value: bool) -> Self {
        Detail::Boolean(value)
    }
}
impl From<usize> for Detail {
    fn from(value: usize) -> Self {
        Detail::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}
impl From<Vec<String>> for Detail {
    fn from(value: Vec<String>) -> Self {
        Detail::List(value)
    }
}

/// Every key that `Error::details` may hold, so that a host can intern them.
pub const DETAIL_KEYS: &[&str] = &[
    "table",
    "column",
    "columns",
    "constraint",
    "side",
    "option",
    "nearest",
    "expected",
    "fragment",
    "value",
    "path",
    "sql",
    "offset",
    "version",
    "name",
    "line",
    "waited_ms",
    "deadline_ms",
    "held_ms",
    "holder",
    "waiting",
    "queue_limit",
    "sqlite_code",
    "os_error",
    "allowed",
    "problems",
    "index",
    "key",
    "atom",
    "row",
    "maybe_written",
    "source",
    "position",
    "seq",
    "oldest",
];

/// An error of the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    code: Code,
    message: String,
    details: Vec<(&'static str, Detail)>,
}

impl Error {
    /// An error of the given code, with a message that says what to do.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error {
            inner: Box::new(Inner {
                code,
                message: message.into(),
                details: Vec::new(),
            }),
        }
    }

    /// The same error with one more detail. `key` is one of [`DETAIL_KEYS`].
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Detail>) -> Self {
        debug_assert!(DETAIL_KEYS.contains(&key), "unlisted detail {key}");
        self.inner.details.push((key, value.into()));
        self
    }

    /// The same error with a detail of another one, unless it has that detail already.
    #[must_use]
    pub fn with_detail(mut self, key: &'static str, value: &Detail) -> Self {
        if self.detail(key).is_none() {
            self.inner.details.push((key, value.clone()));
        }
        self
    }

    /// The same error with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.inner.message = message.into();
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.inner.code
    }

    /// The message, in one or two sentences.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The details, in the order they were added.
    pub fn details(&self) -> &[(&'static str, Detail)] {
        &self.inner.details
    }

    /// One detail by its key.
    pub fn detail(&self, key: &str) -> Option<&Detail> {
        self.inner
            .details
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, v)| v)
    }

    /// Whether the same call may succeed later without any change by the caller. Not that of a
    /// write that may have been made: to make it again is not the same.
    pub fn retryable(&self) -> bool {
        let written = self.detail("maybe_written") == Some(&Detail::Boolean(true));
        self.inner.code.retryable() && !written
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.code.as_str(), self.inner.message)
    }
}

impl std::error::Error for Error {}
