//! Drafts, dead letters and endpoints by API and console: seen, released, tried again, dropped, enabled.

use deskclerk::config::endpoints::Webhook;
use deskclerk::config::settings::Mode;
use deskclerk::desk::unix_ms;
use deskclerk::store::outbox::Lane;
use serde_json::json;

use super::TestDesk;
use super::console::Browser;

/// A desk with two dead letters for a disabled webhook.
async fn desk() -> (TestDesk, Vec<String>) {
    let desk = TestDesk::with(|config| {
        config.webhook = vec![Webhook {
            name: "crm".into(),
            url: "https://crm.example/".into(),
            secret_files: vec!["none".into()],
            events: vec![],
            connections: 1,
        }];
    })
    .await;
    desk.mail("From: jane@acme.example\nTo: support@desk.example\nSubject: help\nMessage-ID: <o1@acme.example>\n\nIt does not run.\n")
        .await;
    let store = &desk.desk.store;
    let claimed = store.claim_lane(&Lane::Webhook("crm".into()), unix_ms(), 60_000, 10).await.unwrap();
    for row in &claimed {
        desk.desk.bury(row, "answers 410", unix_ms()).await.unwrap();
    }
    store.disable_endpoint("crm", "answers 410", unix_ms()).await.unwrap();
    (desk, claimed.into_iter().map(|row| row.id).collect())
}

#[tokio::test]
async fn dead_letters_are_tried_again_and_dropped() {
    let (desk, ids) = desk().await;
    assert!(ids.len() >= 2, "{ids:?}");
    let bearer = format!("Bearer {}", desk.token);
    let call = async |method: &str, path: &str| {
        let answer = desk.send(method, path, &[("Authorization", bearer.as_str())], b"").await;
        (answer.status, serde_json::from_str::<serde_json::Value>(&answer.text()).unwrap_or_default())
    };
    let (status, listed) = call("GET", "/v1/outbox?state=dead&to=crm").await;
    assert_eq!((status, listed["outbox"].as_array().unwrap().len()), (200, ids.len()));
    assert_eq!(listed["outbox"][0]["last_error"], "answers 410");
    assert_eq!(call("GET", "/v1/outbox?state=lost").await.0, 400);
    assert_eq!(call("GET", "/v1/outbox?limit=0").await.0, 400);
    let (status, row) = call("POST", &format!("/v1/outbox/{}/retry", ids[0])).await;
    assert_eq!((status, &row["state"], &row["attempts"]), (200, &json!("queued"), &json!(0)));
    let (status, row) = call("POST", &format!("/v1/outbox/{}/drop", ids[1])).await;
    assert_eq!((status, &row["state"]), (200, &json!("dropped")));
    assert_eq!(call("POST", &format!("/v1/outbox/{}/retry", ids[1])).await.0, 409);
    assert_eq!(call("POST", "/v1/outbox/none/drop").await.0, 404);
    let (_, endpoints) = call("GET", "/v1/endpoints").await;
    let crm = &endpoints["endpoints"][0];
    assert_eq!((&crm["state"], &crm["because"]), (&json!("disabled"), &json!("answers 410")));
    assert_eq!(call("POST", "/v1/endpoints/crm/enable").await, (200, json!({ "name": "crm", "enabled": true })));
    assert_eq!(call("POST", "/v1/endpoints/none/enable").await.0, 404);
    assert_eq!(call("GET", "/v1/endpoints").await.1["endpoints"][0]["state"], "well");
    assert_eq!(desk.send("GET", "/v1/outbox", &[], b"").await.status, 401);
}

#[tokio::test]
async fn drafts_are_read_released_and_discarded() {
    let desk = TestDesk::with(|config| config.replies.mode = Mode::Draft).await;
    for name in ["jane", "joe"] {
        desk.mail(&format!(
            "From: {name}@acme.example\nTo: support@desk.example\nSubject: Clicks are not tracked\n\
             Message-ID: <{name}@acme.example>\n\nHello,\n\nthe clicks of our campaign are not tracked.\n"
        ))
        .await;
    }
    let bearer = format!("Bearer {}", desk.token);
    let call = async |method: &str, path: &str| {
        let answer = desk.send(method, path, &[("Authorization", bearer.as_str())], b"").await;
        (answer.status, serde_json::from_str::<serde_json::Value>(&answer.text()).unwrap_or_default())
    };
    let (_, drafts) = call("GET", "/v1/outbox?state=draft").await;
    let id = |to: &str| {
        let row = drafts["outbox"].as_array().unwrap().iter().find(|row| row["recipient"] == to).unwrap();
        (row["id"].as_str().unwrap().to_owned(), row["ticket"].as_i64().unwrap())
    };
    let ((first, asked), (second, spared)) = (id("jane@acme.example"), id("joe@acme.example"));
    let (status, whole) = call("GET", &format!("/v1/outbox/{first}")).await;
    assert_eq!((status, &whole["state"]), (200, &json!("draft")));
    assert!(whole["text"].as_str().unwrap().contains("Campaign ID"), "{whole}");

    let (status, row) = call("POST", &format!("/v1/outbox/{first}/release")).await;
    assert_eq!((status, &row["state"]), (200, &json!("queued")));
    let (_, ticket) = call("GET", &format!("/v1/tickets/{asked}")).await;
    assert_eq!((&ticket["status"], ticket["messages"].as_array().unwrap().len()), (&json!("waiting"), 2));
    let (status, problem) = call("POST", &format!("/v1/outbox/{first}/release")).await;
    assert!(status == 409 && problem["detail"].as_str().unwrap().contains("it is no draft"), "{problem}");

    let (status, row) = call("POST", &format!("/v1/outbox/{second}/drop")).await;
    assert_eq!((status, &row["state"]), (200, &json!("dropped")));
    let ticket = desk.desk.store.ticket(spared).await.unwrap().unwrap();
    assert_eq!((ticket.status.as_str(), ticket.asked.is_empty()), ("ready", true), "nobody has been asked");
    assert_eq!(call("POST", &format!("/v1/outbox/{second}/release")).await.0, 409);
    assert_eq!(call("POST", "/v1/outbox/none/release").await.0, 404);
    assert_eq!(call("GET", "/v1/outbox/none").await.0, 404);
    let bare = desk.send("POST", &format!("/v1/outbox/{first}/release"), &[], b"").await;
    assert_eq!(bare.status, 401);
}

#[tokio::test]
async fn agents_see_them_and_decide() {
    let (desk, ids) = desk().await;
    let mut browser = Browser::signed_in(&desk).await;
    let page = browser.get("/desk/outbox").await.text();
    assert!(page.contains("Enable crm") && page.contains(&ids[0]) && page.contains("answers 410"), "{page}");
    let csrf = browser.hidden("/desk/outbox", "csrf").await;
    let refused = browser.post(&format!("/desk/outbox/{}", ids[0]), "decision=retry&csrf=guess").await;
    assert_eq!(refused.status, 403);
    for (path, form) in [
        (format!("/desk/outbox/{}", ids[0]), "decision=retry"),
        (format!("/desk/outbox/{}", ids[1]), "decision=drop"),
        ("/desk/endpoints/crm".to_owned(), "x=1"),
    ] {
        let answer = browser.post(&path, &format!("{form}&csrf={csrf}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/desk/outbox"), "{path}: {}", answer.text());
    }
    let page = browser.get("/desk/outbox").await.text();
    assert!(!page.contains("Enable crm") && !page.contains(&ids[0]) && !page.contains(&ids[1]), "{page}");
}
