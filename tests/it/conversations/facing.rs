//! Two desks that answer each other: what one sends comes in at the other, until both are silent.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use deskclerk::delivery::mail::compose;
use deskclerk::desk::Desk;
use deskclerk::store::outbox::{Outgoing, Reason};
use deskclerk::store::submissions::{Envelope, Kind, New};
use serde::Deserialize;

use super::Play;

/// Mails one after the other that are no conversation any more.
const ENDLESS: usize = 50;

/// Another desk, whose mail loses headers on its way here, and ours on its way there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facing {
    strip: Vec<String>,
    /// The mails that it sends.
    mails: usize,
}

impl Play {
    /// Carries mail between the desks until nobody sends any more: what ours sent, and what is not as expected.
    pub async fn face(&self, facing: &Facing) -> (Vec<Outgoing>, Vec<String>) {
        let home = tempfile::tempdir().unwrap();
        let mut config = (*self.desk.config).clone();
        config.desk.data_dir = home.path().to_path_buf();
        config.desk.address = "support@other.example".into();
        config.store.url = "sqlite:desk.db".into();
        let other = Desk::open(config).await.unwrap();
        let (mut ours, mut theirs) = (vec![], vec![]);
        for _ in 0..ENDLESS {
            let sent = settled(&self.desk, self.now).await;
            carry(&sent, &other, &facing.strip, self.now).await;
            let answered = settled(&other, self.now).await;
            carry(&answered, &self.desk, &facing.strip, self.now).await;
            let silent = sent.is_empty() && answered.is_empty();
            ours.extend(sent);
            theirs.extend(answered);
            if silent {
                let expected = format!("the other desk sends {}, expected {}", theirs.len(), facing.mails);
                return (ours, (theirs.len() != facing.mails).then_some(expected).into_iter().collect());
            }
        }
        let endless = format!("the desks do not end: {} and {} mails", ours.len(), theirs.len());
        (ours, vec![endless])
    }
}

/// Settles all that has come in, and takes the mails to customers that are to go out.
async fn settled(desk: &Arc<Desk>, now: i64) -> Vec<Outgoing> {
    while !desk.batch(now, 64).await.unwrap().is_empty() {}
    let mut mails = desk.store.claim_outbox(now, 1_000, 100).await.unwrap();
    assert_eq!(desk.store.outbox_sent(&mails, now).await.unwrap(), 0);
    mails.retain(|mail| mail.reason != Reason::Team);
    mails
}

/// Brings mails to a desk, proven by its server, without these headers.
async fn carry(mails: &[Outgoing], desk: &Arc<Desk>, strip: &[String], now: i64) {
    for mail in mails {
        let at = UNIX_EPOCH + Duration::from_millis(now.unsigned_abs());
        let bytes = compose(mail, None, at).unwrap().bytes;
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<String> = vec![];
        for line in head.split("\r\n") {
            match lines.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => last.push_str(&format!("\r\n{line}")),
                _ => lines.push(line.to_owned()),
            }
        }
        let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
        lines.retain(|line| !strip.iter().any(|gone| gone.eq_ignore_ascii_case(&name(line))));
        let domain = mail.payload.from.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches('>'));
        let proof = format!("Authentication-Results: mx.desk.example; dmarc=pass header.from={domain}");
        let new = New {
            source: "lmtp".into(),
            source_key: None,
            kind: Kind::Mail,
            raw: format!("{proof}\r\n{}\r\n\r\n{body}", lines.join("\r\n")).into_bytes(),
            envelope: Envelope::default(),
            answerable: true,
            received_at: now,
        };
        desk.accept(new).await.unwrap();
    }
}
