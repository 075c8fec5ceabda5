//! What comes in at a turn, as bytes: the mail that its lines describe, or a webhook's body.

use base64::Engine as _;
use deskclerk::store::submissions::{Envelope, Kind, New};

use super::{Play, Turn};

impl Play {
    pub fn submission(&self, index: usize, number: usize, turn: &Turn) -> New {
        let (kind, raw) = match &turn.hook {
            Some(body) => {
                let body = self.filled(&serde_json::to_string(body).unwrap(), number);
                (Kind::Hook, body.into_bytes())
            }
            None => (Kind::Mail, self.mail(index, number, turn).replace('\n', "\r\n").into_bytes()),
        };
        let envelope = Envelope { from: turn.envelope_from.clone(), ..Envelope::default() };
        let source = if kind == Kind::Hook { "hook:leadhub" } else { "lmtp" };
        New {
            source: source.into(),
            source_key: (kind == Kind::Hook).then(|| format!("{index}-{number}")),
            kind,
            raw,
            envelope,
            answerable: !turn.old,
            received_at: self.now,
        }
    }

    fn mail(&self, index: usize, number: usize, turn: &Turn) -> String {
        if let Some(raw) = &turn.raw {
            return self.filled(raw, number);
        }
        let answered = turn.answers.and_then(|nth| self.sent.get(nth - 1));
        let mut mail = String::new();
        let mut line = |name: &str, value: &str| {
            if !turn.headers.contains_key(name) && !value.is_empty() {
                mail.push_str(&format!("{name}: {value}\n"));
            }
        };
        if turn.proven {
            let domain = turn.from.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches('>'));
            line("Authentication-Results", &format!("mx.desk.example; dmarc=pass header.from={domain}"));
        }
        line("From", &turn.from);
        let reply_to = answered.and_then(|mail| mail.payload.reply_to.as_deref());
        line("To", turn.to.as_deref().or(reply_to).unwrap_or("support@desk.example"));
        let subject = match (answered, turn.subject.as_str()) {
            (Some(mail), "") => format!("Re: {}", mail.payload.subject),
            (_, subject) => subject.to_owned(),
        };
        line("Subject", &encoded(&subject));
        let date = jiff::Timestamp::from_millisecond(self.now).unwrap();
        line("Date", &date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
        line("Message-ID", &format!("<turn-{}-{number}@customer.example>", index + 1));
        if let Some(mail) = answered {
            line("In-Reply-To", &format!("<{}>", mail.message_id));
            line("References", &format!("<{}>", mail.message_id));
        }
        line("MIME-Version", "1.0");
        line("Content-Type", "text/plain; charset=utf-8");
        line("Content-Transfer-Encoding", "8bit");
        for (name, value) in turn.headers.iter().filter(|(_, value)| !value.is_empty()) {
            mail.push_str(&format!("{name}: {value}\n"));
        }
        let text = turn.then.as_ref().filter(|_| number > 0).unwrap_or(&turn.text);
        let mail = format!("{mail}\n{}\n", text.trim_matches('\n'));
        self.filled(&mail, number)
    }

    /// Puts in what only the play knows: of the desk's last mail its token and Message-ID, and a running number.
    fn filled(&self, text: &str, number: usize) -> String {
        let last = self.sent.last();
        let asked = last.map(|mail| mail.message_id.clone()).unwrap_or_default();
        let token = asked.split('.').next().unwrap_or_default().to_owned();
        let words = last.map(|mail| mail.payload.text.clone()).unwrap_or_default();
        let quoted: String = words.lines().map(|line| format!("> {line}\n")).collect();
        let text = text.replace("{asked}", &asked).replace("{token}", &token).replace("{quoted}", &quoted);
        text.replace("{n}", &number.to_string())
    }
}

/// An encoded-word (RFC 2047) where the subject needs one.
fn encoded(subject: &str) -> String {
    if subject.is_ascii() {
        return subject.to_owned();
    }
    let words = subject.chars().collect::<Vec<_>>();
    let words = words.chunks(20).map(|chunk| {
        let chunk: String = chunk.iter().collect();
        format!("=?utf-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(chunk))
    });
    words.collect::<Vec<_>>().join("\n ")
}
