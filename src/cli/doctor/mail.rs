//! What is elsewhere: mailboxes, the way out, and what DNS says of the desk's domain.

use std::time::Duration;

use super::Findings;
use crate::config::mailbox::{After, AnswerSince, Imap};
use crate::config::secret;
use crate::config::settings::Config;
use crate::delivery::trial;
use crate::desk::verify::Verifier;
use crate::intake::imap::look::{Closed, Look, Pass, look, pass};
use crate::store::Store;

/// How long one server may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Signs in to every mailbox and looks.
pub(super) async fn mailboxes(settings: &Config, store: Option<&Store>, findings: &mut Findings) {
    for imap in &settings.imap {
        let about = imap.source();
        let oauth = imap.oauth.iter().flat_map(|oauth| [&oauth.client_secret_file, &oauth.refresh_token_file]);
        if oauth.chain([&imap.password_file, &imap.proxy_secret_file]).any(|path| secret::is_elsewhere(path)) {
            let message = "a secret of its sign-in is a credential of the service manager";
            findings.think(&about, message, "only `run` can sign in");
            continue;
        }
        let slow = || Closed::Away(format!("no end in {} s", PATIENCE.as_secs()));
        let found = tokio::time::timeout(PATIENCE, pass(imap, &settings.egress, store)).await;
        let token = match found.unwrap_or_else(|_| Err(slow())) {
            Ok(Pass::Password) => None,
            Ok(Pass::Token(token, until)) => {
                let until = crate::cli::output::time(until);
                findings.ok(&about, format!("there is an access token; it is used until {until}"));
                Some(token)
            }
            Ok(Pass::Unredeemed) => {
                let message = "no access token is kept, and the refresh token may be good for one time only";
                findings.think(&about, message, "start `deskclerk run`, which redeems it, then look again");
                continue;
            }
            Err(Closed::Away(why)) => {
                findings.away(&about, why, "check oauth.token_url, proxy and the network");
                continue;
            }
            Err(Closed::Refused(why)) => {
                findings.wrong(&about, why, "check [imap.oauth] and what its files hold");
                continue;
            }
        };
        for (door, folder) in imap.doors() {
            let imap = Imap { mailbox: folder.to_owned(), ..imap.clone() };
            let looked = look(&imap, settings.bounds.size_bytes, token.as_deref());
            match tokio::time::timeout(PATIENCE, looked).await.unwrap_or_else(|_| Err(slow())) {
                Ok(seen) => mailbox(&imap, &seen, store, &door, findings).await,
                Err(Closed::Away(why)) => findings.away(&door, why, "check host, port, tls, proxy and the network"),
                Err(Closed::Refused(why)) => {
                    let remedy = "check user, password_file or oauth, and mailbox; see what the server's log says";
                    findings.wrong(&door, why, remedy);
                }
            }
        }
    }
}

async fn mailbox(imap: &Imap, seen: &Look, store: Option<&Store>, about: &str, findings: &mut Findings) {
    findings.ok(about, format!("signed in; {} mails in {}", seen.uids.len(), imap.mailbox));
    let changes = imap.after != After::Keep;
    if seen.read_only && changes {
        let message = "the mailbox is read-only: mails are stored, but not flagged, moved or deleted";
        findings.think(about, message, "give the user the rights, or write after = \"keep\"");
    }
    if imap.after == After::Delete && !seen.expunges {
        let message = "the server has no UIDPLUS: stored mails are marked as deleted and stay";
        findings.think(about, message, "write after = \"move\"");
    }
    if imap.after == After::Move && !seen.moves {
        findings.think(about, "the server has no MOVE: mails are copied and deleted", "nothing need be done");
    }
    if seen.target == Some(false) {
        findings.plan(about, format!("{} is not there yet and will be made", imap.move_to));
    }
    if !seen.idles {
        findings.plan(about, format!("the server cannot IDLE: looked at every {} s", imap.poll_secs));
    }
    let (mut known, mut cursor) = (0, None);
    if let Some(store) = store {
        for keys in seen.keys().chunks(4096) {
            known += store.keys_known(about, keys).await.map_or(0, |known| known.len());
        }
        cursor = store.cursor(about, &imap.mailbox).await.ok().flatten();
    }
    let new = seen.uids.len() - known;
    let answers = match (cursor, imap.answer_since) {
        (_, AnswerSince::All) => "all of them may be answered".to_owned(),
        (_, AnswerSince::Day(day)) => format!("those that came since {day} may be answered"),
        (None, AnswerSince::Now) => "none of them is answered: they are older than the first connect".to_owned(),
        (Some(cursor), AnswerSince::Now) => {
            let since = crate::cli::output::time(cursor.baseline_at);
            format!("those that came since {since} may be answered")
        }
    };
    match new {
        0 => findings.plan(about, "would read nothing: all of them are stored"),
        new => findings.plan(about, format!("would read {new} mails; {answers}")),
    }
}

/// Signs in to the server that mails go out by.
pub(super) async fn way_out(settings: &Config, findings: &mut Findings) {
    let about = "smtp";
    if secret::is_elsewhere(&settings.smtp.password_file) || secret::is_elsewhere(&settings.smtp.dkim_key_file) {
        findings.think(about, "its secrets are credentials of the service manager", "only `run` can sign in");
        return;
    }
    let knocked = tokio::time::timeout(PATIENCE, trial::knock(settings)).await;
    match knocked.unwrap_or_else(|_| Some(Err(format!("no end in {} s", PATIENCE.as_secs())))) {
        None if settings.smtp.folder.as_os_str().is_empty() => {
            findings.think(about, "smtp.host is empty: replies wait in the outbox", "name the server that sends mail");
        }
        None => {}
        Some(Ok(())) => findings.ok(about, format!("{}:{} lets us in", settings.smtp.host, settings.smtp.port)),
        // Servers say by their codes whether it may pass; what cannot be reached has none.
        Some(Err(why)) if why.contains("permanent error") => {
            findings.wrong(about, why, "check smtp.user and smtp.password_file");
        }
        Some(Err(why)) => findings.away(about, why, "check smtp.host, port, tls and the network"),
    }
}

/// SPF, DKIM and DMARC of the domain that replies come from, and whether mail to it can come in at all.
pub(super) async fn names(settings: &Config, findings: &mut Findings) {
    let about = "dns";
    let domain = settings.desk.address.rsplit('@').next().unwrap_or_default();
    let dns = match Verifier::asking(&settings.desk) {
        Ok(dns) => dns,
        Err(faults) => {
            let why: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return findings.wrong(about, why.join("; "), "name a DNS server in desk.resolver");
        }
    };
    match dns.mail_servers(domain).await {
        Err(why) => return findings.away(about, why, "without DNS no sender is proven and no server found"),
        Ok(servers) if servers.is_empty() => {
            let message = format!("{domain} has no MX record: answers to our mails would not come back");
            findings.think(about, message, "publish one, unless this domain is only of your own network");
        }
        Ok(servers) => findings.ok(about, format!("mail to {domain} goes to {}", servers.join(", "))),
    }
    match dns.texts(domain).await {
        Err(why) => findings.away("spf", why, "ask again later"),
        Ok(texts) => spf(domain, &texts, findings),
    }
    match dns.texts(&format!("_dmarc.{domain}")).await {
        Err(why) => findings.away("dmarc", why, "ask again later"),
        Ok(texts) => match texts.iter().find(|text| text.starts_with("v=DMARC1")) {
            Some(text) => findings.ok("dmarc", format!("{domain} says {text}")),
            None => {
                let message = format!("{domain} has no DMARC record: anybody can write in its name");
                findings.think("dmarc", message, "publish v=DMARC1; p=quarantine at _dmarc");
            }
        },
    }
    dkim(settings, domain, &dns, findings).await;
}

fn spf(domain: &str, texts: &[String], findings: &mut Findings) {
    let about = "spf";
    let records: Vec<&String> =
        texts.iter().filter(|text| *text == "v=spf1" || text.to_lowercase().starts_with("v=spf1 ")).collect();
    match records.as_slice() {
        [] => {
            let message = format!("{domain} has no SPF record: replies may be taken for spam");
            findings.think(about, message, "publish v=spf1 with your sending server, and -all");
        }
        [one] if one.split_whitespace().any(|term| term == "+all" || term == "all") => {
            findings.wrong(about, format!("{domain} lets the whole world send: {one}"), "end it with -all or ~all");
        }
        [one] => findings.ok(about, format!("{domain} says {one}")),
        many => {
            let message =
                format!("{domain} has {} SPF records: receivers take that for an error (RFC 7208)", many.len());
            findings.wrong(about, message, "make one of them");
        }
    }
}

/// Signs a mail as replies are signed, and verifies it by DNS as its receiver would.
async fn dkim(settings: &Config, domain: &str, dns: &Verifier, findings: &mut Findings) {
    let (about, selector) = ("dkim", &settings.smtp.dkim_selector);
    if settings.smtp.host.is_empty() {
        return;
    }
    if selector.is_empty() {
        let message = "mails go unsigned from here";
        return findings.think(about, message, "set smtp.dkim_selector, unless your MTA signs them");
    }
    let sample = match trial::sample(settings).await {
        Some(Ok(sample)) => sample,
        Some(Err(why)) => return findings.wrong(about, why, "see smtp.dkim_key_file"),
        None => return,
    };
    let proof = dns.verify(&sample).await;
    match proof.dkim.as_deref() {
        Some("pass") => {
            findings.ok(about, format!("receivers find our signature good ({selector}._domainkey.{domain})"))
        }
        Some("temperror") => findings.away(about, "DNS gave no answer for the public key", "ask again later"),
        _ => {
            let message = format!("receivers would find our signature bad: {selector}._domainkey.{domain}");
            findings.wrong(about, message, "publish there the public half of smtp.dkim_key_file");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Level;
    use super::*;

    fn check(texts: &[&str], expected: Level) {
        let mut findings = Findings::default();
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        spf("desk.example", &texts, &mut findings);
        assert_eq!(findings.0.last().unwrap().level, expected, "{texts:?}");
    }

    #[test]
    fn spf_records_are_judged() {
        check(&["v=spf1 mx -all", "google-site-verification=x"], Level::Ok);
        check(&["v=spf1 +all"], Level::Wrong);
        check(&["v=spf1 mx all"], Level::Wrong);
        check(&["v=spf1 mx -all", "v=spf1 -all"], Level::Wrong);
        check(&["v=spf10 mx"], Level::Think);
        check(&[], Level::Think);
    }
}
