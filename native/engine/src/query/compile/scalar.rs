//! Expressions. What is written for one is whole: it can be an operand of anything.

use super::builder::Builder;
use super::compared::{self, same};
use super::{fragment, invalid, subselect, times, Param};
use crate::error::Result;
use crate::query::ir::{ArithOp, Cast, Collation, Function, Nulls, Scalar, ScalarOrder};
use crate::value::{self, ColumnType};

/// The most arguments of `coalesce` (SQLITE_MAX_FUNCTION_ARG was 127 for long).
const MAX_ARGUMENTS: usize = 100;

/// Writes a scalar.
pub(super) fn write<'v>(b: &mut Builder<'_, 'v>, scalar: &'v Scalar) -> Result<()> {
    b.enter()?;
    match scalar {
        Scalar::Null => b.push("NULL"),
        Scalar::Boolean(true) => b.push("1"),
        Scalar::Boolean(false) => b.push("0"),
        Scalar::Value { column_type, value } => {
            b.param(Param::Value(value::encode_as(value, *column_type)?))?;
        }
        Scalar::Column { depth, table, name } => b.column(*depth, *table, name)?,
        Scalar::Compare {
            op,
            collation,
            left,
            right,
        } => compared::compare(b, super::filter::operator(*op), *collation, left, right)?,
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
            b.push(arithmetic(*op));
            both(b, left, ", ", right, ")")?;
        }
        Scalar::Negate(scalar) => around(b, "ash_rusqlite_negate(", scalar, ")")?,
        Scalar::Cast(Cast::Boolean, scalar) => write(b, scalar)?,
        Scalar::Cast(Cast::Real, scalar) => around(b, "ash_rusqlite_to_real(", scalar, ")")?,
        Scalar::Cast(Cast::Text, scalar) => around(b, "ash_rusqlite_to_text(", scalar, ")")?,
        Scalar::Concat(texts) => concat(b, texts)?,
        Scalar::Call(function, arguments) => call(b, *function, arguments)?,
        Scalar::Fragment(pieces) => fragment::write(b, pieces)?,
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
pub(super) fn both<'v>(
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
            join(b, scalars, operator, &mut write)?;
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

fn arithmetic(op: ArithOp) -> &'static str {
    match op {
        ArithOp::Add => "ash_rusqlite_add(",
        ArithOp::Subtract => "ash_rusqlite_subtract(",
        ArithOp::Multiply => "ash_rusqlite_multiply(",
        ArithOp::Divide => "ash_rusqlite_divide(",
        ArithOp::Remainder => "ash_rusqlite_remainder(",
    }
}

/// SQLite's `||` takes anything for a text, so what is not known to be one is checked.
fn concat<'v>(b: &mut Builder<'_, 'v>, texts: &'v [Scalar]) -> Result<()> {
    if texts.is_empty() {
        b.push("''");
        return Ok(());
    }
    b.push("(");
    join(
        b,
        texts,
        " || ",
        &mut |b, text| match compared::type_of(b, text) {
            Some(ColumnType::Text | ColumnType::Uuid) => write(b, text),
            _ => around(b, "ash_rusqlite_text(", text, ")"),
        },
    )?;
    b.push(")");
    Ok(())
}

fn call<'v>(b: &mut Builder<'_, 'v>, function: Function, arguments: &'v [Scalar]) -> Result<()> {
    let (name, wanted) = match function {
        Function::StringLength => ("ash_rusqlite_string_length(", 1),
        Function::Downcase => ("ash_rusqlite_downcase(", 1),
        Function::Upcase => ("ash_rusqlite_upcase(", 1),
        Function::Trim => ("ash_rusqlite_trim(", 1),
        Function::Contains => ("ash_rusqlite_contains(", 2),
        Function::StartsWith => ("ash_rusqlite_starts_with(", 2),
        Function::EndsWith => ("ash_rusqlite_ends_with(", 2),
        Function::Like => ("ash_rusqlite_like(", 2),
        Function::ILike => ("ash_rusqlite_ilike(", 2),
        Function::LikeExact => ("ash_rusqlite_like_exact(", 2),
        Function::LikeAscii => ("ash_rusqlite_like_ascii(", 2),
        Function::Length => ("ash_rusqlite_length(", 1),
        Function::DecimalForm => ("ash_rusqlite_decimal_form(", 1),
        Function::Required => ("ash_rusqlite_required(", 2),
        Function::Coalesce => return coalesce(b, arguments),
    };
    if arguments.len() != wanted {
        return Err(invalid(format!(
            "{function:?} takes {wanted} arguments, not {}",
            arguments.len()
        )));
    }
    b.push(name);
    b.list(arguments, write)?;
    b.push(")");
    Ok(())
}

fn coalesce<'v>(b: &mut Builder<'_, 'v>, arguments: &'v [Scalar]) -> Result<()> {
    match arguments {
        [] => b.push("NULL"),
        [scalar] => write(b, scalar)?,
        _ if arguments.len() > MAX_ARGUMENTS => {
            return Err(invalid(format!(
                "coalesce takes at most {MAX_ARGUMENTS} arguments"
            )))
        }
        _ => {
            b.push("coalesce(");
            b.list(arguments, write)?;
            b.push(")");
        }
    }
    Ok(())
}

/// A scalar with an explicit collation, unless it is known to need none.
pub(super) fn collated<'v>(
    b: &mut Builder<'_, 'v>,
    collation: Collation,
    scalar: &'v Scalar,
) -> Result<()> {
    match times::settle(b, collation, scalar) {
        Collation::Time(family) => {
            write(b, scalar)?;
            b.collate_times(family);
        }
        Collation::Decimal => {
            compared::decimal(b, scalar)?;
            b.push(" COLLATE ash_rusqlite_decimal");
        }
        Collation::CaseInsensitive => {
            write(b, scalar)?;
            b.push(" COLLATE ash_rusqlite_ci");
        }
        Collation::Binary => {
            write(b, scalar)?;
            if compared::may_have_collation(b, scalar) {
                b.push(" COLLATE BINARY");
            }
        }
    }
    Ok(())
}

/// Whether a scalar tells rows apart. One that is the same for every row does not, and SQLite
/// would take a plain 1 for the first column.
pub(super) fn orders(scalar: &Scalar) -> bool {
    let scalar = bare(scalar).1;
    let number = fragment::pieces(scalar).is_some_and(fragment::is_number);
    !number && !matches!(scalar, Scalar::Null | Scalar::Boolean(_))
}

/// A scalar without the collations around it, of which the outermost that says something counts.
fn bare(mut scalar: &Scalar) -> (Collation, &Scalar) {
    let mut collation = Collation::Binary;
    while let Scalar::Collate(wanted, inner) = scalar {
        if collation == Collation::Binary {
            collation = *wanted;
        }
        scalar = inner;
    }
    (collation, scalar)
}

/// Writes the scalars of an order with commas between them; `comma` begins with one. Columns
/// of decimals are ordered by their value.
pub(super) fn order<'v>(
    b: &mut Builder<'_, 'v>,
    order: &'v [ScalarOrder],
    mut comma: bool,
) -> Result<()> {
    for item in order.iter().filter(|item| orders(&item.scalar)) {
        if comma {
            b.push(", ");
        }
        comma = true;
        let (mut collation, scalar) = bare(&item.scalar);
        let decimals = matches!(scalar, Scalar::Column { .. })
            && compared::type_of(b, scalar) == Some(ColumnType::Decimal);
        if decimals && collation == Collation::Binary {
            collation = Collation::Decimal;
        }
        collated(b, collation, scalar)?;
        if item.descending {
            b.push(" DESC");
        }
        // Where nulls go by default is not said, nor where none can be: SQLite finds more indexes
        // for it so.
        match (item.nulls, item.descending) {
            _ if never_null(b, scalar) => {}
            (Some(Nulls::First), true) => b.push(" NULLS FIRST"),
            (Some(Nulls::Last), false) => b.push(" NULLS LAST"),
            _ => {}
        }
    }
    Ok(())
}

/// Whether it is a column that the table keeps from being null. A table that was joined may lack
/// the row.
fn never_null(b: &Builder<'_, '_>, scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Column {
            depth: 0,
            table: 0,
            name,
        } => {
            let column = b.scopes.column(0, 0, name);
            column.is_ok_and(|column| column.not_null)
        }
        _ => false,
    }
}
