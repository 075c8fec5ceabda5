//! The IMAP door: one task an account, a connection for each of its folders, reading each mail once.
//!
//! A mail counts as read when it stands in the store, under (door, UIDVALIDITY/UID); only then is it flagged, moved or
//! deleted on the server, and what a crash left unflagged is flagged at the next connect. `\Seen` says nothing here:
//! people open mails too. No mail, no server and no other mailbox can stop this one; it waits and comes back. Of several
//! processes on one store one reads the account.

mod after;
mod batch;
mod connect;
mod fetch;
mod guard;
mod lease;
pub mod look;
mod oauth;
mod sets;
mod wire;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::mailbox::Imap;
use crate::desk::{Desk, unix_ms};
use crate::store::cursors::Cursor;
pub use connect::prove;
use fetch::Fetched;
use lease::Lease;
use oauth::Tokens;
use wire::{Error, News, Wire};

/// The longest pause between two tries to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The shortest pause after a refused sign-in: many servers lock an account after a few.
const SIGN_IN_PAUSE: Duration = Duration::from_secs(30);
/// A connection that held so long was a good one.
const GOOD: Duration = Duration::from_secs(60);

/// How often it is tried to take over a mailbox that another process reads.
const TAKE_OVER: Duration = Duration::from_secs(3);

/// Reads one account, all its folders, until `cancel`. Returns for no other reason.
pub async fn run(settings: Imap, desk: Arc<Desk>, cancel: CancellationToken) {
    let tokens = Tokens::of(&settings, &desk.config.egress, Some(&desk.store)).map(Arc::new);
    let lease = Lease::of(settings.source(), desk.clone());
    let door = |(source, mailbox): (String, &str)| {
        let settings = Imap { mailbox: mailbox.to_owned(), ..settings.clone() };
        Door::new(source, settings, desk.clone(), tokens.clone())
    };
    let mut doors: Vec<Door> = settings.doors().into_iter().map(door).collect();
    doors.iter().for_each(|door| desk.doors.shut(&door.source, "connecting"));
    while !cancel.is_cancelled() {
        match lease.take().await {
            Ok(true) => {
                if let Some(tokens) = &tokens {
                    tokens.forget().await;
                }
                let held = cancel.child_token();
                tokio::join!(join_all(doors.iter_mut().map(|door| door.stay(&held))), lease.renew(&held));
                continue;
            }
            Ok(false) => doors.iter().for_each(|door| desk.doors.rest(&door.source)),
            Err(error) => doors.iter().for_each(|door| desk.doors.shut(&door.source, &error.to_string())),
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(TAKE_OVER) => {}
        }
    }
    lease.give_up().await;
}

/// How long to wait after so many failures in a row, the first being 1: doubling from one second, ±20 % so that a
/// server that comes back is not met by everybody at once. `jitter` is any number.
fn pause(error: &Error, failures: u32, jitter: u32) -> Duration {
    let shortest = if matches!(error, Error::SignIn(_) | Error::Denied(_)) { SIGN_IN_PAUSE } else { Duration::ZERO };
    let doubled = Duration::from_secs(1 << failures.saturating_sub(1).min(16));
    let base = doubled.max(shortest).min(LONGEST_PAUSE).as_millis() as u64;
    Duration::from_millis(base - base / 5 + u64::from(jitter) % (base / 5 * 2 + 1))
}

/// A mailbox and what is known of it. Outlives its connections.
struct Door {
    settings: Imap,
    desk: Arc<Desk>,
    tokens: Option<Arc<Tokens>>,
    /// `imap:NAME` or `imap:NAME/FOLDER`, the source of its submissions.
    source: String,
    cursor: Option<Cursor>,
    /// UIDs of this epoch that stand in the store.
    known: HashSet<u32>,
    /// UIDs that could not be had, and how often; so that one broken mail does not hold up the others.
    strikes: HashMap<u32, u32>,
    /// What has come over the wire and is being stored.
    under_way: Option<Fetched>,
}

impl Door {
    fn new(source: String, settings: Imap, desk: Arc<Desk>, tokens: Option<Arc<Tokens>>) -> Door {
        Door {
            settings,
            desk,
            tokens,
            source,
            cursor: None,
            known: HashSet::new(),
            strikes: HashMap::new(),
            under_way: None,
        }
    }

    /// Visits the mailbox again and again until `cancel`.
    async fn stay(&mut self, cancel: &CancellationToken) {
        let mut failures = 0;
        self.desk.doors.shut(&self.source, "connecting");
        loop {
            let begun = Instant::now();
            // The parser of server responses is not ours: should it panic, this mailbox alone starts over.
            let ended = AssertUnwindSafe(self.visit(cancel)).catch_unwind().await;
            metrics::gauge!("deskclerk_imap_up", "door" => self.source.clone()).set(0.0);
            if cancel.is_cancelled() {
                return;
            }
            let error = match ended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error,
                Err(_) => Error::Lost("the server sent what cannot be read".into()),
            };
            failures = if begun.elapsed() > GOOD { 1 } else { failures + 1 };
            let pause = pause(&error, failures, rand::random());
            tracing::warn!(door = self.source, %error, again_in_secs = pause.as_secs(), "the mailbox is out of reach");
            self.desk.doors.shut(&self.source, &error.to_string());
            metrics::counter!("deskclerk_imap_failures_total", "door" => self.source.clone()).increment(1);
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Connects and signs in. An access token that the server refuses is renewed once: it may have been taken back.
    async fn sign_in(&self) -> Result<Wire, Error> {
        let size_bytes = self.desk.config.bounds.size_bytes;
        let Some(tokens) = &self.tokens else { return connect::open(&self.settings, size_bytes, None).await };
        let access = tokens.access().await?;
        match connect::open(&self.settings, size_bytes, Some(&access.token)).await {
            Err(Error::SignIn(why)) if !access.fresh => {
                tracing::warn!(door = self.source, why, "the access token is refused; another one is asked for");
                let access = tokens.instead_of(&access.token).await?;
                connect::open(&self.settings, size_bytes, Some(&access.token)).await
            }
            opened => opened,
        }
    }

    /// One connection, from sign-in to its end.
    async fn visit(&mut self, cancel: &CancellationToken) -> Result<(), Error> {
        let opening = async {
            let mut wire = self.sign_in().await?;
            let name = sets::mailbox(&self.settings.mailbox)
                .ok_or_else(|| Error::Lost("imap.mailbox cannot be a mailbox's name".into()))?;
            let selected = wire.select(&name).await?;
            Ok::<_, Error>((wire, selected))
        };
        let (mut wire, selected) = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            opened = opening => opened?,
        };
        if selected.read_only {
            tracing::warn!(door = self.source, "the mailbox is read-only: mails are stored, but not flagged or moved");
        }
        self.enter(selected.uid_validity).await?;
        metrics::gauge!("deskclerk_imap_up", "door" => self.source.clone()).set(1.0);
        self.desk.doors.open(&self.source);
        tracing::info!(door = self.source, idle = wire.can("IDLE"), "the mailbox is open");
        let mut news = News::Time;
        while news != News::Stop && !cancel.is_cancelled() {
            match news {
                News::Mail => self.look_for_new(&mut wire, &selected, cancel).await?,
                _ => self.look_at_all(&mut wire, &selected, cancel).await?,
            }
            if !cancel.is_cancelled() {
                let (poll, idle) = (self.settings.poll_secs, self.settings.idle_secs);
                news = wire.wait(Duration::from_secs(poll), Duration::from_secs(idle), cancel).await?;
            }
        }
        wire.logout().await;
        Ok(())
    }

    /// Takes up the mailbox's epoch. In a new one every UID is new; mails that were read before are told by Message-ID
    /// and content when the desk settles them.
    async fn enter(&mut self, uid_validity: u32) -> Result<(), Error> {
        let store = &self.desk.store;
        let before = match self.cursor {
            Some(cursor) => Some(cursor),
            None => store.cursor(&self.source, &self.settings.mailbox).await?,
        };
        let cursor = match before {
            Some(cursor) if cursor.uid_validity == uid_validity => cursor,
            Some(cursor) => {
                tracing::warn!(door = self.source, "the server renumbered the mailbox (UIDVALIDITY); reading it anew");
                self.known.clear();
                self.strikes.clear();
                Cursor { uid_validity, last_uid: 0, ..cursor }
            }
            None => {
                // INTERNALDATE counts in seconds: what comes within this one is new.
                Cursor { uid_validity, last_uid: 0, baseline_at: unix_ms() / 1000 * 1000 }
            }
        };
        if before != Some(cursor) {
            store.keep_cursor(&self.source, &self.settings.mailbox, cursor, unix_ms()).await?;
        }
        self.cursor = Some(cursor);
        Ok(())
    }

    /// The ledger's key of a mail.
    fn key(&self, uid: u32) -> String {
        format!("{}/{uid}", self.epoch())
    }

    fn epoch(&self) -> u32 {
        self.cursor.map_or(0, |cursor| cursor.uid_validity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &Error, failures: u32, expected: (u64, u64)) {
        for jitter in [0, 7, u32::MAX / 2, u32::MAX] {
            let got = pause(error, failures, jitter).as_millis() as u64;
            assert!((expected.0..=expected.1).contains(&got), "failure {failures} waits {got} ms");
        }
    }

    #[test]
    fn pauses_grow_to_five_minutes() {
        let lost = Error::Lost(String::new());
        check(&lost, 1, (800, 1200));
        check(&lost, 4, (6400, 9600));
        check(&lost, 60, (240_000, 360_000));
        check(&Error::SignIn(String::new()), 1, (24_000, 36_000));
    }
}
