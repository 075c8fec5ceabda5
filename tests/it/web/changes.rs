//! What agents change by the API, on both engines: all or nothing, and never a ticket that contradicts itself.

use serde_json::{Value, json};

use super::console::Browser;
use super::{Answer, TestDesk};
use crate::servers::postgres;

const DIRECTORY: &str = "campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n\
                         51002,Gift Drive,Acme,acme.example\n";
const NO_ID: &str = "From: Jane <jane@acme.example>\nTo: support@desk.example\nSubject: nothing goes out\n\n\
                     Our campaign has not delivered a single impression since Saturday. Can you check why?\n";
const BILLING: &str = "From: Bob <bob@other.example>\nTo: support@desk.example\nSubject: Invoice\n\n\
                       The invoice of May was charged twice, please refund the second payment.\n";

async fn each_engine(test: impl AsyncFn(TestDesk)) {
    for url in [None, Some(postgres::database().await)] {
        let desk = TestDesk::with(|config| {
            config.teams.insert("night".into(), "night@desk.example".into());
            if let Some(url) = url {
                config.store.url = url;
            }
        })
        .await;
        desk.directory(DIRECTORY).await;
        test(desk).await;
    }
}

async fn one(desk: &TestDesk, id: i64) -> Value {
    desk.api("GET", &format!("/v1/tickets/{id}"), Value::Null).await.json()
}

/// A ticket that waits for its Campaign ID.
async fn waiting(desk: &TestDesk) -> (i64, Value) {
    let id = desk.mail(NO_ID).await;
    let ticket = one(desk, id).await;
    assert_eq!((&ticket["status"], &ticket["missing"]), (&json!("waiting"), &json!(["campaign_id"])), "{ticket}");
    (id, ticket)
}

async fn patch(desk: &TestDesk, id: i64, body: Value) -> Answer {
    desk.api("PATCH", &format!("/v1/tickets/{id}"), body).await
}

#[tokio::test]
async fn every_filter_narrows() {
    each_engine(async |desk| {
        let (asked, ticket) = waiting(&desk).await;
        let billing = desk.mail(BILLING).await;
        let other = one(&desk, billing).await;
        assert_eq!((&other["topic"], &other["status"]), (&json!("billing"), &json!("ready")), "{other}");
        patch(&desk, billing, json!({"version": 1, "campaign": "51002", "priority": "high"})).await;
        let topic = ticket["topic"].as_str().unwrap();
        for (query, expected) in [
            ("", vec![billing, asked]),
            ("missing=campaign_id", vec![asked]),
            ("missing=campaign", vec![]),
            ("missing=CAMPAIGN_ID", vec![]),
            ("missing=campaign%25id", vec![]),
            ("missing=description", vec![]),
            ("status=waiting", vec![asked]),
            ("status=waiting,ready", vec![billing, asked]),
            (&format!("topic={topic}"), vec![asked]),
            ("topic=billing", vec![billing]),
            ("campaign=51002", vec![billing]),
            ("campaign=48213", vec![]),
            ("route=billing", vec![billing]),
            ("priority=high", vec![billing]),
            ("requester=Bob@other.example", vec![billing]),
            ("requester=bob", vec![]),
            ("flag=other_account", vec![billing]),
            ("flag=other", vec![]),
            ("q=NOTHING+goes", vec![asked]),
            ("q=acme.example", vec![asked]),
            ("q=%25", vec![]),
            ("missing=campaign_id&topic=billing", vec![]),
        ] {
            let list = desk.api("GET", &format!("/v1/tickets?{query}"), Value::Null).await.json();
            let found: Vec<i64> =
                list["tickets"].as_array().unwrap().iter().map(|ticket| ticket["id"].as_i64().unwrap()).collect();
            assert_eq!(found, expected, "{query}: {list}");
        }
    })
    .await;
}

#[tokio::test]
async fn several_changes_are_one_step_or_none() {
    each_engine(async |desk| {
        let (id, before) = waiting(&desk).await;
        let refused = patch(&desk, id, json!({"version": 1, "topic": "billing", "status": "waiting"})).await;
        refused.problem(409);
        assert_eq!(one(&desk, id).await, before, "nothing was half made");
        let wrong = json!({"version": 1, "topic": "no-topic", "campaign": "1", "priority": "asap", "route": "anybody",
            "status": "open"});
        assert_eq!(patch(&desk, id, wrong).await.problem(422), ["/topic", "/campaign", "/priority", "/route"]);
        assert_eq!(one(&desk, id).await, before);
        let made = json!({"version": 1, "topic": "billing", "status": "open", "priority": "urgent", "route": "night"});
        let after = patch(&desk, id, made).await;
        assert_eq!((after.status, after.header("etag")), (200, "\"2\""), "{}", after.text());
        let after = one(&desk, id).await;
        for (field, value) in
            [("version", json!(2)), ("status", json!("open")), ("priority", json!("urgent")), ("route", json!("night"))]
        {
            assert_eq!(after[field], value, "{after}");
        }
        let told: Vec<&Value> = after["events"].as_array().unwrap().iter().map(|event| &event["what"]).collect();
        for field in ["topic", "status", "priority", "route"] {
            assert!(told.contains(&&json!(field)), "{field}: {told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn all_that_follows_from_the_topic_follows() {
    each_engine(async |desk| {
        let (id, before) = waiting(&desk).await;
        assert_eq!(patch(&desk, id, json!({"version": 1, "topic": "billing"})).await.status, 200);
        let after = one(&desk, id).await;
        assert_eq!((&after["status"], &after["missing"]), (&json!("ready"), &json!([])), "{after}");
        assert_eq!((&after["route"], &after["topic_chosen_by"]), (&json!("billing"), &json!("agent")));
        assert_eq!(after["rules"].as_str().map(str::len), Some(12));
        let rules = desk.desk.rules();
        assert_eq!(after["triage"]["topic"]["label"], rules.label("billing"));
        assert_eq!((&after["triage"]["missing"], &after["triage"]["action"]), (&json!([]), &json!("deliver")));
        // Back again: the campaign is missing as before, but agents have seen the ticket.
        let topic = before["topic"].as_str().unwrap();
        assert_eq!(patch(&desk, id, json!({"version": 2, "topic": topic})).await.status, 200);
        let back = one(&desk, id).await;
        for field in ["missing", "route", "campaign"] {
            assert_eq!(back[field], before[field], "{field}: {back}");
        }
        assert_eq!((&back["status"], &back["triage"]["topic"]["label"]), (&json!("ready"), &json!(rules.label(topic))));
    })
    .await;
}

#[tokio::test]
async fn an_agents_campaign_completes_the_ticket() {
    each_engine(async |desk| {
        let (id, _) = waiting(&desk).await;
        assert_eq!(patch(&desk, id, json!({"version": 1, "campaign": "99999"})).await.problem(422), ["/campaign"]);
        assert_eq!(patch(&desk, id, json!({"version": 1, "campaign": "48213"})).await.status, 200);
        let after = one(&desk, id).await;
        assert_eq!((&after["status"], &after["missing"]), (&json!("ready"), &json!([])), "{after}");
        assert_eq!((&after["campaign"]["status"], &after["campaign"]["id"]), (&json!("confirmed"), &json!("48213")));
        assert_eq!((&after["triage"]["missing"], &after["triage"]["campaign"]["id"]), (&json!([]), &json!("48213")));
        // It is about none after all; another topic that needs one does not overrule the agent.
        assert_eq!(patch(&desk, id, json!({"version": 2, "campaign": null})).await.status, 200);
        assert_eq!(patch(&desk, id, json!({"version": 3, "topic": "campaign-setup"})).await.status, 200);
        let after = one(&desk, id).await;
        assert_eq!((&after["campaign"]["status"], &after["campaign"]["id"]), (&json!("not_applicable"), &Value::Null));
        assert_eq!(after["missing"], json!([]), "{after}");
    })
    .await;
}

/// A mail that hands on a customer's words.
fn forward(from: &str, headers: &str) -> String {
    format!(
        "{headers}From: {from}\nTo: support@desk.example\nSubject: Fwd: nothing goes out\n\nPlease help her.\n\n\
         ---------- Forwarded message ---------\nFrom: Jane Roe <jane@acme.example>\nDate: Mon, 2 Nov 2026\n\
         Subject: nothing goes out\nTo: Tom <tom@partner.example>\n\n\
         Our campaign 48213 has not delivered a single impression since Saturday. Can you check why?\n"
    )
}

#[tokio::test]
async fn whom_a_colleague_forwarded_is_suggested_and_made_requester_by_one_act() {
    each_engine(async |desk| {
        let id = desk.mail(&forward("Tom <tom@partner.example>", "")).await;
        let before = one(&desk, id).await;
        let jane = json!({"name": "Jane Roe", "address": "jane@acme.example"});
        assert_eq!(before["requester"]["address"], "tom@partner.example");
        assert_eq!((&before["suggested_requester"], &before["forwarded_by"]), (&jane, &Value::Null), "{before}");
        for wrong in ["nobody", "support@desk.example", "night@desk.example", "a@b.example\r\nBcc: c@d.example"] {
            let refused = patch(&desk, id, json!({"version": 1, "requester": {"name": null, "address": wrong}})).await;
            assert_eq!(refused.problem(422), ["/requester/address"], "{wrong}");
        }
        assert_eq!(patch(&desk, id, json!({"version": 1, "requester": jane})).await.status, 200);
        let after = one(&desk, id).await;
        assert_eq!((&after["requester"], &after["suggested_requester"]), (&jane, &Value::Null), "{after}");
        assert_eq!(after["triage"]["campaign"]["sender_on_account"], true, "{after}");
        assert_eq!((&before["flags"], &after["flags"]), (&json!(["other_account"]), &json!([])));
        let events = after["events"].as_array().unwrap();
        let told = events.iter().find(|event| event["what"] == "requester").unwrap();
        assert_eq!(told["actor"], "agent:ann");
        assert_eq!(told["detail"], json!({"from": "tom@partner.example", "to": "jane@acme.example"}));
    })
    .await;
}

#[tokio::test]
async fn an_agents_forward_names_the_agent_and_a_forged_one_only_suggests() {
    each_engine(async |desk| {
        let id = desk.mail(&forward("Night <night@desk.example>", "")).await;
        let ticket = one(&desk, id).await;
        assert_eq!(ticket["requester"]["address"], "jane@acme.example", "{ticket}");
        assert_eq!(ticket["forwarded_by"]["address"], "night@desk.example", "{ticket}");
        assert_eq!(ticket["suggested_requester"], Value::Null);
    })
    .await;
    let desk = TestDesk::with(|config| {
        config.desk.authserv_id = "mx.desk.example".into();
        config.teams.insert("night".into(), "night@desk.example".into());
    })
    .await;
    let forged = "Authentication-Results: mx.desk.example; dmarc=fail\n";
    let id = desk.mail(&forward("Night <night@desk.example>", forged)).await;
    let ticket = one(&desk, id).await;
    assert_eq!(ticket["requester"]["address"], "night@desk.example", "{ticket}");
    assert_eq!(ticket["suggested_requester"]["address"], "jane@acme.example", "{ticket}");
}

#[tokio::test]
async fn wrong_bodies_are_pointed_at() {
    let desk = TestDesk::start().await;
    let (id, _) = waiting(&desk).await;
    for (body, pointer, told) in [
        (json!({"version": 1, "status": "foo"}), "/status", "`waiting`, `ready`, `open`, `solved`, `closed`"),
        (json!({"version": "one"}), "/version", "expected i64"),
        (json!({"version": 1, "prority": "high"}), "/prority", "`priority`"),
        (json!({"version": 1, "a/b~c": 1}), "/a~1b~0c", "unknown field"),
        (json!({"version": 1, "priority": "asap"}), "/priority", "low, normal, high, urgent"),
        (json!({"version": 1, "route": "anybody"}), "/route", "billing"),
        (json!({"status": "open"}), "/version", "If-Match"),
        (json!([1, "billing"]), "", "must be an object"),
    ] {
        let refused = patch(&desk, id, body.clone()).await;
        assert_eq!(refused.problem(422), [pointer], "{body}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(told), "{body}: {detail}");
    }
    let bearer = format!("Bearer {}", desk.token);
    let path = format!("/v1/tickets/{id}");
    for (tag, body, status) in [
        ("\"7\"", r#"{"priority":"high"}"#, 409),
        ("\"1\"", r#"{"priority":"high"}"#, 200),
        ("W/\"2\"", r#"{"priority":"low"}"#, 200),
        ("W/\"2\"", r#"{"priority":"high"}"#, 409),
        ("nonsense", r#"{"priority":"high"}"#, 422),
    ] {
        let headers =
            [("Authorization", bearer.as_str()), ("Content-Type", "application/merge-patch+json"), ("If-Match", tag)];
        let answer = desk.send("PATCH", &path, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{tag} {body}: {}", answer.text());
    }
}

#[tokio::test]
async fn two_tickets_of_one_requester_become_one() {
    each_engine(async |desk| {
        let (first, _) = waiting(&desk).await;
        let again = NO_ID.replace("Can you check why?", "It is Campaign ID 48213.");
        let second = desk.mail(&again).await;
        let other = desk.mail(BILLING).await;
        let before = one(&desk, second).await;
        assert_eq!((&before["linked_ticket"], &before["flags"][0]), (&json!(first), &json!("same_matter")), "{before}");
        let merge = async |from: i64, into: i64| {
            desk.api("POST", &format!("/v1/tickets/{from}/merge"), json!({ "into": into })).await
        };
        merge(second, second).await.problem(409);
        merge(second, other).await.problem(409);
        merge(second, 4711).await.problem(404);
        merge(4711, first).await.problem(404);
        desk.api("POST", &format!("/v1/tickets/{second}/merge"), json!({})).await.problem(422);
        assert_eq!(one(&desk, second).await, before, "nothing was half made");

        let mut browser = Browser::signed_in(&desk).await;
        let page = browser.get(&format!("/desk/tickets/{second}")).await.text();
        assert!(page.contains(&format!("Merge into #{first}")), "{page}");
        let csrf = browser.hidden(&format!("/desk/tickets/{second}"), "csrf").await;
        let answer = browser.post(&format!("/desk/tickets/{second}/merge"), &format!("csrf={csrf}&into={first}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, format!("/desk/tickets/{first}").as_str()));

        let gone = one(&desk, second).await;
        assert_eq!((&gone["status"], &gone["messages"]), (&json!("closed"), &json!([])), "{gone}");
        assert_eq!((&gone["flags"], &gone["linked_ticket"]), (&json!(["merged"]), &json!(first)), "{gone}");
        let kept = one(&desk, first).await;
        assert_eq!((&kept["status"], &kept["campaign"]["id"]), (&json!("ready"), &json!("48213")), "{kept}");
        assert_eq!((&kept["missing"], kept["messages"].as_array().unwrap().len()), (&json!([]), 2), "{kept}"); // the question had not left the desk
        let page = browser.get(&format!("/desk/tickets/{second}")).await.text();
        assert!(page.contains("merged into") && !page.contains("Merge into") && !page.contains("Take it"), "{page}");
        patch(&desk, second, json!({"version": 2, "status": "ready"})).await.problem(409);
        merge(second, first).await.problem(409);
        merge(other, second).await.problem(409);
        let acts = desk.desk.store.acts(0, Some("agent:ann"), 10).await.unwrap();
        let done: Vec<_> = acts.iter().map(|act| (act.what.as_str(), act.about.as_str())).collect();
        let (first, second) = (format!("ticket {first}"), format!("ticket {second}"));
        assert_eq!(done, [("merged", first.as_str()), ("merged_into", second.as_str())]);
    })
    .await;
}
