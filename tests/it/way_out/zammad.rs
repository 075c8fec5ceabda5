//! Zammad, as docs.zammad.org documents its REST API: tickets with an article, search with tags, articles by ticket; and the
//! hint that a trigger's webhook gives.

use axum::body::Body;
use axum::http::Request;
use deskclerk::config::endpoints::Vendor;
use deskclerk::intake;
use deskclerk::ticket::Status;
use deskclerk::ticket::change::Change;
use serde_json::{Value, json};
use tower::ServiceExt;
use wiremock::{MockServer, ResponseTemplate};

use super::{Held, Out, VAGUE, WHOLE, asked, connector, follow_up, got, json_of, mail, mail_with_file, serve};

async fn zammad() -> (MockServer, Held) {
    let server = MockServer::start().await;
    let held = Held::default();
    let kept = held.clone();
    serve(&server, "GET", "/api/v1/tickets/search", move |request| {
        assert_eq!(asked(request, "expand"), "true");
        // Like the real one it finds more than was meant.
        let found = kept.ticket().into_iter().chain([json!({ "id": 2, "title": "deskclerk-10 deskclerk-1x" })]);
        ResponseTemplate::new(200).set_body_json(found.collect::<Vec<Value>>())
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v1/tags", move |request| {
        let tags = match asked(request, "o_id").as_str() {
            "19" => kept.ticket().unwrap()["tags"].as_str().unwrap().split(',').map(str::to_owned).collect(),
            _ => vec!["deskclerk-10".to_owned()],
        };
        ResponseTemplate::new(200).set_body_json(json!({ "tags": tags }))
    })
    .await;
    let kept = held.clone();
    serve(&server, "POST", "/api/v1/tickets", move |request| {
        let mut ticket = json_of(request);
        ticket["id"] = json!(19);
        ticket["number"] = json!("22019");
        ticket["state"] = json!("new");
        ticket["updated_at"] = json!("2026-11-20T09:00:00.000Z");
        let mut article = ticket["article"].clone();
        article["id"] = json!(1);
        kept.add(article);
        kept.keep(ticket.clone());
        ResponseTemplate::new(201).set_body_json(ticket)
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v1/tickets/19", move |_| ResponseTemplate::new(200).set_body_json(kept.ticket())).await;
    let kept = held.clone();
    serve(&server, "PUT", "/api/v1/tickets/19", move |request| {
        if let Some(state) = json_of(request).get("state") {
            kept.set("state", state.clone());
        }
        ResponseTemplate::new(200).set_body_json(kept.ticket())
    })
    .await;
    let kept = held.clone();
    serve(&server, "POST", "/api/v1/ticket_articles", move |request| {
        let mut article = json_of(request);
        assert_eq!(article["ticket_id"], 19);
        article["id"] = json!(1 + kept.entries().len());
        kept.add(article.clone());
        ResponseTemplate::new(201).set_body_json(article)
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v1/ticket_articles/by_ticket/19", move |_| {
        ResponseTemplate::new(200).set_body_json(kept.entries())
    })
    .await;
    (server, held)
}

/// Says that a ticket changed; the status of the answer and what it says.
async fn hint(out: &Out, authorization: &str, body: &str) -> (u16, Value) {
    let request = Request::post("/v1/connectors/hd").header("authorization", authorization);
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = intake::connector::router(out.desk.clone()).oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_found_by_its_tag_and_answers_come_by_hint() {
    let (server, held) = zammad().await;
    let url = server.uri();
    let mut out = Out::open(|config, folder| {
        let mut zammad = connector(Vendor::Zammad, &url, folder);
        zammad.poll_secs = 0;
        zammad.hook_secret_file = folder.join("hint");
        std::fs::write(&zammad.hook_secret_file, "tell-me\n").unwrap();
        zammad.groups.insert("not-running".into(), "Ad delivery".into());
        zammad.campaign_field = "campaign_id".into();
        config.connector = vec![zammad];
    })
    .await;
    // What waits for the customer stays here; with his answer all of it goes over.
    let waiting = out.take(&mail("y1", VAGUE)).await;
    assert!(out.rows(waiting.id).await.is_empty());
    let answer = mail_with_file("y2", WHOLE);
    let ticket = follow_up(&out, &waiting, "y3", "It is 48213.").await;
    out.send();
    let rows = out.all_sent(ticket.id).await;
    assert_eq!(rows.len(), 1);
    let made = got(&server, "POST", "/api/v1/tickets").await.remove(0);
    assert_eq!(made["title"], "not running [deskclerk-1]");
    assert_eq!((&made["group"], &made["priority"]), (&json!("Ad delivery"), &json!("2 normal")));
    assert_eq!((&made["customer_id"], &made["campaign_id"]), (&json!("guess:jane@acme.example"), &json!("48213")));
    assert_eq!(made["tags"], "deskclerk,not-running,campaign-48213,deskclerk-1");
    let article = &made["article"];
    assert_eq!(
        (&article["type"], &article["sender"], &article["internal"]),
        (&json!("web"), &json!("Customer"), &json!(false))
    );
    let text = article["body"].as_str().unwrap();
    assert!(text.contains("single impression") && text.contains("It is 48213."), "{text}");
    let note = held.entries().remove(1);
    assert_eq!((&note["type"], &note["internal"]), (&json!("note"), &json!(true)));
    assert!(note["body"].as_str().unwrap().starts_with("What Deskclerk found"));
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| request.headers["authorization"] == "Token token=k3y-of-the-desk"));

    // It forgets what it knew, as after a crash: the ticket is found again, and nothing is said twice.
    out.pause().await;
    sqlx::query("DELETE FROM remote_tickets").execute(&out.stored).await.unwrap();
    sqlx::query("UPDATE outbox SET state = 'queued', due_at = 0 WHERE kind = 'ticket'")
        .execute(&out.stored)
        .await
        .unwrap();
    out.send();
    out.all_sent(ticket.id).await;
    assert_eq!(got(&server, "POST", "/api/v1/tickets").await.len(), 1);
    assert_eq!(held.entries().len(), 2, "{:?}", held.entries());

    // An agent answers by mail, in HTML.
    held.add(json!({
        "id": 50, "ticket_id": 19, "type": "email", "sender": "Agent", "from": "Ad delivery <help@desk.example>",
        "internal": false, "content_type": "text/html", "body": "Dear Jane,<br>it <b>runs</b> again.",
        "created_by": "ann@desk.example", "created_at": "2026-11-20T10:00:00.000Z"
    }));
    held.set("state", json!("closed"));
    held.set("updated_at", json!("2026-11-20T10:00:00.000Z"));
    assert_eq!(hint(&out, "Bearer wrong", "{\"ticket\":{\"id\":19}}").await.0, 401);
    assert_eq!(hint(&out, "Bearer tell-me", "{}").await.0, 400);
    assert_eq!(hint(&out, "Bearer tell-me", "{\"ticket\":{\"id\":20}}").await, (202, json!({ "known": false })));
    // user:tell-me
    assert_eq!(hint(&out, "Basic dXNlcjp0ZWxsLW1l", "{\"ticket\":{\"id\":19}}").await, (202, json!({ "known": true })));
    let solved = out.becomes(ticket.id, Status::Solved).await;
    let answers = out.agents_answers(ticket.id).await;
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].0, "ann@desk.example");
    assert!(answers[0].1.contains("it runs again") && !answers[0].1.contains('<'), "{answers:?}");

    // A file of a later mail goes along; the ticket is open again there.
    let raw = answer.replace("not running", "Re: not running").replace(
        "Message-ID:",
        &format!(
            "In-Reply-To: <{}>\r\nMessage-ID:",
            out.desk.store.messages(ticket.id).await.unwrap()[0].message_id.clone().unwrap()
        ),
    );
    let token = out.desk.keys().sign(ticket.id, "jane@acme.example");
    let to = deskclerk::reply::token::plus_address("support@desk.example", &token);
    let again = out.take(&raw.replace("To: support@desk.example", &format!("To: {to}"))).await;
    assert_eq!((again.id, again.status), (solved.id, Status::Ready));
    out.all_sent(ticket.id).await;
    let last = held.entries().pop().unwrap();
    assert_eq!(
        last["attachments"],
        json!([{ "filename": "report.csv", "mime-type": "text/csv", "data": "ZGF5LGNsaWNrcwoxLDAK" }])
    );
    assert_eq!(held.ticket().unwrap()["state"], "open");
    let closed = out.change(&again, Change::Status(Status::Closed)).await;
    out.all_sent(closed.id).await;
    assert_eq!(held.ticket().unwrap()["state"], "closed");
    out.close().await;
}
