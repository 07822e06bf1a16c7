//! The tables of a database as they are: what SQLite says of them (`introspect`, `existing`,
//! `triggers`), what hosts say of their columns (`readings`), what looks at their rows have found
//! (`forms`), how they are journaled (`journal_spec`), and the copy of it that connections share
//! (`shared_catalog`).
//!
//! `query`, `journal` and `schema` are built on it; it knows `value`, `sqlite` and `error`.
//! What an application wants its tables to be is in `schema`.

mod equal_nulls;
mod existing;
mod fit;
mod format;
mod forms;
mod introspect;
mod journal_spec;
mod readings;
mod schema_text;
pub(crate) mod shared_catalog;
mod table;
mod triggers;

pub(crate) use existing::{
    columns_of_index, owner_of_name, unique_keys, Existing, ExistingForeignKey, ExistingIndex,
};
pub(crate) use fit::fits;
pub(crate) use format::has_table;
pub use format::{format_of, FORMAT};
pub use forms::KnownForms;
pub(crate) use introspect::load_table;
pub use introspect::Catalog;
pub(crate) use journal_spec::{is_journal_trigger, JOURNAL_TRIGGER};
pub use journal_spec::{EventOn, JournalEvent, JournalSpec, Subject};
pub use readings::{ReadTypes, Readings};
pub(crate) use table::{quoted, shortened, with_nearest};
pub use table::{Column, Form, Table};
