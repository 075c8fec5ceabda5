//! Trying the way out without sending anything: for those that look at a set-up.

use super::Way;
use crate::config::settings::Config;
use crate::desk::answer::{identity, sender};
use crate::store::outbox::{Kind, Outgoing, Payload, Reason, State};

/// Connects to the configured server, signs in and leaves. `None`: no server is configured.
pub async fn knock(config: &Config) -> Option<Result<(), String>> {
    match Way::of_mail(config) {
        Some(Way::Smtp(smtp)) => Some(smtp.knock().await),
        _ => None,
    }
}

/// A reply of this desk to itself as it would stand on the wire, signed where replies are signed. `None`: no server is
/// configured.
pub async fn sample(config: &Config) -> Option<Result<Vec<u8>, String>> {
    let Some(Way::Smtp(smtp)) = Way::of_mail(config) else { return None };
    let (id, message_id) = identity("doctor", &config.desk.address);
    let payload = Payload {
        from: sender(config),
        to: config.desk.address.clone(),
        subject: "Sample".into(),
        text: "This mail is never sent.".into(),
        ..Payload::default()
    };
    let outgoing = Outgoing {
        id,
        ticket_id: 0,
        kind: Kind::Mail,
        reason: Reason::Acknowledgement,
        recipient: config.desk.address.clone(),
        message_id,
        payload,
        attempts: 0,
        fence: 0,
        state: State::Held,
        last_error: None,
        due_at: 0,
        created_at: 0,
    };
    Some(smtp.sample(&outgoing).await)
}
