//! The ledger: a file outside the program that knows every input, and the audit of the desk against it.
//!
//! A token is written down and synced before its input is handed in. It stands in the sender's address and the Message-ID,
//! so that it can be found in what was stored and in the mailbox that the reply goes to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sqlx::{AnyPool, Row};

use crate::harness::{original, originals};
use crate::partner::Partner;
use crate::servers::dovecot::Dovecot;

/// What must become of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// One ticket.
    Ticket,
    /// Quarantined, no ticket.
    Quarantined,
    /// Settled somehow, but no ticket of its own.
    Noted,
    /// Handed in without an acknowledgement so far: one ticket or none.
    Offered,
    /// Taken away before it could be read: nothing, or all of it.
    Withdrawn,
}

/// One row's ledger.
pub struct Ledger {
    file: Mutex<File>,
    entries: Mutex<BTreeMap<String, Fate>>,
    row: u8,
    /// Whether mails can be flagged on their server.
    pub flags: bool,
}

/// What the audit of a row found.
#[derive(Debug, Default)]
pub struct Tally {
    /// Inputs.
    pub mails: usize,
    /// Acknowledged, or left in the mailbox, and not settled as they should be.
    pub lost: usize,
    /// Stored, ticketed or answered twice.
    pub doubled: usize,
    /// The same mail over the wire again.
    pub repeats: usize,
    /// What else is not as the row wants it.
    pub faults: Vec<String>,
    /// For the line of the row.
    pub note: String,
}

impl Tally {
    /// Another part of the same row.
    pub fn add(&mut self, other: Tally) {
        self.mails += other.mails;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.repeats += other.repeats;
        self.faults.extend(other.faults);
        if self.note.is_empty() {
            self.note = other.note;
        } else if !other.note.is_empty() {
            self.note = format!("{}; {}", self.note, other.note);
        }
    }

    /// Says what was seen.
    pub fn noting(mut self, note: impl Into<String>) -> Tally {
        self.note = note.into();
        self
    }

    /// A demand of the row.
    pub fn demand(&mut self, holds: bool, else_fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(else_fault());
        }
    }

    /// Whether the row was survived.
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.faults.is_empty()
    }
}

impl Ledger {
    /// A fresh one in this folder.
    pub fn open(row: u8, folder: &Path) -> Ledger {
        fs::create_dir_all(folder).unwrap();
        let name = folder.join(format!("ledger-{row}-{:08x}", rand::random::<u32>()));
        Ledger { file: Mutex::new(File::create(name).unwrap()), entries: Mutex::default(), row, flags: true }
    }

    /// A new token; it is on the disk when this returns. Letters alone: nothing takes it for an id.
    pub fn token(&self, fate: Fate) -> String {
        let mut entries = self.entries.lock().unwrap();
        let number =
            (u64::from(self.row) << 48) | ((entries.len() as u64) << 24) | u64::from(rand::random::<u32>() >> 8);
        let letters = (0..16).rev().map(|n| char::from(b'a' + (number >> (4 * n) & 15) as u8));
        let token = format!("tk{}", letters.collect::<String>());
        let mut file = self.file.lock().unwrap();
        writeln!(file, "{token} {fate:?}").unwrap();
        file.sync_data().unwrap();
        entries.insert(token.clone(), fate);
        token
    }

    /// Its sender was told that it is taken.
    pub fn acknowledged(&self, token: &str) {
        writeln!(self.file.lock().unwrap(), "{token} acknowledged").unwrap();
        self.entries.lock().unwrap().insert(token.to_owned(), Fate::Ticket);
    }

    /// How many inputs there are.
    pub fn len(&self) -> usize {
        self.entries.lock().unwrap().len()
    }

    fn entries(&self) -> BTreeMap<String, Fate> {
        self.entries.lock().unwrap().clone()
    }
}

/// The address that a token writes from, and is answered at.
pub fn address(token: &str) -> String {
    format!("{token}@customer.example")
}

/// The tokens in these bytes.
pub fn tokens(bytes: &[u8]) -> BTreeSet<String> {
    let starts = memchr::memmem::find_iter(bytes, b"tk");
    let found = starts.filter_map(|at| {
        let word = bytes.get(at..at + 18)?;
        let ends = bytes.get(at + 18).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let shaped = ends && word[2..].iter().all(|byte| (b'a'..=b'p').contains(byte));
        shaped.then(|| String::from_utf8_lossy(word).into_owned())
    });
    found.collect()
}

/// What the desk has.
struct Desk {
    /// Token → (outcome, empty: none yet; flagged or moved on the server; why it ended so) of every row that holds it.
    stored: BTreeMap<String, Vec<(String, bool, String)>>,
    /// Token → tickets that its message stands on.
    tickets: BTreeMap<String, BTreeSet<i64>>,
    all_tickets: i64,
    /// Recipient → (Message-ID, state) of replies.
    replies: BTreeMap<String, Vec<(String, String)>>,
    /// Ticket → webhook-ids of the posts that say that it is new.
    posts: BTreeMap<i64, BTreeSet<String>>,
}

async fn look(pool: &AnyPool) -> Result<Desk, sqlx::Error> {
    let sql = "SELECT id, content_hash, blob_bytes, outcome, because, acknowledged, \
               (SELECT raw FROM originals WHERE originals.id = submissions.id) AS raw FROM submissions";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    let folder = originals(pool).await;
    let mut stored: BTreeMap<String, Vec<(String, bool, String)>> = BTreeMap::new();
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for row in rows {
        let outcome = row.get::<Option<String>, _>("outcome").unwrap_or_default();
        let acknowledged = row.get::<i64, _>("acknowledged") != 0;
        let because = row.get::<Option<String>, _>("because").unwrap_or_default();
        for token in tokens(&original(&row, folder.as_deref())) {
            stored.entry(token.clone()).or_default().push((outcome.clone(), acknowledged, because.clone()));
            named.insert(row.get("id"), token);
        }
    }
    let sql = "SELECT submission_id, ticket_id FROM messages WHERE direction = 'in' AND submission_id IS NOT NULL";
    let mut tickets: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for row in sqlx::query(sql).fetch_all(pool).await? {
        if let Some(token) = named.get(&row.get::<String, _>("submission_id")) {
            tickets.entry(token.clone()).or_default().insert(row.get("ticket_id"));
        }
    }
    let all_tickets = sqlx::query("SELECT COUNT(*) FROM tickets").fetch_one(pool).await?.get(0);
    let mut replies: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for row in
        sqlx::query("SELECT recipient, message_id, state FROM outbox WHERE kind = 'mail'").fetch_all(pool).await?
    {
        replies.entry(row.get("recipient")).or_default().push((row.get("message_id"), row.get("state")));
    }
    let mut posts: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for row in
        sqlx::query("SELECT ticket_id, message_id, payload FROM outbox JOIN payloads USING (id) WHERE kind = 'post'")
            .fetch_all(pool)
            .await?
    {
        if row.get::<String, _>("payload").contains("ticket.created") {
            let id = row.get::<String, _>("message_id");
            let id = id.split('.').next().unwrap_or_default().to_owned();
            posts.entry(row.get("ticket_id")).or_default().insert(id);
        }
    }
    Ok(Desk { stored, tickets, all_tickets, replies, posts })
}

/// Message-IDs in a mailbox, one a mail.
pub fn arrived(dovecot: &Dovecot, user: &str) -> Vec<String> {
    let mut ids = vec![];
    for folder in ["new", "cur"] {
        for entry in fs::read_dir(dovecot.maildir(user).join(folder)).into_iter().flatten().flatten() {
            let mail = fs::read(entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&mail).to_lowercase();
            let id = text.lines().find_map(|line| line.strip_prefix("message-id:")).unwrap_or("").trim().to_owned();
            ids.push(id);
        }
    }
    ids
}

/// Waits until everything is settled, flagged and sent, at most for `patience`; the audit says what is not.
pub async fn settle(ledger: &Ledger, pool: &AnyPool, replies: Option<&Dovecot>, patience: Duration) {
    let end = Instant::now() + patience;
    loop {
        if let Ok(desk) = look(pool).await
            && is_settled(ledger, &desk, replies)
        {
            return;
        }
        if Instant::now() > end {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn is_settled(ledger: &Ledger, desk: &Desk, replies: Option<&Dovecot>) -> bool {
    let settled = ledger.entries().iter().all(|(token, fate)| match desk.stored.get(token) {
        Some(rows) => {
            rows.iter().all(|(outcome, acknowledged, _)| !outcome.is_empty() && (*acknowledged || !ledger.flags))
        }
        None => matches!(fate, Fate::Offered | Fate::Withdrawn),
    });
    let sent = || {
        desk.replies.iter().all(|(recipient, rows)| {
            let there = replies.is_none_or(|dovecot| !arrived(dovecot, recipient).is_empty());
            rows.iter().all(|(_, state)| state == "sent") && there
        })
    };
    settled && (replies.is_none() || sent())
}

/// Compares the desk with the ledger. With `replies`, every reply must have come to the mailbox that it was for.
pub async fn audit(ledger: &Ledger, pool: &AnyPool, replies: Option<&Dovecot>) -> Tally {
    let entries = ledger.entries();
    let desk = look(pool).await.unwrap_or_else(|error| panic!("the store cannot be read for the audit: {error}"));
    let mut tally = Tally { mails: entries.len(), ..Tally::default() };
    let lost = |tally: &mut Tally, why: String| {
        tally.lost += 1;
        if tally.faults.len() < 5 {
            tally.faults.push(why);
        }
    };
    for (token, fate) in &entries {
        let rows = desk.stored.get(token).map_or(&[][..], Vec::as_slice);
        // A mailbox that was renumbered is read anew; the desk tells what it knew.
        let first: Vec<&str> =
            rows.iter().map(|row| row.0.as_str()).filter(|outcome| *outcome != "duplicate").collect();
        let tickets = desk.tickets.get(token).map_or(0, BTreeSet::len);
        let expected = match fate {
            Fate::Ticket => Some("ticket"),
            Fate::Quarantined => Some("quarantined"),
            Fate::Noted | Fate::Offered | Fate::Withdrawn => None,
        };
        match (first.as_slice(), expected) {
            ([], None) if *fate != Fate::Noted => {}
            ([], _) => lost(&mut tally, format!("{token} is not stored")),
            ([""], _) => lost(&mut tally, format!("{token} is not settled")),
            ([outcome], Some(expected)) if *outcome != expected => {
                let because: Vec<&str> = rows.iter().map(|row| row.2.as_str()).collect();
                lost(&mut tally, format!("{token} ended as {outcome}, not as {expected}: {}", because.join("; ")));
            }
            ([outcome], _) if *outcome == "ticket" && tickets == 0 => {
                lost(&mut tally, format!("{token} has no ticket"))
            }
            ([_], _) => {}
            (several, _) => {
                tally.doubled += several.len() - 1;
                tally.faults.push(format!("{token} is stored as {several:?}"));
            }
        }
        if tickets > 1 {
            tally.doubled += tickets - 1;
            tally.faults.push(format!("{token} stands on {tickets} tickets"));
        }
        let ids: BTreeSet<&String> = desk
            .tickets
            .get(token)
            .into_iter()
            .flatten()
            .filter_map(|ticket| desk.posts.get(ticket))
            .flatten()
            .collect();
        if ids.len() > 1 {
            tally.doubled += ids.len() - 1;
            tally.faults.push(format!("{token} is told by {ids:?}"));
        }
        let planned: BTreeSet<&str> =
            desk.replies.get(&address(token)).into_iter().flatten().map(|(id, _)| id.as_str()).collect();
        let came = replies.map(|dovecot| arrived(dovecot, &address(token))).unwrap_or_default();
        let different: BTreeSet<&String> = came.iter().collect();
        if planned.len() > 1 || different.len() > 1 {
            tally.doubled += planned.len().max(different.len()) - 1;
            tally.faults.push(format!("{token} has replies {planned:?}, {different:?} came"));
        }
        if replies.is_some() && came.is_empty() && !planned.is_empty() {
            lost(&mut tally, format!("the reply to {token} did not come: {:?}", desk.replies.get(&address(token))));
        }
        tally.repeats += came.len() - different.len();
    }
    let known: BTreeSet<i64> = desk.tickets.values().flatten().copied().collect();
    let strangers = desk.all_tickets - known.len() as i64;
    if strangers > 0 {
        tally.doubled += strangers as usize;
        tally.faults.push(format!("{strangers} tickets stand for no input"));
    }
    tally
}

/// Compares what a partner was told with the ledger: of every ticket, at each of these endpoints, by one webhook-id.
pub fn audit_told(ledger: &Ledger, partner: &Partner, names: &[&str], tally: &mut Tally) {
    let told = partner.told();
    for (token, _) in ledger.entries().iter().filter(|(_, fate)| **fate == Fate::Ticket) {
        let of_it: Vec<_> = told.iter().filter(|told| told.tokens.contains(token)).collect();
        let ids: BTreeSet<&String> = of_it.iter().map(|told| &told.id).collect();
        if ids.len() > 1 {
            tally.doubled += ids.len() - 1;
            tally.faults.push(format!("{token} was told by {ids:?}"));
        }
        for name in names {
            match of_it.iter().filter(|told| told.taken && told.name == *name).count() {
                0 => {
                    tally.lost += 1;
                    tally.faults.push(format!("{name} was not told of {token}"));
                }
                taken => tally.repeats += taken - 1,
            }
        }
    }
}

/// Waits until a partner's endpoint has been told of every ticket, at most for `patience`; the audit says what is missing.
pub async fn settle_told(ledger: &Ledger, partner: &Partner, name: &str, patience: Duration) {
    let end = Instant::now() + patience;
    let wanted = ledger.entries().values().filter(|fate| **fate == Fate::Ticket).count();
    let heard = || {
        let told = partner.told();
        let of_it = told.iter().filter(|told| told.taken && told.name == name);
        of_it.flat_map(|told| &told.tokens).collect::<BTreeSet<_>>().len()
    };
    while heard() < wanted && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
