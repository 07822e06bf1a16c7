-- up
CREATE TABLE rooms (
  id     TEXT PRIMARY KEY NOT NULL,
  title  TEXT NOT NULL,
  hidden BOOLEAN_INT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX rooms_title ON rooms (title);

CREATE TABLE seats (
  room_id TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  number  INTEGER NOT NULL,
  name    TEXT,
  PRIMARY KEY (room_id, number)
);

-- down
DROP TABLE seats;
DROP TABLE rooms;
