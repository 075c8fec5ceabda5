//! What a post claims: its signatures, and over which bytes each scheme makes them.
//!
//! Reads headers and, where the vendor puts the signature there, the body; believes nothing. Nothing is copied of a large
//! body. Each scheme's rule is from its vendor's page, named beside it.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Doubt, Post, Scheme, sns};
use crate::request::hook::body::{self, Shape};
use crate::request::hook::rule::scalar;

/// Signatures that are looked at.
const SIGNATURES: usize = 16;

/// What is signed, in parts that follow one another.
pub type Message<'a> = Vec<Cow<'a, [u8]>>;

/// The claim of a post.
#[derive(Debug, Default)]
pub struct Claim<'a> {
    /// What is signed; one of these.
    pub messages: Vec<Message<'a>>,
    /// The signatures, decoded: MACs, or an ECDSA signature.
    pub given: Vec<Vec<u8>>,
    /// Ed25519 signatures.
    pub ed25519: Vec<Vec<u8>>,
    /// The word that is compared, where nothing is signed.
    pub word: Vec<u8>,
    /// The time stamp, unix seconds.
    pub at: Option<i64>,
    /// The delivery's id.
    pub id: Option<String>,
    /// HMAC-SHA1 instead of HMAC-SHA256.
    pub sha1: bool,
    /// Who is said to have signed, where that is Amazon SNS.
    pub signer: Option<sns::Signer>,
}

/// Reads the claim. `signature_header`: the header where it stands.
pub fn read<'a>(scheme: Scheme, post: &Post<'a>, signature_header: &str) -> Result<Claim<'a>, Doubt> {
    let value = |name: &str| value(post.headers, name);
    let body = || Cow::Borrowed(post.body);
    let bytes = |text: &'a str| Cow::Borrowed(text.as_bytes());
    match scheme {
        // github.com/standard-webhooks/standard-webhooks, "Signature scheme"
        Scheme::StandardWebhooks => {
            // Svix and others have the same three headers by another name.
            let prefix = signature_header.strip_suffix("-signature").unwrap_or("webhook");
            let at_header = format!("{prefix}-timestamp");
            let (id, at) = (value(&format!("{prefix}-id"))?, value(&at_header)?);
            let signatures = value(signature_header)?;
            let of = |version: &str| {
                let listed = signatures.split(' ').filter_map(|one| one.strip_prefix(version)?.strip_prefix(','));
                listed.filter_map(|one| STANDARD.decode(one).ok()).take(SIGNATURES).collect()
            };
            Ok(Claim {
                messages: vec![vec![bytes(id), bytes("."), bytes(at), bytes("."), body()]],
                given: of("v1"),
                ed25519: of("v1a"),
                at: Some(seconds(at, &at_header)?),
                id: Some(id.to_owned()),
                ..Claim::default()
            })
        }
        // docs.github.com, "Validating webhook deliveries"
        Scheme::Github => whole(post, signature_header, "sha256=", hex),
        // www.typeform.com/developers/webhooks/secure-your-webhooks
        Scheme::Typeform => whole(post, signature_header, "sha256=", base64),
        // shopify.dev, "Verify the origin of the webhook"
        Scheme::Shopify => whole(post, signature_header, "", base64),
        // developers.intercom.com, "Signed notifications"
        Scheme::Intercom => Ok(Claim { sha1: true, ..whole(post, signature_header, "sha1=", hex)? }),
        // docs.stripe.com/webhooks, "Verify webhook signatures manually"
        Scheme::Stripe => {
            let fields = value(signature_header)?.split(',').filter_map(|field| field.trim().split_once('='));
            let at = fields.clone().find(|(name, _)| *name == "t").map(|(_, at)| at);
            let at = at.ok_or_else(|| Doubt::Header(signature_header.to_owned()))?;
            let given = fields.filter(|(name, _)| *name == "v1").filter_map(|(_, given)| hex(given));
            Ok(Claim {
                messages: vec![vec![bytes(at), bytes("."), body()]],
                given: given.take(SIGNATURES).collect(),
                at: Some(seconds(at, signature_header)?),
                ..Claim::default()
            })
        }
        // docs.slack.dev, "Verifying requests from Slack"
        Scheme::Slack => {
            let at = value(scheme.timestamp_header())?;
            let given = value(signature_header)?.strip_prefix("v0=").and_then(hex);
            Ok(Claim {
                messages: vec![vec![bytes("v0:"), bytes(at), bytes(":"), body()]],
                given: given.into_iter().collect(),
                at: Some(seconds(at, scheme.timestamp_header())?),
                ..Claim::default()
            })
        }
        // docs of Twilio SendGrid, "Event Webhook security features"
        Scheme::Sendgrid => {
            let at = value(scheme.timestamp_header())?;
            Ok(Claim {
                messages: vec![vec![bytes(at), body()]],
                given: base64(value(signature_header)?).into_iter().collect(),
                at: Some(seconds(at, scheme.timestamp_header())?),
                ..Claim::default()
            })
        }
        // developer.zendesk.com, "Verifying webhook authenticity"
        Scheme::Zendesk => {
            let at = value(scheme.timestamp_header())?;
            let time: Option<jiff::Timestamp> = at.parse().ok();
            Ok(Claim {
                messages: vec![vec![bytes(at), body()]],
                given: base64(value(signature_header)?).into_iter().collect(),
                at: Some(time.ok_or_else(|| Doubt::Header(scheme.timestamp_header().into()))?.as_second()),
                ..Claim::default()
            })
        }
        // developers.hubspot.com, "Validating requests", v3
        Scheme::Hubspot => {
            let at = value(scheme.timestamp_header())?;
            Ok(Claim {
                messages: vec![vec![bytes("POST"), bytes(post.url), body(), bytes(at)]],
                given: base64(value(signature_header)?).into_iter().collect(),
                at: Some(seconds(at, scheme.timestamp_header())? / 1000),
                ..Claim::default()
            })
        }
        Scheme::Mailgun => mailgun(post),
        Scheme::Sns => sns::claim(post),
        Scheme::Twilio => twilio(post, signature_header),
        Scheme::Bearer => {
            let value = value(signature_header)?;
            let token = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).map(|_| &value[7..]);
            Ok(Claim { word: token.unwrap_or(value).trim().into(), ..Claim::default() })
        }
        Scheme::Basic => {
            let value = value(signature_header)?;
            let encoded =
                value.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("basic ")).map(|_| value[6..].trim());
            let word = encoded.and_then(|encoded| STANDARD.decode(encoded).ok());
            Ok(Claim { word: word.ok_or_else(|| Doubt::Header(signature_header.to_owned()))?, ..Claim::default() })
        }
        Scheme::MtlsHeader => Ok(Claim { word: value(signature_header)?.trim().into(), ..Claim::default() }),
    }
}

/// The one value of a header. Of two nobody knows which was meant.
pub fn value<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Doubt> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    match (value, values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(Doubt::Header(name.to_owned())),
    }
}

fn seconds(text: &str, header: &str) -> Result<i64, Doubt> {
    text.parse().map_err(|_| Doubt::Header(header.to_owned()))
}

/// The body alone is signed.
fn whole<'a>(
    post: &Post<'a>,
    header: &str,
    prefix: &str,
    decode: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<Claim<'a>, Doubt> {
    let given = value(post.headers, header)?.strip_prefix(prefix).and_then(decode);
    Ok(Claim { messages: vec![vec![Cow::Borrowed(post.body)]], given: given.into_iter().collect(), ..Claim::default() })
}

/// documentation.mailgun.com, "Securing webhooks": timestamp and token, concatenated.
fn mailgun<'a>(post: &Post<'a>) -> Result<Claim<'a>, Doubt> {
    let content_type = value(post.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let opened = body::open(content_type, post.body, &[]).map_err(|_| Doubt::Field("signature"))?;
    let field = |name: &'static str| {
        let at = |pointer: String| opened.value.pointer(&pointer).and_then(scalar);
        at(format!("/signature/{name}")).or_else(|| at(format!("/{name}"))).ok_or(Doubt::Field(name))
    };
    let (at, token, signature) = (field("timestamp")?, field("token")?, field("signature")?);
    Ok(Claim {
        at: Some(at.parse().map_err(|_| Doubt::Field("timestamp"))?),
        given: hex(&signature).into_iter().collect(),
        // Good for one post alone: whoever has seen it could put another body under it.
        id: Some(token.clone()),
        messages: vec![vec![Cow::Owned(at.into_bytes()), Cow::Owned(token.into_bytes())]],
        ..Claim::default()
    })
}

/// www.twilio.com/docs/usage/security: the URL, then the form's fields by name; of another body its hash in the URL.
fn twilio<'a>(post: &Post<'a>, header: &str) -> Result<Claim<'a>, Doubt> {
    let given = base64(value(post.headers, header)?).into_iter().collect();
    let content_type = value(post.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let mut fields = vec![];
    if body::shape(content_type) == Some(Shape::Form) {
        fields = body::pairs(post.body).collect();
        fields.sort();
        fields.dedup();
    } else {
        let query = post.url.split_once('?').map_or("", |(_, query)| query);
        let stated = body::pairs(query.as_bytes()).find(|(name, _)| name == "bodySHA256").map(|(_, hash)| hash);
        if !stated.is_some_and(|hash| hash.eq_ignore_ascii_case(&hex::encode(Sha256::digest(post.body)))) {
            return Err(Doubt::Field("bodySHA256"));
        }
    }
    let fields: String = fields.into_iter().flat_map(|(name, value)| [name, value]).collect();
    // Twilio signs the port sometimes, and sometimes not.
    let with_port = post.url.split_once("://").map(|(scheme, rest)| {
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let port = if scheme == "https" { ":443" } else { ":80" };
        format!("{scheme}://{host}{port}{path}")
    });
    let urls = std::iter::once(post.url.to_owned()).chain(with_port);
    let messages =
        urls.map(|url| vec![Cow::Owned(url.into_bytes()), Cow::Owned(fields.clone().into_bytes())]).collect();
    Ok(Claim { messages, given, sha1: true, ..Claim::default() })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.trim()).ok()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}
