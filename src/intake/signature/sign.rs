//! What a sender writes: the headers that make a post believed. For trying a source out from the shell, and for tests.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::scheme::{Kind, Scheme};
use super::{Post, Verifier, claim, mac};

/// What is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// Where it is posted to, with its query.
    pub url: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// The delivery's id.
    pub id: &'a str,
    /// Unix seconds.
    pub at: i64,
}

impl Verifier {
    /// The headers of a signed post, its media type and id included; the first secret signs. An error says why only the
    /// vendor can.
    pub fn sign(&self, post: &Unsigned<'_>) -> Result<Vec<(String, String)>, String> {
        let scheme = self.scheme;
        let Some(key) = self.keys.iter().find(|key| matches!(key.kind, Kind::Mac | Kind::Word)) else {
            return Err(format!(
                "{} verifies by a public key: only the sender, who has the private one, can sign",
                scheme.as_str()
            ));
        };
        let mut headers: Vec<(String, String)> = vec![(header::CONTENT_TYPE.to_string(), post.content_type.to_owned())];
        let word = || String::from_utf8_lossy(&key.bytes).into_owned();
        match scheme {
            Scheme::Mailgun => {
                return Err(
                    "the signature of mailgun stands in the body, as timestamp, token and signature: send such a body"
                        .into(),
                );
            }
            Scheme::Bearer if self.header != header::AUTHORIZATION.as_str() => {
                headers.push((self.header.clone(), word()))
            }
            Scheme::Bearer => headers.push((self.header.clone(), format!("Bearer {}", word()))),
            Scheme::Basic => headers.push((self.header.clone(), format!("Basic {}", STANDARD.encode(&key.bytes)))),
            Scheme::MtlsHeader => headers.push((self.header.clone(), word())),
            _ => {
                let at = match scheme {
                    Scheme::Zendesk => jiff::Timestamp::from_second(post.at).unwrap_or_default().to_string(),
                    Scheme::Hubspot => (post.at * 1000).to_string(),
                    _ => post.at.to_string(),
                };
                let stamp = match self.header.strip_suffix("-signature") {
                    Some(prefix) if scheme == Scheme::StandardWebhooks => format!("{prefix}-timestamp"),
                    _ => scheme.timestamp_header().to_owned(),
                };
                if !stamp.is_empty() {
                    headers.push((stamp, at.clone()));
                }
                if let (Scheme::StandardWebhooks, Some(prefix)) = (scheme, self.header.strip_suffix("-signature")) {
                    headers.push((format!("{prefix}-id"), post.id.to_owned()));
                }
                // Signed with nothing yet, it claims what there is to sign.
                let blank = match scheme {
                    Scheme::Stripe => format!("t={at}"),
                    _ => "v1,".into(),
                };
                let blank = (self.header.clone(), blank);
                let unsigned = headers.iter().chain([&blank]);
                let unsigned: HeaderMap = unsigned
                    .filter_map(|(name, value)| {
                        Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?))
                    })
                    .collect();
                let peer = std::net::Ipv4Addr::LOCALHOST.into();
                let post = Post { headers: &unsigned, body: post.body, url: post.url, peer };
                let claim = claim::read(scheme, &post, &self.header).map_err(|doubt| doubt.to_string())?;
                let mac = mac(&key.bytes, claim.messages.first().ok_or("there is nothing to sign")?, claim.sha1);
                let (hex, base64) = (hex::encode(&mac), STANDARD.encode(&mac));
                let signature = match scheme {
                    Scheme::Github => format!("sha256={hex}"),
                    Scheme::Intercom => format!("sha1={hex}"),
                    Scheme::Typeform => format!("sha256={base64}"),
                    Scheme::Stripe => format!("t={at},v1={hex}"),
                    Scheme::Slack => format!("v0={hex}"),
                    Scheme::StandardWebhooks => format!("v1,{base64}"),
                    _ => base64,
                };
                headers.push((self.header.clone(), signature));
            }
        }
        let has_id = headers.iter().any(|(name, _)| *name == self.id_header);
        if !self.id_header.is_empty() && !has_id {
            headers.push((self.id_header.clone(), post.id.to_owned()));
        }
        Ok(headers)
    }
}
