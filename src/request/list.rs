//! The desk's own address as a mailing list at its mail provider: Google Groups, Mailman.
//!
//! Such a list hands on what it gets under its own name, and where the writer's domain has a strict DMARC policy it puts its
//! own address into From. The writer's stands in other headers then. What they say is proven by nobody.

use super::header::{Headers, unfold};
use super::{Mailbox, address};

/// Where lists keep who wrote what they hand on, the surest first.
const WRITERS: [&str; 4] = ["X-Original-From", "X-Original-Sender", "Original-From", "Reply-To"];

/// Whether the address is one of the desk's own (lower case), with a plus tag or without.
pub(super) fn is_own(address: &str, own: &[String]) -> bool {
    let lower = address.to_lowercase();
    let bare = match lower.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or_default()),
        None => lower,
    };
    own.contains(&bare)
}

/// Whether the desk's own list handed this on, as List-Id or List-Post says.
pub(super) fn relayed(headers: &Headers<'_>, own: &[String]) -> bool {
    let ours = |value: &String| own.iter().any(|own| value == own || *value == own.replace('@', "."));
    let named = |name| headers.raw(name).any(|value| lists(&unfold(value).0).iter().any(ours));
    named("List-Id") || named("List-Post")
}

/// Who wrote what the desk's own list handed on under the desk's address.
pub(super) fn writer(headers: &Headers<'_>, from: &Mailbox, own: &[String]) -> Option<Mailbox> {
    if !is_own(&from.address, own) || !relayed(headers, own) {
        return None;
    }
    let foreign = |mailbox: &Mailbox| !mailbox.address.is_empty() && !is_own(&mailbox.address, own);
    let named = |name: &&str| headers.plain(name).into_iter().flat_map(|value| address::list(&value)).find(foreign);
    let writer = WRITERS.iter().find_map(named)?;
    // "'Jane Roe' via Support"
    let shown = || Some(from.name.as_deref()?.rsplit_once(" via ")?.0.trim_matches(['\'', '"', ' ']).to_owned());
    Some(Mailbox { name: writer.name.or_else(shown).filter(|name| !name.is_empty()), address: writer.address })
}

/// The lists that List-Id (RFC 2919) or List-Post (RFC 2369) names, in lower case: what stands in angle brackets, or all of it.
fn lists(value: &str) -> Vec<String> {
    let bare = |text: &str| {
        let lower = text.trim().to_lowercase();
        let address = lower.strip_prefix("mailto:").unwrap_or(&lower);
        address.split('?').next().unwrap_or_default().trim_end_matches('.').to_owned()
    };
    let named: Vec<String> = value.split('<').skip(1).filter_map(|part| Some(bare(part.split_once('>')?.0))).collect();
    if named.is_empty() { vec![bare(value)] } else { named }
}

#[cfg(test)]
mod tests {
    use crate::request::{AutomatedKind, Setting, mail};

    #[test]
    fn who_wrote_what_the_own_list_hands_on() {
        let own = vec!["support@desk.example".to_owned()];
        let setting = Setting { own_addresses: own, authserv_id: Some("mx".into()), ..Setting::default() };
        let read = |head: &str| {
            let raw = format!("{head}\nTo: support@desk.example\nSubject: 48213\n\nPlease stop it today.\n");
            mail::read(raw.as_bytes(), &setting).unwrap_or_default()
        };
        let list = "List-Id: <support.desk.example>\nPrecedence: list";
        let group = "X-Original-From: Jane Roe <jane@acme.example>\nReply-To: support@desk.example";
        for head in [
            format!("From: 'Jane Roe' via Support <support@desk.example>\n{group}\n{list}"),
            format!(
                "From: 'Jane Roe' via Support <support@desk.example>\nX-Original-Sender: jane@acme.example\n{list}"
            ),
            format!("From: Jane Roe via Support <support@desk.example>\nReply-To: jane@acme.example\n{list}"),
        ] {
            let request = read(&format!("{head}\nAuthentication-Results: mx; dmarc=pass header.from=desk.example"));
            let name = request.from.name.as_deref();
            assert_eq!((name, request.from.address.as_str()), (Some("Jane Roe"), "jane@acme.example"), "{head}");
            assert_eq!(request.via.map(|via| via.address).as_deref(), Some("support@desk.example"));
            assert_eq!((request.automated, request.authentication.dmarc), (None, None), "{head}");
        }
        // Forged, says the server; and nobody becomes an agent by it, who could hand on what another is said to have written.
        let forged = format!("From: 'J' via S <support@desk.example>\n{group}\n{list}");
        let request = read(&format!("Authentication-Results: mx; dmarc=fail header.from=desk.example\n{forged}"));
        assert_eq!(request.automated.map(|automated| automated.kind), Some(AutomatedKind::Loop));
        let agents = vec!["jane@acme.example".to_owned()];
        let setting = Setting {
            agents,
            authserv_id: Some("mx".into()),
            own_addresses: vec!["support@desk.example".into()],
            ..Setting::default()
        };
        let raw = format!(
            "Authentication-Results: mx; dmarc=pass\n{forged}\nSubject: Fwd: x\n\n---------- Forwarded message ---------\nFrom: V <v@v.example>\nDate: Fri, 4 Apr 2025\nSubject: x\nTo: y@x.example\n\nno clicks\n"
        );
        let request = mail::read(raw.as_bytes(), &setting).unwrap_or_default();
        assert_eq!((request.from.address.as_str(), request.authentication.dmarc), ("jane@acme.example", None));
        // Nobody else is named, or no list of ours: it is our own mail.
        for head in [
            format!("From: Support <support@desk.example>\n{list}"),
            "From: Jane via Support <support@desk.example>\nReply-To: jane@acme.example".to_owned(),
            "From: S <support@desk.example>\nReply-To: jane@acme.example\nList-Id: <x.evil.example>".to_owned(),
        ] {
            let request = read(&head);
            assert_eq!(request.automated.map(|automated| automated.kind), Some(AutomatedKind::Loop), "{head}");
        }
    }
}
