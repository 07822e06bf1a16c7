//! A folder of migration files, and what one file says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::script::{is_comment, Script};
use crate::error::{Code, Error, Result};
use crate::schema::tenants;

/// A migration as its file says it.
#[derive(Clone, Debug)]
pub struct MigrationFile {
    /// The digits that its file name begins with.
    pub version: i64,
    /// The rest of its file name.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// SHA-256 of its bytes, with CRLF read as LF, so that a checkout does not change it.
    pub checksum: String,
    /// All of it, with CRLF read as LF.
    pub(super) text: String,
    /// The tables that each tenant has, where the file is one for all of them.
    pub tenants: Vec<String>,
    pub(super) up: Script,
    pub(super) down: Option<Script>,
}

impl MigrationFile {
    /// What a person calls it: `20260110090000_create_rooms`.
    pub(super) fn label(&self) -> String {
        label(self.version, &self.name)
    }
}

/// What a person calls a migration.
pub(super) fn label(version: i64, name: &str) -> String {
    format!("{version}_{name}")
}

/// Reads the migrations of a folder, by version. Hidden files, folders and files that do
/// not end in `.sql` are left out.
///
/// # Errors
/// `InvalidMigration`, which reports everything that is wrong in the folder at once
/// (`problems`).
pub fn read_directory(dir: &Path) -> Result<Vec<MigrationFile>> {
    let mut problems = Vec::new();
    let mut files: BTreeMap<i64, MigrationFile> = BTreeMap::new();
    for path in sql_files(dir)? {
        match read_file(&path) {
            Err(problem) => problems.push(format!("{} {problem}", file_name(&path))),
            Ok(file) => {
                if let Some(other) = files.insert(file.version, file) {
                    problems.push(format!(
                        "{} and {} have the same version",
                        file_name(&other.path),
                        file_name(&path)
                    ));
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(files.into_values().collect())
    } else {
        let message = format!("in {}: {}", dir.display(), problems.join("; "));
        Err(Error::new(Code::InvalidMigration, message)
            .with("path", dir.display().to_string())
            .with("problems", problems))
    }
}

fn sql_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| {
        let message = format!(
            "cannot read the migrations folder {}: {error}",
            dir.display()
        );
        Error::new(Code::InvalidMigration, message).with("path", dir.display().to_string())
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let sql = path
            .extension()
            .is_some_and(|ext| ext.eq_ignore_ascii_case("sql"));
        if sql && !file_name(&path).starts_with('.') && !path.is_dir() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Reads one file; a problem is reported without the file's name.
pub(super) fn read_file(path: &Path) -> Result<MigrationFile, String> {
    let (version, name) = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .and_then(split_name)
        .ok_or("is not named <timestamp>_<name>.sql, with a timestamp of 1 to 18 digits")?;
    // Reading a pipe would wait for a process that writes into it.
    if fs::metadata(path).is_ok_and(|data| !data.is_file()) {
        return Err("is no regular file".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 (byte {})", error.utf8_error().valid_up_to()))?;
    let text = text.replace("\r\n", "\n");
    if text.contains('\0') {
        // SQLite would stop reading there without a word.
        return Err("has a NUL character in it".to_owned());
    }
    let (up, down) = split_parts(&text)?;
    Ok(MigrationFile {
        version,
        name: name.to_owned(),
        path: path.to_owned(),
        checksum: hex(&Sha256::digest(text.as_bytes())),
        tenants: tenants(&text),
        text,
        up,
        down,
    })
}

/// The tables that the head of a file names as those of each tenant.
fn tenants(text: &str) -> Vec<String> {
    let named = head(text).filter_map(|line| line.strip_prefix(tenants::LINE));
    let tables = named.flat_map(|tables| tables.split(','));
    tables.map(|table| table.trim().to_owned()).collect()
}

/// The lines above `-- up`.
pub(super) fn head(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| marker(line) != Some("up"))
}

fn split_name(stem: &str) -> Option<(i64, &str)> {
    let (digits, name) = stem.split_once('_')?;
    let numeric = (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    (numeric && !name.is_empty()).then_some(())?;
    Some((digits.parse().ok()?, name))
}

/// Finds the lines `-- up` and `-- down` and what stands between them.
fn split_parts(text: &str) -> Result<(Script, Option<Script>), String> {
    let mut up: Option<(usize, usize)> = None;
    let mut down: Option<(usize, usize, usize)> = None;
    let mut head = 0;
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (number, end) = (index + 1, start + line.len());
        match marker(line) {
            Some("up") if up.is_some() => {
                return Err(format!("has a second line \"-- up\" (line {number})"));
            }
            Some("up") => {
                head = start;
                up = Some((end, number + 1));
            }
            Some("down") if up.is_none() => {
                return Err(format!("has \"-- down\" above \"-- up\" (line {number})"));
            }
            Some("down") if down.is_some() => {
                return Err(format!("has a second line \"-- down\" (line {number})"));
            }
            Some("down") => down = Some((start, end, number + 1)),
            _ => {}
        }
        start = end;
    }
    let (up_start, up_line) = up.ok_or("has no line \"-- up\"")?;
    if !text.get(..head).is_some_and(is_comment) {
        return Err("has SQL above the line \"-- up\"".to_owned());
    }
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    Ok(match down {
        None => (
            Script {
                sql: part(up_start, text.len()),
                line: up_line,
            },
            None,
        ),
        Some((up_end, down_start, down_line)) => (
            Script {
                sql: part(up_start, up_end),
                line: up_line,
            },
            Some(Script {
                sql: part(down_start, text.len()),
                line: down_line,
            }),
        ),
    })
}

fn marker(line: &str) -> Option<&'static str> {
    let word = line
        .trim()
        .trim_start_matches('\u{feff}')
        .strip_prefix("--")?
        .trim();
    ["up", "down"]
        .into_iter()
        .find(|marker| word.eq_ignore_ascii_case(marker))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
