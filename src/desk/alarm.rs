//! The alarms: the desk's budget of automatic replies is spent and the breaker holds, a webhook or connector is disabled, or
//! something new is in quarantine. People must know, and keep knowing while it is so: in the log, in the metrics, in
//! `/readyz`; the log cries once, not with every mail.

use super::{Desk, unix_ms};
use crate::store;
use crate::store::breaker::Breaker;
use crate::store::queues::Queues;
use crate::store::settle::Settling;

/// At most one alarm over the quarantine in so long.
const QUARANTINE_MS: i64 = 60 * 60 * 1000;

/// What of the quarantine people have been told of.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    known: i64,
    latest: Option<i64>,
    told_at: Option<i64>,
}

impl Quarantine {
    /// Sounds the alarm when there is something new, at most once an hour.
    pub(super) fn watch(&mut self, queues: &Queues, now: i64) {
        if self.is_due(queues, now) {
            tracing::error!(
                quarantined = queues.quarantined,
                "something is in quarantine; look with `deskclerk quarantine list`, then replay or drop it"
            );
            metrics::counter!("deskclerk_quarantine_alarms_total").increment(1);
        }
    }

    fn is_due(&mut self, queues: &Queues, now: i64) -> bool {
        let fresh = queues.quarantined > self.known || queues.quarantined_latest > self.latest;
        let quiet = self.told_at.is_none_or(|told| now.saturating_sub(told) >= QUARANTINE_MS);
        if !fresh || queues.quarantined == 0 {
            // What was decided on counts no longer: the next one is new again.
            self.known = self.known.min(queues.quarantined);
            return false;
        }
        if quiet {
            *self = Quarantine { known: queues.quarantined, latest: queues.quarantined_latest, told_at: Some(now) };
        }
        quiet
    }
}

impl Desk {
    /// Trips the breaker, in the transaction that found the budget spent.
    pub(super) async fn trip(&self, settling: &mut Settling, now: i64) -> Result<Breaker, store::Error> {
        let replies = &self.config.replies;
        let breaker = Breaker {
            tripped_at: now,
            holds_until: now + i64::from(replies.breaker_minutes) * 60_000,
            because: format!("{} automatic replies went out within the hour", replies.per_desk_per_hour),
        };
        settling.trip(&breaker).await?;
        Ok(breaker)
    }

    /// Sounds the alarm; after the commit, or it would cry for nothing.
    pub(super) fn alarm(&self, breaker: Breaker) {
        tracing::error!(
            minutes = self.config.replies.breaker_minutes,
            because = breaker.because,
            "the breaker has tripped: no automatic reply is sent; look for a loop, then `deskclerk outbox resume`"
        );
        metrics::counter!("deskclerk_breaker_trips_total").increment(1);
        self.show_breaker(Some(breaker));
    }

    /// Looks how it stands: another node may have tripped it, an operator may have resumed.
    pub(super) async fn watch_breaker(&self) {
        if let Ok(breaker) = self.store.breaker(unix_ms()).await {
            if self.breaker.load().is_some() && breaker.is_none() {
                tracing::warn!("the breaker holds no longer: automatic replies are sent again");
            }
            self.show_breaker(breaker);
        }
    }

    /// Sounds the alarm over an endpoint that gets nothing any more.
    pub fn endpoint_disabled(&self, name: &str, because: &str) {
        tracing::error!(
            name,
            because,
            "the endpoint is disabled; what comes for it is a dead letter, see `deskclerk outbox`"
        );
        metrics::counter!("deskclerk_endpoints_disabled_total", "endpoint" => name.to_owned()).increment(1);
    }

    /// Looks how the endpoints are: another node may have disabled one, an operator may have enabled it.
    pub(super) async fn watch_endpoints(&self) {
        if let Ok(found) = self.store.endpoints_in_trouble().await {
            let webhooks = self.config.webhook.iter().map(|webhook| &webhook.name);
            for name in webhooks.chain(self.config.connector.iter().map(|connector| &connector.name)) {
                let trouble = found.iter().find(|endpoint| endpoint.name == *name);
                let level = trouble.map_or(0.0, |trouble| if trouble.disabled_at.is_some() { 2.0 } else { 1.0 });
                metrics::gauge!("deskclerk_endpoint_trouble", "endpoint" => name.clone()).set(level);
            }
            self.endpoints.store(std::sync::Arc::new(found));
        }
    }

    fn show_breaker(&self, breaker: Option<Breaker>) {
        metrics::gauge!("deskclerk_breaker_holds").set(if breaker.is_some() { 1.0 } else { 0.0 });
        self.breaker.store(std::sync::Arc::new(breaker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quarantine_cries_once_and_again_only_for_something_new() {
        let mut watched = Quarantine::default();
        let minute = 60_000;
        for (at, quarantined, latest, expected) in [
            (0, 0, None, false),
            (1, 1, Some(1), true),
            (2, 1, Some(1), false),
            (3, 5, Some(3), false),
            (61, 5, Some(3), true),
            (62, 0, None, false),
            (122, 0, None, false),
            (123, 1, Some(3), true),
            (500, 1, Some(3), false),
        ] {
            let queues = Queues { quarantined, quarantined_latest: latest, ..Queues::default() };
            assert_eq!(watched.is_due(&queues, at * minute), expected, "minute {at}");
        }
    }
}
