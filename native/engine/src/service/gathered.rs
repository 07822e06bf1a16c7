//! The rows of a result, kept as SQLite stores them until their size is known.
//!
//! A host that makes something of them can then make room for all of it at once, and the reader
//! is free as soon as SQLite has given the last row.

use std::sync::Arc;

use rusqlite::types::ValueRef;

use crate::error::{Code, Error, Result};
use crate::service::RowSink;
use crate::value::{OutputColumn, Row};

/// Bytes after which a chunk is full. What was handed over is freed chunk by chunk.
const CHUNK: usize = 1 << 20;

/// What is known of a stored value without decoding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// NULL.
    Null,
    /// An integer or a float.
    Number,
    /// A text, with its length in bytes.
    Text(usize),
    /// A blob, with its length in bytes.
    Blob(usize),
}

/// What a host learns of values while they are gathered.
pub trait Measure {
    /// A result begins with these columns: what was measured before is void.
    fn begin(&mut self, columns: &[OutputColumn]);
    /// A row begins.
    fn row(&mut self);
    /// A value of a column.
    fn value(&mut self, column: &OutputColumn, storage: Storage);
}

/// The columns of a result, with what [`RowSink::begin`] says of them.
struct Head {
    columns: Arc<[OutputColumn]>,
    hidden: usize,
    reversed: bool,
}

/// Rows that were gathered, and what was measured of them.
pub struct GatheredRows<M> {
    measure: M,
    head: Option<Head>,
    /// Values one after the other, each behind a tag; a row is never split.
    full: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl<M: Measure> GatheredRows<M> {
    /// No rows yet.
    pub fn new(measure: M) -> Self {
        GatheredRows {
            measure,
            head: None,
            full: Vec::new(),
            last: Vec::new(),
        }
    }

    /// What was measured.
    pub fn measure(&self) -> &M {
        &self.measure
    }

    /// Gives the rows to another sink, as if they came from SQLite. `each` is called after every
    /// row.
    ///
    /// # Errors
    /// Those of the sink and of `each`, which end it.
    pub fn hand_over(
        self,
        sink: &mut dyn RowSink,
        each: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let Some(head) = self.head else {
            return Ok(());
        };
        sink.begin(&head.columns, head.hidden, head.reversed);
        for chunk in self.full.into_iter().chain([self.last]) {
            let mut rest = chunk.as_slice();
            let mut values = Vec::with_capacity(head.columns.len());
            while !rest.is_empty() {
                values.clear();
                for _ in 0..head.columns.len() {
                    values.push(take(&mut rest).ok_or_else(cut_off)?);
                }
                sink.row(&Row::gathered(&values, &head.columns))?;
                each()?;
            }
        }
        Ok(())
    }
}

impl<M: Measure> RowSink for GatheredRows<M> {
    fn begin(&mut self, columns: &Arc<[OutputColumn]>, hidden: usize, reversed: bool) {
        self.measure.begin(columns);
        self.full.clear();
        self.last.clear();
        self.head = Some(Head {
            columns: Arc::clone(columns),
            hidden,
            reversed,
        });
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        if self.last.len() >= CHUNK {
            let next = Vec::with_capacity(CHUNK + CHUNK / 16);
            self.full.push(std::mem::replace(&mut self.last, next));
        }
        self.measure.row();
        for (at, column) in row.columns().iter().enumerate() {
            let stored = row.stored(at)?;
            let storage = match stored {
                ValueRef::Null => Storage::Null,
                ValueRef::Integer(_) | ValueRef::Real(_) => Storage::Number,
                ValueRef::Text(bytes) => Storage::Text(bytes.len()),
                ValueRef::Blob(bytes) => Storage::Blob(bytes.len()),
            };
            self.measure.value(column, storage);
            put(&mut self.last, stored)?;
        }
        Ok(())
    }
}

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

fn put(chunk: &mut Vec<u8>, value: ValueRef<'_>) -> Result<()> {
    match value {
        ValueRef::Null => chunk.push(NULL),
        ValueRef::Integer(number) => {
            chunk.push(INTEGER);
            chunk.extend_from_slice(&number.to_ne_bytes());
        }
        ValueRef::Real(number) => {
            chunk.push(REAL);
            chunk.extend_from_slice(&number.to_ne_bytes());
        }
        ValueRef::Text(bytes) => put_bytes(chunk, TEXT, bytes)?,
        ValueRef::Blob(bytes) => put_bytes(chunk, BLOB, bytes)?,
    }
    Ok(())
}

fn put_bytes(chunk: &mut Vec<u8>, tag: u8, bytes: &[u8]) -> Result<()> {
    // SQLite has no longer ones.
    let length = u32::try_from(bytes.len())
        .map_err(|_| Error::new(Code::TooBig, "a value has more than 4 GiB"))?;
    chunk.push(tag);
    chunk.extend_from_slice(&length.to_ne_bytes());
    chunk.extend_from_slice(bytes);
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<ValueRef<'a>> {
    let (tag, behind) = rest.split_first()?;
    *rest = behind;
    Some(match *tag {
        NULL => ValueRef::Null,
        INTEGER => ValueRef::Integer(i64::from_ne_bytes(*take_first(rest)?)),
        REAL => ValueRef::Real(f64::from_ne_bytes(*take_first(rest)?)),
        TEXT => ValueRef::Text(take_bytes(rest)?),
        BLOB => ValueRef::Blob(take_bytes(rest)?),
        _ => return None,
    })
}

fn take_first<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(first)
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_ne_bytes(*take_first(rest)?);
    let (bytes, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some(bytes)
}

fn cut_off() -> Error {
    Error::new(Code::Internal, "a gathered row is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::ColumnType;

    use proptest::prelude::*;
    use rusqlite::types::Value;
    use rusqlite::{params_from_iter, Connection};

    /// Counts rows, values, and bytes.
    #[derive(Default)]
    struct Count([usize; 3]);

    impl Measure for Count {
        fn begin(&mut self, _: &[OutputColumn]) {
            self.0 = [0; 3];
        }

        fn row(&mut self) {
            self.0[0] += 1;
        }

        fn value(&mut self, column: &OutputColumn, storage: Storage) {
            assert!(["a", "b"].contains(&column.name.as_str()));
            self.0[1] += 1;
            if let Storage::Text(length) | Storage::Blob(length) = storage {
                self.0[2] += length;
            }
        }
    }

    #[derive(Default)]
    struct Kept {
        begun: usize,
        rows: Vec<Vec<Value>>,
    }

    impl RowSink for Kept {
        fn begin(&mut self, columns: &Arc<[OutputColumn]>, hidden: usize, reversed: bool) {
            assert_eq!((columns.len(), hidden, reversed), (2, 1, true));
            self.begun += 1;
        }

        fn row(&mut self, row: &Row<'_>) -> Result<()> {
            let value = |at| row.stored(at).map(Value::try_from).unwrap().unwrap();
            self.rows.push(vec![value(0), value(1)]);
            Ok(())
        }
    }

    fn gather(rows: &[Vec<Value>]) -> GatheredRows<Count> {
        let conn = Connection::open_in_memory().unwrap();
        let column = |name| OutputColumn::new(name, "", ColumnType::Any);
        let columns: Arc<[OutputColumn]> = Arc::new([column("a"), column("b")]);
        let mut gathered = GatheredRows::new(Count::default());
        // What was gathered of a run that is begun again does not count.
        for rows in [&rows[..rows.len() / 2], rows] {
            gathered.begin(&columns, 1, true);
            for values in rows {
                let mut stmt = conn.prepare_cached("SELECT ?, ?").unwrap();
                let mut found = stmt.query(params_from_iter(values)).unwrap();
                let row = found.next().unwrap().unwrap();
                gathered.row(&Row::new(row, &columns)).unwrap();
            }
        }
        gathered
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            (-1.0e300..1.0e300).prop_map(Value::Real),
            ".{0,20}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Blob),
            // A chunk and more.
            (CHUNK / 2..CHUNK * 2).prop_map(|length| Value::Blob(vec![7; length])),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn gathered_rows_are_handed_over_as_they_came(
            rows in prop::collection::vec(prop::collection::vec(value(), 2), 0..12)
        ) {
            let gathered = gather(&rows);
            let bytes = |value: &Value| match value {
                Value::Text(text) => text.len(),
                Value::Blob(bytes) => bytes.len(),
                _ => 0,
            };
            let expected = [rows.len(), 2 * rows.len(), rows.iter().flatten().map(bytes).sum()];
            prop_assert_eq!(gathered.measure().0, expected);
            let (mut kept, mut calls) = (Kept::default(), 0);
            gathered.hand_over(&mut kept, &mut || { calls += 1; Ok(()) }).unwrap();
            prop_assert_eq!((kept.begun, calls), (1, rows.len()));
            prop_assert_eq!(kept.rows, rows);
        }
    }

    #[test]
    fn the_caller_may_end_it() {
        let row = vec![Value::Integer(1), Value::Null];
        let gathered = gather(&[row.clone(), row.clone(), row]);
        let mut kept = Kept::default();
        let stop = || Error::new(Code::Timeout, "enough");
        let ended = gathered.hand_over(&mut kept, &mut || Err(stop()));
        assert_eq!(ended.unwrap_err().code(), Code::Timeout);
        assert_eq!(kept.rows.len(), 1);
    }

    #[test]
    fn a_result_that_never_began_begins_nothing() {
        let mut kept = Kept::default();
        let gathered = GatheredRows::new(Count::default());
        gathered.hand_over(&mut kept, &mut || Ok(())).unwrap();
        assert_eq!(kept.begun, 0);
    }

    #[test]
    fn what_is_cut_off_is_noticed() {
        let mut chunk = Vec::new();
        put(&mut chunk, ValueRef::Text(b"four")).unwrap();
        for length in 0..chunk.len() {
            assert!(take(&mut &chunk[..length]).is_none());
        }
        assert!(take(&mut &chunk[..]).is_some());
        assert!(take(&mut &[9_u8][..]).is_none());
    }
}
