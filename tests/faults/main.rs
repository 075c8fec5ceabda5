//! The fault matrix: every fault that Deskclerk must survive, made to happen to the real binary with real servers.
//!
//! `cargo test --test faults` runs each row at least once, `cargo test --test faults -- --long` rows 1–6 two hundred
//! times; `-- 11 28` runs those rows alone. Every input is in a ledger outside the program, and each row is audited
//! against it. Prints one line a row as it ends, and the closing figure; a row that cannot be made on this machine says why and does not count as survived.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod clerk;
#[path = "../it/harness.rs"]
#[allow(dead_code)]
mod harness;
mod http;
mod ledger;
mod partner;
mod rows;
#[path = "../it/servers/mod.rs"]
#[allow(dead_code)]
mod servers;
#[path = "../it/talk.rs"]
#[allow(dead_code)]
mod talk;
mod town;
mod wire;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::Tally;
use rows::{endpoints, kills, load, mailbox, network, poison, power, sending, stores};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use town::{Made, Town};

/// Rows at work at once: most of their time they wait.
const AT_ONCE: u32 = 8;

type Run = Box<dyn Fn(Arc<Town>) -> Pin<Box<dyn Future<Output = Made>>> + Send>;

struct Fault {
    number: u8,
    name: &'static str,
    run: Run,
}

fn fault<F: Future<Output = Made> + 'static>(
    number: u8,
    name: &'static str,
    run: impl Fn(Arc<Town>) -> F + Send + 'static,
) -> Fault {
    Fault { number, name, run: Box::new(move |town| Box::pin(run(town))) }
}

fn faults() -> Vec<Fault> {
    vec![
        fault(1, "kill -9 after FETCH", kills::after_fetch),
        fault(2, "kill -9 before a commit", kills::before_commit),
        fault(3, "kill -9 after a commit", kills::after_commit),
        fault(4, "kill -9 after the flag", kills::after_flag),
        fault(5, "kill -9 after the SMTP dot", kills::after_dot),
        fault(6, "kill -9 in a webhook", kills::in_a_webhook),
        fault(7, "SIGTERM under load", load::terminated),
        fault(8, "out-of-memory kill", load::out_of_memory),
        fault(9, "rfc822 nested 22,000 deep", load::nested),
        fault(10, "Dovecot restarts", mailbox::dovecot_restarts),
        fault(11, "IDLE in a black hole", network::black_hole),
        fault(12, "another UIDVALIDITY, the same UIDs", mailbox::another_epoch),
        fault(13, "another UIDVALIDITY, other UIDs", mailbox::other_uids),
        fault(14, "expunge race", mailbox::expunged),
        fault(15, "read-only folder", mailbox::read_only),
        fault(16, "[LIMIT] on login", mailbox::no_room),
        fault(17, "OAuth token expires", mailbox::token_expires),
        fault(18, "4 GB literal announced", mailbox::huge_literal),
        fault(19, "1 kB/s link", mailbox::thin_link),
        fault(20, "SMTP 4xx for an hour", sending::not_now),
        fault(21, "SMTP 5xx", sending::never),
        fault(22, "SMTP tarpit", sending::tarpit),
        fault(23, "connection dropped after the dot", sending::dropped_after_dot),
        fault(24, "disk full", stores::disk_full),
        fault(25, "database held for 10 s", stores::locked),
        fault(26, "PostgreSQL restarts", stores::postgres_restarts),
        fault(27, "PostgreSQL cut at COMMIT", stores::cut_at_commit),
        fault(28, "a node stopped past its lease", stores::stopped_node),
        fault(29, "clock a day forward, a day back", network::clock_set),
        fault(30, "DNS dead", network::no_dns),
        fault(31, "slowloris × 1,000", load::slowloris),
        fault(32, "10,000 webhooks at once", load::flood),
        fault(33, "the same webhook × 100 in parallel", load::parallel),
        fault(34, "receiving endpoint answers 500, redirects, hangs", endpoints::unwell),
        fault(35, "two auto-responders facing each other", sending::each_other),
        fault(36, "power cut: unsynced writes are gone", power::cuts),
        fault(37, "kill -9 five times over one mail", poison::by_chance),
        fault(38, "a mail that crashes its reader", poison::by_the_mail),
    ]
}

/// These wait long: they go first.
const LONGEST: [u8; 8] = [28, 29, 34, 16, 20, 11, 35, 24];
/// This one takes the whole machine: alone, and last.
const ALONE: u8 = 32;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    // What cargo-nextest asks of a test program.
    if has("--list") {
        if !has("--ignored") {
            println!("matrix: test");
        }
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<u8> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(32).enable_all().build().unwrap();
    if runtime.block_on(matrix(has("--long"), &wanted)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the rows; whether all that could be made were survived.
async fn matrix(long: bool, wanted: &[u8]) -> bool {
    let begun = Instant::now();
    let town = Arc::new(Town::start(long));
    let places = Arc::new(Semaphore::new(AT_ONCE as usize));
    let mut faults = faults();
    faults.retain(|fault| wanted.is_empty() || wanted.contains(&fault.number));
    faults.sort_by_key(|fault| (fault.number == ALONE, !LONGEST.contains(&fault.number), fault.number));
    let (count, mut running) = (faults.len(), JoinSet::new());
    for fault in faults {
        let (town, places) = (town.clone(), places.clone());
        running.spawn(async move {
            let share = if fault.number == ALONE { AT_ONCE } else { 1 };
            let _place = places.acquire_many_owned(share).await.unwrap();
            let (begun, runtime) = (Instant::now(), tokio::runtime::Handle::current());
            // A thread of its own: a row starts servers and waits for them, and one that fails ends no other.
            let row = tokio::task::spawn_blocking(move || runtime.block_on((fault.run)(town)));
            (fault.number, fault.name, row.await, begun.elapsed())
        });
    }
    let mut all = Tally::default();
    let (mut survived, mut not_made) = (0, 0);
    while let Some(ended) = running.join_next().await {
        let (number, name, made, took) = ended.unwrap();
        let (word, detail) = match made {
            Ok(Ok(tally)) => {
                let detail = line(&tally);
                let good = tally.is_good();
                survived += usize::from(good);
                all.add(tally);
                (if good { "survived" } else { "FAILED" }, detail)
            }
            Ok(Err(why)) => {
                not_made += 1;
                ("not made", why)
            }
            Err(error) => {
                let panic = error.into_panic();
                let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
                ("FAILED", text.unwrap_or("the row broke off").to_owned())
            }
        };
        println!("{number:>2}  {name:<48} {word:<9} {:>5.1} s  {detail}", took.as_secs_f64());
    }
    let Tally { mails, lost, doubled, repeats, .. } = all;
    println!("{survived}/{count} survived, {mails} mails, {lost} lost, {doubled} duplicated, {repeats} wire repeats");
    let how = if long { "long" } else { "short" };
    println!("the {how} form took {} s; {not_made} rows could not be made here", begun.elapsed().as_secs());
    tokio::task::spawn_blocking(move || drop(town)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    survived + not_made == count
}

fn line(tally: &Tally) -> String {
    let mut line = format!("{} mails, {} lost, {} duplicated", tally.mails, tally.lost, tally.doubled);
    if tally.repeats > 0 {
        line = format!("{line}, {} wire repeats", tally.repeats);
    }
    for more in std::iter::once(&tally.note).chain(&tally.faults).filter(|more| !more.is_empty()) {
        line = format!("{line}; {more}");
    }
    line
}
