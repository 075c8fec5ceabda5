//! The console: signing in, forms that only the console sends, and customers' words that stay words.

use deskclerk::store::agents::Kind;
use deskclerk::web::password;

use super::{Answer, TestDesk};

const PASSWORD: &str = "correct horse battery";

/// A browser: keeps its cookie, sends forms as browsers do.
pub struct Browser<'a> {
    desk: &'a TestDesk,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn new(desk: &'a TestDesk) -> Browser<'a> {
        Browser { desk, cookie: String::new() }
    }

    pub async fn signed_in(desk: &'a TestDesk) -> Browser<'a> {
        let mut browser = Browser::new(desk);
        let link = desk.desk.store.issue_token("ann", Kind::Link, i64::MAX, 1).await.unwrap();
        let answer = browser.post("/desk/link", &format!("token={link}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/desk"), "{}", answer.text());
        browser
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.desk.send("GET", path, &[("Cookie", &self.cookie)], b"").await
    }

    pub async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.post_from(path, form, &format!("http://{}", self.desk.address)).await
    }

    async fn post_from(&mut self, path: &str, form: &str, origin: &str) -> Answer {
        let form_type = "application/x-www-form-urlencoded";
        let headers = [("Cookie", self.cookie.as_str()), ("Content-Type", form_type), ("Origin", origin)];
        let answer = self.desk.send("POST", path, &headers, form.as_bytes()).await;
        if let Some(cookie) = answer.headers("set-cookie").first() {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        answer
    }

    /// The value of a hidden field of a page.
    pub async fn hidden(&self, path: &str, name: &str) -> String {
        let page = self.get(path).await.text();
        let start = format!("name=\"{name}\" value=\"");
        page.split(&start).nth(1).unwrap_or_else(|| panic!("no {name}: {page}")).split('"').next().unwrap().to_owned()
    }
}

async fn desk_with_password() -> TestDesk {
    let desk = TestDesk::start().await;
    let hash = password::hash(PASSWORD).unwrap();
    desk.desk.store.put_agent("bob", "bob@desk.example", Some(&hash), 1).await.unwrap();
    desk
}

#[tokio::test]
async fn a_password_opens_a_new_session() {
    let desk = desk_with_password().await;
    let mut browser = Browser::new(&desk);
    let to_sign_in = browser.get("/desk/tickets/7").await;
    assert_eq!((to_sign_in.status, to_sign_in.header("location")), (303, "/desk/sign-in?next=/desk/tickets/7"));
    let wrong = browser.post("/desk/sign-in", "name=bob&password=wrong+horse+battery").await;
    assert_eq!((wrong.status, wrong.headers("set-cookie").len()), (401, 0));
    assert_eq!(browser.post("/desk/sign-in", "name=nobody&password=x").await.status, 401);

    // Fixation: what the browser brought along is never what it is known by afterwards.
    browser.cookie = "deskclerk=planted".into();
    let form = format!("name=bob&password={}&next=/desk/quarantine", PASSWORD.replace(' ', "+"));
    let right = browser.post("/desk/sign-in", &form).await;
    assert_eq!((right.status, right.header("location")), (303, "/desk/quarantine"));
    let cookie = right.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    assert!(!cookie.contains("planted") && !cookie.contains("Secure"));
    assert_eq!(browser.get("/desk").await.status, 200);
    let first = browser.cookie.clone();
    browser.post("/desk/sign-in", &form).await;
    assert_ne!(browser.cookie, first);
    let old = Browser { desk: &desk, cookie: first };
    assert_eq!(old.get("/desk").await.status, 303, "the session before the second sign-in is over");

    let csrf = browser.hidden("/desk", "csrf").await;
    let kept = browser.cookie.clone();
    assert_eq!(browser.post("/desk/sign-out", &format!("csrf={csrf}")).await.status, 303);
    assert_eq!(Browser { desk: &desk, cookie: kept }.get("/desk").await.status, 303);
}

#[tokio::test]
async fn after_signing_in_nobody_is_led_astray() {
    let desk = desk_with_password().await;
    for evil in ["//evil", "/\\evil", "https://evil.example/desk", "/desk//evil", "/deskevil"] {
        let form = format!("name=bob&password={}&next={evil}", PASSWORD.replace(' ', "+"));
        let answer = Browser::new(&desk).post("/desk/sign-in", &form).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/desk"), "{evil}");
    }
}

#[tokio::test]
async fn a_link_signs_in_once_and_only_by_its_button() {
    let desk = TestDesk::start().await;
    let link = desk.desk.store.issue_token("ann", Kind::Link, i64::MAX, 1).await.unwrap();
    let mut browser = Browser::new(&desk);
    for _ in 0..2 {
        let page = browser.get(&format!("/desk/link?token={link}")).await;
        assert_eq!((page.status, page.headers("set-cookie").len()), (200, 0));
    }
    let form = format!("token={link}");
    assert_eq!(browser.post_from("/desk/link", &form, "https://evil.example").await.status, 403);
    assert_eq!(browser.post("/desk/link", &form).await.status, 303);
    assert_eq!(browser.get("/desk").await.status, 200);
    let again = Browser::new(&desk).post("/desk/link", &form).await;
    assert_eq!((again.status, again.headers("set-cookie").len()), (403, 0));
    assert!(again.header("content-type").starts_with("text/html"), "the console's problems are pages");
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_it() {
    let desk = TestDesk::with(|config| config.desk.public_url = "https://desk.example".into()).await;
    let link = desk.desk.store.issue_token("ann", Kind::Link, i64::MAX, 1).await.unwrap();
    let answer = Browser::new(&desk).post_from("/desk/link", &format!("token={link}"), "https://desk.example").await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-deskclerk=") && cookie.contains("Secure"), "{cookie}");
}

const HOSTILE: &str = "From: =?utf-8?Q?J=C3=BCrgen_<b>M</b>?= <juergen@acme.example>
To: support@desk.example
Subject: <svg onload=alert(1)> {{7*7}}
Message-ID: <hostile@acme.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: multipart/alternative; boundary=y

--y
Content-Type: text/plain; charset=utf-8

Grüße aus Köln – für die Kampagne 48213 fehlen seit Montag alle Klicks im Bericht. <script>alert(2)</script>
--y
Content-Type: text/html; charset=utf-8

<p>Kampagne 48213</p><script>alert(3)</script><img src=http://t.example/x.gif onerror=alert(4)>
--y--
--x
Content-Type: image/svg+xml; name=\"a.svg\"
Content-Disposition: attachment; filename=\"a.svg\"

<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(5)</script></svg>
--x--
";

#[tokio::test]
async fn a_customers_words_stay_words() {
    let desk = TestDesk::start().await;
    desk.directory("campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n").await;
    let id = desk.mail(HOSTILE).await;
    let browser = Browser::signed_in(&desk).await;
    let page = browser.get(&format!("/desk/tickets/{id}")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for shown in [page.text(), browser.get("/desk?status=all").await.text()] {
        assert!(!shown.contains("<svg") && !shown.contains("<script") && !shown.contains("<b>M</b>"), "{shown}");
        assert!(shown.contains("&lt;svg onload=alert(1)&gt; {{7*7}}"), "{shown}");
    }
    let text = page.text();
    // Byte spans after umlauts and a dash: the very word is marked, and the words around it stand.
    let line = text.lines().find(|line| line.contains("Köln")).unwrap();
    assert!(line.contains(" · 1\">48213</mark> fehlen seit Montag"), "{line}");
    assert!(line.contains("Grüße aus Köln – für "), "{line}");

    let message = text.split("/messages/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let html = browser.get(&format!("/desk/tickets/{id}/messages/{message}/html")).await;
    assert!(html.text().contains("Kampagne 48213"));
    assert!(!html.text().contains("<script") && !html.text().contains("<img") && !html.text().contains("onerror"));
    let policy = html.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");

    let file = browser.get(&format!("/desk/tickets/{id}/messages/{message}/attachments/0")).await;
    assert!(file.text().contains("<svg"), "{}", file.text());
    assert!(file.header("content-disposition").starts_with("attachment; filename*=UTF-8''a.svg"));
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(browser.get(&format!("/desk/tickets/{id}/messages/{message}/attachments/1")).await.status, 404);
    let raw = text.split("/desk/submissions/").nth(1).unwrap().split('"').next().unwrap();
    let raw = browser.get(&format!("/desk/submissions/{raw}")).await;
    assert!(raw.header("content-disposition").starts_with("attachment") && raw.text().contains("hostile@acme.example"));
    assert_eq!(Browser::new(&desk).get(&format!("/desk/tickets/{id}/messages/{message}/html")).await.status, 303);
}

#[tokio::test]
async fn an_attachment_that_policy_drops_is_named_and_the_original_holds_it() {
    let desk = TestDesk::with(|config| {
        config.attachments.refused = vec![".EXE".into(), "image/svg+xml".into()];
        config.attachments.largest_bytes = 40;
    })
    .await;
    let file = |name: &str, media_type: &str, content: &str| {
        format!(
            "--x\nContent-Type: {media_type}; name=\"{name}\"\nContent-Disposition: attachment; filename=\"{name}\"\n\n{content}\n"
        )
    };
    let mail = format!(
        "From: jane@acme.example\nTo: support@desk.example\nSubject: Help\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nHelp with invoice 7\n{}{}{}{}--x--\n",
        file("invoice.pdf.Exe", "application/pdf", "MZ-program"),
        file("a.svg", "image/svg+xml", "<svg/>"),
        file("long.csv", "text/csv", &"0123456789".repeat(5)),
        file("short.csv", "text/csv", "1,2"),
    );
    let id = desk.mail(&mail).await;
    let browser = Browser::signed_in(&desk).await;
    let page = browser.get(&format!("/desk/tickets/{id}")).await.text().replace("&#x2f;", "/");
    let message = page.split("/messages/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let because = [Some(".exe is refused"), Some("image/svg+xml is refused"), Some("it is larger than 40 bytes"), None];
    let ticket = desk.desk.store.messages(id).await.unwrap().remove(0).request.unwrap();
    for (index, (file, because)) in ticket.attachments.iter().zip(because).enumerate() {
        assert_eq!(file.dropped.as_deref(), because, "{}", file.name);
        let link = format!("/desk/tickets/{id}/messages/{message}/attachments/{index}");
        let got = browser.get(&link).await;
        match because {
            Some(because) => {
                assert!(page.contains(&format!("dropped by policy: {because}")) && page.contains(&file.name), "{page}");
                assert!(!page.contains(&link), "{page}");
                assert!(got.status == 404 && got.text().contains("dropped by policy"), "{}", got.text());
            }
            None => assert_eq!((got.status, got.text().as_str()), (200, "1,2")),
        }
    }
    let raw = page.split("/desk/submissions/").nth(1).unwrap().split('"').next().unwrap();
    let raw = browser.get(&format!("/desk/submissions/{raw}")).await.text();
    assert!(raw.contains("MZ-program") && raw.contains("<svg/>") && raw.contains(&"0123456789".repeat(5)));
}

#[tokio::test]
async fn only_the_console_itself_changes_a_ticket() {
    let desk = TestDesk::start().await;
    desk.directory("campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n").await;
    let id =
        desk.mail("From: jane@acme.example\nTo: support@desk.example\nSubject: Help\n\nHelp with my campaign\n").await;
    let mut browser = Browser::signed_in(&desk).await;
    let path = format!("/desk/tickets/{id}");
    let (csrf, version) = (browser.hidden(&path, "csrf").await, browser.hidden(&path, "version").await);
    let form = format!("csrf={csrf}&version={version}&campaign=48213&status=open");
    assert_eq!(browser.post_from(&path, &form, "https://evil.example").await.status, 403);
    assert_eq!(browser.post_from(&path, &form, "null").await.status, 403);
    assert_eq!(browser.post(&path, &form.replace(&csrf, "guess")).await.status, 403);
    assert_eq!(desk.desk.store.ticket(id).await.unwrap().unwrap().campaign_id, None);
    assert_eq!(browser.post(&path, &form).await.status, 303);
    let ticket = desk.desk.store.ticket(id).await.unwrap().unwrap();
    assert_eq!((ticket.campaign_id.as_deref(), ticket.status.as_str()), (Some("48213"), "open"));
    let old = browser.post(&path, &form).await;
    assert_eq!(old.status, 409, "the version is an old one by now");
    let unknown = browser.post(&path, &format!("csrf={csrf}&version={}&campaign=1", ticket.version)).await;
    assert_eq!(unknown.status, 422);
    for (page, told) in [
        (old.text(), "This ticket was changed while you looked at it"),
        (unknown.text(), "The Campaign ID is not in the campaign directory."),
    ] {
        assert!(page.contains(told) && page.contains(&format!("href=\"{path}\"")), "{page}");
        for foreign in ["/campaign:", "<code>", "Unprocessable", "Conflict"] {
            assert!(!page.contains(foreign), "{foreign}: {page}");
        }
    }
}

#[tokio::test]
async fn a_button_makes_the_suggested_person_the_requester() {
    let desk = TestDesk::start().await;
    let raw = "From: Tom <tom@partner.example>\nTo: support@desk.example\nSubject: Fwd: clicks\n\nfor you\n\n\
               ---------- Forwarded message ---------\nFrom: Jane & Roe <jane@acme.example>\nDate: Mon, 2 Nov 2026\n\
               Subject: clicks\nTo: Tom <tom@partner.example>\n\nThe clicks of our campaign are gone since Saturday.\n";
    let id = desk.mail(raw).await;
    let mut browser = Browser::signed_in(&desk).await;
    let path = format!("/desk/tickets/{id}");
    let page = browser.get(&path).await.text();
    assert!(page.contains("forwarded from") && page.contains("Make them the requester"), "{page}");
    assert!(page.contains("Jane &amp; Roe &lt;jane@acme.example&gt;"), "{page}");
    let csrf = browser.hidden(&path, "csrf").await;
    let made = browser.post(&path, &format!("csrf={csrf}&version=1&requester=jane%40acme.example")).await;
    assert_eq!(made.status, 303, "{}", made.text());
    let ticket = desk.desk.store.ticket(id).await.unwrap().unwrap();
    assert_eq!(ticket.requester_address, "jane@acme.example");
    assert!(!browser.get(&path).await.text().contains("Make them the requester"));
}

#[tokio::test]
async fn the_api_shows_and_changes_a_ticket() {
    let desk = TestDesk::start().await;
    desk.directory("campaign_id,name,account,contacts\n48213,Spring Launch,Acme,acme.example\n").await;
    let id = desk.mail(HOSTILE).await;
    let one = desk.api("GET", &format!("/v1/tickets/{id}"), serde_json::Value::Null).await.json();
    assert_eq!(one["campaign"]["id"], "48213", "{one}");
    let text = one["messages"][0]["request"]["text"].as_str().unwrap();
    for found in
        one["triage"]["campaign"]["evidence"].as_array().unwrap().iter().filter(|found| found["where"] == "text")
    {
        let (start, end) = (found["start"].as_u64().unwrap() as usize, found["end"].as_u64().unwrap() as usize);
        assert_eq!(text.get(start..end), found["text"].as_str());
    }
    let version = one["version"].as_i64().unwrap();
    let path = format!("/v1/tickets/{id}");
    desk.api("PATCH", &path, serde_json::json!({"status": "open"})).await.problem(422);
    let unknown = serde_json::json!({"version": version, "topic": "no-such-topic"});
    assert_eq!(desk.api("PATCH", &path, unknown).await.problem(422), ["/topic"]);
    let changed =
        desk.api("PATCH", &path, serde_json::json!({"version": version, "status": "open", "priority": "high"})).await;
    assert_eq!((changed.status, &changed.json()["status"]), (200, &"open".into()), "{}", changed.text());
    desk.api("PATCH", &path, serde_json::json!({"version": version, "status": "solved"})).await.problem(409);
    desk.api("GET", "/v1/tickets/999999", serde_json::Value::Null).await.problem(404);
    desk.api("GET", "/v1/tickets?status=lost", serde_json::Value::Null).await.problem(400);
    for (query, expected) in [
        ("status=open", 1),
        ("status=solved", 0),
        ("q=onload", 1),
        ("q=%25", 0),
        ("campaign=48213", 1),
        ("priority=high", 1),
    ] {
        let list = desk.api("GET", &format!("/v1/tickets?{query}"), serde_json::Value::Null).await.json();
        assert_eq!(list["tickets"].as_array().unwrap().len(), expected, "{query}: {list}");
    }
}

#[tokio::test]
async fn pages_of_tickets_follow_one_another() {
    let desk = TestDesk::start().await;
    let mut ids = vec![];
    for n in 0..5 {
        ids.push(
            desk.mail(&format!(
                "From: jane{n}@acme.example\nSubject: Matter {n}\n\nThe invoice of May is wrong by {n} euros.\n"
            ))
            .await,
        );
    }
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let page = desk.api("GET", &format!("/v1/tickets?limit=2{cursor}"), serde_json::Value::Null).await.json();
        seen.extend(page["tickets"].as_array().unwrap().iter().map(|ticket| ticket["id"].as_i64().unwrap()));
        match page["next"].as_i64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ids.reverse();
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn people_get_pages_and_programs_documents() {
    let desk = TestDesk::start().await;
    let html = [("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")];
    for (method, path, status) in
        [("GET", "/desk/nowhere", 404), ("GET", "/nowhere", 404), ("DELETE", "/desk/quarantine", 405)]
    {
        let page = desk.send(method, path, &html, b"").await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}: {}", page.text());
        assert!(page.text().contains("To the queue"), "{}", page.text());
        assert!(page.header("content-security-policy").contains("style-src 'self'"));
    }
    desk.send("GET", "/nowhere", &[("Accept", "*/*")], b"").await.problem(404);
    let icon = desk.send("GET", "/favicon.ico", &[("Accept", "image/avif,*/*")], b"").await;
    assert_eq!((icon.status, icon.text().as_str()), (404, ""));
}
