//! Webhooks end to end: vendors' posts, matters, attachments behind URLs, the sandbox, the log, and what is bad.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use deskclerk::config::settings::{Config, Hook};
use deskclerk::desk::unix_ms;
use deskclerk::intake::partners;
use deskclerk::intake::signature::sign::Unsigned;
use deskclerk::store::deliveries::Refusal;
use deskclerk::store::submissions::Outcome;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::console::Browser;
use super::{Answer, TestDesk, now_secs};
use crate::servers::postgres;

const SECRETS: &[(&str, &str)] = &[
    ("generic", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("zendesk", "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="),
    ("typeform", "typeform-secret"),
    ("mailgun", "key-0123456789abcdef0123456789abcdef"),
    ("postmark", "postmark:a-long-password"),
    ("google-forms", "a-bearer-token-of-the-script"),
    ("slack", "8f742231b10e8888abcd99yyyzzz85a5"),
    ("twilio-voice", "12345"),
];

/// A source for each of these presets, named as it, verified as the preset says.
fn sources(config: &mut Config) {
    let folder = config.desk.data_dir.clone();
    std::fs::create_dir_all(&folder).unwrap();
    for (preset, secret) in SECRETS {
        let file = folder.join(format!("secret-of-{preset}"));
        writeln!(std::fs::File::create(&file).unwrap(), "{secret}").unwrap();
        let hook =
            Hook { name: (*preset).into(), preset: (*preset).into(), secret_files: vec![file], ..Hook::default() };
        config.hook.push(hook);
    }
    // Named as the sandbox is.
    let twin = config.hook.iter().find(|hook| hook.name == "twilio-voice").cloned();
    config.hook.extend(twin.map(|hook| Hook { name: "test".into(), ..hook }));
}

impl TestDesk {
    fn hook(&self, name: &str) -> &Hook {
        self.desk.config.hook.iter().find(|hook| hook.name == name).unwrap()
    }

    /// Posts to a source as its vendor would.
    async fn vendor(&self, name: &str, query: &str, id: &str, content_type: &str, body: &[u8]) -> Answer {
        let partner = partners::partner(self.hook(name), &self.desk.config).unwrap();
        let path = format!("/v1/hooks/{name}{query}");
        let url = format!("{}/v1/hooks/{name}{}", self.desk.config.desk.public_url, query.replacen("/test", "", 1));
        let unsigned = Unsigned { url: &url, content_type, body, id, at: now_secs() };
        let signed = partner.verifier.sign(&unsigned).unwrap();
        let headers: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.send("POST", &path, &headers, body).await
    }

    async fn json_post(&self, name: &str, query: &str, id: &str, body: &Value) -> Answer {
        self.vendor(name, query, id, "application/json", body.to_string().as_bytes()).await
    }

    /// Nothing waits to be settled.
    async fn settled(&self) {
        crate::harness::until("the desk to settle", async || {
            (self.desk.store.pending_submissions().await.unwrap() == 0).then_some(())
        })
        .await;
    }
}

fn request(text: &str) -> Value {
    json!({"email": "jane@acme.example", "subject": "Clicks", "text": text, "campaign_id": "48213"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_without_an_id_are_one_ticket_on_both_engines() {
    let url = postgres::database().await;
    for url in ["sqlite:deskclerk.db".to_owned(), url] {
        let desk = Arc::new(
            TestDesk::with(|config| {
                config.store.url = url.clone();
                sources(config);
            })
            .await,
        );
        let body =
            json!({"title": "Requests", "namedValues": {"Email": ["jane@acme.example"], "Message": ["No clicks."]}});
        let posts = (0..100).map(|_| {
            let (desk, body) = (desk.clone(), body.clone());
            // No id header: the words are the id.
            tokio::spawn(async move {
                let bearer = ("Authorization", "Bearer a-bearer-token-of-the-script");
                let headers = [bearer, ("Content-Type", "application/json")];
                desk.send("POST", "/v1/hooks/google-forms?wait=5s", &headers, body.to_string().as_bytes()).await
            })
        });
        let mut tickets = std::collections::HashSet::new();
        let mut fresh = 0;
        for post in posts.collect::<Vec<_>>() {
            let answer = post.await.unwrap();
            assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
            fresh += usize::from(answer.status == 202);
            assert_eq!(answer.header("idempotent-replayed") == "true", answer.status == 200);
            tickets.insert(answer.json()["ticket"].as_i64().expect("settled within the wait"));
        }
        assert_eq!((fresh, tickets.len()), (1, 1), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_one_matter_go_to_one_ticket_on_both_engines() {
    let url = postgres::database().await;
    for url in ["sqlite:deskclerk.db".to_owned(), url] {
        let desk = Arc::new(
            TestDesk::with(|config| {
                config.store.url = url.clone();
                sources(config);
            })
            .await,
        );
        let post = |number: usize, matter: &str| {
            let (desk, matter) = (desk.clone(), matter.to_owned());
            tokio::spawn(async move {
                let ticket = json!({"id": matter, "subject": "Clicks", "description": format!("no clicks, {number}"),
                    "requester": {"email": "jane@acme.example"}});
                desk.json_post("zendesk", "", &format!("d-{matter}-{number}"), &json!({"ticket": ticket})).await
            })
        };
        let posts: Vec<_> = (0..20).map(|number| post(number, "35436")).chain([post(0, "35437")]).collect();
        let mut submissions = vec![];
        for answer in posts {
            let answer = answer.await.unwrap();
            assert_eq!(answer.status, 202, "{}", answer.text());
            submissions.push(answer.json()["submission"].as_str().unwrap().to_owned());
        }
        desk.settled().await;
        let mut outcomes = vec![];
        let mut tickets = vec![];
        for id in &submissions {
            let stored = desk.desk.store.submission(id).await.unwrap().unwrap();
            outcomes.push(stored.outcome.unwrap());
            tickets.push(stored.ticket_id.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Ticket).count(), 2, "{url}: {outcomes:?}");
        assert!(tickets[..20].iter().all(|ticket| *ticket == tickets[0]) && tickets[20] != tickets[0], "{tickets:?}");
        assert_eq!(
            desk.desk.store.messages(tickets[0]).await.unwrap().iter().filter(|m| m.submission_id.is_some()).count(),
            20
        );
        // The same number of another source is another matter.
        let other = json!({"email": "a@b.example", "text": "something else entirely", "external_id": "35436"});
        let other = desk.json_post("generic", "?wait=5s", "g-1", &other).await;
        assert!(!tickets.contains(&other.json()["ticket"].as_i64().unwrap()), "{}", other.text());
    }
}

#[tokio::test]
async fn vendors_bodies_become_tickets_with_their_files() {
    let desk = TestDesk::with(sources).await;
    // Mailgun signs fields of its own form, here in parts with a file.
    let at = now_secs().to_string();
    let mac = {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"key-0123456789abcdef0123456789abcdef").unwrap();
        mac.update(format!("{at}tok-1").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    };
    let field = |name: &str, value: &str| {
        format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let fields = [
        ("timestamp", at.as_str()),
        ("token", "tok-1"),
        ("signature", &mac),
        ("recipient", "support@desk.example"),
        ("from", "Jane <jane@acme.example>"),
        ("subject", "Campaign 48213"),
        ("body-plain", "no clicks since Monday"),
        ("message-headers", r#"[["Message-Id", "<1@acme.example>"]]"#),
    ];
    let mut body: String = fields.iter().map(|(name, value)| field(name, value)).collect();
    body.push_str("--xYz\r\nContent-Disposition: form-data; name=\"attachment-1\"; filename=\"a.bin\"\r\n\r\n\0\x01two\r\n--xYz--\r\n");
    let parts = [("Content-Type", "multipart/form-data; boundary=xYz")];
    let answer = desk.send("POST", "/v1/hooks/mailgun?wait=5s", &parts, body.as_bytes()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let ticket = answer.json()["ticket"].as_i64().unwrap();
    let message = desk.desk.store.messages(ticket).await.unwrap().remove(0);
    assert_eq!(message.request.as_ref().unwrap().attachments[0].name, "a.bin");
    let submission = desk.desk.store.submission(message.submission_id.as_deref().unwrap()).await.unwrap().unwrap();
    assert_eq!(desk.desk.attachment(&submission, 0).unwrap(), b"\0\x01two");
    // The same token once more, with other words.
    let forged = desk.send("POST", "/v1/hooks/mailgun", &parts, body.replace("no clicks", "pay me").as_bytes()).await;
    forged.problem(409);
    // Base64 in JSON, and a whole mail as body.
    let post = json!({"email": "jane@acme.example", "text": "see the file", "attachments": [{"name": "b.txt", "content": "aGVsbG8="}]});
    let ticket = desk.json_post("generic", "?wait=5s", "f-1", &post).await.json()["ticket"].as_i64().unwrap();
    let message = desk.desk.store.messages(ticket).await.unwrap().remove(0);
    let submission = desk.desk.store.submission(message.submission_id.as_deref().unwrap()).await.unwrap().unwrap();
    assert_eq!(desk.desk.attachment(&submission, 0).unwrap(), b"hello");
    let mail = "From: bob@acme.example\r\nTo: support@desk.example\r\nSubject: whole\r\nMessage-ID: <2@acme.example>\r\n\r\nno clicks\r\n";
    let answer = desk.vendor("generic", "?wait=5s", "m-1", "message/rfc822", mail.as_bytes()).await;
    let ticket = desk.desk.store.ticket(answer.json()["ticket"].as_i64().unwrap()).await.unwrap().unwrap();
    assert_eq!((ticket.requester_address.as_str(), ticket.subject.as_str()), ("bob@acme.example", "whole"));
    // A handshake, a post that is none of ours, and who has to be asked for his password first.
    let challenge = json!({"type": "url_verification", "challenge": "abc", "token": "x"});
    let echoed = desk.json_post("slack", "", "", &challenge).await;
    assert_eq!((echoed.status, echoed.text().as_str()), (200, "abc"));
    let form = "application/x-www-form-urlencoded";
    let ringing = desk.vendor("twilio-voice", "", "t-1", form, b"CallSid=CA1&CallStatus=ringing&From=%2B1").await;
    assert_eq!((ringing.status, ringing.json()["ignored"].is_string()), (200, true));
    let asked = desk.send("POST", "/v1/hooks/postmark", &[("Content-Type", "application/json")], b"{}").await;
    asked.problem(401);
    assert!(asked.header("www-authenticate").starts_with("Basic "));
    let asked = desk.send("POST", "/v1/hooks/google-forms", &[("Content-Type", "application/json")], b"{}").await;
    assert_eq!((asked.status, asked.header("www-authenticate")), (401, "Bearer"));
}

/// A host of files: gives its address and how often `/busy` was asked.
async fn files() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let png = || async { ([(header::CONTENT_TYPE, "image/png")], b"\x89PNG".to_vec()) };
    let busy = move || async move {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => ([(header::CONTENT_TYPE, "text/plain")], "at last").into_response(),
        }
    };
    use axum::response::IntoResponse;
    let routes = Router::new()
        .route("/a.png", get(png))
        .route("/busy", get(busy))
        .route("/page", get(|| async { axum::response::Html("<p>") }))
        .route("/away", get(|| async { axum::response::Redirect::temporary("http://127.0.0.1/") }))
        .route("/large", get(|| async { ([(header::CONTENT_TYPE, "text/plain")], "x".repeat(2_000)) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, asked)
}

#[tokio::test]
async fn attachments_behind_urls_are_fetched_afterwards() {
    let (url, asked) = files().await;
    let desk = TestDesk::with(|config| {
        sources(config);
        config.egress.allow = vec!["127.0.0.1".into()];
        config.egress.attachment_bytes = 1_000;
    })
    .await;
    let paths = ["a.png", "busy", "page", "away", "large", "none"];
    let named: Vec<String> = paths.iter().map(|path| format!("{url}/{path}")).collect();
    let mut attachments = json!(named);
    attachments
        .as_array_mut()
        .unwrap()
        .push(json!({"url": "https://[::ffff:169.254.169.254]/latest/meta-data", "name": "m"}));
    let post = json!({"email": "jane@acme.example", "text": "see the files", "attachments": attachments});
    let answer = desk.json_post("generic", "?wait=5s", "u-1", &post).await;
    let (submission, ticket) =
        (answer.json()["submission"].as_str().unwrap().to_owned(), answer.json()["ticket"].as_i64().unwrap());
    let end = |position: i64| {
        let (store, submission) = (desk.desk.store.clone(), submission.clone());
        async move { store.fetch_of(&submission, position).await.unwrap().unwrap() }
    };
    use deskclerk::store::fetches::Fetched;
    crate::harness::until("the attachments", async || {
        // The worker fetches by itself; what failed for now is tried again when it is due.
        desk.desk.fetch_due(unix_ms() + 3_600_000).await.unwrap();
        let mut done = true;
        for position in [0, 1, 2, 3, 5, 6] {
            done &= end(position).await != Fetched::Waiting;
        }
        done.then_some(())
    })
    .await;
    assert_eq!(end(0).await, Fetched::There(b"\x89PNG".to_vec(), "image/png".into()));
    assert_eq!(end(1).await, Fetched::There(b"at last".to_vec(), "text/plain".into()));
    assert!(asked.load(Ordering::SeqCst) >= 2);
    for (position, part) in [(2, "text/html"), (3, "redirects"), (5, "404"), (6, "not public")] {
        let Fetched::Failed(because) = end(position).await else { panic!("{position}") };
        assert!(because.contains(part), "{position}: {because}");
    }
    assert_ne!(end(4).await, Fetched::There("x".repeat(2_000).into_bytes(), "text/plain".into()));
    let events = desk.desk.store.events(ticket).await.unwrap();
    assert!(events.iter().filter(|event| event.what == "attachment_failed").count() >= 4);
}

#[tokio::test]
async fn the_sandbox_tells_and_stores_nothing() {
    let desk = TestDesk::with(sources).await;
    desk.directory("campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n").await;
    let told = desk.json_post("generic", "/test", "s-1", &request("no clicks since Monday")).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let told = told.json();
    assert_eq!((&told["would"], &told["status"], &told["key"]), (&json!("ticket"), &json!(202), &json!("s-1")));
    assert_eq!(told["signature"]["valid"], true);
    assert_eq!(told["mapped"]["from"]["address"], "jane@acme.example");
    assert_eq!(told["triage"]["campaign"], json!({"status": "confirmed", "id": "48213"}));
    assert!(told["triage"]["missing"].is_array());
    // Twilio's signature covers the address of the post itself.
    let form = "application/x-www-form-urlencoded";
    let call = desk.vendor("twilio-voice", "/test", "t", form, b"CallSid=CA1&CallStatus=completed&From=%2B1").await;
    assert_eq!(
        (&call.json()["would"], &call.json()["signature"]["valid"]),
        (&json!("ticket"), &json!(true)),
        "{}",
        call.text()
    );
    let call = desk.vendor("test", "/test", "t", form, b"CallSid=CA1&CallStatus=completed&From=%2B1").await;
    assert_eq!(call.json()["signature"]["valid"], true, "{}", call.text());
    // Unsigned: what is wrong with the signature, and the sender's own words; nothing that the desk knows.
    let headers = [
        ("Content-Type", "application/json"),
        ("webhook-id", "s-2"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,AAAA"),
    ];
    let told = desk.send("POST", "/v1/hooks/generic/test", &headers, request("x").to_string().as_bytes()).await.json();
    assert_eq!((&told["would"], &told["status"], &told["triage"]), (&json!("refused"), &json!(401), &Value::Null));
    assert!(told["signature"]["doubt"].as_str().unwrap().contains("time stamp"));
    assert_eq!(told["mapped"]["fields"][0]["value"], "48213");
    assert!(!told.to_string().contains("Spring"));
    let wrong = desk.json_post("generic", "/test", "s-3", &json!({"email": "nobody", "text": ["x"]})).await.json();
    assert_eq!(wrong["status"], 422);
    let pointers: Vec<&str> =
        wrong["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/text", "/email"]);
    desk.send("POST", "/v1/hooks/nobody/test", &headers, b"{}").await.problem(404);
    assert_eq!(desk.desk.store.pending_submissions().await.unwrap(), 0);
    for source in ["hook:generic", "hook:twilio-voice"] {
        assert_eq!(desk.desk.store.deliveries(source, 10, None).await.unwrap(), []);
    }
    // What has come in before is said to be known.
    desk.json_post("generic", "?wait=5s", "s-1", &request("no clicks since Monday")).await;
    let again = desk.json_post("generic", "/test", "s-1", &request("no clicks since Monday")).await.json();
    assert_eq!(again["would"], "duplicate");
}

#[tokio::test]
async fn each_source_and_each_doubtful_client_has_a_limit() {
    let desk = TestDesk::with(|config| {
        sources(config);
        config.hook.iter_mut().filter(|hook| hook.name == "typeform").for_each(|hook| hook.per_minute = 3);
    })
    .await;
    let response = |id: &str| {
        json!({"event_id": id, "event_type": "form_response", "form_response": {"token": id, "answers": [
        {"type": "email", "email": "a@b.example", "field": {"ref": "x"}}, {"type": "text", "text": "hello there", "field": {"ref": "description"}}]}})
    };
    for id in ["1", "2", "3"] {
        let answer = desk.json_post("typeform", "", id, &response(id)).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let refused = desk.json_post("typeform", "", "4", &response("4")).await;
    refused.problem(429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Another source is not touched, nor a partner by strangers who guess.
    assert_eq!(desk.json_post("generic", "", "g-1", &request("hello there")).await.status, 202);
    let begun = std::time::Instant::now();
    let mut statuses = vec![];
    while !statuses.contains(&429) {
        assert!(statuses.len() < 2_000, "nobody who guesses is slowed down");
        let json = [("Content-Type", "application/json")];
        let posts = (0..50).map(|_| desk.send("POST", "/v1/hooks/generic", &json, b"{}"));
        statuses.extend(futures_util::future::join_all(posts).await.iter().map(|answer| answer.status));
    }
    assert!(statuses[..100].iter().all(|status| *status == 401), "{statuses:?}");
    assert_eq!(desk.json_post("generic", "", "g-2", &request("hello again")).await.status, 202);
    // Not each of them is written down: sixty, one more a second, and the two that were taken.
    let most = 63 + begun.elapsed().as_secs() as usize;
    assert!(desk.desk.store.deliveries("hook:generic", 1_000, None).await.unwrap().len() <= most);
}

#[tokio::test]
async fn amazons_messages_are_believed_by_certificate_and_topic() {
    let desk = TestDesk::with(|config| {
        let file = config.desk.data_dir.join("topic");
        std::fs::create_dir_all(&config.desk.data_dir).unwrap();
        std::fs::write(&file, "arn:aws:sns:us-west-2:123456789012:MyTopic\n").unwrap();
        let tolerance_secs = 100 * 365 * 86_400;
        let (name, preset) = ("amazon".into(), "ses-sns".into());
        config.hook.push(Hook { name, preset, secret_files: vec![file], tolerance_secs, ..Hook::default() });
    })
    .await;
    let fixture = |name: &str| {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/sns").join(name)).unwrap()
    };
    let url = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
    desk.hooks.get("amazon").unwrap().verifier.learn(url, &fixture("certificate.pem"), unix_ms() / 1000).unwrap();
    let post = async |query: &str, body: &[u8]| {
        desk.send("POST", &format!("/v1/hooks/amazon{query}"), &[("Content-Type", "text/plain; charset=UTF-8")], body)
            .await
    };
    let received = fixture("received-2.json");
    let forged = String::from_utf8(received.clone()).unwrap().replace("Amazon SES Email", "Amazon SES mail");
    post("", forged.as_bytes()).await.problem(401);
    let strangers = String::from_utf8(received.clone()).unwrap().replace(":MyTopic\",\n", ":Theirs\",\n");
    post("", strangers.as_bytes()).await.problem(401);
    post("", b"{}").await.problem(401);
    let told = post("/test", forged.as_bytes()).await.json();
    assert_eq!((&told["signature"]["scheme"], &told["signature"]["valid"]), (&json!("sns"), &json!(false)));
    let taken = post("?wait=5s", &received).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    let ticket = desk.desk.store.ticket(taken.json()["ticket"].as_i64().unwrap()).await.unwrap().unwrap();
    assert_eq!((ticket.requester_address.as_str(), ticket.campaign_id), ("jane@acme.example", None));
    let again = post("", &received).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert!(post("", &fixture("notification-1.json")).await.json()["ignored"].is_string());
}

/// A good post that was refused while the map was wrong.
fn refused_once(key: &str) -> Refusal {
    Refusal {
        id: uuid::Uuid::now_v7().to_string(),
        source: "hook:generic".into(),
        at: unix_ms(),
        status: 422,
        because: "/mail is missing".into(),
        source_key: Some(key.into()),
        content_type: Some("application/json".into()),
        body: Some(request("refused once").to_string().into_bytes()),
    }
}

#[tokio::test]
async fn agents_see_what_a_source_posted_and_take_it_in_again() {
    let desk = TestDesk::with(sources).await;
    let mut browser = Browser::signed_in(&desk).await;
    let page = browser.get("/desk/hooks").await.text();
    assert!(page.contains("/desk/hooks/zendesk") && page.contains("never"), "{page}");
    let taken = desk.json_post("generic", "?wait=5s", "c-1", &request("no clicks")).await;
    desk.json_post("generic", "", "c-2", &json!({"text": "<svg onload=alert(1)>"})).await.problem(422);
    desk.send("POST", "/v1/hooks/generic", &[("Content-Type", "application/json")], b"{}").await.problem(401);
    let page = browser.get("/desk/hooks/generic").await.text();
    let ticket = format!("/desk/tickets/{}", taken.json()["ticket"]);
    assert!(page.contains(&ticket) && page.contains("refused 422") && page.contains("refused 401"), "{page}");
    assert!(page.contains("c-2") && !page.contains("<svg"), "{page}");
    // What became a ticket, and what was not believed, is not offered.
    assert_eq!(page.matches("Take in again").count(), 1, "{page}");
    let wrong = page.split("action=\"/desk/hooks/generic/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let csrf = browser.hidden("/desk/hooks/generic", "csrf").await;
    assert_eq!(browser.post(&format!("/desk/hooks/generic/{wrong}"), "csrf=guess").await.status, 403);
    assert_eq!(browser.post(&format!("/desk/hooks/generic/{wrong}"), &format!("csrf={csrf}")).await.status, 422);
    let refusal = refused_once("c-3");
    desk.desk.store.refuse(refusal.clone()).await.unwrap();
    let path = format!("/desk/hooks/generic/{}", refusal.id);
    let done = browser.post(&path, &format!("csrf={csrf}")).await;
    assert_eq!((done.status, done.header("location")), (303, "/desk/hooks/generic"), "{}", done.text());
    desk.settled().await;
    assert!(!browser.get("/desk/hooks/generic").await.text().contains(&refusal.id));
    assert_eq!(browser.get("/desk/hooks/nobody").await.status, 404);
    assert_eq!(desk.send("GET", "/desk/hooks/generic", &[], b"").await.status, 303);
}

#[tokio::test]
async fn the_log_of_a_source_is_read_and_replayed() {
    let desk = TestDesk::with(sources).await;
    let accepted = desk.json_post("generic", "?wait=5s", "d-1", &request("no clicks")).await;
    desk.json_post("generic", "", "d-2", &json!({"text": "no address"})).await.problem(422);
    desk.send("POST", "/v1/hooks/generic", &[("Content-Type", "application/json")], b"{}").await.problem(401);
    let list = async |query: &str| desk.api("GET", &format!("/v1/hooks/generic/deliveries{query}"), Value::Null).await;
    let listed = list("").await.json();
    let of = |at: usize| &listed["deliveries"][at];
    assert_eq!(
        (&of(2)["key"], &of(2)["accepted"], &of(2)["ticket"]),
        (&json!("d-1"), &json!(true), &accepted.json()["ticket"])
    );
    assert_eq!((&of(1)["key"], &of(1)["status"]), (&json!("d-2"), &json!(422)));
    assert!(of(1)["because"].as_str().unwrap().starts_with("/email"));
    // Of who was not believed no words are kept.
    assert_eq!((&of(0)["status"], &of(0)["bytes"]), (&json!(401), &json!(0)));
    let first = list("?limit=1").await.json();
    let next = list(&format!("?limit=2&before={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!(next["deliveries"].as_array().unwrap().len(), 2);
    list("?limit=0").await.problem(400);
    desk.send("GET", "/v1/hooks/generic/deliveries", &[], b"").await.problem(401);
    let replay =
        async |id: &str| desk.api("POST", &format!("/v1/hooks/generic/deliveries/{id}/replay"), Value::Null).await;
    replay(of(2)["id"].as_str().unwrap()).await.problem(409);
    assert_eq!(replay(of(1)["id"].as_str().unwrap()).await.problem(422), ["/email"]);
    replay(of(0)["id"].as_str().unwrap()).await.problem(409);
    replay("0192f0c4-0000-7000-8000-000000000000").await.problem(404);
    // One that was refused while the map was wrong.
    let refusal = refused_once("d-3");
    desk.desk.store.refuse(refusal.clone()).await.unwrap();
    let taken = replay(&refusal.id).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    let status = format!("/v1/submissions/{}?wait=5s", taken.json()["submission"].as_str().unwrap());
    assert!(desk.send("GET", &status, &[], b"").await.json()["ticket"].is_i64());
    replay(&refusal.id).await.problem(404);
    let again = desk.json_post("generic", "", "d-3", &request("refused once")).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
}

#[tokio::test]
async fn keys_are_kept_a_week_and_freed_then() {
    let desk = TestDesk::with(sources).await;
    let body = request("no clicks since Monday");
    let first = desk.json_post("generic", "?wait=5s", "k-1", &body).await;
    assert_eq!(first.status, 202);
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(desk.desk.free_keys(unix_ms() + 6 * day).await.unwrap(), 0);
    desk.json_post("generic", "", "k-1", &request("other words")).await.problem(409);
    assert_eq!(desk.desk.free_keys(unix_ms() + 8 * day).await.unwrap(), 1);
    let after = desk.json_post("generic", "?wait=5s", "k-1", &request("other words")).await;
    assert_eq!(after.status, 202);
    assert_ne!(after.json()["submission"], first.json()["submission"]);
    assert!(desk.desk.store.submission(first.json()["submission"].as_str().unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn bad_bodies_are_refused_where_they_are_bad() {
    let desk = TestDesk::with(|config| {
        sources(config);
        config.http.body_limit_bytes = 4 << 20;
    })
    .await;
    let refused = async |id: &str, body: &str| {
        let answer = desk.vendor("generic", "", id, "application/json", body.as_bytes()).await;
        answer.problem(422)
    };
    assert_eq!(refused("twice", r#"{"email":"a@b.example","text":"x","email":"c@d.example"}"#).await, ["/email"]);
    assert_eq!(refused("nan", r#"{"email":NaN}"#).await, [""]);
    assert_eq!(refused("lone", r#"{"email":"\udc00"}"#).await, [""]);
    assert!(
        refused("deep", &format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000))).await[0]
            .starts_with("/a/0/0")
    );
    let many = json!({"email": "a@b.example", "text": "x", "attachments": vec![json!({"content": "aGk="}); 10_000]});
    assert_eq!(refused("many", &many.to_string()).await, ["/attachments"]);
    assert_eq!(refused("cut", r#"{"email":"a@b.example","text":"x"#).await, [""]);
    let large = format!(r#"{{"email":"a@b.example","text":"{}"}}"#, "x".repeat(5 << 20));
    desk.vendor("generic", "", "large", "application/json", large.as_bytes()).await.problem(413);
    for wrong in ["text/plain", "application/xml", "", "multipart/mixed; boundary=x"] {
        desk.vendor("generic", "", "type", wrong, b"{}").await.problem(415);
    }
    desk.vendor("generic", "", "parts", "multipart/form-data", b"x").await.problem(422);
    let fields = vec!["a=b"; 5_000].join("&");
    desk.vendor("generic", "", "fields", "application/x-www-form-urlencoded", fields.as_bytes()).await.problem(422);
    // 100 MB are refused by their announcement, before a byte of them is read; a body that ends early is none.
    let raw = async |announced: &str, sent: &[u8]| {
        let mut stream = tokio::net::TcpStream::connect(desk.address).await.unwrap();
        let head = format!(
            "POST /v1/hooks/generic HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{announced}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let _ = stream.write_all(sent).await;
        stream.shutdown().await.unwrap();
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(raw("Content-Length: 104857600", b"").await.starts_with("HTTP/1.1 413"));
    let early = raw("Content-Length: 100", b"{\"email\":").await;
    assert!(early.is_empty() || early.starts_with("HTTP/1.1 400"), "{early}");
    let early = raw("Transfer-Encoding: chunked", b"40\r\n{\"email\":").await;
    assert!(early.is_empty() || early.starts_with("HTTP/1.1 400"), "{early}");
    // Nothing of all that was stored, and the desk lives.
    assert_eq!(desk.desk.store.pending_submissions().await.unwrap(), 0);
    assert_eq!(desk.json_post("generic", "", "good", &request("hello there")).await.status, 202);
}

#[tokio::test]
async fn the_shell_signs_sends_checks_and_replays() {
    let desk = TestDesk::with(sources).await;
    let folder = desk.folder.path();
    let config = folder.join("deskclerk.toml");
    let hooks: String = SECRETS
        .iter()
        .map(|(preset, _)| {
            let file = desk.hook(preset).secret_files[0].display().to_string();
            format!("[[hook]]\nname = \"{preset}\"\npreset = \"{preset}\"\nsecret_files = [\"{file}\"]\n")
        })
        .collect();
    let url = format!("http://{}", desk.address);
    std::fs::write(
        &config,
        format!(
            "[desk]\npublic_url = \"{url}\"\ndata_dir = \"{}\"\n[rules]\ndir = \"rules\"\n{hooks}",
            desk.desk.config.desk.data_dir.display()
        ),
    )
    .unwrap();
    // A rule of the source's own.
    let rules = folder.join("rules");
    let mut shipped = deskclerk::rules::Rules::shipped_files();
    *shipped.get_mut("routing.toml").unwrap() +=
        "[[rule]]\nname = \"of-generic\"\nsource = [\"hook:generic\"]\nflags = [\"generic\"]\n";
    for (path, text) in shipped {
        let path = rules.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.as_ref()).unwrap();
    }
    let body = folder.join("post.json");
    std::fs::write(&body, request("no clicks since Monday").to_string()).unwrap();
    let run = async |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_deskclerk"));
        let (verb, rest) = args.split_first().unwrap();
        command.arg("hooks").arg(verb).args(rest).arg("--config").arg(&config);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let body = body.to_str().unwrap();
    let (code, signed, error) = run(&["sign", "generic", body, "--id", "cli-1"]).await;
    assert_eq!((code, error.as_str()), (0, ""), "{signed}");
    assert!(signed.contains("webhook-id: cli-1\n") && signed.contains("webhook-signature: v1,"), "{signed}");
    assert!(!signed.contains("whsec_"));
    // What it signs is believed, by the desk and by itself; changed, it is not.
    let headers = folder.join("headers");
    std::fs::write(&headers, &signed).unwrap();
    let (code, told, _) =
        run(&["check", "generic", body, "--headers", headers.to_str().unwrap(), "--format", "json"]).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &told["would"], &told["signature"]["valid"]), (0, &json!("ticket"), &json!(true)));
    assert!(told["triage"]["flags"].as_array().unwrap().contains(&json!("generic")), "{told}");
    let other = folder.join("other.json");
    std::fs::write(&other, "{}").unwrap();
    let (code, told, _) =
        run(&["check", "generic", other.to_str().unwrap(), "--headers", headers.to_str().unwrap()]).await;
    assert_eq!(code, 1);
    assert!(told.contains("does not fit") && told.contains("/email"), "{told}");
    let (code, sent, error) = run(&["send", "generic", body, "--id", "cli-1", "--test"]).await;
    assert_eq!(code, 0, "{error}");
    assert!(sent.starts_with("200") && sent.contains("\"would\": \"ticket\""), "{sent}");
    let (code, sent, _) = run(&["send", "generic", body, "--id", "cli-1"]).await;
    assert!(code == 0 && sent.starts_with("202"), "{sent}");
    let (code, sent, _) = run(&["send", "generic", other.to_str().unwrap(), "--id", "cli-2"]).await;
    assert!(code == 1 && sent.starts_with("422"), "{sent}");
    desk.settled().await;
    let (code, log, _) = run(&["log", "generic"]).await;
    assert!(code == 0 && log.lines().count() == 2 && log.contains("cli-1") && log.contains("refused 422"), "{log}");
    let id = log.lines().next().unwrap().split(' ').next().unwrap().to_owned();
    let (code, _, error) = run(&["replay", "generic", &id]).await;
    assert!(code == 1 && error.contains("/email"), "{error}");
    let (code, _, error) = run(&["sign", "mailgun", body]).await;
    assert!(code == 2 && error.contains("body"), "{error}");
    let (code, _, error) = run(&["sign", "nobody", body]).await;
    assert!(code == 2 && error.contains("known are"), "{error}");
    assert!(Path::new(body).exists());
}

#[tokio::test]
async fn a_body_that_dawdles_is_given_up() {
    use axum::body::Body;
    use axum::routing::post;
    use deskclerk::web::guard::{Guard, pass};
    use tower::ServiceExt;
    let guard = Arc::new(Guard::new(std::time::Duration::from_millis(50), std::time::Duration::from_secs(10), 1_000));
    let routes = Router::new()
        .route("/", post(|deskclerk::desk::problem::Body(body): deskclerk::desk::problem::Body| async move { body }))
        .layer(axum::middleware::from_fn_with_state(guard, pass));
    let begun = futures_util::stream::iter([Ok::<_, std::io::Error>("{\"email\":")]);
    let never = futures_util::stream::pending();
    let body = Body::from_stream(futures_util::StreamExt::chain(begun, never));
    let answer = routes.oneshot(axum::http::Request::post("/").body(body).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
}
