//! How much room the terms of a result take.

use ash_rusqlite_engine::{ColumnType, Measure, OutputColumn, Storage};

/// Bytes of a word.
const WORD: usize = 8;
/// Binaries up to this many bytes are on the heap of their process, longer ones beside it.
const LONGEST_ON_HEAP: usize = 64;
/// Words on the heap for a binary that is beside it, in any release of OTP.
const BESIDE: usize = 8;

/// An upper bound, or nearly: what rows share is counted for each of them. Room that is left over
/// is never touched, but where room is missing everything is copied once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapSize {
    /// Words on the heap of a process.
    pub words: usize,
    /// Bytes of binaries beside the heap.
    pub beside: usize,
    /// Words of a row besides those of its values.
    row: usize,
}

impl HeapSize {
    fn binary(&mut self, bytes: usize) -> usize {
        if bytes <= LONGEST_ON_HEAP {
            return 3 + bytes.div_ceil(WORD);
        }
        self.beside = self.beside.saturating_add(bytes);
        BESIDE
    }

    fn text(&mut self, column_type: ColumnType, bytes: usize) -> usize {
        match column_type {
            ColumnType::DateTime | ColumnType::DateTimeUsec => map(13) + 3,
            ColumnType::NaiveDateTime | ColumnType::NaiveDateTimeUsec => map(9) + 3,
            ColumnType::Date => map(5),
            ColumnType::Time | ColumnType::TimeUsec => map(6) + 3,
            // As a text it takes less.
            ColumnType::Decimal => map(4) + 2 + bytes.div_ceil(WORD),
            // Digits in lists take more, what is written at length takes less.
            ColumnType::Json => 4 + bytes / 2,
            ColumnType::Text
            | ColumnType::Uuid
            | ColumnType::Integer
            | ColumnType::Real
            | ColumnType::Boolean
            | ColumnType::Blob
            | ColumnType::Any => self.binary(bytes),
        }
    }
}

/// Words of a map without its values.
fn map(keys: usize) -> usize {
    4 + 2 * keys
}

impl Measure for HeapSize {
    fn begin(&mut self, columns: &[OutputColumn]) {
        // In a cell of a list. Maps of more than 32 keys are trees.
        let row = 2 + map(columns.len());
        let row = if columns.len() > 32 { 2 * row } else { row };
        *self = HeapSize {
            row,
            ..HeapSize::default()
        };
    }

    fn row(&mut self) {
        self.words = self.words.saturating_add(self.row);
    }

    fn value(&mut self, column: &OutputColumn, storage: Storage) {
        let words = match storage {
            Storage::Null => 0,
            Storage::Number => 2,
            // Of a row in an event, as JSON.
            Storage::Text(bytes) if column.records.is_some() => 4 + 2 * bytes,
            Storage::Text(bytes) => self.text(column.column_type, bytes),
            // Lists of stored values, and terms.
            Storage::Blob(bytes) if column.list || column.column_type == ColumnType::Json => bytes,
            Storage::Blob(bytes) => self.binary(bytes),
        };
        self.words = self.words.saturating_add(words);
    }
}
