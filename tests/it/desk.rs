//! The desk on both engines: how each submission ends, what it makes of tickets, and what goes out.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use deskclerk::campaigns::Campaign;
use deskclerk::config::{self, settings::Config, settings::Mode};
use deskclerk::desk::{Desk, Step};
use deskclerk::store::outbox::{Outgoing, Reason, State};
use deskclerk::store::quarantine::Again;
use deskclerk::store::submissions::{Envelope, Kind, New, Outcome};
use deskclerk::store::tickets::{Direction, Filter};
use deskclerk::ticket::change::Change;
use deskclerk::ticket::{Status, Ticket};

use crate::servers::postgres;

const NOW: i64 = 1_800_000_000_000;
const VAGUE: &str = "Hello,\r\nour campaign has not delivered a single impression since Saturday. Can you check why?";

/// A desk on each engine, with two similarly named campaigns and another.
async fn each_engine(settle: impl Fn(&mut Config), test: impl AsyncFn(Arc<Desk>)) {
    for engine in ["sqlite", "postgres"] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::default_in(folder.path());
        if engine == "postgres" {
            config.store.url = postgres::database().await;
        }
        settle(&mut config);
        let desk = Desk::open(config).await.unwrap();
        let campaign = |id: &str, name: &str| Campaign {
            id: id.into(),
            name: name.into(),
            account: "Acme".into(),
            contacts: vec!["acme.example".into()],
            ..Campaign::default()
        };
        let campaigns = vec![
            campaign("48213", "Harvest Fair North"),
            campaign("48231", "Harvest Fair South"),
            campaign("51002", "Gift Drive"),
        ];
        desk.replace_directory(campaigns).await.unwrap();
        test(desk.clone()).await;
        // Whatever a test does, nothing is left half-way.
        assert_eq!(desk.store.pending_submissions().await.unwrap(), 0, "{engine}: left over");
        desk.store.close().await;
    }
}

/// A mail; `headers` go above the usual ones.
fn mail(from: &str, id: &str, subject: &str, headers: &str, text: &str) -> String {
    let id = if id.is_empty() { String::new() } else { format!("Message-ID: <{id}>\r\n") };
    format!(
        "{headers}From: {from}\r\nTo: support@desk.example\r\nSubject: {subject}\r\n{id}\
         Date: Mon, 02 Nov 2026 08:52:03 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
}

fn new(source: &str, kind: Kind, raw: &str) -> New {
    New {
        source: source.into(),
        source_key: None,
        kind,
        raw: raw.into(),
        envelope: Envelope::default(),
        answerable: true,
        received_at: NOW,
    }
}

async fn settled(desk: &Desk, now: i64) -> (String, Outcome, Option<i64>) {
    match desk.step(now).await.unwrap() {
        Step::Settled { submission, outcome, ticket } => (submission, outcome, ticket),
        Step::Idle => panic!("nothing was settled"),
    }
}

/// Takes in one mail and settles it.
async fn take(desk: &Desk, raw: &str) -> (Outcome, Option<i64>) {
    let submitted = desk.accept(new("lmtp", Kind::Mail, raw)).await.unwrap();
    let (submission, outcome, ticket) = settled(desk, NOW).await;
    assert_eq!(submission, submitted.id);
    let stored = desk.store.submission(&submission).await.unwrap().unwrap();
    assert_eq!((stored.outcome, stored.ticket_id), (Some(outcome), ticket), "what is said is what is stored");
    (outcome, ticket)
}

async fn ticket(desk: &Desk, id: Option<i64>) -> Ticket {
    desk.store.ticket(id.unwrap()).await.unwrap().unwrap()
}

async fn whats(desk: &Desk, ticket: i64) -> Vec<String> {
    desk.store.events(ticket).await.unwrap().into_iter().map(|event| event.what).collect()
}

async fn withheld(desk: &Desk, ticket: i64) -> Vec<String> {
    let events = desk.store.events(ticket).await.unwrap();
    let withheld = events.into_iter().filter(|event| event.what == "withheld");
    withheld.map(|event| event.detail["code"].as_str().unwrap().to_owned()).collect()
}

/// A mail that must be asked about, and the question.
async fn asked(desk: &Desk, id: &str) -> (i64, Outgoing) {
    let (outcome, number) = take(desk, &mail("Jane <jane@acme.example>", id, "nothing goes out", "", VAGUE)).await;
    assert_eq!(outcome, Outcome::Ticket);
    let found = ticket(desk, number).await;
    assert_eq!((found.status, found.missing.as_slice()), (Status::Waiting, &["campaign_id".to_owned()][..]));
    let out = desk.store.outgoing_of(found.id).await.unwrap();
    assert_eq!(out.len(), 1, "one question");
    (found.id, out.into_iter().next().unwrap())
}

async fn change(desk: &Desk, ticket: i64, version: i64, change: Change) -> Result<Ticket, deskclerk::store::Error> {
    desk.change_ticket(ticket, version, vec![change], "agent:ann", NOW).await
}

fn reply_to(question: &Outgoing) -> String {
    question.payload.reply_to.clone().unwrap()
}

fn answer(from: &str, id: &str, to: &str, reference: &str, text: &str) -> String {
    let reference = if reference.is_empty() { String::new() } else { format!("In-Reply-To: <{reference}>\r\n") };
    mail(from, id, "Re: your request", &reference, text).replace("support@desk.example", to)
}

#[tokio::test]
async fn a_complete_request_goes_to_its_team() {
    let teams = |config: &mut Config| {
        config.teams.insert("delivery".into(), "delivery@desk.example".into());
        config.replies.acknowledge = true;
    };
    each_engine(teams, async |desk| {
        let text = "Campaign ID 48213 has not delivered a single impression since Saturday. Please check.";
        let (outcome, number) =
            take(&desk, &mail("Jane <Jane@acme.example>", "a1@acme.example", "not running", "", text)).await;
        assert_eq!(outcome, Outcome::Ticket);
        let found = ticket(&desk, number).await;
        assert_eq!(found.status, Status::Ready);
        assert_eq!(found.campaign_id.as_deref(), Some("48213"));
        assert_eq!(found.requester_address, "jane@acme.example");
        assert_eq!(found.topic, "not-running");
        let out = desk.store.outgoing_of(found.id).await.unwrap();
        let mut reasons: Vec<_> = out.iter().map(|row| (row.reason, row.recipient.as_str())).collect();
        reasons.sort_by_key(|(_, recipient)| recipient.to_owned());
        assert_eq!(reasons, [(Reason::Team, "delivery@desk.example"), (Reason::Acknowledgement, "jane@acme.example")]);
        let team = out.iter().find(|row| row.reason == Reason::Team).unwrap();
        assert_eq!(team.payload.headers["Auto-Submitted"], "auto-generated");
        assert!(team.payload.text.contains("48213") && team.payload.text.contains("single impression"));
        let because = team.payload.text.lines().find(|line| line.starts_with("Because:")).unwrap();
        assert!(because.contains("“48213”"), "the words that decided stand there: {because}");
        let messages = desk.store.messages(found.id).await.unwrap();
        let directions: Vec<_> = messages.iter().map(|message| message.direction).collect();
        assert_eq!(directions.iter().filter(|direction| **direction == Direction::In).count(), 1);
        assert_eq!(messages.iter().find_map(|message| message.triage.clone()), Some(found.triage));
    })
    .await;
}

#[tokio::test]
async fn the_answer_completes_the_ticket() {
    each_engine(
        |_| {},
        async |desk| {
            let (number, question) = asked(&desk, "q1@acme.example").await;
            assert_eq!(question.reason, Reason::Question);
            assert_eq!(question.payload.in_reply_to, ["q1@acme.example"]);
            assert_eq!(question.payload.headers["Auto-Submitted"], "auto-replied");
            assert!(question.message_id.ends_with("@desk.example"));
            let raw = answer("jane@acme.example", "q2@acme.example", &reply_to(&question), "", "Sorry, it's 51002.");
            assert_eq!(take(&desk, &raw).await, (Outcome::Appended, Some(number)));
            let found = ticket(&desk, Some(number)).await;
            assert_eq!((found.status, found.campaign_id.as_deref()), (Status::Ready, Some("51002")));
            assert_eq!(found.topic, "not-running", "the topic of the first mail stays");
            assert!(found.missing.is_empty() && found.asked.is_empty());
            assert_eq!(whats(&desk, number).await, ["created", "asked", "answered", "status", "withdrawn"]);
            assert_eq!(desk.store.outgoing_of(number).await.unwrap().len(), 1, "nothing more is asked");
            // A late word reopens what was solved.
            let solved = Change::Status(Status::Solved);
            change(&desk, number, found.version, solved).await.unwrap();
            let late = answer(
                "jane@acme.example",
                "q3@acme.example",
                &reply_to(&question),
                "q2@acme.example",
                "It happens again.",
            );
            assert_eq!(take(&desk, &late).await, (Outcome::Appended, Some(number)));
            assert_eq!(ticket(&desk, Some(number)).await.status, Status::Ready);
        },
    )
    .await;
}

#[tokio::test]
async fn only_proof_puts_a_message_on_a_ticket() {
    each_engine(
        |_| {},
        async |desk| {
            let (number, question) = asked(&desk, "p1@acme.example").await;
            let linked = async |raw: String, expected: Option<i64>| {
                let (outcome, other) = take(&desk, &raw).await;
                assert_eq!(outcome, Outcome::Ticket, "{raw}");
                assert_ne!(other, Some(number));
                let other = ticket(&desk, other).await;
                assert_eq!(other.linked_ticket, expected, "{raw}");
                assert_eq!(other.flags.contains(&"linked".to_owned()), expected.is_some());
            };
            // Somebody else got hold of the token, or of the Message-ID: agents see what it may belong to.
            linked(answer("eve@evil.example", "p2@evil.example", &reply_to(&question), "", "51002"), Some(number))
                .await;
            linked(
                answer("eve@evil.example", "p3@evil.example", "support@desk.example", &question.message_id, "51002"),
                Some(number),
            )
            .await;
            // A forged token, a guessed Message-ID.
            let forged = reply_to(&question).replace("@desk.example", "a@desk.example");
            linked(answer("jane@acme.example", "p4@acme.example", &forged, "", "51002"), None).await;
            linked(
                answer("jane@acme.example", "p5@acme.example", "support@desk.example", "guess@desk.example", "48213")
                    .replace("your request", "my question"),
                None,
            )
            .await;
            // The number alone.
            let tagged = mail("jane@acme.example", "p6@acme.example", &format!("Re: [#{number}] request"), "", "51002");
            linked(tagged, Some(number)).await;
            // The Message-ID of our question from the requester is proof.
            let proof = answer(
                "Jane <jane@acme.example>",
                "p7@acme.example",
                "support@desk.example",
                &question.message_id,
                "51002",
            );
            assert_eq!(take(&desk, &proof).await, (Outcome::Appended, Some(number)));
        },
    )
    .await;
}

#[tokio::test]
async fn a_tag_of_the_envelope_is_enough() {
    each_engine(
        |_| {},
        async |desk| {
            let (number, question) = asked(&desk, "e1@acme.example").await;
            let raw = mail("jane@acme.example", "e2@acme.example", "Re: request", "", "It is 51002");
            let mut submission = new("lmtp", Kind::Mail, &raw);
            submission.envelope = Envelope {
                from: Some("jane@acme.example".into()),
                to: vec![reply_to(&question)],
                ..Envelope::default()
            };
            desk.accept(submission).await.unwrap();
            let (_, outcome, on) = settled(&desk, NOW).await;
            assert_eq!((outcome, on), (Outcome::Appended, Some(number)));
        },
    )
    .await;
}

#[tokio::test]
async fn the_same_is_taken_in_once() {
    each_engine(
        |_| {},
        async |desk| {
            let raw = mail("jane@acme.example", "d1@acme.example", "not running", "", VAGUE);
            let (_, first) = take(&desk, &raw).await;
            // By another way: other trace headers, another door.
            let again = format!("Received: from elsewhere by mx; Mon, 02 Nov 2026 09:00:00 +0000\r\n{raw}");
            assert_eq!(take(&desk, &again).await, (Outcome::Duplicate, first));
            // The sender chooses Message-IDs: other words are another message.
            let other = mail(
                "jane@acme.example",
                "d1@acme.example",
                "not running",
                "",
                "Campaign 51002 has stopped delivering too.",
            );
            let (outcome, second) = take(&desk, &other).await;
            assert_eq!(outcome, Outcome::Ticket);
            assert!(ticket(&desk, second).await.flags.contains(&"reused_message_id".to_owned()));
            assert_eq!(take(&desk, &other).await, (Outcome::Duplicate, second));
            // Without a Message-ID the content decides.
            let bare =
                mail("jane@acme.example", "", "not running", "", "Campaign 48213 does not deliver since Monday.");
            let (outcome, third) = take(&desk, &bare).await;
            assert_eq!(outcome, Outcome::Ticket);
            assert_eq!(take(&desk, &bare).await, (Outcome::Duplicate, third));
            // Another mail without a Message-ID is nobody's twin.
            let bare = mail("bob@acme.example", "", "hello", "", "Campaign 51002 does not deliver since Monday.");
            let (outcome, fourth) = take(&desk, &bare).await;
            assert_eq!(outcome, Outcome::Ticket);
            assert!(!ticket(&desk, fourth).await.flags.contains(&"reused_message_id".to_owned()));
            // A post has its delivery id: the same words under another one are another request.
            for delivery in ["evt-1", "evt-2", "evt-1"] {
                let body = r#"{"email":"jane@acme.example","text":"please call me back about invoice 7"}"#;
                let post = New { source_key: Some(delivery.into()), ..new("hook:leads", Kind::Hook, body) };
                desk.accept(post).await.unwrap();
            }
            assert_eq!(settled(&desk, NOW).await.1, Outcome::Ticket);
            assert_eq!(settled(&desk, NOW).await.1, Outcome::Ticket);
            assert_eq!(desk.store.list_tickets(&Filter::default(), 10, None).await.unwrap().len(), 6);
        },
    )
    .await;
}

#[tokio::test]
async fn automated_mail_opens_nothing_and_is_never_answered() {
    each_engine(
        |_| {},
        async |desk| {
            let automated = async |headers: &str, id: &str, expected| {
                let raw = mail("tom@acme.example", id, "Automatic reply", headers, "I am away until Thursday.");
                assert_eq!(take(&desk, &raw).await, expected, "{headers}");
            };
            automated("Auto-Submitted: auto-replied\r\n", "n1@acme.example", (Outcome::Automated, None)).await;
            automated(
                "List-Unsubscribe: <mailto:x@acme.example>\r\nPrecedence: bulk\r\n",
                "n2@acme.example",
                (Outcome::Automated, None),
            )
            .await;
            automated("X-Deskclerk-Loop: support@desk.example\r\n", "n3@acme.example", (Outcome::Quarantined, None))
                .await;
            // On a ticket it is kept, and moves nothing.
            let (number, question) = asked(&desk, "n4@acme.example").await;
            let away = answer(
                "jane@acme.example",
                "n5@acme.example",
                &reply_to(&question),
                &question.message_id,
                "I am away.",
            );
            let away = format!("Auto-Submitted: auto-replied\r\n{away}");
            assert_eq!(take(&desk, &away).await, (Outcome::Appended, Some(number)));
            assert_eq!(ticket(&desk, Some(number)).await.status, Status::Waiting);
            assert_eq!(desk.store.outgoing_of(number).await.unwrap().len(), 1);
            assert_eq!(take(&desk, &away).await.0, Outcome::Duplicate);
        },
    )
    .await;
}

#[tokio::test]
async fn a_bounce_goes_to_the_mail_it_is_about() {
    each_engine(|_| {}, async |desk| {
        let (number, question) = asked(&desk, "b1@acme.example").await;
        let report = |about: &str, recipient: &str, status: &str, id: &str| {
            format!(
                "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.acme.example\r\nTo: support@desk.example\r\nSubject: Undelivered\r\n\
                 Message-ID: <{id}>\r\nMIME-Version: 1.0\r\n\
                 Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n--b\r\n\
                 Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n\
                 Action: failed\r\nStatus: {status}\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n\
                 Message-ID: <{about}>\r\n\r\n--b--\r\n"
            )
        };
        // Not ours: nobody is marked.
        let foreign = report("guess@desk.example", "jane@acme.example", "5.1.1", "b2@mx");
        assert_eq!(take(&desk, &foreign).await, (Outcome::Automated, None));
        // A delay marks nobody either.
        let delayed = report(&question.message_id, "jane@acme.example", "4.4.1", "b3@mx");
        assert_eq!(take(&desk, &delayed).await, (Outcome::Appended, Some(number)));
        assert_eq!(ticket(&desk, Some(number)).await.status, Status::Waiting);
        let failed = report(&question.message_id, "jane@acme.example", "5.1.1", "b4@mx");
        assert_eq!(take(&desk, &failed).await, (Outcome::Appended, Some(number)));
        let found = ticket(&desk, Some(number)).await;
        assert_eq!(found.status, Status::Ready, "nobody will answer");
        assert!(found.flags.contains(&"bounced".to_owned()));
        // The address is not written to again.
        let (_, next) = take(&desk, &mail("jane@acme.example", "b5@acme.example", "and now", "", VAGUE)).await;
        let next = ticket(&desk, next).await;
        assert_eq!(next.status, Status::Ready);
        assert!(next.flags.contains(&"incomplete".to_owned()));
        assert_eq!(withheld(&desk, next.id).await, ["bounced"]);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_quarantined_and_the_door_goes_on() {
    each_engine(
        |_| {},
        async |desk| {
            for raw in [
                "Content-Type: message/rfc822\r\n\r\n".repeat(22_000),
                format!("{}\r\nhello", "X-A: b\r\n".repeat(300_000)),
            ] {
                let (outcome, none) = take(&desk, &raw).await;
                assert_eq!((outcome, none), (Outcome::Quarantined, None));
                // A mailbox that was made anew hands it in again: it lies there once.
                let (outcome, none) = take(&desk, &raw).await;
                assert_eq!((outcome, none), (Outcome::Duplicate, None));
            }
            let raw = "Content-Type: message/rfc822\r\n\r\n".repeat(21_000);
            for _ in 0..2 {
                desk.accept(new("lmtp", Kind::Mail, &raw)).await.unwrap();
            }
            desk.batch(NOW, 64).await.unwrap();
            let listed = desk.store.list_submissions(Outcome::Quarantined, 10, None).await.unwrap();
            assert_eq!(listed.len(), 3, "two of one batch lie there once, too");
            desk.accept(new("hook:leads", Kind::Hook, "{\"text\": 1")).await.unwrap();
            let (id, outcome, _) = settled(&desk, NOW).await;
            assert_eq!(outcome, Outcome::Quarantined);
            assert!(desk.store.submission(&id).await.unwrap().unwrap().because.unwrap().contains("no JSON"));
            desk.accept(new(
                "hook:leads",
                Kind::Hook,
                r#"{"email":"jane@acme.example","text":"invoice 77 was charged twice"}"#,
            ))
            .await
            .unwrap();
            let (_, outcome, opened) = settled(&desk, NOW).await;
            assert_eq!(outcome, Outcome::Ticket);
            assert_eq!(ticket(&desk, opened).await.source, "hook:leads");
            // Agents may have it settled again, or turn it away; what went to a ticket stays there.
            desk.store.replay_submission(&id, Again::Anew, "operator", NOW).await.unwrap();
            assert_eq!(settled(&desk, NOW).await, (id.clone(), Outcome::Quarantined, None));
            desk.store.reject_submission(&id, "a scanner's post", "operator", NOW).await.unwrap();
            assert!(desk.store.reject_submission(&id, "twice", "operator", NOW).await.is_err());
            assert_eq!(desk.store.submission(&id).await.unwrap().unwrap().outcome, Some(Outcome::Rejected));
            assert!(desk.store.replay_submission("nothing", Again::Anew, "operator", NOW).await.is_err());
            assert_eq!(desk.step(NOW).await.unwrap(), Step::Idle);
        },
    )
    .await;
}

#[tokio::test]
async fn a_crash_between_claim_and_settle_is_one_ticket() {
    each_engine(
        |_| {},
        async |desk| {
            desk.accept(new("lmtp", Kind::Mail, &mail("jane@acme.example", "c1@acme.example", "x", "", VAGUE)))
                .await
                .unwrap();
            // A worker claims it and is gone.
            let lost = desk.store.claim_submissions(NOW, 60_000, 1).await.unwrap();
            assert_eq!(lost.len(), 1);
            assert_eq!(desk.step(NOW + 59_999).await.unwrap(), Step::Idle);
            let (_, outcome, number) = settled(&desk, NOW + 60_000).await;
            assert_eq!(outcome, Outcome::Ticket);
            // It was only asleep: its settling holds nothing any more.
            let settling = desk.store.settling(&[&lost[0]]).await.unwrap();
            assert!(!settling.holds(&lost[0].id));
            drop(settling);
            assert_eq!(desk.store.list_tickets(&Filter::default(), 10, None).await.unwrap().len(), 1);
            assert_eq!(desk.store.outgoing_of(number.unwrap()).await.unwrap().len(), 1);
            // Whoever kills workers by chance makes no mail suspicious.
            desk.accept(new("lmtp", Kind::Mail, &mail("jane@acme.example", "c3@acme.example", "z", "", VAGUE)))
                .await
                .unwrap();
            for round in 1..=5 {
                assert_eq!(desk.store.claim_submissions(NOW + round * 100_000, 60_000, 1).await.unwrap().len(), 1);
            }
            assert_eq!(settled(&desk, NOW + 600_000).await.1, Outcome::Ticket);
            // What a process ended over is read apart, and only what ends that one, too, is not read again.
            let folder = tempfile::tempdir().unwrap();
            let (program, guilty) = (folder.path().join("program"), folder.path().join("guilty"));
            let script = format!("#!/bin/sh\ngrep -q $2 {} && kill -ABRT $$\nexit 0\n", guilty.display());
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
            desk.read_apart_with(program);
            for (key, expected) in [("c4", Outcome::Ticket), ("c5", Outcome::Quarantined)] {
                let raw = mail("jane@acme.example", &format!("{key}@acme.example"), "w", "", VAGUE);
                let submitted = desk.accept(new("lmtp", Kind::Mail, &raw)).await.unwrap();
                std::fs::write(&guilty, if expected == Outcome::Quarantined { &submitted.id } else { "nobody" })
                    .unwrap();
                for _ in 0..20 {
                    desk.store.blame(std::slice::from_ref(&submitted.id)).await.unwrap();
                }
                let (id, outcome, _) = settled(&desk, NOW + 600_000).await;
                assert_eq!((id.as_str(), outcome), (submitted.id.as_str(), expected));
            }
            let id = std::fs::read_to_string(&guilty).unwrap();
            let kept = desk.store.submission(&id).await.unwrap().unwrap();
            assert!(kept.because.unwrap().contains("ends the process that reads it (signal 6)"));
            // The program itself acquits what does it no harm, also when the desk that has asked is gone.
            let raw = mail("jane@acme.example", "c6@acme.example", "w", "", VAGUE);
            let innocent = desk.accept(new("lmtp", Kind::Mail, &raw)).await.unwrap().id;
            desk.store.blame(std::slice::from_ref(&innocent)).await.unwrap();
            let mut reader = Command::new(env!("CARGO_BIN_EXE_deskclerk"));
            reader.args(["read-apart", innocent.as_str()]).stdin(Stdio::piped());
            let mut reader = reader.spawn().unwrap();
            serde_json::to_writer(reader.stdin.take().unwrap(), &*desk.config).unwrap();
            assert!(reader.wait().unwrap().success());
            assert_eq!(desk.store.submission(&innocent).await.unwrap().unwrap().failures, 0);
            assert_eq!(settled(&desk, NOW + 600_000).await.1, Outcome::Ticket);
            // Replayed, it begins anew.
            desk.store.replay_submission(&id, Again::Anew, "operator", NOW).await.unwrap();
            assert_eq!(settled(&desk, NOW + 600_000).await.1, Outcome::Ticket);
            // What comes to no end for ever, whatever ends it, is not read for ever.
            desk.accept(new("lmtp", Kind::Mail, &mail("jane@acme.example", "c2@acme.example", "y", "", VAGUE)))
                .await
                .unwrap();
            for round in 1..=100 {
                assert_eq!(desk.store.claim_submissions(NOW + round * 100_000, 60_000, 1).await.unwrap().len(), 1);
            }
            let (id, outcome, _) = settled(&desk, NOW + 10_100_000).await;
            assert_eq!(outcome, Outcome::Quarantined);
            assert!(desk.store.submission(&id).await.unwrap().unwrap().because.unwrap().contains("100 times"));
        },
    )
    .await;
}

#[tokio::test]
async fn budgets_stop_what_changes_its_address() {
    let tight = |config: &mut Config| config.replies.per_domain_per_hour = 3;
    each_engine(tight, async |desk| {
        for number in 0..10 {
            let raw =
                mail(&format!("u{number}@acme.example"), &format!("g{number}@acme.example"), "not running", "", VAGUE);
            desk.accept(new("lmtp", Kind::Mail, &raw)).await.unwrap();
        }
        let steps = desk.batch(NOW, 64).await.unwrap();
        assert_eq!(steps.len(), 10);
        let tickets = desk.store.list_tickets(&Filter::default(), 100, None).await.unwrap();
        assert_eq!(tickets.iter().filter(|ticket| ticket.status == Status::Waiting).count(), 3);
        let rest: Vec<_> = tickets.iter().filter(|ticket| ticket.status == Status::Ready).collect();
        assert_eq!(rest.len(), 7);
        for ticket in rest {
            assert_eq!(withheld(&desk, ticket.id).await, ["budget_domain"]);
            assert!(ticket.flags.contains(&"incomplete".to_owned()));
        }
        // An hour later there is room again, and the counts come from the store.
        desk.accept(new("lmtp", Kind::Mail, &mail("v@acme.example", "g99@acme.example", "not running", "", VAGUE)))
            .await
            .unwrap();
        let (_, _, number) = settled(&desk, NOW + 3_600_001).await;
        assert_eq!(ticket(&desk, number).await.status, Status::Waiting);
    })
    .await;
}

#[tokio::test]
async fn one_sender_is_asked_one_thing_at_a_time() {
    each_engine(
        |_| {},
        async |desk| {
            let (number, question) = asked(&desk, "o1@acme.example").await;
            let (_, second) = take(&desk, &mail("jane@acme.example", "o2@acme.example", "more", "", VAGUE)).await;
            assert_eq!(withheld(&desk, second.unwrap()).await, ["question_open"]);
            // An answer that answers nothing goes to the agents; it is not asked again.
            let empty = answer(
                "jane@acme.example",
                "o3@acme.example",
                &reply_to(&question),
                "",
                "Could you please look into it?",
            );
            assert_eq!(take(&desk, &empty).await, (Outcome::Appended, Some(number)));
            let found = ticket(&desk, Some(number)).await;
            assert_eq!(found.status, Status::Ready);
            assert!(found.flags.contains(&"incomplete".to_owned()));
            assert_eq!(desk.store.outgoing_of(number).await.unwrap().len(), 1);
            // So does whatever else is said that answers nothing.
            let more = answer("jane@acme.example", "o5@acme.example", &reply_to(&question), "", "Any news?");
            assert_eq!(take(&desk, &more).await, (Outcome::Appended, Some(number)));
            assert!(ticket(&desk, Some(number)).await.flags.contains(&"incomplete".to_owned()));
            // The late answer completes it all the same.
            let late = answer("jane@acme.example", "o4@acme.example", &reply_to(&question), "", "It is 51002.");
            assert_eq!(take(&desk, &late).await, (Outcome::Appended, Some(number)));
            let found = ticket(&desk, Some(number)).await;
            assert_eq!(found.campaign_id.as_deref(), Some("51002"));
            assert!(!found.flags.contains(&"incomplete".to_owned()), "{:?}", found.flags);
        },
    )
    .await;
}

#[tokio::test]
async fn drafts_wait_for_an_agent_and_shadows_for_nobody() {
    for (mode, state, what) in [(Mode::Draft, State::Draft, "drafted"), (Mode::Shadow, State::Held, "shadowed")] {
        each_engine(
            move |config| config.replies.mode = mode,
            async |desk| {
                let (_, number) = take(&desk, &mail("jane@acme.example", "m1@acme.example", "x", "", VAGUE)).await;
                let found = ticket(&desk, number).await;
                assert_eq!(found.status, Status::Ready, "nobody has been asked");
                assert!(whats(&desk, found.id).await.contains(&what.to_owned()));
                let out = desk.store.outgoing_of(found.id).await.unwrap();
                assert_eq!(out.iter().map(|row| row.state).collect::<Vec<_>>(), [state]);
                assert!(desk.store.claim_outbox(NOW, 1_000, 10).await.unwrap().is_empty());
                if mode == Mode::Draft {
                    desk.release_draft(&out[0].id, "agent:ann", NOW).await.unwrap();
                    let sent = ticket(&desk, number).await;
                    assert_eq!(sent.status, Status::Waiting);
                    assert!(!sent.flags.iter().any(|flag| flag == "incomplete"), "{:?}", sent.flags);
                    assert_eq!(desk.store.claim_outbox(NOW, 1_000, 10).await.unwrap().len(), 1);
                    assert!(desk.release_draft(&out[0].id, "agent:ann", NOW).await.is_err());
                }
            },
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_settled_once_each() {
    let open = |config: &mut Config| config.replies.per_domain_per_hour = 1_000;
    each_engine(open, async |desk| {
        let cancel = tokio_util::sync::CancellationToken::new();
        let (worker, stop) = (desk.clone(), cancel.clone());
        let work = tokio::spawn(async move { worker.work(stop).await });
        // 300 mails, every third of them twice, some of the twins in one batch.
        let submits = (0..400).map(|number: usize| {
            let (desk, number) = (desk.clone(), number % 300);
            let raw =
                mail(&format!("u{number}@acme.example"), &format!("f{number}@acme.example"), "not running", "", VAGUE);
            tokio::spawn(async move { desk.accept(new("lmtp", Kind::Mail, &raw)).await.unwrap() })
        });
        for submit in futures_util::future::join_all(submits).await {
            submit.unwrap();
        }
        let mut idle = 0;
        while desk.store.pending_submissions().await.unwrap() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            idle += 1;
            assert!(idle < 1_000, "the flood is never settled");
        }
        cancel.cancel();
        work.await.unwrap();
        let tickets = desk.store.list_tickets(&Filter::default(), 1_000, None).await.unwrap();
        assert_eq!(tickets.len(), 300);
        assert_eq!(desk.store.claim_outbox(i64::MAX - 1, 1, 1_000).await.unwrap().len(), 300);
    })
    .await;
}

#[tokio::test]
async fn a_sent_mail_is_sent_once() {
    each_engine(
        |_| {},
        async |desk| {
            let (number, question) = asked(&desk, "s1@acme.example").await;
            let first = desk.store.claim_outbox(NOW, 1_000, 10).await.unwrap();
            assert_eq!(first.len(), 1);
            assert!(desk.store.claim_outbox(NOW + 999, 1_000, 10).await.unwrap().is_empty());
            let second = desk.store.claim_outbox(NOW + 1_000, 1_000, 10).await.unwrap();
            assert_eq!(second[0].message_id, question.message_id, "one Message-ID for ever");
            assert_eq!(desk.store.outbox_sent(&first, NOW).await.unwrap(), 1, "too late");
            let held = |rows: &[Outgoing]| rows.iter().map(|row| (row.id.clone(), row.fence)).collect();
            desk.store.outbox_lease(&held(&first), 0).await.unwrap();
            assert!(
                desk.store.claim_outbox(NOW + 1_001, 1_000, 10).await.unwrap().is_empty(),
                "an old claim frees nothing"
            );
            desk.store.outbox_lease(&held(&second), NOW + 3_000).await.unwrap();
            assert!(desk.store.claim_outbox(NOW + 2_999, 1_000, 10).await.unwrap().is_empty(), "claimed for longer");
            desk.store.outbox_lease(&held(&second), 0).await.unwrap();
            let second = desk.store.claim_outbox(NOW + 1_001, 1_000, 10).await.unwrap();
            desk.store.outbox_retry(&second[0], NOW + 5_000, "451 later").await.unwrap();
            assert!(desk.store.claim_outbox(NOW + 4_999, 1_000, 10).await.unwrap().is_empty());
            let third = desk.store.claim_outbox(NOW + 5_000, 1_000, 10).await.unwrap();
            assert_eq!((third[0].attempts, third[0].last_error.as_deref()), (1, Some("451 later")));
            desk.bury(&third[0], "550 no", NOW + 5_001).await.unwrap();
            assert!(whats(&desk, number).await.contains(&"undelivered".to_owned()));
            assert!(desk.store.claim_outbox(i64::MAX - 2_000, 1_000, 10).await.unwrap().is_empty());
        },
    )
    .await;
}

#[tokio::test]
async fn agents_change_what_they_have_seen() {
    each_engine(
        |_| {},
        async |desk| {
            let (number, question) = asked(&desk, "h1@acme.example").await;
            let changed = change(&desk, number, 1, Change::Campaign(Some("48231".into()))).await.unwrap();
            assert_eq!((changed.version, changed.campaign_id.as_deref()), (2, Some("48231")));
            assert_eq!(changed.status, Status::Ready, "nothing is left to wait for");
            assert!(change(&desk, number, 1, Change::Topic("bug".into())).await.is_err());
            change(&desk, number, 2, Change::Topic("bug".into())).await.unwrap();
            assert!(change(&desk, number, 3, Change::Status(Status::Waiting)).await.is_err());
            // What agents decided stays, whatever the customer's next message says.
            let next = answer(
                "jane@acme.example",
                "h2@acme.example",
                &reply_to(&question),
                "",
                "It is 51002, the report is empty.",
            );
            take(&desk, &next).await;
            let found = ticket(&desk, Some(number)).await;
            assert_eq!((found.campaign_id.as_deref(), found.topic.as_str()), (Some("48231"), "bug"));
            let store = &desk.store;
            let by = |filter: Filter| async move { store.list_tickets(&filter, 10, None).await.unwrap().len() };
            assert_eq!(by(Filter { topic: Some("bug".into()), ..Filter::default() }).await, 1);
            assert_eq!(by(Filter { words: Some("NOTHING GOES".into()), ..Filter::default() }).await, 1);
            assert_eq!(by(Filter { words: Some("100%".into()), ..Filter::default() }).await, 0);
            assert_eq!(by(Filter { status: vec![Status::Closed], ..Filter::default() }).await, 0);
        },
    )
    .await;
}

#[tokio::test]
async fn broken_sources_leave_the_old_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config::default_in(folder.path());
    config.campaigns.file = folder.path().join("campaigns.csv");
    let write = |rows: usize| {
        let rows: String = (0..rows).map(|row| format!("{},Spring {row},Acme,acme.example\n", 40_000 + row)).collect();
        std::fs::write(folder.path().join("campaigns.csv"), format!("campaign_id,name,account,contacts\n{rows}"))
            .unwrap();
    };
    write(10);
    let desk = Desk::open(config).await.unwrap();
    assert_eq!(desk.directory().len(), 10);
    write(4);
    assert!(desk.reload().await[0].message.contains("more than half"));
    assert_eq!((desk.directory().len(), desk.health().faults.len()), (10, 1));
    write(20);
    assert!(desk.reload().await.is_empty());
    assert_eq!(desk.directory().len(), 20);
    assert!(desk.health().faults.is_empty());
    desk.store.close().await;
}
