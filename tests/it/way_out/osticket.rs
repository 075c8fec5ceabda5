//! osTicket, as docs.osticket.com documents its API: tickets.json creates and answers with the number, tickets.email takes
//! mails, and nothing can be asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deskclerk::config::endpoints::Vendor;
use deskclerk::desk::unix_ms;
use deskclerk::request;
use deskclerk::store::outbox::State;
use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use super::{Out, WHOLE, connector, follow_up, got, mail_with_file, serve};
use crate::harness::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_created_and_its_customers_mails_follow() {
    let server = MockServer::start().await;
    let lose = Arc::new(AtomicBool::new(true));
    let losing = lose.clone();
    serve(&server, "POST", "/api/tickets.json", move |_| match losing.load(Ordering::Relaxed) {
        true => ResponseTemplate::new(504),
        false => ResponseTemplate::new(201).set_body_string("904175"),
    })
    .await;
    serve(&server, "POST", "/api/tickets.email", |_| ResponseTemplate::new(201).set_body_string("904175")).await;
    let url = server.uri();
    let mut out = Out::open(|config, folder| {
        let mut osticket = connector(Vendor::Osticket, &url, folder);
        osticket.groups.insert("not-running".into(), "12".into());
        osticket.campaign_field = "campaign".into();
        config.connector = vec![osticket];
        config.attachments.refused = vec![".exe".into()];
    })
    .await;
    let dropped = "--b\r\nContent-Disposition: attachment; filename=x.exe\r\n\r\nMZ\r\n--b--";
    let ticket = out.take(&mail_with_file("o1", WHOLE).replace("--b--", dropped)).await;
    out.send();
    // Nobody can tell whether it was created: a person looks, nothing is created twice behind his back.
    let dead =
        until("a dead letter", async || out.rows(ticket.id).await.into_iter().find(|row| row.state == State::Dead))
            .await;
    assert!(dead.last_error.unwrap().contains("look for deskclerk-1 there"));
    lose.store(false, Ordering::Relaxed);
    out.desk.retry_outgoing(&dead.id, "operator", unix_ms()).await.unwrap();
    out.desk.outbox_wake.notify_one();
    out.all_sent(ticket.id).await;
    let made = got(&server, "POST", "/api/tickets.json").await;
    assert_eq!(made.len(), 2);
    let made = &made[1];
    assert_eq!((&made["email"], &made["name"]), (&json!("jane@acme.example"), &json!("Jane Roe")));
    assert_eq!(made["subject"], "not running [deskclerk-1]");
    assert_eq!((&made["topicId"], &made["priority"], &made["campaign"]), (&json!("12"), &json!("2"), &json!("48213")));
    assert_eq!((&made["alert"], &made["autorespond"]), (&json!(true), &json!(false)));
    assert!(made["message"].as_str().unwrap().starts_with("data:text/plain;charset=utf-8,Campaign ID 48213"));
    assert!(made["message"].as_str().unwrap().contains("[Files that stayed in Deskclerk: x.exe (2 bytes)]"));
    assert_eq!(made["attachments"], json!([{ "report.csv": "data:text/csv;base64,ZGF5LGNsaWNrcwoxLDAK" }]));

    follow_up(&out, &ticket, "o2", "Noch immer nichts: ä.").await;
    out.all_sent(ticket.id).await;
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| request.headers["x-api-key"] == "k3y-of-the-desk"));
    let mails: Vec<_> = requests.iter().filter(|request| request.url.path() == "/api/tickets.email").collect();
    assert_eq!(mails.len(), 1);
    let read = request::mail::read(&mails[0].body, &out.desk.setting()).unwrap();
    assert_eq!(read.from.address, "jane@acme.example");
    assert_eq!(read.subject, "Re: not running [#904175]");
    assert!(read.text.contains("Noch immer nichts: ä."), "{}", read.text);
    assert!(read.message_id.unwrap().ends_with(".deskclerk-1@deskclerk.invalid"));
    out.close().await;
}
