//! Reads and their options.

use ash_rusqlite_engine::query::ir::{Aggregate, Cursor, Expr, Nulls, OrderBy, Read, Select};
use ash_rusqlite_engine::{nearest, unknown_option, Code, Error};
use rustler::types::tuple::get_tuple;
use rustler::Term;

use crate::term::encode::rows::Shape;

use super::{describe, invalid, is_keyword, is_nil, name, Decode, Decoded, Stop};

/// A read, and the form that its caller wants the rows in.
pub struct Query {
    /// The read.
    pub read: Read,
    /// The form.
    pub shape: Shape,
}

const ALL: &[&str] = &[
    "select", "where", "order_by", "limit", "offset", "distinct", "after", "before",
];
const PAGE: &[&str] = &[
    "select", "where", "order_by", "limit", "offset", "distinct", "after",
];
const COMPUTED: &[&str] = &[
    "where", "order_by", "limit", "offset", "distinct", "after", "before",
];
const DIRECTIONS: &[&str] = &[
    "asc",
    "desc",
    "asc_nulls_first",
    "asc_nulls_last",
    "desc_nulls_first",
    "desc_nulls_last",
];

impl Decode {
    /// A read.
    pub fn read(&mut self, term: Term<'_>) -> Decoded<Query> {
        let parts = get_tuple(term).unwrap_or_default();
        let [tag, rest @ ..] = parts.as_slice() else {
            return Err(invalid(format!("there is no read {}", describe(term))));
        };
        match (name(*tag).unwrap_or_default().as_str(), rest) {
            ("all", [table, options]) => {
                let select = self.select(*table, *options, ALL)?;
                Ok(Query {
                    read: Read::Select(select),
                    shape: Shape::Rows,
                })
            }
            ("get", [table, key]) => self.get(*table, *key),
            ("aggregate", [table, function, column, options]) => {
                let select = self.select(*table, *options, COMPUTED)?;
                self.aggregate(*function, *column, select)
            }
            ("exists", [table, options]) => {
                let select = self.select(*table, *options, COMPUTED)?;
                Ok(Query {
                    read: Read::Exists(select),
                    shape: Shape::Scalar,
                })
            }
            ("page", [table, options, cursor]) => self.page(*table, *options, *cursor),
            ("sql", [sql, params]) => self.sql(*sql, *params),
            (tag, _) => Err(invalid(format!(
                "there is no read {tag} of {} parts",
                rest.len()
            ))),
        }
    }

    fn get(&mut self, table: Term<'_>, key: Term<'_>) -> Decoded<Query> {
        let select = Select {
            table: self.name(table, "a table")?,
            filter: Some(Expr::PrimaryKey(self.key(key)?)),
            limit: Some(1),
            ..Select::default()
        };
        Ok(Query {
            read: Read::Select(select),
            shape: Shape::First,
        })
    }

    fn aggregate(
        &mut self,
        function: Term<'_>,
        column: Term<'_>,
        select: Select,
    ) -> Decoded<Query> {
        let function = match name(function).unwrap_or_default().as_str() {
            "count" => Aggregate::Count,
            "sum" => Aggregate::Sum,
            "avg" => Aggregate::Avg,
            "min" => Aggregate::Min,
            "max" => Aggregate::Max,
            _ => {
                let shown = describe(function);
                return Err(invalid(format!(
                    "an aggregate is count, sum, avg, min or max, not {shown}"
                )));
            }
        };
        let column = match is_nil(column) {
            true => None,
            false => Some(self.name(column, "a column")?),
        };
        let read = Read::Aggregate {
            function,
            column,
            select,
        };
        Ok(Query {
            read,
            shape: Shape::Scalar,
        })
    }

    fn page(&mut self, table: Term<'_>, options: Term<'_>, cursor: Term<'_>) -> Decoded<Query> {
        let mut select = self.select(table, options, PAGE)?;
        let Some(limit) = select.limit.filter(|limit| *limit > 0) else {
            return Err(option_error(
                "limit",
                "a page needs the option limit: of at least 1",
            ));
        };
        if !is_nil(cursor) {
            select.after = Some(self.cursor(cursor)?);
            // The rows that were skipped are before the cursor by now.
            select.offset = None;
        }
        select.page = true;
        Ok(Query {
            read: Read::Select(select),
            shape: Shape::Page(limit),
        })
    }

    fn sql(&mut self, sql: Term<'_>, params: Term<'_>) -> Decoded<Query> {
        let text = match (sql.is_binary(), name(sql)) {
            (true, Some(text)) => text,
            _ => return Err(invalid(format!("SQL is a string, not {}", describe(sql)))),
        };
        self.spend(text.len())?;
        let params = self.values(params, "the parameters of a statement")?;
        Ok(Query {
            read: Read::Sql { sql: text, params },
            shape: Shape::Table,
        })
    }

    fn select(&mut self, table: Term<'_>, options: Term<'_>, known: &[&str]) -> Decoded<Select> {
        let mut select = Select {
            table: self.name(table, "a table")?,
            ..Select::default()
        };
        // As in any keyword list the first of equal options counts, but no condition is lost.
        let mut seen: Vec<String> = Vec::new();
        self.each_pair(options, "the options", |decode, option, value| {
            if !known.contains(&option.as_str()) {
                return Err(unknown_option(&option, known).into());
            }
            if option == "where" || !seen.contains(&option) {
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
                    Some(other) => Expr::And(vec![other, condition]),
                    None => condition,
                });
            }
            _ if is_nil(value) => {}
            "select" => select.columns = Some(self.names(value)?),
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
            "after" => select.after = Some(self.cursor(value)?),
            _ => select.before = Some(self.cursor(value)?),
        }
        Ok(())
    }

    fn cursor(&mut self, term: Term<'_>) -> Decoded<Cursor> {
        if is_keyword(term) || term.is_map() {
            let mut row = self.fields(term, "a cursor")?;
            row.retain(|(column, _)| column != "__struct__");
            return Ok(Cursor::Row(row));
        }
        self.values(term, "a cursor").map(Cursor::Values)
    }

    fn order_by(&mut self, term: Term<'_>) -> Decoded<Vec<OrderBy>> {
        let mut order = Vec::new();
        if !term.is_list() {
            return self.order(term).map(|one| vec![one]);
        }
        self.each(term, "order_by:", |decode, item| {
            order.push(decode.order(item)?);
            Ok(())
        })?;
        Ok(order)
    }

    fn order(&mut self, term: Term<'_>) -> Decoded<OrderBy> {
        let (direction, column) = match get_tuple(term).as_deref() {
            Ok([direction, column]) => (name(*direction).unwrap_or_default(), *column),
            Ok(_) => return Err(invalid("an order is a column or {direction, column}")),
            Err(_) => ("asc".to_owned(), term),
        };
        let (descending, nulls) = match direction.as_str() {
            "asc" => (false, None),
            "desc" => (true, None),
            "asc_nulls_first" => (false, Some(Nulls::First)),
            "asc_nulls_last" => (false, Some(Nulls::Last)),
            "desc_nulls_first" => (true, Some(Nulls::First)),
            "desc_nulls_last" => (true, Some(Nulls::Last)),
            _ => return Err(unknown_direction(&direction)),
        };
        Ok(OrderBy {
            column: self.name(column, "a column")?,
            descending,
            nulls,
        })
    }
}

fn unknown_direction(direction: &str) -> Stop {
    let near = nearest(direction, DIRECTIONS.iter().copied());
    let hint = near
        .map(|near| format!(" did you mean {near}:?"))
        .unwrap_or_default();
    invalid(format!(
        "{direction} is no direction of order_by:;{hint} the directions are {}",
        DIRECTIONS.join(", ")
    ))
}

fn count(option: &str, value: Term<'_>) -> Decoded<u64> {
    value.decode().map_err(|_| {
        let shown = describe(value);
        option_error(
            option,
            format!("{option}: takes an integer from 0, not {shown}"),
        )
    })
}

fn option_error(option: &str, message: impl Into<String>) -> Stop {
    Stop::Failed(Error::new(Code::InvalidOption, message).with("option", option))
}
