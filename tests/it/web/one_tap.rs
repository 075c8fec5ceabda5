//! One-tap answers as browsers and mail scanners meet them: over HTTP.

use super::TestDesk;

const MAIL: &str = "Authentication-Results: mx.desk.example; dmarc=pass\nFrom: Jane <jane@acme.example>\n\
    To: support@desk.example\nSubject: Harvest Fair report\nMessage-ID: <h1@acme.example>\n\
    Date: Mon, 02 Nov 2026 08:52:03 +0000\n\n\
    The report of our Harvest Fair campaign shows no clicks since Monday although we had visitors. Can you check?\n";

/// A desk that has asked which of two campaigns is meant: its ticket, and the paths of its links.
async fn asked() -> (TestDesk, i64, Vec<String>) {
    let test = TestDesk::with(|config| {
        config.desk.authserv_id = "mx.desk.example".into();
        config.desk.public_url = "https://desk.example".into();
    })
    .await;
    test.directory(
        "campaign_id,name,account,contacts\n48213,Harvest Fair North,Acme,acme.example\n\
         48231,Harvest Fair South,Acme,acme.example\n",
    )
    .await;
    let ticket = test.mail(MAIL).await;
    let question = test.desk.store.outgoing_of(ticket).await.unwrap().remove(0);
    let words = question.payload.text.split_whitespace();
    let links: Vec<String> =
        words.filter_map(|word| word.strip_prefix("https://desk.example")).map(str::to_owned).collect();
    assert_eq!(links.len(), 2, "{}", question.payload.text);
    let html = question.payload.html.unwrap();
    assert!(links.iter().all(|link| html.contains(&format!("href=\"https://desk.example{link}\""))), "{html}");
    assert!(html.contains("href=\"mailto:support+") && html.contains("body=Campaign%20ID%2048213"), "{html}");
    (test, ticket, links)
}

async fn status(test: &TestDesk, ticket: i64) -> (String, Option<String>) {
    let ticket = test.desk.store.ticket(ticket).await.unwrap().unwrap();
    (ticket.status.as_str().to_owned(), ticket.campaign_id)
}

const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

#[tokio::test(flavor = "multi_thread")]
async fn looking_changes_nothing_and_the_button_answers_once() {
    let (test, ticket, links) = asked().await;
    let page = test.send("GET", &links[0], &[], b"").await;
    assert_eq!(page.status, 200);
    let (policy, text) = (page.header("content-security-policy"), page.text());
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!text.contains("<script") && !text.contains("style=") && text.contains("Harvest Fair North"), "{text}");
    // Scanners look, look for the head only, and post nothing that a person would.
    for (method, body) in [("HEAD", ""), ("GET", ""), ("POST", ""), ("POST", "answer=no")] {
        let answer = test.send(method, &links[0], &FORM, body.as_bytes()).await;
        assert!(answer.status < 500, "{method}");
    }
    assert_eq!(status(&test, ticket).await, ("waiting".into(), None));

    let done = test.send("POST", &links[1], &FORM, b"answer=yes").await;
    assert!(done.status == 200 && done.text().contains("48231"), "{}", done.text());
    crate::harness::until("the answer to be read", async || {
        (status(&test, ticket).await == ("ready".into(), Some("48231".into()))).then_some(())
    })
    .await;
    for link in &links {
        let again = test.send("POST", link, &FORM, b"answer=yes").await;
        assert!(again.status == 200 && again.text().contains("already have your answer"), "{}", again.text());
    }
    assert_eq!(status(&test, ticket).await, ("ready".into(), Some("48231".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_signed_is_not_found() {
    let (test, ticket, links) = asked().await;
    let last = links[0].chars().last().unwrap();
    let forged = format!("{}{}", links[0].trim_end_matches(last), if last == 'a' { 'b' } else { 'a' });
    for link in [
        forged.as_str(),
        "/answer/x",
        "/answer/b-b-b-b-b",
        "/answer/%00%ff",
        "/answer/..%2f..%2fdesk",
        "/answer/",
        "/answer",
    ] {
        for method in ["GET", "POST"] {
            let answer = test.send(method, link, &FORM, b"answer=yes").await;
            assert_eq!(answer.status, 404, "{method} {link}");
            assert!(answer.header("content-type").starts_with("text/html"), "{method} {link}: {}", answer.text());
            assert!(!answer.text().contains("Harvest"), "{}", answer.text());
        }
    }
    // Who gets such a page reads it in the browser's language.
    let page = test.send("GET", "/answer/x", &[("Accept-Language", "xx, de;q=0.9, en;q=0.2")], b"").await;
    assert!(page.text().contains("Dieser Link"), "{}", page.text());
    // A form without the button's answer only shows the page.
    let page = test.send("POST", &links[0], &FORM, b"").await;
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{}", page.text());
    assert_eq!(status(&test, ticket).await.0, "waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_links_pressed_at_once_are_one_answer() {
    let (test, ticket, links) = asked().await;
    let press = |link: &'static str| test.send("POST", link, &FORM, b"answer=yes");
    let links: Vec<&'static str> = links.into_iter().map(|link| &*link.leak()).collect();
    let (one, other) = tokio::join!(press(links[0]), press(links[1]));
    let done = [&one, &other].iter().filter(|answer| answer.text().contains("We have noted")).count();
    assert_eq!(done, 1, "{}\n{}", one.text(), other.text());
    crate::harness::until("the answer to be read", async || (status(&test, ticket).await.0 == "ready").then_some(()))
        .await;
}
