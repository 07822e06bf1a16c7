//! Reads and their options.

use ash_rusqlite_engine::query::ir::{Aggregate, AsOf, Moment, Read, Scalar, Select};
use ash_rusqlite_engine::Value;
use rustler::Term;

use crate::term::encode::rows::Shape;

use super::calendar::structure;
use super::kinds::kinds;
use super::select::option_error;
use super::{describe, get_tuple, invalid, is_nil, name, Decode, Decoded};

/// A read, and the form that its caller wants the rows in.
pub struct Query {
    /// The read.
    pub read: Read,
    /// The form.
    pub shape: Shape,
}

kinds! {
    /// The reads, with the number of their parts.
    READS, fn read_of("read") -> Query {
        "all" [table, options] => all;
        "get" [table, key] => get;
        "aggregate" [table, function, column, options] => aggregate;
        "exists" [table, options] => exists;
        "page" [table, options, cursor] => page;
        "sql" [sql, params] => sql;
        "as_of" [moment, source, read] => as_of;
        "compute" [computed] => compute;
        "events" [options] => events;
        "head" [] => head;
        "position" [source] => position;
        "consumers" [] => consumers;
        "explain" [read] => explain;
        "marked" [read] => marked;
        "tables" [] => tables;
    }
}

const ALL: &[&str] = &[
    "select",
    "where",
    "order_by",
    "limit",
    "offset",
    "distinct",
    "distinct_on",
    "partition",
    "after",
    "before",
];
const PAGE: &[&str] = &[
    "select", "where", "order_by", "limit", "offset", "distinct", "after",
];
const COMPUTED: &[&str] = &[
    "where",
    "order_by",
    "limit",
    "offset",
    "distinct",
    "distinct_on",
    "partition",
    "after",
    "before",
];
/// The tables that users have made: neither SQLite's nor ours.
const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' \
    AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
    AND name NOT IN ('ash_rusqlite_meta', 'ash_rusqlite_migrations') ORDER BY name";

/// A moment: a seq, a `DateTime`, or `{:position, number}`.
fn moment(term: Term<'_>) -> Decoded<Moment> {
    if let Ok(seq) = term.decode() {
        return Ok(Moment::Seq(seq));
    }
    if let Some(Value::DateTime(at)) = structure(term) {
        return Ok(Moment::At(at));
    }
    match *get_tuple(term).unwrap_or_default() {
        [kind, number] if name(kind).is_some_and(|name| name.as_str() == "position") => {
            let position = number.decode().map(Moment::Position);
            position.map_err(|_| invalid(format!("no position: {}", describe(number))))
        }
        _ => Err(invalid(format!("no moment: {}", describe(term)))),
    }
}

impl Decode {
    /// A read of the past.
    fn as_of(&mut self, at: Term<'_>, source: Term<'_>, term: Term<'_>) -> Decoded<Query> {
        let source = match is_nil(source) {
            true => None,
            false => Some(name(source).filter(|_| source.is_binary()).map_or_else(
                || Err(invalid(format!("no source: {}", describe(source)))),
                |text| Ok(String::from(text)),
            )?),
        };
        let moment = moment(at)?;
        self.enter()?;
        let Query { read, shape } = self.read(term)?;
        self.leave();
        Ok(Query {
            read: Read::AsOf(AsOf { moment, source }, Box::new(read)),
            shape,
        })
    }

    /// A read.
    pub fn read(&mut self, term: Term<'_>) -> Decoded<Query> {
        let parts = get_tuple(term).unwrap_or_default();
        let [tag, rest @ ..] = parts.as_slice() else {
            return Err(invalid(format!("there is no read {}", describe(term))));
        };
        read_of(self, &name(*tag).unwrap_or_default(), rest)
    }

    fn all(&mut self, table: Term<'_>, options: Term<'_>) -> Decoded<Query> {
        let select = self.select(table, options, ALL)?;
        Ok(Query {
            read: Read::Select(select),
            shape: Shape::Rows,
        })
    }

    fn exists(&mut self, table: Term<'_>, options: Term<'_>) -> Decoded<Query> {
        let select = self.select(table, options, COMPUTED)?;
        Ok(Query {
            read: Read::Exists(select),
            shape: Shape::Scalar,
        })
    }

    fn tables(&mut self) -> Decoded<Query> {
        Ok(Query {
            read: Read::Sql {
                sql: TABLES.to_owned(),
                params: Vec::new(),
            },
            shape: Shape::Table,
        })
    }

    fn compute(&mut self, list: Term<'_>) -> Decoded<Query> {
        let mut computed = Vec::new();
        self.each(list, "what is computed", |decode, item| {
            computed.push(decode.computed(item)?);
            Ok(())
        })?;
        Ok(Query {
            read: Read::Compute(computed),
            shape: Shape::First,
        })
    }

    fn explain(&mut self, read: Term<'_>) -> Decoded<Query> {
        self.enter()?;
        let Query { read, .. } = self.read(read)?;
        self.leave();
        if matches!(read, Read::Explain(_)) {
            return Err(invalid("only a read has a plan"));
        }
        Ok(Query {
            read: Read::Explain(Box::new(read)),
            shape: Shape::Table,
        })
    }

    /// A read of rows whose values that cannot be read are marked.
    fn marked(&mut self, read: Term<'_>) -> Decoded<Query> {
        self.enter()?;
        let query = self.read(read)?;
        self.leave();
        let shape = match query.shape {
            Shape::Rows => Shape::Marked,
            Shape::Page(limit) => Shape::MarkedPage(limit),
            _ => return Err(invalid("only rows and pages of rows can be marked")),
        };
        Ok(Query { shape, ..query })
    }

    fn get(&mut self, table: Term<'_>, key: Term<'_>) -> Decoded<Query> {
        let select = Select {
            table: self.name(table, "a table")?,
            filter: Some(Scalar::PrimaryKey(self.key(key)?)),
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
        table: Term<'_>,
        function: Term<'_>,
        column: Term<'_>,
        options: Term<'_>,
    ) -> Decoded<Query> {
        let select = self.select(table, options, COMPUTED)?;
        let Some(function) = name(function).as_deref().and_then(Aggregate::from_word) else {
            let shown = describe(function);
            return Err(invalid(format!(
                "an aggregate is count, sum, avg, min or max, not {shown}"
            )));
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
        let (sql, params) = self.statement(sql, params)?;
        Ok(Query {
            read: Read::Sql { sql, params },
            shape: Shape::Table,
        })
    }

    /// A caller's own SQL, and the values of its placeholders.
    pub(super) fn statement(
        &mut self,
        sql: Term<'_>,
        params: Term<'_>,
    ) -> Decoded<(String, Vec<Value>)> {
        let Some(text) = self.text(sql)? else {
            return Err(invalid(format!("SQL is a string, not {}", describe(sql))));
        };
        let params = self.values(params, "the parameters of a statement")?;
        Ok((text, params))
    }
}
