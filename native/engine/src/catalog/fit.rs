//! Whether a column that is there can hold the values of a type.

use crate::value::{Affinity, ColumnType};

/// Whether a column declared as `declared` holds every value of a type as it is stored.
///
/// A column of one of our own types holds that type alone, or the same with whole seconds.
/// Others, such as those of Ecto's adapter, are judged by their affinity:
///
/// - TEXT holds whatever we store as text: strings, uuids, decimals, times, JSON.
/// - INTEGER holds integers and booleans, REAL floats, BLOB binaries.
/// - NUMERIC (`NUMERIC`, `DECIMAL`, `JSON`, `ARRAY`, `DATETIME`, …) holds numbers, booleans and
///   decimals, the latter as far as a double goes, and texts that never look like a number:
///   uuids, times, JSON of maps and lists. It does not hold strings: "007" would become 7.
/// - A column without a type holds everything, and only such a one holds values of any type.
///   In a STRICT table it is called ANY.
pub(crate) fn fits(declared: &str, strict: bool, wanted: ColumnType) -> bool {
    let found = ColumnType::from_declared(declared);
    let untyped = declared.is_empty() || (strict && declared.eq_ignore_ascii_case("ANY"));
    if untyped || (found == wanted && found != ColumnType::Any) {
        return true;
    }
    if found.has_fraction() && !wanted.has_fraction() {
        return found.time_family() == wanted.time_family();
    }
    found.is_plain() && wanted.is_kept_by(Affinity::of(declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_other_programs_fit_what_they_can_hold() {
        use ColumnType::*;
        let table = [
            ("TEXT", &[Text, Uuid, Decimal, DateTimeUsec, Date, Json][..]),
            ("VARCHAR(255)", &[Text, Uuid]),
            ("TEXT_DATETIME", &[DateTime, DateTimeUsec, NaiveDateTime]),
            ("DATETIME", &[DateTime, DateTimeUsec, NaiveDateTimeUsec]),
            ("NUMERIC", &[Decimal, Integer, Real, Boolean]),
            ("DECIMAL(10, 2)", &[Decimal]),
            ("JSON", &[Json]),
            ("ARRAY", &[Json]),
            ("UUID", &[Uuid]),
            ("BIGINT", &[Integer, Boolean]),
            ("INTEGER", &[Integer, Boolean]),
            ("BOOLEAN", &[Boolean]),
            ("DOUBLE PRECISION", &[Real]),
            ("BLOB", &[Blob]),
            ("", ColumnType::ALL),
            ("TIME_USEC_TEXT", &[Time, TimeUsec]),
            ("uuid_text", &[Uuid]),
        ];
        for (declared, held) in table {
            for wanted in held {
                assert!(
                    fits(declared, false, *wanted),
                    "{declared} holds {wanted:?}"
                );
            }
        }
    }

    #[test]
    fn columns_that_would_change_or_refuse_a_value_do_not_fit() {
        use ColumnType::*;
        let table = [
            ("TEXT", &[Integer, Real, Boolean, Blob, Any][..]),
            ("NUMERIC", &[Text, Blob, Any]),
            ("JSON", &[Text]),
            ("INTEGER", &[Real, Decimal, Text, Uuid, DateTime]),
            ("REAL", &[Integer, Decimal, Text]),
            ("BLOB", &[Text, Uuid, Json, Any]),
            ("UUID_TEXT", &[Text, DateTime]),
            ("DATETIME_TEXT", &[DateTimeUsec, NaiveDateTime, Text]),
            ("BOOLEAN_INT", &[Integer]),
        ];
        for (declared, refused) in table {
            for wanted in refused {
                assert!(
                    !fits(declared, false, *wanted),
                    "{declared} is no {wanted:?}"
                );
            }
        }
    }

    #[test]
    fn every_type_fits_its_own_declaration() {
        for column_type in ColumnType::ALL {
            assert!(fits(column_type.declared(), false, *column_type));
        }
    }
}
