//! Is a post from whom it says? The signature schemes of webhooks, Standard Webhooks and the vendors' own.
//!
//! Promises: the raw body counts; several secrets may be valid at once, for rotation; what is compared takes the same time
//! wherever it differs; a time stamp, where there is one, is close to now. Reads no files and no clock: secrets and time
//! are arguments. `scheme` names the ways, `claim` reads what a post claims (`sns` that of Amazon), `sign` writes what a
//! sender would, `diagnosis` says why a post is not believed.

pub mod claim;
pub mod diagnosis;
pub mod scheme;
pub mod sign;
mod sns;

use std::net::IpAddr;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::network::Network;
use crate::config::settings::Hook;
use claim::{Claim, Message};
use scheme::{Key, Kind, Scheme};

/// A shared secret of Standard Webhooks. Never shown, never logged.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Secret {
    /// Reads `whsec_` + base64 of at least 24 bytes, as the specification has it.
    pub fn parse(text: &str) -> Result<Secret, String> {
        let encoded = text.trim();
        let encoded = encoded.strip_prefix("whsec_").unwrap_or(encoded);
        let bytes = STANDARD.decode(encoded).map_err(|_| "is no base64; write it as whsec_…".to_owned())?;
        match bytes.len() {
            24..=64 => Ok(Secret(bytes)),
            length => Err(format!("holds {length} bytes; a secret has 24 to 64")),
        }
    }

    /// The value of `webhook-signature` for this post: what a sender writes.
    pub fn sign(&self, id: &str, timestamp_secs: i64, body: &[u8]) -> String {
        let at = timestamp_secs.to_string();
        let message: Message<'_> = [id.as_bytes(), b".", at.as_bytes(), b".", body].map(Into::into).into();
        format!("v1,{}", STANDARD.encode(mac(&self.0, &message, false)))
    }
}

/// A post, as far as it can be verified.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The body as it came.
    pub body: &'a [u8],
    /// The URL that the sender posted to, with its query.
    pub url: &'a str,
    /// Who connected.
    pub peer: IpAddr,
}

/// Why a post is not believed. The text is for the sender and tells nothing about the secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// A header is absent or unreadable.
    #[error("the header {0} is missing, unreadable or there twice")]
    Header(String),
    /// A field of body or query is absent or unreadable.
    #[error("the field {0}, by which this source is verified, is missing or unreadable")]
    Field(&'static str),
    /// The id could not be told from the rest of what is signed, or is too long for a key.
    #[error("the delivery's id contains a dot or is longer than 255 bytes; send a shorter one without dots")]
    Id,
    /// The time stamp is so many seconds in the past (or the future).
    #[error("the time stamp is {0} s off this desk's clock, outside the tolerance; check the clock and sign again")]
    Stale(i64),
    /// No signature fits any secret.
    #[error("no signature fits; sign `{0}` with this source's secret")]
    Wrong(&'static str),
    /// The word is another.
    #[error("the token, password or certificate is not one of this source's")]
    Word,
    /// The certificate that is said to have signed it, at this address, is not at hand.
    #[error("the certificate {0} could not be had")]
    Certificate(String),
    /// The header of a proxy from somewhere else.
    #[error("only this desk's proxy may send that header")]
    Proxy,
}

/// How the posts of one source are verified.
#[derive(Debug)]
pub struct Verifier {
    scheme: Scheme,
    keys: Vec<Key>,
    header: String,
    id_header: String,
    tolerance_secs: u64,
    proxies: Vec<Network>,
    certificates: sns::Certificates,
}

impl Verifier {
    /// As the settings have it, with the texts of the secret files.
    pub fn open(hook: &Hook, scheme: Scheme, secrets: &[String]) -> Result<Verifier, String> {
        let own = |given: &str, own: &str| if given.is_empty() { own.to_owned() } else { given.to_ascii_lowercase() };
        let keys = secrets.iter().map(|text| Key::parse(scheme, text)).collect::<Result<_, _>>()?;
        Ok(Verifier {
            scheme,
            keys,
            header: own(&hook.header, scheme.header()),
            id_header: own(&hook.id_header, scheme.id_header()),
            tolerance_secs: hook.tolerance_secs,
            proxies: hook.proxies.iter().filter_map(|text| Network::parse(text)).collect(),
            certificates: sns::Certificates::default(),
        })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Verifies a post and gives the delivery's id, where it has one.
    pub fn verify(&self, post: &Post<'_>, now_secs: i64) -> Result<Option<String>, Doubt> {
        if self.scheme == Scheme::MtlsHeader && !self.proxies.iter().any(|proxy| proxy.holds(post.peer)) {
            return Err(Doubt::Proxy);
        }
        let claim = claim::read(self.scheme, post, &self.header)?;
        let id = match claim.id.clone() {
            Some(id) => Some(id),
            None => claim::value(post.headers, &self.id_header).ok().map(str::to_owned),
        };
        if let Some(at) = claim.at
            && now_secs.abs_diff(at) > self.tolerance_secs
        {
            return Err(Doubt::Stale(now_secs.saturating_sub(at)));
        }
        self.signed(&claim, now_secs)?;
        // Told only to who has signed. A dot would let two posts sign alike.
        let dotted = |id: &String| self.scheme == Scheme::StandardWebhooks && id.contains('.');
        if id.as_ref().is_some_and(|id| id.len() > 255 || dotted(id)) {
            return Err(Doubt::Id);
        }
        Ok(id)
    }

    /// Whether one of the keys fits.
    fn signed(&self, claim: &Claim<'_>, now_secs: i64) -> Result<(), Doubt> {
        if let Some(signer) = &claim.signer {
            return match self.certificates.verify(claim, signer, now_secs) {
                // Of another topic nothing is fetched.
                _ if !self.keys.iter().any(|key| key.bytes == signer.topic.as_bytes()) => Err(Doubt::Word),
                Some(true) => Ok(()),
                Some(false) => Err(Doubt::Wrong(self.scheme.signs())),
                None => Err(Doubt::Certificate(signer.certificate.clone())),
            };
        }
        // All keys, always: which of them fits is nobody's business either.
        let fits = self.keys.iter().fold(false, |fits, key| fits | fits_key(claim, key));
        match (fits, claim.messages.is_empty()) {
            (true, _) => Ok(()),
            (false, true) => Err(Doubt::Word),
            (false, false) => Err(Doubt::Wrong(self.scheme.signs())),
        }
    }

    /// Keeps a certificate (PEM) that [`Doubt::Certificate`] asked for. The error says what is wrong with it.
    pub fn learn(&self, url: &str, pem: &[u8], now_secs: i64) -> Result<(), String> {
        self.certificates.keep(url, pem, now_secs)
    }
}

fn fits_key(claim: &Claim<'_>, key: &Key) -> bool {
    let public = |algorithm, signatures: &[Vec<u8>]| {
        let verify = |message: &Message<'_>, given: &[u8]| {
            UnparsedPublicKey::new(algorithm, &key.bytes).verify(&message.concat(), given).is_ok()
        };
        claim.messages.iter().any(|message| signatures.iter().any(|given| verify(message, given)))
    };
    match key.kind {
        Kind::Mac => claim.messages.iter().any(|message| {
            let mac = mac(&key.bytes, message, claim.sha1);
            claim.given.iter().any(|given| given.ct_eq(&mac).into())
        }),
        Kind::Ed25519 => public(&ED25519 as &dyn ring::signature::VerificationAlgorithm, &claim.ed25519),
        Kind::P256 => public(&ECDSA_P256_SHA256_ASN1 as &dyn ring::signature::VerificationAlgorithm, &claim.given),
        // Of hashes: how much of it was right shows no more than how long it is.
        Kind::Word | Kind::Topic => Sha256::digest(&claim.word).ct_eq(&Sha256::digest(&key.bytes)).into(),
    }
}

/// HMAC over the parts of a message.
fn mac(key: &[u8], message: &Message<'_>, sha1: bool) -> Vec<u8> {
    const ANY: &str = "HMAC takes a key of any length";
    if sha1 {
        let mut mac = Hmac::<Sha1>::new_from_slice(key).expect(ANY);
        message.iter().for_each(|part| mac.update(part));
        return mac.finalize().into_bytes().to_vec();
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect(ANY);
    message.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod vectors;
