//! The breaker's alarm: when the desk's budget of automatic replies is spent, people must know, and keep knowing while it
//! holds: in the log, in the metrics, in `/readyz`.

use super::{Desk, unix_ms};
use crate::store;
use crate::store::breaker::Breaker;
use crate::store::settle::Settling;

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

    fn show_breaker(&self, breaker: Option<Breaker>) {
        metrics::gauge!("deskclerk_breaker_holds").set(if breaker.is_some() { 1.0 } else { 0.0 });
        self.breaker.store(std::sync::Arc::new(breaker));
    }
}
