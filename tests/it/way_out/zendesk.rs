//! Zendesk, as developer.zendesk.com documents the Ticketing API: tickets by external id, uploads, comments, show_many.

use deskclerk::config::endpoints::{Connector, TicketEvent, Vendor, Webhook};
use deskclerk::config::settings::Hook;
use deskclerk::desk::unix_ms;
use deskclerk::store::outbox::State;
use deskclerk::ticket::Status;
use deskclerk::ticket::change::Change;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

use super::{Held, Out, WHOLE, asked, connector, follow_up, got, json_of, mail_with_file, serve};
use crate::harness::until;

/// What the documentation shows of a comment, with the fields that matter here.
fn comment(id: u64, author: u64, body: &str, public: bool) -> Value {
    json!({
        "id": id, "type": "Comment", "author_id": author, "body": body, "html_body": format!("<p>{body}</p>"),
        "plain_body": body, "public": public, "attachments": [], "audit_id": id + 7, "created_at": "2026-11-20T09:05:50Z",
        "via": { "channel": "api" }
    })
}

/// A Zendesk whose first answer to a creation gets lost.
async fn zendesk() -> (MockServer, Held) {
    let server = MockServer::start().await;
    let held = Held::default();
    let lost = std::sync::atomic::AtomicBool::new(true);
    let kept = held.clone();
    serve(&server, "GET", "/api/v2/tickets.json", move |request| {
        let same = |ticket: &Value| ticket["external_id"] == json!(asked(request, "external_id"));
        let tickets: Vec<Value> = kept.ticket().filter(same).into_iter().collect();
        ResponseTemplate::new(200)
            .set_body_json(json!({ "tickets": tickets, "next_page": null, "count": tickets.len() }))
    })
    .await;
    serve(&server, "POST", "/api/v2/uploads.json", |_| {
        let upload = json!({ "token": "6bk3gql82em5nmf", "attachment": { "id": 498483, "content_type": "text/csv" } });
        ResponseTemplate::new(201).set_body_json(json!({ "upload": upload }))
    })
    .await;
    let kept = held.clone();
    serve(&server, "POST", "/api/v2/tickets.json", move |request| {
        let mut ticket = json_of(request)["ticket"].clone();
        ticket["id"] = json!(35436);
        ticket["requester_id"] = json!(20978392);
        ticket["status"] = json!("new");
        ticket["updated_at"] = json!("2026-11-20T09:00:00Z");
        kept.add(comment(1, 20978392, ticket["comment"]["body"].as_str().unwrap(), true));
        kept.keep(ticket.clone());
        match lost.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => ResponseTemplate::new(502).set_body_string("Bad Gateway"),
            false => ResponseTemplate::new(201).set_body_json(json!({ "ticket": ticket })),
        }
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v2/tickets/35436.json", move |_| {
        ResponseTemplate::new(200).set_body_json(json!({ "ticket": kept.ticket() }))
    })
    .await;
    let kept = held.clone();
    serve(&server, "PUT", "/api/v2/tickets/35436.json", move |request| {
        let change = json_of(request)["ticket"].clone();
        if let Some(added) = change.get("comment") {
            let author = added["author_id"].as_u64().unwrap_or(1);
            let id = 10 + kept.entries().len() as u64;
            kept.add(comment(id, author, added["body"].as_str().unwrap(), added["public"].as_bool().unwrap()));
        }
        if let Some(status) = change.get("status") {
            kept.set("status", status.clone());
        }
        ResponseTemplate::new(200).set_body_json(json!({ "ticket": kept.ticket(), "audit": { "id": 652005066 } }))
    })
    .await;
    serve(&server, "PUT", "/api/v2/tickets/35436/tags.json", |request| {
        ResponseTemplate::new(200).set_body_json(json!({ "tags": json_of(request)["tags"] }))
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v2/tickets/35436/comments.json", move |_| {
        let mut comments = kept.entries();
        comments.reverse();
        let users = json!([
            { "id": 20978392, "name": "Jane Roe", "email": "jane@acme.example", "role": "end-user" },
            { "id": 1, "name": "Deskclerk", "email": "bot@desk.example", "role": "admin" },
            { "id": 77, "name": "Ann Agent", "email": "ann@desk.example", "role": "agent" },
        ]);
        ResponseTemplate::new(200).set_body_json(json!({ "comments": comments, "users": users, "next_page": null }))
    })
    .await;
    let kept = held.clone();
    serve(&server, "GET", "/api/v2/tickets/show_many.json", move |request| {
        assert_eq!(asked(request, "ids"), "35436");
        ResponseTemplate::new(200).set_body_json(json!({ "tickets": [kept.ticket()], "count": 1 }))
    })
    .await;
    (server, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_created_once_kept_up_to_date_and_answered() {
    let (server, held) = zendesk().await;
    let url = server.uri();
    let mut out = Out::open(|config, folder| {
        let mut zendesk = connector(Vendor::Zendesk, &url, folder);
        zendesk.user = "bot@desk.example".into();
        zendesk.campaign_field = "360001".into();
        zendesk.group = "98738".into();
        zendesk.types.insert("not-running".into(), "incident".into());
        config.connector = vec![zendesk];
        let events = vec![TicketEvent::Answered, TicketEvent::Closed];
        let (name, url) = ("crm".to_owned(), "https://crm.invalid/".to_owned());
        config.webhook = vec![Webhook { name, url, secret_files: vec![folder.join("none")], events, connections: 1 }];
    })
    .await;
    let ticket = out.take(&mail_with_file("z1", WHOLE)).await;
    out.send();
    let tried =
        until("the lost answer", async || out.rows(ticket.id).await.into_iter().find(|row| row.attempts == 1)).await;
    assert!(tried.last_error.unwrap().starts_with("unknown outcome: answers 502"));
    out.hurry().await;
    out.all_sent(ticket.id).await;
    let made = got(&server, "POST", "/api/v2/tickets.json").await;
    assert_eq!(made.len(), 1, "it was found, not created again");
    let made = &made[0]["ticket"];
    assert_eq!(made["external_id"], "deskclerk-1");
    assert_eq!(made["requester"], json!({ "name": "Jane Roe", "email": "jane@acme.example" }));
    assert_eq!(
        (&made["priority"], &made["type"], &made["group_id"]),
        (&json!("normal"), &json!("incident"), &json!(98738))
    );
    assert_eq!(made["custom_fields"], json!([{ "id": 360001, "value": "48213" }]));
    assert_eq!(made["tags"], json!(["deskclerk", "not-running", "campaign-48213"]));
    assert_eq!(made["comment"]["uploads"], json!(["6bk3gql82em5nmf"]));
    let requests = server.received_requests().await.unwrap();
    let find = |path: &str| requests.iter().find(|request| request.url.path() == path).unwrap();
    assert_eq!(find("/api/v2/uploads.json").body, b"day,clicks\n1,0\n");
    let creation = requests
        .iter()
        .find(|request| request.method.as_str() == "POST" && request.url.path() == "/api/v2/tickets.json");
    assert_eq!(creation.unwrap().headers["idempotency-key"], "deskclerk-1");
    // bot@desk.example/token:k3y-of-the-desk
    let basic = "Basic Ym90QGRlc2suZXhhbXBsZS90b2tlbjprM3ktb2YtdGhlLWRlc2s=";
    assert!(requests.iter().all(|request| request.headers["authorization"] == basic));
    let entries = held.entries();
    assert_eq!(entries.len(), 2, "the customer's words and one note: {entries:?}");
    assert!(entries[0]["body"].as_str().unwrap().contains("single impression"));
    let note = entries[1]["body"].as_str().unwrap();
    assert!(note.contains("Campaign:  48213 (confirmed)") && note.contains("/desk/tickets/1"), "{note}");
    assert_eq!(entries[1]["public"], false);

    // The customer writes again: his words, as his.
    follow_up(&out, &ticket, "z2", "It is still down.").await;
    out.all_sent(ticket.id).await;
    let last = held.entries().pop().unwrap();
    assert!(last["body"].as_str().unwrap().contains("still down"), "{last}");
    assert_eq!((&last["author_id"], &last["public"]), (&json!(20978392), &json!(true)));
    assert_eq!(held.ticket().unwrap()["status"], "open");

    // Agents answer there; a note of theirs stays theirs.
    held.add(comment(900, 77, "internal: ask the ad server", false));
    held.add(comment(901, 77, "Dear Jane, we restarted it.", true));
    held.set("status", json!("pending"));
    held.set("updated_at", json!("2026-11-20T10:00:00Z"));
    out.becomes(ticket.id, Status::Open).await;
    let answered = ("ann@desk.example".to_owned(), "Dear Jane, we restarted it.".to_owned());
    assert_eq!(out.agents_answers(ticket.id).await, std::slice::from_ref(&answered));
    held.set("status", json!("solved"));
    held.set("updated_at", json!("2026-11-20T11:00:00Z"));
    let solved = out.becomes(ticket.id, Status::Solved).await;
    assert_eq!(out.agents_answers(ticket.id).await, [answered], "once");
    let events = out.desk.store.events(ticket.id).await.unwrap();
    assert_eq!(events.last().unwrap().actor, "connector:hd");
    let rows = out.rows(ticket.id).await;
    let (own, told): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.recipient == "hd");
    assert_eq!(own.len(), 2, "what it said itself it is not told");
    let told: Vec<Value> = told.iter().map(|row| serde_json::from_str(&row.payload.text).unwrap()).collect();
    let words: Vec<_> = told.iter().map(|told| (&told["type"], &told["data"]["message"]["by"])).collect();
    let answered = json!("ticket.answered");
    let expected =
        [(&answered, &json!("customer")), (&answered, &json!("agent")), (&json!("ticket.closed"), &Value::Null)];
    assert_eq!(words, expected, "others are told what agents answered");
    assert_eq!(told[1]["data"]["message"]["text"], "Dear Jane, we restarted it.");

    // What an agent does here is done there.
    let high = out.change(&solved, Change::Priority("high".into())).await;
    let done = out.all_sent(high.id).await;
    assert!(done.iter().all(|row| row.state == State::Sent));
    let changes = got(&server, "PUT", "/api/v2/tickets/35436.json").await;
    assert_eq!(changes.last().unwrap()["ticket"]["priority"], "high");
    out.close().await;
}

/// From now on the ticket is closed: it refuses every change, as the documentation of follow-ups has it, and a follow-up of it
/// can be made, whose first creation is answered by a lost connection. Gives what the follow-up holds.
async fn closed(server: &MockServer, held: &Held) -> Held {
    held.set("status", json!("closed"));
    let refusal = json!({ "error": "RecordInvalid", "description": "Record validation errors",
        "details": { "status": [{ "description": "Status: closed prevents ticket update" }] } });
    for path in ["/api/v2/tickets/35436.json", "/api/v2/tickets/35436/tags.json"] {
        let refused = ResponseTemplate::new(422).set_body_json(&refusal);
        Mock::given(matchers::method("PUT"))
            .and(matchers::path(path))
            .respond_with(refused)
            .with_priority(1)
            .mount(server)
            .await;
    }
    let next = Held::default();
    let (old, new) = (held.clone(), next.clone());
    let both = move |request: &wiremock::Request| {
        assert_eq!(asked(request, "external_id"), "deskclerk-1");
        let tickets: Vec<Value> = old.ticket().into_iter().chain(new.ticket()).collect();
        ResponseTemplate::new(200)
            .set_body_json(json!({ "tickets": tickets, "next_page": null, "count": tickets.len() }))
    };
    let find = Mock::given(matchers::method("GET")).and(matchers::path("/api/v2/tickets.json"));
    find.respond_with(both).with_priority(1).mount(server).await;
    let (kept, lost) = (next.clone(), std::sync::atomic::AtomicBool::new(true));
    let make = move |request: &wiremock::Request| {
        let mut ticket = json_of(request)["ticket"].clone();
        assert_eq!(ticket["via_followup_source_id"], 35436);
        assert_eq!(request.headers["idempotency-key"], "deskclerk-1-after-35436");
        ticket["id"] = json!(35440);
        ticket["requester_id"] = json!(20978392);
        ticket["status"] = json!("new");
        kept.add(comment(50, 20978392, ticket["comment"]["body"].as_str().unwrap(), true));
        kept.keep(ticket.clone());
        match lost.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => ResponseTemplate::new(502),
            false => ResponseTemplate::new(201).set_body_json(json!({ "ticket": ticket })),
        }
    };
    let creation = Mock::given(matchers::method("POST")).and(matchers::path("/api/v2/tickets.json"));
    creation.respond_with(make).with_priority(1).mount(server).await;
    let kept = next.clone();
    serve(server, "GET", "/api/v2/tickets/35440.json", move |_| {
        ResponseTemplate::new(200).set_body_json(json!({ "ticket": kept.ticket() }))
    })
    .await;
    let kept = next.clone();
    serve(server, "GET", "/api/v2/tickets/35440/comments.json", move |_| {
        ResponseTemplate::new(200).set_body_json(json!({ "comments": kept.entries(), "users": [], "next_page": null }))
    })
    .await;
    serve(server, "PUT", "/api/v2/tickets/35440/tags.json", |request| {
        ResponseTemplate::new(200).set_body_json(json!({ "tags": json_of(request)["tags"] }))
    })
    .await;
    let kept = next.clone();
    serve(server, "PUT", "/api/v2/tickets/35440.json", move |request| {
        if let Some(added) = json_of(request)["ticket"].get("comment") {
            let author = added["author_id"].as_u64().unwrap_or(1);
            let id = 51 + kept.entries().len() as u64;
            kept.add(comment(id, author, added["body"].as_str().unwrap(), added["public"].as_bool().unwrap()));
        }
        ResponseTemplate::new(200).set_body_json(json!({ "ticket": kept.ticket() }))
    })
    .await;
    next
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_close_begins_one_follow_up() {
    let (server, held) = zendesk().await;
    let url = server.uri();
    let mut out = Out::open(|config, folder| {
        // Answers are not looked for here.
        config.connector = vec![Connector { poll_secs: 0, ..connector(Vendor::Zendesk, &url, folder) }];
    })
    .await;
    let ticket = out.take(&super::mail("f1", WHOLE)).await;
    out.send();
    until("the lost answer", async || out.rows(ticket.id).await.into_iter().find(|row| row.attempts == 1)).await;
    out.hurry().await;
    out.all_sent(ticket.id).await;
    let next = closed(&server, &held).await;
    // A change of ours is no reason for a follow-up, and no dead letter.
    let ticket = out.change(&out.ticket(ticket.id).await, Change::Priority("high".into())).await;
    out.all_sent(ticket.id).await;
    assert_eq!((held.entries().len(), next.ticket()), (2, None));
    follow_up(&out, &ticket, "f2", "It is down again.").await;
    until("the lost answer", async || out.rows(ticket.id).await.pop().filter(|row| row.last_error.is_some())).await;
    out.hurry().await;
    out.all_sent(ticket.id).await;
    let made = got(&server, "POST", "/api/v2/tickets.json").await;
    assert_eq!(made.iter().filter(|made| made["ticket"]["via_followup_source_id"] == 35436).count(), 1, "{made:?}");
    let entries = next.entries();
    let said = |entry: &Value, words: &str| entry["body"].as_str().unwrap().contains(words);
    assert_eq!(entries.iter().filter(|entry| said(entry, "down again")).count(), 1, "{entries:?}");
    assert_eq!(held.entries().len(), 2, "the closed one is left alone");
    // From now on the follow-up is the ticket.
    follow_up(&out, &ticket, "f3", "And still.").await;
    out.all_sent(ticket.id).await;
    assert!(said(next.entries().last().unwrap(), "And still"));
    let known = out.desk.store.remote_ticket("hd", ticket.id).await.unwrap().unwrap();
    assert_eq!(known.remote_id, "35440");
    out.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_posts_and_forms_go_over_as_those_of_mails_do() {
    let (server, _held) = zendesk().await;
    serve(&server, "GET", "/files/clicks.png", |_| {
        ResponseTemplate::new(200).set_body_raw(b"\x89PNG".to_vec(), "image/png")
    })
    .await;
    let url = server.uri();
    let mut out = Out::open(|config, folder| {
        config.connector = vec![Connector { poll_secs: 0, ..connector(Vendor::Zendesk, &url, folder) }];
        config.hook = vec![Hook { name: "leadhub".into(), ..Hook::default() }];
    })
    .await;
    let files =
        json!([{ "name": "b.txt", "type": "text/plain", "content": "aGVsbG8=" }, format!("{url}/files/clicks.png")]);
    let post = json!({ "email": "jane@acme.example", "text": WHOLE, "attachments": files });
    let ticket = out.take_post("hook:leadhub", &post).await;
    out.send();
    // It waits for what is still being fetched.
    let row = until("a try", async || out.rows(ticket.id).await.into_iter().find(|row| row.attempts == 1)).await;
    assert!(row.last_error.unwrap().contains("being fetched"));
    assert_eq!(got(&server, "POST", "/api/v2/tickets.json").await.len(), 0);
    assert_eq!(out.desk.fetch_due(unix_ms()).await.unwrap(), 1);
    out.hurry().await;
    until("the lost answer", async || out.rows(ticket.id).await.into_iter().find(|row| row.attempts == 2)).await;
    out.hurry().await;
    out.all_sent(ticket.id).await;
    let uploads = async || {
        let requests = server.received_requests().await.unwrap();
        let uploads = requests.into_iter().filter(|request| request.url.path() == "/api/v2/uploads.json");
        uploads
            .map(|request| {
                let kind = request.headers["content-type"].to_str().unwrap().to_owned();
                (asked(&request, "filename"), kind, request.body)
            })
            .collect::<Vec<_>>()
    };
    let file = |name: &str, kind: &str, body: &[u8]| (name.to_owned(), kind.to_owned(), body.to_vec());
    assert_eq!(uploads().await, [file("b.txt", "text/plain", b"hello"), file("clicks.png", "image/png", b"\x89PNG")]);
    let made = got(&server, "POST", "/api/v2/tickets.json").await;
    assert!(!made[0]["ticket"]["comment"]["body"].as_str().unwrap().contains("stayed in Deskclerk"));
    out.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_help_desk_that_asks_to_be_left_alone_is() {
    let server = MockServer::start().await;
    serve(&server, "GET", "/api/v2/tickets.json", |_| ResponseTemplate::new(429).insert_header("retry-after", "93"))
        .await;
    let url = server.uri();
    let mut out = Out::open(|config, folder| config.connector = vec![connector(Vendor::Zendesk, &url, folder)]).await;
    let ticket = out.take(&super::mail("z3", WHOLE)).await;
    out.send();
    let row = until("a try", async || out.rows(ticket.id).await.into_iter().find(|row| row.attempts == 1)).await;
    let wait = row.due_at - unix_ms();
    assert!((85_000..=93_500).contains(&wait), "{wait}");
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.headers["authorization"], "Bearer k3y-of-the-desk", "without a user it is an OAuth token");
    out.close().await;
}
