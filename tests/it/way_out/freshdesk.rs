//! Freshdesk, as developers.freshdesk.com/api (v2) documents it: tickets by e-mail with tags, forms with files, notes,
//! conversations.

use deskclerk::config::endpoints::Vendor;
use deskclerk::ticket::Status;
use deskclerk::ticket::change::Change;
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use super::{Held, Out, WHOLE, asked, connector, follow_up, got, json_of, mail_with_file, serve};

async fn freshdesk() -> (MockServer, Held) {
    let server = MockServer::start().await;
    let held = Held::default();
    let kept = held.clone();
    serve(&server, "GET", "/api/v2/tickets", move |request| match kept.ticket() {
        // The contact is made with the first ticket.
        None => ResponseTemplate::new(400).set_body_json(json!({
            "description": "Validation failed",
            "errors": [{ "field": "email", "message": "There is no contact matching the given email", "code": "invalid_value" }]
        })),
        Some(ticket) => {
            assert_eq!(asked(request, "email"), "jane@acme.example");
            ResponseTemplate::new(200).set_body_json(json!([{ "id": 5, "tags": ["deskclerk-10"] }, ticket]))
        }
    })
    .await;
    let kept = held.clone();
    serve(&server, "POST", "/api/v2/tickets", move |_| {
        let ticket = json!({
            "id": 30, "status": 2, "priority": 2, "requester_id": 129, "tags": ["deskclerk", "deskclerk-1"],
            "updated_at": "2026-11-20T09:00:00Z", "description_text": "a customer's words"
        });
        kept.keep(ticket.clone());
        ResponseTemplate::new(201).set_body_json(ticket)
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v2/tickets/30", move |_| ResponseTemplate::new(200).set_body_json(kept.ticket())).await;
    let kept = held.clone();
    serve(&server, "PUT", "/api/v2/tickets/30", move |request| {
        for field in ["status", "priority"] {
            if let Some(value) = json_of(request).get(field) {
                kept.set(field, value.clone());
            }
        }
        ResponseTemplate::new(200).set_body_json(kept.ticket())
    })
    .await;
    let kept = held.clone();
    serve(&server, "POST", "/api/v2/tickets/30/notes", move |request| {
        let note = json_of(request);
        let entry = json!({
            "id": 100 + kept.entries().len(), "body": note["body"], "body_text": note["body"], "private": note["private"],
            "incoming": note.get("incoming").unwrap_or(&json!(false)), "user_id": note.get("user_id").unwrap_or(&json!(1)),
            "ticket_id": 30, "source": 2, "attachments": []
        });
        kept.add(entry.clone());
        ResponseTemplate::new(201).set_body_json(entry)
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v2/tickets/30/conversations", move |_| {
        ResponseTemplate::new(200).set_body_json(kept.entries())
    })
    .await;
    (server, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_goes_over_with_its_file_and_answers_come_back() {
    let (server, held) = freshdesk().await;
    let url = server.uri();
    let mut out = Out::open(|config, folder| {
        let mut freshdesk = connector(Vendor::Freshdesk, &url, folder);
        freshdesk.campaign_field = "cf_campaign".into();
        freshdesk.group = "4711".into();
        config.connector = vec![freshdesk];
    })
    .await;
    let ticket = out.take(&mail_with_file("f1", WHOLE)).await;
    out.send();
    out.all_sent(ticket.id).await;
    let requests = server.received_requests().await.unwrap();
    // k3y-of-the-desk:X
    assert!(requests.iter().all(|request| request.headers["authorization"] == "Basic azN5LW9mLXRoZS1kZXNrOlg="));
    let creation = requests.iter().find(|request| request.method.as_str() == "POST").unwrap();
    assert!(creation.headers["content-type"].to_str().unwrap().starts_with("multipart/form-data; boundary="));
    let form = String::from_utf8(creation.body.clone()).unwrap();
    let field = |name: &str, value: &str| format!("name=\"{name}\"\r\n\r\n{value}\r\n");
    for expected in [
        field("email", "jane@acme.example"),
        field("name", "Jane Roe"),
        field("subject", "not running"),
        field("priority", "2"),
        field("status", "2"),
        field("group_id", "4711"),
        field("tags[]", "deskclerk-1"),
        field("tags[]", "campaign-48213"),
        field("custom_fields[cf_campaign]", "48213"),
        "filename=\"report.csv\"\r\nContent-Type: text/csv\r\n\r\nday,clicks\n1,0\n\r\n".to_owned(),
    ] {
        assert!(form.contains(&expected), "{expected:?} is not in\n{form}");
    }
    let note = held.entries().remove(0);
    assert_eq!(note["private"], true);
    assert!(note["body"].as_str().unwrap().contains("What Deskclerk found<br>"), "{note}");

    follow_up(&out, &ticket, "f2", "Still <b>nothing</b>.").await;
    out.all_sent(ticket.id).await;
    let words = held.entries().pop().unwrap();
    assert!(words["body"].as_str().unwrap().contains("Still &lt;b&gt;nothing"), "{words}");
    assert_eq!((&words["incoming"], &words["private"], &words["user_id"]), (&json!(true), &json!(false), &json!(129)));
    assert_eq!(out.ticket(ticket.id).await.status, Status::Ready, "open there is what every ticket is");

    // After a crash nothing is said twice.
    out.pause().await;
    let said = held.entries().len();
    sqlx::query("DELETE FROM remote_tickets").execute(&out.stored).await.unwrap();
    sqlx::query("UPDATE outbox SET state = 'queued', due_at = 0 WHERE kind = 'ticket'")
        .execute(&out.stored)
        .await
        .unwrap();
    held.set("description_text", json!(form));
    out.send();
    out.all_sent(ticket.id).await;
    assert_eq!(got(&server, "POST", "/api/v2/tickets").await.len(), 1);
    assert_eq!(held.entries().len(), said);

    let reply = |id: u64, body: &str, private: bool, incoming: bool| -> Value {
        json!({
            "id": id, "body": format!("<div>{body}</div>"), "body_text": body, "private": private, "incoming": incoming,
            "user_id": 77, "support_email": "help@acme.freshdesk.example", "ticket_id": 30, "source": 0, "attachments": []
        })
    };
    held.add(reply(500, "Dear Jane, we look into it.", false, false));
    held.add(reply(501, "for us alone", true, false));
    held.add(reply(502, "thanks", false, true));
    held.set("status", json!(4));
    held.set("updated_at", json!("2026-11-20T10:00:00Z"));
    let solved = out.becomes(ticket.id, Status::Solved).await;
    let expected = ("help@acme.freshdesk.example".to_owned(), "Dear Jane, we look into it.".to_owned());
    assert_eq!(out.agents_answers(ticket.id).await, [expected]);
    out.change(&solved, Change::Priority("urgent".into())).await;
    out.all_sent(ticket.id).await;
    assert_eq!(held.ticket().unwrap()["priority"], 4);
    out.close().await;
}
