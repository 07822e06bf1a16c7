//! Queries within expressions.

use rusqlite::types::ToSqlOutput;

use super::builder::Builder;
use super::collation::{self, settle};
use super::compiled::invalid;
use super::types::{may_have_collation, type_of};
use super::{order, where_clause};
use crate::error::Result;
use crate::query::ir::{AggregateKind, Aggregated, Collation, OrderBy, Scalar, Select};
use crate::value::ColumnType;

/// Writes whether a query has a row.
pub(super) fn exists<'v>(b: &mut Builder<'_, 'v>, select: &'v Select) -> Result<()> {
    if select.distinct {
        return Err(invalid(
            "whether there is a row does not depend on distinct; leave it out",
        ));
    }
    b.push("EXISTS(SELECT 1");
    b.enter_query(select)?;
    from(b, select)?;
    b.limit(select.limit, select.offset)?;
    b.leave_query();
    b.push(")");
    Ok(())
}

/// Writes the scalar of a query's first row.
pub(super) fn first_row<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    value: &'v Scalar,
) -> Result<()> {
    b.push("(");
    rows(b, select, Some(value), "")?;
    if select.limit.is_none() && select.offset.is_none() {
        b.push(" LIMIT 1");
    }
    b.push(")");
    Ok(())
}

/// Writes one value over the rows of a query.
pub(super) fn aggregate<'v>(b: &mut Builder<'_, 'v>, aggregated: &'v Aggregated) -> Result<()> {
    let Aggregated {
        kind,
        scalar,
        select,
        include_nil,
        ..
    } = aggregated;
    let cut = select.distinct || select.limit.is_some() || select.offset.is_some();
    match (kind, scalar) {
        (AggregateKind::Exists, _) => exists(b, select),
        (AggregateKind::First, Some(value)) => match (include_nil, cut) {
            (true, _) => first_row(b, select, value),
            (false, true) => {
                b.push("(SELECT \"ash_rusqlite_value\" FROM (");
                rows(b, select, Some(value), " AS \"ash_rusqlite_value\"")?;
                b.push(") WHERE \"ash_rusqlite_value\" IS NOT NULL LIMIT 1)");
                Ok(())
            }
            (false, false) => first_that_is(b, select, value),
        },
        (AggregateKind::Count, None) if aggregated.distinct => {
            Err(invalid("rows are all distinct; count a scalar instead"))
        }
        (AggregateKind::Count, None) => over(b, aggregated, None, cut),
        (_, Some(value)) => over(b, aggregated, Some(value), cut),
        (_, None) => Err(invalid("only :count is over rows; give a scalar")),
    }
}

/// The first scalar that is not null.
fn first_that_is<'v>(b: &mut Builder<'_, 'v>, select: &'v Select, value: &'v Scalar) -> Result<()> {
    b.push("(SELECT ");
    b.enter_query(select)?;
    b.scalar(value)?;
    from(b, select)?;
    b.push(if select.filter.is_some() {
        " AND "
    } else {
        " WHERE "
    });
    b.check_repeated()?;
    b.scalar(value)?;
    b.push(" IS NOT NULL");
    order::write(b, &select.order_by)?;
    b.leave_query();
    b.push(" LIMIT 1)");
    Ok(())
}

/// Writes the collation by which distinct scalars are compared.
fn collate(b: &mut Builder<'_, '_>, collation: Collation, value: &Scalar) {
    match collation {
        Collation::Time(family) => b.collate_times(family),
        _ if may_have_collation(b, value) => b.push(" COLLATE BINARY"),
        _ => {}
    }
}

/// A function over rows; over those of a query of its own where some are cut off first.
fn over<'v>(
    b: &mut Builder<'_, 'v>,
    aggregated: &'v Aggregated,
    value: Option<&'v Scalar>,
    cut: bool,
) -> Result<()> {
    let select = &aggregated.select;
    b.push("(SELECT ");
    if cut {
        // The query that names the column is written behind it.
        let collation = match value.map(|value| settled_within(b, aggregated, value)) {
            Some(collation) => collation?,
            None => aggregated.collation,
        };
        call(b, aggregated, collation, false, |b, wrap| {
            if value.is_none() {
                b.push("*");
                return Ok(());
            }
            b.push(match wrap {
                Wrap::Nothing => "\"ash_rusqlite_value\"",
                Wrap::Number => "ash_rusqlite_number(\"ash_rusqlite_value\")",
                Wrap::Decimal => "ash_rusqlite_to_text(\"ash_rusqlite_value\")",
            });
            Ok(())
        })?;
        b.push(" FROM (");
        let name = " AS \"ash_rusqlite_value\"";
        rows(b, select, value, if value.is_some() { name } else { "" })?;
        b.push("))");
        return Ok(());
    }
    b.enter_query(select)?;
    let list = aggregated.kind == AggregateKind::List;
    if list && aggregated.distinct {
        check_distinct(select, value)?;
    }
    let collation = value.map_or(aggregated.collation, |value| {
        settle(b, aggregated.collation, value)
    });
    call(b, aggregated, collation, list, |b, wrap| {
        operand(b, value, wrap)
    })?;
    from(b, select)?;
    b.leave_query();
    b.push(")");
    Ok(())
}

/// The collation of an aggregate over the rows of a query within.
fn settled_within(
    b: &mut Builder<'_, '_>,
    aggregated: &Aggregated,
    value: &Scalar,
) -> Result<Collation> {
    let compares = matches!(aggregated.kind, AggregateKind::Min | AggregateKind::Max);
    if !(compares || aggregated.distinct) {
        return Ok(aggregated.collation);
    }
    b.enter_query(&aggregated.select)?;
    let collation = settle(b, aggregated.collation, value);
    b.leave_query();
    Ok(collation)
}

/// What an aggregate's operand must be.
#[derive(Clone, Copy, PartialEq)]
enum Wrap {
    Nothing,
    Number,
    Decimal,
}

fn operand<'v>(b: &mut Builder<'_, 'v>, value: Option<&'v Scalar>, wrap: Wrap) -> Result<()> {
    let Some(value) = value else {
        b.push("*");
        return Ok(());
    };
    let number = matches!(
        type_of(b, value),
        Some(ColumnType::Integer | ColumnType::Real)
    );
    match wrap {
        Wrap::Number if !number => {
            b.push("ash_rusqlite_number(");
            b.scalar(value)?;
            b.push(")");
            Ok(())
        }
        Wrap::Decimal => collation::decimal(b, value),
        _ => b.scalar(value),
    }
}

fn call<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    aggregated: &'v Aggregated,
    collation: Collation,
    ordered: bool,
    operand: impl FnOnce(&mut Builder<'t, 'v>, Wrap) -> Result<()>,
) -> Result<()> {
    let decimal = aggregated.collation == Collation::Decimal;
    let (name, wrap) = match aggregated.kind {
        AggregateKind::Count => ("count(", Wrap::Nothing),
        AggregateKind::Sum if decimal => ("ash_rusqlite_decimal_sum(", Wrap::Decimal),
        AggregateKind::Sum => ("sum(", Wrap::Number),
        AggregateKind::Avg if decimal => {
            return Err(invalid(
                "the mean of decimals may not end in decimals; divide their sum by their count",
            ))
        }
        AggregateKind::Avg => ("avg(", Wrap::Number),
        AggregateKind::Min => ("min(", Wrap::Nothing),
        AggregateKind::Max => ("max(", Wrap::Nothing),
        AggregateKind::List if aggregated.include_nil => {
            ("ash_rusqlite_list_with_nulls(", Wrap::Nothing)
        }
        AggregateKind::List => ("ash_rusqlite_list(", Wrap::Nothing),
        AggregateKind::Exists | AggregateKind::First => {
            return Err(invalid("this is no function over rows"))
        }
    };
    let wrap = match aggregated.kind {
        AggregateKind::List => Wrap::Nothing,
        _ if decimal => Wrap::Decimal,
        _ => wrap,
    };
    let compares = matches!(aggregated.kind, AggregateKind::Min | AggregateKind::Max);
    b.push(name);
    if aggregated.distinct && !compares {
        b.push("DISTINCT ");
    }
    operand(b, wrap)?;
    if aggregated.scalar.is_some() && (aggregated.distinct || compares) {
        match collation {
            Collation::Binary => b.push(" COLLATE BINARY"),
            Collation::Decimal => b.push(" COLLATE ash_rusqlite_decimal"),
            Collation::CaseInsensitive => b.push(" COLLATE ash_rusqlite_ci"),
            Collation::Time(family) => b.collate_times(family),
            Collation::Declared => {}
        }
    }
    if let (AggregateKind::Sum, true, Some(digits)) =
        (aggregated.kind, decimal, aggregated.precision)
    {
        b.push(", ");
        b.stored(ToSqlOutput::from(digits))?;
    }
    if ordered {
        order::write(b, &aggregated.select.order_by)?;
    }
    b.push(")");
    Ok(())
}

/// Writes a query with everything that it has; `None` for a value is a row that says nothing.
fn rows<'v>(
    b: &mut Builder<'_, 'v>,
    select: &'v Select,
    value: Option<&'v Scalar>,
    name: &'static str,
) -> Result<()> {
    b.enter_query(select)?;
    b.push("SELECT ");
    match value {
        Some(value) => {
            if select.distinct {
                check_distinct(select, Some(value))?;
                b.push("DISTINCT ");
            }
            b.scalar(value)?;
            if select.distinct {
                let collation = settle(b, Collation::Binary, value);
                collate(b, collation, value);
            }
            b.push(name);
        }
        None if select.distinct => {
            return Err(invalid("rows are all distinct; count a scalar instead"))
        }
        None => b.push("1"),
    }
    from(b, select)?;
    order::write(b, &select.order_by)?;
    b.limit(select.limit, select.offset)?;
    b.leave_query();
    Ok(())
}

/// Distinct scalars have no other order than their own: which row one of them came from is
/// not known.
fn check_distinct(select: &Select, value: Option<&Scalar>) -> Result<()> {
    let only = |item: &OrderBy| Some(&item.scalar) == value;
    if select.order_by.iter().all(only) {
        return Ok(());
    }
    Err(invalid(
        "distinct scalars of a query are ordered by nothing but themselves",
    ))
}

/// Writes ` FROM …` and the condition.
fn from<'v>(b: &mut Builder<'_, 'v>, select: &'v Select) -> Result<()> {
    b.push(" FROM ");
    b.query_table(0);
    for (index, (_, on)) in select.joins.iter().enumerate() {
        b.push(" JOIN ");
        b.query_table(index + 1);
        b.push(" ON ");
        b.show_tables(index + 2);
        b.scalar(on)?;
    }
    b.show_tables(usize::MAX);
    where_clause::filter(b, select)?;
    Ok(())
}
