//! The options of a database: one list that validates them, names the nearest known one,
//! and that the documentation is written from.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::error::{nearest, Code, Error, Result};

/// How hard a commit is synced (<https://sqlite.org/pragma.html#pragma_synchronous>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// Never waits. A power loss may damage the file.
    Off,
    /// Waits at checkpoints. A power loss may lose the latest commits, not damage the file.
    Normal,
    /// Every commit is synced before it is acknowledged. The default.
    Full,
    /// As full, and the folder is synced too.
    Extra,
}

/// Where SQLite keeps temporary tables and indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TempStore {
    /// As compiled: in files.
    Default,
    /// In files.
    File,
    /// In memory.
    Memory,
}

/// The validated options of one database.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file, or `None` for `:memory:`.
    pub database: Option<PathBuf>,
    /// How hard a commit is synced.
    pub synchronous: Synchronous,
    /// The greatest number of reading connections.
    pub readers: usize,
    /// The default deadline of a call, waiting included.
    pub busy_timeout: Duration,
    /// How long a transaction may hold the writer.
    pub transaction_timeout: Duration,
    /// Page cache of each connection: pages, or KiB when negative.
    pub cache_size: i64,
    /// How many writes may wait.
    pub queue_limit: usize,
    /// How many writes one commit may take.
    pub max_batch: usize,
    /// Prepared statements kept by each connection.
    pub statement_cache_size: usize,
    /// Bytes that the write-ahead log may have while writes never pause; `None` leaves it to
    /// another program.
    pub log_size_limit: Option<u64>,
    /// Pages of write-ahead log that start a checkpoint when no write waits.
    pub wal_autocheckpoint: u32,
    /// Bytes that the write-ahead log keeps after a checkpoint.
    pub journal_size_limit: i64,
    /// Bytes of the file that are mapped into memory.
    pub mmap_size: i64,
    /// Where temporary tables go.
    pub temp_store: TempStore,
    /// A read reports nothing that a power loss could take away.
    pub durable_reads: bool,
    /// Nothing may be written.
    pub read_only: bool,
    /// The file is created when it is not there.
    pub create: bool,
    /// The folder of the migrations.
    pub migrations: Option<PathBuf>,
    /// The host has a decimal type.
    pub decimal: bool,
}

/// A deadline that never comes, as far as a call is concerned.
pub const INFINITY: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The default of `wal_autocheckpoint`, SQLite's own.
const AUTOCHECKPOINT: u32 = 1_000;
/// The log may have this many times the size at which it is checkpointed when no write waits. At four
/// times, copying pages that will be written again took a third of the writer's time.
const WHILE_WRITING: u64 = 24;
/// Bytes of a page of the usual size in the log.
const USUAL_FRAME: u64 = 4_096 + 24;
/// The least of `log_size_limit`: a log of 15 pages.
const LEAST_LOG: i64 = 65_536;

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Config {
            database: None,
            synchronous: Synchronous::Full,
            readers: (2 * cores).clamp(4, 64),
            busy_timeout: Duration::from_millis(15_000),
            transaction_timeout: Duration::from_millis(15_000),
            cache_size: -16_000,
            queue_limit: 10_000,
            max_batch: 1_000,
            statement_cache_size: 200,
            log_size_limit: Some(100_000_000),
            wal_autocheckpoint: AUTOCHECKPOINT,
            journal_size_limit: 128 * 1024 * 1024,
            mmap_size: 0,
            temp_store: TempStore::Default,
            durable_reads: true,
            read_only: false,
            create: true,
            migrations: None,
            decimal: false,
        }
    }
}

impl Config {
    /// The name of every option.
    pub const NAMES: &'static [&'static str] = &[
        "database",
        "synchronous",
        "readers",
        "busy_timeout",
        "transaction_timeout",
        "cache_size",
        "queue_limit",
        "max_batch",
        "statement_cache_size",
        "log_size_limit",
        "wal_autocheckpoint",
        "journal_size_limit",
        "mmap_size",
        "temp_store",
        "durable_reads",
        "read_only",
        "create",
        "migrations",
        "decimal",
    ];

    /// Validates options. `database` is required.
    ///
    /// # Errors
    /// `invalid_option`, naming the option, what it takes, and for an unknown one the nearest.
    pub fn from_options(options: Map<String, Json>) -> Result<Config> {
        let mut config = Config::default();
        let given = |name| options.contains_key(name);
        let has_database = given("database");
        let (limit, pages) = (given("log_size_limit"), given("wal_autocheckpoint"));
        for (name, value) in &options {
            config.set(name, value)?;
        }
        // Of one the other follows.
        match (limit, config.log_size_limit, pages) {
            (true, Some(bytes), false) => {
                let pages = bytes / USUAL_FRAME / WHILE_WRITING;
                let pages = u32::try_from(pages).unwrap_or(AUTOCHECKPOINT);
                config.wal_autocheckpoint = pages.clamp(1, AUTOCHECKPOINT);
            }
            (false, _, true) => {
                let pages = u64::from(config.wal_autocheckpoint);
                config.log_size_limit = Some(pages * USUAL_FRAME * WHILE_WRITING);
            }
            _ => {}
        }
        if !has_database {
            return Err(Error::new(
                Code::InvalidOption,
                "the option database: is missing; give the path of the file, or \":memory:\"",
            )
            .with("option", "database"));
        }
        if config.read_only && config.database.is_none() {
            return Err(Error::new(
                Code::InvalidOption,
                "the option read_only: takes a file: a database in memory is empty when it opens",
            )
            .with("option", "read_only"));
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, value: &Json) -> Result<()> {
        let option = OptionValue { name, value };
        match name {
            "database" => self.database = option.database()?,
            "synchronous" => self.synchronous = option.choice(SYNCHRONOUS)?,
            "readers" => self.readers = option.count(1, 1_000)?,
            "busy_timeout" => self.busy_timeout = option.timeout()?,
            "transaction_timeout" => self.transaction_timeout = option.timeout()?,
            "cache_size" => self.cache_size = option.integer(-(1 << 31), 1 << 31)?,
            "queue_limit" => self.queue_limit = option.count(1, 10_000_000)?,
            "max_batch" => self.max_batch = option.count(1, 1_000_000)?,
            "statement_cache_size" => self.statement_cache_size = option.count(1, 100_000)?,
            "log_size_limit" => self.log_size_limit = option.bytes_or_infinity(LEAST_LOG)?,
            "wal_autocheckpoint" => {
                self.wal_autocheckpoint =
                    u32::try_from(option.integer(1, 1 << 31)?).unwrap_or(u32::MAX);
            }
            "journal_size_limit" => self.journal_size_limit = option.integer(-1, i64::MAX)?,
            "mmap_size" => self.mmap_size = option.integer(0, i64::MAX)?,
            "temp_store" => self.temp_store = option.choice(TEMP_STORE)?,
            "durable_reads" => self.durable_reads = option.boolean()?,
            "read_only" => self.read_only = option.boolean()?,
            "create" => self.create = option.boolean()?,
            "migrations" => self.migrations = option.path()?,
            "decimal" => self.decimal = option.boolean()?,
            _ => return Err(unknown_option(name, Self::NAMES)),
        }
        Ok(())
    }

    /// The options as they hold, under the names of [`Config::NAMES`].
    pub fn to_options(&self) -> Map<String, Json> {
        let path = |path: &PathBuf| Json::from(path.to_string_lossy().into_owned());
        let millis = |time: Duration| match time {
            INFINITY => Json::from("infinity"),
            time => Json::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        };
        let pairs: [(&str, Json); 19] = [
            (
                "database",
                self.database
                    .as_ref()
                    .map_or_else(|| Json::from(":memory:"), path),
            ),
            ("synchronous", name_of(self.synchronous, SYNCHRONOUS)),
            ("readers", Json::from(self.readers)),
            ("busy_timeout", millis(self.busy_timeout)),
            ("transaction_timeout", millis(self.transaction_timeout)),
            ("cache_size", Json::from(self.cache_size)),
            ("queue_limit", Json::from(self.queue_limit)),
            ("max_batch", Json::from(self.max_batch)),
            (
                "statement_cache_size",
                Json::from(self.statement_cache_size),
            ),
            (
                "log_size_limit",
                self.log_size_limit
                    .map_or_else(|| Json::from("infinity"), Json::from),
            ),
            ("wal_autocheckpoint", Json::from(self.wal_autocheckpoint)),
            ("journal_size_limit", Json::from(self.journal_size_limit)),
            ("mmap_size", Json::from(self.mmap_size)),
            ("temp_store", name_of(self.temp_store, TEMP_STORE)),
            ("durable_reads", Json::from(self.durable_reads)),
            ("read_only", Json::from(self.read_only)),
            ("create", Json::from(self.create)),
            (
                "migrations",
                self.migrations.as_ref().map_or(Json::Null, path),
            ),
            ("decimal", Json::from(self.decimal)),
        ];
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

const SYNCHRONOUS: &[(&str, Synchronous)] = &[
    ("full", Synchronous::Full),
    ("normal", Synchronous::Normal),
    ("extra", Synchronous::Extra),
    ("off", Synchronous::Off),
];

const TEMP_STORE: &[(&str, TempStore)] = &[
    ("default", TempStore::Default),
    ("file", TempStore::File),
    ("memory", TempStore::Memory),
];

fn name_of<T: PartialEq>(value: T, choices: &[(&'static str, T)]) -> Json {
    choices
        .iter()
        .find(|(_, v)| *v == value)
        .map_or(Json::Null, |(name, _)| Json::from(*name))
}

/// The error for a name that is no option, with the nearest that is.
pub fn unknown_option(name: &str, known: &[&str]) -> Error {
    let list = known.join(", ");
    match nearest(name, known.iter().copied()) {
        Some(near) => Error::new(
            Code::InvalidOption,
            format!("unknown option {name}: did you mean {near}:? The options are {list}"),
        )
        .with("nearest", near),
        None => Error::new(
            Code::InvalidOption,
            format!("unknown option {name}: the options are {list}"),
        ),
    }
    .with("option", name)
}

struct OptionValue<'a> {
    name: &'a str,
    value: &'a Json,
}

impl OptionValue<'_> {
    fn wrong(&self, expected: &str) -> Error {
        let mut shown: String = self.value.to_string().chars().take(60).collect();
        if shown.is_empty() {
            shown.push_str("nothing");
        }
        Error::new(
            Code::InvalidOption,
            format!("the option {}: takes {expected}, not {shown}", self.name),
        )
        .with("option", self.name)
        .with("expected", expected)
        .with("value", shown)
    }

    fn database(&self) -> Result<Option<PathBuf>> {
        match self.value.as_str() {
            Some(":memory:") => Ok(None),
            Some(path) if !path.is_empty() && !path.contains('\0') => Ok(Some(PathBuf::from(path))),
            _ => Err(self.wrong("the path of a file, or \":memory:\"")),
        }
    }

    fn path(&self) -> Result<Option<PathBuf>> {
        match self.value {
            Json::Null => Ok(None),
            Json::String(path) if !path.is_empty() && !path.contains('\0') => {
                Ok(Some(PathBuf::from(path)))
            }
            _ => Err(self.wrong("the path of a folder")),
        }
    }

    fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T> {
        let text = self.value.as_str().unwrap_or_default();
        choices
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let names: Vec<String> =
                    choices.iter().map(|(name, _)| format!(":{name}")).collect();
                let error = self.wrong(&format!("one of {}", names.join(", ")));
                match nearest(text, choices.iter().map(|(name, _)| *name)) {
                    Some(near) => error.with("nearest", near),
                    None => error,
                }
            })
    }

    fn integer(&self, least: i64, greatest: i64) -> Result<i64> {
        self.value
            .as_i64()
            .filter(|n| (least..=greatest).contains(n))
            .ok_or_else(|| self.wrong(&format!("an integer from {least} to {greatest}")))
    }

    fn count(&self, least: i64, greatest: i64) -> Result<usize> {
        let n = self.integer(least, greatest)?;
        usize::try_from(n).map_err(|_| self.wrong("a positive integer"))
    }

    fn bytes_or_infinity(&self, least: i64) -> Result<Option<u64>> {
        if self.value.as_str() == Some("infinity") {
            return Ok(None);
        }
        match self.value.as_i64() {
            Some(bytes) if bytes >= least => Ok(u64::try_from(bytes).ok()),
            _ => Err(self.wrong(&format!(
                "bytes, at least {least}, or :infinity, which leaves the log to another program"
            ))),
        }
    }

    fn timeout(&self) -> Result<Duration> {
        if self.value.as_str() == Some("infinity") {
            return Ok(INFINITY);
        }
        match self.value.as_u64() {
            Some(ms) if ms > 0 => Ok(Duration::from_millis(ms).min(INFINITY)),
            _ => Err(self.wrong("a positive number of milliseconds, or :infinity")),
        }
    }

    fn boolean(&self) -> Result<bool> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }
}

#[cfg(test)]
mod tests;
