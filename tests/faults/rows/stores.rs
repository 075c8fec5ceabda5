//! Rows 24–28: what happens to the database under the desk, on the engine that it can happen to.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinSet;

use crate::clerk::{Clerk, Plan, door};
use crate::harness::look_into;
use crate::http::{self, body};
use crate::ledger::{Fate, Tally, address, audit, settle};
use crate::servers::postgres::{self, Postgres};
use crate::servers::{signal, user};
use crate::talk::{Talk, stuffed};
use crate::town::{Made, Town, deliver, letter, system};
use crate::wire::{Act, Heard, Side, Trap, Wire};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(180);

/// A small file system; unmounted when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(folder: PathBuf, megabytes: u32) -> Result<Small, String> {
        fs::create_dir_all(&folder).unwrap();
        let size = format!("size={megabytes}m");
        let path = folder.display().to_string();
        system(&["mount", "-t", "tmpfs", "-o", &size, "none", &path])
            .map_err(|why| format!("no small tmpfs: {why}"))?;
        Ok(Small(folder))
    }

    /// Writes until nothing more goes.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        let block = vec![b'x'; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = system(&["umount", "-l", &self.0.display().to_string()]);
    }
}

/// 24: the disk is full, for either engine.
pub async fn disk_full(town: Arc<Town>) -> Made {
    let mut tally = embedded_full(&town).await?;
    tally.add(tablespace_full(&town).await?);
    Ok(tally)
}

async fn embedded_full(town: &Arc<Town>) -> Made {
    let small = Small::mount(town.folder.path().join("small"), 24)?;
    full(town, 24, &small, Plan { data: Some(small.0.join("data")), ..Plan::default() }).await
}

async fn tablespace_full(town: &Arc<Town>) -> Made {
    let small = Small::mount(town.folder.path().join("tight"), 40)?;
    let space = small.0.join("space");
    fs::create_dir(&space).unwrap();
    let owner = user("postgres").or_else(|| user("nobody")).ok_or("PostgreSQL's user is absent")?;
    std::os::unix::fs::chown(&space, Some(owner.0), Some(owner.1)).unwrap();
    let url = postgres::database().await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let run = async |admin: &mut PgConnection, sql: String| {
        sqlx::query(AssertSqlSafe(sql)).execute(admin).await.unwrap();
    };
    run(&mut admin, format!("CREATE TABLESPACE tight LOCATION '{}'", space.display())).await;
    run(&mut admin, "CREATE DATABASE tight TABLESPACE tight".into()).await;
    let start = url.rfind('/').unwrap();
    let store = format!("{}/tight?sslmode=disable", &url[..start]);
    let tally = full(town, 124, &small, Plan { store, ..Plan::default() }).await;
    run(&mut admin, "DROP DATABASE tight WITH (FORCE)".into()).await;
    run(&mut admin, "DROP TABLESPACE tight".into()).await;
    tally
}

async fn full(town: &Arc<Town>, row: u8, small: &Small, plan: Plan) -> Made {
    let user = format!("row{row}@desk.example");
    let imap = vec![door("support", town.dovecot.imap, &user, &town.dovecot, "")];
    let clerk = Clerk::start(Plan { support: user.clone(), imap, ..plan });
    let (ledger, pool) = (town.ledger(row), clerk.pool().await);
    let token = ledger.token(Fate::Offered);
    http::insist(clerk.http, &ledger, &token, SOON).await;
    small.fill();
    // What is allocated already takes a few more.
    let mut refused = None;
    let mut waiting = vec![];
    for _ in 0..80 {
        let token = ledger.token(Fate::Offered);
        let answer = http::post(clerk.http, &token, &body(&token, 400_000), SOON).await;
        match answer {
            Some(answer) if answer.status / 100 == 2 => ledger.acknowledged(&token),
            Some(answer) => {
                refused = Some(answer);
                waiting.push(token);
                break;
            }
            None => waiting.push(token),
        }
    }
    let mut tally = Tally::default();
    let refused = refused.ok_or("the disk did not become full")?;
    tally.demand(refused.status == 503 && refused.retry_after.is_some(), || refused.text.clone());
    let token = ledger.token(Fate::Offered);
    let answer = http::post(clerk.http, &token, &body(&token, 400_000), SOON).await;
    tally.demand(answer.is_some_and(|answer| answer.status == 503), || "a second post was not refused".into());
    waiting.push(token);
    // By LMTP, and in the mailbox, which it is not flagged in.
    let token = ledger.token(Fate::Offered);
    let mut talk = Talk::to(&format!("127.0.0.1:{}", clerk.lmtp)).await;
    talk.say("LHLO mx.test.example", "250").await;
    talk.say(&format!("MAIL FROM:<{}>", address(&token)), "250").await;
    talk.say(&format!("RCPT TO:<{user}>"), "250").await;
    talk.say("DATA", "354").await;
    talk.send(stuffed(&format!("{}{}", letter(&token, &user), "Once more.\r\n".repeat(40_000)))).await;
    talk.hear("452").await;
    let big = ledger.token(Fate::Ticket);
    let text = format!("{}{}", letter(&big, &user), "Once more.\r\n".repeat(40_000));
    town.dovecot.save(&user, "INBOX", &text);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let flagged = town.dovecot.flags(&user, "INBOX").iter().any(|flags| flags.contains("$Deskclerk"));
    tally.demand(!flagged, || "a mail was flagged that could not be stored".into());
    let lives = http::get(clerk.http, "/healthz", SOON).await;
    tally.demand(lives.is_some_and(|answer| answer.status == 200), || "healthz did not answer".into());
    small.free();
    for token in &waiting {
        http::insist(clerk.http, &ledger, token, SOON).await;
    }
    settle(&ledger, &pool, None, LONG).await;
    tally.add(audit(&ledger, &pool, None).await);
    pool.close().await;
    Ok(tally)
}

/// 25: another process holds the database for ten seconds, on either engine.
pub async fn locked(town: Arc<Town>) -> Made {
    let (mut first, second) =
        tokio::try_join!(held(&town, 25, ""), async { held(&town, 125, &postgres::database().await).await })?;
    first.add(second);
    Ok(first)
}

async fn held(town: &Arc<Town>, row: u8, store: &str) -> Made {
    let user = format!("row{row}@desk.example");
    let imap = vec![door("support", town.dovecot.imap, &user, &town.dovecot, "")];
    let clerk = Clerk::start(Plan { support: user.clone(), imap, store: store.into(), ..Plan::default() });
    let (ledger, pool) = (Arc::new(town.ledger(row)), clerk.pool().await);
    let other = clerk.pool().await;
    let mut holding = other.acquire().await.unwrap();
    let hold: &[&str] = match store.is_empty() {
        true => &["BEGIN IMMEDIATE"],
        false => &["BEGIN", "LOCK TABLE submissions IN ACCESS EXCLUSIVE MODE"],
    };
    for sql in hold {
        sqlx::query(*sql).execute(&mut *holding).await.unwrap();
    }
    let begun = Instant::now();
    let mut posting = JoinSet::new();
    for _ in 0..8 {
        let (ledger, port) = (ledger.clone(), clerk.http);
        posting.spawn(async move {
            let token = ledger.token(Fate::Offered);
            http::insist(port, &ledger, &token, SOON).await
        });
    }
    town.mail(&ledger, &user, 2).await;
    tokio::time::sleep(Duration::from_secs(10).saturating_sub(begun.elapsed())).await;
    let early = posting.try_join_next().is_some();
    sqlx::query("ROLLBACK").execute(&mut *holding).await.unwrap();
    drop(holding);
    let refusals: Vec<_> = posting.join_all().await.into_iter().flatten().collect();
    settle(&ledger, &pool, None, LONG).await;
    let mut tally = audit(&ledger, &pool, None).await;
    tally.demand(!early, || "a post was taken while the database was held".into());
    let polite = refusals.iter().all(|answer| answer.status == 503 && answer.retry_after.is_some());
    tally.demand(polite, || format!("refused with {}", refusals[0].text));
    let engine = if store.is_empty() { "SQLite" } else { "PostgreSQL" };
    // SQLite waits; a locked table of PostgreSQL is refused after its lock_timeout of ten seconds.
    tally.demand(!store.is_empty() || refusals.is_empty(), || "SQLite did not wait".into());
    Ok(tally.noting(format!("{engine}: {} refusals with Retry-After", refusals.len())))
}

/// 26: PostgreSQL restarts, twice.
pub async fn postgres_restarts(town: Arc<Town>) -> Made {
    let mut server = Postgres::start();
    let user = "row26@desk.example";
    let plan = Plan {
        support: user.into(),
        store: server.url("postgres"),
        imap: vec![door("support", town.dovecot.imap, user, &town.dovecot, "")],
        smtp: Some(town.postfix.smtp),
        ..Plan::default()
    };
    let clerk = Clerk::start(plan);
    let ledger = Arc::new(town.ledger(26));
    let stop = Arc::new(AtomicBool::new(false));
    let mut posting = JoinSet::new();
    for _ in 0..4 {
        let (ledger, port, stop) = (ledger.clone(), clerk.http, stop.clone());
        posting.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let token = ledger.token(Fate::Offered);
                http::insist(port, &ledger, &token, LONG).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
    for _ in 0..2 {
        town.mail(&ledger, user, 6).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.restart();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::SeqCst);
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    let pool = look_into(&server.url("postgres")).await;
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    pool.close().await;
    drop(clerk);
    Ok(tally.noting("2 restarts"))
}

/// The same database by another port.
fn by(url: &str, port: u16) -> String {
    let (head, rest) = url.split_once("127.0.0.1:").unwrap();
    let (_, database) = rest.split_once('/').unwrap();
    format!("{head}127.0.0.1:{port}/{database}")
}

fn port_of(url: &str) -> u16 {
    let (_, rest) = url.split_once("127.0.0.1:").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

/// 27: the connection goes at COMMIT: before the server has it, or before its answer is here.
pub async fn cut_at_commit(town: Arc<Town>) -> Made {
    let url = postgres::database().await;
    let user = "row27@desk.example";
    let trap = Arc::new(Trap::default());
    let (seen, struck) = (trap.clone(), trap.clone());
    let turn = Arc::new(AtomicUsize::new(0));
    let round = turn.clone();
    let watch = move |heard: &Heard<'_>| {
        if !seen.springs(heard.side == Side::Client && heard.has(b"COMMIT")) {
            return Act::Pass;
        }
        // Every other time the server gets it, and its answer gets nowhere.
        let gets_it = round.load(Ordering::SeqCst) % 2 == 1;
        Act::Last(if gets_it { heard.bytes.to_vec() } else { vec![] })
    };
    let wire = Wire::to(port_of(&url), watch, move || struck.done()).await;
    let clerk = Clerk::start(Plan {
        support: user.into(),
        store: by(&url, wire.port),
        imap: vec![door("support", town.dovecot.imap, user, &town.dovecot, "")],
        smtp: Some(town.postfix.smtp),
        ..Plan::default()
    });
    let (ledger, pool) = (Arc::new(town.ledger(27)), look_into(&url).await);
    let rounds = town.rounds(10, 200);
    for n in 0..rounds {
        turn.store(n, Ordering::SeqCst);
        trap.arm();
        if n % 3 == 0 {
            town.mail(&ledger, user, 1).await;
        } else {
            let token = ledger.token(Fate::Offered);
            http::insist(clerk.http, &ledger, &token, SOON).await;
        }
        assert!(trap.struck(SOON).await, "nothing was committed\n{}", clerk.last_words());
    }
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    pool.close().await;
    Ok(tally.noting(format!("{rounds} cuts")))
}

/// 28: one of two nodes is stopped past its leases, once while it settles, once while it sends.
pub async fn stopped_node(town: Arc<Town>) -> Made {
    let (mut first, second) = tokio::try_join!(stopped(&town, false), stopped(&town, true))?;
    first.add(second);
    Ok(first)
}

async fn stopped(town: &Arc<Town>, sending: bool) -> Made {
    let row = if sending { 128 } else { 28 };
    let url = postgres::database().await;
    let trap = Arc::new(Trap::default());
    let pid = Arc::<std::sync::atomic::AtomicU32>::default();
    let watched = async |port: u16, words: &'static [u8], wanted: bool| {
        let (seen, pid) = (trap.clone(), pid.clone());
        let watch = move |heard: &Heard<'_>| {
            if wanted && seen.springs(heard.side == Side::Client && heard.has(words)) {
                signal(pid.load(Ordering::SeqCst), "STOP");
                seen.done();
            }
            Act::Pass
        };
        Wire::to(port, watch, || {}).await
    };
    let database = watched(port_of(&url), b"INSERT INTO tickets", !sending).await;
    let smtp = watched(town.postfix.smtp, b"RCPT TO", sending).await;
    let user = format!("row{row}@desk.example");
    // A statement that a connection has prepared goes over the wire by number alone, unseen by the trap: none is kept.
    let store = format!("{}&statement-cache-capacity=0", by(&url, database.port));
    let plan = Plan { support: user.clone(), store, smtp: Some(smtp.port), ..Plan::default() };
    let first = Clerk::start(Plan { pid: pid.clone(), ..plan.clone() });
    let (ledger, pool) = (town.ledger(row), look_into(&url).await);
    // The mail that springs the trap is the last: a stopped node answers nobody who hands in another.
    deliver(first.lmtp, &ledger, Fate::Ticket, &user, 2).await;
    settle(&ledger, &pool, Some(&town.dovecot), SOON).await;
    trap.arm();
    deliver(first.lmtp, &ledger, Fate::Ticket, &user, 1).await;
    assert!(trap.struck(SOON).await, "the moment to stop never came\n{}", first.last_words());
    let begun = Instant::now();
    let second = Clerk::start(Plan {
        store: url.clone(),
        smtp: Some(town.postfix.smtp),
        pid: Arc::default(),
        replies: format!("token_key_file = \"{}\"", first.data().join("token.key").display()),
        ..plan
    });
    // Its leases are 20 s for what it settles and 60 s for what it sends.
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let took = begun.elapsed();
    first.signal("CONT");
    deliver(second.lmtp, &ledger, Fate::Ticket, &user, 1).await;
    deliver(first.lmtp, &ledger, Fate::Ticket, &user, 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    pool.close().await;
    let what = if sending { "sending" } else { "settling" };
    Ok(tally.noting(format!("stopped while {what}: the other took over after {} s", took.as_secs())))
}
