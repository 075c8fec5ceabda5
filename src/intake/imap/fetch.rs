//! Which mails are new, and their way into the store.
//!
//! What is new is found by comparing the server's UIDs with the ledger of what is stored, so that a mail missed once is
//! found at the next look. Mails come in batches bounded in number and bytes; those of a batch share a commit, and while
//! one batch comes over the wire the one before is committed. A mail that cannot be had is set aside and tried again
//! later, alone. A backlog, such as a mailbox of years at the first connect, is taken in at a pace, oldest first, and
//! what comes in meanwhile does not wait behind it.

use std::collections::HashSet;
use std::sync::Arc;

use async_imap::imap_proto::{AttributeValue, MessageSection, Response, SectionPath};
use jiff::civil::Date;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::batch::{BATCH_MAILS, Batch, Listed, Pace, batches};
use super::wire::{Error, Selected, Wire};
use super::{Door, sets};
use crate::config::mailbox::After;
use crate::desk::unix_ms;
use crate::store::cursors::Cursor;
use crate::store::submissions::{Envelope, Kind, New, Submitted};

/// UIDs in one SEARCH, so that its answer stays short in a mailbox with a million mails.
const SEARCH_SPAN: u32 = 50_000;
/// UIDs whose sizes are asked for at once.
const SIZES: usize = 1000;
/// So much of an oversized mail's header is kept.
const HEADER_BYTES: usize = 64 << 10;
/// So many new mails at once are a backlog.
const BACKLOG: usize = 1000;
/// After so many failures a mail is left alone until the daemon starts again.
const STRIKES: u32 = 5;

/// Mails that were asked for together.
pub(super) struct Fetched {
    uids: Vec<u32>,
    /// Nothing is to be done with them on the server.
    stays: bool,
    /// Those that came, on their way into the store.
    storing: JoinSet<(u32, Result<Submitted, crate::store::Error>)>,
    /// How the command ended.
    came: Result<(), Error>,
}

impl Door {
    /// Compares everything on the server with the ledger: what is not stored is fetched, what is stored but not yet
    /// flagged or moved is put right.
    pub(super) async fn look_at_all(
        &mut self,
        wire: &mut Wire,
        selected: &Selected,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        wire.command("NOOP", |_| {}).await?; // a search sees only what the server has told of before
        let present = all_uids(wire, selected.uid_next, self.settings.read_since).await?;
        self.learn(&present).await?;
        self.finish_old(wire, selected, &present).await?;
        let new: Vec<u32> = present.iter().copied().filter(|uid| !self.known.contains(uid)).collect();
        self.take_in(wire, selected, new, cancel).await?;
        metrics::gauge!("deskclerk_imap_last_look_seconds", "door" => self.source.clone())
            .set(unix_ms() as f64 / 1000.0);
        self.desk.doors.looked(&self.source);
        Ok(())
    }

    /// Fetches what came after the last mail that was seen.
    pub(super) async fn look_for_new(
        &mut self,
        wire: &mut Wire,
        selected: &Selected,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let from = self.cursor.map_or(1, |cursor| cursor.last_uid.saturating_add(1));
        let mut new = wire.uids(from, None, self.settings.read_since).await?;
        new.retain(|uid| !self.known.contains(uid));
        self.take_in(wire, selected, new, cancel).await
    }

    /// Brings the memory of what is stored in line with the mailbox.
    async fn learn(&mut self, present: &[u32]) -> Result<(), Error> {
        let there: HashSet<u32> = present.iter().copied().collect();
        self.known.retain(|uid| there.contains(uid));
        self.strikes.retain(|uid, _| there.contains(uid));
        let unsure: Vec<u32> = present.iter().copied().filter(|uid| !self.known.contains(uid)).collect();
        for chunk in unsure.chunks(4096) {
            let keys: Vec<String> = chunk.iter().map(|uid| self.key(*uid)).collect();
            let stored = self.desk.store.keys_known(&self.source, &keys).await?;
            let uids = chunk.iter().zip(&keys).filter(|(_, key)| stored.contains(*key)).map(|(uid, _)| *uid);
            self.known.extend(uids);
        }
        Ok(())
    }

    /// Fetches and stores these UIDs.
    async fn take_in(
        &mut self,
        wire: &mut Wire,
        selected: &Selected,
        new: Vec<u32>,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let taken = self.take_batches(wire, selected, new, cancel).await;
        // Whatever ended it: what came is stored, and what did not has failed.
        let last = self.under_way.take();
        taken.and(self.noted(last).await.map(drop))
    }

    /// Fetches and stores these UIDs, batch by batch: while one comes over the wire, the one before is committed.
    async fn take_batches(
        &mut self,
        wire: &mut Wire,
        selected: &Selected,
        mut new: Vec<u32>,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let mut highest = new.last().copied();
        // Those that failed before come last and alone: whatever is wrong with them hits nobody else.
        new.retain(|uid| self.strikes.get(uid).is_none_or(|strikes| *strikes < STRIKES));
        let (sound, doubtful): (Vec<u32>, Vec<u32>) = new.into_iter().partition(|uid| !self.strikes.contains_key(uid));
        let mut waiting = sound.len() + doubtful.len();
        let backlog = if waiting >= BACKLOG { waiting } else { 0 };
        let mut pace = Pace::new(if backlog > 0 { self.settings.backlog_per_minute } else { 0 });
        self.show(waiting, backlog);
        for chunk in sound.chunks(SIZES).chain(doubtful.chunks(1)) {
            let listed = list(wire, chunk).await?;
            // Listed by SEARCH and gone now: somebody moved it away. No strike.
            waiting -= chunk.len() - listed.len();
            for batch in batches(&listed, self.desk.config.bounds.size_bytes as u64, pace.most) {
                if pace.per_minute > 0 {
                    self.end(wire, selected).await?;
                    pace.wait(cancel).await;
                }
                if cancel.is_cancelled() {
                    return self.end(wire, selected).await;
                }
                self.fetch(wire, selected, batch).await?;
                pace.took(batch.mails().len());
                waiting -= batch.mails().len();
                self.show(waiting, backlog);
                if backlog > 0 {
                    highest = self.take_newer(wire, selected, highest).await?;
                }
            }
        }
        self.end(wire, selected).await?;
        self.show(0, 0);
        if let (Some(cursor), Some(highest)) = (self.cursor, highest)
            && highest > cursor.last_uid
        {
            let cursor = Cursor { last_uid: highest, ..cursor };
            self.desk.store.keep_cursor(&self.source, &self.settings.mailbox, cursor, unix_ms()).await?;
            self.cursor = Some(cursor);
        }
        Ok(())
    }

    /// Takes in, ahead of a backlog, what came in while it is worked off. Gives the highest UID seen.
    async fn take_newer(
        &mut self,
        wire: &mut Wire,
        selected: &Selected,
        highest: Option<u32>,
    ) -> Result<Option<u32>, Error> {
        wire.command("NOOP", |_| {}).await?;
        let Some(from) = highest.and_then(|highest| highest.checked_add(1)).filter(|_| wire.has_news()) else {
            return Ok(highest);
        };
        let new = wire.uids(from, None, self.settings.read_since).await?;
        for chunk in new.chunks(SIZES) {
            let listed = list(wire, chunk).await?;
            for batch in batches(&listed, self.desk.config.bounds.size_bytes as u64, BATCH_MAILS) {
                self.fetch(wire, selected, batch).await?;
            }
        }
        self.end(wire, selected).await?;
        Ok(new.last().copied().or(highest))
    }

    /// Tells how many mails wait, and of how many where they are taken in by and by.
    fn show(&self, waiting: usize, backlog: usize) {
        metrics::gauge!("deskclerk_imap_waiting", "door" => self.source.clone()).set(waiting as f64);
        metrics::gauge!("deskclerk_imap_backlog", "door" => self.source.clone()).set(backlog as f64);
        self.desk.doors.waiting(&self.source, waiting as u64, backlog as u64);
    }

    /// Asks for these mails, which are under way then, and ends those that were before.
    async fn fetch(&mut self, wire: &mut Wire, selected: &Selected, batch: Batch<'_>) -> Result<(), Error> {
        let fetched = self.ask(wire, batch).await;
        let failed = fetched.came.is_err();
        let before = self.under_way.replace(fetched);
        let stored = self.noted(before).await?;
        self.finish(wire, selected, &stored).await?;
        // Nothing else is asked for before it is known whose fault that was.
        if failed { self.end(wire, selected).await } else { Ok(()) }
    }

    /// Asks for these mails, and hands them to the store as they come.
    async fn ask(&self, wire: &mut Wire, batch: Batch<'_>) -> Fetched {
        let mails = batch.mails();
        let too_big = matches!(batch, Batch::TooBig(_));
        // An oversized mail stays on the server as it is: the store has its header alone.
        let stays = too_big || self.settings.after == After::Keep;
        let query = match too_big {
            false => "(UID BODY.PEEK[])".to_owned(),
            true => format!("(UID BODY.PEEK[HEADER]<0.{HEADER_BYTES}>)"),
        };
        let uids: Vec<u32> = mails.iter().map(|mail| mail.uid).collect();
        let mut storing = JoinSet::new();
        let mut came = Ok(());
        for set in sets::uid_sets(&uids) {
            came = wire
                .command(&format!("UID FETCH {set} {query}"), |response| {
                    let Some((uid, raw)) = content(response) else { return };
                    let Some(mail) = mails.iter().find(|mail| mail.uid == uid) else { return };
                    if raw.is_empty() && mail.size > 0 {
                        return; // expunged between SEARCH and FETCH: no mail, certainly not an empty one
                    }
                    let new = self.submission(mail, raw.to_vec(), too_big);
                    let desk = Arc::clone(&self.desk);
                    // Handed over at once and together: they share a commit.
                    storing.spawn(async move { (uid, desk.accept_for(new, stays).await) });
                })
                .await;
            if came.is_err() {
                break;
            }
        }
        Fetched { uids, stays, storing, came }
    }

    /// Waits until these mails are stored, and notes which could not be had. Gives those that are still to be flagged or
    /// moved.
    async fn noted(&mut self, fetched: Option<Fetched>) -> Result<Vec<u32>, Error> {
        let Some(Fetched { uids, stays, mut storing, came }) = fetched else { return Ok(vec![]) };
        let mut stored = vec![];
        let mut failed = None;
        while let Some(joined) = storing.join_next().await {
            match joined {
                Ok((uid, Ok(_))) => stored.push(uid),
                Ok((_, Err(error))) => failed = Some(error),
                Err(_) => {} // a panic below: the mail is not known, so it comes again
            }
        }
        stored.sort_unstable();
        self.known.extend(stored.iter().copied());
        self.strikes.retain(|uid, _| stored.binary_search(uid).is_err());
        metrics::counter!("deskclerk_imap_mails_total", "door" => self.source.clone()).increment(stored.len() as u64);
        if let Some(error) = failed {
            return Err(error.into()); // not the mails' fault: no strikes
        }
        for uid in uids.iter().filter(|uid| !self.known.contains(uid)) {
            let strikes = self.strikes.entry(*uid).or_default();
            *strikes += 1;
            if *strikes == STRIKES {
                tracing::error!(door = self.source, uid, "the server does not hand out this mail; left alone");
                metrics::counter!("deskclerk_imap_unreadable_total", "door" => self.source.clone()).increment(1);
            }
        }
        // NO or BAD is about these mails; the connection may be good still.
        match came {
            Err(error @ Error::Refused { .. }) => {
                tracing::warn!(door = self.source, %error, "not all mails could be had")
            }
            other => other?,
        }
        Ok(if stays { vec![] } else { stored })
    }

    /// Flags, moves or deletes what is under way; only now, after the commit.
    async fn end(&mut self, wire: &mut Wire, selected: &Selected) -> Result<(), Error> {
        let fetched = self.under_way.take();
        let stored = self.noted(fetched).await?;
        self.finish(wire, selected, &stored).await
    }

    fn submission(&self, mail: &Listed, raw: Vec<u8>, too_big: bool) -> New {
        let baseline = self.cursor.map_or(i64::MAX, |cursor| self.settings.baseline(cursor.baseline_at));
        let refused = too_big.then(|| {
            format!(
                "the mail has {} bytes, over the bound of {}; only its header was read, the mail stays on the server",
                mail.size, self.desk.config.bounds.size_bytes
            )
        });
        New {
            source: self.source.clone(),
            source_key: Some(self.key(mail.uid)),
            kind: Kind::Mail,
            raw,
            envelope: Envelope { refused, ..Envelope::default() },
            // A mail without a date may be old: not answered, unless everything is.
            answerable: mail.date.unwrap_or(0) >= baseline,
            received_at: unix_ms(),
        }
    }
}

/// All UIDs of the open mailbox, in several searches when it is big.
pub(super) async fn all_uids(wire: &mut Wire, uid_next: u32, since: Option<Date>) -> Result<Vec<u32>, Error> {
    // UIDs may be sparse: at most 64 searches, however high they are.
    let span = SEARCH_SPAN.max(uid_next / 64);
    let mut uids = vec![];
    let mut from: u32 = 1;
    while from.saturating_add(span) < uid_next {
        uids.append(&mut wire.uids(from, Some(from + span - 1), since).await?);
        from += span;
    }
    uids.append(&mut wire.uids(from, None, since).await?);
    Ok(uids)
}

/// Sizes and dates of these UIDs; those that are gone are not among them.
async fn list(wire: &mut Wire, uids: &[u32]) -> Result<Vec<Listed>, Error> {
    let mut listed = vec![];
    for set in sets::uid_sets(uids) {
        wire.command(&format!("UID FETCH {set} (UID RFC822.SIZE INTERNALDATE)"), |response| {
            let Response::Fetch(_, attributes) = response else { return };
            let (mut uid, mut size, mut date) = (None, None, None);
            for attribute in attributes {
                match attribute {
                    AttributeValue::Uid(found) => uid = Some(*found),
                    AttributeValue::Rfc822Size(found) => size = Some(u64::from(*found)),
                    AttributeValue::InternalDate(found) => date = internal_date(found),
                    _ => {}
                }
            }
            if let (Some(uid), Some(size)) = (uid, size) {
                listed.push(Listed { uid, size, date });
            }
        })
        .await?;
    }
    listed.retain(|mail| uids.binary_search(&mail.uid).is_ok());
    listed.sort_unstable_by_key(|mail| mail.uid);
    listed.dedup_by_key(|mail| mail.uid);
    Ok(listed)
}

/// UID and content of a FETCH response. `BODY[] NIL` has none (an expunged mail), a flag update neither.
fn content<'a>(response: &'a Response<'_>) -> Option<(u32, &'a [u8])> {
    let Response::Fetch(_, attributes) = response else { return None };
    let uid = attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })?;
    let body = attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::BodySection {
            section: None | Some(SectionPath::Full(MessageSection::Header)),
            data: Some(data),
            ..
        } => Some(data.as_ref()),
        _ => None,
    })?;
    Some((uid, body))
}

/// `17-Jul-1996 02:44:25 -0700` (RFC 3501 date-time; the day may be padded with a space) as unix milliseconds.
fn internal_date(text: &str) -> Option<i64> {
    let time = jiff::fmt::strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?;
    Some(time.to_timestamp().ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(internal_date(text), expected, "{text}");
        check("17-Jul-1996 02:44:25 -0700", Some(837_596_665_000));
        check(" 1-Jan-1970 00:00:01 +0000", Some(1000));
        check("01-Jan-1970 00:00:01 +0000", Some(1000));
        check("yesterday", None);
    }
}
