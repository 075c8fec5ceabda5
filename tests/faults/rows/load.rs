//! Rows 7–9 and 31–33: ends under load, memory, hostile mail, and what strangers and partners do to the HTTP door.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clerk::{Clerk, Plan, door};
use crate::http::{self, body};
use crate::ledger::{Fate, Ledger, address, audit, settle};
use crate::talk::Talk;
use crate::town::{Made, Town};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(240);

/// Posts from so many clients until `stop`; what is not taken stays offered.
fn keep_posting(port: u16, ledger: &Arc<Ledger>, clients: usize, stop: &Arc<AtomicBool>) -> JoinSet<()> {
    let mut posting = JoinSet::new();
    for _ in 0..clients {
        let (ledger, stop) = (ledger.clone(), stop.clone());
        posting.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let token = ledger.token(Fate::Offered);
                let answer = http::post(port, &token, &body(&token, 0), Duration::from_secs(30)).await;
                if answer.is_some_and(|answer| answer.status / 100 == 2) {
                    ledger.acknowledged(&token);
                } else {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        });
    }
    posting
}

/// 7: SIGTERM while posts and mails come in and replies go out.
pub async fn terminated(town: Arc<Town>) -> Made {
    let user = "row7@desk.example";
    let mut clerk = Clerk::start(Plan {
        support: user.into(),
        imap: vec![door("support", town.dovecot.imap, user, &town.dovecot, "")],
        smtp: Some(town.postfix.smtp),
        ..Plan::default()
    });
    let (ledger, pool) = (Arc::new(town.ledger(7)), clerk.pool().await);
    let stop = Arc::new(AtomicBool::new(false));
    let mut posting = keep_posting(clerk.http, &ledger, 8, &stop);
    town.mail(&ledger, user, 30).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    clerk.signal("TERM");
    let status = clerk.buried(SOON);
    let took = begun.elapsed();
    stop.store(true, Ordering::SeqCst);
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    clerk.up();
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let mut tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    tally.demand(status.success() && took < Duration::from_secs(45), || format!("{status} after {took:?}"));
    Ok(tally.noting(format!("ended in {:.1} s", took.as_secs_f64())))
}

/// A control group with a bound on memory, of either version; gone when dropped.
struct Group {
    folder: PathBuf,
    limit: &'static str,
    events: &'static str,
}

impl Group {
    fn make() -> Result<Group, String> {
        let name = format!("deskclerk-faults-{}", std::process::id());
        let second = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default().contains("memory");
        let group = match second {
            true => {
                Group { folder: format!("/sys/fs/cgroup/{name}").into(), limit: "memory.max", events: "memory.events" }
            }
            false => Group {
                folder: format!("/sys/fs/cgroup/memory/{name}").into(),
                limit: "memory.limit_in_bytes",
                events: "memory.oom_control",
            },
        };
        fs::create_dir(&group.folder).map_err(|error| format!("no control group for memory: {error}"))?;
        fs::metadata(group.folder.join(group.limit))
            .map_err(|error| format!("no control group for memory: {} {error}", group.limit))?;
        Ok(group)
    }

    fn bound(&self, bytes: u64) -> Result<(), String> {
        let _ = fs::write(self.folder.join("memory.swap.max"), "0");
        fs::write(self.folder.join(self.limit), bytes.to_string()).map_err(|error| format!("{}: {error}", self.limit))
    }

    fn kills(&self) -> u64 {
        let events = fs::read_to_string(self.folder.join(self.events)).unwrap_or_default();
        let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// 8: the kernel kills it for the memory it takes.
pub async fn out_of_memory(town: Arc<Town>) -> Made {
    let group = Group::make()?;
    let enter = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", group.folder.display());
    let mut clerk =
        Clerk::start(Plan { prefix: ["sh", "-c", &enter, "sh"].map(String::from).into(), ..Plan::default() });
    let (ledger, pool) = (Arc::new(town.ledger(8)), clerk.pool().await);
    let small: Vec<String> = (0..4).map(|_| ledger.token(Fate::Offered)).collect();
    for token in &small[..2] {
        http::insist(clerk.http, &ledger, token, SOON).await;
    }
    // Little more than it has now; pages of files are taken back by the kernel and do not count.
    group.bound(clerk.own_memory() + (16 << 20))?;
    let mut posting = JoinSet::new();
    for _ in 0..16 {
        let (ledger, port) = (ledger.clone(), clerk.http);
        posting.spawn(async move {
            let token = ledger.token(Fate::Offered);
            let answer = http::post(port, &token, &body(&token, 12 << 20), SOON).await;
            if answer.is_some_and(|answer| answer.status / 100 == 2) {
                ledger.acknowledged(&token);
            }
        });
    }
    let status = clerk.buried(SOON);
    while let Some(posted) = posting.join_next().await {
        posted.unwrap();
    }
    let kills = group.kills();
    group.bound(4 << 30)?;
    clerk.up();
    for token in &small[2..] {
        http::insist(clerk.http, &ledger, token, SOON).await;
    }
    settle(&ledger, &pool, None, LONG).await;
    let mut tally = audit(&ledger, &pool, None).await;
    tally.demand(status.signal() == Some(9) && kills > 0, || format!("no out-of-memory kill: {status}, {kills} kills"));
    clerk.kill();
    Ok(tally.noting("killed by the kernel in a control group"))
}

/// 9: a mail in a mail in a mail, 22,000 deep.
pub async fn nested(town: Arc<Town>) -> Made {
    let user = "row9@desk.example";
    let clerk = Clerk::start(Plan {
        support: user.into(),
        imap: vec![door("support", town.dovecot.imap, user, &town.dovecot, "")],
        ..Plan::default()
    });
    let (ledger, pool) = (town.ledger(9), clerk.pool().await);
    let token = ledger.token(Fate::Quarantined);
    let deep = format!(
        "From: {0}\r\nTo: {user}\r\nMessage-ID: <{0}>\r\nSubject: Deep\r\nMIME-Version: 1.0\r\n{1}The end.\r\n",
        address(&token),
        "Content-Type: message/rfc822\r\n\r\n".repeat(22_000)
    );
    let mut talk = Talk::to(&format!("127.0.0.1:{}", town.dovecot.lmtp)).await;
    talk.say("LHLO mx.test.example", "250").await;
    talk.submit(&address(&token), user, &deep).await;
    town.mail(&ledger, user, 3).await;
    // Dovecot may just be restarting for another row.
    settle(&ledger, &pool, None, LONG).await;
    let mut tally = audit(&ledger, &pool, None).await;
    tally.demand(!clerk.log().contains("panicked"), || format!("a panic: {}", clerk.last_words()));
    Ok(tally)
}

/// 31: a thousand connections that never come to the end of their headers.
pub async fn slowloris(town: Arc<Town>) -> Made {
    let clerk = Clerk::start(Plan { http: "read_timeout_secs = 6".into(), ..Plan::default() });
    let (ledger, pool) = (town.ledger(31), clerk.pool().await);
    let mut dawdling = JoinSet::new();
    for _ in 0..1000 {
        let port = clerk.http;
        dawdling.spawn(async move {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return false };
            let _ = stream.write_all(b"POST /v1/requests HTTP/1.1\r\nHost: x\r\nX-").await;
            let mut cut = [0; 1];
            for _ in 0..60 {
                let heard = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut cut)).await;
                // An answer (408) or the end.
                if heard.is_ok() || stream.write_all(b"a").await.is_err() {
                    return true;
                }
            }
            false
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut slowest = Duration::ZERO;
    let mut well = true;
    for _ in 0..5 {
        let begun = Instant::now();
        let answer = http::get(clerk.http, "/healthz", Duration::from_secs(10)).await;
        well &= answer.is_some_and(|answer| answer.status == 200);
        slowest = slowest.max(begun.elapsed());
        let token = ledger.token(Fate::Offered);
        http::insist(clerk.http, &ledger, &token, SOON).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let cut = dawdling.join_all().await.into_iter().filter(|cut| *cut).count();
    settle(&ledger, &pool, None, SOON).await;
    let mut tally = audit(&ledger, &pool, None).await;
    tally.demand(well, || "healthz did not answer".into());
    tally.demand(cut == 1000, || format!("only {cut} of 1000 were cut off"));
    Ok(tally.noting(format!("healthz within {} ms, all 1000 cut off", slowest.as_millis())))
}

/// 32: ten thousand posts at once.
pub async fn flood(town: Arc<Town>) -> Made {
    let count = 10_000;
    let clerk = Clerk::start(Plan::default());
    let (ledger, pool) = (Arc::new(town.ledger(32)), clerk.pool().await);
    let mut posting = JoinSet::new();
    for _ in 0..count {
        let (ledger, port) = (ledger.clone(), clerk.http);
        posting.spawn(async move {
            let token = ledger.token(Fate::Offered);
            let answer = http::post(port, &token, &body(&token, 0), Duration::from_secs(60)).await;
            if answer.as_ref().is_some_and(|answer| answer.status / 100 == 2) {
                ledger.acknowledged(&token);
            }
            answer.map(|answer| (answer.status, answer.retry_after))
        });
    }
    let answers = posting.join_all().await;
    let taken = answers.iter().flatten().filter(|answer| answer.0 / 100 == 2).count();
    let busy = answers.iter().flatten().filter(|answer| matches!(answer, (429 | 503, Some(_)))).count();
    let unanswered = answers.iter().filter(|answer| answer.is_none()).count();
    let rude: Vec<_> =
        answers.iter().flatten().filter(|answer| !matches!(answer, (200..=299, _) | (429 | 503, Some(_)))).collect();
    settle(&ledger, &pool, None, LONG).await;
    let mut tally = audit(&ledger, &pool, None).await;
    tally.demand(rude.is_empty(), || format!("{} other answers, such as {:?}", rude.len(), rude[0]));
    tally.demand(taken > 0, || "none was taken".into());
    // Those stood before a full queue of the kernel's until they went.
    Ok(tally.noting(format!("{taken} taken, {busy} told to come again, {unanswered} never got in")))
}

/// 33: the same post a hundred times in parallel.
pub async fn parallel(town: Arc<Town>) -> Made {
    let clerk = Clerk::start(Plan::default());
    let (ledger, pool) = (Arc::new(town.ledger(33)), clerk.pool().await);
    let token = ledger.token(Fate::Ticket);
    let mut posting = JoinSet::new();
    for _ in 0..100 {
        let (token, port) = (token.clone(), clerk.http);
        posting.spawn(async move { http::post(port, &token, &body(&token, 0), SOON).await });
    }
    let answers = posting.join_all().await;
    settle(&ledger, &pool, None, SOON).await;
    let mut tally = audit(&ledger, &pool, None).await;
    let count = |status: u16| answers.iter().flatten().filter(|answer| answer.status == status).count();
    tally.demand(count(202) == 1 && count(200) == 99, || format!("{} × 202, {} × 200", count(202), count(200)));
    Ok(tally)
}
