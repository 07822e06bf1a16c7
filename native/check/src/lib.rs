//! A disk that fails on demand, for crash tests of the engine.
//!
//! [`Disk::watch`] makes a thin layer over SQLite's own VFS (<https://sqlite.org/vfs.html>) the
//! default of the process, so that what is tested needs no change. The layer passes everything
//! on, locks and the log's shared index included, and records what is written to one database
//! and its log, and what of it was synced. It can cut the power, or fail a write, a sync or a
//! truncation. Other databases of the process are left alone.

mod disk;
mod image;
mod vfs;

pub use disk::{Disk, Event, Fault};
pub use image::Kept;
