//! osTicket (docs.osticket.com, API: Tickets). Its API creates tickets and does nothing else: `tickets.json` for a new one,
//! and what comes later as a mail to `tickets.email`, which osTicket threads by the ticket's number in the subject and the
//! customer's address, and takes once by its Message-ID.
//!
//! It cannot be asked: after an unknown outcome a person must look (see `Connector::lost`), and agents' answers go from
//! osTicket to the customer without coming by here.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::api::{Api, Trouble, escape, text};
use super::ours::{Entry, File, Ours};

/// Creates it, as the customer's; gives its number. What the desk found stays here: the API knows no internal notes, and the
/// customer may read all else.
pub async fn create(api: &Api, ours: &Ours) -> Result<String, Trouble> {
    let mut ticket = json!({
        "source": "API",
        "alert": true,
        "autorespond": false,
        "name": ours.name,
        "email": ours.address,
        "subject": ours.subject,
        "message": data("text/plain;charset=utf-8", ours.opening.text.as_bytes(), false),
        "priority": ours.priority,
        "attachments": ours.opening.files.iter().map(file).collect::<Vec<_>>(),
    });
    if let Some(topic) = &ours.group {
        ticket["topicId"] = json!(topic);
    }
    match api.id_field() {
        "" => ticket["subject"] = json!(format!("{} [{}]", ours.subject, ours.external_id)),
        field => ticket[field] = json!(ours.external_id),
    }
    if let Some(campaign) = ours.campaign.as_ref().filter(|_| !api.campaign_field().is_empty()) {
        ticket[api.campaign_field()] = json!(campaign);
    }
    let made = api.send(Method::POST, "/api/tickets.json", &ticket).await?;
    text(&made).filter(|number| !number.is_empty()).ok_or_else(|| Trouble::odd("no ticket number"))
}

/// Adds what the customer wrote. Notes are for agents alone, and there is no way to make one: they are left out.
pub async fn append(api: &Api, number: &str, ours: &Ours, entry: &Entry) -> Result<(), Trouble> {
    if !entry.by_customer {
        return Ok(());
    }
    let mail = mail(number, ours, entry);
    api.call(Method::POST, "/api/tickets.email", "message/rfc822", &[], mail.into_bytes()).await?;
    Ok(())
}

/// The mail as it would have come from the customer.
fn mail(number: &str, ours: &Ours, entry: &Entry) -> String {
    let id = entry.mark.rsplit(' ').next().unwrap_or_default();
    let word = |text: &str| format!("=?utf-8?B?{}?=", STANDARD.encode(text));
    let boundary = format!("=_{id}");
    let mut mail = format!(
        "From: {} <{}>\r\nTo: osticket\r\nSubject: {}\r\nMessage-ID: <{id}.{}@deskclerk.invalid>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n",
        word(&ours.name),
        ours.address,
        word(&format!("Re: {} [#{number}]", ours.subject)),
        ours.external_id,
    );
    let mut part = |head: String, content: &[u8]| {
        let encoded = STANDARD.encode(content);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let body = lines.join("\r\n");
        mail.push_str(&format!("--{boundary}\r\n{head}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n"));
    };
    part("Content-Type: text/plain; charset=utf-8".into(), entry.text.as_bytes());
    for File { name, media_type, bytes } in &entry.files {
        let head =
            format!("Content-Type: {media_type}\r\nContent-Disposition: attachment; filename*=utf-8''{}", escape(name));
        part(head, bytes);
    }
    mail.push_str(&format!("--{boundary}--\r\n"));
    mail
}

fn file(file: &File) -> Value {
    json!({ file.name.clone(): data(&file.media_type, &file.bytes, true) })
}

/// RFC 2397.
fn data(media_type: &str, bytes: &[u8], base64: bool) -> String {
    match base64 {
        true => format!("data:{media_type};base64,{}", STANDARD.encode(bytes)),
        false => format!("data:{media_type},{}", String::from_utf8_lossy(bytes)),
    }
}
