//! A SQLite store for hosts with many concurrent callers: one writer thread with group
//! commit, a pool of readers, typed values, a query language, migrations and backups.
//!
//! Nothing here knows the BEAM. A host decodes its own terms into [`query::ir`] and
//! [`Value`], implements [`RowSink`] to build its rows straight from SQLite's buffers and
//! [`Responder`] to be notified when a write is durable, and holds a [`Database`].

pub mod advice;
pub mod backup;
pub mod catalog;
mod config;
mod connection;
mod database;
pub mod error;
mod execute;
pub mod journal;
pub mod migration;
pub mod query;
mod reader;
mod request;
pub mod schema;
pub mod service;
pub mod sqlite;
pub mod value;
mod writer;

pub use config::{unknown_option, Config, Synchronous, TempStore, INFINITY};
pub use database::{Database, Ensured, Handover, Looked, MemoryFolder};
pub use error::{nearest, Code, Detail, Error, Result};
pub use request::{
    CheckpointMode, Finished, Maintenance, Outcome, Pace, ReadOutcome, RedactRequest, RedactedRows,
    RequestId, Responder, Submitted, TransactionId, TransactionOp,
};
pub use service::deadline::CallDeadline;
pub use service::gathered::{GatheredRows, Measure, Storage};
pub use service::stats::Stat;
pub use service::wait_queue::{Notify, WaitId};
pub use service::RowSink;
pub use sqlite::authorizer::{Access, Gate};
pub use sqlite::scans::ScannedStatement;
pub use value::{ColumnType, Date, DateTime, Decoded, Name, OutputColumn, Time, Value};
