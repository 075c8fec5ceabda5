//! Quarantine by API and console: who may, what is shown, what becomes of it, and that it is kept who did so.

use std::time::Duration;

use deskclerk::desk::unix_ms;
use deskclerk::store::submissions::{Envelope, Kind as Sort, New, Outcome};
use serde_json::Value;

use super::TestDesk;
use super::console::Browser;

/// Takes in a mail that is nested too deeply, and waits until it is in quarantine.
async fn quarantined(desk: &TestDesk, subject: &str) -> String {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(60);
    let new = New {
        source: "lmtp".into(),
        source_key: None,
        kind: Sort::Mail,
        raw: format!("From: odd@c.example\r\nSubject: {subject}\r\n{nested}").into_bytes(),
        envelope: Envelope { from: Some("odd@c.example".into()), ..Envelope::default() },
        answerable: true,
        received_at: unix_ms(),
    };
    let id = desk.desk.accept(new).await.unwrap().id;
    settled(desk, &id, Outcome::Quarantined).await;
    id
}

async fn settled(desk: &TestDesk, id: &str, outcome: Outcome) {
    let wait = async {
        while desk.desk.store.submission(id).await.unwrap().unwrap().outcome != Some(outcome) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("settled in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_lists_shows_replays_and_drops() {
    let desk = TestDesk::start().await;
    let ids = [quarantined(&desk, "one").await, quarantined(&desk, "two").await, quarantined(&desk, "three").await];
    desk.send("GET", "/v1/quarantine", &[], b"").await.problem(401);

    let first = desk.api("GET", "/v1/quarantine?limit=2", Value::Null).await.json();
    let listed = |page: &Value| -> Vec<String> {
        page["submissions"].as_array().unwrap().iter().map(|kept| kept["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&first), [ids[2].clone(), ids[1].clone()]);
    let next = first["next"].as_str().unwrap();
    let second = desk.api("GET", &format!("/v1/quarantine?limit=2&cursor={next}"), Value::Null).await.json();
    assert_eq!((listed(&second), &second["next"]), (vec![ids[0].clone()], &Value::Null));
    for path in ["/v1/quarantine", "/v1/tickets", "/v1/outbox", "/v1/audit"] {
        for limit in [0, 100_000] {
            desk.api("GET", &format!("{path}?limit={limit}"), Value::Null).await.problem(400);
        }
    }

    let one = desk.api("GET", &format!("/v1/quarantine/{}", ids[0]), Value::Null).await.json();
    assert_eq!((&one["headers"]["subject"], &one["envelope"]["from"]), (&"one".into(), &"odd@c.example".into()));
    assert!(one["because"].as_str().unwrap().contains("bound"), "{one}");
    let raw = desk.api("GET", &format!("/v1/quarantine/{}/raw", ids[0]), Value::Null).await;
    assert!(raw.text().starts_with("From: odd@c.example") && raw.header("content-type").contains("octet-stream"));

    let replayed = desk.api("POST", &format!("/v1/quarantine/{}/replay", ids[0]), Value::Null).await;
    assert_eq!(replayed.status, 202, "{}", replayed.text());
    settled(&desk, &ids[0], Outcome::Quarantined).await;
    let dropped = desk.api("POST", &format!("/v1/quarantine/{}/drop?because=a+scanner", ids[1]), Value::Null).await;
    assert_eq!(dropped.status, 204, "{}", dropped.text());
    let stored = desk.desk.store.submission(&ids[1]).await.unwrap().unwrap();
    assert_eq!((stored.outcome, stored.because.as_deref()), (Some(Outcome::Rejected), Some("a scanner")));
    for (what, status) in [("replay", 404), ("drop", 409)] {
        desk.api("POST", &format!("/v1/quarantine/{}/{what}", ids[1]), Value::Null).await.problem(status);
        desk.api("POST", &format!("/v1/quarantine/none/{what}"), Value::Null).await.problem(404);
    }

    let acts = desk.api("GET", "/v1/audit?actor=agent:ann", Value::Null).await.json();
    let done: Vec<&str> = acts["acts"].as_array().unwrap().iter().map(|act| act["what"].as_str().unwrap()).collect();
    assert_eq!(done, ["dropped", "replayed"], "{acts}");
    desk.api("GET", "/v1/audit?since=yesterday", Value::Null).await.problem(400);
    desk.send("GET", "/v1/audit", &[], b"").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_decide_in_the_console() {
    let desk = TestDesk::start().await;
    let (again, gone) = (quarantined(&desk, "again").await, quarantined(&desk, "gone").await);
    let mut browser = Browser::signed_in(&desk).await;
    let page = browser.get("/desk/quarantine").await.text();
    assert!(page.contains("Try again") && page.contains(&format!("/desk/quarantine/{again}")), "{page}");
    let forged = browser.post(&format!("/desk/quarantine/{gone}"), "decision=drop").await;
    assert_eq!(forged.status, 403);
    let csrf = browser.hidden("/desk/quarantine", "csrf").await;
    for (id, decision) in [(&again, "replay"), (&gone, "drop")] {
        let answer = browser.post(&format!("/desk/quarantine/{id}"), &format!("csrf={csrf}&decision={decision}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/desk/quarantine"), "{}", answer.text());
    }
    settled(&desk, &again, Outcome::Quarantined).await;
    settled(&desk, &gone, Outcome::Rejected).await;
    let acts = desk.desk.store.acts(0, Some("agent:ann"), 10).await.unwrap();
    assert_eq!(acts.iter().map(|act| act.what.as_str()).collect::<Vec<_>>(), ["dropped", "replayed"]);
    // Its original is still to be had; once erased, the page says so.
    let original = format!("/desk/submissions/{gone}/raw");
    assert_eq!(browser.get(&original).await.status, 200);
    let trace = deskclerk::store::erase::Trace::Hash;
    desk.desk.store.erase_originals(std::slice::from_ref(&gone), trace, unix_ms()).await.unwrap();
    let page = browser.get(&original).await;
    assert!(page.status == 404 && page.text().contains("was erased"), "{}", page.text());
}
