//! The rows of the matrix, by what they break.

pub mod endpoints;
pub mod kills;
pub mod load;
pub mod mailbox;
pub mod network;
pub mod poison;
pub mod power;
pub mod sending;
pub mod stores;
