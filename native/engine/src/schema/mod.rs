//! The tables of a database as an application wants them (`spec`, `condition`), in what they differ
//! from those that are there (`diff`), and the SQL that leads from the one to the other (`ddl`,
//! `ensure`, `tenants`).
//!
//! `migration`, the writer and hosts ask it; it knows `journal`, `query::ir` for conditions, `catalog`
//! and what is below. Tables as they are: `catalog`. Changes by files: `migration`.

mod condition;
mod ddl;
mod declared;
mod diff;
mod difference;
mod ensure;
pub mod one_form;
mod spec;
pub(crate) mod tenants;
mod unindexed;

pub use diff::differences;
pub use difference::{Difference, DifferenceKind};
pub use ensure::{additions, ensure, is_complete};
pub use spec::{
    column_type, CheckSpec, ColumnSpec, Deferrable, ForeignKeyAction, ForeignKeySpec, IndexSpec,
    TableSpec,
};
pub(crate) use unindexed::{free_index_name, index_statement};
pub use unindexed::{unindexed_keys, IndexAdvice, UnindexedKey};
