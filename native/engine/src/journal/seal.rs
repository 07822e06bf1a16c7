//! The chain over the events: a change of any event, and a missing or inserted one, is found.
//!
//! Events are sealed in stretches, after their commit. The hash of a stretch is SHA-256 over the
//! hash of the one before it and a leaf of each event in order. A leaf covers everything about an
//! event but its data, of which it has a salted digest. Redaction removes data and salt and keeps
//! the digest; retention removes events and keeps their leaves, or of a whole stretch its hash
//! alone. In both cases the chain still holds, and nothing of what is gone can be guessed from it.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use sha2::{Digest, Sha256};

use super::layout;
use crate::error::{Code, Error, Result};
use crate::service::progress::{Progress, ProgressSink};
use crate::sqlite::sqlite_error;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// As many events are in a stretch at most.
pub const STRETCH: usize = 1_000;

/// Bytes of a removed event in a seal: its seq and its leaf.
const REMOVED: usize = 8 + 32;

/// What a leaf is made of: first what says nothing of the data, then the data and its salt.
const EVENT: &str = "SELECT e.seq, t.name, t.\"table\", t.operation, s.name, e.position, a.name, \
    e.key, e.tx, e.at, e.action, e.metadata, e.digest, e.salt, e.data, e.old \
    FROM ash_rusqlite_events AS e \
    LEFT JOIN ash_rusqlite_event_types AS t ON t.id = e.type \
    LEFT JOIN ash_rusqlite_subjects AS s ON s.id = e.source \
    LEFT JOIN ash_rusqlite_subjects AS a ON a.id = e.actor";
/// The columns of it that a leaf has as they are, from the first one on.
const PLAIN: usize = 12;
const DIGEST: usize = 12;
const SALT: usize = 13;
const DATA: usize = 14;
const OLD: usize = 15;

/// What is wrong with some events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// They are not as they were when they were sealed.
    Changed,
    /// They are not there.
    Missing,
    /// They are where no event was, or where one was removed.
    Inserted,
}

impl ChainFault {
    /// As messages name it.
    pub fn as_str(self) -> &'static str {
        match self {
            ChainFault::Changed => "changed",
            ChainFault::Missing => "missing",
            ChainFault::Inserted => "inserted",
        }
    }
}

/// A range of events that does not agree with the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainProblem {
    /// What is wrong.
    pub fault: ChainFault,
    /// The first seq of the range in which it is.
    pub first: i64,
    /// The last one.
    pub last: i64,
}

/// What came of verifying the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// The newest event.
    pub head: i64,
    /// The newest event that is sealed.
    pub sealed: i64,
    /// The hash of the newest seal, in hexadecimal digits. Kept elsewhere, it shows whether the
    /// end of the chain was cut off.
    pub hash: String,
    /// The seals.
    pub seals: u64,
    /// The events that were recomputed.
    pub events: u64,
    /// The sealed events that retention removed.
    pub removed: u64,
    /// What does not agree, in the order of the events; at most [`PROBLEMS`].
    pub problems: Vec<ChainProblem>,
}

/// As many problems are reported at most.
pub const PROBLEMS: usize = 100;

/// A seal as the file has it.
struct Seal {
    first: i64,
    last: i64,
    hash: Vec<u8>,
    removed: Option<Vec<u8>>,
}

/// The newest event that is sealed; 0 where there is none.
///
/// # Errors
/// Those of SQLite.
pub fn sealed(conn: &Connection) -> Result<i64> {
    conn.prepare_cached("SELECT coalesce(max(last), 0) FROM ash_rusqlite_seals")
        .and_then(|mut stmt| stmt.query_row([], |row| row.get(0)))
        .map_err(sqlite_error::map)
}

/// Seals the next events, at most [`STRETCH`], in the transaction of the caller. Returns how many
/// they were.
///
/// # Errors
/// Those of SQLite.
pub fn seal(conn: &Connection) -> Result<usize> {
    let sql = "SELECT last, hash FROM ash_rusqlite_seals ORDER BY last DESC LIMIT 1";
    let before: Option<(i64, Vec<u8>)> = conn
        .prepare_cached(sql)
        .and_then(|mut stmt| {
            stmt.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(sqlite_error::map)?;
    let (sealed, hash) = before.unwrap_or_default();
    let mut chain = Sha256::new();
    chain.update(&hash);
    let (mut last, mut events) = (sealed, 0);
    let sql = format!("{EVENT} WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2");
    let mut stmt = conn.prepare_cached(&sql).map_err(sqlite_error::map)?;
    let limit = i64::try_from(STRETCH).unwrap_or(i64::MAX);
    let mut rows = stmt.query((sealed, limit)).map_err(sqlite_error::map)?;
    while let Some(row) = rows.next().map_err(sqlite_error::map)? {
        let (seq, leaf) = leaf(row).map_err(sqlite_error::map)?;
        chain.update(leaf);
        last = seq;
        events += 1;
    }
    if events == 0 {
        return Ok(0);
    }
    let hash: Hash = chain.finalize().into();
    let sql = "INSERT INTO ash_rusqlite_seals (last, first, hash, at) \
               VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z')";
    conn.prepare_cached(sql)
        .and_then(|mut stmt| stmt.execute((last, sealed + 1, hash)))
        .map_err(sqlite_error::map)?;
    Ok(events)
}

/// Adds a value to a hash, with its storage class and its length.
fn add(hash: &mut Sha256, value: ValueRef<'_>) {
    let (integer, real);
    let (class, bytes): (u8, &[u8]) = match value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => {
            integer = number.to_be_bytes();
            (1, &integer)
        }
        ValueRef::Real(number) => {
            real = number.to_be_bytes();
            (2, &real)
        }
        ValueRef::Text(text) => (3, text),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    hash.update([class]);
    hash.update(length.to_be_bytes());
    hash.update(bytes);
}

/// The salted digest of an event's data.
pub(super) fn digest(salt: ValueRef<'_>, data: ValueRef<'_>, old: ValueRef<'_>) -> Hash {
    let mut hash = Sha256::new();
    for value in [salt, data, old] {
        add(&mut hash, value);
    }
    hash.finalize().into()
}

fn leaf(row: &Row<'_>) -> rusqlite::Result<(i64, Hash)> {
    let mut hash = Sha256::new();
    for at in 0..PLAIN {
        add(&mut hash, row.get_ref(at)?);
    }
    match row.get_ref(DIGEST)? {
        ValueRef::Null => hash.update(digest(
            row.get_ref(SALT)?,
            row.get_ref(DATA)?,
            row.get_ref(OLD)?,
        )),
        stored => hash.update(stored.as_bytes().unwrap_or_default()),
    }
    Ok((row.get(0)?, hash.finalize().into()))
}

/// The leaf of an event that is there.
///
/// # Errors
/// Those of SQLite.
pub(super) fn leaf_of(conn: &Connection, seq: i64) -> Result<Hash> {
    conn.prepare_cached(&format!("{EVENT} WHERE e.seq = ?1"))
        .and_then(|mut stmt| stmt.query_row([seq], leaf))
        .map(|(_, leaf)| leaf)
        .map_err(sqlite_error::map)
}

/// The removed events of a seal, with their leaves.
pub(super) fn removed(bytes: &[u8]) -> BTreeMap<i64, Hash> {
    let mut all = BTreeMap::new();
    for part in bytes.chunks_exact(REMOVED) {
        if let Some((seq, leaf)) = part.split_first_chunk::<8>() {
            if let Ok(leaf) = leaf.try_into() {
                all.insert(i64::from_be_bytes(*seq), leaf);
            }
        }
    }
    all
}

/// As a seal stores them.
pub(super) fn removed_bytes(removed: &BTreeMap<i64, Hash>) -> Vec<u8> {
    let parts = removed.iter();
    parts
        .flat_map(|(seq, leaf)| seq.to_be_bytes().into_iter().chain(*leaf))
        .collect()
}

/// Recomputes the whole chain. The caller has begun a transaction, so that nothing changes
/// meanwhile.
///
/// # Errors
/// `not_journaled`; `cancelled`; those of SQLite. What does not agree is in the report.
pub fn verify_chain(conn: &Connection, sink: &mut dyn ProgressSink) -> Result<ChainReport> {
    if !layout::is_installed(conn)? {
        return Err(layout::not_journaled());
    }
    let mut walk = Walk {
        conn,
        left: tombstones(conn)?,
        report: ChainReport {
            head: layout::head(conn)?,
            sealed: sealed(conn)?,
            ..ChainReport::default()
        },
    };
    walk.before_the_first()?;
    let (mut at, mut hash) = (0, Vec::new());
    while let Some(seal) = next_seal(conn, at)? {
        if seal.first > at + 1 {
            walk.problem(ChainFault::Missing, at + 1, seal.first - 1);
        }
        if sink.cancelled() {
            return Err(Error::new(Code::Cancelled, "the check was cancelled"));
        }
        walk.stretch(&seal, &hash)?;
        at = seal.last;
        hash = seal.hash;
        sink.progress(walk.progress(at));
    }
    walk.unsealed(at)?;
    walk.report.hash = hex(&hash);
    Ok(walk.report)
}

fn next_seal(conn: &Connection, after: i64) -> Result<Option<Seal>> {
    conn.prepare_cached(
        "SELECT first, last, hash, removed FROM ash_rusqlite_seals WHERE last > ?1 \
         ORDER BY last LIMIT 1",
    )
    .and_then(|mut stmt| {
        stmt.query_row([after], |row| {
            Ok(Seal {
                first: row.get(0)?,
                last: row.get(1)?,
                hash: row.get(2)?,
                removed: row.get(3)?,
            })
        })
        .optional()
    })
    .map_err(sqlite_error::map)
}

/// What redacted events must still be: of each the digest that the newest redaction of it left.
fn tombstones(conn: &Connection) -> Result<BTreeMap<i64, String>> {
    let mut stmt = conn
        .prepare_cached(
            "SELECT j.key, j.value FROM ash_rusqlite_events AS e, json_each(e.data, '$.events') AS j \
             WHERE e.type IN (SELECT id FROM ash_rusqlite_event_types WHERE operation = 'redact') \
             ORDER BY e.seq",
        )
        .map_err(sqlite_error::map)?;
    let rows = stmt.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    });
    let rows: Vec<_> = rows
        .and_then(Iterator::collect)
        .map_err(sqlite_error::map)?;
    let all = rows.into_iter();
    Ok(all
        .filter_map(|(seq, digest)| Some((seq.parse().ok()?, digest)))
        .collect())
}

/// Verifies one stretch after the other.
struct Walk<'a> {
    conn: &'a Connection,
    left: BTreeMap<i64, String>,
    report: ChainReport,
}

impl Walk<'_> {
    fn problem(&mut self, fault: ChainFault, first: i64, last: i64) {
        let problems = &mut self.report.problems;
        if let Some(same) = problems
            .last_mut()
            .filter(|before| before.fault == fault && before.last + 1 == first)
        {
            same.last = last;
        } else if problems.len() < PROBLEMS {
            problems.push(ChainProblem { fault, first, last });
        }
    }

    fn progress(&self, done: i64) -> Progress {
        let count = |seq: i64| u64::try_from(seq).unwrap_or(0);
        Progress {
            phase: "verify",
            label: "chain".to_owned(),
            done: count(done),
            total: count(self.report.head),
            estimate: None,
        }
    }

    /// Events begin at 1.
    fn before_the_first(&mut self) -> Result<()> {
        let sql = "SELECT min(seq), max(seq) FROM ash_rusqlite_events WHERE seq < 1";
        let found: (Option<i64>, Option<i64>) = self
            .conn
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(sqlite_error::map)?;
        if let (Some(first), Some(last)) = found {
            self.problem(ChainFault::Inserted, first, last);
        }
        Ok(())
    }

    fn stretch(&mut self, seal: &Seal, before: &[u8]) -> Result<()> {
        self.report.seals += 1;
        let gone = seal.removed.as_deref().map(removed).unwrap_or_default();
        let all_gone = seal.removed.as_ref().is_some_and(Vec::is_empty);
        let mut chain = Sha256::new();
        chain.update(before);
        let mut expected = seal.first;
        let mut found_fault = false;
        let mut gone = gone.into_iter().peekable();
        let sql = format!("{EVENT} WHERE e.seq BETWEEN ?1 AND ?2 ORDER BY e.seq");
        let mut stmt = self.conn.prepare_cached(&sql).map_err(sqlite_error::map)?;
        let mut rows = stmt
            .query((seal.first, seal.last))
            .map_err(sqlite_error::map)?;
        loop {
            let event = match rows.next().map_err(sqlite_error::map)? {
                Some(row) => {
                    let (seq, leaf) = leaf(row).map_err(sqlite_error::map)?;
                    Some((seq, leaf, self.is_as_left(seq, row)?))
                }
                None => None,
            };
            let until = event.as_ref().map_or(seal.last + 1, |(seq, _, _)| *seq);
            while let Some((seq, leaf)) = gone.next_if(|(seq, _)| *seq < until) {
                if seq > expected && !all_gone {
                    self.problem(ChainFault::Missing, expected, seq - 1);
                    found_fault = true;
                }
                chain.update(leaf);
                self.report.removed += 1;
                expected = seq + 1;
            }
            if until > expected && !all_gone {
                self.problem(ChainFault::Missing, expected, until - 1);
                found_fault = true;
            }
            let Some((seq, leaf, as_left)) = event else {
                break;
            };
            if all_gone || gone.next_if(|(removed, _)| *removed == seq).is_some() {
                self.problem(ChainFault::Inserted, seq, seq);
                found_fault = true;
            } else if !as_left {
                self.problem(ChainFault::Changed, seq, seq);
                found_fault = true;
            }
            self.report.events += 1;
            chain.update(leaf);
            expected = seq + 1;
        }
        if all_gone {
            self.report.removed += u64::try_from(seal.last - seal.first + 1).unwrap_or(0);
            return Ok(());
        }
        let hash: Hash = chain.finalize().into();
        if !found_fault && hash.as_slice() != seal.hash {
            self.problem(ChainFault::Changed, seal.first, seal.last);
        }
        Ok(())
    }

    /// Whether what a redaction left of an event is still so. The chain does not cover it.
    fn is_as_left(&self, seq: i64, row: &Row<'_>) -> Result<bool> {
        let get = |at: usize| row.get_ref(at).map_err(sqlite_error::map);
        if get(DIGEST)? == ValueRef::Null {
            return Ok(true);
        }
        let left = hex(&digest(get(SALT)?, get(DATA)?, get(OLD)?));
        Ok(self.left.get(&seq) == Some(&left))
    }

    /// The events after the last seal: nothing is known of them but that none may be missing.
    fn unsealed(&mut self, sealed: i64) -> Result<()> {
        let sql = "SELECT seq FROM ash_rusqlite_events WHERE seq > ?1 ORDER BY seq";
        let mut stmt = self.conn.prepare_cached(sql).map_err(sqlite_error::map)?;
        let mut rows = stmt.query([sealed]).map_err(sqlite_error::map)?;
        let mut expected = sealed + 1;
        while let Some(row) = rows.next().map_err(sqlite_error::map)? {
            let seq: i64 = row.get(0).map_err(sqlite_error::map)?;
            if seq > expected {
                self.problem(ChainFault::Missing, expected, seq - 1);
            }
            expected = seq + 1;
        }
        Ok(())
    }
}

/// Hexadecimal digits, as SQLite writes them.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}
