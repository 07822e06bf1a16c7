//! The query language: plain data in [`ir`], SQL out of [`compile`], and the SQL
//! [`functions`] that this SQL needs on its connection.

pub mod compile;
mod decimal;
pub mod functions;
pub mod ir;
mod vocabulary;
