//! The way out to other systems: webhooks and connectors, on both engines where SQL decides, against servers that speak the
//! documented protocols.

mod freshdesk;
mod osticket;
mod rt;
mod webhooks;
mod zammad;
mod zendesk;

use std::path::Path;
use std::sync::{Arc, Mutex};

use deskclerk::campaigns::Campaign;
use deskclerk::config::endpoints::{Connector, Vendor};
use deskclerk::config::settings::Config;
use deskclerk::config::{self};
use deskclerk::desk::{Desk, Step, unix_ms};
use deskclerk::store::outbox::{Kind as What, Outgoing};
use deskclerk::store::submissions::{Envelope, Kind, New};
use deskclerk::ticket::change::Change;
use deskclerk::ticket::{Status, Ticket};
use deskclerk::{delivery, store};
use serde_json::Value;
use sqlx::AnyPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use crate::harness::{look_into, until};
use crate::servers::postgres;

const VAGUE: &str = "Hello,\r\nour campaign has not delivered a single impression since Saturday. Can you check why?";
const WHOLE: &str = "Campaign ID 48213 has not delivered a single impression since Saturday. Please check.";

/// A desk whose delivery runs.
struct Out {
    desk: Arc<Desk>,
    stored: AnyPool,
    folder: tempfile::TempDir,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Out {
    /// On SQLite.
    async fn open(settle: impl FnOnce(&mut Config, &Path)) -> Out {
        Out::on("sqlite", settle).await
    }

    /// With two similarly named campaigns; loopback may be reached.
    async fn on(engine: &str, settle: impl FnOnce(&mut Config, &Path)) -> Out {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::default_in(folder.path());
        config.egress.allow = vec!["127.0.0.1".into()];
        let mut url = format!("sqlite://{}", config.desk.data_dir.join("deskclerk.db").display());
        if engine == "postgres" {
            config.store.url = postgres::database().await;
            url.clone_from(&config.store.url);
        }
        settle(&mut config, folder.path());
        let desk = Desk::open(config).await.unwrap();
        let campaign = |id: &str, name: &str| Campaign {
            id: id.into(),
            name: name.into(),
            account: "Acme".into(),
            contacts: vec!["acme.example".into()],
            ..Campaign::default()
        };
        let campaigns = vec![campaign("48213", "Harvest Fair North"), campaign("51002", "Gift Drive")];
        desk.replace_directory(campaigns).await.unwrap();
        let stored = look_into(&url).await;
        Out { desk, stored, folder, cancel: CancellationToken::new(), tasks: JoinSet::new() }
    }

    /// Starts to send.
    fn send(&mut self) {
        self.tasks.spawn(delivery::run(Arc::clone(&self.desk), self.cancel.clone()));
    }

    /// Ends sending.
    async fn pause(&mut self) {
        self.cancel.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.cancel = CancellationToken::new();
    }

    async fn close(mut self) {
        self.pause().await;
        self.stored.close().await;
        self.desk.store.close().await;
    }

    /// Takes in a mail; the ticket.
    async fn take(&self, raw: &str) -> Ticket {
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind: Kind::Mail,
            raw: raw.into(),
            envelope: Envelope::default(),
            answerable: true,
            received_at: unix_ms(),
        };
        self.settled(new).await
    }

    /// Takes in a post of this door; the ticket.
    async fn take_post(&self, source: &str, body: &Value) -> Ticket {
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        let new = New {
            source: source.into(),
            source_key: None,
            kind: Kind::Hook,
            raw: body.to_string().into_bytes(),
            envelope: Envelope { headers, ..Envelope::default() },
            answerable: true,
            received_at: unix_ms(),
        };
        self.settled(new).await
    }

    async fn settled(&self, new: New) -> Ticket {
        self.desk.accept(new).await.unwrap();
        match self.desk.step(unix_ms()).await.unwrap() {
            Step::Settled { ticket: Some(ticket), .. } => self.ticket(ticket).await,
            other => panic!("{other:?}"),
        }
    }

    async fn ticket(&self, id: i64) -> Ticket {
        self.desk.store.ticket(id).await.unwrap().unwrap()
    }

    /// The rows of a ticket that are no mails, in the order of their writing.
    async fn rows(&self, ticket: i64) -> Vec<Outgoing> {
        let mut rows = self.desk.store.outgoing_of(ticket).await.unwrap();
        rows.retain(|row| row.kind != What::Mail);
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        rows
    }

    async fn change(&self, ticket: &Ticket, change: Change) -> Ticket {
        self.desk.change_ticket(ticket.id, ticket.version, vec![change], "agent:kim", unix_ms()).await.unwrap()
    }

    /// Makes what waits for its next try due now.
    async fn hurry(&self) {
        sqlx::query("UPDATE outbox SET due_at = 0 WHERE state = 'queued'").execute(&self.stored).await.unwrap();
        self.desk.outbox_wake.notify_one();
    }

    /// Waits until all rows of the ticket that are no mails are sent; but for those to an address that never answers.
    async fn all_sent(&self, ticket: i64) -> Vec<Outgoing> {
        until("all rows to be sent", async || {
            let mut rows = self.rows(ticket).await;
            let nowhere = |row: &Outgoing| {
                let webhook = self.desk.config.webhook.iter().find(|webhook| webhook.name == row.recipient);
                webhook.is_some_and(|webhook| webhook.url.contains(".invalid/"))
            };
            rows.retain(|row| !nowhere(row));
            let dead = rows.iter().find(|row| row.state == store::outbox::State::Dead);
            assert!(dead.is_none(), "{dead:?}");
            rows.iter().all(|row| row.state == store::outbox::State::Sent).then_some(rows)
        })
        .await
    }

    /// Waits until the ticket stands so.
    async fn becomes(&self, ticket: i64, status: Status) -> Ticket {
        until(&format!("the ticket to become {}", status.as_str()), async || {
            Some(self.ticket(ticket).await).filter(|ticket| ticket.status == status)
        })
        .await
    }

    /// What agents wrote, as the conversation shows it.
    async fn agents_answers(&self, ticket: i64) -> Vec<(String, String)> {
        let messages = self.desk.store.messages(ticket).await.unwrap();
        let answers =
            messages.into_iter().filter(|message| message.message_id.as_ref().is_some_and(|id| id.starts_with("hd.")));
        answers.map(|message| (message.from_address, message.body.unwrap_or_default())).collect()
    }
}

/// A mail.
fn mail(id: &str, text: &str) -> String {
    crate::harness::mail(
        "Jane Roe <jane@acme.example>",
        "support@desk.example",
        &format!("{id}@acme.example"),
        "not running",
        text,
    )
}

/// A mail with a file.
fn mail_with_file(id: &str, text: &str) -> String {
    format!(
        "From: Jane Roe <jane@acme.example>\r\nTo: support@desk.example\r\nSubject: not running\r\n\
         Message-ID: <{id}@acme.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--b\r\n\
         Content-Type: text/csv; name=report.csv\r\nContent-Disposition: attachment; filename=report.csv\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nZGF5LGNsaWNrcwoxLDAK\r\n--b--\r\n"
    )
}

/// A later mail of the same customer on that ticket.
async fn follow_up(out: &Out, ticket: &Ticket, id: &str, text: &str) -> Ticket {
    let messages = out.desk.store.messages(ticket.id).await.unwrap();
    let first = messages.iter().find_map(|message| message.message_id.clone()).unwrap();
    let token = out.desk.keys().sign(ticket.id, "jane@acme.example");
    let to = deskclerk::reply::token::plus_address(&out.desk.config.desk.address, &token);
    let raw =
        mail(id, text).replace("To: support@desk.example\r\n", &format!("To: {to}\r\nIn-Reply-To: <{first}>\r\n"));
    let after = out.take(&raw).await;
    assert_eq!(after.id, ticket.id, "it is on the same ticket");
    after
}

/// A connector to this server, named `hd`, which looks every second.
fn connector(kind: Vendor, url: &str, folder: &Path) -> Connector {
    let secret = folder.join("hd-secret");
    std::fs::write(&secret, "k3y-of-the-desk\n").unwrap();
    let text = format!(
        "name = \"hd\"\nkind = {}\nurl = \"{url}\"\nsecret_file = \"{}\"\npoll_secs = 1\n",
        serde_json::to_string(&kind).unwrap(),
        secret.display()
    );
    toml::from_str(&text).unwrap()
}

/// The JSON bodies that a server got by this method at this path, oldest first.
async fn got(server: &MockServer, method: &str, path: &str) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let wanted = requests.into_iter().filter(|request| request.method.as_str() == method && request.url.path() == path);
    wanted.map(|request| serde_json::from_slice(&request.body).unwrap_or_default()).collect()
}

/// Answers requests by this method at this path.
async fn serve<F>(server: &MockServer, method: &str, path: &str, answer: F)
where
    F: Fn(&wiremock::Request) -> ResponseTemplate + Send + Sync + 'static,
{
    let matching = Mock::given(matchers::method(method)).and(matchers::path(path));
    matching.respond_with(answer).mount(server).await;
}

/// What a fake help desk holds: a ticket once it is created, and its entries.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<(Option<Value>, Vec<Value>)>>);

impl Held {
    fn ticket(&self) -> Option<Value> {
        self.0.lock().unwrap().0.clone()
    }

    fn keep(&self, ticket: Value) {
        self.0.lock().unwrap().0 = Some(ticket);
    }

    /// Sets a field of the ticket.
    fn set(&self, field: &str, value: Value) {
        self.0.lock().unwrap().0.as_mut().unwrap()[field] = value;
    }

    fn entries(&self) -> Vec<Value> {
        self.0.lock().unwrap().1.clone()
    }

    fn add(&self, entry: Value) {
        self.0.lock().unwrap().1.push(entry);
    }
}

fn json_of(request: &wiremock::Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// The value of a query parameter.
fn asked(request: &wiremock::Request, name: &str) -> String {
    request.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
