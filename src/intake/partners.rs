//! The partners' webhooks as the settings name them: how the posts of each are verified, and how many it may send.
//!
//! Secrets are read from their files here, again at every reload, and go nowhere else. At a fault the old ones stay.
//! Certificates that a scheme needs are fetched when a post first names them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::signature::scheme::Scheme;
use super::signature::{Doubt, Post, Verifier};
use crate::config::fault::Fault;
use crate::config::secret;
use crate::config::settings::{Config, Hook};
use crate::desk::fetch::Guard;
use crate::desk::problem::Problem;
use crate::desk::{Desk, folder, hooks};
use crate::request::hook::preset::Preset;
use crate::rules::Rules;

const SECRET_REMEDY: &str = "write the secret of that source alone into the file; `openssl rand -base64 32` makes one";
const VERIFY_REMEDY: &str = "write one of those that `deskclerk config print` lists";
/// A certificate and its chain.
const CERTIFICATE_BYTES: usize = 64 << 10;
/// For fetching it; vendors wait 15 s for an answer.
const FETCH: Duration = Duration::from_secs(8);

/// One partner system.
#[derive(Debug)]
pub struct Partner {
    /// Its door: `hook:NAME`.
    pub door: String,
    /// How its posts are verified.
    pub verifier: Verifier,
    limit: Option<DefaultDirectRateLimiter>,
    /// One certificate at a time: many posts may lack the same one at once.
    fetching: tokio::sync::Mutex<()>,
}

impl Partner {
    /// Verifies a post and gives the delivery's id, as [`Verifier::verify`]; a certificate that it takes is fetched first.
    pub async fn verify(&self, desk: &Desk, post: &Post<'_>, now_secs: i64) -> Result<Option<String>, Doubt> {
        let verdict = self.verifier.verify(post, now_secs);
        if !matches!(verdict, Err(Doubt::Certificate(_))) {
            return verdict;
        }
        let _alone = self.fetching.lock().await;
        let verdict = self.verifier.verify(post, now_secs);
        let Err(Doubt::Certificate(url)) = verdict else { return verdict };
        let request = axum::http::Request::new(vec![]);
        let answer = Guard::new(&desk.config.egress.allow).send(&url, request, CERTIFICATE_BYTES, FETCH).await;
        let learnt = match answer {
            Ok(answer) if answer.status.is_success() => self.verifier.learn(&url, &answer.body, now_secs),
            Ok(answer) => Err(format!("answers {}", answer.status)),
            Err(failure) => Err(failure.to_string()),
        };
        if let Err(error) = learnt {
            tracing::warn!(error, hook = self.door, "a certificate could not be had");
        }
        self.verifier.verify(post, now_secs)
    }

    /// Counts one post, or says how long to wait.
    pub fn count(&self) -> Result<(), Problem> {
        let Some(limit) = &self.limit else { return Ok(()) };
        limit.check().map_err(|until| Problem::TooMany(until.wait_time_from(limit.clock().now()).as_secs() + 1))
    }
}

/// The partners by their sources' names.
#[derive(Debug)]
pub struct Hooks(ArcSwap<HashMap<String, Arc<Partner>>>);

impl Hooks {
    /// Reads the secrets of all sources; all faults at once.
    pub fn open(config: &Config) -> Result<Arc<Hooks>, Vec<Fault>> {
        Ok(Arc::new(Hooks(ArcSwap::from_pointee(load(config)?))))
    }

    /// Reads the secrets again, for a rotation without a restart; at a fault the old ones stay.
    pub fn reload(&self, config: &Config) -> Result<(), Vec<Fault>> {
        self.0.store(Arc::new(load(config)?));
        Ok(())
    }

    /// The partner of a source.
    pub fn get(&self, name: &str) -> Result<Arc<Partner>, Problem> {
        self.0.load().get(name).cloned().ok_or_else(|| Problem::no("webhook source"))
    }
}

fn load(config: &Config) -> Result<HashMap<String, Arc<Partner>>, Vec<Fault>> {
    let mut faults = vec![];
    let mut partners = HashMap::new();
    for hook in &config.hook {
        match partner(hook, config) {
            Ok(partner) => drop(partners.insert(hook.name.clone(), Arc::new(partner))),
            Err(found) => faults.push(found),
        }
    }
    if faults.is_empty() { Ok(partners) } else { Err(faults) }
}

/// What is wrong with how a source is verified, as far as its secrets can be read: key of `[[hook]]`, what, remedy.
pub fn wrong(hook: &Hook, config: &Config) -> Vec<(&'static str, String, &'static str)> {
    let Ok(scheme) = scheme(hook, config) else {
        // Of an unknown preset nobody knows what it says.
        let known = hook.preset.is_empty() || preset_text(&hook.preset, config).is_some();
        let message = "says nothing, and neither does the preset".into();
        return known.then_some(("verify", message, VERIFY_REMEDY)).into_iter().collect();
    };
    let readable = hook.secret_files.iter().filter_map(|path| Some((path, secret::read_line(path).ok()?)));
    let unfit = readable.filter_map(|(path, text)| {
        let why = Verifier::open(hook, scheme, std::slice::from_ref(&text)).err()?;
        Some(("secret_files", format!("the secret of {} {why}", path.display()), SECRET_REMEDY))
    });
    unfit.collect()
}

/// One partner, with its secrets.
pub fn partner(hook: &Hook, config: &Config) -> Result<Partner, Fault> {
    let fault = |file: String, message: String, remedy: &str| Fault { file, line: 0, message, remedy: remedy.into() };
    let scheme = scheme(hook, config)?;
    let mut secrets = vec![];
    for path in &hook.secret_files {
        let file = path.display().to_string();
        let unreadable = |error: secret::Unreadable| {
            let message = format!("the secret of hook `{}` cannot be read: {error}", hook.name);
            fault(file.clone(), message, "create the file")
        };
        let text = secret::read_line(path).map_err(unreadable)?;
        // One by one, so that the fault names the file.
        Verifier::open(hook, scheme, std::slice::from_ref(&text)).map_err(|why| {
            let message = format!("the secret of hook `{}` {why}", hook.name);
            fault(file, message, SECRET_REMEDY)
        })?;
        secrets.push(text);
    }
    let wrong =
        |why: String| fault("[[hook]]".into(), format!("hook `{}` {why}", hook.name), "name a file in secret_files");
    if secrets.is_empty() {
        return Err(wrong("has no secret".into()));
    }
    let verifier = Verifier::open(hook, scheme, &secrets).map_err(wrong)?;
    let quota = NonZeroU32::new(hook.per_minute).map(Quota::per_minute);
    Ok(Partner {
        door: hooks::door(&hook.name),
        verifier,
        limit: quota.map(RateLimiter::direct),
        fetching: Default::default(),
    })
}

/// How a source is verified: as it says, else as its preset does, else by Standard Webhooks.
fn scheme(hook: &Hook, config: &Config) -> Result<Scheme, Fault> {
    let verify = match (hook.verify.as_str(), hook.preset.as_str()) {
        ("", "") => return Ok(Scheme::StandardWebhooks),
        ("", name) => {
            let text = preset_text(name, config);
            text.and_then(|text| Preset::read(&text, name).ok()).map(|preset| preset.verify).unwrap_or_default()
        }
        (verify, _) => verify.to_owned(),
    };
    Scheme::parse(&verify).ok_or_else(|| Fault {
        file: "[[hook]]".into(),
        line: 0,
        message: format!("verify of hook `{}` says nothing, and neither does its preset", hook.name),
        remedy: VERIFY_REMEDY.into(),
    })
}

fn preset_text(name: &str, config: &Config) -> Option<String> {
    let file = format!("hooks/{name}.toml");
    let own = folder::read(&config.rules.dir).ok().and_then(|mut files| files.remove(&file));
    own.or_else(|| Rules::shipped_files().remove(&file)).map(Cow::into_owned)
}

/// The address that a source's posts are sent to.
pub fn url(desk: &Desk, path_and_query: &str) -> String {
    format!("{}{path_and_query}", desk.config.desk.public_url)
}
