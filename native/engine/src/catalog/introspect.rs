//! Reads the tables of a database through SQLite's own pragmas
//! (<https://sqlite.org/pragma.html#pragma_table_xinfo>).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, ToSql};

use crate::catalog::equal_nulls;
use crate::catalog::equal_nulls::EqualNulls;
use crate::catalog::forms::KnownForms;
use crate::catalog::readings::Readings;
use crate::catalog::schema_text::text;
use crate::catalog::table::{quoted, shortened, with_nearest, Column, Form, Table};
use crate::catalog::triggers::Triggers;
use crate::error::{nearest, Code, Error, Result};
use crate::sqlite::sqlite_error;
use crate::value::{ColumnType, OutputColumn};

/// The tables and views of a database as they were at one version of its schema.
/// SQLite's own tables (`sqlite_…`) and the shadow tables of virtual ones are left out.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    schema_version: i64,
    tables: HashMap<String, Arc<Table>>,
    /// The tables, in lower case, whose writes may make events; none where nothing is journaled.
    journal: Option<Arc<HashSet<String>>>,
    /// The columns of events, whose values depend on the tables.
    events: OnceLock<Arc<[OutputColumn]>>,
}

const COLUMNS: &str = "SELECT t.name, t.type, t.wr, t.strict, c.name, c.type, c.\"notnull\", \
     c.dflt_value, c.pk, c.hidden \
     FROM pragma_table_list AS t JOIN pragma_table_xinfo(t.name, t.schema) AS c \
     WHERE t.schema = 'main' AND t.type <> 'shadow' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

impl Catalog {
    /// Reads the tables.
    pub fn load(conn: &Connection) -> Result<Catalog> {
        // The version first: should the schema change in between, the catalog looks older than
        // it is and is read once more, never newer.
        let schema_version = conn
            .query_row("PRAGMA schema_version", [], |row| row.get(0))
            .map_err(sqlite_error::map)?;
        let mut tables = HashMap::new();
        match load_where(conn, "", &[], &mut tables) {
            Ok(()) => {}
            Err(error) if error_of_one_table(&error) => {
                tables.clear();
                load_one_by_one(conn, &mut tables)?;
            }
            Err(error) => return Err(sqlite_error::map(error)),
        }
        Ok(Catalog {
            schema_version,
            tables,
            journal: journal(conn).map_err(sqlite_error::map)?.map(Arc::new),
            events: OnceLock::new(),
        })
    }

    /// The same tables, read as hosts say.
    pub fn read_as(mut self, readings: &Readings) -> Catalog {
        self.events = OnceLock::new();
        for table in self.tables.values_mut() {
            if let Some(other) = readings.apply(table) {
                *table = Arc::new(other);
            }
        }
        self
    }

    /// The same tables with what is known of the forms of their times.
    pub fn with_forms(mut self, forms: &KnownForms) -> Catalog {
        self.events = OnceLock::new();
        for table in self.tables.values_mut() {
            if let Some(other) = forms.apply(table) {
                *table = Arc::new(other);
            }
        }
        self
    }

    /// The same tables as they look where views are in their places.
    pub(crate) fn without_rowids(mut self) -> Catalog {
        for table in self.tables.values_mut() {
            let mut other = Table::clone(table);
            other.without_rowid = true;
            *table = Arc::new(other);
        }
        self
    }

    /// The version of the schema that the tables were read at.
    pub fn schema_version(&self) -> i64 {
        self.schema_version
    }

    /// Whether any table is journaled.
    pub fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    /// Whether a write to a table may make events: it is journaled, or has triggers or foreign keys
    /// that may reach one that is. `None` stands for a table that is not known.
    pub fn may_make_events(&self, table: Option<&str>) -> bool {
        let Some(tables) = &self.journal else {
            return false;
        };
        table.is_none_or(|table| {
            tables.contains(table) || tables.contains(&table.to_ascii_lowercase())
        })
    }

    /// The table or view of this name. As in SQL the case of ASCII letters does not matter.
    pub fn table(&self, name: &str) -> Result<&Arc<Table>> {
        self.tables
            .get(name)
            .or_else(|| {
                self.tables
                    .values()
                    .find(|table| table.name.eq_ignore_ascii_case(name))
            })
            .ok_or_else(|| self.unknown_table(name))
    }

    /// The columns of events of the journal, which `make` makes the first time.
    pub(crate) fn event_columns(
        &self,
        make: impl FnOnce(&Catalog) -> Arc<[OutputColumn]>,
    ) -> &Arc<[OutputColumn]> {
        self.events.get_or_init(|| make(self))
    }

    /// Every table and view, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    fn unknown_table(&self, name: &str) -> Error {
        if let Some(module) = name.strip_prefix("Elixir.") {
            return self.module_as_table(name, module);
        }
        let message = format!("there is no table {}", quoted(name));
        let known = self.tables.keys().map(String::as_str);
        with_nearest(Error::new(Code::UnknownTable, message), name, known)
            .with("table", shortened(name))
    }

    /// A schema module of Ecto or a resource of Ash, whose table has mostly its plural name.
    fn module_as_table(&self, name: &str, module: &str) -> Error {
        let last = module.rsplit('.').next().unwrap_or(module);
        let plural = format!("{}s", underscored(&shortened(last)));
        let known = self.tables.keys().map(String::as_str);
        let near = known.clone().find(|table| *table == plural);
        let near = near.or_else(|| nearest(&plural, known));
        let module = shortened(module);
        let message = format!(
            "{module} is a module; tables are known by their own names here, such as :{}",
            near.unwrap_or("rooms")
        );
        let error = Error::new(Code::UnknownTable, message).with("table", shortened(name));
        match near {
            Some(near) => error.with("nearest", near),
            None => error,
        }
    }
}

/// A module's name as tables are named: `AgentCard` as `agent_card`.
fn underscored(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// A view over a table that is gone, or a virtual table of a module that is not there, fails
/// the query over all tables. It must not take the others with it.
fn error_of_one_table(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::Unknown)
    )
}

fn load_one_by_one(conn: &Connection, tables: &mut HashMap<String, Arc<Table>>) -> Result<()> {
    let mut stmt = conn
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main'")
        .map_err(sqlite_error::map)?;
    let names: Vec<String> = stmt
        .query_map([], |row| text(row, 0))
        .and_then(Iterator::collect)
        .map_err(sqlite_error::map)?;
    for name in names {
        match load_where(conn, " AND t.name = ?1", &[&name], tables) {
            Err(error) if !error_of_one_table(&error) => return Err(sqlite_error::map(error)),
            _ => {}
        }
    }
    Ok(())
}

/// One table or view, whatever the case of its name.
pub(crate) fn load_table(conn: &Connection, name: &str) -> Result<Option<Arc<Table>>> {
    let mut tables = HashMap::new();
    let condition = " AND t.name = ?1 COLLATE NOCASE";
    load_where(conn, condition, &[&name], &mut tables).map_err(sqlite_error::map)?;
    Ok(tables.into_values().next())
}

/// The columns of a table while its rows come in, with each one's place in the primary key.
struct Partial {
    name: String,
    without_rowid: bool,
    strict: bool,
    is_view: bool,
    is_virtual: bool,
    columns: Vec<Column>,
    key: Vec<(i64, usize)>,
}

impl Partial {
    fn finish(mut self, triggers: &Triggers, equal_nulls: &EqualNulls) -> Table {
        for column in &mut self.columns {
            let place = (
                self.name.to_ascii_lowercase(),
                column.name.to_ascii_lowercase(),
            );
            column.nulls_equal = equal_nulls.contains(&place);
        }
        self.key.sort_unstable();
        let key = self.key.into_iter().map(|(_, place)| place).collect();
        let mut table = Table::new(self.name, self.columns, key);
        table.without_rowid = self.without_rowid;
        table.strict = self.strict;
        table.is_view = self.is_view;
        table.is_virtual = self.is_virtual;
        let name = table.name.to_ascii_lowercase();
        table.has_triggers = triggers.on.contains(&name);
        table.filled_by_triggers = triggers.into.contains(&name);
        table
    }
}

fn load_where(
    conn: &Connection,
    condition: &str,
    params: &[&dyn ToSql],
    tables: &mut HashMap<String, Arc<Table>>,
) -> rusqlite::Result<()> {
    let mut partials: HashMap<String, Partial> = HashMap::new();
    let mut stmt = conn.prepare(&format!("{COLUMNS}{condition} ORDER BY t.name, c.cid"))?;
    let mut rows = stmt.query(params)?;
    while let Some(row) = rows.next()? {
        let name = text(row, 0)?;
        let kind = text(row, 1)?;
        let (without_rowid, strict) = (row.get(2)?, row.get(3)?);
        let partial = partials.entry(name.clone()).or_insert_with(|| Partial {
            name,
            without_rowid,
            strict,
            is_view: kind == "view",
            is_virtual: kind == "virtual",
            columns: Vec::new(),
            key: Vec::new(),
        });
        let hidden: i64 = row.get(9)?;
        if hidden == 1 {
            continue;
        }
        let declared = text(row, 5)?;
        match row.get(8)? {
            0 => {}
            at => partial.key.push((at, partial.columns.len())),
        }
        partial.columns.push(Column {
            name: text(row, 4)?,
            column_type: ColumnType::from_declared(&declared),
            declared,
            not_null: row.get(6)?,
            default: row.get(7)?,
            generated: hidden == 2 || hidden == 3,
            in_key: false,
            nulls_equal: false,
            form: Form::default(),
            tag: Arc::default(),
        });
    }
    let triggers = Triggers::load(conn)?;
    let equal_nulls = equal_nulls::load(conn)?;
    tables.extend(
        partials
            .into_iter()
            .map(|(name, p)| (name, Arc::new(p.finish(&triggers, &equal_nulls)))),
    );
    Ok(())
}

/// The tables whose writes may make events: those that are journaled, those with triggers, whatever
/// these do, and those whose foreign keys reach one of them.
fn journal(conn: &Connection) -> rusqlite::Result<Option<HashSet<String>>> {
    let Triggers { on, journaled, .. } = Triggers::load(conn)?;
    if journaled.is_empty() {
        return Ok(None);
    }
    let mut stmt = conn.prepare(
        "SELECT lower(f.\"table\"), lower(t.name) FROM pragma_table_list AS t \
         JOIN pragma_foreign_key_list(t.name) AS f WHERE t.schema = 'main' AND t.type = 'table'",
    )?;
    let keys: Vec<(String, String)> = stmt
        .query_map([], |row| Ok((text(row, 0)?, text(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut reached: HashSet<String> = journaled.into_iter().chain(on).collect();
    loop {
        let before = reached.len();
        for (parent, child) in &keys {
            if reached.contains(child) {
                reached.insert(parent.clone());
            }
        }
        if reached.len() == before {
            return Ok(Some(reached));
        }
    }
}
