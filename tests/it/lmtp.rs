//! The LMTP door against a raw client, and behind a real Postfix.

use std::time::Duration;

use crate::harness::{TestDesk, mail, until};
use crate::servers::postfix::Postfix;
use crate::talk::{Talk, stuffed};

async fn greeted(address: &str) -> Talk {
    let mut talk = Talk::to(address).await;
    let offered = talk.say("LHLO mx.test.example", "250").await;
    for extension in ["PIPELINING", "SIZE ", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"] {
        assert!(offered.contains(extension), "{extension} is not in {offered}");
    }
    talk
}

#[tokio::test]
async fn two_recipients_pipelined_are_one_mail_and_two_answers() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let mut talk = greeted(&address).await;
    let text = mail("ann@customer.example", "support@desk.example", "1@c", "Hello", "one\n.two\n..three\n.");
    // All at once, the next mail's commands behind the first one's end.
    let wire = format!(
        "MAIL FROM:<ann@customer.example> SIZE=400 BODY=8BITMIME\r\nRCPT TO:<support@desk.example>\r\n\
         RCPT TO:<sales+tag@desk.example>\r\nDATA\r\n{}MAIL FROM:<>\r\nRSET\r\nNOOP\r\nQUIT\r\n",
        stuffed(&text)
    );
    talk.send(wire).await;
    for code in
        ["250 2.1.0", "250 2.1.5", "250 2.1.5", "354", "250 2.0.0", "250 2.0.0", "250 2.1.0", "250", "250", "221"]
    {
        talk.hear(code).await;
    }
    talk.hear_end().await;
    let stored = test.await_stored(1).await;
    assert_eq!(stored[0].raw, text.as_bytes(), "dots come off exactly");
    let envelope: serde_json::Value = serde_json::from_str(&stored[0].envelope).unwrap();
    assert_eq!(envelope["from"], "ann@customer.example");
    assert_eq!(envelope["to"], serde_json::json!(["support@desk.example", "sales+tag@desk.example"]));
    test.close().await;
}

#[tokio::test]
async fn each_recipient_that_was_taken_has_its_own_answer_and_no_other() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let mut talk = greeted(&address).await;
    talk.say("MAIL FROM:<åsa@customer.example> SIZE=200 BODY=8BITMIME SMTPUTF8", "250 2.1.0").await;
    talk.say("RCPT TO:<hjälp@desk.example>", "250 2.1.5").await;
    talk.say("RCPT TO:<>", "501 5.1.3").await;
    talk.say("RCPT TO:<support@desk.example>", "250 2.1.5").await;
    talk.say("DATA", "354").await;
    talk.send("From: åsa@customer.example\r\nSubject: Grüße 你好\r\n\r\näöü\r\n.\r\n").await;
    talk.hear("250 2.0.0").await;
    talk.hear("250 2.0.0").await;
    talk.say("NOOP", "250 2.0.0 ok").await;
    let stored = test.await_stored(1).await;
    let envelope: serde_json::Value = serde_json::from_str(&stored[0].envelope).unwrap();
    assert_eq!(envelope["from"], "åsa@customer.example");
    assert_eq!(envelope["to"], serde_json::json!(["hjälp@desk.example", "support@desk.example"]));
    assert!(String::from_utf8(stored[0].raw.clone()).unwrap().contains("Grüße 你好\r\n\r\näöü\r\n"));
    test.close().await;
}

#[tokio::test]
async fn nothing_is_smuggled() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let mut talk = greeted(&address).await;
    let bodies = ["a\n.\nMAIL FROM:<x@y>", "a\n.\r\nMAIL FROM:<x@y>", "a\r.\rMAIL FROM:<x@y>", "a\r\n..\r\r\nDATA"];
    for (n, body) in bodies.iter().enumerate() {
        talk.say("MAIL FROM:<eve@evil.example>", "250").await;
        talk.say("RCPT TO:<support@desk.example>", "250").await;
        talk.say("DATA", "354").await;
        talk.send(format!("Message-ID: <{n}@evil>\r\n\r\n{body}\r\n.\r\n")).await;
        talk.hear("250").await;
        // One reply: nothing in it was taken for a command.
        talk.say("NOOP", "250 2.0.0 ok").await;
    }
    let stored = test.await_stored(bodies.len()).await;
    for (n, (stored, body)) in stored.iter().zip(bodies).enumerate() {
        let expected = format!("Message-ID: <{n}@evil>\r\n\r\n{}\r\n", body.replace("\r\n..", "\r\n."));
        assert_eq!(String::from_utf8_lossy(&stored.raw), expected);
    }
    test.close().await;
}

#[tokio::test]
async fn too_big_is_refused_before_and_after_and_the_next_mail_flows() {
    let mut test = TestDesk::open(|config| config.bounds.size_bytes = 10_000).await;
    let address = test.lmtp().await;
    let mut talk = greeted(&address).await;
    talk.say("MAIL FROM:<a@customer.example> SIZE=10001", "552 5.3.4").await;
    talk.say("MAIL FROM:<a@customer.example>", "250").await;
    talk.say("RCPT TO:<support@desk.example>", "250").await;
    talk.say("RCPT TO:<sales@desk.example>", "250").await;
    talk.say("DATA", "354").await;
    talk.send(format!("Subject: big\r\n\r\n{}.\r\n", "0123456789\r\n".repeat(100_000))).await;
    talk.hear("552 5.3.4").await;
    talk.hear("552 5.3.4").await;
    talk.submit("a@customer.example", "support@desk.example", &mail("a@customer.example", "s@d.e", "2@c", "x", "y"))
        .await;
    test.await_stored(1).await;
    test.close().await;
}

#[tokio::test]
async fn a_mime_bomb_is_quarantined_and_the_next_mail_flows() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let mut talk = greeted(&address).await;
    let bomb = format!("From: e@evil.example\r\n{}deep\r\n", "Content-Type: message/rfc822\r\n\r\n".repeat(22_000));
    talk.submit("e@evil.example", "support@desk.example", &bomb).await;
    let good = mail("ann@customer.example", "support@desk.example", "3@c", "Hello", "My report is empty.");
    talk.submit("ann@customer.example", "support@desk.example", &good).await;
    test.await_stored(2).await;
    test.drain().await;
    let outcomes: Vec<String> = test.stored().await.into_iter().map(|stored| stored.outcome).collect();
    assert_eq!(outcomes, ["quarantined", "ticket"]);
    test.close().await;
}

#[tokio::test]
async fn what_is_out_of_order_is_refused() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let mut talk = Talk::to(&address).await;
    talk.say("MAIL FROM:<a@customer.example>", "503").await;
    talk.say("EHLO client", "500").await;
    talk.say("LHLO client", "250").await;
    talk.say("RCPT TO:<a@desk.example>", "503").await;
    talk.say("DATA", "503").await;
    talk.say("MAIL FROM:<a@customer.example> BODY=BINARYMIME", "5").await;
    talk.say("MAIL FROM:<a@customer.example>", "250").await;
    talk.say("MAIL FROM:<b@customer.example>", "503").await;
    talk.say("DATA", "503").await;
    talk.say("RCPT TO:<>", "501").await;
    talk.say("NONSENSE", "500").await;
    talk.say("RCPT TO:<müller@desk.example>", "250").await;
    talk.say("DATA", "354").await;
    // An empty mail: the end comes on the very first line.
    talk.say(".", "250").await;
    for _ in 0..13 {
        talk.say("NONSENSE", "500").await;
    }
    talk.say("NONSENSE", "421").await;
    talk.hear_end().await;
    let mut talk = greeted(&address).await;
    talk.send("N".repeat(20_000)).await;
    talk.hear("500 5.5.6").await;
    test.await_stored(1).await;
    test.close().await;
}

#[tokio::test]
async fn a_stop_ends_silent_clients_and_lets_a_mail_come_in() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let mut silent = greeted(&address).await;
    let mut sending = greeted(&address).await;
    sending.say("MAIL FROM:<a@customer.example>", "250").await;
    sending.say("RCPT TO:<support@desk.example>", "250").await;
    sending.say("DATA", "354").await;
    sending.send("Subject: half\r\n\r\n").await;
    let client = tokio::spawn(async move {
        silent.hear("421 4.3.2").await;
        silent.hear_end().await;
        // The door is closing; the rest of the mail may still come.
        sending.send("a mail\r\n.\r\n").await;
        sending.hear("250").await;
        sending.hear("421 4.3.2").await;
    });
    test.shut_doors().await;
    client.await.unwrap();
    test.await_stored(1).await;
    test.close().await;
}

#[tokio::test]
async fn a_unix_socket_replaces_its_dead_forerunner_only() {
    use deskclerk::intake::lmtp::Listener;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp");
    let name = path.to_str().unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // leaves its file behind
    let alive = Listener::bind(name).await.unwrap();
    assert_eq!(Listener::bind(name).await.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(alive);
    assert!(!path.exists());
}

#[tokio::test]
async fn postfix_hands_in_through_a_unix_socket() {
    let mut test = TestDesk::open(|_| {}).await;
    let place = tempfile::tempdir().unwrap();
    // What running.md says: who may hand in is settled by the folder's rights.
    std::fs::set_permissions(place.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let socket = test.lmtp_at(place.path().join("lmtp").to_str().unwrap()).await;
    let postfix = Postfix::start(&format!("unix:{socket}"), "smtputf8_enable = yes");
    let mut talk = Talk::to(&format!("127.0.0.1:{}", postfix.smtp)).await;
    talk.say("EHLO client.test.example", "250").await;
    talk.say("MAIL FROM:<åsa@customer.example> BODY=8BITMIME SMTPUTF8", "250").await;
    for recipient in ["support@desk.example", "hjälp@desk.example"] {
        talk.say(&format!("RCPT TO:<{recipient}>"), "250").await;
    }
    talk.say("DATA", "354").await;
    let text = mail("åsa@customer.example", "hjälp@desk.example", "u1@c", "Grüße", "one\n.two\näöü");
    talk.send(stuffed(&text)).await;
    talk.hear("250").await;
    let stored = test.await_stored(1).await;
    assert!(String::from_utf8(stored[0].raw.clone()).unwrap().ends_with("\r\n\r\none\r\n.two\r\näöü\r\n"));
    let envelope: serde_json::Value = serde_json::from_str(&stored[0].envelope).unwrap();
    assert_eq!(envelope["from"], "åsa@customer.example");
    assert_eq!(envelope["to"].as_array().unwrap().len(), 2, "both recipients in one mail: {envelope}");
    test.close().await;
}

#[tokio::test]
async fn postfix_hands_in_and_tries_again_what_was_not_stored() {
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let postfix = Postfix::start(&format!("inet:{address}"), "");
    let mut talk = Talk::to(&format!("127.0.0.1:{}", postfix.smtp)).await;
    talk.say("EHLO client.test.example", "250").await;
    let text = mail("ann@customer.example", "support@desk.example", "p1@c", "Grüße", "one\n.two\näöü");
    talk.submit("ann@customer.example", "support+tag@desk.example", &text).await;
    let stored = test.await_stored(1).await;
    let raw = String::from_utf8(stored[0].raw.clone()).unwrap();
    assert!(raw.ends_with("\r\n\r\none\r\n.two\r\näöü\r\n"), "{raw}");
    assert!(stored[0].envelope.contains("support+tag@desk.example"), "{}", stored[0].envelope);

    // The store is held by somebody else: 452, and Postfix comes again.
    let url = format!("sqlite://{}", test.desk.config.desk.data_dir.join("deskclerk.db").display());
    let pool = crate::harness::look_into(&url).await;
    let held = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    talk.submit("ann@customer.example", "support@desk.example", &text.replace("p1@c", "p2@c")).await;
    until("Postfix to be deferred", async || postfix.log().contains("452 4.3.1").then_some(())).await;
    assert_eq!(test.stored().await.len(), 1);
    held.rollback().await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), test.await_stored(2)).await.unwrap();
    test.close().await;
}

#[tokio::test]
async fn dovecot_passes_on_what_is_for_the_desk() {
    use crate::servers::dovecot::Dovecot;
    let mut test = TestDesk::open(|_| {}).await;
    let address = test.lmtp().await;
    let port = address.rsplit_once(':').unwrap().1;
    // As running.md has it.
    let dovecot = Dovecot::with(&format!(
        "lmtp_proxy = yes\nprotocol lmtp {{\n  passdb {{\n    driver = static\n    \
         args = proxy=y host=127.0.0.1 port={port} nopassword=y\n    username_filter = support@desk.example\n  }}\n}}"
    ));
    let mut talk = Talk::to(&format!("127.0.0.1:{}", dovecot.lmtp)).await;
    talk.say("LHLO mx.test.example", "250").await;
    talk.say("MAIL FROM:<ann@customer.example>", "250").await;
    // One for the desk with a tag, one for somebody's mailbox.
    talk.say("RCPT TO:<support+tag@desk.example>", "250").await;
    talk.say("RCPT TO:<bob@desk.example>", "250").await;
    talk.say("DATA", "354").await;
    talk.send(stuffed(&mail("ann@customer.example", "support@desk.example", "d1@c", "Hello", "one\n.two"))).await;
    talk.hear("250").await;
    talk.hear("250").await;
    let stored = test.stored().await;
    assert_eq!(stored.len(), 1, "before the 250 it is stored");
    let envelope: serde_json::Value = serde_json::from_str(&stored[0].envelope).unwrap();
    assert_eq!(envelope["to"], serde_json::json!(["support+tag@desk.example"]));
    assert!(String::from_utf8_lossy(&stored[0].raw).ends_with("\r\n\r\none\r\n.two\r\n"));
    assert_eq!(dovecot.flags("bob@desk.example", "INBOX").len(), 1);
    test.close().await;
}
