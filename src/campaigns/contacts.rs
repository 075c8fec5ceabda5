//! Who may ask about which campaign: its contacts, by address or by domain.
//!
//! Says nothing of whether a sender is who he claims to be.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::Campaign;
use super::table::hash;

/// Whether this address is among a campaign's contacts, by address or by domain; a domain covers its subdomains.
pub fn on_account(address: &str, campaign: &Campaign) -> bool {
    let address = address.to_lowercase();
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let under = |of: &str| {
        let rest = domain.strip_suffix(of).filter(|_| !of.is_empty());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    campaign.contacts.iter().any(|contact| {
        let contact = contact.trim().to_lowercase();
        match contact.split_once('@') {
            Some(("", of)) => under(of),
            Some(_) => contact == address,
            None => under(&contact),
        }
    })
}

/// The contacts of all campaigns, each by the hash of its address or domain.
#[derive(Debug, Default)]
pub(super) struct Contacts {
    hashes: HashSet<u64, FixedState>,
}

impl Contacts {
    pub(super) fn build(campaigns: &[Campaign]) -> Contacts {
        let contacts = campaigns.iter().flat_map(|campaign| &campaign.contacts);
        let lower = contacts.map(|contact| contact.trim().to_lowercase());
        // `@b.example` is a domain, too.
        let keys = lower.map(|contact| contact.strip_prefix('@').map(str::to_owned).unwrap_or(contact));
        Contacts { hashes: keys.filter(|key| !key.is_empty()).map(|key| hash(key.as_bytes())).collect() }
    }

    /// Whether [`on_account`] holds of this address and any campaign.
    pub(super) fn hold(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let Some((_, domain)) = address.rsplit_once('@') else { return false };
        let above = domain.match_indices('.').map(|(at, _)| &domain[at + 1..]);
        let mut keys = [address.as_str(), domain].into_iter().chain(above);
        keys.any(|key| !key.is_empty() && self.hashes.contains(&hash(key.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_contacts_hold_whom_one_campaign_holds() {
        let contacts = ["Ann@Plum.example", "orchard.example", "@depot.example", ""].map(str::to_owned).to_vec();
        let campaign = Campaign { contacts, ..Campaign::default() };
        let all = Contacts::build(&[Campaign::default(), campaign.clone()]);
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
