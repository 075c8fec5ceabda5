//! "Submit a request", by browser and by program: what is taken, what comes back, what strangers are told, and what they
//! can have sent to others.

use deskclerk::config::settings::Config;
use deskclerk::request::FieldKey;
use serde_json::{Value, json};

use super::{Answer, TestDesk};
use crate::harness::until;

const DIRECTORY: &str = "campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n\
                             48214,Spring Launch 2,Other,other.example\n";
const BOUNDARY: &str = "----desk";

/// A multipart/form-data body: name, file name (empty: a field), content.
fn multipart(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = vec![];
    for (name, file, content) in parts {
        let file =
            if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"\r\nContent-Type: image/png") };
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

fn quick(config: &mut Config) {
    config.form.least_secs = 0;
    config.form.per_minute = 10_000;
}

async fn desk() -> TestDesk {
    let desk = TestDesk::with(quick).await;
    desk.directory(DIRECTORY).await;
    desk
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let at = page.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name} in {page}"));
    page[at..].split('"').nth(3).unwrap().to_owned()
}

async fn pass(desk: &TestDesk) -> String {
    let page = desk.send("GET", "/submit", &[], b"").await;
    assert_eq!(page.status, 200, "{}", page.text());
    hidden(&page.text(), "pass")
}

const FILLED: [(&str, &str); 6] = [
    ("topic", "reporting"),
    ("campaign_id", "48213"),
    ("subject", "Clicks"),
    ("description", "The report shows no clicks since Monday although we had visitors. Can you check?"),
    ("name", "Jane"),
    ("email", "jane@acme.example"),
];

/// Sends the form, filled in but for what `change` says.
async fn submit(desk: &TestDesk, pass: &str, change: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
    let mut fields: Vec<(&str, &str)> = vec![("pass", pass)];
    fields.extend(FILLED.iter().filter(|(name, _)| !change.iter().any(|(changed, _)| changed == name)));
    fields.extend(change);
    let mut parts: Vec<(&str, &str, &[u8])> =
        fields.iter().map(|(name, value)| (*name, "", value.as_bytes())).collect();
    parts.extend(files.iter().map(|(name, bytes)| ("attachments", *name, *bytes)));
    post(desk, "/submit?lang=en", &[], &multipart(&parts)).await
}

async fn post(desk: &TestDesk, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let mut all = vec![("Content-Type", media_type.as_str())];
    all.extend(headers);
    desk.send("POST", path, &all, body).await
}

async fn api(desk: &TestDesk, query: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    desk.send("POST", &format!("/v1/requests{query}"), &all, body.to_string().as_bytes()).await
}

/// The number on the page that says thank you.
async fn ticket(desk: &TestDesk, sent: &Answer) -> i64 {
    assert_eq!(sent.status, 303, "{}", sent.text());
    let thanks = until("the ticket's number", async || {
        let thanks = desk.send("GET", sent.header("location"), &[], b"").await;
        assert_eq!(thanks.status, 200);
        thanks.text().contains("#").then(|| thanks.text())
    })
    .await;
    let at = thanks.find("number is #").unwrap() + "number is #".len();
    thanks[at..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_becomes_a_ticket_with_its_files() {
    let desk = desk().await;
    let files: [(&str, &[u8]); 2] = [("../../shot.png", b"\x89PNG\r\n--x"), ("b.csv", b"=1+1")];
    let sent = submit(&desk, &pass(&desk).await, &[], &files).await;
    let number = ticket(&desk, &sent).await;
    let read = desk.api("GET", &format!("/v1/tickets/{number}"), Value::Null).await.json();
    assert_eq!(
        (&read["source"], &read["topic"], &read["topic_chosen_by"]),
        (&json!("form"), &json!("reporting"), &json!("customer"))
    );
    assert_eq!((&read["campaign"]["status"], &read["campaign"]["id"]), (&json!("confirmed"), &json!("48213")));
    assert_eq!((&read["requester"]["name"], &read["language"]), (&json!("Jane"), &json!("en")));
    let request = &read["messages"][0]["request"];
    let names: Vec<_> = request["attachments"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    assert_eq!((names, &request["attachments"][0]["size"]), (vec![json!("shot.png"), json!("b.csv")], &json!(9)));
    assert!(
        deskclerk::request::submitted::file(
            &desk
                .desk
                .store
                .submission(read["messages"][0]["submission"].as_str().unwrap())
                .await
                .unwrap()
                .unwrap()
                .raw,
            0
        ) == Some(b"\x89PNG\r\n--x".to_vec())
    );
    // The same form once more, by an impatient finger or a reload: the same request.
    let once = pass(&desk).await;
    let (first, second) = (submit(&desk, &once, &[], &[]).await, submit(&desk, &once, &[], &[]).await);
    assert_eq!(first.header("location"), second.header("location"));
    let changed = submit(&desk, &once, &[("subject", "Other")], &[]).await;
    assert!(changed.status == 422 && changed.text().contains("has already been sent"), "{}", changed.text());
    assert_ne!(hidden(&changed.text(), "pass"), once);
    assert_eq!(submit(&desk, &hidden(&changed.text(), "pass"), &[("subject", "Other")], &[]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_campaign_specific_is_believed() {
    let desk = desk().await;
    let said = [
        ("campaign_id", ""),
        ("no_campaign", "yes"),
        ("topic", "billing"),
        ("description", "Where do I find the invoices of our account? I need all of last year."),
    ];
    let number = ticket(&desk, &submit(&desk, &pass(&desk).await, &said, &[]).await).await;
    let ticket = desk.desk.store.ticket(number).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(ticket.campaign_status).unwrap(), "not_applicable");
}

#[tokio::test]
async fn what_was_entered_comes_back_with_what_is_wrong() {
    let desk = desk().await;
    let words = "\"><svg onload=alert(1)> {{7*7}} </textarea>";
    let wrong = [("email", "jane"), ("topic", ""), ("subject", words), ("description", words)];
    let page = submit(&desk, &pass(&desk).await, &wrong, &[("a.png", b"x")]).await;
    let text = page.text();
    assert_eq!(page.status, 422);
    assert!(
        !text.contains("<svg") && text.contains("{{7*7}}") && text.matches("&lt;svg onload").count() == 2,
        "{text}"
    );
    for part in [
        "role=\"alert\"",
        "<a href=\"#topic\">",
        "<a href=\"#email\">",
        "id=\"email-fault\"",
        "aria-invalid=\"true\"",
        "value=\"jane\"",
        "value=\"48213\"",
        "choose your files again",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    // Doubts are told once.
    for (id, told) in [("spring launch", "does not look like"), ("", "we need the Campaign ID")] {
        let pass = pass(&desk).await;
        let doubted = submit(&desk, &pass, &[("campaign_id", id)], &[]).await;
        assert!(doubted.status == 422 && doubted.text().contains(told), "{}", doubted.text());
        let again = [("campaign_id", id), ("told", &*hidden(&doubted.text(), "told"))];
        assert_eq!(submit(&desk, &pass, &again, &[]).await.status, 303, "{id}");
    }
    let large = vec![b'x'; 60_000];
    let long = [("description", std::str::from_utf8(&large).unwrap())];
    assert!(submit(&desk, &pass(&desk).await, &long, &[]).await.text().contains("too long"));
    let many: Vec<(&str, &[u8])> = vec![("a.png", b"x"); 11];
    assert!(submit(&desk, &pass(&desk).await, &[], &many).await.text().contains("at most 10"));
}

#[tokio::test]
async fn robots_and_other_sites_are_turned_away() {
    let desk = TestDesk::with(|config| config.form.per_minute = 12).await;
    let given = pass(&desk).await;
    let quick = submit(&desk, &given, &[], &[]).await;
    assert!(quick.status == 422 && quick.text().contains("very quick"), "{}", quick.text());
    assert_eq!(hidden(&quick.text(), "pass"), given, "a little later it is good");
    for (pass, change) in [("", ("", "")), ("b-b-b", ("", "")), (&*given, ("website", "http://x"))] {
        let refused = submit(&desk, pass, &[change], &[]).await;
        assert!(refused.status == 422 && refused.text().contains("Clicks"), "{}", refused.text());
    }
    let body = multipart(&[("pass", "", given.as_bytes())]);
    for headers in [
        [("Origin", "https://evil.example")],
        [("Origin", "null")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
    ] {
        let foreign = post(&desk, "/submit?lang=de", &headers, &body).await;
        assert!(foreign.status == 403 && foreign.text().contains("von einer anderen Seite"), "{}", foreign.text());
    }
    let urlencoded = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(desk.send("POST", "/submit", &urlencoded, b"topic=bug").await.status, 415);
    let cut = post(&desk, "/submit", &[], &body[..body.len() - 12]).await;
    assert_eq!(cut.status, 400, "{}", cut.text());
    let mut last = None;
    for _ in 0..10 {
        last = Some(post(&desk, "/submit", &[], &body).await);
    }
    let last = last.unwrap();
    assert!(last.status == 429 && !last.header("retry-after").is_empty(), "{}", last.text());
    assert!(last.header("content-type").starts_with("text/html"));
    assert_eq!(api(&desk, "", &[], &json!({})).await.problem(429), Vec::<String>::new());
    // A proxy on this machine names other clients.
    let other = [("X-Forwarded-For", "198.51.100.7")];
    api(&desk, "", &other, &json!({})).await.problem(422);
}

#[tokio::test]
async fn a_proof_of_work_is_asked_for_where_the_operator_wants_it() {
    let desk = TestDesk::with(|config| {
        quick(config);
        config.form.proof_of_work_bits = 8;
        config.form.frame_ancestors = vec!["https://www.acme.example".into(), "https://*.acme.example".into()];
    })
    .await;
    let page = desk.send("GET", "/submit", &[], b"").await;
    assert!(page.text().contains("data-bits=\"8\"") && page.text().contains("<noscript>"));
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("frame-ancestors https://www.acme.example https://*.acme.example"), "{policy}");
    let pass = hidden(&page.text(), "pass");
    let worked = |answer: &String| deskclerk::reply::pass::worked(&pass, answer, 8);
    let (good, bad) = (
        (0..).map(|n: u32| n.to_string()).find(worked).unwrap(),
        (0..).map(|n: u32| n.to_string()).find(|n| !worked(n)).unwrap(),
    );
    assert!(submit(&desk, &pass, &[("work", &bad)], &[]).await.text().contains("did not finish"));
    assert_eq!(submit(&desk, &pass, &[("work", &good)], &[]).await.status, 303);
}

#[tokio::test]
async fn five_languages_and_every_way_to_get_help() {
    let desk = TestDesk::with(|config| {
        config.support.phone = "+49 30 1234".into();
        config.support.knowledge_base = "https://help.example.com/?a=1&b=2".into();
        config.hours.sunday = String::new();
    })
    .await;
    for (language, title, way) in [
        ("en", "Submit a request", "By phone"),
        ("de", "Anfrage stellen", "Am Telefon"),
        ("fr", "Envoyer une demande", "Par téléphone"),
        ("es", "Enviar una solicitud", "Por teléfono"),
        ("pt", "Enviar um pedido", "Por telefone"),
    ] {
        let page = desk.send("GET", "/submit", &[("Accept-Language", language)], b"").await;
        assert!(page.text().contains(&format!("<h1>{title}</h1>")), "{}", page.text());
        assert!(
            page.text().contains(&format!("<html lang=\"{language}\">")) && page.header("content-language") == language
        );
        let support = desk.send("GET", &format!("/support?lang={language}"), &[("Accept-Language", "da")], b"").await;
        let text = support.text();
        assert!(
            text.contains(way) && text.contains("href=\"tel:+49301234\"") && text.contains("00:00–24:00"),
            "{text}"
        );
        assert!(text.contains("mailto:support@desk.example") && text.contains("?a=1&amp;b=2"), "{text}");
    }
    let german = desk.send("GET", "/submit?lang=de&topic=billing&campaign_id=%3Cb%3E", &[], b"").await.text();
    assert!(german.contains("<option value=\"billing\" selected>Abrechnung und Zahlungen"), "{german}");
    assert!(german.contains("Die Rechnungsnummer") && german.contains("value=\"&lt;b&gt;\""), "{german}");
    let closed = TestDesk::with(|config| config.form.open = false).await;
    for path in ["/submit", "/support"] {
        assert_eq!(closed.send("GET", path, &[], b"").await.status, 404);
    }
    api(&closed, "", &[], &json!({})).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_which_campaigns_there_are() {
    let desk = desk().await;
    for (id, fits) in
        [("48213", true), ("48214", true), ("00000", true), ("482137", false), ("Spring%20Launch", false), ("", false)]
    {
        let look = desk.send("GET", &format!("/submit/check?id={id}"), &[], b"").await;
        assert_eq!((look.status, look.json()), (200, json!({ "fits": fits })), "{id}");
    }
    desk.send("GET", "/submit/check", &[], b"").await.problem(400);
    let mut told = vec![];
    for id in ["48213", "48214", "00000", "4821"] {
        let body = json!({"email": format!("u{id}@x.example"), "text": "The report shows no clicks since Monday.", "campaign_id": id});
        let mut answer = api(&desk, "?wait=10", &[], &body).await.json();
        assert!(answer["ticket"].is_i64(), "{answer}");
        let status = desk
            .send(
                "GET",
                answer["status_url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8025").unwrap(),
                &[],
                b"",
            )
            .await
            .json();
        assert_eq!(status, answer);
        for one_of_a_kind in ["submission", "status_url", "ticket"] {
            answer[one_of_a_kind] = Value::Null;
        }
        told.push(answer);
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
}

/// Vague, complete, about something else: whatever may be answered.
fn bomb(number: usize) -> Value {
    let words = format!("FREE NITRO http://x {number}");
    match number % 3 {
        0 => json!({"email": "victim@v.example", "name": words, "subject": words, "text": words}),
        1 => {
            let text = format!("The report of it shows no clicks since Monday. {words}");
            json!({"email": "victim@v.example", "subject": words, "text": text, "campaign_id": "48213"})
        }
        _ => {
            let requester = json!({"email": "Victim@v.example", "name": words});
            let comment = json!({"body": format!("invoice {number} is wrong {words}")});
            json!({"request": {"requester": requester, "subject": words, "comment": comment}})
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_posts_send_a_victim_one_mail_without_their_words() {
    for (posts, acknowledge, authserv_id) in [(1_000, false, ""), (100, true, "mx.desk.example")] {
        let desk = TestDesk::with(|config| {
            quick(config);
            config.replies.acknowledge = acknowledge;
            config.desk.authserv_id = authserv_id.into();
        })
        .await;
        desk.directory(DIRECTORY).await;
        for first in (0..posts).step_by(100) {
            let sent = (first..first + 100).map(async |number| api(&desk, "", &[], &bomb(number)).await.status);
            assert!(futures_util::future::join_all(sent).await.iter().all(|status| *status == 202));
        }
        let words = "FREE NITRO http://x";
        let change = [("email", "victim@v.example"), ("name", words), ("subject", words), ("description", words)];
        assert_eq!(submit(&desk, &pass(&desk).await, &change, &[]).await.status, 303);
        let settled = async || (desk.desk.store.pending_submissions().await.unwrap() == 0).then_some(());
        until("all to be settled", settled).await;
        let mut mails = vec![];
        for ticket in 1..=posts as i64 + 1 {
            mails.extend(desk.desk.store.outgoing_of(ticket).await.unwrap());
        }
        assert_eq!(mails.len(), 1, "acknowledge = {acknowledge}");
        let written = serde_json::to_string(&mails[0].payload).unwrap();
        assert!(written.contains("victim@v.example"), "{written}");
        assert!(!written.contains("NITRO") && !written.contains("http://x"), "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_hand_in_json_multipart_and_zendesks_shape() {
    let desk = TestDesk::with(|config| {
        quick(config);
        config.form.custom_fields.insert("360001".into(), "campaign_id".into());
    })
    .await;
    desk.directory(DIRECTORY).await;
    let text = "The report shows no clicks since Monday although we had visitors.";
    let zendesk = json!({"request": {"requester": {"name": "Jane", "email": "jane@acme.example"}, "subject": "Clicks",
        "comment": {"body": text}, "custom_fields": [{"id": 360001, "value": "48213"}, {"id": 9, "value": "blue"}]}});
    let file = json!([{"name": "a.png", "type": "image/png", "content": "iVBO"}]);
    let own = json!({"email": "jane@acme.example", "name": "Jane", "subject": "Clicks", "text": format!("{text} Own."),
        "campaign_id": "48213", "help_topic": "reporting", "language": "en", "attachments": file});
    let form = multipart(&[
        ("email", "", b"jane@acme.example"),
        ("subject", "", b"Clicks"),
        ("text", "", format!("{text} Form.").as_bytes()),
        ("campaign_id", "", b"48213"),
        ("screenshot", "a.png", b"\x89PN"),
    ]);
    for answer in [
        api(&desk, "?wait=10s", &[], &zendesk).await,
        api(&desk, "?wait=10s", &[], &own).await,
        post(&desk, "/v1/requests?wait=10s", &[], &form).await,
    ] {
        assert_eq!((answer.status, &answer.json()["outcome"]), (202, &json!("ticket")), "{}", answer.text());
        let number = answer.json()["ticket"].as_i64().unwrap();
        let read = desk.desk.store.ticket(number).await.unwrap().unwrap();
        assert_eq!((read.subject.as_str(), read.campaign_id.as_deref()), ("Clicks", Some("48213")));
        let request = desk.desk.store.messages(number).await.unwrap().remove(0).request.unwrap();
        if number == 1 {
            assert!(request.fields.iter().any(|field| field.key == FieldKey::Unknown && field.value == "blue"));
        } else {
            assert_eq!((request.attachments.len(), request.attachments[0].size), (1, 3));
        }
    }
}

#[tokio::test]
async fn a_key_counts_for_its_requester() {
    let desk = desk().await;
    let key = [("Idempotency-Key", "abc")];
    let body = |email: &str, text: &str| json!({"email": email, "text": text});
    let first = api(&desk, "", &key, &body("a@x.example", "one")).await;
    let again = api(&desk, "", &key, &body("a@x.example", "one")).await;
    assert_eq!((first.status, again.status, again.header("idempotent-replayed")), (202, 200, "true"));
    assert_eq!(first.json()["submission"], again.json()["submission"]);
    api(&desk, "", &key, &body("a@x.example", "two")).await.problem(409);
    assert_eq!(api(&desk, "", &key, &body("b@x.example", "one")).await.status, 202);
    api(&desk, "", &[("Idempotency-Key", &"x".repeat(256))], &body("a@x.example", "one")).await.problem(400);
}

#[tokio::test]
async fn wrong_requests_are_told_apart() {
    let desk = TestDesk::with(|config| {
        quick(config);
        config.http.body_limit_bytes = 64 * 1024;
    })
    .await;
    assert_eq!(api(&desk, "", &[], &json!({})).await.problem(422), ["/email", "/text"]);
    let wrapped = json!({"request": {"requester": {"email": "no one"}, "comment": {"body": "x", "uploads": ["t"]}}});
    let faults = api(&desk, "", &[], &wrapped).await.problem(422);
    assert_eq!(faults, ["/request/requester/email", "/request/comment/uploads"]);
    let files = json!({"email": "a@b.example", "text": "x", "attachments": [{"content": "?"}]});
    assert_eq!(api(&desk, "", &[], &files).await.problem(422), ["/attachments/0/content"]);
    for body in ["", "{", "NaN", "{\"email\": NaN}", "\"x\"", "[]", "{\"email\": \"\\ud800\"}"] {
        let headers = [("Content-Type", "application/json")];
        desk.send("POST", "/v1/requests", &headers, body.as_bytes()).await.problem(422);
    }
    let deep = [b"[".repeat(20_000), b"]".repeat(20_000)].concat();
    desk.send("POST", "/v1/requests", &[("Content-Type", "application/json")], &deep).await.problem(422);
    api(&desk, "", &[], &json!({"email": "a@b.example", "text": "x".repeat(70_000)})).await.problem(413);
    post(&desk, "/v1/requests", &[], &multipart(&[("text", "a.txt", &[b'x'; 70_000])])).await.problem(413);
    desk.send("POST", "/v1/requests", &[("Content-Type", "text/plain")], b"x").await.problem(415);
    desk.send("POST", "/v1/requests", &[("Content-Type", "multipart/form-data")], b"x").await.problem(400);
    post(&desk, "/v1/requests", &[], b"x").await.problem(400);
    let parts: Vec<(&str, &str, &[u8])> = vec![("a", "", b"x"); 600];
    assert_eq!(post(&desk, "/v1/requests", &[], &multipart(&parts)).await.problem(422), [""]);
    let files: Vec<(&str, &str, &[u8])> = vec![("f", "a", b"x"); 11];
    assert_eq!(post(&desk, "/v1/requests", &[], &multipart(&files)).await.problem(422), ["/attachments"]);
    let twice = multipart(&[("email", "", b"a@b.example"), ("email", "", b"c@d.example"), ("text", "", b"x")]);
    assert_eq!(post(&desk, "/v1/requests", &[], &twice).await.problem(422), ["/email"]);
    let latin = multipart(&[("email", "", b"a@b.example"), ("text", "", b"\xe9t\xe9")]);
    assert_eq!(post(&desk, "/v1/requests", &[], &latin).await.problem(422), ["/text"]);
    let many: Value = (0..10_000).map(|number| json!({"name": number.to_string(), "content": ""})).collect();
    let many = json!({"email": "a@b.example", "text": "x", "attachments": many});
    assert!(many.to_string().len() > 64 * 1024);
    api(&desk, "", &[], &many).await.problem(413);
    api(&desk, "?wait=soon", &[], &json!({"email": "a@b.example", "text": "x"})).await.problem(400);
    // A body that is never sent whole, and one that nobody would read to its end.
    for (length, status) in [(1_000, None), (100_000_000, Some("413"))] {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(desk.address).await.unwrap();
        let head = "POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json";
        let body = r#"{"email": "a@b.example", "text": ""#;
        stream.write_all(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes()).await.unwrap();
        if status.is_some() {
            let _ = stream.write_all(&vec![b'x'; 200_000]).await;
        }
        let _ = stream.shutdown().await;
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        assert!(status.is_none_or(|status| answer.split(' ').nth(1) == Some(status)), "{answer}");
    }
    let files: Value = (0..11).map(|_| json!({"content": ""})).collect();
    let many = json!({"email": "a@b.example", "text": "x", "attachments": files});
    assert_eq!(api(&desk, "", &[], &many).await.problem(422), ["/attachments"]);
    assert_eq!(desk.desk.store.pending_submissions().await.unwrap(), 0, "nothing of it was stored");
    // Of a key that stands twice nobody knows which was meant.
    let twice = br#"{"email": "no one", "text": "x", "email": "a@b.example"}"#;
    let refused = desk.send("POST", "/v1/requests", &[("Content-Type", "application/json")], twice).await;
    assert_eq!(refused.problem(422), ["/email"]);
}
