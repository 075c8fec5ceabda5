//! Raw mail to request: MIME is read by mail-parser, everything people do inside it is read here.
//!
//! Never panics, never loses a mail: what cannot be decoded is an oddity, what is over the bounds a refusal.

use super::{Refusal, Request, Setting, bounds};

/// Reads one raw mail (RFC 5322). `Err` when it is over `setting.bounds`: quarantine it, whole.
pub fn read(raw: &[u8], setting: &Setting) -> Result<Request, Refusal> {
    bounds::check(raw, &setting.bounds)?;
    let parsed = mail_parser::MessageParser::default().parse(raw);
    let mut request = Request::default();
    if let Some(mail) = parsed {
        request.message_id = mail.message_id().map(str::to_owned);
        request.subject = mail.subject().unwrap_or_default().to_owned();
        request.text = mail.body_text(0).unwrap_or_default().into_owned();
        if let Some(from) = mail.from().and_then(|list| list.first()) {
            request.from.name = from.name().map(str::to_owned);
            request.from.address = from.address().unwrap_or_default().to_owned();
        }
    }
    Ok(request)
}

/// The decoded bytes of the attachment with this index in [`Request::attachments`], if the mail has it.
pub fn attachment(raw: &[u8], index: usize) -> Option<Vec<u8>> {
    let mail = mail_parser::MessageParser::default().parse(raw)?;
    mail.attachment(index as u32).map(|part| part.contents().to_vec())
}
