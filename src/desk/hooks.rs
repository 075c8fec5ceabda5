//! Webhook sources: how the posts of each are read, by its preset and its own map.
//!
//! Plain data, compiled from settings and rules and swapped with them; secrets are the door's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Desk, unix_ms};
use crate::config::fault::Fault;
use crate::config::settings::{Config, Hook};
use crate::request::hook::body::{self, Closed, Opened};
use crate::request::hook::preset::{self, Preset};
use crate::request::hook::{self, FieldFault, HookMap};
use crate::rules::Rules;
use crate::store;

/// The preset of a source that names none.
const GENERIC: &str = "generic";

/// How the posts of one source are read.
#[derive(Debug)]
pub struct HookSource {
    /// The vendor's preset.
    pub preset: Preset,
    /// Where the fields stand.
    pub map: HookMap,
    embedded: Vec<String>,
}

/// The sources by door, `hook:NAME`.
pub type HookSources = HashMap<String, Arc<HookSource>>;

/// All sources of the settings; all faults at once.
pub fn sources(config: &Config, rules: &Rules) -> Result<HookSources, Vec<Fault>> {
    let mut sources = HookSources::new();
    let mut faults = vec![];
    for hook in &config.hook {
        match source(hook, rules) {
            Ok(source) => drop(sources.insert(door(&hook.name), Arc::new(source))),
            Err(found) => faults.extend(found.into_iter().map(|(key, message, remedy)| Fault {
                file: "[[hook]]".into(),
                line: 0,
                message: format!("{key} of hook `{}`: {message}", hook.name),
                remedy,
            })),
        }
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults) }
}

/// One source; of all that is wrong the key of `[[hook]]`, what, and the remedy.
pub fn source(hook: &Hook, rules: &Rules) -> Result<HookSource, Vec<(String, String, String)>> {
    let name = preset_name(hook);
    let Some(text) = rules.hooks.get(name) else {
        let known: Vec<&str> = rules.hooks.keys().map(String::as_str).collect();
        let message = format!("there is no preset `{name}`");
        return Err(vec![("preset".into(), message, format!("known are {}", known.join(", ")))]);
    };
    let preset = Preset::read(text, name).map_err(|fault| vec![("preset".into(), fault.to_string(), fault.remedy)])?;
    let told = |(key, why): (String, String)| (format!("map.{key}"), why, preset::REMEDY.to_owned());
    let map = preset.map(&hook.map).map_err(|faults| faults.into_iter().map(told).collect::<Vec<_>>())?;
    let embedded = map.embedded();
    Ok(HookSource { preset, map, embedded })
}

/// The name of the preset that a source is read by.
pub fn preset_name(hook: &Hook) -> &str {
    if hook.preset.is_empty() { GENERIC } else { &hook.preset }
}

/// The door of a source.
pub fn door(name: &str) -> String {
    format!("hook:{name}")
}

impl HookSource {
    /// Opens a body of this source.
    pub fn open(&self, content_type: &str, raw: &[u8]) -> Result<Opened, Closed> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let json = self.preset.json_types.iter().any(|listed| listed.eq_ignore_ascii_case(essence));
        body::open(if json { "application/json" } else { content_type }, raw, &self.embedded)
    }

    /// The bytes of an attachment of a post, by its place in the request's list.
    pub fn attachment(&self, content_type: &str, raw: &[u8], index: usize) -> Option<Vec<u8>> {
        hook::files::content(&self.open(content_type, raw).ok()?, &self.map, index)
    }
}

/// How often old keys are freed.
const FREE_EVERY: Duration = Duration::from_secs(10 * 60);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Desk {
    /// Frees the keys of posts that are old enough, until cancelled.
    pub async fn keep_keys_short(&self, cancel: &CancellationToken) {
        while !cancel.is_cancelled() {
            if let Err(error) = self.free_keys(unix_ms()).await {
                tracing::warn!(%error, "old keys of webhooks are freed later");
            }
            tokio::select! {
                () = tokio::time::sleep(FREE_EVERY) => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    /// Frees the keys of posts that came longer ago than their source keeps them. How many. `now` is unix milliseconds.
    pub async fn free_keys(&self, now: i64) -> Result<u64, store::Error> {
        let mut freed = 0;
        for hook in &self.config.hook {
            let until = now - i64::from(hook.keep_keys_days) * DAY_MS;
            freed += self.store.free_keys(&door(&hook.name), until).await?;
        }
        Ok(freed)
    }
}

/// What is wrong, in one line.
pub fn list(faults: &[FieldFault]) -> String {
    let faults: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.message)).collect();
    faults.join("; ")
}
