//! How fast raw mail becomes a request: ordinary mails of 4 to 8 KB, and inputs made to be slow.
//!
//! `reading/mails` is one thread over a mixture of plain and HTML mails (throughput in mails a second).
//! `linear/*` reads each hostile input at single and double size and prints the ratio: near 2 is linear.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use deskclerk::request::{Setting, mail};

/// Headers as a mail carries them after three hops: about 2 KB.
fn head(number: usize, kind: &str) -> String {
    let mut head = String::new();
    for hop in 0..3 {
        head.push_str(&format!(
            "Received: from mx{hop}.acme.example (mx{hop}.acme.example [203.0.113.{hop}])\r\n\tby mx.desk.example (Postfix) with ESMTPS id 4ZX{number}\r\n\tfor <support@desk.example>; Mon, 07 Apr 2025 09:1{hop}:00 +0200 (CEST)\r\n"
        ));
    }
    head.push_str(&format!(
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=acme.example; s=key1;\r\n\th=from:to:subject:date:message-id; bh={}; b={}\r\n",
        "A".repeat(44),
        "B".repeat(340)
    ));
    head.push_str(&format!(
        "Authentication-Results: mx.desk.example; dkim=pass; spf=pass; dmarc=pass\r\nFrom: Jane Roe <jane{number}@acme.example>\r\nTo: Support <support@desk.example>\r\nSubject: Re: clicks of campaign {number}\r\nDate: Mon, 07 Apr 2025 09:12:00 +0200\r\nMessage-ID: <m{number}@acme.example>\r\nIn-Reply-To: <r{number}@desk.example>\r\nReferences: <a@desk.example> <r{number}@desk.example>\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n"
    ));
    head
}

fn words(lines: usize) -> Vec<String> {
    (0..lines)
        .map(|at| format!("The clicks of our spring campaign have not been counted since Monday, line {at}."))
        .collect()
}

fn plain(number: usize) -> Vec<u8> {
    let old: String = words(24).iter().map(|line| format!("> {line}\r\n")).collect();
    let body = format!(
        "Hello,\r\n\r\n{}\r\n\r\nBest regards\r\nJane Roe\r\nAcme GmbH | Hafenstr. 12, 20457 Hamburg | Tel. +49 40 555 0137\r\n\r\nOn Mon, Mar 31, 2025 at 4:12 PM Support <support@desk.example> wrote:\r\n\r\n{old}",
        words(14).join("\r\n")
    );
    (head(number, "text/plain; charset=utf-8") + &body).into_bytes()
}

fn page(number: usize) -> String {
    let paragraphs: String = words(12)
        .iter()
        .map(|line| format!("<p class=MsoNormal><span style='font-size:11.0pt;font-family:\"Calibri\",sans-serif'>{line}&nbsp;<o:p></o:p></span></p>\r\n"))
        .collect();
    format!(
        "<html><head><style>p.MsoNormal {{margin:0cm;font-size:11pt}}</style></head><body><div class=WordSection1>{paragraphs}<p class=MsoNormal>Best regards<br>Jane Roe</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Support &lt;support@desk.example&gt;<br><b>Sent:</b> Monday, April 7, 2025 9:12 AM<br><b>To:</b> Jane Roe<br><b>Subject:</b> clicks {number}</p></div><p>Which <a href=\"https://app.example/campaigns/{number}\">campaign</a>?</p></div></body></html>"
    )
}

fn html(number: usize) -> Vec<u8> {
    (head(number, "text/html; charset=utf-8") + &page(number)).into_bytes()
}

fn both(number: usize) -> Vec<u8> {
    let text = words(12).join("\r\n");
    let body = format!(
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{}\r\n--b--\r\n",
        page(number)
    );
    (head(number, "multipart/alternative; boundary=b") + &body).into_bytes()
}

fn reading(c: &mut Criterion) {
    let setting = Setting { own_addresses: vec!["support@desk.example".into()], ..Setting::default() };
    let mails: Vec<Vec<u8>> = (0..60).map(|at| [plain, html, both][at % 3](48_000 + at)).collect();
    let mut group = c.benchmark_group("reading");
    group.throughput(Throughput::Elements(mails.len() as u64));
    let bytes = mails.iter().map(Vec::len).sum::<usize>() / mails.len();
    group.bench_function(BenchmarkId::new("mails", format!("{bytes} bytes")), |b| {
        b.iter(|| mails.iter().for_each(|raw| drop(black_box(mail::read(raw, &setting)))));
    });
    for (name, make) in [("plain", plain as fn(usize) -> Vec<u8>), ("html", html), ("both", both)] {
        let raw = make(48_213);
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new(name, format!("{} bytes", raw.len())), |b| {
            b.iter(|| black_box(mail::read(&raw, &setting)))
        });
    }
    group.finish();
}

/// A body of that many times its unit.
type Body = fn(usize) -> String;

fn linear(c: &mut Criterion) {
    let setting = Setting::default();
    let mut group = c.benchmark_group("linear");
    group.sample_size(10);
    let cases: [(&str, Body); 6] = [
        ("one-line", |factor| "a b1 ".repeat(200_000 * factor)),
        ("one-word", |factor| "a".repeat(1_000_000 * factor)),
        ("quote-lines", |factor| "> quoted\r\n".repeat(100_000 * factor)),
        ("attributions", |factor| {
            "On Mon, Mar 31, 2025 at 4:12 PM Support <s@desk.example> wrote:\r\n".repeat(100_000 * factor)
        }),
        ("header-lines", |factor| "From: Support <s@desk.example>\r\n".repeat(100_000 * factor)),
        ("words", |factor| "no clicks since Monday, says Jane\r\n".repeat(30_000 * factor)),
    ];
    let mut doubled = |name: &str, make: &dyn Fn(usize) -> String| {
        let mut secs = [0.0; 2];
        for (factor, secs) in [1, 2].into_iter().zip(&mut secs) {
            let raw = make(factor).into_bytes();
            group.bench_function(BenchmarkId::new(name, format!("x{factor}")), |b| {
                b.iter_custom(|times| {
                    let start = Instant::now();
                    (0..times).for_each(|_| drop(black_box(mail::read(&raw, &setting))));
                    let took = start.elapsed();
                    *secs = took.as_secs_f64() / times as f64;
                    took
                })
            });
        }
        println!("linear/{name}: twice the size takes {:.2} times as long\n", secs[1] / secs[0]);
    };
    for (name, body) in cases {
        doubled(name, &|factor| {
            format!("From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}", body(factor))
        });
    }
    for (name, piece) in [
        ("html-divs", "<div>"),
        ("html-attributes", "<p a=\"b\" c=d e>x "),
        ("html-open", "<p "),
        ("html-quotes", "<p a=\"x "),
        ("html-comments", "<!-- x "),
        ("html-entities", "&amp;&bogus;"),
        ("html-closing", "</div></p>"),
        ("html-lists", "<ol><li>x "),
        ("html-style-sheets", "<style>.a{display:none}</style>"),
        ("html-struck", "<s>x "),
    ] {
        doubled(name, &|factor| {
            let page = piece.repeat(50_000 * factor);
            format!("From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{page}")
        });
    }
    group.finish();
}

criterion_group!(benches, reading, linear);
criterion_main!(benches);
