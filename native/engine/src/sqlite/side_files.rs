//! The files that SQLite keeps beside a database while it is used
//! (<https://sqlite.org/tempfiles.html>). Whatever has such a name is taken for one of them.

use std::path::{Path, PathBuf};

/// What SQLite appends to a database's name.
pub(crate) const SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The path with something behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The file that is there and would take this path for one of its side files, whatever links
/// lead to it. Some file systems take "-WAL" for "-wal".
pub(crate) fn owner(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    SUFFIXES.iter().find_map(|suffix| {
        let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
        let owner = path.with_file_name(stem);
        (!stem.is_empty() && end.eq_ignore_ascii_case(suffix) && owner.is_file()).then_some(owner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_file_belongs_to_the_file_that_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("é.db");
        let side = |suffix| owner(&beside(&database, suffix));
        assert_eq!(side("-wal"), None);
        std::fs::write(&database, "").unwrap();
        for suffix in ["-wal", "-shm", "-journal", "-WAL"] {
            assert_eq!(side(suffix), Some(database.clone()), "{suffix}");
        }
        assert_eq!(side("-copy"), None);
        assert_eq!(side(""), None);
        assert_eq!(owner(&dir.path().join("-wal")), None);
        assert_eq!(owner(Path::new("/")), None);
    }
}
