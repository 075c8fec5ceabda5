//! The committer: concurrent submissions share one transaction and one fsync.
//!
//! Callers hand in a row and wait; whoever comes while a commit runs goes into the next one. Nobody is answered before
//! the commit that holds his row has returned.

use std::collections::{HashMap, HashSet};

use sqlx::Row;
use tokio::sync::{mpsc, oneshot};

use super::naming::{self, Put};
use super::rows::{self, Value};
use super::submissions::{Kind, New, Submitted};
use super::{Error, Store};

/// One transaction holds at most so many submissions, and stops growing at so many bytes.
const GROUP_ROWS: usize = 256;
const GROUP_BYTES: usize = 16 << 20;
/// So many are taken at once; of more than twice as many half.
const AT_ONCE: usize = 32;

/// A submission on its way into the store.
#[derive(Debug)]
pub(super) struct Job {
    pub id: String,
    pub content_hash: String,
    pub new: New,
    /// Its bytes, where they lie outside; `new.raw` is empty then.
    pub put: Option<Put>,
    pub answer: oneshot::Sender<Result<Submitted, Error>>,
}

/// Runs until the last sender is gone.
pub(super) async fn run(store: Store, mut jobs: mpsc::Receiver<Job>) {
    let mut group: Vec<Job> = Vec::with_capacity(GROUP_ROWS);
    loop {
        // Half of those who wait, so that whoever is answered hands in the next one while the other half is written. If all
        // went together, they and the disk would wait for one another in turn.
        let some = ((group.len() + jobs.len()) / 2).clamp(AT_ONCE, GROUP_ROWS);
        if group.is_empty() && jobs.recv_many(&mut group, some).await == 0 {
            return;
        }
        while group.len() < some
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        let mut bytes = 0;
        let fits = group.iter().take_while(|job| {
            let fits = bytes < GROUP_BYTES;
            bytes += job.new.raw.len();
            fits
        });
        let fits = rows::together(fits.count());
        commit(&store, group.drain(..fits).collect()).await;
    }
}

async fn commit(store: &Store, group: Vec<Job>) {
    let (rows, waiting): (Vec<_>, Vec<_>) = group.into_iter().map(split).unzip();
    match write(store, &rows).await {
        Ok(answers) => {
            for (waiting, answer) in waiting.into_iter().zip(answers) {
                // A caller that went away leaves its row behind: it is stored, and known when he comes again.
                let _ = waiting.send(Ok(answer));
            }
        }
        Err(error) if error.is_passing() || rows.len() == 1 => {
            let passing = error.is_passing();
            for waiting in waiting {
                let error = error.to_string();
                let _ = waiting.send(Err(if passing { Error::Away(error) } else { Error::Refused(error) }));
            }
        }
        // One row that the database refuses must not take the others with it.
        Err(_) => {
            for (row, waiting) in rows.into_iter().zip(waiting) {
                let answer = write(store, std::slice::from_ref(&row)).await;
                let _ = waiting.send(answer.map(|mut answers| answers.remove(0)));
            }
        }
    }
}

/// A row to write, kept so that it can be written again alone.
struct Entry {
    id: String,
    source: String,
    source_key: Option<String>,
    kind: Kind,
    content_hash: String,
    envelope: String,
    answerable: bool,
    received_at: i64,
    put: Option<Put>,
    raw: Vec<u8>,
}

const COLUMNS: &[&str] = &[
    "id",
    "source",
    "source_key",
    "kind",
    "content_hash",
    "envelope",
    "answerable",
    "received_at",
    "acknowledged",
    "blob_bytes",
    "size",
];

fn split(job: Job) -> (Entry, oneshot::Sender<Result<Submitted, Error>>) {
    let Job { id, content_hash, new, put, answer } = job;
    let entry = Entry {
        id,
        source: rows::cleaned(new.source),
        source_key: new.source_key.map(rows::cleaned),
        kind: new.kind,
        content_hash,
        envelope: rows::to_json(&new.envelope),
        answerable: new.answerable,
        received_at: new.received_at,
        put,
        raw: new.raw,
    };
    (entry, answer)
}

fn values(entry: &Entry) -> Vec<Value> {
    // Only IMAP is told afterwards that a mail is stored; the other doors answer in the same breath.
    let acknowledged = i64::from(!entry.source.starts_with("imap:"));
    let outside = entry.put.as_ref().map_or(0, |put| put.bytes.len() as i64);
    vec![
        Value::Text(entry.id.clone()),
        Value::Text(entry.source.clone()),
        Value::MaybeText(entry.source_key.clone()),
        entry.kind.as_str().into(),
        Value::Text(entry.content_hash.clone()),
        entry.envelope.as_str().into(),
        i64::from(entry.answerable).into(),
        entry.received_at.into(),
        acknowledged.into(),
        outside.into(),
        (outside + entry.raw.len() as i64).into(),
    ]
}

async fn write(store: &Store, entries: &[Entry]) -> Result<Vec<Submitted>, Error> {
    let mut transaction = store.begin().await?;
    let named: Vec<&Put> = entries.iter().filter_map(|entry| entry.put.as_ref()).collect();
    naming::hold(&mut transaction, store.engine, &named).await?;
    let values = entries.iter().map(values).collect();
    let inserted = rows::insert(&mut transaction, "submissions", COLUMNS, values, "ON CONFLICT DO NOTHING").await?;
    let mut known = HashMap::new();
    // As a rule all are new. Only where some are not it is worth a row each to hear which.
    let mut there = HashSet::new();
    if inserted < entries.len() as u64 {
        let ids = rows::keys(entries.iter().map(|entry| &entry.id));
        let sql = |marks: &str| format!("SELECT id FROM submissions WHERE id IN ({marks})");
        for row in rows::with_keys(&mut transaction, sql, &[], &ids).await? {
            there.insert(row.try_get::<String, _>("id")?);
        }
    }
    let missing = |entry: &&Entry| inserted < entries.len() as u64 && !there.contains(&entry.id);
    for entry in entries.iter().filter(missing) {
        let row = sqlx::query("SELECT id, content_hash FROM submissions WHERE source = $1 AND source_key = $2")
            .bind(entry.source.as_str())
            .bind(entry.source_key.clone())
            .fetch_one(&mut *transaction)
            .await?;
        let content_hash: String = row.try_get("content_hash")?;
        let same_content = content_hash == entry.content_hash;
        known.insert(entry.id.clone(), Submitted { known: true, id: row.try_get("id")?, same_content });
    }
    let fresh = entries.iter().filter(|entry| !entry.raw.is_empty() && !known.contains_key(&entry.id));
    let raw = fresh.map(|entry| vec![entry.id.as_str().into(), entry.raw.clone().into()]).collect();
    rows::insert(&mut transaction, "originals", &["id", "raw"], raw, "").await?;
    transaction.commit().await?;
    Ok(entries
        .iter()
        .map(|entry| {
            known.remove(&entry.id).unwrap_or_else(|| Submitted {
                id: entry.id.clone(),
                known: false,
                same_content: true,
            })
        })
        .collect())
}
