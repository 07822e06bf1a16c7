//! The query language: plain data in [`ir`], SQL out of `compile`.

pub mod ir;
