//! What all calls share, whatever they do: the deadline, the queues in which they wait, when a commit
//! is durable, where rows and progress go, and the counters.
//!
//! Every module above may use it; it uses `sqlite`, `value` and `error`. The requests themselves are in
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
