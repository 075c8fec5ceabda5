//! A fault in a file that a person wrote: where, what, and what to do about it.

use serde::Serialize;

/// A fault in a configuration, rules or directory file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[error("{file}{}: {message}; {remedy}", colon(*line))]
pub struct Fault {
    /// The file: relative to the folder that was read, its whole path where a desk tells of several.
    pub file: String,
    /// Line, from 1; 0, and none in JSON, when the fault is of the whole file.
    #[serde(skip_serializing_if = "is_whole")]
    pub line: usize,
    /// What is wrong, naming the key or value.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Whether this is the line of a whole file.
fn is_whole(line: &usize) -> bool {
    *line == 0
}

/// Line 0 is of the whole file and is not shown.
fn colon(line: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}") }
}
