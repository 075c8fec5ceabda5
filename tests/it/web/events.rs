//! What happens to tickets, as a stream: told once as it happens, told again to who comes back, ended with the desk.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::TestDesk;
use crate::harness::{PATIENCE, until};
use crate::servers::postgres;

const MAIL: &str =
    "From: jane@acme.example\nSubject: clicks\n\nThe clicks of our campaign are not tracked since Monday.\n";

/// The events of a stream: id, name, data.
fn events(text: &str) -> Vec<(String, String, Value)> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(str::to_owned)
    };
    let event = |block: &str| {
        let data = serde_json::from_str(&field(block, "data")?).unwrap();
        Some((field(block, "id").unwrap(), field(block, "event").unwrap(), data))
    };
    text.split("\n\n").filter_map(event).collect()
}

async fn known(desk: &TestDesk, query: &str, last: Option<&str>) -> Vec<(String, String, Value)> {
    let bearer = format!("Bearer {}", desk.token);
    let mut headers = vec![("Authorization", bearer.as_str())];
    headers.extend(last.map(|id| ("Last-Event-ID", id)));
    let answer = desk.send("GET", &format!("/v1/events?wait=0s{query}"), &headers, b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"), "{}", answer.text());
    events(&answer.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_once_and_again_to_who_comes_back() {
    let url = postgres::database().await;
    for engine in ["sqlite", "postgres"] {
        let desk = TestDesk::with(|config| {
            if engine == "postgres" {
                config.store.url = url.clone();
            }
        })
        .await;
        let before = jiff::Timestamp::now();
        // Who names no time hears what happens from now on.
        assert_eq!(known(&desk, "", None).await, []);
        let number = desk.mail(MAIL).await;
        let first = known(&desk, &format!("&since={before}"), None).await;
        let created = &first[0];
        assert_eq!((created.1.as_str(), &created.2["ticket"]), ("created", &json!(number)), "{first:#?}");
        assert_eq!((&created.2["id"], &created.2["what"]), (&json!(created.0), &json!("created")));

        let ask = format!(
            "GET /v1/events HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer {}\r\nLast-Event-ID: {}\r\n\r\n",
            desk.token, created.0
        );
        let mut stream = TcpStream::connect(desk.address).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        let change = json!({"version": 1, "priority": "high"});
        assert_eq!(desk.api("PATCH", &format!("/v1/tickets/{number}"), change).await.status, 200);
        let mut heard = String::new();
        let mut buffer = [0; 4096];
        let listening = async {
            while !heard.contains("event: priority") {
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(read > 0, "{heard}");
                heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
        };
        tokio::time::timeout(PATIENCE, listening).await.unwrap();
        assert!(!heard.contains(&created.0), "told again: {heard}");
        assert_eq!(heard.matches("event: priority").count(), 1, "{heard}");

        // Who comes back after the first is told all others.
        let whole = known(&desk, &format!("&since={before}"), None).await;
        let again = known(&desk, "", Some(&created.0)).await;
        assert_eq!(again, whole[1..], "{engine}");
        assert!(whole.iter().any(|(_, what, data)| what == "priority" && data["actor"] == "agent:ann"));

        // The desk ends its streams when it stops.
        desk.cancel.cancel();
        until("the stream's end", async || (stream.read(&mut buffer).await.unwrap() == 0).then_some(())).await;
    }
}

#[tokio::test]
async fn wrong_wishes_are_told_apart() {
    let desk = TestDesk::start().await;
    desk.send("GET", "/v1/events?wait=0s", &[], b"").await.problem(401);
    for wrong in ["since=yesterday", "wait=long", "until=now"] {
        desk.api("GET", &format!("/v1/events?{wrong}"), Value::Null).await.problem(400);
    }
    let bearer = format!("Bearer {}", desk.token);
    let headers = [("Authorization", bearer.as_str()), ("Last-Event-ID", "48213")];
    desk.send("GET", "/v1/events", &headers, b"").await.problem(400);
}
