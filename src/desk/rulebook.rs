//! The rules in force, kept fresh: read again when the folder changes, swapped whole, the old ones kept on a fault.
//!
//! The folder is looked at by times, sizes and inodes, not by notifications: those are lost on network file systems and
//! when an editor replaces the folder. A change counts when the folder has been still for one look, so that a copy that is
//! under way is not read half-way.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Desk, Sources, hooks, sources};
use crate::config::fault::Fault;
use crate::reply::templates::Templates;

/// Between two looks at the folder.
const LOOK: Duration = Duration::from_secs(1);
/// Entries that are looked at; no rules folder has as many.
const ENTRIES: usize = 10_000;

/// How a folder looks: every file with its change time in nanoseconds, size and inode.
type Stamp = BTreeMap<PathBuf, (i64, i64, u64, u64)>;

/// Tells when a folder has changed and come to rest.
#[derive(Debug, Default)]
struct Watch {
    read: Option<Stamp>,
    last: Option<Stamp>,
}

impl Watch {
    /// Whether what was seen now, still as at the last look, has not been read yet. Then it counts as read.
    fn is_due(&mut self, now: Stamp) -> bool {
        let still = self.last.as_ref() == Some(&now);
        let due = still && self.read.as_ref() != Some(&now);
        if due {
            self.read = Some(now.clone());
        }
        self.last = Some(now);
        due
    }
}

impl Desk {
    /// Reads the rules folder again when it has changed, until cancelled.
    pub async fn keep_rules_fresh(&self, cancel: CancellationToken) {
        let folder = self.config.rules.dir.clone();
        if folder.as_os_str().is_empty() {
            return cancel.cancelled().await;
        }
        let mut watch = Watch::default();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let looked = folder.clone();
            let Ok(stamp) = tokio::task::spawn_blocking(move || stamp(&looked)).await else { continue };
            if watch.is_due(stamp) {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    _ = self.rules_in_force(false) => {}
                }
            }
        }
    }

    /// Reads the rules again and puts them in force, whole; whether they are others. On faults the old ones stay.
    pub async fn reload_rules(&self) -> Result<bool, Vec<Fault>> {
        self.rules_in_force(true).await
    }

    /// `asked`: somebody waits to hear of every fault; else those that were told already are not told again.
    async fn rules_in_force(&self, asked: bool) -> Result<bool, Vec<Fault>> {
        let known = self.faults.load_full();
        let _alone = self.reloading.lock().await;
        let agents = self.store.agents().await.unwrap_or_default();
        let folder = self.config.rules.dir.clone();
        let in_force = self.rules();
        // Compiling takes tens of milliseconds of a core: not on a thread that serves others.
        let read = tokio::task::spawn_blocking(move || sources::rules_after(in_force, &folder)).await;
        let read = read.expect("reading rules does not panic");
        let next = read.and_then(|rules| {
            let before = self.sources.load();
            // Those of unchanged rules are proven already.
            let templates = match Arc::ptr_eq(&rules, &before.rules) {
                true => before.templates.clone(),
                false => {
                    let compiled = Templates::compile(&rules.replies);
                    Arc::new(compiled.map_err(|faults| sources::placed(&self.config.rules.dir, faults))?)
                }
            };
            let hooks = match Arc::ptr_eq(&rules, &before.rules) {
                true => before.hooks.clone(),
                false => Arc::new(hooks::sources(&self.config, &rules)?),
            };
            Ok(Sources::new(&self.config, rules, templates, self.directory(), &agents, hooks))
        });
        let before = self.rules().version.clone();
        let result = match next {
            Ok(next) => {
                let version = next.rules.version.clone();
                // The directory may have been replaced meanwhile: that one stays.
                self.sources.rcu(|before| Sources { directory: before.directory.clone(), ..next.clone() });
                let mended = !self.faults.swap(Arc::new(vec![])).is_empty();
                if version != before {
                    tracing::info!(rules = version, before, "new rules are in force");
                } else if mended {
                    tracing::info!(rules = version, "the rules are as they were: their faults are gone");
                }
                Ok(version != before)
            }
            Err(faults) => {
                // The folder's watcher comes upon what somebody's reload has told already, or the other way round.
                let told = self.faults.load();
                let anew = asked && Arc::ptr_eq(&told, &known);
                for fault in faults.iter().filter(|fault| anew || !told.contains(fault)) {
                    tracing::error!(%fault, rules = before, "the old rules stay in force");
                }
                self.faults.store(Arc::new(faults.clone()));
                Err(faults)
            }
        };
        let word = match &result {
            Ok(true) => "changed",
            Ok(false) => "unchanged",
            Err(_) => "failed",
        };
        metrics::counter!("deskclerk_rules_reload_total", "result" => word).increment(1);
        self.show_rules(Some(&before));
        result
    }

    /// Tells the metrics which rules are in force, and which no longer are.
    pub fn show_rules(&self, before: Option<&str>) {
        let now = self.rules().version.clone();
        if let Some(before) = before.filter(|before| *before != now) {
            metrics::gauge!("deskclerk_rules_info", "version" => before.to_owned()).set(0.0);
        }
        metrics::gauge!("deskclerk_rules_info", "version" => now).set(1.0);
        metrics::gauge!("deskclerk_rules_faults").set(self.faults.load().len() as f64);
    }
}

/// How the folder looks now. What cannot be looked at is not in it: then it looks different once it can.
fn stamp(folder: &Path) -> Stamp {
    let mut stamp = Stamp::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            // Without following links: a link to a folder could lead back up, and only real folders are read.
            let Ok(own) = std::fs::symlink_metadata(&path) else { continue };
            if stamp.len() >= ENTRIES {
                return stamp;
            }
            if own.is_dir() {
                folders.push(path);
            } else if let Ok(seen) = std::fs::metadata(&path) {
                stamp.insert(path, (seen.mtime(), seen.mtime_nsec(), seen.size(), seen.ino()));
            }
        }
    }
    stamp
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn seen(size: u64) -> Stamp {
        Stamp::from([(PathBuf::from("a.toml"), (0, 0, size, 1))])
    }

    #[test]
    fn a_folder_is_due_once_it_is_still() {
        let mut watch = Watch::default();
        let looks = [(1, false), (1, true), (1, false), (2, false), (3, false), (3, true), (3, false)];
        for (look, (size, expected)) in looks.into_iter().enumerate() {
            assert_eq!(watch.is_due(seen(size)), expected, "look {look}");
        }
    }

    #[test]
    fn a_stamp_sees_every_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("topics/x.toml");
        std::fs::create_dir(folder.path().join("topics")).unwrap();
        std::fs::write(&file, "id = \"x\"").unwrap();
        let first = stamp(folder.path());
        assert_eq!(first.len(), 1);
        // Replaced by a rename, as editors do: same size, other inode.
        std::fs::write(folder.path().join("topics/.new"), "id = \"y\"").unwrap();
        std::fs::rename(folder.path().join("topics/.new"), &file).unwrap();
        assert_ne!(stamp(folder.path()), first);
        std::fs::remove_file(&file).unwrap();
        assert!(stamp(folder.path()).is_empty());
    }
}
