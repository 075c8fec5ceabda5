//! DKIM signatures (RFC 6376) on outgoing mail: the key from its file, the headers that a reader sees or that a loop would
//! miss.
//!
//! The key is never logged. What cannot be signed is not sent: a domain that signs is believed only with a signature.

use std::path::Path;

use base64::Engine as _;
use lettre::message::dkim::{
    DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm, DkimSigningKey,
};
use lettre::message::header::HeaderName;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, LineEnding};

use crate::config::secret;

/// What is signed. Each stands in every mail of ours, but for Reply-To; none is long. Content-Type is not among them: in
/// lettre it belongs to the body, which is signed whole, and would be listed but not covered.
const SIGNED: [&str; 8] = ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Auto-Submitted"];
/// RFC 8410 §7: an Ed25519 key in PKCS #8, before its 32 bytes.
const ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Reads the key and makes ready to sign for this domain.
pub fn signer(selector: &str, domain: &str, file: &Path) -> Result<DkimConfig, String> {
    let unreadable = |why: &str| format!("the DKIM key in {} cannot be used: {why}", file.display());
    let pem = secret::read_bytes(file).map_err(|error| error.to_string())?;
    let pem = String::from_utf8(pem).map_err(|_| unreadable("it is no PEM file"))?;
    let key = key(&pem).map_err(|why| unreadable(&why))?;
    let headers = SIGNED.map(HeaderName::new_from_ascii_str).to_vec();
    // Relaxed: servers on the way may fold and trim.
    let canonicalization =
        DkimCanonicalization { header: DkimCanonicalizationType::Relaxed, body: DkimCanonicalizationType::Relaxed };
    Ok(DkimConfig::new(selector.to_owned(), domain.to_owned(), key, headers, canonicalization))
}

fn key(pem: &str) -> Result<DkimSigningKey, String> {
    let pem = pem.trim();
    if pem.contains("BEGIN RSA PRIVATE KEY") {
        return DkimSigningKey::new(pem, DkimSigningAlgorithm::Rsa).map_err(|error| error.to_string());
    }
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let base64 = base64::engine::general_purpose::STANDARD;
    let der = base64.decode(&body).map_err(|_| "it is neither a PEM file nor base64".to_owned())?;
    if let Some(seed) = der.strip_prefix(&ED25519) {
        return DkimSigningKey::new(&base64.encode(seed), DkimSigningAlgorithm::Ed25519).map_err(|e| e.to_string());
    }
    let key = RsaPrivateKey::from_pkcs8_der(&der).map_err(|_| "it is no RSA or Ed25519 private key".to_owned())?;
    let pem = key.to_pkcs1_pem(LineEnding::LF).map_err(|error| error.to_string())?;
    DkimSigningKey::new(&pem, DkimSigningAlgorithm::Rsa).map_err(|error| error.to_string())
}
