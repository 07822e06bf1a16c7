//! Files over a database that has already what they make, as where tables follow their resources.
//!
//! The files before are run in a database in memory; so is each statement of the file itself, which
//! says what it makes. What the database has of that already and fits is taken over: the statement
//! is left out, and what is looser than it says is reported. What has rows is never dropped for it:
//! values are moved to where the file wants them, or the file fails with `schema_mismatch`.

mod carry;
mod index;
mod rename;
mod table;

use rusqlite::{Connection, OptionalExtension};

use super::file::{file_name, MigrationFile};
use super::run_script;
use super::script::Script;
use super::statement::{rebuilds, split, Kind, Rebuild, ScriptStatement};
use crate::connection::{self, Link};
use crate::error::{Code, Error, Result};
use crate::journal;
use crate::schema::tenants::{self, Tenants};
use crate::sqlite::authorizer::Access;
use crate::sqlite::lex::{quoted_name, same};
use crate::sqlite::sqlite_error;
use crate::sqlite::tokens::tokens;

/// What the ledger calls migrations of development, which one of another name replaces.
pub(super) const DEV: &str = "_dev";

/// What the files make, one after the other.
pub(super) struct Files<'a> {
    files: &'a [MigrationFile],
    scratch: Link,
    /// How many of the files have been run.
    done: usize,
}

impl<'a> Files<'a> {
    /// The files in the order of their versions.
    pub(super) fn new(files: &'a [MigrationFile]) -> Result<Files<'a>> {
        let scratch = connection::scratch()?;
        scratch.gate.set(Access::Migration);
        Ok(Files {
            files,
            scratch,
            done: 0,
        })
    }

    /// Runs all before this version. What a statement needs rows for may fail: only what it makes
    /// is of interest.
    fn advance_to(&mut self, version: i64) {
        let files = self.files;
        let before = |file: &&MigrationFile| file.version < version;
        for file in files.iter().skip(self.done).take_while(before) {
            for statement in split(&file.up.sql) {
                let _ = self.run(&file.up, &statement);
            }
            self.done += 1;
        }
    }

    fn run(&self, script: &Script, statement: &ScriptStatement) -> Result<()> {
        let (conn, sql) = (&self.scratch.conn, statement.text(&script.sql));
        journal::around(conn, sql, || {
            conn.execute_batch(sql).map_err(sqlite_error::map)
        })
    }
}

/// Runs the up part of a file; the caller holds the transaction. Returns what was taken over.
pub(super) fn run(
    conn: &Connection,
    file: &MigrationFile,
    script: &Script,
    files: &mut Files<'_>,
) -> Result<Vec<String>> {
    files.advance_to(file.version);
    let tenants = Tenants::find(conn, &file.tenants)?;
    tenants.complete(conn)?;
    tenants.complete(&files.scratch.conn)?;
    let statements = split(&script.sql);
    let rebuilds = rebuilds(&statements);
    let mut run = Run {
        conn,
        file,
        script: script.clone(),
        wanted: files,
        report: Vec::new(),
        carried: Vec::new(),
    };
    for (at, statement) in statements.iter().enumerate() {
        let sql = statement.text(&script.sql);
        // Afterwards the table of an index that it drops would not be known.
        let of_tenants = tenants.statements(conn, sql)?;
        run.statement(at, statement, &rebuilds)?;
        for (tenant, sql) in of_tenants {
            run.of_tenant(at, statement, (&tenant, sql), &rebuilds)?;
        }
    }
    let report = run.report;
    files.done += 1;
    Ok(report)
}

struct Run<'a, 'f> {
    conn: &'a Connection,
    file: &'a MigrationFile,
    script: Script,
    wanted: &'a Files<'f>,
    report: Vec<String>,
    /// What tables that are rebuilt have beyond the files.
    carried: Vec<(usize, carry::Carried)>,
}

impl Run<'_, '_> {
    /// The same statement for the tables of a tenant.
    fn of_tenant(
        &mut self,
        at: usize,
        statement: &ScriptStatement,
        (tenant, sql): (&str, String),
        rebuilds: &[Rebuild],
    ) -> Result<()> {
        let own = |rebuild: &Rebuild| Rebuild {
            table: tenants::of_tenant(&rebuild.table, tenant),
            new: tenants::of_tenant(&rebuild.new, tenant),
            ..rebuild.clone()
        };
        let rebuilds: Vec<Rebuild> = rebuilds.iter().map(own).collect();
        let line = self.script.line_at(statement.start);
        let script = std::mem::replace(&mut self.script, Script { sql, line });
        let statements = split(&self.script.sql);
        let mut one_by_one = statements.iter();
        let result = one_by_one.try_for_each(|one| self.statement(at, one, &rebuilds));
        self.script = script;
        result
    }

    fn statement(
        &mut self,
        at: usize,
        statement: &ScriptStatement,
        rebuilds: &[Rebuild],
    ) -> Result<()> {
        let before = index::dropped(&self.wanted.scratch.conn, &statement.kind)?;
        if let Some(rebuild) = rebuilds.iter().find(|rebuild| rebuild.create == at) {
            let carried = carry::Carried::of(self.conn, &self.wanted.scratch.conn, rebuild)?;
            self.carried.push((rebuild.insert, carried));
        }
        // A file that cannot run there is one that needs rows: it runs as any other.
        if self.wanted.run(&self.script, statement).is_err() {
            return self.execute(statement);
        }
        match &statement.kind {
            Kind::CreateTable { name } => self.create_table(name, statement),
            Kind::CreateIndex { name } => self.create_index(name, statement),
            Kind::CreateOther { name } => self.create_other(name, statement),
            Kind::AddColumn { table, column } => self.add_column(table, column, statement),
            Kind::RenameColumn { table, from, to } => {
                self.rename_column((table, from, to), statement)
            }
            Kind::RenameTable { from, to } => {
                let rebuilt = rebuilds.iter().any(|rebuild| rebuild.rename == at);
                match rebuilt {
                    true => self.execute(statement),
                    false => self.rename_table(from, to, statement),
                }
            }
            Kind::DropIndex { name } => self.drop_index(name, before, statement),
            Kind::Insert { table } => match self.carried_to(at, table) {
                Some(place) => {
                    let (_, carried) = self.carried.swap_remove(place);
                    self.copy(&carried, statement)
                }
                None => self.execute(statement),
            },
            Kind::DropTable { .. } | Kind::Other => self.execute(statement),
        }
    }

    fn carried_to(&self, at: usize, table: &str) -> Option<usize> {
        let mut carried = self.carried.iter();
        carried.position(|(insert, carried)| *insert == at && carried.is_for(table))
    }

    /// Runs the statement as it is.
    fn execute(&self, statement: &ScriptStatement) -> Result<()> {
        let part = statement.start..statement.end;
        run_script::run_part(self.conn, self.file, &self.script, part)
    }

    /// Runs a statement in the place of one of the file.
    fn instead(&self, sql: &str, statement: &ScriptStatement) -> Result<usize> {
        let run = self.conn.execute(sql, []).map_err(|error| {
            let text = error.to_string();
            (
                sqlite_error::refine(self.conn, sqlite_error::map(error)),
                text,
            )
        });
        run.map_err(|(error, text)| {
            let line = self.script.line_at(statement.start);
            run_script::failure(error, &text, self.file, line).with("sql", sql)
        })
    }

    fn take_over(&mut self, line: String) {
        self.report.push(line);
    }

    /// What is there cannot be made what the file wants.
    fn mismatch(&self, table: &str, problems: Vec<String>, statement: &ScriptStatement) -> Error {
        let line = self.script.line_at(statement.start);
        let message = format!(
            "{}, line {line}: what {} makes is there already and does not fit: {}. Change it by a migration of an earlier version, or, where its rows do not matter, drop it",
            file_name(&self.file.path),
            self.file.label(),
            problems.join("; ")
        );
        Error::new(Code::SchemaMismatch, message)
            .with("table", table)
            .with("version", self.file.version)
            .with("name", self.file.name.as_str())
            .with("line", line)
            .with("problems", problems)
    }

    /// Views and triggers have no rows: another one of the name gives way.
    fn create_other(&mut self, name: &str, statement: &ScriptStatement) -> Result<()> {
        let wanted = object(&self.wanted.scratch.conn, name)?;
        let (Some(found), Some(wanted)) = (object(self.conn, name)?, wanted) else {
            return self.execute(statement);
        };
        let kind = found.kind.as_str();
        if kind != wanted.kind || !matches!(kind, "view" | "trigger") {
            return self.execute(statement);
        }
        if tokens(&found.sql) == tokens(&wanted.sql) {
            self.take_over(format!("{kind} {name}"));
            return Ok(());
        }
        let (keyword, quoted) = (kind.to_ascii_uppercase(), quoted_name(name));
        self.instead(&format!("DROP {keyword} {quoted}"), statement)?;
        self.execute(statement)?;
        self.take_over(format!(
            "{kind} {name}: made anew, since it was another one"
        ));
        Ok(())
    }
}

/// An object of a schema.
struct Object {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

/// The table, index, view or trigger of a name.
fn object(conn: &Connection, name: &str) -> Result<Option<Object>> {
    let sql = "SELECT type, name, tbl_name, ifnull(sql, '') FROM main.sqlite_schema \
               WHERE name = ?1 COLLATE NOCASE";
    conn.query_row(sql, [name], |row| {
        Ok(Object {
            kind: row.get(0)?,
            name: row.get(1)?,
            table: row.get(2)?,
            sql: row.get(3)?,
        })
    })
    .optional()
    .map_err(sqlite_error::map)
}

/// Whether a table has a column.
fn has_column(table: &crate::catalog::Table, column: &str) -> bool {
    table.columns.iter().any(|known| same(&known.name, column))
}
