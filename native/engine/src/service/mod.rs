//! What every call meets, whatever it asks for: its deadline, the queues in which it waits, when its
//! commit is durable, where its rows and its progress go, and what is counted.
//!
//! Every room above may use it; it knows `sqlite`, `value` and `error`. The requests themselves are in
//! `request`, the threads that run them in `writer` and `reader`.

pub(crate) mod deadline;
pub(crate) mod durability;
pub(crate) mod gathered;
pub mod progress;
mod row_sink;
pub mod start_thread;
pub(crate) mod stats;
pub(crate) mod wait_queue;

pub use row_sink::RowSink;
