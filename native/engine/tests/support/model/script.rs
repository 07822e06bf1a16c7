//! What the writers do, at random.

use ash_rusqlite_engine::query::ir::{
    self, Assignment, CompareOp, Conflict, ConflictSet, Returning, Scalar,
};
use ash_rusqlite_engine::{Name, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::state::{Cell, Change, Filter, OnConflict, Row, Table, Write};

/// One thing that a writer does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Writes that are queued without waiting in between.
    Writes(Vec<Write>),
    Transaction(Vec<Step>, End),
    /// Reads a table on a reader's connection.
    Read(Table),
}

#[derive(Clone, Debug)]
pub enum Step {
    Write(Write),
    Read(Table),
    Savepoint,
    Release,
    RollBackTo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Commit,
    RollBack,
    /// The owner goes without a word.
    Death,
    /// The owner goes while its last step is queued or runs.
    DeathInFlight,
}

/// The scripts of writers that run at the same time, between two openings of the database.
pub type Phase = Vec<Vec<Act>>;

#[derive(Clone, Debug)]
pub struct Case {
    pub max_batch: usize,
    pub queue_limit: usize,
    pub readers: usize,
    pub wal_autocheckpoint: u32,
    pub statement_cache_size: usize,
    pub phases: Vec<Phase>,
}

pub fn case() -> impl Strategy<Value = Case> {
    let sizes = (
        select(vec![1, 2, 1000]),
        select(vec![1, 3, 1000]),
        select(vec![1, 4]),
        select(vec![1, 1000]),
        select(vec![1, 200]),
    );
    (sizes, vec(vec(vec(act(), 0..8), 1..5), 1..4)).prop_map(|(sizes, phases)| {
        let (max_batch, queue_limit, readers, wal_autocheckpoint, statement_cache_size) = sizes;
        Case {
            max_batch,
            queue_limit,
            readers,
            wal_autocheckpoint,
            statement_cache_size,
            phases,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    let end = select(vec![
        End::Commit,
        End::Commit,
        End::Commit,
        End::RollBack,
        End::Death,
        End::DeathInFlight,
    ]);
    prop_oneof![
        4 => vec(write(), 1..5).prop_map(Act::Writes),
        3 => (vec(step(), 0..7), end).prop_map(|(steps, end)| Act::Transaction(steps, end)),
        2 => table().prop_map(Act::Read),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => write().prop_map(Step::Write),
        2 => table().prop_map(Step::Read),
        2 => Just(Step::Savepoint),
        1 => Just(Step::Release),
        1 => Just(Step::RollBackTo),
    ]
}

fn table() -> impl Strategy<Value = Table> {
    select(Table::ALL.to_vec())
}

/// Ids and codes are few, so that writers meet.
fn small() -> impl Strategy<Value = i64> {
    1..7_i64
}

fn cell(table: Table, place: usize) -> BoxedStrategy<Cell> {
    match (table, place) {
        (_, 0) => small().prop_map(Some).boxed(),
        (Table::Rooms, 2) => {
            prop_oneof![20 => (0..10_i64).prop_map(Some), 1 => Just(Some(10)), 1 => Just(None)]
                .boxed()
        }
        _ => prop_oneof![10 => small().prop_map(Some), 1 => Just(None)].boxed(),
    }
}

fn row(table: Table) -> impl Strategy<Value = Row> {
    let cells: Vec<_> = (0..table.columns().len())
        .map(|place| cell(table, place))
        .collect();
    cells
}

fn filter(table: Table) -> impl Strategy<Value = Filter> {
    let equal = (0..table.columns().len())
        .prop_flat_map(move |place| cell(table, place).prop_map(move |cell| (place, cell)));
    prop_oneof![
        1 => Just(Filter::All),
        6 => equal.prop_map(|(place, cell)| Filter::Equal(place, cell)),
        2 => (0..table.columns().len(), small()).prop_map(|(place, limit)| Filter::Less(place, limit)),
        2 => vec(small(), 0..4).prop_map(Filter::Ids),
    ]
}

fn change(table: Table) -> impl Strategy<Value = Change> {
    let conflict = match table {
        Table::Rooms => vec![
            OnConflict::Raise,
            OnConflict::Ignore,
            OnConflict::ById,
            OnConflict::ByCode,
        ],
        _ => vec![OnConflict::Raise, OnConflict::Ignore, OnConflict::ById],
    };
    let set = (0..table.columns().len())
        .prop_flat_map(move |place| cell(table, place).prop_map(move |cell| vec![(place, cell)]));
    let grow = match table {
        Table::Rooms => 2,
        _ => 0,
    };
    prop_oneof![
        8 => (vec(row(table), 1..4), select(conflict))
            .prop_map(|(rows, conflict)| Change::Insert(rows, conflict)),
        3 => (filter(table), set).prop_map(|(filter, set)| Change::Update(filter, set)),
        grow => (filter(table), -2..3_i64).prop_map(|(filter, by)| Change::Grow(filter, by)),
        2 => filter(table).prop_map(Change::Delete),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    (table(), any::<bool>()).prop_flat_map(|(table, returning)| {
        change(table).prop_map(move |change| Write {
            table,
            change,
            returning,
        })
    })
}

fn value(cell: Cell) -> Value {
    cell.map_or(Value::Null, Value::Integer)
}

fn condition(table: Table, filter: &Filter) -> Option<Scalar> {
    let column = |place: usize| -> Name { table.columns()[place].into() };
    let compare = |place: usize, op, value| Scalar::compare(column(place), op, value);
    match filter {
        Filter::All => None,
        Filter::Equal(place, cell) => Some(compare(*place, CompareOp::Eq, value(*cell))),
        Filter::Less(place, limit) => Some(compare(*place, CompareOp::Lt, Value::Integer(*limit))),
        Filter::Ids(ids) => Some(Scalar::among(
            column(0),
            ids.iter().copied().map(Value::Integer).collect(),
        )),
    }
}

/// The write as the engine takes it.
pub fn request(write: &Write) -> ir::Write {
    let table = write.table.name().into();
    let column = |place: usize| -> Name { write.table.columns()[place].into() };
    let returning = if write.returning {
        Returning::All
    } else {
        Returning::Nothing
    };
    let update = |filter, set| {
        ir::Write::Update(ir::Update {
            table: write.table.name().into(),
            filter: condition(write.table, filter),
            set,
            returning: returning.clone(),
        })
    };
    let replace = |target: &str| Conflict::Update {
        target: vec![target.into()],
        set: ConflictSet::All,
    };
    match &write.change {
        Change::Insert(rows, conflict) => ir::Write::Insert(ir::Insert {
            table,
            rows: rows
                .iter()
                .map(|row| {
                    (0..)
                        .map(column)
                        .zip(row.iter().copied().map(value))
                        .collect()
                })
                .collect(),
            conflict: match conflict {
                OnConflict::Raise => Conflict::Raise,
                OnConflict::Ignore => Conflict::Nothing { target: vec![] },
                OnConflict::ById => replace("id"),
                OnConflict::ByCode => replace("code"),
            },
            returning,
        }),
        Change::Update(filter, set) => {
            let set = set
                .iter()
                .map(|(place, cell)| Assignment::Set(column(*place), value(*cell)));
            update(filter, set.collect())
        }
        Change::Grow(filter, by) => update(
            filter,
            vec![Assignment::Increment("size".into(), Value::Integer(*by))],
        ),
        Change::Delete(filter) => ir::Write::Delete(ir::Delete {
            table,
            filter: condition(write.table, filter),
            returning,
        }),
    }
}
