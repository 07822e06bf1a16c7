//! Values and column types, and the only conversion between them and SQLite's storage.

mod column_type;
mod decimal;
mod decode;
mod encode;
mod json;
pub(crate) mod list;
mod name;
mod parse;
mod record;
mod refusal;
mod row;
mod time;
pub(crate) mod time_texts;
mod types;

pub use decode::{decode, decode_list};
pub use encode::{encode, encode_as, encode_untyped, ColumnRef};
pub use name::Name;
pub(crate) use record::RecordTable;
pub use record::{Field, Holds, Record, Records};
pub use row::Row;
pub(crate) use time::format_datetime;
pub use time_texts::TimeFamily;
pub use types::{ColumnType, Date, DateTime, Decoded, OutputColumn, Time, Value};
