//! Help topics by rules: ten thousand signals beside three hundred, and the shipped rules, on texts of 1 KB, one thread.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use deskclerk::request::Request;
use deskclerk::rules::{Files, Rules};

/// Rules of this many one-phrase signals, spread over thirteen topics; every phrase is made of words that mails hold.
fn rules(signals: usize) -> Arc<Rules> {
    const WORDS: [&str; 40] = [
        "invoice", "password", "budget", "delivery", "report", "link", "contact", "webhook", "page", "manual", "pause",
        "partner", "number", "message", "monday", "customer", "team", "price", "picture", "audience", "click", "order",
        "error", "account", "export", "import", "list", "video", "course", "contract", "refund", "card", "code",
        "user", "date", "banner", "headline", "region", "total", "week",
    ];
    let mut files = Files::new();
    files.insert("words.toml".into(), Rules::shipped_files()["words.toml"].clone());
    for topic in 0..13 {
        let mut text = format!("id = \"t{topic}\"\nlabel = \"T{topic}\"\n[weights]\n");
        for number in (topic..signals).step_by(13) {
            let word = |step: usize| WORDS[(number / step) % WORDS.len()];
            text.push_str(&format!("\"{} {} {}\" = 1.5\n", word(1), word(40), number));
        }
        files.insert(format!("topics/t{topic}.toml"), text.into());
    }
    Arc::new(Rules::compile(&files).unwrap())
}

/// Different mails of 1 KB: what people write about, and padding as people pad.
fn mails() -> Vec<Request> {
    const LINES: [&str; 12] = [
        "Good morning, I hope you had a nice weekend and that I am writing to the right people.",
        "Since Monday our ads have not been delivered although there is plenty of budget left.",
        "My colleague told me that the invoice for last month arrived with the wrong total.",
        "When I open the report, the open rate shows 12 percent but the dashboard says 31.",
        "Die Anzeigen werden seit gestern nicht mehr ausgespielt, bitte prüfen Sie das dringend.",
        "Could you please swap the picture in the second banner for the attached one?",
        "The link of the button leads to a page that does not exist any more.",
        "Por favor, envíennos la factura con nuestro NIF antes del viernes.",
        "We have about 2,300 contacts in the list and 41 of them asked to be removed.",
        "I already wrote about this last week and nobody has answered so far.",
        "Our developer says that the webhook returns status 422 for every second lead.",
        "Thank you very much in advance and best regards from rainy Hamburg.",
    ];
    (0..64)
        .map(|seed| {
            let mut text = String::new();
            for at in 0.. {
                if text.len() >= 1024 {
                    break;
                }
                text.push_str(LINES[(seed * 7 + at * 5) % LINES.len()]);
                text.push('\n');
            }
            Request { subject: "question".into(), text, ..Request::default() }
        })
        .collect()
}

/// Mails of 1 KB of what stands as examples in the shipped rules, a dozen matters in each: hardly a line stands in two of them.
fn examples() -> Vec<Request> {
    let files = Rules::shipped_files();
    let lines = files.values().flat_map(|file| file.lines());
    let texts = lines.filter_map(|line| Some(line.strip_prefix("text = \"")?.strip_suffix('"')?.to_owned()));
    together(texts.collect())
}

/// Mails of 1 KB of mails that the rules were not written from, about three in each.
fn unseen() -> Vec<Request> {
    let mut texts = vec![];
    for number in 1..8 {
        let path = format!("{}/fixtures/topics/held/{number}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read_to_string(path).unwrap();
        let text =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
        texts.extend(file.lines().map(text));
    }
    together(texts)
}

/// Mails of 1 KB, each of some of these.
fn together(texts: Vec<String>) -> Vec<Request> {
    let mut mails = vec![];
    let mut text = String::new();
    // Not in the order of the topics.
    for at in 0..texts.len() {
        text.push_str(&texts[at * 257 % texts.len()]);
        text.push('\n');
        if text.len() >= 1024 {
            mails.push(Request { subject: "question".into(), text: std::mem::take(&mut text), ..Request::default() });
        }
    }
    mails
}

fn classify(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules/topic 1 KB");
    group.throughput(Throughput::Elements(1));
    for (name, rules, mails) in [
        ("300 signals", rules(300), mails()),
        ("10000 signals", rules(10_000), mails()),
        ("shipped", Rules::shipped(), mails()),
        ("shipped, unseen mails", Rules::shipped(), unseen()),
        ("shipped, a dozen matters a mail", Rules::shipped(), examples()),
    ] {
        let mut at = 0;
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || {
                    at = (at + 1) % mails.len();
                    &mails[at]
                },
                |mail| rules.topic(mail),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, classify);
criterion_main!(benches);
