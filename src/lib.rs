//! Deskclerk: the clerk at a support desk. This file is the map of the house.
//!
//! # The journey of a message
//! A *door* (`intake`) hands raw bytes to the *store*; only when they are durable is the sender told so. The *desk*
//! claims the submission, reads it into a *request*, screens it (automated? loop? duplicate?), finds the ticket it
//! answers, *triages* it over everything that ticket knows, and writes ticket change and outbox in one transaction.
//! *Delivery* sends what the outbox holds. Agents see it all through `web`.
//!
//! # The import rule
//! The modules below stand in reading order; each may use only what stands above it. `tests/house.rs` enforces it.
//!
//! # Invariants
//! - From `request` to `reply` there is no I/O, no clock, no randomness: time is an argument, bad input yields a value
//!   plus oddities, never a panic.
//! - Nothing is acknowledged before it is durable; nothing is sent that was not in the outbox first.
//! - Nothing is guessed: without a Campaign ID the campaign stays unset until the customer or an agent says which.
//! - The edges (`intake`, `delivery`, `web`) never use one another.

pub mod config;

pub mod request;

pub mod campaigns;

pub mod rules;

pub mod triage;

pub mod ticket;

pub mod reply;

pub mod store;

pub mod desk;

pub mod intake;

pub mod delivery;

pub mod web;

pub mod daemon;

pub mod cli;
