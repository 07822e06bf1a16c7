//! A table or view and its columns.

use std::sync::{Arc, OnceLock};

use crate::error::{nearest, Code, Error, Result};
use crate::value::{ColumnType, OutputColumn};

/// A table or a view.
#[derive(Clone, Debug)]
pub struct Table {
    /// The name, in the case it was created with.
    pub name: String,
    /// The columns in their order, generated ones included.
    pub columns: Vec<Column>,
    /// The primary key as places in `columns`, in the key's order. Empty: no key but the rowid.
    pub primary_key: Vec<usize>,
    /// Whether it is a `WITHOUT ROWID` table.
    pub without_rowid: bool,
    /// Whether it is a `STRICT` table.
    pub strict: bool,
    /// Whether it is a view.
    pub is_view: bool,
    /// Whether a module keeps its rows, in whatever way.
    pub is_virtual: bool,
    /// Whether something happens beside a write.
    pub has_triggers: bool,
    /// Whether a trigger, of whatever table, may write to it.
    pub filled_by_triggers: bool,
    all: Arc<[OutputColumn]>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The name, in the case it was created with.
    pub name: String,
    /// How its values are stored and read.
    pub column_type: ColumnType,
    /// The declared type as it was written, maybe empty.
    pub declared: String,
    /// Whether it is declared NOT NULL.
    pub not_null: bool,
    /// The SQL of its default.
    pub default: Option<String>,
    /// Whether SQLite computes it. Such a column cannot be written.
    pub generated: bool,
    /// Whether it is a part of the primary key.
    pub in_key: bool,
    /// Whether an index has it as `ifnull(c, 0)`.
    pub nulls_equal: bool,
    /// What is known of the forms of its texts. Only those of times may have several.
    pub form: Form,
    /// A place where a host may keep what it makes of the name; shared with every
    /// [`OutputColumn`] made of the column.
    pub tag: Arc<OnceLock<usize>>,
}

/// What is known of the forms in which the times of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The rows were not looked at.
    #[default]
    Unknown,
    /// Every text has the form of the column's type.
    One,
    /// Some have another form, or may have.
    Several,
}

impl Column {
    /// The column as one of a result's.
    pub fn output(&self, table: &str) -> OutputColumn {
        OutputColumn {
            name: self.name.clone(),
            table: table.to_owned(),
            column_type: self.column_type,
            list: false,
            in_key: self.in_key,
            records: None,
            tag: Arc::clone(&self.tag),
        }
    }
}

impl Table {
    /// A rowid table of these columns, with the primary key at these places.
    pub fn new(name: impl Into<String>, columns: Vec<Column>, primary_key: Vec<usize>) -> Table {
        let (name, mut columns) = (name.into(), columns);
        for (place, column) in columns.iter_mut().enumerate() {
            column.in_key = primary_key.contains(&place);
        }
        let all = columns.iter().map(|column| column.output(&name)).collect();
        Table {
            name,
            columns,
            primary_key,
            without_rowid: false,
            strict: false,
            is_view: false,
            is_virtual: false,
            has_triggers: false,
            filled_by_triggers: false,
            all,
        }
    }

    /// The same table with other columns in the places of its own.
    pub(crate) fn with_columns(&self, columns: Vec<Column>) -> Table {
        Table {
            all: columns
                .iter()
                .map(|column| column.output(&self.name))
                .collect(),
            columns,
            ..self.clone()
        }
    }

    /// The column of this name and its place. As in SQL the case of ASCII letters does not
    /// matter.
    pub fn column(&self, name: &str) -> Result<(usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)
            .or_else(|| {
                let mut columns = self.columns.iter().enumerate();
                columns.find(|(_, column)| column.name.eq_ignore_ascii_case(name))
            })
            .ok_or_else(|| self.unknown_column(name))
    }

    /// The columns of the primary key, in the key's order.
    pub fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.primary_key
            .iter()
            .filter_map(|place| self.columns.get(*place))
    }

    /// Every column as one of a result's, made once.
    pub fn output_columns(&self) -> &Arc<[OutputColumn]> {
        &self.all
    }

    fn unknown_column(&self, name: &str) -> Error {
        let message = format!("table {:?} has no column {}", self.name, quoted(name));
        let known = self.columns.iter().map(|column| column.name.as_str());
        with_nearest(Error::new(Code::UnknownColumn, message), name, known)
            .with("table", self.name.as_str())
            .with("column", shortened(name))
    }
}

/// The error, naming the known name that is most like the one given.
pub(crate) fn with_nearest<'a>(
    error: Error,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Error {
    match nearest(&shortened(name), known) {
        Some(near) => {
            let message = format!("{}; did you mean {near:?}?", error.message());
            error.with_message(message).with("nearest", near)
        }
        None => error,
    }
}

/// A name in quotes for a message. Names come from callers and may be of any length.
pub(crate) fn quoted(name: &str) -> String {
    format!("{:?}", shortened(name))
}

/// At most 80 characters of a name.
pub(crate) fn shortened(name: &str) -> String {
    match name.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}
