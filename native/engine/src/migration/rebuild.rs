//! Large tables that a file rebuilds: how many rows they have and how long that takes here is
//! reported before the writer is held, and the rows are copied in parts, so that progress can be
//! reported meanwhile.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file::MigrationFile;
use super::run_script;
use super::script::Script;
use super::statement::{rebuilds, split, Copy, Kind, Rebuild, ScriptStatement};
use crate::catalog::{load_table, owner_of_name};
use crate::error::Result;
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::lex::{quoted_name, same, Token};
use crate::sqlite::sqlite_error;

/// From how many rows on a table is large.
const LARGE: u64 = 10_000;
/// How long a part of the table is copied to see how long all of it takes.
const SAMPLE: Duration = Duration::from_millis(50);
/// The rows of the first part of the sample; each one after it is twice as large.
const SAMPLE_ROWS: u64 = 500;
/// In how many parts a table is copied.
const PARTS: i64 = 50;
/// The names of the rowid, where no column has them.
pub(super) const ROWIDS: [&str; 3] = ["rowid", "_rowid_", "oid"];
/// What the sample is called.
const SAMPLE_TABLE: &str = "ash_rusqlite_sample";

/// Functions of one row that a copy may use and still be made in parts.
const OF_ONE_ROW: &[&str] = &[
    "abs",
    "cast",
    "char",
    "coalesce",
    "concat",
    "date",
    "datetime",
    "format",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_extract",
    "json_object",
    "json_quote",
    "json_type",
    "json_valid",
    "julianday",
    "length",
    "like",
    "lower",
    "ltrim",
    "nullif",
    "printf",
    "quote",
    "replace",
    "round",
    "rtrim",
    "sign",
    "strftime",
    "substr",
    "substring",
    "time",
    "trim",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "upper",
    "when",
    "then",
    "else",
    "and",
    "or",
    "not",
    "in",
    "case",
    "is",
    "between",
];

/// A large table that a script rebuilds.
pub(super) struct Large {
    rebuild: Rebuild,
    rows: u64,
}

/// Finds the large tables, and reports each with the time that it will take.
pub(super) fn announce(
    conn: &Connection,
    file: &MigrationFile,
    script: &Script,
    sink: &mut dyn ProgressSink,
) -> Result<Vec<Large>> {
    // Of a file for all tenants each statement runs once more for each of them.
    if !file.tenants.is_empty() {
        return Ok(Vec::new());
    }
    let statements = split(&script.sql);
    let mut found = Vec::new();
    for rebuild in rebuilds(&statements) {
        let Some(table) = load_table(conn, &rebuild.table)? else {
            continue;
        };
        if table.is_view || table.is_virtual {
            continue;
        }
        let sql = format!("SELECT count(*) FROM {}", quoted_name(&rebuild.table));
        let rows: i64 = conn
            .query_row(&sql, [], |row| row.get(0))
            .map_err(sqlite_error::map)?;
        let rows = u64::try_from(rows).unwrap_or(0);
        if rows < LARGE {
            continue;
        }
        let estimate = estimate(conn, script, &statements, &rebuild, rows);
        sink.progress(progress(&rebuild.table, 0, rows, Some(estimate)));
        found.push(Large { rebuild, rows });
    }
    Ok(found)
}

fn progress(table: &str, done: u64, total: u64, estimate: Option<Duration>) -> Progress {
    Progress {
        phase: "rebuild",
        label: table.to_owned(),
        done,
        total,
        estimate,
    }
}

/// How long the copy will take, by a part of it into a temporary table. Nothing is locked.
fn estimate(
    conn: &Connection,
    script: &Script,
    statements: &[ScriptStatement],
    rebuild: &Rebuild,
    rows: u64,
) -> Duration {
    let own = statements
        .get(rebuild.create)
        .zip(statements.get(rebuild.insert));
    let made = own.and_then(|(create, insert)| {
        let copy = sample_of(&script.sql, create, insert)?;
        Some(copy).filter(|(create, _)| conn.execute_batch(create).is_ok())
    });
    let (_, insert) = made.unwrap_or_else(|| {
        let table = quoted_name(&rebuild.table);
        let create =
            format!("CREATE TEMP TABLE {SAMPLE_TABLE} AS SELECT * FROM main.{table} LIMIT 0");
        let _ = conn.execute_batch(&create);
        (
            create,
            format!("INSERT INTO {SAMPLE_TABLE} SELECT * FROM main.{table}"),
        )
    });
    let mut copied = 0;
    let mut part = SAMPLE_ROWS;
    let started = Instant::now();
    while copied < rows && started.elapsed() < SAMPLE {
        match conn.execute(&format!("{insert} LIMIT {part} OFFSET {copied}"), []) {
            Ok(0) | Err(_) => break,
            Ok(count) => copied += u64::try_from(count).unwrap_or(0),
        }
        part *= 2;
    }
    let took = started.elapsed();
    let _ = conn.execute_batch(&format!("DROP TABLE IF EXISTS temp.{SAMPLE_TABLE}"));
    match copied {
        0 => Duration::ZERO,
        _ => took.mul_f64(rows as f64 / copied as f64),
    }
}

/// The statements that make a temporary table as the new one, and copy into it.
fn sample_of(
    sql: &str,
    create: &ScriptStatement,
    insert: &ScriptStatement,
) -> Option<(String, String)> {
    let text = |from: usize, to: usize| sql.get(from..to);
    let own = |statement: &ScriptStatement| -> Option<Token> {
        let open = statement.tokens.iter().position(|token| token.is("("))?;
        statement.tokens.get(open.checked_sub(1)?).cloned()
    };
    let without_end = |statement: &ScriptStatement| {
        let last = statement.tokens.last().filter(|token| token.is(";"));
        last.map_or(statement.end, |token| token.start)
    };
    let made = own(create)?;
    let rest = text(made.end, without_end(create))?;
    let copied = own(insert)?;
    Copy::read(sql, insert)?;
    let values = text(copied.end, without_end(insert))?;
    Some((
        format!("CREATE TEMP TABLE {SAMPLE_TABLE} {rest}"),
        format!("INSERT INTO {SAMPLE_TABLE} {values}"),
    ))
}

/// Runs a script whose large tables were announced.
pub(super) fn run(
    conn: &Connection,
    file: &MigrationFile,
    script: &Script,
    large: &[Large],
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    if large.is_empty() {
        return run_script::run(conn, file, script);
    }
    for (at, statement) in split(&script.sql).iter().enumerate() {
        let part = statement.start..statement.end;
        match large.iter().find(|large| large.rebuild.insert == at) {
            None => run_script::run_part(conn, file, script, part)?,
            Some(one) => {
                let table = &one.rebuild.table;
                let parts = in_parts(conn, table, &script.sql, statement)?;
                if parts.is_empty() {
                    run_script::run_part(conn, file, script, part)?;
                }
                let mut done = 0;
                for sql in parts {
                    let count = conn.execute(&sql, []).map_err(|error| {
                        let line = script.line_at(statement.start);
                        let text = error.to_string();
                        let error = sqlite_error::refine(conn, sqlite_error::map(error));
                        run_script::failure(error, &text, file, line)
                    })?;
                    done += u64::try_from(count).unwrap_or(0);
                    // The last word is that all is done.
                    if done < one.rows {
                        sink.progress(progress(table, done, one.rows, None));
                    }
                }
                sink.progress(progress(table, one.rows, one.rows, None));
            }
        }
    }
    Ok(())
}

/// The statements that copy a table in the order of its rows, one part after the other; none where
/// it must be one statement.
fn in_parts(
    conn: &Connection,
    table: &str,
    sql: &str,
    statement: &ScriptStatement,
) -> Result<Vec<String>> {
    let (Some(found), Some(copy)) = (load_table(conn, table)?, Copy::read(sql, statement)) else {
        return Ok(Vec::new());
    };
    let taken = |name: &&&str| found.columns.iter().any(|column| same(&column.name, name));
    let rowid = ROWIDS.iter().find(|name| !taken(name));
    let (Some(rowid), false) = (rowid, found.without_rowid) else {
        return Ok(Vec::new());
    };
    if !of_one_row(statement) {
        return Ok(Vec::new());
    }
    let bounds = format!(
        "SELECT min({rowid}), max({rowid}) FROM {}",
        quoted_name(table)
    );
    let bounds: (Option<i64>, Option<i64>) = conn
        .query_row(&bounds, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(sqlite_error::map)?;
    let (Some(first), Some(last)) = bounds else {
        return Ok(Vec::new());
    };
    let copy = copy.sql();
    let copy = copy.trim_end_matches(';');
    let step = (i128::from(last) - i128::from(first)) / i128::from(PARTS) + 1;
    let mut parts = Vec::new();
    let mut from = i128::from(first);
    while from <= i128::from(last) {
        let to = (from + step - 1).min(i128::from(last));
        parts.push(format!("{copy} WHERE {rowid} BETWEEN {from} AND {to}"));
        from = to + 1;
    }
    Ok(parts)
}

/// Whether what is copied is of one row each, so that the rows of a part give what they give in the
/// whole: no aggregate, no window, no other table.
fn of_one_row(statement: &ScriptStatement) -> bool {
    let mut tokens = statement
        .tokens
        .iter()
        .skip_while(|token| !token.is("select"))
        .skip(1);
    let mut last: Option<&Token> = None;
    tokens.all(|token| {
        let refused = ["select", "distinct", "all", "over", "filter"];
        if refused.iter().any(|word| token.is(word)) {
            return false;
        }
        let called = token.is("(").then_some(last).flatten();
        last = Some(token);
        called.is_none_or(|function| {
            let word = function
                .text
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_');
            !word || OF_ONE_ROW.iter().any(|known| function.is(known))
        })
    })
}

/// The tables whose foreign keys a script can have broken; `None` when that may be any.
pub(super) fn touched(
    conn: &Connection,
    file: &MigrationFile,
    script: &Script,
) -> Result<Option<Vec<String>>> {
    if !file.tenants.is_empty() {
        return Ok(None);
    }
    let statements = split(&script.sql);
    let mut made: Vec<&str> = Vec::new();
    let mut touched: Vec<String> = Vec::new();
    for statement in &statements {
        match &statement.kind {
            Kind::CreateTable { name } => {
                made.push(name);
                touched.push(name.clone());
            }
            Kind::Insert { table } if same(table, "sqlite_sequence") => {}
            // Only the new table is written: there is no trigger on it yet.
            Kind::Insert { table } if made.iter().any(|name| same(name, table)) => {}
            Kind::DropTable { name } => touched.push(name.clone()),
            Kind::AddColumn { table, .. } | Kind::RenameColumn { table, .. } => {
                touched.push(table.clone());
            }
            Kind::RenameTable { from, to } => touched.extend([from.clone(), to.clone()]),
            Kind::CreateIndex { .. } => {}
            // What refers to the columns of a unique one needs it.
            Kind::DropIndex { name } => touched.extend(owner_of_name(conn, name)?),
            Kind::CreateOther { .. } => made.clear(),
            Kind::Insert { .. } => return Ok(None),
            Kind::Other => {
                let harmless = statement.begins(&["drop", "view"])
                    || statement.begins(&["drop", "trigger"])
                    || statement.begins(&["delete", "from", "sqlite_sequence"]);
                if !harmless {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(touched))
}
