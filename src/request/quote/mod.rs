//! Takes a body apart: new text, quoted text, signature, forwarded message.
//!
//! Every line goes to exactly one of the four, in order; nothing is dropped. In doubt a line is new text: a question
//! too much in the customer's words is better than a word lost. One pass over the lines, each looks at most a few
//! ahead, so time is linear in size.

mod attribution;
mod block;
mod inline;
mod notes;
mod origin;
mod pasted;
mod walk;

use super::lines::Body;
use super::reading::{Label, Reading};
use super::{Forwarded, signature};
use attribution::glued;
pub use notes::unboxed;
use origin::origin;
use walk::Walk;

/// Which part a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// What the requester wrote now.
    #[default]
    New,
    /// From older mail.
    Quoted,
    /// Names, contacts, notices.
    Signature,
    /// Of a forwarded message.
    Forwarded,
}

/// What is known of the mail besides its body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// The sender's display name and address: signatures start with it.
    pub sender: &'a str,
    /// The subject says that the mail is forwarded.
    pub forward: bool,
    /// Subject or headers say that the mail is an answer.
    pub reply: bool,
    /// The desk's own addresses: mail from these is quoted, hardly ever forwarded to it.
    pub own: &'a [String],
}

/// A body taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// The part of each line.
    pub kinds: Vec<Kind>,
    /// The new text.
    pub text: String,
    /// The quoted text.
    pub quoted: String,
    /// The signature.
    pub signature: String,
    /// The forwarded text.
    pub forwarded: String,
    /// Who wrote the forwarded message.
    pub forwarded_from: Option<Forwarded>,
    /// The new text says that answers stand in what is quoted, and nothing tells them from it.
    pub hidden_answers: bool,
}

/// Takes plain text apart, as it stands in an answer.
pub fn plain(text: &str, reading: &Reading) -> Parts {
    let mut body = Body::plain(text);
    unglue(&mut body, reading);
    split(&body, &Context { reply: true, ..Context::default() }, reading)
}

/// The origin of the mail that is forwarded inside this forwarded text, and what stands below where it is named.
pub fn within<'a>(forwarded: &'a str, reading: &Reading) -> Option<(Forwarded, &'a str)> {
    // Below the first header: its From line has been read.
    let from = |line: &str| matches!(block::label(line, reading), Some((Label::From, _)));
    let mut lines = forwarded.split_inclusive('\n');
    let above: usize = lines.by_ref().take_while(|line| !from(line)).map(str::len).sum();
    let below = forwarded.get(above..)?.split_once('\n')?.1;
    let body = Body::plain(below);
    let context = Context { forward: true, ..Context::default() };
    split(&body, &context, reading).forwarded_from.map(|origin| (origin, below))
}

/// The words of a forwarded text, without the headers that stand above them.
pub fn letter(forwarded: &str, reading: &Reading) -> String {
    let heads = |line: &str| block::label(line, reading).is_some() || line.trim_end().ends_with([':', '：', '-']);
    forwarded.lines().filter(|line| !heads(line)).collect::<Vec<_>>().join("\n")
}

/// A forwarded text below the header that stands above it, without quote marks; the whole where none does.
pub fn below_head(forwarded: &str, reading: &Reading) -> String {
    let mut lines = forwarded.lines().map(|line| line.trim_start_matches(['>', ' '])).peekable();
    let start = lines
        .clone()
        .take(HEAD_LINES)
        .position(|line| block::label(line, reading).is_some_and(|(label, _)| label == Label::From));
    if let Some(start) = start {
        lines.by_ref().take(start).for_each(drop);
        // A header goes on in lines that are no other label's: below Outlook's, a table may stand without a blank line.
        let of_head = |line: &&str| !line.is_empty() && (!line.contains(':') || block::label(line, reading).is_some());
        while lines.next_if(of_head).is_some() {}
    }
    lines.collect::<Vec<_>>().join("\n")
}

/// Gives attributions that a mail program appended to the last words (`thanks On Wed, Apr 4, 2012 … wrote:`) a line of
/// their own.
pub fn unglue(body: &mut Body, reading: &Reading) {
    let mut at = 0;
    while at < body.lines.len() {
        if body.lines[at].depth == 0
            && let Some(offset) = glued(body.line(at), reading)
        {
            let mut rest = body.lines[at];
            rest.start += offset;
            rest.ruled = false;
            body.lines[at].end = body.lines[at].start + body.line(at)[..offset].trim_end_matches([' ', '-']).len();
            body.lines.insert(at + 1, rest);
            // Once in a mail is all that happens; more would make the insertions slow.
            return;
        }
        at += 1;
    }
}

/// Lines within which the header of a forwarded mail begins.
const HEAD_LINES: usize = 8;

/// Takes a body apart.
pub fn split(body: &Body, context: &Context<'_>, reading: &Reading) -> Parts {
    let kinds = vec![Kind::New; body.lines.len()];
    let mut walk = Walk { body, context, reading, kinds, marked: false, begins: Vec::new() };
    walk.run();
    let Walk { mut kinds, marked, .. } = walk;
    if !marked && !context.reply && !context.forward {
        pasted::settle(body, &mut kinds, context, reading);
    }
    let hidden_answers = inline::answers(body, &mut kinds, context, reading);
    signature::mark(body, &mut kinds, context.sender, reading);
    let forwarded_from = kinds.contains(&Kind::Forwarded).then(|| origin(body, &kinds, reading)).flatten();
    let (text, quoted) = (joined(body, &kinds, Kind::New), joined(body, &kinds, Kind::Quoted));
    let (signature, forwarded) = (joined(body, &kinds, Kind::Signature), joined(body, &kinds, Kind::Forwarded));
    Parts { kinds, text, quoted, signature, forwarded, forwarded_from, hidden_answers }
}

/// The lines of one part; where others stood between them, a blank line.
fn joined(body: &Body, kinds: &[Kind], wanted: Kind) -> String {
    let mut out = String::new();
    let mut last = None;
    for (at, _) in kinds.iter().enumerate().filter(|(_, kind)| **kind == wanted) {
        let line = body.line(at);
        let gap = last.is_some_and(|last| at > last + 1);
        if (out.is_empty() || gap) && line.trim().is_empty() {
            continue;
        }
        if gap {
            out.truncate(out.trim_end().len());
            out.push_str("\n\n");
        } else if last.is_some() {
            out.push('\n');
        }
        out.push_str(line);
        last = Some(at);
    }
    out.truncate(out.trim_end().len());
    out
}

/// A line of nothing but dashes, underscores and the like.
pub(super) fn is_rule(line: &str) -> bool {
    line.len() >= 4 && line.chars().all(|c| "-_=*─—–━~".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn check(text: &str, expected: &str) -> Parts {
        let parts = plain(text, &Reading::shipped());
        assert_eq!(parts.text, expected, "{parts:#?}");
        parts
    }

    #[test]
    fn attributions_in_twenty_languages() {
        for attribution in [
            "On Mon, Mar 31, 2025 at 4:12 PM Support <s@desk.example> wrote:",
            "On 3 Apr 2025, at 09:14, Support <s@desk.example>\nwrote:",
            "Am 03.04.2025 um 09:14 schrieb Support:",
            "Am Do., 3. Apr. 2025 um 09:14 Uhr schrieb Support <\ns@desk.example>:",
            "Support <s@desk.example> schrieb am Do., 3. Apr. 2025, 09:14:",
            "Le jeu. 3 avr. 2025 à 16:48, Support <s@desk.example> a écrit :",
            "El jue, 3 abr 2025 a las 16:48, Support (<s@desk.example>) escribió:",
            "Em qui., 3 de abr. de 2025 às 16:48, Support <s@desk.example> escreveu:",
            "Il giorno gio 3 apr 2025 alle ore 16:48 Support <s@desk.example> ha scritto:",
            "Op do 3 apr 2025 om 16:48 schreef Support <s@desk.example>:",
            "czw., 3 kwi 2025 o 16:48 Support <s@desk.example> napisał(a):",
            "W dniu 3.04.2025 o 16:48, Support pisze:",
            "Den tors 3 apr. 2025 kl 16:48 skrev Support <s@desk.example>:",
            "tor. 3. apr. 2025 kl. 16:48 skrev Support <s@desk.example>:",
            "Den tor. 3. apr. 2025 kl. 16.48 skrev Support <s@desk.example>:",
            "to 3. huhtik. 2025 klo 16.48 Support (s@desk.example) kirjoitti:",
            "čt 3. 4. 2025 v 16:48 odesílatel Support <s@desk.example> napsal:",
            "чт, 3 апр. 2025 г. в 16:48, Support <s@desk.example>:",
            "03.04.2025 16:48, Support пишет:",
            "чт, 3 квіт. 2025 р. о 16:48 Support <s@desk.example> пише:",
            "Support <s@desk.example>, 3 Nis 2025 Per, 16:48 tarihinde şunu yazdı:",
            "Στις Πέμ 3 Απρ 2025 στις 4:48 μ.μ., ο χρήστης Support <s@desk.example> έγραψε:",
            "2025年4月3日(木) 16:48 Support <s@desk.example>:",
            "Support <s@desk.example> 于2025年4月3日周四 16:48写道：",
            "2025년 4월 3일 (목) 오후 4:48, Support <s@desk.example>님이 작성:",
        ] {
            check(&format!("It is 92117.\n\n{attribution}\n\n> which one?\n"), "It is 92117.");
            let parts = check(&format!("It is 92117.\n\n{attribution}\n\nwhich one, 12345?\n"), "It is 92117.");
            assert!(parts.quoted.contains("12345"), "{attribution}");
        }
    }

    #[test]
    fn header_blocks_in_many_languages() {
        for labels in [
            ["From", "Sent", "To", "Subject"],
            ["Von", "Gesendet", "An", "Betreff"],
            ["De", "Envoyé", "À", "Objet"],
            ["De ", "Enviado el", "Para", "Asunto"],
            ["De", "Enviada em", "Para", "Assunto"],
            ["Da", "Inviato", "A", "Oggetto"],
            ["Van", "Verzonden", "Aan", "Onderwerp"],
            ["Od", "Wysłano", "Do", "Temat"],
            ["Från", "Skickat", "Till", "Ämne"],
            ["Fra", "Sendt", "Til", "Emne"],
            ["Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"],
            ["Od", "Odesláno", "Komu", "Předmět"],
            ["От", "Отправлено", "Кому", "Тема"],
            ["Kimden", "Gönderildi", "Kime", "Konu"],
            ["Από", "Στάλθηκε", "Προς", "Θέμα"],
            ["差出人", "送信日時", "宛先", "件名"],
            ["发件人", "发送时间", "收件人", "主题"],
            ["보낸 사람", "보낸 날짜", "받는 사람", "제목"],
        ] {
            let block = format!(
                "{}: Support <s@desk.example>\n{}: 3 April 2025 10:41\n{}: Claudia\n <c@x.example>\n*{}:* RE: list",
                labels[0], labels[1], labels[2], labels[3]
            );
            check(
                &format!("the right one is 85777\n\n________________________________\n{block}\n\nis it 84410?"),
                "the right one is 85777",
            );
            check(&format!("the right one is 85777\n{block}\nis it 84410?"), "the right one is 85777");
        }
    }

    #[test]
    fn attributions_as_programs_break_them() {
        for attribution in [
            "---- On Wed, 24 Feb 2021 14:02:50 +0530 Support <s@desk.example> wrote ----",
            "------On 04/03/2025 17:32 PM, Support wrote-----",
            "2025/4/3 Support <s@desk.example>",
            "2025-04-03 17:21 GMT+01:00 Desk Support",
            "On 3 April 2025, Support wrote",
            "On 11-Apr-2025, at 6:54 PM, Support <s@desk.example> sent:",
            "- Le 2025-04-03 23:25, Support a écrit :",
        ] {
            check(&format!("It is 92117.\n\n{attribution}\n\n> which one?\n"), "It is 92117.");
        }
        check("No. On Wed, Apr 4, 2012 at 3:59 PM, Support <s@desk.example> wrote:\n> Hi", "No.");
        check("No--- On Wed, Apr 4, 2012 at 3:59 PM, s@desk.example wrote:\n> Hi", "No");
        check("x\n\nOn 3 Apr 2025, bob wrote:\n> see (http://x.example/action\n_nonce=3dd518)\n>", "x");
    }

    #[test]
    fn interleaved_and_bottom_posted() {
        check("> Which campaign?\n\nIt's 106044.\n\n> Since when?\n\nMonday.\n", "It's 106044.\n\nMonday.");
        let broken = "> The campaign that you mean is one of those that ran in spring, as we see,\nand it was never stopped by any of us since then, so it should run.\n> Is it this one?";
        check(&format!("On 3 Apr 2025, Support wrote:\n{broken}\n\nYes."), "Yes.");
        check("On 04/02/2012 06:26 PM, Megan wrote:\n> Hi\nHello", "Hello");
        check("bob wrote:\n> Hi\n\nHello", "Hello");
    }

    #[test]
    fn answers_below_a_head_and_between_quoted_lines() {
        let head = "From: \"Support\" <s@desk.example>\nTo: <jane@acme.example>\nSent: Monday, April 07, 2025 9:14 AM\nSubject: x";
        let answers = "> Which campaign?\n\nIt is 48213.\n\n> Since when?\n\nMonday.";
        let expected = "It is 48213.\n\nMonday.";
        check(&format!("----- Original Message -----\n{head}\n\n{answers}"), expected);
        check(&format!("{head}\n\n{answers}"), expected);
        let marked = head.lines().map(|line| format!("> {line}\n")).collect::<String>();
        check(&format!("----- Original Message -----\n{marked}>\n{answers}"), expected);
        // Who wrote above has answered there.
        check(
            &format!("Both since Monday.\n\n----- Original Message -----\n{head}\n\n{answers}"),
            "Both since Monday.",
        );
        check(&format!("{head}\n\nWhich one, 12345?\n\n> It is the old one."), "");
        let parts = check("48213\n\n>>> Support <s@desk.example> 4/7/2025 9:14 AM >>>\nWhich one, 12345?", "48213");
        assert!(parts.quoted.contains("12345"), "{parts:?}");
    }

    #[test]
    fn what_only_looks_like_a_quote_is_new() {
        for text in [
            "On Monday your colleague wrote:\nplease send the file again",
            "From: 1 April 2025\nTo: 30 April 2025\nplease give me the figures",
            "I sent this to Jane:\n\nno answer",
            "Subject: help\nwe have no clicks",
            "Date: 3 April\nTime: 10:00",
            "We need >10% more clicks",
            "On 3.4.2025 your colleague said:\nplease send it again",
            "2025-04-03 10:00 it stopped\n2025-04-03 11:00 it ran again",
            "Date: 3 April 2025 10:00\nTo: lena@x.example\nthe mail never came",
            "see\n>>> https://x.example/help <<<\nthere it says so",
            "the route is:\n\nDate: 12 May 2025\nFrom: Berlin\nTo: Hamburg\n\nIt should be Bremen.",
            "bitte ändern:\n\nVon: 1. Mai\nAn: 31. Mai\nBetreff: Sommer\n\nund das Budget auf 500.",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn forwarded_mail_names_its_sender() {
        let parts = check(
            "See below.\n\n---------- Forwarded message ---------\nFrom: Gil Moreno <gil@kestrel.example>\nDate: Fri, Apr 4, 2025 at 8:55 AM\nSubject: Order\nTo: Tom <t@k.example>\n\nTom, 750 please.\n",
            "See below.",
        );
        let from = parts.forwarded_from.unwrap_or_default();
        assert_eq!((from.name.as_deref(), from.address.as_str()), (Some("Gil Moreno"), "gil@kestrel.example"));
        assert_eq!(from.subject.as_deref(), Some("Order"));
        let parts = check(
            "fyi\n\nBegin forwarded message:\n\n> From: Gil <gil@kestrel.example>\n> Date: 4 April 2025\n> Subject: Order\n>\n> Hi",
            "fyi",
        );
        assert_eq!(parts.forwarded_from.unwrap_or_default().address, "gil@kestrel.example");
        let quoted = "> From: Gil <gil@kestrel.example>\n> Date: 4 April 2025\n> Subject: Order\n>\n> We ordered 750 boxes of the large size in March, and until today there are\nonly ten, says the page.\n> Best, Gil";
        let parts = check(
            &format!("fyi\n\nBegin forwarded message:\n\n{quoted}\n\nIt is 92117, please look."),
            "fyi\n\nIt is 92117, please look.",
        );
        assert!(parts.forwarded.contains("only ten") && parts.forwarded_from.is_some(), "{parts:#?}");
        let parts = check(
            "Anfang der weitergeleiteten Nachricht:\n\nVon: Gil [mailto:gil@kestrel.example]\nDatum: 4. April 2025\nBetreff: x\n\nHallo",
            "",
        );
        assert_eq!(parts.forwarded_from.unwrap_or_default().address, "gil@kestrel.example");
    }

    #[test]
    fn a_first_mail_that_tells_of_others_is_new() {
        let reading = Reading::shipped();
        for text in [
            "Hello,\n\nOn 3 April 2025 I wrote:\n\nThe campaign 20417 shows no clicks.",
            "Guten Tag,\n\nam 03.04.2025 habe ich Ihnen geschrieben:\n\nDie Kampagne 20417 zeigt keine Klicks.",
            "Le 3 avril 2025, votre collègue m'a écrit :\n\nles clics reviennent demain.",
            "the report:\n\nFrom: 1 March 2025\nTo: 31 March 2025\nSubject: clicks of campaign 20417\nFormat: Excel",
            "la réservation :\n\nDe : Paris\nÀ : Lyon\nDate : 3 mai 2025\nCampagne : 20417",
        ] {
            assert_eq!(split(&Body::plain(text), &Context::default(), &reading).text, text);
        }
        for text in [
            "no\n\nAm 03.04.2025 um 09:14 schrieb Support:\n\nwelche?",
            "no\n\nOn 3 April 2025 Support <s@desk.example> wrote:\n\nwhich?",
            "no\n\nFrom: Support\nSent: 3 April 2025 10:41\nTo: Jane\nSubject: Re: x\n\nwhich?",
        ] {
            assert_eq!(split(&Body::plain(text), &Context::default(), &reading).text, "no", "{text}");
        }
    }

    #[test]
    fn forwards_as_programs_mark_them() {
        let reading = Reading::shipped();
        let own = ["s@desk.example".to_owned()];
        let check = |forward: bool, text: &str, expected: &str, sender: Option<(&str, &str)>| {
            let context = Context { forward, own: &own, ..Context::default() };
            let parts = split(&Body::plain(text), &context, &reading);
            assert_eq!(parts.text, expected, "{parts:#?}");
            let from = parts.forwarded_from.as_ref();
            let from = from.map(|from| (from.name.as_deref().unwrap_or_default(), from.address.as_str()));
            assert_eq!(from, sender, "{text}");
            parts
        };
        let kurt = Some(("Kurt Kunde", "kurt@k.example"));
        let block = "From: Kurt Kunde <kurt@k.example>\nSent: 3 April 2025 09:14\nTo: i@a.example\nSubject: x\n\ngone";
        check(false, &format!("please\n\n____________\n{block}"), "please", kurt);
        check(false, &format!("yes\n\n{}", block.replace("kurt@k", "s@desk")), "yes", None);
        let quoted = block.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n");
        check(
            true,
            &format!("please\n\nAnfang der Post:\n\n{quoted}\n\nthanks"),
            "please\n\nAnfang der Post:\n\nthanks",
            kurt,
        );
        for marker in [
            "Začátek přeposílané zprávy:",
            "Початок листа, що пересилається:",
            "-------- İletilmiş İleti --------",
            "----- Weitergeleitet von Jane Roe/Acme am 03.04.2025 09:14 -----",
        ] {
            check(true, &format!("please\n\n{marker}\n\n{block}"), "please", kurt);
        }
        let parts = check(
            true,
            "please\n\n   ----- Forwarded Message ----- From: Kurt Kunde <kurt@k.example>To: Jane <j@a.example>Sent: Friday, April 4, 2025 at 09:00:00 AM GMT+2Subject: x\n gone",
            "please",
            kurt,
        );
        let said = parts.forwarded_from.map(|from| (from.date, from.subject));
        assert_eq!(said, Some((Some("Friday, April 4, 2025 at 09:00:00 AM GMT+2".into()), Some("x".into()))));
        for (line, date) in [
            ("Am 03.04.25, 09:14 schrieb \"Kurt Kunde\" <kurt@k.example>:", "03.04.25, 09:14"),
            ("Am 03.04.25, 09:14 schrieb Kurt Kunde <kurt@k.example>:", "03.04.25, 09:14"),
            ("Le 03/04/2025 à 09:14, « Kurt Kunde » <kurt@k.example> a écrit :", "03/04/2025 à 09:14"),
        ] {
            let parts = check(true, &format!("please\n\n{line}\n\ngone"), "please", kurt);
            assert_eq!(parts.forwarded_from.and_then(|from| from.date).as_deref(), Some(date));
        }
    }

    #[test]
    fn what_is_pasted_into_a_first_mail_counts() {
        let read = |text: &str, reply: bool| {
            split(&Body::plain(text), &Context { sender: "Jane", reply, ..Context::default() }, &Reading::shipped())
        };
        let text = "Hi,\n\nthe log says:\n\n> ERROR 502\n> campaign=22340\n\nPlease fix.";
        assert_eq!(read(text, false).text, text);
        assert_eq!(read(text, true).text, "Hi,\n\nthe log says:\n\nPlease fix.");
        let quoted = "It is 92117.\n\nOn Mon, Mar 31, 2025 at 4:12 PM Support <s@desk.example> wrote:\n> which, 12345?";
        assert_eq!(read(quoted, false).text, "It is 92117.");
        let marked = "##- Please type your reply above this line -##\n\nhello\n\n> which one, 12345?";
        assert_eq!(read(marked, false).text, "hello");
    }

    #[test]
    fn what_stands_between_a_rule_and_a_quote() {
        check(
            "да\n\n----------------\nКому: Jane (j@a.example);\nТема: x;\n03.04.2025, 09:14, \"S\" <s@desk.example>:\n\nкакая?",
            "да",
        );
        check(
            "好\n\n------------------&nbsp;原始邮件&nbsp;------------------\n发件人: \"S\" <s@desk.example>\n发送时间: 2025年4月3日\n主题: x\n\n哪个?",
            "好",
        );
    }

    #[test]
    fn reply_markers_end_the_new_text() {
        check("ja\n\n##- Wpisz swoją odpowiedź powyżej tego wiersza -##\n\nalt", "ja");
        check("ja\n\nÜBER DIESER ZEILE ANTWORTEN\n\nalt", "ja");
        check("ok\n\n## Please write your reply above this line ##\n\nold", "ok");
        for text in [
            "Your mail says to reply above this line, so I do.\n\nno clicks",
            "they cannot find where to reply above this line of text.\nplease fix",
        ] {
            check(text, text);
        }
        check("yes, 48213\n\n##- Please type your reply above this line -##\n\nYour request 118200", "yes, 48213");
        check("ja\n\n--- Bitte antworten Sie oberhalb dieser Zeile ---\nalt", "ja");
        check("##- Please type your reply above this line -##\n\nhello", "hello");
    }
}
