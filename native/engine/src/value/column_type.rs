//! The types of columns: one table, one row for each type.
//!
//! What a value of a type becomes when it is stored is in `encode.rs`, what is read of it in
//! `decode.rs`.

use super::affinity::Affinity;
use super::words::words;

/// Times whose texts compare with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeFamily {
    /// Instants: texts without an offset are in UTC.
    Instant,
    /// Dates with times of day; an offset counts for nothing.
    Naive,
    /// Times of day; an offset counts for nothing.
    Clock,
}

/// How the stored values of a type compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As SQLite compares them.
    Stored,
    /// As SQLite compares them, and there are numbers alone: no collation has a say.
    Number,
    /// By the number that a text is.
    Decimal,
    /// By the time that a text is: there may be texts of several forms.
    Time(TimeFamily),
}

macro_rules! types {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $name:literal, $declared:literal $(| $also:literal)* {
        strict: $strict:literal,
        kept_by: [$($affinity:ident),*],
        order: $order:expr,
        form: $form:literal,
        blank: $blank:literal,
        example: $example:literal,
    })*) => {
        words! {
            /// The type of a column, from its declared type.
            ColumnType { $($(#[$doc])* $variant = $word,)* }
        }

        impl ColumnType {
            /// The type whose own name, in upper case, this is.
            fn from_own_name(name: &str) -> Option<ColumnType> {
                match name {
                    $($declared $(| $also)* => Some(ColumnType::$variant),)*
                    _ => None,
                }
            }

            /// The name for messages, as Ecto calls the type.
            pub const fn name(self) -> &'static str {
                match self { $(ColumnType::$variant => $name,)* }
            }

            /// How a column of this type is declared. [`ColumnType::Any`] has no declared type.
            pub const fn declared(self) -> &'static str {
                match self { $(ColumnType::$variant => $declared,)* }
            }

            /// How it is declared in a STRICT table (<https://sqlite.org/stricttables.html>).
            pub(crate) const fn declared_strict(self) -> &'static str {
                match self { $(ColumnType::$variant => $strict,)* }
            }

            /// Whether a column of this affinity keeps every value as it is stored.
            pub(crate) fn is_kept_by(self, affinity: Affinity) -> bool {
                let kept: &[Affinity] = match self {
                    $(ColumnType::$variant => &[$(Affinity::$affinity),*],)*
                };
                kept.contains(&affinity)
            }

            /// How the values compare.
            pub(crate) const fn order(self) -> Order {
                match self { $(ColumnType::$variant => $order,)* }
            }

            /// The text of a day or a time as it is stored, with 0 for each digit.
            pub(crate) const fn time_form(self) -> Option<&'static str> {
                let form = match self { $(ColumnType::$variant => $form,)* };
                if form.is_empty() { None } else { Some(form) }
            }

            /// A value that says nothing, in SQL.
            pub(crate) const fn blank(self) -> &'static str {
                match self { $(ColumnType::$variant => $blank,)* }
            }

            /// What a caller may give, as a message says it.
            pub(super) const fn example(self) -> &'static str {
                match self { $(ColumnType::$variant => $example,)* }
            }
        }
    };
}

// The word in queries, the name in messages, and the declared type, with others that are read as it.
// Then the type in a STRICT table, the affinities that keep every value, how values compare, the form
// of a day or a time, a value that says nothing, and what a caller may give.
types! {
    /// `TEXT` and SQLite's other text types.
    Text = "text", "string", "TEXT" {
        strict: "TEXT",
        kept_by: [Text],
        order: Order::Stored,
        form: "",
        blank: "''",
        example: "a string",
    }
    /// `UUID_TEXT`: 36 lower-case characters.
    Uuid = "uuid", "uuid", "UUID_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Stored,
        form: "",
        blank: "'00000000-0000-0000-0000-000000000000'",
        example: "a UUID as a string",
    }
    /// `INTEGER` and SQLite's other integer types.
    Integer = "integer", "integer", "INTEGER" {
        strict: "INTEGER",
        kept_by: [Integer, Numeric],
        order: Order::Number,
        form: "",
        blank: "0",
        example: "an integer",
    }
    /// `REAL`, `FLOAT`, `DOUBLE`.
    Real = "real", "float", "REAL" {
        strict: "REAL",
        kept_by: [Real, Numeric],
        order: Order::Number,
        form: "",
        blank: "0.0",
        example: "a float or an integer",
    }
    /// `DECIMAL_TEXT`: an exact decimal number.
    Decimal = "decimal", "decimal", "DECIMAL_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Decimal,
        form: "",
        blank: "'0'",
        example: "a decimal, an integer or digits such as \"1.10\" or \"1E+3\"",
    }
    /// `BOOLEAN_INT`, `BOOLEAN`: 0 or 1.
    Boolean = "boolean", "boolean", "BOOLEAN_INT" | "BOOLEAN" | "BOOL" {
        strict: "INTEGER",
        kept_by: [Integer, Numeric],
        order: Order::Number,
        form: "",
        blank: "0",
        example: "true or false",
    }
    /// `DATETIME_TEXT`: UTC, whole seconds, `2026-01-02T03:04:05Z`.
    DateTime = "datetime", "utc_datetime", "DATETIME_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Time(TimeFamily::Instant),
        form: "0000-00-00T00:00:00Z",
        blank: "'1970-01-01T00:00:00Z'",
        example: "a date and time with a zone",
    }
    /// `DATETIME_USEC_TEXT`: UTC, microseconds, `2026-01-02T03:04:05.000006Z`.
    DateTimeUsec = "datetime_usec", "utc_datetime_usec", "DATETIME_USEC_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Time(TimeFamily::Instant),
        form: "0000-00-00T00:00:00.000000Z",
        blank: "'1970-01-01T00:00:00.000000Z'",
        example: "a date and time with a zone",
    }
    /// `NAIVE_DATETIME_TEXT`: `2026-01-02T03:04:05`.
    NaiveDateTime = "naive_datetime", "naive_datetime", "NAIVE_DATETIME_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Time(TimeFamily::Naive),
        form: "0000-00-00T00:00:00",
        blank: "'1970-01-01T00:00:00'",
        example: "a date and time without a zone",
    }
    /// `NAIVE_DATETIME_USEC_TEXT`: `2026-01-02T03:04:05.000006`.
    NaiveDateTimeUsec = "naive_datetime_usec", "naive_datetime_usec", "NAIVE_DATETIME_USEC_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Time(TimeFamily::Naive),
        form: "0000-00-00T00:00:00.000000",
        blank: "'1970-01-01T00:00:00.000000'",
        example: "a date and time without a zone",
    }
    /// `DATE_TEXT`: `2026-01-02`.
    Date = "date", "date", "DATE_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Stored,
        form: "0000-00-00",
        blank: "'1970-01-01'",
        example: "a date",
    }
    /// `TIME_TEXT`: `03:04:05`.
    Time = "time", "time", "TIME_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Time(TimeFamily::Clock),
        form: "00:00:00",
        blank: "'00:00:00'",
        example: "a time of day",
    }
    /// `TIME_USEC_TEXT`: `03:04:05.000006`.
    TimeUsec = "time_usec", "time_usec", "TIME_USEC_TEXT" {
        strict: "TEXT",
        kept_by: [Text, Numeric],
        order: Order::Time(TimeFamily::Clock),
        form: "00:00:00.000000",
        blank: "'00:00:00.000000'",
        example: "a time of day",
    }
    /// `JSON_TEXT`: JSON, or a BLOB in the External Term Format where JSON is not exact.
    Json = "json", "map", "JSON_TEXT" {
        strict: "ANY",
        kept_by: [Text, Numeric],
        order: Order::Stored,
        form: "",
        blank: "'{}'",
        example: "a map or a list",
    }
    /// `BLOB`.
    Blob = "blob", "binary", "BLOB" {
        strict: "BLOB",
        kept_by: [Nothing],
        order: Order::Stored,
        form: "",
        blank: "x''",
        example: "a binary",
    }
    /// `NUMERIC`, no declared type, or one that is not known: values pass by their storage class.
    Any = "any", "any", "" {
        strict: "ANY",
        kept_by: [],
        order: Order::Stored,
        form: "",
        blank: "''",
        example: "a number, a string or a boolean",
    }
}

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
        ColumnType::from_own_name(&name)
            .or_else(|| name.split_ascii_whitespace().find_map(of_word))
            .unwrap_or(ColumnType::Any)
    }

    /// Whether its declared name is one of SQLite's own, which other programs use for anything.
    pub(crate) fn is_plain(self) -> bool {
        !self.declared().contains('_')
    }

    /// Whether it holds numbers, which no collation orders.
    pub(crate) fn is_number(self) -> bool {
        self.order() == Order::Number
    }

    /// The family of a type whose texts may have several forms. A date has only one.
    pub fn time_family(self) -> Option<TimeFamily> {
        match self.order() {
            Order::Time(family) => Some(family),
            Order::Stored | Order::Number | Order::Decimal => None,
        }
    }

    /// Whether the type's own form has a fraction of six digits.
    pub(crate) fn has_fraction(self) -> bool {
        self.time_form().is_some_and(|form| form.contains('.'))
    }
}

/// Whole words, where SQLite looks for parts of them: `POINT` is no integer to its user, and a
/// name with an underscore is a type of the application.
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
