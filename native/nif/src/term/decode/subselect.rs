//! Queries within expressions.

use ash_rusqlite_engine::query::ir::{AggregateKind, Aggregated, Collation, Scalar, Select};
use ash_rusqlite_engine::{unknown_option, Name};
use rustler::Term;

use super::scalar::{collation, flag};
use super::select::count;
use super::{describe, get_tuple, invalid, is_nil, name, Decode, Decoded};

const OPTIONS: &[&str] = &["where", "order_by", "limit", "offset", "distinct", "joins"];
const AGGREGATE_OPTIONS: &[&str] = &["distinct", "collation", "include_nil", "precision"];

impl Decode {
    /// An expression with a query in it.
    pub(super) fn of_rows(&mut self, tag: &str, parts: &[Term<'_>]) -> Decoded<Option<Scalar>> {
        Ok(Some(match (tag, parts) {
            ("exists", [select]) => Scalar::Exists(Box::new(self.subselect(*select)?)),
            ("subquery", [select, scalar]) => Scalar::Subquery(
                Box::new(self.subselect(*select)?),
                Box::new(self.scalar(*scalar)?),
            ),
            ("aggregate", [kind, scalar, options, select]) => {
                let Some(kind) = name(*kind).as_deref().and_then(AggregateKind::from_word) else {
                    return Ok(None);
                };
                let mut aggregated = Aggregated {
                    kind,
                    scalar: None,
                    distinct: false,
                    collation: Collation::Binary,
                    include_nil: false,
                    precision: None,
                    select: self.subselect(*select)?,
                };
                if !is_nil(*scalar) {
                    aggregated.scalar = Some(self.scalar(*scalar)?);
                }
                self.aggregate_options(&mut aggregated, *options)?;
                Scalar::Aggregate(Box::new(aggregated))
            }
            _ => return Ok(None),
        }))
    }

    fn aggregate_options(&mut self, aggregated: &mut Aggregated, options: Term<'_>) -> Decoded<()> {
        self.each_pair(
            options,
            "the options of an aggregate",
            |_, option, value| {
                match option.as_str() {
                    "distinct" => aggregated.distinct = flag(value)?,
                    "include_nil" => aggregated.include_nil = flag(value)?,
                    "collation" => aggregated.collation = collation(value)?,
                    "precision" => aggregated.precision = Some(digits(value)?),
                    _ => return Err(unknown_option(&option, AGGREGATE_OPTIONS).into()),
                }
                Ok(())
            },
        )
    }

    /// `{:select, table, options}`.
    fn subselect(&mut self, term: Term<'_>) -> Decoded<Select> {
        let parts = get_tuple(term).unwrap_or_default();
        let [tag, table, options] = parts.as_slice() else {
            return Err(no_select(term));
        };
        if name(*tag).as_deref() != Some("select") {
            return Err(no_select(term));
        }
        let mut select = Select {
            table: self.name(*table, "a table")?,
            ..Select::default()
        };
        self.each_pair(
            *options,
            "the options of a select",
            |decode, option, value| decode.select_option(&mut select, &option, value),
        )?;
        Ok(select)
    }

    fn select_option(&mut self, select: &mut Select, option: &str, value: Term<'_>) -> Decoded<()> {
        match option {
            // No condition is lost when there are two.
            "where" => {
                let scalar = self.scalar(value)?;
                select.filter = Some(match select.filter.take() {
                    Some(other) => Scalar::And(vec![other, scalar]),
                    None => scalar,
                });
            }
            "order_by" => select.order_by = self.order_of_scalars(value)?,
            "limit" | "offset" if is_nil(value) => {}
            "limit" => select.limit = Some(count(option, value)?),
            "offset" => select.offset = Some(count(option, value)?),
            "distinct" => select.distinct = flag(value)?,
            "joins" => select.joins = self.joins(value)?,
            _ => return Err(unknown_option(option, OPTIONS).into()),
        }
        Ok(())
    }

    fn joins(&mut self, list: Term<'_>) -> Decoded<Vec<(Name, Scalar)>> {
        let mut joins = Vec::new();
        self.each(list, "joins:", |decode, item| {
            match get_tuple(item).as_deref() {
                Ok([table, on]) => {
                    let table = decode.name(*table, "a table")?;
                    joins.push((table, decode.scalar(*on)?));
                    Ok(())
                }
                _ => Err(invalid(format!(
                    "a join is {{table, scalar}}, not {}",
                    describe(item)
                ))),
            }
        })?;
        Ok(joins)
    }
}

fn no_select(term: Term<'_>) -> super::Stop {
    invalid(format!(
        "a query within an expression is {{:select, table, options}}, not {}",
        describe(term)
    ))
}

/// How many digits a sum may have.
fn digits(term: Term<'_>) -> Decoded<u32> {
    match term.decode() {
        Ok(digits) if (1..=1_000).contains(&digits) => Ok(digits),
        _ => Err(invalid(format!(
            "precision: takes a number of digits from 1 to 1000, not {}",
            describe(term)
        ))),
    }
}
