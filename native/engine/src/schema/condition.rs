//! The condition of an index or of a journal's event, from an expression of the query language.
//!
//! Any SQLite must be able to write to the file, so an index and a trigger must need no function and
//! no collation of ours, and no value that is bound: literals, and what is built into SQLite.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::spec::TableSpec;
use crate::catalog::EventOn;
use crate::query::ir::{Collation, Scalar};
use crate::sqlite::lex::{quoted_name, string};
use crate::value::{encode_as, ColumnType};

/// Why an expression cannot be such a condition, as the end of a sentence.
type Written = std::result::Result<String, String>;

/// How deep expressions may nest.
const MAX_DEPTH: usize = 50;

/// The SQL of an expression over the columns of a table.
pub(super) fn sql(spec: &TableSpec, scalar: &Scalar) -> Written {
    Condition { spec, on: None }.write(scalar, MAX_DEPTH)
}

/// The same in a trigger of the table, over `NEW.` and `OLD.`: a column is the row's after the change,
/// and one of the next query further out the row's before it. A deleted row has only what it was.
pub(super) fn trigger_sql(spec: &TableSpec, scalar: &Scalar, on: EventOn) -> Written {
    Condition { spec, on: Some(on) }.write(scalar, MAX_DEPTH)
}

struct Condition<'a> {
    spec: &'a TableSpec,
    /// Of which change, in a trigger.
    on: Option<EventOn>,
}

impl Condition<'_> {
    fn write(&self, scalar: &Scalar, depth: usize) -> Written {
        let Some(depth) = depth.checked_sub(1) else {
            return Err("nests too deep".to_owned());
        };
        let write = |scalar: &Scalar| self.write(scalar, depth);
        Ok(match scalar {
            Scalar::Null => "NULL".to_owned(),
            Scalar::Boolean(truth) => i32::from(*truth).to_string(),
            Scalar::Value { column_type, value } => {
                let encoded =
                    encode_as(value, *column_type).map_err(|error| error.message().to_owned())?;
                stored(&encoded)
                    .and_then(literal)
                    .ok_or("holds a value that SQL has no literal for")?
            }
            Scalar::Column {
                depth,
                table: 0,
                name,
            } => {
                self.column(name)?;
                format!("{}{}", self.row(*depth)?, quoted_name(name))
            }
            Scalar::Compare {
                op,
                collation,
                left,
                right,
            } => self.compare(op.sql(), *collation, left, right, depth)?,
            Scalar::Same {
                collation,
                left,
                right,
                negated,
            } => {
                let operator = if *negated { "IS NOT" } else { "IS" };
                self.compare(operator, *collation, left, right, depth)?
            }
            Scalar::In {
                collation,
                item,
                list,
            } => {
                let item = self.collated(*collation, item, depth)?;
                let list = list.iter().filter(|scalar| !matches!(scalar, Scalar::Null));
                let list = list.map(write).collect::<Result<Vec<_>, _>>()?;
                format!("({item} IN ({}))", list.join(", "))
            }
            Scalar::IsNull(scalar) => format!("({} IS NULL)", write(scalar)?),
            Scalar::And(scalars) => self.group(scalars, " AND ", "1", depth)?,
            Scalar::Or(scalars) => self.group(scalars, " OR ", "0", depth)?,
            Scalar::Not(scalar) => format!("(NOT {})", write(scalar)?),
            // The forms that queries have, see `query/compile/scalar.rs`.
            Scalar::AndValue(left, right) => {
                let (left, right) = (write(left)?, write(right)?);
                format!("CASE {left} WHEN 1 THEN {right} WHEN 0 THEN 0 END")
            }
            Scalar::OrValue(left, right) => {
                let (left, right) = (write(left)?, write(right)?);
                format!("CASE WHEN {left} THEN 1 ELSE {right} END")
            }
            _ => {
                return Err(
                    "needs more than comparisons of columns with values, and, or and not"
                        .to_owned(),
                )
            }
        })
    }

    fn compare(
        &self,
        operator: &'static str,
        collation: Collation,
        left: &Scalar,
        right: &Scalar,
        depth: usize,
    ) -> Written {
        let collated = if self.is_number(left) || self.is_number(right) {
            no_collation_of_ours(collation)?;
            self.write(left, depth)?
        } else {
            self.collated(collation, left, depth)?
        };
        let right = self.write(right, depth)?;
        Ok(format!("({collated} {operator} {right})"))
    }

    /// As queries write it, so that they are seen to ask for rows of the index.
    fn collated(&self, collation: Collation, scalar: &Scalar, depth: usize) -> Written {
        no_collation_of_ours(collation)?;
        let sql = self.write(scalar, depth)?;
        let column = matches!(scalar, Scalar::Column { .. }) && !self.is_number(scalar);
        Ok(if column {
            format!("{sql} COLLATE BINARY")
        } else {
            sql
        })
    }

    fn is_number(&self, scalar: &Scalar) -> bool {
        let column_type = match scalar {
            Scalar::Value { column_type, .. } => *column_type,
            Scalar::Column { name, .. } => match self.column(name) {
                Ok(column_type) => column_type,
                Err(_) => return false,
            },
            Scalar::Boolean(_) => return true,
            _ => return false,
        };
        column_type.is_number()
    }

    /// What stands before the column of a row.
    fn row(&self, depth: usize) -> std::result::Result<&'static str, String> {
        match (self.on, depth) {
            (None, 0) => Ok(""),
            (Some(EventOn::Insert | EventOn::Update), 0) => Ok("NEW."),
            (Some(EventOn::Update), 1) | (Some(EventOn::Delete), 0 | 1) => Ok("OLD."),
            (Some(EventOn::Insert), 1) => {
                Err("refers to a row before it was created, when there was none".to_owned())
            }
            _ => Err("names a column of another query".to_owned()),
        }
    }

    fn column(&self, name: &str) -> std::result::Result<ColumnType, String> {
        let column = self.spec.column(name);
        column
            .map(|column| column.column_type)
            .ok_or_else(|| format!("names {name:?}, which is no column of the table"))
    }

    fn group(
        &self,
        scalars: &[Scalar],
        operator: &'static str,
        empty: &'static str,
        depth: usize,
    ) -> Written {
        let parts = scalars.iter().map(|scalar| self.write(scalar, depth));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        Ok(match parts.as_slice() {
            [] => empty.to_owned(),
            [one] => one.clone(),
            parts => format!("({})", parts.join(operator)),
        })
    }
}

fn no_collation_of_ours(collation: Collation) -> std::result::Result<(), String> {
    let what = match collation {
        Collation::Binary => return Ok(()),
        Collation::Decimal => "decimals",
        Collation::CaseInsensitive => "texts without regard to case",
        Collation::Declared => "columns by their own collations",
        Collation::Time(_) => "times, of which texts may have several forms",
    };
    Err(format!("compares {what}, which no other program could do"))
}

fn stored<'a>(encoded: &'a ToSqlOutput<'_>) -> Option<ValueRef<'a>> {
    match encoded {
        ToSqlOutput::Borrowed(value) => Some(*value),
        ToSqlOutput::Owned(value) => Some(ValueRef::from(value)),
        _ => None,
    }
}

/// A stored value as SQL, or `None` for a text that has no literal.
pub(super) fn literal(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(integer) => integer.to_string(),
        // Debug keeps the point or the exponent by which SQL recognizes a real.
        ValueRef::Real(real) => format!("{real:?}"),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => string(text),
            _ => return None,
        },
        ValueRef::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("X'{digits}'")
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::query::ir::CompareOp;
    use crate::schema::spec::ColumnSpec;
    use crate::value::Value;

    fn rooms() -> TableSpec {
        let column = |name: &str, column_type| ColumnSpec {
            name: name.into(),
            column_type,
            null: true,
            default: Value::Null,
            default_sql: None,
            declared: None,
        };
        TableSpec {
            table: "rooms".into(),
            columns: vec![
                column("title", ColumnType::Text),
                column("open", ColumnType::Boolean),
            ],
            ..TableSpec::default()
        }
    }

    fn col(name: &str) -> Box<Scalar> {
        Box::new(Scalar::Column {
            depth: 0,
            table: 0,
            name: name.into(),
        })
    }

    fn text(text: &str) -> Box<Scalar> {
        Box::new(Scalar::Value {
            column_type: ColumnType::Text,
            value: Value::Bytes(text.into()),
        })
    }

    fn compare(collation: Collation, left: Box<Scalar>, right: Box<Scalar>) -> Scalar {
        Scalar::Compare {
            op: CompareOp::Eq,
            collation,
            left,
            right,
        }
    }

    #[test]
    fn values_become_literals_and_names_are_quoted() {
        let scalar = Scalar::Or(vec![
            Scalar::And(vec![
                compare(Collation::Binary, col("title"), text("it's")),
                Scalar::IsNull(col("open")),
            ]),
            compare(
                Collation::Binary,
                col("open"),
                Box::new(Scalar::Boolean(true)),
            ),
        ]);
        assert_eq!(
            sql(&rooms(), &scalar).unwrap(),
            "(((\"title\" COLLATE BINARY = 'it''s') AND (\"open\" IS NULL)) OR (\"open\" = 1))"
        );
    }

    #[test]
    fn in_a_trigger_the_row_before_the_change_is_one_query_further_out() {
        let old = Scalar::Column {
            depth: 1,
            table: 0,
            name: "open".into(),
        };
        let scalar = Scalar::And(vec![
            Scalar::Not(col("open")),
            old,
            compare(Collation::Binary, col("title"), text("it's")),
        ]);
        assert_eq!(
            trigger_sql(&rooms(), &scalar, EventOn::Update).unwrap(),
            "((NOT NEW.\"open\") AND OLD.\"open\" AND (NEW.\"title\" COLLATE BINARY = 'it''s'))"
        );
        assert_eq!(
            trigger_sql(&rooms(), &scalar, EventOn::Delete).unwrap(),
            "((NOT OLD.\"open\") AND OLD.\"open\" AND (OLD.\"title\" COLLATE BINARY = 'it''s'))"
        );
        assert!(trigger_sql(&rooms(), &scalar, EventOn::Insert).is_err());
        assert!(sql(&rooms(), &scalar).is_err());
    }

    #[test]
    fn what_needs_functions_collations_or_columns_of_others_is_refused() {
        let ci = compare(Collation::CaseInsensitive, col("title"), text("a"));
        let other = Scalar::IsNull(col("nowhere"));
        let nul = compare(Collation::Binary, col("title"), text("a\0b"));
        let concat = Scalar::IsNull(Box::new(Scalar::Concat(vec![*col("title")])));
        for scalar in [ci, other, nul, concat] {
            assert!(sql(&rooms(), &scalar).is_err(), "{scalar:?}");
        }
    }
}
