//! Who may ask about which campaign: its contacts, by address or by domain.
//!
//! Says nothing of whether a sender is who he claims to be.

use std::collections::HashSet;

use foldhash::fast::FixedState;
use unicode_normalization::char::is_combining_mark;

use super::table::hash;
use super::{Campaign, Directory, Identified, Status};

/// A contact as it is compared: an address, or a domain, written with or without an `@` before it.
fn key(contact: &str) -> String {
    let contact = contact.trim().to_lowercase();
    contact.strip_prefix('@').map(str::to_owned).unwrap_or(contact)
}

/// The contacts that an address in lower case is covered by: itself, its domain and the domains above.
fn covering(address: &str) -> impl Iterator<Item = &str> {
    let domain = address.rsplit_once('@').map(|(_, domain)| domain);
    let above = domain.into_iter().flat_map(|domain| domain.match_indices('.').map(|(at, _)| &domain[at + 1..]));
    domain.map(|_| address).into_iter().chain(domain).chain(above).filter(|key| !key.is_empty())
}

/// Whether a contact may stand for anybody: it is an address, or a domain, which has a dot.
pub(super) fn usable(contact: &str) -> bool {
    let key = key(contact);
    let (local, domain) = key.rsplit_once('@').unwrap_or(("anybody", &key));
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@<>()[]:;,/\\\"".contains(c);
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_alphanumeric() || is_combining_mark(c) || matches!(c, '-' | '_'))
    };
    !local.is_empty() && !local.contains(odd) && domain.contains('.') && domain.split('.').all(label)
}

/// Whether this address is among a campaign's contacts, by address or by domain; a domain covers its subdomains.
pub fn on_account(address: &str, campaign: &Campaign) -> bool {
    let address = address.to_lowercase();
    campaign.contacts.iter().map(|contact| key(contact)).any(|contact| covering(&address).any(|by| by == contact))
}

/// Whether this address may know that there is this campaign: its contacts may, and everybody where nobody has said whose it
/// is.
pub fn may_know(address: &str, campaign: &Campaign) -> bool {
    open(campaign) || on_account(address, campaign)
}

/// Whether this address is a contact of all these campaigns; `None` where nobody has said whose any of them is.
pub fn on_accounts<'c>(address: &str, campaigns: impl IntoIterator<Item = &'c Campaign>) -> Option<bool> {
    let mut owned = campaigns.into_iter().filter(|campaign| !open(campaign)).peekable();
    owned.peek()?;
    Some(owned.all(|campaign| on_account(address, campaign)))
}

/// Whether this address is a contact of any of these campaigns; `None` where nobody has said whose any of them is.
fn on_any_account<'c>(address: &str, campaigns: impl IntoIterator<Item = &'c Campaign>) -> Option<bool> {
    let mut owned = campaigns.into_iter().filter(|campaign| !open(campaign)).peekable();
    owned.peek()?;
    Some(owned.any(|campaign| on_account(address, campaign)))
}

/// Whether this address is a contact of the account that a request is about: of all campaigns that are stated, or, where none
/// is known, of any that may be meant. `None`: there is none, or nobody has said whose they are.
pub fn sender_on_account(address: &str, identified: &Identified, directory: &Directory) -> Option<bool> {
    let known = |ids: &[String]| -> Vec<&Campaign> { ids.iter().filter_map(|id| directory.get(id)).collect() };
    match identified.status {
        Status::Confirmed | Status::Conflict => on_accounts(address, known(identified.id.as_slice())),
        Status::Multiple => on_accounts(address, known(&identified.ids)),
        Status::NotStated | Status::NotApplicable => None,
        Status::UnknownId | Status::NameOnly | Status::AmbiguousName => {
            let candidates = identified.candidates.iter().filter_map(|candidate| directory.get(&candidate.id));
            on_any_account(address, candidates)
        }
    }
}

/// Whether nobody has said whose this campaign is.
fn open(campaign: &Campaign) -> bool {
    campaign.contacts.iter().all(|contact| key(contact).is_empty())
}

/// The contacts of all campaigns, each by the hash of its address or domain.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    hashes: HashSet<u64, FixedState>,
    /// There are campaigns that everybody may know of.
    open: bool,
}

impl Contacts {
    pub(super) fn build(campaigns: &[Campaign]) -> Contacts {
        let contacts = campaigns.iter().flat_map(|campaign| &campaign.contacts);
        let keys = contacts.map(|contact| key(contact)).filter(|key| !key.is_empty());
        Contacts { hashes: keys.map(|key| hash(key.as_bytes())).collect(), open: campaigns.iter().any(open) }
    }

    /// Whether [`may_know`] holds of this address and any campaign.
    pub(super) fn hold(&self, address: &str) -> bool {
        self.open || covering(&address.to_lowercase()).any(|key| self.hashes.contains(&hash(key.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Hints, identify};
    use super::*;
    use crate::request::{Mailbox, Request};

    #[test]
    fn of_several_that_may_be_meant_one_is_enough() {
        let campaign = |id: &str, contact: &str| Campaign {
            id: id.into(),
            name: format!("Fair {id}"),
            contacts: [contact].into_iter().filter(|contact| !contact.is_empty()).map(str::to_owned).collect(),
            ..Campaign::default()
        };
        let directory = Directory::build(vec![
            campaign("50101", "plum.example"),
            campaign("50102", "orchard.example"),
            campaign("50103", ""),
        ]);
        let check = |address: &str, text: &str, expected: Option<bool>| {
            let from = Mailbox { name: None, address: address.into() };
            let request = Request { from, text: text.into(), ..Request::default() };
            let identified = identify(&request, &directory, Hints::shipped());
            assert_eq!(identified.sender_on_account, expected, "{address}: {text} {identified:?}");
        };
        // All three are near misses.
        let unknown = "Campaign ID 5010 is not running.";
        check("ann@orchard.example", unknown, Some(true));
        check("ann@stranger.example", unknown, Some(false));
        // One of two is somebody else's.
        let both = "Campaigns 50101 and 50102 are not running.";
        check("ann@orchard.example", both, Some(false));
        check("ann@orchard.example", "Thank you.", None);
        check("ann@orchard.example", "Campaign ID 50103 is not running.", None);
    }

    #[test]
    fn contacts_are_addresses_or_domains() {
        for contact in
            ["ann@plum.example", "Ann.O'Hara+x@plum.example", "@depot.example", " orchard.example", "bücher.example"]
        {
            assert!(usable(contact), "{contact}");
        }
        for contact in
            ["two words", "foo@", "@", "http://x", "https://x.example/", "Ann <ann@plum.example>", "plum", "a@plum"]
        {
            assert!(!usable(contact), "{contact}");
        }
    }

    #[test]
    fn all_contacts_hold_whom_one_campaign_holds() {
        let contacts = ["Ann@Plum.example", "orchard.example", "@depot.example", ""].map(str::to_owned).to_vec();
        let campaign = Campaign { contacts, ..Campaign::default() };
        let all = Contacts::build(std::slice::from_ref(&campaign));
        assert!(Contacts::build(&[Campaign::default(), campaign.clone()]).hold("x@stranger.example"));
        assert!(may_know("x@stranger.example", &Campaign::default()) && !may_know("x@stranger.example", &campaign));
        for (address, expected) in [
            ("ann@plum.example", true),
            ("ben@plum.example", false),
            ("x@orchard.example", true),
            ("x@shop.Orchard.example", true),
            ("x@notorchard.example", false),
            ("x@depot.example", true),
            ("x@example", false),
            ("orchard.example", false),
            ("", false),
        ] {
            assert_eq!((on_account(address, &campaign), all.hold(address)), (expected, expected), "{address}");
        }
    }
}
