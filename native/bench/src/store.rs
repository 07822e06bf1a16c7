//! A database as the repo opens it: the same pragmas, the same cache.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use uuid::Uuid;

use crate::Failure;

/// A connection, and the ids that the tasks need.
pub struct Store {
    /// The connection of all tasks but those with several threads.
    pub conn: Connection,
    path: PathBuf,
    /// The messages' ids as stored, by time.
    pub messages: Vec<String>,
    /// The rooms' ids as stored, in their order.
    pub rooms: Vec<String>,
    /// The rooms' ids.
    pub room_ids: Vec<Uuid>,
    /// The users' ids.
    pub user_ids: Vec<Uuid>,
}

impl Store {
    /// Opens a database that has the chat's tables.
    pub fn open(path: &Path) -> Result<Store, Failure> {
        let conn = connect(path)?;
        let rooms = texts(&conn, "SELECT id FROM rooms ORDER BY id")?;
        let users = texts(&conn, "SELECT id FROM users ORDER BY id")?;
        Ok(Store {
            messages: texts(&conn, "SELECT id FROM messages ORDER BY created_at, id")?,
            room_ids: ids(&rooms)?,
            user_ids: ids(&users)?,
            rooms,
            conn,
            path: path.to_owned(),
        })
    }

    /// One more connection to it.
    pub fn connect(&self) -> Result<Connection, Failure> {
        connect(&self.path)
    }
}

/// The repo's defaults, see `guides/repo.md`. A commit starts a checkpoint at 1,000 pages by
/// itself, which is SQLite's default and the size at which the repo starts one.
fn connect(path: &Path) -> Result<Connection, Failure> {
    let conn = Connection::open(path)?;
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
         PRAGMA cache_size=-16000; PRAGMA journal_size_limit=67108864;",
    )?;
    Ok(conn)
}

fn texts(conn: &Connection, sql: &str) -> Result<Vec<String>, Failure> {
    let mut stmt = conn.prepare(sql)?;
    let texts = stmt.query_map([], |row| row.get(0))?;
    Ok(texts.collect::<Result<_, _>>()?)
}

fn ids(texts: &[String]) -> Result<Vec<Uuid>, Failure> {
    let ids = texts.iter().map(|text| Uuid::parse_str(text));
    Ok(ids.collect::<Result<_, _>>()?)
}
