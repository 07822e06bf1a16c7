//! The tables of a database, as SQLite itself describes them.

mod introspect;
mod table;

pub use introspect::Catalog;
pub use table::{Column, Table};
