//! The options of a select.

use ash_rusqlite_engine::error::nearest;
use ash_rusqlite_engine::query::ir::{
    Collation, Cursor, DistinctOn, Nulls, OrderBy, Partition, Scalar, Select,
};
use ash_rusqlite_engine::{unknown_option, Code, ColumnType, Error, Name};
use rustler::Term;

use super::scalar::column_type;
use super::{describe, get_tuple, invalid, is_keyword, is_nil, name, Decode, Decoded, Stop};

const PARTITION: &[&str] = &["by", "keys", "limit", "offset"];
/// The directions of an order: whether it is descending, and where nulls go.
pub const DIRECTIONS: &[(&str, bool, Option<Nulls>)] = &[
    ("asc", false, None),
    ("desc", true, None),
    ("asc_nulls_first", false, Some(Nulls::First)),
    ("asc_nulls_last", false, Some(Nulls::Last)),
    ("desc_nulls_first", true, Some(Nulls::First)),
    ("desc_nulls_last", true, Some(Nulls::Last)),
];

/// What a caller may give of these options: the data layer alone has more, and every call takes
/// `timeout:`.
fn documented<'a>(known: &[&'a str]) -> Vec<&'a str> {
    let own = ["distinct_on", "partition"];
    let known = known.iter().copied().filter(|name| !own.contains(name));
    known.chain(["timeout"]).collect()
}

impl Decode {
    /// A select of a table, with options of which these are known.
    pub(super) fn select(
        &mut self,
        table: Term<'_>,
        options: Term<'_>,
        known: &[&str],
    ) -> Decoded<Select> {
        let mut select = Select {
            table: self.name(table, "a table")?,
            ..Select::default()
        };
        // As in any keyword list the first of equal options counts, but no condition is lost.
        let mut seen: Vec<Name> = Vec::new();
        self.each_pair(options, "the options", |decode, option, value| {
            if !known.contains(&option.as_str()) {
                return Err(unknown_option(&option, &documented(known)).into());
            }
            if option.as_str() == "where" || !seen.contains(&option) {
                decode.option(&mut select, &option, value)?;
                seen.push(option);
            }
            Ok(())
        })?;
        Ok(select)
    }

    fn option(&mut self, select: &mut Select, option: &str, value: Term<'_>) -> Decoded<()> {
        match option {
            // A nil condition may be a forgotten one: it is not taken for "every row".
            "where" => {
                let condition = self.condition(value)?;
                select.filter = Some(match select.filter.take() {
                    Some(other) => Scalar::And(vec![other, condition]),
                    None => condition,
                });
            }
            _ if is_nil(value) => {}
            "select" => self.selected(select, value)?,
            "order_by" => select.order_by = self.order_by(value)?,
            "limit" => select.limit = Some(count(option, value)?),
            "offset" => select.offset = Some(count(option, value)?),
            "distinct" => {
                select.distinct = value.decode().map_err(|_| {
                    option_error(
                        option,
                        format!("distinct: takes true or false, not {}", describe(value)),
                    )
                })?;
            }
            "distinct_on" => select.distinct_on = Some(Box::new(self.distinct_on(value)?)),
            "partition" => select.partition = Some(Box::new(self.partition(value)?)),
            "after" => select.after = Some(self.cursor(value)?),
            _ => select.before = Some(self.cursor(value)?),
        }
        Ok(())
    }

    pub(super) fn cursor(&mut self, term: Term<'_>) -> Decoded<Cursor> {
        if is_keyword(term) || term.is_map() {
            let mut row = self.fields(term, "a cursor")?;
            row.retain(|(column, _)| column != "__struct__");
            return Ok(Cursor::Row(row));
        }
        self.values(term, "a cursor").map(Cursor::Values)
    }

    fn distinct_on(&mut self, term: Term<'_>) -> Decoded<DistinctOn> {
        match get_tuple(term).as_deref() {
            Ok([keys, order]) => Ok(DistinctOn {
                keys: self.scalars(*keys, "the keys of distinct_on:")?,
                order_by: self.order_of_scalars(*order)?,
            }),
            _ => Err(invalid(format!(
                "distinct_on: takes {{keys, order}}, not {}",
                describe(term)
            ))),
        }
    }

    fn partition(&mut self, term: Term<'_>) -> Decoded<Partition> {
        let mut partition = Partition {
            by: Vec::new(),
            keys: None,
            limit: None,
            offset: None,
        };
        self.each_pair(term, "partition:", |decode, option, value| {
            match option.as_str() {
                "by" => partition.by = decode.scalars(value, "by:")?,
                "keys" | "limit" | "offset" if is_nil(value) => {}
                "keys" => partition.keys = Some(decode.scalars(value, "keys:")?),
                "limit" => partition.limit = Some(count(&option, value)?),
                "offset" => partition.offset = Some(count(&option, value)?),
                _ => return Err(unknown_option(&option, PARTITION).into()),
            }
            Ok(())
        })?;
        Ok(partition)
    }

    /// The columns that are selected, and those that are computed.
    fn selected(&mut self, select: &mut Select, term: Term<'_>) -> Decoded<()> {
        if !term.is_list() {
            select.columns = Some(self.names(term)?);
            return Ok(());
        }
        let mut columns: Vec<Name> = Vec::new();
        self.each(term, "select:", |decode, item| {
            if item.is_tuple() {
                select.computed.push(decode.computed(item)?);
                return Ok(());
            }
            let name = decode.name(item, "a column")?;
            if !columns.contains(&name) {
                columns.push(name);
            }
            Ok(())
        })?;
        select.columns = Some(columns);
        Ok(())
    }

    fn order_by(&mut self, term: Term<'_>) -> Decoded<Vec<OrderBy>> {
        if !term.is_list() {
            return Ok(vec![self.order(term)?]);
        }
        let mut order_by = Vec::new();
        self.each(term, "order_by:", |decode, item| {
            order_by.push(decode.order(item)?);
            Ok(())
        })?;
        Ok(order_by)
    }

    fn order(&mut self, term: Term<'_>) -> Decoded<OrderBy> {
        let (way, column) = match get_tuple(term).as_deref() {
            Ok([way, column]) => (direction(*way)?, *column),
            Ok(_) => return Err(invalid("an order is a column or {direction, column}")),
            Err(_) => ((false, None), term),
        };
        let (descending, nulls) = way;
        if !column.is_tuple() {
            let column = self.name(column, "a column")?;
            return Ok(OrderBy::column(column, descending, nulls));
        }
        let (scalar, of_type) = self.typed_scalar(column)?;
        let scalar = match column_type(of_type)? {
            ColumnType::Decimal => Scalar::Collate(Collation::Decimal, Box::new(scalar)),
            _ => scalar,
        };
        Ok(OrderBy {
            scalar,
            descending,
            nulls,
        })
    }
}

/// Whether a direction is descending, and where it puts nulls.
pub(super) fn direction(term: Term<'_>) -> Decoded<(bool, Option<Nulls>)> {
    let direction = name(term).unwrap_or_default();
    let known = DIRECTIONS
        .iter()
        .find(|(name, ..)| *name == direction.as_str());
    known
        .map(|(_, descending, nulls)| (*descending, *nulls))
        .ok_or_else(|| unknown_direction(&direction))
}

fn unknown_direction(direction: &str) -> Stop {
    let known: Vec<&str> = DIRECTIONS.iter().map(|(name, ..)| *name).collect();
    let near = nearest(direction, known.iter().copied());
    let hint = near
        .map(|near| format!(" did you mean {near}:?"))
        .unwrap_or_default();
    invalid(format!(
        "{direction} is no direction of order_by:;{hint} the directions are {}",
        known.join(", ")
    ))
}

/// A count of rows.
pub(super) fn count(option: &str, value: Term<'_>) -> Decoded<u64> {
    value.decode().map_err(|_| {
        let shown = describe(value);
        option_error(
            option,
            format!("{option}: takes an integer from 0, not {shown}"),
        )
    })
}

pub(super) fn option_error(option: &str, message: impl Into<String>) -> Stop {
    Stop::Failed(Error::new(Code::InvalidOption, message).with("option", option))
}
