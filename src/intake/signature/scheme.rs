//! The ways in which webhooks are verified, by name, and what a secret of each looks like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How the posts of a source are verified. Each vendor's page is named where its [`super::claim`] is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Standard Webhooks: `v1` (HMAC-SHA256) and `v1a` (Ed25519).
    StandardWebhooks,
    /// `X-Hub-Signature-256`.
    Github,
    /// `Stripe-Signature: t=…,v1=…`.
    Stripe,
    /// `X-Slack-Signature: v0=…`.
    Slack,
    /// `timestamp`, `token` and `signature` in the body.
    Mailgun,
    /// ECDSA on P-256, `X-Twilio-Email-Event-Webhook-Signature`.
    Sendgrid,
    /// `X-Twilio-Signature`.
    Twilio,
    /// `Typeform-Signature`.
    Typeform,
    /// `X-Shopify-Hmac-Sha256`.
    Shopify,
    /// `X-Zendesk-Webhook-Signature`.
    Zendesk,
    /// `X-Hub-Signature: sha1=…`.
    Intercom,
    /// `X-HubSpot-Signature-v3`.
    Hubspot,
    /// Amazon SNS: RSA by a certificate of Amazon's, in the body.
    Sns,
    /// A token in a header.
    Bearer,
    /// User and password (RFC 7617).
    Basic,
    /// A header that a named proxy sets once it has verified the client's certificate.
    MtlsHeader,
}

impl Scheme {
    /// Reads `verify` of `[[hook]]`.
    pub fn parse(name: &str) -> Option<Scheme> {
        Some(match name {
            "standard-webhooks" => Scheme::StandardWebhooks,
            "github" => Scheme::Github,
            "stripe" => Scheme::Stripe,
            "slack" => Scheme::Slack,
            "mailgun" => Scheme::Mailgun,
            "sendgrid" => Scheme::Sendgrid,
            "twilio" => Scheme::Twilio,
            "typeform" => Scheme::Typeform,
            "shopify" => Scheme::Shopify,
            "zendesk" => Scheme::Zendesk,
            "intercom" => Scheme::Intercom,
            "hubspot" => Scheme::Hubspot,
            "sns" => Scheme::Sns,
            "bearer" => Scheme::Bearer,
            // Postmark knows no signature, only a user and password in the URL.
            "basic" | "postmark" => Scheme::Basic,
            "mtls-header" => Scheme::MtlsHeader,
            _ => return None,
        })
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::StandardWebhooks => "standard-webhooks",
            Scheme::Github => "github",
            Scheme::Stripe => "stripe",
            Scheme::Slack => "slack",
            Scheme::Mailgun => "mailgun",
            Scheme::Sendgrid => "sendgrid",
            Scheme::Twilio => "twilio",
            Scheme::Typeform => "typeform",
            Scheme::Shopify => "shopify",
            Scheme::Zendesk => "zendesk",
            Scheme::Intercom => "intercom",
            Scheme::Hubspot => "hubspot",
            Scheme::Sns => "sns",
            Scheme::Bearer => "bearer",
            Scheme::Basic => "basic",
            Scheme::MtlsHeader => "mtls-header",
        }
    }

    /// What is signed, for people.
    pub fn signs(self) -> &'static str {
        match self {
            Scheme::StandardWebhooks => "id.timestamp.body",
            Scheme::Github | Scheme::Typeform | Scheme::Shopify | Scheme::Intercom => "body",
            Scheme::Stripe => "timestamp.body",
            Scheme::Slack => "v0:timestamp:body",
            Scheme::Mailgun => "timestamp token (the body is not signed)",
            Scheme::Sendgrid | Scheme::Zendesk => "timestamp body",
            Scheme::Twilio => "URL and the sorted form fields, or URL with bodySHA256",
            Scheme::Hubspot => "POST URL body timestamp",
            Scheme::Sns => "the message's fields, by Amazon's certificate; the topic is compared",
            Scheme::Bearer | Scheme::Basic | Scheme::MtlsHeader => "nothing: a shared word is compared",
        }
    }

    /// The header of the signature, lower case; empty where it stands in the body, or the proxy has its own.
    pub fn header(self) -> &'static str {
        match self {
            Scheme::StandardWebhooks => "webhook-signature",
            Scheme::Github => "x-hub-signature-256",
            Scheme::Stripe => "stripe-signature",
            Scheme::Slack => "x-slack-signature",
            Scheme::Sendgrid => "x-twilio-email-event-webhook-signature",
            Scheme::Twilio => "x-twilio-signature",
            Scheme::Typeform => "typeform-signature",
            Scheme::Shopify => "x-shopify-hmac-sha256",
            Scheme::Zendesk => "x-zendesk-webhook-signature",
            Scheme::Intercom => "x-hub-signature",
            Scheme::Hubspot => "x-hubspot-signature-v3",
            Scheme::Bearer | Scheme::Basic => "authorization",
            Scheme::Mailgun | Scheme::Sns | Scheme::MtlsHeader => "",
        }
    }

    /// The header of the time stamp, lower case; empty where there is none, or it stands elsewhere.
    pub fn timestamp_header(self) -> &'static str {
        match self {
            Scheme::StandardWebhooks => "webhook-timestamp",
            Scheme::Slack => "x-slack-request-timestamp",
            Scheme::Sendgrid => "x-twilio-email-event-webhook-timestamp",
            Scheme::Zendesk => "x-zendesk-webhook-signature-timestamp",
            Scheme::Hubspot => "x-hubspot-request-timestamp",
            _ => "",
        }
    }

    /// The header of the delivery's id, lower case; empty: the vendor sends none.
    pub fn id_header(self) -> &'static str {
        match self {
            Scheme::StandardWebhooks => "webhook-id",
            Scheme::Github => "x-github-delivery",
            Scheme::Shopify => "x-shopify-webhook-id",
            Scheme::Twilio => "i-twilio-idempotency-token",
            Scheme::Zendesk => "x-zendesk-webhook-invocation-id",
            Scheme::Bearer | Scheme::Basic | Scheme::MtlsHeader => "idempotency-key",
            _ => "",
        }
    }
}

/// What a post is verified with. Never shown, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
    /// As it stands in its file, for the diagnosis of what a sender may have signed with instead.
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mac,
    Ed25519,
    P256,
    Word,
    /// The ARN of a topic.
    Topic,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}(…)", self.kind)
    }
}

/// A SubjectPublicKeyInfo of P-256 (RFC 5480) up to the point, which is uncompressed.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl Key {
    /// Reads a secret of this scheme. The error says what it should be, without showing it.
    pub fn parse(scheme: Scheme, text: &str) -> Result<Key, String> {
        let text = text.trim();
        let key = |kind, bytes| Ok(Key { kind, bytes, text: text.to_owned() });
        match scheme {
            Scheme::StandardWebhooks => match text.strip_prefix("whpk_") {
                Some(encoded) => {
                    let bytes = STANDARD.decode(encoded).unwrap_or_default();
                    let wrong = || Err("is no Ed25519 public key: whpk_ and base64 of 32 bytes".to_owned());
                    if bytes.len() == 32 { key(Kind::Ed25519, bytes) } else { wrong() }
                }
                None if text.starts_with("whsk_") => {
                    Err("is the sender's private key, which only the sender has; take the public one, whpk_…".into())
                }
                None => super::Secret::parse(text).and_then(|secret| key(Kind::Mac, secret.0)),
            },
            Scheme::Sendgrid => {
                let spki = STANDARD.decode(text).unwrap_or_default();
                match spki.strip_prefix(&P256_SPKI) {
                    Some(point) if point.len() == 65 && point[0] == 4 => key(Kind::P256, point.to_vec()),
                    _ => Err("is no P-256 public key in base64, as the vendor's page of the webhook shows it".into()),
                }
            }
            Scheme::Sns => {
                let parts: Vec<&str> = text.split(':').collect();
                let sound = matches!(parts.as_slice(), ["arn", _, "sns", _, _, name] if !name.is_empty());
                let wrong = || Err("is no topic: write its ARN, arn:aws:sns:REGION:ACCOUNT:NAME".to_owned());
                if sound { key(Kind::Topic, text.as_bytes().to_vec()) } else { wrong() }
            }
            Scheme::Basic if !text.contains(':') => Err("is no `user:password`".into()),
            Scheme::Bearer | Scheme::Basic if text.len() < 16 => {
                Err(format!("holds {} characters; what others could guess needs at least 16", text.len()))
            }
            Scheme::Bearer | Scheme::Basic | Scheme::MtlsHeader => key(Kind::Word, text.as_bytes().to_vec()),
            // Vendors choose these themselves, and so they are long; what is shorter than their examples was cut off.
            _ if text.len() < 5 => Err(format!("holds {} characters; a vendor's signing secret has more", text.len())),
            _ => key(Kind::Mac, text.as_bytes().to_vec()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::settings::VERIFY;

    #[test]
    fn the_settings_know_every_scheme() {
        let schemes: Vec<Scheme> = VERIFY.iter().map(|name| Scheme::parse(name).unwrap()).collect();
        for (scheme, name) in schemes.iter().zip(VERIFY) {
            assert!(scheme.as_str() == name || name == "postmark", "{name}");
        }
        assert_eq!(Scheme::parse("none"), None);
    }

    #[test]
    fn secrets_fit_their_scheme_and_are_never_shown() {
        let check = |scheme, text: &str, part: &str| match Key::parse(scheme, text) {
            Ok(key) => {
                assert_eq!(part, "", "{text}");
                assert!(!format!("{key:?}").contains(text));
            }
            Err(why) => assert!(!part.is_empty() && why.contains(part) && !why.contains(text), "{text}: {why}"),
        };
        check(Scheme::StandardWebhooks, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "");
        check(Scheme::StandardWebhooks, "whsec_c2hvcnQ=", "24 to 64");
        check(Scheme::StandardWebhooks, "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "");
        check(Scheme::StandardWebhooks, "whpk_AAAA", "32 bytes");
        check(Scheme::StandardWebhooks, "whsk_AAAA", "private");
        check(Scheme::Sendgrid, "AAAA", "P-256");
        check(Scheme::Basic, "userwithoutpassword", "user:password");
        check(Scheme::Bearer, "short", "at least 16");
        check(Scheme::Github, "cut", "has more");
        check(Scheme::Sns, "arn:aws:sns:us-east-1:123456789012:support", "");
        check(Scheme::Sns, "user:a-long-password", "ARN");
        check(Scheme::MtlsHeader, "ab:cd", "");
    }
}
