//! The integration tests: one binary, real servers in temporary folders on free loopback ports.
#![allow(clippy::unwrap_used)]

mod daemon;
mod servers;
mod store;
mod web;
