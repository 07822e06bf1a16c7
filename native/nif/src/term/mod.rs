//! Terms to the engine's data and back.

pub mod decode;
pub mod encode;
pub mod raw;
