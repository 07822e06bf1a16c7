//! How the columns of a table are declared: as their types are, as another program declares them, or
//! with the few names that a STRICT table knows.

use super::spec::{ColumnSpec, TableSpec};
use crate::catalog::{fits, quoted, shortened, with_nearest};
use crate::error::Result;
use crate::sqlite::lex::same;
use crate::value::ColumnType;

/// What a column of a STRICT table may be declared as (<https://sqlite.org/stricttables.html>).
const STRICT: &[&str] = &["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"];

/// Words that would end the type and begin a constraint.
const CONSTRAINTS: &[&str] = &[
    "AS",
    "CHECK",
    "COLLATE",
    "CONSTRAINT",
    "DEFAULT",
    "GENERATED",
    "NOT",
    "NULL",
    "PRIMARY",
    "REFERENCES",
    "UNIQUE",
];

impl ColumnSpec {
    /// The type of what it holds. Where it is declared as what cannot hold its type, that counts.
    pub(super) fn holds(&self) -> ColumnType {
        match &self.declared {
            Some(declared) if !fits(declared, false, self.column_type) => {
                ColumnType::from_declared(declared)
            }
            _ => self.column_type,
        }
    }
}

impl TableSpec {
    /// How a column is declared in a table that is STRICT or not.
    pub(super) fn declared<'a>(&self, column: &'a ColumnSpec, strict: bool) -> &'a str {
        let own = column.column_type.declared();
        let declared = column.declared.as_deref().unwrap_or(own);
        if !strict || STRICT.iter().any(|known| same(known, declared)) {
            return declared;
        }
        // Of what JSON cannot hold there are blobs: a column of it is ANY.
        column.holds().declared_strict()
    }

    pub(super) fn check_declared(&self) -> Result<()> {
        for column in &self.columns {
            match &column.declared {
                Some(declared) => self.check_type_name(declared)?,
                None if self.strict => self.check_strict(column)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Who does not say how a column is declared shall know that a STRICT table forgets its type.
    fn check_strict(&self, column: &ColumnSpec) -> Result<()> {
        let declared = column.column_type.declared();
        if STRICT.contains(&declared) {
            return Ok(());
        }
        let message = format!(
            "a STRICT table has no column of type {declared:?} ({}.{}): only TEXT, INTEGER, REAL and BLOB, which do not distinguish times, decimals and maps; say by declared: which it is to be, and by read_as what it holds",
            shortened(&self.table),
            shortened(&column.name)
        );
        Err(self.wrong("strict", message))
    }

    /// One or more words, maybe with one or two numbers in parentheses. An underscore is in the
    /// names of our own types: one that is nearly such a name is taken for a slip.
    fn check_type_name(&self, declared: &str) -> Result<()> {
        let upper = declared.to_ascii_uppercase();
        let own = || ColumnType::ALL.iter().map(|known| known.declared());
        if !is_type_name(&upper) {
            let message = format!("{} (declared:) is no name of a type", quoted(declared));
            return Err(self.wrong("declared", message));
        }
        if !upper.contains('_') || own().any(|known| known == upper) {
            return Ok(());
        }
        let message = format!("there is no column type {}", quoted(declared));
        let error = with_nearest(self.wrong("declared", message), &upper, own());
        match error.detail("nearest") {
            Some(_) => Err(error),
            None => Ok(()),
        }
    }
}

fn is_type_name(upper: &str) -> bool {
    let (words, numbers) = match upper.split_once('(') {
        None => (upper, None),
        Some((words, rest)) => match rest.strip_suffix(')') {
            None => return false,
            numbers => (words.trim_end(), numbers),
        },
    };
    let number = |text: &str| {
        let text = text.trim();
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !CONSTRAINTS.contains(&word)
    };
    words.split(' ').all(word)
        && numbers
            .is_none_or(|numbers| numbers.split(',').count() <= 2 && numbers.split(',').all(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_types_are_declared() {
        for name in ["TEXT", "VARCHAR(30)", "DECIMAL(10, 2)", "DOUBLE PRECISION"] {
            assert!(is_type_name(name), "{name}");
        }
        for name in [
            "",
            "TEXT NOT NULL",
            "UNIQUE",
            "TEXT, B TEXT",
            "TEXT)",
            "DECIMAL(1,2,3)",
            "DECIMAL()",
            "TEXT(1) DEFAULT (2)",
            "7UP",
            "TEXT--",
            "TEXT\"",
        ] {
            assert!(!is_type_name(name), "{name}");
        }
    }
}
