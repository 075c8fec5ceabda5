//! Every shipped preset, by an example modelled on its vendor's documentation (`fixtures/hooks/NAME.http`: media type, blank
//! line, body) and what it is understood as (`NAME.json`). A mismatch writes what it got beside it, as `NAME.got.json`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deskclerk::config::settings::{Hook, VERIFY};
use deskclerk::desk::hooks::{self, HookSource};
use deskclerk::desk::post::{self, Believed, Post};
use deskclerk::request::hook::preset::Preset;
use deskclerk::request::{Request, Setting, hook, mail};
use deskclerk::rules::Rules;
use deskclerk::store::submissions::Kind;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks")
}

fn source(preset: &str) -> HookSource {
    let hook = Hook { name: preset.into(), preset: preset.into(), ..Hook::default() };
    hooks::source(&hook, &Rules::shipped()).unwrap_or_else(|fault| panic!("{preset}: {fault:?}"))
}

/// An example: its media type and body.
fn example(preset: &str) -> (String, Vec<u8>) {
    let text = std::fs::read_to_string(folder().join(format!("{preset}.http"))).unwrap();
    let (head, body) = text.split_once("\n\n").unwrap();
    let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap().to_owned();
    let body = match content_type.starts_with("multipart/") {
        true => body.replace('\n', "\r\n"),
        false => body.trim_end().to_owned(),
    };
    (content_type, body.into_bytes())
}

fn understood(preset: &str) -> Value {
    let source = source(preset);
    let (content_type, raw) = example(preset);
    let believed = Believed { door: "hook:x", content_type: &content_type, raw, id: None, at: 0 };
    let Post::Request(new) = post::read(&source, believed).unwrap() else { panic!("{preset} is no request") };
    let setting = Setting::default();
    let request = match new.kind {
        Kind::Mail => mail::read(&new.raw, &setting).unwrap(),
        Kind::Hook => hook::read(&source.open(&content_type, &new.raw).unwrap(), &source.map).unwrap(),
    };
    let key = new.source_key.clone().unwrap();
    let mut shown = shown(&request);
    shown["kind"] = json!(new.kind);
    shown["key"] = if key.starts_with("sha256:") { "(hash)".into() } else { json!(key) };
    shown["recipients"] = json!(new.envelope.to);
    // Who wrote a mail that a provider handed on nobody has proven.
    assert!(new.kind == Kind::Hook || new.envelope.authentication.is_some_and(|found| !found.passes()), "{preset}");
    shown
}

fn shown(request: &Request) -> Value {
    let fields: Vec<Value> = request.fields.iter().map(|field| json!([field.key, field.label, field.value])).collect();
    json!({
        "from": request.from,
        "subject": request.subject,
        "text": request.text,
        "fields": fields,
        "external_id": request.external_id,
        "thread_key": request.thread_key,
        "message_id": request.message_id,
        "automated": request.automated.as_ref().map(|automated| automated.kind),
        "attachments": request.attachments,
    })
}

fn presets() -> BTreeSet<String> {
    Rules::shipped().hooks.keys().cloned().collect()
}

#[test]
fn every_preset_reads_its_vendors_example() {
    let mut wrong = vec![];
    for preset in presets() {
        let got = understood(&preset);
        let path = folder().join(format!("{preset}.json"));
        let expected = std::fs::read_to_string(&path).ok().map(|text| serde_json::from_str::<Value>(&text).unwrap());
        if expected.as_ref() != Some(&got) {
            std::fs::write(folder().join(format!("{preset}.got.json")), format!("{got:#}\n")).unwrap();
            wrong.push(preset);
        }
    }
    assert!(wrong.is_empty(), "read otherwise than expected: {wrong:?}; see fixtures/hooks/*.got.json");
}

#[test]
fn the_presets_of_the_contract_are_there_and_say_how_they_are_verified() {
    let contract = "zendesk osticket freshdesk intercom hubspot typeform jotform google-forms gravity-forms mailgun sendgrid \
                    postmark ses-sns twilio-voice slack generic";
    assert_eq!(presets(), contract.split_whitespace().map(str::to_owned).collect());
    for (name, text) in &Rules::shipped().hooks {
        let preset = Preset::read(text, name).unwrap();
        assert!(VERIFY.contains(&preset.verify.as_str()), "{name}: {}", preset.verify);
        assert!(name == "generic" || preset.docs.starts_with("https://"), "{name}");
    }
}

#[test]
fn handshakes_and_noise_are_no_requests() {
    let of = |preset: &str, content_type: &str, body: &str| {
        let believed = Believed { door: "hook:x", content_type, raw: body.into(), id: None, at: 0 };
        post::read(&source(preset), believed)
    };
    let json = |preset: &str, body: Value| of(preset, "application/json", &body.to_string());
    let challenge = json!({"token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"});
    assert!(matches!(json("slack", challenge), Ok(Post::Challenge(words)) if words.starts_with("3eZbrw")));
    let ignored = |post: Result<Post, _>| assert!(matches!(post, Ok(Post::Ignored(_))), "{post:?}");
    ignored(json(
        "slack",
        json!({"type": "event_callback", "event": {"type": "message", "bot_id": "B1", "text": "hi"}}),
    ));
    ignored(json("slack", json!({"type": "event_callback", "event": {"type": "reaction_added"}})));
    ignored(json("intercom", json!({"topic": "ping", "data": {}})));
    ignored(json("typeform", json!({"event_type": "form_response_partial"})));
    ignored(of("twilio-voice", "application/x-www-form-urlencoded", "CallSid=CA1&CallStatus=ringing&From=%2B1"));
    let sns = |body: Value| of("ses-sns", "text/plain; charset=UTF-8", &body.to_string());
    ignored(sns(json!({"Type": "UnsubscribeConfirmation"})));
    ignored(sns(json!({"Type": "Notification", "Message": "{\"notificationType\":\"Bounce\"}"})));
    let url = "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37";
    let visit = sns(json!({"Type": "SubscriptionConfirmation", "SubscribeURL": url}));
    assert!(matches!(visit, Ok(Post::Visit(visited)) if visited == url));
    assert!(sns(json!({"Type": "SubscriptionConfirmation", "SubscribeURL": "https://evil.example/"})).is_err());
}

#[test]
fn slash_commands_and_whole_mails_are_read() {
    let of = |preset: &str, content_type: &str, body: &[u8]| {
        let believed = Believed { door: "hook:x", content_type, raw: body.to_vec(), id: None, at: 0 };
        match post::read(&source(preset), believed).unwrap() {
            Post::Request(new) => *new,
            other => panic!("{other:?}"),
        }
    };
    let form = "application/x-www-form-urlencoded";
    let new = of("slack", form, b"command=%2Fsupport&text=no+clicks&user_id=U1&user_name=jane&trigger_id=1.2");
    assert_eq!(new.source_key.as_deref(), Some("1.2"));
    let whole = "From: a@b.example\r\nSubject: whole\r\n\r\nhello\r\n";
    let body = format!("recipient=s%40desk.example&body-mime={}", whole.replace("\r\n", "%0D%0A").replace(' ', "+"));
    let new = of("mailgun", form, body.as_bytes());
    assert_eq!(
        (new.kind, new.raw.as_slice(), new.envelope.to),
        (Kind::Mail, whole.as_bytes(), vec!["s@desk.example".into()])
    );
    let new = of("zendesk", "message/rfc822", whole.as_bytes());
    assert_eq!((new.kind, new.raw.as_slice()), (Kind::Mail, whole.as_bytes()));
    // Another boundary, the same mail: the same key.
    let parts = |boundary: &str| {
        let (_, body) = example("sendgrid");
        let body = String::from_utf8(body).unwrap().replace("xYzZY", boundary);
        of("sendgrid", &format!("multipart/form-data; boundary={boundary}"), body.as_bytes())
    };
    assert_eq!(parts("one"), parts("two"));
}

#[test]
fn callers_and_members_without_an_address_are_never_written_to() {
    let setting = Setting::default();
    for preset in ["twilio-voice", "slack"] {
        let source = source(preset);
        let (content_type, raw) = example(preset);
        let request = hook::read(&source.open(&content_type, &raw).unwrap(), &source.map).unwrap();
        let withheld = deskclerk::request::screening::unanswered(&request.from, &setting.reading);
        assert!(withheld.is_some(), "{preset}: {}", request.from.address);
    }
}
