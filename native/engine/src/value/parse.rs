//! Reads dates and times from text as Elixir's `from_iso8601` functions read them: what we
//! write, and what Ecto, SQLite's own functions and people write.

use super::time::{check_date, check_time, days_of};
use super::types::{Date, DateTime, Time};

/// `2026-01-02`.
pub(super) fn date(text: &[u8]) -> Option<Date> {
    match split_date(text)? {
        (date, []) => Some(date),
        _ => None,
    }
}

/// `03:04:05`, perhaps with a fraction, perhaps with an offset, which counts for nothing.
pub(super) fn time(text: &[u8]) -> Option<Time> {
    let (time, rest) = split_time(text.strip_prefix(b"T").unwrap_or(text))?;
    offset(rest)?;
    Some(time)
}

/// `2026-01-02T03:04:05`, with a space in place of the T, a fraction or an offset if it has
/// them. Without an offset it is in UTC; with one it is shifted to UTC.
pub(super) fn datetime(text: &[u8]) -> Option<DateTime> {
    let (at, rest) = split_datetime(text)?;
    match offset(rest)? {
        0 => Some(at),
        minutes => shift(at, -minutes),
    }
}

/// The same, but an offset counts for nothing.
pub(super) fn naive_datetime(text: &[u8]) -> Option<DateTime> {
    let (at, rest) = split_datetime(text)?;
    offset(rest)?;
    Some(at)
}

fn split_datetime(text: &[u8]) -> Option<(DateTime, &[u8])> {
    let (date, rest) = split_date(text)?;
    let [b'T' | b' ', rest @ ..] = rest else {
        return None;
    };
    let (time, rest) = split_time(rest)?;
    Some((DateTime { date, time }, rest))
}

fn split_date(text: &[u8]) -> Option<(Date, &[u8])> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text else {
        return None;
    };
    let year = i32::from(two(*y1, *y2)?) * 100 + i32::from(two(*y3, *y4)?);
    let date = Date {
        year,
        month: two(*m1, *m2)?,
        day: two(*d1, *d2)?,
    };
    check_date(&date).ok()?;
    Some((date, rest))
}

fn split_time(text: &[u8]) -> Option<(Time, &[u8])> {
    let [h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = text else {
        return None;
    };
    let (microsecond, precision, rest) = fraction(rest)?;
    let (hour, minute, second) = (two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?);
    let time = Time {
        hour,
        minute,
        second,
        microsecond,
        precision,
    };
    check_time(&time).ok()?;
    Some((time, rest))
}

/// Six digits count; more are cut off, fewer are the precision.
fn fraction(text: &[u8]) -> Option<(u32, u8, &[u8])> {
    let [b'.' | b',', digits @ ..] = text else {
        return Some((0, 0, text));
    };
    let mut rest = digits;
    let (mut microsecond, mut unit, mut precision) = (0, 100_000, 0);
    while let [byte @ b'0'..=b'9', tail @ ..] = rest {
        microsecond += u32::from(byte - b'0') * unit;
        unit /= 10;
        precision = 6.min(precision + 1);
        rest = tail;
    }
    (precision > 0).then_some((microsecond, precision, rest))
}

/// The minutes east of UTC, 0 if there is no offset.
fn offset(text: &[u8]) -> Option<i32> {
    let (sign, hours, minutes) = match text {
        [] | [b'Z'] => return Some(0),
        [sign, h1, h2] => (sign, two(*h1, *h2)?, 0),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => {
            (sign, two(*h1, *h2)?, two(*m1, *m2)?)
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let east = i32::from(hours) * 60 + i32::from(minutes);
    match sign {
        b'+' => Some(east),
        // ISO 8601 has no such offset.
        b'-' if east == 0 => None,
        b'-' => Some(-east),
        _ => None,
    }
}

fn two(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

/// Less than a day in either direction.
fn shift(at: DateTime, minutes: i32) -> Option<DateTime> {
    let minute_of_day = i32::from(at.time.hour) * 60 + i32::from(at.time.minute) + minutes;
    let date = match minute_of_day {
        ..0 => day_before(at.date),
        0..1440 => at.date,
        1440.. => day_after(at.date),
    };
    check_date(&date).ok()?;
    let of_day = minute_of_day.rem_euclid(1440);
    let hour = u8::try_from(of_day / 60).ok()?;
    let minute = u8::try_from(of_day % 60).ok()?;
    Some(DateTime {
        date,
        time: Time {
            hour,
            minute,
            ..at.time
        },
    })
}

pub(super) fn day_after(date: Date) -> Date {
    match date {
        Date {
            year,
            month: 12,
            day: 31,
        } => Date {
            year: year + 1,
            month: 1,
            day: 1,
        },
        Date { year, month, day } if day == days_of(year, month) => Date {
            year,
            month: month + 1,
            day: 1,
        },
        _ => Date {
            day: date.day + 1,
            ..date
        },
    }
}

pub(super) fn day_before(date: Date) -> Date {
    match date {
        Date {
            year,
            month: 1,
            day: 1,
        } => Date {
            year: year - 1,
            month: 12,
            day: 31,
        },
        Date {
            year,
            month,
            day: 1,
        } => Date {
            year,
            month: month - 1,
            day: days_of(year, month - 1),
        },
        _ => Date {
            day: date.day - 1,
            ..date
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::time::format_datetime;
    use super::*;

    #[test]
    fn datetimes_are_read_as_elixir_reads_them() {
        for (text, expected, precision) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z", 0),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05.000000Z", 0),
            ("2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.100000Z", 1),
            (
                "2026-01-02T03:04:05,000006Z",
                "2026-01-02T03:04:05.000006Z",
                6,
            ),
            (
                "2026-01-02T03:04:05.1234567",
                "2026-01-02T03:04:05.123456Z",
                6,
            ),
            (
                "2026-01-01T00:30:00+01:00",
                "2025-12-31T23:30:00.000000Z",
                0,
            ),
            ("2024-02-28T23:30:00-0100", "2024-02-29T00:30:00.000000Z", 0),
            ("2026-03-01T00:00:00+01", "2026-02-28T23:00:00.000000Z", 0),
            (
                "2026-12-31T23:00:00-23:59",
                "2027-01-01T22:59:00.000000Z",
                0,
            ),
        ] {
            let read = datetime(text.as_bytes()).unwrap();
            assert_eq!(format_datetime(&read, true, true), expected, "{text}");
            assert_eq!(read.time.precision, precision, "{text}");
        }
    }

    #[test]
    fn what_is_no_datetime_is_refused() {
        for text in [
            "",
            "2026-01-02",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:60:00Z",
            "2026-01-02T03:04:60Z",
            "2026-01-02T03:04",
            "2026-01-02T03:04:05.Z",
            "2026-01-02t03:04:05Z",
            "2026-01-02T03:04:05Q",
            "2026-01-02T03:04:05ZZ",
            "2026-01-02T03:04:05-00:00",
            "2026-01-02T03:04:05+24:00",
            "+2026-01-02T03:04:05Z",
            "202x-01-02T03:04:05Z",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(datetime(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn dates_and_times_are_whole() {
        assert!(date(b"2024-02-29").is_some() && date(b"2024-02-29 ").is_none());
        assert!(time(b"23:59:59.5").is_some() && time(b"23:59").is_none());
        assert_eq!(
            naive_datetime(b"2026-01-02T03:04:05+02:00")
                .unwrap()
                .time
                .hour,
            3
        );
    }
}
