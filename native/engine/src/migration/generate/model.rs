//! A database's schema as its statements say it, in a form that can be compared.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::parse;
use crate::catalog::{is_journal_trigger, JournalSpec};
use crate::error::Result;
use crate::migration::order::parents_first;
use crate::sqlite::lex::same;
use crate::sqlite::sqlite_error;
use crate::sqlite::tokens::{bare, parenthesis, tokens};

/// All tables, indexes, triggers and views but those of SQLite and of this library.
#[derive(Clone, Debug, Default)]
pub(super) struct Schema {
    /// The tables in the order in which they were made.
    pub(super) tables: Vec<Table>,
    /// Virtual tables, triggers and views.
    pub(super) objects: Vec<Object>,
    /// The indexes that were made by a statement of their own.
    pub(super) indexes: Vec<Index>,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) columns: Vec<Column>,
    pub(super) primary_key: Option<Key>,
    pub(super) autoincrement: bool,
    pub(super) uniques: Vec<Key>,
    pub(super) checks: Vec<Check>,
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) strict: bool,
    pub(super) without_rowid: bool,
    /// The byte of `sql` behind the last column.
    pub(super) columns_end: usize,
    /// The byte of `sql` at the parenthesis that closes the columns and constraints.
    pub(super) body_end: usize,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) not_null: bool,
    /// What a null does instead of failing, with a blank before it.
    pub(super) conflict: String,
    pub(super) default: Option<String>,
    pub(super) collation: Option<String>,
    pub(super) generated: Option<String>,
    /// Its whole definition.
    pub(super) text: String,
    /// Where in it NOT NULL stands.
    pub(super) not_null_at: Option<(usize, usize)>,
}

/// A primary key or a unique constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) columns: Vec<String>,
    /// All that is said of it, for comparisons.
    pub(super) text: String,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: Option<String>,
    /// The column in whose definition it stands.
    pub(super) column: Option<String>,
    pub(super) text: String,
    /// The condition, for comparisons.
    pub(super) compared: String,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForeignKey {
    pub(super) name: Option<String>,
    /// Whether it stands in the definition of its column.
    pub(super) inline: bool,
    pub(super) columns: Vec<String>,
    pub(super) table: String,
    /// The columns that it refers to. None: the primary key.
    pub(super) on: Vec<String>,
    pub(super) on_delete: String,
    pub(super) on_update: String,
    pub(super) deferred: bool,
}

/// An index.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) sql: String,
    /// Its first column, where that is a plain one, in lower case.
    pub(super) first: Option<String>,
    /// Whether it is of some rows only.
    pub(super) partial: bool,
    /// All of it but its name, for comparisons.
    pub(super) compared: String,
}

/// What a virtual table, trigger or view is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    VirtualTable,
    Trigger,
    View,
}

/// A virtual table, a trigger or a view.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// The table of a trigger, else its own name.
    pub(super) table: String,
    pub(super) sql: String,
    /// Its words, for comparisons and to find what it names.
    pub(super) words: Vec<String>,
    /// How its table is journaled, if it is a trigger of a journal.
    pub(super) journal: Option<JournalSpec>,
}

impl Schema {
    /// Reads the schema of a database.
    pub(super) fn read(conn: &Connection) -> Result<Schema> {
        let mut schema = Schema::default();
        let mut shadows: Vec<String> = Vec::new();
        let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema \
                   WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                   AND name NOT LIKE 'ash\\_rusqlite\\_%' ESCAPE '\\' ORDER BY rowid";
        let mut statement = conn.prepare(sql).map_err(sqlite_error::map)?;
        let mut rows = statement.query([]).map_err(sqlite_error::map)?;
        while let Some(row) = rows.next().map_err(sqlite_error::map)? {
            let get = |at| row.get::<_, String>(at).map_err(sqlite_error::map);
            let (kind, name, table, sql) = (get(0)?, get(1)?, get(2)?, get(3)?);
            schema.add(&kind, name, table, sql);
        }
        drop(rows);
        drop(statement);
        // The tables in which a virtual one keeps its rows are its own affair.
        if schema.objects.iter().any(|o| o.kind == Kind::VirtualTable) {
            let sql = "SELECT name FROM pragma_table_list WHERE type = 'shadow'";
            let mut statement = conn.prepare(sql).map_err(sqlite_error::map)?;
            let names = statement.query_map([], |row| row.get(0));
            for name in names.map_err(sqlite_error::map)? {
                shadows.push(name.map_err(sqlite_error::map)?);
            }
            let shadow = |name: &str| shadows.iter().any(|shadow| same(shadow, name));
            schema.tables.retain(|table| !shadow(&table.name));
            schema.indexes.retain(|index| !shadow(&index.table));
        }
        Ok(schema)
    }

    fn add(&mut self, kind: &str, name: String, table: String, sql: String) {
        let words = tokens(&sql);
        let is_virtual = words.get(1).is_some_and(|word| word == "virtual");
        let kind = match kind {
            "table" if !is_virtual => {
                self.tables.push(parse::table(&name, &sql));
                return;
            }
            "index" => {
                self.indexes.push(index(name, table, sql));
                return;
            }
            "table" => Kind::VirtualTable,
            "trigger" => Kind::Trigger,
            _ => Kind::View,
        };
        self.objects.push(Object {
            kind,
            name,
            table,
            journal: is_journal_trigger(&sql),
            sql,
            words,
        });
    }

    /// The table of this name.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| same(&table.name, name))
    }

    /// The index of this name.
    pub(super) fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| same(&index.name, name))
    }

    /// The other object of this name.
    pub(super) fn object(&self, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| same(&object.name, name))
    }

    /// Everything that can be distinguished, as texts: what one file of migrations has added is the
    /// difference of two of these.
    pub(super) fn facts(&self) -> BTreeSet<String> {
        let mut facts = BTreeSet::new();
        for table in &self.tables {
            facts.insert(table_fact(&table.name));
            let columns = table.columns.iter();
            facts.extend(columns.map(|column| column_fact(&table.name, &column.name)));
            let checks = table.checks.iter();
            facts.extend(checks.map(|check| check_fact(&table.name, check)));
            let keys = table.foreign_keys.iter();
            facts.extend(keys.map(|key| key_fact(&table.name, key)));
            let uniques = table.uniques.iter();
            facts.extend(uniques.map(|key| unique_fact(&table.name, key)));
        }
        facts.extend(self.indexes.iter().map(|index| named_fact(&index.name)));
        facts.extend(self.objects.iter().map(|object| named_fact(&object.name)));
        facts
    }

    /// What each foreign key without columns refers to.
    pub(super) fn key_of(&self, table: &str) -> Vec<String> {
        let key = self
            .table(table)
            .and_then(|table| table.primary_key.as_ref());
        key.map_or_else(Vec::new, |key| key.columns.clone())
    }

    /// The tables behind those that they refer to.
    pub(super) fn parents_first(&self) -> Vec<&Table> {
        let parents = |table: &&Table| {
            let keys = table.foreign_keys.iter();
            keys.map(|key| key.table.to_ascii_lowercase()).collect()
        };
        let name = |table: &&Table| table.name.to_ascii_lowercase();
        parents_first(self.tables.iter().collect(), name, parents)
    }
}

pub(super) fn table_fact(table: &str) -> String {
    format!("table {}", table.to_ascii_lowercase())
}

pub(super) fn column_fact(table: &str, column: &str) -> String {
    format!("column {table}.{column}").to_ascii_lowercase()
}

pub(super) fn check_fact(table: &str, check: &Check) -> String {
    let table = table.to_ascii_lowercase();
    format!("check {table} {}", check.compared)
}

pub(super) fn key_fact(table: &str, key: &ForeignKey) -> String {
    let (columns, on) = (key.columns.join(","), key.on.join(","));
    format!("key {table} {columns} {} {on}", key.table).to_ascii_lowercase()
}

pub(super) fn unique_fact(table: &str, key: &Key) -> String {
    format!("unique {table} {}", key.text).to_ascii_lowercase()
}

pub(super) fn named_fact(name: &str) -> String {
    format!("named {}", name.to_ascii_lowercase())
}

fn index(name: String, table: String, sql: String) -> Index {
    let all = tokens(&sql);
    let (keys, behind) = parenthesis(&all);
    let plain = match keys.get(1) {
        Some(behind) => [",", "asc", "desc"].contains(&behind.as_str()),
        None => true,
    };
    let unique = all.get(1).is_some_and(|word| word == "unique");
    let prefix = if unique { "unique " } else { "" };
    let mut compared = format!("{prefix}{} {}", table.to_ascii_lowercase(), keys.join(" "));
    // Behind the keys there is a condition or nothing.
    if let Some((_, condition)) = behind.split_first() {
        compared.push_str(&format!(" where {}", bare(condition).join(" ")));
    }
    Index {
        first: keys.first().filter(|_| plain).cloned(),
        partial: !behind.is_empty(),
        name,
        table,
        compared,
        sql,
    }
}

impl Table {
    pub(super) fn new(name: &str, sql: &str) -> Table {
        Table {
            name: name.to_owned(),
            sql: sql.to_owned(),
            columns: Vec::new(),
            primary_key: None,
            autoincrement: false,
            uniques: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            strict: false,
            without_rowid: false,
            columns_end: 0,
            body_end: sql.len(),
        }
    }

    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    /// Whether a column is one of the primary key.
    pub(super) fn in_key(&self, name: &str) -> bool {
        let key = self.primary_key.as_ref();
        key.is_some_and(|key| key.columns.iter().any(|column| same(column, name)))
    }

    /// Whether a column is the rowid, which SQLite fills in by itself.
    pub(super) fn is_rowid(&self, column: &Column) -> bool {
        let key = self.primary_key.as_ref();
        let alone = key.is_some_and(|key| key.columns.len() == 1 && !key.text.contains(" desc"));
        alone
            && self.in_key(&column.name)
            && same(&column.declared, "INTEGER")
            && !self.without_rowid
    }

    /// Whether a row must give the column a value.
    pub(super) fn requires(&self, column: &Column) -> bool {
        let strong_key = self.without_rowid || self.strict;
        let required = column.not_null || (strong_key && self.in_key(&column.name));
        required && column.default.is_none() && column.generated.is_none() && !self.is_rowid(column)
    }
}

impl Column {
    pub(super) fn new(name: &str, declared: String) -> Column {
        Column {
            name: name.to_owned(),
            declared,
            not_null: false,
            conflict: String::new(),
            default: None,
            collation: None,
            generated: None,
            text: String::new(),
            not_null_at: None,
        }
    }

    /// Its definition without NOT NULL.
    pub(super) fn nullable_text(&self) -> String {
        let Some((from, to)) = self.not_null_at else {
            return self.text.clone();
        };
        let part = |range: Option<&str>| range.unwrap_or_default().trim().to_owned();
        let (before, behind) = (part(self.text.get(..from)), part(self.text.get(to..)));
        format!("{before} {behind}").trim().to_owned()
    }

    /// Whether the declared types are one, whatever their blanks and case.
    pub(super) fn declared_as(&self, other: &Column) -> bool {
        parse::compared(&self.declared) == parse::compared(&other.declared)
    }

    pub(super) fn same_default(&self, other: &Column) -> bool {
        let compared = |default: &Option<String>| default.as_deref().map(parse::compared);
        let nothing = |default: Option<String>| default.filter(|text| text != "null");
        nothing(compared(&self.default)) == nothing(compared(&other.default))
    }

    pub(super) fn same_collation(&self, other: &Column) -> bool {
        let plain = |name: &Option<String>| name.clone().filter(|name| name != "binary");
        plain(&self.collation) == plain(&other.collation)
    }
}
