//! A SQLite store for hosts with many concurrent callers: one writer thread with group
//! commit, a pool of readers, typed values, a query language, migrations and backups.
//!
//! Nothing here knows the BEAM. A host decodes its own terms into [`query::ir`] and
//! [`Value`], implements [`RowSink`] to build its rows straight from SQLite's buffers and
//! [`Responder`] to be told when a write is durable, and holds a [`Database`].

pub mod error;
pub mod query;
pub mod schema;
pub mod value;

pub use error::{Code, Detail, Error, Result};
pub use value::{ColumnType, Date, DateTime, Decoded, OutputColumn, Time, Value};
