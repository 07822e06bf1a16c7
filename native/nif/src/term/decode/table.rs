//! A table as an application wants it.

use ash_rusqlite_engine::catalog::{EventOn, JournalEvent, JournalSpec, Subject};
use ash_rusqlite_engine::query::ir::Scalar;
use ash_rusqlite_engine::schema::{
    column_type, CheckSpec, ColumnSpec, Deferrable, ForeignKeyAction, ForeignKeySpec, IndexSpec,
    TableSpec,
};
use ash_rusqlite_engine::{unknown_option, Code, ColumnType, Error, Value};
use rustler::Term;

use super::options::{boolean, wrong};
use super::{get_tuple, is_nil, name, Decode, Decoded};

const TABLE: &[&str] = &[
    "table",
    "columns",
    "primary_key",
    "autoincrement",
    "indexes",
    "foreign_keys",
    "checks",
    "strict",
    "journal",
    "tenant_of",
    "best_effort",
];
const COLUMN: &[&str] = &["name", "type", "declared", "null", "default", "default_sql"];
const INDEX: &[&str] = &[
    "name",
    "columns",
    "unique",
    "where",
    "condition",
    "nulls_distinct",
    "ignore_case",
    "expressions",
    "prefix",
];
const FOREIGN_KEY: &[&str] = &[
    "name",
    "column",
    "columns",
    "references",
    "on",
    "on_delete",
    "on_update",
    "deferrable",
];
const CHECK: &[&str] = &["name", "sql"];
const JOURNAL: &[&str] = &["type", "source", "actor", "skip", "sensitive", "events"];
const EVENT: &[&str] = &["type", "on", "where", "condition"];

/// An event of a journal, and its condition as an expression, which needs the columns to become SQL.
type Event = (JournalEvent, Option<Scalar>);

impl Decode {
    /// A table's spec. That its parts fit together is for the engine to check.
    pub fn table(&mut self, term: Term<'_>) -> Decoded<TableSpec> {
        let mut spec = TableSpec::default();
        let mut events = Vec::new();
        self.each_pair(term, "a table", |decode, option, value| {
            match option.as_str() {
                "table" => spec.table = decode.name(value, "a table")?.into(),
                "columns" => spec.columns = decode.items(value, "columns", Self::column_spec)?,
                "primary_key" if is_nil(value) => {}
                "primary_key" => spec.primary_key = decode.column_list(value, "primary_key")?,
                "autoincrement" => spec.autoincrement = decode.optional_name(value, "a column")?,
                "indexes" => spec.indexes = decode.items(value, "indexes", Self::index)?,
                "foreign_keys" => {
                    spec.foreign_keys = decode.items(value, "foreign_keys", Self::foreign_key)?;
                }
                "checks" => spec.checks = decode.items(value, "checks", Self::check)?,
                "journal" if is_nil(value) => {}
                "journal" => spec.journal = Some(decode.journal(value, &mut events)?),
                "tenant_of" => spec.tenant_of = decode.column_list(value, "tenant_of")?,
                "strict" => spec.strict = boolean("strict", value)?,
                "best_effort" => spec.best_effort = boolean("best_effort", value)?,
                _ => return Err(unknown_option(&option, TABLE).into()),
            }
            Ok(())
        })?;
        let events = events.into_iter().map(|event| with_condition(&spec, event));
        let events = events.collect::<Decoded<Vec<_>>>()?;
        if let Some(journal) = &mut spec.journal {
            journal.events = events;
        }
        Ok(spec)
    }

    fn column_spec(&mut self, term: Term<'_>) -> Decoded<ColumnSpec> {
        let mut column = ColumnSpec {
            name: String::new(),
            column_type: ColumnType::Any,
            null: true,
            default: Value::Null,
            default_sql: None,
            declared: None,
        };
        let mut typed = false;
        self.each_pair(term, "a column", |decode, option, value| {
            match option.as_str() {
                "name" => column.name = decode.name(value, "a column")?.into(),
                "type" => {
                    typed = true;
                    column.column_type = match decode.optional_name(value, "a type")? {
                        Some(name) => column_type(&name)?,
                        None => ColumnType::Any,
                    };
                }
                "declared" => column.declared = decode.optional_name(value, "a type")?,
                "null" => column.null = boolean("null", value)?,
                "default" => column.default = decode.value(value)?,
                "default_sql" if is_nil(value) => {}
                "default_sql" => column.default_sql = Some(decode.sql_text(value, "default_sql")?),
                _ => return Err(unknown_option(&option, COLUMN).into()),
            }
            Ok(())
        })?;
        if typed {
            return Ok(column);
        }
        let message = format!(
            "the column {:?} has no type:; give nil for one that holds values of any type",
            column.name
        );
        let error = Error::new(Code::InvalidOption, message);
        Err(error.with("option", "type").into())
    }

    fn index(&mut self, term: Term<'_>) -> Decoded<IndexSpec> {
        let mut index = IndexSpec::default();
        self.each_pair(term, "an index", |decode, option, value| {
            match option.as_str() {
                "name" => index.name = decode.name(value, "an index")?.into(),
                "columns" => index.columns = decode.column_list(value, "columns")?,
                "unique" => index.unique = boolean("unique", value)?,
                "where" if is_nil(value) => {}
                "where" => index.filter = Some(decode.sql_text(value, "where")?),
                "condition" if is_nil(value) => {}
                "condition" => index.condition = Some(decode.scalar(value)?),
                "ignore_case" => index.ignore_case = decode.column_list(value, "ignore_case")?,
                "expressions" => index.expressions = decode.column_list(value, "expressions")?,
                "prefix" => index.prefix = boolean("prefix", value)?,
                "nulls_distinct" => index.nulls_equal = !boolean("nulls_distinct", value)?,
                _ => return Err(unknown_option(&option, INDEX).into()),
            }
            Ok(())
        })?;
        Ok(index)
    }

    fn foreign_key(&mut self, term: Term<'_>) -> Decoded<ForeignKeySpec> {
        let mut key = ForeignKeySpec::default();
        self.each_pair(term, "a foreign key", |decode, option, value| {
            match option.as_str() {
                "name" => key.name = decode.optional_name(value, "a foreign key")?,
                "column" | "columns" => key.columns = decode.column_list(value, "columns")?,
                "references" => key.references = decode.name(value, "a table")?.into(),
                "on" => key.on = decode.column_list(value, "on")?,
                "on_delete" => key.on_delete = action("on_delete", "delete", value)?,
                "on_update" => key.on_update = action("on_update", "update", value)?,
                "deferrable" => key.deferrable = deferrable(value)?,
                _ => return Err(unknown_option(&option, FOREIGN_KEY).into()),
            }
            Ok(())
        })?;
        Ok(key)
    }

    fn check(&mut self, term: Term<'_>) -> Decoded<CheckSpec> {
        let mut check = CheckSpec::default();
        self.each_pair(term, "a check", |decode, option, value| {
            match option.as_str() {
                "name" => check.name = decode.name(value, "a check")?.into(),
                "sql" => check.sql = decode.sql_text(value, "sql")?,
                _ => return Err(unknown_option(&option, CHECK).into()),
            }
            Ok(())
        })?;
        Ok(check)
    }

    fn journal(&mut self, term: Term<'_>, events: &mut Vec<Event>) -> Decoded<JournalSpec> {
        let mut journal = JournalSpec::default();
        self.each_pair(term, "a journal", |decode, option, value| {
            match option.as_str() {
                "type" => journal.event_type = decode.name(value, "a type")?.into(),
                "source" => journal.source = decode.subject(value, "source")?,
                "actor" => journal.actor = decode.subject(value, "actor")?,
                "skip" => journal.skip = decode.column_list(value, "skip")?,
                "sensitive" => journal.sensitive = decode.column_list(value, "sensitive")?,
                "events" => *events = decode.items(value, "events", Self::journal_event)?,
                _ => return Err(unknown_option(&option, JOURNAL).into()),
            }
            Ok(())
        })?;
        Ok(journal)
    }

    /// `{kind, column}`.
    fn subject(&mut self, term: Term<'_>, option: &'static str) -> Decoded<Option<Subject>> {
        if is_nil(term) {
            return Ok(None);
        }
        match get_tuple(term).as_deref() {
            Ok([kind, column]) => Ok(Some(Subject(
                self.name(*kind, "a kind")?.into(),
                self.name(*column, "a column")?.into(),
            ))),
            _ => Err(wrong(option, "{kind, column}", term)),
        }
    }

    fn journal_event(&mut self, term: Term<'_>) -> Decoded<Event> {
        let mut expression = None;
        let mut event = JournalEvent {
            event_type: String::new(),
            on: EventOn::Update,
            condition: None,
        };
        self.each_pair(term, "an event", |decode, option, value| {
            match option.as_str() {
                "type" => event.event_type = decode.name(value, "a type")?.into(),
                "on" => event.on = event_on(value)?,
                "where" if is_nil(value) => {}
                "where" => event.condition = Some(decode.sql_text(value, "where")?),
                "condition" if is_nil(value) => {}
                "condition" => expression = Some(decode.scalar(value)?),
                _ => return Err(unknown_option(&option, EVENT).into()),
            }
            Ok(())
        })?;
        Ok((event, expression))
    }

    pub(super) fn items<'a, T>(
        &mut self,
        term: Term<'a>,
        option: &'static str,
        mut decode: impl FnMut(&mut Self, Term<'a>) -> Decoded<T>,
    ) -> Decoded<Vec<T>> {
        let mut items = Vec::new();
        self.each(term, option, |this, item| {
            items.push(decode(this, item)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// Columns in their order; unlike the columns of a select, none is there twice by mistake.
    fn column_list(&mut self, term: Term<'_>, option: &'static str) -> Decoded<Vec<String>> {
        if !term.is_list() {
            return self.name(term, "a column").map(|name| vec![name.into()]);
        }
        self.items(term, option, |decode, item| {
            decode.name(item, "a column").map(String::from)
        })
    }

    fn optional_name(&mut self, term: Term<'_>, what: &'static str) -> Decoded<Option<String>> {
        if is_nil(term) {
            return Ok(None);
        }
        self.name(term, what).map(|name| Some(name.into()))
    }

    pub(super) fn sql_text(&mut self, term: Term<'_>, option: &'static str) -> Decoded<String> {
        let text = self.text(term)?;
        text.ok_or_else(|| wrong(option, "SQL as a string", term))
    }
}

/// An event with its condition in SQL; where it has one as SQL, too, both must hold.
fn with_condition(spec: &TableSpec, (mut event, expression): Event) -> Decoded<JournalEvent> {
    if let Some(expression) = &expression {
        let sql = spec.event_condition(expression, event.on)?;
        event.condition = Some(match event.condition {
            Some(given) => format!("({}) AND {sql}", given.trim()),
            None => sql,
        });
    }
    Ok(event)
}

fn event_on(term: Term<'_>) -> Decoded<EventOn> {
    match name(term).as_deref() {
        Some("insert") => Ok(EventOn::Insert),
        Some("update") => Ok(EventOn::Update),
        Some("delete") => Ok(EventOn::Delete),
        _ => Err(wrong("on", ":insert, :update or :delete", term)),
    }
}

/// Named as in Ecto: what becomes of the row, by what happens to the other one.
fn action(option: &str, cascade: &str, term: Term<'_>) -> Decoded<ForeignKeyAction> {
    match name(term).as_deref() {
        _ if is_nil(term) => Ok(ForeignKeyAction::Nothing),
        Some("nothing") => Ok(ForeignKeyAction::Nothing),
        Some("restrict") => Ok(ForeignKeyAction::Restrict),
        Some("nilify") => Ok(ForeignKeyAction::SetNull),
        Some(text) if text == cascade => Ok(ForeignKeyAction::Cascade),
        _ => {
            let expected = format!(":nothing, :{cascade}, :nilify or :restrict");
            Err(wrong(option, &expected, term))
        }
    }
}

fn deferrable(term: Term<'_>) -> Decoded<Deferrable> {
    match (term.decode::<bool>(), name(term).as_deref()) {
        (Ok(false), _) => Ok(Deferrable::No),
        (Ok(true), _) => Ok(Deferrable::Yes),
        (_, Some("initially")) => Ok(Deferrable::Initially),
        _ => Err(wrong("deferrable", "true, false or :initially", term)),
    }
}
