//! The desk: the one place where the steps meet. Submission → request → triage → ticket and outbox.
//!
//! Promises: what a door hands to [`Desk::accept`] is durable when it returns; every submission ends in exactly one
//! outcome, written in one transaction with the ticket and the outbox rows that it causes; a mail that cannot be read
//! is quarantined and the next one flows. Time is an argument of every step; only [`Desk::work`] looks at the clock.

mod alarm;
pub mod answer;
pub mod apart;
mod changing;
pub mod contract;
pub mod cores;
pub mod directory;
pub mod doors;
pub mod draft;
pub mod fetch;
pub mod fetching;
pub mod folder;
pub mod gauges;
pub mod health;
pub mod hooks;
pub mod judge;
pub mod limit;
mod lookup;
mod matter;
pub mod notice;
pub mod origin;
pub mod place;
pub mod post;
pub mod problem;
pub mod proxy;
pub mod quarantine;
pub mod read;
pub mod redeliver;
pub mod remote;
pub mod replay;
pub mod retention;
mod rulebook;
pub mod shown;
pub mod sources;
mod stage;
pub mod team;
pub mod verify;
pub mod waiting;
mod witness;
pub mod work;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::sync::Notify;

use crate::campaigns::Directory;
use crate::config::fault::Fault;
use crate::config::hours::Hours;
use crate::config::secret;
use crate::config::settings::Config;
use crate::reply::templates::Templates;
use crate::reply::token::Keys;
use crate::request::Setting;
use crate::rules::Rules;
use crate::store::agents::Agent;
use crate::store::breaker::Breaker;
use crate::store::endpoints::Endpoint;
use crate::store::outbox::{Outgoing, Payload};
use crate::store::queues::Queues;
use crate::store::submissions::{Kind, New, Outcome, Submitted};
use crate::store::{self, Store};
use crate::ticket::Ticket;

use answer::Means;
use directory::Origin;
use doors::Doors;
use health::Pulse;
use hooks::HookSources;
use notice::Changed;
use sources::Lock;
use verify::Verifier;
use witness::Witness;

/// How often, and after which time, a lock that somebody holds is asked for again.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Why a desk could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Rules or directory have faults, and there are no older ones to keep.
    #[error("rules, directory or settings have faults\n{}", list(.0))]
    Faults(Vec<Fault>),
    /// Another process works on this data folder.
    #[error("another deskclerk works in {}; end it first, or give this one a desk.data_dir of its own", .0.display())]
    Taken(PathBuf),
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

/// What the desk judges by; swapped whole.
#[derive(Debug, Clone)]
struct Sources {
    rules: Arc<Rules>,
    templates: Arc<Templates>,
    directory: Arc<Directory>,
    setting: Setting,
    hooks: Arc<HookSources>,
}

impl Sources {
    fn new(
        config: &Config,
        rules: Arc<Rules>,
        templates: Arc<Templates>,
        directory: Arc<Directory>,
        agents: &[Agent],
        hooks: Arc<HookSources>,
    ) -> Sources {
        let setting = sources::setting_for(config, &rules, agents);
        Sources { rules, templates, directory, setting, hooks }
    }

    fn means<'a>(&'a self, config: &'a Config, keys: &'a Keys, hours: &'a Hours) -> Means<'a> {
        Means {
            config,
            templates: &self.templates,
            keys,
            directory: &self.directory,
            own_addresses: &self.setting.own_addresses,
            hours,
        }
    }
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    /// Where everything is kept.
    pub store: Store,
    /// The settings it was opened with.
    pub config: Arc<Config>,
    /// Names this process among those that share a store.
    pub node: String,
    /// Wakes the workers: a submission came in.
    pub wake: Notify,
    /// Wakes delivery: the outbox has new rows.
    pub outbox_wake: Notify,
    /// Wakes those who look for agents' answers in other help desks.
    pub poll_wake: Notify,
    sources: ArcSwap<Sources>,
    faults: ArcSwap<Vec<Fault>>,
    /// Held while rules are read: two readers would each tell the same faults.
    reloading: tokio::sync::Mutex<()>,
    origin: Origin,
    trouble: ArcSwap<Option<String>>,
    breaker: ArcSwap<Option<Breaker>>,
    /// How the doors of this process stand.
    pub doors: Doors,
    queues: ArcSwap<Option<Queues>>,
    pulse: Pulse,
    endpoints: ArcSwap<Vec<Endpoint>>,
    hours: Arc<Hours>,
    keys: Keys,
    verifier: Option<Verifier>,
    witness: Arc<Witness>,
    /// The program that reads what a process may have ended over, see `apart`.
    program: OnceLock<PathBuf>,
    /// Held while this process is the only one on an embedded database.
    _alone: Lock,
}

impl Desk {
    /// Opens store, rules, directory and token keys.
    pub async fn open(config: Config) -> Result<Arc<Desk>, Error> {
        let url = sources::store_url(&config)?;
        let alone = sources::lock(&url, &config.desk.data_dir)?;
        Desk::with(config, url, alone).await
    }

    /// Opens it as the only one on an embedded database; where another process works on that, nothing is read or written.
    /// PostgreSQL serves many.
    pub async fn open_alone(config: Config) -> Result<Arc<Desk>, Error> {
        let url = sources::store_url(&config)?;
        let mut alone = sources::lock(&url, &config.desk.data_dir)?;
        // Of one that was killed just now, a process that it was starting may hold the lock for a moment.
        for _ in 0..LOCK_TRIES {
            if !matches!(alone, Lock::Taken) {
                break;
            }
            tokio::time::sleep(LOCK_PAUSE).await;
            alone = sources::lock(&url, &config.desk.data_dir)?;
        }
        match alone {
            Lock::Taken => Err(Error::Taken(config.desk.data_dir)),
            alone => Desk::with(config, url, alone).await,
        }
    }

    async fn with(config: Config, url: String, alone: Lock) -> Result<Arc<Desk>, Error> {
        // The rules compile on this thread while others open the store.
        let (data_dir, connections) = (config.desk.data_dir.clone(), config.store.connections);
        let blobs = sources::blobs(&config)?;
        let store = tokio::spawn(async move { Store::open(&url, &data_dir, connections).await });
        let rules = sources::rules(&config.rules.dir).map_err(Error::Faults)?;
        let store =
            store.await.unwrap_or_else(|cause| std::panic::resume_unwind(cause.into_panic()))?.with_blobs(blobs);
        let (directory, origin) = directory::at_start(&config, &store).await?;
        let agents = store.agents().await?;
        let templates = Templates::compile(&rules.replies).map(Arc::new);
        let templates = templates.map_err(|faults| Error::Faults(sources::placed(&config.rules.dir, faults)))?;
        let hooks = Arc::new(hooks::sources(&config, &rules).map_err(Error::Faults)?);
        let sources = Sources::new(&config, rules, templates, Arc::new(directory), &agents, hooks);
        let keys = sources::token_keys(&config)?;
        let hours = sources::hours(&config).map_err(Error::Faults)?;
        let verifier = Verifier::of(&config.desk).map_err(Error::Faults)?;
        let breaker = store.breaker(unix_ms()).await?;
        for left in witness::left(&config.desk.data_dir) {
            if !left.ids.is_empty() {
                tracing::warn!(submissions = ?left.ids, "the process before this one ended while it read these");
                store.blame(&left.ids).await?;
            }
            left.settled();
        }
        if matches!(alone, Lock::Held(_)) {
            store.forget_claims().await?;
        }
        let witness = Arc::new(Witness::below(&config.desk.data_dir));
        Ok(Arc::new(Desk {
            store,
            config: Arc::new(config),
            node: uuid::Uuid::now_v7().to_string(),
            wake: Notify::new(),
            outbox_wake: Notify::new(),
            poll_wake: Notify::new(),
            sources: ArcSwap::from_pointee(sources),
            faults: ArcSwap::from_pointee(vec![]),
            reloading: tokio::sync::Mutex::default(),
            origin,
            trouble: ArcSwap::from_pointee(None),
            breaker: ArcSwap::from_pointee(breaker),
            doors: Doors::default(),
            queues: ArcSwap::from_pointee(None),
            pulse: Pulse::default(),
            endpoints: ArcSwap::from_pointee(vec![]),
            hours: Arc::new(hours),
            keys,
            verifier,
            witness,
            program: OnceLock::new(),
            _alone: alone,
        }))
    }

    /// From now on, what a process may have ended over is first read by this program, a deskclerk, in a process of its own.
    pub fn read_apart_with(&self, program: PathBuf) {
        let _ = self.program.set(program);
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

    /// The reply templates in force.
    pub fn templates(&self) -> Arc<Templates> {
        self.sources.load().templates.clone()
    }

    /// How the posts of a webhook source are read.
    pub fn hook_source(&self, door: &str) -> Option<Arc<hooks::HookSource>> {
        self.sources.load().hooks.get(door).cloned()
    }

    /// What signs reply tokens and one-tap answers.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether the desk is open at this moment (unix ms).
    pub fn is_open(&self, now: i64) -> bool {
        self.hours.is_open(now)
    }

    /// What answering needs.
    fn means<'a>(&'a self, sources: &'a Sources) -> Means<'a> {
        sources.means(&self.config, &self.keys, &self.hours)
    }

    /// Sends a draft after all; [`Desk::drop_outgoing`] discards it.
    pub async fn release_draft(&self, id: &str, actor: &str, now: i64) -> Result<Outgoing, store::Error> {
        let sources = self.sources.load_full();
        let means = self.means(&sources);
        let follows = |before: &Ticket, after: &Ticket| {
            notice::outgoing(Changed { before: Some(before), after, message: None, reply: None, actor }, means, now)
        };
        let renew = |payload: &mut Payload| answer::renew_taps(payload, means, now);
        let released = self.store.release_draft(id, renew, actor, means.chase(now), now, follows).await?;
        self.outbox_wake.notify_one();
        Ok(released)
    }

    /// Tries a row again; see [`Store::retry_outgoing`].
    pub async fn retry_outgoing(&self, id: &str, actor: &str, now: i64) -> Result<Outgoing, store::Error> {
        let sources = self.sources.load_full();
        let means = self.means(&sources);
        let follows = |before: &Ticket, after: &Ticket| {
            notice::outgoing(Changed { before: Some(before), after, message: None, reply: None, actor }, means, now)
        };
        let retried = self.store.retry_outgoing(id, actor, means.chase(now), now, follows).await?;
        self.outbox_wake.notify_one();
        Ok(retried)
    }

    /// Stores a submission durably and wakes the workers.
    pub async fn accept(&self, new: New) -> Result<Submitted, store::Error> {
        self.accept_for(new, true).await
    }

    /// As [`Desk::accept`]. Not `acknowledged`: the door has yet to flag or move it.
    pub async fn accept_for(&self, mut new: New, acknowledged: bool) -> Result<Submitted, store::Error> {
        // What is not answered needs no proof.
        if let Some(verifier) = self.verifier.as_ref().filter(|_| new.kind == Kind::Mail && new.answerable) {
            new.envelope.authentication = Some(verifier.verify(&new.raw).await);
        }
        let submitted = self.store.submit_for(new, acknowledged).await;
        match &submitted {
            Ok(_) => {
                self.wake.notify_one();
                self.well();
            }
            Err(error) => self.troubled(error),
        }
        submitted
    }

    /// Reads rules and directory again and puts them in force, each whole. On faults the old ones stay in force, and
    /// [`Desk::health`] says so. The caller tells the operator.
    pub async fn reload(&self) -> Vec<Fault> {
        let mut faults = self.look_for_directory(true).await.err().unwrap_or_default();
        faults.extend(self.reload_rules().await.err().unwrap_or_default());
        faults
    }

    fn troubled(&self, error: &store::Error) {
        self.trouble.store(Arc::new(Some(error.to_string())));
    }

    fn well(&self) {
        if self.trouble.load().is_some() {
            self.trouble.store(Arc::new(None));
        }
    }
}

/// The wall clock as unix milliseconds.
pub fn unix_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
