//! The integration tests: one binary, real servers in temporary folders on free loopback ports.
#![allow(clippy::unwrap_used)]

mod cli;
mod conversations;
mod daemon;
mod deliver;
mod desk;
mod harness;
mod imap;
mod imap_many;
mod imap_oauth;
mod imap_proxy;
mod imap_rogue;
mod journey;
mod keys;
mod lmtp;
mod operations;
mod plans;
mod rules;
mod servers;
mod smtp;
mod sources;
mod store;
mod talk;
mod telling;
mod verify;
mod way_out;
mod web;
