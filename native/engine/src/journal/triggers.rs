//! The triggers that write events, as SQL that any SQLite from 3.38 on can run.
//!
//! Their values are written as JSON that gives the same bytes back (`value`): a text as a string, a
//! BLOB as `{"blob":"HEX"}`, a REAL with all of its digits. The first line of each has the table's
//! [`JournalSpec`] in a comment, so that the file says by itself how it is journaled.

use std::fmt::Write as _;

use rusqlite::Connection;

use super::digest;
use crate::catalog::{
    load_table, unique_keys, Column, EventOn, JournalSpec, Subject, Table, JOURNAL_TRIGGER,
};
use crate::error::{Code, Error, Result};
use crate::sqlite::lex::{lex, name, quoted_name, same, string};
use crate::value::Affinity;

/// As many values go into one call of `printf`, which takes 99 at most.
const VALUES: usize = 60;

/// The names of the triggers of a table: after a row is inserted, updated and deleted, and before
/// it is inserted or updated, where it may replace others.
pub(crate) fn trigger_names(table: &str) -> [String; 5] {
    let of = |what: &str| format!("{table}_journal_{what}");
    [
        of("insert"),
        of("update"),
        of("delete"),
        of("replace_insert"),
        of("replace_update"),
    ]
}

/// A trigger: its name and its statement.
pub(crate) type Trigger = (String, String);

/// The triggers of a table that is there.
///
/// # Errors
/// `invalid_option` for a specification that does not fit the table.
pub(crate) fn triggers(conn: &Connection, table: &str, spec: &JournalSpec) -> Result<Vec<Trigger>> {
    spec.validate(table)?;
    let Some(found) = load_table(conn, table)? else {
        return Err(refused(table, "there is no such table"));
    };
    let journal = Journal::new(conn, &found, spec)?;
    let [insert, update, delete, replace_insert, replace_update] = trigger_names(&found.name);
    let mut all = vec![
        (insert, journal.insert()),
        (update, journal.update()),
        (delete, journal.delete()),
        (replace_insert, journal.replace_insert()),
    ];
    all.extend(journal.replace_update().map(|body| (replace_update, body)));
    let on = name(&found.name);
    let header = spec.header();
    let statement = |(trigger, (when, body)): (String, (String, String))| {
        let sql = format!(
            "CREATE TRIGGER {} {}BEGIN\n  {header}\n{body}END",
            name(&trigger),
            when.replace("{table}", &on)
        );
        (trigger, sql)
    };
    Ok(all.into_iter().map(statement).collect())
}

/// The values of an INSERT into the events: key, new data and old data are given as SQL.
///
/// They are sub-selects of single values, not a SELECT: for one that reads the table that is written
/// to SQLite makes a table in memory, which costs more than all else together.
pub(super) fn event(
    event_type: &str,
    source: Option<&str>,
    actor: Option<&str>,
    [key, data, old]: [&str; 3],
) -> String {
    let request =
        |column: &str| format!("(SELECT {column} FROM ash_rusqlite_request WHERE id = 1)");
    let subject = |column: &str, name: &str| {
        format!("(SELECT {column} FROM ash_rusqlite_subjects WHERE name = {name})")
    };
    let of_source = |column| source.map_or("NULL".to_owned(), |source| subject(column, source));
    let actor = match actor {
        Some(actor) => format!("coalesce({}, {})", request("actor"), subject("id", actor)),
        None => request("actor"),
    };
    format!(
        "VALUES (\n    coalesce({event_type},\n      \
         RAISE(ABORT, 'this table is journaled, but its journal does not know it: run the migrations')),\n    \
         {}, {},\n    {actor}, {key},\n    {data},\n    {old},\n    {},\n    \
         coalesce({}, max(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z', \
         coalesce((SELECT at FROM ash_rusqlite_events ORDER BY seq DESC LIMIT 1), ''))),\n    \
         {}, {}, randomblob(16))",
        of_source("id"),
        of_source("position"),
        request("tx"),
        request("at"),
        request("action"),
        request("metadata"),
    )
}

fn refused(table: &str, why: &str) -> Error {
    let message = format!("{} cannot be journaled: {why}", quoted_name(table));
    Error::new(Code::InvalidOption, message)
        .with("option", "journal")
        .with("table", table)
}

impl JournalSpec {
    /// The comment by which a trigger says how its table is journaled.
    fn header(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{JOURNAL_TRIGGER}{} */", json.replace("*/", "*\\/"))
    }
}

/// A table and how it is journaled.
pub(super) struct Journal<'a> {
    table: &'a Table,
    spec: &'a JournalSpec,
    /// The columns that hold what is written to them.
    columns: Vec<&'a Column>,
    /// The unique keys but the primary one: of each the expressions, in SQL.
    uniques: Vec<Vec<String>>,
}

impl<'a> Journal<'a> {
    pub(super) fn new(
        conn: &Connection,
        table: &'a Table,
        spec: &'a JournalSpec,
    ) -> Result<Journal<'a>> {
        if table.is_view || table.is_virtual {
            return Err(refused(&table.name, "it is no plain table"));
        }
        let key: Vec<&Column> = table.key_columns().collect();
        if key.is_empty() {
            let why = "it has no primary key, which would distinguish its rows";
            return Err(refused(&table.name, why));
        }
        let mut named: Vec<(&str, &String)> = spec.columns().collect();
        named.extend(spec.source.iter().map(|subject| ("source", &subject.1)));
        for (option, column) in named {
            let (_, found) = table.column(column)?;
            if found.in_key && matches!(option, "skip" | "sensitive") {
                let why = format!("{option} names {column}, which is of the primary key");
                return Err(refused(&table.name, &why));
            }
        }
        Ok(Journal {
            table,
            spec,
            columns: table.columns.iter().filter(|c| !c.generated).collect(),
            uniques: unique_keys(conn, &table.name)?,
        })
    }

    fn is_sensitive(&self, column: &Column) -> bool {
        self.spec
            .sensitive
            .iter()
            .any(|name| same(name, &column.name))
    }

    fn is_skipped(&self, column: &Column) -> bool {
        self.spec.skip.iter().any(|name| same(name, &column.name))
    }

    fn watched(&self) -> impl Iterator<Item = &&'a Column> {
        self.columns
            .iter()
            .filter(|column| !self.is_skipped(column))
    }

    /// A column of a row as an encoded value.
    fn encoded(&self, row: &str, column: &Column) -> String {
        let place = format!("{row}.{}", name(&column.name));
        if self.is_sensitive(column) {
            return digest::encoded(&place);
        }
        encoded(&place, &column.declared)
    }

    /// All columns of a row as a JSON object.
    pub(super) fn row(&self, row: &str) -> String {
        let mut parts = Vec::new();
        for (at, columns) in self.columns.chunks(VALUES).enumerate() {
            let names: Vec<String> = columns
                .iter()
                .map(|column| format!("{}:%s", json_name(column).replace('%', "%%")))
                .collect();
            let comma = if at > 0 { "," } else { "" };
            let values: Vec<String> = columns.iter().map(|c| self.encoded(row, c)).collect();
            let format = string(&format!("{comma}{}", names.join(",")));
            parts.push(format!(
                "printf({format},\n      {})",
                values.join(",\n      ")
            ));
        }
        format!("'{{' || {} || '}}'", parts.join(" || "))
    }

    /// The columns that an update changes, of one of its two rows.
    fn changes(&self, row: &str) -> String {
        let parts: Vec<String> = self
            .watched()
            .map(|column| {
                format!(
                    "CASE WHEN {} THEN {} || {} ELSE '' END",
                    changed(column),
                    string(&format!(",{}:", json_name(column))),
                    self.encoded(row, column)
                )
            })
            .collect();
        format!("'{{' || substr({}, 2) || '}}'", parts.join("\n      || "))
    }

    /// The primary key of a row.
    pub(super) fn key(&self, row: &str) -> String {
        let columns: Vec<&Column> = self.table.key_columns().collect();
        if let [column] = columns.as_slice() {
            return format!("{row}.{}", name(&column.name));
        }
        let parts: Vec<String> = columns
            .iter()
            .map(|column| encoded(&format!("{row}.{}", name(&column.name)), &column.declared))
            .collect();
        format!("'[' || {} || ']'", parts.join(" || ',' || "))
    }

    pub(super) fn subject(&self, subject: Option<&Subject>, row: &str) -> Option<String> {
        let Subject(kind, column) = subject?;
        let (_, column) = self.table.column(column).ok()?;
        Some(format!(
            "{} || {row}.{}",
            string(&format!("{kind}:")),
            name(&column.name)
        ))
    }

    /// The type of an event of a change, in SQL.
    fn event_type(&self, on: EventOn) -> String {
        let usual = string(&format!("{}.{}", self.spec.event_type, on.suffix()));
        let mut cases = String::new();
        let mut last = usual;
        for event in self.spec.events.iter().filter(|event| event.on == on) {
            match &event.condition {
                Some(condition) => {
                    let _ = write!(
                        cases,
                        "WHEN ({condition}) THEN {} ",
                        string(&event.event_type)
                    );
                }
                None => {
                    last = string(&event.event_type);
                    break;
                }
            }
        }
        if cases.is_empty() {
            last
        } else {
            format!("CASE {cases}ELSE {last} END")
        }
    }

    /// The statements that write an event.
    fn write(&self, on: EventOn, row: &str, [data, old]: [&str; 2]) -> String {
        let source = self.subject(self.spec.source.as_ref(), row);
        let actor = self.subject(self.spec.actor.as_ref(), row);
        let mut body = String::new();
        if let Some(source) = &source {
            let _ = writeln!(
                body,
                "  INSERT INTO ash_rusqlite_subjects (name, position) SELECT {source}, 1\n    \
                 WHERE {source} IS NOT NULL\n    \
                 ON CONFLICT (name) DO UPDATE SET position = position + 1;"
            );
        }
        if let Some(actor) = &actor {
            let _ = writeln!(
                body,
                "  INSERT INTO ash_rusqlite_subjects (name) SELECT {actor}\n    \
                 WHERE {actor} IS NOT NULL AND NOT EXISTS \
                 (SELECT 1 FROM ash_rusqlite_request WHERE actor IS NOT NULL)\n    \
                 ON CONFLICT (name) DO NOTHING;"
            );
        }
        let event_type = format!(
            "(SELECT id FROM ash_rusqlite_event_types WHERE name = {} AND \"table\" = {} \
             AND operation = '{}')",
            self.event_type(on),
            string(&self.table.name),
            on.name()
        );
        let _ = writeln!(
            body,
            "  INSERT INTO ash_rusqlite_events\n    \
             (type, source, position, actor, key, data, old, tx, at, action, metadata, salt)\n  \
             {};",
            event(
                &event_type,
                source.as_deref(),
                actor.as_deref(),
                [&self.key(row), data, old]
            )
        );
        body
    }

    /// That the rows found before are gone which a REPLACE removed: they are not there any more, or
    /// the new row has their key. Each that goes from the notes has its event.
    fn replaced(&self) -> String {
        let table = string(&self.table.name);
        let exists = self.exists("ash_rusqlite_replaced.key");
        let key = self.key("NEW");
        format!(
            "  DELETE FROM ash_rusqlite_replaced WHERE \"table\" = {table} \
             AND (key = {key} OR NOT {exists});\n"
        )
    }

    /// Rows that were found before are there still, or have their event: the mark keeps them from
    /// another one.
    fn forget(&self, condition: &str) -> String {
        let table = string(&self.table.name);
        format!(
            "  UPDATE ash_rusqlite_replaced SET known = 1 WHERE \"table\" = {table}{condition};\n  \
             DELETE FROM ash_rusqlite_replaced WHERE known;\n"
        )
    }

    /// That the row as it was is none that a REPLACE removed. It may have been found before by a
    /// statement that then left it alone.
    fn not_replaced(&self) -> String {
        self.forget(&format!(" AND key = {}", self.key("OLD")))
    }

    /// Whether the table has a row with a key.
    fn exists(&self, key: &str) -> String {
        let table = name(&self.table.name);
        let columns: Vec<&Column> = self.table.key_columns().collect();
        let condition = match columns.as_slice() {
            [column] => format!("t.{} = {key}", name(&column.name)),
            // By the first column, which is as exact as it has to be, and then by all of them.
            _ => format!("{} = {key}", self.key("t")),
        };
        format!("EXISTS (SELECT 1 FROM {table} AS t WHERE {condition})")
    }

    fn insert(&self) -> (String, String) {
        let data = self.row("NEW");
        let body = self.replaced() + &self.write(EventOn::Insert, "NEW", [&data, "NULL"]);
        ("AFTER INSERT ON {table} ".to_owned(), body)
    }

    fn update(&self) -> (String, String) {
        let when: Vec<String> = self.watched().map(|column| changed(column)).collect();
        let (data, old) = (self.changes("NEW"), self.changes("OLD"));
        let body = self.not_replaced()
            + &self.replaced()
            + &self.write(EventOn::Update, "NEW", [&data, &old]);
        let when = format!("AFTER UPDATE ON {{table}} WHEN {} ", when.join("\n  OR "));
        (when, body)
    }

    fn delete(&self) -> (String, String) {
        let data = self.row("OLD");
        let body = self.not_replaced() + &self.write(EventOn::Delete, "OLD", [&data, "NULL"]);
        ("AFTER DELETE ON {table} ".to_owned(), body)
    }

    /// For each unique key, that it is the same in the row `t` and in the new row.
    fn conflicts(&self) -> Vec<String> {
        let columns: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        let key = self.table.key_columns().map(|column| name(&column.name));
        let mut keys: Vec<Vec<String>> = vec![key.collect()];
        keys.extend(self.uniques.iter().cloned());
        keys.iter()
            .map(|parts| {
                let parts: Vec<String> = parts
                    .iter()
                    .map(|part| {
                        format!(
                            "{} = {}",
                            of_row(part, &columns, "t"),
                            of_row(part, &columns, "NEW")
                        )
                    })
                    .collect();
                format!("({})", parts.join(" AND "))
            })
            .collect()
    }

    /// Keeps the rows that conflict with the new one, in case it replaces them.
    fn keep(&self, condition: &str) -> String {
        let table = string(&self.table.name);
        let null = || "NULL".to_owned();
        let source = self
            .subject(self.spec.source.as_ref(), "t")
            .unwrap_or_else(null);
        let actor = self
            .subject(self.spec.actor.as_ref(), "t")
            .unwrap_or_else(null);
        let event_type = string(&format!(
            "{}.{}",
            self.spec.event_type,
            EventOn::Delete.suffix()
        ));
        format!(
            "{}  \
             INSERT INTO ash_rusqlite_replaced (\"table\", key, type, source, actor, data)\n  \
             SELECT {table}, {}, {event_type}, {source}, {actor}, {}\n  \
             FROM {} AS t WHERE {condition};\n",
            self.forget(""),
            self.key("t"),
            self.row("t"),
            name(&self.table.name)
        )
    }

    fn replace_insert(&self) -> (String, String) {
        let keys = self.conflicts();
        // One after the other: a condition with OR over several indexes costs more.
        let exists: Vec<String> = keys
            .iter()
            .map(|key| {
                let table = name(&self.table.name);
                format!("EXISTS (SELECT 1 FROM {table} AS t WHERE {key})")
            })
            .collect();
        let when = format!(
            "BEFORE INSERT ON {{table}}\n  WHEN {} ",
            exists.join("\n  OR ")
        );
        (when, self.keep(&keys.join(" OR ")))
    }

    /// An update replaces rows by another key than its own.
    fn replace_update(&self) -> Option<(String, String)> {
        let changes: Vec<String> = self.table.key_columns().map(changed).collect();
        let key_changes = format!("({})", changes.join(" OR "));
        let other = format!("{} IS NOT {}", self.key("t"), self.key("OLD"));
        let condition = format!("({}) AND {other}", self.conflicts().join(" OR "));
        let when = match self.uniques.is_empty() {
            true => format!("{key_changes} AND "),
            false => String::new(),
        };
        let when = format!(
            "BEFORE UPDATE ON {{table}}\n  WHEN {when}EXISTS (SELECT 1 FROM {} AS t WHERE {condition}) ",
            name(&self.table.name)
        );
        Some((when, self.keep(&condition)))
    }
}

/// Whether an update changes a column: its bytes, and of an untyped one also what it is stored as.
fn changed(column: &Column) -> String {
    let column_name = name(&column.name);
    let bytes = format!("OLD.{column_name} IS NOT NEW.{column_name} COLLATE BINARY");
    match Affinity::of(&column.declared) {
        Affinity::Nothing => {
            format!("({bytes} OR typeof(OLD.{column_name}) <> typeof(NEW.{column_name}))")
        }
        _ => bytes,
    }
}

/// A value as JSON.
pub(super) fn encoded(place: &str, declared: &str) -> String {
    let blob = format!("WHEN 'blob' THEN '{{\"blob\":\"' || hex({place}) || '\"}}'");
    let real = match Affinity::of(declared) {
        Affinity::Text => String::new(),
        _ => format!(
            " WHEN 'real' THEN CASE WHEN abs({place}) > 1.7976931348623157e308 \
             THEN iif({place} > 0, '9.0e+999', '-9.0e+999') ELSE quote({place}) END"
        ),
    };
    format!("CASE typeof({place}) {blob}{real} ELSE json_quote({place}) END")
}

/// The name of a column as JSON.
fn json_name(column: &Column) -> String {
    serde_json::Value::from(column.name.as_str()).to_string()
}

/// An expression over the columns of a table as one over those of a row.
fn of_row(expression: &str, columns: &[String], row: &str) -> String {
    let mut text = String::new();
    let mut from = 0;
    for token in lex(expression) {
        let column = columns.iter().find(|column| same(column, &token.text));
        if let Some(column) = column {
            text.push_str(expression.get(from..token.start).unwrap_or_default());
            let _ = write!(text, "{row}.{}", name(column));
            from = token.end;
        }
    }
    text.push_str(expression.get(from..).unwrap_or_default());
    text
}
