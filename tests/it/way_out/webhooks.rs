//! Outgoing webhooks: what is told, signed how, and what becomes of posts that fail.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use deskclerk::config::endpoints::{TicketEvent, Webhook};
use deskclerk::config::settings::{Config, Hook};
use deskclerk::desk::{shown, unix_ms};
use deskclerk::intake::signature::scheme::Scheme;
use deskclerk::intake::signature::{Post, Verifier};
use deskclerk::store::outbox::{Lane, State as Stands};
use deskclerk::ticket::Status;
use deskclerk::ticket::change::Change;
use serde_json::Value;
use sqlx::Row;
use tokio::net::TcpListener;

use super::{Out, VAGUE, WHOLE, follow_up, mail};
use crate::harness::until;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_b2xkZXItc2VjcmV0LXRoYXQtaXMtbG9uZw==";

/// A partner's system: keeps what it gets, answers as it is told.
#[derive(Clone, Default)]
struct Partner {
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answer: Arc<Mutex<Option<(u16, &'static str)>>>,
}

impl Partner {
    async fn start() -> (Partner, String) {
        let partner = Partner::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in?key=1", listener.local_addr().unwrap());
        let routes = axum::Router::new().fallback(take).with_state(partner.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (partner, url)
    }

    /// From now on it answers so.
    fn answers(&self, status: u16, retry_after: &'static str) {
        *self.answer.lock().unwrap() = Some((status, retry_after));
    }

    fn got(&self) -> Vec<(HeaderMap, Bytes)> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for so many posts.
    async fn await_posts(&self, count: usize) -> Vec<(HeaderMap, Bytes)> {
        until(&format!("{count} posts"), async || Some(self.got()).filter(|got| got.len() >= count)).await
    }
}

async fn take(State(partner): State<Partner>, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    partner.got.lock().unwrap().push((headers, body));
    let (status, retry_after) = partner.answer.lock().unwrap().unwrap_or((204, ""));
    let status = StatusCode::from_u16(status).unwrap();
    // The answer is far larger than anybody should read.
    let mut answer = (status, "no ".repeat(if status.is_success() { 0 } else { 100_000 })).into_response();
    if !retry_after.is_empty() {
        answer.headers_mut().insert("retry-after", retry_after.parse().unwrap());
    }
    answer
}

fn webhook(name: &str, url: &str, folder: &Path, events: &[TicketEvent]) -> Webhook {
    let files = [("new", SECRET), ("old", OLD_SECRET)].map(|(age, secret)| {
        let file = folder.join(format!("{name}-{age}"));
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        file
    });
    Webhook { name: name.into(), url: url.into(), secret_files: files.into(), events: events.to_vec(), connections: 4 }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers[name].to_str().unwrap().to_owned()
}

fn kind(body: &Bytes) -> String {
    serde_json::from_slice::<Value>(body).unwrap()["type"].as_str().unwrap().to_owned()
}

/// One webhook to this URL.
fn only(url: &str) -> impl FnOnce(&mut Config, &Path) {
    let url = url.to_owned();
    move |config, folder| config.webhook = vec![webhook("crm", &url, folder, &[TicketEvent::Created])]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_told_once_and_signed() {
    for engine in ["sqlite", "postgres"] {
        let (crm, crm_url) = Partner::start().await;
        let (bi, bi_url) = Partner::start().await;
        let mut out = Out::on(engine, |config, folder| {
            let closed = [TicketEvent::Closed, TicketEvent::Created];
            config.webhook = vec![webhook("crm", &crm_url, folder, &[]), webhook("bi", &bi_url, folder, &closed)];
        })
        .await;
        let asked = out.take(&mail("w1", VAGUE)).await;
        assert_eq!(asked.status, Status::Waiting);
        let ready = follow_up(&out, &asked, "w2", "Sorry, it is campaign 48213.").await;
        assert_eq!(ready.status, Status::Ready);
        let urgent = out.change(&ready, Change::Priority("urgent".into())).await;
        let open = out.change(&urgent, Change::Status(Status::Open)).await;
        let solved = out.change(&open, Change::Status(Status::Solved)).await;
        let closed = out.change(&solved, Change::Status(Status::Closed)).await;
        assert_eq!(closed.status, Status::Closed);
        out.send();
        out.all_sent(asked.id).await;
        let mut told: Vec<String> = crm.got().iter().map(|(_, body)| kind(body)).collect();
        told.sort();
        let mut expected = [
            "ticket.created",
            "ticket.waiting", // the mail, and our question
            "ticket.answered",
            "ticket.ready", // the answer
            "ticket.updated",
            "ticket.updated",
            "ticket.closed",
            "ticket.updated", // urgent, open, solved, closed
        ];
        expected.sort_unstable();
        assert_eq!(told, expected, "{engine}");
        let mut ids = BTreeSet::new();
        for (headers, body) in crm.got() {
            // The door of this house verifies Standard Webhooks; it shares no line with the sender.
            for secret in [SECRET, OLD_SECRET] {
                let hook = Hook { tolerance_secs: 300, ..Hook::default() };
                let verifier = Verifier::open(&hook, Scheme::StandardWebhooks, &[secret.to_owned()]).unwrap();
                let peer = std::net::Ipv4Addr::LOCALHOST.into();
                let post = Post { headers: &headers, body: &body, url: "", peer };
                ids.insert(verifier.verify(&post, unix_ms() / 1000).unwrap().unwrap());
            }
            assert_eq!(header(&headers, "content-type"), "application/json");
        }
        assert_eq!(ids.len(), expected.len(), "each event has an id of its own");
        let theirs: Vec<_> =
            bi.got().into_iter().map(|(headers, body)| (kind(&body), header(&headers, "webhook-id"))).collect();
        assert_eq!(theirs.len(), 2, "only what it asked for");
        assert!(theirs.iter().all(|(_, id)| ids.contains(id)), "the same event has the same id for all");
        let find = |what: &str| {
            let found = crm.got().into_iter().find(|(_, body)| kind(body) == what).unwrap().1;
            serde_json::from_slice::<Value>(&found).unwrap()
        };
        let answered = find("ticket.answered");
        let mut data = answered["data"].clone();
        assert_eq!(data["triage"], serde_json::json!(ready.triage));
        assert_eq!(data["message"]["by"], "customer");
        assert_eq!(data["message"]["text"], "Sorry, it is campaign 48213.");
        assert_eq!(data["message"]["from"]["address"], "jane@acme.example");
        for own in ["triage", "message"] {
            data.as_object_mut().unwrap().remove(own);
        }
        assert_eq!(data, shown::ticket(&ready, &out.desk.directory()), "as the API shows it");
        assert!(answered["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(find("ticket.closed")["data"]["status"], "solved");
        // Nothing more is told when nothing changes.
        assert_eq!(out.rows(asked.id).await.len(), expected.len() + 2);
        out.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_fails_goes_again_with_its_id_and_is_a_dead_letter_at_last() {
    let (crm, url) = Partner::start().await;
    crm.answers(500, "");
    let mut out = Out::open(only(&url)).await;
    let ticket = out.take(&mail("f1", WHOLE)).await;
    out.send();
    let tried = async |times: i64| {
        until(&format!("try {times}"), async || out.rows(ticket.id).await.into_iter().find(|row| row.attempts == times))
            .await
    };
    let row = tried(1).await;
    assert_eq!(row.state, Stands::Queued);
    let error = row.last_error.unwrap();
    assert!(error.starts_with("answers 500") && error.len() < 300, "{error}");
    let wait = row.due_at - unix_ms();
    assert!((2_000..=6_000).contains(&wait), "{wait} ms until the second try");
    crm.answers(429, "7200");
    out.hurry().await;
    let wait = tried(2).await.due_at - unix_ms();
    assert!((7_100_000..=7_210_000).contains(&wait), "{wait} ms: Retry-After is honoured");
    crm.answers(302, "");
    for times in 3..=8 {
        out.hurry().await;
        tried(times).await;
    }
    let row = out.rows(ticket.id).await.remove(0);
    assert_eq!((row.state, row.attempts), (Stands::Dead, 8), "the first try and seven more");
    let undelivered = out.desk.store.events(ticket.id).await.unwrap();
    assert!(undelivered.iter().any(|event| event.what == "undelivered"));
    assert_eq!(crm.got().len(), 8, "a redirect is not followed");
    // Redriven, it has the id and the words it always had.
    crm.answers(200, "");
    out.desk.retry_outgoing(&row.id, "operator", unix_ms()).await.unwrap();
    out.desk.outbox_wake.notify_one();
    out.all_sent(ticket.id).await;
    let ids: BTreeSet<_> =
        crm.got().iter().map(|(headers, body)| (header(headers, "webhook-id"), body.clone())).collect();
    assert_eq!((ids.len(), crm.got().len()), (1, 9));
    assert_eq!(out.desk.store.endpoints_in_trouble().await.unwrap(), vec![], "one good try ends a failing");
    out.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_gets_nothing_until_it_is_enabled() {
    for engine in ["sqlite", "postgres"] {
        let (crm, url) = Partner::start().await;
        crm.answers(410, "");
        let mut out = Out::on(engine, only(&url)).await;
        out.send();
        let first = out.take(&mail("g1", WHOLE)).await;
        let dead = async |ticket: i64| {
            until("a dead letter", async || out.rows(ticket).await.into_iter().find(|row| row.state == Stands::Dead))
                .await
        };
        let row = dead(first.id).await;
        assert!(row.last_error.unwrap().starts_with("answers 410"));
        let second = out.take(&mail("g2", &WHOLE.replace("Saturday", "Sunday"))).await;
        assert!(dead(second.id).await.last_error.unwrap().contains("crm is disabled: answers 410"), "{engine}");
        assert_eq!(crm.got().len(), 1, "it was left alone");
        let trouble = out.desk.store.endpoints_in_trouble().await.unwrap();
        assert!(trouble[0].name == "crm" && trouble[0].disabled_at.is_some(), "{trouble:?}");
        crm.answers(204, "");
        assert!(out.desk.store.enable_endpoint("crm").await.unwrap());
        assert!(!out.desk.store.enable_endpoint("crm").await.unwrap(), "once");
        for ticket in [first.id, second.id] {
            let row = out.rows(ticket).await.remove(0);
            out.desk.retry_outgoing(&row.id, "operator", unix_ms()).await.unwrap();
        }
        out.desk.outbox_wake.notify_one();
        out.all_sent(first.id).await;
        out.all_sent(second.id).await;
        out.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_for_days_is_disabled() {
    let (crm, url) = Partner::start().await;
    crm.answers(503, "");
    let mut out = Out::open(only(&url)).await;
    let ticket = out.take(&mail("d1", WHOLE)).await;
    let six_days_ago = unix_ms() - 6 * 86_400_000;
    out.desk.store.endpoint_failed("crm", "answers 503", six_days_ago).await.unwrap();
    out.send();
    until("the endpoint to be disabled", async || out.desk.store.disabled("crm").await.unwrap()).await;
    let why = out.desk.store.disabled("crm").await.unwrap().unwrap();
    assert!(why.contains("for 5 days") && why.contains("answers 503"), "{why}");
    out.hurry().await;
    until("the rest to be buried", async || (out.rows(ticket.id).await[0].state == Stands::Dead).then_some(())).await;
    assert_eq!(crm.got().len(), 1);
    out.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_holds_up_no_other_and_no_mail() {
    // Accepts by its backlog, answers never.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}/", silent.local_addr().unwrap());
    let (crm, url) = Partner::start().await;
    let mut out = Out::open(|config, folder| {
        config.webhook = vec![webhook("silent", &silent_url, folder, &[]), webhook("crm", &url, folder, &[])];
        config.smtp.folder = folder.join("sent");
    })
    .await;
    for n in 0..12 {
        out.take(&mail(&format!("h{n}"), &VAGUE.replace("Saturday", &format!("day {n}")))).await;
    }
    let began = std::time::Instant::now();
    out.send();
    crm.await_posts(24).await;
    let mails = async || std::fs::read_dir(out.folder.path().join("sent")).map_or(0, |found| found.count());
    until("the question", async || (mails().await >= 1).then_some(())).await;
    assert!(began.elapsed().as_secs() < 12, "they waited for the silent one");
    let waiting = sqlx::query("SELECT COUNT(*) AS n FROM outbox WHERE recipient = 'silent' AND state = 'queued'");
    assert_eq!(waiting.fetch_one(&out.stored).await.unwrap().get::<i64, _>("n"), 24);
    out.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_inside_is_not_posted_to() {
    let (crm, url) = Partner::start().await;
    let mut out = Out::open(|config, folder| {
        config.egress.allow.clear();
        config.webhook = vec![webhook("crm", &url, folder, &[TicketEvent::Created])];
    })
    .await;
    let ticket = out.take(&mail("s1", WHOLE)).await;
    out.send();
    let row =
        until("a dead letter", async || out.rows(ticket.id).await.into_iter().find(|row| row.state == Stands::Dead))
            .await;
    let error = row.last_error.unwrap();
    assert!(error.contains("egress.allow") && !error.contains("key=1"), "{error}");
    assert!(crm.got().is_empty());
    out.close().await;
}

#[tokio::test]
async fn lanes_are_claimed_apart_and_a_tickets_rows_in_order() {
    for engine in ["sqlite", "postgres"] {
        let out = Out::on(engine, |config, folder| {
            config.webhook = vec![webhook("crm", "https://crm.example/", folder, &[])];
            let url = "https://hd.example";
            config.connector = vec![super::connector(deskclerk::config::endpoints::Vendor::Rt, url, folder)];
        })
        .await;
        let ticket = out.take(&mail("l1", WHOLE)).await;
        let urgent = out.change(&ticket, Change::Priority("urgent".into())).await;
        out.change(&urgent, Change::Priority("low".into())).await;
        let store = &out.desk.store;
        let now = unix_ms();
        let claim = async |lane: Lane| store.claim_lane(&lane, now, 60_000, 100).await.unwrap();
        assert!(claim(Lane::Mail).await.is_empty(), "nothing is mailed");
        assert_eq!(claim(Lane::Webhook("crm".into())).await.len(), 4, "{engine}: created, ready, updated twice");
        assert!(claim(Lane::Webhook("hd".into())).await.is_empty());
        let hd = || claim(Lane::Connector("hd".into()));
        for n in 0..3 {
            let rows = hd().await;
            assert_eq!(rows.len(), 1, "{engine}: row {n} alone");
            assert!(hd().await.is_empty(), "{engine}: the next waits");
            store.outbox_sent(&rows, now).await.unwrap();
        }
        assert!(hd().await.is_empty());
        out.close().await;
    }
}

#[tokio::test]
async fn what_agents_and_time_do_is_told_too() {
    for engine in ["sqlite", "postgres"] {
        let out = Out::on(engine, |config, folder| {
            config.webhook = vec![webhook("crm", "https://crm.example/", folder, &[])];
            config.replies.mode = deskclerk::config::settings::Mode::Draft;
            (config.replies.reminder_days, config.replies.hand_over_days) = (0, 1);
        })
        .await;
        // The question is a draft: the ticket is with the agents until one of them sends it.
        let ticket = out.take(&mail("t1", VAGUE)).await;
        let told = async || {
            let rows = out.rows(ticket.id).await.into_iter();
            rows.map(|row| row.payload.subject).collect::<Vec<_>>()
        };
        assert_eq!(
            (ticket.status, told().await),
            (Status::Ready, vec!["ticket.created".into(), "ticket.ready".into()])
        );
        let rows = out.desk.store.outgoing_of(ticket.id).await.unwrap();
        let draft = rows.iter().find(|row| row.state == Stands::Draft).unwrap();
        out.desk.release_draft(&draft.id, "agent:kim", unix_ms()).await.unwrap();
        assert_eq!(told().await.pop().unwrap(), "ticket.waiting", "{engine}");
        let sent = out.desk.store.claim_outbox(unix_ms(), 1_000, 10).await.unwrap();
        out.desk.store.outbox_sent(&sent, unix_ms()).await.unwrap();
        // Nobody answers.
        let later = out.ticket(ticket.id).await.chase_at.unwrap();
        assert_eq!(out.desk.chase(later, 10).await.unwrap(), 1);
        assert_eq!(out.ticket(ticket.id).await.status, Status::Ready);
        assert_eq!(told().await.len(), 4);
        assert_eq!(told().await.pop().unwrap(), "ticket.ready", "{engine}");
        out.close().await;
    }
}
