//! Finds signatures: names, companies, phones, legal notices, "Sent from my iPhone".
//!
//! Only ends of what was written are looked at, and lines that are about the matter are never taken: a line with a
//! number and a word such as "campaign" stays new text, and so does what follows a mere "Thanks".

mod closing;
mod delimiter;
mod look;
mod mobile;
mod notice;

use std::cell::Cell;

use super::finder::lower;
use super::lines::{Body, Hint};
use super::quote::Kind;
use super::reading::Reading;
use closing::Closing;
use look::{Look, Words, framed, is_picture, proper};

/// How many lines of text a signature may have.
const MOST_LINES: usize = 16;

/// Marks the signature lines among the new ones. `sender` is the display name and address of the mail's sender.
pub fn mark(body: &Body, kinds: &mut [Kind], sender: &str, reading: &Reading) {
    let written: Vec<usize> = (0..kinds.len()).filter(|at| kinds[*at] == Kind::New && !body.blank(*at)).collect();
    let (Some(first), Some(last)) = (written.first(), written.last()) else { return };
    let hinted = |at: &usize| body.lines[*at].hint == Hint::Signature;
    if !written.iter().all(hinted) {
        for at in written.iter().filter(|at| hinted(at)) {
            kinds[*at] = Kind::Signature;
        }
    }
    let looks = vec![Cell::new(None); kinds.len()];
    let find = Find { body, words: Words { reading, names: look::names(sender) }, looks };
    // The end of what stands above the first quote, and the end of all.
    let quote = (*first..*last).find(|at| kinds[*at] == Kind::Quoted);
    if let Some(quote) = quote {
        find.in_block(kinds, 0, quote);
        find.in_block(kinds, quote, kinds.len());
    } else {
        find.in_block(kinds, 0, kinds.len());
    }
    for at in 1..kinds.len() {
        // Blank lines go with what stands above them.
        if kinds[at] == Kind::New && body.blank(at) && kinds[at - 1] == Kind::Signature {
            kinds[at] = Kind::Signature;
        }
    }
}

struct Find<'a> {
    body: &'a Body,
    words: Words<'a>,
    /// What each line could be, as far as it was asked.
    looks: Vec<Cell<Option<Look>>>,
}

impl Find<'_> {
    fn in_block(&self, kinds: &mut [Kind], from: usize, to: usize) {
        self.notices(kinds, from, to);
        self.mobile(kinds, from, to);
        let delimited = self.delimited(kinds, from, to);
        let mut tail = self.tail(kinds, from, to);
        // What advertises below a signature goes with it.
        let framed = tail.iter().rev().take_while(|at| framed(self.line(**at))).count();
        let advert = tail.split_off(tail.len() - framed);
        let Some(first) = tail.first() else { return };
        // The first words of the mail, if they stand among these lines.
        let opening = (0..*first).all(|at| kinds[at] != Kind::New || self.body.blank(at));
        let signed = self.closed(kinds, &tail, opening)
            || self.signed(kinds, &tail)
            || (!delimited && (self.named(kinds, &tail, opening) || self.contacts(kinds, &tail)));
        if signed && tail.last().is_some_and(|last| kinds[*last] == Kind::Signature) {
            advert.into_iter().for_each(|at| kinds[at] = Kind::Signature);
        }
    }

    /// The last new lines that are not blank.
    fn tail(&self, kinds: &[Kind], from: usize, to: usize) -> Vec<usize> {
        let mut tail: Vec<usize> =
            (from..to).rev().filter(|at| kinds[*at] == Kind::New && !self.body.blank(*at)).take(MOST_LINES).collect();
        tail.reverse();
        tail
    }

    fn line(&self, at: usize) -> &str {
        self.body.line(at).trim()
    }

    fn look(&self, at: usize) -> Look {
        let known = &self.looks[at];
        let look = known.get().unwrap_or_else(|| self.words.look(self.line(at)));
        known.set(Some(look));
        look
    }

    fn looks(&self, lines: &[usize]) -> Vec<Look> {
        lines.iter().map(|at| self.look(*at)).collect()
    }

    /// A blank line, or none at all, stands above.
    fn apart(&self, at: usize) -> bool {
        at == 0 || self.body.blank(at - 1)
    }

    /// The words above end with a colon: what stands here is what they announce, "our new address is:".
    fn announced(&self, at: usize) -> bool {
        let above = (0..at).rev().map(|at| self.line(at)).find(|line| !line.is_empty());
        above.is_some_and(|line| line.ends_with([':', '：']))
    }

    /// Nothing but the sender's card: his name or contacts first, and no line that could be words.
    fn only_card(&self, lines: &[usize]) -> bool {
        let Some(first) = lines.first() else { return true };
        let known = |at: &usize| self.words.is_name(self.line(*at)) || self.look(*at) == Look::Contact;
        known(first)
            && lines.iter().all(|at| {
                known(at) || closing::of(self.line(*at), self.words.reading).is_some() || titled(self.line(*at))
            })
    }

    /// A closing, and below it nothing but short lines and contacts.
    ///
    /// As the first words of a mail it greets ("Bom dia", "Greetings"), unless the mail is a signature and no more.
    fn closed(&self, kinds: &mut [Kind], tail: &[usize], opening: bool) -> bool {
        for position in (0..tail.len()).rev() {
            let Some(closing) = closing::of(self.line(tail[position]), self.words.reading) else { continue };
            let below = position + 1;
            if opening && position == 0 && !self.only_card(&tail[below..]) {
                continue;
            }
            let content = (below..tail.len()).find(|next| {
                self.look(tail[*next]) == Look::Content
                    && closing::of(self.line(tail[*next]), self.words.reading).is_none()
            });
            let end = match content {
                None => tail.len(),
                // A postscript: what stands between is a signature only when it is plainly one.
                Some(next)
                    if next > below
                        && self.apart(tail[next])
                        && (self.plainly(tail, below, next)
                            || closing == Closing::Formal && self.only_card(&tail[below..next])) =>
                {
                    next
                }
                Some(_) => continue,
            };
            let start = match closing {
                Closing::Formal => position,
                Closing::Thanks if self.plainly(tail, below, end) && end > below => below,
                Closing::Thanks => continue,
            };
            let start = if start > 0
                && closing == Closing::Formal
                && !(opening && start == 1)
                && closing::of(self.line(tail[start - 1]), self.words.reading) == Some(Closing::Formal)
            {
                start - 1
            } else {
                start
            };
            for at in &tail[start..end] {
                kinds[*at] = Kind::Signature;
            }
            return true;
        }
        false
    }

    /// Contacts stand there, or the sender's name and more.
    fn plainly(&self, tail: &[usize], from: usize, to: usize) -> bool {
        self.looks(&tail[from..to]).contains(&Look::Contact)
            || (to - from >= 2 && tail[from..to].iter().any(|at| self.words.is_name(self.line(*at))))
    }

    /// `-Jane`, `/Jane`: a name behind a dash or slash, and below it nothing but contacts.
    fn signed(&self, kinds: &mut [Kind], tail: &[usize]) -> bool {
        for position in (1..tail.len()).rev().take(5) {
            let line = self.line(tail[position]);
            let Some(name) = line.strip_prefix(['-', '–', '—', '/', '~']) else { continue };
            let mark = &line[..line.len() - name.len()];
            let words = name.split_whitespace().count();
            let plain = name.chars().all(|c| c.is_alphabetic() || " .'’".contains(c)) && (1..=3).contains(&words);
            // A dash and a space may begin the one item of a list.
            let likely = !name.starts_with(' ') && words == 1 && name.chars().count() <= 14
                || !name.starts_with(' ') && name.split(' ').all(proper);
            let listed = self.line(tail[position - 1]).starts_with(mark);
            if plain && !listed && (likely || self.words.is_name(name)) && !self.words.content_word(name) {
                let below = self.looks(&tail[position + 1..]);
                if below.contains(&Look::Content) || !(below.is_empty() || below.contains(&Look::Contact)) {
                    continue;
                }
                for at in &tail[position..] {
                    kinds[*at] = Kind::Signature;
                }
                return true;
            }
        }
        false
    }

    /// The sender's name on a line of its own, and below it short lines and contacts.
    fn named(&self, kinds: &mut [Kind], tail: &[usize], opening: bool) -> bool {
        for position in (0..tail.len()).rev().take(10) {
            let at = tail[position];
            if !self.words.is_name(self.line(at))
                || self.announced(at)
                || !(self.apart(at) || position == 0 || self.line(tail[position - 1]).ends_with(['.', '!', '?', ',']))
            {
                continue;
            }
            let below = self.looks(&tail[position + 1..]);
            if below.is_empty()
                || below.contains(&Look::Content)
                || (opening && position == 0 && !below.contains(&Look::Contact))
                || !(below.contains(&Look::Contact) || below.len() >= 2 || (below.len() == 1 && self.apart(at)))
            {
                continue;
            }
            for at in &tail[position..] {
                kinds[*at] = Kind::Signature;
            }
            return true;
        }
        false
    }

    /// A last paragraph that is a card: a name, then contacts; or all of it on one line.
    fn contacts(&self, kinds: &mut [Kind], tail: &[usize]) -> bool {
        let mut start = tail.len() - 1;
        while start > 0 && !self.apart(tail[start]) && tail[start - 1] + 1 == tail[start] {
            start -= 1;
        }
        if self.announced(tail[start]) {
            return false;
        }
        // The place of a picture stands above many a card.
        let picture = start + 1 < tail.len() && is_picture(self.line(tail[start]));
        let above = start;
        start += usize::from(picture);
        let first = self.line(tail[start]);
        let divided = first.contains(['|', '·', '•']);
        // Seldom is it a card: its last line tells most often.
        let single = tail.len() - start == 1;
        if single && !divided || !single && tail[start..].iter().rev().any(|at| self.look(*at) == Look::Content) {
            return false;
        }
        let card = self.looks(&tail[start..]);
        let divided = divided && card[0] == Look::Contact;
        let known = || {
            let lower = lower(first);
            self.words.names.iter().any(|name| name.chars().count() >= 3 && lower.contains(name.as_str()))
        };
        let sure = if card.len() == 1 {
            divided && known()
        } else {
            !card.contains(&Look::Content)
                && card.contains(&Look::Contact)
                && ((card[0] == Look::Short && proper(first)) || (divided && known()))
        };
        if sure {
            for at in &tail[above..] {
                kinds[*at] = Kind::Signature;
            }
        }
        sure
    }
}

/// Every longer word begins with a capital, or the script has none: a title, a company.
fn titled(line: &str) -> bool {
    let mut longer = line.split_whitespace().filter(|word| word.chars().count() > 3);
    line.split_whitespace().count() <= 5 && longer.all(proper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::quote::{Context, split};

    fn check(sender: &str, text: &str, expected: &str) {
        let parts = split(&Body::plain(text), &Context { sender, ..Context::default() }, &Reading::shipped());
        assert_eq!(parts.text, expected, "signature: {:?}", parts.signature);
    }

    #[test]
    fn closings_with_what_follows() {
        check(
            "",
            "no clicks\n\nBest regards\nClaudia Brandt\nOrla Agency | Hafenstr. 12, 20457 Hamburg | Tel. +49 40 555 0137",
            "no clicks",
        );
        check(
            "",
            "Bonjour,\n\nrien\n\nCordialement,\nÉlodie Marchand\nLumière Cosmétiques\n01 55 50 18 26",
            "Bonjour,\n\nrien",
        );
        check("", "hola\n\nUn saludo,\nNuria Campos\nIberia Viajes S.L.\nTel. 91 555 01 33", "hola");
        check(
            "",
            "Hallo\n\nMit freundlichen Grüßen\nJonas Pfeil\nAcme GmbH\nHafenstr. 12\n20457 Hamburg\nHRB 12345",
            "Hallo",
        );
        check("", "x\n\nBest regards, Jonas", "x");
        check("", "x\n\nThanks and best regards,\nJonas", "x");
        check("", "お世話になります。\n\n以上、よろしくお願いいたします。\n田中", "お世話になります。");
    }

    #[test]
    fn cards_as_people_space_them() {
        check(
            "",
            "no clicks\n\nKind regards,\n\nJane Roe\n\nHR Administrator\n\n**Acme GmbH**\n\n07759129909",
            "no clicks",
        );
        check("", "no clicks\n\nRegards,\n\nJane Roe\nCEO @ Acme !", "no clicks");
        check(
            "",
            "no clicks\n[cid:a.png@01DA]\n\nRegards,\nJane Roe\n\n[cid:b.png@01DA]\nAcme Ltd | 1 Lane | London\n[cid:c.png@01DA]<https://f.example/x>  [cid:d.png@01DA]<https://l.example/x>",
            "no clicks\n[cid:a.png@01DA]",
        );
        check("", "no clicks\n\nRegards\n[cid:a] shows it", "no clicks\n\nRegards\n[cid:a] shows it");
        check("", "no clicks\n\nRegards\n77591299", "no clicks\n\nRegards\n77591299");
    }

    #[test]
    fn what_advertises_below_a_card_goes_with_it() {
        let card = "no clicks\n\nBest,\nJane Roe\nAcme HR | London\nT 020 5550 0163";
        check(
            "Jane Roe",
            &format!("{card}\n\n*** Meet us at the HR Breakfast, 19 June - seats going fast! ***"),
            "no clicks",
        );
        check("Jane Roe", &format!("{card}\n>> Season tickets 25/26 - last seats! <<"), "no clicks");
        check(
            "Sven Pahl",
            "no clicks\n\nSven Pahl\nTSV Bro 1907 e.V.\nAm Platz 3, 86899 Bro\n>> Season 25/26 <<",
            "no clicks",
        );
        check("Jane Roe", "no clicks\n\n*** please hurry ***", "no clicks\n\n*** please hurry ***");
        check(
            "Jane Roe",
            "no clicks\n\nMany thanks and happy Monday,\nJane\n\nJane Roe | Audience Officer\n\
             Acme Museum of Design, 12-16 High Lane, London E2 8QF\n020 5550 0143",
            "no clicks\n\nMany thanks and happy Monday,",
        );
    }

    #[test]
    fn thanks_do_not_swallow_what_follows() {
        check("", "Hi. I am fine.\n\nThanks,\nAlex", "Hi. I am fine.\n\nThanks,\nAlex");
        check(
            "",
            "Thanks\n\nOne more question: why is campaign 48213 off?",
            "Thanks\n\nOne more question: why is campaign 48213 off?",
        );
        check("", "please pause it\n\nRegards\nID 48213", "please pause it\n\nRegards\nID 48213");
        check("", "please pause it\n\nThanks\n48213", "please pause it\n\nThanks\n48213");
        check(
            "Sam Lee",
            "pause it\n\nRegards,\nSam\n+1 305 555 0166\n\nPS: campaign 48213 too, please.",
            "pause it\n\nPS: campaign 48213 too, please.",
        );
    }

    #[test]
    fn names_and_cards_without_closing() {
        check(
            "Nuria Campos <n@x.example>",
            "¿Me pueden mandar las estadísticas?\n\nNuria Campos\n91 555 01 33",
            "¿Me pueden mandar las estadísticas?",
        );
        check("", "the rate is 0.0%.\n\nGrace Adeyemi\nTel 617-555-0143", "the rate is 0.0%.");
        check("Claudia Brandt", "none tracked\n\nClaudia Brandt · Orla Agency · +49 40 555 0137", "none tracked");
        check("Sam Okafor", "That one is sorted.\n\nSam", "That one is sorted.\n\nSam");
        check("", "call me on 305-555-0166", "call me on 305-555-0166");
    }

    #[test]
    fn cards_below_a_rule_or_a_picture_and_greetings_from_a_place() {
        check("Jane Roe <jane@a.example>", "no clicks\n\n__________________\nJane Roe\nAcme GmbH", "no clicks");
        check("Jane Roe", "no clicks\n\n[image: photo]\nJane Roe\nCEO, Acme\nm: +49 170 1234567", "no clicks");
        check("", "keine Klicks\n\nHerzliche Grüße aus Hamburg\nJane Roe", "keine Klicks");
        check("", "Greetings from the page are wrong\nplease fix", "Greetings from the page are wrong\nplease fix");
        check(
            "",
            "no clicks\n\n__________________\nBlue Box\nGreen Box",
            "no clicks\n\n__________________\nBlue Box\nGreen Box",
        );
    }

    #[test]
    fn lines_of_programs_with_their_links() {
        for line in [
            "Odesláno z iPhonu",
            "iOS için Outlook'u edinin<https://aka.ms/o0ukef>",
            "Λήψη του Outlook για iOS<https://aka.ms/o0ukef>",
            "Αποκτήστε το Outlook για Android<https://aka.ms/ghei36>",
            "Android용 Outlook 다운로드하기<https://aka.ms/ghei36>",
            "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
            "Sent from TypeApp<http://www.typeapp.example/r?b=2621>",
            "Sent from my Wiko RIDGE FAB 4G",
            "Sent with [Proton Mail](https://proton.me/mail/home) secure email.",
        ] {
            check("", &format!("no clicks\n\n{line}"), "no clicks");
        }
    }

    #[test]
    fn what_greets_is_no_closing() {
        for text in [
            "Bom dia\n\nA campanha não funciona\n\nObrigada\nMaria",
            "Bom dia\n\nOrchard Box Gift Cards\n\nObrigada\nMaria",
            "God dag\nKampagnen virker ikke",
            "Greetings,\n\nOrchard Box shows the wrong banner\n\nThanks\nMaria",
            "감사합니다.\n\n캠페인 Orchard Box 가 작동하지 않습니다",
            "Гарного дня!\n\nКампанія не працює",
            "Maria\n\nthe banner is gone",
            "--\nthe banner is gone",
        ] {
            check("Maria Silva <maria@acme.example>", text, text);
        }
        check("Maria Silva", "Saludos\nMaria Silva\nAcme Reisen", "");
        check("Maria Silva", "Bom dia\n\nNão funciona\n\nCumprimentos\nMaria Silva", "Bom dia\n\nNão funciona");
    }

    #[test]
    fn capitals_of_turkish() {
        check("", "Banner yok.\n\nİyi çalışmalar,\nAyşe Yılmaz", "Banner yok.");
        check("", "Banner yok.\n\nSAYGILARIMLA\nAyşe Yılmaz", "Banner yok.");
    }

    #[test]
    fn what_stands_below_a_closing() {
        for added in ["PS: please also stop the gift cards", "P.S. it is urgent", "Campaign: Orchard Box Gift Cards"] {
            let text = format!("It does not load.\n\nBest regards\nJane Roe\n\n{added}");
            check("Jane Roe", &text, &format!("It does not load.\n\n{added}"));
        }
    }

    #[test]
    fn names_behind_a_dash() {
        check("", "no clicks\n\n-Jane", "no clicks");
        check("", "inga klick\n\n/Astrid", "inga klick");
        check("Jane Roe", "no clicks\n\n- Jane", "no clicks");
        check("", "no clicks\n\n-Jane Roe\nTel. +49 40 555 0137", "no clicks");
        for text in ["which ones?\n- Spring", "these:\n-Spring\n-Summer", "-48213", "the rest is\n-campaign"] {
            check("", text, text);
        }
        check("", "Hi\n---\nRoman", "Hi");
        check(
            "",
            "first\n---\nthe second thing is that it stopped.",
            "first\n---\nthe second thing is that it stopped.",
        );
        check("", "ok\n\nBest regards\nJane\n-- \nAcme GmbH", "ok");
        check("", "ok\n\nMed venlig hilsen / Kind regards\nMads", "ok");
        check("", "ok\n\nZ powazaniem\nJan", "ok");
    }

    #[test]
    fn one_sentence_is_no_notice() {
        for text in [
            "Company number on the invoice is wrong, please correct it.",
            "Steuernummer fehlt auf der Rechnung, bitte korrigieren.",
            "If you have received this email twice, sorry. The clicks of 48213 are gone.",
            "Disclaimer: I am no expert, but the clicks of 48213 look wrong.",
        ] {
            check("Jane", text, text);
        }
        check("Jane", "Virus-free. www.avast.com", "");
    }

    #[test]
    fn delimiters_mobiles_and_notices() {
        check("", "Hello\n\n-- \nxxx\nSent with Sparrow", "Hello");
        check("", "Hello\n\n-- \nThe Acme support team.\nWe make it work.", "Hello");
        check("", "Hello\n\nSent from my iPhone", "Hello");
        check("", "Hello\n\nVon meinem iPhone gesendet", "Hello");
        check("", "Hello\n\nEnvoyé de mon iPad", "Hello");
        check("", "Hello\n\nОтправлено с iPhone", "Hello");
        check("", "Hello\n\niPhoneから送信", "Hello");
        check("", "Hello\n\nSent from my desk, it is easier", "Hello\n\nSent from my desk, it is easier");
        check("", "CAUTION: This email originated from outside the organisation.\n\nno clicks", "no clicks");
        check(
            "",
            "no clicks\n\nThis email and any attachments are confidential and intended solely for the use of the\nindividual to whom they are addressed.",
            "no clicks",
        );
        check(
            "",
            "This message was never delivered to our list, why?",
            "This message was never delivered to our list, why?",
        );
        for text in [
            "This email message bounced for all our customers.\n\nPlease fix it.",
            "The information in this email campaign is wrong.\n\nPlease fix it.",
            "Please fix it.\n\nThis message arrived twice.",
            "Diese E-Mail wurde von unserer Kampagne an alle Kunden verschickt, obwohl sie seit gestern pausiert ist.\n\nBitte prüfen.",
            "Deze e-mail campagne werkt niet meer.\n\nJan",
            "本邮件是关于 Orchard Box 活动的投诉。\n\n请尽快处理。",
            "Registered office workers cannot open the form.\n\nPlease fix.",
            "Bonjour,\n\nEnvoyé par erreur à tous nos clients, merci d'annuler.",
            "Hallo,\n\nGesendet mit falschem Link, bitte stoppen.",
            "Hei,\n\nSendt med feil lenke, kan dere stoppe den?",
            "Sent from our outlook account the newsletter bounced, why?",
            "キャンペーンについて\n\nフォームから送信\nできません。",
            "Two problems:\n\n--\nthe banner is missing\nthe link is broken",
            "Two problems\n\n--\nthe banner is missing\nthe link is broken",
        ] {
            check("", text, text);
        }
        for line in [
            "Von meinem/meiner Galaxy gesendet",
            "Holen Sie sich Outlook für Android",
            "获取 Outlook for iOS",
            "Отправлено из мобильной Почты Mail.ru",
            "Skickat från min mobil",
            "iOS için Outlook'u edinin",
            "Diese E-Mail enthält vertrauliche Informationen.",
            "Denne e-post er fortrolig.\n\nTenk på miljøet",
        ] {
            check("", &format!("Hello\n\n{line}"), "Hello");
        }
        check("", "[EXTERNE] Attention : ce message provient de l'extérieur.\n\nplus rien", "plus rien");
        check(
            "",
            "the list:\n--\nCampaign 48213\n--\nCampaign 48214",
            "the list:\n--\nCampaign 48213\n--\nCampaign 48214",
        );
    }
}
