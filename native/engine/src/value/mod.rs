//! Values and column types, and the only conversion between them and SQLite's storage.

mod affinity;
mod column_type;
mod decimal;
mod decode;
mod decoded;
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
mod words;

pub(crate) use affinity::Affinity;
pub(crate) use column_type::Order;
pub use column_type::{ColumnType, TimeFamily};
pub use decode::{decode, decode_list};
pub(crate) use decoded::RecordTable;
pub use decoded::{Decoded, Holds, OutputColumn, Record, Records};
pub use encode::{encode, encode_as, encode_untyped};
pub use name::Name;
pub use record::Field;
pub use refusal::ColumnRef;
pub use row::Row;
pub(crate) use time::format_datetime;
pub use types::{Date, DateTime, Time, Value};
pub(crate) use words::words;
