//! The desk: the one place where the steps meet. Submission → request → triage → ticket and outbox.
//!
//! Promises: what a door hands to [`Desk::accept`] is durable when it returns; every submission ends in exactly one
//! outcome, written in one transaction with the ticket and the outbox rows that it causes; a mail that cannot be read
//! is quarantined and the next one flows. Time is an argument of every step; only [`Desk::work`] looks at the clock.

pub mod contract;
pub mod limit;
pub mod problem;
pub mod sources;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::campaigns::{Campaign, Directory};
use crate::config::fault::Fault;
use crate::config::secret;
use crate::config::settings::Config;
use crate::request::Setting;
use crate::rules::Rules;
use crate::store::submissions::{New, Outcome, Submitted};
use crate::store::{self, Store};

/// Why a desk could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Rules or directory have faults, and there are no older ones to keep.
    #[error("{}", list(.0))]
    Faults(Vec<Fault>),
    /// A secret cannot be read or made.
    #[error(transparent)]
    Secret(#[from] secret::Unreadable),
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A submission was settled.
    Settled {
        /// Its id.
        submission: String,
        /// How it ended.
        outcome: Outcome,
        /// The ticket it went to.
        ticket: Option<i64>,
    },
    /// There was nothing to do.
    Idle,
}

/// How the desk is, for `/readyz`, `doctor` and the console.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The version of the rules in force.
    pub rules: String,
    /// How many campaigns the directory in force holds.
    pub campaigns: usize,
    /// Why the newest rules or directory are not in force; empty: they are.
    pub faults: Vec<Fault>,
    /// What the store last failed with; `None`: the last access went well.
    pub store: Option<String>,
}

/// What the desk judges by; swapped whole.
#[derive(Debug)]
struct Sources {
    rules: Arc<Rules>,
    directory: Arc<Directory>,
    setting: Setting,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    /// Where everything is kept.
    pub store: Store,
    /// The settings it was opened with.
    pub config: Config,
    /// Wakes the workers: a submission came in.
    pub wake: Notify,
    /// Wakes delivery: the outbox has new rows.
    pub outbox_wake: Notify,
    sources: ArcSwap<Sources>,
    faults: ArcSwap<Vec<Fault>>,
    trouble: ArcSwap<Option<String>>,
}

impl Desk {
    /// Opens store, rules, directory and token keys.
    pub async fn open(config: Config) -> Result<Arc<Desk>, Error> {
        let url = sources::store_url(&config)?;
        let store = Store::open(&url, &config.desk.data_dir, config.store.connections).await?;
        let rules = Arc::new(sources::rules(&config.rules.dir).map_err(Error::Faults)?);
        let directory = Arc::new(sources::directory_in_force(&config, &store, None).await?.map_err(Error::Faults)?);
        let setting = sources::setting_for(&config, &rules);
        Ok(Arc::new(Desk {
            store,
            config,
            wake: Notify::new(),
            outbox_wake: Notify::new(),
            sources: ArcSwap::from_pointee(Sources { rules, directory, setting }),
            faults: ArcSwap::from_pointee(vec![]),
            trouble: ArcSwap::from_pointee(None),
        }))
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.sources.load().rules.clone()
    }

    /// The campaign directory in force.
    pub fn directory(&self) -> Arc<Directory> {
        self.sources.load().directory.clone()
    }

    /// What mail is read with.
    pub fn setting(&self) -> Setting {
        self.sources.load().setting.clone()
    }

    /// Stores a submission durably and wakes the workers.
    pub async fn accept(&self, new: New) -> Result<Submitted, store::Error> {
        let submitted = self.store.submit(new).await;
        match &submitted {
            Ok(_) => {
                self.wake.notify_one();
                if self.trouble.load().is_some() {
                    self.trouble.store(Arc::new(None));
                }
            }
            Err(error) => self.trouble.store(Arc::new(Some(error.to_string()))),
        }
        submitted
    }

    /// Reads rules and directory again and puts them in force, each whole. On faults the old ones stay in force, and
    /// [`Desk::health`] says so.
    pub async fn reload(&self) -> Vec<Fault> {
        let before = self.sources.load_full();
        let mut faults = vec![];
        let rules = match sources::rules(&self.config.rules.dir) {
            Ok(rules) => Arc::new(rules),
            Err(found) => {
                faults.extend(found);
                before.rules.clone()
            }
        };
        let directory = match sources::directory_in_force(&self.config, &self.store, Some(&before.directory)).await {
            Ok(Ok(directory)) => Arc::new(directory),
            Ok(Err(found)) => {
                faults.extend(found);
                before.directory.clone()
            }
            Err(error) => {
                faults.push(Fault {
                    file: "the store".into(),
                    line: 0,
                    message: error.to_string(),
                    remedy: "reload again once the database answers".into(),
                });
                before.directory.clone()
            }
        };
        let setting = sources::setting_for(&self.config, &rules);
        self.sources.store(Arc::new(Sources { rules, directory, setting }));
        for fault in &faults {
            tracing::error!(fault = %fault, "the old rules and directory stay in force");
        }
        self.faults.store(Arc::new(faults.clone()));
        faults
    }

    /// Puts this directory into the store and in force, whole. That it may be much smaller is the caller's to decide.
    pub async fn replace_directory(&self, campaigns: Vec<Campaign>) -> Result<(), store::Error> {
        self.store.replace_campaigns(&campaigns).await?;
        let directory = Arc::new(Directory::build(campaigns));
        self.sources.rcu(|before| Sources {
            rules: before.rules.clone(),
            directory: directory.clone(),
            setting: before.setting.clone(),
        });
        Ok(())
    }

    /// How the desk is.
    pub fn health(&self) -> Health {
        let sources = self.sources.load();
        Health {
            rules: sources.rules.version.clone(),
            campaigns: sources.directory.len(),
            faults: self.faults.load().as_ref().clone(),
            store: self.trouble.load().as_ref().clone(),
        }
    }

    /// Settles one submission.
    pub async fn step(&self, _now: i64) -> Result<Step, store::Error> {
        Ok(Step::Idle)
    }

    /// Settles submissions until cancelled; what is begun is ended first.
    pub async fn work(&self, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            match self.step(unix_ms()).await {
                Ok(Step::Settled { .. }) => {}
                Ok(Step::Idle) => {
                    tokio::select! {
                        () = self.wake.notified() => {}
                        // Leases run out without anybody knocking.
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                        () = cancel.cancelled() => {}
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the workers wait for the store");
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                        () = cancel.cancelled() => {}
                    }
                }
            }
        }
    }
}

/// The wall clock as unix milliseconds.
pub fn unix_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
