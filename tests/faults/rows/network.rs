//! Rows 11, 29 and 30: a cut cable, a clock that is set, names that nobody resolves.

use std::fs;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Row;

use crate::clerk::{Clerk, Plan, door};
use crate::harness::until;
use crate::ledger::{Fate, address, arrived, audit, settle};
use crate::servers::dovecot::Dovecot;
use crate::town::{Made, Town, deliver, system};

const SOON: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(180);
/// This end of the cable; the test certificates name it.
const HERE: &str = "10.213.0.1";

/// A network namespace at the other end of a cable; gone when dropped.
struct Namespace {
    name: String,
    here: String,
}

impl Namespace {
    fn make() -> Result<Namespace, String> {
        let id = std::process::id();
        let namespace = Namespace { name: format!("deskclerk{id}"), here: format!("dka{id}") };
        let (name, here, there) = (&namespace.name, &namespace.here, format!("dkb{id}"));
        system(&["ip", "netns", "add", name]).map_err(|why| format!("no network namespace: {why}"))?;
        system(&["ip", "link", "add", here, "type", "veth", "peer", "name", &there, "netns", name])?;
        system(&["ip", "addr", "add", &format!("{HERE}/30"), "dev", here])?;
        system(&["ip", "link", "set", here, "up"])?;
        system(&["ip", "-n", name, "addr", "add", "10.213.0.2/30", "dev", &there])?;
        system(&["ip", "-n", name, "link", "set", &there, "up"])?;
        system(&["ip", "-n", name, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    fn cable(&self, state: &str) -> Result<(), String> {
        system(&["ip", "link", "set", &self.here, state])
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = system(&["ip", "link", "del", &self.here]);
        let _ = system(&["ip", "netns", "del", &self.name]);
    }
}

/// 11: IDLE, and the cable is cut: no byte, no end.
pub async fn black_hole(town: Arc<Town>) -> Made {
    let namespace = Namespace::make()?;
    let user = "row11@desk.example";
    let dovecot = Dovecot::with("listen = *\n");
    // The long form waits as long as the defaults do.
    let waits = if town.long { "" } else { "idle_secs = 3\ntimeout_secs = 3" };
    let imap = format!(
        "[[imap]]\nname = \"support\"\nhost = \"{HERE}\"\nport = {}\ntls = \"implicit\"\nca_file = \"{}\"\n\
         user = \"{user}\"\npassword_file = \"{}\"\nanswer_since = \"all\"\n{waits}\n",
        dovecot.imaps,
        dovecot.ca_file().display(),
        dovecot.password_file().display()
    );
    let prefix = ["ip", "netns", "exec", &namespace.name].map(String::from).into();
    let clerk = Clerk::start(Plan { support: user.into(), imap: vec![imap], prefix, ..Plan::default() });
    let (ledger, pool) = (town.ledger(11), clerk.pool().await);
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 2).await;
    settle(&ledger, &pool, None, SOON).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let cut = Instant::now();
    namespace.cable("down")?;
    deliver(dovecot.lmtp, &ledger, Fate::Ticket, user, 2).await;
    let noticed = clerk.says("out of reach", 1, Duration::from_secs(400)).await;
    let after = cut.elapsed();
    namespace.cable("up")?;
    settle(&ledger, &pool, None, Duration::from_secs(400)).await;
    let resumed = cut.elapsed();
    let mut tally = audit(&ledger, &pool, None).await;
    tally.demand(noticed, || "it was never noticed".into());
    tally.demand(resumed < Duration::from_secs(360), || format!("resumed only after {resumed:?}"));
    let how = if town.long { "defaults" } else { "idle_secs and timeout_secs = 3" };
    Ok(tally.noting(format!(
        "cable cut, noticed after {} s, resumed after {} s ({how})",
        after.as_secs(),
        resumed.as_secs()
    )))
}

/// 29: the clock one day forward, then back. Reminders would be due after one day.
pub async fn clock_set(town: Arc<Town>) -> Made {
    let (env, clock) = town.clock("clock-29")?;
    let user = "row29@desk.example";
    let clerk = Clerk::start(Plan {
        support: user.into(),
        imap: vec![door("support", town.dovecot.imap, user, &town.dovecot, "")],
        smtp: Some(town.postfix.smtp),
        replies: "reminder_days = 1\nhand_over_days = 2".into(),
        env,
        ..Plan::default()
    });
    let (ledger, pool) = (town.ledger(29), clerk.pool().await);
    town.mail(&ledger, user, 6).await;
    settle(&ledger, &pool, Some(&town.dovecot), SOON).await;
    let mut reminders = vec![];
    for set in ["+93600", "-86400"] {
        fs::write(&clock, set).unwrap();
        let tokens = town.mail(&ledger, user, 2).await;
        // The desk looks for what is due twice a minute.
        tokio::time::sleep(Duration::from_secs(33)).await;
        until("replies under the set clock", async || {
            tokens.iter().all(|token| !arrived(&town.dovecot, &address(token)).is_empty()).then_some(())
        })
        .await;
        let sql = "SELECT COUNT(*) FROM outbox WHERE reason = 'reminder'";
        reminders.push(sqlx::query(sql).fetch_one(&pool).await.unwrap().get::<i64, _>(0));
    }
    settle(&ledger, &pool, Some(&town.dovecot), SOON).await;
    let mut tally = audit(&ledger, &pool, Some(&town.dovecot)).await;
    tally.demand(clerk.log().contains("the clock was set"), || "the desk did not see that the clock was set".into());
    tally.demand(reminders.iter().sum::<i64>() == 0, || format!("a storm of reminders: {reminders:?}"));
    Ok(tally.noting("26 hours forward, a day back, no reminder"))
}

/// 30: no DNS server answers: neither for the mailbox's host nor for what proves senders.
pub async fn no_dns(town: Arc<Town>) -> Made {
    // Takes questions and never answers.
    let deaf = UdpSocket::bind("127.0.0.53:53").map_err(|error| format!("no port 53: {error}"))?;
    let (hosts, resolv) = (town.folder.path().join("hosts"), town.folder.path().join("resolv.conf"));
    fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    fs::write(&resolv, "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n").unwrap();
    let own = format!(
        "mount --bind {} /etc/hosts && mount --bind {} /etc/resolv.conf && exec \"$@\"",
        hosts.display(),
        resolv.display()
    );
    system(&["unshare", "-m", "true"]).map_err(|why| format!("no mount namespace: {why}"))?;
    let user = "row30@desk.example";
    let imap = format!(
        "[[imap]]\nname = \"support\"\nhost = \"mail.test.example\"\nport = {}\ntls = \"implicit\"\nca_file = \"{}\"\n\
         user = \"{user}\"\npassword_file = \"{}\"\nanswer_since = \"all\"\n",
        town.dovecot.imaps,
        town.dovecot.ca_file().display(),
        town.dovecot.password_file().display()
    );
    let clerk = Clerk::start(Plan {
        support: user.into(),
        imap: vec![imap],
        desk: "verify_senders = true".into(),
        prefix: ["unshare", "-m", "sh", "-c", &own, "sh"].map(String::from).into(),
        ..Plan::default()
    });
    let (ledger, pool) = (town.ledger(30), clerk.pool().await);
    let begun = Instant::now();
    town.mail(&ledger, user, 2).await;
    // What comes by LMTP is taken in all the same, its sender unproven.
    deliver(clerk.lmtp, &ledger, Fate::Ticket, user, 2).await;
    let taken = begun.elapsed();
    tokio::time::sleep(Duration::from_secs(12).saturating_sub(begun.elapsed())).await;
    let (tries, secs) = (clerk.log().matches("out of reach").count(), begun.elapsed().as_secs().max(1));
    fs::write(&hosts, "127.0.0.1 localhost mail.test.example\n").unwrap();
    settle(&ledger, &pool, None, LONG).await;
    let mut tally = audit(&ledger, &pool, None).await;
    drop(deaf);
    // 1, 2, 4, 8 s between them.
    tally.demand((1..=3 + secs as usize / 6).contains(&tries), || format!("{tries} tries in {secs} s"));
    Ok(tally.noting(format!("{tries} tries in {secs} s; two mails by LMTP taken in {:.1} s", taken.as_secs_f64())))
}
