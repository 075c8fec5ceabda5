//! How the desk is: what stands in `/readyz`, in `deskclerk status` and before the watchdog.
//!
//! Says what is, however bad: a desk that cannot work is not ready, one that works with something amiss says what.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Desk, doors};
use crate::config::fault::Fault;
use crate::store::breaker::Breaker;
use crate::store::endpoints::Endpoint;
use crate::store::queues::Queues;

/// Workers that have not come round for so long are stuck: a batch takes seconds, a store that is away is noticed in one
/// minute.
const STUCK: Duration = Duration::from_secs(180);

/// A store that takes longer over the smallest question is not there. Those that ask for readiness wait little longer.
const ANSWER: Duration = Duration::from_secs(2);

/// How the desk is, for `/readyz`, `status` and the console.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The version of the rules in force.
    pub rules: String,
    /// How many campaigns the directory in force holds.
    pub campaigns: usize,
    /// When the directory's source last gave it, or said that it has the same, unix ms; `None`: not since the start.
    pub directory_read_at: Option<i64>,
    /// Why the newest rules or directory are not in force; empty: they are.
    pub faults: Vec<Fault>,
    /// What the store last failed with; `None`: the last access went well.
    pub store: Option<String>,
    /// Set while the breaker holds all automatic replies back.
    pub breaker: Option<Breaker>,
    /// The doors of this process.
    pub doors: std::collections::BTreeMap<String, doors::State>,
    /// What waited when it was last counted; `None`: not yet.
    pub queues: Option<Queues>,
    /// Webhooks and connectors that fail or are disabled.
    pub endpoints: Vec<Endpoint>,
}

/// One thing that is right or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// It is right.
    pub ok: bool,
    /// When it is not, the desk is not ready.
    pub needed: bool,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// The last signs of life of the workers, each by itself: one that is stuck is not covered by the others.
#[derive(Debug)]
pub(super) struct Pulse {
    start: Instant,
    beats: [AtomicU64; super::work::LANES],
}

impl Default for Pulse {
    fn default() -> Pulse {
        Pulse { start: Instant::now(), beats: Default::default() }
    }
}

impl Pulse {
    /// This worker has come round.
    pub(super) fn beat(&self, lane: usize) {
        if let Some(beat) = self.beats.get(lane) {
            beat.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
        }
    }

    /// How long the slowest worker has not come round.
    fn silence(&self) -> Duration {
        let oldest = self.beats.iter().map(|beat| beat.load(Ordering::Relaxed)).min().unwrap_or(0);
        self.start.elapsed().saturating_sub(Duration::from_millis(oldest))
    }
}

impl Desk {
    /// How the desk is.
    pub fn health(&self) -> Health {
        let sources = self.sources.load();
        Health {
            rules: sources.rules.version.clone(),
            campaigns: sources.directory.len(),
            directory_read_at: self.origin.good_at(),
            faults: self.directory_faults().iter().chain(self.faults.load().iter()).cloned().collect(),
            store: self.trouble.load().as_ref().clone(),
            breaker: self.breaker.load().as_ref().clone(),
            doors: self.doors.all(),
            queues: self.queues.load().as_ref().clone(),
            endpoints: self.endpoints.load().as_ref().clone(),
        }
    }

    /// Whether the workers of this process come round, and new submissions can be committed. For the watchdog: when they
    /// do not, only a new process helps. A store that is away is none of that; it is waited for.
    pub fn works(&self) -> Result<(), String> {
        let silence = self.pulse.silence();
        if silence > STUCK {
            return Err(format!("a worker has not come round for {} s", silence.as_secs()));
        }
        if self.store.is_deaf() {
            return Err("nothing can be committed: the committer has ended".to_owned());
        }
        Ok(())
    }

    /// All that must or should be right. Asks the store.
    pub async fn checks(&self) -> Vec<Check> {
        let check = |name, needed, because: Option<String>| Check { name, ok: because.is_none(), needed, because };
        let asked = tokio::time::timeout(ANSWER, self.store.ping()).await;
        let store = match asked {
            Ok(Ok(())) => self.trouble.load().as_ref().clone(),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("the store does not answer in {} s", ANSWER.as_secs())),
        };
        let shut = self.doors.all().into_iter().filter(|(_, door)| !door.open && !door.elsewhere);
        let shut: Vec<String> =
            shut.map(|(name, door)| format!("{name}: {}", door.because.unwrap_or_default())).collect();
        let faults = self.health().faults.iter().map(ToString::to_string).collect::<Vec<_>>();
        let some = |list: Vec<String>| (!list.is_empty()).then(|| list.join("; "));
        let directory =
            self.awaits_directory().then(|| "no directory has been read yet: mail is taken in, not judged".to_owned());
        let breaker = self.breaker.load().as_ref().as_ref().map(|breaker| breaker.because.clone());
        let queues = self.queues.load();
        let quarantined = queues.as_ref().as_ref().map_or(0, |queues| queues.quarantined);
        let dead = queues.as_ref().as_ref().map_or(0, |queues| queues.dead);
        vec![
            check("store", true, store),
            check("workers", true, self.works().err()),
            check("directory", true, directory),
            check("doors", false, some(shut)),
            check("sources", false, some(faults)),
            check("breaker", false, breaker),
            check("quarantine", false, (quarantined > 0).then(|| format!("{quarantined} wait for a decision"))),
            check("dead_letters", false, (dead > 0).then(|| format!("{dead} wait for a decision"))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_that_is_stuck_is_noticed() {
        let start = Instant::now().checked_sub(Duration::from_secs(600)).unwrap_or_else(Instant::now);
        let pulse = Pulse { start, beats: Default::default() };
        pulse.beat(0);
        assert_eq!(pulse.silence().as_secs(), start.elapsed().as_secs());
        pulse.beat(1);
        assert!(pulse.silence() < Duration::from_secs(5));
        pulse.beat(99);
    }
}
