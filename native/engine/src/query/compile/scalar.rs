//! Expressions. What is written for one is whole: it can be an operand of anything.

use super::builder::Builder;
use super::collation::collated;
use super::compared::{self, same};
use super::compiled::{invalid, Param};
use super::declared::Declared;
use super::types::type_of;
use super::{fragment, subselect};
use crate::error::Result;
use crate::query::ir::{Arguments, Function, Piece, Scalar};
use crate::value::{self, ColumnType};

/// The most arguments of a function that takes any number (SQLITE_MAX_FUNCTION_ARG was 127 for long).
const MAX_ARGUMENTS: usize = 100;

impl<'v> Builder<'_, 'v> {
    /// Writes an expression. All of it is operands of one another, so every file writes them by this.
    pub(super) fn scalar(&mut self, scalar: &'v Scalar) -> Result<()> {
        write(self, scalar)
    }

    /// Writes a condition that can stand between ANDs.
    pub(super) fn condition(&mut self, filter: &'v Scalar) -> Result<()> {
        match filter {
            Scalar::And(all) if !all.is_empty() => join(self, all, " AND ", &mut operand),
            filter => operand(self, filter),
        }
    }
}

fn write<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    let Some(declared) = Declared::of(scalar) else {
        return expression(b, scalar);
    };
    b.enter()?;
    b.push("(");
    declared.write(b)?;
    b.push(")");
    b.leave();
    Ok(())
}

/// Writes a condition alone, or an operand of AND or OR: there one of a declared column needs no
/// parentheses.
fn operand<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    let Some(declared) = Declared::of(scalar) else {
        return expression(b, scalar);
    };
    b.enter()?;
    declared.write(b)?;
    b.leave();
    Ok(())
}

fn expression<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    b.enter()?;
    match scalar {
        Scalar::Null => b.push("NULL"),
        Scalar::Boolean(true) => b.push("1"),
        Scalar::Boolean(false) => b.push("0"),
        Scalar::Value { column_type, value } => {
            b.param(Param::Value(value::encode_as(value, *column_type)?))?;
        }
        Scalar::Untyped(_) => {
            return Err(invalid(
                "a value without a type is compared with a column; give it a type",
            ))
        }
        Scalar::Column { depth, table, name } => b.column(*depth, *table, name)?,
        Scalar::Compare {
            op,
            collation,
            left,
            right,
        } => compared::compare(b, op.comparison(), *collation, left, right)?,
        Scalar::Same {
            collation,
            left,
            right,
            negated,
        } => same(b, *collation, left, right, *negated)?,
        Scalar::In {
            collation,
            item,
            list,
        } => compared::among(b, *collation, item, list)?,
        Scalar::IsNull(scalar) => around(b, "(", scalar, " IS NULL)")?,
        Scalar::And(scalars) => group(b, scalars, " AND ", "1")?,
        Scalar::Or(scalars) => group(b, scalars, " OR ", "0")?,
        Scalar::Not(scalar) => around(b, "(NOT ", scalar, ")")?,
        Scalar::Arith { op, left, right } => {
            b.call(op.registered().name);
            both(b, left, ", ", right, ")")?;
        }
        Scalar::Negate(scalar) => around(b, "ash_rusqlite_negate(", scalar, ")")?,
        Scalar::Cast(cast, scalar) => match cast.registered() {
            Some(function) => {
                b.call(function.name);
                around(b, "", scalar, ")")?;
            }
            None => write(b, scalar)?,
        },
        Scalar::Concat(texts) => concat(b, texts)?,
        Scalar::Call(function, arguments) => call(b, *function, arguments)?,
        Scalar::Fragment(pieces) => fragment(b, pieces)?,
        Scalar::Collate(collation, scalar) => {
            b.push("(");
            collated(b, *collation, scalar)?;
            b.push(")");
        }
        Scalar::Exists(select) => subselect::exists(b, select)?,
        Scalar::Subquery(select, scalar) => subselect::first_row(b, select, scalar)?,
        Scalar::Aggregate(aggregated) => subselect::aggregate(b, aggregated)?,
        _ => logic(b, scalar)?,
    }
    b.leave();
    Ok(())
}

/// What is decided by cases. Each operand is written once: written twice at every level, it
/// would make the SQL grow without bounds.
fn logic<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    match scalar {
        Scalar::AndValue(left, right)
        | Scalar::AndThen {
            boolean: true,
            left,
            right,
        } => {
            b.push("CASE ");
            both(b, left, " WHEN 1 THEN ", right, " WHEN 0 THEN 0 END")
        }
        Scalar::OrValue(left, right)
        | Scalar::OrElse {
            boolean: true,
            left,
            right,
        } => {
            b.push("CASE WHEN ");
            both(b, left, " THEN 1 ELSE ", right, " END")
        }
        Scalar::AndThen { left, right, .. } => {
            b.push("CASE WHEN ");
            both(b, left, " IS NOT NULL THEN ", right, " END")
        }
        Scalar::OrElse { left, right, .. } => {
            b.push("coalesce(");
            both(b, left, ", ", right, ")")
        }
        Scalar::If {
            boolean,
            condition,
            then,
            otherwise,
        } => {
            b.push("CASE WHEN ");
            let then_word = match boolean {
                true => " THEN ",
                false => " IS NOT NULL THEN ",
            };
            both(b, condition, then_word, then, " ELSE ")?;
            write(b, otherwise)?;
            b.push(" END");
            Ok(())
        }
        _ => Err(invalid("this is no expression of logic")),
    }
}

/// Writes two scalars with something between and behind them.
fn both<'v>(
    b: &mut Builder<'_, 'v>,
    left: &'v Scalar,
    between: &'static str,
    right: &'v Scalar,
    behind: &'static str,
) -> Result<()> {
    write(b, left)?;
    b.push(between);
    write(b, right)?;
    b.push(behind);
    Ok(())
}

fn around<'v>(
    b: &mut Builder<'_, 'v>,
    before: &'static str,
    scalar: &'v Scalar,
    behind: &'static str,
) -> Result<()> {
    b.push(before);
    write(b, scalar)?;
    b.push(behind);
    Ok(())
}

fn group<'v>(
    b: &mut Builder<'_, 'v>,
    scalars: &'v [Scalar],
    operator: &'static str,
    empty: &'static str,
) -> Result<()> {
    match scalars {
        [] => b.push(empty),
        [scalar] => write(b, scalar)?,
        _ => {
            b.push("(");
            join(b, scalars, operator, &mut operand)?;
            b.push(")");
        }
    }
    Ok(())
}

/// Long lists become a balanced tree, so that they stay within SQLite's depth limit.
fn join<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    scalars: &'v [Scalar],
    operator: &'static str,
    each: &mut impl FnMut(&mut Builder<'t, 'v>, &'v Scalar) -> Result<()>,
) -> Result<()> {
    if scalars.len() > 4 {
        let (left, right) = scalars.split_at(scalars.len() / 2);
        b.push("(");
        join(b, left, operator, each)?;
        b.push(")");
        b.push(operator);
        b.push("(");
        join(b, right, operator, each)?;
        b.push(")");
        return Ok(());
    }
    for (index, scalar) in scalars.iter().enumerate() {
        if index > 0 {
            b.push(operator);
        }
        each(b, scalar)?;
    }
    Ok(())
}

/// SQLite's `||` takes anything for a text, so what is not known to be one is checked.
fn concat<'v>(b: &mut Builder<'_, 'v>, texts: &'v [Scalar]) -> Result<()> {
    if texts.is_empty() {
        b.push("''");
        return Ok(());
    }
    b.push("(");
    join(b, texts, " || ", &mut |b, text| match type_of(b, text) {
        Some(ColumnType::Text | ColumnType::Uuid) => write(b, text),
        _ => around(b, "ash_rusqlite_text(", text, ")"),
    })?;
    b.push(")");
    Ok(())
}

fn call<'v>(b: &mut Builder<'_, 'v>, function: Function, arguments: &'v [Scalar]) -> Result<()> {
    match (function.arguments(), arguments) {
        (Arguments::Exactly(wanted), _) if arguments.len() != wanted => {
            return Err(invalid(format!(
                "{function:?} takes {wanted} arguments, not {}",
                arguments.len()
            )))
        }
        (Arguments::Any, []) => {
            b.push("NULL");
            return Ok(());
        }
        (Arguments::Any, [scalar]) => return write(b, scalar),
        (Arguments::Any, _) if arguments.len() > MAX_ARGUMENTS => {
            return Err(invalid(format!(
                "{} takes at most {MAX_ARGUMENTS} arguments",
                function.word()
            )))
        }
        _ => {}
    }
    match function.registered() {
        Some(function) => b.call(function.name),
        None => {
            b.push(function.word());
            b.push("(");
        }
    }
    b.list(arguments, write)?;
    b.push(")");
    Ok(())
}

/// Writes a fragment, in parentheses.
fn fragment<'v>(b: &mut Builder<'_, 'v>, pieces: &'v [Piece]) -> Result<()> {
    let checked = fragment::check(pieces)?;
    let around = std::mem::replace(&mut b.scopes.qualified, true);
    let exact = pieces.contains(&Piece::CaseSensitiveLike);
    b.push("(");
    for piece in pieces {
        match piece {
            Piece::Sql(text) if exact => b.fragment(&checked, &fragment::with_exact_like(text)),
            Piece::Sql(text) => b.fragment(&checked, text),
            Piece::CaseSensitiveLike => {}
            Piece::Scalar(part) => {
                // Blanks, so that nothing grows together with the text around it: `?` and a 1
                // would be `?1`.
                b.push(" ");
                write(b, part)?;
                b.push(" ");
            }
        }
    }
    b.push(")");
    b.scopes.qualified = around;
    Ok(())
}
