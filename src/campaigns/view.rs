//! The directory as somebody sees it who may know of some campaigns only: those that he is a contact of, and those that have
//! no contacts.
//!
//! What IDs look like is no secret, and is that of the whole directory; which there are, and what the others are called, is
//! never seen.

use std::ops::Deref;

use super::contacts::may_know;
use super::ids::Ids;
use super::{Campaign, Directory};

/// Who looks at which directory.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The directory.
    pub directory: &'a Directory,
    /// The address of who may see the campaigns of his accounts alone; `None`: all are seen.
    pub viewer: Option<&'a str>,
}

impl<'a> View<'a> {
    /// Whether this campaign is seen.
    pub fn sees(&self, row: u32) -> bool {
        sees(self.viewer, &self.directory.campaigns[row as usize])
    }

    /// The ids that are seen.
    pub fn ids(&self) -> SeenIds<'a> {
        SeenIds { ids: &self.directory.ids, viewer: self.viewer }
    }
}

fn sees(viewer: Option<&str>, campaign: &Campaign) -> bool {
    viewer.is_none_or(|address| may_know(address, campaign))
}

/// The ids of the campaigns that are seen, and the shapes of all.
#[derive(Debug, Clone, Copy)]
pub struct SeenIds<'a> {
    ids: &'a Ids,
    viewer: Option<&'a str>,
}

impl Deref for SeenIds<'_> {
    type Target = Ids;

    fn deref(&self) -> &Ids {
        self.ids
    }
}

impl SeenIds<'_> {
    /// See [`Ids::find`].
    pub fn find(&self, compact: &str, written: &str, campaigns: &[Campaign]) -> Option<u32> {
        self.ids.find(compact, written, campaigns).filter(|row| sees(self.viewer, &campaigns[*row as usize]))
    }

    /// See [`Ids::by_core`].
    pub fn by_core(&self, digits: &str, campaigns: &[Campaign]) -> Option<u32> {
        self.ids.by_core(digits, campaigns).filter(|row| sees(self.viewer, &campaigns[*row as usize]))
    }

    /// See [`Ids::near`].
    pub fn near(&self, unknown: &str, campaigns: &[Campaign]) -> Vec<(u32, f64)> {
        let mut near = self.ids.near(unknown, campaigns);
        near.retain(|(row, _)| sees(self.viewer, &campaigns[*row as usize]));
        near
    }
}
