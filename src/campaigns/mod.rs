//! Campaigns: the directory, and which of its campaigns a request is about.
//!
//! Campaign IDs decide; names are evidence only. Never guesses: a similarly named campaign without its ID is flagged.
//! Knows requests, never help topics or tickets; total, no I/O: sources hand in bytes that are already read.

mod address;
mod alike;
mod background;
mod check;
pub mod columns;
mod contacts;
mod contrast;
mod corrected;
mod denial;
mod excluded;
mod fit;
pub mod fold;
pub mod gap;
pub mod groups;
pub mod hints;
pub mod ids;
mod label;
mod letter;
mod likewise;
pub mod load;
mod meant;
pub mod named;
pub mod names;
mod near;
mod number;
mod placed;
mod places;
mod reading;
pub mod shape;
pub mod similar;
pub mod spelling;
mod spoken;
pub mod stated;
pub mod table;
mod taken_back;
mod treated;
mod twins;
pub mod verdict;
pub mod view;
pub mod zone;

use std::collections::HashSet;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use crate::request::Request;
use crate::request::evidence::Evidence;

pub use contacts::{may_know, on_account, on_accounts, sender_on_account};
pub use denial::DENIED;
pub use hints::Hints;
pub use view::View;

/// One campaign of the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// The Campaign ID as the directory spells it; unique.
    pub id: String,
    /// The campaign's name.
    pub name: String,
    /// The account that it belongs to.
    pub account: String,
    /// Addresses (`a@b.example`) and domains (`b.example`) of those who may ask about it.
    pub contacts: Vec<String>,
    /// Optional status, such as `active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Other names that customers use for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// How sure the desk is of the campaign; exactly one of these. Design §5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// One stated ID, known, nothing contradicts it.
    Confirmed,
    /// Several known IDs stated.
    Multiple,
    /// Stated, not in the directory; near misses and named campaigns are candidates.
    UnknownId,
    /// A known ID, but a different campaign is named.
    Conflict,
    /// No ID, one campaign meant beyond doubt.
    NameOnly,
    /// No ID, the name fits several similarly named campaigns.
    AmbiguousName,
    /// Neither ID nor name.
    NotStated,
    /// Said not to be campaign specific, or the topic is never about one. Only `triage` gives this one.
    NotApplicable,
}

/// A campaign that may be meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// 0 to 1; 1 is the name to the letter.
    pub score: f64,
    /// Why it may be meant.
    #[serde(default)]
    pub kind: Kind,
}

/// Why a campaign may be meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The text names it, or the customer has picked it.
    #[default]
    Named,
    /// Its ID is one edit away from the stated one, which the directory has not.
    NearMiss,
}

/// A campaign by id and name, as listed beside another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Named {
    /// What is shown of a campaign beside another.
    pub fn of(campaign: &Campaign) -> Named {
        Named { id: campaign.id.clone(), name: campaign.name.clone() }
    }
}

/// Which campaign a request is about, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identified {
    /// The verdict.
    pub status: Status,
    /// The stated ID of `confirmed`, `conflict` and `unknown_id`, as the directory spells it where it knows it.
    pub id: Option<String>,
    /// All stated IDs that count.
    pub ids: Vec<String>,
    /// Campaigns that may be meant: those that are named, then, for `unknown_id`, near misses, the likeliest first, which are
    /// never part of the verdict.
    pub candidates: Vec<Candidate>,
    /// Campaigns named like the one that is stated, or like those that are named.
    pub similar: Vec<Named>,
    /// Whether the sender is a contact of the account: of all campaigns that are stated, or, where no known one is, of any of
    /// the candidates. `None` when there are none, or nobody has said whose they are.
    pub sender_on_account: Option<bool>,
    /// The customer says that it is not about one campaign ("not campaign specific", "for the whole account", ID field "none").
    #[serde(default)]
    pub said_not_specific: bool,
    /// The text speaks of a campaign of the customer's without saying which ("my campaign").
    #[serde(default)]
    pub speaks_of_a_campaign: bool,
    /// What decided it, and what was seen and turned down (weight ≤ 0).
    pub evidence: Vec<Evidence>,
}

impl Identified {
    /// The candidates that the text names.
    pub fn named(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| candidate.kind == Kind::Named)
    }
}

/// The known campaigns, indexed. Built once, swapped whole.
#[derive(Debug, Default)]
pub struct Directory {
    campaigns: Vec<Campaign>,
    ids: ids::Ids,
    names: names::Names,
    similar: similar::Similar,
    contacts: contacts::Contacts,
}

impl Directory {
    /// Builds the indexes. Campaigns with an id seen before are dropped; loaders report them first.
    pub fn build(mut campaigns: Vec<Campaign>) -> Directory {
        let mut ids = ids::Ids::build(&campaigns);
        let doubled = |row: usize, campaign: &Campaign| ids.exact(&campaign.id, &campaigns) != Some(row as u32);
        if campaigns.iter().enumerate().any(|(row, campaign)| doubled(row, campaign)) {
            let mut seen = HashSet::new();
            campaigns.retain(|campaign| seen.insert(campaign.id.clone()));
            ids = ids::Ids::build(&campaigns);
        }
        let names = names::Names::build(&campaigns);
        let similar = similar::Similar::build(&campaigns, &names);
        let contacts = contacts::Contacts::build(&campaigns);
        Directory { campaigns, ids, names, similar, contacts }
    }

    /// The index over its names.
    pub fn names_index(&self) -> &names::Names {
        &self.names
    }

    /// How many campaigns.
    pub fn len(&self) -> usize {
        self.campaigns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.campaigns.is_empty()
    }

    /// The campaign with exactly this id.
    pub fn get(&self, id: &str) -> Option<&Campaign> {
        self.ids.exact(id, &self.campaigns).map(|row| &self.campaigns[row as usize])
    }

    /// All campaigns, in the directory's order.
    pub fn campaigns(&self) -> &[Campaign] {
        &self.campaigns
    }

    /// The shapes of the ids, most frequent first.
    pub fn shapes(&self) -> Vec<shape::Shape> {
        self.ids.shapes(&self.campaigns)
    }

    /// Whether this is written as ids of this directory are: letters and digits in their places, whichever they are. It says
    /// the same of an id that is there and of one that is not, so that strangers may be told.
    pub fn has_form_of_id(&self, written: &str) -> bool {
        let mut compact = String::with_capacity(written.len());
        fold::compact(written, &mut compact);
        self.is_empty() || (!compact.is_empty() && self.ids.form_known(&compact))
    }

    /// Whether this address may know of any campaign: as one of its contacts, or because nobody has said whose it is.
    pub fn knows(&self, address: &str) -> bool {
        self.contacts.hold(address)
    }

    /// Campaigns with names like this one's, without itself: those of its account first.
    pub fn similar(&self, id: &str) -> Vec<Named> {
        let Some(row) = self.ids.exact(id, &self.campaigns) else { return vec![] };
        self.similar_rows(&[row], usize::MAX)
    }

    /// Groups of similarly named campaigns, the largest risk first: all, or those that hold this campaign; from this one on.
    pub fn similar_groups<'a>(&'a self, of: Option<&str>, from: usize) -> impl Iterator<Item = groups::Group> + 'a {
        let row = of.map(|id| self.ids.exact(id, &self.campaigns).unwrap_or(u32::MAX));
        self.similar.listed(row).skip(from).map(|group| self.similar.group(group, &self.campaigns, &self.names))
    }

    /// How many groups there are.
    pub fn similar_groups_count(&self) -> usize {
        self.similar.count()
    }

    /// Campaigns with names like those of these rows, without themselves.
    fn similar_rows(&self, rows: &[u32], most: usize) -> Vec<Named> {
        let mut seen: HashSet<u32, FixedState> = rows.iter().copied().collect();
        let others = rows.iter().flat_map(|row| self.similar.others(*row).take(most));
        let others = others.filter(|other| seen.insert(*other)).take(most);
        others.map(|other| Named::of(&self.campaigns[other as usize])).collect()
    }
}

/// Which campaign this request is about. Cost depends on the text, not on the size of the directory.
pub fn identify(request: &Request, directory: &Directory, hints: &Hints) -> Identified {
    verdict::identify(request, View { directory, viewer: None }, hints, false)
}

/// The same in view of some campaigns only. `answers`: the request answers our question for the Campaign ID, and a number
/// that might be one is meant as one.
pub fn identify_in(request: &Request, view: View<'_>, hints: &Hints, answers: bool) -> Identified {
    let mut identified = verdict::identify(request, view, hints, answers);
    if view.viewer.is_some() {
        let seen = |named: &Named| view.directory.ids.exact(&named.id, &view.directory.campaigns);
        identified.similar.retain(|named| seen(named).is_some_and(|row| view.sees(row)));
    }
    identified
}
