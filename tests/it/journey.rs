//! The whole journey with real servers and the real binary: Postfix takes a customer's mail, Deskclerk reads it from
//! Dovecot, asks by Postfix, reads the answer; then it is killed again and again in the middle of 200 mails.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::{AnyPool, Row};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::harness::{PATIENCE, look_into, mail, stored, until};
use crate::servers::dovecot::{Dovecot, PASSWORD};
use crate::servers::postfix::Postfix;
use crate::servers::{free_port, postgres};
use crate::talk::Talk;

const SUPPORT: &str = "support@desk.example";
const CAMPAIGNS: &str = "campaign_id,name,account,contacts\n48213,Spring Sale,Acme,customer.example\n\
                         48214,Spring Sale 2,Acme,customer.example\n51000,Winter Gala,Acme,customer.example\n";
const MAILS: usize = 200;

/// `deskclerk run` as an operator starts it; killed when dropped.
struct Clerk {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Clerk {
    fn start(store: &str, dovecot: &Dovecot, postfix: &Postfix) -> Clerk {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("campaigns.csv"), CAMPAIGNS).unwrap();
        let port = free_port();
        let config = format!(
            "[desk]\naddress = \"{SUPPORT}\"\n[store]\nurl = \"{store}\"\n[campaigns]\nfile = \"campaigns.csv\"\n\
             [http]\nlisten = \"127.0.0.1:{port}\"\n\
             [[imap]]\nname = \"support\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{SUPPORT}\"\n\
             password_file = \"{}\"\n\
             [smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             [replies]\nper_domain_per_hour = 100000\nper_desk_per_hour = 100000\n[log]\nlevel = \"warn\"\n",
            dovecot.imap,
            dovecot.password_file().display(),
            postfix.smtp,
        );
        fs::write(folder.path().join("deskclerk.toml"), config).unwrap();
        let mut clerk = Clerk { folder, port, child: None };
        clerk.up();
        clerk
    }

    fn up(&mut self) {
        let child = Command::new(env!("CARGO_BIN_EXE_deskclerk"))
            .args(["run", "--config"])
            .arg(self.folder.path().join("deskclerk.toml"))
            .spawn()
            .unwrap();
        self.child = Some(child);
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < end, "it does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    fn killed(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.killed();
        }
    }
}

/// All mails of a mailbox, by IMAP.
async fn inbox(dovecot: &Dovecot, user: &str) -> Vec<String> {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", dovecot.imap)).await.unwrap();
    let mut client = async_imap::Client::new(stream);
    client.read_response().await.unwrap().unwrap();
    let mut session = client.login(user, PASSWORD).await.map_err(|(error, _)| error).unwrap();
    let mut mails = vec![];
    if session.select("INBOX").await.unwrap().exists > 0 {
        let fetched: Vec<_> = session.fetch("1:*", "BODY.PEEK[]").await.unwrap().try_collect().await.unwrap();
        mails.extend(fetched.iter().map(|mail| String::from_utf8(mail.body().unwrap().to_vec()).unwrap()));
    }
    session.logout().await.unwrap();
    mails
}

fn header(mail: &str, name: &str) -> String {
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ").replace("\r\n\t", " ");
    let found = head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    found.unwrap_or_else(|| panic!("no {name} in:\n{mail}"))
}

async fn count(pool: &AnyPool, sql: &'static str) -> i64 {
    sqlx::query(sql).fetch_one(pool).await.unwrap().get(0)
}

/// Waits longer than usual: PostgreSQL keeps the claims of a killed node until their lease is over.
async fn patiently<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(180);
    loop {
        match ask().await {
            Some(answer) => return answer,
            None if Instant::now() < end => tokio::time::sleep(Duration::from_millis(100)).await,
            None => panic!("waited 180 s in vain for {what}"),
        }
    }
}

/// `kills`: at how many tickets the daemon is killed.
async fn journey(store: &str, kills: &[i64], look: impl AsyncFnOnce(&Clerk) -> AnyPool) {
    let dovecot = Dovecot::start();
    let postfix = Postfix::start(&format!("inet:127.0.0.1:{}", dovecot.lmtp), "");
    let mut clerk = Clerk::start(store, &dovecot, &postfix);
    let pool = look(&clerk).await;
    // The door has been there: what comes now may be answered.
    until("the mailbox to be opened", async || (count(&pool, "SELECT COUNT(*) FROM cursors").await == 1).then_some(()))
        .await;

    let ann = "ann@customer.example";
    let mut smtp = Talk::to(&format!("127.0.0.1:{}", postfix.smtp)).await;
    smtp.say("EHLO client.test.example", "250").await;
    let text = "Hello,\n\nsince yesterday the clicks of our campaign are no longer tracked. The tracking link opens the \
                right page, but the click report stays at zero.\n\nKind regards\nAnn Miller";
    smtp.submit(ann, SUPPORT, &mail(ann, SUPPORT, "first@customer.example", "Clicks are not tracked", text)).await;

    let question = until("the question", async || inbox(&dovecot, ann).await.pop()).await;
    assert_eq!(header(&question, "In-Reply-To"), "<first@customer.example>");
    assert_eq!(header(&question, "Auto-Submitted"), "auto-replied");
    assert_eq!(header(&question, "X-Auto-Response-Suppress"), "All");
    assert!(header(&question, "Return-Path").starts_with("<support+"), "bounces come to the ticket");
    let reply_to = header(&question, "Reply-To");
    let reply_to = reply_to.rsplit('<').next().unwrap().trim_end_matches('>').to_owned();
    assert!(reply_to.starts_with("support+") && reply_to.ends_with("@desk.example"), "{reply_to}");
    let waiting = sqlx::query("SELECT status, campaign_id FROM tickets").fetch_all(&pool).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].get::<String, _>("status"), "waiting");
    assert_eq!(waiting[0].get::<Option<String>, _>("campaign_id"), None);

    // The answer, as mail programs write it.
    let asked = header(&question, "Message-ID");
    let quoted = "> Which campaign is it about?";
    let answer = mail(ann, &reply_to, "second@customer.example", "Re: Clicks", &format!("It is 48213.\n\n{quoted}"));
    let threaded = format!("In-Reply-To: {asked}\r\nReferences: <first@customer.example> {asked}\r\n{answer}");
    smtp.submit(ann, &reply_to, &threaded).await;
    let ready = until("the answered ticket", async || {
        let tickets = sqlx::query("SELECT status, campaign_id FROM tickets").fetch_all(&pool).await.unwrap();
        assert_eq!(tickets.len(), 1, "the answer lands on its ticket");
        (tickets[0].get::<String, _>("status") == "ready").then(|| tickets[0].get::<Option<String>, _>("campaign_id"))
    })
    .await;
    assert_eq!(ready.as_deref(), Some("48213"));
    let thread = sqlx::query("SELECT direction FROM messages ORDER BY created_at, id").fetch_all(&pool).await.unwrap();
    let thread: Vec<String> = thread.iter().map(|message| message.get("direction")).collect();
    assert_eq!(thread, ["in", "out", "in"]);
    assert_eq!(inbox(&dovecot, ann).await.len(), 1, "one question, and nothing after the answer");

    // Killed in the middle of 200 mails: the last of them are handed in only when the last kill is due, for a quick desk would
    // be done before.
    let port = postfix.smtp;
    let most_at = |kill: usize| kills.get(kill).map_or(MAILS, |killed_at| *killed_at as usize + 20);
    let (allow, mut allowed) = watch::channel(most_at(0));
    let sending = tokio::spawn(async move {
        let mut smtp = Talk::to(&format!("127.0.0.1:{port}")).await;
        smtp.say("EHLO client.test.example", "250").await;
        for n in 0..MAILS {
            allowed.wait_for(|most| n < *most).await.unwrap();
            let from = format!("customer{n}@customer.example");
            let text = format!("Hello,\n\nthe clicks of our campaign are not tracked since {n} days.\n\nCustomer {n}");
            smtp.submit(&from, SUPPORT, &mail(&from, SUPPORT, &format!("{n}@many"), "No clicks", &text)).await;
        }
    });
    for (kill, killed_at) in kills.iter().enumerate() {
        patiently("tickets to be made", async || {
            (count(&pool, "SELECT COUNT(*) FROM tickets").await >= *killed_at).then_some(())
        })
        .await;
        allow.send(most_at(kill + 1)).unwrap();
        clerk.killed();
        assert!(count(&pool, "SELECT COUNT(*) FROM tickets").await <= MAILS as i64, "killed after all was done");
        clerk.up();
    }
    sending.await.unwrap();
    let expected = MAILS as i64 + 1;
    patiently("all mails to be settled and flagged", async || {
        let settled =
            stored(&pool).await.iter().filter(|stored| !stored.outcome.is_empty() && stored.acknowledged).count();
        (settled as i64 > expected).then_some(())
    })
    .await;
    let flagged = dovecot.flags(SUPPORT, "INBOX");
    assert_eq!(flagged.len() as i64, expected + 1);
    assert!(flagged.iter().all(|flags| flags.contains("$Deskclerk")), "{flagged:?}");
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM tickets").await, expected, "no more, no less");
    let outcomes = stored(&pool).await.into_iter().fold(BTreeMap::new(), |mut counts, stored| {
        *counts.entry(stored.outcome).or_insert(0i64) += 1;
        counts
    });
    assert_eq!(outcomes, BTreeMap::from([("ticket".to_owned(), expected), ("appended".to_owned(), 1)]));

    // Every question has one Message-ID, however often it went over the wire.
    patiently("the questions to be sent", async || {
        (count(&pool, "SELECT COUNT(*) FROM outbox WHERE state = 'sent'").await == expected).then_some(())
    })
    .await;
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM outbox").await, expected);
    for n in 0..MAILS {
        let customer = format!("customer{n}@customer.example");
        let asked = async || Some(inbox(&dovecot, &customer).await).filter(|asked| !asked.is_empty());
        let mut ids: Vec<String> =
            until("the question", asked).await.iter().map(|mail| header(mail, "Message-ID")).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 1, "customer {n} was asked {ids:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_sqlite() {
    journey("sqlite:deskclerk.db", &[20, 80, 140], async |clerk| {
        look_into(&format!("sqlite://{}", clerk.folder.path().join("data/deskclerk.db").display())).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_postgresql() {
    let url = postgres::database().await;
    // A dead node's claims stand until their leases are over: a minute's wait for each kill.
    journey(&url, &[80], async |_| look_into(&url).await).await;
}
