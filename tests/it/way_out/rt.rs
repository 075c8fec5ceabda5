//! Request Tracker, the real one: a ticket created once, kept up to date, answered by an agent, solved from both sides.

use deskclerk::config::endpoints::Vendor;
use deskclerk::ticket::Status;
use deskclerk::ticket::change::Change;
use serde_json::{Value, json};

use super::{Out, WHOLE, connector, follow_up, mail_with_file};
use crate::harness::until;
use crate::servers::rt::Rt;

/// What stands on the ticket: type of each transaction with a body, and the body.
async fn entries(rt: &Rt) -> Vec<(String, String)> {
    let history = rt.call("GET", "ticket/1/history?fields=Type&per_page=100", None).await;
    let parts = rt.call("GET", "ticket/1/attachments?fields=Content,TransactionId,Filename&per_page=100", None).await;
    let mut entries = vec![];
    for act in history["items"].as_array().unwrap() {
        let kind = act["Type"].as_str().unwrap().to_owned();
        let own = parts["items"].as_array().unwrap().iter().filter(|part| part["TransactionId"] == act["id"]);
        let bodies = own.filter_map(|part| part["Content"].as_str()).filter(|body| !body.is_empty());
        entries.extend(bodies.map(|body| (kind.clone(), body.to_owned())).filter(|(kind, _)| kind != "EmailRecord"));
    }
    entries
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_lives_in_request_tracker_too() {
    let rt = tokio::task::spawn_blocking(Rt::start).await.unwrap();
    let url = rt.url.clone();
    let mut out = Out::open(|config, folder| {
        let mut settings = connector(Vendor::Rt, &url, folder);
        std::fs::write(&settings.secret_file, "password\n").unwrap();
        settings.user = "root".into();
        settings.campaign_field = "Campaign".into();
        settings.groups.insert("not-running".into(), "Ad delivery".into());
        config.connector = vec![settings];
    })
    .await;
    let ticket = out.take(&mail_with_file("r1", WHOLE)).await;
    out.send();
    out.all_sent(ticket.id).await;
    let theirs = rt.call("GET", "ticket/1?fields[Queue]=Name", None).await;
    assert_eq!(theirs["Subject"], "not running [deskclerk-1]");
    assert_eq!((&theirs["Status"], &theirs["Priority"]), (&json!("new"), &json!("50")));
    assert_eq!(
        (&theirs["Queue"]["Name"], &theirs["Requestor"][0]["id"]),
        (&json!("Ad delivery"), &json!("jane@acme.example"))
    );
    assert_eq!(theirs["CustomFields"][0]["values"], json!(["48213"]));
    let told = entries(&rt).await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].0 == "Create" && told[0].1.contains("single impression"), "{told:?}");
    assert_eq!(told[1], ("Create".to_owned(), "day,clicks\n1,0\n".to_owned()));
    assert!(
        told[2].0 == "Comment"
            && told[2].1.starts_with("What Deskclerk found")
            && told[2].1.contains("48213 (confirmed)")
    );

    // The customer writes again; that is not mailed to him.
    let mailed = rt.mails().len();
    follow_up(&out, &ticket, "r2", "It is still down.").await;
    out.all_sent(ticket.id).await;
    let told = entries(&rt).await;
    assert!(told.len() == 4 && told[3].0 == "Comment" && told[3].1.contains("still down"), "{told:?}");
    assert!(!rt.mails()[mailed..].contains("To: jane@acme.example"), "{}", rt.mails());

    // After a crash that lost what the desk knew of it, it is found by its id, and nothing is said twice.
    out.pause().await;
    sqlx::query("DELETE FROM remote_tickets").execute(&out.stored).await.unwrap();
    sqlx::query("UPDATE outbox SET state = 'queued', due_at = 0 WHERE kind = 'ticket'")
        .execute(&out.stored)
        .await
        .unwrap();
    out.send();
    out.all_sent(ticket.id).await;
    let tickets = rt.call("GET", "tickets?query=id%3E0", None).await;
    assert_eq!(tickets["total"], 1);
    assert_eq!(entries(&rt).await.len(), 4, "{:?}", entries(&rt).await);

    // An agent answers, and resolves it.
    let answer = json!({ "Content": "Dear Jane,<br>it <b>runs</b> again.", "ContentType": "text/html" });
    rt.call("POST", "ticket/1/correspond", Some(answer)).await;
    let answers =
        until("the answer", async || Some(out.agents_answers(ticket.id).await).filter(|answers| !answers.is_empty()))
            .await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(out.ticket(ticket.id).await.status, Status::Open, "who answers works on it");
    assert!(answers[0].0 == "root" && answers[0].1.contains("it runs again"), "{answers:?}");
    rt.call("PUT", "ticket/1", Some(json!({ "Status": "resolved" }))).await;
    out.becomes(ticket.id, Status::Solved).await;
    assert_eq!(out.agents_answers(ticket.id).await.len(), 1, "once");

    // The customer is not content: it is open again there; then it is solved here.
    let again = follow_up(&out, &ticket, "r3", "No, it does not run.").await;
    assert_eq!(again.status, Status::Ready);
    out.all_sent(ticket.id).await;
    let status = async || rt.call("GET", "ticket/1", None).await["Status"].clone();
    assert_eq!(status().await, json!("open"));
    let current = out.ticket(ticket.id).await;
    out.change(&current, Change::Status(Status::Solved)).await;
    out.all_sent(ticket.id).await;
    assert_eq!(status().await, json!("resolved"));
    let last: Value = entries(&rt).await.pop().map(|(_, body)| json!(body)).unwrap();
    assert!(last.as_str().unwrap().starts_with("Changed in Deskclerk, now solved"), "{last}");
    out.close().await;
}
