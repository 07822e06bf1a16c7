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
    let mut text = String::with_capacity(10);
    push_date(&mut text, date);
    text
}

/// `03:04:05`, or `03:04:05.000006` with its fraction.
pub(super) fn format_time(time: &Time, fraction: bool) -> String {
    let mut text = String::with_capacity(15);
    push_time(&mut text, time, fraction);
    text
}

/// `2026-01-02T03:04:05`, with a fraction or without, with `Z` behind it if it is in UTC.
pub(crate) fn format_datetime(at: &DateTime, fraction: bool, utc: bool) -> String {
    let mut text = String::with_capacity(27);
    push_date(&mut text, &at.date);
    text.push('T');
    push_time(&mut text, &at.time, fraction);
    if utc {
        text.push('Z');
    }
    text
}

fn push_date(text: &mut String, date: &Date) {
    if date.year < 0 {
        text.push('-');
    }
    push_number(text, date.year.unsigned_abs(), 4);
    text.push('-');
    push_number(text, date.month.into(), 2);
    text.push('-');
    push_number(text, date.day.into(), 2);
}

fn push_time(text: &mut String, time: &Time, fraction: bool) {
    push_number(text, time.hour.into(), 2);
    text.push(':');
    push_number(text, time.minute.into(), 2);
    text.push(':');
    push_number(text, time.second.into(), 2);
    if fraction {
        text.push('.');
        push_number(text, time.microsecond, 6);
    }
}

/// A number with at least this many digits. Rust's own formatting takes ten times
/// as long.
fn push_number(text: &mut String, number: u32, digits: u32) {
    if number >= 10_u32.pow(digits) {
        text.push_str(&number.to_string());
        return;
    }
    for place in (0..digits).rev() {
        let digit = char::from_digit(number / 10_u32.pow(place) % 10, 10);
        text.push(digit.unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_width_or_more() {
        let date = |year, month, day| format_date(&Date { year, month, day });
        assert_eq!(date(7, 1, 2), "0007-01-02");
        assert_eq!(date(9999, 12, 31), "9999-12-31");
        // These are refused; the message shows them.
        assert_eq!(date(-44, 3, 15), "-0044-03-15");
        assert_eq!(date(12_026, 255, 100), "12026-255-100");
        let time = Time {
            hour: 3,
            minute: 4,
            second: 59,
            microsecond: 60_007,
            precision: 6,
        };
        assert_eq!(format_time(&time, true), "03:04:59.060007");
        assert_eq!(format_time(&time, false), "03:04:59");
    }
}
