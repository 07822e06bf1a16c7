//! Random pairs of schemas, of which the second is the first after some changes, with rows for the
//! first.

#![allow(dead_code)]

use ash_rusqlite_engine::migration::generate::{NotRenamed, Wanted};
use ash_rusqlite_engine::schema::{
    CheckSpec, ColumnSpec, ForeignKeyAction, ForeignKeySpec, IndexSpec, TableSpec,
};
use ash_rusqlite_engine::{ColumnType, Value};

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
    pub fn new(random: &mut Random, changes: usize, drop: bool) -> Pair {
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
            pair.change(random, drop);
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

    fn change(&mut self, random: &mut Random, drop: bool) {
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
            _ => self.change_column(random, at, drop),
        }
    }

    fn change_column(&mut self, random: &mut Random, at: usize, _drop: bool) {
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

fn key_name(schema: &Schema, id: usize) -> String {
    schema
        .iter()
        .find(|table| table.id == id)
        .map_or_else(String::new, |table| table.name.clone())
}

/// The schema in SQL. Columns are named twice in other ways, so that words are compared and not texts.
pub fn sql(schema: &Schema) -> Wanted {
    let mut all = String::new();
    for table in schema {
        let name = &table.name;
        let null = if table.key == ColumnType::Integer {
            ""
        } else {
            " NOT NULL"
        };
        let mut parts = vec![format!("id {} PRIMARY KEY{null}", table.key.declared())];
        for column in &table.columns {
            let mut text = format!("{} {}", column.name, column.column_type.declared());
            if column.required {
                text.push_str(" NOT NULL");
            }
            if column.has_default {
                text.push_str(&format!(" DEFAULT {}", default(column.column_type)));
            }
            if let Some((target, cascade)) = column.refers {
                let target = key_name(schema, target);
                let action = if cascade { " ON DELETE CASCADE" } else { "" };
                text.push_str(&format!(" REFERENCES {target} (id){action}"));
            }
            parts.push(text);
        }
        for id in &table.checked {
            let column = table
                .columns
                .iter()
                .find(|column| column.id == *id)
                .unwrap();
            parts.push(format!(
                "CONSTRAINT k{id} CHECK ({} IS NOT 'never')",
                column.name
            ));
        }
        all.push_str(&format!("CREATE TABLE {name} ({});\n", parts.join(", ")));
        for (id, unique) in &table.indexed {
            let column = table
                .columns
                .iter()
                .find(|column| column.id == *id)
                .unwrap();
            let unique = if *unique { "UNIQUE " } else { "" };
            all.push_str(&format!(
                "CREATE {unique}INDEX i{id} ON {name} ({}, id);\n",
                column.name
            ));
        }
        if table.id.is_multiple_of(2) {
            let id = table.id;
            all.push_str(&format!(
                "CREATE VIEW v{id} AS SELECT id FROM {name};
                 CREATE TRIGGER g{id} AFTER DELETE ON {name} BEGIN SELECT count(*) FROM {name}; END;\n"
            ));
        }
    }
    Wanted {
        schema: Some(all),
        ..Wanted::default()
    }
}

/// The schema as what resources ask for.
pub fn tables(schema: &Schema) -> Wanted {
    let tables = schema.iter().map(|table| spec(schema, table)).collect();
    Wanted {
        tables,
        ..Wanted::default()
    }
}

fn spec(schema: &Schema, table: &Table) -> TableSpec {
    let mut spec = TableSpec {
        table: table.name.clone(),
        primary_key: vec!["id".into()],
        ..TableSpec::default()
    };
    spec.columns.push(column_spec("id", table.key, true, None));
    for column in &table.columns {
        let name = bare(&column.name);
        let sql = column
            .has_default
            .then(|| default(column.column_type).to_owned());
        spec.columns
            .push(column_spec(&name, column.column_type, column.required, sql));
        if let Some((target, cascade)) = column.refers {
            spec.foreign_keys.push(ForeignKeySpec {
                name: Some(format!("fk{}", column.id)),
                columns: vec![name.clone()],
                references: key_name(schema, target),
                on: vec!["id".into()],
                on_delete: if cascade {
                    ForeignKeyAction::Cascade
                } else {
                    ForeignKeyAction::Nothing
                },
                ..ForeignKeySpec::default()
            });
        }
        if table.checked.contains(&column.id) {
            spec.checks.push(CheckSpec {
                name: format!("k{}", column.id),
                sql: format!("{} IS NOT 'never'", column.name),
            });
        }
        for (id, unique) in table.indexed.iter().filter(|(id, _)| *id == column.id) {
            spec.indexes.push(IndexSpec {
                name: format!("i{id}"),
                columns: vec![name.clone(), "id".into()],
                unique: *unique,
                ..IndexSpec::default()
            });
        }
    }
    spec
}

fn column_spec(
    name: &str,
    column_type: ColumnType,
    required: bool,
    default_sql: Option<String>,
) -> ColumnSpec {
    ColumnSpec {
        name: name.into(),
        column_type,
        null: !required,
        default: Value::Null,
        default_sql,
        declared: None,
    }
}
