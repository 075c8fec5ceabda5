//! The patterns by which mail is read: attribution lines, header blocks, signatures, form labels, screening words.
//! They are data (`rules/reading/*.toml`, `rules/forms.toml`, `rules/screening.toml`), compiled here; never hard-coded.

use std::collections::BTreeMap;

use crate::config::fault::Fault;

/// All reading patterns, compiled.
#[derive(Debug, Default)]
pub struct Reading {}

impl Reading {
    /// Compiles the reading files of a rules folder (path below `rules/` → text); other files are ignored.
    pub fn compile(_files: &BTreeMap<String, String>) -> Result<Reading, Vec<Fault>> {
        Ok(Reading::default())
    }
}
