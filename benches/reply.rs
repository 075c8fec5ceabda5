//! Composing questions on one thread: every kind in every language, text and HTML, beside the bare rendering of one
//! small template by the same engine, which is what the figure is to be compared with.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deskclerk::reply::compose::{Facts, Kind, compose};
use deskclerk::reply::guard::{self, Budget};
use deskclerk::reply::templates::Templates;
use deskclerk::reply::token::Keys;
use deskclerk::request::{Mailbox, Request};
use deskclerk::rules::Rules;

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

criterion_group!(benches, reply);
criterion_main!(benches);
