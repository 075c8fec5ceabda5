//! How fast one thread judges mail: reading, campaign, topic and all, on the corpus of the shared bench kit.
//!
//! `cargo bench --bench triage`. Baseline in the same run: mail-parser alone over the same mails. The corpus (2,000
//! mails, directories of 100,000 and, with DESKCLERK_BENCH_LARGE=1, of 1,000,000 campaigns) is generated once by
//! `../shared/bench/make_corpus.py` into the target folder.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deskclerk::campaigns::{self, Directory};
use deskclerk::request::{self, Setting};
use deskclerk::rules::Rules;
use deskclerk::triage;

/// Generates a corpus unless it stands there already; gives its folder.
fn corpus(campaigns: usize) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join(format!("target/bench-corpus-{campaigns}"));
    if !folder.join("truth.jsonl").exists() {
        let status = Command::new("python3")
            .arg(root.join("../shared/bench/make_corpus.py"))
            .args([
                "--mails",
                "2000",
                "--seed",
                "7",
                "--no-mbox",
                "--crlf",
                "--campaigns",
                &campaigns.to_string(),
                "--out",
            ])
            .arg(&folder)
            .status()
            .expect("python3 and ../shared/bench/make_corpus.py generate the corpus");
        assert!(status.success(), "make_corpus.py failed: {status}");
    }
    folder
}

/// The mails of 4 to 8 KB, as the figures of the design have it.
fn mails(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder.join("eml")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let all = paths.iter().map(|path| std::fs::read(path).unwrap());
    let mails: Vec<_> = all.filter(|mail| (4_096..=8_192).contains(&mail.len())).collect();
    assert!(mails.len() > 100, "only {} mails of 4 to 8 KB in {}", mails.len(), folder.display());
    mails
}

fn judge(c: &mut Criterion) {
    let large = std::env::var_os("DESKCLERK_BENCH_LARGE").is_some();
    let mut group = c.benchmark_group("one thread");
    group.sample_size(10);
    for size in [100_000, 1_000_000].into_iter().take(if large { 2 } else { 1 }) {
        let folder = corpus(size);
        let mails = mails(&folder);
        group.throughput(Throughput::Elements(mails.len() as u64));
        let (entries, faults) =
            campaigns::load::parse(&std::fs::read(folder.join("campaigns.csv")).unwrap(), "campaigns.csv");
        assert!(faults.len() < entries.len() / 100, "{} faults, first: {:?}", faults.len(), faults.first());
        let directory = Directory::build(entries);
        let rules = Rules::shipped();
        let setting = Setting::with(rules.reading.clone());
        if size == 100_000 {
            group.bench_function("baseline: mail-parser alone", |b| {
                b.iter(|| {
                    for mail in &mails {
                        black_box(mail_parser::MessageParser::default().parse(mail));
                    }
                });
            });
            group.bench_function("read", |b| {
                b.iter(|| {
                    for mail in &mails {
                        let _ = black_box(request::mail::read(mail, &setting));
                    }
                });
            });
        }
        group.bench_function(format!("read and triage, {size} campaigns"), |b| {
            b.iter(|| {
                for mail in &mails {
                    if let Ok(request) = request::mail::read(mail, &setting) {
                        black_box(triage::triage(&request, &directory, &rules, None));
                    }
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, judge);
criterion_main!(benches);
