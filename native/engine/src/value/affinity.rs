//! What SQLite makes of a value by the declared type of its column.

/// What SQLite does with a value on its way into a column
/// (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    /// Numbers and what looks like one become integers where they can.
    Integer,
    /// Numbers become texts.
    Text,
    /// All stays as it is.
    Nothing,
    /// Numbers and what looks like one become floats.
    Real,
    /// As `Integer`.
    Numeric,
}

impl Affinity {
    /// That of a column that is declared so.
    pub(crate) fn of(declared: &str) -> Affinity {
        let upper = declared.to_ascii_uppercase();
        let holds = |parts: &[&str]| parts.iter().any(|part| upper.contains(part));
        if holds(&["INT"]) {
            Affinity::Integer
        } else if holds(&["CHAR", "CLOB", "TEXT"]) {
            Affinity::Text
        } else if upper.is_empty() || holds(&["BLOB"]) {
            Affinity::Nothing
        } else if holds(&["REAL", "FLOA", "DOUB"]) {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }
}
