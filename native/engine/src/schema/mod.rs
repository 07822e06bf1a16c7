//! The tables of a database: as SQLite itself describes them, as an application wants them, and
//! what leads from the one to the other.

mod affinity;
mod condition;
mod ddl;
mod declared;
mod diff;
mod difference;
mod ensure;
mod equal_nulls;
mod existing;
mod fit;
mod forms;
mod introspect;
pub(crate) mod lex;
pub mod one_form;
mod readings;
mod spec;
mod table;
pub(crate) mod tenants;
pub(crate) mod tokens;
mod triggers;
mod unindexed;

pub(crate) use affinity::Affinity;
pub use diff::differences;
pub use difference::{Difference, DifferenceKind};
pub use ensure::{additions, ensure, is_complete};
pub(crate) use existing::{columns_of_index, owner_of_name, unique_keys};
pub(crate) use fit::fits;
pub use forms::KnownForms;
pub(crate) use introspect::load_table;
pub use introspect::Catalog;
pub use readings::{ReadTypes, Readings};
pub(crate) use spec::same;
pub use spec::{
    column_type, CheckSpec, ColumnSpec, Deferrable, ForeignKeyAction, ForeignKeySpec, IndexSpec,
    TableSpec,
};
pub use table::{Column, Form, Table};
pub(crate) use unindexed::{free_index_name, index_statement, quoted_name};
pub use unindexed::{unindexed_keys, UnindexedKey};
