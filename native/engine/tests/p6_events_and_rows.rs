//! Promise P6: the rows of journaled tables and their events never disagree, whatever program writes,
//! and while migrations change the tables. `ASH_RUSQLITE_TEST_ROUNDS` runs more, and
//! `ASH_RUSQLITE_TEST_SEED` begins with another one.
//!
//! The history that the past is compared with is that of the tables alone: what a reader has seen
//! in one snapshot with the seq that was the newest then.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "fixtures/journal.rs"]
mod fixture;
mod support {
    pub mod host;
    pub mod journal_history;
    pub mod journal_writes;
}

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use ash_rusqlite_engine::journal;
use ash_rusqlite_engine::journal::{Redaction, Retention};
use ash_rusqlite_engine::migration::MigrateOptions;
use ash_rusqlite_engine::query::ir::{AsOf, Moment};
use ash_rusqlite_engine::{
    Code, Database, Error, Maintenance, Outcome, RedactRequest, RedactedRows, TransactionOp,
};
use fixture::{run, spec};
use rusqlite::{Connection, ErrorCode};
use serde_json::json;
use support::host::{self, close, config, equal, maintain, soon, sql, step, text, Collected};
use support::journal_history::{
    as_today, events_of, names_of, note, select, sorted, tables, Note, Row,
};
use support::journal_writes::{statement, write, Random, NOBODY, TABLES};

const WRITERS: usize = 3;
/// Requests, or transactions, of a writer in a phase.
const STEPS: usize = 70;

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A database with a folder of migrations, and what was seen of it.
struct Chat {
    path: PathBuf,
    migrations: PathBuf,
    migrated: AtomicUsize,
    steps: AtomicUsize,
    over: AtomicBool,
    notes: Mutex<Vec<Note>>,
}

impl Chat {
    fn new(dir: &Path, random: &mut Random) -> Chat {
        let migrations = dir.join("migrations");
        std::fs::create_dir(&migrations).unwrap();
        let chat = Chat {
            path: dir.join("chat.db"),
            migrations,
            migrated: AtomicUsize::new(0),
            steps: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            notes: Mutex::default(),
        };
        let database = chat.open(random);
        chat.migrate(&database, "10_tables", TABLES);
        let conn = chat.connect();
        run(&conn, "INSERT INTO rooms VALUES ('r0', 'Lobby'), ('r1', NULL); INSERT INTO members VALUES ('r0', 1, 'owner')");
        let room = |column| Some(("room", column));
        for (table, name, source) in [
            ("rooms", "chat.room", room("id")),
            ("messages", "chat.message", room("room_id")),
            ("members", "chat.member", room("room_id")),
        ] {
            journal::enable(&conn, table, &spec(name, source)).unwrap();
        }
        let baseline = maintain(&database, Maintenance::JournalBaseline);
        baseline.result.unwrap();
        close(database);
        chat
    }

    fn open(&self, random: &mut Random) -> Database {
        let options = json!({
            "synchronous": "off",
            "max_batch": 1 + random.below(40),
            "statement_cache_size": 1 + random.below(3) * 20,
        });
        host::open(config(self.path.to_str().unwrap(), options)).unwrap()
    }

    /// A connection of another program.
    fn connect(&self) -> Connection {
        let conn = fixture::open(&self.path);
        conn.busy_timeout(Duration::from_secs(60)).unwrap();
        conn
    }

    fn migrate(&self, database: &Database, name: &str, sql: &str) {
        let file = self.migrations.join(format!("{name}.sql"));
        std::fs::write(file, format!("-- up\n{sql}")).unwrap();
        let work = Maintenance::Migrate {
            directory: self.migrations.clone(),
            options: MigrateOptions::default(),
        };
        maintain(database, work).result.unwrap();
    }

    /// A column comes, has another name, and goes; then the next one.
    fn migrate_once_more(&self, database: &Database) {
        let at = self.migrated.load(Ordering::SeqCst);
        let (column, table) = (at / 3, "ALTER TABLE messages");
        let sql = match at % 3 {
            0 => format!("{table} ADD COLUMN x{column} INTEGER DEFAULT {column};\n"),
            1 => format!("{table} RENAME COLUMN x{column} TO y{column};\n"),
            _ => format!("{table} DROP COLUMN y{column};\n"),
        };
        self.migrate(database, &format!("{}_next", at + 11), &sql);
        self.migrated.store(at + 1, Ordering::SeqCst);
    }

    /// The column that the last migration has left, unless another one runs just now.
    fn more(&self) -> Option<String> {
        let done = self.migrated.load(Ordering::SeqCst);
        match done % 3 {
            0 => None,
            1 => Some(format!("x{}", done / 3)),
            _ => Some(format!("y{}", done / 3)),
        }
    }

    /// Waits until so much is done, or somebody has ended.
    fn after_steps(&self, steps: usize, at_work: &[ScopedJoinHandle<'_, ()>]) {
        let ended = || at_work.iter().any(ScopedJoinHandle::is_finished);
        while self.steps.load(Ordering::SeqCst) < steps && !ended() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What a write of ours may be refused for.
fn is_expected(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::UniqueViolation
            | Code::ForeignKeyViolation
            | Code::CheckViolation
            | Code::UnknownColumn
            | Code::PositionConflict
    )
}

fn write_through(chat: &Chat, database: &Database, me: usize, random: &mut Random) {
    for _ in 0..STEPS {
        chat.steps.fetch_add(1, Ordering::SeqCst);
        if random.chance(25) {
            transaction(chat, database, me, random);
            continue;
        }
        // Those that share a commit with one another.
        let more = chat.more();
        let waiting: Vec<_> = (0..1 + random.below(6))
            .map(|_| host::submit(database, write(random, me, more.as_deref()), soon()).1)
            .collect();
        for answer in &waiting {
            if let Err(error) = host::answered(answer) {
                assert!(is_expected(&error), "{error:?}");
            }
        }
    }
}

fn transaction(chat: &Chat, database: &Database, me: usize, random: &mut Random) {
    let tx = host::begin(database);
    let mut savepoints = 0;
    for _ in 0..random.below(8) {
        let op = match random.below(8) {
            0 => TransactionOp::Savepoint,
            1 if savepoints > 0 => TransactionOp::ReleaseSavepoint,
            2 if savepoints > 0 => TransactionOp::RollbackToSavepoint,
            _ => TransactionOp::Write(write(random, me, chat.more().as_deref())),
        };
        match op {
            TransactionOp::Savepoint => savepoints += 1,
            TransactionOp::ReleaseSavepoint | TransactionOp::RollbackToSavepoint => savepoints -= 1,
            _ => {}
        }
        if let Err(error) = step(database, tx, op) {
            assert!(is_expected(&error), "{error:?}");
        }
    }
    match random.below(4) {
        0 => host::finish(database, tx, false).unwrap(),
        1 if random.chance(50) => database.abort(tx),
        _ => host::finish(database, tx, true).unwrap(),
    }
}

/// What another program does, which knows nothing of us.
fn write_beside(chat: &Chat, random: &mut Random) {
    let conn = chat.connect();
    let mut done = 0;
    for _ in 0..STEPS {
        let recursive = random.chance(50);
        run(&conn, &format!("PRAGMA recursive_triggers = {recursive}"));
        let mut batch = vec![statement(random, NOBODY, chat.more().as_deref())];
        if random.chance(40) {
            batch.insert(0, "BEGIN IMMEDIATE".into());
            for _ in 0..random.below(4) {
                batch.push("SAVEPOINT a".into());
                batch.push(statement(random, NOBODY, None));
                if random.chance(50) {
                    batch.push("ROLLBACK TO a".into());
                }
                batch.push("RELEASE a".into());
            }
            batch.push(
                ["COMMIT", "COMMIT", "ROLLBACK"][usize::try_from(random.below(3)).unwrap()].into(),
            );
        }
        for sql in &batch {
            match conn.execute_batch(sql) {
                Ok(()) => done += 1,
                Err(error) => {
                    let constraint =
                        error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
                    let journal = error.to_string().contains("journal");
                    let column = error.to_string().contains("no such column");
                    assert!((constraint || column) && !journal, "{error}: {sql}");
                }
            }
        }
        assert!(conn.is_autocommit());
    }
    assert!(done > STEPS / 2, "{done}");
}

/// Notes what is there, and follows the events by the last one seen: none comes later that is
/// before it.
fn look(chat: &Chat) {
    let conn = chat.connect();
    let mut seen = fixture::head(&conn);
    while !chat.over.load(Ordering::SeqCst) {
        let note = note(&conn);
        chat.notes.lock().unwrap().push(note);
        let sql = "SELECT seq FROM ash_rusqlite_events WHERE seq > ?1 ORDER BY seq LIMIT 20";
        let mut stmt = conn.prepare(sql).unwrap();
        for seq in stmt.query_map([seen], |row| row.get(0)).unwrap() {
            let seq: i64 = seq.unwrap();
            assert_eq!(seq, seen + 1);
            seen = seq;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Ends who looks on, however the rest ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Everybody writes. `between` runs meanwhile.
fn phase(chat: &Chat, random: &mut Random, between: impl FnOnce(&Database)) {
    chat.over.store(false, Ordering::SeqCst);
    chat.steps.store(0, Ordering::SeqCst);
    let database = chat.open(random);
    std::thread::scope(|scope| {
        let _over = Over(&chat.over);
        scope.spawn(|| look(chat));
        let mut at_work = Vec::new();
        for me in 0..WRITERS {
            let mut random = Random(random.below(u64::MAX));
            let database = database.clone();
            at_work.push(scope.spawn(move || write_through(chat, &database, me, &mut random)));
        }
        let mut theirs = Random(random.below(u64::MAX));
        at_work.push(scope.spawn(move || write_beside(chat, &mut theirs)));
        let work = STEPS * WRITERS;
        for part in 1..5 {
            chat.after_steps(work * part / 6, &at_work);
            chat.migrate_once_more(&database);
            let conn = chat.connect();
            agrees(&conn);
        }
        between(&database);
        for thread in at_work {
            thread.join().unwrap();
        }
    });
    close(database);
}

/// The events and the rows agree in one snapshot.
fn agrees(conn: &Connection) {
    let verified = journal::verify(conn, 20, &mut ()).unwrap();
    assert!(verified.is_ok(), "{verified:?}");
}

fn none(conn: &Connection, what: &str, sql: &str) {
    let found = fixture::bits(conn, sql);
    assert!(found.is_empty(), "{what}: {found:?}");
}

/// What holds of the numbers, the times and the actors of events, none of which was removed.
fn is_in_order(conn: &Connection) {
    none(
        conn,
        "seq has a gap",
        "SELECT * FROM (SELECT min(seq) AS a, max(seq) AS b, count(*) AS n FROM ash_rusqlite_events) \
         WHERE a <> 1 OR b <> n",
    );
    none(
        conn,
        "positions have a gap",
        "SELECT s.name, s.position, min(e.position), max(e.position), count(*) \
         FROM ash_rusqlite_events AS e JOIN ash_rusqlite_subjects AS s ON s.id = e.source \
         GROUP BY e.source HAVING min(e.position) <> 1 OR max(e.position) <> count(*) \
         OR s.position <> count(*)",
    );
    none(
        conn,
        "a position comes before one that is lower, or a time goes back",
        "SELECT seq FROM (SELECT seq, position, lag(position) OVER (PARTITION BY source ORDER BY seq) \
         AS before, at, lag(at) OVER (ORDER BY seq) AS earlier FROM ash_rusqlite_events) \
         WHERE position <= before OR at < earlier",
    );
    none(
        conn,
        "a unit is not in one piece",
        "SELECT coalesce(tx, seq) AS unit FROM ash_rusqlite_events GROUP BY unit \
         HAVING min(seq) <> unit OR max(seq) - min(seq) + 1 <> count(*)",
    );
    none(
        conn,
        "an event carries the actor of another request",
        "SELECT seq, actor, action, data FROM ash_rusqlite_journal WHERE operation = 'insert' \
         AND \"table\" = 'messages' \
         AND (actor, action) IS NOT (SELECT who, iif(who IS NULL, NULL, 'act') \
         FROM (SELECT nullif(data ->> 'content', 'nobody') AS who))",
    );
}

/// The past is what was seen then. Returns how many were compared.
fn past_is_as_noted(chat: &Chat, random: &mut Random, known_from: u64) -> usize {
    let database = chat.open(random);
    let conn = chat.connect();
    let notes = chat.notes.lock().unwrap();
    let mut compared = 0;
    for _ in 0..12 {
        let at = usize::try_from(random.below(notes.len() as u64)).unwrap();
        let note = &notes[at];
        for (table, rows) in &note.tables {
            let mut sink = Collected::default();
            let as_of = AsOf {
                moment: Moment::Seq(note.seq),
                source: None,
            };
            let read = sql(&select(&conn, table));
            match database.read_as_of(&read, &as_of, soon(), Arc::default(), &mut sink) {
                Ok(()) => {}
                Err(error) if error.code() == Code::Outdated && note.seq < known_from => continue,
                Err(error) => panic!("{table} at {}: {error}", note.seq),
            }
            let texts = sink
                .rows
                .iter()
                .map(|row| row[0].as_str().unwrap().to_owned());
            let names = names_of(&conn, table);
            let mut expected: Vec<Row> = rows.iter().map(|row| as_today(row, &names)).collect();
            expected.sort();
            let found = sorted(texts);
            let differs = |row: &&Row| !expected.contains(*row) || !found.contains(*row);
            let differing: Vec<&Row> = found.iter().chain(&expected).filter(differs).collect();
            assert!(
                differing.is_empty(),
                "{table} at {}, known from {known_from}: {differing:?} {:?}",
                note.seq,
                differing.first().map(|row| events_of(&conn, row))
            );
            compared += 1;
        }
    }
    close(database);
    compared
}

/// A database of events alone has the same rows, and a journal that agrees with them.
fn rebuilt_is_the_same(chat: &Chat, dir: &Path) {
    let (conn, to) = (chat.connect(), dir.join("rebuilt.db"));
    let made = fixture::rebuild(&conn, &to);
    assert_eq!(made.problems, [""; 0]);
    let rebuilt = Connection::open(&to).unwrap();
    assert_eq!(tables(&rebuilt), tables(&conn));
    agrees(&rebuilt);
    std::fs::remove_file(&to).unwrap();
}

/// Removes what is older than the middle, and the content of a room's messages.
fn forget(chat: &Chat, database: &Database, redacts: bool) -> u64 {
    let conn = chat.connect();
    let middle = "SELECT at FROM ash_rusqlite_events WHERE seq = \
                  (SELECT max(seq) / 2 FROM ash_rusqlite_events)";
    let before: String = conn.query_row(middle, [], |row| row.get(0)).unwrap();
    let retention = Retention {
        before: before.clone(),
        ..Retention::default()
    };
    if redacts {
        let request = RedactRequest {
            redaction: Redaction {
                table: "messages".into(),
                actor: Some("user:boss".into()),
                reason: Some("asked for".into()),
                columns: Some(vec!["content".into()]),
                delete: false,
            },
            rows: RedactedRows::Where(equal("room_id", text("r0"))),
            vacuum: false,
        };
        let work = Maintenance::Redact(Box::new(request));
        maintain(database, work).result.unwrap();
    }
    match maintain(database, Maintenance::Retain(retention)).result {
        Ok(Outcome::Retained(retained)) => assert!(retained.events > 0),
        other => panic!("{other:?}"),
    }
    let first = "SELECT min(seq) FROM ash_rusqlite_events WHERE at >= ?1";
    let first: i64 = conn.query_row(first, [&before], |row| row.get(0)).unwrap();
    u64::try_from(first).unwrap()
}

fn round(seed: u64) {
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let chat = Chat::new(dir.path(), &mut random);
    phase(&chat, &mut random, |_| ());
    let conn = chat.connect();
    agrees(&chat.connect());
    is_in_order(&conn);
    assert!(fixture::head(&conn) > 300);
    assert_eq!(past_is_as_noted(&chat, &mut random, 0), 36);
    rebuilt_is_the_same(&chat, dir.path());
    let (removes, redacts) = match seed % 3 {
        0 => (false, false),
        rest => (true, rest == 2),
    };
    let mut known_from = 0;
    phase(&chat, &mut random, |database| {
        if removes {
            known_from = forget(&chat, database, redacts);
        }
    });
    agrees(&chat.connect());
    rebuilt_is_the_same(&chat, dir.path());
    if !removes {
        is_in_order(&conn);
    }
    if !redacts {
        assert!(past_is_as_noted(&chat, &mut random, known_from) > 0);
    }
}

#[test]
fn rows_and_events_agree_whatever_program_writes() {
    let seed = variable("ASH_RUSQLITE_TEST_SEED", 0);
    for seed in seed..seed + variable("ASH_RUSQLITE_TEST_ROUNDS", 6) {
        println!("seed {seed}");
        round(seed);
    }
}
