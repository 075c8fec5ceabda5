//! Real servers for the tests: each in a temporary folder on a free loopback port, stopped by its process id.

pub mod postgres;
