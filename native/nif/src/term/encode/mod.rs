//! The engine's values, rows and outcomes as terms.

pub mod advice;
pub mod calendar;
pub mod external;
pub mod generated;
mod journal;
pub mod json;
pub mod options;
pub mod outcome;
mod recent;
pub mod rows;
pub mod size;
mod upkeep;
pub mod value;
