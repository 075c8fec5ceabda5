//! An example as written, in a topic file or in `routing.toml`, and the request that it stands for. Says what should come;
//! never judges.

use super::routing::{self, PRIORITIES};
use super::sheet::{Sheet, Table};
use super::topic::{Header, headers};
use crate::request::{Attachment, Field, FieldKey, Mailbox, Request};

/// An example as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// Its line.
    pub line: usize,
    /// The subject.
    pub subject: String,
    /// The new text.
    pub text: String,
    /// What it forwards, what it quotes below, and its signature.
    pub below: [String; 3],
    /// What the customer picked in the form.
    pub pick: Option<String>,
    /// Form fields by their labels.
    pub fields: Vec<(String, String)>,
    /// The sender's address; empty: nobody's.
    pub from: String,
    /// Headers of the mail.
    pub headers: Vec<Header>,
    /// Names (`report.csv`) or media types (`text/csv`) of attachments.
    pub attachments: Vec<String>,
    /// The door, or the domain of the form that mailed it.
    pub source: Option<String>,
    /// False: a counter-example, which must not come to this topic.
    pub belongs: bool,
    /// The topic it belongs to, of a counter-example or of one in `routing.toml` that says so.
    pub topic: Option<String>,
}

/// An example of `routing.toml`: only what it names is judged.
#[derive(Debug, Clone)]
pub struct Routed {
    /// The request; its topic is judged where it names none.
    pub example: Example,
    /// The priority that must come, an index into [`PRIORITIES`].
    pub priority: Option<usize>,
    /// The team that must come.
    pub route: Option<String>,
    /// The flags that must come, in any order and no others.
    pub flags: Option<Vec<String>>,
}

impl Example {
    /// Reads one table `[[example]]` or `[[counter_example]]`.
    pub fn read(sheet: &mut Sheet<'_>, table: &mut Table<'_>, belongs: bool) -> Example {
        let mut text = |key| sheet.text(table, key).map(|(text, _)| text);
        let (subject, said, from) = (text("subject"), text("text"), text("from"));
        let (pick, source) = (text("pick"), text("source"));
        let below = ["forwarded", "quoted", "signature"].map(|key| text(key).unwrap_or_default());
        let fields = sheet.texts_by_key(table, "field");
        let example = Example {
            line: table.line,
            subject: subject.unwrap_or_default(),
            text: said.unwrap_or_default(),
            below,
            pick,
            fields: fields.into_iter().filter_map(|(label, value, _)| Some((label?, value))).collect(),
            from: from.unwrap_or_default(),
            headers: headers(sheet, table),
            attachments: sheet.texts(table, "attachment").into_iter().map(|(file, _)| file).collect(),
            source,
            belongs,
            topic: None,
        };
        if example == (Example { line: table.line, belongs, ..Example::default() }) {
            sheet.fault(table.line, "the example says nothing", "add text = \"…\", or delete it");
        }
        example
    }

    /// The request that it stands for.
    pub fn request(&self) -> Request {
        let field = |key, label: &str, value: &String| Field { key, label: label.to_owned(), value: value.clone() };
        let pick = self.pick.iter().map(|picked| field(FieldKey::HelpTopic, "Help Topic", picked));
        let others = self.fields.iter().map(|(label, value)| {
            let key = if label.eq_ignore_ascii_case("priority") { FieldKey::Priority } else { FieldKey::Unknown };
            field(key, label, value)
        });
        let attachment = |file: &String| match file.contains('/') {
            true => Attachment { media_type: file.to_lowercase(), ..Attachment::default() },
            false => Attachment { name: file.clone(), ..Attachment::default() },
        };
        let mailbox = |address: String| Mailbox { name: None, address };
        let (form, door): (Option<&String>, _) = match &self.source {
            Some(source) if source.contains('.') => (Some(source), None),
            source => (None, source.clone()),
        };
        let [forwarded, quoted, signature] = self.below.clone();
        Request {
            subject: self.subject.clone(),
            text: self.text.clone(),
            forwarded,
            quoted,
            signature,
            from: mailbox(self.from.clone()),
            via: form.map(|domain| mailbox(format!("form@{domain}"))),
            source: door,
            headers: self.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
            attachments: self.attachments.iter().map(attachment).collect(),
            fields: pick.chain(others).collect(),
            ..Request::default()
        }
    }

    /// Its first words.
    pub fn beginning(&self) -> String {
        format!("{} {}", self.subject, self.text).trim().chars().take(80).collect()
    }
}

impl Routed {
    /// Reads one table `[[example]]` of `routing.toml`.
    pub fn read(sheet: &mut Sheet<'_>, table: &mut Table<'_>) -> Routed {
        let topic = sheet.name(table, "topic").map(|(topic, _)| topic);
        let priority = routing::priority(sheet, table);
        let route = sheet.name(table, "route").map(|(team, _)| team);
        let flags = table.has("flags").then(|| sheet.names(table, "flags").into_iter().map(|(flag, _)| flag).collect());
        if priority.is_none() && route.is_none() && flags.is_none() {
            let remedy = "give it a priority, a route or flags; flags = [] says that none may come";
            sheet.fault(table.line, "the example does not say what should come", remedy);
        }
        Routed { example: Example { topic, ..Example::read(sheet, table, true) }, priority, route, flags }
    }

    /// What must come, for people.
    pub fn expected(&self) -> String {
        let flags = self.flags.as_deref();
        words(self.priority.map(|priority| PRIORITIES[priority]), self.route.as_deref(), flags)
    }
}

/// Priority, team and flags for people, as far as they are given.
pub fn words(priority: Option<&str>, route: Option<&str>, flags: Option<&[String]>) -> String {
    let flags = flags.map(|flags| match flags {
        [] => "no flags".to_owned(),
        flags => format!("flags {}", flags.join(", ")),
    });
    let priority = priority.map(|priority| format!("priority {priority}"));
    let route = route.map(|route| format!("for {route}"));
    [priority, route, flags].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
