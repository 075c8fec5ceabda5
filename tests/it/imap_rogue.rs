//! The IMAP door against servers that lie: what no real server can be made to send.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use deskclerk::config::mailbox::{After, AnswerSince, Imap};
use deskclerk::config::settings::Tls;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::harness::{TestDesk, until};

/// A server that greets with `greeting` and answers each command by `answer(command)`; where that is `None`, as an
/// honest server with one mailbox would.
struct Rogue {
    port: u16,
    visits: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Rogue {
    async fn start(greeting: &'static str, answer: fn(&str, usize) -> Option<String>) -> Rogue {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&visits);
        let heard = Arc::new(Mutex::new(vec![]));
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let visit = counter.fetch_add(1, Ordering::SeqCst) + 1;
                let ears = Arc::clone(&ears);
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let _ = stream.get_mut().write_all(greeting.as_bytes()).await;
                    let mut line = String::new();
                    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                        let (tag, command) = line.trim_end().split_once(' ').unwrap_or(("*", line.trim_end()));
                        ears.lock().unwrap().push(command.to_owned());
                        let before = answer(command, visit).unwrap_or_else(|| honest(command));
                        let reply = format!("{before}{tag} OK done\r\n");
                        if stream.get_mut().write_all(reply.as_bytes()).await.is_err() {
                            return;
                        }
                        line.clear();
                    }
                });
            }
        });
        Rogue { port, visits, heard }
    }

    fn door(&self, tls: Tls, folder: &std::path::Path) -> Imap {
        let password_file = folder.join("password");
        std::fs::write(&password_file, "secret").unwrap();
        Imap {
            name: "support".into(),
            host: "127.0.0.1".into(),
            port: self.port,
            tls,
            ca_file: Default::default(),
            proxy: String::new(),
            proxy_secret_file: Default::default(),
            user: "u".into(),
            password_file,
            oauth: None,
            mailbox: "INBOX".into(),
            folders: vec![],
            after: After::Flag,
            move_to: "Deskclerk".into(),
            poll_secs: 1,
            idle_secs: 300,
            timeout_secs: 60,
            answer_since: AnswerSince::All,
            read_since: None,
            backlog_per_minute: 0,
        }
    }

    async fn visited(&self, times: usize) {
        until("the door to come back", async || (self.visits.load(Ordering::SeqCst) >= times).then_some(())).await;
    }
}

const MAIL: &str = "From: ann@customer.example\r\nMessage-ID: <1@c>\r\nSubject: Hello\r\n\r\nMy report is empty.\r\n";

/// One mailbox with the UIDs 1 and 2, whose mails are the same but for their Message-ID.
fn honest(command: &str) -> String {
    match command {
        "CAPABILITY" => "* CAPABILITY IMAP4rev1\r\n".into(),
        _ if command.starts_with("SELECT") => "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 3] ok\r\n".into(),
        _ if command.starts_with("UID SEARCH") => "* SEARCH 1 2\r\n".into(),
        _ if command.contains("RFC822.SIZE") => uids(command)
            .map(|uid| {
                format!(
                    "* {uid} FETCH (UID {uid} RFC822.SIZE {} INTERNALDATE \"23-Nov-2026 10:00:00 +0000\")\r\n",
                    MAIL.len()
                )
            })
            .collect(),
        _ if command.contains("BODY") => uids(command).map(|uid| fetched(uid, MAIL)).collect(),
        _ => String::new(),
    }
}

fn uids(command: &str) -> impl Iterator<Item = u32> {
    let set = command.split(' ').nth(2).unwrap_or("").to_owned();
    (1..=2).filter(move |uid| set == "1:2" || set == uid.to_string())
}

fn fetched(uid: u32, mail: &str) -> String {
    let mail = mail.replace("<1@c>", &format!("<{uid}@c>"));
    format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n{mail})\r\n", mail.len())
}

/// Runs the door against the rogue until the mails with these UIDs, and no others, are stored.
async fn check(greeting: &'static str, answer: fn(&str, usize) -> Option<String>, visits: usize, uids: &[u32]) {
    let rogue = Rogue::start(greeting, answer).await;
    let mut test = TestDesk::open(|config| config.bounds.size_bytes = 1 << 20).await;
    test.imap(rogue.door(Tls::None, test.folder.path()));
    rogue.visited(visits).await;
    let stored = test.await_stored(uids.len()).await;
    let mut keys: Vec<String> = stored.iter().map(|stored| stored.key.clone()).collect();
    keys.sort();
    assert_eq!(keys, uids.iter().map(|uid| format!("7/{uid}")).collect::<Vec<_>>());
    assert!(stored.iter().all(|stored| stored.raw.len() == MAIL.len()));
    test.close().await;
}

const HELLO: &str = "* OK hello\r\n";

#[tokio::test]
async fn the_honest_one_is_read() {
    check(HELLO, |_, _| None, 1, &[1, 2]).await;
}

#[tokio::test]
async fn a_nil_body_is_no_mail() {
    // The expunge race: OK, and nothing in it.
    let nil = |command: &str, _| {
        let gone = command.contains("BODY") && !command.contains("SIZE");
        gone.then(|| {
            uids(command)
                .map(|uid| if uid == 1 { "* 1 FETCH (UID 1 BODY[] NIL)\r\n".into() } else { fetched(2, MAIL) })
                .collect()
        })
    };
    check(HELLO, nil, 1, &[2]).await;
    let empty = |command: &str, _| {
        let gone = command.contains("BODY") && !command.contains("SIZE");
        gone.then(|| {
            uids(command)
                .map(|uid| if uid == 1 { "* 1 FETCH (UID 1 BODY[] \"\")\r\n".into() } else { fetched(2, MAIL) })
                .collect()
        })
    };
    check(HELLO, empty, 1, &[2]).await;
}

#[tokio::test]
async fn a_literal_bomb_ends_the_connection_and_costs_no_memory() {
    let bomb = |command: &str, visit| {
        let first = command.contains("BODY") && !command.contains("SIZE") && visit == 1;
        first.then(|| "* 1 FETCH (UID 1 BODY[] {4294967295}\r\n".into())
    };
    check(HELLO, bomb, 2, &[1, 2]).await;
}

#[tokio::test]
async fn a_response_that_breaks_the_parser_breaks_one_visit() {
    let broken = |command: &str, visit| {
        (command.contains("RFC822.SIZE") && visit == 1)
            .then(|| "* 1 FETCH (UID 1 INTERNALDATE NIL RFC822.SIZE 5)\r\n".into())
    };
    check(HELLO, broken, 2, &[1, 2]).await;
    let nonsense = |command: &str, visit| (command == "NOOP" && visit == 1).then(|| "* \u{1}\r\n".into());
    check(HELLO, nonsense, 2, &[1, 2]).await;
}

#[tokio::test]
async fn preauth_and_stripped_starttls_are_refused() {
    for (greeting, tls) in
        [("* PREAUTH hello\r\n", Tls::None), ("* PREAUTH hello\r\n", Tls::Starttls), (HELLO, Tls::Starttls)]
    {
        // It says OK to STARTTLS, and to a password too.
        let rogue = Rogue::start(greeting, |command, _| {
            (command == "STARTTLS").then(|| "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n".into())
        })
        .await;
        let mut test = TestDesk::open(|_| {}).await;
        test.imap(rogue.door(tls, test.folder.path()));
        rogue.visited(2).await;
        assert!(test.stored().await.is_empty());
        let heard = rogue.heard.lock().unwrap().join("\n");
        assert!(!heard.contains("LOGIN") && !heard.contains("secret"), "a password in the clear: {heard}");
        test.close().await;
    }
}
