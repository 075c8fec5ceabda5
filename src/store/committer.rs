//! The committer: concurrent submissions share one transaction and one fsync.
//!
//! Callers hand in a row and wait; whoever comes while a commit runs goes into the next one. Nobody is answered before
//! the commit that holds his row has returned.

use std::collections::{HashMap, HashSet};

use sqlx::Row;
use tokio::sync::{mpsc, oneshot};

use super::naming::{self, Put};
use super::rows::{self, Value};
use super::submissions::{New, Submitted};
use super::{Error, Store};

/// One transaction holds at most so many submissions, and stops growing at so many bytes.
const GROUP_ROWS: usize = 256;
const GROUP_BYTES: usize = 16 << 20;

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
    let mut group = Vec::with_capacity(GROUP_ROWS);
    while jobs.recv_many(&mut group, GROUP_ROWS).await > 0 {
        while !group.is_empty() {
            let mut bytes = 0;
            let fits = group.iter().take_while(|job: &&Job| {
                let fits = bytes < GROUP_BYTES;
                bytes += job.new.raw.len();
                fits
            });
            let fits = fits.count().max(1);
            commit(&store, group.drain(..fits).collect()).await;
        }
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
    content_hash: String,
    source: String,
    source_key: Option<String>,
    put: Option<Put>,
    raw: Vec<u8>,
    values: Vec<Value>,
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
    let source = rows::clean(&new.source);
    let source_key = new.source_key.as_deref().map(rows::clean);
    // Only IMAP is told afterwards that a mail is stored; the other doors answer in the same breath.
    let acknowledged = i64::from(!source.starts_with("imap:"));
    let outside = put.as_ref().map_or(0, |put| put.bytes.len() as i64);
    let values = vec![
        id.clone().into(),
        source.clone().into(),
        source_key.clone().into(),
        new.kind.as_str().into(),
        content_hash.clone().into(),
        rows::to_json(&new.envelope).into(),
        i64::from(new.answerable).into(),
        new.received_at.into(),
        acknowledged.into(),
        outside.into(),
        (outside + new.raw.len() as i64).into(),
    ];
    (Entry { id, content_hash, source, source_key, put, raw: new.raw, values }, answer)
}

async fn write(store: &Store, entries: &[Entry]) -> Result<Vec<Submitted>, Error> {
    let mut transaction = store.begin().await?;
    let named: Vec<&Put> = entries.iter().filter_map(|entry| entry.put.as_ref()).collect();
    naming::hold(&mut transaction, store.engine, &named).await?;
    let values = entries.iter().map(|entry| entry.values.clone()).collect();
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
