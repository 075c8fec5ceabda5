//! What a sentence says of the words of a name: that they run, are known, are thanked for, are a day, or are what somebody does.
//!
//! Reads the words around a mention only; whether that makes it one is for [`super::treated`] to say.

use super::fit::Fit;
use super::fold::{NO_WORD, Token};
use super::gap;
use super::hints::{Says, role};
use super::named::Finder;
use crate::request::evidence::Where;

/// Who does something.
const PRONOUNS: [&str; 13] = ["i", "we", "you", "they", "ich", "wir", "man", "on", "je", "nous", "vous", "uno", "yo"];
/// Before "campaign": that it is the one spoken of.
const THAT: [&str; 10] = ["that", "this", "diese", "dieser", "diesen", "cette", "esta", "esa", "essa", "questa"];
/// Words over which a campaign is spoken of again.
const RESUMED: usize = 25;
/// Who writes, or what he is and does where his language, or his hurry, leaves the pronoun out.
const WRITERS: [&str; 32] = [
    "i",
    "we",
    "ich",
    "wir",
    "je",
    "j",
    "nous",
    "on",
    "yo",
    "bin",
    "hab",
    "habe",
    "been",
    "estoy",
    "estamos",
    "estuve",
    "he",
    "hemos",
    "voy",
    "vamos",
    "fui",
    "fuimos",
    "tengo",
    "estou",
    "estive",
    "estivemos",
    "tenho",
    "temos",
    "vou",
    "fomos",
    "tive",
    "tivemos",
];
/// What somebody does who makes or sells what follows.
const MAKES: [&str; 32] = [
    "make",
    "bake",
    "sell",
    "offer",
    "serve",
    "teach",
    "brew",
    "grow",
    "hacemos",
    "horneamos",
    "vendemos",
    "ofrecemos",
    "damos",
    "servimos",
    "cultivamos",
    "fazemos",
    "oferecemos",
    "cozemos",
    "ensinamos",
    "faisons",
    "vendons",
    "proposons",
    "servons",
    "offrons",
    "hago",
    "vendo",
    "faco",
    "fais",
    "vends",
    "propose",
    "fait",
    "dou",
];
/// Words that stand before a noun in a language, and in names of others: "Fibre Pro".
const PREPOSITIONS: [(&str, &[&str]); 7] = [
    ("de", &["pro", "per", "via", "plus", "minus", "ab", "trotz", "statt", "samt"]),
    ("en", &["per", "via", "plus", "minus", "pro"]),
    ("fr", &["par", "pour", "sous", "entre", "vers", "via", "contre", "plus", "moins"]),
    ("es", &["por", "para", "entre", "sobre", "contra", "pro", "via", "mas"]),
    ("pt", &["por", "para", "pro", "pra", "pros", "entre", "sobre", "contra", "via", "mais"]),
    ("it", &["per", "pro", "tra", "fra", "contro", "via", "verso"]),
    ("nl", &["per", "via", "tegen", "plus"]),
];
/// Beginnings of what a customer has with the desk.
const CONTRACTS: [&str; 27] = [
    "contract",
    "subscription",
    "invoice",
    "account",
    "licence",
    "license",
    "domain",
    "agreement",
    "billing",
    "vertrag",
    "abonnement",
    "abo",
    "rechnung",
    "konto",
    "lizenz",
    "contrat",
    "facture",
    "compte",
    "suscripcion",
    "factura",
    "cuenta",
    "licencia",
    "assinatura",
    "fatura",
    "conta",
    "licenca",
    "abbonamento",
];
/// Before what takes place, or after it.
const BESIDES: [&str; 15] = [
    "after", "before", "during", "nach", "wahrend", "apres", "avant", "pendant", "despues", "antes", "tras", "durante",
    "depois", "dopo", "durant",
];
/// Says that something takes place.
const THERE_IS: [&str; 18] = [
    "is", "s", "have", "has", "ist", "war", "haben", "habe", "hat", "est", "avons", "ai", "es", "hay", "tenemos",
    "tengo", "tem", "temos",
];

impl Finder<'_, '_> {
    /// "since Black Friday": how many words are a day of the calendar, whatever campaign is called so.
    pub(super) fn in_time(&self, first: usize, matched: &[usize]) -> usize {
        let run = matched.iter().zip(first..).take_while(|(at, next)| **at == *next).count();
        // "en Talleres de Verano", "in der Gästebefragung Winter": the season of something else.
        let occasion = |at: usize| self.words.tokens[at].roles & role::OCCASION != 0;
        let function = |at: usize| self.words.tokens[at].roles & role::STOP != 0;
        let long = |token: &Token| self.zone.capital_nouns() && token.capital && token.end - token.start >= 8;
        // "en Sellos Vajilla Otoño": but its end is a season, and no day has so long a name.
        let long_name = || run >= 3 && (first..first + run).filter(|at| occasion(*at)).count() == 1;
        let else_ = || long(&self.words.tokens[first]) || (first..first + run).any(function) || long_name();
        let day = run > 0 && occasion(first + run - 1) && (occasion(first) || !else_());
        let said = |start: usize| self.words.phrases_at(start).any(|(says, end)| says == Says::Time && end == first);
        if day && (1..=3).filter_map(|back| first.checked_sub(back)).any(said) { run } else { 0 }
    }

    /// "On Friday there is Sommerkonzert": a clause that has a day says that there is what begins at this word.
    pub(super) fn takes_place(&self, first: usize) -> bool {
        const SENTENCE: usize = 14;
        let tokens = &self.words.tokens;
        let pronoun =
            |at: usize| tokens[at].roles & role::STOP != 0 && tokens[at].roles & (role::RELATION | role::OWN) == 0;
        let is = |at: usize| THERE_IS.contains(&self.words.word(at));
        let said =
            first > 1 && tokens[first].gap == gap::SPACE && (is(first - 1) || pronoun(first - 1) && is(first - 2));
        let starts = |at: &usize| *at == 0 || tokens[*at].gap & gap::CLAUSE != 0;
        let from = (first.saturating_sub(SENTENCE)..first).rev().find(starts).unwrap_or(first);
        said && !self.field()
            && tokens[from..first].iter().any(|token| token.roles & (role::OCCASION | role::MONTH) != 0)
    }

    /// "I am at the market until one": a sentence in which the writer tells of himself, and of nothing that is wrong, wanted or
    /// of a campaign.
    pub(super) fn told_of_writer(&self, first: usize, last: usize) -> bool {
        self.tells_of_writer(first, last, false)
    }

    /// `anywhere`: wherever in the sentence he speaks of himself.
    fn tells_of_writer(&self, first: usize, last: usize, anywhere: bool) -> bool {
        const SENTENCE: usize = 24;
        let tokens = &self.words.tokens;
        let begins = |at: &usize| tokens[*at].gap & (gap::CLAUSE | gap::COLON | gap::LINE) != 0;
        let from = (first.saturating_sub(SENTENCE)..=first).rev().find(|at| *at == 0 || begins(at)).unwrap_or(first);
        let end =
            (last + 1..tokens.len().min(last + SENTENCE)).find(begins).unwrap_or(tokens.len().min(last + SENTENCE));
        let around = || (from..first).chain(last + 1..end);
        let writer = |at: usize| WRITERS.contains(&self.words.word(at));
        let matter = |at: usize| {
            let roles = role::CAMPAIGN
                | role::CAMPAIGNS
                | role::ADVERT
                | role::LABEL
                | role::IDENTIFIER
                | role::DENY
                | role::PRODUCT;
            let said = |(says, _): (Says, usize)| {
                let wanted = matches!(says, Says::Asks | Says::Stops | Says::Orders);
                wanted || matches!(says, Says::Fails | Says::Trouble | Says::Wrong | Says::About | Says::Corrected)
            };
            let token = &tokens[at];
            token.roles & roles != 0
                || token.link
                || token.digits && token.end - token.start > 2
                || self.words.phrases_at(at).any(said)
        };
        // "We moved The Big Clean. It is 48213.", "Nous avons refait La Grande Fête. Identifiant de la campagne : 48213"
        let light = role::STOP | role::UP_TO_ID;
        let labels = |at: usize| tokens[at].roles & (role::IDENTIFIER | role::NUMBER | role::CAMPAIGN) != 0;
        let function = |at: &usize| {
            let roles = tokens[*at].roles;
            roles & light != 0 && (roles & role::RELATION == 0 || (end..*at).any(labels))
        };
        let id = end + (end..tokens.len().min(end + 6)).take_while(function).count();
        // "ID 48213."
        let labelled = |at: usize| tokens[at].roles & role::IDENTIFIER != 0;
        let alone = || id + 1 == tokens.len() || self.words.gap_after(id) & gap::CLAUSE != 0;
        let introduced = id >= end + 2 || id == end + 1 && labelled(end) && alone();
        let identified = introduced && tokens.get(id).is_some_and(|token| token.has_digit);
        let asked = self.words.gap_after(end - 1) & gap::QUERY != 0;
        // "Ab Montag gönne ich mir"
        let reach = if self.zone.capital_nouns() { 6 } else { 3 };
        let opens = if anywhere { around().any(writer) } else { (from..first.min(from + reach)).any(writer) };
        self.zone.place == Where::Text && opens && !asked && !identified && !around().any(matter)
    }

    /// "Wir haben ja eigentlich Heimvorteil, aber": a noun without an article that the writer has, and with which his clause ends.
    pub(super) fn had_by_writer(&self, first: usize, last: usize) -> bool {
        const HAVE: [&str; 6] = ["haben", "habe", "hab", "hatten", "hatte", "hams"];
        const BETWEEN: usize = 4;
        let tokens = &self.words.tokens;
        let ends = gap::CLAUSE | gap::COMMA | gap::LINE;
        if !self.zone.capital_nouns() || self.zone.place != Where::Text || first != last || self.quoted(first, last) {
            return false;
        }
        let closes = last + 1 == tokens.len() || self.words.gap_after(last) & ends != 0;
        let light = |at: &usize| {
            let token = &tokens[*at];
            !token.capital && !token.has_digit && token.roles & (role::OWN | role::INDEFINITE | role::RELATION) == 0
        };
        let joined = |at: &usize| tokens[*at + 1].gap == gap::SPACE;
        let mut before = (first.saturating_sub(BETWEEN)..first).rev().take_while(joined);
        let verb = before.find(|at| HAVE.contains(&self.words.word(*at)) || !light(at));
        let Some(verb) = verb.filter(|at| closes && HAVE.contains(&self.words.word(*at))) else { return false };
        let around = verb.saturating_sub(2)..tokens.len().min(verb + 2);
        around.into_iter().any(|at| WRITERS.contains(&self.words.word(at)) && at != verb)
    }

    /// "I got a free upgrade on the flight home. The figures of our campaign are wrong": what the writer tells of himself in
    /// everyday words where the mail speaks of "our campaign" elsewhere.
    pub(super) fn of_daily_life(&self, first: usize, last: usize) -> bool {
        let tokens = &self.words.tokens;
        let plain = self.zone.capital_nouns() || tokens[first..=last].iter().all(|token| !token.capital);
        let run = |at: usize| {
            let runs = |(says, _)| matches!(says, Says::Orders | Says::Stops | Says::Goes);
            self.words.phrases_at(at).any(runs)
        };
        plain
            && self.speaks_of_own()
            && !self.quoted(first, last)
            && !self.beside_campaign(first, last)
            && self.tells_of_writer(first, last, true)
            && !(first.saturating_sub(8)..tokens.len().min(last + 8)).any(run)
    }

    /// "our campaign"
    fn speaks_of_own(&self) -> bool {
        let tokens = &self.words.tokens;
        let mine = |at: usize| tokens[at].roles & role::MINE != 0;
        let own = |at: usize| mine(at - 1) || at > 1 && mine(at - 2) && tokens[at - 1].word == NO_WORD;
        // "unsere Anzeige"
        let advert = |at: usize| tokens[at].roles & role::ADVERT != 0 && mine(at - 1);
        (1..tokens.len()).any(|at| tokens[at].roles & role::CAMPAIGN != 0 && own(at) || advert(at))
    }

    /// "Happy birthday to your team": said to be polite, whatever campaign is called so.
    pub(super) fn courteous(&self, fit: &Fit) -> bool {
        let says = |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Courtesy && end > fit.last);
        (0..3).filter_map(|back| fit.first.checked_sub(back)).any(says)
    }

    /// "Please write to us in future", "à última hora": said every day in just these words.
    pub(super) fn everyday(&self, fit: &Fit) -> bool {
        let tokens = &self.words.tokens[fit.first..=fit.last];
        let plain = self.zone.capital_nouns() || tokens.iter().all(|token| !token.capital);
        let says = |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Idiom && end > fit.last);
        plain && (0..4).filter_map(|back| fit.first.checked_sub(back)).any(says)
    }

    /// "since the annual renewal of our contract": what is done to it, in words written as they always are, and no campaign.
    pub(super) fn of_contract(&self, fit: &Fit) -> bool {
        const BETWEEN: usize = 3;
        let tokens = &self.words.tokens;
        let plain = self.zone.capital_nouns() || tokens[fit.first..=fit.last].iter().all(|token| !token.capital);
        let joined = |at: &usize| tokens[*at].gap & !(gap::SPACE | gap::APOSTROPHE) == 0;
        let mut behind = (fit.last + 1..tokens.len().min(fit.last + 2 + BETWEEN)).take_while(joined);
        let of = |at: usize| tokens[at].roles & (role::OF | role::MINE) != 0;
        let light = |at: &usize| tokens[*at].roles & (role::OF | role::OWN | role::STOP | role::ARTICLE) != 0;
        let noun = behind.find(|at| !light(at));
        let contract = |at: usize| CONTRACTS.iter().any(|stem| self.words.word(at).starts_with(stem));
        plain && noun.is_some_and(|at| at > fit.last + 1 && (fit.last + 1..at).any(of) && contract(at))
    }

    /// "with Christmas coming up": a day or season of which it is said that it is near.
    pub(super) fn approaches(&self, fit: &Fit) -> bool {
        let tokens = &self.words.tokens;
        let season = tokens[fit.first..=fit.last].iter().all(|token| token.roles & (role::OCCASION | role::STOP) != 0);
        // "quand Noël approche", "Noël, qui approche", "si avvicina Natale"
        let near = |at: usize| self.words.phrases_at(at).any(|(says, _)| says == Says::Approaches);
        let helped = |at: usize| tokens.get(at).is_some_and(|token| token.roles & (role::STOP | role::FILL) != 0);
        let next = fit.last + 1;
        let ahead = |at: usize| {
            self.words
                .phrases_at(at)
                .any(|(says, end)| says == Says::Approaches && end <= fit.first && end + 1 >= fit.first)
        };
        season
            && (near(next)
                || helped(next) && (near(next + 1) || helped(next + 1) && near(next + 2))
                || (fit.first.saturating_sub(5)..fit.first).any(ahead))
    }

    /// "Our agency offers lead gen": what somebody does, no campaign.
    pub(super) fn offered(&self, fit: &Fit) -> bool {
        let tokens = &self.words.tokens;
        let Some(at) = fit.first.checked_sub(1).filter(|at| *at > 0) else { return false };
        let verb = tokens[at].roles & role::ADVERT != 0 && tokens[at].gap == gap::SPACE;
        verb && self.words.word(at).ends_with('s') && tokens[at - 1].roles & role::STOP == 0
    }

    /// "We work under one roof. The figures of our campaign are wrong": the mail speaks of "our campaign" elsewhere, and the words
    /// stand here as they would in any sentence.
    pub(super) fn speaks_of_another(&self, fit: &Fit) -> bool {
        !self.ordered(fit) && self.speaks_of_own()
    }

    /// "the spring gala", "for spring gala", "spring gala stopped": not beside "my campaign" in one sentence, nor thanked for.
    pub(super) fn spoken_of(&self, fit: &Fit) -> bool {
        let tokens = &self.words.tokens;
        let cut = |at: &usize| tokens[*at].gap & gap::CLAUSE != 0;
        let start = (0..=fit.first).rev().find(cut).unwrap_or(0);
        let end = (fit.last + 1..tokens.len()).find(cut).unwrap_or(tokens.len());
        let campaign = role::CAMPAIGN | role::CAMPAIGNS;
        let own = |at: usize| tokens[at].roles & campaign != 0 && tokens[at - 1].roles & role::OWN != 0;
        if (start + 1..end).any(own) {
            return false;
        }
        // "Vielen Dank für die Einladung zum Sommerfest"
        let passes = |at: usize| tokens[at].roles & (role::STOP | role::RELATION | role::OWN) != 0;
        let thanks = |at: usize| {
            let says =
                |(says, end): (Says, usize)| says == Says::Courtesy && end < fit.first && (end..fit.first).all(passes);
            self.words.phrases_at(at).any(says)
        };
        if (start..fit.first).any(thanks) {
            return false;
        }
        // "lead gen is our main business" says what it is.
        let copula = |at: usize| {
            let stop = |next: &Token| next.roles & role::STOP != 0 && next.roles & (role::RELATION | role::DENY) == 0;
            let article = |next: &Token| stop(next) && next.roles & (role::OWN | role::FILL) != 0;
            tokens[at].roles & role::FILL != 0 && tokens.get(at + 1).is_some_and(article)
        };
        // "soirées de malt devait partir"
        let modal = |at: usize| {
            let says = |(says, _)| says == Says::Modal;
            at < end && tokens[at].gap == gap::SPACE && self.words.phrases_at(at).any(says)
        };
        let runs = |at: usize| at < end && !copula(at) && self.says_it_runs(at);
        // "spring gala - where are the figures?", "can spring gala go out later?"
        let next = fit.last + 1;
        let headed = fit.first == start && self.words.gap_after(fit.last) & (gap::COLON | gap::HYPHEN) != 0;
        let asked = |(says, end): (Says, usize)| says == Says::Modal && end == fit.first;
        if headed || self.words.phrases_at(start).any(asked) {
            return true;
        }
        // "spring gala emails bounce", "please pause spring gala"
        let title = |at: usize| tokens[at].roles & (role::TITLE | role::PRODUCT) != 0;
        let opens = |at: usize| at == start || title(at - 1);
        if fit.first == start && next < end && tokens[next].gap == gap::SPACE && title(next)
            || fit.first > start && title(fit.first - 1) && opens(fit.first - 1)
        {
            return true;
        }
        // "we do cold calls"
        let pronoun =
            |at: usize| tokens[at].roles & (role::STOP | role::OWN | role::RELATION | role::FILL) == role::STOP;
        let related = fit.first > start
            && tokens[fit.first - 1].roles & role::RELATION != 0
            && (fit.first == start + 1 || self.words.word(fit.first - 1) != "do" || !pronoun(fit.first - 2));
        let helped = next < end && !copula(next) && tokens[next].roles & (role::STOP | role::FILL) != 0;
        related || self.known(fit) || runs(next) || modal(next) || helped && runs(next + 1)
    }

    /// "opening night texts bounce", "please pause opening night": not only spoken of as something known, but as something that runs
    /// or is to.
    pub(super) fn acts(&self, fit: &Fit) -> bool {
        let next = fit.last + 1;
        let headed = self.words.gap_after(fit.last) & (gap::COLON | gap::HYPHEN) != 0;
        let says = |at: usize| {
            let lone =
                |end: usize| end == at + 1 && self.words.tokens[at].roles & (role::IS | role::FILL | role::STOP) != 0;
            self.words.phrases_at(at).any(|(says, end)| match says {
                Says::Goes | Says::Well | Says::Fails => true,
                Says::Acts | Says::Modal => !lone(end),
                _ => false,
            })
        };
        let helped = self.words.tokens.get(next).is_some_and(|word| word.roles & (role::STOP | role::FILL) != 0);
        headed || self.has_report(fit) || self.ordered(fit) || says(next) || helped && says(next + 1)
    }

    /// "the library appeal", "our meal kit offer": spoken of as something known that is run like a campaign.
    pub(super) fn run_as(&self, fit: &Fit) -> bool {
        self.known(fit) && self.words.tokens[fit.last].roles & role::ADVERT != 0
    }

    /// "The downsizing seminar is off. Please close that campaign": spoken of as something known, and further on as a campaign.
    pub(super) fn resumed(&self, fit: &Fit) -> bool {
        let behind = fit.last + 2..self.words.tokens.len().min(fit.last + RESUMED);
        let campaign = |at: usize| {
            let token = &self.words.tokens[at];
            token.roles & role::CAMPAIGN != 0 && token.gap == gap::SPACE && THAT.contains(&self.words.word(at - 1))
        };
        self.known(fit) && behind.into_iter().any(campaign)
    }

    /// "the flu jab" for "Flu Jab Campaign": spoken of as something known, and the name has but a word for a campaign more.
    pub(super) fn called_campaign(&self, name: &[u32], fit: &Fit) -> bool {
        let campaign = |word: u32| self.hints.roles(self.names.text(word)) & role::CAMPAIGN != 0;
        let more = name.iter().enumerate().filter(|(k, _)| fit.missing & 1 << k != 0);
        self.known(fit) && self.spoken_of(fit) && more.map(|(_, word)| *word).all(campaign)
    }

    /// "the Gannet one": a word with a capital, spoken of as something known, that says which one; without it, "the gmat one isn't
    /// being shown", where no ID is stated, the word is no common one, and it says of that one that it runs or does not.
    pub(super) fn pointed_to(&self, fit: &Fit) -> bool {
        const NEAR: usize = 3;
        let tokens = &self.words.tokens;
        let one = fit.last + 1;
        let behind = tokens.get(one).filter(|next| next.gap == gap::SPACE);
        let pronoun = |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Pronoun && end == at + 1);
        let plain = role::COMMON | role::REGION | role::MONTH | role::OCCASION | role::TITLE;
        let runs = |at: usize| tokens[at].gap == gap::SPACE && self.says_it_runs(at);
        let lower = || {
            let near = one + 1..tokens.len().min(one + 1 + NEAR);
            !self.states_id && tokens[fit.first].roles & plain == 0 && near.into_iter().any(runs)
        };
        self.known(fit) && behind.is_some() && pronoun(one) && (tokens[fit.first].capital || lower())
    }

    /// "the", "our": spoken of as something known.
    pub(super) fn known(&self, fit: &Fit) -> bool {
        self.known_at(fit.first)
    }

    /// Likewise of what begins with this word.
    pub(super) fn known_at(&self, first: usize) -> bool {
        first.checked_sub(1).is_some_and(|before| self.words.tokens[before].roles & role::OWN != 0)
    }

    /// "Our Retargeting stopped": with a capital that its language gives no noun, spoken of as something known that runs or not.
    pub(super) fn acts_as_known(&self, fit: &Fit) -> bool {
        let next = fit.last + 1;
        let helped = self.words.tokens.get(next).is_some_and(|word| word.roles & (role::STOP | role::FILL) != 0);
        let runs = self.says_it_runs(next) || helped && self.says_it_runs(next + 1);
        self.known(fit) && !self.zone.capital_nouns() && runs
    }

    /// "stopped", "needs", "is fine": what is said here is said of something that runs, or does not.
    pub(super) fn says_it_runs(&self, at: usize) -> bool {
        let runs = |(says, _)| matches!(says, Says::Goes | Says::Well | Says::Fails | Says::Acts);
        self.words.phrases_at(at).any(runs)
    }

    /// "Members may bring a friend": what such a verb governs is done; in "Can Manga Monday start later?" it asks who does.
    pub(super) fn done(&self, fit: &Fit) -> bool {
        let tokens = &self.words.tokens;
        let lower = tokens[fit.first..=fit.last].iter().all(|token| !token.capital);
        let opens = |at: usize| at == 0 || tokens[at].gap & (gap::END | gap::PARAGRAPH | gap::LINE | gap::COMMA) != 0;
        let governs = |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Modal && end == fit.first);
        // "Can we refer a friend?"
        let asked = || {
            let pronoun = fit.first.checked_sub(1).filter(|at| *at > 0 && PRONOUNS.contains(&self.words.word(*at)));
            pronoun.is_some_and(|at| self.words.phrases_at(at - 1).any(|(says, end)| says == Says::Modal && end == at))
        };
        lower && ((1..=2).filter_map(|back| fit.first.checked_sub(back)).any(|at| governs(at) && !opens(at)) || asked())
    }

    /// "We bake sourdough bread", "depois das aulas de surf": what somebody makes or sells, or when something takes place, where no
    /// word has a capital and nothing is said of it that a campaign does.
    pub(super) fn of_trade(&self, fit: &Fit) -> bool {
        const LIGHT: usize = 3;
        let tokens = &self.words.tokens;
        let lower = tokens[fit.first..=fit.last].iter().all(|token| !token.capital);
        if !lower || fit.first == 0 || tokens[fit.first].gap != gap::SPACE {
            return false;
        }
        let makes = MAKES.contains(&self.words.word(fit.first - 1));
        let light =
            |at: &usize| tokens[*at].roles & (role::OWN | role::RELATION) != 0 && tokens[*at + 1].gap == gap::SPACE;
        let before = (fit.first.saturating_sub(LIGHT)..fit.first).rev().find(|at| !light(at));
        let besides =
            before.is_some_and(|at| BESIDES.contains(&self.words.word(at)) && tokens[at + 1].gap == gap::SPACE);
        (makes || besides) && !self.acts(fit)
    }

    /// "clicks pro Anzeige", "uma por pessoa": a word that in its language joins another to what follows, whatever name has it.
    pub(super) fn preposition(&self, at: usize) -> bool {
        let token = &self.words.tokens[at];
        let followed = self.words.tokens.get(at + 1).is_some_and(|next| next.gap == gap::SPACE);
        let here = |(language, words): &(&str, &[&str])| {
            self.zone.language == Some(*language) && words.contains(&self.words.word(at))
        };
        !token.capital && followed && PREPOSITIONS.iter().any(here)
    }

    /// "an ambassador programme": any such thing, where its language gives a name other letters.
    pub(super) fn any_such(&self, fit: &Fit) -> bool {
        let tokens = &self.words.tokens[fit.first..=fit.last];
        let plain = self.zone.capital_nouns() || tokens.iter().all(|token| !token.capital);
        // "um" is no article in German, and "a" is another one in Portuguese.
        let article = |at: usize| match self.words.word(at) {
            "um" => !self.zone.capital_nouns(),
            "a" => self.zone.language == Some("en"),
            _ => self.words.tokens[at].roles & role::INDEFINITE != 0,
        };
        // "eine kleine Auszeit": with an adjective, which alone has a small letter.
        let described = |at: usize| {
            let token = &self.words.tokens[at];
            let adjective = !token.capital && token.gap == gap::SPACE && token.roles & role::STOP == 0;
            self.zone.capital_nouns() && adjective && token.word == NO_WORD && at.checked_sub(1).is_some_and(article)
        };
        let before = fit.first.checked_sub(1).filter(|_| tokens[0].gap == gap::SPACE);
        plain && before.is_some_and(|at| article(at) || described(at))
    }

    /// "the blood drive report": spoken of as something known that has a report.
    pub(super) fn reported(&self, fit: &Fit) -> bool {
        self.known(fit) && self.has_report(fit)
    }

    /// "Please pause Freshers", "parad noches flamencas": said directly behind what a campaign is told to do.
    pub(super) fn ordered(&self, fit: &Fit) -> bool {
        let orders = |at: usize| self.words.phrases_at(at).any(|(says, end)| says == Says::Orders && end == fit.first);
        self.words.tokens[fit.first].gap == gap::SPACE && (fit.first.saturating_sub(4)..fit.first).any(orders)
    }

    /// "Freshers needs to be switched off": its clause goes on to say so.
    pub(super) fn to_be_stopped(&self, fit: &Fit) -> bool {
        const WITHIN: usize = 6;
        let tokens = &self.words.tokens;
        let joined = |at: &usize| tokens[*at].gap == gap::SPACE;
        let behind = (fit.last + 1..tokens.len().min(fit.last + WITHIN)).take_while(joined);
        let light = role::STOP | role::FILL | role::PHRASE;
        let says = |at: usize, what: Says| self.words.phrases_at(at).any(|(says, _)| says == what);
        let mut behind = behind.skip_while(|at| !says(*at, Says::Stops) && tokens[*at].roles & light != 0);
        self.says_it_runs(fit.last + 1) && behind.next().is_some_and(|at| says(at, Says::Stops))
    }

    /// "free trial list": what a campaign has stands directly behind.
    pub(super) fn has_report(&self, fit: &Fit) -> bool {
        let next = self.words.tokens.get(fit.last + 1).filter(|next| next.gap & !gap::SPACE == 0);
        next.is_some_and(|next| next.roles & (role::TITLE | role::PRODUCT) != 0)
    }
}
