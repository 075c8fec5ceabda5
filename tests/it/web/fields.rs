//! Fields of a post that allow certain values: what nobody here knows is told on the ticket.

use serde_json::json;

use super::TestDesk;
use super::console::Browser;

#[tokio::test]
async fn values_that_nobody_knows_are_told_on_the_ticket() {
    let desk = TestDesk::start().await;
    for (id, topic, priority, told) in [
        ("odd", "zzz", "mega", &["help topic \"zzz\"", "priority \"mega\""][..]),
        ("known", "Reports & statistics", "Medium", &[]),
        ("urgent", "billing", "HIGH", &[]),
    ] {
        let body = json!({"email": "jane@acme.example", "subject": id, "text": "The report of yesterday is empty.",
            "help_topic": topic, "urgency": priority});
        let answer = desk.post("?wait=10s", id, body.to_string().as_bytes()).await;
        assert!([200, 202].contains(&answer.status), "{}", answer.text());
        let ticket = answer.json()["ticket"].as_i64().unwrap();
        let api = desk.api("GET", &format!("/v1/tickets/{ticket}"), json!(null)).await.json();
        let oddities = &api["messages"][0]["request"]["oddities"];
        assert_eq!(oddities.as_array().unwrap().len(), told.len(), "{id}: {api}");
        let page = Browser::signed_in(&desk).await.get(&format!("/desk/tickets/{ticket}")).await.text();
        for part in told {
            assert!(oddities.to_string().contains(&part.replace('"', "\\\"")), "{part}: {oddities}");
            assert!(page.contains(&part.replace('"', "&quot;")) || page.contains(part), "{part}: {page}");
        }
        assert_eq!(api["priority"], if id == "urgent" { "high" } else { "normal" }, "{api}");
    }
}
