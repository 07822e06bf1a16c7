//! Texts of times that have more than one form: how they compare, which of them have the form
//! that we write, and what bounds the texts of a time have in an index.
//!
//! Other programs write `2026-01-02 03:04:05` (SQLite's CURRENT_TIMESTAMP), `…+02:00`, or
//! fractions of other widths. They are read as times, so they compare as times.

use std::cmp::Ordering;

use super::column_type::{ColumnType, TimeFamily};
use super::parse::{self, day_after, day_before};
use super::time::{check_date, format_date, format_datetime, format_time};
use super::types::{Date, DateTime, Time, Value};

impl TimeFamily {
    /// The order of two texts: times by what they are, then all other texts by their bytes.
    pub fn compare(self, left: &str, right: &str) -> Ordering {
        match (self.read(left), self.read(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => left.as_bytes().cmp(right.as_bytes()),
        }
    }

    /// A text as a time. The digits of its fraction do not distinguish times.
    fn read(self, text: &str) -> Option<DateTime> {
        let mut at = match self {
            TimeFamily::Instant => parse::datetime(text.as_bytes()),
            TimeFamily::Naive => parse::naive_datetime(text.as_bytes()),
            TimeFamily::Clock => parse::time(text.as_bytes()).map(of_no_day),
        }?;
        at.time.precision = 6;
        Some(at)
    }
}

fn of_no_day(time: Time) -> DateTime {
    let date = Date {
        year: 0,
        month: 1,
        day: 1,
    };
    DateTime { date, time }
}

/// Whether a text has exactly the form in which a column of the type is written.
pub fn has_own_form(text: &[u8], column_type: ColumnType) -> bool {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let (Some(_), Some(shape)) = (column_type.time_family(), column_type.time_form()) else {
        return true;
    };
    let shape = shape.as_bytes();
    let fits = |(at, wanted): (usize, &u8)| match wanted {
        b'0' => digit(at),
        wanted => text.get(at) == Some(wanted),
    };
    text.len() == shape.len() && shape.iter().enumerate().all(fits)
}

/// Bounds of the texts of one time, both included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextBounds {
    /// No text of the time, or of a later one, is less.
    pub least: Option<String>,
    /// No text of the time, or of an earlier one, is greater.
    pub greatest: Option<String>,
}

/// The bounds of a time in a column where every text has the form of the column's type: the
/// text of the time without what the column does not keep.
pub fn bounds_of_one_form(value: &Value, column_type: ColumnType) -> Option<TextBounds> {
    let fraction = column_type.has_fraction();
    let text = match (value, column_type.time_family()?) {
        (Value::DateTime(at), TimeFamily::Instant) => format_datetime(at, fraction, true),
        (Value::NaiveDateTime(at), TimeFamily::Naive) => format_datetime(at, fraction, false),
        (Value::Time(time), TimeFamily::Clock) => format_time(time, fraction),
        _ => return None,
    };
    Some(TextBounds {
        least: Some(text.clone()),
        greatest: Some(text),
    })
}

/// The bounds of a time, given as a text, in a column whose texts have any form that is read:
/// every one of an instant begins with its date, and an offset moves that by a day at most.
pub fn bounds_of_any_form(text: &str, family: TimeFamily) -> Option<TextBounds> {
    let date = Some(family.read(text)?.date);
    let (least, greatest) = match family {
        TimeFamily::Instant => (date.and_then(earlier), date.and_then(later).and_then(later)),
        TimeFamily::Naive => (date, date.and_then(later)),
        TimeFamily::Clock => return None,
    };
    Some(TextBounds {
        least: least.as_ref().map(format_date),
        greatest: greatest.as_ref().map(format_date),
    })
}

fn earlier(date: Date) -> Option<Date> {
    Some(day_before(date)).filter(|date| check_date(date).is_ok())
}

fn later(date: Date) -> Option<Date> {
    Some(day_after(date)).filter(|date| check_date(date).is_ok())
}

/// Whether a column of the type keeps a time as it is.
pub fn keeps(value: &Value, column_type: ColumnType) -> bool {
    match (value, column_type.time_family()) {
        (Value::DateTime(DateTime { time, .. }), Some(TimeFamily::Instant))
        | (Value::NaiveDateTime(DateTime { time, .. }), Some(TimeFamily::Naive))
        | (Value::Time(time), Some(TimeFamily::Clock)) => {
            column_type.has_fraction() || time.microsecond == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_time_are_equal_whatever_their_form() {
        let same = |family: TimeFamily, left, right| {
            assert_eq!(
                family.compare(left, right),
                Ordering::Equal,
                "{left} {right}"
            );
        };
        for other in [
            "2026-01-02 03:04:05",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.000",
            "2026-01-02 05:04:05+02:00",
            "2026-01-01T23:04:05,0-0400",
        ] {
            same(TimeFamily::Instant, "2026-01-02T03:04:05Z", other);
        }
        same(
            TimeFamily::Naive,
            "2026-01-02T03:04:05",
            "2026-01-02 03:04:05.0+02:00",
        );
        same(TimeFamily::Clock, "03:04:05", "T03:04:05.000");
    }

    #[test]
    fn what_is_no_time_comes_after_all_times() {
        let compare = |left, right| TimeFamily::Instant.compare(left, right);
        assert_eq!(compare("9999-12-31T23:59:59Z", "0"), Ordering::Less);
        assert_eq!(compare("soon", "2026-01-02 03:04:05"), Ordering::Greater);
        assert_eq!(compare("later", "soon"), Ordering::Less);
    }

    #[test]
    fn only_what_we_write_has_the_own_form() {
        for (text, column_type) in [
            ("2026-01-02T03:04:05Z", ColumnType::DateTime),
            ("2026-01-02T03:04:05.000006Z", ColumnType::DateTimeUsec),
            ("2026-01-02T03:04:05", ColumnType::NaiveDateTime),
            ("2026-01-02T03:04:05.000006", ColumnType::NaiveDateTimeUsec),
            ("03:04:05", ColumnType::Time),
            ("03:04:05.000006", ColumnType::TimeUsec),
        ] {
            for other in ColumnType::ALL {
                let fits = has_own_form(text.as_bytes(), *other);
                let plain = other.time_family().is_none();
                assert_eq!(fits, plain || *other == column_type, "{text} {other:?}");
            }
            let spaced = text.replace('T', " ");
            assert!(spaced == text || !has_own_form(spaced.as_bytes(), column_type));
        }
    }
}
