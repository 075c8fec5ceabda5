//! Is this mail automated? And may a person's mail be answered automatically? `facts` §1, first match wins.
//!
//! Each verdict names the header or the words that decided it. Mail that a form or a partner's webhook writes on a
//! person's behalf is not automated, whatever its robot says of itself; a bounce or a loop always is.

mod failure;
mod wording;

use super::header::{Headers, decoded, one_line, unfold};
use super::reading::Reading;
use super::{Automated, AutomatedKind, Mailbox, list};
use wording::Suspicion;

/// The header by which our own mail is known.
pub const LOOP_HEADER: &str = "X-Deskclerk-Loop";

/// What screening looks at.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// Its headers.
    pub headers: &'a Headers<'a>,
    /// Who sent it, as From says.
    pub sender: &'a Mailbox,
    /// The decoded subject.
    pub subject: &'a str,
    /// New text and signature: all that this mail itself says.
    pub text: &'a str,
    /// `report-type` of a `multipart/report`, or what stands in for it; lower case.
    pub report: Option<&'a str>,
    /// It is a form or a partner's notification, on somebody's behalf.
    pub on_behalf: bool,
    /// It answers a mail, or is forwarded.
    pub reply: bool,
    /// The HTML shows links.
    pub linked: bool,
}

/// The verdict: automated, if it is.
pub fn automated(mail: &Mail<'_>, own: &[String], reading: &Reading) -> Option<Automated> {
    let verdict = |kind: AutomatedKind, because: String| Some(Automated { kind, because });
    let headers = mail.headers;
    let words = &reading.screening;

    // Loop.
    if headers.has(LOOP_HEADER) {
        return verdict(AutomatedKind::Loop, format!("header {LOOP_HEADER}"));
    }
    if !mail.on_behalf && list::is_own(&mail.sender.address, own) {
        return verdict(AutomatedKind::Loop, "sent from the desk's own address".into());
    }
    // Bounce.
    if mail.report == Some("delivery-status") {
        return verdict(AutomatedKind::Bounce, "multipart/report; report-type=delivery-status".into());
    }
    if headers.has("X-Failed-Recipients") {
        return verdict(AutomatedKind::Bounce, "header X-Failed-Recipients".into());
    }
    // Report.
    if let Some(kind @ ("feedback-report" | "disposition-notification")) = mail.report {
        return verdict(AutomatedKind::Report, format!("report-type={kind}"));
    }
    // The null sender, or who sends nothing but bounces.
    if headers.structured("Return-Path").any(|value| value.split_whitespace().collect::<String>() == "<>") {
        return verdict(AutomatedKind::Bounce, "Return-Path: <>".into());
    }
    if let Some(because) = failure::sender(mail, reading) {
        return verdict(AutomatedKind::Bounce, because);
    }
    // Auto-reply by header: any of them counts, whatever stands in another.
    for (raw, value) in headers.raw("Auto-Submitted").zip(headers.structured("Auto-Submitted")) {
        let token = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        let word: String = value.trim_start().trim_start_matches('\'').chars().take_while(token).collect();
        let word = word.to_ascii_lowercase();
        // `no` means a person (RFC 3834 §5), and so does a header without a value; what cannot be read is neither. A form's
        // robot says `auto-generated` of itself.
        let person = word == "no" || raw.trim_ascii().is_empty();
        if !(person || (mail.on_behalf && word != "auto-replied")) {
            return verdict(AutomatedKind::AutoReply, format!("Auto-Submitted: {word}"));
        }
    }
    if !mail.on_behalf {
        if let Some(name) = words.auto_headers.iter().find(|name| headers.has(name)) {
            return verdict(AutomatedKind::AutoReply, format!("header {name}"));
        }
        if headers
            .text("X-MS-Exchange-Generated-Message-Source")
            .is_some_and(|value| value.to_ascii_lowercase().contains("mailbox rules agent"))
        {
            return verdict(
                AutomatedKind::AutoReply,
                "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent".into(),
            );
        }
    }
    let precedences: Vec<String> = headers.structured("Precedence").flat_map(|value| keywords(&value)).collect();
    if precedences.iter().any(|precedence| precedence == "auto_reply") && !mail.on_behalf {
        return verdict(AutomatedKind::AutoReply, "Precedence: auto_reply".into());
    }
    // Bulk by header. Our own address may be a mailing list at the mail provider: its headers say nothing of the sender.
    if !mail.on_behalf {
        let relayed = list::relayed(headers, own);
        if !relayed {
            if let Some(name) = words.bulk_headers.iter().find(|name| headers.has(name)) {
                return verdict(AutomatedKind::Bulk, format!("header {name}"));
            }
            if let Some(precedence) = precedences.iter().find(|word| matches!(word.as_str(), "bulk" | "list" | "junk"))
            {
                return verdict(AutomatedKind::Bulk, format!("Precedence: {precedence}"));
            }
        }
        if let Some(because) = wording::answered_by_machine(mail, reading) {
            return verdict(AutomatedKind::AutoReply, because);
        }
        if let Some(because) = wording::newsletter(mail, reading) {
            return verdict(AutomatedKind::Bulk, because);
        }
    }
    None
}

/// Why a person's mail must not be answered automatically, if so. `requester` is whom the answer would go to.
pub fn no_reply(mail: &Mail<'_>, requester: &Mailbox, reading: &Reading) -> Option<String> {
    let suppresses = |(_, value): &(&[u8], String)| {
        keywords(value).iter().any(|word| ["all", "autoreply", "oof"].contains(&word.as_str()))
    };
    let name = "X-Auto-Response-Suppress";
    if let Some((raw, _)) = mail.headers.raw(name).zip(mail.headers.structured(name)).find(suppresses)
        && !mail.on_behalf
    {
        return Some(format!("{name}: {}", one_line(&unfold(raw).0)));
    }
    if let Some(why) = unanswered(requester, reading) {
        return Some(why);
    }
    if !mail.on_behalf && titled_automatic(mail.subject, reading) {
        return Some("the subject is that of an automatic reply".into());
    }
    None
}

/// Whether the subject is that of an automatic reply.
pub fn titled_automatic(subject: &str, reading: &Reading) -> bool {
    wording::suspicion(subject.to_lowercase().trim_start(), reading) == Suspicion::Exact
}

/// Whether an answer asks back where the ID that was asked for is to be found.
pub fn asks_where(text: &str, reading: &Reading) -> bool {
    wording::asks_where(text, reading)
}

/// Whether this answer says no more than that its writer is away: whoever sends it, it leaves our question as it was.
pub fn says_only_away(text: &str, reading: &Reading) -> bool {
    wording::says_only_away(text, reading)
}

/// Why nobody at this address is answered automatically, whatever door the request came by.
pub fn unanswered(requester: &Mailbox, reading: &Reading) -> Option<String> {
    let address = requester.address.to_lowercase();
    let Some((local, _)) = address.rsplit_once('@') else { return Some("the sender has no readable address".into()) };
    let local = local.split('+').next().unwrap_or_default();
    let bare = local.replace(['-', '_', '.'], "");
    let never = reading.screening.no_reply.contains(local)
        || reading.screening.no_reply.contains(bare.as_str())
        || ["owner-", "bounce-", "bounces-"].iter().any(|word| local.starts_with(word))
        || ["-request", "-owner", "-bounce", "-bounces"].iter().any(|word| local.ends_with(word))
        || ["noreply", "donotreply"].iter().any(|word| bare.starts_with(word) || bare.ends_with(word));
    never.then(|| format!("{local}@ is not answered"))
}

/// The words of a header that is a list of keywords, in lower case, whatever parts them.
fn keywords(value: &str) -> Vec<String> {
    let decoded = decoded(value).to_lowercase();
    let parts = decoded.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_'));
    parts.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub use failure::{bounce, reported};

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(raw: &str) -> Option<AutomatedKind> {
        let (head, text) = raw.split_once("\n\n").unwrap_or((raw, ""));
        let block = format!("{head}\n\n");
        let headers = Headers::parse(block.as_bytes());
        let sender = headers.plain("From").and_then(|from| crate::request::address::one(&from)).unwrap_or_default();
        let subject = headers.text("Subject").unwrap_or_default();
        let mail = Mail {
            headers: &headers,
            sender: &sender,
            subject: &subject,
            text,
            report: None,
            on_behalf: false,
            reply: false,
            linked: false,
        };
        automated(&mail, &["support@desk.example".to_owned()], &Reading::shipped()).map(|verdict| verdict.kind)
    }

    #[test]
    fn who_is_away_says_so_and_signs() {
        for (text, expected) in [
            ("I am currently out of the office with no access to email. I will be back on Monday. Tom", true),
            ("I am out of the office until Monday.\n\nTom Brown\nHollow Tree Farms", true),
            ("Je suis absente du bureau jusqu'au 5 décembre. En cas d'urgence, merci de contacter M. Durand.", true),
            ("I am out of the office until Monday. pause it", false),
            ("I am out of the office until Monday. It is 20417", false),
            ("Tom", false),
        ] {
            assert_eq!(says_only_away(text, &Reading::shipped()), expected, "{text}");
        }
    }

    fn check(raw: &str, expected: Option<AutomatedKind>) {
        assert_eq!(verdict(raw), expected, "{raw}");
    }

    #[test]
    fn headers_decide_in_their_order() {
        use AutomatedKind::*;
        check("From: a@b.example\nX-Deskclerk-Loop: 1\n\nx", Some(Loop));
        check("From: Support+x@desk.example\n\nx", Some(Loop));
        check("From: a@b.example\nReturn-Path: <>\nAuto-Submitted: auto-replied\n\nx", Some(Bounce));
        check("From: a@b.example\nX-Failed-Recipients: c@d.example\n\nx", Some(Bounce));
        check("From: a@b.example\nAuto-Submitted: No\n\nx", None);
        check("From: a@b.example\nAuto-Submitted: no (really); x=y\n\nx", None);
        check("From: a@b.example\nAuto-Submitted: auto-notified; owner=x\n\nx", Some(AutoReply));
        check("From: a@b.example\nPrecedence: Auto_Reply\n\nx", Some(AutoReply));
        check("From: a@b.example\nX-Autorespond: x\n\nx", Some(AutoReply));
        check("From: a@b.example\nPrecedence: BULK\n\nx", Some(Bulk));
        check("From: a@b.example\nList-Id: <x.lists.example>\n\nx", Some(Bulk));
        check("From: a@b.example\nList-Id: <support.desk.example>\nPrecedence: list\n\nno clicks", None);
        check("From: a@b.example\nPrecedence: first-class\n\nx", None);
        // Said twice, or as RFC 5322 also lets it be written.
        check("From: a@b.example\nAuto-Submitted: no\nAuto-Submitted: auto-replied\n\nx", Some(AutoReply));
        check("From: a@b.example\nAuto-Submitted: (no) auto-replied\n\nx", Some(AutoReply));
        check("From: a@b.example\nAuto-Submitted: \"auto-replied\"\n\nx", Some(AutoReply));
        check("From: a@b.example\nAuto-Submitted: ???\n\nx", Some(AutoReply));
        for person in ["no;", "no, no", "No.", "'no'", ""] {
            check(&format!("From: a@b.example\nAuto-Submitted: {person}\n\nno clicks"), None);
        }
        check("From: a@b.example\nAuto-Submitted: (auto-generated\n\nx", Some(AutoReply));
        for bulk in ["bulk, junk", "bulk;", "first-class, bulk", "=?us-ascii?Q?bulk?="] {
            check(&format!("From: a@b.example\nPrecedence: {bulk}\n\nx"), Some(Bulk));
        }
        for list in
            ["<mailto:support@desk.example>, <https://lists.desk.example/support>", "<mailto:Support@desk.example?x>"]
        {
            check(&format!("From: a@b.example\nList-Post: {list}\nPrecedence: list\n\nno clicks"), None);
        }
        for list in ["<support.desk.example.>", "5\" disk <support.desk.example>", ":-( <support.desk.example>"] {
            check(&format!("From: a@b.example\nList-Id: {list}\nPrecedence: list\n\nno clicks"), None);
        }
        check("From: a@b.example\nPrecedence: first-class\nPrecedence: bulk\n\nx", Some(Bulk));
        check("From: a@b.example\nPrecedence: list (x)\n\nx", Some(Bulk));
        check("From: a@b.example\nPrecedence: \"bulk\"\n\nx", Some(Bulk));
        check("From: a@b.example\nReturn-Path: < >\n\nx", Some(Bounce));
        // Only our own list's headers say nothing of the sender.
        check("From: a@b.example\nList-Id: Dev <dev-support.desk.example>\nPrecedence: list\n\nno clicks", Some(Bulk));
        check("From: a@b.example\nList-Id: <support@desk.example.evil.example>\nPrecedence: bulk\n\nx", Some(Bulk));
        check("From: a@b.example\nList-Post: <mailto:dev-support@desk.example>\nPrecedence: list\n\nx", Some(Bulk));
        check("From: a@b.example\nList-Post: <mailto:Support@desk.example>\nPrecedence: list\n\nno clicks", None);
        check("From: groot@b.example\n\nno clicks", None);
    }

    #[test]
    fn words_decide_where_headers_are_missing() {
        use AutomatedKind::*;
        check("From: MAILER-DAEMON@b.example\nSubject: x\n\nx", Some(Bounce));
        check(
            "From: postmaster@b.example\nSubject: failure notice\n\nI wasn't able to deliver your message",
            Some(Bounce),
        );
        check("From: postmaster@b.example\nSubject: our reports\n\nno clicks", None);
        check(
            "From: a@b.example\nSubject: Réponse automatique : Votre demande\n\nje suis absente du 7 au 18 avril",
            Some(AutoReply),
        );
        check(
            "From: a@b.example\nSubject: Automatic reply of campaign 48213 is wrong\n\nCan you please fix our campaign? It says we are out of office.",
            None,
        );
        check(
            "From: a@b.example\nSubject: Re: clicks\n\nI am out of the office until Monday, please pause campaign 48213",
            None,
        );
        // People who are away want something before they go; people quote what a machine told them.
        for (subject, text) in [
            ("Abwesenheit", "Ich bin ab Montag im Urlaub. Bitte pausieren Sie die Kampagne 48213 bis zum 14."),
            ("Re: Your ticket", "It's 48213. I'm on holiday from tomorrow; in urgent cases call Tom."),
            ("Re: Your ticket", "I have no access to the account since Monday. Please email me the invoice."),
            (
                "No answer",
                "I only get \"your request has been received, this is an automated message\". Can you look at 48213?",
            ),
            ("Holiday", "I'm on holiday from Friday. Stop 31507 while I'm gone."),
            ("Re: Your ticket", "Thanks. I'm on holiday from tomorrow, so leave it paused. If it is urgent, ask Max."),
            ("Re: Your ticket", "We have received your invoice, but the ticket number on it is wrong. Correct it."),
            (
                "Newsletter",
                "It says \"you are receiving this because you subscribed\". How do I unsubscribe? http://x.example/u fails.",
            ),
        ] {
            check(&format!("From: a@b.example\nIn-Reply-To: <1@desk.example>\nSubject: {subject}\n\n{text}"), None);
        }
        check(
            "From: a@b.example\nSubject: AUTO: Jane Roe is out of the office\n\nThis is an automated response.",
            Some(AutoReply),
        );
        check(
            "From: desk@b.example\nSubject: Request received\n\nYour request has been received. This is an automated message.",
            Some(AutoReply),
        );
        check(
            "From: b@p.example\nSubject: x\n\nHola\n\nRecibe este correo porque está suscrito. Para darse de baja: https://p.example/baja",
            Some(Bulk),
        );
        check(
            "From: jane@b.example\nSubject: x\n\nthe unsubscribe link https://b.example/u in our mails is broken, can you fix it?",
            None,
        );
    }

    #[test]
    fn who_asks_back_where_the_id_is_is_told_from_who_asks_where_something_else_is() {
        let reading = Reading::shipped();
        for text in [
            "where can I see it?",
            "I don't see any ID",
            "Where on earth is that?",
            "how can I find that number?",
            "I cannot find this ID anywhere",
            "not sure where to look",
            "Sorry, where would I find that?",
            "Wo seh ich das?",
            "wo kann ich die finden?",
            "Ich weiß nicht, wo die steht",
            "Die finde ich nirgends",
            "Wo steht das denn?",
            "Ich kann die ID nicht finden",
            "Je ne la trouve nulle part",
            "Où puis-je le trouver ?",
            "C'est où ?",
            "je ne vois pas où c'est",
            "Je ne sais pas où le trouver",
            "Comment je trouve l'identifiant ?",
            "¿Dónde está eso?",
            "No lo veo",
            "No sé dónde mirar",
            "¿Dónde se ve?",
            "no la encuentro",
            "Onde é que isso está?",
            "Não encontro isso",
            "Não sei onde está",
            "onde vejo?",
            "não consigo encontrá-lo",
            "Je ne le trouve pas",
            "Ich finde sie nicht",
            "Où est-il ?",
            "Onde encontro isso?",
            "where do I see that?",
            "No lo encuentro por ninguna parte",
        ] {
            assert!(asks_where(text, &reading), "{text}");
        }
        for text in [
            "Where is my invoice?",
            "Wo ist mein Geld?",
            "Où est mon argent ?",
            "¿Dónde está mi dinero?",
            "Onde está o meu dinheiro?",
            "I don't see the point of that",
            "Ich finde Sie sehr freundlich",
            "I can't find the export button",
            "I don't see any clicks",
            "Ich sehe keine Klicks",
            "Qu'est-ce que vous en pensez ?",
            "C'est quoi ce délai ?",
            "How do I get it to work?",
            "Das finde ich nicht gut",
            "não acho isso bom",
        ] {
            assert!(!asks_where(text, &reading), "{text}");
        }
    }
}
