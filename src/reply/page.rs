//! One-tap answers in words: the marks that stand for them in a mail, what such an answer says, and the page that it opens.
//!
//! The page is `tap.txt` of its language, set by `replies/page.html`; it never shows what a customer wrote.

use std::fmt::Write;

use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};

use super::compose::{Data, Words, clean};
use super::layout::{self, blocks, set};
use super::templates::Templates;
use crate::campaigns::Named;
use crate::config::fault::Fault;

/// The template of the page that a one-tap answer opens.
pub const PAGE: &str = "tap";

/// The words of one-tap answers. `pick` and `no_campaign` are also what the mail says that such an answer becomes, so
/// they must be words that the rules understand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    /// What the customer says who picks a campaign; `{id}` is its Campaign ID.
    pub(super) pick: String,
    /// What the customer says whose request is about none.
    pub(super) no_campaign: String,
    /// The link's words beside a campaign.
    pub(super) this_one: String,
    /// The words of the link that opens a mail instead.
    pub(super) by_mail: String,
    /// The page's button.
    pub(super) confirm: String,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers {
            pick: "Campaign ID {id}".into(),
            no_campaign: "My request is not about a particular campaign.".into(),
            this_one: "This is the one".into(),
            by_mail: "by email".into(),
            confirm: "Yes, that is right".into(),
        }
    }
}

/// What the page of a one-tap answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// It asks whether that is right.
    Open,
    /// It is answered now.
    Done,
    /// It was answered before.
    Used,
    /// The link's time is over.
    Expired,
    /// There is no such link.
    Unknown,
}

impl PageState {
    /// All of them.
    pub const ALL: [PageState; 5] =
        [PageState::Open, PageState::Done, PageState::Used, PageState::Expired, PageState::Unknown];

    /// The word that templates know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            PageState::Open => "open",
            PageState::Done => "done",
            PageState::Used => "used",
            PageState::Expired => "expired",
            PageState::Unknown => "unknown",
        }
    }
}

impl Templates {
    /// The page of a one-tap answer; the text ends with the button's words. `campaign`: the one that it picks.
    pub fn page(
        &self,
        state: PageState,
        ticket: i64,
        desk: &str,
        campaign: Option<&Named>,
        language: &str,
    ) -> Result<Words, Fault> {
        let language = self.language_with(PAGE, language)?;
        let (subject_of, text_of) = (format!("{language}/{PAGE}.subject"), format!("{language}/{PAGE}.txt"));
        let desk = clean(desk);
        let campaign = campaign.map(|named| Named { id: clean(&named.id), name: clean(&named.name) });
        let seen = context! {
            state => state.as_str(),
            ticket,
            desk => desk.as_str(),
            campaign => campaign.as_ref().map(Serde),
            topic => (),
            again => false,
            stated => (),
            candidates => Vec::<String>::new(),
            details => Vec::<String>::new(),
            needs_campaign => false,
            needs_description => false,
            no_campaign => (),
        };
        let subject = clean(&self.run(&subject_of, &text_of, seen.clone())?);
        let blocks = blocks(&self.run(&text_of, &text_of, seen)?);
        let own = format!("{language}/page.html");
        let html = if self.files.contains(&own) { own.as_str() } else { "page.html" };
        let confirm = (state == PageState::Open).then_some(self.languages[language].answers.confirm.as_str());
        let seen = context! {
            ticket,
            desk => desk.as_str(),
            subject => subject.as_str(),
            language,
            confirm,
            blocks => Serde(&blocks),
        };
        let html = self.run(html, html, seen)?;
        let button = confirm.map(|confirm| format!("\n[ {confirm} ]\n"));
        let text = format!("{}{}", set(&blocks), button.unwrap_or_default());
        Ok(Words { template: PAGE, language: language.to_owned(), subject, text, html })
    }

    /// What a customer says by one tap, in this language: this campaign, or none in particular.
    pub fn answer(&self, campaign: Option<&str>, language: &str) -> String {
        let none = Answers::default();
        let answers = self.languages.get(language).map_or(&none, |words| &words.answers);
        campaign.map_or_else(|| answers.no_campaign.clone(), |id| answers.pick.replace("{id}", &clean(id)))
    }
}

/// A one-tap answer as a mark in the text: `choice` is its place among the links, `says` what it says as a mail.
pub(super) fn tap(data: &Data, choice: usize, label: &str, says: &str) -> String {
    let Some(taps) = &data.taps else { return String::new() };
    let subject = format!("Re: [#{}]", data.ticket);
    let mail = format!("mailto:{}?subject={}&body={}", taps.reply_to, encoded(&subject), encoded(says));
    layout::mark(&clean(label), taps.links.get(choice).map_or("", String::as_str), &mail)
}

/// Percent-encodes a value of a mailto link (RFC 6068 §2: unreserved stands).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
