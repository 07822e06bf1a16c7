//! A SQLite store for hosts with many concurrent callers: one writer thread with group
//! commit, a pool of readers, typed values, a query language, migrations and backups.
//!
//! Nothing here knows the BEAM. A host decodes its own terms into [`query::ir`] and
//! [`Value`], implements [`RowSink`] to build its rows straight from SQLite's buffers and
//! [`Responder`] to be told when a write is durable, and holds a [`Database`].

mod access;
pub mod advice;
pub mod backup;
mod commits;
mod config;
mod connection;
mod constraint;
mod control;
mod database;
mod durability;
pub mod error;
mod execute;
mod file_locks;
mod gathered;
mod header;
mod integrity;
mod io_error;
mod joined_writes;
pub mod journal;
mod line;
mod log_file;
mod memory;
pub mod migration;
mod nearest;
mod not_a_read;
mod opened_files;
pub mod page_cache;
pub mod progress;
pub mod query;
mod reader;
mod reply;
mod request;
mod scans;
pub mod schema;
mod shared_catalog;
mod side_files;
mod side_work;
mod sqlite_error;
pub mod start_thread;
mod stats;
mod tables;
pub mod value;
mod write_behind;
mod writer;

pub use access::{Access, Gate};
pub use config::{unknown_option, Config, Synchronous, TempStore, INFINITY};
pub use database::{Database, Handover};
pub use error::{Code, Detail, Error, Result};
pub use execute::RowSink;
pub use gathered::{GatheredRows, Measure, Storage};
pub use memory::MemoryFolder;
pub use nearest::nearest;
pub use request::{
    CheckpointMode, Finished, Maintenance, Notify, Outcome, Pace, Patience, ReadOutcome,
    RedactRequest, RedactedRows, RequestId, Responder, Submitted, TransactionId, TransactionOp,
    WaitId,
};
pub use scans::ScannedStatement;
pub use stats::Stat;
pub use tables::{Ensured, Looked};
pub use value::{ColumnType, Date, DateTime, Decoded, Name, OutputColumn, Time, Value};
