//! What a value is when it is read, and the columns of what is read.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::column_type::ColumnType;
use super::types::{Date, DateTime, Time};

/// A value as it is read, borrowed from SQLite's own buffers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoded<'a> {
    /// Null.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// Text. What another program wrote may not be UTF-8; it is passed on as it is.
    Text(&'a [u8]),
    /// A blob.
    Blob(&'a [u8]),
    /// An exact decimal number, e.g. `-12.30`.
    Decimal(&'a str),
    /// An instant in UTC.
    DateTime(DateTime),
    /// A date and time without a zone.
    NaiveDateTime(DateTime),
    /// A date.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// JSON text.
    Json(&'a str),
    /// A term in the External Term Format.
    Term(&'a [u8]),
    /// A list of values, for [`decode_list`](super::decode_list).
    List(&'a [u8]),
    /// A row's values, or its key, as an event of the journal holds them.
    Record(Record<'a>),
}

/// A column of a result.
#[derive(Clone, Debug)]
pub struct OutputColumn {
    /// The name it has in a row.
    pub name: String,
    /// The table it comes from, empty for a computed one.
    pub table: String,
    /// How its values are read.
    pub column_type: ColumnType,
    /// Whether each of its values is a list of such.
    pub list: bool,
    /// Whether it is a part of its table's primary key.
    pub in_key: bool,
    /// Of which tables its values hold rows, in the journal.
    pub records: Option<Arc<Records>>,
    /// A place where a host may keep what it makes of the name (an atom). The engine never looks.
    pub tag: Arc<OnceLock<usize>>,
}

impl OutputColumn {
    /// A column whose tag is still empty.
    pub fn new(
        name: impl Into<String>,
        table: impl Into<String>,
        column_type: ColumnType,
    ) -> OutputColumn {
        OutputColumn {
            name: name.into(),
            table: table.into(),
            column_type,
            list: false,
            in_key: false,
            records: None,
            tag: Arc::default(),
        }
    }
}

/// What a column of an event holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The values of columns.
    Row,
    /// The value of a primary key, or the values of one of several columns.
    Key,
}

/// A table whose rows are in events.
#[derive(Clone, Debug)]
pub(crate) struct RecordTable {
    /// Its columns.
    pub(crate) columns: Arc<[OutputColumn]>,
    /// Those of its primary key, in the key's order.
    pub(crate) key: Vec<OutputColumn>,
}

/// The tables of which a column of events holds rows or keys.
#[derive(Debug)]
pub struct Records {
    pub(super) tables: Arc<HashMap<String, RecordTable>>,
    /// Where an event has the name of its table.
    pub(super) table_at: usize,
    pub(super) holds: Holds,
}

/// The values of columns, or of a key, as an event holds them.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub(super) text: &'a str,
    pub(super) columns: &'a [OutputColumn],
    pub(super) holds: Holds,
}

impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.text, self.holds) == (other.text, other.holds)
    }
}
