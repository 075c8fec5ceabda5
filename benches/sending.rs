//! How fast the outbox empties through one Postfix on loopback, with four connections, beside what Postfix's own
//! `smtp-source` gets out of that same server with four sessions.
//!
//! `cargo bench --bench sending [-- MAILS]`, as root, for Postfix starts only so. Postfix queues every mail durably and
//! delivers none meanwhile.
#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/it/servers/mod.rs"]
mod servers;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deskclerk::config::{self, settings::Tls};
use deskclerk::delivery;
use deskclerk::desk::{Desk, unix_ms};
use deskclerk::store::submissions::{Envelope, Kind, New};
use servers::postfix::Postfix;
use tokio_util::sync::CancellationToken;

const CONNECTIONS: u32 = 4;

#[tokio::main]
async fn main() {
    let mails: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(2_000);
    // As often as Postfix does unasked: tests have it try again what it holds every second.
    let settings =
        "defer_transports = lmtp\nqueue_run_delay = 300s\nminimal_backoff_time = 300s\nmaximal_backoff_time = 4000s";
    let postfix = Postfix::start("inet:127.0.0.1:9", settings);
    let folder = tempfile::tempdir().unwrap();
    let mut config = config::default_in(folder.path());
    config.smtp.host = "127.0.0.1".into();
    config.smtp.port = postfix.smtp;
    config.smtp.tls = Tls::None;
    config.smtp.connections = CONNECTIONS;
    config.replies.per_desk_per_hour = u32::MAX;
    config.replies.per_domain_per_hour = u32::MAX;
    let desk = Desk::open(config).await.unwrap();
    for number in 0..mails {
        let raw = format!(
            "From: a{number}@customer.example\r\nTo: support@desk.example\r\nMessage-ID: <{number}@customer.example>\r\n\
             Subject: Clicks are not tracked\r\nDate: Mon, 02 Nov 2026 08:52:03 +0000\r\n\r\n\
             Hello,\r\n\r\nthe clicks of our campaign are not tracked.\r\n"
        );
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind: Kind::Mail,
            raw: raw.into_bytes(),
            envelope: Envelope::default(),
            answerable: true,
            received_at: unix_ms(),
        };
        desk.accept(new).await.unwrap();
    }
    while !desk.batch(unix_ms(), 64).await.unwrap().is_empty() {}
    let questions = desk.store.queued_outgoing().await.unwrap() as usize;
    let size = desk.store.outgoing_of(1).await.unwrap()[0].payload.html.as_ref().unwrap().len() * 2;

    // Turn about, so that neither has the quieter machine.
    let first = baseline(&postfix, mails / 2, size);
    let rate = send(&desk, questions).await;
    let baseline = (first + baseline(&postfix, mails / 2, size)) / 2.0;
    println!("{:<55}{baseline:>10.0}/s", "baseline: smtp-source, 4 sessions");
    println!("{:<55}{rate:>10.0}/s{:>8.2} of the baseline", "outbox to Postfix, 4 connections", rate / baseline);
}

/// Empties the outbox; mails a second.
async fn send(desk: &Arc<Desk>, questions: usize) -> f64 {
    let cancel = CancellationToken::new();
    let begun = Instant::now();
    let sending = tokio::spawn(delivery::run(desk.clone(), cancel.clone()));
    while desk.store.queued_outgoing().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rate = questions as f64 / begun.elapsed().as_secs_f64();
    cancel.cancel();
    sending.await.unwrap();
    rate
}

/// What Postfix's own load generator gets out of the server; mails a second.
fn baseline(postfix: &Postfix, mails: usize, size: usize) -> f64 {
    let begun = Instant::now();
    let done = Command::new("smtp-source")
        .args(["-d", "-s", &CONNECTIONS.to_string(), "-m", &mails.to_string(), "-l", &size.to_string()])
        .args(["-f", "support@desk.example", "-t", "ann@customer.example", &format!("127.0.0.1:{}", postfix.smtp)])
        .status()
        .expect("smtp-source comes with Postfix");
    assert!(done.success());
    mails as f64 / begun.elapsed().as_secs_f64()
}
