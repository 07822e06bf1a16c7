//! The journal: every row change of a journaled table as an event, in the same commit.
//!
//! Triggers in the file write the events (`triggers`), so that every program that writes is
//! captured. They use functions of SQLite's own alone. The tables of the journal are made with the
//! first journaled table (`layout`) and told which tables are journaled after each change of the
//! schema (`sync`). Who wrote, and why, is set by the writer for each request (`context`).
//!
//! Events are applied in their order (`replay`, `rows`, `value`), whatever columns the table had at
//! their time (`versions`): to compare them with the tables (`verify`, `compare`), to make a database
//! of them alone (`rebuild`) and to read the tables as they were (`as_of`).

pub(crate) mod as_of;
mod compare;
mod context;
mod digest;
mod follow;
mod layout;
mod rebuild;
mod replay;
mod rows;
mod spec;
mod sync;
mod triggers;
mod value;
mod verify;
mod versions;

pub use as_of::{AsOf, Moment};
pub use compare::RowDifference;
pub use context::WriteContext;
pub(crate) use context::{check_positions, Context};
pub use follow::enable;
pub(crate) use follow::{around, differs, follow, name_for, renew, spec_of};
pub use layout::{identity, is_installed, Identity};
pub(crate) use layout::{install, not_journaled};
pub use rebuild::{rebuild, Rebuilt};
pub use spec::{EventOn, JournalEvent, JournalSpec, Subject};
pub(crate) use triggers::{is_journal_trigger, triggers};
pub use verify::{verify, Verified};
