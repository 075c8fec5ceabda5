//! The page `/submit`: shows the form, checks what was entered, hands it in, says thank you.
//!
//! Promises: what was entered is never lost to a fault: the form comes back with it, files excepted, which browsers do not
//! let a page fill in again. A form is taken only with a pass of ours, once, not at once, and from this desk's own page.
//! Works without JavaScript, unless the operator asks for a proof of work.
//!
//! The live check says whether what was typed is written like an id of this directory, which is the same for every id of
//! that form, known or not. Nobody on this page has proven who he is, so nobody is told more.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::multipart::{self, Parts};
use super::page::Page;
use super::{Door, submission, words};
use crate::campaigns::Directory;
use crate::desk::origin::same_origin;
use crate::desk::problem::{Path, Problem, Query};
use crate::intake::webhook;
use crate::reply::pass::{self, Pass};
use crate::request::{address, submitted};
use crate::rules::Concerns;
use crate::ticket::Ticket;

/// How long a form may stay open.
const LONGEST_SECS: i64 = 24 * 60 * 60;
/// The longest description, in characters.
const LONGEST_TEXT: usize = 50_000;
/// The longest of the one-line fields, in characters.
const LONGEST_LINE: usize = 500;
/// How long the page that says thank you waits for the ticket's number.
const TICKET_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// What a link to the form may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    pub(super) lang: Option<String>,
    topic: String,
    campaign_id: String,
}

/// What a visitor entered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
struct Draft {
    topic: String,
    campaign_id: String,
    no_campaign: bool,
    subject: String,
    description: String,
    name: String,
    email: String,
    /// What he was told of the campaign already: said once, it does not hold him up again.
    told: String,
}

impl Draft {
    fn of(parts: &Parts) -> Draft {
        let line = |name| parts.text(name).trim().chars().take(LONGEST_LINE).collect();
        Draft {
            topic: line("topic"),
            campaign_id: line("campaign_id"),
            no_campaign: !parts.text("no_campaign").is_empty(),
            subject: line("subject"),
            description: parts.text("description").replace("\r\n", "\n").trim().to_owned(),
            name: line("name"),
            email: line("email"),
            told: line("told"),
        }
    }

    /// What is wrong: the field, and the key of its words. Of a form as it is, whatever stands in the directory.
    fn faults(&self, topics: &[(&str, &str)]) -> Vec<(&'static str, &'static str)> {
        let address = address::one(&self.email).filter(|mailbox| !mailbox.address.is_empty());
        let checks = [
            (!topics.iter().any(|(id, _)| *id == self.topic), "topic", "topic"),
            (self.no_campaign && !self.campaign_id.is_empty(), "campaign_id", "both"),
            (self.description.is_empty(), "description", "description"),
            (self.description.chars().count() > LONGEST_TEXT, "description", "description_long"),
            (address.is_none(), "email", "email"),
        ];
        checks.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, field, key)| (field, key)).collect()
    }

    /// What to tell of the campaign, once: it may be right all the same.
    fn doubt(&self, concerns: Concerns, directory: &Directory) -> Option<&'static str> {
        let key = match self.campaign_id.is_empty() {
            true if self.no_campaign || concerns != Concerns::Required => return None,
            true => "missing",
            false if written_like_ids(&self.campaign_id, directory) => return None,
            false => "odd",
        };
        (self.told != self.telling(key)).then_some(key)
    }

    fn telling(&self, key: &str) -> String {
        format!("{key}:{}{}", self.topic, self.campaign_id)
    }
}

/// Whether each of the ids that stand here is written like those of the directory.
fn written_like_ids(text: &str, directory: &Directory) -> bool {
    let whole = directory.has_form_of_id(text);
    let mut each = text.split([',', ';', '/', ' ', '\n']).filter(|part| !part.is_empty());
    whole || each.all(|part| directory.has_form_of_id(part))
}

/// A form as it is shown.
struct Shown {
    draft: Draft,
    pass: String,
    /// Field and words; of no field where that is empty.
    faults: Vec<(&'static str, String)>,
    /// Files were sent, and have to be chosen again.
    files: bool,
    status: StatusCode,
}

pub(super) async fn show(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let language = door.language(wanted.lang.as_deref(), &headers);
    if let Err(problem) = door.looks.count(peer, &headers) {
        return door.trouble(problem, language);
    }
    let line = |text: String| text.trim().chars().take(LONGEST_LINE).collect();
    let draft = Draft { topic: line(wanted.topic), campaign_id: line(wanted.campaign_id), ..Draft::default() };
    let shown = Shown { draft, pass: door.fresh_pass(), faults: vec![], files: false, status: StatusCode::OK };
    door.form(shown, language)
}

pub(super) async fn receive(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wanted): Query<Wanted>,
    request: Request,
) -> Response {
    let language = door.language(wanted.lang.as_deref(), request.headers());
    match door.take(peer, request, language).await {
        Ok(response) => response,
        Err(problem) => door.trouble(problem, language),
    }
}

/// Whether an id is written like those of the directory.
pub(super) async fn check(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    door.looks.count(peer, &headers)?;
    let id: String = asked.id.trim().chars().take(LONGEST_LINE).collect();
    Ok(Json(json!({"fits": !id.is_empty() && written_like_ids(&id, &door.desk.directory())})))
}

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    id: String,
}

pub(super) async fn thanks(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let language = door.language(wanted.lang.as_deref(), &headers);
    match door.number(peer, &headers, &id).await {
        Err(problem) => door.trouble(problem, language),
        Ok(ticket) => {
            let key = if ticket.is_some() { "thanks.ticket" } else { "thanks.submission" };
            let number = ticket.map_or_else(|| id.clone(), |ticket| format!("#{ticket}"));
            let text = door.pages().words.text(language, key).replace("{number}", &number);
            let path = format!("/submit/thanks/{id}");
            let seen = context! { text };
            door.render(Page { template: "thanks.html", language, path: &path, status: StatusCode::OK, seen })
        }
    }
}

impl Door {
    pub(super) fn language(&self, asked: Option<&str>, headers: &HeaderMap) -> &'static str {
        words::choose(asked, headers, &self.desk.config.desk.language)
    }

    fn fresh_pass(&self) -> String {
        let pass = Pass { issued_at: webhook::now_ms() / 1000, nonce: rand::random() };
        self.desk.keys().sign_pass(pass)
    }

    /// Takes a form in, or shows it again with what is wrong.
    async fn take(&self, peer: SocketAddr, request: Request, language: &str) -> Result<Response, Problem> {
        let config = &self.desk.config;
        same_origin(request.headers(), &config.desk.public_url)?;
        self.limit.count(peer, request.headers())?;
        let parts = multipart::read(request, config.form.attachments).await?;
        let draft = Draft::of(&parts);
        let rules = self.desk.rules();
        let mut found = draft.faults(&rules.topics());
        if parts.sent_files > config.form.attachments {
            found.push(("attachments", "files"));
        }
        if found.is_empty()
            && let Some(key) = draft.doubt(rules.concerns(&draft.topic), &self.desk.directory())
        {
            found.push(("campaign_id", key));
        }
        // What is wrong with the form itself is told last: what else is wrong takes its time to mend.
        let given = parts.text("pass");
        let pass = self.desk.keys().read_pass(given);
        let age = pass.map_or(i64::MAX, |pass| webhook::now_ms() / 1000 - pass.issued_at);
        let least = i64::try_from(config.form.least_secs).unwrap_or(i64::MAX);
        let fresh = (0..=LONGEST_SECS).contains(&age);
        let whole = match () {
            () if !fresh => Some("stale"),
            () if !parts.text("website").is_empty() => Some("robot"),
            () if age < least => Some("quick"),
            () if !pass::worked(given, parts.text("work"), config.form.proof_of_work_bits) => Some("work"),
            () => None,
        };
        found.extend(whole.filter(|_| found.is_empty()).map(|key| ("", key)));
        let Some(pass) = pass.filter(|_| found.is_empty()) else {
            let pass = if fresh { given.to_owned() } else { self.fresh_pass() };
            return Ok(self.again(draft, pass, &found, &parts, language));
        };
        let mut value = json!({
            "email": draft.email,
            "name": draft.name,
            "subject": draft.subject,
            "text": draft.description,
            "help_topic": rules.label(&draft.topic),
            "campaign_id": if draft.no_campaign { "none" } else { draft.campaign_id.as_str() },
            "language": language,
            "attachments": parts.attachments(),
        });
        if let Some(object) = value.as_object_mut() {
            object
                .retain(|_, value| value.as_str() != Some("") && value.as_array().is_none_or(|list| !list.is_empty()));
        }
        let submitted = self.desk.accept(submission(&value, Some(format!("form-{:016x}", pass.nonce)))).await?;
        if submitted.known && !submitted.same_content {
            return Ok(self.again(draft, self.fresh_pass(), &[("", "sent")], &parts, language));
        }
        let location = format!("/submit/thanks/{}?lang={language}", submitted.id);
        Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
    }

    fn again(
        &self,
        mut draft: Draft,
        pass: String,
        found: &[(&'static str, &'static str)],
        parts: &Parts,
        language: &str,
    ) -> Response {
        let words = &self.pages().words;
        let most = self.desk.config.form.attachments.to_string();
        let told = |(field, key): &(&'static str, &'static str)| {
            (*field, words.text(language, &format!("fault.{key}")).replace("{count}", &most))
        };
        if let Some((_, key)) = found.iter().find(|(_, key)| matches!(*key, "odd" | "missing")) {
            draft.told = draft.telling(key);
        }
        let faults = found.iter().map(told).collect();
        let shown =
            Shown { draft, pass, faults, files: parts.sent_files > 0, status: StatusCode::UNPROCESSABLE_ENTITY };
        self.form(shown, language)
    }

    fn form(&self, shown: Shown, language: &str) -> Response {
        let Shown { draft, pass, faults, files, status } = shown;
        let config = &self.desk.config;
        let by_field: BTreeMap<&str, &str> = faults.iter().map(|(field, text)| (*field, text.as_str())).collect();
        let seen = context! {
            draft => Serde(&draft),
            topics => Serde(&self.topics(language)),
            pass,
            faults => Serde(&faults),
            fault => Serde(&by_field),
            files,
            most_files => config.form.attachments,
            size => self.megabytes(),
            longest_text => LONGEST_TEXT,
            longest_line => LONGEST_LINE,
            bits => config.form.proof_of_work_bits,
        };
        self.render(Page { template: "submit.html", language, path: "/submit", status, seen })
    }

    /// The help topics as people read them, with what helps for each; `other` last.
    fn topics(&self, language: &str) -> Vec<Value> {
        const OTHER: &str = "other";
        let (rules, templates) = (self.desk.rules(), self.desk.templates());
        let (other, named): (Vec<_>, Vec<_>) = rules.topics().into_iter().partition(|(id, _)| *id == OTHER);
        let topic = |(id, label): (&str, &str)| {
            let own = templates.topic(language, id).map(str::to_owned);
            let own = own.or_else(|| (id == OTHER).then(|| self.pages().words.text(language, "topic_other")));
            let helps: Vec<&str> = rules.details(id).filter_map(|detail| templates.detail(language, detail)).collect();
            json!({"id": id, "label": own.unwrap_or_else(|| label.to_owned()), "helps": helps})
        };
        named.into_iter().chain(other).map(topic).collect()
    }

    /// The number of the ticket that a submission of the form became, when it is there in time.
    async fn number(&self, peer: SocketAddr, headers: &HeaderMap, id: &str) -> Result<Option<i64>, Problem> {
        self.looks.count(peer, headers)?;
        let none = || Problem::no("request");
        uuid::Uuid::try_parse(id).map_err(|_| none())?;
        let submission = self.desk.store.standing(id).await?.ok_or_else(none)?;
        if submission.source != submitted::SOURCE {
            return Err(none());
        }
        let settled = webhook::settled(&self.desk, id, TICKET_WAIT).await?;
        let Some(number) = settled.and_then(|settled| settled.ticket_id) else { return Ok(None) };
        let ticket: Option<Ticket> = self.desk.store.ticket(number).await?;
        Ok(ticket.map(|ticket| ticket.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaigns::Campaign;

    const TOPICS: [(&str, &str); 2] = [("reporting", "Reports"), ("other", "Other")];

    fn draft() -> Draft {
        Draft {
            topic: "reporting".into(),
            campaign_id: "48213".into(),
            description: "no clicks".into(),
            email: "jane@acme.example".into(),
            ..Draft::default()
        }
    }

    fn check(change: impl FnOnce(&mut Draft), expected: &[(&str, &str)]) {
        let mut draft = draft();
        change(&mut draft);
        assert_eq!(draft.faults(&TOPICS), expected, "{draft:?}");
    }

    #[test]
    fn each_fault_names_its_field() {
        check(|_| {}, &[]);
        check(|draft| draft.topic.clear(), &[("topic", "topic")]);
        check(|draft| draft.topic = "'; drop".into(), &[("topic", "topic")]);
        check(|draft| draft.no_campaign = true, &[("campaign_id", "both")]);
        check(|draft| draft.email = "jane".into(), &[("email", "email")]);
        check(|draft| draft.description = "x".repeat(50_001), &[("description", "description_long")]);
        check(
            |draft| (draft.description, draft.email) = (String::new(), String::new()),
            &[("description", "description"), ("email", "email")],
        );
    }

    fn doubt(id: &str, concerns: Concerns, expected: Option<&str>) {
        let campaign = |id: &str| Campaign { id: id.into(), ..Campaign::default() };
        let directory = Directory::build(vec![campaign("48213"), campaign("AB-77")]);
        let mut draft = Draft { campaign_id: id.into(), ..draft() };
        assert_eq!(draft.doubt(concerns, &directory), expected, "{id}");
        // Told once, it holds nobody up.
        if let Some(key) = expected {
            draft.told = draft.telling(key);
            assert_eq!(draft.doubt(concerns, &directory), None, "{id}");
        }
    }

    #[test]
    fn an_id_is_doubted_by_its_form_alone() {
        for id in ["48213", "00000", "AB-77", "zz99", "48213, 99999", "48213 AB-77"] {
            doubt(id, Concerns::Required, None);
        }
        for id in ["4821", "spring launch", "<script>", "48213-x"] {
            doubt(id, Concerns::Optional, Some("odd"));
        }
        doubt("", Concerns::Required, Some("missing"));
        doubt("", Concerns::Optional, None);
    }
}
