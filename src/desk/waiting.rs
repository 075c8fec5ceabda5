//! Tickets that wait for their customer: an open question is reminded of once, then the ticket goes to the agents as it is;
//! at once when the question cannot be delivered.
//!
//! Promises: at most one reminder and one hand-over a question, whatever the clock does; nothing outside opening hours;
//! a backlog (the desk was down, the clock leapt) goes out in small steps within half of the desk's budget, so that it
//! neither storms nor trips the breaker.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::answer::{self, Means};
use super::draft;
use super::notice::{self, Changed};
use super::{Desk, team, unix_ms};
use crate::reply::compose::{self, Kind};
use crate::reply::guard;
use crate::request::{Request, submitted};
use crate::store;
use crate::store::budgets::Spent;
use crate::store::outbox::{Outgoing, Reason, State};
use crate::store::settle::{Effect, NewEvent, NewOutgoing, OnTicket};
use crate::ticket::{INCOMPLETE, Status, Ticket, UNANSWERED, UNDELIVERED};
use crate::triage::CAMPAIGN_ID;

/// How often the desk looks for tickets that have waited long enough.
const LOOK: Duration = Duration::from_secs(30);
/// Tickets at a look: two thousand an hour.
const AT_A_LOOK: i64 = 16;
/// A reminder that no budget is left for comes back after so long.
const LATER_MS: i64 = 60 * 60 * 1000;
/// When the wall clock has moved so much against the monotonic one, somebody sets it, perhaps wrongly.
const LEAP: Duration = Duration::from_secs(10 * 60);
/// For so long nothing is done about waiting tickets then: time to set it right.
const AFTER_LEAP: Duration = Duration::from_secs(30 * 60);

impl Desk {
    /// Reminds and hands over, up to `limit` tickets. How many were dealt with. `now` is unix milliseconds.
    pub async fn chase(&self, now: i64, limit: i64) -> Result<usize, store::Error> {
        if !self.hours.is_open(now) {
            return Ok(0);
        }
        let sources = self.sources.load_full();
        let mut settling = self.store.settling(&[]).await?;
        let due = settling.due(now, limit).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let addresses: Vec<String> = due.iter().map(|ticket| ticket.requester_address.clone()).collect();
        let mut spent = settling.spent(&addresses, self.config.replies.per_desk_per_hour, now).await?;
        let means = self.means(&sources);
        let mut effects = vec![];
        for ticket in &due {
            let request = settling.last_request(ticket.id).await?.unwrap_or_default();
            let asked = Asked { unproven: settling.asked_unproven(ticket.id).await?, request: &request };
            effects.push(follow_up(ticket, asked, means, &mut spent, now));
        }
        let dealt = effects.len();
        settling.commit_effects(effects, now).await?;
        self.outbox_wake.notify_one();
        Ok(dealt)
    }

    /// Writes down that a row was refused for good. A ticket that waited for the answer to it goes to the agents.
    pub async fn bury(&self, outgoing: &Outgoing, error: &str, now: i64) -> Result<(), store::Error> {
        let sources = self.sources.load_full();
        let mut settling = self.store.settling(&[]).await?;
        settling.outbox_dead(outgoing, error, now).await?;
        let mut effects = vec![];
        if outgoing.reason == Reason::Question
            && let Some(before) = settling.ticket(outgoing.ticket_id).await?
            && before.status == Status::Waiting
        {
            let request = settling.last_request(before.id).await?.unwrap_or_default();
            effects.push(handed_over(&before, UNDELIVERED, &request, self.means(&sources), now));
        }
        settling.commit_effects(effects, now).await?;
        self.outbox_wake.notify_one();
        Ok(())
    }

    /// Takes out for good what was not sent. A question that nobody has been asked is not open: a ticket that waited for its
    /// answer goes to the agents, and what the customer writes next is no answer to it.
    pub async fn drop_outgoing(&self, id: &str, actor: &str, now: i64) -> Result<Outgoing, store::Error> {
        let sources = self.sources.load_full();
        let mut settling = self.store.settling(&[]).await?;
        let (outgoing, pending) = settling.drop_outgoing(id, actor, now).await?;
        let mut effects = vec![];
        if pending
            && outgoing.reason == Reason::Question
            && let Some(before) = settling.ticket(outgoing.ticket_id).await?
        {
            let means = self.means(&sources);
            let mut effect = match before.status {
                Status::Waiting => {
                    let request = settling.last_request(before.id).await?.unwrap_or_default();
                    handed_over(&before, "question_dropped", &request, means, now)
                }
                _ => effect(&before, next(&before, now), means, now),
            };
            if let OnTicket::Change(ticket, _) = &mut effect.ticket {
                ticket.asked.clear();
                ticket.offered.clear();
            }
            effects.push(effect);
        }
        settling.commit_effects(effects, now).await?;
        self.outbox_wake.notify_one();
        Ok(outgoing)
    }

    /// Chases until cancelled.
    pub(super) async fn keep_chasing(&self, cancel: &CancellationToken) {
        let mut before = (unix_ms(), Instant::now());
        let mut held_until = None;
        while !cancel.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = cancel.cancelled() => return,
            }
            let now = (unix_ms(), Instant::now());
            if leapt(now.0 - before.0, now.1 - before.1) {
                tracing::warn!("the clock was set; reminders wait half an hour for it to be right");
                held_until = Some(now.1 + AFTER_LEAP);
            }
            before = now;
            if held_until.is_some_and(|until| now.1 < until) || self.awaits_directory() {
                continue;
            }
            match self.chase(now.0, AT_A_LOOK).await {
                Ok(0) => {}
                Ok(tickets) => tracing::info!(tickets, "reminded of open questions, or handed them over"),
                Err(error) => tracing::error!(%error, "reminders wait for the store"),
            }
        }
    }
}

/// Whether the wall clock (milliseconds) moved otherwise than the monotonic one.
fn leapt(wall: i64, monotonic: Duration) -> bool {
    let monotonic = i64::try_from(monotonic.as_millis()).unwrap_or(i64::MAX);
    wall.saturating_sub(monotonic).unsigned_abs() > LEAP.as_millis() as u64
}

/// Whom the open question went to.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// He was not proven to have written.
    unproven: bool,
    /// What he wrote last.
    request: &'a Request,
}

impl Asked<'_> {
    /// Whoever posts, by a form or a partner's webhook, may type anybody's address: one mail is all that he can have sent
    /// there, and it was the question.
    fn posted(self) -> bool {
        let source = self.request.source.as_deref().unwrap_or_default();
        source == submitted::SOURCE || source.starts_with("hook:")
    }
}

/// What time makes of a ticket that has waited: a reminder, once; then the agents.
fn follow_up(ticket: &Ticket, asked: Asked<'_>, means: Means<'_>, spent: &mut Spent, now: i64) -> Effect {
    if ticket.reminded {
        let mut effect = handed_over(ticket, UNANSWERED, asked.request, means, now);
        say(&mut effect, ticket, Kind::HandOver, asked, means, spent, now);
        return effect;
    }
    let mut after = next(ticket, now);
    let by_desk = answer::facts(&ticket.requester_address, asked.unproven, means, spent).by_desk;
    if spent.held || by_desk.sent >= by_desk.most.div_ceil(2) {
        after.chase_at = Some(now + LATER_MS);
        return effect(ticket, after, means, now);
    }
    after.reminded = true;
    let rest = means.config.replies.hand_over_days.saturating_sub(means.config.replies.reminder_days);
    after.chase_at = (means.config.replies.hand_over_days > 0).then(|| means.hours.after(now, rest));
    let mut effect = effect(ticket, after, means, now);
    say(&mut effect, ticket, Kind::Reminder, asked, means, spent, now);
    effect
}

/// To the agents, with the reason as a flag, unless it is there with a draft; what was to be asked is withdrawn.
pub(super) fn handed_over(before: &Ticket, why: &'static str, request: &Request, means: Means<'_>, now: i64) -> Effect {
    let mut after = next(before, now);
    after.hand_over();
    if !after.missing.is_empty() {
        after.add_flag(INCOMPLETE);
    }
    after.add_flag(why);
    let waited = before.status == Status::Waiting;
    if !waited {
        // Its question is a draft, which nobody is asked any more.
        after.asked.clear();
        after.offered.clear();
    }
    // With the agents it is already, whose team was told.
    let team = waited.then(|| team::outgoing(&after, request, means)).flatten();
    let detail = json!({ "from": before.status, "to": after.status, "because": why });
    let mut effect = effect(before, after, means, now);
    effect.withdraw = true;
    effect.outgoing.extend(team);
    effect.events.extend(waited.then_some(NewEvent { actor: "desk", what: "status", detail }));
    effect
}

/// Adds a mail to the customer, or why there is none.
fn say(
    effect: &mut Effect,
    ticket: &Ticket,
    kind: Kind,
    asked: Asked<'_>,
    means: Means<'_>,
    spent: &mut Spent,
    now: i64,
) {
    // The mail goes to whom the question went: a contact is told the campaigns that it listed, in its order.
    let contact = !ticket.offered.is_empty() && means.directory.knows(&ticket.requester_address);
    let mut facts = compose::Facts::of(
        ticket.id,
        &means.config.desk.name,
        ticket.triage.tellable(),
        means.directory,
        &ticket.requester_address,
        contact,
    );
    let offered = facts.candidates.iter().map(|campaign| &campaign.id).eq(&ticket.offered);
    if !offered {
        facts.candidates.clear();
        facts.may_name_campaigns = false;
    }
    facts.taps =
        (kind == Kind::Reminder).then(|| draft::taps(ticket, ticket.questions, facts.candidates.len(), means, now));
    // Only what was asked for: an ID that nobody was asked for may be one that he is not told of.
    facts.missing.retain(|detail| detail != CAMPAIGN_ID || ticket.asked.contains(detail));
    let Asked { unproven, request } = asked;
    let known = guard::Facts {
        require_dmarc: unproven && means.config.requires_dmarc(),
        posted: asked.posted(),
        ..answer::facts(&ticket.requester_address, unproven, means, spent)
    };
    match guard::may_follow_up(&known).and_then(|()| answer::worded(kind, &facts, ticket, means)) {
        Ok(words) => {
            let state = means.state();
            let reason = if kind == Kind::Reminder { Reason::Reminder } else { Reason::HandOver };
            let outgoing = NewOutgoing { unproven, ..answer::outgoing(request, ticket, means, reason, state, &words) };
            answer::count(spent.of_mut(unproven), &ticket.requester_address, state);
            let what = match (state, kind) {
                (State::Draft, _) => "drafted",
                (State::Held, _) => "shadowed",
                (_, Kind::Reminder) => "reminded",
                _ => "handed_over",
            };
            let detail = json!({ "template": words.template, "language": words.language, "outgoing": outgoing.id });
            effect.events.push(NewEvent { actor: "desk", what, detail });
            effect.messages.extend((state == State::Queued).then(|| answer::sent(&outgoing, means.config)));
            effect.outgoing.push(outgoing);
        }
        Err(withheld) => effect.events.push(answer::withheld_event(kind, &withheld, spent)),
    }
}

fn next(ticket: &Ticket, now: i64) -> Ticket {
    Ticket { version: ticket.version + 1, updated_at: now, ..ticket.clone() }
}

fn effect(before: &Ticket, after: Ticket, means: Means<'_>, now: i64) -> Effect {
    let changed = Changed { before: Some(before), after: &after, message: None, reply: None, actor: "desk" };
    let outgoing = notice::outgoing(changed, means, now);
    Effect {
        ticket_id: Some(before.id),
        ticket: OnTicket::Change(Box::new(after), before.version),
        withdraw: false,
        messages: vec![],
        events: vec![],
        outgoing,
        bounced: None,
        alive: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed() {
        let hour = Duration::from_secs(3600);
        for (wall, monotonic, expected) in [
            (30_000, LOOK, false),
            (31_500, LOOK, false),
            (86_400_000, LOOK, true),
            (-86_400_000, LOOK, true),
            (3_600_000, hour, false),
            (i64::MIN, hour, true),
            (i64::MAX, Duration::ZERO, true),
        ] {
            assert_eq!(leapt(wall, monotonic), expected, "{wall} ms in {monotonic:?}");
        }
    }
}
