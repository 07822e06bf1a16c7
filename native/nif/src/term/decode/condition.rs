//! Conditions: what `where:` takes.

use ash_rusqlite_engine::error::nearest;
use ash_rusqlite_engine::query::ir::{CompareOp, KeyValue, Scalar};
use ash_rusqlite_engine::Name;
use rustler::{MapIterator, Term, TermType};

use crate::atoms;

use super::{describe, get_tuple, invalid, is_keyword, name, Decode, Decoded, Items};

/// What a column's condition has besides the comparisons.
pub const OTHER_OPERATORS: &[&str] = &["in", "not_in", "like", "not_like", "is_nil"];

impl Decode {
    /// The condition of a keyword list, a map, a list of conditions, or a single one.
    pub(super) fn condition(&mut self, term: Term<'_>) -> Decoded<Scalar> {
        self.enter()?;
        let condition = match term.get_type() {
            TermType::Tuple => self.single(term)?,
            TermType::List => Scalar::And(self.all_of(term, Decode::item)?),
            TermType::Map => self.equalities(term)?,
            _ => {
                return Err(invalid(format!(
                    "a condition must be a keyword list, a map or a tuple, not {}",
                    describe(term)
                )))
            }
        };
        self.leave();
        Ok(condition)
    }

    /// An optional condition: nil is none.
    pub(super) fn optional_condition(&mut self, term: Term<'_>) -> Decoded<Option<Scalar>> {
        match super::is_nil(term) {
            true => Ok(None),
            false => self.condition(term).map(Some),
        }
    }

    fn all_of(
        &mut self,
        list: Term<'_>,
        each: fn(&mut Decode, Term<'_>) -> Decoded<Scalar>,
    ) -> Decoded<Vec<Scalar>> {
        let mut all = Vec::new();
        let mut items = Items(list);
        for item in items.by_ref() {
            all.push(each(self, item)?);
        }
        items.ended(list, "the conditions")?;
        Ok(all)
    }

    /// An item of a list. In a keyword list `key: value` refers to a column named key, not
    /// of the primary key: such columns are common and it is the only way to write it there.
    /// So it is with `expr`.
    fn item(&mut self, term: Term<'_>) -> Decoded<Scalar> {
        match get_tuple(term).as_deref() {
            Ok([column, value]) if is_atom(*column, "key") || is_atom(*column, "expr") => {
                self.equal(*column, *value)
            }
            _ => self.condition(term),
        }
    }

    fn equalities(&mut self, map: Term<'_>) -> Decoded<Scalar> {
        if map.map_get(atoms::__struct__()).is_ok() {
            return Err(invalid(
                "a condition is a keyword list or a map, not a struct",
            ));
        }
        let mut all = Vec::new();
        for (column, value) in MapIterator::new(map).into_iter().flatten() {
            all.push(self.equal(column, value)?);
        }
        Ok(Scalar::And(all))
    }

    fn equal(&mut self, column: Term<'_>, value: Term<'_>) -> Decoded<Scalar> {
        self.compare(column, CompareOp::Eq, value)
    }

    fn compare(&mut self, column: Term<'_>, op: CompareOp, value: Term<'_>) -> Decoded<Scalar> {
        let column = self.name(column, "a column")?;
        Ok(Scalar::compare(column, op, self.value(value)?))
    }

    fn single(&mut self, term: Term<'_>) -> Decoded<Scalar> {
        match get_tuple(term).unwrap_or_default().as_slice() {
            [tag, inner] if is_atom(*tag, "not") => {
                Ok(Scalar::Not(Box::new(self.condition(*inner)?)))
            }
            [tag, list] if is_atom(*tag, "and") => self.branches(*list).map(Scalar::And),
            [tag, list] if is_atom(*tag, "or") => self.branches(*list).map(Scalar::Or),
            [tag, scalar] if is_atom(*tag, "expr") => self.scalar(*scalar),
            [tag, key] if is_atom(*tag, "key") => self.key(*key).map(Scalar::PrimaryKey),
            [column, value] => self.equal(*column, *value),
            [column, operator, value] => self.operation(*column, *operator, *value),
            [tag, left, operator, right] if is_atom(*tag, "column") => {
                self.columns(*left, *operator, *right)
            }
            _ => Err(invalid(
                "a condition is {column, value}, {column, operator, value}, {:and, list}, \
                 {:or, list}, {:not, condition} or {:column, left, operator, right}",
            )),
        }
    }

    fn branches(&mut self, term: Term<'_>) -> Decoded<Vec<Scalar>> {
        match term.is_list() {
            true => self.all_of(term, Decode::condition),
            false => self.condition(term).map(|condition| vec![condition]),
        }
    }

    fn columns(&mut self, left: Term<'_>, op: Term<'_>, right: Term<'_>) -> Decoded<Scalar> {
        let left = self.name(left, "a column")?;
        let Some(op) = name(op).as_deref().and_then(CompareOp::from_word) else {
            return Err(unknown_operator(op, &[]));
        };
        Ok(Scalar::compare_columns(
            left,
            op,
            self.name(right, "a column")?,
        ))
    }

    fn operation(&mut self, column: Term<'_>, op: Term<'_>, value: Term<'_>) -> Decoded<Scalar> {
        let operator = name(op).unwrap_or_default();
        if let Some(op) = CompareOp::from_word(&operator) {
            return self.compare(column, op, value);
        }
        let column = self.name(column, "a column")?;
        match operator.as_str() {
            "in" => self.among(column, value, false),
            "not_in" => self.among(column, value, true),
            "like" => self.like(column, value, false),
            "not_like" => self.like(column, value, true),
            "is_nil" => match value.decode::<bool>() {
                Ok(is_nil) => Ok(Scalar::is_null(column, !is_nil)),
                Err(_) => Err(invalid(format!(
                    "is_nil takes true or false, not {}",
                    describe(value)
                ))),
            },
            _ => Err(unknown_operator(op, OTHER_OPERATORS)),
        }
    }

    fn among(&mut self, column: Name, list: Term<'_>, negated: bool) -> Decoded<Scalar> {
        let values = self.values(list, "the values of :in and :not_in")?;
        Ok(Scalar::among(column, values).negated_if(negated))
    }

    fn like(&mut self, column: Name, pattern: Term<'_>, negated: bool) -> Decoded<Scalar> {
        match self.text(pattern)? {
            Some(pattern) => Ok(Scalar::like(column, pattern).negated_if(negated)),
            None => Err(invalid(format!(
                "a pattern is a string, not {}",
                describe(pattern)
            ))),
        }
    }

    /// The value of a primary key: a value, or a keyword list or map of its columns.
    pub(super) fn key(&mut self, term: Term<'_>) -> Decoded<KeyValue> {
        let is_struct = || term.map_get(atoms::__struct__()).is_ok();
        if is_keyword(term) || (term.is_map() && !is_struct()) {
            return self.fields(term, "a key").map(KeyValue::Columns);
        }
        self.value(term).map(KeyValue::Single)
    }
}

fn is_atom(term: Term<'_>, text: &str) -> bool {
    term.is_atom() && atoms::text(term).as_deref() == Some(text)
}

fn unknown_operator(term: Term<'_>, others: &[&'static str]) -> super::Stop {
    let comparisons = CompareOp::ALL.iter().map(|op| op.word());
    let known: Vec<&str> = comparisons.chain(others.iter().copied()).collect();
    let list = known.join(", ");
    let hint = name(term)
        .and_then(|operator| nearest(&operator, known.iter().copied()))
        .map(|near| format!(" did you mean :{near}?"))
        .unwrap_or_default();
    invalid(format!(
        "{} is no operator;{hint} the operators are {list}",
        describe(term)
    ))
}
