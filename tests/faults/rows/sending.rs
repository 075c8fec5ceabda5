//! Rows 20–23 and 35: what mail servers do to replies, and what another auto-responder makes of them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyPool, Row};

use crate::clerk::{Clerk, Plan, door};
use crate::harness::{mail, until};
use crate::ledger::{Fate, Tally, address, arrived, audit, settle};
use crate::servers::postfix::Postfix;
use crate::talk::Talk;
use crate::town::{Made, Town, letter, troubles};
use crate::wire::{Act, Heard, Side, Trap, Wire};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(180);

async fn number(pool: &AnyPool, sql: &'static str) -> i64 {
    sqlx::query(sql).fetch_one(pool).await.unwrap().get(0)
}

/// A desk that reads `user` and sends by this port.
fn answering(town: &Town, user: &str, smtp: u16) -> Plan {
    let imap = vec![door("support", town.dovecot.imap, user, &town.dovecot, "")];
    Plan { support: user.into(), imap, smtp: Some(smtp), ..Plan::default() }
}

/// 20: 4xx for an hour, on a clock that the row moves.
pub async fn not_now(town: Arc<Town>) -> Made {
    let (env, clock) = town.clock("clock-20")?;
    let user = "row20@desk.example";
    let lmtp = format!("inet:127.0.0.1:{}", town.dovecot.lmtp);
    let moody =
        Postfix::start(&lmtp, "smtpd_recipient_restrictions = check_recipient_access static:{defer try later}, permit");
    let clerk = Clerk::start(Plan { env, ..answering(&town, user, moody.smtp) });
    let (ledger, pool) = (town.ledger(20), clerk.pool().await);
    town.mail(&ledger, user, 3).await;
    const TRIES: &str = "SELECT CAST(COALESCE(MIN(attempts), 0) AS INTEGER) FROM outbox";
    until("first tries", async || {
        let all = number(&pool, "SELECT COUNT(*) FROM outbox").await == 3;
        (all && number(&pool, TRIES).await >= 1).then_some(())
    })
    .await;
    for tenth in 1..=6 {
        let before = number(&pool, TRIES).await;
        fs::write(&clock, format!("+{}", tenth * 600)).unwrap();
        until("another try", async || (number(&pool, TRIES).await > before).then_some(())).await;
    }
    let tries = number(&pool, TRIES).await;
    let early = number(&pool, "SELECT COUNT(*) FROM outbox WHERE state <> 'queued'").await;
    let port = moody.smtp;
    drop(moody);
    let _calm = Postfix::at(port, &lmtp, "");
    fs::write(&clock, "+9000").unwrap();
    settle(&ledger, &pool, Some(&town.dovecot), SOON).await;
    let mut tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    tally.demand(early == 0, || format!("{early} were given up or sent within the hour"));
    Ok(tally.noting(format!("{tries} tries in the hour, then sent")))
}

/// 21: 5xx.
pub async fn never(town: Arc<Town>) -> Made {
    let user = "row21@desk.example";
    let refuse = "smtpd_recipient_restrictions = check_recipient_access static:{reject no such user}, permit";
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", town.dovecot.lmtp), refuse);
    let clerk = Clerk::start(answering(&town, user, postfix.smtp));
    let (ledger, pool) = (town.ledger(21), clerk.pool().await);
    let tokens = town.mail(&ledger, user, 2).await;
    const DEAD: &str = "SELECT COUNT(*) FROM outbox WHERE state = 'dead'";
    until("dead letters", async || (number(&pool, DEAD).await == 2).then_some(())).await;
    settle(&ledger, &pool, None, SOON).await;
    let mut tally = audit(&ledger, &pool, None).await;
    let listed = clerk.command(&["outbox", "list", "--state", "dead", "--format", "json"]);
    tally.demand(tokens.iter().all(|token| listed.contains(&address(token))), || {
        format!("not all are listed: {listed}")
    });
    let waiting = number(&pool, "SELECT COUNT(*) FROM tickets WHERE status = 'waiting'").await;
    tally.demand(waiting == 0, || format!("{waiting} tickets wait for an answer that cannot come"));
    Ok(tally.noting("dead letters, listed; their tickets with the agents"))
}

/// 22: a server that takes its time over some mails.
pub async fn tarpit(town: Arc<Town>) -> Made {
    let user = "row22@desk.example";
    let ledger = town.ledger(22);
    let slow = [ledger.token(Fate::Ticket), ledger.token(Fate::Ticket)];
    let free = Arc::new(AtomicBool::new(false));
    let stuck = std::sync::Mutex::new(std::collections::HashSet::new());
    let (names, open) = (slow.clone().map(|token| address(&token)), free.clone());
    let watch = move |heard: &Heard<'_>| {
        let mut stuck = stuck.lock().unwrap();
        if heard.side == Side::Client && names.iter().any(|name| heard.has(format!("TO:<{name}>").as_bytes())) {
            stuck.insert(heard.connection);
        }
        match heard.side == Side::Server && stuck.contains(&heard.connection) {
            true => Act::Until(open.clone()),
            false => Act::Pass,
        }
    };
    let wire = Wire::to(town.postfix.smtp, watch, || {}).await;
    let clerk = Clerk::start(answering(&town, user, wire.port));
    let pool = clerk.pool().await;
    for token in &slow {
        town.dovecot.save(user, "INBOX", &letter(token, user));
    }
    let others = town.mail(&ledger, user, 6).await;
    let begun = Instant::now();
    let there = |token: &String| !arrived(&town.dovecot, &address(token)).is_empty();
    until("the other replies", async || others.iter().all(there).then_some(())).await;
    let took = begun.elapsed();
    let early = slow.iter().filter(|token| there(token)).count();
    free.store(true, Ordering::SeqCst);
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let mut tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    tally.demand(early == 0, || "the tarpit held nothing".into());
    Ok(tally.noting(format!("the others took {:.1} s", took.as_secs_f64())))
}

/// 23: the connection goes after the final dot; the server has the mail.
pub async fn dropped_after_dot(town: Arc<Town>) -> Made {
    let user = "row23@desk.example";
    let trap = Arc::new(Trap::default());
    let (seen, struck) = (trap.clone(), trap.clone());
    let watch = move |heard: &Heard<'_>| match seen.springs(heard.side == Side::Server && heard.has(b"Ok: queued")) {
        true => Act::Last(vec![]),
        false => Act::Pass,
    };
    let wire = Wire::to(town.postfix.smtp, watch, move || struck.done()).await;
    let clerk = Clerk::start(answering(&town, user, wire.port));
    let (ledger, pool) = (town.ledger(23), clerk.pool().await);
    trap.arm();
    let tokens = town.mail(&ledger, user, 2).await;
    let there = || tokens.iter().map(|token| arrived(&town.dovecot, &address(token)).len()).sum::<usize>();
    assert!(trap.struck(SOON).await, "nothing was sent\n{}", clerk.last_words());
    let end = Instant::now() + LONG;
    while there() < 3 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    settle(&ledger, &pool, Some(&town.dovecot), LONG).await;
    let mut tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    tally.demand(tally.repeats == 1, || {
        format!("{} replies came\n{}\n{}", there(), clerk.last_words(), troubles(&town.postfix).join("\n"))
    });
    Ok(tally)
}

/// 35: two desks that take each other for customers; once as they are, once with every mark of an automatic mail taken
/// off on the way.
pub async fn each_other(town: Arc<Town>) -> Made {
    let mut tally = Tally::default();
    for (stripped, most) in [(false, 1), (true, 10)] {
        let sent = face(&town, stripped, &mut tally).await;
        tally.demand((1..=most).contains(&sent), || format!("{sent} mails went to and fro, stripped: {stripped}"));
        let how = if stripped { "without their marks" } else { "as they are" };
        tally.add(Tally::default().noting(format!("{sent} mails {how}")));
    }
    Ok(tally)
}

async fn face(town: &Arc<Town>, stripped: bool, tally: &mut Tally) -> i64 {
    let checks = town.folder.path().join(format!("strip-{stripped}"));
    let marks =
        "/^(Auto-Submitted|X-Auto-Response-Suppress|Precedence|List-[A-Za-z-]+|X-[A-Za-z-]+|Return-Path):/ IGNORE\n";
    fs::write(&checks, if stripped { marks } else { "" }).unwrap();
    let settings = format!("header_checks = regexp:{}\n", checks.display());
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", town.dovecot.lmtp), &settings);
    let users = [format!("left{stripped}@desk.example"), format!("right{stripped}@desk.example")];
    let desks = users.each_ref().map(|user| Clerk::start(answering(town, user, postfix.smtp)));
    let pools = [desks[0].pool().await, desks[1].pool().await];
    // Each asks for what is missing; the other's question is not complete either.
    let text =
        "Hello,\n\nthe clicks of our campaign are no longer tracked since yesterday, and the report stays at zero.";
    let seed = mail(&users[1], &users[0], &format!("seed{stripped}@desk.example"), "Clicks are not tracked", text);
    let mut talk = Talk::to(&format!("127.0.0.1:{}", postfix.smtp)).await;
    talk.say("EHLO client.test.example", "250").await;
    talk.submit(&users[1], &users[0], &seed).await;
    tally.mails += 1;
    const SENT: &str = "SELECT COUNT(*) FROM outbox";
    let both = async || number(&pools[0], SENT).await + number(&pools[1], SENT).await;
    until("a first reply", async || (both().await > 0).then_some(())).await;
    // Until nothing has moved for eight seconds, or it has plainly not stopped.
    let end = Instant::now() + SOON;
    let (mut last, mut since) = (both().await, Instant::now());
    while since.elapsed() < Duration::from_secs(8) && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = both().await;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    tally.demand(Instant::now() < end, || "it has not stopped".into());
    tally
        .demand(number(&pools[0], "SELECT COUNT(*) FROM tickets").await >= 1, || "the first mail has no ticket".into());
    last
}
