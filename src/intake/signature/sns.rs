//! Amazon SNS (docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages"): the body names the certificate
//! by which it was signed, and Amazon serves it.
//!
//! Anybody can make SNS sign; what counts is the topic, which the source's secret file names. Certificates are believed
//! within their dates and for where they come from: https, and a host that is Amazon's SNS and nobody else's. Their chain
//! is not followed, nor is it by Amazon's own libraries: SNS serves the certificate alone, and who issued it is in no list
//! of roots. Fetching them is the door's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use rsa::RsaPublicKey;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use serde_json::Value;

use super::claim::{Claim, Message};
use super::{Doubt, Post};
use crate::request::hook::json;

/// Certificates that are kept; Amazon has one a region, and a new one now and then.
const KEPT: usize = 64;

/// By whom a message says that it is signed, and how.
#[derive(Debug)]
pub struct Signer {
    /// The topic's ARN.
    pub topic: String,
    /// Where its certificate is.
    pub certificate: String,
    how: &'static RsaParameters,
}

/// Reads what a message claims.
pub fn claim<'a>(post: &Post<'a>) -> Result<Claim<'a>, Doubt> {
    let body = json::parse(post.body).map_err(|_| Doubt::Field("Signature"))?;
    let field = |name: &'static str| body.get(name).and_then(Value::as_str).ok_or(Doubt::Field(name));
    let names: &[&'static str] = match field("Type")? {
        "Notification" if body.get("Subject").is_some_and(Value::is_string) => {
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        }
        "Notification" => &["Message", "MessageId", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return Err(Doubt::Field("Type")),
    };
    let mut message: Message<'a> = vec![];
    for name in names {
        message.push(Cow::Owned(format!("{name}\n{}\n", field(name)?).into_bytes()));
    }
    let how = match field("SignatureVersion")? {
        "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "2" => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(Doubt::Field("SignatureVersion")),
    };
    let certificate = field("SigningCertURL")?;
    if !is_amazons(certificate) {
        return Err(Doubt::Field("SigningCertURL"));
    }
    let at: jiff::Timestamp = field("Timestamp")?.parse().map_err(|_| Doubt::Field("Timestamp"))?;
    Ok(Claim {
        messages: vec![message],
        given: STANDARD.decode(field("Signature")?).into_iter().collect(),
        at: Some(at.as_second()),
        id: Some(field("MessageId")?.to_owned()),
        signer: Some(Signer { topic: field("TopicArn")?.to_owned(), certificate: certificate.to_owned(), how }),
        ..Claim::default()
    })
}

/// Whether a certificate's address is SNS's own: `https://sns.REGION.amazonaws.com/NAME.pem`.
fn is_amazons(url: &str) -> bool {
    let Some((host, name)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else { return false };
    let zone = host.strip_suffix(".cn").unwrap_or(host);
    let region = zone.strip_prefix("sns.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let stem = name.strip_suffix(".pem").filter(|stem| (1..=100).contains(&stem.len()));
    region.is_some_and(|region| (1..=32).contains(&region.len()) && plain(region)) && stem.is_some_and(plain)
}

/// The certificates that were fetched, by their addresses.
#[derive(Debug, Default)]
pub struct Certificates(Mutex<HashMap<String, CertificateDer<'static>>>);

impl Certificates {
    /// Keeps a certificate (PEM). The error says what is wrong with it.
    pub fn keep(&self, url: &str, pem: &[u8], now_secs: i64) -> Result<(), String> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| format!("{url} is no certificate"))?;
        key(&certificate, now_secs).map_err(|why| format!("{url} {why}"))?;
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(url.to_owned(), certificate);
        Ok(())
    }

    /// Whether the claim's signature fits its certificate; `None`: that one is not at hand, or not good any more.
    pub fn verify(&self, claim: &Claim<'_>, signer: &Signer, now_secs: i64) -> Option<bool> {
        let certificate = self.kept().get(&signer.certificate).cloned()?;
        let key = UnparsedPublicKey::new(signer.how, key(&certificate, now_secs).ok()?);
        let fits = |message: &Message<'_>| {
            let message = message.concat();
            claim.given.iter().any(|given| key.verify(&message, given).is_ok())
        };
        Some(claim.messages.iter().any(fits))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, CertificateDer<'static>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The RSA key (PKCS #1) of a certificate that is within its dates. The error says what is wrong with it.
fn key(certificate: &CertificateDer<'_>, now_secs: i64) -> Result<Vec<u8>, String> {
    let certificate = ParsedCertificate::try_from(certificate).map_err(|_| "is no certificate")?;
    // Dates and purpose are looked at before any chain is: a good one fails only for want of roots.
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now_secs.max(0) as u64));
    match verify_server_cert_signed_by_trust_anchor(&certificate, &RootCertStore::empty(), &[], now, &[]) {
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {}
        Err(error) => return Err(format!("is not good: {error}")),
        Ok(()) => return Err("has roots where there are none".into()),
    }
    let key = RsaPublicKey::from_public_key_der(&certificate.subject_public_key_info());
    Ok(key.ok().and_then(|key| key.to_pkcs1_der().ok()).ok_or("holds no RSA key")?.into_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::config::settings::Hook;
    use crate::intake::signature::Verifier;
    use crate::intake::signature::scheme::Scheme;

    const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";
    const URL: &str =
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
    const AT: i64 = 1_335_920_046;

    /// The messages that Amazon's pages show, "Parsing Amazon SNS message formats", signed by `openssl dgst -sign` with the
    /// key of the certificate beside them, good from 2012 to 2099: Amazon's own of that time is served no more.
    fn example(name: &str) -> Value {
        let text = std::fs::read_to_string(format!("{}/fixtures/hooks/sns/{name}", env!("CARGO_MANIFEST_DIR")));
        serde_json::from_str(&text.unwrap()).unwrap()
    }

    fn certificate() -> Vec<u8> {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/hooks/sns/certificate.pem")).unwrap()
    }

    fn verifier(topic: &str) -> Verifier {
        Verifier::open(&Hook { tolerance_secs: 300, ..Hook::default() }, Scheme::Sns, &[topic.into()]).unwrap()
    }

    fn verify(verifier: &Verifier, body: &Value, at: i64) -> Result<Option<String>, Doubt> {
        let body = body.to_string();
        let (headers, peer) = (HeaderMap::new(), std::net::Ipv4Addr::LOCALHOST.into());
        verifier.verify(&Post { headers: &headers, body: body.as_bytes(), url: "", peer }, at)
    }

    #[test]
    fn both_versions_of_both_kinds_are_believed_and_nothing_else() {
        let verifier = verifier(TOPIC);
        let asked = verify(&verifier, &example("notification-1.json"), AT);
        assert_eq!(asked, Err(Doubt::Certificate(URL.into())), "it has to be fetched first");
        assert!(verifier.learn(URL, b"<html>", AT).unwrap_err().contains("no certificate"));
        verifier.learn(URL, &certificate(), AT).unwrap();
        for name in ["notification-1.json", "notification-2.json", "without-subject-2.json"] {
            let message = example(name);
            assert_eq!(
                verify(&verifier, &message, AT).unwrap().as_deref(),
                Some("22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"),
                "{name}"
            );
            for field in ["Message", "MessageId", "Subject", "Timestamp", "Signature", "SignatureVersion", "TopicArn"] {
                let mut forged = message.clone();
                forged[field] = match field {
                    "Timestamp" => "2012-05-02T00:54:07.655Z".into(),
                    "SignatureVersion" => if message[field] == "1" { "2" } else { "1" }.into(),
                    "Signature" => STANDARD.encode([7; 256]).into(),
                    _ => "another".into(),
                };
                assert!(verify(&verifier, &forged, AT).is_err(), "{name} with another {field}");
            }
            assert_eq!(verify(&verifier, &message, AT + 301), Err(Doubt::Stale(301)));
        }
        for name in ["subscription-1.json", "subscription-2.json"] {
            let message = example(name);
            let at = 1_335_473_104;
            assert!(verify(&verifier, &message, at).is_ok(), "{name}");
            for field in ["SubscribeURL", "Token"] {
                let mut forged = message.clone();
                forged[field] = "https://sns.us-west-2.amazonaws.com/?Action=Other".into();
                assert_eq!(verify(&verifier, &forged, at), Err(Doubt::Wrong(Scheme::Sns.signs())), "{name}");
            }
        }
    }

    #[test]
    fn a_certificate_is_good_within_its_dates_alone() {
        let verifier = verifier(TOPIC);
        for (at, why) in [(1_325_375_999, "not valid yet"), (4_102_444_800, "expired")] {
            let error = verifier.learn(URL, &certificate(), at).unwrap_err();
            assert!(error.starts_with(URL) && error.contains(why), "{error}");
        }
        verifier.learn(URL, &certificate(), AT).unwrap();
        // One that is kept is not believed for longer.
        let mut message = example("notification-2.json");
        message["Timestamp"] = "2100-01-01T00:00:00Z".into();
        assert_eq!(verify(&verifier, &message, 4_102_444_800), Err(Doubt::Certificate(URL.into())));
    }

    #[test]
    fn a_strangers_topic_is_refused_before_anything_is_fetched() {
        let other = verifier("arn:aws:sns:us-west-2:123456789012:Other");
        assert_eq!(verify(&other, &example("notification-2.json"), AT), Err(Doubt::Word));
        for url in [
            "http://sns.us-west-2.amazonaws.com/a.pem",
            "https://sns.us-west-2.amazonaws.com.evil.example/a.pem",
            "https://evil.example/sns.us-west-2.amazonaws.com/a.pem",
            "https://sns.us-west-2.amazonaws.com@evil.example/a.pem",
            "https://sns.us-west-2.amazonaws.com:8443/a.pem",
            "https://sns.a.b.amazonaws.com/a.pem",
            "https://sns.amazonaws.com/a.pem",
            "https://bucket.s3.amazonaws.com/a.pem",
            "https://sns.us-west-2.amazonaws.com/a.pem?x",
            "https://sns.us-west-2.amazonaws.com/../a.pem",
            "https://sns.us-west-2.amazonaws.com/a.txt",
        ] {
            let mut message = example("notification-2.json");
            message["SigningCertURL"] = url.into();
            assert_eq!(verify(&verifier(TOPIC), &message, AT), Err(Doubt::Field("SigningCertURL")), "{url}");
        }
        assert!(is_amazons("https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0a.pem"));
        assert_eq!(verify(&verifier(TOPIC), &json!({"Type": "Other"}), AT), Err(Doubt::Field("Type")));
    }
}
