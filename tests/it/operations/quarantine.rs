//! Quarantine by the command line, the audit trail of it, and what `status` makes of it.

use deskclerk::desk::{Step, unix_ms};
use deskclerk::store::submissions::Outcome;

use super::{Operated, lines};

#[tokio::test]
async fn it_is_listed_shown_replayed_and_dropped_and_that_is_kept() {
    Operated::on_each("[http]\nlisten = \"127.0.0.1:1\"", async |operated| {
        let first = operated.quarantined().await;
        let second = operated.quarantined().await;
        let (code, out, complaints) = operated.run(&["quarantine", "list", "--format", "json"]);
        assert_eq!(code, 0, "{complaints}");
        let listed = lines(&out);
        let ids: Vec<&str> = listed.iter().map(|line| line["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [&second, &first], "the newest first");
        assert!(listed[0]["because"].as_str().unwrap().contains("bound"), "{out}");

        let (code, out, _) = operated.run(&["quarantine", "show", &first]);
        assert_eq!(code, 0);
        assert!(out.contains("odd@c.example") && out.contains("nested"), "{out}");
        let (_, out, _) = operated.run(&["quarantine", "show", "--raw", &first]);
        assert!(out.starts_with("From: Odd One") && out.matches("message/rfc822").count() == 60);

        let (code, out, complaints) = operated.run(&["quarantine", "replay", &first]);
        assert_eq!(code, 0, "{out}{complaints}");
        let settled = operated.desk.step(unix_ms()).await.unwrap();
        assert_eq!(settled, Step::Settled { submission: first.clone(), outcome: Outcome::Quarantined, ticket: None });

        let (code, _, complaints) = operated.run(&["quarantine", "drop", "--all", "--because", "a scanner"]);
        assert_eq!(code, 0, "{complaints}");
        let dropped = operated.desk.store.submission(&first).await.unwrap().unwrap();
        assert_eq!((dropped.outcome, dropped.because.as_deref()), (Some(Outcome::Rejected), Some("a scanner")));
        assert!(!dropped.raw.is_empty());
        assert_eq!(operated.run(&["quarantine", "list"]).1, "");

        // Wrong ones are named, and nothing is done.
        let (code, _, complaints) = operated.run(&["quarantine", "drop", &first]);
        assert_eq!((code, complaints.contains("is rejected: it cannot be dropped")), (1, true), "{complaints}");
        let (code, _, complaints) = operated.run(&["quarantine", "show", "0192-none"]);
        assert_eq!((code, complaints.contains("is not in quarantine")), (1, true), "{complaints}");

        let (_, out, _) = operated.run(&["audit", "--format", "json", "--actor", "operator"]);
        let acts = lines(&out);
        let done: Vec<&str> = acts.iter().map(|act| act["what"].as_str().unwrap()).collect();
        assert_eq!(done, ["dropped", "dropped", "replayed"], "{out}");
        assert_eq!(acts[2]["about"], format!("submission {first}"));
        set_aside(&operated).await;
        status(&operated).await;
        operated.desk.store.close().await;
    })
    .await;
}

/// Automated mail without a ticket is listed with its sender and its reason, and a person's becomes a ticket.
async fn set_aside(operated: &Operated) {
    let odd =
        "From: Robot <robot@c.example>\nSubject: \x1b[2JOut of office\nAuto-Submitted: auto-replied\n\nI am away.\n";
    let (id, outcome, ticket) = operated.mail(odd).await;
    assert_eq!((outcome, ticket), (Outcome::Automated, None));
    assert_eq!(operated.run(&["quarantine", "list"]).1, "");
    let (code, out, _) = operated.run(&["quarantine", "list", "--outcome", "automated"]);
    assert_eq!(code, 0);
    assert!(out.contains("Robot <robot@c.example>  \"[2JOut of office\"") && out.contains("Auto-Submitted"), "{out}");
    let (code, out, complaints) = operated.run(&["quarantine", "ticket", &id]);
    assert_eq!((code, out.contains("to become a ticket")), (0, true), "{out}{complaints}");
    let step = operated.desk.step(unix_ms()).await.unwrap();
    assert!(matches!(step, Step::Settled { outcome: Outcome::Ticket, ticket: Some(_), .. }), "{step:?}");
    let (code, _, complaints) = operated.run(&["quarantine", "ticket", &id]);
    assert_eq!((code, complaints.contains("is on ticket")), (1, true), "{complaints}");
    let (_, out, _) = operated.run(&["audit", "--actor", "operator"]);
    assert!(out.contains("made_ticket") && out.contains(&id), "{out}");
}

/// Without a daemon it reads the store, and says so.
async fn status(operated: &Operated) {
    operated.quarantined().await;
    operated.mail(&super::request("ann@a.example", "1@a", "Invoice 7 of October was charged twice to us.")).await;
    operated.take(b"From: late@b.example\r\n\r\nhello".to_vec()).await;
    let (code, out, complaints) = operated.run(&["status", "--format", "json"]);
    assert_eq!(code, 1, "{complaints}");
    let said = &lines(&out)[0];
    assert_eq!((&said["ready"], &said["daemon"]), (&false.into(), &serde_json::Value::Null), "{said}");
    assert!(said["daemon_error"].as_str().unwrap().contains("no daemon answers"), "{said}");
    let queues = &said["queues"];
    assert_eq!((&queues["pending"], &queues["quarantined"]), (&1.into(), &1.into()), "{said}");
    assert_eq!(queues["doors"][0]["door"], "lmtp");
    let tickets = ["waiting", "ready", "open"].map(|status| queues[format!("tickets_{status}")].as_i64().unwrap());
    assert_eq!(tickets.iter().sum::<i64>(), 2);
    let (_, out, _) = operated.run(&["status"]);
    assert!(out.contains("no daemon answers") && out.contains("1 in quarantine"), "{out}");
}
