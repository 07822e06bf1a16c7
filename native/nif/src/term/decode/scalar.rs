//! Expressions, as `AshRusqlite.Repo.Expression` documents them.

use ash_rusqlite_engine::query::ir::{
    ArithOp, Cast, Collation, CompareOp, Computed, Function, OrderBy, Piece, Scalar,
};
use ash_rusqlite_engine::value::TimeFamily;
use ash_rusqlite_engine::ColumnType;
use rustler::Term;

use crate::atoms;

use super::select::direction;
use super::{describe, get_tuple, invalid, is_nil, name, Decode, Decoded, Stop};

impl Decode {
    /// An expression.
    pub(super) fn scalar(&mut self, term: Term<'_>) -> Decoded<Scalar> {
        self.spend(0)?;
        if let Some(constant) = constant(term) {
            return Ok(constant);
        }
        self.enter()?;
        let parts = get_tuple(term).unwrap_or_default();
        let [tag, rest @ ..] = parts.as_slice() else {
            return Err(no_scalar(term));
        };
        let tag = name(*tag).unwrap_or_default();
        let scalar = match tag.as_str() {
            "col" => self.column(rest),
            "value" => self.literal(rest),
            "compare" | "distinct_from" | "not_distinct_from" | "in" | "is_nil" | "collate" => {
                self.compared(&tag, rest)
            }
            "arith" | "neg" | "cast" | "concat" | "call" => self.computed_of(&tag, rest),
            "exists" | "subquery" | "aggregate" => self.of_rows(&tag, rest),
            "fragment" => self.fragment(rest),
            _ => self.logic(&tag, rest),
        }?;
        self.leave();
        scalar.ok_or_else(|| no_scalar(term))
    }

    fn boxed(&mut self, term: Term<'_>) -> Decoded<Box<Scalar>> {
        self.scalar(term).map(Box::new)
    }

    /// A list of expressions.
    pub(super) fn scalars(&mut self, list: Term<'_>, what: &'static str) -> Decoded<Vec<Scalar>> {
        let mut scalars = Vec::new();
        self.each(list, what, |decode, item| {
            scalars.push(decode.scalar(item)?);
            Ok(())
        })?;
        Ok(scalars)
    }

    fn column(&mut self, parts: &[Term<'_>]) -> Decoded<Option<Scalar>> {
        let number = |term: &Term<'_>| term.decode::<usize>().ok();
        let (depth, table, column) = match parts {
            [column] => (Some(0), Some(0), column),
            [depth, column] => (number(depth), Some(0), column),
            [depth, table, column] => (number(depth), number(table), column),
            _ => return Ok(None),
        };
        let Some((depth, table)) = depth.zip(table) else {
            return Ok(None);
        };
        let name = self.name(*column, "a column")?;
        Ok(Some(Scalar::Column { depth, table, name }))
    }

    fn literal(&mut self, parts: &[Term<'_>]) -> Decoded<Option<Scalar>> {
        let [of_type, value] = parts else {
            return Ok(None);
        };
        let column_type = column_type(*of_type)?;
        let value = self.value(*value)?;
        Ok(Some(Scalar::Value { column_type, value }))
    }

    fn compared(&mut self, tag: &str, parts: &[Term<'_>]) -> Decoded<Option<Scalar>> {
        Ok(Some(match (tag, parts) {
            ("compare", [op, collated, left, right]) => {
                let Some(op) = name(*op).as_deref().and_then(CompareOp::from_word) else {
                    return Ok(None);
                };
                Scalar::Compare {
                    op,
                    collation: collation(*collated)?,
                    left: self.boxed(*left)?,
                    right: self.boxed(*right)?,
                }
            }
            ("distinct_from" | "not_distinct_from", [collated, left, right]) => Scalar::Same {
                collation: collation(*collated)?,
                left: self.boxed(*left)?,
                right: self.boxed(*right)?,
                negated: tag == "distinct_from",
            },
            ("in", [collated, item, list]) => Scalar::In {
                collation: collation(*collated)?,
                item: self.boxed(*item)?,
                list: self.scalars(*list, "the list of :in")?,
            },
            ("is_nil", [scalar]) => Scalar::IsNull(self.boxed(*scalar)?),
            ("collate", [collated, scalar]) => {
                Scalar::Collate(collation(*collated)?, self.boxed(*scalar)?)
            }
            _ => return Ok(None),
        }))
    }

    fn logic(&mut self, tag: &str, parts: &[Term<'_>]) -> Decoded<Option<Scalar>> {
        Ok(Some(match (tag, parts) {
            ("and", [list]) => Scalar::And(self.scalars(*list, "the list of :and")?),
            ("or", [list]) => Scalar::Or(self.scalars(*list, "the list of :or")?),
            ("not", [scalar]) => Scalar::Not(self.boxed(*scalar)?),
            ("and_value", [left, right]) => {
                Scalar::AndValue(self.boxed(*left)?, self.boxed(*right)?)
            }
            ("or_value", [left, right]) => Scalar::OrValue(self.boxed(*left)?, self.boxed(*right)?),
            ("and_then", [boolean, left, right]) => Scalar::AndThen {
                boolean: flag(*boolean)?,
                left: self.boxed(*left)?,
                right: self.boxed(*right)?,
            },
            ("or_else", [boolean, left, right]) => Scalar::OrElse {
                boolean: flag(*boolean)?,
                left: self.boxed(*left)?,
                right: self.boxed(*right)?,
            },
            ("if", [boolean, condition, then, otherwise]) => Scalar::If {
                boolean: flag(*boolean)?,
                condition: self.boxed(*condition)?,
                then: self.boxed(*then)?,
                otherwise: self.boxed(*otherwise)?,
            },
            _ => return Ok(None),
        }))
    }

    fn computed_of(&mut self, tag: &str, parts: &[Term<'_>]) -> Decoded<Option<Scalar>> {
        Ok(Some(match (tag, parts) {
            ("arith", [op, left, right]) => {
                let Some(op) = name(*op).as_deref().and_then(ArithOp::from_word) else {
                    return Ok(None);
                };
                Scalar::Arith {
                    op,
                    left: self.boxed(*left)?,
                    right: self.boxed(*right)?,
                }
            }
            ("neg", [scalar]) => Scalar::Negate(self.boxed(*scalar)?),
            ("cast", [to, scalar]) => {
                let Some(cast) = name(*to).as_deref().and_then(Cast::from_word) else {
                    return Ok(None);
                };
                Scalar::Cast(cast, self.boxed(*scalar)?)
            }
            ("concat", [list]) => Scalar::Concat(self.scalars(*list, "the list of :concat")?),
            ("call", [called, arguments]) => {
                let Some(function) = name(*called).as_deref().and_then(Function::from_word) else {
                    let shown = describe(*called);
                    return Err(invalid(format!("there is no function {shown}")));
                };
                let arguments = self.scalars(*arguments, "the arguments of :call")?;
                Scalar::Call(function, arguments)
            }
            _ => return Ok(None),
        }))
    }

    /// Strings are SQL, all else are scalars.
    fn fragment(&mut self, parts: &[Term<'_>]) -> Decoded<Option<Scalar>> {
        let [list] = parts else {
            return Ok(None);
        };
        let mut pieces = Vec::new();
        self.each(*list, "the pieces of :fragment", |decode, item| {
            pieces.push(match decode.text(item)? {
                Some(text) => Piece::Sql(text),
                None if item.is_binary() => {
                    return Err(invalid("the SQL of a fragment is text in UTF-8"))
                }
                None if name(item).as_deref() == Some("case_sensitive_like") => {
                    Piece::CaseSensitiveLike
                }
                None => Piece::Scalar(decode.scalar(item)?),
            });
            Ok(())
        })?;
        Ok(Some(Scalar::Fragment(pieces)))
    }

    /// `{:expr, scalar, type}`.
    pub(super) fn typed_scalar<'a>(&mut self, term: Term<'a>) -> Decoded<(Scalar, Term<'a>)> {
        match get_tuple(term).as_deref() {
            Ok([tag, scalar, of_type]) if name(*tag).as_deref() == Some("expr") => {
                Ok((self.scalar(*scalar)?, *of_type))
            }
            _ => Err(invalid(format!(
                "an expression is {{:expr, scalar, type}} here, not {}",
                describe(term)
            ))),
        }
    }

    /// `{name, {:expr, scalar, type}}`. The name becomes an atom, so it must be one already.
    pub(super) fn computed(&mut self, term: Term<'_>) -> Decoded<Computed> {
        match get_tuple(term).as_deref() {
            Ok([column, expression]) if column.is_atom() => {
                let name = self.name(*column, "the name of a computed column")?;
                let (scalar, of_type) = self.typed_scalar(*expression)?;
                let (list, of_type) = match get_tuple(of_type).as_deref() {
                    Ok([tag, of_type]) if super::name(*tag).as_deref() == Some("list") => {
                        (true, *of_type)
                    }
                    _ => (false, of_type),
                };
                Ok(Computed {
                    name,
                    scalar,
                    column_type: column_type(of_type)?,
                    list,
                })
            }
            _ => Err(invalid(format!(
                "a computed column is {{name, {{:expr, scalar, type}}}} with an atom for a name, \
                 not {}",
                describe(term)
            ))),
        }
    }

    /// A list of `{direction, scalar}`.
    pub(super) fn order_of_scalars(&mut self, list: Term<'_>) -> Decoded<Vec<OrderBy>> {
        let mut order = Vec::new();
        self.each(list, "an order", |decode, item| {
            match get_tuple(item).as_deref() {
                Ok([way, scalar]) => {
                    let (descending, nulls) = direction(*way)?;
                    order.push(OrderBy {
                        scalar: decode.scalar(*scalar)?,
                        descending,
                        nulls,
                    });
                    Ok(())
                }
                _ => Err(invalid(format!(
                    "an order is a list of {{direction, scalar}}, not of {}",
                    describe(item)
                ))),
            }
        })?;
        Ok(order)
    }
}

fn constant(term: Term<'_>) -> Option<Scalar> {
    if is_nil(term) {
        Some(Scalar::Null)
    } else if atoms::true_() == term {
        Some(Scalar::Boolean(true))
    } else if atoms::false_() == term {
        Some(Scalar::Boolean(false))
    } else {
        None
    }
}

fn no_scalar(term: Term<'_>) -> Stop {
    let shown = match get_tuple(term).as_deref() {
        Ok([tag, rest @ ..]) => format!("{} of {} parts", describe(*tag), rest.len()),
        _ => describe(term),
    };
    invalid(format!(
        "there is no expression {shown}; see AshRusqlite.Repo.Expression"
    ))
}

/// A column's type by its name.
pub(super) fn column_type(term: Term<'_>) -> Decoded<ColumnType> {
    let known = name(term).as_deref().and_then(ColumnType::from_word);
    known.ok_or_else(|| {
        invalid(format!(
            "{} is no type; see AshRusqlite.Repo.Expression",
            describe(term)
        ))
    })
}

/// The collations by their names; nil compares bytes.
pub const COLLATIONS: &[(&str, Collation)] = &[
    ("decimal", Collation::Decimal),
    ("ci", Collation::CaseInsensitive),
    ("instant", Collation::Time(TimeFamily::Instant)),
    ("naive", Collation::Time(TimeFamily::Naive)),
    ("clock", Collation::Time(TimeFamily::Clock)),
];

/// A collation.
pub(super) fn collation(term: Term<'_>) -> Decoded<Collation> {
    if is_nil(term) {
        return Ok(Collation::Binary);
    }
    let given = name(term).unwrap_or_default();
    let known = COLLATIONS.iter().find(|(name, _)| *name == given.as_str());
    known.map(|(_, collation)| *collation).ok_or_else(|| {
        invalid(format!(
            "a collation is nil, :decimal, :ci, :instant, :naive or :clock, not {}",
            describe(term)
        ))
    })
}

/// True or false.
pub(super) fn flag(term: Term<'_>) -> Decoded<bool> {
    term.decode()
        .map_err(|_| invalid(format!("this takes true or false, not {}", describe(term))))
}
