//! The desk: the one place where the steps meet.

pub mod contract;
pub mod sources;
