//! What knows SQLite's own interface: the handlers that a connection installs (`authorizer`,
//! `interrupt`), its file formats and files (`header`, `side_files`, `opened_files`, `commits`), its
//! page cache, counters and checks (`page_cache`, `scans`, `integrity`), the words of its SQL (`lex`,
//! `tokens`) and its errors (`sqlite_error`, `not_a_read`).
//!
//! Every module above may use it; it uses `error` and `config` alone. The layer over file access is in
//! `vfs`; `connection` opens connections.

pub(crate) mod authorizer;
pub(crate) mod commits;
pub(crate) mod header;
pub(crate) mod integrity;
pub(crate) mod interrupt;
pub(crate) mod lex;
pub(crate) mod not_a_read;
pub(crate) mod opened_files;
pub mod page_cache;
pub(crate) mod scans;
pub(crate) mod side_files;
pub(crate) mod sqlite_error;
pub(crate) mod tokens;
pub(crate) mod vfs;
