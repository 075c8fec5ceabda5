//! A request: a submission as understood text. Bytes or JSON go in, a [`Request`] comes out.
//!
//! This module knows how people and mail programs write; it never knows campaigns, topics or tickets, never does I/O,
//! and is total: whatever comes in yields a value plus oddities, or a [`Refusal`] when it is over the bounds.

pub mod address;
mod armour;
pub mod attachment;
pub mod authentication;
pub mod bounds;
pub mod charset;
mod clearsigned;
pub mod content;
mod dos;
mod encoded;
pub mod evidence;
mod finder;
pub mod form;
mod forward;
pub mod header;
pub mod hook;
pub mod html;
pub mod language;
pub mod lines;
mod list;
pub mod mail;
pub mod pattern;
pub mod quote;
pub mod reading;
pub mod screening;
pub mod signature;
mod structure;
pub mod submitted;
pub mod thread;
pub mod uuencode;

use std::sync::Arc;

use evidence::Where;
use reading::Reading;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A mail address with its display name. `address` holds exactly one `@`, no white space and no control characters;
/// its domain is lower case. An unreadable sender has an empty address and an oddity on the request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(expecting = "an object with address and name")]
pub struct Mailbox {
    /// The display name as sent, decoded; control characters removed.
    pub name: Option<String>,
    /// The addr-spec (RFC 5322 §3.4.1).
    pub address: String,
}

/// A submission as understood text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Message-ID without angle brackets (RFC 5322 §3.6.4).
    pub message_id: Option<String>,
    /// The requester: the person to answer. For form mail the customer, not the form's robot.
    pub from: Mailbox,
    /// Who handed it in on the requester's behalf: the form's robot, the webhook's mailer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Mailbox>,
    /// The door that it came in by, such as `hook:leads`; `None` when nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Recipients of the `To` header.
    #[serde(default)]
    pub to: Vec<Mailbox>,
    /// Recipients of the `Cc` header. They gain no access by standing here.
    #[serde(default)]
    pub cc: Vec<Mailbox>,
    /// The subject, decoded, one line.
    pub subject: String,
    /// The Date header as unix milliseconds.
    pub date: Option<i64>,
    /// ISO 639-1 code of the new text's language; `None` when it is too short to tell.
    pub language: Option<String>,
    /// The new text: what the requester wrote now. Of form mail the description and whatever stands beside the fields.
    pub text: String,
    /// Text quoted from older mail, in order.
    pub quoted: String,
    /// The signature block: name, company, phone, legal notices, "Sent from my iPhone".
    pub signature: String,
    /// The text of a forwarded message.
    #[serde(default)]
    pub forwarded: String,
    /// Who wrote the forwarded message, when and under which subject.
    pub forwarded_from: Option<Forwarded>,
    /// The HTML body as sent, hostile; shown only sanitised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Form or webhook fields, in their order.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Link targets shown by the new text's HTML; plain URLs stand in `text`.
    #[serde(default)]
    pub links: Vec<String>,
    /// Attachments, in the order of the MIME parts.
    pub attachments: Vec<Attachment>,
    /// What may tie this request to a ticket.
    #[serde(default)]
    pub thread: ThreadKeys,
    /// The verdict of screening: automated mail, and why. `None`: a person, or a form on a person's behalf.
    pub automated: Option<Automated>,
    /// Why a person's mail must not be answered automatically (no-reply address, X-Auto-Response-Suppress, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_reply: Option<String>,
    /// What a delivery report says (RFC 3464).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounce: Option<Bounce>,
    /// Message-ID of the mail that was read or complained of, as a report says (RFC 8098, RFC 5965).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<String>,
    /// What the trusted MTA says of the sender's authenticity (RFC 8601).
    #[serde(default)]
    pub authentication: Authentication,
    /// Headers that some rule looks at, name and value, decoded, in the order of the mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The partner's own number of the matter (webhooks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// What a partner's posts of one matter have in common, where that is not its number (webhooks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_key: Option<String>,
    /// Everything repaired or doubtful, one short sentence each.
    pub oddities: Vec<String>,
}

/// The original of a forwarded message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Forwarded {
    /// Display name of the original sender.
    pub name: Option<String>,
    /// Address of the original sender; empty when only a name was given.
    pub address: String,
    /// The date as written there.
    pub date: Option<String>,
    /// The subject as written there.
    pub subject: Option<String>,
}

/// What a form field means, whatever its label's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKey {
    /// The help topic that the customer picked.
    HelpTopic,
    /// The Campaign ID field.
    CampaignId,
    /// The campaign's name.
    CampaignName,
    /// The customer's name.
    Name,
    /// The customer's e-mail address.
    Email,
    /// The description of the matter; its value is also in `Request::text`.
    Description,
    /// The customer's phone number.
    Phone,
    /// A subject line written into the form; becomes `Request::subject`.
    Subject,
    /// Priority or urgency that the customer picked.
    Priority,
    /// A label with no meaning known here.
    Unknown,
}

/// One field of a form or webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// What it means.
    pub key: FieldKey,
    /// The label as written.
    pub label: String,
    /// The value as written, possibly empty.
    pub value: String,
}

/// An attachment as listed, without its bytes; [`mail::attachment`] reads those from the raw mail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file name, decoded and made safe: no path, no control or format characters.
    pub name: String,
    /// The media type, lower case.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Bytes after decoding.
    pub size: usize,
    /// Shown inside the HTML body rather than attached.
    #[serde(default)]
    pub inline: bool,
    /// The alternative text of an inline image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
    /// Where its bytes are fetched from (webhooks); they are not in the submission then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why agents and other systems do not get it, by the desk's policy; the original holds it all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<String>,
}

/// What may tie a request to a ticket. None of it is proof by itself; the desk verifies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadKeys {
    /// Plus-address tags of recipients: what stands between `+` and `@` in To, Cc, Delivered-To, X-Original-To.
    pub tags: Vec<String>,
    /// Message-IDs of In-Reply-To, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// Message-IDs of References, without angle brackets, oldest first.
    pub references: Vec<String>,
    /// The ticket number of a subject tag such as `[#1042]`.
    pub subject_tag: Option<u64>,
}

/// The kinds of automated mail (`facts` of RFC 3834, 3464, 5965, 2369).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutomatedKind {
    /// A delivery failure or another mail from the null sender.
    Bounce,
    /// Out-of-office and other automatic answers.
    AutoReply,
    /// Lists, newsletters, mass mail.
    Bulk,
    /// Feedback reports and disposition notifications.
    Report,
    /// Our own mail come back.
    Loop,
}

/// The verdict that a mail is automated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Automated {
    /// Which kind.
    pub kind: AutomatedKind,
    /// The header or the words that decided it, readable.
    pub because: String,
}

/// What a delivery status notification says (RFC 3464).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounce {
    /// The failed recipients.
    pub recipients: Vec<String>,
    /// The enhanced status code, such as `5.1.1` (RFC 3463).
    pub status: Option<String>,
    /// Message-ID of the mail that could not be delivered.
    pub about: Option<String>,
}

/// The trusted MTA's verdict (RFC 8601); `None` when no trusted header stands there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Authentication {
    /// `pass`, `fail`, `none`, …, lower case, of the trusted authserv-id only.
    pub dmarc: Option<String>,
    /// Likewise of SPF.
    pub spf: Option<String>,
    /// Likewise of DKIM.
    pub dkim: Option<String>,
    /// A DKIM or SPF pass is of the very domain of the sender.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aligned: bool,
}

impl Authentication {
    /// The sender's domain stands by this mail: by DMARC or, where the domain has no DMARC record, by what DMARC would look
    /// at (RFC 9989: an aligned pass of DKIM or SPF).
    pub fn passes(&self) -> bool {
        match self.dmarc.as_deref() {
            Some("pass") => true,
            None | Some("none") => self.aligned,
            Some(_) => false,
        }
    }

    /// DMARC's verdict where it speaks against the sender. No verdict says nothing (mail that never left the house), nor
    /// does a domain without a policy.
    pub fn refuted(&self) -> Option<&str> {
        self.dmarc.as_deref().filter(|verdict| !["pass", "none"].contains(verdict))
    }
}

/// Why a mail was not read: it is over the bounds, or no mail at all. It goes to quarantine, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is over which bound, readable.
    pub reason: String,
}

/// What the reader must know of the desk it reads for.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The desk's own addresses, lower case, without plus tags.
    pub own_addresses: Vec<String>,
    /// Addresses of agents: when one of them forwards a mail, its original sender becomes the requester.
    pub agents: Vec<String>,
    /// The authserv-id whose Authentication-Results count; all others are ignored.
    pub authserv_id: Option<String>,
    /// What the desk itself has found of this mail's sender, where no MTA is trusted.
    pub verified: Option<Authentication>,
    /// The patterns by which mail is read.
    pub reading: Arc<Reading>,
    /// Bounds checked on the raw bytes before anything is parsed.
    pub bounds: Bounds,
    /// Which attachments nobody gets.
    pub policy: attachment::Policy,
}

impl Setting {
    /// Reads by these patterns, for a desk of which nothing else is known.
    pub fn with(reading: Arc<Reading>) -> Setting {
        let (bounds, policy) = (Bounds::default(), attachment::Policy::default());
        Setting { own_addresses: vec![], agents: vec![], authserv_id: None, verified: None, reading, bounds, policy }
    }
}

impl Default for Setting {
    fn default() -> Setting {
        Setting::with(Reading::shipped())
    }
}

/// Bounds checked before parsing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the whole mail.
    pub size_bytes: usize,
    /// MIME parts.
    pub parts: usize,
    /// Levels of multipart and message/rfc822 nesting.
    pub depth: usize,
    /// Header lines of one part.
    pub headers: usize,
    /// Bytes of the header block of one part.
    pub header_bytes: usize,
    /// Bytes of one line in the body.
    pub line_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            size_bytes: 50 * 1024 * 1024,
            parts: 1_000,
            depth: 20,
            headers: 2_000,
            header_bytes: 512 * 1024,
            line_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Characters of a subject that are read.
const SUBJECT_CHARS: usize = 1_000;

impl Request {
    /// Sets the subject: one line, no more of it than anybody reads. The original keeps all.
    fn entitle(&mut self, subject: &str) {
        self.subject = header::one_line(subject);
        if let Some((end, _)) = self.subject.char_indices().nth(SUBJECT_CHARS) {
            let length = self.subject.chars().count();
            self.subject.truncate(end);
            self.oddities.push(format!("a subject of {length} characters: the first {SUBJECT_CHARS} are read"));
        }
    }

    /// The first non-empty value of the field with this meaning, trimmed.
    pub fn field(&self, key: FieldKey) -> Option<&str> {
        self.fields
            .iter()
            .filter(|field| field.key == key)
            .map(|field| field.value.trim())
            .find(|value| !value.is_empty())
    }

    /// The texts in which campaigns and topics are looked for, strongest place first. Form fields are in `fields`.
    pub fn zones(&self) -> [(Where, &str); 5] {
        [
            (Where::Subject, &self.subject),
            (Where::Text, &self.text),
            (Where::Forwarded, &self.forwarded),
            (Where::Quoted, &self.quoted),
            (Where::Signature, &self.signature),
        ]
    }
}

/// The identity of what a request says, as SHA-256 in hex: sender, subject, date, new and quoted text, attachments.
/// The same mail come by two ways (other Received headers, other folder) has the same fingerprint.
pub fn fingerprint(request: &Request) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        // Lengths first, so that no two different requests run together.
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part(&request.from.address);
    part(&request.subject);
    part(&request.date.map(|date| date.to_string()).unwrap_or_default());
    part(&request.text);
    part(&request.forwarded);
    part(&request.quoted);
    for attachment in &request.attachments {
        part(&attachment.name);
        part(&attachment.size.to_string());
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_subject_is_endless() {
        let mut request = Request::default();
        request.entitle(&"ü".repeat(400_000));
        assert_eq!(request.subject, "ü".repeat(SUBJECT_CHARS));
        assert_eq!(request.oddities, ["a subject of 400000 characters: the first 1000 are read"]);
        request = Request::default();
        request.entitle(&"a ".repeat(500));
        assert_eq!((request.subject.len(), request.oddities.len()), (999, 0));
    }
}
