//! The query language as plain data. A host decodes its own terms into these enums;
//! `compile` turns them into SQL. Names are checked against the catalog, values are bound.

mod aggregated;
mod events;
mod journal;
mod scalar;

pub use aggregated::Aggregated;

pub use events::{ConsumerWrite, EventQuery, JournalRead, Progress};
pub use journal::{AsOf, Moment, WriteContext};

pub use scalar::{Collation, Computed, Nulls, OrderBy, Piece, Scalar};

pub use super::vocabulary::{
    Aggregate, AggregateKind, Arguments, ArithOp, Cast, CompareOp, Function,
};

use crate::value::{Name, Value};

/// A write: what one request of the writer does.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Inserts one row or many.
    Insert(Insert),
    /// Updates the rows of a condition.
    Update(Update),
    /// Deletes the rows of a condition.
    Delete(Delete),
    /// Updates rows, or inserts those that are not there: all of them or none. Each gives a row,
    /// and a column more, [`OUTCOME`], says what was done.
    UpdateOrInsert(UpdateOrInsert),
    /// Updates the rows of many conditions, each in its own way: all of them or none.
    UpdateEach(UpdateEach),
    /// A statement of the caller's own.
    Sql(SqlWrite),
    /// A write with who makes it and why, for the journal.
    InContext(Box<WriteContext>, Box<Write>),
    /// How far a durable consumer of the journal is.
    Consumer(ConsumerWrite),
}

/// One SQL statement that writes rows.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlWrite {
    /// The statement.
    pub sql: String,
    /// The values of its placeholders.
    pub params: Vec<Value>,
}

/// Many updates of one table, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateEach {
    /// The table's name.
    pub table: Name,
    /// The updates. One whose condition holds for no row writes nothing.
    pub changes: Vec<Change>,
    /// Which columns of the updated rows come back, in the order of the updates.
    pub returning: Returning,
}

/// One of many updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The condition.
    pub filter: Scalar,
    /// The new values.
    pub set: Vec<Assignment>,
}

/// The column that says what became of a row: 0 it was inserted, 1 it was updated, 2 it is there
/// and was left as it is.
pub const OUTCOME: &str = "ash_rusqlite_outcome";

/// Rows of one table, each of which is updated or inserted, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateOrInsert {
    /// The table's name.
    pub table: Name,
    /// The rows.
    pub each: Vec<UpdateOrInsertRow>,
    /// Which columns of each row come back, besides [`OUTCOME`].
    pub returning: Returning,
}

/// A row that is updated or inserted.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateOrInsertRow {
    /// Which row it is. More than one is an error.
    pub keys: Scalar,
    /// What must hold of the row that is there; otherwise it is left as it is.
    pub only_if: Option<Scalar>,
    /// What is done to it.
    pub set: Vec<Assignment>,
    /// What is inserted when there is none.
    pub row: Vec<(Name, Value)>,
}

/// What there is to know of a write before it is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct About<'w> {
    /// The table that it writes to. None of a statement of the caller's own.
    pub table: Option<&'w str>,
    /// Which columns of the rows are returned, where the write says it.
    pub returning: Option<&'w Returning>,
    /// Whether it is one run of one statement, which SQLite undoes by itself when it fails.
    pub single: bool,
}

/// What a write does to one row, or to the rows of a condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowChange<'w> {
    /// It inserts one.
    Insert {
        /// The row.
        row: &'w [(Name, Value)],
    },
    /// It updates them.
    Update {
        /// The condition; `None` means every row.
        filter: Option<&'w Scalar>,
        /// The new values.
        set: &'w [Assignment],
    },
    /// It deletes them.
    Delete {
        /// The condition; `None` means every row.
        filter: Option<&'w Scalar>,
    },
}

impl Write {
    /// The write itself, and who makes it.
    pub fn parts(&self) -> (&Write, Option<&WriteContext>) {
        match self {
            Write::InContext(context, write) => (write.parts().0, Some(context)),
            write => (write, None),
        }
    }

    /// What there is to know of it before it is compiled.
    pub fn about(&self) -> About<'_> {
        fn of<'w>(table: &'w str, returning: &'w Returning, single: bool) -> About<'w> {
            About {
                table: Some(table),
                returning: Some(returning),
                single,
            }
        }
        match self {
            Write::Insert(insert) => of(&insert.table, &insert.returning, insert.rows.len() <= 1),
            Write::Update(update) => of(&update.table, &update.returning, true),
            Write::Delete(delete) => of(&delete.table, &delete.returning, true),
            Write::UpdateOrInsert(write) => of(&write.table, &write.returning, false),
            Write::UpdateEach(each) => of(&each.table, &each.returning, each.changes.len() <= 1),
            Write::Sql(_) => About {
                single: true,
                ..About::default()
            },
            Write::Consumer(_) => About {
                table: Some("ash_rusqlite_consumers"),
                single: true,
                ..About::default()
            },
            Write::InContext(_, write) => write.about(),
        }
    }

    /// The table that it writes to. None of a statement of the caller's own.
    pub fn table(&self) -> Option<&str> {
        self.about().table
    }

    /// Whether it is one run of one statement, which SQLite undoes by itself when it fails.
    pub fn is_single(&self) -> bool {
        self.about().single
    }

    /// What it does to rows, for the error of a constraint that refuses it. Nothing is known of a
    /// statement of the caller's own, and of an insert only its rows.
    pub fn changes(&self) -> Vec<RowChange<'_>> {
        let insert = |row| RowChange::Insert { row };
        let update = |filter, set| RowChange::Update { filter, set };
        match self {
            Write::Insert(write) => write.rows.iter().map(|row| insert(row)).collect(),
            Write::Update(write) => vec![update(write.filter.as_ref(), &write.set)],
            Write::Delete(write) => vec![RowChange::Delete {
                filter: write.filter.as_ref(),
            }],
            // Which of the two it was is not known any more.
            Write::UpdateOrInsert(write) => {
                let each = write.each.iter();
                each.flat_map(|row| [update(Some(&row.keys), &row.set), insert(&row.row)])
                    .collect()
            }
            Write::UpdateEach(write) => {
                let each = write.changes.iter();
                each.map(|change| update(Some(&change.filter), &change.set))
                    .collect()
            }
            Write::Sql(_) | Write::Consumer(_) => Vec::new(),
            Write::InContext(_, write) => write.changes(),
        }
    }
}

/// Inserts rows. Rows may name different columns; a column that a row leaves out gets its default.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// The table's name.
    pub table: Name,
    /// The rows, each a list of column names and values. An empty row is all defaults.
    pub rows: Vec<Vec<(Name, Value)>>,
    /// What to do when a row conflicts with one that is there.
    pub conflict: Conflict,
    /// Which columns of the rows that were written come back.
    pub returning: Returning,
}

/// What an insert does when a UNIQUE or PRIMARY KEY constraint refuses a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Conflict {
    /// The insert fails.
    #[default]
    Raise,
    /// The row is left out. `target` names the constraint's columns; empty means any constraint.
    Nothing {
        /// The columns of the constraint.
        target: Vec<Name>,
    },
    /// The row that is there is updated. An empty `target` means the primary key.
    Update {
        /// The columns of the constraint.
        target: Vec<Name>,
        /// The columns that take the new row's values.
        set: ConflictSet,
    },
}

/// The columns that an upsert overwrites.
#[derive(Clone, Debug, PartialEq)]
pub enum ConflictSet {
    /// Every column of the new row except the target's.
    All,
    /// Every column of the new row except these and the target's.
    AllExcept(Vec<Name>),
    /// Exactly these columns.
    Columns(Vec<Name>),
}

/// Which columns a write gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Returning {
    /// No rows, only the count.
    #[default]
    Nothing,
    /// Every column.
    All,
    /// These columns.
    Columns(Vec<Name>),
}

/// Updates the rows of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// The table's name.
    pub table: Name,
    /// The condition; `None` means every row.
    pub filter: Option<Scalar>,
    /// The new values.
    pub set: Vec<Assignment>,
    /// Which columns of the updated rows come back.
    pub returning: Returning,
}

/// One assignment of an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Assignment {
    /// The column gets a value.
    Set(Name, Value),
    /// The column, INTEGER or REAL, grows by a value.
    Increment(Name, Value),
    /// The column gets what is computed from the row as it was.
    Compute(Name, Scalar),
}

/// Deletes the rows of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// The table's name.
    pub table: Name,
    /// The condition; `None` means every row.
    pub filter: Option<Scalar>,
    /// Which columns of the deleted rows come back.
    pub returning: Returning,
}

/// A read.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// Rows of one table.
    Select(Select),
    /// One value computed over the rows of a select. `column: None` counts rows.
    /// `select.columns` must be `None`. Limit, offset and distinct apply before.
    Aggregate {
        /// The function.
        function: Aggregate,
        /// The column it is computed over.
        column: Option<Name>,
        /// The rows it is computed over.
        select: Select,
    },
    /// Whether a select has any row: one row with one boolean column named `exists`.
    Exists(Select),
    /// Raw SQL that only reads, with positional values.
    Sql {
        /// One statement with `?` or `?N` placeholders.
        sql: String,
        /// The values, as many as placeholders.
        params: Vec<Value>,
    },
    /// One row of values that are computed of no table.
    Compute(Vec<Computed>),
    /// A read of the tables as they were, by the events of their journals.
    AsOf(AsOf, Box<Read>),
    /// Events of the journal.
    Events(Box<EventQuery>),
    /// What the journal says of itself.
    Journal(JournalRead),
    /// How SQLite would run a read. The rows are those of EXPLAIN QUERY PLAN
    /// (<https://sqlite.org/eqp.html>), after one whose `detail` is the SQL.
    Explain(Box<Read>),
}

/// Rows of one table: of a read, or of a query within an expression ([`Scalar::Exists`],
/// [`Scalar::Subquery`], [`Aggregated`]), which is of a read's fields only these: `joins`, `filter`,
/// `order_by`, `limit`, `offset`, and `distinct` scalars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Select {
    /// The table's name.
    pub table: Name,
    /// Tables that are joined to it (inner joins), each with its condition, which may refer to
    /// the tables before. A read has none.
    pub joins: Vec<(Name, Scalar)>,
    /// The columns, in the order wanted; `None` means all.
    pub columns: Option<Vec<Name>>,
    /// What is computed besides the columns, of which there may be none then.
    pub computed: Vec<Computed>,
    /// The condition: neither null nor zero.
    pub filter: Option<Scalar>,
    /// The order. Where all of it is columns as they are declared ([`OrderBy::column`]), a cursor
    /// or `page` adds the primary key, so that it is total. Nothing is added to any other, and it
    /// has no cursors.
    pub order_by: Vec<OrderBy>,
    /// The largest number of rows.
    pub limit: Option<u64>,
    /// The number of rows that are skipped first.
    pub offset: Option<u64>,
    /// Equal rows are given once.
    pub distinct: bool,
    /// Of the rows with equal keys only the first one in an order of their own. Applies before
    /// everything but the filter.
    pub distinct_on: Option<Box<DistinctOn>>,
    /// A limit of rows with equal keys, which come one partition after the other.
    pub partition: Option<Box<Partition>>,
    /// Only rows that come after this one in the order.
    pub after: Option<Cursor>,
    /// Only the rows that come just before this one in the order, still given in the order.
    pub before: Option<Cursor>,
    /// Add the order's columns behind the wanted ones, so that a caller can make
    /// the next page's cursor from a row (`Compiled::hidden`).
    pub page: bool,
}

/// Keys that distinguish rows, compared by their bytes; nulls are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct DistinctOn {
    /// The keys.
    pub keys: Vec<Scalar>,
    /// The order that says which row is the first.
    pub order_by: Vec<OrderBy>,
}

/// Keys that part rows, compared by their bytes; nulls are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// The keys.
    pub by: Vec<Scalar>,
    /// Only rows whose key, of which there is one then, is among these values. Each is looked
    /// up by itself, so that no more rows are read than wanted.
    pub keys: Option<Vec<Scalar>>,
    /// The largest number of rows of each.
    pub limit: Option<u64>,
    /// The number of rows of each that are skipped first.
    pub offset: Option<u64>,
}

/// A place in an ordered result.
#[derive(Clone, Debug, PartialEq)]
pub enum Cursor {
    /// A row, or the part of it that the order names (primary key included).
    Row(Vec<(Name, Value)>),
    /// The values of the order's columns, primary key included, as `page` gave them.
    Values(Vec<Value>),
}

/// The value of a primary key.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValue {
    /// The key is one column.
    Single(Value),
    /// The key's columns by name.
    Columns(Vec<(Name, Value)>),
}
