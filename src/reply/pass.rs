//! Form passes: what a page with a form carries, signed, so that only a form of ours is taken, and that one once.
//!
//! A pass names when it was given out and a number that no other has, both base32 in lower case, then the first 16 bytes
//! of an HMAC-SHA-256 over them. It stands for nobody: forms are for strangers. That it is good only once is kept where
//! submissions are stored; how old it may be says the door.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::token::{Keys, MAC_BYTES, decode, encode, number, parse_number};

/// Keeps a pass apart from anything else that the same key signs.
const PURPOSE: &[u8] = b"deskclerk form pass 1\0";

/// A pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// When it was given out, unix seconds.
    pub issued_at: i64,
    /// Random: no two passes are the same.
    pub nonce: u64,
}

impl Pass {
    fn over(self, key: &Hmac<Sha256>) -> Hmac<Sha256> {
        let mac = key.clone().chain_update(PURPOSE).chain_update(self.issued_at.to_be_bytes());
        mac.chain_update(self.nonce.to_be_bytes())
    }
}

impl Keys {
    /// The text that stands in the form. Empty without a key.
    pub fn sign_pass(&self, pass: Pass) -> String {
        let Some(key) = self.macs.first() else { return String::new() };
        let mac = encode(&pass.over(key).finalize().into_bytes()[..MAC_BYTES]);
        format!("{}-{}-{mac}", number(pass.issued_at.cast_unsigned()), number(pass.nonce))
    }

    /// The pass that this text is, if one of the keys signed it.
    pub fn read_pass(&self, text: &str) -> Option<Pass> {
        let mut parts = text.split('-');
        let pass = Pass { issued_at: parse_number(parts.next()?)?.cast_signed(), nonce: parse_number(parts.next()?)? };
        let mac: [u8; MAC_BYTES] = decode(parts.next()?)?.try_into().ok()?;
        let signed = |key: &Hmac<Sha256>| pass.over(key).verify_truncated_left(&mac).is_ok();
        (parts.next().is_none() && self.macs.iter().any(signed)).then_some(pass)
    }
}

/// Whether `answer` is a proof of work for this pass: SHA-256 of `PASS:ANSWER` opens with so many zero bits.
pub fn worked(pass: &str, answer: &str, bits: u32) -> bool {
    let hash = Sha256::digest(format!("{pass}:{answer}"));
    let first = hash.iter().take(8).fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
    answer.len() <= 20 && first.leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str) -> Keys {
        Keys::new(vec![secret.as_bytes().to_vec()])
    }

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn only_what_was_signed_is_a_pass() {
        let pass = Pass { issued_at: 1_780_000_000, nonce: u64::MAX };
        let text = keys(KEY).sign_pass(pass);
        assert_eq!(keys(KEY).read_pass(&text), Some(pass));
        assert_eq!(keys("another key of some length, here!").read_pass(&text), None);
        for forged in ["", "-", "b-b-b", &text[1..], &format!("{text}-b"), &text.replacen('-', "b-", 1)] {
            assert_eq!(keys(KEY).read_pass(forged), None, "{forged}");
        }
        assert_eq!(keys("").sign_pass(pass), "");
    }

    #[test]
    fn work_is_told_from_none() {
        let answer = (0..1_000_000u32).map(|number| number.to_string()).find(|answer| worked("p", answer, 12));
        let answer = answer.unwrap_or_default();
        assert!(worked("p", &answer, 12) && worked("p", "anything", 0));
        assert!(!worked("q", &answer, 12) && !worked("p", "anything at all and much more", 0));
    }
}
