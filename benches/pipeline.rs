//! How fast the desk takes in and settles on SQLite: durable submissions by 64 clients, and mail → ticket → queued reply.
//!
//! `cargo bench --bench pipeline [-- MAILS]`. Every figure stands beside a baseline of the same run: what the disk
//! gives in fsyncs, and what the same work costs one transaction at a time. `DESKCLERK_BENCH_FOLDER` names the disk.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deskclerk::campaigns::Campaign;
use deskclerk::config;
use deskclerk::desk::Desk;
use deskclerk::store::submissions::{Envelope, Kind, New};

const CLIENTS: usize = 64;
const NOW: i64 = 1_800_000_000_000;

#[tokio::main]
async fn main() {
    let mails: usize = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(20_000);
    let root = std::env::var_os("DESKCLERK_BENCH_FOLDER").map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(root).unwrap();
    let fsyncs = fsyncs(folder.path());
    report("baseline: fsync of 4 KB", fsyncs, None);

    let desk = open(&folder.path().join("one")).await;
    let one = submit(&desk, 0..mails / 20, 1).await;
    report("baseline: submit, 1 client", one, Some(("of an fsync", one / fsyncs)));
    desk.store.close().await;

    let desk = open(&folder.path().join("many")).await;
    let posts = submit(&desk, 0..mails, CLIENTS).await;
    report("submit, 64 clients", posts, Some(("of 1 client", posts / one)));

    let single = settle(&desk, mails / 20, 1).await;
    report("baseline: settle, one a transaction", single, None);
    let batch = settle(&desk, usize::MAX, 64).await;
    report("settle: mail to ticket and queued reply", batch, Some(("of one a transaction", batch / single)));
    let lanes = lanes(&desk, mails).await;
    report("the workers, submissions coming in meanwhile", lanes, None);
    let replies = desk.store.queued_outgoing().await.unwrap();
    println!("{replies} replies queued, {} submissions left", desk.store.pending_submissions().await.unwrap());
    desk.store.close().await;
}

async fn open(folder: &Path) -> Arc<Desk> {
    let mut config = config::default_in(folder);
    config.replies.per_desk_per_hour = 10_000_000;
    config.replies.per_domain_per_hour = 10_000_000;
    let desk = Desk::open(config).await.unwrap();
    let campaigns = (0..10_000).map(|number| Campaign {
        id: (100_000 + number * 7).to_string(),
        name: format!("Campaign of town {number}"),
        account: format!("Account {}", number % 500),
        contacts: vec![format!("c{}.example", number % 500)],
        ..Campaign::default()
    });
    desk.replace_directory(campaigns.collect()).await.unwrap();
    desk
}

/// A mail of about 4 KB that must be asked about.
fn mail(number: usize) -> Vec<u8> {
    let line = "We have looked at the budget, the schedule and the audience, and all of it seems to be as it was.\r\n";
    format!(
        "From: Person {number} <p{number}@c{}.example>\r\nTo: support@desk.example\r\nSubject: nothing is delivered\r\n\
         Message-ID: <{number}.{}@c.example>\r\nDate: Mon, 02 Nov 2026 08:52:03 +0000\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\nHello,\r\nour campaign has not delivered anything since Monday.\r\n\
         {}Kind regards\r\nPerson {number}\r\n",
        number % 500,
        uuid::Uuid::now_v7(),
        line.repeat(36)
    )
    .into_bytes()
}

async fn submit(desk: &Arc<Desk>, mails: Range<usize>, clients: usize) -> f64 {
    let begun = Instant::now();
    let tasks = (0..clients).map(|client| {
        let (desk, share) = (desk.clone(), mails.clone().skip(client).step_by(clients));
        tokio::spawn(async move {
            for number in share {
                let submitted = desk.accept(new(number)).await.unwrap();
                assert!(!submitted.known);
            }
        })
    });
    futures_util::future::join_all(tasks).await;
    mails.len() as f64 / begun.elapsed().as_secs_f64()
}

fn new(number: usize) -> New {
    New {
        source: "lmtp".into(),
        source_key: None,
        kind: Kind::Mail,
        raw: mail(number),
        envelope: Envelope::default(),
        answerable: true,
        received_at: NOW,
    }
}

async fn settle(desk: &Arc<Desk>, most: usize, batch: i64) -> f64 {
    let begun = Instant::now();
    let mut settled = 0;
    while settled < most {
        match desk.batch(NOW, batch).await.unwrap().len() {
            0 => break,
            steps => settled += steps,
        }
    }
    settled as f64 / begun.elapsed().as_secs_f64()
}

/// The workers, while mails of other people come in: a second mail about the same is not answered.
async fn lanes(desk: &Arc<Desk>, mails: usize) -> f64 {
    let cancel = tokio_util::sync::CancellationToken::new();
    let begun = Instant::now();
    let (worker, stop) = (desk.clone(), cancel.clone());
    let work = tokio::spawn(async move { worker.work(stop).await });
    submit(desk, mails..2 * mails, CLIENTS).await;
    while desk.store.pending_submissions().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = mails as f64 / begun.elapsed().as_secs_f64();
    cancel.cancel();
    work.await.unwrap();
    rate
}

fn fsyncs(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("fsync")).unwrap();
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

fn report(what: &str, rate: f64, ratio: Option<(&str, f64)>) {
    let ratio = ratio.map_or_else(String::new, |(of, ratio)| format!("   ×{ratio:.1} {of}"));
    println!("{what:<46} {rate:>9.0}/s{ratio}");
}
