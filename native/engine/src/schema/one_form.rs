//! Columns of times whose texts are not all in the form of the column, and the statements that
//! bring them into it. These are for a migration: they are made of SQLite's own functions, so that
//! any program can run them, and change no text that the form of the column cannot hold.

use rusqlite::Connection;

use crate::catalog::{Catalog, Column, Table};
use crate::error::Result;
use crate::sqlite::lex::quoted_name;
use crate::sqlite::sqlite_error;
use crate::value::{ColumnType, TimeFamily};

/// A column of times with texts in other forms than its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherForms {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// How many rows have a text in another form.
    pub rows: u64,
    /// One such text. It is not cut, whatever it is.
    pub example: String,
    /// How many of the rows the statement leaves as they are: their texts hold what the form of the
    /// column does not, or cannot be read.
    pub left: u64,
    /// What changes the other rows: an `UPDATE` for each form that is there, with a semicolon behind
    /// each. Without one where all are left.
    pub statement: Option<String>,
}

/// Looks at every row of every column of times of the tables that can be written.
///
/// # Errors
/// Those of reading the rows, such as the interruption when the database is closed.
pub fn other_forms(conn: &Connection, catalog: &Catalog) -> Result<Vec<OtherForms>> {
    let mut found = Vec::new();
    let tables = catalog.tables();
    for table in tables.filter(|table| !table.is_view && !table.is_virtual) {
        for column in table.columns.iter().filter(|column| !column.generated) {
            if let Some(family) = column.column_type.time_family() {
                found.extend(look(conn, table, column, family)?);
            }
        }
    }
    Ok(found)
}

fn look(
    conn: &Connection,
    table: &Table,
    column: &Column,
    family: TimeFamily,
) -> Result<Option<OtherForms>> {
    let (quoted_table, quoted_column) = (quoted_name(&table.name), quoted_name(&column.name));
    let updates = forms(family).map(|form| form.update(&quoted_column, column.column_type));
    let counts = updates.clone().map(|update| {
        let condition = update.condition;
        format!(", count(*) FILTER (WHERE {condition})")
    });
    let sql = format!(
        "SELECT min(CAST({quoted_column} AS BLOB)), count(*){} FROM {quoted_table} \
         WHERE typeof({quoted_column}) = 'text' \
         AND NOT ash_rusqlite_own_form({quoted_column}, '{}')",
        counts.collect::<String>(),
        column.column_type.declared()
    );
    let (example, mut counts) = conn
        .query_row(&sql, [], |row| {
            let example: Option<Vec<u8>> = row.get(0)?;
            let counts = (1..row.as_ref().column_count()).map(|place| row.get::<_, i64>(place));
            Ok((example, counts.collect::<rusqlite::Result<Vec<_>>>()?))
        })
        .map(|(example, counts)| (example, counts.into_iter().map(i64::unsigned_abs)))
        .map_err(sqlite_error::map)?;
    let rows = counts.next().unwrap_or(0);
    let Some(example) = example.filter(|_| rows > 0) else {
        return Ok(None);
    };
    let (mut statements, mut changed) = (Vec::new(), 0);
    for (update, count) in updates.zip(counts).filter(|(_, count)| *count > 0) {
        let Update { value, condition } = update;
        statements.push(format!(
            "UPDATE {quoted_table} SET {quoted_column} = {value}\nWHERE {condition};"
        ));
        changed += count;
    }
    Ok(Some(OtherForms {
        table: table.name.clone(),
        column: column.name.clone(),
        rows,
        example: String::from_utf8_lossy(&example).into_owned(),
        left: rows.saturating_sub(changed),
        statement: (!statements.is_empty()).then(|| statements.join("\n")),
    }))
}

/// What is behind the digits of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Nothing,
    Z,
    /// `+02`.
    Hours,
    /// `+0200`.
    Digits,
    /// `+02:00`.
    Colon,
}

/// A form in which others write times.
#[derive(Clone, Copy, Debug)]
struct Form {
    family: TimeFamily,
    /// Whether a time of day begins with a T.
    t: bool,
    end: End,
}

/// The forms of a family that are read, each of whose texts is of no other. An offset of a time
/// that has no zone counts for nothing, but would be lost: texts with one are left.
fn forms(family: TimeFamily) -> impl Iterator<Item = Form> + Clone {
    let ends: &[End] = match family {
        TimeFamily::Instant => &[End::Nothing, End::Z, End::Hours, End::Digits, End::Colon],
        TimeFamily::Naive | TimeFamily::Clock => &[End::Nothing, End::Z],
    };
    let ts: &[bool] = match family {
        TimeFamily::Clock => &[false, true],
        TimeFamily::Instant | TimeFamily::Naive => &[false],
    };
    ts.iter().flat_map(move |t| {
        ends.iter().map(move |end| Form {
            family,
            t: *t,
            end: *end,
        })
    })
}

/// The new text of a row, and which rows get it.
struct Update {
    value: String,
    condition: String,
}

const DAY: &str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]";
const CLOCK: &str = "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]";
const DIGITS: &str = "[0-9][0-9][0-9][0-9][0-9][0-9]";

impl End {
    /// Its pattern, and its length.
    fn pattern(self) -> (&'static str, usize) {
        match self {
            End::Nothing => ("", 0),
            End::Z => ("Z", 1),
            End::Hours => ("[+-][0-2][0-9]", 3),
            End::Digits => ("[+-][0-2][0-9][0-5][0-9]", 5),
            End::Colon => ("[+-][0-2][0-9]:[0-5][0-9]", 6),
        }
    }
}

impl Form {
    /// Where the time of day begins.
    fn clock_at(self) -> usize {
        match (self.family, self.t) {
            (TimeFamily::Clock, false) => 1,
            (TimeFamily::Clock, true) => 2,
            _ => 12,
        }
    }

    fn update(self, c: &str, column_type: ColumnType) -> Update {
        let clock_at = self.clock_at();
        let (end, end_length) = self.end.pattern();
        let fraction_at = clock_at + 8;
        // With its point, or empty.
        let fraction = match end_length {
            0 => format!("substr({c}, {fraction_at})"),
            n => format!(
                "substr({c}, {fraction_at}, length({c}) - {})",
                fraction_at - 1 + n
            ),
        };
        let pattern = match (self.family, self.t) {
            (TimeFamily::Clock, false) => format!("{CLOCK}*{end}"),
            (TimeFamily::Clock, true) => format!("T{CLOCK}*{end}"),
            _ => format!("{DAY}[T ]{CLOCK}*{end}"),
        };
        let fractions = match column_type.has_fraction() {
            true => format!(
                "{fraction} GLOB '[.,][0-9]*' AND substr({fraction}, 2) NOT GLOB '*[^0-9]*' \
                 AND rtrim(substr({fraction}, 8), '0') = ''"
            ),
            false => format!("{fraction} GLOB '[.,]0*' AND rtrim(substr({fraction}, 2), '0') = ''"),
        };
        let mut conditions = vec![
            format!("typeof({c}) = 'text'"),
            format!("{c} GLOB '{pattern}'"),
            format!("{c} NOT GLOB '{}'", self.own(column_type)),
            // What is behind a NUL byte would be lost, and GLOB does not look at it.
            format!("length(CAST({c} AS BLOB)) = length({c})"),
            format!("substr({c}, {clock_at}, 2) < '24'"),
            format!("({fraction} = '' OR {fractions})"),
        ];
        if self.family != TimeFamily::Clock {
            // A day that does not exist becomes one of the next month.
            conditions.push(format!(
                "date(substr({c}, 1, 10), '+0 days') = substr({c}, 1, 10)"
            ));
        }
        let mut value = self.seconds(c, clock_at);
        if end_length > 1 {
            conditions.push(format!("substr({c}, {}, 2) < '24'", 1 - signed(end_length)));
            conditions.push(format!(
                "substr({c}, -{end_length}) NOT IN ('-00', '-0000', '-00:00')"
            ));
            // Before the year 0 or after 9999 it is no time that is read.
            conditions.push(format!("{value} GLOB '{DAY}T*'"));
        }
        if column_type.has_fraction() {
            value += &format!(" || '.' || substr(substr({fraction}, 2) || '000000', 1, 6)");
        }
        if self.family == TimeFamily::Instant {
            value += " || 'Z'";
        }
        Update {
            value,
            condition: conditions.join("\n  AND "),
        }
    }

    /// The text up to its seconds, in UTC.
    fn seconds(self, c: &str, clock_at: usize) -> String {
        let clock = format!("substr({c}, {clock_at}, 8)");
        let (_, end_length) = self.end.pattern();
        match (self.family, self.end) {
            (TimeFamily::Clock, _) => clock,
            (_, End::Nothing | End::Z) => format!("substr({c}, 1, 10) || 'T' || {clock}"),
            _ => {
                let minutes = match self.end {
                    End::Hours => "'00'".to_owned(),
                    _ => format!("substr({c}, -2)"),
                };
                format!(
                    "strftime('%Y-%m-%dT%H:%M:%S', substr({c}, 1, 10) || ' ' || {clock}, \
                     CASE substr({c}, -{end_length}, 1) WHEN '+' THEN '-' ELSE '+' END || \
                     substr({c}, {}, 2) || ':' || {minutes})",
                    1 - signed(end_length)
                )
            }
        }
    }

    /// The pattern of the column's own form.
    fn own(self, column_type: ColumnType) -> String {
        let day = match self.family {
            TimeFamily::Clock => String::new(),
            _ => format!("{DAY}T"),
        };
        let clock = "[0-9][0-9]:[0-9][0-9]:[0-9][0-9]";
        let fraction = match column_type.has_fraction() {
            true => format!(".{DIGITS}"),
            false => String::new(),
        };
        let zone = match self.family {
            TimeFamily::Instant => "Z",
            _ => "",
        };
        format!("{day}{clock}{fraction}{zone}")
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(0)
}
