//! What a value is before it is stored, while it is stored, and after it is read.

use std::sync::{Arc, OnceLock};

use super::name::Name;
use super::record::{Record, Records};

/// A value as a host gives it, before its column's type is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer of 64 bits.
    Integer(i64),
    /// An integer outside 64 bits, in decimal digits. Only a DECIMAL_TEXT column can hold it.
    BigInteger(String),
    /// A floating point number. NaN and infinities are refused.
    Real(f64),
    /// Bytes: text where the column holds text (UTF-8 is checked), else a blob.
    Bytes(Vec<u8>),
    /// A symbol (an Elixir atom): its name where the column holds text.
    Symbol(Name),
    /// An exact decimal number: (-1)^negative * coefficient * 10^exponent.
    Decimal {
        /// Whether it is below zero (or minus zero).
        negative: bool,
        /// The digits of the coefficient.
        coefficient: String,
        /// The power of ten.
        exponent: i64,
    },
    /// An instant: date and time in UTC.
    DateTime(DateTime),
    /// A date and time without a zone.
    NaiveDateTime(DateTime),
    /// A date of the proleptic Gregorian calendar.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A map or list that its JSON text gives back exactly.
    Json(String),
    /// A map, list or other term in the External Term Format, because JSON would not give it back.
    Term(Vec<u8>),
    /// A value of a kind that no column holds, with the kind's name for the message.
    Unsupported(&'static str),
}

/// A date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 0 to 9999; anything else is refused when stored.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A time of day with the precision that its host keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub microsecond: u32,
    /// The digits of the fraction that count, 0 to 6.
    pub precision: u8,
}

/// A date with a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime {
    /// The date.
    pub date: Date,
    /// The time of day.
    pub time: Time,
}

/// The type of a column, from its declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `TEXT` and SQLite's other text types.
    Text,
    /// `UUID_TEXT`: 36 lower-case characters.
    Uuid,
    /// `INTEGER` and SQLite's other integer types.
    Integer,
    /// `REAL`, `FLOAT`, `DOUBLE`.
    Real,
    /// `DECIMAL_TEXT`: an exact decimal number.
    Decimal,
    /// `BOOLEAN_INT`, `BOOLEAN`: 0 or 1.
    Boolean,
    /// `DATETIME_TEXT`: UTC, whole seconds, `2026-01-02T03:04:05Z`.
    DateTime,
    /// `DATETIME_USEC_TEXT`: UTC, microseconds, `2026-01-02T03:04:05.000006Z`.
    DateTimeUsec,
    /// `NAIVE_DATETIME_TEXT`: `2026-01-02T03:04:05`.
    NaiveDateTime,
    /// `NAIVE_DATETIME_USEC_TEXT`: `2026-01-02T03:04:05.000006`.
    NaiveDateTimeUsec,
    /// `DATE_TEXT`: `2026-01-02`.
    Date,
    /// `TIME_TEXT`: `03:04:05`.
    Time,
    /// `TIME_USEC_TEXT`: `03:04:05.000006`.
    TimeUsec,
    /// `JSON_TEXT`: JSON, or a BLOB in the External Term Format where JSON is not exact.
    Json,
    /// `BLOB`.
    Blob,
    /// `NUMERIC`, no declared type, or one that is not known: values pass by their storage class.
    Any,
}

impl ColumnType {
    /// Every type.
    pub const ALL: &'static [ColumnType] = &[
        ColumnType::Text,
        ColumnType::Uuid,
        ColumnType::Integer,
        ColumnType::Real,
        ColumnType::Decimal,
        ColumnType::Boolean,
        ColumnType::DateTime,
        ColumnType::DateTimeUsec,
        ColumnType::NaiveDateTime,
        ColumnType::NaiveDateTimeUsec,
        ColumnType::Date,
        ColumnType::Time,
        ColumnType::TimeUsec,
        ColumnType::Json,
        ColumnType::Blob,
        ColumnType::Any,
    ];
}

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
