//! Random pairs of schemas, of which the second is the first after some changes, with rows for the
//! first.

#![allow(dead_code)]

mod wanted;

use ash_rusqlite_engine::migration::generate::NotRenamed;
use ash_rusqlite_engine::ColumnType;

pub use wanted::{sql, tables};

/// Numbers that look random (xorshift), the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut x = self.0;
        x ^= x >> 33;
        x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
        x ^= x >> 33;
        (x % end.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const TYPES: &[ColumnType] = &[
    ColumnType::Text,
    ColumnType::Integer,
    ColumnType::Real,
    ColumnType::Boolean,
    ColumnType::Decimal,
    ColumnType::Json,
    ColumnType::DateTime,
    ColumnType::DateTimeUsec,
    ColumnType::Blob,
    ColumnType::Any,
];

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The same before and after a rename.
    id: usize,
    name: String,
    column_type: ColumnType,
    required: bool,
    has_default: bool,
    /// The table that it refers to, by id, and whether rows go along.
    refers: Option<(usize, bool)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    id: usize,
    name: String,
    columns: Vec<Column>,
    /// Columns by id.
    indexed: Vec<(usize, bool)>,
    checked: Vec<usize>,
    key: ColumnType,
}

pub type Schema = Vec<Table>;

/// A table before and after, with its columns before and after.
pub type Common = (String, String, Vec<(String, String)>);

#[derive(Debug)]
pub struct Pair {
    pub from: Schema,
    pub to: Schema,
    pub renamed_tables: Vec<(String, String)>,
    pub renamed_columns: Vec<(String, String, String)>,
    /// Columns, by id, whose null values get another one.
    tightened: Vec<usize>,
    next: usize,
}

impl Pair {
    pub fn new(random: &mut Random, changes: usize) -> Pair {
        let mut pair = Pair {
            from: Vec::new(),
            to: Vec::new(),
            renamed_tables: Vec::new(),
            renamed_columns: Vec::new(),
            tightened: Vec::new(),
            next: 0,
        };
        for _ in 0..1 + random.below(3) {
            let table = pair.table(random);
            pair.to.push(table);
        }
        pair.refer(random);
        pair.from = pair.to.clone();
        for _ in 0..changes {
            pair.change(random);
        }
        pair
    }

    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn table(&mut self, random: &mut Random) -> Table {
        let id = self.fresh();
        let columns = (0..1 + random.below(4))
            .map(|_| self.column(random))
            .collect();
        let key = *random.pick(&[ColumnType::Integer, ColumnType::Uuid, ColumnType::Text]);
        Table {
            id,
            name: format!("t{id}"),
            columns,
            indexed: Vec::new(),
            checked: Vec::new(),
            key,
        }
    }

    fn column(&mut self, random: &mut Random) -> Column {
        let id = self.fresh();
        // Some are words that need quotes.
        let name = match random.below(8) {
            0 => format!("\"order {id}\""),
            1 => format!("\"Group{id}\""),
            _ => format!("c{id}"),
        };
        Column {
            id,
            name,
            column_type: *random.pick(TYPES),
            required: random.chance(30),
            has_default: random.chance(40),
            refers: None,
        }
    }

    /// Lets some tables refer to others.
    fn refer(&mut self, random: &mut Random) {
        let targets: Vec<(usize, ColumnType)> = self.to.iter().map(|t| (t.id, t.key)).collect();
        for at in 0..self.to.len() {
            if random.chance(60) {
                let (target, key) = *random.pick(&targets);
                let mut column = self.column(random);
                column.column_type = key;
                column.required = false;
                column.has_default = false;
                column.refers = Some((target, random.chance(50)));
                self.to[at].columns.push(column);
            }
        }
    }

    fn change(&mut self, random: &mut Random) {
        let was = |pair: &Pair, id: usize| pair.from.iter().any(|table| table.id == id);
        if self.to.is_empty() || random.chance(10) {
            let table = self.table(random);
            self.to.push(table);
            return;
        }
        let at = random.below(self.to.len());
        let (id, name) = (self.to[at].id, self.to[at].name.clone());
        match random.below(12) {
            0 if self.to.len() > 1 => {
                let gone = self.to.remove(at);
                for column in self.to.iter_mut().flat_map(|table| &mut table.columns) {
                    if column.refers.is_some_and(|(target, _)| target == gone.id) {
                        column.refers = None;
                    }
                }
                self.renamed_tables.retain(|(_, to)| *to != gone.name);
                self.renamed_columns
                    .retain(|(table, ..)| *table != gone.name);
            }
            1 if was(self, id) && !self.renamed_tables.iter().any(|(_, to)| *to == name) => {
                let to = format!("r{}", self.fresh());
                self.renamed_tables.push((name.clone(), to.clone()));
                for renamed in &mut self.renamed_columns {
                    if renamed.0 == name {
                        renamed.0.clone_from(&to);
                    }
                }
                self.to[at].name = to;
            }
            2 | 3 => {
                let column = self.column(random);
                let place = random.below(self.to[at].columns.len() + 1);
                self.to[at].columns.insert(place, column);
            }
            4 => {
                let all: Vec<usize> = self.to[at].columns.iter().map(|column| column.id).collect();
                if !all.is_empty() {
                    let column = *random.pick(&all);
                    let table = &mut self.to[at];
                    if table.indexed.iter().any(|(id, _)| *id == column) {
                        table.indexed.retain(|(id, _)| *id != column);
                    } else {
                        table.indexed.push((column, random.chance(50)));
                    }
                }
            }
            _ => self.change_column(random, at),
        }
    }

    fn change_column(&mut self, random: &mut Random, at: usize) {
        let count = self.to[at].columns.len();
        if count == 0 {
            return;
        }
        let place = random.below(count);
        let table = self.to[at].name.clone();
        let column = self.to[at].columns[place].clone();
        let known = self.from.iter().flat_map(|table| &table.columns);
        let is_old = known.clone().any(|other| other.id == column.id);
        // Another value would refer to nothing on the way back.
        let plain = !known
            .clone()
            .any(|other| other.id == column.id && other.refers.is_some());
        let renamed = self
            .renamed_columns
            .iter()
            .any(|(_, _, to)| *to == bare(&column.name));
        match random.below(6) {
            0 => {
                let to = &mut self.to[at];
                to.columns.remove(place);
                to.indexed.retain(|(id, _)| *id != column.id);
                to.checked.retain(|id| *id != column.id);
                self.renamed_columns
                    .retain(|(_, _, to)| *to != bare(&column.name));
                self.tightened.retain(|id| *id != column.id);
            }
            1 if is_old && !renamed => {
                let to = format!("n{}", self.fresh());
                self.renamed_columns
                    .push((table, bare(&column.name), to.clone()));
                self.to[at].columns[place].name = to;
            }
            2 if plain => {
                let changed = &mut self.to[at].columns[place];
                changed.column_type = *random.pick(TYPES);
            }
            3 if plain => {
                let changed = &mut self.to[at].columns[place];
                changed.required = !changed.required;
                if changed.required {
                    self.tightened.push(column.id);
                }
            }
            4 if plain => {
                self.to[at].columns[place].has_default = !column.has_default;
            }
            5 => {
                let to = &mut self.to[at];
                if to.checked.contains(&column.id) {
                    to.checked.retain(|id| *id != column.id);
                } else {
                    to.checked.push(column.id);
                }
            }
            _ if column.refers.is_some() => self.to[at].columns[place].refers = None,
            _ => {}
        }
    }

    /// Statements that fill the tables of the first schema.
    pub fn rows(&self, random: &mut Random) -> Vec<String> {
        let mut statements = vec!["PRAGMA foreign_keys = OFF".to_owned()];
        for table in &self.from {
            for row in 1..=3 {
                let mut names = vec!["id".to_owned()];
                let mut values = vec![key(table.key, row)];
                for column in &table.columns {
                    names.push(column.name.clone());
                    let null = !column.required && random.chance(25);
                    values.push(match column.refers {
                        _ if null => "NULL".to_owned(),
                        Some(_) => key(column.column_type, 1 + random.below(3)),
                        None => value(column.column_type, random),
                    });
                }
                statements.push(format!(
                    "INSERT INTO {} ({}) VALUES ({})",
                    table.name,
                    names.join(", "),
                    values.join(", ")
                ));
            }
        }
        statements.push("PRAGMA foreign_keys = ON".to_owned());
        statements
    }

    /// What is new in the second schema and was not renamed.
    pub fn not_renamed(&self) -> Vec<NotRenamed> {
        let tables = self
            .to
            .iter()
            .map(|table| NotRenamed::Table(table.name.to_lowercase()));
        let columns = self.to.iter().flat_map(|table| {
            table.columns.iter().map(|column| {
                NotRenamed::Column(table.name.to_lowercase(), bare(&column.name).to_lowercase())
            })
        });
        tables.chain(columns).collect()
    }

    /// Values for every required column.
    pub fn fill(&self) -> Vec<(String, String, String)> {
        let columns = self.to.iter().flat_map(|table| {
            table.columns.iter().map(move |column| {
                let sql = default(column.column_type).to_owned();
                (table.name.clone(), bare(&column.name), sql)
            })
        });
        columns.collect()
    }

    /// Tables that both have, with the columns that both have and whose values nobody changes: the
    /// names before and after.
    pub fn common(&self) -> Vec<Common> {
        let mut all = Vec::new();
        for old in &self.from {
            let Some(new) = self.to.iter().find(|new| new.id == old.id) else {
                continue;
            };
            let mut columns = vec![("id".to_owned(), "id".to_owned())];
            for column in &old.columns {
                let same = new.columns.iter().find(|other| other.id == column.id);
                let same = same.filter(|other| {
                    other.column_type == column.column_type && !self.tightened.contains(&column.id)
                });
                columns.extend(same.map(|other| (column.name.clone(), other.name.clone())));
            }
            all.push((old.name.clone(), new.name.clone(), columns));
        }
        all
    }
}

fn bare(name: &str) -> String {
    name.trim_matches('"').to_owned()
}

fn key(column_type: ColumnType, row: usize) -> String {
    match column_type {
        ColumnType::Integer => row.to_string(),
        ColumnType::Uuid => format!("'0191d3a0-0000-7000-8000-00000000000{row}'"),
        _ => format!("'key {row}'"),
    }
}

fn value(column_type: ColumnType, random: &mut Random) -> String {
    let n = random.below(1000);
    match column_type {
        ColumnType::Integer => n.to_string(),
        ColumnType::Real => format!("{n}.5"),
        ColumnType::Boolean => (n % 2).to_string(),
        ColumnType::Decimal => format!("'{n}.25'"),
        ColumnType::Json => format!("'{{\"a\":{n}}}'"),
        ColumnType::DateTime => "'2026-01-02T03:04:05Z'".to_owned(),
        ColumnType::DateTimeUsec => format!("'2026-01-02T03:04:05.000{n:03}Z'"),
        ColumnType::Blob => format!("x'{:04x}'", n),
        ColumnType::Any if n.is_multiple_of(2) => n.to_string(),
        _ => format!("'te;xt ''{n}'"),
    }
}

fn default(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Integer | ColumnType::Boolean => "1",
        ColumnType::Real => "1.5",
        ColumnType::Decimal => "'1.5'",
        ColumnType::Json => "'{}'",
        ColumnType::DateTime => "'2026-01-01T00:00:00Z'",
        ColumnType::DateTimeUsec => "'2026-01-01T00:00:00.000000Z'",
        ColumnType::Blob => "x'00'",
        _ => "'it''s'",
    }
}
