//! Everything that finding the places of a batch needs, from the store.
//!
//! A few queries a batch, whatever stands in it; writes nothing.

use std::collections::HashSet;
use std::hash::Hash;

use super::Desk;
use super::place::{self, Lookups};
use super::stage::{Item, Names, Stage};
use crate::store;

impl Desk {
    /// What is there that any of these may belong to.
    pub(super) async fn look_up(&self, items: &[Item]) -> Result<Lookups, store::Error> {
        let mut names = Names::default();
        let mut references = HashSet::new();
        let mut about = HashSet::new();
        let mut tickets = HashSet::new();
        let mut threads = HashSet::new();
        let mut senders = HashSet::new();
        for item in items {
            let Stage::Read(request, fingerprint) = &item.stage else { continue };
            threads.extend(place::thread(request));
            names.add(request, fingerprint);
            references.extend(place::referenced(request).cloned());
            if request.automated.is_some() {
                about.extend(place::about(request).cloned());
            }
            tickets.extend(place::named_tickets(request));
            if request.automated.is_none() && request.authentication.passes() {
                senders.insert(request.from.address.to_lowercase());
            }
        }
        references.extend(names.message_ids.iter().cloned());
        let seen = self.store.seen(&list(references), &names.fingerprints).await?;
        let sent = self.store.sent(&list(about)).await?;
        let threads = self.store.threads(&list(threads)).await?;
        tickets.extend(threads.values());
        tickets.extend(seen.iter().map(|seen| seen.ticket_id));
        tickets.extend(sent.iter().map(|sent| sent.ticket_id));
        let mut tickets = self.store.tickets(&list(tickets)).await?;
        self.merged(&mut tickets).await?;
        let waiting = self.store.waiting_for(&list(senders)).await?;
        Ok(Lookups { seen, sent, tickets, threads, waiting })
    }
}

pub(super) fn list<T: Eq + Hash>(set: HashSet<T>) -> Vec<T> {
    set.into_iter().collect()
}
