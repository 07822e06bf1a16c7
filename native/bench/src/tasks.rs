//! What is measured. Preparing statements, connections and rows is not.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::message::{Message, COLUMNS, INSERT};
use crate::store::Store;
use crate::Failure;

/// Strides over the rows, so that neighbours are not read together. A prime, so that it meets
/// every row.
const STRIDE: usize = 7_919;

/// `count` messages by their id, out of the latest `span`.
pub fn get(store: &Store, count: usize, span: usize, round: usize) -> Result<Duration, Failure> {
    let latest = store.messages.len().saturating_sub(span);
    let hot = store.messages.get(latest..).unwrap_or_default();
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE id = ?");
    let mut stmt = store.conn.prepare(&sql)?;
    let started = Instant::now();
    for n in 0..count {
        let place = (n + round * count) * STRIDE % hot.len().max(1);
        let id = hot.get(place).ok_or("there are no messages")?;
        stmt.raw_bind_parameter(1, id)?;
        let mut rows = stmt.raw_query();
        let row = rows.next()?.ok_or("a message is gone")?;
        black_box(Message::decode(row)?);
    }
    Ok(started.elapsed())
}

/// The latest 50 messages of each room in turn, `count` times over all `threads`.
pub fn latest(store: &Store, count: usize, threads: usize) -> Result<Duration, Failure> {
    if threads == 1 {
        let (began, ended) = latest_on(&store.conn, &store.rooms, count, 0, || ())?;
        return Ok(ended - began);
    }
    let connections = (0..threads)
        .map(|_| store.connect())
        .collect::<Result<Vec<_>, _>>()?;
    let share = count / threads;
    let barrier = Barrier::new(threads);
    thread::scope(|scope| {
        let (barrier, rooms) = (&barrier, &store.rooms);
        let running: Vec<_> = connections
            .into_iter()
            .enumerate()
            .map(|(thread, conn)| {
                scope.spawn(move || {
                    // The first read fills the cache.
                    let warm = latest_on(&conn, rooms, rooms.len(), thread, || ());
                    let done = latest_on(&conn, rooms, share, thread, || {
                        barrier.wait();
                    });
                    warm.and(done)
                })
            })
            .collect();
        let times = running
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked")?)
            .collect::<Result<Vec<_>, Failure>>()?;
        let began = times.iter().map(|(began, _)| *began).min();
        let ended = times.iter().map(|(_, ended)| *ended).max();
        Ok(ended
            .zip(began)
            .map_or(Duration::ZERO, |(ended, began)| ended - began))
    })
}

fn latest_on(
    conn: &Connection,
    rooms: &[String],
    count: usize,
    first: usize,
    ready: impl FnOnce(),
) -> Result<(Instant, Instant), Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM messages WHERE room_id = ? ORDER BY created_at DESC, id DESC LIMIT 50"
    );
    let stmt = conn.prepare(&sql);
    ready();
    let mut stmt = stmt?;
    let started = Instant::now();
    for room in rooms.iter().cycle().skip(first).take(count) {
        stmt.raw_bind_parameter(1, room)?;
        let mut messages = Vec::new();
        let mut rows = stmt.raw_query();
        while let Some(row) = rows.next()? {
            messages.push(Message::decode(row)?);
        }
        black_box(messages);
    }
    Ok((started, Instant::now()))
}

/// `count` inserts, each a durable commit of its own.
pub fn insert(store: &Store, count: usize, round: usize) -> Result<Duration, Failure> {
    let messages = new_messages(store, count, round * count)?;
    let mut stmt = store.conn.prepare(INSERT)?;
    let started = Instant::now();
    for message in &messages {
        message.bind(&mut stmt)?;
        stmt.raw_execute()?;
    }
    Ok(started.elapsed())
}

/// `count` inserts in one transaction.
pub fn insert_all(store: &mut Store, count: usize) -> Result<Duration, Failure> {
    let messages = new_messages(store, count, 0)?;
    let started = Instant::now();
    let transaction = store.conn.transaction()?;
    let mut stmt = transaction.prepare(INSERT)?;
    for message in &messages {
        message.bind(&mut stmt)?;
        stmt.raw_execute()?;
    }
    drop(stmt);
    transaction.commit()?;
    Ok(started.elapsed())
}

/// Steps over every message and looks at each of its columns, but decodes none.
pub fn scan(store: &Store) -> Result<Duration, Failure> {
    let mut stmt = store
        .conn
        .prepare(&format!("SELECT {COLUMNS} FROM messages"))?;
    let columns = stmt.column_count();
    let started = Instant::now();
    let mut rows = stmt.raw_query();
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            black_box(row.get_ref(column)?);
        }
    }
    Ok(started.elapsed())
}

/// The migration that rebuilds the messages' table.
const REBUILD: &str = include_str!("../../../bench/migrations/20990101000000_rebuild_messages.sql");

/// What cannot be left out of it: the new table, its rows, and its indexes.
pub fn rebuild(store: &mut Store) -> Result<Duration, Failure> {
    let (copy, rest) = REBUILD
        .split_once("DROP TABLE")
        .ok_or("the migration drops nothing")?;
    let (_, indexes) = rest
        .split_once("RENAME TO messages;")
        .ok_or("the migration renames nothing")?;
    let indexes = indexes
        .replace("INDEX messages_", "INDEX new_messages_")
        .replace("ON messages", "ON new_messages");
    let started = Instant::now();
    let transaction = store.conn.transaction()?;
    transaction.execute_batch(copy)?;
    transaction.execute_batch(&indexes)?;
    transaction.commit()?;
    Ok(started.elapsed())
}

fn new_messages(store: &Store, count: usize, first: usize) -> Result<Vec<Message>, Failure> {
    // Behind those that are there, as new messages of a chat are.
    let start = store.messages.len() + first;
    let rooms = store
        .room_ids
        .iter()
        .cycle()
        .skip(start % store.room_ids.len().max(1));
    let users = store
        .user_ids
        .iter()
        .cycle()
        .skip(start % store.user_ids.len().max(1));
    rooms
        .zip(users)
        .enumerate()
        .take(count)
        .map(|(n, (room, user))| Message::new(start + n, *room, *user))
        .collect()
}
