//! Times in columns whose texts may have several forms. Where every text is known to have the
//! form of its column, times compare by their bytes, and indexes serve them. Elsewhere they compare
//! by a collation that reads them, beside bounds of the texts, which an index serves.

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use super::builder::Builder;
use super::collation::collated;
use super::compiled::Param;
use super::lists;
use crate::error::Result;
use crate::query::ir::{Collation, Scalar};
use crate::query::vocabulary::{Accepts, Comparison};
use crate::value::time_texts::{bounds_of_any_form, bounds_of_one_form, keeps, TextBounds};
use crate::value::{self, ColumnType, TimeFamily, Value};

/// Writes a comparison of times; false where it is a plain one of two columns of one form.
pub(super) fn compare<'v>(
    b: &mut Builder<'_, 'v>,
    operator: Comparison,
    family: TimeFamily,
    left: &'v Scalar,
    right: &'v Scalar,
) -> Result<bool> {
    let (operator, left, right) = match left {
        Scalar::Value { .. } => (operator.swap(), right, left),
        _ => (operator, left, right),
    };
    let column = b.time_column(left);
    if let (Scalar::Value { value, .. }, Scalar::Column { .. }) = (right, left) {
        if let Some(text) = full_text(value, family)? {
            compare_value(b, operator, family, (left, column), (value, text))?;
            return Ok(true);
        }
    }
    if let (Some((one, None)), Some((other, None))) = (column, b.time_column(right)) {
        if one == other {
            return Ok(false);
        }
    }
    b.push("(");
    b.scalar(left)?;
    b.collate_times(family);
    b.push(operator.sql);
    b.scalar(right)?;
    b.push(")");
    Ok(true)
}

/// Writes a comparison of a column with a value, of which `text` is what it is in full.
fn compare_value<'v>(
    b: &mut Builder<'_, 'v>,
    operator: Comparison,
    family: TimeFamily,
    (left, column): (&'v Scalar, Option<(ColumnType, Option<TimeFamily>)>),
    (value, text): (&'v Value, String),
) -> Result<()> {
    let Some((column_type, None)) = column else {
        let bounds = bounds_of_any_form(&text, family);
        return bounded(b, &mut |b| b.scalar(left), family, operator, text, bounds);
    };
    if keeps(value, column_type) {
        let stored = value::encode_as(value, column_type)?;
        return by_bytes(b, left, operator.sql, stored);
    }
    let bounds = bounds_of_one_form(value, column_type);
    let floor = bounds.as_ref().and_then(|bounds| bounds.least.clone());
    match (beside_floor(operator.accepts), floor) {
        (Some(beside), Some(floor)) => {
            by_bytes(b, left, beside, ToSqlOutput::Owned(Stored::Text(floor)))
        }
        _ => bounded(b, &mut |b| b.scalar(left), family, operator, text, bounds),
    }
}

/// Writes a comparison of a column of one form.
fn by_bytes<'v>(
    b: &mut Builder<'_, 'v>,
    left: &'v Scalar,
    operator: &'static str,
    stored: ToSqlOutput<'v>,
) -> Result<()> {
    b.push("(");
    collated(b, Collation::Binary, left)?;
    b.push(operator);
    b.stored(stored)?;
    b.push(")");
    Ok(())
}

/// A column of seconds has no fraction: less than 5.5 s is at most 5 s.
fn beside_floor(accepts: Accepts) -> Option<&'static str> {
    match accepts {
        Accepts::Less => Some(" <= "),
        Accepts::Greater => Some(" > "),
        Accepts::Equal | Accepts::Unequal => None,
    }
}

/// Writes a comparison of a column by its collation, and of its texts by their bounds.
fn bounded<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    column: &mut dyn FnMut(&mut Builder<'t, 'v>) -> Result<()>,
    family: TimeFamily,
    operator: Comparison,
    text: String,
    bounds: Option<TextBounds>,
) -> Result<()> {
    b.push("(");
    column(b)?;
    b.collate_times(family);
    b.push(operator.sql);
    b.stored(ToSqlOutput::Owned(Stored::Text(text)))?;
    within(b, column, bounds_for(operator.accepts, bounds))?;
    b.push(")");
    Ok(())
}

/// The bounds that follow from a comparison.
fn bounds_for(accepts: Accepts, bounds: Option<TextBounds>) -> TextBounds {
    let TextBounds { least, greatest } = bounds.unwrap_or_default();
    match accepts {
        Accepts::Equal => TextBounds { least, greatest },
        Accepts::Less => TextBounds {
            least: None,
            greatest,
        },
        Accepts::Greater => TextBounds {
            least,
            greatest: None,
        },
        Accepts::Unequal => TextBounds::default(),
    }
}

/// Writes that the texts of a column are within bounds, with ` AND ` before each.
fn within<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    column: &mut dyn FnMut(&mut Builder<'t, 'v>) -> Result<()>,
    bounds: TextBounds,
) -> Result<()> {
    for (bound, operator) in [(bounds.least, " >= "), (bounds.greatest, " <= ")] {
        if let Some(bound) = bound {
            b.push(" AND ");
            column(b)?;
            b.push(operator);
            b.stored(ToSqlOutput::Owned(Stored::Text(bound)))?;
        }
    }
    Ok(())
}

/// Writes whether a scalar of times is among values; false when the list holds something else.
pub(super) fn among<'v>(
    b: &mut Builder<'_, 'v>,
    family: TimeFamily,
    item: &'v Scalar,
    list: &'v [Scalar],
) -> Result<bool> {
    let mut values: Vec<&'v Value> = Vec::with_capacity(list.len());
    for scalar in list {
        match scalar {
            Scalar::Null => {}
            Scalar::Value { value, .. } if *value == Value::Null => {}
            Scalar::Value { value, .. } if full_text(value, family)?.is_some() => {
                values.push(value);
            }
            _ => return Ok(false),
        }
    }
    let column = b.time_column(item);
    let mut texts = Vec::with_capacity(values.len());
    let mut bounds: Option<TextBounds> = None;
    for value in values {
        match column {
            Some((column_type, None)) if keeps(value, column_type) => {
                texts.push(Param::Value(value::encode_as(value, column_type)?));
            }
            // No text of the column is this time.
            Some((_, None)) => {}
            _ => {
                if let Some(text) = full_text(value, family)? {
                    bounds = wider(bounds, bounds_of_any_form(&text, family));
                    texts.push(Param::Value(ToSqlOutput::Owned(Stored::Text(text))));
                }
            }
        }
    }
    if texts.is_empty() {
        b.push("CASE WHEN ");
        b.scalar(item)?;
        b.push(" IS NOT NULL THEN 0 END");
        return Ok(true);
    }
    b.push("(");
    b.scalar(item)?;
    match column {
        Some((_, None)) => b.push(" COLLATE BINARY"),
        _ => b.collate_times(family),
    }
    b.push(" IN ");
    lists::values(b, texts)?;
    if column.is_some() {
        within(b, &mut |b| b.scalar(item), bounds.unwrap_or_default())?;
    }
    b.push(")");
    Ok(true)
}

/// Bounds of both.
fn wider(bounds: Option<TextBounds>, other: Option<TextBounds>) -> Option<TextBounds> {
    let Some(other) = other else {
        return Some(TextBounds::default());
    };
    Some(match bounds {
        None => other,
        Some(bounds) => TextBounds {
            least: bounds.least.zip(other.least).map(|(a, b)| a.min(b)),
            greatest: bounds.greatest.zip(other.greatest).map(|(a, b)| a.max(b)),
        },
    })
}

/// Writes, with ` AND ` before each, the bounds of a column that is among values in its form.
pub(super) fn column_among<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    column: &mut dyn FnMut(&mut Builder<'t, 'v>) -> Result<()>,
    family: TimeFamily,
    list: &[ToSqlOutput<'v>],
) -> Result<()> {
    let mut bounds: Option<TextBounds> = None;
    for stored in list {
        let text = text_of(stored).unwrap_or_default();
        bounds = wider(bounds, bounds_of_any_form(text, family));
    }
    within(b, column, bounds.unwrap_or_default())
}

/// Writes, with ` AND ` before each, the bounds of a column that is compared with a value in its
/// form.
pub(super) fn column_bounds<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    column: &mut dyn FnMut(&mut Builder<'t, 'v>) -> Result<()>,
    family: TimeFamily,
    operator: Comparison,
    stored: &ToSqlOutput<'v>,
) -> Result<()> {
    let bounds = text_of(stored).and_then(|text| bounds_of_any_form(text, family));
    within(b, column, bounds_for(operator.accepts, bounds))
}

fn text_of<'a>(stored: &'a ToSqlOutput<'_>) -> Option<&'a str> {
    match stored {
        ToSqlOutput::Owned(Stored::Text(text)) => Some(text),
        ToSqlOutput::Borrowed(ValueRef::Text(text)) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

/// A time with all of its fraction, as it compares with texts of any form.
fn full_text(value: &Value, family: TimeFamily) -> Result<Option<String>> {
    let column_type = match (value, family) {
        (Value::DateTime(_), TimeFamily::Instant) => ColumnType::DateTimeUsec,
        (Value::NaiveDateTime(_), TimeFamily::Naive) => ColumnType::NaiveDateTimeUsec,
        (Value::Time(_), TimeFamily::Clock) => ColumnType::TimeUsec,
        _ => return Ok(None),
    };
    let stored = value::encode_as(value, column_type)?;
    Ok(text_of(&stored).map(str::to_owned))
}
