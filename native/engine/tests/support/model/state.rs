//! Three small tables in plain maps, with the constraints that SQLite is to keep.

use std::collections::BTreeMap;

use ash_rusqlite_engine::Code;

pub type Cell = Option<i64>;
/// The first cell is the primary key.
pub type Row = Vec<Cell>;

pub const TABLES: &str = "
    CREATE TABLE rooms (
      id INTEGER PRIMARY KEY,
      code INTEGER NOT NULL UNIQUE,
      size INTEGER NOT NULL CHECK (size BETWEEN 0 AND 9)
    );
    CREATE TABLE messages (
      id INTEGER PRIMARY KEY,
      room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
      slot INTEGER,
      UNIQUE (room, slot)
    );
    CREATE TABLE links (
      id INTEGER PRIMARY KEY,
      room INTEGER REFERENCES rooms DEFERRABLE INITIALLY DEFERRED
    );
    CREATE INDEX messages_room ON messages (room, id);";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    Rooms,
    Messages,
    Links,
}

impl Table {
    pub const ALL: [Table; 3] = [Table::Rooms, Table::Messages, Table::Links];

    pub fn name(self) -> &'static str {
        match self {
            Table::Rooms => "rooms",
            Table::Messages => "messages",
            Table::Links => "links",
        }
    }

    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Table::Rooms => &["id", "code", "size"],
            Table::Messages => &["id", "room", "slot"],
            Table::Links => &["id", "room"],
        }
    }

    /// The places of the columns that must not be null.
    fn required(self) -> &'static [usize] {
        match self {
            Table::Rooms => &[1, 2],
            Table::Messages => &[1],
            Table::Links => &[],
        }
    }

    /// The places of the columns that are unique together, besides the primary key.
    fn unique(self) -> &'static [usize] {
        match self {
            Table::Rooms => &[1],
            Table::Messages => &[1, 2],
            Table::Links => &[],
        }
    }
}

#[derive(Clone, Debug)]
pub enum Filter {
    All,
    Equal(usize, Cell),
    Less(usize, i64),
    Ids(Vec<i64>),
}

impl Filter {
    fn holds(&self, row: &Row) -> bool {
        match self {
            Filter::All => true,
            Filter::Equal(place, cell) => row[*place] == *cell,
            Filter::Less(place, limit) => row[*place].is_some_and(|number| number < *limit),
            Filter::Ids(ids) => ids.iter().any(|id| row[0] == Some(*id)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub enum OnConflict {
    Raise,
    Ignore,
    /// Overwrites the row of the same id.
    ById,
    /// Overwrites the room of the same code, its id included.
    ByCode,
}

#[derive(Clone, Debug)]
pub enum Change {
    Insert(Vec<Row>, OnConflict),
    Update(Filter, Vec<(usize, Cell)>),
    Grow(Filter, i64),
    Delete(Filter),
}

#[derive(Clone, Debug)]
pub struct Write {
    pub table: Table,
    pub change: Change,
    pub returning: bool,
}

/// The rows that a write wrote, or the codes that its error may have: where one statement
/// breaks several constraints SQLite reports one.
pub type Written = Result<Vec<Row>, Vec<Code>>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct State(BTreeMap<Table, BTreeMap<i64, Row>>);

impl State {
    pub fn rows(&self, table: Table) -> Vec<Row> {
        self.of(table).cloned().collect()
    }

    fn of(&self, table: Table) -> impl Iterator<Item = &Row> {
        self.0.get(&table).into_iter().flat_map(BTreeMap::values)
    }

    fn has_room(&self, room: Cell) -> bool {
        room.is_none() || self.of(Table::Rooms).any(|row| row[0] == room)
    }

    /// Whether a commit is refused: the links' foreign key is only looked at then.
    pub fn has_broken_links(&self) -> bool {
        !self.of(Table::Links).all(|link| self.has_room(link[1]))
    }

    /// A write in a transaction: all of it or nothing.
    pub fn write(&mut self, write: &Write) -> Written {
        let mut next = self.clone();
        let written = match &write.change {
            Change::Insert(rows, conflict) => next.insert(write.table, rows, *conflict),
            Change::Update(filter, set) => next.update(write.table, filter, |row| {
                set.iter().for_each(|(place, cell)| row[*place] = *cell);
            }),
            Change::Grow(filter, by) => next.update(Table::Rooms, filter, |row| {
                row[2] = row[2].map(|size| size + by);
            }),
            Change::Delete(filter) => Ok(next.delete(write.table, filter)),
        }?;
        *self = next;
        Ok(written)
    }

    /// A write that is a transaction of its own.
    pub fn write_alone(&mut self, write: &Write) -> Written {
        let mut next = self.clone();
        let written = next.write(write)?;
        if next.has_broken_links() {
            return Err(vec![Code::ForeignKeyViolation]);
        }
        *self = next;
        Ok(written)
    }

    fn insert(&mut self, table: Table, rows: &[Row], conflict: OnConflict) -> Written {
        let mut written = Vec::new();
        for row in rows {
            let broken = broken_alone(table, row);
            if !broken.is_empty() {
                return Err(broken);
            }
            let same = |place: usize| self.of(table).find(|old| old[place] == row[place]);
            let replaced = match conflict {
                OnConflict::ById => same(0),
                OnConflict::ByCode => same(1),
                OnConflict::Raise | OnConflict::Ignore => None,
            }
            .cloned();
            match (replaced, conflict) {
                (Some(old), _) => {
                    let mut other = self.clone();
                    other.remove(table, &old);
                    other.put(table, std::slice::from_ref(row))?;
                    *self = other;
                }
                (None, OnConflict::Ignore) if self.is_taken(table, row) => continue,
                (None, _) => self.put(table, std::slice::from_ref(row))?,
            }
            written.push(row.clone());
        }
        Ok(written)
    }

    fn update(&mut self, table: Table, filter: &Filter, change: impl Fn(&mut Row)) -> Written {
        let old: Vec<Row> = self
            .of(table)
            .filter(|row| filter.holds(row))
            .cloned()
            .collect();
        let mut new = old.clone();
        new.iter_mut().for_each(change);
        old.iter().for_each(|row| self.remove(table, row));
        let mut broken: Vec<Code> = new
            .iter()
            .flat_map(|row| broken_alone(table, row))
            .collect();
        match self.put(table, &new) {
            Err(more) => broken.extend(more),
            Ok(()) if broken.is_empty() => return Ok(new),
            Ok(()) => {}
        }
        Err(broken)
    }

    fn delete(&mut self, table: Table, filter: &Filter) -> Vec<Row> {
        let gone: Vec<Row> = self
            .of(table)
            .filter(|row| filter.holds(row))
            .cloned()
            .collect();
        gone.iter().for_each(|row| self.remove(table, row));
        if table == Table::Rooms {
            let orphans: Vec<Row> = self
                .of(Table::Messages)
                .filter(|row| !self.has_room(row[1]))
                .cloned()
                .collect();
            orphans
                .iter()
                .for_each(|row| self.remove(Table::Messages, row));
        }
        gone
    }

    fn remove(&mut self, table: Table, row: &Row) {
        self.0.entry(table).or_default().remove(&row[0].unwrap());
    }

    /// Adds rows, unless they are taken or leave a message without its room.
    fn put(&mut self, table: Table, rows: &[Row]) -> Result<(), Vec<Code>> {
        for row in rows {
            if self.is_taken(table, row) {
                return Err(vec![Code::UniqueViolation]);
            }
            self.0
                .entry(table)
                .or_default()
                .insert(row[0].unwrap(), row.clone());
        }
        let whole = self
            .of(Table::Messages)
            .all(|message| self.has_room(message[1]));
        whole
            .then_some(())
            .ok_or_else(|| vec![Code::ForeignKeyViolation])
    }

    fn is_taken(&self, table: Table, row: &Row) -> bool {
        let unique = table.unique();
        self.of(table).any(|old| {
            let alike = |place: &usize| old[*place].is_some() && old[*place] == row[*place];
            old[0] == row[0] || (!unique.is_empty() && unique.iter().all(alike))
        })
    }
}

/// The constraints that a row breaks by itself.
fn broken_alone(table: Table, row: &Row) -> Vec<Code> {
    let mut broken = Vec::new();
    if table.required().iter().any(|place| row[*place].is_none()) {
        broken.push(Code::NotNullViolation);
    }
    let fits = |size: i64| (0..=9).contains(&size);
    if table == Table::Rooms && !row[2].is_none_or(fits) {
        broken.push(Code::CheckViolation);
    }
    broken
}
