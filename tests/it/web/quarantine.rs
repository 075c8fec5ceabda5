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
    taken_in(desk, format!("From: odd@c.example\r\nSubject: {subject}\r\n{nested}"), Outcome::Quarantined).await
}

/// Takes in a mail of a person whose program marks it as automatic, and waits until it is set aside.
async fn set_aside(desk: &TestDesk, id: &str) -> String {
    let raw = format!(
        "From: Ann <ann@hollowtree.example>\r\nTo: support@desk.example\r\nMessage-ID: <{id}@hollowtree.example>\r\n\
         Subject: =?utf-8?q?=3Cb=3EKlicks=3C/b=3E_f=C3=BCr?= {id}\r\nAuto-Submitted: auto-generated\r\n\r\n\
         The report of my campaign shows no clicks since Monday although we had visitors. Can you check?\r\n"
    );
    taken_in(desk, raw, Outcome::Automated).await
}

async fn taken_in(desk: &TestDesk, raw: String, outcome: Outcome) -> String {
    let new = New {
        source: "lmtp".into(),
        source_key: None,
        kind: Sort::Mail,
        raw: raw.into_bytes(),
        envelope: Envelope { from: Some("odd@c.example".into()), ..Envelope::default() },
        answerable: true,
        received_at: unix_ms(),
    };
    let id = desk.desk.accept(new).await.unwrap().id;
    settled(desk, &id, outcome).await;
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
    desk.api("POST", &format!("/v1/quarantine/{}/drop", ids[1]), Value::Null).await.problem(409);
    for what in ["replay", "ticket", "drop"] {
        desk.api("POST", &format!("/v1/quarantine/none/{what}"), Value::Null).await.problem(404);
    }
    let dropped = desk.api("GET", "/v1/quarantine?outcome=rejected", Value::Null).await.json();
    assert_eq!(listed(&dropped), [ids[1].clone()]);
    for outcome in ["ticket", "none"] {
        desk.api("GET", &format!("/v1/quarantine?outcome={outcome}"), Value::Null).await.problem(400);
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
        let location = "/desk/quarantine?outcome=quarantined";
        assert_eq!((answer.status, answer.header("location")), (303, location), "{}", answer.text());
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

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_aside_is_seen_and_becomes_a_ticket() {
    let desk = TestDesk::start().await;
    let (first, second) = (set_aside(&desk, "one").await, set_aside(&desk, "two").await);
    // It is not in quarantine, for nobody has to decide on it.
    let page = desk.api("GET", "/v1/quarantine", Value::Null).await.json();
    assert_eq!(page["submissions"], serde_json::json!([]));
    let page = desk.api("GET", "/v1/quarantine?outcome=automated", Value::Null).await.json();
    let listed = &page["submissions"][1];
    assert_eq!((&listed["id"], &listed["outcome"]), (&first.as_str().into(), &"automated".into()), "{page}");
    assert_eq!(listed["from"], "Ann <ann@hollowtree.example>");
    assert_eq!(listed["subject"], "<b>Klicks</b> für one");
    assert!(listed["because"].as_str().unwrap().contains("Auto-Submitted"), "{page}");

    let mut browser = Browser::signed_in(&desk).await;
    let page = browser.get("/desk/quarantine?outcome=automated").await.text();
    assert!(page.contains("&lt;b&gt;Klicks&lt;&#x2f;b&gt; für two") && !page.contains("<b>Klicks"), "{page}");
    assert!(page.contains("Make a ticket") && page.contains("Auto-Submitted"), "{page}");
    let csrf = browser.hidden("/desk/quarantine?outcome=automated", "csrf").await;
    let form = format!("csrf={csrf}&decision=ticket&outcome=automated");
    let answer = browser.post(&format!("/desk/quarantine/{first}"), &form).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/desk/quarantine?outcome=automated"));
    settled(&desk, &first, Outcome::Ticket).await;
    let answer = desk.api("POST", &format!("/v1/quarantine/{second}/ticket"), Value::Null).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    settled(&desk, &second, Outcome::Ticket).await;
    desk.api("POST", &format!("/v1/quarantine/{second}/ticket"), Value::Null).await.problem(409);

    // Whoever wrote it is not asked, and why stands on the ticket; the agents have it.
    let stored = desk.desk.store.submission(&first).await.unwrap().unwrap();
    let ticket = desk.api("GET", &format!("/v1/tickets/{}", stored.ticket_id.unwrap()), Value::Null).await.json();
    assert_eq!((&ticket["status"], &ticket["missing"][0]), (&"ready".into(), &"campaign_id".into()), "{ticket}");
    assert_eq!(ticket["outbox"], serde_json::json!([]));
    assert_eq!(ticket["withheld"][0]["code"], "no_reply");
    assert_eq!(ticket["events"][0]["detail"]["made_by"], "agent:ann", "{ticket}");
    // The page says so in words, not in those of the code.
    let page = browser.get(&format!("/desk/tickets/{}", stored.ticket_id.unwrap())).await.text();
    for words in
        ["Not answered automatically: no automatic reply is wanted: ", "campaign: none stated", "missing: Campaign ID"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("as a person&#x27;s, by ann"), "{page}");
    assert!(!page.contains("no_reply") && !page.contains("template:") && !page.contains("agent:ann"), "{page}");
    let acts = desk.desk.store.acts(0, Some("agent:ann"), 10).await.unwrap();
    let done: Vec<_> = acts.iter().map(|act| (act.what.as_str(), act.about.clone())).collect();
    let expected = [&second, &first].map(|id| ("made_ticket", format!("submission {id}")));
    assert_eq!(done, expected);
}
