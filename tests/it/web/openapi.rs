//! The description of the API against the API itself: every route, every field, every example, and nothing taken away
//! within `/v1`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use deskclerk::web::openapi::document;
use serde_json::{Map, Value, json};

use super::{Answer, TestDesk};

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const DIRECTORY: &str = "campaign_id,name,account,contacts\n48213,Harvest Fair North,Acme,acme.example\n\
                         48231,Harvest Fair South,Acme,acme.example\n";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn words(value: &Value) -> BTreeSet<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Follows `$ref`.
fn followed<'a>(whole: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(at) => whole.pointer(&at[1..]).unwrap_or_else(|| panic!("{at} leads nowhere")),
        None => value,
    }
}

/// Path, method and description of every operation.
pub fn operations(whole: &Value) -> impl Iterator<Item = (&String, &'static str, &Value)> {
    entries(&whole["paths"])
        .flat_map(|(path, item)| METHODS.iter().filter_map(move |method| Some((path, *method, item.get(method)?))))
}

/// Every `.route("/v1/…", get(…).post(…))` of the source, as `GET /v1/…`.
fn routes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            routes(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for (at, _) in text.match_indices(".route(") {
            let mut depth = 0;
            let end = text[at..].find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                c == ')' && depth == 0
            });
            let call = &text[at..at + end.unwrap()];
            let Some(address) = call.split('"').nth(1).filter(|address| address.starts_with("/v1/")) else { continue };
            let methods: Vec<_> = METHODS.iter().filter(|method| call.contains(&format!("{method}("))).collect();
            assert!(!methods.is_empty(), "{}: which method has {call}?", path.display());
            found.extend(methods.iter().map(|method| format!("{} {address}", method.to_uppercase())));
        }
    }
}

#[test]
fn every_route_is_described() {
    let mut found = BTreeSet::new();
    routes(&Path::new(HERE).join("src"), &mut found);
    let whole = document();
    let described: BTreeSet<String> =
        operations(&whole).map(|(path, method, _)| format!("{} {path}", method.to_uppercase())).collect();
    assert_eq!(described, found, "src/web/openapi/ describes the left, the source has the right");
}

/// What is wrong with a value by its schema. Fields that are not described are faults here, though clients ignore them.
/// Notes in `seen` which fields of which schema stood there.
fn faults(whole: &Value, schema: &Value, value: &Value, at: &str, seen: &mut BTreeSet<String>) -> Vec<String> {
    let mut found = vec![];
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        return faults(whole, followed(whole, schema), value, &format!("{at}<{name}>"), seen);
    }
    let either: Vec<Vec<String>> = list(&schema["anyOf"]).map(|one| faults(whole, one, value, at, seen)).collect();
    if !either.is_empty() && either.iter().all(|faults| !faults.is_empty()) {
        return either.concat();
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut kinds = words(&schema["type"]);
    kinds.extend(schema["type"].as_str().map(str::to_owned));
    let fits = kinds.is_empty() || kinds.contains(kind) || (kind == "integer" && kinds.contains("number"));
    if !fits {
        found.push(format!("{at}: {kind} for {kinds:?}"));
    }
    if let Some(known) = schema["enum"].as_array().filter(|known| !known.contains(value)) {
        found.push(format!("{at}: {value} is not among {known:?}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !regex::Regex::new(pattern).unwrap().is_match(text)
    {
        found.push(format!("{at}: {text} does not fit {pattern}"));
    }
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
        for name in words(&schema["required"]).iter().filter(|name| !object.contains_key(*name)) {
            found.push(format!("{at}.{name}: missing"));
        }
        for (name, value) in object {
            let place = format!("{at}.{name}");
            match properties.get(name) {
                None => found.push(format!("{place}: not described")),
                Some(schema) => found.extend(faults(whole, schema, value, &place, seen)),
            }
            // The innermost named schema on the way, and the path below it.
            seen.insert(place.rsplit('<').next().unwrap().replace('>', ""));
        }
    }
    for (index, value) in list(value).enumerate().filter(|_| schema["items"].is_object()) {
        found.extend(faults(whole, &schema["items"], value, &format!("{at}[]"), seen));
        assert!(index < 10_000);
    }
    found
}

/// Real answers, each held against what is described for it.
struct Checked {
    desk: TestDesk,
    whole: Value,
    seen: BTreeSet<String>,
}

impl Checked {
    fn holds(&mut self, method: &str, path: &str, answer: &Answer) -> Value {
        let operation = &self.whole["paths"][path][method];
        let described = followed(&self.whole, &operation["responses"][answer.status.to_string()]);
        assert!(described.is_object(), "{method} {path} answered {}: {}", answer.status, answer.text());
        let media_type = answer.header("content-type");
        let schema = &described["content"][media_type]["schema"];
        assert!(schema.is_object(), "{method} {path} answered {media_type}");
        let value = answer.json();
        let found = faults(&self.whole, schema, &value, "", &mut self.seen);
        assert!(found.is_empty(), "{method} {path}: {found:#?}");
        for (name, _) in entries(&described["headers"]).filter(|(name, _)| *name != "WWW-Authenticate") {
            assert!(!answer.header(&name.to_lowercase()).is_empty(), "{method} {path}: no {name}");
        }
        value
    }

    async fn api(&mut self, method: &str, path: &str, filled: &str, body: Value) -> Value {
        let answer = self.desk.api(&method.to_uppercase(), filled, body).await;
        self.holds(method, path, &answer)
    }
}

fn fixtures() -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        fs::read_dir(Path::new(HERE).join("fixtures/mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "eml"));
    files.sort();
    assert!(files.len() > 50);
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_answer_is_described() {
    let desk = TestDesk::with(|config| {
        config.form.per_minute = 1_000;
        config.attachments.refused = vec![".png".into()];
    })
    .await;
    desk.directory(DIRECTORY).await;
    let mut test = Checked { desk, whole: document(), seen: BTreeSet::new() };
    let bearer = format!("Bearer {}", test.desk.token);
    for raw in fixtures() {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "message/rfc822")];
        let judged = test.desk.send("POST", "/v1/triage", &headers, &raw).await;
        test.holds("post", "/v1/triage", &judged);
        let new = deskclerk::store::submissions::New {
            source: "lmtp".into(),
            source_key: None,
            kind: deskclerk::store::submissions::Kind::Mail,
            raw,
            envelope: Default::default(),
            answerable: true,
            received_at: 1,
        };
        test.desk.desk.accept(new).await.unwrap();
    }
    let text = "Please raise the daily budget of the Harvest Fair campaign from Monday.";
    let post = json!({"email": "Jane <jane@acme.example>", "text": text, "html": "<p>x</p>", "external_id": "7", "campaign_id": "48215"});
    let hook = test.desk.post("?wait=10s", "one", post.to_string().as_bytes()).await;
    let told = test.holds("post", "/v1/hooks/{source}", &hook);
    let known = json!({"email": "jane@acme.example", "text": text, "campaign_id": "48213"});
    test.desk.post("?wait=10s", "two", known.to_string().as_bytes()).await;
    let again = test.desk.post("", "one", post.to_string().as_bytes()).await;
    test.holds("post", "/v1/hooks/{source}", &again);
    let body = json!({"email": "jane@acme.example", "text": text, "attachments": [{"name": "a.png", "content": ""}]});
    for status in [202, 200] {
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k")];
        let handed = test.desk.send("POST", "/v1/requests?wait=10s", &headers, body.to_string().as_bytes()).await;
        assert_eq!(handed.status, status);
        test.holds("post", "/v1/requests", &handed);
    }
    let id = told["submission"].as_str().unwrap();
    let status = test.desk.send("GET", &format!("/v1/submissions/{id}?wait=10s"), &[], b"").await;
    test.holds("get", "/v1/submissions/{id}", &status);
    let pending = async || (test.desk.desk.store.pending_submissions().await.unwrap() == 0).then_some(());
    crate::harness::until("all to be settled", pending).await;
    test.api("get", "/v1/tickets", "/v1/tickets?limit=3", Value::Null).await;
    let tickets = test.api("get", "/v1/tickets", "/v1/tickets?limit=200", Value::Null).await;
    for ticket in list(&tickets["tickets"]) {
        test.api("get", "/v1/tickets/{id}", &format!("/v1/tickets/{}", ticket["id"]), Value::Null).await;
    }
    let number = told["ticket"].as_i64().unwrap();
    let change = json!({"version": 1, "priority": "high", "status": "open", "campaign": null});
    test.api("patch", "/v1/tickets/{id}", &format!("/v1/tickets/{number}"), change.clone()).await;
    test.api("get", "/v1/tickets/{id}", &format!("/v1/tickets/{number}"), Value::Null).await;
    let alike = [("1", "Spring Sale 2024"), ("2", "Spring Sale 2025")];
    let alike = alike.map(|(id, name)| json!({"id": id, "name": name, "account": "Acme", "contacts": []}));
    test.api("put", "/v1/campaigns", "/v1/campaigns?allow_shrink=true", json!(alike)).await;
    test.api("get", "/v1/campaigns/similar", "/v1/campaigns/similar?limit=3", Value::Null).await;
    // Faults.
    test.api("patch", "/v1/tickets/{id}", &format!("/v1/tickets/{number}"), change).await;
    test.api("patch", "/v1/tickets/{id}", "/v1/tickets/1", json!({"priority": 7})).await;
    test.api("get", "/v1/tickets/{id}", "/v1/tickets/999999", Value::Null).await;
    for (path, filled) in [("/v1/tickets", "/v1/tickets"), ("/v1/tickets/{id}", "/v1/tickets/1")] {
        let denied = test.desk.send("GET", filled, &[], b"").await;
        test.holds("get", path, &denied);
    }
    // And nothing is described that never stands there.
    let answered = [
        "Submission",
        "Ticket",
        "TicketWhole",
        "TicketList",
        "Judgement",
        "Replaced",
        "SimilarGroups",
        "Problem",
        "Place",
    ];
    let mut described = BTreeSet::new();
    let mut names: Vec<String> = answered.iter().map(|name| (*name).to_owned()).collect();
    let mut done = BTreeSet::new();
    while let Some(name) = names.pop() {
        if done.insert(name.clone()) {
            fields(&test.whole["components"]["schemas"][&name], &name, &mut described, &mut names);
        }
    }
    // Rare: a rule of the operator's that looks at headers, a bounce that belongs to a ticket, a partner's thread and files
    // by URL, a mail that an agent forwarded.
    let rare = [
        "ReadMessage.headers",
        "ReadMessage.bounce",
        "ReadMessage.thread_key",
        "Attachment.url",
        "TicketWhole.forwarded_by.name",
        "TicketWhole.forwarded_by.address",
    ];
    let unseen: Vec<_> = described.difference(&test.seen).filter(|field| !rare.contains(&field.as_str())).collect();
    assert!(unseen.is_empty(), "described, but in no answer: {unseen:#?}");
}

/// The fields of a schema by their paths, and the schemas that it names.
fn fields(schema: &Value, at: &str, found: &mut BTreeSet<String>, names: &mut Vec<String>) {
    names.extend(schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()).map(str::to_owned));
    for (name, field) in entries(&schema["properties"]) {
        found.insert(format!("{at}.{name}"));
        fields(field, &format!("{at}.{name}"), found, names);
    }
    fields_of(&schema["items"], &format!("{at}[]"), found, names);
    list(&schema["anyOf"]).for_each(|one| fields_of(one, at, found, names));
}

fn fields_of(schema: &Value, at: &str, found: &mut BTreeSet<String>, names: &mut Vec<String>) {
    if schema.is_object() {
        fields(schema, at, found, names);
    }
}

#[tokio::test]
async fn every_field_that_is_taken_is_described() {
    let desk = TestDesk::start().await;
    let whole = document();
    // Serde's fault names all fields that it knows.
    let known = |answer: &Answer| -> BTreeSet<String> {
        let text = answer.json()["detail"].as_str().unwrap().to_owned();
        let (_, list) = text.split_once("expected ").unwrap_or_else(|| panic!("{text}"));
        list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let queries = |path: &str, method: &str| -> BTreeSet<String> {
        let parameters = list(&whole["paths"][path][method]["parameters"]).map(|one| followed(&whole, one));
        let query = parameters.filter(|parameter| parameter["in"] == "query");
        query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    let described = |schema: &str| -> BTreeSet<String> {
        entries(&whole["components"]["schemas"][schema]["properties"]).map(|(name, _)| name.clone()).collect()
    };
    let refused = desk.api("GET", "/v1/tickets?unheard=of", Value::Null).await;
    assert_eq!(queries("/v1/tickets", "get"), known(&refused));
    let refused = desk.api("GET", "/v1/campaigns/similar?unheard=of", Value::Null).await;
    assert_eq!(queries("/v1/campaigns/similar", "get"), known(&refused));
    let refused = desk.api("PUT", "/v1/campaigns?unheard=of", json!([])).await;
    assert_eq!(queries("/v1/campaigns", "put"), known(&refused));
    let refused = desk.api("PATCH", "/v1/tickets/1", json!({"unheard": "of"})).await;
    assert_eq!(described("TicketChange"), known(&refused));
    let generic: toml::Table = toml::from_str(include_str!("../../../rules/hooks/generic.toml")).unwrap();
    let map: BTreeSet<String> = generic["map"].as_table().unwrap().keys().cloned().collect();
    assert_eq!(described("Hook"), map);
    let own = BTreeSet::from(["language", "attachments"].map(str::to_owned));
    let request: BTreeSet<String> = map.union(&own).cloned().collect();
    assert_eq!((described("Request"), described("RequestForm")), (request.clone(), request));
}

#[test]
fn every_example_is_what_it_shows() {
    let whole = document();
    let mut examples = 0;
    let mut check = |content: &Value, at: &str| {
        for (media_type, content) in entries(content) {
            let several = entries(&content["examples"]).map(|(_, example)| &example["value"]);
            for example in several.chain(content.get("example")) {
                let found = faults(&whole, &content["schema"], example, media_type, &mut BTreeSet::new());
                assert!(found.is_empty(), "{at}: {found:#?}");
                examples += 1;
            }
        }
    };
    for (path, method, operation) in operations(&whole) {
        let at = format!("{method} {path}");
        check(&operation["requestBody"]["content"], &at);
        for (status, response) in entries(&operation["responses"]) {
            let response = followed(&whole, response);
            let shown = entries(&response["content"]).all(|(_, one)| !one["example"].is_null());
            let empty = ["202", "204"].contains(&status.as_str()) && response["content"].is_null();
            assert!(empty || response["content"].is_object() && shown, "{at} {status} shows no example");
            check(&response["content"], &at);
        }
    }
    assert!(examples > 40, "{examples}");
}

/// One line for each thing that a client may rely on.
fn pins(whole: &Value) -> BTreeSet<String> {
    let mut pins = BTreeSet::new();
    for (path, method, operation) in operations(whole) {
        let at = format!("{} {path}", method.to_uppercase());
        let who: Vec<&String> = list(&operation["security"]).flat_map(entries).map(|(name, _)| name).collect();
        pins.insert(format!("{at} by {}", if who.is_empty() { "anybody".into() } else { format!("{who:?}") }));
        for parameter in list(&whole["paths"][path]["parameters"]).chain(list(&operation["parameters"])) {
            let parameter = followed(whole, parameter);
            let required = if parameter["required"] == true { " required" } else { "" };
            let kind = kind(&parameter["schema"]);
            pins.insert(format!(
                "{at} takes {} {} {kind}{required}",
                parameter["in"].as_str().unwrap(),
                parameter["name"].as_str().unwrap()
            ));
        }
        for (media_type, content) in entries(&operation["requestBody"]["content"]) {
            pins.insert(format!("{at} takes {media_type} {}", kind(&content["schema"])));
        }
        for (status, response) in entries(&operation["responses"]) {
            let response = followed(whole, response);
            for (media_type, content) in entries(&response["content"]) {
                pins.insert(format!("{at} answers {status} {media_type} {}", kind(&content["schema"])));
            }
            for (header, _) in entries(&response["headers"]) {
                pins.insert(format!("{at} answers {status} with {header}"));
            }
        }
    }
    for (name, schema) in entries(&whole["components"]["schemas"]) {
        pin(schema, name, &mut pins);
    }
    pins
}

fn pin(schema: &Value, at: &str, pins: &mut BTreeSet<String>) {
    pins.insert(format!("{at} is {}", kind(schema)));
    pins.extend(list(&schema["enum"]).map(|word| format!("{at} may be {word}")));
    let required = words(&schema["required"]);
    for (name, field) in entries(&schema["properties"]) {
        if required.contains(name) {
            pins.insert(format!("{at}.{name} is required"));
        }
        pin(field, &format!("{at}.{name}"), pins);
    }
    if schema["items"].is_object() {
        pin(&schema["items"], &format!("{at}[]"), pins);
    }
}

fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        return name.to_owned();
    }
    let either: Vec<String> = list(&schema["anyOf"]).map(kind).collect();
    if !either.is_empty() {
        return either.join("|");
    }
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
        kind => kind.as_str().unwrap_or("anything").to_owned(),
    }
}

/// The schemas that stand in bodies which clients send.
fn sent(whole: &Value) -> BTreeSet<String> {
    let bodies = operations(whole).flat_map(|(_, _, operation)| entries(&operation["requestBody"]["content"]));
    let mut names = vec![];
    bodies.for_each(|(_, content)| fields(&content["schema"], "", &mut BTreeSet::new(), &mut names));
    names.into_iter().collect()
}

/// What breaks clients when `new` takes the place of `old`.
fn broken(old: &BTreeSet<String>, new: &BTreeSet<String>, sent: &BTreeSet<String>) -> Vec<String> {
    let gone = old.difference(new).map(|line| format!("gone: {line}"));
    let schema = |line: &str| line.split([' ', '.', '[']).next().unwrap_or_default().to_owned();
    let known: BTreeSet<String> = old.iter().map(|line| schema(line)).collect();
    // What clients send today must do tomorrow.
    let wanted = new.difference(old).filter(|line| {
        let of_body = line.ends_with(" is required") && sent.contains(&schema(line)) && known.contains(&schema(line));
        let operation = line.split(" takes ").next().unwrap_or_default();
        let of_call = line.ends_with(" required") && old.iter().any(|old| old.starts_with(&format!("{operation} ")));
        of_body || (of_call && line.contains(" takes "))
    });
    gone.chain(wanted.map(|line| format!("newly required: {line}"))).collect()
}

#[test]
fn nothing_is_taken_away_within_v1() {
    let file = Path::new(HERE).join("fixtures/api/v1.txt");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let whole = document();
    let (old, new) = (text.lines().map(str::to_owned).collect::<BTreeSet<_>>(), pins(&whole));
    let broken = broken(&old, &new, &sent(&whole));
    assert!(broken.is_empty(), "clients of /v1 rely on this: {broken:#?}");
    let added: Vec<_> = new.difference(&old).collect();
    if std::env::var_os("PIN").is_some() {
        let all: Vec<String> = old.union(&new).cloned().collect();
        fs::write(&file, all.join("\n") + "\n").unwrap();
        return;
    }
    assert!(added.is_empty(), "new; run this test once with PIN=1 and commit fixtures/api/v1.txt: {added:#?}");
}

#[test]
fn the_pin_tells_what_breaks() {
    let whole = document();
    let old = pins(&whole);
    let after = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        broken(&old, &pins(&changed), &sent(&changed))
    };
    let take = |at: &'static str, key: &'static str| {
        move |whole: &mut Value| drop(whole.pointer_mut(at).unwrap().as_object_mut().unwrap().remove(key).unwrap())
    };
    assert_eq!(after(&|_| {}), Vec::<String>::new());
    assert!(!after(&take("/components/schemas/Ticket/properties", "route")).is_empty());
    assert!(!after(&take("/paths", "/v1/triage")).is_empty());
    assert!(
        !after(&|whole| whole["components"]["schemas"]["Ticket"]["properties"]["version"]["type"] = json!("string"))
            .is_empty()
    );
    assert!(
        !after(&|whole| whole["components"]["schemas"]["Request"]["required"] = json!(["email", "text", "subject"]))
            .is_empty()
    );
    assert!(
        !after(&|whole| drop(whole["components"]["schemas"]["Status"]["enum"].as_array_mut().unwrap().pop()))
            .is_empty()
    );
    let more = after(&|whole| {
        let properties = whole["components"]["schemas"]["Ticket"]["properties"].as_object_mut().unwrap();
        properties.insert("new".into(), json!({"type": "string"}));
    });
    assert_eq!(more, Vec::<String>::new(), "what is added breaks nobody");
}

#[tokio::test]
async fn people_can_read_it() {
    let desk = TestDesk::start().await;
    let served = desk.send("GET", "/openapi.json", &[], b"").await;
    assert_eq!((served.status, served.header("content-type"), served.json()), (200, "application/json", document()));
    let page = desk.send("GET", "/api", &[], b"").await;
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'; form-action 'none'")
    );
    for forbidden in ["<script", "style=", "src=", "href=\"http"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    let whole = document();
    let ids: BTreeMap<&str, &str> = operations(&whole)
        .map(|(path, _, operation)| (operation["operationId"].as_str().unwrap(), path.as_str()))
        .collect();
    assert_eq!(ids.len(), operations(&whole).count());
    for (id, path) in ids {
        assert!(
            text.contains(&format!("<article id=\"{id}\">")) && text.contains(&path.replace('/', "&#x2f;")),
            "{id}"
        );
    }
    for (name, _) in whole["components"]["schemas"].as_object().unwrap_or(&Map::new()) {
        assert!(text.contains(&format!("<article id=\"{name}\">")), "{name}");
    }
}
