//! One-tap answers: what the link in a question says, signed.
//!
//! A link names ticket, question, choice and its last day, all base32 in lower case, then the first 16 bytes of an
//! HMAC-SHA-256 over them. It stands for one choice of one question and nothing else; that it is good only once is kept
//! where answers are stored.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::token::{Keys, MAC_BYTES, decode, encode, number, parse_number};

/// Keeps a one-tap answer apart from anything else that the same key signs.
const PURPOSE: &[u8] = b"deskclerk one-tap answer 1\0";

/// The choice that says: this request is not about one particular campaign.
pub const NO_CAMPAIGN: i64 = 0;

/// A one-tap answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// The ticket.
    pub ticket: i64,
    /// Which question on it, from 1.
    pub question: i64,
    /// Which of the campaigns that it offered, from 1; or [`NO_CAMPAIGN`].
    pub choice: i64,
    /// The last day on which it is good, counted from 1970-01-01 UTC.
    pub expires_on: i64,
}

/// The day of a time in unix milliseconds.
pub fn day(now: i64) -> i64 {
    now.div_euclid(86_400_000)
}

/// The mail that a tap becomes: the one that the customer would have written. `says` is its one line; `date` as RFC 5322
/// has it. The ticket's token in `reply_to` proves whose it is.
pub fn mail(tap: &Tap, requester: &str, reply_to: &str, says: &str, date: &str) -> String {
    let domain = reply_to.rsplit_once('@').map_or("", |(_, domain)| domain);
    let (ticket, question) = (tap.ticket, tap.question);
    let says = says.replace(['\r', '\n'], " ");
    format!(
        "From: <{requester}>\r\nTo: <{reply_to}>\r\nSubject: Re: [#{ticket}]\r\nDate: {date}\r\n\
         Message-ID: <one-tap.{ticket}.{question}@{domain}>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{says}\r\n"
    )
}

impl Tap {
    fn parts(&self) -> [i64; 4] {
        [self.ticket, self.question, self.choice, self.expires_on]
    }

    fn over(&self, key: &Hmac<Sha256>) -> Hmac<Sha256> {
        self.parts().iter().fold(key.clone().chain_update(PURPOSE), |mac, part| mac.chain_update(part.to_be_bytes()))
    }
}

impl Keys {
    /// The text that stands in the link. Empty without a key.
    pub fn sign_tap(&self, tap: &Tap) -> String {
        let Some(key) = self.macs.first() else { return String::new() };
        let mut parts: Vec<String> = tap.parts().iter().map(|part| number(part.cast_unsigned())).collect();
        parts.push(encode(&tap.over(key).finalize().into_bytes()[..MAC_BYTES]));
        parts.join("-")
    }

    /// The answer that this text stands for, if one of the keys signed it. Whether its time is over is not looked at.
    pub fn read_tap(&self, text: &str) -> Option<Tap> {
        let mut parts = text.split('-');
        let mut part = || parse_number(parts.next()?).map(u64::cast_signed);
        let tap = Tap { ticket: part()?, question: part()?, choice: part()?, expires_on: part()? };
        let mac: [u8; MAC_BYTES] = decode(parts.next()?)?.try_into().ok()?;
        let signed = |key: &Hmac<Sha256>| tap.over(key).verify_truncated_left(&mac).is_ok();
        (parts.next().is_none() && self.macs.iter().any(signed)).then_some(tap)
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

    const TAP: Tap = Tap { ticket: 1042, question: 1, choice: 2, expires_on: 20_600 };

    #[test]
    fn it_is_short_and_signs_nothing_without_a_key() {
        let text = keys(&["k"]).sign_tap(&TAP);
        assert!(text.len() <= 48, "{text}");
        assert_eq!(keys(&["other", "k"]).read_tap(&text), Some(TAP), "an older key still verifies");
        assert_eq!((keys(&[]).sign_tap(&TAP).as_str(), keys(&[]).read_tap(&text)), ("", None));
        // A reply token is no one-tap answer, nor the other way round.
        assert_eq!(keys(&["k"]).read_tap(&keys(&["k"]).sign(1042, "a@b.example")), None);
        assert_eq!(keys(&["k"]).verify(&text, "a@b.example"), None);
        assert_eq!((day(-1), day(0), day(86_399_999), day(86_400_000)), (-1, 0, 0, 1));
    }

    proptest! {
        #[test]
        fn what_was_signed_is_read_and_nothing_else(ticket in 1i64.., question in 0i64..9, choice in 0i64..9, expires_on in 0i64..99_999, at in 0usize..80, c in "[a-z2-7-]") {
            let keys = keys(&["k"]);
            let tap = Tap { ticket, question, choice, expires_on };
            let text = keys.sign_tap(&tap);
            prop_assert_eq!(keys.read_tap(&text), Some(tap));
            let at = at % text.len();
            let forged = format!("{}{c}{}", &text[..at], &text[at + 1..]);
            if forged != text {
                prop_assert_eq!(keys.read_tap(&forged), None);
            }
            prop_assert_eq!(keys.read_tap(&text[..at]), None);
        }

        #[test]
        fn any_text_is_taken(text: String) {
            prop_assert_eq!(keys(&["k"]).read_tap(&text), None);
        }
    }
}
