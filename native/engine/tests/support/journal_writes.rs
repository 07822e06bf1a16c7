//! Random writes to journaled rooms, messages and members, on few keys, so that they meet.

#![allow(dead_code)]

use ash_rusqlite_engine::query::ir::WriteContext;
use ash_rusqlite_engine::query::ir::{
    Assignment, Change, Conflict, ConflictSet, Insert, Returning, Scalar, SqlWrite, UpdateEach,
    UpdateOrInsert, UpdateOrInsertRow, Write,
};
use ash_rusqlite_engine::{Name, Value};

use super::host::{delete, equal, insert, text, update};

pub const TABLES: &str = "\
CREATE TABLE rooms (id TEXT PRIMARY KEY NOT NULL, title TEXT);
CREATE TABLE messages (id TEXT PRIMARY KEY NOT NULL,
  room_id TEXT REFERENCES rooms (id) ON DELETE CASCADE ON UPDATE CASCADE, user_id TEXT, content TEXT,
  slug TEXT, n INTEGER CHECK (n >= 0), image BLOB);
CREATE UNIQUE INDEX messages_slug ON messages (slug);
CREATE INDEX messages_room ON messages (room_id);
CREATE TABLE members (room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL, role TEXT, PRIMARY KEY (room_id, user_id)) WITHOUT ROWID;
";

/// Numbers that look random, the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn id(&mut self) -> String {
        format!("m{}", self.below(40))
    }

    /// One of a few rooms, the last of which is there seldom.
    fn room(&mut self) -> String {
        format!("r{}", self.below(5))
    }

    fn slug(&mut self) -> Option<String> {
        self.chance(50).then(|| format!("s{}", self.below(12)))
    }

    /// Seldom one that a check refuses.
    fn n(&mut self) -> i64 {
        i64::try_from(self.below(12)).unwrap() - 1
    }
}

/// Nobody, as the content of a message says it.
pub const NOBODY: &str = "nobody";

fn row(random: &mut Random, by: &str) -> Vec<(&'static str, Value)> {
    let slug = random.slug();
    vec![
        ("id", text(&random.id())),
        ("room_id", text(&random.room())),
        ("content", text(by)),
        ("slug", slug.map_or(Value::Null, |slug| text(&slug))),
        ("n", Value::Integer(random.n())),
    ]
}

fn named(row: Vec<(&str, Value)>) -> Vec<(Name, Value)> {
    row.into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

fn changes(random: &mut Random) -> Vec<(&'static str, Value)> {
    let slug = random.slug();
    let all = [
        ("content", text(&format!("edited {}", random.below(9)))),
        ("slug", slug.map_or(Value::Null, |slug| text(&slug))),
        ("n", Value::Integer(random.n())),
        ("image", Value::Bytes(vec![0, 255, 7])),
    ];
    let from = usize::try_from(random.below(4)).unwrap();
    all[from..].to_vec()
}

fn set(random: &mut Random) -> Vec<Assignment> {
    let changes = changes(random).into_iter();
    changes
        .map(|(name, value)| Assignment::Set(name.into(), value))
        .collect()
}

fn by_id(random: &mut Random) -> Scalar {
    equal("id", text(&random.id())).unwrap()
}

fn bulk(random: &mut Random, by: &str) -> Write {
    let rows = (0..2 + random.below(5)).map(|_| named(row(random, by)));
    let rows = rows.collect();
    let conflict = match random.below(3) {
        0 => Conflict::Raise,
        1 => Conflict::Nothing { target: Vec::new() },
        _ => Conflict::Update {
            target: vec!["id".into()],
            set: ConflictSet::Columns(vec!["content".into(), "n".into()]),
        },
    };
    Write::Insert(Insert {
        table: "messages".into(),
        rows,
        conflict,
        returning: Returning::Nothing,
    })
}

/// A write of a caller. `more` is a column that a migration has added, if there is one.
fn plain(random: &mut Random, by: &str, more: Option<&str>) -> Write {
    match random.below(16) {
        0..=3 => insert("messages", &row(random, by)),
        4 => bulk(random, by),
        5 => insert("rooms", &[("id", text(&random.room()))]),
        6 => update(
            "messages",
            equal("room_id", text(&random.room())),
            &changes(random),
        ),
        7 => update("messages", Some(by_id(random)), &changes(random)),
        8 => delete("messages", Some(by_id(random))),
        9 => Write::UpdateOrInsert(UpdateOrInsert {
            table: "messages".into(),
            each: (0..3)
                .map(|_| UpdateOrInsertRow {
                    keys: by_id(random),
                    only_if: None,
                    set: set(random),
                    row: named(row(random, by)),
                })
                .collect(),
            returning: Returning::Columns(vec!["id".into()]),
        }),
        10 => Write::UpdateEach(UpdateEach {
            table: "messages".into(),
            changes: (0..3)
                .map(|_| Change {
                    filter: by_id(random),
                    set: set(random),
                })
                .collect(),
            returning: Returning::Nothing,
        }),
        _ => Write::Sql(SqlWrite {
            sql: statement(random, by, more),
            params: Vec::new(),
        }),
    }
}

/// A write of a caller, perhaps with who makes it and what it expects.
pub fn write(random: &mut Random, me: usize, more: Option<&str>) -> Write {
    if random.chance(50) {
        return plain(random, NOBODY, more);
    }
    let by = format!("agent:{me}");
    let write = plain(random, &by, more);
    let expects = random.chance(10);
    let context = WriteContext {
        actor: Some(by),
        action: Some("act".into()),
        metadata: Some(r#"{"a":1}"#.into()),
        expect: match expects {
            true => vec![(format!("room:{}", random.room()), random.below(200))],
            false => Vec::new(),
        },
    };
    Write::InContext(Box::new(context), Box::new(write))
}

/// A statement of anybody.
pub fn statement(random: &mut Random, by: &str, more: Option<&str>) -> String {
    let (id, other, room) = (random.id(), random.id(), random.room());
    let slug = random
        .slug()
        .map_or("NULL".to_owned(), |slug| format!("'{slug}'"));
    let n = random.n();
    // With FAIL the rows before the one that is refused stay as the statement has made them.
    let or = ["", "OR REPLACE ", "OR IGNORE ", "OR FAIL "];
    let or = or[usize::try_from(random.below(4)).unwrap()];
    let columns = "messages (id, room_id, content, slug, n)";
    let values = format!("'{id}', '{room}', '{by}', {slug}, {n}");
    match random.below(18) {
        0 | 1 => format!("REPLACE INTO {columns} VALUES ({values})"),
        2 => format!("INSERT {or}INTO {columns} VALUES ({values})"),
        3 => format!("UPDATE {or}messages SET slug = {slug} WHERE id = '{id}'"),
        4 => format!("UPDATE {or}messages SET id = '{other}' WHERE id = '{id}'"),
        5 => format!("UPDATE {or}rooms SET id = 'r{}' WHERE id = '{room}'", random.below(5)),
        6 => format!(
            "INSERT INTO {columns} VALUES ({values}) ON CONFLICT (id) DO UPDATE SET \
             content = 'again', n = excluded.n + n, room_id = excluded.room_id"
        ),
        7 => format!(
            "INSERT INTO {columns} VALUES ({values}) ON CONFLICT (slug) DO UPDATE SET id = excluded.id"
        ),
        8 => format!("DELETE FROM rooms WHERE id = '{room}'"),
        9 => format!("REPLACE INTO rooms VALUES ('{room}', 'title {}')", random.below(5)),
        10 => format!("INSERT OR IGNORE INTO rooms VALUES ('{room}', NULL)"),
        11 => format!("UPDATE {or}messages SET n = n - 1 WHERE room_id = '{room}'"),
        12 => format!(
            "INSERT OR REPLACE INTO {columns} SELECT id || 'x', room_id, '{by}', slug, n \
             FROM messages WHERE room_id = '{room}' LIMIT 3"
        ),
        13 => format!("REPLACE INTO members VALUES ('{room}', {}, {slug})", random.below(4)),
        14 => format!("UPDATE {or}members SET user_id = user_id + 1 WHERE room_id = '{room}'"),
        15 => format!("DELETE FROM messages WHERE id LIKE '%x' OR n = {n}"),
        16 if random.chance(10) => "DELETE FROM messages".to_owned(),
        _ => match more {
            Some(more) => format!("UPDATE messages SET {more} = {n} WHERE room_id = '{room}'"),
            None => format!("UPDATE rooms SET title = content FROM messages WHERE room_id = rooms.id AND rooms.id = '{room}'"),
        },
    }
}
