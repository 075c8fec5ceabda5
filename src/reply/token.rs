//! Reply tokens: what proves that a mail answers a ticket of ours.
//!
//! A token is `<ticket>-<mac>`, both base32 in lower case: the ticket's number and the first 16 bytes of an HMAC-SHA-256
//! over ticket and requester. It stands as a plus tag in Reply-To and as the first part of our Message-IDs. It proves
//! nothing for any other sender or ticket; the comparison takes the same time wherever the difference lies.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of the MAC that travel.
pub(super) const MAC_BYTES: usize = 16;
/// RFC 4648 base32 in lower case: mail servers and people may change the case of a local part, so case carries nothing.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Keeps a reply token apart from anything else that the same key may sign.
const PURPOSE: &[u8] = b"deskclerk reply token 1\0";

/// The signing keys. The first signs, all verify: a new key is put in front, the old one stays until its tickets rest.
#[derive(Clone)]
pub struct Keys {
    pub(super) macs: Vec<Hmac<Sha256>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.macs.len())
    }
}

impl Keys {
    /// Keys of any length; 32 bytes are right. Empty ones are left out: they would sign for everybody.
    pub fn new(secrets: Vec<Vec<u8>>) -> Keys {
        let macs = secrets.iter().filter(|secret| !secret.is_empty());
        Keys { macs: macs.map(|secret| keyed(secret)).collect() }
    }

    /// The token of this ticket for this requester: at most 40 of `[a-z2-7-]`. Empty without a key.
    pub fn sign(&self, ticket: i64, requester: &str) -> String {
        let Some(key) = self.macs.first() else { return String::new() };
        let mac = over(key, ticket, requester).finalize().into_bytes();
        format!("{}-{}", number(ticket.cast_unsigned()), encode(&mac[..MAC_BYTES]))
    }

    /// The ticket that this token was signed for, if it was signed by one of the keys for this sender.
    pub fn verify(&self, token: &str, sender: &str) -> Option<i64> {
        let token = token.to_ascii_lowercase();
        let (ticket, mac) = token.split_once('-')?;
        let ticket = parse_number(ticket)?.cast_signed();
        let mac = decode(mac)?;
        // The length is fixed here: a shorter MAC would be easier to guess.
        let mac: [u8; MAC_BYTES] = mac.try_into().ok()?;
        let valid = |key: &Hmac<Sha256>| over(key, ticket, sender).verify_truncated_left(&mac).is_ok();
        self.macs.iter().any(valid).then_some(ticket)
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes keys of any length")
}

fn over(key: &Hmac<Sha256>, ticket: i64, requester: &str) -> Hmac<Sha256> {
    key.clone()
        .chain_update(PURPOSE)
        .chain_update(ticket.to_be_bytes())
        .chain_update(requester.trim().to_lowercase().as_bytes())
}

/// `support@desk.example` and a token: `support+TOKEN@desk.example`. A tag that the address already has is replaced.
pub fn plus_address(address: &str, token: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if !token.is_empty() => {
            let local = local.split('+').next().unwrap_or(local);
            format!("{local}+{token}@{domain}")
        }
        _ => address.to_owned(),
    }
}

/// A Message-ID, without angle brackets, that carries the token: `TOKEN.UNIQUE@DOMAIN`. `unique` sets the mails of one
/// ticket apart and must be of `[a-z0-9-]`.
pub fn message_id(token: &str, unique: &str, domain: &str) -> String {
    format!("{token}.{unique}@{domain}")
}

/// The token in a Message-ID of ours, from an In-Reply-To or References header, with or without angle brackets. Only its
/// shape is looked at: [`Keys::verify`] says whether it counts.
pub fn in_message_id(id: &str) -> Option<&str> {
    let (left, _) = id.trim().trim_start_matches('<').split_once('@')?;
    let (token, unique) = left.split_once('.')?;
    (!unique.is_empty() && looks_like_token(token)).then_some(token)
}

/// The ticket that this token speaks of. Only its shape is looked at: [`Keys::verify`] says whether it counts.
pub fn ticket(token: &str) -> Option<i64> {
    let token = token.to_ascii_lowercase();
    let (ticket, _) = token.split_once('-').filter(|_| looks_like_token(&token))?;
    parse_number(ticket).map(u64::cast_signed)
}

/// Whether this has the shape of a token.
pub fn looks_like_token(text: &str) -> bool {
    let base32 = |part: &str| part.bytes().all(|byte| value(byte).is_some());
    text.split_once('-').is_some_and(|(ticket, mac)| {
        (1..=13).contains(&ticket.len()) && mac.len() == (MAC_BYTES * 8).div_ceil(5) && base32(ticket) && base32(mac)
    })
}

/// A number in base32, most significant digit first, without leading zeros.
pub(super) fn number(mut rest: u64) -> String {
    let mut digits = vec![];
    loop {
        digits.push(char::from(ALPHABET[(rest & 31) as usize]));
        rest >>= 5;
        if rest == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// The inverse of [`number`]. Only the one spelling that it writes is taken.
pub(super) fn parse_number(text: &str) -> Option<u64> {
    let mut number = 0u64;
    for byte in text.bytes() {
        number = number.checked_mul(32)?.checked_add(u64::from(value(byte)?))?;
    }
    (self::number(number) == text).then_some(number)
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() * 8).div_ceil(5));
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[((held >> bits) & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[((held << (5 - bits)) & 31) as usize]));
    }
    text
}

/// The inverse of [`encode`]. Left-over bits must be zero, so that every value has one spelling.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0u32, 0);
    for byte in text.bytes() {
        held = (held << 5) | u32::from(value(byte)?);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (bits < 5 && held == 0).then_some(bytes)
}

fn value(byte: u8) -> Option<u8> {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => Some(letter - b'a'),
        digit @ b'2'..=b'7' => Some(digit - b'2' + 26),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(secrets: &[&str]) -> Keys {
        Keys::new(secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect())
    }

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_token_is_short_and_fits_a_local_part() {
        for ticket in [0, 1, 1042, i64::MAX, -1] {
            let token = keys(&[KEY]).sign(ticket, "ann@customer.example");
            assert!(token.len() <= 40, "{token}");
            assert!(looks_like_token(&token), "{token}");
            assert!(plus_address("support@desk.example", &token).split('@').next().unwrap().len() <= 64);
            assert_eq!(keys(&[KEY]).verify(&token, "ann@customer.example"), Some(ticket));
        }
    }

    #[test]
    fn no_key_signs_and_verifies_nothing() {
        assert_eq!(keys(&[]).sign(1, "a@b.example"), "");
        assert_eq!(keys(&[""]).verify(&keys(&[KEY]).sign(1, "a@b.example"), "a@b.example"), None);
    }

    #[test]
    fn a_tag_replaces_the_one_before() {
        assert_eq!(plus_address("support@desk.example", "ab-c"), "support+ab-c@desk.example");
        assert_eq!(plus_address("support+x@desk.example", "ab-c"), "support+ab-c@desk.example");
        assert_eq!(plus_address("no address", "ab-c"), "no address");
        assert_eq!(plus_address("support@desk.example", ""), "support@desk.example");
    }

    #[test]
    fn the_mac_is_the_one_of_rfc_2104() {
        // Computed with another implementation (Python's hmac), so that a token stays valid across versions of this program.
        assert_eq!(keys(&[KEY]).sign(1042, "Ann@Customer.example"), "bas-lniswpoza3dc33bfvjcbjj3ryy");
    }

    proptest! {
        #[test]
        fn encoding_has_one_spelling(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn what_decodes_is_what_was_encoded(text in "[a-z2-7]{0,40}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }

        #[test]
        fn verified_by_any_key_whatever_the_case(ticket: i64, requester in "[a-zA-Z0-9.]{1,20}@[a-z]{1,10}\\.example") {
            let token = keys(&["old key"]).sign(ticket, &requester);
            let rotated = keys(&[KEY, "old key"]);
            prop_assert_eq!(rotated.verify(&token, &requester), Some(ticket));
            prop_assert_eq!(rotated.verify(&token.to_uppercase(), &requester.to_uppercase()), Some(ticket));
            prop_assert_eq!(keys(&[KEY]).verify(&token, &requester), None);
            let id = message_id(&token, "0190aaaa", "desk.example");
            prop_assert_eq!(in_message_id(&id), Some(token.as_str()));
            let bracketed = format!(" <{id}>");
            prop_assert_eq!(in_message_id(&bracketed), Some(token.as_str()));
        }

        #[test]
        fn nothing_else_verifies(ticket in 0i64..1_000_000, other in 0i64..1_000_000, at in 0usize..60, c in "[a-z2-7]") {
            let (keys, ann, eve) = (keys(&[KEY]), "ann@customer.example", "eve@customer.example");
            let token = keys.sign(ticket, ann);
            prop_assert_eq!(keys.verify(&token, eve), None, "another requester");
            let mac = token.split_once('-').unwrap().1;
            if other != ticket {
                let moved = format!("{}-{mac}", number(other.cast_unsigned()));
                prop_assert_eq!(keys.verify(&moved, ann), None, "another ticket");
            }
            for end in 0..token.len() {
                prop_assert_eq!(keys.verify(&token[..end], ann), None, "truncated");
            }
            let longer = format!("{token}aaaaaaaa");
            prop_assert_eq!(keys.verify(&longer, ann), None, "lengthened");
            let at = at % token.len();
            let forged = format!("{}{c}{}", &token[..at], &token[at + 1..]);
            if forged != token {
                prop_assert_eq!(keys.verify(&forged, ann), None, "forged: {}", forged);
            }
        }

        #[test]
        fn any_text_is_taken(text: String) {
            prop_assert_eq!(keys(&[KEY]).verify(&text, "ann@customer.example"), None);
            let _ = in_message_id(&text);
        }
    }
}
