//! Rows 10 and 12–19: what happens to mailboxes.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyPool, Row};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::clerk::{Clerk, Plan, door};
use crate::harness::until;
use crate::http;
use crate::ledger::{Fate, Ledger, Tally, address, audit, settle};
use crate::servers::dovecot::{Dovecot, PASSWORD};
use crate::servers::postfix::Postfix;
use crate::servers::tokens::Tokens;
use crate::talk::Talk;
use crate::town::{Made, Town, deliver, letter, troubles};
use crate::wire::{Act, Heard, Side, Trap, Wire};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(180);

fn reading(port: u16, user: &str, dovecot: &Dovecot, more: &str) -> Plan {
    Plan { support: user.into(), imap: vec![door("support", port, user, dovecot, more)], ..Plan::default() }
}

async fn end(ledger: &Ledger, pool: &AnyPool) -> Tally {
    settle(ledger, pool, None, LONG).await;
    audit(ledger, pool, None).await
}

/// 10: Dovecot restarts in the middle of mails and replies.
pub async fn dovecot_restarts(town: Arc<Town>) -> Made {
    let user = "row10@desk.example";
    let mut dovecot = Dovecot::start();
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), "");
    let clerk = Clerk::start(Plan { smtp: Some(postfix.smtp), ..reading(dovecot.imap, user, &dovecot, "") });
    let (ledger, pool) = (Arc::new(town.ledger(10)), clerk.pool().await);
    let (book, port) = (ledger.clone(), postfix.smtp);
    let sending = tokio::spawn(async move {
        let mut talk = Talk::to(&format!("127.0.0.1:{port}")).await;
        talk.say("EHLO client.test.example", "250").await;
        for _ in 0..24 {
            let token = book.token(Fate::Ticket);
            talk.submit(&address(&token), user, &letter(&token, user)).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    });
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(800)).await;
        dovecot.down();
        tokio::time::sleep(Duration::from_millis(300)).await;
        dovecot.up();
    }
    sending.await.unwrap();
    settle(&ledger, &pool, Some(&dovecot), LONG).await;
    let mut tally = audit(&ledger, &pool, Some(&dovecot)).await;
    if tally.lost > 0 {
        // What Postfix has taken is lost behind it, or was turned away there.
        tally.faults.extend(troubles(&postfix).into_iter().take(10));
    }
    Ok(tally.noting("2 restarts"))
}

/// 12: another UIDVALIDITY, the same UIDs.
pub async fn another_epoch(town: Arc<Town>) -> Made {
    let user = "row12@desk.example";
    let clerk = Clerk::start(reading(town.dovecot.imap, user, &town.dovecot, ""));
    let (ledger, pool) = (town.ledger(12), clerk.pool().await);
    town.mail(&ledger, user, 5).await;
    settle(&ledger, &pool, None, SOON).await;
    town.dovecot.doveadm(&["mailbox", "update", "--uid-validity", "4242", "-u", user, "INBOX"]);
    town.dovecot.doveadm(&["kick", user]);
    town.mail(&ledger, user, 2).await;
    reread(&pool, 12).await;
    Ok(end(&ledger, &pool).await)
}

/// 13: another UIDVALIDITY and other UIDs, as after a lost index.
pub async fn other_uids(town: Arc<Town>) -> Made {
    let user = "row13@desk.example";
    let mut dovecot = Dovecot::start();
    let clerk = Clerk::start(reading(dovecot.imap, user, &dovecot, ""));
    let (ledger, pool) = (town.ledger(13), clerk.pool().await);
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 5).await;
    settle(&ledger, &pool, None, SOON).await;
    dovecot.doveadm(&["expunge", "-u", user, "mailbox", "INBOX", "uid", "2"]);
    dovecot.down();
    for entry in fs::read_dir(dovecot.maildir(user)).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("dovecot") && entry.path().is_file() {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    dovecot.up();
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 2).await;
    reread(&pool, 11).await;
    Ok(end(&ledger, &pool).await)
}

/// Waits until the renumbered mailbox has been read anew.
async fn reread(pool: &AnyPool, count: i64) {
    until("the renumbered mailbox to be read anew", async || {
        let row = sqlx::query("SELECT COUNT(*) FROM submissions").fetch_one(pool).await.unwrap();
        (row.get::<i64, _>(0) >= count).then_some(())
    })
    .await;
}

/// 14: the mail is deleted between the SEARCH that found it and the FETCH that asks for it.
pub async fn expunged(town: Arc<Town>) -> Made {
    let user = "row14@desk.example";
    let trap = Arc::new(Trap::default());
    let (seen, town_too) = (trap.clone(), town.clone());
    let watch = move |heard: &Heard<'_>| {
        if seen.springs(heard.side == Side::Client && heard.has(b"BODY.PEEK[]")) {
            town_too.dovecot.doveadm(&["expunge", "-u", user, "mailbox", "INBOX", "1:*"]);
            seen.done();
        }
        Act::Pass
    };
    let wire = Wire::to(town.dovecot.imap, watch, || {}).await;
    let clerk = Clerk::start(reading(wire.port, user, &town.dovecot, ""));
    let (ledger, pool) = (town.ledger(14), clerk.pool().await);
    let rounds = town.rounds(3, 50);
    for _ in 0..rounds {
        trap.arm();
        deliver(town.dovecot.lmtp, &ledger, Fate::Withdrawn, user, 1).await;
        assert!(trap.struck(SOON).await, "no mail was asked for\n{}", clerk.last_words());
    }
    town.mail(&ledger, user, 1).await;
    let mut tally = end(&ledger, &pool).await;
    let sql = "SELECT COUNT(*) FROM submissions WHERE size < 100";
    let empty: i64 = sqlx::query(sql).fetch_one(&pool).await.unwrap().get(0);
    tally.demand(empty == 0, || format!("{empty} empty mails"));
    Ok(tally.noting(format!("{rounds} races")))
}

/// 15: mails can be read and not flagged.
pub async fn read_only(town: Arc<Town>) -> Made {
    let user = "row15@desk.example";
    let rights = "mail_plugins = acl\nprotocol imap {\n mail_plugins = acl imap_acl\n}\nplugin {\n acl = vfile\n}\n";
    let dovecot = Dovecot::with(rights);
    let mut ledger = town.ledger(15);
    ledger.flags = false;
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 3).await;
    fs::write(dovecot.maildir(user).join("dovecot-acl"), format!("owner lr\nuser={user} lr\n")).unwrap();
    let (fetches, searches) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (fetched, searched) = (fetches.clone(), searches.clone());
    let watch = move |heard: &Heard<'_>| {
        let client = heard.side == Side::Client;
        fetched.fetch_add(usize::from(client && heard.has(b"BODY.PEEK[]")), Ordering::SeqCst);
        searched.fetch_add(usize::from(client && heard.has(b"UID SEARCH")), Ordering::SeqCst);
        Act::Pass
    };
    let wire = Wire::to(dovecot.imap, watch, || {}).await;
    let mut clerk = Clerk::start(reading(wire.port, user, &dovecot, "idle_secs = 1"));
    let pool = clerk.pool().await;
    settle(&ledger, &pool, None, SOON).await;
    // Several looks at everything, and a restart, ask for nothing again.
    until("more looks", async || (searches.load(Ordering::SeqCst) > 4).then_some(())).await;
    clerk.kill();
    clerk.up();
    let before = searches.load(Ordering::SeqCst);
    until("more looks", async || (searches.load(Ordering::SeqCst) > before + 2).then_some(())).await;
    let mut tally = end(&ledger, &pool).await;
    let (fetches, searches) = (fetches.load(Ordering::SeqCst), searches.load(Ordering::SeqCst));
    tally.demand(fetches <= 3, || format!("3 mails were fetched in {fetches} commands"));
    tally.demand(clerk.log().contains("read-only"), || "nobody was told".into());
    Ok(tally.noting(format!("{fetches} fetches in {searches} looks")))
}

/// 16: the server has no room for another connection.
pub async fn no_room(town: Arc<Town>) -> Made {
    let user = "row16@desk.example";
    let dovecot = Dovecot::with("mail_max_userip_connections = 1\n");
    let mut other = TcpStream::connect(("127.0.0.1", dovecot.imap)).await.unwrap();
    other.write_all(format!("a LOGIN {user} {PASSWORD}\r\nb SELECT INBOX\r\n").as_bytes()).await.unwrap();
    let refused = Arc::new(AtomicUsize::new(0));
    let seen = refused.clone();
    let watch = move |heard: &Heard<'_>| {
        seen.fetch_add(usize::from(heard.side == Side::Server && heard.has(b"[LIMIT]")), Ordering::SeqCst);
        Act::Pass
    };
    let wire = Wire::to(dovecot.imap, watch, || {}).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let clerk = Clerk::start(reading(wire.port, user, &dovecot, ""));
    let (ledger, pool) = (town.ledger(16), clerk.pool().await);
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 2).await;
    until("the server to refuse", async || (refused.load(Ordering::SeqCst) > 0).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let tries = wire.connections.load(Ordering::SeqCst);
    drop(other);
    let mut tally = end(&ledger, &pool).await;
    tally.demand(tries <= 4, || format!("{tries} tries in 10 s"));
    Ok(tally.noting(format!("{tries} tries in 10 s")))
}

/// 17: the access token ends while mail is read; then the provider takes the refresh token back, and later gives another.
pub async fn token_expires(town: Arc<Town>) -> Made {
    let user = "row17@desk.example";
    let tokens = Tokens::start(user).await;
    let dovecot = Dovecot::with(&tokens.dovecot());
    let signs_in = Arc::new(AtomicUsize::new(0));
    let seen = signs_in.clone();
    let watch = move |heard: &Heard<'_>| {
        seen.fetch_add(usize::from(heard.side == Side::Client && heard.has(b"AUTHENTICATE")), Ordering::SeqCst);
        Act::Pass
    };
    let wire = Wire::to(dovecot.imap, watch, || {}).await;
    let oauth = tokens.settings(true);
    let imap = format!(
        "[[imap]]\nname = \"support\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{user}\"\n\
         answer_since = \"all\"\n[imap.oauth]\ntoken_url = \"{}\"\nclient_id = \"{}\"\nclient_secret_file = \"{}\"\n\
         refresh_token_file = \"{}\"\n",
        wire.port,
        oauth.token_url,
        oauth.client_id,
        oauth.client_secret_file.display(),
        oauth.refresh_token_file.display()
    );
    let clerk = Clerk::start(Plan { support: user.into(), imap: vec![imap], ..Plan::default() });
    let (ledger, pool) = (town.ledger(17), clerk.pool().await);
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 3).await;
    settle(&ledger, &pool, None, SOON).await;
    // It ends: the server lets nobody in with it, and the desk asks for one other.
    tokens.book().revoke();
    dovecot.kick(user);
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 3).await;
    settle(&ledger, &pool, None, SOON).await;
    let renewed = tokens.book().asked.len();
    // No other is to be had.
    tokens.book().revoke();
    tokens.book().refusal = "invalid_grant".into();
    dovecot.kick(user);
    let told = clerk.says("invalid_grant", 1, SOON).await;
    let (asked, signed) = (tokens.book().asked.len(), signs_in.load(Ordering::SeqCst));
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 3).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let asked = tokens.book().asked.len() - asked;
    let signed = signs_in.load(Ordering::SeqCst) - signed;
    let ready = http::get(clerk.http, "/readyz", SOON).await.map_or(String::new(), |answer| answer.text);
    // The user consents anew.
    {
        let mut book = tokens.book();
        (book.refusal, book.refresh) = (String::new(), "given-anew".into());
    }
    fs::write(tokens.refresh_file(), "given-anew").unwrap();
    let mut tally = end(&ledger, &pool).await;
    tally.demand(renewed == 2, || format!("{renewed} tokens were asked for where 2 were needed"));
    tally.demand(told && ready.contains("invalid_grant"), || format!("nobody was told: {ready}"));
    tally.demand(asked <= 1 && signed <= 1, || format!("{asked} tokens asked for, {signed} sign-ins in 10 s"));
    Ok(tally.noting(format!("{asked} tries in 10 s of refusal")))
}

/// 18: the server announces 4 GB, and goes on sending.
pub async fn huge_literal(town: Arc<Town>) -> Made {
    let user = "row18@desk.example";
    let lies = Arc::new(AtomicUsize::new(0));
    let told = lies.clone();
    let watch = move |heard: &Heard<'_>| {
        let at = memchr::memmem::find(heard.bytes, b"BODY[] {");
        match at.filter(|_| heard.side == Side::Server && told.load(Ordering::SeqCst) < 2) {
            Some(at) => {
                told.fetch_add(1, Ordering::SeqCst);
                let mut lie = [&heard.bytes[..at], b"BODY[] {4294967295}\r\n"].concat();
                lie.resize(lie.len() + (256 << 20), b'x');
                Act::Instead(lie)
            }
            None => Act::Pass,
        }
    };
    let wire = Wire::to(town.dovecot.imap, watch, || {}).await;
    let clerk = Clerk::start(reading(wire.port, user, &town.dovecot, ""));
    let (ledger, pool) = (town.ledger(18), clerk.pool().await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = clerk.peak_memory();
    town.mail(&ledger, user, 2).await;
    let mut tally = end(&ledger, &pool).await;
    let grown = clerk.peak_memory().saturating_sub(before) >> 20;
    tally.demand(lies.load(Ordering::SeqCst) == 2, || "no lie was told".into());
    tally.demand(before > 0 && grown < 48, || format!("memory grew by {grown} MB"));
    Ok(tally.noting(format!("memory grew by {grown} MB")))
}

/// 19: one mailbox hangs on a link of 1 kB/s.
pub async fn thin_link(town: Arc<Town>) -> Made {
    let (slow, quick) = ("row19slow@desk.example", "row19@desk.example");
    let fetching = Arc::new(AtomicBool::new(false));
    let begun = fetching.clone();
    let watch = move |heard: &Heard<'_>| {
        if heard.has(b"BODY[]") {
            begun.store(true, Ordering::SeqCst);
        }
        Act::Slow(1000)
    };
    let wire = Wire::to(town.dovecot.imap, watch, || {}).await;
    let doors = vec![
        door("slow", wire.port, slow, &town.dovecot, ""),
        door("quick", town.dovecot.imap, quick, &town.dovecot, ""),
    ];
    let clerk = Clerk::start(Plan { support: quick.into(), imap: doors, ..Plan::default() });
    let (ledger, pool) = (town.ledger(19), clerk.pool().await);
    let token = ledger.token(Fate::Ticket);
    let long = letter(&token, slow).replace("Ann Miller", &"Ann Miller of a long name\r\n".repeat(400));
    town.dovecot.save(slow, "INBOX", &long);
    until("the slow mail to be on its way", async || fetching.load(Ordering::SeqCst).then_some(())).await;
    let at = Instant::now();
    town.mail(&ledger, quick, 3).await;
    let posted = ledger.token(Fate::Offered);
    http::insist(clerk.http, &ledger, &posted, SOON).await;
    let count = async |sql: &'static str| sqlx::query(sql).fetch_one(&pool).await.unwrap().get::<i64, _>(0);
    until("the others to be settled", async || {
        (count("SELECT COUNT(*) FROM submissions WHERE outcome IS NOT NULL").await >= 4).then_some(())
    })
    .await;
    let took = at.elapsed();
    let slow_ones = count("SELECT COUNT(*) FROM submissions WHERE source = 'imap:slow'").await;
    let mut tally = end(&ledger, &pool).await;
    tally.demand(slow_ones == 0, || "the slow mail was not slow".into());
    Ok(tally.noting(format!("the others took {:.1} s", took.as_secs_f64())))
}
