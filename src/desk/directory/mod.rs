//! Where the campaign directory comes from, and how it is kept fresh: a file, an address, a query, or the store.
//!
//! Promises: a directory is put in force whole, or not at all; whatever is wrong with its source, the one in force stays
//! and [`Desk::health`] and the metrics say what is wrong. The last good directory is kept in the store: a desk whose
//! source is down or broken starts with that, and a source that shrank while the desk was down is refused as well. When
//! there is none yet, the desk starts all the same and takes mail in, but judges none before the first directory is there:
//! without one every Campaign ID would be taken for unknown, and customers would be asked for nothing. A file with faults
//! then keeps the desk from starting, as rules do: whoever starts it can mend it.

mod sql;
mod url;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Desk, Error, Sources, unix_ms};
use crate::campaigns::load::{self, loses_too_much};
use crate::campaigns::{Campaign, Directory};
use crate::config::fault::Fault;
use crate::config::settings::Config;
use crate::store::{self, Store};

/// Bytes of a directory from elsewhere; a million campaigns have about a fifth of that.
const SIZE_LIMIT: usize = 512 << 20;
/// What reading it may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// What it may take while the desk starts; service managers wait 90 s.
const PATIENCE_AT_START: Duration = Duration::from_secs(30);
/// After a failure the next look comes no later than this.
const RETRY_SECS: u64 = 60;

/// How the directory in force came to be.
#[derive(Debug, Default)]
pub struct Origin {
    /// Held while the source is looked at: one look at a time.
    mark: Mutex<Mark>,
    /// Why the newest directory is not in force.
    faults: ArcSwap<Vec<Fault>>,
    /// When the source last gave a good directory, or said that it has the same; unix ms, 0: never.
    good_at: AtomicI64,
}

/// By what an unchanged source is known.
#[derive(Debug, Default, Clone, PartialEq)]
enum Mark {
    /// By its content alone.
    #[default]
    Content,
    /// By its entity tag (RFC 9110 §8.8.3).
    Tag(String),
    /// By the file's time and size.
    File(SystemTime, u64),
}

/// What a source gave.
enum Found {
    /// The same as at its mark.
    Same,
    /// These campaigns.
    Campaigns(Vec<Campaign>, Mark),
}

/// What went wrong with a source elsewhere: what, and what to do about it.
type Trouble = (String, &'static str);

/// The directory that the desk starts with.
pub async fn at_start(config: &Config, store: &Store) -> Result<(Directory, Origin), Error> {
    let source = config.campaigns.source();
    let mut campaigns = store.campaigns().await?;
    let mut mark = Mark::Content;
    let mut result = Ok(true);
    if source.is_some() {
        let next = tokio::time::timeout(PATIENCE_AT_START, next(config, store, &campaigns, &mut mark)).await;
        match next.unwrap_or_else(|_| Err(vec![too_slow(config, PATIENCE_AT_START)])) {
            Ok(next) => campaigns = next.unwrap_or(campaigns),
            Err(faults) if campaigns.is_empty() && source == Some("file") => return Err(Error::Faults(faults)),
            Err(faults) => {
                tracing::warn!(
                    campaigns = campaigns.len(),
                    "the desk starts with the directory that the store has kept"
                );
                result = Err(faults);
            }
        }
    }
    let origin = Origin { mark: Mutex::new(mark), ..Origin::default() };
    origin.done(&result, campaigns.len());
    Ok((build(campaigns).await, origin))
}

impl Desk {
    /// Looks at the directory's source, and puts in force what is new there. Whether anything was; on faults the old
    /// directory stays.
    pub async fn refresh_directory(&self) -> Result<bool, Vec<Fault>> {
        self.look_for_directory(false).await
    }

    /// `anew`: reads the source even if it looks unchanged.
    pub(super) async fn look_for_directory(&self, anew: bool) -> Result<bool, Vec<Fault>> {
        let mut mark = self.origin.mark.lock().await;
        let mut known = if anew { Mark::Content } else { mark.clone() };
        let before = self.directory();
        let result = match next(&self.config, &self.store, before.campaigns(), &mut known).await {
            Ok(None) => Ok(false),
            Ok(Some(campaigns)) => {
                self.put_in_force(build(campaigns).await);
                Ok(true)
            }
            Err(faults) => Err(faults),
        };
        if result.is_ok() {
            *mark = known;
        }
        self.origin.done(&result, self.directory().len());
        result
    }

    /// Puts this directory into the store and in force, whole. That it may be much smaller is the caller's to decide.
    pub async fn replace_directory(&self, campaigns: Vec<Campaign>) -> Result<(), store::Error> {
        let _alone = self.origin.mark.lock().await;
        self.store.replace_campaigns(&campaigns).await?;
        self.put_in_force(build(campaigns).await);
        self.origin.done(&Ok(true), self.directory().len());
        Ok(())
    }

    fn put_in_force(&self, directory: Directory) {
        let directory = Arc::new(directory);
        self.sources.rcu(|before| Sources { directory: directory.clone(), ..before.as_ref().clone() });
    }

    /// Looks at the source every `campaigns.refresh_secs` until cancelled.
    pub async fn keep_directory_fresh(&self, cancel: CancellationToken) {
        if self.config.campaigns.source().is_none() {
            return cancel.cancelled().await;
        }
        let every = self.config.campaigns.refresh_secs;
        loop {
            let failed = !self.directory_faults().is_empty();
            let pause = Duration::from_secs(if failed { every.min(RETRY_SECS) } else { every });
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            // Given up half-way it has changed nothing: the store's copy is one transaction, the swap one step.
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = self.refresh_directory() => {}
            }
        }
    }

    /// Whether the desk has no directory, because its source does not give one. Then nothing is judged.
    pub fn awaits_directory(&self) -> bool {
        !self.directory_faults().is_empty() && self.directory().is_empty()
    }

    /// Tells the metrics which directory is in force.
    pub fn show_directory(&self) {
        self.origin.show(self.directory().len());
    }

    /// Why the newest directory is not in force; empty: it is.
    pub fn directory_faults(&self) -> Arc<Vec<Fault>> {
        self.origin.faults.load_full()
    }
}

impl Origin {
    /// Notes how a look ended, for health, metrics and log. Told only once, however often it fails the same way.
    fn done(&self, result: &Result<bool, Vec<Fault>>, campaigns: usize) {
        let before = self.faults.load_full();
        let word = match result {
            Ok(changed) => {
                self.good_at.store(unix_ms(), Ordering::Relaxed);
                self.faults.store(Arc::new(vec![]));
                if *changed || !before.is_empty() {
                    tracing::info!(campaigns, "the campaign directory is up to date");
                }
                if *changed { "changed" } else { "unchanged" }
            }
            Err(faults) => {
                if *before != *faults {
                    for fault in faults {
                        tracing::error!(%fault, "the old campaign directory stays in force");
                    }
                    self.faults.store(Arc::new(faults.clone()));
                }
                "failed"
            }
        };
        metrics::counter!("deskclerk_directory_refresh_total", "result" => word).increment(1);
        self.show(campaigns);
    }

    fn show(&self, campaigns: usize) {
        metrics::gauge!("deskclerk_directory_campaigns").set(campaigns as f64);
        metrics::gauge!("deskclerk_directory_last_success_timestamp").set(self.good_at().unwrap_or(0) as f64 / 1000.0);
    }

    /// When the source last gave a good directory, unix ms; `None`: not since the desk started.
    pub(super) fn good_at(&self) -> Option<i64> {
        Some(self.good_at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }
}

/// The campaigns to put in force next; `None`: they are already. What is refused leaves `mark` as it was.
async fn next(
    config: &Config,
    store: &Store,
    before: &[Campaign],
    mark: &mut Mark,
) -> Result<Option<Vec<Campaign>>, Vec<Fault>> {
    let Found::Campaigns(campaigns, now) = look(config, store, mark).await? else { return Ok(None) };
    if campaigns != before {
        let lost = loses_too_much(before, &campaigns).filter(|_| !config.campaigns.allow_shrink);
        if let Some(kept) = lost {
            let (had, has) = (before.len(), campaigns.len());
            let message =
                format!("holds {has} campaigns, and of the {had} that were there {kept}: more than half would be lost");
            return Err(vec![fault(&name(config), message, "set campaigns.allow_shrink = true if that is meant")]);
        }
        if config.campaigns.source().is_some() {
            store.replace_campaigns(&campaigns).await.map_err(|error| vec![store_fault(&error)])?;
        }
    }
    *mark = now;
    Ok((campaigns != before).then_some(campaigns))
}

/// Reads the source, unless it is as it was at `mark`.
async fn look(config: &Config, store: &Store, mark: &Mark) -> Result<Found, Vec<Fault>> {
    let settings = &config.campaigns;
    let elsewhere = |(message, remedy): Trouble| vec![fault(&name(config), message, remedy)];
    let too_slow = |_| vec![too_slow(config, PATIENCE)];
    let (bytes, now) = match settings.source() {
        Some("file") => match read_file(&settings.file, mark).await.map_err(elsewhere)? {
            Some(read) => read,
            None => return Ok(Found::Same),
        },
        Some("url") => {
            let tag = if let Mark::Tag(tag) = mark { Some(tag.as_str()) } else { None };
            let answer = tokio::time::timeout(PATIENCE, url::fetch(settings, tag)).await.map_err(too_slow)?;
            match answer.map_err(elsewhere)? {
                url::Answer::Same => return Ok(Found::Same),
                url::Answer::Body(bytes, tag) => (bytes, tag.map_or(Mark::Content, Mark::Tag)),
            }
        }
        Some(_) => {
            let asked = tokio::time::timeout(PATIENCE, sql::fetch(settings)).await.map_err(too_slow)?;
            (asked.map_err(elsewhere)?, Mark::Content)
        }
        None => {
            let campaigns = store.campaigns().await.map_err(|error| vec![store_fault(&error)])?;
            return Ok(Found::Campaigns(campaigns, Mark::Content));
        }
    };
    let (query, name) = (settings.source() == Some("sql"), name(config));
    let parsed = tokio::task::spawn_blocking(move || match query {
        true => load::jsonl(&bytes, &name),
        false => load::parse(&bytes, &name),
    });
    let (campaigns, faults) = parsed.await.expect("the loader does not panic");
    if faults.is_empty() { Ok(Found::Campaigns(campaigns, now)) } else { Err(faults) }
}

async fn read_file(file: &Path, mark: &Mark) -> Result<Option<(Vec<u8>, Mark)>, Trouble> {
    let unreadable = |error: std::io::Error| (format!("cannot be read: {error}"), "name a CSV or JSON lines file");
    // Its time is taken first: what is written while it is read is then seen at the next look.
    let about = tokio::fs::metadata(file).await.map_err(unreadable)?;
    if !about.is_file() {
        // A pipe would be waited for, for ever.
        return Err(("is no regular file".into(), "name a CSV or JSON lines file"));
    }
    let now = about.modified().map_or(Mark::Content, |at| Mark::File(at, about.len()));
    if now == *mark && now != Mark::Content {
        return Ok(None);
    }
    Ok(Some((tokio::fs::read(file).await.map_err(unreadable)?, now)))
}

/// Builds the indexes off the async threads: for a million campaigns that takes seconds.
pub async fn build(campaigns: Vec<Campaign>) -> Directory {
    let built = tokio::task::spawn_blocking(move || Directory::build(campaigns));
    built.await.expect("building a directory does not panic")
}

/// The source as faults name it; of an address without its query, which may hold a key.
fn name(config: &Config) -> String {
    match config.campaigns.source() {
        Some("file") => config.campaigns.file.display().to_string(),
        Some("url") => config.campaigns.url.split(['?', '#']).next().unwrap_or_default().to_owned(),
        Some(key) => format!("campaigns.{key}"),
        None => "the store's directory".into(),
    }
}

fn too_slow(config: &Config, patience: Duration) -> Fault {
    let message = format!("did not give a directory within {} s", patience.as_secs());
    fault(&name(config), message, "see why it is so slow; it is tried again")
}

fn store_fault(error: &store::Error) -> Fault {
    fault("the store", error.to_string(), "see that the database answers; it is tried again")
}

fn fault(file: &str, message: String, remedy: &str) -> Fault {
    Fault { file: file.to_owned(), line: 0, message, remedy: remedy.to_owned() }
}
