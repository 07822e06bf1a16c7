//! The journal: every row change of a journaled table as an event, in the same commit.
//!
//! Triggers in the file write the events (`triggers`), so that every program that writes is
//! captured. They use functions of SQLite's own alone. The tables of the journal are made with the
//! first journaled table (`layout`) and note which tables are journaled after each change of the
//! schema (`sync`). Who wrote, and why, is set by the writer for each request (`context`).
//!
//! Events are read by what they are about (`read`). Followers are notified after a commit
//! (`watch`), and durable consumers keep their place in the file (`consumers`).
//!
//! Events are applied in their order (`replay`, `rows`, `value`), whatever columns the table had at
//! their time (`versions`): to compare them with the tables (`verify`, `compare`), to make a database
//! of them alone (`rebuild`) and to read the tables as they were (`as_of`).
//!
//! Between requests the writer writes events of the rows that were there before (`baseline`), seals
//! events in a chain (`seal`) and removes old ones (`retain`). Content that must go is redacted
//! (`redact`) and scrubbed from the file (`scrub`). When a file is opened its triggers are looked at
//! (`intact`).

pub(crate) mod as_of;
mod baseline;
mod compare;
mod consumers;
mod context;
mod digest;
mod follow;
mod intact;
mod keys;
mod layout;
mod names;
pub(crate) mod read;
mod rebuild;
mod redact;
mod removed;
mod replay;
mod retain;
mod rewritten;
mod rows;
pub(crate) mod scrub;
mod seal;
mod sync;
mod triggers;
mod value;
mod verify;
mod versions;
mod watch;

pub use baseline::{is_pending, Baseline, BaselineChunk};
pub(crate) use baseline::{pending_baselines, rows_of};
pub use compare::RowDifference;
pub(crate) use consumers::{save, SAVE_CONSUMER};
pub(crate) use context::{check_positions, RequestRow};
pub use follow::enable;
pub(crate) use follow::{around, differs, follow, name_for, renew, spec_of};
pub(crate) use intact::{broken, is_as_written_now};
pub(crate) use keys::of_values as key_of_values;
pub(crate) use layout::{head, install, not_journaled, renew_epoch};
pub use layout::{identity, is_installed, Identity};
pub use read::compile_read;
pub use rebuild::{rebuild, Rebuilt};
pub use redact::{redact, Redacted, Redaction};
pub use retain::{Retained, Retaining, Retention};
pub(crate) use rewritten::Before;
pub use seal::{
    seal, sealed, verify_chain, ChainFault, ChainProblem, ChainReport, PROBLEMS, STRETCH,
};
pub(crate) use triggers::triggers;
pub use verify::{verify, Verified};
pub(crate) use watch::JournalWatch;
