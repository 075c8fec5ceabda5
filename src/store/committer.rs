//! The committer: concurrent submissions share one transaction and one fsync.
//!
//! Callers hand in a row and wait; whoever comes while a commit runs goes into the next one. Nobody is answered before
//! the commit that holds his row has returned. The writing connection is kept from group to group while nobody else waits
//! for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Any, Row, Transaction};
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
/// Whoever gets the database's writer after longer has waited for others.
const BUSY: Duration = Duration::from_millis(3);

/// A submission on its way into the store.
#[derive(Debug)]
pub(super) struct Job {
    pub entry: Entry,
    pub answer: oneshot::Sender<Result<Submitted, Error>>,
}

/// Runs until the last sender is gone.
pub(super) async fn run(store: Store, mut jobs: mpsc::Receiver<Job>) {
    let mut writer = None;
    while let Some(first) = next(&mut jobs, &mut writer).await {
        let asked = Instant::now();
        let acquired = match writer.take() {
            Some(kept) => Ok(kept),
            None => store.writer().await,
        };
        let transaction = match acquired.map(|acquired| writer.insert(acquired)) {
            Ok(writer) => store.begin_on(writer).await,
            Err(error) => Err(error),
        };
        // Half of those who wait, so that whoever is answered hands in the next one while the other half is written. If all
        // went together, they and the disk would wait for one another in turn. But while others write, too, nobody waits for
        // them twice.
        let busy = asked.elapsed() > BUSY;
        let most = if busy { GROUP_ROWS } else { jobs.len().div_ceil(2).clamp(AT_ONCE, GROUP_ROWS) };
        let most = rows::together(most.min(1 + jobs.len()));
        let mut bytes = first.entry.raw.len();
        let mut group = vec![first];
        while group.len() < most
            && bytes < GROUP_BYTES
            && let Ok(job) = jobs.try_recv()
        {
            bytes += job.entry.raw.len();
            group.push(job);
        }
        let (entries, waiting): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.entry, job.answer)).unzip();
        let written = write(&store, transaction, &entries).await;
        // Kept for the next group: to give it back and take it again costs as much as a statement. But not after a failure,
        // of which the pool knows how to mend it, and not from those who wait for it.
        if written.is_err() || store.turns.somebody_waits() {
            writer = None;
        }
        answer(&store, written, entries, waiting).await;
    }
}

/// The next one that waits. Where none does, the writer is free for others meanwhile.
async fn next(jobs: &mut mpsc::Receiver<Job>, writer: &mut Option<PoolConnection<Any>>) -> Option<Job> {
    if let Ok(job) = jobs.try_recv() {
        return Some(job);
    }
    *writer = None;
    jobs.recv().await
}

async fn answer(
    store: &Store,
    written: Result<Vec<Submitted>, Error>,
    entries: Vec<Entry>,
    waiting: Vec<oneshot::Sender<Result<Submitted, Error>>>,
) {
    match written {
        Ok(answers) => {
            for (waiting, answer) in waiting.into_iter().zip(answers) {
                // A caller that went away leaves its row behind: it is stored, and known when he comes again.
                let _ = waiting.send(Ok(answer));
            }
        }
        Err(error) if error.is_passing() || entries.len() == 1 => {
            let passing = error.is_passing();
            for waiting in waiting {
                let error = error.to_string();
                let _ = waiting.send(Err(if passing { Error::Away(error) } else { Error::Refused(error) }));
            }
        }
        // One row that the database refuses must not take the others with it.
        Err(_) => {
            for (entry, waiting) in entries.into_iter().zip(waiting) {
                let answer = write(store, store.begin().await, std::slice::from_ref(&entry)).await;
                let _ = waiting.send(answer.map(|mut answers| answers.remove(0)));
            }
        }
    }
}

/// A row to write, kept so that it can be written again alone.
#[derive(Debug)]
pub(super) struct Entry {
    id: String,
    source: String,
    source_key: Option<String>,
    kind: Kind,
    content_hash: String,
    envelope: String,
    answerable: bool,
    received_at: i64,
    /// Nothing is left to do for it where it came from.
    acknowledged: bool,
    /// Its bytes, where they lie outside; `raw` is empty then.
    put: Option<Put>,
    raw: Arc<Vec<u8>>,
}

impl Entry {
    pub fn new(new: New, content_hash: String, put: Option<Put>, acknowledged: bool) -> Entry {
        Entry {
            id: uuid::Uuid::now_v7().to_string(),
            source: rows::cleaned(new.source),
            source_key: new.source_key.map(rows::cleaned),
            kind: new.kind,
            content_hash,
            envelope: rows::to_json(&new.envelope),
            answerable: new.answerable,
            received_at: new.received_at,
            acknowledged,
            put,
            raw: Arc::new(new.raw),
        }
    }
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

fn values(entry: &Entry) -> Vec<Value> {
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
        i64::from(entry.acknowledged).into(),
        outside.into(),
        (outside + entry.raw.len() as i64).into(),
    ]
}

async fn write(
    store: &Store,
    transaction: Result<Transaction<'_, Any>, Error>,
    entries: &[Entry],
) -> Result<Vec<Submitted>, Error> {
    let mut transaction = transaction?;
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
    let fresh: Vec<&Entry> = fresh.collect();
    // Copied by and by, as they are written: at once they would fill the memory twice.
    for some in fresh.chunks(AT_ONCE) {
        let raw = some.iter().map(|entry| vec![entry.id.as_str().into(), Value::Bytes(entry.raw.clone())]).collect();
        rows::insert(&mut transaction, "originals", &["id", "raw"], raw, "").await?;
    }
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
