-- up
CREATE TABLE messages (
  id      INTEGER PRIMARY KEY,
  room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  content TEXT NOT NULL,
  likes   INTEGER NOT NULL DEFAULT 0 CHECK (likes >= 0),
  sent_at DATETIME_USEC_TEXT
);
CREATE INDEX messages_room ON messages (room_id, sent_at);

-- down
DROP TABLE messages;
