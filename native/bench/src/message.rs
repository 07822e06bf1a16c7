//! A message of the chat as a Rust program would hold it, from a row and into one.

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Row, Statement};
use serde_json::{json, Value};
use uuid::Uuid;

use crate::Failure;

/// The columns in the order of the migrations.
pub const COLUMNS: &str = "id, content, role, message_type, image_url, image_data, metadata, \
     room_id, user_id, profile_id, agent_card_id, created_at, updated_at";

/// The statement that inserts what `bind` binds.
pub const INSERT: &str = "INSERT INTO messages \
     (id, content, role, message_type, metadata, room_id, user_id, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Every column in its own type. A task builds them and lets nobody look at most of them.
#[expect(dead_code, reason = "what is read of a row is what is measured")]
pub struct Message {
    id: Uuid,
    content: String,
    role: Option<String>,
    message_type: Option<String>,
    image_url: Option<String>,
    image_data: Option<Vec<u8>>,
    metadata: Option<Value>,
    room_id: Option<Uuid>,
    user_id: Option<Uuid>,
    profile_id: Option<Uuid>,
    agent_card_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Message {
    /// Decodes a row of `COLUMNS`.
    pub fn decode(row: &Row<'_>) -> Result<Message, Failure> {
        Ok(Message {
            id: uuid(row, 0)?.ok_or("a message without an id")?,
            content: row.get(1)?,
            role: row.get(2)?,
            message_type: row.get(3)?,
            image_url: row.get(4)?,
            image_data: row.get(5)?,
            metadata: match text(row, 6)? {
                Some(text) => Some(serde_json::from_str(text)?),
                None => None,
            },
            room_id: uuid(row, 7)?,
            user_id: uuid(row, 8)?,
            profile_id: uuid(row, 9)?,
            agent_card_id: uuid(row, 10)?,
            created_at: time(row, 11)?,
            updated_at: time(row, 12)?,
        })
    }

    /// A new message. `bench/data.ex` makes the same ones.
    pub fn new(number: usize, room_id: Uuid, user_id: Uuid) -> Result<Message, Failure> {
        let micros = 1_767_225_600_000_000 + i64::try_from(number)? * 1_000_003;
        let at = DateTime::from_timestamp_micros(micros).ok_or("a time out of range")?;
        let role = if number.is_multiple_of(3) {
            "assistant"
        } else {
            "user"
        };
        Ok(Message {
            id: Uuid::new_v4(),
            content: content(number),
            role: Some(role.to_owned()),
            message_type: Some("text".to_owned()),
            image_url: None,
            image_data: None,
            metadata: Some(json!({
                "model": "llama3.1",
                "tokens": number % 4096,
                "stream": true,
                "tags": ["chat", "bench"],
            })),
            room_id: Some(room_id),
            user_id: Some(user_id),
            profile_id: None,
            agent_card_id: None,
            created_at: at,
            updated_at: at,
        })
    }

    /// Encodes it into the placeholders of `INSERT`.
    pub fn bind(&self, stmt: &mut Statement<'_>) -> Result<(), Failure> {
        let mut buffer = Uuid::encode_buffer();
        stmt.raw_bind_parameter(1, &*self.id.hyphenated().encode_lower(&mut buffer))?;
        stmt.raw_bind_parameter(2, &self.content)?;
        stmt.raw_bind_parameter(3, &self.role)?;
        stmt.raw_bind_parameter(4, &self.message_type)?;
        let metadata = self.metadata.as_ref().map(serde_json::to_string);
        stmt.raw_bind_parameter(5, metadata.transpose()?)?;
        for (place, id) in [(6, &self.room_id), (7, &self.user_id)] {
            let text = id.map(|id| &*id.hyphenated().encode_lower(&mut buffer));
            stmt.raw_bind_parameter(place, text)?;
        }
        for (place, at) in [(8, &self.created_at), (9, &self.updated_at)] {
            let text = at.to_rfc3339_opts(SecondsFormat::Micros, true);
            stmt.raw_bind_parameter(place, text)?;
        }
        Ok(())
    }
}

/// Between 20 and 220 characters.
fn content(number: usize) -> String {
    const WORDS: &str = "the quick brown fox jumps over a lazy dog and asks who cooks today ";
    let length = 20 + number * 37 % 200;
    WORDS
        .chars()
        .cycle()
        .skip(number % 67)
        .take(length)
        .collect()
}

fn text<'a>(row: &'a Row<'_>, place: usize) -> Result<Option<&'a str>, Failure> {
    match row.get_ref(place)? {
        ValueRef::Null => Ok(None),
        stored => Ok(Some(stored.as_str()?)),
    }
}

fn uuid(row: &Row<'_>, place: usize) -> Result<Option<Uuid>, Failure> {
    match row.get_ref(place)? {
        ValueRef::Null => Ok(None),
        stored => Ok(Some(Uuid::try_parse_ascii(stored.as_bytes()?)?)),
    }
}

fn time(row: &Row<'_>, place: usize) -> Result<DateTime<Utc>, Failure> {
    let text = row.get_ref(place)?.as_str()?;
    Ok(DateTime::parse_from_rfc3339(text)?.with_timezone(&Utc))
}
