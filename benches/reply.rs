//! Composing questions on one thread: every kind in every language, text and HTML, beside the bare rendering of one
//! small template by the same engine, which is what the figure is to be compared with; and composing with enqueueing.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deskclerk::config;
use deskclerk::desk::Desk;
use deskclerk::desk::answer::identity;
use deskclerk::reply::compose::{Facts, Kind, compose};
use deskclerk::reply::guard::{self, Budget};
use deskclerk::reply::headers;
use deskclerk::reply::templates::Templates;
use deskclerk::reply::token::{Keys, plus_address};
use deskclerk::request::{Mailbox, Request};
use deskclerk::rules::Rules;
use deskclerk::store::outbox::{self, Payload, Reason, State};
use deskclerk::store::settle::{Effect, NewOutgoing, OnTicket};
use deskclerk::store::submissions::{self, Envelope, New};

fn reply(c: &mut Criterion) {
    let templates = Templates::compile(&Rules::shipped().replies).unwrap();
    let languages = templates.languages();
    let facts: Vec<(Kind, Facts)> = Kind::ALL.map(|kind| (kind, Facts::sample(kind, true))).to_vec();
    let mut group = c.benchmark_group("reply");

    group.throughput(Throughput::Elements((facts.len() * languages.len()) as u64));
    group.bench_function("compose", |b| {
        b.iter(|| {
            for (kind, facts) in &facts {
                for language in &languages {
                    black_box(compose(*kind, black_box(facts), &templates, language).unwrap());
                }
            }
        });
    });

    group.throughput(Throughput::Elements(1));
    let mut engine = minijinja::Environment::new();
    engine.add_template("small", "Hello {{ name }}, your ticket is #{{ ticket }}.").unwrap();
    group.bench_function("baseline: one small template", |b| {
        let small = engine.get_template("small").unwrap();
        b.iter(|| small.render(minijinja::context! { name => black_box("Ann"), ticket => 1042 }).unwrap());
    });

    let request =
        Request { from: Mailbox { name: None, address: "ann@customer.example".into() }, ..Request::default() };
    let budget = Budget { sent: 0, most: 100 };
    let known = guard::Facts {
        own_addresses: vec!["support@desk.example".into()],
        answerable: true,
        to_address: budget,
        to_domain: budget,
        by_desk: budget,
        ..guard::Facts::default()
    };
    group.bench_function("guard", |b| b.iter(|| guard::may_answer(black_box(&request), &known).unwrap()));

    let keys = Keys::new(vec![vec![7; 32], vec![8; 32]]);
    let token = keys.sign(1042, "ann@customer.example");
    group.bench_function("sign", |b| b.iter(|| keys.sign(black_box(1042), "ann@customer.example")));
    group.bench_function("verify", |b| b.iter(|| keys.verify(black_box(&token), "ann@customer.example").unwrap()));
    group.finish();
}

/// Questions in one transaction.
const BATCH: usize = 64;
const NOW: i64 = 1_800_000_000_000;

/// Composing questions and writing them into the outbox of SQLite, a batch at a time; beside the same without the store.
fn enqueue(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let templates = Templates::compile(&Rules::shipped().replies).unwrap();
    let keys = Keys::new(vec![vec![7; 32]]);
    let facts = Facts::sample(Kind::AmbiguousName, true);
    let desk = runtime.block_on(async {
        let desk = Desk::open(config::default_in(folder.path())).await.unwrap();
        // The ticket that all of them are about.
        let raw = b"From: ann@customer.example\r\n\r\nThe clicks of our campaign are not tracked.\r\n".to_vec();
        let (source, kind) = ("lmtp".into(), submissions::Kind::Mail);
        let envelope = Envelope::default();
        let mail = New { source, source_key: None, kind, raw, envelope, answerable: true, received_at: NOW };
        desk.accept(mail).await.unwrap();
        desk.step(NOW).await.unwrap();
        desk
    });
    let question = || {
        let words = compose(Kind::AmbiguousName, black_box(&facts), &templates, "en").unwrap();
        let token = keys.sign(1, "ann@customer.example");
        let (id, message_id) = identity(&token, "support@desk.example");
        let payload = Payload {
            from: "\"Support\" <support@desk.example>".into(),
            to: "ann@customer.example".into(),
            reply_to: Some(plus_address("support@desk.example", &token)),
            subject: words.subject,
            text: words.text,
            html: Some(words.html),
            headers: headers::automatic("support@desk.example"),
            ..Payload::default()
        };
        let (kind, reason, state) = (outbox::Kind::Mail, Reason::Question, State::Queued);
        let recipient = "ann@customer.example".into();
        NewOutgoing { id, kind, reason, recipient, message_id, payload, state, unproven: false }
    };
    let mut group = c.benchmark_group("enqueue");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("baseline: compose only", |b| b.iter(|| (0..BATCH).map(|_| question()).collect::<Vec<_>>()));
    group.bench_function("compose and enqueue", |b| {
        b.iter(|| {
            let effect = Effect {
                ticket_id: Some(1),
                ticket: OnTicket::Nothing,
                withdraw: false,
                messages: vec![],
                events: vec![],
                outgoing: (0..BATCH).map(|_| question()).collect(),
                bounced: None,
                alive: None,
            };
            runtime.block_on(async {
                desk.store.settling(&[]).await.unwrap().commit_effects(vec![effect], NOW).await.unwrap();
            });
        });
    });
    group.finish();
}

criterion_group!(benches, reply, enqueue);
criterion_main!(benches);
