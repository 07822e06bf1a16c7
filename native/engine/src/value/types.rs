//! What a value is as a host gives it, before it is stored. What it is when it is read: `decoded.rs`.

use super::name::Name;

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
