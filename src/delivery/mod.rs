//! Delivery: what the outbox holds goes out, by SMTP or into a folder.
//!
//! Sends nothing that was not in the outbox first, and marks as sent only what the other side has taken. A crash between
//! the two repeats a mail with the Message-ID it had before; nothing is lost.

pub mod mail;

mod dkim;
mod folder;
mod smtp;
pub mod trial;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::config::settings::Config;
use crate::desk::{Desk, unix_ms};
use crate::store;
use crate::store::outbox::{Kind, Outgoing};

/// How long a claim stands unless it is renewed: so long do the mails of a node that died wait for another one.
const LEASE: Duration = Duration::from_secs(60);
/// How often what is held is claimed anew. A slow server may take many minutes over one mail.
const RENEW: Duration = Duration::from_secs(15);
/// How long a result waits for a store that is out of reach.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Rows claimed at once, for each connection: a claim costs the disk as much as a mail.
const AHEAD: usize = 16;
/// Looks for rows whose next try is due.
const LOOK: Duration = Duration::from_secs(2);
/// How long a shutdown waits for mails on the wire.
const DRAIN: Duration = Duration::from_secs(6);
/// Tries before a row is given up: with [`back_off`] a little over four days (RFC 5321 §4.5.4.1).
const TRIES: i64 = 110;

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has taken it.
    Sent,
    /// Not now, or nobody knows: again later.
    Retry {
        /// Why, readable, without secrets.
        error: String,
    },
    /// Never: agents see it.
    Dead {
        /// Why, readable, without secrets.
        error: String,
    },
}

/// The ways out for mail.
enum Way {
    Smtp(Box<smtp::Smtp>),
    Folder(PathBuf),
}

impl Way {
    fn of(config: &Config) -> Option<Way> {
        if !config.smtp.folder.as_os_str().is_empty() {
            return Some(Way::Folder(config.smtp.folder.clone()));
        }
        let host = !config.smtp.host.is_empty();
        host.then(|| Way::Smtp(Box::new(smtp::Smtp::new(config.smtp.clone(), &config.desk.address))))
    }

    async fn send(&self, outgoing: &Outgoing) -> Delivery {
        if outgoing.kind == Kind::Post {
            return Delivery::Dead { error: "no outgoing webhook is configured".into() };
        }
        match self {
            Way::Smtp(smtp) => smtp.send(outgoing).await,
            Way::Folder(folder) => folder::write(folder, outgoing),
        }
    }
}

/// Makes ready to send, without a connection: what key or certificate cannot be used.
pub async fn prove(config: &Config) -> Result<(), String> {
    match Way::of(config) {
        Some(Way::Smtp(smtp)) => smtp.prove().await,
        _ => Ok(()),
    }
}

/// Sends what is due until `cancel`; then finishes what is on the wire, within a deadline. Without a way out (no
/// `smtp.host`, no `smtp.folder`) everything waits in the outbox.
pub async fn run(desk: Arc<Desk>, cancel: CancellationToken) {
    let Some(way) = Way::of(&desk.config).map(Arc::new) else {
        tracing::warn!("smtp.host is empty: replies wait in the outbox");
        return cancel.cancelled().await;
    };
    let places = desk.config.smtp.connections.max(1) as usize;
    let mut sending: JoinSet<(Outgoing, Delivery)> = JoinSet::new();
    let mut claimed = VecDeque::new();
    let mut done: Vec<(Outgoing, Delivery)> = vec![];
    // Fences by id of all rows that are claimed and not yet recorded.
    let mut held = BTreeMap::new();
    let mut renew = tokio::time::interval_at(Instant::now() + RENEW, RENEW);
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut more = true;
    while !cancel.is_cancelled() {
        if more && claimed.len() < places {
            let rows = claim(&desk, places * AHEAD).await;
            more = rows.len() == places * AHEAD;
            held.extend(rows.iter().map(|row| (row.id.clone(), row.fence)));
            claimed.extend(rows);
        }
        while sending.len() < places
            && let Some(outgoing) = claimed.pop_front()
        {
            let way = Arc::clone(&way);
            let span = tracing::info_span!("send", ticket.id = outgoing.ticket_id, outgoing.id);
            let send = async move {
                let delivery = way.send(&outgoing).await;
                (outgoing, delivery)
            };
            sending.spawn(send.instrument(span));
        }
        // The wire is busy while the results of before are written, all in one transaction.
        for (row, _) in &done {
            held.remove(&row.id);
        }
        record(&desk, std::mem::take(&mut done)).await;
        tokio::select! {
            Some(ended) = sending.join_next() => {
                done.extend(ended);
                while let Some(ended) = sending.try_join_next() {
                    done.extend(ended);
                }
            }
            () = desk.outbox_wake.notified() => more = true,
            () = tokio::time::sleep(LOOK) => more = true,
            _ = renew.tick() => {
                if let Err(error) = desk.store.outbox_lease(&held, unix_ms() + LEASE.as_millis() as i64).await {
                    tracing::warn!(%error, "what is being sent could not be claimed anew");
                }
            }
            () = cancel.cancelled() => {}
        }
    }
    let unsent = claimed.into_iter().map(|row: Outgoing| (row.id, row.fence)).collect();
    if let Err(error) = desk.store.outbox_lease(&unsent, 0).await {
        tracing::warn!(%error, "rows that were claimed and not sent go when their lease runs out");
    }
    let all = async {
        while let Some(ended) = sending.join_next().await {
            done.extend(ended);
            record(&desk, std::mem::take(&mut done)).await;
        }
        record(&desk, std::mem::take(&mut done)).await;
    };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!("mails on the wire were cut off; they go again with the Message-IDs they had");
    }
    if let Way::Smtp(smtp) = way.as_ref() {
        let _ = tokio::time::timeout(Duration::from_secs(2), smtp.close()).await;
    }
}

async fn claim(desk: &Desk, limit: usize) -> Vec<Outgoing> {
    match desk.store.claim_outbox(unix_ms(), LEASE.as_millis() as i64, limit as i64).await {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::error!(%error, "delivery waits for the store");
            tokio::time::sleep(Duration::from_secs(1)).await;
            vec![]
        }
    }
}

/// What is to be written down.
enum Outcome {
    Sent(Vec<Outgoing>),
    Retry(Outgoing, String),
    Dead(Outgoing, String),
}

/// Writes down what became of these rows, all that were sent in one transaction.
async fn record(desk: &Desk, done: Vec<(Outgoing, Delivery)>) {
    let mut sent = vec![];
    for (outgoing, delivery) in done {
        let (word, result) = match delivery {
            Delivery::Sent => {
                metrics::counter!("deskclerk_deliveries_total", "result" => "sent").increment(1);
                let waited = unix_ms().saturating_sub(outgoing.created_at).max(0) as f64 / 1000.0;
                metrics::histogram!("deskclerk_delivery_seconds").record(waited);
                tracing::info!(ticket.id = outgoing.ticket_id, outgoing.id, "sent");
                sent.push(outgoing);
                continue;
            }
            Delivery::Retry { error } if outgoing.attempts + 1 < TRIES => ("retry", Outcome::Retry(outgoing, error)),
            Delivery::Retry { error } | Delivery::Dead { error } => ("dead", Outcome::Dead(outgoing, error)),
        };
        metrics::counter!("deskclerk_deliveries_total", "result" => word).increment(1);
        if let Outcome::Retry(outgoing, error) | Outcome::Dead(outgoing, error) = &result {
            let why = without_addresses(error);
            tracing::warn!(ticket.id = outgoing.ticket_id, outgoing.id, why, result = word, "not sent");
        }
        write(desk, &result).await;
    }
    if !sent.is_empty() {
        write(desk, &Outcome::Sent(sent)).await;
    }
}

/// When the store is out of reach it is tried again for long: what was sent and is not recorded would be sent twice.
async fn write(desk: &Desk, result: &Outcome) {
    let begun = Instant::now();
    loop {
        let now = unix_ms();
        let written = match result {
            Outcome::Sent(sent) => desk.store.outbox_sent(sent, now).await,
            Outcome::Retry(outgoing, error) => {
                let wait = back_off(outgoing.attempts, rand::random()).as_millis() as i64;
                desk.store.outbox_retry(outgoing, now + wait, error).await.map(|()| 0)
            }
            Outcome::Dead(outgoing, error) => desk.bury(outgoing, error, now).await.map(|()| 0),
        };
        match written {
            Ok(0) => return,
            // Fenced off: somebody else has the row now and writes down his own result.
            Ok(lost) => return tracing::warn!(lost, "the lease of rows that were sent had run out"),
            Err(error @ store::Error::Conflict(_)) => return tracing::warn!(%error, "the lease ran out"),
            Err(error) if begun.elapsed() > PATIENCE => {
                return tracing::error!(%error, "a result could not be recorded; the mail goes again");
            }
            Err(error) => {
                tracing::error!(%error, "recording waits for the store");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// How long to wait after the failed try with this number, from 0: 15 s, doubling up to an hour, ±20 % so that many do
/// not come back at once. `jitter` is any number.
fn back_off(attempts: i64, jitter: u32) -> Duration {
    let doubled = 15u64 << attempts.clamp(0, 10);
    let base = doubled.min(3600) * 1000;
    let spread = base / 5 * 2 + 1;
    Duration::from_millis(base - base / 5 + u64::from(jitter) % spread)
}

/// Servers repeat the address in their refusals; logs hold none.
fn without_addresses(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').map(|word| if word.contains('@') { "(address)" } else { word }).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(attempts: i64, expected: (u64, u64)) {
        let waits = [0, 1, u32::MAX / 2, u32::MAX].map(|jitter| back_off(attempts, jitter).as_secs());
        for wait in waits {
            assert!((expected.0..=expected.1).contains(&wait), "try {attempts} waits {wait} s");
        }
    }

    #[test]
    fn waits_grow_to_an_hour() {
        check(0, (12, 18));
        check(1, (24, 36));
        check(5, (384, 576));
        check(8, (2880, 4320));
        check(TRIES, (2880, 4320));
        check(i64::MAX, (2880, 4320));
    }

    #[test]
    fn a_row_is_given_up_after_four_to_five_days() {
        let days = (0..TRIES).map(|attempts| back_off(attempts, 0).as_secs()).sum::<u64>() as f64 / 86_400.0;
        assert!((3.2..5.5).contains(&days), "{days}");
    }
}
