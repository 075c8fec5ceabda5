//! Connectors: a ticket as other help desks have it, too. One row of the outbox is one step there; what agents answer
//! there is read back.
//!
//! Promises: a ticket is created there once: it is looked for by its id first, and an entry that may have been made is
//! looked for by its mark before it is made again. Nothing here mails a customer: what the customer wrote goes in as his,
//! what the desk found as an internal note.

mod api;
mod freshdesk;
mod osticket;
mod ours;
mod rt;
mod zammad;
mod zendesk;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Delivery;
use crate::config::endpoints::{self, Vendor};
use crate::config::settings::Egress;
use crate::desk::notice::{Handover, Task};
use crate::desk::remote::News;
use crate::desk::{Desk, unix_ms};
use crate::store::outbox::Outgoing;
use crate::store::remote::Remote;
use crate::ticket::Status;

use api::{Api, Trouble};
use ours::{Entry, Ours};

/// Rows at once: help desks bound what a minute may bring.
pub const AT_ONCE: u32 = 2;
/// So long a ticket waits for attachments that its post named by URL; then it goes without them.
const FETCHING: Duration = Duration::from_secs(3 * 60);
/// How a ticket stands that was just created, before the first look.
const CREATED: &str = "created";
/// The pause of one that looks only at what is said to have changed, should a word of that be missed.
const HINTED_PAUSE: Duration = Duration::from_secs(30);
/// The shortest pause between two looks for answers.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// The way to one help desk. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connector {
    settings: Arc<endpoints::Connector>,
    api: Arc<Api>,
}

impl Connector {
    /// Connects to nothing yet.
    pub fn new(settings: endpoints::Connector, egress: &Egress) -> Connector {
        let api = Arc::new(Api::new(&settings, egress));
        Connector { settings: Arc::new(settings), api }
    }

    /// Takes one step for one ticket.
    pub async fn send(&self, desk: &Desk, outgoing: &Outgoing) -> Delivery {
        let Ok(handover) = serde_json::from_str::<Handover>(&outgoing.payload.text) else {
            return Delivery::Dead { error: "its payload is no handover".into() };
        };
        let known = match desk.store.remote_ticket(&self.settings.name, outgoing.ticket_id).await {
            Ok(known) => known,
            Err(error) => return Delivery::retry(error.to_string()),
        };
        let ours = match ours::gather(desk, &self.settings, outgoing, &handover).await {
            Ok(Some(ours)) => ours,
            Ok(None) => return Delivery::Dead { error: format!("there is no ticket {}", outgoing.ticket_id) },
            Err(error) => return Delivery::retry(error.to_string()),
        };
        if ours.fetching && unix_ms() - outgoing.created_at < FETCHING.as_millis() as i64 {
            return Delivery::retry("its attachments are still being fetched".into());
        }
        match self.step(desk, outgoing, &handover, &ours, known).await {
            Ok(()) => Delivery::Sent,
            Err(Trouble::Again { error, after }) => Delivery::Retry { error, after },
            Err(Trouble::Unknown(error)) => Delivery::retry(format!("unknown outcome: {error}")),
            Err(Trouble::Never { error, .. }) => Delivery::Dead { error },
        }
    }

    async fn step(
        &self,
        desk: &Desk,
        outgoing: &Outgoing,
        handover: &Handover,
        ours: &Ours,
        known: Option<Remote>,
    ) -> Result<(), Trouble> {
        let (name, ticket) = (&self.settings.name, outgoing.ticket_id);
        let keep = async |id: &str, seen: Option<&str>| {
            let kept = desk.store.keep_remote(name, ticket, id, seen, unix_ms()).await;
            kept.map_err(|error| Trouble::again(error.to_string()))
        };
        let forget =
            async || desk.store.forget_remote(name, ticket).await.map_err(|error| Trouble::again(error.to_string()));
        let begun = known.as_ref().is_some_and(|known| known.remote_id.is_empty());
        let mut found = known.map(|known| known.remote_id).filter(|id| !id.is_empty());
        if found.is_none() {
            found = self.find(ours).await?;
            if let Some(found) = &found {
                keep(found, None).await?;
            }
        }
        let Some(id) = found else {
            if begun && !self.finds() {
                forget().await?;
                return Err(self.lost(ours));
            }
            keep("", None).await?;
            let id = match self.create(ours).await {
                Ok(id) => id,
                Err(Trouble::Unknown(_)) if !self.finds() => {
                    forget().await?;
                    return Err(self.lost(ours));
                }
                // It stays noted as begun: it is looked for before the next try.
                Err(trouble @ Trouble::Unknown(_)) => return Err(trouble),
                Err(trouble) => {
                    forget().await?;
                    return Err(trouble);
                }
            };
            keep(&id, Some(CREATED)).await?;
            return self.append(&id, ours, &ours.note).await;
        };
        // Claimed before: what it did then may have been done.
        let again = outgoing.fence > 1;
        let refused = match self.carry_on(&id, ours, handover.task, again).await {
            Err(Trouble::Never { status, error }) => Trouble::Never { status, error },
            carried => return keep(&id, carried?).await,
        };
        match self.after(&id, ours, handover.task).await? {
            After::Itself => Err(refused),
            After::Nothing => keep(&id, None).await,
            After::Found(id) => {
                let reopened = self.carry_on(&id, ours, handover.task, true).await?;
                keep(&id, reopened).await
            }
            After::Made(id) => {
                keep(&id, Some(CREATED)).await?;
                self.append(&id, ours, &ours.note).await
            }
        }
    }

    /// Brings a ticket that is there up to date. What it stands as there, in the vendor's word, when that was set.
    async fn carry_on(&self, id: &str, ours: &Ours, task: Task, again: bool) -> Result<Option<&'static str>, Trouble> {
        if task == Task::Message {
            self.append_once(id, ours, &ours.message, again).await?;
        }
        // The first note is made with the ticket; should that have been cut off, it is made now.
        let note = if ours.first { &ours.note } else { &ours.change };
        if ours.first || task == Task::Ticket {
            self.append_once(id, ours, note, again).await?;
        }
        self.update(id, ours, task == Task::Message).await
    }

    /// What goes on in place of a ticket that refused something.
    async fn after(&self, id: &str, ours: &Ours, task: Task) -> Result<After, Trouble> {
        match self.settings.kind {
            Vendor::Zendesk => {
                zendesk::after(&self.api, id, ours, (task == Task::Message).then_some(&ours.message)).await
            }
            _ => Ok(After::Itself),
        }
    }

    async fn append_once(&self, id: &str, ours: &Ours, entry: &Entry, again: bool) -> Result<(), Trouble> {
        if again && self.has(id, &entry.mark).await? {
            return Ok(());
        }
        self.append(id, ours, entry).await
    }

    /// What to say when nobody can tell whether the ticket was created.
    fn lost(&self, ours: &Ours) -> Trouble {
        let error = format!(
            "nobody knows whether it was created; look for {} there, then `deskclerk outbox retry` or `drop`",
            ours.external_id
        );
        Trouble::Never { status: None, error }
    }

    /// Looks for agents' answers until `cancel`.
    pub async fn watch(&self, desk: &Desk, cancel: CancellationToken) {
        let hinted = !self.settings.hook_secret_file.as_os_str().is_empty();
        if self.settings.kind == Vendor::Osticket || (self.settings.poll_secs == 0 && !hinted) {
            return cancel.cancelled().await;
        }
        let pause = match self.settings.poll_secs {
            0 => HINTED_PAUSE,
            secs => Duration::from_secs(secs).max(SHORTEST_PAUSE),
        };
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = desk.poll_wake.notified() => {}
                () = cancel.cancelled() => return,
            }
            if let Err(error) = self.look_for_news(desk).await {
                tracing::warn!(connector = self.settings.name, error, "agents' answers could not be read");
            }
        }
    }

    /// Looks once at the tickets that were looked at longest ago, and at those that are said to have changed.
    async fn look_for_news(&self, desk: &Desk) -> Result<(), String> {
        let name = &self.settings.name;
        if desk.store.disabled(name).await.map_err(|error| error.to_string())?.is_some() {
            return Ok(());
        }
        let now = unix_ms();
        // Without a poll only what is said to have changed is looked at.
        let before = match self.settings.poll_secs {
            0 => 0,
            secs => now.saturating_sub(i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1000)),
        };
        let taken =
            desk.store.take_to_poll(name, before, now, self.batch()).await.map_err(|error| error.to_string())?;
        if taken.is_empty() {
            return Ok(());
        }
        for (remote, news) in self.look(&taken).await.map_err(|trouble| trouble.to_string())? {
            match desk.take_news(name, remote, news, unix_ms()).await {
                Ok(0) => {}
                Ok(answers) => {
                    tracing::info!(connector = name, ticket.id = remote.ticket_id, answers, "agents answered")
                }
                // Somebody else changed the ticket at the same moment; the next look finds the same.
                Err(error) => {
                    tracing::info!(connector = name, ticket.id = remote.ticket_id, %error, "looked at again later");
                    let again = desk.store.poll_soon(name, &remote.remote_id).await;
                    again.map(drop).map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// Tickets at a look.
    fn batch(&self) -> i64 {
        match self.settings.kind {
            // One request each.
            Vendor::Zammad | Vendor::Freshdesk => 20,
            _ => 100,
        }
    }

    /// Whether a ticket can be looked for by its id.
    fn finds(&self) -> bool {
        self.settings.kind != Vendor::Osticket
    }

    async fn find(&self, ours: &Ours) -> Result<Option<String>, Trouble> {
        match self.settings.kind {
            Vendor::Zendesk => zendesk::find(&self.api, ours).await,
            Vendor::Zammad => zammad::find(&self.api, ours).await,
            Vendor::Freshdesk => freshdesk::find(&self.api, ours).await,
            Vendor::Rt => rt::find(&self.api, ours).await,
            Vendor::Osticket => Ok(None),
        }
    }

    /// Creates the ticket with what the customer wrote so far, and gives its id there.
    async fn create(&self, ours: &Ours) -> Result<String, Trouble> {
        match self.settings.kind {
            Vendor::Zendesk => zendesk::create(&self.api, ours).await,
            Vendor::Zammad => zammad::create(&self.api, ours).await,
            Vendor::Freshdesk => freshdesk::create(&self.api, ours).await,
            Vendor::Rt => rt::create(&self.api, ours).await,
            Vendor::Osticket => osticket::create(&self.api, ours).await,
        }
    }

    /// Brings its fields up to date. What it stands as there, in the vendor's word, when that was set.
    async fn update(&self, id: &str, ours: &Ours, reopen: bool) -> Result<Option<&'static str>, Trouble> {
        let stand = match ours.status {
            Status::Solved | Status::Closed => Stand::Solved,
            _ if reopen => Stand::Open,
            _ => Stand::Same,
        };
        match self.settings.kind {
            Vendor::Zendesk => zendesk::update(&self.api, id, ours, stand).await,
            Vendor::Zammad => zammad::update(&self.api, id, ours, stand).await,
            Vendor::Freshdesk => freshdesk::update(&self.api, id, ours, stand).await,
            Vendor::Rt => rt::update(&self.api, id, ours, stand).await,
            Vendor::Osticket => Ok(None),
        }
    }

    async fn append(&self, id: &str, ours: &Ours, entry: &Entry) -> Result<(), Trouble> {
        match self.settings.kind {
            Vendor::Zendesk => zendesk::append(&self.api, id, entry).await,
            Vendor::Zammad => zammad::append(&self.api, id, ours, entry).await,
            Vendor::Freshdesk => freshdesk::append(&self.api, id, entry).await,
            Vendor::Rt => rt::append(&self.api, id, entry).await,
            Vendor::Osticket => osticket::append(&self.api, id, ours, entry).await,
        }
    }

    /// Whether an entry with this mark stands there already.
    async fn has(&self, id: &str, mark: &str) -> Result<bool, Trouble> {
        match self.settings.kind {
            Vendor::Zendesk => zendesk::has(&self.api, id, mark).await,
            Vendor::Zammad => zammad::has(&self.api, id, mark).await,
            Vendor::Freshdesk => freshdesk::has(&self.api, id, mark).await,
            Vendor::Rt => rt::has(&self.api, id, mark).await,
            // It keeps a mail with a known Message-ID once.
            Vendor::Osticket => Ok(false),
        }
    }

    /// How these tickets stand there; those that stand as at the last look are left out.
    async fn look<'a>(&self, taken: &'a [Remote]) -> Result<Vec<(&'a Remote, News)>, Trouble> {
        match self.settings.kind {
            Vendor::Zendesk => zendesk::look(&self.api, taken).await,
            Vendor::Zammad => zammad::look(&self.api, taken).await,
            Vendor::Freshdesk => freshdesk::look(&self.api, taken).await,
            Vendor::Rt => rt::look(&self.api, taken).await,
            Vendor::Osticket => Ok(vec![]),
        }
    }
}

/// What goes on in place of a ticket that refused something.
#[derive(Debug, Clone, PartialEq, Eq)]
enum After {
    /// It is not closed: the refusal stands.
    Itself,
    /// It is closed, and nothing came that agents have to see.
    Nothing,
    /// Its follow-up, which was there.
    Found(String),
    /// A new follow-up, with what the customer wrote.
    Made(String),
}

/// How a ticket is to stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// As it does.
    Same,
    /// The customer wrote again.
    Open,
    /// Agents are done with it here.
    Solved,
}
