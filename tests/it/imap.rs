//! The IMAP door against a real Dovecot: the traps of the protocol, each made to happen.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use deskclerk::config::mailbox::{After, AnswerSince, Imap};
use deskclerk::config::settings::Tls;
use deskclerk::intake::imap::look::look;

use crate::harness::{Stored, TestDesk, mail, until};
use crate::servers::dovecot::Dovecot;

const USER: &str = "support@desk.example";

fn customers(n: usize) -> String {
    mail("ann@customer.example", USER, &format!("{n}@c"), &format!("Request {n}"), &format!("My report {n} is empty."))
}

fn put(dovecot: &Dovecot, range: std::ops::Range<usize>) {
    range.for_each(|n| dovecot.save(USER, "INBOX", &customers(n)));
}

/// Waits until so many mails are stored and dealt with on the server.
async fn acknowledged(test: &TestDesk, count: usize) -> Vec<Stored> {
    let stored = test.await_stored(count).await;
    until(&format!("{count} mails dealt with"), async || {
        test.stored().await.iter().all(|stored| stored.acknowledged).then_some(())
    })
    .await;
    stored
}

/// How many mails ended as each outcome, such as `3 ticket`.
async fn outcomes(test: &TestDesk) -> Vec<String> {
    test.drain().await;
    let mut counts = std::collections::BTreeMap::new();
    for stored in test.stored().await {
        *counts.entry(stored.outcome).or_insert(0) += 1;
    }
    counts.into_iter().map(|(outcome, count)| format!("{count} {outcome}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_read_once_whoever_opens_them() {
    let dovecot = Dovecot::start();
    put(&dovecot, 0..2);
    // Somebody has read one already: it is fetched all the same.
    dovecot.doveadm(&["flags", "add", "-u", USER, "\\Seen", "mailbox", "INBOX", "1"]);
    let mut test = TestDesk::open(|_| {}).await;
    let door = test.imap(dovecot.door(USER));
    acknowledged(&test, 2).await;
    // By IDLE.
    let third = customers(2);
    dovecot.save(USER, "INBOX", &third);
    let stored = acknowledged(&test, 3).await;
    assert_eq!(String::from_utf8_lossy(&stored[2].raw), third);
    for (n, flags) in dovecot.flags(USER, "INBOX").iter().enumerate() {
        assert!(flags.contains("\\Seen") && flags.contains("$Deskclerk"), "mail {n}: {flags}");
    }
    // A second start finds nothing new.
    door.cancel();
    test.imap(dovecot.door(USER));
    put(&dovecot, 3..4);
    acknowledged(&test, 4).await;
    assert_eq!(outcomes(&test).await, ["4 ticket"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_is_encrypted_and_verified() {
    let dovecot = Dovecot::start();
    put(&dovecot, 0..1);
    let secure = |tls, port| Imap { tls, port, ca_file: dovecot.ca_file(), ..dovecot.door(USER) };
    let mut test = TestDesk::open(|_| {}).await;
    // An authority that nobody told us of: no sign-in.
    let door =
        test.imap(Imap { ca_file: Default::default(), name: "unknown".into(), ..secure(Tls::Implicit, dovecot.imaps) });
    until("a refused handshake", async || dovecot.log().contains("unknown ca").then_some(())).await;
    door.cancel();
    assert!(test.stored().await.is_empty());
    for (n, (tls, port)) in [(Tls::Implicit, dovecot.imaps), (Tls::Starttls, dovecot.imap)].into_iter().enumerate() {
        let door = test.imap(Imap { name: format!("door{n}"), ..secure(tls, port) });
        acknowledged(&test, n + 1).await;
        door.cancel();
    }
    assert_eq!(outcomes(&test).await, ["1 duplicate", "1 ticket"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_moved_or_deleted_with_and_without_the_extensions() {
    for extensions in ["", "imap_capability = IMAP4rev1 SASL-IR\n"] {
        let dovecot = Dovecot::with(extensions);
        let mut test = TestDesk::open(|_| {}).await;
        put(&dovecot, 0..3);
        let door = test.imap(Imap { after: After::Move, move_to: "Erledigt.Öffen".into(), ..dovecot.door(USER) });
        acknowledged(&test, 3).await;
        assert_eq!(dovecot.flags(USER, "Erledigt.Öffen").len(), 3, "{extensions}");
        // Without UIDPLUS they stay, marked: a plain EXPUNGE would take what others have marked.
        let left = dovecot.flags(USER, "INBOX");
        assert!(left.iter().all(|flags| flags.contains("\\Deleted")), "{left:?}");
        assert_eq!(left.is_empty(), extensions.is_empty(), "{left:?}");
        door.cancel();

        test.imap(Imap { after: After::Delete, ..dovecot.door(USER) });
        put(&dovecot, 3..5);
        acknowledged(&test, 5).await;
        let left = dovecot.flags(USER, "INBOX");
        assert!(left.iter().all(|flags| flags.contains("\\Deleted")), "{left:?}");
        assert_eq!(outcomes(&test).await, ["5 ticket"]);
        test.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uidvalidity_changes_double_nothing() {
    let mut dovecot = Dovecot::start();
    put(&dovecot, 0..3);
    let mut test = TestDesk::open(|_| {}).await;
    test.imap(dovecot.door(USER));
    acknowledged(&test, 3).await;
    test.drain().await;

    // The same UIDs in a new epoch; the server tells by ending the session.
    dovecot.doveadm(&["mailbox", "update", "--uid-validity", "4242", "-u", USER, "INBOX"]);
    dovecot.doveadm(&["kick", USER]);
    put(&dovecot, 3..4);
    acknowledged(&test, 7).await;
    assert_eq!(outcomes(&test).await, ["3 duplicate", "4 ticket"]);

    // Both change: the index is lost.
    dovecot.down();
    for name in fs::read_dir(dovecot.maildir(USER)).unwrap().flatten().map(|entry| entry.path()) {
        let file = name.file_name().unwrap().to_string_lossy().into_owned();
        if file.starts_with("dovecot") && name.is_file() {
            fs::remove_file(name).unwrap();
        }
    }
    dovecot.up();
    put(&dovecot, 4..5);
    acknowledged(&test, 12).await;
    assert_eq!(outcomes(&test).await, ["7 duplicate", "5 ticket"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_comes_back_when_the_server_does() {
    let mut dovecot = Dovecot::start();
    let mut test = TestDesk::open(|_| {}).await;
    test.imap(dovecot.door(USER));
    put(&dovecot, 0..1);
    acknowledged(&test, 1).await;
    dovecot.down();
    dovecot.up();
    put(&dovecot, 1..2);
    acknowledged(&test, 2).await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_mailbox_is_read_without_a_loop() {
    let dovecot = Dovecot::with(
        "mail_plugins = acl\nprotocol imap {\n mail_plugins = acl imap_acl\n}\nplugin {\n acl = vfile\n}\n",
    );
    put(&dovecot, 0..2);
    fs::write(dovecot.maildir(USER).join("dovecot-acl"), format!("owner lr\nuser={USER} lr\n")).unwrap();
    let mut test = TestDesk::open(|_| {}).await;
    let door = test.imap(dovecot.door(USER));
    test.await_stored(2).await;
    door.cancel();
    test.imap(dovecot.door(USER));
    // A third mail proves that the second visit has looked and taken only what is new.
    dovecot_deliver(&dovecot, &customers(2)).await;
    let stored = test.await_stored(3).await;
    assert!(stored.iter().all(|stored| !stored.acknowledged), "flagged later, when the rights come back");
    test.drain().await;
    test.close().await;
}

/// By LMTP, as a mail server would; no access rights stand in its way.
async fn dovecot_deliver(dovecot: &Dovecot, mail: &str) {
    let mut talk = crate::talk::Talk::to(&format!("127.0.0.1:{}", dovecot.lmtp)).await;
    talk.say("LHLO mx.test.example", "250").await;
    talk.submit("ann@customer.example", USER, mail).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expunged_mail_is_no_empty_mail() {
    let dovecot = Dovecot::start();
    put(&dovecot, 0..1);
    let mut test = TestDesk::open(|_| {}).await;
    test.imap(dovecot.door(USER));
    acknowledged(&test, 1).await;
    // Deleted while they come in: what is fetched is whole, what is gone is nothing at all.
    for round in 0..10 {
        put(&dovecot, 10 + round..11 + round);
        dovecot.doveadm(&["expunge", "-u", USER, "mailbox", "INBOX", "uid", &(2 + round).to_string()]);
    }
    put(&dovecot, 1..2);
    until("the last mail", async || {
        let stored = test.stored().await;
        stored.iter().any(|stored| String::from_utf8_lossy(&stored.raw).contains("<1@c>")).then_some(())
    })
    .await;
    for stored in test.stored().await {
        assert!(String::from_utf8_lossy(&stored.raw).ends_with("is empty.\r\n"), "{:?}", stored.raw);
    }
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_mail_is_stored_and_never_answered() {
    let dovecot = Dovecot::start();
    let old = dovecot.maildir("old");
    put(&dovecot, 0..1);
    // Maildir keeps INTERNALDATE as the file's time.
    let day_ago = ["-d", "1 day ago"];
    let file = first_file(&dovecot.maildir(USER));
    assert!(Command::new("touch").args(day_ago).arg(&file).status().unwrap().success(), "{}", old.display());
    dovecot.doveadm(&["force-resync", "-u", USER, "INBOX"]);
    let mut test = TestDesk::open(|_| {}).await;
    test.imap(dovecot.door(USER));
    acknowledged(&test, 1).await;
    put(&dovecot, 1..2);
    let stored = acknowledged(&test, 2).await;
    assert_eq!(stored.iter().map(|stored| stored.answerable).collect::<Vec<_>>(), [false, true]);
    let all = test.imap(Imap { name: "all".into(), answer_since: AnswerSince::All, ..dovecot.door(USER) });
    let stored = acknowledged(&test, 4).await;
    assert!(stored[2].answerable && stored[3].answerable);
    all.cancel();
    test.close().await;
}

fn first_file(maildir: &Path) -> std::path::PathBuf {
    let in_folder = |name: &str| fs::read_dir(maildir.join(name)).unwrap().flatten().map(|entry| entry.path()).next();
    in_folder("new").or_else(|| in_folder("cur")).expect("a mail in the maildir")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_mail_is_quarantined_and_stays_on_the_server() {
    let dovecot = Dovecot::start();
    let mut test = TestDesk::open(|config| config.bounds.size_bytes = 20_000).await;
    put(&dovecot, 0..1);
    dovecot.save(USER, "INBOX", &format!("{}{}", customers(1), "0123456789\r\n".repeat(10_000)));
    put(&dovecot, 2..3);
    test.imap(Imap { after: After::Delete, ..dovecot.door(USER) });
    let stored = acknowledged(&test, 3).await;
    let big = stored.iter().find(|stored| stored.key.ends_with("/2")).unwrap();
    assert!(String::from_utf8_lossy(&big.raw).ends_with("\r\n\r\n"), "its header alone");
    assert!(big.envelope.contains("over the bound of 20000"), "{}", big.envelope);
    assert_eq!(dovecot.flags(USER, "INBOX").len(), 1);
    assert_eq!(outcomes(&test).await, ["1 quarantined", "2 ticket"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_but_not_flagged_is_flagged_at_the_next_connect() {
    let dovecot = Dovecot::start();
    put(&dovecot, 0..3);
    let mut test = TestDesk::open(|_| {}).await;
    let door = test.imap(dovecot.door(USER));
    acknowledged(&test, 3).await;
    door.cancel();
    // As a crash between commit and flag leaves it.
    let url = format!("sqlite://{}", test.desk.config.desk.data_dir.join("deskclerk.db").display());
    let pool = crate::harness::look_into(&url).await;
    sqlx::query("UPDATE submissions SET acknowledged = 0").execute(&pool).await.unwrap();
    dovecot.doveadm(&["flags", "remove", "-u", USER, "\\Seen $Deskclerk", "mailbox", "INBOX", "all"]);
    test.imap(dovecot.door(USER));
    acknowledged(&test, 3).await;
    assert!(dovecot.flags(USER, "INBOX").iter().all(|flags| flags.contains("$Deskclerk")));
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_beyond_the_last_mail_finds_nothing() {
    let dovecot = Dovecot::start();
    put(&dovecot, 0..2);
    // `UID SEARCH UID 200001:*` names the last mail although it is below.
    dovecot.doveadm(&["mailbox", "update", "--min-next-uid", "200001", "-u", USER, "INBOX"]);
    let seen = look(&dovecot.door(USER), 1 << 20, None).await.unwrap();
    assert_eq!(seen.uids, [1, 2]);
    let mut test = TestDesk::open(|_| {}).await;
    test.imap(dovecot.door(USER));
    acknowledged(&test, 2).await;
    put(&dovecot, 2..3);
    let stored = acknowledged(&test, 3).await;
    assert!(stored[2].key.ends_with("/200001"), "{}", stored[2].key);
    assert_eq!(outcomes(&test).await, ["3 ticket"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_killed_is_begun_anew() {
    let dovecot = Dovecot::start();
    put(&dovecot, 0..1);
    let mut test = TestDesk::open(|_| {}).await;
    test.imap(dovecot.door(USER));
    acknowledged(&test, 1).await;
    let before = dovecot.sessions(USER);
    assert_eq!(before.len(), 1);
    crate::servers::signal(before[0], "KILL");
    put(&dovecot, 1..2);
    acknowledged(&test, 2).await;
    assert_ne!(dovecot.sessions(USER), before);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_copy_and_expunge_doubles_nothing() {
    let dovecot = Dovecot::with("imap_capability = IMAP4rev1 SASL-IR UIDPLUS\n");
    put(&dovecot, 0..2);
    let mut test = TestDesk::open(|_| {}).await;
    let door = test.imap(Imap { after: After::Keep, ..dovecot.door(USER) });
    acknowledged(&test, 2).await;
    door.cancel();
    // Stored and copied, not expunged, and not written down.
    let url = format!("sqlite://{}", test.desk.config.desk.data_dir.join("deskclerk.db").display());
    let pool = crate::harness::look_into(&url).await;
    sqlx::query("UPDATE submissions SET acknowledged = 0").execute(&pool).await.unwrap();
    dovecot.doveadm(&["mailbox", "create", "-u", USER, "Deskclerk"]);
    dovecot.doveadm(&["copy", "-u", USER, "Deskclerk", "mailbox", "INBOX", "all"]);
    assert_eq!((dovecot.flags(USER, "INBOX").len(), dovecot.flags(USER, "Deskclerk").len()), (2, 2));
    test.imap(Imap { after: After::Move, ..dovecot.door(USER) });
    acknowledged(&test, 2).await;
    assert!(dovecot.flags(USER, "INBOX").is_empty(), "{:?}", dovecot.flags(USER, "INBOX"));
    assert_eq!(outcomes(&test).await, ["2 ticket"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_look_compares_the_mailbox_with_the_ledger() {
    // Without IDLE every second is a look.
    let dovecot = Dovecot::with("imap_capability = IMAP4rev1 SASL-IR\n");
    put(&dovecot, 0..3);
    let mut test = TestDesk::open(|_| {}).await;
    let door = test.imap(dovecot.door(USER));
    acknowledged(&test, 3).await;
    door.cancel();
    // One of the first is missing, though the cursor is far beyond it.
    let url = format!("sqlite://{}", test.desk.config.desk.data_dir.join("deskclerk.db").display());
    let pool = crate::harness::look_into(&url).await;
    sqlx::query("DELETE FROM submissions WHERE source_key LIKE '%/2'").execute(&pool).await.unwrap();
    test.imap(dovecot.door(USER));
    let stored = acknowledged(&test, 3).await;
    assert_eq!(stored.iter().filter(|stored| stored.key.ends_with("/2")).count(), 1);
    // Looked at again and again, each is taken once.
    let looks = |test: &TestDesk| test.desk.doors.all()["imap:support"].looked_at;
    let before = looks(&test);
    until("another look", async || (looks(&test) > before).then_some(())).await;
    assert_eq!(outcomes(&test).await, ["3 ticket"]);
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mailbox_that_fails_stops_no_other() {
    let dovecot = Dovecot::start();
    put(&dovecot, 0..1);
    let mut test = TestDesk::open(|_| {}).await;
    let wrong = test.folder.path().join("wrong");
    fs::write(&wrong, "not the password").unwrap();
    test.imap(Imap { name: "locked".into(), password_file: wrong, ..dovecot.door(USER) });
    test.imap(Imap { name: "absent".into(), mailbox: "No such".into(), ..dovecot.door(USER) });
    test.imap(Imap { name: "nobody".into(), port: crate::servers::free_port(), ..dovecot.door(USER) });
    test.imap(dovecot.door(USER));
    acknowledged(&test, 1).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), test.shut_doors()).await;
    assert!(ended.is_ok(), "a door that waits to try again ends at once");
    test.close().await;
}
