//! Dates and times: which of them exist, and their text. Every text of a type is of one width,
//! so that the order of the texts is the order of time.

use super::types::{Date, DateTime, Time};

/// Refuses a date that does not exist or needs more than four digits for its year.
pub(super) fn check_date(date: &Date) -> Result<(), &'static str> {
    if !(0..=9999).contains(&date.year) {
        return Err("the year must be from 0 to 9999");
    }
    if date.day < 1 || date.day > days_of(date.year, date.month) {
        return Err("there is no such day");
    }
    Ok(())
}

/// Refuses a time of day that does not exist. There are no leap seconds.
pub(super) fn check_time(time: &Time) -> Result<(), &'static str> {
    let exists = time.hour < 24
        && time.minute < 60
        && time.second < 60
        && time.microsecond < 1_000_000
        && time.precision <= 6;
    if exists {
        Ok(())
    } else {
        Err("there is no such time of day")
    }
}

/// The days of a month of the proleptic Gregorian calendar; of no month, none.
pub(super) fn days_of(year: i32, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

/// `2026-01-02`.
pub(super) fn format_date(date: &Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// `03:04:05`, or `03:04:05.000006` with its fraction.
pub(super) fn format_time(time: &Time, fraction: bool) -> String {
    let Time {
        hour,
        minute,
        second,
        microsecond,
        ..
    } = time;
    if fraction {
        format!("{hour:02}:{minute:02}:{second:02}.{microsecond:06}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}")
    }
}

/// `2026-01-02T03:04:05`, with a fraction or without, with `Z` behind it if it is in UTC.
pub(super) fn format_datetime(at: &DateTime, fraction: bool, utc: bool) -> String {
    let zone = if utc { "Z" } else { "" };
    format!(
        "{}T{}{zone}",
        format_date(&at.date),
        format_time(&at.time, fraction)
    )
}
