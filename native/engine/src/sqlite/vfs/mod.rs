//! Layers over SQLite's access to files (<https://sqlite.org/vfs.html>): locks that hold inside of
//! one process, too (`file_locks`), and for the writing connection the joined writes of a commit
//! (`joined_writes`), the early write-back of a long one (`write_behind`) and a handle by which
//! another thread syncs the log (`log_file`).
//!
//! `connection` opens files through it, `service::durability` syncs the log. It knows `error` alone.

pub(crate) mod file_locks;
pub(crate) mod joined_writes;
pub(crate) mod log_file;
pub(crate) mod write_behind;
