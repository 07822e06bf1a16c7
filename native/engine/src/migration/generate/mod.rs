//! Migrations that write themselves.
//!
//! The files that are there are run in a database in memory, the wanted schema is made in another,
//! and what leads from the one to the other is written as a file with its way back. Nothing else is
//! remembered: the files are what was applied, so nothing can disagree with them.
//!
//! Every statement is run before the next one is thought of, and before a file is handed out it is
//! proved: up leaves nothing to do, and down leads back to what was.

mod compare;
mod convert;
mod effective;
mod model;
mod parse;
mod questions;
mod rebuild;
mod replay;
mod step;
mod text;
mod transition;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{Code, Error, Result};
use crate::migration::{read_directory, MigrationFile};
use crate::schema::TableSpec;
use crate::sqlite::lex::same;

pub(super) use parse::column_definition;

use model::Schema;
use replay::{replay, Replayed};
use step::Step;
use transition::{CustomStatements, Renames, Rules, UNLESS_DROP};
use wanted::{target, Target};

/// The schema that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The tables of resources. What was written by hand beside them stays.
    pub tables: Vec<TableSpec>,
    /// Statements that are run once, in this order, behind all others.
    pub statements: Vec<CustomStatement>,
    /// All of the schema in SQL, in place of tables: what is not in it goes.
    pub schema: Option<String>,
    /// Tables that are left alone.
    pub ignored: Vec<String>,
    /// Tables of which each tenant has its own, besides the one without a tenant.
    pub tenants: Vec<String>,
}

/// A statement in the developer's SQL, with the one that takes it back.
#[derive(Clone, Debug, Default)]
pub struct CustomStatement {
    /// By this it is known again.
    pub name: String,
    /// One or more statements.
    pub up: String,
    /// What takes them back.
    pub down: String,
}

/// How to write.
#[derive(Clone, Debug, Default)]
pub struct GenerateOptions {
    /// The name of the file behind its version.
    pub name: String,
    /// The version of the first file. It is raised behind that of the newest one.
    pub version: i64,
    /// Whether columns and tables that are not asked for are dropped.
    pub drop: bool,
    /// Tables that were renamed: from, to.
    pub rename_tables: Vec<(String, String)>,
    /// Columns that were renamed: the table's new name, from, to.
    pub rename_columns: Vec<(String, String, String)>,
    /// What is new and was not renamed.
    pub not_renamed: Vec<NotRenamed>,
    /// Values in SQL for rows that have none in a column that must have one: table, column, SQL.
    pub fill: Vec<(String, String, String)>,
    /// Files of the folder, by name, that are left out.
    pub skip: Vec<String>,
}

/// A new table or column, in lower case, that had no other name before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRenamed {
    /// A table.
    Table(String),
    /// A column of a table.
    Column(String, String),
}

/// Whether something new was one of others that are no longer asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The table of a column, by its new name; none for a table.
    pub table: Option<String>,
    /// The new name.
    pub to: String,
    /// The old names that it may have had, the most similar one first.
    pub from: Vec<String>,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// The name of the file.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// All of it.
    pub text: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// The files to be written, at most two: one that adds, and one that removes, for a later
    /// release. None while questions are open.
    pub files: Vec<GeneratedFile>,
    /// What a person has to answer first.
    pub questions: Vec<Question>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Writes what leads from the files of a folder to a wanted schema. A folder that is not there is an
/// empty one. Nothing is written to the disk.
///
/// # Errors
/// Those of reading and running the files, `invalid_option` for what has no meaning, and
/// `migration_failed` where a view or trigger that was written by hand is in the way.
pub fn generate(
    directory: Option<&Path>,
    wanted: &Wanted,
    options: &GenerateOptions,
) -> Result<Generated> {
    if wanted.schema.is_some() && !wanted.tables.is_empty() {
        let message = "give either the tables or the whole schema in SQL";
        return Err(Error::new(Code::InvalidOption, message).with("option", "schema"));
    }
    let files = files(directory, &options.skip)?;
    let replayed = replay(&files)?;
    let target = target(wanted)?;
    let ignored = lower(&wanted.ignored);
    let now = Schema::read(&replayed.link.conn)?;
    let renames = questions::renames(&now, &target.schema, options)?;
    let tenants = Tenants {
        wanted: wanted.tenants.clone(),
        former: former_tenants(&replayed, &target.schema, &renames),
    };
    check_tenants(&tenants, &target.schema)?;
    check_fill(&target.schema, options)?;
    let open = questions::questions(&now, &target.schema, options, &ignored, &replayed.left);
    if !open.is_empty() {
        return Ok(Generated {
            questions: open,
            ..Generated::default()
        });
    }
    let rules = Rules {
        exact: false,
        drop: false,
        of_resources: wanted.schema.is_none(),
        generated: replayed.generated.clone(),
        ignored,
        prefixes: target.prefixes.clone(),
        of_statements: target.of_statements.clone(),
        fill: fill(options),
    };
    write(&replayed, &target, renames, rules, options, &tenants)
}

/// The tables that each tenant has.
struct Tenants {
    wanted: Vec<String>,
    /// Those that are renamed or may go, of which each tenant has one, too.
    former: Vec<String>,
}

fn former_tenants(replayed: &Replayed, target: &Schema, renames: &Renames) -> Vec<String> {
    let gone = replayed.tenants.iter();
    let mut former: Vec<String> = gone
        .filter(|table| target.table(table).is_none())
        .cloned()
        .collect();
    for (from, to) in &renames.tables {
        if former.iter().any(|table| same(table, from)) {
            former.push(to.clone());
        }
    }
    former
}

/// A file is run for each tenant with the names of its tables in it, which no column may have.
fn check_tenants(tenants: &Tenants, schema: &Schema) -> Result<()> {
    let tenants: Vec<&String> = tenants.wanted.iter().chain(&tenants.former).collect();
    for table in &schema.tables {
        for column in &table.columns {
            if tenants.iter().any(|name| same(name, &column.name)) {
                let message = format!(
                    "the column {}.{} is named as a table of tenants; give one of them another name",
                    table.name, column.name
                );
                return Err(Error::new(Code::InvalidOption, message).with("option", "tenants"));
            }
        }
    }
    Ok(())
}

/// A value for what is not there would be left out in silence.
fn check_fill(target: &Schema, options: &GenerateOptions) -> Result<()> {
    for (table, column, sql) in &options.fill {
        let asked = target.table(table).and_then(|found| found.column(column));
        let message = if asked.is_none() {
            format!("nobody asks for a column {table}.{column} that could be filled")
        } else if sql.trim().is_empty() {
            format!("the value for the rows of {table}.{column} is empty")
        } else {
            continue;
        };
        return Err(Error::new(Code::InvalidOption, message).with("option", "fill"));
    }
    Ok(())
}

fn files(directory: Option<&Path>, skip: &[String]) -> Result<Vec<MigrationFile>> {
    let Some(directory) = directory.filter(|directory| directory.exists()) else {
        return Ok(Vec::new());
    };
    let skipped = |file: &MigrationFile| {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy();
        skip.iter().any(|other| *other == name)
    };
    let mut files = read_directory(directory)?;
    files.retain(|file| !skipped(file));
    Ok(files)
}

fn lower(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_ascii_lowercase()).collect()
}

fn fill(options: &GenerateOptions) -> BTreeMap<(String, String), String> {
    let fill = options.fill.iter();
    fill.map(|(table, column, sql)| {
        let key = (table.to_ascii_lowercase(), column.to_ascii_lowercase());
        (key, sql.clone())
    })
    .collect()
}

fn write(
    replayed: &Replayed,
    target: &Target,
    renames: Renames,
    rules: Rules,
    options: &GenerateOptions,
    tenants: &Tenants,
) -> Result<Generated> {
    let mut generated = Generated::default();
    let mut version = options.version.max(replayed.newest + 1);
    let statements = statements(replayed, target);
    // What adds comes first, so that what removes can wait for a later release.
    let mut step = Step {
        rules,
        renames,
        statements,
    };
    let added = step.run(&replayed.link, &target.schema)?;
    if added.is_needed() {
        let file = text::file(version, &options.name, &added, tenants);
        generated.files.push(file);
        version += 1;
    }
    generated.notes = added.up.notes;
    if options.drop {
        generated.notes.retain(|note| !note.ends_with(UNLESS_DROP));
        step.rules.generated = added.generated;
        step.rules.drop = true;
        step.renames = Renames::default();
        step.statements = CustomStatements::default();
        let removed = step.run(&added.after, &target.schema)?;
        if removed.is_needed() {
            let name = if generated.files.is_empty() {
                options.name.clone()
            } else {
                format!("{}_remove", options.name)
            };
            let file = text::file(version, &name, &removed, tenants);
            generated.files.push(file);
        }
        generated.notes.extend(removed.up.notes);
    }
    Ok(generated)
}

/// Which custom statements are taken back, and which are run.
fn statements(replayed: &Replayed, target: &Target) -> CustomStatements {
    let mut all = CustomStatements::default();
    let wanted = |name: &str| target.statements.iter().find(|other| other.name == name);
    for known in replayed.statements.values() {
        if wanted(&known.name).is_none_or(|wanted| wanted.up != known.up) {
            all.taken_back.push(known.clone());
        }
    }
    for statement in &target.statements {
        let known: Option<&CustomStatement> = replayed.statements.get(&statement.name);
        if known.is_none_or(|known| known.up != statement.up) {
            all.run.push(statement.clone());
        }
    }
    all
}
