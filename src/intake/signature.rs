//! Standard Webhooks signatures (the public specification, "Symmetric": `v1`, HMAC-SHA256 over `id.timestamp.body`).
//!
//! Several secrets may be valid at once, for rotation; the comparison takes the same time wherever it differs. Reads
//! no files and no clock: secrets and time are arguments.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A shared secret. Never shown, never logged.
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

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }

    /// The value of `webhook-signature` for this post: what a sender writes.
    pub fn sign(&self, id: &str, timestamp_secs: i64, body: &[u8]) -> String {
        let mac = self.mac(id, &timestamp_secs.to_string(), body).finalize();
        format!("v1,{}", STANDARD.encode(mac.into_bytes()))
    }
}

/// Why a post is not believed. The text is for the sender and tells nothing about the secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// A header is absent or unreadable.
    #[error("the header {0} is missing or unreadable")]
    Header(&'static str),
    /// The id could not be told from the rest of what is signed, or is too long for a key.
    #[error("the webhook-id contains a dot or is longer than 255 bytes; send a shorter one without dots")]
    Id,
    /// The time stamp is too far off.
    #[error("the webhook-timestamp is outside this desk's tolerance; check the clock and sign again")]
    Stale,
    /// No signature fits any secret.
    #[error("no webhook-signature fits; sign id.timestamp.body with this source's secret")]
    Wrong,
}

/// Verifies a post and gives its `webhook-id`. `now_secs` and the time stamp are unix seconds.
pub fn verify<'a>(
    headers: &'a HeaderMap,
    body: &[u8],
    secrets: &[Secret],
    now_secs: i64,
    tolerance_secs: u64,
) -> Result<&'a str, Doubt> {
    let read = |name: &'static str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if value.is_empty() { Err(Doubt::Header(name)) } else { Ok(value) }
    };
    let id = read("webhook-id")?;
    let timestamp = read("webhook-timestamp")?;
    let signatures = read("webhook-signature")?;
    // The id becomes a key of the store; the dot would let two posts sign alike.
    if id.len() > 255 || id.contains('.') {
        return Err(Doubt::Id);
    }
    let seconds: i64 = timestamp.parse().map_err(|_| Doubt::Header("webhook-timestamp"))?;
    if now_secs.abs_diff(seconds) > tolerance_secs {
        return Err(Doubt::Stale);
    }
    let given: Vec<Vec<u8>> = signatures
        .split(' ')
        .take(16)
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    let fits = secrets.iter().any(|secret| {
        let mac = secret.mac(id, timestamp, body);
        given.iter().any(|given| mac.clone().verify_slice(given).is_ok())
    });
    if fits { Ok(id) } else { Err(Doubt::Wrong) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // The worked example of the Standard Webhooks specification and its reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const AT: i64 = 1_614_265_330;

    fn check(id: &str, timestamp: &str, signature: &str, body: &[u8], now: i64, expected: Result<&str, Doubt>) {
        let mut headers = HeaderMap::new();
        for (name, value) in [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)] {
            headers.insert(name, value.parse().unwrap());
        }
        let other = Secret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let secrets = [other, Secret::parse(SECRET).unwrap()];
        assert_eq!(verify(&headers, body, &secrets, now, 300), expected, "{id} {timestamp} {signature}");
    }

    #[test]
    fn the_specifications_example_verifies() {
        check(ID, "1614265330", SIGNATURE, BODY, AT, Ok(ID));
        assert_eq!(Secret::parse(SECRET).unwrap().sign(ID, AT, BODY), SIGNATURE);
        check(ID, "1614265330", &format!("v1,AAAA v1a,x {SIGNATURE}"), BODY, AT + 300, Ok(ID));
    }

    #[test]
    fn anything_changed_is_doubted() {
        check(ID, "1614265330", SIGNATURE, b"{}", AT, Err(Doubt::Wrong));
        check("msg_other", "1614265330", SIGNATURE, BODY, AT, Err(Doubt::Wrong));
        check(ID, "1614265331", SIGNATURE, BODY, AT, Err(Doubt::Wrong));
        check(ID, "1614265330", "v1,", BODY, AT, Err(Doubt::Wrong));
        check(ID, "1614265330", &SIGNATURE[3..], BODY, AT, Err(Doubt::Wrong));
        check(ID, "1614265330", "", BODY, AT, Err(Doubt::Header("webhook-signature")));
        check("a.b", "1614265330", SIGNATURE, BODY, AT, Err(Doubt::Id));
        check(&"a".repeat(256), "1614265330", SIGNATURE, BODY, AT, Err(Doubt::Id));
        check("", "1614265330", SIGNATURE, BODY, AT, Err(Doubt::Header("webhook-id")));
        check(ID, "yesterday", SIGNATURE, BODY, AT, Err(Doubt::Header("webhook-timestamp")));
    }

    #[test]
    fn a_second_past_the_tolerance_is_stale() {
        check(ID, "1614265330", SIGNATURE, BODY, AT + 301, Err(Doubt::Stale));
        check(ID, "1614265330", SIGNATURE, BODY, AT - 301, Err(Doubt::Stale));
        check(ID, "-9223372036854775808", SIGNATURE, BODY, i64::MAX, Err(Doubt::Stale));
    }

    #[test]
    fn secrets_are_long_enough_and_never_shown() {
        assert!(Secret::parse("whsec_c2hvcnQ=").is_err());
        assert!(Secret::parse("not base64!").is_err());
        assert_eq!(format!("{:?}", Secret::parse(SECRET).unwrap()), "Secret(…)");
    }
}
