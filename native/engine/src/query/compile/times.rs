//! Times in columns whose texts may have several forms. Where every text is known to have the
//! form of its column, times compare by their bytes, and indexes serve them. Elsewhere they compare
//! by a collation that reads them, beside bounds of the texts, which an index serves.

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

use super::builder::Builder;
use super::compared::{plain, type_of};
use super::scalar::{collated, write};
use super::{fragment, Param};
use crate::catalog::{Column, Form, Table};
use crate::error::Result;
use crate::query::ir::{Collation, Scalar};
use crate::value::time_texts::{bounds_of_any_form, bounds_of_one_form, keeps, TextBounds};
use crate::value::{self, ColumnType, TimeFamily, Value};

/// What a statement assumes about the texts of times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// Whether it relies on what a look has found.
    pub relied: bool,
    /// Columns, by table and name, that nobody has looked at. It is right whatever they hold, and
    /// quicker where they have one form.
    pub unknown: Vec<(String, String)>,
}

impl Builder<'_, '_> {
    /// The family by whose collation a column compares: `None` where its bytes do.
    pub(super) fn several_forms(&mut self, table: &Table, column: &Column) -> Option<TimeFamily> {
        let family = column.column_type.time_family()?;
        match column.form {
            Form::One => {
                self.forms.relied = true;
                None
            }
            Form::Several => {
                self.forms.relied = true;
                Some(family)
            }
            Form::Unknown => {
                let place = (table.name.clone(), column.name.clone());
                if !self.forms.unknown.contains(&place) {
                    self.forms.unknown.push(place);
                }
                Some(family)
            }
        }
    }

    /// The collation of times.
    pub(super) fn collate_times(&mut self, family: TimeFamily) {
        self.push(match family {
            TimeFamily::Instant => " COLLATE ash_rusqlite_instant",
            TimeFamily::Naive => " COLLATE ash_rusqlite_naive",
            TimeFamily::Clock => " COLLATE ash_rusqlite_clock",
        });
    }

    /// A scalar's column, with its type and whether it is known to have one form.
    fn time_column(&mut self, scalar: &Scalar) -> Option<(ColumnType, Option<TimeFamily>)> {
        let Scalar::Column { depth, table, name } = scalar else {
            return None;
        };
        let (owner, column) = self.scopes.owned_column(*depth, *table, name).ok()?;
        column.column_type.time_family()?;
        Some((column.column_type, self.several_forms(owner, column)))
    }
}

/// The collation of a scalar of times: none where its texts are known to have one form.
pub(super) fn settle(b: &mut Builder<'_, '_>, collation: Collation, scalar: &Scalar) -> Collation {
    let family = match collation {
        Collation::Time(family) => Some(family),
        Collation::Binary => type_of(b, scalar).and_then(ColumnType::time_family),
        Collation::Decimal | Collation::CaseInsensitive => None,
    };
    match (family, b.time_column(scalar)) {
        (None, _) => collation,
        (Some(_), Some((_, None))) => Collation::Binary,
        (Some(family), _) => Collation::Time(family),
    }
}

/// The family by which two scalars compare. A fragment compares by SQLite's own rules.
pub(super) fn family(
    b: &Builder<'_, '_>,
    collation: Collation,
    scalars: [&Scalar; 2],
) -> Option<TimeFamily> {
    if scalars.iter().any(|s| fragment::pieces(s).is_some()) {
        return None;
    }
    match collation {
        Collation::Time(family) => Some(family),
        Collation::Binary => scalars
            .iter()
            .find_map(|scalar| type_of(b, scalar)?.time_family()),
        Collation::Decimal | Collation::CaseInsensitive => None,
    }
}

/// Writes a comparison of times.
pub(super) fn compare<'v>(
    b: &mut Builder<'_, 'v>,
    operator: &'static str,
    family: TimeFamily,
    left: &'v Scalar,
    right: &'v Scalar,
) -> Result<()> {
    let (operator, left, right) = match left {
        Scalar::Value { .. } => (reversed(operator), right, left),
        _ => (operator, left, right),
    };
    let column = b.time_column(left);
    if let (Scalar::Value { value, .. }, Scalar::Column { .. }) = (right, left) {
        if let Some(text) = full_text(value, family)? {
            return match column {
                Some((column_type, None)) if keeps(value, column_type) => {
                    let stored = value::encode_as(value, column_type)?;
                    b.push("(");
                    collated(b, Collation::Binary, left)?;
                    b.push(operator);
                    b.stored(stored)?;
                    b.push(")");
                    Ok(())
                }
                Some((column_type, None)) => {
                    let bounds = bounds_of_one_form(value, column_type);
                    if let (Some(operator), Some(floor)) = (
                        beside_floor(operator),
                        bounds.as_ref().and_then(|bounds| bounds.least.clone()),
                    ) {
                        b.push("(");
                        collated(b, Collation::Binary, left)?;
                        b.push(operator);
                        b.stored(ToSqlOutput::Owned(Stored::Text(floor)))?;
                        b.push(")");
                        return Ok(());
                    }
                    bounded(b, &mut |b| write(b, left), family, operator, text, bounds)
                }
                _ => {
                    let bounds = bounds_of_any_form(&text, family);
                    bounded(b, &mut |b| write(b, left), family, operator, text, bounds)
                }
            };
        }
    }
    match (column, b.time_column(right)) {
        (Some((one, None)), Some((other, None))) if one == other => {
            plain(b, operator, Collation::Binary, left, right)
        }
        _ => {
            b.push("(");
            write(b, left)?;
            b.collate_times(family);
            b.push(operator);
            write(b, right)?;
            b.push(")");
            Ok(())
        }
    }
}

/// A column of seconds has no fraction: less than 5.5 s is at most 5 s.
fn beside_floor(operator: &str) -> Option<&'static str> {
    match operator {
        " < " | " <= " => Some(" <= "),
        " > " | " >= " => Some(" > "),
        _ => None,
    }
}

/// The operator that says the same of its operands the other way round.
fn reversed(operator: &'static str) -> &'static str {
    match operator {
        " < " => " > ",
        " <= " => " >= ",
        " > " => " < ",
        " >= " => " <= ",
        other => other,
    }
}

/// Writes a comparison of a column by its collation, and of its texts by their bounds.
pub(super) fn bounded<'t, 'v>(
    b: &mut Builder<'t, 'v>,
    column: &mut dyn FnMut(&mut Builder<'t, 'v>) -> Result<()>,
    family: TimeFamily,
    operator: &'static str,
    text: String,
    bounds: Option<TextBounds>,
) -> Result<()> {
    b.push("(");
    column(b)?;
    b.collate_times(family);
    b.push(operator);
    b.stored(ToSqlOutput::Owned(Stored::Text(text)))?;
    within(b, column, bounds_for(operator, bounds))?;
    b.push(")");
    Ok(())
}

/// The bounds that follow from a comparison.
fn bounds_for(operator: &str, bounds: Option<TextBounds>) -> TextBounds {
    let TextBounds { least, greatest } = bounds.unwrap_or_default();
    match operator {
        " = " | " IS " => TextBounds { least, greatest },
        " < " | " <= " => TextBounds {
            least: None,
            greatest,
        },
        " > " | " >= " => TextBounds {
            least,
            greatest: None,
        },
        _ => TextBounds::default(),
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
        write(b, item)?;
        b.push(" IS NOT NULL THEN 0 END");
        return Ok(true);
    }
    b.push("(");
    write(b, item)?;
    match column {
        Some((_, None)) => b.push(" COLLATE BINARY"),
        _ => b.collate_times(family),
    }
    b.push(" IN ");
    super::compared::values(b, texts)?;
    if column.is_some() {
        within(b, &mut |b| write(b, item), bounds.unwrap_or_default())?;
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

/// Writes that a plain column is among values that are stored in its form.
pub(super) fn column_among<'v>(
    b: &mut Builder<'_, 'v>,
    column: &Column,
    family: TimeFamily,
    list: &[ToSqlOutput<'v>],
) -> Result<()> {
    let mut bounds: Option<TextBounds> = None;
    for stored in list {
        let text = text_of(stored).unwrap_or_default();
        bounds = wider(bounds, bounds_of_any_form(text, family));
    }
    let name = &mut |b: &mut Builder<'_, 'v>| {
        b.name(&column.name);
        Ok(())
    };
    within(b, name, bounds.unwrap_or_default())
}

/// Writes a comparison of a plain column with a value in its form; ` AND ` and bounds behind it.
pub(super) fn column_bounds<'v>(
    b: &mut Builder<'_, 'v>,
    name: &str,
    family: TimeFamily,
    operator: &'static str,
    stored: &ToSqlOutput<'v>,
) -> Result<()> {
    let bounds = text_of(stored).and_then(|text| bounds_of_any_form(text, family));
    let name = &mut |b: &mut Builder<'_, 'v>| {
        b.name(name);
        Ok(())
    };
    within(b, name, bounds_for(operator, bounds))
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
