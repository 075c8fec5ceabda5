//! Retention: what is older than `[retention]` says is erased, in small batches, so that nothing else waits for it.
//!
//! Beside it the sweeper deletes what lies outside the database and is named by no row: what a crash has left there.
//! Never touches what is not settled, nor a ticket that is not done; off unless the operator sets it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Desk, unix_ms};
use crate::store;
use crate::store::erase::Trace;

/// How often it is gone through.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// Originals, and tickets, of one transaction.
const ORIGINALS: i64 = 100;
const TICKETS: i64 = 25;
/// Between two batches others have the store.
const BREATH: Duration = Duration::from_millis(50);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often orphans are looked for, first so long after the start, and how old they are at least: what is younger may be
/// about to be named.
const SWEEP: Duration = Duration::from_secs(6 * 60 * 60);
const SWEEP_FIRST: Duration = Duration::from_secs(5 * 60);
const ORPHAN_MS: i64 = 60 * 60 * 1000;

/// How far a pass has come: before these ids nothing is left to erase.
#[derive(Debug, Default)]
pub struct Pass {
    settled: String,
    quarantined: String,
}

impl Desk {
    /// Erases one batch of what is too old at `now` (unix milliseconds). How many things; 0: nothing is left.
    pub async fn retain(&self, pass: &mut Pass, now: i64) -> Result<usize, store::Error> {
        let retention = &self.config.retention;
        let before = |days: u32| (days > 0).then(|| now - i64::from(days) * DAY_MS);
        if let Some(until) = before(retention.closed_days) {
            let tickets = self.store.tickets_done_until(until, TICKETS).await?;
            let erased = self.store.erase_tickets(&tickets, Trace::Hash, now).await?;
            if erased.tickets > 0 {
                count("ticket", erased.tickets);
                count("original", erased.originals);
                return Ok(erased.tickets);
            }
        }
        let originals =
            [(retention.raw_days, false, &mut pass.settled), (retention.quarantine_days, true, &mut pass.quarantined)];
        for (days, quarantined, after) in originals {
            let Some(until) = before(days) else { continue };
            let originals = self.store.originals_until(until, quarantined, after, ORIGINALS).await?;
            if let Some(last) = originals.last() {
                after.clone_from(last);
            }
            if quarantined {
                let because = format!("in quarantine for {days} days: [retention] quarantine_days");
                for id in &originals {
                    self.store.reject_submission(id, &because, "desk", now).await?;
                }
            }
            let erased = self.store.erase_originals(&originals, Trace::Hash, now).await?;
            if erased > 0 {
                count("original", erased);
                return Ok(erased);
            }
        }
        Ok(0)
    }

    /// Deletes all orphans that are old enough at `now` (unix milliseconds). How many.
    pub async fn sweep(&self, now: i64) -> Result<usize, store::Error> {
        let mut swept = 0;
        for shelf in 0..=u8::MAX {
            swept += self.store.sweep(now - ORPHAN_MS, shelf).await?;
        }
        Ok(swept)
    }

    /// Sweeps again and again until cancelled.
    pub(super) async fn keep_sweeping(&self, cancel: &CancellationToken) {
        if !self.store.keeps_blobs() {
            return;
        }
        let mut pause = SWEEP_FIRST;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = SWEEP,
                () = cancel.cancelled() => return,
            }
            match self.sweep(unix_ms()).await {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "originals that no row names are gone"),
                Err(error) => tracing::error!(%error, "the sweeper waits"),
            }
        }
    }

    /// Goes through it again and again until cancelled.
    pub(super) async fn keep_retention(&self, cancel: &CancellationToken) {
        let retention = &self.config.retention;
        if retention.raw_days == 0 && retention.closed_days == 0 && retention.quarantine_days == 0 {
            return;
        }
        while !cancel.is_cancelled() {
            let (mut erased, mut pass) = (0, Pass::default());
            let pause = loop {
                match self.retain(&mut pass, unix_ms()).await {
                    Ok(0) => {
                        metrics::gauge!("deskclerk_retention_last_run_timestamp").set(unix_ms() as f64 / 1000.0);
                        break EVERY;
                    }
                    Ok(count) => erased += count,
                    Err(error) => {
                        tracing::error!(%error, "retention waits for the store");
                        break EVERY;
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(BREATH) => {}
                    () = cancel.cancelled() => return,
                }
            };
            if erased > 0 {
                tracing::info!(erased, "what was older than [retention] says is gone");
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => return,
            }
        }
    }
}

fn count(what: &'static str, number: usize) {
    metrics::counter!("deskclerk_retention_erased_total", "what" => what).increment(number as u64);
}
