//! Where rows go.

use std::sync::Arc;

use crate::error::Result;
use crate::value::{OutputColumn, Row};

/// Where the rows of a read or of a write's `returning` go.
pub trait RowSink {
    /// The columns of the rows that follow. The last `hidden` ones make the next page's
    /// cursor; `reversed` rows come last first. Called again when a read or write is run
    /// again: what came before is void.
    fn begin(&mut self, columns: &Arc<[OutputColumn]>, hidden: usize, reversed: bool);

    /// One row, borrowed from SQLite's buffers.
    fn row(&mut self, row: &Row<'_>) -> Result<()>;
}
