//! One lane of delivery: claims its rows, sends some at once, writes down what became of them.
//!
//! Promises: never more at once than its places; a claim that somebody else has taken over meanwhile is left to him; an
//! endpoint that has failed for days, or wants no more, is disabled, once, with an alarm.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Delivery, Way};
use crate::desk::{Desk, unix_ms};
use crate::store;
use crate::store::outbox::{Lane, Outgoing};

/// How long a claim stands unless it is renewed: so long do the mails of a node that died wait for another one.
const LEASE: Duration = Duration::from_secs(60);
/// How often what is held is claimed anew. A slow server may take many minutes over one mail.
const RENEW: Duration = Duration::from_secs(15);
/// How long a result waits for a store that is out of reach.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Mails claimed at once, for each connection: a claim costs the disk as much as a mail.
const AHEAD: usize = 16;
/// The same of posts, which are slower.
const POSTS_AHEAD: usize = 4;
/// How long a result waits for others to be written down with: a commit costs the disk as much as a mail.
const GATHER: Duration = Duration::from_millis(20);
/// Looks for rows whose next try is due.
const LOOK: Duration = Duration::from_secs(2);
/// How long a shutdown waits for mails on the wire.
const DRAIN: Duration = Duration::from_secs(6);
/// Tries before a mail or a ticket for another help desk is given up: with [`back_off`] a little over four days (RFC 5321
/// §4.5.4.1).
const TRIES: i64 = 110;
/// Seconds until a post is tried again: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h.
const POST_WAITS: [u64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
/// The longest that the other side may put us off.
const PUT_OFF: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends what is due on this lane, `places` at once, until `cancel`.
pub async fn run(lane: Lane, way: Way, places: usize, desk: Arc<Desk>, wake: Arc<Notify>, cancel: CancellationToken) {
    let way = Arc::new(way);
    let ahead = places * if lane == Lane::Mail { AHEAD } else { POSTS_AHEAD };
    let mut sending: JoinSet<(Outgoing, Delivery)> = JoinSet::new();
    let mut claimed: VecDeque<Outgoing> = VecDeque::new();
    let mut done: Vec<(Outgoing, Delivery)> = vec![];
    // When the first of them is written down at the latest.
    let mut gathered = Instant::now();
    // Claims and writes down what came before, while the wire is busy.
    let mut claiming: JoinSet<Vec<Outgoing>> = JoinSet::new();
    let mut recording: JoinSet<()> = JoinSet::new();
    // Fences by id of all rows that are claimed and not yet recorded.
    let mut held = BTreeMap::new();
    let mut renew = tokio::time::interval_at(Instant::now() + RENEW, RENEW);
    renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut more = true;
    while !cancel.is_cancelled() {
        if !done.is_empty() && matches!(lane, Lane::Connector(_)) {
            // The next row of the same ticket may go only when this one is written down.
            for (row, _) in &done {
                held.remove(&row.id);
            }
            record(&desk, &lane, std::mem::take(&mut done)).await;
            more = true;
        }
        if more && claiming.is_empty() && claimed.len() < 2 * places {
            let (desk, lane) = (Arc::clone(&desk), lane.clone());
            claiming.spawn(async move { claim(&desk, &lane, ahead).await });
            more = false;
        }
        // What is sent and not yet written down goes again after a crash: it must not be much.
        while sending.len() < places
            && done.len() < 2 * places
            && let Some(outgoing) = claimed.pop_front()
        {
            let (way, desk) = (Arc::clone(&way), Arc::clone(&desk));
            let span = tracing::info_span!("send", ticket.id = outgoing.ticket_id, outgoing.id);
            let send = async move {
                let delivery = way.send(&desk, &outgoing).await;
                (outgoing, delivery)
            };
            sending.spawn(send.instrument(span));
        }
        let gathering = done.len() < places && !sending.is_empty() && Instant::now() < gathered;
        if recording.is_empty() && !done.is_empty() && !gathering {
            for (row, _) in &done {
                held.remove(&row.id);
            }
            let (desk, lane, results) = (Arc::clone(&desk), lane.clone(), std::mem::take(&mut done));
            recording.spawn(async move { record(&desk, &lane, results).await });
        }
        tokio::select! {
            Some(ended) = claiming.join_next() => {
                let rows = unwound(ended);
                more |= rows.len() == ahead;
                held.extend(rows.iter().map(|row| (row.id.clone(), row.fence)));
                claimed.extend(rows);
            }
            Some(ended) = recording.join_next() => unwound(ended),
            () = tokio::time::sleep_until(gathered), if gathering && !done.is_empty() => {}
            Some(ended) = sending.join_next() => {
                if done.is_empty() {
                    gathered = Instant::now() + GATHER;
                }
                done.extend(ended);
                while let Some(ended) = sending.try_join_next() {
                    done.extend(ended);
                }
            }
            () = wake.notified() => more = true,
            () = tokio::time::sleep(LOOK) => more = true,
            _ = renew.tick() => {
                if let Way::Smtp(smtp) = way.as_ref() {
                    smtp.tidy().await;
                }
                if let Err(error) = desk.store.outbox_lease(&held, unix_ms() + LEASE.as_millis() as i64).await {
                    tracing::warn!(%error, "what is being sent could not be claimed anew");
                }
            }
            () = cancel.cancelled() => {}
        }
    }
    while let Some(ended) = claiming.join_next().await {
        claimed.extend(unwound(ended));
    }
    let unsent = claimed.into_iter().map(|row: Outgoing| (row.id, row.fence)).collect();
    if let Err(error) = desk.store.outbox_lease(&unsent, 0).await {
        tracing::warn!(%error, "rows that were claimed and not sent go when their lease runs out");
    }
    let all = async {
        while recording.join_next().await.is_some() {}
        while let Some(ended) = sending.join_next().await {
            done.extend(ended);
            record(&desk, &lane, std::mem::take(&mut done)).await;
        }
        record(&desk, &lane, std::mem::take(&mut done)).await;
    };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!("mails on the wire were cut off; they go again with the Message-IDs they had");
    }
    if let Way::Smtp(smtp) = way.as_ref() {
        let _ = tokio::time::timeout(Duration::from_secs(2), smtp.close()).await;
    }
}

/// What a task came to. It is never cancelled: where it panicked, so does the lane.
fn unwound<T>(ended: Result<T, JoinError>) -> T {
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The webhook or connector of a lane.
pub fn name(lane: &Lane) -> Option<&String> {
    match lane {
        Lane::Mail => None,
        Lane::Webhook(name) | Lane::Connector(name) => Some(name),
    }
}

/// Claims rows to be sent. What is due for a disabled endpoint is buried instead.
async fn claim(desk: &Desk, lane: &Lane, limit: usize) -> Vec<Outgoing> {
    let claimed = async {
        let claimed = desk.store.claim_lane(lane, unix_ms(), LEASE.as_millis() as i64, limit as i64).await?;
        let Some(name) = name(lane).filter(|_| !claimed.is_empty()) else { return Ok(claimed) };
        let Some(because) = desk.store.disabled(name).await? else { return Ok(claimed) };
        let error = format!("{name} is disabled: {because}; `deskclerk outbox enable {name}`");
        for row in claimed {
            write(desk, lane, &Outcome::Dead(row, error.clone())).await;
        }
        Ok::<_, store::Error>(vec![])
    };
    match claimed.await {
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
    Retry(Outgoing, String, Option<Duration>),
    Dead(Outgoing, String),
}

/// Writes down what became of these rows, all that were sent in one transaction.
async fn record(desk: &Desk, lane: &Lane, done: Vec<(Outgoing, Delivery)>) {
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
            Delivery::Retry { error, after } if outgoing.attempts + 1 < tries(lane) => {
                failing(desk, lane, &error, None).await;
                ("retry", Outcome::Retry(outgoing, error, after))
            }
            Delivery::Retry { error, .. } | Delivery::Dead { error } => {
                failing(desk, lane, &error, None).await;
                ("dead", Outcome::Dead(outgoing, error))
            }
            Delivery::Gone { error } => {
                failing(desk, lane, &error, Some(&error)).await;
                ("dead", Outcome::Dead(outgoing, error))
            }
        };
        metrics::counter!("deskclerk_deliveries_total", "result" => word).increment(1);
        if let Outcome::Retry(outgoing, error, _) | Outcome::Dead(outgoing, error) = &result {
            let why = without_addresses(error);
            tracing::warn!(ticket.id = outgoing.ticket_id, outgoing.id, why, result = word, "not sent");
        }
        write(desk, lane, &result).await;
    }
    if !sent.is_empty() {
        write(desk, lane, &Outcome::Sent(sent)).await;
    }
}

/// When the store is out of reach it is tried again for long: what was sent and is not recorded would be sent twice.
async fn write(desk: &Desk, lane: &Lane, result: &Outcome) {
    let begun = Instant::now();
    loop {
        let now = unix_ms();
        let written = match result {
            Outcome::Sent(sent) => desk.store.outbox_sent(sent, now).await,
            Outcome::Retry(outgoing, error, after) => {
                let own = wait(lane, outgoing.attempts, rand::random());
                let wait = own.max(after.unwrap_or_default().min(PUT_OFF)).as_millis() as i64;
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

/// A try at an endpoint failed: when all have for so many days, or when it wants no more (`gone`), it is disabled.
async fn failing(desk: &Desk, lane: &Lane, error: &str, gone: Option<&str>) {
    let Some(name) = name(lane) else { return };
    let now = unix_ms();
    let days = i64::from(desk.config.egress.disable_after_days);
    let disabled = async {
        let since = desk.store.endpoint_failed(name, error, now).await?;
        let too_long = days > 0 && now - since >= days * 86_400_000;
        let because = match gone {
            Some(gone) => gone.to_owned(),
            None if too_long => format!("all tries have failed for {days} days; the last: {error}"),
            None => return Ok(None),
        };
        Ok::<_, store::Error>(desk.store.disable_endpoint(name, &because, now).await?.then_some(because))
    };
    match disabled.await {
        Ok(Some(because)) => desk.endpoint_disabled(name, &without_addresses(&because)),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, name, "how the endpoint is could not be written down"),
    }
}

fn tries(lane: &Lane) -> i64 {
    match lane {
        Lane::Webhook(_) => POST_WAITS.len() as i64 + 1,
        _ => TRIES,
    }
}

/// How long to wait after the failed try with this number, from 0. `jitter` is any number.
fn wait(lane: &Lane, attempts: i64, jitter: u32) -> Duration {
    match lane {
        Lane::Webhook(_) => {
            let waits = usize::try_from(attempts).ok().and_then(|n| POST_WAITS.get(n));
            spread(waits.copied().unwrap_or(36_000) * 1000, jitter)
        }
        _ => back_off(attempts, jitter),
    }
}

/// How long to wait after the failed try with this number, from 0: 15 s, doubling up to an hour, ±20 % so that many do
/// not come back at once. `jitter` is any number.
fn back_off(attempts: i64, jitter: u32) -> Duration {
    let doubled = 15u64 << attempts.clamp(0, 10);
    spread(doubled.min(3600) * 1000, jitter)
}

/// Milliseconds ±20 %.
fn spread(base: u64, jitter: u32) -> Duration {
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
    fn posts_keep_to_their_schedule() {
        let lane = Lane::Webhook("crm".into());
        assert_eq!(tries(&lane), 8);
        for (attempts, secs) in (0..).zip(POST_WAITS) {
            for jitter in [0, 1, 77, u32::MAX / 2, u32::MAX] {
                let got = wait(&lane, attempts, jitter).as_secs_f64() / secs as f64;
                assert!((0.8..=1.2).contains(&got), "try {attempts} waits {got} of {secs} s");
            }
        }
    }

    #[test]
    fn a_row_is_given_up_after_four_to_five_days() {
        let days = (0..TRIES).map(|attempts| back_off(attempts, 0).as_secs()).sum::<u64>() as f64 / 86_400.0;
        assert!((3.2..5.5).contains(&days), "{days}");
    }
}
