//! Why a post is not believed, for the partner who tries his signatures out.
//!
//! Tells what of the sender's own was seen, and which of the usual mistakes would explain it. Never a secret, a signature
//! that would fit, or which of the secrets does: that a mistaken signature was made with the right secret only its holder
//! can bring about.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::scheme::{Kind, Scheme};
use super::{Claim, Post, Verifier, claim, mac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What was found of a post's signature.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    /// It is believed.
    pub valid: bool,
    /// How this source is verified.
    pub scheme: &'static str,
    /// Why it is not believed.
    pub doubt: Option<String>,
    /// What is to be signed.
    pub signs: &'static str,
    /// The headers by which it is verified, and whether they are there.
    pub headers: Vec<Seen>,
    /// Seconds between the time stamp and the desk's clock; negative: it is from the future.
    pub age_secs: Option<i64>,
    /// Bytes of the body that the desk received.
    pub body_bytes: usize,
    /// SHA-256 of that body, hex: another one than yours means that something on the way rewrote it.
    pub body_sha256: String,
    /// The delivery's id.
    pub id: Option<String>,
    /// What may be wrong.
    pub hints: Vec<String>,
}

/// A header that is looked at.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// It is there.
    pub present: bool,
}

impl Verifier {
    /// Looks at a post's signature.
    pub fn diagnose(&self, post: &Post<'_>, now_secs: i64) -> Diagnosis {
        let verdict = self.verify(post, now_secs);
        let claim = claim::read(self.scheme, post, &self.header).ok();
        let prefix = self.header.strip_suffix("-signature").filter(|_| self.scheme == Scheme::StandardWebhooks);
        let stamp =
            prefix.map_or_else(|| self.scheme.timestamp_header().to_owned(), |prefix| format!("{prefix}-timestamp"));
        let id = prefix.map_or_else(|| self.id_header.clone(), |prefix| format!("{prefix}-id"));
        let names = [self.header.clone(), stamp, id].into_iter().filter(|name| !name.is_empty());
        Diagnosis {
            valid: verdict.is_ok(),
            scheme: self.scheme.as_str(),
            signs: self.scheme.signs(),
            headers: names.map(|name| Seen { present: post.headers.contains_key(&name), name }).collect(),
            age_secs: claim.as_ref().and_then(|claim| claim.at).map(|at| now_secs.saturating_sub(at)),
            body_bytes: post.body.len(),
            body_sha256: hex::encode(Sha256::digest(post.body)),
            hints: match (&verdict, &claim) {
                (Err(super::Doubt::Wrong(_)), Some(claim)) => self.hints(post, claim),
                _ => vec![],
            },
            doubt: verdict.as_ref().err().map(ToString::to_string),
            id: verdict.ok().flatten(),
        }
    }

    fn hints(&self, post: &Post<'_>, claim: &Claim<'_>) -> Vec<String> {
        let mut hints = vec![];
        let mut hint = |text: &str| hints.push(text.to_owned());
        let written = post.headers.get(&self.header).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let length = if claim.sha1 { 20 } else { 32 };
        let keys: Vec<_> = self.keys.iter().filter(|key| key.kind == Kind::Mac).collect();
        if keys.is_empty() {
            return hints;
        }
        // The signature itself, read in either encoding, whatever stands before it.
        let bare: Vec<&str> = written
            .split([' ', ','])
            .map(|part| {
                part.rsplit_once("1=")
                    .or(part.rsplit_once("0="))
                    .or(part.rsplit_once("256="))
                    .map_or(part, |(_, bare)| bare)
            })
            .filter(|part| part.len() > 20)
            .collect();
        let read: Vec<Vec<u8>> =
            bare.iter().flat_map(|part| [hex::decode(part).ok(), STANDARD.decode(part).ok()]).flatten().collect();
        if claim.given.is_empty() {
            hint(
                "the signature stands there in another form than this scheme writes it: look at its prefix and encoding",
            );
        } else if !claim.given.iter().any(|given| given.len() == length) {
            hint(&format!(
                "the signature decodes to {} bytes; {length} are right: look at its encoding and hash",
                claim.given[0].len()
            ));
        }
        let made_with = |key: &[u8], message: &claim::Message<'_>| {
            let mac = mac(key, message, claim.sha1);
            read.iter().chain(&claim.given).any(|given| *given == mac)
        };
        for key in keys {
            let Some(message) = claim.messages.first() else { continue };
            if made_with(&key.bytes, message) {
                hint(
                    "the right bytes are signed with the right secret, but written in another encoding or with another prefix",
                );
            }
            let plain = key.text.strip_prefix("whsec_").unwrap_or(&key.text);
            if self.scheme == Scheme::StandardWebhooks
                && [key.text.as_str(), plain].iter().any(|text| made_with(text.as_bytes(), message))
            {
                hint("it is signed with the secret's text: what follows whsec_ is base64, decode it first");
            }
            let decoded = STANDARD.decode(plain).ok().filter(|_| self.scheme != Scheme::StandardWebhooks);
            if decoded.is_some_and(|decoded| made_with(&decoded, message)) {
                hint("it is signed with the secret decoded from base64: take its text as it stands");
            }
            let body = std::borrow::Cow::Borrowed(post.body);
            if message.len() > 1 && made_with(&key.bytes, &vec![body]) {
                hint(&format!("the body alone is signed; sign `{}`", self.scheme.signs()));
            }
            let trimmed = post.body.trim_ascii_end();
            let ended = |end: &[u8]| [trimmed, end].concat();
            for other in [trimmed.to_vec(), ended(b"\n"), ended(b"\r\n")] {
                let swapped = message.iter().map(|part| match **part == *post.body && !post.body.is_empty() {
                    true => std::borrow::Cow::Owned(other.clone()),
                    false => part.clone(),
                });
                if other != post.body && made_with(&key.bytes, &swapped.collect()) {
                    hint("a body with other white space at its end is signed than was sent");
                }
            }
        }
        hints
    }
}
