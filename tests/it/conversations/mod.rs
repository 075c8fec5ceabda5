//! Conversations: `fixtures/conversations/*.toml` says what comes in, turn by turn, and what the desk must make of it.
//! Every one of them is played on SQLite and on PostgreSQL, with time as an argument. README.md there is the language.

mod facing;
mod letter;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deskclerk::config::{self, settings::Config};
use deskclerk::desk::{Desk, Step};
use deskclerk::intake::one_tap;
use deskclerk::store::merging::Merge;
use deskclerk::store::outbox::{Outgoing, Reason, State};
use deskclerk::ticket::change::Change;
use deskclerk::ticket::{Status, Ticket};
use serde::Deserialize;

use crate::servers::postgres;

/// 2026-03-02 09:00 UTC, a Monday.
const BEGIN: i64 = 1_772_442_000_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    conversation: Vec<Conversation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conversation {
    name: String,
    /// Settings laid over the default.
    #[serde(default)]
    config: toml::Table,
    turn: Vec<Turn>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Turn {
    // What comes in.
    after: String,
    from: String,
    to: Option<String>,
    subject: String,
    text: String,
    then: Option<String>,
    headers: BTreeMap<String, String>,
    raw: Option<String>,
    hook: Option<toml::Table>,
    proven: bool,
    answers: Option<usize>,
    envelope_from: Option<String>,
    old: bool,
    times: usize,
    silent: bool,
    agent: Option<Wish>,
    tap: Option<usize>,
    press: Option<bool>,
    link: Option<String>,
    facing: Option<facing::Facing>,
    // What must come of it.
    outcome: Option<String>,
    ticket: Option<usize>,
    linked: Option<usize>,
    status: Option<String>,
    campaign: Option<String>,
    id: Option<String>,
    missing: Option<Vec<String>>,
    flags: Vec<String>,
    unflagged: Vec<String>,
    requester: Option<String>,
    asked: Option<String>,
    language: Option<String>,
    withheld: Option<String>,
    says: Vec<String>,
    unsaid: Vec<String>,
    mails: Option<usize>,
    held: Option<String>,
    page: Option<String>,
    events: Vec<String>,
}

/// What an agent changes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wish {
    status: Option<Status>,
    campaign: Option<String>,
    topic: Option<String>,
    release: bool,
    merge: Option<usize>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/conversations")
}

fn conversations() -> Vec<(String, Conversation)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let mut found = vec![];
    // `CONVERSATIONS=one_tap` plays one file alone.
    if let Ok(only) = std::env::var("CONVERSATIONS") {
        paths.retain(|path| path.file_stem().is_some_and(|stem| stem == only.as_str()));
        assert!(!paths.is_empty(), "there is no {only}.toml");
    }
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        found.extend(file.conversation.into_iter().map(|conversation| (stem.clone(), conversation)));
    }
    found
}

#[test]
fn there_are_sixty_and_each_has_its_own_name() {
    let all = conversations();
    assert!(all.len() >= 60, "only {} conversations", all.len());
    let names: HashSet<_> = all.iter().map(|(file, conversation)| (file, &conversation.name)).collect();
    assert_eq!(names.len(), all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    play_all(async || "sqlite:desk.db".to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    play_all(postgres::database).await;
}

async fn play_all(database: impl AsyncFn() -> String) {
    let mut faults = vec![];
    for (file, conversation) in conversations() {
        let mut play = Play::begin(&conversation, database().await).await;
        for (index, turn) in conversation.turn.iter().enumerate() {
            // A turn that answers what was never sent has no meaning; what went wrong before it has been said.
            if let Some(nth) = turn.answers.filter(|nth| *nth > play.sent.len()) {
                faults.push(format!("{file}: {}: turn {} answers mail {nth}", conversation.name, index + 1));
                break;
            }
            if let Some(nth) = turn.tap.filter(|nth| turn.link.is_none() && play.link(*nth).is_none()) {
                faults.push(format!("{file}: {}: turn {} taps link {nth}", conversation.name, index + 1));
                break;
            }
            let found = play.turn(index, turn).await;
            faults.extend(
                found.into_iter().map(|fault| format!("{file}: {}: turn {}: {fault}", conversation.name, index + 1)),
            );
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// A conversation in play.
struct Play {
    desk: Arc<Desk>,
    now: i64,
    /// Tickets in the order in which they came up.
    tickets: Vec<i64>,
    /// Mails to customers, in order.
    sent: Vec<Outgoing>,
    _folder: tempfile::TempDir,
}

impl Play {
    async fn begin(conversation: &Conversation, database: String) -> Play {
        let home = tempfile::tempdir().unwrap();
        let text = toml::to_string(&conversation.config).unwrap();
        let mut config: Config = config::parse(&text, &conversation.name, home.path())
            .unwrap_or_else(|faults| panic!("{}: {faults:?}", conversation.name));
        config.desk.data_dir = home.path().to_path_buf();
        let says = |table: &str, key: &str| conversation.config.get(table).and_then(|table| table.get(key)).is_some();
        if !says("desk", "authserv_id") {
            config.desk.authserv_id = "mx.desk.example".into();
        }
        if !says("replies", "require_dmarc") {
            config.replies.require_dmarc = false;
        }
        if !conversation.config.contains_key("desk") {
            config.desk.public_url = "https://desk.example".into();
        }
        config.campaigns.file = folder().join("campaigns.csv");
        config.store.url = database;
        let desk = Desk::open(config).await.unwrap();
        Play { desk, now: BEGIN, tickets: vec![], sent: vec![], _folder: home }
    }

    /// Plays one turn and returns what is not as it says.
    async fn turn(&mut self, index: usize, turn: &Turn) -> Vec<String> {
        self.now += 60_000 + duration(&turn.after);
        let mut last = None;
        let mut mails = vec![];
        let mut shown = None;
        if let Some(nth) = turn.tap {
            let link = turn.link.clone().or_else(|| self.link(nth)).expect("such a link");
            let visitor = axum::http::HeaderMap::new();
            let shown_first = one_tap::open(&self.desk, &link, &visitor, self.now).await.unwrap();
            // Looking, as scanners do, changes nothing.
            assert_eq!(self.desk.store.pending_submissions().await.unwrap(), 0);
            let pressed = turn.press.unwrap_or(true);
            shown = Some(if pressed {
                one_tap::press(&self.desk, &link, &visitor, self.now).await.unwrap()
            } else {
                shown_first
            });
        } else if let Some(wish) = &turn.agent {
            self.act(wish, turn.ticket).await;
        } else if !turn.silent {
            for number in 0..turn.times.max(1 + usize::from(turn.then.is_some())) {
                self.desk.accept(self.submission(index, number, turn)).await.unwrap();
            }
        }
        loop {
            let steps = self.desk.batch(self.now, 64).await.unwrap();
            if steps.is_empty() {
                break;
            }
            for step in steps {
                let Step::Settled { submission, outcome, ticket } = step else { continue };
                if let Some(ticket) = ticket.filter(|ticket| !self.tickets.contains(ticket)) {
                    self.tickets.push(ticket);
                }
                last = Some((submission, outcome, ticket));
            }
        }
        while self.desk.chase(self.now, 5).await.unwrap() > 0 {}
        let mut faults = vec![];
        if let Some(facing) = &turn.facing {
            (mails, faults) = self.face(facing).await;
        } else {
            mails.extend(self.desk.store.claim_outbox(self.now, 1_000, 100).await.unwrap());
            assert_eq!(self.desk.store.outbox_sent(&mails, self.now).await.unwrap(), 0);
        }
        let quiet = turn.silent || turn.agent.is_some() || turn.tap.is_some();
        assert!(last.is_some() || quiet, "a turn settles a submission");
        let at_hand = turn.ticket.unwrap_or(self.tickets.len());
        let ticket = last.as_ref().map_or(self.tickets.get(at_hand.wrapping_sub(1)).copied(), |last| last.2);
        let mut expect = |what: &str, expected: &str, got: &str| {
            if expected != got {
                faults.push(format!("{what}: expected {expected:?}, got {got:?}"));
            }
        };
        if let Some(expected) = &turn.outcome {
            let (submission, outcome, _) = last.expect("something came in");
            let because = self.desk.store.submission(&submission).await.unwrap().unwrap().because.unwrap_or_default();
            expect(&format!("outcome ({because})"), expected, outcome.as_str());
        }
        if let Some(expected) = &turn.page {
            let state = shown.as_ref().map(|shown| serde_json::to_value(shown.state).unwrap());
            expect("page", expected, state.as_ref().and_then(|state| state.as_str()).unwrap_or_default());
        }
        for words in turn.says.iter().filter(|_| turn.page.is_some()) {
            let html = shown.as_ref().map_or("", |shown| shown.html.as_str());
            if !html.contains(words.as_str()) {
                expect("page", words, html);
            }
        }
        let ordinal = ticket.and_then(|id| self.tickets.iter().position(|known| *known == id)).map(|index| index + 1);
        if let Some(expected) = turn.ticket {
            expect("ticket", &expected.to_string(), &ordinal.map_or(String::new(), |ordinal| ordinal.to_string()));
        }
        let ticket = match ticket {
            Some(id) => self.desk.store.ticket(id).await.unwrap(),
            None => None,
        };
        let word = |of: &dyn Fn(&Ticket) -> String| ticket.as_ref().map(of).unwrap_or_default();
        if let Some(expected) = &turn.status {
            expect("status", expected, &word(&|ticket| ticket.status.as_str().to_owned()));
        }
        if let Some(expected) = &turn.campaign {
            let got =
                word(&|ticket| serde_json::to_value(ticket.campaign_status).unwrap().as_str().unwrap().to_owned());
            expect("campaign", expected, &got);
        }
        if let Some(expected) = &turn.id {
            expect("id", expected, &word(&|ticket| ticket.campaign_id.clone().unwrap_or_default()));
        }
        if let Some(expected) = &turn.requester {
            expect("requester", expected, &word(&|ticket| ticket.requester_address.clone()));
        }
        if let Some(expected) = &turn.missing {
            expect("missing", &expected.join(" "), &word(&|ticket| ticket.missing.join(" ")));
        }
        if let Some(expected) = turn.linked {
            let got = ticket.as_ref().and_then(|ticket| ticket.linked_ticket);
            let got = got.and_then(|id| self.tickets.iter().position(|known| *known == id));
            expect("linked", &expected.to_string(), &got.map_or(String::new(), |index| (index + 1).to_string()));
        }
        for flag in &turn.flags {
            let got = word(&|ticket| ticket.flags.join(" "));
            if !got.split(' ').any(|known| known == flag) {
                expect("flags", flag, &got);
            }
        }
        for flag in &turn.unflagged {
            let got = word(&|ticket| ticket.flags.join(" "));
            if got.split(' ').any(|known| known == flag) {
                expect("unflagged", flag, &got);
            }
        }
        let customers: Vec<Outgoing> = mails.into_iter().filter(|mail| mail.reason != Reason::Team).collect();
        let expected = turn.mails.unwrap_or(usize::from(turn.asked.is_some()));
        let templates: Vec<&str> = customers.iter().filter_map(|mail| mail.payload.template.as_deref()).collect();
        if customers.len() != expected {
            let events = match &ticket {
                Some(ticket) => self.desk.store.events(ticket.id).await.unwrap(),
                None => vec![],
            };
            let last = events.last().map(|event| format!("{} {}", event.what, event.detail)).unwrap_or_default();
            expect("mails", &expected.to_string(), &format!("{} {templates:?} after {last}", customers.len()));
        }
        if let Some(asked) = &turn.asked {
            expect("asked", asked, templates.last().unwrap_or(&""));
        }
        if let (Some(expected), Some(ticket)) = (&turn.withheld, &ticket) {
            let events = self.desk.store.events(ticket.id).await.unwrap();
            let code = events.iter().rev().find(|event| event.what == "withheld" && event.at == self.now);
            let code = code.and_then(|event| event.detail["code"].as_str()).unwrap_or_default().to_owned();
            expect("withheld", expected, &code);
        }
        if let (Some(expected), Some(ticket)) = (&turn.held, &ticket) {
            let rows = self.desk.store.outgoing_of(ticket.id).await.unwrap();
            let held = rows.iter().find(|row| matches!(row.state, State::Draft | State::Held));
            let state = held.map_or("", |row| if row.state == State::Draft { "draft" } else { "held" });
            expect("held", expected, state);
        }
        for what in &turn.events {
            let events = self.desk.store.events(ticket.as_ref().unwrap().id).await.unwrap();
            let now: Vec<&str> =
                events.iter().filter(|event| event.at == self.now).map(|event| event.what.as_str()).collect();
            if !now.contains(&what.as_str()) {
                expect("events", what, &now.join(" "));
            }
        }
        for mail in &customers {
            let ticket = self.desk.store.ticket(mail.ticket_id).await.unwrap();
            faults.extend(self.check_mail(mail, turn, ticket.as_ref()));
        }
        self.sent.extend(customers);
        faults
    }

    /// What stands behind `/answer/` in the nth link of the desk's last mail.
    fn link(&self, nth: usize) -> Option<String> {
        let text = &self.sent.last()?.payload.text;
        let mut links = text.split_whitespace().filter_map(|word| word.split_once("/answer/"));
        links.nth(nth - 1).map(|(_, tap)| tap.to_owned())
    }

    /// An agent acts on a ticket, the latest by default.
    async fn act(&self, wish: &Wish, ticket: Option<usize>) {
        let id = self.tickets[ticket.unwrap_or(self.tickets.len()) - 1];
        if wish.release {
            let rows = self.desk.store.outgoing_of(id).await.unwrap();
            let draft = rows.iter().find(|row| row.state == State::Draft).expect("a draft");
            drop(self.desk.release_draft(&draft.id, "agent:ann", self.now).await.unwrap());
            return;
        }
        if let Some(into) = wish.merge {
            let merge = Merge { from: id, into: self.tickets[into - 1], actor: "agent:ann", at: self.now };
            self.desk.merge_tickets(merge).await.unwrap();
            return;
        }
        let version = self.desk.store.ticket(id).await.unwrap().unwrap().version;
        let changes = [
            wish.topic.clone().map(Change::Topic),
            wish.campaign.clone().map(|id| Change::Campaign(Some(id))),
            wish.status.map(Change::Status),
        ];
        let changes = changes.into_iter().flatten().collect();
        self.desk.change_ticket(id, version, changes, "agent:ann", self.now).await.unwrap();
    }

    /// What holds of every mail to a customer.
    fn check_mail(&self, mail: &Outgoing, turn: &Turn, ticket: Option<&Ticket>) -> Vec<String> {
        let payload = &mail.payload;
        let all = format!("{}\n{}\n{}", payload.subject, payload.text, payload.html.as_deref().unwrap_or_default());
        let mut faults = vec![];
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{what}: {payload:?}"));
            }
        };
        let header = |name: &str| payload.headers.get(name).map(String::as_str).unwrap_or_default();
        demand(header("Auto-Submitted") == "auto-replied", "no Auto-Submitted");
        demand(header("X-Auto-Response-Suppress") == "All", "no X-Auto-Response-Suppress");
        demand(!header("X-Deskclerk-Loop").is_empty(), "no loop header");
        let requester = ticket.map(|ticket| ticket.requester_address.as_str()).unwrap_or_default();
        demand(mail.recipient == requester && payload.to == requester, "goes to somebody else than the requester");
        let local = payload.reply_to.as_deref().unwrap_or_default().split('@').next().unwrap_or_default();
        let token = local.split_once('+').map(|(_, token)| token).unwrap_or_default();
        demand(!token.is_empty() && local.len() <= 64, "no token in Reply-To");
        demand(mail.message_id.starts_with(&format!("{token}.")), "the Message-ID has another token");
        demand(!self.sent.iter().any(|before| before.message_id == mail.message_id), "a Message-ID is used twice");
        demand(payload.references.ends_with(&payload.in_reply_to), "the parent does not end the references");
        let number = ticket.map(|ticket| ticket.id).unwrap_or_default();
        demand(payload.subject.starts_with(&format!("[#{number}] ")), "the subject lacks the ticket's number");
        let repeats = turn.subject.split_whitespace().count() > 1 && all.contains(&turn.subject);
        demand(!repeats, "repeats the customer's subject");
        let lines = [&payload.from, &payload.to, &payload.subject, &mail.message_id];
        let lines =
            lines.into_iter().chain(&payload.in_reply_to).chain(&payload.references).chain(payload.headers.values());
        for line in lines {
            demand(!line.contains(char::is_control), "a header holds control characters");
        }
        for words in &turn.says {
            let flat = payload.text.replace('\n', " ");
            demand(
                flat.contains(words.as_str()) || payload.subject.contains(words.as_str()),
                &format!("does not say {words:?}"),
            );
        }
        for words in &turn.unsaid {
            demand(!all.contains(words.as_str()), &format!("says {words:?}"));
        }
        if let Some(language) = &turn.language {
            let html = payload.html.as_deref().unwrap_or_default();
            demand(html.contains(&format!("<html lang=\"{language}\">")), &format!("is not in {language}"));
        }
        faults
    }
}

/// `3d`, `2h`, `10m` as milliseconds.
fn duration(text: &str) -> i64 {
    let Some(unit) = text.chars().last() else { return 0 };
    // A clock may also be set back: `-10d`.
    let number: i64 = text[..text.len() - 1].parse().unwrap_or_else(|_| panic!("{text} is no time such as 3d"));
    number
        * match unit {
            'd' => 86_400_000,
            'h' => 3_600_000,
            'm' => 60_000,
            _ => panic!("{text}: d, h or m"),
        }
}
