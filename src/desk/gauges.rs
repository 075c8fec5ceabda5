//! The metrics: their list with its help, and the counting of what waits.
//!
//! Every name in `src` stands in [`LIST`] (a test reads the sources), and every one without labels of its own is there from
//! the start, so that alerts and dashboards never look at nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};
use tokio_util::sync::CancellationToken;

use super::{Desk, alarm, unix_ms};
use crate::store::queues::Queues;
use crate::store::submissions::Outcome;

/// How often the queues are counted.
const EVERY: Duration = Duration::from_secs(10);

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Seconds, in buckets.
    Histogram,
}

use Sort::{Counter, Gauge, Histogram};

/// All metrics.
pub const LIST: &[(&str, Sort, &str)] = &[
    ("deskclerk_build_info", Gauge, "1; the version is a label"),
    ("deskclerk_ready", Gauge, "1 when /readyz would say so"),
    ("deskclerk_submissions_total", Counter, "Submissions settled, by outcome and door"),
    ("deskclerk_submission_seconds", Histogram, "From a submission's coming in to its outcome"),
    ("deskclerk_submissions_pending", Gauge, "Submissions that are not settled"),
    ("deskclerk_submissions_pending_age_seconds", Gauge, "Age of the oldest submission that is not settled"),
    ("deskclerk_door_lag_seconds", Gauge, "Age of the oldest submission of a door that is not settled"),
    ("deskclerk_door_open", Gauge, "1 when mail can come in by this door, here or at another node"),
    ("deskclerk_quarantine", Gauge, "Submissions in quarantine that nobody has decided on"),
    ("deskclerk_quarantine_alarms_total", Counter, "Alarms for what is new in quarantine"),
    ("deskclerk_outbox_queued", Gauge, "Mails and posts to be sent"),
    ("deskclerk_outbox_age_seconds", Gauge, "How long the oldest of them has been due"),
    ("deskclerk_outbox_dead", Gauge, "Mails and posts refused for good that nobody has decided on"),
    ("deskclerk_outbox_drafts", Gauge, "Drafts that wait for an agent"),
    ("deskclerk_deliveries_total", Counter, "Tries to send, by result"),
    ("deskclerk_hooks_refused_total", Counter, "Posts of webhooks that were refused, by source and status"),
    ("deskclerk_endpoint_trouble", Gauge, "1 while a webhook or connector fails, 2 while it is disabled"),
    ("deskclerk_endpoints_disabled_total", Counter, "Alarms for webhooks and connectors that were disabled"),
    ("deskclerk_originals_lost_total", Counter, "How often an original was looked for that store.blobs has lost"),
    ("deskclerk_attachments_failed_total", Counter, "Attachments that posts named by URL and nobody could fetch"),
    ("deskclerk_delivery_seconds", Histogram, "From a mail's being written to its being sent"),
    ("deskclerk_replies_withheld_total", Counter, "Automatic replies that were not sent, by reason"),
    ("deskclerk_reply_budget", Gauge, "Automatic replies that the desk may send in an hour"),
    ("deskclerk_reply_budget_spent", Gauge, "Automatic replies of the past hour, to proven senders and to others"),
    ("deskclerk_breaker_holds", Gauge, "1 while the breaker holds all automatic replies back"),
    ("deskclerk_breaker_trips_total", Counter, "How often the breaker tripped"),
    ("deskclerk_tickets", Gauge, "Tickets that are waiting, ready or open"),
    ("deskclerk_rules_info", Gauge, "1; the version of the rules in force is a label"),
    ("deskclerk_rules_faults", Gauge, "Faults that keep the newest rules out of force"),
    ("deskclerk_rules_reload_total", Counter, "Looks at changed rules, by result"),
    ("deskclerk_directory_campaigns", Gauge, "Campaigns of the directory in force"),
    ("deskclerk_directory_last_success_timestamp", Gauge, "When the directory's source last gave it, unix seconds"),
    ("deskclerk_directory_refresh_total", Counter, "Looks at the directory's source, by result"),
    ("deskclerk_imap_up", Gauge, "1 while the mailbox is open"),
    ("deskclerk_imap_failures_total", Counter, "Connections to the mailbox that failed"),
    ("deskclerk_imap_mails_total", Counter, "Mails taken out of the mailbox, by result"),
    ("deskclerk_imap_unreadable_total", Counter, "Mails of the mailbox that could not be had"),
    ("deskclerk_imap_waiting", Gauge, "Mails seen in the mailbox and not yet stored"),
    ("deskclerk_imap_backlog", Gauge, "Mails of which so many wait, while they are taken in by and by; else 0"),
    ("deskclerk_imap_lease", Gauge, "1 while this process, and no other, reads the account"),
    (
        "deskclerk_imap_tokens_total",
        Counter,
        "Access tokens that the account's token endpoint was asked for, by result",
    ),
    ("deskclerk_imap_token_until_timestamp", Gauge, "Until when the account's access token is used, unix seconds"),
    ("deskclerk_imap_last_look_seconds", Gauge, "When the mailbox was last compared with the store, unix seconds"),
    ("deskclerk_lmtp_refused_total", Counter, "Mails that LMTP did not take, by reason"),
    ("deskclerk_http_requests_total", Counter, "HTTP requests, by route and class of status"),
    ("deskclerk_http_seconds", Histogram, "How long HTTP requests took"),
    ("deskclerk_retention_erased_total", Counter, "What [retention] erased: originals and tickets"),
    ("deskclerk_retention_last_run_timestamp", Gauge, "When [retention] last went through, unix seconds"),
];

/// Tells the recorder of all metrics, and starts those at zero that have no labels of their own.
pub fn declare() {
    for (name, sort, help) in LIST {
        match sort {
            Counter => describe_counter!(*name, *help),
            Gauge => describe_gauge!(*name, *help),
            Histogram => describe_histogram!(*name, *help),
        }
    }
    counter!("deskclerk_quarantine_alarms_total").absolute(0);
    counter!("deskclerk_originals_lost_total").absolute(0);
    counter!("deskclerk_breaker_trips_total").absolute(0);
    gauge!("deskclerk_retention_last_run_timestamp").set(0.0);
    for what in ["original", "ticket"] {
        counter!("deskclerk_retention_erased_total", "what" => what).absolute(0);
    }
    for result in ["sent", "retry", "dead"] {
        counter!("deskclerk_deliveries_total", "result" => result).absolute(0);
    }
}

impl Desk {
    /// Starts the counters of these doors at zero: a rate needs a first value.
    pub fn declare_doors<'a>(&self, doors: impl IntoIterator<Item = &'a str>) {
        for door in doors {
            for outcome in Outcome::ALL {
                let (outcome, source) = (outcome.as_str(), door.to_owned());
                counter!("deskclerk_submissions_total", "outcome" => outcome, "source" => source).absolute(0);
            }
        }
    }

    /// Counts what waits, until cancelled; sounds the alarm over what is new in quarantine.
    pub(super) async fn gauge(&self, cancel: &CancellationToken) {
        let mut quarantine = alarm::Quarantine::default();
        let mut lagged = BTreeSet::new();
        gauge!("deskclerk_reply_budget").set(f64::from(self.config.replies.per_desk_per_hour));
        while !cancel.is_cancelled() {
            let now = unix_ms();
            self.watch_breaker().await;
            self.watch_endpoints().await;
            match self.store.queues(now).await {
                Ok(queues) => {
                    show(&queues, &mut lagged, now);
                    quarantine.watch(&queues, now);
                    self.queues.store(std::sync::Arc::new(Some(queues)));
                }
                Err(error) => tracing::debug!(%error, "the queues cannot be counted"),
            }
            for (door, state) in self.doors.all() {
                gauge!("deskclerk_door_open", "door" => door).set(if state.open || state.elsewhere {
                    1.0
                } else {
                    0.0
                });
            }
            let ready = self.checks().await.iter().all(|check| check.ok || !check.needed);
            gauge!("deskclerk_ready").set(if ready { 1.0 } else { 0.0 });
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = cancel.cancelled() => {}
            }
        }
    }
}

/// `lagged`: the doors whose lag was shown before; one that has caught up lags no more.
fn show(queues: &Queues, lagged: &mut BTreeSet<String>, now: i64) {
    let age = |since: Option<i64>| since.map_or(0.0, |since| now.saturating_sub(since).max(0) as f64 / 1000.0);
    gauge!("deskclerk_submissions_pending").set(queues.pending as f64);
    gauge!("deskclerk_submissions_pending_age_seconds").set(age(queues.pending_since));
    lagged.extend(queues.doors.iter().map(|waiting| waiting.door.clone()));
    for door in lagged.iter() {
        let waiting = queues.doors.iter().find(|waiting| waiting.door == *door);
        let since = waiting.map(|waiting| waiting.since);
        gauge!("deskclerk_door_lag_seconds", "door" => door.clone()).set(age(since));
    }
    gauge!("deskclerk_quarantine").set(queues.quarantined as f64);
    gauge!("deskclerk_outbox_queued").set(queues.queued as f64);
    gauge!("deskclerk_outbox_age_seconds").set(age(queues.queued_due));
    gauge!("deskclerk_outbox_dead").set(queues.dead as f64);
    gauge!("deskclerk_outbox_drafts").set(queues.drafts as f64);
    gauge!("deskclerk_tickets", "status" => "waiting").set(queues.tickets_waiting as f64);
    gauge!("deskclerk_tickets", "status" => "ready").set(queues.tickets_ready as f64);
    gauge!("deskclerk_tickets", "status" => "open").set(queues.tickets_open as f64);
    gauge!("deskclerk_reply_budget_spent", "sender" => "proven").set(queues.replies_proven as f64);
    gauge!("deskclerk_reply_budget_spent", "sender" => "unproven").set(queues.replies_unproven as f64);
}
