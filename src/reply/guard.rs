//! May this request be answered automatically? The first reason against it wins and is recorded on the ticket.
//!
//! The order is that of RFC 3834 and of how sure the reason is: what the mail is, who it is from, whether that is
//! proven, and last how much was sent already. Counting is the desk's work; here the counts are only judged.

use serde::Serialize;
use unicode_security::MixedScript;

use crate::request::{AutomatedKind, Request};

/// What the guard must know beside the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The desk's own addresses, lower case, without plus tags.
    pub own_addresses: Vec<String>,
    /// Mail to this requester came back as undeliverable.
    pub bounced: bool,
    /// The submission is not older than its door's baseline.
    pub answerable: bool,
    /// A DMARC pass is required: of mail, where a server is trusted (`replies.require_dmarc`).
    pub require_dmarc: bool,
    /// A valid reply token proves the sender.
    pub by_token: bool,
    /// The request was a post of a form or of a webhook: its sender may have typed anybody's address.
    pub posted: bool,
    /// Automatic replies of the last 24 hours to this address, and how many there may be.
    pub to_address: Budget,
    /// Automatic replies of the last hour to this domain, and how many there may be.
    pub to_domain: Budget,
    /// Automatic replies of the last hour by the whole desk, and how many there may be.
    pub by_desk: Budget,
    /// These budgets are those of senders who are not proven.
    pub unproven: bool,
    /// The breaker holds all automatic replies back.
    pub held: bool,
    /// Set when the reply would be a question.
    pub question: Option<Question>,
}

/// How much was sent, and how much may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Sent within the window.
    pub sent: u32,
    /// Allowed within the window.
    pub most: u32,
}

impl Budget {
    fn spent(self) -> bool {
        self.sent >= self.most
    }
}

/// What was asked so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Question {
    /// Questions on this ticket, and how many there may be.
    pub on_ticket: Budget,
    /// The last question on this ticket is still unanswered (and this message did not answer it).
    pub open: bool,
    /// The requester answers that his matter is settled.
    pub settled: bool,
    /// A question on another ticket of this requester, asked within the window, is still unanswered.
    pub open_elsewhere: bool,
    /// Another ticket of this requester, asked about and not answered yet, is about the same thing: one question is enough.
    pub same_matter: Option<i64>,
    /// The ticket whose open question this seems to answer, from another address or without proof: people see to both.
    pub answers: Option<i64>,
}

/// A reply that was not sent, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{reason}")]
pub struct Withheld {
    /// Stable word for metrics and rules, such as `no_reply`.
    pub code: &'static str,
    /// For people, on the ticket.
    pub reason: String,
}

/// Whether the requester may be answered automatically.
pub fn may_answer(request: &Request, facts: &Facts) -> Result<(), Withheld> {
    let address = request.from.address.as_str();
    let proven = request.authentication.passes();
    let withhold = |code, reason: String| Err(Withheld { code, reason });

    // What it is (facts of RFC 3834, 3464, 5965, 2369; screening found them).
    if let Some(automated) = &request.automated {
        return withhold(code(automated.kind), format!("automated mail is not answered: {}", automated.because));
    }
    if let Some(why) = &request.no_reply {
        return withhold("no_reply", format!("no automatic reply is wanted: {why}"));
    }
    // Who it is from.
    if let Err(why) = check_address(address) {
        return withhold("address", why.to_owned());
    }
    let bare = without_tag(address);
    if facts.own_addresses.iter().any(|own| without_tag(own) == bare) {
        return withhold("own_address", "the requester is this desk itself".into());
    }
    if facts.bounced {
        return withhold("bounced", "mail to this address came back as undeliverable".into());
    }
    if !facts.answerable {
        return withhold("before_baseline", "the mail is older than the desk's first look at its mailbox".into());
    }
    // Whether that is proven.
    if facts.require_dmarc && !proven && !facts.by_token {
        let verdict = request.authentication.dmarc.as_deref().unwrap_or("absent");
        return withhold("dmarc", format!("the sender is not proven: DMARC of the trusted server is {verdict}"));
    }
    // What was asked already.
    if let Some(question) = facts.question {
        if question.settled {
            return withhold("settled", "the customer says that it is settled".into());
        }
        if question.on_ticket.spent() {
            return withhold(
                "asked_enough",
                format!("{} questions were asked on this ticket", question.on_ticket.sent),
            );
        }
        if question.open {
            return withhold(
                "question_open",
                "what was asked last is still missing, and is not asked a second time".into(),
            );
        }
        if let Some(ticket) = question.answers {
            return withhold("answers_other", format!("it seems to be the answer to the question on ticket #{ticket}"));
        }
        if let Some(ticket) = question.same_matter {
            return withhold("same_matter", format!("ticket #{ticket} of this requester is about the same thing"));
        }
        // Whoever writes in another's name could else have one question a forged mail sent to the victim.
        if question.open_elsewhere && !proven {
            return withhold(
                "question_open",
                "this sender, who is not proven, has a question open on another ticket".into(),
            );
        }
    }
    within_budgets(facts)
}

/// Whether somebody who was asked before may be written to once more: a reminder, or that people take over. With the proof
/// that the question had; what has become of the address, and how much was sent, counts anew.
pub fn may_follow_up(facts: &Facts) -> Result<(), Withheld> {
    let withhold = |code, reason: &str| Err(Withheld { code, reason: reason.to_owned() });
    if facts.bounced {
        return withhold("bounced", "mail to this address came back as undeliverable");
    }
    if facts.posted {
        return withhold("posted", "whoever posts may type anybody's address: no second mail goes there unanswered");
    }
    if facts.require_dmarc {
        return withhold("dmarc", "the sender was not proven when he was asked, and is to be by now");
    }
    within_budgets(facts)
}

fn within_budgets(facts: &Facts) -> Result<(), Withheld> {
    let withhold = |code, reason: String| Err(Withheld { code, reason });
    if facts.held {
        return withhold("breaker", "the breaker holds all automatic replies back".into());
    }
    let by_desk = if facts.unproven { "budget_unproven" } else { "budget_desk" };
    // How much was sent already: a loop that changes its address by one letter still stops at its domain, then here.
    for (budget, code, whom) in [
        (facts.to_address, "budget_address", "to this address today"),
        (facts.to_domain, "budget_domain", "to this domain within the hour"),
        (facts.by_desk, by_desk, "by this desk within the hour"),
    ] {
        if budget.spent() {
            let Budget { sent, most } = budget;
            return withhold(code, format!("{sent} automatic replies went out {whom}, at most {most} may"));
        }
    }
    Ok(())
}

fn code(kind: AutomatedKind) -> &'static str {
    match kind {
        AutomatedKind::Bounce => "automated_bounce",
        AutomatedKind::AutoReply => "automated_reply",
        AutomatedKind::Bulk => "automated_bulk",
        AutomatedKind::Report => "automated_report",
        AutomatedKind::Loop => "automated_loop",
    }
}

/// The address in lower case, without plus tag.
fn without_tag(address: &str) -> String {
    let address = address.to_lowercase();
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or(local)),
        None => address,
    }
}

/// Whether an automatic reply may be addressed so: stricter than RFC 5321, for a person can still answer the rest.
fn check_address(address: &str) -> Result<(), &'static str> {
    if address.is_empty() {
        return Err("the sender's address is missing or cannot be read");
    }
    let Some((local, domain)) = address.split_once('@') else {
        return Err("the sender's address is malformed");
    };
    if !address.is_ascii() {
        return Err(match address.is_single_script() {
            true => "the sender's address is not plain ASCII",
            false => "the sender's address mixes scripts and may be a look-alike",
        });
    }
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let dotted = |text: &str, most: usize, allowed: &dyn Fn(char) -> bool| {
        text.split('.').all(|part| (1..=most).contains(&part.len()) && part.chars().all(allowed))
    };
    let label = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let hyphens = domain.split('.').any(|label| label.starts_with('-') || label.ends_with('-'));
    if !dotted(local, 64, &atom) || local.len() > 64 || !dotted(domain, 63, &label) || hyphens || address.len() > 254 {
        return Err("the sender's address is malformed");
    }
    // A numeric last label is an IP address in disguise.
    if domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("the sender's address has a number for a domain");
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::{Authentication, Automated, Mailbox};

    fn request(address: &str) -> Request {
        Request { from: Mailbox { name: None, address: address.into() }, ..Request::default() }
    }

    fn facts() -> Facts {
        Facts {
            own_addresses: vec!["support@desk.example".into()],
            answerable: true,
            to_address: Budget { sent: 0, most: 5 },
            to_domain: Budget { sent: 0, most: 30 },
            by_desk: Budget { sent: 0, most: 1000 },
            question: Some(Question { on_ticket: Budget { sent: 0, most: 2 }, ..Question::default() }),
            ..Facts::default()
        }
    }

    /// `expected` is the code, or empty for an answer.
    fn check(change: impl FnOnce(&mut Request, &mut Facts), expected: &str) {
        let (mut request, mut facts) = (request("ann@customer.example"), facts());
        change(&mut request, &mut facts);
        let code = may_answer(&request, &facts).err().map_or("", |withheld| withheld.code);
        assert_eq!(code, expected, "{request:?} {facts:?}");
    }

    #[test]
    fn a_person_is_answered() {
        check(|_, _| {}, "");
        check(|_, facts| facts.question = None, "");
    }

    #[test]
    fn automated_mail_never() {
        for (kind, code) in [
            (AutomatedKind::Bounce, "automated_bounce"),
            (AutomatedKind::AutoReply, "automated_reply"),
            (AutomatedKind::Bulk, "automated_bulk"),
            (AutomatedKind::Report, "automated_report"),
            (AutomatedKind::Loop, "automated_loop"),
        ] {
            check(|request, _| request.automated = Some(Automated { kind, because: "x".into() }), code);
        }
        check(|request, _| request.no_reply = Some("X-Auto-Response-Suppress: All".into()), "no_reply");
    }

    #[test]
    fn only_addresses_beyond_doubt() {
        for address in ["groot@tree.example", "o'neil+x@a-b.example", "x@localhost", "a/b=c@xn--mller-kva.example"] {
            check(|request, _| request.from.address = address.into(), "");
        }
        for address in [
            "",
            "ann",
            "@customer.example",
            "ann@",
            "a@b@c.example",
            "a b@c.example",
            "a@b.example\r\nBcc: v@x.example",
            "a\0@b.example",
            "\"a b\"@c.example",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a..b@c.example",
            ".a@c.example",
            "a@c..example",
            "a@-c.example",
            "ann@cust\u{43e}mer.example",
            "аnn@customer.example",
            "müller@customer.example",
            "a,b@c.example",
            "<a@c.example>",
        ] {
            check(|request, _| request.from.address = address.into(), "address");
        }
        check(|request, _| request.from.address = format!("{}@c.example", "a".repeat(65)), "address");
        check(|request, _| request.from.address = format!("a@{}example", "abc.".repeat(70)), "address");
    }

    #[test]
    fn never_itself() {
        for address in ["support@desk.example", "Support@DESK.example", "support+abc-def@desk.example"] {
            check(|request, _| request.from.address = address.into(), "own_address");
        }
    }

    #[test]
    fn not_what_bounced_or_is_old() {
        check(|_, facts| facts.bounced = true, "bounced");
        check(|_, facts| facts.answerable = false, "before_baseline");
    }

    #[test]
    fn dmarc_where_required() {
        let dmarc = |value: &str| Authentication { dmarc: Some(value.into()), ..Authentication::default() };
        check(|_, facts| facts.require_dmarc = true, "dmarc");
        check(|request, facts| (request.authentication, facts.require_dmarc) = (dmarc("fail"), true), "dmarc");
        check(|request, facts| (request.authentication, facts.require_dmarc) = (dmarc("pass"), true), "");
        check(|_, facts| (facts.by_token, facts.require_dmarc) = (true, true), "");
        check(|request, _| request.authentication = dmarc("fail"), "");
    }

    #[test]
    fn questions_end() {
        let asked = |sent, open, open_elsewhere| {
            Some(Question { on_ticket: Budget { sent, most: 2 }, open, open_elsewhere, ..Question::default() })
        };
        check(|_, facts| facts.question = asked(1, false, false), "");
        check(|_, facts| facts.question = asked(2, false, false), "asked_enough");
        check(|_, facts| facts.question = asked(1, true, false), "question_open");
        check(|_, facts| facts.question = asked(0, false, true), "question_open");
        let pass = Authentication { dmarc: Some("pass".into()), ..Authentication::default() };
        check(|request, facts| (request.authentication, facts.question) = (pass, asked(0, false, true)), "");
    }

    #[test]
    fn budgets_end() {
        check(|_, facts| facts.to_address.sent = 4, "");
        check(|_, facts| facts.to_address.sent = 5, "budget_address");
        check(|_, facts| facts.to_domain.sent = 31, "budget_domain");
        check(|_, facts| facts.by_desk.sent = 1000, "budget_desk");
        check(|_, facts| facts.by_desk.most = 0, "budget_desk");
        check(|_, facts| (facts.by_desk.most, facts.unproven) = (0, true), "budget_unproven");
    }

    #[test]
    fn the_first_reason_wins() {
        check(
            |request, facts| {
                *request = self::request("support@desk.example");
                request.no_reply = Some("no-reply@".into());
                facts.bounced = true;
            },
            "no_reply",
        );
    }

    proptest! {
        #[test]
        fn an_answered_address_holds_nothing_that_ends_a_header(address: String) {
            if may_answer(&request(&address), &facts()).is_ok() {
                prop_assert!(address.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>(),;:\"\\[]".contains(&byte)));
                prop_assert_eq!(address.matches('@').count(), 1);
            }
        }
    }

    #[test]
    fn a_second_mail_needs_the_proof_of_the_first() {
        let check = |change: fn(&mut Facts), expected: &str| {
            let mut facts = facts();
            change(&mut facts);
            assert_eq!(may_follow_up(&facts).err().map_or("", |withheld| withheld.code), expected, "{facts:?}");
        };
        check(|_| {}, "");
        check(|facts| facts.bounced = true, "bounced");
        check(|facts| facts.posted = true, "posted");
        check(|facts| facts.require_dmarc = true, "dmarc");
        check(|facts| (facts.by_desk.most, facts.unproven) = (0, true), "budget_unproven");
    }
}
