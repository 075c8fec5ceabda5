//! What agents change of tickets, and what follows from it: the team that is to know, and other systems.
//!
//! Never asks a customer anything.

use std::collections::HashMap;

use super::notice::{self, Changed};
use super::{Desk, Means, team};
use crate::request::Request;
use crate::store;
use crate::store::changes::Wish;
use crate::store::merging::Merge;
use crate::store::settle::NewOutgoing;
use crate::ticket::change::{self, Change};
use crate::ticket::{Status, Ticket};

impl Desk {
    /// Makes an agent's changes of a ticket, all or none; see [`Store::change_ticket`](crate::store::Store::change_ticket).
    pub async fn change_ticket(
        &self,
        id: i64,
        version: i64,
        changes: Vec<Change>,
        actor: &str,
        now: i64,
    ) -> Result<Ticket, store::Error> {
        let sources = self.sources.load_full();
        let judged_by = change::Means { rules: &sources.rules, directory: &sources.directory };
        let wish = Wish { ticket: id, version, changes, actor, at: now };
        let follows = follows(self.means(&sources), actor, now);
        let changed = self.store.change_ticket(wish, judged_by, follows).await?;
        self.outbox_wake.notify_one();
        Ok(changed)
    }

    /// Merges two tickets; see [`Store::merge_tickets`](crate::store::Store::merge_tickets).
    pub async fn merge_tickets(&self, merge: Merge<'_>) -> Result<Ticket, store::Error> {
        let sources = self.sources.load_full();
        let judged_by = change::Means { rules: &sources.rules, directory: &sources.directory };
        let follows = follows(self.means(&sources), merge.actor, merge.at);
        let merged = self.store.merge_tickets(merge, judged_by, follows).await?;
        self.outbox_wake.notify_one();
        Ok(merged)
    }

    /// In place of each ticket that was merged stands the one that it went into: what comes in for it belongs there.
    pub async fn merged(&self, tickets: &mut HashMap<i64, Ticket>) -> Result<(), store::Error> {
        loop {
            let gone = tickets.iter().filter_map(|(id, ticket)| Some((*id, ticket.merged_into()?)));
            let gone: Vec<(i64, i64)> = gone.collect();
            if gone.is_empty() {
                return Ok(());
            }
            let kept = self.store.tickets(&gone.iter().map(|(_, into)| *into).collect::<Vec<_>>()).await?;
            for (id, into) in gone {
                match kept.get(&into) {
                    Some(ticket) => drop(tickets.insert(id, ticket.clone())),
                    None => drop(tickets.remove(&id)),
                }
            }
        }
    }
}

/// What is sent for an agent's change: to the team that the ticket has come to, and to other systems.
fn follows(means: Means<'_>, actor: &str, now: i64) -> impl Fn(&Ticket, &Ticket, Option<&Request>) -> Vec<NewOutgoing> {
    move |before, after, request| {
        let for_team = after.status == Status::Ready && (before.status != Status::Ready || before.route != after.route);
        let team = request.filter(|_| for_team).and_then(|request| team::outgoing(after, request, means));
        let changed = Changed { before: Some(before), after, message: None, reply: None, actor };
        team.into_iter().chain(notice::outgoing(changed, means, now)).collect()
    }
}
