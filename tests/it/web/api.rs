//! Webhooks, the form and the API: what is taken, what is refused, and how that is told.

use std::sync::Arc;

use deskclerk::intake::signature::Secret;
use deskclerk::intake::webhook;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answer, SECRETS, TestDesk, now_secs};

const DIRECTORY: &str = "campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n\
                         48214,Spring Launch 2,Acme,acme.example\n";

fn body(text: &str) -> Vec<u8> {
    json!({"email": "jane@acme.example", "name": "Jane", "subject": "Clicks", "text": text, "campaign_id": "48213"})
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn a_signed_post_is_stored_and_told_apart_from_its_replays() {
    let desk = TestDesk::start().await;
    let first = desk.post("", "msg_1", &body("no clicks since Monday")).await;
    assert_eq!(first.status, 202, "{}", first.text());
    let submission = first.json()["submission"].as_str().unwrap().to_owned();
    assert!(first.json()["status_url"].as_str().unwrap().ends_with(&format!("/v1/submissions/{submission}")));
    let again = desk.post("", "msg_1", &body("no clicks since Monday")).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.json()["submission"], submission.as_str());
    desk.post("", "msg_1", &body("something else")).await.problem(409);
    desk.send("GET", "/v1/submissions/0192f0c4-0000-7000-8000-000000000000", &[], b"").await.problem(404);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_submission() {
    let desk = Arc::new(TestDesk::start().await);
    let posts = (0..100).map(|_| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.post("", "msg_same", &body("once")).await })
    });
    let mut submissions = std::collections::HashSet::new();
    let mut accepted = 0;
    for post in posts.collect::<Vec<_>>() {
        let answer = post.await.unwrap();
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
        accepted += usize::from(answer.status == 202);
        submissions.insert(answer.json()["submission"].as_str().unwrap().to_owned());
    }
    assert_eq!((accepted, submissions.len()), (1, 1));
}

#[tokio::test]
async fn signatures_are_verified_before_anything_else() {
    let desk = TestDesk::start().await;
    let now = now_secs();
    assert_eq!(desk.signed("", "rotated", now, SECRETS[1], &body("x")).await.status, 202);
    desk.signed("", "stale", now - 301, SECRETS[0], &body("x")).await.problem(401);
    desk.signed("", "early", now + 302, SECRETS[0], &body("x")).await.problem(401);
    desk.signed("", "wrong", now, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &body("x")).await.problem(401);
    desk.send("POST", "/v1/hooks/leadhub", &[("Content-Type", "application/json")], b"{}").await.problem(401);
    desk.send("POST", "/v1/hooks/nobody", &[("Content-Type", "application/json")], b"{}").await.problem(404);
    desk.send("GET", "/v1/hooks/leadhub", &[], b"").await.problem(405);
    // A rotation: the old file holds another secret now.
    std::fs::write(desk.folder.path().join("secret-0"), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let hooks = webhook::Hooks::open(&desk.desk.config).unwrap();
    std::fs::write(desk.folder.path().join("secret-0"), "short").unwrap();
    assert!(hooks.reload(&desk.desk.config).is_err());
}

#[tokio::test]
async fn wrong_bodies_are_told_apart() {
    let desk = TestDesk::with(|config| config.http.body_limit_bytes = 64 * 1024).await;
    desk.post("", "no-json", b"{\"email\":").await.problem(422);
    desk.post("", "nan", br#"{"email": NaN}"#).await.problem(422);
    desk.post("", "surrogate", br#"{"email": "\ud800"}"#).await.problem(422);
    desk.post("", "deep", &[b"[".repeat(20_000), b"]".repeat(20_000)].concat()).await.problem(422);
    assert_eq!(desk.post("", "empty", b"{}").await.problem(422), ["/email", "/text"]);
    let wrong = json!({"requester": {"email": "no one"}, "text": "x"}).to_string();
    assert_eq!(desk.post("", "email", wrong.as_bytes()).await.problem(422), ["/requester/email"]);
    desk.post("", "large", &body(&"x".repeat(70_000))).await.problem(413);
    desk.post("?wait=soon", "wait", &body("x")).await.problem(400);
    let signature = Secret::parse(SECRETS[0]).unwrap().sign("plain", now_secs(), b"hello");
    let at = now_secs().to_string();
    let headers = [
        ("Content-Type", "text/plain"),
        ("webhook-id", "plain"),
        ("webhook-timestamp", &at),
        ("webhook-signature", &signature),
    ];
    desk.send("POST", "/v1/hooks/leadhub", &headers, b"hello").await.problem(415);
}

#[tokio::test]
async fn the_api_wants_a_token_and_takes_a_directory() {
    let desk = TestDesk::start().await;
    desk.send("GET", "/v1/tickets", &[], b"").await.problem(401);
    desk.send("GET", "/v1/tickets", &[("Authorization", "Bearer nonsense")], b"").await.problem(401);
    desk.send("GET", "/nowhere", &[], b"").await.problem(404);
    let bearer = format!("Bearer {}", desk.token);
    let csv = [("Authorization", bearer.as_str()), ("Content-Type", "text/csv")];
    let put = desk.send("PUT", "/v1/campaigns", &csv, DIRECTORY.as_bytes()).await;
    assert_eq!((put.status, put.json()["campaigns"].as_i64()), (200, Some(2)), "{}", put.text());
    assert_eq!(desk.desk.directory().get("48213").unwrap().name, "Spring Launch");
    let named =
        |id: &str, name: &str, account: &str| json!({"id": id, "name": name, "account": account, "contacts": []});
    let alike = [("1", "Spring Sale 2024", "Acme"), ("2", "Spring Sale 2025", "Acme"), ("3", "Tulip Fair", "Bulbs")];
    let alike = json!(alike.map(|(id, name, account)| named(id, name, account)));
    assert_eq!(desk.api("PUT", "/v1/campaigns?allow_shrink=true", alike).await.status, 200);
    let groups = desk.api("GET", "/v1/campaigns/similar", Value::Null).await.json();
    assert_eq!((&groups["groups"][0]["campaigns"][1]["id"], &groups["next"]), (&json!("2"), &Value::Null), "{groups}");
    let by = (&groups["groups"][0]["differ_by"], &groups["groups"][0]["words"]);
    assert_eq!(by, (&json!(["year"]), &json!(["2024", "2025"])), "{groups}");
    let none = desk.api("GET", "/v1/campaigns/similar?campaign=3", Value::Null).await.json();
    assert_eq!(none["groups"], json!([]));
    desk.api("GET", "/v1/campaigns/similar?campaign=4", Value::Null).await.problem(404);
    desk.api("GET", "/v1/campaigns/similar?cursor=x", Value::Null).await.problem(400);
    desk.send("GET", "/v1/campaigns/similar", &[], b"").await.problem(401);
    let shrunk = json!([{"id": "1", "name": "One", "account": "", "contacts": []}]);
    desk.api("PUT", "/v1/campaigns", shrunk.clone()).await.problem(409);
    assert_eq!(desk.desk.directory().len(), 3);
    assert_eq!(desk.api("PUT", "/v1/campaigns?allow_shrink=true", shrunk).await.status, 200);
    assert_eq!(desk.desk.directory().len(), 1);
    assert_eq!(desk.api("PUT", "/v1/campaigns", json!([{"id": 1}])).await.problem(422), ["/0/id"]);
    let called = |id: Value| json!([{"campaign_id": id, "title": "One", "konto": "", "e-mail": ["one.example"]}]);
    assert_eq!(desk.api("PUT", "/v1/campaigns?allow_shrink=true", called(json!("7"))).await.status, 200);
    let (directory, one) = (desk.desk.directory(), "one.example".to_owned());
    assert_eq!(directory.get("7").map(|found| (&*found.name, &found.contacts)), Some(("One", &vec![one])));
    assert_eq!(desk.api("PUT", "/v1/campaigns", called(json!(7))).await.problem(422), ["/0/campaign_id"]);
    let one = |id: &str, name: &str| json!({"id": id, "name": name, "account": "", "contacts": []});
    let odd = json!([one("1", "One"), one("1", "Two"), one("", "Three"), one("4", ""), one("5", &"x".repeat(400))]);
    assert_eq!(desk.api("PUT", "/v1/campaigns", odd).await.problem(422), ["/1", "/2", "/3", "/4"]);
    let twice = desk.send("PUT", "/v1/campaigns", &csv, b"campaign_id,name\nab,One\nAB,Two\n,Three\n").await;
    assert_eq!(twice.problem(422), ["/3", "/4"]);
    assert!(twice.text().contains("line 3: the ids `ab` (line 2) and `AB` differ only by case"), "{}", twice.text());
    desk.send("PUT", "/v1/campaigns", &csv, b"1,One\n2,Two\n").await.problem(422);
    assert_eq!(desk.desk.directory().len(), 1, "what is refused changes nothing");
    let judged = desk.api("POST", "/v1/triage", serde_json::from_slice(&body("x")).unwrap()).await;
    assert_eq!(judged.status, 200, "{}", judged.text());
    assert!(judged.json()["campaign"]["status"].is_string());
    let bearer = format!("Bearer {}", desk.token);
    let parts = "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na@b.example\r\n--b\r\n\
                 Content-Disposition: form-data; name=\"text\"\r\n\r\nno clicks\r\n--b\r\n\
                 Content-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nx\r\n--b--\r\n";
    for (media_type, body, files) in [
        ("application/x-www-form-urlencoded", "email=a%40b.example&text=no+clicks", 0),
        ("multipart/form-data; boundary=b", parts, 1),
        ("Message/RFC822", "From: a@b.example\r\nSubject: x\r\n\r\nno clicks\r\n", 0),
    ] {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", media_type)];
        let judged = desk.send("POST", "/v1/triage", &headers, body.as_bytes()).await;
        assert_eq!(judged.status, 200, "{media_type}: {}", judged.text());
        let message = &judged.json()["message"];
        assert_eq!((&message["from"]["address"], &message["text"]), (&json!("a@b.example"), &json!("no clicks")));
        assert_eq!(message["attachments"].as_array().unwrap().len(), files);
    }
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "text/plain")];
    desk.send("POST", "/v1/triage", &headers, b"x").await.problem(415);
    assert_eq!(desk.send("GET", "/readyz", &[], b"").await.json()["ready"], true);
    assert_eq!(desk.send("GET", "/healthz", &[], b"").await.text(), "ok\n");
}

#[tokio::test]
async fn webhooks_are_told_what_is_wrong_with_them() {
    let desk = TestDesk::start().await;
    for id in ["evt.1", "x".repeat(256).as_str()] {
        let refused = desk.post("", id, &body("x")).await;
        refused.problem(400);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("dot") && detail.contains("255"), "{detail}");
    }
    let wrong = desk.signed("", "wrong", now_secs(), "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &body("x")).await;
    wrong.problem(401);
    assert_eq!(wrong.header("www-authenticate"), "", "no bearer token would help");
    let no_token = desk.send("GET", "/v1/tickets", &[], b"").await;
    assert_eq!((no_token.status, no_token.header("www-authenticate")), (401, "Bearer"));
    for (number, text) in ["[]", "\"x\"", "null", "7"].into_iter().enumerate() {
        let refused = desk.post("", &format!("no-object-{number}"), text.as_bytes()).await;
        assert_eq!(refused.problem(422), [""], "{text}");
        assert_eq!(refused.json()["detail"], "the body must be an object");
    }
    assert_eq!(desk.api("POST", "/v1/triage", json!([])).await.problem(422), [""]);
}

#[tokio::test]
async fn wrong_queries_name_the_parameter() {
    let desk = TestDesk::start().await;
    for (query, named) in [
        ("limit=many", "limit"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
        ("stauts=open", "stauts"),
        ("status=lost", "lost"),
    ] {
        let refused = desk.api("GET", &format!("/v1/tickets?{query}"), Value::Null).await;
        refused.problem(400);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(named), "{query}: {detail}");
    }
    desk.api("PUT", "/v1/campaigns?allow_shrnk=true", json!([])).await.problem(400);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_the_clients_fault() {
    let desk = TestDesk::with(|config| config.http.read_timeout_secs = 1).await;
    let mut stream = TcpStream::connect(desk.address).await.unwrap();
    let head =
        "POST /v1/hooks/leadhub HTTP/1.1\r\nHost: desk.example\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = vec![];
    stream.read_to_end(&mut bytes).await.unwrap();
    Answer::parse(&bytes).problem(408);
}
