//! Erasing a requester, and retention: what is gone is gone from the files, what came in is not taken in again.

use std::process::Command;

use deskclerk::desk::retention::Pass;
use deskclerk::desk::unix_ms;
use deskclerk::store::Engine;
use deskclerk::store::merging::Merge;
use deskclerk::store::submissions::Outcome;
use deskclerk::ticket::Status;
use deskclerk::ticket::change::Change;

use super::{Operated, lines, request};

const TOKEN: &str = "Zanzibarquittung";

/// Whether any file below the folder holds the word.
fn holds(operated: &Operated, word: &str) -> bool {
    let data = operated.folder.path().join("data");
    let found = Command::new("grep").args(["-arl", word]).arg(data).output().unwrap();
    assert!(found.status.code().unwrap() < 2, "{found:?}");
    !found.stdout.is_empty()
}

#[tokio::test]
async fn a_requester_is_gone_from_raw_mail_outbox_log_and_attachments() {
    let settings = "[retention]\nraw_days = 10\nclosed_days = 30\nquarantine_days = 20\n[replies]\nrequire_dmarc = false\n[teams]\nbilling = \"billing@team.example\"\n\
                    [smtp]\nfolder = \"data/out\"";
    Operated::on_each(settings, async |operated| {
        let sqlite = operated.desk.store.engine() == Engine::Sqlite;
        // Many others around: what is freed lies between what stays.
        for number in 0..30 {
            let text = format!("Invoice {number} was charged twice to us. {}", "filler ".repeat(number * 20));
            operated.mail(&request(&format!("o{number}@other.example"), &format!("{number}@o"), &text)).await;
            if number % 5 == 2 {
                let text = format!("{TOKEN}: invoice {number} was charged twice. {}", "word ".repeat(900));
                let mail = request("Eve <Eve@gone.example>", &format!("e{number}@gone.example"), &text);
                let (_, outcome, _) =
                    operated.mail(&mail.replace("Subject: invoice", &format!("Subject: {TOKEN}"))).await;
                assert_eq!(outcome, Outcome::Ticket);
            }
        }
        let with_file = format!(
            "From: eve@gone.example\nTo: support@desk.example\nMessage-ID: <file@gone.example>\nSubject: my report\n\
             MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n\
             Nothing works.\n--b\nContent-Type: text/csv; name=\"{TOKEN}.csv\"\nContent-Disposition: attachment\n\n\
             {TOKEN},1,2\n--b--\n"
        );
        let (kept, _, ticket) = operated.mail(&with_file).await;
        // On no ticket: one in quarantine, one that is not settled.
        let nested = "Content-Type: message/rfc822\n\n".repeat(60);
        let (_, outcome, _) = operated.mail(&format!("From: eve@gone.example\nSubject: {TOKEN}\n{nested}")).await;
        assert_eq!(outcome, Outcome::Quarantined);
        let late = operated.take(format!("From: EVE@gone.example\r\nSubject: {TOKEN}\r\n\r\nx").into_bytes()).await;
        assert!(!sqlite || holds(&operated, TOKEN));

        let (code, out, complaints) = operated.run(&["erase", "--requester", "eve@gone.example"]);
        assert_eq!(code, 0, "{complaints}");
        assert!(out.contains("would erase 7 tickets") && out.contains("add --yes"), "{out}");
        assert!(operated.desk.store.ticket(ticket.unwrap()).await.unwrap().is_some());

        let (code, out, complaints) =
            operated.run(&["erase", "--requester", "Eve@Gone.example", "--yes", "--format", "json"]);
        assert_eq!(code, 0, "{complaints}");
        let said = &lines(&out)[0]["erased"];
        assert_eq!((&said["tickets"], &said["originals"]), (&7.into(), &9.into()), "{out}");
        assert!(said["outgoing"].as_i64().unwrap() >= 6, "{out}");

        assert!(operated.desk.store.ticket(ticket.unwrap()).await.unwrap().is_none());
        assert!(operated.desk.store.tickets_of("eve@gone.example").await.unwrap().is_empty());
        // Known by its key at the door, and by nothing else; never settled any more.
        let erased = operated.desk.store.submission(&kept).await.unwrap().unwrap();
        assert_eq!((erased.raw.len(), erased.content_hash.as_str(), erased.ticket_id), (0, "", None));
        let late = operated.desk.store.submission(&late).await.unwrap().unwrap();
        assert_eq!((late.raw.len(), late.outcome), (0, Some(Outcome::Rejected)));
        assert_eq!(operated.desk.step(unix_ms()).await.unwrap(), deskclerk::desk::Step::Idle);
        let others = operated.desk.store.list_tickets(&Default::default(), 200, None).await.unwrap();
        assert_eq!(others.len(), 30);
        if sqlite {
            for word in [TOKEN, "eve@gone.example", "Eve@gone.example", "file@gone.example"] {
                assert!(!holds(&operated, word), "{word} is still in the data folder");
            }
            assert!(holds(&operated, "o7@other.example"));
        }
        let (_, out, _) = operated.run(&["audit"]);
        assert!(out.contains("a requester") && !out.contains("gone.example"), "{out}");
        retention(&operated).await;
        operated.desk.store.close().await;
    })
    .await;
}

/// What is old is erased, and nothing else.
async fn retention(operated: &Operated) {
    let store = &operated.desk.store;
    let (first, _, ticket) = operated.mail(&request("a@a.example", "1@a", "Invoice 7 was charged twice to us.")).await;
    let kept = operated.quarantined().await;
    let pending = operated.take(b"From: late@b.example\r\n\r\nhello".to_vec()).await;
    let ticket = store.ticket(ticket.unwrap()).await.unwrap().unwrap();
    let day = 24 * 60 * 60 * 1000;
    let at = |days: i64| unix_ms() + days * day;
    let sweep = async |now: i64| {
        let mut pass = Pass::default();
        let mut erased = 0;
        loop {
            match operated.desk.retain(&mut pass, now).await.unwrap() {
                0 => return erased,
                count => erased += count,
            }
        }
    };
    let bytes = async |id: &str| store.submission(id).await.unwrap().unwrap().raw.len();
    assert_eq!(sweep(at(9)).await, 0);
    // The thirty of before are as old.
    assert_eq!(sweep(at(11)).await, 31);
    assert_eq!((bytes(&first).await, bytes(&kept).await > 0, bytes(&pending).await > 0), (0, true, true));
    let message = &store.messages(ticket.id).await.unwrap()[0];
    assert!(message.request.as_ref().unwrap().text.contains("charged twice"), "what was read of it stays");
    assert_eq!(sweep(at(21)).await, 1);
    let dropped = store.submission(&kept).await.unwrap().unwrap();
    assert_eq!((dropped.raw.len(), dropped.outcome), (0, Some(Outcome::Rejected)));
    // A ticket that nobody has solved stays, however old.
    assert_eq!(sweep(at(400)).await, 0);
    let solved = Change::Status(Status::Solved);
    operated.desk.change_ticket(ticket.id, ticket.version, vec![solved.clone()], "agent:ann", unix_ms()).await.unwrap();
    assert_eq!(operated.events(ticket.id).await.last().unwrap(), "status");
    assert_eq!(sweep(at(29)).await, 0);
    assert_eq!(sweep(at(31)).await, 1);
    assert!(store.ticket(ticket.id).await.unwrap().is_none());
    assert!(bytes(&pending).await > 0, "what is not settled is never erased");
    // What was merged goes with the ticket that it went into: until then the answers to its mails lead there.
    operated.desk.step(unix_ms()).await.unwrap();
    let mut both = vec![];
    for number in [2, 3] {
        let text = format!("Invoice {number} was charged twice to us.");
        both.extend(operated.mail(&request("a@a.example", &format!("{number}@a"), &text)).await.2);
    }
    let merge = Merge { from: both[1], into: both[0], actor: "agent:ann", at: unix_ms() };
    let left = operated.desk.merge_tickets(merge).await.unwrap();
    assert_eq!(sweep(at(31)).await, 3, "originals, and no ticket");
    assert_eq!(store.messages(left.id).await.unwrap().iter().filter(|message| message.request.is_some()).count(), 2);
    operated.desk.change_ticket(left.id, left.version, vec![solved], "agent:ann", unix_ms()).await.unwrap();
    assert_eq!(sweep(at(31)).await, 2);
    assert!(store.tickets_of("a@a.example").await.unwrap().is_empty());
}
