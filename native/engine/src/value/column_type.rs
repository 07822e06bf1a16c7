//! From the declared type of a column to the type that its values have.

use super::types::ColumnType;

impl ColumnType {
    /// The type of a column declared as `declared`, in any case, sizes in parentheses ignored.
    ///
    /// Our own names are exact. Besides them only the usual type names of SQL are known, read
    /// as SQLite reads them (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
    ///
    /// ```
    /// use ash_rusqlite_engine::ColumnType;
    /// assert_eq!(ColumnType::from_declared("varchar(255)"), ColumnType::Text);
    /// assert_eq!(ColumnType::from_declared("UUID_TEXT"), ColumnType::Uuid);
    /// assert_eq!(ColumnType::from_declared("DECIMAL(10, 2)"), ColumnType::Any);
    /// ```
    pub fn from_declared(declared: &str) -> ColumnType {
        let name = declared
            .split('(')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_uppercase();
        match name.as_str() {
            "UUID_TEXT" => ColumnType::Uuid,
            "DECIMAL_TEXT" => ColumnType::Decimal,
            "BOOLEAN_INT" | "BOOLEAN" | "BOOL" => ColumnType::Boolean,
            "DATETIME_TEXT" => ColumnType::DateTime,
            "DATETIME_USEC_TEXT" => ColumnType::DateTimeUsec,
            "NAIVE_DATETIME_TEXT" => ColumnType::NaiveDateTime,
            "NAIVE_DATETIME_USEC_TEXT" => ColumnType::NaiveDateTimeUsec,
            "DATE_TEXT" => ColumnType::Date,
            "TIME_TEXT" => ColumnType::Time,
            "TIME_USEC_TEXT" => ColumnType::TimeUsec,
            "JSON_TEXT" => ColumnType::Json,
            _ => name
                .split_ascii_whitespace()
                .find_map(of_word)
                .unwrap_or(ColumnType::Any),
        }
    }

    /// The name for messages, as Ecto calls the type.
    pub fn name(self) -> &'static str {
        match self {
            ColumnType::Text => "string",
            ColumnType::Uuid => "uuid",
            ColumnType::Integer => "integer",
            ColumnType::Real => "float",
            ColumnType::Decimal => "decimal",
            ColumnType::Boolean => "boolean",
            ColumnType::DateTime => "utc_datetime",
            ColumnType::DateTimeUsec => "utc_datetime_usec",
            ColumnType::NaiveDateTime => "naive_datetime",
            ColumnType::NaiveDateTimeUsec => "naive_datetime_usec",
            ColumnType::Date => "date",
            ColumnType::Time => "time",
            ColumnType::TimeUsec => "time_usec",
            ColumnType::Json => "map",
            ColumnType::Blob => "binary",
            ColumnType::Any => "any",
        }
    }

    /// How a column of this type is declared. [`ColumnType::Any`] has no declared type.
    pub fn declared(self) -> &'static str {
        match self {
            ColumnType::Text => "TEXT",
            ColumnType::Uuid => "UUID_TEXT",
            ColumnType::Integer => "INTEGER",
            ColumnType::Real => "REAL",
            ColumnType::Decimal => "DECIMAL_TEXT",
            ColumnType::Boolean => "BOOLEAN_INT",
            ColumnType::DateTime => "DATETIME_TEXT",
            ColumnType::DateTimeUsec => "DATETIME_USEC_TEXT",
            ColumnType::NaiveDateTime => "NAIVE_DATETIME_TEXT",
            ColumnType::NaiveDateTimeUsec => "NAIVE_DATETIME_USEC_TEXT",
            ColumnType::Date => "DATE_TEXT",
            ColumnType::Time => "TIME_TEXT",
            ColumnType::TimeUsec => "TIME_USEC_TEXT",
            ColumnType::Json => "JSON_TEXT",
            ColumnType::Blob => "BLOB",
            ColumnType::Any => "",
        }
    }
}

/// Whole words, where SQLite looks for parts of them: `POINT` is no integer to its user, and a
/// name with an underscore is somebody's own.
fn of_word(word: &str) -> Option<ColumnType> {
    match word {
        "INT" | "INTEGER" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "BIGINT" | "INT2" | "INT4"
        | "INT8" => Some(ColumnType::Integer),
        _ if word.contains('_') => None,
        _ if ["CHAR", "CLOB", "TEXT"]
            .iter()
            .any(|part| word.contains(part)) =>
        {
            Some(ColumnType::Text)
        }
        _ if word.contains("BLOB") => Some(ColumnType::Blob),
        _ if ["REAL", "FLOA", "DOUB"]
            .iter()
            .any(|part| word.contains(part)) =>
        {
            Some(ColumnType::Real)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_read_as_sqlite_reads_them() {
        let table = [
            ("TEXT", ColumnType::Text),
            (" text ", ColumnType::Text),
            ("VARCHAR(255)", ColumnType::Text),
            ("NATIVE CHARACTER(70)", ColumnType::Text),
            ("LONGTEXT", ColumnType::Text),
            ("CLOB", ColumnType::Text),
            ("int", ColumnType::Integer),
            ("UNSIGNED BIG INT", ColumnType::Integer),
            ("BIGINT(20)", ColumnType::Integer),
            ("DOUBLE PRECISION", ColumnType::Real),
            ("FLOAT", ColumnType::Real),
            ("LONGBLOB", ColumnType::Blob),
            ("bool", ColumnType::Boolean),
            ("BOOLEAN", ColumnType::Boolean),
            ("NUMERIC", ColumnType::Any),
            ("DECIMAL(10,5)", ColumnType::Any),
            ("DATETIME", ColumnType::Any),
            ("JSON", ColumnType::Any),
            ("POINT", ColumnType::Any),
            ("STATUS_TEXT", ColumnType::Any),
            ("", ColumnType::Any),
        ];
        for (declared, expected) in table {
            assert_eq!(ColumnType::from_declared(declared), expected, "{declared}");
        }
    }

    #[test]
    fn every_type_is_read_back_from_its_own_declaration() {
        for column_type in ColumnType::ALL {
            assert_eq!(
                ColumnType::from_declared(column_type.declared()),
                *column_type
            );
        }
    }
}
