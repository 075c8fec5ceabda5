//! Delivery: what the outbox holds goes out, by SMTP or into a folder, to webhooks, to other help desks.
//!
//! Sends nothing that was not in the outbox first, and marks as sent only what the other side has taken. A crash between
//! the two repeats a mail or post with the id it had before; nothing is lost. Mails, each webhook and each connector have a
//! lane of their own: one that hangs holds up no other.

pub mod mail;

pub mod connector;
mod dkim;
mod folder;
mod lane;
mod smtp;
pub mod trial;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::secret;
use crate::config::settings::Config;
use crate::desk::Desk;
use crate::store::outbox::{Lane, Outgoing};

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has taken it.
    Sent,
    /// Not now, or nobody knows: again later.
    Retry {
        /// Why, readable, without secrets.
        error: String,
        /// How long the other side asks to be left alone.
        after: Option<Duration>,
    },
    /// Never: agents see it.
    Dead {
        /// Why, readable, without secrets.
        error: String,
    },
    /// Never, and nothing else either: the other side wants no more.
    Gone {
        /// Why, readable, without secrets.
        error: String,
    },
}

impl Delivery {
    /// Not now; when it is tried again is ours to say.
    fn retry(error: String) -> Delivery {
        Delivery::Retry { error, after: None }
    }
}

/// The ways out.
enum Way {
    Smtp(Box<smtp::Smtp>),
    Folder(PathBuf),
    Webhook(Box<webhook::Webhook>),
    Connector(Box<connector::Connector>),
}

impl Way {
    fn of_mail(config: &Config) -> Option<Way> {
        if !config.smtp.folder.as_os_str().is_empty() {
            return Some(Way::Folder(config.smtp.folder.clone()));
        }
        let host = !config.smtp.host.is_empty();
        host.then(|| Way::Smtp(Box::new(smtp::Smtp::new(config.smtp.clone(), &config.desk.address))))
    }

    async fn send(&self, desk: &Desk, outgoing: &Outgoing) -> Delivery {
        match self {
            Way::Smtp(smtp) => smtp.send(outgoing).await,
            Way::Folder(folder) => folder::write(folder, outgoing),
            Way::Webhook(webhook) => webhook.send(outgoing).await,
            Way::Connector(connector) => connector.send(desk, outgoing).await,
        }
    }
}

/// What sending needs, without a connection: each key of `[smtp]` whose file can be read and not be used, and why.
pub fn prove(config: &Config) -> Vec<(&'static str, String)> {
    smtp::Smtp::new(config.smtp.clone(), &config.desk.address).prove()
}

/// The webhooks that have a secret which can be read and not be used, by their place, and why.
pub fn prove_webhooks(config: &Config) -> Vec<(usize, String)> {
    let webhooks = config.webhook.iter().enumerate();
    let files = webhooks.flat_map(|(n, webhook)| webhook.secret_files.iter().map(move |file| (n, file)));
    let readable = files.filter_map(|(n, file)| Some((n, file, secret::read_line(file).ok()?)));
    readable.filter_map(|(n, file, line)| Some((n, webhook::key(file, &line).err()?))).collect()
}

/// Sends what is due until `cancel`; then finishes what is on the wire, within a deadline. Without a way out (no
/// `smtp.host`, no `smtp.folder`) mails wait in the outbox.
pub async fn run(desk: Arc<Desk>, cancel: CancellationToken) {
    let mut ways = vec![];
    match Way::of_mail(&desk.config) {
        Some(way) => ways.push((Lane::Mail, way, desk.config.smtp.connections)),
        None => tracing::warn!("smtp.host is empty: replies wait in the outbox"),
    }
    for settings in &desk.config.webhook {
        let way = Way::Webhook(Box::new(webhook::Webhook::new(settings.clone(), &desk.config.egress)));
        ways.push((Lane::Webhook(settings.name.clone()), way, settings.connections));
    }
    let mut tasks = JoinSet::new();
    for settings in &desk.config.connector {
        let connector = connector::Connector::new(settings.clone(), &desk.config.egress);
        let (watcher, token) = (Arc::clone(&desk), cancel.clone());
        let watched = connector.clone();
        tasks.spawn(async move { watched.watch(&watcher, token).await });
        ways.push((Lane::Connector(settings.name.clone()), Way::Connector(Box::new(connector)), connector::AT_ONCE));
    }
    let names: Vec<&String> = ways.iter().filter_map(|(lane, ..)| lane::name(lane)).collect();
    for name in desk.store.waited_for().await.unwrap_or_default().iter().filter(|name| !names.contains(name)) {
        tracing::warn!(
            name,
            "rows of the outbox wait for a webhook or connector that the settings do not name; `deskclerk outbox list --to`"
        );
    }
    let mut wakes = vec![];
    for (lane, way, places) in ways {
        let wake = Arc::new(Notify::new());
        wakes.push(Arc::clone(&wake));
        tasks.spawn(lane::run(lane, way, places.max(1) as usize, Arc::clone(&desk), wake, cancel.clone()));
    }
    loop {
        tokio::select! {
            () = desk.outbox_wake.notified() => wakes.iter().for_each(|wake| wake.notify_one()),
            // A lane that ends by itself has failed: whoever supervises this task brings all down in order.
            Some(_) = tasks.join_next() => break,
            () = cancel.cancelled() => break,
        }
    }
    if !cancel.is_cancelled() {
        return tracing::error!("a lane of delivery ended");
    }
    while tasks.join_next().await.is_some() {}
}
