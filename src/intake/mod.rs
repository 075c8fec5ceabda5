//! The doors: each hands raw bytes to the desk and tells the sender "taken" only after the desk said so.
//!
//! Doors know nothing of campaigns, topics or tickets, and nothing of one another. `files` only reads; what its mails
//! become is the command's business.

pub mod connector;
pub mod files;
pub mod form;
pub mod imap;
pub mod lmtp;
pub mod one_tap;
pub mod partners;
pub mod rehearsal;
pub mod signature;
pub mod webhook;
