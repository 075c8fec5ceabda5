//! Many: folders of an account, mails of years, nodes on one store.

use std::time::Duration;

use deskclerk::config;
use deskclerk::config::mailbox::{After, AnswerSince, Imap};
use deskclerk::desk::Desk;
use deskclerk::intake::imap;
use deskclerk::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::harness::{TestDesk, mail, until};
use crate::servers::dovecot::{Dovecot, PASSWORD};
use crate::servers::postgres;
use crate::store::each_engine;

const USER: &str = "support@desk.example";

fn letter(id: &str) -> String {
    mail("ann@customer.example", USER, id, &format!("Request {id}"), "My report is empty.")
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_an_account_are_doors_of_their_own() {
    let dovecot = Dovecot::start();
    for folder in ["INBOX", "Support.Spain", "Öffen"] {
        if folder != "INBOX" {
            dovecot.doveadm(&["mailbox", "create", "-u", USER, folder]);
        }
        dovecot.save(USER, folder, &letter(&format!("{folder}-1@c")));
        // The same epoch and the same UIDs in each.
        dovecot.doveadm(&["mailbox", "update", "--uid-validity", "7", "-u", USER, folder]);
    }
    let mut test = TestDesk::open(|_| {}).await;
    let folders = vec!["Support.Spain".into(), "Öffen".into()];
    let door = test.imap(Imap { folders: folders.clone(), after: After::Move, ..dovecot.door(USER) });
    test.await_stored(3).await;
    // By IDLE in each.
    for folder in ["INBOX", "Support.Spain", "Öffen"] {
        dovecot.save(USER, folder, &letter(&format!("{folder}-2@c")));
    }
    test.await_stored(6).await;
    until("all to be moved", async || (dovecot.flags(USER, "Deskclerk").len() == 6).then_some(())).await;
    let names: Vec<String> = test.desk.doors.all().into_keys().collect();
    assert_eq!(names, ["imap:support", "imap:support/Support.Spain", "imap:support/Öffen"]);
    // One that is not there any more stops no other.
    door.cancel();
    test.imap(Imap { folders: vec!["No such".into(), "Öffen".into()], ..dovecot.door(USER) });
    dovecot.save(USER, "Öffen", &letter("7@c"));
    test.await_stored(7).await;
    test.drain().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_comes_at_its_pace_and_new_mail_does_not_wait_behind_it() {
    let dovecot = Dovecot::start();
    // A copy of a mail is a mail; what they say does not matter here.
    dovecot.save(USER, "INBOX", &letter("0@c"));
    let (mut there, wanted) = (1, 1_100);
    while there < wanted {
        let more = there.min(wanted - there);
        dovecot.doveadm(&["copy", "-u", USER, "INBOX", "mailbox", "INBOX", "uid", &format!("1:{more}")]);
        there += more;
    }
    let mut test = TestDesk::open(|_| {}).await;
    let slow = test.imap(Imap { backlog_per_minute: 600, after: After::Keep, ..dovecot.door(USER) });
    let state = until("the backlog to be begun", async || {
        let state = test.desk.doors.all().get("imap:support")?.clone();
        (state.waiting > 0 && state.waiting < 1_100).then_some(state)
    })
    .await;
    assert_eq!(state.backlog, 1_100);
    dovecot.save(USER, "INBOX", &letter("new@c"));
    let stored = until("the new mail", async || {
        let stored = test.stored().await;
        stored.iter().any(|stored| stored.key.ends_with("/1101")).then_some(stored)
    })
    .await;
    // At ten a second over a hundred seconds lie before it.
    assert!(stored.len() < 1_000, "{} came before it", stored.len());
    assert_eq!(test.desk.doors.all()["imap:support"].backlog, 1_100);
    slow.cancel();
    // Taken up where it was left, as fast as it goes, each once.
    test.imap(Imap { backlog_per_minute: 0, after: After::Keep, ..dovecot.door(USER) });
    test.await_stored(1_101).await;
    until("the end of the backlog", async || (test.desk.doors.all()["imap:support"].backlog == 0).then_some(())).await;
    test.drain().await;
    test.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_part_what_is_read_and_what_is_answered() {
    let dovecot = Dovecot::start();
    for (number, day) in ["15-Oct-2026", "05-Nov-2026", "20-Nov-2026"].into_iter().enumerate() {
        append(&dovecot, &letter(&format!("{number}@c")), day).await;
    }
    let mut test = TestDesk::open(|_| {}).await;
    test.imap(Imap {
        answer_since: AnswerSince::Day("2026-11-10".parse().unwrap()),
        read_since: Some("2026-11-01".parse().unwrap()),
        ..dovecot.door(USER)
    });
    let stored = test.await_stored(2).await;
    let mut answerable: Vec<(bool, bool)> = stored
        .iter()
        .map(|stored| (String::from_utf8_lossy(&stored.raw).contains("<2@c>"), stored.answerable))
        .collect();
    answerable.sort_unstable();
    assert_eq!(answerable, [(false, false), (true, true)]);
    // Nor later, by IDLE.
    append(&dovecot, &letter("3@c"), "16-Oct-2026").await;
    append(&dovecot, &letter("4@c"), "21-Nov-2026").await;
    let stored = test.await_stored(3).await;
    assert!(String::from_utf8_lossy(&stored[2].raw).contains("<4@c>"));
    test.drain().await;
    test.close().await;
}

/// Puts a mail into INBOX that the server got on this day.
async fn append(dovecot: &Dovecot, mail: &str, day: &str) {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", dovecot.imap)).await.unwrap());
    let length = mail.len();
    let session = format!(
        "a LOGIN {USER} {PASSWORD}\r\nb APPEND INBOX () \"{day} 10:00:00 +0000\" {{{length}+}}\r\n{mail}\r\nc LOGOUT\r\n"
    );
    stream.get_mut().write_all(session.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("b OK"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_one_holders_until_it_ends_or_is_given_up() {
    each_engine(async |store: Store| {
        let take = async |holder: &str, millis| store.take_lease("imap:a", holder, millis).await.unwrap();
        assert!(take("one", 60_000).await);
        assert!(!take("two", 60_000).await);
        assert!(store.take_lease("imap:b", "two", 60_000).await.unwrap());
        // Renewed, then ended.
        assert!(take("one", 0).await);
        assert!(take("two", 60_000).await);
        assert!(!take("one", 60_000).await);
        // Only the holder gives it up.
        store.drop_lease("imap:a", "one").await.unwrap();
        assert!(!take("one", 60_000).await);
        store.drop_lease("imap:a", "two").await.unwrap();
        assert!(take("one", 60_000).await);
        let takers = (0..20).map(|number| {
            let store = store.clone();
            async move { store.take_lease("imap:c", &format!("node{number}"), 60_000).await.unwrap() }
        });
        let taken = futures_util::future::join_all(takers).await;
        assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1, "{:?}", store.engine());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_reads_and_the_other_takes_over() {
    let dovecot = Dovecot::start();
    let url = postgres::database().await;
    let node = async || {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::default_in(folder.path());
        config.store.url = url.clone();
        let desk = Desk::open(config).await.unwrap();
        let cancel = CancellationToken::new();
        let reading = tokio::spawn(imap::run(dovecot.door(USER), desk.clone(), cancel.clone()));
        (desk, cancel, reading, folder)
    };
    let (first, stop, reading, _folder) = node().await;
    let open = async |desk: &Desk| {
        until("an open mailbox", async || desk.doors.all().get("imap:support")?.open.then_some(())).await;
    };
    open(&first).await;
    let (second, stop_second, reading_second, _other) = node().await;
    let resting = until("the second to rest", async || {
        let state = second.doors.all().get("imap:support")?.clone();
        state.elsewhere.then_some(state)
    })
    .await;
    assert!(!resting.open);
    assert!(second.checks().await.iter().find(|check| check.name == "doors").unwrap().ok, "a node that rests is well");
    dovecot.save(USER, "INBOX", &letter("1@c"));
    until("the mail", async || (second.store.pending_submissions().await.unwrap() == 1).then_some(())).await;
    assert_eq!(dovecot.sessions(USER).len(), 1);
    // It ends in order: the other need not wait for the lease's end.
    stop.cancel();
    reading.await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(20), open(&second)).await;
    assert!(waited.is_ok(), "the lease was not given up");
    dovecot.save(USER, "INBOX", &letter("2@c"));
    until("the second mail", async || (second.store.pending_submissions().await.unwrap() == 2).then_some(())).await;
    // One that loses its lease to another lets the mailbox go.
    sqlx::query("UPDATE leases SET holder = 'somebody else', held_until = 9999999999999")
        .execute(&crate::harness::look_into(&url).await)
        .await
        .unwrap();
    until("the mailbox to be let go", async || second.doors.all()["imap:support"].elsewhere.then_some(())).await;
    stop_second.cancel();
    reading_second.await.unwrap();
    for desk in [first, second] {
        desk.store.close().await;
    }
}
